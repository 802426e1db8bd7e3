"""What a handful of evaluations say of a slope, where there are too few for a ladder.

A ladder takes three pairs. With fewer, one step has to do, and it is a small one: there the truncation of a central
difference is of the size of 1e-9 while rounding is not felt yet. What can be known of its error:

* One evaluation beside f(x): nothing. The bar is wider than the slope.
* A pair: its two one-sided differences enclose the slope of a function that is smooth over the step, or noisy. That is
  far too wide, but it holds. Values without any bend at all are those of a straight line, or rounded ones: nothing.
* A pair a thousand times as wide, beside it: as long as both tell of one smooth function, by their bends and by their
  slopes, the difference of the slopes is the truncation of the wide pair, and a millionth of it that of the small one.

To one side of x it is the same with differences of the first order, which the second step extrapolates. Nothing here
was checked against a third value, so all of it is ``unresolved``, and the note says why.
"""

from __future__ import annotations

from math import inf, isfinite, log2, nan

from secant.core.ladder import Line, Steps, Values, Work, moved, parts, step_near
from secant.core.results import Slope
from secant.core.verdicts import Verdict

#: A small step, for float64, is the first step of a ladder over 2**10: some 2**-14 of x. Larger ones see more of the
#: truncation, smaller ones more of the noise, which nobody has measured yet; in a lower precision it is nearer to the
#: first step, and where f is known to be noisy as well.
SMALL, NOISY = 2.0**-10, 2.0**-2
#: A bar in units of what f bends over the pair: noise is covered as well then, which is three times as large in a bend
#: as in a difference, in nineteen cases of twenty.
BEND = 3.0
#: The bar of a slope of which nothing is known but its value, in units of that: not even the sign is sure.
UNKNOWN = 2.0
#: How much truncation is granted a pair whose bend says nothing, in squares of the step over the size of x.
BLIND = 16.0
#: Roundings of a value in a bar.
ROUNDINGS = 4.0


def small(line: Line, first: float) -> float:
    """Return the step of a single pair; ``first`` is the first step of a ladder.

    >>> small(Line(1.0, 1.0), 0.10546875) == 0.10546875 / 1024
    True
    """
    share = SMALL if line.noise == 0.0 else NOISY
    bits = -log2(line.eps)
    if bits < 53.0:
        share = max(share, 2.0 ** round(4.0 - 14.0 * bits / 53.0))
    return max(step_near(min(1.0, share) * first), min(step_near(8.0 * line.smallest), first))


def opening(line: Line, first: float) -> Steps:
    """Return the first round of a line that may not cost seven evaluations."""
    near = moved(line, small(line, first))
    steps: Steps = (0.0, near, -near)
    if line.budget >= 5 and small(line, first) < first:
        far = moved(line, first)
        steps = (*steps, far, -far)
    return steps[: max(1, line.budget)]


def one_sided(line: Line, side: float, first: float) -> Steps:
    """Return the same to one side of x, for a line that may not cost four evaluations."""
    near = small(line, first)
    steps: Steps = (0.0, side * moved(line, near))
    if near < first:
        steps = (*steps, side * moved(line, first))
    return steps[: max(1, line.budget)]


def judge(work: Work, first: float, asked: Steps, values: Values) -> Slope:
    """Return what one or two pairs say."""
    known = dict(zip(asked[1:], values[1:], strict=True))
    if not known:
        return _one_side(work, [])
    near = small(work.line, first)
    t = moved(work.line, near)
    a, b = known.get(t, nan), known.get(-t, nan)
    if not (isfinite(a) and isfinite(b)):
        right = [(step, value) for step, value in known.items() if step > 0.0 and isfinite(value)]
        left = [(step, value) for step, value in known.items() if step < 0.0 and isfinite(value)]
        return _one_side(work, right or left)
    value, error, _ = _pair(work, near, a, b)
    t = moved(work.line, first)
    c, d = known.get(t, nan), known.get(-t, nan)
    if not (near < first and isfinite(c) and isfinite(d)):
        note = "a single pair of evaluations: the bar is what f bends over it, and nothing was left to check it with"
        return _slope(value, error, near, near, note)
    note = "two pairs of evaluations: nothing was left to check the bar with"
    wide, bar, seen = _pair(work, first, c, d)
    both = _both(work, (near, a, b), (first, c, d))
    if both is not None:
        return _slope(*both, near, first, note)
    if seen and bar < error and abs(wide - value) <= error + bar:
        # The small pair sees noise, or a wave that the wide one does not: the bar reaches both.
        return _slope(wide, bar + abs(wide - value), first, first, note)
    return _slope(value, error, near, near, note)


