"""A slope close to where f was differentiated before: two or four evaluations in place of a ladder.

Theory. A ladder tells what the terms of f reach at its largest steps (:class:`secant.core.kept.Bends`). A little way
off they reach about the same, so that the step at which truncation and rounding balance is known beforehand:

* a pair at h leaves the term of third order, ``cubic / reach * (h / reach)**2``, and the noise, ``sigma / h``. It is
  taken away, and what is left of it is what it may have changed by;
* a second pair at h / 2 removes it whatever it is, and the fifth order is left.

Rules. Here truncation is foretold and not measured, so whatever could contradict is held against what was foretold, and
a line that does not bear it out is differentiated from the beginning:

* f at x, which the earlier slopes tell to first order: when it is another one, f has changed, or x moved too far;
* the slope, where nothing but the line's own entry has moved: the second derivative tells by how much it changed;
* the even part of a pair, which is the second derivative: it must be what it was, as far as x may have changed it;
* of two pairs the contrasts, odd and even: terms of third and fourth order must not have grown.

What is foretold wears off. A line keeps count of how far x has strayed from where its ladder stood, in units of what
the ladder reached; at some distance, another one for each line, it gets a new ladder.

The idea is that of a predictor which a corrector holds to account; the steps are those that balance the two errors of
a difference of given order (Gill, Murray, Saunders and Wright, SIAM J. Sci. Stat. Comput. 4, 1983).
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from math import inf, isfinite, sqrt

import numpy as np
from numpy.typing import NDArray

from secant.core import extrapolate
from secant.core.errors import InputError
from secant.core.kept import Bends
from secant.core.ladder import Line, Pair, Work, moved, parts, step_near
from secant.core.operators import GOLDEN, Slopes, gradient, lines
from secant.core.pool import points
from secant.core.request import UNIT_ROUNDOFF, Core, Floats, Reply, Request
from secant.core.results import Slope
from secant.core.tableau import ODD
from secant.core.verdicts import Verdict

#: How far x may stray before a line gets a new ladder, as a share of the distance at which the series would end, and in
#: reaches at most.
SHARE, FARTHEST = 0.25, 4.0
#: By how much terms may have grown: so much at once, and with every reach that x has strayed.
GROWN, GROWS = 2.0, 4.0
#: What is left of the term of third order when it is taken away, where x has not strayed.
LEFT = 0.25
#: How much of the second derivative may have changed, with every reach that x has moved, and at no distance at all.
TURNS, STEADY = 4.0, 0.02
#: Levels of noise in a bar, and those that are no contradiction.
NOISE, LOUD = 2.0, 8.0
#: A level that a ladder measured is right to within this factor.
MEASURED = 4.0
#: Rounding of what f is foretold to be, as a share of its change.
SLACK = 1e-6
#: An entry that moved and of which nothing is known: its scale, as a share of its size.
UNKNOWN = 0.0625


@dataclass(frozen=True, slots=True)
class Prior:
    """What is foretold of one line and output (see :class:`secant.core.kept.Bends`).

    ``moved`` is the latest part of the way that x has ``strayed``, ``span`` is how far it may in reaches, and ``give``
    by how much the slope may be another than ``value``.
    """

    value: float
    noise: float
    second: float
    cubic: float
    third: float
    fifth: float
    reach: float
    strayed: float
    moved: float
    span: float
    give: float

    def largest(self, fun: float) -> float:
        """Return how large f was at the steps of the ladder."""
        return abs(fun) + abs(self.value) * self.reach + abs(self.second)

    @property
    def growth(self) -> float:
        """By how much terms may have grown."""
        return GROWN * (1.0 + GROWS * self.strayed)

    @property
    def drift(self) -> float:
        """By how much the term of third order may be another than ``cubic``, at the distance ``reach``."""
        return min(self.third * (LEFT + GROWS * self.strayed) + self.fifth, self.third * self.growth)


@dataclass(frozen=True, slots=True)
class Foretold:
    """What an earlier answer tells of a point close by: priors by output and line, and f there, give or take."""

    priors: tuple[tuple[Prior | None, ...], ...]
    fun: tuple[float, ...]
    give: tuple[float, ...]

    def holds(self, fun: Sequence[float], line: Line) -> bool:
        """Return whether f at x is as was foretold, the noise that the user states of its outputs apart."""
        return all(
            isfinite(value) and abs(value - told) <= give + LOUD * line.of(output).noise
            for output, (value, told, give) in enumerate(zip(fun, self.fun, self.give, strict=True))
        )

    def alone(self, output: int, line: int) -> Foretold:
        """Return what is told of one line and output."""
        return Foretold(((self.priors[output][line],),), (self.fun[output],), (self.give[output],))


def foretold(bends: Bends, x: Floats, places: Sequence[int] | NDArray[np.intp] | None = None) -> Foretold:
    """Return what the bends at one point tell of another, for all lines or those at some places.

    >>> bends = Bends(np.array([1.0]), (1.0,), "", None, (2.0, 1e-16, 0.01, 0.0, 0.0, 0.0, 0.1, 0.0))
    >>> told = foretold(bends, np.array([1.01]))
    >>> told.fun, told.holds([1.0201], Line(1.01, 1.0)), told.holds([1.03], Line(1.01, 1.0))
    ((1.02,), True, False)
    """
    table, fun = bends.table, np.asarray(bends.fun).tolist()
    rows = [[table]] if isinstance(table, tuple) else np.reshape(table, (8, len(fun), -1)).transpose(1, 2, 0).tolist()
    way = [(i, a - b, max(abs(a), abs(b))) for i, (a, b) in enumerate(zip(x.tolist(), bends.x.tolist(), strict=True))]
    went = [step for step in way if step[1]]
    v = None if bends.v is None else bends.v.tolist()
    priors, funs, gives = [], [], []
    for known, row in zip(fun, rows, strict=True):
        spans = [_span(numbers[1], numbers[4], numbers[5]) for numbers in row]
        moved = max((_ranges(step, row, spans, v) for step in went), default=0.0)
        chosen = range(len(row)) if places is None else [int(place) for place in places]
        alone = went[0] if len(went) == 1 and v is None else (0, 0.0, 0.0) if not went else None
        priors.append(tuple(_prior(row[k], spans[k], moved, k, alone) for k in chosen))
        ahead, give = _ahead(went, row, moved) if v is None else (0.0, inf)
        funs.append(known + ahead)
        gives.append(give)
    return Foretold(tuple(priors), tuple(funs), tuple(gives))


def _span(noise: float, third: float, fifth: float) -> float:
    """Return how far x may stray, in reaches: a share of the distance at which the series would end.

    Terms two orders apart tell that distance, as long as they are more than noise; half a reach is taken for granted.
    """
    least = max(fifth, noise)
    if third <= LOUD * noise or third >= (FARTHEST / SHARE) ** 2 * least:
        return FARTHEST
    return max(SHARE * sqrt(third / least), 0.5)


def _ranges(step: tuple[int, float, float], row: list[list[float]], spans: list[float], v: list[float] | None) -> float:
    """Return how far one entry moved, in what it may stray."""
    i, d, size = step
    line = 0 if v is not None else i
    length = row[line][6] * spans[line] * (1.0 if v is None else abs(v[i]))
    if not length > 0.0:
        length = UNKNOWN * size
    return abs(d) / length if length > 0.0 else inf


def _ahead(went: list[tuple[int, float, float]], row: list[list[float]], moved: float) -> tuple[float, float]:
    """Return by how much f has changed on the way, to first order, and give or take how much.

    Second derivatives across two entries are not known: of a convex function the others bound them, of any they are
    worth a share of what the first order is.
    """
    ahead, first, bent, loud = 0.0, 0.0, 0.0, max((numbers[1] for numbers in row if numbers[1] > 0.0), default=0.0)
    for i, d, _ in went:
        value, _, second, _, third, _, reach, _ = row[i]
        far = abs(d) / reach
        ahead += value * d
        first += abs(value * d)
        bent += sqrt(abs(second) + third * max(1.0, far)) * far
    give = bent * bent + (TURNS * moved + SLACK) * first + LOUD * loud
    return (ahead, give) if isfinite(give) else (0.0, inf)


def _prior(
    numbers: list[float], span: float, moved: float, place: int, alone: tuple[int, float, float] | None
) -> Prior | None:
    """Return what is foretold of a line; None when there is nothing, or it has worn off.

    ``alone`` is the one entry that has moved, and its way, when no other has.
    """
    value, noise, second, cubic, third, fifth, reach, strayed = numbers
    strayed += moved
    # Not all at once: the golden section spreads the new ladders over the way.
    limit = 0.75 + 0.5 * ((place + 1) * GOLDEN % 1.0)
    if not (isfinite(value) and reach > 0.0 and strayed <= limit):
        return None
    give = inf
    if alone is not None and (alone[0] == place or not alone[1]):
        far = alone[1] / reach
        value += 2.0 * second * far / reach
        if abs(far) <= 1.0:
            give = GROWN * 3.0 * third / reach * far * far + SLACK * abs(value)
    return Prior(value, noise, second, cubic, third, fifth, reach, strayed, moved, span, give)


def nearby(
    base: Floats,
    problems: Sequence[Line],
    told: Foretold,
    directions: Floats | None = None,
    most: int | None = None,
    whole: bool = False,
) -> Core[Slopes]:
    """Differentiate along lines, from what was foretold of them where it is borne out.

    Parameters are those of :func:`secant.core.operators.lines`; a ``whole`` gradient of which nothing is borne out is
    looked at along generic directions as well.

    Raises
    ------
    InputError : when f has not as many outputs as was foretold.
    """
    reply = yield Request(base, None, (0.0,), directions)
    fun, u = points(reply)[0][0], reply.eps
    if len(fun) != len(told.fun):
        raise InputError(
            f"`near` must be of an f with as many outputs; it tells of {len(told.fun)}, and f has {len(fun)} here"
        )
    left = None if most is None else most - 1
    plans: dict[int, tuple[float, ...]] = {}
    if told.holds(fun, problems[0]):
        for index, line in enumerate(problems):
            if steps := _planned(line, [row[index] for row in told.priors], u, fun):
                plans[index] = steps
    price = sum(2 * len(steps) for steps in plans.values())
    if left is not None and price > left:
        plans, price = {}, 0
    found: list[list[Slope | None]] = [[None] * len(problems) for _ in fun]
    if plans:
        yield from _asked(base, problems, told, directions, plans, (fun, u), found)
        left = None if left is None else left - price
    rest = [index for index in range(len(problems)) if any(row[index] is None for row in found)]
    if rest:
        spent = {index: 2 * len(steps) for index, steps in plans.items()}
        again = [_cheaper(problems[index], spent.get(index, 0), left) for index in rest]
        if whole and len(rest) == len(problems):
            fresh = yield from gradient(base, again, fun, left)
        else:
            fresh = yield from _on(lines(base, again, directions, fun, left), rest)
        for row, new in zip(found, fresh.slopes, strict=True):
            for index, slope in zip(rest, new, strict=True):
                row[index] = replace(slope, evaluations=slope.evaluations + spent.get(index, 0))
    return Slopes(tuple(tuple(slope for slope in row if slope is not None) for row in found), tuple(fun))


def _cheaper(line: Line, spent: int, left: int | None) -> Line:
    """Return a line with what it has not spent, and no more than is left for all (f at the point is known)."""
    budget = max(line.budget - spent, 1)
    return replace(line, budget=budget if left is None else min(budget, left + 1))


def _on(core: Core[Slopes], places: Sequence[int]) -> Core[Slopes]:
    """Run a core for some of the lines: its lanes count only those."""
    index, reply = np.array(places, dtype=np.intp), None
    try:
        while True:
            asked = core.send(reply)  # type: ignore[arg-type]
            if asked.directions is None:
                lane = np.full(len(asked.t), index[0]) if asked.lane is None else index[np.asarray(asked.lane)]
                asked = Request(asked.base, lane, asked.t, None, asked.repeat, asked.imaginary)
            reply = yield asked
    except StopIteration as stop:
        slopes: Slopes = stop.value
        return slopes


def _planned(line: Line, priors: Sequence[Prior | None], u: float, fun: Sequence[float]) -> tuple[float, ...]:
    """Return the steps for all outputs of a line, the larger one first; none when there is no way to go by them."""
    one, two, enough = inf, inf, line.rtol > 0.0
    for output, (prior, here) in enumerate(zip(priors, fun, strict=True)):
        if prior is None:
            return ()
        reach, drift, fifth = prior.reach, prior.drift, prior.growth * prior.fifth
        work = Work(line.of(output), here, max(u, line.eps))
        sigma = max(work.rounding(prior.value * reach, reach, abs(here))[0], prior.noise)
        if sigma == 0.0 < max(drift, fifth):
            return ()
        noise = NOISE * ODD.value_noise[0] * sigma
        h = reach * min(1.0, (0.5 * noise / drift) ** (1.0 / 3.0) if drift else 1.0)
        if not h > 0.0:
            return ()  # beyond the range of floats
        one = min(one, h)
        enough = enough and drift / reach * (h / reach) ** 2 + noise / h <= line.rtol * abs(prior.value)
        noise = 2.0 * NOISE * ODD.value_noise[1] * sigma
        two = min(two, reach * min(1.0, (noise / fifth) ** 0.2 if fifth else 1.0))
        if not two > 0.0:
            return ()
    # Rounded down to a step of our own, half of the time by more than a quarter; so aim a little higher.
    h = step_near(min(1.25 * (one if enough else two), line.reach))
    steps = (h,) if enough or line.budget < 5 else (h, 0.5 * h)
    return steps if steps[-1] >= line.smallest and line.budget >= 3 else ()


def _level(prior: Prior, work: Work, odd: float, h: float, largest: float) -> float:
    """Return the level of noise: as the ladder measured it, and more as far as rounding explains that.

    Rounding goes with the size of f, which may have been far larger at the ladder's steps.
    """
    least, most = work.rounding(odd, h, largest)
    noise, there = prior.noise, prior.largest(work.fun)
    if noise <= extrapolate.NOISE * work.u * there and there > MEASURED * largest:
        noise *= MEASURED * largest / there
    return max(least, noise, min(most, MEASURED * noise))


def _asked(
    base: Floats,
    problems: Sequence[Line],
    told: Foretold,
    directions: Floats | None,
    plans: dict[int, tuple[float, ...]],
    here: tuple[Sequence[float], float],
    found: list[list[Slope | None]],
) -> Generator[Request, Reply, None]:
    """Ask for the pairs of all lines in one batch, and write down the slopes that are borne out."""
    lane, t = [], []
    for index, steps in plans.items():
        for h in steps:
            step = moved(problems[index], h)
            lane += [index, index]
            t += [step, -step]
    if len(problems) == 1:
        reply = yield Request(base, None, tuple(t), directions)
    else:
        reply = yield Request(base, np.array(lane), np.array(t), directions)
    rows, broken = points(reply)
    fun, u = here
    at = 0
    for index, steps in plans.items():
        end = at + 2 * len(steps)
        mine = rows[at:end]
        if not any(broken[at:end]):
            for output, row in enumerate(found):
                pairs = [(h, mine[2 * k][output], mine[2 * k + 1][output]) for k, h in enumerate(steps)]
                prior = told.priors[output][index]
                assert prior is not None
                row[index] = judged(problems[index].of(output), fun[output], max(u, reply.eps), prior, pairs)
        at = end


def judged(line: Line, fun: float, u: float, prior: Prior, pairs: Sequence[Pair]) -> Slope | None:
    """Return the slope that one or two pairs tell of, with its bar; None when they contradict what was foretold."""
    values = [value for _, *both in pairs for value in both]
    if not isfinite(sum(values)):
        return None
    work = Work(line, fun, max(u, line.eps))
    odd, even, h = parts(work, *pairs[-1])
    slope, largest = odd / h, max(abs(fun), *map(abs, values))
    sigma = _level(prior, work, odd, h, largest)
    reach, growth, share = prior.reach, prior.growth, h / prior.reach
    second, cubic, third, fifth = 0.5 * even / (share * share), prior.cubic, prior.third, prior.fifth
    turned = TURNS * prior.moved * (3.0 * third * prior.span + abs(prior.second)) + STEADY * (third + abs(prior.second))
    if abs(second - prior.second) * share * share > turned * share * share + growth * third * share**4 + LOUD * sigma:
        return None
    if len(pairs) == 1:
        slope -= cubic / reach * share * share
        noise = NOISE * ODD.value_noise[0] * sigma / h
        truncation = prior.drift / reach * share * share
    else:
        wide_odd, wide_even, wide = parts(work, *pairs[0])
        far = wide / reach
        apart = (far - share) * (far + share)
        gap, bent = wide_odd / wide - slope, 0.5 * abs(wide_even / (far * far) - even / (share * share))
        if abs(gap) > growth * third / reach * apart + LOUD * sigma * (1.0 / h + 1.0 / wide):
            return None
        if bent > 2.0 * growth * third * apart + LOUD * sigma * (1.0 / (share * share) + 1.0 / (far * far)):
            return None
        slope -= gap * (share * share / apart)
        cubic = gap / apart * reach
        seen = abs(cubic) + bent / apart
        grown = max(1.0, seen / third) if third else 1.0
        third, fifth = seen, fifth * grown * grown
        noise = NOISE * ODD.value_noise[1] * sigma / h
        truncation = growth * fifth / reach * (share * far) ** 2
    error = truncation + noise + u * abs(slope)
    if not (isfinite(slope) and isfinite(error)) or abs(slope - prior.value) > prior.give + LOUD * error:
        return None
    usual = extrapolate.NOISE * max(work.rounding(odd, h, largest)[1], UNIT_ROUNDOFF * prior.largest(fun))
    verdict = Verdict.NOISY if sigma > usual and error > 1024.0 * UNIT_ROUNDOFF * abs(slope) else Verdict.OK
    bend = (second, cubic, third, fifth, reach, prior.strayed)
    return Slope(slope, error, verdict, 1 + 2 * len(pairs), sigma, h, pairs[0][0], bend=bend)
