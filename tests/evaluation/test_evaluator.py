"""The serial evaluator: what f is handed, what comes back, and what happens when f fails."""

import contextlib
import math
import warnings
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from secant.core.errors import InputError, InputTypeError, OutputError
from secant.core.request import FAILED, NOT_FINITE, OK, OUTSIDE, Request
from secant.evaluation.evaluator import Evaluator
from secant.evaluation.values import read

U = 2.0**-53


def ask(evaluate: Evaluator, t: Any, lane: Any = None, directions: Any = None) -> Any:
    return evaluate(Request(evaluate.base, lane, t, directions))


def codes(reply: Any, k: int) -> list[int]:
    return [OK] * k if reply.status is None else reply.status.tolist()


def notes(error: BaseException) -> list[str]:
    return getattr(error, "__notes__", [])


# --- the points -------------------------------------------------------------------------------------------


@given(
    hnp.arrays(
        st.sampled_from([np.float64, np.float32, np.float16]),
        hnp.array_shapes(min_dims=0, max_dims=3, max_side=3),
        elements=st.floats(-1000.0, 1000.0, width=16),
    ),
    st.data(),
)
def test_steps_are_added_as_numpy_adds_them(x, data) -> None:
    """The notes' own x[idx] = x[idx] + h, bit for bit, with an h that the dtype may not hold."""
    seen = []
    for inplace in (False, True):
        evaluate = Evaluator(lambda x: seen.append(x.copy()) or 0.0, x, inplace=inplace)
        k = data.draw(st.integers(0, x.size - 1))
        h = data.draw(st.floats(-10.0, 10.0))
        ask(evaluate, (h, 0.0), (k, k))
        moved = x.copy()
        moved.flat[k] = moved.flat[k] + h if h else moved.flat[k]
        point, itself = seen[-2:]
        assert (point.dtype, point.shape, point.tobytes()) == (x.dtype, x.shape, moved.tobytes())
        assert itself.tobytes() == x.tobytes()


@given(st.sampled_from([float, np.float64, np.float32, np.float16]), st.floats(-1e3, 1e3), st.floats(-1.0, 1.0))
def test_steps_of_a_number_are_added_in_its_own_type(kind, x, h) -> None:
    x = kind(x)
    seen: list[Any] = []
    ask(Evaluator(lambda p: seen.append(p) or 0.0, x), (h, 0.0))
    assert [type(p) for p in seen] == [kind, kind]
    assert seen[0].hex() == (x + h).hex() if kind is float else seen[0] == x + h
    assert seen[1] == x


def test_zero_keeps_its_sign_at_the_point_itself() -> None:
    for x in (-0.0, np.float64(-0.0), np.array(-0.0), np.array([-0.0])):
        seen: list[float] = []
        ask(Evaluator(lambda p, seen=seen: seen.append(math.copysign(1.0, np.ravel(p)[0])) or 0.0, x), (0.0,))
        assert seen == [-1.0]


def test_directions_are_followed_and_rounded_to_the_leaves() -> None:
    x = {"a": np.ones(2, np.float32), "b": 1.0}
    seen: list[Any] = []
    evaluate = Evaluator(lambda p: seen.append(p) or 0.0, x)
    v = np.array([[0.1, 0.2, 0.3], [1.0, 0.0, 0.0]])
    ask(evaluate, (0.5, 0.25), (0, 1), v)
    assert seen[0]["a"].tolist() == [np.float32(1.05), np.float32(1.1)]
    assert seen[0]["b"] == 1.0 + 0.5 * 0.3
    assert seen[1]["a"].tolist() == [1.25, 1.0]


def test_the_base_of_the_request_is_the_point() -> None:
    evaluate = Evaluator(lambda p: p["a"][0] * 10.0 + p["b"], {"a": np.zeros(1), "b": 0.0})
    assert evaluate(Request(np.array([2.0, 3.0]), (1, 1), (0.0, 0.5))).values == [23.0, 23.5]


@pytest.mark.parametrize("x", [1.7e308, np.float64(1.7e308), np.array([1.7e308]), [1.7e308]])
@pytest.mark.parametrize("directions", [None, np.ones((1, 1))])
def test_points_beyond_the_range_are_outside_and_f_is_not_called_there(x, directions) -> None:
    evaluate = Evaluator(lambda p: 1.0, x)
    reply = ask(evaluate, (0.0, 1e308, 1e306, -1e308), (0,) * 4, directions)
    assert codes(reply, 4) == [OK, OUTSIDE, OK, OK]
    assert evaluate.evaluations == 3


