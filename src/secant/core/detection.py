"""Detection: which outputs of f depend on which entries of x, found by moving blocks of them.

A block of neighboring columns is moved, and the outputs that change depend on one of them at least. Blocks are halved
until they are single columns; only halves of what was seen go on, and halves that no output has in common are moved
together, colored as columns are. That is group testing with the pattern's own structure: some log2(n) times as many
evaluations as the Jacobian then takes colors, and for a dense pattern one for each column and half as many again at
most. Rules:

* A change is any change of bits, as f is deterministic; where f gives another value at the same x, or its noise is
  stated, it is a change well above that, and what is weaker is not seen.
* Every time, a column moves by another share of a sixteenth to an eighth of its size, to another side: two
  dependences that cancel once do not cancel again.
* What is found holds at x. A unit that is switched off around x counts as independent, and its entry is 0 there.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from math import inf

import numpy as np
from numpy.typing import NDArray

from secant.core import coloring
from secant.core.across import values_of
from secant.core.errors import InputError
from secant.core.operators import GOLDEN
from secant.core.request import NOT_FINITE, Core, Floats, Reply, Request

#: Blocks to begin with; columns up to which each is moved alone.
BLOCKS, FEW = 16, 48
#: The size of a move where x is 0, and beside x; smaller ones for points at which f has no value.
AT_ZERO, BESIDE, SMALLER = 0.25, 0.125, (1.0, -(2.0**-4), 2.0**-12)
#: Times its noise by which f must change; repetitions of f(x) once it is known to be random.
ABOVE, REPEATS = 8.0, 3
#: Blocks up to which a table of rows by columns is kept to see which of them meet, and entries that such a table may
#: have more in a row than the pattern itself.
TABLE, LOOSER = 4096, 4

NO_VALUE = "`sparsity` cannot be detected: f has no value at points near x; give a pattern, or `bounds`"
NO_BUDGET = "`max_evaluations` does not allow to detect the pattern; raise it, or give a pattern"

#: The square root of 2, by which moves differ from one time to the next.
_ROOT = 0.41421356237309515


@dataclass(slots=True)
class Found:
    """A pattern as CSR, what it took, and the level below which changes are not seen (0: any change is)."""

    indptr: NDArray[np.integer]
    indices: NDArray[np.integer]
    evaluations: int
    level: float


@dataclass(slots=True)
class _Probe:
    """Where moves start, how far they may go, and what counts as a change."""

    base: Floats
    fun: Floats
    size: Floats
    below: Floats
    above: Floats
    least: Floats
    left: float
    spent: int = 0
    times: int = 0

    def pay(self) -> None:
        """Take one evaluation out of the budget."""
        self.spent += 1
        if self.spent > self.left:
            raise InputError(NO_BUDGET)


def detect(
    base: Floats, fun: Floats, below: Floats, above: Floats, noise: float = 0.0, left: float = inf
) -> Core[Found]:
    """Find the pattern of f at a point; ``fun`` (m floats) is f there, ``below`` and ``above`` say how far x may move.

    Raises InputError when f has no value at a point near x, even a very near one, or when more evaluations are needed
    than are ``left``.
    """
    size = np.where(base == 0.0, AT_ZERO, BESIDE * np.abs(base))
    probe = _Probe(base, fun, size, below, above, np.full(fun.size, ABOVE * noise), left)
    yield from _listen(probe)
    n = base.size
    count = n if n <= FEW else BLOCKS
    rows, blocks = yield from _one_by_one(probe, np.arange(n) * count // n, count)
    while count < n:
        finer = min(n, 2 * count)
        left = int(np.ceil(np.log2(n / finer))) + 1
        rows, blocks = _split(rows, blocks, count, finer, n)
        colors = _colors(rows, blocks, finer, fun.size)
        need = int(colors.max(initial=-1)) + 1
        if need * left >= n or probe.spent + need > n // 2:
            if rows.size > fun.size * finer // 2:
                rows, blocks = yield from _one_by_one(probe, np.arange(n), n)
                break
            if finer < n:
                rows, blocks = _split(rows, blocks, finer, n, n)
                finer, colors = n, _colors(rows, blocks, n, fun.size)
        seen = yield from _together(probe, rows, blocks, colors, np.arange(n) * finer // n)
        rows, blocks, count = rows[seen], blocks[seen], finer
    order = np.lexsort((blocks, rows))
    starts = np.zeros(fun.size + 1, dtype=np.int64)
    np.cumsum(np.bincount(rows, minlength=fun.size), out=starts[1:])
    return Found(starts, blocks[order], probe.spent, float(probe.least.max()))


def _listen(probe: _Probe) -> Generator[Request, Reply, None]:
    """Evaluate f at x again; where it gives other values it is random, and its noise is measured."""
    values = [probe.fun]
    for repeat in range(1, 2 + REPEATS):
        probe.pay()
        reply = yield Request(probe.base, None, (0.0,), repeat=repeat)
        values.append(values_of(reply)[0])
        if repeat == 1 and np.array_equal(values[0], values[1]):
            return
    spread = np.max(values, axis=0) - np.min(values, axis=0)
    loud = spread[spread > 0.0]
    probe.least = np.maximum(probe.least, ABOVE * np.where(spread > 0.0, np.maximum(spread, np.median(loud)), 0.0))


def _one_by_one(
    probe: _Probe, block: NDArray[np.intp], count: int
) -> Generator[Request, Reply, tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Move each block alone; return the rows and blocks that were seen to meet."""
    rows, blocks = [], []
    for index in range(count):
        changed = yield from _changed(probe, block == index)
        hit = np.flatnonzero(changed)
        rows.append(hit)
        blocks.append(np.full(hit.size, index))
    return np.concatenate(rows), np.concatenate(blocks)


