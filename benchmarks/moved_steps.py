"""What it is worth that steps are not halved exactly: ``python -m benchmarks.moved_steps``.

The slope of sin(w x) at random x, by secant as it is and on steps that are halved to the last bit, all else equal.
Waves are the hard case twice over: the rounding of the product w * (x + h) is a straight line in h where x + h is
exact, and a step that is nearly a multiple of the period makes a fast wave look slow. The truth is the cosine, computed
with mpmath in 40 digits. Written down in docs/how-it-works.md.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from contextlib import contextmanager

import mpmath

import secant
from secant.core import ladder, refine

#: Frequencies are drawn from each decade, log-uniformly; so many of them.
DECADES, EACH, SEED = range(6), 500, 5
#: A wave at which exact halving was seen to fail: w, x and the cosine of w * x to 18 digits.
SEEN = (77266.06798975005, 2.5592286255744168, -0.964674833511658467)

Wave = tuple[float, float, float]


def waves(decade: int) -> Iterator[Wave]:
    """Yield frequencies, points and slopes."""
    drawn = random.Random(f"{SEED} {decade}")
    with mpmath.workdps(40):
        for _ in range(EACH):
            w, x = 10.0 ** drawn.uniform(decade, decade + 1), drawn.uniform(0.5, 4.0)
            yield w, x, float(w * mpmath.cos(mpmath.mpf(w) * mpmath.mpf(x)))


def missed(wave: Wave) -> float:
    """Return how many bars the answer is off."""
    w, x, truth = wave
    found = secant.derivative(lambda t: math.sin(w * t), x)
    return abs(found.value - truth) / found.error


@contextmanager
def halved_exactly() -> Iterator[None]:
    """Take every step at its nominal value, as long as the context lasts."""
    before = ladder.STRETCH
    try:
        ladder.STRETCH = refine.STRETCH = (1.0,) * len(before)
        yield
    finally:
        ladder.STRETCH = refine.STRETCH = before


def scores(cases: list[Wave]) -> str:
    """Return coverage in percent, and how many answers are off by more than ten bars, as cells of a table."""
    bars = [missed(case) for case in cases]
    return f"{100.0 * sum(bar <= 1.0 for bar in bars) / len(bars):.0f} % | {sum(bar > 10.0 for bar in bars)}"


def main() -> None:
    """Print the table."""
    print(f"sin(w x), {EACH} random w and x a row\n")
    print("| w | covered | off by more than ten bars | covered, halved exactly | off by more than ten bars |")
    print("| --- | --- | --- | --- | --- |")
    for decade in DECADES:
        cases = list(waves(decade))
        moved = scores(cases)
        with halved_exactly():
            exact = scores(cases)
        print(f"| 1e{decade} to 1e{decade + 1} | {moved} | {exact} |")
    w, x, cosine = SEEN
    moved_by = missed((w, x, w * cosine))
    with halved_exactly():
        exact_by = missed((w, x, w * cosine))
    print(f"\nsin({w!r} x) at {x!r}: off by {moved_by:.2g} bars, halved exactly by {exact_by:,.0f}")


if __name__ == "__main__":
    main()
