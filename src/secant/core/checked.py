"""The outcome of a check: what was claimed, what was found, and how sure that is.

Every number of the table carries its bar; what was not measured is not in it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from secant.core.errors import VerdictError
from secant.core.results import SHOWN, bar, counted, number
from secant.core.verdicts import CheckVerdict

#: Paths that are written out; of a gradient that is wrong in a million places they would fill the memory.
NAMED = 1000


@dataclass(frozen=True, slots=True)
class CheckedEntry:
    """One entry that was looked at by itself: its flat index and path, what was claimed and what was found.

    ``bar`` is the error bar of ``ours``, half the distance of the two slopes included where there is a kink; ``wrong``
    says whether the claim is refuted, ``seen`` is the verdict on the slope itself.

    >>> CheckedEntry(0, "[0]", 6.0, 3.0, 1e-12, True, "ok").ratio
    2.0
    """

    index: int
    path: str
    yours: float
    ours: float
    bar: float
    wrong: bool
    seen: str

    @property
    def ratio(self) -> float:
        """Yours by ours; NaN where ours is 0 or unknown."""
        return self.yours / self.ours if self.ours and math.isfinite(self.ours) else math.nan


@dataclass(frozen=True, slots=True)
class GradientCheck:
    """Whether a derivative that somebody claims is the one that f has.

    Attributes
    ----------
    verdict : a :class:`CheckVerdict`: ``agree``, ``disagree`` or ``cannot tell``.
    wrong : flat indices of the entries that are wrong, (k,) integers; of a Jacobian row by row.
    paths : where they sit in x (of a Jacobian: output, then x), the first thousand.
    table : a :class:`CheckedEntry` for each entry that was looked at by itself, the wrong ones first.
    hint : a likely cause, or "".
    reason : why nothing can be told, or what more was found, or "".
    evaluations : calls of f. Calls of the derivative are not counted.
    would_have_caught : the smallest mistake in any single entry that would have been seen, relative to the entry (where
        there are more than 40, to a hundredth of a usual one if that is more; to a usual one for an entry of 0, each
        in units of the size of its variable); infinite where there is no such claim.
    direction : the same along a random direction, relative to the size of what adds up to the slope there.
    size : the number of entries that were checked.
    stopped : ``"deadline"`` or ``"keyboard"`` where the check was cut short; else "".

    >>> print(GradientCheck(CheckVerdict.AGREE, (), (), (), "", "", 25, 3e-9, 1e-10, 2))
    agree   2 entries   25 evaluations
    a mistake of 3e-09 in any one entry would have been caught, and one of 1e-10 along a direction (relative)
    """

    verdict: CheckVerdict
    wrong: Any
    paths: tuple[str, ...]
    table: tuple[CheckedEntry, ...]
    hint: str
    reason: str
    evaluations: int
    would_have_caught: float
    direction: float
    size: int
    stopped: str = ""

    @property
    def ok(self) -> bool:
        """Whether the values of f bear the derivative out."""
        return self.verdict is CheckVerdict.AGREE

    @property
    def message(self) -> str:
        """All that was found, in lines of text."""
        return str(self)

    def raise_for_verdict(self) -> GradientCheck:
        """Return this check when the derivative agrees; raise :class:`VerdictError` with the table otherwise."""
        if not self.ok:
            raise VerdictError(self.message, self)
        return self

    def to_json(self) -> str:
        """Return the check as JSON text (read back by ``secant.from_json``)."""
        from secant.core.serialize import to_json

        return to_json(self)

    def __bool__(self) -> bool:
        return self.ok

    def __str__(self) -> str:
        entries = f"{self.size} {'entry' if self.size == 1 else 'entries'}"
        lines = [f"{self.verdict}   {entries}   {counted(self.evaluations, 'evaluation')}"]
        if len(self.wrong):
            shown = ", ".join(path or "x" for path in self.paths[:SHOWN])
            more = len(self.wrong) - min(len(self.paths), SHOWN)
            lines.append(f"wrong: {shown}{f' and {more} more' if more else ''}")
        if self.hint:
            lines.append(f"hint: {self.hint}")
        if self.reason:
            lines.append(f"note: {self.reason}")
        if self.verdict is not CheckVerdict.AGREE:
            lines += _rows(self.table)
        elif math.isfinite(self.would_have_caught):
            caught = f"a mistake of {bar(self.would_have_caught)} in any one entry would have been caught"
            along = f", and one of {bar(self.direction)} along a direction" if math.isfinite(self.direction) else ""
            lines.append(f"{caught}{along} (relative)")
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        import html

        said = str(self).split("\n")
        text = html.escape("\n".join(said[: len(said) - len(_rows(self.table))] if not self.ok else said))
        if self.ok or not self.table:
            return f"<pre>{text}</pre>"
        cells = [(row.path, *_texts(row)) for row in self.table[:SHOWN]]
        head = "".join(f"<th>{name}</th>" for name in ("entry", "yours", "ours", "bar", "ratio", "verdict"))
        body = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in cells)
        return f"<pre>{text}</pre><table><tr>{head}</tr>{body}</table>"


def _texts(row: CheckedEntry) -> tuple[str, str, str, str, str]:
    # As many digits of yours as tell it from ours.
    apart = min(max(row.bar, 1e-17), abs(row.yours - row.ours) / 100.0) if row.wrong else row.bar
    word = "wrong" if row.wrong else ("right" if row.seen == "ok" else row.seen)
    ratio = "" if math.isnan(row.ratio) else f"{row.ratio:.6g}"
    yours = repr(row.yours) if row.wrong and apart == 0.0 else number(row.yours, apart)
    return yours, number(row.ours, row.bar), bar(row.bar), ratio, word


def _rows(table: tuple[CheckedEntry, ...]) -> list[str]:
    """Return the table in lines: the first entries, which are the wrong ones."""
    if not table:
        return []
    cells = [("entry", "yours", "ours", "bar", "ratio", "")]
    cells += [(row.path or "x", *_texts(row)) for row in table[:SHOWN]]
    widths = [max(len(row[i]) for row in cells) for i in range(6)]
    lines = ["   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]
    hidden = len(table) - SHOWN
    return [*lines, f"... {hidden} more {'entry' if hidden == 1 else 'entries'}"] if hidden > 0 else lines
