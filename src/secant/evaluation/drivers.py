"""Ways of evaluating, put together: who makes the points of a request, who remembers them, who is told.

Rules:

* A *way* answers a request piece by piece: it hands each piece to a sink as soon as it is there. The
  :class:`Driver` above it puts the pieces into one reply, asks the journal first, and keeps what is new.
* A round is a barrier: the reply is given when all of its points are there.
* What a value or an exception means is decided in one place, the :class:`Evaluator`; ways only bring values about.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import nan
from time import perf_counter
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from secant.core.errors import InputError
from secant.core.request import OK, Reply, Request
from secant.evaluation.batches import Batches
from secant.evaluation.calls import timed
from secant.evaluation.evaluator import Evaluator
from secant.evaluation.how import How
from secant.evaluation.identity import digest_of, identity, point_of
from secant.evaluation.journal import Journal
from secant.evaluation.ledger import Ledger, Page
from secant.evaluation.progress import Reporter
from secant.evaluation.stand_in import StandIn
from secant.evaluation.workers import Hired, Team

#: Characters of an option's value that a journal shows in full.
SHORT = 40

#: Seconds of evaluations that are told together.
MOMENT = 0.02

#: Takes positions in a request, and the reply for them.
Sink: TypeAlias = Callable[[Sequence[int], Reply], None]


class Way(Protocol):
    """A way of evaluating, and the evaluator that is told what f's values are like."""

    evaluator: Evaluator

    def reply(self, request: Request, sink: Sink) -> None:
        """Evaluate a request, and hand on what comes as it comes."""

    def close(self) -> None:
        """Give back what is held."""


