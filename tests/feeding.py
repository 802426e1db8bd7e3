"""Cores fed by hand: lines and batches of them, with what was asked for on the way."""

from __future__ import annotations

import math

import numpy as np

from secant.core.ladder import Line
from secant.core.line import opening
from secant.core.orders import differentiate
from secant.core.request import Reply, Request


def follow(f, line, u=2.0**-53):
    """Run a line against f; return what came out and the steps asked for, round by round."""

    def value(t: float) -> float:
        try:
            return float(f(line.x + t))
        except (ArithmeticError, ValueError):
            return math.nan

    asked = opening(line)
    rounds = [asked]
    core = differentiate(line, asked, [value(t) for t in asked], u)
    try:
        steps = next(core)
        while True:
            rounds.append(steps)
            steps = core.send([value(t) for t in steps])
    except StopIteration as stop:
        return stop.value, rounds


def lines_at(x, **how):
    """Return a line for each entry of x."""
    return [Line(float(entry), abs(float(entry)), **how) for entry in x]


class Batches:
    """Answers requests for a function of a vector, and keeps what was asked for: lane, step, and whether along v."""

    def __init__(self, f) -> None:
        self.f, self.rounds, self.asked = f, 0, []

    def __call__(self, request: Request) -> Reply:
        self.rounds += 1
        lanes = np.zeros(len(request.t), dtype=int) if request.lane is None else np.asarray(request.lane)
        found = []
        for lane, t in zip(lanes, request.t, strict=True):
            x = request.base.copy()
            if request.directions is None:
                x[lane] += t
            else:
                x += t * request.directions[lane]
            self.asked.append((int(lane), float(t), request.directions is not None))
            try:
                found.append(np.atleast_1d(self.f(x)))
            except ArithmeticError:
                found.append(np.full_like(found[0], np.nan))
        return Reply(np.array(found, dtype=float))

    @property
    def points(self) -> int:
        """How many points were asked for."""
        return len(self.asked)

    @property
    def twice(self) -> int:
        """How many of them were asked for again; f at x belongs to every lane."""
        return len(self.asked) - len({point if point[1] else None for point in self.asked})
