"""A ladder of halved steps: the data of one line, and the entry of its tables that wins.

One *pair* is two evaluations, ``a = f(x + h)`` and ``b = f(x - h)``. Its odd part carries the first
derivative; its even part, which costs nothing more, carries the second, and with it the signs of
noise and of kinks. Rules:

* A step has a *nominal* value, ``0.84375 * 2**m``, and is taken up to an eighth longer, by another share for every row,
  as a whole number of spacings of x (:func:`moved`). On steps that are halved exactly two things go wrong in
  silence. A wave of whose period some step is nearly a multiple is seen as a slow one, and a smooth wrong answer comes
  out. And the rounding of a product like ``w * (x + h)`` is itself a straight line in h: a wrong slope that no contrast
  can see. The tables take the steps as they are.
* Tables are in units of f, steps in units of ``unit``, a power of two (see :mod:`secant.core.tableau`).
* A ladder belongs to the generator that grows it; nobody else writes to it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field, replace
from math import frexp, inf, isfinite, ldexp, log2, ulp
from typing import TypeAlias

from secant.core.request import UNIT_ROUNDOFF
from secant.core.tableau import (
    Rows,
    append_pair,
    open_pairs,
    prepend_pair,
)

#: What a line yields (signed steps along the line) and is sent (f there, NaN where it has no value).
Steps: TypeAlias = tuple[float, ...]
Values: TypeAlias = list[float]
#: A step and f on both sides of x.
Pair: TypeAlias = tuple[float, float, float]

#: Significand of every step.
SIGNIFICAND = 0.84375
#: By binary exponent of the nominal step: how much longer it is taken; the shares have all their digits.
STRETCH = tuple(
    1.0 + (share + (0.6180339887498949 * row) % 1.0) / 64.0 for row, share in enumerate((0, 5, 2, 7, 1, 6, 3, 7), 1)
)
#: At x = 0 a step is rounded as if x were so many times as large: to twelve binary digits.
SHORT = 2.0**41
#: The most by which a step is longer than its nominal value (spacings of x apart).
LONGEST = 1.125 * (1.0 + 2.0**-40)
#: Rounding inside f: share of an ulp of the largest value, and of the argument.
VALUE_ROUNDING, ARGUMENT_ROUNDING = 0.9, 0.3
#: The least of it where f is not zero: the spacing of subnormal numbers.
TINY = 5e-324


@dataclass(slots=True)
class Line:
    """One line to differentiate along, and what is known beforehand.

    ``x`` is the coordinate that the step is added to (0 for a direction), ``size`` the magnitude that sets the
    first step; ``below`` and ``above`` say how far the line may be followed to either side. ``noise`` is the
    absolute error of f as the user states it; ``rtol`` stops early; ``budget`` is the most evaluations the line may
    cost; ``eps`` the unit roundoff of x and ``rounder`` its rounding. Along a direction, ``resolution`` is the
    spacing of steps that still move every coordinate, and ``argument`` the magnitude whose rounding disturbs f's
    argument (|x| for a coordinate). Once rounding is reached, larger steps are added up to so many ``pairs``.
    ``order`` is the order of the derivative that is wanted. Where outputs of f carry different noise ``noises`` has
    that of each, and :meth:`of` is the line of one.
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
    pairs: int = 40
    order: int = 1
    noises: tuple[float, ...] = ()

    def of(self, output: int) -> Line:
        """Return the line for one output, with the noise of that."""
        return replace(self, noise=self.noises[output], noises=()) if self.noises else self

    @property
    def reach(self) -> float:
        """The largest nominal step that may be taken to both sides."""
        return self.nominal(min(self.above, self.below, self.max_step))

    def nominal(self, distance: float) -> float:
        """Return the largest nominal step that is taken no farther than a distance, rounding of x included."""
        return max(distance - 0.25 * self.smallest, 0.0) / LONGEST

    @property
    def smallest(self) -> float:
        """The smallest step worth taking: 64 spacings of x, in its own dtype."""
        return 64.0 * max(2.0 * self.eps * abs(self.x), self.resolution, ulp(0.0))


