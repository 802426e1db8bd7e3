"""Second derivatives by pairs of directions: the Hessian, and its products with vectors.

Theory. Along an *axis* d, a coordinate or any other direction, the even part of f is

    even(t) = f(x + t d) - 2 f(x) + f(x - t d) = t**2 d'Hd + O(t**4).

That of the sum of two axes, less those of both, is twice their mixed second derivative times ``t**2``: polarization.
The higher terms of each axis alone cancel, and with them most of the truncation; what is left is again a series in
``t**2``, and is extrapolated. Rules:

* The axes come first: second derivatives along lines, with all the judgement of :mod:`secant.core.orders`. They say how
  far f is a short polynomial, how noisy it is, and what its even part is *between* the steps that were paid for, so
  that a pair of axes costs the evaluations of their sum alone: two a level, three levels.
* Steps are a few bits long, so that they are added to x without rounding.
* A pair of axes whose levels do not settle gets more of them, at shorter steps; one that does not then is unresolved.
* An axis that has no second derivative has no mixed ones either, as far as this goes; where one has a single side, the
  pair is looked at from there, with f(x + t (d + e)) - f(x + t d) - f(x + t e) + f(x), three evaluations a level.

Which pairs are wanted is the caller's business: all of them for a Hessian, the entries of a pattern for a sparse one,
every coordinate with v for a product.

Reference: P. E. Gill, W. Murray and M. H. Wright, Practical Optimization, 1981, sections 4.6 and 8.6 (Hessians by
differences of f).
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field, replace
from math import frexp, inf, isfinite, isnan, ldexp, nan

import numpy as np

from secant.core.extrapolate import MARGIN
from secant.core.ladder import Line
from secant.core.line import first_step
from secant.core.operators import Slopes, lines
from secant.core.pool import points
from secant.core.request import UNIT_ROUNDOFF, Core, Floats, Interrupted, Reply, Request
from secant.core.results import CUT_SHORT, Slope
from secant.core.verdicts import Verdict, worst
from secant.core.windows import Data, Part, Window, best_window

#: Pairs of steps up to which an axis adds larger ones.
PAIRS = 5
#: Levels of a pair of axes, as shares of its largest step: few bits each. The first three always, the rest on demand.
LEVELS = (1.0, 0.625, 0.375, 0.25, 0.15625, 0.09375)
FIRST = 3
#: Levels to one side, where every power of the step has its term.
SIDE_LEVELS = (1.0, 0.75, 0.5, 0.375, 0.25, 0.1875)
#: The noise of a pair's data for noise 1 in f: two values of its own, the shares of both axes, f(x) in all of them.
MIXED = Part(True, 2, 1.5, 1.0)
MIXED_SIDE = Part(False, 2, 3.0, 1.0)
#: The largest step of a pair, in units of the steps at which truncation and noise of its axes balance at three levels.
SHARE = 0.5
#: The noise that three levels leave, and that of f's rounding in units of its size.
LEVELS_NOISE, ROUNDING = 12.0, 0.9
#: A bar of more than so many times its noise, and of such a share of what is expected, wants another level.
LOOSE, FINE = 6.0, 1e-8
#: With a bar of such a share of the value nothing was seen yet: three more levels at so much shorter steps, so often.
UNSEEN, RESTART, RESTARTS = 0.03, 0.125, 3
#: By how much the ends of a window may be missed.
EDGE = 1e-9
#: Bits of a step, and numbers in the directions of one request.
BITS, NUMBERS = 8, 2**20
#: Verdicts with which the second derivative along an axis can be used.
USABLE = frozenset({Verdict.OK, Verdict.NOISY, Verdict.AT_BOUND})


@dataclass(slots=True)
class Axis:
    """A direction with its second derivative, and what is known of f along it.

    ``unit`` is its largest step (NaN when the axis is of no use), ``side`` 0 when there are steps to both. The even
    part over ``s**2``, for a step ``s`` in units, is a polynomial in ``s**2``: Newton's, with ``differences`` at nodes
    ``v``. ``scale`` is the largest step, in units, at which three levels leave no more truncation than noise.
    """

    slope: Slope
    unit: float = nan
    side: float = 0.0
    noise: float = 0.0
    scale: float = 1.0
    v: list[float] = field(default_factory=list)
    differences: list[float] = field(default_factory=list)

    def even(self, s: float) -> float:
        """Return the even part of f at a step, in units."""
        at, total = s * s, 0.0
        for difference, node in zip(self.differences[::-1], self.v[::-1], strict=True):
            total = total * (at - node) + difference
        return total * at


@dataclass(slots=True)
class Curvatures:
    """Second derivatives along axes and of pairs of them, f at the point, and what was paid."""

    axes: list[Slope]
    mixed: list[Slope]
    fun: float


def recorded(core: Core[Slopes], memory: dict[int, dict[float, float]]) -> Core[Slopes]:
    """Pass a core's questions and answers on, and remember the first output by lane and step."""
    reply: Reply | None = None
    try:
        while True:
            request = core.send(reply)  # type: ignore[arg-type]
            reply = yield request
            lanes = [0] * len(request.t) if request.lane is None else np.asarray(request.lane).tolist()
            for lane, t, row in zip(lanes, np.asarray(request.t).tolist(), points(reply)[0], strict=True):
                memory.setdefault(lane, {})[t] = row[0]
    except StopIteration as stop:
        found: Slopes = stop.value
        return found


