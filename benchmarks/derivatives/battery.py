"""The battery: families of cases, each with its own seed, truths from long arithmetic.

Rules: a family is a function of a random generator that yields cases; its generator is seeded by
(seed, family), so that one family can be rebuilt alone and adding one changes no other. The id of
a case is ``seed:group:number``. Nothing here knows about any library under test.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from benchmarks.derivatives import fresh, gradients, hard, noisy, rough, smooth
from benchmarks.derivatives.cases import Case

#: Families by group name, in the order of the tables.
FAMILIES: dict[str, Callable[[Any], Iterator[Case]]] = {
    "smooth": smooth.smooth,
    "x = 0": smooth.at_zero,
    "trivial": smooth.trivial,
    "special": smooth.special,
    "scale": smooth.scaled,
    "shifted": smooth.shifted,
    "extreme x": smooth.extreme,
    "magnitude": smooth.magnitude,
    "offset": smooth.offset,
    "oscillating": hard.oscillating,
    "near-singular": hard.near_singular,
    "hard": hard.hard,
    "cancellation": hard.cancellation,
    "domain end": rough.domain_end,
    "cut off": rough.far_end,
    "at the end": rough.at_end,
    "bounded": rough.bounded,
    "near kink": rough.near_kink,
    "kink": rough.kink,
    "no slope": rough.no_slope,
    "noise": noisy.noise,
    "vanishing noise": noisy.vanishing_noise,
    "quantised": noisy.quantised,
    "float32": noisy.float32,
    "solver": noisy.solver,
    "told solver": noisy.told_solver,
    "loose solver": noisy.loose_solver,
    "Monte Carlo": noisy.monte_carlo,
    "gradients": gradients.gradients,
    "badly scaled": gradients.badly_scaled,
}

#: Classes of groups, as one talks about them.
CLASSES: dict[str, tuple[str, ...]] = {
    "smooth": ("smooth", "x = 0", "trivial", "special"),
    "scale extremes": ("scale", "shifted", "extreme x", "magnitude", "offset"),
    "hard": ("oscillating", "near-singular", "hard"),
    "cancellation": ("cancellation",),
    "domain ends": ("domain end", "cut off", "at the end", "bounded"),
    "kinks and near kinks": ("near kink", "kink", "no slope"),
    "noise": ("noise", "vanishing noise", "quantised", "Monte Carlo"),
    "float32": ("float32",),
    "solvers": ("solver", "told solver"),
    "gradients": ("gradients",),
    "badly scaled gradients": ("badly scaled",),
}

#: Groups that no local method can cover (the function computed is not the one meant); left out of totals.
UNCLAIMED = frozenset({"loose solver"})


def family(group: str, seed: int) -> list[Case]:
    """Return one group's cases.

    >>> len(family("x = 0", 1)), family("x = 0", 1)[3].id
    (15, '1:x = 0:3')
    """
    rng = np.random.default_rng([seed, zlib.crc32(group.encode())])
    return [replace(case, group=group, id=f"{seed}:{group}:{i}") for i, case in enumerate(FAMILIES[group](rng))]


def cases(seed: int, groups: Iterable[str] | None = None) -> list[Case]:
    """Return the battery's cases for a seed; only some groups when they are named."""
    return [case for group in (FAMILIES if groups is None else groups) for case in family(group, seed)]


def find(identifier: str) -> Case:
    """Return the case with an id, ``seed:group:number`` or ``fresh:number:class``."""
    first, middle, last = identifier.split("[", maxsplit=1)[0].split(":")
    if first == "fresh":
        return fresh.case(int(middle), last)
    return family(middle, int(first))[int(last)]
