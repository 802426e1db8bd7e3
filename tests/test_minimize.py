"""Minima as they are asked for: verdicts on both sides, bounds, budgets, containers, callbacks, journals, SciPy."""

import math
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from time import sleep
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import secant
from mortal import Killed, Mortal, rosenbrock
from secant import minimize

START = np.array([-1.2, 1.0])


def never(x: Any) -> float:
    raise AssertionError("nothing may be evaluated")


def noisy(f: Callable[[Any], float], level: float, seed: int = 0) -> Callable[[Any], float]:
    rng = np.random.default_rng(seed)
    return lambda x: f(x) + level * rng.normal()


def bowl(x: Any) -> float:
    return float((x - 1.0) @ (x - 1.0))


def three(x: Any) -> float:
    """Three functions meet at (1.139, 0.9), where the largest of them is least."""
    return max(x[0] ** 2 + x[1] ** 4, (2.0 - x[0]) ** 2 + (2.0 - x[1]) ** 2, 2.0 * np.exp(x[1] - x[0]))


# --- Verdicts ---------------------------------------------------------------------------------------------

#: Name, f, x0, options, verdict, words of the note.
ENDS: list[tuple[str, Callable[[Any], Any], Any, dict[str, Any], str, str]] = [
    ("valley", rosenbrock, START, {}, "converged", ""),
    ("one variable", lambda x: (x - 3.0) ** 2, 0.0, {}, "converged", ""),
    ("at zero", lambda x: x @ x, [3.0, -4.0], {}, "converged", ""),
    ("at the start", bowl, [1.0, 1.0], {}, "converged", ""),
    ("flat minimum", lambda x: np.sum(x**4), [3.0, -4.0], {}, "converged", ""),
    ("far", bowl, [1e8, -1e8], {}, "converged", ""),
    ("huge values", lambda x: 1e300 * bowl(x), [0.0, 0.0], {}, "converged", ""),
    ("tiny values", lambda x: 1e-300 * bowl(x), [0.0, 0.0], {}, "converged", ""),
    ("on a pedestal", lambda x: 1e10 + bowl(x), [0.0, 0.0], {}, "converged", ""),
    ("badly scaled", lambda x: (1e6 * x[0] - 1) ** 2 + (1e-6 * x[1] - 1) ** 2, [0.0, 0.0], {}, "converged", ""),
    ("saddle on the way", lambda x: x[0] ** 2 - x[1] ** 2 + x[1] ** 4, [1.0, 0.0], {}, "converged", ""),
    ("monkey saddle", lambda x: x[0] ** 3 - 3 * x[0] * x[1] ** 2 + (x @ x) ** 2, [0.0, 0.0], {}, "converged", ""),
    ("kink", lambda x: abs(x[0] - 0.3), [1.0], {}, "converged", ""),
    ("crease", lambda x: abs(x[0] - 0.3) + abs(x[1] + 0.7), [1.0, 2.0], {}, "noise floor", "f has a kink here"),
    ("crease across", lambda x: 10 * abs(x[0] - x[1]) + (x[0] - 2) ** 2, [0.0, 1.0], {}, "noise floor", "has a kink"),
    ("cone", lambda x: np.linalg.norm(x - 1.0), [0.0, 0.0], {}, "noise floor", "f has a kink here"),
    ("three curves", three, [1.0, -0.1], {"max_evaluations": 2000}, "noise floor", "f has a kink here"),
    ("narrow", lambda x: np.log1p(1e6 * (x[0] - 0.3) ** 2 + (x[1] - 2) ** 2), [1.0, 0.5], {}, "converged", ""),
    ("in a plain", lambda x: -np.exp(-((x[0] - 20.0) ** 2)), [0.0], {}, "converged", ""),
    ("at a bound", bowl, [0.0, 0.0], {"bounds": (-1, 0.5)}, "converged", ""),
    ("from a bound", bowl, [0.0, 0.0], {"bounds": (0, None)}, "converged", ""),
    ("all fixed", bowl, [2.0, 3.0], {"bounds": ([2.0, 3.0], [2.0, 3.0])}, "converged", ""),
    ("little noise", noisy(bowl, 1e-9), [2.0, 3.0], {}, "converged", ""),
    ("noise", noisy(bowl, 1e-3), [2.0, 3.0], {}, "noise floor", "no longer falls by more than its noise"),
    ("noise, and time", noisy(bowl, 1e-3), [2.0, 3.0], {"max_evaluations": 900}, "noise floor", "than its noise"),
    ("noise, told", noisy(bowl, 1e-3), [2.0, 3.0], {"noise": 1e-3}, "noise floor", "more than its noise, 0.001"),
    ("nothing but noise", noisy(lambda x: 1.0, 1.0), [2.0, 3.0], {}, "noise floor", "its noise"),
    ("wiggle", lambda x: x @ x + 1e-3 * np.sum(np.sin(300 * x)), [1.0, 2.0], {}, "noise floor", "its noise"),
    ("constant", lambda x: 3.0, [1.0, 1.0], {}, "noise floor", "very same value"),
    ("saturated", lambda x: np.tanh(x[0] - 200.0) ** 2, [0.0], {}, "noise floor", "very same value"),
    ("line", lambda x: -x[0], [1.0], {}, "unbounded", "goes on falling"),
    ("cube", lambda x: -(x[0] ** 3), [1.0], {}, "unbounded", "goes on falling"),
    ("pure saddle", lambda x: x[0] ** 2 - x[1] ** 2, [1.0, 0.0], {}, "unbounded", "has fallen to -"),
    ("line in a box", lambda x: -x[0], [1.0], {"bounds": (0, 5)}, "converged", ""),
    ("budget", rosenbrock, START, {"max_evaluations": 50}, "budget", "50 evaluations allowed, and spent"),
    ("one evaluation", rosenbrock, START, {"max_evaluations": 1}, "budget", "1 evaluation allowed, and spent"),
    ("no value", lambda x: math.nan, [1.0], {}, "failed", "no finite value at x0"),
    ("infinite", lambda x: math.inf, [1.0], {}, "failed", "no finite value at x0"),
    ("barrier", lambda x: x[0] - math.log(x[0]), [3.0], {}, "converged", ""),
]  # fmt: skip


