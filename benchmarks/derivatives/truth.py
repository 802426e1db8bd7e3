"""True derivatives: one expression, written once, run in floats and in long numbers.

Rules: a test function is an expression ``expr(m, x)`` that takes its functions from the namespace
``m``. With :data:`MATH` or :data:`NUMPY` it is what a user would have written; with :data:`LONG`
and a :class:`Dual` number it gives the exact value and derivative by forward differentiation
(a + b eps with eps^2 = 0; Clifford 1873, Wengert 1964) in mpmath's arithmetic. No step is taken, so the
truth owes nothing to any finite difference. Floats enter mpmath exactly. A truth is accepted when
two working precisions agree to 1e-25; if they do not, both are raised.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import mpmath
import numpy as np
import scipy.special
from mpmath import mp

#: An expression: (namespace, x) -> value.
Expr = Callable[..., Any]

#: Working precisions in decimal digits; a truth is two neighbors that agree.
PRECISIONS = (40, 60, 120, 400, 1300)


class Dual:
    """The number a + b eps, in mpmath's arithmetic."""

    __slots__ = ("a", "b")

    def __init__(self, a: Any, b: Any = 0) -> None:
        self.a = mp.mpf(a)
        self.b = mp.mpf(b)

    def __add__(self, other: Any) -> Dual:
        y = lift(other)
        return Dual(self.a + y.a, self.b + y.b)

    def __sub__(self, other: Any) -> Dual:
        y = lift(other)
        return Dual(self.a - y.a, self.b - y.b)

    def __rsub__(self, other: Any) -> Dual:
        return lift(other) - self

    def __mul__(self, other: Any) -> Dual:
        y = lift(other)
        return Dual(self.a * y.a, self.a * y.b + self.b * y.a)

    def __truediv__(self, other: Any) -> Dual:
        y = lift(other)
        ratio = self.a / y.a
        return Dual(ratio, (self.b - ratio * y.b) / y.a)

    def __rtruediv__(self, other: Any) -> Dual:
        return lift(other) / self

    def __neg__(self) -> Dual:
        return Dual(-self.a, -self.b)

    def __pow__(self, power: float) -> Dual:
        if power == 0:
            return Dual(1, 0)
        return Dual(self.a**power, power * self.a ** (mp.mpf(power) - 1) * self.b)

    __radd__ = __add__
    __rmul__ = __mul__


def lift(x: Any) -> Dual:
    """Return x as a dual number (a constant has slope 0)."""
    return x if isinstance(x, Dual) else Dual(x)


def _dual(value: Callable[[Any], Any], slope: Callable[[Any, Any], Any]) -> Callable[[Any], Dual]:
    def function(x: Any) -> Dual:
        y = lift(x)
        v = value(y.a)
        return Dual(v, slope(y.a, v) * y.b)

    return function


def _erfcx(x: Any) -> Any:
    return mp.exp(x * x) * mp.erfc(x)


def _expit(x: Any) -> Any:
    return 1 / (1 + mp.exp(-x))


_SLOPES: dict[str, tuple[Callable[[Any], Any], Callable[[Any, Any], Any]]] = {
    "sin": (mp.sin, lambda x, v: mp.cos(x)),
    "cos": (mp.cos, lambda x, v: -mp.sin(x)),
    "tan": (mp.tan, lambda x, v: 1 + v * v),
    "exp": (mp.exp, lambda x, v: v),
    "log": (mp.log, lambda x, v: 1 / x),
    "log1p": (lambda x: mp.log(1 + x), lambda x, v: 1 / (1 + x)),
    "expm1": (lambda x: mp.exp(x) - 1, lambda x, v: v + 1),
    "sqrt": (mp.sqrt, lambda x, v: 1 / (2 * v)),
    "asin": (mp.asin, lambda x, v: 1 / mp.sqrt(1 - x * x)),
    "acos": (mp.acos, lambda x, v: -1 / mp.sqrt(1 - x * x)),
    "atan": (mp.atan, lambda x, v: 1 / (1 + x * x)),
    "sinh": (mp.sinh, lambda x, v: mp.cosh(x)),
    "cosh": (mp.cosh, lambda x, v: mp.sinh(x)),
    "tanh": (mp.tanh, lambda x, v: 1 / mp.cosh(x) ** 2),
    "erf": (mp.erf, lambda x, v: 2 / mp.sqrt(mp.pi) * mp.exp(-x * x)),
    "erfc": (mp.erfc, lambda x, v: -2 / mp.sqrt(mp.pi) * mp.exp(-x * x)),
    "erfcx": (_erfcx, lambda x, v: 2 * x * v - 2 / mp.sqrt(mp.pi)),
    "gamma": (mp.gamma, lambda x, v: v * mp.digamma(x)),
    "gammaln": (mp.loggamma, lambda x, v: mp.digamma(x)),
    "digamma": (mp.digamma, lambda x, v: mp.polygamma(1, x)),
    "j0": (lambda x: mp.besselj(0, x), lambda x, v: -mp.besselj(1, x)),
    "j1": (lambda x: mp.besselj(1, x), lambda x, v: mp.besselj(0, x) - v / x),
    "i0": (lambda x: mp.besseli(0, x), lambda x, v: mp.besseli(1, x)),
    "k0": (lambda x: mp.besselk(0, x), lambda x, v: -mp.besselk(1, x)),
    "airy_ai": (mp.airyai, lambda x, v: mp.airyai(x, derivative=1)),
    "dawsn": (
        lambda x: mp.sqrt(mp.pi) / 2 * mp.exp(-x * x) * mp.erfi(x),
        lambda x, v: 1 - 2 * x * v,
    ),
    "lambertw": (lambda x: mp.lambertw(x).real, lambda x, v: v / (x * (1 + v))),
    "expit": (_expit, lambda x, v: v * (1 - v)),
    "ellipk": (mp.ellipk, lambda x, v: (mp.ellipe(x) - (1 - x) * v) / (2 * x * (1 - x))),
    "zeta": (mp.zeta, lambda x, v: mp.zeta(x, derivative=1)),
}

