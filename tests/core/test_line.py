"""The line core, fed by hand: budgets, bounds, scales, coverage, and every verdict both ways."""

import math
import random
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feeding import follow
from secant.core.ladder import Line
from secant.core.verdicts import Verdict
from strategies import limits, ordinary, polynomials
from zoo import BROKEN, EVERYTHING, HARD, SMOOTH, ZOO

each_animal = pytest.mark.parametrize("animal", ZOO, ids=lambda animal: animal.name)
everything = pytest.mark.parametrize("animal", EVERYTHING, ids=lambda animal: animal.name)


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


def draw(rng):
    """Draw a smooth function, a point, and the slope there."""
    kind, x = rng.randrange(6), rng.choice([rng.uniform(-3.0, 3.0), 10.0 ** rng.uniform(-3.0, 3.0)])
    a, b, w = rng.uniform(-2.0, 2.0), rng.uniform(0.2, 3.0), 10.0 ** rng.uniform(-1.0, 1.5)
    if kind == 0:
        return lambda t: math.sin(w * t + a), x, w * math.cos(w * x + a)
    if kind == 1:
        x = rng.uniform(-5.0, 5.0)
        return lambda t: math.exp(a * t), x, a * math.exp(a * x)
    if kind == 2:
        return lambda t: t / (b * b + t * t), x, (b * b - x * x) / (b * b + x * x) ** 2
    if kind == 3:
        return lambda t: math.log(b * t), abs(x), 1.0 / abs(x)
    if kind == 4:
        return lambda t: math.atan(b * (t - a)), x, b / (1.0 + (b * (x - a)) ** 2)
    return lambda t: t**a, abs(x), a * abs(x) ** (a - 1.0)


def test_bars_cover_what_was_never_tuned_on() -> None:
    rng, covered = random.Random(2024), 0
    for _ in range(1000):
        f, x, truth = draw(rng)
        slope = slope_of(f, x)
        error = max(0.0, abs(slope.value - truth) - 4e-16 * abs(truth))  # the truth is rounded as well
        assert slope.verdict is Verdict.OK
        assert error <= 10.0 * slope.error
        covered += error <= slope.error
    assert covered >= 970


@everything
def test_the_budget_is_never_exceeded_whatever_it_is(animal) -> None:
    for budget in range(1, 61):
        slope, rounds = follow(animal.f, Line(animal.x, abs(animal.x), budget=budget))
        count = sum(len(steps) for steps in rounds)
        assert count <= budget
        assert slope.evaluations == count
        assert slope.error >= 0.0
        assert math.isfinite(slope.value) or slope.error == math.inf


@settings(max_examples=400)
@given(st.sampled_from(EVERYTHING), st.data())
def test_no_step_leaves_the_bounds(animal, data) -> None:
    line = Line(animal.x, abs(animal.x), **data.draw(limits(abs(animal.x) or 1.0)))
    slope, rounds = follow(animal.f, line)
    asked = [t for steps in rounds for t in steps]
    assert all(-line.below <= t <= line.above and abs(t) <= line.max_step for t in asked)
    assert slope.evaluations == len(asked) <= line.budget


@pytest.mark.parametrize("x", [1.0, -0.3, 1e6, 5e-324, 0.0])
def test_bounds_a_few_spacings_away_are_kept_as_well(x) -> None:
    """There the odd spacings that a step is moved by are no trifle."""
    for spacings in range(16, 1024):
        room = spacings * math.ulp(x)
        for line in (Line(x, abs(x), below=room, above=room), Line(x, abs(x), max_step=room)):
            _, rounds = follow(math.cos, line)
            assert all(abs(t) <= room for steps in rounds for t in steps)


def single(x: float) -> float:
    return float(np.float32(x))


