"""Quadratic models: positive definite whatever they learn, and steps that make the best of a box."""

from math import inf

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from secant.core.model import MOST, PAIRS, Dense, Limited, begin, positive

FREE = np.full(3, -inf), np.full(3, inf)


def parabola(seed: int, n: int = 3):
    rng = np.random.default_rng(seed)
    half = rng.normal(size=(n, n))
    return half @ half.T + 0.1 * np.eye(n), rng.normal(size=n)


@pytest.mark.parametrize("kind", [Dense, Limited])
@pytest.mark.parametrize("seed", range(10))
def test_a_model_learns_a_parabola(kind, seed: int) -> None:
    matrix, x = parabola(seed)
    model = Dense(np.eye(3)) if kind is Dense else Limited(np.ones(3))
    for _ in range(40):
        d = model.step(matrix @ x, *FREE)
        length = -float(matrix @ x @ d) / float(d @ matrix @ d)  # the best there is along d
        model = model.updated(length * d, length * matrix @ d, 0.0)
        x = x + length * d
        if np.max(np.abs(x)) < 1e-9:
            break
    assert np.max(np.abs(x)) < 1e-6


@given(st.integers(0, 10_000), st.floats(1e-6, 1e6), st.booleans())
def test_whatever_it_learns_a_step_leads_downhill(seed: int, size: float, limited: bool) -> None:
    rng = np.random.default_rng(seed)
    model = Limited(np.exp(rng.normal(size=3))) if limited else Dense(np.diag(np.exp(rng.normal(size=3))))
    for _ in range(8):
        model = model.updated(rng.normal(size=3), size * rng.normal(size=3), 0.0)
        slope = rng.normal(size=3)
        if not limited:
            curves = np.linalg.eigvalsh(model.matrix)
            assert np.array_equal(model.matrix, model.matrix.T)
            assert curves[0] > -1e-14 * curves[-1]
            if curves[0] < 1e-12 * curves[-1]:
                return  # pairs that contradict each other so much leave nothing but rounding
        assert float(slope @ model.step(slope, *FREE)) < 0.0


def test_what_drowns_in_noise_is_not_learned() -> None:
    model = Dense(np.eye(3))
    assert model.updated(np.ones(3), 1e-9 * np.ones(3), noise=1.0) is model
    short = Limited(np.ones(3))
    assert short.updated(np.ones(3), np.ones(3), noise=10.0) is short
    assert model.updated(np.ones(3), np.full(3, np.nan), 0.0) is model
    assert model.updated(np.zeros(3), np.zeros(3), 0.0) is model


@pytest.mark.parametrize("seed", range(20))
def test_in_a_box_a_step_leads_downhill_and_stays(seed: int) -> None:
    matrix, slope = parabola(seed)
    rng = np.random.default_rng(seed)
    low, high = -rng.uniform(0, 1, 3), rng.uniform(0, 1, 3)
    low[0] = 0.0  # on a bound
    d = Dense(matrix).step(slope, low, high)
    assert np.all((d >= low) & (d <= high))
    assert float(slope @ d) <= 0.0
    held = Limited(matrix.diagonal()).step(slope, low, high)
    assert np.all((held >= low) & (held <= high))


def test_the_step_without_a_box_is_newtons() -> None:
    matrix, slope = parabola(3)
    assert Dense(matrix).step(slope, *FREE) == pytest.approx(-np.linalg.solve(matrix, slope))
    assert Limited(np.array([1.0, 2.0, 4.0])).step(slope, *FREE) == pytest.approx(-slope / [1.0, 2.0, 4.0])
    singular = Dense(np.zeros((3, 3))).step(slope, np.full(3, -1.0), np.full(3, 1.0))
    assert np.all(np.abs(singular) <= 1.0)


def test_a_variable_on_a_bound_with_f_falling_beyond_it_stays() -> None:
    d = Dense(np.eye(2)).step(np.array([1.0, 1.0]), np.array([0.0, -9.0]), np.array([9.0, 9.0]))
    assert d.tolist() == [0.0, -1.0]
    assert Limited(np.ones(2)).step(np.array([-1.0, 1.0]), np.full(2, -9.0), np.array([0.0, 9.0])).tolist() == [
        0.0,
        -1.0,
    ]


def test_the_form_and_the_memory() -> None:
    assert isinstance(begin(np.ones(MOST)), Dense)
    model = begin(np.ones(MOST + 1))
    rng = np.random.default_rng(0)
    for _ in range(PAIRS + 5):
        s = rng.normal(size=MOST + 1)
        model = model.updated(s, s, 0.0)
    assert len(model.pairs) == PAIRS


def test_first_curvatures_are_positive_and_no_step_of_them_goes_too_far() -> None:
    slope = np.array([1.0, -2.0, 0.0])
    found = positive(np.array([-4.0, 0.0, 0.0]), slope, np.array([0.0, 100.0, 0.0]))
    assert np.all(found > 0.0)
    assert found[0] == 4.0
    assert np.all(np.abs(slope / found) <= 10.0 * np.array([1.0, 100.0, 1.0]))
