"""Going down to a minimum, and saying how it ended: the course around :mod:`secant.core.quasi`.

Verdicts. ``converged`` claims that x is a minimum: what the model still promises is nothing beside what f has fallen
by, the slopes from both sides bear that out, f bends down nowhere, and its noise, if there is any, is small beside
the fall as well. ``noise floor`` is an end at which f no longer falls, and nothing more can be said: noise drowns the
slope, or f has a kink there. ``budget`` is no end, ``unbounded`` and ``failed`` are what they say. The answer of a
run that was cut short is the lowest point seen, or under noise the last one, unless another was lower by more than
noise. Of an f that gave the same value everywhere nothing is claimed either: ``noise floor``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf, isfinite, nan

import numpy as np

from secant.core.board import Board, SpentError
from secant.core.differences import Slopes, apart, both_sides, central_steps, sizes
from secant.core.levels import look, pair
from secant.core.quasi import LUCK, SMALL, End, Place, descend, downhill
from secant.core.request import Core, Floats, Interrupted, Reply, Request
from secant.core.results import CUT_SHORT, Event, bar, counted
from secant.core.verdicts import DescentVerdict

#: f has no lower bound, or none that matters, when it has fallen by so many of its own sizes, or x has gone so far.
BOTTOMLESS, AWAY = 1e15, 1e12
#: It falls on when its last step was more than this share of its fall.
STILL = 1e-3
#: With up to so many variables for each worker the first differences are asked for with the look for noise.
AHEAD = 4
#: A slope whose step promises no more than so many times the rounding of f is zero: no value of f would show the fall.
UNSEEN = 8.0
#: Noise that blurs where the minimum is by no more than this share of ``max(1, |x|)`` is as little as rounding does.
BLUR = 2.0**-26


@dataclass(frozen=True, slots=True)
class Step:
    """What a listener is told: iteration, point, f, slopes, the length of the step, evaluations so far."""

    iteration: int
    x: Floats
    fun: float
    slope: Floats
    length: float
    evaluations: int


@dataclass(frozen=True, slots=True)
class Minimum:
    """Where a search ended, in flat coordinates.

    Attributes
    ----------
    x, fun : the point, and f there.   slopes : the last ones, at x or nearby; None when there are none.
    at_x : whether they are those at x.
    iterations, path, values : steps taken, the points they led to, (iterations + 1, n), and f there.
    verdict, note, events : how it ended, a word more, and what was noticed on the way.
    length : of the last step.   level : the noise of f at x.   quiet : whether that is rounding.
    stopped : what cut the run short, if anything did.
    """

    x: Floats
    fun: float
    slopes: Slopes | None
    at_x: bool
    iterations: int
    path: Floats
    values: Floats
    verdict: DescentVerdict
    note: str
    events: tuple[Event, ...]
    length: float
    level: float
    quiet: bool
    stopped: str = ""


@dataclass(slots=True)
class _Trail:
    """What is written down on the way."""

    board: Board
    listen: Callable[[Step], bool] | None
    path: list[Floats] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    place: Place | None = None
    length: float = nan
    bottomless: str = ""

    def take(self, place: Place, length: float) -> bool:
        """Write down a place; return whether to go on."""
        if self.place is None or place.x is not self.place.x:
            if self.path and length:
                self.length = length
            if not self.path or not np.array_equal(self.path[-1], place.x):
                self.path.append(place.x)
                self.values.append(place.fun)
        self.place = place
        start = max(1.0, abs(self.values[0]))
        if place.fun < -BOTTOMLESS * start:
            self.bottomless = f"f has fallen to {place.fun:.3g}, and goes on falling"
        elif self._far(place):
            self.bottomless = f"f goes on falling as far as x was followed, to {np.max(np.abs(place.x)):.1e}"
        if self.bottomless:
            return False
        self.noticed(place)
        if self.listen is None:
            return True
        told = Step(len(self.path) - 1, place.x, place.fun, place.slopes.value, self.length, self.board.spent)
        return self.listen(told)

    def _far(self, place: Place) -> bool:
        """Return whether x has gone far, f fell on the way by more than its noise, and falls on."""
        fallen = self.values[0] - place.fun
        still = len(self.values) > 1 and self.values[-2] - place.fun > STILL * fallen
        lower = fallen > LUCK * self.board.level(place.fun)
        return still and lower and float(np.max(np.abs(place.x) / sizes(self.path[0]))) > AWAY

    def noticed(self, place: Place) -> None:
        """Note the noise when it is first seen, and when it is seen to be larger."""
        level, count = self.board.level(place.fun), len(self.path) - 1
        if self.board.quiet(place.fun) or self.board.told:
            return
        last = self.events[-1].facts if self.events else {}
        known = last.get("absolute", 0.0), last.get("relative", 0.0)
        if (self.board.absolute, self.board.relative) == known:
            return
        text = f"f has noise of about {bar(level)} here; steps of the differences go by it"
        facts = {"absolute": self.board.absolute, "relative": self.board.relative}
        self.events.append(Event(DescentVerdict.NOISE_FLOOR, count, count, text, facts))


def minimize(
    base: Floats,
    board: Board,
    *,
    rtol: float,
    opened: Callable[[float], None] | None = None,
    listen: Callable[[Step], bool] | None = None,
) -> Core[Minimum]:
    """Go down from ``base`` to a minimum of f in the board's box.

    Parameters
    ----------
    base : (n,) the start, inside the box; never written to.
    rtol : what is promised below this share of the fall so far is not gone after.
    opened : is told f at the start.
    listen : is told of every step, and ends the run by returning False.
    """
    return (yield from _hushed(_searched(base, board, rtol, opened, listen)))


def _hushed(course: Core[Minimum]) -> Core[Minimum]:
    """Go through a course with NumPy's warnings off while it computes, and as they were while f is evaluated.

    Near the ends of what floats can hold much overflows that is left out afterwards.
    """
    reply: Reply | None = None
    ended: BaseException | None = None
    while True:
        with np.errstate(all="ignore"):
            try:
                request = course.send(reply) if ended is None else course.throw(ended)  # type: ignore[arg-type]
            except StopIteration as stop:
                found: Minimum = stop.value
                return found
        try:
            reply, ended = (yield request), None
        except (Interrupted, KeyboardInterrupt) as error:
            ended = error


def _searched(
    base: Floats,
    board: Board,
    rtol: float,
    opened: Callable[[float], None] | None,
    listen: Callable[[Step], bool] | None,
) -> Core[Minimum]:
    """Search, and say how that ended."""
    trail = _Trail(board, listen)
    stopped, end = "", None
    try:
        reply = yield Request(base, None, (0.0,))
        fun = float(np.asarray(reply.values).reshape(-1)[0].real)
        board.spent += 1
        if opened is not None:
            opened(fun)
        if not isfinite(fun):
            return _nowhere(base, fun)
        board.note(base, fun)
        if board.width > 1 and base.size <= AHEAD * board.width:
            right, left = both_sides(board, base, central_steps(board, base, fun, None, 1.0))
            sides = [apart(base, right)[right != 0.0], apart(base, left)[left != 0.0]]
            yield from board.ahead(np.concatenate([pair(board, base, 0), *sides]))
        beside, _ = yield from look(board, base, fun, 0)
        end = yield from descend(board, base, fun, beside, rtol, trail.take)
    except SpentError:
        pass
    except Interrupted as error:
        stopped = error.reason
    except KeyboardInterrupt:  # between two evaluations
        stopped = "keyboard"
    if not board.x.size:
        raise Interrupted(stopped)
    return _judged(trail, end, stopped)


def _nowhere(base: Floats, fun: float) -> Minimum:
    """Say that f has no value to start from."""
    path, values = base[np.newaxis].copy(), np.array([fun])
    note = "f has no finite value at x0"
    return Minimum(base, fun, None, False, 0, path, values, DescentVerdict.FAILED, note, (), nan, nan, True)


def _judged(trail: _Trail, end: End | None, stopped: str) -> Minimum:
    """Say how the run ended."""
    board, place = trail.board, trail.place if end is None else end.place
    x, fun = (board.x, board.fun) if place is None else (place.x, place.fun)
    if end is None and board.fun < fun - (0.0 if board.quiet(fun) else LUCK * board.level(fun)):
        x, fun = board.x, board.fun
    path, values = trail.path, trail.values
    if not path or not np.array_equal(path[-1], x):
        path, values = [*path, x], [*values, fun]
    verdict, note = _verdict(trail, end, fun, stopped, len(path) - 1)
    return Minimum(
        x, fun, None if place is None else place.slopes, place is not None and np.array_equal(place.x, x),
        len(path) - 1, np.array(path), np.array(values), verdict, note, tuple(trail.events),
        trail.length, board.level(fun), board.quiet(fun), stopped or ("callback" if end and end.heard else ""),
    )  # fmt: skip


def _sharp(place: Place, level: float) -> bool:
    """Return whether f bends so much that its noise hardly blurs where the minimum is."""
    return bool(np.all(level <= place.model.diagonal * (BLUR * sizes(place.x)) ** 2))


def _verdict(trail: _Trail, end: End | None, fun: float, stopped: str, count: int) -> tuple[DescentVerdict, str]:
    """Return the verdict, and a word more."""
    board, steps = trail.board, counted(count, "iteration")
    if trail.bottomless:
        return DescentVerdict.UNBOUNDED, trail.bottomless
    if stopped:
        return DescentVerdict.BUDGET, f"{CUT_SHORT[stopped]} after {steps}"
    if end is None and board.floored:
        return DescentVerdict.NOISE_FLOOR, f"f no longer falls by more than its noise, {bar(board.level(fun))}"
    if end is None:
        return DescentVerdict.BUDGET, f"{counted(board.most, 'evaluation')} allowed, and spent"
    if end.heard:
        return DescentVerdict.BUDGET, f"ended by the callback after {steps}"
    fallen, level = (trail.values[0] if trail.values else inf) - fun, board.level(fun)
    if board.spent > 1 and not board.valued:
        return DescentVerdict.FAILED, "f has a finite value at x0 and nowhere else that was looked at"
    if board.spent > 1 and not board.varied:
        return DescentVerdict.NOISE_FLOOR, "f has the very same value wherever it was looked at: is its argument used?"
    flat = end.flat or (not board.floored and -0.5 * downhill(board, end.place)[1] <= UNSEEN * level)
    if flat and (board.quiet(fun) or level <= SMALL * fallen or _sharp(end.place, level)):
        return DescentVerdict.CONVERGED, ""
    if board.quiet(fun):
        return DescentVerdict.NOISE_FLOOR, "f falls along no step that was tried, though it has a slope: has f a kink?"
    return DescentVerdict.NOISE_FLOOR, f"f no longer falls by more than its noise, {bar(level)}"