def curvatures(
    base: Floats,
    problems: Sequence[Line],
    pairs: Sequence[tuple[int, int]],
    direction: Floats | None = None,
    along: Line | None = None,
    most: int | None = None,
) -> Core[Curvatures]:
    """Find second derivatives along coordinates and of pairs of them.

    With a ``direction`` and its line ``along``, that is one axis more, the last. ``most`` limits the evaluations; axes
    come first.
    """
    kept = None
    if most is not None:
        put_aside = 2 * FIRST * len(pairs) + (2 * PAIRS if along is not None else 0)
        kept = max(most - put_aside, min(most, 1 + 6 * len(problems)))
    memory: dict[int, dict[float, float]] = {}
    found = yield from recorded(lines(base, problems, most=kept), memory)
    fun, slopes, spent = found.fun, list(found.slopes[0]), _paid(memory)
    axes = [
        _axis(problem, slope, memory.get(i, {}), fun)
        for i, (problem, slope) in enumerate(zip(problems, slopes, strict=True))
    ]
    if along is not None and direction is not None:
        rest = along.budget if most is None else min(along.budget, 1 + most - spent)
        more: dict[int, dict[float, float]] = {}
        slopes.append(Slope(nan, inf, Verdict.UNRESOLVED))
        if rest > 1:
            along = replace(along, budget=rest)
            again = yield from recorded(lines(base, [along], direction[np.newaxis], fun=found.outputs), more)
            slopes[-1] = again.slopes[0][0]
        axes.append(_axis(along, slopes[-1], more.get(0, {}), fun))
        spent += _paid(more)
    left = inf if most is None else most - spent
    mixed = yield from _mixed(base, axes, pairs, len(problems), direction, fun, left)
    return Curvatures(slopes, mixed, fun)


def _paid(memory: dict[int, dict[float, float]]) -> int:
    return sum(map(len, memory.values()))


def _axis(line: Line, slope: Slope, known: dict[float, float], fun: float) -> Axis:
    """Return what a line's values say of f along it."""
    axis = Axis(slope)
    if slope.verdict not in USABLE or not isfinite(slope.error):
        return axis
    if all(value == fun for value in known.values()):
        # How far a plateau reaches says nothing of f's scale beside it.
        axis.noise, axis.unit, axis.differences, axis.v = slope.noise, 4.0 * first_step(line), [0.0], [1.0]
        axis.unit = min(axis.unit, slope.reach)
        return axis
    axis.side = 0.0 if isnan(slope.left) and isnan(slope.right) else 1.0 if isnan(slope.left) else -1.0
    axis.noise, axis.unit = slope.noise, slope.reach
    if axis.side:
        return axis
    fitted = slope.step == slope.reach
    lowest, highest = (0.0 if fitted else slope.step * (1.0 - EDGE)), slope.reach * (1.0 + EDGE)
    nodes: list[tuple[float, float]] = []
    for t, value in known.items():
        mirror = known.get(-t, nan)
        if t <= 0.0 or not isfinite(value + mirror):
            continue
        x, rounder = line.x, line.rounder
        h = 0.5 * ((x + t) - (x - t) if rounder is None else rounder(x + t) - rounder(x - t))
        if lowest <= h <= highest:
            s = h / axis.unit
            nodes.append((s * s, ((value - fun) + (mirror - fun)) / (s * s)))
    nodes.sort(reverse=True)
    if fitted:
        nodes = _smoothed(nodes)
    if not nodes:
        return Axis(slope)
    axis.v = [v for v, _ in nodes]
    axis.differences = _divided(axis.v, [value for _, value in nodes])
    if not fitted:
        axis.scale = _balance(axis)
    return axis


