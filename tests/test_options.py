"""Bad input: a clear error that says which parameter, what is allowed and what came, before f is called."""

import math
from fractions import Fraction

import numpy as np
import pytest

import secant


def never(*args):
    raise AssertionError("f was called")


QUESTIONS = {
    "derivative": lambda f, **how: secant.derivative(f, 1.0, **how),
    "gradient": lambda f, **how: secant.gradient(f, np.ones(3), **how),
    "gradient of a tree": lambda f, **how: secant.gradient(f, {"a": 1.0, "b": [np.ones(2)]}, **how),
    "directional": lambda f, **how: secant.directional(f, np.ones(2), np.array([1.0, -0.5]), **how),
    "grad": lambda f, **how: secant.grad(f, **how)(np.ones(2)),
}


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=QUESTIONS.keys())
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
        (
            {"max_evaluations": True},
            secant.InputTypeError,
            "`max_evaluations` must be an integer of at least 1; got True",
        ),
        ({"rtol": math.nan}, secant.InputError, "`rtol` must be a number of at least 0; got nan"),
        ({"max_step": "1"}, secant.InputTypeError, "`max_step` must be a positive number; got '1'"),
        ({"noise": np.array(["loud"])}, secant.InputTypeError, "`noise` must be a number of at least 0"),
        ({"noise": [1.0, True, None]}, secant.InputTypeError, "`noise` must be a number of at least 0"),
        ({"noise": {"a": 1.0}}, secant.InputTypeError, "`noise` must be a number of at least 0"),
        ({"bounds": (0.0, 1.0, 2.0)}, secant.InputTypeError, "`bounds` must be a pair"),
        ({"bounds": ("a", 2.0)}, secant.InputTypeError, "`bounds (lower)`"),
        ({"bounds": (2.0, 0.0)}, secant.InputError, "`bounds` must have the lower bound first; got 2, 0"),
        ({"bounds": (0.0, 1.0), "step": 1e-4}, secant.InputError, "need 1.0001, allowed are 0 to 1"),
        ({"on_error": None}, secant.InputError, "`on_error` must be 'domain', 'raise' or 'mark'; got None"),
        ({"method": ["central"]}, secant.SecantError, "`method`"),
        ({"method": np.array("auto")}, secant.InputError, "`method`"),
        ({"method": np.array(["auto", "central"])}, secant.InputError, "`method`"),
        ({"on_error": "ignore"}, secant.InputError, "`on_error` must be 'domain', 'raise' or 'mark'; got 'ignore'"),
        ({"step": math.inf}, secant.InputError, "`step` must be a positive finite number; got inf"),
        ({"step": 1e-4j}, secant.InputTypeError, "`step` must be a positive finite number; got 0.0001j"),
        ({"step": np.ones(2)}, secant.InputTypeError, "`step`"),
        ({"step": np.float64(0.0)}, secant.InputError, "`step`"),
        ({"max_step": math.nan}, secant.InputError, "`max_step` must be a positive number; got nan"),
        ({"max_step": -1.0}, secant.InputError, "`max_step`"),
        ({"max_step": True}, secant.InputTypeError, "`max_step`"),
        ({"noise": math.nan}, secant.InputError, "`noise` must be a number of at least 0"),
        ({"noise": "loud"}, secant.InputTypeError, "`noise`"),
        ({"noise": secant.Noise(-1.0)}, secant.InputError, "`noise`"),
        ({"noise": secant.Noise(0.0, math.inf)}, secant.InputError, "`noise`"),
        ({"rtol": math.inf}, secant.InputError, "`rtol`"),
        ({"rtol": None}, secant.InputTypeError, "`rtol` must be a number of at least 0; got None"),
        ({"rtol": True}, secant.InputTypeError, "`rtol`"),
        ({"max_evaluations": -3}, secant.InputError, "`max_evaluations` must be an integer of at least 1; got -3"),
        ({"max_evaluations": "7"}, secant.InputTypeError, "`max_evaluations`"),
        ({"max_evaluations": math.nan}, secant.InputTypeError, "`max_evaluations`"),
        ({"bounds": (1.0,)}, secant.InputTypeError, "`bounds` must be a pair"),
        ({"bounds": "01"}, secant.InputTypeError, "`bounds`"),
        ({"bounds": {"low": 0.0}}, secant.InputTypeError, "`bounds` must be a pair"),
        ({"bounds": (-math.inf, 0.5)}, secant.InputError, "must lie within `bounds`"),
        ({"tolerance": 1e-3}, TypeError, "tolerance"),
    ],
)
def test_options(how, error, words, question) -> None:
    with pytest.raises(error) as caught:
        question(never, **how)
    assert words in str(caught.value)


@pytest.mark.parametrize("value", [False, 0j, np.zeros(1), np.zeros(2), Fraction(0)])
def test_what_equals_zero_is_not_a_number_for_that(value) -> None:
    with pytest.raises(secant.InputTypeError, match="`rtol` must be a number of at least 0"):
        secant.derivative(never, 1.0, rtol=value)


@pytest.mark.parametrize("value", [0, np.float64(0.0), np.float32(0.0), np.int64(0), -0.0])
def test_a_zero_of_any_kind_is_the_default(value) -> None:
    assert secant.derivative(math.exp, 1.0, rtol=value) == secant.derivative(math.exp, 1.0)


def test_a_step_out_of_bounds_names_the_entry() -> None:
    with pytest.raises(secant.InputError, match=r"`step` leads out of `bounds`: x = 1 and a step of 0\.0001"):
        secant.derivative(never, 1.0, bounds=(0.0, 1.0), step=1e-4)
    with pytest.raises(secant.InputError, match=r"`step` leads out of `bounds`: x\['b'\]\[1\] = 2 and"):
        secant.gradient(never, {"a": 0.5, "b": np.array([1.0, 2.0])}, bounds=(0.0, 2.0), step=1e-4)


