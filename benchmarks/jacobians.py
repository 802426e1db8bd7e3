"""Jacobians beside those of others: ``python -m benchmarks.jacobians``.

Dense: residuals of the collection of Moré, Garbow and Hillstrom (ACM TOMS 7, 1981) at their starting points and at
points drawn around them, against dual numbers in mpmath. Digits are relative to the entry; of an entry that is 0, to
the largest of its row. Others run at their defaults, a failure counts as no digits, and evaluations are counted by a
wrapper.

Sparse: forward differences with a given step in a million variables, in units of the bare calls that they cannot do
without (one for each group of columns and one for f(x)), best of several runs side by side; then steps of secant's
own, and detection, in a hundred thousand. ``--quick`` leaves the million out.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import jacobi
import mpmath
import numdifftools
import numpy as np
import scipy.sparse
from scipy.optimize import approx_fprime  # noqa: F401  # loads what the private module below needs
from scipy.optimize._numdiff import approx_derivative, group_columns

import secant
from benchmarks.derivatives.truth import LONG, MATH, Dual, lift

#: (namespace, list of entries) -> list of values.
Form = Callable[[Any, Sequence[Any]], list[Any]]
#: The Jacobian and its bars (None where there are none).
Method = Callable[[Callable[[Any], Any], Any], tuple[Any, Any]]

#: Points drawn around each starting point, and how far around it they lie.
DRAWN, AROUND, SEED = 2, 0.3, 7
BARD = (0.14, 0.18, 0.22, 0.25, 0.29, 0.32, 0.35, 0.39, 0.37, 0.58, 0.73, 0.96, 1.34, 2.1, 4.39)
KOWALIK = (0.1957, 0.1947, 0.1735, 0.16, 0.0844, 0.0627, 0.0456, 0.0342, 0.0323, 0.0235, 0.0246)
TIMES = (4.0, 2.0, 1.0, 0.5, 0.25, 0.167, 0.125, 0.1, 0.0833, 0.0714, 0.0625)
MEYER = (34780, 28610, 23650, 19630, 16370, 13720, 11540, 9744, 8261, 7030, 6005, 5147, 4427, 3820, 3307, 2872)


def _rosenbrock(m: Any, x: Any) -> list[Any]:
    return [10 * (x[1] - x[0] * x[0]), 1 - x[0]]


def _freudenstein(m: Any, x: Any) -> list[Any]:
    a, b = x
    return [-13 + a + ((5 - b) * b - 2) * b, -29 + a + ((b + 1) * b - 14) * b]


def _powell_badly_scaled(m: Any, x: Any) -> list[Any]:
    return [1e4 * x[0] * x[1] - 1, m.exp(-x[0]) + m.exp(-x[1]) - 1.0001]


def _brown_badly_scaled(m: Any, x: Any) -> list[Any]:
    return [x[0] - 1e6, x[1] - 2e-6, x[0] * x[1] - 2]


def _jennrich(m: Any, x: Any) -> list[Any]:
    return [2 + 2 * i - (m.exp(i * x[0]) + m.exp(i * x[1])) for i in range(1, 11)]


def _powell_singular(m: Any, x: Any) -> list[Any]:
    a, b, c, d = x
    return [a + 10 * b, 2.23606797749979 * (c - d), (b - 2 * c) * (b - 2 * c), 3.1622776601683795 * (a - d) * (a - d)]


def _bard(m: Any, x: Any) -> list[Any]:
    return [y - (x[0] + i / ((16 - i) * x[1] + min(i, 16 - i) * x[2])) for i, y in enumerate(BARD, 1)]


def _kowalik(m: Any, x: Any) -> list[Any]:
    return [y - x[0] * (u * u + u * x[1]) / (u * u + u * x[2] + x[3]) for u, y in zip(TIMES, KOWALIK, strict=True)]


def _meyer(m: Any, x: Any) -> list[Any]:
    return [x[0] * m.exp(x[1] / (45.0 + 5 * i + x[2])) - y for i, y in enumerate(MEYER, 1)]


def _biggs(m: Any, x: Any) -> list[Any]:
    def sums(t: float) -> Any:
        return x[2] * m.exp(-t * x[0]) - x[3] * m.exp(-t * x[1]) + x[5] * m.exp(-t * x[4])

    return [sums(0.1 * i) for i in range(1, 14)]


def _trigonometric(m: Any, x: Any) -> list[Any]:
    n, total = len(x), sum(m.cos(v) for v in x)
    return [n - total + (i + 1) * (1 - m.cos(v)) - m.sin(v) for i, v in enumerate(x)]


def _brown_almost_linear(m: Any, x: Any) -> list[Any]:
    total, product = sum(x), 1
    for v in x:
        product = product * v
    return [*(v + total - (len(x) + 1) for v in x[:-1]), product - 1]


def _boundary_value(m: Any, x: Any) -> list[Any]:
    n, h, around = len(x), 1.0 / (len(x) + 1), [0, *x, 0]
    return [
        2 * around[i] - around[i - 1] - around[i + 1] + h * h * (around[i] + i * h + 1) ** 3 / 2
        for i in range(1, n + 1)
    ]


def _integral_equation(m: Any, x: Any) -> list[Any]:
    n, h = len(x), 1.0 / (len(x) + 1)
    t = [h * (i + 1) for i in range(n)]
    cubes = [(v + s + 1) ** 3 for v, s in zip(x, t, strict=True)]
    found = []
    for i in range(n):
        low = sum(t[j] * cubes[j] for j in range(i + 1))
        high = sum((1 - t[j]) * cubes[j] for j in range(i + 1, n))
        found.append(x[i] + h * ((1 - t[i]) * low + t[i] * high) / 2)
    return found


def _broyden_tridiagonal(m: Any, x: Any) -> list[Any]:
    around = [0, *x, 0]
    return [(3 - 2 * v) * v - around[i] - 2 * around[i + 2] + 1 for i, v in enumerate(x)]


def _broyden_banded(m: Any, x: Any) -> list[Any]:
    found = []
    for i, v in enumerate(x):
        near = [x[j] * (1 + x[j]) for j in range(max(0, i - 5), min(len(x), i + 2)) if j != i]
        found.append(v * (2 + 5 * v * v) + 1 - sum(near))
    return found


PROBLEMS: dict[str, tuple[Form, list[float]]] = {
    "Rosenbrock": (_rosenbrock, [-1.2, 1.0]),
    "Freudenstein and Roth": (_freudenstein, [0.5, -2.0]),
    "Powell, badly scaled": (_powell_badly_scaled, [0.3, 1.0]),
    "Brown, badly scaled": (_brown_badly_scaled, [1.0, 1.0]),
    "Jennrich and Sampson": (_jennrich, [0.3, 0.4]),
    "Powell, singular": (_powell_singular, [3.0, -1.0, 0.3, 1.0]),
    "Bard": (_bard, [1.0, 1.0, 1.0]),
    "Kowalik and Osborne": (_kowalik, [0.25, 0.39, 0.415, 0.39]),
    "Meyer": (_meyer, [0.02, 4000.0, 250.0]),
    "Biggs EXP6": (_biggs, [1.0, 2.0, 1.0, 1.0, 1.0, 1.0]),
    "trigonometric": (_trigonometric, [0.1] * 10),
    "Brown, almost linear": (_brown_almost_linear, [0.5] * 10),
    "boundary value": (_boundary_value, [(i / 11) * (i / 11 - 1) for i in range(1, 11)]),
    "integral equation": (_integral_equation, [(i / 11) * (i / 11 - 1) for i in range(1, 11)]),
    "Broyden, tridiagonal": (_broyden_tridiagonal, [-1.0] * 10),
    "Broyden, banded": (_broyden_banded, [-1.0] * 10),
}


def _secant(f: Any, x: Any) -> tuple[Any, Any]:
    found = secant.jacobian(f, x)
    return found.value, found.error


def _numdifftools(f: Any, x: Any) -> tuple[Any, Any]:
    found = numdifftools.Jacobian(f, full_output=True)(x)
    return found.estimate, found.error_estimate


def _jacobi(f: Any, x: Any) -> tuple[Any, Any]:
    value, error = jacobi.jacobi(f, x)
    return value, error


METHODS: dict[str, Method] = {
    "secant": _secant,
    "numdifftools": _numdifftools,
    "jacobi": _jacobi,
    "scipy 3-point": lambda f, x: (np.atleast_2d(approx_derivative(f, x)), None),
    "scipy 2-point": lambda f, x: (np.atleast_2d(approx_derivative(f, x, method="2-point")), None),
}


def truth_of(form: Form, x: Any) -> Any:
    """Return the Jacobian in dual numbers, a column at a time."""
    with mpmath.workdps(60):
        columns = [
            [float(lift(v).b) for v in form(LONG, [Dual(v, int(i == j)) for i, v in enumerate(x.tolist())])]
            for j in range(x.size)
        ]
    return np.array(columns).T


def score(form: Form, x: Any, method: Method, truth: Any) -> tuple[list[float], list[bool], float]:
    """Return digits of every entry, whether its bar covers, and evaluations for each column."""
    calls = 0

    def f(p: Any) -> Any:
        nonlocal calls
        calls += 1
        return np.array([float(v) for v in form(MATH, [float(v) for v in p])])

    try:
        value, error = method(f, x)
        off = np.abs(np.asarray(value).reshape(truth.shape) - truth)
    except Exception:
        off, error = np.full(truth.shape, np.nan), None
    size = np.where(truth != 0.0, np.abs(truth), np.abs(truth).max(axis=1, keepdims=True))
    with np.errstate(divide="ignore"):
        digits = np.where(np.isfinite(off), -np.log10(off / size), -2.0)
    covers = np.zeros(truth.shape, dtype=bool) if error is None else off <= np.asarray(error).reshape(truth.shape)
    return np.clip(digits, -2.0, 16.0).reshape(-1).tolist(), covers.reshape(-1).tolist(), calls / x.size


def dense() -> None:
    """Print the table of dense Jacobians."""
    rng = np.random.default_rng(SEED)
    cases = []
    for form, start in PROBLEMS.values():
        for draw in range(1 + DRAWN):
            x = np.array(start)
            cases.append((form, x if not draw else x * (1.0 + AROUND * rng.uniform(-1.0, 1.0, x.size))))
    cases = [(form, x, truth_of(form, x)) for form, x in cases]
    entries = sum(truth.size for *_, truth in cases)
    print(f"dense: {len(cases)} Jacobians, {entries} entries\n")
    print("| method | digits, median | lowest tenth | bars that hold | evaluations a column |")
    print("| --- | --- | --- | --- | --- |")
    for name, method in METHODS.items():
        scores = [score(form, x, method, truth) for form, x, truth in cases]
        digits = np.concatenate([each for each, _, _ in scores])
        covered = np.concatenate([each for _, each, _ in scores])
        bars = f"{100.0 * covered.mean():.1f} %" if covered.any() else "none"
        median, low = np.median(digits), np.quantile(digits, 0.1)
        print(f"| {name} | {median:.1f} | {low:.1f} | {bars} | {np.mean([count for *_, count in scores]):.1f} |")


def tridiagonal(x: Any) -> Any:
    """Broyden's tridiagonal function."""
    found = (3.0 - 2.0 * x) * x + 1.0
    found[1:] -= x[:-1]
    found[:-1] -= 2.0 * x[1:]
    return found


