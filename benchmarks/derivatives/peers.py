"""Adapters: every method answers (value, bar, verdict) through one signature, its evaluations counted by us.

Rules: peers run with their defaults. What they raise becomes NaN with an infinite bar, which is
kinder to them than reality. A function given to a library that wants arrays is looped over, and
each point counts. A flag is whatever a library says against its own answer: secant's verdict,
SciPy's ``success``, a NaN, an infinite bar.
"""

from __future__ import annotations

import functools
import importlib.metadata
import importlib.util
import math
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.derivatives.cases import Case, Function

#: Verdicts of secant that claim what their bar says.
CLAIMING = frozenset({"ok", "noisy", "at bound"})

#: An adapter's own answer: value, bar, verdict in words ("" for none), whether it flags itself.
Answer = tuple[Any, Any, Any, Any]
Adapter = Callable[[Function, Any, Mapping[str, Any]], Answer]


@dataclass(frozen=True)
class Result:
    """What a method said about one case, and what it cost."""

    value: Any
    bar: Any
    verdict: Any
    flagged: Any
    evaluations: int
    seconds: float
    raised: str = ""


class Counter:
    """A function that counts how often it is called."""

    def __init__(self, f: Function) -> None:
        self._f = f
        self.count = 0

    def __call__(self, x: Any) -> Any:
        self.count += 1
        return self._f(x)


def answer(adapter: Adapter, case: Case) -> Result:
    """Ask a method for a case's derivative."""
    f = Counter(case.f)
    raised = ""
    x = np.array(case.x) if isinstance(case.x, np.ndarray) else case.x
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        started = time.perf_counter()
        try:
            value, bar, verdict, flagged = adapter(f, x, case.options)
        except Exception as error:  # whatever a library raises is its answer
            raised = f"{type(error).__name__}: {error}"
            value, bar, verdict, flagged = math.nan, math.inf, "raised", True
        seconds = time.perf_counter() - started
    return Result(value, bar, verdict, flagged, f.count, seconds, raised)


def _secant(**options: Any) -> Adapter:
    def adapter(f: Function, x: Any, more: Mapping[str, Any]) -> Answer:
        import secant

        chosen = {**options, **more}
        if "max_evaluations" in chosen:
            chosen["max_evaluations"] *= np.size(x)  # one budget for a whole gradient: so much a coordinate
        found = (secant.gradient if np.ndim(x) else secant.derivative)(f, x, **chosen)
        verdicts = found.verdicts
        if np.ndim(x):
            words = np.array([str(v) for v in np.asarray(verdicts, dtype=object).ravel()], dtype=object)
            return found.value, found.error, words, np.array([w not in CLAIMING for w in words])
        return found.value, found.error, str(found.verdict), str(found.verdict) not in CLAIMING

    return adapter


def _numdifftools(f: Function, x: Any, _: Mapping[str, Any]) -> Answer:
    import numdifftools

    if np.ndim(x):
        found = numdifftools.Gradient(f, full_output=True)(x)
        return found.estimate, np.ravel(found.error_estimate), "", False
    found = numdifftools.Derivative(lambda t: float(f(float(t))), full_output=True)(float(x))
    return float(found.estimate), float(np.ravel(found.error_estimate)[0]), "", False


def _scipy(f: Function, x: Any, _: Mapping[str, Any]) -> Answer:
    import scipy.differentiate

    if np.ndim(x):

        def columns(points: Any) -> Any:
            flat = points.reshape(points.shape[0], -1)
            return np.array([float(f(point)) for point in flat.T]).reshape(points.shape[1:])

        found = scipy.differentiate.jacobian(columns, x)
        return found.df, found.error, "", ~found.success

    def mapped(t: Any) -> Any:
        return np.reshape([float(f(v)) for v in t.ravel().tolist()], t.shape)

    found = scipy.differentiate.derivative(mapped, float(x))
    return float(found.df), float(found.error), "", not bool(found.success)


