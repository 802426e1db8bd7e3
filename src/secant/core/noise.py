"""The level of noise in f's values, from a difference table on a few equispaced points.

Theory. Let the values on equispaced points be those of a smooth function plus independent errors of standard deviation
s. Differences of order k wipe out the smooth part as the spacing goes down, and multiply the variance of the errors by
``(2k)! / (k!)**2``; so each column of the table, scaled by the square root of the inverse, is an estimate of s once the
smooth part is gone. Rules (J. J. Moré and S. M. Wild, Estimating computational noise, SIAM J. Sci. Comput. 33, 2011):

* seven values along one direction. The level is that of the first column which changes sign and agrees, within a
  factor of four, with the two columns after it;
* when half of the first differences are zero the spacing is too small: values of limited precision stand still over it.
  Three points farther out say how much larger it must be, and the level is the scatter around a polynomial (a table
  on even points would not do: steps of a whole number of units hide the rounding);
* when no columns agree the spacing is too large, and is made smaller;
* when columns agree but f varies by a tenth of itself the spacing may be too large as well: points that skip over a
  fast wave see something like noise. Noise does not depend on the spacing and a wave does, so a second, smaller one
  decides.

* even points may fall on a lattice of values so evenly that the table sees a polynomial. A level that would be rounding
  is believed when a point between them, at the golden section, is where it should be.

Values on a lattice (rounded to so many digits) are known to half a unit of it: a standard deviation of q / sqrt(12).
A level is relative when it is the rounding of a precision, which goes with the size of f, and absolute otherwise.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from math import comb, inf, isfinite, nan, sqrt

import numpy as np

from secant.core.measures import Noise
from secant.core.request import UNIT_ROUNDOFF, Core, Floats, Reply, Request

#: Standard deviation of what is rounded to multiples of 1.
ROUNDED = 1.0 / sqrt(12.0)
#: A lattice is recognized when the smallest gap that was seen is so many units of it, or fewer.
PARTS = 64
#: The most evaluations.
MOST = 16
#: Columns agree within this factor, and f varies too much over the points by more than this share of itself.
AGREE, VARIES = 4.0, 0.1
#: Up to so many units of roundoff a level is the rounding of f itself.
ROUNDING = 64.0
#: Where larger steps are tried, and by how much the spacing shrinks: powers of the roundoff of x. In float64 they are
#: 2**-16, 2**-9 and 2**-3 of x's size (the spacing itself is 2**-26), and 2**-13.
FARTHER, SHRINK = (-0.2, -0.33, -0.44), 0.25
#: Where values of limited precision are looked at again. Even steps of nearly a whole number of units would see a
#: straight line; a polynomial through uneven ones does not.
GOLDEN = 0.6180339887498949
UNEVEN = (1.0, -1.31, 2.17, -2.42, 3.09, -3.57)
#: The points that are asked for first, in units of the spacing.
AROUND = (0.0, 1.0, -1.0, 2.0, -2.0, 3.0, -3.0)
UNSURE = "at most: f varies too fast to be sure"
#: Precisions that f may have inside without saying so.
PRECISIONS = {"float32": 2.0**-24, "float16": 2.0**-11}


def spacings(base: Floats, eps: float | Floats, seed: int) -> Floats:
    """Return the spacing of the table for each coordinate, (n,): a direction drawn by ``seed``, scaled to x.

    Each is half to all of sqrt(eps) times the size of its entry (1 for an entry of 0).

    >>> abs(spacings(np.array([1.0, 1e6, 0.0]), 2.0**-53, 0)) * [2.0**26, 2.0**26 / 1e6, 2.0**26] <= 1.0
    array([ True,  True,  True])
    """
    drawn = np.random.default_rng(seed).uniform(-0.5, 0.5, base.size)
    share = drawn + np.copysign(0.5, drawn)
    return share * np.sqrt(eps) * np.where(base == 0.0, 1.0, np.abs(base))


def columns(values: Sequence[float]) -> list[tuple[float, bool]]:
    """Return, for each column of the difference table, the level it tells of and whether it changes sign.

    >>> columns([0.0, 1.0, 0.0])[0]
    (0.7071067811865476, True)
    """
    row = np.asarray(values)
    found = []
    for order in range(1, len(values)):
        row = np.diff(row)
        scale = float(np.max(np.abs(row)))
        shares = row / scale if scale else row
        level = scale * sqrt(float(np.mean(shares * shares)) / comb(2 * order, order))
        found.append((level, bool(row.min() < 0.0 < row.max())))
    return found


def agreed(table: Sequence[tuple[float, bool]]) -> float:
    """Return the level on which three columns agree, NaN when there is none.

    >>> agreed([(9.0, False), (1.0, True), (0.9, True), (1.2, True), (1.1, True)])
    1.0
    """
    for k in range(len(table) - 2):
        three = [level for level, _ in table[k : k + 3]]
        if table[k][1] and max(three) <= AGREE * min(three):
            return three[0]
    return nan


def lattice(values: Sequence[float]) -> float:
    """Return the spacing of the lattice on which values lie; 0 when it is no coarser than their rounding.

    >>> lattice([0.5, 1.25, 1.0, 0.5]), lattice([0.5, 1.25, 1.1234567])
    (0.25, 0.0)
    """
    distinct = np.unique(values)
    gaps = np.diff(distinct)
    least = 64.0 * UNIT_ROUNDOFF * float(np.max(np.abs(distinct)))
    if gaps.size < 2 or gaps.min() <= least:
        return 0.0
    smallest = float(gaps.min())
    for parts in range(1, PARTS + 1):
        q = smallest / parts
        off = np.abs(gaps - q * np.round(gaps / q))
        # The smallest gap is itself known to the rounding of values only, which large multiples of it multiply.
        if np.all(off <= np.minimum(1e-6 * q + least * (1.0 + gaps / smallest), 0.05 * q)):
            return q
    return 0.0


def measure(base: Floats, spacing: Floats, eps: float) -> Core[tuple[Noise, ...]]:
    """Measure the noise of each of f's values at a flat point, along ``spacing`` and on 7 to 16 evaluations each.

    Outputs share their evaluations; what they do not share, because they need other spacings, comes on top. ``eps`` is
    the roundoff of x. Where f has no finite values next to x the level is NaN.

    >>> from secant.core.request import run
    >>> run(measure(np.ones(1), np.full(1, 2.0**-26), 2.0**-53), lambda request: Reply([7.0 for _ in request.t]))
    (noise 0   f has the very same value at every point   10 evaluations,)
    """
    memory = _Memory(base, spacing[np.newaxis])
    yield from memory.ask(AROUND)
    count = len(memory.rows[0.0])
    found: tuple[Noise, ...] = ()
    for output in range(count):
        found += ((yield from _measured(_Table(memory, output), eps)),)
    return found


def _measured(table: _Table, eps: float) -> Core[Noise]:
    """Measure the noise of one output."""
    values = yield from table.around(1.0)
    if not values:
        return Noise(nan, nan, table.spent, "f has no finite values next to x")
    if _still(values):
        return (yield from _enlarged(table, values, eps))
    for side in (1.0, -1.0):
        if table.side == 0.0 and _broken(values):
            values = yield from table.ask([side * count for count in range(7)])
    level = agreed(columns(values))
    if isfinite(level) and max(values) - min(values) <= VARIES * max(map(abs, values)):
        return (yield from _between(table, level))
    least = min(column for column, _ in columns(values))
    if least <= ROUNDING * UNIT_ROUNDOFF * max(map(abs, values)) and _polynomial(values):
        return (yield from _between(table, least))
    if table.spent + 6 > MOST:
        return _settled(table, min(column for column, _ in columns(values)), UNSURE)
    closer = yield from table.around(eps**SHRINK)
    if not closer:
        return Noise(nan, nan, table.spent, "f has no finite values next to x")
    nearer = columns(closer)
    second = agreed(nearer)
    if isfinite(second):
        # A wave that the first spacing skipped is larger there; noise is the same. What goes with the spacing is a
        # corner, and neither.
        along = 0.5 < second / (level * eps**SHRINK) < 2.0 if level > 0.0 else False
        return _settled(table, level if level <= AGREE * second else second, UNSURE if along else "")
    return _settled(table, min(column for column, _ in nearer), UNSURE)


class _Memory:
    """The values of all outputs at the points asked so far, by step in units of the spacing."""

    __slots__ = ("base", "direction", "eps", "rows")

    def __init__(self, base: Floats, direction: Floats) -> None:
        self.base, self.direction, self.eps = base, direction, UNIT_ROUNDOFF
        self.rows: dict[float, list[float]] = {}

    def ask(self, t: Sequence[float]) -> Generator[Request, Reply, None]:
        """Ask for f at the steps that are new."""
        new = tuple(step for step in t if step not in self.rows)
        if new:
            reply = yield Request(self.base, None, new, self.direction)
            rows = np.asarray(reply.values).reshape(len(new), -1).real.tolist()
            self.rows.update(zip(new, rows, strict=True))
            self.eps = max(self.eps, reply.eps)


class _Table:
    """What one output has asked for so far."""

    __slots__ = ("known", "memory", "output", "side")

    def __init__(self, memory: _Memory, output: int) -> None:
        self.memory, self.output = memory, output
        self.known: dict[float, float] = {}
        self.side = 0.0  # 0 for both

    @property
    def fun(self) -> float:
        return self.known[0.0]

    @property
    def values(self) -> list[float]:
        return [value for value in self.known.values() if isfinite(value)]

    @property
    def spent(self) -> int:
        return len(self.known)

    @property
    def eps(self) -> float:
        return self.memory.eps

    def ask(self, t: Sequence[float]) -> Generator[Request, Reply, list[float]]:
        """Return f at steps; those that no output has asked for are paid for."""
        yield from self.memory.ask(t)
        self.known.update((step, self.memory.rows[step][self.output]) for step in t)
        return [self.known[step] for step in t]

    def around(self, spacing: float) -> Generator[Request, Reply, list[float]]:
        """Return seven values at a spacing around x, or from x on to the side where f has values; none elsewhere."""
        if not self.side:
            yield from self.ask([count * spacing for count in AROUND])
        for low, side in ((-3, 1.0), (0, 1.0), (0, -1.0)):
            if self.side and (low or side != self.side):
                continue
            steps = [side * count * spacing for count in range(low, low + 7)]
            if all(isfinite(self.known.get(step, 0.0)) for step in steps):
                values = yield from self.ask(steps)
                if all(map(isfinite, values)):
                    self.side = 0.0 if low else side
                    return values
        return []


def _still(values: Sequence[float]) -> bool:
    """Return whether half of the values are their neighbors'."""
    return 2 * int(np.count_nonzero(np.diff(values) == 0.0)) > len(values)


