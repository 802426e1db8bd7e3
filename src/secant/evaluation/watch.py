"""What stands between a question and f: a memory, a clock, and an ear for Ctrl-C.

Rules:

* Everything that was paid for is kept until the answer is there, the values of a request that was cut short included,
  so that an answer can be made of it (:mod:`secant.core.salvage`).
* f at the point itself is not asked for twice; when it was given (``f0=``) not once. A repetition is asked for, always.
* No call of f begins after the deadline; one that has begun is not broken off. The first call is always made: without
  it not even the shape of f's values would be known.
* KeyboardInterrupt ends the question and not the program: the answer says that it was cut short. It passes where there
  is nothing to show yet, and where the question was asked inside another's f: the outer one has to end.
* f is handed ``seed=`` when the question was given one: the same random numbers at every point.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from math import nan
from typing import TYPE_CHECKING, Any

import numpy as np

from secant.core.request import OK, Floats, Interrupted, Reply, Request
from secant.core.results import Samples
from secant.evaluation.calls import seeded, timed
from secant.evaluation.evaluator import Evaluator
from secant.evaluation.how import USUAL, How

if TYPE_CHECKING:
    from secant.evaluation.drivers import Asked


class Watch:
    """Evaluate for a question, keep what was paid for, and end it in good order.

    Parameters
    ----------
    asked : what calls f: an evaluator, or one with a driver above it.
    keep : whether to keep all values (of a walk only f at the present point is of use).

    Attributes
    ----------
    evaluator : what knows f's values.
    evaluate : what answers requests, unwatched.
    log : requests and replies so far.
    stopped : ``"deadline"`` or ``"keyboard"`` once the question was cut short; every request then ends at once.

    >>> watch = Watch(Evaluator(lambda x: x * x, 3.0))
    >>> watch(Request(watch.evaluator.base, None, (0.0, 1.0))).values
    [9.0, 16.0]
    >>> watch(Request(watch.evaluator.base, None, (0.0,))).values, len(watch.samples())
    ([9.0], 2)
    """

    __slots__ = ("_asked", "_base", "_here", "evaluate", "evaluator", "keep", "log", "stopped")

    def __init__(self, asked: Evaluator | Asked, keep: bool = True) -> None:
        if isinstance(asked, Evaluator):
            self.evaluator: Evaluator = asked
            self.evaluate: Callable[[Request], Reply] = asked
            self._asked = None
        else:
            self.evaluator, self.evaluate, self._asked = asked.evaluator, asked.evaluate, asked
        self.keep = keep
        self.log: list[tuple[Request, Reply]] = []
        self.stopped = ""
        self._base: Floats | None = None
        self._here: Any = None  # f at that base, a float or flat, where it is known and finite

    def __enter__(self) -> Watch:
        return self

    def __exit__(self, *_: object) -> None:
        if self._asked is not None:
            self._asked.close()

    def close(self) -> None:
        """Give back what is held: a journal, processes."""
        self.__exit__()

    def __call__(self, request: Request) -> Reply:
        """Return the values of a request.

        Raises
        ------
        Interrupted : when the deadline has passed, or Ctrl-C came.
        """
        if self.stopped:
            raise Interrupted(self.stopped, self.fun)
        whole = None
        if self._here is not None and request.base is self._base and _opens_here(request):
            whole = request
            if len(request.t) == 1:
                return self._opened(None, request)
            lane = None if request.lane is None else request.lane[1:]
            request = Request(request.base, lane, request.t[1:], request.directions)
        try:
            reply = self.evaluate(request)
        except Interrupted as error:
            self.evaluator.evaluations -= 1  # it was counted, and never begun
            raise self._ended(request, error.reason) from None
        except KeyboardInterrupt:
            if self.evaluator.value_shape is None or _under_way() > 1:
                raise
            raise self._ended(request, "keyboard") from None
        if self.keep:
            self.log.append((request, reply))
        if self._here is None or request.base is not self._base:
            self._look(request, reply)
        return reply if whole is None else self._opened(reply, whole)

    @property
    def listening(self) -> bool:
        """Whether Ctrl-C between evaluations may end the question with an answer."""
        return self.evaluator.value_shape is not None and not _under_way()

    @property
    def here(self) -> list[complex]:
        """f at the base of the latest request, all outputs (real and imaginary parts apart); empty where unknown."""
        if self._here is None:
            return []
        flat = np.reshape(self._here, -1)
        found: list[complex] = (np.concatenate([flat.real, flat.imag]) if np.iscomplexobj(flat) else flat).tolist()
        return found

    @property
    def fun(self) -> float:
        """The same where f is one real number, else NaN."""
        return self.here[0].real if len(self.here) == 1 else nan

    def expect(self, value: Any) -> None:
        """Take f(x) as known.

        >>> watch = Watch(Evaluator(lambda x: x * x, 3.0))
        >>> watch.expect(9.0)
        >>> watch(Request(watch.evaluator.base, None, (0.0, 1.0))).values, watch.evaluator.evaluations
        ([9.0, 16.0], 1)
        """
        flat = self.evaluator.expect(value)
        if np.isfinite(flat).all():
            plain = not self.evaluator.value_shape and not self.evaluator.complex_values
            self._base, self._here = self.evaluator.base, flat.item() if plain else flat

    def _opened(self, reply: Reply | None, request: Request) -> Reply:
        """Put f at the point before the other values of a request."""
        here = self._here
        if type(here) is float and type(request.t) is tuple:
            values: Any = [here] if reply is None else [here, *np.reshape(reply.values, -1).tolist()]
        else:
            rest = [] if reply is None else [np.reshape(reply.values, (len(reply.values), -1))]
            values = np.concatenate([np.reshape(here, (1, -1)), *rest])
        status = None
        if reply is not None and reply.status is not None:
            status = np.concatenate([np.array([OK], dtype=np.int8), reply.status])
        return Reply(values, status, self.evaluator.eps)

    def _look(self, request: Request, reply: Reply) -> None:
        """Note f at the base of a request, where it is told."""
        self._base, self._here = request.base, None
        if len(reply.values) and _opens_here(request):
            here: Any = reply.values[0]
            finite = here - here == 0.0 if type(here) is float else np.isfinite(here).all()
            self._here = here if finite else None

    def _ended(self, request: Request, reason: str) -> Interrupted:
        """Keep what came of a request that was cut short, and return what ends the question."""
        self.stopped = reason
        rows, status = self.evaluator.paid
        count = len(rows)
        if request.base is not self._base:
            self._base, self._here = request.base, None
        if count:
            width = int(np.prod(self.evaluator.value_shape or ()))
            beside = request.imaginary or self.evaluator.complex_values
            values: Any = np.full((count, width), np.nan, np.complex128 if beside else np.float64)
            codes = np.zeros(count, dtype=np.int8)
            for j, row in enumerate(rows):
                codes[j] = status.get(j, OK)
                if codes[j] == OK:
                    values[j] = row
            lane = None if request.lane is None else np.asarray(request.lane)[:count]
            part = Request(request.base, lane, request.t[:count], request.directions, request.repeat, request.imaginary)
            reply = Reply(values, codes, self.evaluator.eps)
            if self.keep:
                self.log.append((part, reply))
            if self._here is None:
                self._look(part, reply)
        return Interrupted(reason, self.fun)

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


def _under_way() -> int:
    """Return how many watched evaluations are under way, one inside the other, in this thread.

    It is asked when Ctrl-C came, and never before: to count along would cost every question.
    """
    frame = inspect.currentframe()
    count = 0
    while frame is not None:
        count += frame.f_code is Watch.__call__.__code__
        frame = frame.f_back
    return count


def _opens_here(request: Request) -> bool:
    """Return whether a request asks for f at its base first, and not for a repetition."""
    t = request.t
    return len(t) > 0 and t[0] == 0.0 and not request.repeat and not request.imaginary


def watched(
    f: Any,
    x: Any,
    how: How = USUAL,
    *,
    f0: Any = None,
    seed: Any = None,
    keep: bool = True,
    args: tuple[Any, ...] = (),
    x_name: str = "x",
    **asked: Any,
) -> Watch:
    """Return the watch over f at x, for a ``with`` statement; ``asked`` says what is asked, as for ``evaluating``.

    Raises
    ------
    InputError, InputTypeError : for arguments that are not allowed.

    >>> with watched(lambda x, seed: seed + x, 1.0, seed=3) as watch:
    ...     watch(Request(watch.evaluator.base, None, (0.0,))).values
    [4.0]
    """
    if hasattr(f, "log") and _recording(f):
        watch = watched(f.f, x, how, f0=f0, seed=seed, keep=keep, args=args, x_name=x_name, **asked)
        watch.evaluate = f.kept(watch.evaluate)
        return watch
    called = seeded(f, seed) if seed is not None and callable(f) else f
    if how.plain and not hasattr(f, "reply"):
        if how.deadline is not None and callable(f):
            called = timed(called, how.deadline)
        evaluator = Evaluator(called, x, args=args, on_error=how.on_error, inplace=how.inplace, x_name=x_name)
        watch = Watch(evaluator, keep)
    else:
        from secant.evaluation.drivers import evaluating

        watch = Watch(evaluating(called, x, how, args=args, x_name=x_name, named=f, **asked), keep)
    if f0 is not None:
        try:
            watch.expect(f0)
        except BaseException:
            watch.close()
            raise
    return watch


def _recording(f: Any) -> bool:
    """Return whether f is a recording; what has a log may be anything."""
    from secant.evaluation.stand_in import Recording

    return isinstance(f, Recording)
