"""Bad input: a clear error that says which parameter, what is allowed and what came, before f is called."""

import math

import numpy as np
import pytest

import secant


def never(*args):
    raise AssertionError("f was called")


@pytest.mark.parametrize(
    ("how", "error", "words"),
    [
        ({"method": "best"}, secant.InputError, "`method` must be 'auto', 'central', 'forward', 'backward'"),
        ({"method": None}, secant.InputError, "`method`"),
        ({"method": secant.stencil((-1, 1))}, secant.InputError, "`step` must be given"),
        ({"method": secant.stencil((-1, 0, 1), 2), "step": 0.1}, secant.InputError, "order 1"),
        ({"step": 0.0}, secant.InputError, "`step` must be a positive finite number; got 0.0"),
        ({"step": -1e-4}, secant.InputError, "`step`"),
        ({"step": "small"}, secant.InputTypeError, "`step`"),
        ({"step": True}, secant.InputTypeError, "`step`"),
        ({"step": math.nan}, secant.InputError, "`step`"),
        ({"max_step": 0.0}, secant.InputError, "`max_step`"),
        ({"noise": -1.0}, secant.InputError, "`noise`"),
        ({"noise": math.inf}, secant.InputError, "`noise`"),
        ({"rtol": -1e-3}, secant.InputError, "`rtol`"),
        ({"rtol": [1]}, secant.InputTypeError, "`rtol`"),
        ({"max_evaluations": 0}, secant.InputError, "`max_evaluations` must be an integer of at least 1"),
        ({"max_evaluations": 7.5}, secant.InputTypeError, "`max_evaluations`"),
        ({"bounds": 3.0}, secant.InputTypeError, "`bounds` must be a pair"),
        ({"bounds": (2.0, 3.0)}, secant.InputError, "must lie within `bounds`"),
        ({"bounds": (math.nan, 3.0)}, secant.InputError, "NaN"),
        ({"on_error": "ignore"}, secant.InputError, "`on_error` must be 'domain', 'raise' or 'mark'; got 'ignore'"),
        ({"args": 3}, secant.InputTypeError, "`args` must be a tuple"),
    ],
)
def test_options(how, error, words) -> None:
    with pytest.raises(error) as caught:
        secant.derivative(never, 1.0, **how)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("x", "error", "words"),
    [
        (None, secant.InputTypeError, "None"),
        ("5", secant.InputTypeError, "str"),
        (True, secant.InputTypeError, "bool"),
        (1j, secant.InputTypeError, "complex"),
        (math.nan, secant.InputError, "nan"),
        (math.inf, secant.InputError, "inf"),
        (np.ones(2), secant.InputTypeError, "`gradient`"),
        ([1.0, 2.0], secant.InputTypeError, "`gradient`"),
    ],
)
def test_points_of_a_derivative(x, error, words) -> None:
    with pytest.raises(error) as caught:
        secant.derivative(never, x)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("x", "words"),
    [
        ({"w": np.array([1.0, math.nan])}, "['w']"),
        ({"w": "text"}, "['w']"),
        ([1.0, [True]], "[1][0]"),
        ({}, "at least one entry"),
        (np.array(["a"]), "dtype <U1"),
        (np.array([1j]), "complex"),
    ],
)
def test_points_of_a_gradient_are_named_by_their_path(x, words) -> None:
    with pytest.raises(secant.SecantError) as caught:
        secant.gradient(never, x)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("value", "words"),
    [(None, "return"), ("7", "str"), ([1.0, "a"], "dtype <U"), ({}, "dict"), (True, "bool"), (np.ones(0), "0")],
)
def test_values_that_are_no_numbers(value, words) -> None:
    with pytest.raises(secant.OutputError) as caught:
        secant.derivative(lambda x: value, 1.0)
    assert words in str(caught.value)


def test_a_gradient_wants_one_number() -> None:
    with pytest.raises(secant.InputTypeError, match=r"one number.*\(2,\)"):
        secant.gradient(lambda x: x, np.ones(2))
    with pytest.raises(secant.InputTypeError, match="real number"):
        secant.gradient(lambda x: 1j * x[0], np.ones(2))


@pytest.mark.parametrize(
    ("v", "words"), [(np.zeros(2), "zero"), (np.ones(3), "shapes"), (1.0, "shapes"), ({"a": 1.0}, "shapes")]
)
def test_directions(v, words) -> None:
    with pytest.raises(secant.InputError) as caught:
        secant.directional(never, np.ones(2), v)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("lr", "iterations", "words"),
    [
        (0.0, 10, "`lr`"),
        (-1.0, 10, "`lr`"),
        (math.nan, 10, "`lr`"),
        (0.1, -1, "`iterations`"),
        (0.1, 1.5, "`iterations`"),
    ],
)
def test_descents(lr, iterations, words) -> None:
    with pytest.raises(secant.SecantError) as caught:
        secant.gradient_descent(never, np.ones(2), lr, iterations)
    assert words in str(caught.value)


def test_not_callable() -> None:
    with pytest.raises(secant.InputTypeError, match="`f` must be callable"):
        secant.derivative(3.0, 1.0)
    with pytest.raises(secant.InputTypeError, match="`f` must be callable"):
        secant.grad(3.0)
