"""PyTorch tensors as x and as values of f: same dtype and device in the answer, bars that hold, nothing written."""

import numpy as np
import pytest

import secant
from secant import Verdict

torch = pytest.importorskip("torch")

DTYPES = [torch.float64, torch.float32, torch.float16, torch.bfloat16]


def loss(x):
    return (torch.sin(x) * torch.arange(1.0, x.numel() + 1.0, dtype=x.dtype)).sum()


def truth(x):
    """Return the gradient of the loss, by autograd in float64."""
    wide = x.detach().double().requires_grad_()
    loss(wide).backward()
    return wide.grad


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_gradients_stay_at_home_and_are_within_their_bars(dtype) -> None:
    x = torch.tensor([0.5, 1.25, -0.75], dtype=dtype)
    before, seen = x.clone(), set()

    def f(point):
        seen.add((type(point), point.dtype, point.device, point.shape))
        return loss(point)

    est = secant.gradient(f, x)
    assert seen == {(torch.Tensor, dtype, x.device, x.shape)}
    assert (est.value.dtype, est.error.dtype, est.value.shape) == (dtype, torch.float64, x.shape)
    assert torch.equal(x, before)
    # Results are rounded to the dtype that they are handed over in.
    spacing = torch.finfo(dtype).eps * est.value.double().abs()
    assert torch.all((est.value.double() - truth(x)).abs() <= 2.0 * est.error + spacing)


def test_parameters_with_gradients_are_read_and_left_alone() -> None:
    x = torch.nn.Parameter(torch.tensor([0.5, 1.25], dtype=torch.float64))
    est = secant.gradient(loss, x)
    assert torch.all((est.value - truth(x)).abs() <= est.error)
    assert not est.value.requires_grad
    assert x.grad is None
    assert x.requires_grad


def test_f_may_take_gradients_itself() -> None:
    def slope(x):
        x.requires_grad_()
        (found,) = torch.autograd.grad((x**3).sum(), x)
        return found.sum()

    est = secant.gradient(slope, torch.tensor([1.0, 2.0], dtype=torch.float64))
    assert torch.all((est.value - torch.tensor([6.0, 12.0])).abs() <= est.error)


def test_trees_may_mix_libraries() -> None:
    x = {"w": torch.tensor([3.0, 4.0], dtype=torch.float64), "b": np.array([0.5])}
    est = secant.gradient(lambda p: float((p["w"] ** 2).sum()) * float(p["b"][0]), x)
    assert isinstance(est.value["w"], torch.Tensor)
    assert isinstance(est.value["b"], np.ndarray)
    assert torch.all((est.value["w"] - x["w"]).abs() <= est.error["w"])
    assert abs(est.value["b"][0] - 25.0) <= est.error["b"][0]


@pytest.mark.parametrize("aliased", [False, True])
def test_a_tensor_that_is_lent_comes_back_whatever_happens(aliased) -> None:
    for at in range(1, 16):
        x, calls = torch.tensor([3.0, 4.0], dtype=torch.float64), []

        def f(point, x=x, calls=calls, at=at):
            calls.append(0)
            if len(calls) == at:
                raise KeyError("in between")
            return ((x if aliased else point) ** 2).sum()

        with pytest.raises(KeyError):
            secant.gradient(f, x, inplace=True)
        assert x.tolist() == [3.0, 4.0]
    x = torch.tensor([3.0, 4.0], dtype=torch.float64)
    est = secant.gradient(lambda point: ((x if aliased else point) ** 2).sum(), x, inplace=True)
    assert torch.all((est.value - 2.0 * x).abs() <= est.error)
    assert secant.gradient(lambda point: (x**2).sum(), x).verdict is Verdict.INDEPENDENT


@pytest.mark.parametrize(
    ("x", "words"),
    [
        (torch.tensor([True]), "bool"),
        (torch.tensor([1j]), "real and imaginary"),
        (torch.eye(2).to_sparse(), "to_dense"),
        (torch.ones(2, device="meta"), "meta"),
    ],
)
def test_tensors_without_real_numbers_are_refused(x, words) -> None:
    with pytest.raises(secant.SecantError, match=words):
        secant.gradient(lambda point: 0.0, x)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="platform: no CUDA device")
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_gradients_on_a_cuda_device(dtype) -> None:
    x = torch.tensor([0.5, 1.25, -0.75], dtype=dtype, device="cuda")
    est = secant.gradient(lambda point: torch.sin(point).sum(), x)
    assert est.value.device == x.device
    spacing = torch.finfo(dtype).eps * est.value.double().abs()
    assert torch.all((est.value.double() - torch.cos(x.double())).abs() <= 2.0 * est.error + spacing)