@pytest.mark.parametrize(
    ("f", "x0", "how", "verdict", "words"),
    [row[1:] for row in ENDS],
    ids=[row[0] for row in ENDS],
)
def test_verdicts(f: Any, x0: Any, how: dict[str, Any], verdict: str, words: str) -> None:
    found = minimize(f, np.array(x0) if isinstance(x0, list) else x0, **how)
    assert found.verdict == verdict
    assert words in found.note
    assert found.success == (verdict == "converged")
    if "kink" in words:
        assert "noise." not in found.message
        assert "smooth f at its kink" in found.remedy


#: Name, f, x0, where its minimum is, how close one comes.
MINIMA: list[tuple[str, Callable[[Any], Any], Any, Any, float]] = [
    ("valley", rosenbrock, START, [1.0, 1.0], 1e-6),
    ("saddle on the way", lambda x: x[0] ** 2 - x[1] ** 2 + x[1] ** 4, [1.0, 0.0], [0.0, math.sqrt(0.5)], 1e-6),
    ("crease", lambda x: abs(x[0] - 0.3) + abs(x[1] + 0.7), [1.0, 2.0], [0.3, -0.7], 1e-9),
    ("barrier", lambda x: x[0] - math.log(x[0]), [3.0], [1.0], 1e-6),
    ("in a plain", lambda x: -np.exp(-((x[0] - 20.0) ** 2)), [0.0], [20.0], 1e-6),
    ("badly scaled", lambda x: (1e6 * x[0] - 1) ** 2 + (1e-6 * x[1] - 1) ** 2, [0.0, 0.0], [1e-6, 1e6], 1e-4),
    ("on a pedestal", lambda x: 1e10 + bowl(x), [0.0, 0.0], [1.0, 1.0], 2e-3),
    ("noise", noisy(bowl, 1e-4), [2.0, 3.0], [1.0, 1.0], 0.05),
    ("wiggle", lambda x: x @ x + 1e-3 * np.sum(np.sin(300 * x)), [1.0, 2.0], [0.0, 0.0], 0.1),
]


@pytest.mark.parametrize(("f", "x0", "where", "close"), [row[1:] for row in MINIMA], ids=[row[0] for row in MINIMA])
def test_minima(f: Any, x0: Any, where: Any, close: float) -> None:
    found = minimize(f, np.array(x0))
    assert np.all(np.abs(found.x - where) <= close * np.maximum(1.0, np.abs(where)))


