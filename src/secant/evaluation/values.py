"""What f returned, read as numbers.

Rules:

* A value is a real or complex number, or an array (or a list) of them, of any shape but an empty one.
* An array may be of NumPy, PyTorch or JAX, on any device, and may carry a gradient, which is left behind.
* Its dtype says how precise it is; it is kept as float64 or complex128, copied at once, because f may
  return the same buffer each time.
* What no derivative can be taken of is an error that says so: None (a forgotten ``return``), text, a
  dict, a bool (a step function, whose slope is 0 almost everywhere and of no use to anybody).
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from numbers import Complex, Number, Real
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from secant.core.errors import InputError, OutputError, kind_of
from secant.core.request import UNIT_ROUNDOFF, Floats
from secant.evaluation import foreign
from secant.evaluation.foreign import NotNumbersError

#: Values flat, as the core wants them.
Flat: TypeAlias = Floats | NDArray[np.complex128]

_ROUNDOFF = {"float32": 2.0**-24, "complex64": 2.0**-24, "float16": 2.0**-11, "bfloat16": 2.0**-8}

_FLOAT64 = np.dtype(np.float64)

_ALLOWED = "a real or complex number, or an array of them"


class ComplexValueError(OutputError, ValueError):
    """f is real at x and complex here: an OutputError, and like every ValueError an end of the domain."""


class GivenValueError(InputError):
    """What was given for f(x) is not like f's values; the end of no domain, whatever ``on_error`` says."""


def read(value: Any, name: str = "f") -> tuple[Flat, tuple[int, ...], float]:
    """Return a value of f as a flat fresh array, with its shape and its unit roundoff.

    The array is float64 for real values of any dtype, complex128 for complex ones. Numbers too large for
    a float become infinite, and masked entries NaN.

    Raises
    ------
    OutputError : for what is not a number or an array of numbers, or has no entries.

    >>> read(np.float32([1, 2]))
    (array([1., 2.]), (2,), 5.960464477539063e-08)
    """
    if type(value) is np.ndarray and value.dtype == _FLOAT64 and value.size:
        return value.flatten(), value.shape, UNIT_ROUNDOFF
    if foreign.owner(value):
        return _foreign(value, name)
    if value is None:
        raise OutputError(f"`{name}` returned None: is a `return` missing?")
    if isinstance(value, bool | np.bool_):
        raise OutputError(f"`{name}` must return {_ALLOWED}; got the bool {value}: return a float")
    if isinstance(value, Number) and not isinstance(value, np.generic):
        return _number(value, name), (), UNIT_ROUNDOFF
    if isinstance(value, np.ma.MaskedArray):
        masked: Any = value.astype(np.result_type(value.dtype, np.float16))
        value = masked.filled(np.nan)
    if isinstance(value, str | bytes | bytearray | Mapping | Set) or not (
        isinstance(value, list | tuple) or hasattr(value, "__array__")
    ):
        raise OutputError(f"`{name}` must return {_ALLOWED}; got {kind_of(value)}")
    if isinstance(value, list | tuple) and foreign.loaded() and _holds(value):
        return _together([read(item, name) for item in value], name)
    try:
        array = np.asarray(value)
    except Exception as error:
        # A foreign array may fail in any way; it is f's value that is wrong.
        raise OutputError(f"`{name}` must return {_ALLOWED}; got a bad {type(value).__name__} ({error})") from error
    kind = array.dtype.kind
    if kind not in "iufc" and array.dtype.name != "bfloat16":
        raise OutputError(f"`{name}` must return {_ALLOWED}; got {_form(value)} of dtype {array.dtype}")
    if not array.size:
        raise OutputError(f"`{name}` must return {_ALLOWED}; got an empty array of shape {array.shape}")
    with np.errstate(all="ignore"):
        # Of all real dtypes only longdouble can overflow here.
        flat: Any = array.astype(np.complex128 if kind == "c" else np.float64, order="C", subok=False).reshape(-1)
    return flat, array.shape, _ROUNDOFF.get(array.dtype.name, UNIT_ROUNDOFF)


def same(first: Any, second: Any) -> bool:
    """Return whether two outcomes, each a float, a flat array or None, are the very same."""
    if first is None or second is None:
        return first is second
    return bool(first == second if type(first) is float else np.array_equal(first, second))


def _foreign(value: Any, name: str) -> tuple[Flat, tuple[int, ...], float]:
    """Read an array of another library."""
    try:
        flat, shape, eps = foreign.read(value)
    except NotNumbersError as error:
        raise OutputError(f"`{name}` must return {_ALLOWED}; got {error}") from None
    except Exception as error:
        # A foreign array may fail in any way; it is f's value that is wrong.
        raise OutputError(f"`{name}` must return {_ALLOWED}; got a bad {type(value).__name__} ({error})") from error
    if not flat.size:
        raise OutputError(f"`{name}` must return {_ALLOWED}; got an empty array of shape {shape}")
    return flat, shape, eps


def _holds(value: list[Any] | tuple[Any, ...]) -> bool:
    """Return whether a list holds arrays of other libraries, at any depth."""
    return any(_holds(item) if isinstance(item, list | tuple) else foreign.owner(item) for item in value)


def _together(parts: list[tuple[Flat, tuple[int, ...], float]], name: str) -> tuple[Flat, tuple[int, ...], float]:
    """Read a list of values as NumPy would, without losing how precise they are."""
    shape = parts[0][1]
    for _, other, _ in parts:
        if other != shape:
            raise OutputError(f"`{name}` must return {_ALLOWED}; got a list of arrays of shapes {shape} and {other}")
    return np.concatenate([flat for flat, _, _ in parts]), (len(parts), *shape), max(eps for _, _, eps in parts)


def _number(value: Any, name: str) -> Flat:
    """Read a number that is not NumPy's: int, float, complex, Fraction, Decimal, and others of their kind."""
    try:
        if isinstance(value, Complex) and not isinstance(value, Real):
            return np.array((complex(value),), dtype=np.complex128)
        return np.array((float(value),))
    except OverflowError:
        return np.array((-np.inf if value < 0 else np.inf,))
    except (TypeError, ValueError) as error:
        raise OutputError(f"`{name}` must return {_ALLOWED}; got a bad {type(value).__name__} ({error})") from error


def _form(value: Any) -> str:
    return kind_of(value) if isinstance(value, list | tuple) else "an array"
