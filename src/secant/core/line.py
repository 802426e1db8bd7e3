"""The derivative along one line, with all the judgement: the line core.

Strategy. Three pairs of halved steps, then a row at a time until rounding is reached (``descend``); if
rounding is what limits the answer, larger steps as long as they pay (``climb``). Only when this first
ladder fails are questions asked, and paid for:

* the steps see a straight line and nothing else: look for the scale of f upward (``search``);
* a value is not finite: find the side that is (:mod:`secant.core.edges`);
* contrasts stand still above the rounding: two pairs of tiny steps tell noise, kinks, jumps and
  divergence from structure that is merely too fine (:mod:`secant.core.probes`).

A core deals in signed steps along its line: it yields a tuple of them and is sent f there, NaN where f
has no value. Which points these are is the business of :mod:`secant.core.operators`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from math import frexp, inf, isfinite, ldexp, nan, sqrt

from secant.core import edges, few, probes, told
from secant.core.extrapolate import Pick, climb, descend, finished, pick_best, slope_of
from secant.core.ladder import (
    SIGNIFICAND,
    Ladder,
    Line,
    Steps,
    Values,
    Work,
    evaluate,
    moved,
    parts,
    step_near,
    unit_of,
)
from secant.core.refine import STEPPED, quantum, refine
from secant.core.results import Slope
from secant.core.scale import Start, bend_step, search
from secant.core.verdicts import Verdict

#: Ladders that one line may start before it settles for what it has.
LADDERS = 5
#: Sums of both bars by which slopes over small steps and over large ones may differ.
APART = 3.0
TWO = "small steps and large ones tell of different slopes: something small lies between"


@dataclass(frozen=True, slots=True)
class Rules:
    """What depends on the order of the derivative, the first or a higher one (:mod:`secant.core.orders`).

    ``settle`` judges a ladder, ``side`` works on one side of x, from a step on, and ``short`` says what an opening
    that was cut short tells.
    """

    settle: Callable[[Work, Ladder], Generator[Steps, Values, Slope]]
    side: Callable[[Work, float, float], Generator[Steps, Values, Slope]]
    short: Callable[[Work, float, Steps, Values], Slope]


def first_step(line: Line) -> float:
    """Return the first step: 0.05 to 0.1 of the size of x, within bounds and `max_step`.

    >>> first_step(Line(1.0, 1.0)), first_step(Line(0.0, 0.0))
    (0.10546875, 0.2109375)
    """
    h = ldexp(SIGNIFICAND, frexp(line.size)[1] - 4) if line.size else 0.25 * SIGNIFICAND
    h = min(h, 2.0**1000)
    if h < 8.0 * line.smallest:
        h = step_near(16.0 * line.smallest)
    room = line.nominal(min(line.below, line.above))
    if room < h and room >= h / 64.0:
        h = step_near(room)
    return min(h, step_near(line.nominal(line.max_step)))


def opening(line: Line) -> Steps:
    """Return the first round of a line: the point itself and three pairs, or as many as the budget allows."""
    h = first_step(line)
    if h < 4.0 * line.smallest:
        return (0.0,)
    if line.budget < 7 and line.nominal(min(line.below, line.above)) >= h:
        return few.opening(line, h) if line.order == 1 else _pairs(line, h, 2)[: max(1, line.budget)]
    if line.nominal(min(line.below, line.above)) < h:
        return edges.opening(line, h)
    return _pairs(line, h, 3)


def _pairs(line: Line, h: float, count: int) -> Steps:
    """Return the point itself and pairs of halved steps."""
    steps = [0.0]
    for row in range(count):
        t = moved(line, h * 0.5**row)
        steps += (t, -t)
    return tuple(steps)


def differentiate(
    line: Line, asked: Steps, values: Values, u: float, rules: Rules | None = None
) -> Generator[Steps, Values, Slope]:
    """Find the slope of a line whose opening was asked and answered, or another derivative by its ``rules``."""
    rules = rules or FIRST
    # Where x is of a lower precision, so is what f does with it, though it may hand out wider numbers.
    work = Work(line, values[0], max(u, line.eps), len(asked))
    if not isfinite(work.fun):
        return Slope(nan, inf, Verdict.UNDEFINED, work.spent, note="f has no finite value at x itself")
    if len(asked) < 7 or asked[2] != -asked[1]:
        if line.nominal(min(line.below, line.above)) < first_step(line):
            return _told(
                work, (yield from edges.one_sided(work, first_step(line), asked, values, rules.side, rules.short))
            )
        return _told(work, rules.short(work, first_step(line), asked, values))
    h = step_near(asked[1])
    ladder = Ladder(unit_of(h))
    pairs = work.pairs
    pairs += ((h, values[1], values[2]), (0.5 * h, values[3], values[4]), (0.25 * h, values[5], values[6]))
    if not isfinite(sum(values)):
        slope = yield from edge(work, rules)
    elif values.count(work.fun) == len(values):
        ladder.open(work, pairs)
        slope = yield from still(work, ladder, ladder.top, rules)
    else:
        ladder.open(work, pairs)
        slope = yield from rules.settle(work, ladder)
    return _told(work, slope)


def _told(work: Work, slope: Slope) -> Slope:
    """Return a slope with what was paid for it; one beyond the range of floats is no slope."""
    if slope.evaluations != work.spent:
        slope = replace(slope, evaluations=work.spent)
    if slope.error != slope.error or (
        slope.value - slope.value != 0.0 and slope.verdict.severity < Verdict.JUMP.severity
    ):
        note = "the slope is beyond the range of floats" if slope.value == slope.value else slope.note
        return replace(slope, value=nan, error=inf, verdict=Verdict.UNRESOLVED, note=note)
    return slope


def resume(work: Work, core: Generator[Steps, Values, Slope]) -> Generator[Steps, Values, Slope]:
    """Run a part of the line core for a ladder that somebody else began, and count what was paid."""
    return _told(work, (yield from core))


def still(work: Work, ladder: Ladder, flat: float, rules: Rules) -> Generator[Steps, Values, Slope]:
    """Judge a plateau: f had the same value at every point so far.

    Far below the scale of f that is the rounding of f: its size there, drawn from what is seen farther out, says so.
    Otherwise it goes on, ends smoothly (a unit that is switched off) or turns out to be one tread of a staircase
    (rounded output), whose slope shows at larger steps only. Values of a staircase lie on a lattice. ``flat`` is the
    largest step over which f is known to stand still.
    """
    line = work.line
    lo, room = flat, line.reach
    hi = inf if flat == ladder.top else 2.0 * flat
    h = 32.0 * ladder.top
    if hi < inf and quantum(work):
        larger = yield from begin(work, 16.0 * lo, again=True)
        if larger is not None:
            return (yield from rounded(work, larger))
    for _ in range(7):
        h = step_near(min(h, room))
        if h < 1.2 * lo or work.left() < 2:
            break
        if not (yield from evaluate(work, h)):
            room = 0.5 * h
            h = sqrt(lo) * sqrt(h)
            continue
        odd, even, _ = parts(work, *work.pairs[-1])
        if odd == 0.0 == even:
            farther, lo = lo > ladder.top and hi == inf, h
            if farther:
                break
        else:
            hi = min(hi, h)
            share = lo / h
            still = 4.0 * work.u * max(abs(value) for value in (work.fun, *work.pairs[-1][1:]))
            stepped = quantum(work, plateau=True) > 0.0
            explained = abs(odd) * share + 0.5 * abs(even) * share * share <= still
            if stepped or explained:
                larger = yield from begin(work, 16.0 * lo if stepped else h, again=stepped)
                if larger is not None:
                    return (yield from (rounded if stepped else rules.settle)(work, larger))
        h = sqrt(lo) * sqrt(hi) if hi < inf else max(2.0**15 * lo, 0.25)
    if hi < inf:
        # The edge of a tread looks like that of a plateau; the treads beyond tell.
        beyond = step_near(min(max(100.0 * hi, 4.0 * max(work.pairs)[0]), room))
        if beyond > hi and work.left() >= 2 and (yield from evaluate(work, beyond)) and quantum(work, plateau=True):
            larger = yield from begin(work, 16.0 * lo, again=True)
            if larger is not None:
                return (yield from rounded(work, larger))
    if flat == ladder.top:
        narrow = yield from _narrow(work, ladder, rules)
        if narrow is not None:
            return narrow
    return _plateau(work, lo)


def _narrow(work: Work, ladder: Ladder, rules: Rules) -> Generator[Steps, Values, Slope | None]:
    """Look over a tiny step for something narrow at x that all others stepped across; None when nothing is there."""
    tiny = step_near(max(2.0**-24 * ladder.top, work.line.smallest))
    if tiny >= 0.25 * ladder.bottom or work.left() < 2 or not (yield from evaluate(work, tiny)):
        return None
    odd, even, tiny = parts(work, *work.pairs[-1])
    if odd == 0.0 == even:
        return None
    here = work.rounding(odd, tiny, abs(work.fun) + abs(odd))[1]
    start = yield from search(work, tiny, Pick(odd, 6.0 * here, 0, 0, here, here), tiny, ladder.bottom, 0.0)
    larger = (yield from begin(work, start.step)) if start.step else None
    if larger is None:
        if work.line.order > 1:
            return Slope(nan, inf, Verdict.UNRESOLVED, noise=here)
        seen = start.slope or Slope(odd / tiny, abs(odd / tiny), Verdict.UNRESOLVED)
        return replace(seen, verdict=Verdict.UNRESOLVED)
    return (yield from rules.settle(work, larger))


def _plateau(work: Work, reach: float) -> Slope:
    """Return the slope of a function that stands still, and how far it does."""
    least = work.rounding(0.0, reach, abs(work.fun))[0]
    note = f"f has the very same value all over +/- {reach:.2g}"
    error, order = least, work.line.order
    for power in range(order):
        error *= (order - power) / reach
    bend = (0.0, 0.0, 0.0, 0.0, reach, 0.0)
    return Slope(0.0, error, Verdict.OK, noise=least, step=reach, reach=reach, note=note, bend=bend)


def rounded(work: Work, ladder: Ladder) -> Generator[Steps, Values, Slope]:
    """Return the slope of a function whose output is rounded to steps."""
    level = STEPPED * quantum(work)
    most = work.rounding(ladder.odd[-1][-1], ladder.unit, ladder.largest[0])[1]
    best = pick_best(ladder.odd, ladder.s, ladder.sigmas(level), work.u, most)
    return (yield from refine(work, ladder, best, (level, level)))


def settle(work: Work, ladder: Ladder) -> Generator[Steps, Values, Slope]:
    """Judge a ladder, and start others where it points, until there is a verdict.

    What small steps saw of a straight line, large ones must see as well: else something lies between, which both have
    missed, and nobody knows the slope better than small steps do.
    """
    seen: list[tuple[float, float]] = []
    slope = yield from _settled(work, ladder, seen)
    if slope.verdict is Verdict.OK or slope.verdict is Verdict.NOISY:
        for value, bar in seen:
            apart = abs(slope.value - value)
            if apart > APART * (slope.error + bar):
                return replace(slope, value=value, error=apart + bar, verdict=Verdict.UNRESOLVED, note=TWO)
    return slope


def _settled(work: Work, ladder: Ladder, seen: list[tuple[float, float]]) -> Generator[Steps, Values, Slope]:
    """Settle a ladder, and note the slopes and bars of those that saw a straight line and were left for larger ones."""
    fallback: Slope | None = None
    for _ in range(LADDERS):
        reason, best = yield from descend(work, ladder)
        if reason == "edge":
            return (yield from edge(work))
        if probes.kinked(ladder, best):
            kink = yield from probes.kink(work, ladder, best)
            if kink is not None:
                return kink
        if reason == "still":
            return (yield from still(work, ladder, ladder.bottom, FIRST))
        if ladder.odd[-1][1] == ladder.odd[-1][0] and quantum(work):
            return (yield from rounded(work, ladder))
        if reason in ("floor", "rtol", "small"):
            if reason != "rtol" and told.unsure(work, ladder):
                return (yield from told.slope(work))
            start = Start() if reason != "small" else (yield from larger(work, ladder, best))
            if start.slope is not None:
                return start.slope
            found = (yield from begin(work, start.step)) if start.step else None
            if found is None:
                if reason == "rtol":
                    return slope_of(work, ladder, best, Verdict.OK)
                best = yield from climb(work, ladder, best)
                return slope_of(work, ladder, best)
            seen.append(finished(best, ladder.unit))
        else:
            outcome = yield from probes.diagnose(work, ladder, best, reason, fallback)
            fallback = outcome.slope
            found = (yield from begin(work, outcome.step)) if outcome.step else None
            if found is None:
                return fallback
        ladder = found
    return fallback or slope_of(work, ladder, best)


def larger(work: Work, ladder: Ladder, best: Pick) -> Generator[Steps, Values, Start]:
    """Say where a ladder should start when this one saw a straight line: the first step if this one will do."""
    even = abs(ladder.even[0][0] * ladder.s[0] ** 2)
    if even > 30.0 * best.rounding:
        step = bend_step(ladder.top, abs(ladder.odd[0][0] * ladder.s[0]), even)
        return Start(step if step > 16.0 * ladder.top else 0.0)
    start = yield from search(work, ladder.unit * ladder.s[0], best, ladder.unit, edges.ceiling(work))
    return Start(start.step) if start.bent else start


def begin(work: Work, h: float, again: bool = False) -> Generator[Steps, Values, Ladder | None]:
    """Start a new ladder of three pairs at a step; None when the budget or the domain does not allow it.

    Where a ladder was started before there is nothing new to see, unless it is looked at in another way: ``again``.
    """
    line = work.line
    h = step_near(min(h, line.reach))
    if work.left() < 6 or h < line.smallest:
        return None
    if not again and (h in work.tops or h == work.pairs[0][0]):
        return None
    work.tops.append(h)
    if not (yield from evaluate(work, h, 0.5 * h, 0.25 * h)):
        return None
    ladder = Ladder(unit_of(h))
    ladder.open(work, work.pairs[-3:])
    return ladder


def edge(work: Work, rules: Rules | None = None) -> Generator[Steps, Values, Slope]:
    """Deal with values that are not finite: shrink into the domain, or work on the side that exists."""
    rules = rules or FIRST
    h, side = yield from edges.shrink(work)
    if side:
        return (yield from rules.side(work, h, side))
    if h == 0.0:
        return Slope(nan, inf, Verdict.UNDEFINED, note="f has no finite value on either side of x")
    ladder = yield from begin(work, h)
    if ladder is None:
        return probes.unresolved(work)
    return (yield from rules.settle(work, ladder))


#: The rules of the first derivative.
FIRST = Rules(settle, edges.side_ladder, few.judge)
