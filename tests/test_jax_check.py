"""Checks of JAX: functions of arrays and trees, and rules of one's own."""

import numpy as np
import pytest

import secant
from secant import CheckVerdict

jax = pytest.importorskip("jax")
jnp = jax.numpy
AGREE, DISAGREE = CheckVerdict.AGREE, CheckVerdict.DISAGREE


@pytest.fixture(params=[True, False], ids=["float64", "float32"], autouse=True)
def precision(request):
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", request.param)
    yield
    jax.config.update("jax_enable_x64", before)


def drawn(*shape):
    return jnp.asarray(np.random.default_rng(3).normal(size=shape))


@pytest.mark.slow
def test_right_functions_agree() -> None:
    assert secant.jax.check(jnp.tanh, drawn(4)).verdict is AGREE
    assert secant.jax.check(lambda a, b: jnp.sum(a @ b) ** 2, (drawn(2, 3), drawn(3, 2))).verdict is AGREE
    assert secant.jax.check(jax.nn.softmax, {"x": drawn(5), "axis": 0}).verdict is AGREE


@pytest.mark.slow
def test_trees_are_named_and_integers_held_fixed() -> None:
    parameters = {"w": drawn(3, 4), "b": drawn(3)}

    @jax.custom_vjp
    def layer(w, b, x):
        return jnp.tanh(w @ x + b)

    def forward(w, b, x):
        y = layer(w, b, x)
        return y, (w, x, y)

    def backward(kept, u):
        w, x, y = kept
        inner = u * (1 - y * y)
        return jnp.outer(inner, x), -inner, w.T @ inner

    layer.defvjp(forward, backward)
    x = jnp.arange(1.0, 5.0) / 4.0
    found = secant.jax.check(lambda p, x, k: {"y": layer(p["w"], p["b"], x), "k": k}, (parameters, x, 3))
    assert found.verdict is DISAGREE
    assert found.paths == tuple(f"[\"inputs[0]['b']\"][{i}]" for i in range(3))


def test_a_custom_rule_that_is_wrong() -> None:
    @jax.custom_jvp
    def square(x):
        return x * x

    square.defjvp(lambda x, v: (x[0] * x[0], 3.0 * x[0] * v[0]))
    found = secant.jax.check(square, drawn(4))
    assert found.verdict is DISAGREE
    assert len(found.wrong) == 4


def test_nothing_that_varies_is_an_error() -> None:
    with pytest.raises(secant.InputError, match="at least one JAX array of real floats"):
        secant.jax.check(lambda x: x * 2.0, jnp.arange(3))
    with pytest.raises(secant.InputTypeError, match="must return arrays of floats"):
        secant.jax.check(lambda x: 3, drawn(2))


def test_a_check_takes_a_journal_and_a_deadline(tmp_path) -> None:
    x = jnp.array([0.5, 1.0])
    plain = secant.jax.check(jnp.tanh, x).to_json()
    for _ in range(2):
        assert secant.jax.check(jnp.tanh, x, journal=tmp_path / "j", journal_id="tanh").to_json() == plain
    assert secant.jax.check(jnp.tanh, x, deadline=1e-9).stopped == "deadline"
    with pytest.raises(secant.InputTypeError, match="`check` takes no option `vectorized`"):
        secant.jax.check(jnp.tanh, x, vectorized=True)
