"""Coloring: which columns of a sparse Jacobian or Hessian can share one evaluation.

Columns without a common row are *structurally orthogonal*: f moved along all of them at once tells the entries of each
apart (Curtis, Powell and Reid 1974). To share as much as possible is to color the columns' intersection graph with few
colors (Coleman and More 1983), and colors are what a Jacobian costs. Rules:

* A pattern is what CSR holds: ``indptr`` and ``indices``, sorted within each row, each entry once. AᵀA, whose entries
  would not fit, is never formed: a row keeps the set of its colors as the bits of one integer.
* No coloring has fewer colors than a row has entries, so the search ends as soon as one has that many. A pattern of few
  diagonals (bands, grids in one to three dimensions) is colored by a formula, ``(x + s y + t z) mod p``, at once;
  others by the greedy rule in several orders, of which the best is kept (the natural order beats a random one by as
  much as half the colors).
* A Hessian is symmetric, and an entry may be read from either of its two places. A *star coloring* asks for that and
  no more: different colors for neighbors, and three at least on every path of four vertices (Coleman and More 1984;
  Gebremedhin, Manne and Pothen, SIAM Review 47, 2005).

Colors are numbered from 0. A column without entries, which need not be moved, may have the color -1.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Index: TypeAlias = NDArray[np.integer]
Colors: TypeAlias = NDArray[np.int32]

#: Diagonals up to which a formula is looked for, and colors up to which it is: a word has 63 bits for them.
DIAGONALS, MODULUS = 64, 63
#: Row strides that a grid may have beside each other, nearest first, among which a formula is looked for.
STRIDES = 8
#: Entries that are looked at together.
PART = 2**16
#: Pairs of entries within a row up to which the costly order (smallest last) is tried.
PAIRS = 2_000_000


def columns(indptr: Index, indices: Index, n: int) -> Colors:
    """Color the n columns of a pattern so that no row has two columns of one color.

    >>> tridiagonal = np.array([0, 2, 5, 8, 10]), np.array([0, 1, 0, 1, 2, 1, 2, 3, 2, 3])
    >>> columns(*tridiagonal, 4)
    array([0, 1, 2, 0], dtype=int32)
    """
    counts = np.diff(indptr)
    least = int(counts.max(initial=0))
    best = _by_formula(indptr, indices, n, least)
    if best is not None and _count(best) == least:
        return best
    if least == n:
        return np.arange(n, dtype=np.int32)
    rows = np.repeat(np.arange(counts.size, dtype=np.int32), counts)
    across = _transposed(rows, indices, n)
    for order in _orders(counts, rows, indptr, indices, across, n):
        found = _greedy(order, *across, counts.size, n)
        if best is None or _count(found) < _count(best):
            best = found
        if _count(best) == least:
            break
    assert best is not None
    return best


def symmetric(indptr: Index, indices: Index, n: int) -> Colors:
    """Color a symmetric pattern so that each entry can be read directly from one of its two places.

    The diagonal is taken to belong to the pattern, whether it is listed or not.

    >>> arrow = np.array([0, 4, 6, 8, 10]), np.array([0, 1, 2, 3, 0, 1, 0, 2, 0, 3])
    >>> symmetric(*arrow, 4)
    array([0, 1, 1, 1], dtype=int32)
    """
    full = completed(indptr, indices, n)
    counts = np.diff(full[0])
    best = _by_formula(*full, n, int(counts.max(initial=0)))
    natural: Sequence[int] = range(n)
    # The largest first: its neighbors, which are many, may then share colors.
    for order in (natural, np.argsort(-counts, kind="stable").tolist()):
        if best is not None and n > PAIRS // 16:
            break
        found = _star(order, *full, n)
        if best is None or _count(found) < _count(best):
            best = found
    assert best is not None
    return best


def completed(indptr: Index, indices: Index, n: int) -> tuple[Index, Index]:
    """Return the least symmetric pattern that holds a square one, and its diagonal.

    >>> completed(np.array([0, 2, 2, 3]), np.array([0, 2, 2]), 3)
    (array([0, 2, 3, 5]), array([0, 2, 1, 0, 2]))
    """
    rows = np.repeat(np.arange(n), np.diff(indptr))
    columns, diagonal = indices.astype(np.int64), np.arange(n)
    key = np.unique(np.concatenate([rows * n + columns, columns * n + rows, diagonal * n + diagonal]))
    starts = np.searchsorted(key, np.arange(n + 1) * n)
    return starts, key % n


def readings(indptr: Index, indices: Index, colors: Colors, *, mirrored: bool = False) -> tuple[Index, Index]:
    """Return for each entry of a pattern, in its order, where it is read: a row, and the color that was moved.

    An entry (i, j) is read in row i of the color of column j when no other column of that color has an entry there;
    else, when ``mirrored`` (a symmetric pattern), in row j of the color of column i.

    >>> arrow = np.array([0, 4, 6, 8, 10]), np.array([0, 1, 2, 3, 0, 1, 0, 2, 0, 3])
    >>> readings(*arrow, symmetric(*arrow, 4), mirrored=True)[0]
    array([0, 1, 2, 3, 1, 1, 2, 2, 3, 3])
    """
    rows = np.repeat(np.arange(indptr.size - 1), np.diff(indptr))
    own = colors[indices]
    if not mirrored:
        return rows, own
    alone = _alone(rows, own)
    return np.where(alone, rows, indices), np.where(alone, own, colors[rows])


def valid(indptr: Index, indices: Index, colors: Colors) -> bool:
    """Return whether no row has two columns of one color, and every column with entries a color.

    >>> valid(np.array([0, 2]), np.array([0, 1]), np.array([0, 0], dtype=np.int32))
    False
    """
    own = colors[indices]
    return bool((own >= 0).all()) and bool(_alone(np.repeat(np.arange(indptr.size - 1), np.diff(indptr)), own).all())


def _count(colors: Colors) -> int:
    return int(colors.max(initial=-1)) + 1


def _alone(rows: Index, own: Colors) -> NDArray[np.bool_]:
    """Return for each entry whether it is the only one of its color in its row."""
    key = rows.astype(np.int64) * (int(own.max(initial=0)) + 1) + own
    _, back, count = np.unique(key, return_inverse=True, return_counts=True)
    found: NDArray[np.bool_] = count[back] == 1
    return found


def _transposed(rows: Index, indices: Index, n: int) -> tuple[Index, Index]:
    """Return the pattern by columns: where each begins, and the rows of its entries."""
    starts = np.zeros(n + 1, dtype=np.int64)
    np.cumsum(np.bincount(indices, minlength=n), out=starts[1:])
    return starts, rows[np.argsort(indices, kind="stable")]


# --- formulas -------------------------------------------------------------------------------------------


def _by_formula(indptr: Index, indices: Index, n: int, least: int) -> Colors | None:
    """Color a pattern of few diagonals by a formula; None where there is none, or it does not hold."""
    if not indices.size or not 0 < least <= MODULUS:
        return None
    diagonals = _diagonals(indptr, indices, n)
    if diagonals is None:
        return None
    gaps = np.unique(np.abs(np.subtract.outer(diagonals, diagonals)))[1:]
    for modulus in range(least, min(2 * least, MODULUS) + 1):
        for strides, shares in _formulas(gaps, modulus, set(diagonals.tolist())):
            colors = _lattice(n, strides, shares, modulus)
            # Along a line the formula holds as it stands; with strides, entries at the edges may be in its way.
            if not strides or _apart(indptr, indices, colors):
                return colors
    return None


def _diagonals(indptr: Index, indices: Index, n: int) -> Index | None:
    """Return the diagonals (column minus row) that have entries, in order; None when they are many.

    A part of the rows at a time, which stays in the cache: a pattern of millions is looked through in milliseconds.
    """
    m = indptr.size - 1
    seen = np.zeros(m + n, dtype=bool)
    for rows, first, last in parts(indptr):
        if last == first:
            continue
        offsets = indices[first:last] - rows
        width = int(np.searchsorted(rows, rows[0], side="right"))
        if offsets.size % width == 0 and rows[-width] == rows[-1]:
            # Rows that are all alike are compared with the first, which is far faster than to mark each entry.
            table = offsets.reshape(-1, width)
            if (table == table[0]).all():
                offsets = table[0]
        seen[offsets + m] = True
        if first == 0 and np.count_nonzero(seen) > DIAGONALS:
            return None
    found: Index = np.flatnonzero(seen) - m
    return found if found.size <= DIAGONALS else None


def parts(indptr: Index) -> Iterator[tuple[Index, int, int]]:
    """Yield the rows of entries in parts that fit into a cache, each with its first entry and the end.

    >>> [rows.tolist() for rows, _, _ in parts(np.array([0, 2, 2, 3]))]
    [[0, 0, 2]]
    """
    m = indptr.size - 1
    step = max(1, PART * m // max(1, int(indptr[-1])))
    for row in range(0, m, step):
        counts = np.diff(indptr[row : row + step + 1])
        first = int(indptr[row])
        numbers = np.arange(row, row + counts.size, dtype=np.int32)
        last = int(indptr[row + counts.size])
        alike = last - first == counts.size * int(counts[0]) and (counts == counts[0]).all()
        yield np.repeat(numbers, int(counts[0]) if alike else counts), first, last


def _formulas(gaps: Index, modulus: int, diagonals: set[int]) -> Iterator[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Yield strides and their shares under which no two columns that meet in a row have one color.

    Columns at a distance (a gap) of ``stride * r + c`` differ in color by ``share * r + c``, which must not be 0.
    """
    if (gaps % modulus).all():
        yield (), ()
    # A grid's own stride is most likely a diagonal, and others fail at its edges.
    wide = sorted((int(gap) for gap in gaps if gap > 2), key=lambda gap: gap not in diagonals)[:STRIDES]
    for stride in wide:
        r = np.round(gaps / stride).astype(np.int64)
        c = gaps - r * stride
        for share in range(modulus):
            if ((c + share * r) % modulus).all():
                yield (stride,), (share,)
                break
    for stride in wide:
        for outer in [int(gap) for gap in gaps if gap > 2 * stride and gap % stride == 0][:STRIDES]:
            r2 = np.round(gaps / outer).astype(np.int64)
            rest = gaps - r2 * outer
            r1 = np.round(rest / stride).astype(np.int64)
            c = rest - r1 * stride
            shares = np.arange(modulus)
            table = c + shares[:, None, None] * r1 + shares[None, :, None] * r2
            fits = np.argwhere((table % modulus).all(axis=2))
            if fits.size:
                yield (stride, outer), (int(fits[0, 0]), int(fits[0, 1]))


