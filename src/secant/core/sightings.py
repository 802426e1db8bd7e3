"""What the path of a descent shows by itself: sizes, resolution, curvature, entries lost in rounding, trends.

``Trace`` is what the loop kept; ``Seen`` adds what can be read off it without asking f again. The resolution of a
slope is its error bar where it has one; for a fixed central step h it is what rounding and noise of f leave,
``4 * max(u * |f|, noise) / h`` with the unit roundoff u. Slopes below it mean nothing.
"""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from secant.core.curvature import norm
from secant.core.request import UNIT_ROUNDOFF, Floats, Reply, Request
from secant.core.results import Event
from secant.core.rules import Plain, Rule
from secant.core.verdicts import DescentVerdict

#: A difference of slopes counts as a curvature when it stands this far clear of their resolution.
CLEAR = 100.0
#: A fixed step is lost in f's rounding when the slopes it can see are above this part of the largest one met.
COARSE = 0.01
#: Entries named in a text at most.
NAMED = 4


@dataclass(frozen=True, slots=True)
class Trace:
    """What a descent of ``asked`` steps kept.

    ``path`` (k + 1, n) and ``values`` (k + 1,) are the points and f there; ``slopes`` and ``bars`` (k, n), ``noises``
    and ``rates`` (k,) belong to the points that a step was taken from, by the ``rule``. ``step`` is the fixed step of
    the differences (None: bars), ``failed`` says that the last evaluation ended in an exception, ``measured`` that
    no rate was given, and no step taken that raised f.
    """

    path: Floats
    values: Floats
    slopes: Floats
    bars: Floats
    noises: Floats
    rates: Floats
    rule: Rule
    step: float | None
    asked: int
    failed: bool = False
    measured: bool = False

    @property
    def plain(self) -> bool:
        """Whether a step is the rate times the slope."""
        return isinstance(self.rule, Plain)

    @property
    def lr(self) -> float:
        """The largest rate of the run."""
        return float(np.max(self.rates))

    def length(self, k: int) -> float:
        """Return how long step k was, as the rule makes it."""
        if self.plain:
            return float(self.rates[k]) * norm(self.slopes[k])
        k %= len(self.slopes)
        return norm(self.path[k + 1] - self.path[k])

    def way(self) -> float:
        """Return how far the run came: all steps laid end to end, of plain descent those of the last slope."""
        if self.plain:
            return float(np.sum(self.rates)) * norm(self.slopes[-1])
        return math.fsum(self.length(k) for k in range(len(self.slopes)))


@dataclass(frozen=True, slots=True)
class Seen:
    """What a trace shows, given the level of f's noise.

    ``levels`` (k,) is what is known of f's noise (0 when nothing is), ``noise`` the last of them or the rounding of the
    larger of the two ends; ``real`` says that the level is more than rounding. ``size`` and ``peak`` (k,) are the
    lengths and the largest entries of the slopes, ``resolution`` (k, n) what of them means nothing, ``faint`` (k,)
    that no entry is above it, ``curvature`` (k - 1,) is ``|dg| / |dx|`` (NaN where it is not resolved), ``lost``
    (k, n) marks entries whose fixed step was lost in rounding.
    """

    levels: Floats
    noise: float
    real: bool
    size: Floats
    peak: Floats
    resolution: Floats
    faint: NDArray[np.bool_]
    curvature: Floats
    lost: NDArray[np.bool_]

    @property
    def steepest(self) -> float:
        """The largest curvature that was resolved, NaN when none was."""
        known = self.curvature[np.isfinite(self.curvature)]
        return float(known.max()) if known.size else math.nan

    def overshoot(self, trace: Trace) -> float:
        """Return the largest part of itself by which a slope changed in a step, NaN when none was resolved.

        Of plain descent it is the rate times the curvature: above 2 a quadratic throws the descent out.
        """
        with np.errstate(all="ignore"):
            turns = [
                float(bend) * (float(trace.rates[k]) if trace.plain else trace.length(k) / float(self.size[k]))
                for k, bend in enumerate(self.curvature)
                if math.isfinite(bend) and self.size[k] > 0.0
            ]
        return max((turn for turn in turns if math.isfinite(turn)), default=math.nan)

    def promise(self, trace: Trace, k: int) -> float:
        """Return by how much f would fall in step k if its slope did not change (inf, no exception, beyond floats)."""
        return trace.length(k) * float(self.size[k])

    def finest(self, k: int) -> float:
        """Return the slope that can still be resolved at step k, 0 where no bar is known."""
        bars = self.resolution[k]
        return float(np.max(bars[np.isfinite(bars)], initial=0.0))


