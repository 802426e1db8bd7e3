"""Plain gradient descent, ``x = x - lr * gradient(x)``, with the path kept and a diagnosis at the end.

Rules: the loop is the textbook's, bit for bit, and never stops early by itself; only a value, a slope or a point
that is not finite ends it, because nothing can follow. The start is copied, never written. A run that is interrupted
ends with the last point at which f is known. What is said about the run afterwards is in :mod:`secant.core.diagnosis`.
"""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import dataclass, field

import numpy as np

from secant.core.curvature import Ask, Gradient, value_at
from secant.core.diagnosis import Finding, diagnose
from secant.core.errors import InputError
from secant.core.request import Floats, Interrupted, Reply, Request, run
from secant.core.results import CUT_SHORT, Event
from secant.core.sightings import Trace
from secant.core.verdicts import DescentVerdict


@dataclass(slots=True)
class _Trail:
    """What a descent writes down on its way: points, f there, and what belongs to the steps."""

    path: list[Floats]
    values: list[float] = field(default_factory=list)
    slopes: list[Floats] = field(default_factory=list)
    bars: list[Floats] = field(default_factory=list)
    noises: list[float] = field(default_factory=list)

    def take(self, slope: Floats, found: Gradient, x: Floats) -> None:
        """Write down a step to x."""
        self.bars.append(np.array(found.error, dtype=np.float64))
        self.noises.append(float(found.noise))
        self.path.append(x)
        self.slopes.append(slope)

    def trace(self, lr: float, step: float | None, asked: int, failed: bool = False) -> Trace:
        """Return what a diagnosis looks at."""
        shape = (len(self.slopes), self.path[0].size)
        slopes, bars = np.array(self.slopes).reshape(shape), np.array(self.bars).reshape(shape)
        return Trace(
            np.array(self.path), np.array(self.values), slopes, bars, np.array(self.noises), lr, step, asked, failed
        )

    def cut(self, fun: float) -> None:
        """End where the last whole step led, if f is known there (``fun``), else one before it.

        Wherever the run was cut, the lists come out as long as they belong.
        """
        steps = len(self.slopes)
        if len(self.values) == steps and math.isfinite(fun):
            self.values.append(fun)
        steps = max(0, min(steps, len(self.values) - 1))
        del self.path[steps + 1 :], self.values[steps + 1 :]
        del self.slopes[steps:], self.bars[steps:], self.noises[steps:]
        if not self.values:
            self.values.append(math.nan)


@dataclass(frozen=True, slots=True)
class Walk:
    """A descent in flat coordinates.

    Attributes
    ----------
    x : (n,) the last point.   fun : f there.
    iterations : steps taken.
    verdict, events, note : how it ended, what was noticed on the way in order of iteration, and a word more.
    path : (iterations + 1, n) the points visited.   values : (iterations + 1,) f there.
    lr : the learning rate.
    stopped : what cut the run short, if anything did.
    """

    x: Floats
    fun: float
    iterations: int
    verdict: DescentVerdict
    events: tuple[Event, ...]
    path: Floats
    values: Floats
    lr: float
    note: str = ""
    stopped: str = ""


def gradient_descent(
    x0: Floats, gradient: Ask, *, lr: float, iterations: int, step: float | None
) -> Generator[Request, Reply, Walk]:
    """Walk ``iterations`` steps of ``-lr * gradient`` from x0, and say how it went.

    Parameters
    ----------
    x0 : (n,) float64 array, never written to.
    gradient : core of the gradient at a point; asked once a step. The last point costs one value only. A diagnosis
        may ask a few more: gradients near the lowest point when the rate was too large (at most fourteen, eight after
        a short run), one when it was too small; eight values near the lowest point to tell noise, and eight further
        downhill to tell steps that are too short.
    lr : the learning rate, positive and finite.
    iterations : number of steps, zero or more.
    step : the fixed step of the differences, or None when ``gradient`` brings error bars.

    Raises
    ------
    InputError : ``lr`` or ``iterations`` is not allowed.

    Verdicts are those of :class:`DescentVerdict`; the method is Cauchy's (1847).

    >>> from secant.core.request import run
    >>> from types import SimpleNamespace
    >>> def gradient(x):
    ...     reply = yield Request(x, None, (0.0, 1e-4, -1e-4))
    ...     f, right, left = reply.values
    ...     return SimpleNamespace(value=np.array([right - left]) / 2e-4, error=np.array([np.nan]), fun=f, noise=np.nan)
    >>> core = gradient_descent(np.array([3.0]), gradient, lr=0.1, iterations=100, step=1e-4)
    >>> print(run(core, lambda request: Reply([float(request.base[0] + t) ** 2 for t in request.t])).verdict)
    converged
    """
    if not (math.isfinite(lr) and lr > 0.0):
        raise InputError(f"`lr` must be positive and finite, got {lr!r}")
    if iterations < 0:
        raise InputError(f"`iterations` must be 0 or more, got {iterations!r}")
    trail = _Trail([np.array(x0, dtype=np.float64)])
    stopped, trace = "", None
    finding = Finding(DescentVerdict.BUDGET)
    try:
        failed = yield from _walk(trail, gradient, lr, iterations)
        trace = trail.trace(lr, step, iterations, failed)
        finding = yield from diagnose(trace, gradient)
    except Interrupted as error:
        stopped = error.reason
        trail.cut(error.fun)
    except KeyboardInterrupt:  # between two evaluations
        stopped = "keyboard"
        trail.cut(math.nan)
    steps = len(trail.slopes)
    if stopped or trace is None:
        trace = trail.trace(lr, step, steps)
        finding = _cut_short(trace, gradient, f"{CUT_SHORT[stopped]} after {steps} of {iterations} iterations")
    return Walk(
        trail.path[-1], trail.values[-1], steps, finding.verdict, finding.events, trace.path, trace.values, lr,
        finding.note, stopped,
    )  # fmt: skip


def _walk(trail: _Trail, gradient: Ask, lr: float, iterations: int) -> Generator[Request, Reply, bool]:
    """Take the steps, and write them down; return whether f failed at the end."""
    x = trail.path[0]
    while len(trail.slopes) < iterations:
        found = yield from gradient(x)
        slope = np.array(found.value, dtype=np.float64)
        trail.values.append(float(found.fun))
        if not (math.isfinite(trail.values[-1]) and np.all(np.isfinite(slope))):
            return False
        with np.errstate(all="ignore"):
            x = x - lr * slope
        trail.take(slope, found, x)
        if not np.all(np.isfinite(x)):
            trail.values.append(math.nan)
            return False
    value, failed = yield from value_at(x)
    trail.values.append(value)
    return failed


def _cut_short(trace: Trace, gradient: Ask, done: str) -> Finding:
    """Judge a run that was cut short by what it saw: whatever a diagnosis asks for is answered with NaN.

    A verdict that needed an answer is none, but for a rate that is too large: there the answers would only have told
    which one is not.
    """
    if not len(trace.slopes):
        return Finding(DescentVerdict.BUDGET, note=f"{done}, before the slope was known")
    unanswered: list[Request] = []

    def nothing(request: Request) -> Reply:
        unanswered.append(request)
        return Reply(np.full((len(request.t), 1), np.nan))

    finding = run(diagnose(trace, gradient), nothing)
    if unanswered and finding.verdict is not DescentVerdict.LR_TOO_LARGE:
        return Finding(DescentVerdict.BUDGET, note=done)
    return Finding(finding.verdict, finding.events, f"{done}; {finding.note}" if finding.note else done)
