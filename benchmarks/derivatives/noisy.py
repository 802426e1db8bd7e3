"""Families whose values carry errors: random, frozen, quantised, single precision, solvers, Monte Carlo."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import scipy.integrate

from benchmarks.derivatives.cases import Case, Function, draw, plain, wrapped
from benchmarks.derivatives.smooth import TEMPLATES, pick
from benchmarks.derivatives.truth import MATH, NUMPY, Expr, slope_of

#: Noise is added to f, or multiplies it.
KINDS = ("absolute", "relative")


def frozen_normal(x: float, key: int) -> float:
    """Return a standard normal number that depends on x's bits alone (splitmix64, then Box-Muller)."""
    state = struct.unpack("<Q", struct.pack("<d", float(x)))[0] ^ (key * 0x9E3779B97F4A7C15 & (2**64 - 1))
    uniform = []
    for _ in range(2):
        state = (state + 0x9E3779B97F4A7C15) & (2**64 - 1)
        z = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & (2**64 - 1)
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & (2**64 - 1)
        uniform.append(((z ^ (z >> 31)) + 0.5) / 2.0**64)
    return math.sqrt(-2.0 * math.log(uniform[0])) * math.cos(2.0 * math.pi * uniform[1])


def frozen(sigma: float, kind: str, key: int) -> Callable[[], Callable[[Function], Function]]:
    """Return a wrapper that adds noise frozen by x: the same x gives the same value."""

    def wrap(f: Function) -> Function:
        if kind == "absolute":
            return lambda x: f(x) + sigma * frozen_normal(x, key)
        return lambda x: f(x) * (1.0 + sigma * frozen_normal(x, key))

    return lambda: wrap


def stochastic(sigma: float, kind: str, key: int) -> Callable[[], Callable[[Function], Function]]:
    """Return a wrapper that adds new noise at every call, from a stream that starts anew with each ``f``."""

    def wrapper() -> Callable[[Function], Function]:
        normal = np.random.default_rng(key).standard_normal

        def wrap(f: Function) -> Function:
            if kind == "absolute":
                return lambda x: f(x) + sigma * float(normal())
            return lambda x: f(x) * (1.0 + sigma * float(normal()))

        return wrap

    return wrapper


def noise(rng: Any) -> Iterator[Case]:
    """Gaussian noise of 1e-3, 1e-6, 1e-10; added or multiplied; frozen by x or new at each call."""
    for sigma in (1e-3, 1e-6, 1e-10):
        for kind in KINDS:
            for how in (frozen, stochastic):
                for name, expr, x in pick(rng, 6):
                    label = f"{name} with {kind} {how.__name__} noise {sigma:g}"
                    case = plain(label, expr, x, expected="noisy", noise=sigma)
                    yield wrapped(case, how(sigma, kind, int(rng.integers(2**31))))


def vanishing_noise(rng: Any) -> Iterator[Case]:
    """Noise proportional to a value that vanishes at x, as at the end of a fit with no residual."""
    for sigma in (1e-2, 1e-4, 1e-6):
        c, a = draw(rng, 0.5, 3), draw(rng, 0.5, 2)
        made: dict[str, Expr] = {
            "(x - c)^2": lambda m, t, c=c: (t - c) ** 2,
            "sum of squared residuals": _residuals(c),
            "sin(a (x - c))": lambda m, t, c=c, a=a: m.sin(a * (t - c)),
            "log(x/c)": lambda m, t, c=c: m.log(t / c),
        }
        for name, expr in made.items():
            even = name.startswith(("(x", "sum"))
            for how in (frozen, stochastic):
                case = plain(
                    f"{name} at c, relative {how.__name__} noise {sigma:g}",
                    expr,
                    c,
                    truth=0.0 if even else None,
                    expected=("ok", "noisy"),
                    noise=sigma,
                )
                yield wrapped(case, how(sigma, "relative", int(rng.integers(2**31))))


def _residuals(c: float) -> Expr:
    nodes = [0.3, 0.7, 1.1, 1.9]
    data = [math.exp(-c * s) for s in nodes]
    return lambda m, t: m.fsum([(m.exp(-t * s) - y) ** 2 for s, y in zip(nodes, data, strict=True)])


