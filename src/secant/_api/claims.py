"""What is claimed: gradients, Jacobians and products read as arrays, and asked for as often as a check needs.

Rules:

* A claim that has not the shape of what it stands for is a finding, not an error: the check says ``disagree``. What
  holds no real numbers is an error.
* A derivative that is a function is called with fresh copies of x, always right after f was called there: code that
  keeps something from the last call of f finds it. It is called three times, twice at x and in between at another
  point, so that state, random numbers and stale answers show.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from secant.core.errors import InputTypeError, OutputError
from secant.core.request import Floats
from secant.evaluation.trees import Layout, leaves
from secant.evaluation.values import read

#: Roundoffs that a claim may be off without being wrong.
ROUNDING = 8.0


@dataclass(frozen=True, slots=True)
class Claimed:
    """A claim as m rows of n numbers, with the rounding of each, or the complaint that it has another shape."""

    rows: Floats
    slack: Floats
    complaint: str = ""


def numbers(value: Any, name: str) -> tuple[Floats, tuple[int, ...], float]:
    """Return real numbers flat, with their shape and roundoff; not finite ones are welcome."""
    dense = value.toarray() if hasattr(value, "toarray") else value
    try:
        flat, shape, eps = read(dense, name)
    except OutputError as error:
        raise InputTypeError(str(error)) from error
    if np.iscomplexobj(flat):
        raise InputTypeError(f"`{name}` must be real numbers; got complex ones")
    return np.asarray(flat, dtype=np.float64), shape, eps


def claimed(value: Any, layout: Layout, outputs: tuple[int, ...], name: str) -> Claimed:
    """Read the derivative of an f whose values have the shape ``outputs`` by everything in x.

    It has the shape ``outputs + x.shape``, for each leaf of x when that is a tree; where f has several outputs an array
    of m by n will do.
    """
    m, n = int(np.prod(outputs)), layout.size
    if layout.structure is None or _numbers_only(layout, value):
        flat, shape, eps = numbers(value, name)
        own = layout.shapes[0] if layout.structure is None else (n,)
        whole = (*outputs, *own)
        # One number is as good as an array of it.
        wanted = {whole} | ({(m, n)} if outputs else set()) | ({(), (1,)} if m * n == 1 else set())
        if shape not in wanted:
            return _complaint(shape, whole, name, m, n)
        rows = flat.reshape(m, n)
        return Claimed(rows, ROUNDING * eps * np.abs(rows))
    found = leaves(value)
    if len(found) != len(layout.leaves):
        return _complaint(f"{len(found)} leaves", f"{len(layout.leaves)}", name, m, n)
    rows, slack = np.empty((m, n)), np.empty((m, n))
    for part, leaf in zip(found, layout.leaves, strict=True):
        flat, shape, eps = numbers(part, name)
        if shape != (*outputs, *leaf.shape):
            return _complaint(f"{shape} at x{leaf.path}", (*outputs, *leaf.shape), name, m, n)
        rows[:, leaf.start : leaf.stop] = flat.reshape(m, -1)
        slack[:, leaf.start : leaf.stop] = ROUNDING * eps * np.abs(rows[:, leaf.start : leaf.stop])
    return Claimed(rows, slack)


def claimed_square(value: Any, layout: Layout, name: str) -> Claimed:
    """Read second derivatives by everything in x: of the shape ``x.shape + x.shape``, or a matrix of n by n."""
    n = layout.size
    own = layout.shapes[0] if layout.structure is None else (n,)
    flat, shape, eps = numbers(value, name)
    if shape not in {(*own, *own), (n, n)}:
        return _complaint(shape, (*own, *own), name, n, n)
    rows = flat.reshape(n, n)
    return Claimed(rows, ROUNDING * eps * np.abs(rows))


def _numbers_only(layout: Layout, value: Any) -> bool:
    """Return whether x is a list of numbers and the claim an array of as many."""
    return hasattr(value, "shape") and all(not leaf.shape for leaf in layout.leaves)


def _complaint(got: Any, wanted: Any, name: str, m: int, n: int) -> Claimed:
    nothing = np.zeros((m, n))
    return Claimed(nothing, nothing, f"`{name}` has the shape {got} where {wanted} is needed")


@dataclass(frozen=True, slots=True)
class Witness:
    """A claim asked for three times: at x, elsewhere, and at x again; f at x, there, and at x again.

    ``elsewhere`` is None for a claim that is a value, or where it could not be had.
    """

    first: Claimed
    elsewhere: Claimed | None
    again: Claimed
    fun: Floats
    change: float
    random: bool


def asked(claim: Callable[[Any], Claimed], point: Any) -> Claimed | None:
    """Return a claim at another point, None where it fails: it need not be defined there."""
    try:
        return claim(point)
    except Exception:  # noqa: BLE001  # the derivative is the caller's own code, and nobody asked for it here
        return None


def difference(first: Claimed, again: Claimed) -> Floats:
    """Return by how much two answers at the same x differ, (m, n); 0 where both are no numbers."""
    same = (first.rows == again.rows) | (np.isnan(first.rows) & np.isnan(again.rows))
    with np.errstate(invalid="ignore"):
        return np.where(same, 0.0, np.nan_to_num(np.abs(again.rows - first.rows), nan=np.inf))


def restless(first: Claimed, again: Claimed) -> str:
    """Say how the second answer at the same x differs from the first.

    >>> one, two = (Claimed(np.array([[3.0, 4.0]]) * k, np.zeros((1, 2))) for k in (1, 2))
    >>> restless(one, two)
    'the second answer at the same x is twice the first: they are added up and not set to zero in between'
    """
    if again.complaint or first.complaint:
        return "the second answer at the same x has another shape"
    moved = difference(first, again) > 0.0
    with np.errstate(all="ignore"):
        ratios = (again.rows / first.rows)[moved]
    if np.allclose(ratios, 2.0, rtol=1e-6):
        return "the second answer at the same x is twice the first: they are added up and not set to zero in between"
    return "two calls at the same x gave different answers: the derivative keeps a state, or draws random numbers"


def stale(witness: Witness) -> bool:
    """Return whether the derivative answered the very same somewhere else, and that is not zero."""
    other = witness.elsewhere
    if other is None or other.complaint or not witness.first.rows.any():
        return False
    return bool(np.array_equal(other.rows, witness.first.rows))
