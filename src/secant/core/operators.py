"""Operators: the derivatives of a function at a point, from the one primitive, the line.

A gradient is its coordinate lines side by side; a directional derivative is one line along v. All lines that
still have questions ask them in the same round, so that a whole gradient is a few batches. Several outputs
of one f share every evaluation: each output has a line of its own, and a step that one of them has paid for
is known to all.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from math import inf, isfinite, nan

import numpy as np
from numpy.typing import NDArray

from secant.core.ladder import Line, Steps, Values, step_near
from secant.core.lanes import Ask, LineCore, many
from secant.core.line import differentiate, opening
from secant.core.orders import differentiate as differentiate_again
from secant.core.request import FAILED, Core, Floats, Reply, Request
from secant.core.results import Slope
from secant.core.stencils import Stencil
from secant.core.verdicts import Verdict

#: Lines in a block, and from how many on arrays are faster than plain floats.
BLOCK, LANES = 8192, 24
#: Along generic directions: how far, in units of the lines' own steps, and the golden section, which spreads weights.
OFF_AXIS, GOLDEN = 2.0**-10, 0.6180339887498949
#: A line with fewer evaluations than this to spend has none to spare for other directions.
ORDINARY_BUDGET = 40


@dataclass(slots=True)
class Slopes:
    """Slopes by output and line, with f at the point (m floats), as the operators return them.

    ``fun`` is NaN where f was not evaluated at the point itself (a fixed central difference need not).
    """

    slopes: tuple[tuple[Slope, ...], ...]
    outputs: tuple[float, ...]

    @property
    def value(self) -> Floats:
        """Slopes of the first output, (n,)."""
        return np.array([slope.value for slope in self.slopes[0]])

    @property
    def error(self) -> Floats:
        """Their bars, (n,)."""
        return np.array([slope.error for slope in self.slopes[0]])

    @property
    def fun(self) -> float:
        """The first output at the point."""
        return self.outputs[0]

    @property
    def noise(self) -> float:
        """The largest level of noise that any line of the first output saw (NaN when none did)."""
        levels = [slope.noise for slope in self.slopes[0] if isfinite(slope.noise)]
        return max(levels, default=nan)

    @property
    def evaluations(self) -> int:
        """Evaluations of the lines of the first output, f at the point counted once."""
        lines = self.slopes[0]
        return sum(slope.evaluations for slope in lines) - max(len(lines) - 1, 0)


@dataclass(slots=True)
class _Entry:
    """A line core on its way: which line and output it is for, and its open question."""

    line: int
    output: int
    core: LineCore
    asked: Steps = ()


@dataclass(slots=True)
class _Pool:
    """Line cores side by side: what is known by line and step, those that still ask, the slopes, and who failed."""

    known: dict[int, dict[float, list[float]]]
    entries: list[_Entry]
    slopes: list[list[Slope | None]]
    failed: set[int]


def lines(
    base: Floats, problems: Sequence[Line], directions: Floats | None = None, fun: Sequence[float] | None = None
) -> Core[Slopes]:
    """Differentiate along lines, side by side: coordinate i for problem i, or the rows of ``directions``.

    ``fun`` is f at the point (m floats) when it is known; it is not evaluated then. Many lines are dealt with in
    blocks, so that memory stays bounded.
    """
    if len(problems) == 1:
        return (yield from _alone(base, problems[0], directions, fun))
    known = None if fun is None else list(fun)
    slopes: list[list[Slope]] = []
    for first in range(0, len(problems), BLOCK):
        found, known = yield from _block(base, problems[first : first + BLOCK], first, directions, known)
        slopes = found if not slopes else [mine + its for mine, its in zip(slopes, found, strict=True)]
    return Slopes(tuple(tuple(row) for row in slopes), tuple(known or ()))


def gradient(base: Floats, problems: Sequence[Line], fun: Sequence[float] | None = None) -> Core[Slopes]:
    """Differentiate one output by every coordinate, and look along two generic directions as well.

    A function may be smooth along every axis and have no derivative all the same: min(|x|, |y|) at 0. Along a generic
    direction such a crease shows as any kink does, for a pair or two.
    """
    found = yield from lines(base, problems, fun=fun)
    row = found.slopes[0]
    if len(problems) < 2 or len(found.slopes) != 1 or any(slope.verdict is not Verdict.OK for slope in row):
        return found
    if any(line.budget < ORDINARY_BUDGET or line.below < inf or line.above < inf for line in problems):
        return found
    opening_jump = yield from _off_axes(base, row, found.fun)
    if opening_jump == 0.0:
        return found
    note = "f is smooth along each axis, but creased along other directions"
    creased = tuple(
        replace(slope, verdict=Verdict.KINK, error=slope.error + opening_jump / slope.step, note=note) for slope in row
    )
    return Slopes((creased,), found.outputs)


def _off_axes(base: Floats, row: Sequence[Slope], fun: float) -> Generator[Request, Reply, float]:
    """Return what f rises by on both sides along a generic direction, per unit of it, when it is creased at x; else 0.

    The unit of each coordinate is the step of its own line. The even part of a crease goes with the step, that of a
    smooth function with its square: two pairs, the second an eighth of the first, tell them apart.
    """
    units = np.array([slope.step if isfinite(slope.step) else 0.0 for slope in row])
    if not units.any():
        return 0.0
    turn = np.arange(1, units.size + 1) * GOLDEN % 1.0
    directions = np.stack([units * (0.5 + turn), units * (1.5 - turn) * np.where(turn > 0.5, 1.0, -1.0)])
    signal = float(np.abs(directions[0] * [slope.value for slope in row]).sum())
    floor = 30.0 * max(slope.noise for slope in row)
    t = OFF_AXIS
    reply = yield Request(base, np.array([0, 0, 1, 1]), np.array([t, -t, t, -t]), directions)
    rows, _ = _rows(reply)
    for which in (0, 1):
        even = rows[2 * which][0] - 2.0 * fun + rows[2 * which + 1][0]
        if not abs(even) > max(floor, 0.02 * signal * t):
            continue
        nearer = yield Request(base, np.array([which, which]), np.array([t / 8.0, -t / 8.0]), directions)
        values, _ = _rows(nearer)
        closer = values[0][0] - 2.0 * fun + values[1][0]
        if abs(closer) > floor and abs(8.0 * closer - even) <= 0.2 * abs(even):
            return abs(even) / t
    return 0.0


def _alone(base: Floats, problem: Line, directions: Floats | None, fun: Sequence[float] | None) -> Core[Slopes]:
    """Differentiate along a single line: for one output, in plain floats without any bookkeeping."""
    steps = opening(problem)
    reply = yield Request(base, None, steps if fun is None else steps[1:], directions)
    values = reply.values
    if not isinstance(values, list) or reply.status is not None:
        rows, failed = _rows(reply)
        if fun is not None:
            rows.insert(0, list(fun))
        pool = _Pool({0: {}}, [], [[None] for _ in rows[0]], {0} if any(failed) else set())
        _begin(pool, 0, problem, steps, rows, reply.eps)
        yield from _rounds(base, pool, directions, 0, None, 1)
        return Slopes(tuple(tuple(row) for row in _collected(pool)), tuple(rows[0]))
    if fun is not None:
        values = [fun[0], *values]
    core = _core(problem, steps, values, reply.eps)
    try:
        asked = next(core)
        while True:
            reply = yield Request(base, None, asked, directions)
            if reply.status is not None and FAILED in reply.status:
                return Slopes(((_failed(0),),), (values[0],))
            asked = core.send(reply.values)  # type: ignore[arg-type]
    except StopIteration as stop:
        return Slopes(((stop.value,),), (values[0],))


def _block(
    base: Floats, problems: Sequence[Line], first: int, directions: Floats | None, fun: list[float] | None
) -> Generator[Request, Reply, tuple[list[list[Slope]], list[float]]]:
    """Differentiate along a block of lines; return slopes by output and line, and f at the point."""
    openings = [opening(problem) for problem in problems]
    lane = [first + index for index, steps in enumerate(openings) for _ in steps[1:]]
    t = [step for steps in openings for step in steps[1:]]
    if fun is None:
        lane, t = [0, *lane], [0.0, *t]
    reply = yield Request(base, np.array(lane), np.array(t), directions)
    rows, failed = _rows(reply)
    if fun is None:
        fun, rows, failed = rows[0], rows[1:], failed[1:]
    outputs = len(fun)
    pool = _Pool({}, [], [[None] * len(problems) for _ in fun], set())
    ordinary: list[int] = []
    starts: list[int] = []
    at = 0
    count = sum(_ordinary(problem, steps) for problem, steps in zip(problems, openings, strict=True))
    for index, (problem, steps) in enumerate(zip(problems, openings, strict=True)):
        end = at + len(steps) - 1
        if any(failed[at:end]):
            pool.failed.add(index)
        if count * outputs >= LANES and _ordinary(problem, steps):
            ordinary.append(index)
            starts.append(at)
        else:
            _begin(pool, index, problem, steps, [fun, *rows[at:end]], reply.eps)
        at = end
    many_lanes = None
    if ordinary:
        table = np.array(rows)[np.array(starts)[:, None] + np.arange(6)]
        chosen = [problems[index] for index in ordinary]
        h = np.array([step_near(openings[index][1]) for index in ordinary])
        values = np.concatenate([table[:, :, output] for output in range(outputs)])
        centre = np.repeat(np.array(fun), len(ordinary))
        many_lanes = (many(chosen * outputs, centre, reply.eps, np.tile(h, outputs), values), ordinary)
    yield from _rounds(base, pool, directions, first, many_lanes, outputs)
    return _collected(pool), fun


def _core(problem: Line, steps: Steps, values: Values, u: float) -> LineCore:
    """Return the line core for the order of the derivative."""
    return (differentiate if problem.order == 1 else differentiate_again)(problem, steps, values, u)


def _ordinary(problem: Line, steps: Steps) -> bool:
    """Return whether a line opens with three pairs in float64, as lanes do."""
    return problem.rounder is None and problem.order == 1 and len(steps) == 7 and steps[2] == -steps[1]


def _failed(evaluations: int) -> Slope:
    return Slope(nan, inf, Verdict.FAILED, evaluations)


def _rows(reply: Reply) -> tuple[list[list[float]], list[bool]]:
    """Return a reply's values as one list of floats per point (real and imaginary parts apart), and who failed."""
    values = reply.values
    if isinstance(values, list):
        rows = [[value] for value in values]
    elif np.iscomplexobj(values):
        rows = np.concatenate([values.real, values.imag], axis=1).tolist()
    else:
        rows = values.tolist()
    failed = [False] * len(rows) if reply.status is None else [status == FAILED for status in reply.status.tolist()]
    return rows, failed


