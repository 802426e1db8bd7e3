"""The question `hessian` with a pattern: from values of f, pair by pair; from a gradient, by colors.

From values no entry can share an evaluation with another, since each evaluation is one number; what a pattern saves
are the pairs that are not in it. The pattern does not bear on the entries either: what it leaves out is missing, and
what it has is right. So when it is held against the curvature along a generic direction, and does not add up to that,
the entries keep their bars, and the answer as a whole is `unresolved`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf, isfinite, isnan, nan
from typing import Any

import numpy as np

from secant._api.answers import again, one_output, settle
from secant._api.lines import coordinate_lines, direction_line
from secant._api.options import Options, at_point, spared
from secant._api.pairs import curvatures_of
from secant._api.select import Positions
from secant._api.sparse import NO_PATTERN, Csr, answer, pattern_of, space_of, sparse_jacobian, undetected, without
from secant.core import across, coloring, operators
from secant.core.couplings import couplings
from secant.core.detection import Found
from secant.core.errors import InputError
from secant.core.hessians import PAIRS, USABLE
from secant.core.ladder import Line
from secant.core.line import first_step
from secant.core.operators import Slopes, lines
from secant.core.request import UNIT_ROUNDOFF, Floats, Interrupted, Request, run
from secant.core.results import CUT_SHORT, Estimate, Slope
from secant.core.sparse import Entries, Pattern
from secant.core.verdicts import Verdict
from secant.evaluation.watch import Watch

#: The most that the look along a generic direction takes.
LOOK = 20
#: Bars of that look by which the entries may miss it, and the share of their sum of sizes that may be rounding.
BARS, ROUNDING = 3.0, 64.0 * UNIT_ROUNDOFF
FULLER = "give a pattern that has all of them, or `sparsity='detect'`"


@dataclass(frozen=True, slots=True)
class _Asked:
    """The pattern, what is said of it, the lines of what varies, and their places in x."""

    csr: Csr
    told: str
    problems: Sequence[Line]
    places: np.ndarray[Any, np.dtype[np.intp]]


def pairs_of(sparsity: Any, size: int) -> int:
    """Return how many pairs of entries of x a pattern has."""
    given = _square(sparsity, size)
    if given is None:
        raise InputError(NO_PATTERN)
    indptr, indices = coloring.completed(*given, size)
    return int((np.repeat(np.arange(size), np.diff(indptr)) < indices).sum())


def _square(sparsity: Any, size: int) -> Csr | None:
    given = pattern_of(sparsity, size)
    if given is not None and given[0] != size:
        raise InputError(f"`sparsity` must have a row for each of the {size} entries of x; got {given[0]}")
    return None if given is None else given[1]


def sparse_hessian(
    chosen: Options, watch: Watch, sparsity: Any, varying: Positions | None, gradient: bool, f0: Any
) -> Estimate:
    """Find the second derivatives in a pattern, or in the one that is detected."""
    size = watch.evaluator.layout.size
    given = _square(sparsity, size)
    if gradient:
        found = sparse_jacobian(chosen, watch, None if given is None else (size, given), varying, symmetric=True)
    else:
        found = _from_values(chosen, watch, given, varying, f0)
    return replace(found, matrix=found.value, matrix_error=found.error)


def _from_values(chosen: Options, watch: Watch, given: Csr | None, varying: Positions | None, f0: Any) -> Estimate:
    layout, base = watch.evaluator.layout, watch.evaluator.base
    places = np.arange(layout.size) if varying is None else varying
    chosen = at_point(chosen, watch)
    if given is None:
        csr, told = _detected(chosen, watch, places, varying)
        if chosen.max_evaluations is not None:
            left = chosen.max_evaluations - watch.evaluator.evaluations
            if left < 1:
                raise InputError("`max_evaluations` leaves nothing after the pattern was detected; raise it")
            chosen = replace(chosen, max_evaluations=left)
        f0 = 0.0 if f0 is None else f0  # f(x) is known by now
    else:
        csr = without(coloring.completed(*given, layout.size), layout.size, varying, symmetric=True)
        told = f"pattern of {csr[1].size} entries as given"
    rows = np.repeat(np.arange(layout.size), np.diff(csr[0]))
    above = rows < csr[1]
    number = np.zeros(layout.size, dtype=np.intp)
    number[places] = np.arange(places.size)
    pairs = list(zip(number[rows[above]].tolist(), number[csr[1][above]].tolist(), strict=True))
    chosen = spared(chosen, f0, places.size + len(pairs))
    problems = coordinate_lines(chosen, base, layout, varying)
    asked = _Asked(csr, told, problems, places)
    aside = LOOK if chosen.max_evaluations is not None and chosen.formula is None else 0
    first = chosen
    if chosen.max_evaluations is not None and chosen.max_evaluations > 1 + 6 * places.size + 6 * len(pairs) + aside:
        first = replace(chosen, max_evaluations=chosen.max_evaluations - aside)
    second = curvatures_of(watch, first, problems, pairs, varying, thrifty=True)
    one_output(watch.evaluator, "hessian")
    axes = again(chosen, watch, settle(chosen, Slopes((tuple(second.axes),), (second.fun,)))).slopes[0]
    mixed = settle(chosen, Slopes((tuple(second.mixed),), (second.fun,))).slopes[0]
    slopes = dict(zip(pairs, mixed, strict=True)) | {(i, i): slope for i, slope in enumerate(axes)}
    return _put(chosen, watch, asked, slopes, (number, rows), second.fun)


def _put(
    chosen: Options,
    watch: Watch,
    asked: _Asked,
    slopes: dict[tuple[int, int], Slope],
    at: tuple[Any, Any],
    fun: float,
) -> Estimate:
    """Put slopes by pairs of lines where their entries are, twice, and hold them against a generic direction."""
    size = watch.evaluator.layout.size
    pattern = Pattern(size, size, *asked.csr, np.zeros(size, dtype=np.int32))
    entries = Entries.of(asked.csr[1].size)
    number, rows = at
    ends = zip(number[rows].tolist(), number[asked.csr[1]].tolist(), strict=True)
    for place, (i, j) in enumerate(ends):
        entries.tell(place, slopes[min(i, j), max(i, j)])
    details: dict[str, Slope] = {}
    told = asked.told
    if watch.stopped:
        told += f"; {CUT_SHORT[watch.stopped]}"
    elif chosen.formula is None:
        told += _held_against(chosen, watch, asked, rows, entries, fun, details)
    return answer(watch, pattern, entries, None if isnan(fun) else np.array([fun]), told, details)


def _detected(chosen: Options, watch: Watch, places: Any, varying: Positions | None) -> tuple[Csr, str]:
    """Find the pattern from values of f."""
    evaluator = watch.evaluator
    space = space_of(chosen, watch, varying)
    nothing = np.zeros(space[0].size)
    if chosen.method in ("forward", "backward"):
        space = (nothing, space[1]) if chosen.method == "forward" else (space[0], nothing)
    before = evaluator.evaluations
    try:
        fun = float(across.values_of(watch.reply(Request(evaluator.base, None, (0.0,))))[0, 0])
        one_output(evaluator, "hessian")
        left = inf if chosen.max_evaluations is None else chosen.max_evaluations - evaluator.evaluations
        precision = max(evaluator.eps, float(np.max(evaluator.layout.eps)))
        found: Found = run(couplings(evaluator.base, fun, places, space, precision, chosen.noise, left), watch.reply)
    except Interrupted as error:
        raise undetected(error) from None
    csr = without((found.indptr, found.indices), evaluator.layout.size, varying, symmetric=True)
    told = f"pattern of {csr[1].size} entries detected at x with {evaluator.evaluations - before} evaluations"
    return csr, f"{told} (mixed differences below {found.level:.2g} are not seen)"


def _held_against(
    chosen: Options,
    watch: Watch,
    asked: _Asked,
    rows: Any,
    entries: Entries,
    fun: float,
    details: dict[str, Slope],
) -> str:
    """Hold the entries against the curvature along a generic direction; say what was seen."""
    evaluator = watch.evaluator
    most, spent = chosen.max_evaluations, evaluator.evaluations
    if most is not None and most - spent < LOOK:
        return "; not checked, as no evaluations were left"
    v = np.zeros(evaluator.layout.size)
    v[asked.places] = _generic(asked, entries, rows)
    along = replace(direction_line(chosen, evaluator, v), pairs=PAIRS, budget=LOOK)
    try:
        seen = run(lines(evaluator.base, [along], v[np.newaxis], fun=(fun,)), watch.reply).slopes[0][0]
    except Interrupted:
        return f"; {CUT_SHORT[watch.stopped]} before they were checked"
    if seen.verdict not in USABLE or not isfinite(seen.error):
        return ", not checked, as f is not smooth along a generic direction"
    with np.errstate(all="ignore"):
        weight = v[rows] * v[asked.csr[1]]
        parts = entries.value * weight
        off = float(seen.value - parts.sum())
        may = BARS * seen.error + float((entries.error * np.abs(weight)).sum() + ROUNDING * np.abs(parts).sum())
    if not isfinite(may):
        return ", not checked, as some entries have no bar"
    if abs(off) <= may:
        return ", which agree with the curvature along a generic direction"
    note = (
        f"along a generic direction f curves by {off:.3g} more than its entries explain (they do by {parts.sum():.3g}):"
        " f has second derivatives that the pattern leaves out"
    )
    details[""] = Slope(nan, inf, Verdict.UNRESOLVED, note=note, advice=FULLER)
    return "; they do not add up to the curvature along a generic direction"


def _generic(asked: _Asked, entries: Entries, rows: Any) -> Floats:
    """Return a generic direction: along each coordinate half to three halves of a step that saw something."""
    steps = np.array([first_step(line) for line in asked.problems])
    diagonal = np.flatnonzero(rows == asked.csr[1])
    own = entries.step[diagonal]
    good = (own > 0.0) & (entries.value[diagonal] != 0.0)
    found: Floats = operators.generic(np.where(good, np.minimum(own, steps), steps))[1]
    return found
