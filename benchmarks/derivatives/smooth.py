"""Families of smooth functions: ordinary ones, and the same at awkward scales and places."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

from benchmarks.derivatives.cases import Case, decade, draw, plain, sign
from benchmarks.derivatives.truth import MATH, NUMPY, Expr

#: A template: rng -> (expression, a point where it is at its ordinary scale).
Template = Callable[[Any], tuple[Expr, float]]


def _template(low: float, high: float, make: Callable[..., Expr], *ranges: tuple[float, float]) -> Template:
    def drawn(rng: Any) -> tuple[Expr, float]:
        return make(*(draw(rng, a, b) for a, b in ranges)), draw(rng, low, high)

    return drawn


def _polynomial(rng: Any) -> tuple[Expr, float]:
    c = [draw(rng, -2, 2) for _ in range(int(rng.integers(3, 9)))]

    def expr(m: Any, x: Any) -> Any:
        total = 0.0 * x
        for item in c:
            total = total * x + item
        return total

    return expr, draw(rng, -2, 2)


#: Ordinary smooth functions by name; every constant is drawn anew.
TEMPLATES: dict[str, Template] = {
    "sin(a x + b)": _template(-3, 3, lambda a, b: lambda m, x: m.sin(a * x + b), (0.5, 2), (0, 6)),
    "exp(a x)": _template(-2, 2, lambda a: lambda m, x: m.exp(a * x), (0.3, 2)),
    "log(x + c)": _template(0.2, 4, lambda c: lambda m, x: m.log(x + c), (0.5, 2)),
    "x^3 - a x": _template(-2, 2, lambda a: lambda m, x: x * x * x - a * x, (0.5, 2)),
    "sqrt(x^2 + a)": _template(-2, 2, lambda a: lambda m, x: m.sqrt(x * x + a), (0.5, 2)),
    "atan(a x)": _template(-2, 2, lambda a: lambda m, x: m.atan(a * x), (0.5, 2)),
    "tanh(a x)": _template(-2, 2, lambda a: lambda m, x: m.tanh(a * x), (0.5, 1.5)),
    "exp(-a x^2)": _template(-1.5, 1.5, lambda a: lambda m, x: m.exp(-a * x * x), (0.3, 1.5)),
    "1/(1 + exp(-a x))": _template(-3, 3, lambda a: lambda m, x: 1 / (1 + m.exp(-a * x)), (0.5, 2)),
    "x exp(-a x)": _template(0.1, 4, lambda a: lambda m, x: x * m.exp(-a * x), (0.5, 1.5)),
    "sin(x) cos(a x)": _template(-3, 3, lambda a: lambda m, x: m.sin(x) * m.cos(a * x), (1, 3)),
    "log(1 + exp(a x))": _template(-3, 3, lambda a: lambda m, x: m.log(1 + m.exp(a * x)), (0.5, 2)),
    "cosh(a x)": _template(-3, 3, lambda a: lambda m, x: m.cosh(a * x), (0.3, 1)),
    "(x^2 + 1)/(x + c)": _template(-1, 3, lambda c: lambda m, x: (x * x + 1) / (x + c), (3, 6)),
    "sin(x)/x": _template(0.3, 6, lambda: lambda m, x: m.sin(x) / x),
    "x log(x)": _template(0.3, 5, lambda: lambda m, x: x * m.log(x)),
    "x^p": _template(0.3, 4, lambda p: lambda m, x: m.pow(x, p), (-2, 3.5)),
    "polynomial": _polynomial,
    "exp(sin(a x))": _template(-3, 3, lambda a: lambda m, x: m.exp(m.sin(a * x)), (0.5, 2)),
    "cos(a x^2)": _template(-2.5, 2.5, lambda a: lambda m, x: m.cos(a * x * x), (0.3, 1)),
    "asin(x/a)": _template(-2, 2, lambda a: lambda m, x: m.asin(x / a), (2.5, 4)),
    "log(a + cos x)": _template(-3, 3, lambda a: lambda m, x: m.log(a + m.cos(x)), (1.5, 3)),
    "a/x": _template(0.2, 5, lambda a: lambda m, x: a / x, (0.5, 3)),
    "tan(x/a)": _template(-2, 2, lambda a: lambda m, x: m.tan(x / a), (2, 4)),
    "sqrt(1 + sin(x)^2)": _template(-3, 3, lambda: lambda m, x: m.sqrt(1 + m.sin(x) ** 2)),
    "erf(a x)": _template(-1.5, 1.5, lambda a: lambda m, x: m.erf(a * x), (0.5, 1.5)),
    "exp(-x) (1 + a x + x^2)": _template(0, 4, lambda a: lambda m, x: m.exp(-x) * (1 + a * x + x * x), (-2, 2)),
    "atan(exp(a x))": _template(-2, 2, lambda a: lambda m, x: m.atan(m.exp(a * x)), (0.5, 2)),
    "x/(a + x^2)": _template(-3, 3, lambda a: lambda m, x: x / (a + x * x), (0.5, 2)),
    "acos(x/a) x": _template(-2, 2, lambda a: lambda m, x: m.acos(x / a) * x, (3, 5)),
}


def pick(rng: Any, count: int) -> Iterator[tuple[str, Expr, float]]:
    """Draw templates without repeating one before all were used, with fresh constants."""
    names = list(TEMPLATES)
    order: list[str] = []
    while len(order) < count:
        order += [names[i] for i in rng.permutation(len(names))]
    for name in order[:count]:
        expr, x = TEMPLATES[name](rng)
        yield name, expr, x


def module(rng: Any) -> Any:
    """Draw whether a function is written with math or with NumPy."""
    return MATH if rng.uniform() < 0.5 else NUMPY


def smooth(rng: Any) -> Iterator[Case]:
    """Ordinary functions at ordinary points."""
    for name, expr, x in pick(rng, 60):
        yield plain(name, expr, x, module=module(rng))


def at_zero(rng: Any) -> Iterator[Case]:
    """The point is exactly 0."""
    a, b = draw(rng, 0.5, 3), draw(rng, 0.3, 3)
    for name, expr in {
        "sin(a x + b)": lambda m, x: m.sin(a * x + b),
        "exp(a x)": lambda m, x: m.exp(a * x),
        "log(1 + a x)": lambda m, x: m.log(1 + a * x),
        "atan(a x)": lambda m, x: m.atan(a * x),
        "tanh(a x) + b": lambda m, x: m.tanh(a * x) + b,
        "x/(1 + b x)": lambda m, x: x / (1 + b * x),
        "sqrt(1 + a x)": lambda m, x: m.sqrt(1 + a * x),
        "expit(a x)": lambda m, x: 1 / (1 + m.exp(-a * x)),
        "sin(1e6 x)": lambda m, x: m.sin(1e6 * x),
        "exp(1e-5 x)": lambda m, x: m.exp(1e-5 * x),
        "1/(1e-3 + x)": lambda m, x: 1 / (1e-3 + x),
        "x + b x^2": lambda m, x: x + b * x * x,
        "sinh(a x) exp(x)": lambda m, x: m.sinh(a * x) * m.exp(x),
        "1e-8 x + b": lambda m, x: 1e-8 * x + b,
        "asin(a x/4)": lambda m, x: m.asin(a * x / 4),
    }.items():
        yield plain(name, expr, 0.0, module=module(rng))


def scaled(rng: Any) -> Iterator[Case]:
    """f(s x) for s from 1e-4 to 1e4: the unit of x is not one."""
    for name, expr, x in pick(rng, 40):
        s = decade(rng, -4, 4)
        yield plain(f"{name}, x times {s:.2g}", _rescaled(expr, s), x / s, module=module(rng))


def _rescaled(expr: Expr, s: float) -> Expr:
    return lambda m, x: expr(m, s * x)


def _shifted(expr: Expr, c: float) -> Expr:
    return lambda m, x: expr(m, x - c)


def _magnified(expr: Expr, c: float) -> Expr:
    return lambda m, x: c * expr(m, x)


def _raised(expr: Expr, c: float) -> Expr:
    return lambda m, x: c + expr(m, x)


def shifted(rng: Any) -> Iterator[Case]:
    """f(x - c) with c around 1e6 or 1e8: x is large, f's scale is one."""
    for c in (1e3, 1e6, 1e8):
        for name, expr, x in pick(rng, 6):
            yield plain(f"{name}, x - {c:g}", _shifted(expr, c), c + x, module=module(rng))


