"""Problems that nothing is developed on, of other families than those of ``develop``.

None of the twenty-two functions of Moré & Wild (SIAM J. Optim. 20, 2009) is here either.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.descent.base import Array, Problem, join, plain, ripple, rk4, squares


def three_hump(x: Array) -> Any:
    """The camel with three humps."""
    a, b = x
    return 2 * a * a - 1.05 * a**4 + a**6 / 6 + a * b + b * b


def miele(x: Array) -> Array:
    """Cragg and Levy's (Miele's) function."""
    a, b, c, d = x
    return join((np.exp(a) - b) ** 2, 10 * (b - c) ** 3, np.tan(c - d) ** 2, a**4, d - 1)


def tridia(x: Array, j: Array) -> Array:
    """A quadratic with three diagonals."""
    return join(x[0] - 1, np.sqrt(j[1:]) * (2 * x[1:] - x[:-1]))


def hilbert(x: Array, L: Array) -> Array:
    """The quadratic of Hilbert's matrix, of which L is the factor."""
    return L @ x


def engval(x: Array) -> Any:
    """ENGVAL1 of CUTE."""
    s = x * x
    return ((s[:-1] + s[1:]) ** 2).sum() - 4 * x[:-1].sum() + 3 * (x.size - 1)


def arwhead(x: Array) -> Any:
    """ARWHEAD of CUTE."""
    return ((x[:-1] ** 2 + x[-1] ** 2) ** 2 - 4 * x[:-1] + 3).sum()


def chandrasekhar(x: Array, mu: Array) -> Array:
    """Chandrasekhar's H equation, c = 0.9."""
    kernel = mu[:, None] / (mu[:, None] + mu)
    return x - 1 / (1 - 0.45 / x.size * (kernel @ x))


def lorentzian(x: Array, t: Array, y: Array) -> Array:
    """Two lines of Lorentz and a background."""
    first = x[0] / (1 + ((t - x[1]) / x[2]) ** 2)
    return first + x[3] / (1 + ((t - x[4]) / x[5]) ** 2) + x[6] - y


def thurber(x: Array, t: Array, y: Array) -> Array:
    """NIST's Thurber: a ratio of cubics."""
    above = x[0] + t * (x[1] + t * (x[2] + t * x[3]))
    return above / (1 + t * (x[4] + t * (x[5] + t * x[6]))) - y


def growth(x: Array, t: Array, y: Array) -> Array:
    """NIST's Rat42."""
    return x[0] / (1 + np.exp(x[1] - x[2] * t)) - y


def onions(x: Array, t: Array, y: Array) -> Array:
    """NIST's Rat43."""
    return x[0] / (1 + np.exp(x[1] - x[2] * t)) ** (1 / x[3]) - y


def dose(x: Array, t: Array, y: Array) -> Array:
    """A curve of dose and response, the dose as its logarithm."""
    return x[0] + (x[1] - x[0]) / (1 + np.exp(-x[3] * (t - x[2]))) - y


def oscillation(x: Array, t: Array, y: Array) -> Array:
    """A damped oscillation."""
    return x[0] * np.exp(-x[1] * t) * np.cos(x[2] * t + x[3]) - y


def epidemic(x: Array, y: Array) -> Array:
    """Susceptible, infected, recovered: rates and the first infected from what was counted."""

    def slope(s: Any) -> Any:
        met = x[0] * s[0] * s[1]
        return [-met, met - x[1] * s[1]]

    states = rk4(slope, [1 - x[2], x[2]], 0.5, 30)[1::2]
    return 10 * join(*(state[1] for state in states)) - y


def fitzhugh_nagumo(x: Array, y: Array) -> Array:
    """A nerve that fires: three parameters from its voltage."""

    def slope(s: Any) -> Any:
        v, w = s
        return [x[2] * (v - v * v * v / 3 + w), -(v - x[0] + x[1] * w) / x[2]]

    states = rk4(slope, [x[0] * 0 - 1.0, x[0] * 0 + 1.0], 0.2, 40)[1::2]
    return join(*(state[0] for state in states)) - y


def localization(x: Array, beacons: Array, ranges: Array, between: Array) -> Array:
    """Three sensors in the plane, from distances to four beacons and to each other."""
    p = x.reshape(3, 2)
    far = np.sqrt(((p[:, None, :] - beacons) ** 2).sum(axis=2)).reshape(-1)
    near = np.sqrt(((p - p[[1, 2, 0]]) ** 2).sum(axis=1))
    return join(far - ranges, near - between)


