"""Noise that was told: coverage at every level, on both sides and on one, and what is said when there is more."""

import math
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feeding import follow as followed
from secant.core.fitting import ODD, SIDE, fits
from secant.core.ladder import Line
from secant.core.verdicts import Verdict


def follow(f, line):
    """Run a line against f; return its slope and the steps that were asked for."""
    slope, rounds = followed(f, line)
    return slope, [step for steps in rounds for step in steps]


def smooth(rng):
    """Draw a smooth function with its derivative, and where to look at it."""
    a, b, c = rng.uniform(0.3, 3.0), rng.gauss(0.0, 1.0), rng.gauss(0.0, 1.0)
    return rng.choice(
        [
            (lambda x: math.sin(a * x + b) + c, lambda x: a * math.cos(a * x + b)),
            (lambda x: math.exp(a * x / 3.0), lambda x: a / 3.0 * math.exp(a * x / 3.0)),
            (lambda x: 1.0 / (1.0 + a * (x - b) ** 2), lambda x: -2.0 * a * (x - b) / (1.0 + a * (x - b) ** 2) ** 2),
            (lambda x: c * math.tanh(a * (x - b)), lambda x: c * a / math.cosh(a * (x - b)) ** 2),
            (lambda x: b + c * x + a * x * x, lambda x: c + 2.0 * a * x),
            (lambda x: b + c * x, lambda x: c),
            (lambda x: math.log(a + x * x), lambda x: 2.0 * x / (a + x * x)),
        ]
    ), rng.gauss(0.0, rng.choice([0.01, 1.0, 10.0]))


def trials(count, seed, share=1.0, levels=(-10.0, -1.0), side=0.0):
    """Yield level, slope and truth of random functions under Gaussian noise, ``share`` of which is told."""
    rng = random.Random(seed)
    room = {"below": 0.0} if side > 0.0 else {"above": 0.0} if side < 0.0 else {}
    for _ in range(count):
        (f, slope), x = smooth(rng)
        level = 10.0 ** rng.uniform(*levels)
        line = Line(x, abs(x), noise=share * level, **room)
        found, asked = follow(lambda t, f=f, level=level: f(t) + level * rng.gauss(0.0, 1.0), line)
        assert found.evaluations == len(asked) == len(set(asked)) <= 40
        yield level, found, slope(x)


def shares(results):
    return [abs(slope.value - truth) / slope.error for _, slope, truth in results]


def test_the_bar_covers_the_truth_at_every_level() -> None:
    off = shares(trials(600, seed=1))
    assert sum(share <= 1.0 for share in off) >= 0.98 * len(off)
    assert max(off) <= 5.0


@pytest.mark.slow
@pytest.mark.parametrize("levels", [(-12.0, -8.0), (-8.0, -4.0), (-4.0, -1.0)])
def test_the_bar_covers_the_truth_at_each_level(levels) -> None:
    off = shares(trials(1500, seed=2, levels=levels))
    assert sum(share <= 1.0 for share in off) >= 0.98 * len(off)
    assert sum(share <= 3.0 for share in off) >= 0.998 * len(off)


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_the_bar_covers_the_truth_on_one_side(side) -> None:
    off = shares(trials(300, seed=3, side=side))
    assert sum(share <= 1.0 for share in off) >= 0.97 * len(off)
    assert max(off) <= 10.0


