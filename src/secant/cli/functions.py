"""What a person may type for a function: an expression in ``x``, or ``file.py:name``.

A file is run as Python runs a script's imports (its own folder is searched first); it is the
person's own code. An expression is never executed, see ``expression``.
"""

from __future__ import annotations

import importlib.util
import re
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

import secant
from secant.cli.expression import Expression, parse

FROM_FILE = re.compile(r"(?P<path>.+\.py):(?P<name>[A-Za-z_][\w.]*)")
#: What was meant as one, and is not: another kind of file, no name after the colon, no colon. No expression looks so.
ALMOST = re.compile(r"(?P<path>[\w./\\~-]+):[\w.]*|(?P<file>[\w./\\~-]+\.py)")

#: How the note begins of an exception that came from another process; the rest is its traceback.
FAR = "raised by a worker"

R = TypeVar("R")


class LoadError(ValueError):
    """A function cannot be had from a file; the message says why, in one line."""


class FunctionError(Exception):
    """The function failed where it must not; the message names the exception, the place and the point.

    ``kind`` is the name of the exception's type.
    """

    def __init__(self, message: str, kind: str) -> None:
        super().__init__(message)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Function:
    """A function that was named on the command line; ``expression`` is None when it comes from a file."""

    name: str
    call: Callable[[Any], Any]
    expression: Expression | None = None


def load(text: str) -> Function:
    """Return the function that a text names.

    Raises :class:`LoadError` or :class:`~secant.cli.expression.ExpressionError`.

    >>> load("x^2").call(3.0)
    9.0
    """
    match = FROM_FILE.fullmatch(text.strip())
    if match is None:
        meant = ALMOST.fullmatch(text.strip())
        if meant is not None:
            path = meant["path"] or meant["file"]
            what = f"`{text.strip()}` names no function" if path.endswith(".py") else f"`{path}` is not a Python file"
            raise LoadError(f"{what}; a function in a file is named as file.py:name")
        expression = parse(text)
        return Function(expression.text, expression, expression)
    target: Any = _module(Path(match["path"]))
    for part in match["name"].split("."):
        try:
            target = getattr(target, part)
        except AttributeError:
            raise LoadError(f"{match['path']} has no `{match['name']}`") from None
    if not callable(target):
        raise LoadError(f"`{match['name']}` in {match['path']} is not a function but {type(target).__name__}")
    return Function(text.strip(), target)


def together(functions: Sequence[Function]) -> Function:
    """Return the function whose values are those of several, one after the other.

    >>> together([load("x^2"), load("3*x")]).call(2.0)
    array([4., 6.])
    """
    if len(functions) == 1:
        return functions[0]

    def call(x: Any) -> Any:
        return np.concatenate([np.ravel(function.call(x)) for function in functions])

    return Function("; ".join(function.name for function in functions), call)


def _module(path: Path) -> Any:
    if not path.is_file():
        raise LoadError(f"there is no file {path}")
    folder = str(path.parent.resolve())
    if folder not in sys.path:
        sys.path.insert(0, folder)
    name = path.stem
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Dataclasses and pickling look a module up by its name while it is being run.
    shadowed = sys.modules.get(name)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # the person's own code: anything may come out of it
        if shadowed is None:
            del sys.modules[name]
        else:
            sys.modules[name] = shadowed
        raise LoadError(f"{path} cannot be loaded: {_described(error)}") from error
    return module


def number_at(function: Function, numbers: Sequence[float]) -> float:
    """Return the one number at which a function of one number is looked at."""
    if len(numbers) != 1:
        raise LoadError(
            f"a function of one number is looked at in one number, {len(numbers)} came; see `secant gradient`"
        )
    if function.expression is not None and function.expression.indices:
        raise LoadError("x[0] makes this a function of a vector; see `secant gradient`")
    return numbers[0]


def point_at(function: Function, numbers: Sequence[float]) -> Any:
    """Return the point for a function of several numbers: an array, or a float where the function takes one number."""
    expression = function.expression
    if expression is None:
        return np.array(numbers) if len(numbers) > 1 else numbers[0]
    if expression.indices and max(expression.indices) >= len(numbers):
        raise LoadError(f"the expression uses x[{max(expression.indices)}], and the point has {len(numbers)} numbers")
    return numbers[0] if len(numbers) == 1 and not expression.indices else np.array(numbers)


def asked(function: Function, question: Callable[[Callable[[Any], Any]], R], name: str = "f") -> R:
    """Put a question to a function; an exception of that function becomes a :class:`FunctionError`, one line.

    So does a value that is no number. Everything else passes through: secant's other exceptions are complaints about
    what was typed, and whatever is left is a fault of secant, to be seen in full. ``name`` is what messages call it.
    """
    last: BaseException | None = None

    def watched(x: Any) -> Any:
        nonlocal last
        try:
            return function.call(x)
        except Exception as error:  # the function is the person's own: anything may come out of it
            last = error
            raise

    try:
        return question(watched)
    except Exception as error:
        if error is last or any(note.startswith(FAR) for note in getattr(error, "__notes__", ())):
            raise FunctionError(f"{name} raised {_described(error)}", type(error).__name__) from error
        if function.expression is not None and last is not None and error.__cause__ is last:
            raise LoadError(f"`--method complex` needs an expression of complex numbers, and {last}") from error
        if isinstance(error, secant.OutputError):
            raise FunctionError(_described(error, typed=False), type(error).__name__) from error
        raise


def _described(error: BaseException, typed: bool = True) -> str:
    """Return an exception in one line: its type and text, its notes (the point), and the person's line it came from."""
    # The C library's errors come with their number: (34, 'Numerical result out of range').
    said = error.args[1] if len(error.args) == 2 and isinstance(error, ArithmeticError) else error
    parts = [f"{type(error).__name__}: {said}" if typed and str(said) else str(said) or type(error).__name__]
    parts += [note for note in getattr(error, "__notes__", []) if not note.startswith(FAR)]
    package = str(Path(__file__).parents[1])
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith(package)]
    own = [frame for frame in frames if frame.filename.endswith(".py") and "importlib" not in frame.filename]
    if own:
        parts.append(f"{Path(own[-1].filename).name}, line {own[-1].lineno}")
    return " ".join("; ".join(parts).split())
