"""JAX arrays: what f is handed, that nothing is traced twice, and what results look like."""

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import secant
from secant.core.errors import InputError, InputTypeError, OutputError
from secant.core.request import OUTSIDE, Request
from secant.core.verdicts import Verdict
from secant.evaluation.evaluator import Evaluator
from secant.evaluation.foreign import as_numpy
from secant.evaluation.precision import ROUNDERS, ROUNDOFF
from secant.evaluation.trees import flatten, leaves

jax = pytest.importorskip("jax")
jnp = jax.numpy

HERE = jax.devices()[0]
NAMES = ["float32", "float16", "bfloat16"]


def ask(evaluate: Evaluator, t: Any, lane: Any = None, directions: Any = None) -> Any:
    return evaluate(Request(evaluate.base, lane, t, directions))


def same(a: Any, b: Any) -> bool:
    """Whether two arrays look the same to a compiled function, and hold the same bits."""
    return (
        isinstance(b, jax.Array)
        and (a.aval, a.sharding, a.committed) == (b.aval, b.sharding, b.committed)
        and np.asarray(a).tobytes() == np.asarray(b).tobytes()
    )


@st.composite
def arrays(draw: st.DrawFn) -> Any:
    """Arrays of every float dtype, placed by their owner or free, and weakly typed scalars."""
    shape = draw(hnp.array_shapes(min_dims=0, max_dims=3, max_side=3))
    numbers = draw(hnp.arrays(np.float32, shape, elements=st.floats(-1000.0, 1000.0, width=16) | st.just(-0.0)))
    which = draw(st.sampled_from(["free", "placed", "weak"]))
    if which == "weak":
        return jnp.asarray(float(numbers.reshape(-1)[0]))
    x = jnp.asarray(numbers, dtype=draw(st.sampled_from(NAMES)))
    return jax.device_put(x, HERE) if which == "placed" else x


# --- the points -------------------------------------------------------------------------------------------


@given(arrays())
def test_flatten_and_unflatten_are_inverse(x) -> None:
    vector, layout = flatten(x)
    assert vector.tolist() == np.asarray(x).astype(float).reshape(-1).tolist()
    assert (layout.size, layout.shapes, layout.scalar) == (x.size, (x.shape,), not x.shape)
    assert layout.eps == ROUNDOFF[x.dtype.name]
    assert same(x, layout.unflatten(vector))
    assert leaves(x)[0] is x


@given(arrays(), st.data())
def test_steps_are_added_at_the_precision_of_the_leaf(x, data) -> None:
    seen: list[Any] = []
    evaluate = Evaluator(lambda p: seen.append(p) or 0.0, x)
    i, h = data.draw(st.integers(0, x.size - 1)), data.draw(st.floats(-10.0, 10.0))
    ask(evaluate, (h, 0.0), (i, i))
    vector, rounder = flatten(x)[0], ROUNDERS[x.dtype.name]
    if h:
        vector[i] = rounder(vector[i] + rounder(h))
    assert np.asarray(seen[0]).astype(float).reshape(-1).tolist() == vector.tolist()
    assert seen[0].aval == x.aval
    assert same(x, seen[1])


@pytest.mark.parametrize("kind", ["int8", "int32", "uint8", "uint32"])
def test_integers_become_the_default_float(kind) -> None:
    x = jnp.array([1, 2, 100], dtype=kind)
    vector, layout = flatten(x)
    assert same(jnp.array([1.0, 2.0, 100.0]), layout.unflatten(vector))
    assert layout.eps == 2.0**-24
    with jax.enable_x64(True):
        layout = flatten(x)[1]
        assert layout.unflatten(vector).dtype == np.float64
        assert layout.exact


def test_a_large_integer_is_rounded_as_what_f_sees_is() -> None:
    vector, layout = flatten(jnp.array([2**24 + 1]))
    assert vector.tolist() == [2.0**24] == np.asarray(layout.unflatten(vector)).tolist()


def test_float64_where_it_is_enabled() -> None:
    with jax.enable_x64(True):
        x = jnp.array([1.0, 2.0])
        found = secant.gradient(jax.jit(lambda p: jnp.sum(jnp.sin(p) * p)), x)
        exact = jnp.cos(x) * x + jnp.sin(x)
        assert (found.value.dtype, found.error.dtype) == (np.float64, np.float64)
        assert (jnp.abs(found.value - exact) <= found.error).all()
        assert found.error.max() < 1e-12
        step = secant.gradient(lambda p: jnp.sum(jnp.sin(p) * p), x, method="complex")
        assert np.allclose(step.value, exact, rtol=1e-15)
        assert flatten(jnp.asarray(2.0))[1].unflatten(np.array([3.0])).weak_type
    with pytest.raises(InputTypeError, match=r"got a JAX array of dtype float64 while JAX is limited to float32"):
        flatten(x)


