"""Second derivatives from values of f, along coordinates and pairs of them, as a Hessian asks for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import inf, nan
from typing import Any

import numpy as np

from secant._api.answers import ran
from secant._api.options import Options
from secant._api.select import Positions
from secant.core.hessians import PAIRS, Curvatures, curvatures
from secant.core.ladder import Line
from secant.core.operators import fixed, lines
from secant.core.request import Core, Floats, Interrupted
from secant.core.results import CUT_SHORT, Slope
from secant.core.salvage import salvaged
from secant.core.verdicts import Verdict
from secant.evaluation.watch import Watch

#: Numbers in the directions of one request.
NUMBERS = 2**22


def curvatures_of(
    watch: Watch,
    chosen: Options,
    problems: Sequence[Line],
    pairs: Sequence[tuple[int, int]],
    varying: Positions | None,
    thrifty: bool = False,
) -> Curvatures:
    """Find second derivatives from values of f; when that is cut short, those that are known.

    ``thrifty`` keeps no values of pairs, whose directions would fill the memory.
    """
    base = watch.evaluator.base
    if chosen.formula is not None:
        core = _fixed(base, chosen, problems, pairs)
    else:
        problems = [replace(problem, pairs=PAIRS) for problem in problems]
        core = curvatures(base, problems, pairs, most=chosen.max_evaluations)
    found = ran(watch, _forgetting(watch, core) if thrifty else core, varying)
    if found is not None:
        return found
    note = CUT_SHORT[watch.stopped]
    known = salvaged(watch.log, problems, lambda _, __, line: lines(base, [line]), lanes=varying, note=note)
    lost = Slope(nan, inf, Verdict.UNRESOLVED, note=note)
    return Curvatures(list(known.slopes[0]), [lost] * len(pairs), known.fun)


def _forgetting(watch: Watch, core: Core[Curvatures]) -> Core[Curvatures]:
    """Have nothing kept but what is asked along coordinates."""
    reply: Any = None
    stopped: Interrupted | None = None
    while True:
        try:
            request = core.send(reply) if stopped is None else core.throw(stopped)
        except StopIteration as stop:
            found: Curvatures = stop.value
            return found
        watch.keep = request.directions is None
        try:
            reply, stopped = (yield request), None
        except Interrupted as error:
            stopped = error


def _fixed(
    base: Floats, chosen: Options, problems: Sequence[Line], pairs: Sequence[tuple[int, int]]
) -> Core[Curvatures]:
    """Apply the formula of a fixed step along the coordinates and the sums of two of them; it tells no error."""
    assert chosen.formula is not None
    n = len(problems)
    found = yield from fixed(base, problems, chosen.formula, chosen.step, None, True)
    row = found.slopes[0]
    mixed: list[Slope] = []
    block = max(1, NUMBERS // n)
    for first in range(0, len(pairs), block):
        some = pairs[first : first + block]
        directions = np.zeros((len(some), n))
        for at, (i, j) in enumerate(some):
            directions[at, [i, j]] = 1.0
        both = yield from fixed(base, [problems[i] for i, _ in some], chosen.formula, chosen.step, directions, True)
        for slope, (i, j) in zip(both.slopes[0], some, strict=True):
            worse = max(slope, row[i], row[j], key=lambda its: its.verdict.severity)
            value = 0.5 * (slope.value - row[i].value - row[j].value)
            mixed.append(replace(worse, value=value, evaluations=slope.evaluations))
    return Curvatures(list(row), mixed, found.fun)
