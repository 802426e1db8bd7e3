"""Problems to develop on: Moré, Garbow & Hillstrom's (ACM TOMS 7, 1981) that Moré & Wild left out, fits, and others.

None of the twenty-two functions of Moré & Wild (SIAM J. Optim. 20, 2009) is here, nor one of ``held_out`` or a near
relative of one.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.descent.base import Array, Problem, join, plain, ripple, rk4, squares


def beale(x: Array) -> Array:
    """Beale's function."""
    a, b = x
    return join(1.5 - a * (1 - b), 2.25 - a * (1 - b * b), 2.625 - a * (1 - b * b * b))


def biggs(x: Array, t: Array, y: Array) -> Array:
    """Biggs' sum of exponentials with six parameters."""
    return x[2] * np.exp(-t * x[0]) - x[3] * np.exp(-t * x[1]) + x[5] * np.exp(-t * x[4]) - y


def wood(x: Array) -> Array:
    """Wood's (Colville's) function."""
    a, b, c, d = x
    return join(10 * (b - a * a), 1 - a, 90**0.5 * (d - c * c), 1 - c, 10**0.5 * (b + d - 2), (b - d) * 10**-0.5)


def chained_wood(x: Array) -> Array:
    """Wood's function on overlapping fours."""
    return join(*(wood(x[i : i + 4]) for i in range(0, x.size - 3, 2)))


def variably_dimensioned(x: Array, j: Array) -> Array:
    """MGH 25."""
    s = (j * (x - 1)).sum()
    return join(x - 1, s, s * s)


def trigonometric(x: Array, j: Array) -> Array:
    """MGH 26."""
    return x.size - np.cos(x).sum() + j * (1 - np.cos(x)) - np.sin(x)


def penalty_1(x: Array) -> Array:
    """MGH 23."""
    return join(1e-5**0.5 * (x - 1), (x * x).sum() - 0.25)


def penalty_2(x: Array, j: Array, y: Array) -> Array:
    """MGH 24."""
    n, e = x.size, np.exp(x / 10)
    return join(
        x[0] - 0.2,
        1e-5**0.5 * (e[1:] + e[:-1] - y),
        1e-5**0.5 * (e[1:] - float(np.exp(-0.1))),
        ((n - j + 1) * x * x).sum() - 1,
    )


def gulf(x: Array, t: Array, y: Array) -> Array:
    """MGH 11, Gulf research and development; |.| as the root of a square."""
    distance = np.sqrt((y - x[1]) ** 2)
    return np.exp(-(distance ** x[2]) / x[0]) - t


def brown(x: Array) -> Array:
    """Brown's badly scaled function."""
    a, b = x
    return join(a - 1e6, b - 2e-6, a * b - 2)


def powell(x: Array) -> Array:
    """Powell's badly scaled function."""
    a, b = x
    return join(1e4 * a * b - 1, np.exp(-a) + np.exp(-b) - 1.0001)


def broyden_tridiagonal(x: Array) -> Array:
    """MGH 30."""
    r = (3 - 2 * x) * x + 1
    r[1:] -= x[:-1]
    r[:-1] -= 2 * x[1:]
    return r


def broyden_banded(x: Array) -> Array:
    """MGH 31."""
    r = x * (2 + 5 * x * x) + 1
    for i in range(x.size):
        for j in range(max(0, i - 5), min(x.size, i + 2)):
            if j != i:
                r[i] -= x[j] * (1 + x[j])
    return r


def boundary_value(x: Array, t: Array) -> Array:
    """MGH 28, a discrete boundary value problem."""
    h = 1.0 / (x.size + 1)
    r = 2 * x + h * h * (x + t + 1) ** 3 / 2
    r[1:] -= x[:-1]
    r[:-1] -= x[1:]
    return r


def integral(x: Array, t: Array) -> Array:
    """MGH 29, a discrete integral equation."""
    h, cubes = 1.0 / (x.size + 1), (x + t + 1) ** 3
    left = np.cumsum(t * cubes)
    right = np.cumsum(((1 - t) * cubes)[::-1])[::-1] - (1 - t) * cubes
    return x + h / 2 * ((1 - t) * left + t * right)


def himmelblau(x: Array) -> Array:
    """Himmelblau's function."""
    a, b = x
    return join(a * a + b - 11, a + b * b - 7)


def dixon_price(x: Array, roots: Array) -> Array:
    """Dixon and Price's function."""
    return join(x[0] - 1, roots * (2 * x[1:] * x[1:] - x[:-1]))


def saturation(x: Array, s: Array, y: Array) -> Array:
    """Michaelis and Menten's rate against concentration."""
    return x[0] * s / (x[1] + s) - y


def misra(x: Array, t: Array, y: Array) -> Array:
    """NIST's Misra1a and BoxBOD."""
    return x[0] * (1 - np.exp(-x[1] * t)) - y


