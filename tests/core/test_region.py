"""The trust region finds minima through heavy noise, within the box and the budget, the same way each time."""

from __future__ import annotations

import numpy as np
import pytest

from secant.core.board import Board, SpentError
from secant.core.region import region
from secant.core.request import Reply, Request, run

NOISE = 1e-3
TURN = np.linalg.qr(np.random.default_rng(5).normal(size=(4, 4)))[0]
HESSIAN = TURN @ np.diag([1.0, 3.0, 10.0, 30.0]) @ TURN.T
LOWEST = np.array([1.0, -0.5, 0.25, 2.0])


def quadratic(x):
    return float((x - LOWEST) @ HESSIAN @ (x - LOWEST)) / 2


def unmeasured(x, fun):
    return False
    yield


def onward(x, fun, slope):
    return True


def descend(f, x, most=500, lower=-np.inf, upper=np.inf, level=NOISE, seed=0):
    """Return the board, every point asked for, and what was said."""
    n, rng, asked = x.size, np.random.default_rng(seed), []
    board = Board(np.full(n, lower), np.full(n, upper), None, np.full(n, 2.0**-53), most)
    board.absolute = level

    def evaluate(request: Request) -> Reply:
        asked.extend(request.base + t * request.directions[i] for t, i in zip(request.t, request.lane, strict=True))
        return Reply(np.array([[f(x) + level * rng.normal()] for x in asked[-len(request.t) :]]))

    try:
        said = run(region(board, x, f(x), unmeasured, onward), evaluate)
    except SpentError:
        said = "spent"
    return board, np.array(asked), said


@pytest.mark.parametrize("seed", range(5))
def test_a_minimum_is_found_to_the_noise(seed):
    board, asked, _ = descend(quadratic, np.zeros(4), seed=seed)
    assert quadratic(board.x) < 5 * NOISE
    # Among the points there are such as no single value could tell from their neighbors.
    assert min(map(quadratic, asked)) < 0.1 * NOISE


def test_a_curved_valley_is_followed_through_noise():
    def rosenbrock(x):
        return 100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2

    board, _, _ = descend(rosenbrock, np.array([-1.2, 1.0]), most=300)
    assert rosenbrock(board.x) < 0.05


def test_no_point_leaves_the_box_and_the_minimum_at_its_side_is_found():
    board, asked, _ = descend(quadratic, np.zeros(4), lower=-1.0, upper=0.5)
    assert np.all((asked >= -1.0) & (asked <= 0.5))
    best = min(quadratic(np.clip(LOWEST + s, -1.0, 0.5)) for s in np.random.default_rng(0).normal(size=(20000, 4)))
    assert quadratic(board.x) < best + 5 * NOISE


def test_the_box_may_have_no_inside():
    board, asked, _ = descend(lambda x: float(x @ x), np.zeros(2), most=60, lower=0.0, upper=0.0)
    assert np.all(asked == 0.0)
    assert board.spent <= 60


@pytest.mark.parametrize("most", [1, 5, 8, 9, 40])
def test_the_budget_is_kept(most):
    board, asked, said = descend(quadratic, np.zeros(4), most=most)
    assert said == "spent"
    assert board.spent == len(asked) == most


def test_it_ends_by_itself_where_noise_leaves_nothing():
    board, _, said = descend(quadratic, LOWEST + 0.01, most=5000)
    assert said is True
    assert board.spent < 1000


def test_the_same_values_lead_the_same_way():
    one, two = (descend(quadratic, np.zeros(4), seed=3)[1] for _ in range(2))
    assert np.array_equal(one, two)


def test_where_f_has_no_value_nobody_stays():
    def cut(x):
        return quadratic(x) if x[0] < 0.8 else np.nan

    board, _, _ = descend(cut, np.zeros(4))
    assert board.x[0] < 0.8
    assert np.isfinite(board.fun)
    assert board.fun < quadratic(np.zeros(4)) / 10


def test_values_that_are_all_alike_are_no_trouble():
    _, asked, said = descend(lambda x: 1.0, np.zeros(3), most=400, level=0.0)
    assert said in (True, "spent")
    assert np.all(np.isfinite(asked))


def test_a_move_of_the_values_or_their_units_changes_nothing():
    # By powers of two, so that nothing is rounded another way.
    _, one, _ = descend(quadratic, np.zeros(4), most=60)
    n, rng, asked = 4, np.random.default_rng(0), []
    board = Board(np.full(n, -np.inf), np.full(n, np.inf), None, np.full(n, 2.0**-53), 60)
    board.absolute = 1024 * NOISE

    def evaluate(request):
        asked.extend(request.directions)
        return Reply(np.array([[1024 * (quadratic(x) + NOISE * rng.normal())] for x in request.directions]))

    with pytest.raises(SpentError):
        run(region(board, np.zeros(4), 1024 * quadratic(np.zeros(4)), unmeasured, onward), evaluate)
    assert np.allclose(np.array(asked), one, rtol=1e-3, atol=1e-3)
