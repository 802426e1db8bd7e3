"""A handful of evaluations: slopes with bars that hold, or with none where nothing can be known."""

import math
import random

import numpy as np
import pytest

from secant.core.few import UNKNOWN, small
from secant.core.ladder import Line
from secant.core.line import differentiate, first_step, opening
from secant.core.verdicts import Verdict
from zoo import SMOOTH


def slope_of(f, x, u=2.0**-53, **how):
    """Return what a line says whose core asks for nothing beyond its opening."""
    line = Line(x, abs(x), **how)
    steps = opening(line)
    assert len(steps) <= line.budget
    values = []
    for t in steps:
        try:
            values.append(float(f(x + t)))
        except (ArithmeticError, ValueError):
            values.append(math.nan)
    core = differentiate(line, steps, values, u)
    with pytest.raises(StopIteration) as stop:
        next(core)
    return stop.value.value


@pytest.mark.parametrize("budget", range(2, 7))
@pytest.mark.parametrize("animal", SMOOTH, ids=lambda animal: animal.name)
def test_smooth_functions(animal, budget) -> None:
    slope = slope_of(animal.f, animal.x, budget=budget)
    assert slope.verdict is Verdict.UNRESOLVED
    assert slope.note
    assert slope.evaluations <= budget
    assert abs(slope.value - animal.truth) <= slope.error


def draw(rng):
    a, b, x = rng.uniform(0.3, 3.0), rng.uniform(0.3, 3.0), rng.uniform(-3.0, 3.0)
    return rng.choice(
        [
            (lambda t: math.sin(a * t + b), x, a * math.cos(a * x + b)),
            (lambda t: math.exp(a * t) + b, x, a * math.exp(a * x)),
            (lambda t: 1.0 / (b * b + t * t), x, -2.0 * x / (b * b + x * x) ** 2),
            (lambda t: math.log(b + t * t) * a, x, 2.0 * a * x / (b + x * x)),
            (lambda t: t**3 - a * t + b, x, 3.0 * x * x - a),
            (lambda t: a * t + 1e4 * b, x, a),
            (lambda t: math.atan(a * t), 0.0, a),
        ]
    )


@pytest.mark.parametrize(("budget", "digits"), [(2, 2.5), (3, 7.5), (5, 8.5)])
def test_random_functions(budget, digits) -> None:
    rng, held, known = random.Random(3), 0, []
    for _ in range(2000):
        f, x, truth = draw(rng)
        slope = slope_of(f, x, budget=budget)
        error = abs(slope.value - truth)
        held += error <= slope.error
        known.append(-math.log10(max(error / (abs(truth) or 1.0), 1e-16)))
    assert held >= 0.99 * 2000
    assert np.median(known) >= digits


@pytest.mark.parametrize("level", [1e-10, 1e-6, 1e-3])
@pytest.mark.parametrize(("budget", "share"), [(2, 0.9), (3, 0.9), (5, 0.88)])
def test_noise_that_nobody_told_of(budget, share, level) -> None:
    rng, held = random.Random(5), 0
    for _ in range(1000):
        f, x, truth = draw(rng)
        slope = slope_of(lambda t, f=f: f(t) + rng.gauss(0.0, level), x, budget=budget)
        held += abs(slope.value - truth) <= slope.error
    assert held >= share * 1000


@pytest.mark.parametrize("budget", [3, 5])
def test_noise_that_was_told(budget) -> None:
    rng, held = random.Random(6), 0
    for _ in range(1000):
        f, x, truth = draw(rng)
        slope = slope_of(lambda t, f=f: f(t) + rng.uniform(-1e-4, 1e-4), x, budget=budget, noise=1e-4)
        held += abs(slope.value - truth) <= slope.error
    assert held >= 990


