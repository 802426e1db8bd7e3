"""The second look over a length: ripples become noise, and what is smooth over the length stays as it is."""

import math
import random

import numpy as np
import pytest

from core.test_line import slope_of
from feeding import Batches
from secant.core import operators
from secant.core.coarse import coarse, compared
from secant.core.ladder import Line
from secant.core.request import run
from secant.core.results import Slope
from secant.core.verdicts import Verdict

SMOOTH = [
    (math.sin, math.cos),
    (math.exp, math.exp),
    (lambda x: x**3, lambda x: 3.0 * x * x),
    (lambda x: 1.0 / (1.0 + x * x), lambda x: -2.0 * x / (1.0 + x * x) ** 2),
    (lambda x: x, lambda _: 1.0),
]


def look(f, x, length, budget=40, **how):
    """Return the slope at x, and what a second look makes of it."""
    fine = slope_of(f, x, **how)
    core = coarse(Line(x, abs(x), budget=budget, **how), 2.0**-53, length, fine, {0.0: f(x)})

    def value(t: float) -> float:
        try:
            return float(f(x + t))
        except (ArithmeticError, ValueError):
            return math.nan

    asked: list[float] = []
    try:
        steps = next(core)
        while True:
            asked += steps
            steps = core.send([value(t) for t in steps])
    except StopIteration as stop:
        return fine, stop.value, asked


def test_ripples_are_noise_over_the_length_and_smooth_functions_keep_their_slope() -> None:
    rng = random.Random(5)
    off, cheap, bent = [], 0, 0
    for _ in range(400):
        f, slope = rng.choice(SMOOTH)
        x, length = rng.uniform(-2.0, 2.0), 10.0 ** rng.uniform(-1.0, 0.3)
        size, w, phase = 10.0 ** rng.uniform(-5.0, -2.0), 10.0 ** rng.uniform(1.5, 4.0) / length, rng.uniform(0.0, 6.28)
        smooth, again, asked = look(f, x, length)
        assert again.evaluations == smooth.evaluations + len(asked)
        if again.value == smooth.value:
            assert (again.error, again.verdict) == (smooth.error, Verdict.OK)
            assert "agrees with this one" in again.note
            cheap += len(asked) == 8
        else:  # the length was longer than f is smooth
            assert again.verdict is Verdict.NOISY
            bent += 1
        fine, found, asked = look(lambda t: f(t) + size * math.sin(w * t + phase), x, length)  # noqa: B023
        assert found.evaluations == fine.evaluations + len(asked)
        if "ripple" in found.note:
            assert found.verdict is Verdict.NOISY
            off.append(abs(found.value - slope(x)) / found.error)
        else:
            bar = float(found.note.rpartition("to ")[2])
            assert abs(found.value - slope(x)) <= bar
    assert bent <= 4
    assert cheap >= 300
    assert len(off) >= 250
    assert sum(share > 1.0 for share in off) <= 0.04 * len(off)
    assert max(off) < 10.0


@pytest.mark.parametrize("x", [0.0, 1.0])
def test_what_has_no_slope_is_left_alone(x) -> None:
    fine, found, asked = look(lambda t: abs(t - x), x, 0.5)
    assert found is not None
    assert found == fine
    assert not asked
    assert fine.verdict is Verdict.KINK


def test_a_length_that_leads_out_of_the_domain_is_halved_and_said_to_be_too_long() -> None:
    _, found, asked = look(math.sqrt, 1.0, 3.0)
    assert max(map(abs, asked)) > 1.0
    assert "agrees" in found.note
    fine, found, asked = look(math.sqrt, 1e-3, 3.0)
    assert found.value == fine.value
    assert found.note == "there was no way to look over 3 as well"
    assert found.evaluations == fine.evaluations + len(asked)


def test_bounds_and_budgets_hold() -> None:
    _, _, asked = look(math.sin, 1.0, 3.0, below=0.25, above=0.5)
    assert asked
    assert max(map(abs, asked)) <= 0.25
    _, found, asked = look(math.sin, 1.0, 3.0, budget=7)
    assert not asked
    assert "no way to look" in found.note
    _, found, asked = look(lambda t: t + 1e-3 * math.sin(1e3 * t), 1.0, 1.0, budget=12)
    assert len(asked) <= 12
    assert found.verdict is Verdict.NOISY
    assert isinstance(found, Slope)


def test_lines_and_outputs_side_by_side_agree_with_lines_alone() -> None:
    def f(x):
        ripple = 1e-4 * math.sin(3e3 * x[1])
        return np.array([math.sin(x[0]) + ripple, math.exp(x[1])])

    base = np.array([1.0, 0.5])
    problems = [Line(1.0, 1.0), Line(0.5, 0.5)]
    fine = run(operators.lines(base, problems), Batches(f))
    found = run(operators.over_lengths(base, problems, None, fine, [0.5, 0.5], 2.0**-53), Batches(f))
    assert [[str(slope.verdict) for slope in row] for row in found.slopes] == [["ok", "noisy"], ["ok", "ok"]]
    assert abs(found.slopes[0][1].value) <= found.slopes[0][1].error < 1e-2
    assert found.slopes[1][1].value == fine.slopes[1][1].value
    for most in (3, 33, 47, 80):
        batches = Batches(f)
        again = run(operators.over_lengths(base, problems, None, fine, [0.5, 0.5], 2.0**-53, most), batches)
        assert batches.twice == 0
        assert batches.points <= most
        assert ("no way to look" in again.slopes[0][0].note) == (most < 32)


def test_another_version_of_f_shows_the_error_of_a_solver() -> None:
    """Newton's square root, stopped early: smooth, and wrong by more than its bar, unless it is compared."""

    def root(tolerance):
        def stopped(a):
            x = a
            while abs(x * x - a) > tolerance:
                x = 0.5 * (x + a / x)
            return x

        return stopped

    told = 0
    for x in np.linspace(1.5, 9.0, 40):
        tight, loose = slope_of(root(1e-5), x), slope_of(root(1e-2), x)
        found = compared(tight, loose)
        assert found.value == tight.value
        if found == tight:  # both stopped after the same number of steps, and say the same
            continue
        assert abs(found.value - 0.5 / math.sqrt(x)) <= found.error
        assert found.verdict is Verdict.NOISY
        assert "the bar reaches it" in found.note
        told += 1
    assert told >= 30
    exact = slope_of(math.sqrt, 2.0)
    assert compared(exact, slope_of(lambda a: a**0.5, 2.0)) == exact
    assert compared(exact, slope_of(lambda a: abs(a - 2.0), 2.0)).verdict is Verdict.UNRESOLVED
    kink = slope_of(abs, 0.0)
    assert compared(kink, exact) == kink
