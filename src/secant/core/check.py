"""The check of a claimed derivative: random lines first, then the entries that are wrong.

Strategy. Two random directions tell whether there is any mistake at all: each sees every entry. If they bear the claim
out, what is left is to say how small a mistake they would have shown, and to look again along directions of their own
at entries that the others outshine. If they do not, the two residuals often name the culprit by themselves
(:mod:`secant.core.culprits`); else the entries are looked at one by one where they are few, and in halves where there
are many (:mod:`secant.core.search`). Rules:

* The tolerance of every comparison is the bar of the slope, and the rounding of the claim. Nobody sets one.
* Nothing is reported on one sight. A direction that refutes the claim is looked along again much nearer to x; entries
  found wrong have to explain the directions, which are ladders of their own, or be seen again as well.
* At a kink everything between its two slopes is right.
* What f cannot tell (noise, jumps, slopes that are not resolved) is ``cannot tell``, and never ``agree``.

A claim is an (m, n) array: row j is the gradient of output j, and all outputs share the evaluations.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, isfinite, isnan

import numpy as np

from secant.core import culprits
from secant.core.groups import Case, Row, examine
from secant.core.looks import KINK, LEAST, UNKNOWN, Flags, Indices, Purse, Space, along, at, distance, tolerance
from secant.core.request import UNIT_ROUNDOFF, Core, Floats, Request
from secant.core.search import FEW, GROUP, SAMPLE, looked_at, note, reconsider, sift, words
from secant.core.verdicts import CheckVerdict, Verdict

#: Evaluations a check may cost when nobody says otherwise.
BUDGET = 400
#: A claim is borne out when a mistake of this share of an entry would have shown, or of this share of a usual entry:
#: under noise or in a low precision (of many entries, a larger one), and in float64, where more can be had.
ENTRY, USUAL, MANY = 0.35, 0.015, 0.1
CLEAN = 1e-2, 1e-3
#: An entry this small beside a usual one is as good as 0.
TRIFLE = 1e-15
#: A mistake is told relative to its entry; where there are many, some are next to nothing beside a usual one, and
#: count as so large a share of it.
LEAST_SIZE = 0.01
#: Why a kink is no mistake: kinks that meet at x may cancel each other along a line, each with a convention of its own.
KINKED = "f has kinks at x, where its derivative is a matter of convention"
#: Why nothing was looked at.
STUCK = "no entry has room to move within the bounds"
#: A slope of 0 is measured by how f changes nearby, and by this share of f itself.
FLAT = 1e-3
#: What is tried to be seen: a tenth of an entry, or so small a share of a usual one that it hardly counts. In so many
#: rounds at most.
SHARP, NEGLIGIBLE, ROUNDS = 0.1, 1e-9, 6
#: Of few entries: so small a share of each, but no fewer roundoffs.
SHARPER, ROUNDOFFS = 1e-7, 1e3
#: Looking at some entries by themselves pays when it shows so much smaller mistakes in half of them.
BETTER, HALF = 0.25, 0.5
#: The golden section: a ladder along v shrunk by it has no step in common with one along v.
GOLDEN = 0.6180339887498949


@dataclass(slots=True)
class Finding:
    """What a check found, in flat indices of the claim (row by row).

    ``ours`` and ``bars`` are (m, n), NaN where nothing was looked at; ``seen`` holds the kind of the slope by index.
    ``entry`` and ``direction`` are the smallest relative mistakes that would have shown.
    """

    verdict: CheckVerdict
    wrong: Indices
    ours: dict[tuple[int, int], Row]
    hint: str
    reason: str
    evaluations: int
    entry: float
    direction: float
    kinked: bool = False


def check(
    space: Space,
    yours: Floats,
    slack: Floats,
    fun: Sequence[float] | None,
    change: float,
    budget: int,
    seed: int,
    patient: bool = True,
) -> Core[Finding]:
    """Check a claim, (m, n), against f at a point.

    ``slack`` is the rounding of the claim, entry by entry; ``fun`` is f at the point, (m,), or None where it is to be
    asked for; ``change`` how much f changes over a scale of x: what a slope of 0 is to be measured by. When it is
    not ``patient`` a check of many entries ends as soon as there is a kink along the directions: the claim may then be
    had at another point.
    """
    purse = Purse(budget)
    if fun is None:
        reply = yield Request(space.base, None, np.zeros(1))
        fun = np.asarray(reply.values).reshape(-1).tolist()
        purse.spent += 1
    change = max(change, FLAT * float(np.abs(fun).max()))
    case = Case(space, yours, slack, fun, purse, np.random.default_rng(seed), np.full(yours.shape, inf))
    yield from _whole(case, patient)
    return _found(case, change)


def _whole(case: Case, patient: bool) -> Core[None]:
    """Look at all entries together, and go on from there."""
    finite = np.isfinite(case.yours).all(axis=0)
    movable = (case.space.below > 0.0) | (case.space.above > 0.0)
    if not finite.all():
        yield from _not_finite(case, np.flatnonzero(~finite & movable))
        case.yours = np.where(np.isfinite(case.yours), case.yours, 0.0)
    chosen = np.flatnonzero(finite & movable)
    if not chosen.size:
        if not movable.any():
            case.unsure.append(STUCK)
        return
    segment = yield from examine(case, chosen, 1 if chosen.size == 1 else 2)
    if segment is not None:
        case.noisy, case.kinked = segment.looks.noisy, bool((segment.looks.kind == KINK).any())
        if case.kinked and not patient and chosen.size > FEW:
            case.unsure.append(words(segment.looks))
            return
        size = np.linalg.norm(segment.directions * np.abs(case.yours).max(axis=0), axis=1)
        if not segment.hazy:
            case.along = float((segment.within.max(axis=1) / np.where(size > 0.0, size, 1.0)).min())
        yield from sift(case, segment)
    yield from _sharpen(case, chosen)


def _not_finite(case: Case, bad: Indices) -> Core[None]:
    """Look at entries that are claimed to be no finite numbers: wrong wherever f has a slope."""
    sample = bad[: max(1, min(2 * SAMPLE, case.purse.left // (2 * LEAST)))]
    if not sample.size:
        return
    looks = yield from at(case.space, sample, case.fun, case.purse, case.cap)
    for k, i in enumerate(sample.tolist()):
        for j in np.flatnonzero(~np.isfinite(case.yours[:, i])).tolist():
            # Under noise, or what looks like it, f has a slope, however little is known of it.
            wrong = looks.kind[k, j] != UNKNOWN or looks.slopes[k, j].verdict is Verdict.NOISY
            note(case, looks, k, j, i, bool(wrong))
    if case.wrong:
        rows = [j * case.yours.shape[1] + i for j, i in zip(*np.nonzero(~np.isfinite(case.yours)), strict=True)]
        case.inferred = np.array(rows, dtype=np.intp)
        case.hint = "yours is not a finite number there"
    else:
        case.unsure.append("yours is not a finite number where f has no slope either")


def _sharpen(case: Case, chosen: Indices) -> Core[None]:
    """Look again, by themselves, at entries of which the directions would have shown gross mistakes only."""
    few = chosen.size <= FEW and not case.noisy
    for _ in range(ROUNDS):
        if case.wrong or case.unlocated or case.purse.left < 2 * LEAST:
            return
        size, caught = np.abs(case.yours[:, chosen]), case.caught[:, chosen]
        dim = (size > 0.0) & np.isfinite(caught)
        dim &= caught > (max(SHARPER, ROUNDOFFS * float(case.space.eps.max())) if few else SHARP) * size
        if not few:
            dim &= caught * case.space.scale[chosen] > NEGLIGIBLE * _usual(case, chosen)
        hidden = chosen[dim.any(axis=0)]
        # In a low precision all lines round alike, and nothing is gained by groups.
        if not hidden.size or hidden.size == chosen.size or (few and hidden.size <= GROUP) or not _clean(case):
            break
        segment = yield from examine(case, hidden, 1)
        if segment is None or (segment.hazy and not segment.wrong.any()):
            break
        yield from sift(case, segment)
        if (case.caught[:, chosen] < BETTER * caught)[dim].mean() < HALF:
            break
    gross = chosen[~_enough(case, chosen, 0.0).all(axis=0)]
    alone = hidden if few and hidden.size <= GROUP else gross
    if alone.size and not case.noisy and 0.5 * case.purse.left >= LEAST * alone.size and not case.wrong:
        yield from looked_at(case, alone)
        yield from reconsider(case, set(case.wrong))


def _clean(case: Case) -> bool:
    """Return whether f tells all that float64 can."""
    return not case.noisy and not case.space.noise and bool(case.space.eps.max() <= UNIT_ROUNDOFF)


def _enough(case: Case, chosen: Indices, change: float) -> Flags:
    """Return of which entries a mistake of some size would have shown, (m, n); ``change`` as for :func:`check`."""
    caught, size = case.caught[:, chosen], np.abs(case.yours[:, chosen])
    usual = _usual(case, chosen)
    with np.errstate(over="ignore"):
        floor = np.where(usual > 0.0, usual, change) / case.space.scale[chosen]
    few = chosen.size <= FEW
    share, part = CLEAN if _clean(case) else (ENTRY, USUAL if few else MANY)
    by_size = caught <= part * floor
    if few and _clean(case):
        # Each of a few is to be told by itself, but for what is lost in the rounding of a usual one.
        by_size &= size <= TRIFLE * floor
    return np.asarray((caught <= share * size) | by_size | (caught == 0.0))


def _usual(case: Case, chosen: Indices) -> Floats:
    """Return the size of a usual entry times its scale, by output: (m, 1), 0 of a claim that is all zeros."""
    part = np.abs(case.yours[:, chosen]) * case.space.scale[chosen]
    count = np.maximum((part > 0.0).sum(axis=1), 1)
    usual: Floats = np.sqrt((part * part).sum(axis=1) / count)[:, np.newaxis]
    return usual


def _found(case: Case, change: float) -> Finding:
    """Put the outcome together."""
    n = case.yours.shape[1]
    flat = np.array(sorted(j * n + i for j, i in case.wrong), dtype=np.intp)
    wrong = np.union1d(flat, case.inferred) if case.wrong else flat
    entry, borne_out = _shown(case, change)
    reason, hint = "", case.hint
    kinked = case.kinked or any(row[3] is Verdict.KINK for row in case.table.values())
    if case.wrong or (case.unlocated and not kinked):
        verdict = CheckVerdict.DISAGREE
        hint = hint or _cause(case)
        if case.unlocated:
            more = "more entries are likely to be wrong: " if case.wrong else "no single entry was found: "
            reason = f"{more}random directions disagree, and the evaluations did not suffice to look at all"
    elif case.unlocated or case.unsure or not borne_out:
        verdict = CheckVerdict.CANNOT_TELL
        reason = next(filter(None, case.unsure), "") or (KINKED if kinked else _hidden(case, entry))
    else:
        verdict, reason, hint = (
            CheckVerdict.AGREE,
            "; ".join(filter(None, (case.note, _kinks(case), _dim(case), _stuck(case)))),
            "",
        )
    return Finding(verdict, wrong, case.table, hint, reason, case.purse.spent, entry, case.along, case.kinked)


def _shown(case: Case, change: float) -> tuple[float, bool]:
    """Return the smallest relative mistake that would have shown in any entry, and whether all are borne out."""
    movable = np.flatnonzero((case.space.below > 0.0) | (case.space.above > 0.0))
    caught, size, usual = case.caught[:, movable], np.abs(case.yours[:, movable]), _usual(case, movable)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        floor = np.where(usual > 0.0, usual, change) / case.space.scale[movable]
        least = np.where(size > 0.0, LEAST_SIZE if movable.size > FEW else 0.0, 1.0) * floor
        relative = np.where(caught == 0.0, 0.0, caught / np.maximum(size, least))
    entry = float(relative.max()) if relative.size else inf
    return (inf if isnan(entry) else entry), bool(_enough(case, movable, change).all())


def _stuck(case: Case) -> str:
    """Say how many entries were left out because they cannot move."""
    count = int(((case.space.below == 0.0) & (case.space.above == 0.0)).sum())
    what = "one entry was" if count == 1 else f"{count} entries were"
    return f"{what} not looked at, for want of room to move within the bounds" if count else ""


def _dim(case: Case) -> str:
    """Say how many entries are so small that f's rounding hides them whole."""
    size = np.abs(case.yours)
    count = int(((size > 0.0) & (case.caught > size) & np.isfinite(case.caught)).sum())
    if not count or size.shape[1] > FEW:
        return ""
    what = "one entry is" if count == 1 else f"{count} entries are"
    return f"{what} so small beside the others that f's rounding hides {'it' if count == 1 else 'them'}"


