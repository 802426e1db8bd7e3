"""The two sets of problems, disjoint in their families of functions: DEVELOP to work on, HELD_OUT to report."""

from __future__ import annotations

from benchmarks.descent import develop, held_out
from benchmarks.descent.base import Problem

DEVELOP: tuple[Problem, ...] = tuple(develop.problems())
HELD_OUT: tuple[Problem, ...] = tuple(held_out.problems())
SETS: dict[str, tuple[Problem, ...]] = {"develop": DEVELOP, "held_out": HELD_OUT, "all": DEVELOP + HELD_OUT}
