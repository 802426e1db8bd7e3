"""One memory for the outputs of a line, one purse for all lines."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feeding import Batches, lines_at
from secant.core import operators, pool
from secant.core.line import opening
from secant.core.pool import Pool, begin, rounds
from secant.core.request import Request, run
from secant.core.verdicts import Verdict


def one(x):
    """Smooth entries, and a fast one, a kink at 1, a plateau."""
    return float(
        np.exp(np.sin(x)).sum() + math.sin(200.0 * x[0]) / 200.0 + abs(x[-1] - 1.0) + max(x[x.size // 2] - 50.0, 0.0)
    )


def several(x):
    w = np.array([1.0, 30.0, 1000.0])
    with np.errstate(all="ignore"):
        return np.array([*np.sin(w * x.sum()), one(x), np.sqrt(x - 1.1).sum(), float(np.floor(x).sum())])


def point(n):
    x = np.random.default_rng(n).uniform(1.2, 2.0, size=n)
    x[-1] = 1.0
    return x


@pytest.mark.parametrize("n", [1, 2, 9, 30])
@pytest.mark.parametrize("f", [one, several])
@pytest.mark.parametrize("most", [None, 1, 2, 7, 20, 31, 61, 100, 200, 400])
@pytest.mark.parametrize("lanes", [24, 10**9])
def test_no_point_is_paid_for_twice_and_no_budget_exceeded(monkeypatch, f, n, most, lanes) -> None:
    monkeypatch.setattr(pool, "LANES", lanes)
    asked, x = Batches(f), point(n)
    limit = 40 if most is None else min(40, most)
    found = run(operators.lines(x, lines_at(x, budget=limit), most=most), asked)
    assert asked.twice == 0
    assert most is None or asked.points <= most
    assert all(len(row) == n for row in found.slopes)
    for row in found.slopes:
        for slope in row:
            assert slope.error >= 0.0
            assert math.isfinite(slope.value) or slope.error == math.inf


@pytest.mark.parametrize("f", [one, several])
@pytest.mark.parametrize("n", [2, 30])
def test_a_budget_that_is_not_short_changes_nothing(f, n) -> None:
    x = point(n)
    free, held = Batches(f), Batches(f)
    expected = run(operators.lines(x, lines_at(x)), free)
    found = run(operators.lines(x, lines_at(x), most=10_000), held)
    assert repr(found) == repr(expected)  # slopes that are NaN are equal as texts
    assert sorted(free.asked) == sorted(held.asked)
    exact = run(operators.lines(x, lines_at(x), most=free.points), Batches(f))
    assert repr(exact) == repr(expected)


@pytest.mark.parametrize("n", [2, 9, 30])
def test_what_is_left_out_when_evaluations_are_short(n) -> None:
    x = np.random.default_rng(n).uniform(1.2, 2.0, size=n)
    truth = np.cos(x) * np.exp(np.sin(x))
    for most in range(1, 6 * n):
        found = run(
            operators.lines(x, lines_at(x, budget=min(40, most)), most=most),
            Batches(lambda x: float(np.exp(np.sin(x)).sum())),
        )
        row = found.slopes[0]
        known = np.isfinite(found.value)
        assert known.sum() == min(n, most - 1)
        said = "no evaluation was left" if most > 1 else "left nothing to go by"
        assert all(said in slope.note for slope in row if not math.isfinite(slope.value))
        assert np.all(np.abs(found.value - truth)[known] <= found.error[known])
        wide = np.isinf(found.error) | (found.error > np.abs(found.value))
        assert wide.sum() == max(0, n - max(0, most - 1 - n))
        assert all(slope.verdict is Verdict.UNRESOLVED for slope in row)
        assert most > 4 * n or all(slope.note for slope in row)


@pytest.mark.parametrize("budget", [3, 5, 9])
def test_what_is_left_goes_to_the_widest_bars(budget) -> None:
    """Entries 3 and 7 are hundred times as fast as the others: their bars are wide, and they have more to spend."""
    n = 12
    x = np.random.default_rng(1).uniform(1.0, 2.0, size=n)
    speed = np.ones(n)
    speed[[3, 7]] = 100.0
    asked = Batches(lambda x: float(np.sin(speed * x).sum()))
    run(operators.lines(x, lines_at(x), most=budget * n), asked)
    paid = np.bincount([lane for lane, t, _ in asked.asked if t], minlength=n)
    assert max(paid[3], paid[7]) == max(paid) > np.median(paid)
    assert paid[3] + paid[7] >= 2.0 * np.median(paid) + 4
    assert asked.points >= budget * n - 6


@pytest.mark.parametrize("most", [2, 3, 4])
def test_smooth_gradients_are_covered(most) -> None:
    """Random functions, with budgets of 2n + 1, 3n, 5n, 9n evaluations."""
    rng, held, total = np.random.default_rng(most), 0, 0
    for _ in range(25):
        n = int(rng.integers(2, 20))
        x, a, b, c = (
            rng.uniform(-2.0, 2.0, n),
            rng.uniform(0.2, 3.0, n),
            rng.uniform(0.5, 2.0, n),
            10.0 ** rng.uniform(-2, 2, n),
        )
        truth = c * (a * np.cos(a * x) * np.exp(np.sin(a * x)) - 2.0 * x / (b * b + x * x) ** 2)

        def f(x, a=a, b=b, c=c):
            return float((c * (np.exp(np.sin(a * x)) + 1.0 / (b * b + x * x))).sum())

        for budget in (2 * n + 1, 3 * n, 5 * n, 9 * n):
            asked = Batches(f)
            found = run(operators.lines(x, lines_at(x, budget=min(40, budget)), most=budget), asked)
            assert asked.points <= budget
            held += int(np.sum(np.abs(found.value - truth) <= found.error))
            total += n
    assert held >= 0.97 * total


def test_a_crease_off_the_axes_is_never_ok() -> None:
    for most in range(1, 80):
        for f in (
            lambda x: min(abs(x[0]), abs(x[1])) + x[0] + 2 * x[1],
            lambda x: min(abs(x[0]), abs(x[1])) - math.cos(x[0]),
        ):
            asked = Batches(f)
            found = run(operators.gradient(np.zeros(2), lines_at([0.0, 0.0], budget=min(most, 40)), most=most), asked)
            assert asked.points <= most
            assert {slope.verdict for slope in found.slopes[0]} & {Verdict.UNRESOLVED, Verdict.KINK}
        smooth = Batches(lambda x: math.sin(x[0]) * math.exp(x[1]))
        run(operators.gradient(np.ones(2), lines_at([1.0, 1.0], budget=min(most, 40)), most=most), smooth)
        assert smooth.points <= most


def test_a_memory_lasts_as_long_as_its_line_asks() -> None:
    x = np.array([1.0, 2.0, 3.0])
    asked = Batches(lambda x: [float(np.sin(x).sum()), float(np.sin(300.0 * x[1]))])
    problems = lines_at(x)
    ring = Pool(problems, 2.0**-53, math.inf, [[None] * 3 for _ in range(2)])
    steps = [opening(problem) for problem in problems]
    for index, found in enumerate(steps):
        reply = asked(Request(x, [index] * len(found), found))
        ring.known[index] = dict(zip(found, reply.values.tolist(), strict=True))
        begin(ring, index, found)
    core, reply, seen = rounds(x, ring, None, 0), None, []
    try:
        while True:
            request = core.send(reply)
            reply = asked(request)
            seen.append((set(ring.known), {track.line for track in ring.tracks}))
    except StopIteration:
        pass
    assert all(known == asking for known, asking in seen[1:])
    assert len(seen[-1][0]) == 1
    assert not ring.known
    assert not ring.tracks
    assert all(slope is not None for row in ring.slopes for slope in row)


@settings(max_examples=60)
@given(st.integers(2, 40), st.integers(1, 300), st.integers(1, 4), st.integers(0, 2**31))
def test_outputs_share_the_purse(n, most, outputs, seed) -> None:
    rng = np.random.default_rng(seed)
    x, w = rng.uniform(-2.0, 2.0, n), 10.0 ** rng.uniform(-1.0, 3.0, (outputs, n))
    asked = Batches(lambda x: np.sin(w * x).sum(axis=1) + np.abs(x[0]))
    found = run(operators.lines(x, lines_at(x, budget=min(40, most)), most=most), asked)
    assert asked.twice == 0
    assert asked.points <= most
    assert len(found.slopes) == outputs
    if most > n:
        assert all(math.isfinite(slope.value) for row in found.slopes for slope in row)


def test_blocks_share_the_purse(monkeypatch) -> None:
    monkeypatch.setattr(operators, "BLOCK", 8)
    x = np.random.default_rng(5).uniform(0.5, 2.0, size=30)
    for most in (1, 20, 31, 61, 100, 200, 500):
        asked = Batches(lambda x: float(np.exp(x).sum()))
        found = run(operators.lines(x, lines_at(x, budget=min(40, most)), most=most), asked)
        assert asked.points <= most
        assert np.isfinite(found.value).sum() >= min(30, most - 1) - 1
        if most >= 61:
            assert np.all(np.abs(found.value - np.exp(x)) <= found.error)
