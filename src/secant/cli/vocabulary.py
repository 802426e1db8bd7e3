"""The words of a typed expression: functions, constants, operators and comparisons.

Rules: a word takes and returns floats or float64 arrays. On plain floats the functions are those of
:mod:`math`, whose ValueError, ZeroDivisionError and OverflowError mark the end of the domain; on
arrays they are NumPy's, which answer NaN or infinity there. Nothing here does more than a fixed
amount of work per number, so no expression can run for long: ``9**9**9`` overflows at once.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np


@dataclass(frozen=True, slots=True)
class Word:
    """A function that an expression may call, with the number of arguments it takes."""

    call: Callable[..., Any]
    least: int = 1
    most: int = 1

    @property
    def arity(self) -> str:
        """The allowed number of arguments in words."""
        if self.least == self.most:
            return f"{self.least} argument{'' if self.least == 1 else 's'}"
        return f"at least {self.least} argument{'' if self.least == 1 else 's'}"


def _spread(plain: Callable[..., Any], array: Callable[..., Any]) -> Callable[..., Any]:
    """Join the plain and the array form of a function; the kind of the arguments chooses."""

    def call(*values: Any) -> Any:
        for value in values:
            if isinstance(value, np.ndarray):
                return array(*values)
        return float(plain(*values))

    return call


def _looped(plain: Callable[[float], float]) -> Callable[..., Any]:
    """Give a function that NumPy lacks to arrays too, one number at a time."""
    return _spread(plain, np.vectorize(plain, otypes=[float]))


def _sign(value: float) -> float:
    return math.nan if math.isnan(value) else float((value > 0) - (value < 0))


def _sigmoid(value: float) -> float:
    # Two branches, because exp overflows at 710 on the wrong side.
    if value >= 0:
        return 1.0 / (1.0 + math.exp(-value))
    growth = math.exp(value)
    return growth / (1.0 + growth)


def _sigmoid_array(value: Any) -> Any:
    growth = np.exp(-np.abs(value))
    return np.where(value >= 0, 1.0, growth) / (1.0 + growth)


def _softplus(value: float) -> float:
    return max(value, 0.0) + math.log1p(math.exp(-abs(value)))


def _extreme(several: Callable[..., Any], ufunc: np.ufunc) -> Callable[..., Any]:
    """Make min or max: of the entries of one vector, or of several numbers (entry by entry for vectors)."""

    def call(*values: Any) -> Any:
        if len(values) == 1:
            return float(ufunc.reduce(np.ravel(values[0])))
        if any(isinstance(value, np.ndarray) for value in values):
            result = values[0]
            for value in values[1:]:
                result = ufunc(result, value)
            return result
        return several(*values)

    return call


def _reduced(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *values: float(function(*(np.ravel(value) for value in values)))


def _where(test: Any, yes: Any, no: Any) -> Any:
    if any(isinstance(value, np.ndarray) for value in (test, yes, no)):
        return np.where(np.asarray(test) != 0.0, yes, no)
    return yes if test != 0.0 else no


def _elementwise() -> dict[str, Word]:
    angles = ("sin", "cos", "tan", "sinh", "cosh", "tanh")
    growth = ("exp", "expm1", "exp2", "log", "log2", "log10", "log1p", "sqrt", "cbrt")
    words = {
        name: Word(_spread(getattr(math, name), getattr(np, name))) for name in (*angles, *growth, "floor", "ceil")
    }
    for name in angles:
        words[f"a{name}"] = Word(_spread(getattr(math, f"a{name}"), getattr(np, f"arc{name}")))
    return words


FUNCTIONS: Mapping[str, Word] = MappingProxyType(
    _elementwise()
    | {
        "ln": Word(_spread(math.log, np.log)),
        "atan2": Word(_spread(math.atan2, np.arctan2), 2, 2),
        "hypot": Word(_spread(math.hypot, np.hypot), 2, 2),
        "abs": Word(_spread(abs, np.abs)),
        "sign": Word(_spread(_sign, np.sign)),
        "round": Word(_spread(round, np.round)),
        "erf": Word(_looped(math.erf)),
        "gamma": Word(_looped(math.gamma)),
        "lgamma": Word(_looped(math.lgamma)),
        "relu": Word(_spread(lambda v: max(v, 0.0), lambda v: np.maximum(v, 0.0))),
        "sigmoid": Word(_spread(_sigmoid, _sigmoid_array)),
        "softplus": Word(_spread(_softplus, lambda v: np.logaddexp(v, 0.0))),
        "min": Word(_extreme(min, np.minimum), 1, 99),
        "max": Word(_extreme(max, np.maximum), 1, 99),
        "minimum": Word(_spread(min, np.minimum), 2, 2),
        "maximum": Word(_spread(max, np.maximum), 2, 2),
        "where": Word(_where, 3, 3),
        "sum": Word(_reduced(np.sum)),
        "prod": Word(_reduced(np.prod)),
        "mean": Word(_reduced(np.mean)),
        "norm": Word(_reduced(np.linalg.norm)),
        "dot": Word(_reduced(np.dot), 2, 2),
    }
)

CONSTANTS: Mapping[str, float] = MappingProxyType({"pi": math.pi, "e": math.e, "tau": math.tau, "inf": math.inf})


def power(base: Any, exponent: Any) -> Any:
    """Raise to a power over the real numbers: Python answers a complex number where there is none.

    >>> power(-8.0, 3.0)
    -512.0
    """
    value = base**exponent
    if isinstance(value, complex):
        raise ValueError(f"{base!r} to the power {exponent!r} is not a real number")
    return value


def truth(value: Any) -> bool:
    """Return whether a condition holds; a condition is one number, so a vector is refused."""
    if isinstance(value, np.ndarray):
        raise TypeError("a condition needs one number; use where(condition, yes, no) for a vector")
    return bool(value != 0.0)


def as_number(flag: Any) -> Any:
    """Turn the outcome of a comparison into 1.0 or 0.0, so that every value is a number."""
    return flag.astype(float) if isinstance(flag, np.ndarray) else float(flag)
