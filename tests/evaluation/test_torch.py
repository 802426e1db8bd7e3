"""PyTorch tensors: what f is handed, what may come back, and what results look like."""

import contextlib
import math
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
from secant.core.request import NOT_FINITE, OUTSIDE, Request
from secant.core.verdicts import Verdict
from secant.evaluation.evaluator import Evaluator
from secant.evaluation.foreign import as_numpy
from secant.evaluation.precision import ROUNDERS, ROUNDOFF
from secant.evaluation.trees import flatten, leaves

torch = pytest.importorskip("torch")

FLOATS = {torch.float64: "float64", torch.float32: "float32", torch.float16: "float16", torch.bfloat16: "bfloat16"}
INTEGERS = [torch.int8, torch.int16, torch.int32, torch.int64, torch.uint8, torch.uint16, torch.uint32, torch.uint64]
DEVICES = [
    "cpu",
    pytest.param(
        "cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="platform: no CUDA device here")
    ),
]


def ask(evaluate: Evaluator, t: Any, lane: Any = None, directions: Any = None) -> Any:
    return evaluate(Request(evaluate.base, lane, t, directions))


def same(a: Any, b: Any) -> bool:
    """Whether two tensors are of the same make and hold the same bits."""
    kind = {2: torch.int16, 4: torch.int32, 8: torch.int64}[a.element_size()]
    return (
        (a.dtype, a.device, a.shape) == (b.dtype, b.device, b.shape)
        and not b.requires_grad
        and torch.equal(a.detach().contiguous().view(kind), b.contiguous().view(kind))
    )


@st.composite
def tensors(draw: st.DrawFn) -> Any:
    """Tensors of every float dtype and any shape, not always contiguous, some with a gradient."""
    dtype = draw(st.sampled_from(list(FLOATS)))
    shape = draw(hnp.array_shapes(min_dims=0, max_dims=3, max_side=3))
    numbers = draw(hnp.arrays(np.float32, shape, elements=st.floats(-1000.0, 1000.0, width=16) | st.just(-0.0)))
    x = torch.from_numpy(numbers).to(dtype)
    which = draw(st.sampled_from(["plain", "transposed", "expanded", "view"]))
    if which == "transposed":
        x = x.mT if x.ndim > 1 else x
    elif which == "expanded":
        x = x.expand(2, *shape)
    elif which == "view":
        x = torch.stack([x, x])[1]
    return x.requires_grad_() if draw(st.booleans()) else x


# --- the points -------------------------------------------------------------------------------------------


@given(tensors())
def test_flatten_and_unflatten_are_inverse(x) -> None:
    vector, layout = flatten(x)
    assert vector.tolist() == x.detach().double().reshape(-1).tolist()
    assert (layout.size, layout.shapes, layout.scalar) == (x.numel(), (tuple(x.shape),), not x.shape)
    assert layout.eps == ROUNDOFF[FLOATS[x.dtype]]
    again = layout.unflatten(vector)
    assert same(x, again)
    assert type(again) is torch.Tensor
    assert leaves(x)[0] is x


@given(tensors(), st.data())
def test_steps_are_added_at_the_precision_of_the_leaf(x, data) -> None:
    """What f sees is the entry plus the step, both rounded, and nothing else is moved."""
    seen: list[Any] = []
    evaluate = Evaluator(lambda p: seen.append(p) or 0.0, x)
    i, h = data.draw(st.integers(0, x.numel() - 1)), data.draw(st.floats(-10.0, 10.0))
    ask(evaluate, (h, 0.0), (i, i))
    vector, rounder = flatten(x)[0], ROUNDERS.get(FLOATS[x.dtype], float)
    moved = x.detach().clone().contiguous()
    if h:
        moved.view(-1)[i] = rounder(vector[i] + rounder(h))
    assert same(moved, seen[0])
    assert same(x, seen[1])


