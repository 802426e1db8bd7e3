"""Go the way of the notes with the book's names, on secant's engine, and find the numbers they print.

Run it with ``python examples/notes/notes.py``; ``--plot FILE`` also draws the curve with its
tangents (matplotlib). Each line of output holds the number of the notes and the one found here. The
script stops with an error at the first that does not agree. One of them is *expected* not to agree:
the notes' dW, which is not the gradient at the W they print (see `learn_from_a_net`).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from common.functions import cross_entropy_error, softmax
from common.gradient import gradient_descent, numerical_diff, numerical_gradient
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# Weights as the notes print them: half a unit of the eighth decimal is not known.
PRINTED_W = np.array([[-2.05285131, 0.8881997, 0.82120879], [0.69678673, 0.45633899, -0.7004122]])
PRINTED_DW = np.array([[0.08221985, 0.38664402, -0.46886387], [0.12332978, 0.57996603, -0.70329581]])
PRINTED_LOSS = 1.5206784806778708
HALF_DIGIT = 0.5e-8


class Mismatch(Exception):
    """A number that the notes print was not found."""


def report(what: str, notes: object, found: object, agrees: bool) -> None:
    """Print a number of the notes beside the one found here, and stop where they do not agree."""
    print(f"{what}\n    notes  {notes}\n    here   {found}")
    if not agrees:
        raise Mismatch(f"{what}: the notes print {notes}, found {found}")


def report_text(what: str, notes: str, found: object) -> None:
    """Compare as text: what is printed here must be what the notes print, digit by digit, blanks aside."""
    report(what, notes, found, str(found).split() == notes.split())


def curve(x: float) -> float:
    """Return 0.01 x^2 + 0.1 x, whose slope is 0.02 x + 0.1."""
    return 0.01 * x**2 + 0.1 * x


def bowl(x: Floats) -> float:
    """Return x0^2 + x1^2, whose gradient is (2 x0, 2 x1)."""
    return float(x[0] ** 2 + x[1] ** 2)


def one_sided_difference() -> None:
    """Show why the first attempt of the notes cannot work: 5 + 1e-49 is 5."""
    h = 10e-50
    as_written = curve(5 + h) - curve(5) / h
    bracketed = (curve(5 + h) - curve(5)) / h
    print(f"one-sided difference with h = 1e-49, of a curve with slope 0.2 at 5\n    as written     {as_written:.3g}")
    print(f"    with brackets  {bracketed:.3g}   (5 + h == 5: {5 + h == 5})")
    if not (as_written < -1e48 and bracketed == 0.0):
        raise Mismatch("the one-sided difference was expected to fail in both ways")


def derivatives() -> None:
    """Find the two derivatives and the two partial derivatives of the notes to the last digit."""
    report_text("derivative of the curve at 5", "0.1999999999990898", numerical_diff(curve, 5))
    report_text("derivative of the curve at 10", "0.2999999999986347", numerical_diff(curve, 10))
    partials: list[tuple[str, str, Callable[[float], float], float]] = [
        ("partial derivative of the bowl in x0 at (3, 4)", "6.00000000000378", lambda x0: x0 * x0 + 4.0**2.0, 3.0),
        ("partial derivative of the bowl in x1 at (3, 4)", "7.999999999999119", lambda x1: 3.0**2.0 + x1 * x1, 4.0),
    ]
    for what, printed, f, x in partials:
        report_text(what, printed, numerical_diff(f, x))


def gradients() -> None:
    """Take the gradient of the bowl at the three points of the chapter; the points stay as they are."""
    for point, truth in (((3.0, 4.0), (6.0, 8.0)), ((0.0, 2.0), (0.0, 4.0)), ((3.0, 0.0), (6.0, 0.0))):
        x = np.array(point)
        slope = numerical_gradient(bowl, x)
        untouched = tuple(x) == point
        report(f"gradient of the bowl at {point}", truth, slope, untouched and np.allclose(slope, truth, 0.0, 1e-9))


def descents() -> None:
    """Run the three descents of the notes, all from one array: it keeps its values."""
    start = np.array([-3.0, 4.0])
    for lr, printed, remark in (
        (0.1, "[-6.11110793e-10 8.14814391e-10]", "at the minimum"),
        (10.0, "[-2.58983747e+13 -1.29524862e+12]", "lr too large: thrown out until h is lost beside x, then stuck"),
        (1e-10, "[-2.99999994 3.99999992]", "lr too small: still at the start"),
    ):
        report_text(f"descent with lr = {lr} ({remark})", printed, gradient_descent(bowl, start, lr, 100))
    if tuple(start) != (-3.0, 4.0):
        raise Mismatch("the descents wrote to their starting point")


class simpleNet:
    """The net of the notes: one matrix of weights, given because the notes drew theirs at random."""

    def __init__(self, W: Floats) -> None:
        self.W = W.copy()

    def predict(self, x: Floats) -> Floats:
        """Return the score of each class."""
        scores: Floats = np.dot(x, self.W)
        return scores

    def loss(self, x: Floats, t: NDArray[np.int_]) -> float:
        """Return the cross-entropy of the scores' softmax, with the book's 1e-7 inside the logarithm."""
        return float(cross_entropy_error(softmax(self.predict(x)), t))


def learn_from_a_net() -> None:
    """Find the scores and the loss of the notes' net, and find that their dW belongs to another W."""
    net = simpleNet(PRINTED_W)
    x, t = np.array([0.6, 0.9]), np.array([0, 0, 1])
    scores = net.predict(x)
    notes = np.array([-0.60460273, 0.94362491, -0.1376457])
    known = np.allclose(scores, notes, 0.0, HALF_DIGIT * (1 + x.sum()))
    report("scores of the net (as far as the printed W is known)", notes, scores, known)
    report("class with the highest score", 1, np.argmax(scores), np.argmax(scores) == 1)

    # The function ignores its argument: the net reads W by its own name while W is moved in place.
    f = lambda w: net.loss(x, t)  # noqa: E731
    slope = numerical_gradient(f, net.W)
    spread = HALF_DIGIT * float(np.abs(slope).sum())
    loss = net.loss(x, t)
    what = f"loss of the net (the printed W leaves {spread:.1g} open)"
    report(what, PRINTED_LOSS, loss, abs(loss - PRINTED_LOSS) <= spread and f"{loss:.10f}" == "1.5206784837")

    # The notes' dW is off by far more than the digits missing in W explain. It is consistent with
    # W[0, 0] + 2 h (h = 1e-4): what a gradient that moves W in place leaves behind when it is
    # interrupted after x + h, twice. The one used here puts W back whatever happens.
    off = float(np.abs(slope - PRINTED_DW).max())
    moved = simpleNet(PRINTED_W)
    moved.W[0, 0] += 2e-4
    explained = numerical_gradient(lambda w: moved.loss(x, t), moved.W)
    left = float(np.abs(explained - PRINTED_DW).max())
    what = f"dW of the net: the notes' is off by {off:.3g}, so it is not the gradient at the W they print"
    report(what, f"{PRINTED_DW.tolist()}", f"{slope.round(8).tolist()}", 1.2e-5 < off < 1.4e-5)
    what = f"dW at W[0, 0] + 2e-4, which the notes' is consistent with (off by {left:.2g})"
    report(what, f"{PRINTED_DW.tolist()}", f"{explained.round(8).tolist()}", left < 2 * HALF_DIGIT)
    if not np.array_equal(net.W, PRINTED_W):
        raise Mismatch("the gradient wrote to the weights")


