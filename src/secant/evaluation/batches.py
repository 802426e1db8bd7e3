"""Many points in one call of f: functions with a leading batch axis, and ``vmap``.

Rules:

* f is handed x with a leading axis: an array of shape (k, n) for an x of shape (n,), and of a tree one such array for
  each of its leaves, numbers included. Its value has that axis as well. Points are rounded as they are alone.
* A batch holds as many points as fit in a fixed memory; half as many for good when f runs out of memory.
* The first point goes alone, in a batch of one, which tells the shape of f's values. A function that takes no batch is
  found out there, because its value then has no leading axis of length one.
* A function that mixes its points (a mean or a maximum over the batch) gives another value at a point alone. So one
  point of the first batch that tells goes once more alone: of three or more that lie at some distance and have values
  that differ, and none at an end of them, for the largest of all is its own maximum, and a mean over points on both
  sides of x is x. That is one evaluation more (two where only two have such values), left out where somebody set their
  number. What differs by little may be sums in another order: then as many copies of the point as the batch was long
  give what the batch gave, to the last digits.
* An exception is nobody's in particular, so the batch is halved until the points at fault are alone; what it means is
  then decided as always.
* With ``vmap`` f takes one point, and the library makes a function of many of it: JAX compiles that for a few lengths
  of batches (1, 8, 64, ...; shorter ones are filled up), PyTorch takes any.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secant.core.errors import InputError, InputTypeError, OutputError
from secant.core.request import NOT_FINITE, OK, OUTSIDE, UNIT_ROUNDOFF, Floats, Interrupted, Reply, Request
from secant.evaluation import foreign
from secant.evaluation.evaluator import Evaluator, OnError
from secant.evaluation.imaginary import sideways
from secant.evaluation.precision import rounded
from secant.evaluation.trees import Layout, Leaf, leaves
from secant.evaluation.values import ComplexValueError, read

#: Bytes of points in one batch: on a processor, whose caches hold no more (at n = 1000 a point costs 0.25 us in 4 MiB,
#: and 2.2 us in 64 MiB), and elsewhere, where it has to keep many units busy.
MEMORY, MEMORY_ELSEWHERE = 2**22, 2**27

#: Lengths of batches for which JAX compiles; each costs a compilation, and a shorter batch is filled up.
LENGTHS = (1, 8, 64, 512, 4096, 32768)

#: Values alone and beside others differ by more than rounding: by so many roundings, and by this share of what values
#: in the batch differ by. By this share of f's size they differ by more than another order of sums.
ROUNDINGS, SHARE, APART = 64.0, 1e-4, 1e-3

#: A batch tells when points are so far from x, as a share of an entry: over tiny steps a mean of squares is nothing.
DISTANCE = 1e-4


class Batches:
    """Evaluate f in batches.

    >>> batches = Batches(lambda x: (x**2).sum(axis=1), np.ones(2), (), True, "domain")
    >>> request = Request(batches.evaluator.base, (0, 0, 1), (0.0, 1.0, 2.0))
    >>> batches.reply(request, lambda positions, reply: print(list(positions), reply.values))
    [0] [2.0]
    [1, 2] [[ 5.]
     [10.]]
    """

    def __init__(
        self,
        f: Callable[..., Any],
        x: Any,
        args: tuple[Any, ...],
        mode: bool | str,
        on_error: OnError,
        *,
        name: str = "f",
        x_name: str = "x",
        guarded: bool = True,
    ) -> None:
        self._f, self._args, self._mode = f, args, mode
        self.evaluator = Evaluator(
            _many(f, self._alone), x, args=_given(args), on_error=on_error, name=name, x_name=x_name
        )
        self._layout = self.evaluator.layout
        self._quiet = on_error != "raise"
        memory = MEMORY_ELSEWHERE if _elsewhere(self._layout) else MEMORY
        self._rows = max(1, memory // (8 * self._layout.size))
        self._batched = self._mapped(f, x_name) if mode == "vmap" else (lambda points: f(points, *args))
        self._jax = mode == "vmap" and self._library() == "jax"
        if self._jax:
            self._rows = max(length for length in LENGTHS if length <= self._rows)
        self._first: tuple[Floats, Any] | None = None
        self._guarded = guarded

    def _library(self) -> str | None:
        homes = {None if leaf.home is None else leaf.home.owner for leaf in self._layout.leaves}
        return homes.pop() if len(homes) == 1 else None

    def _mapped(self, f: Callable[..., Any], x_name: str) -> Callable[[Any], Any]:
        """Return f of a batch, made by the library that x belongs to."""
        library = self._library()
        args = self._args
        if library is None:
            raise InputTypeError(
                f"`vectorized='vmap'` needs `{x_name}` to be a JAX array or a PyTorch tensor (or a tree of one kind): "
                "convert it, or write f for a batch and say `vectorized=True`"
            )
        one: Callable[[Any], Any] = (lambda point: f(point, *args)) if args else f
        if library == "jax":
            jax = sys.modules["jax"]
            compiled: Callable[[Any], Any] = jax.jit(jax.vmap(one))
            return compiled
        import torch.func

        mapped: Callable[[Any], Any] = torch.func.vmap(one)
        return mapped

    # --- calls ----------------------------------------------------------------------------------------

    def _alone(self, point: Any) -> Any:
        """Return f at one point, by a batch of one."""
        value = self._called(_lengthened(self._layout, point), 1)
        shape = read(value)[1]
        if not shape or shape[0] != 1:
            raise self._misshapen(shape, 1, None)
        return value[0] if not isinstance(value, list | tuple) else np.asarray(value)[0]

    def _called(self, points: Any, count: int) -> Any:
        try:
            return self._batched(points)
        except Exception as error:
            if count == 1 and self._mode == "vmap":
                error.add_note(
                    f"`vectorized='vmap'` needs an f that {'JAX' if self._jax else 'PyTorch'} can map over a batch: no "
                    "numbers taken out of arrays, no branches on them"
                )
            raise

    def _misshapen(self, shape: tuple[int, ...], count: int, wanted: tuple[int, ...] | None) -> OutputError:
        wanted = self.evaluator.value_shape if wanted is None else wanted
        rest = "..." if wanted is None else ", ".join(map(str, wanted))
        allowed = f"({count}{', ' if rest else ','}{rest})"
        hint = "" if self._mode == "vmap" else f": x has a leading axis of {count} there, and so must have the value"
        return OutputError(f"`f` must return values of shape {allowed} for a batch of {count}; got {shape}{hint}")

    # --- requests -------------------------------------------------------------------------------------

    def close(self) -> None:
        """Do nothing: nothing is held."""

    def reply(self, request: Request, sink: Callable[[Sequence[int], Reply], None]) -> None:
        """Evaluate a request, and hand on what comes as it comes."""
        count, start = len(request.t), 0
        if request.imaginary:
            for start in range(0, count, self._rows):
                where = range(start, min(start + self._rows, count))
                sink(where, self._beside(request, where))
            return
        lane = np.zeros(count, np.intp) if request.lane is None else np.asarray(request.lane, np.intp)
        t = np.asarray(request.t, np.float64)
        while start < count and self._first is None:
            sink([start], self._single(request, lane, t, start))
            start += 1
        while start < count:
            stop = min(start + self._length(count - start), count)
            self._stretch(request, lane, t, range(start, stop), sink)
            start = stop

    def _length(self, left: int) -> int:
        """Return how many points go into the next batch."""
        if not self._jax:
            return self._rows
        # A longer batch that would be half empty is not worth its evaluations.
        return max(length for length in LENGTHS if length == 1 or (length <= self._rows and left > length // 2))

    def _single(self, request: Request, lane: NDArray[np.intp], t: Floats, j: int) -> Reply:
        one = Request(request.base, (int(lane[j]),), (float(t[j]),), request.directions, request.repeat)
        reply = self.evaluator(one)
        if self._first is None and reply.status is None:
            vector = self.evaluator.vector(one, int(lane[j]), float(t[j]))
            if vector is not None:
                self._first = vector, np.reshape(np.asarray(reply.values), -1)
        return reply

    def _stretch(
        self, request: Request, lane: NDArray[np.intp], t: Floats, where: range, sink: Callable[..., None]
    ) -> None:
        """Evaluate some of a request's points as one batch, and halves of it where that fails."""
        matrix = self._points(request, lane[where.start : where.stop], t[where.start : where.stop])
        inside: Any = np.isfinite(matrix).all(axis=1) if self._risky(request, t, where) else None
        kept = matrix if inside is None or inside.all() else matrix[inside]
        try:
            with np.errstate(all="ignore") if self._quiet else nullcontext():
                found = self._values(kept) if len(kept) else None
        except (OutputError, InputError):
            raise
        except Interrupted:
            self.evaluator.evaluations += 1  # as for a single point, which was counted and never begun
            raise
        except Exception as error:  # noqa: BLE001 - f's own: what it means is decided point by point
            if len(where) == 1:
                sink(where, self._single(request, lane, t, where.start))
                return
            half = len(where) // 2
            if isinstance(error, MemoryError) or "OutOfMemory" in type(error).__name__:
                self._rows = max(1, half)
            for start, stop in ((where.start, where.start + half), (where.start + half, where.stop)):
                self._stretch(request, lane, t, range(start, stop), sink)
            return
        sink(where, self._reply(found, len(where), None if kept is matrix else inside))

    def _risky(self, request: Request, t: Floats, where: range) -> bool:
        """Return whether points may lie beyond the range of floats."""
        if request.directions is not None or not self._layout.exact:
            return True
        part = t[where.start : where.stop]
        return not float(np.abs(request.base).max()) + float(np.abs(part).max(initial=0.0)) < np.finfo(float).max

    def _points(self, request: Request, lane: NDArray[np.intp], t: Floats) -> Floats:
        """Return points as the rows of a fresh matrix."""
        layout, base, count = self._layout, request.base, len(t)
        if request.directions is not None:
            with np.errstate(all="ignore"):
                moved = base + t[:, None] * request.directions[lane]
            moved[t == 0.0] = base
            return moved if layout.exact else np.stack([layout.rounded(row) for row in moved])
        matrix = np.empty((count, base.size))
        matrix[:] = base
        with np.errstate(all="ignore"):
            entries = base[lane] + t
            for leaf in layout.leaves:
                if leaf.precision != "float64":
                    here = (lane >= leaf.start) & (lane < leaf.stop) & (t != 0.0)
                    step = rounded(t[here], leaf.precision)
                    entries[here] = rounded(base[lane[here]] + step, leaf.precision)
        matrix[np.arange(count), lane] = np.where(t == 0.0, base[lane], entries)
        return matrix

    def _values(self, matrix: Floats) -> tuple[NDArray[Any], float]:
        """Return f at the rows of a matrix, a row each."""
        guarded = self._guarded and self._first is not None and len(matrix) > 1
        untouched = matrix.copy() if guarded else matrix  # f may write to what it is handed
        rows, eps = self._batch(matrix)
        self.evaluator.evaluations += len(matrix)
        if guarded:
            with suppress(Interrupted):  # the batch is paid for
                self._guard(untouched, rows, eps)
        return rows, eps

    def _batch(self, matrix: NDArray[Any]) -> tuple[NDArray[Any], float]:
        """Call f once, and read what it returns."""
        count = len(matrix)
        full = count
        if self._jax:
            full = next((length for length in LENGTHS if length >= count), count)
            matrix = np.concatenate([matrix, np.repeat(matrix[-1:], full - count, axis=0)])
        value = self._called(_rows_of(self._layout, matrix), count)
        flat, shape, eps = read(value)
        wanted = self.evaluator.value_shape
        if not shape or shape[0] != full or (wanted is not None and shape[1:] != wanted):
            raise self._misshapen(shape, full, wanted)
        return flat.reshape(full, prod(shape[1:]))[:count], eps

    def _guard(self, matrix: Floats, rows: NDArray[Any], eps: float) -> None:
        """Refuse a function whose value at a point hangs on what else is in the batch, once a batch tells."""
        assert self._first is not None
        x, here = self._first
        if len(matrix) < min(3, 1 + x.size) or not (np.abs(matrix - x) > DISTANCE * np.abs(x)).any():
            return
        with np.errstate(all="ignore"):
            finite = np.isfinite(rows).all(axis=1)
            size = np.maximum(np.abs(rows[finite]).max(axis=0, initial=0.0), np.abs(here))
            spread = np.abs(rows[finite] - here).max(axis=0, initial=0.0)
            if not np.isfinite(size).all() or not (spread > ROUNDINGS * eps * size).any():
                return
            told = int(np.argmax(np.where(size > 0.0, spread / size, 0.0)))
        self._guarded = False
        for place in _telling(rows[:, told], here[told], finite):
            self._check(matrix, rows, place, spread, size, eps)

    def _check(self, matrix: Floats, rows: NDArray[Any], place: int, spread: Floats, size: Floats, eps: float) -> None:
        """Hold a point's value in a batch against the one that it has alone."""
        known, alone = rows[place], self._again(matrix[[place]])
        least = np.maximum(SHARE * spread, ROUNDINGS * eps * size)
        # Another value for the same batch of one is noise.
        if _alike(alone, known, least) or not _alike(alone, self._again(matrix[[place]]), 0.0):
            return
        if _alike(alone, known, max(APART, ROUNDINGS * eps) * size):
            copies, _ = self._batch(np.repeat(matrix[[place]], len(matrix), axis=0))
            self.evaluator.evaluations += len(matrix)
            if _alike(copies[place], known, ROUNDINGS * eps * size):
                return
        raise OutputError(
            f"`f` must treat the points of a batch apart; at one point it gave {_shown(alone, known)} alone and "
            f"{_shown(known, alone)} in a batch of {len(matrix)}"
        )

    def _again(self, matrix: Floats) -> NDArray[Any]:
        """Return f at a point once more, in a batch of one."""
        rows, _ = self._batch(matrix)
        self.evaluator.evaluations += 1
        alone: NDArray[Any] = rows[0].copy()
        return alone

    def _reply(self, found: tuple[NDArray[Any], float] | None, count: int, inside: NDArray[np.bool_] | None) -> Reply:
        """Return what came as a reply, and let the evaluator know what its values are like."""
        evaluator = self.evaluator
        width = prod(evaluator.value_shape or ())
        rows, eps = (np.full((0, width), np.nan), UNIT_ROUNDOFF) if found is None else found
        codes = np.zeros(len(rows), dtype=np.int8)
        if evaluator.complex_values:
            rows = rows.astype(np.complex128, copy=False)
        elif rows.dtype == np.complex128:
            # Some of the batch has left the real numbers, and f's type of value with it.
            codes[(rows.imag != 0.0).any(axis=1)] = OUTSIDE
            rows = rows.real.copy()
            if (codes == OUTSIDE).any() and evaluator.failures == []:
                evaluator.failures.append(str(ComplexValueError("`f` returned complex values where it was real")))
        codes[(codes == OK) & ~np.isfinite(rows).all(axis=1)] = NOT_FINITE
        if codes.any():
            rows[codes != OK] = np.nan
        if inside is not None:
            whole = np.full((count, width), np.nan, dtype=rows.dtype)
            marks = np.full(count, OUTSIDE, dtype=np.int8)
            whole[inside], marks[inside] = rows, codes
            rows, codes = whole, marks
        evaluator.eps = max(evaluator.eps, eps)
        if not evaluator.distinct:
            plain = not evaluator.value_shape and not evaluator.complex_values
            outcomes = rows[:, 0].tolist() if plain else list(rows)
            evaluator.compare(outcomes, {int(j): int(codes[j]) for j in np.flatnonzero(codes)})
        return Reply(rows, codes if codes.any() else None, evaluator.eps)

    def _beside(self, request: Request, where: range) -> Reply:
        """Evaluate beside the real axis; every exception passes."""
        matrix = np.empty((len(where), request.base.size), dtype=np.complex128)
        matrix[:] = request.base
        for row, j in zip(matrix, where, strict=True):
            i = 0 if request.lane is None else int(request.lane[j])
            if request.directions is None:
                row.imag[i] = request.t[j]
            else:
                row.imag = request.t[j] * request.directions[i]
        sideways(self._layout)  # refuses entries that have no room for it
        with np.errstate(all="ignore"):
            rows, _ = self._batch(matrix)
        self.evaluator.evaluations += len(where)
        return Reply(rows.astype(np.complex128), None, self.evaluator.eps)


