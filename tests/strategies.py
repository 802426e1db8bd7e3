"""Hypothesis strategies that several test modules share."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import inf
from typing import Any

from hypothesis import strategies as st

#: Numbers whose products neither underflow nor overflow.
ordinary = st.floats(-5, 5).filter(lambda c: c == 0.0 or abs(c) > 1e-30)
#: Entries of a point: 0, or of a size beside which an ordinary step is not lost.
entries = st.floats(-3, 3).filter(lambda c: c == 0.0 or abs(c) > 1e-6)
#: Room to one side of a point: none, or enough to see that f moves.
rooms = st.just(0.0) | st.floats(1e-9, 1.0)
#: Different integer offsets of a stencil, in order.
offsets = st.sets(st.integers(-6, 6), min_size=2, max_size=7).map(sorted)


@dataclass(frozen=True)
class Polynomial:
    """A polynomial, evaluated in floats, and its slope in fractions."""

    coefficients: tuple[float, ...]

    def __call__(self, x: float) -> float:
        total = 0.0
        for c in self.coefficients:
            total = total * x + c
        return total

    def slope(self, x: float) -> Fraction:
        powers = range(len(self.coefficients) - 1, 0, -1)
        terms = (n * Fraction(c) * Fraction(x) ** (n - 1) for n, c in zip(powers, self.coefficients, strict=False))
        return sum(terms, Fraction(0))


polynomials = st.lists(ordinary, min_size=2, max_size=7).map(lambda c: Polynomial(tuple(c)))


@st.composite
def limits(draw: st.DrawFn, size: float) -> dict[str, Any]:
    """Limits of a line at a point of a size: room to either side, the largest step, and a budget."""
    shares = st.sampled_from([0.0, inf]) | st.floats(1e-17, 1.0)
    return {
        "below": draw(shares) * size,
        "above": draw(shares) * size,
        "max_step": draw(st.just(inf) | st.floats(1e-17, 1.0)) * size,
        "budget": draw(st.integers(1, 60)),
    }
