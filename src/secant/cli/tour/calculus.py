"""Rows 1 to 11: derivatives, gradients and descents.

Every number in a remark comes out of the run. What is fixed is what the notes print, and what a row
is expected to come to.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

import secant
from secant.cli.text import array_text
from secant.cli.tour import notes
from secant.cli.tour.row import AS_NOTED, Row, worst

#: Learning rate of rows 9 to 11, and how secant must see each run.
DESCENTS = {9: (0.1, "converged"), 10: (10.0, "lr too large"), 11: (1e-10, "lr too small")}

#: Function, point and title of rows 4 to 7.
DERIVATIVES: dict[int, tuple[Callable[[Any], Any], float, str]] = {
    4: (notes.function_1, 5, "derivative of 0.01 x^2 + 0.1 x at 5"),
    5: (notes.function_1, 10, "derivative of 0.01 x^2 + 0.1 x at 10"),
    6: (notes.along_0, 3.0, "partial derivative of x0^2 + x1^2 in x0 at (3, 4)"),
    7: (notes.along_1, 4.0, "partial derivative of x0^2 + x1^2 in x1 at (3, 4)"),
}


def bad_difference(number: int) -> Row:
    """Show the two failures of the notes' bad example: brackets missing, and a step lost in rounding."""
    f, x = notes.function_1, 5.0
    written, meant = notes.bad_as_written(f, x), notes.bad_with_brackets(f, x)
    ours = secant.derivative(f, x)
    lost = x + notes.TINY == x and meant == 0.0
    remark = (
        "Two failures. As written, f(x+h) - f(x)/h divides only f(x) by h, because / binds tighter than -, and "
        f"f(x)/h is {f(x) / notes.TINY:.2g}. With brackets the answer is {meant}: doubles near {x:g} are "
        f"{math.ulp(x):.2g} apart, so x + h is {'x itself' if lost else 'not x'}. "
        "secant takes no step that is lost beside x."
    )
    return Row(
        row=number,
        title="one-sided difference with h = 10e-50, which is 1e-49",
        notes=None,
        same_method=[written, meant],
        ours=ours.value,
        error=ours.error,
        verdict=str(ours.verdict),
        agrees=lost and f"{written:.1e}" == "-7.5e+48",
        remark=remark,
        texts=("(never called)", f"as written {written:.2g}; with brackets {meant}", str(ours)),
        expected=lost and ours.ok,
    )


def central_difference(number: int) -> Row:
    """Hold the fixed step to the bits of plain Python, and show what such a step costs where f is no parabola."""
    points = [k / 4 for k in range(-40, 41)]
    pairs: list[tuple[Callable[[Any], Any], float]] = [(f, x) for f in (notes.function_1, math.sin) for x in points]
    same = [secant.derivative(f, x, **AS_NOTED).value == notes.difference(f, x) for f, x in pairs]
    fixed, ours = secant.derivative(math.exp, 1.0, **AS_NOTED), secant.derivative(math.exp, 1.0)
    remark = (
        f"On request (method='central', step=1e-4) the notes' formula: {sum(same)} of {len(same)} derivatives have the "
        f"very bits of plain Python. Shown is exp at 1, where this step is {abs(fixed.value - math.e):.1e} off: "
        f"truncation, h^2/6 f''' = {notes.H**2 / 6 * math.e:.1e}. secant's own answer is off by "
        f"{abs(ours.value - math.e):.1e}."
    )
    return Row(
        row=number,
        title="central difference with h = 1e-4",
        notes=None,
        same_method=fixed.value,
        ours=ours.value,
        error=ours.error,
        verdict=str(ours.verdict),
        agrees=all(same),
        remark=remark,
        texts=("(defined here)", f"exp at 1: {fixed.value!r}", f"exp at 1: {ours}"),
        expected=all(same) and ours.ok,
    )


def picture(number: int) -> Row:
    """Give the curve of the notes' plot, and the slopes of its tangents at 5 and 10."""
    x = np.arange(0.0, 20.0, 0.1)
    y = notes.function_1(x)
    touching = [secant.derivative(notes.function_1, at) for at in (5.0, 10.0)]
    agrees = len(x) == 200 and bool(np.allclose(y, 0.01 * (x + 5.0) ** 2 - 0.25, rtol=0.0, atol=1e-14))
    curve = f"{len(x)} points, y from {y.min():g} to {y.max():.4f}"
    return Row(
        row=number,
        title="plot of 0.01 x^2 + 0.1 x on arange(0, 20, 0.1)",
        notes="a picture",
        same_method=curve,
        ours=[slope.value for slope in touching],
        error=[slope.error for slope in touching],
        verdict=str(worst(touching)),
        agrees=agrees,
        remark="Drawn with the tangents at 5 and 10 by `secant tour --save DIR`, in function.svg.",
        texts=(
            "a picture",
            curve,
            "tangents: " + "; ".join(str(slope).split("   ", maxsplit=1)[0] for slope in touching),
        ),
        expected=agrees and all(slope.ok for slope in touching),
    )


