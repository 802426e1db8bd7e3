"""Sparse Jacobians with steps of their own: the entries of all columns of one color from the same evaluations.

Outputs that read one column of a color do not see the others. So a point may move every column of a color at once, each
by a step *of its own*: whatever the line of an entry asks for is packed with what other columns ask for in that round,
and badly scaled columns cost nothing. An entry's line is that of its column, with all the judgment of
:mod:`secant.core.line`; the ordinary ones travel as lanes, and only those that are handed to line cores are objects.

* Points are made a few at a time, so that memory stays bounded.
* Colors are taken together as long as their entries fit into a pass; a color that does not fit is taken in pieces.
* Where entries are very many, straight lines are not followed as far, to a bar of 1e-12 in place of 1e-14 of the slope,
  and a line that stands still over its first steps is not followed at all: its slope is 0 within what rounding hides.
  The line cores that would do it take a tenth of a millisecond an entry.
* Where f has no value at a point, the columns that are to blame are looked for by halves.
* A budget is for all evaluations. When it ends, entries under way are ``unresolved``, with what was seen last.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from math import inf, isfinite, nan
from typing import overload

import numpy as np
from numpy.typing import NDArray

from secant.core.across import values_of
from secant.core.arrays import Mask, Whole, moved
from secant.core.extrapolate import MARGIN
from secant.core.ladder import VALUE_ROUNDING, Line
from secant.core.lanes import Ask, Lanes, LineCore, flocks
from secant.core.line import differentiate, opening
from secant.core.request import FAILED, NOT_FINITE, OK, OUTSIDE, Core, Floats, Interrupted, Reply, Request
from secant.core.results import Slope
from secant.core.sparse import CODE, Columns, Entries, Pattern
from secant.core.verdicts import Verdict

#: Entries in a pass and in a block of lanes (the tables of one take up to a kilobyte); numbers of points made at once.
PASS, BLOCK, CHUNK = 2**20, 2**16, 2**22
#: Evaluations that may be spent on finding the columns of a point at which f has no value.
SPLITS = 64
#: Entries from which on they are very many, and the bar beside the slope that is enough for a straight line then.
VERY_MANY, ENOUGH = 2**14, 2.0**-40


@dataclass(slots=True)
class _Open:
    """A line core on its way: which entry of the pass it is for, what it knows by step, and what it asks for."""

    lane: int
    core: LineCore
    known: dict[float, float]
    asked: tuple[float, ...] = ()


@dataclass(slots=True)
class _Pass:
    """Entries that are found together: their places in the pattern, rows and columns, and a group for each column."""

    place: Whole
    row: Whole
    column: Whole
    group: NDArray[np.int32]
    entries: Entries
    failed: Mask
    open: list[_Open]


@dataclass(slots=True)
class _Block:
    """A block of lanes on its way: which entries of the pass they are, and what they ask for."""

    lanes: Whole
    core: Generator[Ask, tuple[Floats, Floats] | None, list[Slope | None]]
    ask: Ask | None


class _Lines(Sequence[Line]):
    """The lines of lanes, made when one of them is wanted."""

    def __init__(self, columns: Columns, column: Whole) -> None:
        self._columns, self._column = columns, column

    def __len__(self) -> int:
        return self._column.size

    @overload
    def __getitem__(self, lane: int) -> Line: ...
    @overload
    def __getitem__(self, lane: slice) -> Sequence[Line]: ...
    def __getitem__(self, lane: int | slice) -> Line | Sequence[Line]:
        if isinstance(lane, slice):
            return _Lines(self._columns, self._column[lane])
        return self._columns.line(int(self._column[lane]))


def colored(
    base: Floats, fun: Floats, u: float, pattern: Pattern, columns: Columns, left: float = inf
) -> Core[Entries]:
    """Differentiate the entries of a colored pattern.

    ``fun`` (m floats) is f at the point, ``u`` the unit roundoff of its values, ``left`` the most evaluations. When it
    is interrupted, entries that are not done are ``unresolved``, without a bar.
    """
    entries = Entries.of(pattern.indices.size)
    limits = columns.steps()
    rows = pattern.rows
    for place, group in _passes(pattern):
        row, column = rows[place].astype(np.intp), pattern.indices[place].astype(np.intp)
        part = _Pass(place, row, column, group, entries, np.zeros(place.size, dtype=bool), [])
        try:
            left = yield from _pass(base, fun, u, columns, limits, part, left)
        except Interrupted:
            break
    return entries


def _passes(pattern: Pattern) -> Iterator[tuple[Whole, NDArray[np.int32]]]:
    """Yield the entries of each pass (their places), and the group of each column in it."""
    own = pattern.colors[pattern.indices]
    sizes = np.bincount(own, minlength=pattern.groups)
    first = 0
    while first < sizes.size:
        last = first + 1
        while last < sizes.size and sizes[first : last + 1].sum() <= PASS:
            last += 1
        inside = np.flatnonzero((own >= first) & (own < last))
        pieces = -(-inside.size // PASS) if last == first + 1 else 1
        piece = pattern.indices[inside].astype(np.int64) * pieces // pattern.n
        for index in range(pieces):
            yield inside[piece == index], pattern.colors - np.int32(first)
        first = last


def _pass(
    base: Floats,
    fun: Floats,
    u: float,
    columns: Columns,
    limits: tuple[Floats, Floats, Floats],
    part: _Pass,
    left: float,
) -> Generator[Request, Reply, float]:
    """Differentiate the entries of one pass; return what is left of the budget."""
    first = limits[2][part.column]
    ordinary, others = np.flatnonzero(first > 0.0), np.flatnonzero(first == 0.0)
    x, h = columns.x[part.column[ordinary]], first[ordinary]
    pairs = [moved(x, h * 0.5**row) for row in range(3)]
    openings = [(lane, columns.line(int(part.column[lane]))) for lane in others.tolist()]
    asked = [opening(line) for _, line in openings]
    lane = np.concatenate([np.tile(ordinary, 6), np.repeat(others, [len(steps) - 1 for steps in asked])])
    t = np.concatenate([*(sign * step for step in pairs for sign in (1.0, -1.0)), [s for q in asked for s in q[1:]]])
    values, left = yield from _values(base, part, lane, t, left)
    if values is None:
        for index in range(part.place.size):
            part.entries.tell(int(part.place[index]), _cut({}, nan))
        return left
    table = values[: 6 * ordinary.size].reshape(6, -1).T
    rest = iter(values[6 * ordinary.size :].tolist())
    with np.errstate(all="ignore"):
        part.entries.value[part.place[ordinary]] = (0.5 * table[:, 4] - 0.5 * table[:, 5]) / pairs[2]
    if part.entries.value.size >= VERY_MANY:
        moves = _still(part, fun, u, ordinary, h, table)
        ordinary, h, table = ordinary[moves], h[moves], table[moves]
    blocks = []
    for start in range(0, ordinary.size, BLOCK):
        inside = ordinary[start : start + BLOCK]
        many = flocks(
            _lanes(fun, u, columns, limits, part, inside), h[start : start + BLOCK], table[start : start + BLOCK]
        )
        blocks.append(_Block(inside, many, None))
        _block_on(part, blocks[-1], None)
    for (index, line), steps in zip(openings, asked, strict=True):
        found = [float(fun[part.row[index]]), *(next(rest) for _ in steps[1:])]
        known = dict(zip(steps, found, strict=True))
        _advance(part, _Open(index, differentiate(line, steps, found, u), known), None)
    left = yield from _rounds(base, part, blocks, left)
    for index in np.flatnonzero(part.failed).tolist():
        part.entries.tell(int(part.place[index]), Slope(nan, inf, Verdict.FAILED))
    return left


def _still(part: _Pass, fun: Floats, u: float, lanes: Whole, h: Floats, table: Floats) -> Mask:
    """Settle the lanes over which f stood still, and return which ones did not."""
    centre = fun[part.row[lanes]]
    still = (table == centre[:, None]).all(axis=1)
    place, entries = part.place[lanes[still]], part.entries
    hidden = VALUE_ROUNDING * u * np.abs(centre[still])
    entries.value[place], entries.error[place] = 0.0, 2.0 * MARGIN * hidden / h[still]
    entries.noise[place], entries.step[place], entries.code[place] = hidden, h[still], CODE[Verdict.OK]
    moves: Mask = ~still
    return moves


def _rounds(base: Floats, part: _Pass, blocks: list[_Block], left: float) -> Generator[Request, Reply, float]:
    """Ask what lanes and line cores ask, a round at a time, until none of them does."""
    while part.open or any(block.ask is not None for block in blocks):
        asking = [block for block in blocks if block.ask is not None]
        pairs = [(block.lanes[block.ask.lane], block.ask.t) for block in asking if block.ask is not None]
        singles = [(entry.lane, step) for entry in part.open for step in entry.asked if step not in entry.known]
        lane = np.concatenate([*(lanes for lanes, _ in pairs for _ in (0, 1)), [each for each, _ in singles]])
        t = np.concatenate([*(sign * step for _, step in pairs for sign in (1.0, -1.0)), [s for _, s in singles]])
        values, left = yield from _values(base, part, lane.astype(np.intp), t, left)
        if values is None:
            _end(part, asking)
            return left
        at = 0
        waiting, part.open = part.open, []
        for block, (lanes, _) in zip(asking, pairs, strict=True):
            size = lanes.size
            _block_on(part, block, (values[at : at + size], values[at + size : at + 2 * size]))
            at += 2 * size
        rest = iter(values[at:].tolist())
        for entry in waiting:
            entry.known.update([(step, next(rest)) for step in entry.asked if step not in entry.known])
            if not part.failed[entry.lane]:
                _advance(part, entry, [entry.known[step] for step in entry.asked])
    return left


def _end(part: _Pass, asking: list[_Block]) -> None:
    """Close what is under way when the budget has ended."""
    for block in asking:
        assert block.ask is not None
        for place in part.place[block.lanes[block.ask.lane]].tolist():
            part.entries.tell(place, _cut({}, float(part.entries.value[place])))
    for entry in part.open:
        part.entries.tell(int(part.place[entry.lane]), _cut(entry.known, nan))
    part.open = []


def _cut(known: dict[float, float], guess: float) -> Slope:
    """Return the slope over the smallest pair that is known, or a guess, without a claim."""
    note = "the evaluations that are allowed were spent before this entry had settled"
    both = [t for t in known if t > 0.0 and isfinite(known[t]) and isfinite(known.get(-t, nan))]
    value = 0.5 * (known[min(both)] - known[-min(both)]) / min(both) if both else guess
    return Slope(value, inf, Verdict.UNRESOLVED, note=note)


def _advance(part: _Pass, entry: _Open, values: list[float] | None) -> None:
    """Send a core its values, and go on as long as it knows the answers itself."""
    try:
        while True:
            entry.asked = entry.core.send(values)  # type: ignore[arg-type]
            if not all(step in entry.known for step in entry.asked):
                part.open.append(entry)
                return
            values = [entry.known[step] for step in entry.asked]
    except StopIteration as stop:
        part.entries.tell(int(part.place[entry.lane]), stop.value)


def _block_on(part: _Pass, block: _Block, answer: tuple[Floats, Floats] | None) -> None:
    """Send a block of lanes its answers, and take over what it hands to line cores."""
    block.ask = None
    try:
        while True:
            ask = block.core.send(answer)
            for given in ask.handed:
                _advance(part, _Open(int(block.lanes[given.lane]), given.core, dict(given.known)), None)
            if ask.lane.size:
                block.ask = ask
                return
            answer = (np.zeros(0), np.zeros(0))
    except StopIteration:
        return


def _lanes(
    fun: Floats, u: float, columns: Columns, limits: tuple[Floats, Floats, Floats], part: _Pass, inside: Whole
) -> Lanes:
    """Return what is known of a block of lanes; their slopes go straight to the entries."""
    column, place, entries = part.column[inside], part.place[inside], part.entries

    def sink(lane: Whole, verdict: Verdict | None, noisy: Mask, spent: int, found: tuple[Floats, ...]) -> None:
        where = place[lane]
        entries.value[where], entries.error[where], entries.noise[where], entries.step[where] = found[:4]
        entries.code[where] = CODE[verdict or Verdict.OK]
        if verdict is None:
            for index in np.flatnonzero(noisy).tolist():
                value, error, sigma, step, reach = (float(numbers[index]) for numbers in found)
                entries.tell(int(where[index]), Slope(value, error, Verdict.NOISY, spent, sigma, step, reach))

    x, size = columns.x[column], column.size
    smallest, reach, _ = limits
    of = np.full(size, 1.0)
    return Lanes(
        _Lines(columns, column),
        u,
        fun[part.row[inside]],
        x,
        np.abs(x),
        reach[column],
        smallest[column],
        columns.noise * of,
        columns.rtol * of,
        np.full(size, columns.budget, dtype=np.intp),
        columns.eps[column],
        columns.pairs * of,
        [],
        sink,
        ENOUGH if entries.value.size >= VERY_MANY else 1e-14,
    )


def _values(
    base: Floats, part: _Pass, lane: Whole, t: Floats, left: float
) -> Generator[Request, Reply, tuple[Floats | None, float]]:
    """Return f in the rows of lanes at steps along their columns; None when that takes more than is left.

    The steps that a column asks for are numbered, and the first of all columns of a group make one point, the second
    another.
    """
    column = part.column[lane]
    order = np.lexsort((t, column))
    ordered, steps = column[order], t[order]
    head = np.ones(order.size, dtype=bool)
    head[1:] = ordered[1:] != ordered[:-1]
    new = head.copy()
    new[1:] |= steps[1:] != steps[:-1]
    back = np.empty(order.size, dtype=np.intp)
    back[order] = np.cumsum(new) - 1
    mover, by, number = ordered[new], steps[new], np.arange(int(new.sum()))
    rank = number - np.maximum.accumulate(np.where(head[new], number, 0))
    key = part.group[mover].astype(np.int64) * (int(rank.max(initial=0)) + 1) + rank
    points, point = np.unique(key, return_inverse=True)
    if points.size > left:
        return None, left
    values = np.empty(order.size)
    width = max(1, CHUNK // max(base.size, int(part.row.max(initial=0)) + 1))
    for first in range(0, points.size, width):
        count = min(width, points.size - first)
        ways = np.zeros((count, base.size))
        inside = (point >= first) & (point < first + count)
        ways[point[inside] - first, mover[inside]] = by[inside]
        reply = yield Request(base, np.arange(count), np.ones(count), ways)
        table = values_of(reply)
        mine = inside[back]
        where = point[back[mine]] - first
        values[mine] = table[where, part.row[lane[mine]]]
        if reply.status is not None:
            for bad in np.flatnonzero((reply.status == OUTSIDE) | (reply.status == FAILED)).tolist():
                asking = np.flatnonzero(mine)[where == bad]
                moved_here = point == first + bad
                spared, spent = yield from _spared(base, mover[moved_here], by[moved_here], left - points.size)
                left -= spent
                lost = np.ones(asking.size, dtype=bool)
                for fine, row in spared:
                    told = np.isin(column[asking], fine)
                    values[asking[told]] = row[part.row[lane[asking[told]]]]
                    lost &= ~told
                if reply.status[bad] == FAILED:
                    part.failed[lane[asking[lost]]] = True
    return values, left - points.size


def _spared(
    base: Floats, mover: Whole, by: Floats, left: float
) -> Generator[Request, Reply, tuple[list[tuple[Whole, Floats]], int]]:
    """Find by halves the columns that are not to blame where f has no value; return them with f's values, and the cost.

    One column at the end of its domain must not take those with it that only share the evaluation.
    """
    spared: list[tuple[Whole, Floats]] = []
    halves = [(mover, by)]
    spent = 0
    while halves:
        both, steps = halves.pop()
        if both.size == 1 or spent + 2 > min(SPLITS, left):
            continue
        middle = both.size // 2
        for half in (slice(None, middle), slice(middle, None)):
            way = np.zeros((1, base.size))
            way[0, both[half]] = steps[half]
            reply = yield Request(base, (0,), np.ones(1), way)
            spent += 1
            if reply.status is None or reply.status[0] in (OK, NOT_FINITE):
                spared.append((both[half], values_of(reply)[0]))
            else:
                halves.append((both[half], steps[half]))
    return spared, spent
