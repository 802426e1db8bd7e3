"""What a case is: a function, a point, the truth, and what may be said about it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from benchmarks.derivatives.truth import MATH, Expr, slope_of

#: A scalar function of a scalar, or of an array for gradients.
Function = Callable[..., Any]


@dataclass(frozen=True)
class Case:
    """One derivative to take.

    ``build`` makes the function; ``f`` calls it, so that a function with a stream of random numbers
    starts anew each time. ``truth`` is the derivative (None where there is none), ``sides`` the two
    one-sided slopes of a kink. ``scale`` is what errors are measured against; when it is None that is
    abs(truth), or 1 where the truth is 0. ``expected`` are the verdicts that are right. ``options``
    go to secant (``noise=``, ``bounds=``), and bounds to any peer that takes them. ``expr`` is the
    expression from which the truth was computed, kept so that it can be checked.
    """

    name: str
    group: str
    build: Callable[[], Function]
    x: Any
    truth: Any
    expected: frozenset[str] = frozenset({"ok"})
    noise: float | None = None
    dtype: str = "float64"
    scale: float | None = None
    sides: tuple[float, float] | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    expr: Expr | None = None
    id: str = ""

    @property
    def f(self) -> Function:
        """The function, its random numbers (if any) from the start."""
        return self.build()


def plain(
    name: str,
    expr: Expr,
    x: float,
    *,
    module: Any = MATH,
    truth: float | None = None,
    expected: str | tuple[str, ...] = "ok",
    **traits: Any,
) -> Case:
    """Make a case of an expression; its truth is computed from the expression unless it is given."""
    words = (expected,) if isinstance(expected, str) else expected
    slope = slope_of(expr, x) if truth is None else truth
    kept = expr if truth is None else None
    return Case(name, "", lambda: lambda t: expr(module, t), x, slope, frozenset(words), expr=kept, **traits)


def wrapped(case: Case, wrapper: Callable[[], Callable[[Function], Function]], **changes: Any) -> Case:
    """Return the case with its function wrapped; the wrapper is made anew for every ``f``."""
    build = case.build
    return replace(case, build=lambda: wrapper()(build()), **changes)


def broken(name: str, f: Function, x: float, expected: str | tuple[str, ...], **traits: Any) -> Case:
    """Make a case of a function that has no derivative at x."""
    words = (expected,) if isinstance(expected, str) else expected
    return Case(name, "", lambda: f, x, None, frozenset(words), **traits)


def draw(rng: Any, low: float, high: float) -> float:
    """Draw uniformly."""
    return float(rng.uniform(low, high))


def decade(rng: Any, low: float, high: float) -> float:
    """Draw 10 to a uniform power."""
    return float(10.0 ** rng.uniform(low, high))


def sign(rng: Any) -> float:
    """Draw a sign."""
    return math.copysign(1.0, rng.uniform(-1.0, 1.0))