def test_directions_are_followed_and_rounded_to_the_leaves() -> None:
    x = {"a": torch.ones(2, dtype=torch.bfloat16), "b": torch.ones(1), "c": np.ones(1), "d": 1.0}
    seen: list[Any] = []
    evaluate = Evaluator(lambda p: seen.append(p) or 0.0, x)
    ask(evaluate, (0.5,), (0,), np.array([[0.1, 0.2, 0.3, 0.4, 0.5]]))
    (point,) = seen
    assert point["a"].tolist() == [ROUNDERS["bfloat16"](1.05), ROUNDERS["bfloat16"](1.1)]
    assert point["b"].tolist() == [float(np.float32(1.15))]
    assert (point["c"].tolist(), point["d"]) == ([1.2], 1.25)
    assert evaluate.layout.eps.tolist() == [2.0**-8, 2.0**-8, 2.0**-24, 2.0**-53, 2.0**-53]
    assert [evaluate.layout.path(i) for i in range(5)] == ["['a'][0]", "['a'][1]", "['b'][0]", "['c'][0]", "['d']"]


@pytest.mark.parametrize("dtype", INTEGERS, ids=str)
def test_integers_become_float64(dtype) -> None:
    x = torch.tensor([[1, 2], [3, 4]]).to(dtype)
    vector, layout = flatten(x)
    assert vector.tolist() == [1.0, 2.0, 3.0, 4.0]
    assert same(torch.tensor([[1.0, 2.0], [3.0, 4.0]], dtype=torch.float64), layout.unflatten(vector))
    assert layout.exact


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_points_beyond_the_range_are_outside_and_f_is_not_called_there(dtype) -> None:
    x = torch.full((2,), torch.finfo(dtype).max, dtype=dtype)
    evaluate = Evaluator(lambda p: 1.0, x)
    reply = ask(evaluate, (0.0, float(x[0]), -float(x[0])), (0, 1, 1))
    assert reply.status.tolist() == [0, OUTSIDE, 0]
    assert evaluate.evaluations == 2


@given(tensors())
def test_f_may_do_what_it_likes_with_its_argument(x) -> None:
    before = x.detach().clone()
    handed = []

    def f(p: Any) -> float:
        assert not p.requires_grad
        p.requires_grad_()
        value = p.double().sum().item()
        handed.append(p.data_ptr())
        with torch.no_grad():
            p.fill_(torch.nan)
        return value

    evaluate = Evaluator(f, x)
    assert ask(evaluate, (0.0, 0.0, 0.0)).values == [float(before.double().sum())] * 3
    assert same(before, x.detach())
    assert x.data_ptr() not in handed


def test_f_may_take_gradients_itself() -> None:
    """A gradient penalty needs its graph, so f is not run under no_grad."""

    def penalty(p: Any) -> Any:
        p.requires_grad_()
        (slope,) = torch.autograd.grad((p**3).sum(), p, create_graph=True)
        return (slope**2).sum()

    x = torch.tensor([0.5, -1.0], dtype=torch.float64, requires_grad=True)
    found = secant.gradient(penalty, x)
    assert torch.allclose(found.value, 36.0 * x.detach() ** 3, rtol=1e-12)
    assert x.grad is None


# --- the values -------------------------------------------------------------------------------------------

VALUES = [
    (torch.tensor(1.5), (), [1.5], 2.0**-24),
    (torch.tensor(1.5, dtype=torch.float64, requires_grad=True), (), [1.5], 2.0**-53),
    (torch.tensor(1.5, dtype=torch.float16), (), [1.5], 2.0**-11),
    (torch.tensor(1.5, dtype=torch.bfloat16), (), [1.5], 2.0**-8),
    (torch.tensor(1.5).to(torch.float8_e4m3fn), (), [1.5], 2.0**-4),
    (torch.tensor(3), (), [3.0], 2.0**-53),
    (torch.tensor([1.5, 2.5], requires_grad=True), (2,), [1.5, 2.5], 2.0**-24),
    (torch.arange(6.0).reshape(2, 3).T, (3, 2), [0.0, 3.0, 1.0, 4.0, 2.0, 5.0], 2.0**-24),
    (torch.tensor([1.5], dtype=torch.bfloat16), (1,), [1.5], 2.0**-8),
    (torch.tensor([1, 2], dtype=torch.uint16), (2,), [1.0, 2.0], 2.0**-53),
    (torch.tensor([1.0, 0.0, 3.0]).to_sparse(), (3,), [1.0, 0.0, 3.0], 2.0**-24),
    (torch.tensor(1.0 + 2.0j), (), [1.0 + 2.0j], 2.0**-24),
    (torch.tensor([1.0 + 2.0j], dtype=torch.complex128).conj(), (1,), [1.0 - 2.0j], 2.0**-53),
    (torch.tensor([1.0 + 2.0j]).conj().imag, (1,), [-2.0], 2.0**-24),
    ([torch.tensor(1.5, requires_grad=True), torch.tensor(2.5)], (2,), [1.5, 2.5], 2.0**-24),
    ((torch.tensor([1.5]), torch.tensor([2.5], dtype=torch.bfloat16)), (2, 1), [1.5, 2.5], 2.0**-8),
    ([1.5, torch.tensor(2.5)], (2,), [1.5, 2.5], 2.0**-24),
]