@pytest.mark.parametrize("x", [np.float16(6e4), np.full(2, 6e4, np.float16), np.array(6e4, np.float16)])
@pytest.mark.parametrize("on_error", ["domain", "raise"])
def test_points_beyond_the_range_of_a_small_dtype(x, on_error) -> None:
    evaluate = Evaluator(lambda p: 1.0, x, on_error=on_error)
    assert codes(ask(evaluate, (0.0, 1e4, 1e9, -1e9, 64.0)), 5) == [OK, OUTSIDE, OUTSIDE, OUTSIDE, OK]
    assert codes(ask(evaluate, (1.0, 1e9), None, np.ones((1, np.size(x)))), 2) == [OK, OUTSIDE]


@given(st.data())
def test_f_may_do_what_it_likes_with_its_argument(data) -> None:
    shape = data.draw(hnp.array_shapes(min_dims=1, max_dims=3, max_side=3))
    x = {"w": np.arange(float(math.prod(shape))).reshape(shape), "b": [np.ones(2, np.float32), 1.0]}
    before = x["w"].tobytes(), x["b"][0].tobytes()

    def f(p: Any) -> float:
        value = float(p["w"].sum() + p["b"][0].sum() + p["b"][1])
        p["w"][...] = np.nan
        p["b"][0] *= 7.0
        p["b"].clear()
        p.pop("w")
        return value

    evaluate = Evaluator(f, x)
    values = ask(evaluate, (0.0, 1.0, 0.0, -1.0), (0, 0, 0, evaluate.layout.size - 1)).values
    assert values == [values[0], values[0] + 1.0, values[0], values[0] - 1.0]
    assert (x["w"].tobytes(), x["b"][0].tobytes()) == before


def test_args_are_handed_on() -> None:
    for x in (2.0, np.float32(2.0), np.array([2.0])):
        assert ask(Evaluator(lambda p, a, b: np.sum(a * p + b), x, args=(3.0, 4.0)), (0.0, 1.0)).values == [10.0, 13.0]


# --- the values -------------------------------------------------------------------------------------------

VALUES = [
    (3, (), U),
    (3.0, (), U),
    (2**70, (), U),
    (Fraction(3, 4), (), U),
    (Decimal("0.5"), (), U),
    (np.float64(3.0), (), U),
    (np.float32(3.5), (), 2.0**-24),
    (np.float16(3.5), (), 2.0**-11),
    (np.longdouble(3.5), (), U),
    (np.int8(3), (), U),
    (np.array(3.0, np.float32), (), 2.0**-24),
    (np.array([3.0]), (1,), U),
    (np.array([[1, 2, 3]], np.uint8), (1, 3), U),
    (np.arange(6.0).reshape(2, 3).T, (3, 2), U),
    ([1.0, 2], (2,), U),
    ((1.0, [2.0][0]), (2,), U),
    (1.0 + 2.0j, (), U),
    (np.complex64(1.0 + 2.0j), (), 2.0**-24),
    (np.array([1.0j, 2.0]), (2,), U),
    (np.arange(2.0).astype(">f8"), (2,), U),
]


@pytest.mark.parametrize("value, shape, eps", VALUES)
@pytest.mark.parametrize("x", [1.0, np.ones(2)], ids=["number", "array"])
def test_values_of_every_kind(value, shape, eps, x) -> None:
    evaluate = Evaluator(lambda p: value, x)
    wanted = np.asarray(value, dtype=complex if np.iscomplexobj(value) else float)
    for reply in (ask(evaluate, (0.0, 0.5)), ask(evaluate, np.array([0.5, -0.5]))):
        assert reply.status is None
        assert reply.eps == eps
        if isinstance(reply.values, list):
            assert (shape, [type(v) for v in reply.values]) == ((), [float, float])
            assert reply.values == [wanted.item()] * 2
        else:
            assert reply.values.dtype == wanted.dtype
            assert reply.values.tolist() == [wanted.reshape(-1).tolist()] * 2
    assert evaluate.value_shape == shape
    assert evaluate.complex_values == np.iscomplexobj(value)
    assert evaluate.evaluations == 4
    shaped = evaluate.shaped(reply.values[0])
    assert np.shape(shaped) == shape
    assert np.array_equal(shaped, wanted)
    assert shape or type(shaped) in (float, complex)


