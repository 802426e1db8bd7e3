"""The book's names: the notes' numbers to the last digit, and none of the book's traps."""

import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import secant
from secant import book, nn

H = 1e-4
W = np.array([[-2.05285131, 0.8881997, 0.82120879], [0.69678673, 0.45633899, -0.7004122]])
X, T = np.array([0.6, 0.9]), np.array([0, 0, 1])


def curve(x: float) -> float:
    return 0.01 * x**2 + 0.1 * x


def bowl(x: np.ndarray) -> float:
    return x[0] ** 2 + x[1] ** 2


def wave(x: np.ndarray) -> float:
    """A function of an array of any shape that treats every entry differently."""
    weights = 1.0 + np.arange(x.size).reshape(x.shape)
    return float(np.sum(weights * np.sin(x)))


def floats(dtype: type = np.float64) -> st.SearchStrategy[np.ndarray]:
    shapes = hnp.array_shapes(min_dims=0, max_dims=3, max_side=3)
    return hnp.arrays(dtype, shapes, elements=st.floats(-3.0, 3.0, width=32))


# --- the numbers of the notes ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "f, x, printed",
    [
        (curve, 5, "0.1999999999990898"),
        (curve, 10, "0.2999999999986347"),
        (lambda x: x * x + 4.0**2.0, 3.0, "6.00000000000378"),
        (lambda x: 3.0**2.0 + x * x, 4.0, "7.999999999999119"),
    ],
)
def test_derivatives_to_the_last_digit(f, x, printed) -> None:
    assert str(book.numerical_diff(f, x)) == printed


@pytest.mark.parametrize(
    "lr, printed",
    [
        (0.1, "[-6.11110793e-10 8.14814391e-10]"),
        (10.0, "[-2.58983747e+13 -1.29524862e+12]"),
        (1e-10, "[-2.99999994 3.99999992]"),
    ],
)
def test_descents_to_the_last_digit_and_the_start_stays(lr, printed) -> None:
    init_x = np.array([-3.0, 4.0])
    first = book.gradient_descent(bowl, init_x=init_x, lr=lr, step_num=100)
    assert str(first).split() == printed.split()
    assert init_x.tolist() == [-3.0, 4.0]
    second = book.gradient_descent(bowl, init_x=init_x, lr=lr, step_num=100)
    assert second.tobytes() == first.tobytes()
    assert not np.shares_memory(first, init_x)


def test_the_net_through_a_lambda_that_ignores_its_argument() -> None:
    net = nn.SimpleNet(W)
    f = lambda w: book.cross_entropy_error(book.softmax(net.predict(X)), T)  # noqa: E731
    gradient = book.numerical_gradient(f, net.W)
    truth = [[0.08221134, 0.38665038, -0.46886172], [0.12331701, 0.57997557, -0.70329258]]
    np.testing.assert_allclose(gradient, truth, rtol=0.0, atol=1e-8)
    assert f"{f(net.W):.10f}" == "1.5206784837"
    assert net.W.tobytes() == W.tobytes()


def test_a_descent_through_a_lambda_that_ignores_its_argument() -> None:
    net = nn.SimpleNet(W)
    by_alias = book.gradient_descent(lambda w: net.loss(X, T), net.W, lr=0.5, step_num=20)
    assert net.W.tobytes() == W.tobytes()
    by_argument = book.gradient_descent(lambda w: net.loss_at(w, X, T), W, lr=0.5, step_num=20)
    assert by_alias.tobytes() == by_argument.tobytes()
    assert net.loss_at(by_alias, X, T) < 0.1 < net.loss(X, T)


# --- the formula ----------------------------------------------------------------------------------


@given(floats(), st.sampled_from(["book", 1e-4, 1e-2]))
def test_the_gradient_is_the_central_difference_bit_for_bit(x: np.ndarray, step) -> None:
    h = H if step == "book" else step
    expected = np.zeros_like(x)
    moved = x.copy()
    for index in np.ndindex(x.shape):
        for sign in (1, -1):
            moved[index] = x[index] + sign * h
            expected[index] += sign * wave(moved)
        expected[index] /= 2 * h
        moved[index] = x[index]
    before = x.tobytes()
    gradient = book.numerical_gradient(wave, x, step=step)
    assert gradient.tobytes() == expected.tobytes()
    assert gradient.shape == x.shape
    assert x.tobytes() == before


