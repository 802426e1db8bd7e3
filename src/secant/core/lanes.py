"""The ordinary ladder of many lines at once: the lanes core.

Most lines need nothing but the ladder: three pairs, a few rows more, larger steps as long as they pay. For
one line plain floats are ten times faster than arrays, for ten thousand arrays are a hundred times faster than plain
floats. So lanes with the same history travel together as a *flock*, one array per number of a table, by the formulas
of :mod:`secant.core.arrays`; at every round a flock splits by what its lanes do next. A lane that needs judgement (it
stalls, sees a straight line or a plateau, meets a kink or the end of the domain) is handed to a line core, with all
that it has paid for, and goes on as if it had been there from the start: the same answers, to the last bit.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import TypeAlias

import numpy as np

from secant.core import arrays
from secant.core.arrays import Mask, Picks, Whole
from secant.core.extrapolate import FLOOR, MARGIN, NOISE, RISE
from secant.core.flock import Flock
from secant.core.ladder import ARGUMENT_ROUNDING, TINY, VALUE_ROUNDING, Ladder, Line, Pair, Steps, Values, Work, recall
from secant.core.line import differentiate, edge, opening, resume, settle
from secant.core.request import UNIT_ROUNDOFF, Floats
from secant.core.results import Slope
from secant.core.tableau import append_pair, open_pairs, prepend_pair
from secant.core.verdicts import Verdict

_NUMBERS = attrgetter("x", "reach", "smallest", "noise", "rtol", "budget", "eps", "pairs")

#: A line core on its way, for a lane that was handed over.
LineCore = Generator[Steps, Values, Slope]


@dataclass(slots=True)
class Handed:
    """A lane that a line core takes over, and the values it has paid for by signed step."""

    lane: int
    core: LineCore
    known: dict[float, float]


@dataclass(slots=True)
class Ask:
    """Pairs wanted: lane by lane the steps (signed both ways), and the lanes that line cores take over from here."""

    lane: Whole
    t: Floats
    handed: list[Handed]


#: Where slopes go that are too many for an object each: lanes, their verdict or None (``ok``, or noisy where the mask
#: says so), the mask, the evaluations of each; then value, error, sigma, step and reach.
Sink: TypeAlias = Callable[[Whole, Verdict | None, Mask, int, tuple[Floats, ...]], None]


@dataclass(slots=True)
class Lanes:
    """What is known of all lanes beforehand, f at x among it, and the answers as they come (to a ``sink``, if any).

    A straight line whose bar is ``enough`` of its slope is not looked at over larger steps.
    """

    lines: Sequence[Line]
    u: float
    fun: Floats
    x: Floats
    size: Floats
    reach: Floats
    smallest: Floats
    noise: Floats
    rtol: Floats
    budget: Whole
    eps: Floats
    pairs: Floats
    slopes: list[Slope | None]
    sink: Sink | None = None
    enough: float = 1e-14

    def moved(self, lane: Whole, h: Floats) -> Floats:
        """Return the steps really asked for."""
        return arrays.moved(self.x[lane], h)

    def rounding(self, lane: Whole, slope: Floats, unit: Floats, largest: Floats) -> tuple[Floats, Floats]:
        """Return the least and the most that rounding explains (see :meth:`secant.core.ladder.Work.rounding`)."""
        least = VALUE_ROUNDING * self.u * largest
        least = np.where((least == 0.0) & (largest > 0.0), TINY, least)
        size = self.size[lane] / unit
        argument = ARGUMENT_ROUNDING * np.maximum(self.u, self.eps[lane]) * np.abs(slope) * size
        noise = self.noise[lane]
        known = noise > least
        return np.where(known, noise, least), np.where(known, np.maximum(noise, argument), least + argument)


def many(
    lines: Sequence[Line], fun: Floats, u: float, h: Floats, values: Floats
) -> Generator[Ask, tuple[Floats, Floats] | None, list[Slope | None]]:
    """Differentiate along lanes whose openings were asked and answered.

    ``fun`` holds f at x for each lane, ``h`` the nominal first steps, ``values`` (lanes, 6) the three pairs. Returns
    the slopes of the lanes that were not handed over. Sent None for an answer it ends there.
    """
    return (yield from flocks(_known(lines, fun, u), h, values))


def flocks(lanes: Lanes, h: Floats, values: Floats) -> Generator[Ask, tuple[Floats, Floats] | None, list[Slope | None]]:
    """Differentiate along lanes of which everything is known, as :func:`many` does."""
    fun = lanes.fun
    flock = _opened(lanes, h, values)
    fine = np.isfinite(values).all(axis=1) & np.isfinite(fun) & ~(values == fun[:, None]).all(axis=1)
    handed = [_from_start(lanes, values, int(lane)) for lane in np.flatnonzero(~fine)]
    groups = [flock.take(fine)] if fine.any() else []
    while True:
        with np.errstate(all="ignore"):  # ours only: what f does in between is its own
            groups = [part for flock in groups for part in _decide(lanes, flock, handed)]
            if not groups and not handed:
                return lanes.slopes
            where = np.concatenate([flock.lane for flock in groups]) if groups else np.zeros(0, dtype=np.intp)
            nominal = np.concatenate([flock.h for flock in groups]) if groups else np.zeros(0)
            steps = lanes.moved(where, nominal)
        answer = yield Ask(where, steps, handed)
        handed = []
        if not groups or answer is None:
            return lanes.slopes
        with np.errstate(all="ignore"):
            groups = _answered(lanes, groups, *answer, handed)


def _from_start(lanes: Lanes, values: Floats, lane: int) -> Handed:
    """Hand over a lane whose opening is not an ordinary one."""
    line = lanes.lines[lane]
    steps, found = opening(line), [float(lanes.fun[lane]), *values[lane].tolist()]
    return Handed(lane, differentiate(line, steps, found, lanes.u), dict(zip(steps, found, strict=True)))


def _hand(work: Work, lane: int, core: LineCore) -> Handed:
    """Hand over a lane to a part of the line core."""
    return Handed(lane, resume(work, core), dict(recall(work)))


def _known(lines: Sequence[Line], fun: Floats, u: float) -> Lanes:
    x, reach, smallest, noise, rtol, budget, eps, pairs = np.array([_NUMBERS(line) for line in lines]).T
    size = np.array([max(line.size, line.argument) for line in lines])
    slopes: list[Slope | None] = [None] * len(lines)
    whole = budget.astype(np.intp)
    return Lanes(lines, u, fun, x, size, reach, smallest, noise, rtol, whole, eps, pairs, slopes)


def _taken(lanes: Lanes, lane: Whole, h: Floats) -> Floats:
    """Return the steps that were really taken."""
    x, t = lanes.x[lane], lanes.moved(lane, h)
    span = (x + t) - (x - t)
    return np.where((span > 0.0) & (span < np.inf), 0.5 * span, t)


def _parts(
    lanes: Lanes, lane: Whole, unit: Floats, h: Floats, a: Floats, b: Floats
) -> tuple[Floats, Floats, Floats, Floats]:
    """Return a pair's step in units, its odd and even part, and the largest value."""
    fun = lanes.fun[lane]
    s = _taken(lanes, lane, h) / unit
    largest = np.maximum(np.maximum(np.abs(a), np.abs(b)), np.abs(fun))
    return s, (0.5 * a - 0.5 * b) / s, ((a - fun) + (b - fun)) / (s * s), largest


