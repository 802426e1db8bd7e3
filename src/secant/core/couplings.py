"""Couplings: which pairs of entries of x a scalar f mixes, found from its values by moving blocks of them.

A value is one number, so that entries of a Hessian cannot share evaluations as those of a Jacobian do: its rows are not
seen apart. But many pairs can be ruled out together. Of two blocks a and b, moved alone and both,

    f(x + a + b) - f(x + a) - f(x + b) + f(x)

is 0 when no entry of one has a mixed derivative with one of the other. Blocks are halved until they are single entries;
only halves of pairs that were seen go on. That is some 7 n evaluations for a band of three diagonals, and a third more
than there are pairs, n (n - 1) / 2, for a matrix that turns out to be full. Rules:

* A difference counts when it is well above the noise of its four values, which is measured first, or stated. A mixed
  derivative too weak for that is not seen, and how weak is told.
* Each time, an entry moves by another share of a sixteenth to an eighth of its size, to another side: couplings that
  cancel do so by accident only.
* Where f has no value the pair stays in the pattern: an entry too many costs evaluations, one too few is an error.
* What is found holds at x and around it as far as entries were moved.

Reference: V. Grebinski and G. Kucherov, Optimal reconstruction of graphs under the additive model, Algorithmica 28,
2000.
"""

from __future__ import annotations

from collections.abc import Generator
from math import inf, isfinite

import numpy as np
from numpy.typing import NDArray

from secant.core import coloring
from secant.core.across import values_of
from secant.core.detection import ABOVE, AT_ZERO, BESIDE, NO_BUDGET, NO_VALUE, SMALLER, Found, moves
from secant.core.errors import InputError
from secant.core.noise import MOST, UNEVEN, measure, spacings
from secant.core.request import OK, Core, Floats, Reply, Request

#: The rounding of f's own arithmetic, in units of that of its value.
ARITHMETIC = 4.0
#: Numbers in the points of one request.
NUMBERS = 2**22

Places = NDArray[np.integer]


class _Purse:
    """What may still be spent, and what was."""

    def __init__(self, left: float) -> None:
        self.left, self.spent = left, 0

    def pay(self, count: int) -> None:
        self.spent += count
        if self.spent > self.left:
            raise InputError(NO_BUDGET)


def couplings(
    base: Floats,
    fun: float,
    places: Places,
    space: tuple[Floats, Floats],
    eps: float,
    noise: float = 0.0,
    left: float = inf,
) -> Core[Found]:
    """Find the pattern of the Hessian at a point; ``fun`` is f there, ``places`` the entries of x that vary.

    ``space`` says how far x may move to both sides, ``eps`` is the precision of f. The pattern is symmetric, and holds
    the diagonal of what varies. Raises InputError when f has no value near x, or more evaluations are needed than are
    ``left``.
    """
    purse = _Purse(left)
    level = noise or (yield from _level(base, fun, places, space, eps, purse))
    size = np.where(base == 0.0, AT_ZERO, BESIDE * np.abs(base))
    n, time = places.size, 0
    power = max(n - 1, 0).bit_length()
    one: Places = np.zeros(0, dtype=np.int64)
    other: Places = np.zeros(0, dtype=np.int64)
    hidden = 0.0
    share = yield from _share(base, places, size, space, purse)
    while power:
        power, time = power - 1, time + 1
        one, other = _candidates(one, other, -(-n >> power))
        ways = np.zeros(base.size)
        ways[places] = moves(places, time, share * size[places], space[0][places], space[1][places])
        block = np.full(base.size, -1)
        block[places] = np.arange(n) >> power
        seen, faint = yield from _mixed(base, fun, ways, block, (one, other), (level, eps), purse)
        one, other, hidden = one[seen], other[seen], max(hidden, faint)
    rows, columns = places[one], places[other]
    starts = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=base.size))])
    order = np.lexsort((columns, rows))
    indptr, indices = coloring.completed(starts, columns[order], base.size)
    return Found(indptr, indices, purse.spent, hidden)


