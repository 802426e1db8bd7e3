"""Descents with labels: problems with exact gradients, the loops, and the rule that labels a run.

A run is labeled by the same loop with exact gradients, and by nothing else: *too large* when it ends higher than it
began, or not finite; *too small* when it gained less than 1 % of the decrease that can be reached; else *fine*. The
loops are written out here once more, from the formulas of the book behind the notes, and share nothing with secant.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

import secant

Vector = Any
Value = Callable[[Vector], float]
Gradient = Callable[[Vector], Vector]

#: Part of the decrease that can be reached below which a rate was too small.
GAIN = 0.01
#: How far off a start may be, as a share of itself, without another label.
OFF = 1e-9
RULES = ("plain", "momentum", "adagrad", "adam")


@dataclass(frozen=True)
class Problem:
    """f, its exact gradient, the least value that can be reached, a start, and a curvature to scale rates by.

    ``noise`` is the level of noise that f carries when it is descended, and not when the run is labeled.
    """

    name: str
    f: Value
    gradient: Gradient
    least: float
    x0: Vector
    curvature: float
    noise: float = 0.0

    def noisy(self) -> Value:
        """Return f under its noise, which depends on every bit of x."""
        if not self.noise:
            return self.f
        return lambda x: self.f(x) + self.noise * (zlib.crc32(np.asarray(x).tobytes()) / 2**31 - 1.0)


class Run(NamedTuple):
    """A descent to judge."""

    problem: Problem
    lr: float
    iterations: int
    rule: str = "plain"


# --- Problems ---------------------------------------------------------------------------------------------


def bowl(curvatures: Vector, x0: Vector, axes: Vector | None = None, name: str = "", noise: float = 0.0) -> Problem:
    """Return half the sum of ``c * y**2``, with y along the given axes."""
    c = np.asarray(curvatures, dtype=float)
    turned = np.eye(c.size) if axes is None else axes
    hessian = turned.T @ np.diag(c) @ turned
    label = name or f"bowl {c.max() / c.min():.0e}"
    return Problem(
        label, lambda x: 0.5 * float(x @ hessian @ x), lambda x: hessian @ x, 0.0, np.asarray(x0, float), c.max(), noise
    )


def cosh(x0: Vector) -> Problem:
    """Return the sum of cosh; the curvature grows with the distance, so that 2 / L at the start says little."""
    start = np.asarray(x0, float)
    return Problem(
        "cosh",
        lambda x: float(np.sum(np.cosh(x))),
        np.sinh,
        float(start.size),
        start,
        float(np.cosh(np.abs(start).max())),
    )


def rosenbrock(x0: Vector) -> Problem:
    """Return Rosenbrock's valley in two or more variables."""

    def f(x: Vector) -> float:
        return float(np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2))

    def gradient(x: Vector) -> Vector:
        slope = np.zeros_like(x)
        off = x[1:] - x[:-1] ** 2
        slope[1:] += 200.0 * off
        slope[:-1] += -400.0 * x[:-1] * off - 2.0 * (1.0 - x[:-1])
        return slope

    start = np.asarray(x0, float)
    return Problem("rosenbrock", f, gradient, 0.0, start, 1200.0 * float(np.max(start**2)) + 200.0)


def quartic(c: Vector, x0: Vector) -> Problem:
    """Return the sum of ``c * x**4``."""
    weights, start = np.asarray(c, float), np.asarray(x0, float)
    return Problem(
        "quartic",
        lambda x: float(np.sum(weights * x**4)),
        lambda x: 4.0 * weights * x**3,
        0.0,
        start,
        float(np.max(12.0 * weights * start**2)),
    )


def absolute(x0: Vector) -> Problem:
    """Return the sum of |x|."""
    start = np.asarray(x0, float)
    return Problem("absolute", lambda x: float(np.sum(np.abs(x))), np.sign, 0.0, start, 1.0 / np.abs(start).max())