def _opened(lanes: Lanes, h: Floats, values: Floats) -> Flock:
    """Return the flock of all lanes with its first three rows."""
    lane, unit = np.arange(h.size), arrays.unit_of(h)
    pairs = [(h * 0.5**row, values[:, 2 * row], values[:, 2 * row + 1]) for row in range(3)]
    with np.errstate(all="ignore"):
        columns = [_parts(lanes, lane, unit, *pair) for pair in pairs]
        s = [column[0] for column in columns]
        # The formulas are the line core's own; they take arrays for floats.
        odd, even = open_pairs([c[1] for c in columns], [c[2] for c in columns], s)  # type: ignore[arg-type, misc]
    largest = [column[3] for column in columns]
    before, stalls = np.full(h.size, np.inf), np.zeros(h.size, dtype=np.intp)
    return Flock(lane, unit, h, pairs[2][0], s, odd, even, largest, before, stalls, pairs)  # type: ignore[arg-type]


def _decide(lanes: Lanes, flock: Flock, handed: list[Handed]) -> list[Flock]:
    """Split a flock by what its lanes do next; those that are done or handed over leave it."""
    if flock.waiting:
        flock.waiting = False
        return [flock]
    if flock.climbing:
        return _climb_on(lanes, flock)
    spent = 1 + 2 * len(flock.pairs)
    lane, j = flock.lane, len(flock.s) - 1
    s, row = flock.s[j], flock.odd[j]
    least, most = lanes.rounding(lane, row[-1], flock.unit, flock.largest[max(j - 1, 0)])
    top = arrays.newest(flock.odd, flock.even, flock.s)
    fast = arrays.falls_fast(flock.odd, flock.even) if j == 2 and flock.rising else flock.rising
    rising = fast & (top <= RISE * flock.before)
    stays = top > 0.35 * flock.before
    low = (top <= FLOOR * least) | ((top <= FLOOR * most) & stays)
    sigma = np.maximum(least, arrays.level(flock.odd, flock.even, flock.s))
    bar, _, value = arrays.best_in_row(flock.odd, j, max(1, j - 3), s, sigma, lanes.u)
    size = np.abs(value)
    done = (low | (lanes.rtol[lane] > 0.0)) & (bar <= lanes.rtol[lane] * size)
    floor = ~done & low & (bar * s <= 40.0 * sigma)
    straight = arrays.straight(flock.odd, flock.even, flock.s, most) & (j == 2)
    small = floor & straight & (bar > lanes.enough * size)
    stalls = np.where(stays, flock.stalls + 1, 0)
    stuck = (
        ~floor
        & ~done
        & (
            (stalls >= 2)
            | (j + 1 >= 8)
            | (flock.bottom < 2.0 * lanes.smallest[lane])
            | (spent + 2 > lanes.budget[lane])
        )
    )
    still = (row[0] == 0.0) & (flock.even[j][0] == 0.0) & ((flock.odd[0][0] != 0.0) | (flock.even[0][0] != 0.0))
    same = (row[1] == row[0]) & ~(straight & (bar <= lanes.enough * size))
    odd_one_out = arrays.kinked(flock.even, flock.s, flock.largest, most) | same
    ends = done | floor | stuck | still
    noise, share = lanes.noise[lane], VALUE_ROUNDING * lanes.u
    open_scale = floor & arrays.unsure(flock.odd, flock.even, flock.s, flock.largest, noise, share)
    leaves = np.where(done, odd_one_out, small | stuck | still | open_scale | (floor & odd_one_out))
    for index in np.flatnonzero(leaves):
        work, ladder = _laid_out(lanes, flock, int(index))
        handed.append(_hand(work, int(lane[index]), settle(work, ladder)))
    rest: list[Flock] = []
    if (done & ~leaves).any():
        part = done & ~leaves
        picks = Picks(value, bar, np.full(bar.shape, j), np.zeros(bar.shape, dtype=np.intp), sigma, most)
        picks.order = arrays.best_in_row(flock.odd, j, max(1, j - 3), s, sigma, lanes.u)[1]
        _finish(lanes, flock.take(part), picks.take(part), spent, Verdict.OK)
    if (floor & ~leaves).any():
        group = flock.take(floor & ~leaves)
        levels = arrays.sigmas(group.largest, sigma[floor & ~leaves])
        group.best = arrays.pick_best(group.odd, group.s, levels, lanes.u, most[floor & ~leaves])
        group.climbing, group.rows, group.sigma = True, len(group.s), group.best.sigma
        rest += _climb_on(lanes, group)
    return rest + _next_rows(lanes, flock, ~ends, rising, top, stalls)