def draw(path: Path) -> None:
    """Draw the curve of the notes with its tangents at 5 and 10."""
    from matplotlib.figure import Figure

    x = np.arange(0.0, 20.0, 0.1)
    figure = Figure(layout="constrained")
    axes = figure.add_subplot()
    axes.plot(x, 0.01 * x**2 + 0.1 * x, label="f(x) = 0.01 x^2 + 0.1 x")
    for point in (5.0, 10.0):
        slope = numerical_diff(curve, point)
        axes.plot(x, curve(point) + slope * (x - point), "--", label=f"tangent at {point:g}, slope {slope:.3g}")
    axes.set(xlabel="x", ylabel="f(x)")
    axes.legend()
    figure.savefig(path)


def main(arguments: list[str] | None = None) -> int:
    """Run all of it; return 0 when every number was found as it should be."""
    parser = argparse.ArgumentParser(description="Find the numbers of the notes with the book's names on secant.")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw the curve with its tangents (needs matplotlib)")
    options = parser.parse_args(arguments)
    for part in (one_sided_difference, derivatives, gradients, descents, learn_from_a_net):
        part()
    if options.plot is not None:
        try:
            draw(options.plot)
        except ImportError as error:
            print(f"no picture: {error}; install it with: python -m pip install matplotlib", file=sys.stderr)
            return 2
        print(f"picture written to {options.plot}")
    print("every number of the notes was found; dW differs, as explained above")
    return 0


if __name__ == "__main__":
    sys.exit(main())
