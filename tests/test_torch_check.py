"""Checks of PyTorch: modules by their named parameters, functions, custom backward passes, in both precisions."""

from typing import Any

import numpy as np
import pytest

import secant
from secant import CheckVerdict

torch = pytest.importorskip("torch")
nn = torch.nn
AGREE, DISAGREE, CANNOT_TELL = CheckVerdict.AGREE, CheckVerdict.DISAGREE, CheckVerdict.CANNOT_TELL
each_precision = pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["float64", "float32"])


def drawn(*shape: int, dtype: Any = torch.float64) -> Any:
    return torch.tensor(np.random.default_rng(3).normal(size=shape), dtype=dtype)


class HalfSquare(torch.autograd.Function):
    """The square of x, with a factor of 2 forgotten on the way back."""

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx: Any, grad: Any) -> Any:
        return grad * ctx.saved_tensors[0]


class Bad(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(4, 3)
        self.scale = nn.Parameter(torch.ones(3))

    def forward(self, x: Any) -> Any:
        return HalfSquare.apply(self.inner(x)) * self.scale


def net() -> Any:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 10), nn.Tanh(), nn.LayerNorm(10), nn.Linear(10, 3))


@each_precision
def test_a_right_module_agrees(dtype) -> None:
    found = secant.torch.check(net().to(dtype), drawn(5, 6, dtype=dtype))
    assert found.verdict is AGREE
    assert found.size == 6 * 10 + 10 + 2 * 10 + 3 * 10 + 3 + 5 * 6


@each_precision
def test_a_wrong_backward_is_found_by_the_names_of_parameters(dtype) -> None:
    torch.manual_seed(0)
    found = secant.torch.check(Bad().to(dtype), drawn(5, 4, dtype=dtype))
    assert found.verdict is DISAGREE
    assert all(path.startswith(("['inner.weight']", "['inner.bias']", "['inputs[0]']")) for path in found.paths)
    assert len(found.wrong) >= 10


@each_precision
def test_functions_agree_and_disagree(dtype) -> None:
    x = drawn(4, dtype=dtype)
    assert secant.torch.check(torch.sin, x).verdict is AGREE
    found = secant.torch.check(HalfSquare.apply, x)
    assert found.verdict is DISAGREE
    assert found.hint == "yours is half of ours: a factor 2 is missing"


def test_what_autograd_does_not_see_is_found() -> None:
    found = secant.torch.check(lambda x, y: (x * y.detach()).sum(), (drawn(3), drawn(3) + 2.0))
    assert found.paths == ("['inputs[1]'][0]", "['inputs[1]'][1]", "['inputs[1]'][2]")
    found = secant.torch.check(lambda x: torch.as_tensor(x.detach().numpy() ** 2), drawn(3))
    assert found.verdict is DISAGREE


def test_integers_and_keywords_are_held_fixed() -> None:
    def loss(scores: Any, labels: Any, weight: float = 1.0) -> Any:
        return weight * nn.functional.cross_entropy(scores, labels)

    labels = torch.tensor([0, 2, 1, 1])
    assert secant.torch.check(loss, (drawn(4, 3), labels)).verdict is AGREE
    assert secant.torch.check(loss, {"scores": drawn(4, 3), "labels": labels, "weight": 2.0}).verdict is AGREE
    assert secant.torch.check(nn.Embedding(5, 3).double(), torch.tensor([1, 4, 1])).verdict is AGREE


@pytest.mark.slow
def test_dropout_and_batch_norm_are_held_still_and_left_as_they_were() -> None:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 2)).double()
    before = {name: part.clone() for name, part in module.state_dict().items()}
    state = torch.get_rng_state()
    assert secant.torch.check(module, drawn(5, 6)).verdict is AGREE
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(part, before[name]) for name, part in module.state_dict().items())
    assert all(part.grad is None for part in module.parameters())
    assert module.training


@each_precision
def test_ties_and_kinks_are_no_mistakes(dtype) -> None:
    assert secant.torch.check(torch.relu, torch.zeros(4, dtype=dtype)).verdict is not DISAGREE
    assert secant.torch.check(lambda x: x.max(), torch.zeros(4, dtype=dtype)).verdict is not DISAGREE
    assert secant.torch.check(lambda x: x.norm(), torch.zeros(4, dtype=dtype)).verdict is not DISAGREE
    assert secant.torch.check(lambda x: x.abs().sum(), torch.zeros(4, dtype=dtype)).verdict is not DISAGREE


@pytest.mark.slow
@each_precision
def test_ties_of_a_pool_behind_kinks_are_no_mistakes(dtype) -> None:
    torch.manual_seed(0)
    pool = nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.MaxPool2d(2)).to(dtype)
    image = torch.zeros(1, 1, 10, 10, dtype=dtype)
    image[..., 3:6, 3:6] = drawn(3, 3, dtype=dtype)
    assert secant.torch.check(pool, image).verdict is not DISAGREE


def test_nothing_that_varies_is_an_error() -> None:
    with pytest.raises(secant.InputError, match="at least one tensor of real floats"):
        secant.torch.check(lambda x: x * 2.0, torch.tensor([1, 2]))
    with pytest.raises(secant.InputTypeError, match="must return a tensor of floats"):
        secant.torch.check(lambda x: (3, 4), drawn(2))


def test_a_check_takes_workers_and_a_journal(tmp_path: Any) -> None:
    layer = nn.Linear(3, 2).double()
    x = drawn(4, 3)
    plain = secant.torch.check(layer, x).to_json()
    assert secant.torch.check(layer, x, workers=lambda f, points: [f(point) for point in points]).to_json() == plain
    for _ in range(2):
        assert secant.torch.check(layer, x, journal=tmp_path / "j", journal_id="layer").to_json() == plain
    found = secant.torch.check(HalfSquare.apply, x, workers=2, timeout=60.0, max_evaluations=200)
    assert found.verdict is DISAGREE
    assert secant.torch.check(layer, x, deadline=1e-9).stopped == "deadline"
    for name in ("vectorized", "inplace"):
        with pytest.raises(secant.InputTypeError, match=f"`check` takes no option `{name}`"):
            secant.torch.check(layer, x, **{name: True})
