"""A derivative of a function whose noise was told: values where they say most, and least squares over them.

The search for the scale of f (:mod:`secant.core.scale`) leaps, because rounding leaves a slope so many digits that a
bend shows far away. Under noise of any size it may not: beyond a leap, a line through noise agrees with everything.
Rules:

1. While f moves by no more than its noise, steps are sixteen times as long as the one before, and a few in all. Where a
   leap lands on values that stand clear of the noise, the steps between are filled in; from there on they are doubled,
   and quadrupled as long as f is straight.
2. A prefix is all that was seen up to some step. It fits when a few terms leave no more than the noise. The smallest
   steps tell whether the noise is what was told: where f is straight, its values scatter by the noise alone, and a
   level that they show above it replaces it.
3. Every prefix that fits, with every number of terms, is a candidate; its score joins the standard error and the bias
   seen against one term more, or that may hide in what the term is blurred by. Steps grow until they no longer help.
4. Four more steps below the winner's largest one, chosen before they are seen, take part in the decision. Where they
   do not fit, smaller windows are left.
5. A slope of which nothing stands clear of the noise is claimed over the first steps only: whatever f does below its
   noise, further out it may turn around unseen.

What holds for a slope holds for a derivative of higher order, of which another coefficient is wanted
(:mod:`secant.core.higher`). The fits are those of :mod:`secant.core.fitting`. The method is that of
:mod:`secant.core.refine`, but for a level that is known beforehand.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from math import hypot, inf, isfinite, nan, sqrt

from secant.core import tableau
from secant.core.fitting import PRIOR, SIDE, WINDOW, Memo, Table, table_of, usual
from secant.core.ladder import VALUE_ROUNDING, Ladder, Steps, Values, Work, evaluate, moved, recall, step_near
from secant.core.results import Slope
from secant.core.tableau import Rows, contrast
from secant.core.verdicts import Verdict

#: Noise of fewer roundings than this leaves digits enough for the ways of rounding, which cost less.
LOUD = 2.0**10
#: Contrasts of a ladder up to so many levels leave the scale of f open: with a noise three times what was told, pure
#: noise seldom reaches them.
SCALE = 40.0
#: How far a leap goes while nothing is clear, how many there are, and how far a stride goes along a straight line.
LEAP, LEAPS, STRIDE = 16.0, 8, 4.0
#: Neighboring steps further apart than this leave a gap, which counts down to this share of the first clear one.
GAP, NEARLY = 2.5, 0.25
#: A score has to fall to this share for a larger step to have helped.
HELPS = 0.75
#: Standard errors in a bar, and biases; how much of the spread of the candidates it reaches. Set on random functions
#: under Gaussian noise so that 98 % are covered at every level, although the best of many candidates was taken.
SAFETY, BIASES, SPREAD = 2.8, 1.5, 1.2
#: Levels above the one that was told which are worth a word.
LOUDER = 1.7


@dataclass(frozen=True, slots=True)
class Model:
    """A candidate: the slope, its standard error and bias, per largest step, and what it leaves, in levels."""

    slope: float
    error: float
    bias: float
    chi: float
    score: float
    last: int


def dominates(work: Work) -> bool:
    """Return whether a slope is wanted, and the noise that was told far above the rounding of what was seen."""
    if not work.line.noise or work.line.order > 1:
        return False
    largest = max((max(abs(a), abs(b)) for _, a, b in work.pairs if isfinite(a) and isfinite(b)), default=0.0)
    return work.line.noise > LOUD * VALUE_ROUNDING * work.u * max(abs(work.fun), largest)


def unsure(work: Work, ladder: Ladder) -> bool:
    """Return whether a ladder saw nothing that stands far clear of the noise that was told, so that its scale is open.

    Its largest pairs, that is: some multiples of the noise may be the noise itself, when there is more than was told.
    """
    noise = SCALE * work.line.noise
    return (
        dominates(work)
        and contrast(ladder.odd, 1, 1, ladder.s[1], tableau.ODD) <= noise
        and contrast(ladder.even, 1, 1, ladder.s[1], tableau.EVEN) <= noise
    )


def unsure_aside(work: Work, rows: Rows, s: Sequence[float]) -> bool:
    """Return the same of a one-sided ladder."""
    noise = SCALE * work.line.noise
    return dominates(work) and (len(rows) < 2 or contrast(list(rows), 1, 1, s[1], tableau.SIDE) <= noise)


def _models(table: Table, last: int) -> list[Model]:
    """Return the candidates of one window."""
    kind = table.kind
    found = table.window(last, kind)
    count = min(last + 1, WINDOW) + (1 if table.side else 0)
    share, level = (table.steps[-1] / table.steps[last]) ** kind.order, table.level / sqrt(kind.weight)
    models: list[Model] = []
    poor: list[Model] = []
    most = min(kind.most, len(found) - 1)
    # A window that is too short for the term that is wanted has no candidates.
    for terms in range(max(min(_least(table, last, count), most), kind.wanted + 1), most + 1):
        here, longer, free = found[terms - 1], found[terms], count - terms
        chi = sqrt(here.rest / free) / level
        error = level * sqrt(here.variance)
        gap = longer.slope - here.slope
        blur = level * level * (longer.variance - here.variance)
        bias = sqrt(max(gap * gap - blur, kind.hidden * blur))
        score = hypot(error, bias) * max(1.0, chi)
        fine = chi * chi * free <= usual(free)
        model = Model(here.slope * share, error * share, bias * share, chi, score * share, last)
        (models if fine else poor).append(model)
    return models or poor


def _least(table: Table, last: int, count: int) -> int:
    """Return the fewest terms worth a look: with as many bends as the even parts show beyond the first.

    A peak is even to the eye: where it has ended, the odd parts are 0 again and look straight.
    """
    if table.side:
        return SIDE.wanted + 1
    square = table.level * table.level
    other = table.values[1][0]
    found = table.window(last, other)
    needed = 1
    while needed < len(found) and other.weight * found[needed - 1].rest > square * usual(count - needed):
        needed += 1
    return max(1, needed - 1) if 0 in other.powers else needed


def _candidates(table: Table, last: int) -> list[Model]:
    """Return the candidates of the largest windows of a prefix."""
    ends = [index for index in range(2, last + 1) if table.nominal[index] not in table.further]
    return [model for index in ends[-4:] or [last] for model in _models(table, index)]


def _ask(work: Work, side: float, steps: Sequence[float]) -> Generator[Steps, Values, bool]:
    """Evaluate at steps, to both sides or to one; return whether all values are finite."""
    if not side:
        return (yield from evaluate(work, *steps))
    known, taken = recall(work), [side * moved(work.line, h) for h in steps]
    asked = tuple(t for t in dict.fromkeys(taken) if t not in known)
    if asked:
        work.spent += len(asked)
        known.update(zip(asked, (yield asked), strict=True))
    values = [known[t] for t in taken]
    work.pairs += [(h, value, nan) if side > 0.0 else (h, nan, value) for h, value in zip(steps, values, strict=True)]
    return all(map(isfinite, values))


def slope(work: Work, side: float = 0.0) -> Generator[Steps, Values, Slope]:
    """Return the slope of a line whose noise was told, from the values that it has and more of them.

    ``side`` is 0 for both sides of x, else the sign of the one that f is looked at on.
    """
    memo: Memo = {}
    leaps, probed, best = 0, False, inf
    table = table_of(work, side, memo)
    price = 1 if side else 2
    reserve = price * len(table.kind.extra)
    near, ceiling = table.nominal[-1], inf
    for h, a, b in work.pairs:
        if not isfinite(a + b if not side else a if side > 0.0 else b):
            ceiling = min(ceiling, h)
    while work.left() >= price + reserve:
        last = table.prefix()
        small = [h for h in (table.nominal[0] / 4.0, table.nominal[0] / 16.0) if h >= work.line.smallest]
        if table.level > LOUDER and not probed and small:
            # Is it noise, or does f bend even here?
            probed, steps = True, small
        else:
            steps = _between(table, last)
        if not steps:
            if not table.clear(last):
                leaps += 1
            elif last + 1 == len(table.steps):
                scores = [model.score for model in _candidates(table, last)]
                score = min(scores, default=inf) / table.steps[-1] ** table.kind.order
                if score > HELPS * best and score < inf:
                    break
                best = score
            steps = _beyond(work, table, last, ceiling)
        if not steps or leaps > LEAPS:
            break
        steps = steps[: (work.left() - reserve) // price]
        before = work.spent, len(table.steps)
        if not (yield from _ask(work, side, steps)):
            ceiling = min(ceiling, *steps)
        table = table_of(work, side, memo)
        if (work.spent, len(table.steps)) == before:
            break  # x is too coarse for other steps, or f has no values there
    return (yield from _judged(work, side, memo, near))


def _between(table: Table, last: int) -> list[float]:
    """Return steps that fill the lowest gap where values stand clear of the noise, or nearly, and are not straight."""
    first = next((index for index in range(last + 1) if table.clear(index)), last + 1)
    for index in range(1, last + 1 if first <= last else 0):
        low, high = table.nominal[index - 1], table.nominal[index]
        least = max(GAP * low, NEARLY * table.nominal[first])
        if high > least and (index < first or table.clear(index)) and not table.straight(max(index, first)):
            found = []
            while high > least:
                high *= 0.5
                found.append(high)
            return found
    return []


def _beyond(work: Work, table: Table, last: int, ceiling: float) -> list[float]:
    """Return the step beyond the prefix to look at next; none when it ends where it should."""
    line, here = work.line, table.nominal[last]
    beyond = table.nominal[last + 1] if last + 1 < len(table.nominal) else ceiling
    if beyond <= GAP * here:
        return []
    wanted = LEAP * here
    if table.clear(last):
        wanted = STRIDE * here if table.straight(last) else 2.0 * here
    room = line.reach if not table.side else line.nominal(min(line.max_step, _room(work, table.side)))
    h = step_near(min(wanted, sqrt(here) * sqrt(beyond) if beyond < inf else inf, room))
    return [h] if h > 1.4 * here else []


def _room(work: Work, side: float) -> float:
    return work.line.above if side > 0.0 else work.line.below


def _judged(work: Work, side: float, memo: Memo, near: float) -> Generator[Steps, Values, Slope]:
    """Decide with further steps below the largest one of the winner."""
    further: set[float] = set()
    while True:
        table = table_of(work, side, memo, further)
        last = table.prefix()
        seen = table.seen(last)
        if not seen:
            last = max(index for index, h in enumerate(table.nominal[: last + 1]) if h <= near)
        models = _candidates(table, last) if seen else _models(table, last)
        if not models:
            note = "x is too coarse for more than one step" if table.kind.order == 1 else "too few steps for this order"
            return Slope(nan, inf, Verdict.UNRESOLVED, noise=table.told, note=note)
        winner = min(models, key=lambda model: model.score)
        shares = table.kind.extra[: work.left() // (1 if side else 2)]
        extra = [share * table.nominal[winner.last] for share in shares]
        if not seen or not extra or further.intersection(extra):
            return _averaged(work, table, models, seen)
        further.update(extra)
        yield from _ask(work, side, extra)


def _averaged(work: Work, table: Table, models: list[Model], seen: bool) -> Slope:
    """Average the models that came close to the best, and join their errors."""
    winner = min(models, key=lambda model: model.score)
    close = [model for model in models if model.score <= 1.5 * winner.score]
    weights = [1.0 / (model.score * model.score) if model.score else 1.0 for model in close]
    value = sum(w * model.slope for w, model in zip(weights, close, strict=True)) / sum(weights)
    spread = max(model.slope for model in close) - min(model.slope for model in close)
    error = SAFETY * winner.error * max(1.0, winner.chi) + BIASES * winner.bias
    error = table.kind.margin * max(error, SPREAD * spread)
    told, side, notes = table.told, table.side, []
    total, free = table.left(winner.last)
    level = max(table.level, sqrt((PRIOR + total) / (PRIOR + free)))
    verdict = Verdict.AT_BOUND if side else Verdict.OK
    if not seen:
        moves = "move" if table.kind.order == 1 else "bend"
        notes.append(f"f does not {moves} by more than its noise within {table.nominal[-1]:.2g}")
    elif level > LOUDER:
        notes.append(f"that is more than the {told:.2g} that was told")
    if notes:
        verdict = Verdict.NOISY
        notes += ["seen from one side only"] if side else []
    top, unit = table.steps[winner.last], table.steps[-1]
    per = table.kind.factor * told / unit**table.kind.order
    value, error = value * per, error * per
    left, right = (value if side < 0.0 else nan), (value if side > 0.0 else nan)
    return Slope(
        value, error, verdict, work.spent, level * told, top, top, left=left, right=right, note="; ".join(notes)
    )
