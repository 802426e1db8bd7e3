"""Differences of a minimizer: their steps know noise and bounds, and their bars hold on what they are made for."""

from math import inf, nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.minimizing import asked, board

from secant.core.differences import MOST, central, central_steps, forward, forward_steps, moved, sizes

numbers = st.floats(-1e6, 1e6)


@given(st.lists(st.tuples(numbers, st.floats(0, 10), st.floats(0, 10), numbers), min_size=1, max_size=4))
def test_steps_end_inside_the_box(entries) -> None:
    x, below, above, t = np.array(entries).T
    lower, upper = np.minimum(x - below, x), np.maximum(x + above, x)
    taken = moved(board(x.size, lower, upper), x, t)
    assert np.all(x + taken >= lower)
    assert np.all(x + taken <= upper)
    inside = (x + t > lower) & (x + t < upper)
    assert np.allclose(taken[inside], t[inside], rtol=0, atol=2e-10 * np.max(np.abs(x) + 1))


@given(numbers, st.floats(1e-12, 1e12), st.sampled_from([0.0, 1e-9, 1e-3, 10.0]), st.sampled_from([-1.0, 0.0, 1.0]))
def test_forward_steps_lead_downhill_and_are_neither_tiny_nor_huge(x, bend, noise, slope) -> None:
    this = board(1, absolute=noise)
    point = np.array([x])
    h = forward_steps(this, point, 1.0, np.array([bend]), np.array([slope]))[0]
    assert abs(h) <= MOST * sizes(point)[0]
    assert x + h != x
    assert np.sign(h) == (-1.0 if slope > 0.0 else 1.0)


def test_forward_steps_balance_noise_and_curvature() -> None:
    h = forward_steps(board(1, absolute=1e-6), np.ones(1), 1.0, np.array([4.0]), np.ones(1))
    assert abs(h[0]) == pytest.approx(2.0 * np.sqrt(1e-6 / 4.0), rel=1e-6)


def test_on_a_bound_steps_lead_inward() -> None:
    this = board(2, [0.0, -9.0], [9.0, 0.0])
    h = forward_steps(this, np.zeros(2), 1.0, np.ones(2), np.array([1.0, -1.0]))
    assert h[0] > 0.0 > h[1]
    assert forward_steps(board(1, 0.0, 0.0), np.zeros(1), 1.0, np.ones(1), np.ones(1))[0] == 0.0


@pytest.mark.parametrize("noise", [0.0, 1e-8, 1e-3])
@pytest.mark.parametrize("seed", range(5))
def test_slopes_of_a_parabola(noise: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    bend, x = np.exp(rng.normal(size=4)), rng.normal(size=4)

    def f(p) -> float:
        return float(1.0 + 0.5 * bend @ p**2 + noise * rng.uniform(-1.0, 1.0))

    this = board(4, absolute=noise)
    ahead = asked(forward(this, x, f(x), bend, np.ones(4)), f)
    assert np.all(np.abs(ahead.value - bend * x) <= ahead.bar)
    both = asked(central(this, x, f(x), central_steps(this, x, f(x), bend, 1.0)), f)
    assert np.all(np.abs(both.value - bend * x) <= both.bar + 1e-9)
    if not noise:
        assert both.bend == pytest.approx(bend, rel=1e-2)
    assert this.spent == 12


def test_where_one_side_has_no_values_the_other_is_asked() -> None:
    def f(p) -> float:
        return 3.0 * p[0] if p[0] >= 1.0 else nan

    this = board(1)
    found = asked(forward(this, np.ones(1), 3.0, np.zeros(1), np.ones(1)), f)
    assert (found.value[0], this.spent) == (pytest.approx(3.0), 2)


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_from_one_side_slopes_are_of_the_second_order(side: float) -> None:
    # Beyond the minimum of the parabola a difference of the first order has the wrong sign.
    def f(p) -> float:
        return (p[0] - 0.99 * side) ** 2 if side * p[0] <= 1.0 else nan

    for this in (board(1), board(1, lower=-1.0, upper=1.0)):
        x = np.array([side])
        found = asked(central(this, x, f(x), np.array([0.1])), f)
        assert found.value[0] == pytest.approx(0.02 * side)
        assert found.bend[0] == pytest.approx(2.0)
        assert this.spent <= 3


def test_where_neither_side_has_values_the_slope_is_zero() -> None:
    nothing = asked(forward(board(1), np.ones(1), 3.0, np.ones(1), np.ones(1)), lambda p: inf)
    assert (nothing.value[0], nothing.bar[0]) == (0.0, 0.0)
    fixed = asked(central(board(2, 1.0, [1.0, 9.0]), np.ones(2), 2.0, np.full(2, 0.1)), lambda p: p.sum())
    assert fixed.value == pytest.approx([0.0, 1.0])