@settings(max_examples=400)
@given(st.sampled_from([animal for animal in EVERYTHING if abs(animal.x) < 1e30]), st.data())
def test_so_it_is_in_a_lower_precision(animal, data) -> None:
    x = single(animal.x)
    line = Line(x, abs(x), eps=2.0**-24, rounder=single, **data.draw(limits(abs(x) or 1.0)))
    slope, rounds = follow(lambda x: animal.f(single(x)), line)
    asked = [t for steps in rounds for t in steps]
    assert all(-line.below <= t <= line.above and abs(t) <= line.max_step for t in asked)
    assert slope.evaluations == len(asked) <= line.budget


@everything
def test_the_point_comes_first_and_answers_repeat(animal) -> None:
    first, rounds = follow(animal.f, Line(animal.x, abs(animal.x)))
    again, same = follow(animal.f, Line(animal.x, abs(animal.x)))
    assert rounds[0][0] == 0.0
    assert 0.0 not in [t for steps in rounds[1:] for t in steps]
    assert (repr(first), rounds) == (repr(again), same)


def told(slope, sign=1.0):
    """What a slope says, in a form that compares: NaN equals NaN, and 0 equals -0."""
    numbers = (sign * slope.value, slope.error, slope.noise, slope.step, slope.reach)
    sides = (sign * slope.left, sign * slope.right)
    return repr((slope.verdict, slope.evaluations, *(number + 0.0 for number in numbers + sides)))


@everything
def test_the_mirror_image_of_f_mirrors_the_answer(animal) -> None:
    plain = slope_of(animal.f, animal.x)
    upside_down = slope_of(lambda x: -animal.f(x), animal.x)
    assert told(plain) == told(upside_down, -1.0)
    assert repr(plain.jump) == repr(-upside_down.jump)
    turned = slope_of(lambda x: animal.f(-x), -animal.x)
    assert told(plain) == told(replace(turned, left=turned.right, right=turned.left), -1.0)


#: Of a size beside which the constants below are neither nothing nor everything.
SIZABLE = [animal for animal in SMOOTH if 1e-2 < max(abs(animal.truth), abs(animal.f(animal.x))) < 1e2]


@pytest.mark.parametrize("constant", [1.0, -8.0, 1024.0])
@pytest.mark.parametrize("animal", SIZABLE, ids=lambda animal: animal.name)
def test_a_constant_moves_nothing_and_a_line_moves_the_slope_by_its_own(animal, constant) -> None:
    plain = slope_of(animal.f, animal.x)
    for f, more in (
        (lambda x: animal.f(x) + constant, 0.0),
        (lambda x: animal.f(x) + constant * (x - animal.x), constant),
    ):
        slope = slope_of(f, animal.x)
        assert slope.verdict is Verdict.OK
        assert abs(slope.value - (plain.value + more)) <= slope.error + plain.error
        assert abs(slope.value - (animal.truth + more)) <= slope.error


#: Far enough from the ends of the range that no power of two below makes a value subnormal or infinite.
MIDDLING = [animal for animal in EVERYTHING if animal.x == 0.0 or 1e-200 < abs(animal.x) < 1e100]


@pytest.mark.parametrize("power", [-300, -40, 7, 200])
@pytest.mark.parametrize("animal", MIDDLING, ids=lambda animal: animal.name)
def test_values_scale_by_powers_of_two_to_the_last_bit(animal, power) -> None:
    if 2.0**power * (abs(animal.truth) or 1.0) < 1e-290 or 2.0**power * abs(animal.truth) > 1e290:
        power = -power
    factor = 2.0**power
    plain, scaled = slope_of(animal.f, animal.x), slope_of(lambda x: factor * animal.f(x), animal.x)
    sizes = {name: factor * getattr(plain, name) for name in ("value", "error", "noise", "left", "right", "jump")}
    assert told(scaled) == told(replace(plain, **sizes))
    assert repr(scaled.jump) == repr(factor * plain.jump)


#: At 0 there is no scale of x to follow, and along a constant none that ends the search for one.
SCALED = [animal for animal in MIDDLING if animal.x != 0.0 and animal.name != "constant"]