@pytest.mark.parametrize("kind", ["bowl", "cosh", "log"])
@pytest.mark.parametrize("seed", range(8))
def test_smooth_functions_converge_with_a_gradient_that_holds(kind: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 6))
    center, weights, turn = rng.normal(size=n), np.exp(rng.normal(size=n)), np.linalg.qr(rng.normal(size=(n, n)))[0]

    def parts(x: Any) -> tuple[float, Any]:
        z = turn @ (x - center)
        if kind == "bowl":
            return weights @ z**2, 2.0 * weights * z
        if kind == "cosh":
            return weights @ np.cosh(z), weights * np.sinh(z)
        inside = 1.0 + weights @ z**2
        return math.log(inside), 2.0 * weights * z / inside

    found = minimize(lambda x: 1.0 + parts(x)[0], rng.normal(size=n))
    assert found.verdict == "converged"
    assert np.allclose(found.x, center, atol=1e-5)
    assert found.fun <= 1.0 + parts(center)[0] + 1e-12
    # What rounding f near 1 leaves in the truth itself is not the bar's business.
    assert np.all(np.abs(found.gradient.value - turn.T @ parts(found.x)[1]) <= found.gradient.error + 1e-14)


@pytest.mark.parametrize("told", [False, True])
@pytest.mark.parametrize("level", [1e-9, 1e-3])
def test_under_noise_the_bar_of_the_gradient_holds(level: float, told: bool) -> None:
    held = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        center = rng.normal(size=2)
        f = noisy(lambda x, center=center: float(np.sum(np.cosh(x - center))), level, seed)
        found = minimize(f, center + rng.normal(size=2), noise=level if told else None)
        held += (np.abs(found.gradient.value - np.sinh(found.x - center)) <= found.gradient.error).tolist()
    assert np.mean(held) >= 0.9


def test_a_limited_memory_for_many_variables() -> None:
    weights = np.linspace(1.0, 100.0, 500)
    found = minimize(lambda x: float(weights @ (x - 1.0) ** 2), np.zeros(500))
    assert found.verdict == "converged"
    assert np.allclose(found.x, 1.0, atol=1e-6)


# --- Bounds -----------------------------------------------------------------------------------------------


class Recorder:
    """A function that sees to it that no point lies outside, and that nobody hands out its own array."""

    def __init__(self, lower: Any, upper: Any, center: float) -> None:
        self.lower, self.upper, self.center, self.calls = lower, upper, center, 0

    def __call__(self, x: Any) -> float:
        self.calls += 1
        assert np.all(x >= self.lower)
        assert np.all(x <= self.upper)
        return float(np.sum((x.astype(float) - self.center) ** 2 + 0.1 * np.sin(5 * x.astype(float))))


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
@pytest.mark.parametrize("bounds", [(0.1, 0.3), (-0.3, -0.1), (1 / 3, 2 / 3), (0.0, 1.0), (0.25, 0.2502), (-2.0, 1e-3)])
@pytest.mark.parametrize("start", ["inside", "lower", "upper"])
@pytest.mark.parametrize("center", [0.7, -0.2])
def test_nothing_is_evaluated_outside(dtype: Any, bounds: tuple[float, float], start: str, center: float) -> None:
    lower, upper = bounds
    x0 = np.full(3, {"inside": 0.5 * (lower + upper), "lower": lower, "upper": upper}[start], dtype=dtype)
    if not np.all((x0.astype(float) >= lower) & (x0.astype(float) <= upper)):
        with pytest.raises(secant.InputError, match="`x0`"):
            minimize(never, x0, bounds=bounds)
        return
    f = Recorder(lower, upper, center)
    found = minimize(f, x0, bounds=bounds)
    assert found.x.dtype == dtype
    assert f.calls == found.evaluations
    assert np.all((found.path >= lower) & (found.path <= upper))


