"""Killed anywhere and started again: every question gives the bits of a run that nothing disturbed, and pays once.

A journal is what makes that so. Of what was evaluated when the run ended nothing is evaluated again, but the one point
by which f is known again.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import secant
from secant.evaluation.watch import Watch

X = np.array([0.5, -1.0, 2.0])


class Killed(BaseException):
    """Ends the run at once: nobody may catch it."""


class Dying:
    """A function that ends the run at a call; calls that were completed are paid for."""

    def __init__(self, f: Callable[..., Any], die: int = -1, end: type[BaseException] = Killed) -> None:
        self.f, self.left, self.end = f, die, end
        self.paid = 0

    def __call__(self, x: Any) -> Any:
        self.left -= 1
        if self.left == 0:
            raise self.end
        found = self.f(x)
        self.paid += 1
        return found


def bowl(x: Any) -> Any:
    return np.sin(x[0]) * x[1] + x[2] ** 2 * x[0]


def slopes(x: Any) -> Any:
    return np.array([np.cos(x[0]) * x[1] + x[2] ** 2, np.sin(x[0]), 2 * x[2] * x[0]])


def bends(x: Any) -> Any:
    cross = np.cos(x[0])
    return np.array([[-np.sin(x[0]) * x[1], cross, 2 * x[2]], [cross, 0.0, 0.0], [2 * x[2], 0.0, 2 * x[0]]])


def wrong(x: Any) -> Any:
    return slopes(x) * [1.0, 2.0, 1.0]


def several(x: Any) -> Any:
    return np.array([x[0] * x[1], np.exp(x[1])])


def rows(x: Any) -> Any:
    return np.array([[x[1], x[0], 0.0], [0.0, np.exp(x[1]), 0.0]])


def banded(x: Any) -> Any:
    return np.array([x[0] ** 2, x[0] * x[1], np.sin(x[1]) * x[2]])


def kinked(x: Any) -> Any:
    return abs(x[0] - 0.5) + x[1] ** 2 + x[2]


def rough(x: Any) -> Any:
    return float(np.round(bowl(x), 5))


BAND = np.tril(np.triu(np.ones((3, 3)), -1))

QUESTIONS: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "derivative": (lambda f, **how: secant.derivative(f, 0.5, **how), np.sin),
    "third derivative": (lambda f, **how: secant.derivative(f, 0.5, order=3, **how), np.sin),
    "complex step": (lambda f, **how: secant.derivative(f, 0.5, method="complex", **how), np.sin),
    "fixed step": (lambda f, **how: secant.gradient(f, X, step=1e-4, method="central", **how), bowl),
    "gradient": (lambda f, **how: secant.gradient(f, X, **how), bowl),
    "kink": (lambda f, **how: secant.gradient(f, X, **how), kinked),
    "noise": (lambda f, **how: secant.gradient(f, X, **how), rough),
    "budget": (lambda f, **how: secant.gradient(f, X, max_evaluations=17, **how), bowl),
    "directional": (lambda f, **how: secant.directional(f, X, np.ones(3), **how), bowl),
    "jacobian": (lambda f, **how: secant.jacobian(f, X, **how), several),
    "sparse jacobian": (lambda f, **how: secant.jacobian(f, X, sparsity=BAND, **how), banded),
    "detected jacobian": (lambda f, **how: secant.jacobian(f, X, sparsity="detect", **how), banded),
    "hessian": (lambda f, **how: secant.hessian(f, X, **how), bowl),
    "hessian of a gradient": (lambda f, **how: secant.hessian(None, X, gradient=f, **how), slopes),
    "hvp": (lambda f, **how: secant.hvp(f, X, np.ones(3), **how), bowl),
    "level of noise": (lambda f, **how: secant.noise(f, X, **how), rough),
    "steps": (lambda f, **how: secant.steps(f, 0.5, **how), np.sin),
    "descent": (lambda f, **how: secant.gradient_descent(f, X, lr=0.05, iterations=3, **how), bowl),
    "check_gradient": (lambda f, **how: secant.check_gradient(f, slopes, X, **how), bowl),
    "check of a wrong gradient": (lambda f, **how: secant.check_gradient(f, wrong, X, **how), bowl),
    "check of some": (lambda f, **how: secant.check_gradient(f, slopes, X, wrt=[0, 2], **how), bowl),
    "check under noise": (lambda f, **how: secant.check_gradient(f, slopes, X, **how), rough),
    "check_jacobian": (lambda f, **how: secant.check_jacobian(f, rows, X, **how), several),
    "check_vjp": (lambda f, **how: secant.check_vjp(f, lambda x, u: u @ rows(x), X, **how), several),
    "check_jvp": (lambda f, **how: secant.check_jvp(f, lambda x, v: rows(x) @ v, X, **how), several),
    "check_hessian": (lambda f, **how: secant.check_hessian(f, bends, X, **how), bowl),
    "check of second derivatives": (lambda f, **how: secant.check_hessian(None, bends, X, gradient=f, **how), slopes),
}
#: Of long questions a kill at every so many calls has to do.
KILLS = 25


@pytest.mark.parametrize("name", QUESTIONS)
def test_killed_anywhere_and_started_again_is_undisturbed(tmp_path: Path, name: str) -> None:
    question, f = QUESTIONS[name]
    whole = Dying(f)
    answer = question(whole).to_json()
    for die in range(1, whole.paid + 1, 1 + whole.paid // KILLS):
        path, first, second = tmp_path / f"{die}", Dying(f, die), Dying(f)
        with pytest.raises(Killed):
            question(first, journal=path, journal_id="f")
        found = question(second, journal=path, journal_id="f")
        assert found.to_json() == answer
        assert first.paid == die - 1
        # A wrong gradient costs two calls in this process before it is called so.
        told = 2 * (isinstance(found, secant.GradientCheck) and found.verdict == "disagree")
        assert first.paid + second.paid == whole.paid + (die > 1) + told


@pytest.mark.parametrize("name", QUESTIONS)
def test_killed_time_after_time_it_still_comes_to_its_end(tmp_path: Path, name: str) -> None:
    question, f = QUESTIONS[name]
    whole = Dying(f)
    answer, paid, starts = question(whole).to_json(), 0, 0
    while True:
        starts += 1
        part = Dying(f, 9)
        try:
            found = question(part, journal=tmp_path / "j", journal_id="f").to_json()
        except Killed:
            paid += part.paid
            continue
        break
    assert found == answer
    assert whole.paid <= paid + part.paid <= whole.paid + starts + 1


#: Through these Ctrl-C passes: what they return could not say that it was cut short.
PASSES = ("level of noise", "steps", "detected jacobian")


@pytest.mark.parametrize("name", [name for name in QUESTIONS if name not in PASSES])
def test_interrupted_anywhere_it_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    question, f = QUESTIONS[name]
    whole = Dying(f)
    answer = question(whole).to_json()
    for die in range(2, whole.paid + 1, 1 + whole.paid // 6):
        monkeypatch.setattr(Watch, "pressed", -np.inf)
        path, first, second = tmp_path / f"{die}", Dying(f, die, KeyboardInterrupt), Dying(f)
        cut = question(first, journal=path, journal_id="f")
        assert cut.stopped == "keyboard"
        assert cut.evaluations == first.paid + 1  # the call that was ended had begun
        assert question(second, journal=path, journal_id="f").to_json() == answer
        assert first.paid + second.paid <= whole.paid + 3
