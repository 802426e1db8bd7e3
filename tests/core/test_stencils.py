"""Stencils: exact fractions, exact on polynomials, and the textbook's bits."""

from fractions import Fraction
from math import comb, factorial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secant.core.errors import InputError
from secant.core.stencils import BACKWARD, CENTRAL, FORWARD, Stencil, stencil
from strategies import offsets as some_offsets


@given(some_offsets, st.data())
def test_exact_on_every_polynomial_below_the_number_of_points(offsets, data) -> None:
    order = data.draw(st.integers(1, len(offsets) - 1))
    formula = stencil(offsets, order)
    for power in range(len(offsets)):
        total = sum(w * Fraction(o) ** power for w, o in zip(formula.weights, formula.offsets, strict=True))
        assert total == formula.denominator * (factorial(order) if power == order else 0)


@pytest.mark.parametrize(
    ("offsets", "order", "weights", "denominator"),
    [
        ((1, -1), 1, (1, -1), 2),
        ((-2, -1, 0, 1, 2), 1, (1, -8, 0, 8, -1), 12),
        ((-2, -1, 0, 1, 2), 2, (-1, 16, -30, 16, -1), 12),
        ((-3, -2, -1, 0, 1, 2, 3), 1, (-1, 9, -45, 0, 45, -9, 1), 60),
        ((0, 1, 2), 1, (-3, 4, -1), 2),
        ((0, 1, 2, 3), 1, (-11, 18, -9, 2), 6),
        ((0, 1, 2, 3, 4), 1, (-25, 48, -36, 16, -3), 12),
        ((-1, 0, 1, 2), 1, (-2, -3, 6, -1), 6),
        ((-3, -2, -1, 0, 1, 2, 3), 2, (2, -27, 270, -490, 270, -27, 2), 180),
        ((-4, -3, -2, -1, 0, 1, 2, 3, 4), 1, (3, -32, 168, -672, 0, 672, -168, 32, -3), 840),
        ((-2, -1, 0, 1, 2), 3, (-1, 2, 0, -2, 1), 2),
        ((-2, -1, 0, 1, 2), 4, (1, -4, 6, -4, 1), 1),
    ],
)
def test_known_tables(offsets, order, weights, denominator) -> None:
    assert stencil(offsets, order) == Stencil(offsets, weights, denominator, order)


@given(some_offsets, st.data())
def test_mirrored_offsets_have_mirrored_weights(offsets, data) -> None:
    order = data.draw(st.integers(1, len(offsets) - 1))
    here = stencil(offsets, order)
    there = stencil([-offset for offset in offsets], order)
    assert there.denominator == here.denominator
    assert there.weights == tuple((-1) ** order * weight for weight in here.weights)


@given(some_offsets, st.lists(st.integers(-9, 9), min_size=1, max_size=7), st.integers(-4, 4), st.data())
def test_applied_to_values_of_a_polynomial_it_is_exact(offsets, coefficients, x, data) -> None:
    order = data.draw(st.integers(1, len(offsets) - 1))
    coefficients = coefficients[: len(offsets)]
    formula, h = stencil(offsets, order), Fraction(1, 8)

    def f(t: Fraction) -> Fraction:
        return sum((c * t**power for power, c in enumerate(coefficients)), Fraction(0))

    truth = sum(
        c * factorial(k) // factorial(k - order) * Fraction(x) ** (k - order)
        for k, c in enumerate(coefficients)
        if k >= order
    )
    assert formula.apply([f(x + offset * h) for offset in formula.offsets], h) == truth


@given(st.integers(1, 6))
def test_the_highest_order_is_the_binomial_difference(order) -> None:
    formula = stencil(range(order + 1), order)
    assert formula.weights == tuple((-1) ** (order - k) * comb(order, k) for k in range(order + 1))


@given(st.floats(-1e3, 1e3), st.floats(1e-8, 1.0))
def test_the_named_ones_have_the_bits_of_the_formula(x, h) -> None:
    def f(x: float) -> float:
        return 0.01 * x**2 + 0.1 * x

    assert CENTRAL.apply([f(x + h), f(x - h)], h) == (f(x + h) - f(x - h)) / (2 * h)
    assert FORWARD.apply([f(x + h), f(x)], h) == (f(x + h) - f(x)) / h
    assert BACKWARD.apply([f(x), f(x - h)], h) == (f(x) - f(x - h)) / h


@pytest.mark.parametrize(
    ("offsets", "order", "words"),
    [((1, 1), 1, "different"), ((0, 1), 2, "from 1 to 1"), ((0,), 1, "`order`"), ((0, 1), 0, "`order`")],
)
def test_what_is_not_a_stencil(offsets, order, words) -> None:
    with pytest.raises(InputError, match=words):
        stencil(offsets, order)
