"""Culprits: which entries of a claimed derivative are wrong, told from a few directions, and why.

Theory. Along a direction u the mistakes d of a claim show as ``r = u @ d``, a slope minus what was claimed. Two
directions with known weights tell a single wrong entry i at once: ``r1 / r2 == u1[i] / u2[i]``, whatever its size, and
weights with all their digits make i unique even among a million. (Sparse recovery with one nonzero; for several, groups
are halved, as in R. Dorfman, The detection of defective members of large populations, 1943.) A mistake everywhere is
told by a formula for what the derivative should have been (all of it times c, transposed, shifted by one) that explains
both directions to all their digits.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isfinite

import numpy as np

from secant.core.looks import Flags, Indices
from secant.core.request import Floats
from secant.core.results import trim

#: Ratios are told as what they likely are within this much, or within their bars.
CLOSE = 1e-4
#: Entries up to which every pair is tried as exchanged.
PAIRED = 200
#: A formula explains a direction only when it leaves less than this share of what there was to explain.
EXPLAINED = 0.01
#: From this many entries on, values found in other places are no accident.
SEVERAL = 2


@dataclass(frozen=True, slots=True)
class Pattern:
    """A formula for what the derivative should have been, and in words what went wrong."""

    ours: Floats
    hint: str


def candidates(directions: Floats, residuals: Floats, tolerances: Floats, chosen: Indices) -> Indices:
    """Return which of the chosen entries may alone explain the residuals, (k,), within the tolerances.

    >>> u = np.array([[1.0, 0.7, -1.3], [0.6, -1.1, 0.9]])
    >>> candidates(u, 5.0 * u[:, 1], np.full(2, 1e-9), np.arange(3))
    array([1])
    """
    top = int(np.argmax(np.abs(residuals) - tolerances))
    mine = directions[top, chosen]
    fits = mine != 0.0
    for k in range(len(directions)):
        if k != top:
            its = directions[k, chosen]
            gap = np.abs(residuals[top] * its - residuals[k] * mine)
            fits &= gap <= tolerances[top] * np.abs(its) + tolerances[k] * np.abs(mine)
    found: Indices = chosen[fits]
    return found


def pattern(
    yours: Floats,
    directions: Floats,
    slopes: Floats,
    tolerances: Floats,
    chosen: Indices,
    leaves: Sequence[tuple[int, tuple[int, ...]]],
) -> Pattern | None:
    """Return the formula that explains all slopes, (k,), of one output; None when there is none.

    ``yours`` is the claim, (n,), which is wrong somewhere among the chosen entries.
    """
    missing = np.abs(slopes - directions @ yours)
    enough = np.minimum(tolerances, EXPLAINED * missing)
    if not (tolerances <= EXPLAINED * missing).all():
        return None
    fits = [
        Pattern(ours, hint)
        for ours, hint in _formulas(yours, directions, slopes, chosen, leaves)
        if (np.abs(slopes - directions @ ours) <= enough).all()
    ]
    # The one that changes least: an entry of no weight may be anything.
    return min(fits, key=lambda fit: int((fit.ours != yours).sum()), default=None)


def _formulas(
    yours: Floats, directions: Floats, slopes: Floats, chosen: Indices, leaves: Sequence[tuple[int, tuple[int, ...]]]
) -> Iterator[tuple[Floats, str]]:
    """Return what the derivative may have been meant to be."""
    part = np.zeros_like(yours)
    part[chosen] = yours[chosen]
    rest = yours - part
    along = directions @ part
    top = int(np.argmax(np.abs(along)))
    if along[top] != 0.0:
        with np.errstate(over="ignore"):
            factor = float((slopes[top] - directions[top] @ rest) / along[top])
        if isfinite(factor) and factor != 0.0:
            yield rest + factor * part, factor_text(1.0 / factor, chosen.size)
    for start, shape in leaves:
        stop = start + int(np.prod(shape))
        if np.searchsorted(chosen, stop) - np.searchsorted(chosen, start) != stop - start:
            continue
        block = yours[start:stop]
        for moved, hint in _moved(block, shape):
            ours = yours.copy()
            ours[start:stop] = moved
            yield ours, hint
    if 2 <= chosen.size <= PAIRED:
        yield from _exchanged(yours, directions, slopes, chosen)


def _moved(block: Floats, shape: tuple[int, ...]) -> Iterator[tuple[Floats, str]]:
    """Return a part of the claim with its entries in other places."""
    if len(shape) == 2 and min(shape) > 1:
        yield block.reshape(shape[::-1]).T.reshape(-1), "the right numbers in transposed places"
    if block.size > 1:
        for shift, word in ((1, "after"), (-1, "before")):
            yield np.roll(block, shift), f"each entry holds what belongs one place {word} it: an index is off by one"
        yield block[::-1], "the entries are in reverse order"


def _exchanged(yours: Floats, directions: Floats, slopes: Floats, chosen: Indices) -> Iterator[tuple[Floats, str]]:
    """Return the claim with the two entries exchanged that explain the first direction best."""
    residual = slopes[0] - directions[0] @ yours
    u, g = directions[0, chosen], yours[chosen]
    gaps = np.abs(np.subtract.outer(u, u) * -np.subtract.outer(g, g) - residual)
    i, j = divmod(int(np.argmin(gaps)), chosen.size)
    if i != j:
        ours = yours.copy()
        ours[chosen[[i, j]]] = yours[chosen[[j, i]]]
        yield ours, "two entries are exchanged"


def factor_text(ratio: float, size: int) -> str:
    """Say what a constant ratio, yours by ours, is likely to mean; "" when it is none that tells anything.

    >>> factor_text(-1.0, 3)
    'the sign is flipped'
    >>> factor_text(0.2, 5)
    'yours is 1/5 of ours, and there are 5 entries: a mean where a sum belongs'
    """
    known = {-1.0: "the sign is flipped", 2.0: "yours is twice ours: a factor 1/2 is missing, or a term counts twice"}
    known[0.5] = "yours is half of ours: a factor 2 is missing"
    for value, text in known.items():
        if abs(ratio - value) <= CLOSE * abs(value):
            return text
    for count, text in ((size, "a mean where a sum belongs"), (1.0 / size, "a sum where a mean belongs")):
        if size > 1 and abs(ratio * count - 1.0) <= CLOSE:
            share = f"1/{size}" if count == size else f"{size} times"
            return f"yours is {share} of ours, and there are {size} entries: {text}"
    for count in range(3, 10001):
        for value, text in ((count, f"{count} times ours"), (1.0 / count, f"1/{count} of ours")):
            if abs(ratio - value) <= 1e-9 * value:
                return f"yours is {text}: a factor, or a mean instead of a sum"
    return f"yours is {trim(f'{ratio:.6g}')} times ours: a constant factor"


def cause(yours: Floats, ours: Floats, bars: Floats, x: Floats, wrong: Flags, size: int) -> str:
    """Guess what went wrong from the entries that were measured: all arrays (k,), for one output."""
    known = np.isfinite(ours) & np.isfinite(bars)
    bad = wrong & known
    if not bad.any():
        return ""
    a, b, e = yours[bad], ours[bad], bars[bad]
    if not np.isfinite(a).all():
        return "yours is not a finite number there"
    if not a.any():
        return "yours is 0 there: a term or a branch is missing, or was never added"
    everywhere = bool((wrong | ~known | (np.abs(ours) <= bars)).all())
    for guess in (_constant, _shuffled, _added):
        found = guess(a, b, e, x[bad], size if everywhere else 0)
        if found:
            return found
    right = ours[known & ~wrong]
    if a.size >= SEVERAL and right.size and all(np.isclose(right, value, rtol=1e-9).any() for value in a):
        return "the wrong entries hold what belongs to others: an index is wrong"
    if a.size == 1 and known.sum() > 1 and np.isclose(np.delete(ours[known], np.flatnonzero(bad[known])), a[0]).any():
        return "the entry holds what belongs to another: an index is wrong"
    return ""


def _constant(a: Floats, b: Floats, e: Floats, _: Floats, size: int) -> str:
    """Look for one ratio."""
    if (np.abs(b) <= e).any():
        return ""
    ratios = a / b
    spread = np.abs(ratios) * e / np.abs(b)
    middle = float(ratios[np.argmin(spread)])
    if (np.abs(ratios - middle) > 3.0 * spread + 1e-9 * abs(middle)).any():
        return "the sizes are right and some signs are wrong" if _flipped(a, b, e) else ""
    if a.size == 1 and not _telling(middle, size):
        return ""
    return factor_text(middle, max(size, 1))


def _flipped(a: Floats, b: Floats, e: Floats) -> bool:
    return bool((np.abs(np.abs(a) - np.abs(b)) <= 3.0 * e + 1e-9 * np.abs(b)).all())


def _telling(ratio: float, size: int) -> bool:
    """Return whether the ratio of a single entry tells anything."""
    usual = (-1.0, 2.0, 0.5, float(max(size, 2)), 1.0 / max(size, 2))
    return any(abs(ratio - value) <= CLOSE * abs(value) for value in usual)


def _shuffled(a: Floats, b: Floats, e: Floats, _: Floats, __: int) -> str:
    """Look for the same numbers in other places."""
    if a.size < SEVERAL:
        return ""
    order = np.argsort(b)
    close = np.abs(np.sort(a) - b[order]) <= 3.0 * e[order] + 1e-9 * np.abs(b[order])
    if not close.all() or np.ptp(b) <= 6.0 * float(e.max()):
        return ""
    return "two entries are exchanged" if a.size == 2 else "the right numbers in wrong places: transposed, or permuted"


def _added(a: Floats, b: Floats, e: Floats, x: Floats, _: int) -> str:
    """Look for a term that is missing: the same for all, or in proportion to x."""
    if a.size <= SEVERAL:
        return ""
    for unit, text in ((np.ones_like(x), "the same number"), (x, "a multiple of x, as of a penalty on its square,")):
        if not unit.all():
            continue
        shares, spread = (b - a) / unit, e / np.abs(unit)
        middle = float(shares[np.argmin(spread)])
        if (np.abs(shares - middle) <= 3.0 * spread + 1e-9 * abs(middle)).all():
            return f"{text} is missing: ours is yours plus {trim(f'{middle:.6g}')}{' times x' if unit is x else ''}"
    return ""