@given(st.data())
def test_boxes_of_any_kind_are_kept(data: st.DataObject) -> None:
    n = data.draw(st.integers(1, 3))
    lower = np.array(data.draw(st.lists(st.floats(-10, 10), min_size=n, max_size=n)))
    width = np.array(data.draw(st.lists(st.sampled_from([0.0, 1e-9, 0.5, 100.0, math.inf]), min_size=n, max_size=n)))
    share = np.array(data.draw(st.lists(st.sampled_from([0.0, 0.5, 1.0]), min_size=n, max_size=n)))
    upper = lower + width
    x0 = np.minimum(lower + share * np.where(np.isfinite(width), width, 1.0), upper)
    f = Recorder(lower, upper, data.draw(st.floats(-20, 20)))
    found = minimize(f, x0, bounds=(lower, upper), max_evaluations=data.draw(st.integers(1, 150)))
    assert f.calls == found.evaluations
    assert np.all((found.x >= lower) & (found.x <= upper))
    fixed = width == 0.0
    assert np.array_equal(found.x[fixed], x0[fixed])


def test_a_minimum_at_a_bound_is_on_the_bound() -> None:
    found = minimize(bowl, np.zeros(2, dtype=np.float32), bounds=(-1.0, 0.3))
    assert found.verdict == "converged"
    assert np.all(found.x == np.nextafter(np.float32(0.3), np.float32(0.0)))
    assert minimize(bowl, np.zeros(2), bounds=(None, [0.3, None])).x.tolist() == pytest.approx([0.3, 1.0])


# --- What is promised of every run ------------------------------------------------------------------------


@pytest.mark.parametrize("how", [{}, {"workers": 2}, {"vectorized": True}, {"noise": 1e-3}])
@pytest.mark.parametrize("most", [1, 2, 3, 4, 5, 7, 12, 30, 100])
def test_the_budget_is_kept(how: dict[str, Any], most: int) -> None:
    calls = 0

    def f(x: Any) -> Any:
        nonlocal calls
        if how.get("vectorized"):
            calls += len(x)
            return np.array([rosenbrock(point) for point in x])
        calls += 1
        return rosenbrock(x)

    found = minimize(f, START, max_evaluations=most, **how)
    assert found.evaluations <= most
    if "workers" not in how:
        assert calls == found.evaluations
    assert found.fun == rosenbrock(found.x)
    assert found.fun <= rosenbrock(START)


def test_the_usual_budget() -> None:
    n = 7
    found = minimize(lambda x: -float(np.log(np.sum(np.abs(x)))), np.ones(n))
    assert found.evaluations <= 100 * (n + 1) == secant.price(minimize, bowl, np.ones(n)).at_most


@pytest.mark.parametrize("f", [rosenbrock, bowl, lambda x: float(np.sum(np.floor(9 * x**2)))])
def test_the_same_values_give_the_same_bits(f: Any) -> None:
    x0 = START.copy()
    x0.flags.writeable = False
    one, two = (minimize(f, x0) for _ in range(2))
    assert one.path.tobytes() == two.path.tobytes()
    assert one.to_json() == two.to_json()
    assert np.array_equal(x0, START)


def test_x0_is_never_written_to() -> None:
    def spoils(x: Any) -> float:
        value = rosenbrock(x)
        x *= 2.0
        return value

    x0 = START.copy()
    assert minimize(spoils, x0).verdict == "converged"
    assert np.array_equal(x0, START)


def test_f_never_rises_along_a_path_without_noise() -> None:
    found = minimize(rosenbrock, START)
    assert np.all(np.diff(found.values) <= 0.0)
    assert found.values.tolist() == [rosenbrock(x) for x in found.path]
    assert len(found.path) == found.iterations + 1
    assert np.array_equal(found.path[-1], found.x)


@pytest.mark.parametrize("unit", [1e-200, 1e-30, 1.0, 1e14, 1e150, 1e200])
@pytest.mark.parametrize("bend", [np.cosh, np.square, lambda z: z**8], ids=["cosh", "square", "eighth power"])
def test_noise_in_any_unit_breaks_nothing(unit: float, bend: Any) -> None:
    for seed in range(4):
        rng = np.random.default_rng(seed)
        f = noisy(lambda x: unit * float(np.sum(bend(x - 1.0))), unit * float(rng.choice([1e-3, 10.0])), seed)
        with np.errstate(over="ignore"):
            found = minimize(f, 3.0 * rng.normal(size=2))
        assert found.verdict in ("noise floor", "converged", "budget")


