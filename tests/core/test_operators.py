"""Operators: many lines in one batch a round, the same answers as one line alone."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feeding import Batches, lines_at
from secant.core import operators, pool
from secant.core.ladder import Line
from secant.core.request import run
from secant.core.verdicts import Verdict


def mixed(x):
    """Entries of every kind: smooth ones, a kink at 1, a fast one, a plateau, a straight one."""
    return float(
        np.sin(x[::5]).sum()
        + np.abs(x[1::5] - 1.0).sum()
        + np.sin(300.0 * x[2::5]).sum() / 300.0
        + np.maximum(x[3::5] - 50.0, 0.0).sum()
        + (np.arange(x[4::5].size) * x[4::5]).sum()
    )


@pytest.mark.parametrize("n", [24, 57, 200])
@pytest.mark.parametrize(
    "how",
    [{}, {"rtol": 1e-8}, {"budget": 11}, {"max_step": 1e-3}, {"noise": 1e-9}, {"noise": 1e-2}, {"pairs": 5}],
)
def test_lanes_give_the_answers_of_one_line_alone(monkeypatch, n, how) -> None:
    rng = np.random.default_rng(n)
    x = rng.uniform(0.5, 2.0, size=n)
    x[1::10] = 1.0
    together = Batches(mixed)
    monkeypatch.setattr(pool, "LANES", 24)
    found = run(operators.lines(x, lines_at(x, **how)), together)
    alone = Batches(mixed)
    monkeypatch.setattr(pool, "LANES", 10**9)
    expected = run(operators.lines(x, lines_at(x, **how)), alone)
    assert found.slopes == expected.slopes
    assert together.points == alone.points


def broken(x):
    """Entries with ends, jumps, endless slopes, noise and tiny values among smooth ones."""
    with np.errstate(all="ignore"):
        return float(
            np.exp(x[::6]).sum()
            + np.where(x[1::6] >= 1.0, x[1::6] ** 3, np.nan).sum()
            + np.floor(x[2::6]).sum()
            + np.cbrt(x[3::6] - 1.0).sum()
            + (1e-7 * np.sin(1e9 * x[4::6]) + x[4::6] ** 2).sum()
            + 1e-200 * x[5::6].sum()
        )


@pytest.mark.parametrize("how", [{}, {"rtol": 1e-8}, {"budget": 11}, {"above": 1e-3}, {"below": 0.0}, {"noise": 1e-6}])
def test_lanes_give_the_answers_of_one_line_alone_where_f_is_broken(monkeypatch, how) -> None:
    x = np.random.default_rng(7).uniform(1.2, 1.8, size=36)
    x[[1, 7, 3, 9]] = 1.0
    x[[2, 8]] = 2.0
    together, alone = Batches(broken), Batches(broken)
    monkeypatch.setattr(pool, "LANES", 24)
    found = run(operators.lines(x, lines_at(x, **how)), together)
    monkeypatch.setattr(pool, "LANES", 10**9)
    expected = run(operators.lines(x, lines_at(x, **how)), alone)
    # Slopes that are NaN are equal as texts.
    assert repr(found.slopes) == repr(expected.slopes)
    assert together.points == alone.points
    if not how:
        seen = {slope.verdict for slope in found.slopes[0]}
        assert seen >= {Verdict.OK, Verdict.AT_BOUND, Verdict.JUMP, Verdict.UNDEFINED}


@pytest.mark.parametrize("budget", [1, 2, 3, 5, 6, 7, 8, 13, 20, 39])
@pytest.mark.parametrize("f", [mixed, broken], ids=["mixed", "broken"])
def test_no_lane_exceeds_its_budget(f, budget) -> None:
    x = np.random.default_rng(budget).uniform(1.1, 1.9, size=30)
    batches = Batches(f)
    found = run(operators.lines(x, lines_at(x, budget=budget)), batches)
    assert all(slope.evaluations <= budget for slope in found.slopes[0])
    assert batches.points <= 1 + (budget - 1) * x.size


def test_several_outputs_share_their_evaluations(monkeypatch) -> None:
    rng = np.random.default_rng(3)
    x = rng.uniform(0.5, 2.0, size=15)

    def f(x):
        return np.array([np.sin(x).sum(), (x**3).sum(), np.abs(x - 1.0).sum()])

    together = Batches(f)
    found = run(operators.lines(x, lines_at(x)), together)
    monkeypatch.setattr(pool, "LANES", 10**9)
    alone = Batches(f)
    assert found.slopes == run(operators.lines(x, lines_at(x)), alone).slopes
    assert alone.twice == 0
    separate = sum(_points(lambda x, i=i: f(x)[i], x) for i in range(3))
    assert together.points < separate


@pytest.mark.parametrize("n", [8, 40])
def test_no_point_is_asked_for_twice(n) -> None:
    x = np.random.default_rng(3).uniform(0.5, 2.0, size=n)
    batches = Batches(lambda x: np.array([np.sin(x).sum(), (x**3).sum(), np.abs(x - 1.0).sum()]))
    run(operators.lines(x, lines_at(x)), batches)
    assert batches.twice == 0


def _points(f, x):
    batches = Batches(f)
    run(operators.lines(x, lines_at(x)), batches)
    return batches.points


def test_blocks_of_lines_are_as_good_as_one(monkeypatch) -> None:
    x = np.random.default_rng(5).normal(size=90)
    whole = run(operators.lines(x, lines_at(x)), Batches(lambda x: float((x**4).sum())))
    monkeypatch.setattr(operators, "BLOCK", 32)
    batches = Batches(lambda x: float((x**4).sum()))
    assert run(operators.lines(x, lines_at(x)), batches).slopes == whole.slopes


def test_a_gradient_is_a_few_batches() -> None:
    x = np.random.default_rng(1).normal(size=1000)
    batches = Batches(lambda x: float(np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)))
    found = run(operators.lines(x, lines_at(x, pairs=5)), batches)
    truth = np.zeros_like(x)
    truth[:-1] += -400 * x[:-1] * (x[1:] - x[:-1] ** 2) - 2 * (1 - x[:-1])
    truth[1:] += 200 * (x[1:] - x[:-1] ** 2)
    assert batches.rounds <= 8
    assert batches.points <= 10.5 * x.size
    assert np.mean(np.abs(found.value - truth) <= found.error) >= 0.97


@pytest.mark.parametrize("f", [mixed, broken], ids=["mixed", "broken"])
def test_one_batch_a_round(monkeypatch, f) -> None:
    """A gradient takes as many rounds as its longest line, and no more points than its lines (f at x counted once)."""
    x = np.random.default_rng(11).uniform(1.1, 1.9, size=30)
    x[[1, 3, 9, 11]] = 1.0
    longest = points = 0
    for index in range(x.size):
        alone = Batches(lambda t, index=index: f(np.concatenate([x[:index], t, x[index + 1 :]])))
        run(operators.lines(x[index : index + 1], lines_at(x[index : index + 1])), alone)
        longest, points = max(longest, alone.rounds), points + alone.points - 1
    for lanes in (24, 10**9):
        monkeypatch.setattr(pool, "LANES", lanes)
        together = Batches(f)
        run(operators.lines(x, lines_at(x)), together)
        assert together.rounds == longest
        assert together.points <= points + 1


def test_what_is_known_is_not_asked_again() -> None:
    x = np.array([1.0, 2.0])
    batches = Batches(lambda x: float(x @ x))
    known = run(operators.lines(x, lines_at(x), fun=[5.0]), batches)
    full = Batches(lambda x: float(x @ x))
    assert known.slopes == run(operators.lines(x, lines_at(x)), full).slopes
    assert batches.points == full.points - 1


@pytest.mark.parametrize(
    ("f", "creased"),
    [
        (lambda x: min(abs(x[0]), abs(x[1])) + x[0] + 2 * x[1], True),
        (lambda x: min(abs(x[0]), abs(x[1])) - math.cos(x[0]), True),
        (lambda x: x[0] ** 2 + x[1] ** 2, False),
        (lambda x: math.sin(x[0]) * math.exp(x[1]) + x[0] * x[1], False),
        (lambda x: x[0] * x[1], False),
        (lambda x: 3.0 * x[0] - x[1], False),
    ],
)
def test_creases_off_the_axes(f, creased) -> None:
    found = run(operators.gradient(np.zeros(2), lines_at([0.0, 0.0])), Batches(f))
    assert [slope.verdict is Verdict.KINK for slope in found.slopes[0]] == [creased, creased]


@given(st.lists(st.floats(-10, 10), min_size=1, max_size=4), st.integers(0, 2**31))
def test_lines_along_directions_agree_with_the_gradient(x, seed) -> None:
    base = np.array(x)
    v = np.random.default_rng(seed).normal(size=base.size)

    def f(x):
        return float(np.sin(x).sum() + x[0] * x[-1])

    slopes = run(operators.lines(base, lines_at(base)), Batches(f))
    size = float(np.max(np.abs(base) / np.abs(v)))
    along = run(operators.lines(base, [Line(0.0, max(size, 0.1), argument=size)], v[None]), Batches(f))
    gap = abs(along.value[0] - slopes.value @ v)
    assert gap <= 3.0 * (along.error[0] + slopes.error @ np.abs(v)) + 1e-12
