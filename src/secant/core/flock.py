"""Lanes with the same history, as arrays: what travels together in :mod:`secant.core.lanes`."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from secant.core.arrays import Columns, Mask, Picks, Whole
from secant.core.request import Floats


@dataclass(slots=True)
class Flock:
    """Lanes with the same history: ``climbing`` after the floor, ``rising`` while larger steps gain an order each.

    ``best``, ``rows`` and ``sigma`` are the climb's: the best entries so far, and the rows and the level it began with.
    ``h`` is the step that is asked for; a flock that is ``waiting`` has it settled already.
    """

    lane: Whole
    unit: Floats
    top: Floats
    bottom: Floats
    s: list[Floats]
    odd: Columns
    even: Columns
    largest: list[Floats]
    before: Floats
    stalls: Whole
    pairs: list[tuple[Floats, Floats, Floats]]
    rising: bool = True
    climbing: bool = False
    best: Picks | None = None
    rows: int = 0
    sigma: Floats = field(default_factory=lambda: np.zeros(0))
    waiting: bool = False
    h: Floats = field(default_factory=lambda: np.zeros(0))

    def take(self, chosen: Mask | Whole) -> Flock:
        """Return the flock of some of its lanes."""
        return Flock(
            self.lane[chosen],
            self.unit[chosen],
            self.top[chosen],
            self.bottom[chosen],
            [column[chosen] for column in self.s],
            [[entry[chosen] for entry in row] for row in self.odd],
            [[entry[chosen] for entry in row] for row in self.even],
            [column[chosen] for column in self.largest],
            self.before[chosen],
            self.stalls[chosen],
            [(h[chosen], a[chosen], b[chosen]) for h, a, b in self.pairs],
            self.rising,
            self.climbing,
            None if self.best is None else self.best.take(chosen),
            self.rows,
            self.sigma[chosen] if self.climbing else self.sigma,
        )