def grid(x: Any) -> Any:
    """A nonlinear Laplacian on a square grid."""
    u = x.reshape(round(x.size**0.5), -1)
    found = 4.0 * u + 0.1 * np.exp(u)
    found[1:] -= u[:-1]
    found[:-1] -= u[1:]
    found[:, 1:] -= u[:, :-1]
    found[:, :-1] -= u[:, 1:]
    return found.reshape(-1)


def patterns(n: int) -> dict[str, tuple[Any, Any, int]]:
    """Return functions with their patterns, and the least number of groups."""
    side = round(n**0.5)
    band = scipy.sparse.diags_array([np.ones(n - 1), np.ones(n), np.ones(n - 1)], offsets=[-1, 0, 1]).tocsr()
    line = scipy.sparse.diags_array([np.ones(side - 1), np.ones(side - 1)], offsets=[-1, 1], shape=(side, side))
    one = scipy.sparse.eye_array(side)
    square = (scipy.sparse.kron(line, one) + scipy.sparse.kron(one, line) + scipy.sparse.eye_array(n)).tocsr()
    return {"tridiagonal": (tridiagonal, band, 3), "5-point grid": (grid, square, 5)}


def seconds(call: Callable[[], Any], times: int = 3) -> float:
    """Return the best of several times."""
    best = float("inf")
    for _ in range(times):
        began = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - began)
    return best