def dan_wood(x: Array, t: Array, y: Array) -> Array:
    """NIST's DanWood."""
    return x[0] * t ** x[1] - y


def decays(x: Array, t: Array, y: Array) -> Array:
    """Two decays and a background."""
    return x[0] * np.exp(-x[1] * t) + x[2] * np.exp(-x[3] * t) + x[4] - y


def gaussian_peak(x: Array, t: Array, y: Array) -> Array:
    """A peak of Gauss on a sloping ground."""
    return x[0] * np.exp(-(((t - x[1]) / x[2]) ** 2)) + x[3] + x[4] * t - y


def lotka_volterra(x: Array, y: Array) -> Array:
    """Prey and predators: four rates from what was counted."""

    def slope(s: Any) -> Any:
        return [s[0] * (x[0] - x[1] * s[1]), s[1] * (x[2] * s[0] - x[3])]

    states = rk4(slope, [x[0] * 0 + 1.0, x[0] * 0 + 0.5], 0.25, 32)[1::2]
    return join(*(part for state in states for part in state)) - y


def net(x: Array, inputs: Array, y: Array) -> Array:
    """A net of three hyperbolic tangents on two inputs."""
    hidden = np.tanh(inputs @ x[:6].reshape(2, 3) + x[6:9])
    return join(0.3 * (hidden @ x[9:12] + x[12] - y), 0.05 * x)


def logistic_regression(x: Array, inputs: Array, signs: Array) -> Any:
    """Cross entropy of a linear classifier, with a ridge."""
    return np.log(1 + np.exp(-signs * (inputs @ x))).mean() + 0.005 * (x * x).sum()


def log_sum_exp(x: Array, A: Array, b: Array) -> Any:
    """The soft maximum of linear functions."""
    return np.log(np.exp(A @ x - b).sum())


def quadratic(x: Array, A: Array) -> Array:
    """A quadratic with its axes turned."""
    return A @ (x - 1)


def zakharov(x: Array, j: Array) -> Array:
    """Zakharov's function."""
    s = 0.5 * (j * x).sum()
    return join(x, s, s * s)


def bratu(x: Array) -> Array:
    """Bratu's equation on a line."""
    h = 1.0 / (x.size + 1)
    r = 2 * x - 2 * h * h * np.exp(x)
    r[1:] -= x[:-1]
    r[:-1] -= x[1:]
    return r


def lanczos(x: Array, t: Array, y: Array) -> Array:
    """NIST's Lanczos1: three exponentials that are hard to tell apart."""
    return x[0] * np.exp(-x[1] * t) + x[2] * np.exp(-x[3] * t) + x[4] * np.exp(-x[5] * t) - y


def wave(x: Array, t: Array, y: Array) -> Array:
    """A net of four soft steps that learns a wave."""
    steps = np.log(1 + np.exp(t[:, None] * x[:4] + x[4:8]))
    return join(0.3 * (steps @ x[8:12] + x[12] - y), 0.03 * x)


def turned(n: int, condition: float, seed: int) -> Array:
    """Return a matrix with random axes, whose Gram matrix has a condition."""
    rng = np.random.default_rng(seed)
    Q, _ = np.linalg.qr(rng.normal(size=(n, n)))
    return np.sqrt(np.logspace(0.0, -np.log10(condition), n))[:, None] * Q.T


def upto(n: int) -> Array:
    """Return 1, ..., n."""
    return np.arange(1.0, n + 1.0)


def grid(n: int) -> Array:
    """Return the inner points of n + 1 equal parts of the unit interval."""
    return upto(n) / (n + 1)