def _together(
    probe: _Probe,
    rows: NDArray[np.int64],
    blocks: NDArray[np.int64],
    colors: NDArray[np.int32],
    block: NDArray[np.intp],
) -> Generator[Request, Reply, NDArray[np.bool_]]:
    """Move the blocks of each color together; return which rows and blocks do meet, of those that may."""
    seen = np.zeros(rows.size, dtype=bool)
    own = colors[blocks]
    for color in range(int(colors.max(initial=-1)) + 1):
        changed = yield from _changed(probe, (colors == color)[block])
        place = np.flatnonzero(own == color)
        seen[place] = changed[rows[place]]
    return seen


def _changed(probe: _Probe, moving: NDArray[np.bool_]) -> Generator[Request, Reply, NDArray[np.bool_]]:
    """Move some columns; return which outputs change."""
    probe.times += 1
    j = np.flatnonzero(moving)
    for share in SMALLER:
        ways = np.zeros((1, probe.base.size))
        ways[0, j] = moves(j, probe.times, share * probe.size[j], probe.below[j], probe.above[j])
        probe.pay()
        reply = yield Request(probe.base, (0,), np.ones(1), ways)
        if reply.status is None or reply.status[0] in (0, NOT_FINITE):
            with np.errstate(all="ignore"):
                found: NDArray[np.bool_] = ~(np.abs(values_of(reply)[0] - probe.fun) <= probe.least)
            return found
    raise InputError(NO_VALUE)


def moves(j: NDArray[np.integer], time: int, size: Floats, below: Floats, above: Floats) -> Floats:
    """Return by how much columns move, the so manieth time: half to all of a size, within the room there is.

    >>> moves(np.array([0, 1]), 1, np.ones(2), np.full(2, np.inf), np.array([0.1, np.inf]))
    array([-0.51612378, -0.82514077])
    """
    turn = ((j + 1) * GOLDEN + time * _ROOT) % 1.0
    by = size * (0.5 + 0.5 * turn) * np.where((turn * 64.0) % 2.0 < 1.0, 1.0, -1.0)
    room, other = np.where(by > 0.0, above, below), np.where(by > 0.0, below, above)
    # To the other side where there is no room, and less far where there is none on either.
    by = np.where((np.abs(by) > room) & (other > room), -by, by)
    found: Floats = np.copysign(np.minimum(np.abs(by), np.maximum(room, other)), by)
    return found


def _split(
    rows: NDArray[np.int64], blocks: NDArray[np.int64], coarse: int, fine: int, n: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return for each row and block the row with every finer block inside."""
    # Column j lies in block j * count // n; a finer block lies where its first column does.
    first = -(-np.arange(fine) * n // fine)
    parent = first * coarse // n
    starts = np.searchsorted(parent, np.arange(coarse + 1))
    inside = np.diff(starts)[blocks]
    step = np.arange(int(inside.sum())) - np.repeat(np.cumsum(inside) - inside, inside)
    return np.repeat(rows, inside), np.repeat(starts[blocks], inside) + step


def _colors(rows: NDArray[np.int64], blocks: NDArray[np.int64], count: int, m: int) -> NDArray[np.int32]:
    """Color blocks so that no row has two of a color; neighboring rows are one where that does not cost much."""
    most = int(np.bincount(rows, minlength=m).max(initial=0))
    if count < m:
        coarse = rows * count // m
        if count <= TABLE:
            table = np.zeros((count, count), dtype=bool)
            table[coarse, blocks] = True
            near, met = np.nonzero(table)
        else:
            key = np.unique(coarse * count + blocks)
            near, met = key // count, key % count
        sizes = np.bincount(near, minlength=count)
        if int(sizes.max(initial=0)) <= most + LOOSER:
            return coloring.columns(np.concatenate([[0], np.cumsum(sizes)]), met, count)
    order = np.lexsort((blocks, rows))
    sizes = np.bincount(rows, minlength=m)
    return coloring.columns(np.concatenate([[0], np.cumsum(sizes)]), blocks[order], count)
