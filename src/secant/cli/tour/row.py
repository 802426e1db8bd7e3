"""A row of the tour: what is shown of it, and what ``--json`` prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import secant
from secant.cli.tour import notes

#: The notes' method by secant's options.
AS_NOTED: Mapping[str, Any] = {"method": "central", "step": notes.H}

#: What ``--json`` prints of a row.
KEYS = ("row", "title", "notes", "same_method", "ours", "error", "verdict", "agrees", "remark")


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the tour.

    ``agrees``: secant with the notes' step gives what the notes print or, where they print nothing, what their
    own code gives when it is run. ``expected``: the row came out as it should, which for row 16 is not to agree.
    ``error`` is a bar; ``texts`` are the notes, the same method and secant for the terminal.
    """

    row: int
    title: str
    notes: Any
    same_method: Any
    ours: Any
    error: Any
    verdict: str | None
    agrees: bool
    remark: str
    texts: tuple[str, str, str]
    expected: bool


def worst(estimates: Sequence[secant.Estimate]) -> secant.Verdict:
    """Return the most severe verdict of some estimates."""
    return max((estimate.verdict for estimate in estimates), key=lambda verdict: verdict.severity)
