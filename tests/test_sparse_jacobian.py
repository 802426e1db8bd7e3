"""Sparse Jacobians: the dense entries within the bars, patterns given, detected and wrong, and what it costs."""

from __future__ import annotations

import math
import time
from math import inf
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import secant
from secant import Verdict
from secant.evaluation.watch import Watch

sparse = pytest.importorskip("scipy.sparse")


def banded(n: int, *offsets: int) -> Any:
    return sparse.diags_array([np.ones(n - abs(k)) for k in offsets], offsets=list(offsets), shape=(n, n)).tocsr()


def broyden(x: Any) -> Any:
    """Broyden's tridiagonal function."""
    r = (3.0 - 2.0 * x) * x + 1.0
    r[1:] -= x[:-1]
    r[:-1] -= 2.0 * x[1:]
    return r


def broyden_slopes(x: Any) -> Any:
    n = x.size
    return np.diag(3.0 - 4.0 * x) - np.eye(n, k=-1) - 2.0 * np.eye(n, k=1)


def random_map(seed: int, m: int = 7, n: int = 9, density: float = 0.3) -> tuple[Any, Any, Any, Any]:
    """Return f, its slopes, its pattern and a point: sums of smooth functions of a few entries each."""
    rng = np.random.default_rng(seed)
    mask = rng.random((m, n)) < density
    a, x = np.where(mask, rng.normal(size=(m, n)), 0.0), rng.normal(size=n)

    def f(p: Any) -> Any:
        return np.array([sum(np.sin(a[i, j] * p[j] + i) for j in np.flatnonzero(mask[i])) + i for i in range(m)])

    return f, np.where(mask, a * np.cos(a * x + np.arange(m)[:, None]), 0.0), mask, x


class Counted:
    """A function that counts its calls, and notes how many entries of x moved."""

    def __init__(self, f: Any, x: Any) -> None:
        self.f, self.x, self.calls, self.moved = f, x.copy(), 0, []

    def __call__(self, p: Any) -> Any:
        self.calls += 1
        self.moved.append(int((p != self.x).sum()))
        return self.f(p)


# --- entries ------------------------------------------------------------------------------------------


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1))
def test_entries_are_the_dense_ones_within_the_bars(seed: int) -> None:
    f, _, mask, x = random_map(seed)
    est = secant.jacobian(f, x, sparsity=mask)
    dense = secant.jacobian(f, x)
    assert np.array_equal(est.value.toarray() != 0.0, (est.value.toarray() != 0.0) & mask)
    assert est.value.nnz == est.error.nnz == est.step.nnz == len(est.verdicts) == mask.sum()
    assert (np.abs(est.value.toarray() - dense.value) <= 4.0 * (est.error.toarray() + dense.error) + 1e-15)[mask].all()


def test_bars_cover() -> None:
    shares = []
    for seed in range(60):
        f, slopes, mask, x = random_map(seed)
        est = secant.jacobian(f, x, sparsity=mask)
        shares += (np.abs(est.value.toarray() - slopes) / np.maximum(est.error.toarray(), 1e-300))[mask].tolist()
    assert np.mean(np.array(shares) <= 1.0) > 0.99
    assert np.max(shares) < 5.0


def test_bars_cover_and_entries_are_ok_in_a_large_band() -> None:
    x = np.linspace(-1.0, 2.0, 1000)
    est = secant.jacobian(broyden, x, sparsity=banded(1000, -1, 0, 1))
    rows, columns = est.value.nonzero()
    off = np.abs(est.value.data - broyden_slopes(x)[rows, columns])
    assert (est.verdicts == Verdict.OK).mean() > 0.99
    assert (off <= est.error.data).mean() >= 0.97
    assert (off <= 5.0 * est.error.data).all()
    assert np.median(off) < 1e-13
    assert "3 groups" in est.note
    assert "agree" in est.note