def _kinks(case: Case) -> str:
    count = sum(row[3] is Verdict.KINK for row in case.table.values())
    what = "entry" if count == 1 else f"{count} entries"
    return (
        f"f has a kink along {'one ' if count == 1 else ''}{what}: all between its two slopes is right" if count else ""
    )


def _hidden(case: Case, entry: float) -> str:
    if not isfinite(entry):
        return "some entries could not be looked at with the evaluations allowed"
    noise = any(row[3] is Verdict.NOISY for row in case.table.values())
    why = "noise" if noise else "noise or rounding"
    return f"the {why} of f would hide a mistake of {100.0 * entry:.2g} % in some entry"


def _cause(case: Case) -> str:
    """Guess what went wrong from the entries of the output that has most of the mistakes."""
    if not case.wrong:
        return ""
    rows = [j for j, _ in case.wrong]
    row = max(sorted(set(rows)), key=rows.count)
    columns = sorted(i for j, i in case.table if j == row)
    cells = [case.table[row, i] for i in columns]
    ours, bars = np.array([cell[0] for cell in cells]), np.array([cell[1] for cell in cells])
    wrong = np.array([cell[2] for cell in cells])
    yours = case.yours[row, columns]
    return culprits.cause(yours, ours, bars, case.space.base[columns], wrong, case.space.base.size)


