"""f as a question calls it: with the question's seed, and not after its deadline."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from time import monotonic
from typing import Any

import numpy as np

from secant.core.errors import InputError, InputTypeError
from secant.core.request import Interrupted


def seeded(f: Callable[..., Any], seed: Any) -> Callable[..., Any]:
    """Return f with ``seed=`` handed to it.

    Raises
    ------
    InputError, InputTypeError : for what is no seed, and when f takes no such argument.

    >>> seeded(lambda x, seed: (x, seed), 3)(0.5)
    (0.5, 3)
    """
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer):
        raise InputTypeError(f"`seed` must be an integer of at least 0; got {seed!r}")
    if seed < 0:
        raise InputError(f"`seed` must be an integer of at least 0; got {seed!r}")
    number = int(seed)
    try:
        parameters = inspect.signature(f).parameters.values()
    except (TypeError, ValueError):
        return lambda *args: f(*args, seed=number)  # what has no signature may take it all the same
    if not any(
        part.kind is part.VAR_KEYWORD or (part.name == "seed" and part.kind is not part.POSITIONAL_ONLY)
        for part in parameters
    ):
        taken = ", ".join(part.name for part in parameters)
        raise InputTypeError(f"`seed` needs an f that takes `seed=`, for its random numbers; this one takes ({taken})")
    return lambda *args: f(*args, seed=number)


def timed(f: Callable[..., Any], seconds: float) -> Callable[..., Any]:
    """Return f that raises :class:`Interrupted` when it is called after so many seconds from now.

    >>> timed(lambda x: x, 1e-9)(0.5)  # the first call is always made
    0.5
    """
    end = monotonic() + seconds
    begun = False

    def called(*args: Any) -> Any:
        nonlocal begun
        if begun and monotonic() >= end:
            raise Interrupted("deadline")
        begun = True
        return f(*args)

    return called