def _slope(value: float, error: float, step: float, reach: float, note: str) -> Slope:
    if not isfinite(value):
        return Slope(nan, inf, Verdict.UNRESOLVED, note=note)
    return Slope(value, error, Verdict.UNRESOLVED, step=step, reach=reach, note=note)


def _rounding(work: Work, slope: float, step: float, *values: float) -> float:
    """Return the error that rounding (or the noise that was stated) leaves in a slope over a step."""
    largest = max(abs(work.fun), *map(abs, values))
    return ROUNDINGS * work.rounding(slope * step, step, largest)[1] / step


def _blind(work: Work, value: float, step: float) -> float:
    """Return the truncation of a slope over a step that its bend may hide, at an inflection."""
    share = step / (max(work.line.size, work.line.argument) or 1.0)
    return BLIND * share * share * abs(value)


def _pair(work: Work, h: float, a: float, b: float) -> tuple[float, float, bool]:
    """Return the slope that one pair tells, its bar, and whether f was seen to bend."""
    odd, even, step = parts(work, h, a, b)
    value = odd / step
    noise = _rounding(work, value, step, a, b)
    if not abs(even) > noise * step:
        # A straight line, a function rounded to coarse steps, or one that is odd about x: nobody knows.
        return value, UNKNOWN * abs(value) or inf, False
    return value, BEND * abs(even) / step + _blind(work, value, step) + noise, True


def _both(
    work: Work, small_pair: tuple[float, float, float], wide_pair: tuple[float, float, float]
) -> tuple[float, float] | None:
    """Return the slope and its bar when both pairs tell of one smooth function; None when they do not."""
    odd, even, s = parts(work, *small_pair)
    far_odd, far_even, t = parts(work, *wide_pair)
    value, wide = odd / s, far_odd / t
    share = (s / t) * (s / t)
    noise = _rounding(work, value, s, *small_pair[1:], *wide_pair[1:])
    gap, bend = wide - value, abs(far_even) / t
    off = abs(even - share * far_even)
    if off > 0.25 * share * abs(far_even) + 2.0 * noise * s:
        return None
    if abs(gap) > 0.25 * (abs(value) + bend) or abs(gap) > 2.0 * bend + noise:
        return None
    # What the small bend is off from the wide one is noise, for all that can be known.
    return value - share * gap, share * (4.0 * abs(gap) + 0.25 * bend) + BEND * off / s + noise


def _one_side(work: Work, found: list[tuple[float, float]]) -> Slope:
    """Return what one or two values on the same side of x say."""
    if not found:
        note = "the evaluations allowed, or the room for a step, left nothing to go by"
        return Slope(nan, inf, Verdict.UNRESOLVED, note=note)
    slopes = [(value - work.fun) / _run(work.line, t) for t, value in found]
    step = abs(found[0][0])
    noise = _rounding(work, slopes[0], step, *(value for _, value in found))
    reach = max(abs(t) for t, _ in found)
    if len(found) == 1:
        note = "one evaluation beside f(x): nothing tells how far off this slope is"
        return _slope(slopes[0], UNKNOWN * abs(slopes[0]) + noise if slopes[0] else inf, step, reach, note)
    note = "two evaluations on one side of x: nothing was left to check the bar with"
    gap = slopes[1] - slopes[0]
    if abs(gap) > 0.25 * abs(slopes[0]):
        return _slope(slopes[0], max(UNKNOWN * abs(slopes[0]), abs(gap)) + noise, step, reach, note)
    bend = gap * step / (reach - step)
    return _slope(slopes[0] - bend, abs(bend) + _blind(work, slopes[0], step) + noise, step, reach, note)


def _run(line: Line, t: float) -> float:
    """Return the signed step that was really taken, t where x swallows it."""
    x = line.x
    run = (x + t if line.rounder is None else line.rounder(x + t)) - x
    return run if run != 0.0 and isfinite(run) else t
