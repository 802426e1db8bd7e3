"""What may stand in place of f: whatever answers requests.

Rules:

* An evaluator has one method, ``reply``: it is handed a :class:`Request` and returns a :class:`Reply`. A question
  takes it where it takes f, and asks it for batches of points instead of calling it for one. How it evaluates is its
  own business, so that only a journal, progress and a deadline go with it.
* What it returns is looked at as f's values are: the widths must agree, and x itself must have a value.
* A :class:`Recording` of f is evaluated as f is, and keeps what was asked and answered; its ``replay`` answers the
  same questions again without f. A :class:`MockEvaluator` answers from a table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import isnan, nan
from typing import Any, Protocol, runtime_checkable

import numpy as np

from secant.core.errors import InputError, InputTypeError, OutputError, kind_of
from secant.core.request import FAILED, NOT_FINITE, OK, OUTSIDE, UNIT_ROUNDOFF, Reply, Request
from secant.evaluation.evaluator import Evaluator as Own
from secant.evaluation.evaluator import OnError


@runtime_checkable
class Evaluator(Protocol):
    """Whatever answers requests, and may stand in place of f.

    >>> class Squares:
    ...     def reply(self, request):
    ...         return Reply([float(request.base[0] + t) ** 2 for t in request.t])
    >>> import secant
    >>> secant.derivative(Squares(), 3.0).value
    6.0
    """

    def reply(self, request: Request) -> Reply:
        """Return the values at the points of a request, a status each, and their precision."""


class StandIn:
    """The way of evaluating that asks somebody else's evaluator."""

    def __init__(
        self, f: Any, x: Any, args: tuple[Any, ...], on_error: OnError, *, name: str = "f", x_name: str = "x"
    ) -> None:
        if args:
            raise InputError("`args` must be left out where an evaluator stands in place of f: nobody calls a function")
        self._f = f
        self.evaluator = Own(_nothing, x, on_error=on_error, name=name, x_name=x_name)

    def close(self) -> None:
        """Do nothing: it is not ours."""

    def reply(self, request: Request, sink: Callable[[Sequence[int], Reply], None]) -> None:
        """Ask, look at the answer, and hand it on."""
        count = len(request.t)
        if not count:
            return
        reply = self._f.reply(request)
        if not isinstance(reply, Reply):
            raise OutputError(f"an evaluator must return a Reply; got {kind_of(reply)}")
        values = np.asarray(reply.values)
        if values.dtype.kind not in "iufc" or values.ndim not in (1, 2) or len(values) != count:
            raise OutputError(
                f"an evaluator must return {count} values for {count} points, numbers or rows of them; "
                f"got an array of shape {values.shape} and dtype {values.dtype}"
            )
        rows: Any = values.reshape(count, -1).astype(np.complex128 if values.dtype.kind == "c" else np.float64)
        status = self._status(reply, rows)
        at_x = [j for j, t in enumerate(request.t) if t == 0.0 and request.base is self.evaluator.base]
        for j in at_x:
            if status[j] not in (OK, NOT_FINITE):
                raise OutputError("an evaluator must have a value at x itself; its status there says that it has none")
        self._learn(rows, status, reply, request)
        sink(range(count), Reply(rows, status if status.any() else None, reply.eps))

    def _status(self, reply: Reply, rows: Any) -> Any:
        count = len(rows)
        status = np.zeros(count, np.int8) if reply.status is None else np.array(reply.status, dtype=np.int8)
        if status.shape != (count,) or not np.isin(status, (OK, NOT_FINITE, OUTSIDE, FAILED)).all():
            raise OutputError(f"an evaluator must return a status of 0 to 3 for each point; got {reply.status!r}")
        status[(status == OK) & ~np.isfinite(rows).all(axis=1)] = NOT_FINITE
        rows[status != OK] = nan
        return status

    def _learn(self, rows: Any, status: Any, reply: Reply, request: Request) -> None:
        evaluator = self.evaluator
        evaluator.evaluations += len(rows)
        evaluator.eps = max(evaluator.eps, float(reply.eps))
        shape = () if rows.shape[1] == 1 else (rows.shape[1],)
        if not (status == OK).any():
            return
        if evaluator.value_shape is None:
            evaluator.value_shape = shape
            evaluator.complex_values = rows.dtype == np.complex128 and not request.imaginary
        elif shape != evaluator.value_shape:
            raise OutputError(
                f"an evaluator must return values of one shape; got {shape} after {evaluator.value_shape}"
            )
        if not evaluator.distinct and not request.imaginary:
            plain = not shape and not evaluator.complex_values
            evaluator.compare(
                rows[:, 0].tolist() if plain else list(rows), {int(j): int(status[j]) for j in np.flatnonzero(status)}
            )


