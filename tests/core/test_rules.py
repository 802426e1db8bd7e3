"""Rules of descent: the book's bits, what they remember, and what is allowed."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from secant.core.errors import InputError, InputTypeError
from secant.core.rules import RULES, AdaGrad, Adam, Momentum, Plain, rested, rule_of, scale_of

Loop = Callable[[list[Any], Any, float], Any]


def sgd(slopes: list[Any], x: Any, lr: float) -> Any:
    for g in slopes:
        x = x - lr * g
    return x


def momentum(slopes: list[Any], x: Any, lr: float) -> Any:
    v = np.zeros_like(x)
    for g in slopes:
        v = 0.9 * v - lr * g
        x = x + v
    return x


def adagrad(slopes: list[Any], x: Any, lr: float) -> Any:
    h = np.zeros_like(x)
    for g in slopes:
        h += g * g
        x = x - lr * g / (np.sqrt(h) + 1e-7)
    return x


def adam(slopes: list[Any], x: Any, lr: float) -> Any:
    m, v = np.zeros_like(x), np.zeros_like(x)
    for t, g in enumerate(slopes, 1):
        lr_t = lr * np.sqrt(1.0 - 0.999**t) / (1.0 - 0.9**t)
        m += (1 - 0.9) * (g - m)
        v += (1 - 0.999) * (g**2 - v)
        x = x - lr_t * m / (np.sqrt(v) + 1e-7)
    return x


BOOK: dict[str, Loop] = {"plain": sgd, "momentum": momentum, "adagrad": adagrad, "adam": adam}
entry = st.floats(-1e3, 1e3)


@given(
    st.sampled_from(sorted(RULES)),
    st.lists(st.lists(entry, min_size=3, max_size=3), min_size=1, max_size=8),
    st.floats(1e-6, 10.0),
)
def test_every_rule_is_the_book_s_to_the_last_bit(name: str, rows: list[list[float]], lr: float) -> None:
    slopes, x = [np.array(row) for row in rows], np.array([1.0, -2.0, 0.5])
    rule, memory, at = RULES[name], (), x.copy()
    for slope in slopes:
        at, memory = rule.step(at, slope, lr, memory)
    assert at.tobytes() == BOOK[name](slopes, x, lr).tobytes()
    assert x.tolist() == [1.0, -2.0, 0.5]


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_a_rule_is_data(rule: Any) -> None:
    assert dataclasses.is_dataclass(rule)
    assert eval(repr(rule)) == rule
    assert type(rule).__dataclass_params__.frozen


@given(st.sampled_from(sorted(RULES)), st.lists(st.lists(entry, min_size=2, max_size=2), min_size=1, max_size=5))
def test_after_a_rest_a_step_leads_down_the_scaled_slope(name: str, rows: list[list[float]]) -> None:
    rule, memory, x = RULES[name], (), np.zeros(2)
    for row in rows:
        x, memory = rule.step(x, np.array(row), 0.1, memory)
    slope, calm = np.array([3.0, -4.0]), rested(rule, memory)
    ahead, _ = rule.step(x, slope, 1e-3, calm)
    down = -slope / scale_of(rule, slope, calm)
    moved = ahead - x
    assert moved @ slope < 0.0 or np.allclose(moved, 0.0, atol=1e-12)
    share = (moved[0] / down[0], moved[1] / down[1])
    assert share[0] == pytest.approx(share[1], rel=1e-6, abs=1e-12)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Momentum(1.0), "`momentum` must be a number of at least 0 and below 1; got 1.0"),
        (lambda: Momentum(-0.1), "`momentum`"),
        (lambda: Momentum(float("nan")), "`momentum`"),
        (lambda: Adam(beta1=2.0), "`beta1`"),
        (lambda: Adam(beta2=1.0), "`beta2`"),
        (lambda: Adam(epsilon=0.0), "`epsilon` must be a positive finite number; got 0.0"),
        (lambda: AdaGrad(float("inf")), "`epsilon`"),
        (
            lambda: rule_of("nesterov"),
            "`rule` must be 'plain', 'momentum', 'adagrad', 'adam', or a Plain, .*'nesterov'",
        ),
    ],
)
def test_numbers_that_are_not_allowed(make: Callable[[], Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        make()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Momentum("0.9"), "`momentum`"),  # type: ignore[arg-type]
        (lambda: Adam(beta1=True), "`beta1`"),
        (lambda: rule_of(Adam), "the class Adam; call it"),
        (lambda: rule_of(None), "`rule` must be"),
    ],
)
def test_types_that_are_not_allowed(make: Callable[[], Any], words: str) -> None:
    with pytest.raises(InputTypeError, match=words):
        make()


def test_names_stand_for_the_book_s_numbers() -> None:
    assert rule_of("plain") == Plain()
    assert rule_of("momentum") == Momentum(0.9)
    assert rule_of("adagrad") == AdaGrad(1e-7)
    assert rule_of("adam") == Adam(0.9, 0.999, 1e-7)
    assert rule_of(Momentum(0.5)) == Momentum(0.5)
