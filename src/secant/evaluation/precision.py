"""Precisions: the floating-point formats that entries of x may have, and rounding to them.

Rules:

* float64, float32 and float16 of IEEE 754, and bfloat16: the exponents of float32 with 8 bits of significand.
* Everything is held in float64, which holds each of them exactly; rounding goes there from float64 in one step, to the
  nearest and to even on a tie. (NumPy, PyTorch and JAX go to bfloat16 by way of float32, and so round twice.)
* Numbers beyond the range become infinite; a zero keeps its sign.

To bfloat16 by adding and taking away 3/2 * 2**52 spacings: what is left is a multiple of one spacing, to the nearest.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from math import copysign, frexp, inf, isnan, ldexp
from typing import Any, Literal, TypeAlias

import numpy as np

from secant.core.request import UNIT_ROUNDOFF, Floats

Precision: TypeAlias = Literal["float64", "float32", "float16", "bfloat16"]

#: Unit roundoff by precision: half the spacing just above 1.
ROUNDOFF: dict[str, float] = {
    "float64": UNIT_ROUNDOFF,
    "float32": 2.0**-24,
    "float16": 2.0**-11,
    "bfloat16": 2.0**-8,
}

#: The spacing just below 2**e is 2**(e - 8) in bfloat16, and that of its subnormal numbers 2**-133.
_BITS, _LEAST = 8, -133

#: Where bfloat16 ends (with its rounding), and what pushes all bits below a spacing out of a float64.
_END, _PUSH = 2.0**128, 1.5 * 2.0**52


def _by_struct(code: str) -> Callable[[float], float]:
    """Return the rounding to a smaller float: the struct module's is exact and never warns."""
    form = struct.Struct(code)
    pack, unpack = form.pack, form.unpack

    def rounded(value: float) -> float:
        try:
            return float(unpack(pack(value))[0])
        except OverflowError:
            return copysign(inf, value)

    return rounded


def to_bfloat16(value: float) -> float:
    """Round a float to bfloat16.

    >>> to_bfloat16(1.0 + 2.0**-8), to_bfloat16(1.0 + 3 * 2.0**-8), to_bfloat16(-1e39)
    (1.0, 1.015625, -inf)
    """
    if not -_END < value < _END:
        return value if isnan(value) else copysign(inf, value)
    push = ldexp(_PUSH, max(frexp(value)[1] - _BITS, _LEAST))
    rounded = copysign((value + push) - push, value)
    return rounded if -_END < rounded < _END else copysign(inf, value)


#: The rounding of a float by precision; float64 has none.
ROUNDERS: dict[str, Callable[[float], float]] = {
    "float32": _by_struct("<f"),
    "float16": _by_struct("<e"),
    "bfloat16": to_bfloat16,
}


def rounded(values: Floats, precision: str) -> Floats:
    """Return float64 values rounded to a precision, as a fresh float64 array.

    >>> rounded(np.array([0.1, 1e5, -0.0]), "float16")
    array([ 0.09997559,         inf, -0.        ])
    """
    with np.errstate(all="ignore"):
        if precision == "bfloat16":
            inside = np.where(np.abs(values) < _END, values, 0.0)
            push = np.ldexp(_PUSH, np.maximum(np.frexp(inside)[1] - _BITS, _LEAST))
            near = np.copysign((inside + push) - push, inside)
            beyond = np.where(np.isnan(values), values, np.copysign(np.inf, values))
            found: Any = np.where((inside == values) & (np.abs(near) < _END), near, beyond)
            return np.asarray(found, dtype=np.float64)
        return values.astype(precision).astype(np.float64)
