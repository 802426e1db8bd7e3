"""Very many slopes: as columns of numbers, and an object each only when somebody asks for one.

A slope as an object takes as much memory as fifty numbers. Of a gradient by a hundred thousand entries nobody looks at
them one by one but where something is the matter, so that blocks of lines which are finished are kept as columns. What
columns cannot tell (the two sides of a kink, a note, advice) stays with the slopes that have it, as objects.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import isnan, nan
from typing import Any, Literal, overload

import numpy as np
from numpy.typing import NDArray

from secant.core.request import Floats
from secant.core.results import Slope
from secant.core.verdicts import Verdict, worst

#: The verdicts by code: 0 is ``ok``.
MEMBERS: NDArray[Any] = np.array(list(Verdict), dtype=object)
_CODES = {verdict: code for code, verdict in enumerate(Verdict)}
_SEVERITIES = np.array([verdict.severity for verdict in Verdict], dtype=np.int8)

#: How a line bends of which that is not known.
NOTHING = (nan,) * 6

#: Slopes made at once where all are looked at in turn.
CHUNK = 1024

_NUMBERS = ("value", "error", "noise", "step", "reach")
Name = Literal["value", "error", "noise", "step", "reach"]


class Row(Sequence[Slope]):
    """The slopes of one output along ``count`` lines, as columns; those that were not put yet read zero.

    Attributes
    ----------
    table : (8, count) the slope, the noise and the bend (NaN where there is none), as :class:`secant.core.kept.Bends`
        has them. ``value`` and ``noise`` are its first rows.
    error, step, reach : (count,) numbers, as slopes have them.
    spent : (count,) evaluations.
    codes : (count,) verdicts, as places in :data:`MEMBERS`.
    bent : (count,) whether there is a bend.
    others : by place, the slopes of which columns do not tell all.

    >>> row = Row(2)
    >>> row.put(0, [Slope(1.0, 0.5, Verdict.OK, 7), Slope(2.0, 0.5, Verdict.NOISY, 9, note="loud")])
    >>> row[0] == Slope(1.0, 0.5, Verdict.OK, 7), row[1].note, row.value, row.fine
    (True, 'loud', array([1., 2.]), False)
    """

    __slots__ = ("bent", "codes", "error", "others", "reach", "spent", "step", "table")
    __hash__ = None  # type: ignore[assignment]  # it equals a tuple of the same slopes, and grows

    def __init__(self, count: int) -> None:
        self.error, self.step, self.reach = np.zeros(count), np.zeros(count), np.zeros(count)
        self.spent = np.zeros(count, dtype=np.int32)
        self.codes = np.zeros(count, dtype=np.int8)
        self.bent = np.zeros(count, dtype=np.bool_)
        self.table = np.zeros((8, count))
        self.others: dict[int, Slope] = {}

    @property
    def value(self) -> Floats:
        """The slopes, (count,)."""
        slopes: Floats = self.table[0]
        return slopes

    @property
    def noise(self) -> Floats:
        """The noise that the lines saw, (count,)."""
        levels: Floats = self.table[1]
        return levels

    def put(self, first: int, slopes: Sequence[Slope]) -> None:
        """Put slopes in their places, from ``first`` on."""
        where = slice(first, first + len(slopes))
        for name in _NUMBERS:
            getattr(self, name)[where] = [getattr(slope, name) for slope in slopes]
        self.spent[where] = [slope.evaluations for slope in slopes]
        self.codes[where] = [_CODES[slope.verdict] for slope in slopes]
        self.bent[where] = [slope.bend is not None for slope in slopes]
        self.table[2:, where] = np.array([NOTHING if slope.bend is None else slope.bend for slope in slopes]).T
        for place, slope in enumerate(slopes, first):
            plain = isnan(slope.left) and isnan(slope.right) and isnan(slope.jump)
            if slope.note or slope.advice or not plain:
                self.others[place] = slope

    def __len__(self) -> int:
        return len(self.value)

    @overload
    def __getitem__(self, place: int) -> Slope: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Slope]: ...
    def __getitem__(self, place: int | slice) -> Slope | Sequence[Slope]:
        if isinstance(place, slice):
            return tuple(self[i] for i in range(*place.indices(len(self))))
        at = range(len(self))[place]
        return next(self._made(at, at + 1))

    def __iter__(self) -> Iterator[Slope]:
        for first in range(0, len(self), CHUNK):
            yield from self._made(first, min(first + CHUNK, len(self)))

    def _made(self, first: int, last: int) -> Iterator[Slope]:
        where = slice(first, last)
        numbers = (getattr(self, name)[where].tolist() for name in (*_NUMBERS, "spent", "codes", "bent"))
        bends = self.table[2:, where].T.tolist()
        for place, (*five, spent, code, bent), bend in zip(
            range(first, last), zip(*numbers, strict=True), bends, strict=True
        ):
            known = self.others.get(place) if self.others else None
            if known is not None:
                yield known
                continue
            # The one NaN of the library: slopes are equal where theirs is the same object.
            value, error, noise, step, reach = (nan if isnan(number) else number for number in five)
            yield Slope(value, error, MEMBERS[code], spent, noise, step, reach, bend=tuple(bend) if bent else None)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, tuple | Row):
            return NotImplemented
        return len(self) == len(other) and all(mine == its for mine, its in zip(self, other, strict=True))

    def __repr__(self) -> str:
        return repr(tuple(self))

    @property
    def fine(self) -> bool:
        """Whether all slopes are ``ok``."""
        return not self.codes.any()


@dataclass(slots=True)
class Done:
    """How far very many lines have come: of the first ``count`` the slopes are known, and stand in ``row``.

    ``forget`` is called whenever there are more of them: the values that they were made of are not needed any more.
    """

    forget: Callable[[], None]
    row: Row | None = None
    count: int = 0

    def reached(self, row: Row, count: int) -> None:
        """Take note that the first so many slopes are known."""
        self.row, self.count = row, count
        self.forget()


def column(row: Sequence[Slope], name: Name) -> Floats:
    """Return one number of all slopes, (n,); it is not to be written to.

    >>> column([Slope(1.0, 0.5, Verdict.OK)], "error")
    array([0.5])
    """
    if isinstance(row, Row):
        found: Floats = getattr(row, name)
        return found
    return np.array([getattr(slope, name) for slope in row], dtype=np.float64)


def verdicts(row: Sequence[Slope]) -> tuple[Sequence[Verdict], Verdict]:
    """Return all verdicts, and the most severe of them (the first of equals; ``ok`` when there are none).

    >>> verdicts([Slope(1.0, 0.5, Verdict.OK)])[1]
    <Verdict.OK: 'ok'>
    """
    if not isinstance(row, Row):
        each = [slope.verdict for slope in row]
        return each, worst(each)
    severe: Verdict = Verdict.OK if row.fine else MEMBERS[row.codes[int(_SEVERITIES[row.codes].argmax())]]
    return MEMBERS[row.codes], severe  # type: ignore[return-value]  # an array of members


def remarkable(row: Sequence[Slope]) -> Iterator[tuple[int, Slope]]:
    """Yield the slopes that are not ``ok``, or have something noted, in order and with their places.

    >>> [place for place, _ in remarkable([Slope(1.0, 0.5, Verdict.OK), Slope(1.0, 0.5, Verdict.NOISY)])]
    [1]
    """
    if isinstance(row, Row):
        noted = [place for place, slope in row.others.items() if slope.note]
        for place in sorted({*np.flatnonzero(row.codes).tolist(), *noted}):
            yield place, row[place]
        return
    for place, slope in enumerate(row):
        if slope.verdict is not Verdict.OK or slope.note:
            yield place, slope
