"""Rounding to the precisions that entries of x may have."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from secant.evaluation.precision import ROUNDERS, ROUNDOFF, rounded, to_bfloat16
from secant.evaluation.trees import flatten

anything = st.floats() | st.floats(-4.0, 4.0) | st.floats(-1e-38, 1e-38)
near_the_end = st.floats(3.38e38, 3.42e38)

#: Every finite bfloat16 that is not negative: the upper halves of float32's bits.
ALL = (np.arange(0x7F80, dtype=np.uint32) << 16).view(np.float32).astype(np.float64)


@given(anything | near_the_end)
@example(2.0**128)
@example(np.nextafter(2.0**128, 0.0))
@example(2.0**128 - 2.0**119)
@example(2.0**-134)
@example(-0.0)
def test_bfloat16_is_the_nearest_and_the_even_one_on_a_tie(value) -> None:
    found = to_bfloat16(value)
    if np.isnan(value):
        assert np.isnan(found)
        return
    assert np.signbit(found) == np.signbit(value)
    size = abs(value)
    above = int(np.searchsorted(ALL, size))
    if above == len(ALL):
        # Beyond the largest one: the next would be 2**128.
        assert abs(found) == (ALL[-1] if size < 2.0**128 - 2.0**119 else np.inf)
        return
    below = above if ALL[above] == size else above - 1
    gaps = [Fraction(size) - Fraction(ALL[below]), Fraction(ALL[above]) - Fraction(size)]
    nearest = below if gaps[0] < gaps[1] or (gaps[0] == gaps[1] and below % 2 == 0) else above
    assert abs(found) == ALL[nearest]


@pytest.mark.parametrize("precision", list(ROUNDERS))
@given(st.lists(anything | near_the_end, max_size=20))
def test_arrays_are_rounded_as_their_entries_are(precision, values) -> None:
    array = np.array(values, dtype=np.float64)
    before = array.copy()
    found = rounded(array, precision)
    wanted = [ROUNDERS[precision](value) for value in values]
    assert found.dtype == np.float64
    assert np.array_equal(found, wanted, equal_nan=True)
    assert np.array_equal(np.signbit(found), np.signbit(wanted))
    assert array.tobytes() == before.tobytes()


@pytest.mark.parametrize("precision", list(ROUNDOFF))
def test_the_unit_roundoff_is_the_farthest_that_rounding_goes(precision) -> None:
    u = ROUNDOFF[precision]
    rounder = ROUNDERS.get(precision, float)
    assert rounder(1.0 + u) == 1.0 < rounder(1.0 + 2.0 * u) == 1.0 + 2.0 * u
    assert precision == "float64" or rounder(1.0 + 1.01 * u) == 1.0 + 2.0 * u


@pytest.mark.needs("ml_dtypes")
def test_bfloat16_of_numpy_is_a_dtype_as_any_other() -> None:
    import ml_dtypes

    kind = np.dtype(ml_dtypes.bfloat16)
    vector, layout = flatten({"a": np.array([1.0, 0.1]).astype(kind), "b": kind.type(3.0), "c": 1.0})
    assert vector.tolist() == [1.0, to_bfloat16(0.1), 3.0, 1.0]
    assert layout.eps.tolist() == [2.0**-8] * 3 + [2.0**-53]
    again = layout.unflatten(layout.rounded(vector + 0.01))
    assert (again["a"].dtype, type(again["b"]), again["c"]) == (kind, kind.type, 1.01)
    assert again["a"].tolist() == [to_bfloat16(1.01), to_bfloat16(vector[1] + 0.01)]
    value, error = layout.wrap(vector), layout.wrap(vector, "error")
    assert (value["a"].dtype, value["b"], error["a"].dtype) == (kind, 3.0, np.float64)
