"""The search for wrong entries of a group that directions refute.

Rules: see :mod:`secant.core.check`. Such a group is, in this order,

* searched for a single culprit that explains all directions, and for a formula that does;
* looked at entry by entry where it is small, or sampled, or split in two. What the first half does not explain the
  second has to, so that a split costs one look.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from secant.core import culprits
from secant.core.groups import Case, Segment, confirmed, examine, start
from secant.core.looks import BARS, LEAST, UNKNOWN, Flags, Indices, Looks, at, distance, tolerance
from secant.core.request import Core, Floats
from secant.core.verdicts import Verdict

#: Entries that are looked at one by one without further search; in groups of a larger x.
FEW, GROUP = 40, 6
#: Directions at most to tell a single wrong entry by, and entries that may be left of them.
DIRECTIONS, LEFT = 6, 4
#: Entries of a large x that are sampled when it seems to be wrong everywhere: the largest, and as many random ones.
SAMPLE = 5
#: What is said of entries that were seen once only.
ONCE = "some entries seem wrong, and could not be seen again, nearer to x, with the evaluations allowed"
#: How near to x wrong entries are looked at again that do not explain the directions.
AGAIN = 2.0**-8


def sift(case: Case, segment: Segment, depth: int = 0) -> Core[None]:
    """Find the wrong entries of a group; note what it would have shown when there are none."""
    chosen = segment.chosen
    if chosen.size == 1:
        if depth == 0:
            segment = yield from confirmed(case, segment)
        _entries(case, chosen, segment.looks, segment.within)
        return
    if segment.wrong.any() and depth == 0:
        segment = yield from confirmed(case, segment)
        start(case, segment)
    if not segment.wrong.any() and not segment.hazy:
        covered(case, segment)
        return
    plain = segment.wrong.any() and not segment.hazy
    if plain and ((yield from _named(case, segment)) or (yield from _formula(case, segment))):
        return
    limit = FEW if case.space.base.size <= FEW else GROUP
    if chosen.size <= limit and case.purse.left >= LEAST * chosen.size:
        yield from _one_by_one(case, segment)
        return
    if depth == 0 and segment.wrong.all() and (yield from _sampled(case, segment)):
        return
    if case.purse.left < 2 * LEAST:
        _given_up(case, segment)
        return
    for half in (yield from _halves(case, segment)):
        yield from sift(case, half, depth + 1)


def covered(case: Case, segment: Segment) -> None:
    """Note the smallest mistake of each entry that a group in agreement would have shown.

    It has to show along every direction: one that stands alone is not believed. And it has to be larger than what the
    slope may be off by itself.
    """
    shown = np.zeros((len(case.yours), segment.chosen.size))
    least = segment.within + segment.looks.bar
    for u, within in zip(segment.directions, least, strict=True):
        if np.isfinite(within).all():
            with np.errstate(divide="ignore"):
                shown = np.maximum(shown, within[:, np.newaxis] / np.abs(u[segment.chosen]))
    case.caught[:, segment.chosen] = np.minimum(case.caught[:, segment.chosen], shown)


def _given_up(case: Case, segment: Segment) -> None:
    if segment.wrong.any():
        case.unlocated = True
    else:
        case.unsure.append(words(segment.looks))


def note(case: Case, looks: Looks, k: int, j: int, i: int, wrong: bool) -> None:
    """Write one entry down."""
    low, high = float(looks.low[k, j]), float(looks.high[k, j])
    bar = float(looks.bar[k, j]) + 0.5 * (high - low)
    case.table[j, i] = (0.5 * (low + high), bar, wrong, looks.slopes[k, j].verdict)
    if wrong:
        case.wrong.add((j, i))
    elif looks.kind[k, j] == UNKNOWN:
        case.unsure.append(words(looks))
    else:
        # At a kink whatever lies between its slopes is right: nothing smaller could be shown.
        case.caught[j, i] = min(case.caught[j, i], (BARS + 1.0) * float(looks.bar[k, j]) + float(case.slack[j, i]))


def _entries(case: Case, chosen: Indices, looks: Looks, within: Floats) -> None:
    """Judge entries that were looked at one by one."""
    for k, i in enumerate(chosen.tolist()):
        away = distance(looks, case.yours[:, i])[k]
        for j in range(len(away)):
            width = float(looks.high[k, j] - looks.low[k, j])
            note(case, looks, k, j, i, bool(looks.kind[k, j] != UNKNOWN and away[j] > within[k, j] - width))


def looked_at(case: Case, chosen: Indices) -> Core[Looks]:
    """Look at entries one by one, and judge them."""
    looks = yield from at(case.space, chosen, case.fun, case.purse, case.cap)
    slack = case.slack[:, chosen].T
    _entries(case, chosen, looks, tolerance(looks, slack, looks.bar.size) + (looks.high - looks.low))
    return looks


def _explained(case: Case, segment: Segment) -> Flags:
    """Return for each look whether the entries written down explain it: (k, m)."""
    left, spread = segment.residual.copy(), segment.within.copy()
    n = case.space.base.size
    inside = np.zeros(n, dtype=bool)
    inside[segment.chosen] = True
    for (j, i), (ours, bar, wrong, _) in case.table.items():
        if inside[i] and wrong:
            left[:, j] -= segment.directions[:, i] * (ours - case.yours[j, i])
            spread[:, j] += BARS * np.abs(segment.directions[:, i]) * bar
    with np.errstate(invalid="ignore"):
        return np.asarray(np.abs(left) <= spread)


def _named(case: Case, segment: Segment) -> Core[bool]:
    """Find one wrong entry from the directions alone, and confirm it by its own line."""
    found: set[int] = set()
    for j in np.flatnonzero(segment.wrong.any(axis=0)).tolist():
        u, residual, within = segment.directions, segment.residual[:, j], segment.within[:, j]
        names = culprits.candidates(u, residual, within, segment.chosen)
        while LEFT < names.size <= segment.chosen.size // 4 and len(u) < DIRECTIONS and len(case.yours) == 1:
            more = yield from examine(case, segment.chosen, 1)
            if more is None or more.hazy:
                return False
            u, before = np.concatenate([u, more.directions]), names.size
            residual = np.concatenate([residual, more.residual[:, j]])
            within = np.concatenate([within, more.within[:, j]])
            names = culprits.candidates(u, residual, within, names)
            if names.size > before // 2:
                break
        if not 0 < names.size <= LEFT:
            return False
        found.update(names.tolist())
    chosen = np.array(sorted(found), dtype=np.intp)
    if not 0 < chosen.size <= max(LEFT, FEW // 4) or case.purse.left < LEAST * chosen.size:
        return False
    known = set(case.wrong)
    yield from looked_at(case, chosen)
    yield from reconsider(case, _faint(case, segment, case.wrong - known))
    if case.wrong != known and _explained(case, segment)[segment.wrong].all():
        rest = replace(segment, chosen=np.setdiff1d(segment.chosen, chosen))
        covered(case, rest)
        return True
    return False


def _formula(case: Case, segment: Segment) -> Core[bool]:
    """Find a formula for what the derivative should have been, and confirm it by the two entries that tell most."""
    rows = np.flatnonzero(segment.wrong.any(axis=0))
    ours = case.yours.copy()
    hints: list[str] = []
    for j in rows.tolist():
        slopes = segment.looks.low[:, j]
        told = culprits.pattern(
            case.yours[j], segment.directions, slopes, segment.within[:, j], segment.chosen, case.space.leaves
        )
        if told is None:
            return False
        ours[j], hints = told.ours, [*hints, told.hint]
    gap = np.abs(ours - case.yours) * case.space.scale
    apart = gap > 1e-9 * (np.abs(ours) + np.abs(case.yours)) * case.space.scale
    tell = np.argsort(np.where(apart, gap, -1.0).max(axis=0))[::-1][:2]
    tell = tell[apart[:, tell].any(axis=0)]
    if not tell.size or case.purse.left < 2 * LEAST:
        return False
    looks = yield from at(case.space, np.sort(tell), case.fun, case.purse, case.cap)
    for k, i in enumerate(np.sort(tell).tolist()):
        near = np.abs(looks.low[k] - ours[:, i]) <= tolerance(looks, case.slack[:, [i]].T, looks.bar.size)[k]
        if not near[rows].all():
            return False
    _entries(case, np.sort(tell), looks, tolerance(looks, case.slack[:, np.sort(tell)].T, looks.bar.size))
    if not case.wrong:
        return False
    where = np.flatnonzero(apart.reshape(-1))
    case.inferred = np.union1d(case.inferred, where)
    case.hint = case.hint or next((hint for hint in hints if hint), "")
    return True


def _one_by_one(case: Case, segment: Segment) -> Core[None]:
    """Look at every entry of a group; what is wrong has to explain the directions, or be seen again nearer to x."""
    before = set(case.wrong)
    yield from looked_at(case, segment.chosen)
    fresh = case.wrong - before
    if not fresh:
        if segment.wrong.any():
            yield from _asked_again(case, segment)
        return
    clear = not segment.hazy and _explained(case, segment).all()
    able = yield from reconsider(case, _faint(case, segment, fresh) if clear else fresh)
    if not able and not clear and segment.wrong.any():
        case.unlocated = True


def _faint(case: Case, segment: Segment, fresh: set[tuple[int, int]]) -> set[tuple[int, int]]:
    """Return the entries found wrong by so little that the directions would not have shown it: seen once, that is."""
    found = set()
    for j, i in fresh:
        off = abs(case.table[j, i][0] - case.yours[j, i])
        if not (off * np.abs(segment.directions[:, i]) > segment.within[:, j]).any():
            found.add((j, i))
    return found


def reconsider(case: Case, fresh: set[tuple[int, int]]) -> Core[bool]:
    """Look again, nearer to x, at entries that seem wrong; those whose slope there sides with the claim are right.

    Return whether there were evaluations for that: what was seen once only is no finding.
    """
    again = np.array(sorted({i for _, i in fresh}), dtype=np.intp)
    if not again.size:
        return True
    if case.purse.left < LEAST * again.size:
        _withdraw(case, fresh)
        return False
    looks = yield from at(case.space, again, case.fun, case.purse, min(case.cap, AGAIN))
    within = tolerance(looks, case.slack[:, again].T, looks.bar.size)
    blind = set()
    for k, i in enumerate(again.tolist()):
        away = distance(looks, case.yours[:, i])[k]
        for j in range(len(away)):
            if (j, i) in fresh and looks.kind[k, j] == UNKNOWN:
                blind.add((j, i))
            elif (j, i) in fresh and away[j] <= within[k, j]:
                ours = case.table[j, i][0]
                if abs(looks.low[k, j] - ours) > within[k, j] or within[k, j] < abs(ours - case.yours[j, i]):
                    case.wrong.discard((j, i))
                    note(case, looks, k, j, i, False)
    if blind:
        _withdraw(case, blind)
    return not blind


def _withdraw(case: Case, entries: set[tuple[int, int]]) -> None:
    """Take back that entries are wrong, which were seen once only."""
    for j, i in entries:
        case.wrong.discard((j, i))
        case.table[j, i] = (*case.table[j, i][:2], False, case.table[j, i][3])
    case.unsure.append(ONCE)


def _asked_again(case: Case, segment: Segment) -> Core[None]:
    """Judge a disagreement that no entry's own line shows: by a fresh direction, which may leave a single culprit."""
    fresh = yield from examine(case, segment.chosen, 1)
    if fresh is not None and not fresh.wrong.any():
        if not fresh.hazy:
            covered(case, fresh)
        return
    case.unlocated = True
    inside = set(segment.chosen.tolist())
    if any(row[3] is Verdict.KINK for (_, i), row in case.table.items() if i in inside):
        case.kinked = True  # along its own line a kink bears the claim out, and across it directions tell no slope
        return
    if fresh is None or fresh.hazy or segment.hazy or len(case.yours) > 1:
        return
    u = np.concatenate([segment.directions, fresh.directions])
    residual = np.concatenate([segment.residual, fresh.residual])[:, 0]
    within = np.concatenate([segment.within, fresh.within])[:, 0]
    names = culprits.candidates(u, residual, within, segment.chosen)
    if names.size == 1:
        i, top = int(names[0]), int(np.argmax(np.abs(residual) / within))
        ours = float(case.yours[0, i] + residual[top] / u[top, i])
        bar = float(within[top] / abs(u[top, i])) / BARS
        case.table[0, i] = (ours, bar, True, Verdict.OK)
        case.wrong.add((0, i))
        case.unlocated = False