@pytest.mark.parametrize("value, shape, flat, eps", VALUES)
@pytest.mark.parametrize("x", [1.0, torch.ones(2)], ids=["number", "tensor"])
def test_values_of_every_kind(value, shape, flat, eps, x) -> None:
    evaluate = Evaluator(lambda p: value, x)
    for steps in ((0.0, 0.5), np.array([0.0, 0.5])):
        reply = ask(evaluate, steps)
        assert (reply.status, reply.eps) == (None, eps)
        assert np.array(reply.values).reshape(2, -1).tolist() == [flat, flat]
    assert (evaluate.value_shape, evaluate.complex_values) == (shape, np.iscomplexobj(flat))
    known = evaluate.expect(value)
    assert (known.dtype, known.tolist()) == (np.complex128 if np.iscomplexobj(flat) else np.float64, flat)


def test_a_buffer_that_f_uses_again_is_copied() -> None:
    buffer = torch.zeros(2, dtype=torch.float64)

    def f(p: Any) -> Any:
        buffer[:] = p
        return buffer

    reply = ask(Evaluator(f, torch.ones(2, dtype=torch.float64)), (0.0, 1.0), (0, 0))
    assert reply.values.tolist() == [[1.0, 1.0], [2.0, 1.0]]


@pytest.mark.parametrize(
    "value, text",
    [
        (torch.tensor(True), "got a PyTorch tensor of dtype bool"),
        (torch.ones(2, dtype=torch.bool), "got a PyTorch tensor of dtype bool"),
        (torch.ones(0, 2), "got an empty array of shape (0, 2)"),
        (torch.ones(2, device="meta"), "got a bad Tensor ("),
        ([torch.ones(2), torch.tensor(1.0)], "got a list of arrays of shapes (2,) and ()"),
    ],
)
def test_values_that_are_refused(value, text) -> None:
    with pytest.raises(OutputError) as caught:
        ask(Evaluator(lambda p: value, torch.ones(2)), (0.0,))
    assert str(caught.value).startswith(f"`f` must return a real or complex number, or an array of them; {text}")


def test_values_that_are_not_finite_and_matrices_that_have_no_factor() -> None:
    evaluate = Evaluator(torch.log, torch.tensor(0.25))
    assert ask(evaluate, (0.0, -0.5)).status.tolist() == [0, NOT_FINITE]

    def f(p: Any) -> Any:
        return torch.linalg.cholesky(torch.diag(p)).sum()

    x = torch.tensor([1.0, 0.25])
    evaluate = Evaluator(f, x)
    assert ask(evaluate, (0.0, -0.5), (0, 1)).status.tolist() == [0, OUTSIDE]
    assert "_LinAlgError" in evaluate.failures[0]
    with pytest.raises(torch.linalg.LinAlgError):
        ask(Evaluator(f, x, on_error="raise"), (-0.5,), (1,))


# --- the results ------------------------------------------------------------------------------------------


@given(tensors(), st.data())
def test_results_are_at_home_where_their_leaves_are(x, data) -> None:
    _, layout = flatten([x, 1.0])
    n = layout.size
    values = data.draw(hnp.arrays(np.float64, n, elements=st.floats(-1e6, 1e6)))
    words = data.draw(st.lists(st.sampled_from(list(Verdict)), min_size=n, max_size=n))
    (value, _), (error, _), (verdicts, _) = (
        layout.wrap(values),
        layout.wrap(values, "error"),
        layout.wrap(words, "verdict"),
    )
    round_to = ROUNDERS.get(FLOATS[x.dtype], float)
    wanted = torch.tensor([round_to(v) for v in values[:-1]], dtype=torch.float64).to(x.dtype).reshape(x.shape)
    assert same(wanted, value)
    assert same(torch.from_numpy(values[:-1]).reshape(x.shape), error)
    if x.shape:
        assert (verdicts.dtype, verdicts.shape) == (object, tuple(x.shape))
        assert verdicts.reshape(-1).tolist() == words[:-1]
    else:
        assert verdicts is words[0]


