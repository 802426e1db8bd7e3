"""Extrapolation tables: the textbook's numbers, whatever the order in which rows arrive."""

from math import isclose, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from secant.core.extrapolate import pick_best, root_mean_square
from secant.core.ladder import STRETCH
from secant.core.tableau import (
    EVEN,
    GRAIN,
    ODD,
    SIDE,
    append,
    append_pair,
    best_in_row,
    open_pairs,
    prepend_pair,
    room_for_noise,
)

values = st.lists(st.floats(-10, 10), min_size=3, max_size=8)


def neville(data, steps, power):
    """The textbook's table: polynomial interpolation in h**power, evaluated at 0."""
    rows = []
    for j, value in enumerate(data):
        row = [value]
        for k in range(1, j + 1):
            ratio = (steps[j - k] / steps[j]) ** power
            row.append(row[k - 1] + (row[k - 1] - rows[j - 1][k - 1]) / (ratio - 1.0))
        rows.append(row)
    return rows


@given(values)
def test_append_is_nevilles_table(data) -> None:
    steps = [1.0 * 0.5**j * (1.0 + 1e-13 * j) for j in range(len(data))]
    for kind, power in ((ODD, 2), (SIDE, 1)):
        rows, s = [], []
        for value, step in zip(data, steps, strict=True):
            s.append(step)
            append(rows, s, value, kind)
        expected = neville(data, steps, power)
        for row, other in zip(rows, expected, strict=True):
            assert np.allclose(row, other, rtol=1e-12, atol=1e-12)


@given(values, values, st.integers(0, 7))
def test_pairs_are_two_of_nevilles_tables(odd, even, shift) -> None:
    n = min(len(odd), len(even))
    steps = [0.5**j * STRETCH[(shift + j) % 8] for j in range(n)]
    found, beside = [], []
    for j in range(n):
        append_pair(found, beside, steps[: j + 1], odd[j], even[j])
    assert (found[:3], beside[:3]) == open_pairs(odd[:3], even[:3], steps[:3])
    for rows, data in ((found, odd), (beside, even)):
        for row, other in zip(rows, neville(data[:n], steps, 2), strict=True):
            assert np.allclose(row, other, rtol=1e-11, atol=1e-11)


@given(values, values)
def test_rows_may_come_from_either_end(odd, even) -> None:
    n = min(len(odd), len(even))
    steps = [0.5**j for j in range(n)]
    down, down_too = [], []
    for j in range(n):
        append_pair(down, down_too, steps[: j + 1], odd[j], even[j])
    assert (down[:3], down_too[:3]) == open_pairs(odd[:3], even[:3], steps[:3])
    for start in range(1, n):
        up, up_too, s = [], [], []
        for j in range(start, n):
            s.append(steps[j])
            append_pair(up, up_too, s, odd[j], even[j])
        for j in range(start - 1, -1, -1):
            s.insert(0, steps[j])
            prepend_pair(up, up_too, s, odd[j], even[j])
        assert (up, up_too) == (down, down_too)


@pytest.mark.parametrize("kind", [ODD, EVEN, SIDE], ids=["odd", "even", "side"])
def test_noise_factors_are_those_of_the_weights(kind) -> None:
    """A unit of noise in each value of f: its variance through the table, by the table's own linearity."""
    n = 7
    steps = [0.5**j for j in range(n)]
    columns = []
    for which in range(n):
        rows, s = [], []
        for j in range(n):
            s.append(steps[j])
            append(rows, s, float(j == which) / steps[j] ** kind.power, kind)
        columns.append(rows[-1])
    weights = np.array(columns).T
    single, shared = {ODD: (0.5, 0.0), EVEN: (2.0, 4.0), SIDE: (1.0, 1.0)}[kind]
    scale = steps[-1] ** kind.power
    for k in range(1, n):
        spread = sqrt(single * np.sum(weights[k] ** 2) + shared * np.sum(weights[k]) ** 2) * scale
        assert isclose(spread, kind.value_noise[k], rel_tol=1e-9)
        gap = weights[k] - weights[k - 1]
        spread = sqrt(single * np.sum(gap**2) + shared * np.sum(gap) ** 2) * scale
        assert isclose(spread, kind.contrast_noise[k], rel_tol=1e-6)