@pytest.mark.parametrize("digits", [3, 5, 7, 9])
@pytest.mark.parametrize("budget", [2, 3, 5])
def test_rounded_output_is_not_taken_at_its_word(digits, budget) -> None:
    rng, held = random.Random(7), 0
    for _ in range(500):
        f, x, truth = draw(rng)
        slope = slope_of(lambda t, f=f: round(f(t), digits), x, budget=budget)
        held += abs(slope.value - truth) <= slope.error
    assert held >= 0.97 * 500


def test_float32_inside_is_not_taken_at_its_word() -> None:
    rng, held = random.Random(8), 0
    for _ in range(500):
        f, x, truth = draw(rng)
        slope = slope_of(lambda t, f=f: float(np.float32(f(t))), x, budget=3)
        held += abs(slope.value - truth) <= slope.error
    assert held >= 0.97 * 500


@pytest.mark.parametrize("f", [lambda x: 7.0, lambda x: max(x, 0.0), math.floor], ids=["constant", "relu", "floor"])
def test_a_plateau_is_not_known_from_close_by(f) -> None:
    x = -0.4
    for budget in (2, 3):
        slope = slope_of(f, x, budget=budget)
        assert (slope.value, slope.error) == (0.0, math.inf)
    slope = slope_of(f, x, budget=5)
    assert slope.value == 0.0
    assert slope.error < 1e-9


def test_a_straight_line_is_known_from_two_pairs() -> None:
    for budget, bar in ((3, UNKNOWN * 3.1), (5, 1e-9)):
        slope = slope_of(lambda x: 3.0 * x, 2.0, budget=budget)
        assert abs(slope.value - 3.0) <= 1e-9
        assert slope.error <= bar


@pytest.mark.parametrize("w", [1e2, 1e3, 3e3])
@pytest.mark.parametrize("budget", [3, 5])
def test_waves_are_seen_by_the_small_pair(w, budget) -> None:
    """But where their slope is steepest, and they do not bend."""
    held = 0
    for x in np.linspace(0.5, 2.0, 100).tolist():
        slope = slope_of(lambda t: math.sin(w * t), x, budget=budget)
        held += abs(slope.value - w * math.cos(w * x)) <= slope.error
    assert held >= 97


@pytest.mark.parametrize("side", ["above", "below"])
@pytest.mark.parametrize("budget", [2, 3])
def test_one_side(side, budget) -> None:
    for f, truth in ((math.sin, math.cos(1.0)), (math.exp, math.e), (lambda x: x * x, 2.0), (lambda x: 3.0 * x, 3.0)):
        slope = slope_of(f, 1.0, budget=budget, **{side: 0.0})
        assert abs(slope.value - truth) <= (1e-3 if budget == 2 else 1e-5)
        assert abs(slope.value - truth) <= slope.error
        assert budget == 2 or slope.error <= 1e-2 * abs(truth)


def test_the_end_of_the_domain() -> None:
    for budget in (3, 5):
        slope = slope_of(math.sqrt, 0.0, budget=budget)
        assert slope.verdict is Verdict.UNRESOLVED
        slope = slope_of(lambda x: x * x if x <= 1.0 else math.nan, 1.0, budget=budget)
        assert abs(slope.value - 2.0) <= min(slope.error, 1e-3)
    slope = slope_of(lambda x: 1.0 if x == 1.0 else math.nan, 1.0, budget=5)
    assert math.isnan(slope.value)
    assert slope.error == math.inf


@pytest.mark.parametrize(("kind", "bits"), [(np.float32, 24), (np.float16, 11)])
def test_lower_precisions(kind, bits) -> None:
    """Small steps are not so small there."""
    eps = 2.0**-bits
    line = Line(1.5, 1.5, eps=eps, rounder=lambda x: float(kind(x)), budget=3)
    assert small(line, first_step(line)) >= 64.0 * eps
    steps = opening(line)
    assert len({float(kind(1.5 + t)) for t in steps}) == len(steps)
    core = differentiate(line, steps, [float(kind(math.sin(kind(1.5 + t)))) for t in steps], eps)
    with pytest.raises(StopIteration) as stop:
        next(core)
    assert abs(stop.value.value.value - math.cos(1.5)) <= stop.value.value.error