def test_wrapped_results_share_no_memory() -> None:
    values = np.arange(4.0)
    layout = flatten([torch.ones(2, dtype=torch.float64), torch.ones(2, dtype=torch.float64)])[1]
    for kind in ("value", "error"):
        first, second = layout.wrap(values, kind)
        first.fill_(9.0)
        assert second.tolist() == [2.0, 3.0]
    assert values.tolist() == [0.0, 1.0, 2.0, 3.0]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype, digits", [(torch.float64, 12.0), (torch.float32, 4.0), (torch.float16, 1.0)], ids=str)
def test_a_gradient_is_within_its_bars(device, dtype, digits) -> None:
    x = torch.tensor([[1.0, 2.0, 3.0]], dtype=dtype, device=device)
    found = secant.gradient(lambda p: (torch.sin(p) * p).sum(), x)
    exact = (torch.cos(x.double()) * x.double() + torch.sin(x.double())).cpu()
    assert (found.value.dtype, found.value.device, found.value.shape) == (dtype, x.device, x.shape)
    assert (found.error.dtype, found.error.device) == (torch.float64, x.device)
    gap = (found.value.cpu().double() - exact).abs()
    assert (gap <= found.error.cpu()).all()
    assert found.error.max() <= 10.0**-digits
    assert found.verdict is Verdict.OK or dtype is torch.float16


def test_the_parameters_of_a_module() -> None:
    generator = torch.Generator().manual_seed(7)
    module = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 1))
    inputs = torch.randn(10, 3, generator=generator)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator))

    def loss(parameters: Any) -> Any:
        return torch.func.functional_call(module, parameters, (inputs,)).pow(2).mean()

    named = dict(module.named_parameters())
    found = secant.gradient(loss, named)
    exact = dict(zip(named, torch.autograd.grad(loss(named), list(named.values())), strict=True))
    assert set(found.value) == set(named)
    for name, parameter in named.items():
        value = found.value[name]
        assert (type(value), value.dtype, value.shape) == (torch.Tensor, torch.float32, parameter.shape)
        assert not value.requires_grad
        assert ((value - exact[name]).abs() <= found.error[name]).all()
        assert parameter.grad is None


def test_answers_with_the_shape_of_the_values() -> None:
    def f(p: Any) -> Any:
        return torch.stack([torch.sin(p).sum(), (p * p).sum()])

    for dtype in (torch.float32, torch.float64):
        evaluate = Evaluator(f, torch.ones(2, dtype=dtype))
        ask(evaluate, (0.0,))
        value, error = evaluate.shaped([0.1, 2.0]), evaluate.shaped([1e-3, 1e-4], "error")
        assert same(torch.tensor([0.1, 2.0], dtype=dtype), value)
        assert same(torch.tensor([1e-3, 1e-4], dtype=torch.float64), error)
        words = evaluate.shaped([Verdict.OK, Verdict.KINK], "verdict")
        assert (words.dtype, words.tolist()) == (object, [Verdict.OK, Verdict.KINK])
    evaluate = Evaluator(torch.sin, torch.tensor(1.0))
    ask(evaluate, (0.0,))
    assert (evaluate.shaped([0.5]), type(evaluate.shaped([0.5]))) == (0.5, float)
    evaluate = Evaluator(lambda p: torch.complex(p, p), torch.ones(2))
    ask(evaluate, (0.0,))
    assert evaluate.shaped([1.0 + 2.0j, 0.0]).tolist() == [1.0 + 2.0j, 0.0]
    assert evaluate.shaped([1.0 + 2.0j, 0.0]).dtype == torch.complex64


