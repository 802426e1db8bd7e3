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
    from secant._api.derivatives import derivative, directional, grad, gradient
    from secant._api.descent import gradient_descent
    from secant._api.hessians import hessian, hvp
    from secant._api.jacobians import jacobian
    from secant._api.price import price
    from secant._api.studies import noise, steps
    from secant._api.texts import from_json
    from secant.core.errors import InputError, InputTypeError, OutputError, SecantError, VerdictError
    from secant.core.measures import Noise, Price
    from secant.core.request import Interrupted, Reply, Request, run
    from secant.core.results import Descent, Estimate, Event, Samples, Slope, StepStudy
    from secant.core.stencils import Stencil, stencil
    from secant.core.verdicts import DescentVerdict, Verdict

_HOME = {
    "Descent": "secant.core.results",
    "DescentVerdict": "secant.core.verdicts",
    "Estimate": "secant.core.results",
    "Event": "secant.core.results",
    "InputError": "secant.core.errors",
    "InputTypeError": "secant.core.errors",
    "Interrupted": "secant.core.request",
    "Noise": "secant.core.measures",
    "OutputError": "secant.core.errors",
    "Price": "secant.core.measures",
    "Reply": "secant.core.request",
    "Request": "secant.core.request",
    "Samples": "secant.core.results",
    "SecantError": "secant.core.errors",
    "Slope": "secant.core.results",
    "Stencil": "secant.core.stencils",
    "StepStudy": "secant.core.results",
    "Verdict": "secant.core.verdicts",
    "VerdictError": "secant.core.errors",
    "derivative": "secant._api.derivatives",
    "directional": "secant._api.derivatives",
    "from_json": "secant._api.texts",
    "grad": "secant._api.derivatives",
    "gradient": "secant._api.derivatives",
    "gradient_descent": "secant._api.descent",
    "hessian": "secant._api.hessians",
    "hvp": "secant._api.hessians",
    "jacobian": "secant._api.jacobians",
    "noise": "secant._api.studies",
    "price": "secant._api.price",
    "run": "secant.core.request",
    "stencil": "secant.core.stencils",
    "steps": "secant._api.studies",
}
_MODULES = ("book", "nn", "plots")

__all__ = [
    "Descent",
    "DescentVerdict",
    "Estimate",
    "Event",
    "InputError",
    "InputTypeError",
    "Interrupted",
    "Noise",
    "OutputError",
    "Price",
    "Reply",
    "Request",
    "Samples",
    "SecantError",
    "Slope",
    "Stencil",
    "StepStudy",
    "Verdict",
    "VerdictError",
    "__version__",
    "book",
    "derivative",
    "directional",
    "from_json",
    "grad",
    "gradient",
    "gradient_descent",
    "hessian",
    "hvp",
    "jacobian",
    "nn",
    "noise",
    "plots",
    "price",
    "run",
    "stencil",
    "steps",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        value = getattr(import_module(_HOME[name]), name)
    elif name in _MODULES:
        value = import_module(f"secant.{name}")
    else:
        raise AttributeError(f"module 'secant' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
