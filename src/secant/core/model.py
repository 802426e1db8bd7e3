"""Quadratic models of f for a minimizer: what they know of its curvature, and the step to their minimum in a box.

Two forms do the same: :class:`Dense` keeps the matrix B of BFGS, for up to :data:`MOST` variables; :class:`Limited`
keeps the last pairs of steps and changes of the slope (J. Nocedal, Math. Comp. 35, 1980) and a diagonal.

Rules:

* B is positive definite. A pair that would end that is damped (M. J. D. Powell, 1978) or left out.
* The first diagonal is that of f's second derivatives, in size; no step of it leads further than :data:`FAR` lengths.
* In a box the step is found by active sets: variables that the step would take out of the box end on its bound, and the
  others make the best of that.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from secant.core.differences import sizes
from secant.core.request import Floats

#: Variables up to which the matrix itself is kept: beyond, solving with it would take longer than evaluating f.
MOST = 400
#: Pairs that are kept beyond that.
PAIRS = 12
#: A pair whose curvature is less than this share of what B expects is damped to it.
DAMPED = 0.05
#: Lengths that the first step may lead in a coordinate.
FAR = 10.0
#: Second derivatives that are smaller than this share of the largest count as that.
FLAT = 1e-12


def positive(bend: Floats, slope: Floats, x: Floats) -> Floats:
    """Return a diagonal of positive curvatures from second derivatives."""
    size = np.abs(bend)
    least = np.maximum(np.abs(slope) / (FAR * sizes(x)), FLAT * float(np.max(size, initial=0.0)))
    return np.maximum(np.maximum(size, least), np.finfo(float).tiny)


@dataclass(frozen=True, slots=True)
class Dense:
    """B itself, (n, n)."""

    matrix: Floats

    @property
    def diagonal(self) -> Floats:
        """The second derivatives along the axes, (n,)."""
        return self.matrix.diagonal()

    def step(self, slope: Floats, low: Floats, high: Floats) -> Floats:
        """Return the d with ``low <= d <= high`` that minimizes ``slope @ d + d @ B @ d / 2``, or nearly so."""
        d = np.zeros(slope.size)
        fixed = _held(slope, low, high)
        for _ in range(slope.size + 1):
            free = ~fixed
            if not free.any():
                break
            right = -(slope[free] + self.matrix[np.ix_(free, fixed)] @ d[fixed])
            found = _solved(self.matrix[np.ix_(free, free)], right)
            d[free] = np.clip(found, low[free], high[free])
            out = d[free] != found
            if not out.any():
                break
            fixed[np.flatnonzero(free)[out]] = True
        return d

    def updated(self, s: Floats, y: Floats, noise: float) -> Dense:
        """Return the model after a step s over which the slope changed by y; ``noise`` is that of ``s @ y``."""
        before = self.matrix @ s
        expected, seen = float(s @ before), float(s @ y)
        if not (expected > 0.0 and isfinite(expected) and isfinite(seen)):
            return self
        if seen < DAMPED * expected:
            if abs(seen) <= noise:
                return self
            share = (1.0 - DAMPED) * expected / (expected - seen)
            y = share * y + (1.0 - share) * before
            seen = float(s @ y)
        if not seen > 0.0:
            return self
        after = self.matrix - np.outer(before, before) / expected + np.outer(y, y) / seen
        return Dense(0.5 * (after + after.T)) if np.all(np.isfinite(after)) else self


@dataclass(frozen=True, slots=True)
class Limited:
    """A diagonal, and the last pairs (s, y)."""

    diagonal: Floats
    pairs: tuple[tuple[Floats, Floats], ...] = ()

    def step(self, slope: Floats, low: Floats, high: Floats) -> Floats:
        """Return a step downhill within the box: that of the model where no bound is in its way."""
        fixed = _held(slope, low, high)
        q = np.where(fixed, 0.0, slope)
        kept = []
        for pair in reversed(self.pairs):
            s, y = (np.where(fixed, 0.0, part) for part in pair)
            product = float(s @ y)
            if product > 0.0:
                share = float(s @ q) / product
                q = q - share * y
                kept.append((s, y, product, share))
        if kept:
            _, y, product, _ = kept[0]
            q = q / (self.diagonal * (float(y @ (y / self.diagonal)) / product))
        else:
            q = q / self.diagonal
        for s, y, product, share in reversed(kept):
            q = q + s * (share - float(y @ q) / product)
        step: Floats = np.clip(np.where(fixed, 0.0, -q), low, high)
        return step

    def updated(self, s: Floats, y: Floats, noise: float) -> Limited:
        """Return the model with one more pair, unless it says nothing; the oldest is dropped."""
        seen = float(s @ y)
        if not (isfinite(seen) and seen > max(noise, 1e-10 * float(y @ y) / float(np.max(self.diagonal)))):
            return self
        return Limited(self.diagonal, (*self.pairs, (s, y))[-PAIRS:])


Model: TypeAlias = Dense | Limited


def begin(diagonal: Floats) -> Model:
    """Return the model with this diagonal and nothing else."""
    return Dense(np.diag(diagonal)) if diagonal.size <= MOST else Limited(diagonal)


def _held(slope: Floats, low: Floats, high: Floats) -> NDArray[np.bool_]:
    """Return which variables stay where they are: on a bound, with f falling beyond it."""
    held: NDArray[np.bool_] = ((low >= 0.0) & (slope >= 0.0)) | ((high <= 0.0) & (slope <= 0.0))
    return held


def _solved(matrix: Floats, right: Floats) -> Floats:
    """Solve, by the diagonal alone where the matrix is singular."""
    try:
        found = np.asarray(np.linalg.solve(matrix, right), dtype=np.float64)
    except np.linalg.LinAlgError:
        found = right / np.maximum(np.abs(matrix.diagonal()), np.finfo(float).tiny)
    return found if np.all(np.isfinite(found)) else np.zeros(right.size)
