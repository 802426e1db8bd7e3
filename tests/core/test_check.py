"""The check fed by hand: what it asks for, what it makes of the answers, and what it costs."""

import numpy as np
import pytest

from secant.core.check import check
from secant.core.looks import Purse, Space, along, direction, scales
from secant.core.request import Reply, run
from secant.core.verdicts import CheckVerdict

AGREE, DISAGREE, CANNOT_TELL = CheckVerdict.AGREE, CheckVerdict.DISAGREE, CheckVerdict.CANNOT_TELL


def space(base: np.ndarray, below: float = np.inf, above: float = np.inf) -> Space:
    n = base.size
    eps = np.full(n, 2.0**-53)
    return Space(base, scales(base, []), eps, lambda i: None, np.full(n, below), np.full(n, above))


class Table:
    """An evaluator that counts, and checks that no point is outside of the bounds."""

    def __init__(self, f, low: float = -np.inf, high: float = np.inf) -> None:
        self.f, self.low, self.high, self.points = f, low, high, 0

    def __call__(self, request) -> Reply:
        rows = []
        for j, t in enumerate(request.t):
            lane = 0 if request.lane is None else int(request.lane[j])
            point = request.base.copy()
            if request.directions is None:
                point[lane] += t
            else:
                point += t * request.directions[lane]
            assert (point >= self.low).all()
            assert (point <= self.high).all()
            rows.append(np.atleast_1d(self.f(point)))
            self.points += 1
        return Reply(np.array(rows, dtype=float))


def checked(f, yours, x, **how):
    table = Table(f)
    x = np.asarray(x, dtype=float)
    yours = np.atleast_2d(np.asarray(yours, dtype=float))
    found = run(check(space(x), yours, 1e-15 * np.abs(yours), None, 1.0, how.get("budget", 400), 0), table)
    assert found.evaluations == table.points
    return found


def f(x: np.ndarray) -> float:
    return float(np.sum(np.sin(x) * x))


def g(x: np.ndarray) -> np.ndarray:
    return np.sin(x) + x * np.cos(x)


X = np.array([0.3, -1.2, 2.5, 0.9])


def test_a_right_claim_costs_two_directions() -> None:
    found = checked(f, g(X), X)
    assert found.verdict is AGREE
    assert found.evaluations <= 30
    assert found.entry < 1e-8


@pytest.mark.parametrize("size", [1e-3, 1e-4, 1e-5, 1e-6, 1e-7])
@pytest.mark.parametrize("i", range(4))
def test_a_small_mistake_in_one_entry_is_found_there(size, i) -> None:
    yours = g(X)
    yours[i] *= 1.0 + size
    found = checked(f, yours, X)
    assert found.verdict is DISAGREE
    assert found.wrong.tolist() == [i]
    assert found.evaluations <= 60


def test_what_is_promised_would_have_been_caught() -> None:
    """Mistakes of the size that "agree" excludes, and ten times as large, are not passed."""
    promised = checked(f, g(X), X).entry
    for i in range(4):
        for times in (1.01, 10.0):
            yours = g(X)
            yours[i] += times * promised * abs(yours[i])
            assert checked(f, yours, X).verdict is DISAGREE


@pytest.mark.parametrize("n", [10**3, 10**5])
def test_one_wrong_entry_of_many_is_found_for_few_evaluations(n) -> None:
    t = np.random.default_rng(0).normal(size=n)
    x = np.random.default_rng(1).normal(size=n)
    yours = t * np.cos(x * t)
    yours[n // 3] *= -1
    found = checked(lambda p: np.sum(np.sin(p * t)), yours, x)
    assert found.verdict is DISAGREE
    assert found.wrong.tolist() == [n // 3]
    assert found.evaluations <= 100


def test_a_few_wrong_entries_of_many_are_found() -> None:
    n = 5000
    t = np.random.default_rng(0).normal(size=n)
    x = np.random.default_rng(1).normal(size=n)
    yours = t * np.cos(x * t)
    wrong = [17, 2500, 4321]
    yours[wrong] += [0.5, -0.3, 1.0]
    found = checked(lambda p: np.sum(np.sin(p * t)), yours, x)
    assert found.wrong.tolist() == wrong
    assert found.evaluations <= 400


@pytest.mark.parametrize("budget", [16, 20, 30, 50, 100, 399])
def test_the_budget_is_kept(budget) -> None:
    n = 200
    t = np.random.default_rng(0).normal(size=n)
    yours = np.cos(t) + np.random.default_rng(1).normal(size=n)
    found = checked(lambda p: np.sum(np.sin(p)), yours, t, budget=budget)
    assert found.evaluations <= budget
    assert found.verdict is not AGREE


def test_rows_of_a_jacobian_share_the_evaluations() -> None:
    A = np.random.default_rng(2).normal(size=(5, 4))
    right = A * np.cos(X)
    found = checked(lambda p: A @ np.sin(p), right, X)
    assert found.verdict is AGREE
    assert found.evaluations <= 40
    wrong = right.copy()
    wrong[3, 2] *= 2
    found = checked(lambda p: A @ np.sin(p), wrong, X)
    assert found.wrong.tolist() == [3 * 4 + 2]


def test_bounds_are_kept() -> None:
    x = np.array([0.0, 1.0, 0.5])
    where = Space(x, scales(x, []), np.full(3, 2.0**-53), lambda i: None, x.copy(), 1.0 - x)
    yours = 2.0 * x[np.newaxis]
    found = run(check(where, yours, 0.0 * yours, None, 1.0, 400, 0), Table(lambda p: np.sum(p * p), 0.0, 1.0))
    assert found.verdict is AGREE


def test_directions_leave_no_entry_out() -> None:
    where = space(np.array([1e-8, 1.0, 1e8]))
    for seed in range(20):
        u = direction(where, np.arange(3), np.random.default_rng(seed)) / where.scale
        assert (np.abs(u) >= 0.5).all()
        assert (np.abs(u) <= 1.5).all()


def test_a_slope_that_is_not_resolved_is_looked_at_nearer_to_x() -> None:
    x = np.array([1.0, 1e-7, -1e-7])
    where = space(x)
    u = np.array([[0.1, 1.0, 1.0]])
    purse = Purse(400)
    table = Table(lambda p: np.abs(p[1]) + 2.0 * np.abs(p[2]) + p[0])
    looks = run(along(where, u, [3e-7 + 1.0], purse), table)
    assert abs(looks.low[0, 0] - (0.1 + 1.0 - 2.0)) <= 3.0 * looks.bar[0, 0] < 1e-3
    assert purse.spent == table.points
