"""`near=`: an earlier answer at a point close by, checked, and what every answer keeps for that."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from secant._api.options import Options
from secant.core.columns import NOTHING, Row
from secant.core.errors import InputError, InputTypeError, kind_of
from secant.core.kept import Bends
from secant.core.operators import Slopes
from secant.core.request import Floats
from secant.core.results import Estimate, Slope
from secant.evaluation.trees import Layout


def bends_at(near: Any, chosen: Options, layout: Layout, v: Floats | None = None) -> Bends | None:
    """Check `near`, and return what it tells of how f bends; None when there is none, or it tells nothing.

    ``v`` is the direction of a directional derivative.
    """
    if near is None:
        return None
    if not isinstance(near, Estimate):
        raise InputTypeError(f"`near` must be an Estimate of the same f at a point close by; got {kind_of(near)}")
    if chosen.formula is not None or chosen.method not in ("auto", "central"):
        way = "a fixed `step`" if chosen.formula is not None else f"`method={chosen.method!r}`"
        raise InputError(f"`near` must be left out with {way}: it serves steps to both sides that secant chooses")
    if chosen.order != 1:
        raise InputError(f"`near` must be left out with `order={chosen.order}`: it serves first derivatives")
    bends = near.bends
    if bends is None:
        return None
    here = places(layout)
    if bends.places != here:
        raise InputError(
            f"`near` must be at a point like `x`, {here or 'a number'}; it is at {bends.places or 'a number'}"
        )
    if (bends.v is None) != (v is None):
        this = "by the entries of `x`" if v is None else "along `v`"
        raise InputError(f"`near` must be {this}, as this question is")
    if v is not None and not np.array_equal(bends.v, v):
        raise InputError("`near` must be along the same `v`; its own is another direction")
    count = 8 * np.size(bends.fun) * (layout.size if v is None else 1)
    if np.size(bends.x) != layout.size or np.size(bends.table) != count:
        raise InputError(f"`near` must tell of f in {count} numbers; its `bends` hold {np.size(bends.table)}")
    return bends


def places(layout: Layout) -> str:
    """Return the leaves of x in words, for the text of an error and to tell one x from another.

    >>> from secant.evaluation.trees import flatten
    >>> places(flatten({"w": np.ones((2, 3)), "b": 0.5})[1])
    "['b'] (), ['w'] (2, 3)"
    """
    return "" if layout.scalar else ", ".join(f"{leaf.path} {leaf.shape}".strip() for leaf in layout.leaves)


def of_entries(layout: Layout, base: Floats, found: Slopes, slopes: Sequence[Slope]) -> Bends | None:
    """Return how f bends along all entries of x."""
    if isinstance(slopes, Row):
        table = slopes.table[:, np.newaxis] if slopes.bent.any() else None
        return None if table is None else Bends(base, np.array(found.outputs), places(layout), None, table)
    if not any(slope.bend for slope in slopes):
        return None
    return Bends(base, np.array(found.outputs), places(layout), None, _table([slopes]))


def of_outputs(layout: Layout, base: Floats, found: Slopes, v: Floats | None) -> Bends | None:
    """Return how all outputs of f bend along one line."""
    rows = found.slopes
    slope = rows[0][0]
    if len(rows) == 1:
        if slope.bend is None:
            return None
        return Bends(base, found.outputs, places(layout), v, (slope.value, slope.noise, *slope.bend))
    if not any(row[0].bend for row in rows):
        return None
    return Bends(base, np.array(found.outputs), places(layout), v, _table(rows))


def _table(rows: Sequence[Sequence[Slope]]) -> Floats:
    return np.array(
        [[(s.value, s.noise, *(NOTHING if s.bend is None else s.bend)) for s in row] for row in rows]
    ).transpose(2, 0, 1)
