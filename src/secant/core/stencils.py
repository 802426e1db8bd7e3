"""Finite-difference weights by exact fractions.

A stencil is printable data: integer offsets in units of the step, integer weights, and one common
denominator, so that ``central`` evaluates as ``(f(x + h) - f(x - h)) / (2 * h)`` to the last bit.
Weights solve the moment equations sum(w_i * o_i**p) = p! [p = order] for p < number of points
(B. Fornberg, Generation of finite difference formulas on arbitrarily spaced grids, 1988); solved in
rational arithmetic, so that there is nothing to round.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import factorial, lcm

from secant.core.errors import InputError


@dataclass(frozen=True, slots=True)
class Stencil:
    """A fixed formula: sum(weights * f(x + offsets * h)) / (denominator * h**order).

    >>> CENTRAL
    Stencil(offsets=(1, -1), weights=(1, -1), denominator=2, order=1)
    """

    offsets: tuple[int, ...]
    weights: tuple[int, ...]
    denominator: int
    order: int = 1

    def apply(self, values: Sequence[float], step: float) -> float:
        """Combine the values at the offsets; ``step`` is the step as given.

        >>> CENTRAL.apply([4.0, 2.0], 0.5)
        2.0
        """
        total = self.weights[0] * values[0]
        for weight, value in zip(self.weights[1:], values[1:], strict=True):
            total = total + weight * value
        result: float = total / (self.denominator * step**self.order)
        return result


def stencil(offsets: Sequence[int], order: int = 1) -> Stencil:
    """Return the formula of highest accuracy for the derivative of an order on integer offsets.

    Raises InputError when offsets repeat or are too few for the order.

    >>> stencil((-2, -1, 0, 1, 2), order=2).weights
    (-1, 16, -30, 16, -1)
    """
    points = tuple(int(offset) for offset in offsets)
    if len(set(points)) != len(points):
        raise InputError(f"`offsets` must be different integers, got {points}")
    if not 1 <= order < len(points):
        raise InputError(f"`order` must be from 1 to {len(points) - 1} for {len(points)} offsets, got {order}")
    weights = _solve(points, order)
    denominator = lcm(*(weight.denominator for weight in weights))
    whole = tuple(int(weight * denominator) for weight in weights)
    return Stencil(points, whole, denominator, order)


def _solve(points: tuple[int, ...], order: int) -> list[Fraction]:
    """Solve the moment equations by Gauss-Jordan elimination in fractions."""
    size = len(points)
    rows = [[Fraction(point) ** power for point in points] for power in range(size)]
    for power, row in enumerate(rows):
        row.append(Fraction(factorial(order) if power == order else 0))
    for column in range(size):
        pivot = next(index for index in range(column, size) if rows[index][column] != 0)
        rows[column], rows[pivot] = rows[pivot], rows[column]
        head = rows[column][column]
        rows[column] = [entry / head for entry in rows[column]]
        for index in range(size):
            factor = rows[index][column]
            if index != column and factor != 0:
                rows[index] = [mine - factor * its for mine, its in zip(rows[index], rows[column], strict=True)]
    return [row[-1] for row in rows]


CENTRAL = Stencil((1, -1), (1, -1), 2)
FORWARD = Stencil((1, 0), (1, -1), 1)
BACKWARD = Stencil((0, -1), (1, -1), 1)


def standard(method: str, order: int) -> Stencil:
    """Return the shortest ``central``, ``forward`` or ``backward`` formula of an order.

    >>> standard("central", 2)
    Stencil(offsets=(-1, 0, 1), weights=(1, -2, 1), denominator=1, order=2)
    """
    if order == 1:
        return {"central": CENTRAL, "forward": FORWARD, "backward": BACKWARD}[method]
    half = (order + 1) // 2
    first = {"central": -half, "forward": 0, "backward": -order}[method]
    return stencil(range(first, (half if method == "central" else first + order) + 1), order)