def test_columns_of_very_different_size_share_evaluations() -> None:
    n = 12
    scale = 10.0 ** np.linspace(-7.0, 7.0, n)
    matrix = banded(n, 0, 1).toarray()

    def f(p: Any) -> Any:
        return np.exp(matrix @ (p / scale))

    at = np.linspace(0.5, 1.5, n)
    counted = Counted(f, at * scale)
    est = secant.jacobian(counted, at * scale, sparsity=matrix)
    truth = np.exp(matrix @ at)[:, None] * matrix / scale
    assert est.ok
    relative = np.abs(est.value.toarray() / np.where(truth, truth, 1.0) - (truth != 0.0))
    assert relative.max() < 1e-12
    assert (np.abs(est.value.toarray() - truth) <= 3.0 * est.error.toarray())[matrix > 0].all()
    assert est.evaluations == counted.calls <= 1 + 2 * 20 + 9


def test_outputs_of_very_different_size() -> None:
    n = 10
    scale = 10.0 ** np.linspace(-6.0, 6.0, n)
    est = secant.jacobian(lambda p: scale * broyden(p), np.linspace(0.1, 1.0, n), sparsity=banded(n, -1, 0, 1))
    truth = scale[:, None] * broyden_slopes(np.linspace(0.1, 1.0, n))
    inside = banded(n, -1, 0, 1).toarray() > 0
    assert (np.abs(est.value.toarray() - truth) <= 4.0 * est.error.toarray())[inside].all()


def test_a_group_moves_many_columns_and_others_not_at_all() -> None:
    x = np.linspace(0.5, 1.0, 30)
    counted = Counted(broyden, x)
    secant.jacobian(counted, x, sparsity=banded(30, -1, 0, 1), step=1e-6, method="forward")
    assert counted.moved == [0, 10, 10, 10]


def test_a_kink_in_one_output_leaves_the_others_alone() -> None:
    def f(p: Any) -> Any:
        return broyden(p) + np.where(np.arange(8) == 3, np.abs(p - 1.0), 0.0)

    x = np.linspace(0.4, 1.8, 8)
    est = secant.jacobian(f, x, sparsity=banded(8, -1, 0, 1))
    place = [3, 3]
    assert x[3] == 1.0
    assert [path for path, slope in est.details.items() if slope.verdict is Verdict.KINK] == [f"{place}"]
    assert est.verdict is Verdict.KINK
    assert est.error.toarray()[3, 3] >= 1.0
    assert np.median(est.error.data) < 1e-12


def test_an_output_without_a_value_leaves_the_others_alone() -> None:
    def f(p: Any) -> Any:
        with np.errstate(all="ignore"):
            return np.sqrt(p)

    est = secant.jacobian(f, np.array([0.0, 1.0, 4.0, 9.0]), sparsity=np.eye(4))
    assert [str(word) for word in est.verdicts] == ["undefined", "ok", "ok", "ok"]
    assert np.allclose(est.value.diagonal()[1:], [0.5, 0.25, 1.0 / 6.0], rtol=1e-12)


def test_what_is_held_does_not_move_with_a_group() -> None:
    mask = np.eye(5, dtype=bool)
    mask[:, 0] = True
    x = np.arange(1.0, 6.0)
    est = secant.jacobian(lambda p: p * p[0], x, sparsity=mask, wrt=[1, 2, 3, 4], step=1e-4, method="forward")
    assert np.allclose(est.value.diagonal(), [0.0, 1.0, 1.0, 1.0, 1.0])


def roots(p: Any) -> Any:
    return np.array([math.sqrt(v) for v in p])


@pytest.mark.parametrize("on_error, word", [("domain", "undefined"), ("mark", "failed")])
def test_a_column_at_the_end_of_its_domain_leaves_its_group_alone(on_error: Any, word: str) -> None:
    x = np.linspace(1.0, 2.0, 40)
    x[17] = 0.0
    est = secant.jacobian(roots, x, sparsity=np.eye(40), on_error=on_error)
    assert est.verdicts[17] == word
    others = np.arange(40) != 17
    assert (est.verdicts[others] == Verdict.OK).all()
    assert np.allclose(est.value.diagonal()[others], 0.5 / np.sqrt(x[others]), rtol=1e-11)