@dataclass(slots=True)
class Work:
    """What one line has seen and paid so far.

    ``known`` are all values by signed step, so that none is paid for twice. They are kept from the first time on that
    there is more than one ladder (:func:`recall`). ``tops`` are the steps at which further ladders were started: what
    costs nothing could go on for ever.
    """

    line: Line
    fun: float
    u: float
    spent: int = 0
    pairs: list[Pair] = field(default_factory=list)
    known: dict[float, float] = field(default_factory=dict)
    tops: list[float] = field(default_factory=list)

    def left(self) -> int:
        """Return how many evaluations may still be made."""
        return self.line.budget - self.spent

    def rounding(self, slope: float, unit: float, largest: float) -> tuple[float, float]:
        """Return the least and the most that rounding (or the user's ``noise``) explains, in units of f.

        ``slope`` is the slope times ``unit``, ``largest`` the largest value of f concerned. The least is the
        rounding of the value; the most includes the rounding of the argument inside f, which may be exact.
        """
        line = self.line
        least = VALUE_ROUNDING * self.u * largest or (TINY if largest else 0.0)
        argument = ARGUMENT_ROUNDING * max(self.u, line.eps) * abs(slope) * (max(line.size, line.argument) / unit)
        if line.noise > least:
            return line.noise, max(line.noise, argument)
        return least, least + argument


@dataclass(slots=True)
class Ladder:
    """Rows of steps ``unit * s`` with their odd and even tables; ``top`` and ``bottom`` are nominal steps.

    ``before``, ``stalls`` and ``rising`` are where a ladder stands that somebody else began: the last contrast, how
    often it has not fallen, and whether larger steps come next (None: nobody has looked).
    """

    unit: float
    top: float = 0.0
    bottom: float = 0.0
    s: list[float] = field(default_factory=list)
    odd: Rows = field(default_factory=list)
    even: Rows = field(default_factory=list)
    largest: list[float] = field(default_factory=list)
    before: float = inf
    stalls: int = 0
    rising: bool | None = None

    def add(self, work: Work, pair: Pair) -> None:
        """Add a pair at either end, by the size of its step."""
        h, a, b = pair
        fun, unit, steps = work.fun, self.unit, self.s
        s = taken(work.line, h) / unit
        odd, even = (0.5 * a - 0.5 * b) / s, ((a - fun) + (b - fun)) / (s * s)
        largest = max(abs(a), abs(b), abs(fun))
        if steps and s > steps[0]:
            self.top = h
            steps.insert(0, s)
            self.largest.insert(0, largest)
            prepend_pair(self.odd, self.even, steps, odd, even)
        else:
            self.top, self.bottom = self.top or h, h
            steps.append(s)
            self.largest.append(largest)
            append_pair(self.odd, self.even, steps, odd, even)

    def open(self, work: Work, pairs: Sequence[Pair]) -> None:
        """Add the first three pairs, largest step first: three times ``add``, without its loops."""
        fun, line, unit, largest = work.fun, work.line, self.unit, self.largest
        odds, evens, steps = [], [], self.s
        for h, a, b in pairs:
            s = taken(line, h) / unit
            steps.append(s)
            odds.append((0.5 * a - 0.5 * b) / s)
            evens.append(((a - fun) + (b - fun)) / (s * s))
            largest.append(max(abs(a), abs(b), abs(fun)))
        self.top, self.bottom = pairs[0][0], pairs[2][0]
        self.odd, self.even = open_pairs(odds, evens, steps)

    def sigmas(self, sigma: float) -> list[float]:
        """Return the level that counts for each row, when it is ``sigma`` for the newest.

        It goes with the size of f; the row above has a say in every entry, so it sets the size.
        """
        sizes = self.largest
        last = sizes[-1]
        if sizes[0] <= 1.25 * last or last == 0.0:
            return [sigma] * len(sizes)
        return [sigma * max(size / last, 1.0) for size in (sizes[0], *sizes[:-1])]


