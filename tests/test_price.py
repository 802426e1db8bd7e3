"""Prices against what the answers then cost."""

import math
from functools import partial

import numpy as np
import pytest

import secant


class Counted:
    """A function that counts its calls."""

    def __init__(self, f) -> None:
        self.f, self.calls = f, 0

    def __call__(self, *args):
        self.calls += 1
        return self.f(*args)


def bowl(x):
    return float(np.exp(np.sin(x)).sum())


@pytest.mark.parametrize("entries", [1, 3, 40])
@pytest.mark.parametrize("method", ["auto", "central", "forward", "backward", secant.stencil((-2, -1, 0, 1, 2))])
def test_fixed_steps_are_priced_exactly(method, entries) -> None:
    x = np.linspace(1.0, 2.0, entries)
    how = {"method": method, "step": 1e-4}
    for question, further in ((secant.gradient, ()), (secant.directional, (np.ones(entries),))):
        f = Counted(bowl)
        price = secant.price(question, f, x, *further, **how)
        assert f.calls == 1
        assert price.evaluations == price.at_most == question(f, x, *further, **how).evaluations
        assert price.entries == entries
    price = secant.price(secant.derivative, math.exp, 1.0, **how)
    assert price.at_most == secant.derivative(math.exp, 1.0, **how).evaluations


@pytest.mark.parametrize("how", [{}, {"rtol": 1e-8}, {"max_evaluations": 60}, {"noise": secant.Noise(0.0, 1e-9)}])
@pytest.mark.parametrize("entries", [1, 3, 40])
def test_what_finds_its_own_steps_costs_about_that_and_no_more(how, entries) -> None:
    x = np.linspace(1.0, 2.0, entries)
    price = secant.price(secant.gradient, bowl, x, **how)
    paid = secant.gradient(bowl, x, **how).evaluations
    assert paid <= price.at_most
    assert price.evaluations / 2.0 <= paid <= 2.0 * price.evaluations


@pytest.mark.parametrize("f", [math.exp, abs, lambda x: math.sin(1e5 * x), lambda x: round(x, 3), math.floor])
def test_no_derivative_costs_more_than_its_most(f) -> None:
    assert secant.derivative(f, 1.0).evaluations <= secant.price(secant.derivative, f, 1.0).at_most


@pytest.mark.parametrize("how", [{}, {"step": 1e-4}, {"step": 1e-4, "method": "forward"}])
@pytest.mark.parametrize("iterations", [0, 1, 20])
@pytest.mark.parametrize("lr", [1e-6, 0.05, 10.0])
def test_descents(how, iterations, lr) -> None:
    ask = partial(secant.gradient_descent, lr=lr, iterations=iterations, **how)
    price = secant.price(secant.gradient_descent, bowl, np.ones(3), lr, iterations, **how)
    paid = ask(bowl, np.ones(3)).evaluations
    assert paid <= price.at_most
    if how:
        assert price.evaluations == 1 + iterations * (4 if "method" in how else 7)


def test_studies() -> None:
    assert secant.price(secant.steps, math.exp, 1.0).evaluations == 113
    study = Counted(math.exp)
    secant.steps(study, 1.0, steps=[1e-3, 1e-2])
    assert study.calls <= secant.price(secant.steps, math.exp, 1.0, steps=[1e-3, 1e-2]).at_most


def test_seconds_are_those_of_the_evaluations() -> None:
    price = secant.price(secant.gradient, bowl, np.ones(3))
    assert price.call > 0.0
    assert price.seconds > price.evaluations * price.call
    assert price.seconds_at_most / price.seconds == pytest.approx(price.at_most / price.evaluations)
    assert secant.from_json(price.to_json()) == price


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda: secant.price(math.sin, math.sin, 1.0), "`question` must be one of secant.derivative, secant.gradient"),
        (lambda: secant.price(secant.gradient, math.sin, 1.0, stepp=1), "takes no option `stepp`: did you mean `step`"),
        (lambda: secant.price(secant.directional, math.sin, 1.0), "`directional` does not take this: .*'v'"),
        (lambda: secant.price(secant.gradient, math.sin, 1.0, step=-1), "`step` must be"),
        (lambda: secant.price(secant.derivative, math.sin, np.ones(2)), "`x` must be a single number"),
        (lambda: secant.price(secant.gradient, 3.0, 1.0), "`f` must be callable"),
        (lambda: secant.price(secant.gradient_descent, math.sin, 1.0, iterations=-1), "`iterations`"),
    ],
)
def test_bad_input(ask, words) -> None:
    with pytest.raises(secant.SecantError, match=words):
        ask()


def bowls(x):
    return np.exp(np.sin(x)) * np.roll(x, 1)


@pytest.mark.parametrize("how", [{}, {"rtol": 1e-8}, {"max_evaluations": 300}, {"step": 1e-4}, {"method": "complex"}])
@pytest.mark.parametrize("entries", [1, 3, 12])
def test_jacobians(how, entries) -> None:
    x = np.linspace(1.0, 2.0, entries)
    price = secant.price(secant.jacobian, bowls, x, **how)
    paid = secant.jacobian(bowls, x, **how).evaluations
    assert paid <= price.at_most
    assert price.evaluations / 2.5 <= paid <= 2.5 * price.evaluations
    assert price.evaluations == paid or "step" not in how


@pytest.mark.needs("scipy")
def test_sparse_jacobians() -> None:
    x = np.linspace(1.0, 2.0, 30)
    pattern = np.eye(30) + np.roll(np.eye(30), -1, axis=1)
    price = secant.price(secant.jacobian, bowls, x, sparsity=pattern, step=1e-6, method="forward")
    found = secant.jacobian(bowls, x, sparsity=pattern, step=1e-6, method="forward")
    assert price.evaluations == price.at_most == found.evaluations == 3
    price = secant.price(secant.jacobian, bowls, x, sparsity=pattern)
    assert secant.jacobian(bowls, x, sparsity=pattern).evaluations <= price.at_most
    with pytest.raises(secant.InputError, match="detect"):
        secant.price(secant.jacobian, bowls, x, sparsity="detect")
