"""The formulas of :mod:`secant.core.extrapolate` for many ladders of one shape at once.

A flock of ladders has the same rows and orders; each number of a table is an array over its lanes. Sums and
products are those of the line core, in the same order, and decisions use nothing but arithmetic and comparisons:
so the answers are the same to the last bit, which a law of the tests holds them to. Where the line core breaks out
of a loop, a mask remembers it here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from secant.core import tableau
from secant.core.extrapolate import ENOUGH, LEVEL, PAYS, RISE
from secant.core.ladder import SHORT, STRETCH
from secant.core.request import Floats
from secant.core.tableau import EVEN, GRAIN, ODD, TOP_ORDER, Kind
from secant.core.told import LOUD, SCALE

Mask: TypeAlias = NDArray[np.bool_]
Whole: TypeAlias = NDArray[np.intp]
Columns: TypeAlias = list[list[Floats]]

_STRETCH = np.array(STRETCH)


@dataclass(slots=True)
class Picks:
    """A pick per lane: value and bar in units of f, where they stand, and the level that counted."""

    value: Floats
    bar: Floats
    row: Whole
    order: Whole
    sigma: Floats
    rounding: Floats

    def take(self, chosen: Mask | Whole) -> Picks:
        """Return the picks of some lanes."""
        return Picks(
            self.value[chosen],
            self.bar[chosen],
            self.row[chosen],
            self.order[chosen],
            self.sigma[chosen],
            self.rounding[chosen],
        )


def moved(x: Floats, h: Floats) -> Floats:
    """Return the steps that are taken for nominal steps (see :func:`secant.core.ladder.moved`)."""
    longer = h * _STRETCH[np.frexp(h)[1] & 7]
    size = np.where(x == 0.0, SHORT * h, np.abs(x))
    taken = (size + longer) - size
    return np.where((taken > 0.0) & (taken < np.inf), taken, h)


def unit_of(h: Floats) -> Floats:
    """Return the powers of two at or below steps (see :func:`secant.core.ladder.unit_of`)."""
    unit: Floats = np.ldexp(0.5, np.frexp(h)[1])
    return unit


def newest(odd: Columns, even: Columns, s: list[Floats]) -> Floats:
    """Return the larger contrast, odd or even, at the highest order of the newest row."""
    row, other, step = odd[-1], even[-1], s[-1]
    k = len(row) - 1
    one = np.abs(row[k] - row[k - 1]) * step / ODD.contrast_noise[k]
    two = np.abs(other[k] - other[k - 1]) * step * step / EVEN.contrast_noise[k]
    return np.where(one > two, one, two)


def _room(row: list[Floats], scale: Floats, kind: Kind) -> tuple[Floats, Whole]:
    """Return the level that the last contrasts of a row leave room for, and for how many orders it stood."""
    n, noise = len(row), kind.contrast_noise
    first = n - 4 if n > 5 else 1
    before, grain = row[first - 1], GRAIN * np.abs(row[-1])
    least = np.full(before.shape, np.inf)
    flat = np.zeros(before.shape, dtype=np.intp)
    for k in range(first, n):
        gap = np.abs(row[k] - before)
        seen = np.where(gap > grain, gap, grain) / noise[k]
        flat = np.where(seen > 0.5 * least, flat + 1, 0)
        least = np.where(seen < least, seen, least)
        before = row[k]
    return least * scale, flat


def level(odd: Columns, even: Columns, s: list[Floats], depth: int = 3) -> Floats:
    """Return the level of noise that the newest rows speak of."""
    last = len(s) - 1
    seen: list[Floats] = []
    beside: list[Floats] = []
    counted: list[Mask] = []
    limit = np.zeros(s[0].shape)
    alive = np.ones(s[0].shape, dtype=bool)
    for j in (last, *range(last - 1, max(1, last + 1 - depth) - 1, -1)):
        one, flat = _room(odd[j], s[j], ODD)
        two, flat_too = _room(even[j], s[j] * s[j], EVEN)
        if j < last:
            alive = alive & ~((np.minimum(flat, flat_too) < 2) & ((one > limit) | (two > limit)))
        limit = np.where(alive, np.maximum(limit, np.maximum(6.0 * one, 6.0 * two)), limit)
        seen.append(one)
        beside.append(two)
        counted.append(alive)
    both = _root_mean_square(seen + beside, counted + counted)
    return LEVEL * np.maximum(both, _root_mean_square(seen, counted))


def _root_mean_square(seen: list[Floats], counted: list[Mask]) -> Floats:
    most = np.zeros(seen[0].shape)
    for values, mask in zip(seen, counted, strict=True):
        most = np.where(mask & (values > most), values, most)
    plain = (most > 0.0) & (most < np.inf)
    unit = np.where(plain, most, 1.0)
    total, number = np.zeros(most.shape), np.zeros(most.shape)
    for values, mask in zip(seen, counted, strict=True):
        share = np.where(mask, values, 0.0) / unit
        total = total + share * share
        number = number + mask
    return np.where(plain, most * np.sqrt(total / number), most)


def sigmas(largest: list[Floats], sigma: Floats) -> list[Floats]:
    """Return the level that counts for each row, when it is ``sigma`` for the newest."""
    last = largest[-1]
    even = (largest[0] <= 1.25 * last) | (last == 0.0)
    safe = np.where(last == 0.0, 1.0, last)
    return [np.where(even, sigma, sigma * np.maximum(size / safe, 1.0)) for size in (largest[0], *largest[:-1])]


def best_in_row(
    rows: Columns, j: int, low: int | Whole, s: Floats, sigma: Floats, u: float
) -> tuple[Floats, Whole, Floats]:
    """Return the smallest bar among the entries of row j from order ``low`` on, its order and its value."""
    row, kind = rows[j], ODD
    above = rows[j - 1] if j else []
    noise = 2.0 * sigma / s
    least = np.full(s.shape, np.inf)
    where = np.zeros(s.shape, dtype=np.intp)
    value = row[0]
    first = int(np.min(low))
    for k in range(first, len(row)):
        own = gap = np.abs(row[k] - row[k - 1])
        if k < len(above):
            gap = np.maximum(gap, kind.guard * kind.gain[k] * np.abs(above[k] - above[k - 1]))
        if k == 1:
            bar = 1.5 * kind.first_decay * gap
        else:
            before = np.abs(row[k - 1] - row[k - 2])
            bar = _truncation(gap, before, float(kind.q))
        del own
        bar = bar + (kind.value_noise[k] * noise + u * np.abs(row[k]))
        better = (bar < least) & (k >= low)
        least, where, value = np.where(better, bar, least), np.where(better, k, where), np.where(better, row[k], value)
    return least, where, value


def _truncation(gap: Floats, before: Floats, q: float) -> Floats:
    scaled = q * gap
    safe = np.where(before > 0.0, before, 1.0)
    return np.where(
        scaled >= before, 1.5 * gap, np.where(scaled > 0.06 * before, 1.5 * gap * (scaled / safe), 0.09 * gap)
    )


def _lowest(row: list[Floats]) -> Whole:
    n = len(row)
    if n <= 5:
        return np.ones(row[0].shape, dtype=np.intp)
    return np.where(np.abs(row[-1] - row[-2]) <= 0.1 * np.abs(row[1] - row[0]), n - 4, 1)


def pick_best(rows: Columns, s: list[Floats], levels: list[Floats], u: float, rounding: Floats) -> Picks:
    """Return the entry with the smallest bar over the whole table."""
    last = len(rows) - 1
    least, order, value = best_in_row(rows, last, _lowest(rows[last]), s[last], levels[last], u)
    where = np.full(least.shape, last, dtype=np.intp)
    sigma, newest, own = levels[last], value, least
    alive = np.ones(least.shape, dtype=bool)
    floor = 2.0 * ODD.value_noise[1]
    for j in range(1, last):
        alive = alive & ~(floor * levels[j] >= least * s[j])
        if not alive.any():
            break
        row = rows[j]
        low = _lowest(row)
        skip = (low > 1) & (0.09 * np.abs(row[-1] - row[-2]) >= least)
        bar, k, found = best_in_row(rows, j, low, s[j], levels[j], u)
        better = alive & ~skip & (bar < least) & (np.abs(found - newest) <= bar + own)
        least, order, value = np.where(better, bar, least), np.where(better, k, order), np.where(better, found, value)
        where, sigma = np.where(better, j, where), np.where(better, levels[j], sigma)
    return Picks(value, least, where, order, sigma, rounding)


def pick_top(odd: Columns, s: list[Floats], levels: list[Floats], u: float, rounding: Floats) -> Picks:
    """Return the best of the entries that the largest step has just made, one at the end of each row."""
    shape = s[0].shape
    least, where = np.full(shape, np.inf), np.zeros(shape, dtype=np.intp)
    value, sigma = odd[0][-1], levels[0]
    alive = np.ones(shape, dtype=bool)
    for j in range(1, len(s)):
        row = odd[j]
        noise = 2.0 * levels[j] / s[j]
        if len(row) != j + 1:
            break
        alive = alive & ~(noise >= least)
        if not alive.any():
            break
        gap = np.abs(row[j] - row[j - 1])
        if j > 1:
            before, scaled = np.abs(row[j - 1] - row[j - 2]), 4.0 * gap
            safe = np.where(before > 0.0, before, 1.0)
            decay = np.where(scaled >= before, 1.0, np.maximum(scaled / safe, 0.06))
        else:
            decay = np.full(shape, ODD.first_decay)
        bar = 1.5 * gap * decay + ODD.value_noise[j] * noise + u * np.abs(row[j])
        better = alive & (bar < least)
        least, where = np.where(better, bar, least), np.where(better, j, where)
        value, sigma = np.where(better, row[j], value), np.where(better, levels[j], sigma)
    return Picks(value, least, where, where.copy(), sigma, rounding)


def falls_fast(odd: Columns, even: Columns) -> Mask:
    """Return whether the contrasts of an opening fall so fast that larger steps will do better than smaller ones."""
    share = RISE * ODD.contrast_noise[2] / ODD.contrast_noise[1]
    row, other = odd[-1], even[-1]
    return (np.abs(row[2] - row[1]) <= share * np.abs(row[1] - row[0])) & (
        np.abs(other[2] - other[1]) <= share * np.abs(other[1] - other[0])
    )


def straight(odd: Columns, even: Columns, s: list[Floats], rounding: Floats) -> Mask:
    """Return whether the first-order contrasts show nothing but rounding."""
    step = s[-1]
    one = np.abs(odd[-1][1] - odd[-1][0]) * step / ODD.contrast_noise[1]
    two = np.abs(even[-1][1] - even[-1][0]) * (step * step) / EVEN.contrast_noise[1]
    return (one <= 6.0 * rounding) & (two <= 10.0 * rounding)


def unsure(odd: Columns, even: Columns, s: list[Floats], largest: list[Floats], noise: Floats, rounding: float) -> Mask:
    """Return whether the largest pairs saw nothing that stands far clear of the noise that was told.

    See :func:`secant.core.told.unsure`; ``rounding`` is that of a value, as a share of it.
    """
    one = np.abs(odd[1][1] - odd[1][0]) * s[1] / ODD.contrast_noise[1]
    two = np.abs(even[1][1] - even[1][0]) * (s[1] * s[1]) / EVEN.contrast_noise[1]
    told: Mask = noise > LOUD * rounding * np.maximum.reduce(largest)
    return told & (one <= SCALE * noise) & (two <= SCALE * noise)


def kinked(even: Columns, s: list[Floats], largest: list[Floats], rounding: Floats) -> Mask:
    """Return whether the even parts of the last pairs shrink like h, as those of a kink at x do."""
    j = len(s) - 1

    def opening(i: int) -> Floats:
        return even[i][0] * s[i] - 0.5 * even[i - 1][0] * s[i - 1]

    last, before = opening(j), opening(j - 1)
    floor = np.maximum(30.0 * rounding, 1e-13 * largest[j]) / s[j]
    return (np.abs(last) > floor) & (np.abs(last - before) <= 0.3 * np.abs(last))


def climbs(odd: Columns, even: Columns, s: list[Floats], best: Picks, rtol: Floats, u: float) -> Mask:
    """Return which lanes go on to a larger step: limited by noise, on the diagonal, where it can be expected to pay."""
    row = best.row
    here = np.stack(s)[row, np.arange(row.size)]
    factors = np.array(ODD.value_noise)
    noise = 2.0 * factors[best.order] * best.sigma / here
    enough = np.maximum(rtol, ENOUGH * u) * np.abs(best.value)
    go = (row == best.order) & (best.order < TOP_ORDER) & ~(noise < 0.6 * best.bar) & ~(best.bar <= enough)
    pays = np.ones(row.shape, dtype=bool)
    for j in range(1, len(s)):
        lanes = np.flatnonzero(go & (row == j))
        if not lanes.size:
            continue
        bar = best.bar[lanes]
        bend = np.abs(even[j][j][lanes] - even[j][j - 1][lanes])
        fine = ~(0.1 * bend * here[lanes] > bar)
        if j >= 2:
            last = np.abs(odd[j][j][lanes] - odd[j][j - 1][lanes])
            before = np.abs(odd[j][j - 1][lanes] - odd[j][j - 2][lanes])
            safe = np.where(last > 0.0, last, 1.0)
            fine &= (last == 0.0) | (PAYS * last <= bar * (before / safe))
        pays[lanes] = fine
    fine_too: Mask = go & pays
    return fine_too


def bend(odd: Columns, even: Columns, steps: Floats, top: Whole) -> tuple[Any, ...]:
    """Return what the terms of each lane reach, and the step at which they do (in units): see ``slope_of``."""
    last = len(odd) - 1
    low, every = np.minimum(np.maximum(top, 0) + 2, last), np.arange(top.size)
    row: Any
    other: Any
    row, other = (
        [np.stack([table[j][k] for j in range(2, last + 1)])[low - 2, every] for k in range(3)] for table in (odd, even)
    )
    s: Any = [steps[low - 2 + place, every] for place in range(3)]
    return *tableau.bend(row, other, s), s[0]
