"""Jacobians: laws of linear maps and compositions, scales far apart, structures, and what is said without an answer."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import secant
from secant import Verdict
from secant.evaluation.watch import Watch

seeds = st.integers(0, 2**32 - 1)


def within(est: secant.Estimate, truth: Any, times: float = 1.0) -> bool:
    return bool((np.abs(est.value - truth) <= times * np.asarray(est.error)).all())


# --- laws ---------------------------------------------------------------------------------------------


@given(st.integers(1, 6), st.integers(1, 5), seeds)
def test_a_linear_map_is_its_own_jacobian(m: int, n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    matrix, x = rng.integers(-9, 10, (m, n)).astype(float), rng.normal(size=n)
    est = secant.jacobian(lambda p: matrix @ p, x)
    assert est.value.shape == est.error.shape == est.verdicts.shape == (m, n)
    assert np.abs(est.value - matrix).max() <= 1e-12 * max(1.0, np.abs(matrix).max())


def test_entries_of_linear_maps_are_ok_and_within_their_bars() -> None:
    entries = ok = covered = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        matrix, x = rng.integers(-9, 10, (5, 5)).astype(float), rng.normal(size=5)
        est = secant.jacobian(lambda p, matrix=matrix: matrix @ p, x)
        entries += matrix.size
        ok += int((est.verdicts == Verdict.OK).sum())
        covered += int((np.abs(est.value - matrix) <= est.error).sum())
        assert within(est, matrix, 4.0)
    assert ok >= 0.99 * entries
    assert covered >= 0.98 * entries


@given(seeds)
def test_the_jacobian_of_a_composition_is_a_product(seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b, x = rng.normal(size=(4, 3)), rng.normal(size=(2, 4)), rng.normal(size=3)

    def inner(p: Any) -> Any:
        return np.sin(a @ p)

    def outer(p: Any) -> Any:
        return np.exp(b @ p / 4.0)

    whole = secant.jacobian(lambda p: outer(inner(p)), x)
    first, second = secant.jacobian(inner, x), secant.jacobian(outer, inner(x))
    assert whole.ok
    product = second.value @ first.value
    bars = np.abs(second.value) @ first.error + second.error @ np.abs(first.value) + whole.error
    assert (np.abs(whole.value - product) <= 3.0 * bars + 1e-15).all()


@given(seeds)
def test_every_row_is_the_gradient_of_its_output(seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, x = rng.normal(size=(3, 2)), rng.normal(size=2)
    est = secant.jacobian(lambda p: np.cos(a @ p), x)
    for i in range(3):
        row = secant.gradient(lambda p, i=i: float(np.cos(a @ p)[i]), x)
        assert (np.abs(row.value - est.value[i]) <= 3.0 * (row.error + est.error[i])).all()


# --- scales -------------------------------------------------------------------------------------------


def test_outputs_and_inputs_of_very_different_size() -> None:
    outputs, inputs = np.array([1e-6, 1.0, 1e6]), np.array([1e-7, 1.0, 1e7])
    at = np.array([0.4, -0.7, 1.1])
    matrix = np.array([[1.0, 2.0, -1.0], [0.5, -1.5, 1.0], [2.0, 1.0, 0.3]])

    def f(x: Any) -> Any:
        return outputs * np.sin(matrix @ (x / inputs))

    est = secant.jacobian(f, at * inputs)
    truth = outputs[:, None] * np.cos(matrix @ at)[:, None] * matrix / inputs
    assert est.ok
    assert within(est, truth, 3.0)
    assert np.abs(est.value / truth - 1.0).max() < 1e-11


def test_outputs_of_one_evaluation_find_steps_of_their_own() -> None:
    def f(x: Any) -> Any:
        return np.array([np.sin(1e4 * x[0]), np.sin(1e-4 * x[0]), x[0] * x[1]])

    est = secant.jacobian(f, np.array([0.3, 2.0]))
    truth = np.array([[1e4 * np.cos(3e3), 0.0], [1e-4 * np.cos(3e-5), 0.0], [2.0, 0.3]])
    assert est.ok
    assert within(est, truth, 3.0)
    assert est.step[1, 0] > 1e3 * est.step[0, 0]


def test_all_outputs_share_the_evaluations() -> None:
    calls = 0

    def f(x: Any) -> Any:
        nonlocal calls
        calls += 1
        return np.exp(np.arange(1.0, 21.0)[:, None] / 20.0 * x).sum(axis=1)

    est = secant.jacobian(f, np.array([0.3, -0.4]))
    assert est.ok
    assert est.evaluations == calls <= 1 + 2 * 20 + 8


# --- structures ---------------------------------------------------------------------------------------


def test_shapes_of_outputs_come_before_those_of_x() -> None:
    x = np.arange(1.0, 7.0).reshape(2, 3)
    est = secant.jacobian(lambda p: np.stack([p, p * p])[..., None], x)
    assert est.value.shape == (2, 2, 3, 1, 2, 3)
    for i, j in np.ndindex(2, 3):
        assert est.value[0, i, j, 0, i, j] == pytest.approx(1.0)
        assert est.value[1, i, j, 0, i, j] == pytest.approx(2.0 * x[i, j])
    assert np.count_nonzero(np.abs(est.value) > 1e-9) == 12
    assert np.array_equal(est.fun, np.stack([x, x * x])[..., None])


@pytest.mark.parametrize(
    "f, x, shape",
    [
        (lambda x: x * x, 3.0, ()),
        (lambda x: [x, x * x], 3.0, (2,)),
        (lambda x: float(x @ x), np.ones(3), (3,)),
        (lambda x: (x * x).sum(), np.ones((1, 2)), (1, 2)),
    ],
)
def test_numbers_on_either_side(f: Any, x: Any, shape: tuple[int, ...]) -> None:
    est = secant.jacobian(f, x)
    assert np.shape(est.value) == shape
    assert isinstance(est.value, float) == (shape == ())


@dataclass
class Model:
    weights: Any
    bias: float


def test_trees_come_back_leaf_by_leaf() -> None:
    x = {"model": Model(np.array([[1.0, 2.0], [3.0, 4.0]]), 0.5), "rest": [2.0, np.float32([1.0])]}

    def f(p: Any) -> Any:
        return p["model"].weights @ np.array([1.0, 10.0]) * p["rest"][0] + p["model"].bias * float(p["rest"][1][0])

    est = secant.jacobian(f, x)
    assert est.ok
    assert est.value["model"].weights.shape == (2, 2, 2)
    assert np.allclose(est.value["model"].weights[1], [[0.0, 0.0], [2.0, 20.0]], atol=1e-9)
    assert np.allclose(est.value["model"].bias, [1.0, 1.0])
    assert np.allclose(est.value["rest"][0], [21.0, 43.0])
    assert est.value["rest"][1].shape == (2, 1)
    assert est.value["rest"][1].dtype == np.float32
    assert est.error["rest"][1].dtype == np.float64
    assert "['model'].weights[1, 1, 0]" in str(est)


def test_what_is_held_fixed_has_no_say() -> None:
    est = secant.jacobian(lambda p: np.array([p["a"] * p["b"], abs(p["b"])]), {"a": 2.0, "b": 0.0}, wrt="a")
    assert est.ok
    assert np.array_equal(est.value["a"], [0.0, 0.0])
    assert np.isnan(est.value["b"]).all()
    assert np.isnan(est.error["b"]).all()


def test_complex_outputs() -> None:
    est = secant.jacobian(lambda x: np.exp(1j * x) * x[0], np.array([0.5, 2.0]))
    truth = np.diag(1j * 0.5 * np.exp(1j * np.array([0.5, 2.0])))
    truth[:, 0] += np.exp(1j * np.array([0.5, 2.0]))
    assert est.ok
    assert within(est, truth, 2.0)
    assert np.array_equal(est.fun, 0.5 * np.exp(1j * np.array([0.5, 2.0])))


@pytest.mark.parametrize("dtype, digits", [("float32", 5e-6), ("float16", 0.05)])
def test_lower_precision_is_taken_into_account(dtype: str, digits: float) -> None:
    x = np.array([0.5, 1.5], dtype=dtype)
    est = secant.jacobian(lambda p: np.array([p[0] * p[1], p[0] + p[1]]), x)
    assert est.value.dtype == dtype
    assert within(est, [[1.5, 0.5], [1.0, 1.0]], 2.0)
    assert np.abs(est.value - [[1.5, 0.5], [1.0, 1.0]]).max() < digits


@pytest.mark.needs("torch")
def test_tensors_in_tensors_out() -> None:
    import torch

    x = torch.tensor([1.0, 2.0], dtype=torch.float32)
    est = secant.jacobian(lambda p: torch.stack([p[0] * p[1], p[1].exp(), p[0]]), x)
    assert isinstance(est.value, torch.Tensor)
    assert est.value.shape == (3, 2)
    assert est.value.dtype == torch.float32
    assert est.error.dtype == torch.float64
    truth = np.array([[2.0, 1.0], [0.0, np.exp(2.0)], [1.0, 0.0]])
    assert (np.abs(est.value.numpy() - truth) <= 2.0 * est.error.numpy()).all()
    number = secant.jacobian(lambda t: torch.stack([torch.as_tensor(t), torch.as_tensor(t * t)]), 3.0)
    assert isinstance(number.value, torch.Tensor)


@pytest.mark.needs("jax")
def test_jax_arrays_in_jax_arrays_out() -> None:
    import jax
    import jax.numpy as jnp

    x = {"w": jnp.array([1.0, 2.0], dtype="float32"), "b": 3.0}
    est = secant.jacobian(lambda p: p["w"] * p["b"], x)
    assert isinstance(est.value["w"], jax.Array)
    assert isinstance(est.value["b"], jax.Array)
    assert np.allclose(est.value["w"], 3.0 * np.eye(2), atol=1e-4)
    assert np.allclose(est.value["b"], [1.0, 2.0], atol=1e-4)


# --- verdicts -----------------------------------------------------------------------------------------


def test_an_output_with_a_kink_leaves_the_others_alone() -> None:
    est = secant.jacobian(lambda x: np.array([np.abs(x[0]), x[0] * x[1]]), np.array([0.0, 2.0]))
    assert est.verdict is Verdict.KINK
    assert est.verdicts[0, 0] is Verdict.KINK
    assert all(word is Verdict.OK for word in est.verdicts[1])
    assert within(est, [[0.0, 0.0], [2.0, 0.0]])


def test_a_crease_between_the_axes_is_seen_in_its_own_row() -> None:
    est = secant.jacobian(lambda x: np.array([min(abs(x[0]), abs(x[1])) + x[0], x[0] - x[1]]), np.zeros(2))
    assert [row[0] for row in est.verdicts] == [Verdict.KINK, Verdict.OK]
    assert est.error[0].min() >= 1.0


def test_an_output_without_a_value_leaves_the_others_alone() -> None:
    def f(x: Any) -> Any:
        with np.errstate(all="ignore"):
            return np.array([np.sqrt(x[0]), np.sin(x[0]) * x[1]])

    est = secant.jacobian(f, np.array([1e-4, 1.0]))
    assert within(est, [[50.0, 0.0], [np.cos(1e-4), np.sin(1e-4)]], 3.0)
    assert est.error[1].max() < 1e-11
    est = secant.jacobian(f, np.array([0.0, 1.0]))
    assert est.verdicts[0, 0] is Verdict.UNDEFINED
    assert all(word is Verdict.OK for word in est.verdicts[1])


def test_noise_in_one_output_is_no_noise_in_another() -> None:
    rng = np.random.default_rng(5)
    est = secant.jacobian(lambda x: np.array([x[0] * x[1] + 1e-6 * rng.normal(), np.exp(x[0])]), np.array([1.0, 2.0]))
    assert est.verdicts[0, 0] is Verdict.NOISY
    assert within(est, [[2.0, 1.0], [np.e, 0.0]], 3.0)
    assert est.error[1, 0] < 1e-11
    assert "random" in est.message


def test_an_f_that_does_not_use_x() -> None:
    est = secant.jacobian(lambda x: np.ones(2), np.ones(3))
    assert est.verdict is Verdict.INDEPENDENT
    assert np.array_equal(est.value, np.zeros((2, 3)))


def test_the_textbook_formula_gives_its_own_bits() -> None:
    x, h = np.array([0.3, 0.7]), 1e-4
    est = secant.jacobian(lambda p: np.array([p[0] * np.exp(p[1]), p[1]]), x, step=h, method="forward")
    for j in range(2):
        moved = x.copy()
        moved[j] += h
        column = (np.array([moved[0] * np.exp(moved[1]), moved[1]]) - [x[0] * np.exp(x[1]), x[1]]) / h
        assert np.array_equal(est.value[:, j], column)
    assert est.evaluations == 3
    assert (est.error == inf).all()


def test_the_complex_step() -> None:
    est = secant.jacobian(lambda x: np.stack([x[0] * np.exp(x[1]), x[1] ** 2]), np.array([0.3, 0.7]), method="complex")
    truth = np.array([[np.exp(0.7), 0.3 * np.exp(0.7)], [0.0, 1.4]])
    assert est.ok
    assert np.abs(est.value - truth).max() <= 4e-16


@pytest.mark.parametrize("most", [1, 5, 20, 40, 80])
def test_a_budget_is_for_the_whole_jacobian(most: int) -> None:
    calls = 0

    def f(x: Any) -> Any:
        nonlocal calls
        calls += 1
        return np.array([np.exp(x[0] * x[1]), np.sin(30.0 * x[2]), np.abs(x[0])])

    est = secant.jacobian(f, np.array([0.5, 1.5, -0.3]), max_evaluations=most)
    assert calls == est.evaluations <= most
    truth = np.array([[1.5 * np.exp(0.75), 0.5 * np.exp(0.75), 0.0], [0.0, 0.0, 30.0 * np.cos(-9.0)], [1.0, 0.0, 0.0]])
    sure = est.verdicts == Verdict.OK
    assert (np.abs(est.value - truth) <= 3.0 * est.error)[sure].all()
    assert est.ok == (most == 80)


def test_bounds_are_kept() -> None:
    seen = []

    def f(x: Any) -> Any:
        seen.append(x.copy())
        return np.array([x[0] ** 2, x[0] * x[1]])

    est = secant.jacobian(f, np.array([1.0, 2.0]), bounds=(1.0, None))
    assert np.min(seen) >= 1.0
    assert within(est, [[2.0, 0.0], [2.0, 1.0]], 3.0)


# --- what is not allowed ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "f, x, error, text",
    [
        (lambda x: {"a": x}, np.ones(2), secant.OutputError, "a dict"),
        (lambda x: None, np.ones(2), secant.OutputError, "None"),
        (lambda x: x, np.zeros(0), secant.InputError, "at least one entry"),
        (lambda x: x, np.array([1j]), secant.InputTypeError, "complex"),
        (3.0, np.ones(2), secant.InputTypeError, "callable"),
    ],
)
def test_bad_input_says_what_is_wrong(f: Any, x: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        secant.jacobian(f, x)


def test_an_answer_is_stored_and_read_back() -> None:
    est = secant.jacobian(lambda x: np.array([x[0] * x[1], abs(x[0])]), np.array([0.0, 2.0]))
    again = secant.from_json(est.to_json())
    assert str(again) == str(est)
    assert np.array_equal(again.value, est.value)


# --- cut short, and what is known beforehand -----------------------------------------------------------


@pytest.fixture
def one_press(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the next Ctrl-C be the first for a while."""
    monkeypatch.setattr(Watch, "pressed", -inf)


