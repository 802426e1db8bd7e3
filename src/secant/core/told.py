"""The slope of a function whose noise was told: pairs where they say most, and least squares over them.

The search for the scale of f (:mod:`secant.core.scale`) leaps, because rounding leaves a slope so many digits that a bend
shows far away. Under noise of any size it may not: beyond a leap, a line through noise agrees with everything. Rules:

1. While f moves by no more than its noise, steps are sixteen times as long as the one before, and a few in all. Where a
   leap lands on values that stand clear of the noise, the steps between are filled in; from there on they are doubled.
2. A prefix is the pairs up to some step. It fits when a few terms, odd and even, leave no more than the noise. The
   smallest pairs tell whether the noise is what was told: where f is straight, they scatter by the noise alone, and a
   level that they show above it replaces it.
3. Every prefix that fits, with every number of terms, is a candidate; its score joins standard error and bias, seen
   against one term more. Steps grow until they no longer help.
4. Four more pairs near the winner's largest step, chosen before they are seen, take part in the decision. Where they
   do not fit, smaller windows are left.
5. A slope of which nothing stands clear of the noise is claimed over the first steps only: whatever f does below its
   noise, further out it may turn around unseen.

The method is that of :mod:`secant.core.refine`, but for a level that is known beforehand.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence, Set
from dataclasses import dataclass
from math import hypot, inf, isfinite, sqrt

from secant.core.ladder import VALUE_ROUNDING, Steps, Values, Work, evaluate, parts, step_near
from secant.core.results import Slope
from secant.core.verdicts import Verdict

#: Extra pairs, as shares of the largest step of the winning window.
EXTRA = (0.8125, 0.6875, 0.90625, 0.59375)
#: Most pairs in a window, and most terms of its polynomials.
WINDOW, TERMS = 12, 5
#: Odd and even parts of so many levels stand clear of the noise.
CLEAR = 6.0
#: How far a leap goes while nothing does, how many there are, and how far a stride goes along a straight line.
LEAP, LEAPS, STRIDE = 16.0, 8, 4.0
#: So many squares of the level one pair may add to what is left.
ODD_ONE_OUT = 12.0
#: What a fit may leave, beside what noise leaves in the mean: so many standard deviations of that, and a little more.
UNUSUAL = 3.0
#: Standard errors in a bar.
SAFETY = 2.8
#: Squares of what one term more is blurred by that a bias may hide in.
HIDDEN = 1.0
#: Levels above the one that was told which are worth a word.
LOUDER = 2.0

Powers = tuple[int, ...]
ODD: Powers = (1, 3, 5, 7, 9)
EVEN: Powers = (0, 2, 4, 6)


@dataclass(frozen=True, slots=True)
class Fit:
    """A polynomial through a window: the coefficient of its first power, its variance for noise of 1, and the rest."""

    first: float
    variance: float
    rest: float


@dataclass(frozen=True, slots=True)
class Model:
    """A candidate: the slope, its standard error and bias, and what it leaves, in units of the level."""

    slope: float
    error: float
    bias: float
    chi: float
    score: float
    top: float


@dataclass(slots=True)
class Table:
    """The pairs by size of their steps, and the level of the noise."""

    steps: list[float]
    nominal: list[float]
    odd: list[float]
    even: list[float]
    level: float
    further: Set[float] = frozenset()


def dominates(work: Work) -> bool:
    """Return whether the noise that was told is larger than the rounding of what was seen."""
    largest = max((max(abs(a), abs(b)) for _, a, b in work.pairs if isfinite(a) and isfinite(b)), default=0.0)
    return work.line.noise > VALUE_ROUNDING * work.u * max(abs(work.fun), largest)


def fits(nodes: Sequence[float], values: Sequence[float], powers: Powers) -> list[Fit]:
    """Fit polynomials of one term, two, and so on."""
    columns: list[list[float]] = []
    leads: list[float] = []
    found: list[Fit] = []
    first = variance = 0.0
    rest = _dot(values, values)
    for index, power in enumerate(powers[: len(nodes)]):
        column, lead = [node**power for node in nodes], 0.0 if index else 1.0
        for _ in range(2):
            for other, its in zip(columns, leads, strict=True):
                share = _dot(other, column)
                column = [a - share * b for a, b in zip(column, other, strict=True)]
                lead -= share * its
        size = sqrt(_dot(column, column))
        if size < 1e-9:
            break
        columns.append([a / size for a in column])
        leads.append(lead / size)
        share = _dot(columns[-1], values)
        first += share * leads[-1]
        variance += leads[-1] * leads[-1]
        rest = max(rest - share * share, 0.0)
        found.append(Fit(first, variance, rest))
    return found


def _dot(left: Sequence[float], right: Sequence[float]) -> float:
    return sum(map(float.__mul__, left, right))


def _table(work: Work, told: float, further: Set[float] = frozenset()) -> Table:
    """Sort what was paid for."""
    rows = {}
    for h, a, b in work.pairs:
        if isfinite(a) and isfinite(b):
            odd, even, step = parts(work, h, a, b)
            rows[step] = (step, h, odd, even)
    steps, nominal, odd, even = (list(column) for column in zip(*sorted(rows.values()), strict=True))
    table = Table(steps, nominal, odd, even, told, further)
    table.level = _measured(table, told)
    return table


def _window(table: Table, last: int) -> tuple[list[float], list[float], list[float]]:
    """Return the nodes (shares of the largest step), odd and even parts of the prefix that ends with a pair."""
    first = max(0, last + 1 - WINDOW)
    top = table.steps[last]
    nodes = [step / top for step in table.steps[first : last + 1]]
    return nodes, table.odd[first : last + 1], table.even[first : last + 1]


def _misfit(table: Table, last: int, odd_terms: int, even_terms: int) -> tuple[float, int]:
    """Return the sum of squares that a prefix leaves, in units of the noise's square, and its degrees of freedom."""
    nodes, odd, even = _window(table, last)
    return _left(nodes, odd, even, odd_terms, even_terms)


