"""Values along a line by the size of their steps, and polynomials fitted to them by least squares.

Both sides of x are fitted by their odd and their even parts, whose noises are independent but for that of f(x); values
on one side by a polynomial with a constant, which is the noise of f(x). A *window* is the values up to some step, the
largest so many of them. All is in units of the noise that was told: then what noise leaves of a fit is about one square
for each degree of freedom.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass
from math import inf, isfinite, sqrt

from secant.core.ladder import VALUE_ROUNDING, Work, difference, parts

#: Most steps in a window, and steps of which the smallest tell the level.
WINDOW, FEW = 12, 5
#: Changes of f by so many levels stand clear of the noise.
CLEAR = 6.0
#: What a fit may leave beside what noise leaves in the mean: so many standard deviations of that, and a little more;
#: and by how many squares of the level the last step may add to it.
UNUSUAL, LITTLE, ODD_ONE_OUT = 3.0, 3.0, 12.0
#: Degrees of freedom that a level has before anything is seen: it was told.
PRIOR = 3.0


@dataclass(frozen=True, slots=True)
class Kind:
    """What is fitted: powers of the step, which of them is wanted, and one over the variance of a value.

    ``straight``, ``short`` and ``most`` are the terms of a straight line, those that a prefix must fit, and the most.
    ``hidden`` is the square of the bias that may hide in what one term more is blurred by, in squares of the blur;
    ``margin`` widens the bar, and ``extra`` are the further steps, as shares of the largest one of the winner.
    ``order`` is that of the derivative, ``factor`` what it is of the coefficient.
    """

    powers: tuple[int, ...]
    wanted: int
    weight: float
    straight: int
    short: int
    most: int = 0
    hidden: float = 1.0
    margin: float = 1.0
    extra: tuple[float, ...] = (0.8125, 0.6875, 0.90625, 0.59375)
    order: int = 1
    factor: float = 1.0


ODD = Kind((1, 3, 5, 7, 9, 11), 0, 2.0, 1, 3, 5)
EVEN = Kind((0, 2, 4), -1, 0.5, 1, 3)
SIDE = Kind((0, 1, 2, 3, 4, 5, 6), 1, 1.0, 2, 4, 6, 4.0, 2.0, (0.8125, 0.15625, 0.40625, 0.59375, 0.28125, 0.0703125))


#: The same for derivatives of the second to the fourth order. Odd and even parts change places with the order.
HIGHER = {
    2: (Kind((0, 2, 4, 6, 8, 10), 1, 0.5, 1, 3, 5, 1.0, 1.25, order=2), ODD),
    3: (Kind((1, 3, 5, 7, 9, 11), 1, 2.0, 1, 4, 5, 1.0, 1.5, order=3, factor=6.0), EVEN),
    4: (Kind((0, 2, 4, 6, 8, 10), 2, 0.5, 1, 4, 5, 1.0, 2.0, order=4, factor=12.0), ODD),
}


@dataclass(frozen=True, slots=True)
class Fit:
    """A polynomial through a window: the coefficient that is wanted, its variance for noise of 1, and what is left."""

    slope: float
    variance: float
    rest: float


#: Fits by kind, level that was told, and steps of the window.
Memo = dict[tuple[int, float, tuple[float, ...]], list[Fit]]


@dataclass(slots=True)
class Table:
    """What was seen, by size of the steps: nominal ones, and the values of each kind, in units of the level.

    That is ``told``, the level that was told, or that of rounding where it is higher; ``level`` is how many of it
    count. ``further`` are the extra steps, at which no window ends; ``memo`` holds the fits that were made.
    """

    side: float
    steps: list[float]
    nominal: list[float]
    values: tuple[tuple[Kind, list[float]], ...]
    further: Set[float]
    memo: Memo
    told: float
    level: float = 1.0

    @property
    def kind(self) -> Kind:
        """What tells the slope."""
        return self.values[0][0]

    def window(self, last: int, kind: Kind) -> list[Fit]:
        """Return the fits of the window that ends with a step, of one term, two, and so on."""
        first = max(0, last + 1 - WINDOW)
        steps = tuple(self.steps[first : last + 1])
        key = (kind.wanted, self.told, steps)
        if key not in self.memo:
            nodes = [step / steps[-1] for step in steps]
            values = next(values for one, values in self.values if one is kind)[first : last + 1]
            if self.side:
                # f(x) itself, whose noise all differences share.
                nodes, values = [0.0, *nodes], [0.0, *values]
            self.memo[key] = fits(nodes, values, kind)
        return self.memo[key]

    def left(self, last: int, straight: bool = False) -> tuple[float, int]:
        """Return the sum of squares that a window leaves, and its degrees of freedom."""
        total, free = 0.0, 0
        count = min(last + 1, WINDOW) + (1 if self.side else 0)
        for kind, _ in self.values:
            found = self.window(last, kind)
            terms = min(kind.straight if straight else kind.short, count - 1, len(found))
            total += kind.weight * found[terms - 1].rest
            free += count - terms
        return total, free

    def clear(self, index: int) -> bool:
        """Return whether f moved by more than its noise at a step."""
        return any(abs(values[index]) * sqrt(0.5 * kind.weight) > CLEAR * self.level for kind, values in self.values)

    def fits(self, last: int, straight: bool = False) -> bool:
        """Return whether a window fits, and its last step the others."""
        square = self.level * self.level
        total, free = self.left(last, straight)
        if total > square * usual(free):
            return False
        return last < 2 or total - self.left(last - 1, straight)[0] <= ODD_ONE_OUT * square

    def seen(self, last: int) -> bool:
        """Return whether what is wanted stands clear of the noise: a slope where f moves, a bend where it is needed."""
        if self.kind.order == 1:
            return any(map(self.clear, range(last + 1)))
        count, kind = min(last + 1, WINDOW), self.kind
        size = max(map(abs, self.values[0][1][: last + 1]))
        if size * sqrt(0.5 * kind.weight) <= CLEAR * self.level:
            return False
        without = self.window(last, kind)[kind.wanted - 1]
        return count > kind.wanted and kind.weight * without.rest > self.level * self.level * usual(count - kind.wanted)

    def straight(self, last: int) -> bool:
        """Return whether a prefix shows a straight line, and more than one step of it."""
        return last > 1 and sum(map(self.clear, range(last + 1))) > 1 and self.fits(last, straight=True)

    def prefix(self) -> int:
        """Return the last step up to which everything fits."""
        last = min(2, len(self.steps) - 1)
        while last + 1 < len(self.steps) and self.fits(last + 1):
            last += 1
        return last


def usual(free: int) -> float:
    """Return what so many degrees of freedom may leave, in squares of the level."""
    return free + UNUSUAL * sqrt(2.0 * free) + LITTLE


def fits(nodes: Sequence[float], values: Sequence[float], kind: Kind) -> list[Fit]:
    """Fit polynomials of one term, two, and so on: Gram-Schmidt in the order of the powers, what is left of the values
    included (a difference of sums of squares would lose what is a millionth of the values).
    """
    columns: list[list[float]] = []
    leads: list[float] = []
    found: list[Fit] = []
    slope = variance = 0.0
    left = list(values)
    for index, power in enumerate(kind.powers[: len(nodes)]):
        column, lead = [node**power for node in nodes], float(index == kind.wanted)
        for other, its in zip(columns, leads, strict=True):
            share = _dot(other, column)
            column = [a - share * b for a, b in zip(column, other, strict=True)]
            lead -= share * its
        size = sqrt(_dot(column, column))
        if size < 1e-9:
            break
        column, lead = [a / size for a in column], lead / size
        columns.append(column)
        leads.append(lead)
        share = _dot(column, left)
        left = [a - share * b for a, b in zip(left, column, strict=True)]
        slope += share * lead
        variance += lead * lead
        found.append(Fit(slope, variance, _dot(left, left)))
    return found


def _dot(left: Sequence[float], right: Sequence[float]) -> float:
    return sum(map(float.__mul__, left, right))


def table_of(work: Work, side: float, memo: Memo, further: Set[float] = frozenset()) -> Table:
    """Sort what was paid for, and read off the level of the noise."""
    rows: dict[float, tuple[float, ...]] = {}
    for h, a, b in work.pairs:
        if side:
            value = a if side > 0.0 else b
            gap, step = difference(work, h, side, value)
            rows[step] = (step, h, gap)
        else:
            odd, even, step = parts(work, h, a, b)
            rows[step] = (step, h, odd, even)
    kinds = (SIDE,) if side else (ODD, EVEN) if work.line.order == 1 else HIGHER[work.line.order]
    columns = [list(column) for column in zip(*sorted(row for row in rows.values() if isfinite(row[-1])), strict=True)]
    steps, nominal, *values = columns
    largest = max(abs(value) for pair in work.pairs for value in (work.fun, *pair[1:]) if isfinite(value))
    told = max(work.rounding(values[0][-1], steps[-1], largest)[1], VALUE_ROUNDING * work.u * largest)
    told = told if told < inf else work.line.noise
    scaled = [[value / told for value in column] for column in values]
    if not side and work.line.order % 2 == 0:
        scaled.reverse()
    table = Table(side, steps, nominal, tuple(zip(kinds, scaled, strict=True)), further, memo, told)
    # As told, or as the smallest steps have it when that is more.
    total, free = table.left(min(FEW, len(steps)) - 1)
    table.level = max(1.0, sqrt((PRIOR + total) / (PRIOR + free)))
    return table
