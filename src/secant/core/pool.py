"""Lines side by side: one memory of values for each of them, and one purse for all.

* Lines that still have questions ask them in the same round, those of line cores and those of lanes: one batch.
* What is known along a line is known to all of its outputs (step -> values of all outputs), so that no point is asked
  for twice. A line's memory lasts as long as one of its outputs asks.
* ``left`` is what may still be paid, in calls of f. As long as it covers whole rounds, all lines go on together. When
  it does not, each line says what it knows so far, and the widest bars go first, with half of what is left a round.
  Widths are compared with the largest slope of the same output.
* Where it does not even cover the openings of all lines, they begin with the longest of the shorter ones
  (:mod:`secant.core.few`) that all can have, and go on from there, widest bar first.

What a line knows so far is what its core would have said with no more evaluations than it had. Cores are deterministic:
a second one, run on the line's memory with a smaller budget, says it, and the first goes on where it stood.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass, field, replace
from math import inf, isfinite, nan

import numpy as np
from numpy.typing import NDArray

from secant.core.few import UNKNOWN
from secant.core.ladder import Line, Steps, Values, step_near
from secant.core.lanes import Ask, LineCore, many
from secant.core.line import opening
from secant.core.orders import differentiate
from secant.core.request import FAILED, Floats, Reply, Request
from secant.core.results import Slope
from secant.core.verdicts import Verdict

#: Lines times outputs from how many on arrays are faster than plain floats.
LANES = 24
#: Budgets of a line that end within its opening, and what a whole one should leave to go on with.
FEW, FURTHER = (1, 2, 3, 5), 2

#: Points wanted, by line and signed step, in order.
Wanted = dict[tuple[int, float], None]
Lanes = Generator[Ask, tuple[Floats, Floats] | None, list[Slope | None]]


@dataclass(slots=True)
class Track:
    """A line on its way, for one output.

    ``core`` is None as long as the opening is not paid for in full, ``asked`` the open question, ``spent`` what was
    paid for its answers, ``slope`` what is known so far (None when nobody has looked), ``early`` what was known before
    the opening was full.
    """

    line: int
    output: int
    core: LineCore | None
    asked: Steps = ()
    spent: int = 0
    slope: Slope | None = None
    early: Slope | None = None


@dataclass(slots=True)
class Pool:
    """Lines side by side: what is known by line and step, those that still ask, the slopes, and who failed."""

    problems: Sequence[Line]
    u: float
    left: float
    slopes: list[list[Slope | None]]
    known: dict[int, dict[float, list[float]]] = field(default_factory=dict)
    tracks: list[Track] = field(default_factory=list)
    failed: set[int] = field(default_factory=set)


@dataclass(slots=True)
class Flocks:
    """Lanes on their way: their core, and the line that each lane of an output stands for."""

    core: Lanes
    index: NDArray[np.intp]


def block(
    base: Floats,
    problems: Sequence[Line],
    first: int,
    directions: Floats | None,
    fun: list[float] | None,
    left: float,
) -> Generator[Request, Reply, tuple[list[list[Slope]], list[float], float]]:
    """Differentiate along a block of lines; return slopes by output and line, f at the point, and what is left.

    ``first`` is the lane of the first line, ``fun`` is f at the point where it is known, ``left`` the purse.
    """
    openings = _openings(problems, left if fun is not None else left - 1)
    lane = [first + index for index, steps in enumerate(openings) for _ in steps[1:]]
    t = [step for steps in openings for step in steps[1:]]
    if fun is None:
        lane, t = [0, *lane], [0.0, *t]
    rows: list[list[float]] = []
    failed: list[bool] = []
    u = 0.0
    if t:
        reply = yield Request(base, np.array(lane), np.array(t), directions)
        (rows, failed), u = points(reply), reply.eps
    left -= len(t)
    if fun is None:
        fun, rows, failed = rows[0], rows[1:], failed[1:]
    outputs = len(fun)
    pool = Pool(problems, u, left, [[None] * len(problems) for _ in fun])
    remember = outputs > 1 or left < inf
    ordinary: list[int] = []
    starts: list[int] = []
    at = 0
    count = sum(_ordinary(problem, steps) for problem, steps in zip(problems, openings, strict=True))
    for index, (problem, steps) in enumerate(zip(problems, openings, strict=True)):
        end = at + len(steps) - 1
        if any(failed[at:end]):
            pool.failed.add(index)
        lanes = count * outputs >= LANES and _ordinary(problem, steps)
        if lanes:
            ordinary.append(index)
            starts.append(at)
        if remember or not lanes:
            pool.known[index] = dict(zip(steps, [fun, *rows[at:end]], strict=True))
        if not lanes:
            begin(pool, index, steps)
        at = end
    flocks = None
    if ordinary:
        table = np.array(rows)[np.array(starts)[:, None] + np.arange(6)]
        chosen = [problems[index] for index in ordinary]
        h = np.array([step_near(openings[index][1]) for index in ordinary])
        values = np.concatenate([table[:, :, output] for output in range(outputs)])
        centre = np.repeat(np.array(fun), len(ordinary))
        each = [problem.of(output) for output in range(outputs) for problem in chosen]
        flocks = Flocks(many(each, centre, u, np.tile(h, outputs), values), np.array(ordinary))
    yield from rounds(base, pool, directions, first, flocks)
    return collected(pool), fun, pool.left


def _openings(problems: Sequence[Line], left: float) -> list[Steps]:
    """Return the first round of every line: the longest kind that all of them can have."""
    openings = [opening(problem) for problem in problems]
    if left == inf or sum(len(steps) - 1 for steps in openings) + FURTHER * len(problems) <= left:
        return openings
    for budget in FEW[:0:-1]:
        openings = [opening(replace(problem, budget=min(budget, problem.budget))) for problem in problems]
        if sum(len(steps) - 1 for steps in openings) <= left:
            return openings
    # Not even one evaluation each: the first lines have theirs.
    for index, steps in enumerate(openings):
        if len(steps) - 1 > left:
            openings[index] = steps[:1]
        left -= len(openings[index]) - 1
    return openings


def _ordinary(problem: Line, steps: Steps) -> bool:
    """Return whether a line opens with three pairs in float64, as lanes do."""
    return problem.rounder is None and problem.order == 1 and len(steps) == 7 and steps[2] == -steps[1]


def points(reply: Reply) -> tuple[list[list[float]], list[bool]]:
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


def begin(pool: Pool, index: int, steps: Steps) -> None:
    """Start a line, one track per output, with as much of its opening as is known."""
    if index in pool.failed:
        return
    for output in range(len(pool.slopes)):
        _open(pool, Track(index, output, None), steps)


def _open(pool: Pool, track: Track, steps: Steps) -> None:
    """Start a track's core when its opening is known in full; else have it ask for more of it."""
    problem, known = pool.problems[track.line], pool.known[track.line]
    track.spent = len(steps)
    if pool.left < inf:
        for budget in (*(few for few in FEW if few > len(steps)), problem.budget):
            longer = opening(replace(problem, budget=min(budget, problem.budget)))
            if any(step not in known for step in longer):
                track.asked, track.slope, track.early = longer, None, None
                pool.tracks.append(track)
                return
            steps = longer
    values = [known[step][track.output] for step in steps]
    track.core = differentiate(problem.of(track.output), steps, values, pool.u)
    track.early, track.spent = track.slope, len(steps)
    advance(pool, track, None)


