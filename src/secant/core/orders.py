"""Derivatives of higher order along one line: the line core's judgement, other coefficients.

A pair at step h knows more than a slope: its odd part carries the derivatives of order 1, 3, 5, ..., its even part
those of order 2, 4, 6, ... So the ladder, and all that is asked when it fails (:mod:`secant.core.line`), are those of
the first derivative, and only then the coefficient that is wanted is taken. Rules:

* A derivative of order p leaves ``sigma / h**p`` of f's noise. Larger steps pay for longer, and once the largest that
  does is known, a few more pairs close below it pay as well (:mod:`secant.core.windows`).
* A kink, a jump or an end of the domain is one for every order. Beyond that, f may be smooth enough for a slope and
  have no p-th derivative: what is left of an even or odd part after extrapolation then follows one power of h, and the
  power is at most p (``_power``). At the power p itself the derivatives of the two sides exist and differ.
* The parity that is not wanted has a say all the same: |x|**3 has an odd part of nothing, and no third derivative.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field, replace
from functools import partial
from math import inf, isfinite, log2, nan

from secant.core import edges, higher, line, probes
from secant.core.edges import Ended, side_value
from secant.core.extrapolate import ENOUGH, MARGIN, NOISE, Pick, descend
from secant.core.ladder import Ladder, Line, Steps, Values, Work, difference, evaluate, moved, parts, step_near
from secant.core.line import FIRST, LADDERS, Rules
from secant.core.refine import EXTRA, in_units, quantum
from secant.core.request import UNIT_ROUNDOFF
from secant.core.results import Slope
from secant.core.scale import Start, bend_step
from secant.core.tableau import EVEN, ODD, Rows, append
from secant.core.verdicts import Verdict
from secant.core.windows import EVEN_PART, ODD_PART, SIDE_PART, Data, Window, best_window, plain_spread

#: Larger steps that are tried: the most, and the most while the derivative cannot be told from 0. What is too small to
#: be seen may have any scale, and larger steps would only miss it.
CLIMBS, BLIND_CLIMBS = 8, 3
#: Extra pairs as shares of the largest step that pays, for orders above the second.
AROUND = (1.3125, 0.75, 1.09375, 0.875, 0.625)
#: A line that may add larger steps up to so many pairs may add some close to the largest as well.
UNLIMITED = 40
#: Powers of h are told apart to this, and are that much at least: what is lower is a jump, or noise.
#: Without smaller steps to look at, a claim needs ``SURE_POWER``: noise seldom falls so fast three times.
POWER, LEAST_POWER, SURE_POWER = 0.1, 0.41, 1.4
#: Spacing of the powers that are tried, and octaves by which three rows may miss one.
GRID, MISFIT = 0.05, 0.1
#: What smaller steps may miss of what is expected of them.
REPRODUCED = 0.2


@dataclass(frozen=True, slots=True)
class Point:
    """A step as it was taken, in units, with differences over it and over its square, and the largest value there."""

    step: float
    odd: float
    even: float
    size: float


@dataclass(slots=True)
class Seen:
    """The points of a ladder, largest first, on both sides (``side`` 0) or on one, and the largest nominal step."""

    unit: float
    top: float
    side: float
    sigma: float
    rounding: float
    rtol: float = 0.0
    points: list[Point] = field(default_factory=list)

    def data(self, order: int, which: str = "") -> Data:
        """Return what the points tell of a derivative of an order: its own part, or the ``other`` one."""
        own = (SIDE_PART if self.side else ODD_PART if order % 2 else EVEN_PART) if not which else None
        part = own or (EVEN_PART if order % 2 else ODD_PART)
        last = self.points[-1].size if self.points else 0.0
        return Data(
            part,
            [point.step for point in self.points],
            [point.even if part is EVEN_PART else point.odd for point in self.points],
            [self.sigma * max(point.size / last, 1.0) if last else self.sigma for point in self.points],
        )

    def add(self, work: Work, *steps: float) -> Generator[Steps, Values, bool]:
        """Evaluate at nominal steps, in one round where that can be; return whether f is finite at all of them."""
        fun, unit, count = abs(work.fun), self.unit, len(self.points)
        if self.side:
            for h in steps:
                value = yield from side_value(work, h, self.side)
                if isfinite(value):
                    gap, step = difference(work, h, self.side, value)
                    self.points.append(Point(step / unit, gap / (step / unit), nan, max(abs(value), fun)))
        else:
            yield from evaluate(work, *steps)
            for h, a, b in work.pairs[-len(steps) :]:
                if isfinite(a) and isfinite(b):
                    odd, even, step = parts(work, h, a, b)
                    s = step / unit
                    self.points.append(Point(s, odd / s, even / (s * s), max(abs(a), abs(b), fun)))
        self.points.sort(key=lambda point: -point.step)
        whole = len(self.points) == count + len(steps)
        if whole:
            self.top = max(self.top, *steps)
        return whole


def differentiate(line_: Line, asked: Steps, values: Values, u: float) -> Generator[Steps, Values, Slope]:
    """Return the line core for the line's order, the first included; its opening was asked and answered."""
    if line_.order == 1:
        return line.differentiate(line_, asked, values, u, FIRST)
    if line_.noise and higher.serves(line_, asked, values, u):
        return higher.derivative(line_, asked, values, u)
    return higher.unclaimed(line.differentiate(line_, asked, values, u, HIGHER), values, u, line_.noise)


