"""What a ladder that failed was up against: noise, a kink, a jump, divergence, or a finer structure.

Two pairs of tiny steps decide, and only when the ladder stalled. Noise looks the same at every step; a
smooth function becomes straight; a jump keeps its height; a power keeps its exponent; a kink keeps the
difference of its two slopes. Each claim must be reproduced by values that did not suggest it.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace
from math import hypot, inf, isfinite, log2, nan

from secant.core import told
from secant.core.extrapolate import NOISE, Pick, finished, levels, pick_best, slope_of
from secant.core.ladder import Ladder, Steps, Values, Work, evaluate, octaves, parts, step_near
from secant.core.refine import proportional, quantum, refine
from secant.core.results import Slope
from secant.core.scale import search
from secant.core.tableau import SIDE, Rows, append
from secant.core.verdicts import Verdict

#: Ratio of the two probe steps, and the noise of their even parts and of their contrast.
RATIO, EVEN_NOISE, CONTRAST_NOISE = 1.375, 2.45, 0.87


#: The closest look, in smallest steps; the share of its size to which noise seldom falls there; and the share of f
#: above which it is taken, since what is smaller may come from rounding inside f and does not change by the spacing.
CLOSEST, SHRUNK, COARSE = 1.0 / 32.0, 0.2, 1e-6

#: Powers of h that are believed. Values of equal size, seen over thirty octaves, pass for a power of up to 0.1.
POWERS = (0.12, 0.95)


@dataclass(frozen=True, slots=True)
class Outcome:
    """A slope; with a step, it is only the fallback for a ladder to be started there."""

    slope: Slope
    step: float = 0.0


def kinked(ladder: Ladder, best: Pick) -> bool:
    """Return whether the even parts of the last pairs shrink like h, as those of a kink at x do."""
    j = len(ladder.s) - 1
    if j < 2:
        return False
    last, before = _opening(ladder, j), _opening(ladder, j - 1)
    floor = max(30.0 * best.rounding, 1e-13 * ladder.largest[j]) / ladder.s[j]
    return abs(last) > floor and abs(last - before) <= 0.3 * abs(last)


def _opening(ladder: Ladder, j: int) -> float:
    """Return half the jump of the slope at x that pairs j and j - 1 speak of, extrapolated to h = 0."""
    here, above = ladder.s[j], ladder.s[j - 1]
    ratio = above / here
    return 0.5 * (ratio * ladder.even[j][0] * here - ladder.even[j - 1][0] * above) / (ratio - 1.0)


def pointed(ladder: Ladder) -> bool:
    """Return whether larger pairs see a kink: one near x, that the smallest steps do not reach.

    Their even parts go with h: four in a row have one sign, and their shares of h lie within a factor of two. Those of
    a smooth function halve from row to row, and noise seldom keeps its sign.
    """
    shares = [row[0] * s for row, s in zip(ladder.even, ladder.s, strict=True)]
    return any(
        max(four) <= 2.0 * min(four) or min(four) >= 2.0 * max(four)
        for four in zip(shares, shares[1:], shares[2:], shares[3:], strict=False)
        if min(four) > 0.0 or max(four) < 0.0
    )


def _even_handed(ladder: Ladder) -> bool:
    """Return whether odd and even contrasts speak of one level, as those of noise do."""
    seen = [levels(ladder, j) for j in (-2, -1)]
    odd, even = hypot(seen[0][0], seen[1][0]), hypot(seen[0][1], seen[1][1])
    return max(odd, even) <= 30.0 * min(odd, even)


def kink(work: Work, ladder: Ladder, best: Pick) -> Generator[Steps, Values, Slope | None]:
    """Confirm a kink with one pair of far smaller steps; None when it is not one."""
    j = len(ladder.s) - 1
    expected = _opening(ladder, j)
    h = ladder.unit * ladder.s[j]
    reach = 40.0 * best.rounding / abs(expected) * ladder.unit
    probe = step_near(max(2.0**-20 * h, work.line.smallest, reach))
    if probe >= 0.5 * h or work.left() < 2:
        return None
    if not (yield from evaluate(work, probe)):
        return None
    odd, even, probe = parts(work, *work.pairs[-1])
    seen = 0.5 * even / (probe / ladder.unit)
    if abs(seen - expected) > 0.2 * abs(expected):
        return None
    right, right_bar = _one_side(work, ladder, 1.0, best)
    left, left_bar = _one_side(work, ladder, -1.0, best)
    if abs(odd / probe - 0.5 * (left + right)) > 0.5 * abs(right - left) + left_bar + right_bar:
        return None
    error = (0.5 + 1e-7) * abs(right - left) + max(left_bar, right_bar)
    return Slope(
        0.5 * (left + right),
        error,
        Verdict.KINK,
        noise=best.rounding,
        step=probe,
        reach=ladder.unit * ladder.s[0],
        left=left,
        right=right,
    )


def _one_side(work: Work, ladder: Ladder, side: float, best: Pick) -> tuple[float, float]:
    """Return the slope on one side, and its bar, from the values of the ladder."""
    rows: Rows = []
    for odd, even, s in zip(ladder.odd, ladder.even, ladder.s, strict=True):
        append(rows, ladder.s[: len(rows) + 1], odd[0] + side * 0.5 * even[0] * s, SIDE)
    pick = pick_best(rows, ladder.s, ladder.sigmas(best.rounding), work.u, best.rounding, SIDE)
    return finished(pick, ladder.unit)


def diagnose(
    work: Work, ladder: Ladder, best: Pick, reason: str, fallback: Slope | None
) -> Generator[Steps, Values, Outcome]:
    """Say why a ladder did not settle."""
    value, error = finished(best, ladder.unit)
    if best.sigma <= NOISE * best.rounding and best.bar < 1e-3 * abs(best.value):
        return Outcome(slope_of(work, ladder, best, Verdict.OK))
    near_kink = pointed(ladder)
    known = best.bar < 1e-3 * abs(best.value) and _even_handed(ladder)
    if reason == "stalled" and fallback is None and known and not near_kink:
        # The slope is known well over large steps, so what stalls them is small: noise, whatever tiny steps may say.
        return Outcome((yield from _under_noise(work, ladder, best, ())))
    if work.left() < 4 or reason == "budget":
        return Outcome(_cut(ladder, best, fallback))
    tiny = step_near(max(2.0**-32 * ladder.top, work.line.smallest))
    if 4.0 * tiny > ladder.bottom:
        return Outcome(_cut(ladder, best, fallback))
    if not (yield from evaluate(work, tiny, RATIO * tiny)):
        return Outcome(Slope(value, 2.0 * error, Verdict.UNRESOLVED, note="f has no value very close to x"))
    first, second = (parts(work, *pair) for pair in work.pairs[-2:])
    claim = yield from _singular(work, ladder, best, first, second)
    if claim is not None:
        return Outcome(claim)
    lo = second[2]
    apart = (first[0] - second[0] * (first[2] / lo)) / CONTRAST_NOISE
    rough = max(abs(first[1]) / EVEN_NOISE, abs(second[1]) / EVEN_NOISE, abs(apart))
    here = work.rounding(second[0], lo, abs(work.fun) + abs(second[0]))[1]
    last = abs(ladder.odd[-1][0]) * ladder.s[-1]
    shrinking = work.line.order == 1 and 8.0 * here < rough <= 0.02 * best.sigma
    if shrinking and rough * last > 0.1 * best.sigma * abs(second[0]) and reason == "stalled":
        steady = yield from proportional(work, tiny, ladder.bottom)
        if steady is not None:
            return Outcome(steady)
    quantized = quantum(work) > 0.0 or _stepped(work, ladder, best, lo)
    faint = rough <= 8.0 * here + 1e-9 * abs(second[0]) or rough <= 0.02 * best.sigma
    straight = faint and rough <= 0.15 * best.sigma
    if straight and told.dominates(work):
        return Outcome((yield from told.slope(work)))
    if straight and not quantized:
        probe = Pick(second[0], 6.0 * max(here, rough), 0, 0, here, here)
        start = yield from search(work, lo, probe, lo, ladder.unit * ladder.s[-1], 0.0)
        if start.slope is None:
            slope = Slope(second[0] / lo, probe.bar / lo, Verdict.UNRESOLVED, noise=here, step=lo, reach=lo)
            return Outcome(slope, start.step)
        unsure = start.slope.verdict is Verdict.UNRESOLVED
        if unsure or near_kink or reason != "stalled" or fallback is not None:
            return Outcome(start.slope)
        if work.left() < 2:  # a bend may lie where nothing was left to look for it
            return _untold(start.slope, abs(value - start.slope.value) + error)
        # Straight over tiny steps and ragged over all larger ones, with no bend between: the pieces between two
        # roundings of something inside f. The slope of one piece is not the slope of f.
    elif fallback is not None:
        return Outcome(_cut(ladder, best, fallback))
    elif not quantized and best.sigma > COARSE * max(ladder.largest):
        if work.left() < 4:  # noise, or a wave that is fast even to the tiny steps
            return _untold((yield from refine(work, ladder, best, ())), _cut(ladder, best, None).error)
        closer = yield from _closest(work, tiny, max(map(abs, (*first[:2], *second[:2]))))
        if closer is not None:
            return closer
    seen = (first[1] / EVEN_NOISE, second[1] / EVEN_NOISE, apart)
    return Outcome((yield from _under_noise(work, ladder, best, seen)))


def _under_noise(work: Work, ladder: Ladder, best: Pick, probes: tuple[float, ...]) -> Generator[Steps, Values, Slope]:
    """Return the slope under noise, whose level was told or has to be measured."""
    if told.dominates(work):
        return (yield from told.slope(work))
    return (yield from refine(work, ladder, best, probes))


def _untold(slope: Slope, reach: float) -> Outcome:
    """Return a slope that noise and a fast wave would explain alike, with a bar that goes so far at least."""
    note = "too few evaluations were left to tell noise from a fast wave"
    return Outcome(replace(slope, error=max(slope.error, reach), verdict=Verdict.UNRESOLVED, note=note))


def _closest(work: Work, tiny: float, size: float) -> Generator[Steps, Values, Outcome | None]:
    """Look a few spacings of x around it for a wave that is fast even to the tiny steps; None where it is noise.

    Noise is of one size down to the last spacing. What shrinks with the step there, and in proportion to it, is smooth.
    """
    near = step_near(work.line.smallest * CLOSEST)
    if 64.0 * near > tiny or work.left() < 4 or not (yield from evaluate(work, near)):
        return None
    odd, even, lo = parts(work, *work.pairs[-1])
    if odd == 0.0 or max(abs(odd), abs(even)) > SHRUNK * size or not (yield from evaluate(work, 4.0 * near)):
        return None
    wide, bend, hi = parts(work, *work.pairs[-1])
    apart = abs(wide - odd * (hi / lo))
    if max(apart, abs(bend)) > 0.3 * abs(wide):
        return None
    here = work.rounding(wide, hi, abs(work.fun) + abs(wide))[1]
    probe = Pick(wide, 6.0 * max(here, apart), 0, 0, here, here)
    start = yield from search(work, hi, probe, hi, tiny, 0.0)
    note = "f bends within a few spacings of x"
    slope = start.slope or Slope(wide / hi, probe.bar / hi, Verdict.UNRESOLVED, noise=here, step=hi, reach=hi)
    return Outcome(replace(slope, verdict=Verdict.UNRESOLVED, note=note), start.step)


def _stepped(work: Work, ladder: Ladder, best: Pick, step: float) -> bool:
    """Return whether f stands still over tiny steps because its output comes in steps.

    The slope over larger ones would have moved it; and no plateau with an edge is in sight, for of that one side would
    be still over the last steps of the ladder as well.
    """
    fun = work.fun
    if not all(a == b == fun for _, a, b in work.pairs[-2:]):
        return False
    last = [pair for pair in work.pairs if pair[0] in {ladder.bottom, 2.0 * ladder.bottom}]
    if last and (all(a == fun for _, a, _ in last) or all(b == fun for _, _, b in last)):
        return False
    return max(abs(row[0]) for row in ladder.odd) * (step / ladder.unit) > 20.0 * best.rounding


def _singular(
    work: Work, ladder: Ladder, best: Pick, first: tuple[float, float, float], second: tuple[float, float, float]
) -> Generator[Steps, Values, Slope | None]:
    """Look for a jump or a power of h in the odd and in the even parts."""
    steps = ladder.s[-3:]
    up, down = log2(steps[0] / steps[1]), log2(steps[1] / steps[2])
    h, tiny = ladder.unit * steps[2], first[2]
    for which, rows, power in ((0, ladder.odd, 1), (1, ladder.even, 2)):
        earlier, before, last = (rows[i][0] * ladder.s[i] ** power for i in (-3, -2, -1))
        probe = first[which]
        if abs(probe) <= 20.0 * best.rounding or 0.0 in (earlier, before, last):
            continue
        jump = _jump(ladder, which, first, second)
        if not jump and _constant(which, first, second) and work.left() >= 2:
            # One that is small beside what the slope adds over the ladder's steps shows at a step between.
            between = step_near(h * (tiny / h) ** 0.5)
            jump = (yield from evaluate(work, between)) and _constant(which, first, parts(work, *work.pairs[-1]), 0.02)
        if jump and not quantum(work):
            height = 2.0 * probe if which == 0 else 0.5 * probe
            note = "" if which == 0 else "the value at x itself stands apart from both sides"
            return Slope(nan, inf, Verdict.JUMP, noise=best.rounding, step=tiny, jump=height, note=note)
        power_here = octaves(before, last) / down
        power_down = octaves(last, probe) / log2(h / tiny)
        steady = abs(power_here - power_down) <= 0.08 and abs(octaves(earlier, before) / up - power_here) <= 0.1
        if not POWERS[0] < power_down < POWERS[1] or not steady or work.left() < 2:
            continue
        if not (yield from evaluate(work, step_near(h * (tiny / h) ** 0.5))):
            continue
        found = parts(work, *work.pairs[-1])
        between, middle = found[which], found[2]
        if between == 0.0:
            continue
        outer = octaves(last, between) / log2(h / middle)
        inner = octaves(between, probe) / log2(middle / tiny)
        if abs(outer - inner) <= 0.03:
            what = "the slope" if which == 0 else "the slope on either side"
            note = f"{what} grows without end: f moves like the step to the power {power_down:.2g}"
            return Slope(nan, inf, Verdict.UNDEFINED, noise=best.rounding, step=tiny, note=note)
    return None


def _constant(
    which: int, first: tuple[float, float, float], second: tuple[float, float, float], tolerance: float = 1e-6
) -> bool:
    """Return whether a part, odd or even, is the same over two steps, and the other part as well."""
    size = abs(first[which])
    return all(abs(one - other) <= tolerance * size for one, other in zip(first[:2], second[:2], strict=True))


def _jump(ladder: Ladder, which: int, first: tuple[float, float, float], second: tuple[float, float, float]) -> bool:
    """Return whether a part, odd or even, keeps its height down to the tiny steps, and the other part its own.

    On the ladder the height is what is left at h = 0 of a straight line through two rows, since f has a slope as well.
    """

    def height(rows: Rows, power: int, j: int) -> float:
        here, above = ladder.s[j], ladder.s[j - 1]
        value, other = rows[j][0] * here**power, rows[j - 1][0] * above**power
        return value - (other - value) / (above / here - 1.0)

    heights = [(height(ladder.odd, 1, j), height(ladder.even, 2, j)) for j in (-2, -1)]
    probe, size = first[which], abs(first[which])
    own = all(abs(pair[which] - probe) <= 0.1 * size for pair in heights) and abs(second[which] - probe) <= 0.02 * size
    cross = first[1 - which]
    across = [second[1 - which], *(pair[1 - which] for pair in heights)]
    return own and all(abs(value - cross) <= 0.1 * size for value in across)


def _cut(ladder: Ladder, best: Pick, fallback: Slope | None) -> Slope:
    """Return what is known when evaluations or steps ran out: the bar reaches all that was seen last."""
    value, error = finished(best, ladder.unit)
    rows = ladder.odd
    spread = [2.0 * abs(rows[-1][-1] - rows[-1][-2]) if len(rows[-1]) > 1 else inf]
    if len(rows) > 1:
        spread.append(abs(rows[-1][-1] - rows[-2][-1]))
    if best.sigma > 0.02 * max(abs(row[0] * s) for row, s in zip(rows, ladder.s, strict=True)):
        spread.append(max(abs(row[0]) for row in rows))
    error = max(error, max(spread) / ladder.unit)
    if fallback is not None and fallback.error < error:
        return fallback
    return Slope(
        value,
        error,
        Verdict.UNRESOLVED,
        noise=best.sigma,
        step=ladder.unit * ladder.s[best.row],
        reach=ladder.unit * ladder.s[best.row - best.order],
    )


def unresolved(work: Work) -> Slope:
    """Return the slope of the smallest pair that is finite, with a bar as large as itself."""
    finite = [pair for pair in work.pairs if isfinite(pair[1]) and isfinite(pair[2])]
    if not finite:
        return Slope(nan, inf, Verdict.UNRESOLVED)
    pair = min(finite)
    odd, _, step = parts(work, *pair)
    slope = odd / step
    rounding = work.rounding(odd, step, max(map(abs, (*pair[1:], work.fun))))[1]
    return Slope(slope, abs(slope) + 2.0 * rounding / step, Verdict.UNRESOLVED, step=step, reach=step)