def _smoothed(nodes: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return three points of the polynomial of three terms that fits noisy data best."""
    if len(nodes) <= 3:
        return nodes
    v = np.array([node[0] for node in nodes])
    # The data are differences over v. Undone, their noise is of one size.
    powers = v[:, np.newaxis] ** np.arange(1, 4)
    terms = np.linalg.lstsq(powers, v * [node[1] for node in nodes], rcond=None)[0]
    return [(at, float(terms @ at ** np.arange(3))) for at in (1.0, 0.5, 0.25)]


def _divided(v: list[float], values: list[float]) -> list[float]:
    """Return Newton's divided differences, from the first node on."""
    table, found = list(values), values[:1]
    for order in range(1, len(v)):
        table = [(table[i + 1] - table[i]) / (v[i + order] - v[i]) for i in range(len(table) - 1)]
        found.append(table[0])
    return found


def _balance(axis: Axis) -> float:
    """Return the largest step at which three levels leave no more truncation than noise, as a share of the unit."""
    term = abs(axis.differences[FIRST]) if len(axis.differences) > FIRST else 0.0
    if term == 0.0 or axis.noise <= 0.0:
        return 1.0
    product = 1.0
    for level in LEVELS[:FIRST]:
        product *= level * level
    # Noise over h**2 against the term times h**6.
    balance: float = (LEVELS_NOISE * axis.noise / (term * product)) ** 0.125
    return min(1.0, balance)


@dataclass(slots=True)
class _Pair:
    """Two axes on their way: the steps along each, what was found at the levels, and what was paid."""

    which: tuple[int, int]
    one: Axis
    other: Axis
    steps: tuple[float, float] = (nan, nan)
    levels: list[float] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    noise: float = 0.0
    restarts: int = 0
    broken: bool = False
    spent: int = 0

    @property
    def side(self) -> bool:
        """Whether f is looked at from one side only."""
        return bool(self.one.side or self.other.side)

    @property
    def price(self) -> int:
        """Evaluations of a level."""
        return 3 if self.side else 2

    def next(self) -> tuple[float, ...]:
        """Return the levels that are wanted, none when the pair is settled or hopeless."""
        if self.broken or not (isfinite(self.one.unit) and isfinite(self.other.unit)):
            return ()
        if not self.levels:
            return SIDE_LEVELS if self.side else LEVELS[:FIRST]
        if self.side or self.settled():
            return ()
        best = self.best()
        if best.bar > UNSEEN * abs(best.value) and self.restarts < RESTARTS:
            self.restarts += 1
            self.steps = (self.steps[0] * RESTART, self.steps[1] * RESTART)
            self.levels, self.values = [], []
            return LEVELS[:FIRST]
        return LEVELS[len(self.levels) : len(self.levels) + 1]

    def settled(self) -> bool:
        """Return whether another level would gain nothing much."""
        best = self.best()
        return best.bar <= max(LOOSE * best.noise, FINE * self.size())

    def size(self) -> float:
        """Return what second derivatives along the axes would let expect of a mixed one, over the pair's steps."""
        first, second = self.steps
        # Squares of steps are beyond the range of floats sooner than what they are multiplied with.
        return max(abs(self.one.slope.value * first * first), abs(self.other.slope.value * second * second))

    def best(self) -> Window:
        """Return the best value so far, times both steps."""
        part = MIXED_SIDE if self.side else MIXED
        return best_window(Data(part, self.levels, self.values, [self.noise] * len(self.levels)), 0, UNIT_ROUNDOFF)

    def take(self, t: float, rows: Sequence[float], fun: float) -> None:
        """Take the values of f at a level."""
        first, second = (abs(step) for step in self.steps)
        if self.side:
            both, one, other = rows
            value = ((both - fun) - (one - fun) - (other - fun)) / (t * t)
        else:
            even = (rows[0] - fun) + (rows[1] - fun)
            alone = self.one.even(t * first / self.one.unit) + self.other.even(t * second / self.other.unit)
            value = 0.5 * (even - alone) / (t * t)
        self.broken = self.broken or not isfinite(value)
        self.noise = max(self.noise, ROUNDING * UNIT_ROUNDOFF * max(map(abs, rows)))
        self.levels.append(t)
        self.values.append(value)

    def slope(self, cut: str = "") -> Slope:
        """Return what was found; ``cut`` says why there is no more of it."""
        verdict = worst((self.one.slope.verdict, self.other.slope.verdict))
        if not self.levels or self.broken or len(self.levels) < 2:
            if verdict.severity < Verdict.UNRESOLVED.severity or verdict is Verdict.KINK:
                verdict = Verdict.UNRESOLVED
            note = "f has no finite value at a step along both" if self.broken else cut
            return Slope(nan, inf, verdict, self.spent, note=note)
        best, note, (first, second) = self.best(), "", self.steps
        bar = MARGIN * best.bar
        if not self.side:
            # The shares of the axes are known no better than their own second derivatives.
            bar += 0.5 * (self.one.slope.error * first * first + self.other.slope.error * second * second)
        if best.bar > max(LOOSE * best.noise, UNSEEN * max(abs(best.value), self.size())):
            verdict, note = worst((verdict, Verdict.UNRESOLVED)), cut
        reach = self.levels[best.top] * max(abs(first), abs(second))
        step = self.levels[best.bottom] * max(abs(first), abs(second))
        value = best.value / first / second
        return Slope(value, abs(bar / first / second), verdict, self.spent, self.noise, step, reach, note=note)


def _pair(axes: Sequence[Axis], i: int, j: int) -> _Pair:
    pair = _Pair((i, j), axes[i], axes[j], noise=max(axes[i].noise, axes[j].noise))
    pair.steps = (_step(axes[i]), _step(axes[j]))
    return pair


def _step(axis: Axis) -> float:
    """Return the largest step along an axis in a pair: a few bits, so that shares of it are added without rounding."""
    if not isfinite(axis.unit):
        return nan
    share = 1.0 if axis.slope.verdict is Verdict.NOISY else SHARE * axis.scale
    mantissa, exponent = frexp(share * axis.unit)
    return (axis.side or 1.0) * ldexp(float(int(mantissa * 2.0**BITS)), exponent - BITS)


def _mixed(
    base: Floats,
    axes: Sequence[Axis],
    pairs: Sequence[tuple[int, int]],
    size: int,
    direction: Floats | None,
    fun: float,
    left: float,
) -> Generator[Request, Reply, list[Slope]]:
    """Return the mixed second derivative of every pair of axes, in blocks; cut short, from what there is."""
    found: list[Slope] = []
    note = ""
    block = max(1, NUMBERS // size)
    for first in range(0, len(pairs), block):
        work = [_pair(axes, i, j) for i, j in pairs[first : first + block]]
        while not note:
            asking: list[tuple[_Pair, tuple[float, ...]]] = []
            for pair in work:
                wanted = pair.next()
                if wanted and len(wanted) * pair.price <= left:
                    asking.append((pair, wanted))
                    left -= len(wanted) * pair.price
            if not asking:
                break
            try:
                yield from _levels(base, asking, size, direction, fun)
            except Interrupted as error:
                note = CUT_SHORT[error.reason]
        found += [pair.slope(note) for pair in work]
    return found


def _levels(
    base: Floats, asking: Sequence[tuple[_Pair, tuple[float, ...]]], size: int, direction: Floats | None, fun: float
) -> Generator[Request, Reply, None]:
    """Evaluate levels of pairs in one round."""
    rows: list[Floats] = []
    lane: list[int] = []
    t: list[float] = []
    for pair, wanted in asking:
        one, other = (_vector(size, i, step, direction) for i, step in zip(pair.which, pair.steps, strict=True))
        at = len(rows)
        rows += [one + other, one, other] if pair.side else [one + other]
        for level in wanted:
            lane += [at, at + 1, at + 2] if pair.side else [at, at]
            t += [level] * 3 if pair.side else [level, -level]
    reply = yield Request(base, np.array(lane), np.array(t), np.array(rows))
    values = iter(points(reply)[0])
    for pair, wanted in asking:
        for level in wanted:
            pair.take(level, [next(values)[0] for _ in range(pair.price)], fun)
        pair.spent += len(wanted) * pair.price


def _vector(size: int, axis: int, step: float, direction: Floats | None) -> Floats:
    """Return a step along an axis as a vector; the axis after the last coordinate is the direction."""
    if axis >= size and direction is not None:
        return step * direction
    vector = np.zeros(size)
    vector[axis] = step
    return vector