def moved(line: Line, h: float) -> float:
    """Return the step that is taken for a nominal step: longer by its share, and a whole number of spacings of x.

    At x = 0 the step itself is short of digits, so that products with it are exact where they can be.
    """
    x, t = abs(line.x) or SHORT * h, h * STRETCH[frexp(h)[1] & 7]
    rounder = line.rounder
    t = (x + t) - x if rounder is None else rounder(rounder(x + t) - x)
    return t if 0.0 < t < inf else h


def unit_of(h: float) -> float:
    """Return the power of two at or below a step: dividing by it is exact."""
    return ldexp(0.5, frexp(h)[1])


def step_near(h: float) -> float:
    """Return the step of our own kind just at or below h."""
    if not 0.0 < h < inf:
        return h
    mantissa, exponent = frexp(h)
    return ldexp(SIGNIFICAND, exponent if mantissa >= SIGNIFICAND else exponent - 1)


def octaves(a: float, b: float) -> float:
    """Return log2 of the ratio of two sizes, neither of them 0, however far apart."""
    return log2(abs(a)) - log2(abs(b))


def taken(line: Line, h: float) -> float:
    """Return the step that was really taken: half of the distance from x - h to x + h (h when x swallows it)."""
    x, t, rounder = line.x, moved(line, h), line.rounder
    span = (x + t) - (x - t) if rounder is None else rounder(x + t) - rounder(x - t)
    return 0.5 * span if 0.0 < span < inf else t


def parts(work: Work, h: float, a: float, b: float) -> tuple[float, float, float]:
    """Return the odd and the even part of a pair, and the step that was really taken."""
    fun = work.fun
    return 0.5 * a - 0.5 * b, (a - fun) + (b - fun), taken(work.line, h)


def difference(work: Work, h: float, side: float, value: float) -> tuple[float, float]:
    """Return the one-sided difference along +x, and the step that was really taken."""
    line = work.line
    x, t = line.x, side * moved(line, h)
    taken = abs((x + t if line.rounder is None else line.rounder(x + t)) - x)
    return side * (value - work.fun), taken if 0.0 < taken < inf else abs(t)


def recall(work: Work) -> dict[float, float]:
    """Return the values that are known, by signed step, and have them kept from now on."""
    known = work.known
    if not known:
        known[0.0] = work.fun
        for h, a, b in work.pairs:
            t = moved(work.line, h)
            known[t], known[-t] = a, b
    return known


def pair_at(work: Work, h: float) -> Steps:
    """Return the two steps of a pair, which are paid for; none when it is known."""
    t, known = moved(work.line, h), work.known
    if known and t in known and -t in known:
        return ()
    work.spent += 2
    return t, -t


def note_pair(work: Work, h: float, asked: Steps, values: Values) -> bool:
    """Remember a pair, and its values if they were asked for; return whether both are finite."""
    known = work.known
    if asked:
        a, b = values
        if known:
            known[asked[0]], known[asked[1]] = a, b
    else:
        t = moved(work.line, h)
        a, b = known[t], known[-t]
    work.pairs.append((h, a, b))
    return a - a == 0.0 == b - b


def evaluate(work: Work, *steps: float) -> Generator[Steps, Values, bool]:
    """Evaluate the pairs that are not known in one round; return whether all values are finite."""
    known = recall(work)
    taken = [moved(work.line, h) for h in steps]
    # Where x is coarse, two steps may be rounded to one.
    asked = tuple(signed for t in dict.fromkeys(taken) for signed in (t, -t) if signed not in known)
    if asked:
        work.spent += len(asked)
        known.update(zip(asked, (yield asked), strict=True))
    pairs = [(h, known[t], known[-t]) for h, t in zip(steps, taken, strict=True)]
    work.pairs += pairs
    return all(isfinite(a) and isfinite(b) for _, a, b in pairs)