def test_other_exceptions_pass_with_their_point() -> None:
    def f(p: Any) -> Any:
        if p[3] != 1.0:
            raise KeyError("no")
        return p

    with pytest.raises(KeyError) as caught:
        secant.jacobian(f, np.ones(6), sparsity=np.eye(6))
    assert "while evaluating f" in "".join(caught.value.__notes__)


def test_noise_of_one_output() -> None:
    rng = np.random.default_rng(3)
    est = secant.jacobian(
        lambda p: p**2 + 1e-6 * (p > 2.5) * rng.normal(size=4), np.arange(1.0, 5.0), sparsity=np.eye(4)
    )
    assert [str(word) for word in est.verdicts] == ["ok", "ok", "noisy", "noisy"]
    assert (np.abs(est.value.diagonal() - [2.0, 4.0, 6.0, 8.0]) <= 3.0 * est.error.diagonal()).all()
    assert "random" in est.message


def test_a_crease_between_the_axes_is_seen() -> None:
    def f(p: Any) -> Any:
        return np.array([min(abs(p[0]), abs(p[1])) + p[0], p[1] - p[2]])

    est = secant.jacobian(f, np.zeros(3), sparsity=np.array([[1, 1, 0], [0, 1, 1]]))
    assert [str(word) for word in est.verdicts] == ["kink", "kink", "ok", "ok"]


def test_an_f_that_does_not_use_x() -> None:
    est = secant.jacobian(lambda p: np.ones(3), np.ones(3), sparsity=np.eye(3))
    assert est.verdict is Verdict.INDEPENDENT
    assert not est.value.toarray().any()


def test_very_many_entries_are_dealt_with_as_arrays() -> None:
    n = 6000
    x = np.linspace(0.5, 2.0, n)

    def f(p: Any) -> Any:
        r = broyden(p)
        r[::7] = 3.0 * p[::7]  # straight lines, and lines that stand still
        return r

    est = secant.jacobian(f, x, sparsity=banded(n, -1, 0, 1))
    slopes = broyden_slopes(x)
    slopes[::7] = 3.0 * np.eye(n)[::7]
    rows, columns = np.repeat(np.arange(n), np.diff(est.value.indptr)), est.value.indices
    off = np.abs(est.value.data - slopes[rows, columns])
    assert (off <= est.error.data).mean() > 0.97
    assert (off <= 5.0 * est.error.data).all()
    assert np.median(off) < 1e-13
    still = (rows % 7 == 0) & (rows != columns)
    assert (est.value.data[still] == 0.0).all()
    assert (est.error.data[still] < 1e-13).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_lower_precision_is_taken_into_account(dtype: str) -> None:
    x = np.linspace(0.5, 1.0, 6).astype(dtype)
    est = secant.jacobian(broyden, x, sparsity=banded(6, -1, 0, 1))
    inside = banded(6, -1, 0, 1).toarray() > 0
    off = np.abs(est.value.toarray() - broyden_slopes(x.astype(float)))
    assert (off <= 3.0 * est.error.toarray())[inside].all()
    assert off.max() < (1e-4 if dtype == "float32" else 1e-12)


def test_bounds_are_kept() -> None:
    x, seen = np.linspace(0.0, 1.0, 6), []

    def f(p: Any) -> Any:
        seen.append(p.copy())
        return broyden(p)

    est = secant.jacobian(f, x, sparsity=banded(6, -1, 0, 1), bounds=(0.0, 1.0))
    assert np.min(seen) >= 0.0
    assert np.max(seen) <= 1.0
    inside = banded(6, -1, 0, 1).toarray() > 0
    assert (np.abs(est.value.toarray() - broyden_slopes(x)) <= 3.0 * est.error.toarray())[inside].all()
    assert est.verdicts[0] is Verdict.AT_BOUND
    assert est.verdicts[-1] is Verdict.AT_BOUND


