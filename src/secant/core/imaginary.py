"""The complex step: the derivative from one evaluation beside the real axis, and the check that it is one.

Theory. For an analytic f that is real on the real axis, f(x + ih) = f(x) + ih f'(x) - h**2 f''(x) / 2 - ..., so that
Im f(x + ih) / h is f'(x) up to h**2: nothing is subtracted, and h may be so small that nothing is left of the error
(W. Squire and G. Trapp, Using complex variables to estimate derivatives of real functions, SIAM Review 40, 1998).

All of it rests on f being analytic *in its code*. abs, comparisons, max, .real and conjugates take complex numbers
without a complaint and give something else. So the answer is held against real values:

* the real part beside the axis must be f(x);
* with a pair of real evaluations at x - s and x + s, D = (f(x + s) - f(x - s)) / (2 s) is f' + a + b + ..., with
  a = s**2 f''' / 6 and b = s**4 f^(5) / 120; and C = Im f(x + is) / s is f' - a + b - ... Their mean lacks a, and their
  difference tells it; b is at most about 0.3 a**2 / f' for a function with one scale. The answer must be the mean,
  within b and what rounding leaves of a difference over 2 s. Where a is not small, s is made smaller; and where the
  answer is not the mean, for b may be larger: it falls with s**4, and what is not analytic does not.

The bar is the rounding of f', that of the argument inside f (by the second difference, which the pair brings), what the
check saw, and what it could not see: it is far wider than the complex step's own error, because real values cannot
vouch for more. When the check fails the answer is the real pair's, ``unresolved``, with a note.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from math import inf, isfinite, nan

import numpy as np

from secant.core.errors import InputTypeError
from secant.core.ladder import Line
from secant.core.operators import Slopes
from secant.core.request import UNIT_ROUNDOFF, Core, Floats, Reply, Request
from secant.core.results import Slope
from secant.core.verdicts import Verdict

#: The imaginary step, in sizes of x: its square is nothing beside 1, even for a wave of a million periods over x.
SIDEWAYS = 2.0**-60
#: The step of the check, its least and the factor by which it may shrink at once. At 2**-10 the rounding of a
#: difference and the fifth derivative of a function on the scale of x weigh about the same.
CHECK, LEAST, SHRINK = 2.0**-10, 2.0**-44, 2.0**-12
#: So small must the third derivative's share of the pair be, and so often may the step shrink for it.
CLOSE, ROUNDS = 2.0**-20, 4
#: The factor by which the step shrinks when the answer is not the mean: a larger b than expected falls by 256 then.
CLOSER = 0.25
#: The real part may differ by this share: complex arithmetic rounds otherwise than real.
SAME = 2.0**-20
#: A size is taken to be at least this, so that steps are no subnormal numbers.
TINY = 2.0**-900
#: Evaluations of a line beyond f at the point: without any shrinking, and the most.
USUAL, MOST = 4, 1 + 3 * (ROUNDS + 1)


@dataclass(slots=True)
class _Look:
    """What the check saw along one line, by output: (m,) arrays."""

    s: float
    pair: Floats
    aside: Floats
    bend: Floats
    largest: Floats


def complex_step(
    base: Floats,
    problems: Sequence[Line],
    directions: Floats | None = None,
    step: float = 0.0,
    budget: float = inf,
) -> Core[Slopes]:
    """Differentiate along lines by the complex step (of ``step``, when it is not 0), checked on real values.

    It takes f at the point and four evaluations a line; three more each time the step of a check has to shrink, as long
    as the ``budget`` allows.

    Raises
    ------
    InputTypeError : when f is complex on the real axis.

    Verdicts: ``ok`` and ``unresolved``; the method is Squire and Trapp's (1998).

    >>> from secant.core.request import run
    >>> def square(request):
    ...     x = np.array([1.5 + (1j * t if request.imaginary else t) for t in request.t])
    ...     return Reply(x * x)
    >>> run(complex_step(np.array([1.5]), [Line(1.5, 1.5)]), square).slopes[0][0].value
    3.0
    """
    reply = yield Request(base, None, (0.0,), directions)
    fun = _table(reply)[0]
    if np.iscomplexobj(fun):
        raise InputTypeError("`method='complex'` needs an f that is real for real x; it returned a complex number")
    sizes = [max(line.size or 1.0, TINY) for line in problems]
    h = np.array([step or size * SIDEWAYS for size in sizes])
    lane = np.arange(len(problems))
    beside = _table((yield Request(base, lane, h, directions, imaginary=True)))
    slopes = beside.imag / h[:, None]
    looks: list[_Look | None] = [None] * len(problems)
    steps = [
        min(size * CHECK, line.below, line.above, line.max_step) for size, line in zip(sizes, problems, strict=True)
    ]
    open_lanes = [index for index, s in enumerate(steps) if s >= sizes[index] * LEAST]
    left = budget - 1 - len(problems)
    spent = [2] * len(problems)
    for _ in range(ROUNDS + 1):
        open_lanes = open_lanes[: max(0, int(min(left, 3 * len(open_lanes))) // 3)]
        if not open_lanes:
            break
        left -= 3 * len(open_lanes)
        found = yield from _look(base, open_lanes, [steps[index] for index in open_lanes], directions, fun)
        again = []
        for index, look in zip(open_lanes, found, strict=True):
            spent[index] += 3
            before = looks[index]
            if look is not None and before is not None and _third(look) > 0.5 * _third(before):
                continue  # it is no third derivative that stands between the two, and will not go away
            looks[index] = look or before
            smaller = _smaller(look, slopes[index])
            if smaller == 1.0 and look is not None and _off(problems[index], sizes[index], slopes[index], look):
                smaller = CLOSER
            if smaller < 1.0 and steps[index] * smaller >= sizes[index] * LEAST:
                steps[index] *= smaller
                again.append(index)
        open_lanes = again
    rows = []
    for output in range(fun.size):
        row = []
        for index, line in enumerate(problems):
            same, value = abs(beside[index, output].real - fun[output]), float(slopes[index, output])
            judged = _judged(
                line.of(output), sizes[index], value, float(same), float(fun[output]), looks[index], output
            )
            row.append(_with(judged, spent[index], float(h[index])))
        rows.append(tuple(row))
    return Slopes(tuple(rows), tuple(fun.tolist()))


def _table(reply: Reply) -> Floats:
    """Return a reply's values, a row for each point; NaN where there is none."""
    values = np.asarray(reply.values)
    return values.reshape(len(values), -1)


