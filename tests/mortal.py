"""A valley whose program may end on the way: what tests of journals go down."""

from __future__ import annotations

from typing import Any


def rosenbrock(x: Any) -> float:
    return float((1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2)


class Killed(Exception):  # noqa: N818 - it is no error
    """The program ends here."""


class Mortal:
    """Rosenbrock's valley, for so many calls."""

    def __init__(self, most: float) -> None:
        self.most, self.calls = most, 0

    def __call__(self, x: Any) -> float:
        if self.calls == self.most:
            raise Killed
        self.calls += 1
        return rosenbrock(x)
