"""The minimizers: each gets f, x0, perhaps a box, and the budget, and otherwise runs at its defaults."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np

import secant
from benchmarks.descent.base import Array
from benchmarks.descent.variants import Recorder

Bounds = tuple[Array, Array] | None


@dataclass(frozen=True)
class Answer:
    """Where a solver ended, whether it claims success, and what it said."""

    x: Array
    claimed: bool
    said: str


Solver = Callable[[Recorder, Array, Bounds, int, int], Answer]


def by_secant(f: Recorder, x0: Array, bounds: Bounds, budget: int, seed: int) -> Answer:
    """secant.minimize."""
    found = secant.minimize(f, x0, bounds=bounds, max_evaluations=budget)
    return Answer(np.asarray(found.x), found.verdict == "converged", str(found.verdict))


def _scipy(method: str, options: Callable[[int], dict[str, Any]], told: bool = False) -> Solver:
    """Return one of scipy's; its limits are lifted to the budget, the rest is as it comes."""

    def solve(f: Recorder, x0: Array, bounds: Bounds, budget: int, seed: int) -> Answer:
        from scipy import optimize

        chosen = options(budget)
        if told:
            chosen["eps"] = expert(f)
        box = None if bounds is None else optimize.Bounds(*bounds)
        found = optimize.minimize(f, x0, method=method, bounds=box, options=chosen)
        return Answer(np.asarray(found.x), bool(found.success), str(found.message))

    return solve


def expert(f: Recorder) -> float:
    """Return the step of forward differences of somebody who knows the noise: the root of its share in f(x0)."""
    share = f.variant.level(f.start, f.size) / abs(f.start)
    return float(np.sqrt(max(share, np.finfo(float).eps)))


def _nlopt(name: str) -> Solver:
    """Return one of NLopt's; it has no tolerance of its own, so it is given the one that its manual shows."""

    def solve(f: Recorder, x0: Array, bounds: Bounds, budget: int, seed: int) -> Answer:
        import nlopt

        best: list[Any] = [np.inf, x0]

        def told(x: Array, gradient: Array) -> float:
            value = f(x)
            if value < best[0]:
                best[:] = value, x.copy()
            return value

        problem = nlopt.opt(getattr(nlopt, name), x0.size)
        problem.set_min_objective(told)
        problem.set_maxeval(budget)
        problem.set_xtol_rel(XTOL)
        if bounds is not None:
            problem.set_lower_bounds(bounds[0])
            problem.set_upper_bounds(bounds[1])
        try:
            x = problem.optimize(x0)
        except (nlopt.RoundoffLimited, nlopt.runtime_error) as error:
            return Answer(best[1], False, f"{type(error).__name__}: {error}")
        code = problem.last_optimize_result()
        claimed = code in (nlopt.SUCCESS, nlopt.FTOL_REACHED, nlopt.XTOL_REACHED)
        return Answer(np.asarray(x), claimed, f"result {code}")

    return solve


def by_cma(f: Recorder, x0: Array, bounds: Bounds, budget: int, seed: int) -> Answer:
    """nevergrad's CMA, which spends the whole budget and claims nothing; its NGOpt breaks under today's NumPy."""
    import nevergrad

    start = nevergrad.p.Array(init=x0)
    if bounds is not None:
        start = nevergrad.p.Array(init=x0, lower=bounds[0], upper=bounds[1])
    start.random_state = np.random.RandomState(seed)  # it asks for one
    found = nevergrad.optimizers.registry["CMA"](parametrization=start, budget=budget).minimize(f)
    return Answer(np.asarray(found.value), False, "budget")


#: NLopt stops when x changes by less than this share of itself.
XTOL = 1e-8


@dataclass(frozen=True)
class Entry:
    """A solver, the package that it needs, whether it draws at random, keeps to boxes, and takes long."""

    solve: Solver
    package: str = "scipy"
    random: bool = False
    boxes: bool = True
    slow: bool = False


def _calls(budget: int) -> dict[str, Any]:
    return {"maxfev": budget, "maxiter": budget}


def _iterations(budget: int) -> dict[str, Any]:
    return {"maxiter": budget}


def _lbfgsb(budget: int) -> dict[str, Any]:
    return {"maxiter": budget, "maxfun": budget}


SOLVERS: dict[str, Entry] = {
    "secant": Entry(by_secant, "secant"),
    "scipy L-BFGS-B": Entry(_scipy("L-BFGS-B", _lbfgsb)),
    "scipy L-BFGS-B, step by an expert": Entry(_scipy("L-BFGS-B", _lbfgsb, told=True)),
    "scipy BFGS": Entry(_scipy("BFGS", _iterations), boxes=False),
    "scipy SLSQP": Entry(_scipy("SLSQP", _iterations)),
    "scipy COBYQA": Entry(_scipy("COBYQA", _calls), slow=True),
    "scipy Nelder-Mead": Entry(_scipy("Nelder-Mead", _calls)),
    "scipy Powell": Entry(_scipy("Powell", _calls)),
    "NLopt NEWUOA": Entry(_nlopt("LN_NEWUOA"), "nlopt", boxes=False),
    "NLopt BOBYQA": Entry(_nlopt("LN_BOBYQA"), "nlopt"),
    "NLopt COBYLA": Entry(_nlopt("LN_COBYLA"), "nlopt"),
    "nevergrad CMA": Entry(by_cma, "nevergrad", random=True, slow=True),
}


def installed() -> list[str]:
    """Return the solvers whose packages are here."""
    there = {name: find_spec(entry.package) is not None for name, entry in SOLVERS.items()}
    return [name for name, here in there.items() if here and (name != "secant" or hasattr(secant, "minimize"))]
