"""Families where smoothness ends: domain ends, kinks, jumps, cusps, and their neighborhood."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from benchmarks.derivatives.cases import Case, Function, broken, decade, draw, plain, sign
from benchmarks.derivatives.smooth import module
from benchmarks.derivatives.truth import MATH, NUMPY, Expr


def domain_end(rng: Any) -> Iterator[Case]:
    """The domain ends at distance 1e-9 to 1e-1; beyond it f raises, gives NaN, or turns complex."""
    for power in (-9, -7, -5, -4, -3, -2, -1):
        d = decade(rng, power - 0.4, power + 0.4)
        c = draw(rng, 0.5, 2)
        made: dict[str, tuple[Expr, float]] = {
            "log(x)": (lambda m, t: m.log(t), d),
            "sqrt(x)": (lambda m, t: m.sqrt(t), d),
            "x^1.5": (lambda m, t: m.pow(t, 1.5), d),
            "x log(x)": (lambda m, t: t * m.log(t), d),
            "asin(x)": (lambda m, t: m.asin(t), 1 - d),
            "sqrt(c - x)": (lambda m, t, c=c: m.sqrt(c - t), c - d),
            "log(x - c) sin(x)": (lambda m, t, c=c: m.log(t - c) * m.sin(t), c + d),
        }
        for name, (expr, x) in made.items():
            yield plain(f"{name}, end at {d:.2g}", expr, x, module=module(rng), expected=("ok", "at bound"))
        yield plain(f"x ** 1.5, complex beyond, end at {d:.2g}", _power, d, expected=("ok", "at bound"))


def _power(m: Any, x: Any) -> Any:
    return x**1.5


def far_end(rng: Any) -> Iterator[Case]:
    """A smooth function cut off (NaN or an exception) at distance 1e-9 to 1e-1."""
    for power in (-9, -6, -4, -3, -2, -1):
        x = draw(rng, 0.5, 2)
        end = x + sign(rng) * decade(rng, power - 0.4, power + 0.4)
        for name, expr in {"sin(x)": lambda m, t: m.sin(t), "exp(x)": lambda m, t: m.exp(t)}.items():
            for raising in (False, True):
                case = plain(f"{name} cut off at {end - x:.2g}", expr, x, expected=("ok", "at bound"))
                yield Case(case.name, "", _cut(expr, end, end > x, raising), x, case.truth, case.expected)


def _cut(expr: Expr, end: float, above: bool, raising: bool) -> Any:
    def f(x: float) -> float:
        if (x > end) if above else (x < end):
            if raising:
                raise ValueError("outside the domain")
            return math.nan
        return float(expr(MATH, x))

    return lambda: f


def bounded(rng: Any) -> Iterator[Case]:
    """A bound that is told, at distance 0 to 1e-1; one step beyond it f breaks for good."""
    for power in (-9, -6, -4, -3, -2, -1):
        d, c = decade(rng, power - 0.4, power + 0.4), draw(rng, 0.5, 2)
        low: dict[str, tuple[Expr, float]] = {
            "log(x)": (lambda m, t: m.log(t), 0.0),
            "sqrt(x - c)": (lambda m, t, c=c: m.sqrt(t - c), c),
            "exp(x)": (lambda m, t: m.exp(t), c),
        }
        for name, (expr, end) in low.items():
            yield _fenced(f"{name}, lower bound at {d:.2g}", expr, end + d, (end, math.inf))
        yield _fenced(f"sin(x), upper bound at {d:.2g}", lambda m, t: m.sin(t), c - d, (-math.inf, c))
        yield _fenced(f"exp(x), a box of {2 * d:.2g}", lambda m, t: m.exp(t), c, (c - d, c + d))
    c = draw(rng, 0.5, 2)
    yield _fenced("exp(x), x at the lower bound", lambda m, t: m.exp(t), c, (c, math.inf))
    yield _fenced("exp(x), x at the upper bound", lambda m, t: m.exp(t), c, (-math.inf, c))
    yield _fenced("log(x), x at the corner of a small box", lambda m, t: m.log(t), c, (c, c + 1e-7))


def _fenced(name: str, expr: Expr, x: float, bounds: tuple[float, float]) -> Case:
    def f(t: float) -> float:
        if not bounds[0] <= t <= bounds[1]:
            raise RuntimeError(f"evaluated outside the bounds, at {t!r}")
        return float(expr(MATH, t))

    made = plain(name, expr, x, expected=("ok", "at bound"), options={"bounds": bounds})
    return replace(made, build=lambda: f)


def at_end(rng: Any) -> Iterator[Case]:
    """The point is the end of the domain, and the one-sided slope exists."""
    a = draw(rng, 0.5, 2)
    for m, how in ((MATH, "raises"), (NUMPY, "NaN")):
        yield plain(f"x^1.5 at 0, {how}", lambda m, t: m.pow(t, 1.5), 0.0, module=m, truth=0.0, expected="at bound")
        rising: Expr = lambda m, t: m.pow(t, 2.5) + a * t  # noqa: E731
        yield plain(f"x^2.5 + a x at 0, {how}", rising, 0.0, module=m, truth=a, expected="at bound")
    for x in (draw(rng, 0.5, 2), 0.0):
        for above in (True, False):
            for raising in (True, False):
                expr: Expr = lambda m, t: m.exp(a * t)  # noqa: E731
                case = plain(f"exp(a x) cut off at x = {x:.2g}", expr, x, expected="at bound")
                yield Case(case.name, "", _cut(expr, x, above, raising), x, case.truth, case.expected)


def kink(rng: Any) -> Iterator[Case]:
    """The slope jumps at x."""
    a, b, c = draw(rng, 0.3, 2), decade(rng, -2.5, 1.3), draw(rng, 0.5, 3)
    made = (
        ("abs(x) at 0", abs, 0.0, (-1.0, 1.0)),
        ("relu at 0", lambda x: max(0.0, x), 0.0, (0.0, 1.0)),
        ("leaky relu at 0", lambda x: x if x > 0 else 0.01 * x, 0.0, (0.01, 1.0)),
        ("abs(x - c)", lambda x: abs(x - c), c, (-1.0, 1.0)),
        (f"sin(x) + {b:.2g} abs(x - c)", lambda x: math.sin(x) + b * abs(x - c), c, (math.cos(c) - b, math.cos(c) + b)),
        ("max(x, x^2) at 1", lambda x: max(x, x * x), 1.0, (1.0, 2.0)),
        ("min(exp(x), 1 + 2 x) at 0", lambda x: min(math.exp(x), 1 + 2 * x), 0.0, (2.0, 1.0)),
        ("abs(sin(x)) at pi", lambda x: abs(math.sin(x)), math.pi, (-1.0, 1.0)),
        ("clip(x, -1, 1) at 1", lambda x: min(1.0, max(-1.0, x)), 1.0, (1.0, 0.0)),
        ("exp(abs(x)) at 0", lambda x: math.exp(abs(x)), 0.0, (-1.0, 1.0)),
        ("sqrt(x^2) at 0", lambda x: math.sqrt(x * x), 0.0, (-1.0, 1.0)),
        ("1e150 abs(x) at 0", lambda x: 1e150 * abs(x), 0.0, (-1e150, 1e150)),
        (f"abs(x - {a:.2g}) + 1e3", lambda x: abs(x - a) + 1e3, a, (-1.0, 1.0)),
        ("put option at the strike", lambda x: max(100.0 - x, 0.0), 100.0, (-1.0, 0.0)),
    )
    for name, f, x, sides in made:
        yield broken(name, f, x, "kink", sides=sides)


def no_slope(rng: Any) -> Iterator[Case]:
    """Jumps, cusps, vertical tangents, isolated values, ends without a slope."""
    c, p, s = draw(rng, 0.5, 3), draw(rng, 0.25, 0.75), decade(rng, -2, 1)
    jumps = (
        ("floor at 2", math.floor, 2.0),
        ("heaviside at 0", lambda x: 1.0 if x >= 0 else 0.0, 0.0),
        (f"sin(x) + step of {s:.2g}", lambda x: math.sin(x) + (s if x > c else 0.0), c),
        ("round at 0.5", lambda x: float(round(x)), 0.5),
        ("sign at 0", lambda x: math.copysign(1.0, x) if x else 0.0, 0.0),
        ("isolated value", lambda x: 3.0 if x == c else x, c),
    )
    for name, f, x in jumps:
        yield broken(name, f, x, "jump")
    steep = (
        ("cube root at 0", lambda x: math.copysign(abs(x) ** (1 / 3), x), 0.0),
        ("sqrt(abs(x)) at 0", lambda x: math.sqrt(abs(x)), 0.0),
        (f"abs(x - c)^{p:.2g} at c", lambda x: abs(x - c) ** p, c),
        (f"signed power {p:.2g} at c", lambda x: math.copysign(abs(x - c) ** p, x - c) + x, c),
        ("sqrt at 0, raises", math.sqrt, 0.0),
        ("sqrt at 0, NaN", NUMPY.sqrt, 0.0),
        ("x log(x) at 0", lambda x: x * math.log(x) if x else 0.0, 0.0),
        ("asin at 1", math.asin, 1.0),
        ("f only at x", lambda x: 1.0 if x == c else math.nan, c),
    )
    for name, f, x in steep:
        yield broken(name, f, x, ("undefined", "jump") if name == "f only at x" else "undefined")


def near_kink(rng: Any) -> Iterator[Case]:
    """A kink, a jump or a plateau at distance 1e-6 to 1e-1: the derivative exists."""
    for power in (-6, -5, -4, -3, -2, -1):
        d, c = sign(rng) * decade(rng, power - 0.4, power + 0.4), draw(rng, 0.5, 2)
        x = c + d
        s = 1.0 if x > c else -1.0
        added: Expr = lambda m, t, c=c, s=s: m.sin(t) + s * (t - c)  # noqa: E731
        branches: tuple[tuple[str, Expr, Any], ...] = (
            ("sin(x) + abs(x - c)", added, lambda t, c=c: math.sin(t) + abs(t - c)),
            ("exp(abs(x - c))", lambda m, t, c=c, s=s: m.exp(s * (t - c)), lambda t, c=c: math.exp(abs(t - c))),
            ("cos(x) + step at c", lambda m, t: m.cos(t), lambda t, c=c: math.cos(t) + (1.0 if t > c else 0.0)),
        )
        for name, branch, f in branches:
            made = plain(f"{name}, distance {d:.2g}", branch, x)
            yield replace(made, build=_always(f))
        slope = 1.0 if d > 0 else 0.0
        yield Case(f"relu(x - c), distance {d:.2g}", "", _always(lambda t, c=c: max(0.0, t - c)), x, slope)


def _always(f: Function) -> Callable[[], Function]:
    return lambda: f