def test_the_other_questions() -> None:
    x = torch.tensor(1.0, dtype=torch.float64)
    found = secant.derivative(torch.sin, x)
    assert abs(found.value - math.cos(1.0)) <= found.error <= 1e-12
    found = secant.directional(lambda p: torch.sin(p).sum(), torch.zeros(3), torch.tensor([1.0, 2.0, 3.0]))
    assert abs(found.value - 6.0) <= found.error
    x0 = {"w": torch.tensor([3.0, 4.0], requires_grad=True), "b": torch.tensor(1.0, dtype=torch.float64)}
    walk = secant.gradient_descent(lambda p: (p["w"] ** 2).sum() + p["b"] ** 2, x0, lr=0.1, iterations=5)
    assert torch.allclose(walk.x["w"], torch.tensor([3.0, 4.0]) * 0.8**5, rtol=1e-3)
    assert torch.allclose(walk.x["b"], torch.tensor(0.8**5, dtype=torch.float64), rtol=1e-6)
    assert secant.grad(lambda p: (p**2).sum())(torch.ones(2)).dtype == torch.float32


def test_the_complex_step() -> None:
    x = torch.tensor([0.5, 1.5], dtype=torch.float64)
    found = secant.gradient(lambda p: (p.exp() * p).sum(), x, method="complex")
    assert torch.allclose(found.value, x.exp() * (1.0 + x), rtol=1e-15)
    with pytest.raises(InputTypeError, match="needs float64 entries"):
        secant.gradient(lambda p: p.sum(), torch.ones(2), method="complex")


# --- what is refused --------------------------------------------------------------------------------------

LAZY = torch.nn.UninitializedParameter()


@pytest.mark.parametrize(
    "x, text",
    [
        (torch.tensor(True), "a PyTorch tensor of dtype bool: convert it with `.to(torch.float32)`"),
        (
            torch.ones(2, dtype=torch.complex64),
            "a PyTorch tensor of dtype complex64: pass its real and imaginary parts as two arrays",
        ),
        (
            torch.ones(2).to(torch.float8_e5m2),
            "a PyTorch tensor of dtype float8_e5m2: convert it with `.to(torch.float32)`",
        ),
        (torch.eye(2).to_sparse(), "a sparse PyTorch tensor of dtype float32: convert it with `.to_dense()`"),
        (
            torch.ones(2, device="meta"),
            "a PyTorch tensor of dtype float32 on the device meta, which holds no numbers",
        ),
        (LAZY, "a PyTorch tensor of dtype float32 that cannot be read ("),
        (torch.nn.Identity(), "a torch.nn.modules.linear.Identity: pass `dict(module.named_parameters())`"),
    ],
)
def test_what_is_not_a_real_number_is_refused_with_its_path(x, text) -> None:
    with pytest.raises(InputTypeError) as caught:
        flatten(x)
    assert f"or a tree (dict, list, tuple, dataclass) of them; got {text}" in str(caught.value)
    with pytest.raises(InputTypeError) as caught:
        flatten({"w": [1.0, x]}, name="start")
    assert str(caught.value).startswith(f"`start` must hold real numbers only; ['w'][1] is {text}")


def test_values_of_x_that_are_refused() -> None:
    for x, text in [
        (torch.tensor([1.0, torch.nan]), "`x` must be finite; [1] is nan"),
        (torch.tensor(torch.inf), "`x` must be finite; it is inf"),
        (torch.ones(0, 3), "`x` must have at least one entry; got an array of shape (0, 3)"),
    ]:
        with pytest.raises(InputError) as caught:
            flatten(x)
        assert str(caught.value) == text


# --- in place ---------------------------------------------------------------------------------------------