def arm(x: Array, target: Array) -> Array:
    """A plane arm of five links that reaches for a point and bends little."""
    turns = np.cumsum(x)
    return join(np.cos(turns).sum() - target[0], np.sin(turns).sum() - target[1], 0.1 * x)


def factors(x: Array, M: Array) -> Array:
    """Two factors of rank one, with a small ridge."""
    return join((np.outer(x[:4], x[4:]) - M).reshape(-1), 0.1 * x)


def surface(x: Array, edge: Array) -> Any:
    """A minimal surface over a grid of 3 by 3 points inside a frame."""
    z = edge + 0 * x[0]
    z[1:4, 1:4] = x.reshape(3, 3)
    right, up = 4 * (z[:-1, 1:] - z[:-1, :-1]), 4 * (z[1:, :-1] - z[:-1, :-1])
    left, down = 4 * (z[1:, 1:] - z[1:, :-1]), 4 * (z[1:, 1:] - z[:-1, 1:])
    return (np.sqrt(1 + right**2 + up**2) + np.sqrt(1 + left**2 + down**2)).sum() / 32


def cluster(x: Array) -> Any:
    """Four atoms of Lennard and Jones, the first held in place and the next ones on a line and in a plane."""
    zero = 0 * x[0]
    p = join(zero, zero, zero, x[0], zero, zero, x[1], x[2], zero, x[3:6]).reshape(4, 3)
    i, j = np.triu_indices(4, 1)
    s = 1 / ((p[i] - p[j]) ** 2).sum(axis=1) ** 3
    return 4 * (s * s - s).sum()


def robust(x: Array, t: Array, y: Array) -> Any:
    """A parabola with Cauchy's loss, by which outliers count little."""
    return np.log(1 + (5 * (x[0] + x[1] * t + x[2] * t * t - y)) ** 2).sum()


def poisson(x: Array, inputs: Array, counts: Array) -> Any:
    """Regression on counts."""
    eta = inputs @ x
    return (np.exp(eta) - counts * eta).mean()


def simplex(x: Array, w: Array) -> Array:
    """Distances of soft shares from shares that are wanted."""
    e = np.exp(x)
    return join(e / (1 + e.sum()) - w, 0.01 * x)


def nondquar(x: Array) -> Array:
    """NONDQUAR of CUTE: nearly flat at its minimum."""
    return join(x[0] - x[1], x[-2] + x[-1], (x[:-2] + x[1:-1] + x[-1]) ** 2)


THURBER_T = [
    *(-3.067, -2.981, -2.921, -2.912, -2.840, -2.797, -2.702, -2.699, -2.633, -2.481, -2.363, -2.322, -1.501, -1.460),
    *(-1.274, -1.212, -1.100, -1.046, -0.915, -0.714, -0.566, -0.545, -0.400, -0.309, -0.109, -0.103, 0.010, 0.119),
    *(0.377, 0.790, 0.963, 1.006, 1.115, 1.572, 1.841, 2.047, 2.200),
]
THURBER_Y = [
    *(80.574, 84.248, 87.264, 87.195, 89.076, 89.608, 89.868, 90.101, 92.405, 95.854, 100.696, 101.060, 401.672),
    *(390.724, 567.534, 635.316, 733.054, 759.087, 894.206, 990.785, 1090.109, 1080.914, 1122.643, 1178.351, 1260.531),
    *(1273.514, 1288.339, 1327.543, 1353.863, 1414.509, 1425.208, 1421.384, 1442.962, 1464.350, 1468.705, 1447.894),
    1457.628,
]
RAT43_Y = [
    *(16.08, 33.83, 65.80, 97.20, 191.55, 326.20, 386.87, 520.53, 590.03, 651.92, 724.93, 699.56, 689.96, 637.56),
    717.41,
]