def test_the_tempo_follows_t() -> None:
    evaluate = Evaluator(lambda p: p * p, 3.0)
    assert ask(evaluate, (0.0, 1.0)).values == [9.0, 16.0]
    array = ask(evaluate, np.array([0.0, 1.0])).values
    assert (array.dtype, array.tolist()) == (np.float64, [[9.0], [16.0]])
    assert ask(evaluate, ()).values == []
    assert ask(evaluate, np.empty(0)).values.shape == (0, 1)
    assert evaluate.evaluations == 4


def test_a_buffer_that_f_uses_again_is_copied() -> None:
    buffer = np.zeros(2)

    def f(p: Any) -> Any:
        buffer[:] = p, 2.0 * p
        return buffer

    assert ask(Evaluator(f, 1.0), (0.0, 1.0)).values.tolist() == [[1.0, 2.0], [2.0, 4.0]]
    for inplace in (False, True):
        assert ask(Evaluator(lambda p: p[1:], np.arange(3.0), inplace=inplace), (0.0, 5.0), (1, 1)).values.tolist() == [
            [1.0, 2.0],
            [6.0, 2.0],
        ]


def test_precision_is_the_coarsest_seen() -> None:
    evaluate = Evaluator(lambda p: np.float32(p) if p > 1.0 else p, 1.0)
    assert [ask(evaluate, t).eps for t in ((0.0,), (0.5,), (0.0,))] == [U, 2.0**-24, 2.0**-24]


MISSING = "`f` returned None: is a `return` missing?"
MUST = "`f` must return a real or complex number, or an array of them; got "
BAD = [
    (None, MISSING),
    (True, MUST + "the bool True: return a float"),
    (np.False_, MUST + "the bool False: return a float"),
    (np.array([True]), MUST + "an array of dtype bool"),
    ("1", MUST + "a str"),
    (b"1", MUST + "a bytes"),
    ({"loss": 1.0}, MUST + "a dict"),
    ({1.0}, MUST + "a set"),
    (object(), MUST + "an object"),
    ((v for v in (1.0,)), MUST + "a generator"),
    ([], MUST + "an empty array of shape (0,)"),
    (np.empty((2, 0)), MUST + "an empty array of shape (2, 0)"),
    (["a"], MUST + "a list of dtype <U1"),
    ([None], MUST + "a list of dtype object"),
    (np.array([1.0, None]), MUST + "an array of dtype object"),
    (np.datetime64("2020-01-01"), MUST + "an array of dtype datetime64[D]"),
]


@pytest.mark.parametrize("value, text", BAD, ids=lambda item: type(item).__name__)
@pytest.mark.parametrize("x", [1.0, np.ones(2)], ids=["number", "array"])
@pytest.mark.parametrize("t", [0.0, 0.5])
def test_what_is_no_value(value, text, x, t) -> None:
    with pytest.raises(OutputError) as caught:
        ask(Evaluator(lambda p: value, x), (t,))
    assert str(caught.value) == text
    assert notes(caught.value)
    evaluate = Evaluator(lambda p: 1.0 if np.sum(p) == np.sum(x) else value, x, on_error="mark")
    assert codes(ask(evaluate, (0.0, 0.5)), 2) == [OK, FAILED]
    assert evaluate.failures[0].endswith(f": OutputError: {text}")


def test_ragged_lists_and_bad_arrays_are_no_values() -> None:
    class Broken:
        def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
            raise RuntimeError("still on the device")

    with pytest.raises(OutputError, match=r"got a bad list \(setting an array element with a sequence"):
        read([[1.0], [1.0, 2.0]])
    with pytest.raises(OutputError, match=r"`g` must return .* got a bad Broken \(still on the device\)"):
        read(Broken(), "g")
    with pytest.raises(OutputError, match=r"got a bad Decimal \(cannot convert signaling NaN"):
        read(Decimal("sNaN"))


def test_numbers_too_large_are_infinite_and_masked_ones_missing() -> None:
    assert read(10**400)[0].tolist() == [np.inf]
    assert read(-(10**400))[0].tolist() == [-np.inf]
    assert read(np.longdouble("-1e4000"))[0].tolist() == [-np.inf]
    assert np.isnan(read(np.ma.masked_array([1, 2], [True, False]))[0]).tolist() == [True, False]
    assert np.isnan(read(np.ma.masked)[0]).tolist() == [True]