@pytest.mark.parametrize("kind", [ODD, EVEN, SIDE], ids=["odd", "even", "side"])
def test_noise_factors_are_the_scatter_of_drawn_noise(kind) -> None:
    """The same numbers from noise itself, through the pairs or the differences that an entry is made of."""
    n, draws = 6, 4000
    steps = [0.5**j for j in range(n)]
    right, left, here = np.random.default_rng(7).normal(size=(3, draws, n))
    here = here[:, :1]
    gaps = {ODD: (right - left) / 2.0, EVEN: right - 2.0 * here + left, SIDE: right - here}[kind]
    ends = np.empty((draws, n))
    for draw in range(draws):
        rows, s = [], []
        for j in range(n):
            s.append(steps[j])
            append(rows, s, gaps[draw, j] / steps[j] ** kind.power, kind)
        ends[draw] = rows[-1]
    ends *= steps[-1] ** kind.power
    for k in range(n):
        assert np.std(ends[:, k]) == pytest.approx(kind.value_noise[k], rel=0.05)
        if k:
            assert np.std(ends[:, k] - ends[:, k - 1]) == pytest.approx(kind.contrast_noise[k], rel=0.05)


@pytest.mark.parametrize("kind", [ODD, EVEN, SIDE], ids=["odd", "even", "side"])
@given(st.lists(st.floats(0.1, 10), min_size=4, max_size=7), st.integers(-600, 600))
def test_bars_scale_with_the_values(kind, data, power) -> None:
    """No product of two small or two large numbers may underflow or overflow on the way."""
    steps, scale = [0.5**j for j in range(len(data))], 2.0**power
    bars, picks, rooms = [], [], []
    for factor in (1.0, scale):
        rows, s = [], []
        for value, step in zip(data, steps, strict=True):
            s.append(step)
            append(rows, s, factor * value, kind)
        sigma = factor * 1e-10
        bars.append(best_in_row(rows, len(rows) - 1, 1, s[-1], sigma, 2.0**-53, kind))
        picks.append(pick_best(rows, s, [sigma] * len(s), 2.0**-53, sigma, kind))
        rooms.append(room_for_noise(rows[-1], s[-1], kind))
    assert bars[1] == (scale * bars[0][0], bars[0][1])
    assert rooms[1] == (scale * rooms[0][0], rooms[0][1])
    assert (picks[1].value, picks[1].bar) == (scale * picks[0].value, scale * picks[0].bar)
    assert (picks[1].row, picks[1].order) == (picks[0].row, picks[0].order)


@given(st.lists(st.floats(0.1, 10), min_size=1, max_size=9), st.integers(-900, 900))
def test_the_root_mean_square_scales_with_the_values(data, power) -> None:
    scale = 2.0**power
    assert root_mean_square([scale * value for value in data]) == scale * root_mean_square(data)
    assert root_mean_square(data) == pytest.approx(sqrt(sum(value * value for value in data) / len(data)))


@pytest.mark.parametrize("kind", [ODD, SIDE], ids=["odd", "side"])
@given(st.lists(st.integers(-9, 9), min_size=1, max_size=5), st.integers(0, 7))
def test_a_polynomial_is_exact_at_its_degree(kind, coefficients, shift) -> None:
    """Steps as the ladder takes them, not quite halved; orders above the degree change nothing but rounding."""
    power = 2 if kind is ODD else 1
    steps = [0.5**j * STRETCH[(shift + j) % 8] for j in range(8)]
    rows, s = [], []
    for step in steps:
        s.append(step)
        append(rows, s, sum(c * step ** (power * k) for k, c in enumerate(coefficients)), kind)
    for row in rows:
        for value in row[len(coefficients) - 1 :]:
            assert value == pytest.approx(coefficients[0], abs=1e-12)


@given(values)
def test_the_best_entry_has_the_smallest_bar_of_all(data) -> None:
    steps, sigma = [0.5**j for j in range(len(data))], 1e-3
    rows, s = [], []
    for value, step in zip(data, steps, strict=True):
        s.append(step)
        append(rows, s, value, ODD)
    pick = pick_best(rows, s, [sigma] * len(s), 2.0**-53, sigma)
    assert pick.value == rows[pick.row][pick.order]
    every = [best_in_row(rows, j, 1, s[j], sigma, 2.0**-53, ODD)[0] for j in range(1, len(rows))]
    assert min(every) <= pick.bar <= every[-1]


def test_a_plain_zero_leaves_room_for_the_grain_of_the_table() -> None:
    assert room_for_noise([1.0, 1.0, 1.0], 1.0, ODD)[0] == GRAIN / ODD.contrast_noise[1]
