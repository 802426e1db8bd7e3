"""The line search: it lowers f when that can be, stays in the box, forgives noise, and wastes nothing."""

from math import inf, nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.minimizing import Points, asked, board

from secant.core.stride import BEFORE, lowest, stride


def strides(f, x: float, d: float, fall: float, **parts):
    this = board(1, **parts)
    start = np.array([x])
    this.note(start, f(start))
    return this, asked(stride(this, start, f(start), np.array([d]), fall, np.ones(1), np.array([fall / d])), f)


@given(st.floats(0.05, 20.0))
def test_on_a_parabola_one_step_or_two_lead_nearly_to_the_minimum(length: float) -> None:
    """The minimum lies at 1, and the model's own step is ``length``."""
    this, found = strides(lambda x: float((x[0] - 1.0) ** 2), 0.0, length, -2.0 * length)
    assert found.fun < 1.0
    assert found.fun <= (1.0 / BEFORE - 1.0) ** 2 + 1e-12  # a length that is not too far from the best is taken
    assert found.fun == (found.x[0] - 1.0) ** 2
    assert found.x[0] == pytest.approx(found.length * length)
    assert this.spent <= 6


def test_a_straight_line_is_followed() -> None:
    this, found = strides(lambda x: -float(x[0]), 0.0, 1.0, -1.0)
    assert found.length > 1000.0
    assert this.spent <= 8


@pytest.mark.parametrize("width", [1, 4, 16])
@pytest.mark.parametrize("edge", [0.5, 1e-3])
def test_where_f_has_no_value_nobody_goes(edge: float, width: int) -> None:
    _, found = strides(lambda x: -float(x[0]) if x[0] < edge else nan, 0.0, 1.0, -1.0, width=width)
    assert 0.0 < found.x[0] < edge
    assert found.fun == -found.x[0]


@pytest.mark.parametrize("width", [1, 4, 16])
def test_uphill_there_is_no_step(width: int) -> None:
    _, found = strides(lambda x: float(x[0]), 0.0, 1.0, -1.0, width=width)
    assert (found.length, found.x[0], found.fun) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize("width", [1, 4, 16])
@given(st.floats(-3.0, 3.0), st.floats(0.0, 2.0), st.floats(0.01, 10.0))
def test_it_stays_in_the_box_and_never_raises_f(width: int, minimum: float, room: float, d: float) -> None:
    def f(x) -> float:
        assert -room <= x[0] <= room
        return float((x[0] - minimum) ** 2)

    way = d if minimum > 0 else -d
    _, found = strides(f, 0.0, way, -2.0 * abs(minimum) * d - 1e-9, lower=-room, upper=room, width=width)
    assert found.fun <= f(np.zeros(1)) + 1e-300
    assert found.fun == f(found.x)


def test_noise_is_forgiven_up_to_its_size() -> None:
    rise = lambda x: 1e-3 * float(x[0] > 0.0) - 1e-6 * float(x[0])  # noqa: E731
    assert strides(rise, 0.0, 1.0, -1e-6)[1].length == 0.0
    assert strides(rise, 0.0, 1.0, -1e-3, absolute=1e-3)[1].length > 0.0


def test_several_at_a_time_are_one_round_and_bring_their_slopes() -> None:
    rounds = []
    this = board(2, width=8)
    x, d = np.zeros(2), np.ones(2)
    f = Points(lambda x: float((x - 1.0) @ (x - 1.0)))
    core = stride(this, x, 2.0, d, -4.0, np.full(2, 2.0), np.full(2, -2.0))
    from secant.core.request import run

    def counted(request):
        rounds.append(len(request.t))
        return f(request)

    found = run(core, counted)
    assert len(rounds) == 1
    assert rounds[0] <= 8
    assert found.fun == 0.0
    assert found.slopes is not None
    assert found.slopes.value == pytest.approx([0.0, 0.0], abs=1e-7)


@given(st.floats(-10, 10), st.floats(-10, -0.1), st.floats(0.1, 5), st.floats(0.01, 10))
def test_the_lowest_point_of_a_parabola(fun: float, fall: float, length: float, bend: float) -> None:
    value = fun + fall * length + 0.5 * bend * length**2
    assert lowest(fun, fall, length, value) == pytest.approx(-fall / bend, rel=1e-6)
    assert lowest(fun, fall, length, fun + fall * length) == inf
