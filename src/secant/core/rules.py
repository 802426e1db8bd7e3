"""Rules of descent: how a slope and a rate become a step.

Rules:

* A rule is printable data. What it remembers of the steps before is handed to it, and comes back with the next point:
  ``()`` at the start. Nothing is written in place.
* The arithmetic is that of the book behind the notes (K. Saito, "Deep Learning from Scratch", O'Reilly 2019, chapter
  6), operation by operation, so that its bits come out.
* Every rule is ``x - rate * (something like the slope) / scale``. ``scale`` is what a curvature has to be measured in
  for such a rule: a rate is then safe where it is for plain descent, below 2 over the curvature in that scale.

Sources: A. L. Cauchy, C. R. Acad. Sci. 25, 1847; B. T. Polyak, USSR Comput. Math. and Math. Phys. 4, 1964 (momentum);
J. Duchi, E. Hazan and Y. Singer, JMLR 12, 2011 (AdaGrad); D. P. Kingma and J. Ba, ICLR 2015 (Adam).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import Any, TypeAlias

import numpy as np

from secant.core.errors import InputError, InputTypeError, kind_of

#: What a rule remembers of the steps before.
Memory: TypeAlias = tuple[Any, ...]


def _real(name: str, value: Any, allowed: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        raise InputTypeError(f"`{name}` must be {allowed}; got {value!r}")


def _share(name: str, value: Any) -> None:
    """Refuse what is not at least 0 and below 1."""
    allowed = "a number of at least 0 and below 1"
    _real(name, value, allowed)
    if not 0.0 <= value < 1.0:
        raise InputError(f"`{name}` must be {allowed}; got {value!r}")


def _above(name: str, value: Any) -> None:
    """Refuse what is not positive and finite."""
    allowed = "a positive finite number"
    _real(name, value, allowed)
    if not (value > 0.0 and isfinite(value)):
        raise InputError(f"`{name}` must be {allowed}; got {value!r}")


@dataclass(frozen=True, slots=True)
class Plain:
    """Plain descent: ``x - lr * slope``.

    >>> Plain().step(np.array([1.0]), np.array([2.0]), 0.25)
    (array([0.5]), ())
    """

    def step(self, x: Any, slope: Any, lr: Any, memory: Memory = ()) -> tuple[Any, Memory]:
        """Return the next point, and what is to be remembered: nothing."""
        return x - lr * slope, memory


@dataclass(frozen=True, slots=True)
class Momentum:
    """Descent with momentum: ``v = momentum * v - lr * slope``, and ``x + v``.

    ``momentum`` is at least 0 and below 1; any other is an InputError.

    >>> Momentum(0.5).step(np.array([1.0]), np.array([2.0]), 0.25)
    (array([0.5]), (array([-0.5]),))
    """

    momentum: float = 0.9

    def __post_init__(self) -> None:
        _share("momentum", self.momentum)

    def step(self, x: Any, slope: Any, lr: Any, memory: Memory = ()) -> tuple[Any, Memory]:
        """Return the next point, and the velocity."""
        v = memory[0] if memory else np.zeros_like(x)
        v = self.momentum * v - lr * slope
        return x + v, (v,)


@dataclass(frozen=True, slots=True)
class AdaGrad:
    """AdaGrad: ``h = h + slope**2``, and ``x - lr * slope / (sqrt(h) + epsilon)``.

    ``epsilon`` is positive; any other is an InputError.

    >>> AdaGrad().step(np.array([1.0]), np.array([2.0]), 0.5)[0].round(6)
    array([0.5])
    """

    epsilon: float = 1e-7

    def __post_init__(self) -> None:
        _above("epsilon", self.epsilon)

    def step(self, x: Any, slope: Any, lr: Any, memory: Memory = ()) -> tuple[Any, Memory]:
        """Return the next point, and the sum of the squares so far."""
        h = (memory[0] if memory else np.zeros_like(x)) + slope * slope
        return x - lr * slope / (np.sqrt(h) + self.epsilon), (h,)


@dataclass(frozen=True, slots=True)
class Adam:
    """Adam: running means ``m`` of the slope and ``v`` of its square, and ``x - lr_t * m / (sqrt(v) + epsilon)``.

    In step t, counted from 1, ``lr_t = lr * sqrt(1 - beta2**t) / (1 - beta1**t)``. Both betas are at least 0 and below
    1, ``epsilon`` is positive; any other is an InputError.

    >>> Adam().step(np.array([1.0]), np.array([2.0]), 0.5)[0].round(6)
    array([0.500001])
    """

    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-7

    def __post_init__(self) -> None:
        _share("beta1", self.beta1)
        _share("beta2", self.beta2)
        _above("epsilon", self.epsilon)

    def step(self, x: Any, slope: Any, lr: Any, memory: Memory = ()) -> tuple[Any, Memory]:
        """Return the next point, and the two means with the number of steps."""
        m, v, t = memory or (np.zeros_like(x), np.zeros_like(x), 0)
        t += 1
        lr_t = lr * np.sqrt(1.0 - self.beta2**t) / (1.0 - self.beta1**t)
        m = m + (1.0 - self.beta1) * (slope - m)
        v = v + (1.0 - self.beta2) * (slope**2 - v)
        return x - lr_t * m / (np.sqrt(v) + self.epsilon), (m, v, t)


Rule: TypeAlias = Plain | Momentum | AdaGrad | Adam

#: Rules by name, with the book's numbers.
RULES: dict[str, Rule] = {"plain": Plain(), "momentum": Momentum(), "adagrad": AdaGrad(), "adam": Adam()}


def scale_of(rule: Rule, slope: Any, memory: Memory = ()) -> Any:
    """Return what the coming step of a rule divides the slope by.

    >>> scale_of(Plain(), np.array([2.0])), scale_of(Adam(), np.array([2.0])).round(5)
    (array([1.]), array([2.]))
    """
    if isinstance(rule, AdaGrad):
        h = (memory[0] if memory else 0.0) + slope * slope
        return np.sqrt(h) + rule.epsilon
    if isinstance(rule, Adam):
        _, v, t = memory or (0.0, 0.0, 0)
        v = v + (1.0 - rule.beta2) * (slope**2 - v)
        return (np.sqrt(v) + rule.epsilon) / np.sqrt(1.0 - rule.beta2 ** (t + 1))
    return np.ones_like(slope)


def rested(rule: Rule, memory: Memory) -> Memory:
    """Return what a rule remembers when its motion is stopped: the scale, and no velocity.

    >>> rested(Momentum(), (np.array([2.0]),))
    ()
    """
    if isinstance(rule, Momentum):
        return ()
    if isinstance(rule, Adam) and memory:
        return (np.zeros_like(memory[0]), *memory[1:])
    return memory


def rule_of(value: Any) -> Rule:
    """Return a rule that is named, or given.

    Raises
    ------
    InputError, InputTypeError : it is none of them.

    >>> rule_of("adam"), rule_of(Momentum(0.5))
    (Adam(beta1=0.9, beta2=0.999, epsilon=1e-07), Momentum(momentum=0.5))
    """
    if isinstance(value, Rule):
        return value
    allowed = f"{', '.join(map(repr, RULES))}, or a Plain, Momentum, AdaGrad or Adam with its numbers"
    if not isinstance(value, str):
        came = f"the class {value.__name__}; call it" if isinstance(value, type) else kind_of(value)
        raise InputTypeError(f"`rule` must be {allowed}; got {came}")
    if value not in RULES:
        raise InputError(f"`rule` must be {allowed}; got {value!r}")
    return RULES[value]
