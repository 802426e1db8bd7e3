"""The lines of a question: one per entry of x, or one along a direction, with the space and the budget of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import inf
from typing import overload

import numpy as np
from numpy.typing import NDArray

from secant._api.options import DEFAULT_BUDGET, FEW_PAIRS, HIGHER_BUDGET, MANY, MANY_PAIRS, PLAIN, Options, room
from secant.core.ladder import Line
from secant.core.operators import BLOCK
from secant.core.request import Floats
from secant.evaluation.evaluator import Evaluator
from secant.evaluation.trees import Layout


def line_budget(chosen: Options, count: int) -> int:
    """Return what one of so many lines may cost, f at the point included; all of them share one budget as well."""
    usual = DEFAULT_BUDGET if chosen.order == 1 else HIGHER_BUDGET
    most = chosen.max_evaluations
    if most is None:
        return usual
    return min(most, max(usual, 1 + (most - 1) // max(count, 1)))


def _sides(chosen: Options, below: float, above: float) -> tuple[float, float]:
    """Close the side that a one-sided method does not look at."""
    if chosen.formula is None and chosen.method == "forward":
        return 0.0, above
    if chosen.formula is None and chosen.method == "backward":
        return below, 0.0
    return below, above


def coordinate_lines(
    chosen: Options,
    base: Floats,
    layout: Layout,
    varying: Sequence[int] | NDArray[np.intp] | None = None,
    late: bool = False,
) -> Sequence[Line]:
    """Return the lines of a gradient at a flat point, one per entry of x (or of those that vary).

    Very many are made ``late``, each time that one of them is wanted.
    """
    if chosen is PLAIN and layout.scalar and layout.exact:
        x = base.item(0)
        return [Line(x, abs(x))]
    space = room(chosen, base, layout)
    eps = layout.eps
    places: Sequence[int] = range(layout.size) if varying is None else [int(i) for i in varying]
    count = len(places)
    budget = line_budget(chosen, count)
    plain = layout.exact
    pairs = DEFAULT_BUDGET if count == 1 else FEW_PAIRS if count < MANY else MANY_PAIRS

    def made(i: int) -> Line:
        x = base.item(i)
        below, above = (inf, inf) if space is None else (float(space[0][i]), float(space[1][i]))
        below, above = _sides(chosen, below, above)
        rounder: Callable[[float], float] | None = None if plain else layout.rounder(i)
        unit = eps if isinstance(eps, float) else float(eps[i])
        return Line(
            x,
            abs(x),
            below,
            above,
            chosen.max_step,
            chosen.noise,
            chosen.rtol,
            budget,
            unit,
            rounder,
            pairs=pairs,
            order=chosen.order,
            noises=chosen.noises,
        )

    return _Lines(made, places) if late and count > BLOCK else [made(i) for i in places]


class _Lines(Sequence[Line]):
    """Lines by their places, made when one of them is wanted."""

    def __init__(self, made: Callable[[int], Line], places: Sequence[int]) -> None:
        self._made, self._places = made, places

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, place: int) -> Line: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Line]: ...
    def __getitem__(self, place: int | slice) -> Line | Sequence[Line]:
        if isinstance(place, slice):
            return [self._made(i) for i in self._places[place]]
        return self._made(self._places[place])

    def __iter__(self) -> Iterator[Line]:
        return map(self._made, self._places)


def direction_line(chosen: Options, evaluator: Evaluator, v: Floats) -> Line:
    """Return the line along a direction: t = 1 leads to x + v."""
    base, layout = evaluator.base, evaluator.layout
    moving = v != 0.0
    share = np.abs(v[moving])
    size = np.abs(base[moving])
    below = above = inf
    space = room(chosen, base, layout)
    if space is not None:
        down, up = space[0][moving] / share, space[1][moving] / share
        rising = v[moving] > 0.0
        above = float(np.where(rising, up, down).min())
        below = float(np.where(rising, down, up).min())
    below, above = _sides(chosen, below, above)
    eps = float(np.max(layout.eps))
    return Line(
        0.0,
        float((np.where(size > 0.0, size, 4.0) / share).min()),
        below,
        above,
        float((chosen.max_step / share).min()),
        chosen.noise,
        chosen.rtol,
        line_budget(chosen, 1),
        eps,
        None,
        2.0 * eps * float((size / share).max()),
        float((size / share).max()),
        order=chosen.order,
        noises=chosen.noises,
    )
