"""Whether the steps of a descent were too short, and by how much.

Rules: that a run gained little is no proof, for there may be little to gain. Proof is that f *is* lower by a hundred
times as much, further along the last slope: eight values are spent on that. Where that line leaves a curved valley, a
model of f along it has to do, if the nearest values agree on one.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator

import numpy as np

from secant.core.curvature import Ask, noise_near, norm, values_at
from secant.core.pace import Measured, bar_of, downhill, first_rate
from secant.core.request import Floats, Reply, Request
from secant.core.results import Event, counted
from secant.core.rules import AdaGrad, Adam, Plain, scale_of
from secant.core.sightings import Finding, Seen, Steps, Trace, short
from secant.core.verdicts import DescentVerdict

#: A rate is too small when it gains less than this part of the decrease that can be reached.
GAIN = 0.01
#: How much further than the run came f is looked at, where the rate may be too small: a bowl just at the threshold
#: has its floor at twice the reciprocal of ``GAIN``, a slope that still grows falls by that much sooner.
FURTHER = (5.0, 10.0, 20.0, 35.0, 60.0, 100.0, 150.0, 200.0)
#: But no further than this many times the size of the start: f may not like to be asked far away.
RANGE = 4.0
#: A curved valley may lead this many times deeper than the floor of a line across it.
BEYOND = 5.0
#: Where the line comes so near to that, as a part, a few steps of another descent are taken, at most so many.
NEAR, STEPS = 0.1, 16
#: The least positive double: a divisor that an underflow left at 0.
TINY = 5e-324


def too_small(trace: Trace, seen: Seen, gradient: Ask) -> Generator[Request, Reply, bool]:
    """Return whether the run gained less than a hundredth of what lies ahead.

    Proof: f *is* lower by that much, further along the last slope. Where that line leaves a curved valley, a model:
    the fall of a cubic through the nearest values, if they agree on a curvature. Where that comes near, a few steps
    of a measured rate from the end, as far as they lead.
    """
    gain = float(trace.values[0] - trace.values[-1])
    if gain <= 100.0 * seen.noise:
        gain = sum(seen.promise(trace, k) for k in range(len(seen.size)))
    ahead = 0.0
    for direction, steep in _onward(trace, seen):
        fall = yield from _fall_along(trace, seen, direction, steep)
        if gain <= GAIN * (gain + fall):
            return True
        ahead = max(ahead, fall)
    if gain > NEAR * (gain + ahead) or len(trace.slopes[-1]) == 1:
        return False
    return (yield from _deeper(trace, seen, gradient, gain))


def _fall_along(trace: Trace, seen: Seen, direction: Floats, steep: float) -> Generator[Request, Reply, float]:
    """Return how far f falls along a direction in which it falls that steeply, 0 where nothing is borne out."""
    end, unit = float(trace.values[-1]), trace.way()
    # Where f is known too coarsely, further still: to a fall that stands clear of its noise.
    t = np.array(FURTHER) * max(1.0, seen.noise / max(unit * steep, TINY)) * unit
    scale = float(np.max(np.abs(trace.path[0]), initial=0.0)) or 1.0
    t = t[t * float(np.max(np.abs(direction))) <= RANGE * scale]
    if not t.size:
        return 0.0
    further, _ = yield from values_at(trace.path[-1], direction, t)
    fall = end - float(np.min(further[np.isfinite(further)], initial=end))
    modeled = _modeled_fall(t[:2], further[:2] - end + t[:2] * steep, steep, 100.0 * seen.noise)
    turned = bool(np.argmin(np.where(np.isfinite(further), further, np.inf)) < t.size - 1)
    proven = fall if fall > 8.0 * seen.noise else 0.0
    # The line itself knows better where its floor was seen: all of it in one dimension, its scale in more.
    if turned and (len(direction) == 1 or modeled > BEYOND * fall):
        return proven
    return max(proven, modeled)


def _deeper(trace: Trace, seen: Seen, gradient: Ask, gain: float) -> Generator[Request, Reply, bool]:
    """Return whether a few steps of a measured rate, from where the run ended, show that it gained next to nothing."""
    x, end, rule, rate = trace.path[-1], float(trace.values[-1]), Plain(), Measured()
    for _ in range(STEPS):
        found = yield from gradient(x)
        slope = np.array(found.value, dtype=np.float64)
        if not np.all(np.isfinite(slope)):
            return False
        bar = bar_of(found, trace.step)
        if rate.x is None:
            rate.rate = yield from first_rate(x, found, bar, gradient, rule)
        rate.seen(x, slope, bar, scale_of(rule, slope))
        taken = yield from downhill(x, found, rule, (), rate)
        if taken.x is None:
            return False
        x, fall = taken.x, end - taken.fun
        if fall > 8.0 * seen.noise and gain <= GAIN * (gain + fall):
            return True
    return False


def _onward(trace: Trace, seen: Seen) -> Iterator[tuple[Floats, float]]:
    """Give the directions to look into, and how steeply f falls along them; none where the steps had an effect.

    That of the slope; but a rule that divides the slope goes as far in every entry, and when the steep ones have
    arrived the slope may have shrunk with most of the way still ahead. So then also that of the last step.
    """
    slope, size = trace.slopes[-1], float(seen.size[-1])
    scaled = isinstance(trace.rule, AdaGrad | Adam)
    if size > 0.0 and (scaled or (size >= 0.3 * seen.size[0] and not seen.overshoot(trace) > 0.5)):
        yield -slope / size, size
    if scaled:
        last = trace.path[-1] - trace.path[-2]
        length = norm(last)
        steep = -float(slope @ (last / length)) if 0.0 < length < math.inf else 0.0
        if steep > 0.0:
            yield last / length, steep


def _modeled_fall(t: Floats, above: Floats, size: float, clear: float) -> float:
    """Return how far f falls along a line by a cubic model, 0 where the values bear out none.

    ``above`` (2,) is how far f lies above its tangent of slope ``-size`` at two distances t. A curvature that grows
    on the way brings the floor nearer; one that shrinks is taken as even, which promises less.
    """
    if len(t) < 2 or not np.all(above > clear):
        return 0.0
    near, far = (float(bend) for bend in 2.0 * above / t**2)
    if abs(near - far) > 0.15 * near:
        return 0.0
    growth = max(3.0 * (far - near) / float(t[1] - t[0]), 0.0)
    start = near - growth * float(t[0]) / 3.0
    floor = 2.0 * size / (start + math.sqrt(start * start + 2.0 * growth * size))
    return floor * (size - floor * (start / 2.0 + growth * floor / 6.0))


def small_steps(trace: Trace, seen: Seen, gradient: Ask) -> Steps:
    """Say what part of the way the steps covered, and which rate would cover it."""
    steps = len(trace.slopes)
    curvature, along = yield from _one_curvature(trace, seen, gradient)
    facts = {"curvature": curvature, "covered": curvature * (trace.way() / float(seen.size[-1]))}
    if along > 0.0:
        # A plain step of 1 / L arrives; other rules make longer steps of a rate, or as long as it is.
        rate, count = (1.0 / curvature, "about one step") if trace.plain else (trace.lr / facts["covered"], "as many")
        facts |= {"rate": rate, "steps": steps / facts["covered"]}
        text = (
            f"{counted(steps, 'step')} covered {short(facts['covered'])} of the way: the curvature is "
            f"{short(curvature)}, so that along this slope a rate of {short(rate)} arrives in {count}, "
            f"this rate in {short(facts['steps'])}"
        )
    elif curvature > 0.0:
        text = f"in {counted(steps, 'step')} the slope changed by {short(facts['covered'])} of itself only"
    else:
        facts = {}
        text = f"in {counted(steps, 'step')} the slope did not change as far as it is known, and f falls on a hundred"
        text += " times as far"
    return Finding(DescentVerdict.LR_TOO_SMALL, (Event(DescentVerdict.LR_TOO_SMALL, 0, steps, text, facts),))


def _one_curvature(trace: Trace, seen: Seen, gradient: Ask) -> Generator[Request, Reply, tuple[float, float]]:
    """Return the curvature along the last slope from one more gradient, unsigned and signed; NaN unresolved.

    The run itself moved too little: noise in the slopes, divided by its length, would pass for a huge curvature.
    """
    x, slope, size = trace.path[-1], trace.slopes[-1], float(seen.size[-1])
    length = 1e-2 * (float(np.max(np.abs(x), initial=0.0)) or 1.0)
    bar = seen.finest(len(trace.slopes) - 1)
    if trace.step is not None and not np.isfinite(trace.noises).any():
        noise = yield from noise_near(x, trace.step)
        bar = max(bar, 4.0 * noise / trace.step) if math.isfinite(noise) else bar
    further = (yield from gradient(x - (length / size) * slope)).value
    change: Floats = further - slope
    if not (np.all(np.isfinite(change)) and norm(change) > 10.0 * math.sqrt(x.size) * bar):
        return math.nan, math.nan
    return norm(change) / length, -float(change @ (slope / size)) / length
