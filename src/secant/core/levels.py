"""The noise of f, as a minimizer has to know it: whether there is any, and over which lengths.

Two values next to x tell rounding from anything else (2 evaluations); only where they do not look like rounding the
table of :mod:`secant.core.noise` is made (7 to 16). Noise that is smooth over such lengths, the wiggle of a solver that
adapts its grid, shows in a table over coarse ones. There a kink and a curve show as well, but both grow with the
spacing, and noise does not: it counts only when four times the spacing tells of the same level. Kink and curve together
may grow as little; what is smooth on each side of x is a kink there all the same.

Source: J. J. More and S. M. Wild, Estimating computational noise, SIAM J. Sci. Comput. 33, 2011.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, isfinite

import numpy as np

from secant.core import noise
from secant.core.board import NEWS, QUIET, Board
from secant.core.differences import sizes
from secant.core.request import UNIT_ROUNDOFF, Core, Floats

#: The two values next to x are so much closer than those of the table: less of f's bend is in their difference.
CLOSER = 2.0**-4
#: A second difference of so many roundings of f is rounding.
SMOOTH = 16.0
#: The coarse table's spacing, as a share of ``max(1, |x|)``, and its points in units of that.
COARSE = 1e-2
POINTS = np.array([-3.0, -2.0, -1.0, 1.0, 2.0, 3.0])
#: Over four times the spacing noise has the same level, within this factor; a kink has four times as much.
SAME, FURTHER = 2.5, 4.0
#: Noise leaves differences between the sides of x that are less than this share of it once in a thousand tables.
ALIKE = 0.05
#: A kink's second difference across x, in those on either side of it.
SHARP = 3.0
#: What a table may cost; with less left there is none.
TABLE = 20
#: Roundings to single precision; of values that have fewer than so many bits nobody can say.
SHORT = 2.0**-24
BITS = 12
#: Numbers of single precision, written in full, are longer than so many characters, as a rule.
WRITTEN = 14


@dataclass(frozen=True, slots=True)
class Beside:
    """What two values next to x say: the way from one to the other, and what f rises by on it."""

    way: Floats
    rise: float


def along(board: Board, x: Floats, seed: int) -> Floats:
    """Return the spacing of a table: a direction drawn by ``seed``, 0 where the box has no room for the table."""
    drawn = noise.spacings(x, board.spacing, seed)
    room = np.minimum(board.upper - x, x - board.lower)
    return np.where(room > 4.0 * np.abs(drawn), drawn, 0.0)


def pair(board: Board, x: Floats, seed: int) -> Floats:
    """Return the two points next to x that are looked at, none where there is nothing to find out or no room."""
    spacing = along(board, x, seed)
    if board.told or not spacing.any():
        return np.zeros((0, x.size))
    return board.inside(np.stack([x + CLOSER * spacing, x - CLOSER * spacing]))


def look(board: Board, x: Floats, fun: float, seed: int) -> Core[tuple[Beside | None, bool]]:
    """Look for noise next to x; return what the two values there say, and whether the level was news.

    Where the box leaves no room nothing is looked at.
    """
    spacing, points = along(board, x, seed), pair(board, x, seed)
    if not len(points):
        return None, False
    values = yield from board.ask(points)
    beside = Beside(points[0] - points[1], float(values[0] - values[1])) if np.isfinite(values).all() else None
    size = max(abs(fun), float(np.max(np.abs(values[np.isfinite(values)]), initial=0.0)))
    if beside is not None:
        if not board.double and single(np.array([fun, *values])):
            return beside, board.learn(fun, SHORT * size)
        if np.all(values != fun) and abs(values[0] + values[1] - 2.0 * fun) <= SMOOTH * UNIT_ROUNDOFF * size:
            return beside, False
    if board.left < TABLE:
        return beside, False
    found = yield from noise.measure(x, spacing, float(np.max(board.spacing)))
    board.spent += found[0].evaluations
    level = float(found[0].level(fun))
    if isfinite(level) and level > QUIET * UNIT_ROUNDOFF * size:
        return beside, board.learn(fun, level)
    return beside, False


def single(values: Floats) -> bool:
    """Return whether values are numbers of single precision, and not just short ones.

    >>> single(np.array([0.1, 0.2])), single(np.float32([0.1, 0.2]).astype(float)), single(np.array([1.0, 2.0]))
    (False, True, False)
    """
    with np.errstate(over="ignore"):
        if not np.array_equal(values.astype(np.float32).astype(np.float64), values):
            return False
    # The same value several times is one value, and has to look like no number that a person would write.
    if np.all(values == values[0]):
        return len(repr(float(values[0])).split("e")[0]) > WRITTEN
    parts = np.frexp(values)[0] * 2.0**BITS
    return not np.array_equal(parts, np.rint(parts))


def valley(values: Floats, level: float) -> bool:
    """Return whether six values at :data:`POINTS` rise from x on, too much alike on both sides for noise of a level.

    A narrow valley may look like noise over all spacings alike.

    >>> valley(np.array([3.0, 2.0, 1.0, 1.0, 2.0, 3.0]), 0.5), valley(np.array([3.0, 2.0, 1.0, 1.3, 2.0, 2.1]), 0.5)
    (True, False)
    """
    half = len(POINTS) // 2
    left, right, steps = values[half - 1 :: -1], values[half:], POINTS[half:]
    odd = right - left
    rest = odd - steps * float(steps @ odd) / float(steps @ steps)
    return bool(np.max(np.abs(rest)) < ALIKE * level and np.all(np.diff(left + right) > 0.0))


def kinked(values: Floats, fun: float, level: float) -> bool:
    """Return whether six values at :data:`POINTS`, and the one at x, are smooth on each side of x but not across it.

    Of noise differences are as small as this on both sides once in ten thousand tables. What has few values only may
    be smooth by chance, but does not bend across x by so much more than on either side.

    >>> one, other = np.array([9.0, 6.0, 3.0, 1.0, 2.0, 3.1]), np.array([9.0, 6.0, 3.0, 1.0, 2.0, 4.0])
    >>> kinked(one, 0.0, 3.0), kinked(other, 0.0, 3.0)
    (True, False)
    """
    half = len(POINTS) // 2
    sides = np.stack([np.append(values[:half], fun), np.insert(values[half:], 0, fun)])
    bend = values[half - 1] - 2.0 * fun + values[half]
    smooth = np.max(np.abs(np.diff(sides, 3))) < ALIKE * level
    return bool(smooth and abs(bend) > SHARP * np.max(np.abs(np.diff(sides, 2))))


def coarse(board: Board, x: Floats, fun: float, seed: int) -> Core[bool]:
    """Look for noise over lengths that count, 6 or 12 evaluations; return whether the level was news."""
    rng = np.random.default_rng(seed)
    share = COARSE * rng.uniform(0.5, 1.0, x.size) * rng.choice([-1.0, 1.0], x.size)
    room = np.minimum(board.upper - x, x - board.lower) / (1.0 + FURTHER * POINTS[-1])
    spacing = share * sizes(x) / np.sqrt(x.size)
    spacing = np.sign(spacing) * np.minimum(np.abs(spacing), room)
    if board.told or not spacing.any():
        return False
    before, smooth = inf, True
    for scale in (1.0, FURTHER):
        values = yield from board.ask(board.inside(x + scale * POINTS[:, np.newaxis] * spacing))
        row = np.insert(values, len(POINTS) // 2, fun)
        level = noise.agreed(noise.columns(row.tolist())) if np.isfinite(row).all() else inf
        if not isfinite(level) or not NEWS * board.level(fun) < level < SAME * before:
            return False
        if scale == 1.0 and kinked(values, fun, level):
            return False
        smooth = smooth and valley(values, level)
        before = level
    return not smooth and board.learn(fun, before)