def offset(rng: Any) -> Iterator[Case]:
    """A constant of 1e3 to 1e9 is added to f: its rounding is the noise."""
    for name, expr, x in pick(rng, 15):
        c = sign(rng) * decade(rng, 3, 9)
        yield plain(f"{c:.2g} + {name}", _raised(expr, c), x, module=module(rng))


def magnitude(rng: Any) -> Iterator[Case]:
    """f times 1e-200 to 1e+200."""
    for power in (-200, -100, -30, 30, 100, 200):
        for name, expr, x in pick(rng, 5):
            yield plain(f"1e{power} {name}", _magnified(expr, 10.0**power), x, module=module(rng))


def extreme(rng: Any) -> Iterator[Case]:
    """The point is tiny or huge, and f's own scale may or may not follow it."""
    a = draw(rng, 0.5, 2)
    anywhere: dict[str, Expr] = {
        "sqrt(a x)": lambda m, x: m.sqrt(a * x),
        "log(a x)": lambda m, x: m.log(a * x),
        "x^0.7": lambda m, x: m.pow(x, 0.7),
        "a x + sqrt(x)": lambda m, x: a * x + m.sqrt(x),
        "x/(1 + x)": lambda m, x: x / (1 + x),
    }
    large: dict[str, Expr] = {
        "x^2": lambda m, x: x * x,
        "1/x": lambda m, x: 1 / x,
        "x log(x)": lambda m, x: x * m.log(x),
    }
    small: dict[str, Expr] = {
        "sin(a x)": lambda m, x: m.sin(a * x),
        "exp(a x)": lambda m, x: m.exp(a * x),
        "cos(x + 1)": lambda m, x: m.cos(x + 1),
        "x (1 + x)": lambda m, x: x * (1 + x),
        "atan(a x) + 1": lambda m, x: m.atan(a * x) + 1,
    }
    for x in (1e-300, 1e-100, 1e-20, 1e-8, 1e8, 1e20, 1e150):
        for name, expr in {**anywhere, **(large if x > 1 else small)}.items():
            if name == "x/(1 + x)" and x > 1:
                continue  # 1 to the last bit: nothing is left of its slope
            at = x * draw(rng, 1, 9)
            yield plain(f"{name} at {at:.2g}", expr, at, module=module(rng))
    for x in (1e-300, 1e-30, 1e30, 1e150):
        at = x * draw(rng, 1, 9)
        yield plain(f"sin(x/{at:.2g}) at {at:.2g}", lambda m, t, c=at: m.sin(a * (t / c)), at, module=module(rng))


