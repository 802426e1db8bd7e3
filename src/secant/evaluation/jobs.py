"""f on its way to another process, and its values on their way back.

Rules:

* A :class:`Job` is f at x with its arguments. It evaluates points that are named as in a request, so that only their
  lanes and steps travel, and makes them as the evaluator does. It is pickled by cloudpickle, which takes closures,
  lambdas, and functions of a notebook or of a script; where it is not pickled (threads), f is called as it is.
* What comes back is an outcome for each point: a value, or an exception as it was raised. One that cannot be rebuilt on
  this side comes as a :class:`WorkerError` with its text; it ends the domain where the other would have.
"""

from __future__ import annotations

import importlib.machinery
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from time import monotonic, perf_counter
from types import FunctionType, MethodType
from typing import Any

import numpy as np

from secant.core.errors import InputError, InputTypeError, WorkerError
from secant.core.request import Request
from secant.evaluation import foreign
from secant.evaluation.evaluator import Evaluator, ends_domain
from secant.evaluation.imaginary import moved, sideways

#: Kinds of outcomes: a value, an exception, a point beyond the range of its dtype, a point after the deadline.
VALUE, RAISED, OUTSIDE, LATE = "value", "raised", "outside", "late"


class DomainWorkerError(WorkerError, ValueError):
    """An exception that could not be rebuilt, and ends the domain as a ValueError does."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one point.

    Attributes
    ----------
    kind : value, raised, outside or late.
    content : the value; or of an exception its pickle (None where there is none), name, text, whether it ends the
        domain, and traceback.
    seconds : that f took.
    """

    kind: str
    content: Any = None
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Task:
    """Points to evaluate: those of a request, whose base may be left out where it is x itself.

    ``mark`` is unlike that of any other task, since some clusters remember what they have done.
    """

    request: Request
    here: bool
    end: float | None = None
    mark: str = ""


class Job:
    """Evaluate f at the points of a task.

    >>> job = Job(lambda x: x * x, 3.0, (), True)
    >>> [outcome.content for outcome in job(Task(Request(np.array([3.0]), None, (0.0, 1.0)), False))]
    [9.0, 16.0]
    """

    def __init__(self, f: Callable[..., Any], x: Any, args: tuple[Any, ...], quiet: bool) -> None:
        self.f, self.x, self.args, self._quiet = f, x, args, quiet
        self._evaluator: Evaluator | None = None
        self._payload: bytes | None = None

    def __call__(self, task: Task) -> list[Outcome]:
        """Return an outcome for each point, in order."""
        return list(self.outcomes(task))

    def outcomes(self, task: Task) -> Iterator[Outcome]:
        """Give the outcome of each point as it is there."""
        if self._evaluator is None:
            self._evaluator = Evaluator(self.f, self.x, args=self.args)
        evaluator, request = self._evaluator, task.request
        if task.here:
            request = Request(
                evaluator.base, request.lane, request.t, request.directions, request.repeat, request.imaginary
            )
        for j, t in enumerate(request.t):
            if task.end is not None and monotonic() >= task.end:
                yield Outcome(LATE)
                return
            yield self._outcome(evaluator, request, 0 if request.lane is None else int(request.lane[j]), float(t))

    def _outcome(self, evaluator: Evaluator, request: Request, i: int, t: float) -> Outcome:
        if request.imaginary:
            point = sideways(evaluator.layout)(moved(request.base, i, t, request.directions))
        else:
            vector = evaluator.vector(request, i, t)
            if vector is None:
                return Outcome(OUTSIDE)
            point = evaluator.layout.view(vector)
        began = perf_counter()
        try:
            with np.errstate(all="ignore") if self._quiet else nullcontext():
                value = self.f(point, *self.args)
        except Exception as error:  # noqa: BLE001 - f's own: it is handed on as it is
            return Outcome(RAISED, told(error), perf_counter() - began)
        return Outcome(VALUE, _kept(value), perf_counter() - began)

    def __reduce__(self) -> Any:
        return _rebuilt, (self.payload(),)

    def payload(self) -> bytes:
        """Return f, x and the arguments as cloudpickle writes them.

        Raises
        ------
        InputError : where cloudpickle is missing.
        InputTypeError : where something of them cannot be sent.
        """
        if self._payload is None:
            try:
                import cloudpickle
            except ImportError:
                raise InputError("`workers` needs cloudpickle: pip install 'secant[parallel]'") from None
            module = _alone(self.f)
            try:
                if module is not None:
                    cloudpickle.register_pickle_by_value(module)
                self._payload = cloudpickle.dumps((self.f, self.x, self.args, self._quiet))
            except Exception as error:
                raise InputTypeError(
                    f"`workers` must be able to send f to another process; it cannot be sent ({error}): make what "
                    "cannot travel inside f, or use threads, `workers=concurrent.futures.ThreadPoolExecutor()`"
                ) from error
            finally:
                if module is not None:
                    cloudpickle.unregister_pickle_by_value(module)
        return self._payload