def _begin(pool: _Pool, index: int, problem: Line, steps: Steps, rows: list[list[float]], u: float) -> None:
    """Start a line's cores, one per output."""
    pool.known[index] = dict(zip(steps, rows, strict=True))
    if index in pool.failed:
        return
    for output in range(len(rows[0])):
        entry = _Entry(index, output, _core(problem, steps, [row[output] for row in rows], u))
        _advance(pool, entry, None)


def _advance(pool: _Pool, entry: _Entry, values: Values | None) -> None:
    """Send a core its values, and go on as long as its questions are already answered."""
    known = pool.known.setdefault(entry.line, {})
    try:
        while True:
            asked = entry.core.send(values)  # type: ignore[arg-type]
            if not all(step in known for step in asked):
                entry.asked = asked
                pool.entries.append(entry)
                return
            values = [known[step][entry.output] for step in asked]
    except StopIteration as stop:
        pool.slopes[entry.output][entry.line] = stop.value


def _rounds(
    base: Floats,
    pool: _Pool,
    directions: Floats | None,
    first: int,
    lanes: tuple[Generator[Ask, tuple[Floats, Floats], list[Slope | None]], list[int]] | None,
    outputs: int,
) -> Generator[Request, Reply, None]:
    """Ask all open questions, those of line cores and those of lanes, in one batch a round until none is left."""
    ask = None
    flocks, index = (None, np.zeros(0, dtype=np.intp)) if lanes is None else (lanes[0], np.array(lanes[1]))
    if flocks is not None:
        ask = _lanes_on(pool, flocks, lanes[1], None)  # type: ignore[index]
    while pool.entries or ask is not None:
        where: list[int] = []
        t: list[float] = []
        for entry in pool.entries:
            known = pool.known[entry.line]
            for step in entry.asked:
                if step not in known:
                    known[step] = []  # asked for in this round already
                    where.append(entry.line)
                    t.append(step)
        line = index[ask.lane % index.size] if ask is not None else index
        pairs, back = _unlike(line, ask, outputs)
        points = np.concatenate([np.array(t), pairs[1], -pairs[1]])
        owners = np.concatenate([np.array(where, dtype=np.intp), pairs[0], pairs[0]])
        reply = yield Request(base, owners + first, points, directions)
        rows, failed = _rows(reply)
        pool.failed.update(owners[np.array(failed)].tolist())
        for owner, step, row in zip(where, t, rows, strict=False):
            pool.known[owner][step] = row
        waiting, pool.entries = pool.entries, []
        if ask is not None and flocks is not None:
            table = np.array(rows[len(t) :]).reshape(2, -1, outputs)
            output = ask.lane // index.size
            ask = _lanes_on(pool, flocks, lanes[1], (table[0, back, output], table[1, back, output]))  # type: ignore[index]
        for entry in waiting:
            if entry.line not in pool.failed:
                known = pool.known[entry.line]
                _advance(pool, entry, [known[step][entry.output] for step in entry.asked])


