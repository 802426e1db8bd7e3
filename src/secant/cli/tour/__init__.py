"""``secant tour``: the notes that secant grew from, row by row, computed while you wait."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from secant.cli.text import NOT_OK, OK, WIDTH, Outcome, filled, json_text
from secant.cli.tour import calculus, net
from secant.cli.tour.row import KEYS, Row

__all__ = ["ROWS", "take"]

#: Row n of the tour is computed by entry n - 1.
ROWS: Sequence[Callable[[int], Row]] = (
    calculus.bad_difference,
    calculus.central_difference,
    calculus.picture,
    calculus.derivative,
    calculus.derivative,
    calculus.derivative,
    calculus.derivative,
    calculus.gradient,
    calculus.descent,
    calculus.descent,
    calculus.descent,
    net.weights,
    net.scores,
    net.largest,
    net.loss,
    net.gradient,
)


def take(row: int | None = None, save: Path | None = None, as_json: bool = False) -> Outcome:
    """Compute all rows, or one, and return them as text or JSON; draw the pictures where a folder is given."""
    numbers = range(1, len(ROWS) + 1) if row is None else [row]
    rows = [ROWS[number - 1](number) for number in numbers]
    drawn: list[Path] = []
    if save is not None:
        from secant.cli.tour.pictures import save_all

        drawn = save_all(save)
    status = OK if all(each.expected for each in rows) else NOT_OK
    if as_json:
        return Outcome(json_text([{key: getattr(each, key) for key in KEYS} for each in rows]), status)
    parts = [_shown(each) for each in rows]
    if row is None:
        parts.append(_summary(rows))
    if drawn:
        parts.append("\n".join(f"drawn: {path}" for path in drawn))
    return Outcome("\n\n".join(parts), status)


def _shown(row: Row) -> str:
    """Set a row for the terminal."""
    notes, same, ours = row.texts
    said = "as the notes" if row.notes is not None else "as their code gives"
    lines = [
        f"{f'Row {row.row}':<8}{row.title}",
        _part("the notes", notes),
        _part("same method", f"{same}   [{said if row.agrees else 'DIFFERS'}]"),
        _part("secant", ours),
        _part("why", row.remark),
    ]
    if not row.expected:
        lines.append(_part("WRONG", "this row did not come out as it should"))
    return "\n".join(lines)


def _part(label: str, text: str) -> str:
    return filled(f"{label:<14}", text, indent=2)


def _summary(rows: Sequence[Row]) -> str:
    apart = [str(row.row) for row in rows if not row.agrees]
    wrong = [str(row.row) for row in rows if not row.expected]
    text = f"{len(rows) - len(apart)} of {len(rows)} rows agree with the notes; not row {', '.join(apart) or '-'}. " + (
        f"Rows that did NOT come out as they should: {', '.join(wrong)}." if wrong else "All came out as they should."
    )
    return "-" * WIDTH + "\n" + text
