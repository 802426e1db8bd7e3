"""What measured rates and warm gradients are worth: ``python -m benchmarks.descent.rates``.

Random problems of :mod:`benchmarks.descent.cases`, a hundred iterations each. *Left* is the part of the decrease
that can be reached which is left at the end, as a median: with ``lr="auto"``, and with the best of
fixed rates ten to a decade, chosen with hindsight; *worst* is the largest part left by ``lr="auto"``. *Evaluations*
are those of ``lr="auto"``, as a share of what the same descent costs when every gradient is taken from the beginning.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

import secant
from benchmarks.descent.cases import RULES, Problem, Run, drawn, walked
from secant._api import descent as home

SEEDS, ITERATIONS = range(2000, 2012), 100
#: Exponents of the fixed rates, of ``1 / L`` or of the size of x.
GRID = np.linspace(-3.0, 1.5, 46)


@contextmanager
def cold() -> Iterator[None]:
    """Take every gradient from the beginning, as long as the context lasts."""
    before = home.of_entries
    try:
        home.of_entries = lambda *_: None  # type: ignore[assignment]
        yield
    finally:
        home.of_entries = before


def left(problem: Problem, value: float) -> float:
    """Return the part of the decrease that is left."""
    first = problem.f(problem.x0)
    return max(value - problem.least, 0.0) / (first - problem.least)


def best(problem: Problem, rule: str) -> float:
    """Return what the best fixed rate leaves, by exact gradients."""
    unit = 1.0 / problem.curvature if rule in ("plain", "momentum") else float(np.max(np.abs(problem.x0)))
    ends = [walked(Run(problem, unit * 10.0**power, ITERATIONS, rule)).last for power in GRID]
    return min(left(problem, end) for end in ends if np.isfinite(end))


def row(rule: str) -> str:
    """Return a row of the table."""
    mine, fixed, shares = [], [], []
    for seed in SEEDS:
        for problem in drawn(np.random.default_rng(seed)):
            if problem.noise:
                continue
            how: dict[str, Any] = {"iterations": ITERATIONS, "rule": rule}
            with np.errstate(all="ignore"):
                warm = secant.gradient_descent(problem.f, problem.x0, "auto", **how)
                with cold():
                    full = secant.gradient_descent(problem.f, problem.x0, "auto", **how)
            mine.append(left(problem, warm.fun))
            fixed.append(best(problem, rule))
            shares.append(warm.evaluations / full.evaluations)
    share = np.quantile(shares, [0.1, 0.5, 0.9])
    cells = [
        f"{np.median(mine):.1e}",
        f"{np.median(fixed):.1e}",
        f"{max(mine):.2f}",
        ", ".join(f"{x:.2f}" for x in share),
    ]
    return f"| {rule} | {' | '.join(cells)} |"


def main() -> None:
    """Print the table, and write it down."""
    head = ["rule", "left, auto", "left, best fixed", "worst, auto", "evaluations: lowest tenth, median, highest tenth"]
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head), *map(row, RULES)]
    text = "\n".join(lines)
    print(text)
    opening = "# Measured rates\n\nWritten by `python -m benchmarks.descent.rates`, which says what is counted."
    Path(__file__).with_name("RATES.md").write_text(f"{opening}\n\n{text}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