@given(tensors(), st.sampled_from([ValueError, RuntimeError, KeyboardInterrupt]), st.data())
def test_the_callers_tensor_is_moved_and_restored_to_the_bit(x, error, data) -> None:
    if any(stride == 0 and side > 1 for stride, side in zip(x.stride(), x.shape, strict=True)):
        with pytest.raises(InputError, match="needs writable arrays; `x` is read-only"):
            Evaluator(lambda p: 0.0, x, inplace=True)
        return
    before, fails = x.detach().clone(), data.draw(st.integers(1, 5))
    seen: list[list[Any]] = [[], []]
    calls = []

    def f(p: Any) -> float:
        assert p is x
        seen[1].append(x.detach().clone())
        calls.append(1)
        with torch.no_grad():
            x.fill_(99.0)
        if len(calls) == fails:
            raise error
        return float(len(calls))

    steps, lanes = (0.0, 0.5, -0.5, 0.25), [data.draw(st.integers(0, x.numel() - 1)) for _ in range(4)]
    ask(Evaluator(lambda p: seen[0].append(p) or 0.0, x), steps, lanes)
    evaluate = Evaluator(f, x, inplace=True, on_error="mark")
    with contextlib.suppress(error):
        ask(evaluate, steps, lanes)
    assert same(before, x.detach())
    assert all(same(one, two) for one, two in zip(*seen, strict=False))


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("inplace", [False, True])
def test_points_and_values_on_a_device(device, inplace) -> None:
    x = {"a": torch.tensor([1.0, 2.0], device=device), "b": torch.ones(1, dtype=torch.bfloat16, device=device)}
    before = {name: part.clone() for name, part in x.items()}
    where = []

    def f(p: Any) -> Any:
        where.append((p["a"].device, p["b"].device, p is x))
        return torch.stack([p["a"].sum(), p["b"].sum().float()])

    reply = ask(Evaluator(f, x, inplace=inplace), (0.0, 0.5, 1.0), (0, 1, 2))
    assert reply.values.tolist() == [[3.0, 1.0], [3.5, 1.0], [3.0, 2.0]]
    assert where == [(x["a"].device, x["b"].device, inplace)] * 3
    assert all(same(before[name], x[name]) for name in x)


def test_autograd_does_not_mind() -> None:
    """A graph that was recorded before is as good afterwards: the numbers in it are the same."""
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    recorded = (x**3).sum()
    assert secant.gradient(lambda _: float((x.detach() ** 2).sum()), x, inplace=True).value.tolist() == pytest.approx(
        [2.0, 4.0], rel=1e-4
    )
    recorded.backward()
    assert x.grad.tolist() == [3.0, 12.0]


FROZEN = torch.inference_mode()(lambda: torch.ones(2))()
SHARED = torch.ones(4)
SHARED16 = torch.ones(4, dtype=torch.bfloat16)


@pytest.mark.parametrize(
    "x, error, text",
    [
        (
            torch.tensor([3, 4]),
            InputTypeError,
            "needs floating arrays; `x` is of dtype torch.int64, which cuts steps off",
        ),
        (FROZEN, InputError, "needs writable arrays; `x` is read-only"),
        ((SHARED[:3], SHARED[2:]), InputError, "needs arrays that share no memory; [0] and [1] do"),
        ((SHARED16[:3], SHARED16[2:]), InputError, "needs arrays that share no memory; [0] and [1] do"),
        ((SHARED.numpy(), SHARED), InputError, "needs arrays that share no memory; [0] and [1] do"),
    ],
)
def test_what_cannot_be_lent(x, error, text) -> None:
    with pytest.raises(error) as caught:
        Evaluator(lambda p: 0.0, x, inplace=True)
    assert str(caught.value) == f"`inplace=True` {text}"


def test_trees_in_place_are_the_callers_own() -> None:
    x = {"w": SHARED[::2], "v": SHARED[1::2], "n": np.zeros(1), "b": torch.zeros((), dtype=torch.bfloat16)}
    evaluate = Evaluator(lambda _: float(SHARED.sum() + x["n"].sum() + x["b"]), x, inplace=True)
    assert ask(evaluate, (0.0, 1.0, 2.0, 4.0), (0, 0, 1, 4)).values == [4.0, 5.0, 6.0, 8.0]
    assert (SHARED.tolist(), x["n"].tolist(), x["b"].item()) == ([1.0] * 4, [0.0], 0.0)


# --- the rest ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value, kind, wanted",
    [
        (torch.tensor([1.5], dtype=torch.bfloat16), np.float32, [1.5]),
        (torch.tensor([1.5], requires_grad=True), np.float32, [1.5]),
        (torch.tensor([True, False]), np.bool_, [True, False]),
        (torch.tensor([3]), np.int64, [3]),
    ],
)
def test_tensors_as_numpy_arrays(value, kind, wanted) -> None:
    found = as_numpy(value)
    assert (found.dtype, found.tolist()) == (kind, wanted)


@pytest.mark.slow
def test_nothing_is_imported_that_is_not_needed() -> None:
    code = (
        "import sys, torch, secant\n"
        "secant.gradient(lambda x: (x * x).sum(), torch.ones(2))\n"
        "assert not {'jax', 'optree', 'ml_dtypes'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": "src"})
