"""What a journal is to a question: values that need not be paid for again, and a place for the new ones.

Rules:

* The points of a question are numbered in the order of asking. A core asks the same questions when it gets the same
  answers, so the numbers of a question that is started again are those of the first time.
* The first value that is found is evaluated once more, whatever it costs, and must agree: what f reads from files, or
  does in compiled code, has no identity that could be seen. Where it differs it is evaluated a second time, since it
  may be noise; a difference of some last digits may come from another number of threads.
* Values found count as evaluations: the answer is that of a question that was never broken off.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secant.core.errors import InputError
from secant.core.request import OK, Reply, Request
from secant.evaluation.evaluator import Evaluator
from secant.evaluation.journal import Journal
from secant.evaluation.records import COMPLEX, IMAGINARY, NOT_CALLED, eps_of, numbers_of

#: Difference in the units roundoff of a value that another order of summation may make.
LAST_DIGITS = 64.0

#: Differences between two evaluations at one point that the recorded value may be away.
SPREADS = 16.0


class Ledger:
    """The values of one question, as far as they are known.

    Parameters
    ----------
    journal : the file.
    evaluator : is told what f's values are like, as if it had seen them.
    """

    def __init__(self, journal: Journal, evaluator: Evaluator) -> None:
        self._journal, self._evaluator = journal, evaluator
        self._number = 0
        self._checked = journal.size == 0

    def open(self, request: Request) -> Page:
        """Return the page of a request: its points get the next numbers."""
        number = self._number
        pieces = self._journal.pieces(request.imaginary)
        self._number += len(request.t) * pieces
        return Page(self._journal, request, number, pieces)

    def recall(self, page: Page, again: Callable[[int], Reply]) -> tuple[NDArray[np.intp], Reply | None]:
        """Return which points of a request are known, and a reply for these.

        ``again(j)`` evaluates a point, for the check.

        Raises
        ------
        InputError : when the journal does not fit the question, or f.
        """
        places, records, rows = self._journal.find(page.number, page.request)
        if not len(places):
            return places, None
        evaluator, before = self._evaluator, self._evaluator.evaluations
        if not self._checked:
            ok = np.flatnonzero(records["status"] == OK)
            j = int(ok[0]) if ok.size else 0
            self._compare(rows[j], int(records["status"][j]), lambda: again(int(places[j])))
            self._checked = True
        evaluator.evaluations = before + int((records["flags"] & NOT_CALLED == 0).sum())
        evaluator.eps = max(evaluator.eps, float(eps_of(records["precision"].max())))
        values, status = self._read(rows, records, page.request)
        if not evaluator.distinct and not page.request.imaginary:
            plain = not evaluator.value_shape and not evaluator.complex_values
            outcomes = values[:, 0].tolist() if plain else list(values)
            evaluator.compare(outcomes, {int(j): int(status[j]) for j in np.flatnonzero(status)})
        return places, Reply(values, status if status.any() else None, evaluator.eps)

    def _read(
        self, rows: NDArray[Any], records: NDArray[Any], request: Request
    ) -> tuple[NDArray[Any], NDArray[np.int8]]:
        """Return values and statuses as the evaluator would."""
        assert self._journal.header is not None
        outputs = self._journal.header.outputs
        status = records["status"].astype(np.int8)
        if request.imaginary or self._evaluator.complex_values:
            values: Any = np.ascontiguousarray(rows[:, : 2 * outputs]).view(np.complex128)
        else:
            values = np.array(rows[:, :outputs])
        values[status != OK] = np.nan
        return values, status

    def _compare(self, then: NDArray[Any], status: int, again: Callable[[], Reply]) -> None:
        """Refuse the journal when f gives another value now."""
        first = again()
        found = numbers_of(np.asarray(first.values).reshape(1, -1))[0]
        then = then[: len(found)]
        code = OK if first.status is None else int(first.status[0])
        if code == status and (code != OK or np.array_equal(found, then, equal_nan=True)):
            return
        if code == status == OK:
            size = float(np.abs(found).max())
            away = float(np.abs(found - then).max())
            if away <= LAST_DIGITS * first.eps * size:
                return
            second = again()
            other = numbers_of(np.asarray(second.values).reshape(1, -1))[0]
            if away <= SPREADS * float(np.abs(found - other).max()):
                return
        shown = f"{then[0]!r}" if status == OK else "no value"
        now = f"{found[0]!r}" if code == OK else "no value"
        raise InputError(
            f"`journal` does not fit: it has {shown} where f gives {now} now. Something that f reads must have changed "
            "(a file, a compiled library): name another file, or remove this one"
        )


class Page:
    """The part of a journal that a request has: numbers for its points."""

    __slots__ = ("_journal", "_key", "_pieces", "number", "request")

    def __init__(self, journal: Journal, request: Request, number: int, pieces: int) -> None:
        self._journal, self.request = journal, request
        self.number, self._pieces = number, pieces
        self._key: int | None = None

    def keep(self, evaluator: Evaluator, positions: Sequence[int], reply: Reply, called: int) -> None:
        """Write down what came: a reply for some points, of which so many were evaluated."""
        journal, request = self._journal, self.request
        if self._key is None:
            self._key = journal.key(request)
        values: Any = reply.values
        if journal.header is None:
            _begin(journal, evaluator, np.asarray(values).reshape(len(positions), -1))
        flags = IMAGINARY * request.imaginary | COMPLEX * (request.imaginary or evaluator.complex_values)
        eps = reply.eps
        if len(positions) == 1 and type(values) is list and self._pieces == 1:
            code = OK if reply.status is None else int(reply.status[0])
            if not called:
                flags |= NOT_CALLED
            j = positions[0]
            journal.append(self.number + j, self._key, request, j, values, code, eps, flags)
            return
        rows = numbers_of(np.asarray(values).reshape(len(positions), -1))
        where = np.asarray(positions)
        status = np.zeros(len(where), np.int8) if reply.status is None else reply.status
        marks = np.full(len(where), flags)
        if called < len(where):
            marks[np.flatnonzero(status != OK)[: len(where) - called]] |= NOT_CALLED
        numbers = self.number + where * self._pieces
        if self._pieces == 1:
            journal.extend(numbers, self._key, request, where, rows, status, eps, marks)
            return
        half = rows.shape[1] // 2
        journal.extend(
            np.stack([numbers, numbers + 1], axis=1).reshape(-1),
            self._key,
            request,
            where.repeat(2),
            np.stack([rows[:, :half], rows[:, half:]], axis=1).reshape(-1, half),
            status.repeat(2),
            eps,
            marks.repeat(2),
        )


def _begin(journal: Journal, evaluator: Evaluator, rows: NDArray[Any]) -> None:
    shape = evaluator.value_shape
    outputs = rows.shape[1] if shape is None else prod(shape)
    wide = rows.dtype == np.complex128 or evaluator.complex_values
    journal.begin(outputs, outputs * (2 if wide else 1), shape)
