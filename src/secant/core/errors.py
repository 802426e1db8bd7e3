"""What can go wrong before, around and after an evaluation.

::

    SecantError
    ├── InputError       (also ValueError)   an argument has a value that is not allowed
    ├── InputTypeError   (also TypeError)    an argument is of a type that is not allowed
    ├── OutputError      (also TypeError)    the function returned something that is not numbers
    ├── WorkerError      (also RuntimeError) a process that evaluates the function ended, hangs, or cannot load it
    └── VerdictError     (also ArithmeticError)   raised on request by ``raise_for_verdict``

Exceptions of the user's own function are never wrapped: they pass through unchanged, with the
point at which they were raised added as a note (PEP 678).
"""

from __future__ import annotations

import re


class SecantError(Exception):
    """Base class of every exception that secant itself raises."""


class InputError(SecantError, ValueError):
    """An argument has a value that is not allowed; the message says which, what came, and what is allowed."""


class InputTypeError(SecantError, TypeError):
    """An argument is of a type that is not allowed; the message says where in the tree it sits."""


class OutputError(SecantError, TypeError):
    """The function returned something from which no derivative can be taken (None, text, another shape)."""


class WorkerError(SecantError, RuntimeError):
    """A worker process ended or hung at x itself, or cannot evaluate the function; away from x that is a status."""


class VerdictError(SecantError, ArithmeticError):
    """A result was asked to be trustworthy and is not; ``result`` holds it in full."""

    def __init__(self, message: str, result: object = None) -> None:
        super().__init__(message)
        self.result = result


#: What is spoken with a vowel first, "an int", and not "a uint8" or "a unit".
_VOWEL = re.compile(r"[aeioAEIO]|[uU]n(?!i)")


def with_article(name: str) -> str:
    """Put the article before a name.

    >>> with_article("ndarray"), with_article("int"), with_article("ufunc")
    ('an ndarray', 'an int', 'a ufunc')
    """
    # Of the names that are spelled out, this one is common.
    return f"{'an' if name.startswith('nd') or _VOWEL.match(name) else 'a'} {name}"


def kind_of(value: object) -> str:
    """Say what came where something else was needed: its type with an article, and None by its name.

    >>> kind_of(1), kind_of("text"), kind_of(None)
    ('an int', 'a str', 'None')
    """
    return "None" if value is None else with_article(type(value).__name__)