def _many(f: Any, alone: Callable[[Any], Any]) -> Any:
    """Return what stands for f at one point; what is no function is left to be refused."""
    return alone if callable(f) else f


def _given(args: Any) -> Any:
    """Return the arguments that are left to hand on: none, unless they are to be refused."""
    return () if isinstance(args, tuple) else args


def _elsewhere(layout: Layout) -> bool:
    """Return whether points live on another device than the processor."""
    for leaf in layout.leaves:
        if leaf.home is not None and leaf.home.owner == "torch":
            return bool(leaf.home.device.type != "cpu")
        if leaf.home is not None:
            return bool(sys.modules["jax"].default_backend() != "cpu")
    return False


def _rows_of(layout: Layout, matrix: NDArray[Any]) -> Any:
    """Return the rows of a matrix as a batch of points in x's structure."""
    if layout.structure is None:
        return _leaf_rows(layout.leaves[0], matrix)
    return layout.structure.build((_leaf_rows(leaf, matrix) for leaf in layout.leaves), _made)


def _leaf_rows(leaf: Leaf, matrix: NDArray[Any]) -> Any:
    part = matrix if leaf.stop - leaf.start == matrix.shape[1] else matrix[:, leaf.start : leaf.stop]
    part = part.reshape(len(matrix), *leaf.shape)
    if leaf.home is not None:
        return foreign.point(replace(leaf.home, weak=False), np.ascontiguousarray(part))
    return part if leaf.precision == "float64" else part.astype(leaf.dtype)