class Serial:
    """One point after the other, in this process.

    Each is handed on at once where values are kept as they come; else a few together, as many as take a moment.
    """

    def __init__(self, evaluator: Evaluator, alone: bool = True) -> None:
        self.evaluator, self._alone = evaluator, alone
        self._size = 1

    def reply(self, request: Request, sink: Sink) -> None:
        """Evaluate a request, and hand on what comes as it comes."""
        if not self._alone:
            self._pieces(request, sink)
            return
        base, directions, repeat, imaginary = request.base, request.directions, request.repeat, request.imaginary
        lanes = None if request.lane is None else np.asarray(request.lane).tolist()
        evaluate = self.evaluator.__call__
        for j, t in enumerate(np.asarray(request.t).tolist()):
            lane = None if lanes is None else (lanes[j],)
            sink((j,), evaluate(Request(base, lane, (t,), directions, repeat, imaginary)))

    def _pieces(self, request: Request, sink: Sink) -> None:
        count, start = len(request.t), 0
        while start < count:
            where = range(start, min(start + self._size, count))
            began = perf_counter()
            reply = self.evaluator(request if len(where) == count else part(request, where))
            seconds = perf_counter() - began
            self._size = self._size * 2 if seconds < MOMENT else max(1, self._size // 2)
            sink(where, reply)
            start = where.stop

    def close(self) -> None:
        """Do nothing: nothing is held."""


def part(request: Request, positions: Sequence[int]) -> Request:
    """Return a request for some of the points of another.

    >>> part(Request(np.zeros(2), (0, 1, 1), (0.0, 0.5, -0.5)), (2,))
    Request(base=array([0., 0.]), lane=(1,), t=(-0.5,), directions=None, repeat=0, imaginary=False)
    """
    lane, t = request.lane, request.t
    chosen: Any = tuple(float(t[j]) for j in positions)
    lanes = None if lane is None else tuple(int(lane[j]) for j in positions)
    return Request(request.base, lanes, chosen, request.directions, request.repeat, request.imaginary)


class Gathered:
    """A reply that is put together from pieces.

    >>> gathered = Gathered(2)
    >>> gathered.put((1,), Reply([4.0]))
    >>> gathered.put((0,), Reply([3.0]))
    >>> gathered.reply(True).values
    [3.0, 4.0]
    """

    def __init__(self, count: int) -> None:
        self.status: NDArray[np.int8] = np.full(count, -1, dtype=np.int8)
        self.values: Any = None
        self.eps = 0.0

    def put(self, positions: Sequence[int] | NDArray[np.intp], reply: Reply) -> None:
        """Put a piece in its places."""
        if type(reply.values) is list and reply.status is None and len(positions) == 1:
            # One number alone: what comes by the million when f is quick.
            if self.values is None:
                self.values = np.full((len(self.status), 1), np.nan)
            self.values[positions[0]] = reply.values[0]
            self.status[positions[0]] = OK
            return
        rows: Any = np.asarray(reply.values).reshape(len(positions), -1)
        where: Any = np.asarray(positions)
        self.status[where] = OK if reply.status is None else reply.status
        self.eps = max(self.eps, reply.eps)
        if reply.status is not None and not (reply.status == OK).any():
            return  # nothing but NaN, perhaps of another width
        if self.values is None or (self.values.dtype != rows.dtype and rows.dtype == np.complex128):
            self.values = np.full((len(self.status), rows.shape[1]), np.nan, dtype=rows.dtype)
        self.values[where] = rows

    def paid(self) -> tuple[list[Any], dict[int, int]]:
        """Return the first points, as far as they are there without a gap: their values and statuses."""
        missing = np.flatnonzero(self.status < 0)
        count = int(missing[0]) if missing.size else len(self.status)
        rows = [nan] * count if self.values is None else list(self.values[:count])
        return rows, {j: int(code) for j, code in enumerate(self.status[:count]) if code}

    def reply(self, plain: bool) -> Reply:
        """Return it all: as a list of floats where that is asked for, and possible."""
        status = self.status if self.status.any() else None
        values = np.full((len(self.status), 1), np.nan) if self.values is None else self.values
        if plain and values.shape[1] == 1 and values.dtype != np.complex128:
            return Reply(values[:, 0].tolist(), status, self.eps)
        return Reply(values, status, self.eps)


class Driver:
    """Answer requests: from the journal what it has, the rest by a way of evaluating."""

    def __init__(
        self, evaluator: Evaluator, way: Way, journal: Journal | None = None, reporter: Reporter | None = None
    ) -> None:
        self.evaluator, self.way = evaluator, way
        self._journal, self._reporter = journal, reporter
        self._ledger = None if journal is None else Ledger(journal, evaluator)

    def __call__(self, request: Request) -> Reply:
        """Return the values of a request."""
        gathered = Gathered(len(request.t))
        try:
            return self._gather(request, gathered)
        except BaseException:
            self.evaluator.paid = gathered.paid()
            raise

    def _gather(self, request: Request, gathered: Gathered) -> Reply:
        count, evaluator = len(request.t), self.evaluator
        if self._ledger is None:
            self._missing(request, request, range(count), gathered, None)
        else:
            page = self._ledger.open(request)
            known, reply = self._ledger.recall(page, lambda j: self._once(part(request, (j,))))
            if reply is not None:
                gathered.put(known, reply)
                self._told(len(known), len(known))
            if len(known) < count:
                rest = np.flatnonzero(gathered.status < 0).tolist() if len(known) else range(count)
                self._missing(request if not len(known) else part(request, rest), request, rest, gathered, page)
        gathered.eps = evaluator.eps
        plain = not isinstance(request.t, np.ndarray) and not evaluator.value_shape
        return gathered.reply(plain and not request.imaginary)

    def _missing(
        self, asked: Request, whole: Request, where: Sequence[int], gathered: Gathered, page: Page | None
    ) -> None:
        """Evaluate some points of a whole request: those at ``where`` in it."""
        evaluator, same = self.evaluator, asked is whole
        before = evaluator.evaluations

        def sink(positions: Sequence[int], reply: Reply) -> None:
            nonlocal before
            places = positions if same else [where[j] for j in positions]
            gathered.put(places, reply)
            if page is not None:
                page.keep(evaluator, places, reply, evaluator.evaluations - before)
            before = evaluator.evaluations
            if self._reporter is not None:
                self._told(len(places), 0)

        self.way.reply(asked, sink)

    def _once(self, request: Request) -> Reply:
        found: list[Reply] = []
        self.way.reply(request, lambda _, reply: found.append(reply))
        return found[0]

    def _told(self, count: int, remembered: int) -> None:
        if self._reporter is not None:
            self._reporter.advance(count, remembered)

    def close(self) -> None:
        """Give back what is held."""
        try:
            self.way.close()
        finally:
            if self._journal is not None:
                self._journal.close()
            if self._reporter is not None:
                self._reporter.close()


class Asked:
    """An evaluator, what answers requests with it, and the end of both.

    Attributes
    ----------
    evaluator : what knows x, and what f's values are like.
    evaluate : what answers requests: the evaluator itself, or a driver above it.
    """

    __slots__ = ("_driver", "evaluate", "evaluator")

    def __init__(self, evaluator: Evaluator, driver: Driver | None = None) -> None:
        self.evaluator, self._driver = evaluator, driver
        self.evaluate: Callable[[Request], Reply] = evaluator.__call__ if driver is None else driver

    def __enter__(self) -> Asked:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give back what is held: a journal, processes."""
        if self._driver is not None:
            self._driver.close()


def evaluating(
    f: Callable[..., Any],
    x: Any,
    how: How,
    *,
    args: tuple[Any, ...] = (),
    name: str = "f",
    x_name: str = "x",
    budget: int | None = None,
    named: Callable[..., Any] | None = None,
    expected: Callable[[int], int] | None = None,
    question: Mapping[str, Any] | None = None,
) -> Asked:
    """Return f at x, to be evaluated as the options say; to be used in a ``with`` statement.

    Parameters
    ----------
    f, x, args, name, x_name : see :class:`Evaluator`.
    how : the options.
    budget : the most evaluations there may be, where somebody set that: no guard then spends one.
    named : f as the person knows it, where ``f`` hands it a seed; its identity is meant by a journal.
    expected : what the question usually costs for so many entries of x, for the progress.
    question : what is asked, and its options, by name: a journal belongs to one question.

    >>> from secant.evaluation.how import checked
    >>> with evaluating(lambda x: x**2, 3.0, checked({"vectorized": True})) as asked:
    ...     asked.evaluate(Request(asked.evaluator.base, None, (0.0, 1.0, 2.0))).values
    [9.0, 16.0, 25.0]
    """
    named = f if named is None else named
    if how.deadline is not None and how.workers is None and callable(f):
        f = timed(f, how.deadline)
    way = _way(f, x, args, how, {"name": name, "x_name": x_name}, budget is None)
    evaluator = way.evaluator
    if how.plain and isinstance(way, Serial):
        return Asked(evaluator)
    journal = None
    if how.journal is not None:
        journal = Journal(how.journal, _identity(named, args, evaluator, how, question or {}))
    usual = None if expected is None else expected(evaluator.layout.size)
    reporter = Reporter(how.progress, usual) if how.progress else None
    return Asked(evaluator, Driver(evaluator, way, journal, reporter))


def _way(f: Any, x: Any, args: tuple[Any, ...], how: How, names: Mapping[str, str], guarded: bool) -> Way:
    """Return the way of evaluating that the options ask for."""
    if callable(getattr(f, "reply", None)):
        if how.vectorized or how.workers is not None or how.inplace:
            raise InputError(
                "an evaluator in place of f evaluates in its own way: `vectorized`, `workers` and `inplace` "
                "must be left out"
            )
        return StandIn(f, x, args, how.on_error, **names)
    if how.vectorized:
        return Batches(f, x, args, how.vectorized, how.on_error, **names, guarded=guarded)
    if isinstance(how.workers, int):
        return Team(f, x, args, how, **names, guarded=guarded)
    if how.workers is not None:
        return Hired(f, x, args, how, **names)
    evaluator = Evaluator(f, x, args=args, on_error=how.on_error, inplace=how.inplace, **names)
    return Serial(evaluator, how.journal is not None)


def _identity(
    f: Callable[..., Any], args: tuple[Any, ...], evaluator: Evaluator, how: How, question: Mapping[str, Any]
) -> dict[str, str]:
    """Return all that must be the same when a question is started again."""
    parts = {"the point": point_of(evaluator.base, evaluator.layout)}
    for name, value in {**question, "on_error": how.on_error}.items():
        text = repr(value)
        plain = isinstance(value, str | int | float | bool | None) and len(text) <= SHORT
        parts[f"the option `{name}`"] = text if plain else f"({digest_of(value)})"
    if how.journal_id is not None:
        return parts | {"the option `journal_id`": repr(how.journal_id)}
    return parts | identity(f, args)