def quantised(rng: Any) -> Iterator[Case]:
    """Outputs rounded to a grid, to decimals, or to a few significant digits."""
    for q in (1e-2, 1e-4, 1e-6, 1e-8):
        places = round(-math.log10(q))
        grid: dict[str, Callable[..., float]] = {
            f"round to {q:g}": lambda v, q=q: round(v / q) * q,
            f"floor to {0.7 * q:.2g}": lambda v, q=q: math.floor(v / (0.7 * q)) * (0.7 * q),
            f"round(f, {places})": lambda v, p=places: round(float(v), p),
            f"printed with {places + 1} digits": lambda v, p=places: float(f"{v:.{p}e}"),
        }
        for (label, cut), (name, expr, x) in zip(grid.items(), pick(rng, 4), strict=True):
            case = plain(f"{name}, {label}", expr, x, expected="noisy", noise=q)
            yield wrapped(case, _cut(cut))


def _cut(cut: Callable[[float], float]) -> Callable[[], Callable[[Function], Function]]:
    return lambda: lambda f: lambda x: cut(float(f(x)))


class Short:
    """A generator whose draws are exact in single precision, so that constants mean the same in both."""

    def __init__(self, rng: Any) -> None:
        self._rng = rng

    def uniform(self, low: float, high: float) -> float:
        return float(np.float32(self._rng.uniform(low, high)))

    def integers(self, *bounds: int) -> int:
        return int(self._rng.integers(*bounds))


def single(expr: Expr, dtype: str) -> Callable[[], Function]:
    """Build a function that works in float32: ``hidden`` behind a float, ``out`` as float32, or ``in`` and out."""
    if dtype == "float32 hidden":
        return lambda: lambda x: float(expr(NUMPY, np.float32(x)))
    if dtype == "float32 rounded":
        return lambda: lambda x: np.float32(expr(MATH, float(x)))
    return lambda: lambda x: np.float32(expr(NUMPY, np.float32(x)))


def float32(rng: Any) -> Iterator[Case]:
    """Single precision: hidden inside f, only at its output, or everywhere including x."""
    names = [name for name in TEMPLATES if name != "erf(a x)"]
    for dtype in ("float32 hidden", "float32 rounded", "float32 out", "float32"):
        for name in rng.permutation(names)[:8]:
            expr, x = TEMPLATES[str(name)](Short(rng))
            truth = slope_of(expr, x)
            at = np.float32(x) if dtype == "float32" else x
            expected = frozenset({"ok", "noisy"})
            yield Case(f"{name}, {dtype}", "", single(expr, dtype), at, truth, expected, 6e-8, dtype)


def solver(rng: Any) -> Iterator[Case]:
    """Quadrature, roots and differential equations; the truth is that of the function as computed."""
    for _ in range(3):
        a, x = draw(rng, 0.5, 2), draw(rng, 0.5, 2)
        truth = slope_of(lambda m, t, a=a: (1 - m.exp(-a * t)) / t, x)
        yield _given("quad of exp(-x s)", lambda t, a=a: _quadrature(t, a), x, truth)
        yield _given("Newton to 1e-14", lambda t: _newton(t, 1e-14), x, _kepler_slope(x))
        yield _given("bisection to the last bit", _bisection, x, _kepler_slope(x))
        yield _given("logistic equation, RK4 of 100 steps", _logistic, x, slope_of(lambda m, t: _logistic(t), x))
        truth = slope_of(lambda m, t, a=a: _leapfrog(t, a), x)
        yield _given("leapfrog of 200 steps", lambda t, a=a: _leapfrog(t, a), x, truth)


def loose_solver(rng: Any) -> Iterator[Case]:
    """Solvers stopped early: the function as computed is not the one that is meant."""
    yield from _loose(rng, told=False)


def told_solver(rng: Any) -> Iterator[Case]:
    """The same, with the solver's tolerance told to secant as ``noise=``."""
    yield from _loose(rng, told=True)


def _loose(rng: Any, told: bool) -> Iterator[Case]:
    for _ in range(4):
        a, x = draw(rng, 0.5, 2), draw(rng, 0.5, 2)
        damped = slope_of(lambda m, t, a=a: m.exp(-a * t) * m.cos(5 * t), x)
        fixed = _kepler_slope(x)
        for name, f, truth, level in (
            ("Newton to 1e-7", lambda t: _newton(t, 1e-7), fixed, 1e-7),
            ("fixed point to 1e-5", _fixed_point, fixed, 1e-5),
            ("oscillator, rtol 1e-6", lambda t, a=a: _oscillator(t, a, 1e-6), damped, 2e-6),
            ("oscillator, rtol 1e-11", lambda t, a=a: _oscillator(t, a, 1e-11), damped, 1e-10),
        ):
            case = _given(name, f, x, truth, noise=level)
            words = frozenset({"ok", "noisy", "unresolved"})
            yield replace(case, expected=words, options={"noise": level} if told else {})


