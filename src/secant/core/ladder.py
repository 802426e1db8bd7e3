"""A ladder of halved steps: the data of one line, and the entry of its tables that wins.

One *pair* is two evaluations, ``a = f(x + h)`` and ``b = f(x - h)``. Its odd part carries the first
derivative; its even part, which costs nothing more, carries the second, and with it the signs of
noise and of kinks. Rules:

* Steps are ``0.84375 * 2**m``: not a power of two, which would alias with periodic functions. Each is moved
  by a few spacings of x, another number for every row. On steps that are halved exactly, the rounding of a
  product like ``w * (x + h)`` is itself a straight line in h: a wrong slope that no contrast can see. Moved
  steps turn it into the noise that it is. Where rounding moved x + h, the step really taken is used.
* Tables are in units of f, steps in units of ``unit`` (see :mod:`secant.core.tableau`).
* A ladder belongs to the generator that grows it; nobody else writes to it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from math import frexp, hypot, inf, isfinite, ldexp, nan, sqrt, ulp
from typing import TypeAlias

from secant.core.request import UNIT_ROUNDOFF
from secant.core.results import Slope
from secant.core.tableau import EVEN, ODD, TOP_ORDER, Kind, Level, Rows, append_pair, best_in_row, contrast, open_pairs, prepend_pair
from secant.core.verdicts import Verdict

#: What a line yields (signed steps along the line) and is sent (f there, NaN where it has no value).
Steps: TypeAlias = tuple[float, ...]
Values: TypeAlias = list[float]
#: A step and f on both sides of x.
Pair: TypeAlias = tuple[float, float, float]

#: Significand of every step.
SIGNIFICAND = 0.84375
#: Spacings of x by which steps are moved, by binary exponent of the step: odd, so that x never stays on a coarser grid.
SHIFTS = (5, 1, 7, 3, 9, 5, 3, 7)
#: Rounding inside f: share of an ulp of the largest value, and of the argument.
VALUE_ROUNDING, ARGUMENT_ROUNDING = 0.9, 0.3
#: A contrast up to this many levels is noise at the expected level: the floor is reached.
FLOOR = 4.0
#: A level above this many rounding levels is noise of f's own, not rounding.
NOISE = 64.0
#: Safety of a level measured from a handful of contrasts.
LEVEL = 1.7
#: How far below the bar the truncation expected of a doubled step must lie before it is paid for: estimates of
#: contrasts are rough, and two evaluations for nothing cost more than a tenth of a digit is worth.
PAYS = 1e4
#: Contrasts that fall to this share per order have room for larger steps.
RISE = 0.005
#: A bar of so many roundings of the value is as good as any: larger steps are not tried.
ENOUGH = 16.0


@dataclass(frozen=True, slots=True)
class Line:
    """One line to differentiate along, and what is known beforehand.

    ``x`` is the coordinate that the step is added to (0 for a direction), ``size`` the magnitude that
    sets the first step; ``below`` and ``above`` say how far the line may be followed to either side.
    ``noise`` is the absolute error of f as the user states it; ``rtol`` stops early; ``budget`` is the
    most evaluations the line may cost; ``eps`` the unit roundoff of x and ``rounder`` its rounding.
    Along a direction, ``resolution`` is the spacing of steps that still move every coordinate, and
    ``argument`` the magnitude whose rounding disturbs f's argument (|x| for a coordinate).
    """

    x: float
    size: float
    below: float = inf
    above: float = inf
    max_step: float = inf
    noise: float = 0.0
    rtol: float = 0.0
    budget: int = 40
    eps: float = UNIT_ROUNDOFF
    rounder: Callable[[float], float] | None = None
    resolution: float = 0.0
    argument: float = 0.0

    @property
    def smallest(self) -> float:
        """The smallest step worth taking: 64 spacings of x, in its own dtype."""
        return 64.0 * max(2.0 * self.eps * abs(self.x), self.resolution, ulp(0.0))


@dataclass(slots=True)
class Work:
    """What one line has seen and paid so far."""

    line: Line
    fun: float
    u: float
    spent: int = 0
    pairs: list[Pair] = field(default_factory=list)

    def left(self) -> int:
        """Return how many evaluations may still be made."""
        return self.line.budget - self.spent

    def rounding(self, slope: float, unit: float, largest: float) -> tuple[float, float]:
        """Return the least and the most that rounding (or the user's ``noise``) explains, in units of f.

        ``slope`` is the slope times ``unit``, ``largest`` the largest value of f concerned. The least is the
        rounding of the value; the most includes the rounding of the argument inside f, which may be exact.
        """
        line = self.line
        least = VALUE_ROUNDING * self.u * largest
        argument = ARGUMENT_ROUNDING * max(self.u, line.eps) * abs(slope) * (max(line.size, line.argument) / unit)
        if line.noise > least:
            return line.noise, max(line.noise, argument)
        return least, least + argument


@dataclass(slots=True)
class Ladder:
    """Rows of steps ``unit * s`` with their odd and even tables; ``top`` and ``bottom`` are nominal steps."""

    unit: float
    top: float = 0.0
    bottom: float = 0.0
    s: list[float] = field(default_factory=list)
    odd: Rows = field(default_factory=list)
    even: Rows = field(default_factory=list)
    largest: list[float] = field(default_factory=list)
    levels: list[Level] = field(default_factory=list)

    def add(self, work: Work, pair: Pair) -> None:
        """Add a pair at either end, by the size of its step."""
        h, a, b = pair
        fun, unit, steps = work.fun, self.unit, self.s
        s = 0.5 * span(work.line, h) / unit
        odd, even = (0.5 * a - 0.5 * b) / s, ((a - fun) + (b - fun)) / (s * s)
        largest = max(abs(a), abs(b), abs(fun))
        if steps and s > steps[0]:
            self.top = h
            steps.insert(0, s)
            self.largest.insert(0, largest)
            prepend_pair(self.odd, self.even, steps, odd, even, self.levels)
        else:
            self.top, self.bottom = self.top or h, h
            steps.append(s)
            self.largest.append(largest)
            self.levels.append(append_pair(self.odd, self.even, steps, odd, even))

    def open(self, work: Work, pairs: Sequence[Pair]) -> None:
        """Add the first three pairs, largest step first: three times ``add``, without its loops."""
        fun, line, unit, largest = work.fun, work.line, self.unit, self.largest
        odds, evens, steps = [], [], self.s
        for h, a, b in pairs:
            s = 0.5 * span(line, h) / unit
            steps.append(s)
            odds.append((0.5 * a - 0.5 * b) / s)
            evens.append(((a - fun) + (b - fun)) / (s * s))
            largest.append(max(abs(a), abs(b), abs(fun)))
        self.top, self.bottom = pairs[0][0], pairs[2][0]
        self.odd, self.even, self.levels = open_pairs(odds, evens, steps)

    def sigmas(self, sigma: float) -> list[float]:
        """Return the level that counts for each row, when it is ``sigma`` for the newest.

        It goes with the size of f; the row above has a say in every entry, so it sets the size.
        """
        sizes = self.largest
        last = sizes[-1]
        if sizes[0] <= 1.25 * last:
            return [sigma] * len(sizes)
        return [sigma * max(size / last, 1.0) for size in (sizes[0], *sizes[:-1])]


@dataclass(slots=True)
class Pick:
    """A value with its bar, both in units of f (a slope times the ladder's unit), and where it stands."""

    value: float
    bar: float
    row: int
    order: int
    sigma: float
    rounding: float


def moved(line: Line, h: float) -> float:
    """Return the step that is taken for a nominal step: a few spacings of x away from it."""
    count = SHIFTS[frexp(h)[1] & 7]
    x = abs(line.x)
    if line.rounder is not None:
        return h + (1 + count % 3) * 2.0 * line.eps * max(x, h)
    if x:
        return h + count * ulp(x if x > h else h)
    return h + count * line.resolution


def step_near(h: float) -> float:
    """Return the step of our own kind just at or below h."""
    if not 0.0 < h < inf:
        return h
    mantissa, exponent = frexp(h)
    return ldexp(SIGNIFICAND, exponent if mantissa >= SIGNIFICAND else exponent - 1)


def span(line: Line, h: float) -> float:
    """Return the distance from x - h to x + h as it was really taken (2 h when x swallows the step)."""
    x, t, rounder = line.x, moved(line, h), line.rounder
    taken = (x + t) - (x - t) if rounder is None else rounder(x + t) - rounder(x - t)
    return taken if 0.0 < taken < inf else 2.0 * h


def parts(work: Work, h: float, a: float, b: float) -> tuple[float, float]:
    """Return the odd and the even part of a pair, scaled from the step really taken to the nominal one."""
    fun, share = work.fun, 2.0 * h / span(work.line, h)
    return (0.5 * a - 0.5 * b) * share, ((a - fun) + (b - fun)) * share * share


def note_pair(work: Work, h: float, values: Values) -> bool:
    """Remember a pair; return whether both of its values are finite."""
    a, b = values
    work.pairs.append((h, a, b))
    return a - a == 0.0 == b - b


def pair_at(work: Work, h: float) -> Steps:
    """Return the two steps of a pair, which are paid for."""
    work.spent += 2
    t = moved(work.line, h)
    return t, -t


def evaluate(work: Work, *steps: float) -> Generator[Steps, Values, bool]:
    """Evaluate a pair at each step in one round; return whether all values are finite."""
    values = yield tuple(signed for h in steps for signed in pair_at(work, h))
    finite = [note_pair(work, h, values[2 * index : 2 * index + 2]) for index, h in enumerate(steps)]
    return all(finite)


def newest(ladder: Ladder) -> float:
    """Return the larger contrast, odd or even, at the highest order of the newest row."""
    j = len(ladder.s) - 1
    k = len(ladder.odd[j]) - 1
    s = ladder.s[j]
    return max(contrast(ladder.odd, j, k, s, ODD), contrast(ladder.even, j, k, s, EVEN))


def level(ladder: Ladder, depth: int = 3) -> float:
    """Return the level of noise that the newest rows speak of: the root mean square of theirs.

    A row that stands well above those below it holds truncation, and ends the count, unless its contrasts have stopped
    falling from order to order.
    """
    levels = ladder.levels
    odd, even, _ = levels[-1]
    seen, limit = [odd, even], 6.0 * max(odd, even)
    for j in range(len(levels) - 2, max(1, len(levels) - depth) - 1, -1):
        odd, even, flat = levels[j]
        if flat < 2 and (odd > limit or even > limit):
            break
        limit = max(limit, 6.0 * odd, 6.0 * even)
        seen += (odd, even)
    return LEVEL * hypot(*seen) / sqrt(len(seen))


def pick_best(rows: Rows, s: list[float], sigmas: list[float], u: float, rounding: float, kind: Kind = ODD) -> Pick:
    """Return the entry with the smallest bar over the whole table."""
    least, where, order = inf, 0, 0
    floor = 2.0 * kind.value_noise[1] * sigmas[-1]
    for j in range(1, len(rows)):
        if floor / s[j] >= least:
            break
        bar, k = best_in_row(rows, j, max(1, len(rows[j]) - 4), s[j], sigmas[j], u, kind)
        if bar < least:
            least, where, order = bar, j, k
    value = rows[where][order] if rows else nan
    return Pick(value, least, where, order, sigmas[where] if sigmas else nan, rounding)


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
    line, stalls, before = work.line, 0, inf
    reach = min(line.above, line.below, line.max_step)
    rising = _fast(ladder)
    while True:
        j = len(ladder.s) - 1
        s = ladder.s[j]
        least, most = work.rounding(ladder.odd[j][-1], ladder.unit, ladder.largest[max(j - 1, 0)])
        top = newest(ladder)
        sigma = max(least, level(ladder))
        rising = rising and top <= RISE * before
        still = top > 0.35 * before
        low = top <= FLOOR * least or (top <= FLOOR * most and still)
        reason = ""
        if low or line.rtol:
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
            elif j + 1 >= 8 or 0.5 * ladder.bottom < line.smallest:
                reason = "rows"
            elif work.left() < 2:
                reason = "budget"
        before = top
        if ladder.odd[j][0] == 0.0 == ladder.even[j][0] and (ladder.odd[0][0] or ladder.even[0][0]):
            reason = "still"
        up = 2.0 * ladder.top
        if rising and not reason and up <= reach and note_pair(work, up, (yield pair_at(work, up))):
            ladder.add(work, work.pairs[-1])
            continue
        rising = False
        if not reason:
            h = 0.5 * ladder.bottom
            if not note_pair(work, h, (yield pair_at(work, h))):
                reason = "edge"
        if reason:
            return reason, pick_best(ladder.odd, ladder.s, ladder.sigmas(sigma), work.u, most)
        ladder.add(work, work.pairs[-1])


def _fast(ladder: Ladder) -> bool:
    """Return whether the contrasts of the opening fall so fast that larger steps will do better than smaller ones."""
    j = len(ladder.s) - 1
    s = ladder.s[j]
    return (
        contrast(ladder.odd, j, 2, s, ODD) <= RISE * contrast(ladder.odd, j, 1, s, ODD)
        and contrast(ladder.even, j, 2, s, EVEN) <= RISE * contrast(ladder.even, j, 1, s, EVEN)
    )


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
    reach = min(line.above, line.below, line.max_step)
    sigma, rows = best.sigma, len(ladder.s)
    while best.row == best.order and best.order < TOP_ORDER:
        noise = 2.0 * ODD.value_noise[best.order] * best.sigma / ladder.s[best.row]
        enough = max(line.rtol, ENOUGH * work.u) * abs(best.value)
        if noise < 0.6 * best.bar or best.bar <= enough or work.left() < 2 or not _pays(ladder, best):
            break
        h = 2.0 * ladder.top
        if h > reach or not note_pair(work, h, (yield pair_at(work, h))):
            break
        ladder.add(work, work.pairs[-1])
        new = _pick_top(work, ladder, sigma, best.rounding)
        if abs(new.value - best.value) > new.bar + best.bar or new.bar >= best.bar:
            break
        improved = new.bar <= 0.75 * best.bar
        best = new
        if not improved:
            break
    if len(ladder.s) > rows and (seen := level(ladder, 5)) > sigma:
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
    return Slope(
        value,
        error,
        verdict or (Verdict.NOISY if noisy else Verdict.OK),
        work.spent,
        best.sigma,
        ladder.unit * ladder.s[best.row],
        ladder.unit * ladder.s[best.row - best.order],
    )


def finished(pick: Pick, unit: float) -> tuple[float, float]:
    """Return value and bar of a pick in the units of a slope."""
    return pick.value / unit, pick.bar / unit
