"""Rows 12 to 16: the net of the notes, and why their dW is not the gradient at the weights they print.

Weights are known as they are printed, to eight digits after the point. How much a result may differ
for that reason alone is worked out in each row, and is what "agrees" is judged by.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import secant
from secant import nn
from secant.cli.text import array_text
from secant.cli.tour import notes
from secant.cli.tour.row import AS_NOTED, Row


def weights(number: int) -> Row:
    """Take the weights as given."""
    printed = notes.weights()
    net = nn.SimpleNet(printed)
    agrees = notes.prints_as(net.W, notes.PRINTED[number])
    return Row(
        row=number,
        title="simpleNet: W (2, 3) drawn by randn",
        notes=printed,
        same_method=net.W,
        ours=net.W,
        error=None,
        verdict=None,
        agrees=agrees,
        remark=(
            "Random numbers without a seed cannot be drawn again, so W is taken as printed. Each entry may be "
            f"{notes.ROUNDED:.0e} from the real one; the next rows are judged by that."
        ),
        texts=(array_text(printed), "taken as given", "taken as given"),
        expected=agrees,
    )


def scores(number: int) -> Row:
    """Compute p = x W."""
    ours, printed = nn.SimpleNet(notes.weights()).predict(notes.X), notes.numbers(number)
    # A score is a sum of weights times x, and is itself printed to eight digits.
    bound = notes.ROUNDED * (float(np.abs(notes.X).sum()) + 1.0)
    distance = np.abs(ours - printed)
    agrees = bool(np.all(distance <= bound))
    return Row(
        row=number,
        title="p = x W with x = (0.6, 0.9)",
        notes=printed,
        same_method=ours,
        ours=ours,
        error=np.full(3, bound),
        verdict=None,
        agrees=agrees,
        remark=(
            f"The largest difference is {distance.max():.1e}, in entry {int(distance.argmax())}; the rounding of the "
            f"printed W and p allows {bound:.2e}."
        ),
        texts=(f"[{' '.join(notes.PRINTED[number])}]", array_text(ours), f"{array_text(ours)}, each +/- {bound:.1e}"),
        expected=agrees,
    )


def largest(number: int) -> Row:
    """Find the class with the largest score."""
    ours, theirs = int(np.argmax(nn.SimpleNet(notes.weights()).predict(notes.X))), int(np.argmax(notes.numbers(13)))
    return Row(
        row=number,
        title="argmax(p)",
        notes=None,
        same_method=ours,
        ours=ours,
        error=None,
        verdict=None,
        agrees=ours == theirs,
        remark=f"Class {ours} is the most likely; the label is class {int(np.argmax(notes.T))}, so the loss is large.",
        texts=("(not shown)", str(ours), str(ours)),
        expected=ours == theirs == 1,
    )


def loss(number: int) -> Row:
    """Compute the loss with the book's epsilon, and without needing one."""
    net, printed = nn.SimpleNet(notes.weights()), float(notes.numbers(number)[0])
    same, stable = float(net.loss(notes.X, notes.T, epsilon=notes.EPSILON)), float(net.loss(notes.X, notes.T))
    slope = secant.gradient(lambda W: net.loss_at(W, notes.X, notes.T), net.W)
    bound = notes.ROUNDED * float(np.abs(slope.value).sum())
    agrees = abs(same - printed) <= bound
    return Row(
        row=number,
        title="cross-entropy loss with t = (0, 0, 1)",
        notes=printed,
        same_method=same,
        ours=stable,
        error=bound,
        verdict=str(slope.verdict),
        agrees=agrees,
        remark=(
            f"The difference is {abs(same - printed):.1e}; the rounding of the printed W allows {bound:.1e}, by the "
            f"gradient of the loss. The book adds {notes.EPSILON:g} inside the logarithm, which lowers the loss by "
            f"{stable - same:.1e}. secant's own loss needs no such number: it takes the logarithm before anything can "
            "round to 0."
        ),
        texts=(
            notes.PRINTED[number][0],
            f"{same!r}   with the book's epsilon",
            f"{stable:.10f} +/- {bound:.1e}   without it",
        ),
        expected=agrees and slope.ok,
    )


def gradient(number: int) -> Row:
    """Take the gradient of the loss in W, find that the printed dW is another one, and find whose it is."""
    net, printed = nn.SimpleNet(notes.weights()), notes.numbers(number).reshape(2, 3)
    # As in the notes the function ignores its argument and reads net.W; in place, secant sees that.
    fixed = secant.gradient(lambda _: _loss(net, net.W), net.W, inplace=True, **AS_NOTED)
    ours = secant.gradient(lambda W: _loss(net, W), net.W)
    agrees = notes.prints_as(fixed.value, notes.PRINTED[number])
    remark, only_fit, restored = _mismatch(printed, ours.value)
    same_gradient = bool(np.max(np.abs(fixed.value - ours.value)) < notes.ROUNDED)
    return Row(
        row=number,
        title="dW = numerical_gradient(lambda w: net.loss(x, t), net.W)",
        notes=printed,
        same_method=fixed.value,
        ours=ours.value,
        error=ours.error,
        verdict=str(ours.verdict),
        agrees=agrees,
        remark=remark,
        texts=(
            array_text(printed),
            array_text(fixed.value),
            f"{array_text(ours.value)}\n{ours.verdict}   largest bar {ours.error.max():.1e}",
        ),
        expected=not agrees and ours.ok and same_gradient and only_fit and restored,
    )


