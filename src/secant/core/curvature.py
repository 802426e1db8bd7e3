"""Curvature and noise near a point, from a few more gradients and values: what a descent asks when it has gone wrong.

Along a path ``L = |dg| / |dx|`` is free, but it bounds the largest curvature only from below: a step along a flat
valley says nothing of its walls, so ``2 / L`` may lie far above the rate at which the walls throw the descent out.
The largest eigenvalue of the Hessian itself takes directional differences of the gradient; the Lanczos process
finds it from a handful (C. Lanczos, J. Res. NBS 45, 1950), also from below, but with a residual that says how well.
A rate is called stable only where the process settled *and* the curvature is the same across the valley: that is
where a quadratic model, for which ``2 / L`` is the limit, holds.

Noise is what a cubic leaves of eight values nearby. They are spaced unevenly: noise that is a fast wave hides from
equal spacings (compare the difference table of J. J. More and S. M. Wild, SIAM J. Sci. Comput. 33, 2011).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np

from secant.core.request import FAILED, Floats, Reply, Request

#: Gradients spent on the Lanczos process at most.
ROUNDS = 10
#: After so many rounds the process is given a second, unrelated direction, and it may not settle before LEAST rounds:
#: where the first one has next to nothing of the steepest direction, it settles on the second largest curvature.
AFRESH, LEAST = 5, 8
#: A largest curvature counts as found when its residual is below this part of it.
SETTLED = 0.003
#: Values spent on a look at the noise.
PROBES = 8
#: Curvatures at two places count as one when they differ by less: a quadratic, up to the error of the differences.
SAME = 0.005
#: Differences of slopes are taken over a length at which they stand this far clear of the slopes' own error.
CLEAR = 3e3
#: How far across the valley the curvature is looked at again, in steps ``|g| / L``, where the run stepped that far:
#: once at the floor that a quadratic has, once on the slope beyond.
ACROSS = (1.0, 50.0)


class Gradient(Protocol):
    """A gradient with its bars, and f at the point, as the descent needs them."""

    @property
    def value(self) -> Floats:
        """Slopes, (n,)."""

    @property
    def error(self) -> Floats:
        """Their bars, (n,); not finite where a fixed step leaves none."""

    @property
    def fun(self) -> float:
        """f at the point."""

    @property
    def noise(self) -> float:
        """Absolute level of f's noise there; NaN where it is not known."""


Ask: TypeAlias = Callable[[Floats], Generator[Request, Reply, Gradient]]


@dataclass(frozen=True, slots=True)
class Survey:
    """The largest ``curvature`` seen, and the rate below which descent is ``stable`` (NaN: not established)."""

    curvature: float
    stable: float


@dataclass(frozen=True, slots=True)
class _Bend:
    """A curvature along a unit ``direction``, its residual, and whether the process had settled."""

    curvature: float
    direction: Floats
    residual: float
    settled: bool


def norm(vector: Floats) -> float:
    """Return the length of a vector, also where its square would overflow; NaN or inf where it has such entries.

    >>> f"{norm(np.array([3e200, 4e200])):.3g}"
    '5e+200'
    """
    largest = float(np.max(np.abs(vector), initial=0.0))
    if largest == 0.0 or not math.isfinite(largest):
        return largest
    return largest * float(np.linalg.norm(vector / largest))


def generic(n: int, ratio: float = 0.6180339887498949) -> Floats:
    """Return a fixed unit vector that favors no coordinate: fractional parts of multiples of an irrational number.

    >>> bool(abs(np.linalg.norm(generic(7)) - 1.0) < 1e-15)
    True
    """
    weights = np.modf(np.arange(1, n + 1) * ratio)[0] - 0.5
    unit: Floats = weights / (norm(weights) or 1.0)
    return unit


def values_at(x: Floats, direction: Floats, t: Floats) -> Generator[Request, Reply, tuple[Floats, bool]]:
    """Ask for f at ``x + t * direction``; NaN where it has no finite value. Also say whether an evaluation failed."""
    reply = yield Request(x, np.zeros(len(t), dtype=np.intp), t, direction[np.newaxis])
    return _first_output(reply)


def value_at(x: Floats) -> Generator[Request, Reply, tuple[float, bool]]:
    """Ask for f at x itself, and say whether the evaluation failed."""
    reply = yield Request(x, None, (0.0,))
    values, failed = _first_output(reply)
    return float(values[0]), failed


def _first_output(reply: Reply) -> tuple[Floats, bool]:
    values = np.asarray(reply.values)
    first: Floats = np.asarray(values.real, dtype=np.float64).reshape(len(values), -1)[:, 0]
    return first, reply.status is not None and FAILED in reply.status


