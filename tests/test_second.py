"""Higher orders, Hessians and products with vectors, asked through the door: options, shapes, trees, verdicts, laws."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import secant
from secant import InputError, InputTypeError, Verdict


def f(x: Any) -> float:
    return float(x[0] ** 2 * x[1] + np.sin(x[2] * x[0]))


def slopes(x: Any) -> Any:
    c = math.cos(x[2] * x[0])
    return np.array([2 * x[0] * x[1] + x[2] * c, x[0] ** 2, x[0] * c])


def exact(x: Any) -> Any:
    s, c = math.sin(x[2] * x[0]), math.cos(x[2] * x[0])
    mixed = c - x[0] * x[2] * s
    return np.array([[2 * x[1] - x[2] ** 2 * s, 2 * x[0], mixed], [2 * x[0], 0.0, 0.0], [mixed, 0.0, -(x[0] ** 2) * s]])


AT = np.array([1.5, -0.7, 0.4])
V = np.array([1.0, 2.0, -0.5])


@pytest.mark.parametrize("order", range(1, 9))
def test_orders_of_a_number(order) -> None:
    est = secant.derivative(math.exp, 1.0, order=order)
    assert est.verdict is Verdict.OK
    assert abs(est.value - math.e) <= est.error < 1e-5


def test_order_one_is_the_plain_derivative() -> None:
    assert repr(secant.derivative(math.sin, 1.0, order=1)) == repr(secant.derivative(math.sin, 1.0))
    assert secant.derivative(math.sin, 1.0, order=np.int64(2)).ok


@pytest.mark.parametrize("order", [0, 9, -1])
def test_orders_that_are_none(order) -> None:
    with pytest.raises(InputError, match="`order` must be an integer"):
        secant.derivative(math.sin, 1.0, order=order)


@pytest.mark.parametrize("order", [True, 1.0, 2.0, "2", None])
def test_what_is_no_order_at_all(order) -> None:
    with pytest.raises(InputTypeError, match="`order` must be an integer"):
        secant.derivative(math.sin, 1.0, order=order)


def test_arrays_and_complex_values() -> None:
    est = secant.derivative(lambda x: np.array([[math.sin(x), x**4], [1.0, math.exp(x)]]), 0.5, order=3)
    truth = np.array([[-math.cos(0.5), 12.0], [0.0, math.exp(0.5)]])
    assert np.all(np.abs(est.value - truth) <= est.error)
    est = secant.derivative(lambda x: np.exp(2j * x), 0.5, order=2)
    assert abs(est.value - -4.0 * np.exp(1j)) <= est.error < 1e-9


def test_the_precision_of_x_counts() -> None:
    est = secant.derivative(np.sin, np.float32(1.0), order=2)
    assert 1e-7 < est.error < 1e-2
    assert abs(est.value + math.sin(1.0)) <= est.error


@pytest.mark.parametrize(
    ("order", "method", "formula"),
    [
        (2, "central", lambda f, x, h: (f(x - h) - 2 * f(x) + f(x + h)) / h**2),
        (2, "auto", lambda f, x, h: (f(x - h) - 2 * f(x) + f(x + h)) / h**2),
        (2, "forward", lambda f, x, h: (f(x) - 2 * f(x + h) + f(x + 2 * h)) / h**2),
        (2, "backward", lambda f, x, h: (f(x - 2 * h) - 2 * f(x - h) + f(x)) / h**2),
        (3, "central", lambda f, x, h: (-f(x - 2 * h) + 2 * f(x - h) - 2 * f(x + h) + f(x + 2 * h)) / (2 * h**3)),
    ],
)
def test_fixed_steps_are_the_textbook_s(order, method, formula) -> None:
    est = secant.derivative(math.exp, 0.5, order=order, method=method, step=1e-2)
    assert est.value == pytest.approx(formula(math.exp, 0.5, 1e-2), rel=1e-11)
    assert (est.verdict, est.error) == (Verdict.UNRESOLVED, math.inf)


def test_a_stencil_is_of_the_order_asked_for() -> None:
    second = secant.stencil((-2, -1, 0, 1, 2), order=2)
    value = secant.derivative(math.exp, 0.0, order=2, method=second, step=1e-2).value
    assert value == pytest.approx(1.0, rel=1e-8)
    with pytest.raises(InputError, match="Stencil of order 1 here; got order 2"):
        secant.derivative(math.exp, 0.0, method=second, step=1e-2)
    with pytest.raises(InputError, match="`order` must be 1 with `method='complex'`"):
        secant.derivative(np.exp, 0.0, method="complex", order=2)


@pytest.mark.parametrize("method", ["forward", "backward"])
def test_one_side_is_ok_when_it_was_asked_for(method) -> None:
    est = secant.derivative(math.exp, 1.0, order=2, method=method)
    assert est.verdict is Verdict.OK
    assert abs(est.value - math.e) <= est.error < 1e-7


def test_limits_hold_for_every_order() -> None:
    seen: list[float] = []

    def g(x: float) -> float:
        seen.append(x)
        return math.exp(x)

    est = secant.derivative(g, 1.0, order=2, bounds=(0.95, 1.2))
    assert min(seen) >= 0.95
    assert max(seen) <= 1.2
    assert abs(est.value - math.e) <= est.error
    seen.clear()
    est = secant.derivative(g, 1.0, order=2, max_step=0.01, max_evaluations=15)
    assert len(seen) == est.evaluations <= 15
    assert max(abs(x - 1.0) for x in seen) <= 0.01
    told = secant.derivative(math.exp, 1.0, order=2, noise=1e-6)
    assert abs(told.value - math.e) <= told.error
    assert told.error > 1e-7
    assert told.ok
    assert (
        secant.derivative(math.exp, 1.0, order=5, noise=1e-6).verdict is Verdict.UNRESOLVED
    )  # of that nothing is known
    assert secant.derivative(math.exp, 1.0, order=2, noise=1e-16).ok


@settings(max_examples=40)
@given(st.integers(1, 4), st.floats(0.25, 4.0))
def test_a_direction_counts_to_the_power_of_the_order(order, length) -> None:
    one = secant.directional(f, AT, V, order=order)
    other = secant.directional(f, AT, length * V, order=order)
    assert abs(other.value - length**order * one.value) <= other.error + length**order * one.error


@pytest.mark.parametrize(
    ("x", "gradient"),
    [
        (AT, lambda x: list(slopes(x))),
        (AT, lambda x: tuple(slopes(x).tolist())),
        (AT, lambda x: (slopes(x),)),
        (list(AT), lambda x: slopes(np.array(x))),
        (AT[None], lambda x: slopes(x[0])[None].tolist()),
        (AT[:, None], lambda x: list(slopes(x[:, 0])[:, None])),
    ],
)
def test_a_gradient_may_be_a_list_where_x_is_an_array(x, gradient) -> None:
    est = secant.hessian(None, x, gradient=gradient)
    assert np.array_equal(est.matrix, secant.hessian(None, AT, gradient=slopes).matrix)
    v = [float(part) for part in V] if isinstance(x, list) else V.reshape(x.shape)
    product = secant.hvp(None, x, v, gradient=gradient)
    assert np.array_equal(np.ravel(product.value), secant.hvp(None, AT, V, gradient=slopes).value)


def test_products_are_one_thing() -> None:
    h, x = exact(AT), AT
    for gradient in (None, slopes):
        est = secant.hessian(f, x, gradient=gradient)
        assert np.all(np.abs(est.value - h) <= est.error)
        assert np.array_equal(est.value, est.value.T)
        assert np.array_equal(est.error, est.error.T)
        product = secant.hvp(f, x, V, gradient=gradient)
        assert np.all(np.abs(product.value - h @ V) <= product.error)
        assert np.all(product.error < 1e-5)
        assert est.ok
        assert product.ok
    both = secant.directional(f, x, V, order=2)
    assert abs(both.value - V @ h @ V) <= both.error < 1e-6


def test_a_gradient_saves_calls_and_is_the_only_thing_called() -> None:
    calls = []

    def counted(x: Any) -> Any:
        calls.append(1)
        return slopes(x)

    est = secant.hessian(None, AT, gradient=counted)
    assert len(calls) == est.evaluations < 60
    assert np.all(est.error < 1e-9)
    calls.clear()
    est = secant.hvp(None, AT, V, gradient=counted)
    assert len(calls) == est.evaluations < 30


def test_a_gradient_that_is_wrong_shows() -> None:
    def wrong(x: Any) -> Any:
        return slopes(x) * [1.0, 1.01, 1.0]

    est = secant.hessian(f, AT, gradient=wrong)
    assert est.verdict is Verdict.UNRESOLVED
    assert est.verdicts[0, 1] is Verdict.UNRESOLVED
    assert "differ by 0.03" in est.message
    assert abs(est.value[0, 1] - exact(AT)[0, 1]) <= est.error[0, 1]
    assert est.verdicts[0, 2] is Verdict.OK


def test_trees_give_trees_of_trees() -> None:
    x = {"w": np.array([[1.0, 2.0]]), "b": 3.0}

    def g(p: Any) -> float:
        return float(np.sum(p["w"] ** 2) * p["b"])

    def slope(p: Any) -> Any:
        return {"w": 2.0 * p["w"] * p["b"], "b": float(np.sum(p["w"] ** 2))}

    flat = np.array([[0.0, 2.0, 4.0], [2.0, 6.0, 0.0], [4.0, 0.0, 6.0]])
    for est in (secant.hessian(g, x), secant.hessian(None, x, gradient=slope)):
        assert est.value["w"]["w"].shape == (1, 2, 1, 2)
        assert est.value["w"]["b"].shape == est.value["b"]["w"].shape == (1, 2)
        assert isinstance(est.value["b"]["b"], float)
        assert est.matrix.shape == est.matrix_error.shape == (3, 3)
        assert np.all(np.abs(est.matrix - flat) <= est.matrix_error)
        assert np.array_equal(est.value["w"]["w"].reshape(2, 2), est.matrix[1:, 1:])
        again = secant.from_json(est.to_json())
        assert np.array_equal(again.matrix, est.matrix)
        assert "['w']['b'][0, 1]" in str(est)
    v = {"w": np.array([[1.0, 0.0]]), "b": -1.0}
    for est in (secant.hvp(g, x, v), secant.hvp(None, x, v, gradient=slope)):
        assert est.value["w"].round(6).tolist() == [[4.0, -4.0]]
        assert round(est.value["b"], 6) == 2.0


def test_paths_of_what_is_not_ok() -> None:
    est = secant.hessian(lambda p: abs(p["a"][1]) + p["b"] ** 2, {"a": np.zeros(2), "b": 1.0})
    assert est.verdict is Verdict.UNDEFINED
    assert est.details["['a']['a'][1, 1]"].verdict is Verdict.UNDEFINED
    assert "['b']['b']" not in est.details


def test_numbers_single_entries_and_float32() -> None:
    est = secant.hessian(lambda x: x**3, 2.0)
    assert est.value == pytest.approx(12.0)
    assert est.matrix.shape == (1, 1)
    est = secant.hessian(lambda x: x[0] ** 2 * x[1], np.array([1.0, 2.0], dtype=np.float32))
    assert est.value.dtype == np.float32
    assert np.all(np.abs(est.value - [[4.0, 2.0], [2.0, 0.0]]) <= est.error)
    assert np.all(est.error > 1e-7)


def test_what_does_not_vary_is_left_out() -> None:
    est = secant.hessian(f, AT, wrt=[0, 2])
    chosen = np.ix_([0, 2], [0, 2])
    assert np.all(np.abs(est.value - exact(AT))[chosen] <= est.error[chosen])
    assert np.isnan(est.value[1]).all()
    assert np.isnan(est.error[:, 1]).all()
    assert est.ok
    full = secant.hessian(None, AT, gradient=slopes, wrt=[0, 2])
    assert np.all(np.abs(full.value - exact(AT))[chosen] <= full.error[chosen])
    assert np.isnan(full.value[1]).all()


def test_fixed_steps_of_hessians() -> None:
    est = secant.hessian(f, AT, step=1e-3)
    assert np.all(np.abs(est.value - exact(AT)) < 1e-4)
    assert (est.verdict, np.isinf(est.error).all()) == (Verdict.UNRESOLVED, True)
    assert est.evaluations == 1 + 2 * 6
    assert np.all(np.abs(secant.hessian(None, AT, gradient=slopes, step=1e-4).value - exact(AT)) < 1e-6)


def test_bounds_are_kept_and_one_sided_entries_say_so() -> None:
    low = np.array([1.5, -9.0, -9.0])

    def inside(x: Any) -> float:
        assert np.all(x >= low)
        return f(x)

    est = secant.hessian(inside, AT, bounds=(low, None))
    assert est.verdict is Verdict.AT_BOUND
    assert np.all(np.abs(est.value - exact(AT)) <= est.error)
    assert est.verdicts[1, 2] is Verdict.OK


@pytest.mark.parametrize("most", [1, 7, 13, 25, 40, 60])
def test_budgets_are_kept(most) -> None:
    for est in (
        secant.hessian(f, AT, max_evaluations=most),
        secant.hvp(f, AT, V, max_evaluations=most),
        secant.hessian(None, AT, gradient=slopes, max_evaluations=most),
    ):
        assert est.evaluations <= most


def test_a_function_that_does_not_use_x_is_told() -> None:
    assert secant.hessian(lambda x: 3.0, np.ones(2)).verdict is Verdict.INDEPENDENT


def test_noise_is_named() -> None:
    rng = np.random.default_rng(0)
    est = secant.hessian(lambda x: f(x) + 1e-6 * rng.standard_normal(), AT)
    assert est.verdict is Verdict.NOISY
    assert "random" in est.message


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: secant.hessian(None, AT), InputTypeError, "`f` must be callable"),
        (lambda: secant.hessian(3, AT, gradient=slopes), InputTypeError, "`f` must be callable or None"),
        (lambda: secant.hessian(f, AT, gradient=3), InputTypeError, "`gradient` must be callable"),
        (
            lambda: secant.hessian(f, AT, gradient=lambda x: x[:2]),
            InputTypeError,
            r"`gradient` must return an array of x's shape \(3,\); it returned an ndarray of shape \(2,\)",
        ),
        (lambda: secant.hvp(f, AT, V, gradient=lambda x: [1.0, 2.0]), InputTypeError, "it returned a list of 2 leaves"),
        (
            lambda: secant.hessian(f, AT, gradient=lambda x: [x, x[:1]]),
            InputTypeError,
            "it returned a list of 2 leaves",
        ),
        (lambda: secant.hessian(f, AT, gradient=lambda x: None), InputTypeError, "it returned None"),
        (lambda: secant.hessian(slopes, AT), InputTypeError, "one number for `hessian`"),
        (lambda: secant.hvp(slopes, AT, V), InputTypeError, "one number for `hvp`"),
        (lambda: secant.hessian(f, AT, method="complex"), InputError, "'central', 'forward', 'backward'"),
        (lambda: secant.hessian(f, AT, method=secant.stencil((0, 1)), step=0.1), InputError, "order 2 here"),
        (lambda: secant.hvp(f, AT, V[:2]), InputError, "`v` must have x's structure"),
        (lambda: secant.hvp(f, AT, 0.0 * V), InputError, "`v` must not be zero"),
        (lambda: secant.price(secant.hessian, f, AT, gradient=slopes), InputTypeError, "takes no `gradient`"),
    ],
)
def test_errors_say_what_is_wrong(call, error, text) -> None:
    with pytest.raises(error, match=text):
        call()


def test_prices() -> None:
    price = secant.price(secant.hessian, f, AT)
    assert price.evaluations <= price.at_most
    assert abs(price.evaluations - secant.hessian(f, AT).evaluations) < 15
    assert secant.price(secant.hessian, f, AT, step=1e-3).evaluations == 13
    assert secant.price(secant.derivative, math.sin, 1.0, order=2).evaluations == 23
    assert secant.price(secant.hvp, f, AT, V).at_most >= secant.hvp(f, AT, V).evaluations


def test_a_deadline_leaves_what_was_found() -> None:
    calls = 0

    def slow(x: Any) -> float:
        nonlocal calls
        calls += 1
        if calls > 40:
            raise KeyboardInterrupt
        return f(x)

    est = secant.hessian(slow, AT)
    assert est.stopped == "keyboard"
    assert est.verdict is Verdict.UNRESOLVED
    assert np.isnan(est.value[0, 1])
    assert abs(est.value[0, 0] - exact(AT)[0, 0]) <= est.error[0, 0]
    assert secant.hvp(f, AT, V, deadline=1e-9).stopped == "deadline"
    assert secant.hessian(None, AT, gradient=slopes, deadline=1e-9).stopped == "deadline"


def test_what_is_known_and_random_is_handed_on() -> None:
    def noisy(x: Any, seed: int) -> float:
        return f(x) * (1.0 + np.random.default_rng(seed).standard_normal())

    est = secant.hessian(noisy, AT, seed=3)
    assert est.ok
    plain = secant.hessian(f, AT)
    assert secant.hessian(f, AT, f0=f(AT)).evaluations == plain.evaluations - 1
    assert len(secant.hessian(f, AT, keep_samples=True).samples) == plain.evaluations
    assert secant.derivative(math.sin, 1.0, order=2, f0=math.sin(1.0)).ok
    with pytest.raises(InputError, match="`f0` must be left out with `gradient`"):
        secant.hessian(f, AT, gradient=slopes, f0=1.0)


def test_versions_of_f_are_compared_for_every_order() -> None:
    est = secant.derivative(math.sin, 1.0, order=2, scale=lambda x: math.sin(x) + 1e-6 * x * x)
    assert abs(est.value + math.sin(1.0)) <= est.error
    assert est.error > 1e-7
    with pytest.raises(InputError, match="another version of f"):
        secant.derivative(math.sin, 1.0, order=2, scale=0.5)


@pytest.mark.parametrize("order", [2, 3])
def test_loud_noise_is_not_claimed_to_be_seen_through(order) -> None:
    """Steps that are long enough for the noise are too long for f: either the bar holds, or nothing is claimed."""
    claimed = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        level, x = 10.0 ** rng.uniform(-8.0, -1.0), rng.uniform(-2.0, 2.0)
        est = secant.derivative(lambda t: math.sin(3.0 * t) + level * rng.normal(), x, order=order)  # noqa: B023
        truth = -9.0 * math.sin(3.0 * x) if order == 2 else -27.0 * math.cos(3.0 * x)
        if est.verdict in {Verdict.OK, Verdict.NOISY}:
            assert abs(est.value - truth) <= 3.0 * est.error
            claimed += 1
    assert 25 <= claimed < 60


@pytest.mark.parametrize("length", [5e-324, 1e-300, 1e-150, 1e150, 1e300])
@pytest.mark.parametrize("gradient", [None, lambda x: 2.0 * x])
def test_a_product_takes_a_vector_of_any_length(length, gradient) -> None:
    v = np.array([length, -length])
    est = secant.hvp(lambda x: np.sum(x**2), np.array([1.0, 2.0]), v, gradient=gradient)
    assert est.verdict is Verdict.OK
    assert np.all(np.abs(est.value - 2.0 * v) <= est.error)
    assert np.all(est.error <= max(1e-9 * length, 5e-324))


def test_a_product_beyond_the_range_of_floats_is_not_claimed() -> None:
    est = secant.hvp(lambda x: np.sum(x**2), np.array([1.0, 2.0]), np.array([1e308, 1e308]))
    assert est.verdict is Verdict.UNRESOLVED
    assert "range" in est.details["[0]"].note