@pytest.mark.parametrize("args", [[3], 3, "ab", None])
def test_further_arguments_are_a_tuple(args) -> None:
    questions = [secant.derivative, secant.gradient, lambda f, x, **how: secant.directional(f, x, 1.0, **how)]
    for question in questions:
        with pytest.raises(secant.InputTypeError, match="`args` must be a tuple"):
            question(never, 1.0, args=args)


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
        (10**400, secant.InputError, "fit into a float"),
        (Fraction(1, 3), secant.InputTypeError, "Fraction"),
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
        (np.array([1.0, None]), "dtype object"),
        (np.ma.array([1.0, 2.0], mask=[False, True]), "masked"),
        ({1.0, 2.0}, "set"),
        (None, "None"),
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


@pytest.mark.parametrize(
    ("x", "how", "words"),
    [
        (1.0, {"inplace": True}, "needs a writable array"),
        ([1.0, 2.0], {"inplace": True}, "[0] is a float"),
        (np.array([1, 2]), {"inplace": True}, "cuts steps off"),
        (np.ones(2), {"bounds": (np.array([0.0, 2.0]), None)}, "`x`[1] must lie within `bounds`"),
        (np.ones(2), {"max_evaluations": 0}, "`max_evaluations`"),
        (np.ones(2), {"step": -1}, "`step`"),
        (np.ones(2), {"bounds": (np.zeros(3), None)}, "`bounds`"),
    ],
)
def test_options_of_a_gradient(x, how, words) -> None:
    for question in (secant.gradient, lambda f, x, **how: secant.grad(f, **how)(x)):
        with pytest.raises(secant.SecantError) as caught:
            question(never, x, **how)
        assert words in str(caught.value)


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"args": (1,)}, "`grad` takes no `args`; hand them over with x, as in grad(f)(x, *args)"),
        ({"tolerance": 1e-3}, "`grad` has no option `tolerance`; its options are method, step, bounds, max_step,"),
        ({"x": 1.0}, "`grad` has no option `x`"),
    ],
)
def test_names_of_the_options_of_grad_are_checked_at_once(how, words) -> None:
    with pytest.raises(secant.InputTypeError) as caught:
        secant.grad(never, **how)
    assert str(caught.value).startswith(words)


@pytest.mark.parametrize(
    ("value", "words"), [(np.ones(2), "an array of shape (2,)"), (1j, "complex"), (None, "return"), ("7", "str")]
)
def test_a_gradient_needs_one_real_number(value, words) -> None:
    with pytest.raises(secant.SecantError) as caught:
        secant.gradient(lambda x: value, np.ones(2))
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"steps": [1e-3, -1.0]}, "`steps` must be a sequence of positive finite numbers; got -1.0"),
        ({"steps": ["a"]}, "`steps`"),
        ({"steps": []}, "at least one step"),
        ({"x": np.ones(2)}, "`x` must be a single number"),
        ({"f": lambda x: np.ones(2)}, "one real number for `steps`"),
        ({"steps": 1e-3}, "`steps`"),
        ({"truth": "a"}, "`truth`"),
    ],
)
def test_studies_of_steps(how, words) -> None:
    with pytest.raises(secant.SecantError) as caught:
        secant.steps(**{"f": math.exp, "x": 1.0, **how})
    assert words in str(caught.value)


def test_numbers_of_numpy_are_numbers() -> None:
    own = secant.derivative(math.exp, 1.0, max_evaluations=9, rtol=1e-3, noise=0.0, max_step=0.5)
    theirs = secant.derivative(
        math.exp,
        np.float64(1.0),
        max_evaluations=np.int64(9),
        rtol=np.float64(1e-3),
        noise=np.float64(0.0),
        max_step=np.float64(0.5),
    )
    assert theirs == own


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda: secant.derivative(1, math.sin), "`f` must be callable; got an int: `f` comes first, then `x`"),
        (lambda: secant.gradient(np.ones(2), never), "got an ndarray: `f` comes first, then `x`"),
        (lambda: secant.noise(1.0, never), "got a float: `f` comes first, then `x`"),
        (lambda: secant.gradient_descent([1.0], never), "got a list: `f` comes first, then `x0`"),
        (lambda: secant.derivative(None, 1.0), "`f` must be callable; got None"),
        (lambda: secant.grad(None), "`f` must be callable; got None"),
        (lambda: secant.derivative(never, np.ones(3)), "got an ndarray of 3 entries"),
        (lambda: secant.derivative(never, 1.0, args=3), "`args` must be a tuple; got an int"),
        (lambda: secant.gradient(never, np.ones(2), inplace=None), "`inplace` must be True or False; got None"),
        (lambda: secant.gradient(never, {"a": object()}), "['a'] is an object"),
        (lambda: secant.price(np.ones(2), never, 1.0), "`question` must be one of"),
        (lambda: secant.price(never, secant.derivative, 1.0), "`question` must be one of"),
    ],
)
def test_what_came_is_said_with_its_article(ask, words) -> None:
    with pytest.raises(secant.InputTypeError) as caught:
        ask()
    assert words in str(caught.value)
    assert str(caught.value).endswith(words) or not words.startswith("`f`")


def test_not_callable() -> None:
    with pytest.raises(secant.InputTypeError, match="`f` must be callable"):
        secant.derivative(3.0, 1.0)
    with pytest.raises(secant.InputTypeError, match="`f` must be callable"):
        secant.grad(3.0)
