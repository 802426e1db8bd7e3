"""Sparse Hessians: the dense entries within the bars, patterns given, detected and wrong, and what it costs."""

from __future__ import annotations

import math
import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import secant
from secant import InputError, Verdict
from secant.core import coloring
from secant.core.mirrored import mirror

sparse = pytest.importorskip("scipy.sparse")


def band(n: int) -> Any:
    return sparse.diags_array([np.ones(n - 1), np.ones(n), np.ones(n - 1)], offsets=[-1, 0, 1], shape=(n, n)).tocsr()


def chain(x: Any) -> float:
    return float(np.sum(np.sin(x[1:] * x[:-1])) + np.sum(x**4))


def chain_slopes(x: Any) -> Any:
    c, found = np.cos(x[1:] * x[:-1]), 4.0 * x**3
    found[1:] += c * x[:-1]
    found[:-1] += c * x[1:]
    return found


def chain_bends(x: Any) -> Any:
    """Return the Hessian of the chain as three diagonals in one matrix."""
    c, s = np.cos(x[1:] * x[:-1]), np.sin(x[1:] * x[:-1])
    middle = 12.0 * x**2
    middle[1:] -= s * x[:-1] ** 2
    middle[:-1] -= s * x[1:] ** 2
    side = c - x[1:] * x[:-1] * s
    return sparse.diags_array([side, middle, side], offsets=[-1, 0, 1]).tocsr()


class Counted:
    def __init__(self, f: Any) -> None:
        self.f, self.calls = f, 0

    def __call__(self, *x: Any) -> Any:
        self.calls += 1
        return self.f(*x)