def problems() -> list[Problem]:
    """Return the set that is held out."""
    rng = np.random.default_rng(11)
    j20 = np.arange(1.0, 21.0)
    factor = np.linalg.cholesky(1.0 / (np.arange(6)[:, None] + np.arange(6) + 1.0)).T
    t = np.linspace(-4.0, 4.0, 41)
    lines = 3 / (1 + ((t + 1) / 0.7) ** 2) + 2 / (1 + ((t - 1.2) / 0.5) ** 2) + 0.4 + ripple(41, 0.04)
    pasture = ([9.0, 14, 21, 28, 42, 57, 63, 70, 79], [8.93, 10.80, 18.59, 22.33, 39.35, 56.11, 61.73, 64.62, 67.08])
    doses = np.linspace(-3.0, 3.0, 13)
    answered = 0.2 + 1.8 / (1 + np.exp(-2.2 * (doses - 0.7))) + ripple(13, 0.05)
    swing = np.linspace(0.0, 6.0, 40)
    swung = 2 * np.exp(-0.3 * swing) * np.cos(2.2 * swing + 0.5) + ripple(40, 0.05)
    ill = epidemic(np.array([1.2, 0.4, 0.01]), np.zeros(15)) + ripple(15, 0.1)
    fired = fitzhugh_nagumo(np.array([0.3, 0.3, 2.0]), np.zeros(20)) + ripple(20, 0.05)
    beacons = np.array([[0.0, 0], [4, 0], [0, 4], [4, 4]])
    sensors = np.array([1.0, 2.5, 3.0, 1.2, 2.2, 3.3])
    ranges = localization(sensors, beacons, np.zeros(12), np.zeros(3)) + ripple(15, 0.05)
    table = np.outer([1.0, 2, -1, 0.5], [2.0, -1, 1]) + ripple(12, 0.1).reshape(4, 3)
    frame = np.zeros((5, 5))
    frame[0], frame[:, 0] = np.linspace(0, 1, 5) ** 2, np.linspace(0, 1, 5)
    frame[-1], frame[:, -1] = 1 - np.linspace(0, 1, 5), 1 - np.linspace(0, 1, 5) ** 3
    s = np.linspace(-1.0, 1.0, 20)
    parabola = 1 - 2 * s + 3 * s * s + ripple(20, 0.1) + 4.0 * (np.arange(20) % 6 == 0)
    cities = np.column_stack([np.ones(25), rng.normal(size=(25, 3))])
    counts = rng.poisson(np.exp(cities @ np.array([0.5, 0.8, -0.4, 0.2])))
    mu = (np.arange(10.0) + 0.5) / 10
    start = np.array([1.5, 0.6, 1.4, 0.7, 0.6, 1.6])
    return [
        plain("three-hump camel", three_hump, [0.9, 1.0]),
        squares("Cragg and Levy", miele, [1.0, 2.0, 2.0, 2.0]),
        squares("TRIDIA 20", tridia, np.ones(20), j20, far=10.0),
        squares("Hilbert 6", hilbert, np.ones(6), factor, far=10.0),
        plain("ENGVAL1 8", engval, np.full(8, 2.0)),
        plain("ENGVAL1 30", engval, np.full(30, 2.0)),
        plain("ARWHEAD 10", arwhead, np.ones(10), far=10.0),
        squares("NONDQUAR 8", nondquar, np.array([1.0, -1.0] * 4)),
        squares("Chandrasekhar 10", chandrasekhar, np.zeros(10), mu),
        squares("two lines", lorentzian, [1.0, -1.5, 1.0, 1.0, 1.5, 1.0, 0.0], t, lines),
        squares("Thurber", thurber, [1300.0, 1500.0, 500.0, 75.0, 1.0, 0.4, 0.05], THURBER_T, THURBER_Y),
        squares("Rat42", growth, [75.0, 2.5, 0.07], *pasture),
        squares("Rat43", onions, [700.0, 5.0, 0.75, 1.3], np.arange(1.0, 16.0), RAT43_Y),
        squares("dose and response", dose, [0.0, 1.0, 0.0, 1.0], doses, answered),
        squares("damped oscillation", oscillation, [1.0, 0.1, 2.0, 0.0], swing, swung),
        squares("epidemic", epidemic, [0.8, 0.2, 0.03], ill),
        squares("FitzHugh and Nagumo", fitzhugh_nagumo, [0.5, 0.5, 2.5], fired),
        squares("localization 6", localization, np.full(6, 2.0) + ripple(6, 0.5), beacons, ranges[:12], ranges[12:]),
        squares(
            "localization 6",
            localization,
            np.full(6, 2.0) + ripple(6, 0.5),
            beacons,
            ranges[:12],
            ranges[12:],
            far=10.0,
        ),
        squares("arm of five", arm, np.full(5, 0.1), [2.0, 2.5]),
        squares("factors 7", factors, np.ones(7), table),
        squares("factors 7", factors, np.ones(7), table, far=10.0),
        plain("minimal surface 9", surface, np.zeros(9), frame),
        plain("four atoms", cluster, start),
        plain("Cauchy's loss", robust, [0.0, 0.0, 0.0], s, parabola),
        plain("Poisson regression 4", poisson, np.zeros(4), cities, counts),
        squares("soft shares 7", simplex, np.zeros(7), [0.3, 0.05, 0.2, 0.02, 0.1, 0.15, 0.08]),
    ]
