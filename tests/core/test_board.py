"""The board of a search: what points cost, the lowest of them, the level of noise, and the box."""

from math import inf, nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.minimizing import Points, asked, board

from secant.core.board import QUIET, SpentError, held
from secant.core.request import UNIT_ROUNDOFF


def single(x):
    return x.astype(np.float32).astype(np.float64)


@given(st.floats(-1e30, 1e30), st.sampled_from([1.0, -1.0]))
def test_a_bound_becomes_the_next_number_that_x_holds(bound: float, inward: float) -> None:
    found = held(np.array([bound]), inward, single, np.array([2.0**-24]), np.array([0.0]))[0]
    if found == 0.0 != bound:  # below the smallest number of all; the point inside stands in
        return
    assert np.float32(found) == found
    assert (found - bound) * inward >= 0.0
    back = float(np.nextafter(np.float32(found), np.float32(-inward * inf)))
    assert found == bound or (back - bound) * inward < 0.0


def test_what_is_paid_for_is_counted_and_no_more() -> None:
    this = board(2, most=5)
    f = Points(lambda x: float(x @ x))
    from secant.core.request import run

    assert run(this.ask(np.ones((3, 2))), f).tolist() == [2.0] * 3
    assert (this.spent, this.left) == (3, 2)
    with pytest.raises(SpentError):
        run(this.ask(np.array([[3.0, 0.0], [0.5, 0.0], [0.0, 0.0]])), f)
    assert len(f.seen) == this.spent == 5
    assert this.fun == 0.25  # the first two were still asked for
    with pytest.raises(SpentError):
        run(this.axes(np.zeros(2), np.array([0]), np.array([1.0])), f)


def test_the_lowest_point_is_kept_and_what_is_not_finite_is_never_it() -> None:
    this = board(1)
    values = {0.0: 3.0, 1.0: nan, 2.0: -inf, 3.0: 1.0, 4.0: inf}
    seen = asked(this.ask(np.array([[x] for x in values])), lambda x: values[float(x[0])])
    assert seen.tolist() == [3.0, inf, inf, 1.0, inf]
    assert (this.x.tolist(), this.fun, this.varied) == ([3.0], 1.0, True)
    asked(this.axes(np.array([3.0]), np.array([0]), np.array([0.5])), lambda x: 0.5)
    assert (this.x.tolist(), this.fun) == ([3.5], 0.5)


def test_points_that_were_asked_for_ahead_are_asked_for_once() -> None:
    this = board(2)
    f = Points(lambda x: float(x.sum()))
    from secant.core.request import run

    points = np.array([[1.0, 0.0], [0.0, 2.0]])
    run(this.ahead(points), f)
    assert run(this.ask(points[1:]), f).tolist() == [2.0]
    assert run(this.axes(np.zeros(2), np.array([0]), np.array([1.0])), f).tolist() == [1.0]
    assert len(f.seen) == this.spent == 2


def test_a_flat_function_is_not_varied() -> None:
    this = board(1)
    this.note(np.zeros(1), 3.0)
    asked(this.ask(np.ones((4, 1))), lambda x: 3.0)
    assert not this.varied
    asked(this.ask(np.ones((4, 1))), lambda x: nan)
    assert not this.varied


@pytest.mark.parametrize("points", [[[5.0, -5.0]], [[0.3, 0.2], [9.0, 0.0]]])
@pytest.mark.parametrize("rounded", [None, single])
def test_inside_is_inside_and_can_be_held(points, rounded) -> None:
    this = board(2, [-0.5, -1.0], [0.25, 1.0], rounded=rounded)
    found = this.inside(np.array(points))
    assert np.all((found >= this.lower) & (found <= this.upper))
    assert rounded is None or np.array_equal(found, rounded(found))
    assert np.array_equal(this.inside(found), found)
    assert np.array_equal(this.inside(found[0]), found[0])


# --- Levels -----------------------------------------------------------------------------------------------


def test_rounding_is_quiet() -> None:
    this = board(1)
    assert this.level(8.0) == 2.0 * UNIT_ROUNDOFF * 8.0
    assert this.quiet(8.0)
    assert this.level(inf) == 0.0
    assert not this.learn(1.0, 2.0 * UNIT_ROUNDOFF)  # no news


def test_a_level_measured_once_is_relative_and_twice_absolute_where_it_stays() -> None:
    this = board(1)
    assert this.learn(100.0, 1e-3)
    assert this.level(100.0) == pytest.approx(1e-3)
    assert this.level(1.0) == pytest.approx(1e-5)
    assert not this.quiet(1.0)
    assert this.learn(1.0, 1e-3)
    assert this.level(1.0) == pytest.approx(1e-3, rel=1e-6)
    assert this.level(100.0) == pytest.approx(1e-3, rel=1e-6)
    assert not this.learn(1.0, 2e-3)


def test_what_was_told_is_not_measured() -> None:
    this = board(1, absolute=1e-3, told=True)
    assert not this.learn(1.0, 1.0)
    assert this.level(5.0) == pytest.approx(1e-3)


def test_the_least_noise_that_is_none() -> None:
    assert board(1, relative=0.9 * QUIET * UNIT_ROUNDOFF).quiet(3.0)
    assert not board(1, relative=1.1 * QUIET * UNIT_ROUNDOFF).quiet(3.0)