def settle(work: Work, ladder: Ladder) -> Generator[Steps, Values, Slope]:
    """Judge a ladder as for a slope, start others where it points, and take the coefficient when one is sound."""
    best = Pick(nan, inf, 0, 0, nan, nan)
    claim: Slope | None = None
    rtol = work.line.rtol
    for _ in range(LADDERS):
        reason, best = yield from descend(work, ladder)
        if reason == "rtol":
            # The slope is known as well as is asked; this derivative may not be.
            seen = _seen(ladder, best, rtol)
            found = _best(work, seen)
            if _enough(work, seen, found):
                return _answer(work, seen, found, None)
            work.line = replace(work.line, rtol=0.0)
            reason, best = yield from descend(work, ladder)
        if reason == "edge":
            return (yield from line.edge(work, HIGHER))
        if probes.kinked(ladder, best):
            kink = yield from probes.kink(work, ladder, best)
            if kink is not None:
                return _no_derivative(kink, "the slope itself is different on the two sides")
        if reason == "still":
            return (yield from line.still(work, ladder, ladder.bottom, HIGHER))
        if ladder.odd[-1][1] == ladder.odd[-1][0] and quantum(work):
            return (yield from line.rounded(work, ladder))
        if reason in ("floor", "small"):
            start = Start() if reason != "small" else (yield from line.larger(work, ladder, best))
            # That f is straight over far larger steps as well says nothing of its curvature here.
            step = start.step if start.slope is None else 0.0
            further = (yield from line.begin(work, step or _bend(work, ladder, best))) if work.left() >= 6 else None
            if further is None:
                return (yield from _concluded(work, ladder, best, rtol))
        else:
            singular = (yield from _singular(work, ladder, best, rtol)) if claim is None else None
            if singular is not None:
                return singular
            outcome = yield from probes.diagnose(work, ladder, best, reason, claim)
            claim = outcome.slope
            further = (yield from line.begin(work, outcome.step)) if outcome.step else None
            if further is None:
                return (yield from _diagnosed(work, ladder, best, rtol, claim))
        ladder = further
    return (yield from _concluded(work, ladder, best, rtol, Verdict.UNRESOLVED))


def _bend(work: Work, ladder: Ladder, best: Pick) -> float:
    """Return a far larger step when the derivative cannot be seen at the ladder's, but f's curvature can; else 0."""
    found = _best(work, _seen(ladder, best, 0.0))
    even = abs(ladder.even[0][0] * ladder.s[0] ** 2)
    if not abs(found.value) <= found.bar or even <= 30.0 * best.rounding:
        return 0.0
    step = bend_step(ladder.top, abs(ladder.odd[0][0] * ladder.s[0]), even)
    return step if step > 4.0 * ladder.top else 0.0


