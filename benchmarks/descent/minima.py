"""Find the minima anew and write minima.json: ``python -m benchmarks.descent.minima``.

Long runs with exact derivatives, from the start of each problem and from five places close to it: nobody is held to a
minimum that lies in some other valley. Sums of absolute residuals go by linear programs in a trust region.
"""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from scipy import optimize

from benchmarks.descent.base import MINIMA, Array, Lowest, Problem, box
from benchmarks.descent.problems import SETS

NEARBY = 5


def jacobian(f: Callable[[Array], Array], x: Array) -> Array:
    """Return the Jacobian of an analytic f by the complex step."""
    columns = []
    for i in range(x.size):
        moved = x.astype(complex)
        moved[i] += 1e-30j
        columns.append(np.imag(f(moved)) / 1e-30)
    return np.array(columns).T


def starts(problem: Problem) -> Iterator[Array]:
    """Yield x0 and places close to it."""
    yield problem.x0
    rng = np.random.default_rng(1)
    for _ in range(NEARBY):
        yield problem.x0 + 0.02 * np.maximum(np.abs(problem.x0), 0.5) * rng.normal(size=problem.n)


def polished(f: Callable[[Array], Any], gradient: Callable[[Array], Array], x: Array) -> Array:
    """Return x after steps of Newton, for as long as they help; the Hessian by differences of exact gradients."""
    for _ in range(50):
        steps = 1e-6 * np.maximum(np.abs(x), 1e-2)
        H = np.array([(gradient(x + s) - gradient(x - s)) for s in np.diag(steps)]) / (2 * steps[:, None])
        values, axes = np.linalg.eigh((H + H.T) / 2)
        g = axes.T @ gradient(x)
        kept = np.abs(values) > 1e-13 * np.abs(values).max()
        step = -axes[:, kept] @ (g[kept] / np.abs(values[kept]))
        better = [y for y in (x + t * step for t in (1.0, 0.3, 0.1, 0.01)) if f(y) < f(x)]
        if not better:
            break
        x = min(better, key=f)
    return x


def smooth(problem: Problem, bounds: tuple[Array, Array] | None) -> Lowest:
    """Return the lowest value of f, perhaps in a box."""
    f, found = problem.function(), []
    low, high = bounds if bounds is not None else (np.full(problem.n, -np.inf), np.full(problem.n, np.inf))
    for start in starts(problem):
        for end in ends(problem, np.clip(start, low, high), low, high):
            x = np.clip(end, low, high)
            with contextlib.suppress(np.linalg.LinAlgError):
                found.append(x if bounds is not None else polished(f, problem.gradient, x))
    best = min((x for x in found if np.isfinite(f(x))), key=f)
    return Lowest(float(f(best)), best)


def ends(problem: Problem, x0: Array, low: Array, high: Array) -> Iterator[Array]:
    """Yield where runs with exact derivatives end; some break down on the way."""

    def residuals(x: Array) -> Array:
        assert problem.residuals is not None
        return problem.residuals(x, *problem.data)

    if problem.residuals is not None:
        tight = {"ftol": 1e-15, "xtol": 1e-15, "gtol": 1e-15, "max_nfev": 3000}
        for method in ("trf", "dogbox"):
            with contextlib.suppress(ValueError, np.linalg.LinAlgError):
                yield optimize.least_squares(
                    residuals, x0, lambda x: jacobian(residuals, x), bounds=(low, high), method=method, **tight
                ).x
    for method, options in (
        ("L-BFGS-B", {"maxiter": 20000, "maxfun": 40000, "ftol": 0.0, "gtol": 0.0, "maxcor": 30}),
        ("SLSQP", {"maxiter": 2000, "ftol": 1e-16}),
    ):
        with contextlib.suppress(ValueError):
            yield optimize.minimize(
                problem.function(),
                x0,
                jac=problem.gradient,
                method=method,
                bounds=optimize.Bounds(low, high),
                options=options,
            ).x


def absolute(problem: Problem, lowest: Lowest) -> Lowest:
    """Return the lowest sum of absolute residuals."""
    assert problem.residuals is not None
    residuals, data = problem.residuals, problem.data
    f, r = problem.function(nonsmooth=True), lambda x: residuals(x, *data)
    found = [lowest.x]
    if f(lowest.x) > 1e-9:
        found = [by_programs(f, r, x) for x in (lowest.x, *starts(problem))]
    best = min(found, key=f)
    return Lowest(float(f(best)), best)


def by_programs(f: Callable[[Array], Any], r: Callable[[Array], Array], x: Array) -> Array:
    """Return where sequential linear programs end, then a smoothed sum whose corners get sharper."""
    radius = 0.1 * np.maximum(np.abs(x), 0.1)
    for _ in range(400):
        value, J = r(x), jacobian(r, x)
        m, n = J.shape
        cost = np.concatenate([np.zeros(n), np.ones(m)])
        rows = np.block([[J, -np.eye(m)], [-J, -np.eye(m)]])
        limits = [*zip(-radius, radius, strict=True), *[(0, None)] * m]
        solved = optimize.linprog(cost, rows, np.concatenate([-value, value]), bounds=limits)
        if solved.x is None:
            radius = radius / 4
            continue
        step = solved.x[:n]
        foretold = f(x) - np.abs(value + J @ step).sum()
        gained = f(x) - f(x + step)
        if gained > 0.1 * foretold > 0.0:
            x = x + step
            radius = radius * (2.0 if gained > 0.7 * foretold else 1.0)
        else:
            radius = radius / 3
        if np.all(radius < 1e-14 * np.maximum(np.abs(x), 1e-3)):
            break
    scale = max(float(f(x)) / r(x).size, 1e-8)
    for power in range(2, 13):
        mu = scale * 10.0**-power

        def soft(y: Array, mu: float = mu) -> Any:
            return np.sqrt(r(y) ** 2 + mu * mu).sum()

        def slope(y: Array, mu: float = mu) -> Array:
            value = r(y)
            return jacobian(r, y).T @ (value / np.sqrt(value**2 + mu * mu))

        y = optimize.minimize(soft, x, jac=slope, method="BFGS", options={"gtol": 0.0, "maxiter": 2000}).x
        if np.isfinite(f(y)) and f(y) < f(x):
            x = y
    return x


def main() -> int:
    """Find all minima, or those of the problems named."""
    table: dict[str, Any] = json.loads(MINIMA.read_text(encoding="utf-8")) if MINIMA.exists() else {}
    names = sys.argv[1:]
    for problem in SETS["all"]:
        if names and problem.name not in names:
            continue
        with np.errstate(all="ignore"):
            forms = {"smooth": smooth(problem, None)}
            if problem.residuals is not None:
                forms["nonsmooth"] = absolute(problem, forms["smooth"])
            forms["bounds"] = smooth(problem, box(problem, forms["smooth"]))
        slope = float(np.abs(problem.gradient(forms["smooth"].x)).max())
        print(problem.name, {form: f"{one.value:.6g}" for form, one in forms.items()}, f"slope {slope:.1e}", flush=True)
        table[problem.name] = {form: {"value": one.value, "x": one.x.tolist()} for form, one in forms.items()}
    table = {problem.name: table[problem.name] for problem in SETS["all"] if problem.name in table}
    MINIMA.write_text(
        "{\n" + ",\n".join(f"{json.dumps(name)}: {json.dumps(one)}" for name, one in table.items()) + "\n}\n",
        encoding="utf-8",
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
