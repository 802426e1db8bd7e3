"""The check of claimed second derivatives against f's own values.

Theory. Along a direction u the second derivative of f is ``u'Hu``, and two random directions see every entry of H, or
rather of its symmetric part; the other part is no matter of f, and has to be zero. Where they disagree the second
derivatives are found one by one (:mod:`secant.core.hessians`) and have to explain the directions. With a gradient at
hand the check of its Jacobian (:mod:`secant.core.check`) is cheaper and sharper.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import inf, isfinite
from typing import Any

import numpy as np

from secant.core import culprits
from secant.core.check import ENTRY, KINKED, USUAL, Finding
from secant.core.groups import Row
from secant.core.hessians import Curvatures, curvatures
from secant.core.looks import BARS, LEAST, MOST, SLOPE, Purse, Space, counted, direction, line_along, line_at, read
from secant.core.operators import lines
from secant.core.request import Core, Floats, Reply
from secant.core.results import Slope
from secant.core.verdicts import CheckVerdict, Verdict

#: Entries of x up to which the second derivatives are found one by one.
FEW = 16


def check_second(
    space: Space, yours: Floats, slack: Floats, fun: Sequence[float], budget: int, seed: int
) -> Core[Finding]:
    """Check claimed second derivatives, (n, n), of a scalar f at a point."""
    n, purse, rng = space.base.size, Purse(budget), np.random.default_rng(seed)
    uneven = np.abs(yours - yours.T) > slack + slack.T
    finite = bool(np.isfinite(yours).all())
    chosen = np.arange(n)
    u = np.stack([direction(space, chosen, rng) for _ in range(2 if n > 1 else 1)])
    problems = [replace(line_along(space, row, min(MOST, budget // 2), inf, 0.0), order=2) for row in u]
    looks = read((yield from counted(lines(space.base, problems, u, fun), purse)))
    claims = np.einsum("ki,ij,kj->k", u, np.where(np.isfinite(yours), yours, 0.0), u)
    within = BARS * looks.bar[:, 0] + np.einsum("ki,ij,kj->k", np.abs(u), np.nan_to_num(slack), np.abs(u))
    known = looks.kind[:, 0] == SLOPE
    with np.errstate(invalid="ignore"):
        apart = np.abs(looks.low[:, 0] - claims) > within
    entry = _shown(yours, u, within, space.scale)
    if finite and not uneven.any() and known.all() and not apart.any():
        verdict, reason = CheckVerdict.AGREE, ""
        if entry > (ENTRY if looks.noisy or space.noise else USUAL):
            verdict = CheckVerdict.CANNOT_TELL
            reason = f"the noise or rounding of f would hide a mistake of {100.0 * entry:.2g} % of a usual entry"
        return Finding(verdict, np.zeros(0, dtype=np.intp), {}, "", reason, purse.spent, entry, entry)
    table: dict[tuple[int, int], Row] = {}
    if n <= FEW and purse.left >= LEAST * n + 3 * n * (n - 1):
        table = yield from _one_by_one(space, yours, slack, purse)
    return _found(yours, table, uneven, known & apart, u, looks.low[:, 0], within, purse.spent, entry)


def _shown(yours: Floats, u: Floats, within: Floats, scale: Floats) -> float:
    """Return the smallest mistake in the worst placed entry that would have shown, relative to a usual entry."""
    part = np.abs(np.where(np.isfinite(yours), yours, 0.0)) * np.outer(scale, scale)
    usual = float(np.sqrt((part * part).sum() / max(int((part > 0.0).sum()), 1)))
    least = (np.abs(u) / scale).min(axis=1)
    shown = float((within / (least * least)).max())
    return shown / usual if usual else shown


def _one_by_one(space: Space, yours: Floats, slack: Floats, purse: Purse) -> Core[dict[tuple[int, int], Row]]:
    """Find all second derivatives, and judge the claims."""
    n = space.base.size
    problems = [replace(line_at(space, i, MOST, inf, 0.0), order=2, pairs=5) for i in range(n)]
    pairs = [(i, j) for i in range(n) for j in range(i + 1, n)]
    found = yield from _paid(curvatures(space.base, problems, pairs, most=purse.left), purse)
    slopes = {(i, i): slope for i, slope in enumerate(found.axes)} | dict(zip(pairs, found.mixed, strict=True))
    table: dict[tuple[int, int], Row] = {}
    for (i, j), slope in slopes.items():
        for place in {(i, j), (j, i)}:
            table[place] = (slope.value, slope.error, _refuted(slope, yours[place], slack[place]), slope.verdict)
    return table


def _paid(core: Core[Curvatures], purse: Purse) -> Core[Curvatures]:
    """Run a core and count what it asks for."""
    reply: Reply | Any = None
    try:
        while True:
            request = core.send(reply)
            purse.spent += len(request.t)
            reply = yield request
    except StopIteration as stop:
        found: Curvatures = stop.value
        return found


def _refuted(slope: Slope, claim: float, slack: float) -> bool:
    if slope.verdict not in (Verdict.OK, Verdict.NOISY, Verdict.AT_BOUND) or not isfinite(slope.error):
        return False
    return not abs(slope.value - claim) <= BARS * slope.error + slack


def _found(
    yours: Floats,
    table: dict[tuple[int, int], Row],
    uneven: Any,
    apart: Any,
    u: Floats,
    slopes: Floats,
    within: Floats,
    spent: int,
    entry: float,
) -> Finding:
    """Put the outcome of a check together that found something amiss."""
    n = len(yours)
    places = sorted(place for place, row in table.items() if row[2])
    wrong = np.array([i * n + j for i, j in places], dtype=np.intp)
    hint = reason = ""
    if places and (apart.any() or uneven.any() or not np.isfinite(yours).all()):
        verdict = CheckVerdict.DISAGREE
        rows = [table[place] for place in places]
        ours, bars = np.array([row[0] for row in rows]), np.array([row[1] for row in rows])
        flat = np.array([yours[place] for place in places])
        hint = culprits.cause(flat, ours, bars, np.zeros(len(rows)), np.ones(len(rows), dtype=bool), 0)
        right = np.array([[table[i, j][0] for j in range(n)] for i in range(n)])
        spread = np.array([[table[i, j][1] for j in range(n)] for i in range(n)])
        left = np.abs(slopes - np.einsum("ki,ij,kj->k", u, right, u))
        if (left > within + BARS * np.einsum("ki,ij,kj->k", np.abs(u), spread, np.abs(u))).any():
            reason = "the entries that were found do not explain all that the directions saw: more may be wrong"
    elif uneven.any():
        verdict, wrong = CheckVerdict.DISAGREE, np.flatnonzero(uneven)
        hint = "it is not symmetric, and second derivatives of a smooth f are"
    elif apart.all():
        verdict, reason = CheckVerdict.DISAGREE, "no single entry was found: random directions disagree"
    else:
        verdict = CheckVerdict.CANNOT_TELL
        seen = [row[3] for row in table.values() if row[3].severity >= Verdict.KINK.severity]
        reason = f"{seen[0]}: {seen[0].sentence.split(':')[0]}" if seen else KINKED
    return Finding(verdict, wrong, table, hint, reason, spent, entry, entry)
