"""Arrays of other libraries: PyTorch tensors and JAX arrays, as leaves of x and as values of f.

Rules:

* Neither library is ever imported: an array of theirs exists only where they have been imported already.
* A leaf's :class:`Home` says where its numbers live: the library, the dtype, and the device (of JAX, the sharding).
  f is handed arrays of the same home and shape, in memory that nobody else holds; results come in it too.
* float64, float32, float16 and bfloat16 keep their dtype. Integers become the float64 of PyTorch (float32 on a device
  that has none) and the default float of JAX (float32, with ``jax_enable_x64`` float64), and are rounded to it.
* Points are made by NumPy at the leaf's precision and then handed over, so that the step which is really taken is
  known. A JAX array without a device of its own stays free to follow others, and a weakly typed scalar stays weak:
  a compiled f is traced once, and not again by point.
* Tensors are detached: f sees no ``requires_grad`` and may set it. f is not run under ``no_grad``, because it may take
  gradients itself. Parameters become plain tensors.
* Error bars are float64, or the widest float that the library has there; a bar is never rounded down.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from secant.core.request import UNIT_ROUNDOFF, Floats
from secant.evaluation.precision import ROUNDOFF, rounded

Library: TypeAlias = Literal["torch", "jax"]

#: Kinds of results; see :meth:`secant.evaluation.trees.Layout.wrap`.
Kind: TypeAlias = Literal["value", "error", "verdict"]

#: Types of arrays met so far. A type's library never changes, and looking here is all that NumPy's arrays pay.
_KNOWN: dict[type, Library] = {}

_FLOAT64, _FLOAT32 = np.dtype(np.float64), np.dtype(np.float32)

#: Unit roundoff of values of f by the name of their dtype: some no leaf can have.
_PRECISE = ROUNDOFF | {
    "complex128": ROUNDOFF["float64"],
    "complex64": ROUNDOFF["float32"],
    "float8_e4m3fn": 2.0**-4,
    "float8_e5m2": 2.0**-3,
}

#: Unit roundoff by dtype of a value, as far as met.
_EPS: dict[Any, float] = {}


class NotNumbersError(Exception):
    """What stands in the way of reading an array, in words that go after "got"."""


@dataclass(frozen=True, slots=True)
class Home:
    """Where an array lives.

    Attributes
    ----------
    owner : "torch" or "jax".
    dtype : the library's own, as f is handed it.
    device : of PyTorch the device; of JAX the sharding, or None for an array that follows others.
    precision : of the dtype, by name.
    held : the NumPy dtype in which numbers are handed over.
    direct : whether what NumPy hands over is all there is to do.
    weak : whether it is a scalar of JAX that takes the dtype of what it meets.
    """

    owner: Library
    dtype: Any
    device: Any
    precision: str
    held: np.dtype[Any]
    direct: bool
    weak: bool = False


def owner(value: Any) -> Library | None:
    """Return the library that an array belongs to; None for NumPy's and for everything that is no array.

    >>> owner(np.ones(2)) is owner("text") is None
    True
    """
    found = _KNOWN.get(type(value))
    if found is not None:
        return found
    torch, jax = sys.modules.get("torch"), sys.modules.get("jax")
    # A module that is still being imported may have no arrays yet.
    if torch is not None and isinstance(value, getattr(torch, "Tensor", ())):
        found = "torch"
    elif jax is not None and isinstance(value, getattr(jax, "Array", ())):
        found = "jax"
    if found is not None:
        _KNOWN[type(value)] = found
    return found


def loaded() -> bool:
    """Return whether any of the libraries has been imported, so that there may be arrays of theirs."""
    return "torch" in sys.modules or "jax" in sys.modules


def _name(dtype: Any) -> str:
    """Return the name of a dtype: ``"float32"`` for both libraries'."""
    return str(getattr(dtype, "name", dtype)).removeprefix("torch.")


# --- leaves: from the library to numbers ----------------------------------------------------------------


def take(leaf: Any) -> tuple[Floats, Home]:
    """Return an array's numbers, flat and fresh as float64, and its home.

    Raises
    ------
    NotNumbersError : when it does not hold real numbers that can be read.
    """
    try:
        vector, home = _take_tensor(leaf) if owner(leaf) == "torch" else _take_jax(leaf)
    except NotNumbersError:
        raise
    except Exception as error:
        # A foreign array may fail in any way: no storage, deleted, on other machines.
        raise NotNumbersError(f"{_titled(leaf)} that cannot be read ({error})") from error
    return vector if home.precision == "float64" else rounded(vector, home.precision), home