def _look(
    base: Floats, lanes: list[int], steps: list[float], directions: Floats | None, fun: Floats
) -> Generator[Request, Reply, list[_Look | None]]:
    """Evaluate a pair, and once beside the axis, at a step along each lane; None where a value is not finite."""
    lane, s = np.array(lanes), np.array(steps)
    reply = yield Request(base, np.tile(lane, 2), np.concatenate([s, -s]), directions)
    right, left = _table(reply).reshape(2, len(lanes), -1)
    aside = _table((yield Request(base, lane, s, directions, imaginary=True))).imag / s[:, None]
    looks: list[_Look | None] = []
    for j in range(len(lanes)):
        if not np.isfinite(right[j] + left[j] + aside[j]).all():
            looks.append(None)
            continue
        pair = (right[j] - left[j]) / (2.0 * s[j])
        bend = (right[j] - 2.0 * fun + left[j]) / s[j] / s[j]
        largest = np.max(np.abs([right[j], left[j], fun]), axis=0)
        looks.append(_Look(float(s[j]), pair, aside[j], bend, largest))
    return looks


def _third(look: _Look) -> float:
    """Return the largest share of the third derivative that a look saw."""
    return float(np.max(np.abs(look.pair - look.aside)))


def _smaller(look: _Look | None, slope: Floats) -> float:
    """Return by how much the step of the check should shrink; 1 when it is small enough."""
    if look is None:
        return SHRINK
    share = 0.0
    for output, value in enumerate(slope.tolist()):
        third = 0.5 * abs(float(look.pair[output] - look.aside[output]))
        rounding = 8.0 * UNIT_ROUNDOFF * float(look.largest[output]) / look.s
        size = max(abs(value), abs(float(look.pair[output])))
        if third > max(CLOSE * size, rounding):
            share = max(share, third / size)
    return 1.0 if share == 0.0 else float(min(0.5, max(SHRINK, (0.5 * CLOSE / share) ** 0.5)))


@dataclass(slots=True)
class _Gap:
    """How far an answer is from the mean, and what may explain that: values' rounding, arguments', and b."""

    off: float
    values: float
    arguments: float
    fifth: float

    @property
    def explained(self) -> bool:
        return self.off <= self.values + self.arguments + self.fifth


def _gap(line: Line, size: float, slope: float, look: _Look, output: int) -> _Gap:
    """Hold one answer against the mean of what a look saw."""
    pair, aside = float(look.pair[output]), float(look.aside[output])
    third = 0.5 * abs(pair - aside)
    fifth = min(third, 0.6 * third * third / abs(slope)) if slope else 0.0
    # What rounding leaves of the difference: that of the values, and that of x + s and of arguments inside f.
    values = (4.0 * UNIT_ROUNDOFF * float(look.largest[output]) + 2.0 * line.noise) / look.s
    arguments = 4.0 * UNIT_ROUNDOFF * max(size, line.argument) * abs(pair) / look.s
    return _Gap(abs(0.5 * (pair + aside) - slope), values, arguments, fifth)


def _off(line: Line, size: float, slope: Floats, look: _Look) -> bool:
    """Return whether the answer of any output is not what the look lets expect."""
    return not all(
        _gap(line.of(output), size, value, look, output).explained for output, value in enumerate(slope.tolist())
    )


def _judged(line: Line, size: float, slope: float, same: float, fun: float, look: _Look | None, output: int) -> Slope:
    """Hold one answer against the real values."""
    if look is None:
        note = "there was no room, or no finite value, to check the complex step on real values"
        return Slope(slope if isfinite(slope) else nan, inf, Verdict.UNRESOLVED, note=note)
    pair, bend = float(look.pair[output]), abs(float(look.bend[output]))
    third = 0.5 * abs(pair - float(look.aside[output]))
    gap = _gap(line, size, slope, look, output)
    real = same <= SAME * (abs(fun) + size * abs(slope)) + line.noise
    if real and gap.explained:
        rounding = UNIT_ROUNDOFF * (4.0 * abs(slope) + 2.0 * max(size, line.argument) * bend)
        bar = rounding + gap.values + gap.arguments + gap.fifth + gap.off
        return Slope(slope, bar, Verdict.OK, noise=line.noise or nan, reach=look.s)
    told = f"the complex step says {slope:.6g}, real values say {pair:.6g}"
    if real is False and gap.explained:
        told = f"beside the real axis f is not what it is on it (by {same:.2g})"
    note = (
        f"{told}: something in f is not analytic (abs, max, a comparison, .real, a branch cut) or random; other "
        "methods do not need that"
    )
    return Slope(pair, 2.0 * gap.off + third + bend * look.s + gap.values, Verdict.UNRESOLVED, reach=look.s, note=note)


def _with(slope: Slope, evaluations: int, step: float) -> Slope:
    from dataclasses import replace

    return replace(slope, evaluations=evaluations, step=step)
