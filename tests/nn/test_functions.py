"""Activations and losses: laws over finite input, the traps of the notes, and the texts of errors."""

import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import secant
from secant import nn
from secant.nn.functions import cross_entropy_slope

INF, NAN = math.inf, math.nan


def arrays(limit: float, dtype: type = np.float64, min_dims: int = 1) -> st.SearchStrategy:
    """Arrays of any shape with entries up to a limit."""
    width = np.finfo(dtype).bits
    shapes = hnp.array_shapes(min_dims=min_dims, max_dims=3, max_side=4)
    return hnp.arrays(dtype, shapes, elements=st.floats(-limit, limit, width=width))


@st.composite
def logits_and_classes(draw: st.DrawFn, limit: float = 12.0) -> tuple[np.ndarray, np.ndarray]:
    """Scores of shape (..., classes), and a class for each row."""
    scores = draw(arrays(limit))
    classes = hnp.arrays(np.int64, scores.shape[:-1], elements=st.integers(0, scores.shape[-1] - 1))
    return scores, draw(classes)


def one_hot(classes: np.ndarray, count: int) -> np.ndarray:
    return np.eye(count)[classes]


# --- softmax ------------------------------------------------------------------------------------


@given(arrays(1e300))
def test_rows_of_softmax_are_shares_however_large_the_scores(a: np.ndarray) -> None:
    shares = nn.softmax(a)
    assert shares.shape == a.shape
    assert (shares >= 0).all()
    np.testing.assert_allclose(shares.sum(axis=-1), 1.0, rtol=1e-14)
    logs = nn.log_softmax(a)
    assert np.isfinite(logs).all()
    assert (logs <= 0).all()


@given(arrays(50.0), st.floats(-1e3, 1e3))
def test_softmax_does_not_see_a_constant_added_to_the_scores(a: np.ndarray, shift: float) -> None:
    np.testing.assert_allclose(nn.softmax(a + shift), nn.softmax(a), rtol=1e-11, atol=1e-300)
    np.testing.assert_allclose(nn.log_softmax(a + shift), nn.log_softmax(a), rtol=1e-11, atol=1e-11)


@given(arrays(1e300, min_dims=2))
def test_a_batch_is_its_rows(a: np.ndarray) -> None:
    for function in (nn.softmax, nn.log_softmax):
        alone = [function(row) for row in a.reshape(-1, a.shape[-1])]
        np.testing.assert_allclose(function(a), np.reshape(alone, a.shape), rtol=1e-14)


@given(arrays(30.0), st.data())
def test_the_axis_can_be_any_or_all(a: np.ndarray, data: st.DataObject) -> None:
    axis = data.draw(st.none() | st.integers(-a.ndim, a.ndim - 1))
    plain = np.exp(a) / np.sum(np.exp(a), axis=axis, keepdims=True)
    np.testing.assert_allclose(nn.softmax(a, axis), plain, rtol=1e-13)
    np.testing.assert_allclose(nn.log_softmax(a, axis), np.log(plain), rtol=1e-13, atol=1e-13)


def test_where_the_plain_formula_overflows_softmax_has_the_answer() -> None:
    scores = np.array([1010.0, 1000.0, 990.0])
    with np.errstate(over="ignore", invalid="ignore"):
        assert np.isnan(np.exp(scores) / np.sum(np.exp(scores))).all()
    np.testing.assert_allclose(nn.softmax(scores), [0.9999546, 4.539786e-05, 2.0610600e-09], rtol=1e-6)


def test_log_softmax_keeps_the_digits_of_a_loss_near_zero() -> None:
    assert np.log(nn.softmax([50.0, 0.0]))[0] == 0.0
    assert nn.log_softmax([50.0, 0.0])[0] == pytest.approx(-math.exp(-50.0), rel=1e-14)


def test_the_ends_of_the_floats_are_scores_too() -> None:
    large = np.finfo(np.float64).max
    assert nn.softmax([large, -large]).tolist() == [1.0, 0.0]
    assert nn.softmax([0.0, -INF]).tolist() == [1.0, 0.0]
    assert nn.softmax(np.float16([60000.0, -60000.0])).tolist() == [1.0, 0.0]


@pytest.mark.parametrize("row", [[INF, 0.0], [INF, INF], [-INF, -INF], [NAN, 0.0]])
@pytest.mark.parametrize("function", [nn.softmax, nn.log_softmax])
def test_a_row_without_a_softmax_is_nan_and_spoils_no_other(function, row) -> None:
    result = function([row, [0.0, 0.0]])
    assert np.isnan(result[0]).all()
    assert np.isfinite(result[1]).all()


# --- dtypes and errors, all functions -------------------------------------------------------------