def check_along(
    space: Space, v: Floats, claims: Floats, eps: float, fun: Sequence[float], budget: int
) -> Core[Finding]:
    """Check what is claimed of the slopes of all outputs along v, (m,), by two ladders of different steps."""
    purse = Purse(budget)
    u = np.stack([v, -GOLDEN * v])
    looks = yield from along(space, u, fun, purse)
    whole = np.stack([claims, -GOLDEN * claims])
    within = tolerance(looks, 8.0 * eps * np.abs(whole), looks.bar.size)
    known = looks.kind != UNKNOWN
    with np.errstate(invalid="ignore"):
        apart = ~np.isfinite(whole) | (distance(looks, whole) > within)
    wrong = (apart & known).all(axis=0)
    table: dict[tuple[int, int], Row] = {}
    for j in range(claims.size):
        low, high = float(looks.low[0, j]), float(looks.high[0, j])
        bar = float(looks.bar[0, j]) + 0.5 * (high - low)
        table[j, 0] = (0.5 * (low + high), bar, bool(wrong[j]), looks.slopes[0, j].verdict)
    usual = float(np.sqrt(np.mean(np.square(claims[np.isfinite(claims)])))) if np.isfinite(claims).any() else 0.0
    size = np.maximum(np.abs(np.nan_to_num(claims)), usual)
    shown = np.where(size > 0.0, within[0] / np.where(size > 0.0, size, 1.0), 0.0)
    entry = float(shown.max())
    hint = reason = ""
    if wrong.any():
        verdict = CheckVerdict.DISAGREE
        ours, bars = np.array([row[0] for row in table.values()]), np.array([row[1] for row in table.values()])
        hint = culprits.cause(claims, ours, bars, np.zeros(claims.size), wrong, claims.size)
    elif not known.any(axis=0).all() or apart.any() or entry > ENTRY:
        verdict = CheckVerdict.CANNOT_TELL
        reason = words(looks) or f"the noise or rounding of f would hide a mistake of {100.0 * entry:.2g} %"
    else:
        verdict = CheckVerdict.AGREE
    return Finding(verdict, np.flatnonzero(wrong), table, hint, reason, purse.spent, entry, entry)