def _sampled(case: Case, segment: Segment) -> Core[bool]:
    """Look at some entries of many: the largest and random ones; return whether the mistakes are everywhere."""
    chosen = segment.chosen
    size = (np.abs(case.yours) * case.space.scale).max(axis=0)[chosen]
    largest = chosen[np.argsort(size)[::-1][:SAMPLE]]
    sample = np.union1d(largest, case.rng.choice(chosen, min(SAMPLE, chosen.size), replace=False))
    if case.purse.left < 2 * LEAST * sample.size:
        return False
    before = set(case.wrong)
    yield from looked_at(case, sample)
    yield from reconsider(case, _faint(case, segment, case.wrong - before))
    columns = {i for _, i in case.wrong}
    if case.wrong != before and len(columns) >= sample.size // 2:
        case.unlocated = True
        return True
    return False


def _halves(case: Case, segment: Segment) -> Core[list[Segment]]:
    """Split a group, at the border of two leaves where there is one, and look at the halves; the worse one first."""
    chosen = segment.chosen
    middle = chosen.size // 2
    borders = np.searchsorted(chosen, [start for start, _ in case.space.leaves])
    borders = borders[(borders > 0) & (borders < chosen.size)]
    if borders.size:
        middle = int(borders[np.argmin(np.abs(borders - middle))])
    parts = []
    for part in (chosen[:middle], chosen[middle:]):
        u = np.zeros_like(segment.directions)
        u[:, part] = segment.directions[:, part]
        parts.append((part, u))
    first = yield from examine(case, parts[0][0], len(parts[0][1]), parts[0][1])
    if first is None:
        _given_up(case, segment)
        return []
    if not segment.hazy and not first.hazy and parts[0][0].size > 1 and parts[1][0].size > 1:
        second: Segment | None = _rest(segment, first, *parts[1])
    else:
        second = yield from examine(case, parts[1][0], len(parts[1][1]), parts[1][1])
    found = [half for half in (first, second) if half is not None]
    if second is None:
        _given_up(case, segment)
    return sorted(found, key=lambda half: -_worst(half))


def _worst(segment: Segment) -> float:
    with np.errstate(invalid="ignore", divide="ignore"):
        return float(np.nan_to_num(np.abs(segment.residual) / segment.within, nan=0.0, posinf=1e300).max())


def _rest(whole: Segment, first: Segment, chosen: Indices, directions: Floats) -> Segment:
    """Return what is left for the second half: what both showed together less what the first showed."""
    low = whole.looks.low - first.looks.low
    bar = whole.looks.bar + first.looks.bar
    looks = Looks(low, low, bar, np.zeros_like(whole.looks.kind), whole.looks.slopes)
    residual, within = whole.residual - first.residual, whole.within + first.within
    return Segment(chosen, directions, looks, residual, within, np.abs(residual) > within)


def words(looks: Looks) -> str:
    """Say why a slope was none."""
    slopes = [slope for slope in looks.slopes.flat if slope.verdict.severity >= Verdict.KINK.severity]
    worst = max(slopes, key=lambda slope: slope.verdict.severity, default=None)
    return "" if worst is None else f"{worst.verdict}: {worst.sentence}"
