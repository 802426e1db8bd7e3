"""Requests beside the real axis: which points f is handed, and what becomes of its values."""

import numpy as np
import pytest

import secant
from secant.core.request import Request
from secant.evaluation.evaluator import Evaluator


def seen_by(x, **how):
    seen = []

    def f(point):
        seen.append(point)
        return 1.0

    evaluate = Evaluator(f, x)
    reply = evaluate(Request(evaluate.base, imaginary=True, **how))
    assert reply.status is None
    assert reply.values.dtype == np.complex128
    assert reply.values.shape == (len(seen), 1)
    assert evaluate.evaluations == len(seen)
    return seen


@pytest.mark.parametrize("x", [2.0, 2, np.float64(2.0)])
def test_numbers(x) -> None:
    assert seen_by(x, lane=None, t=(0.5, -0.25)) == [2.0 + 0.5j, 2.0 - 0.25j]
    assert type(seen_by(x, lane=None, t=(0.5,))[0]) is complex


def test_arrays_move_one_entry_or_along_a_direction() -> None:
    x = np.array([[1.0, 2.0], [3.0, 4.0]])
    (first, second) = seen_by(x, lane=np.array([0, 3]), t=np.array([0.5, 0.25]))
    assert np.array_equal(first, [[1.0 + 0.5j, 2.0], [3.0, 4.0]])
    assert np.array_equal(second, [[1.0, 2.0], [3.0, 4.0 + 0.25j]])
    assert first.dtype == np.complex128
    (along,) = seen_by(x, lane=(1,), t=(2.0,), directions=np.array([[0.0] * 4, [1.0, 0.0, -1.0, 0.5]]))
    assert np.array_equal(along, x + 2.0j * np.array([[1.0, 0.0], [-1.0, 0.5]]))
    assert np.array_equal(x, [[1.0, 2.0], [3.0, 4.0]])


def test_trees_are_complex_throughout() -> None:
    tree = {"w": np.array([1, 2]), "b": [3.0, np.float64(4.0)], "n": None}
    (point,) = seen_by(tree, lane=(0,), t=(0.5,))
    assert point["b"] == [3.0 + 0.5j, 4.0]
    assert all(type(item) is complex for item in point["b"])
    assert point["w"].dtype == np.complex128
    assert point["n"] is None


@pytest.mark.parametrize("x", [np.float32(1.0), np.ones(2, dtype=np.float16), {"a": 1.0, "b": np.float32(1.0)}])
def test_only_float64_has_room(x) -> None:
    with pytest.raises(secant.InputTypeError, match="needs float64 entries"):
        seen_by(x, lane=(0,), t=(0.5,))


def test_shapes_are_held_to_what_they_were() -> None:
    evaluate = Evaluator(lambda x: np.ones(2 if np.iscomplexobj(x) else 3), np.ones(1))
    evaluate(Request(evaluate.base, None, (0.0,)))
    with pytest.raises(secant.OutputError, match=r"one shape; got \(2,\) after \(3,\)"):
        evaluate(Request(evaluate.base, None, (0.5,), imaginary=True))
    assert not evaluate.complex_values
