"""Text for any console: plain ASCII, words and ``+/-``, lines that fit.

A command returns an :class:`Outcome`; only ``main`` writes.
"""

from __future__ import annotations

import json
import math
import textwrap
from dataclasses import dataclass
from typing import Any

import numpy as np

import secant

#: Columns of a line; 80 fit anywhere, and a table of a gradient needs no more.
WIDTH = 88

#: Entries of x that are printed.
SHOWN = 12

OK, NOT_OK, USAGE, CANNOT_TELL, FAILED = 0, 1, 2, 3, 4

#: Exit status of a run that was interrupted from the keyboard: 128 + SIGINT, as shells have it.
INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a command has to say, its exit status, and what goes to standard error beside it."""

    text: str
    status: int = OK
    complaint: str = ""


def plain(text: str) -> str:
    """Replace what is not ASCII (an exception's text, a file's name) by escapes, so that every console prints it.

    >>> plain("caf\\u00e9")
    'caf\\\\xe9'
    """
    return text.encode("ascii", "backslashreplace").decode("ascii")


def filled(label: str, text: str, indent: int = 0, width: int = WIDTH) -> str:
    """Set text beside a label, wrapped, its further lines under its first.

    >>> print(filled("why   ", "one two three", width=14))
    why   one two
          three
    """
    lead = " " * indent + label
    paragraphs = [
        textwrap.wrap(part, width - len(lead), break_long_words=False, break_on_hyphens=False) or [""]
        for part in text.split("\n")
    ]
    lines = [line for paragraph in paragraphs for line in paragraph]
    return "\n".join((lead if number == 0 else " " * len(lead)) + line for number, line in enumerate(lines))


def estimate_text(estimate: secant.Estimate) -> str:
    """Return an estimate as it prints, with what was found and the remedy below where it is not ok."""
    if estimate.ok:
        return str(estimate)
    return "\n".join([str(estimate), *(filled("", line, indent=2) for line in estimate.message.split("\n"))])


def descent_text(descent: secant.Descent) -> str:
    """Return how a descent ended and why, where it is, and what to try."""
    head = str(descent).split("\n")[0]
    lines = [head, filled("x = ", array_text(descent.x), indent=2)]
    events = (f"iteration {event.iteration}: {event.kind}: {event.text}" for event in descent.events)
    lines += [filled("", text, indent=2) for text in (descent.note or descent.verdict.sentence, *events)]
    if not descent.success:
        lines.append(filled("try: ", descent.remedy, indent=2))
    return "\n".join(lines)


def minimum_text(found: secant.Descent) -> str:
    """Return where a search for a minimum ended and why, entry by entry with the slope there, and what to try."""
    x, slope = np.atleast_1d(found.x), found.gradient
    lines = [str(found).split("\n")[0]]
    for i, entry in enumerate(x[:SHOWN].tolist()):
        name = "x" if np.ndim(found.x) == 0 else f"x[{i}]"
        known = slope is not None and math.isfinite(np.atleast_1d(slope.value)[i])
        there = f"   slope {slope_text(slope, i)}" if slope is not None and known else ""
        lines.append(f"  {name} = {entry:.12g}{there}")
    if x.size > SHOWN:
        lines.append(f"  ... ({x.size} entries)")
    events = (f"iteration {event.iteration}: {event.kind}: {event.text}" for event in found.events)
    lines += [filled("", text, indent=2) for text in (found.note or found.verdict.sentence, *events)]
    if not found.success:
        lines.append(filled("try: ", found.remedy, indent=2))
    return "\n".join(lines)


def slope_text(slope: secant.Estimate, i: int) -> str:
    """Return an entry of a gradient with its bar, short."""
    value, error = (float(np.atleast_1d(part)[i]) for part in (slope.value, slope.error))
    return f"{value:.2g} +/- {error:.2g}"


def array_text(values: Any) -> str:
    """Return numbers as NumPy prints them, eight digits, on lines that fit."""
    return np.array2string(np.asarray(values), precision=8, max_line_width=WIDTH - 8, threshold=12)


def json_text(value: Any) -> str:
    """Return plain values and arrays as JSON text; what JSON has no number for becomes a word.

    >>> json_text({"a": [1.0, float("inf")]})
    '{"a": [1.0, "inf"]}'
    """
    return json.dumps(_plain_value(value), allow_nan=False)


def _plain_value(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain_value(item) for key, item in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return _plain_value(value.tolist())
    if isinstance(value, list | tuple):
        return [_plain_value(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value