def test_what_is_held_fixed_is_not_in_the_answer() -> None:
    x = np.linspace(0.5, 1.0, 6)
    counted = Counted(broyden, x)
    est = secant.jacobian(counted, x, sparsity=banded(6, -1, 0, 1), wrt=[2])
    assert est.value.toarray()[:, [0, 1, 3, 4, 5]].any() == False  # noqa: E712  # of NumPy
    assert np.allclose(est.value.toarray()[:, 2], broyden_slopes(x)[:, 2])
    assert set(counted.moved) == {0, 1}


@pytest.mark.needs("torch")
def test_tensors_are_taken() -> None:
    import torch

    x = torch.linspace(0.5, 1.0, 6, dtype=torch.float64)
    est = secant.jacobian(lambda p: p * p, x, sparsity="detect")
    assert np.allclose(est.value.toarray(), np.diag(2.0 * x.numpy()))


# --- fixed steps --------------------------------------------------------------------------------------


@pytest.mark.parametrize("method, count", [("forward", 4), ("backward", 4), ("central", 6)])
def test_a_fixed_step_gives_the_formula_its_own_bits(method: Any, count: int) -> None:
    x, h = np.linspace(-1.0, 2.0, 30), 1e-6
    counted = Counted(broyden, x)
    est = secant.jacobian(counted, x, sparsity=banded(30, -1, 0, 1), step=h, method=method)
    dense = secant.jacobian(broyden, x, step=h, method=method)
    assert np.array_equal(est.value.toarray(), np.where(banded(30, -1, 0, 1).toarray() > 0, dense.value, 0.0))
    assert counted.calls == est.evaluations == count
    assert (est.error.data == inf).all()
    assert est.verdict is Verdict.UNRESOLVED
    assert est.step == h
    assert "fixed step" in est.message


def test_a_fixed_step_that_is_lost_or_has_no_value_is_told() -> None:
    def f(p: Any) -> Any:
        with np.errstate(all="ignore"):
            return np.sqrt(p)

    est = secant.jacobian(f, np.array([0.0, 1.0, 1e20]), sparsity=np.eye(3), step=1e-6, method="backward")
    assert [str(word) for word in est.verdicts] == ["undefined", "unresolved", "unresolved"]
    assert "lost in rounding" in est.details["[2, 2]"].sentence


# --- patterns -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "form", [lambda p: p.toarray(), lambda p: p.toarray() > 0, lambda p: p.tocsc(), sparse.coo_matrix, sparse.csr_array]
)
def test_patterns_of_every_form(form: Any) -> None:
    x = np.linspace(0.5, 1.0, 6)
    pattern = form(banded(6, -1, 0, 1))
    before = pattern.copy()
    est = secant.jacobian(broyden, x, sparsity=pattern)
    assert np.allclose(est.value.toarray(), broyden_slopes(x), atol=1e-12)
    assert (pattern != before).sum() == 0


def test_stored_zeros_and_repeated_entries_count_once() -> None:
    pattern = sparse.csr_array((np.zeros(3), np.array([1, 0, 1]), np.array([0, 3, 3])), shape=(2, 2))
    est = secant.jacobian(lambda p: np.array([p[0] * p[1], 5.0]), np.array([2.0, 3.0]), sparsity=pattern)
    assert np.allclose(est.value.toarray(), [[3.0, 2.0], [0.0, 0.0]])
    assert est.value.nnz == 2


@pytest.mark.parametrize("seed", range(12))
def test_a_dependence_that_the_pattern_leaves_out_is_noticed(seed: int) -> None:
    f, slopes, mask, x = random_map(seed)
    rng = np.random.default_rng(seed)
    i, j = rng.choice(np.argwhere(np.abs(slopes) > 1e-3))
    wrong = mask.copy()
    wrong[i, j] = False
    est = secant.jacobian(f, x, sparsity=wrong)
    assert est.verdict is Verdict.UNRESOLVED
    assert f"output [{i}]" in est.message
    # Whatever is claimed in that row holds.
    claimed = wrong[i] & (est.error.toarray()[i] < inf)
    assert (np.abs(est.value.toarray()[i] - slopes[i])[claimed] <= 4.0 * est.error.toarray()[i][claimed]).all()
    others = np.delete(np.arange(7), i)
    off = np.abs(est.value.toarray() - slopes)[others]
    assert (off <= 4.0 * est.error.toarray()[others] + 1e-15)[wrong[others]].all()
    assert np.isfinite(est.error.toarray()[others]).all()