def _left(
    nodes: Sequence[float], odd: Sequence[float], even: Sequence[float], odd_terms: int, even_terms: int
) -> tuple[float, int]:
    one = fits(nodes, odd, ODD[: min(odd_terms, len(nodes) - 1)])
    two = fits(nodes, even, EVEN[: min(even_terms, len(nodes) - 1)])
    free = 2 * len(nodes) - len(one) - len(two)
    return 2.0 * one[-1].rest + 0.5 * two[-1].rest, free


def _measured(table: Table, told: float) -> float:
    """Return the level of the noise: as told, or as the smallest pairs have it when that is more."""
    count = min(5, len(table.steps))
    total, free = _misfit(table, count - 1, 2, 2)
    return told * max(1.0, sqrt((3.0 + total / told / told) / (3.0 + free)))


def _belongs(table: Table, last: int, odd_terms: int, even_terms: int) -> bool:
    """Return whether a prefix fits so many terms, and its last pair the others."""
    square = table.level * table.level
    nodes, odd, even = _window(table, last)
    total, free = _left(nodes, odd, even, odd_terms, even_terms)
    if total > square * (free + UNUSUAL * sqrt(2.0 * free) + 3.0):
        return False
    before, _ = _left(nodes[:-1], odd[:-1], even[:-1], odd_terms, even_terms)
    return total - before <= ODD_ONE_OUT * square


def _prefix(table: Table) -> int:
    """Return the last pair up to which everything fits."""
    last = min(2, len(table.steps) - 1)
    while last + 1 < len(table.steps) and _belongs(table, last + 1, 3, 3):
        last += 1
    return last


def _clear(table: Table, index: int) -> bool:
    return max(abs(table.odd[index]), 0.3 * abs(table.even[index])) > CLEAR * table.level


def _straight(table: Table, last: int) -> bool:
    """Return whether a prefix shows a straight line, and more than one pair of it."""
    seen = [index for index in range(last + 1) if _clear(table, index)]
    return last > 1 and len(seen) > 1 and _belongs(table, last, 1, 1)


def _models(table: Table, last: int) -> list[Model]:
    """Return the candidates of one window."""
    nodes, odd, _ = _window(table, last)
    top, level = table.steps[last], table.level / sqrt(2.0)
    found = fits(nodes, odd, (*ODD, 11)[: len(nodes)])
    models = []
    for terms in range(1, min(TERMS, len(found) - 1) + 1):
        free = len(nodes) - terms
        here, longer = found[terms - 1], found[terms]
        chi = sqrt(here.rest / free) / level
        error = level * sqrt(here.variance)
        gap = longer.first - here.first
        blur = level * level * (longer.variance - here.variance)
        bias = sqrt(max(gap * gap - blur, HIDDEN * blur))
        score = hypot(error, bias) * max(1.0, chi)
        models.append(Model(here.first / top, error / top, bias / top, chi, score / top, top))
    return models