def _next_rows(lanes: Lanes, flock: Flock, go: Mask, rising: Mask, top: Floats, stalls: Whole) -> list[Flock]:
    """Send the lanes that go on upward or downward."""
    up = go & rising & (2.0 * flock.top <= lanes.reach[flock.lane])
    rest = []
    for mask, rises in ((up, True), (go & ~up, False)):
        if mask.any():
            group = flock.take(mask)
            group.rising, group.before, group.stalls = rises, top[mask], stalls[mask]
            group.h = 2.0 * group.top if rises else 0.5 * group.bottom
            rest.append(group)
    return rest


def _climb_on(lanes: Lanes, flock: Flock) -> list[Flock]:
    """Send the lanes that have larger steps to pay for upward; the others are done."""
    assert flock.best is not None
    spent = 1 + 2 * len(flock.pairs)
    lane, best = flock.lane, flock.best
    go = arrays.climbs(flock.odd, flock.even, flock.s, best, lanes.rtol[lane], lanes.u)
    go &= (
        (len(flock.s) < lanes.pairs[lane]) & (spent + 2 <= lanes.budget[lane]) & (2.0 * flock.top <= lanes.reach[lane])
    )
    if not go.all():
        _top_out(lanes, flock.take(~go), spent)
    if not go.any():
        return []
    group = flock.take(go)
    group.h = 2.0 * group.top
    return [group]