def stopped_at(call: int, f: Any) -> Any:
    calls = 0

    def g(x: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == call:
            raise KeyboardInterrupt
        return f(x)

    return g


@pytest.mark.parametrize("call", [2, 9, 15, 30, 200])
def test_what_is_cut_short_keeps_what_was_found(one_press: None, call: int) -> None:
    def f(x: Any) -> Any:
        return np.array([np.exp(x[0] * x[1]), np.sin(30.0 * x[1])])

    truth = np.array([[1.5 * np.exp(0.75), 0.5 * np.exp(0.75)], [0.0, 30.0 * np.cos(45.0)]])
    est = secant.jacobian(stopped_at(call, f), np.array([0.5, 1.5]))
    whole = secant.jacobian(f, np.array([0.5, 1.5])).evaluations
    assert est.stopped == ("keyboard" if call <= whole else "")
    sure = est.verdicts == Verdict.OK
    assert (np.abs(est.value - truth) <= 3.0 * est.error)[sure].all()
    assert not est.ok or not est.stopped


def test_f_at_the_point_is_not_asked_for_when_it_is_given() -> None:
    seen = []

    def f(x: Any) -> Any:
        seen.append(x.tolist())
        return np.array([x[0] * x[1], x[0]])

    est = secant.jacobian(f, np.array([2.0, 3.0]), f0=[6.0, 2.0])
    assert est.ok
    assert [2.0, 3.0] not in seen
    assert est.evaluations == len(seen)


def test_samples_are_kept() -> None:
    est = secant.jacobian(lambda x: np.array([x[0] * x[1], x[0]]), np.array([2.0, 3.0]), keep_samples=True)
    assert len(est.samples) == est.evaluations


def test_a_ripple_is_looked_over() -> None:
    def f(x: Any) -> Any:
        return np.array([x[0] ** 2 + 1e-4 * np.sin(3e4 * x[0]), x[0] * x[1]])

    x = np.array([1.0, 2.0])
    est = secant.jacobian(f, x, scale=0.1)
    assert abs(est.value[0, 0] - 2.0) <= est.error[0, 0] < 0.1
    assert abs(est.value[1, 0] - 2.0) <= 3.0 * est.error[1, 0] < 1e-10
