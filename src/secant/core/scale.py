"""The search for the scale of f, when the steps were too small or too large to see it.

A bracket is kept: ``lo``, a step over which f is a straight line within its noise, and ``hi``, one that is
too coarse or leaves the domain. One pair at a time: upward in shrinking powers of two while there is no
``hi``, in the geometric middle afterwards. A pair whose deviation from the line through ``lo`` is seen but
small tells the curvature, and with it the step at which a ladder should start.

A straight line is believed as far as it was followed. Where f was seen to bend a little farther out, one pair that
agrees with a slope known to a digit says little: a ladder has to.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from math import inf, log2, sqrt

from secant.core.extrapolate import NOISE, Pick
from secant.core.ladder import Steps, Values, Work, evaluate, parts, step_near
from secant.core.results import Slope
from secant.core.verdicts import Verdict

#: Pairs that one search may cost.
TRIES = 9
#: A slope that is known to this share of itself needs no larger steps.
KNOWN = 1e-15
#: The bar of a slope that is no more than rounding, in units of it.
UNEXPLAINED = 60.0


@dataclass(frozen=True, slots=True)
class Start:
    """Where to start a ladder, or the slope when none is needed.

    ``bent`` says that the slope is that of a single pair, and that f was seen to bend a little farther out.
    """

    step: float = 0.0
    slope: Slope | None = None
    bent: bool = False


def search(
    work: Work, lo: float, best: Pick, unit: float, hi: float, known: float = KNOWN
) -> Generator[Steps, Values, Start]:
    """Look between lo and hi for the step at which f stops being straight; not on, once its slope is known so well."""
    line = work.line
    rounding = best.rounding
    slope = best.value / unit
    bar = best.bar / unit
    limit = line.reach
    jump = _jump(slope, lo, rounding)
    moved = best.bar > UNEXPLAINED * rounding
    alone = bent = False
    for _ in range(TRIES):
        if work.left() < 2 or lo * 6.0 > min(hi, limit) or bar <= known * abs(slope):
            break
        h = step_near(min(lo * 2.0**jump if hi == inf else sqrt(lo) * sqrt(hi), limit))
        if h <= lo or h == inf:
            break
        if not (yield from evaluate(work, h)):
            hi = h
            continue
        _, a, b = work.pairs[-1]
        largest = max(abs(a), abs(b), abs(work.fun))
        odd, even, h = parts(work, h, a, b)
        uncertain = bar * h
        here = work.rounding(odd, h, largest)[1]
        deviation = abs(odd - slope * h)
        if deviation <= 3.0 * (uncertain + here) and abs(even) <= 30.0 * here:
            # What rounding at both steps does not explain, the slope has moved on the way: it may be a power of h.
            excess = max(deviation - 3.0 * (rounding * (h / lo) + here), 0.0) / h
            moved = excess > 0.0
            if here / h + excess < bar:
                slope, bar, rounding, alone = odd / h, 2.0 * (here / h + excess), here, True
            lo = h
            jump = _jump(slope, lo, here)
            continue
        total = abs(odd) + 0.5 * abs(even)
        bend = sqrt(max(deviation - uncertain, 0.0) / total) if 0.0 < total < inf else 1.0
        if bend > 0.5:
            hi, bent = h, True
            continue
        start = h * (min(0.3 / bend, 2.0**16) if bend else 2.0**16)
        if bend and abs(even) > 30.0 * here:
            start = min(start, max(bend_step(h, abs(odd), abs(even)), h * abs(even) / (8.0 * deviation)))
        start = min(start, sqrt(h) * sqrt(hi))
        if start > lo:
            return Start(start)
        lo = h
    return Start(lo, _straight(work, slope, bar, lo, rounding, moved), alone and bent)


def bend_step(h: float, odd: float, even: float) -> float:
    """Return the step at which a ladder should start when a pair at h shows curvature.

    It lies between h and the step at which the bend would be as large as the slope; the size of f has no say, for an
    offset may be any size.
    """
    return 0.25 * h * sqrt((odd + 0.5 * even) / even)


def _jump(slope: float, lo: float, rounding: float) -> float:
    """Return the exponent of the next upward jump: half of what the slope is above the rounding."""
    signal = abs(slope) * lo
    if signal <= rounding or rounding == 0.0:
        return 8.0
    return float(int(min(max(log2(signal / rounding) / 2.0, 8.0), 40.0)))


def _straight(work: Work, slope: float, bar: float, reach: float, sigma: float, moved: bool) -> Slope:
    """Return the slope of a line that stayed straight as far as it could be followed."""
    most = work.rounding(slope * reach, reach, abs(work.fun) + abs(slope) * reach)[1]
    verdict = Verdict.NOISY if sigma > NOISE * most else Verdict.OK
    if moved:
        verdict = Verdict.UNRESOLVED
    bend = (0.0, 0.0, sigma, sigma, reach, 0.0)
    return Slope(slope, bar, verdict, noise=sigma, step=reach, reach=reach, bend=bend)