@pytest.mark.parametrize("first, second", [(1.0, [1.0]), ([1.0], 1.0), ([1.0, 2.0], [1.0]), (1j, [1j]), ([1j], 1.0)])
def test_the_shape_of_the_values_must_not_change(first, second) -> None:
    for t in ((0.0, 0.5), np.array([0.0, 0.5])):
        evaluate = Evaluator(lambda p: first if p == 1.0 else second, 1.0)
        with pytest.raises(
            OutputError, match=r"`f` must return values of one shape; got \(.*\) after \(.*\)"
        ) as caught:
            ask(evaluate, t)
        assert notes(caught.value) == ["while evaluating f at x = 1.5 (1.0 + 0.5)"]


def test_complex_by_accident_is_the_end_of_the_domain() -> None:
    root = lambda x: x**0.5  # noqa: E731
    evaluate = Evaluator(root, 0.25)
    reply = ask(evaluate, (0.0, 0.75, -1.0))
    assert codes(reply, 3) == [OK, OK, OUTSIDE]
    assert reply.values[:2] == [0.5, 1.0]
    with pytest.raises(OutputError, match=r"`f` returned a complex value where it was real before: \(.*j\)"):
        ask(Evaluator(root, 0.25, on_error="raise"), (0.0, -1.0))
    assert codes(ask(Evaluator(root, 0.25, on_error="mark"), (0.0, -1.0)), 2) == [OK, FAILED]
    array = Evaluator(np.emath.sqrt, np.array([0.25, 1.0]))
    assert codes(ask(array, (0.0, -1.0, 1.0)), 3) == [OK, OUTSIDE, OK]


def test_real_values_of_a_complex_function_are_complex() -> None:
    values = ask(Evaluator(lambda p: 1j if p == 1.0 else 2.0, 1.0), (0.0, 0.5)).values
    assert values.tolist() == [[1j], [2.0 + 0.0j]]


# --- failures ---------------------------------------------------------------------------------------------

SWALLOWED = [
    ValueError("math domain error"),
    ZeroDivisionError("division by zero"),
    OverflowError(),
    FloatingPointError(),
]
PASSED = [RuntimeError("solver"), TypeError("needs a str"), KeyError("w"), RecursionError(), StopIteration()]


def failing(error: BaseException, at: float) -> Callable[[Any], float]:
    def f(p: Any) -> float:
        if np.sum(p) == at:
            raise error
        return float(np.sum(p))

    return f


@pytest.mark.parametrize("x", [2.0, np.float64(2.0), np.array([2.0]), [2.0]], ids=["number", "scalar", "array", "tree"])
@pytest.mark.parametrize("error", SWALLOWED + PASSED, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("on_error", ["domain", "raise", "mark"])
def test_the_table_of_on_error(x, error, on_error) -> None:
    # At the point itself everything passes.
    error.__notes__ = []
    evaluate = Evaluator(failing(error, 2.0), x, on_error=on_error)
    with pytest.raises(type(error)) as caught:
        ask(evaluate, (0.5, 0.0, 1.0))
    assert caught.value is error
    path = evaluate.layout.path(0)
    assert notes(error) == [f"while evaluating f at x{f' with {path}' if path else ''} = 2.0"]
    assert evaluate.evaluations == 2
    # Elsewhere it depends.
    error.__notes__ = []
    evaluate = Evaluator(failing(error, 2.5), x, on_error=on_error)
    where = f"x{f' with {path}' if path else ''} = 2.5 (2.0 + 0.5)"
    if on_error == "mark" or (on_error == "domain" and error in SWALLOWED):
        for t in ((0.0, 0.5, 1.0), np.array([0.0, 0.5, 1.0])):
            reply = ask(evaluate, t)
            assert codes(reply, 3) == [OK, FAILED if on_error == "mark" else OUTSIDE, OK]
            assert np.array_equal(np.ravel(reply.values), [2.0, np.nan, 3.0], equal_nan=True)
        assert evaluate.failures == [f"at {where}: {type(error).__name__}: {error}"] * 2
        assert evaluate.evaluations == 6
        assert notes(error) == []
    else:
        with pytest.raises(type(error)) as caught:
            ask(evaluate, (0.0, 0.5, 1.0))
        assert caught.value is error
        assert notes(error) == [f"while evaluating f at {where}"]
        assert evaluate.evaluations == 2


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, GeneratorExit])
@pytest.mark.parametrize("x", [2.0, np.array([2.0])], ids=["number", "array"])
def test_interrupts_always_pass(error, x) -> None:
    evaluate = Evaluator(failing(error(), 2.5), x, on_error="mark")
    with pytest.raises(error):
        ask(evaluate, (0.0, 0.5, 1.0))
    assert evaluate.evaluations == 2


