"""Many points in one call: the values are those of one point after the other, and mistakes are told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import secant
from secant.core.errors import InputError, InputTypeError, OutputError
from secant.core.request import FAILED, NOT_FINITE, OK, OUTSIDE, Reply, Request
from secant.evaluation.batches import LENGTHS, Batches
from secant.evaluation.drivers import evaluating
from secant.evaluation.evaluator import Evaluator
from secant.evaluation.how import How, checked


def both(one: Any, many: Any, x: Any, requests: Any, **how: Any) -> tuple[list[Reply], list[Reply], Any, Any]:
    """Replies to the same requests, point after point and in batches."""
    serial = Evaluator(one, x, on_error=how.get("on_error", "domain"))
    plain = [serial(make(serial.base)) for make in requests]
    with evaluating(many, x, checked({"vectorized": True, **how})) as asked:
        batched = [asked.evaluate(make(asked.evaluator.base)) for make in requests]
    return plain, batched, serial, asked.evaluator


def same(plain: list[Reply], batched: list[Reply]) -> None:
    for one, many in zip(plain, batched, strict=True):
        assert type(one.values) is type(many.values)
        np.testing.assert_array_equal(np.asarray(many.values), np.asarray(one.values))
        assert one.status is None
        assert many.status is None
        assert one.eps == many.eps


def here(base: Any) -> Request:
    return Request(base, None, (0.0,))


def around(base: Any) -> Request:
    return Request(base, np.arange(base.size).repeat(2), np.tile([0.25, -0.5], base.size))


@dataclass
class Point:
    a: float
    b: Any


@pytest.mark.parametrize(
    "x, one, many, guards",
    [
        (2.0, lambda x: x**3, lambda x: x**3, 2),
        (np.float32(2.0), lambda x: x * x, lambda x: x * x, 2),
        (np.array([1.0, 2.0, 3.0]), lambda x: (x**2).sum(), lambda x: (x**2).sum(axis=1), 1),
        (np.ones((2, 3)), lambda x: x * x[0, 0], lambda x: x * x[:, :1, :1], 2),
        (np.ones(3, np.float16), lambda x: x * x, lambda x: x * x, 2),
        ({"w": np.ones(2), "b": 3.0}, lambda p: p["w"] * p["b"], lambda p: p["w"] * p["b"][:, None], 1),
        (Point(1.0, np.ones(2)), lambda p: p.a * p.b[1], lambda p: p.a * p.b[:, 1], 1),
        (np.array([1.0, 2.0]), lambda x: x[0] + 1j * x[1], lambda x: x[:, 0] + 1j * x[:, 1], 1),
    ],
)
def test_values_are_those_of_the_points_alone(x: Any, one: Any, many: Any, guards: int) -> None:
    plain, batched, serial, vectorized = both(one, many, x, [here, around, around])
    same(plain, batched)
    assert vectorized.value_shape == serial.value_shape
    assert vectorized.distinct == serial.distinct
    assert vectorized.evaluations == serial.evaluations + guards  # two where only two values tell


def test_directions_are_followed_and_rounded_alike() -> None:
    x = np.array([1.0, 2.0, 3.0], np.float32)
    along = np.random.default_rng(1).normal(size=(2, 3))
    requests = [here, lambda base: Request(base, (0, 1, 1), (0.1, 0.0, -0.3), along)]
    same(*both(lambda x: (x * x).sum(), lambda x: (x * x).sum(axis=1), x, requests)[:2])


def test_large_requests_are_cut_into_pieces() -> None:
    sizes = []

    def f(x: Any) -> Any:
        sizes.append(len(x))
        return x[:, 0]

    x = np.zeros(100_000)
    with evaluating(f, x, checked({"vectorized": True})) as asked:
        asked.evaluate(here(asked.evaluator.base))
        asked.evaluate(Request(asked.evaluator.base, np.zeros(20, int), np.ones(20)))
    assert sizes == [1, 5, 1, 5, 5, 5]  # 4 MiB each, and one point alone for the guard


@pytest.mark.parametrize(
    "f, says",
    [
        (lambda x: x.sum(), "must return values of shape (1, ...) for a batch of 1; got ()"),
        (lambda x: x.sum(axis=0), "got (3,)"),
        (lambda x: np.ones((2, 2)), "got (2, 2)"),
        (lambda x: None, "returned None"),
    ],
)
def test_what_takes_no_batch_is_found_out_at_the_first_point(f: Any, says: str) -> None:
    with evaluating(f, np.ones(3), checked({"vectorized": True})) as asked, pytest.raises(OutputError) as caught:
        asked.evaluate(here(asked.evaluator.base))
    assert says in str(caught.value)


def test_a_batch_of_the_wrong_length_is_told() -> None:
    with evaluating(lambda x: x[:3, 0], np.ones(3), checked({"vectorized": True})) as asked:
        asked.evaluate(here(asked.evaluator.base))
        with pytest.raises(OutputError, match=r"shape \(6,\) for a batch of 6; got \(3,\)"):
            asked.evaluate(around(asked.evaluator.base))


def squares(x: Any) -> Any:
    return (x**2).sum(axis=1)


#: Functions that mix the points of a batch. Alone, and at the middle of a batch that lies evenly about it, most of them
#: are what they are meant to be.
MIXING: dict[str, Any] = {
    "less the mean": lambda x: squares(x - x.mean(axis=0)) + x[:, 0],
    "less the mean of all": lambda x: squares(x - x.mean()),
    "times the mean": lambda x: squares(x) * x.mean(),
    "a little of the mean": lambda x: squares(x) + 1e-2 * x.mean(),
    "by the largest": lambda x: squares(x) / squares(x).max(),
    "by the smallest": lambda x: squares(x) / squares(x).min(),
    "less the largest": lambda x: squares(x) - squares(x).max(),
    "the largest of all": lambda x: squares(x) + x.max(),
    "less the mean value": lambda x: squares(x) - 0.1 * squares(x).mean(),
    "added up": lambda x: np.cumsum(squares(x)),
    "by the first": lambda x: squares(x) * np.sqrt(1.0 + x[0, 0] ** 2),
    "sorted": lambda x: np.sort(squares(x)),
    "reversed": lambda x: squares(x)[::-1],
    "softmax over all": lambda x: (np.exp(x) / np.exp(x).sum())[:, 0],
    "norm over all": lambda x: squares(x / np.linalg.norm(x)),
    "normed": lambda x: squares((x - x.mean(axis=0)) / (x.std(axis=0) + 1e-5)) + squares(x),
    "ranked": lambda x: x @ np.array([1.0, 2.0, 3.0]) + np.argsort(np.argsort(x[:, 0])),
    "two outputs": lambda x: np.stack([x[:, 0], x[:, 1] * x.mean()], axis=1),
}
MIXED = "must treat the points of a batch apart"


@pytest.mark.parametrize("name", MIXING)
@pytest.mark.parametrize("at", [[1.0, 2.0, -0.5], [0.3, 0.0, 4.0]])
def test_points_that_are_mixed_are_found_out(name: str, at: list[float]) -> None:
    f, x = MIXING[name], np.array(at)
    if name == "two outputs":
        with pytest.raises(OutputError, match=MIXED):
            secant.jacobian(f, x, vectorized=True)
        return
    for question in (secant.gradient, secant.hessian, secant.minimize):
        with pytest.raises(OutputError, match=MIXED):
            question(f, x, vectorized=True)


def test_points_of_one_number_that_are_mixed_are_found_out() -> None:
    for f in (lambda x: x * x / (x * x).max(), lambda x: (x - x.mean()) ** 2 + x, lambda x: np.sort(x) ** 2):
        for question in (secant.derivative, secant.minimize):
            with pytest.raises(OutputError, match=MIXED):
                question(f, 1.5, vectorized=True)


W = np.random.default_rng(0).normal(size=(3, 400))
APART: dict[str, Any] = {
    "a product of matrices": lambda x: np.tanh(x @ W).sum(axis=1),
    "in single precision": lambda x: np.tanh(x.astype(np.float32) @ W.astype(np.float32)).sum(axis=1),
    "a shift that cancels": lambda x: np.exp(x - x.max())[:, 0] / np.exp(x - x.max()).sum(axis=1),
    "large terms that cancel": lambda x: (x @ W + 1e9).sum(axis=1) - 4e11,
    "written to": lambda x: np.add(x, 1.0, out=x).prod(axis=1),
    "nothing": lambda x: np.ones(len(x)),
    "rounding alone": lambda x: 1.0 + 1e-15 * np.sin(1e9 * x[:, 0]),
}


@pytest.mark.parametrize("name", APART)
def test_points_that_are_apart_pass(name: str) -> None:
    for question in (secant.gradient, secant.hessian, secant.minimize, secant.noise):
        question(APART[name], np.array([1.0, 2.0, -0.5]), vectorized=True)


def test_sums_in_another_order_are_not_taken_for_mixing() -> None:
    # What a batch's length does to the last digits may be much, beside how little f changes.
    f = lambda x: 1.0 + 1e-6 * x[:, 0] ** 2 + (1e-8 if len(x) > 1 else 0.0)  # noqa: E731
    with evaluating(f, np.ones(3), checked({"vectorized": True})) as asked:
        asked.evaluate(here(asked.evaluator.base))
        asked.evaluate(around(asked.evaluator.base))
        asked.evaluate(around(asked.evaluator.base))
    assert asked.evaluator.evaluations == 1 + 6 + (1 + 1 + 6) + 6  # a point alone, twice, and beside its copies


def test_noise_is_not_taken_for_mixing() -> None:
    random = np.random.default_rng(0)
    f = lambda x: x[:, 0] * (1.0 + 0.1 * random.normal(size=len(x)))  # noqa: E731
    with evaluating(f, np.ones(3), checked({"vectorized": True})) as asked:
        asked.evaluate(here(asked.evaluator.base))
        assert np.isfinite(asked.evaluate(around(asked.evaluator.base)).values).all()


def test_no_guard_where_the_evaluations_are_counted() -> None:
    with evaluating(lambda x: x[:, 0], np.ones(3), checked({"vectorized": True}), budget=7) as asked:
        asked.evaluate(here(asked.evaluator.base))
        asked.evaluate(around(asked.evaluator.base))
    assert asked.evaluator.evaluations == 7


@pytest.mark.parametrize("on_error, code", [("domain", OUTSIDE), ("mark", FAILED)])
def test_an_exception_falls_on_the_points_at_fault(on_error: Any, code: int) -> None:
    def f(x: Any) -> Any:
        if (x[:, 1] > 1.2).any():
            raise ValueError("too large")
        return x.sum(axis=1)

    with evaluating(f, np.ones(3), checked({"vectorized": True, "on_error": on_error})) as asked:
        asked.evaluate(here(asked.evaluator.base))
        reply = asked.evaluate(around(asked.evaluator.base))
    assert reply.status is not None
    assert reply.status.tolist() == [OK, OK, code, OK, OK, OK]
    np.testing.assert_array_equal(np.asarray(reply.values)[:, 0], [3.25, 2.5, np.nan, 2.5, 3.25, 2.5])
    assert "x with [1] = 1.25" in asked.evaluator.failures[0]


def test_other_exceptions_pass_with_their_point() -> None:
    def f(x: Any) -> Any:
        if (x[:, 1] > 1.2).any():
            raise KeyError("lost")
        return x.sum(axis=1)

    with evaluating(f, np.ones(3), checked({"vectorized": True})) as asked:
        asked.evaluate(here(asked.evaluator.base))
        with pytest.raises(KeyError) as caught:
            asked.evaluate(around(asked.evaluator.base))
    assert "[1] = 1.25" in caught.value.__notes__[0]


def test_nan_and_complex_values_leave_the_rest_right() -> None:
    with evaluating(np.emath.sqrt, 0.25, checked({"vectorized": True})) as asked:
        asked.evaluate(here(asked.evaluator.base))
        reply = asked.evaluate(Request(asked.evaluator.base, None, (0.75, -0.5, 2.0)))
    assert reply.status is not None
    assert reply.status.tolist() == [OK, OUTSIDE, OK]
    assert np.asarray(reply.values)[0] == 1.0
    with evaluating(np.log, 1.0, checked({"vectorized": True})) as asked:
        asked.evaluate(here(asked.evaluator.base))
        reply = asked.evaluate(Request(asked.evaluator.base, None, (0.0, -2.0, -1.0)))
    assert reply.status is not None
    assert reply.status.tolist() == [OK, NOT_FINITE, NOT_FINITE]


def test_a_point_beyond_the_range_is_not_evaluated() -> None:
    seen: list[float] = []

    def f(x: Any) -> Any:
        seen.extend(x.tolist())
        return x

    with evaluating(f, np.float32(3e38), checked({"vectorized": True})) as asked:
        asked.evaluate(here(asked.evaluator.base))
        reply = asked.evaluate(Request(asked.evaluator.base, None, (1e38, -1e38)))
    assert reply.status is not None
    assert reply.status.tolist() == [OUTSIDE, OK]
    assert np.isfinite(seen).all()


def test_memory_that_runs_out_halves_the_batches() -> None:
    def f(x: Any) -> Any:
        if len(x) > 3:
            raise MemoryError
        return x[:, 0]

    with evaluating(f, np.arange(5.0), checked({"vectorized": True})) as asked:
        asked.evaluate(here(asked.evaluator.base))
        reply = asked.evaluate(around(asked.evaluator.base))
    assert reply.status is None
    assert np.asarray(reply.values)[:2, 0].tolist() == [0.25, -0.5]


def test_beside_the_real_axis() -> None:
    with evaluating(lambda x: x[:, 0] * x[:, 1], np.array([2.0, 3.0]), checked({"vectorized": True})) as asked:
        base = asked.evaluator.base
        reply = asked.evaluate(Request(base, (0, 1), (1e-20, 1e-20), imaginary=True))
    assert np.asarray(reply.values).imag.reshape(-1).tolist() == pytest.approx([3e-20, 2e-20], rel=1e-15)


# --- vmap -------------------------------------------------------------------------------------------------


def test_vmap_needs_arrays_of_a_library_that_has_it() -> None:
    with pytest.raises(InputTypeError, match="needs `x` to be a JAX array or a PyTorch tensor"):
        Batches(lambda x: x, np.ones(2), (), "vmap", "domain")


def test_vmap_of_torch_gives_the_values_of_the_points_alone() -> None:
    torch = pytest.importorskip("torch")
    x = {"w": torch.ones(2, 3, dtype=torch.float64), "b": torch.zeros(3)}
    f = lambda p, s: ((p["w"].sin() @ p["w"].T).sum() * s + p["b"].exp().sum()).double()  # noqa: E731
    serial = Evaluator(f, x, args=(2.0,))
    plain = [serial(here(serial.base)), serial(around(serial.base))]
    with evaluating(f, x, checked({"vectorized": "vmap"}), args=(2.0,)) as asked:
        batched = [asked.evaluate(here(asked.evaluator.base)), asked.evaluate(around(asked.evaluator.base))]
    np.testing.assert_allclose(np.asarray(batched[1].values), np.asarray(plain[1].values), rtol=1e-14)
    assert asked.evaluator.home is not None


def test_vmap_of_jax_compiles_for_a_few_lengths_only() -> None:
    jax = pytest.importorskip("jax")
    traces = []

    def f(x: Any) -> Any:
        traces.append(x.shape)
        return jax.numpy.sin(x).sum()

    x = jax.numpy.ones(5)
    serial = Evaluator(lambda x: jax.numpy.sin(x).sum(), x)
    with evaluating(f, x, checked({"vectorized": "vmap"})) as asked:
        base = asked.evaluator.base
        asked.evaluate(here(base))
        for count in (1, 2, 7, 8, 9, 40, 63, 64, 100):
            request = Request(base, np.arange(count) % 5, np.linspace(0.1, 1.0, count))
            reply, plain = asked.evaluate(request), serial(request)
            np.testing.assert_allclose(np.asarray(reply.values), np.asarray(plain.values), rtol=2e-6)
            assert reply.eps == plain.eps
    assert traces == [(5,)] * 3
    assert set(LENGTHS) > {1, 8, 64}


def test_vmap_says_what_it_needs() -> None:
    torch = pytest.importorskip("torch")
    f = lambda x: x.sum() if float(x[0]) > 0 else x.prod()  # noqa: E731
    with evaluating(f, torch.ones(2), checked({"vectorized": "vmap"})) as asked, pytest.raises(RuntimeError) as caught:
        asked.evaluate(here(asked.evaluator.base))
    assert any("map over a batch" in note for note in caught.value.__notes__)


# --- options ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "given, kind, says",
    [
        ({"vectorized": "yes"}, InputError, "`vectorized` must be False, True or 'vmap'; got 'yes'"),
        ({"vectorised": True}, InputTypeError, "takes no option `vectorised`: did you mean `vectorized`?"),
        ({"workers": 0}, InputError, "from 1 to 4096"),
        ({"workers": True}, InputTypeError, "`workers` must be a number of processes"),
        ({"workers": 2, "vectorized": True}, InputError, "must not both be given"),
        ({"inplace": True, "vectorized": True}, InputError, "`inplace` must stand alone"),
        ({"inplace": True, "journal": "a"}, InputError, "got `journal` beside it"),
        ({"journal": 3}, InputTypeError, "`journal` must be the path of a file; got an int"),
        ({"journal_id": "a"}, InputError, "`journal_id` must come with a `journal`"),
        ({"timeout": 1.0}, InputError, "`timeout` must come with `workers=`"),
        ({"timeout": -1.0, "workers": 2}, InputError, "a positive number of seconds; got -1.0"),
        ({"retries": -1, "workers": 2}, InputError, "`retries` must be an integer of at least 0"),
        ({"on_error": "ignore"}, InputError, "`on_error` must be"),
        ({"progress": "yes"}, InputTypeError, "`progress` must be True, False or a function"),
    ],
)
def test_options_are_checked(given: Any, kind: Any, says: str) -> None:
    with pytest.raises(kind) as caught:
        checked(given)
    assert says in str(caught.value)


def test_usual_options_cost_nothing() -> None:
    assert checked({}) == How()
    assert checked({}).plain