def million(n: int = 1_000_000) -> None:
    """Print what forward differences with a given step take in a million variables."""
    from secant.core.coloring import columns

    x = np.linspace(-1.0, 2.0, n)
    print(f"\nforward differences, n = {n:,}, in units of (groups + 1) bare calls at the least number of groups\n")
    print(
        "| pattern | groups | coloring, s | secant, coloring included | scipy's groups | scipy, without its grouping |"
    )
    print("| --- | --- | --- | --- | --- | --- |")
    for name, (f, pattern, least) in patterns(n).items():
        groups = group_columns(pattern, order=np.arange(n))
        how = {"sparsity": pattern, "step": 1e-6, "method": "forward"}
        bare = seconds(lambda f=f, least=least: [f(x.copy()) for _ in range(least + 1)], 5)
        ours = seconds(lambda f=f, how=how: secant.jacobian(f, x, **how))
        color = seconds(lambda pattern=pattern: columns(pattern.indptr, pattern.indices, n))
        theirs = seconds(
            lambda f=f, pattern=pattern, groups=groups: approx_derivative(
                f, x, method="2-point", abs_step=1e-6, sparsity=(pattern, groups)
            ),
            2,
        )
        counted = int(columns(pattern.indptr, pattern.indices, n).max()) + 1
        print(
            f"| {name} | {counted} | {color:.2f} | {ours / bare:.1f} | {groups.max() + 1} | {theirs / bare:.1f} |",
            flush=True,
        )