def _broken(values: Sequence[float]) -> bool:
    """Return whether second differences stand out at one place only: f has a corner or a jump there.

    The unit of rounded values does too, now and then, but is small beside the first differences.
    """
    sizes = np.sort(np.abs(np.diff(values, 2)))
    least = max(0.1 * np.max(np.abs(np.diff(values))), ROUNDING * UNIT_ROUNDOFF * np.max(np.abs(values)))
    return bool(sizes[-1] > least and sizes[-3] < 1e-3 * sizes[-1])


def _enlarged(table: _Table, values: list[float], eps: float) -> Core[Noise]:
    """Measure again at a spacing over which f moves: its values are of limited precision, or it is constant."""
    fun = table.fun
    reach = [(table.side or 1.0) * eps**power for power in FARTHER]
    farther = yield from table.ask(reach)
    moves = [(t, value) for t, value in zip(reach, farther, strict=True) if isfinite(value) and value != fun]
    if not moves:
        if len(set(values)) > 1:
            return _settled(table, max(level for level, _ in columns(values)))
        return Noise(0.0, 0.0, table.spent, "f has the very same value at every point")
    t, value = moves[0]
    gap = float(np.min(np.diff(np.unique(table.values))))
    # Some four units of the lattice, so far as one can tell, and no farther than was looked at.
    spacing = min(4.0 * max(1.0, abs(t) * gap / abs(value - fun)), abs(reach[-1]) / 4.0)
    steps = [spacing * (table.side * abs(share) if table.side else share) for share in UNEVEN]
    second = yield from table.ask(steps)
    points = [(0.0, fun), *((t, value) for t, value in zip(steps, second, strict=True) if isfinite(value))]
    if len(points) < 6:
        return _settled(table, 0.0)
    square, cubic = (scatter(points, degree) for degree in (2, 3))
    q = lattice(table.values)
    if q:
        return _settled(table, max(min(square, q), ROUNDED * q), f"values lie {q:.3g} apart")
    if square <= AGREE * cubic:
        return _settled(table, square)
    return _settled(table, cubic, "at most: f stands still over a part of it")


