"""The words of a typed expression: functions, constants, operators and comparisons.

Rules: a word takes and returns floats or float64 arrays. On plain floats the functions are those of
:mod:`math`, whose ValueError, ZeroDivisionError and OverflowError mark the end of the domain; on
arrays they are NumPy's, which answer NaN or infinity there. Nothing here does more than a fixed
amount of work per number, so no expression can run for long: ``9**9**9`` overflows at once.

For the complex step, which looks beside the real axis, every analytic word takes complex numbers as well and is the
analytic function that it is on the axis, to the last digits of a tiny imaginary part. A word that is not analytic (abs,
max, a comparison, ...) refuses them: a TypeError says which.
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


def _spread(
    name: str, plain: Callable[..., Any], array: Callable[..., Any], beside: Callable[..., Any] | None = None
) -> Callable[..., Any]:
    """Join the plain, the array and the complex form of a function; the kind of the arguments chooses."""

    def call(*values: Any) -> Any:
        chosen = plain
        for value in values:
            if type(value) is float:
                continue
            if np.iscomplexobj(value):
                if beside is None:
                    raise TypeError(f"`{name}` takes real numbers only")
                return beside(*values)
            if isinstance(value, np.ndarray):
                chosen = array
        return float(plain(*values)) if chosen is plain else array(*values)

    return call


def _looped(name: str, plain: Callable[[float], float]) -> Callable[..., Any]:
    """Give a function that NumPy lacks to arrays too, one number at a time."""
    return _spread(name, plain, np.vectorize(plain, otypes=[float]))


def real_only(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Hold a function to real numbers: NumPy compares complex ones, but by no rule that is of use here.

    >>> real_only("<", float.__lt__)(1.0, 2j)
    Traceback (most recent call last):
    TypeError: `<` takes real numbers only
    """

    def call(*values: Any) -> Any:
        for value in values:
            if type(value) is not float and np.iscomplexobj(value):
                raise TypeError(f"`{name}` takes real numbers only")
        return function(*values)

    return call


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


def _extreme(name: str, several: Callable[..., Any], ufunc: np.ufunc) -> Callable[..., Any]:
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

    return real_only(name, call)


