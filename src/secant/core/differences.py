"""Slopes for a minimizer: differences whose steps know the noise and the curvature, inside a box.

Theory. A forward difference of step h has an error of ``2 level / h`` from noise and of ``h |f''| / 2`` from curvature,
least at ``h = 2 sqrt(level / |f''|)`` (J. J. More and S. M. Wild, Estimating derivatives of noisy simulations, ACM TOMS
38, 2012). A quasi-Newton matrix knows f'' more and more closely, so half of ``h f''`` is taken off as well, and what is
left of the second error is a share of it. Central differences cost twice as much, need no f'' and give it; their step
may be larger (:data:`WIDER`). Rules:

* a step is the one really taken, after rounding and inside the box; on a bound it leads inward;
* where f has no finite value on one side the other side is asked for;
* an entry that cannot be moved, or has no values on either side, has the slope 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from secant.core.board import Board
from secant.core.request import UNIT_ROUNDOFF, Core, Floats

#: The least step, in roundings of an entry of x: the rounding of the step itself is then of no account.
LEAST = 2.0**8
#: The least step of an entry that is zero or nearly so, and the largest share of ``max(1, |x|)`` in a step.
TINY, MOST = 1e-11, 0.1
#: The first central differences: no step is smaller than this share of ``max(1, |x|)``. What f looks like over lengths
#: that count is worth more at the start than digits of its slope; a wave of small amplitude is stepped over.
FIRST = 0.03
#: Central differences have steps of ``WIDER * sqrt(level / |f''|)``: the noise of a slope falls with the step.
WIDER = 8.0
#: The share of the curvature's part that is thought to be left in a forward difference.
UNKNOWN = 0.25


@dataclass(frozen=True, slots=True)
class Slopes:
    """What differences say: ``value`` (n,), its ``bar`` (n,), and ``bend`` (n,), second derivatives (NaN: unknown)."""

    value: Floats
    bar: Floats
    bend: Floats


def sizes(x: Floats) -> Floats:
    """Return the length that counts as one in each coordinate.

    >>> sizes(np.array([0.0, -40.0]))
    array([ 1., 40.])
    """
    return np.maximum(np.abs(x), 1.0)


def forward_steps(board: Board, x: Floats, fun: float, bend: Floats, slope: Floats) -> Floats:
    """Return signed steps, downhill where there is room for it."""
    least = np.maximum(LEAST * board.spacing * np.abs(x), TINY * np.maximum(np.abs(x), 1e-3))
    most = MOST * sizes(x)
    with np.errstate(all="ignore"):
        h = 2.0 * np.sqrt(board.level(fun) / np.abs(bend))
    h = np.clip(np.where(np.isfinite(h) & (h > 0.0), h, most), least, most)
    up, down = board.upper - x, x - board.lower
    rises = slope <= 0.0
    ahead, behind = np.where(rises, up, down), np.where(rises, down, up)
    turned = (ahead < h) & (behind > ahead)
    signs = np.where(rises != turned, 1.0, -1.0)
    return signs * np.minimum(h, np.where(turned, behind, ahead))


def moved(board: Board, x: Floats, t: Floats) -> Floats:
    """Return the steps (n,) really taken for steps t along each coordinate: inside the box, to numbers that x holds."""
    taken: Floats = board.inside(x + t) - x
    out = (x + taken > board.upper) | (x + taken < board.lower)  # a sum may round beyond the bound again
    inward: Floats = np.where(out, np.nextafter(taken, 0.0), taken)
    return inward


def apart(x: Floats, t: Floats) -> Floats:
    """Return the points (n, n) at x moved by t along one coordinate each.

    >>> apart(np.array([1.0, 2.0]), np.array([0.5, 0.25]))
    array([[1.5 , 2.  ],
           [1.  , 2.25]])
    """
    return x + np.diag(t)


def forward(board: Board, x: Floats, fun: float, bend: Floats, slope: Floats) -> Core[Slopes]:
    """Return slopes from n values, given about how f bends and falls."""
    t = moved(board, x, forward_steps(board, x, fun, bend, slope))
    values = yield from board.axes(x, np.arange(x.size), t)
    return (yield from read(board, x, fun, bend, t, values))


def read(board: Board, x: Floats, fun: float, bend: Floats, t: Floats, values: Floats) -> Core[Slopes]:
    """Return slopes from the values at n moved points; those that are not finite are asked for on the other side."""
    lost = ~np.isfinite(values)
    if lost.any():
        other = moved(board, x, -t)
        again = yield from board.axes(x, np.flatnonzero(lost), other[lost])
        values, t = values.copy(), t.copy()
        values[lost], t[lost] = again, other[lost]
    known = np.isfinite(values) & (t != 0.0)
    step = np.where(known, t, 1.0)
    with np.errstate(all="ignore"):
        slope = (np.where(known, values, fun) - fun) / step - 0.5 * step * bend
        bar = 2.0 * board.level(fun) / np.abs(step) + UNKNOWN * np.abs(step * bend)
    return Slopes(np.where(known, slope, 0.0), np.where(known, bar, 0.0), bend)


def central_steps(board: Board, x: Floats, fun: float, bend: Floats | None, wide: float) -> Floats:
    """Return the steps of central differences; of the first ones no ``bend`` is known."""
    size = sizes(x)
    share = max(board.level(fun) / abs(fun) if fun else 0.0, 2.0 * UNIT_ROUNDOFF) ** 0.25
    first: Floats = min(max(share, FIRST), MOST) * size
    if bend is None:
        return first
    usual = share * size
    with np.errstate(all="ignore"):
        h = WIDER * np.sqrt(board.level(fun) / np.abs(bend))
    h = np.where(np.isfinite(h), np.minimum(np.maximum(h, 0.1 * usual), 10.0 * usual), usual)
    steps: Floats = np.minimum(wide * h, max(1.0, 0.25 * wide) * MOST * size)
    return steps


def both_sides(board: Board, x: Floats, h: Floats) -> tuple[Floats, Floats]:
    """Return the steps of central differences that are really taken, to the right and to the left (negative)."""
    right = moved(board, x, np.minimum(h, np.maximum(board.upper - x, 0.0)))
    left = moved(board, x, -np.minimum(h, np.maximum(x - board.lower, 0.0)))
    return right, left


def central(board: Board, x: Floats, fun: float, h: Floats) -> Core[Slopes]:
    """Return slopes and second derivatives from 2 n values; where one side has none, from two on the other."""
    n = x.size
    a, b = both_sides(board, x, h)
    right, left = np.full(n, np.inf), np.full(n, np.inf)
    ask = np.concatenate([np.flatnonzero(a), n + np.flatnonzero(b)])
    if ask.size:
        values = np.full(2 * n, np.inf)
        values[ask] = yield from board.axes(x, ask % n, np.concatenate([a, b])[ask])
        right, left = values[:n], values[n:]
    one = np.flatnonzero(np.isfinite(right) != np.isfinite(left))
    if one.size:
        # The other step on the same side is half as long: a slope of the second order, as from both sides.
        ahead = np.isfinite(right[one])
        half = moved(board, x, 0.5 * np.where(np.isfinite(right), a, b))[one]
        again = np.full(one.size, np.inf)
        if half.any():
            again[half != 0.0] = yield from board.axes(x, one[half != 0.0], half[half != 0.0])
        b[one], left[one] = np.where(ahead, half, b[one]), np.where(ahead, again, left[one])
        a[one], right[one] = np.where(ahead, a[one], half), np.where(ahead, right[one], again)
    both = np.isfinite(right) & np.isfinite(left) & (a != b)
    with np.errstate(all="ignore"):
        first, second = (right - fun) / a, (left - fun) / b
        slope = np.where(both, (first * b - second * a) / (b - a), 0.0)
        bend = np.where(both, 2.0 * (first - second) / (a - b), 0.0)
        bar = np.where(both, 2.0 * board.level(fun) / np.maximum(np.abs(a), np.abs(b)), 0.0)
        bar = np.where((a > 0.0) == (b > 0.0), 4.0 * bar, bar)
    return Slopes(slope, bar, bend)