def _polynomial(values: Sequence[float]) -> bool:
    """Return whether all differences of some order are rounding, and of a column long enough to mean it."""
    least = ROUNDING * UNIT_ROUNDOFF * max(map(abs, values))
    return any(bool(np.all(np.abs(np.diff(values, order)) <= least)) for order in (1, 2, 3))


def _between(table: _Table, level: float) -> Core[Noise]:
    """Look between the even points before a level is taken for rounding: a coarser lattice might hide there."""
    size = max(map(abs, table.values))
    if level > ROUNDING * UNIT_ROUNDOFF * size:
        return _settled(table, level)
    side = table.side or 1.0
    (between,) = yield from table.ask([side * GOLDEN])
    one, two = (table.known[side * count] for count in (1, 2))
    share = GOLDEN * (1.0 - GOLDEN)
    expected = table.fun + GOLDEN * (one - table.fun) - 0.5 * share * (two - 2.0 * one + table.fun)
    off = abs(between - expected)
    if not off > 16.0 * max(level, UNIT_ROUNDOFF * size):
        return _settled(table, level)
    if table.spent + len(UNEVEN) - 1 > MOST:
        return _settled(table, off)
    steps = [side * abs(share) if table.side else share for share in UNEVEN[1:]]
    yield from table.ask(steps)
    points = [(t, value) for t, value in table.known.items() if isfinite(value)]
    return _settled(table, scatter(points, 2))