def with_least(name: str, f: Value, gradient: Gradient, x0: Vector, curvature: float) -> Problem:
    """Return a problem whose least value is found from its start, by BFGS with exact gradients."""
    x, value, g = x0, f(x0), gradient(x0)
    inverse = np.eye(x.size)
    for _ in range(2000):
        way = -inverse @ g
        if not way @ g < 0.0:
            inverse, way = np.eye(x.size), -g
        t = 1.0
        while t > 1e-12 and not f(x + t * way) <= value + 1e-4 * t * float(way @ g):
            t *= 0.5
        if t <= 1e-12 or np.max(np.abs(g)) < 1e-10:
            break
        moved, before = t * way, g
        x, value = x + moved, f(x + moved)
        g = gradient(x)
        turn = g - before
        if (bend := float(moved @ turn)) > 0.0:
            left = np.eye(x.size) - np.outer(moved, turn) / bend
            inverse = left @ inverse @ left.T + np.outer(moved, moved) / bend
    return Problem(name, f, gradient, float(value), x0, curvature)


def logistic(rng: np.random.Generator, n: int, rows: int = 40) -> Problem:
    """Return the loss of a logistic regression on random data, slightly regularized."""
    features = rng.normal(size=(rows, n)) * 10.0 ** rng.uniform(-1, 1, n)
    labels = np.where(features @ rng.normal(size=n) + rng.normal(size=rows) > 0.0, 1.0, -1.0)

    def f(w: Vector) -> float:
        return float(np.mean(np.logaddexp(0.0, -labels * (features @ w))) + 5e-4 * w @ w)

    def gradient(w: Vector) -> Vector:
        with np.errstate(over="ignore"):
            share = 1.0 / (1.0 + np.exp(np.clip(labels * (features @ w), -700, 700)))
        return -features.T @ (labels * share) / rows + 1e-3 * w

    curvature = float(np.linalg.eigvalsh(features.T @ features).max()) / (4.0 * rows)
    return with_least("logistic", f, gradient, rng.normal(size=n), curvature)


def softmax(rng: np.random.Generator, rows: int = 20) -> Problem:
    """Return the cross-entropy of a layer of weights from two features to three classes, slightly regularized."""
    features, target = rng.normal(size=(rows, 2)), rng.integers(0, 3, rows)

    def shares(w: Vector) -> Vector:
        z = features @ w.reshape(2, 3)
        z = z - z.max(axis=1, keepdims=True)
        return z - np.log(np.exp(z).sum(axis=1, keepdims=True))

    def f(w: Vector) -> float:
        return float(-np.mean(shares(w)[np.arange(rows), target]) + 5e-4 * w @ w)

    def gradient(w: Vector) -> Vector:
        p = np.exp(shares(w))
        p[np.arange(rows), target] -= 1.0
        return (features.T @ p / rows).reshape(-1) + 1e-3 * w

    curvature = float(np.linalg.eigvalsh(features.T @ features).max()) / (2.0 * rows)
    return with_least("softmax", f, gradient, rng.normal(size=6), curvature)


def net(rng: np.random.Generator, hidden: int = 3, rows: int = 12) -> Problem:
    """Return the squared error of a small net with tanh, on random data."""
    features, target = rng.normal(size=(rows, 2)), rng.normal(size=rows)
    n = 4 * hidden + 1

    def parts(w: Vector) -> tuple[Vector, Vector, Vector, float]:
        return w[: 2 * hidden].reshape(2, hidden), w[2 * hidden : 3 * hidden], w[3 * hidden : -1], float(w[-1])

    def f(w: Vector) -> float:
        first, shift, last, bias = parts(w)
        return float(0.5 * np.mean((np.tanh(features @ first + shift) @ last + bias - target) ** 2) + 5e-4 * w @ w)

    def gradient(w: Vector) -> Vector:
        first, shift, last, bias = parts(w)
        layer = np.tanh(features @ first + shift)
        off = (layer @ last + bias - target) / rows
        back = np.outer(off, last) * (1.0 - layer**2)
        slope = np.concatenate([(features.T @ back).reshape(-1), back.sum(axis=0), layer.T @ off, [off.sum()]])
        return slope + 1e-3 * w

    return with_least("net", f, gradient, 0.7 * rng.normal(size=n), 2.0)


# --- The loops, and the labels ----------------------------------------------------------------------------