@dataclass(frozen=True, slots=True)
class Finding:
    """A verdict, the events in order of iteration, and a word more where the verdict's own sentence is not enough."""

    verdict: DescentVerdict
    events: tuple[Event, ...] = ()
    note: str = ""


#: What asks a little more, and comes to a finding.
Steps: TypeAlias = Generator[Request, Reply, Finding]


def observe(trace: Trace, noise: float) -> Seen:
    """Read off a trace what it shows. ``noise`` is the level of f's noise where it was probed, else NaN."""
    steps = len(trace.slopes)
    finite = trace.values[np.isfinite(trace.values)]
    largest = float(np.max(np.abs(finite[[0, -1]]), initial=0.0)) if finite.size else 0.0
    levels = np.where(np.isfinite(trace.noises), trace.noises, noise if math.isfinite(noise) else 0.0)
    level = float(levels[-1]) if steps else 0.0
    rounding = UNIT_ROUNDOFF * np.abs(trace.values[:steps])
    seen = 4.0 * np.maximum(rounding, levels) / (trace.step or 1.0)
    resolution = np.broadcast_to(seen[:, np.newaxis], trace.slopes.shape)
    if trace.step is None:
        resolution = np.where(np.isfinite(trace.bars), trace.bars, np.inf)
    real = level > 1e3 * UNIT_ROUNDOFF * float(np.max(np.abs(finite), initial=0.0))
    size = np.array([norm(slope) for slope in trace.slopes])
    peak = np.max(np.abs(trace.slopes), axis=1, initial=0.0)
    return Seen(
        levels,
        max(level, 4.0 * UNIT_ROUNDOFF * largest),
        real,
        size,
        peak,
        resolution,
        # A bar under noise is about one deviation: three of them are nothing out of the ordinary.
        np.all(np.abs(trace.slopes) <= (3.0 if real else 1.0) * resolution, axis=1),
        _curvature(trace, resolution),
        _lost(trace, peak, rounding),
    )


def _curvature(trace: Trace, resolution: Floats) -> Floats:
    """Return ``|dg| / |dx|`` of neighboring points, NaN where the slopes differ by less than they are known to."""
    found = np.full(max(len(trace.slopes) - 1, 0), np.nan)
    for k in range(len(found)):
        found[k] = between(trace, resolution, k, k + 1)[0]
    return found


def between(trace: Trace, resolution: Floats, first: int, last: int) -> tuple[float, float]:
    """Return the curvature between two points of the path, ``|dg| / |dx|`` and ``dg.dx / dx.dx``; NaN unresolved."""
    with np.errstate(all="ignore"):
        change = trace.slopes[last] - trace.slopes[first]
        moved = trace.path[last] - trace.path[first]
        length, turn = norm(moved), norm(change)
        if not (length > 0.0 and math.isfinite(turn) and turn > CLEAR * norm(resolution[first] + resolution[last])):
            return math.nan, math.nan
        return turn / length, float(np.dot(change / turn, moved / length)) * turn / length


def _lost(trace: Trace, peak: Floats, rounding: Floats) -> NDArray[np.bool_]:
    """Mark the entries whose fixed step drowned: beside x, or in the rounding of f.

    The second only when slopes had been resolved before and the threshold came up to them: a small slope at a
    minimum is not lost.
    """
    if trace.step is None:
        return np.zeros(trace.slopes.shape, dtype=bool)
    beside = np.spacing(np.abs(trace.path[: len(trace.slopes)])) > trace.step
    seen = 4.0 * rounding / trace.step
    largest = np.maximum.accumulate(peak)
    before = np.logical_or.accumulate(peak > 10.0 * seen)
    drowned = before & (seen >= COARSE * largest)
    return beside | (drowned[:, np.newaxis] & (np.abs(trace.slopes) <= seen[:, np.newaxis]))


