"""Windows of steps: weights that are exact on polynomials, noise that follows from them, bars that cover."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secant.core.tableau import EVEN, ODD, SIDE
from secant.core.windows import EVEN_PART, NOWHERE, ODD_PART, SIDE_PART, Data, _row, best_window

steps_of = st.lists(st.integers(1, 64), min_size=4, max_size=9, unique=True).map(
    lambda whole: [k / 64.0 for k in sorted(whole, reverse=True)]
)


def data(part, steps, values, noise=1e-16):
    return Data(part, list(steps), list(values), [noise] * len(steps))


@given(steps_of, st.integers(0, 2), st.sampled_from([ODD_PART, EVEN_PART, SIDE_PART]))
def test_weights_are_those_of_fractions(steps, c, part) -> None:
    """Feeding unit vectors gives the weights one by one; Lagrange's formula in fractions says what they are."""
    v = [Fraction(step) ** (2 if part.square else 1) for step in steps]
    for i in range(len(steps)):
        unit = [1.0 if j == i else 0.0 for j in range(len(steps))]
        found = _row(data(part, steps, unit), len(steps) - 1, c, len(steps)).values[-1]
        product = [Fraction(1)]
        for j, other in enumerate(v):
            if j != i:
                product = [
                    a * -other + b for a, b in zip([*product, Fraction(0)], [Fraction(0), *product], strict=True)
                ]
        exact = product[c] / math.prod(v[i] - other for j, other in enumerate(v) if j != i)
        assert found == pytest.approx(float(exact), rel=1e-13)


@pytest.mark.parametrize(("part", "kind"), [(ODD_PART, ODD), (EVEN_PART, EVEN), (SIDE_PART, SIDE)])
def test_the_noise_of_the_lowest_coefficient_is_that_of_the_tables(part, kind) -> None:
    steps = [2.0**-i for i in range(6)]
    row = _row(data(part, steps, [0.0] * 6, noise=1.0), 5, 0, 6)
    assert [noise * steps[-1] ** part.power for noise in row.noise] == pytest.approx(kind.value_noise[:6], rel=1e-12)


@pytest.mark.parametrize("c", [0, 1, 2])
@pytest.mark.parametrize("part", [ODD_PART, EVEN_PART, SIDE_PART])
def test_noise_is_what_it_says(part, c) -> None:
    rng = np.random.default_rng(5)
    steps = [0.9, 0.8, 0.55, 0.4, 0.2, 0.1]
    sums = []
    for _ in range(4000):
        shared = rng.standard_normal()
        values = [
            (math.sqrt(part.single) * rng.standard_normal() + math.sqrt(part.shared) * shared) / step**part.power
            for step in steps
        ]
        sums.append(_row(data(part, steps, values), 5, c, 6).values[-1])
    expected = _row(data(part, steps, [0.0] * 6, noise=1.0), 5, c, 6).noise[-1]
    assert np.std(sums) == pytest.approx(expected, rel=0.05)


def test_too_few_steps_have_no_window() -> None:
    assert best_window(data(ODD_PART, [1.0, 0.5], [1.0, 1.0]), 1, 2.0**-53) is NOWHERE


@settings(max_examples=200)
@given(st.floats(0.3, 3.0), st.floats(0.1, 1.5), st.integers(0, 2), st.sampled_from([ODD_PART, EVEN_PART]))
def test_bars_cover_and_windows_end_where_smaller_steps_lose(w, top, c, part) -> None:
    """sin and cos have odd and even parts alone; their coefficients are known."""
    steps = [top * 0.5**i for i in range(8)]
    if part is ODD_PART:
        values, truth = [math.sin(w * h) / h for h in steps], (-1) ** c * w ** (2 * c + 1) / math.factorial(2 * c + 1)
    else:
        values = [-4.0 * math.sin(0.5 * w * h) ** 2 / h**2 for h in steps]
        truth = 2.0 * (-1) ** (c + 1) * w ** (2 * c + 2) / math.factorial(2 * c + 2)
    found = best_window(data(part, steps, values), c, 2.0**-53)
    assert abs(found.value - truth) <= 1.5 * found.bar
    assert 0 <= found.top < found.bottom <= 7
