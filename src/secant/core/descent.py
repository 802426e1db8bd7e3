"""Gradient descent by several rules, with the path kept and a diagnosis at the end.

Rules: the loop is the textbook's, bit for bit, and never stops early by itself. What ends it is a value, a slope or a
point that is not finite, because nothing can follow; with a rate that is measured (:mod:`secant.core.pace`) also that
no step lowers f; and whoever listens. The start is copied, never written. A run that is interrupted ends with the last
point at which f is known. What is said about the run afterwards is in :mod:`secant.core.diagnosis`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

import numpy as np

from secant.core import pace
from secant.core.curvature import Ask, Gradient, value_at
from secant.core.diagnosis import diagnose
from secant.core.errors import InputError
from secant.core.request import Floats, Interrupted, Reply, Request, run
from secant.core.results import CUT_SHORT, Event
from secant.core.rules import Memory, Plain, Rule, scale_of
from secant.core.sightings import Finding, Trace
from secant.core.verdicts import DescentVerdict

#: What ended a run before its time, in words.
ENDS = {**CUT_SHORT, "callback": "ended by the callback"}
#: A rate for all steps, one for each, or "auto": measured.
Rate: TypeAlias = float | Sequence[float] | Literal["auto"]
#: Who listens: told iteration, x, f, slope and rate before each step, returns whether the run is to end there.
Listener: TypeAlias = Callable[[int, Floats, float, Floats, float], bool]


@dataclass(slots=True)
class _Trail:
    """What a descent writes down on its way: points, f there, and what belongs to the steps."""

    path: list[Floats]
    values: list[float] = field(default_factory=list)
    slopes: list[Floats] = field(default_factory=list)
    bars: list[Floats] = field(default_factory=list)
    noises: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)

    def take(self, slope: Floats, found: Gradient, x: Floats, rate: float) -> None:
        """Write down a step to x."""
        self.bars.append(np.array(found.error, dtype=np.float64))
        self.noises.append(float(found.noise))
        self.rates.append(rate)
        self.path.append(x)
        self.slopes.append(slope)

    def trace(self, rule: Rule, step: float | None, asked: int, measured: bool, failed: bool = False) -> Trace:
        """Return what a diagnosis looks at."""
        shape = (len(self.slopes), self.path[0].size)
        slopes, bars = np.array(self.slopes).reshape(shape), np.array(self.bars).reshape(shape)
        return Trace(
            np.array(self.path), np.array(self.values), slopes, bars, np.array(self.noises), np.array(self.rates),
            rule, step, asked, failed, measured,
        )  # fmt: skip

    def cut(self, fun: float) -> None:
        """End where the last whole step led, if f is known there (``fun``), else one before it.

        Wherever the run was cut, the lists come out as long as they belong.
        """
        steps = min(len(self.slopes), len(self.path) - 1)
        if len(self.values) == steps and math.isfinite(fun):
            self.values.append(fun)
        steps = max(0, min(steps, len(self.values) - 1))
        del self.path[steps + 1 :], self.values[steps + 1 :]
        del self.slopes[steps:], self.bars[steps:], self.noises[steps:], self.rates[steps:]
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
    lr : the learning rate of the last step.
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
    x0: Floats,
    gradient: Ask,
    *,
    lr: Rate,
    iterations: int,
    step: float | None,
    rule: Rule = Plain(),  # noqa: B008 - it is frozen
    heard: Listener | None = None,
) -> Generator[Request, Reply, Walk]:
    """Walk ``iterations`` steps downhill from x0, and say how it went.

    Parameters
    ----------
    x0 : (n,) float64 array, never written to.
    gradient : core of the gradient at a point; asked once a step. The last point costs one value only. A diagnosis
        may ask a few more: gradients near the lowest point when the rate was too large (at most fourteen, eight after
        a short run), one when it was too small; eight values near the lowest point to tell noise, and eight or
        sixteen further downhill to tell steps that are too short, with twenty gradients where those leave it open.
    lr : the learning rate, positive and finite; one for each step; or "auto".
    iterations : number of steps, zero or more.
    step : the fixed step of the differences, or None when ``gradient`` brings error bars.
    rule : how a slope becomes a step.
    heard : who is told of each step before it is taken, and may end the run.

    Raises
    ------
    InputError : ``lr`` or ``iterations`` is not allowed.

    Verdicts are those of :class:`DescentVerdict`; sources are named in :mod:`secant.core.rules`.

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
    if iterations < 0:
        raise InputError(f"`iterations` must be 0 or more, got {iterations!r}")
    lr = _allowed(lr, iterations)
    trail = _Trail([np.array(x0, dtype=np.float64)])
    stopped, trace = "", None
    finding = Finding(DescentVerdict.BUDGET)
    try:
        end = yield from _walk(trail, gradient, lr, iterations, step, rule, heard)
        stopped = "callback" if end == "heard" else ""
        done = len(trail.slopes) if end == "nowhere" else iterations
        trace = trail.trace(rule, step, done, lr == "auto", end == "failed")
        if not stopped:
            finding = yield from diagnose(trace, gradient)
            if end == "nowhere":
                finding = _nowhere(finding, trace, iterations)
    except Interrupted as error:
        stopped = error.reason
        trail.cut(error.fun)
    except KeyboardInterrupt:  # between two evaluations
        stopped = "keyboard"
        trail.cut(math.nan)
    steps = len(trail.slopes)
    if stopped or trace is None:
        trace = trail.trace(rule, step, steps, lr == "auto")
        finding = _cut_short(trace, gradient, f"{ENDS[stopped]} after {steps} of {iterations} iterations", stopped)
    last = trail.rates[-1] if trail.rates else lr if isinstance(lr, float) else math.nan
    return Walk(
        trail.path[-1], trail.values[-1], steps, finding.verdict, finding.events, trace.path, trace.values, last,
        finding.note, stopped,
    )  # fmt: skip