def rises(values: Floats, levels: Floats) -> NDArray[np.bool_]:
    """Mark the steps (one less than values) at which f rose by more than its noise and its rounding there.

    A value that is not finite counts as a rise, unless f fell to minus infinity.
    """
    with np.errstate(all="ignore"):
        sizes = np.maximum(np.abs(values[1:]), np.abs(values[:-1]))
        rounding = UNIT_ROUNDOFF * np.where(sizes < np.inf, sizes, 0.0)
        risen: NDArray[np.bool_] = ~(np.diff(values) <= 4.0 * np.maximum(levels, rounding))
    return risen


def unsteady(trace: Trace) -> bool:
    """Return whether f rises again and again in the last quarter of the steps (at least eight)."""
    tail = trace.values[-max(9, len(trace.values) // 4) :]
    return len(tail) >= 9 and bool(np.mean(rises(tail, np.zeros(len(tail) - 1))) >= 0.25)


def short(value: float) -> str:
    """Write a number with three digits, whole ones in full up to a million, and so that it reads as a float.

    >>> short(1.0000001), short(0.5), short(9025.0), short(2e-8)
    ('1.0', '0.5', '9025.0', '2e-08')
    """
    if math.isfinite(value) and 100.0 <= abs(value) < 1e6:
        return f"{value:.0f}.0"
    text = f"{value:.3g}"
    return text if not math.isfinite(value) or "." in text or "e" in text else text + ".0"


def entries(marked: NDArray[np.bool_]) -> str:
    """Name the marked entries of a point.

    >>> entries(np.array([False, True])), entries(np.ones(9, dtype=bool))
    ('entry 1', 'entries 0, 1, 2, 3 and 5 more')
    """
    index = np.flatnonzero(marked).tolist()
    names = ", ".join(str(i) for i in index[:NAMED])
    more = f" and {len(index) - NAMED} more" if len(index) > NAMED else ""
    return f"{'entry' if len(index) == 1 else 'entries'} {names}{more}"


def lost_in_rounding(trace: Trace, seen: Seen) -> list[Event]:
    """Tell when the fixed step began to drown, and from when on nothing moved."""
    if trace.step is None or not seen.lost.any():
        return []
    lost, zero = seen.lost, seen.lost & (trace.slopes == 0.0)
    total = len(lost)
    events = []
    first = int(np.argmax(lost.any(axis=1)))
    stalled = np.flatnonzero(zero.all(axis=1))
    if not stalled.size or first < stalled[0]:
        last = int(stalled[0]) - 1 if stalled.size else int(np.flatnonzero(lost.any(axis=1))[-1])
        named = zero[first] if zero[first].any() else lost[first]
        reads = "reads 0" if zero[first].any() else "is rounding"
        text = f"the slope of {entries(named)} {reads}: {_why(trace, first, named)}"
        facts = _facts(trace, first, named) | {"first": float(first), "count": float(last - first + 1)}
        events.append(Event(DescentVerdict.LOST_IN_ROUNDING, first, last, text, facts))
    if stalled.size:
        first, last, count = int(stalled[0]), int(stalled[-1]), int(stalled.size)
        text = (
            f"every slope reads 0 from iteration {first} on, so {count} of {total} steps do nothing: "
            f"{_why(trace, first, zero[first])}"
        )
        facts = _facts(trace, first, zero[first]) | {"first": float(first), "count": float(count)}
        events.append(Event(DescentVerdict.LOST_IN_ROUNDING, first, last, text, facts))
    return events


def _facts(trace: Trace, k: int, marked: NDArray[np.bool_]) -> dict[str, float]:
    spacing = float(np.max(np.spacing(np.abs(trace.path[k]))[marked]))
    return {"step": trace.step or math.nan, "spacing": spacing, "entry": float(np.argmax(marked))}


def _why(trace: Trace, k: int, marked: NDArray[np.bool_]) -> str:
    facts = _facts(trace, k, marked)
    if facts["spacing"] > facts["step"]:
        return f"the spacing of doubles there is {short(facts['spacing'])}, the step only {short(facts['step'])}"
    level = UNIT_ROUNDOFF * abs(float(trace.values[k]))
    slope = short(level / facts["step"])
    return f"f is rounded by {short(level)}, which the step {short(facts['step'])} turns into a slope of {slope}"
