"""Operators: the derivatives of a function at a point, from the one primitive, the line.

A gradient is its coordinate lines side by side; a directional derivative is one line along v. All lines that
still have questions ask them in the same round, so that a whole gradient is a few batches. Several outputs
of one f share every evaluation: each output has a line of its own, and a step that one of them has paid for
is known to all.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from math import inf, isfinite, nan

import numpy as np

from secant.core.ladder import Line, Steps, Values
from secant.core.line import differentiate, opening
from secant.core.request import FAILED, Core, Floats, Reply, Request
from secant.core.results import Slope
from secant.core.stencils import Stencil
from secant.core.verdicts import Verdict


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
class _Lane:
    """One line on its way: what is known by step, and a generator per output with its open question."""

    known: dict[float, list[float]] = field(default_factory=dict)
    cores: list[Generator[Steps, Values, Slope]] = field(default_factory=list)
    asked: list[Steps] = field(default_factory=list)
    slopes: list[Slope | None] = field(default_factory=list)


def lines(base: Floats, problems: Sequence[Line], directions: Floats | None = None) -> Core[Slopes]:
    """Differentiate along lines, side by side: coordinate i for problem i, or the rows of ``directions``."""
    openings = [opening(problem) for problem in problems]
    if len(problems) == 1:
        return (yield from _alone(base, problems[0], openings[0], directions))
    lane = [0, *(index for index, steps in enumerate(openings) for _ in steps[1:])]
    t = [0.0, *(step for steps in openings for step in steps[1:])]
    reply = yield Request(base, np.array(lane), np.array(t), directions)
    rows, failed = _rows(reply)
    lanes = []
    at = 1
    for problem, steps in zip(problems, openings, strict=True):
        found = [rows[0], *rows[at : at + len(steps) - 1]]
        broken = any(failed[at : at + len(steps) - 1])
        at += len(steps) - 1
        lanes.append(_begin(problem, steps, found, reply.eps, broken))
    yield from _rounds(base, lanes, directions)
    return _collect(lanes, rows[0])


def _alone(base: Floats, problem: Line, steps: Steps, directions: Floats | None) -> Core[Slopes]:
    """Differentiate along a single line: for one output, in plain floats without any bookkeeping."""
    reply = yield Request(base, None, steps, directions)
    values = reply.values
    if not isinstance(values, list) or reply.status is not None:
        rows, failed = _rows(reply)
        lane = _begin(problem, steps, rows, reply.eps, any(failed))
        yield from _rounds(base, [lane], directions)
        return _collect([lane], rows[0])
    core = differentiate(problem, steps, values, reply.eps)
    fun = values[0]
    try:
        asked = next(core)
        while True:
            reply = yield Request(base, None, asked, directions)
            if reply.status is not None and FAILED in reply.status:
                return Slopes(((_failed(0),),), (fun,))
            asked = core.send(reply.values)  # type: ignore[arg-type]
    except StopIteration as stop:
        return Slopes(((stop.value,),), (fun,))


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


def _begin(problem: Line, steps: Steps, rows: list[list[float]], u: float, broken: bool) -> _Lane:
    """Start the line's cores, one per output."""
    lane = _Lane(dict(zip(steps, rows, strict=True)))
    for output in range(len(rows[0])):
        lane.asked.append(())
        lane.slopes.append(_failed(len(steps)) if broken else None)
        lane.cores.append(differentiate(problem, steps, [row[output] for row in rows], u))
        if not broken:
            _advance(lane, output, None)
    return lane


def _advance(lane: _Lane, output: int, values: Values | None) -> None:
    """Send a core its values, and go on as long as its questions are already answered."""
    core = lane.cores[output]
    try:
        while True:
            asked = core.send(values)  # type: ignore[arg-type]
            if not all(step in lane.known for step in asked):
                lane.asked[output] = asked
                return
            values = [lane.known[step][output] for step in asked]
    except StopIteration as stop:
        lane.slopes[output] = stop.value
        lane.asked[output] = ()


def _rounds(base: Floats, lanes: list[_Lane], directions: Floats | None) -> Generator[Request, Reply, None]:
    """Ask all open questions in one batch a round until none is left."""
    while True:
        where: list[int] = []
        t: list[float] = []
        for index, lane in enumerate(lanes):
            wanted = dict.fromkeys(step for steps in lane.asked for step in steps if step not in lane.known)
            where += [index] * len(wanted)
            t += wanted
        if not t:
            return
        reply = yield Request(base, np.array(where), np.array(t), directions)
        rows, failed = _rows(reply)
        broken = set()
        for index, step, row, bad in zip(where, t, rows, failed, strict=True):
            lanes[index].known[step] = row
            if bad:
                broken.add(index)
        for index in dict.fromkeys(where):
            _answer(lanes[index], index in broken)


def _answer(lane: _Lane, broken: bool) -> None:
    """Hand a lane's cores what came in; a failure ends the lines that waited for it."""
    for output, asked in enumerate(lane.asked):
        if not asked:
            continue
        if broken:
            lane.cores[output].close()
            lane.slopes[output] = _failed(len(lane.known))
            lane.asked[output] = ()
        else:
            _advance(lane, output, [lane.known[step][output] for step in asked])


def _collect(lanes: list[_Lane], outputs: list[float]) -> Slopes:
    slopes = tuple(tuple(lane.slopes[output] for lane in lanes) for output in range(len(outputs)))
    return Slopes(slopes, tuple(outputs))  # type: ignore[arg-type]


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
    return Slope(value, inf, Verdict.UNRESOLVED, len(values), step=step, reach=step, note=note)
