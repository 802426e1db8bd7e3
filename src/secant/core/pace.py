"""The rate of a descent: a number, a list with one for each step, or measured as the run goes on.

A measured rate is half of ``1 / L`` or less, with ``L = |dg| / |dx|`` of the last step, and grows by no more than
``sqrt(1 + theta)`` from one step to the next, theta being what it grew by before: Y. Malitsky and K. Mishchenko,
*Adaptive gradient descent without descent*, ICML 2020, algorithm 1, which converges for every convex f whose gradient
is locally Lipschitz, and has nothing to choose. Rules:

* L of a step bounds the largest curvature from below only. A few power iterations sharpen it before the first step;
  after that a step that does not lower f is not taken: what f did tells a larger curvature, and it is tried again.
* A change of slope that is not above its own error says nothing: the rate is kept, or grows as far as the error allows.
* Rules that divide the slope have their curvature measured in the norm of their scale P: ``|dx|`` is the root of
  ``dx @ (P * dx)``, ``|dg|`` that of ``dg @ (dg / P)``. Motion is stopped before a rate is lowered: a function that
  rises by momentum says nothing of the rate (B. O'Donoghue and E. Candes, Found. Comput. Math. 15, 2015).
"""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import dataclass

import numpy as np

from secant.core.curvature import Ask, Gradient, generic, norm, value_at
from secant.core.request import UNIT_ROUNDOFF, Floats, Reply, Request
from secant.core.rules import Memory, Rule, rested, scale_of

#: Gradients that the power iteration may cost before the first step.
ROUNDS = 3
#: How far beside x it looks, as a share of the size of x, and how clear of its error a change of slope has to be there.
BESIDE, CLEAR = 1e-4, 1e3
#: A first step of which no curvature is known is no longer than this share of x.
BLIND = 0.1
#: A change of slope counts when it is so many times its error.
RESOLVED = 4.0
#: A step is taken when f falls by this part of what its slope promises (L. Armijo, Pacific J. Math. 16, 1966), noise
#: apart.
ENOUGH = 1e-4
#: So often a step is tried with a lower rate; then nothing lowers f.
TRIES = 12
#: A step that raised f lowers the rate by no less, and no more, than this; one that leads where f has no value, by
#: OUTSIDE.
LEAST, MOST, OUTSIDE = 0.5, 0.01, 0.1


@dataclass(slots=True)
class Measured:
    """A rate that is measured, and what it was measured with."""

    rate: float = math.nan
    growth: float = 0.0
    x: Floats | None = None
    slope: Floats | None = None
    bar: float = 0.0

    def seen(self, x: Floats, slope: Floats, bar: float, scale: Floats) -> None:
        """Take in the slope at the next point, and adapt the rate to it."""
        if self.x is not None and self.slope is not None:
            moved, turn = _long(x - self.x, scale), _steep(slope - self.slope, scale)
            blur = (bar + self.bar) / math.sqrt(float(np.min(scale)))
            if moved > 0.0 and math.isfinite(turn):
                self._adapt(moved, turn, blur)
        self.x, self.slope, self.bar = x, slope, bar

    def _adapt(self, moved: float, turn: float, blur: float) -> None:
        largest = self.rate * math.sqrt(1.0 + self.growth)
        most = turn if turn > RESOLVED * blur else turn + blur
        safe = 0.5 * moved / most if most > 0.0 else math.inf
        if safe < self.rate and turn <= RESOLVED * blur:
            safe = self.rate  # which error alone may not lower
        rate = min(largest, safe)
        if rate > 0.0 and math.isfinite(rate):
            self.growth, self.rate = rate / self.rate, rate

    def lowered(self, share: float) -> None:
        """Lower the rate to a share of itself."""
        self.rate *= share
        self.growth = 0.0


def _long(step: Floats, scale: Floats) -> float:
    """Return the length of a step in the norm of a scale."""
    return norm(step * np.sqrt(scale))


def _steep(slope: Floats, scale: Floats) -> float:
    """Return the length of a slope in the norm that belongs to it."""
    return norm(slope / np.sqrt(scale))


def bar_of(found: Gradient, step: float | None) -> float:
    """Return the error of a gradient as a whole; of a fixed step what the rounding of f leaves."""
    bars = np.asarray(found.error, dtype=np.float64)
    if step is not None:
        bars = np.full(bars.shape, 4.0 * UNIT_ROUNDOFF * abs(found.fun) / step)
    return norm(bars[np.isfinite(bars)])


def first_rate(x: Floats, found: Gradient, bar: float, gradient: Ask, rule: Rule) -> Generator[Request, Reply, float]:
    """Return half of one over the largest curvature that a few power iterations find at x, in the rule's scale."""
    slope = np.array(found.value, dtype=np.float64)
    scale = scale_of(rule, slope)
    size = norm(x) or 1.0
    way = slope / scale
    blind = BLIND * size / norm(way) if norm(way) > 0.0 else 1.0
    if not math.isfinite(norm(way)):
        return blind
    # The generic part keeps a start inside a flat valley from staying there; it is too short to cancel the other one.
    v = way / (norm(way) or 1.0) + 0.5 * generic(x.size)
    largest = 0.0
    for _ in range(min(ROUNDS, x.size)):
        v = v / (norm(v) or 1.0)
        delta = max(BESIDE * size, CLEAR * bar * blind / (norm(slope) or 1.0))
        beside = yield from gradient(x + delta * v)
        change = np.array(beside.value, dtype=np.float64) - slope
        if not np.all(np.isfinite(change)) or not norm(change) > RESOLVED * bar:
            break
        largest = max(largest, _steep(change, scale) / _long(delta * v, scale))
        v = change / scale
    return 0.5 / largest if largest > 0.0 else blind


@dataclass(frozen=True, slots=True)
class Taken:
    """A step that was taken: where to, f there, and what the rule remembers. ``x`` is None where nothing lowers f."""

    x: Floats | None
    fun: float
    memory: Memory


def downhill(
    x: Floats, found: Gradient, rule: Rule, memory: Memory, pace: Measured
) -> Generator[Request, Reply, Taken]:
    """Take a step that does not raise f by more than its noise, with the rate lowered as often as it takes."""
    slope, fun = np.array(found.value, dtype=np.float64), float(found.fun)
    noise = float(found.noise) if math.isfinite(found.noise) else 0.0
    allowed = fun + 4.0 * max(noise, UNIT_ROUNDOFF * abs(fun))
    stopped = False
    for _ in range(TRIES):
        with np.errstate(all="ignore"):
            ahead, after = rule.step(x, slope, pace.rate, memory)
        value = math.nan
        if np.all(np.isfinite(ahead)):
            value, _ = yield from value_at(ahead)
            if value <= allowed + ENOUGH * min(0.0, float(slope @ (ahead - x))):
                return Taken(ahead, value, after)
        calm = memory if stopped else rested(rule, memory)
        if calm is not memory:
            memory, stopped = calm, True
            continue
        pace.lowered(_share(value - fun, -float(slope @ (ahead - x))))
    return Taken(None, fun, memory)


def _share(rise: float, foretold: float) -> float:
    """Return the share of a rate at which a parabola through the rise has its floor."""
    if not (math.isfinite(rise) and foretold > 0.0):
        return OUTSIDE
    return min(LEAST, max(MOST, 0.5 * foretold / (foretold + rise)))