#: Jobs that were rebuilt in this process, the latest few: one job has many tasks.
_REBUILT: dict[bytes, Job] = {}


def _rebuilt(payload: bytes) -> Job:
    job = _REBUILT.get(payload)
    if job is None:
        import cloudpickle

        job = Job(*cloudpickle.loads(payload))
        while len(_REBUILT) > 3:
            _REBUILT.pop(next(iter(_REBUILT)), None)
        _REBUILT[payload] = job
    return job


def _alone(f: Any) -> Any:
    """Return the module of f when another process could not import it by name: it is then sent along."""
    while not isinstance(f, FunctionType | type):
        inner = getattr(f, "func", getattr(f, "__wrapped__", None))
        if isinstance(f, MethodType):
            f = f.__func__
        elif inner is not None:
            f = inner
        else:
            f = type(f)
    module = sys.modules.get(f.__module__)
    file = getattr(module, "__file__", None)
    if module is None or module.__name__ == "__main__" or file is None:
        return None
    path: Any = None
    parts = module.__name__.split(".")
    for depth in range(len(parts)):
        with suppress(Exception):
            spec = importlib.machinery.PathFinder.find_spec(".".join(parts[: depth + 1]), path)
            if spec is not None:
                path = spec.submodule_search_locations
                if depth == len(parts) - 1 and spec.origin == file:
                    return None
                continue
        return module
    return module


def _kept(value: Any) -> Any:
    """Return a value that does not change when f writes to its buffer again."""
    if isinstance(value, np.ndarray):
        return value.copy()
    if isinstance(value, list | tuple) and type(value) in (list, tuple):
        return type(value)(_kept(item) for item in value)
    if foreign.loaded() and foreign.owner(value) == "torch":
        return value.detach().clone()
    return value


def told(error: Exception) -> tuple[bytes | None, str, str, bool, str]:
    """Return an exception in a form that can travel."""
    pickled = None
    try:
        import cloudpickle

        pickled = cloudpickle.dumps(error)
        again = cloudpickle.loads(pickled)
        if type(again).__name__ != type(error).__name__ or str(again) != str(error):
            pickled = None
    except Exception:  # noqa: BLE001 - an exception of f's may fail in any way when it is rebuilt
        pickled = None
    text = "".join(traceback.format_exception(error))
    return pickled, type(error).__name__, _text(error), ends_domain(error), text


def _text(error: Exception) -> str:
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - as above
        return "(without a text)"


def raised(content: tuple[bytes | None, str, str, bool, str]) -> Exception:
    """Return the exception that was told."""
    pickled, name, text, domain, trace = content
    error: Exception | None = None
    if pickled is not None:
        try:
            import cloudpickle

            error = cloudpickle.loads(pickled)
        except Exception:  # noqa: BLE001 - as above
            error = None
    if error is None:
        kind = DomainWorkerError if domain else WorkerError
        error = kind(f"{name}: {text}")
    error.add_note(f"raised by a worker:\n{trace.rstrip()}")
    return error