def test_extremes_raise_no_warnings_and_those_of_f_and_callback_pass() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        minimize(lambda x: abs(x[0]), np.array([1e300]))
        minimize(lambda x: -(float(x[0]) ** 9), np.array([1e30]))
    with pytest.warns(RuntimeWarning, match="overflow"):
        minimize(lambda x: float(min(np.exp(x[0] * x[0] + 800.0), 1e300)), np.array([2.0]), max_evaluations=20)
    with pytest.warns(RuntimeWarning, match="overflow"):
        minimize(bowl, np.ones(2), callback=lambda state: np.float64(1e300) * 1e300 < 0, max_evaluations=20)


# --- Containers and numbers -------------------------------------------------------------------------------


def test_trees() -> None:
    def f(p: Any) -> float:
        return float((p["a"] - 1) ** 2 + np.sum((p["b"] - 2) ** 2))

    start = {"a": 0.0, "b": np.zeros((2, 2))}
    states: list[secant.DescentState] = []
    found = minimize(f, start, bounds=({"a": -1.0, "b": np.zeros((2, 2))}, 1.5), callback=states.append)
    assert found.verdict == "converged"
    assert found.x["a"] == pytest.approx(1.0)
    assert np.array_equal(found.x["b"], np.full((2, 2), 1.5))
    assert found.gradient.value["b"].shape == states[0].gradient["b"].shape == (2, 2)
    assert found.gradient.verdicts["b"][0, 0] == "at bound"


@pytest.mark.parametrize("x0", [3.0, 3, np.array(3.0), np.float32(3.0), [3.0], (3.0,), np.array([[3]])])
def test_whatever_holds_a_number(x0: Any) -> None:
    found = minimize(lambda x: float(np.sum(np.asarray(x, dtype=float) - 1.5) ** 2), x0)
    assert found.verdict == "converged"
    assert np.ravel(found.x) == pytest.approx([1.5], abs=1e-6)
    assert np.shape(found.x) == np.shape(x0)


def test_float32() -> None:
    found = minimize(lambda x: np.sum((x - np.float32(0.3)) ** 2), np.array([3.0, 4.0], dtype=np.float32))
    assert found.x.dtype == np.float32
    assert found.x == pytest.approx([0.3, 0.3], abs=1e-4)


@pytest.mark.needs("torch")
def test_torch() -> None:
    import torch

    target = torch.tensor([1.0, 2.0], dtype=torch.float64)
    found = minimize(lambda x: ((x - target) ** 2).sum(), torch.zeros(2, dtype=torch.float64))
    assert found.verdict == "converged"
    assert isinstance(found.x, torch.Tensor)
    assert torch.allclose(found.x, target, atol=1e-6)
    assert isinstance(found.gradient.value, torch.Tensor)


@pytest.mark.needs("jax")
def test_jax() -> None:
    import jax.numpy as jnp

    found = minimize(lambda x: ((x - 1.0) ** 2).sum(), jnp.zeros(2))
    assert isinstance(found.x, type(jnp.zeros(2)))
    assert np.allclose(found.x, 1.0, atol=1e-3)


def test_arguments_and_seeds() -> None:
    assert minimize(lambda x, a, b: (x - a) ** 2 + b, 0.0, args=(2.0, 3.0)).fun == pytest.approx(3.0)
    seeds = set()

    def f(x: Any, seed: int) -> float:
        seeds.add(seed)
        return bowl(x) + 1e-3 * float(np.random.default_rng(seed).normal())

    assert minimize(f, START, seed=5).verdict == "converged"
    assert seeds == {5}


@pytest.mark.parametrize(
    "noise", [1e-3, secant.Noise(1e-3, 0.0), secant.Noise(0.0, 1e-3), "returned"], ids=["number", "abs", "rel", "said"]
)
def test_noise_that_is_told(noise: Any) -> None:
    shaken = noisy(lambda x: 1.0 + bowl(x), 1e-3)
    f = (lambda x: (shaken(x), 1e-3)) if noise == "returned" else shaken
    found = minimize(f, np.array([3.0, 2.0]), noise=noise)
    assert found.verdict == "noise floor"
    assert np.allclose(found.x, 1.0, atol=0.15)


# --- Who listens ------------------------------------------------------------------------------------------


def test_a_callback_sees_every_step() -> None:
    states: list[secant.DescentState] = []
    found = minimize(rosenbrock, START, callback=states.append)
    assert [state.iteration for state in states] == list(range(len(states)))
    assert np.array_equal([state.x for state in states], found.path[: len(states)])
    assert [state.fun for state in states] == found.values[: len(states)].tolist()
    assert len(found.path) - len(states) in (0, 1)