@settings(max_examples=30)
@given(floats(), st.floats(1e-3, 2.0), st.integers(0, 5))
def test_a_descent_is_the_loop_of_the_book_bit_for_bit(x: np.ndarray, lr: float, step_num: int) -> None:
    expected = x.copy()
    for _ in range(step_num):
        expected = expected - lr * book.numerical_gradient(wave, expected)
    descended = book.gradient_descent(wave, x, lr=lr, step_num=step_num)
    assert descended.shape == x.shape
    assert descended.tobytes() == expected.tobytes()


@settings(max_examples=30)
@given(floats())
def test_step_none_is_the_answer_of_secant_itself(x: np.ndarray) -> None:
    assert book.numerical_gradient(wave, x, step=None).tobytes() == np.asarray(secant.gradient(wave, x).value).tobytes()


def test_step_none_of_a_derivative_and_a_descent() -> None:
    assert book.numerical_diff(math.sin, 1.0, step=None) == secant.derivative(math.sin, 1.0).value
    start = np.array([-3.0, 4.0])
    own = secant.gradient_descent(bowl, start, lr=0.3, iterations=5).x
    assert book.gradient_descent(bowl, start, lr=0.3, step_num=5, step=None).tobytes() == own.tobytes()
    assert isinstance(book.numerical_diff(math.sin, 1.0), float)


# --- the traps ------------------------------------------------------------------------------------


@pytest.mark.parametrize("x", [np.array([3, 4]), np.array([3, 4], dtype=np.int8), [3, 4], (3.0, 4.0)])
def test_integers_and_lists(x) -> None:
    np.testing.assert_allclose(book.numerical_gradient(bowl, x), [6.0, 8.0], rtol=1e-11)
    np.testing.assert_allclose(book.gradient_descent(bowl, x, lr=0.5, step_num=3), [0.0, 0.0], atol=1e-10)
    assert list(x) == [3, 4]


def read_only(x: np.ndarray) -> np.ndarray:
    x.flags.writeable = False
    return x


@pytest.mark.parametrize("x", [np.array([[1, 2, 3]]), read_only(np.array([[1.0, 2.0, 3.0]]))])
@pytest.mark.parametrize("function", [book.numerical_gradient, book.gradient_descent])
def test_what_cannot_be_moved_in_place_and_is_read_by_another_name_is_an_error(function, x) -> None:
    text = "f gave the very same value at x and beside it, whichever entry was moved, so its gradient reads 0. What was"
    with pytest.raises(secant.InputError, match=re.escape(text)):
        function(lambda w: float(np.sum(x)), x)


@pytest.mark.parametrize("function", [book.numerical_gradient, book.gradient_descent])
def test_a_function_that_reads_neither_is_warned_about(function) -> None:
    other, x = np.ones(2), np.ones(2)
    with pytest.warns(UserWarning, match="does f read another array than the one passed"):
        result = function(lambda w: float(np.sum(other)), x)
    assert result.tolist() == ([0.0, 0.0] if function is book.numerical_gradient else [1.0, 1.0])


def test_to_start_at_the_minimum_is_no_reason_to_complain() -> None:
    for x in (np.zeros(2), np.array([0, 0])):
        assert book.gradient_descent(bowl, x, lr=0.1, step_num=10).tolist() == [0.0, 0.0]
        assert book.numerical_gradient(bowl, x).tolist() == [0.0, 0.0]
    assert book.gradient_descent(bowl, np.array([3, 4]), lr=0.1, step_num=0).tolist() == [3.0, 4.0]


@pytest.mark.parametrize("shape", [(2, 5), (5, 2), (4, 1), (1, 4), (4,), (2, 1, 3), ()])
@pytest.mark.parametrize("order", ["C", "F"])
def test_any_shape_and_memory_layout(shape, order) -> None:
    x = np.asarray(np.linspace(-1.0, 2.0, math.prod(shape)).reshape(shape), order=order)
    truth = (1.0 + np.arange(x.size).reshape(shape)) * np.cos(x)
    np.testing.assert_allclose(book.numerical_gradient(wave, x), truth, atol=1e-7)


def test_a_strided_view_is_moved_inside_the_array_it_belongs_to() -> None:
    whole = np.arange(12.0).reshape(3, 4)
    before = whole.tobytes()
    gradient = book.numerical_gradient(lambda _: float(np.sum(whole**2)), whole[:, ::2])
    np.testing.assert_allclose(gradient, 2.0 * whole[:, ::2], atol=1e-6)
    assert whole.tobytes() == before


def test_float32_takes_a_step_that_it_can_carry() -> None:
    x = np.array([3.0, 4.0], dtype=np.float32)
    books_own = (bowl(x + np.float32([H, 0])) - bowl(x - np.float32([H, 0]))) / (2 * H)
    assert abs(books_own - 6.0) > 0.01
    gradient = book.numerical_gradient(bowl, x)
    assert gradient.dtype == np.float32
    np.testing.assert_allclose(gradient, [6.0, 8.0], rtol=1e-4)
    assert book.numerical_diff(curve, np.float32(5.0)) == pytest.approx(0.2, rel=1e-4)
    assert x.tolist() == [3.0, 4.0]