@pytest.mark.parametrize("power", [-80, -8, 8, 160])
@pytest.mark.parametrize("animal", SCALED, ids=lambda animal: animal.name)
def test_arguments_scale_by_powers_of_two_to_the_last_bit(animal, power) -> None:
    """Steps follow the binary exponent of x; how they differ from halves comes round every eighth."""
    factor = 2.0**power
    plain, scaled = slope_of(animal.f, animal.x), slope_of(lambda x: animal.f(x / factor), factor * animal.x)
    sizes = {name: getattr(plain, name) / factor for name in ("value", "error", "left", "right")}
    steps = {name: getattr(plain, name) * factor for name in ("step", "reach")}
    assert told(scaled) == told(replace(plain, **sizes, **steps))


@given(polynomials, ordinary)
def test_polynomials_are_within_their_bars(f, x) -> None:
    slope = slope_of(f, x)
    assert slope.verdict in {Verdict.OK, Verdict.NOISY}
    assert abs(Fraction(slope.value) - f.slope(x)) <= 10 * Fraction(slope.error)


@pytest.mark.parametrize("level", [1e-2, 1e-3, 1e-4, 1e-6, 1e-8, 1e-9, 1e-10, 1e-11])
def test_noise_is_called_noise_and_the_bar_covers_it(level) -> None:
    covered = told = 0
    for seed in range(40):
        rng = random.Random(seed)
        slope = slope_of(lambda x, rng=rng: math.sin(x) + level * rng.gauss(0.0, 1.0), 1.0)
        assert slope.verdict is Verdict.NOISY
        told += level / 3.0 <= slope.noise <= 3.0 * level
        covered += abs(slope.value - math.cos(1.0)) <= slope.error
    assert covered >= 0.9 * 40
    assert told >= (0.95 if level >= 1e-8 else 0.75) * 40


@pytest.mark.parametrize("level", [1e-3, 1e-6, 1e-10])
def test_noise_in_proportion_to_smooth_functions_is_covered(level) -> None:
    covered = total = 0
    for animal in (animal for animal in SMOOTH if 1e-3 < abs(animal.truth) < 1e3):
        size = level * (abs(animal.f(animal.x)) or 1.0)
        for seed in range(5):
            rng = random.Random(seed)
            slope = slope_of(lambda x, f=animal.f, size=size, rng=rng: f(x) + size * rng.gauss(0.0, 1.0), animal.x)
            error = abs(slope.value - animal.truth)
            assert slope.verdict in {Verdict.NOISY, Verdict.UNRESOLVED}
            assert error <= 10.0 * slope.error
            covered += error <= slope.error
            total += 1
    assert covered >= 0.9 * total


@pytest.mark.parametrize("level", [1e-2, 1e-3, 1e-6])
def test_noise_that_vanishes_with_the_value_is_covered(level) -> None:
    """A fit without residuals: at x the noise is nothing, and a step away it is not."""
    covered = 0
    for seed in range(60):
        rng = random.Random(seed)
        slope = slope_of(lambda x, rng=rng: (math.sin(x) - math.sin(1.0)) * (1.0 + level * rng.gauss(0.0, 1.0)), 1.0)
        error = abs(slope.value - math.cos(1.0))
        assert error <= 10.0 * slope.error
        covered += error <= slope.error
    assert covered >= 0.9 * 60


@pytest.mark.parametrize(
    ("f", "x", "left", "right"),
    [
        (abs, 0.0, -1.0, 1.0),
        (lambda x: max(x, 0.0), 0.0, 0.0, 1.0),
        (lambda x: max(x, 2.0 * x), 0.0, 1.0, 2.0),
        (lambda x: min(x, 2.0 * x), 0.0, 2.0, 1.0),
        (lambda x: abs(x - 1e6), 1e6, -1.0, 1.0),
        (lambda x: 1e-200 * abs(x), 0.0, -1e-200, 1e-200),
        (lambda x: max(x / 1e150, 1.0), 1e150, 0.0, 1e-150),
    ],
)
def test_the_kinks_everybody_knows(f, x, left, right) -> None:
    slope = slope_of(f, x)
    assert slope.verdict is Verdict.KINK
    assert (slope.left, slope.right) == (pytest.approx(left, rel=1e-9), pytest.approx(right, rel=1e-9))
    assert slope.value == pytest.approx(0.5 * (left + right), abs=1e-9 * abs(right - left))
    assert 0.5 * abs(right - left) <= slope.error <= 0.51 * abs(right - left)