FUNCTIONS = {
    "softmax": nn.softmax,
    "log_softmax": nn.log_softmax,
    "sigmoid": nn.sigmoid,
    "relu": nn.relu,
    "mean_squared_error": lambda a: nn.mean_squared_error(a, a),
    "cross_entropy": lambda a: nn.cross_entropy(a, 0),
    "cross_entropy with epsilon": lambda a: nn.cross_entropy(a, 0, epsilon=1e-3),
    "cross_entropy_slope": lambda a: cross_entropy_slope(a, 0),
    "cross_entropy_slope with epsilon": lambda a: cross_entropy_slope(a, 0, epsilon=1e-3),
}


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
@pytest.mark.parametrize(
    "given_, computed",
    [("int32", "float64"), ("uint8", "float64"), *[(name, name) for name in ("float16", "float32", "float64")]],
)
def test_integers_become_float64_and_floats_stay_what_they_are(function, given_, computed) -> None:
    a = np.array([1, 2, 5], dtype=given_)
    result = function(a)
    assert result.dtype == computed
    np.testing.assert_allclose(result, function(a.astype(float)), rtol=8 * float(np.finfo(computed).eps))
    assert a.tolist() == [1, 2, 5]


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
@pytest.mark.parametrize("bad", [[True, False], [1j, 2.0], ["a", "b"], [None, 1.0]])
def test_what_is_not_a_real_number_is_named(function, bad) -> None:
    with pytest.raises(secant.InputTypeError, match=r"`[ay]` must hold real numbers \(integers or floats\), got dtype"):
        function(bad)


LOGITS = np.zeros((2, 3))


@pytest.mark.parametrize(
    "call, error, text",
    [
        (lambda: nn.softmax(3.0), "InputError", "`a` must have at least one axis, got a single number"),
        (lambda: nn.softmax(LOGITS, 2), "InputError", "`axis` must be None or from -2 to 1 for shape (2, 3), got 2"),
        (lambda: nn.softmax([]), "InputError", "`a` must have entries along axis -1, got shape (0,)"),
        (lambda: nn.log_softmax([], None), "InputError", "`a` must have entries along axis None, got shape (0,)"),
        (
            lambda: nn.cross_entropy(LOGITS, [0, 1, 2]),
            "InputError",
            "`t` must have shape (2, 3) (weights) or (2,) (integer classes) for `y` of shape (2, 3), got (3,)",
        ),
        (lambda: nn.cross_entropy(LOGITS, [0, 3]), "InputError", "`t` must hold classes from 0 to 2, got 3"),
        (lambda: nn.cross_entropy(LOGITS, [-1, 0]), "InputError", "`t` must hold classes from 0 to 2, got -1"),
        (
            lambda: nn.cross_entropy(LOGITS, [0.0, 1.0]),
            "InputTypeError",
            "`t` of shape (2,) must hold integer classes, got dtype float64",
        ),
        (
            lambda: nn.cross_entropy(LOGITS, ["a", "b"]),
            "InputTypeError",
            "`t` must hold integer classes or real weights, got dtype <U1",
        ),
        (
            lambda: nn.cross_entropy(1.0, 1),
            "InputError",
            "`y` must have shape (..., classes) and at least one entry, got shape ()",
        ),
        (lambda: nn.cross_entropy(np.zeros((0, 3)), []), "InputError", "at least one entry, got shape (0, 3)"),
        (
            lambda: nn.cross_entropy(LOGITS, [0, 1], given="scores"),
            "InputError",
            "`given` must be 'logits' or 'probabilities', got 'scores'",
        ),
        (
            lambda: nn.cross_entropy(LOGITS, [0, 1], epsilon=0.0),
            "InputError",
            "`epsilon` must be None or a finite number above 0, got 0.0",
        ),
        (
            lambda: cross_entropy_slope(LOGITS, [0, 1], epsilon=NAN),
            "InputError",
            "`epsilon` must be None or a finite number above 0, got nan",
        ),
        (
            lambda: nn.mean_squared_error(np.zeros(3), np.zeros((3, 1))),
            "InputError",
            "`t` must have the shape of `y`, (3,), got (3, 1)",
        ),
    ],
)
def test_errors_say_what_is_allowed_and_what_came(call, error, text) -> None:
    with pytest.raises(getattr(secant, error), match=re.escape(text)):
        call()


# --- cross-entropy --------------------------------------------------------------------------------


@given(logits_and_classes())
def test_cross_entropy_is_the_textbook_formula_for_moderate_scores(case) -> None:
    scores, classes = case
    t = one_hot(classes, scores.shape[-1])
    shares = np.exp(scores) / np.exp(scores).sum(axis=-1, keepdims=True)
    batch = classes.size
    exact, book = -np.sum(t * np.log(shares)) / batch, -np.sum(t * np.log(shares + 1e-7)) / batch
    assert nn.cross_entropy(scores, t) == pytest.approx(exact, rel=1e-12, abs=1e-13)
    assert nn.cross_entropy(shares, t, given="probabilities") == pytest.approx(exact, rel=1e-12, abs=1e-13)
    assert nn.cross_entropy(scores, t, epsilon=1e-7) == pytest.approx(book, rel=1e-12, abs=1e-13)
    assert nn.cross_entropy(shares, t, given="probabilities", epsilon=1e-7) == pytest.approx(book, rel=1e-12, abs=1e-13)