def scatter(points: Sequence[tuple[float, float]], degree: int) -> float:
    """Return the scatter of points around the polynomial of a degree that fits them best.

    >>> scatter([(0.0, 1.0), (1.0, 3.0), (3.0, 7.0), (4.0, 9.0)], 1) < 1e-14
    True
    """
    t, values = np.array(points).T
    powers = np.vander(t / np.max(np.abs(t)), degree + 1)
    left = values - powers @ np.linalg.lstsq(powers, values, rcond=None)[0]
    return sqrt(float(left @ left) / (len(points) - degree - 1))


def _settled(table: _Table, level: float, note: str = "") -> Noise:
    """Say whether a level is absolute, or the rounding of a precision and so relative."""
    values = np.array(table.values)
    size = float(np.max(np.abs(values)))
    level = max(level, ROUNDED * table.eps * size)
    share = level / size if size else inf
    if share <= ROUNDING * UNIT_ROUNDOFF:
        return Noise(0.0, share, table.spent, "rounding of float64")
    for name, u in PRECISIONS.items():
        if 0.1 * u <= share <= 8.0 * u:
            # Exactly the numbers of that precision, or of its size: both are worth a word, only one is a proof.
            with np.errstate(over="ignore"):
                exact = table.eps >= u or bool(np.all(values.astype(name).astype(np.float64) == values))
            if exact:
                return Noise(0.0, share, table.spent, f"rounding of {name}")
            note = note or f"about the rounding of {name}"
    return Noise(level, 0.0, table.spent, note)