class Walked(NamedTuple):
    """What the loop with exact gradients came to: f at the start, at the end (NaN: not finite), and the lowest met.

    ``beyond`` is the share of steps that led beyond the floor along their own direction.
    """

    first: float
    last: float
    lowest: float
    beyond: float


def walked(run: Run, off: float = 0.0) -> Walked:
    """Walk with exact gradients, from a start that is ``off`` by that share of itself."""
    problem = run.problem
    x = np.array(problem.x0, dtype=float)
    x = x * (1.0 + off * np.cos(np.arange(x.size)))
    first = last = lowest = problem.f(x)
    one, two, beyond = np.zeros_like(x), np.zeros_like(x), 0
    g = problem.gradient(x)
    with np.errstate(all="ignore"):
        for k in range(1, run.iterations + 1):
            before = x
            x, one, two = stepped(run, x, g, one, two, k)
            last = problem.f(x) if np.all(np.isfinite(x)) else np.nan
            if not np.isfinite(last):
                return Walked(first, np.nan, lowest, beyond / k)
            lowest = min(lowest, last)
            g = problem.gradient(x)
            beyond += bool(g @ (x - before) > 0.0)
    return Walked(first, last, lowest, beyond / max(run.iterations, 1))


def stepped(run: Run, x: Vector, g: Vector, one: Vector, two: Vector, k: int) -> tuple[Vector, Vector, Vector]:
    """Return the point after step k of the book's rules, and what they keep."""
    lr = run.lr
    if run.rule == "plain":
        return x - lr * g, one, two
    if run.rule == "momentum":
        one = 0.9 * one - lr * g
        return x + one, one, two
    if run.rule == "adagrad":
        one = one + g * g
        return x - lr * g / (np.sqrt(one) + 1e-7), one, two
    one = one + (1.0 - 0.9) * (g - one)
    two = two + (1.0 - 0.999) * (g * g - two)
    rate = lr * np.sqrt(1.0 - 0.999**k) / (1.0 - 0.9**k)
    return x - rate * one / (np.sqrt(two) + 1e-7), one, two


def label(run: Run) -> str:
    """Return "too large", "too small" or "fine"; nothing where the rule does not decide.

    It does not where the label hangs on the tenth digit of the start: a run that jumps about is another one then. And
    it contradicts itself where a run gained under 1 %, but by steps most of which led beyond the floor along their own
    direction: |x| from 5 with a rate of 10 goes to and fro between 5 and -5, and no longer step is called for there.
    """
    one = _label(run, walked(run))
    return one if one == _label(run, walked(run, OFF)) else ""


def _label(run: Run, seen: Walked) -> str:
    first, last, lowest, beyond = seen
    if not last <= first:
        return "too large"
    least = min(run.problem.least, lowest)
    if first - last >= GAIN * (first - least):
        return "fine"
    return "too small" if beyond < 0.5 else ""


def said(walk: secant.Descent) -> str:
    """Return what a verdict says of the rate."""
    words = {secant.DescentVerdict.LR_TOO_LARGE: "too large", secant.DescentVerdict.LR_TOO_SMALL: "too small"}
    return words.get(walk.verdict, "fine")


# --- A table ----------------------------------------------------------------------------------------------


