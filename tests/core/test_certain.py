"""Making certain of a minimum: minima are let be, saddles are left, and a better model is taken."""

import numpy as np
import pytest
from tests.minimizing import asked, board

from secant.core.certain import AWAY, certain
from secant.core.differences import central, central_steps


def found_at(f, x, **parts):
    x = np.array(x, dtype=float)
    this = board(x.size, **parts)
    this.note(x, f(x))
    slopes = asked(central(this, x, f(x), central_steps(this, x, f(x), None, 1.0)), f)
    before = this.spent
    return asked(certain(this, x, f(x), slopes, 1e-9), f), this.spent - before


MINIMA = [
    (lambda x: float(x @ x), [0.0, 0.0]),
    (lambda x: float(1.0 + (x[0] - x[1]) ** 2 + 1e-3 * (x @ x)), [0.0, 0.0]),
    (lambda x: float(np.cosh(x - 2.0).sum()), [2.0, 2.0, 2.0]),
    (lambda x: 4.0, [1.0, 1.0]),
]
SADDLES = [
    (lambda x: float(x[0] ** 2 - x[1] ** 2), [0.0, 0.0]),
    (lambda x: float(x[0] * x[1]), [0.0, 0.0]),
    (lambda x: float(1.0 + x[0] ** 2 - x[1] ** 2 + x[1] ** 4), [0.0, 0.0]),
    (lambda x: float(x @ x - 3.0 * x[0] * x[1]), [0.0, 0.0]),
    (lambda x: float(-x @ x), [0.0]),
]


@pytest.mark.parametrize(("f", "x"), MINIMA)
def test_minima_are_let_be(f, x) -> None:
    onward, paid = found_at(f, x)
    assert onward is None
    assert paid == len(x) * (len(x) + 1) // 2


@pytest.mark.parametrize(("f", "x"), SADDLES)
def test_saddles_are_left_downhill(f, x) -> None:
    onward, _ = found_at(f, x)
    assert onward is not None
    assert onward.fun == f(onward.x) < f(np.array(x))
    assert np.max(np.abs(onward.x - x)) <= AWAY[0] + 1e-12


@pytest.mark.parametrize(("f", "x"), SADDLES[1:3])
def test_saddles_in_many_variables_are_left_by_chance(f, x) -> None:
    many = np.zeros(300)
    onward, paid = found_at(lambda p: f(p[:2]) + float(p[2:] @ p[2:]) * 0.01, many, most=30_100)
    assert paid < 700
    assert onward is None or onward.fun < f(np.zeros(2))


def test_newtons_matrix_goes_on_where_the_model_saw_too_little() -> None:
    """Where x was thought an end, and a valley across the axes leads on."""
    f = lambda x: float(1e4 * (x[0] - x[1]) ** 2 + (x[0] + x[1] - 1.0) ** 2)  # noqa: E731
    onward, _ = found_at(f, [0.2, 0.2])
    assert onward is not None
    d = onward.model.step(onward.slopes.value, np.full(2, -9.0), np.full(2, 9.0))
    assert onward.x + d == pytest.approx([0.5, 0.5], abs=1e-3)


def test_on_bounds_nothing_is_asked() -> None:
    onward, paid = found_at(lambda x: float(x.sum()), [0.0, 0.0], lower=0.0)
    assert (onward, paid) == (None, 0)
