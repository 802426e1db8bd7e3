"""Which entries of x vary: `wrt=` turned into positions in the flat vector, and questions about those alone.

Rules:

* Of a tree, `wrt` names children of its top: keys of a dict, positions in a list or tuple, fields of a namedtuple or
  dataclass; one of them or a list of them. Of a single array it is whatever NumPy takes for an index: a mask of x's
  shape, integers, a slice, a tuple of these.
* Entries that are not asked for are held fixed, and cost nothing. In the answer they are NaN with an error of NaN (no
  other entry has that error), and have no say in its verdict, its details or its text.
* The core knows nothing of this: its lanes and directions count the entries that vary, and are translated on the way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from secant.core.errors import InputError, InputTypeError
from secant.core.request import Reply, Request
from secant.evaluation.foreign import as_numpy
from secant.evaluation.trees import Layout

Positions: TypeAlias = NDArray[np.intp]

#: Names listed in a message; more would hide it.
LISTED = 12


def positions(wrt: Any, x: Any, layout: Layout) -> Positions | None:
    """Return the positions of the entries that vary, in increasing order; None when all do.

    >>> from secant.evaluation.trees import flatten
    >>> x = {"w": np.ones(2), "b": 0.5}
    >>> positions("w", x, flatten(x)[1])
    array([1, 2])
    """
    if wrt is None:
        return None
    if layout.scalar:
        raise InputError("`wrt` must be left out for a single number: it is all that can vary")
    found = _indexed(wrt, layout) if layout.structure is None else _named(wrt, x, layout)
    if not found.size:
        raise InputError(f"`wrt` must select at least one entry of `x`; {wrt!r} selects none")
    return None if found.size == layout.size else found


def _indexed(wrt: Any, layout: Layout) -> Positions:
    """Return the positions that an index of a single array selects."""
    shape = layout.shapes[0]
    given = wrt if isinstance(wrt, tuple) else (wrt,)
    # An empty list would be an array of floats.
    parts = tuple(
        np.array(part, dtype=None if part else np.intp) if isinstance(part, list) else as_numpy(part) for part in given
    )
    for part in parts:
        if isinstance(part, bool) or (
            not isinstance(part, slice | int | np.integer | type(...))
            and not (isinstance(part, np.ndarray) and part.dtype.kind in "iub")
        ):
            raise InputTypeError(
                f"`wrt` must be a mask, integers or a slice for an array `x` of shape {shape}; got {wrt!r}"
            )
    try:
        chosen = np.arange(layout.size).reshape(shape)[parts]
    except IndexError as error:
        raise InputError(f"`wrt` must index an array `x` of shape {shape}; {error}") from None
    return np.unique(chosen)


def _named(wrt: Any, x: Any, layout: Layout) -> Positions:
    """Return the positions below the children of a tree that are named."""
    labels = _labels(x)
    names = list(wrt) if isinstance(wrt, list | tuple | set | frozenset) and not _known(wrt, labels) else [wrt]
    chosen: list[Positions] = []
    for name in names:
        place = name
        if isinstance(x, list | tuple) and isinstance(name, int | np.integer) and not isinstance(name, bool):
            place = int(name) + len(x) * (name < 0)
        if isinstance(name, bool) or not _known(place, labels):
            known = ", ".join(repr(label) for label in list(labels)[:LISTED])
            more = ", ..." if len(labels) > LISTED else ""
            raise InputError(f"`wrt` must name parts of `x`: {known}{more}; got {name!r}")
        prefix = labels[place]
        chosen += [
            np.arange(leaf.start, leaf.stop)
            for leaf in layout.leaves
            if leaf.path.startswith(prefix) and leaf.path[len(prefix) : len(prefix) + 1] in ("", ".", "[")
        ]
    return np.unique(np.concatenate(chosen)) if chosen else np.zeros(0, dtype=np.intp)


def _known(name: Any, labels: Mapping[Any, str]) -> bool:
    try:
        return name in labels
    except TypeError:  # not hashable, so the name of nothing
        return False


def _labels(x: Any) -> dict[Any, str]:
    """Return how each child of the top of a tree may be called, and the path at which it starts."""
    if isinstance(x, Mapping):
        return {key: f"[{key!r}]" for key in x}
    if isinstance(x, tuple) and hasattr(x, "_fields"):
        named = {name: f".{name}" for name in x._fields}
        return named | {place: f".{name}" for place, name in enumerate(x._fields)}
    if is_dataclass(x):
        return {part.name: f".{part.name}" for part in fields(x) if part.init}
    if isinstance(x, Sequence):
        return {place: f"[{place}]" for place in range(len(x))}
    return {}


def narrowed(evaluate: Callable[[Request], Reply], chosen: Positions, size: int) -> Callable[[Request], Reply]:
    """Return an evaluator for a core that counts only the entries that vary, out of ``size``.

    >>> inner = lambda request: Reply([float(lane) for lane in request.lane])
    >>> narrowed(inner, np.array([3, 7]), 10)(Request(np.zeros(10), (0, 1, 1), (0.5, 0.5, -0.5))).values
    [3.0, 7.0, 7.0]
    """

    def translated(request: Request) -> Reply:
        lane, directions = request.lane, request.directions
        if directions is not None:
            full = np.zeros((len(directions), size))
            full[:, chosen] = directions
            return evaluate(Request(request.base, lane, request.t, full, request.repeat, request.imaginary))
        lanes = np.full(len(request.t), chosen[0]) if lane is None else chosen[np.asarray(lane)]
        return evaluate(Request(request.base, lanes, request.t, None, request.repeat, request.imaginary))

    return translated
