"""How to evaluate: the options that every question takes, in one place.

Each is checked before anything is evaluated, alone and beside the others. The defaults call f at one point after the
other, in this process.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from math import isnan
from typing import Any, Literal, TypeAlias, TypedDict, get_args

import numpy as np

from secant.core.errors import InputError, InputTypeError, kind_of
from secant.evaluation.evaluator import OnError
from secant.evaluation.progress import Progress

Vectorized: TypeAlias = bool | Literal["vmap"]

#: Workers that are thought to stand behind a map or an executor that does not say.
UNSAID = 8
#: Workers beyond this number are a slip of the keyboard.
MOST_WORKERS = 4096


class Evaluation(TypedDict, total=False):
    """How to evaluate f.

    Parameters
    ----------
    vectorized : True when f takes many points at once: its argument has a leading axis (of a tree, each array in it),
        and so have its values. ``"vmap"`` makes such a function of an f of one point, for JAX (compiled once) and
        PyTorch, on the device where x is.
    workers : how many processes evaluate side by side (it takes the extra ``secant[parallel]``); or a function like
        ``map``, or an object with ``submit`` like an executor, to evaluate through. f is timed first: where it is too
        quick for that to pay, it is called here.
    journal : a file that keeps every value; started again with the same question, nothing is evaluated twice.
    journal_id : a name for f, where the journal cannot tell by itself that it is the same.
    timeout : seconds after which a call of f is broken off, and marked as failed; with worker processes only.
    retries : how often a point is evaluated again that ended its worker process; 2 by default.
    deadline : seconds after which no call of f begins (one under way is not broken off, and the first is always made).
        What is not finished by then is ``unresolved``; Ctrl-C has the same effect. ``stopped`` of the answer says so.
    on_error : what exceptions of f away from x mean: ``"domain"`` (ArithmeticError and ValueError end the domain,
        others pass through), ``"raise"`` (all pass through), ``"mark"`` (the verdict ``failed``).
    inplace : hand f the caller's own arrays, moved one entry at a time and restored whatever happens; for code that
        reads its array through an alias and ignores its argument. It goes with none of the others but ``on_error``.
    progress : True for lines on standard error, from the first second on (on a terminal one that is written over); or
        a function, called with a :class:`Progress` now and then.
    """

    vectorized: Vectorized
    workers: int | Callable[..., Iterable[Any]] | Any
    journal: str | os.PathLike[str] | None
    journal_id: str | None
    timeout: float | None
    retries: int
    deadline: float | None
    on_error: OnError
    inplace: bool
    progress: bool | Callable[[Progress], object] | None


@dataclass(frozen=True, slots=True)
class How:
    """The options of :class:`Evaluation`, checked."""

    vectorized: Vectorized = False
    workers: Any = None
    journal: str | None = None
    journal_id: str | None = None
    timeout: float | None = None
    retries: int = 2
    deadline: float | None = None
    on_error: OnError = "domain"
    inplace: bool = False
    progress: bool | Callable[[Progress], object] | None = None

    @property
    def plain(self) -> bool:
        """Whether f is called at one point after the other, here, and nobody looks on."""
        return not self.vectorized and self.workers is None and self.journal is None and not self.progress


USUAL = How()

NAMES = frozenset(Evaluation.__annotations__)


def checked(given: Mapping[str, Any], question: Callable[..., Any] | None = None, without: Iterable[str] = ()) -> How:
    """Return options that were given, checked; those in ``without`` are none of those that a question takes.

    Raises
    ------
    InputError, InputTypeError : for what is not allowed, or does not go together.

    >>> checked({"on_error": "mark"}).on_error
    'mark'
    """
    if not given:
        return USUAL
    for name in given:
        if name not in NAMES or name in without:
            from secant.evaluation.hints import instead

            asked = "this" if question is None else f"`{question.__name__}`"
            hint = instead(name, question, NAMES.difference(without))
            raise InputTypeError(f"{asked} takes no option `{name}`{hint}")
    how = How(
        _vectorized(given.get("vectorized", False)),
        _workers(given.get("workers")),
        _path(given.get("journal")),
        _named(given.get("journal_id")),
        _seconds("timeout", given.get("timeout")),
        _retries(given.get("retries")),
        _seconds("deadline", given.get("deadline")),
        _on_error(given.get("on_error", "domain")),
        _switch("inplace", given.get("inplace", False)),
        _progress(given.get("progress")),
    )
    _together(how, given)
    return how


def _together(how: How, given: Mapping[str, Any]) -> None:
    """Refuse options that do not go together."""
    if how.inplace and not how.plain:
        other = "vectorized" if how.vectorized else "workers" if how.workers is not None else "journal"
        other = other if how.vectorized or how.workers is not None or how.journal is not None else "progress"
        raise InputError(f"`inplace` must stand alone, as f then sees one array that moves; got `{other}` beside it")
    if how.vectorized and how.workers is not None:
        raise InputError("`vectorized` and `workers` must not both be given: a batch is evaluated in one place")
    if how.journal_id is not None and how.journal is None:
        raise InputError("`journal_id` must come with a `journal`, in which it is kept")
    for name in ("timeout", "retries"):
        if given.get(name) is not None and not isinstance(how.workers, int):
            raise InputError(f"`{name}` must come with `workers=` and a number: only a process of ours can be ended")


def _vectorized(value: Any) -> Vectorized:
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if value == "vmap":
        return "vmap"
    raise InputError(f"`vectorized` must be False, True or 'vmap'; got {value!r}")


def _workers(value: Any) -> Any:
    if value is None or callable(value) or callable(getattr(value, "submit", None)):
        return value
    allowed = f"a number of processes from 1 to {MOST_WORKERS}, a function like `map`, or an object with `submit`"
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise InputTypeError(f"`workers` must be {allowed}; got {value!r}")
    if not 1 <= value <= MOST_WORKERS:
        raise InputError(f"`workers` must be {allowed}; got {value!r}")
    return int(value)


def _path(value: Any) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str | os.PathLike):
        raise InputTypeError(f"`journal` must be the path of a file; got {kind_of(value)}")
    path = os.fspath(value)
    if not isinstance(path, str) or not path:
        raise InputError(f"`journal` must be the path of a file; got {path!r}")
    return path


def _named(value: Any) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise InputTypeError(f"`journal_id` must be a text that names f; got {kind_of(value)}")
    if not value:
        raise InputError("`journal_id` must be a text that names f; got an empty one")
    return value


def _seconds(name: str, value: Any) -> float | None:
    if value is None:
        return None
    allowed = "a positive number of seconds"
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        raise InputTypeError(f"`{name}` must be {allowed}; got {value!r}")
    if not value > 0.0 or isnan(value):
        raise InputError(f"`{name}` must be {allowed}; got {value!r}")
    return float(value)


def _retries(value: Any) -> int:
    if value is None:
        return USUAL.retries
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise InputTypeError(f"`retries` must be an integer of at least 0; got {value!r}")
    if value < 0:
        raise InputError(f"`retries` must be an integer of at least 0; got {value!r}")
    return int(value)


def _on_error(value: Any) -> OnError:
    if not isinstance(value, str) or value not in get_args(OnError):
        raise InputError(f"`on_error` must be 'domain', 'raise' or 'mark'; got {value!r}")
    found: OnError = value  # type: ignore[assignment]
    return found


def _switch(name: str, value: Any) -> bool:
    if not isinstance(value, bool | np.bool_):
        raise InputTypeError(f"`{name}` must be True or False; got {kind_of(value)}")
    return bool(value)


def _progress(value: Any) -> bool | Callable[[Progress], object] | None:
    if value is None or isinstance(value, bool | np.bool_) or callable(value):
        return value if callable(value) else bool(value)
    raise InputTypeError(f"`progress` must be True, False or a function; got {kind_of(value)}")


def hands(workers: Any) -> int:
    """Return how many evaluations are made at a time, as far as workers say.

    >>> hands(None), hands(4), hands(map)
    (1, 4, 8)
    """
    if workers is None:
        return 1
    if isinstance(workers, int):
        return workers
    count = getattr(workers, "_max_workers", UNSAID)
    return count if isinstance(count, int) else UNSAID