def own_steps(n: int = 99_856) -> None:
    """Print what steps of secant's own take and give, and what detection takes."""
    x = np.linspace(-1.0, 2.0, n)
    print(f"\nsteps of its own, n = {n:,}\n")
    print("| pattern | evaluations | s | digits of the diagonal, median | bars that hold | detected with |")
    print("| --- | --- | --- | --- | --- | --- |")
    side = round(n**0.5)
    truths = {"tridiagonal": 3.0 - 4.0 * x, "5-point grid": 4.0 + 0.1 * np.exp(x)}
    assert side * side == n
    for name, (f, pattern, _) in patterns(n).items():
        began = time.perf_counter()
        found = secant.jacobian(f, x, sparsity=pattern)
        took = time.perf_counter() - began
        off = np.abs(found.value.diagonal() - truths[name])
        bars = 100.0 * np.mean(off <= found.error.diagonal())
        digits = np.median(np.clip(-np.log10(np.maximum(off / np.abs(truths[name]), 1e-17)), -2.0, 16.0))
        seen = secant.jacobian(f, x, sparsity="detect", step=1e-6, method="forward")
        assert seen.value.nnz == pattern.nnz
        print(
            f"| {name} | {found.evaluations} | {took:.1f} | {digits:.1f} | {bars:.1f} % | {seen.evaluations} |",
            flush=True,
        )


def main() -> int:
    """Print all tables."""
    dense()
    own_steps()
    if "--quick" not in sys.argv:
        million()
    return 0


if __name__ == "__main__":
    sys.exit(main())
