"""Operators: the derivatives of a function at a point, from the one primitive, the line.

A gradient is its coordinate lines side by side; a directional derivative is one line along v. All lines that
still have questions ask them in the same round, so that a whole gradient is a few batches. Several outputs
of one f share every evaluation: each output has a line of its own, and a step that one of them has paid for
is known to all.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf, isfinite, isnan, nan

import numpy as np

from secant.core.coarse import coarse
from secant.core.columns import Done, Row, column
from secant.core.ladder import Line
from secant.core.line import opening
from secant.core.orders import differentiate
from secant.core.pool import Pool, Track, advance, begin, block, collected, failed, points, rounds
from secant.core.request import FAILED, Core, Floats, Reply, Request
from secant.core.results import Slope
from secant.core.stencils import Stencil
from secant.core.verdicts import Verdict

#: Lines in a block. More than that are dealt with in blocks that take little memory beside their answer, as a line on
#: its way takes that of some 500 numbers: in so many parts, but not below ``LEAST``, where arrays lose what they win.
BLOCK, PARTS, LEAST = 8192, 256, 256
#: Along generic directions: how far, in units of the lines' own steps, and the golden section, which spreads weights.
OFF_AXIS, GOLDEN = 2.0**-10, 0.6180339887498949
#: What to do about a fixed step that leads out of the domain, and about one that is lost in rounding.
SMALLER = "take a smaller step, or leave `step=` out: secant finds its own"
LARGER = "take a larger step, or leave `step=` out: secant finds its own"
#: What a look along generic directions costs (twice as much at most), and so much an entry may well do for its line.
LOOK, ENDED = 4, 8
#: Without a common budget, a line with fewer evaluations than this to spend has none to spare for other directions.
ORDINARY_BUDGET = 40


@dataclass(slots=True)
class Slopes:
    """Slopes by output and line, with f at the point (m floats), as the operators return them.

    ``fun`` is NaN where f was not evaluated at the point itself (a fixed central difference need not).
    """

    slopes: tuple[Sequence[Slope], ...]
    outputs: tuple[float, ...]

    @property
    def value(self) -> Floats:
        """Slopes of the first output, (n,)."""
        return column(self.slopes[0], "value")

    @property
    def error(self) -> Floats:
        """Their bars, (n,)."""
        return column(self.slopes[0], "error")

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


def lines(
    base: Floats,
    problems: Sequence[Line],
    directions: Floats | None = None,
    fun: Sequence[float] | None = None,
    most: int | None = None,
) -> Core[Slopes]:
    """Differentiate along lines, side by side: coordinate i for problem i, or the rows of ``directions``.

    ``fun`` is f at the point (m floats) when it is known; it is not evaluated then. ``most`` is what all lines together
    may cost, in evaluations of f; where it is short it goes where bars are widest (:mod:`secant.core.pool`). Many lines
    are dealt with in blocks, so that memory stays bounded.
    """
    if len(problems) == 1:
        return (yield from _alone(base, problems[0], directions, fun, inf if most is None else most))[0]
    return (yield from together(base, problems, directions, fun, most))[0]


def together(
    base: Floats,
    problems: Sequence[Line],
    directions: Floats | None,
    fun: Sequence[float] | None,
    most: int | None,
    done: Done | None = None,
) -> Generator[Request, Reply, tuple[Slopes, float]]:
    """Differentiate along lines; return what was found, and what may still be paid.

    ``done`` is told of every block without a budget that is finished, where f has one output.
    """
    left = inf if most is None else most
    if len(problems) == 1:
        return (yield from _alone(base, problems[0], directions, fun, left))
    known = None if fun is None else list(fun)
    size = in_block(len(problems)) if left == inf else BLOCK
    rows: list[Row] = []
    for first in range(0, len(problems), size):
        part = problems[first : first + size]
        # Every block has its share of what is left, and hands on what it does not need.
        share = left if left == inf else left * len(part) // (len(problems) - first)
        found, known, over = yield from block(base, part, first, directions, known, share)
        left += over - share if left < inf else 0.0
        if len(problems) <= size:
            return Slopes(tuple(tuple(row) for row in found), tuple(known)), left
        rows = rows or [Row(len(problems)) for _ in found]
        for row, its in zip(rows, found, strict=True):
            row.put(first, its)
        if done is not None and left == inf and len(rows) == 1:
            done.reached(rows[0], first + len(part))
    return Slopes(tuple(rows), tuple(known or ())), left


def in_block(count: int) -> int:
    """Return how many of so many lines are dealt with at once, where they share no budget.

    >>> in_block(5000), in_block(100_000), in_block(1_000_000)
    (8192, 390, 3906)
    """
    return BLOCK if count <= BLOCK else min(max(LEAST, count // PARTS), BLOCK)


def gradient(
    base: Floats,
    problems: Sequence[Line],
    fun: Sequence[float] | None = None,
    most: int | None = None,
    done: Done | None = None,
) -> Core[Slopes]:
    """Differentiate one output by every coordinate, and look along two generic directions as well.

    A function may be smooth along every axis and have no derivative all the same: min(|x|, |y|) at 0. Along a generic
    direction such a crease shows as any kink does, for a pair or two. They come out of the same budget (``most``, see
    :func:`lines`), and are put aside when it may well let all lines come to an end. ``done`` is told of lines that are
    finished (see :func:`together`).
    """
    bounded = any(line.below < inf or line.above < inf for line in problems)
    aside = 0 if most is None or bounded or most < 1 + ENDED * len(problems) + LOOK else LOOK
    found, left = yield from together(base, problems, None, fun, None if most is None else most - aside, done)
    row = found.slopes[0]
    if bounded or len(problems) < 2 or len(found.slopes) != 1:
        return found
    if not (row.fine if isinstance(row, Row) else all(slope.verdict is Verdict.OK for slope in row)):
        return found
    if most is None and any(line.budget < ORDINARY_BUDGET for line in problems):
        return found
    opening_jump = yield from _off_axes(base, row, found.fun, left + aside)
    if opening_jump == 0.0:
        return found
    if isnan(opening_jump):
        note = "no evaluations were left to look at f along other directions than the axes"
        return Slopes((tuple(replace(slope, verdict=Verdict.UNRESOLVED, note=note) for slope in row),), found.outputs)
    note = "f is smooth along each axis, but creased along other directions"
    creased = tuple(
        replace(slope, verdict=Verdict.KINK, error=slope.error + opening_jump / slope.step, note=note) for slope in row
    )
    return Slopes((creased,), found.outputs)


def _off_axes(base: Floats, row: Sequence[Slope], fun: float, left: float) -> Generator[Request, Reply, float]:
    """Return what f rises by on both sides along a generic direction, per unit of it, when it is creased at x; else 0.

    It is NaN when the evaluations ``left`` are too few to say. The unit of each coordinate is the step of its own line.
    The even part of a crease goes with the step, that of a smooth function with its square: two pairs, the second an
    eighth of the first, tell them apart.
    """
    directions = generic(column(row, "step"))
    if not directions.any():
        return 0.0
    if left < LOOK:
        return nan
    left -= LOOK
    signal = _length(directions[0], column(row, "value"))
    floor = 30.0 * float(np.fmax.reduce(column(row, "noise"), initial=0.0))
    t = OFF_AXIS
    reply = yield Request(base, np.array([0, 0, 1, 1]), np.array([t, -t, t, -t]), directions)
    rows, _ = points(reply)
    for which in (0, 1):
        even = rows[2 * which][0] - 2.0 * fun + rows[2 * which + 1][0]
        if not abs(even) > max(floor, 0.02 * signal * t):
            continue
        if left < 2:
            return nan
        left -= 2
        nearer = yield Request(base, np.array([which, which]), np.array([t / 8.0, -t / 8.0]), directions)
        values, _ = points(nearer)
        closer = values[0][0] - 2.0 * fun + values[1][0]
        if abs(closer) > floor and abs(8.0 * closer - even) <= 0.2 * abs(even):
            return abs(even) / t
    return 0.0


def generic(units: Floats) -> Floats:
    """Return two generic directions: along each coordinate 0.5 to 1.5 of its unit, the second with signs of its own.

    A coordinate without a finite unit stays where it is.

    >>> generic(np.array([1.0, 1.0]))[0]
    array([1.11803399, 0.73606798])
    """
    found = np.empty((2, units.size))
    for first in range(0, units.size, BLOCK):  # they take no more memory than their two rows
        part = units[first : first + BLOCK]
        unit = np.where(np.isfinite(part), part, 0.0)
        turn = np.arange(first + 1, first + 1 + unit.size) * GOLDEN % 1.0
        found[0, first : first + BLOCK] = unit * (0.5 + turn)
        found[1, first : first + BLOCK] = unit * (1.5 - turn) * np.where(turn > 0.5, 1.0, -1.0)
    return found


def _length(direction: Floats, slopes: Floats) -> float:
    """Return the sum of what every coordinate changes f by, signs apart."""
    starts = range(0, slopes.size, BLOCK)
    return sum(float(np.abs(direction[i : i + BLOCK] * slopes[i : i + BLOCK]).sum()) for i in starts)


def over_lengths(
    base: Floats,
    problems: Sequence[Line],
    directions: Floats | None,
    found: Slopes,
    lengths: Sequence[float],
    u: float,
    most: int | None = None,
    known: Sequence[Mapping[float, list[float]]] | None = None,
) -> Core[Slopes]:
    """Look at slopes over lengths as well, one for each line (see :mod:`secant.core.coarse`).

    ``u`` is the precision of f's values, ``most`` what all lines together may still cost, in evaluations of f,
    ``known`` what is known along each line already: f there (m floats) by signed step.
    """
    share = problems[0].budget if most is None else most // (len(problems) * len(found.slopes))
    pool = Pool(problems, u, inf, [[None] * len(problems) for _ in found.slopes])
    for index, (problem, length) in enumerate(zip(problems, lengths, strict=True)):
        pool.known[index] = {0.0: list(found.outputs), **(known[index] if known else {})}
        again = replace(problem, budget=min(problem.budget, share))
        for output, row in enumerate(found.slopes):
            mine = {step: values[output] for step, values in pool.known[index].items()}
            advance(pool, Track(index, output, coarse(again.of(output), u, length, row[index], mine)), None)
    yield from rounds(base, pool, directions, 0)
    return Slopes(tuple(tuple(row) for row in collected(pool)), found.outputs)


def _alone(
    base: Floats, problem: Line, directions: Floats | None, fun: Sequence[float] | None, left: float
) -> Generator[Request, Reply, tuple[Slopes, float]]:
    """Differentiate along a single line: for one output, in plain floats without any bookkeeping."""
    steps = opening(problem)
    reply = yield Request(base, None, steps if fun is None else steps[1:], directions)
    values = reply.values
    if not isinstance(values, list) or reply.status is not None:
        rows, broken = points(reply)
        left -= len(rows)
        if fun is not None:
            rows.insert(0, list(fun))
        pool = Pool([problem], reply.eps, left, [[None] for _ in rows[0]])
        pool.known[0] = dict(zip(steps, rows, strict=True))
        if any(broken):
            pool.failed.add(0)
        begin(pool, 0, steps)
        yield from rounds(base, pool, directions, 0)
        return Slopes(tuple(tuple(row) for row in collected(pool)), tuple(rows[0])), pool.left
    if fun is not None:
        values = [fun[0], *values]
    core = differentiate(problem, steps, values, reply.eps)
    try:
        asked = next(core)
        while True:
            reply = yield Request(base, None, asked, directions)
            if reply.status is not None and FAILED in reply.status:
                return Slopes(((failed(0),),), (values[0],)), left
            asked = core.send(reply.values)  # type: ignore[arg-type]
    except StopIteration as stop:
        slope: Slope = stop.value
        return Slopes(((slope,),), (values[0],)), left - slope.evaluations


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
    rows, broken = points(reply)
    outputs = rows[0] if centre else [nan] * len(rows[0])
    slopes: list[tuple[Slope, ...]] = []
    for output in range(len(rows[0])):
        found = []
        for index, problem in enumerate(problems):
            start = centre + index * len(moved)
            around = iter(rows[start : start + len(moved)])
            values = [(next(around) if offset else rows[0])[output] for offset in formula.offsets]
            lost = any(broken[start : start + len(moved)])
            found.append(_fixed_slope(problem, formula, step, values, lost))
        slopes.append(tuple(found))
    return Slopes(tuple(slopes), tuple(outputs))


def _fixed_slope(problem: Line, formula: Stencil, step: float, values: list[float], broken: bool) -> Slope:
    """Apply the formula to one line's values, and say what a fixed step cannot know."""
    if broken:
        return failed(len(values))
    value = formula.apply(values, step)
    if not isfinite(value):
        note = f"a value at the fixed step ({step:.3g}) is not finite"
        return Slope(nan, inf, Verdict.UNDEFINED, len(values), step=step, note=note, advice=SMALLER)
    note, advice = f"a fixed step ({step:.3g}) tells nothing of its own error", "leave `step=` out to get a bar"
    moved = problem.x + step if problem.rounder is None else problem.rounder(problem.x + step)
    if moved == problem.x:
        note = f"the step {step:.3g} is lost in rounding: x + h == x at x = {problem.x:.6g}"
        advice = LARGER
    elif step < 0.25 * problem.resolution:
        note = f"the step {step:.3g} is lost in rounding: it does not move every entry of x"
        advice = LARGER
    return Slope(value, inf, Verdict.UNRESOLVED, len(values), step=step, reach=step, note=note, advice=advice)
