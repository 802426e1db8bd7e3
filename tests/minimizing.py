"""What the tests of a minimizer's parts share: a board, and cores that are run on a function of points."""

from collections.abc import Callable
from math import inf
from typing import Any

import numpy as np

from secant.core.board import Board
from secant.core.request import Core, Reply, Request, run

F = Callable[[Any], float]


def board(n: int, lower: Any = -inf, upper: Any = inf, most: int = 10_000, **parts: Any) -> Board:
    """Return a board for n variables in float64."""
    sides = (np.broadcast_to(np.asarray(side, dtype=float), (n,)).copy() for side in (lower, upper))
    return Board(*sides, parts.pop("rounded", None), np.full(n, 2.0**-53), most, **parts)


class Points:
    """A function that answers requests, and keeps the points."""

    def __init__(self, f: F) -> None:
        self.f, self.seen = f, list[Any]()

    def __call__(self, request: Request) -> Reply:
        values = []
        for j, t in enumerate(request.t):
            lane = 0 if request.lane is None else int(request.lane[j])
            point = request.base.copy()
            if request.directions is not None:
                point = point + t * request.directions[lane]
            elif t:
                point[lane] += t
            self.seen.append(point)
            values.append([self.f(point)])
        return Reply(np.array(values))


def asked(core: Core[Any], f: F) -> Any:
    """Run a core on a function."""
    return run(core, Points(f))
