"""One table of functions with exact derivatives, crossed by the tests with methods, scales and noise.

A row is a name, f, its exact derivative at the point, and the point. Traits: ``smooth`` functions are analytic near the
point over a good part of its size; ``hard`` ones have a scale of their own; ``broken`` ones have no derivative there,
or not all of a neighborhood, or values that are not exact, and the row names the verdict. The truth of a kink is the
mean of its slopes, that of an end of the domain the slope on the side that is there, and NaN where there is none.
"""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass

from secant.core.verdicts import Verdict


@dataclass(frozen=True)
class Animal:
    """A function, a point, the truth, and what is to be said of it."""

    name: str
    f: Callable[[float], float]
    x: float
    truth: float
    trait: str = "smooth"
    verdict: Verdict = Verdict.OK


def _logistic(x: float) -> float:
    return 1.0 / (1.0 + math.exp(-x))


def _peak(u: float) -> float:
    return -2e6 * u * math.exp(-((1e3 * u) ** 2))


def _cut(f: Callable[[float], float], low: float = -math.inf, high: float = math.inf) -> Callable[[float], float]:
    """Return f with a domain: NaN outside."""
    return lambda x: f(x) if low <= x <= high else math.nan


def _shaken(f: Callable[[float], float], level: float) -> Callable[[float], float]:
    """Return f with noise that is a function of x."""
    return lambda x: f(x) + level * random.Random(x.hex()).gauss(0.0, 1.0)


def _broken(name: str, verdict: Verdict, f: Callable[[float], float], x: float, truth: float = math.nan) -> Animal:
    return Animal(name, f, x, truth, "broken", verdict)


