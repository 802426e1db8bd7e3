"""Derivatives of anything you can call, with an error bar you can trust.

>>> import secant
>>> secant.derivative(lambda x: 0.01 * x**2 + 0.1 * x, 5.0).ok
True

Names are loaded when they are first used: ``import secant`` costs no more than NumPy does.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as _numpy  # noqa: F401  # the one dependency that everything needs

from secant._version import __version__

if TYPE_CHECKING:
    from secant import book, nn, plots
    from secant._api.checks import check_gradient, check_hessian, check_jacobian, check_jvp, check_vjp
    from secant._api.derivatives import derivative, directional, grad, gradient
    from secant._api.descent import DescentState, gradient_descent
    from secant._api.hessians import hessian, hvp
    from secant._api.jacobians import jacobian
    from secant._api.minimize import minimize, scipy_method
    from secant._api.price import price
    from secant._api.studies import noise, steps
    from secant._api.texts import from_json
    from secant.core.checked import CheckedEntry, GradientCheck
    from secant.core.errors import InputError, InputTypeError, OutputError, SecantError, VerdictError, WorkerError
    from secant.core.kept import Bends, Samples
    from secant.core.measures import Noise, Price
    from secant.core.request import Interrupted, Reply, Request, run
    from secant.core.results import Descent, Estimate, Event, Slope, StepStudy
    from secant.core.rules import AdaGrad, Adam, Momentum, Plain
    from secant.core.stencils import Stencil, stencil
    from secant.core.verdicts import CheckVerdict, DescentVerdict, Verdict
    from secant.evaluation.how import Evaluation
    from secant.evaluation.progress import Progress
    from secant.evaluation.records import JournalRecords, read_journal
    from secant.evaluation.stand_in import Evaluator, MockEvaluator, Recording

_HOME = {
    "AdaGrad": "secant.core.rules",
    "Adam": "secant.core.rules",
    "Bends": "secant.core.kept",
    "CheckVerdict": "secant.core.verdicts",
    "CheckedEntry": "secant.core.checked",
    "Descent": "secant.core.results",
    "DescentState": "secant._api.descent",
    "DescentVerdict": "secant.core.verdicts",
    "Estimate": "secant.core.results",
    "Evaluation": "secant.evaluation.how",
    "Evaluator": "secant.evaluation.stand_in",
    "Event": "secant.core.results",
    "GradientCheck": "secant.core.checked",
    "InputError": "secant.core.errors",
    "InputTypeError": "secant.core.errors",
    "Interrupted": "secant.core.request",
    "JournalRecords": "secant.evaluation.records",
    "MockEvaluator": "secant.evaluation.stand_in",
    "Momentum": "secant.core.rules",
    "Noise": "secant.core.measures",
    "OutputError": "secant.core.errors",
    "Plain": "secant.core.rules",
    "Price": "secant.core.measures",
    "Progress": "secant.evaluation.progress",
    "Recording": "secant.evaluation.stand_in",
    "Reply": "secant.core.request",
    "Request": "secant.core.request",
    "Samples": "secant.core.kept",
    "SecantError": "secant.core.errors",
    "Slope": "secant.core.results",
    "Stencil": "secant.core.stencils",
    "StepStudy": "secant.core.results",
    "Verdict": "secant.core.verdicts",
    "VerdictError": "secant.core.errors",
    "WorkerError": "secant.core.errors",
    "check_gradient": "secant._api.checks",
    "check_hessian": "secant._api.checks",
    "check_jacobian": "secant._api.checks",
    "check_jvp": "secant._api.checks",
    "check_vjp": "secant._api.checks",
    "derivative": "secant._api.derivatives",
    "directional": "secant._api.derivatives",
    "from_json": "secant._api.texts",
    "grad": "secant._api.derivatives",
    "gradient": "secant._api.derivatives",
    "gradient_descent": "secant._api.descent",
    "hessian": "secant._api.hessians",
    "hvp": "secant._api.hessians",
    "jacobian": "secant._api.jacobians",
    "minimize": "secant._api.minimize",
    "noise": "secant._api.studies",
    "price": "secant._api.price",
    "read_journal": "secant.evaluation.records",
    "run": "secant.core.request",
    "scipy_method": "secant._api.minimize",
    "stencil": "secant.core.stencils",
    "steps": "secant._api.studies",
}
_MODULES = ("book", "nn", "plots")
#: Modules for other libraries, which have to be there already: not among the names of `import *`.
_GUESTS = ("jax", "torch")

__all__ = [
    "AdaGrad",
    "Adam",
    "Bends",
    "CheckVerdict",
    "CheckedEntry",
    "Descent",
    "DescentState",
    "DescentVerdict",
    "Estimate",
    "Evaluation",
    "Evaluator",
    "Event",
    "GradientCheck",
    "InputError",
    "InputTypeError",
    "Interrupted",
    "JournalRecords",
    "MockEvaluator",
    "Momentum",
    "Noise",
    "OutputError",
    "Plain",
    "Price",
    "Progress",
    "Recording",
    "Reply",
    "Request",
    "Samples",
    "SecantError",
    "Slope",
    "Stencil",
    "StepStudy",
    "Verdict",
    "VerdictError",
    "WorkerError",
    "__version__",
    "book",
    "check_gradient",
    "check_hessian",
    "check_jacobian",
    "check_jvp",
    "check_vjp",
    "derivative",
    "directional",
    "from_json",
    "grad",
    "gradient",
    "gradient_descent",
    "hessian",
    "hvp",
    "jacobian",
    "minimize",
    "nn",
    "noise",
    "plots",
    "price",
    "read_journal",
    "run",
    "scipy_method",
    "stencil",
    "steps",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        value = getattr(import_module(_HOME[name]), name)
    elif name in _MODULES or name in _GUESTS:
        value = import_module(f"secant.{name}")
    else:
        raise AttributeError(f"module 'secant' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
