"""How far to go along a direction: a line search on values alone, which forgives noise.

No slope is asked for on the way: it would cost n values where a length costs one. Rules:

* Length 1 is the model's own. What it gives, with f and the slope at the start, is a parabola, and its lowest point is
  the next length: further out when it lies far beyond, nearer when the first length was too long, and once more in
  between when half of it would do.
* A length is taken when f falls by a ten thousandth of what the slope promises (L. Armijo, Pacific J. Math. 16, 1966),
  less twice the noise for the first few.
* With room for several evaluations at a time (``board.width``) lengths and the differences at length 1 are asked for
  together; when that length is taken its slopes are known already.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, isfinite

import numpy as np

from secant.core.board import Board
from secant.core.differences import Slopes, apart, forward_steps, moved, read
from secant.core.request import UNIT_ROUNDOFF, Core, Floats

#: The share of the promised fall that has to come true.
ARMIJO = 1e-4
#: So many lengths have the noise forgiven, and so many are tried at most.
FORGIVEN, TRIES = 3, 30
#: A parabola that is lowest beyond this length sends further out, at most so many times and by so much at a time.
BEYOND, OUTWARD, FACTOR = 1.5, 6, 4.0
#: A parabola that is lowest before this length is followed inward, though the first length would do.
BEFORE = 0.6
#: A length that was too long is shortened by these factors, to a tenth where f has no value.
SHORTEST, LONGEST = 0.1, 0.5
#: No length is tried that promises less than this share of the noise.
PROMISE = 0.1
#: A parabola that bends by fewer roundings than this is a straight line.
STRAIGHT = 8.0
#: Lengths that are tried beside 1 where evaluations are made several at a time.
OTHERS = (0.3, 2.5, 0.1, 6.0, 0.03, 16.0, 0.01)
#: Shorter lengths are not tried a batch at a time.
SHORT = 1e-9
#: Differences are asked for beforehand when a batch of them takes no longer than so many evaluations.
BATCHES = 2


@dataclass(frozen=True, slots=True)
class Stride:
    """Where a search came to: the point, f there, its length (0: nowhere), and slopes there if they are known."""

    x: Floats
    fun: float
    length: float = 0.0
    slopes: Slopes | None = None


def stride(board: Board, x: Floats, fun: float, d: Floats, fall: float, bend: Floats, slope: Floats) -> Core[Stride]:
    """Return how far to go from x along d, where f begins to fall by ``fall`` (negative) per length."""
    if board.width > 1:
        return (yield from _together(board, x, fun, d, fall, bend, slope))
    length, level = 1.0, board.level(fun)
    for tried in range(TRIES):
        point = board.inside(x + length * d)
        if np.array_equal(point, x):
            break
        value = yield from board.one(point)
        allowance = 2.0 * level if tried < FORGIVEN else 0.0
        if value < inf and value <= fun + ARMIJO * length * fall + allowance:
            return (yield from _bettered(board, x, fun, d, fall, Stride(point, value, length)))
        length = _shorter(fun, fall, length, value)
        if -length * fall < PROMISE * level:
            break
    return Stride(x, fun)


def lowest(fun: float, fall: float, length: float, value: float) -> float:
    """Return where the parabola through f and its slope at 0 and the value at a length is lowest; inf where nowhere.

    >>> lowest(1.0, -2.0, 2.0, 1.0)
    1.0
    """
    above = value - fun - length * fall
    straight = STRAIGHT * UNIT_ROUNDOFF * max(abs(fun), abs(value))
    return -0.5 * fall * length**2 / above if above > straight else inf


def _shorter(fun: float, fall: float, length: float, value: float) -> float:
    """Return the length to try when one was too long."""
    if not isfinite(value):
        return SHORTEST * length
    return min(max(lowest(fun, fall, length, value), SHORTEST * length), LONGEST * length)


def _bettered(board: Board, x: Floats, fun: float, d: Floats, fall: float, best: Stride) -> Core[Stride]:
    """Look for a better length than one that would do."""
    star = lowest(fun, fall, best.length, best.fun)
    if BEFORE * best.length <= star <= BEYOND * best.length:
        return best
    if star < best.length:
        point = board.inside(x + star * d)
        value = yield from board.one(point)
        return Stride(point, value, star) if value < best.fun else best
    for _ in range(OUTWARD):
        length = min(star, FACTOR * best.length)
        point = board.inside(x + length * d)
        if length <= 1.2 * best.length or np.array_equal(point, best.x):
            break
        value = yield from board.one(point)
        if not value < best.fun:
            break
        best, star = Stride(point, value, length), lowest(fun, fall, length, value)
    return best


def _together(board: Board, x: Floats, fun: float, d: Floats, fall: float, bend: Floats, slope: Floats) -> Core[Stride]:
    """Try lengths a batch at a time; of the first batch, length 1 with the differences there."""
    found = yield from _unit(board, x, fun, d, fall, bend, slope)
    level, length = board.level(fun), min(OTHERS)
    while not found.length and length > SHORT and -length * fall >= PROMISE * level:
        lengths = [length * LONGEST**j for j in range(board.width)]
        points = np.stack([board.inside(x + one * d) for one in lengths])
        found = _best(x, fun, fall, lengths, points, (yield from board.ask(points)), 0.0)
        length = lengths[-1] * LONGEST
    return found


def _unit(board: Board, x: Floats, fun: float, d: Floats, fall: float, bend: Floats, slope: Floats) -> Core[Stride]:
    """Try length 1 and others around it in one batch, and take the differences at length 1 along with them."""
    n = x.size
    unit = board.inside(x + d)
    differences = n + 1 <= BATCHES * board.width
    t = moved(board, unit, forward_steps(board, unit, fun, bend, slope))
    points = apart(unit, t) if differences else np.zeros((0, n))
    others = OTHERS[: max(-(1 + len(points)) % board.width, 0 if differences else 1)]
    lengths = [1.0, *others]
    along = np.stack([unit, *(board.inside(x + length * d) for length in others)])
    values = yield from board.ask(np.concatenate([along, points]))
    found = _best(x, fun, fall, lengths, along, values[: len(along)], board.level(fun))
    if found.length != 1.0 or not differences:
        return found
    slopes = yield from read(board, unit, found.fun, bend, t, values[len(along) :])
    return Stride(unit, found.fun, 1.0, slopes)


def _best(
    x: Floats, fun: float, fall: float, lengths: list[float], points: Floats, values: Floats, allowance: float
) -> Stride:
    """Return the lowest of the lengths that will do, or nowhere."""
    will = [
        (value, length, point)
        for value, length, point in zip(values.tolist(), lengths, points, strict=True)
        if value < inf and value <= fun + ARMIJO * length * fall + allowance and not np.array_equal(point, x)
    ]
    if not will:
        return Stride(x, fun)
    value, length, point = min(will, key=lambda one: one[0])
    return Stride(point, value, length)
