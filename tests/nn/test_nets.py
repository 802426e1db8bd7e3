"""The net of the notes: its numbers, its two styles of use, its exact gradient."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import secant
from secant import nn

W = np.array([[-2.05285131, 0.8881997, 0.82120879], [0.69678673, 0.45633899, -0.7004122]])
X, T = np.array([0.6, 0.9]), np.array([0, 0, 1])
BOOK = 1e-7


@st.composite
def cases(draw: st.DrawFn) -> tuple[nn.SimpleNet, np.ndarray, np.ndarray]:
    """A net of any size, a batch or a single input, and a class for each."""
    inputs, classes = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    batch = draw(st.none() | st.integers(1, 3))
    values = st.floats(-1.5, 1.5).map(lambda value: round(value, 3))
    lead = () if batch is None else (batch,)
    net = nn.SimpleNet(draw(hnp.arrays(np.float64, (inputs, classes), elements=values)))
    x = draw(hnp.arrays(np.float64, (*lead, inputs), elements=values))
    t = draw(hnp.arrays(np.int64, lead, elements=st.integers(0, classes - 1)))
    return net, x, t


def test_the_numbers_of_the_notes() -> None:
    net = nn.SimpleNet(W)
    np.testing.assert_allclose(net.predict(X), [-0.60460273, 0.94362491, -0.1376457], rtol=0.0, atol=1.25e-8)
    assert np.argmax(net.predict(X)) == 1
    assert f"{net.loss(X, T, epsilon=BOOK):.10f}" == "1.5206784837"
    # The exact loss is larger: the book's epsilon takes 1e-7 / p off it.
    assert net.loss(X, T) - net.loss(X, T, epsilon=BOOK) == pytest.approx(
        BOOK / nn.softmax(net.predict(X))[2], rel=1e-5
    )


def test_the_exact_gradient_finds_the_printed_one_at_another_matrix() -> None:
    printed = np.array([[0.08221985, 0.38664402, -0.46886387], [0.12332978, 0.57996603, -0.70329581]])
    net = nn.SimpleNet(W)
    off = np.abs(net.gradient(X, T, epsilon=BOOK) - printed).max()
    assert off == pytest.approx(1.28e-5, rel=0.01)
    net.W[0, 0] += 2e-4
    np.testing.assert_allclose(net.gradient(X, T, epsilon=BOOK), printed, rtol=0.0, atol=1e-8)


@settings(max_examples=40)
@given(cases(), st.sampled_from([None, BOOK, 1e-2]))
def test_the_exact_gradient_is_the_one_of_the_differences(case, epsilon) -> None:
    net, x, t = case
    before = net.W.copy()
    exact = net.gradient(x, t, epsilon=epsilon)
    estimate = secant.gradient(lambda w: net.loss_at(w, x, t, epsilon=epsilon), net.W)
    assert exact.shape == net.W.shape
    np.testing.assert_allclose(estimate.value, exact, rtol=1e-7, atol=1e-9)
    assert net.W.tobytes() == before.tobytes()


@pytest.mark.parametrize("epsilon", [None, BOOK])
def test_the_exact_gradient_lies_within_the_bars(epsilon) -> None:
    rng = np.random.default_rng(7)
    inside = []
    for _ in range(50):
        net = nn.SimpleNet(rng.uniform(-1.5, 1.5, (3, 3)))
        x, t = rng.uniform(-1.5, 1.5, (2, 3)), rng.integers(0, 3, 2)
        estimate = secant.gradient(lambda w: net.loss_at(w, x, t, epsilon=epsilon), net.W)  # noqa: B023
        inside.append(np.abs(estimate.value - net.gradient(x, t, epsilon=epsilon)) <= estimate.error)
    assert np.mean(inside) >= 0.97


@pytest.mark.parametrize("epsilon", [None, BOOK])
def test_reading_the_weights_by_the_net_or_by_the_argument_is_the_same(epsilon) -> None:
    net = nn.SimpleNet(W)
    by_argument = secant.gradient(lambda w: net.loss_at(w, X, T, epsilon=epsilon), net.W)
    by_alias = secant.gradient(lambda w: net.loss(X, T, epsilon=epsilon), net.W, inplace=True)
    assert by_alias.value.tobytes() == by_argument.value.tobytes()
    assert np.array_equal(net.W, W)
    assert secant.gradient(lambda w: net.loss(X, T), net.W).verdict == "independent"


def test_a_batch_is_the_mean_of_its_rows() -> None:
    net, x, t = nn.SimpleNet(seed=3), np.arange(8.0).reshape(4, 2), np.array([0, 1, 2, 2])
    assert net.loss(x, t) == pytest.approx(np.mean([net.loss(row, label) for row, label in zip(x, t, strict=True)]))
    rows = [net.gradient(row, label) for row, label in zip(x, t, strict=True)]
    np.testing.assert_allclose(net.gradient(x, t), np.mean(rows, axis=0), rtol=1e-13)
    np.testing.assert_array_equal(net.gradient(x, np.eye(3)[t]), net.gradient(x, t))


def test_weights_that_are_given_are_copied_and_weights_drawn_come_from_the_seed() -> None:
    mine = W.copy()
    net = nn.SimpleNet(mine)
    net.W -= 0.1 * net.gradient(X, T)
    assert np.array_equal(mine, W)
    assert net.loss(X, T) < nn.SimpleNet(W).loss(X, T)
    assert nn.SimpleNet().W.shape == (2, 3)
    assert nn.SimpleNet(shape=(4, 5)).W.shape == (4, 5)
    assert np.array_equal(nn.SimpleNet(seed=1).W, nn.SimpleNet(seed=1).W)
    assert not np.array_equal(nn.SimpleNet(seed=1).W, nn.SimpleNet(seed=2).W)
    assert repr(nn.SimpleNet()) == "SimpleNet(2 -> 3)"


def test_integers_become_float64_and_float32_stays_float32() -> None:
    assert nn.SimpleNet([[1, 2], [3, 4]]).W.dtype == np.float64
    net = nn.SimpleNet(W.astype(np.float32))
    x = X.astype(np.float32)
    assert net.loss(x, T).dtype == net.predict(x).dtype == net.gradient(x, T).dtype == np.float32
    np.testing.assert_allclose(net.gradient(x, T), nn.SimpleNet(W).gradient(X, T), rtol=1e-5)


@pytest.mark.parametrize(
    "call, text",
    [
        (lambda: nn.SimpleNet([1.0, 2.0]), "`W` must have shape (inputs, classes), none of them 0, got shape (2,)"),
        (lambda: nn.SimpleNet(shape=(0, 3)), "`W` must have shape (inputs, classes), none of them 0, got shape (0, 3)"),
        (
            lambda: nn.SimpleNet().predict([1.0, 2.0, 3.0]),
            "`x` must have shape (2,) or (batch, 2) for `W` of shape (2, 3), got (3,)",
        ),
        (lambda: nn.SimpleNet().predict(1.0), "`x` must have shape (2,) or (batch, 2) for `W` of shape (2, 3), got ()"),
        (lambda: nn.SimpleNet().loss_at(W.ravel(), X, T), "`W` must have shape (inputs, classes), got shape (6,)"),
        (lambda: nn.SimpleNet().loss(X, [0, 1]), "`t` must have shape (3,) (weights) or () (integer classes)"),
    ],
)
def test_errors_say_what_is_allowed_and_what_came(call, text) -> None:
    with pytest.raises(secant.InputError, match=re.escape(text)):
        call()
