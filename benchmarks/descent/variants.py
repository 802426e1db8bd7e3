"""The forms in which each problem is put, and the recorder that counts what is asked and knows the truth."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from benchmarks.descent.base import Array, Lowest, Problem, box, minima

#: Evaluations allowed, as a multiple of n + 1 (a gradient by forward differences and a value cost n + 1).
GRADIENTS = 100


class ExhaustedError(Exception):
    """Raised by f once the budget is spent."""


@dataclass(frozen=True)
class Variant:
    """One form: which value is the truth, what a solver sees of it, and the standard deviation of its noise.

    ``seen(f, x, rng, size)`` is what the solver is told; ``size`` is f(x0) less the lowest value.
    """

    name: str
    seen: Callable[[Callable[[Array], Any], Array, np.random.Generator, float], float]
    form: str = "smooth"
    random: bool = False
    single: bool = False
    #: Standard deviation of the noise at f(x0), for the peer that is told it: (value, size) -> level.
    level: Callable[[float, float], float] = field(default=lambda value, size: 0.0)


def wiggle(x: Array) -> float:
    """Moré & Wild's deterministic noise: a wild but repeatable function of x between -1 and 1."""
    one, two, most = np.abs(x).sum(), np.sqrt((x * x).sum()), np.abs(x).max()
    phi = 0.9 * np.sin(100.0 * one) * np.cos(100.0 * most) + 0.1 * np.cos(two)
    return float(phi * (4.0 * phi * phi - 3.0))


def quiet(f: Callable[[Array], Any], x: Array, rng: np.random.Generator, size: float) -> float:
    """f itself."""
    return float(f(x))


def repeatable(f: Callable[[Array], Any], x: Array, rng: np.random.Generator, size: float) -> float:
    """f (1 + 1e-3 phi(x)), the same at the same x."""
    return float(f(x)) * (1.0 + 1e-3 * wiggle(x))


def relative(eps: float) -> Callable[[Callable[[Array], Any], Array, np.random.Generator, float], float]:
    """f (1 + eps u), with u drawn uniformly from -1 to 1 at each call."""
    return lambda f, x, rng, size: float(f(x)) * (1.0 + eps * float(rng.uniform(-1.0, 1.0)))


def additive(f: Callable[[Array], Any], x: Array, rng: np.random.Generator, size: float) -> float:
    """f plus a normal error of 1e-3, or of a thousandth of what can be gained where that is less."""
    return float(f(x)) + 1e-3 * min(1.0, size) * float(rng.normal())


#: The standard deviation of a uniform number between -1 and 1.
UNIFORM = 3.0**-0.5
VARIANTS: dict[str, Variant] = {
    one.name: one
    for one in (
        Variant("smooth", quiet),
        Variant("deterministic 1e-3", repeatable, level=lambda value, size: 7e-4 * abs(value)),
        Variant("stochastic 1e-3", relative(1e-3), random=True, level=lambda v, size: 1e-3 * UNIFORM * abs(v)),
        Variant("stochastic 1e-6", relative(1e-6), random=True, level=lambda v, size: 1e-6 * UNIFORM * abs(v)),
        Variant("additive 1e-3", additive, random=True, level=lambda value, size: 1e-3 * min(1.0, size)),
        Variant("float32", quiet, single=True, level=lambda value, size: 6e-8 * abs(value)),
        Variant("nonsmooth", quiet, form="nonsmooth"),
        Variant("bounds", quiet, form="bounds"),
    )
}


class Recorder:
    """A problem in one form: counts calls, keeps the true value of each, and stops at the budget."""

    def __init__(self, problem: Problem, variant: Variant, seed: int = 0, *, lowest: Lowest | None = None) -> None:
        known = None if lowest is not None else minima()[problem.name]
        self.problem, self.variant = problem, variant
        self.lowest = (lowest if known is None else known[variant.form]).value  # type: ignore[union-attr]
        self.bounds: tuple[Array, Array] | None = None
        if variant.form == "bounds" and known is not None:
            self.bounds = box(problem, known["smooth"])
        self.budget = GRADIENTS * (problem.n + 1)
        self.true = problem.function(nonsmooth=variant.form == "nonsmooth")
        self.told = problem.function(np.float32) if variant.single else self.true
        self.start = self.value(problem.x0)
        self.size = self.start - self.lowest
        self.values: list[float] = []
        # The name, not its place in a list, decides what is drawn: adding a problem changes no other.
        self.rng = np.random.default_rng([seed, zlib.crc32(f"{problem.name} {variant.name}".encode())])

    def value(self, x: Any) -> float:
        """Return the true value at x, infinite where there is none or x is out of bounds; this is not counted."""
        x = np.asarray(x, dtype=float).reshape(-1)
        if self.bounds is not None:
            low, high = self.bounds
            slack = 1e-9 * (high - low)
            if np.any(x < low - slack) or np.any(x > high + slack):
                return np.inf
        with np.errstate(all="ignore"):
            found = float(self.true(x))
        return found if np.isfinite(found) else np.inf

    def __call__(self, x: Any) -> float:
        """Return what a solver is told at x."""
        if len(self.values) >= self.budget:
            raise ExhaustedError(f"{self.budget} evaluations are spent")
        x = np.array(x, dtype=float).reshape(-1)
        self.values.append(self.value(x))
        with np.errstate(all="ignore"):
            if self.variant.single:
                return float(self.told(x.astype(np.float32)))
            return self.variant.seen(self.told, x, self.rng, self.size)

    def missing(self, x: Any) -> float:
        """Return the share of the reachable decrease that is missing at x."""
        return (self.value(x) - self.lowest) / self.size
