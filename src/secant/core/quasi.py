"""Quasi-Newton descent on differences that know the noise, with every stall looked into before it is believed.

The loop is BFGS with forward differences. When f does not fall, the reasons are tried in the order of their price:
slopes from both sides; noise, next to x and over lengths that count; curvatures taken afresh; and, under noise, steps
of the differences that grow eightfold, for a slope that drowns over short steps shows over long ones. A row of strange
step lengths calls for the look at coarse noise as well. Only when nothing of that leads down is x an end.

Sources: R. H. Byrd, P. Lu, J. Nocedal and C. Zhu, SIAM J. Sci. Comput. 16, 1995 (bounds); H.-J. M. Shi, M. Q. Xuan,
F. Oztoprak and J. Nocedal, Optim. Methods Softw. 38, 2023 (noise-aware differences); H.-J. M. Shi, Y. Xie, R. Byrd and
J. Nocedal, SIAM J. Optim. 32, 2022 (what noise does to the pairs).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from secant.core.board import QUIET, Board
from secant.core.certain import certain
from secant.core.differences import Slopes, central, central_steps, forward, sizes
from secant.core.levels import Beside, coarse, look
from secant.core.model import Model, begin, positive
from secant.core.region import HUGE, LARGEST, region
from secant.core.request import UNIT_ROUNDOFF, Core, Floats
from secant.core.stride import Stride, stride

#: A length is strange outside of these, or where f falls by less than this share of itself; so many in a row (less
#: those that were not) call for a look, as long as all such looks cost less than this share of the budget.
STRANGE, LITTLE, ROW, LOOKS = (0.2, 5.0), 0.01, 5, 0.02
#: By how much differences widen at a stall under noise, and up to what.
GROWTH, WIDEST = 8.0, 4096.0
#: The slope next to x and that over the first differences differ by more than this share: is it a wave?
MISMATCH = 0.3
#: So often a search goes on after it was thought to be at an end.
CERTAIN = 5
#: Noise is heavy above this share of f, but for what is rounding where f began. A lower value than that at hand is no
#: luck when it is lower by so many levels.
HEAVY, LUCK = 1e-6, 4.0
#: A search in heavy noise that ends more than so many lengths from where it began, and no lower, has wandered about.
WANDERED = 10.0
#: An end under noise is a minimum where its level is below this share of what f has fallen by.
SMALL = 1e-6
#: Where f bends by less than this share of its fall over lengths that count, x may lie on a plateau; how wide
#: differences are that look beyond it.
PLATEAU, AFAR = 1e-4, 256.0


@dataclass(frozen=True, slots=True)
class Place:
    """A point of the descent: x, f there, slopes, and the model."""

    x: Floats
    fun: float
    slopes: Slopes
    model: Model


@dataclass(frozen=True, slots=True)
class End:
    """Where it ended. ``flat``: the slope is zero as far as can be seen; ``fall``: what the model still promises."""

    place: Place
    flat: bool
    fall: float
    heard: bool = False


@dataclass(slots=True)
class _Stall:
    """How far the reasons for a stall were looked into: 0 not at all, 1 both sides, 2 a fresh model, 3 wider steps."""

    stage: int = 0
    wide: float = 1.0
    strange: int = 0
    looks: float = 0.0
    certified: int = 0
    end: End | None = None


#: Told of every step: the place and the length; returns whether to go on.
Listener = Callable[[Place, float], bool]


def descend(board: Board, x: Floats, fun: float, beside: Beside | None, rtol: float, tell: Listener) -> Core[End]:
    """Go down from x until nothing leads further.

    Parameters
    ----------
    beside : what two values next to x said (:func:`secant.core.levels.look`), if anything.
    rtol : a promise below this share of what f has fallen by is none.
    tell : is told of every step; when it returns False the descent ends there.

    Raises
    ------
    SpentError : the budget is gone.
    """
    place = yield from _first(board, x, fun, beside)
    if not tell(place, 0.0):
        return End(place, False, 0.0, True)
    start, stall = fun, _Stall(looks=LOOKS * board.most)
    while True:
        d, fall = downhill(board, place)
        least = max(board.level(place.fun), rtol * (start - place.fun))
        hopeless = -0.5 * fall <= 0.1 * least
        step = Stride(place.x, place.fun)
        if fall < 0.0 and not hopeless:
            bend = place.model.diagonal
            step = yield from stride(board, place.x, place.fun, d, fall, bend, place.slopes.value)
        if step.length and step.fun < place.fun:
            news = yield from _strange(board, place, step, stall)
            place = yield from _stepped(board, place, step, news)
            stall.stage = 1 if news else 0
            stall.wide, stall.end = 1.0, None
            if not tell(place, step.length):
                return End(place, False, fall, True)
            continue
        before = place
        found = yield from _stalled(board, place, stall, hopeless, least, start, tell)
        if isinstance(found, End):
            return found
        place = found
        if place.fun < before.fun and not tell(place, 0.0):
            return End(place, False, fall, True)


def downhill(board: Board, place: Place) -> tuple[Floats, float]:
    """Return the model's step, and the slope of f along it."""
    low, high = board.lower - place.x, board.upper - place.x
    slope = place.slopes.value
    d = place.model.step(slope, low, high)
    fall = float(slope @ d)
    if not fall < 0.0:
        d = np.clip(-slope / place.model.diagonal, low, high)
        fall = float(slope @ d)
    return d, fall