def _approx_derivative(method: str) -> Adapter:
    def adapter(f: Function, x: Any, more: Mapping[str, Any]) -> Answer:
        from scipy.optimize._numdiff import approx_derivative

        if np.ndim(x):
            return approx_derivative(f, x, method=method), np.nan * x, "", False
        bounds = more.get("bounds", (-np.inf, np.inf))
        found = approx_derivative(lambda t: float(f(float(t[0]))), [float(x)], method=method, bounds=bounds)
        return float(np.ravel(found)[0]), math.nan, "", False

    return adapter


@functools.cache
def _guard_polyfit() -> None:
    """Let polyfit give NaN on NaN and infinities: LAPACK never returns from some of those that jacobi hands it."""
    from numpy.lib import _polynomial_impl

    inner = vars(_polynomial_impl)["lstsq"]

    def lstsq(a: Any, b: Any, rcond: Any) -> Any:
        if np.isfinite(a).all() and np.isfinite(b).all():
            return inner(a, b, rcond)
        width, outputs = a.shape[1], b.shape[1:]
        return np.full((width, *outputs), np.nan), np.full(outputs, np.nan), width, np.ones(width)

    vars(_polynomial_impl)["lstsq"] = lstsq


def _jacobi(f: Function, x: Any, _: Mapping[str, Any]) -> Answer:
    import jacobi

    _guard_polyfit()
    value, error = jacobi.jacobi(f, x if np.ndim(x) else float(x))
    return (value, error, "", False) if np.ndim(x) else (float(value), float(error), "", False)


def _along(f: Function, x: Any, i: int) -> Function:
    def line(t: float) -> Any:
        point = np.array(x)
        point[i] = t
        return f(point)

    return line


def _numericalderivative(f: Function, x: Any, more: Mapping[str, Any]) -> Answer:
    import numericalderivative

    if np.ndim(x):
        each = [_numericalderivative(_along(f, x, i), float(v), more)[0] for i, v in enumerate(x)]
        return np.array(each), np.nan * x, "", False
    # The search of Stepleman and Winarsky (1979) goes down from a step that must bound the best one.
    algorithm = numericalderivative.SteplemanWinarsky(lambda t: float(f(t)), float(x))
    found, _ = algorithm.find_step(0.1 * abs(float(x)) or 0.1)
    return float(algorithm.compute_first_derivative(found)), math.nan, "", False


def _statsmodels(f: Function, x: Any, _: Mapping[str, Any]) -> Answer:
    from statsmodels.tools.numdiff import approx_fprime

    if np.ndim(x):
        return approx_fprime(x, f, centered=True), np.nan * x, "", False
    found = approx_fprime(np.array([float(x)]), lambda t: float(f(float(t[0]))), centered=True)
    return float(np.ravel(found)[0]), math.nan, "", False


#: Every method, in the order of the tables.
METHODS: dict[str, Adapter] = {
    "secant": _secant(),
    "secant rtol=1e-10": _secant(rtol=1e-10),
    "secant max 21": _secant(max_evaluations=21),
    "numdifftools": _numdifftools,
    "scipy.differentiate": _scipy,
    "scipy 2-point": _approx_derivative("2-point"),
    "scipy 3-point": _approx_derivative("3-point"),
    "jacobi": _jacobi,
    "numericalderivative": _numericalderivative,
    "statsmodels": _statsmodels,
}

#: Methods that state an error bar.
WITH_BARS = ("secant", "secant rtol=1e-10", "secant max 21", "numdifftools", "scipy.differentiate", "jacobi")


def installed() -> list[str]:
    """Return the methods whose package is installed."""
    return [name for name in METHODS if importlib.util.find_spec(name.split(".", maxsplit=1)[0].split()[0])]


def versions() -> dict[str, str]:
    """Return the versions of the packages compared."""
    names = ("secant", "numpy", "scipy", "numdifftools", "jacobi", "numericalderivative", "statsmodels", "mpmath")
    found = {}
    for name in names:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "source tree" if name == "secant" else "missing"
    return found
