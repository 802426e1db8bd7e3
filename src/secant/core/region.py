"""A trust region on a quadratic that is fitted to noisy values, for functions whose noise is heavy.

Where differences drown in noise, what was paid for before still tells something: every value within reach takes part
in the fit, each weighted by what is known of its error. Rules:

* The metric: u = T (x - center) with T'T the absolute Hessian, so that the model is about |u|^2 / 2, a radius R means a
  change of f by R^2 / 2, and the noise of a value means the same in every direction.
* The fit: f = c + g.u + u'(P + E)u / 2 + error. P is the last model's Hessian; c and g are free; E's entries are normal
  and independent, which makes the values' covariance (SPREAD/2)^2 (u.v)^2 and the fit one of generalized least
  squares (universal kriging). With few points it is Powell's least change of the Hessian (Math. Prog. 100, 2004) but
  for the noise, with many it is a regression. A value's error is its noise, and what is no quadratic: BENT times
  R^2 / 2 at the radius, growing as |u|^3.
* The center is the point whose *smoothed* value is lowest: the lowest of many noisy values is a lucky one.
* A step is accepted by (decrease + 2 levels) / (foreseen + 2 levels) (Sun & Nocedal, Math. Prog. 202, 2023), and the
  radius never falls below that at which R^2 / 2 is QUIET levels: nothing smaller can be seen.
* A step that failed where the fit hardly knows some slope is followed by one point in that direction.
* Where the noise leaves nothing to gain, steps and such points take turns; after many values without progress the least
  radius is widened (restarts of Cartis, Fiala, Marteau & Roberts, TOMS 45, 2019), and after the widest it is over.

A pass costs O(n^3 + m^3) for m <= MOST values, some milliseconds at n = 30; for n > LARGEST the first differences
leave too little of a usual budget, and m values no longer tell the slopes from the bends: the caller decides not to.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf, isfinite, sqrt
from typing import TypeAlias

import numpy as np

from secant.core.board import ROUNDINGS, Board
from secant.core.differences import sizes
from secant.core.model import Dense
from secant.core.request import UNIT_ROUNDOFF, Core, Floats

#: Variables that the method is made for (see above).
LARGEST = 60
#: Spread of the entries of the Hessian about the last model's, in the metric (where that is the identity).
SPREAD = 0.5
#: What is no quadratic, as a share of R^2 / 2 at the radius.
BENT = 0.2
#: Levels of noise in R^2 / 2 at the least radius.
QUIET = 3.0
#: Values that take part in a fit: PER for each variable and SPARE more; at the least radius MOST.
PER, SPARE, MOST = 6, 6, 200
#: No entry moves further at once than this many times its size (at least one).
FAR = 10.0
#: Least curvature of the metric, as a share of the largest.
FLAT = 1e-6
#: First differences: step as a share of the entry's size (at least one), where the noise asks for no more.
FIRST, WIDEST_FIRST = 0.03, 0.1
#: Levels by which the test of a step is relaxed, and the ratios at which it failed and at which it did well.
RELAX, FAILED, WELL = 2.0, 0.1, 0.7
#: A slope is hardly known where its error is more than this share of R^2 / 2 over the radius.
UNKNOWN = 0.5
#: A step shorter than this share of the radius needs no look while the radius can shrink.
SHORT = 0.1
#: Failures in a row after which the noise is measured anew: it may have been thought too small.
MISTRUSTED = 3
#: Values without progress by a level of noise, for each variable and besides, before the least radius is widened; by
#: what, and to how much in all.
PATIENCE, BESIDES, WIDEN, WIDEST = 6, 10, 4.0, 64.0

#: Measures the noise about a point (x, f there), and tells the board.
Measure: TypeAlias = Callable[[Floats, float], Core[bool]]
#: Told of a center, f there as the fit has it, and the slope; says whether to go on.
Tell: TypeAlias = Callable[[Floats, float, Floats], bool]
#: A fit has sixth powers of lengths in it whose squares are of f's size. So a value that lies so many sizes of f above
#: the lowest is left out of it, and no search like this is made where f or its noise is beyond this.
TOWERING, HUGE = 1e30, 1e40


@dataclass(frozen=True, slots=True)
class _Fit:
    """A model about the center, in the metric: slope, Hessian, the smoothed values, and what is least known."""

    slope: Floats
    hessian: Floats
    smooth: Floats
    error: float
    least: Floats

    def rise(self, u: Floats) -> float:
        """Return what f changes by, as the model has it."""
        return float(self.slope @ u + 0.5 * (u @ self.hessian @ u))


@dataclass(slots=True)
class _Search:
    """Where a search stands."""

    board: Board
    center: Floats
    fun: float
    hessian: Floats
    radius: float
    points: Floats
    values: Floats
    count: int = 0
    wide: float = 1.0
    downs: int = 0
    looks: int = 0
    best: float = inf
    measured: bool = False
    explore: bool = False
    mended: bool = False
    to: Floats = field(default_factory=lambda: np.zeros((0, 0)))
    back: Floats = field(default_factory=lambda: np.zeros((0, 0)))

    @property
    def floor(self) -> float:
        """Return the least radius."""
        return self.wide * sqrt(2.0 * QUIET * max(self.board.level(self.fun), 1e-300))

    def ask(self, points: Floats) -> Core[Floats]:
        """Return f at points, and keep both."""
        values = yield from self.board.ask(points)
        self.keep(points, values)
        return values

    def keep(self, points: Floats, values: Floats) -> None:
        """Keep what was told."""
        end = self.count + len(values)
        self.points[self.count : end], self.values[self.count : end] = points, values
        self.count = end


def region(board: Board, x: Floats, fun: float, measure: Measure, tell: Tell) -> Core[bool]:
    """Go downhill from x, where f is ``fun``, until the noise leaves nothing to find; say whether that was the reason.

    Parameters
    ----------
    board : what is known of f, with the level of its noise; points are asked for through it.
    x : (n,) a point of the box, n no more than LARGEST.
    measure : asked where steps fail or are lost in noise: measures the noise there, and tells the board.
    tell : told of every center; where it says no the search ends, and the answer is False.

    Raises
    ------
    SpentError : the budget is gone. The last center is the answer then: the lowest value is a lucky one.

    >>> from secant.core.request import Reply, run
    >>> board = Board(np.full(2, -9.0), np.full(2, 9.0), None, np.full(2, 2.0**-53), 200)
    >>> board.absolute = 1e-3
    >>> def measure(x, fun):
    ...     return False
    ...     yield
    >>> def f(request):
    ...     return Reply([float(np.sum((p - 1) ** 2)) for p in request.directions])
    >>> run(region(board, np.zeros(2), 2.0, measure, lambda x, fun, slope: True), f)
    True
    >>> bool(board.fun < 1e-3)
    True
    """
    at = yield from _begin(board, x, fun)
    while True:
        before = at.center
        fitted = _refit(at)
        if not np.array_equal(at.center, before) and not tell(at.center, at.fun, at.to.T @ fitted.slope):
            return False
        if at.explore:
            yield from at.ask(_unknown(at, fitted)[np.newaxis])
            at.explore = False
            at.looks += 1
            continue
        point = _proposed(at, fitted)
        u = at.to @ (point - at.center)
        length = float(np.linalg.norm(u))
        poor = at.radius * fitted.error > UNKNOWN * 0.5 * at.radius**2
        if length < SHORT * at.radius and at.radius > 1.001 * at.floor:
            at.explore = at.radius * fitted.error > UNKNOWN * max(0.5 * at.radius**2, board.level(at.fun))
            at.radius = at.radius if at.explore else max(at.floor, 0.5 * at.radius)
            continue
        values = yield from at.ask(point[np.newaxis])
        if not isfinite(values[0]):
            at.radius *= 0.25
            continue
        foreseen, lowest = -fitted.rise(u), at.radius <= 1.001 * at.floor
        _judge(at, foreseen, float(values[0]), length, poor)
        lost = lowest and foreseen < board.level(at.fun)
        if at.downs >= MISTRUSTED or (lost and not at.measured):
            at.downs, at.measured = 0, lowest
            yield from measure(at.center, at.fun)
        if lost and at.looks % 2 == 0:
            at.explore = True
        if not _patient(at):
            return True


def _begin(board: Board, x: Floats, fun: float) -> Core[_Search]:
    """Return a search that begins with central differences: slopes, and a diagonal Hessian."""
    n, size = x.size, sizes(x)
    kept = board.left + 1
    at = _Search(board, x.copy(), fun, np.eye(n), 0.0, np.empty((kept, n)), np.empty(kept))
    at.keep(x[np.newaxis], np.array([fun]))
    share = (board.level(fun) / max(abs(fun), 1e-300)) ** 0.25
    h = size * min(max(share, FIRST), WIDEST_FIRST)
    up, down = board.inside(x + np.diag(h)), board.inside(x - np.diag(h))
    values = yield from at.ask(np.concatenate([up, down]))
    a, b = up.diagonal() - x, down.diagonal() - x
    with np.errstate(all="ignore"):
        right, left = (values[:n] - fun) / a, (values[n:] - fun) / b
        g, c = (left * a - right * b) / (a - b), 2.0 * (right - left) / (a - b)
    # At the box, or where f is not finite, one side is all there is.
    g = np.where(np.isfinite(g), g, np.where(np.isfinite(right), right, np.where(np.isfinite(left), left, 0.0)))
    c = np.maximum(np.where(np.isfinite(c), np.abs(c), 0.0), np.abs(g) / (FAR * size))
    c = np.maximum(c, 1e-12 * float(c.max())) if c.max() > 0.0 else np.ones(n)
    at.hessian = np.diag(c)
    reach = float(np.linalg.norm(np.sqrt(c) * h))
    at.radius = max(reach, 0.5 * float(np.linalg.norm(g / np.sqrt(c))), at.floor)
    return at


def _refit(at: _Search) -> _Fit:
    """Fit the model about the center, move that to the lowest smoothed value, and keep the model's Hessian."""
    size = sizes(at.center)
    curvature, V = np.linalg.eigh(at.hessian * size[:, np.newaxis] * size)
    most = float(np.max(np.abs(curvature)))
    weight = np.sqrt(np.maximum(np.abs(curvature), FLAT * most if most > 0.0 else 1.0))
    at.to, at.back = V.T * weight[:, np.newaxis] / size, size[:, np.newaxis] * V / weight
    # No step goes farther than FAR times the sizes anyway.
    at.radius = max(min(at.radius, FAR * float(np.linalg.norm(weight))), at.floor)
    U = (at.points[: at.count] - at.center) @ at.to.T
    # Values as far above the center's as this tell nothing of a basin, and their squares are beyond what floats hold.
    known = at.values[: at.count] <= at.fun + TOWERING * max(abs(at.fun), at.board.level(at.fun))
    distance = np.where(known, np.einsum("ij,ij->i", U, U), inf)
    # Nearest to the noise every value that tells of the same basin counts: their mean is what goes on getting better.
    many = MOST if at.radius <= 1.001 * at.floor else PER * size.size + SPARE
    near = np.argsort(distance, kind="stable")[: min(MOST, many, int(known.sum()))]
    board, values = at.board, at.values[near]
    noise = board.absolute + max(board.relative, ROUNDINGS * UNIT_ROUNDOFF) * np.abs(values)
    fitted = _least_squares(U[near], values, noise, curvature / weight**2, at.radius)
    lowest = int(np.argmin(fitted.smooth))
    u = U[near[lowest]]
    at.center, at.fun = at.points[near[lowest]].copy(), float(fitted.smooth[lowest])
    at.hessian = at.to.T @ fitted.hessian @ at.to
    slope = fitted.slope + fitted.hessian @ u
    return _Fit(slope, fitted.hessian, fitted.smooth, fitted.error, fitted.least)


