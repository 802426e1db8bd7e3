"""The complex step: all digits where f is analytic in its code, never a silently wrong number where it is not."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import secant
from secant.core.imaginary import MOST, USUAL

ANALYTIC = [
    ("sin", np.sin, 1.0, math.cos(1.0)),
    ("exp", np.exp, 1.0, math.e),
    ("a power", lambda x: x**7.5, 1.3, 7.5 * 1.3**6.5),
    ("log of a tiny number", np.log, 1e-9, 1e9),
    ("sin of 1000 x", lambda x: np.sin(1000.0 * x), 1.0, 1000.0 * math.cos(1000.0)),
    ("sin of 1e5 x", lambda x: np.sin(1e5 * x), 1.0, 1e5 * math.cos(1e5)),
    ("sin at a million", np.sin, 1e6, math.cos(1e6)),
    ("cos at 0", np.cos, 0.0, 0.0),
    ("cube at 0", lambda x: x**3, 0.0, 0.0),
    ("sharp front", lambda x: np.tanh(240.0 * (x - 1.0)), 1.0, 240.0),
    ("large offset", lambda x: 1e6 + np.sin(x), 1.0, math.cos(1.0)),
    ("sin of a tiny number", np.sin, 1e-300, 1.0),
    ("square at 1e150", lambda x: x * x, 1e150, 2e150),
    ("tiny values", lambda x: 1e-200 * np.sin(x), 1.0, 1e-200 * math.cos(1.0)),
    ("constant", lambda x: 7.0, 1.0, 0.0),
    ("a fifth derivative that outgrows the third", np.arcsin, -0.7, 1.0 / math.sqrt(0.51)),
    ("close to a singular point", lambda x: 1.0 / (1.0 + 2.0**-10 - x), 1.0, 2.0**20),
    ("straight line", lambda x: 3.0 * x + 1.0, 1.0, 3.0),
    ("a branch that complex numbers take as well", lambda x: np.maximum(x, 0.5) ** 2, 1.0, 2.0),
]


@pytest.mark.parametrize(("name", "f", "x", "truth"), ANALYTIC, ids=[row[0] for row in ANALYTIC])
def test_analytic_functions(name, f, x, truth) -> None:
    estimate = secant.derivative(f, x, method="complex")
    assert estimate.ok
    assert abs(float(estimate) - truth) <= estimate.error
    assert float(estimate) == pytest.approx(
        truth, rel=4e-16 if abs(x) < 1e5 and "1e5" not in name else 1e-10, abs=1e-30 if x == 0.0 else 0.0
    )
    assert 1 + USUAL <= estimate.evaluations <= 1 + MOST
    assert estimate.fun == pytest.approx(f(x))


@given(
    st.floats(-4.0, 4.0).filter(lambda x: abs(x) > 1e-3),
    st.floats(-3.0, 3.0),
    st.integers(-3, 6).map(lambda e: 10.0**e),
)
def test_coverage(x, phase, w) -> None:
    estimate = secant.derivative(lambda x: np.exp(0.3 * np.sin(w * x + phase)), x, method="complex")
    truth = 0.3 * w * math.cos(w * x + phase) * math.exp(0.3 * math.sin(w * x + phase))
    assert not estimate.ok or abs(float(estimate) - truth) <= estimate.error + 1e-15 * w * (1.0 + w * abs(x))


SILENT = [
    ("abs", abs, 1.0),
    ("abs at 0", abs, 0.0),
    ("a small share of abs", lambda x: x + 1e-9 * abs(x), 1.0),
    (".real inside", lambda x: np.sin(x) + 1e-6 * np.real(x), 1.0),
    ("a conjugate", lambda x: x * np.conj(x), 1.0),
    ("abs inside", lambda x: np.sqrt(np.abs(x)), 2.0),
    ("rounding", lambda x: np.float64(np.real(x)) ** 2, 1.0),
    ("a kink", lambda x: np.where(np.real(x) > 0.0, x, 0.0) * 1.0, 0.0),
    ("a kink from the other side", lambda x: np.where(np.real(x) < 0.0, -x, x) * 1.0, 0.0),
    ("a root of a square", lambda x: np.sqrt(x * x), 0.0),
    ("a jump beside the axis", lambda x: x + np.abs(np.imag(x)) * 1e30, 1.0),
    ("random", lambda x: x + np.random.default_rng().normal(), 1.0),
]


@pytest.mark.parametrize(("name", "f", "x"), SILENT, ids=[row[0] for row in SILENT])
def test_what_is_not_analytic_is_never_silently_wrong(name, f, x) -> None:
    estimate = secant.derivative(f, x, method="complex")
    assert estimate.verdict is secant.Verdict.UNRESOLVED
    assert "is not analytic" in estimate.message
    assert estimate.error > 0.0
    assert estimate.evaluations <= 1 + MOST


@given(st.floats(-14.0, 0.0), st.floats(0.5, 2.0))
def test_a_share_of_abs_is_seen_or_within_the_bar(exponent, x) -> None:
    share = 10.0**exponent
    estimate = secant.derivative(lambda x: np.sin(x) + share * abs(x), x, method="complex")
    assert abs(float(estimate) - math.cos(x) - share) <= 1.0001 * estimate.error


def test_gradients_arrays_and_trees() -> None:
    x = np.array([1.0, 2.0, 3.0])
    estimate = secant.gradient(lambda x: np.exp(x).sum() * x[0], x, method="complex")
    truth = np.exp(x) * x[0] + np.array([np.exp(x).sum(), 0.0, 0.0])
    assert estimate.ok
    assert np.allclose(estimate.value, truth, rtol=1e-15, atol=0.0)
    assert np.all(np.abs(estimate.value - truth) <= estimate.error)
    assert 13 <= estimate.evaluations <= 16
    assert x.dtype == np.float64
    tree = {"w": np.ones((2, 2)), "b": 2.0, "c": np.float64(3.0), "k": 1}
    found = secant.gradient(lambda p: np.sin(p["w"]).sum() * p["b"] + p["c"] ** 2 * p["k"], tree, method="complex")
    assert found.ok
    assert np.allclose(found.value["w"], 2.0 * math.cos(1.0), rtol=1e-15)
    assert found.value["c"] == 6.0
    part = secant.gradient(lambda p: np.sin(p["w"]).sum() * p["b"], tree, wrt="b", method="complex")
    assert part.evaluations == 5
    assert part.value["b"] == pytest.approx(4.0 * math.sin(1.0), rel=1e-15)
    many = secant.gradient(lambda x: (x**3).sum(), np.linspace(1.0, 2.0, 300), method="complex")
    assert np.allclose(many.value, 3.0 * np.linspace(1.0, 2.0, 300) ** 2, rtol=1e-15)


def test_only_the_broken_entry_is_flagged() -> None:
    estimate = secant.gradient(lambda x: np.exp(x).sum() + abs(x[1]), np.array([1.0, 2.0, 3.0]), method="complex")
    words = [str(verdict) for verdict in estimate.verdicts]
    assert words == ["ok", "unresolved", "ok"]
    assert list(estimate.details) == ["[1]"]
    assert estimate.value[1] == pytest.approx(math.exp(2.0) + 1.0, rel=1e-4)


def test_directions_and_many_outputs() -> None:
    x = np.array([1.0, 2.0])
    along = secant.directional(lambda x: np.sin(x) * x[0], x, np.array([1.0, -1.0]), method="complex")
    truth = np.cos(x) * [1.0, -1.0] * x[0] + np.sin(x)
    assert np.allclose(along.value, truth, rtol=1e-15)
    assert np.all(np.abs(along.value - truth) <= along.error)
    both = secant.derivative(lambda x: np.array([np.sin(x), abs(x)]), 1.0, method="complex")
    assert [str(verdict) for verdict in both.verdicts] == ["ok", "unresolved"]


def test_options() -> None:
    asked = []

    def f(x):
        asked.append(x)
        return np.sin(x)

    estimate = secant.derivative(f, 1.0, method="complex", step=1e-30)
    assert 1.0 + 1e-30j in asked
    assert estimate.step == 1e-30
    asked.clear()
    assert secant.derivative(f, 1.0, method="complex", bounds=(0.9999, 1.0001), max_step=1e-5).ok
    assert max(abs(np.real(x) - 1.0) for x in asked) <= 1.0001e-5
    at_end = secant.derivative(np.sqrt, 1.0, method="complex", bounds=(1.0, 2.0))
    assert at_end.verdict is secant.Verdict.UNRESOLVED
    assert "no room" in at_end.message
    for most in (5, 6, 8, 14):
        assert (
            secant.derivative(lambda x: np.sin(1e5 * x), 1.0, method="complex", max_evaluations=most).evaluations
            <= most
        )
    with pytest.raises(secant.InputError, match="`max_evaluations` must be at least 13"):
        secant.gradient(f, np.ones(3), method="complex", max_evaluations=12)
    price = secant.price(secant.gradient, lambda x: (x**2).sum(), np.ones(3), method="complex")
    assert price.evaluations == 13 == secant.gradient(lambda x: (x**2).sum(), np.ones(3), method="complex").evaluations
    walk = secant.gradient_descent(lambda x: np.sum(x**2), np.ones(2), 0.1, method="complex")
    assert walk.success


def compared(x):
    return x if x > 0.0 else -x


def stored(x):
    inside = np.zeros(1)
    inside[0] = x
    return inside[0]


@pytest.mark.parametrize("f", [math.sin, compared, stored, lambda x: float(x) ** 2])
def test_functions_that_refuse_complex_numbers(f) -> None:
    with pytest.raises(
        secant.InputTypeError, match="`method='complex'` needs an f that takes complex numbers"
    ) as caught:
        secant.derivative(f, 1.0, method="complex")
    assert isinstance(caught.value.__cause__, TypeError)
    assert "x = 1.0 plus" in caught.value.__notes__[0]


def test_what_it_is_not_for() -> None:
    with pytest.raises(secant.InputTypeError, match=r"needs float64 entries; `x`\['w'\] is float32"):
        secant.gradient(lambda p: p["w"].sum(), {"w": np.ones(2, dtype=np.float32)}, method="complex")
    with pytest.raises(secant.InputTypeError, match="needs an f that is real for real x"):
        secant.derivative(lambda x: 1j * x, 1.0, method="complex")
    with pytest.raises(secant.InputError, match="`inplace` must be False"):
        secant.gradient(lambda x: x.sum(), np.ones(2), method="complex", inplace=True)
    with pytest.raises(TypeError, match="mine"):
        secant.derivative(broken, 1.0, method="complex")


def broken(x):
    raise TypeError("mine")