def _candidates(table: Table, last: int) -> list[Model]:
    regular = [index for index in range(2, last + 1) if table.nominal[index] not in table.further]
    return [model for index in regular[-4:] or [last] for model in _models(table, index)]


def slope(work: Work) -> Generator[Steps, Values, Slope]:
    """Return the slope of a line whose noise was told, from the pairs that it has and more of them."""
    told = work.line.noise
    reserve = 2 * len(EXTRA)
    leaps, probed, best = 0, False, inf
    ceiling = min((h for h, a, b in work.pairs if not (isfinite(a) and isfinite(b))), default=inf)
    near = max(h for h, a, b in work.pairs if isfinite(a) and isfinite(b))
    while work.left() >= 2 + reserve:
        table = _table(work, told)
        last = _prefix(table)
        if table.level > LOUDER * told and not probed and work.left() >= 4 + reserve:
            probed = True
            steps = [h for h in (table.nominal[0] / 4.0, table.nominal[0] / 16.0) if h >= work.line.smallest]
            if steps and (yield from evaluate(work, *steps)):
                continue
        steps = _between(table, last)[: (work.left() - reserve) // 2]
        if not steps:
            if not _clear(table, last):
                leaps += 1
            elif last + 1 == len(table.steps):
                score = min(model.score for model in _candidates(table, last))
                if score > 0.75 * best:
                    break
                best = score
            steps = _beyond(work, table, last, ceiling)
        if not steps or leaps > LEAPS:
            break
        if not (yield from evaluate(work, *steps)):
            ceiling = steps[0]
    return (yield from _judged(work, told, near))


def _between(table: Table, last: int) -> list[float]:
    """Return steps that fill the lowest gap above which values stand clear of the noise and are not straight."""
    for index in range(1, last + 1):
        low, high = table.nominal[index - 1], table.nominal[index]
        if high > 2.5 * low and _clear(table, index) and not _straight(table, index):
            found = []
            while high > 2.5 * low:
                high *= 0.5
                found.append(high)
            return found
    return []


def _beyond(work: Work, table: Table, last: int, ceiling: float) -> list[float]:
    """Return the step beyond the prefix to look at next; none when it ends where it should."""
    here = table.nominal[last]
    beyond = table.nominal[last + 1] if last + 1 < len(table.nominal) else ceiling
    wanted = LEAP * here
    if _clear(table, last):
        wanted = STRIDE * here if _straight(table, last) else 2.0 * here
    if beyond <= 2.5 * here:
        return []
    h = step_near(min(wanted, sqrt(here) * sqrt(beyond) if beyond < inf else inf, work.line.reach))
    return [h] if h > 1.4 * here else []


def _judged(work: Work, told: float, near: float) -> Generator[Steps, Values, Slope]:
    """Decide with further pairs near the largest step of the winner."""
    further: set[float] = set()
    while True:
        table = _table(work, told, further)
        last = _prefix(table)
        seen = any(_clear(table, index) for index in range(last + 1))
        if not seen:
            last = max(index for index, h in enumerate(table.nominal[: last + 1]) if h <= near)
        models = _candidates(table, last) if seen else _models(table, last)
        winner = min(models, key=lambda model: model.score)
        top = table.nominal[table.steps.index(winner.top)]
        extra = [share * top for share in EXTRA[: work.left() // 2]]
        if not seen or not extra or further.intersection(extra):
            return _averaged(work, table, models, told, seen)
        further.update(extra)
        yield from evaluate(work, *extra)


def _averaged(work: Work, table: Table, models: list[Model], told: float, seen: bool) -> Slope:
    """Average the models that came close to the best, and join their errors."""
    winner = min(models, key=lambda model: model.score)
    close = [model for model in models if model.score <= 1.5 * winner.score]
    weights = [1.0 / (model.score * model.score) if model.score else 1.0 for model in close]
    value = sum(w * model.slope for w, model in zip(weights, close, strict=True)) / sum(weights)
    spread = max(model.slope for model in close) - min(model.slope for model in close)
    error = SAFETY * winner.error * max(1.0, winner.chi) + 1.5 * winner.bias
    error = max(error, 1.2 * spread)
    verdict, note = Verdict.OK, ""
    level = table.level * max(1.0, winner.chi)
    if not seen:
        verdict = Verdict.NOISY
        note = f"f does not move by more than its noise within +/- {table.nominal[-1]:.2g}"
    elif level > LOUDER * told:
        verdict, note = Verdict.NOISY, f"that is more than the {told:.2g} that was told"
    top = winner.top
    return Slope(value, error, verdict, work.spent, noise=level, step=top, reach=top, note=note)