def test_only_the_first_failures_are_remembered() -> None:
    evaluate = Evaluator(lambda p: 1.0 / (p - p) if p != 1.0 else 0.0, 1.0)
    ask(evaluate, tuple(0.5 + j for j in range(20)))
    assert len(evaluate.failures) == 5
    assert evaluate.failures[0] == "at x = 1.5 (1.0 + 0.5): ZeroDivisionError: float division by zero"


@pytest.mark.parametrize(
    "x, t, lane, directions, where",
    [
        (np.arange(3.0), 1e-4, 2, None, "x with [2] = 2.0001 (2.0 + 0.0001)"),
        (np.arange(4.0).reshape(2, 2), -0.5, 1, None, "x with [0, 1] = 0.5 (1.0 - 0.5)"),
        ({"w": np.zeros((1, 2)), "b": 1.0}, 0.5, 2, None, "x with ['w'][0, 1] = 0.5 (0.0 + 0.5)"),
        (np.array([1.0], np.float32), 0.1, 0, None, f"x with [0] = {float(np.float32(1.1))!r} (1.0 + 0.1)"),
        (np.arange(3.0), 0.0, 2, None, "x with [0] = 0.0, [1] = 1.0, [2] = 2.0"),
        (np.arange(300.0), 0.0, 2, None, "x with [0] = 0.0, [1] = 1.0, [2] = 2.0, [3] = 3.0, ... (300 entries)"),
        (np.arange(3.0), 0.5, 0, np.ones((1, 3)), "x + 0.5 * v"),
        (np.arange(3.0), -0.5, 1, np.ones((2, 3)), "x - 0.5 * v (direction 1)"),
    ],
)
def test_notes_say_where(x, t, lane, directions, where) -> None:
    def f(p: Any) -> float:
        raise RuntimeError

    with pytest.raises(RuntimeError) as caught:
        ask(Evaluator(f, x, name="loss"), (t,), (lane,), directions)
    assert notes(caught.value) == [f"while evaluating loss at {where}"]


@pytest.mark.parametrize(
    "value", [np.nan, np.inf, -np.inf, np.float32("nan"), [np.inf, np.nan], complex(0.0, np.inf), 10**400]
)
@pytest.mark.parametrize("t", [0.0, 0.5])
@pytest.mark.parametrize("on_error", ["domain", "raise", "mark"])
def test_values_that_are_not_finite(value, t, on_error) -> None:
    for x in (1.0, np.ones(1)):
        for steps in ((t,), np.array([t])):
            reply = ask(Evaluator(lambda p: value, x, on_error=on_error), steps)
            assert codes(reply, 1) == [NOT_FINITE]
            assert np.isnan(reply.values).all()


@pytest.mark.parametrize("value", [[1.0, np.nan], [1.0, -np.inf], np.array([1j, np.nan])])
def test_outputs_that_have_a_value_keep_it_beside_one_that_has_none(value) -> None:
    reply = ask(Evaluator(lambda p: value, 1.0), (0.5,))
    assert codes(reply, 1) == [NOT_FINITE]
    assert reply.values[0, 0] == value[0]
    assert np.isnan(reply.values[0, 1])


@pytest.mark.parametrize("x", [0.25, np.float64(0.25), np.array([0.25]), [np.float32(0.25)]])
def test_floating_point_warnings_are_silent_away_from_x(x) -> None:
    def f(p: Any) -> Any:
        return np.log(np.sum(p) - 0.2)

    steps = (0.5, -0.5, 0.0, -0.25)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert codes(ask(Evaluator(f, x), steps), 4) == [OK, NOT_FINITE, OK, NOT_FINITE]
        with np.errstate(all="raise"):
            assert codes(ask(Evaluator(f, x), steps), 4) == [OK, NOT_FINITE, OK, NOT_FINITE]
            assert np.geterr() == dict.fromkeys(("divide", "over", "under", "invalid"), "raise")
            with pytest.raises(FloatingPointError):
                ask(Evaluator(f, x, on_error="raise"), steps)
    with pytest.warns(RuntimeWarning, match="invalid value"):
        ask(Evaluator(f, x, on_error="raise"), steps)
    with pytest.warns(RuntimeWarning, match="invalid value"):
        ask(Evaluator(lambda p: np.log(np.sum(p) - 1.0), x), (0.0,))