def test_noise_three_times_what_was_told_is_covered_and_said() -> None:
    results = list(trials(400, seed=4, share=1.0 / 3.0, levels=(-4.0, -1.0)))
    off = shares(results)
    assert sum(share <= 1.0 for share in off) >= 0.97 * len(off)
    assert max(off) <= 10.0
    assert sum(slope.verdict is Verdict.NOISY for _, slope, _ in results) >= 0.8 * len(results)
    near = [slope.noise / level for level, slope, _ in results if "was told" in slope.note]
    assert 0.5 <= sorted(near)[len(near) // 2] <= 2.0


def test_noise_as_it_was_told_is_no_news() -> None:
    results = list(trials(300, seed=5, levels=(-8.0, -2.0)))
    assert sum(slope.verdict is Verdict.OK for _, slope, _ in results) >= 0.95 * len(results)


def test_less_noise_than_was_told_leaves_the_bar_as_told() -> None:
    """A solver's tolerance: the error is there, and does not scatter."""
    for f, slope in ((math.sin, math.cos), (math.exp, math.exp)):
        for level in (1e-3, 1e-6, 1e-9):
            found, _ = follow(f, Line(0.7, 0.7, noise=level))
            assert found.verdict is Verdict.OK
            assert abs(found.value - slope(0.7)) <= 0.5 * found.error
            assert 0.1 * level <= found.error <= 1e3 * level


@pytest.mark.parametrize("x", [1e-3, 0.4, -20.0])
def test_what_does_not_stand_clear_of_the_noise_is_claimed_over_the_first_steps_only(x) -> None:
    """A wave below the noise may be anything; that f is flat over a million steps is no reason for a tiny bar."""
    for wave in (0.0, 1.0, 2.0):
        rng = random.Random(7)
        line = Line(x, abs(x), noise=1e-2)
        slope, asked = follow(lambda t, rng=rng, wave=wave: 1e-2 * (wave * math.sin(t) + rng.gauss(0.0, 1.0)), line)
        assert slope.verdict is Verdict.NOISY
        assert "does not move by more than its noise" in slope.note
        assert slope.error >= 1e-2 / (4.0 * max(asked[:7]))
        assert abs(slope.value - 1e-2 * wave * math.cos(x)) <= slope.error


def test_no_leap_lands_beyond_the_scale_of_f() -> None:
    """Far from x all of these are flat, or turn around: a line through noise agrees with that."""
    off = 0
    for f, slope in (
        (math.sin, math.cos),
        (math.tanh, lambda x: math.cosh(x) ** -2),
        (lambda x: 1.0 / (1.0 + x * x), lambda x: -2.0 * x / (1.0 + x * x) ** 2),
    ):
        for seed in range(40):
            rng = random.Random(seed)
            x = rng.choice([-1.0, 1.0]) * 10.0 ** rng.uniform(-4.0, 0.5)
            found, _ = follow(lambda t, f=f, rng=rng: f(t) + 0.03 * rng.gauss(0.0, 1.0), Line(x, abs(x), noise=0.03))
            assert abs(found.value - slope(x)) <= 3.0 * found.error
            off += abs(found.value - slope(x)) > found.error
    assert off <= 3


@pytest.mark.parametrize("budget", [*range(1, 16), 20, 25, 33])
def test_the_budget_holds_and_the_bar_covers(budget) -> None:
    off = []
    for seed in range(30):
        rng = random.Random(seed)
        line = Line(0.5, 0.5, noise=1e-3, budget=budget)
        slope, asked = follow(lambda t, rng=rng: math.exp(t) + 1e-3 * rng.gauss(0.0, 1.0), line)
        assert slope.evaluations == len(asked) <= budget
        off.append(abs(slope.value - math.exp(0.5)) / slope.error if slope.error < math.inf else 0.0)
    assert sum(share <= 1.0 for share in off) >= 29


def test_ends_of_the_domain_are_not_passed() -> None:
    for seed in range(20):
        rng = random.Random(seed)

        def f(t, rng=rng):
            return math.log(t) + 1e-3 * rng.gauss(0.0, 1.0) if t > 0.0 else math.nan

        for x in (0.01, 1.0, 30.0):
            slope, _ = follow(f, Line(x, x, noise=1e-3))
            assert abs(slope.value - 1.0 / x) <= 2.0 * slope.error
        line = Line(1.0, 1.0, below=0.3, above=0.05, noise=1e-3)
        slope, asked = follow(f, line)
        assert -0.3 <= min(asked) <= max(asked) <= 0.05
        assert abs(slope.value - 1.0) <= slope.error


def test_on_one_side_the_verdict_says_so() -> None:
    rng = random.Random(1)
    line = Line(1.0, 1.0, below=0.0, noise=1e-3)
    slope, asked = follow(lambda t: math.exp(t) + 1e-3 * rng.gauss(0.0, 1.0), line)
    assert slope.verdict is Verdict.AT_BOUND
    assert min(asked) >= 0.0
    assert math.isnan(slope.left)
    assert slope.right == slope.value


@given(
    st.lists(st.floats(-3.0, 3.0), min_size=3, max_size=3),
    st.sampled_from([ODD, SIDE]),
    st.floats(1e-3, 1e3),
)
def test_fits_find_a_polynomial(coefficients, kind, noise) -> None:
    nodes = [0.03, 0.06, 0.11, 0.25, 0.4, 0.6, 0.8, 1.0]
    values = [sum(c * t**p for c, p in zip(coefficients, kind.powers, strict=False)) for t in nodes]
    found = fits(nodes, values, kind)
    assert found[2].slope == pytest.approx(coefficients[kind.wanted], abs=1e-12)
    assert found[2].rest <= 1e-24
    rng = np.random.default_rng(0)
    rough = [value + noise * float(rng.normal()) for value in values]
    powers = np.array(nodes)[:, np.newaxis] ** np.array(kind.powers[:4])
    best, rest, _, _ = np.linalg.lstsq(powers, np.array(rough))
    fit = fits(nodes, rough, kind)[3]
    assert fit.slope == pytest.approx(best[kind.wanted], rel=1e-9, abs=1e-9)
    assert fit.rest == pytest.approx(float(rest[0]), rel=1e-9)
    assert fit.variance == pytest.approx(np.linalg.inv(powers.T @ powers)[kind.wanted, kind.wanted], rel=1e-6)