def advance(pool: Pool, track: Track, values: Values | None) -> None:
    """Send a core its values, and go on as long as its questions are already answered."""
    known = pool.known.setdefault(track.line, {})
    assert track.core is not None
    track.slope = None
    try:
        while True:
            asked = track.core.send(values)  # type: ignore[arg-type]
            if not all(step in known for step in asked):
                track.asked = asked
                pool.tracks.append(track)
                return
            track.spent += len(asked)
            values = [known[step][track.output] for step in asked]
    except StopIteration as stop:
        pool.slopes[track.output][track.line] = stop.value


def rounds(
    base: Floats, pool: Pool, directions: Floats | None, first: int, flocks: Flocks | None = None
) -> Generator[Request, Reply, None]:
    """Ask all open questions, those of line cores and those of lanes, in one batch a round until none is left."""
    ask = None if flocks is None else _on(pool, flocks, None)
    shared = len(pool.slopes) > 1 or pool.left < inf
    while pool.tracks or ask is not None:
        chosen = pool.tracks
        wanted = _wanted(pool, chosen, _pairs(flocks, ask) if shared else ())
        if len(wanted) > pool.left:
            if flocks is not None and ask is not None:
                _take_over(pool, flocks, ask)
                ask = None
                continue
            chosen, wanted = _widest(pool)
            if not wanted:
                break
        pool.left -= len(wanted)
        owners = np.array([line for line, _ in wanted], dtype=np.intp)
        t = np.array([step for _, step in wanted])
        if ask is not None and flocks is not None and not shared:
            lines = flocks.index[ask.lane]
            owners, t = np.concatenate([owners, lines, lines]), np.concatenate([t, ask.t, -ask.t])
        reply = yield Request(base, owners + first, t, directions)
        rows, failed = points(reply)
        pool.failed.update(owners[np.array(failed, dtype=bool)].tolist())
        for (line, step), row in zip(wanted, rows, strict=False):
            pool.known[line][step] = row
        going = {id(track) for track in chosen}
        pool.tracks = [track for track in pool.tracks if id(track) not in going]
        if ask is not None and flocks is not None:
            ask = _on(pool, flocks, _answer(pool, flocks, ask) if shared else _split(rows[len(wanted) :]))
        for track in chosen:
            if track.line not in pool.failed:
                _answered(pool, track)
        _forget(pool, flocks, ask)
    for track in pool.tracks:
        if track.line not in pool.failed:
            pool.slopes[track.output][track.line] = _so_far(pool, track)


