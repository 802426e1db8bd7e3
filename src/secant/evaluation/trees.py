"""Trees of numbers as flat vectors, and back.

Rules:

* A *leaf* is a real number (Python or NumPy) or an array of real numbers (of NumPy, PyTorch or JAX). A *tree*
  is a dict, list, tuple, namedtuple or dataclass instance of leaves and trees; None is a tree without leaves.
* Integers become float64; float64, float32, float16 and bfloat16 keep their dtype. Anything else is an error
  that says where in the tree it sits. What is special about arrays of other libraries than NumPy is in
  :mod:`secant.evaluation.foreign`.
* A list of numbers is a tree of numbers, not an array: ``[3.0, 4.0]`` has two scalar leaves, and a
  function of it is handed a list.
* The flat vector is float64, leaf after leaf in the order of the tree (dicts by sorted key), each
  leaf row by row. It holds every number of less precision exactly.
* A dataclass instance is rebuilt by calling its class with the fields that its ``__init__`` takes;
  the class is registered nowhere. Fields with ``init=False`` are left to ``__post_init__``.

The walk itself is optree's; a plain number or array takes a short way that does not import it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, is_dataclass
from functools import lru_cache
from math import prod
from typing import Any, Literal, TypeAlias

import numpy as np

from secant.core.errors import InputError, InputTypeError, kind_of, with_article
from secant.core.request import UNIT_ROUNDOFF, Floats
from secant.evaluation import foreign
from secant.evaluation.foreign import Home, Kind, NotNumbersError
from secant.evaluation.precision import ROUNDERS, ROUNDOFF, rounded

_FLOAT64 = np.dtype(np.float64)

#: NumPy's own precisions; the only other that a leaf can have is bfloat16.
_PRECISION = {np.dtype(name): name for name in ("float64", "float32", "float16")}

_LEAF = (np.ndarray, np.generic, float, int)

#: Subclasses of arrays with a meaning of their own, which a plain array would lose.
_STRANGE = (np.matrix, np.ma.MaskedArray)

Form: TypeAlias = Literal["number", "scalar", "array"]

_ALLOWED = (
    "a real number, an array of real numbers (of NumPy, PyTorch or JAX), "
    "or a tree (dict, list, tuple, dataclass) of them"
)


@dataclass(frozen=True, slots=True)
class Leaf:
    """One leaf: its path, what it is (``number`` of Python, ``scalar`` of NumPy, ``array``), and its slice.

    ``dtype`` is the one that NumPy holds its numbers in, ``precision`` the name of theirs, and ``home`` where an array
    lives that is not NumPy's.
    """

    path: str
    form: Form
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    start: int
    stop: int
    precision: str = "float64"
    home: Home | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """A dataclass instance in a tree: its class, and the structure of each field that ``__init__`` takes."""

    cls: type
    below: tuple[tuple[str, Structure], ...]


@dataclass(frozen=True, slots=True)
class Structure:
    """optree's structure, and for each of its leaves the dataclass that sits there (None: numbers)."""

    spec: Any
    parts: tuple[Record | None, ...]

    def build(self, leaves: Iterator[Any], make: Callable[[type, dict[str, Any]], Any]) -> Any:
        """Put leaves, taken in order, into the structure; ``make`` builds a dataclass from its fields."""
        items = []
        for part in self.parts:
            if part is None:
                items.append(next(leaves))
            else:
                items.append(make(part.cls, {name: below.build(leaves, make) for name, below in part.below}))
        return self.spec.unflatten(items)


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """Where each entry of a flat vector sits in x.

    Attributes
    ----------
    leaves : the leaves in order, and ``starts`` their first positions in the vector.
    structure : the tree around them, or None when x is itself a leaf.
    size : the number of entries, n.
    scalar : whether x is a single number (of Python or NumPy, or a 0-d array).
    eps : unit roundoff of the entries: a float when it is the same for all, else an (n,) array.
    exact : whether every leaf is float64, so that nothing is rounded on the way to f.

    >>> vector, layout = flatten(np.array([[1.0, 2.0], [3.0, 4.0]]))
    >>> layout.size, layout.path(3), layout.eps == 2.0**-53
    (4, '[1, 1]', True)
    """

    leaves: tuple[Leaf, ...]
    structure: Structure | None
    size: int
    scalar: bool
    eps: float | Floats
    starts: tuple[int, ...]
    exact: bool

    @property
    def shapes(self) -> tuple[tuple[int, ...], ...]:
        """The shape of each leaf."""
        return tuple(leaf.shape for leaf in self.leaves)

    @property
    def dtypes(self) -> tuple[np.dtype[Any], ...]:
        """The dtype of each leaf, as NumPy holds what f is handed."""
        return tuple(leaf.dtype for leaf in self.leaves)

    def leaf(self, i: int) -> Leaf:
        """Return the leaf that holds entry i."""
        return self.leaves[bisect_right(self.starts, i) - 1]

    def path(self, i: int) -> str:
        """Return where entry i sits: ``"['w'][0, 1]"``, ``"[3]"``, ``".bias[0]"``, or ``""`` for a scalar.

        >>> flatten({"b": 1.0, "w": np.zeros((2, 3))})[1].path(2)
        "['w'][0, 1]"
        """
        leaf = self.leaf(i)
        if not leaf.shape:
            return leaf.path
        return f"{leaf.path}[{', '.join(str(part) for part in np.unravel_index(i - leaf.start, leaf.shape))}]"

    def rounder(self, i: int) -> Callable[[float], float] | None:
        """Return the function that rounds a float to the precision of entry i; None when that is float64.

        A step t along coordinate i leads to ``round(base[i] + round(t))``, which is what NumPy's own
        addition in that dtype gives. Numbers beyond its range become infinite.

        >>> flatten(np.float32(1.0))[1].rounder(0)(0.1)
        0.10000000149011612
        """
        return ROUNDERS.get(self.leaf(i).precision)

    def rounded(self, vector: Floats) -> Floats:
        """Return an (n,) vector with each entry rounded to its leaf's precision, as a fresh float64 array."""
        found = np.array(vector, dtype=np.float64)
        for leaf in self.leaves:
            if leaf.precision != "float64":
                part = slice(leaf.start, leaf.stop)
                found[part] = rounded(found[part], leaf.precision)
        return found

    def unflatten(self, vector: Floats) -> Any:
        """Return an (n,) vector in x's structure, with the leaves' dtypes, in fresh memory.

        >>> flatten({"w": np.array([1, 2]), "b": 3})[1].unflatten(np.array([0.5, 1.5, 2.5]))
        {'w': array([1.5, 2.5]), 'b': 0.5}
        """
        return self.view(np.array(vector, dtype=np.float64))

    def view(self, vector: Floats) -> Any:
        """Do as ``unflatten`` does, but with float64 leaves that share the vector's memory."""
        if self.structure is None:
            return _restore(self.leaves[0], vector)
        return self.structure.build((_restore(leaf, vector) for leaf in self.leaves), _call)

    def viewer(self) -> Callable[[Floats], Any]:
        """Return what does so, point after point: for one array of float64 hardly more than nothing."""
        leaf = self.leaves[0]
        if self.structure is not None or leaf.form != "array":
            return self.view
        home, shape, dtype = leaf.home, leaf.shape, leaf.dtype
        if home is not None:
            return lambda vector: foreign.point(home, vector.reshape(shape))
        if not self.exact:
            return lambda vector: vector.reshape(shape).astype(dtype)
        if len(shape) == 1:
            return lambda vector: vector
        return lambda vector: vector.reshape(shape)

    def assembled(self, parts: Sequence[Any]) -> Any:
        """Return one result for each leaf, of whatever kind, in x's structure.

        >>> flatten({"w": np.zeros(2), "b": 1.0})[1].assembled(["of b", "of w"])
        {'w': 'of w', 'b': 'of b'}
        """
        return parts[0] if self.structure is None else self.structure.build(iter(parts), _bare)

    def wrap(self, values: Floats | Sequence[Any], kind: Kind = "value") -> Any:
        """Return n results in x's structure.

        Arrays have their leaf's dtype for ``"value"``, float64 for ``"error"``, and object for
        ``"verdict"``. A leaf without a shape gives a plain float or member. Values and errors of an array
        of another library are arrays of that library on its device, those without a shape too. Dataclass
        instances are made without calling ``__init__``, which may not be ready for verdicts; their
        ``init=False`` fields are None.

        >>> flatten([1.0, np.float32(2.0)])[1].wrap(np.array([0.1, 0.2]))
        [0.1, 0.2]
        """
        found: Any = np.empty(self.size, dtype=object if kind == "verdict" else np.float64)
        found[:] = values
        if self.structure is None:
            return _result(self.leaves[0], found, kind)
        return self.structure.build((_result(leaf, found, kind) for leaf in self.leaves), _bare)