# --- does f use its argument? -----------------------------------------------------------------------------


@pytest.mark.parametrize("value", [1.0, 0.0, np.float32(2.0), [1.0, 2.0], 1j])
def test_a_function_that_ignores_its_argument_is_noticed(value) -> None:
    evaluate = Evaluator(lambda p: value, np.ones(2))
    ask(evaluate, (0.0, 0.5, -0.5), (0, 0, 1))
    ask(evaluate, np.array([0.25]), (1,))
    assert not evaluate.distinct


@pytest.mark.parametrize(
    "f",
    [
        lambda p: p[0],
        lambda p: [1.0, p[0]],
        lambda p: 1j * p[0],
        lambda p: np.nan if p[0] > 1.0 else 2.0,
        lambda p: math.sqrt(1.0 - p[0]) * 0.0,
    ],
)
def test_a_function_that_uses_it_is_not(f) -> None:
    evaluate = Evaluator(f, np.ones(2))
    ask(evaluate, (0.0,))
    assert not evaluate.distinct
    ask(evaluate, (0.5, -0.5))
    assert evaluate.distinct


def test_a_failure_is_no_sign_of_use() -> None:
    evaluate = Evaluator(failing(RuntimeError(), 2.5), 2.0, on_error="mark")
    ask(evaluate, (0.0, 0.5))
    assert not evaluate.distinct


def test_the_alias_of_the_notes() -> None:
    w = np.array([[1.0, 2.0], [3.0, 4.0]])
    deaf = lambda _: float((w**2).sum())  # noqa: E731
    plain, lent = Evaluator(deaf, w), Evaluator(deaf, w, inplace=True)
    assert ask(plain, (0.0, 1.0), (0, 3)).values == [30.0, 30.0]
    assert not plain.distinct
    assert ask(lent, (0.0, 1.0), (0, 3)).values == [30.0, 39.0]
    assert lent.distinct


# --- f(x) known beforehand --------------------------------------------------------------------------------


def test_a_known_value_teaches_what_a_first_one_would() -> None:
    evaluate = Evaluator(lambda p: p**0.5, 0.25)
    assert evaluate.expect(np.float32(0.5)).tolist() == [0.5]
    assert (evaluate.value_shape, evaluate.complex_values, evaluate.eps, evaluate.evaluations) == (
        (),
        False,
        2.0**-24,
        0,
    )
    assert codes(ask(evaluate, (-1.0,)), 1) == [OUTSIDE]
    evaluate = Evaluator(lambda p: [1.0, 2.0], 0.25)
    evaluate.expect([1.0, 2.0])
    ask(evaluate, (1.0,))
    assert not evaluate.distinct
    evaluate.expect([1.0, 3.0])
    ask(evaluate, (1.0,))
    assert evaluate.distinct


@pytest.mark.parametrize("on_error", ["domain", "raise", "mark"])
@pytest.mark.parametrize("x", [0.25, np.full(2, 0.25)])
def test_a_known_value_that_is_not_like_the_others_is_found_out(x, on_error) -> None:
    evaluate = Evaluator(lambda p: [1.0, 2.0], x, on_error=on_error)
    evaluate.expect(1.0)
    with pytest.raises(InputError, match=r"`f0` must have the shape of f's values, \(2,\); got \(\)") as caught:
        ask(evaluate, (1.0,))
    assert caught.value.__notes__[0].startswith("while evaluating f at x")
    evaluate = Evaluator(lambda p: 1j * np.sum(p), x, on_error="domain" if on_error == "raise" else on_error)
    evaluate.expect(1.0)
    ask(evaluate, (1.0,))
    with pytest.raises(InputError, match="`f0` must be complex, as f's values are; got a real number"):
        evaluate.confirm()


def test_a_number_is_known_for_an_array_of_one() -> None:
    evaluate = Evaluator(lambda p: np.array([p]), 0.25)
    evaluate.expect(0.25)
    assert ask(evaluate, (1.0,)).values.tolist() == [[1.25]]
    evaluate.confirm()
    assert evaluate.value_shape == (1,)


def test_values_beyond_the_end_of_a_domain_say_nothing_of_a_known_one() -> None:
    evaluate = Evaluator(lambda p: p**0.5, 0.25)
    evaluate.expect(0.5)
    assert codes(ask(evaluate, (-1.0, 1.0)), 2) == [OUTSIDE, OK]
    evaluate.confirm()