def _lengthened(layout: Layout, point: Any) -> Any:
    """Return a point as a batch of one."""
    if layout.structure is None:
        return _lengthened_leaf(point)
    return layout.structure.build((_lengthened_leaf(leaf) for leaf in leaves(point)), _made)


def _lengthened_leaf(leaf: Any) -> Any:
    return leaf[None] if hasattr(leaf, "shape") and not isinstance(leaf, np.generic) else np.asarray(leaf)[None]


def _made(cls: type, found: dict[str, Any]) -> Any:
    return cls(**found)


def _telling(values: NDArray[Any], here: Any, finite: NDArray[np.bool_]) -> list[int]:
    """Return the places of one or two values that tell whether points are mixed.

    >>> every = np.ones(4, dtype=bool)
    >>> _telling(np.array([3.0, 0.5, 2.0, 4.0]), 1.0, every), _telling(np.array([3.0, 1.0, 1.0, -1.0]), 1.0, every)
    ([2], [3, 0])
    """
    away = np.where(finite, np.abs(values - here), 0.0)
    moved = [i for i in np.argsort(values.real, kind="stable").tolist() if away[i] > APART * away.max()]
    if len(moved) < 3:
        return moved
    inner = moved[1:-1]
    # Nor the first point of the batch, where another one is left: others may go by that.
    return [max((i for i in inner if i), key=lambda i: float(away[i]), default=inner[0])]


def _alike(one: NDArray[Any], other: NDArray[Any], most: Any) -> bool:
    """Return whether two values are the same within ``most``, for each output; and what is not finite the same."""
    with np.errstate(all="ignore"):
        same = (one == other) | (np.isnan(one) & np.isnan(other)) | (np.abs(one - other) <= most)
    return bool(same.all())


def _shown(row: NDArray[Any], other: NDArray[Any]) -> str:
    """Return a value with the digits that tell it from another, of several outputs that which differs most."""
    with np.errstate(all="ignore"):
        i = int(np.argmax(np.nan_to_num(np.abs(row - other), nan=np.inf, posinf=np.inf)))
    text = f"{row[i]:.6g}" if f"{row[i]:.6g}" != f"{other[i]:.6g}" else f"{row[i]:.17g}"
    return text if len(row) == 1 else f"[..., {text}, ...]" if i else f"[{text}, ...]"
