"""Functions with right gradients, in the settings in which a check of a gradient goes wrong.

Gradients are written by hand, or exact by the complex step on the same code (which leaves nothing to round away), so
that none of them comes from the code under test.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = Any


@dataclass(frozen=True)
class Problem:
    """A function of an array, its right gradient, and where they are looked at.

    ``kinked`` lists flat entries at which f has a kink: a mistake there may be another convention, and none is planted.
    ``mistakes`` are those that are planted, when not all kinds fit; ``mistaken`` is one that comes with the problem.
    """

    name: str
    family: str
    f: Callable[[Array], Any]
    gradient: Callable[[Array], Array]
    x: Array
    kinked: tuple[int, ...] = ()
    mistakes: tuple[str, ...] = ()
    mistaken: Callable[[Array], Array] | None = None


def by_complex_step(f: Callable[[Array], Any]) -> Callable[[Array], Array]:
    """Return the exact gradient of an analytic f."""

    def gradient(x: Array) -> Array:
        x = np.asarray(x, dtype=float)
        found = np.empty(x.size)
        for i in range(x.size):
            moved = x.astype(complex).reshape(-1)
            moved[i] += 1e-30j
            found[i] = np.imag(f(moved.reshape(x.shape))) / 1e-30
        return found.reshape(x.shape)

    return gradient


def textbook(rng: np.random.Generator) -> Iterator[Problem]:
    """The functions of every textbook on optimization."""

    def rosenbrock(x: Array) -> Any:
        return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)

    def beale(x: Array) -> Any:
        return (
            (1.5 - x[0] + x[0] * x[1]) ** 2
            + (2.25 - x[0] + x[0] * x[1] ** 2) ** 2
            + (2.625 - x[0] + x[0] * x[1] ** 3) ** 2
        )

    def himmelblau(x: Array) -> Any:
        return (x[0] ** 2 + x[1] - 11.0) ** 2 + (x[0] + x[1] ** 2 - 7.0) ** 2

    def ackley(x: Array) -> Any:
        return -20.0 * np.exp(-0.2 * np.sqrt(np.mean(x * x))) - np.exp(np.mean(np.cos(2.0 * np.pi * x)))

    def rastrigin(x: Array) -> Any:
        return np.sum(x * x - 10.0 * np.cos(2.0 * np.pi * x))

    def powell(x: Array) -> Any:
        return (x[0] + 10 * x[1]) ** 2 + 5 * (x[2] - x[3]) ** 2 + (x[1] - 2 * x[2]) ** 4 + 10 * (x[0] - x[3]) ** 4

    def product(x: Array) -> Any:
        return np.prod(x)

    def log_sum_exp(x: Array) -> Any:
        return np.log(np.sum(np.exp(x)))

    def griewank(x: Array) -> Any:
        return np.sum(x * x) / 4000.0 - np.prod(np.cos(x / np.sqrt(np.arange(1, x.size + 1))))

    for f, n in ((rosenbrock, 2), (rosenbrock, 10), (beale, 2), (himmelblau, 2), (ackley, 4), (rastrigin, 5)):
        yield Problem(f"{f.__name__} {n}", "textbook", f, by_complex_step(f), rng.normal(size=n))
    for f, n in ((powell, 4), (product, 6), (log_sum_exp, 8), (griewank, 3)):
        yield Problem(f"{f.__name__} {n}", "textbook", f, by_complex_step(f), rng.normal(size=n))


def layers(rng: np.random.Generator) -> Iterator[Problem]:
    """Losses of layers by their weights, with backward passes written by hand."""
    X, Y = rng.normal(size=(20, 4)), rng.normal(size=(20, 3))

    def linear(W: Array) -> Any:
        return 0.5 * np.mean(np.sum((X @ W - Y) ** 2, axis=1))

    yield Problem("linear layer", "layers", linear, lambda W: X.T @ (X @ W - Y) / len(X), rng.normal(size=(4, 3)))

    def tanh_layer(W: Array) -> Any:
        return np.sum((np.tanh(X @ W) - Y) ** 2)

    def tanh_back(W: Array) -> Array:
        a = np.tanh(X @ W)
        return X.T @ (2.0 * (a - Y) * (1.0 - a * a))

    yield Problem("tanh layer", "layers", tanh_layer, tanh_back, rng.normal(size=(4, 3)))
    labels = rng.integers(0, 3, 20)

    def cross_entropy(W: Array) -> Any:
        z = X @ W
        return np.mean(np.log(np.exp(z).sum(axis=1)) - z[np.arange(20), labels])

    def cross_back(W: Array) -> Array:
        p = np.exp(X @ W)
        p /= p.sum(axis=1, keepdims=True)
        p[np.arange(20), labels] -= 1.0
        return X.T @ p / 20.0

    yield Problem("softmax cross entropy", "layers", cross_entropy, cross_back, rng.normal(size=(4, 3)))

    def batch_norm(x: Array) -> Any:
        n = (x - x.mean(axis=0)) / np.sqrt(((x - x.mean(axis=0)) ** 2).mean(axis=0) + 1e-5)
        return np.sum(n * Y[:6])

    yield Problem("batch norm", "layers", batch_norm, by_complex_step(batch_norm), rng.normal(size=(6, 3)))

    def attention(q: Array) -> Any:
        s = q @ X[:5].T / 2.0
        a = np.exp(s) / np.exp(s).sum(axis=1, keepdims=True)
        return np.sum((a @ Y[:5]) ** 2)

    yield Problem("attention", "layers", attention, by_complex_step(attention), rng.normal(size=(3, 4)))
    signal = rng.normal(size=30)

    def convolution(w: Array) -> Any:
        return np.sum(np.tanh(np.convolve(signal, w, "valid")) ** 2)

    yield Problem("convolution", "layers", convolution, by_complex_step(convolution), rng.normal(size=5))

    def gelu_net(p: Array) -> Any:
        W, v = p[:20].reshape(4, 5), p[20:25]
        z = X @ W
        return np.mean((0.5 * z * (1.0 + np.tanh(0.7978845608 * (z + 0.044715 * z**3))) @ v - Y[:, 0]) ** 2)

    yield Problem("gelu net", "layers", gelu_net, by_complex_step(gelu_net), 0.5 * rng.normal(size=25))


def linear_algebra(rng: np.random.Generator) -> Iterator[Problem]:
    """Matrix functions with gradients from the cookbook."""
    n = 4
    A = rng.normal(size=(n, n)) + 3.0 * np.eye(n)
    b = rng.normal(size=n)
    yield Problem("log det", "linear algebra", lambda M: np.linalg.slogdet(M)[1], lambda M: np.linalg.inv(M).T, A)
    yield Problem(
        "trace of inverse",
        "linear algebra",
        lambda M: np.trace(np.linalg.inv(M)),
        lambda M: -np.linalg.matrix_power(np.linalg.inv(M), 2).T,
        A,
    )
    S = A @ A.T
    yield Problem("quadratic form", "linear algebra", lambda v: v @ A @ v, lambda v: (A + A.T) @ v, b)
    yield Problem(
        "norm of solve",
        "linear algebra",
        lambda M: np.sum(np.linalg.solve(M, b) ** 2),
        lambda M: -2.0 * np.outer(np.linalg.solve(M.T, np.linalg.solve(M, b)), np.linalg.solve(M, b)),
        A,
    )
    yield Problem(
        "largest eigenvalue",
        "linear algebra",
        lambda v: np.linalg.eigvalsh(S + np.diag(v))[-1],
        lambda v: np.linalg.eigh(S + np.diag(v))[1][:, -1] ** 2,
        b,
    )
    R = rng.normal(size=(3, 5))

    def polar(M: Array) -> Array:
        u, _, v = np.linalg.svd(M, full_matrices=False)
        return u @ v

    yield Problem(
        "nuclear norm",
        "linear algebra",
        lambda M: np.linalg.svd(M, compute_uv=False).sum(),
        polar,
        R,
    )


def simulations(rng: np.random.Generator) -> Iterator[Problem]:
    """Integrators and iterations, differentiated as they are computed."""

    def pendulum(p: Array) -> Any:
        q, v = p[0], p[1]
        for _ in range(300):
            v = v - 0.02 * (p[2] * np.sin(q) + p[3] * v)
            q = q + 0.02 * v
        return q * q + v * v

    def heat(p: Array) -> Any:
        u = p + 0.0
        for _ in range(60):
            u = u + 0.2 * (np.roll(u, 1) - 2.0 * u + np.roll(u, -1)) - 0.01 * u**3
        return np.sum(u * np.arange(u.size))

    def lotka(p: Array) -> Any:
        a, b = p[0], p[1]
        for _ in range(200):
            a, b = a + 0.01 * a * (p[2] - p[3] * b), b + 0.01 * b * (p[4] * a - p[5])
        return np.log(a) + b

    def orbit(p: Array) -> Any:
        q, v = p[:2] + 0.0, p[2:] + 0.0
        for _ in range(250):
            v = v - 0.01 * q / (q[0] ** 2 + q[1] ** 2) ** 1.5
            q = q + 0.01 * v
        return q[0] + 2.0 * q[1]

    def fixed_point(p: Array) -> Any:
        y = 0.0 * p[0]
        for _ in range(80):
            y = np.cos(p[0] * y) * p[1]
        return y

    yield Problem("pendulum", "simulations", pendulum, by_complex_step(pendulum), np.array([1.0, 0.2, 2.0, 0.1]))
    yield Problem("heat", "simulations", heat, by_complex_step(heat), rng.normal(size=12))
    start = np.array([1.0, 0.5, 1.0, 0.8, 0.6, 0.9])
    yield Problem("predator and prey", "simulations", lotka, by_complex_step(lotka), start)
    yield Problem("orbit", "simulations", orbit, by_complex_step(orbit), np.array([1.0, 0.1, 0.0, 0.9]))
    yield Problem("fixed point", "simulations", fixed_point, by_complex_step(fixed_point), np.array([0.7, 0.9]))


def _hashed(x: Array) -> float:
    """Return a number between -1 and 1 that is the same for the same x and has no pattern."""
    digest = hashlib.blake2b(np.ascontiguousarray(x).tobytes(), digest_size=8).digest()
    return int.from_bytes(digest, "little") / 2.0**63 - 1.0


def noise(rng: np.random.Generator) -> Iterator[Problem]:
    """Values that carry errors, drawn anew or the same at the same point, and rounded output."""

    def smooth(x: Array) -> Any:
        return np.sum(np.sin(x) + 0.5 * x * x)

    def gradient(x: Array) -> Array:
        return np.cos(x) + x

    for level in (1e-3, 1e-4, 1e-6, 1e-9):
        for n in (2, 4):
            yield Problem(
                f"fixed noise {level:g}, {n}",
                "noise",
                lambda x, s=level: smooth(x) + s * _hashed(x),
                gradient,
                rng.normal(size=n),
            )
    for level in (1e-3, 1e-5):
        draw = np.random.default_rng(7)
        yield Problem(
            f"random noise {level:g}",
            "noise",
            lambda x, s=level, d=draw: smooth(x) + s * d.normal(),
            gradient,
            rng.normal(size=3),
        )
    for digits in (4, 6, 8):
        yield Problem(
            f"rounded to {digits} digits",
            "noise",
            lambda x, d=digits: np.round(smooth(x), d),
            gradient,
            rng.normal(size=3),
        )
    yield Problem(
        "relative noise", "noise", lambda x: smooth(x) * (1.0 + 1e-6 * _hashed(x)), gradient, rng.normal(size=3)
    )


def scaling(rng: np.random.Generator) -> Iterator[Problem]:
    """Variables and values of sizes far from 1."""
    for e in (-8, 8):
        s = 10.0**e
        yield Problem(
            f"x of 1e{e}",
            "scaling",
            lambda x, s=s: np.sum(np.exp(x / s) * np.arange(1, 4)),
            lambda x, s=s: np.exp(x / s) * np.arange(1, 4) / s,
            s * rng.normal(size=3),
        )
        yield Problem(
            f"f of 1e{e}",
            "scaling",
            lambda x, s=s: s * np.sum(np.sin(x) * x),
            lambda x, s=s: s * (np.sin(x) + x * np.cos(x)),
            rng.normal(size=3),
        )
    c = np.array([1e-6, 1.0, 1e6])
    yield Problem(
        "mixed sizes of x",
        "scaling",
        lambda x: np.sum(np.sin(x * c) + x * c),
        lambda x: c * np.cos(x * c) + c,
        rng.normal(size=3) / c,
    )
    w = np.array([1e8, 1.0, 1e-4])
    yield Problem(
        "mixed sizes of the gradient",
        "scaling",
        lambda x: np.sum(w * np.sin(x)),
        lambda x: w * np.cos(x),
        rng.normal(size=3),
    )
    k = np.array([1.0, 100.0, 1e4])
    yield Problem(
        "mixed frequencies", "scaling", lambda x: np.sum(np.sin(k * x)), lambda x: k * np.cos(k * x), rng.normal(size=3)
    )
    yield Problem(
        "offset of 1e6",
        "scaling",
        lambda x: np.sum((x - 1e6) ** 3),
        lambda x: 3.0 * (x - 1e6) ** 2,
        1e6 + rng.normal(size=3),
    )
    yield Problem("f offset by 1e8", "scaling", lambda x: 1e8 + np.sum(np.sin(x)), np.cos, rng.normal(size=3))


def curvature(rng: np.random.Generator) -> Iterator[Problem]:
    """Functions that bend much within a step of the usual size."""
    d = np.array([1.0, 1e4, 1e8])
    yield Problem(
        "condition of 1e8", "curvature", lambda x: 0.5 * np.sum(d * x * x), lambda x: d * x, rng.normal(size=3)
    )
    yield Problem(
        "fast wave", "curvature", lambda x: np.sum(np.sin(1e4 * x)), lambda x: 1e4 * np.cos(1e4 * x), rng.normal(size=2)
    )
    yield Problem(
        "steep exponential",
        "curvature",
        lambda x: np.sum(np.exp(60.0 * x)),
        lambda x: 60.0 * np.exp(60.0 * x),
        rng.uniform(size=3),
    )
    yield Problem(
        "near a pole",
        "curvature",
        lambda x: np.sum(1.0 / (x - 1.0)),
        lambda x: -1.0 / (x - 1.0) ** 2,
        1.0 + np.array([1e-4, 1e-3, -1e-5]),
    )
    yield Problem(
        "narrow bell",
        "curvature",
        lambda x: np.sum(np.exp(-(((x - 1.0) / 1e-3) ** 2))),
        lambda x: -2e6 * (x - 1.0) * np.exp(-(((x - 1.0) / 1e-3) ** 2)),
        1.0 + 1e-3 * rng.normal(size=2),
    )
    yield Problem(
        "sharp sigmoid",
        "curvature",
        lambda x: np.sum(np.tanh(1e3 * x)),
        lambda x: 1e3 / np.cosh(1e3 * x) ** 2,
        1e-3 * rng.normal(size=3),
    )


def tiny(rng: np.random.Generator) -> Iterator[Problem]:
    """Gradients that are next to nothing, or nothing."""
    yield Problem(
        "values of 1e-8", "tiny", lambda x: 1e-8 * np.sum(np.sin(x)), lambda x: 1e-8 * np.cos(x), rng.normal(size=3)
    )
    yield Problem(
        "gradient of 1e-13", "tiny", lambda x: 1e-13 * np.sum(x * x * x), lambda x: 3e-13 * x * x, rng.normal(size=4)
    )
    yield Problem(
        "values of 1e-200",
        "tiny",
        lambda x: 1e-200 * np.sum(np.sin(x)),
        lambda x: 1e-200 * np.cos(x),
        rng.normal(size=3),
    )
    yield Problem(
        "minimum",
        "tiny",
        lambda x: np.sum((x - 1.0) ** 2),
        lambda x: 2.0 * (x - 1.0),
        np.ones(3),
        mistakes=("shifted",),
    )
    yield Problem(
        "saddle with an offset",
        "tiny",
        lambda x: 5.0 + x[0] ** 2 - x[1] ** 2,
        lambda x: np.array([2.0 * x[0], -2.0 * x[1]]),
        np.zeros(2),
        mistakes=("shifted",),
    )
    yield Problem(
        "saturated tanh",
        "tiny",
        lambda x: np.sum(np.tanh(x)),
        lambda x: 1.0 / np.cosh(x) ** 2,
        np.array([8.0, 0.3, -9.0]),
    )
    yield Problem(
        "saturated loss",
        "tiny",
        lambda x: np.sum(np.log1p(np.exp(-x))),
        lambda x: -1.0 / (1.0 + np.exp(x)),
        np.array([12.0, 15.0, 9.0]),
    )
    yield Problem(
        "one entry unused",
        "tiny",
        lambda x: np.sin(x[0]) * x[1],
        lambda x: np.array([np.cos(x[0]) * x[1], np.sin(x[0]), 0.0]),
        rng.normal(size=3),
    )


def kinks(rng: np.random.Generator) -> Iterator[Problem]:
    """Kinks at x, and close to it."""
    c = np.array([1.0, 2.0, 0.5, 3.0, 1.5])

    def step(x: Array) -> Array:
        return (np.asarray(x) > 0.0).astype(float)

    def relu(x: Array) -> Any:
        return np.sum(c * np.maximum(x, 0.0) + np.sin(x))

    def relu_back(x: Array) -> Array:
        return c * step(x) + np.cos(x)

    x = np.array([0.7, 0.0, -0.4, 0.0, 1.1])
    yield Problem("relu at 0", "kinks", relu, relu_back, x, kinked=(1, 3))
    yield Problem(
        "abs at 0",
        "kinks",
        lambda x: np.sum(c * np.abs(x) + x * x),
        lambda x: c * np.sign(x) + 2.0 * x,
        np.array([0.7, 0.0, -0.4, 0.3, 1.1]),
        kinked=(1,),
    )
    for distance in (1e-10, 1e-8, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2):
        near = np.array([0.7, distance, -0.4, -0.7 * distance, 1.1])
        far = distance > 1e-9
        yield Problem(f"relu at {distance:g}", "kinks", relu, relu_back, near, kinked=() if far else (1, 3))
    for distance in (1e-7, 1e-4):
        near = np.array([0.7, 0.7 + distance, -0.4])
        yield Problem(
            f"max of two {distance:g} apart",
            "kinks",
            lambda x: np.max(x) * x[2] + np.sum(x * x),
            lambda x: np.array(
                [2 * x[0] + x[2] * (x[0] > x[1]), 2 * x[1] + x[2] * (x[1] >= x[0]), 2 * x[2] + np.max(x)]
            ),
            near,
        )
    yield Problem(
        "tie of a max",
        "kinks",
        lambda x: 3.0 * max(x[0], x[1]) + x[2] ** 2 + x[0] * x[2],
        lambda x: np.array([3.0 * (x[0] >= x[1]) + x[2], 3.0 * (x[0] < x[1]), 2.0 * x[2] + x[0]]),
        np.array([0.5, 0.5, 1.3]),
        kinked=(0, 1),
    )
    yield Problem(
        "hinge",
        "kinks",
        lambda x: np.sum(np.maximum(0.0, 1.0 - x * c)),
        lambda x: -c * (x * c < 1.0),
        np.array([0.3, 0.5 + 1e-5, 3.0, 0.2, 0.1]),
    )
    W = rng.normal(size=(6, 4))
    X = rng.normal(size=(8, 6))
    y = rng.normal(size=8)
    bias = -(X @ W)[0] + np.array([1e-6, -1e-5, 1e-4, 0.3])

    def net(v: Array) -> Any:
        z = np.maximum(X @ v.reshape(6, 4) + bias, 0.0)
        return np.mean((z.sum(axis=1) - y) ** 2)

    def net_back(v: Array) -> Array:
        z = X @ v.reshape(6, 4) + bias
        out = 2.0 * (np.maximum(z, 0.0).sum(axis=1) - y) / len(y)
        return (X.T @ (out[:, np.newaxis] * (z > 0.0))).reshape(v.shape)

    yield Problem("relu net near kinks", "kinks", net, net_back, W)
    yield Problem(
        "clip",
        "kinks",
        lambda x: np.sum(c * np.clip(x, -1.0, 1.0) + 0.1 * x),
        lambda x: c * (np.abs(x) < 1.0) + 0.1,
        np.array([0.2, 1.0 + 1e-6, -1.0 - 1e-4, 1.0 - 1e-5, 3.0]),
    )
    yield Problem(
        "median",
        "kinks",
        lambda x: np.median(x) ** 2 + np.sum(x),
        lambda x: 1.0 + 2.0 * np.median(x) * (x == np.median(x)),
        np.array([0.3, 0.30001, 0.9, -0.2, 0.29999]),
    )
    yield Problem(
        "leaky relu",
        "kinks",
        lambda x: np.sum(np.where(x > 0.0, x, 0.01 * x) * c),
        lambda x: np.where(x > 0.0, 1.0, 0.01) * c,
        np.array([1e-7, -1e-5, 0.4, -0.6, 1e-3]),
    )
    yield Problem(
        "huber",
        "kinks",
        lambda x: np.sum(np.where(np.abs(x) < 1.0, 0.5 * x * x, np.abs(x) - 0.5)),
        lambda x: np.clip(x, -1.0, 1.0),
        np.array([1.0, -1.0 + 1e-6, 0.3, 2.0]),
    )


def float32(rng: np.random.Generator) -> Iterator[Problem]:
    """Single precision: throughout, and inside only."""
    A = rng.normal(size=(6, 4)).astype(np.float32)

    def net(x: Array) -> Any:
        return np.sum(np.tanh(A @ x) ** 2, dtype=np.float32)

    def back(x: Array) -> Array:
        a = np.tanh(A @ x)
        return A.T @ (2.0 * a * (1.0 - a * a))

    yield Problem("tanh in float32", "float32", net, back, rng.normal(size=4).astype(np.float32))
    yield Problem(
        "sine in float32",
        "float32",
        lambda x: np.sum(np.sin(x) * x),
        lambda x: np.sin(x) + x * np.cos(x),
        rng.normal(size=5).astype(np.float32),
    )
    yield Problem(
        "rosenbrock in float32",
        "float32",
        lambda x: np.float32(100) * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2,
        lambda x: np.array(
            [-400 * x[0] * (x[1] - x[0] ** 2) - 2 * (1 - x[0]), 200 * (x[1] - x[0] ** 2)], dtype=np.float32
        ),
        np.array([-1.2, 1.0], dtype=np.float32),
    )
    yield Problem(
        "float32 inside",
        "float32",
        lambda x: float(net(x.astype(np.float32))),
        lambda x: back(x.astype(np.float32)).astype(float),
        rng.normal(size=4),
    )
    yield Problem(
        "mean square in float32",
        "float32",
        lambda x: np.mean(x * x),
        lambda x: 2 * x / np.float32(x.size),
        rng.normal(size=50).astype(np.float32),
    )
    yield Problem(
        "softmax in float32",
        "float32",
        lambda x: np.log(np.sum(np.exp(x))),
        lambda x: np.exp(x) / np.sum(np.exp(x)),
        rng.normal(size=6).astype(np.float32),
    )
    yield Problem(
        "large x in float32",
        "float32",
        lambda x: np.sum(np.log(x)),
        lambda x: 1 / x,
        (1e4 * rng.uniform(1, 2, size=3)).astype(np.float32),
    )


def large(rng: np.random.Generator, most: int = 10**6) -> Iterator[Problem]:
    """Many variables, where one wrong entry has to be found."""
    for n in (100, 1000, 10**4, 10**5, 10**6):
        if n > most:
            continue
        t = rng.normal(size=n)
        yield Problem(
            f"sum of sines, {n}",
            "large",
            lambda x, t=t: np.sum(np.sin(x * t)),
            lambda x, t=t: t * np.cos(x * t),
            rng.normal(size=n),
        )
        yield Problem(
            f"mean of squares, {n}",
            "large",
            lambda x, t=t: np.mean((x - t) ** 2),
            lambda x, t=t: 2.0 * (x - t) / t.size,
            rng.normal(size=n),
        )
    side = 100
    X, Y = rng.normal(size=(50, side)), rng.normal(size=(50, side))
    yield Problem(
        "square layer, 10000",
        "large",
        lambda W: np.sum((np.tanh(X @ W / 10.0) - Y) ** 2),
        lambda W: X.T @ (2.0 * (np.tanh(X @ W / 10.0) - Y) * (1.0 - np.tanh(X @ W / 10.0) ** 2)) / 10.0,
        rng.normal(size=(side, side)),
    )
    c = rng.normal(size=300)
    yield Problem(
        "chained products, 300",
        "large",
        lambda x: np.sum(c[1:] * x[1:] * x[:-1] ** 2),
        lambda x: np.append(2 * c[1:] * x[1:] * x[:-1], 0.0) + np.append(0.0, c[1:] * x[:-1] ** 2),
        rng.normal(size=300),
    )


class Cached:
    """A function whose gradient uses what its last call left behind, as layers written by hand do."""

    def __init__(self) -> None:
        self.last: Array = None
        self.calls = 0

    def __call__(self, x: Array) -> Any:
        self.calls += 1
        self.last = np.sin(x)
        return np.sum(self.last**2)

    def backward(self, x: Array) -> Array:
        return 2.0 * (np.sin(x) if self.last is None else self.last) * np.cos(x)


def stateful(rng: np.random.Generator) -> Iterator[Problem]:
    """Code that remembers."""
    one = Cached()
    yield Problem("activations kept", "stateful", one, one.backward, rng.normal(size=3))

    def writes(x: Array) -> Any:
        total = np.sum(np.cos(x))
        x *= 0.0
        return total

    yield Problem("writes into its argument", "stateful", writes, lambda x: -np.sin(x), rng.normal(size=3))
    buffer = np.zeros(3)

    def reuses(x: Array) -> Array:
        buffer[:] = np.exp(x)
        return buffer

    yield Problem("gradient in one buffer", "stateful", lambda x: np.sum(np.exp(x)), reuses, rng.normal(size=3))
    added = np.zeros(3)

    def accumulates(x: Array) -> Array:
        added[:] += 2.0 * x
        return added.copy()

    yield Problem(
        "gradients added up",
        "stateful",
        lambda x: np.sum(x * x),
        lambda x: 2.0 * x,
        rng.normal(size=3),
        mistakes=("as given",),
        mistaken=accumulates,
    )
    kept: dict[str, Array] = {}

    def stale(x: Array) -> Array:
        return kept.setdefault("g", np.cos(x))

    yield Problem(
        "gradient of the first call",
        "stateful",
        lambda x: np.sum(np.sin(x)),
        np.cos,
        rng.normal(size=3),
        mistakes=("as given",),
        mistaken=stale,
    )


FAMILIES = (
    textbook,
    layers,
    linear_algebra,
    simulations,
    noise,
    scaling,
    curvature,
    tiny,
    kinks,
    float32,
    large,
    stateful,
)


def problems(seed: int = 0, most: int = 10**6) -> list[Problem]:
    """Return all problems, drawn by a seed, up to so many variables."""
    found: list[Problem] = []
    for number, family in enumerate(FAMILIES):
        rng = np.random.default_rng([seed, number])
        found += family(rng, most) if family is large else family(rng)
    return found
