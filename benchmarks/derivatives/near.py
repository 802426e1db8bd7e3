"""Derivatives along a way, each near the one before: ``python -m benchmarks.derivatives.near``.

From a random point of a textbook problem or of a smooth function of one number, downhill: every step moves the entry
that moves most by the same share of its size. The first derivative is an ordinary one, each of the others is taken
``near=`` the one before. The truth is that of dual numbers in long arithmetic. Digits, coverage and tightness are of
slopes that started from the one before; evaluations are of all. Unless other seeds are asked for, the table goes into
README.md as well.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import secant
from benchmarks.derivatives.gradients import entry, textbook
from benchmarks.derivatives.smooth import TEMPLATES
from benchmarks.derivatives.truth import MATH, slope_of

#: Seeds of the table; everything in :mod:`secant.core.near` was chosen on seeds 1 to 3.
SEEDS = (41, 42, 43)
SHARES, HOPS, RTOLS = (1e-3, 1e-2, 1e-1), 8, (1e-8, 0.0)
#: Problems of more entries are taken in so many, for long arithmetic takes its time.
LARGE, KEPT = 20, 12
BEGIN, END = "<!-- near: begin -->\n", "<!-- near: end -->\n"

#: A function, where to begin, and its gradient.
Way = tuple[Callable[[Any], float], Any, Callable[[Any], Any]]


def ways(seed: int) -> Iterator[Way]:
    """Yield functions, their starting points, and their gradients."""
    rng = np.random.default_rng(seed)
    for _, form, x in textbook(rng):
        at = np.asarray(x, dtype=float)
        at = at[:KEPT] if at.size > LARGE else at
        yield (
            lambda v, form=form: float(form(MATH, [float(t) for t in v])),  # type: ignore[misc]
            at,
            lambda v, form=form: np.array([entry(form, v.tolist(), i) for i in range(v.size)]),  # type: ignore[misc]
        )
    for template in TEMPLATES.values():
        expr, start = template(rng)
        yield (
            lambda t, expr=expr: float(expr(MATH, float(t))),  # type: ignore[misc]
            float(start),
            lambda t, expr=expr: slope_of(expr, float(t)),  # type: ignore[misc]
        )


def walk(way: Way, share: float, rtol: float) -> Iterator[tuple[float, float, float, float, bool]]:
    """Yield evaluations an entry, and by entry the truth, the error, the bar, and whether it went by the one before."""
    f, x, gradient = way
    question = secant.gradient if np.ndim(x) else secant.derivative
    found = question(f, x, rtol=rtol)
    for _ in range(HOPS):
        size = np.maximum(np.abs(x), 0.1 * math.sqrt(float(np.mean(np.square(x)))))
        most = float(np.max(np.abs(found.value) / size))
        if not (0.0 < most < math.inf):
            return
        x = x - share * found.value / most
        try:
            truth = gradient(x)
            found = question(f, x, near=found, rtol=rtol)
        except (ArithmeticError, ValueError):
            return  # the way led out of the domain
        if not np.all(np.isfinite(truth)):
            return
        strayed = np.full(np.size(x), np.nan) if found.bends is None else np.reshape(found.bends.table, (8, -1))[7]
        for at, value, bar, went in zip(*map(np.ravel, (truth, found.value, found.error, strayed)), strict=True):
            yield found.evaluations / np.size(x), float(at), abs(float(value - at)), float(bar), bool(went > 0.0)


def row(share: float, rtol: float, seeds: Sequence[int]) -> str:
    """Return a row of the table."""
    seen = np.array([slope for seed in seeds for way in ways(seed) for slope in walk(way, share, rtol)])
    count, truth, error, bar, went = seen.T
    went = went > 0.0
    spacing = np.spacing(np.abs(truth))
    digits = np.clip(-np.log10(np.maximum(error, 1e-300) / np.where(truth == 0.0, 1.0, np.abs(truth))), -2, 16)[went]
    once, thrice = (100.0 * np.mean(error[went] <= times * bar[went]) for times in (1.0, 3.0))
    cells = (
        f"{share:g}",
        f"{rtol:g}",
        f"{len(seen):,}",
        f"{100.0 * went.mean():.0f} %",
        f"{np.median(digits):.1f} / {np.percentile(digits, 10):.1f}",
        f"{once:.1f} / {thrice:.1f}",
        f"{np.median(np.log10(bar[went] / np.maximum(error, spacing)[went])):.2f}",
        f"{np.median(count):.1f} / {count.mean():.1f}",
    )
    return f"| {' | '.join(cells)} |"


def table(seeds: Sequence[int]) -> str:
    """Return the table."""
    head = (
        "| moved by | `rtol` | slopes | near | digits, median / p10 | covers 1x / 3x, % | tightness, decades "
        "| evaluations an entry, median / mean |\n|---|---|---|---|---|---|---|---|"
    )
    return "\n".join([head, *(row(share, rtol, seeds) for rtol in RTOLS for share in SHARES)])


def main() -> None:
    """Print the table, and write it down."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.derivatives.near", description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", help="other seeds of functions and points")
    seeds = parser.parse_args().seeds
    text = table(seeds or SEEDS)
    print(text)
    if not seeds:
        page = Path(__file__).with_name("README.md")
        before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
        page.write_text(f"{before}{BEGIN}{text}\n{END}{rest.partition(END)[2]}", encoding="utf-8")


if __name__ == "__main__":
    main()