def _reduced(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *values: np.asarray(function(*(np.ravel(value) for value in values))).item()


def _norm(vector: Any) -> Any:
    return _root_of_squares(*vector) if np.iscomplexobj(vector) else np.linalg.norm(vector)


def _where(test: Any, yes: Any, no: Any) -> Any:
    if np.iscomplexobj(test):
        raise TypeError("a condition takes real numbers only")
    if any(isinstance(value, np.ndarray) for value in (test, yes, no)):
        return np.where(np.asarray(test) != 0.0, yes, no)
    return yes if test != 0.0 else no


# --- Complex forms: of NumPy where they keep a tiny imaginary part to its last digits, else written here.


def _log1p_beside(z: Any) -> Any:
    x, y = np.real(z), np.imag(z)
    return 0.5 * np.log1p(x * (2.0 + x) + y * y) + 1j * np.arctan2(y, 1.0 + x)


def _expm1_beside(z: Any) -> Any:
    x, y = np.real(z), np.imag(z)
    return np.expm1(x) * np.cos(y) - 2.0 * np.sin(0.5 * y) ** 2 + 1j * (np.exp(x) * np.sin(y))


def _cbrt_beside(z: Any) -> Any:
    sign = np.where(np.real(z) < 0.0, -1.0, 1.0)
    return sign * (sign * z) ** (1.0 / 3.0)


def _sigmoid_beside(z: Any) -> Any:
    growth = np.exp(np.where(np.real(z) >= 0.0, -z, z))
    return np.where(np.real(z) >= 0.0, 1.0, growth) / (1.0 + growth)


def _softplus_beside(z: Any) -> Any:
    above = np.real(z) > 0.0
    return np.where(above, z, 0.0) + _log1p_beside(np.exp(np.where(above, -z, z)))


def _root_of_squares(*values: Any) -> Any:
    """Return the square root of a sum of squares, without overflow on the way."""
    parts = [np.asarray(value, dtype=np.complex128) for value in values]
    # Any real number will do; the largest size keeps the squares within bounds.
    size = np.maximum(np.max([np.abs(part.real) for part in np.broadcast_arrays(*parts)], axis=0), 1e-300)
    return size * np.sqrt(sum(((part / size) ** 2 for part in parts), np.complex128(0.0)))


def _atan2_beside(y: Any, x: Any) -> Any:
    """Return the angle by arctan of the smaller quotient, so that nothing of a tiny imaginary part is lost."""
    up, right = np.real(y), np.real(x)
    steep = np.abs(up) > np.abs(right)
    angle = np.arctan(np.where(steep, -x, y) / np.where(steep, y, x))
    flat = np.where(right < 0.0, np.copysign(np.pi, up), 0.0)
    return angle + np.where(steep, np.copysign(0.5 * np.pi, up), flat)


def _elementwise() -> dict[str, Word]:
    def word(name: str, array: str, beside: Callable[..., Any] | None = None) -> Word:
        own = getattr(np, array)
        return Word(_spread(name, getattr(math, name), own, own if beside is None else beside))

    words: dict[str, Word] = {}
    for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh"):
        words |= {name: word(name, name), f"a{name}": word(f"a{name}", f"arc{name}")}
    written = {"expm1": _expm1_beside, "log1p": _log1p_beside, "cbrt": _cbrt_beside}
    for name in ("exp", "expm1", "exp2", "log", "log2", "log10", "log1p", "sqrt", "cbrt"):
        words[name] = word(name, name, written.get(name))
    return words


FUNCTIONS: Mapping[str, Word] = MappingProxyType(
    _elementwise()
    | {
        "ln": Word(_spread("ln", math.log, np.log, np.log)),
        "atan2": Word(_spread("atan2", math.atan2, np.arctan2, _atan2_beside), 2, 2),
        "hypot": Word(_spread("hypot", math.hypot, np.hypot, _root_of_squares), 2, 2),
        "abs": Word(_spread("abs", abs, np.abs)),
        "sign": Word(_spread("sign", _sign, np.sign)),
        "floor": Word(_spread("floor", math.floor, np.floor)),
        "ceil": Word(_spread("ceil", math.ceil, np.ceil)),
        "round": Word(_spread("round", round, np.round)),
        "erf": Word(_looped("erf", math.erf)),
        "gamma": Word(_looped("gamma", math.gamma)),
        "lgamma": Word(_looped("lgamma", math.lgamma)),
        "relu": Word(_spread("relu", lambda v: max(v, 0.0), lambda v: np.maximum(v, 0.0))),
        "sigmoid": Word(_spread("sigmoid", _sigmoid, _sigmoid_array, _sigmoid_beside)),
        "softplus": Word(_spread("softplus", _softplus, lambda v: np.logaddexp(v, 0.0), _softplus_beside)),
        "min": Word(_extreme("min", min, np.minimum), 1, 99),
        "max": Word(_extreme("max", max, np.maximum), 1, 99),
        "minimum": Word(_spread("minimum", min, np.minimum), 2, 2),
        "maximum": Word(_spread("maximum", max, np.maximum), 2, 2),
        "where": Word(_where, 3, 3),
        "sum": Word(_reduced(np.sum)),
        "prod": Word(_reduced(np.prod)),
        "mean": Word(_reduced(np.mean)),
        "norm": Word(_reduced(_norm)),
        "dot": Word(_reduced(np.dot), 2, 2),
    }
)

CONSTANTS: Mapping[str, float] = MappingProxyType({"pi": math.pi, "e": math.e, "tau": math.tau, "inf": math.inf})


def power(base: Any, exponent: Any) -> Any:
    """Raise to a power over the real numbers: Python answers a complex number where there is none.

    >>> power(-8.0, 3.0)
    -512.0
    """
    if np.iscomplexobj(base) or np.iscomplexobj(exponent):
        return _power_beside(base, exponent)
    value = base**exponent
    if isinstance(value, complex):
        raise ValueError(f"{base!r} to the power {exponent!r} is not a real number")
    return value


def _power_beside(base: Any, exponent: Any) -> Any:
    """Raise complex numbers to a power; a whole power of a negative number by that of a positive one.

    Its angle, near pi times the power, would swallow a tiny imaginary part.
    """
    if np.iscomplexobj(exponent):
        return base**exponent
    sign = np.where((np.real(base) < 0.0) & (np.floor(exponent) == exponent), -1.0, 1.0)
    return (sign * base) ** exponent * np.where(np.floor(0.5 * exponent) == 0.5 * exponent, 1.0, sign)


def truth(value: Any) -> bool:
    """Return whether a condition holds; a condition is one number, so a vector is refused."""
    if type(value) is not float and np.iscomplexobj(value):
        raise TypeError("a condition takes real numbers only")
    if isinstance(value, np.ndarray):
        raise TypeError("a condition needs one number; use where(condition, yes, no) for a vector")
    return bool(value != 0.0)


def as_number(flag: Any) -> Any:
    """Turn the outcome of a comparison into 1.0 or 0.0, so that every value is a number."""
    return flag.astype(float) if isinstance(flag, np.ndarray) else float(flag)