def _unlike(
    line: NDArray[np.intp], ask: Ask | None, outputs: int
) -> tuple[tuple[NDArray[np.intp], Floats], NDArray[np.intp]]:
    """Return the different pairs that lanes ask for (several outputs ask for the same), and which of them is whose."""
    if ask is None:
        return (np.zeros(0, dtype=np.intp), np.zeros(0)), np.zeros(0, dtype=np.intp)
    if outputs == 1:
        return (line, ask.t), np.arange(line.size)
    both, back = np.unique(np.stack([line.astype(np.float64), ask.t]), axis=1, return_inverse=True)
    return (both[0].astype(np.intp), both[1]), back.reshape(-1)


def _lanes_on(
    pool: _Pool,
    flocks: Generator[Ask, tuple[Floats, Floats], list[Slope | None]],
    index: list[int],
    answer: tuple[Floats, Floats] | None,
) -> Ask | None:
    """Send the lanes their answers; take over what they hand to line cores; return what they ask next."""
    try:
        while True:
            ask = flocks.send(answer)  # type: ignore[arg-type]
            for given in ask.handed:
                line = index[given.lane % len(index)]
                known = pool.known.setdefault(line, {})
                if len(pool.slopes) == 1:
                    known.update((step, [value]) for step, value in given.known.items())
                _advance(pool, _Entry(line, given.lane // len(index), given.core), None)
            if ask.lane.size:
                return ask
            answer = (np.zeros(0), np.zeros(0))
    except StopIteration as stop:
        for lane, slope in enumerate(stop.value):
            if slope is not None:
                pool.slopes[lane // len(index)][index[lane % len(index)]] = slope
        return None


def _collected(pool: _Pool) -> list[list[Slope]]:
    """Return the slopes by output and line; a line that failed has none."""
    return [
        [_failed(0) if index in pool.failed or slope is None else slope for index, slope in enumerate(row)]
        for row in pool.slopes
    ]


def fixed(
    base: Floats,
    problems: Sequence[Line],
    formula: Stencil,
    step: float,
    directions: Floats | None = None,
    fun: bool = False,
) -> Core[Slopes]:
    """Apply a fixed stencil along lines: the formula's own bits, and no error bar.

    f at the point is evaluated when the formula or the caller (``fun``) needs it.
    """
    count = len(formula.offsets)
    moved = [offset for offset in formula.offsets if offset]
    centre = fun or len(moved) < count
    lane = [0] * centre + [index for index in range(len(problems)) for _ in moved]
    t = [0.0] * centre + [offset * step for _ in problems for offset in moved]
    reply = yield Request(base, np.array(lane), np.array(t), directions)
    rows, failed = _rows(reply)
    outputs = rows[0] if centre else [nan] * len(rows[0])
    slopes: list[tuple[Slope, ...]] = []
    for output in range(len(rows[0])):
        found = []
        for index, problem in enumerate(problems):
            start = centre + index * len(moved)
            around = iter(rows[start : start + len(moved)])
            values = [(next(around) if offset else rows[0])[output] for offset in formula.offsets]
            broken = any(failed[start : start + len(moved)])
            found.append(_fixed_slope(problem, formula, step, values, broken))
        slopes.append(tuple(found))
    return Slopes(tuple(slopes), tuple(outputs))


def _fixed_slope(problem: Line, formula: Stencil, step: float, values: list[float], broken: bool) -> Slope:
    """Apply the formula to one line's values, and say what a fixed step cannot know."""
    if broken:
        return _failed(len(values))
    value = formula.apply(values, step)
    if not isfinite(value):
        return Slope(
            nan, inf, Verdict.UNDEFINED, len(values), step=step, note="a value at the fixed step is not finite"
        )
    note = f"a fixed step ({step:.3g}) tells nothing of its own error"
    moved = problem.x + step if problem.rounder is None else problem.rounder(problem.x + step)
    if moved == problem.x:
        note = f"the step {step:.3g} is lost in rounding: x + h == x at x = {problem.x:.6g}"
    elif step < 0.25 * problem.resolution:
        note = f"the step {step:.3g} is lost in rounding: it does not move every entry of x"
    return Slope(value, inf, Verdict.UNRESOLVED, len(values), step=step, reach=step, note=note)
