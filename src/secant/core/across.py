"""Looks along generic directions: what entries of a Jacobian cannot see one by one.

An output may be smooth along every axis and have no derivative all the same, as min(|x|, |y|) at 0; and a Jacobian of
which a pattern was declared may leave out what f does depend on. Both show along directions in which every coordinate
moves, by a share of its own: the first as an even part that goes with the step, and not with its square; the second as
an odd part that the entries do not explain. Two steps, the second an eighth of the first, tell either from curvature
and truncation. Rules:

* A column moves by a share of the step that decided about it, the fourth root of the unit roundoff (2**-13 in float64):
  there truncation and rounding are about equally small, and what is left of both is some 1e-9 of the change. A
  dependence weaker than that is not seen.
* Coordinates without room for such a step stay where they are.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from math import frexp, inf, isfinite

import numpy as np
from numpy.typing import NDArray

from secant.core.ladder import Line
from secant.core.line import first_step
from secant.core.operators import ENDED, Slopes, generic, together
from secant.core.request import UNIT_ROUNDOFF, Core, Floats, Reply, Request
from secant.core.results import Slope
from secant.core.verdicts import Verdict

#: The ratio to the nearer pair.
NEARER = 0.125
#: How often its noise a change must be to be one; by how much of itself a sign may miss the power that it stands for.
LOUD, LOOSE = 30.0, 0.2
#: A straight line: how often it is longer than its pairs are apart, and than what evens leave over; its share of J v.
STRAIGHT, LEVEL, CLEAR = 50.0, 12.0, 1e-9
#: Evaluations that a look takes at most, and one at a Jacobian that leaves nothing out.
MOST, LOOKS = 9, 8
#: A crease is looked at when it rises by this share of what f changes by; less is lost beside truncation.
NOTICED = 0.02

#: From a change of x (n floats) to what J makes of it: J v, then |J| |v|, then the bars times |v|, (m floats) each.
Weigh = Callable[[Floats], tuple[Floats, Floats, Floats]]


@dataclass(slots=True)
class Seen:
    """What was seen of each output (m floats), per unit of the directions; 0 where there was nothing.

    ``crease`` is the rise on both sides of x, ``missing`` the slope that the Jacobian does not explain.
    """

    crease: Floats
    missing: Floats


def look(
    base: Floats,
    fun: Floats,
    units: Floats,
    noise: Floats,
    weigh: Weigh,
    eps: float = UNIT_ROUNDOFF,
    rounded: Callable[[Floats], Floats] | None = None,
    quiet: Floats | None = None,
) -> Generator[Request, Reply, Seen]:
    """Look along two generic directions, for four evaluations and up to five more (:data:`MOST`).

    ``units`` holds a step per coordinate (0: it stays), ``noise`` the level of each output; ``eps`` is the unit
    roundoff of x, and ``rounded`` its rounding. Where the Jacobian may leave something out it is held against the first
    direction; ``quiet`` is the rounding of each output then.
    """
    nothing = np.zeros(fun.size)
    if not units.any():
        return Seen(nothing, nothing)
    far = 2.0 ** (frexp(eps)[1] // 4)
    ways = far * generic(units)
    odd, even = _halves((yield _pairs(base, [0, 1], 1.0, ways)), fun)
    size = [weigh(_taken(base, way, rounded))[1] for way in ways]
    floor = LOUD * noise
    rises = [np.abs(even[i]) > np.maximum(floor, NOTICED * size[i]) for i in (0, 1)]
    again = [i for i in (0, 1) if rises[i].any() or (i == 0 and quiet is not None)]
    if not again:
        return Seen(nothing, nothing)
    closer_odd, closer_even = _halves((yield _pairs(base, again, NEARER, ways)), fun)
    crease = nothing.copy()
    missing = nothing
    for place, i in enumerate(again):
        near = closer_even[place]
        scaled = near / NEARER
        found = rises[i] & (np.abs(near) > floor) & (np.abs(scaled - even[i]) <= LOOSE * np.abs(even[i]))
        crease = np.where(found & (crease == 0.0), np.abs(even[i]) / far, crease)
        if i == 0 and quiet is not None:
            # Curvature goes with the square of the step; what does not is noise, or a crease.
            bends = np.abs(near - NEARER * NEARER * even[0])
            missing = _unexplained(
                base, (odd[0], closer_odd[place]), bends, ways[0], (floor, LOUD * quiet), weigh, eps, rounded
            )
    if missing.any():
        # Of a random f, another value at the same x tells how loud it is.
        once_more = yield Request(base, None, (0.0,), repeat=1)
        apart = np.abs(values_of(once_more)[0] - fun)
        loud = 2.0 * LOUD / NEARER * np.where(apart > 0.0, np.maximum(apart, noise), 0.0)
        missing = np.where(np.abs(missing) > loud, missing, 0.0)
    return Seen(crease, missing / far)


def _pairs(base: Floats, which: Sequence[int], share: float, ways: Floats) -> Request:
    lane = np.repeat(np.array(which), 2)
    return Request(base, lane, np.tile([share, -share], len(which)), ways)


def _halves(reply: Reply, fun: Floats) -> tuple[Floats, Floats]:
    """Return the odd and the even parts of pairs, (pairs, m) each."""
    table = values_of(reply)
    up, down = table[0::2], table[1::2]
    with np.errstate(all="ignore"):
        return 0.5 * up - 0.5 * down, (up - fun) + (down - fun)


def values_of(reply: Reply) -> Floats:
    """Return a reply's values as one row for each point; real and imaginary parts apart.

    >>> values_of(Reply([1.0, 2.0]))
    array([[1.],
           [2.]])
    """
    values = np.asarray(reply.values)
    values = values.reshape(len(values), -1)
    return np.concatenate([values.real, values.imag], axis=1) if np.iscomplexobj(values) else values


def _taken(base: Floats, way: Floats, rounded: Callable[[Floats], Floats] | None) -> Floats:
    """Return what x really moves by: half of the way from one side to the other, as the evaluator rounds it."""
    up, down = base + way, base - way
    if rounded is not None:
        up, down = rounded(up), rounded(down)
    return 0.5 * (up - down)


def _unexplained(
    base: Floats,
    odd: tuple[Floats, Floats],
    bends: Floats,
    way: Floats,
    floors: tuple[Floats, Floats],
    weigh: Weigh,
    eps: float,
    rounded: Callable[[Floats], Floats] | None,
) -> Floats:
    """Return what f changes by along a direction beyond what the Jacobian says; 0 where there is nothing to be seen.

    What a pattern leaves out may pass for noise along the lines, as columns that are moved together are not moved in
    proportion. But noise is no straight line along a direction, nor do its even parts go with the square of the step:
    where f is one, and the entries do not add up to it, they are wrong however wide their bars.
    """
    with np.errstate(all="ignore"):
        here, size, bars = weigh(_taken(base, way, rounded))
        far = odd[0] - here
        near = (odd[1] - weigh(_taken(base, NEARER * way, rounded))[0]) / NEARER
        square = NEARER * NEARER
        rest = (near - square * far) / (1.0 - square)
        argument = 4.0 * eps * weigh(base)[1]
        apart, found = np.abs(near - far), np.abs(rest)
        # Rounding of J v itself is a few ulps of its size.
        beyond = found > 0.1 * apart + (argument + floors[0]) / NEARER + 10.0 * bars + 64.0 * UNIT_ROUNDOFF * size
        straight = found > STRAIGHT * apart + (argument + floors[1] + LEVEL * bends) / NEARER + CLEAR * size
        return np.where(beyond | straight, rest, 0.0)


def jacobian(
    base: Floats,
    problems: Sequence[Line],
    rounded: Callable[[Floats], Floats] | None = None,
    most: int | None = None,
) -> Core[Slopes]:
    """Differentiate every output by every coordinate, and look along two generic directions as well.

    As :func:`secant.core.operators.gradient` does for one output, out of the same budget (``most``); the look is left
    out where there are bounds.
    """
    count = len(problems)
    bounded = any(line.below < inf or line.above < inf for line in problems)
    aside = 0 if most is None or bounded or most < 1 + ENDED * count + LOOKS else LOOKS
    found, left = yield from together(base, problems, None, None, None if most is None else most - aside)
    if bounded or count < 2:
        return found
    if left + aside < LOOKS:
        note = "no evaluations were left to look at f along other directions than the axes"
        return _marked(
            found, [True] * len(found.outputs), lambda slope, *_: replace(slope, verdict=Verdict.UNRESOLVED, note=note)
        )
    table = found.slopes
    value = np.array([[slope.value for slope in row] for row in table])
    error = np.array([[slope.error for slope in row] for row in table])
    steps = np.array([[slope.step if slope.step > 0.0 else inf for slope in row] for row in table])
    # Where f is straight or stands still, larger and larger steps have been looked at: moves as far drown all others.
    nearest = np.minimum(steps.min(axis=0), [first_step(line) for line in problems])
    fun = np.array(found.outputs)
    seen = np.array([[slope.noise if isfinite(slope.noise) else 0.0 for slope in row] for row in table]).max(axis=1)
    noise = np.maximum(seen, UNIT_ROUNDOFF * np.abs(fun))
    units = np.where(np.isfinite(nearest), nearest, 0.0)

    def weigh(v: Floats) -> tuple[Floats, Floats, Floats]:
        with np.errstate(all="ignore"):
            return value @ v, np.abs(value) @ np.abs(v), error @ np.abs(v)

    eps = max(line.eps for line in problems)
    across = yield from look(base, fun, units, noise, weigh, eps, rounded)
    return creased(found, across.crease, units)


def creased(found: Slopes, crease: NDArray[np.float64], units: Floats) -> Slopes:
    """Return slopes with those rows marked that are smooth along each axis and creased across, ``crease`` per unit."""
    note = "f is smooth along each axis, but creased along other directions"
    rises = dict(enumerate(crease.tolist()))

    def kink(slope: Slope, row: int, column: int) -> Slope:
        error = slope.error + rises[row] / float(units[column])
        return replace(slope, verdict=Verdict.KINK, error=error, note=note)

    return _marked(found, crease > 0.0, kink)


def _marked(
    found: Slopes, rows: Sequence[bool] | NDArray[np.bool_], mark: Callable[[Slope, int, int], Slope]
) -> Slopes:
    """Return slopes with some rows marked, of those of which every entry is ``ok``."""
    made = [
        tuple(mark(slope, i, j) for j, slope in enumerate(row))
        if rows[i] and all(slope.verdict is Verdict.OK for slope in row)
        else row
        for i, row in enumerate(found.slopes)
    ]
    return Slopes(tuple(made), found.outputs)
