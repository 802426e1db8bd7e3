"""What to write instead: hints for options that a question does not take, and for other libraries' habits.

Rules: a hint names what the question at hand takes, as its own signature has it, or says where else to go. It is added
to an error that says what is wrong without it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from difflib import get_close_matches
from typing import Any

import numpy as np

#: How alike a misspelled name must be to be taken for one of ours.
ALIKE = 0.75

#: Names that other libraries have for what ours say, by the names of ours: the first that a question takes is meant.
HABITS = {
    ("iterations", "max_evaluations"): "maxiter max_iter maxfev maxfun max_nfev nfev niter n_iter nit epochs steps",
    ("max_evaluations",): "max_calls max_evals budget",
    ("iterations",): "max_evaluations",
    ("rtol",): "tol gtol ftol xtol atol xatol fatol tolerance",
    ("step",): "h dx eps epsilon delta rel_step abs_step base_step initial_step stepsize",
    ("lr", "step"): "learning_rate alpha eta step_size",
    ("rule",): "momentum optimizer",
    ("workers",): "n_jobs njobs processes n_workers num_workers pool parallel executor",
    ("vectorized",): "vectorize batch batched vmap",
    ("progress",): "disp verbose display",
    ("seed",): "rng random_state key",
    ("wrt",): "argnums variables",
    ("order",): "n nu derivative_order",
    ("noise",): "sigma sd noise_level std",
    ("f0",): "fun0 fx",
    ("on_error",): "errors",
    ("keep_samples",): "full_output",
}

#: The same the other way round.
MEANT = {name: ours for ours, names in HABITS.items() for name in names.split()}

_VALUES = "slopes come from values of f alone, and `check_gradient` holds yours against them"

#: What to do where the question takes nothing of the kind.
ELSEWHERE = {
    "options": "write what stands in it as options of their own",
    "bounds": "it has no bounds; derivatives and `minimize` do",
    "constraints": "`bounds` of `minimize` are all that can be kept to",
    **dict.fromkeys(("jac", "grad", "hess", "hessp"), _VALUES),
}

#: SciPy's names of difference formulas, and ours.
FORMULAS = {"2-point": "forward", "3-point": "central", "cs": "complex"}

#: Its minimizers, in lower case.
MINIMIZERS = (
    "nelder-mead powell cg bfgs newton-cg l-bfgs-b tnc cobyla cobyqa slsqp trust-constr dogleg trust-ncg trust-krylov "
    "trust-exact"
).split()


def instead(name: str, question: Callable[..., Any] | None, others: Iterable[str]) -> str:
    """Return what to write instead of an option that a question does not take; nothing where nobody knows.

    Parameters
    ----------
    question : the function that was asked, whose signature has its own names.
    others : the names of how to evaluate that it takes.

    >>> instead("maxiter", lambda f, max_evaluations=9: None, ())
    ': write `max_evaluations=` instead'
    >>> instead("stepp", lambda f, step=None: None, ())
    ': did you mean `step`?'
    """
    taken = set(others)
    if question is not None:
        parameters = inspect.signature(question).parameters.values()
        taken |= {each.name for each in parameters if each.kind is each.KEYWORD_ONLY or each.default is not each.empty}
    for ours in MEANT.get(name, ()):
        if ours in taken:
            return f": write `{ours}=` instead"
    near = get_close_matches(name, sorted(taken), 1, ALIKE)
    if near:
        return f": did you mean `{near[0]}`?"
    return f": {ELSEWHERE[name]}" if name in ELSEWHERE else ""


def formula(method: Any) -> str:
    """Return what to write instead of a method of differences of another library; nothing where nobody knows.

    >>> formula("3-point")
    "; SciPy's '3-point' is 'central' here"
    """
    if not isinstance(method, str):
        return ""
    if method.lower() in MINIMIZERS:
        return "; `minimize` chooses its own way down, and `scipy.optimize.minimize(f, x0, jac=secant.grad(f))` yours"
    return f"; SciPy's {method!r} is {FORMULAS[method]!r} here" if method in FORMULAS else ""


def minimizer(method: Any) -> str:
    """Return where to go with the name of another library's minimizer.

    >>> minimizer("BFGS")
    "; SciPy's 'BFGS' takes secant's gradients: scipy.optimize.minimize(f, x0, jac=secant.grad(f), method='BFGS')"
    """
    if not isinstance(method, str) or method.lower() not in MINIMIZERS:
        return ""
    call = f"scipy.optimize.minimize(f, x0, jac=secant.grad(f), method={method!r})"
    return f"; SciPy's {method!r} takes secant's gradients: {call}"


def pairs(bounds: Any) -> str:
    """Return how bounds are written that came as SciPy has them: a pair for each entry, or its Bounds.

    >>> pairs([(0.0, 1.0), (0.0, None), (2.0, 3.0)])
    '; a (low, high) for each entry is written `bounds=tuple(zip(*pairs))`'
    """
    if hasattr(bounds, "lb") and hasattr(bounds, "ub"):
        return "; of SciPy's Bounds write `bounds=(b.lb, b.ub)`"
    several = isinstance(bounds, list | tuple | np.ndarray) and len(bounds) > 0
    if several and all(isinstance(each, list | tuple | np.ndarray) and np.size(each) == 2 for each in bounds):
        return "; a (low, high) for each entry is written `bounds=tuple(zip(*pairs))`"
    return ""
