"""Extrapolation tables with an error model for every entry.

Theory. With steps halved from row to row (nearly: the ratios are taken as they are), ``values[j]`` is an
approximation whose error is a series in ``h**2`` (symmetric pairs) or in ``h`` (one side). Entry ``(j, k)`` of
the Neville table removes k terms of it. Two errors remain, and both are estimated for *every* entry:

* truncation, from the contrast ``|T[j][k] - T[j][k-1]|``, the same contrast one row up divided by what a
  row gains (which guards against an accidental zero), and the decay from order to order;
* noise, ``C[k] * sigma / s[j]``, with factors that follow exactly from the weights.

The entry with the smallest bar wins, wherever it stands. Divided by its own noise factor ``G[k]``, a
contrast of pure noise has the size of the noise at every order, while the contrast of a resolved
smooth function falls to the level of rounding: this is how noise is told from structure.

Everything is in units of f: steps are ratios ``s`` to a reference step, so that neither tiny nor huge
arguments or values overflow. The caller divides by the reference step at the end.

References: L. F. Richardson, 1911; C. J. F. Ridders, Advances in Engineering Software 4, 1982 (the
table); J. J. Moré and S. M. Wild, Estimating computational noise, SISC 33, 2011 (levels of a
difference table).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, sqrt

from secant.core.request import UNIT_ROUNDOFF

#: Highest order of extrapolation: beyond it the noise factors stand still and nothing is gained.
TOP_ORDER = 9

#: Least contrast believed, beside the entry: an eighth of the rounding of the table itself.
GRAIN = 0.12 * UNIT_ROUNDOFF

Rows = list[list[float]]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of table: its gain per order, noise factors, and the constants of its truncation model.

    ``gain[k]`` is 1 / (q**k - 1); ``value_noise[k]`` and ``contrast_noise[k]`` are the standard deviations of an
    entry and of its contrast for independent noise of size 1 in each value of f, times ``s**power``.
    """

    q: int
    power: int
    gain: tuple[float, ...]
    value_noise: tuple[float, ...]
    contrast_noise: tuple[float, ...]
    guard: float
    first_decay: float


def _kind(q: int, power: int, shared: float, single: float, guard: float, first_decay: float) -> Kind:
    """Tabulate a kind; the variance of weights w is single * sum(w**2) + shared * sum(w)**2."""

    def deviation(weights: list[float]) -> float:
        scaled = [weight / 2.0 ** (power * index) for index, weight in enumerate(weights)]
        return sqrt(single * sum(part * part for part in scaled) + shared * sum(scaled) ** 2)

    weights = [1.0]
    value_noise, contrast_noise, gain = [deviation(weights)], [0.0], [0.0]
    for order in range(1, TOP_ORDER + 1):
        factor = float(q**order)
        wider = [*weights, 0.0]
        shifted = [0.0, *weights]
        new = [(factor * a - b) / (factor - 1.0) for a, b in zip(wider, shifted, strict=True)]
        contrast_noise.append(deviation([a - b for a, b in zip(new, wider, strict=True)]))
        value_noise.append(deviation(new))
        gain.append(1.0 / (factor - 1.0))
        weights = new
    return Kind(q, power, tuple(gain), tuple(value_noise), tuple(contrast_noise), guard, first_decay)


#: Odd part of a pair, (f(x+h) - f(x-h)) / 2: the first derivative. Its two values have independent noise.
ODD = _kind(q=4, power=1, shared=0.0, single=0.5, guard=1.2, first_decay=0.5)
#: Even part, f(x+h) - 2 f(x) + f(x-h): the second derivative; f(x) is shared by all rows.
EVEN = _kind(q=4, power=2, shared=4.0, single=2.0, guard=1.2, first_decay=0.5)
#: One side, f(x+h) - f(x): the first derivative at the end of a domain.
SIDE = _kind(q=2, power=1, shared=1.0, single=1.0, guard=0.6, first_decay=0.7)


def append(rows: Rows, s: list[float], value: float, kind: Kind) -> None:
    """Add the row of the next smaller step; ``s`` holds the steps of all rows, this one's last."""
    row = [value]
    if rows:
        square, last, j = kind.q == 4, s[-1], len(rows)
        for k, above in enumerate(rows[-1][:TOP_ORDER], 1):
            ratio = s[j - k] / last
            value += (value - above) / ((ratio * ratio if square else ratio) - 1.0)
            row.append(value)
    rows.append(row)


def append_pair(odd: Rows, even: Rows, s: list[float], a: float, b: float) -> None:
    """Add the next smaller step to the odd and the even table at once."""
    row, other = [a], [b]
    j = len(odd)
    if j:
        last, above, beside = s[-1], odd[-1], even[-1]
        for k in range(1, min(len(above), TOP_ORDER) + 1):
            ratio = s[j - k] / last
            gain = 1.0 / (ratio * ratio - 1.0)
            a = a + (a - above[k - 1]) * gain
            b = b + (b - beside[k - 1]) * gain
            row.append(a)
            other.append(b)
    odd.append(row)
    even.append(other)


