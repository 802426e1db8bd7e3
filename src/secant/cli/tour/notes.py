"""The notes that secant grew from: what they print, and their own methods in plain NumPy.

A learner's notebook of the chapter on numerical differentiation of K. Saito, "Deep Learning from
Scratch" (O'Reilly, 2019). The printed numbers are kept as text, digit for digit, because "the same
printed digits" is what a reader can check. Nothing here uses secant: it is what secant is held against.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

#: The step of the notes, and the step of their bad example (10e-50, which is 1e-49).
H, TINY = 1e-4, 10e-50

#: What the notes print, by row of the tour.
PRINTED = {
    4: ["0.1999999999990898"],
    5: ["0.2999999999986347"],
    6: ["6.00000000000378"],
    7: ["7.999999999999119"],
    9: ["-6.11110793e-10", "8.14814391e-10"],
    10: ["-2.58983747e+13", "-1.29524862e+12"],
    11: ["-2.99999994", "3.99999992"],
    12: ["-2.05285131", "0.8881997", "0.82120879", "0.69678673", "0.45633899", "-0.7004122"],
    13: ["-0.60460273", "0.94362491", "-0.1376457"],
    15: ["1.5206784806778708"],
    16: ["0.08221985", "0.38664402", "-0.46886387", "0.12332978", "0.57996603", "-0.70329581"],
}

#: Half a unit of the last of the eight digits after the point: how far a printed weight may be from the real one.
ROUNDED = 0.5e-8

#: The input and the one-hot target of the net.
X, T = np.array([0.6, 0.9]), np.array([0, 0, 1])

#: The number that the book adds inside the logarithm of the loss.
EPSILON = 1e-7


def function_1(x: Any) -> Any:
    """Return 0.01 x^2 + 0.1 x."""
    return 0.01 * x**2 + 0.1 * x


def function_2(x: Any) -> Any:
    """Return x0^2 + x1^2."""
    return x[0] ** 2 + x[1] ** 2


def along_0(x: Any) -> Any:
    """Return function_2 along x0 at x1 = 4."""
    return x * x + 4.0**2.0


def along_1(x: Any) -> Any:
    """Return function_2 along x1 at x0 = 3."""
    return 3.0**2.0 + x * x


def weights() -> Any:
    """Return a new array of the weights as printed, (2, 3)."""
    return numbers(12).reshape(2, 3)


def numbers(row: int) -> Any:
    """Return what the notes print in a row as an array of floats."""
    return np.array([float(text) for text in PRINTED[row]])


def bad_as_written(f: Callable[[Any], Any], x: float) -> Any:
    """Take the bad difference as it stands in the notes: only f(x) is divided by the step."""
    return f(x + TINY) - f(x) / TINY


def bad_with_brackets(f: Callable[[Any], Any], x: float) -> Any:
    """Take the bad difference as it was meant."""
    return (f(x + TINY) - f(x)) / TINY


def difference(f: Callable[[Any], Any], x: float) -> Any:
    """Take the central difference of the notes."""
    return (f(x + H) - f(x - H)) / (2 * H)


def gradient_in_place(f: Callable[[Any], Any], x: Any) -> Any:
    """Take the gradient as the notes do, moving each entry of the caller's array and putting it back afterwards.

    Nothing puts it back when f raises: that is the trap of row 16.
    """
    result = np.zeros_like(x)
    for place in np.ndindex(x.shape):
        kept = x[place]
        x[place] = kept + H
        above = f(x)
        x[place] = kept - H
        below = f(x)
        result[place] = (above - below) / (2 * H)
        x[place] = kept
    return result


def prints_as(values: Sequence[float] | Any, texts: Sequence[str]) -> bool:
    """Return whether numbers, written with the digits of the texts, give those very texts.

    >>> prints_as([0.12345678901], ["0.12345679"]), prints_as([0.1234567], ["0.12345679"])
    (True, False)
    """
    return all(_written(float(value), text) == text for value, text in zip(np.ravel(values), texts, strict=True))


def _written(value: float, text: str) -> str:
    mantissa, e, _ = text.partition("e")
    digits = len(mantissa.partition(".")[2])
    if e:
        return f"{value:.{digits}e}"
    # Shorter texts of an array are padded with blanks where the digits are zero, as NumPy prints.
    return repr(value) if digits > 8 else f"{value:.8f}".rstrip("0")