def flatten(x: Any, *, name: str = "x") -> tuple[Floats, Layout]:
    """Return x as a flat float64 vector, and the layout that leads back.

    Parameters
    ----------
    x : a real number, an array of any shape and real dtype, or a tree of them.
    name : what errors call it.

    Raises
    ------
    InputTypeError : where there is something else than real numbers (its path is in the text).
    InputError : for entries that are not finite, and when there are no entries at all.

    >>> vector, layout = flatten({"w": np.array([1, 2]), "b": 3.0})
    >>> vector, [layout.path(i) for i in range(layout.size)]
    (array([3., 1., 2.]), ["['b']", "['w'][0]", "['w'][1]"])
    """
    if (type(x) is float and x - x == 0.0) or (type(x) is int and abs(x) <= 2**53):
        return np.array((x,), np.float64), _NUMBER
    if isinstance(x, _LEAF):
        vector, form, dtype, _ = _read(x, "", name)
        layout = _single(form, np.shape(x), dtype)
    elif foreign.owner(x):
        vector, form, dtype, home = _read(x, "", name)
        layout = _layout([("", form, tuple(x.shape), dtype, home)], None, not x.shape)
    else:
        if x is None:
            raise InputTypeError(f"`{name}` must be {_ALLOWED}; got None")
        found, structure = _open(x, "")
        read = [_read(leaf, path, name) for path, leaf in found]
        parts = [
            (path, form, np.shape(leaf) if home is None else tuple(leaf.shape), dtype, home)
            for (path, leaf), (_, form, dtype, home) in zip(found, read, strict=True)
        ]
        layout = _layout(parts, structure, False)
        vector = np.concatenate([part for part, *_ in read]) if read else np.empty(0)
    if not layout.size:
        raise InputError(f"`{name}` must have at least one entry; got {_empty(x)}")
    if not np.isfinite(vector).all():
        i = int(np.flatnonzero(~np.isfinite(vector))[0])
        raise InputError(f"`{name}` must be finite; {layout.path(i) or 'it'} is {vector[i]}")
    return vector, layout