def _lattice(n: int, strides: tuple[int, ...], shares: tuple[int, ...], modulus: int) -> Colors:
    """Return the colors of a formula: place along the line, plus a share of each count of strides."""
    if strides and strides[0] < n:
        length = strides[0]
        table = (np.arange(-(-n // length), dtype=np.int64)[:, None] * shares[0] + np.arange(length)) % modulus
        if len(strides) > 1:
            height = strides[1] // length
            table = (table + (np.arange(len(table)) // height * (shares[1] - height * shares[0]))[:, None]) % modulus
        return table.reshape(-1)[:n].astype(np.int32)
    return np.tile(np.arange(modulus, dtype=np.int32), -(-n // modulus))[:n]


def _apart(indptr: Index, indices: Index, colors: Colors) -> bool:
    """Return whether no row has a color twice; there are at most 63 colors.

    Colors as bits: the union over a row has as many as the row has entries, unless one comes twice.
    """
    bit = np.left_shift(np.int64(1), colors, dtype=np.int64)
    for rows, first, last in parts(indptr):
        if not rows.size:
            continue
        bits = bit[indices[first:last]]
        starts = np.concatenate([[0], np.flatnonzero(rows[1:] != rows[:-1]) + 1])
        counts = np.diff(starts, append=bits.size)
        if not np.array_equal(np.bitwise_count(np.bitwise_or.reduceat(bits, starts)), counts):
            return False
    return True


# --- greedy ---------------------------------------------------------------------------------------------


def _orders(
    counts: Index, rows: Index, indptr: Index, indices: Index, across: tuple[Index, Index], n: int
) -> Iterator[Iterable[int]]:
    """Yield orders in which to color columns; the cheap ones first."""
    yield range(n)
    starts, _ = across
    meets = np.bincount(indices, weights=(counts - 1)[rows], minlength=n)
    yield np.argsort(-meets, kind="stable").tolist()
    if int((counts.astype(np.int64) ** 2).sum()) <= PAIRS:
        yield _smallest_last(indptr, indices, starts, across[1], n)


def _smallest_last(indptr: Index, indices: Index, starts: Index, members: Index, n: int) -> list[int]:
    """Return columns so that each meets few of those before it (Matula and Beck 1983)."""
    by_row = [indices[a:b].tolist() for a, b in zip(indptr[:-1].tolist(), indptr[1:].tolist(), strict=True)]
    meets: list[set[int]] = []
    for j, (a, b) in enumerate(zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True)):
        near: set[int] = set()
        for i in members[a:b].tolist():
            near.update(by_row[i])
        near.discard(j)
        meets.append(near)
    degree = [len(near) for near in meets]
    shelves: list[list[int]] = [[] for _ in range(max(degree, default=0) + 1)]
    for j, size in enumerate(degree):
        shelves[size].append(j)
    order: list[int] = []
    gone = [False] * n
    shelf = 0
    while len(order) < n:
        while not shelves[shelf]:
            shelf += 1
        j = shelves[shelf].pop()
        if gone[j] or degree[j] != shelf:
            continue
        gone[j] = True
        order.append(j)
        for k in meets[j]:
            if not gone[k]:
                degree[k] -= 1
                shelves[degree[k]].append(k)
        shelf = max(0, shelf - 1)
    return order[::-1]


def _greedy(order: Iterable[int], starts: Index, members: Index, m: int, n: int) -> Colors:
    """Give each column in turn the first color that none of its rows has yet."""
    taken, begins, rows = [0] * m, starts.tolist(), members.tolist()
    colors = [-1] * n
    for j in order:
        mine = rows[begins[j] : begins[j + 1]]
        if not mine:
            continue
        used = 0
        for i in mine:
            used |= taken[i]
        free = ~used & (used + 1)
        for i in mine:
            taken[i] |= free
        colors[j] = free.bit_length() - 1
    return np.array(colors, dtype=np.int32)


def _star(order: Iterable[int], indptr: Index, indices: Index, n: int) -> Colors:
    """Give each vertex in turn the first color that leaves no path of four vertices with two colors."""
    begins, listed = indptr.tolist(), indices.tolist()
    near = [[k for k in listed[begins[j] : begins[j + 1]] if k != j] for j in range(n)]
    colors = [-1] * n
    for v in order:
        used = 0
        for w in near[v]:
            own = colors[w]
            if own < 0:
                # w may get any color later, so its neighbors must differ.
                for x in near[w]:
                    if colors[x] >= 0:
                        used |= 1 << colors[x]
                continue
            used |= 1 << own
            for x in near[w]:
                if x == v or colors[x] < 0 or used >> colors[x] & 1:
                    continue
                # The path v w x y: when y has w's color, v must not have x's.
                if any(colors[y] == own for y in near[x] if y != w):
                    used |= 1 << colors[x]
        # Two neighbors of one color make v the middle of a path: their other neighbors must not have v's color.
        seen: dict[int, int] = {}
        for w in near[v]:
            if colors[w] >= 0:
                seen[colors[w]] = seen.get(colors[w], 0) + 1
        for w in near[v]:
            if colors[w] >= 0 and seen[colors[w]] > 1:
                for x in near[w]:
                    if x != v and colors[x] >= 0:
                        used |= 1 << colors[x]
        colors[v] = (~used & (used + 1)).bit_length() - 1
    return np.array(colors, dtype=np.int32)