def _allowed(lr: Rate, iterations: int) -> Rate:
    """Return rates that are allowed, or raise."""
    if isinstance(lr, str):
        return lr
    if isinstance(lr, float | int):
        if not (math.isfinite(lr) and lr > 0.0):
            raise InputError(f"`lr` must be positive and finite, got {lr!r}")
        return float(lr)
    if len(lr) < iterations:
        raise InputError(f"`lr` must have a rate for each of {iterations} iterations, got {len(lr)}")
    for k, rate in enumerate(lr):
        if not (math.isfinite(rate) and rate > 0.0):
            raise InputError(f"`lr` must be positive and finite, got {rate!r} for iteration {k}")
    return lr


End: TypeAlias = Literal["", "failed", "heard", "nowhere"]


def _walk(
    trail: _Trail,
    gradient: Ask,
    lr: Rate,
    iterations: int,
    step: float | None,
    rule: Rule,
    heard: Listener | None,
) -> Generator[Request, Reply, End]:
    """Take the steps, and write them down; return what ended them: f that failed, a listener, no way down."""
    x, known = trail.path[0], math.nan
    memory: Memory = ()
    measured = pace.Measured() if isinstance(lr, str) else None
    while (k := len(trail.slopes)) < iterations:
        found = yield from gradient(x)
        slope = np.array(found.value, dtype=np.float64)
        trail.values.append(float(found.fun))
        if not (math.isfinite(trail.values[-1]) and np.all(np.isfinite(slope))):
            return ""
        if measured is None:
            rate = lr if isinstance(lr, float) else float(lr[k])
        else:
            yield from _measure(measured, x, found, slope, gradient, step, rule, memory)
            rate = measured.rate
        if heard is not None and heard(k, x, trail.values[-1], slope, rate):
            return "heard"
        if measured is None:
            with np.errstate(all="ignore"):
                x, memory = rule.step(x, slope, rate, memory)
        else:
            taken = yield from pace.downhill(x, found, rule, memory, measured)
            if taken.x is None:
                trail.take(slope, found, x, measured.rate)
                trail.values.append(trail.values[-1])
                return "nowhere"
            x, memory, known, rate = taken.x, taken.memory, taken.fun, measured.rate
        trail.take(slope, found, x, rate)
        if not np.all(np.isfinite(x)):
            trail.values.append(math.nan)
            return ""
    failed = False
    if not math.isfinite(known):
        known, failed = yield from value_at(x)
    trail.values.append(known)
    return "failed" if failed else ""


def _measure(
    measured: pace.Measured,
    x: Floats,
    found: Gradient,
    slope: Floats,
    gradient: Ask,
    step: float | None,
    rule: Rule,
    memory: Memory,
) -> Generator[Request, Reply, None]:
    """Measure the rate at x."""
    bar = pace.bar_of(found, step)
    if measured.x is None:
        measured.rate = yield from pace.first_rate(x, found, bar, gradient, rule)
    measured.seen(x, slope, bar, scale_of(rule, slope, memory))


def _nowhere(finding: Finding, trace: Trace, iterations: int) -> Finding:
    """Say of a run that it ended because no step lowered f any more."""
    note = f"no step lowers f after {len(trace.slopes)} of {iterations} iterations"
    return replace(finding, note=f"{note}; {finding.note}" if finding.note else note)


def _cut_short(trace: Trace, gradient: Ask, done: str, stopped: str) -> Finding:
    """Judge a run that was cut short by what it saw: whatever a diagnosis asks for is answered with NaN.

    A verdict that needed an answer is none, but for a rate that is too large: there the answers would only have told
    which one is not. Whoever listened knows why the run was to end: there is no verdict then.
    """
    if not len(trace.slopes) and stopped == "callback":
        return Finding(DescentVerdict.BUDGET, note=done)
    if not len(trace.slopes):
        return Finding(DescentVerdict.BUDGET, note=f"{done}, before the slope was known")
    unanswered: list[Request] = []

    def nothing(request: Request) -> Reply:
        unanswered.append(request)
        return Reply(np.full((len(request.t), 1), np.nan))

    finding = run(diagnose(trace, gradient), nothing)
    if stopped == "callback":
        return Finding(DescentVerdict.BUDGET, finding.events, done)
    if unanswered and finding.verdict is not DescentVerdict.LR_TOO_LARGE:
        return Finding(DescentVerdict.BUDGET, note=done)
    return Finding(finding.verdict, finding.events, f"{done}; {finding.note}" if finding.note else done)
