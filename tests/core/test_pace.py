"""Measured rates: what they are on a quadratic, where f leads nowhere, and what error may and may not do to them."""

import math
from collections.abc import Generator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from secant.core.pace import LEAST, MOST, OUTSIDE, Measured, _share, downhill, first_rate
from secant.core.request import Floats, Reply, Request, run
from secant.core.rules import RULES, Plain, scale_of


def quadratic(hessian: Floats) -> Any:
    """Return the core of an exact gradient, which asks for nothing."""

    def gradient(x: Floats) -> Generator[Request, Reply, Any]:
        yield from ()
        bars = np.full(x.size, 1e-15)
        return SimpleNamespace(value=hessian @ x, error=bars, fun=0.5 * float(x @ hessian @ x), noise=1e-16)

    return gradient


def nothing(request: Request) -> Reply:
    raise AssertionError("nothing is asked for")


def turned(exponents: list[float], seed: int) -> Floats:
    axes = np.linalg.qr(np.random.default_rng(seed).normal(size=(len(exponents), len(exponents))))[0]
    hessian: Floats = axes.T @ np.diag(10.0 ** np.array(exponents)) @ axes
    return hessian


spectra = st.lists(st.floats(-5, 3), min_size=1, max_size=8)


@given(spectra, st.integers(0, 1000), st.sampled_from(sorted(RULES)))
def test_the_first_rate_is_near_half_of_one_over_the_largest_curvature(
    exponents: list[float], seed: int, name: str
) -> None:
    hessian, rule = turned(exponents, seed), RULES[name]
    x = np.random.default_rng(seed).normal(size=len(exponents))
    found = run(quadratic(hessian)(x), nothing)
    rate = run(first_rate(x, found, 1e-15, quadratic(hessian), rule), nothing)
    scale = scale_of(rule, found.value)
    top = float(np.linalg.eigvalsh(hessian / np.sqrt(np.outer(scale, scale))).max())
    assert rate * top >= 0.49
    if len(exponents) == 1:
        assert rate * top == pytest.approx(0.5, rel=1e-4)


@given(spectra, st.integers(0, 1000))
def test_a_rate_is_never_above_half_of_one_over_the_curvature_just_met(exponents: list[float], seed: int) -> None:
    hessian = turned(exponents, seed)
    rng = np.random.default_rng(seed)
    pace = Measured(rate=1e-3)
    before = None
    for _ in range(6):
        x = rng.normal(size=len(exponents))
        pace.seen(x, hessian @ x, 1e-15, np.ones(x.size))
        if before is not None:
            met = np.linalg.norm(hessian @ (x - before)) / np.linalg.norm(x - before)
            assert pace.rate <= 0.5 / met * (1 + 1e-9)
        before = x


def test_a_rate_grows_slowly_where_the_slope_does_not_change() -> None:
    pace, x = Measured(rate=0.1), np.array([0.0])
    rates = []
    for k in range(5):
        pace.seen(x + k, np.array([1.0]), 1e-12, np.ones(1))
        rates.append(pace.rate)
    assert rates[:2] == [0.1, 0.1]
    growth = np.divide(rates[2:], rates[1:-1])
    assert np.all(growth > 1.0)
    assert np.all(growth < 1.7)


def test_error_alone_lowers_no_rate() -> None:
    pace = Measured(rate=0.1)
    for k in range(8):
        pace.seen(np.array([1e-9 * k]), np.array([1.0 + 1e-3 * (-1) ** k]), 1e-3, np.ones(1))
    assert pace.rate >= 0.1


@given(st.floats(-1.0, 1e6), st.floats(1e-6, 1e3))
def test_a_rate_is_lowered_to_the_floor_of_the_parabola_within_reason(rise: float, foretold: float) -> None:
    share = _share(rise, foretold)
    assert MOST <= share <= LEAST or share == OUTSIDE


@pytest.mark.parametrize(
    ("rise", "foretold", "share"), [(math.nan, 1.0, OUTSIDE), (math.inf, 1.0, OUTSIDE), (1.0, 0.0, OUTSIDE)]
)
def test_a_rate_is_lowered_where_f_has_no_value(rise: float, foretold: float, share: float) -> None:
    assert _share(rise, foretold) == share


def test_where_nothing_lowers_f_no_step_is_taken() -> None:
    pace, found = Measured(rate=1.0), SimpleNamespace(value=np.array([1.0]), error=np.zeros(1), fun=0.0, noise=0.0)
    taken = run(downhill(np.zeros(1), found, Plain(), (), pace), lambda request: Reply([1.0]))
    assert taken.x is None
    assert pace.rate < 1e-3