def _given(name: str, f: Function, x: float, truth: float, **traits: Any) -> Case:
    return Case(name, "", lambda: f, x, truth, frozenset({"ok", "noisy"}), **traits)


def _kepler_slope(x: float) -> float:
    """Slope of E(x) with E - 0.4 sin E = x, from the root in long arithmetic."""
    from mpmath import mp, workdps

    with workdps(40):
        root = mp.findroot(lambda e: e - 0.4 * mp.sin(e) - x, x)
        return float(1 / (1 - 0.4 * mp.cos(root)))


def _newton(x: float, tolerance: float) -> float:
    e = 3.0
    for _ in range(60):
        step = (e - 0.4 * math.sin(e) - x) / (1.0 - 0.4 * math.cos(e))
        e -= step
        if abs(step) < tolerance:
            break
    return e


def _bisection(x: float) -> float:
    low, high = x - 1.0, x + 1.0
    middle = x
    for _ in range(200):
        middle = 0.5 * (low + high)
        if middle in (low, high):
            break
        if middle - 0.4 * math.sin(middle) < x:
            low = middle
        else:
            high = middle
    return middle


def _fixed_point(x: float) -> float:
    e = 0.0
    for _ in range(200):
        new = x + 0.4 * math.sin(e)
        if abs(new - e) < 1e-5:
            return new
        e = new
    return e


def _quadrature(x: float, a: float) -> float:
    return float(scipy.integrate.quad(lambda s: math.exp(-x * s), 0, a)[0])


def _leapfrog(x: Any, a: float) -> Any:
    q, p, h = 1.0, 0.0, x / 200
    for _ in range(200):
        p = p - 0.5 * h * (q + a * q * q * q)
        q = q + h * p
        p = p - 0.5 * h * (q + a * q * q * q)
    return q


def _logistic(x: Any) -> Any:
    y, h = 0.1, x / 100
    for _ in range(100):
        k1 = 3 * y * (1 - y)
        u = y + 0.5 * h * k1
        k2 = 3 * u * (1 - u)
        u = y + 0.5 * h * k2
        k3 = 3 * u * (1 - u)
        u = y + h * k3
        y = y + h * (k1 + 2 * k2 + 2 * k3 + 3 * u * (1 - u)) / 6
    return y


def _oscillator(x: float, a: float, rtol: float) -> float:
    if not abs(x) < 50:
        raise ValueError("too long to integrate")
    # y = exp(-a t) cos(5 t) obeys y'' = -2 a y' - (a^2 + 25) y.
    found = scipy.integrate.solve_ivp(
        lambda t, y: (y[1], -2 * a * y[1] - (a * a + 25) * y[0]),
        (0.0, float(x)),
        (1.0, -a),
        method="DOP853" if rtol < 1e-9 else "RK45",
        rtol=rtol,
        atol=rtol * 1e-3,
    )
    return float(found.y[0, -1])


def monte_carlo(rng: Any) -> Iterator[Case]:
    """Averages over random numbers: common ones (a smooth function), or new ones at each call."""
    for _ in range(3):
        x = draw(rng, 0.3, 1.2)
        key = int(rng.integers(2**31))
        z = np.random.default_rng(key).standard_normal(200).tolist()
        for name, expr in {
            "mean of exp(x z)": lambda m, t, z=z: m.fsum([m.exp(t * v) for v in z]) / 200,
            "mean of sin(x + z)": lambda m, t, z=z: m.fsum([m.sin(t + v) for v in z]) / 200,
        }.items():
            yield plain(f"{name}, common random numbers", expr, x, module=MATH)
        cdf = (1 + math.erf(x / math.sqrt(2))) / 2
        for name, g, truth in (
            ("mean of exp(x z)", lambda t, v: np.exp(t * v), x * math.exp(x * x / 2)),
            ("mean of max(x + z, 0)", lambda t, v: np.maximum(t + v, 0.0), cdf),
        ):
            case = _given(f"{name}, new random numbers", lambda t: t, x, truth, noise=0.03)
            yield replace(case, build=_sampler(g, key), expected=frozenset({"noisy", "unresolved"}))


def _sampler(g: Callable[[float, Any], Any], key: int) -> Callable[[], Function]:
    def build() -> Function:
        source = np.random.default_rng(key)
        return lambda x: float(np.mean(g(float(x), source.standard_normal(1000))))

    return build
