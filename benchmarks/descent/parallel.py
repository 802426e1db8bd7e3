"""Time to the minimum where f takes 20 ms and eight workers share it: ``python -m benchmarks.descent.parallel``.

Each f sleeps and is a few microseconds of work besides, so that eight threads are eight workers on any machine, and
the same pool, already started, serves every solver that can use it. Until a true value within 1e-5 of the reachable
decrease is known; infinite where that never happens in 100 (n + 1) evaluations. Every third problem. The time is that
of the call of f that found the value, its end. Written to PARALLEL.md beside this file; takes some minutes.
"""

from __future__ import annotations

import statistics
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

import secant
from benchmarks.descent.base import Array, Problem, minima
from benchmarks.descent.problems import SETS
from benchmarks.descent.variants import GRADIENTS

SLEEP, WORKERS, TAU = 0.020, 8, 1e-5


class DoneError(Exception):
    """Raised by f when it has nothing more to tell."""


class Slow:
    """A function that takes its time, and notes when it was first low enough."""

    def __init__(self, problem: Problem) -> None:
        self.f = problem.function()
        lowest = minima()[problem.name]["smooth"].value
        start = float(self.f(problem.x0))
        self.goal = start - (1.0 - TAU) * (start - lowest)
        self.left = GRADIENTS * (problem.n + 1)
        self.calls, self.reached = 0, np.inf
        self.lock = threading.Lock()
        self.began = time.perf_counter()

    def __call__(self, x: Any) -> float:
        """Return f(x) after a while."""
        with self.lock:
            if self.left <= 0 or self.reached < np.inf:
                raise DoneError
            self.left -= 1
            self.calls += 1
        time.sleep(SLEEP)
        with np.errstate(all="ignore"):
            found = float(self.f(np.asarray(x, dtype=float)))
        with self.lock:
            if found <= self.goal and self.reached == np.inf:
                self.reached = time.perf_counter() - self.began
        return found


def by_secant(f: Slow, x0: Array, pool: ThreadPoolExecutor | None) -> None:
    """secant.minimize."""
    secant.minimize(f, x0, workers=pool)


def by_lbfgsb(f: Slow, x0: Array, pool: ThreadPoolExecutor | None) -> None:
    """scipy's L-BFGS-B, whose forward differences go over the pool."""
    from scipy import optimize

    def over(g: Callable[[Any], Any], points: Iterable[Any]) -> Iterator[Any]:
        return map(g, points) if pool is None else pool.map(g, points)

    options = {"workers": over, "maxiter": 10**6, "maxfun": 10**6}
    optimize.minimize(f, x0, method="L-BFGS-B", options=options)


def by_newuoa(f: Slow, x0: Array, pool: ThreadPoolExecutor | None) -> None:
    """NLopt's NEWUOA, which asks for one point at a time."""
    import nlopt

    problem = nlopt.opt(nlopt.LN_NEWUOA, x0.size)
    problem.set_min_objective(lambda x, gradient: f(x))
    problem.set_xtol_rel(1e-8)
    problem.optimize(x0)


def times(solve: Callable[..., None], problems: Iterable[Problem], pool: ThreadPoolExecutor | None) -> list[float]:
    """Return the time of each problem."""
    found = []
    for problem in problems:
        f = Slow(problem)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                solve(f, problem.x0.copy(), pool)
            except DoneError:
                pass
            except Exception as error:
                print(f"{problem.name}: {type(error).__name__}: {error}", file=sys.stderr)
        found.append(f.reached)
    return found


def main() -> int:
    """Run all, and write the table."""
    problems = SETS["all"][::3]
    lines = ["| solver | median seconds | lowest quarter | never |", "| --- | --- | --- | --- |"]
    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(time.sleep, [0.05] * WORKERS))
        rows: list[tuple[str, Callable[..., None], ThreadPoolExecutor | None]] = [
            (f"scipy L-BFGS-B, {WORKERS} workers", by_lbfgsb, pool),
            ("scipy L-BFGS-B, one after the other", by_lbfgsb, None),
            ("NLopt NEWUOA", by_newuoa, None),
        ]
        if hasattr(secant, "minimize"):
            rows = [
                (f"secant, {WORKERS} workers", by_secant, pool),
                ("secant, one after the other", by_secant, None),
                *rows,
            ]
        for name, solve, workers in rows:
            try:
                found = times(solve, problems, workers)
            except ModuleNotFoundError as error:
                print(f"{name} left out: {error}", file=sys.stderr)
                continue
            low = float(np.quantile(found, 0.25, method="lower"))
            never = sum(one == np.inf for one in found)
            lines.append(f"| {name} | {statistics.median(found):.2f} | {low:.2f} | {never} of {len(found)} |")
            print(lines[-1], flush=True)
    head = (
        f"# Descent with workers\n\nWritten by `python -m benchmarks.descent.parallel`: f takes {1000 * SLEEP:.0f} ms; "
        f"the time until {TAU:g} of the reachable\ndecrease is missing, without the start of the pool.\n\n"
    )
    Path(__file__).with_name("PARALLEL.md").write_text(head + "\n".join(lines) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