def _loss(net: nn.SimpleNet, W: Any) -> Any:
    return net.loss_at(W, notes.X, notes.T, epsilon=notes.EPSILON)


def _mismatch(printed: Any, ours: Any) -> tuple[str, bool, bool]:
    """Return what there is to say about the printed dW, whether W[0,0] + 2h alone fits, and whether W was restored."""
    off, explained = np.abs(printed - ours), _explained()
    place = tuple(int(part) for part in np.unravel_index(off.argmax(), off.shape))
    fits = _fitting_shifts(printed, notes.ROUNDED + explained.max())
    moved, restored = _crashed_twice()
    # Column sums of dW go with x, so a shift of W[1,0] that moves p as much does nearly the same.
    other = 2 * notes.H * float(notes.X[0] / notes.X[1])
    remark = (
        f"The printed dW is NOT the gradient at the printed W. It is off by {off.max():.2e}, in {_named(place)}; "
        f"the rounding of W explains at most {explained[place]:.1e} there, "
        f"{off[place] / explained[place]:,.0f} times less.\n"
        f"It is consistent with {' or '.join(fits) or 'none of the shifts tried'}, h = 1e-4: "
        f"then all six entries agree to {_shifted(printed, (0, 0), 2 * notes.H):.1e}, which is 8 digits. "
        "No other shift of one weight by 1h, 2h or 3h fits "
        f"(W[1,0] + {other:.4g} would, to {_shifted(printed, (1, 0), other):.1e}, but is no multiple of h).\n"
        f"How it can come about: two calls of the notes' gradient that crash half-way leave W[0,0] + {moved:.4g}. "
        f"secant cannot do that: after two such crashes W is {'as it was, bit for bit' if restored else 'CHANGED'}."
    )
    return remark, fits == ["W[0,0] + 2h"], restored


def _explained() -> Any:
    """Return how far each entry of dW can move when every weight moves by half a unit of its last printed digit.

    dW = x (y - t) with y = softmax(x W), and y moves by diag(y) - y y' times the change of x W.
    """
    shares = nn.softmax(nn.SimpleNet(notes.weights()).predict(notes.X))
    jacobian = np.abs(np.diag(shares) - np.outer(shares, shares))
    return np.outer(notes.X, jacobian.sum(axis=1)) * notes.X.sum() * notes.ROUNDED


def _shifted(printed: Any, place: tuple[int, ...], shift: float) -> float:
    """Return how far the printed dW is from the gradient with one weight moved."""
    net = nn.SimpleNet(notes.weights())
    net.W[place] += shift
    moved = secant.gradient(lambda W: _loss(net, W), net.W, **AS_NOTED)
    return float(np.max(np.abs(printed - moved.value)))


def _fitting_shifts(printed: Any, allowed: float) -> list[str]:
    """Name the shifts of one weight by -3h to 3h under which the printed dW is the gradient, to its eight digits."""
    return [
        f"{_named(place)} {'+' if times > 0 else '-'} {abs(times)}h"
        for place in np.ndindex(printed.shape)
        for times in (-3, -2, -1, 1, 2, 3)
        if _shifted(printed, place, times * notes.H) <= allowed
    ]


def _named(place: Sequence[int]) -> str:
    return f"W[{','.join(map(str, place))}]"


def _crashed_twice() -> tuple[float, bool]:
    """Let a gradient crash twice in its first evaluation away from W, the notes' way and secant's.

    Return how far the notes' way moved W[0,0], and whether secant left W as it was.
    """
    theirs, ours, kept = notes.weights(), notes.weights(), notes.weights()
    for _ in range(2):
        with contextlib.suppress(_CrashError):
            notes.gradient_in_place(_fragile(theirs), theirs)
        with contextlib.suppress(_CrashError):
            secant.gradient(_fragile(ours), ours, inplace=True, **AS_NOTED)
    return float(theirs[0, 0] - kept[0, 0]), bool(np.array_equal(ours, kept))


class _CrashError(RuntimeError):
    """An evaluation that crashes on purpose."""


def _fragile(array: Any) -> Callable[[Any], float]:
    """Return a function that crashes once the array has moved."""
    start = array.copy()

    def f(_: Any) -> float:
        if not np.array_equal(array, start):
            raise _CrashError
        return 0.0

    return f
