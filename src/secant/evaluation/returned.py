"""f that returns a pair, its value and the standard error of that: a simulation that knows how good it is.

Rules:

* However f is evaluated, here, in batches or by workers, with or without a journal: it is joined to a function of one
  array, the value and the error one above the other, and nobody needs to know. The watch above parts the two again, and
  keeps the errors, each with the place that it belongs to.
* A standard error is a real number of at least 0, or an array of the value's shape; finite where the value is.
* Nothing is guessed. A tuple may as well be a value of two numbers, so a pair is one only where that was said.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np

from secant.core.errors import InputError, OutputError, kind_of
from secant.core.request import Floats, Reply, Request
from secant.evaluation.values import ComplexValueError, read

_ALLOWED = "a pair with `noise='returned'`: its value, and the standard error of that"
#: Precisions by the unit roundoff of values, so that what is joined is as precise as it was.
_DTYPES = {2.0**-24: np.float32, 2.0**-11: np.float16, 2.0**-8: np.float32}


class Joined:
    """Call f, and return value and standard error as one array: of the value's shape, after an axis of two.

    ``batched`` says that f takes and returns many points at once, along a leading axis.

    Raises
    ------
    OutputError : from a call, when f returns anything else than a pair.

    >>> Joined(lambda x: (x * x, 0.5))(3.0)
    array([9. , 0.5])
    """

    def __init__(self, f: Callable[..., Any], batched: bool = False) -> None:
        self.f, self.batched = f, batched
        self._shape: tuple[int, ...] | None = None
        with suppress(TypeError, ValueError):  # what has no signature is asked for none
            self.__signature__ = inspect.signature(f)

    def __call__(self, *args: Any, **how: Any) -> Any:
        """Return the value and its standard error."""
        both = joined(self.f(*args, **how), 1 if self.batched else 0)
        shape = both.shape[1 + self.batched :]
        if self._shape is None:
            self._shape = shape
        elif shape != self._shape:
            raise OutputError(f"`f` must return values of one shape; got {shape} after {self._shape}")
        return both


def joined(pair: Any, axis: int = 0, name: str = "f") -> Any:
    """Return a value and its standard error in one array, side by side along a new axis.

    Raises
    ------
    OutputError : for what is no such pair.

    >>> joined((np.ones(2), 0.5))
    array([[1. , 1. ],
           [0.5, 0.5]])
    """
    if not isinstance(pair, tuple | list) or len(pair) != 2:
        came = f"{kind_of(pair)} of length {len(pair)}" if isinstance(pair, tuple | list) else kind_of(pair)
        raise OutputError(f"`{name}` must {'return' if name == 'f' else 'be'} {_ALLOWED}; got {came}")
    if type(pair[0]) is float and type(pair[1]) is float and 0.0 <= pair[1] < np.inf:
        return np.array(pair)
    flat, shape, eps = read(pair[0], name)
    try:
        found, form, _ = read(pair[1], name)
    except OutputError:
        found, form = np.zeros(0, dtype=complex), ()
    if np.iscomplexobj(flat):
        raise ComplexValueError(f"`{name}` must return real values with `noise='returned'`; got complex ones")
    if np.iscomplexobj(found):
        raise OutputError(
            f"the standard error of `{name}` must be a real number, or an array of them; got {kind_of(pair[1])}"
        )
    value: Any = flat.reshape(shape)
    errors: Any = found.reshape(form)
    if axis and len(form) == 1 < len(shape) and form[0] == shape[0]:
        errors = errors.reshape(-1, *[1] * (len(shape) - 1))  # one for each point
    elif form not in ((), shape):
        raise OutputError(f"the standard error of `{name}` must be a number, or of its shape {shape}; got shape {form}")
    errors = np.broadcast_to(errors, shape)
    wrong = ~((errors >= 0.0) & np.isfinite(errors))
    if (wrong & np.isfinite(value)).any():
        worst = errors[wrong & np.isfinite(value)].flat[0]
        raise OutputError(f"the standard error of `{name}` must be a finite number of at least 0; got {worst}")
    # Where there is no value its error is nothing.
    return np.stack([value, np.where(wrong, 0.0, errors)], axis=axis).astype(_DTYPES.get(eps, np.float64))


class Errors:
    """Part what was joined, and keep the standard errors.

    Attributes
    ----------
    here : those of f at the base that was asked for last, one per output; None before the first.

    >>> errors = Errors()
    >>> request = Request(np.zeros(1), None, (0.0, 0.5))
    >>> errors.apart(request, Reply(np.array([[1.0, 0.1], [2.0, 0.2]]))).values, errors.here
    ([1.0, 2.0], array([0.1]))
    >>> errors.largest(0, 1.0)
    array([0.2])
    """

    def __init__(self) -> None:
        self.here: Floats | None = None
        self._base: Floats | None = None
        self._seen: dict[int, list[tuple[float, Floats]]] = {}

    def apart(self, request: Request, reply: Reply) -> Reply:
        """Return a reply with the values alone."""
        if request.base is not self._base:
            self._base, self._seen = request.base, {}
        errors = halves(reply)[1]
        lanes = [0] * len(errors) if request.lane is None else np.asarray(request.lane).tolist()
        for j, t in enumerate(np.asarray(request.t).tolist()):
            if t == 0.0:
                self.here = errors[j]
            elif np.isfinite(errors[j]).all():
                self._seen.setdefault(lanes[j], []).append((abs(t), errors[j]))
        return values_of(request, reply)

    def largest(self, lane: int, reach: float) -> Floats | None:
        """Return the largest standard errors along a lane, as far as a step reaches; None where there are none."""
        near = [errors for t, errors in self._seen.get(lane, ()) if t <= reach]
        return np.max(near, axis=0) if near else None


def halves(reply: Reply) -> tuple[Any, Any]:
    """Return values and standard errors, a row for each point."""
    both = np.asarray(reply.values)
    if both.shape[1] == 1:  # not one value came
        return both, both
    values, errors = np.split(both, 2, axis=1)
    return values, errors


def values_of(request: Request, reply: Reply) -> Reply:
    """Return the values of what was joined."""
    values = halves(reply)[0]
    if values.shape[1] == 1 and not isinstance(request.t, np.ndarray):
        return Reply(values[:, 0].tolist(), reply.status, reply.eps)
    return Reply(np.ascontiguousarray(values), reply.status, reply.eps)


def pairing(f: Any, vectorized: Any) -> Any:
    """Return f joined, where it can be called.

    Raises
    ------
    InputError : for what cannot be joined.
    """
    if hasattr(f, "reply"):
        raise InputError("`noise='returned'` needs a function; an evaluator in its place returns values")
    if vectorized == "vmap":
        raise InputError("`noise='returned'` does not go with `vectorized='vmap'`; let f take many points itself")
    return Joined(f, bool(vectorized)) if callable(f) else f