@pytest.mark.parametrize(
    "value, error, text",
    [
        ("one", InputTypeError, "`f0` must be a real or complex number, or an array of them; got a str"),
        (True, InputTypeError, "`f0` must be a real or complex number, or an array of them; got the bool True"),
        (math.nan, InputError, "`f0` must be finite; got nan"),
        ([1.0, math.inf], InputError, "`f0` must be finite; got [1.0, inf]"),
    ],
)
def test_what_cannot_be_known(value, error, text) -> None:
    with pytest.raises(error) as caught:
        Evaluator(abs, 0.25).expect(value)
    assert str(caught.value).startswith(text)


# --- in place ---------------------------------------------------------------------------------------------


@st.composite
def lendable(draw: st.DrawFn) -> np.ndarray:
    """Floating arrays of any shape and strides, 0-d included, a view into something larger at times."""
    dtype = draw(st.sampled_from(["f8", "f4", "f2", ">f8"]))
    shape = draw(hnp.array_shapes(min_dims=0, max_dims=3, max_side=3))
    elements = st.floats(-100.0, 100.0, width=8 * np.dtype(dtype).itemsize) | st.just(-0.0)
    a = draw(hnp.arrays(dtype, tuple(2 * side for side in shape), elements=elements))
    which = draw(st.sampled_from(["every other", "reversed", "transposed", "fortran", "plain"]))
    if which == "every other":
        return a[(..., *(slice(None, None, 2) for _ in shape))]
    if which == "reversed":
        return a[(..., *(slice(None, None, -1) for _ in shape))]
    return {"transposed": a.T, "fortran": np.asfortranarray(a)}.get(which, a)


class Stop(BaseException):
    """As KeyboardInterrupt, but nobody else catches it."""


ERRORS = [ValueError, RuntimeError, KeyboardInterrupt, Stop]


