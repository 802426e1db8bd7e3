"""Every trap in the notes' code: that it is one, and that we are not caught in it."""

import math

import numpy as np
import pytest

import secant
from secant import Verdict, book


def function_2(x):
    return x[0] ** 2 + x[1] ** 2


def loop(f, x, h=1e-4):
    """The usual loop: entries moved in place, one index, the result of x's own type, nothing put back on failure."""
    slopes = np.zeros_like(x)
    for i in range(x.size):
        kept = x[i]
        x[i] = kept + h
        right = f(x)
        x[i] = kept - h
        left = f(x)
        slopes[i] = (right - left) / (2 * h)
        x[i] = kept
    return slopes


def total(x):
    return float(np.sum(np.square(x)))


def test_the_loop_is_caught_in_them() -> None:
    assert loop(total, np.array([3, 4])).tolist() == [25000, 35000]
    with pytest.raises(IndexError):
        loop(total, np.ones((2, 5)))
    assert np.allclose(loop(total, np.array([[3.0], [4.0]])), [[3.0], [4.0]], atol=1e-3)
    assert round(float(loop(function_2, np.array([3.0, 4.0], dtype=np.float32))[0]), 3) == 5.989
    x, calls = np.array([3.0, 4.0]), []

    def breaks(x):
        calls.append(0)
        if len(calls) == 2:
            raise RuntimeError
        return function_2(x)

    with pytest.raises(RuntimeError):
        loop(breaks, x)
    assert x.tolist() != [3.0, 4.0]


def test_a_step_so_small_that_it_is_lost() -> None:
    """The notes' first attempt: h = 10e-50, and a division that takes f(x) alone."""

    def f(x):
        return 0.01 * x**2 + 0.1 * x

    h = 10e-50
    assert f(5.0 + h) - f(5.0) / h == pytest.approx(-7.5e48)
    assert (f(5.0 + h) - f(5.0)) / h == 0.0
    lost = secant.derivative(f, 5.0, method="forward", step=h)
    assert (lost.value, lost.verdict) == (0.0, Verdict.UNRESOLVED)
    assert "lost in rounding: x + h == x" in lost.message
    est = secant.derivative(f, 5.0)
    assert abs(est.value - 0.2) <= est.error < 1e-13


def test_integers() -> None:
    for gradient in (lambda x: secant.gradient(function_2, x).value, lambda x: book.numerical_gradient(function_2, x)):
        assert np.allclose(gradient(np.array([3, 4])), [6.0, 8.0])


@pytest.mark.parametrize("shape", [(2, 5), (5, 1), (1, 5), (2, 3, 2), ()])
def test_any_shape(shape) -> None:
    x = np.random.default_rng(0).normal(size=shape)
    assert np.allclose(secant.gradient(lambda x: float(np.sum(x**2)), x).value, 2.0 * x)


def test_float32() -> None:
    x = np.array([3.0, 4.0], dtype=np.float32)
    est = secant.gradient(function_2, x)
    assert np.all(np.abs(est.value - [6.0, 8.0]) <= est.error)
    assert np.all(np.abs(est.value - [6.0, 8.0]) < 1e-3)


def test_a_step_that_float32_cannot_hold() -> None:
    x = np.float32(3.0)
    assert np.float32(1e-50) == 0.0
    est = secant.derivative(lambda x: x * x, x, method="central", step=1e-50)
    assert est.verdict is Verdict.UNRESOLVED
    assert "lost in rounding" in est.message


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_gradient_by_steps_that_are_lost(dtype) -> None:
    est = secant.gradient(function_2, np.array([3.0, 4.0], dtype=dtype), method="central", step=1e-50)
    assert est.verdict is Verdict.UNRESOLVED
    assert "lost in rounding" in est.message


def test_one_column_is_no_view_of_itself() -> None:
    """The notes' loop keeps a view of the entry it moves, and so halves the gradient of a column."""
    x = np.array([[3.0], [4.0]])
    for how in ({}, {"inplace": True}):
        assert np.allclose(secant.gradient(lambda x: float(np.sum(x**2)), x, **how).value, [[6.0], [8.0]])
    assert np.allclose(book.numerical_gradient(lambda x: float(np.sum(x**2)), x), [[6.0], [8.0]])
    assert x.tolist() == [[3.0], [4.0]]


def test_f_that_raises_half_way_leaves_the_array_alone() -> None:
    for at in range(1, 12):
        x, calls = np.array([3.0, 4.0]), []

        def f(x, calls=calls, at=at):
            calls.append(0)
            if len(calls) == at:
                raise RuntimeError
            return function_2(x)

        for how in ({}, {"inplace": True}):
            calls.clear()
            with pytest.raises(RuntimeError):
                secant.gradient(f, x, **how)
            assert x.tolist() == [3.0, 4.0]


