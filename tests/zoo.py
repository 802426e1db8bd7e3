"""One table of functions with exact derivatives, crossed by the tests with methods, scales and noise.

A row is a name, f, its exact derivative at the point, and the point. Traits: ``smooth`` functions are analytic near the
point over a good part of its size; ``hard`` ones have a scale of their own.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Animal:
    """A function, a point, and the truth."""

    name: str
    f: Callable[[float], float]
    x: float
    truth: float
    trait: str = "smooth"


def _logistic(x: float) -> float:
    return 1.0 / (1.0 + math.exp(-x))


def _peak(u: float) -> float:
    return -2e6 * u * math.exp(-((1e3 * u) ** 2))


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
ZOO = SMOOTH + HARD