@pytest.mark.parametrize("end", [True, np.True_, StopIteration])
@pytest.mark.parametrize("last", [0, 3])
def test_a_callback_ends_the_run(end: Any, last: int) -> None:
    def callback(state: secant.DescentState) -> object:
        if state.iteration < last:
            return False
        if end is StopIteration:
            raise StopIteration
        return end

    found = minimize(rosenbrock, START, callback=callback)
    assert (found.verdict, found.stopped) == ("budget", "callback")
    assert last <= found.iterations <= last + 1
    assert found.note == f"ended by the callback after {found.iterations} iteration{'s' * (found.iterations != 1)}"


def test_what_a_callback_is_told_is_its_own_and_its_errors_pass() -> None:
    def spoil(state: secant.DescentState) -> None:
        state.x[:] = 0.0
        state.gradient[:] = 0.0

    assert np.array_equal(minimize(rosenbrock, START, callback=spoil).path, minimize(rosenbrock, START).path)
    with pytest.raises(ZeroDivisionError):
        minimize(rosenbrock, START, callback=lambda state: 1 / 0)


# --- Cut short, and where f fails -------------------------------------------------------------------------


@pytest.mark.parametrize("press", [2, 3, 8, 20, 100, 160])
def test_ctrl_c_gives_the_best_so_far(press: int, monkeypatch: pytest.MonkeyPatch) -> None:
    from secant.evaluation.watch import Watch

    monkeypatch.setattr(Watch, "pressed", -math.inf)
    seen: list[float] = []

    def f(x: Any) -> float:
        if len(seen) == press - 1:
            raise KeyboardInterrupt
        seen.append(rosenbrock(x))
        return seen[-1]

    found = minimize(f, START)
    assert found.stopped == "keyboard"
    if found.verdict != "converged":  # it may have been, with the slope there still to be measured
        assert found.verdict == "budget"
        assert found.note.startswith("cut short from the keyboard")
    assert found.evaluations == press
    assert found.fun in seen


def test_ctrl_c_at_once_passes() -> None:
    def f(x: Any) -> float:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        minimize(f, START)


def test_a_deadline() -> None:
    def slow(x: Any) -> float:
        sleep(0.005)
        return rosenbrock(x)

    found = minimize(slow, START, deadline=0.1)
    assert (found.stopped, found.verdict) == ("deadline", "budget")
    assert found.evaluations < 40
    assert found.fun < rosenbrock(START)
    assert "Remedy: allow more time" in found.message
    assert "evaluations" not in found.message


def edge(error: type[BaseException]) -> Callable[[Any], float]:
    def f(x: Any) -> float:
        if x[0] <= 0.0:
            raise error("beyond the edge")
        return float(x[0] - math.log(x[0]))

    return f


@pytest.mark.parametrize(
    ("error", "how"), [(ValueError, {}), (ZeroDivisionError, {}), (RuntimeError, {"on_error": "mark"})]
)
def test_where_f_raises_its_domain_ends(error: Any, how: dict[str, Any]) -> None:
    found = minimize(edge(error), np.array([0.01]), **how)
    assert found.verdict == "converged"
    assert found.x == pytest.approx([1.0], abs=1e-6)


@pytest.mark.parametrize(("error", "how"), [(RuntimeError, {}), (ValueError, {"on_error": "raise"})])
def test_other_exceptions_pass_with_the_point(error: Any, how: dict[str, Any]) -> None:
    with pytest.raises(error, match="beyond") as caught:
        minimize(edge(error), np.array([0.01]), **how)
    assert "while evaluating f at x0 with [0] = -" in caught.value.__notes__[0]


@pytest.mark.parametrize("on_error", ["domain", "raise", "mark"])
def test_an_exception_at_x0_passes(on_error: Any) -> None:
    with pytest.raises(ValueError, match="beyond") as caught:
        minimize(edge(ValueError), np.array([-1.0]), on_error=on_error)
    assert "[0] = -1.0" in caught.value.__notes__[0]


def test_a_point_along_a_step_is_named() -> None:
    def f(x: Any) -> float:
        if x[0] < 0.25:
            raise RuntimeError("too far")
        return float(x[0] ** 2)

    with pytest.raises(RuntimeError) as caught:
        minimize(f, np.array([3.0]))
    assert "x0 with [0] = " in caught.value.__notes__[0]