@pytest.mark.parametrize(
    "x",
    [
        jnp.arange(1.0, 4.0),
        jnp.ones((2, 2), jnp.bfloat16),
        jnp.asarray(2.0),
        jnp.float32(2.0),
        jax.device_put(jnp.ones(3), HERE),
        {"w": jnp.ones(2), "b": jnp.asarray(0.5)},
    ],
    ids=["vector", "bfloat16", "weak", "scalar", "placed", "tree"],
)
def test_a_compiled_function_is_traced_once(x) -> None:
    traced = []

    @jax.jit
    def f(p: Any) -> Any:
        traced.append(1)
        return sum(jnp.sum(jnp.sin(leaf.astype(jnp.float32)) * leaf) for leaf in jax.tree.leaves(p))

    f(x)
    secant.gradient(f, x)
    assert (len(traced), f._cache_size()) == (1, 1)


def test_arrays_stay_where_they_are() -> None:
    """A placed array goes to its device; a free one follows what it meets, unless it is elsewhere already."""
    code = (
        "import jax, numpy as np, secant\n"
        "from secant.evaluation.trees import flatten\n"
        "first, second = jax.devices()\n"
        "free, placed = jax.numpy.ones(2), jax.device_put(np.ones(2), second)\n"
        "with jax.default_device(second):\n"
        "    apart = jax.numpy.ones(2)\n"
        "for x, device, committed in ((free, first, False), (placed, second, True), (apart, second, True)):\n"
        "    vector, layout = flatten(x)\n"
        "    for found in (layout.unflatten(vector), layout.wrap(vector), layout.wrap(vector, 'error')):\n"
        "        assert (found.devices(), found.committed) == ({device}, committed), found\n"
        "there = jax.device_put(np.ones(2), second)\n"
        "assert secant.gradient(lambda x: (x * there).sum(), free).value.tolist() == [1.0, 1.0]\n"
        "assert not {'torch', 'optree'} & set(__import__('sys').modules)\n"
    )
    flags = {"PYTHONPATH": "src", "XLA_FLAGS": "--xla_force_host_platform_device_count=2", "JAX_PLATFORMS": "cpu"}
    subprocess.run([sys.executable, "-c", code], check=True, env=flags)


@pytest.mark.parametrize("name", NAMES)
def test_points_beyond_the_range_are_outside_and_f_is_not_called_there(name) -> None:
    x = jnp.full((2,), jnp.finfo(name).max, dtype=name)
    evaluate = Evaluator(lambda p: 1.0, x)
    assert ask(evaluate, (0.0, float(x[0])), (0, 1)).status.tolist() == [0, OUTSIDE]
    assert evaluate.evaluations == 1


# --- the values -------------------------------------------------------------------------------------------

VALUES = [
    (jnp.float32(1.5), (), [1.5], 2.0**-24),
    (jnp.asarray(1.5), (), [1.5], 2.0**-24),
    (jnp.bfloat16(1.5), (), [1.5], 2.0**-8),
    (jnp.float16(1.5), (), [1.5], 2.0**-11),
    (jnp.asarray(1.5, jnp.float8_e5m2), (), [1.5], 2.0**-3),
    (jnp.asarray(3), (), [3.0], 2.0**-53),
    (jnp.arange(6.0).reshape(2, 3).T, (3, 2), [0.0, 3.0, 1.0, 4.0, 2.0, 5.0], 2.0**-24),
    (jnp.array([1.5], jnp.bfloat16), (1,), [1.5], 2.0**-8),
    (jnp.asarray(1.0 + 2.0j), (), [1.0 + 2.0j], 2.0**-24),
    (np.asarray(jnp.array([1.5], jnp.bfloat16)), (1,), [1.5], 2.0**-8),
    ([jnp.float32(1.5), 2.5], (2,), [1.5, 2.5], 2.0**-24),
]


@pytest.mark.parametrize("value, shape, flat, eps", VALUES)
@pytest.mark.parametrize("x", [1.0, jnp.ones(2)], ids=["number", "array"])
def test_values_of_every_kind(value, shape, flat, eps, x) -> None:
    evaluate = Evaluator(lambda p: value, x)
    reply = ask(evaluate, (0.0, 0.5))
    assert (reply.status, reply.eps) == (None, eps)
    assert np.array(reply.values).reshape(2, -1).tolist() == [flat, flat]
    assert (evaluate.value_shape, evaluate.complex_values) == (shape, np.iscomplexobj(flat))


@pytest.mark.parametrize(
    "value, text",
    [
        (jnp.array([True]), "got a JAX array of dtype bool"),
        (jnp.ones((0, 2)), "got an empty array of shape (0, 2)"),
        (jax.random.key(0), "got a JAX array of dtype key<fry>"),
    ],
)
def test_values_that_are_refused(value, text) -> None:
    with pytest.raises(OutputError) as caught:
        ask(Evaluator(lambda p: value, jnp.ones(2)), (0.0,))
    assert str(caught.value) == f"`f` must return a real or complex number, or an array of them; {text}"


# --- the results ------------------------------------------------------------------------------------------