def special(rng: Any) -> Iterator[Case]:
    """Special functions of SciPy."""
    for name, low, high in (
        ("j0", 0.5, 12.0),
        ("j1", 0.5, 12.0),
        ("i0", 0.5, 5.0),
        ("k0", 0.5, 5.0),
        ("airy_ai", -6.0, 3.0),
        ("gamma", 0.5, 6.0),
        ("gammaln", 0.3, 40.0),
        ("digamma", 0.5, 20.0),
        ("erfcx", -1.0, 6.0),
        ("erfc", -2.0, 4.0),
        ("dawsn", -3.0, 3.0),
        ("lambertw", 0.1, 20.0),
        ("ellipk", 0.05, 0.95),
        ("zeta", 1.3, 8.0),
        ("expit", -6.0, 6.0),
    ):
        for _ in range(2):
            yield plain(name, lambda m, x, k=name: getattr(m, k)(x), draw(rng, low, high), module=NUMPY)


def trivial(rng: Any) -> Iterator[Case]:
    """Lines, constants, even functions at 0, plateaus: easy to be right about, easy to cry wolf over."""
    a, b = draw(rng, 0.5, 3), draw(rng, 1, 5)
    x = draw(rng, 0.5, 5)
    same = ("ok", "independent")
    for name, expr, at in (
        ("a x + b", lambda m, t: a * t + b, x),
        ("x", lambda m, t: t, x),
        ("x at 0", lambda m, t: t, 0.0),
        ("-a x at 1e10", lambda m, t: -a * t, 1e10 * x),
        ("a x + b at 1e-12", lambda m, t: a * t + b, 1e-12 * x),
        ("1e-12 x + 1", lambda m, t: 1e-12 * t + 1, x),
        ("x^2", lambda m, t: t * t, x),
    ):
        yield plain(name, expr, at)
    for name, expr, at in (
        ("constant", lambda m, t: b + 0 * t, x),
        ("constant at 0", lambda m, t: b + 0 * t, 0.0),
        ("zero", lambda m, t: 0.0 * t, x),
        ("zero at 0", lambda m, t: 0.0 * t, 0.0),
        ("constant 1e200 at 1e8", lambda m, t: 1e200 + 0 * t, 1e8),
    ):
        yield plain(name, expr, at, truth=0.0, expected=same)
    for name, expr, size in (
        ("cos(a x)", lambda m, t: m.cos(a * t), 1.0),
        ("x^2", lambda m, t: t * t, 1.0),
        ("x^4", lambda m, t: t**4, 1.0),
        ("exp(-x^2)", lambda m, t: m.exp(-t * t), 1.0),
        ("sqrt(1 + a x^2)", lambda m, t: m.sqrt(1 + a * t * t), 1.0),
        ("1e200 cosh(x)", lambda m, t: 1e200 * m.cosh(t), 1e200),
        ("1e-200 cosh(x)", lambda m, t: 1e-200 * m.cosh(t), 1e-200),
    ):
        yield plain(f"{name} at 0", expr, 0.0, truth=0.0, scale=size)
    yield plain("tanh(240 x) saturated", lambda m, t: m.tanh(240 * t), draw(rng, 1, 1.5), truth=0.0, expected=same)
    yield plain("erf(x) saturated", lambda m, t: m.erf(t), draw(rng, 7, 9), truth=0.0, expected=same)
    yield plain("cos(x) at pi, an extremum", lambda m, t: m.cos(t), math.pi, scale=1.0)
    yield plain("(x - b)^2 at b", lambda m, t: (t - b) * (t - b), b, truth=0.0)
