"""Derivatives of higher order under noise that was told: coverage where there is a claim, and claims that are none."""

import math
import random

import pytest

from feeding import follow
from secant.core.ladder import Line
from secant.core.verdicts import Verdict

CLAIMS = (Verdict.OK, Verdict.NOISY)


def wave(a, b, order, x):
    return a**order * math.sin(a * x + b + order * math.pi / 2)


def lorentz(a, b, order, x):
    """1 / (1 + a (x - b)**2) and its derivatives, by the recursion of Leibniz for its product with the denominator."""
    u = x - b
    size, rows = 1.0 + a * u * u, [1.0 / (1.0 + a * u * u)]
    for n in range(1, order + 1):
        before = rows[n - 2] if n > 1 else 0.0
        rows.append(-(n * 2.0 * a * u * rows[n - 1] + n * (n - 1) * a * before) / size)
    return rows[order]


def smooth(rng):
    """Draw f and its derivative of any order, as one function of the order and x, and where to look at it."""
    a, b, c = rng.uniform(0.3, 3.0), rng.gauss(0.0, 1.0), rng.gauss(0.0, 1.0)
    flat = [c, 1.0]
    return rng.choice(
        [
            lambda p, x: wave(a, b, p, x) + (c if p == 0 else 0.0),
            lambda p, x: (a / 3.0) ** p * math.exp(a / 3.0 * x),
            lambda p, x: lorentz(a, b, p, x),
            lambda p, x: c * lorentz(a, b, p, x) + wave(0.5 * a, 0.0, p, x),
            lambda p, x: (a * x * x + b * x + c, 2.0 * a * x + b, 2.0 * a)[p] if p < 3 else 0.0,
            lambda p, x: (b * x + c, b)[p] if p < len(flat) else 0.0,
        ]
    ), rng.gauss(0.0, rng.choice([0.01, 1.0, 5.0]))


def trials(order, count, seed, levels=(-10.0, -1.0), share=1.0, spoil=lambda t: 0.0):
    rng = random.Random(seed)
    for _ in range(count):
        f, x = smooth(rng)
        level = 10.0 ** rng.uniform(*levels)
        line = Line(x, abs(x), noise=share * level, order=order, budget=60)

        def noisy(t, f=f, x=x, level=level):
            return f(0, t) + spoil(t - x) + level * rng.gauss(0.0, 1.0)

        found, rounds = follow(noisy, line)
        asked = [step for steps in rounds for step in steps]
        assert found.evaluations == len(asked) == len(set(asked)) <= 60
        yield found, f(order, x)


@pytest.mark.parametrize("order", [2, 3, 4])
def test_the_bar_covers_the_truth_at_every_level(order) -> None:
    results = list(trials(order, 120, seed=order))
    off = [abs(found.value - truth) / found.error for found, truth in results if found.verdict in CLAIMS]
    assert len(off) > 0.4 * len(results)
    assert sum(share <= 1.0 for share in off) >= 0.98 * len(off)
    assert max(off) <= 5.0


@pytest.mark.slow
@pytest.mark.parametrize("order", [2, 3, 4])
@pytest.mark.parametrize("levels", [(-10.0, -7.0), (-7.0, -4.0), (-4.0, -1.0)])
def test_the_bar_covers_the_truth_at_each_level(order, levels) -> None:
    off = [
        abs(found.value - truth) / found.error
        for found, truth in trials(order, 800, seed=10 + order, levels=levels)
        if found.verdict in CLAIMS
    ]
    assert sum(share <= 1.0 for share in off) >= 0.98 * len(off)
    assert max(off) <= 10.0


def test_a_quiet_second_derivative_is_known_to_some_digits() -> None:
    found, _ = follow(lambda t: math.exp(t) + 1e-9 * math.sin(1e9 * t), Line(1.0, 1.0, noise=1e-9, order=2, budget=60))
    assert found.verdict is Verdict.OK
    assert abs(found.value - math.e) <= found.error < 1e-4


@pytest.mark.parametrize("order", [2, 3, 4])
def test_corners_are_not_claimed(order) -> None:
    results = [found for found, _ in trials(order, 50, seed=20 + order, spoil=abs)]
    claimed = [found for found in results if found.verdict in CLAIMS]
    assert len(claimed) <= 0.02 * len(results)


@pytest.mark.parametrize("order", [2, 3, 4])
def test_jumps_are_not_claimed(order) -> None:
    for found, _ in trials(order, 40, seed=30 + order, levels=(-9.0, -3.0), spoil=lambda t: float(t > 0.0)):
        assert found.verdict not in CLAIMS


def test_more_noise_than_was_told_is_no_claim() -> None:
    results = list(trials(2, 60, seed=40, levels=(-7.0, -2.0), share=0.1))
    off = [abs(found.value - truth) / found.error for found, truth in results if found.verdict in CLAIMS]
    assert len(off) < 0.2 * len(results)
    assert sum(share <= 1.0 for share in off) >= 0.9 * len(off)


def test_a_ripple_under_the_noise_is_no_claim() -> None:
    rng = random.Random(50)
    for _ in range(40):
        x = rng.uniform(-3.0, 3.0)

        def f(t):
            return math.sin(t) + 0.02 * math.sin(10.0 * t) + 0.02 * rng.gauss(0.0, 1.0)

        found, _ = follow(f, Line(x, abs(x), noise=0.02, order=2, budget=60))
        truth = -math.sin(x) - 2.0 * math.sin(10.0 * x)
        assert found.verdict is Verdict.UNRESOLVED or abs(found.value - truth) <= 3.0 * found.error


@pytest.mark.parametrize("order", [5, 6, 8])
def test_other_orders_are_not_claimed(order) -> None:
    found, _ = follow(math.exp, Line(1.0, 1.0, noise=1e-6, order=order, budget=60))
    assert found.verdict is Verdict.UNRESOLVED


@pytest.mark.parametrize("room", [{"below": 0.0}, {"above": 0.0}, {"budget": 12}])
def test_one_side_and_few_evaluations_are_not_claimed(room) -> None:
    found, _ = follow(math.exp, Line(1.0, 1.0, noise=1e-6, order=2, **{"budget": 60, **room}))
    assert found.verdict is Verdict.UNRESOLVED
