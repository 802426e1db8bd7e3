"""Arguments of a function of another library, split into what is differentiated by and what is held fixed.

Rules: arrays of real floats vary and are named by where they sit; all else (integers, masks, strings) stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import secant


@dataclass(frozen=True, slots=True)
class Inputs:
    """Arguments taken apart: ``varying`` by name, and the way back to positional and keyword arguments."""

    varying: dict[str, Any]
    rebuilt: Callable[[Mapping[str, Any]], tuple[tuple[Any, ...], dict[str, Any]]]


def split(inputs: Any, floats: Callable[[Any], bool]) -> Inputs:
    """Take arguments apart: a tuple or list holds several, a dict keyword arguments, all else is a single one.

    >>> import numpy as np
    >>> found = split((np.ones(2), 3), lambda leaf: isinstance(leaf, np.ndarray))
    >>> list(found.varying), found.rebuilt({"inputs[0]": "moved"})
    (['inputs[0]'], (('moved', 3), {}))
    """
    import optree

    whole = inputs if isinstance(inputs, dict) else tuple(inputs) if isinstance(inputs, tuple | list) else (inputs,)
    tree: Any = whole
    accessors, leaves, spec = optree.tree_flatten_with_accessor(tree)
    names = [accessor.codify("inputs") for accessor in accessors]
    varying = {name: leaf for name, leaf in zip(names, leaves, strict=True) if floats(leaf)}

    def rebuilt(moved: Mapping[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        found: Any = spec.unflatten([moved.get(name, leaf) for name, leaf in zip(names, leaves, strict=True)])
        return ((), dict(found)) if isinstance(found, dict) else (tuple(found), {})

    return Inputs(varying, rebuilt)


def needed(varying: Mapping[str, Any], what: str) -> None:
    """Refuse arguments of which none can vary."""
    if not varying:
        raise secant.InputError(f"`inputs` must hold at least one {what} of real floats: nothing else can be varied")


def one_by_one(how: Mapping[str, Any]) -> None:
    """Refuse what does not go with arguments that are put together anew at every call.

    Raises
    ------
    InputTypeError : for batches, and for arrays that are moved in place.
    """
    for name in ("vectorized", "inplace"):
        if name in how:
            raise secant.InputTypeError(
                f"`check` takes no option `{name}`: its arguments are put together anew at every call"
            )
