"""Fresh functions: random trees from a grammar, as many as there are numbers, so that nobody can tune to them.

Rules: one integer makes one function: its tree, its constants, its point. A tree is drawn with
depth 2 to 4 from smooth primitives, and refused when it is not finite around x,
when the slope is 0 or far below f's size, or when rounding alone has taken six of its digits at x
(three where it will be computed in single precision). The truth is the same tree in long arithmetic.
A noise class wraps the same tree.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from benchmarks.derivatives.cases import Case, Function
from benchmarks.derivatives.noisy import frozen, single, stochastic
from benchmarks.derivatives.truth import MATH, NUMPY, Expr, exact

#: A tree: its text and its expression.
Tree = tuple[str, Expr]

UNARY: tuple[tuple[str, Callable[[Any, Any], Any]], ...] = (
    ("sin({})", lambda m, u: m.sin(u)),
    ("cos({})", lambda m, u: m.cos(u)),
    ("exp(-{}^2)", lambda m, u: m.exp(-(u * u))),
    ("exp({}/2)", lambda m, u: m.exp(u / 2)),
    ("tanh({})", lambda m, u: m.tanh(u)),
    ("atan({})", lambda m, u: m.atan(u)),
    ("log(1 + {}^2)", lambda m, u: m.log(1 + u * u)),
    ("sqrt(1 + {}^2)", lambda m, u: m.sqrt(1 + u * u)),
    ("1/(1 + {}^2)", lambda m, u: 1 / (1 + u * u)),
    ("{}^2", lambda m, u: u * u),
    ("{}^3", lambda m, u: u * u * u),
    ("1/(1 + exp(-{}))", lambda m, u: 1 / (1 + m.exp(-u))),
    ("log(1 + exp({}))", lambda m, u: m.log(1 + m.exp(u))),
    ("1/{}", lambda m, u: 1 / u),
    ("sqrt({})", lambda m, u: m.sqrt(u)),
)

BINARY: tuple[tuple[str, Callable[[Any, Any], Any]], ...] = (
    ("({} + {})", lambda u, v: u + v),
    ("({} - {})", lambda u, v: u - v),
    ("({} * {})", lambda u, v: u * v),
    ("({}/(2 + {}^2))", lambda u, v: u / (2 + v * v)),
    ("({}/{})", lambda u, v: u / v),
)

#: Noise classes: (wrapper kind, size). ``none`` comes first.
CLASSES: dict[str, tuple[str, float]] = {
    "none": ("", 0.0),
    "absolute 1e-3": ("absolute", 1e-3),
    "absolute 1e-6": ("absolute", 1e-6),
    "relative 1e-3": ("relative", 1e-3),
    "relative 1e-6": ("relative", 1e-6),
    "quantised 1e-4": ("quantised", 1e-4),
    "float32 hidden": ("float32", 6e-8),
    "float32 rounded": ("float32", 6e-8),
    "float32": ("float32", 6e-8),
}


class Source:
    """Draws constants; in single precision when the function will be computed in it."""

    def __init__(self, number: int, short: bool) -> None:
        self.rng = np.random.default_rng([number, 0xF5E5])
        self._short = short

    def constant(self, low: float, high: float) -> float:
        """Draw a constant."""
        value = self.rng.uniform(low, high)
        return float(np.float32(value)) if self._short else float(value)

    def index(self, count: int) -> int:
        """Draw an index."""
        return int(self.rng.integers(count))


def _leaf(source: Source, unit: float) -> Tree:
    a, b = source.constant(-2.5, 2.5) / unit, source.constant(-2, 2)
    if source.index(3) == 0:
        return f"({a:.3g} x)", lambda m, x: a * x
    return f"({a:.3g} x + {b:.3g})", lambda m, x: a * x + b


def _tree(source: Source, depth: int, unit: float) -> Tree:
    if depth == 0:
        return _leaf(source, unit)
    if source.index(5) < 3:
        text, rule = UNARY[source.index(len(UNARY))]
        below, inner = _tree(source, depth - 1, unit)
        return text.format(below), lambda m, x: rule(m, inner(m, x))
    text, join = BINARY[source.index(len(BINARY))]
    (left, first), (right, second) = _tree(source, depth - 1, unit), _tree(source, int(source.index(depth)), unit)
    c = source.constant(0.3, 2)
    return f"{c:.3g} {text.format(left, right)}", lambda m, x: c * join(first(m, x), second(m, x))


def _sound(expr: Expr, x: float, unit: float, loss: float) -> float | None:
    """Return the true slope, or None when the tree is refused (``loss``: how much of f(x) rounding may take)."""
    try:
        around = [float(expr(MATH, x + k * 0.02 * unit)) for k in (-2, -1, 0, 1, 2)]
        value, slope = exact(expr, x)
    except (ArithmeticError, ValueError, TypeError):
        return None
    size = max(map(abs, around))
    if not all(map(math.isfinite, around)) or not 1e-4 < size < 1e6:
        return None
    if slope == 0 or abs(float(slope)) * unit < 1e-6 * size:
        return None
    if abs(float(value) - around[2]) > loss * abs(float(value)):
        return None
    return float(slope)


def function(number: int, short: bool = False) -> tuple[str, Expr, float, float]:
    """Return (text, expression, x, slope) of the fresh function with this number."""
    source = Source(number, short)
    while True:
        # A power of two: a unit other than one costs no bit of the constants.
        unit = 2.0 ** int(source.rng.integers(-12, 13)) if source.index(3) == 0 else 1.0
        x = source.constant(-2, 2) * unit
        text, expr = _tree(source, 2 + source.index(3), unit)
        slope = _sound(expr, x, unit, 1e-13 if short else 1e-10)
        if slope is not None:
            return text, expr, x, slope


def _quantise(q: float) -> Callable[[Function], Function]:
    return lambda f: lambda x: round(float(f(x)) / q) * q


def case(number: int, noise: str = "none") -> Case:
    """Return the case of one fresh function under a noise class; its id is ``fresh:number:class``.

    >>> made = case(5)
    >>> made.id, made.truth == case(5, "absolute 1e-3").truth
    ('fresh:5:none', True)
    """
    kind, size = CLASSES[noise]
    text, expr, x, slope = function(number, kind == "float32")
    module = MATH if number % 2 else NUMPY
    name = f"fresh:{number}:{noise}"
    made = Case(text, "fresh", lambda: lambda t: expr(module, t), x, slope, expr=expr, id=name)
    if kind == "":
        return made
    words = {"noisy"} if kind in ("absolute", "relative") else {"noisy", "ok"}
    made = replace(made, expected=frozenset(words), noise=size)
    clean = made.build
    if kind == "float32":
        at = np.float32(x) if noise == "float32" else x
        return replace(made, build=single(expr, noise), dtype=noise, x=at)
    if kind == "quantised":
        return replace(made, build=lambda: _quantise(size)(clean()))
    wrapper = (frozen if number % 3 else stochastic)(size, kind, number)
    return replace(made, build=lambda: wrapper()(clean()))


def cases(start: int, count: int, noise: str = "none") -> Iterator[Case]:
    """Yield fresh functions number start, start + 1, ... under a noise class."""
    for number in range(start, start + count):
        yield case(number, noise)