def _least_squares(U: Floats, values: Floats, noise: Floats, prior: Floats, radius: float) -> _Fit:
    """Return the model of values at U (m, n), whose Hessian is the diagonal ``prior`` and what the values tell."""
    m, n = U.shape
    r = values - values[0] - 0.5 * (U * U) @ prior
    inner = U @ U.T
    square = inner.diagonal()
    spread = 0.25 * SPREAD**2 * inner * inner
    bent = 0.5 * BENT / radius * square**1.5
    # So little on the diagonal that no noise is smaller, and so much that equal points can be solved for.
    least = 1e-20 * float(np.max(np.abs(r))) ** 2 + 1e-300
    diagonal = noise**2 + bent**2
    spread.flat[:: m + 1] += diagonal + least + 1e-12 * float(np.mean(spread.diagonal() + diagonal))
    A = np.column_stack([np.ones(m), U, r])
    W = np.linalg.solve(spread, A)
    normal = A[:, :-1].T @ W[:, :-1]
    # Slopes that no value tells of are taken for moderate, not for anything at all.
    normal.flat[n + 2 :: n + 2] += 1e-6 / radius**2 + 1e-14 * float(normal.diagonal()[1:].max())
    covariance = np.linalg.inv(normal)
    told = covariance @ (A[:, :-1].T @ W[:, -1])
    alpha = W[:, -1] - W[:, :-1] @ told
    hessian = np.diag(prior) + 0.5 * SPREAD**2 * (U.T * alpha) @ U
    errors, axes = np.linalg.eigh(covariance[1:, 1:])
    return _Fit(told[1:], hessian, values - noise**2 * alpha, sqrt(max(float(errors[-1]), 0.0)), axes[:, -1])


