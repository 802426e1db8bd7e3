"""Every trap in the notes' code, caught."""

import math

import numpy as np
import pytest

import secant
from secant import Verdict, book


def function_2(x):
    return x[0] ** 2 + x[1] ** 2


def test_integers() -> None:
    for gradient in (lambda x: secant.gradient(function_2, x).value, lambda x: book.numerical_gradient(function_2, x)):
        assert np.allclose(gradient(np.array([3, 4])), [6.0, 8.0])


@pytest.mark.parametrize("shape", [(2, 5), (5, 1), (1, 5), (2, 3, 2), ()])
def test_any_shape(shape) -> None:
    x = np.random.default_rng(0).normal(size=shape)
    assert np.allclose(secant.gradient(lambda x: float(np.sum(x**2)), x).value, 2.0 * x)


def test_float32() -> None:
    x = np.array([3.0, 4.0], dtype=np.float32)
    est = secant.gradient(lambda x: x[0] ** 2 + x[1] ** 2, x)
    assert np.all(np.abs(est.value - [6.0, 8.0]) <= est.error)
    assert np.all(np.abs(est.value - [6.0, 8.0]) < 1e-3)


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


def test_the_lambda_that_ignores_w() -> None:
    net = secant.nn.SimpleNet(np.array([[-2.05285131, 0.8881997, 0.82120879], [0.69678673, 0.45633899, -0.7004122]]))
    x, t = np.array([0.6, 0.9]), np.array([0, 0, 1])

    def loss(w):
        return net.loss(x, t, epsilon=1e-7)

    before = net.W.copy()
    assert secant.gradient(loss, net.W).verdict is Verdict.INDEPENDENT
    est = secant.gradient(loss, net.W, inplace=True)
    assert np.array_equal(net.W, before)
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


def test_a_fixed_step_on_a_fast_function() -> None:
    est = secant.derivative(lambda x: math.sin(1e5 * x), 1.0)
    assert abs(est.value + 99936) < 1.0
    assert round(secant.derivative(lambda x: math.sin(1e5 * x), 1.0, step=1e-4).value) == 5437
