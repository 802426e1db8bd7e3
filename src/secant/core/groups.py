"""Groups of entries: what directions that move no others say of them, and a second look nearer to x.

Rules: a group is refuted where a direction is farther from the claim than its bar and the rounding of the claim. It is
looked at once more, much nearer to x, before anything is made of that: where the smaller step sides with the claim, and
against the larger one, there is a kink or another scale in between, and no mistake.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import inf, isfinite

import numpy as np

from secant.core.looks import (
    BARS,
    LEAST,
    SLOPE,
    UNKNOWN,
    Flags,
    Indices,
    Looks,
    Purse,
    Space,
    along,
    at,
    direction,
    distance,
    tolerance,
)
from secant.core.request import Core, Floats
from secant.core.verdicts import Verdict

#: The second look and the third: so far from x, as a share of the usual length, and no nearer than so many roundoffs.
NEAR, NEAREST, ROUNDOFFS = 2.0**-12, 2.0**-22, 2.0**11
#: A second look is none when it has to stay farther than this.
FAR = 2.0**-8
#: Where directions needed smaller steps than this, entries start at so many of those steps.
SMALL, STEPS = 2.0**-10, 32.0

#: Of an entry: ours, its bar, whether the claim is refuted, and the verdict on the slope.
Row = tuple[float, float, bool, Verdict]


@dataclass(slots=True)
class Segment:
    """A group of entries, and what directions that move no others said: (k, n), and arrays (k, m).

    ``residual`` is slope minus claim, NaN where there is no slope; ``within`` what it may be; ``wrong`` whether it is
    more.
    """

    chosen: Indices
    directions: Floats
    looks: Looks
    residual: Floats
    within: Floats
    wrong: Flags

    @property
    def hazy(self) -> bool:
        """Whether some slopes were kinks, or none."""
        return bool((self.looks.kind != SLOPE).any())


@dataclass(slots=True)
class Case:
    """A check under way: the claim ``yours``, (m, n), with its rounding, and what was found so far.

    ``caught`` is the smallest mistake of each entry that would have shown, ``table`` the entries looked at by output
    and index, ``inferred`` flat indices that a formula names, ``unsure`` why slopes were none.
    """

    space: Space
    yours: Floats
    slack: Floats
    fun: Sequence[float]
    purse: Purse
    rng: np.random.Generator
    caught: Floats
    cap: float = inf
    table: dict[tuple[int, int], Row] = field(default_factory=dict)
    wrong: set[tuple[int, int]] = field(default_factory=set)
    inferred: Indices = field(default_factory=lambda: np.zeros(0, dtype=np.intp))
    unsure: list[str] = field(default_factory=list)
    hint: str = ""
    note: str = ""
    along: float = inf
    noisy: bool = False
    kinked: bool = False
    unlocated: bool = False


def examine(case: Case, chosen: Indices, count: int, directions: Floats | None = None) -> Core[Segment | None]:
    """Look at a group of entries along directions that move no others; None when the evaluations do not suffice."""
    if case.purse.left < count * LEAST:
        return None
    if chosen.size == 1:
        u = np.zeros((1, case.space.base.size))
        u[0, chosen] = 1.0
    elif directions is None:
        u = np.stack([direction(case.space, chosen, case.rng) for _ in range(count)])
    else:
        u = directions
    looks = yield from _look(case, chosen, u, case.cap)
    return _compared(case, chosen, u, looks)


def _look(case: Case, chosen: Indices, u: Floats, cap: float) -> Core[Looks]:
    """Look along directions; a single entry by its own line, whose steps are rounded as x is."""
    if chosen.size == 1:
        return (yield from at(case.space, chosen, case.fun, case.purse, cap))
    return (yield from along(case.space, u, case.fun, case.purse, cap))


def _compared(case: Case, chosen: Indices, u: Floats, looks: Looks) -> Segment:
    """Compare looks with what is claimed."""
    claims, slack = u @ case.yours.T, np.abs(u) @ case.slack.T
    within = tolerance(looks, slack, looks.bar.size)
    residual = np.where(looks.kind == SLOPE, looks.low - claims, np.nan)
    with np.errstate(invalid="ignore"):
        wrong = (looks.kind != UNKNOWN) & (distance(looks, claims) > within)
    return Segment(chosen, u, looks, residual, within + (looks.high - looks.low), wrong)


def confirmed(case: Case, segment: Segment) -> Core[Segment]:
    """Look again, much nearer to x, along what refutes the claim; return the group with what that says.

    Where a smaller step sides with the claim, and against the larger one, there is a kink or another scale in between.
    One direction among several that stands alone against the claim has to be joined by a fresh one.
    """
    sided = 0.0
    for near in (NEAR, NEAREST):
        rows = np.flatnonzero(segment.wrong.any(axis=1))
        cap = max(near, ROUNDOFFS * float(case.space.eps.max()))
        if not rows.size or cap >= case.cap or cap > FAR or (segment.looks.noisy and near == NEAR):
            continue
        for k in rows:
            if case.purse.left < LEAST:
                break
            u = segment.directions[[k]]
            closer = _compared(case, segment.chosen, u, (yield from _look(case, segment.chosen, u, cap)))
            apart = np.abs(closer.looks.low - segment.looks.low[k]) > closer.within + BARS * segment.looks.bar[k]
            sides = segment.wrong[k] & (closer.looks.kind == SLOPE)[0] & ~closer.wrong[0] & (apart[0] | segment.hazy)
            if not sides.any():
                break
            sided = cap
            _replace(segment, int(k), closer, sides)
    if sided:
        case.note = f"only within {sided:.0e} of x does f have this slope: a kink or a finer scale is close by"
    alone = segment.wrong.any(axis=1)
    if segment.chosen.size > 1 and alone.any() and not alone.all():
        fresh = yield from examine(case, segment.chosen, 1)
        if fresh is not None and not fresh.wrong.any() and not fresh.hazy:
            segment.wrong[:] = False
            segment.within[alone] = inf
    return segment


def _replace(segment: Segment, k: int, closer: Segment, which: Flags) -> None:
    """Put what was seen nearer to x in place of what a direction said of some outputs."""
    for name in ("low", "high", "bar", "kind", "slopes"):
        getattr(segment.looks, name)[k, which] = getattr(closer.looks, name)[0, which]
    for name in ("residual", "within", "wrong"):
        getattr(segment, name)[k, which] = getattr(closer, name)[0, which]


def start(case: Case, segment: Segment) -> None:
    """Begin nearer to x from here on where the directions had to."""
    steps = [slope.step for slope in segment.looks.slopes.flat if isfinite(slope.step)]
    if steps and max(steps) < SMALL and not segment.looks.noisy:
        case.cap = min(case.cap, max(STEPS * max(steps), ROUNDOFFS * float(case.space.eps.max())))