def _wanted(pool: Pool, tracks: Iterable[Track], pairs: Iterable[tuple[int, float]]) -> Wanted:
    """Return the points that are asked for and not known, each once."""
    wanted: Wanted = {}
    for track in tracks:
        known = pool.known[track.line]
        for step in track.asked:
            if step not in known:
                wanted[track.line, step] = None
    for line, step in pairs:
        known = pool.known[line]
        for signed in (step, -step):
            if signed not in known:
                wanted[line, signed] = None
    return wanted


def _pairs(flocks: Flocks | None, ask: Ask | None) -> list[tuple[int, float]]:
    """Return the line and the step of every pair that lanes ask for."""
    if flocks is None or ask is None:
        return []
    return list(zip(flocks.index[ask.lane % flocks.index.size].tolist(), ask.t.tolist(), strict=True))


def _split(rows: list[list[float]]) -> tuple[Floats, Floats]:
    """Return the values of pairs, to the right and to the left."""
    right, left = np.array(rows).reshape(2, -1)
    return right, left


def _answer(pool: Pool, flocks: Flocks, ask: Ask) -> tuple[Floats, Floats]:
    """Return the values that lanes asked for from the memories of their lines."""
    outputs = (ask.lane // flocks.index.size).tolist()
    asked = list(zip(_pairs(flocks, ask), outputs, strict=True))
    right = [pool.known[line][step][output] for (line, step), output in asked]
    left = [pool.known[line][-step][output] for (line, step), output in asked]
    return np.array(right), np.array(left)


def _on(pool: Pool, flocks: Flocks, answer: tuple[Floats, Floats] | None) -> Ask | None:
    """Send the lanes their answers; take over what they hand to line cores; return what they ask next."""
    index = flocks.index
    try:
        while True:
            ask = flocks.core.send(answer)
            for given in ask.handed:
                line, output = int(index[given.lane % index.size]), given.lane // index.size
                if line not in pool.known:
                    pool.known[line] = {step: [value] for step, value in given.known.items()}
                advance(pool, Track(line, output, given.core, spent=len(given.known)), None)
            if ask.lane.size:
                return ask
            answer = (np.zeros(0), np.zeros(0))
    except StopIteration as stop:
        for lane, slope in enumerate(stop.value):
            if slope is not None:
                pool.slopes[lane // index.size][index[lane % index.size]] = slope
        return None


def _take_over(pool: Pool, flocks: Flocks, ask: Ask) -> None:
    """Go on with the lanes that still ask, each with a core of its own."""
    try:
        flocks.core.send(None)
    except StopIteration as stop:
        for lane, slope in enumerate(stop.value):
            if slope is not None:
                pool.slopes[lane // flocks.index.size][flocks.index[lane % flocks.index.size]] = slope
    for lane in ask.lane.tolist():
        line = int(flocks.index[lane % flocks.index.size])
        if line not in pool.failed:
            _open(pool, Track(line, lane // flocks.index.size, None), opening(pool.problems[line]))


def _answered(pool: Pool, track: Track) -> None:
    """Go on with a track whose question is answered."""
    if track.core is None:
        _open(pool, track, track.asked)
        return
    track.spent += len(track.asked)
    known = pool.known[track.line]
    advance(pool, track, [known[step][track.output] for step in track.asked])


def _forget(pool: Pool, flocks: Flocks | None, ask: Ask | None) -> None:
    """Let go of the memories of lines that ask no more."""
    asking = {track.line for track in pool.tracks}
    if flocks is not None and ask is not None:
        asking.update(flocks.index[ask.lane % flocks.index.size].tolist())
    if len(asking) < len(pool.known):
        pool.known = {line: known for line, known in pool.known.items() if line in asking}


def _widest(pool: Pool) -> tuple[list[Track], Wanted]:
    """Return the tracks that may go on when not all can, those with the widest bars, and what they ask for."""
    largest = [max((abs(_finite(slope)) for slope in row), default=0.0) for row in pool.slopes]
    for track in pool.tracks:
        track.slope = track.slope or _so_far(pool, track)
        largest[track.output] = max(largest[track.output], abs(_finite(track.slope)))
    widths = [_width(track.slope, largest[track.output]) for track in pool.tracks]
    chosen: list[Track] = []
    wanted: Wanted = {}
    for at in sorted(range(len(widths)), key=widths.__getitem__, reverse=True):
        track = pool.tracks[at]
        known, line = pool.known[track.line], track.line
        more = [(line, step) for step in track.asked if step not in known and (line, step) not in wanted]
        if len(wanted) + len(more) <= (pool.left // 2 if wanted else pool.left):
            wanted.update(dict.fromkeys(more))
            chosen.append(track)
        if 2 * len(wanted) >= pool.left - 1:
            break
    return chosen, wanted


def _finite(slope: Slope | None) -> float:
    return slope.value if slope is not None and isfinite(slope.value) else 0.0


def _width(slope: Slope | None, largest: float) -> float:
    """Return the width of a bar, in units of the largest slope."""
    return inf if slope is None else slope.error / (largest or 1.0)


def _so_far(pool: Pool, track: Track) -> Slope:
    """Return what is known of a slope by now: what its core says on no more evaluations than it had."""
    problem, known = pool.problems[track.line], pool.known[track.line]
    budget, found = track.spent, None
    while found is None:
        found = _replayed(replace(problem.of(track.output), budget=budget), known, track.output, pool.u)
        budget -= 1
    if track.spent == 1 and len(opening(problem)) > 1:
        note = "no evaluation was left for it: one at x and one for each entry are the least, and two give a bar"
        found = replace(found, note=note)
    if track.early is not None and found.verdict is Verdict.UNRESOLVED and not _better(found, track.early):
        found = track.early
    return replace(found, evaluations=track.spent)


def _better(found: Slope, early: Slope) -> bool:
    """Return whether what a ladder says is better than what was known from closer to x: narrower, and no contradiction.

    A bar as wide as the slope says nothing, the slope itself does.
    """
    known = early.error if early.error < UNKNOWN * abs(early.value) else 0.0
    return found.error <= early.error and not abs(found.value - early.value) > found.error + known


def _replayed(line: Line, known: dict[float, list[float]], output: int, u: float) -> Slope | None:
    """Return the slope of a line from what is known; None when its core asks for more than that."""
    asked = opening(line)
    if any(step not in known for step in asked):
        return None
    core = differentiate(line, asked, [known[step][output] for step in asked], u)
    values: Values | None = None
    try:
        while True:
            asked = core.send(values)  # type: ignore[arg-type]
            if any(step not in known for step in asked):
                return None
            values = [known[step][output] for step in asked]
    except StopIteration as stop:
        slope: Slope = stop.value
        return slope


def failed(evaluations: int) -> Slope:
    """Return the slope of a line on which f failed."""
    return Slope(nan, inf, Verdict.FAILED, evaluations)


def collected(pool: Pool) -> list[list[Slope]]:
    """Return the slopes by output and line; a line that failed has none."""
    return [
        [failed(0) if index in pool.failed or slope is None else slope for index, slope in enumerate(row)]
        for row in pool.slopes
    ]
