"""Mistakes that people make in gradients, planted in right ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.gradcheck.problems import Problem

Array = Any
#: The relative sizes of the small mistakes, in one entry.
SMALL = {"off by 1e-3": 1e-3, "off by 1e-4": 1e-4, "off by 1e-5": 1e-5, "off by 1e-6": 1e-6}
EVERYWHERE = ("sign", "factor 2", "mean for sum", "shifted index", "reversed", "transposed", "missing term", "stale")
ONE = ("one sign", "one zero", "one doubled", "swapped pair", "one NaN")


def kinds(problem: Problem, rng: np.random.Generator) -> list[str]:
    """Return the mistakes that are planted in a problem."""
    if problem.mistakes:
        return list(problem.mistakes)
    n, noisy = problem.x.size, problem.family in ("noise", "float32")
    whole = [kind for kind in EVERYWHERE if _fits(kind, problem)]
    small = ["off by 1e-3"] if problem.family == "float32" else [] if noisy else list(SMALL)
    one = [kind for kind in ONE if n > 1 or kind != "swapped pair"]
    if n > 50:
        return [*rng.choice(one, 2, replace=False), str(rng.choice(small or one)), str(rng.choice(whole))]
    chosen = [
        *(rng.choice(whole, min(2, len(whole)), replace=False) if whole else rng.choice(one, 2, replace=False)),
        *rng.choice(one, 1),
    ]
    return [str(kind) for kind in (*chosen, *(rng.choice(small, 1) if small else ()))]


def _fits(kind: str, problem: Problem) -> bool:
    shape = problem.x.shape
    if kind == "transposed":
        return len(shape) == 2 and shape[0] == shape[1]
    if kind in ("mean for sum", "shifted index", "reversed"):
        return problem.x.size > 1 and not problem.kinked
    return not (problem.kinked and kind in ("sign", "factor 2", "missing term", "stale"))


def planted(problem: Problem, kind: str, rng: np.random.Generator) -> Callable[[Array], Array]:
    """Return the gradient with a mistake, the same at every call."""
    right, x = problem.gradient, problem.x
    if kind == "as given":
        assert problem.mistaken is not None
        return problem.mistaken
    n = x.size
    problem.f(x.copy())  # some gradients use what the last call of f left behind
    size = np.abs(np.asarray(right(x.copy()), dtype=float).reshape(-1))
    entries = np.flatnonzero((size > 0.0) & (size >= 0.02 * np.median(size[size > 0.0]) if size.any() else True))
    entries = np.setdiff1d(entries, problem.kinked)
    if kind == "one sign" or kind in SMALL or kind.startswith("one"):
        place = int(rng.choice(entries)) if entries.size else 0
    pair = rng.choice(entries, 2, replace=False) if entries.size > 1 else np.array([0, 0])
    block = rng.permutation(n)[: max(1, n // 3)]

    def wrong(point: Array) -> Array:
        source = point * (1.0 + 0.05 * np.cos(np.arange(n)).reshape(x.shape)) if kind == "stale" else point
        g = np.array(right(np.asarray(source, dtype=x.dtype)), copy=True)
        flat = g.reshape(-1)
        if kind == "sign":
            flat *= -1
        elif kind == "factor 2":
            flat *= 2
        elif kind == "mean for sum":
            flat /= n
        elif kind == "shifted index":
            flat[:] = np.roll(flat, 1)
        elif kind == "reversed":
            flat[:] = flat[::-1].copy()
        elif kind == "transposed":
            g = g.T.copy()
        elif kind == "missing term":
            flat[block] *= 0.6
        elif kind == "one sign":
            flat[place] *= -1
        elif kind == "one zero":
            flat[place] = 0
        elif kind == "one doubled":
            flat[place] *= 2
        elif kind == "one NaN":
            flat[place] = np.nan
        elif kind == "swapped pair":
            flat[pair] = flat[pair[::-1]]
        elif kind == "shifted":
            flat[0] += 1e-6
        elif kind in SMALL:
            flat[place] *= 1.0 + SMALL[kind]
        return g

    return wrong


def truly_wrong(problem: Problem, mistaken: Callable[[Array], Array]) -> Array:
    """Return the flat indices of the entries that a mistake made wrong."""
    problem.f(problem.x.copy())
    right = np.asarray(problem.gradient(problem.x.copy()), dtype=float).reshape(-1)
    wrong = np.asarray(mistaken(problem.x.copy()), dtype=float).reshape(-1)
    differ = ~(np.abs(wrong - right) <= 1e-9 * np.maximum(np.abs(right), np.abs(wrong)))
    return np.flatnonzero(differ)
