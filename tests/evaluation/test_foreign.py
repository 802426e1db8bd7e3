"""What arrays of other libraries may be mixed with, and which of them cannot be lent."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from secant.core.errors import InputError, OutputError
from secant.evaluation.evaluator import Evaluator
from secant.evaluation.inplace import _folded
from secant.evaluation.values import read


@pytest.mark.needs("torch")
def test_lists_of_lists_of_tensors_keep_their_precision() -> None:
    import torch

    one = torch.tensor(0.1, requires_grad=True)
    flat, shape, eps = read([[one, 2.0 * one], [1.0, np.float64(2.0)]])
    assert (flat.tolist(), shape, eps) == ([float(np.float32(0.1)), float(np.float32(0.2)), 1.0, 2.0], (2, 2), 2.0**-24)
    with pytest.raises(OutputError, match="of shapes"):
        read([[one, one], [one]])


@pytest.mark.needs("jax")
def test_tuples_of_lists_of_jax_arrays_keep_their_precision() -> None:
    import jax.numpy as jnp

    pair = jnp.array([1.0, 2.0], dtype="bfloat16")
    flat, shape, eps = read(([pair, pair], [pair, np.array([3.0, 4.0])]))
    assert (flat.tolist(), shape, eps) == ([1.0, 2.0] * 3 + [3.0, 4.0], (2, 2, 2), 2.0**-8)


sides = st.lists(st.integers(0, 4), max_size=4)


@given(sides.flatmap(lambda shape: st.tuples(st.just(shape), st.tuples(*(st.integers(-6, 12) for _ in shape)))))
def test_entries_in_one_place_are_found(view) -> None:
    shape, strides = view
    places = [sum(i * stride for i, stride in zip(index, strides, strict=True)) for index in np.ndindex(*shape)]
    assert _folded(shape, strides) == (len(set(places)) < len(places))


def test_an_array_folded_onto_itself_cannot_be_lent() -> None:
    x = np.lib.stride_tricks.as_strided(np.arange(5.0), (3, 3), (8, 8))
    with pytest.raises(InputError, match="`x` is a view in which entries share memory"):
        Evaluator(np.sum, x, inplace=True)


@pytest.mark.needs("torch")
def test_a_tensor_folded_onto_itself_cannot_be_lent() -> None:
    import torch

    x = {"w": torch.arange(5.0).as_strided((3, 3), (1, 1))}
    with pytest.raises(InputError, match=r"\['w'\] is a view in which entries share memory"):
        Evaluator(lambda p: p["w"].sum(), x, inplace=True)
    assert Evaluator(lambda p: p["w"].sum(), {"w": torch.arange(9.0).as_strided((2, 3), (1, 3))}, inplace=True)