@given(arrays(), st.data())
def test_results_are_at_home_where_their_leaves_are(x, data) -> None:
    _, layout = flatten([x, 1.0])
    n = layout.size
    values = data.draw(hnp.arrays(np.float64, n, elements=st.floats(0.0, 1e6)))
    words = data.draw(st.lists(st.sampled_from(list(Verdict)), min_size=n, max_size=n))
    value, error, verdicts = (layout.wrap(*how)[0] for how in ((values,), (values, "error"), (words, "verdict")))
    rounder = ROUNDERS[x.dtype.name]
    assert (value.dtype, value.shape, value.sharding) == (x.dtype, x.shape, x.sharding)
    assert np.asarray(value).astype(float).reshape(-1).tolist() == [rounder(v) for v in values[:-1]]
    assert (error.dtype, error.shape, error.sharding) == (np.float32, x.shape, x.sharding)
    bars, exact = np.asarray(error).reshape(-1), values[:-1]
    assert (bars >= exact).all(), "a bar is never rounded down"
    assert (np.nextafter(bars, np.float32(-1.0)) < exact).all()
    if x.shape:
        assert (verdicts.dtype, verdicts.reshape(-1).tolist()) == (object, words[:-1])
    else:
        assert verdicts is words[0]


def test_a_gradient_is_within_its_bars() -> None:
    x = {"w": jnp.array([[1.0, 2.0]]), "b": jnp.asarray(3.0), "n": np.array([0.5]), "s": 0.25}

    def f(p: Any) -> Any:
        return jnp.sum(jnp.sin(p["w"]) * p["b"]) + p["n"][0] * p["s"]

    found = secant.gradient(f, x)
    exact = jax.grad(f)(x)
    for name, leaf in x.items():
        assert np.all(np.abs(np.asarray(found.value[name]) - np.asarray(exact[name])) <= np.asarray(found.error[name]))
        assert isinstance(found.value[name], jax.Array) == isinstance(leaf, jax.Array)
    assert found.verdict is Verdict.OK


def test_the_other_questions() -> None:
    found = secant.derivative(jax.jit(jnp.sin), jnp.asarray(1.0))
    assert abs(found.value - np.cos(1.0)) <= found.error <= 1e-4
    walk = secant.gradient_descent(lambda p: jnp.sum(p**2), jnp.array([3.0, 4.0]), lr=0.1, iterations=5)
    assert isinstance(walk.x, jax.Array)
    assert np.allclose(walk.x, np.array([3.0, 4.0]) * 0.8**5, rtol=1e-3)
    evaluate = Evaluator(lambda p: jnp.stack([p, 2.0 * p]), jnp.asarray(1.0))
    ask(evaluate, (0.0,))
    assert (evaluate.shaped([0.5, 1.0]).dtype, evaluate.shaped([0.5, 1.0], "error").shape) == (np.float32, (2,))


# --- what is refused --------------------------------------------------------------------------------------

GONE = jnp.ones(2)
GONE.delete()


@pytest.mark.parametrize(
    "x, text",
    [
        (jnp.array([True]), "a JAX array of dtype bool: convert it with `.astype('float32')`"),
        (jnp.array([1j]), "a JAX array of dtype complex64: pass its real and imaginary parts as two arrays"),
        (
            jnp.ones(2, jnp.float8_e5m2),
            "a JAX array of dtype float8_e5m2: convert it with `.astype('float32')`",
        ),
        (jax.random.key(0), "a JAX array of dtype key<fry>"),
        (GONE, "a JAX array of dtype float32 that cannot be read (Array has been deleted"),
    ],
)
def test_what_is_not_a_real_number_is_refused_with_its_path(x, text) -> None:
    with pytest.raises(InputTypeError) as caught:
        flatten({"w": [1.0, x]})
    assert str(caught.value).startswith(f"`x` must hold real numbers only; ['w'][1] is {text}")


def test_secant_is_called_outside_of_what_is_traced() -> None:
    ask_inside = jax.jit(lambda p: secant.gradient(lambda q: jnp.sum(q**2), p).value)
    with pytest.raises(InputTypeError, match="got a traced JAX array: call secant outside of `jit`"):
        ask_inside(jnp.ones(2))
    traced = jax.jit(lambda p: secant.gradient(lambda q: q[0] * p, np.ones(2)).value)
    with pytest.raises(OutputError, match="got a traced JAX array: call secant outside of `jit`"):
        traced(jnp.asarray(1.0))


def test_values_of_x_that_are_refused() -> None:
    with pytest.raises(InputError, match=r"`x` must be finite; \[1\] is nan"):
        flatten(jnp.array([1.0, jnp.nan]))
    with pytest.raises(InputError, match=r"at least one entry; got an array of shape \(0, 3\)"):
        flatten(jnp.ones((0, 3)))
    with pytest.raises(InputTypeError, match="needs a writable array, or a tree of them; `x` is a JAX array"):
        Evaluator(lambda p: 0.0, jnp.ones(2), inplace=True)


def test_arrays_as_numpy_arrays() -> None:
    assert as_numpy(jnp.array([1.5], jnp.bfloat16)).dtype == np.float32
    assert as_numpy(jnp.array([True, False])).tolist() == [True, False]