@given(
    lendable(),
    st.booleans(),
    st.booleans(),
    st.sampled_from(ERRORS),
    st.sampled_from(["domain", "raise", "mark"]),
    st.data(),
)
def test_the_callers_array_is_never_left_changed(x, inplace, aliased, error, on_error, data) -> None:
    """f raises at evaluation k, for every k, after writing into whatever it can reach by its argument."""
    size = x.size
    steps = tuple(0.5 * (j % 3) - 0.5 for j in range(2 * size + 1))
    lanes = tuple(j // 2 % size for j in range(2 * size + 1))
    k = data.draw(st.integers(0, len(steps)))
    whole = x if x.base is None else x.base
    before = whole.tobytes()
    calls = []

    def f(p: Any) -> float:
        calls.append(1)
        value = float(np.sum(x if aliased else p))
        p[...] = 99.0
        if len(calls) > k:
            raise error
        return value

    evaluate = Evaluator(f, x, inplace=inplace, on_error=on_error)
    for t in (steps, np.array(steps)):
        with contextlib.suppress(error):
            ask(evaluate, t, lanes)
        assert whole.tobytes() == before


@given(lendable(), st.data())
def test_in_place_and_on_copies_f_sees_the_same(x, data) -> None:
    seen: list[list[bytes]] = []
    lanes = data.draw(st.lists(st.integers(0, x.size - 1), min_size=1, max_size=5))
    steps = tuple(data.draw(st.floats(-1.0, 1.0)) for _ in lanes)
    for inplace in (False, True):
        seen.append([])
        f = lambda p: seen[-1].append(p.astype("f8").tobytes()) or math.fsum(p.ravel())  # noqa: E731
        evaluate = Evaluator(f, x, inplace=inplace)
        first, second = ask(evaluate, steps, lanes), ask(evaluate, steps, None, np.ones((1, x.size)))
        seen[-1] += [repr(first).encode(), repr(second).encode()]
    assert seen[0] == seen[1]


def test_trees_in_place_are_the_callers_own() -> None:
    x = {"w": np.ones((2, 2)), "b": [np.zeros(2, np.float32)]}
    handed = []
    evaluate = Evaluator(
        lambda p: handed.append(p is x and p["w"] is w) or float(x["w"].sum() + x["b"][0][1]), x, inplace=True
    )
    w = x["w"]
    assert ask(evaluate, (0.0, 1.0, 0.5), (0, 5, 1)).values == [4.0, 5.0, 4.5]
    assert handed == [True] * 3
    assert (x["w"].tolist(), x["b"][0].tolist()) == ([[1.0, 1.0], [1.0, 1.0]], [0.0, 0.0])


def test_an_interrupt_while_x_is_restored_does_not_leave_it_moved(monkeypatch) -> None:
    """The signal may arrive anywhere, in the restoring too."""
    x = [np.arange(2.0), np.arange(3.0)]
    evaluate = Evaluator(lambda p: float(p[0].sum()), x, inplace=True)
    copyto = np.copyto
    calls: list[int] = []
    stop = [0]

    def interrupted(*args: Any, **kwargs: Any) -> None:
        calls.append(1)
        if len(calls) == stop[0]:
            raise KeyboardInterrupt
        copyto(*args, **kwargs)

    monkeypatch.setattr(np, "copyto", interrupted)
    for stop[0] in range(1, 13):
        calls.clear()
        with pytest.raises(KeyboardInterrupt):
            ask(evaluate, (0.0, 1.0, 2.0), (0, 1, 4))
        assert [part.tolist() for part in x] == [[0.0, 1.0], [0.0, 1.0, 2.0]]


FROZEN = np.ones(2)
FROZEN.flags.writeable = False
SHARED = np.ones(4)


@pytest.mark.parametrize(
    "x, error, text",
    [
        (1.0, InputTypeError, "`inplace=True` needs a writable array, or a tree of them; `x` is a float"),
        (np.float64(1.0), InputTypeError, "`inplace=True` needs a writable array, or a tree of them; `x` is a float64"),
        ([np.ones(1), 2], InputTypeError, "`inplace=True` needs a writable array, or a tree of them; [1] is an int"),
        (
            np.array([3, 4]),
            InputTypeError,
            f"`inplace=True` needs floating arrays; `x` is of dtype {np.array([3]).dtype}, which cuts steps off",
        ),
        (FROZEN, InputError, "`inplace=True` needs writable arrays; `x` is read-only"),
        ({"w": FROZEN}, InputError, "`inplace=True` needs writable arrays; ['w'] is read-only"),
        ((SHARED, SHARED), InputError, "`inplace=True` needs arrays that share no memory; [0] and [1] do"),
        ((SHARED[:3], SHARED[2:]), InputError, "`inplace=True` needs arrays that share no memory; [0] and [1] do"),
    ],
)
def test_what_cannot_be_lent(x, error, text) -> None:
    with pytest.raises(error) as caught:
        Evaluator(lambda p: 0.0, x, inplace=True)
    assert str(caught.value) == text


def test_interleaved_views_can_be_lent() -> None:
    evaluate = Evaluator(lambda p: float(SHARED.sum()), (SHARED[::2], SHARED[1::2]), inplace=True)
    assert ask(evaluate, (0.0, 1.0), (0, 3)).values == [4.0, 5.0]


# --- the arguments ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "f, how, error, text",
    [
        (3.0, {}, InputTypeError, "`f` must be callable; got a float"),
        (abs, {"args": [1.0]}, InputTypeError, "`args` must be a tuple; got a list"),
        (abs, {"on_error": "ignore"}, InputError, "`on_error` must be 'domain', 'raise' or 'mark'; got 'ignore'"),
        (abs, {"inplace": 1}, InputTypeError, "`inplace` must be True or False; got an int"),
    ],
)
def test_arguments_that_are_refused(f, how, error, text) -> None:
    with pytest.raises(error) as caught:
        Evaluator(f, 1.0, **how)
    assert str(caught.value) == text


def test_messages_call_f_and_x_by_their_names() -> None:
    with pytest.raises(InputTypeError, match=r"^`grad` must be callable"):
        Evaluator(None, 1.0, name="grad")
    with pytest.raises(InputError, match=r"^`x0` must be finite; it is nan"):
        Evaluator(abs, math.nan, x_name="x0")
    with pytest.raises(OutputError, match=r"^`grad` returned None") as caught:
        ask(Evaluator(lambda p: None, 1.0, name="grad", x_name="x0"), (0.0,))
    assert notes(caught.value) == ["while evaluating grad at x0 = 1.0"]


def test_a_repeated_request_is_evaluated_again() -> None:
    counter = iter(range(10))
    evaluate = Evaluator(lambda p: next(counter), 1.0)
    request = Request(evaluate.base, None, (0.5,))
    assert [evaluate(request).values for _ in range(3)] == [[0.0], [1.0], [2.0]]