def _diagnosed(work: Work, ladder: Ladder, best: Pick, rtol: float, claim: Slope) -> Generator[Steps, Values, Slope]:
    """Say what the diagnosis of a ladder that did not settle means for a derivative of higher order."""
    if claim.verdict in (Verdict.JUMP, Verdict.UNDEFINED):
        return claim
    if claim.verdict is Verdict.NOISY:
        # Where the noise is hardly more than rounding, the fits lose more than extrapolation takes.
        seen = _seen(ladder, best, rtol)
        own = _answer(work, seen, _best(work, seen), Verdict.NOISY)
        return own if own.error < 0.1 * claim.error else claim
    if claim.verdict is Verdict.OK:
        if claim.step == claim.reach:
            return replace(_straight(work, claim), verdict=Verdict.UNRESOLVED)
        return (yield from _concluded(work, ladder, best, rtol))
    return (yield from _concluded(work, ladder, best, rtol, Verdict.UNRESOLVED))


def _no_derivative(seen: Slope, note: str) -> Slope:
    return Slope(nan, inf, Verdict.UNDEFINED, noise=seen.noise, step=seen.step, reach=seen.reach, note=note)


def _straight(work: Work, slope: Slope) -> Slope:
    """Return the derivative, 0, of a function that is a straight line as far as it could be followed."""
    order = work.line.order
    error = in_units(2.0**order * max(30.0 * slope.noise, slope.error * slope.reach), slope.reach, order)
    return replace(slope, value=0.0, error=error)


def _concluded(
    work: Work, ladder: Ladder, best: Pick, rtol: float, verdict: Verdict | None = None
) -> Generator[Steps, Values, Slope]:
    """Take the coefficient from a ladder, with more steps where they pay."""
    seen = _seen(ladder, best, rtol)
    if verdict is Verdict.UNRESOLVED:
        found = _best(work, seen)
        spread = plain_spread(seen.data(work.line.order), _place(work.line.order, 0.0), found)
        return _answer(work, seen, replace(found, bar=max(2.0 * found.bar, 2.0 * spread)), verdict)
    return (yield from _widened(work, seen, verdict))


def _seen(ladder: Ladder, best: Pick, rtol: float) -> Seen:
    points = [
        Point(s, odd[0], even[0], size)
        for s, odd, even, size in zip(ladder.s, ladder.odd, ladder.even, ladder.largest, strict=True)
    ]
    return Seen(ladder.unit, ladder.top, 0.0, best.sigma, best.rounding, rtol, points)


def _best(work: Work, seen: Seen, top_only: bool = False) -> Window:
    order = work.line.order
    other = None if seen.side else seen.data(order, "other")
    return best_window(seen.data(order), _place(order, seen.side), work.u, other, top_only=top_only)


def _place(order: int, side: float) -> int:
    """Return which coefficient of the data belongs to an order."""
    return order - 1 if side else (order - 1) // 2


