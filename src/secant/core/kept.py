"""What an estimate keeps beside its numbers: the values it was made of, and how f bends there.

Values are kept when they are asked for. How f bends is kept always, being small: an estimate close by starts from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

#: How f bends along one line: ``second``, ``cubic``, ``third``, ``fifth``, ``reach`` and ``strayed`` of :class:`Bends`.
Bend: TypeAlias = tuple[float, float, float, float, float, float]


@dataclass(frozen=True, slots=True)
class Samples:
    """Every value of f that an estimate was made of, in the order of asking (``keep_samples=True``).

    Attributes
    ----------
    lane : (k,) integers: the entry of x that was moved, counted through x as a flat vector; along a direction 0. A
        gradient is checked along two further directions, which are lanes n and n + 1 for n entries.
    t : (k,) numbers: how far. f was evaluated where that entry is ``x + t``, or at ``x + t * v`` along v.
    values : (k, ...) f there, of f's shape; NaN where it has no finite value.
    imaginary : (k,) whether the step was taken beside the real axis instead, ``x + 1j * t``.
    directions : (2, n) those two directions, or None.

    >>> import numpy as np
    >>> Samples(np.zeros(2, int), np.array([0.0, 0.5]), np.ones(2), np.zeros(2, bool))
    2 samples
    """

    lane: Any
    t: Any
    values: Any
    imaginary: Any
    directions: Any = None

    def __len__(self) -> int:
        return len(self.t)

    def __str__(self) -> str:
        return f"{len(self)} sample{'' if len(self) == 1 else 's'}"

    __repr__ = __str__

    def to_json(self) -> str:
        """Return the samples as JSON text (read back by ``secant.from_json``)."""
        from secant.core.serialize import to_json

        return to_json(self)


@dataclass(frozen=True, slots=True)
class Bends:
    """How f bends around a point, by line and output: what ``near=`` goes by.

    Attributes
    ----------
    x : (n,) the point, flat.
    fun : (m,) f there; complex values are two, the real parts first.
    places : the leaves of x in words, each with its path and its shape.
    v : (n,) the direction, or None for the entries of x.
    table : (8, m, n) numbers, or eight for a single line and output. In order: the slope; the ``noise`` of f's values;
        and, NaN where a line had no plain ladder, what terms reach at the distance ``reach``, those of ``second`` and
        of third order (``cubic``), and the sizes of those of ``third`` and fourth, and of ``fifth`` and sixth order;
        ``reach``; and ``strayed``, how far x has moved since a ladder stood here, as a share of how far it may.
    """

    x: Any
    fun: Any
    places: str
    v: Any
    table: Any

    def __str__(self) -> str:
        return f"bends of f at {len(self.x)} numbers"

    __repr__ = __str__
