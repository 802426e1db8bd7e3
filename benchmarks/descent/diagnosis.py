"""Whether what is said of a descent is so: ``python -m benchmarks.descent.diagnosis``.

Labeled runs of :mod:`benchmarks.descent.cases`: a fixed table, and random ones of seeds that nothing was tried out on.
A verdict agrees when ``lr too large`` is said of runs that are too large, ``lr too small`` of those that are too small,
and neither of the others. The loop of the book says nothing, and so misses every failure. Each run is taken with error
bars, and with the fixed step of the notes. The table goes into DIAGNOSIS.md; with ``--misses`` every run judged
otherwise than its label is printed.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

import secant
from benchmarks.descent.cases import RULES, Run, fresh, label, said, table

#: Seeds of the table; the diagnosis was worked out on seeds below 2000.
SEEDS = range(3000, 3020)
HOWS: dict[str, dict[str, Any]] = {"error bars": {}, "step 1e-4": {"step": 1e-4, "method": "central"}}
LABELS = ("fine", "too small", "too large")


def judged(run: Run, how: dict[str, Any]) -> secant.Descent:
    """Descend, and have it judged."""
    problem = run.problem
    with np.errstate(all="ignore"):
        return secant.gradient_descent(problem.noisy(), problem.x0, run.lr, run.iterations, rule=run.rule, **how)


def counted(runs: Iterable[Run], how: dict[str, Any], misses: bool) -> Counter[tuple[str, str]]:
    """Return how often what was said, of runs with a label."""
    found: Counter[tuple[str, str]] = Counter()
    for run in runs:
        truth = label(run)
        walk = judged(run, how) if truth else None
        word = "" if walk is None else said(walk)
        found[truth, word] += 1
        if misses and walk is not None and word != truth:
            size = run.lr * run.problem.curvature
            print(f"{run.problem.name}, {run.rule}, lr * L {size:.3g}, {run.iterations}: {truth}, said {walk.verdict}")
    return found


def row(name: str, found: Counter[tuple[str, str]]) -> str:
    """Return a row of the table."""
    total = sum(count for (truth, _), count in found.items() if truth)
    right = sum(count for (truth, word), count in found.items() if truth and truth == word)
    cells = [f"{found[truth, truth]} of {sum(found[truth, word] for word in LABELS)}" for truth in LABELS]
    return f"| {name} | {right} of {total} | {100.0 * right / total:.1f} % | {' | '.join(cells)} | {found['', '']} |"


def main() -> None:
    """Print the table, and write it down unless other seeds are asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs=2, metavar=("FIRST", "LAST"))
    parser.add_argument("--misses", action="store_true", help="print the runs that were judged otherwise")
    asked = parser.parse_args()
    seeds = SEEDS if asked.seeds is None else range(asked.seeds[0], asked.seeds[1] + 1)
    head = ["runs", "agree", "", *(f"*{word}*" for word in LABELS), "undecided"]
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    for name, how in HOWS.items():
        lines.append(row(f"the table, {name}", counted(table(), how, asked.misses)))
        for rule in RULES:
            runs = (run for seed in seeds for run in fresh(seed, (rule,)))
            lines.append(row(f"fresh, {rule}, {name}", counted(runs, how, asked.misses)))
    text = "\n".join(lines)
    print(text)
    if asked.seeds is None:
        opening = (
            "# Descents with labels\n\nWritten by `python -m benchmarks.descent.diagnosis`, which says what is counted."
        )
        Path(__file__).with_name("DIAGNOSIS.md").write_text(f"{opening}\n\n{text}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