def leaves(x: Any) -> list[Any]:
    """Return the leaves of a tree in the order of the flat vector: the very objects, not copies.

    >>> leaves({"b": 1.0, "a": (2.0, None)})
    [2.0, 1.0]
    """
    if isinstance(x, _LEAF) or foreign.owner(x):
        return [x]
    return [leaf for _, leaf in _open(x, "")[0]]


def _open(x: Any, prefix: str) -> tuple[list[tuple[str, Any]], Structure]:
    """Return the leaves of a tree, each with its path, and the structure around them."""
    import optree

    accessors, items, spec = optree.tree_flatten_with_accessor(x)
    found: list[tuple[str, Any]] = []
    parts: list[Record | None] = []
    for accessor, item in zip(accessors, items, strict=True):
        path = prefix + accessor.codify("")
        if not is_dataclass(item) or isinstance(item, type):
            found.append((path, item))
            parts.append(None)
            continue
        below = []
        for field in fields(item):
            if field.init:
                leaves, structure = _open(getattr(item, field.name), f"{path}.{field.name}")
                found += leaves
                below.append((field.name, structure))
        parts.append(Record(type(item), tuple(below)))
    return found, Structure(spec, tuple(parts))


def _read(leaf: Any, path: str, name: str) -> tuple[Floats, Form, np.dtype[Any], Home | None]:
    """Return a leaf as a fresh flat float64 vector, with its form, the dtype that f will see, and its home."""
    if isinstance(leaf, np.ndarray) and not isinstance(leaf, _STRANGE):
        dtype = _real(leaf.dtype)
        if dtype is not None:
            return leaf.astype(np.float64, order="C", subok=False).reshape(-1), "array", dtype, None
    elif isinstance(leaf, np.generic):
        dtype = _real(leaf.dtype)
        if dtype is not None:
            return np.array([leaf], dtype=np.float64), "scalar", dtype, None
    elif isinstance(leaf, float | int) and not isinstance(leaf, bool):
        try:
            return np.array((float(leaf),)), "number", _FLOAT64, None
        except OverflowError:
            where = f"{path} is an integer" if path else "it is an integer"
            raise InputError(f"`{name}` must fit into a float; {where} of {leaf.bit_length()} bits") from None  # type: ignore[union-attr]
    verb = f"must hold real numbers only; {path} is" if path else f"must be {_ALLOWED}; got"
    if foreign.owner(leaf):
        try:
            vector, home = foreign.take(leaf)
        except NotNumbersError as error:
            raise InputTypeError(f"`{name}` {verb} {error}") from error.__cause__
        return vector, "array", home.held, home
    raise InputTypeError(f"`{name}` {verb} {_described(leaf)}")


def _real(dtype: np.dtype[Any]) -> np.dtype[Any] | None:
    """Return the dtype in which f sees numbers of a dtype; None when they are not real numbers."""
    if dtype.kind in "iu":
        return _FLOAT64
    if dtype.kind == "f" and dtype.itemsize <= 8:
        return np.dtype(f"f{dtype.itemsize}")
    # Of ml_dtypes, which JAX brings along.
    return dtype if dtype.kind == "V" and dtype.name == "bfloat16" else None


