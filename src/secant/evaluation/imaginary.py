"""Points beside the real axis: x with an imaginary part, for f's that take complex numbers.

Rules: every entry of x is handed over as a complex number, moved or not, so that f sees one dtype; numbers of NumPy
become Python's. Only float64 has room for the complex step. What f says to that in a TypeError is an answer to the
method, not a fault of f.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secant.core.errors import InputTypeError, OutputError
from secant.core.request import Floats
from secant.evaluation.trees import Layout
from secant.evaluation.values import read


def sideways(layout: Layout) -> Callable[[Any], Any]:
    """Return the function that makes x of a flat complex vector.

    Raises
    ------
    InputTypeError : for entries that are not float64 (in the form of NumPy arrays or numbers).

    >>> from secant.evaluation.trees import flatten
    >>> sideways(flatten({"a": 1.0, "b": np.ones(1)})[1])(np.array([1.0, 1.0 + 1e-30j]))
    {'a': (1+0j), 'b': array([1.+1.e-30j])}
    """
    for leaf in layout.leaves:
        if leaf.precision != "float64" or leaf.form not in ("number", "scalar", "array"):
            where = f"`x`{leaf.path}" if leaf.path else "`x`"
            raise InputTypeError(f"`method='complex'` needs float64 entries; {where} is {leaf.precision}")
    plain = tuple(replace(leaf, form="number") if leaf.form == "scalar" else leaf for leaf in layout.leaves)
    return replace(layout, leaves=plain).view


def beside(call: Callable[[Any], Any], point: Any, shape: tuple[int, ...] | None, name: str) -> NDArray[np.complex128]:
    """Return f at a complex point, flat and complex.

    Raises
    ------
    InputTypeError : when f refuses complex numbers.
    OutputError : when its values have another shape than before.

    >>> beside(np.exp, np.array([0.0, 1e-30j]), (2,), "f")
    array([1.+0.e+00j, 1.+1.e-30j])
    """
    try:
        value = call(point)
    except TypeError as error:
        raise InputTypeError(
            f"`method='complex'` needs an f that takes complex numbers (NumPy's functions do, those of math do not); "
            f"`{name}` raised TypeError: {error}"
        ) from error
    flat, found, _ = read(value, name)
    if shape is not None and found != shape:
        raise OutputError(f"`{name}` must return values of one shape; got {found} after {shape}")
    return flat.astype(np.complex128)


def moved(base: Floats, i: int, t: float, directions: Floats | None) -> NDArray[np.complex128]:
    """Return the flat vector base + i t direction.

    >>> moved(np.array([1.0, 2.0]), 1, 0.5, None)
    array([1.+0.j , 2.+0.5j])
    """
    vector = base.astype(np.complex128)
    if directions is None:
        vector.imag[i] = t
    else:
        vector.imag = t * directions[i]
    return vector