def _nothing(_: Any) -> Any:
    raise AssertionError("an evaluator stands in place of f")


class Recording:
    """Stand in place of f, and keep what is asked and answered.

    Parameters
    ----------
    f : a function, or an evaluator. It is evaluated as the question's options say.

    Attributes
    ----------
    log : the requests and their replies, in order.

    >>> import secant
    >>> recording = Recording(lambda x: x**2)
    >>> first = secant.derivative(recording, 3.0)
    >>> recording.evaluations == first.evaluations
    True
    >>> secant.derivative(recording.replay(), 3.0) == first
    True
    """

    def __init__(self, f: Any) -> None:
        if not callable(f) and not isinstance(f, Evaluator):
            raise InputTypeError(f"`f` must be callable, or an evaluator; got {kind_of(f)}")
        self.f = f
        self.log: list[tuple[Request, Reply]] = []

    @property
    def evaluations(self) -> int:
        """How many points were asked for."""
        return sum(len(request.t) for request, _ in self.log)

    def kept(self, evaluate: Callable[[Request], Reply]) -> Callable[[Request], Reply]:
        """Return an evaluation that keeps what passes through it."""

        def recorded(request: Request) -> Reply:
            reply = evaluate(request)
            self.log.append((request, reply))
            return reply

        return recorded

    def replay(self) -> Replay:
        """Return an evaluator that answers the same requests once more, without f."""
        return Replay(self.log)


class Replay:
    """Answer requests from a recording: the same ones, in the same order.

    Raises
    ------
    InputError : for a request that is not the next one of the recording.
    """

    def __init__(self, log: Sequence[tuple[Request, Reply]]) -> None:
        self._log, self._next = list(log), 0

    def reply(self, request: Request) -> Reply:
        """Return what was answered to this request."""
        if self._next >= len(self._log):
            raise InputError(f"the recording has {len(self._log)} requests, and this is one more")
        then, reply = self._log[self._next]
        if not _alike(then, request):
            raise InputError(f"request {self._next} of the recording was another one: {then!r}; now {request!r}")
        self._next += 1
        return reply


def _alike(one: Request, other: Request) -> bool:
    first, second = (np.zeros(len(r.t), int) if r.lane is None else np.asarray(r.lane) for r in (one, other))
    return (
        np.array_equal(one.base, other.base)
        and np.array_equal(one.t, other.t)
        and np.array_equal(first, second)
        and (one.directions is None) == (other.directions is None)
        and (one.directions is None or np.array_equal(one.directions, other.directions))  # type: ignore[arg-type]
        and (one.repeat, one.imaginary) == (other.repeat, other.imaginary)
    )


class MockEvaluator:
    """Answer requests from a table, or from a function of lane and step: for tests of methods and of programs.

    Parameters
    ----------
    answer : the values by (lane, step), or a function of the two; a row of numbers for many outputs; None for a point
        outside the domain.
    eps : unit roundoff of the values.

    Attributes
    ----------
    requests : what was asked.

    >>> import secant
    >>> mock = MockEvaluator(lambda lane, step: (3.0 + step) ** 2)
    >>> secant.derivative(mock, 3.0, step=0.5, method="central").value
    6.0
    >>> [request.t.tolist() for request in mock.requests]
    [[0.5, -0.5]]
    """

    def __init__(
        self, answer: Mapping[tuple[int, float], Any] | Callable[[int, float], Any], *, eps: float = UNIT_ROUNDOFF
    ) -> None:
        if not callable(answer) and not isinstance(answer, Mapping):
            raise InputTypeError(f"`answer` must be a table by (lane, step), or a function; got {kind_of(answer)}")
        self._answer, self._eps = answer, eps
        self.requests: list[Request] = []

    def reply(self, request: Request) -> Reply:
        """Return the values of a request.

        Raises
        ------
        InputError : for a point that the table does not have.
        """
        self.requests.append(request)
        found = []
        for j, t in enumerate(request.t):
            lane = 0 if request.lane is None else int(request.lane[j])
            found.append(self._one(lane, float(t)))
        width = max((np.size(value) for value in found if value is not None), default=1)
        outside = [value is None for value in found]
        rows = np.array([np.full(width, nan) if value is None else np.reshape(value, width) for value in found])
        return Reply(rows, np.where(outside, OUTSIDE, OK).astype(np.int8) if any(outside) else None, self._eps)

    def _one(self, lane: int, t: float) -> Any:
        if callable(self._answer):
            return self._answer(lane, t)
        if isnan(t) or (lane, t) not in self._answer:
            raise InputError(f"the table has no value at lane {lane}, step {t!r}")
        return self._answer[lane, t]
