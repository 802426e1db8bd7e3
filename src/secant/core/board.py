"""What a minimizer knows of f: what its points cost, the lowest of them, and how far a value can be trusted.

Rules:

* Points are asked for in batches; they lie in the box, and are rounded to what the leaves of x can hold.
* A value that is not finite, for whatever reason, counts as infinite: nobody goes there.
* One budget pays for everything. Of a batch that it does not pay for any more the first points are asked for, and
  then :class:`SpentError` ends the search, wherever it is.
* The noise of a value is ``absolute + relative * |f|``. A level that was measured once is taken for a relative one,
  which is what rounding, tolerances and random factors are. Where f has fallen and the level has not, it is absolute.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf, isfinite

import numpy as np
from numpy.typing import NDArray

from secant.core.request import FAILED, UNIT_ROUNDOFF, Core, Floats, Reply, Request

#: The noise of a value is never less than so many roundings of it.
ROUNDINGS = 2.0
#: A level is news when it is so much above the one that was reckoned with.
NEWS = 3.0
#: Up to so many roundings a level is that of rounding, and f is called free of noise.
QUIET = 2.0**12


class SpentError(Exception):
    """The evaluations that were allowed are spent."""


def held(bound: Floats, inward: float, rounded: Callable[[Floats], Floats], spacing: Floats, x: Floats) -> Floats:
    """Return bounds (n,) as numbers that x can hold, not beyond the ones given.

    Parameters
    ----------
    inward : 1.0 for a lower bound, -1.0 for an upper one.
    rounded, spacing : as of :class:`Board`.
    x : a point inside; it is the bound where the next number inside is not found.

    >>> single = lambda x: x.astype(np.float32).astype(np.float64)
    >>> float(held(np.array([0.3]), -1.0, single, np.array([2.0**-24]), np.zeros(1))[0])
    0.29999998211860657
    """
    found = rounded(bound)
    for _ in range(2):
        out = (found - bound) * inward < 0.0
        # Between a half and one spacing of such numbers, and a little more: the rounding makes it one.
        found = np.where(out, rounded(found + 1.01 * inward * spacing * np.abs(found)), found)
    return np.where((found - bound) * inward < 0.0, x, found)


@dataclass(slots=True)
class Board:
    """The state of a search.

    Attributes
    ----------
    lower, upper : (n,) the box, infinite where there is none; numbers that the leaves of x can hold (:func:`held`).
    rounded : rounds a point (n,) to what the leaves of x can hold; None where they hold every float64.
    spacing : (n,) roundoff of the entries of x, relative.
    most : evaluations that are allowed.   spent : those that were made.
    width : as many evaluations take no longer than one.
    absolute, relative : the noise of f, see above.
    told : whether that is what the caller said, and not to be measured.
    x, fun : the lowest point that was seen.
    failures : points at which f failed.
    varied : whether f had different values.   valued : whether it had any.
    floored : whether a search has seen that noise leaves nothing to find, and only looks on for want of an end.
    double : whether it had one that single precision does not hold.
    """

    lower: Floats
    upper: Floats
    rounded: Callable[[Floats], Floats] | None
    spacing: Floats
    most: int
    width: int = 1
    absolute: float = 0.0
    relative: float = 0.0
    told: bool = False
    spent: int = 0
    x: Floats = field(default_factory=lambda: np.zeros(0))
    fun: float = inf
    failures: int = 0
    varied: bool = False
    valued: bool = False
    floored: bool = False
    double: bool = False
    _first: tuple[float, float] = (0.0, 0.0)
    _ahead: dict[bytes, float] = field(default_factory=dict)

    @property
    def left(self) -> int:
        """Evaluations that are left."""
        return self.most - self.spent

    def level(self, fun: float) -> float:
        """Return the noise of a value of f, its rounding at least."""
        size = abs(fun) if isfinite(fun) else 0.0
        return self.absolute + max(self.relative, ROUNDINGS * UNIT_ROUNDOFF) * size

    def quiet(self, fun: float) -> bool:
        """Return whether f shows no noise but rounding where it has this value."""
        return self.level(fun) <= QUIET * UNIT_ROUNDOFF * abs(fun)

    def learn(self, fun: float, level: float) -> bool:
        """Take note of a level measured where f has a value; return whether it was news."""
        if self.told or not level > NEWS * self.level(fun):
            return False
        if not self._first[0] and fun:
            self._first = abs(fun), level
            self.relative = level / abs(fun)
            return True
        self.absolute = max(self.absolute, level)
        size, was = self._first
        self.relative = max(0.0, (was - self.absolute) / size) if size else 0.0
        return True

    def inside(self, points: Floats) -> Floats:
        """Return points (k, n) or (n,) moved into the box and rounded as x is; x can hold the bounds."""
        clipped: Floats = np.minimum(np.maximum(points, self.lower), self.upper)
        if self.rounded is None:
            return clipped
        if clipped.ndim == 1:
            return self.rounded(clipped)
        held = np.empty_like(clipped)
        for j, point in enumerate(clipped):
            held[j] = self.rounded(point)
        return held

    def note(self, x: Floats, fun: float) -> None:
        """Keep a point when it is the lowest so far."""
        if fun < self.fun:
            self.x, self.fun = x.copy(), fun

    def ahead(self, points: Floats) -> Core[None]:
        """Ask for points now that will be asked for soon, each once: where evaluations are made several at a time."""
        if len(points) <= self.left:
            values = yield from self.ask(points)
            self._ahead = {point.tobytes(): float(value) for point, value in zip(points, values, strict=True)}

    def ask(self, points: Floats, repeat: int = 0) -> Core[Floats]:
        """Return f at points (k, n) of the box; inf where it has no finite value.

        Raises
        ------
        SpentError : the budget did not pay for all of them.
        """
        if self._ahead:
            known = [self._ahead.pop(point.tobytes(), None) for point in points]
            if None not in known:
                return np.array(known, dtype=np.float64)
            self._ahead = {}
        # From the origin a direction is the point itself, to the last bit.
        count = self._paid(len(points))
        request = Request(np.zeros(points.shape[1]), np.arange(count), np.ones(count), points[:count], repeat)
        values = self._read((yield request), count)
        lowest = int(np.argmin(values))
        self.note(points[lowest], float(values[lowest]))
        if count < len(points):
            raise SpentError
        return values

    def axes(self, x: Floats, which: NDArray[np.intp], t: Floats) -> Core[Floats]:
        """Return f where entries of x (``which``, k of them) are moved by t (k,), one at a time.

        The steps are those from x to numbers that it can hold (:meth:`inside`). Raises as :meth:`ask`.
        """
        if self.rounded is not None or self._ahead:  # a step need not be a number that such leaves can hold
            points = np.repeat(x[np.newaxis], len(which), axis=0)
            points[np.arange(len(which)), which] += t
            return (yield from self.ask(points))
        count = self._paid(len(which))
        values = self._read((yield Request(x, which[:count], t[:count])), count)
        lowest = int(np.argmin(values))
        if values[lowest] < self.fun:
            point = x.copy()
            point[which[lowest]] += t[lowest]
            self.note(point, float(values[lowest]))
        if count < len(which):
            raise SpentError
        return values

    def _paid(self, count: int) -> int:
        """Pay for evaluations; return for how many."""
        count = min(count, self.left)
        if count <= 0:
            raise SpentError
        self.spent += count
        return count

    def _read(self, reply: Reply, count: int) -> Floats:
        """Return the values of a reply; inf where there is none."""
        values = np.array(reply.values, dtype=np.float64).reshape(count, -1)[:, 0]
        if reply.status is not None:
            self.failures += int(np.count_nonzero(np.asarray(reply.status) == FAILED))
        self.valued = self.valued or bool(np.any(np.isfinite(values)))
        self.varied = self.varied or bool(np.any(np.isfinite(values) & (values != self.fun)))
        if not self.double:
            with np.errstate(over="ignore"):
                short = values.astype(np.float32).astype(np.float64)
            self.double = bool(np.any(np.isfinite(values) & (short != values)))
        values[~np.isfinite(values)] = inf
        return values

    def one(self, point: Floats, repeat: int = 0) -> Core[float]:
        """Return f at one point of the box."""
        values = yield from self.ask(point[np.newaxis], repeat)
        return float(values[0])
