"""The minimizers: each gets f, x0, perhaps a box, and the budget, and otherwise runs at its defaults."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np

import secant
from benchmarks.descent.cases import Array
from benchmarks.descent.variants import Recorder

Bounds = tuple[Array, Array] | None


@dataclass(frozen=True)
class Answer:
    """Where a solver ended, whether it claims success, and what it said."""

    x: Array
    claimed: bool
    said: str


Solver = Callable[[Recorder, Array, Bounds, int, int], Answer]


def by_secant(f: Recorder, x0: Array, bounds: Bounds, budget: int, seed: int) -> Answer:
    """secant.minimize."""
    found = secant.minimize(f, x0, bounds=bounds, max_evaluations=budget, seed=seed)
    return Answer(np.asarray(found.x), found.verdict == "converged", str(found.verdict))


def _scipy(
    method: str, options: Callable[[int, int], dict[str, Any]], limits: bool = True, told: bool = False
) -> Solver:
    """Return one of scipy's, with its limits of iterations lifted to the budget."""

    def solve(f: Recorder, x0: Array, bounds: Bounds, budget: int, seed: int) -> Answer:
        from scipy import optimize

        chosen = options(budget, x0.size)
        if told:
            level = max(f.variant.level(f.start, f.size), np.finfo(float).eps * abs(f.start))
            # The classic step for forward differences of a function with this noise and a curvature of one.
            chosen["eps"] = 2.0 * np.sqrt(level / max(abs(f.start), 1e-300))
        box = optimize.Bounds(*bounds) if bounds is not None and limits else None
        found = optimize.minimize(f, x0, method=method, bounds=box, options=chosen)
        return Answer(np.asarray(found.x), bool(found.success), str(found.message))

    return solve


@dataclass(frozen=True)
class Entry:
    """A solver, the package that it needs, whether it draws at random, keeps to boxes, and takes long."""

    solve: Solver
    package: str = "scipy"
    random: bool = False
    boxes: bool = True
    slow: bool = False


SOLVERS: dict[str, Entry] = {
    "secant": Entry(by_secant, "secant", random=False),
    "scipy L-BFGS-B": Entry(_scipy("L-BFGS-B", lambda budget, n: {"maxfun": 10 * budget, "maxiter": budget})),
    "scipy BFGS": Entry(_scipy("BFGS", lambda budget, n: {"maxiter": budget}), boxes=False),
    "scipy SLSQP": Entry(_scipy("SLSQP", lambda budget, n: {"maxiter": budget})),
}


def installed() -> list[str]:
    """Return the solvers whose packages are here."""
    there = {name: find_spec(entry.package) is not None for name, entry in SOLVERS.items()}
    return [name for name, here in there.items() if here and (name != "secant" or hasattr(secant, "minimize"))]
