"""Extrapolation tables with an error model for every entry.

Theory. With steps halved from row to row (nearly: the ratios are taken as they are), ``values[j]`` is an approximation whose error is a series
in ``h**2`` (symmetric pairs) or in ``h`` (one side). Entry ``(j, k)`` of the Neville table removes k
terms of it. Two errors remain, and both are estimated for *every* entry:

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

from dataclasses import dataclass
from math import inf, sqrt

from secant.core.request import UNIT_ROUNDOFF

#: Highest order of extrapolation: beyond it the noise factors stand still and nothing is gained.
TOP_ORDER = 9

#: Least contrast believed, beside the entry: an eighth of the rounding of the table itself.
GRAIN = 0.12 * UNIT_ROUNDOFF

Rows = list[list[float]]
#: What a row says of noise: the least level that its last odd and its last even contrasts leave room for, for how many
#: orders both have not fallen, as noise does not, and the larger of the two contrasts at the highest order.
Level = tuple[float, float, int, float]
_SILENT: Level = (inf, inf, 0, inf)


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
_ODD_NOISE, _EVEN_NOISE = ODD.contrast_noise, EVEN.contrast_noise
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


def append_pair(odd: Rows, even: Rows, s: list[float], a: float, b: float) -> Level:
    """Add the next smaller step to the odd and the even table at once; return what the new row says of noise.

    No contrast is believed to be finer than the spacing of the table's own numbers: at high order a plain zero says
    nothing.
    """
    row, other = [a], [b]
    loud = louder = inf
    flat, top = 0, inf
    j = len(odd)
    if j:
        last, above, beside = s[-1], odd[-1], even[-1]
        count = min(len(above), TOP_ORDER)
        for k in range(1, count + 1):
            ratio = s[j - k] / last
            gain = 1.0 / (ratio * ratio - 1.0)
            step, bend = (a - above[k - 1]) * gain, (b - beside[k - 1]) * gain
            a += step
            b += bend
            row.append(a)
            other.append(b)
            if k > count - 4:
                top = max(abs(step) * last / _ODD_NOISE[k], abs(bend) * last * last / _EVEN_NOISE[k])
                seen = max(abs(step), GRAIN * abs(a)) * last / _ODD_NOISE[k]
                also = max(abs(bend), GRAIN * abs(b)) * last * last / _EVEN_NOISE[k]
                flat = flat + 1 if seen > 0.5 * loud and also > 0.5 * louder else 0
                loud, louder = min(loud, seen), min(louder, also)
    odd.append(row)
    even.append(other)
    return loud, louder, flat, top


def open_pairs(odd: list[float], even: list[float], s: list[float]) -> tuple[Rows, Rows, list[Level], float]:
    """Return the tables of three pairs and their levels: what three times ``append_pair`` makes, without loops.

    The last number is the share to which the contrasts of the third row fall from the first to the second order.
    """
    first, middle, last = s
    ratio = first / middle
    upper = 1.0 / (ratio * ratio - 1.0)
    ratio = middle / last
    lower = 1.0 / (ratio * ratio - 1.0)
    ratio = first / last
    second = 1.0 / (ratio * ratio - 1.0)
    rows, levels, tops, falls = [], [], [], []
    for (a, b, c), scale, deeper, noise in (
        (odd, middle, last, _ODD_NOISE),
        (even, middle * middle, last * last, _EVEN_NOISE),
    ):
        up, down = (b - a) * upper, (c - b) * lower
        high, low = b + up, c + down
        top = (low - high) * second
        rows.append([[a], [b, high], [c, low, low + top]])
        one, two, three = abs(up) * scale / noise[1], abs(down) * deeper / noise[1], abs(top) * deeper / noise[2]
        levels.append(
            (
                max(one, GRAIN * abs(high) * scale / noise[1]),
                max(two, GRAIN * abs(low) * deeper / noise[1]),
                max(three, GRAIN * abs(low + top) * deeper / noise[2]),
            )
        )
        tops.append((one, three))
        falls.append(three / two if two else 1.0)
    (odd1, odd2, odd3), (even1, even2, even3) = levels
    flat = int(odd3 > 0.5 * odd2 and even3 > 0.5 * even2)
    says = [
        _SILENT,
        (odd1, even1, 0, max(tops[0][0], tops[1][0])),
        (min(odd2, odd3), min(even2, even3), flat, max(tops[0][1], tops[1][1])),
    ]
    return rows[0], rows[1], says, max(falls)


def prepend_pair(odd: Rows, even: Rows, s: list[float], a: float, b: float, levels: list[Level]) -> None:
    """Add the next larger step, ``s[0]``: one new entry at the end of every row below it, and its say in the levels."""
    odd.insert(0, [a])
    even.insert(0, [b])
    levels.insert(0, _SILENT)
    first, above, beside = s[0], odd[0], even[0]
    for j in range(1, len(odd)):
        row, other, here = odd[j], even[j], s[j]
        k = len(row)
        if k > TOP_ORDER or k > len(above):
            break
        ratio = first / here
        gain = 1.0 / (ratio * ratio - 1.0)
        a, b = row[-1], other[-1]
        step, bend = (a - above[-1]) * gain, (b - beside[-1]) * gain
        a, b = a + step, b + bend
        row.append(a)
        other.append(b)
        loud, louder, flat, _ = levels[j]
        seen = max(abs(step), GRAIN * abs(a)) * here / _ODD_NOISE[k]
        also = max(abs(bend), GRAIN * abs(b)) * here * here / _EVEN_NOISE[k]
        flat = flat + 1 if seen > 0.5 * loud and also > 0.5 * louder else 0
        top = max(abs(step) * here / _ODD_NOISE[k], abs(bend) * here * here / _EVEN_NOISE[k])
        levels[j] = (seen if seen < loud else loud, also if also < louder else louder, flat, top)
        above, beside = row, other


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