@given(floats() | floats(np.float32), st.integers(0, 60), st.booleans(), st.sampled_from(["gradient", "descent"]))
def test_whatever_f_raises_the_array_is_put_back_bit_for_bit(x: np.ndarray, calls: int, alias: bool, what: str) -> None:
    class Interruption(BaseException):
        """Nothing that a library would think of catching."""

    started = 0

    def f(w: np.ndarray) -> float:
        nonlocal started
        started += 1
        if started > calls:
            raise Interruption
        return wave(x if alias else w)

    before = x.tobytes()
    # Fewer calls than `calls` may be needed: then nothing is raised, and the array is the same as well.
    raised = False
    try:
        if what == "gradient":
            book.numerical_gradient(f, x, step=H)
        else:
            book.gradient_descent(f, x, lr=0.1, step_num=3, step=H)
    except Interruption:
        raised = True
    assert raised == (started > calls)
    assert x.tobytes() == before


@pytest.mark.parametrize("bad", [True, np.array([True]), np.array([1j]), np.array(["a"]), [None], {"w": 1.0}])
def test_what_has_no_gradient_is_a_clear_error(bad) -> None:
    with pytest.raises(secant.SecantError):
        book.numerical_gradient(lambda x: 0.0, bad)


# --- the functions --------------------------------------------------------------------------------


def test_softmax_of_a_batch_has_rows_of_sum_one() -> None:
    scores = np.array([[1010.0, 1000.0, 990.0], [0.3, 2.9, 4.0]])
    shares = book.softmax(scores)
    np.testing.assert_allclose(shares.sum(axis=1), 1.0, rtol=1e-15)
    np.testing.assert_allclose(shares[1], [0.01821127, 0.24519181, 0.73659691], rtol=1e-6)


ROW = [0.1, 0.05, 0.6, 0.0, 0.05, 0.1, 0.0, 0.1, 0.0, 0.0]
HOT = np.eye(10, dtype=int)


@pytest.mark.parametrize(
    "y, t",
    [
        (ROW, HOT[2]),
        (ROW, 2),
        (ROW, [2]),
        ([ROW], HOT[2]),
        ([ROW], [HOT[2]]),
        ([ROW], 2),
        ([ROW, ROW], [2, 2]),
        ([ROW, ROW], [[2], [2]]),
        ([ROW, ROW], HOT[[2, 2]]),
    ],
)
def test_cross_entropy_error_takes_labels_and_one_hot_rows(y, t) -> None:
    assert book.cross_entropy_error(np.array(y), np.array(t)) == pytest.approx(-math.log(0.6 + 1e-7), rel=1e-15)


def test_cross_entropy_error_of_a_probability_of_zero_is_finite() -> None:
    assert book.cross_entropy_error(np.array(ROW), 3) == pytest.approx(-math.log(1e-7), rel=1e-15)
    assert book.softmax_loss([1000.0, 0.0], 1) == pytest.approx(-math.log(1e-7), rel=1e-15)


@pytest.mark.parametrize("t", [np.zeros((3, 2)), [0, 1, 2], np.zeros((2, 4))])
def test_cross_entropy_error_names_shapes_that_do_not_belong_together(t) -> None:
    with pytest.raises(secant.InputError, match=re.escape("`t` must have shape (2, 3) (weights) or (2,)")):
        book.cross_entropy_error(np.full((2, 3), 1 / 3), t)


@given(hnp.arrays(np.float64, (2, 3), elements=st.floats(-300.0, 300.0)))
def test_the_other_names_of_the_book(x: np.ndarray) -> None:
    assert book.identity_function(x) is x
    assert book.step_function(x).tolist() == (x > 0).astype(int).tolist()
    np.testing.assert_allclose(book.sigmoid(x), 1.0 / (1.0 + np.exp(-x)), rtol=1e-13)
    # The plain s (1 - s) has lost its digits at 40; this one has not.
    np.testing.assert_allclose(book.sigmoid_grad(x), np.exp(-abs(x)) / (1.0 + np.exp(-abs(x))) ** 2, rtol=1e-13)
    assert (book.relu(x) == np.maximum(x, 0.0)).all()
    assert (book.relu_grad(x) == np.where(x >= 0, 1.0, 0.0)).all()
    assert book.mean_squared_error(x, 0 * x) == pytest.approx(0.5 * np.sum(x**2))
    labels = np.array([0, 2])
    assert book.softmax_loss(x, labels) == book.cross_entropy_error(book.softmax(x), labels)


