"""The benchmark of descent: its scores on traces written by hand, and what is on record of its problems."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from benchmarks.descent.base import Problem, box, minima, squares
from benchmarks.descent.peers import Answer
from benchmarks.descent.problems import DEVELOP, HELD_OUT, SETS
from benchmarks.descent.score import TAUS, one_run, score, solved
from benchmarks.descent.variants import VARIANTS, ExhaustedError, Recorder, wiggle

EVERY = SETS["all"]
BEALE = EVERY[0]
each_problem = pytest.mark.parametrize("problem", EVERY, ids=lambda problem: problem.name)
each_variant = pytest.mark.parametrize("variant", list(VARIANTS))


# --- the score -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "values, expected",
    [
        ([], [None, None, None, None]),
        ([10.0], [None, None, None, None]),
        ([10.0, 1.0], [2, None, None, None]),
        ([10.0, 0.0], [2, 2, 2, 2]),
        ([10.0, 20.0, 0.5, 5.0, 0.0099, 1e-4, 9e-7], [3, 5, 6, 7]),
        ([np.inf, 1.0001, 0.999], [3, None, None, None]),
    ],
)
def test_a_problem_is_solved_at_the_first_value_that_is_low_enough(
    values: list[float], expected: list[int | None]
) -> None:
    assert solved(values, 10.0, 0.0, TAUS) == expected


def walk(*points: Any, claimed: bool = False, end: int = -1) -> Any:
    """Return a solver that evaluates points and answers with one of them."""

    def solve(f: Recorder, x0: Any, bounds: Any, budget: int, seed: int) -> Answer:
        for point in points:
            f(np.array(point))
        return Answer(np.array(points[end]), claimed, "walked")

    return solve


def test_the_area_is_that_under_the_steps() -> None:
    # Beale: two variables, so 300 evaluations; the minimum at (3, 0.5) is reached by the third.
    run = one_run(walk((1.0, 1.0), (1.0, 1.0), (3.0, 0.5)), "smooth", BEALE, 0)
    assert run.budget == 300
    assert run.solved == (3, 3, 3, 3)
    assert run.area == pytest.approx(1.0 - 3 / 300)
    # The curve itself: the share solved within alpha simplex gradients, between 0 and 100.
    alphas = (np.arange(100_000) + 0.5) / 1000
    assert np.mean(alphas >= 3 / 3) == pytest.approx(run.area, abs=1e-4)


def test_what_is_never_solved_has_no_area() -> None:
    assert one_run(walk((1.0, 1.0)), "smooth", BEALE, 0).area == 0.0


@pytest.mark.parametrize(
    "end, claimed, silent", [(0, True, True), (0, False, False), (1, True, False), (2, True, False)]
)
def test_a_failure_is_silent_where_success_is_claimed(end: int, claimed: bool, silent: bool) -> None:
    # The last answer is no number: nobody takes that for success.
    points = ((1.0, 1.0), (3.0, 0.5), (np.nan, np.nan))
    assert one_run(walk(*points, claimed=claimed, end=end), "smooth", BEALE, 0).silent is silent


def endless(f: Recorder, x0: Any, bounds: Any, budget: int, seed: int) -> Answer:
    while True:
        f(x0)


def broken(f: Recorder, x0: Any, bounds: Any, budget: int, seed: int) -> Answer:
    f(x0)
    raise ZeroDivisionError("gone")


def test_who_does_not_stop_is_stopped_and_who_breaks_claims_nothing() -> None:
    assert one_run(endless, "smooth", BEALE, 0).evaluations == 300
    run = one_run(broken, "smooth", BEALE, 0)
    assert (run.evaluations, run.claimed, run.said) == (1, False, "ZeroDivisionError: gone")


def test_seeds_count_where_something_is_drawn() -> None:
    stay = walk((1.0, 1.0))
    assert len(score(stay, "smooth", [BEALE], range(3)).runs) == 1
    assert len(score(stay, "stochastic 1e-3", [BEALE], range(3)).runs) == 3
    assert score(stay, "nonsmooth", [one for one in EVERY if one.residuals is None]).runs == ()


# --- what a solver sees ----------------------------------------------------------------------------


@each_variant
def test_the_recorder_keeps_the_truth(variant: str) -> None:
    f = Recorder(BEALE, VARIANTS[variant])
    told = [f(BEALE.x0) for _ in range(200)]
    truth = BEALE.function(nonsmooth=variant == "nonsmooth")(BEALE.x0)
    assert set(f.values) == {truth}
    scale = {"stochastic 1e-6": 1e-6, "float32": 1e-6, "additive 1e-3": 1e-3 * 5 / truth}.get(variant, 1e-3)
    noisy = variant not in {"smooth", "nonsmooth", "bounds"}
    assert np.abs(np.array(told) - truth).max() <= (scale * truth if noisy else 0.0)
    assert (len(set(told)) > 100) is VARIANTS[variant].random


@each_variant
def test_the_same_seed_tells_the_same(variant: str) -> None:
    points = [BEALE.x0 + 0.01 * i for i in range(5)]
    told = [[f(x) for x in points] for f in (Recorder(BEALE, VARIANTS[variant], seed) for seed in (1, 1, 2))]
    assert told[0] == told[1]
    assert (told[0] != told[2]) is VARIANTS[variant].random


def test_nothing_is_told_beyond_the_budget() -> None:
    f = Recorder(BEALE, VARIANTS["smooth"])
    for _ in range(300):
        f(BEALE.x0)
    with pytest.raises(ExhaustedError, match="300"):
        f(BEALE.x0)
    assert len(f.values) == 300


def test_values_outside_of_the_box_do_not_count() -> None:
    f = Recorder(BEALE, VARIANTS["bounds"])
    assert f(np.array([3.0, 0.5])) == 0.0
    assert f.values == [np.inf]


def test_the_deterministic_noise_is_that_of_more_and_wild() -> None:
    rng = np.random.default_rng(0)
    found = np.array([wiggle(rng.normal(size=3)) for _ in range(2000)])
    assert -1.0 <= found.min() < -0.95
    assert 0.95 < found.max() <= 1.0


# --- the problems ----------------------------------------------------------------------------------


def test_sets_are_large_and_share_no_function() -> None:
    assert len(EVERY) >= 50
    assert len({problem.name for problem in EVERY}) == len(EVERY)
    functions = [{problem.residuals or problem.value for problem in some} for some in (DEVELOP, HELD_OUT)]
    assert functions[0].isdisjoint(functions[1])
    assert {problem.n for problem in EVERY} >= {2, 3, 4, 5, 6, 7, 8, 10, 12, 30}


@each_problem
def test_float32_is_float32_throughout(problem: Problem) -> None:
    assert problem.function(np.float32)(problem.x0.astype(np.float32)).dtype == np.float32


@each_problem
def test_minima_are_where_they_are_said_to_be(problem: Problem) -> None:
    forms = minima()[problem.name]
    assert set(forms) == {"smooth", "bounds"} | ({"nonsmooth"} if problem.residuals is not None else set())
    for form, lowest in forms.items():
        f = problem.function(nonsmooth=form == "nonsmooth")
        size = f(problem.x0) - lowest.value
        assert size > 0.0
        assert f(lowest.x) == pytest.approx(lowest.value, abs=1e-9 * size)
    low, high = box(problem, forms["smooth"])
    assert np.all(low < problem.x0)
    assert np.all(problem.x0 < high)
    inside = forms["bounds"].x
    assert np.all(low <= inside)
    assert np.all(inside <= high)
    assert forms["bounds"].value > forms["smooth"].value


@each_problem
def test_gradients_vanish_at_minima_and_point_outward_at_bounds(problem: Problem) -> None:
    forms = minima()[problem.name]
    size = problem.function()(problem.x0) - forms["smooth"].value
    x = forms["smooth"].x
    assert np.all(np.abs(problem.gradient(x)) * np.maximum(np.abs(x), 1e-3) <= 1e-7 * size)
    x, (low, high) = forms["bounds"].x, box(problem, forms["smooth"])
    size = problem.function()(problem.x0) - forms["bounds"].value
    # By how much a step of steepest descent of the box's length could still lower f, to first order.
    slope = problem.gradient(x)
    gain = np.where(slope > 0.0, slope * (x - low), slope * (x - high))
    assert np.all(gain <= 1e-5 * size)


@pytest.mark.parametrize(
    "name, certified",
    [
        ("Misra1a", 1.2455138894e-01),
        ("BoxBOD", 1.1680088766e03),
        ("DanWood", 4.3173084083e-03),
        ("Thurber", 5.6427082397e03),
        ("Rat42", 8.0565229338),
        ("Rat43", 8.7864049080e03),
    ],
)
def test_fits_end_where_nist_says(name: str, certified: float) -> None:
    assert minima()[name]["smooth"].value == pytest.approx(certified, rel=1e-9)


def test_far_starts_say_so() -> None:
    far = squares("line", lambda x: x, [1.0, 2.0], far=10.0)
    assert far.name == "line, 10 times as far"
    assert far.x0.tolist() == [10.0, 20.0]
