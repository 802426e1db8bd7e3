"""JAX arrays as x and as values of f, in their own precision and traced once."""

import numpy as np
import pytest

import secant

jax = pytest.importorskip("jax")
jnp = jax.numpy


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_gradients_stay_at_home_and_are_within_their_bars(dtype) -> None:
    x = jnp.array([0.5, 1.25, -0.75], dtype=dtype)
    est = secant.gradient(lambda point: jnp.sin(point).sum(), x)
    assert isinstance(est.value, jax.Array)
    assert (est.value.dtype, est.value.shape) == (x.dtype, x.shape)
    value, error = np.asarray(est.value, dtype=np.float64), np.asarray(est.error, dtype=np.float64)
    spacing = float(jnp.finfo(dtype).eps) * np.abs(value)
    assert np.all(np.abs(value - np.cos(np.asarray(x, dtype=np.float64))) <= 2.0 * error + spacing)


def test_a_compiled_function_is_traced_once() -> None:
    traced = []

    @jax.jit
    def f(x):
        traced.append(0)
        return (x**2).sum()

    est = secant.gradient(f, jnp.array([3.0, 4.0]))
    assert len(traced) == 1
    assert np.all(np.abs(np.asarray(est.value) - [6.0, 8.0]) <= 2.0 * np.asarray(est.error))


def test_a_function_under_trace_is_refused_with_a_remedy() -> None:
    with pytest.raises(secant.SecantError, match="outside of `jit`"):
        jax.jit(lambda x: secant.gradient(lambda y: (y**2).sum(), x).value)(jnp.ones(2))


def test_arrays_of_jax_cannot_be_lent() -> None:
    with pytest.raises(secant.InputTypeError, match="needs a writable array"):
        secant.gradient(lambda x: (x**2).sum(), jnp.ones(2), inplace=True)