def _unknown(at: _Search, fitted: _Fit) -> Floats:
    """Return the point at the radius along the slope that is known least, on the side that is thought lower."""
    d = at.back @ (at.radius * fitted.least)
    sides = at.board.inside(np.stack([at.center + d, at.center - d]))
    rises = [fitted.rise(at.to @ (side - at.center)) for side in sides]
    chosen: Floats = sides[int(np.argmin(rises))]
    return chosen


def _proposed(at: _Search, fitted: _Fit) -> Floats:
    """Return the model's lowest point within the radius and the box, moved no entry too far."""
    low, high = at.board.lower - at.center, at.board.upper - at.center
    curvature, V = np.linalg.eigh(fitted.hessian)
    g = V.T @ fitted.slope
    shift = _shift(curvature, g, at.radius)
    d = at.back @ (V @ (-g / np.maximum(curvature + shift, 1e-12)))
    if np.any(d < low) or np.any(d > high):
        flat = max(shift, -float(curvature[0]) + 1e-8, 0.0) * np.eye(g.size)
        d = Dense(at.to.T @ (fitted.hessian + flat) @ at.to).step(at.to.T @ fitted.slope, low, high)
    d = d / max(1.0, float(np.max(np.abs(d) / (FAR * sizes(at.center)))))
    return at.board.inside(at.center + d)