def random_sum(seed: int, n: int = 8) -> tuple[Any, Any, Any, Any]:
    """Return a sum of smooth functions of pairs of entries, its gradient, its pattern and a point."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    pairs = [(i, j) for i in range(n) for j in range(i) if rng.random() < 0.3]
    weights = rng.normal(size=(len(pairs), 3))

    def f(p: Any) -> float:
        return math.fsum(
            a * math.sin(b * p[i] * p[j] + c) for (i, j), (a, b, c) in zip(pairs, weights, strict=True)
        ) + float(np.cos(p).sum())

    def slopes(p: Any) -> Any:
        found = -np.sin(p)
        for (i, j), (a, b, c) in zip(pairs, weights, strict=True):
            rise = a * b * math.cos(b * p[i] * p[j] + c)
            found[i] += rise * p[j]
            found[j] += rise * p[i]
        return found

    mask = np.eye(n, dtype=bool)
    for i, j in pairs:
        mask[i, j] = mask[j, i] = True
    return f, slopes, mask, x


def symmetric(est: Any) -> bool:
    value, error = est.value.toarray(), est.error.toarray()
    return bool((value == value.T).all() and (error == error.T).all())


# --- entries ------------------------------------------------------------------------------------------


@settings(max_examples=12)
@given(st.integers(0, 2**32 - 1), st.booleans(), st.booleans())
def test_entries_are_the_dense_ones_within_the_bars(seed: int, given_gradient: bool, detected: bool) -> None:
    f, slopes, mask, x = random_sum(seed)
    how = {"gradient": slopes} if given_gradient else {}
    est = secant.hessian(f, x, sparsity="detect" if detected else mask, **how)
    dense = secant.hessian(f, x, **how)
    assert symmetric(est)
    assert est.verdict is Verdict.OK, est
    assert not np.any(est.value.toarray()[~mask])
    assert (np.abs(est.value.toarray() - dense.matrix) <= 3.0 * (est.error.toarray() + dense.matrix_error))[mask].all()
    if not detected:
        assert est.value.nnz == mask.sum() == len(est.verdicts)


def test_bars_cover() -> None:
    n = 200
    x = np.linspace(0.3, 1.2, n)
    truth = chain_bends(x)
    for how in ({"gradient": chain_slopes}, {}):
        est = secant.hessian(chain, x, sparsity=band(n), **how)
        off = np.abs(est.value.data - truth.data)
        assert np.mean(off <= est.error.data) > 0.98
        assert (off <= 5.0 * est.error.data).all()
        assert np.median(off) < (1e-12 if how else 1e-6)


@pytest.mark.slow
def test_a_hundred_thousand_variables_take_three_groups_and_fit_into_memory() -> None:
    n = 100_000
    x = np.linspace(0.3, 1.2, n)
    counted, pattern = Counted(chain_slopes), band(n)
    tracemalloc.start()
    est = secant.hessian(None, x, sparsity=pattern, gradient=counted)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "3 groups" in est.note
    assert "agree" in est.note
    assert est.evaluations == counted.calls < 3 * 40
    assert peak < 1000 * 8 * n  # a matrix of n by n would be a hundred times as much
    off = np.abs(est.value.data - chain_bends(x).data)
    assert np.mean(off <= est.error.data) > 0.98
    assert (est.value != est.value.T).nnz == 0
    assert (est.verdicts == Verdict.OK).mean() > 0.99


def test_an_arrow_takes_two_groups_where_its_columns_would_take_all() -> None:
    n = 40
    mask = np.eye(n, dtype=bool)
    mask[0] = mask[:, 0] = True
    x = np.linspace(0.5, 1.5, n)

    def slopes(p: Any) -> Any:
        found = 2.0 * p[0] * p + 3.0 * p**2
        found[0] = float(p[1:] @ p[1:]) + 3.0 * p[0] ** 2
        return found

    counted = Counted(slopes)
    est = secant.hessian(None, x, sparsity=mask, gradient=counted)
    truth = np.diag(2.0 * x[0] + 6.0 * x)
    truth[0, 0] = 6.0 * x[0]
    truth[0, 1:] = truth[1:, 0] = 2.0 * x[1:]
    assert "2 groups" in est.note
    assert counted.calls < 60
    assert symmetric(est)
    assert est.ok
    assert (np.abs(est.value.toarray() - truth) <= 3.0 * est.error.toarray() + 1e-300)[mask].all()


@settings(max_examples=60)
@given(st.integers(0, 2**32 - 1), st.integers(1, 12))
def test_what_is_read_stands_alone(seed: int, n: int) -> None:
    mask = np.random.default_rng(seed).random((n, n)) < 0.25
    rows, columns = np.nonzero(mask)
    csr = coloring.completed(np.searchsorted(rows, np.arange(n + 1)), columns, n)
    found = mirror(*csr, n)
    matrix = np.random.default_rng(seed + 1).normal(size=(n, n))
    matrix = np.where(mask | mask.T | np.eye(n, dtype=bool), matrix + matrix.T, 0.0)
    moved = np.stack([matrix @ (found.read.colors == color) for color in range(found.read.groups)])
    read = moved[found.read.colors[found.read.indices], found.read.rows]
    whole = matrix[found.whole.rows, found.whole.indices]
    assert np.allclose(read[found.one], whole, atol=1e-12)
    assert np.allclose(read[found.other], whole, atol=1e-12)


# --- patterns -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", [{"gradient": chain_slopes}, {}])
def test_half_a_pattern_is_a_whole_one(how: Any) -> None:
    x = np.linspace(0.3, 1.2, 9)
    lower = sparse.tril(band(9), k=-1)
    est, whole = (secant.hessian(chain, x, sparsity=given, **how) for given in (lower, band(9)))
    assert np.array_equal(est.value.toarray(), whole.value.toarray())
    assert est.value.nnz == 25


def test_a_pattern_that_leaves_out_is_noticed() -> None:
    x = np.linspace(0.3, 1.2, 30)
    est = secant.hessian(None, x, sparsity=np.eye(30), gradient=chain_slopes)
    assert est.verdict is Verdict.UNRESOLVED
    assert np.isinf(est.error.data).all()
    assert "leaves out" in est.message
    est = secant.hessian(chain, x, sparsity=np.eye(30))
    assert est.verdict is Verdict.UNRESOLVED
    assert "leaves out" in est.message
    # Of values the entries that are there are right nevertheless.
    assert (np.abs(est.value.diagonal() - chain_bends(x).diagonal()) <= 5.0 * est.error.diagonal()).all()


@pytest.mark.parametrize("seed", [*range(12), 33])
def test_one_pair_that_is_left_out_is_noticed(seed: int) -> None:
    f, slopes, mask, x = random_sum(seed)
    i, j = np.argwhere(np.tril(mask, -1))[seed % int(np.tril(mask, -1).sum())]
    mask[i, j] = mask[j, i] = False
    for how in ({"gradient": slopes}, {}):
        est = secant.hessian(f, x, sparsity=mask, **how)
        assert est.verdict is Verdict.UNRESOLVED


def test_a_gradient_that_is_none() -> None:
    def wrong(p: Any) -> Any:
        return np.array([p[0] * p[1], 2.0 * p[0] ** 2, p[2]])

    est = secant.hessian(None, np.array([1.0, 2.0, 3.0]), gradient=wrong, sparsity=np.ones((3, 3)))
    assert est.verdict is Verdict.UNRESOLVED
    assert "is it right?" in est.details["[0, 1]"].note
    assert [str(word) for word in est.verdicts] == ["ok", "unresolved", "ok", "unresolved", *["ok"] * 5]
    assert est.error[0, 1] >= 1.5  # 1 and 4 are within 2.5 +/- that
    assert symmetric(est)


@pytest.mark.parametrize("n", [1, 2, 3, 17, 33, 100])
def test_detection_finds_a_band_for_few_evaluations(n: int) -> None:
    counted = Counted(chain)
    est = secant.hessian(counted, np.linspace(0.3, 1.2, n), sparsity="detect")
    assert est.ok
    assert est.value.nnz == 3 * n - 2
    assert est.evaluations == counted.calls
    found = int(est.note.partition("with ")[2].split()[0])
    assert found <= 7 * n + 20


def test_detection_of_a_full_matrix_takes_a_third_more_than_its_pairs() -> None:
    n = 24
    est = secant.hessian(lambda p: float(np.prod(1.0 + 0.1 * p)), np.linspace(0.5, 1.0, n), sparsity="detect")
    assert est.value.nnz == n * n
    found = int(est.note.partition("with ")[2].split()[0])
    assert found <= 1.34 * n * (n - 1) / 2 + 2 * n + 20


def test_noise_does_not_fill_the_pattern() -> None:
    rng = np.random.default_rng(5)
    x = np.linspace(0.5, 1.2, 16)
    est = secant.hessian(lambda p: chain(p) + 1e-9 * rng.normal(), x, sparsity="detect")
    assert est.value.nnz == 46
    assert (est.verdicts == Verdict.NOISY).all()
    assert (np.abs(est.value.toarray() - chain_bends(x).toarray()) <= 3.0 * est.error.toarray()).mean() > 0.98


def test_weak_couplings_are_seen_down_to_what_is_told() -> None:
    def f(p: Any) -> float:
        return float(p @ p + 1e-7 * p[0] * p[3])

    est = secant.hessian(f, np.ones(5), sparsity="detect")
    assert est.value[0, 3] != 0.0
    assert "are not seen" in est.note
    assert secant.hessian(f, np.ones(5), sparsity="detect", noise=1e-6).value.nnz == 5


def test_a_domain_and_bounds_hold_while_the_pattern_is_detected() -> None:
    seen = []

    def f(p: Any) -> float:
        seen.append(p.copy())
        return math.sqrt(p[0]) * p[1] + p[2] ** 2

    est = secant.hessian(f, np.array([1.0, 1.0, 2.0]), sparsity="detect", bounds=(1.0, 3.0))
    assert np.min(seen) >= 1.0
    assert est.value.toarray()[0, 1] != 0.0
    assert abs(est.value.toarray()[0, 1] - 0.5) <= 3.0 * est.error.toarray()[0, 1]


# --- options ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", [{"gradient": chain_slopes}, {}])
def test_wrt_leaves_rows_and_columns_out(how: Any) -> None:
    x = np.linspace(0.3, 1.2, 12)
    some = [1, 2, 5, 6]
    est = secant.hessian(chain, x, sparsity=band(12), wrt=some, **how)
    truth = np.zeros((12, 12))
    truth[np.ix_(some, some)] = chain_bends(x).toarray()[np.ix_(some, some)]
    assert est.ok, est.note
    assert est.value.nnz == 8
    assert np.allclose(est.value.toarray(), truth, atol=1e-6)


@pytest.mark.parametrize(("how", "calls"), [({"gradient": chain_slopes}, 6), ({}, 1 + 2 * (12 + 11))])
def test_a_fixed_step(how: Any, calls: int) -> None:
    x = np.linspace(0.3, 1.2, 12)
    est = secant.hessian(chain, x, sparsity=band(12), step=1e-4, **how)
    assert est.evaluations == calls
    assert est.verdict is Verdict.UNRESOLVED
    assert np.allclose(est.value.toarray(), chain_bends(x).toarray(), rtol=0.0, atol=1e-6)
    assert how or (est.value.toarray() == secant.hessian(chain, x, step=1e-4).matrix)[band(12).toarray() > 0].all()


def test_a_budget_is_kept() -> None:
    x = np.linspace(0.3, 1.2, 12)
    for most in (60, 120, 200, 240, 400):
        counted = Counted(chain)
        est = secant.hessian(counted, x, sparsity=band(12), max_evaluations=most)
        assert est.evaluations == counted.calls <= most
    for most in (130, 300, 400):
        counted = Counted(chain)
        est = secant.hessian(counted, x, sparsity="detect", max_evaluations=most)
        assert est.evaluations == counted.calls <= most
    with pytest.raises(InputError, match="`max_evaluations` does not allow to detect"):
        secant.hessian(chain, x, sparsity="detect", max_evaluations=40)


def test_a_matrix_and_json() -> None:
    x = np.linspace(0.3, 1.2, 6)
    for how in ({"gradient": chain_slopes}, {}):
        est = secant.hessian(chain, x, sparsity=band(6), **how)
        assert est.matrix is est.value
        assert est.matrix_error is est.error
        again = secant.from_json(est.to_json())
        assert np.array_equal(again.matrix.toarray(), est.value.toarray())
        assert np.array_equal(again.error.toarray(), est.matrix_error.toarray())
        assert again.to_json() == est.to_json()


def test_ctrl_c_keeps_what_was_paid_for() -> None:
    def stopping(p: Any) -> float:
        stopping.calls += 1
        if stopping.calls == 180:
            raise KeyboardInterrupt
        return chain(p)

    stopping.calls = 0
    x = np.linspace(0.3, 1.2, 12)
    est = secant.hessian(stopping, x, sparsity=band(12))
    assert est.stopped == "keyboard"
    assert est.verdict is Verdict.UNRESOLVED
    usable = np.isfinite(est.error.data)
    assert usable.sum() >= 12
    off = np.abs(est.value.data - chain_bends(x).data)
    assert (off[usable] <= 5.0 * est.error.data[usable]).all()


def test_the_price() -> None:
    x = np.linspace(0.3, 1.2, 12)
    price = secant.price(secant.hessian, chain, x, sparsity=band(12))
    est = secant.hessian(chain, x, sparsity=band(12))
    assert 0.7 * est.evaluations <= price.evaluations <= 1.5 * est.evaluations
    assert est.evaluations <= price.at_most
    assert secant.price(secant.hessian, chain, x, sparsity=band(12), step=1e-4).evaluations == 47
    with pytest.raises(InputError, match="must be a pattern for a price"):
        secant.price(secant.hessian, chain, x, sparsity="detect")


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"sparsity": np.ones((3, 4))}, "a column for each of the 3 entries"),
        ({"sparsity": np.ones((4, 3))}, "a row for each of the 3 entries"),
        ({"sparsity": np.eye(3), "keep_samples": True}, "`keep_samples` must be left out"),
        ({"sparsity": np.eye(3), "inplace": True}, "`inplace` must be False"),
    ],
)
def test_what_cannot_be_used_is_refused_before_anything_is_evaluated(options: Any, text: str) -> None:
    counted = Counted(chain)
    with pytest.raises(InputError, match=text):
        secant.hessian(counted, np.ones(3), **options)
    assert not counted.calls


@pytest.mark.parametrize("seed", range(20))
def test_a_kink_in_reach_of_the_lines_is_not_in_the_entries(seed) -> None:
    rng = np.random.default_rng(seed)
    x, a = rng.uniform(0.5, 2.0, 2), rng.normal(size=2)
    d = 10.0 ** rng.uniform(-3, 0)
    est = secant.hessian(lambda y: float(np.sin(y[0]) * y[1] + max(a @ (y - x) - d, 0.0)), x, sparsity=np.ones((2, 2)))
    exact = np.array([[-np.sin(x[0]) * x[1], np.cos(x[0])], [np.cos(x[0]), 0.0]])
    wrong = np.abs(est.value.toarray() - exact) > 6.0 * est.error.toarray() + 1e-9
    assert not np.any(wrong & (est.verdicts.reshape(2, 2) == Verdict.OK))
