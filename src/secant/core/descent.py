"""Plain gradient descent, ``x = x - lr * gradient(x)``, with the path kept and a diagnosis at the end.

Rules: the loop is the textbook's, bit for bit, and never stops early by itself; only a value, a slope or a point
that is not finite ends it, because nothing can follow. The start is copied, never written. What is said about the
run afterwards is in :mod:`secant.core.diagnosis`.
"""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import dataclass

import numpy as np

from secant.core.curvature import Ask, value_at
from secant.core.diagnosis import diagnose
from secant.core.errors import InputError
from secant.core.request import Floats, Reply, Request
from secant.core.results import Event
from secant.core.sightings import Trace
from secant.core.verdicts import DescentVerdict


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
    x = np.array(x0, dtype=np.float64)
    path, values = [x], []
    slopes: list[Floats] = []
    bars: list[Floats] = []
    noises: list[float] = []
    failed = False
    while len(slopes) < iterations:
        found = yield from gradient(x)
        slope = np.array(found.value, dtype=np.float64)
        values.append(float(found.fun))
        if not (math.isfinite(values[-1]) and np.all(np.isfinite(slope))):
            break
        slopes.append(slope)
        bars.append(np.array(found.error, dtype=np.float64))
        noises.append(float(found.noise))
        with np.errstate(all="ignore"):
            x = x - lr * slope
        path.append(x)
        if not np.all(np.isfinite(x)):
            values.append(math.nan)
            break
    else:
        value, failed = yield from value_at(x)
        values.append(value)
    shape = (len(slopes), x.size)
    trace = Trace(
        np.array(path), np.array(values), np.array(slopes).reshape(shape), np.array(bars).reshape(shape),
        np.array(noises), lr, step, iterations, failed,
    )  # fmt: skip
    finding = yield from diagnose(trace, gradient)
    return Walk(x, values[-1], len(slopes), finding.verdict, finding.events, trace.path, trace.values, lr, finding.note)