@pytest.mark.parametrize("jump", [2e-3, 0.05, 1.0, 20.0])
@pytest.mark.parametrize("x", [0.0, 1.0, -3.7])
def test_kinks_have_both_slopes(jump, x) -> None:
    slope = slope_of(lambda t: math.sin(t) + 0.5 * jump * abs(t - x), x)
    assert slope.verdict is Verdict.KINK
    assert slope.left == pytest.approx(math.cos(x) - 0.5 * jump, abs=1e-6 * max(1.0, jump))
    assert slope.right == pytest.approx(math.cos(x) + 0.5 * jump, abs=1e-6 * max(1.0, jump))
    assert slope.value - slope.error <= slope.left <= slope.right <= slope.value + slope.error


@pytest.mark.parametrize("animal", BROKEN, ids=lambda animal: animal.name)
def test_what_is_broken_is_named(animal) -> None:
    slope = slope_of(animal.f, animal.x)
    assert slope.verdict is animal.verdict
    if math.isnan(animal.truth):
        assert (math.isnan(slope.value), slope.error) == (True, math.inf)
    else:
        assert abs(slope.value - animal.truth) <= slope.error


def mild(rng):
    """Draw a smooth function with a scale of about 1, a point, and the slope there."""
    x, a, b = rng.choice([0.0, 1.0, rng.uniform(-5.0, 5.0)]), rng.uniform(-2.0, 2.0), rng.uniform(0.2, 3.0)
    kind = rng.randrange(4)
    if kind == 0:
        return lambda t: math.sin(b * t + a), x, b * math.cos(b * x + a)
    if kind == 1:
        return lambda t: math.exp(a * t / 3.0), x, a / 3.0 * math.exp(a * x / 3.0)
    if kind == 2:
        return lambda t: t / (b * b + t * t), x, (b * b - x * x) / (b * b + x * x) ** 2
    return lambda t: math.atan(b * (t - a)), x, b / (1.0 + (b * (x - a)) ** 2)


def size(rng, low, high):
    return rng.choice([-1.0, 1.0]) * 10.0 ** rng.uniform(math.log10(low), math.log10(high))


def planted_kink(rng):
    f, x, truth = mild(rng)
    half = 0.5 * size(rng, 2e-2, 20.0)
    return lambda t: f(t) + half * abs(t - x), x, truth


def planted_jump(rng):
    f, x, _ = mild(rng)
    height, closed = size(rng, 1e-2, 100.0), rng.random() < 0.5
    return lambda t: f(t) + height * (t >= x if closed else t > x), x, math.nan


def planted_cusp(rng):
    f, x, _ = mild(rng)
    height, power = size(rng, 1.0, 20.0), rng.uniform(0.2, 0.8)
    return lambda t: f(t) + height * abs(t - x) ** power, x, math.nan


def planted_tangent(rng):
    _, x, _ = mild(rng)
    height, power = size(rng, 1e-3, 20.0), rng.uniform(0.2, 0.8)
    return lambda t: height * math.copysign(abs(t - x) ** power, t - x), x, math.nan


def planted_end(rng):
    f, x, truth = mild(rng)
    outside, left = rng.choice([math.nan, math.inf]), rng.random() < 0.5
    return lambda t: f(t) if (t <= x if left else t >= x) else outside, x, truth


def planted_noise(rng):
    f, x, truth = mild(rng)
    level = size(rng, 1e-11, 1e-2)
    return lambda t: f(t) + level * rng.gauss(0.0, 1.0), x, truth


def planted_nothing(rng):
    return mild(rng)


