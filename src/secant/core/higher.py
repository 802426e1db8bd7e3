"""Derivatives of higher order under noise: those of the second to the fourth where it was told, and no others.

The way is that of slopes (:mod:`secant.core.told`): steps as large as f allows, and least squares over them; the even
part of f has the derivatives of order 2 and 4, the odd part those of 1 and 3. A derivative of order p leaves
``sigma / h**p`` of the noise, so that it takes far larger steps than a slope does. Rules:

* Nothing is claimed where polynomials do not fit over the first steps, or where there are none to both sides.
* Noise hides how a function behaves near x: a corner that is no larger than it looks like a strong bend. So steps
  beyond the last one that fits have a say. Where they continue a part that goes with a power of the step that no smooth
  function has, there is no claim.
* Bends that stand out of the noise by less than :data:`CLEARLY` are not claimed: a ripple no larger than the noise
  may have more of them.
* What does not bend by more than its noise over all steps is claimed over the first ones only.
* Nothing is claimed of any other order, nor from one side, nor under noise that was found out and drowns what f does
  over the first steps.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from math import isfinite, sqrt

from secant.core import told
from secant.core.fitting import CLEAR, HIGHER, Kind, Memo, Table, fits, table_of, usual
from secant.core.ladder import Line, Steps, Values, Work, evaluate, step_near
from secant.core.results import Slope
from secant.core.verdicts import Verdict

#: Noise that was told is loud from so many roundings on, noise found out from this share of what f moves by over the
#: first steps on.
LOUD, DROWNED = 16.0, 0.4
#: How many steps beyond the prefix have a say, and the terms of a corner or of a jump in the parts.
BEYOND, CORNERS = 2, 4
#: Evaluations with which this begins: seven steps to both sides.
LEAST = 15
#: By how many levels of noise the part with the derivative has to stand out of it, by the order. Below that, waves no
#: larger than the noise (of one or two octaves less than the steps) were found to be many bars: so it is claimed that
#: there is none only where f bends by far more. Where nothing stands out the first steps decide, and bars are wide.
CLEARLY = {2: 100.0, 3: 400.0, 4: 400.0}
#: What is said where nothing is claimed.
UNCLAIMED = "under noise that was told the bar of a higher derivative may be too small"
FAINT = "f bends by {:.2g} times its noise only, under which a ripple may be hidden that has this derivative as well"
HEARD = "the noise drowns what f does over the first steps, and the bar of a higher derivative with it"
CORNER = "under its noise f may have a corner at x, which has no such derivative"


def serves(line: Line, asked: Steps, values: Values, u: float) -> bool:
    """Return whether a line may be differentiated here: three pairs, all of them finite, an order that is served."""
    pairs = len(asked) == 7 and asked[2] == -asked[1]
    whole = line.order in HIGHER and pairs and all(map(isfinite, values)) and line.budget >= LEAST
    return whole and line.noise > LOUD * u * max(map(abs, values))


def unclaimed(
    core: Generator[Steps, Values, Slope], values: Values, u: float, noise: float
) -> Generator[Steps, Values, Slope]:
    """Make no claim under loud noise: larger steps look good there until they are longer than what f does."""
    slope = yield from core
    if slope.verdict not in (Verdict.OK, Verdict.NOISY, Verdict.AT_BOUND):
        return slope
    seen = [value for value in values if isfinite(value)]
    if noise > LOUD * u * max(map(abs, seen)):
        return replace(slope, verdict=Verdict.UNRESOLVED, note=UNCLAIMED)
    if slope.verdict is Verdict.NOISY and slope.noise > DROWNED * max(abs(value - values[0]) for value in seen):
        return replace(slope, verdict=Verdict.UNRESOLVED, note=HEARD)
    return slope


def derivative(line: Line, asked: Steps, values: Values, u: float) -> Generator[Steps, Values, Slope]:
    """Find a derivative of a line whose opening was asked and answered."""
    work = Work(line, values[0], max(u, line.eps), len(asked))
    h = step_near(asked[1])
    work.pairs += ((h, values[1], values[2]), (0.5 * h, values[3], values[4]), (0.25 * h, values[5], values[6]))
    # Steps beyond the prefix are paid for at the end.
    work.line = replace(line, budget=line.budget - 2 * BEYOND)
    found = yield from told.slope(work)
    work.line = line
    memo: Memo = {}
    table = table_of(work, 0.0, memo)
    if not isfinite(found.error):
        return replace(found, evaluations=work.spent)
    note, stands = "", _stands_out(table, found.reach)
    # Where f grows without end, its rounding far out says nothing of its noise here.
    if not table.fits(table.prefix()) or table.level * table.told > told.LOUDER * line.noise:
        note = UNCLAIMED
    elif CLEAR < stands < CLEARLY[line.order]:
        note = FAINT.format(stands)
    elif (yield from _cornered(work, memo)):
        note = CORNER
    if note:
        found = replace(found, verdict=Verdict.UNRESOLVED, note=note)
    return replace(found, evaluations=work.spent)


def _stands_out(table: Table, reach: float) -> float:
    """Return how far the part that is wanted stands out of the noise, over the steps that decided."""
    kind, values = table.values[0]
    inside = [abs(value) for value, step in zip(values, table.steps, strict=True) if step <= reach]
    return max(inside, default=0.0) * sqrt(0.5 * kind.weight) / table.level


def _cornered(work: Work, memo: Memo) -> Generator[Steps, Values, bool]:
    """Look beyond the steps that fit, and return whether a corner explains as much as is to be seen there."""
    table = table_of(work, 0.0, memo)
    last = table.prefix()
    while last + BEYOND >= len(table.steps) and work.left() >= 2:
        h = step_near(min(2.0 * table.nominal[-1], work.line.reach))
        if h <= 1.4 * table.nominal[-1] or not (yield from evaluate(work, h)):
            break
        table = table_of(work, 0.0, memo)
        last = table.prefix()
    if last + 1 >= len(table.steps):
        return False
    return any(_corner(table, kind, values, last) for kind, values in table.values)


def _corner(table: Table, kind: Kind, values: list[float], last: int) -> bool:
    """Return whether a part that is not smooth beyond the prefix is one with a corner at x."""
    end = min(last + BEYOND + 1, len(table.steps))
    nodes = [step / table.steps[end - 1] for step in table.steps[:end]]
    square = table.level * table.level
    smooth = fits(nodes, values[:end], kind)
    terms = min(kind.short, len(smooth), end - 1)
    if kind.weight * smooth[terms - 1].rest <= square * usual(end - terms):
        return False
    powers = tuple(power for power in range(CORNERS))
    cornered = fits(nodes, values[:end], replace(kind, powers=powers, wanted=0))
    terms = min(len(cornered), end - 1)
    return kind.weight * cornered[terms - 1].rest <= square * usual(end - terms)
