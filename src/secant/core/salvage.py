"""What an answer that was cut short still knows: slopes from the values that were paid for.

Rules. A line core is deterministic, and asks what follows from what it was told. So each line is run once more, on the
values that are there:

* when they are all it asks for, the line was finished, and its slope is what it would have been;
* when one is missing, it is run on a smaller budget, and a smaller one still, until what is there is enough. Its bar is
  then that of a line whose evaluations have run out: widened, and ``unresolved``;
* where there is no pair at all there is no slope: NaN, with an infinite bar.

Nothing has to be caught or kept inside the engine for that, and no line has to know that there are others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from math import inf, nan
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from secant.core.columns import Done
from secant.core.ladder import Line
from secant.core.operators import Slopes
from secant.core.request import FAILED, UNIT_ROUNDOFF, Core, Interrupted, Reply, Request, run
from secant.core.results import Slope
from secant.core.verdicts import Verdict

#: Values along one line, all outputs each, by signed step and by whether it was taken beside the real axis.
Known: TypeAlias = dict[tuple[float, bool], list[complex]]

Log: TypeAlias = Sequence[tuple[Request, Reply]]


def salvaged(
    log: Log,
    problems: Sequence[Line],
    ask: Callable[[int, int, Line], Core[Slopes]],
    *,
    lanes: Sequence[int] | NDArray[np.intp] | None = None,
    along: bool = False,
    fun: Sequence[complex] = (),
    note: str = "",
    done: Done | None = None,
) -> Slopes:
    """Return the slopes that requests and their replies tell of.

    Parameters
    ----------
    log : what was asked and answered.
    problems : the lines, in order.
    ask : the core of one line on lane 0, by its place, the output and the line, whose ``budget`` it should heed.
    lanes : the lane of each line in the log, 0, 1, ... when left out.
    along : whether the lines lie along directions; what was asked along others is left out.
    fun : f at the point, where it is known from elsewhere.
    note : what to say of a line that was not finished.
    done : the first lines of an f with one output, whose slopes are known and whose values may be forgotten.

    >>> from secant.core.operators import lines
    >>> request = Request(np.zeros(1), None, (0.0, 0.5, -0.5))
    >>> ask = lambda place, output, line: lines(np.zeros(1), [line])
    >>> found = salvaged([(request, Reply([1.0, 2.0, 0.0]))], [Line(0.0, 1.0)], ask)
    >>> found.slopes[0][0].verdict, found.outputs
    (<Verdict.UNRESOLVED: 'unresolved'>, (1.0,))
    """
    wanted = list(range(len(problems))) if lanes is None else [int(lane) for lane in lanes]
    known, fun, failed, u = _sorted(log, set(wanted), along, fun)
    width = len(fun) if fun else max((len(row) for values in known.values() for row in values.values()), default=1)
    rows: list[tuple[Slope, ...]] = []
    finished = () if done is None or done.row is None else done.row[: done.count]
    for output in range(width):
        row = [*finished]
        for place, (lane, line) in enumerate(zip(wanted, problems, strict=True)):
            if place < len(finished):
                continue
            if lane in failed:
                row.append(Slope(nan, inf, Verdict.FAILED))
                continue
            values = {key: found[output] for key, found in known.get(lane, {}).items()}
            if fun:
                values[0.0, False] = fun[output]
            row.append(_slope(line.of(output), values, u, partial(ask, place, output), note))
        rows.append(tuple(row))
    outputs = tuple(value.real for value in fun) if fun else (nan,) * width
    return Slopes(tuple(rows), outputs)


def remembered(
    log: Log, lanes: Sequence[int] | NDArray[np.intp], along: bool = False
) -> list[dict[float, list[float]]]:
    """Return what requests and their replies tell of each lane: f there, all outputs, by signed step.

    >>> remembered([(Request(np.zeros(1), None, (0.0, 0.5)), Reply([1.0, 2.0]))], [0])
    [{0.5: [2.0]}]
    """
    wanted = [int(lane) for lane in lanes]
    known = _sorted(log, set(wanted), along, ())[0]
    return [
        {t: [value.real for value in row] for (t, beside), row in known.get(lane, {}).items() if not beside}
        for lane in wanted
    ]


def _sorted(
    log: Log, wanted: set[int], along: bool, fun: Sequence[complex]
) -> tuple[dict[int, Known], Sequence[complex], set[int], float]:
    """Return what is known by lane, f at the point, the lanes on which an evaluation failed, and the roundoff."""
    known: dict[int, Known] = {}
    failed: set[int] = set()
    u = UNIT_ROUNDOFF
    for request, reply in log:
        u = max(u, reply.eps)
        if request.repeat:
            continue
        values = np.asarray(reply.values)
        if np.iscomplexobj(values) and not request.imaginary:
            values = np.concatenate([values.real, values.imag], axis=1)
        rows = values.reshape(len(values), -1).tolist()
        lane = [0] * len(rows) if request.lane is None else np.asarray(request.lane).tolist()
        bad = [False] * len(rows) if reply.status is None else (reply.status == FAILED).tolist()
        mine = (request.directions is not None) == along
        for j, (t, row) in enumerate(zip(np.asarray(request.t).tolist(), rows, strict=True)):
            if t == 0.0 and not request.imaginary:
                fun = fun or row
            elif mine and lane[j] in wanted:
                known.setdefault(lane[j], {})[t, request.imaginary] = row
                if bad[j]:
                    failed.add(lane[j])
    return known, fun, failed, u


def _slope(
    line: Line,
    known: Mapping[tuple[float, bool], complex],
    u: float,
    ask: Callable[[Line], Core[Slopes]],
    note: str,
) -> Slope:
    """Return the slope of one line and output, by running its core on what is known."""
    evaluate = _remembering(known, u)
    try:
        return run(ask(line), evaluate).slopes[0][0]
    except Interrupted:
        pass
    for budget in range(min(line.budget - 1, len(known)), 1, -1):
        try:
            slope = run(ask(replace(line, budget=budget)), evaluate).slopes[0][0]
        except Interrupted:
            continue
        said = "; ".join(part for part in (slope.note, note) if part)
        # What was found to be wrong stays wrong; what was found to be right was not looked at for long enough.
        verdict = slope.verdict if slope.verdict.severity >= Verdict.UNRESOLVED.severity else Verdict.UNRESOLVED
        return replace(slope, verdict=verdict, note=said)
    return Slope(nan, inf, Verdict.UNRESOLVED, len(known), note=note)


def _remembering(known: Mapping[tuple[float, bool], complex], u: float) -> Callable[[Request], Reply]:
    """Return an evaluator that knows what is known, and is interrupted where it does not."""

    def evaluate(request: Request) -> Reply:
        values = []
        for t in np.asarray(request.t).tolist():
            value = known.get((t, request.imaginary))
            if value is None:
                raise Interrupted("deadline")
            values.append(value)
        if request.imaginary:
            return Reply(np.array(values, dtype=np.complex128).reshape(-1, 1), None, u)
        return Reply([value.real for value in values], None, u)

    return evaluate