def problems() -> list[Problem]:
    """Return the set to develop on."""
    t6 = upto(13) / 10
    y6 = np.exp(-t6) - 5 * np.exp(-10 * t6) + 3 * np.exp(-4 * t6)
    gulf_t = upto(40) / 100
    gulf_y = 25 + (-50 * np.log(gulf_t)) ** (2 / 3)
    penalty = np.exp(upto(8) / 10)
    conc = np.array([0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4])
    time = np.linspace(0.0, 4.0, 30)
    decayed = 2 * np.exp(-0.4 * time) + 3 * np.exp(-2.5 * time) + 0.3 + ripple(30, 0.02)
    channel = np.linspace(-3.0, 3.0, 25)
    peak = 4 * np.exp(-(((channel - 0.6) / 0.8) ** 2)) + 1 + 0.2 * channel + ripple(25, 0.05)
    counted = lotka_volterra(np.array([1.1, 0.9, 0.7, 0.6]), np.zeros(32)) + ripple(32, 0.03)
    rng = np.random.default_rng(7)
    pairs = rng.uniform(-1.5, 1.5, (24, 2))
    bent = np.sin(2 * pairs[:, 0]) * pairs[:, 1] + 0.3 * pairs[:, 0]
    people = np.column_stack([rng.normal(size=(40, 5)), np.ones(40)])
    signs = np.sign(people @ np.array([2.0, -1.0, 0.5, 0.0, 1.0, 0.3]) + rng.normal(size=40))
    planes = rng.normal(size=(30, 7))
    misra_t = np.array(
        [77.6, 114.9, 141.1, 190.8, 239.9, 289.0, 332.8, 378.4, 434.8, 477.3, 536.8, 593.1, 689.1, 760.0]
    )
    misra_y = np.array(
        [10.07, 14.73, 17.94, 23.93, 29.61, 35.18, 40.02, 44.82, 50.76, 55.05, 61.01, 66.40, 75.47, 81.78]
    )
    bod = (np.array([1.0, 2, 3, 5, 7, 10]), np.array([109.0, 149, 149, 191, 213, 224]))
    lamp = (np.array([1.309, 1.471, 1.490, 1.565, 1.611, 1.680]), np.array([2.138, 3.421, 3.597, 4.340, 4.882, 5.660]))
    times = 0.05 * np.arange(24)
    three = 0.0951 * np.exp(-times) + 0.8607 * np.exp(-3 * times) + 1.5576 * np.exp(-5 * times)
    s = np.linspace(-1.0, 1.0, 20)
    colville = [-3.0, -1.0, -3.0, -1.0]
    return [
        squares("Beale", beale, [1.0, 1.0]),
        squares("Biggs EXP6", biggs, [1.0, 2.0, 1.0, 1.0, 1.0, 1.0], t6, y6),
        squares("Wood", wood, colville),
        squares("Wood", wood, colville, far=10.0),
        squares("chained Wood 12", chained_wood, colville * 3),
        squares("variably dimensioned 8", variably_dimensioned, 1 - upto(8) / 8, upto(8)),
        squares("variably dimensioned 12", variably_dimensioned, 1 - upto(12) / 12, upto(12), far=10.0),
        squares("Zakharov 6", zakharov, np.ones(6), upto(6)),
        squares("Zakharov 10", zakharov, np.ones(10), upto(10), far=10.0),
        squares("trigonometric 5", trigonometric, np.full(5, 0.2), upto(5)),
        squares("penalty I 10", penalty_1, upto(10)),
        squares("penalty II 8", penalty_2, np.full(8, 0.5), upto(8), penalty[1:] + penalty[:-1]),
        squares("Gulf", gulf, [5.0, 2.5, 0.15], gulf_t, gulf_y),
        squares("Brown badly scaled", brown, [1.0, 1.0]),
        squares("Powell badly scaled", powell, [0.0, 1.0]),
        squares("Broyden tridiagonal 10", broyden_tridiagonal, -np.ones(10)),
        squares("Broyden tridiagonal 30", broyden_tridiagonal, -np.ones(30), far=10.0),
        squares("Broyden banded 8", broyden_banded, -np.ones(8)),
        squares("boundary value 10", boundary_value, grid(10) * (grid(10) - 1), grid(10), far=10.0),
        squares("Bratu 12", bratu, np.full(12, -1.0)),
        squares("integral equation 8", integral, grid(8) * (grid(8) - 1), grid(8)),
        squares("integral equation 8", integral, grid(8) * (grid(8) - 1), grid(8), far=10.0),
        squares("Himmelblau", himmelblau, [1.0, 1.0]),
        squares("Himmelblau", himmelblau, [1.0, 1.0], far=10.0),
        squares("Dixon and Price 6", dixon_price, np.ones(6), np.sqrt(upto(6)[1:])),
        squares("saturation", saturation, [1.0, 1.0], conc, 2.4 * conc / (0.6 + conc) + ripple(8, 0.03)),
        squares("Misra1a", misra, [250.0, 5e-4], misra_t, misra_y),
        squares("BoxBOD", misra, [100.0, 0.75], *bod),
        squares("DanWood", dan_wood, [1.0, 5.0], *lamp),
        squares("two decays", decays, [1.0, 1.0, 1.0, 5.0, 0.0], time, decayed),
        squares("Lanczos1", lanczos, [0.5, 0.7, 3.6, 4.2, 4.0, 6.3], times, three),
        squares("Gaussian peak", gaussian_peak, [1.0, 0.0, 1.0, 0.0, 0.0], channel, peak),
        squares("Lotka and Volterra", lotka_volterra, [0.8, 0.6, 0.5, 0.8], counted),
        squares("net of three", net, 0.5 * np.cos(3 * upto(13)), pairs, bent),
        squares("net of soft steps", wave, 0.7 * np.cos(2 * upto(13)), 2 * s, np.sin(3 * s)),
        plain("logistic regression 6", logistic_regression, np.zeros(6), people, signs),
        plain("log-sum-exp 7", log_sum_exp, np.ones(7), planes, rng.normal(size=30)),
        squares("quadratic 10, condition 1e4", quadratic, np.zeros(10), turned(10, 1e4, 3)),
        squares("quadratic 20, condition 1e2", quadratic, np.zeros(20), turned(20, 1e2, 4), far=1.0),
    ]
