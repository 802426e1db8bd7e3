"""The caller's own arrays, lent to f.

For code that does not read its argument but the caller's array, through an alias. Rules:

* f is handed x itself; the arrays in it are moved to the point, and restored after each call.
* What they held at the start is kept in copies of the same dtype, so that every bit comes back: the
  sign of a zero, and whatever f wrote by itself.
* Only arrays can be lent, floating, writable and apart from each other: a number cannot be changed in
  place, an integer array would cut the steps off, and where two leaves share memory moving one would
  move the other. Of PyTorch's tensors the same holds; they are written to behind the back of autograd, which
  loses nothing by it, because everything is restored. Arrays of JAX cannot be written to.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np

from secant.core.errors import InputError, InputTypeError, kind_of
from secant.core.request import Floats
from secant.evaluation.foreign import owner, point
from secant.evaluation.trees import Layout, leaves

#: Effort that NumPy may spend to find out whether two interleaved views share an element.
_EFFORT = 10_000


class Lent:
    """Arrays of the caller, moved to a point and restored.

    >>> x = np.array([1.0, 2.0])
    >>> from secant.evaluation.trees import flatten
    >>> lent = Lent(x, flatten(x)[1])
    >>> lent.place(np.array([1.5, 2.0])) is x, x
    (True, array([1.5, 2. ]))
    >>> lent.restore(); x
    array([1., 2.])
    """

    def __init__(self, x: Any, layout: Layout, *, name: str = "x") -> None:
        self._x = x
        self._layout = layout
        self._arrays = [_opened(array) for array in leaves(x)]
        self._check(name)
        self._saved = [array.copy() if isinstance(array, np.ndarray) else array.clone() for array in self._arrays]

    def _check(self, name: str) -> None:
        for leaf, array in zip(self._layout.leaves, self._arrays, strict=True):
            where = f"{leaf.path} is" if leaf.path else f"`{name}` is"
            tensor = owner(array) == "torch"
            if not tensor and not isinstance(array, np.ndarray):
                kind = "a JAX array" if owner(array) else kind_of(array)
                raise InputTypeError(f"`inplace=True` needs a writable array, or a tree of them; {where} {kind}")
            if not (array.is_floating_point() if tensor else array.dtype.kind in "fV"):
                raise InputTypeError(
                    f"`inplace=True` needs floating arrays; {where} of dtype {array.dtype}, which cuts steps off"
                )
            if not (_writable(array) if tensor else array.flags.writeable):
                raise InputError(f"`inplace=True` needs writable arrays; {where} read-only")
            if _folded(array.shape, array.stride() if tensor else array.strides):
                raise InputError(
                    f"`inplace=True` needs arrays without overlap; {where} a view in which entries share memory"
                )
        for (one, first), (two, second) in combinations(zip(self._layout.leaves, self._arrays, strict=True), 2):
            if _overlap(first, second):
                raise InputError(f"`inplace=True` needs arrays that share no memory; {one.path} and {two.path} do")

    def place(self, vector: Floats) -> Any:
        """Move the arrays to a point, given flat, and return x itself."""
        for leaf, array in zip(self._layout.leaves, self._arrays, strict=True):
            part = vector[leaf.start : leaf.stop].reshape(leaf.shape)
            if leaf.home is None:
                np.copyto(array, part, casting="unsafe" if leaf.precision == "bfloat16" else "same_kind")
            else:
                array.copy_(point(leaf.home, part))
        return self._x

    def restore(self) -> None:
        """Put back what the arrays held at the start, bit for bit; Ctrl-C waits until all of them are back."""
        pressed: KeyboardInterrupt | None = None
        while True:
            try:
                for array, saved in zip(self._arrays, self._saved, strict=True):
                    if isinstance(array, np.ndarray):
                        np.copyto(array, saved)
                    else:
                        array.copy_(saved)
            except KeyboardInterrupt as error:
                pressed = error
            else:
                break
        if pressed is not None:
            raise pressed


def _opened(array: Any) -> Any:
    """Return what is written to: of a tensor its data, which autograd does not watch."""
    return array.data if owner(array) == "torch" else array


def _writable(tensor: Any) -> bool:
    """Return whether a tensor can be written to now, each entry by itself."""
    repeated = any(stride == 0 and side > 1 for stride, side in zip(tensor.stride(), tensor.shape, strict=True))
    return not repeated and (not tensor.is_inference() or sys.modules["torch"].is_inference_mode_enabled())


def _folded(shape: Sequence[int], strides: Sequence[int]) -> bool:
    """Return whether two entries of an array lie in the same place, so that moving one moves the other.

    >>> _folded((3, 2), (2, 1)), _folded((3, 3), (1, 1)), _folded((4,), (0,))
    (False, True, True)
    """
    if 0 in shape:
        return False
    axes = sorted((abs(stride), side) for side, stride in zip(shape, strides, strict=True) if side > 1)
    reach, nested = 0, True
    for stride, side in axes:
        nested = nested and stride > reach
        reach += stride * (side - 1)
    if nested:
        return False
    places = np.zeros(1, dtype=np.int64)
    for stride, side in axes:
        places = np.add.outer(places, stride * np.arange(side, dtype=np.int64)).reshape(-1)
    return bool(np.unique(places).size < places.size)


def _overlap(first: Any, second: Any) -> bool:
    if not isinstance(first, np.ndarray) or not isinstance(second, np.ndarray):
        one, two = _mapped(first), _mapped(second)
        if one is None or two is None:
            # Out of NumPy's reach: a storage in common is held to be memory in common.
            if isinstance(first, np.ndarray) or isinstance(second, np.ndarray):
                return False
            return bool(first.untyped_storage().data_ptr() == second.untyped_storage().data_ptr())
        return _overlap(one, two)
    try:
        return bool(np.shares_memory(first, second, max_work=_EFFORT))  # type: ignore[arg-type]  # stubs know 0 and -1
    except np.exceptions.TooHardError:
        return True


def _mapped(array: Any) -> Any:
    """Return NumPy's view of an array's memory; None where it has none."""
    if isinstance(array, np.ndarray):
        return array
    if array.device.type != "cpu" or array.is_neg():
        return None
    torch = sys.modules["torch"]
    return (array.view(torch.int16) if array.dtype is torch.bfloat16 else array).numpy()
