"""Studies of f around a point: the error of a fixed-step difference against its step, and the noise of its values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from math import inf, isfinite
from typing import Any, Unpack

import numpy as np

from secant._api.answers import answered, by_output
from secant._api.derivatives import core_for
from secant._api.lines import coordinate_lines
from secant._api.options import PLAIN, real, whole
from secant._api.question import question
from secant.core.errors import InputError, InputTypeError, kind_of
from secant.core.ladder import Line
from secant.core.measures import Noise
from secant.core.noise import measure, spacings
from secant.core.operators import fixed
from secant.core.request import run
from secant.core.results import StepStudy
from secant.core.stencils import CENTRAL
from secant.evaluation.how import Evaluation, checked
from secant.evaluation.watch import watched

#: Notes on the noise of several outputs, at most.
SAID = 4
#: The steps of the notes: far too small (10e-50), and the one they settle on.
NOTES = {"10e-50": 1e-49, "1e-4": 1e-4}

#: Ways of evaluating that are no use to a study: half of one says nothing.
OTHERS = ("deadline", "inplace")


def steps(
    f: Callable[..., Any],
    x: Any,
    *,
    steps: Sequence[float] | None = None,
    truth: float | None = None,
    args: tuple[Any, ...] = (),
    **how: Unpack[Evaluation],
) -> StepStudy:
    """Measure the central difference of f at many steps, against secant's own answer.

    Parameters
    ----------
    f : called as ``f(x, *args)``; returns one real number.
    x : a real number.
    steps : the steps to try, positive; by default 1e-49, and a third of a decade apart from 1e-16 to 1 (times |x| when
        |x| is above 1).
    truth : the derivative when it is known; errors are taken from it, else from secant's estimate.
    how : how f is evaluated, see :class:`Evaluation`; without a deadline.

    Returns
    -------
    StepStudy: steps, differences, errors, secant's estimate, the best step, and the steps to point at.

    >>> import math
    >>> study = steps(math.exp, 1.0)
    >>> 1e-6 < study.best < 1e-4
    True
    """
    given = _checked(steps)
    known = None if truth is None else real("truth", truth, -inf, "a finite number")
    asked = question("steps", PLAIN, steps=given or ()) if how else {}
    with watched(f, x, checked(how, _STUDY, OTHERS), args=args, **asked) as watch:
        evaluator = watch.evaluator
        if not evaluator.layout.scalar:
            raise InputTypeError(f"`x` must be a single number; got {kind_of(x)} of {evaluator.layout.size} entries")
        problems = coordinate_lines(PLAIN, evaluator.base, evaluator.layout)
        core = core_for(PLAIN, evaluator.base, problems)
        estimate = by_output(watch, answered(watch, PLAIN, core, problems), False)
        if estimate.stopped:
            raise KeyboardInterrupt  # nothing else could have stopped it, and a study needs the whole answer
        if evaluator.value_shape or evaluator.complex_values:
            raise InputTypeError("`f` must return one real number for `steps`")
        size = max(1.0, abs(evaluator.base.item(0)))
        chosen = given if given is not None else [1e-49, *(size * 10.0 ** (third / 3.0) for third in range(-48, 1))]
        line = Line(evaluator.base.item(0), size, rounder=evaluator.layout.rounder(0))
        values = []
        for step in chosen:
            found = run(fixed(evaluator.base, [line], CENTRAL, step), watch.evaluate)
            values.append(found.slopes[0][0].value)
    reference = estimate.value if known is None else known
    errors = np.abs(np.array(values) - reference)
    finite = np.flatnonzero(np.isfinite(errors))
    best = chosen[int(finite[np.argmin(errors[finite])])] if finite.size else float("nan")
    marks = dict(NOTES)
    if isfinite(estimate.step):
        marks["secant"] = estimate.step
    return StepStudy(np.array(chosen), np.array(values), errors, estimate, best, marks)


#: The question itself: within it one of its options has the name.
_STUDY = steps


def _checked(given: Any) -> list[float] | None:
    """Return the steps to try, in increasing order."""
    if given is None:
        return None
    allowed = "a sequence of positive finite numbers"
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise InputTypeError(f"`steps` must be {allowed}; got {given!r}")
    chosen = sorted(real("steps", step, 0.0, allowed) for step in given)
    if not chosen:
        raise InputError("`steps` must name at least one step; got none")
    return chosen


def noise(
    f: Callable[..., Any],
    x: Any,
    *,
    args: tuple[Any, ...] = (),
    seed: int = 0,
    **how: Unpack[Evaluation],
) -> Noise:
    """Measure the error that f's values carry around x: rounding, digits cut off, random numbers.

    Parameters
    ----------
    f : called as ``f(x, *args)``; returns a real number, or an array of any shape.
    x : a number, an array of any shape and real dtype, or a tree of them. Arrays and trees are looked at along one
        direction, drawn by ``seed``, whose steps are in proportion to the size of each entry.
    args, how : as for :func:`secant.gradient`; without a deadline.

    Returns
    -------
    Noise, for ``noise=`` of other questions: relative when it is the rounding of a precision (of float64, or of
    float32 and float16 even where they hide inside f), absolute otherwise, and 0 of a function that is constant.
    It is a standard deviation, from 7 to 16 evaluations, and as an estimate good to a factor of two or so. Of an array
    each value has its own, in arrays of that shape; all share the evaluations, but for spacings that only some need. An
    error that varies smoothly with x cannot be seen: that of a solver, which is its tolerance.

    Raises
    ------
    InputError, InputTypeError, OutputError; exceptions of f at x pass through with the point noted.

    The method is that of Moré and Wild, Estimating computational noise (2011).

    >>> import math
    >>> round_off = noise(math.sin, 1.0)
    >>> round_off.absolute, 1e-17 < round_off.relative < 1e-15
    (0.0, True)
    >>> 1e-7 < noise(lambda x: round(math.sin(x), 6), 1.0).absolute < 1e-6
    True
    """
    drawn = whole("seed", seed, 0)
    asked = question("noise", PLAIN, seed=drawn) if how else {}
    with watched(f, x, checked(how, noise, OTHERS), args=args, **asked) as watch:
        evaluator = watch.evaluator
        base, eps = evaluator.base, evaluator.layout.eps
        found = run(measure(base, spacings(base, eps, drawn), float(np.max(eps))), watch.evaluate)
    if evaluator.complex_values:
        raise InputTypeError("`f` must return real numbers for `noise`; it returned complex ones")
    if not evaluator.value_shape:
        return found[0]
    absolute, relative = ([getattr(one, name) for one in found] for name in ("absolute", "relative"))
    notes = list(dict.fromkeys(one.note for one in found if one.note))
    note = "; ".join(notes[:SAID]) + ("; ..." if len(notes) > SAID else "")
    return Noise(evaluator.shaped(absolute), evaluator.shaped(relative), evaluator.evaluations, note)
