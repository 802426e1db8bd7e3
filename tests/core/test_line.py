"""The line core, fed by hand: budgets, bounds, scales, coverage, and every verdict both ways."""

import math
import random
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secant.core.ladder import Line
from secant.core.line import differentiate, opening
from secant.core.verdicts import Verdict
from zoo import SMOOTH, ZOO

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
        assert -line.below <= t <= line.above
        assert abs(t) <= line.max_step


@each_animal
def test_the_point_comes_first_and_answers_repeat(animal) -> None:
    first, rounds = follow(animal.f, Line(animal.x, abs(animal.x)))
    again, _ = follow(animal.f, Line(animal.x, abs(animal.x)))
    assert rounds[0][0] == 0.0
    assert 0.0 not in [t for steps in rounds[1:] for t in steps]
    assert first == again


#: Far enough from the ends of the range that no power of two below makes a value subnormal or infinite.
MIDDLING = [animal for animal in ZOO if animal.x == 0.0 or 1e-200 < abs(animal.x) < 1e100]


@pytest.mark.parametrize("power", [-300, -40, 7, 200])
@pytest.mark.parametrize("animal", MIDDLING, ids=lambda animal: animal.name)
def test_values_scale_by_powers_of_two_to_the_last_bit(animal, power) -> None:
    if not 1e-290 < 2.0**power * (abs(animal.truth) or 1.0) < 1e290:
        power = -power
    factor = 2.0**power
    plain, scaled = slope_of(animal.f, animal.x), slope_of(lambda x: factor * animal.f(x), animal.x)
    assert (scaled.value, scaled.error, scaled.verdict) == (factor * plain.value, factor * plain.error, plain.verdict)


#: At 0 there is no scale of x to follow, and along a constant none that ends the search for one.
SCALED = [animal for animal in MIDDLING if animal.x != 0.0 and animal.name != "constant"]


@pytest.mark.parametrize("power", [-80, -8, 8, 160])
@pytest.mark.parametrize("animal", SCALED, ids=lambda animal: animal.name)
def test_arguments_scale_by_powers_of_two_to_the_last_bit(animal, power) -> None:
    """Steps follow the binary exponent of x; how they differ from halves comes round every eighth."""
    factor = 2.0**power
    plain, scaled = slope_of(animal.f, animal.x), slope_of(lambda x: animal.f(x / factor), factor * animal.x)
    assert (scaled.value, scaled.error, scaled.verdict) == (plain.value / factor, plain.error / factor, plain.verdict)


@given(st.lists(ordinary, min_size=2, max_size=7), ordinary)
def test_polynomials_are_within_their_bars(coefficients, x) -> None:
    def f(t: float) -> float:
        total = 0.0
        for c in coefficients:
            total = total * t + c
        return total

    degree = len(coefficients) - 1
    truth = sum((degree - i) * Fraction(c) * Fraction(x) ** (degree - i - 1) for i, c in enumerate(coefficients[:-1]))
    slope = slope_of(f, x)
    assert slope.verdict in {Verdict.OK, Verdict.NOISY}
    assert abs(Fraction(slope.value) - truth) <= 10 * Fraction(slope.error)


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


@pytest.mark.parametrize("level", [1e-9, 1e-10, 1e-11])
def test_faint_noise_is_called_noise_as_well(level) -> None:
    covered = 0
    for seed in range(40):
        rng = random.Random(seed)
        slope = slope_of(lambda x, rng=rng: math.sin(x) + level * rng.gauss(0.0, 1.0), 1.0)
        assert slope.verdict is Verdict.NOISY
        covered += abs(slope.value - math.cos(1.0)) <= slope.error
    assert covered >= 0.9 * 40


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
    assert math.isnan(slope.value) == (slope.error == math.inf) == (budget < 3)


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