def table() -> list[Run]:
    """Return the fixed runs: rates from next to nothing to far too much, and just under and over ``2 / L``."""
    rng = np.random.default_rng(0)
    notes, narrow = bowl([2, 2], [-3, 4], name="the notes"), bowl([2, 0.02], [0.001, 5], name="diag(2, .02)")
    runs = [Run(notes, lr, 100) for lr in (0.1, 10.0, 1e-10, 0.99, 1.01, 1e-3, 1e-5)]
    runs += [Run(narrow, lr, n) for lr, n in ((2.0, 100), (2.0, 20), (0.9, 100), (0.99, 100), (1.01, 100), (1e-4, 50))]
    runs += [Run(cosh([3.0]), lr / np.cosh(3.0), 100) for lr in (2.2, 1.9, 0.5, 1e-2, 1e-4, 1e-7, 20.0)]
    runs += [Run(rosenbrock([-1.2, 1.0]), lr, n) for lr, n in ((1e-3, 100), (1e-2, 100), (1e-8, 100), (2e-4, 300))]
    runs += [Run(quartic([1.0], [10.0]), lr, 100) for lr in (1e-3, 0.1, 1e-9, 3e-5)]
    runs += [Run(absolute([5.0]), lr, 100) for lr in (0.01, 1.0, 1e-6, 0.3)]
    for made in (logistic(rng, 3), softmax(rng), net(rng)):
        runs += [Run(made, lr / made.curvature, 60) for lr in (0.5, 1e-6, 1e-9, 300.0)]
    steep = bowl(np.logspace(0, 4, 6), np.ones(6))
    runs += [Run(steep, lr / 1e4, 80) for lr in (1.0, 1.99, 2.01, 1e-8)]
    loud = bowl([2, 2], [-3, 4], name="noisy bowl", noise=1e-6)
    runs += [Run(loud, lr, 60) for lr in (0.1, 1.2, 1e-8)]
    valley = bowl([2.0, 0.2], [1.0, 5.0])
    runs += [Run(valley, lr, 80, rule) for rule in RULES[1:] for lr in (1e-6, 1e-2, 0.2, 50.0)]
    runs += [Run(rosenbrock([-1.2, 1.0]), lr, 80, rule) for rule in RULES[1:] for lr in (1e-8, 1e-4, 1e-2)]
    return runs


def fresh(seed: int, rules: tuple[str, ...] = RULES) -> Iterator[Run]:
    """Yield one random run of every kind of problem for each rule: rates over fifteen decades."""
    rng = np.random.default_rng(seed)
    for rule in rules:
        for problem in drawn(rng):
            yield Run(problem, _rate(rng, problem, rule), int(10.0 ** rng.uniform(1.0, 2.3)), rule)


def drawn(rng: np.random.Generator) -> Iterator[Problem]:
    """Yield a random problem of every kind; the last one carries noise."""
    n = int(rng.integers(1, 9))
    axes = np.linalg.qr(rng.normal(size=(n, n)))[0]
    curvatures = 10.0 ** rng.uniform(-3, 3) * np.concatenate([[1.0], 10.0 ** rng.uniform(-5, 0, n - 1)])
    x0 = rng.normal(size=n) * 10.0 ** rng.uniform(-1, 2)
    yield bowl(curvatures, x0, axes)
    yield bowl([2.0, 0.02], rng.normal(size=2) * [10.0 ** rng.uniform(-4, 1), 5.0], name="diag(2, .02)")
    yield cosh(rng.uniform(0.5, 5.0, int(rng.integers(1, 4))))
    yield rosenbrock(rng.normal(size=int(rng.integers(2, 5))))
    yield quartic(10.0 ** rng.uniform(-2, 2, 2), rng.normal(size=2) * 10.0 ** rng.uniform(-1, 1))
    yield absolute(rng.normal(size=int(rng.integers(1, 4))) * 10.0 ** rng.uniform(-1, 1))
    yield logistic(rng, int(rng.integers(1, 6)))
    yield softmax(rng)
    yield net(rng)
    quiet = bowl(10.0 ** rng.uniform(-1, 1, 2), rng.normal(size=2) * 10.0 ** rng.uniform(0, 1), name="noisy bowl")
    height = quiet.f(quiet.x0)
    yield Problem(
        "noisy bowl", quiet.f, quiet.gradient, 0.0, quiet.x0, quiet.curvature, height * 10.0 ** rng.uniform(-12, -4)
    )


def _rate(rng: np.random.Generator, problem: Problem, rule: str) -> float:
    """Draw a rate: over decades, and of plain descent half of the time around ``2 / L``."""
    if rule in ("adagrad", "adam"):  # whose steps are as long as the rate
        return float(np.max(np.abs(problem.x0)) * 10.0 ** rng.uniform(-9, 2))
    limit = 2.0 / problem.curvature
    if rng.random() < 0.5:
        return limit * float(rng.choice([0.1, 0.5, 0.9, 0.99, 1.01, 1.1, 2.0, 5.0]))
    return limit * 10.0 ** float(rng.uniform(-12, 3))