@pytest.mark.parametrize(
    ("plant", "verdict"),
    [
        (planted_nothing, Verdict.OK),
        (planted_kink, Verdict.KINK),
        (planted_jump, Verdict.JUMP),
        (planted_cusp, Verdict.UNDEFINED),
        (planted_tangent, Verdict.UNDEFINED),
        (planted_end, Verdict.AT_BOUND),
        (planted_noise, Verdict.NOISY),
    ],
)
def test_what_is_planted_is_found(plant, verdict) -> None:
    """Of 200 draws 190 at least have the verdict, and of those with a slope 180 at least are within the bar."""
    found = covered = far = 0
    rng = random.Random(2025)
    for _ in range(200):
        f, x, truth = plant(rng)
        slope = slope_of(f, x)
        found += slope.verdict is verdict
        error = max(0.0, abs(slope.value - truth) - 4e-16 * abs(truth))
        covered += error <= slope.error
        far += error > 10.0 * slope.error
    assert found >= 190
    assert math.isnan(truth) or covered >= 180
    assert far <= 2


@pytest.mark.parametrize("height", [0.03, 1.0, 50.0, -1.0])
@pytest.mark.parametrize("x", [0.0, 1.0, 1.3, -3.7])
def test_jumps_beside_a_slope(height, x) -> None:
    for f in (lambda t: math.sin(t) + height * (t > x), lambda t: math.sin(t) + height * (t >= x)):
        slope = slope_of(f, x)
        assert slope.verdict is Verdict.JUMP
        assert slope.jump == pytest.approx(height, rel=0.01)


@pytest.mark.parametrize("height", [1e-3, 3e-3])
@pytest.mark.parametrize("x", [1.0, 1.3, -3.7])
def test_small_jumps_beside_a_slope(height, x) -> None:
    assert slope_of(lambda t: math.sin(t) + height * (t > x), x).verdict is Verdict.JUMP


def _log1p(x: float) -> float:
    if x < 0.0:
        raise ValueError("no logarithm")
    return math.log1p(x)


@pytest.mark.parametrize(
    ("f", "x", "truth"),
    [
        (lambda x: max(x, 0.0), 1.0, 1.0),
        (lambda x: max(x, 0.0), -1.0, 0.0),
        (abs, 3.0, 1.0),
        (lambda x: abs(x - 1.001), 1.0, -1.0),
        (lambda x: math.sqrt(x * x + 1e-4), 0.0, 0.0),
        (lambda x: math.sqrt(x * x + 1e-8), 0.0, 0.0),
        (lambda x: math.tanh(1e4 * x), 0.0, 1e4),
        (lambda x: x * abs(x), 1.0, 2.0),
        (math.floor, 2.5, 0.0),
        (lambda x: math.sin(x) + (x > 1.4), 1.3, math.cos(1.3)),
        (math.cbrt, 0.1, 0.1 ** (-2.0 / 3.0) / 3.0),
        (math.cbrt, 1e-9, 1e6 / 3.0),
        (lambda x: abs(x) ** 0.5, 0.01, 5.0),
        (_log1p, 0.5, 1.0 / 1.5),
        (_log1p, 1e-3, 1.0 / 1.001),
        (lambda x: x if x < 1.0 else math.nan, 0.5, 1.0),
    ],
)
def test_no_verdict_is_raised_where_there_is_no_cause(f, x, truth) -> None:
    slope = slope_of(f, x)
    assert slope.verdict is Verdict.OK
    assert abs(slope.value - truth) <= 2.0 * slope.error


@pytest.mark.parametrize("budget", range(1, 7))
@pytest.mark.parametrize("animal", SMOOTH[:6], ids=lambda animal: animal.name)
def test_too_few_evaluations_are_unresolved(animal, budget) -> None:
    slope = slope_of(animal.f, animal.x, budget=budget)
    assert slope.verdict is Verdict.UNRESOLVED
    assert math.isnan(slope.value) == (slope.error == math.inf) == (budget < 2)
    assert budget < 2 or abs(slope.value - animal.truth) <= slope.error
    # One evaluation beside f(x) leaves the bar wider than the slope, a pair has the bend of f to go by.
    assert budget < 3 or slope.error <= 0.05 * abs(slope.value)


