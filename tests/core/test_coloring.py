"""Coloring: no row sees a color twice, as few colors as can be told, and entries come back from what was moved."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from secant.core import coloring

Pattern = tuple[np.ndarray, np.ndarray, int]


def pattern(mask: np.ndarray) -> Pattern:
    """Return a dense mask as CSR."""
    counts = mask.sum(axis=1)
    return np.concatenate([[0], np.cumsum(counts)]), np.nonzero(mask)[1], mask.shape[1]


def banded(n: int, below: int, above: int) -> np.ndarray:
    offset = np.arange(n) - np.arange(n)[:, None]
    return (offset >= -below) & (offset <= above)


def grid(*lengths: int, box: bool = False) -> np.ndarray:
    """Return the pattern of neighbors on a grid: along the axes, or along diagonals too (``box``)."""
    places = np.stack(np.meshgrid(*(np.arange(length) for length in lengths), indexing="ij"), axis=-1)
    places = places.reshape(-1, len(lengths))
    apart = np.abs(places[:, None] - places)
    return apart.max(axis=2) <= 1 if box else apart.sum(axis=2) <= 1


masks = st.tuples(st.integers(1, 14), st.integers(1, 14), st.integers(0, 2**32 - 1), st.floats(0.0, 0.6)).map(
    lambda drawn: np.random.default_rng(drawn[2]).random(drawn[:2]) < drawn[3]
)


@given(masks)
def test_no_row_has_two_columns_of_one_color(mask: np.ndarray) -> None:
    found = coloring.columns(*pattern(mask))
    assert coloring.valid(*pattern(mask)[:2], found)
    for row in mask:
        own = found[row]
        assert (own >= 0).all()
        assert np.unique(own).size == own.size


@given(masks)
def test_colors_are_counted_from_0_without_gaps_and_no_row_is_beaten(mask: np.ndarray) -> None:
    found = coloring.columns(*pattern(mask))
    used = np.unique(found[mask.any(axis=0)])
    assert used.tolist() == list(range(used.size))
    assert used.size >= mask.sum(axis=1).max(initial=0)


@given(masks, st.integers(0, 99))
def test_entries_come_back_from_columns_moved_together(mask: np.ndarray, seed: int) -> None:
    matrix = np.where(mask, np.random.default_rng(seed).normal(size=mask.shape), 0.0)
    indptr, indices, n = pattern(mask)
    found = coloring.columns(indptr, indices, n)
    together = np.stack([matrix[:, found == color].sum(axis=1) for color in range(int(found.max(initial=0)) + 1)])
    rows, own = coloring.readings(indptr, indices, found)
    assert np.array_equal(together[own, rows], matrix[mask])


@given(masks, st.integers(0, 99))
def test_entries_of_a_symmetric_matrix_come_back(mask: np.ndarray, seed: int) -> None:
    side = min(mask.shape)
    mask = mask[:side, :side] | mask[:side, :side].T
    matrix = np.random.default_rng(seed).normal(size=mask.shape)
    matrix = np.where(mask, matrix + matrix.T, 0.0)
    indptr, indices, n = pattern(mask)
    found = coloring.symmetric(indptr, indices, n)
    together = np.stack([matrix[:, found == color].sum(axis=1) for color in range(int(found.max()) + 1)])
    rows, own = coloring.readings(indptr, indices, found, mirrored=True)
    assert np.array_equal(together[own, rows], matrix[mask])


@pytest.mark.parametrize(
    "mask, count",
    [
        (banded(1, 0, 0), 1),
        (banded(50, 1, 1), 3),
        (banded(50, 3, 0), 4),
        (banded(64, 2, 5), 8),
        (grid(13, 17), 5),
        (grid(12, 12), 5),
        (grid(13, 17, box=True), 9),
        (grid(5, 6, 7), 7),
        (grid(4, 5, 6, box=True), 27),
        (np.eye(30, dtype=bool)[::-1], 1),
        (np.ones((4, 9), dtype=bool), 9),
        (np.zeros((4, 9), dtype=bool), 0),
    ],
)
def test_bands_and_grids_take_as_few_colors_as_a_row_has_entries(mask: np.ndarray, count: int) -> None:
    found = coloring.columns(*pattern(mask))
    assert coloring.valid(*pattern(mask)[:2], found)
    assert np.unique(found[mask.any(axis=0)]).size == count


def test_an_arrow_takes_two_colors_where_symmetry_helps_and_all_where_it_does_not() -> None:
    mask = np.eye(20, dtype=bool)
    mask[0] = mask[:, 0] = True
    assert coloring.columns(*pattern(mask)).max() + 1 == 20
    assert coloring.symmetric(*pattern(mask)).max() + 1 == 2
    # With the hub last, the natural order alone would give every leaf a color of its own.
    assert coloring.symmetric(*pattern(mask[::-1, ::-1])).max() + 1 == 2


def test_the_best_of_several_orders_is_kept() -> None:
    rng = np.random.default_rng(3)
    natural, kept = 0, 0
    for _ in range(20):
        mask = rng.random((60, 40)) < 0.06
        indptr, indices, n = pattern(mask)
        rows = np.repeat(np.arange(60), np.diff(indptr))
        natural += int(coloring._greedy(range(n), *coloring._transposed(rows, indices, n), 60, n).max()) + 1
        kept += int(coloring.columns(indptr, indices, n).max()) + 1
    assert kept < natural


def test_a_formula_that_fails_at_the_edges_is_not_taken() -> None:
    mask = banded(40, 1, 1)
    mask[0, -1] = mask[-1, 0] = True  # a ring
    found = coloring.columns(*pattern(mask))
    assert coloring.valid(*pattern(mask)[:2], found)
    assert found.max() + 1 <= 4


def test_two_columns_of_one_color_in_a_row_are_noticed() -> None:
    indptr, indices, _ = pattern(np.ones((1, 2), dtype=bool))
    assert not coloring.valid(indptr, indices, np.array([0, 0], dtype=np.int32))
    assert not coloring.valid(indptr, indices, np.array([0, -1], dtype=np.int32))
    assert coloring.valid(indptr, indices, np.array([1, 0], dtype=np.int32))


@pytest.mark.slow
def test_a_million_columns_are_colored_at_once() -> None:
    n = 1_000_000
    indices = (np.arange(n)[:, None] + np.arange(-1, 2)).reshape(-1)[1:-1]
    indptr = np.concatenate([[0], 3 * np.arange(1, n) - 1, [3 * n - 2]])
    assert coloring.columns(indptr, indices, n).max() + 1 == 3
