"""Answers in arrays of other libraries are answers like all others: printed, stored, and taken for options."""

import numpy as np
import pytest

import secant

KINDS = [
    pytest.param(library, name, marks=pytest.mark.needs(library))
    for library, names in {
        "torch": ("float64", "float32", "float16", "bfloat16"),
        "jax": ("float32", "bfloat16"),
    }.items()
    for name in names
]


def made(library, values, name):
    if library == "torch":
        import torch

        return torch.tensor(values, dtype=getattr(torch, name))
    import jax.numpy as jnp

    return jnp.array(values, dtype=name)


def same(found, wanted) -> bool:
    return np.array_equal(found, np.array(wanted.tolist()))


@pytest.mark.parametrize(("library", "name"), KINDS)
@pytest.mark.parametrize("values", [0.5, [0.5], [[1.0, 2.0, 4.0]]])
def test_answers_are_printed_and_stored(library, name, values) -> None:
    est = secant.gradient(lambda x: (x * x).sum(), made(library, values, name))
    assert type(est.value) is not np.ndarray
    assert len(str(est).splitlines()) == (1 if np.ndim(values) == 0 else np.size(values) + 1)
    again = secant.from_json(est.to_json())
    assert same(again.value, est.value)
    assert same(again.error, est.error)
    assert again.value.dtype == ("float32" if name == "bfloat16" else name)
    assert str(again) == str(est)
    assert same(np.array(est), est.value)
    if np.size(values) == 1:
        assert float(est) == float(again)


@pytest.mark.parametrize(("library", "name"), KINDS)
def test_bounds_and_masks_may_be_arrays_of_the_library(library, name) -> None:
    x = made(library, [1.0, 2.0], name)
    low, high = made(library, [1.0, -np.inf], name), made(library, [np.inf, np.inf], name)
    seen = []

    def f(point):
        seen.append(point.tolist())
        return (point * point).sum()

    est = secant.gradient(f, x, bounds=(low, high))
    assert min(first for first, _ in seen) == 1.0
    assert est.verdict is secant.Verdict.AT_BOUND
    seen.clear()
    secant.gradient(f, x, wrt=x < 1.5)
    assert {second for _, second in seen} == {2.0}


@pytest.mark.parametrize(("library", "name"), KINDS)
def test_slopes_of_several_outputs_are_at_home_where_these_are(library, name) -> None:
    f = lambda x: made(library, [1.0, 2.0, 4.0], name) * x  # noqa: E731
    for f0 in (None, f(1.5), f(1.5).tolist(), np.array([1.5, 3.0, 6.0])):
        est = secant.derivative(f, 1.5, f0=f0)
        assert (type(est.value), est.value.dtype) == (type(f(1.5)), f(1.5).dtype)
        assert type(est.error) is type(est.fun) is type(f(1.5))
        assert np.all(np.abs(np.array(est.value.tolist()) - [1.0, 2.0, 4.0]) <= est.error.tolist())
