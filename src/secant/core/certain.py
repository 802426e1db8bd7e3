"""Making certain of a minimum: the whole Hessian where it is affordable, and a way out of a saddle.

A slope of zero is what saddles have as well, and a model that has seen few directions promises too little. Before a
search that saw no noise ends, the Hessian is taken from pairs of coordinates (``n (n + 1) / 2`` evaluations, while that
is less than a tenth of the budget; else f is looked at along a few random directions). Where f bends down the search
goes on from there; where Newton's step promises more than the model did it goes on with Newton's matrix.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from secant.core.board import Board
from secant.core.differences import Slopes, central, central_steps, sizes
from secant.core.model import Dense, Model, begin, positive
from secant.core.request import UNIT_ROUNDOFF, Core, Floats

#: The share of the budget that the Hessian may cost.
SHARE = 0.1
#: Directions that are looked at where it costs more.
DIRECTIONS = 8
#: f bends down when a scaled curvature is below this, and below its own error.
DOWN = 1e-3
#: How far a saddle is left, in lengths ``max(1, |x|)``, on both sides.
AWAY = (0.1, 1e-2, 1e-3)
#: The least scaled curvature in Newton's matrix.
FLAT = 1e-8


@dataclass(frozen=True, slots=True)
class Onward:
    """Where a search goes on: a point, f there, its slopes, and a model."""

    x: Floats
    fun: float
    slopes: Slopes
    model: Model


def certain(board: Board, x: Floats, fun: float, slopes: Slopes, least: float) -> Core[Onward | None]:
    """Return where to go on from x, or None when nothing promises more than ``least``."""
    n = x.size
    t = _steps(board, x, fun)
    free = t != 0.0
    count = int(np.count_nonzero(free))
    if not count:
        return None
    if count * (count + 1) // 2 > min(SHARE * board.most, board.left - 2 * n - 2 * len(AWAY)):
        return (yield from _around(board, x, fun, least))
    hessian, error = yield from _hessian(board, x, fun, slopes.value, t, free)
    scale = 1.0 / np.sqrt(positive(hessian.diagonal(), slopes.value[free] * 0.0, x[free]))
    curves, ways = np.linalg.eigh(hessian * np.outer(scale, scale))
    if curves[0] < -max(DOWN, float(np.max(error * np.outer(scale, scale)))):
        way = np.zeros(n)
        way[free] = ways[:, 0] * scale
        found = yield from _away(board, x, fun, way, least)
        if found is not None:
            return found
    curves = np.maximum(np.abs(curves), FLAT * float(np.max(np.abs(curves))))
    matrix = np.diag(positive(slopes.bend, slopes.value, x))
    whole = (ways * curves) @ ways.T / np.outer(scale, scale)
    matrix[np.ix_(free, free)] = 0.5 * (whole + whole.T)
    model = Dense(matrix)
    d = model.step(slopes.value, board.lower - x, board.upper - x)
    if not -0.5 * float(slopes.value @ d) > least:
        return None
    return Onward(x, fun, slopes, model)


def _steps(board: Board, x: Floats, fun: float) -> Floats:
    """Return the steps of second differences, inward on a bound; 0 where there is no room."""
    share = max(board.level(fun) / abs(fun) if fun else 0.0, 2.0 * UNIT_ROUNDOFF) ** 0.25
    h = share * sizes(x)
    up, down = board.upper - x, x - board.lower
    inward = np.where(up >= h, h, np.where(down >= h, -h, 0.0))
    points = board.inside(x + inward)
    # On a bound that holds x the curvature beyond says nothing.
    return np.where((up > h) & (down > h), points - x, 0.0)


def _hessian(
    board: Board, x: Floats, fun: float, slope: Floats, t: Floats, free: NDArray[np.bool_]
) -> Core[tuple[Floats, Floats]]:
    """Return the Hessian by the free coordinates, and its error."""
    where = np.flatnonzero(free)
    count = len(where)
    i, j = np.triu_indices(count, 1)
    points = np.repeat(x[np.newaxis], count + len(i), axis=0)
    points[np.arange(count), where] += t[where]
    points[count + np.arange(len(i)), where[i]] += t[where[i]]
    points[count + np.arange(len(i)), where[j]] += t[where[j]]
    values = yield from board.ask(board.inside(points))
    values = np.where(np.isfinite(values), values, fun)
    step = t[where]
    one = values[:count] - fun
    found = np.diag(2.0 * (one - step * slope[where]) / step**2)
    found[i, j] = found[j, i] = (values[count:] - fun - one[i] - one[j]) / (step[i] * step[j])
    level = board.level(float(np.max(np.abs(values), initial=abs(fun))))
    return found, 4.0 * level / np.abs(np.outer(step, step))


def _away(board: Board, x: Floats, fun: float, way: Floats, least: float) -> Core[Onward | None]:
    """Leave a saddle along a way down; return where that leads, None where it leads nowhere."""
    unit = way / float(np.max(np.abs(way) / sizes(x)))
    points = board.inside(np.stack([x + side * share * unit for share in AWAY for side in (1.0, -1.0)]))
    values = yield from board.ask(points)
    best = int(np.argmin(values))
    if not values[best] < fun - least:
        return None
    return (yield from _restart(board, points[best], float(values[best])))


def _around(board: Board, x: Floats, fun: float, least: float) -> Core[Onward | None]:
    """Look along random directions whether f bends down; return where that leads."""
    rng = np.random.default_rng(board.spent)
    ways = rng.normal(size=(DIRECTIONS, x.size)) * sizes(x) / np.sqrt(x.size)
    points = board.inside(np.concatenate([x + AWAY[1] * ways, x - AWAY[1] * ways]))
    if board.left < len(points) + 2 * x.size + 2:
        return None
    values = yield from board.ask(points)
    best = int(np.argmin(values))
    if not values[best] < fun - least:
        return None
    return (yield from _restart(board, points[best], float(values[best])))


def _restart(board: Board, x: Floats, fun: float) -> Core[Onward]:
    """Take everything afresh at a point."""
    slopes = yield from central(board, x, fun, central_steps(board, x, fun, np.zeros(x.size), 1.0))
    return Onward(x, fun, slopes, begin(positive(slopes.bend, slopes.value, x)))
