"""What a solver costs beside f in a thousand variables: ``python -m benchmarks.descent.large``.

Rosenbrock's function, chained, from the usual start, 100 (n + 1) evaluations at most; in NumPy, where a call takes
microseconds, and written as a loop over floats, as simulators' own code often is. Shares within one run, so that they
mean something on any machine.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import secant

N = 1000
START = np.where(np.arange(N) % 2 == 0, -1.2, 1.0)


def in_numpy(x: Any) -> float:
    """Chained Rosenbrock in four operations on arrays."""
    return float((100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2).sum())


def in_a_loop(x: Any) -> float:
    """Chained Rosenbrock, one float after the other."""
    total, a = 0.0, float(x[0])
    for b in x[1:].tolist():
        total += 100.0 * (b - a * a) ** 2 + (1.0 - a) ** 2
        a = b
    return total


class Timed:
    """A function that knows how long it was inside."""

    def __init__(self, f: Callable[[Any], float]) -> None:
        self.f, self.inside, self.calls, self.lowest = f, 0.0, 0, np.inf

    def __call__(self, x: Any) -> float:
        """Return f(x)."""
        began = time.perf_counter()
        found = self.f(x)
        self.inside += time.perf_counter() - began
        self.calls += 1
        self.lowest = min(self.lowest, found)
        return found


def by_secant(f: Timed, budget: int) -> None:
    """secant.minimize."""
    secant.minimize(f, START, max_evaluations=budget)


def by_lbfgsb(f: Timed, budget: int) -> None:
    """scipy's L-BFGS-B."""
    from scipy import optimize

    optimize.minimize(f, START, method="L-BFGS-B", options={"maxfun": budget, "maxiter": budget})


def main() -> int:
    """Print a line for each solver and form of f."""
    solvers = {"secant": by_secant, "scipy L-BFGS-B": by_lbfgsb}
    if not hasattr(secant, "minimize"):
        del solvers["secant"]
    print("| solver | f | microseconds a call | evaluations | lowest | share of the time inside f |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name, solve in solvers.items():
        for function in (in_numpy, in_a_loop):
            f = Timed(function)
            # The loop costs thirty times as much a call: a fifth of the budget says enough about shares.
            budget = 100 * (N + 1) if function is in_numpy else 20 * (N + 1)
            began = time.perf_counter()
            solve(f, budget)
            share = f.inside / (time.perf_counter() - began)
            words = function.__name__.replace("_", " ")
            print(
                f"| {name} | {words} | {1e6 * f.inside / f.calls:.0f} | {f.calls} | {f.lowest:.3g} | {share:.0%} |",
                flush=True,
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
