"""Hints: what is written instead is what the question takes, and f is not called to find out."""

import inspect
import re
from typing import Any

import numpy as np
import pytest

import secant
from secant.evaluation import hints
from secant.evaluation.how import NAMES


def never(*_: Any) -> float:
    raise AssertionError("f was called")


THREE = np.zeros(3)
PAIRS = [(0.0, 0.5), (0.0, 2.0), (None, 1.0)]


@pytest.mark.parametrize(
    ("question", "how", "says"),
    [
        (secant.minimize, {"options": {"maxiter": 9}}, "`options`: write what stands in it as options of their own"),
        (secant.minimize, {"maxiter": 9}, "`minimize` takes no option `maxiter`: write `max_evaluations=` instead"),
        (secant.minimize, {"tol": 1e-3}, "`minimize` takes no option `tol`: write `rtol=` instead"),
        (secant.minimize, {"gtol": 1e-3}, "`minimize` takes no option `gtol`: write `rtol=` instead"),
        (secant.minimize, {"jac": never}, "slopes come from values of f alone"),
        (secant.minimize, {"method": "BFGS"}, "jac=secant.grad(f), method='BFGS')"),
        (secant.minimize, {"bounds": PAIRS}, "is written `bounds=tuple(zip(*pairs))`"),
        (secant.minimize, {"bounds": np.ones((3, 2))}, "got an ndarray; a (low, high) for each entry is written"),
        (secant.gradient_descent, {"bounds": (0, 1)}, "`bounds`: it has no bounds; derivatives and `minimize` do"),
        (secant.gradient_descent, {"max_evaluations": 9}, "`max_evaluations`: write `iterations=` instead"),
        (secant.gradient_descent, {"learning_rate": 0.1}, "`learning_rate`: write `lr=` instead"),
        (secant.gradient_descent, {"method": "BFGS"}, "`minimize` chooses its own way down"),
        (secant.gradient, {"eps": 1e-3}, "`gradient` takes no option `eps`: write `step=` instead"),
        (secant.gradient, {"method": "3-point"}, "SciPy's '3-point' is 'central' here"),
        (secant.gradient, {"bounds": PAIRS}, "is written `bounds=tuple(zip(*pairs))`"),
        (secant.gradient, {"n_jobs": 2}, "`n_jobs`: write `workers=` instead"),
        (secant.gradient, {"workers": 10**6}, "a number of processes from 1 to 4096, a function like"),
    ],
)
def test_a_habit_is_told_what_to_write(question: Any, how: dict[str, Any], says: str) -> None:
    with pytest.raises(secant.SecantError) as caught:
        question(never, THREE, **how)
    assert says in str(caught.value)


@pytest.mark.parametrize("question", [secant.minimize, secant.gradient])
def test_two_pairs_of_two_entries_are_lower_and_upper_bounds(question: Any) -> None:
    with pytest.raises(secant.InputError, match=r"\[1\] must lie within `bounds`, 0.5 to 2; got 0; a \(low, high\)"):
        question(never, np.zeros(2), bounds=[(0.0, 0.5), (0.0, 2.0)])
    with pytest.raises(secant.InputError, match=r"lower bound first; got 3, 2 for x\[1\]; a \(low, high\) for"):
        question(never, np.zeros(2), bounds=[(0.0, 3.0), (0.0, 2.0)])


def test_what_the_hint_says_for_pairs_is_right() -> None:
    found = secant.minimize(lambda x: float(((x - 3.0) ** 2).sum()), THREE, bounds=tuple(zip(*PAIRS, strict=True)))
    assert found.x.tolist() == [0.5, 2.0, 1.0]


@pytest.mark.needs("scipy")
def test_what_the_hint_says_for_bounds_of_scipy_is_right() -> None:
    from scipy.optimize import Bounds

    b = Bounds([0.0, 0.0, 0.0], [0.5, 2.0, 1.0])
    with pytest.raises(secant.InputTypeError, match=r"of SciPy's Bounds write `bounds=\(b.lb, b.ub\)`"):
        secant.gradient(never, THREE, bounds=b)
    assert secant.minimize(lambda x: float(((x - 3.0) ** 2).sum()), THREE, bounds=(b.lb, b.ub)).x[0] == 0.5


QUESTIONS = [
    getattr(secant, name)
    for name in secant.__all__
    if inspect.isfunction(getattr(secant, name)) and "how" in inspect.signature(getattr(secant, name)).parameters
]


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.__name__)
def test_a_hint_names_what_the_question_takes(question: Any) -> None:
    taken = NAMES | set(inspect.signature(question).parameters)
    for name in [*hints.MEANT, *hints.ELSEWHERE, *(option[:-1] for option in taken), "banana"]:
        if name in taken:
            continue
        hint = hints.instead(name, question, NAMES)
        named = re.match(r": (?:write `(\w+)=` instead|did you mean `(\w+)`\?)$", hint)
        assert named is None or (named[1] or named[2]) in taken, (name, hint)


def test_no_hint_offers_what_was_written() -> None:
    for name in ("step", "bounds", "f0"):
        hint = hints.instead(name, secant.steps, NAMES)
        assert not {f"`{name}`", f"`{name}=`"} & set(re.findall(r"`.*?`", hint)), hint