def _take_tensor(leaf: Any) -> tuple[Floats, Home]:
    torch, name = sys.modules["torch"], _name(leaf.dtype)
    if leaf.layout is not torch.strided:
        raise NotNumbersError(f"a sparse {_titled(leaf)[2:]}: convert it with `.to_dense()`")
    if leaf.is_meta:
        raise NotNumbersError(f"{_titled(leaf)} on the device meta, which holds no numbers")
    dtype = leaf.dtype
    if name.startswith(("int", "uint")):
        dtype = torch.float32 if leaf.device.type == "mps" else torch.float64
    elif name not in ROUNDOFF:
        raise NotNumbersError(_refused(leaf, name, ".to(torch.float32)"))
    vector = leaf.detach().cpu().to(torch.float64).numpy(force=True).flatten()
    return vector, _of_tensor(dtype, leaf.device)


def _of_tensor(dtype: Any, device: Any) -> Home:
    precision = _name(dtype)
    held = _FLOAT32 if precision == "bfloat16" else np.dtype(precision)
    return Home("torch", dtype, device, precision, held, device.type == "cpu" and precision != "bfloat16")


def _take_jax(leaf: Any) -> tuple[Floats, Home]:
    jax, name = sys.modules["jax"], _name(leaf.dtype)
    if isinstance(leaf, jax.core.Tracer):
        raise NotNumbersError("a traced JAX array: call secant outside of `jit`, `grad` and `vmap`")
    usual = np.dtype(jax.dtypes.result_type(float))
    if name == "float64" and usual != _FLOAT64:
        raise NotNumbersError(
            "a JAX array of dtype float64 while JAX is limited to float32: "
            "enable `jax_enable_x64`, or convert it with `.astype('float32')`"
        )
    if name.startswith(("int", "uint")):
        dtype = usual
    elif name in ROUNDOFF:
        dtype = np.dtype(leaf.dtype)
    else:
        raise NotNumbersError(_refused(leaf, name, ".astype('float32')"))
    device = leaf.sharding
    if not getattr(leaf, "committed", True) and device == _free(jax):
        device = None
    weak = bool(leaf.weak_type) and not leaf.shape and dtype == usual and device is None
    return np.asarray(leaf).astype(np.float64).reshape(-1), Home("jax", dtype, device, dtype.name, dtype, True, weak)


def _free(jax: Any) -> Any:
    """Return where JAX puts an array that nobody has placed."""
    return jax.numpy.asarray(np.float32(0.0)).sharding


def _titled(leaf: Any) -> str:
    return f"a {'PyTorch tensor' if owner(leaf) == 'torch' else 'JAX array'} of dtype {_name(leaf.dtype)}"


def _refused(leaf: Any, name: str, cast: str) -> str:
    """Say what an array is that cannot be moved by small steps, and what to do about it."""
    if name.startswith("complex"):
        return f"{_titled(leaf)}: pass its real and imaginary parts as two arrays"
    return _titled(leaf) + (f": convert it with `{cast}`" if name == "bool" or name.startswith("float") else "")


# --- points and results: from numbers to the library ----------------------------------------------------


def point(home: Home, part: Any) -> Any:
    """Return numbers as an array that f is handed.

    ``part`` has the array's shape, and entries that its precision holds; float64, or complex128 for a point beside the
    real axis of a float64 array. Memory is shared with it where the library can.
    """
    held = part if home.precision == "float64" else part.astype(home.held)
    if home.owner == "torch":
        tensor = sys.modules["torch"].from_numpy(held)
        return tensor if home.direct else _placed(tensor, home)
    if home.weak and held.dtype == home.held:
        return sys.modules["jax"].numpy.asarray(held.item())
    return _placed_jax(held, home)


def _placed(tensor: Any, home: Home) -> Any:
    return tensor.to(home.device) if tensor.is_complex() else tensor.to(home.device, home.dtype)


def _placed_jax(held: Any, home: Home) -> Any:
    jax = sys.modules["jax"]
    return jax.numpy.asarray(held) if home.device is None else jax.device_put(held, home.device)


