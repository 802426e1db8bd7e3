"""The second look over a length: ripples become noise, and what is smooth over the length stays as it is."""

import math
import random

import pytest

from core.test_line import slope_of
from secant.core.coarse import coarse
from secant.core.ladder import Line
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
    core = coarse(Line(x, abs(x), budget=budget, **how), f(x), 2.0**-53, length, fine)

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
    off = []
    for _ in range(400):
        f, slope = rng.choice(SMOOTH)
        x, length = rng.uniform(-2.0, 2.0), 10.0 ** rng.uniform(-1.0, 0.3)
        size, w, phase = 10.0 ** rng.uniform(-5.0, -2.0), 10.0 ** rng.uniform(1.5, 4.0) / length, rng.uniform(0.0, 6.28)
        smooth, again, asked = look(f, x, length)
        assert again.value == smooth.value
        assert again.error == smooth.error
        assert again.verdict is Verdict.OK
        assert "agrees with this one" in again.note
        assert len(asked) == 8
        assert again.evaluations == smooth.evaluations + 8
        fine, found, asked = look(lambda t: f(t) + size * math.sin(w * t + phase), x, length)  # noqa: B023
        assert found.evaluations == fine.evaluations + len(asked)
        if "ripple" in found.note:
            assert found.verdict is Verdict.NOISY
            off.append(abs(found.value - slope(x)) / found.error)
        else:
            bar = float(found.note.rpartition("to ")[2])
            assert abs(found.value - slope(x)) <= bar
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