def _top_out(lanes: Lanes, flock: Flock, spent: int) -> None:
    """Finish lanes after their climb: with more rows the level may have shown itself to be higher."""
    best = flock.best
    assert best is not None
    if len(flock.s) > flock.rows:
        seen = arrays.level(flock.odd, flock.even, flock.s, 4)
        louder = seen > flock.sigma
        if louder.any():
            again = arrays.pick_best(flock.odd, flock.s, arrays.sigmas(flock.largest, seen), lanes.u, best.rounding)
            best = Picks(
                *(
                    np.where(louder, getattr(again, name), getattr(best, name))
                    for name in ("value", "bar", "row", "order", "sigma", "rounding")
                )
            )
    _finish(lanes, flock, best, spent, None)


def _finish(lanes: Lanes, flock: Flock, best: Picks, spent: int, verdict: Verdict | None) -> None:
    """Write the slopes of lanes that are done (see :func:`secant.core.extrapolate.slope_of`)."""
    value, error = best.value / flock.unit, MARGIN * best.bar / flock.unit
    every = np.arange(value.size)
    largest = flock.largest[0]
    for column in flock.largest[1:]:
        largest = np.maximum(largest, column)
    usual = NOISE * np.maximum(best.rounding, UNIT_ROUNDOFF * largest)
    noisy = (best.sigma > usual) & (error > 1024.0 * UNIT_ROUNDOFF * np.abs(value))
    steps = np.stack(flock.s)
    step = flock.unit * steps[best.row, every]
    top = best.row - best.order
    reach = flock.unit * steps[top, every]
    if lanes.sink is not None:
        lanes.sink(flock.lane, verdict, noisy, spent, (value, error, best.sigma, step, reach))
        return
    bends = arrays.bend(flock.odd, flock.even, steps, top)
    rows = (flock.lane, value, error, noisy, best.sigma, step, reach, *bends[:-1], flock.unit * bends[-1])
    for lane, slope, bar, loud, sigma, at, far, *bend in zip(*(column.tolist() for column in rows), strict=True):
        words = verdict or (Verdict.NOISY if loud else Verdict.OK)
        lanes.slopes[lane] = Slope(slope, bar, words, spent, sigma, at, far, bend=(*bend, 0.0))