@pytest.mark.parametrize("a", [-30.0, -1.0, 0.5, 30.0])
def test_the_slopes_by_hand_lie_within_the_bars_of_the_differences(a: float) -> None:
    for function, slope in ((book.sigmoid, book.sigmoid_grad), (book.relu, book.relu_grad)):
        estimate = secant.derivative(function, a)
        assert abs(estimate.value - float(slope(a))) <= estimate.error


def test_relu_counts_zero_as_active() -> None:
    assert book.relu_grad([-1, 0, 1]).tolist() == [0.0, 1.0, 1.0]


# --- the optimizers -------------------------------------------------------------------------------


class TheirAdam:
    """The book's class, operation by operation."""

    def __init__(self, lr=0.001, beta1=0.9, beta2=0.999):
        self.lr, self.beta1, self.beta2, self.iter, self.m, self.v = lr, beta1, beta2, 0, None, None

    def update(self, params, grads):
        if self.m is None:
            self.m = {key: np.zeros_like(value) for key, value in params.items()}
            self.v = {key: np.zeros_like(value) for key, value in params.items()}
        self.iter += 1
        lr_t = self.lr * np.sqrt(1.0 - self.beta2**self.iter) / (1.0 - self.beta1**self.iter)
        for key in params:
            self.m[key] += (1 - self.beta1) * (grads[key] - self.m[key])
            self.v[key] += (1 - self.beta2) * (grads[key] ** 2 - self.v[key])
            params[key] -= lr_t * self.m[key] / (np.sqrt(self.v[key]) + 1e-7)


class TheirMomentum:
    def __init__(self, lr=0.01, momentum=0.9):
        self.lr, self.momentum, self.v = lr, momentum, None

    def update(self, params, grads):
        if self.v is None:
            self.v = {key: np.zeros_like(value) for key, value in params.items()}
        for key in params:
            self.v[key] = self.momentum * self.v[key] - self.lr * grads[key]
            params[key] += self.v[key]


class TheirAdaGrad:
    def __init__(self, lr=0.01):
        self.lr, self.h = lr, None

    def update(self, params, grads):
        if self.h is None:
            self.h = {key: np.zeros_like(value) for key, value in params.items()}
        for key in params:
            self.h[key] += grads[key] * grads[key]
            params[key] -= self.lr * grads[key] / (np.sqrt(self.h[key]) + 1e-7)


class TheirSGD:
    def __init__(self, lr=0.01):
        self.lr = lr

    def update(self, params, grads):
        for key in params:
            params[key] -= self.lr * grads[key]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(
    "ours, theirs",
    [
        (book.SGD(0.1), TheirSGD(0.1)),
        (book.Momentum(0.1, 0.8), TheirMomentum(0.1, 0.8)),
        (book.AdaGrad(0.5), TheirAdaGrad(0.5)),
        (book.Adam(0.3, 0.8, 0.99), TheirAdam(0.3, 0.8, 0.99)),
        (book.Momentum(), TheirMomentum()),
        (book.Adam(), TheirAdam()),
    ],
    ids=lambda value: type(value).__name__,
)
def test_the_optimizers_are_the_book_s_to_the_last_bit(ours, theirs, dtype) -> None:
    rng = np.random.default_rng(3)
    params = {"W": rng.normal(size=(2, 3)).astype(dtype), "b": rng.normal(size=3).astype(dtype)}
    ours, theirs = type(ours)(**public(ours)), type(theirs)(**public(ours))
    copy, arrays = {key: value.copy() for key, value in params.items()}, dict(params)
    for _ in range(12):
        grads = {key: rng.normal(size=value.shape).astype(dtype) for key, value in params.items()}
        ours.update(params, grads)
        theirs.update(copy, grads)
    for key, array in arrays.items():
        assert params[key] is array
        assert array.tobytes() == copy[key].tobytes()


def public(optimizer):
    return {name: value for name, value in vars(optimizer).items() if not name.startswith("_")}


@pytest.mark.parametrize("grads, words", [({}, "there is none for 'W'"), ({"W": np.ones(2)}, "the shapes of `params`")])
def test_gradients_that_do_not_fit_move_nothing(grads, words) -> None:
    params = {"V": np.ones(2), "W": np.ones(3)}
    with pytest.raises(secant.InputError, match=words):
        book.SGD(0.5).update(params, {"V": np.ones(2), **grads})
    assert params["V"].tolist() == [1.0, 1.0]