def _shift(curvature: Floats, g: Floats, radius: float) -> float:
    """Return the shift of the curvatures at which the step is as long as the radius, or 0 if it is shorter anyway."""
    if curvature[0] > 1e-8 and float(np.linalg.norm(g / curvature)) <= radius:
        return 0.0
    low = max(0.0, -float(curvature[0]))
    high = low + float(np.linalg.norm(g)) / radius + 1e-12
    # To a percent: the radius itself is known no better.
    while high - low > 0.01 * high:
        middle = 0.5 * (low + high)
        if float(np.linalg.norm(g / np.maximum(curvature + middle, 1e-12))) > radius:
            low = middle
        else:
            high = middle
    return high


def _judge(at: _Search, foreseen: float, value: float, length: float, poor: bool) -> None:
    """Set the radius, and whether to look where least is known, by what a step came to."""
    relax = RELAX * at.board.level(at.fun)
    ratio = (at.fun - value + relax) / (foreseen + relax) if foreseen + relax > 0.0 else 0.0
    if ratio > WELL and foreseen > at.board.level(at.fun):  # less than that is no success to speak of
        at.radius = max(at.radius, 2.0 * length)
    if ratio >= FAILED:
        at.downs, at.mended = 0, False
        return
    # A poor model is mended once before it is distrusted.
    at.explore = at.mended = poor and not at.mended
    if not at.explore:
        at.radius = max(at.floor, 0.5 * at.radius)
        at.downs += 1


def _patient(at: _Search) -> bool:
    """Count values without progress, widen the least radius after many, and say whether to go on."""
    at.looks += 1
    if at.fun < at.best - at.board.level(at.fun):
        at.best, at.looks, at.board.floored = at.fun, 0, False
        return True
    if at.looks <= PATIENCE * at.center.size + BESIDES:
        return True
    at.looks, at.board.floored = 0, True
    at.wide *= WIDEN
    at.radius = at.floor
    return at.wide <= WIDEST