def _level(
    base: Floats, fun: float, places: Places, space: tuple[Floats, Floats], eps: float, purse: _Purse
) -> Generator[Request, Reply, float]:
    """Measure the noise of f next to x."""
    spacing = np.zeros(base.size)
    spacing[places] = spacings(base, eps, 0)[places]
    farthest = max(map(abs, UNEVEN)) * np.abs(spacing)
    spacing[np.minimum(*space) < farthest] = 0.0
    purse.pay(MOST)
    if not spacing.any():
        return 0.0
    found = (yield from measure(base, spacing, eps))[0]
    level = float(found.absolute + found.relative * abs(fun))
    return level if isfinite(level) else 0.0


def _share(
    base: Floats, places: Places, size: Floats, space: tuple[Floats, Floats], purse: _Purse
) -> Generator[Request, Reply, float]:
    """Return how far entries may move, as a share of the usual, so that f has a value when all of them do."""
    for share in SMALLER:
        ways = np.zeros((1, base.size))
        ways[0, places] = moves(places, 0, abs(share) * size[places], space[0][places], space[1][places])
        purse.pay(1)
        reply = yield Request(base, (0,), np.ones(1), ways)
        if (reply.status is None or reply.status[0] == OK) and np.isfinite(values_of(reply)).all():
            return abs(share)
    raise InputError(NO_VALUE)


def _candidates(one: Places, other: Places, count: int) -> tuple[Places, Places]:
    """Return the pairs of halves, of which there are so many, in the pairs of blocks that were seen and within blocks.

    >>> _candidates(np.array([0]), np.array([1]), 3)
    (array([0, 0, 1]), array([1, 2, 2]))
    """
    first = np.arange(0, count - 1, 2)
    ones = [first, *(2 * one + i for i in (0, 1) for _ in (0, 1))]
    others = [first + 1, *(2 * other + j for _ in (0, 1) for j in (0, 1))]
    left, right = np.concatenate(ones), np.concatenate(others)
    # The last block may have one half only.
    inside = right < count
    return left[inside], right[inside]


def _mixed(
    base: Floats,
    fun: float,
    ways: Floats,
    block: Places,
    pairs: tuple[Places, Places],
    levels: tuple[float, float],
    purse: _Purse,
) -> Generator[Request, Reply, tuple[NDArray[np.bool_], float]]:
    """Move blocks alone and in pairs; return which pairs are seen, and the largest difference that may not be."""
    one, other = pairs
    singles = np.unique(np.concatenate(pairs))
    alone = np.full(int(block.max()) + 1, np.nan)
    alone[singles] = yield from _values(base, ways, block, singles, singles, purse)
    both = yield from _values(base, ways, block, one, other, purse)
    level, eps = levels
    with np.errstate(all="ignore"):
        largest = np.max(np.abs([both, alone[one], alone[other], np.full(both.size, fun)]), axis=0)
        least = ABOVE * np.maximum(level, ARITHMETIC * eps * largest)
        seen = ~(np.abs((both - alone[one]) - (alone[other] - fun)) <= least)
    return seen, float(least[np.isfinite(least)].max(initial=0.0))


def _values(
    base: Floats, ways: Floats, block: Places, one: Places, other: Places, purse: _Purse
) -> Generator[Request, Reply, Floats]:
    """Return f where pairs of blocks are moved; NaN where it has no value."""
    purse.pay(one.size)
    found = np.empty(one.size)
    width = max(1, NUMBERS // base.size)
    for first in range(0, one.size, width):
        here = slice(first, min(first + width, one.size))
        moving = (block == one[here, None]) | (block == other[here, None])
        reply = yield Request(base, np.arange(len(moving)), np.ones(len(moving)), np.where(moving, ways, 0.0))
        found[here] = values_of(reply)[:, 0]
        if reply.status is not None:
            found[here][reply.status != OK] = np.nan
    return found
