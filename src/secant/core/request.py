"""The conversation between an algorithm and whatever evaluates f.

An algorithm is a generator: it yields a :class:`Request`, is sent a :class:`Reply`, and returns its
result. It never calls f. Rules:

* A request is lazy: it names points as ``base + t[j] * direction(lane[j])`` and leaves it to the
  evaluator to make them, a few at a time.
* Without ``directions`` a lane is the index of a coordinate. The evaluator adds in the leaf's own
  dtype, so that a core which rounds the same way knows the step that was really taken.
* ``t == 0`` is the point itself: there f must succeed, and its exception passes through.
* A reply never contains an exception, only a status.
* When there will be no reply any more (a deadline, Ctrl-C), :class:`Interrupted` is raised where the core waits. A core
  that has something to show catches it and returns that; the others let it pass.

Requests and replies are made by the thousand, and a frozen dataclass takes twice as long to make: these two are not
frozen, and are treated as if they were.

The pattern is that of protocol libraries without I/O (h11) and of reverse communication (ARPACK).
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from math import nan
from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]

#: Status of one point in a reply.
OK, NOT_FINITE, OUTSIDE, FAILED = 0, 1, 2, 3

#: Unit roundoff of float64: half the spacing of doubles just above 1.
UNIT_ROUNDOFF = 2.0**-53


@dataclass(slots=True)
class Request:
    """Ask for f at ``base + t[j] * direction(lane[j])``, for each j. Nobody writes to a request once it is made.

    Parameters
    ----------
    base : (n,) float64 array, never written to.
    lane : k integers, or None when every point lies on lane 0.
    t : k floats (array or tuple): the signed distance along the lane.
    directions : (lanes, n) float64 array, or None for the coordinate axes.
    repeat : running number of a repetition of the same points (0 the first time), so that a noise
        probe which asks the same point four times gets four values.
    imaginary : ask for f at ``base + 1j * t[j] * direction(lane[j])`` instead, beside the real axis; the values
        are complex128.

    >>> request = Request(np.zeros(2), (0, 0, 1), (0.0, 0.5, 0.5))
    >>> len(request.t)
    3
    """

    base: Floats
    lane: Sequence[int] | NDArray[np.intp] | None
    t: Sequence[float] | Floats
    directions: Floats | None = None
    repeat: int = 0
    imaginary: bool = False


@dataclass(slots=True)
class Reply:
    """The values of a request. Nobody writes to a reply once it is made.

    Parameters
    ----------
    values : (k, m) float64 or complex128 array; NaN where the status is not ok (of a point that is not finite, where
        the output is not). For a scalar function of a request whose ``t`` is a tuple, a list of k floats (the plain
        tempo).
    status : (k,) int8 array of OK, NOT_FINITE, OUTSIDE, FAILED, or None when all are ok.
    eps : unit roundoff of f's output: 2**-53 for float64, 2**-24 for float32, 2**-11 for float16.

    >>> Reply([1.0, 2.0]).status is None
    True
    """

    values: Floats | NDArray[np.complex128] | list[float]
    status: NDArray[np.int8] | None = None
    eps: float = UNIT_ROUNDOFF


class Interrupted(BaseException):
    """There will be no further replies.

    It is not an Exception: nobody who takes those for the end of a domain may catch it.

    Parameters
    ----------
    reason : what ended it, ``"deadline"`` or ``"keyboard"``.
    fun : f at the base of the request that was cut short, where it is one number and known; else NaN.

    >>> Interrupted("deadline").fun
    nan
    """

    def __init__(self, reason: str, fun: float = nan) -> None:
        self.reason, self.fun = reason, fun


R = TypeVar("R")
Core: TypeAlias = Generator[Request, Reply, R]
Evaluate: TypeAlias = Callable[[Request], Reply]


def run(core: Generator[Request, Reply, R], evaluate: Callable[[Request], Reply]) -> R:
    """Drive a core to its result: the only loop there is.

    An exception of ``evaluate`` passes through to the caller, and the core is closed. Only :class:`Interrupted` is
    handed to the core, which may return what it has.

    >>> def core():
    ...     reply = yield Request(np.zeros(1), None, (0.0, 1.0))
    ...     return reply.values[1] - reply.values[0]
    >>> run(core(), lambda request: Reply([3.0 * t for t in request.t]))
    3.0
    """
    reply: Any = None
    stopped: Interrupted | None = None
    try:
        while True:
            try:
                request = core.send(reply) if stopped is None else core.throw(stopped)
            except StopIteration as stop:
                result: R = stop.value
                return result
            try:
                reply, stopped = evaluate(request), None
            except Interrupted as error:
                stopped = error
    finally:
        stopped = None  # it holds this frame, and through it everything that is under way
        core.close()
