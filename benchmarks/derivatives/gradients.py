"""Gradient problems of 2 to 50 variables, ordinary and badly scaled (units up to 1e14 apart)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any

import mpmath
import numpy as np

from benchmarks.derivatives.cases import Case, draw
from benchmarks.derivatives.truth import LONG, MATH, Dual, lift

#: (namespace, list of entries) -> value.
Form = Callable[[Any, Sequence[Any]], Any]


def problem(name: str, form: Form, x: Any, expected: tuple[str, ...] = ("ok",)) -> Case:
    """Make a gradient case; the truth is taken entry by entry in long arithmetic."""
    at = np.asarray(x, dtype=float)
    truth = np.array([entry(form, at.tolist(), i) for i in range(at.size)])
    return Case(name, "", lambda: lambda v: float(form(MATH, [float(t) for t in v])), at, truth, frozenset(expected))


def entry(form: Form, x: Sequence[float], i: int) -> float:
    with mpmath.workdps(60):
        return float(lift(form(LONG, [Dual(v, 1 if j == i else 0) for j, v in enumerate(x)])).b)


def _rosenbrock(m: Any, x: Sequence[Any]) -> Any:
    return sum(100 * (b - a * a) ** 2 + (1 - a) ** 2 for a, b in pairwise(x))


def _log_sum_exp(m: Any, x: Sequence[Any]) -> Any:
    return m.log(sum(m.exp(v) for v in x))


def _powell(m: Any, x: Sequence[Any]) -> Any:
    a, b, c, d = x
    return (a + 10 * b) ** 2 + 5 * (c - d) ** 2 + (b - 2 * c) ** 4 + 10 * (a - d) ** 4


def _wood(m: Any, x: Sequence[Any]) -> Any:
    a, b, c, d = x
    first = 100 * (b - a * a) ** 2 + (1 - a) ** 2 + 90 * (d - c * c) ** 2 + (1 - c) ** 2
    return first + 10.1 * ((b - 1) ** 2 + (d - 1) ** 2) + 19.8 * (b - 1) * (d - 1)


def _beale(m: Any, x: Sequence[Any]) -> Any:
    a, b = x
    return (1.5 - a + a * b) ** 2 + (2.25 - a + a * b * b) ** 2 + (2.625 - a + a * b * b * b) ** 2


def _broyden(m: Any, x: Sequence[Any]) -> Any:
    total = (3 - 2 * x[0]) * x[0] - 2 * x[1] + 1
    total = total * total
    for left, v, right in zip(x[:-2], x[1:-1], x[2:], strict=True):
        total = total + ((3 - 2 * v) * v - left - 2 * right + 1) ** 2
    return total


def _product(m: Any, x: Sequence[Any]) -> Any:
    total = 1 + x[0] * x[0]
    for v in x[1:]:
        total = total * (1 + v * v / 2)
    return total


def _linear_residuals(rows: list[list[float]], data: list[float]) -> Form:
    def form(m: Any, x: Sequence[Any]) -> Any:
        fitted = (sum(a * v for a, v in zip(row, x, strict=True)) for row in rows)
        return sum((v - y) ** 2 for v, y in zip(fitted, data, strict=True))

    return form


def _exponential_fit(times: list[float], data: list[float]) -> Form:
    return lambda m, x: sum((x[0] * m.exp(-x[1] * t) + x[2] - y) ** 2 for t, y in zip(times, data, strict=True))


def _logistic_loss(rows: list[list[float]], signs: list[float]) -> Form:
    def form(m: Any, x: Sequence[Any]) -> Any:
        margins = (s * sum(a * v for a, v in zip(row, x, strict=True)) for row, s in zip(rows, signs, strict=True))
        return sum(m.log(1 + m.exp(-u)) for u in margins) / len(rows)

    return form


def _softmax_loss(pixel: list[float], label: int) -> Form:
    def form(m: Any, x: Sequence[Any]) -> Any:
        width = len(x) // len(pixel)
        scores = [sum(p * x[i * width + j] for i, p in enumerate(pixel)) for j in range(width)]
        return m.log(sum(m.exp(s) for s in scores)) - scores[label]

    return form


def _quadratic(rows: list[list[float]]) -> Form:
    def form(m: Any, x: Sequence[Any]) -> Any:
        return sum(v * sum(a * w for a, w in zip(row, x, strict=True)) for v, row in zip(x, rows, strict=True)) / 2

    return form


def textbook(rng: Any) -> Iterator[tuple[str, Form, Any]]:
    """Name, form and point of textbook problems, the points drawn at random."""

    def point(n: int, low: float = -2, high: float = 2) -> Any:
        return rng.uniform(low, high, n)

    def matrix(n: int, k: int) -> list[list[float]]:
        return rng.standard_normal((n, k)).tolist()  # type: ignore[no-any-return]

    yield ("Rosenbrock, n = 2", _rosenbrock, [-1.2, 1.0])
    yield ("Rosenbrock, n = 10", _rosenbrock, point(10))
    yield ("Rosenbrock, n = 50", _rosenbrock, point(50))
    yield ("log-sum-exp, n = 20", _log_sum_exp, point(20, -4, 4))
    yield ("Powell's singular function", _powell, point(4))
    yield ("Wood", _wood, point(4))
    yield ("Beale", _beale, point(2))
    yield ("Broyden tridiagonal, n = 30", _broyden, point(30))
    yield ("product, n = 6", _product, point(6))
    data, signs = rng.standard_normal(12).tolist(), np.sign(rng.standard_normal(20)).tolist()
    yield ("linear least squares, n = 8", _linear_residuals(matrix(12, 8), data), point(8))
    times = [0.2 * k for k in range(10)]
    yield ("exponential fit", _exponential_fit(times, rng.uniform(0, 2, 10).tolist()), point(3, 0.3, 2))
    yield ("logistic regression, n = 5", _logistic_loss(matrix(20, 5), signs), point(5))
    yield ("softmax net of 2 by 3", _softmax_loss([0.6, 0.9], 2), point(6))
    yield ("quadratic form, n = 15", _quadratic(matrix(15, 15)), point(15))


def gradients(rng: Any) -> Iterator[Case]:
    """Textbook problems at random points."""
    for name, form, x in textbook(rng):
        yield problem(name, form, x)


def _brown(m: Any, x: Sequence[Any]) -> Any:
    a, b = x
    return (a - 1e6) ** 2 + (b - 2e-6) ** 2 + (a * b - 2) ** 2


def _powell_badly(m: Any, x: Sequence[Any]) -> Any:
    a, b = x
    return (1e4 * a * b - 1) ** 2 + (m.exp(-a) + m.exp(-b) - 1.0001) ** 2


def _arrhenius(m: Any, x: Sequence[Any]) -> Any:
    factor, energy, temperature = x
    return factor * m.exp(-energy / (8.314462618 * temperature))


def _michaelis(m: Any, x: Sequence[Any]) -> Any:
    rate, half, amount, time = x
    return amount - rate * amount / (half + amount) * time


def _normal_likelihood(data: list[float]) -> Form:
    def form(m: Any, x: Sequence[Any]) -> Any:
        mean, spread = x
        return sum(((y - mean) / spread) ** 2 for y in data) / 2 + len(data) * m.log(spread)

    return form


def badly_scaled(rng: Any) -> Iterator[Case]:
    """Coordinates or outputs in units that differ by up to 1e14."""
    powers = [-7.0, -4.0, -2.0, 0.0, 2.0, 4.0, 7.0]
    s = [10.0**p * draw(rng, 1, 3) for p in powers]
    u = [draw(rng, 0.5, 2) for _ in s]

    def weighted(m: Any, x: Sequence[Any]) -> Any:
        return sum(c * v * v for c, v in zip(s, x, strict=True))

    def units(m: Any, x: Sequence[Any]) -> Any:
        return sum(m.sin(v / c) for c, v in zip(s, x, strict=True))

    def rates(m: Any, x: Sequence[Any]) -> Any:
        return sum(m.exp(-c * v) for c, v in zip(s, x, strict=True))

    def rosenbrock(m: Any, x: Sequence[Any]) -> Any:
        a, b = x[0] / 1e-5, x[1] / 1e5
        return 100 * (b - a * a) ** 2 + (1 - a) ** 2

    yield problem("sum of c x^2, c over 1e14, x over 1e-14", weighted, [v / c for c, v in zip(s, u, strict=True)])
    yield problem("sum of c x^2, c over 1e14", weighted, u, ("ok", "noisy"))
    yield problem("sum of sin(x/s), s over 1e14", units, [v * c for c, v in zip(s, u, strict=True)])
    yield problem("sum of exp(-k x), k over 1e14", rates, [v / c for c, v in zip(s, u, strict=True)])
    yield problem("Brown badly scaled", _brown, [1e6 * u[0], 2e-6 * u[1]])
    yield problem("Powell badly scaled", _powell_badly, [1e-5 * u[0], 9.1 * u[1]])
    yield problem("Rosenbrock in units of 1e-5 and 1e5", rosenbrock, [1e-5 * u[2], 1e5 * u[3]])
    yield problem("Arrhenius", _arrhenius, [1e13 * u[0], 8e4 * u[1], 350 * u[2]])
    yield problem("Michaelis-Menten in mol and s", _michaelis, [1e-9 * u[0], 1e-6 * u[1], 5e-6 * u[2], 3600 * u[3]])
    data = [1e6 * draw(rng, 0.9, 1.1) for _ in range(12)]
    yield problem("normal likelihood at 1e6", _normal_likelihood(data), [1e6 * u[4], 5e4 * u[5]])
    half = [0.0 if i % 2 else v * c for i, (c, v) in enumerate(zip(s, u, strict=True))]
    yield problem("some entries exactly 0", units, half)
