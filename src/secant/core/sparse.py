"""Sparse Jacobians: what they are made of, and their fixed differences.

A pattern says where entries are; columns of one color have no row in common, so that f moved along all of them at once
tells the entries of each apart (see :mod:`secant.core.coloring`). Nothing here has a size of m times n, and nothing is
an object for each entry.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from math import inf, nan

import numpy as np
from numpy.typing import NDArray

from secant.core.across import values_of
from secant.core.coloring import parts
from secant.core.errors import InputError
from secant.core.ladder import LONGEST, SIGNIFICAND, Line, step_near
from secant.core.line import opening
from secant.core.operators import LARGER, SMALLER
from secant.core.request import FAILED, UNIT_ROUNDOFF, Core, Floats, Interrupted, Reply, Request
from secant.core.results import Slope
from secant.core.stencils import Stencil
from secant.core.verdicts import Verdict

#: Slopes kept in full of each verdict but ``ok``; the verdicts themselves are kept of all.
TOLD = 1000
#: Verdicts by the number that stands for them in an array, and back.
WORDS = tuple(Verdict)
CODE = {verdict: code for code, verdict in enumerate(WORDS)}
#: Numbers of differences that are kept by color and row before they are put where their entries are.
TABLE = 2**24

_NONE = np.zeros(0)


@dataclass(slots=True)
class Pattern:
    """Where entries are, row by row, as CSR holds them, and the color of each column."""

    m: int
    n: int
    indptr: NDArray[np.integer]
    indices: NDArray[np.integer]
    colors: NDArray[np.int32]

    @property
    def rows(self) -> NDArray[np.int32]:
        """The row of every entry."""
        return np.repeat(np.arange(self.m, dtype=np.int32), np.diff(self.indptr))

    @property
    def groups(self) -> int:
        """The number of colors."""
        return int(self.colors.max(initial=-1)) + 1 if self.indices.size else 0


@dataclass(slots=True)
class Columns:
    """What is known of the columns beforehand, in arrays: see :class:`secant.core.ladder.Line`."""

    x: Floats
    below: Floats
    above: Floats
    eps: Floats
    rounder: Callable[[int], Callable[[float], float] | None]
    max_step: float = inf
    noise: float = 0.0
    rtol: float = 0.0
    budget: int = 40
    pairs: int = 40

    def line(self, j: int) -> Line:
        """Return the line of a column."""
        return Line(
            float(self.x[j]),
            abs(float(self.x[j])),
            float(self.below[j]),
            float(self.above[j]),
            self.max_step,
            self.noise,
            self.rtol,
            self.budget,
            float(self.eps[j]),
            self.rounder(j),
            pairs=self.pairs,
        )

    def steps(self) -> tuple[Floats, Floats, Floats]:
        """Return the smallest steps, the farthest, and the first: 0 for a line that does not open with three pairs."""
        size = np.abs(self.x)
        smallest = 64.0 * np.maximum(2.0 * self.eps * size, 5e-324)
        room = np.minimum(np.minimum(self.below, self.above), self.max_step)
        reach = np.maximum(room - 0.25 * smallest, 0.0) / LONGEST
        first = np.where(size > 0.0, np.ldexp(SIGNIFICAND, np.frexp(size)[1] - 4), 0.25 * SIGNIFICAND)
        plain = (first >= 8.0 * smallest) & (reach >= first) & (first <= 2.0**1000) & (self.eps == UNIT_ROUNDOFF)
        for j in np.flatnonzero(~plain & (self.eps == UNIT_ROUNDOFF)).tolist():
            line = self.line(j)
            asked = opening(line)
            if line.rounder is None and len(asked) == 7 and asked[2] == -asked[1]:
                plain[j], first[j] = True, step_near(asked[1])
        return smallest, reach, np.where(plain & (self.budget >= 7), first, 0.0)


@dataclass(slots=True)
class Entries:
    """The entries of a pattern, in its order: value, bar, verdict (a number of ``WORDS``), level of noise and steps.

    ``told`` holds the slopes of some that are not ``ok``, by place; ``groups`` says how many colors were moved.
    """

    value: Floats
    error: Floats
    code: NDArray[np.int8]
    noise: Floats
    step: Floats
    told: dict[int, Slope] = field(default_factory=dict)
    counts: dict[Verdict, int] = field(default_factory=dict)

    @staticmethod
    def of(size: int, fixed: bool = False) -> Entries:
        """Return room for so many entries; of a fixed step, no room for what is the same for all of them."""
        code = np.full(size, CODE[Verdict.UNRESOLVED], dtype=np.int8)
        if fixed:
            return Entries(np.empty(size), _NONE, code, _NONE, _NONE)
        return Entries(np.full(size, nan), np.full(size, inf), code, np.full(size, nan), np.full(size, nan))

    def tell(self, place: int, slope: Slope) -> None:
        """Take one slope."""
        self.value[place], self.code[place] = slope.value, CODE[slope.verdict]
        if self.error.size:
            self.error[place], self.noise[place], self.step[place] = slope.error, slope.noise, slope.step
        if slope.verdict is not Verdict.OK or slope.note:
            seen = self.counts.get(slope.verdict, 0)
            self.counts[slope.verdict] = seen + 1
            if seen < TOLD:
                self.told[place] = slope


def fixed(base: Floats, fun: Floats | None, pattern: Pattern, formula: Stencil, step: float) -> Core[Entries]:
    """Apply a fixed stencil, all columns of a color moved at once: the formula's own bits, and no error bar.

    It takes one evaluation for each color and offset, and f at the point (``fun``) when the formula has it. When it is
    interrupted, what was not evaluated is NaN.
    """
    entries = Entries.of(pattern.indices.size, fixed=True)
    broken = np.zeros(pattern.groups, dtype=bool)
    at_once = min(pattern.groups, max(1, TABLE // max(pattern.m, 1)))
    spare = np.empty(pattern.m)
    moved = {offset: base + offset * step for offset in formula.offsets if offset}
    done = 0
    for first in range(0, pattern.groups, at_once):
        table = np.empty((min(at_once, pattern.groups - first), pattern.m))
        try:
            while done == first or (done % at_once and done < pattern.groups):
                moving = pattern.colors == done
                broken[done] = yield from _difference(
                    table[done - first], base, moving, fun, formula, step, moved, spare
                )
                done += 1
        except Interrupted:
            pass
        table[max(done - first, 0) :] = nan
        _gather(entries.value, pattern, table, first)
    _say_fixed(entries, pattern, base, step, broken, done)
    return entries


def _difference(
    total: Floats,
    base: Floats,
    moving: NDArray[np.bool_],
    fun: Floats | None,
    formula: Stencil,
    step: float,
    moved: dict[int, Floats],
    spare: Floats,
) -> Generator[Request, Reply, bool]:
    """Write the differences of all outputs for one color; return whether an evaluation failed.

    ``moved`` is x moved as a whole, by offset, and ``spare`` room for as many values.
    """
    broken, pair = False, formula.weights in ((1, -1), (-1, 1))
    first: Floats | None = None
    for place, (offset, weight) in enumerate(zip(formula.offsets, formula.weights, strict=True)):
        values = fun
        if offset:
            # To choose is several times as fast as to add where a mask says so.
            reply = yield Request(np.where(moving, moved[offset], base), None, (0.0,))
            values = values_of(reply)[0]
            broken |= reply.status is not None and reply.status[0] == FAILED
        assert values is not None
        if values.size != total.size:
            rows = f"a row for each of the {values.size} values of f(x); got {total.size}"
            raise InputError(f"`sparsity` must have {rows}")
        with np.errstate(all="ignore"):
            if not pair:
                _add(total, values, weight, not place, spare)
            elif first is None:
                first = values
            else:
                np.subtract(*((values, first) if weight > 0 else (first, values)), out=total)
    with np.errstate(all="ignore"):
        total /= formula.denominator * step**formula.order
    return broken


def _add(total: Floats, values: Floats, weight: int, first: bool, spare: Floats) -> None:
    """Add weighted values to a total, with the bits of :meth:`Stencil.apply`, and without arrays of its own."""
    if first:
        np.multiply(values, weight, out=total)
    elif weight == -1:
        total -= values
    else:
        total += np.multiply(values, weight, out=spare)


def _gather(value: Floats, pattern: Pattern, table: Floats, first: int) -> None:
    """Put differences by color and row (those of colors from the ``first`` on) where their entries are."""
    whole, flat = len(table) == pattern.groups, table.reshape(-1)
    begins = (pattern.colors.astype(np.int64) - first) * pattern.m
    for rows, start, end in parts(pattern.indptr):
        where = begins[pattern.indices[start:end]]
        where += rows
        if whole:
            np.take(flat, where, out=value[start:end], mode="clip")
        else:
            inside = np.flatnonzero((where >= 0) & (where < flat.size))
            value[start + inside] = flat[where[inside]]


def _say_fixed(
    entries: Entries, pattern: Pattern, base: Floats, step: float, broken: NDArray[np.bool_], done: int
) -> None:
    """Say of entries what a fixed step cannot know; most are ``unresolved``, and not marked one by one."""
    if broken.any():
        entries.value[broken[pattern.colors[pattern.indices]]] = nan
    with np.errstate(all="ignore"):
        total = entries.value.sum()
    if not np.isfinite(total):
        lost = np.flatnonzero(~np.isfinite(entries.value))
        entries.value[lost] = nan
        lost = lost[pattern.colors[pattern.indices[lost]] < done]
        for place in lost.tolist():
            failed = broken[pattern.colors[pattern.indices[place]]]
            word = Verdict.FAILED if failed else Verdict.UNDEFINED
            note = "" if failed else f"a value at the fixed step ({step:.3g}) is not finite"
            entries.tell(place, Slope(nan, inf, word, step=step, note=note, advice="" if failed else SMALLER))
    stuck = base + step == base
    if stuck.any():
        for place in np.flatnonzero(stuck[pattern.indices])[:TOLD].tolist():
            x, value = float(base[pattern.indices[place]]), float(entries.value[place])
            note = f"the step {step:.3g} is lost in rounding: x + h == x at x = {x:.6g}"
            entries.told[place] = Slope(value, inf, Verdict.UNRESOLVED, step=step, reach=step, note=note, advice=LARGER)
