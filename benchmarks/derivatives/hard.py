"""Families that are smooth but hard: fast, narrow, stiff, nearly singular, or drowned by cancellation."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from benchmarks.derivatives.cases import Case, decade, draw, plain, sign
from benchmarks.derivatives.smooth import module
from benchmarks.derivatives.truth import MATH, Expr


def oscillating(rng: Any) -> Iterator[Case]:
    """Waves of frequency 30 to 1e5 at points of order one."""
    for power in (1.5, 2.2, 2.9, 3.6, 4.3):
        w, p, x = decade(rng, power, power + 0.7), draw(rng, 0, 6), draw(rng, 0.3, 3)
        made: dict[str, Expr] = {
            f"sin({w:.3g} x + p)": lambda m, t, w=w, p=p: m.sin(w * t + p),
            f"x cos({w:.3g} x)": lambda m, t, w=w: t * m.cos(w * t),
            f"exp(-x) sin({w:.3g} x)": lambda m, t, w=w: m.exp(-t) * m.sin(w * t),
            f"exp(sin({w:.3g} x))": lambda m, t, w=w: m.exp(m.sin(w * t)),
            f"sin({w:.3g} x^2)": lambda m, t, w=w: m.sin(w * t * t),
            f"sin(x) + sin({w:.3g} x)": lambda m, t, w=w: m.sin(t) + m.sin(w * t),
        }
        for name, expr in made.items():
            yield plain(name, expr, x, module=module(rng))


def near_singular(rng: Any) -> Iterator[Case]:
    """A pole, a logarithm or a complex pole at distance 1e-1 to 1e-6."""
    for power in (-1, -2, -3, -4, -5, -6):
        d, c = sign(rng) * decade(rng, power - 0.5, power + 0.5), draw(rng, 0.5, 3)
        made: dict[str, Expr] = {
            "1/(x - c)": lambda m, t, c=c: 1 / (t - c),
            "1/(x - c)^2 + x": lambda m, t, c=c: 1 / (t - c) ** 2 + t,
            "log((x - c)^2)": lambda m, t, c=c: m.log((t - c) ** 2),
            "1/(d^2 + (x - c)^2)": lambda m, t, c=c, d=d: 1 / (d * d + (t - c) ** 2),
            "tan(x + pi/2 - c)": lambda m, t, c=c: m.tan(t + math.pi / 2 - c),
        }
        for name, expr in made.items():
            yield plain(f"{name}, distance {d:.2g}", expr, c + d, module=module(rng))


def hard(rng: Any) -> Iterator[Case]:
    """Narrow peaks, stiff exponentials, steep fronts, chirps."""
    for _ in range(2):
        c, w, s = draw(rng, 0.5, 3), decade(rng, -5, -1.5), draw(rng, -1.5, 1.5)
        k, e, n, a = decade(rng, 2, 4), decade(rng, 3.5, 4.5), draw(rng, 200, 400), draw(rng, 3, 6)
        yield plain(f"Gaussian of width {w:.2g}", lambda m, t, c=c, w=w: m.exp(-(((t - c) / w) ** 2)), c + w * s)
        on_line: Expr = lambda m, t, c=c, w=w: t + m.exp(-(((t - c) / w) ** 2))  # noqa: E731
        yield plain(f"Gaussian of width {w:.2g} on a line", on_line, c + w * s)
        yield plain(f"exp(-{k:.3g} x)", lambda m, t, k=k: m.exp(-k * t), draw(rng, 0, 5) / k)
        yield plain(f"exp(-x) + exp(-{k:.3g} x)", lambda m, t, k=k: m.exp(-t) + m.exp(-k * t), draw(rng, 1, 4) / k)
        yield plain(f"tanh({n:.3g} (x - c))", lambda m, t, n=n, c=c: m.tanh(n * (t - c)), c + s / n)
        yield plain(f"tanh({n:.3g} (x - c)) + x", lambda m, t, n=n, c=c: m.tanh(n * (t - c)) + t, c + 3 * s / n)
        yield plain(f"1/(1 + ({k:.3g} x)^2)", lambda m, t, k=k: 1 / (1 + (k * t) ** 2), draw(rng, 0.3, 3) / k)
        yield plain("sin(1/x)", lambda m, t: m.sin(1 / t), decade(rng, -3, -1))
        yield plain("sin(exp(a x))", lambda m, t, a=a: m.sin(m.exp(a * t)), draw(rng, 1, 1.8))
        yield plain(f"exp(-{e:.3g}/x)", lambda m, t, e=e: m.exp(-e / t), draw(rng, 250, 400))
        yield plain("Weierstrass, 7 terms", _weierstrass, draw(rng, 0.3, 2))
        yield plain("a wave of 1e-3 on a slope", lambda m, t, n=n: 2 * t + 1e-3 * m.sin(n * t), draw(rng, 0.5, 3))
        yield plain("Lennard-Jones", lambda m, t: 4 * ((1 / t) ** 12 - (1 / t) ** 6), draw(rng, 0.7, 2.5))
        yield plain("Planck", lambda m, t: t**3 / (m.exp(t) - 1), draw(rng, 0.05, 20))
        yield plain("x^40", lambda m, t: t**40, draw(rng, 0.7, 1.4))
        yield plain("exp(x^2) erfc(x)", lambda m, t: m.exp(t * t) * m.erfc(t), draw(rng, 0.5, 4))


def _weierstrass(m: Any, x: Any) -> Any:
    return m.cos(x) + sum(m.cos(3.0**j * x) / 2.0**j for j in range(1, 7))


def cancellation(rng: Any) -> Iterator[Case]:
    """Differences of nearly equal numbers: f's rounding is far above its last digit."""
    for power in (-1, -2, -3, -5):
        x = decade(rng, power - 0.5, power + 0.5)
        made: dict[str, Expr] = {
            "(1 - cos x)/x^2": lambda m, t: (1 - m.cos(t)) / (t * t),
            "log(1 + x^2)": lambda m, t: m.log(1 + t * t),
            "exp(x) - 1": lambda m, t: m.exp(t) - 1,
            "(x - sin x)/x^3": lambda m, t: (t - m.sin(t)) / t**3,
            "sqrt(1 + x) - 1": lambda m, t: m.sqrt(1 + t) - 1,
            "(exp(x) - 1)/x": lambda m, t: (m.exp(t) - 1) / t,
        }
        if power < -3:
            made.pop("(x - sin x)/x^3")  # nothing but rounding is left of it
            made.pop("(1 - cos x)/x^2")
        for name, expr in made.items():
            yield plain(f"{name} at {x:.2g}", expr, x, expected=("ok", "noisy"))
    y = decade(rng, 2, 5)
    d = decade(rng, -2, -1)
    further: dict[str, tuple[Expr, float]] = {
        "sqrt(x + 1) - sqrt(x)": (lambda m, t: m.sqrt(t + 1) - m.sqrt(t), y),
        "1/x - 1/(x + 1)": (lambda m, t: 1 / t - 1 / (t + 1), y),
        "atan(x + 1) - atan(x)": (lambda m, t: m.atan(t + 1) - m.atan(t), y / 10),
        "root of the quadratic": (lambda m, t: (-t + m.sqrt(t * t - 4)) / 2, y),
        "(x - 1)^7 expanded": (_seventh, 1 + d),
        "Taylor series of exp at -12": (_taylor, -12 - draw(rng, 0, 6)),
        "1 - erf(x)": (lambda m, t: 1 - m.erf(t), draw(rng, 2, 4)),
        "tan(x) - sin(x)": (lambda m, t: m.tan(t) - m.sin(t), d),
        "two-pass variance": (_variance, draw(rng, 0.5, 2)),
        "log(exp(x) + exp(-x)) - x": (lambda m, t: m.log(m.exp(t) + m.exp(-t)) - t, draw(rng, 2, 5)),
        "(1e8 + x)^2 - 1e16": (lambda m, t: (1e8 + t) * (1e8 + t) - 1e16, draw(rng, 1, 5)),
        "cosh(x)^2 - sinh(x)^2 + x": (lambda m, t: m.cosh(t) ** 2 - m.sinh(t) ** 2 + t, draw(rng, 3, 8)),
    }
    for name, (expr, at) in further.items():
        yield plain(name, expr, at, module=MATH, expected=("ok", "noisy"))


def _seventh(m: Any, x: Any) -> Any:
    return x**7 - 7 * x**6 + 21 * x**5 - 35 * x**4 + 35 * x**3 - 21 * x**2 + 7 * x - 1


def _taylor(m: Any, x: Any) -> Any:
    term = 1 + 0 * x
    total = term
    for k in range(1, 90):
        term = term * x / k
        total = total + term
    return total


def _variance(m: Any, x: Any) -> Any:
    data = [100 + j * x for j in range(5)]
    return sum(v * v for v in data) / 5 - (sum(data) / 5) ** 2