@given(logits_and_classes(1e300))
def test_integer_classes_are_one_hot_rows_and_the_loss_is_finite(case) -> None:
    scores, classes = case
    loss = nn.cross_entropy(scores, classes)
    assert loss == nn.cross_entropy(scores, one_hot(classes, scores.shape[-1]))
    assert loss == nn.cross_entropy(scores, one_hot(classes, scores.shape[-1]).astype(bool))
    assert 0.0 <= loss < INF


@given(logits_and_classes())
def test_the_loss_of_a_batch_is_the_mean_of_its_rows(case) -> None:
    scores, classes = case
    rows = zip(scores.reshape(-1, scores.shape[-1]), classes.ravel(), strict=True)
    mean = np.mean([nn.cross_entropy(row, label) for row, label in rows])
    assert nn.cross_entropy(scores, classes) == pytest.approx(mean, rel=1e-12, abs=1e-14)


def test_the_logarithm_of_zero() -> None:
    certain, wrong = np.array([0.0, 1.0]), 0
    assert nn.cross_entropy(certain, wrong, given="probabilities") == INF
    assert nn.cross_entropy(certain, 1, given="probabilities") == 0.0
    assert nn.cross_entropy(certain, wrong, given="probabilities", epsilon=1e-7) == pytest.approx(-math.log(1e-7))
    assert nn.cross_entropy([-1e300, 0.0], wrong) == 1e300
    assert nn.cross_entropy([-INF, 0.0], 1) == 0.0
    assert math.isnan(nn.cross_entropy([-0.5, 1.5], wrong, given="probabilities"))


@settings(max_examples=30)
@given(logits_and_classes(5.0), st.sampled_from([None, 1e-7, 1e-2]))
def test_the_slope_of_cross_entropy_is_the_one_of_the_differences(case, epsilon) -> None:
    scores, classes = case[0].round(3), case[1]
    weights = one_hot(classes, scores.shape[-1])
    weights[..., 0] += 0.25  # any weights, not only rows of sum 1
    slope = cross_entropy_slope(scores, weights, epsilon=epsilon)
    estimate = secant.gradient(lambda a: nn.cross_entropy(a, weights, epsilon=epsilon), scores)
    np.testing.assert_allclose(estimate.value, slope, rtol=1e-7, atol=1e-9)


# --- the others -----------------------------------------------------------------------------------


@given(hnp.arrays(np.float64, hnp.array_shapes(min_dims=0, max_dims=2), elements=st.floats(-1e300, 1e300)))
def test_sigmoid_is_between_0_and_1_symmetric_and_rising(a: np.ndarray) -> None:
    share = nn.sigmoid(a)
    assert np.shape(share) == a.shape
    assert ((share >= 0) & (share <= 1)).all()
    np.testing.assert_allclose(share + nn.sigmoid(-a), 1.0, rtol=1e-15)
    flat = np.sort(a, axis=None)
    assert (np.diff(nn.sigmoid(flat)) >= -1e-16).all()


@given(st.floats(-700.0, 700.0))
def test_sigmoid_has_all_its_digits_in_both_tails(a: float) -> None:
    assert nn.sigmoid(a) == pytest.approx(1.0 / (1.0 + math.exp(-a)), rel=1e-13, abs=0.0)


@given(hnp.arrays(np.float64, hnp.array_shapes(min_dims=0, max_dims=2), elements=st.floats(-1e300, 1e300)))
def test_relu_keeps_what_is_above_zero(a: np.ndarray) -> None:
    assert (nn.relu(a) == np.where(a > 0, a, 0.0)).all()


def test_relu_has_a_kink_at_zero_where_the_central_difference_says_one_half() -> None:
    assert secant.derivative(nn.relu, 0.0, method="central", step=1e-4).value == pytest.approx(0.5)
    estimate = secant.derivative(nn.relu, 0.0)
    assert estimate.verdict == "kink"
    assert math.isnan(nn.relu(NAN))


@given(arrays(1e3), st.data())
def test_mean_squared_error_is_half_the_sum_of_squares(y: np.ndarray, data: st.DataObject) -> None:
    t = data.draw(hnp.arrays(np.float64, y.shape, elements=st.floats(-1e3, 1e3)))
    truth = 0.5 * math.fsum((p - q) ** 2 for p, q in zip(y.ravel(), t.ravel(), strict=True))
    assert nn.mean_squared_error(y, t) == pytest.approx(truth, rel=1e-12)


def test_everything_offered_is_there_and_nothing_else() -> None:
    offered = {"SimpleNet", "cross_entropy", "log_softmax", "mean_squared_error", "relu", "sigmoid", "softmax"}
    assert set(nn.__all__) == offered
    assert all(callable(getattr(nn, name)) for name in offered)