def open_pairs(odd: list[float], even: list[float], s: list[float]) -> tuple[Rows, Rows]:
    """Return the tables of three pairs: what three times ``append_pair`` makes, without loops."""
    first, middle, last = s
    ratio = first / middle
    upper = 1.0 / (ratio * ratio - 1.0)
    ratio = middle / last
    lower = 1.0 / (ratio * ratio - 1.0)
    ratio = first / last
    second = 1.0 / (ratio * ratio - 1.0)
    a, b, c = odd
    high, low = b + (b - a) * upper, c + (c - b) * lower
    rows = [[a], [b, high], [c, low, low + (low - high) * second]]
    a, b, c = even
    high, low = b + (b - a) * upper, c + (c - b) * lower
    return rows, [[a], [b, high], [c, low, low + (low - high) * second]]


def prepend_pair(odd: Rows, even: Rows, s: list[float], a: float, b: float) -> None:
    """Add the next larger step, ``s[0]``: one new entry at the end of every row below it."""
    odd.insert(0, [a])
    even.insert(0, [b])
    first, above, beside = s[0], odd[0], even[0]
    for j in range(1, len(odd)):
        row, other = odd[j], even[j]
        k = len(row)
        if k > TOP_ORDER or k > len(above):
            break
        ratio = first / s[j]
        gain = 1.0 / (ratio * ratio - 1.0)
        a, b = row[-1], other[-1]
        row.append(a + (a - above[-1]) * gain)
        other.append(b + (b - beside[-1]) * gain)
        above, beside = row, other


def bend(row: list[float], other: list[float], s: Sequence[float]) -> tuple[float, float, float, float]:
    """Return what terms of f reach at the largest of three steps.

    They are those of second and of third order, with their signs, and the sizes of those of third and fourth, and of
    fifth and sixth order. ``row`` and ``other`` are the odd and the even row of the smallest step, of which three
    entries are used: each contrast is the term that the next order removes, at the steps of its rows. Arrays will do
    for numbers.
    """
    top, middle, low = s
    share = top / low
    third = share * share
    share = top / middle
    fifth = third * share * share
    square = top * top
    cubic, beside = third * (row[0] - row[1]) * top, 0.5 * third * abs(other[1] - other[0]) * square
    higher, above = abs(row[2] - row[1]) * top, 0.5 * abs(other[2] - other[1]) * square
    return 0.5 * other[2] * square, cubic, abs(cubic) + beside, fifth * (higher + above)


def room_for_noise(row: list[float], scale: float, kind: Kind) -> tuple[float, int]:
    """Return the least level of noise that a row's last contrasts leave room for, and for how many orders it stood.

    ``scale`` is the row's step to the kind's power. No contrast is believed to be finer than the spacing of the table's
    own numbers: at high order a plain zero says nothing. Noise does not fall from order to order, truncation does.
    """
    least, flat, n, noise = inf, 0, len(row), kind.contrast_noise
    first = n - 4 if n > 5 else 1
    before, grain = row[first - 1], GRAIN * abs(row[-1])
    for k in range(first, n):
        value = row[k]
        gap = abs(value - before)
        seen = (gap if gap > grain else grain) / noise[k]
        if seen > 0.5 * least:
            flat += 1
        else:
            flat = 0
        if seen < least:
            least = seen
        before = value
    return least * scale, flat


def contrast(rows: Rows, j: int, k: int, s: float, kind: Kind) -> float:
    """Return the contrast of entry (j, k) in units of the noise of f."""
    row = rows[j]
    scale = s if kind.power == 1 else s * s
    return abs(row[k] - row[k - 1]) * scale / kind.contrast_noise[k]


def best_in_row(rows: Rows, j: int, low: int, s: float, sigma: float, u: float, kind: Kind) -> tuple[float, int]:
    """Return the smallest bar among the entries of row j from order ``low`` on, and its order.

    Truncation is estimated as 1.5 times the contrast times its decay from order to order.
    """
    row = rows[j]
    above = rows[j - 1] if j else row[:0]
    noise, factors, gain, guard, q, n = 2.0 * sigma / s, kind.value_noise, kind.gain, kind.guard, kind.q, len(above)
    before = abs(row[low - 1] - row[low - 2]) if low > 1 else 0.0
    least, where = inf, 0
    for k in range(low, len(row)):
        value = row[k]
        own = gap = abs(value - row[k - 1])
        if k < n:
            other = guard * gain[k] * abs(above[k] - above[k - 1])
            if other > gap:
                gap = other
        if k == 1:
            bar = 1.5 * kind.first_decay * gap
        else:
            scaled = q * gap
            if scaled >= before:
                bar = 1.5 * gap
            elif scaled > 0.06 * before:
                bar = 1.5 * gap * (scaled / before)
            else:
                bar = 0.09 * gap
        bar += factors[k] * noise + u * abs(value)
        if bar < least:
            least, where = bar, k
        before = own
    return least, where