def noise_near(x: Floats, step: float) -> Generator[Request, Reply, float]:
    """Return the level of f's noise around x, from eight values within ``step`` of it; NaN where it cannot be read."""
    t = np.sort(generic(PROBES)) * step
    values, _ = yield from values_at(x, generic(x.size, math.sqrt(2.0)), t)
    if not np.all(np.isfinite(values)):
        return math.nan
    smooth = np.linalg.qr(np.vander(t / step, 4))[0]
    return norm(values - smooth @ (smooth.T @ values)) / math.sqrt(PROBES - 4)


def survey(
    x: Floats,
    slope: Floats,
    gradient: Ask,
    *,
    lr: float,
    toward: Floats,
    curvature: float,
    resolution: float,
    rounds: int = ROUNDS,
) -> Generator[Request, Reply, Survey]:
    """Look for the largest curvature at x, and whether it is the same across the valley.

    ``slope`` is the gradient at x, ``toward`` a direction thought to be steep, ``curvature`` what the path says
    (NaN when nothing), ``resolution`` the smallest slope that means something, and ``rounds`` the most gradients
    that the search may cost; four more confirm what it found.
    """
    size = norm(x)
    length = min(lr * norm(slope), size or math.inf) or size or 1.0
    # Long enough for the difference to stand clear of the slopes' own error and of the spacing of doubles.
    clear = CLEAR * resolution * math.sqrt(x.size) / max(curvature if math.isfinite(curvature) else 0.0, 2.0 / lr)
    delta = max(1e-4 * length, 1e-8 * size, clear)
    nothing = Survey(curvature, math.nan)
    if not (math.isfinite(delta) and delta > 0.0 and x.size):
        return nothing
    bend = yield from _steepest(x, slope, gradient, toward, delta, rounds)
    if bend is None or not bend.curvature > 0.0:
        return nothing
    if not bend.settled:
        return Survey(bend.curvature, math.nan)
    top = bend.curvature + bend.residual
    largest, even = bend.curvature, not curvature > (1.0 + SAME) * top
    for far in ACROSS:
        beyond = x - min(far / bend.curvature, lr) * slope
        there = yield from gradient(beyond)
        bar = max(resolution, _bar(there)) * math.sqrt(x.size)
        longer = max(delta, CLEAR * bar / top)
        moved = yield from gradient(beyond + longer * bend.direction)
        again, secant = norm(moved.value - there.value) / longer, 0.0
        if norm(there.value - slope) > 100.0 * bar:
            secant = norm(there.value - slope) / norm(beyond - x)
        if not (math.isfinite(again) and math.isfinite(secant)) or _bar(moved) > 10.0 * bar:
            return Survey(largest, math.nan)
        largest = max(largest, again, secant) if far == ACROSS[0] else largest
        even = even and abs(again - bend.curvature) <= SAME * top and secant <= (1.0 + SAME) * top
    return Survey(largest, 2.0 / top if even and 2.0 / top < lr else math.nan)


def _bar(found: Gradient) -> float:
    """Return the largest bar of a gradient, 0 where a fixed step leaves none."""
    bars = np.asarray(found.error)
    return float(np.max(bars[np.isfinite(bars)], initial=0.0))


def _steepest(
    x: Floats, slope: Floats, gradient: Ask, toward: Floats, delta: float, rounds: int
) -> Generator[Request, Reply, _Bend | None]:
    """Run the Lanczos process with full orthogonalization; None where a gradient is not finite."""
    # The generic part keeps a start inside a flat valley from staying there.
    start = toward / (norm(toward) or 1.0) + generic(x.size)
    basis = [start / (norm(start) or 1.0)]
    images: list[Floats] = []
    bend = None
    for used in range(1, min(x.size, rounds, ROUNDS) + 1):
        image = ((yield from gradient(x + delta * basis[-1])).value - slope) / delta
        if not np.all(np.isfinite(image)):
            return bend
        images.append(image)
        v, hv = np.array(basis), np.array(images)
        projected = v @ hv.T
        curvatures, mixes = np.linalg.eigh(0.5 * (projected + projected.T))
        curvature, mix = float(curvatures[-1]), mixes[:, -1]
        residual = norm(mix @ hv - curvature * (mix @ v))
        settled = used == x.size or (used >= LEAST and residual <= SETTLED * abs(curvature))
        bend = _Bend(curvature, mix @ v, residual, settled)
        fresh = image if used != AFRESH else generic(x.size, 2.0**0.5)
        rest = fresh - v.T @ (v @ fresh)
        rest -= v.T @ (v @ rest)
        if settled or norm(rest) <= 1e-6 * norm(fresh):
            return _Bend(curvature, mix @ v, residual, residual <= SETTLED * abs(curvature))
        basis.append(rest / norm(rest))
    return bend