def _widened(work: Work, seen: Seen, verdict: Verdict | None) -> Generator[Steps, Values, Slope]:
    """Add larger steps while they pay, then some close below the largest that did."""
    limits = work.line
    room = limits.reach
    if seen.side:
        room = limits.nominal(min(limits.above if seen.side > 0.0 else limits.below, limits.max_step))
    cost = 1 if seen.side else 2
    best = _best(work, seen)
    top = seen.top * 0.5**best.top
    around = AROUND if best.top and work.line.order > 2 else EXTRA
    for climb in range(CLIMBS):
        if (
            len(seen.points) >= limits.pairs
            or best.top
            or best.noise < 0.5 * best.bar
            or _enough(work, seen, best)
            or work.left() < cost
        ):
            break
        if (climb >= BLIND_CLIMBS and abs(best.value) <= best.bar) or 2.0 * seen.top > room:
            break
        before = list(seen.points)
        if not (yield from seen.add(work, 2.0 * seen.top)):
            break
        best = _again(best, before, seen)
        new = _best(work, seen, top_only=True)
        if not new.bar < best.bar or abs(new.value - best.value) > new.bar + best.bar:
            break
        top = seen.top
        improved, best = new.bar <= 0.75 * best.bar, new
        if not improved:
            break
    first = best
    if limits.pairs >= UNLIMITED and not _enough(work, seen, best):
        # Beyond the largest step that pays only where f has been seen already.
        shares = around[: max(0, work.left() // cost)]
        before = list(seen.points)
        if shares and (yield from seen.add(work, *(share * top for share in shares))):
            best = _best(work, seen)
        else:
            best = _again(best, before, seen)
    if abs(best.value - first.value) > best.bar + first.bar:
        best = replace(best, bar=best.bar + abs(best.value - first.value))
    return _answer(work, seen, best, verdict)


def _again(best: Window, before: list[Point], seen: Seen) -> Window:
    """Return a window with the places that its two ends have now that there are more points."""
    top, bottom = (seen.points.index(before[end]) for end in (best.top, best.bottom))
    return replace(best, top=top, bottom=bottom)


def _enough(work: Work, seen: Seen, best: Window) -> bool:
    return best.bar <= max(seen.rtol, ENOUGH * work.u) * abs(best.value)


def _answer(work: Work, seen: Seen, best: Window, verdict: Verdict | None) -> Slope:
    """Turn a window into a derivative."""
    order, bar = work.line.order, best.bar
    if not isfinite(bar):
        return Slope(nan, inf, Verdict.UNRESOLVED, noise=seen.sigma, note="too few evaluations for this order")
    lowest = seen.points[best.bottom].step
    value = in_units(best.value, seen.unit, order)
    error = MARGIN * in_units(bar, seen.unit, order)
    if seen.side and order % 2 == 0:
        # Here the coefficient is not that of a sum of two sides; and to the left the powers of the step alternate.
        value, error = 2.0 * seen.side * value, 2.0 * error
    usual = NOISE * max(seen.rounding, UNIT_ROUNDOFF * max(point.size for point in seen.points))
    noisy = seen.sigma > usual and error > 1024.0 * UNIT_ROUNDOFF * abs(value)
    if not isfinite(error):
        verdict = Verdict.UNRESOLVED
    if verdict is None:
        verdict = Verdict.NOISY if noisy else Verdict.AT_BOUND if seen.side else Verdict.OK
    return Slope(
        value,
        error,
        verdict,
        noise=seen.sigma,
        step=seen.unit * lowest,
        reach=seen.unit * seen.points[best.top].step,
        left=value if seen.side < 0.0 else nan,
        right=value if seen.side > 0.0 else nan,
    )


def _from_one_side(work: Work, ended: Ended) -> Generator[Steps, Values, Slope]:
    """Take the coefficient from a one-sided ladder."""
    fun = abs(work.fun)
    points = [Point(s, row[0], nan, fun + abs(row[0]) * s) for s, row in zip(ended.s, ended.rows, strict=True)]
    pick, top = ended.pick, ended.top
    seen = Seen(top, top, ended.side, pick.sigma, pick.rounding, work.line.rtol, points)
    if ended.reason == "floor":
        return (yield from _widened(work, seen, None))
    return _answer(work, seen, _best(work, seen), None)


def _short(work: Work, nominal: float, asked: Steps, values: Values) -> Slope:
    """Return what one or two pairs say; nothing could be checked."""
    note = "the evaluations allowed, or the room for a step, left nothing to check with"
    if len(asked) < 3:
        return Slope(nan, inf, Verdict.UNRESOLVED, note=note)
    known = dict(zip(asked, values, strict=True))
    seen = Seen(nominal, nominal, 0.0, work.rounding(0.0, nominal, max(map(abs, values)))[1], 0.0)
    for row in (0, 1):
        t = moved(work.line, nominal * 0.5**row)
        if t in known and -t in known and isfinite(known[t] + known[-t]):
            odd, even, step = parts(work, nominal * 0.5**row, known[t], known[-t])
            s = step / nominal
            seen.points.append(Point(s, odd / s, even / (s * s), abs(work.fun)))
    found = _answer(work, seen, _best(work, seen), Verdict.UNRESOLVED)
    return replace(found, error=2.0 * found.error, note=note)


#: The rules of derivatives of higher order.
HIGHER = Rules(settle, partial(edges.side_ladder, conclude=_from_one_side), _short)


def _singular(work: Work, ladder: Ladder, best: Pick, rtol: float) -> Generator[Steps, Values, Slope | None]:
    """Return the verdict on a function whose parts follow a power of h that is too low for the order, else None.

    Where the power is not much above the order, the derivative exists, but extrapolation brings it no nearer. The claim
    must be reproduced by far smaller steps, as far as the power still stands above the rounding there.
    """
    order = work.line.order
    for which in (order % 2, 1 - order % 2):
        power = _power(order, ladder, best, which)
        if not power > 0.0:
            continue
        bottom, left = ladder.bottom, _left(ladder, which, len(ladder.s) - 3)
        visible = bottom * (100.0 * best.rounding / left) ** (1.0 / power)
        h = step_near(max(4.0 * visible, 16.0 * work.line.smallest))
        if h <= 0.25 * bottom:
            closer = yield from line.begin(work, h)
            if closer is None:
                return None
            share = _alone(closer.s, power, which, 2)[-1] / _alone(ladder.s, power, which, 2)[-1]
            expected = _left(ladder, which, 2) * share * (closer.unit / ladder.unit) ** power
            if not abs(_left(closer, which, 2) - expected) <= REPRODUCED * expected:
                return None
        elif power < SURE_POWER:
            return None
        if power > order + POWER:
            return (yield from _concluded(work, ladder, best, rtol, Verdict.UNRESOLVED))
        if power >= order - POWER and which == order % 2:
            return _two_sided(work, ladder, best)
        note = f"near x a part of f moves like the step to the power {power:.2g}"
        return Slope(nan, inf, Verdict.UNDEFINED, noise=best.rounding, note=note)
    return None


def _left(ladder: Ladder, which: int, k: int, j: int = -1) -> float:
    """Return what is left of the odd (0) or even (1) part of row j after k - 1 extrapolations, in units of f."""
    row, s = (ladder.odd, ladder.even)[which][j], ladder.s[j]
    return abs(row[k] - row[k - 1]) * (s * s if which else s)


def _power(order: int, ladder: Ladder, best: Pick, which: int) -> float:
    """Return the power of h, up to the order and two more, that the last rows of a part follow; NaN if there is none.

    Steps are not halved exactly, so what a power would leave is computed for the steps as they are.
    """
    last, k, steps = len(ladder.s) - 1, len(ladder.s) - 3, ladder.s
    left = [_left(ladder, which, k, j) for j in (last - 2, last - 1, last)] if k > 1 else [0.0]
    if min(left) <= 4.0 * best.rounding:
        return nan
    # A grid that spares whole numbers: some of them leave nothing.
    grid = [LEAST_POWER + GRID * index for index in range(int((order + 2.1 - LEAST_POWER) / GRID) + 1)]
    power = min(grid, key=lambda power: _misfit(steps, left, power, which, k))
    for step in (0.25 * GRID, 0.0625 * GRID):
        near = [power + index * step for index in range(-4, 5)]
        power = min(near, key=lambda power: _misfit(steps, left, power, which, k))
    return power if _misfit(steps, left, power, which, k) <= MISFIT else nan


def _misfit(steps: list[float], left: list[float], power: float, which: int, k: int) -> float:
    """Return how far the last three rows are from a power of h, in octaves."""
    expected = _alone(steps, power, which, k)[-3:]
    if min(expected) == 0.0:
        return inf
    shares = [log2(mine / its) for mine, its in zip(left, expected, strict=True)]
    return max(shares) - min(shares)


def _alone(steps: list[float], power: float, which: int, k: int) -> list[float]:
    """Return what is left of a power of the step alone after k - 1 extrapolations, row by row from row k on."""
    rows: Rows = []
    for index, s in enumerate(steps):
        append(rows, steps[: index + 1], s ** (power - 1.0 - which), EVEN if which else ODD)
    return [abs(row[k] - row[k - 1]) * s ** (1.0 + which) for row, s in zip(rows[k:], steps[k:], strict=True)]


def _two_sided(work: Work, ladder: Ladder, best: Pick) -> Slope:
    """Return the derivatives of both sides, from the values of the ladder."""
    ends = []
    for side in (1.0, -1.0):
        seen = Seen(ladder.unit, ladder.top, side, best.rounding, best.rounding)
        seen.points = [
            # To the left the step is negative, and so is the difference over it.
            Point(s, odd[0] + side * 0.5 * even[0] * s, nan, size)
            for s, odd, even, size in zip(ladder.s, ladder.odd, ladder.even, ladder.largest, strict=True)
        ]
        ends.append(_answer(work, seen, _best(work, seen), None))
    right, left = ends
    error = (0.5 + 1e-7) * abs(right.value - left.value) + max(left.error, right.error)
    return Slope(
        0.5 * (left.value + right.value),
        error,
        Verdict.KINK,
        noise=best.rounding,
        step=right.step,
        reach=right.reach,
        left=left.value,
        right=right.value,
        note=f"these are derivatives of order {work.line.order}",
    )
