"""Coefficients of an interpolating polynomial, over any window of steps, with an error model for every one.

Theory. The odd part of a pair, over h, is a polynomial in ``v = h**2`` whose coefficient of ``v**c`` is the derivative
of order 2 c + 1 over its factorial; the even part over ``h**2`` holds twice those of order 2 c + 2; and of a one-sided
difference over h, a polynomial in ``v = h``, the coefficient is the derivative of order c + 1. For n steps the
coefficient is ``sum(w[i] * y[i])`` with Lagrange's weights

    w[i] = (-1)**c * e(v without v[i]) / product of (v[j] - v[i]),      e: elementary symmetric of degree n - 1 - c.

All of e's terms have one sign, so that weights are right to the last digits. A window is a range of neighboring steps.
Two errors remain:

* truncation. The n-th divided difference A[n] of the data times e of degree n - c of the window. A[n] is not known,
  those of the windows inside are, from how far a coefficient moves with one step more; their decay from order to order
  says what to expect, and the same difference among larger steps guards against an accidental zero;
* noise, from the weights, for independent noise in every value of f.

The window with the smallest bar wins. Steps need not be halved: several close to the largest leave far less noise in a
high derivative than a geometric series does, as Chebyshev's points do.

References: L. F. Richardson, 1911; B. Fornberg, Mathematics of Computation 51, 1988 (weights for any points); J. N.
Lyness and C. B. Moler, SIAM J. Numer. Anal. 4, 1967 (rounding of high derivatives).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf, nan, sqrt

#: Standard deviations of the noise in a bar, and safety of the truncation.
DEVIATIONS, SAFETY = 2.0, 2.0
#: Smaller steps are asked whether they agree as long as their noise is not so many bars.
FAINT = 10.0
#: Sums of both bars by which two windows may differ.
APART = 2.0
#: The most steps in a window.
WIDEST = 14
#: What a window of few steps is taken to gain by its last one, the least that any is, and the guard of a zero.
FIRST_DECAY, LEAST_DECAY, GUARD = 0.5, 0.06, 1.0
#: Decay from which on what is still to come is not counted any higher.
SLOWEST = 0.8


@dataclass(frozen=True, slots=True)
class Part:
    """One kind of data: ``v`` is a step to ``square`` or itself, the data a difference over a step to ``power``.

    The variance of a sum with weights w of such data is ``single * sum(w**2) + shared * sum(w)**2``.
    """

    square: bool
    power: int
    single: float
    shared: float


ODD_PART = Part(True, 1, 0.5, 0.0)
EVEN_PART = Part(True, 2, 2.0, 4.0)
SIDE_PART = Part(False, 1, 1.0, 1.0)


@dataclass(slots=True)
class Data:
    """Steps, largest first (in a unit of their own), what was found there, and the noise of f at each."""

    part: Part
    steps: list[float]
    values: list[float]
    noise: list[float]


@dataclass(slots=True)
class Window:
    """A coefficient with its bar, the share of it that is noise, and its range of steps, both ends included."""

    value: float
    bar: float
    noise: float
    top: int
    bottom: int


NOWHERE = Window(nan, inf, 0.0, 0, 0)


@dataclass(slots=True)
class _Row:
    """All windows that end at one step: values, their noise, e of degree n - c, by number of steps less one."""

    values: list[float]
    noise: list[float]
    size: list[float]


def _row(data: Data, bottom: int, c: int, widest: int) -> _Row:
    """Return the coefficients of windows that end at ``bottom`` and grow upward."""
    part = data.part
    v = [step * step for step in data.steps] if part.square else data.steps
    scale = [step**part.power for step in data.steps]
    row = _Row([], [], [])
    # In units of the largest, for the squares of very small and very large levels are beyond the range of floats.
    loudest = max(data.noise, default=0.0) or 1.0
    loud = [level / loudest / size for level, size in zip(data.noise, scale, strict=True)]
    nodes: list[int] = []
    # Of each node, the lowest coefficients of the product of (v[j] + x) over the others, and that of (v[j] - v[i]).
    products: list[list[float]] = []
    gaps: list[float] = []
    whole = [1.0] + [0.0] * c
    sign = -1.0 if c % 2 else 1.0
    for new in range(bottom, max(bottom - widest, -1), -1):
        here = v[new]
        gap = 1.0
        for index, node in enumerate(nodes):
            product = products[index]
            for m in range(c, 0, -1):
                product[m] = product[m] * here + product[m - 1]
            product[0] *= here
            gaps[index] *= here - v[node]
            gap *= v[node] - here
        products.append(list(whole))
        gaps.append(gap)
        nodes.append(new)
        for m in range(c, 0, -1):
            whole[m] = whole[m] * here + whole[m - 1]
        whole[0] *= here
        total = squares = straight = 0.0
        if len(nodes) > c:
            for index, node in enumerate(nodes):
                weight = sign * products[index][c] / gaps[index]
                total += weight * data.values[node]
                weight *= loud[node]
                squares += weight * weight
                straight += weight
        row.values.append(total)
        row.noise.append(loudest * sqrt(part.single * squares + part.shared * straight * straight))
        row.size.append(whole[c])
    return row


def best_window(data: Data, c: int, u: float, other: Data | None = None, *, top_only: bool = False) -> Window:
    """Return the window of smallest bar for the coefficient of ``v**c``; NOWHERE when there are too few steps.

    At least c + 2 steps are needed. The ``other`` part of the same pairs has its say in the bars: how far the two sides
    of x may differ, by what of it does not settle. ``top_only`` looks at windows that start at the largest step alone.
    """
    ends: list[Window] = []
    least, above = inf, _Row([], [], [])
    # The order above the one that is wanted.
    place = c if other is None or other.part is EVEN_PART else c + 1
    for bottom in range(c + 1, len(data.steps)):
        if DEVIATIONS * _row(data, bottom, c, c + 1).noise[c] >= FAINT * least:
            # Smaller steps only have more noise.
            break
        row = _row(data, bottom, c, min(bottom + 1, WIDEST))
        beside = None if other is None else _row(other, bottom, place, min(bottom + 1, WIDEST))
        best = NOWHERE
        for n in range(max(min(place + 2, len(data.steps)), c + 2), len(row.values) + 1):
            top = bottom + 1 - n
            if top and top_only:
                continue
            found = _judged(row, above, n, c, top, bottom, u)
            if found.bar < best.bar:
                if beside is not None and n > place + 1:
                    # What follows the wanted order's power of h on one side only shows so in the order above.
                    moved = abs(beside.values[n - 1] - beside.values[n - 2])
                    apart = moved - 2.0 * DEVIATIONS * beside.noise[n - 1]
                    found.bar += max(apart, 0.0) * data.steps[bottom]
                if found.bar < best.bar:
                    best = found
        if best is not NOWHERE:
            ends.append(best)
            least = min(least, best.bar)
        above = row
    return _agreed(ends)


def _agreed(ends: list[Window]) -> Window:
    """Return the window of smallest bar when each must agree with those of other steps, or widen its bar."""
    best, least = NOWHERE, inf
    for found in ends:
        if found.bar >= least:
            continue
        bar = found.bar
        for its in ends:
            apart = abs(found.value - its.value)
            if apart > APART * (found.bar + its.bar):
                bar = max(bar, found.bar + apart)
        if bar < least:
            least, best = bar, found
    return best if best is NOWHERE else replace(best, bar=least)


def plain_spread(data: Data, c: int, found: Window) -> float:
    """Return how far a window is from what its smallest steps say without extrapolation."""
    rows = (_row(data, bottom, c, c + 1).values for bottom in range(max(found.bottom - 1, c), found.bottom + 1))
    return max((abs(row[c] - found.value) for row in rows if len(row) > c), default=0.0)


def _judged(row: _Row, above: _Row, n: int, c: int, top: int, bottom: int, u: float) -> Window:
    """Return the window of the n steps above ``bottom``, with its bar."""
    value = row.values[n - 1]
    gap = abs(value - row.values[n - 2])
    if top and len(above.values) >= n:
        # The same divided difference, from the window one step further up.
        other = abs(above.values[n - 1] - above.values[n - 2])
        gap = max(gap, GUARD * other * row.size[n - 2] / above.size[n - 2])
    if n > c + 2:
        before = abs(row.values[n - 2] - row.values[n - 3])
        next_, last, earlier = row.size[n - 1], row.size[n - 2], row.size[n - 3]
        # A[n] / A[n-1] is taken to be A[n-1] / A[n-2].
        decay = gap / before * (earlier / last) * (next_ / last) if before > 0.0 else 1.0
        decay = min(max(decay, LEAST_DECAY), 2.0)
        if gap > row.noise[n - 1]:
            # All that is still to come is a geometric series. If it does not converge, the value is worth no more than
            # that of the smallest steps alone.
            gap += abs(value - row.values[c]) if decay > 1.0 else 0.0
            decay /= 1.0 - min(decay, SLOWEST)
    else:
        decay = FIRST_DECAY
    noise = DEVIATIONS * row.noise[n - 1]
    return Window(value, SAFETY * gap * decay + noise + u * abs(value), noise, top, bottom)
