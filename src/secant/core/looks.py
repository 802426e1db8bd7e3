"""Looks: slopes of f along chosen lines, each with the values that it excludes, and how a claim compares.

Theory. Whoever claims a gradient g claims that f has the slope ``g @ u`` along every line u. A slope with an error bar
refutes that when it is farther away than the bar and the rounding of g explain; a kink refutes what lies outside of
its two slopes; a slope that is unresolved, or none, refutes nothing.

* Directions have a weight between 1/2 and 3/2 with a random sign for each entry, in units of its ``scale``: no entry is
  left out, and mistakes of two entries do not cancel as they do half the time under weights of -1 and 1.
* A smaller step can refute a larger one: a slope that was not resolved is asked for again nearer to x.
* Bars are about two standard deviations. At ``BARS`` of them a clean slope is out once in thousands of lines; the more
  lines are looked at together, the farther out a slope has to be (in the spirit of S. Holm, 1979).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf, isfinite, isnan, log10
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secant.core.ladder import Line
from secant.core.operators import Slopes, lines
from secant.core.request import UNIT_ROUNDOFF, Core, Floats, Request
from secant.core.results import Slope
from secant.core.verdicts import Verdict

Indices = NDArray[np.intp]
Flags = NDArray[np.bool_]

#: Bars that a slope may be away before it refutes a claim; more by the decades of lines that are looked at together.
BARS, DECADE = 3.0, 0.5
#: Lines stop here: mistakes of a millionth of an entry show, and the last digits cost four evaluations more.
RTOL = 1e-10
#: Evaluations a line may cost, and without which none is begun.
MOST, LEAST = 40, 9
#: How near to x an unresolved slope is asked for again, as a share of the first step's length.
NEARER = (2.0**-12, 2.0**-22)
#: Entries of a leaf from which on none counts as smaller than this share of the usual one.
MANY, SHARE = 16, 0.01

#: A speck, as a share of x's size, and f as good as still there: off its slope by less than this share of what was
#: taken for noise.
SPECK, STILL = 2.0**-26, 0.05

#: A slope of so many bars at most is as good as 0; f may bend over one part in so many of x.
LEVEL, BENT = 4.0, 2.0**12

#: What a look may be: a slope, two one-sided slopes, or nothing that refutes a claim.
SLOPE, KINK, UNKNOWN = 0, 1, 2
#: A slope whose bar is this share of it, or that spent all but so many of its evaluations, may do better nearer to x;
#: it does when the bar shrinks to a tenth.
POOR, SPENT, BETTER = 1e-4, 4, 0.1


@dataclass(frozen=True, slots=True)
class Space:
    """The point, and how far each of its n entries may move.

    ``scale`` is the length over which an entry is looked at, ``eps`` the roundoff of each entry and ``rounder`` its
    rounding; ``below`` and ``above`` are the distances to the bounds. ``leaves`` are the (start, shape) of the parts of
    x, empty when only some of their entries vary.
    """

    base: Floats
    scale: Floats
    eps: Floats
    rounder: Callable[[int], Callable[[float], float] | None]
    below: Floats
    above: Floats
    max_step: float = inf
    noise: float = 0.0
    leaves: tuple[tuple[int, tuple[int, ...]], ...] = ()


@dataclass(slots=True)
class Purse:
    """Evaluations that may be made, and that were made; ``eps`` is the roundoff of the values that came."""

    most: int
    spent: int = 0
    eps: float = UNIT_ROUNDOFF

    @property
    def left(self) -> int:
        """How many are left."""
        return self.most - self.spent


@dataclass(frozen=True, slots=True)
class Looks:
    """What was seen along k lines for m outputs: arrays (k, m), the ``slopes`` themselves as an array of objects."""

    low: Floats
    high: Floats
    bar: Floats
    kind: NDArray[np.int8]
    slopes: Any

    @property
    def noisy(self) -> bool:
        """Whether noise set any of the bars."""
        return any(slope.verdict is Verdict.NOISY for slope in self.slopes.flat)


def scales(base: Floats, leaves: Sequence[tuple[int, tuple[int, ...]]]) -> Floats:
    """Return the length over which each entry is looked at: its own size, as far as that tells anything.

    An entry of 0 has the size of the others, at most 1; one of a large leaf is not much smaller than they are.

    >>> scales(np.array([0.0, 3.0, -1e-8]), [(0, (3,))])
    array([1.e+00, 3.e+00, 1.e-08])
    """
    size = np.abs(base)
    usual = float(np.median(size[size > 0.0])) if size.any() else 1.0
    found = np.where(size > 0.0, size, min(usual, 1.0))
    for start, shape in leaves:
        part = found[start : start + int(np.prod(shape))]
        if part.size >= MANY:
            np.maximum(part, SHARE * np.median(part), out=part)
    return found


def direction(space: Space, chosen: Indices, rng: np.random.Generator) -> Floats:
    """Return a random direction that moves the chosen entries and no others, into the bounds where there are any."""
    weight = rng.uniform(0.5, 1.5, chosen.size) * rng.choice((-1.0, 1.0), chosen.size)
    scale, below, above = space.scale[chosen], space.below[chosen], space.above[chosen]
    weight = np.where(below < 1e-3 * scale, np.abs(weight), weight)
    weight = np.where(above < 1e-3 * scale, -np.abs(weight), weight)
    weight[(below == 0.0) & (above == 0.0)] = 0.0
    vector = np.zeros(space.base.size)
    vector[chosen] = weight * scale
    return vector


def line_along(space: Space, u: Floats, budget: int, cap: float, rtol: float) -> Line:
    """Return the line along a direction, no longer than ``cap`` times the scale."""
    moving = np.flatnonzero(u)
    share, base = np.abs(u[moving]), space.base[moving]
    size = np.maximum(np.abs(base), np.where(base == 0.0, 4.0, 1.0) * space.scale[moving])
    rising = u[moving] > 0.0
    up, down = space.above[moving] / share, space.below[moving] / share
    eps = space.eps[moving]
    length = float((size / share).min())
    return Line(
        0.0,
        length,
        float(np.where(rising, down, up).min()),
        float(np.where(rising, up, down).min()),
        min(float((space.max_step / share).min()), cap * length),
        space.noise,
        rtol,
        budget,
        float(eps.max()),
        None,
        2.0 * float((eps * np.abs(base) / share).max()),
        float((np.abs(base) / share).max()),
    )


def line_at(space: Space, i: int, budget: int, cap: float, rtol: float) -> Line:
    """Return the line of coordinate i."""
    x = space.base.item(i)
    return Line(
        x,
        abs(x),
        float(space.below[i]),
        float(space.above[i]),
        min(space.max_step, cap * float(space.scale[i])),
        space.noise,
        rtol,
        budget,
        float(space.eps[i]),
        space.rounder(i),
    )


def counted(core: Core[Slopes], purse: Purse, chosen: Indices | None = None) -> Core[Slopes]:
    """Run a core, count what it asks for, and translate its lanes into the chosen coordinates."""
    reply: Any = None
    try:
        while True:
            request = core.send(reply)
            purse.spent += len(request.t)
            if chosen is not None:
                lane = np.zeros(len(request.t), dtype=np.intp) if request.lane is None else np.asarray(request.lane)
                request = Request(request.base, chosen[lane], request.t, None, request.repeat)
            reply = yield request
            purse.eps = max(purse.eps, reply.eps)
    except StopIteration as stop:
        found: Slopes = stop.value
        return found


def along(
    space: Space, directions: Floats, fun: Sequence[float], purse: Purse, cap: float = inf, rtol: float = RTOL
) -> Core[Looks]:
    """Look along directions, (k, n); again, nearer to x, at what is not resolved."""

    def ask(which: Indices, within: float) -> Core[Slopes]:
        budget = min(MOST, purse.left // which.size)
        problems = [line_along(space, directions[k], budget, within, rtol) for k in which]
        return (yield from counted(lines(space.base, problems, directions[which], fun), purse))

    def probe(which: Indices) -> Core[Floats]:
        lanes, t = which.repeat(2), np.tile([SPECK, -SPECK], which.size)
        return (yield from _probed(Request(space.base, lanes, t, directions), fun, purse))

    looks = yield from _settled(ask, probe, np.ones(len(directions)), purse, cap)
    return _floored(looks, np.ones(len(directions)), fun, purse.eps)


def at(
    space: Space, chosen: Indices, fun: Sequence[float], purse: Purse, cap: float = inf, rtol: float = RTOL
) -> Core[Looks]:
    """Look along the chosen coordinates; again, nearer to x, at what is not resolved."""

    def ask(which: Indices, within: float) -> Core[Slopes]:
        budget = min(MOST, purse.left // which.size)
        problems = [line_at(space, int(i), budget, within, rtol) for i in chosen[which]]
        return (yield from counted(lines(space.base, problems, None, fun), purse, chosen[which]))

    def probe(which: Indices) -> Core[Floats]:
        lanes = chosen[which].repeat(2)
        t = np.tile([SPECK, -SPECK], which.size) * space.scale[lanes]
        return (yield from _probed(Request(space.base, lanes, t), fun, purse))

    looks = yield from _settled(ask, probe, space.scale[chosen], purse, cap)
    return _floored(looks, space.scale[chosen], fun, purse.eps)


def _probed(request: Request, fun: Sequence[float], purse: Purse) -> Core[Floats]:
    """Return by how much f changes over a speck to either side, (k, 2, m)."""
    purse.spent += len(request.t)
    reply = yield request
    moved: Floats = np.asarray(reply.values).reshape(len(request.t) // 2, 2, -1) - np.asarray(fun)
    return moved


def _still(moved: Floats, slopes: Floats, length: Floats, grain: Floats) -> Flags:
    """Return where f stands still over a speck, but for its slope: what looks like noise is none there, (k, m)."""
    t = (SPECK * length)[:, np.newaxis, np.newaxis] * np.array([1.0, -1.0])[:, np.newaxis]
    with np.errstate(invalid="ignore"):
        near = np.abs(moved - t * slopes[:, np.newaxis]) < STILL * grain[:, np.newaxis]
    still: Flags = np.logical_and(near.all(axis=1), (moved != 0.0).any(axis=1))
    return still


def _settled(
    ask: Callable[[Indices, float], Core[Slopes]],
    probe: Callable[[Indices], Core[Floats]],
    length: Floats,
    purse: Purse,
    cap: float,
) -> Core[Looks]:
    """Ask for slopes, and nearer to x for those that were not resolved.

    What looks like noise may be a thousand kinks, or a ripple: f then stands still over a speck, where noise would
    show. The bar of such a slope is that of noise and means nothing: it is no slope unless it is bettered nearer to x.
    """
    found = read((yield from ask(np.arange(length.size), cap)))
    grain = np.array([[s.noise if s.verdict is Verdict.NOISY else 0.0 for s in row] for row in found.slopes])
    noisy = np.flatnonzero((grain > 0.0).any(axis=1))
    feigned: Flags = np.zeros(grain.shape, dtype=np.bool_)
    if noisy.size and purse.left >= 2 * noisy.size and cap > NEARER[0]:
        moved = yield from probe(noisy)
        feigned[noisy] = _still(moved, found.low[noisy], length[noisy], grain[noisy])
    smooth: Flags = np.any(feigned, axis=1)
    for nearer in NEARER:
        hazy = [any(_hazy(slope) for slope in row) for row in found.slopes]
        which = np.flatnonzero(smooth | hazy)
        if not which.size or purse.left < LEAST * which.size or nearer >= cap:
            break
        closer = read((yield from ask(which, nearer)))
        better = (closer.kind != UNKNOWN) & (found.kind[which] == UNKNOWN)
        better |= (closer.kind == SLOPE) & (found.kind[which] == SLOPE) & (closer.bar < BETTER * found.bar[which])
        # A ripple that looks like noise from afar has another slope, with a bar of its own.
        better |= feigned[which] & _clear(closer)
        for name in ("low", "high", "bar", "kind", "slopes"):
            old = getattr(found, name)
            old[which] = np.where(better, getattr(closer, name), old[which])
        feigned[which] = np.logical_and(feigned[which], ~better)
        smooth = np.any(feigned, axis=1)
    found.kind[feigned], found.bar[feigned] = UNKNOWN, inf
    return found


def _clear(looks: Looks) -> Flags:
    """Return which looks saw a slope, and no noise."""
    quiet = np.array([slope.verdict is not Verdict.NOISY for slope in looks.slopes.flat]).reshape(looks.kind.shape)
    clear: Flags = np.logical_and(looks.kind == SLOPE, quiet)
    return clear


def _floored(looks: Looks, length: Floats, fun: Sequence[float], eps: float) -> Looks:
    """Widen the bars of slopes that are as good as 0 to what f's rounding hides.

    f that stands still over the whole of x and farther may bend over a small part of it, as it does where it saturates:
    that it is flat there says little of its slope here.
    """
    least = BENT * eps * np.abs(np.asarray(fun)) / length[:, np.newaxis]
    level = np.logical_and(looks.kind == SLOPE, np.abs(looks.low) <= LEVEL * looks.bar)
    looks.bar[level] = np.maximum(looks.bar, least)[level]
    return looks


def _hazy(slope: Slope) -> bool:
    """Return whether a second look, nearer to x, may better a slope."""
    if slope.verdict is Verdict.OK:
        return slope.evaluations > MOST - SPENT and slope.error > POOR * abs(slope.value)
    return slope.verdict is Verdict.UNRESOLVED


def read(found: Slopes) -> Looks:
    """Return slopes as looks, line by line."""
    slopes = np.empty((len(found.slopes[0]), len(found.slopes)), dtype=object)
    for output, row in enumerate(found.slopes):
        slopes[:, output] = row
    parts = np.array([_parts(slope) for slope in slopes.flat]).reshape(*slopes.shape, 4)
    return Looks(parts[..., 0], parts[..., 1], parts[..., 2], parts[..., 3].astype(np.int8), slopes)


def _parts(slope: Slope) -> tuple[float, float, float, float]:
    """Return the least and the largest slope that f may be said to have, the bar around them, and the kind."""
    if slope.verdict is Verdict.KINK:
        if isnan(slope.left) or isnan(slope.right):
            return slope.value - slope.error, slope.value + slope.error, 0.0, KINK
        low, high = sorted((slope.left, slope.right))
        return low, high, max(slope.error - 0.5 * (high - low), 0.0), KINK
    if slope.verdict in (Verdict.OK, Verdict.AT_BOUND, Verdict.NOISY) and isfinite(slope.error):
        return slope.value, slope.value, slope.error, SLOPE
    return slope.value, slope.value, inf, UNKNOWN


def tolerance(looks: Looks, slack: Floats, together: int) -> Floats:
    """Return how far from a slope a claim may be, (k, m), when so many lines are looked at together."""
    return (BARS + DECADE * log10(max(together, 1))) * looks.bar + slack


def distance(looks: Looks, claims: Floats) -> Floats:
    """Return how far claims are from the slopes, (k, m): 0 between the slopes of a kink, NaN where there is none."""
    return np.maximum(np.maximum(looks.low - claims, claims - looks.high), 0.0)