def _first(board: Board, x: Floats, fun: float, beside: Beside | None) -> Core[Place]:
    """Take the first slopes and curvatures, over lengths that count unless a wave is seen to be in them."""
    slopes = yield from central(board, x, fun, central_steps(board, x, fun, None, 1.0))
    if beside is not None and board.quiet(fun):
        foreseen = float(slopes.value @ beside.way)
        most = MISMATCH * float(np.abs(slopes.value) @ np.abs(beside.way)) + 4.0 * board.level(fun)
        if abs(beside.rise - foreseen) > most and not (yield from coarse(board, x, fun, board.spent)):
            slopes = yield from central(board, x, fun, central_steps(board, x, fun, slopes.bend * 0.0, 1.0))
    return Place(x, fun, slopes, begin(positive(slopes.bend, slopes.value, x)))


def _stepped(board: Board, place: Place, step: Stride, news: bool) -> Core[Place]:
    """Take slopes where a step led, and learn from them; with news of the noise, from the beginning."""
    if news:
        h = central_steps(board, step.x, step.fun, place.model.diagonal, 1.0)
        slopes = yield from central(board, step.x, step.fun, h)
        return Place(step.x, step.fun, slopes, begin(positive(slopes.bend, slopes.value, step.x)))
    slopes_there = step.slopes
    if slopes_there is None:
        slopes_there = yield from forward(board, step.x, step.fun, place.model.diagonal, place.slopes.value)
    s = step.x - place.x
    noise = 0.0 if board.quiet(step.fun) else 2.0 * float(np.abs(s) @ slopes_there.bar)
    model = place.model.updated(s, slopes_there.value - place.slopes.value, noise)
    return Place(step.x, step.fun, slopes_there, model)


def _strange(board: Board, place: Place, step: Stride, stall: _Stall) -> Core[bool]:
    """Look for coarse noise after a row of strange steps; return whether there was news of it."""
    strange = not STRANGE[0] < step.length < STRANGE[1] or place.fun - step.fun < LITTLE * abs(place.fun)
    stall.strange = stall.strange + 1 if strange else max(0, stall.strange - 1)
    if stall.strange < ROW or stall.looks <= 0.0:
        return False
    stall.strange = 0
    stall.looks -= 6.0
    return (yield from coarse(board, step.x, step.fun, board.spent))