@pytest.mark.parametrize("power", [1.1, 1.2, 1.5, 2.2, 2.5])
def test_powers_between_a_kink_and_a_parabola_are_within_their_bars(power) -> None:
    assert abs(slope_of(lambda x: abs(x) ** power, 0.0).value) <= slope_of(lambda x: abs(x) ** power, 0.0).error
    slope = slope_of(lambda x: abs(x) ** power + math.sin(x), 0.0)
    assert abs(slope.value - 1.0) <= slope.error


@pytest.mark.parametrize("power", [1.2, 4.0 / 3.0, 1.5, 1.7])
def test_odd_powers_between_a_kink_and_a_parabola(power) -> None:
    slope = slope_of(lambda x: math.copysign(abs(x) ** power, x), 0.0)
    assert abs(slope.value) <= 10.0 * slope.error


@pytest.mark.parametrize("f", [math.tanh, math.sin, math.atan], ids=["tanh", "sin", "atan"])
def test_steep_fronts_and_waves_at_0(f) -> None:
    for step in range(100):
        w = 10.0 ** (1.0 + step / 50.0)
        slope = slope_of(lambda x, w=w: f(w * x), 0.0)
        assert abs(slope.value - w) <= 10.0 * slope.error


@pytest.mark.parametrize("x", [1.0, 0.3, -3.0])
@pytest.mark.parametrize("f", [math.tanh, math.sin, math.atan], ids=["tanh", "sin", "atan"])
def test_steep_fronts_and_waves_elsewhere(f, x) -> None:
    for step in range(100):
        w = 10.0 ** (1.0 + step / 50.0)
        slope = slope_of(lambda t, w=w: f(w * (t - x)), x)
        assert abs(slope.value - w) <= 2.0 * slope.error


def test_a_narrow_peak_between_zeros_is_not_claimed_to_be_flat() -> None:
    slope = slope_of(lambda x: 1e4 * x * math.exp(-((1e4 * x) ** 2)), 0.0)
    assert slope.verdict is not Verdict.OK or abs(slope.value - 1e4) <= 10.0 * slope.error


def test_one_sided_slopes_are_right() -> None:
    right = slope_of(lambda x: math.log1p(x) if x >= 0.0 else math.nan, 0.0)
    assert abs(right.value - 1.0) <= right.error < 1e-10
    assert (right.right, math.isnan(right.left)) == (right.value, True)
    left = slope_of(math.sin, 1.0, above=0.0)
    assert abs(left.value - math.cos(1.0)) <= left.error < 1e-10
    assert left.verdict is Verdict.AT_BOUND


@each_animal
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


def test_a_staircase_is_seen_from_every_tread() -> None:
    for step in range(200):
        x = 10.0 ** (-4.0 + step / 50.0)
        slope = slope_of(lambda t: round(math.sin(t + 1.0), 2), x)
        assert slope.verdict is not Verdict.OK or abs(slope.value - math.cos(x + 1.0)) <= 10.0 * slope.error


FAR = pytest.mark.xfail(strict=True, reason="f looks like noise over steps that are far longer than its waves")


@pytest.mark.parametrize(
    "x", [*(10.0 ** (k / 8.0) for k in range(-28, 1)), *(pytest.param(x, marks=FAR) for x in (1.334e-4, 2.371e-4))]
)
def test_what_a_single_large_pair_sees_is_not_taken_for_a_straight_line(x: float) -> None:
    """The first steps are too small for a slope that f's rounding all but hides, and those that show it bend it."""
    slope = slope_of(lambda t: 1.0 + 1e-13 * math.sin(t), x)
    assert slope.verdict is Verdict.UNRESOLVED or abs(slope.value - 1e-13 * math.cos(x)) <= 3.0 * slope.error