def result(home: Home, part: Any, kind: Kind) -> Any:
    """Return results in an array's home: in its dtype, or as wide as there is for ``"error"``; verdicts in NumPy's.

    ``part`` has the array's shape; it may be complex, and is then made so at the same precision. A result shares no
    memory with it.
    """
    if kind == "verdict":
        return part.copy() if part.ndim else part.item()
    if np.iscomplexobj(part):
        narrow = np.array(part, dtype=np.complex128 if home.precision == "float64" else np.complex64)
        if home.owner == "torch":
            return _placed(sys.modules["torch"].from_numpy(narrow), home)
        return _placed_jax(narrow, home)
    values = np.array(part, dtype=np.float64)
    if kind == "value":
        return point(home, values if home.precision == "float64" else rounded(values, home.precision))
    home = _widest(home)
    return point(home, values if home.precision == "float64" else _raised(values))


def _widest(home: Home) -> Home:
    """Return a home for bars: float64 where there is such a thing."""
    if home.owner == "torch":
        torch = sys.modules["torch"]
        return _of_tensor(torch.float32 if home.device.type == "mps" else torch.float64, home.device)
    dtype = np.dtype(sys.modules["jax"].dtypes.result_type(float))
    return Home("jax", dtype, home.device, dtype.name, dtype, True)


def _raised(bars: Floats) -> Floats:
    """Return bars as float32 numbers, none of them smaller than it was."""
    with np.errstate(all="ignore"):
        near = bars.astype(np.float32)
        up = np.where(near < bars, np.nextafter(near, np.float32(np.inf)), near)
    return up.astype(np.float64)


def home_of(value: Any) -> Home | None:
    """Return the home in which derivatives of a value of f are at home; None for NumPy's and for what is no array."""
    if owner(value) is None:
        return None
    try:
        return take(value.real if "complex" in _name(value.dtype) else value)[1]
    except NotNumbersError:
        return None


# --- values of f ----------------------------------------------------------------------------------------


def read(value: Any) -> tuple[NDArray[Any], tuple[int, ...], float]:
    """Return a value of f as a flat fresh array (float64 or complex128), with its shape and its unit roundoff.

    Raises
    ------
    NotNumbersError : when it does not hold numbers that can be read.
    """
    if owner(value) == "torch":
        return _read_tensor(value)
    jax = sys.modules["jax"]
    if isinstance(value, jax.core.Tracer):
        raise NotNumbersError("a traced JAX array: call secant outside of `jit`, `grad` and `vmap`")
    shape, eps = tuple(value.shape), _roundoff(value)
    array = np.asarray(value)
    wide = np.complex128 if array.dtype.kind == "c" else np.float64
    return array.astype(wide, order="C").reshape(-1), shape, eps


def _read_tensor(value: Any) -> tuple[NDArray[Any], tuple[int, ...], float]:
    eps = _roundoff(value)
    if not value.ndim:
        item = value.item()
        return np.array((item,), np.complex128 if type(item) is complex else np.float64), (), eps
    torch = sys.modules["torch"]
    there = value.detach()
    if there.layout is not torch.strided:
        there = there.to_dense()
    wide = torch.complex128 if there.is_complex() else torch.float64
    return there.cpu().to(wide).numpy(force=True).flatten(), tuple(value.shape), eps


def _roundoff(value: Any) -> float:
    """Return the unit roundoff of an array of numbers."""
    found = _EPS.get(value.dtype)
    if found is None:
        name = _name(value.dtype)
        found = UNIT_ROUNDOFF if name.startswith(("int", "uint")) else _PRECISE.get(name)
        if found is None:
            raise NotNumbersError(_titled(value))
        _EPS[value.dtype] = found
    return found


def ends_domain(error: Exception) -> bool:
    """Return whether an exception of a library says what NumPy says by a ValueError: a matrix that has no inverse."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(error, torch.linalg.LinAlgError)


def as_numpy(value: Any) -> Any:
    """Return a PyTorch tensor or a JAX array as a NumPy array (bfloat16 as float32); anything else as it is.

    >>> as_numpy(3.0), as_numpy([1.0])
    (3.0, [1.0])
    """
    found = owner(value)
    if found is None:
        return value
    if found == "jax":
        array = np.asarray(value)
        return array if array.dtype.kind in "biufc" else array.astype(np.float32)
    torch, there = sys.modules["torch"], value.detach().cpu()
    return (there.float() if there.dtype is torch.bfloat16 else there).numpy(force=True).copy()
