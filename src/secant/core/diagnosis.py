"""How a descent ended, and why: the verdict and the events.

The loop knows x, f and the slope of every step, which answers most questions. A few more evaluations near the path
are spent only where the answer hangs on them: is a rise of f more than noise; at which rate is the descent stable
(:mod:`secant.core.curvature`); does f go on falling a hundred times further than the run came. Tests, in order:

* not finite: ``unbounded`` when f fell all the way, ``failed`` at the start or by an exception, else ``lr too large``;
* f ends higher than it began, by more than its noise, or rises and rises at the end: ``lr too large``;
* the slope meant nothing from the start, or its step drowned: ``lost in rounding``, ``noise floor``, ``converged``;
* the slope shrank to a millionth and could have been seen otherwise: ``converged``; below its error: ``noise floor``;
* x grew by five decades and the slope did not shrink: ``unbounded``;
* f gained less than a hundredth of what lies ahead: ``lr too small``; anything else: ``budget``.

``lr * L > 2`` alone proves nothing: where the curvature changes, such a run may well converge.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Mapping

import numpy as np

from secant.core.curvature import Ask, Survey, generic, noise_near, norm, survey, values_at
from secant.core.request import Reply, Request
from secant.core.results import Event
from secant.core.rules import Momentum
from secant.core.shortfall import GAIN, small_steps, too_small
from secant.core.sightings import (
    Finding,
    Seen,
    Steps,
    Trace,
    between,
    lost_in_rounding,
    observe,
    rises,
    short,
    unsteady,
)
from secant.core.verdicts import DescentVerdict

#: Slopes below this part of the largest one met count as zero.
TOLERANCE = 1e-6
#: What may be left of the decrease at a point called converged: far above the square of ``TOLERANCE``, which an even
#: bowl leaves, and far below what a flat valley hides.
LEFT = 1e-9
#: Growth of x that, with a slope that does not shrink, counts as without end.
DECADES = 1e5
#: Rises in a row, at the end of a run that is lower than it began, that make it a divergence.
CLIMB = 4
#: ... when they give back this part of the gain.
GIVEN_BACK = 0.1


def diagnose(trace: Trace, gradient: Ask) -> Steps:
    """Say how a descent ended. ``gradient`` is asked near the lowest point when the rate was too large.

    See the module for the tests; numbers stand in the ``facts`` of the events.
    """
    probed = yield from _noise(trace)
    seen = observe(trace, probed)
    lost = lost_in_rounding(trace, seen)
    finding = yield from _verdict(trace, seen, lost, gradient)
    events = sorted([*finding.events, *lost], key=lambda event: event.iteration)
    return Finding(finding.verdict, tuple(events), finding.note)


def _verdict(trace: Trace, seen: Seen, lost: list[Event], gradient: Ask) -> Steps:
    values = trace.values
    if not math.isfinite(values[-1]) or len(trace.slopes) < trace.asked:
        return (yield from _broken(trace, seen, gradient))
    if not trace.asked:
        return Finding(DescentVerdict.BUDGET, note="no iterations were asked for, so the slope was not looked at")
    # A level read off eight values may well be half of what it should be.
    if values[-1] - values[0] > (8.0 if seen.real else 4.0) * seen.noise or _climbing(trace, seen):
        if trace.measured:
            return _drifted(trace, seen)
        return (yield from _too_large(trace, seen, gradient))
    if seen.faint.all() and not lost:
        return (yield from _faint_start(trace, seen, gradient))
    endless = _endless(trace, seen)
    if endless is not None:
        return endless
    if lost and seen.lost[-1].any():
        return Finding(DescentVerdict.LOST_IN_ROUNDING)
    ended = _ended(trace, seen)
    if ended is not None:
        return ended
    bouncing = _bouncing(trace, seen)
    if bouncing is not None and trace.measured:
        return _checked(trace, bouncing)
    if _in_vain(trace, seen, bouncing):
        return (yield from _too_large(trace, seen, gradient))
    if bouncing is not None:
        note = "f has stopped falling because the steps overshoot; a lower rate goes lower"
        return Finding(DescentVerdict.BUDGET, (bouncing,), note)
    if (yield from too_small(trace, seen, gradient)):
        return (yield from small_steps(trace, seen, gradient))
    fall = float(values[-2] - values[-1])
    pace = f", by {short(fall)} in the last step" if fall > 0.0 else ""
    return Finding(DescentVerdict.BUDGET, note=f"the run ended while f was still falling{pace}")


def _noise(trace: Trace) -> Generator[Request, Reply, float]:
    """Probe the level of f's noise, where a fixed step leaves it unknown and the answer hangs on it.

    At the lowest point: elsewhere a run that diverged has f so large that its rounding would pass for noise.
    """
    steps = len(trace.slopes)
    if trace.step is None or not steps or not math.isfinite(trace.values[-1]) or np.isfinite(trace.noises).any():
        return math.nan
    if steps < trace.asked or not (trace.values[-1] > trace.values[0] or unsteady(trace)):
        return math.nan
    lowest = trace.path[int(np.argmin(trace.values))]
    if trace.step < 8.0 * float(np.max(np.spacing(np.abs(lowest)), initial=0.0)):
        return math.nan
    return (yield from noise_near(lowest, trace.step))


def _broken(trace: Trace, seen: Seen, gradient: Ask) -> Steps:
    """Judge a run that could not go on: a value, a slope or a point is not finite."""
    k = len(trace.path) - 1
    value, before = float(trace.values[-1]), trace.values[:-1]
    what = f"f is {short(value)}" if not math.isfinite(value) else "the slope is not finite"
    if not np.all(np.isfinite(trace.path[-1])):
        what = "x is not finite"
    event = Event(DescentVerdict.FAILED, k, k, f"{what}; the run cannot go on", {"value": value})
    if k == 0 or trace.failed:
        where = "at the start" if k == 0 else f"at iteration {k}"
        return Finding(DescentVerdict.FAILED, (event,), f"{what} {where}")
    falling = before.size > 1 and bool(before[-1] < before[0])
    if value == -math.inf or (falling and _distance(trace, k - 1) >= DECADES):
        return Finding(DescentVerdict.UNBOUNDED, (_fell(trace, k),))
    overshot = bool(seen.overshoot(trace) > 2.0) or bool(trace.values[-1] > trace.values[k - 1])
    if math.isfinite(value) and not overshot and not value > trace.values[0]:
        return Finding(DescentVerdict.FAILED, (event,), f"{what} at iteration {k}, although f is")
    finding = yield from _too_large(trace, seen, gradient)
    return Finding(finding.verdict, (*finding.events, event), finding.note)


def _climbing(trace: Trace, seen: Seen) -> bool:
    """Return whether a run that is lower than it began nevertheless diverges at its end.

    A few rises in a row, slopes that turn around at each of them, and a good part of the gain given back.
    """
    values, slopes = trace.values, trace.slopes
    if len(slopes) <= CLIMB or not np.all(np.diff(values[-CLIMB - 1 :]) > 4.0 * seen.noise):
        return False
    turned = all(float(np.sign(slopes[-j - 1]) @ np.sign(slopes[-j])) < 0.0 for j in range(1, CLIMB))
    lowest = float(np.min(values))
    return turned and bool(values[-1] - lowest > GIVEN_BACK * (values[0] - lowest))


def _too_large(trace: Trace, seen: Seen, gradient: Ask) -> Steps:
    """Say since when f rises, and at which rate it would not."""
    values = trace.values
    risen = np.flatnonzero(rises(values, seen.levels[: len(values) - 1]))
    first, last = (int(risen[0]) + 1, int(risen[-1]) + 1) if risen.size else (1, len(values) - 1)
    adrift = bool(np.mean(seen.faint) >= 0.5) and not seen.lost.any()
    found = Survey(math.nan, math.nan) if adrift else (yield from _limit(trace, seen, gradient))
    facts = {"before": float(values[first - 1]), "after": float(values[first]), "curvature": found.curvature}
    text, note = f"the step overshoots and f goes from {short(facts['before'])} to {short(facts['after'])}", ""
    if risen.size and math.isnan(facts["after"]) and np.all(np.isfinite(trace.path[-1])):
        # f had not grown before: what was overshot is the end of its domain.
        note = "a step led out of the domain of f"
        text = f"the step leaves the domain of f, which goes from {short(facts['before'])} to no value at all"
    elif not risen.size:
        facts["after"] = float(values[-1])
        text = f"the steps overshoot and f, {short(facts['before'])}, is still {short(facts['after'])} at the end"
    if first < len(trace.slopes) and norm(trace.slopes[first - 1]) > 0.0:
        scale = norm(trace.slopes[first - 1])
        with np.errstate(all="ignore"):
            facts["factor"] = float((trace.slopes[first] / scale) @ (trace.slopes[first - 1] / scale))
        text += f", the slope times {short(facts['factor'])}"
    if adrift:
        facts["resolution"] = seen.finest(0)
        text += f"; slopes below {short(facts['resolution'])} are noise, and carry x away"
    elif (times := _allowance(trace)) == 0.0:
        facts["length"] = trace.length(first - 1)
        text += f"; a step was {short(facts['length'])} long, as this rule makes it of its rate and not of the slope"
    elif math.isfinite(found.stable):
        facts["limit"] = times * found.stable
        text += f"; stable below {short(facts['limit'])} (curvature {short(found.curvature)})"
    elif found.curvature > 0.0:
        facts["unstable_above"] = min(times * 2.0 / found.curvature, trace.lr)
        text += f"; unstable above {short(facts['unstable_above'])} (curvature {short(found.curvature)} was seen)"
    return Finding(DescentVerdict.LR_TOO_LARGE, (Event(DescentVerdict.LR_TOO_LARGE, first, last, text, facts),), note)


def _allowance(trace: Trace) -> float:
    """Return how many times ``2 / L`` the rate may be on a quadratic; 0 where that depends on the way behind.

    With momentum it is ``1 + momentum`` (B. T. Polyak, USSR Comput. Math. and Math. Phys. 4, 1964).
    """
    if isinstance(trace.rule, Momentum):
        return 1.0 + trace.rule.momentum
    return 1.0 if trace.plain else 0.0


def _limit(trace: Trace, seen: Seen, gradient: Ask) -> Generator[Request, Reply, Survey]:
    """Survey the curvature at the lowest point that a step was taken from, where it limits the rate."""
    steps, times = len(trace.slopes), _allowance(trace)
    best = int(np.argmin(trace.values[:steps]))
    if times == 0.0 or seen.lost[best].any():
        return Survey(seen.steepest, math.nan)
    toward = trace.slopes[best]
    known = np.flatnonzero(np.isfinite(seen.curvature))
    if known.size:
        # The change of slope that showed the largest curvature points to the steep walls.
        k = int(known[np.argmax(seen.curvature[known])])
        with np.errstate(all="ignore"):
            change = trace.slopes[k + 1] - trace.slopes[k]
        toward = change if np.all(np.isfinite(change)) else toward
    return (
        yield from survey(
            trace.path[best],
            trace.slopes[best],
            gradient,
            lr=trace.lr / times,
            toward=toward,
            curvature=seen.steepest,
            resolution=seen.finest(best),
            rounds=max(8, steps),
        )
    )


def _faint_start(trace: Trace, seen: Seen, gradient: Ask) -> Steps:
    """Judge a run whose slope was never more than its own error: a minimum, a saddle, or a plateau too flat to see.

    Looking both ways along a generic direction tells them apart: only a minimum rises on both sides.
    """
    bar = seen.finest(0)
    size = float(np.max(np.abs(trace.path[0]), initial=0.0)) or 1.0
    facts = {"slope": float(seen.peak[0]), "resolution": bar}
    reached = float(np.sum(trace.rates)) * bar if trace.plain else trace.way()
    if reached > 1e-3 * size:
        # A slope just too small to be seen would have carried x a good way.
        drowned = trace.step is not None and not seen.real
        kind = DescentVerdict.LOST_IN_ROUNDING if drowned else DescentVerdict.NOISE_FLOOR
        text = f"no slope below {short(bar)} can be told from 0 here, and none was above it"
        return Finding(kind, (Event(kind, 0, trace.asked, text, facts),), text)
    length = max(1e-3 * size, 10.0 * (trace.step or 0.0))
    values, _ = yield from values_at(trace.path[0], generic(trace.path.shape[1]), np.array([-length, length]))
    rise = values - trace.values[0]
    clear = 10.0 * seen.noise
    told = f"the slope at the start, {short(facts['slope'])}, is not above its error {short(bar)}"
    if facts["slope"] == 0.0:
        told = "the slope at the start is exactly 0"
    if np.all(rise > clear):
        note = "the slope is zero at the start already, and f rises on both sides"
        return Finding(DescentVerdict.CONVERGED, (_arrived(trace, seen, 0, bar),), note)
    if np.any(rise < -clear):
        if (yield from too_small(trace, seen, gradient)):  # longer steps go lower, whatever is known of the slope
            return (yield from small_steps(trace, seen, gradient))
        what = "a slope too faint to see" if np.any(rise > clear) else "a saddle or a maximum; start elsewhere"
        note = f"{told}, but f is lower {short(length)} away: {what}"
    elif np.all(np.isfinite(rise)):
        note = f"{told}, and f does not change within {short(length)}: flat, or a plateau"
    else:
        note = f"{told}, and f has no value {short(length)} away"
    return Finding(DescentVerdict.NOISE_FLOOR, (Event(DescentVerdict.NOISE_FLOOR, 0, trace.asked, note, facts),), note)


def _ended(trace: Trace, seen: Seen) -> Finding | None:
    """Judge a run whose slope has gone: to zero as far as asked, or below what can be seen."""
    steps = len(seen.peak)
    tail = max(1, steps // 8)
    last, largest = float(np.median(seen.peak[-tail:])), float(np.max(seen.peak, initial=0.0))
    tolerance = TOLERANCE * largest
    bar = seen.finest(steps - 1)
    # Bars under noise are noisy themselves; a slope that has shrunk while f holds still within its noise says as much.
    still = seen.real and last <= 1e-3 * largest and float(np.ptp(trace.values[-max(9, tail) :])) <= 8.0 * seen.noise
    below = still or bool(np.mean(seen.faint[-tail:]) >= 0.5)
    if not (last <= tolerance or below):
        return None
    if bar <= tolerance and (last <= tolerance or not seen.real):
        gain = float(trace.values[0] - trace.values[-1])
        along = between(trace, seen.resolution, steps - 1 - steps // 4, steps - 1)[1]
        if along > 0.0 and 0.5 * seen.size[-1] * (seen.size[-1] / along) > LEFT * gain:
            return None
        reached = int(np.argmax(seen.peak <= max(tolerance, last)))
        return Finding(DescentVerdict.CONVERGED, (_arrived(trace, seen, reached, max(tolerance, bar)),))
    first = steps - int(np.argmin(seen.faint[::-1])) if not seen.faint.all() else 0
    facts = {"slope": float(seen.peak[-1]), "resolution": bar, "noise": seen.noise}
    if not seen.real and bar > 0.1 * largest:
        text = f"the slope is {short(seen.peak[-1])} +/- {short(bar)}, as at a kink of f: too coarse to go on"
        return Finding(DescentVerdict.BUDGET, (Event(DescentVerdict.BUDGET, first, steps, text, facts),), text)
    text = f"the last slopes are not above their error, about {short(bar)}; f is known to {short(seen.noise)}"
    return Finding(DescentVerdict.NOISE_FLOOR, (Event(DescentVerdict.NOISE_FLOOR, first, steps, text, facts),))


def _arrived(trace: Trace, seen: Seen, k: int, tolerance: float) -> Event:
    facts: Mapping[str, float] = {"slope": float(seen.peak[-1]), "tolerance": tolerance}
    text = f"the slope is down to {short(seen.peak[k])}, at the end to {short(seen.peak[-1])}"
    return Event(DescentVerdict.CONVERGED, k, len(trace.slopes), text, facts)


def _distance(trace: Trace, k: int) -> float:
    """Return how many times its own scale (the start, the first step, 1) x has grown at step k."""
    scale = max(1.0, float(np.max(np.abs(trace.path[:2]), initial=0.0)))
    return float(np.max(np.abs(trace.path[k]), initial=0.0)) / scale


def _endless(trace: Trace, seen: Seen) -> Finding | None:
    """Judge a run in which f falls, x grows over decades, and the slope does not shrink."""
    kept = np.flatnonzero(~seen.lost.any(axis=1))
    if not kept.size or trace.values[-1] >= trace.values[0]:
        return None
    k = int(kept[-1])
    if _distance(trace, k) < DECADES or seen.size[k] < 0.5 * seen.size[0]:
        return None
    return Finding(DescentVerdict.UNBOUNDED, (_fell(trace, len(trace.values) - 1),))


def _fell(trace: Trace, k: int) -> Event:
    growth = _distance(trace, k - 1)
    text = f"f falls from {short(trace.values[0])} to {short(trace.values[k])} while x grows {short(growth)} times"
    facts = {"before": float(trace.values[0]), "after": float(trace.values[k]), "growth": growth}
    return Event(DescentVerdict.UNBOUNDED, k, k, text, facts)


def _bouncing(trace: Trace, seen: Seen) -> Event | None:
    """Return the event of a run that goes up and down without getting lower any more."""
    values = trace.values
    half = len(values) // 2
    if half < 3:
        return None
    early, late, top = float(np.min(values[: half + 1])), float(np.min(values[half:])), float(np.max(values[half:]))
    risen = np.diff(values[half:]) >= -4.0 * seen.noise
    lower = early - late > max(1e-3 * float(values[0] - early), 1e-3 * (top - late))
    step = max(top - late, seen.promise(trace, -1))
    if np.mean(risen) < 0.25 or lower or step <= 100.0 * seen.noise or _swinging(trace):
        return None
    facts = {"lowest": min(early, late), "highest": top, "curvature": seen.steepest}
    text = f"the steps overshoot: f stays between {short(facts['lowest'])} and {short(top)}"
    return Event(DescentVerdict.LR_TOO_LARGE, int(np.argmin(values)), len(values) - 1, text, facts)


def _drifted(trace: Trace, seen: Seen) -> Finding:
    """Say of a measured rate, which lets f rise by its noise in each step only, that noise added up."""
    last = len(trace.slopes)
    facts = {"before": float(trace.values[0]), "after": float(trace.values[-1]), "noise": seen.noise}
    text = f"steps within the noise of f led from {short(facts['before'])} to {short(facts['after'])}"
    return Finding(DescentVerdict.NOISE_FLOOR, (Event(DescentVerdict.NOISE_FLOOR, 0, last, text, facts),), text)


def _checked(trace: Trace, bouncing: Event) -> Finding:
    """Say of a measured rate that f does not let it grow: no rate would do."""
    note = (
        f"f has stopped falling, with the measured rate down to {short(float(trace.rates[-1]))} from "
        f"{short(trace.lr)}: f bends sharply there, as at a kink"
    )
    event = Event(DescentVerdict.BUDGET, bouncing.iteration, bouncing.last, note, bouncing.facts)
    return Finding(DescentVerdict.BUDGET, (event,), note)


def _swinging(trace: Trace) -> bool:
    """Return whether motion carries x to and fro, with swings that get smaller: by half in the last quarter."""
    if trace.plain:
        return False
    quarter = max(2, len(trace.values) // 4)
    before, after = trace.values[-2 * quarter : -quarter], trace.values[-quarter:]
    return bool(np.ptp(after) <= 0.5 * np.ptp(before))


def _in_vain(trace: Trace, seen: Seen, bouncing: Event | None) -> bool:
    """Return whether the steps overshoot so far that nothing was gained: a millionth of what the first slope
    promised, or a hundredth of the height of the bounces.
    """
    if not trace.plain:  # steps are not the slope's then: a high first bounce says nothing of the others
        return False
    gain = float(trace.values[0] - trace.values[-1])
    promised = seen.promise(trace, 0)
    bounce = bouncing.facts["highest"] - bouncing.facts["lowest"] if bouncing is not None else 0.0
    return promised > 100.0 * seen.noise and gain <= max(1e-6 * promised, GAIN * bounce)