@pytest.mark.parametrize("n", [6, 50, 1000])
def test_a_band_that_is_too_narrow_claims_nothing_wrong(n: int) -> None:
    x = np.linspace(-1.0, 2.0, n)
    est = secant.jacobian(broyden, x, sparsity=banded(n, -1, 0))
    rows = np.repeat(np.arange(n), np.diff(est.value.indptr))
    off = np.abs(est.value.data - broyden_slopes(x)[rows, est.value.indices])
    wrong = off > 4.0 * est.error.data
    assert not wrong.any()
    assert np.isinf(est.error.data[rows < n - 1]).all()
    assert "disagree" in est.note


def test_a_row_that_the_pattern_takes_for_empty_is_named() -> None:
    est = secant.jacobian(lambda p: p**2, np.array([1.0, 2.0]), sparsity=np.array([[1, 0], [0, 0]]))
    assert est.verdict is Verdict.UNRESOLVED
    assert "[1]" in est.details
    assert "leaves out" in est.message
    assert est.verdicts.tolist() == [Verdict.OK]


def test_noise_is_no_wrong_pattern() -> None:
    rng = np.random.default_rng(1)
    est = secant.jacobian(lambda p: p**2 + 1e-4 * rng.normal(size=3), np.arange(1.0, 4.0), sparsity=np.eye(3))
    assert est.verdict is Verdict.NOISY
    pattern = np.diag([1.0, 1.0, 0.0])
    est = secant.jacobian(
        lambda p: p**2 * [1.0, 1.0, 0.0] + 1e-4 * rng.normal(size=3), np.arange(1.0, 4.0), sparsity=pattern
    )
    assert est.verdict is Verdict.NOISY