def _answered(lanes: Lanes, flocks: list[Flock], a: Floats, b: Floats, handed: list[Handed]) -> list[Flock]:
    """Add the pairs that came in to the flocks that asked for them."""
    rest: list[Flock] = []
    at = 0
    for asking in flocks:
        flock = asking
        count = flock.lane.size
        up, down = a[at : at + count], b[at : at + count]
        at += count
        fine = np.isfinite(up) & np.isfinite(down)
        flock.pairs.append((flock.h, up, down))
        if not fine.all():
            rest += _fell(lanes, flock.take(~fine), handed)
            h, up, down = flock.h[fine], up[fine], down[fine]
            flock = flock.take(fine)
            flock.h = h
        if flock.lane.size:
            rest += _grown(lanes, flock, up, down)
    return rest


def _fell(lanes: Lanes, flock: Flock, handed: list[Handed]) -> list[Flock]:
    """Deal with lanes whose new pair has no value: climbers are done, risers turn round, the others are at an edge."""
    if flock.climbing:
        _top_out(lanes, flock, 1 + 2 * len(flock.pairs))
        return []
    if flock.rising:
        flock.rising, flock.waiting, flock.h = False, True, 0.5 * flock.bottom
        return [flock]
    for index in range(flock.lane.size):
        work, _ = _laid_out(lanes, flock, index)
        handed.append(_hand(work, int(flock.lane[index]), edge(work)))
    return []


def _grown(lanes: Lanes, flock: Flock, a: Floats, b: Floats) -> list[Flock]:
    """Add a row at the end that the step belongs to, and judge a climb."""
    h = flock.h
    s, odd, even, largest = _parts(lanes, flock.lane, flock.unit, h, a, b)
    if flock.climbing or flock.rising:
        flock.top = h
        flock.s.insert(0, s)
        flock.largest.insert(0, largest)
        prepend_pair(flock.odd, flock.even, flock.s, odd, even)  # type: ignore[arg-type]
    else:
        flock.bottom = h
        flock.s.append(s)
        flock.largest.append(largest)
        append_pair(flock.odd, flock.even, flock.s, odd, even)  # type: ignore[arg-type]
    if not flock.climbing:
        return [flock]
    best = flock.best
    assert best is not None
    best.row = best.row + 1
    levels = arrays.sigmas(flock.largest, flock.sigma)
    new = arrays.pick_top(flock.odd, flock.s, levels, lanes.u, best.rounding)
    refused = (np.abs(new.value - best.value) > new.bar + best.bar) | (new.bar >= best.bar)
    ends = refused | ~(new.bar <= 0.75 * best.bar)
    spent = 1 + 2 * len(flock.pairs)
    if ends.any():
        part = flock.take(ends)
        gave_up = refused[ends]
        old, young = best.take(ends), new.take(ends)
        part.best = Picks(
            *(
                np.where(gave_up, getattr(old, name), getattr(young, name))
                for name in ("value", "bar", "row", "order", "sigma", "rounding")
            )
        )
        _top_out(lanes, part, spent)
    if ends.all():
        return []
    flock.best = new
    return [flock.take(~ends)]


def _laid_out(lanes: Lanes, flock: Flock, index: int) -> tuple[Work, Ladder]:
    """Return one lane of a flock as the line core keeps it."""
    lane = int(flock.lane[index])
    pairs: list[Pair] = [(float(h[index]), float(a[index]), float(b[index])) for h, a, b in flock.pairs]
    work = Work(lanes.lines[lane], float(lanes.fun[lane]), lanes.u, 1 + 2 * len(pairs), pairs)
    ladder = Ladder(
        float(flock.unit[index]),
        float(flock.top[index]),
        float(flock.bottom[index]),
        [float(column[index]) for column in flock.s],
        [[float(entry[index]) for entry in row] for row in flock.odd],
        [[float(entry[index]) for entry in row] for row in flock.even],
        [float(column[index]) for column in flock.largest],
        float(flock.before[index]),
        int(flock.stalls[index]),
        None if len(flock.s) == 3 and flock.rising else flock.rising,
    )
    return work, ladder
