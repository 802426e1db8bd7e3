"""Score one solver on one variant: ``python -m benchmarks.descent.score --variant smooth --solver secant``.

A problem is solved to tau at the first evaluation whose true value has f(x0) - f(x_k) >= (1 - tau) (f(x0) - lowest).
The area of a run is the mean over four tau of 1 - k / (100 (n + 1)), or 0 where that never happened; over many
problems it is the area under Moré & Wild's data profile (SIAM J. Optim. 20, 2009) between no and a hundred
simplex gradients, as a share of the whole.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context

import numpy as np

from benchmarks.descent.base import Problem
from benchmarks.descent.peers import SOLVERS, Answer, Solver
from benchmarks.descent.problems import SETS
from benchmarks.descent.variants import VARIANTS, ExhaustedError, Recorder

TAUS = (1e-1, 1e-3, 1e-5, 1e-7)
#: More than this share of the reachable decrease missing where success was claimed is a silent failure.
SILENT = 1e-3


@dataclass(frozen=True)
class Run:
    """What came of one solver on one problem in one form.

    ``solved`` are evaluations until each tau, None where that was not reached; ``missing`` is the share of the
    reachable decrease that is missing at the answer, ``closest`` the same at the best point evaluated.
    """

    problem: str
    n: int
    variant: str
    seed: int
    budget: int
    solved: tuple[int | None, ...]
    evaluations: int
    claimed: bool
    missing: float
    closest: float
    seconds: float
    said: str

    @property
    def area(self) -> float:
        """Return the area under the profile of this run alone."""
        return sum(1.0 - k / self.budget for k in self.solved if k is not None) / len(self.solved)

    @property
    def silent(self) -> bool:
        """Return whether success was claimed far from it."""
        return self.claimed and not self.missing <= SILENT


@dataclass(frozen=True)
class Score:
    """The runs of one solver on one variant."""

    runs: tuple[Run, ...]

    @property
    def area(self) -> float:
        """Return the area under the data profile, mean over tau."""
        return float(np.mean([run.area for run in self.runs]))

    @property
    def silent(self) -> float:
        """Return how many problems failed silently, mean over seeds."""
        return sum(run.silent for run in self.runs) / max(len({run.seed for run in self.runs}), 1)

    @property
    def evaluations(self) -> float:
        """Return the mean number of evaluations."""
        return float(np.mean([run.evaluations for run in self.runs]))

    def by_problem(self) -> dict[str, float]:
        """Return the area of each problem, mean over seeds."""
        names = dict.fromkeys(run.problem for run in self.runs)
        return {name: float(np.mean([run.area for run in self.runs if run.problem == name])) for name in names}

    def interval(self, draws: int = 2000) -> tuple[float, float]:
        """Return 95 % of the areas over problems drawn anew, one seed for each."""
        groups = [[run.area for run in self.runs if run.problem == name] for name in self.by_problem()]
        rng = np.random.default_rng(0)
        found = []
        for _ in range(draws):
            picked = rng.integers(len(groups), size=len(groups))
            found.append(np.mean([groups[i][int(rng.integers(len(groups[i])))] for i in picked]))
        low, high = np.quantile(found, [0.025, 0.975])
        return float(low), float(high)


def solved(values: Sequence[float], start: float, lowest: float, taus: Sequence[float] = TAUS) -> list[int | None]:
    """Return after how many evaluations each tau was reached.

    >>> solved([10.0, 9.0, 0.5, 0.0], 10.0, 0.0, [0.9, 0.1, 1e-3])
    [2, 3, 4]
    """
    best = np.minimum.accumulate(np.asarray(values, dtype=float)) if len(values) else np.array([np.inf])
    reached = [np.flatnonzero(start - best >= (1.0 - tau) * (start - lowest)) for tau in taus]
    return [int(some[0]) + 1 if some.size else None for some in reached]


def one_run(solver: str | Solver, variant: str, problem: Problem, seed: int) -> Run:
    """Run a solver on a problem and judge it."""
    f = Recorder(problem, VARIANTS[variant], seed)
    solve = SOLVERS[solver].solve if isinstance(solver, str) else solver
    began = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            answer = solve(f, problem.x0.copy(), f.bounds, f.budget, seed)
        except ExhaustedError:
            answer = Answer(problem.x0, False, "budget")
        except Exception as error:
            answer = Answer(problem.x0, False, f"{type(error).__name__}: {error}")
    seconds = time.perf_counter() - began
    # Nobody takes an answer of NaN for success, whatever is said beside it.
    claimed = answer.claimed and bool(np.all(np.isfinite(answer.x)))
    closest = (min(f.values, default=np.inf) - f.lowest) / f.size
    return Run(
        problem.name,
        problem.n,
        variant,
        seed,
        f.budget,
        tuple(solved(f.values, f.start, f.lowest)),
        len(f.values),
        claimed,
        f.missing(answer.x),
        closest,
        seconds,
        answer.said,
    )


def score(
    solver: str | Solver,
    variant: str,
    problems: Sequence[Problem] | str = "develop",
    seeds: Sequence[int] = (0,),
    processes: int = 1,
) -> Score:
    """Run a solver, by its name or as a function like those in ``peers``, on a variant of some problems.

    Where nothing is drawn at random, by f or by the solver, one seed is enough: the others are left out.
    """
    chosen = list(SETS[problems] if isinstance(problems, str) else problems)
    if VARIANTS[variant].form == "nonsmooth":
        chosen = [one for one in chosen if one.residuals is not None]
    drawn = VARIANTS[variant].random or (isinstance(solver, str) and SOLVERS[solver].random)
    tasks = [(problem, seed) for seed in (seeds if drawn else seeds[:1]) for problem in chosen]
    call: Callable[..., Run] = partial(one_run, solver, variant)
    if processes == 1:
        return Score(tuple(call(*task) for task in tasks))
    with ProcessPoolExecutor(processes, mp_context=get_context("fork")) as pool:
        return Score(tuple(pool.map(call, *zip(*tasks, strict=True))))


def report(found: Score, worst: int) -> str:
    """Return what a person wants to see of a score."""
    low, high = found.interval()
    head = [
        f"area {found.area:.3f} ({low:.3f} to {high:.3f})",
        f"silent failures {found.silent:g}",
        f"evaluations {found.evaluations:.0f}",
        f"claims {sum(run.claimed for run in found.runs)} of {len(found.runs)}",
        f"{sum(run.seconds for run in found.runs):.1f} s",
    ]
    lines = ["   ".join(head)]
    areas = found.by_problem()
    for name in sorted(areas, key=lambda name: areas[name])[:worst]:
        run = next(run for run in found.runs if run.problem == name)
        lines.append(
            f"  {areas[name]:.3f}  {name:40s} solved {run.solved!s:32s} of {run.budget}, used {run.evaluations}, "
            f"missing {run.missing:.1e} (closest {run.closest:.1e}), {run.said[:60]}"
        )
    lines += [
        f"  silent: {run.problem}, seed {run.seed}, missing {run.missing:.1e}" for run in found.runs if run.silent
    ]
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    """Score what the command line names."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.descent.score", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--set", dest="problems", choices=list(SETS), default="develop")
    parser.add_argument("--variant", choices=[*VARIANTS, "all"], default="smooth")
    parser.add_argument("--solver", choices=list(SOLVERS), default="secant")
    parser.add_argument("--seeds", type=int, default=1, help="how many")
    parser.add_argument("--worst", type=int, default=12, help="how many problems to list")
    parser.add_argument("--problem", help="those whose name contains this")
    parser.add_argument("--processes", type=int, default=1)
    chosen = parser.parse_args(argv)
    problems = [one for one in SETS[chosen.problems] if chosen.problem is None or chosen.problem in one.name]
    for variant in VARIANTS if chosen.variant == "all" else [chosen.variant]:
        found = score(chosen.solver, variant, problems, range(chosen.seeds), chosen.processes)
        print(f"{chosen.solver}, {variant}, {chosen.problems}: {report(found, chosen.worst)}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
