"""Down and up a ladder: rows are added until rounding is reached, then larger steps as long as they pay.

The level of the noise is measured on the way (:func:`level`), from contrasts that have stopped falling; the entry
with the smallest bar wins, wherever in the table it stands (:func:`pick_best`).
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from math import inf, nan, sqrt

from secant.core.ladder import Ladder, Steps, Values, Work, note_pair, pair_at
from secant.core.request import UNIT_ROUNDOFF
from secant.core.results import Slope
from secant.core.tableau import EVEN, ODD, TOP_ORDER, Kind, Rows, bend, best_in_row, contrast, room_for_noise
from secant.core.verdicts import Verdict

#: A contrast up to this many levels is noise at the expected level: the floor is reached.
FLOOR = 4.0
#: A level above this many rounding levels is noise of f's own, not rounding.
NOISE = 64.0
#: Safety of a level measured from a handful of contrasts.
LEVEL = 1.7
#: Widening of the final bar, so that 98 % of random functions are covered although the smallest of many bars was taken.
MARGIN = 1.5
#: Contrasts that fall to this share per order have room for larger steps.
RISE = 0.005
#: A bar of so many roundings of the value is as good as any (the value itself is several times better): no larger
#: steps are tried.
ENOUGH = 256.0
#: How far below the bar the truncation expected of a doubled step must lie before it is paid for: estimates of
#: contrasts are rough, and two evaluations for nothing cost more than a tenth of a digit is worth.
PAYS = 1e4


@dataclass(slots=True)
class Pick:
    """A value with its bar, both in units of f (a slope times the ladder's unit), and where it stands."""

    value: float
    bar: float
    row: int
    order: int
    sigma: float
    rounding: float


def newest(ladder: Ladder) -> float:
    """Return the larger contrast, odd or even, at the highest order of the newest row."""
    row, other, s = ladder.odd[-1], ladder.even[-1], ladder.s[-1]
    k = len(row) - 1
    odd = abs(row[k] - row[k - 1]) * s / ODD.contrast_noise[k]
    even = abs(other[k] - other[k - 1]) * s * s / EVEN.contrast_noise[k]
    return odd if odd > even else even


def levels(ladder: Ladder, j: int) -> tuple[float, float, int]:
    """Return the levels of noise that both contrasts of row j leave room for, and for how many orders they stood."""
    s = ladder.s[j]
    odd, flat = room_for_noise(ladder.odd[j], s, ODD)
    even, flat_too = room_for_noise(ladder.even[j], s * s, EVEN)
    return odd, even, min(flat, flat_too)


def level(ladder: Ladder, depth: int = 3) -> float:
    """Return the level of noise that the newest rows speak of: the root mean square of theirs.

    A row that stands well above those below it holds truncation, and ends the count, unless its contrasts have stopped
    falling from order to order. Even parts do not lower it: they see nothing of errors
    that have opposite signs on both sides, as the rounding of w*(x + h) and w*(x - h) has where w*x is exact.
    """
    last = len(ladder.s) - 1
    odd, even, _ = levels(ladder, last)
    seen, beside, limit = [odd], [even], 6.0 * max(odd, even)
    for j in range(last - 1, max(1, last + 1 - depth) - 1, -1):
        odd, even, flat = levels(ladder, j)
        if flat < 2 and (odd > limit or even > limit):
            break
        limit = max(limit, 6.0 * odd, 6.0 * even)
        seen.append(odd)
        beside.append(even)
    return LEVEL * max(root_mean_square(seen + beside), root_mean_square(seen))


def root_mean_square(values: list[float]) -> float:
    """Return the root mean square, without overflow or underflow (and in the same bits as in arrays)."""
    most = max(values)
    if most in {0.0, inf}:
        return most
    total = 0.0
    for value in values:
        share = value / most
        total += share * share
    return most * sqrt(total / len(values))


def pick_best(rows: Rows, s: list[float], sigmas: list[float], u: float, rounding: float, kind: Kind = ODD) -> Pick:
    """Return the entry with the smallest bar over the whole table: the newest row first, then from the top down.

    A row whose last contrast alone exceeds the best bar so far is passed over, and so are all rows below the step at
    which the noise alone does. Where contrasts do not fall with the order (larger steps lie beyond a jump, say), every
    order is looked at.
    """
    where = len(rows) - 1
    if where < 1:
        return Pick(nan, inf, 0, 0, nan, rounding)
    least, order = best_in_row(rows, where, _lowest(rows[where]), s[where], sigmas[where], u, kind)
    newest, own = rows[where][order], least
    floor = 2.0 * kind.value_noise[1]
    for j in range(1, where):
        row, sigma, here = rows[j], sigmas[j], s[j]
        if floor * sigma >= least * here:
            break
        low = _lowest(row)
        if low > 1 and 0.09 * abs(row[-1] - row[-2]) >= least:
            continue
        bar, k = best_in_row(rows, j, low, here, sigma, u, kind)
        if bar < least and abs(row[k] - newest) <= bar + own:
            least, where, order = bar, j, k
    return Pick(rows[where][order], least, where, order, sigmas[where], rounding)


def _lowest(row: list[float]) -> int:
    """Return the lowest order worth a look: of the last four when contrasts fall, else the first."""
    n = len(row)
    return n - 4 if n > 5 and abs(row[-1] - row[-2]) <= 0.1 * abs(row[1] - row[0]) else 1


def descend(work: Work, ladder: Ladder) -> Generator[Steps, Values, tuple[str, Pick]]:
    """Halve the step until something is known; return why the ladder ended, and its best entry.

    Ends: ``floor`` (rounding reached), ``rtol``, ``small`` (the steps see nothing but a straight line),
    ``stalled`` (contrasts stand above the rounding and no longer fall), ``still`` (f did not move over the last
    step, though it did over larger ones), ``rows``, ``budget``, ``edge`` (a value is not finite).

    How much of the rounding of f's argument there is, nobody knows beforehand. Contrasts that keep falling
    below the most that rounding explains are followed down to the least.

    As long as contrasts fall fast, larger steps are added in place of smaller ones: they gain an order just the same,
    and the smallest step, which sets the noise, stays large.
    """
    line, stalls, before = work.line, ladder.stalls, ladder.before
    reach = line.reach
    rising = _falls_fast(ladder) if ladder.rising is None else ladder.rising
    smallest = 2.0 * line.smallest
    while True:
        j = len(ladder.s) - 1
        s = ladder.s[j]
        least, most = work.rounding(ladder.odd[j][-1], ladder.unit, ladder.largest[max(j - 1, 0)])
        top = newest(ladder)
        rising = rising and top <= RISE * before
        still = top > 0.35 * before
        low = top <= FLOOR * least or (top <= FLOOR * most and still)
        reason, sigma = "", 0.0
        if low or line.rtol:
            sigma = max(least, level(ladder))
            bar, k = best_in_row(ladder.odd, j, max(1, j - 3), s, sigma, work.u, ODD)
            size = abs(ladder.odd[j][k])
            if bar <= line.rtol * size:
                return "rtol", Pick(ladder.odd[j][k], bar, j, k, sigma, most)
            if low and bar * s <= 40.0 * sigma:
                reason = "floor"
                if j == 2 and bar > 1e-14 * size and _straight(ladder, most):
                    reason = "small"
        if not reason:
            stalls = stalls + 1 if still else 0
            if stalls >= 2:
                reason = "stalled"
            elif j + 1 >= 8 or ladder.bottom < smallest:
                reason = "rows"
            elif work.spent + 2 > line.budget:
                reason = "budget"
        before = top
        if ladder.odd[j][0] == 0.0 == ladder.even[j][0] and (ladder.odd[0][0] or ladder.even[0][0]):
            reason = "still"
        up = 2.0 * ladder.top
        if rising and not reason and up <= reach:
            asked = pair_at(work, up)
            if note_pair(work, up, asked, (yield asked) if asked else []):
                ladder.add(work, work.pairs[-1])
                continue
            if work.spent + 2 > line.budget:
                reason = "budget"
        rising = False
        if not reason:
            h = 0.5 * ladder.bottom
            asked = pair_at(work, h)
            if not note_pair(work, h, asked, (yield asked) if asked else []):
                reason = "edge"
        if reason:
            sigma = sigma or max(least, level(ladder))
            return reason, pick_best(ladder.odd, ladder.s, ladder.sigmas(sigma), work.u, most)
        ladder.add(work, work.pairs[-1])


def _falls_fast(ladder: Ladder) -> bool:
    """Return whether the contrasts of an opening fall so fast that larger steps will do better than smaller ones."""
    share = RISE * ODD.contrast_noise[2] / ODD.contrast_noise[1]
    row = ladder.odd[-1]
    if abs(row[2] - row[1]) > share * abs(row[1] - row[0]):
        return False
    row = ladder.even[-1]
    return abs(row[2] - row[1]) <= share * abs(row[1] - row[0])


def _straight(ladder: Ladder, rounding: float) -> bool:
    """Return whether the first-order contrasts show nothing but rounding: the steps may be far too small."""
    j = len(ladder.s) - 1
    s = ladder.s[j]
    return (
        contrast(ladder.odd, j, 1, s, ODD) <= 6.0 * rounding and contrast(ladder.even, j, 1, s, EVEN) <= 10.0 * rounding
    )


def climb(work: Work, ladder: Ladder, best: Pick) -> Generator[Steps, Values, Pick]:
    """Add larger steps while they pay: rounding shrinks with 1/h, and the order of the table grows.

    A larger entry that contradicts the one before it by more than both bars is refused.
    """
    line = work.line
    reach = line.reach
    sigma, rows = best.sigma, len(ladder.s)
    while best.row == best.order and best.order < TOP_ORDER and len(ladder.s) < line.pairs:
        noise = 2.0 * ODD.value_noise[best.order] * best.sigma / ladder.s[best.row]
        enough = max(line.rtol, ENOUGH * work.u) * abs(best.value)
        if noise < 0.6 * best.bar or best.bar <= enough or work.left() < 2 or not _pays(ladder, best):
            break
        h = 2.0 * ladder.top
        if h > reach:
            break
        asked = pair_at(work, h)
        if not note_pair(work, h, asked, (yield asked) if asked else []):
            break
        ladder.add(work, work.pairs[-1])
        best.row += 1
        new = _pick_top(work, ladder, sigma, best.rounding)
        if abs(new.value - best.value) > new.bar + best.bar or new.bar >= best.bar:
            break
        improved = new.bar <= 0.75 * best.bar
        best = new
        if not improved:
            break
    if len(ladder.s) > rows and (seen := level(ladder, 4)) > sigma:
        best = pick_best(ladder.odd, ladder.s, ladder.sigmas(seen), work.u, best.rounding)
    return best


def _pays(ladder: Ladder, best: Pick) -> bool:
    """Return whether the next larger step can be expected to keep its truncation below the bar.

    Each contrast is the one before times the square of the step it adds over the distance to the next singularity. The
    even table must keep up: at an extremum the odd parts are nothing, and tell nothing of the scale of f.
    """
    row, other, k = ladder.odd[best.row], ladder.even[best.row], best.order
    if 0.1 * abs(other[k] - other[k - 1]) * ladder.s[best.row] > best.bar:
        return False
    if k < 2:
        return True
    last, before = abs(row[k] - row[k - 1]), abs(row[k - 1] - row[k - 2])
    return last == 0.0 or PAYS * last <= best.bar * (before / last)


def _pick_top(work: Work, ladder: Ladder, sigma: float, rounding: float) -> Pick:
    """Return the best of the entries that the largest step has just made, one at the end of each row."""
    least, where = inf, 0
    odd, steps, u, factors = ladder.odd, ladder.s, work.u, ODD.value_noise
    sigmas = ladder.sigmas(sigma)
    for j in range(1, len(steps)):
        row = odd[j]
        noise = 2.0 * sigmas[j] / steps[j]
        if len(row) != j + 1 or noise >= least:
            break
        value = row[j]
        gap = abs(value - row[j - 1])
        if j > 1:
            before, scaled = abs(row[j - 1] - row[j - 2]), 4.0 * gap
            decay = 1.0 if scaled >= before else max(scaled / before, 0.06)
        else:
            decay = ODD.first_decay
        bar = 1.5 * gap * decay + factors[j] * noise + u * abs(value)
        if bar < least:
            least, where = bar, j
    return Pick(odd[where][-1], least, where, where, sigmas[where], rounding)


def slope_of(work: Work, ladder: Ladder, best: Pick, verdict: Verdict | None = None) -> Slope:
    """Turn a pick into a slope: noisy when the level is above what rounding explains, unless a verdict is given.

    Where f vanishes at x its rounding is that of its size over the ladder. An answer known to a thousand roundings is
    never called noisy: there the level is the grain of the table.
    """
    value, error = finished(best, ladder.unit)
    usual = NOISE * max(best.rounding, UNIT_ROUNDOFF * max(ladder.largest))
    noisy = best.sigma > usual and error > 1024.0 * UNIT_ROUNDOFF * abs(value)
    steps, top = ladder.s, best.row - best.order
    # Rows below the largest step that the answer rests on; above it the terms may not have settled.
    low = min(max(top, 0) + 2, len(steps) - 1)
    bends = bend(ladder.odd[low], ladder.even[low], steps[low - 2 : low + 1])
    return Slope(
        value,
        error,
        verdict or (Verdict.NOISY if noisy else Verdict.OK),
        work.spent,
        best.sigma,
        ladder.unit * steps[best.row],
        ladder.unit * steps[top],
        bend=(*bends, ladder.unit * steps[low - 2], 0.0),
    )


def finished(pick: Pick, unit: float) -> tuple[float, float]:
    """Return value and bar of a pick in the units of a slope."""
    return pick.value / unit, MARGIN * pick.bar / unit
