"""Checks and the ways of evaluating: other processes, batches, a journal and a deadline change no verdict.

Above all none of them may blame a derivative that is right, for instance because it goes by what the last call of f
left behind, and f was called elsewhere.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import secant

AGREE, DISAGREE, CANNOT_TELL = secant.CheckVerdict.AGREE, secant.CheckVerdict.DISAGREE, secant.CheckVerdict.CANNOT_TELL
X = np.array([0.5, -1.0, 2.0])


def bowl(x: Any) -> Any:
    return np.sin(x[..., 0]) * x[..., 1] + x[..., 2] ** 2 * x[..., 0]


def slopes(x: Any) -> Any:
    return np.array([np.cos(x[0]) * x[1] + x[2] ** 2, np.sin(x[0]), 2 * x[2] * x[0]])


def wrong(x: Any) -> Any:
    return slopes(x) * [1.0, 1.001, 1.0]


def bends(x: Any) -> Any:
    cross = np.cos(x[0])
    return np.array([[-np.sin(x[0]) * x[1], cross, 2 * x[2]], [cross, 0.0, 0.0], [2 * x[2], 0.0, 2 * x[0]]])


def several(x: Any) -> Any:
    return np.stack([x[..., 0] * x[..., 1], np.exp(x[..., 1])], axis=-1)


def rows(x: Any) -> Any:
    return np.array([[x[1], x[0], 0.0], [0.0, np.exp(x[1]), 0.0]])


CHECKS: dict[str, Callable[..., secant.GradientCheck]] = {
    "gradient": lambda **how: secant.check_gradient(bowl, slopes, X, **how),
    "wrong gradient": lambda **how: secant.check_gradient(bowl, wrong, X, **how),
    "some entries": lambda **how: secant.check_gradient(bowl, slopes, X, wrt=[0, 2], **how),
    "jacobian": lambda **how: secant.check_jacobian(several, rows, X, **how),
    "wrong jacobian": lambda **how: secant.check_jacobian(several, lambda x: 2 * rows(x), X, **how),
    "vjp": lambda **how: secant.check_vjp(several, lambda x, u: u @ rows(x), X, **how),
    "jvp": lambda **how: secant.check_jvp(several, lambda x, v: rows(x) @ v, X, **how),
    "hessian": lambda **how: secant.check_hessian(bowl, bends, X, **how),
    "wrong hessian": lambda **how: secant.check_hessian(bowl, lambda x: bends(x) + np.eye(3), X, **how),
}


def mapped(f: Callable[..., Any], points: Iterable[Any]) -> list[Any]:
    return [f(point) for point in points]


@pytest.mark.parametrize("name", CHECKS)
def test_other_ways_of_evaluating_give_the_same_bits(tmp_path: Path, name: str) -> None:
    plain = CHECKS[name]().to_json()
    with ThreadPoolExecutor(2) as pool:
        for how in ({"workers": mapped}, {"workers": pool}, {"journal": tmp_path / "j"}, {"progress": lambda _: None}):
            assert CHECKS[name](**how).to_json() == plain
    assert CHECKS[name](journal=tmp_path / "j").to_json() == plain


@pytest.mark.parametrize("name", CHECKS)
def test_batches_give_the_same_verdict(name: str) -> None:
    plain, found = CHECKS[name](), CHECKS[name](vectorized=True)
    assert (found.verdict, found.paths) == (plain.verdict, plain.paths)


@pytest.mark.parametrize("gradient", [slopes, wrong])
def test_two_processes_give_the_same_bits(gradient: Any) -> None:
    def slow(x: Any) -> float:
        time.sleep(0.01)
        return float(bowl(x))

    plain = secant.check_gradient(slow, gradient, X)
    found = secant.check_gradient(slow, gradient, X, workers=2, timeout=5.0)
    # One more, at x: whether f travels.
    assert replace(found, evaluations=plain.evaluations).to_json() == plain.to_json()
    assert found.evaluations == plain.evaluations + 1
    assert found.verdict is (AGREE if gradient is slopes else DISAGREE)


def test_f_that_returns_its_gradient_too(tmp_path: Path) -> None:
    both = lambda x: (float(bowl(x)), slopes(x))  # noqa: E731
    plain = secant.check_gradient(both, True, X)
    for _ in range(2):
        assert secant.check_gradient(both, True, X, journal=tmp_path / "j").to_json() == plain.to_json()
    assert secant.check_gradient(both, True, X, workers=mapped).to_json() == plain.to_json()
    with pytest.raises(secant.InputError, match="`vectorized` must be False with `grad=True`"):
        secant.check_gradient(both, True, X, vectorized=True)


# --- what goes by the last call of f ------------------------------------------------------------------------


class Layer:
    """A forward pass that keeps its argument, and a backward pass that goes by that."""

    def __init__(self, wrong: float = 1.0) -> None:
        self.kept: Any = None
        self.wrong = wrong

    def loss(self, x: Any) -> float:
        self.kept = np.array(x)
        return float(np.sin(x).sum())

    def backward(self, _: Any) -> Any:
        return np.cos(self.kept) * self.wrong

    def elsewhere(self, f: Callable[..., Any], points: Iterable[Any]) -> list[Any]:
        """Evaluate as another process would: what f keeps stays there."""
        kept = self.kept
        found = [f(point) for point in points]
        self.kept = kept
        return found


def test_a_backward_pass_is_not_blamed_for_f_that_was_called_elsewhere() -> None:
    layer = Layer()
    found = secant.check_gradient(layer.loss, layer.backward, X, workers=layer.elsewhere)
    assert found.verdict is AGREE


def test_a_wrong_backward_pass_is_still_wrong() -> None:
    layer = Layer(1.01)
    found = secant.check_gradient(layer.loss, layer.backward, X, workers=layer.elsewhere)
    assert found.verdict is DISAGREE
    assert len(found.paths) == 3


def test_a_backward_pass_is_not_blamed_for_values_of_a_journal(tmp_path: Path) -> None:
    plain = Layer()
    expected = secant.check_gradient(plain.loss, plain.backward, X).verdict
    for _ in range(2):
        layer = Layer()
        found = secant.check_gradient(layer.loss, layer.backward, X, journal=tmp_path / "j", journal_id="layer")
        assert found.verdict is expected is AGREE


def test_a_gradient_that_ignores_x_is_found_out_all_the_same(tmp_path: Path) -> None:
    here = slopes(X)
    for how in ({}, {"workers": mapped}, {"journal": tmp_path / "j"}):
        found = secant.check_gradient(bowl, lambda _: here, X, **how)
        assert found.verdict is DISAGREE
        assert "stale" in found.hint


# --- the options --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CHECKS)
def test_a_deadline_ends_a_check_and_says_so(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    found = CHECKS[name](deadline=1e-9)
    assert found.verdict is CANNOT_TELL
    assert (found.stopped, found.evaluations) == ("deadline", 1)
    assert "cut short by the deadline" in found.reason
    assert secant.from_json(found.to_json()).to_json() == found.to_json()
    assert CHECKS[name]().stopped == ""


def test_ctrl_c_in_the_derivative_ends_the_check() -> None:
    def pressed(_: Any) -> Any:
        raise KeyboardInterrupt

    found = secant.check_gradient(bowl, pressed, X)
    assert (found.verdict, found.stopped) == (CANNOT_TELL, "keyboard")


def test_progress_is_told() -> None:
    seen: list[secant.Progress] = []
    found = secant.check_gradient(bowl, slopes, X, progress=seen.append)
    assert seen[-1].evaluations == found.evaluations


def test_a_call_that_hangs_costs_itself_only() -> None:
    def hanging(x: Any) -> float:
        if x[0] > 0.501:
            time.sleep(60.0)
        return float(bowl(x))

    began = time.monotonic()
    found = secant.check_gradient(hanging, slopes, X, workers=2, timeout=0.2, deadline=2.0)
    assert found.verdict is not DISAGREE
    assert time.monotonic() - began < 20.0


def test_a_journal_belongs_to_a_derivative_too(tmp_path: Path) -> None:
    path = tmp_path / "j"
    secant.check_gradient(bowl, slopes, X, journal=path)
    with pytest.raises(secant.InputError, match="belongs to another question: the option `derivative`"):
        secant.check_gradient(bowl, wrong, X, journal=path)
    with pytest.raises(secant.InputError, match="the option `question` was 'check_gradient' and is 'gradient'"):
        secant.gradient(bowl, X, journal=path)


@pytest.mark.parametrize(
    ("how", "error", "text"),
    [
        ({"worker": 2}, secant.InputTypeError, "`check_gradient` takes no option `worker`: did you mean `workers`"),
        ({"rtol": 1e-3}, secant.InputTypeError, "`check_gradient` takes no option `rtol`"),
        ({"deadline": -1.0}, secant.InputError, "`deadline` must be a positive number of seconds; got -1.0"),
        ({"timeout": 1.0}, secant.InputError, "`timeout` must come with `workers=`"),
        ({"journal_id": "f"}, secant.InputError, "`journal_id` must come with a `journal`"),
        ({"vectorized": True, "workers": 2}, secant.InputError, "`vectorized` and `workers` must not both be given"),
        ({"inplace": True, "workers": 2}, secant.InputError, "`inplace` must stand alone"),
    ],
)
def test_bad_options_are_refused_before_f_is_called(how: dict[str, Any], error: type[Exception], text: str) -> None:
    def never(_: Any) -> Any:
        raise AssertionError

    with pytest.raises(error) as caught:
        secant.check_gradient(never, slopes, X, **how)
    assert text in str(caught.value)


def test_a_gradient_takes_one_point_at_a_time() -> None:
    with pytest.raises(secant.InputTypeError, match="`check_hessian` takes no option `vectorized`"):
        secant.check_hessian(None, bends, X, gradient=slopes, vectorized=True)


def test_an_evaluator_in_place_of_f() -> None:
    recording = secant.Recording(bowl)
    found = secant.check_gradient(recording, slopes, X)
    assert found.ok
    assert secant.check_gradient(recording.replay(), slopes, X).to_json() == found.to_json()