# --- Ways of evaluating -----------------------------------------------------------------------------------


@pytest.mark.parametrize("how", [{"workers": 2}, {"workers": map, "max_evaluations": 900}, {"vectorized": True}])
def test_other_ways_find_the_minimum_as_well(how: dict[str, Any]) -> None:
    f = (lambda x: np.array([rosenbrock(point) for point in x])) if how.get("vectorized") else rosenbrock
    found = minimize(f, START, **how)
    assert found.verdict == "converged"
    assert np.allclose(found.x, 1.0, atol=1e-5)


@pytest.mark.parametrize("every", [1, 7, 40])
def test_a_search_that_is_killed_again_and_again_goes_on_where_it_was(every: int, tmp_path: Path) -> None:
    whole = minimize(rosenbrock, START)
    how: dict[str, Any] = {"journal": tmp_path / "journal", "journal_id": "valley"}
    paid, found = 0, None
    for _ in range(2 * whole.evaluations // every + 2):
        f = Mortal(every + 1)  # one point is evaluated again, to see that f is the same
        with suppress(Killed):
            found = minimize(f, START, **how)
        paid += f.calls
        if found is not None:
            break
    assert found is not None
    assert found.path.tobytes() == whole.path.tobytes()
    assert found.to_json() == whole.to_json()
    assert paid <= whole.evaluations + whole.evaluations // every + 1


@pytest.mark.parametrize("other", [{"rtol": 1e-3}, {"bounds": (-2.0, 2.0)}, {"noise": 1e-6}, {"max_evaluations": 100}])
def test_a_journal_belongs_to_one_question(other: dict[str, Any], tmp_path: Path) -> None:
    how: dict[str, Any] = {"journal": tmp_path / "journal", "journal_id": "f"}
    minimize(rosenbrock, START, **how)
    with pytest.raises(secant.InputError, match=r"option `"):
        minimize(rosenbrock, START, **how, **other)


# --- Answers ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("f", [rosenbrock, lambda x: -x[0], lambda x: math.nan, noisy(bowl, 1e-3)])
def test_json_and_back(f: Any) -> None:
    found = minimize(f, START)
    again = secant.from_json(found.to_json())
    assert again.to_json() == found.to_json()
    assert again.verdict is found.verdict
    assert again.path.tobytes() == found.path.tobytes()


@pytest.mark.needs("scipy")
def test_to_scipy() -> None:
    found = minimize(rosenbrock, START)
    told = found.to_scipy()
    assert (told.success, told.nfev, told.nit, told.fun) == (True, found.evaluations, found.iterations, found.fun)
    assert np.array_equal(told.jac, found.gradient.value)
    assert minimize(lambda x: math.nan, START).to_scipy().success is False


def test_a_price() -> None:
    price = secant.price(minimize, rosenbrock, START)
    assert (price.entries, price.at_most) == (2, 300)
    assert minimize(rosenbrock, START).evaluations <= price.at_most
    assert secant.price(minimize, rosenbrock, START, max_evaluations=20).evaluations == 20
    with pytest.raises(secant.InputTypeError, match="takes no option `lr`"):
        secant.price(minimize, rosenbrock, START, lr=3)


# --- What cannot be asked ---------------------------------------------------------------------------------

REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"x0": np.zeros(0)}, "`x0` must have at least one entry"),
    ({"x0": {}}, "`x0` must have at least one entry"),
    ({"x0": np.array([np.nan, 1.0])}, r"`x0` must be finite; \[0\] is nan"),
    ({"x0": np.array([True])}, "`x0` must be"),
    ({"x0": np.array([1j])}, "`x0` must be"),
    ({"x0": None}, "`x0` must be"),
    ({"method": "bfgs"}, "`method` must be 'auto'; got 'bfgs'"),
    ({"max_evaluations": 0}, "`max_evaluations` must be an integer of at least 1"),
    ({"max_evaluations": 1.5}, "`max_evaluations` must be"),
    ({"rtol": -1.0}, "`rtol` must be"),
    ({"rtol": "a"}, "`rtol` must be"),
    ({"noise": -1.0}, "`noise` must be"),
    ({"noise": [1.0, 2.0]}, "`noise` must be"),
    ({"noise": "said"}, "`noise` must be"),
    ({"callback": 3}, "`callback` must be a function"),
    ({"bounds": 3}, "`bounds` must be a pair"),
    ({"bounds": (1.0, 2.0, 3.0)}, "`bounds` must be a pair"),
    ({"bounds": (2.0, -2.0)}, "`bounds` must have the lower bound first"),
    ({"bounds": (0.0, 2.0)}, r"`x0`\[0\] must lie within `bounds`, 0 to 2; got -1.2"),
    ({"bounds": (np.zeros(3), None)}, "`bounds`: the lower bound"),
    ({"bounds": (math.nan, 1.0)}, "`bounds`: the lower bound"),
    ({"workers": -1}, "`workers`"),
    ({"deadline": -1}, "`deadline`"),
    ({"banana": 1}, "`minimize` takes no option `banana`"),
    ({"seed": "a"}, "`seed`"),
    ({"f": 3}, "`f` must be callable"),
]