def _described(leaf: Any) -> str:
    """Say what a leaf is that has no place in x, and what to do about it."""
    cls = type(leaf)
    named = cls.__qualname__ if cls.__module__ in ("builtins", "__main__") else f"{cls.__module__}.{cls.__qualname__}"
    if isinstance(leaf, bool | np.bool_):
        return f"a bool ({leaf}), which cannot be moved by a small step: pass a float"
    if isinstance(leaf, complex | np.complexfloating):
        return "a complex number: pass its real and imaginary parts as two entries"
    if isinstance(leaf, _STRANGE):
        kind = "numpy.matrix" if isinstance(leaf, np.matrix) else "masked array"
        return f"a {kind}: pass a plain array"
    if isinstance(leaf, np.ndarray | np.generic):
        form = "an array" if isinstance(leaf, np.ndarray) else "a NumPy scalar"
        hint = {
            "c": ": pass its real and imaginary parts as two arrays",
            "f": ": convert it with `.astype(float)`",
            "O": ": convert it with `.astype(float)`",
            "b": ": convert it with `.astype(float)`",
        }
        return f"{form} of dtype {leaf.dtype}{hint.get(leaf.dtype.kind, '')}"
    if hasattr(leaf, "named_parameters"):
        return f"{with_article(named)}: pass `dict(module.named_parameters())`"
    return with_article(named) + (": convert it with `numpy.asarray`" if hasattr(leaf, "__array__") else "")


def _empty(x: Any) -> str:
    array = isinstance(x, np.ndarray) or foreign.owner(x)
    return f"an array of shape {tuple(x.shape)}" if array else f"{kind_of(x)} without numbers"


_Part: TypeAlias = tuple[str, Form, tuple[int, ...], np.dtype[Any], Home | None]


def _layout(parts: list[_Part], structure: Any, scalar: bool) -> Layout:
    leaves = []
    start = 0
    for path, form, shape, dtype, home in parts:
        stop = start + prod(shape)
        precision = _PRECISION.get(dtype, "bfloat16") if home is None else home.precision
        leaves.append(Leaf(path, form, shape, dtype, start, stop, precision, home))
        start = stop
    found = {leaf.precision for leaf in leaves if leaf.stop > leaf.start}
    eps: float | Floats
    if len(found) > 1:
        eps = np.concatenate([np.full(leaf.stop - leaf.start, ROUNDOFF[leaf.precision]) for leaf in leaves])
    else:
        eps = ROUNDOFF[found.pop()] if found else UNIT_ROUNDOFF
    exact = all(leaf.precision == "float64" for leaf in leaves)
    return Layout(tuple(leaves), structure, start, scalar, eps, tuple(leaf.start for leaf in leaves), exact)


@lru_cache(maxsize=256)
def _single(form: Form, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Layout:
    """Return the layout of an x that is itself a leaf; kept, because a derivative costs microseconds."""
    return _layout([("", form, shape, dtype, None)], None, not shape)


_NUMBER = _single("number", (), _FLOAT64)


def _restore(leaf: Leaf, vector: Floats) -> Any:
    """Return one leaf of a point: a view of the vector where it is float64, a copy elsewhere."""
    if leaf.form == "number":
        return vector.item(leaf.start)
    if leaf.form == "scalar":
        return leaf.dtype.type(vector[leaf.start])
    part = vector if leaf.stop - leaf.start == vector.size else vector[leaf.start : leaf.stop]
    if leaf.home is not None:
        return foreign.point(leaf.home, part if part.shape == leaf.shape else part.reshape(leaf.shape))
    if leaf.precision != "float64":
        part = part.astype(leaf.dtype)
    return part if part.shape == leaf.shape else part.reshape(leaf.shape)


def _result(leaf: Leaf, values: Any, kind: Kind) -> Any:
    if leaf.home is not None:
        return foreign.result(leaf.home, values[leaf.start : leaf.stop].reshape(leaf.shape), kind)
    if not leaf.shape:
        return values[leaf.start] if kind == "verdict" else float(values[leaf.start])
    part = values[leaf.start : leaf.stop]
    if kind == "value" and leaf.precision != "float64":
        with np.errstate(all="ignore"):
            part = part.astype(leaf.dtype)
    # A copy: results must not keep one another's memory alive, nor change together.
    return np.array(part).reshape(leaf.shape)


def _call(cls: type, found: dict[str, Any]) -> Any:
    return cls(**found)


def _bare(cls: type, found: dict[str, Any]) -> Any:
    """Make a dataclass instance without its ``__init__``."""
    instance: Any = object.__new__(cls)
    for field in fields(cls):
        object.__setattr__(instance, field.name, found.get(field.name))
    return instance