def test_init_x_is_left_alone_so_that_runs_repeat() -> None:
    start = np.array([-3.0, 4.0])
    first = book.gradient_descent(function_2, start, lr=0.1, step_num=100)
    again = book.gradient_descent(function_2, start, lr=0.1, step_num=100)
    assert np.array_equal(first, again)
    assert start.tolist() == [-3.0, 4.0]


def test_a_second_descent_does_not_overwrite_the_first() -> None:
    start = np.array([-3.0, 4.0])
    first = secant.gradient_descent(function_2, start, 0.1, 100)
    kept = first.x.copy()
    second = secant.gradient_descent(function_2, start, 0.3, 3)
    assert np.array_equal(first.x, kept)
    assert not np.array_equal(first.x, second.x)
    assert not any(np.shares_memory(one, other) for one in (first.x, first.path) for other in (second.x, start))


@pytest.mark.parametrize("how", [{}, {"method": "central", "step": 1e-4}])
def test_a_rate_that_is_too_large_is_never_called_converged(how) -> None:
    run = secant.gradient_descent(function_2, np.array([-3.0, 4.0]), 10.0, 100, **how)
    assert run.verdict == "lr too large"
    assert "converged" not in run.message
    if how:
        assert "lost in rounding" in run.message


def test_the_lambda_that_ignores_w() -> None:
    net = secant.nn.SimpleNet(np.array([[-2.05285131, 0.8881997, 0.82120879], [0.69678673, 0.45633899, -0.7004122]]))
    x, t = np.array([0.6, 0.9]), np.array([0, 0, 1])

    def loss(w):
        return net.loss(x, t, epsilon=1e-7)

    before = net.W.copy()
    assert secant.gradient(loss, net.W).verdict is Verdict.INDEPENDENT
    assert not secant.gradient(loss, net.W).value.any()
    est = secant.gradient(loss, net.W, inplace=True)
    assert np.array_equal(net.W, before)
    assert np.allclose(est.value, secant.gradient(lambda W: net.loss_at(W, x, t, epsilon=1e-7), net.W).value, rtol=1e-9)
    printed = np.array([[0.08221985, 0.38664402, -0.46886387], [0.12332978, 0.57996603, -0.70329581]])
    off = np.abs(est.value - printed)
    assert off.max() == pytest.approx(1.28e-5, rel=0.01)
    moved = before.copy()
    moved[0, 0] += 2e-4
    assert np.abs(secant.gradient(lambda W: net.loss_at(W, x, t, epsilon=1e-7), moved).value - printed).max() < 1e-8


def test_softmax_and_the_logarithm() -> None:
    assert np.isfinite(secant.nn.softmax(np.array([1010.0, 1000.0, 990.0]))).all()
    assert np.allclose(secant.nn.softmax(np.array([[1.0, 2.0], [3.0, 5.0]])).sum(axis=-1), 1.0)
    assert math.isfinite(secant.nn.cross_entropy(np.array([0.0, -5000.0]), 1))
    # The book's own functions: a logarithm that is kept from 0, a softmax that is kept from overflow, by rows.
    assert math.isfinite(book.cross_entropy_error(np.array([1.0, 0.0]), np.array([0.0, 1.0])))
    assert np.isfinite(book.softmax(np.array([1010.0, 1000.0, 990.0]))).all()
    assert np.allclose(book.softmax(np.array([[1.0, 2.0], [3.0, 5.0]])).sum(axis=-1), 1.0)


@pytest.mark.parametrize(
    ("f", "x", "verdict"),
    [
        (abs, 0.0, Verdict.KINK),
        (lambda x: max(x, 0.0), 0.0, Verdict.KINK),
        (math.log, 5e-5, Verdict.OK),
        (np.sqrt, 0.0, Verdict.UNDEFINED),
        (math.sqrt, 0.0, Verdict.UNDEFINED),
    ],
)
def test_kinks_and_edges(f, x, verdict) -> None:
    assert secant.derivative(f, x).verdict is verdict


def test_values_at_kinks_and_edges() -> None:
    """The notes' central difference says abs'(0) = 0 and relu'(0) = 0.5; both are the middle of two slopes."""
    for f, left, right in ((abs, -1.0, 1.0), (lambda x: max(x, 0.0), 0.0, 1.0)):
        slope = secant.derivative(f, 0.0).details[""]
        assert (slope.left, slope.right) == (pytest.approx(left, abs=1e-9), pytest.approx(right, abs=1e-9))
        assert "slope" in secant.derivative(f, 0.0).message
    est = secant.derivative(math.log, 5e-5)
    assert abs(est.value - 2e4) <= est.error < 1e-6
    with pytest.raises(ValueError, match=r"domain|positive"):
        math.log(5e-5 - 1e-4)
    assert math.isnan(secant.derivative(np.sqrt, 0.0).value)


def test_a_fixed_step_on_a_fast_function() -> None:
    est = secant.derivative(lambda x: math.sin(1e5 * x), 1.0)
    assert abs(est.value + 99936) < 1.0
    assert round(secant.derivative(lambda x: math.sin(1e5 * x), 1.0, step=1e-4).value) == 5437
