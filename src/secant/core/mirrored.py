"""Symmetric patterns: which entries of a sparse Hessian are read, and how the two places of each are joined.

The Hessian is the Jacobian of a gradient, and each entry off the diagonal stands in two places. Under a star coloring
(:func:`secant.core.coloring.symmetric`) one of them at least is alone in its row with its color, and is
read. Rules:

* The diagonal and the mirror image of every entry belong to a symmetric pattern.
* All places that stand alone are read, which costs nothing more: where both of an entry are, they have to agree.
* Both places of the answer hold the same bits.

Reference: T. F. Coleman and J. J. More, Estimation of sparse Hessian matrices and graph coloring problems,
Mathematical Programming 28, 1984.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from secant.core import coloring
from secant.core.results import Slope
from secant.core.sparse import CODE, TOLD, WORDS, Entries, Pattern
from secant.core.verdicts import Verdict

#: Sums of both bars by which the two places of an entry may differ.
DISAGREE = 3.0
#: A bar that is smaller than the other by this wins alone.
BETTER = 3.0
QUESTION = "is it right?"
UNSYMMETRIC = "the gradient's own derivatives by the two entries differ by {:.3g}, more than their bars: " + QUESTION

_SEVERITY = np.array([word.severity for word in WORDS])
_Whole: TypeAlias = NDArray[np.integer]


@dataclass(frozen=True, slots=True)
class Mirror:
    """A symmetric pattern, the part of it that is read, and for each entry of the whole where it is read.

    ``one`` and ``other`` are places in ``read``, the smaller first; they are the same where only one place is alone.
    ``twice`` holds for each place in ``read`` its two places in the whole.
    """

    whole: Pattern
    read: Pattern
    one: _Whole
    other: _Whole
    twice: tuple[_Whole, _Whole]


def mirror(indptr: coloring.Index, indices: coloring.Index, n: int) -> Mirror:
    """Color a symmetric pattern, and find out where its entries are read.

    >>> arrow = np.array([0, 3, 5, 7]), np.array([0, 1, 2, 0, 1, 0, 2])
    >>> found = mirror(*arrow, 3)
    >>> found.whole.groups, found.read.indices, found.one
    (2, array([0, 0, 1, 0, 2]), array([0, 1, 3, 1, 2, 3, 4]))
    """
    colors = used(coloring.symmetric(indptr, indices, n), indices)
    rows = np.repeat(np.arange(n), np.diff(indptr))
    alone = coloring.readings(indptr, indices, colors, mirrored=True)[0] == rows
    # Entries by columns are their mirror images by rows.
    image = np.argsort(indices, kind="stable")
    number = np.cumsum(alone) - 1
    first = np.where(alone, number, number[image])
    second = np.where(alone[image], number[image], first)
    starts = np.concatenate([[0], np.cumsum(alone)])[indptr]
    read = Pattern(n, n, starts, indices[alone], colors)
    places = np.flatnonzero(alone)
    whole = Pattern(n, n, indptr, indices, colors)
    return Mirror(whole, read, np.minimum(first, second), np.maximum(first, second), (places, image[places]))


def used(colors: coloring.Colors, indices: coloring.Index) -> coloring.Colors:
    """Return colors of the columns that have entries, and -1 for the others: they are not moved.

    >>> used(np.array([0, 1, 0], dtype=np.int32), np.array([0, 2]))
    array([ 0, -1,  0], dtype=int32)
    """
    some = np.zeros(colors.size, dtype=bool)
    some[indices] = True
    return colors if some.all() else np.where(some, colors, np.int32(-1))


def joined(found: Mirror, entries: Entries) -> Entries:
    """Return the entries of the whole pattern from those that were read."""
    one, other = found.one, found.other
    if not entries.error.size:  # of a fixed step: nothing tells which place is better
        made = replace(entries, value=0.5 * entries.value[one] + 0.5 * entries.value[other])
        worse = np.where(_SEVERITY[entries.code[other]] > _SEVERITY[entries.code[one]], other, one)
        made.code, made.told = entries.code[worse], _told(found, entries, worse, made)
        return made
    codes = entries.code
    worse = np.where(_SEVERITY[codes[other]] > _SEVERITY[codes[one]], other, one)
    better = np.where(entries.error[other] < entries.error[one], other, one)
    usable = _SEVERITY[codes[worse]] <= Verdict.NOISY.severity
    with np.errstate(all="ignore"):
        apart = np.abs(entries.value[one] - entries.value[other])
        sums = entries.error[one] + entries.error[other]
        largest = np.maximum(entries.error[one], entries.error[other])
        mean = 0.5 * entries.value[one] + 0.5 * entries.value[other]
        wrong = usable & (apart > DISAGREE * sums)
        alone = usable & ~wrong & (BETTER * entries.error[better] < largest)
    both = usable & ~alone
    value = np.where(both, mean, entries.value[np.where(alone, better, worse)])
    error = np.where(alone, entries.error[better], np.where(both, largest, entries.error[worse]))
    error = np.where(wrong, largest + apart, error)
    code = np.where(wrong, np.int8(CODE[Verdict.UNRESOLVED]), codes[worse])
    made = Entries(value, error, code, entries.noise[worse], entries.step[np.where(alone, better, worse)])
    made.told, made.counts = _told(found, entries, worse, made), dict(entries.counts)
    for place in np.flatnonzero(wrong)[:TOLD].tolist():
        note = UNSYMMETRIC.format(apart[place])
        made.told[place] = Slope(float(value[place]), float(error[place]), Verdict.UNRESOLVED, note=note)
    return made


def apart(entries: Entries) -> list[int]:
    """Return the entries, of those that are told, whose two places were found to differ."""
    return [place for place, slope in entries.told.items() if slope.note.endswith(QUESTION)]


def _told(found: Mirror, entries: Entries, worse: _Whole, made: Entries) -> dict[int, Slope]:
    """Return what is told of entries, at their places in the whole."""
    told = {}
    for place, slope in entries.told.items():
        for twin in (int(found.twice[0][place]), int(found.twice[1][place])):
            if worse[twin] == place:
                error = float(made.error[twin]) if made.error.size else inf
                told[twin] = replace(slope, value=float(made.value[twin]), error=error)
    return told