# --- detection ----------------------------------------------------------------------------------------


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1), st.sampled_from([3, 20, 70, 130]))
def test_every_dependence_is_detected_and_no_other(seed: int, n: int) -> None:
    f, _, mask, x = random_map(seed, m=n // 2 + 3, n=n, density=2.0 / n)
    est = secant.jacobian(f, x, sparsity="detect", step=1e-6, method="forward")
    found = np.zeros(mask.shape, dtype=bool)
    found[np.repeat(np.arange(mask.shape[0]), np.diff(est.value.indptr)), est.value.indices] = True
    assert np.array_equal(found, mask)
    assert "detected" in est.note


@pytest.mark.parametrize("n, most", [(10, 15), (1000, 60), (4000, 80)])
def test_detection_takes_few_evaluations_of_a_band(n: int, most: int) -> None:
    x = np.linspace(-1.0, 2.0, n)
    counted = Counted(broyden, x)
    est = secant.jacobian(counted, x, sparsity="detect", step=1e-6, method="forward")
    assert est.value.nnz == 3 * n - 2
    assert est.evaluations == counted.calls <= most


def test_detection_of_a_dense_pattern_takes_half_as_many_more_than_columns_at_most() -> None:
    n = 200
    matrix = np.random.default_rng(0).normal(size=(n, n))
    est = secant.jacobian(lambda p: np.tanh(matrix @ p / n), np.ones(n), sparsity="detect", step=1e-6, method="forward")
    assert est.value.nnz == n * n
    assert est.evaluations <= 1 + n + 1.5 * n + 2


def test_detection_looks_above_the_noise() -> None:
    rng = np.random.default_rng(2)

    def f(p: Any) -> Any:
        return p**2 + 1e-8 * rng.normal(size=5)

    est = secant.jacobian(f, np.arange(1.0, 6.0), sparsity="detect")
    assert np.array_equal(est.value.indices, np.arange(5))
    assert "are not seen" in est.note


def test_what_is_switched_off_at_x_does_not_count() -> None:
    est = secant.jacobian(lambda p: np.maximum(p, 0.0), np.array([-1.0, 2.0]), sparsity="detect")
    assert np.array_equal(est.value.toarray(), [[0.0, 0.0], [0.0, 1.0]]) or np.allclose(est.value.toarray()[1, 1], 1.0)
    assert est.value.nnz == 1


def test_detection_stays_within_bounds() -> None:
    seen = []

    def f(p: Any) -> Any:
        seen.append(p.copy())
        return p**2

    x = np.array([0.0, 0.5, 1.0])
    est = secant.jacobian(f, x, sparsity="detect", bounds=(0.0, 1.0))
    assert est.value.nnz == 3
    assert np.min(seen) >= 0.0
    assert np.max(seen) <= 1.0


# --- what is not allowed ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sparsity, error, text",
    [
        ("find", secant.InputTypeError, "'find'"),
        (3, secant.InputTypeError, "an int"),
        (np.ones(3), secant.InputTypeError, r"shape \(3,\)"),
        (np.ones((3, 2)), secant.InputError, "a column for each of the 3 entries"),
        (np.ones((2, 3)), secant.InputError, "a row for each of the 3 values"),
        (np.array([["a"]]), secant.InputTypeError, "dtype <U1"),
    ],
)
def test_bad_patterns_say_what_is_wrong(sparsity: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        secant.jacobian(lambda p: p, np.ones(3), sparsity=sparsity)
    if isinstance(sparsity, np.ndarray) and sparsity.shape == (2, 3):
        with pytest.raises(error, match=text):
            secant.jacobian(lambda p: p, np.ones(3), sparsity=sparsity, step=1e-6)


@pytest.mark.parametrize("how, text", [({"method": "complex"}, "complex"), ({"inplace": True}, "inplace")])
def test_options_that_do_not_go_with_a_pattern(how: dict[str, Any], text: str) -> None:
    with pytest.raises(secant.InputError, match=text):
        secant.jacobian(lambda p: p, np.ones(3), sparsity=np.eye(3), **how)


def test_complex_outputs_are_refused() -> None:
    with pytest.raises(secant.InputTypeError, match="real"):
        secant.jacobian(lambda p: 1j * p, np.ones(3), sparsity=np.eye(3))


@pytest.mark.parametrize("most", [4, 20, 40, 60])
def test_a_budget_is_kept(most: int) -> None:
    x = np.linspace(0.5, 1.0, 12)
    counted = Counted(broyden, x)
    est = secant.jacobian(counted, x, sparsity=banded(12, -1, 0, 1), max_evaluations=most)
    assert counted.calls == est.evaluations <= most
    off = np.abs(est.value.toarray() - broyden_slopes(x))
    claimed = np.isfinite(est.error.toarray())
    assert (off <= 4.0 * est.error.toarray())[claimed & (off > 0.0)].all()
    if most >= 60:
        assert np.isfinite(est.error.data).mean() > 0.9


def test_a_budget_too_small_for_detection_says_so() -> None:
    with pytest.raises(secant.InputError, match="max_evaluations"):
        secant.jacobian(broyden, np.linspace(0.0, 1.0, 12), sparsity="detect", max_evaluations=6)


def test_an_answer_is_printed_stored_and_read_back() -> None:
    x = np.linspace(0.5, 1.0, 12)
    est = secant.jacobian(broyden, x, sparsity=banded(12, -1, 0, 1))
    assert "... 22 more entries" in str(est)
    assert str(est).endswith(est.note)
    again = secant.from_json(est.to_json())
    assert isinstance(again.value, sparse.csr_array)
    assert (again.value != est.value).nnz == 0
    assert (again.error != est.error).nnz == 0
    assert str(again) == str(est)
    assert np.array_equal(np.array(est), est.value.toarray())
    est.value.data[:] = 0.0
    est.value.eliminate_zeros()
    assert est.error.nnz == 34


def test_least_squares_takes_it_as_its_jacobian() -> None:
    from scipy.optimize import least_squares

    pattern = banded(20, -1, 0, 1)
    found = least_squares(broyden, -np.ones(20), jac=lambda x: secant.jacobian(broyden, x, sparsity=pattern).value)
    assert found.success
    assert np.abs(broyden(found.x)).max() < 1e-8


# --- cut short, and what is known beforehand -----------------------------------------------------------


@pytest.mark.parametrize("call", [3, 8, 12, 20, 28])
def test_what_is_cut_short_keeps_what_was_found(monkeypatch: pytest.MonkeyPatch, call: int) -> None:
    monkeypatch.setattr(Watch, "pressed", -inf)
    x = np.linspace(0.5, 1.0, 12)

    def f(p: Any) -> Any:
        if counted.calls == call:
            raise KeyboardInterrupt
        return broyden(p)

    counted = Counted(f, x)
    est = secant.jacobian(counted, x, sparsity=banded(12, -1, 0, 1))
    assert est.stopped == "keyboard"
    off = np.abs(est.value.toarray() - broyden_slopes(x))
    claimed = np.isfinite(est.error.toarray())
    assert (off <= 4.0 * est.error.toarray())[claimed & (off > 0.0)].all()
    assert "cut short" in est.note or "Ctrl-C" in est.note
    assert est.verdict is Verdict.UNRESOLVED or call > 25


@pytest.mark.parametrize("call", [1, 2, 3, 4])
def test_fixed_steps_cut_short(monkeypatch: pytest.MonkeyPatch, call: int) -> None:
    monkeypatch.setattr(Watch, "pressed", -inf)
    x = np.linspace(0.5, 1.0, 12)

    def f(p: Any) -> Any:
        if counted.calls == call:
            raise KeyboardInterrupt
        return broyden(p)

    counted = Counted(f, x)
    how = {"sparsity": banded(12, -1, 0, 1), "step": 1e-6, "method": "forward"}
    if call == 1:
        with pytest.raises(KeyboardInterrupt):
            secant.jacobian(counted, x, **how)
        return
    est = secant.jacobian(counted, x, **how)
    assert est.stopped == "keyboard"
    known = ~np.isnan(est.value.data)
    assert np.unique(est.value.indices[known] % 3).tolist() == list(range(call - 2))
    off = np.abs(est.value.toarray() - broyden_slopes(x))
    assert np.nanmax(off) < 1e-4
    assert est.verdict is Verdict.UNRESOLVED


def test_detection_cut_short_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Watch, "pressed", -inf)

    def slow(p: Any) -> Any:
        time.sleep(0.002)
        return broyden(p)

    with pytest.raises(secant.InputError, match="deadline"):
        secant.jacobian(slow, np.linspace(0.5, 1.0, 30), sparsity="detect", deadline=0.01)


def test_a_deadline_is_kept() -> None:
    def slow(p: Any) -> Any:
        time.sleep(0.002)
        return broyden(p)

    est = secant.jacobian(slow, np.linspace(0.5, 1.0, 30), sparsity=banded(30, -1, 0, 1), deadline=0.02)
    assert est.stopped == "deadline"
    assert est.verdict is Verdict.UNRESOLVED


def test_f_at_the_point_is_not_asked_for_when_it_is_given() -> None:
    x = np.linspace(0.5, 1.0, 12)
    counted = Counted(broyden, x)
    est = secant.jacobian(counted, x, sparsity=banded(12, -1, 0, 1), f0=broyden(x), step=1e-6, method="forward")
    assert est.evaluations == counted.calls == 3
    assert 0 not in counted.moved


@pytest.mark.parametrize("how, text", [({"scale": 0.1}, "scale"), ({"keep_samples": True}, "keep_samples")])
def test_options_of_dense_jacobians_alone(how: dict[str, Any], text: str) -> None:
    with pytest.raises(secant.InputError, match=f"`{text}` must be left out"):
        secant.jacobian(broyden, np.ones(4), sparsity="detect", **how)