def derivative(number: int) -> Row:
    """Take a derivative with the notes' step, to the last bit, and with secant's own."""
    f, x, title = DERIVATIVES[number]
    fixed, ours = secant.derivative(f, x, **AS_NOTED), secant.derivative(f, x)
    text = notes.PRINTED[number][0]
    agrees = notes.prints_as([fixed.value], [text]) and fixed.value == float(text)
    # Half a unit in the last place of f, and of x seen through the slope, on either side.
    rounding = (math.ulp(float(f(x))) + abs(ours.value) * math.ulp(float(x))) / 2 / notes.H
    remark = (
        f"The notes' step is {abs(fixed.value - ours.value):.1e} off. A parabola has no truncation: what is left is "
        f"the rounding of x + h and of f, divided by h, which may come to {rounding:.1e}. secant's steps are as long "
        "as f allows, and its bar covers the rest."
    )
    return Row(
        row=number,
        title=title,
        notes=float(text),
        same_method=fixed.value,
        ours=ours.value,
        error=ours.error,
        verdict=str(ours.verdict),
        agrees=agrees,
        remark=remark,
        texts=(text, repr(fixed.value), str(ours)),
        expected=agrees and ours.ok,
    )


def gradient(number: int) -> Row:
    """Take the gradient at three points, and hold the caller's arrays to what they were."""
    points = [np.array(point) for point in ((3.0, 4.0), (0.0, 2.0), (3.0, 0.0))]
    before = [point.copy() for point in points]
    fixed = [secant.gradient(notes.function_2, point, **AS_NOTED).value for point in points]
    ours = [secant.gradient(notes.function_2, point) for point in points]
    kept = all(np.array_equal(point, old) for point, old in zip(points, before, strict=True))
    plain = [notes.gradient_in_place(notes.function_2, point) for point in before]
    agrees = kept and all(np.array_equal(mine, theirs) for mine, theirs in zip(fixed, plain, strict=True))
    integers = np.array([3, 4])
    remark = (
        "At (3, 4), (0, 2) and (3, 0). The notes move the entries of the caller's own array; secant moves a copy. At "
        f"the integers (3, 4) the notes' code gives {array_text(notes.gradient_in_place(notes.function_2, integers))}, "
        "because an integer cannot move by 1e-4; secant gives "
        f"{array_text(secant.gradient(notes.function_2, integers).value)}."
    )
    return Row(
        row=number,
        title="gradient of x0^2 + x1^2 at three points",
        notes=None,
        same_method=fixed,
        ours=[estimate.value for estimate in ours],
        error=[estimate.error for estimate in ours],
        verdict=str(worst(ours)),
        agrees=agrees,
        remark=remark,
        texts=(
            "(not printed)",
            ", ".join(array_text(value) for value in fixed),
            ", ".join(array_text(estimate.value) for estimate in ours) + f"   {worst(ours)}",
        ),
        expected=agrees and all(estimate.ok for estimate in ours),
    )


def run_descent(number: int, *, as_noted: bool) -> secant.Descent:
    """Run the descent of row 9, 10 or 11, with the notes' step or with secant's own."""
    options = AS_NOTED if as_noted else {}
    x0 = np.array([-3.0, 4.0])
    return secant.gradient_descent(notes.function_2, x0, lr=DESCENTS[number][0], iterations=100, **options)


def descent(number: int) -> Row:
    """Go downhill as the notes do, and say how it went, with their step and with secant's own."""
    rate, word = DESCENTS[number]
    fixed, ours = run_descent(number, as_noted=True), run_descent(number, as_noted=False)
    agrees = notes.prints_as(fixed.x, notes.PRINTED[number])
    theirs, own = _told(fixed), _told(ours)
    if theirs == own:
        told = [f"With either step: {own[0]}", *own[1:]]
    else:
        told = [f"With the notes' step: {theirs[0]}", *theirs[1:], f"With secant's own step: {own[0]}", *own[1:]]
    return Row(
        row=number,
        title=f"gradient descent from (-3, 4), lr {rate:g}, 100 steps",
        notes=notes.numbers(number),
        same_method=fixed.x,
        ours=ours.x,
        error=None,
        verdict=str(ours.verdict),
        agrees=agrees,
        remark="\n".join(told),
        texts=(f"[{' '.join(notes.PRINTED[number])}]", array_text(fixed.x), f"{array_text(ours.x)}   {ours.verdict}"),
        expected=agrees and str(ours.verdict) == word and str(fixed.verdict) == word,
    )


def _told(run: secant.Descent) -> list[str]:
    """Return how a run ended, and its events, a line each."""
    events = [f"- iteration {event.iteration}: {event.kind}: {event.text}" for event in run.events]
    return [f"{run.verdict}: {run.note or run.verdict.sentence}.", *events]