def test_waves_of_any_speed_are_right_or_unresolved() -> None:
    """Faster than the first steps can see, and far from 0, where the rounding of their argument is large."""
    rng, covered, far = random.Random(5), 0, 0
    for _ in range(500):
        w, a = 10.0 ** rng.uniform(0.0, 5.0), rng.uniform(-3.0, 3.0)
        x = rng.choice([0.0, 1.0, rng.uniform(-5.0, 5.0)])
        slope = slope_of(lambda t, w=w, a=a: math.sin(w * t + a), x)
        # What f computes: the argument is rounded before its sine is taken.
        error = max(0.0, abs(slope.value - w * math.cos(w * x + a)) - 2e-16 * (w + abs(w * w * x)))
        covered += error <= slope.error
        far += error > 10.0 * slope.error
        assert error <= 10.0 * slope.error or error <= 1e-6 * w
        assert slope.verdict is not Verdict.KINK
    assert covered >= 470
    assert far <= 5


@pytest.mark.parametrize("w", [77266.06798975005, 2861.420648631219, 31415.92653589793])
def test_the_rounding_of_a_product_is_within_the_bar(w) -> None:
    """On steps halved exactly it is a straight line in h: a wrong slope that no contrast can see."""
    rng, covered = random.Random(3), 0
    points = [2.5592286255744168, *(rng.uniform(1.0, 4.0) for _ in range(59))]
    for x in points:
        slope = slope_of(lambda t: math.sin(w * t), x)
        turn = Fraction(w) * Fraction(x)
        truth = w * math.cos(float(turn)) - w * math.sin(float(turn)) * float(turn - Fraction(float(turn)))
        assert slope.verdict is Verdict.OK
        assert abs(slope.value - truth) <= 20.0 * slope.error
        covered += abs(slope.value - truth) <= slope.error
    assert covered >= 54


def test_the_product_of_the_table_is_within_its_own_bar() -> None:
    animal = next(animal for animal in HARD if animal.name == "a product that rounds")
    slope = slope_of(animal.f, animal.x)
    assert (slope.verdict, animal.x) == (Verdict.OK, 2.5592286255744168)
    assert abs(slope.value - animal.truth) <= slope.error <= 1e-8 * abs(animal.truth)


@pytest.mark.parametrize(
    ("w", "a", "x"),
    [
        (80415.653646291, -0.5225425494167455, 4.0),
        (2347.263959514469, 0.13861444628599395, 88.33969277159781),
        (246.81622147648375, 1.677135700254639, 1039.9704338077313),
        (119.0191322673862, -0.25104168555205186, 2957.735441726858),
    ],
)
def test_a_wave_whose_bend_at_the_probe_is_that_of_a_kink(w, a, x) -> None:
    """The ladder is too coarse to see it, and the even part at the probe happens to fit: the odd part does not."""
    slope = slope_of(lambda t: math.sin(w * t + a), x)
    assert slope.verdict is not Verdict.KINK
    assert slope.verdict is Verdict.UNRESOLVED or abs(slope.value - w * math.cos(w * x + a)) <= 1e-4 * w


@pytest.mark.parametrize(
    ("f", "x", "truth"),
    [
        (
            lambda t: 1.0 / (0.22401933580559544**2 + (t - 1.213237794578773) ** 2),
            1.0434511079135844,
            54.39331409412058,
        ),
        (
            lambda t: math.exp(-1.5858030972770227 * math.sin(0.6181201484677312 * t)),
            -1.501818326240968,
            -2.090593640204155,
        ),
        (
            lambda t: math.exp(-0.5302969452047619 * math.sin(2.5206390888708348 * t)),
            -1.5611031961250805,
            0.64249913651619,
        ),
        (lambda t: math.log1p(math.exp(2.256409537367672 * t)), 0.5159600709777283, 1.7196055608842074),
        (lambda t: math.log1p(math.exp(2.1993513335219936 * t)), -1.81117424864916, 0.040207697533903054),
        (lambda t: t / (2.7112957041546846**2 + t * t), 0.5402570842120871, 0.12084547661682815),
    ],
)
def test_two_entries_that_agree_by_accident(f, x, truth) -> None:
    """A contrast may be nothing for no reason; the rows below, with smaller steps, say so."""
    slope = slope_of(f, x)
    assert abs(slope.value - truth) <= 10.0 * slope.error