SMOOTH = [
    Animal("sin", math.sin, 1.0, math.cos(1.0)),
    Animal("cos far out", math.cos, 12.5, -math.sin(12.5)),
    Animal("exp", math.exp, 1.0, math.e),
    Animal("exp of minus x", lambda x: math.exp(-x), 3.0, -math.exp(-3.0)),
    Animal("log", math.log, 2.5, 0.4),
    Animal("log of a small number", math.log, 1e-3, 1e3),
    Animal("log of a tiny number", math.log, 1e-9, 1e9),
    Animal("sqrt", math.sqrt, 2.0, 0.5 / math.sqrt(2.0)),
    Animal("sqrt of a tiny number", math.sqrt, 1e-10, 5e4),
    Animal("atan", math.atan, -0.7, 1.0 / 1.49),
    Animal("logistic", _logistic, 0.3, _logistic(0.3) * (1.0 - _logistic(0.3))),
    Animal("the notes' parabola", lambda x: 0.01 * x**2 + 0.1 * x, 5.0, 0.2),
    Animal("cubic", lambda x: x**3 - 2.0 * x, 1.7, 3.0 * 1.7**2 - 2.0),
    Animal("quintic", lambda x: x**5, -1.3, 5.0 * 1.3**4),
    Animal("rational", lambda x: x / (1.0 + x * x), 0.4, (1.0 - 0.16) / 1.16**2),
    Animal("square at 1e150", lambda x: x * x, 1e150, 2e150),
    Animal("tanh", math.tanh, 0.5, 1.0 - math.tanh(0.5) ** 2),
    Animal("erf", math.erf, 0.8, 2.0 / math.sqrt(math.pi) * math.exp(-0.64)),
    Animal("sin at 0", math.sin, 0.0, 1.0),
    Animal("exp at 0", math.exp, 0.0, 1.0),
    Animal("cos at 0", math.cos, 0.0, 0.0),
    Animal("cube at 0", lambda x: x**3, 0.0, 0.0),
    Animal("straight line", lambda x: 3.0 * x + 1.0, 1.0, 3.0),
    Animal("constant", lambda x: 7.0, 1.0, 0.0),
    Animal("sin of a tiny number", math.sin, 1e-300, 1.0),
    Animal("exp at 1e-16", math.exp, 1e-16, 1.0),
    Animal("tiny values", lambda x: 1e-200 * math.sin(x), 1.0, 1e-200 * math.cos(1.0)),
    Animal("huge values", lambda x: 1e200 * math.exp(x), 0.5, 1e200 * math.exp(0.5)),
]
HARD = [
    Animal("sin of 1000 x", lambda x: math.sin(1000.0 * x), 1.0, 1000.0 * math.cos(1000.0), "hard"),
    Animal("sin of 1e5 x", lambda x: math.sin(1e5 * x), 1.0, 1e5 * math.cos(1e5), "hard"),
    # On steps halved exactly the rounding of w * (x + h) is a straight line in h: a wrong slope no contrast can see.
    Animal(
        "a product that rounds",
        lambda x: math.sin(77266.06798975005 * x),
        2.5592286255744168,
        77266.06798975005 * -0.96467483351165846724,
        "hard",
    ),
    # On steps halved exactly, waves of whose frequency a step is nearly a multiple are seen as slow ones.
    Animal(
        "a fast wave on a slow one",
        lambda x: math.sin(x) + math.sin(2861.420648631219 * x),
        2.506022126897155,
        math.cos(2.506022126897155) + 2861.420648631219 * math.cos(2861.420648631219 * 2.506022126897155),
        "hard",
    ),
    Animal("a fast wave at 0", lambda x: math.sin(5709.7027 * x), 0.0, 5709.7027, "hard"),
    Animal("sharp front", lambda x: math.tanh(240.0 * (x - 1.0)), 1.0, 240.0, "hard"),
    Animal("large offset", lambda x: 1e6 + math.sin(x), 1.0, math.cos(1.0), "hard"),
    Animal("sin at a million", math.sin, 1e6, math.cos(1e6), "hard"),
    Animal("kink nearby", lambda x: abs(x - 1.0 - 1e-5) + x * x, 1.0, 1.0, "hard"),
    Animal("Gaussian peak", lambda x: math.exp(-((1e3 * (x - 1.0)) ** 2)), 1.0 + 2.0**-11, _peak(2.0**-11), "hard"),
]
BROKEN = [
    _broken("abs", Verdict.KINK, abs, 0.0, 0.0),
    _broken("relu", Verdict.KINK, lambda x: max(x, 0.0), 0.0, 0.5),
    _broken("larger of x and 2 x", Verdict.KINK, lambda x: max(x, 2.0 * x), 0.0, 1.5),
    _broken("kink on a wave", Verdict.KINK, lambda x: abs(x - 1.0) + math.sin(x), 1.0, math.cos(1.0)),
    _broken("floor", Verdict.JUMP, math.floor, 2.0),
    _broken("sign", Verdict.JUMP, lambda x: math.copysign(1.0, x), 0.0),
    _broken("step on a wave", Verdict.JUMP, lambda x: math.sin(x) + (x > 1.3), 1.3),
    _broken("one value apart", Verdict.JUMP, lambda x: float(x == 1.0), 1.0),
    _broken("cube root", Verdict.UNDEFINED, math.cbrt, 0.0),
    _broken("root of abs", Verdict.UNDEFINED, lambda x: abs(x) ** 0.5, 0.0),
    _broken("cusp", Verdict.UNDEFINED, lambda x: abs(x - 1.0) ** (2.0 / 3.0), 1.0),
    _broken("root at 0", Verdict.UNDEFINED, math.sqrt, 0.0),
    _broken("root of what is left", Verdict.UNDEFINED, lambda x: math.sqrt(1.0 - x * x), 1.0),
    _broken("arcsine at 1", Verdict.UNDEFINED, math.asin, 1.0),
    _broken("no value", Verdict.UNDEFINED, lambda x: math.nan, 1.0),
    _broken("cut log1p", Verdict.AT_BOUND, _cut(math.log1p, low=0.0), 0.0, 1.0),
    _broken("cut exp", Verdict.AT_BOUND, _cut(math.exp, high=2.0), 2.0, math.exp(2.0)),
    _broken("rounded output", Verdict.NOISY, lambda x: round(math.sin(x), 3), 1.0, math.cos(1.0)),
    _broken("finely rounded output", Verdict.NOISY, lambda x: round(math.sin(x), 7), 1.0, math.cos(1.0)),
    _broken("noise of 1e-2", Verdict.NOISY, _shaken(math.sin, 1e-2), 1.0, math.cos(1.0)),
    _broken("noise of 1e-6", Verdict.NOISY, _shaken(math.sin, 1e-6), 1.0, math.cos(1.0)),
    _broken("noise of 1e-11", Verdict.NOISY, _shaken(math.sin, 1e-11), 1.0, math.cos(1.0)),
]
ZOO = SMOOTH + HARD
EVERYTHING = ZOO + BROKEN