@pytest.mark.parametrize(("how", "words"), REFUSED, ids=[str(how)[:40] for how, _ in REFUSED])
def test_what_cannot_be_asked_is_said_before_f_is_called(how: dict[str, Any], words: str) -> None:
    how = {"f": never, "x0": START, **how}
    with pytest.raises(secant.SecantError, match=words):
        minimize(how.pop("f"), how.pop("x0"), **how)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (np.ones(2), "`f` must return one number for `minimize`"),
        (1j, "`f` must return a real number for `minimize`"),
        (None, "`f` returned None"),
        ("a", "`f` must return a real or complex number"),
    ],
)
def test_what_f_may_not_return(value: Any, words: str) -> None:
    with pytest.raises(secant.SecantError, match=words):
        minimize(lambda x: value, START)


# --- SciPy ------------------------------------------------------------------------------------------------


def scipy_minimize(f: Any, x0: Any, **how: Any) -> Any:
    from scipy.optimize import minimize as asked

    return asked(f, x0, method=secant.scipy_method, **how)


@pytest.mark.needs("scipy")
def test_a_method_of_scipy() -> None:
    from scipy.optimize import Bounds

    plain = scipy_minimize(rosenbrock, START)
    assert np.array_equal(plain.x, minimize(rosenbrock, START).x)
    box = [
        scipy_minimize(rosenbrock, START, bounds=one).x
        for one in ([(-2, 0.5), (None, None)], Bounds([-2, -9], [0.5, 9]))
    ]
    assert all(x == pytest.approx([0.5, 0.25]) for x in box)
    assert scipy_minimize(rosenbrock, START, options={"max_evaluations": 20}).nfev == 20
    assert scipy_minimize(lambda x, a: (x[0] - a) ** 2, [0], args=(3.0,)).x == pytest.approx([3.0])
    assert scipy_minimize(lambda x: np.array([(x[0] - 3.0) ** 2]), 1).x == pytest.approx([3.0])


@pytest.mark.needs("scipy")
def test_callbacks_of_scipy() -> None:
    old: list[Any] = []
    new: list[Any] = []

    def told(intermediate_result: Any) -> None:
        new.append(intermediate_result)
        if intermediate_result.fun < 1.0:
            raise StopIteration

    whole = scipy_minimize(rosenbrock, START, callback=old.append)
    assert np.array_equal(old, whole.descent.path[: len(old)])
    ended = scipy_minimize(rosenbrock, START, callback=told)
    assert (ended.success, ended.descent.stopped) == (False, "callback")
    assert new[-1].fun < 1.0 <= new[-2].fun


@pytest.mark.needs("scipy")
@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"jac": lambda x: x}, "`jac` must be left out"),
        ({"hess": lambda x: x}, "`hess` must be left out"),
        ({"constraints": {"type": "eq", "fun": lambda x: x[0]}}, "`constraints` must be left out"),
        ({"tol": 1e-3}, "`tol` must be left out"),
        ({"options": {"gtol": 1e-3}}, "takes no option `gtol`"),
        ({"bounds": [(0, 1)]}, r"`bounds` must have a \(low, high\) for each of 2 entries; it has 1"),
        ({"bounds": 3}, "`bounds` must be SciPy's Bounds"),
        ({"callback": 3}, "`callback` must be a function"),
    ],
)
def test_what_the_method_refuses(how: dict[str, Any], words: str) -> None:
    with pytest.raises(secant.SecantError, match=words):
        scipy_minimize(never, START, **how)
