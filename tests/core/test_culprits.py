"""Culprits: a wrong entry among many told by two directions, formulas for mistakes everywhere, and likely causes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from secant.core.culprits import candidates, cause, factor_text, pattern
from secant.core.looks import Space, direction


def space(n: int) -> Space:
    never = np.full(n, np.inf)
    return Space(np.ones(n), np.ones(n), np.full(n, 2.0**-53), lambda i: None, never, never)


def directions(n: int, count: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.stack([direction(space(n), np.arange(n), rng) for _ in range(count)])


@given(st.integers(2, 2000), st.data())
def test_two_directions_name_a_single_wrong_entry(n, data) -> None:
    i, size = data.draw(st.integers(0, n - 1)), data.draw(st.sampled_from([1e-6, -1.0, 1e9]))
    u = directions(n, 2, data.draw(st.integers(0, 10**6)))
    found = candidates(u, u[:, i] * size, np.full(2, 1e-9 * abs(size)), np.arange(n))
    assert i in found
    assert found.size == 1


def test_one_among_a_million_is_named() -> None:
    u = directions(10**6, 2, 3)
    assert candidates(u, u[:, 765_432] * 1e-3, np.full(2, 1e-12), np.arange(10**6)).tolist() == [765_432]


def test_several_wrong_entries_are_no_single_one() -> None:
    u = directions(50, 2, 3)
    assert candidates(u, u[:, 7] - 2.0 * u[:, 9], np.full(2, 1e-9), np.arange(50)).size == 0


FORMULAS = {
    "the sign is flipped": lambda g: -g,
    "yours is half of ours: a factor 2 is missing": lambda g: g / 2,
    "yours is 1/12 of ours, and there are 12 entries: a mean where a sum belongs": lambda g: g / 12,
    "yours is 12 times of ours, and there are 12 entries: a sum where a mean belongs": lambda g: g * 12,
    "the right numbers in transposed places": lambda g: g.reshape(3, 4).T.reshape(-1),
    "the entries are in reverse order": lambda g: g[::-1],
    "each entry holds what belongs one place before it: an index is off by one": lambda g: np.roll(g, 1),
    "each entry holds what belongs one place after it: an index is off by one": lambda g: np.roll(g, -1),
    "two entries are exchanged": lambda g: g[[0, 5, 2, 3, 4, 1, *range(6, 12)]],
}


@pytest.mark.parametrize("hint", FORMULAS)
def test_a_formula_explains_a_mistake_everywhere(hint) -> None:
    right = np.random.default_rng(1).normal(size=12)
    yours = FORMULAS[hint](right)
    u = directions(12, 2, 4)
    shape = (3, 4)
    found = pattern(yours, u, u @ right, np.full(2, 1e-12), np.arange(12), [(0, shape)])
    assert found is not None
    assert found.hint == hint
    np.testing.assert_allclose(found.ours, right, rtol=1e-9)


def test_no_formula_explains_what_has_none() -> None:
    rng = np.random.default_rng(1)
    right, u = rng.normal(size=12), directions(12, 2, 4)
    yours = right + rng.normal(size=12)
    assert pattern(yours, u, u @ right, np.full(2, 1e-12), np.arange(12), [(0, (12,))]) is None
    # Nor is one taken for an explanation that noise would let through.
    assert pattern(-right, u, u @ right, np.full(2, 1.0), np.arange(12), [(0, (12,))]) is None


B = np.array([1.5, -2.0, 4.0, 0.25])
CAUSES = [
    (-B, "the sign is flipped"),
    (2 * B, "yours is twice ours: a factor 1/2 is missing, or a term counts twice"),
    (0 * B, "yours is 0 there: a term or a branch is missing, or was never added"),
    (np.nan * B, "yours is not a finite number there"),
    (B[[1, 0, 3, 2]], "the right numbers in wrong places: transposed, or permuted"),
    (B - 1.0, "the same number is missing: ours is yours plus 1"),
    (
        B - 0.1 * np.arange(1, 5),
        "a multiple of x, as of a penalty on its square, is missing: ours is yours plus 0.1 times x",
    ),
    (B * [1, -1, 1, -1], "the sign is flipped"),
    (B + [1.0, 0.3, -2.0, 5.0], ""),
]


@pytest.mark.parametrize("yours, text", CAUSES)
def test_a_likely_cause_is_named(yours, text) -> None:
    wrong = ~(yours == B)
    assert cause(yours, B, np.full(4, 1e-12), np.arange(1.0, 5.0), wrong, 4) == text


def test_a_factor_that_tells_nothing_is_said_as_it_is() -> None:
    assert factor_text(1.2345678, 3) == "yours is 1.23457 times ours: a constant factor"
    assert factor_text(7.0, 3) == "yours is 7 times ours: a factor, or a mean instead of a sum"
