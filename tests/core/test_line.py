"""The line core, fed by hand: budgets, bounds, scales, coverage, and every verdict both ways."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secant.core.ladder import Line
from secant.core.line import differentiate, opening
from secant.core.verdicts import Verdict
from zoo import HARD, SMOOTH, ZOO

#: Numbers whose products neither underflow nor overflow.
ordinary = st.floats(-5, 5).filter(lambda c: c == 0.0 or abs(c) > 1e-30)

each_animal = pytest.mark.parametrize("animal", ZOO, ids=lambda animal: animal.name)


def follow(f, line, u=2.0**-53):
    """Run a line against f; return the slope and the steps asked for, round by round."""

    def value(t: float) -> float:
        try:
            return float(f(line.x + t))
        except (ArithmeticError, ValueError):
            return math.nan

    asked = opening(line)
    rounds = [asked]
    core = differentiate(line, asked, [value(t) for t in asked], u)
    try:
        steps = next(core)
        while True:
            rounds.append(steps)
            steps = core.send([value(t) for t in steps])
    except StopIteration as stop:
        return stop.value, rounds


def slope_of(f, x, **how):
    return follow(f, Line(x, abs(x), **how))[0]


@each_animal
def test_the_bar_covers_the_truth(animal) -> None:
    slope = slope_of(animal.f, animal.x)
    assert abs(slope.value - animal.truth) <= 2.0 * slope.error
    assert slope.verdict in {Verdict.OK, Verdict.NOISY}


def test_smooth_functions_are_ok_known_well_and_cheap() -> None:
    digits, counts, covered = [], [], 0
    for animal in SMOOTH:
        slope = slope_of(animal.f, animal.x)
        assert slope.verdict is Verdict.OK, animal.name
        error = abs(slope.value - animal.truth)
        covered += error <= slope.error
        counts.append(slope.evaluations)
        if animal.truth:
            digits.append(16.0 if error == 0.0 else min(16.0, -math.log10(error / abs(animal.truth))))
    assert covered >= 0.97 * len(SMOOTH)
    assert sorted(digits)[len(digits) // 2] >= 14.3
    assert sorted(counts)[len(counts) // 2] <= 14


@each_animal
def test_the_budget_is_never_exceeded_whatever_it_is(animal) -> None:
    for budget in range(1, 61):
        slope, rounds = follow(animal.f, Line(animal.x, abs(animal.x), budget=budget))
        count = sum(len(steps) for steps in rounds)
        assert count <= budget
        assert slope.evaluations == count
        assert math.isnan(slope.value) or slope.error >= 0.0


@given(st.sampled_from(ZOO), st.floats(0.0, 1.0), st.floats(0.0, 1.0), st.floats(1e-12, 1.0))
def test_no_step_leaves_the_bounds(animal, below, above, reach) -> None:
    size = abs(animal.x) or 1.0
    line = Line(animal.x, abs(animal.x), below * size, above * size, reach * size)
    _, rounds = follow(animal.f, line)
    for t in (t for steps in rounds for t in steps):
        # A step is moved by a few spacings of x; bounds are met to that.
        assert -line.below - 16 * math.ulp(size) <= t <= line.above + 16 * math.ulp(size)
        assert abs(t) <= line.max_step + 16 * math.ulp(size)


@each_animal
def test_the_point_comes_first_and_answers_repeat(animal) -> None:
    first, rounds = follow(animal.f, Line(animal.x, abs(animal.x)))
    again, _ = follow(animal.f, Line(animal.x, abs(animal.x)))
    assert rounds[0][0] == 0.0
    assert 0.0 not in [t for steps in rounds[1:] for t in steps]
    assert first == again


@pytest.mark.parametrize("power", [-300, -40, 7, 200])
@pytest.mark.parametrize("animal", SMOOTH[:12], ids=lambda animal: animal.name)
def test_values_scale_by_powers_of_two_to_the_last_bit(animal, power) -> None:
    factor = 2.0**power
    plain, scaled = slope_of(animal.f, animal.x), slope_of(lambda x: factor * animal.f(x), animal.x)
    assert (scaled.value, scaled.error, scaled.verdict) == (factor * plain.value, factor * plain.error, plain.verdict)


@given(st.lists(ordinary, min_size=2, max_size=7), ordinary)
def test_polynomials_are_within_their_bars(coefficients, x) -> None:
    def f(t: float) -> float:
        total = 0.0
        for c in coefficients:
            total = total * t + c
        return total

    degree = len(coefficients) - 1
    truth = math.fsum((degree - i) * c * x ** (degree - i - 1) for i, c in enumerate(coefficients[:-1]))
    slope = slope_of(f, x)
    size = sum(abs((degree - i) * c * x ** (degree - i - 1)) for i, c in enumerate(coefficients[:-1]))
    assert abs(slope.value - truth) <= 10.0 * slope.error + 1e-14 * size


@pytest.mark.parametrize("level", [1e-2, 1e-3, 1e-4, 1e-6, 1e-8])
def test_noise_is_called_noise_and_the_bar_covers_it(level) -> None:
    covered = total = 0
    for seed in range(20):
        rng = random.Random(seed)
        slope = slope_of(lambda x, rng=rng: math.sin(x) + level * rng.gauss(0.0, 1.0), 1.0)
        assert slope.verdict is Verdict.NOISY
        assert level / 3.0 <= slope.noise <= 3.0 * level
        covered += abs(slope.value - math.cos(1.0)) <= slope.error
        total += 1
    assert covered >= 0.9 * total


@pytest.mark.parametrize("jump", [2e-3, 0.05, 1.0, 20.0])
@pytest.mark.parametrize("x", [0.0, 1.0, -3.7])
def test_kinks_have_both_slopes(jump, x) -> None:
    slope = slope_of(lambda t: math.sin(t) + 0.5 * jump * abs(t - x), x)
    assert slope.verdict is Verdict.KINK
    assert slope.left == pytest.approx(math.cos(x) - 0.5 * jump, abs=1e-6 * max(1.0, jump))
    assert slope.right == pytest.approx(math.cos(x) + 0.5 * jump, abs=1e-6 * max(1.0, jump))
    assert slope.value - slope.error <= slope.left <= slope.right <= slope.value + slope.error


@pytest.mark.parametrize(
    ("f", "x", "verdict"),
    [
        (math.floor, 2.0, Verdict.JUMP),
        (lambda x: math.copysign(1.0, x), 0.0, Verdict.JUMP),
        (lambda x: math.sin(x) + (x > 1.3), 1.3, Verdict.JUMP),
        (math.cbrt, 0.0, Verdict.UNDEFINED),
        (lambda x: abs(x) ** 0.5, 0.0, Verdict.UNDEFINED),
        (lambda x: abs(x - 1.0) ** (2.0 / 3.0), 1.0, Verdict.UNDEFINED),
        (math.sqrt, 0.0, Verdict.UNDEFINED),
        (lambda x: math.nan, 1.0, Verdict.UNDEFINED),
        (lambda x: math.log1p(x) if x >= 0.0 else math.nan, 0.0, Verdict.AT_BOUND),
        (lambda x: math.exp(-x) if x <= 2.0 else math.inf, 2.0, Verdict.AT_BOUND),
    ],
)
def test_where_there_is_no_slope_or_only_one_side(f, x, verdict) -> None:
    slope = slope_of(f, x)
    assert slope.verdict is verdict
    assert math.isnan(slope.value) == (verdict is not Verdict.AT_BOUND)


def test_one_sided_slopes_are_right() -> None:
    right = slope_of(lambda x: math.log1p(x) if x >= 0.0 else math.nan, 0.0)
    assert abs(right.value - 1.0) <= right.error < 1e-10
    assert (right.right, math.isnan(right.left)) == (right.value, True)
    left = slope_of(math.sin, 1.0, above=0.0)
    assert abs(left.value - math.cos(1.0)) <= left.error < 1e-10
    assert left.verdict is Verdict.AT_BOUND


@pytest.mark.parametrize("animal", HARD, ids=lambda animal: animal.name)
def test_cut_short_is_never_ok_and_wrong(animal) -> None:
    """Whatever the budget, a claim of ok that is off by more than a percent and ten bars is a lie."""
    for budget in range(3, 41, 2):
        slope = slope_of(animal.f, animal.x, budget=budget)
        error = abs(slope.value - animal.truth)
        assert slope.verdict is not Verdict.OK or error <= max(0.01 * abs(animal.truth), 10.0 * slope.error)


def test_flat_lines_say_how_far() -> None:
    slope = slope_of(lambda x: max(x, 0.0), -1.0)
    assert (slope.value, slope.verdict) == (0.0, Verdict.OK)
    assert "same value" in slope.note
    assert 0.0 < slope.reach <= 1.0


def test_rounded_output_is_seen_through() -> None:
    slope = slope_of(lambda x: round(math.sin(x), 3), 1.0)
    assert slope.verdict is Verdict.NOISY
    assert abs(slope.value - math.cos(1.0)) <= slope.error < 0.05
