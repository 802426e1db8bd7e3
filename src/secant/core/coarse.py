"""A second look at a slope: over a length that the user names, or at another version of f.

The slope at x is that of f as computed: with a ripple of size a and frequency w on it, off by up to a * w, and no
derivative at x can tell that from the slope of f itself. Whoever names a length says that what is faster is not
meant. Rules:

* four pairs, the largest one the length away. Where the slope they tell of agrees with the one at x, that one stays;
* where the two contradict each other, or agree only because four pairs say little, what the pairs leave unexplained is
  taken for noise, and the slope is looked for as under any noise (:mod:`secant.core.refine`).

A solver's error is smooth, and cannot be told from f by its values. Another version, at another tolerance, has another
error: what the two slopes do not agree on is, in size, the error of the looser of them, and the bar takes it in.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import replace
from math import isfinite

from secant.core.extrapolate import finished, level, pick_best
from secant.core.ladder import Ladder, Line, Steps, Values, Work, evaluate, step_near, unit_of
from secant.core.refine import refine
from secant.core.results import Slope, number
from secant.core.verdicts import Verdict

#: Pairs of the second look, and how often the length is halved where f has no value.
PAIRS, SHORTER = 4, 3
#: Bars of the second look, which extrapolates far, by which slopes must differ to contradict each other.
DOUBT = 2.0
#: A second look with a bar of this share of the slope is good enough; else more is paid for a better one.
CLOSE = 1e-3
#: Verdicts that a second look may overrule: what has no slope at all at x is not mended by a length.
OPEN = frozenset({Verdict.OK, Verdict.NOISY, Verdict.UNRESOLVED})


def coarse(
    line: Line, u: float, length: float, fine: Slope, known: Mapping[float, float]
) -> Generator[Steps, Values, Slope]:
    """Look at a slope over a length as well: return it as it is, or what it is over the length.

    ``line.budget`` is what may still be spent on it; ``u`` is the precision of f's values, ``known`` those that are
    known already, by signed step, f at x among them.
    """
    if fine.verdict not in OPEN or not isfinite(fine.value):
        return fine
    line = replace(line, max_step=min(line.max_step, length))
    work = Work(line, known[0.0], max(u, line.eps), known=dict(known))
    h = step_near(min(length, line.reach))
    for _ in range(1 + SHORTER):
        if work.left() < 2 * PAIRS or h < line.smallest:
            break
        if (yield from evaluate(work, *(h * 0.5**row for row in range(PAIRS)))):
            return (yield from _judged(work, h, fine))
        h *= 0.5
    note = f"there was no way to look over {length:.3g} as well"
    return replace(fine, evaluations=fine.evaluations + work.spent, note=_joined(fine.note, note))


def _judged(work: Work, h: float, fine: Slope) -> Generator[Steps, Values, Slope]:
    """Compare the slope over a length with the one at x, and settle what they do not agree on."""
    ladder = Ladder(unit_of(h))
    for pair in work.pairs[-PAIRS:]:
        ladder.add(work, pair)
    least, most = work.rounding(ladder.odd[-1][-1], ladder.unit, ladder.largest[0])
    sigma = max(least, level(ladder, PAIRS))
    best = pick_best(ladder.odd, ladder.s, ladder.sigmas(sigma), work.u, most)
    value, error = finished(best, ladder.unit)
    apart = abs(value - fine.value)
    unlike = apart > DOUBT * error + fine.error
    if not unlike and error <= CLOSE * abs(fine.value):
        return _agreed(work, h, fine, apart + error)
    found = yield from refine(work, ladder, best, (sigma, sigma))
    apart = abs(found.value - fine.value)
    if not unlike and not apart > found.error + fine.error:
        return _agreed(work, h, fine, apart + found.error)
    note = f"over {h:.2g} around x the slope is this one, at x itself {fine.value:.6g}: f has a ripple that is faster"
    return replace(found, verdict=Verdict.NOISY, evaluations=fine.evaluations + work.spent, note=note)


def _agreed(work: Work, h: float, fine: Slope, gap: float) -> Slope:
    """Return the slope at x, and say how well the second look agrees with it."""
    note = f"over {h:.2g} around x the slope agrees with this one, to {gap:.2g}"
    return replace(fine, evaluations=fine.evaluations + work.spent, note=_joined(fine.note, note))


def compared(slope: Slope, other: Slope) -> Slope:
    """Compare a slope with that of another version of f: the bar covers both."""
    if slope.verdict not in OPEN or not isfinite(slope.value):
        return slope
    if other.verdict not in OPEN or not isfinite(other.value):
        note = f"the other version of f has no slope here: {other.sentence}"
        return replace(slope, verdict=Verdict.UNRESOLVED, note=_joined(slope.note, note))
    apart = abs(slope.value - other.value)
    if apart <= slope.error + other.error:
        return slope
    note = f"another version of f has the slope {number(other.value, other.error)}, and the bar reaches it"
    verdict = max(slope.verdict, Verdict.NOISY, key=lambda one: one.severity)
    bar = max(slope.error, apart + other.error)
    return replace(slope, error=bar, verdict=verdict, noise=apart * slope.step, note=_joined(slope.note, note))


def _joined(*notes: str) -> str:
    return "; ".join(note for note in notes if note)
