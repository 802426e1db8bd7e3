"""What stands in place of f: other people's evaluators, a recording, a table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import secant
from secant.core.request import FAILED, OUTSIDE, Reply, Request

X = np.array([1.0, 2.0])


class Sines:
    """The sum of sines, for whole batches."""

    def __init__(self) -> None:
        self.asked = 0

    def points(self, request: Request) -> Any:
        if request.directions is not None:
            lane = np.zeros(len(request.t), int) if request.lane is None else np.asarray(request.lane)
            return request.base + np.asarray(request.t)[:, None] * request.directions[lane]
        points = np.repeat(request.base[None], len(request.t), axis=0)
        points[np.arange(len(request.t)), 0 if request.lane is None else np.asarray(request.lane)] += request.t
        return points

    def reply(self, request: Request) -> Reply:
        self.asked += 1
        return Reply(np.sin(self.points(request)).sum(axis=1))


def f(x: Any) -> float:
    return float(np.sin(x).sum())


def test_it_gives_the_answers_of_f() -> None:
    assert isinstance(Sines(), secant.Evaluator)
    plain = secant.gradient(f, X)
    stand_in = Sines()
    found = secant.gradient(stand_in, X)
    np.testing.assert_allclose(found.value, plain.value, rtol=1e-12)
    assert stand_in.asked < found.evaluations
    assert secant.derivative(Sines(), 1.0).ok
    assert secant.directional(Sines(), X, X).ok
    walk = secant.gradient_descent(Sines(), X, lr=0.1, iterations=3)
    assert walk.fun == pytest.approx(secant.gradient_descent(f, X, lr=0.1, iterations=3).fun, rel=1e-12)


def test_a_journal_goes_with_it(tmp_path: Path) -> None:
    class Brittle(Sines):
        def reply(self, request: Request) -> Reply:
            if self.asked:
                raise KeyError("lost")
            return super().reply(request)

    with pytest.raises(KeyError):
        secant.gradient(Brittle(), X, journal=tmp_path / "j", journal_id="sines")
    assert len(secant.read_journal(tmp_path / "j").records) >= 1
    found = secant.gradient(Sines(), X, journal=tmp_path / "j", journal_id="sines")
    assert np.array_equal(found.value, secant.gradient(Sines(), X).value)


class Fixed:
    def __init__(self, make: Any) -> None:
        self.make = make

    def reply(self, request: Request) -> Any:
        return self.make(len(request.t))


@pytest.mark.parametrize(
    "make, says",
    [
        (lambda k: [1.0] * k, "must return a Reply; got a list"),
        (lambda k: Reply(np.ones(k + 1)), "got an array of shape"),
        (lambda k: Reply(np.array(["a"] * k)), "dtype"),
        (lambda k: Reply(np.ones(k), np.full(k, 7)), "a status of 0 to 3 for each point"),
        (lambda k: Reply(np.ones(k), np.full(k, FAILED)), "must have a value at x itself"),
    ],
)
def test_what_it_returns_is_looked_at(make: Any, says: str) -> None:
    with pytest.raises(secant.OutputError, match=says):
        secant.gradient(Fixed(make), X)


@pytest.mark.parametrize("how", [{"vectorized": True}, {"workers": 2}, {"inplace": True}])
def test_ways_of_evaluating_are_its_own_business(how: Any) -> None:
    with pytest.raises(secant.InputError, match="an evaluator in place of f evaluates in its own way"):
        secant.gradient(Sines(), X, **how)
    with pytest.raises(secant.InputError, match="`args` must be left out"):
        secant.gradient(Sines(), X, args=(1,))


def test_points_without_a_value_are_the_end_of_the_domain() -> None:
    class Half(Sines):
        def reply(self, request: Request) -> Reply:
            points = self.points(request)[:, 0]
            outside = points < 1.0
            status = np.where(outside, OUTSIDE, 0).astype(np.int8)
            return Reply(np.where(outside, np.nan, points**2), status)

    found = secant.derivative(Half(), 1.0)
    assert found.verdict is secant.Verdict.AT_BOUND
    assert found.value == pytest.approx(2.0, abs=found.error)


@pytest.mark.parametrize("how", [{}, {"vectorized": True}])
def test_a_recording_keeps_all_and_answers_again(how: Any) -> None:
    recording = secant.Recording(lambda x: np.sin(x).sum(axis=-1))
    first = secant.gradient(recording, X, **how)
    again = recording.replay()
    second = secant.gradient(again, X)
    assert np.array_equal(first.value, second.value)
    assert np.array_equal(first.error, second.error)
    with pytest.raises(secant.InputError, match="and this is one more"):
        secant.gradient(again, X)
    with pytest.raises(secant.InputError, match="request 0 of the recording was another one"):
        secant.gradient(recording.replay(), X + 1.0)
    with pytest.raises(secant.InputTypeError, match="must be callable, or an evaluator"):
        secant.Recording(3.0)


def test_a_recording_of_an_evaluator() -> None:
    recording = secant.Recording(Sines())
    found = secant.gradient(recording, X)
    assert recording.evaluations == found.evaluations


def test_a_table_stands_for_f() -> None:
    mock = secant.MockEvaluator({(0, 0.5): 12.25, (0, -0.5): 6.25})
    assert secant.derivative(mock, 3.0, step=0.5, method="central").value == 6.0
    with pytest.raises(secant.InputError, match=r"no value at lane 0, step 0\.25"):
        secant.derivative(mock, 3.0, step=0.25, method="central")
    many = secant.MockEvaluator(lambda lane, step: [step, 2.0 * step])
    assert secant.derivative(many, 0.0).value.tolist() == [1.0, 2.0]
    one_sided = secant.MockEvaluator(lambda lane, step: None if step < 0.0 else (1.0 + step) ** 2)
    assert secant.derivative(one_sided, 1.0).verdict is secant.Verdict.AT_BOUND
