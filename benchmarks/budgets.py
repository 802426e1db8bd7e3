"""What a gradient is worth when evaluations are short: ``python -m benchmarks.budgets``.

Gradients of the battery, ordinary and badly scaled, and sums of random functions, one an entry, each with one budget
for all of its n entries. Digits, bars that hold and entries that are ``ok`` are counted entry by entry; calls are
counted, and held against the budget. Truths come from long arithmetic. Written down in docs/how-it-works.md.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np

import secant
from benchmarks.derivatives import battery, fresh
from benchmarks.derivatives.cases import Case

#: Budgets by name, as functions of the number of entries.
BUDGETS: dict[str, Callable[[int], int]] = {
    "n + 1": lambda n: n + 1,
    "2n + 1": lambda n: 2 * n + 1,
    "3n": lambda n: 3 * n,
    "5n": lambda n: 5 * n,
    "7n": lambda n: 7 * n,
    "9n": lambda n: 9 * n,
    "12n": lambda n: 12 * n,
}
#: Seeds of the battery; sums of random functions, their entries, and the number of the first function.
SEEDS, SUMS, ENTRIES, FIRST = (41, 42, 43, 44), 40, (2, 5, 10, 20, 40), 300_000


def sums() -> Iterator[Case]:
    """Yield sums of random smooth functions of one entry each, with weights over two decades."""
    number = FIRST
    for index in range(SUMS):
        n = ENTRIES[index % len(ENTRIES)]
        parts = [fresh.case(number + i, "none") for i in range(n)]
        number += n
        weights = 10.0 ** np.random.default_rng(index).uniform(-1.0, 1.0, n)
        x = np.array([float(part.x) for part in parts])
        truth = np.array([w * float(part.truth) for w, part in zip(weights, parts, strict=True)])

        def build(parts: list[Case] = parts, weights: np.ndarray = weights) -> Callable[[np.ndarray], float]:
            functions = [part.build() for part in parts]
            return lambda v: math.fsum(w * f(t) for w, f, t in zip(weights, functions, v.tolist(), strict=True))

        yield Case(f"sum of {n} random functions", "sums", build, x, truth)


def answer(case: Case, most: int | None) -> tuple[np.ndarray, np.ndarray, secant.Estimate]:
    """Return the errors and the bars of a gradient, and the estimate."""
    f, calls = case.build(), 0

    def counted(x: np.ndarray) -> float:
        nonlocal calls
        calls += 1
        return float(f(x))

    found = secant.gradient(counted, case.x, max_evaluations=most)
    assert calls == found.evaluations
    assert most is None or calls <= most
    return np.abs(found.value - case.truth), found.error, found


def cell(cases: list[Case], most: Callable[[int], int] | None) -> str:
    """Return what one budget gives: median digits of the entries, bars that hold, and entries found ``ok``."""
    digits: list[float] = []
    held = ok = 0
    for case in cases:
        error, bar, found = answer(case, None if most is None else most(case.x.size))
        size = np.abs(case.truth)
        shares = np.where(np.isfinite(error), error / np.where(size > 0.0, size, 1.0), 100.0)
        digits += np.clip(-np.log10(np.maximum(shares, 1e-16)), -2.0, 16.0).tolist()
        held += int(np.sum(error <= bar + 4e-16 * size))  # a truth is known to its own rounding
        ok += sum(str(verdict) == "ok" for verdict in found.verdicts.flat)
    percent = 100.0 / len(digits)
    return f"{np.median(digits):.1f} digits, {percent * held:.0f} %, {percent * ok:.0f} % ok"


def main() -> None:
    """Print the table."""
    kinds = {
        "gradients": [case for seed in SEEDS for case in battery.family("gradients", seed)],
        "badly scaled": [case for seed in SEEDS for case in battery.family("badly scaled", seed)],
        "sums of random functions": list(sums()),
    }
    for kind, cases in kinds.items():
        print(f"{kind}: {len(cases)} gradients of {sum(case.x.size for case in cases)} entries")
    print("| budget |", " | ".join(kinds), "|")
    print("| --- |" + " --- |" * len(kinds))
    for name, most in [*BUDGETS.items(), ("none", None)]:
        print("|", name, "|", " | ".join(cell(cases, most) for cases in kinds.values()), "|")


if __name__ == "__main__":
    main()