@pytest.mark.parametrize(
    ("terms", "offset", "x"),
    [
        (((1.0, -6), (1.75, 8), (-8.0, -8)), 0.28, 0.0),
        (((2.25, -1), (8.0, -3), (-6.0, -9)), 1.5, 0.5),
        (((3.5, 7), (-0.75, -7), (-2.5, -7)), -1.8, 1.0),
        (((1.0, 3), (1.5, 1), (1.0, -2)), 0.07, 0.0),
    ],
)
def test_near_a_root_nothing_is_lost_but_the_digits_that_cancel(terms, offset, x) -> None:
    """The rounding of the terms is noise beside their sum, but noise of 1e-16 costs no more than before."""

    def f(t):
        return sum(math.sin(a * t + b) for a, b in terms)

    truth = math.fsum(a * math.cos(a * x + b) for a, b in terms)
    plain, root = slope_of(f, x), slope_of(lambda t: f(t) - offset, x)
    assert plain.error <= 2e-12
    assert abs(root.value - truth) <= root.error <= 1e-11


@pytest.mark.parametrize("power", [0.4, 0.5, 0.6, 0.7])
@pytest.mark.parametrize("x", [1.0, -2.0])
@pytest.mark.xfail(strict=True, reason="a slope that is known well over large steps ends the questions")
def test_small_cusps_beside_a_slope_are_no_noise(x, power) -> None:
    assert slope_of(lambda t: math.sin(t) + 0.01 * abs(t - x) ** power, x).verdict is Verdict.UNDEFINED


@pytest.mark.parametrize(("x", "half"), [(1.0, 1e-3), (-3.7, 1e-3), (-3.7, 5e-3)])
@pytest.mark.xfail(strict=True, reason="a slope that is known well over large steps ends the questions")
def test_small_kinks_beside_a_slope_are_no_noise(x, half) -> None:
    assert slope_of(lambda t: math.sin(10.0 * t) + half * abs(t - x), x).verdict is Verdict.KINK


@pytest.mark.parametrize("level", [1e-3, 1e-2])
@pytest.mark.xfail(strict=True, reason="the first steps are longer than the wave, which looks like noise")
def test_a_wave_below_the_first_steps_is_not_taken_for_noise(level) -> None:
    for seed in range(60):
        rng = random.Random(seed)
        slope = slope_of(lambda t, rng=rng: math.sin(10.0 * t + 0.5) + level * rng.gauss(0.0, 1.0), 17.0)
        error = abs(slope.value - 10.0 * math.cos(170.5))
        assert slope.verdict is Verdict.UNRESOLVED or error <= 10.0 * slope.error


@pytest.mark.parametrize("x", [5e-324, 2.225073858507e-311, 3e-308, 1e-305])
def test_subnormal_steps_have_a_bar(x) -> None:
    """Halving a subnormal value rounds it: no slope is exact there."""
    slope = slope_of(math.sin, x)
    assert abs(slope.value - 1.0) <= slope.error <= 1e-10


def test_a_small_bump_on_a_long_line_is_not_leapt_over_in_silence() -> None:
    """Steps of 1e4 and more see nothing of what small steps see well: the bar reaches both, and nothing is claimed."""
    rng = random.Random(7)
    caught = 0
    for _ in range(300):
        x, a, b, size = rng.uniform(-2, 2), rng.uniform(-5, 5), 10.0 ** rng.uniform(-2, 4), 10.0 ** rng.uniform(-14, -6)
        phase = rng.uniform(-1.0, 1.0)
        slope = slope_of(lambda t: b + a * t + size * math.exp(-((t - x + phase) ** 2)), x)  # noqa: B023
        truth = a - 2.0 * size * phase * math.exp(-phase * phase)
        hidden = 1e-13 * max(b, 1.0)  # what the rounding of f hides from small steps
        assert abs(slope.value - truth) <= 3.0 * slope.error + hidden
        caught += slope.note.startswith("small steps and large ones")
    assert caught
