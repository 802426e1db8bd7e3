"""A value and its standard error, joined for those who evaluate and parted again."""

import inspect
import math
import pickle

import numpy as np
import pytest

from secant.core.errors import InputError, OutputError
from secant.core.request import Reply, Request
from secant.evaluation.how import checked
from secant.evaluation.returned import Errors, Joined, joined, pairing
from secant.evaluation.values import ComplexValueError, read
from secant.evaluation.watch import watched


def pair(x, scale=1.0):
    return scale * x, 0.5


def test_joined_arrays_are_as_precise_as_the_value() -> None:
    for dtype in (np.float16, np.float32, np.float64):
        both = joined((dtype(1.5), 0.25))
        assert both.dtype == dtype
        assert both.tolist() == [1.5, 0.25]
        assert read(both)[2] == read(dtype(1.5))[2]
    assert joined((2, 1)).tolist() == [2.0, 1.0]
    assert joined((np.ones((2, 3)), np.full((2, 3), 0.5))).shape == (2, 2, 3)


def test_errors_of_batches_are_of_points_or_of_values() -> None:
    values = np.ones((4, 3))
    by_point = joined((values, [1.0, 2.0, 3.0, 4.0]), axis=1)
    assert by_point.shape == (4, 2, 3)
    assert by_point[:, 1, 0].tolist() == [1.0, 2.0, 3.0, 4.0]
    assert np.array_equal(joined((values, 0.5), axis=1)[:, 1], 0.5 * values)
    with pytest.raises(OutputError, match="must be a number, or of its shape"):
        joined((np.ones((4, 3)), np.ones(3)), axis=1)


def test_where_there_is_no_value_its_error_is_nothing() -> None:
    assert np.array_equal(joined((math.nan, math.nan)), [math.nan, 0.0], equal_nan=True)
    assert np.array_equal(joined(([1.0, math.inf], [0.5, math.inf])), [[1.0, math.inf], [0.5, 0.0]])
    with pytest.raises(OutputError, match="got inf"):
        joined(([1.0, math.inf], math.inf))


def test_complex_values_end_a_domain() -> None:
    with pytest.raises(ComplexValueError):
        joined((1j, 0.1))


def test_a_joined_function_is_still_that_function() -> None:
    f = pickle.loads(pickle.dumps(Joined(pair)))
    assert f(2.0, scale=3.0).tolist() == [6.0, 0.5]
    assert inspect.signature(f) == inspect.signature(pair)
    assert Joined(max)([(2.0, 0.5)]).tolist() == [2.0, 0.5]


@pytest.mark.parametrize("x", [1.0, np.ones(2)])
def test_a_watch_over_pairs_answers_with_values(x) -> None:
    for f in (np.sum, lambda x: np.array([[1.0, 2.0]]) * np.sum(x)):
        plain = watched(f, x, checked({}, "f"))
        with watched(lambda x, f=f: (f(x), abs(f(x)) + 1.0), x, checked({}, "f"), returned=True) as watch:
            for t in ((0.0, 0.5), (0.0,), (0.5, 0.0), np.array([0.0, 2.0])):
                got = watch.reply(Request(watch.evaluator.base, None, t))
                expected = plain.reply(Request(plain.evaluator.base, None, t))
                assert type(got.values) is type(expected.values)
                assert np.array_equal(got.values, expected.values)
            assert watch.evaluator.evaluations == plain.evaluator.evaluations
            here = np.reshape(plain.reply(Request(plain.evaluator.base, None, (0.0,))).values, -1)
            assert np.array_equal(watch.errors.here, here + 1.0)
            watch.part()
            assert watch.evaluator.value_shape == plain.evaluator.value_shape
            for (_, mine), (_, other) in zip(watch.log, plain.log, strict=True):
                assert np.array_equal(mine.values, other.values)


def test_errors_are_those_of_a_lane_within_reach_of_the_last_base() -> None:
    errors, base = Errors(), np.zeros(2)
    rows = np.array([[1.0, 0.1], [2.0, 0.2], [3.0, 0.3], [math.nan, math.nan]])
    request = Request(base, np.array([0, 0, 1, 1]), np.array([0.5, -2.0, 0.25, 0.125]))
    assert np.array_equal(errors.apart(request, Reply(rows)).values[:3], rows[:3, :1])
    assert errors.largest(0, 1.0) == 0.1
    assert errors.largest(0, 2.0) == 0.2
    assert errors.largest(1, 2.0) == 0.3
    assert errors.largest(0, 0.1) is None
    assert errors.largest(5, 1.0) is None
    errors.apart(Request(base.copy(), None, (0.0,)), Reply([[1.0, 0.7]]))
    assert errors.here == 0.7
    assert errors.largest(0, 9.0) is None


def test_only_functions_are_joined() -> None:
    class Other:
        def reply(self, request):
            return request

    with pytest.raises(InputError, match="an evaluator in its place returns values"):
        pairing(Other(), False)
    assert pairing(3.0, False) == 3.0
    assert pairing(pair, True).batched
