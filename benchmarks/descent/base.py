"""What a problem of the benchmark is, and the few helpers that the tables of problems share.

Residuals and values take x and the problem's data as arrays of x's own dtype, and no other NumPy number: computed in
float32 they are float32 throughout, and on a complex x they are analytic, so that gradients by the complex step are
exact.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

Array = Any
MINIMA = Path(__file__).with_name("minima.json")


@dataclass(frozen=True)
class Problem:
    """A function to minimize, and where to start.

    ``residuals(x, *data)`` is a vector whose sum of squares is f; where f is no sum of squares, ``value(x, *data)``
    is f itself, and the problem has no nonsmooth form.
    """

    name: str
    x0: Array
    residuals: Callable[..., Array] | None = None
    value: Callable[..., Any] | None = None
    data: tuple[Array, ...] = ()

    @property
    def n(self) -> int:
        """Return the number of variables."""
        return int(self.x0.size)

    def function(self, dtype: Any = float, nonsmooth: bool = False) -> Callable[[Array], Any]:
        """Return f, or the sum of absolute residuals, computed in a precision."""
        data = tuple(np.asarray(one, dtype=dtype) for one in self.data)
        if self.residuals is None:
            assert self.value is not None
            assert not nonsmooth
            value = self.value
            return lambda x: value(x, *data)
        residuals = self.residuals
        if nonsmooth:
            return lambda x: np.abs(residuals(x, *data)).sum()

        def squares(x: Array) -> Any:
            r = residuals(x, *data)
            return (r * r).sum()

        return squares

    def gradient(self, x: Array) -> Array:
        """Return the gradient of f by the complex step."""
        f = self.function()
        found = np.empty(self.n)
        for i in range(self.n):
            moved = np.asarray(x, dtype=complex).copy()
            moved[i] += 1e-30j
            found[i] = np.imag(f(moved)) / 1e-30
        return found


@dataclass(frozen=True)
class Lowest:
    """The lowest value known of one form of a problem, and where it is taken."""

    value: float
    x: Array


@cache
def minima() -> dict[str, dict[str, Lowest]]:
    """Return what is known of the problems' minima, by problem and form: smooth, nonsmooth, bounds."""
    table = json.loads(MINIMA.read_text(encoding="utf-8"))
    return {
        name: {form: Lowest(one["value"], np.array(one["x"])) for form, one in forms.items()}
        for name, forms in table.items()
    }


def box(problem: Problem, lowest: Lowest) -> tuple[Array, Array]:
    """Return the box of a problem: every third variable may go seven tenths of its way to the minimizer, not beyond.

    On all other sides the box leaves room of the length of the way, at least one tenth of the larger of 1 and |x0|,
    so that x0 lies strictly inside and the minimizer outside.
    """
    way = lowest.x - problem.x0
    room = np.maximum(np.abs(way), 0.1 * np.maximum(1.0, np.abs(problem.x0)))
    low, high = np.minimum(problem.x0, lowest.x) - room, np.maximum(problem.x0, lowest.x) + room
    for i in range(0, problem.n, 3):
        if way[i] > 0.0:
            high[i] = problem.x0[i] + 0.7 * way[i]
        elif way[i] < 0.0:
            low[i] = problem.x0[i] + 0.7 * way[i]
    return low, high


def join(*parts: Any) -> Array:
    """Return numbers and vectors as one vector."""
    return np.concatenate([np.atleast_1d(part) for part in parts])


def ripple(m: int, size: float) -> Array:
    """Return m errors of measurement that are the same everywhere."""
    i = np.arange(1, m + 1)
    return size * np.sin(17.0 * i * i + 3.0 * i)


def squares(name: str, residuals: Callable[..., Array], x0: Any, *data: Any, far: float = 1.0) -> Problem:
    """Return a sum of squares, started ``far`` times as far out as usual."""
    start = far * np.array(x0, dtype=float)
    label = name if far == 1.0 else f"{name}, {far:g} times as far"
    return Problem(label, start, residuals=residuals, data=tuple(np.asarray(one, dtype=float) for one in data))


def plain(name: str, value: Callable[..., Any], x0: Any, *data: Any, far: float = 1.0) -> Problem:
    """Return a function that is no sum of squares, started ``far`` times as far out as usual."""
    start = far * np.array(x0, dtype=float)
    label = name if far == 1.0 else f"{name}, {far:g} times as far"
    return Problem(label, start, value=value, data=tuple(np.asarray(one, dtype=float) for one in data))


def rk4(slope: Callable[[Array], Array], y: list[Any], step: float, steps: int) -> list[list[Any]]:
    """Return the states of a small system after each step of Runge and Kutta."""
    states = []
    for _ in range(steps):
        a = slope(y)
        b = slope([u + 0.5 * step * v for u, v in zip(y, a, strict=True)])
        c = slope([u + 0.5 * step * v for u, v in zip(y, b, strict=True)])
        d = slope([u + step * v for u, v in zip(y, c, strict=True)])
        y = [u + step / 6.0 * (p + 2.0 * (q + r) + s) for u, p, q, r, s in zip(y, a, b, c, d, strict=True)]
        states.append(y)
    return states
