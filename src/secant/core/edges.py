"""Ends of the domain: values that are not finite, and bounds close to x.

A pair with a value that is not finite is shrunk by 2**-6 and then twice by 2**-20. If the same side stays bad
the ladder goes on with the other side alone: the table of one-sided differences, extrapolated in
powers of h. There the verdict is ``at bound``; a one-sided slope that grows like a power of 1/h, from the
ladder down to a tiny step, is ``undefined`` (or a ``jump``, when the difference itself stands still).
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from math import inf, isfinite, log2, nan
from typing import TypeAlias

from secant.core import few, told
from secant.core.extrapolate import FLOOR, NOISE, Pick, pick_best
from secant.core.ladder import Line, Steps, Values, Work, difference, evaluate, moved, octaves, recall, step_near
from secant.core.results import Slope
from secant.core.tableau import SIDE, Rows, append, best_in_row, contrast
from secant.core.verdicts import Verdict

#: Widening of a one-sided bar: at the end of a domain f is often not analytic, and truncation falls slower than it
#: seems.
MARGIN = 3.0
#: Rows of a one-sided ladder, and how many ladders may be tried.
ROWS, LADDERS = 10, 6


@dataclass(frozen=True, slots=True)
class Ended:
    """A one-sided ladder from step ``top`` on: why it ended, its best entry, its steps in units of top, its table."""

    reason: str
    pick: Pick
    s: list[float]
    rows: Rows
    top: float
    side: float


#: What makes another derivative of a one-sided ladder than the slope, asking for more where that pays.
Conclude: TypeAlias = Callable[[Work, Ended], Generator[Steps, Values, Slope]]


def opening(line: Line, h: float) -> Steps:
    """Return the first round next to a bound: three steps to the roomier side."""
    side, h = roomier(line, h)
    if h < 4.0 * line.smallest:
        return (0.0,)
    if line.budget < 4:
        return few.one_sided(line, side, h)
    return (0.0, *(side * moved(line, h * 0.5**row) for row in range(3)))


def roomier(line: Line, h: float) -> tuple[float, float]:
    """Return the side with more room, and the first step that fits there."""
    side = 1.0 if line.above >= line.below else -1.0
    return side, step_near(min(h, line.nominal(max(line.above, line.below))))


def ceiling(work: Work) -> float:
    """Return the smallest step at which a pair had a value that is not finite."""
    return min((h for h, a, b in work.pairs if not (isfinite(a) and isfinite(b))), default=inf)


def shrink(work: Work) -> Generator[Steps, Values, tuple[float, float]]:
    """Return a step at which both sides are finite and 0, or a step and the side that is (0, 0 if neither)."""
    for h, a, b in work.pairs[::-1]:
        if not (isfinite(a) and isfinite(b)) and h <= min(pair[0] for pair in work.pairs):
            break
    else:
        return min(pair[0] for pair in work.pairs), 0.0
    for factor in (2.0**-6, 2.0**-20, 2.0**-20):
        if h * factor < work.line.smallest or work.left() < 2:
            break
        h *= factor
        if (yield from evaluate(work, h)):
            return h, 0.0
    _, a, b = work.pairs[-1]
    if isfinite(a):
        return max(h for h, right, _ in work.pairs if isfinite(right)), 1.0
    if isfinite(b):
        return max(h for h, _, left in work.pairs if isfinite(left)), -1.0
    return 0.0, 0.0


def one_sided(
    work: Work,
    first: float,
    asked: Steps,
    values: Values,
    side_ladder: Callable[[Work, float, float], Generator[Steps, Values, Slope]],
    short: Callable[[Work, float, Steps, Values], Slope],
) -> Generator[Steps, Values, Slope]:
    """Go on from an opening next to a bound."""
    if len(asked) < 4:
        return short(work, first, asked, values)
    side, top = roomier(work.line, first)
    work.known.update(zip(asked, values, strict=True))
    for row, value in enumerate(values[1:]):
        h = top * 0.5**row
        work.pairs.append((h, value, nan) if side > 0.0 else (h, nan, value))
    return (yield from side_ladder(work, top, side))


def side_value(work: Work, h: float, side: float) -> Generator[Steps, Values, float]:
    """Return f at a step to one side, paying for it when it is not known."""
    t, known = side * moved(work.line, h), recall(work)
    if t not in known:
        work.spent += 1
        (value,) = yield (t,)
        known[t] = value
        work.pairs.append((h, value, nan) if side > 0.0 else (h, nan, value))
    return known[t]


def side_ladder(
    work: Work, top: float, side: float, conclude: Conclude | None = None
) -> Generator[Steps, Values, Slope]:
    """Find a one-sided slope, starting at step ``top``; or what else is to be made of a ladder."""
    line = work.line
    room = line.nominal(min(line.above if side > 0.0 else line.below, line.max_step))
    best: Slope | None = None
    ceiling_ = inf
    for _ in range(LADDERS):
        reason, pick, s, rows = yield from _side_descend(work, top, side)
        if conclude is None and reason in ("floor", "small") and told.unsure_aside(work, rows, s):
            return (yield from told.slope(work, side))
        if conclude is None:
            slope = _side_slope(pick, s, top, side)
        else:
            slope = yield from conclude(work, Ended(reason, pick, s, rows, top, side))
        if best is None or slope.error < best.error:
            best = slope
        if reason == "floor":
            # Of a slope the finest ladder has the smallest bar, of a higher order the coarsest, settled or not.
            return best if conclude is None else slope
        if reason == "small" and top * 2.0 < min(room, ceiling_):
            top = step_near(min(top * 2.0**10, room, ceiling_))
            continue
        if reason == "small" or work.left() < 3:
            break
        if reason == "edge":
            ceiling_ = top
            top *= 2.0**-6
        else:
            verdict = yield from _diverges(work, top, s, side, rows)
            if verdict is not None:
                return verdict
            if told.dominates(work):
                return (yield from told.slope(work, side))
            top *= 2.0**-8
        if top * 2.0**-4 < work.line.smallest:
            break
    assert best is not None
    if reason == "small":
        return best
    return Slope(best.value, _widened(work, best, side), Verdict.UNRESOLVED, note="seen from one side only")


def _widened(work: Work, best: Slope, side: float) -> float:
    """Return a bar that reaches the last plain one-sided slope as well."""
    if work.line.order > 1:
        return 2.0 * best.error
    slopes = [
        gap / taken
        for gap, taken in (
            difference(work, h, side, right if side > 0.0 else left)
            for h, right, left in work.pairs
            if isfinite(right if side > 0.0 else left)
        )
    ]
    if not slopes or not isfinite(best.value):
        return inf
    return max(2.0 * best.error, 2.0 * abs(slopes[-1] - best.value), 2.0 * abs(slopes[-1] - slopes[-2 % len(slopes)]))


def _side_descend(work: Work, top: float, side: float) -> Generator[Steps, Values, tuple[str, Pick, list[float], Rows]]:
    """Grow one one-sided ladder; return why it ended, its best entry, steps and rows."""
    rows: Rows = []
    s: list[float] = []
    pick = Pick(nan, inf, 0, 0, nan, nan)
    tops: list[float] = []
    sizes: list[float] = []
    while len(rows) < ROWS:
        share = 0.5 ** len(rows)
        if share * top < work.line.smallest and len(rows) >= 3:
            return "rows", pick, s, rows
        if work.left() < 1 and side * moved(work.line, share * top) not in recall(work):
            return "budget", pick, s, rows
        value = yield from side_value(work, share * top, side)
        if not isfinite(value):
            return "edge", pick, s, rows
        sizes.append(max(abs(value), abs(work.fun)))
        gap, taken = difference(work, share * top, side, value)
        s.append(taken / top)
        append(rows, s, gap / s[-1], SIDE)
        j = len(rows) - 1
        if j < 2:
            continue
        rounding = work.rounding(rows[j][-1], top, sizes[j - 1])[1]
        newest = contrast(rows, j, j, s[j], SIDE)
        sigma = rounding
        if newest > FLOOR * rounding:
            sigma = max(rounding, 1.6 * min(newest, contrast(rows, j, j - 1, s[j], SIDE)))
        bar, k = best_in_row(rows, j, 1, s[j], sigma, work.u, SIDE)
        pick = Pick(rows[j][k], bar, j, k, sigma, rounding)
        tops.append(newest)
        if newest <= FLOOR * rounding or bar <= work.line.rtol * abs(pick.value):
            pick = pick_best(rows, s, [sigma] * len(s), work.u, rounding, SIDE)
            straight = j == 2 and contrast(rows, j, 1, s[j], SIDE) <= 6.0 * rounding
            small = straight and pick.bar > 1e-13 * abs(pick.value)
            return "small" if small else "floor", pick, s, rows
        if len(tops) >= 4 and min(tops[-3:]) > 0.7 * tops[-4]:
            break
    pick = pick_best(rows, s, [pick.sigma] * len(s), work.u, pick.rounding, SIDE)
    return "stalled", pick, s, rows


def _side_slope(pick: Pick, s: list[float], top: float, side: float) -> Slope:
    value = pick.value / top
    noisy = pick.sigma > NOISE * pick.rounding
    return Slope(
        value,
        MARGIN * pick.bar / top,
        Verdict.NOISY if noisy else Verdict.AT_BOUND,
        noise=pick.sigma,
        step=top * s[pick.row] if s else nan,
        reach=top * s[pick.row - pick.order] if s else nan,
        left=value if side < 0.0 else nan,
        right=value if side > 0.0 else nan,
        note="seen from one side only" if noisy else "",
    )


def _diverges(
    work: Work, top: float, s: list[float], side: float, rows: Rows
) -> Generator[Steps, Values, Slope | None]:
    """Tell a slope that grows without end from one that is merely not resolved yet.

    The difference must follow one power of h, from the ladder down to a tiny step and half-way between.
    """
    if len(rows) < 3 or 0.0 in (row[0] for row in rows[-3:]):
        return None
    gaps = [row[0] * step for row, step in zip(rows[-3:], s[-3:], strict=True)]
    ladder = octaves(gaps[1], gaps[2]) / log2(s[-2] / s[-1])
    if ladder > 0.97 or abs(octaves(gaps[0], gaps[1]) / log2(s[-3] / s[-2]) - ladder) > 0.1:
        return None
    h = top * s[-1]
    tiny = max(step_near(h) * 2.0**-24, work.line.smallest)
    if tiny > h / 16.0 or work.left() < 2:
        return None
    middle = step_near(h * (tiny / h) ** 0.5)
    far = yield from side_value(work, tiny, side)
    near = yield from side_value(work, middle, side)
    (d_far, at_far), (d_near, at_near) = difference(work, tiny, side, far), difference(work, middle, side, near)
    if d_far == 0.0 or d_near == 0.0 or not isfinite(d_far + d_near):
        return None
    first = octaves(gaps[2], d_near) / log2(h / at_near)
    second = octaves(d_near, d_far) / log2(at_near / at_far)
    if abs(first - ladder) > 0.08 or abs(first - second) > 0.04 or first > 0.97:
        return None
    if abs(first) < 0.03:
        return Slope(nan, inf, Verdict.JUMP, jump=d_far)
    note = f"the slope grows without end: f moves like the step to the power {first:.2g}"
    return Slope(nan, inf, Verdict.UNDEFINED, note=note)
