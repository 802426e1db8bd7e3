"""What stands between a question and f: a memory, a clock, and an ear for Ctrl-C.

Rules:

* Everything that was paid for is kept until the answer is there, the values of a request that was cut short included,
  so that an answer can be made of it (:mod:`secant.core.salvage`). Of very many lines it may be forgotten
  before, when their slopes are known.
* f at the point itself is not asked for twice; when it was given (``f0=``) not once. A repetition is asked for, always.
* No call of f begins after the deadline; one that has begun is not broken off. The first call is always made: without
  it not even the shape of f's values would be known.
* KeyboardInterrupt ends the question and not the program: the answer says that it was cut short. It passes where there
  is nothing to show yet, where the question was asked inside another's f (the outer one has to end), and when it comes
  twice in a row: a program may ask question after question.
* f is handed ``seed=`` when the question was given one: the same random numbers at every point.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from math import inf, nan, prod
from time import monotonic
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from secant.core.errors import InputError
from secant.core.kept import Samples
from secant.core.request import OK, Floats, Interrupted, Reply, Request
from secant.evaluation.calls import seeded, timed
from secant.evaluation.evaluator import Evaluator
from secant.evaluation.how import USUAL, How
from secant.evaluation.returned import Errors, joined, pairing, values_of

if TYPE_CHECKING:
    from secant.evaluation.drivers import Asked

#: Ctrl-C ends the program when the last one, which ended a question, is no longer ago than so many seconds.
TWICE = 2.0


class Watch:
    """Evaluate for a question, keep what was paid for, and end it in good order.

    Parameters
    ----------
    asked : what calls f: an evaluator, or one with a driver above it.
    f0 : f(x), where it is known.
    keep : whether to keep all values (of a walk only f at the present point is of use).

    Attributes
    ----------
    evaluator : what knows f's values.
    evaluate : what answers requests, unwatched.
    also : watches over other functions that end with this one.
    errors : the standard errors of f's values, where f returns them as well.
    log : requests and replies so far.
    stopped : ``"deadline"`` or ``"keyboard"`` once the question was cut short; every request then ends at once.

    Raises
    ------
    InputError, InputTypeError : for an ``f0`` that is no finite value of f.

    >>> watch = Watch(Evaluator(lambda x: x * x, 3.0))
    >>> watch.reply(Request(watch.evaluator.base, None, (0.0, 1.0))).values
    [9.0, 16.0]
    >>> watch.reply(Request(watch.evaluator.base, None, (0.0,))).values, len(watch.samples())
    ([9.0], 2)
    """

    pressed: ClassVar[float] = -inf  # when Ctrl-C last ended a question
    __slots__ = ("_asked", "_given", "also", "errors", "evaluate", "evaluator", "keep", "log", "stopped")

    def __init__(
        self, asked: Evaluator | Asked, f0: Any = None, *, keep: bool = True, errors: Errors | None = None
    ) -> None:
        self.evaluate: Callable[[Request], Reply]
        if isinstance(asked, Evaluator):
            evaluator, self.evaluate = asked, asked.__call__  # quicker to call than the object
            self._asked = None
        else:
            evaluator, self.evaluate, self._asked = asked.evaluator, asked.evaluate, asked
        self.evaluator, self.keep = evaluator, keep
        self.also: tuple[Watch, ...] = ()
        self.errors = errors
        self.log: list[tuple[Request, Reply]] = []
        self.stopped = ""
        self._given: Any = None if f0 is None else evaluator.expect(f0)

    def __enter__(self) -> Watch:
        return self

    def __exit__(self, *_: object) -> None:
        if self._asked is not None:
            self._asked.close()
        for other in self.also:
            other.__exit__()

    def reply(self, request: Request) -> Reply:
        """Return the values of a request.

        Raises
        ------
        Interrupted : when the deadline has passed, or Ctrl-C came.
        """
        if self.stopped:
            raise Interrupted(self.stopped, self._fun(request.base))
        if 0.0 in request.t[:1] and (self.log or self._given is not None) and _opens(request):
            here = self._here(request.base)
            if here is not None:
                return self._from(here, request)
        try:
            reply = self.evaluate(request)
        except Interrupted as error:
            self.evaluator.evaluations -= 1  # it was counted, and never begun
            raise self._ended(request, error.reason) from None
        except KeyboardInterrupt:
            if not self.hears():
                raise
            raise self._ended(request, "keyboard") from None
        if self.keep:
            self.log.append((request, reply))
        elif _opens(request):
            self.log = [(request, reply)]
        return reply if self.errors is None else self.errors.apart(request, reply)

    def _from(self, here: Any, request: Request) -> Reply:
        """Have a request evaluated but for its first point, where f is known."""
        evaluator, row = self.evaluator, np.reshape(here, (1, -1))
        if self.errors is not None:
            one = Request(request.base, None, (0.0,))
            row = np.reshape(np.asarray(self.errors.apart(one, Reply(row, None, evaluator.eps)).values), (1, -1))
        if len(request.t) == 1:
            plain = type(request.t) is tuple and row.size == 1 and not evaluator.complex_values
            return Reply([row.item()] if plain else row, None, evaluator.eps)
        lane = None if request.lane is None else request.lane[1:]
        reply = self.reply(Request(request.base, lane, request.t[1:], request.directions))
        if isinstance(reply.values, list):
            values: Any = [row.item(), *reply.values]
        else:
            values = np.concatenate([row, reply.values])
        status = None if reply.status is None else np.concatenate([np.zeros(1, dtype=np.int8), reply.status])
        return Reply(values, status, reply.eps)

    def _here(self, base: Floats) -> Any:
        """Return f at a base, a float or flat, where it is known and finite; else None."""
        if self._given is not None and base is self.evaluator.base:
            return self._given
        for request, reply in self.log:
            if request.base is base and _opens(request):
                return reply.values[0] if np.isfinite(reply.values[0]).all() else None
        return None

    def _fun(self, base: Floats) -> float:
        """Return the same where f is one real number, else NaN."""
        here = self._here(base)
        if here is not None and self.errors is not None:
            here = np.split(here, 2)[0]
        if here is None or np.size(here) != 1 or np.iscomplexobj(here):
            return nan
        return float(np.reshape(here, ()))

    def part(self) -> None:
        """Part what f returned, for good: from here on its values are all there is, and nothing more is evaluated."""
        if self.errors is not None:
            self.log = [(request, values_of(request, reply)) for request, reply in self.log]
            if self.evaluator.value_shape:
                self.evaluator.value_shape = self.evaluator.value_shape[1:]

    def forget(self) -> None:
        """Let go of all values that were kept, f at the point itself apart: what they told is known by now."""
        for request, reply in self.log:
            if _opens(request):
                # Copies: a view would keep all of them.
                lane = None if request.lane is None else tuple(request.lane[:1])
                status = None if reply.status is None else reply.status[:1].copy()
                one = Request(request.base, lane, tuple(request.t[:1]), request.directions)
                self.log = [(one, Reply(np.array(reply.values[:1]), status, reply.eps))]
                return
        self.log = []

    def hears(self) -> bool:
        """Return whether Ctrl-C, which came just now, ends the question with an answer; else it has to pass."""
        if self.evaluator.value_shape is None or _inside():
            return False
        before, Watch.pressed = Watch.pressed, monotonic()
        return Watch.pressed - before > TWICE

    def _ended(self, request: Request, reason: str) -> Interrupted:
        """Keep what came of a request that was cut short, and return what ends the question."""
        self.stopped = reason
        rows, status = self.evaluator.paid
        count = len(rows)
        if count:
            width = prod(self.evaluator.value_shape or ())
            beside = request.imaginary or self.evaluator.complex_values
            values: Any = np.full((count, width), np.nan, np.complex128 if beside else np.float64)
            codes = np.zeros(count, dtype=np.int8)
            for j, row in enumerate(rows):
                codes[j] = status.get(j, OK)
                if codes[j] == OK:
                    values[j] = row
            lane = None if request.lane is None else request.lane[:count]
            part = Request(request.base, lane, request.t[:count], request.directions, request.repeat, request.imaginary)
            if self.keep or _opens(part):
                self.log.append((part, Reply(values, codes, self.evaluator.eps)))
        return Interrupted(reason, self._fun(request.base))

    def samples(self) -> Samples:
        """Return all that was kept, in the order of asking."""
        evaluator = self.evaluator
        size, shape = evaluator.base.size, evaluator.value_shape or ()
        along = [request.directions for request, _ in self.log if request.directions is not None]
        # Of a gradient the axes come first, and directions are for the check; of a direction there is nothing else.
        first = size if any(request.directions is None and any(request.t) for request, _ in self.log) else 0
        lanes, values = [], []
        for request, reply in self.log:
            count = len(reply.values)
            lane = np.zeros(count, np.intp) if request.lane is None else np.asarray(request.lane, np.intp)
            lanes.append(lane if request.directions is None else lane + first)
            values.append(np.reshape(np.asarray(reply.values), (count, *shape)))
        t = [np.asarray(request.t, np.float64) for request, _ in self.log]
        beside = [np.full(len(request.t), request.imaginary) for request, _ in self.log]
        return Samples(
            np.concatenate([*lanes, np.zeros(0, np.intp)]),
            np.concatenate([*t, np.zeros(0)]),
            np.concatenate(values) if values else np.zeros((0, *shape)),
            np.concatenate([*beside, np.zeros(0, np.bool_)]),
            along[0] if first and along else None,
        )


def _inside() -> bool:
    """Return whether this thread is inside an evaluation: the question at hand is then asked by another's f.

    It is asked when Ctrl-C came, and never before: to count along would cost every question.
    """
    drivers = sys.modules.get("secant.evaluation.drivers")
    codes = [Evaluator.__call__.__code__, *([] if drivers is None else [drivers.Driver.__call__.__code__])]
    frame = inspect.currentframe()
    while frame is not None and frame.f_code not in codes:
        frame = frame.f_back
    return frame is not None


def _opens(request: Request) -> bool:
    """Return whether a request asks for f at its base first, and not for a repetition."""
    t = request.t
    return len(t) > 0 and t[0] == 0.0 and not (request.repeat or request.imaginary)


def watched(
    f: Any,
    x: Any,
    how: How = USUAL,
    *,
    f0: Any = None,
    seed: int | None = None,
    keep: bool = True,
    args: tuple[Any, ...] = (),
    name: str = "f",
    x_name: str = "x",
    named: Any = None,
    returned: bool = False,
    **asked: Any,
) -> Watch:
    """Return the watch over f at x, for a ``with`` statement.

    Parameters
    ----------
    named : f as the person knows it, where it is another one.
    returned : whether f returns the standard error of its value as well (:mod:`secant.evaluation.returned`).
    asked : what is asked, as for :func:`secant.evaluation.drivers.evaluating`.

    Raises
    ------
    InputError, InputTypeError : for arguments that are not allowed.

    >>> with watched(lambda x, seed: seed + x, 1.0, seed=3) as watch:
    ...     watch.reply(Request(watch.evaluator.base, None, (0.0,))).values
    [4.0]
    """
    if hasattr(f, "log") and _recording(f):
        if returned:
            raise InputError("`noise='returned'` needs a function; what a recording keeps are values alone")
        watch = watched(f.f, x, how, f0=f0, seed=seed, keep=keep, args=args, name=name, x_name=x_name, **asked)
        watch.evaluate = f.kept(watch.evaluate)
        return watch
    named = f if named is None else named
    errors: Errors | None = None
    if returned:
        f, f0, errors = pairing(f, how.vectorized), None if f0 is None else joined(f0, name="f0"), Errors()
    called = seeded(f, seed) if seed is not None and callable(f) else f
    if how.plain and not hasattr(f, "reply"):
        if how.deadline is not None and callable(f):
            called = timed(called, how.deadline)
        evaluator = Evaluator(
            called, x, args=args, on_error=how.on_error, inplace=how.inplace, name=name, x_name=x_name
        )
        return Watch(evaluator, f0, keep=keep, errors=errors)
    from secant.evaluation.drivers import evaluating

    driven = evaluating(called, x, how, args=args, name=name, x_name=x_name, named=named, **asked)
    try:
        return Watch(driven, f0, keep=keep, errors=errors)
    except BaseException:
        driven.close()
        raise


def _recording(f: Any) -> bool:
    """Return whether f is a recording; what has a log may be anything."""
    from secant.evaluation.stand_in import Recording

    return isinstance(f, Recording)