def _stalled(
    board: Board, place: Place, stall: _Stall, hopeless: bool, least: float, start: float, tell: Listener
) -> Core[Place | End]:
    """Look into the next reason for a stall; return where to go on from, or the end."""
    x, fun, quiet = place.x, place.fun, board.quiet(place.fun)
    news = False
    if stall.stage < 2 and not (hopeless and quiet):
        news = (yield from look(board, x, fun, board.spent))[1]
        news = (yield from coarse(board, x, fun, board.spent)) or news
    stall.stage = 1 if news else stall.stage + 1
    level, bends = board.level(fun), 0.5 * float(np.max(np.abs(place.slopes.bend) * sizes(x) ** 2))
    rounding = QUIET * UNIT_ROUNDOFF * max(abs(start), bends)
    moderate = 1.0 / HUGE < level < HUGE and abs(fun) < HUGE
    if x.size <= LARGEST and moderate and level > max(HEAVY * abs(fun), rounding):
        return (yield from _through(board, place, tell, start))
    if not quiet:
        stall.wide = 1.0 if stall.stage <= 2 else GROWTH * stall.wide
    if stall.stage == 2 and quiet:
        slopes = place.slopes
        return Place(x, fun, slopes, begin(positive(slopes.bend, slopes.value, x)))
    if stall.stage > 2 and quiet:
        if not (yield from coarse(board, x, fun, board.spent)):
            return (yield from _ended(board, place, stall, End(place, hopeless, least), start))
        stall.stage, stall.wide = 1, 1.0
    if stall.wide > WIDEST:
        return End(place, hopeless, least)
    h = central_steps(board, x, fun, place.model.diagonal, stall.wide)
    slopes = yield from central(board, x, fun, h)
    model = place.model if stall.stage < 2 and not news else begin(positive(slopes.bend, slopes.value, x))
    return Place(x, fun, slopes, model)


def _ended(board: Board, place: Place, stall: _Stall, end: End, start: float) -> Core[Place | End]:
    """Make certain of an end; on a plateau look far before it is taken for one."""
    x, fun, slopes = place.x, place.fun, place.slopes
    if board.fun < fun - end.fall and stall.certified < CERTAIN:  # a lower point was seen on the way
        stall.certified, stall.stage, stall.end = stall.certified + 1, 0, None
        h = central_steps(board, board.x, board.fun, np.zeros(x.size), 1.0)
        lower, value = board.x.copy(), board.fun
        slopes = yield from central(board, lower, value, h)
        return Place(lower, value, slopes, begin(positive(slopes.bend, slopes.value, lower)))
    if stall.end is None:
        stall.certified += 1
        found = yield from certain(board, x, fun, slopes, end.fall)
        if found is not None and stall.certified <= CERTAIN:
            stall.stage = 0
            return Place(found.x, found.fun, found.slopes, found.model)
        bent = 0.5 * float(np.abs(slopes.bend) @ sizes(x) ** 2)
        if not (end.flat and bent < PLATEAU * (start - fun)):
            return end
        stall.end = end
    if stall.wide >= WIDEST:
        return stall.end
    stall.wide = AFAR if stall.wide < AFAR else WIDEST
    slopes = yield from central(board, x, fun, central_steps(board, x, fun, np.zeros(x.size), stall.wide))
    return Place(x, fun, slopes, begin(positive(slopes.bend, slopes.value, x)))


def _through(board: Board, place: Place, tell: Listener, start: float) -> Core[End]:
    """Go on through heavy noise, by a model that is fitted to values instead of by slopes."""
    last = place
    if board.fun < place.fun - LUCK * board.level(place.fun):
        last = Place(board.x.copy(), board.fun, place.slopes, place.model)

    def measure(x: Floats, fun: float) -> Core[bool]:
        return coarse(board, x, fun, board.spent)

    def heard(x: Floats, fun: float, slope: Floats) -> bool:
        nonlocal last
        slopes = Slopes(slope, np.full(x.size, np.inf), place.slopes.bend)
        last = Place(x, fun, slopes, place.model)
        return tell(last, np.nan)

    first = last
    through = yield from region(board, last.x, last.fun, measure, heard)
    level = board.level(last.fun)
    wandered = float(np.max(np.abs(last.x - first.x) / sizes(first.x))) > WANDERED
    if wandered and not last.fun < first.fun - LUCK * level:
        last = first
    return End(last, through and level <= SMALL * (start - last.fun), 0.0, not through)