#: mpmath's functions on its own numbers.
VALUES: dict[str, Callable[[Any], Any]] = {name: value for name, (value, _) in _SLOPES.items()}

#: mpmath's functions on dual numbers.
LONG = SimpleNamespace(
    **{name: _dual(*pair) for name, pair in _SLOPES.items()},
    pow=lambda x, power: lift(x) ** power,
    fsum=lambda items: sum(items, Dual(0)),
)

_SPECIAL: dict[str, Any] = {
    name: getattr(scipy.special, name)
    for name in ("erfcx", "digamma", "j0", "j1", "i0", "k0", "dawsn", "expit", "ellipk", "zeta", "gammaln")
}
_SPECIAL["airy_ai"] = lambda x: scipy.special.airy(x)[0]
_SPECIAL["lambertw"] = lambda x: scipy.special.lambertw(x).real

#: The functions of the math module: outside their domain they raise.
MATH = SimpleNamespace(
    **{name: getattr(math, name) for name in _SLOPES if hasattr(math, name)},
    **_SPECIAL,
    pow=math.pow,
    fsum=math.fsum,
)

#: The functions of NumPy: outside their domain they give NaN or infinity. float32 stays float32.
NUMPY = SimpleNamespace(
    **{
        name: getattr(np, {"asin": "arcsin", "acos": "arccos", "atan": "arctan"}.get(name, name))
        for name in ("sin cos tan exp log log1p expm1 sqrt asin acos atan sinh cosh tanh".split())
    },
    erf=scipy.special.erf,
    erfc=scipy.special.erfc,
    gamma=scipy.special.gamma,
    **_SPECIAL,
    pow=np.power,
    fsum=sum,
)


def exact(expr: Expr, x: float) -> tuple[Any, Any]:
    """Return (value, slope) of an expression at x as mpmath numbers, to at least 25 digits.

    >>> value, slope = exact(lambda m, x: m.exp(x) * x, 1.0)
    >>> float(value), float(slope)
    (2.718281828459045, 5.43656365691809)
    """
    before = None
    for digits in PRECISIONS:
        with mpmath.workdps(digits):
            found = lift(expr(LONG, Dual(float(x), 1)))
            if isinstance(found.a, mpmath.mpc) or isinstance(found.b, mpmath.mpc):
                raise ValueError("the expression is not real here")
            if before is not None and _agree(found.a, before.a) and _agree(found.b, before.b):
                return found.a, found.b
            before = found
    raise ValueError("two precisions do not agree on this truth")


def _agree(new: Any, old: Any) -> bool:
    return bool(mp.isfinite(new) and abs(new - old) <= mp.mpf(10) ** -25 * abs(new))


def doubted(expr: Expr, x: float, slope: float) -> bool:
    """Whether a difference of the values alone, with a tiny step in 400 digits, contradicts a slope by over 1e-13."""
    with mpmath.workdps(400):
        at = mp.mpf(float(x))
        h = mp.mpf(10) ** -60 * (abs(at) or 1)
        rise = lift(expr(LONG, Dual(at + h))).a - lift(expr(LONG, Dual(at - h))).a
        found = rise / (2 * h)
        return bool(abs(found - slope) > 1e-13 * abs(found) + mp.mpf(10) ** -40)


def slope_of(expr: Expr, x: float) -> float:
    """Return the true derivative of an expression at x, rounded to a float."""
    return float(exact(expr, x)[1])
