"""Journals on the command line: what is in one, whether it is whole, and its values for other programs.

Nothing in a journal is executed, and none is written to.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

import click
import numpy as np

import secant
from secant.cli.text import NOT_OK, OK, Outcome, json_text

C = TypeVar("C", bound=Callable[..., Any])

#: Words for the status of a point.
STATUS = ("ok", "not finite", "outside", "failed")

#: Values of a row that are shown to a person.
SHOWN = 4

#: Records that are shown to a person unless they ask for more.
ROWS = 10


@click.group()
def journal() -> None:
    """Look into a journal: every value of a function, kept by `--journal FILE` or `journal=`.

    A run that is started again with its journal evaluates nothing twice.
    """


def _command(text: str) -> Callable[[C], C]:
    """Return what makes a command of a journal's file."""

    def made(command: C) -> C:
        @wraps(command)
        def read(file: str, **options: Any) -> Outcome:
            return cast(Outcome, command(secant.read_journal(file), **options))

        called = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")(read)
        called = click.argument("file", metavar="FILE", type=click.Path())(called)
        return cast(C, journal.command(short_help=text)(called))

    return made


@_command("What is in a journal.")
@click.option("--rows", type=click.IntRange(0), default=ROWS, metavar="N", help="The latest N values; 10.")
def show(found: secant.JournalRecords, rows: int, as_json: bool) -> Outcome:
    """Print what a journal says about itself, and its latest values.

    \b
    secant diff "sin(x)" --at 1 --journal sine.journal
    secant journal show sine.journal --rows 3
    """
    told = _told(found)
    if as_json:
        return Outcome(json_text({**told, "identity": dict(found.header.identity) if found.header else {}}))
    lines = [f"{found.path}: {_summary(found)}"]
    if found.header is not None:
        lines += [f"  {name} = {value}" for name, value in sorted(found.header.identity.items())]
        lines.append("  " + ", ".join(f"{name} {version}" for name, version in sorted(found.header.versions.items())))
    latest = found.records[len(found.records) - min(rows, len(found.records)) :]
    lines += [
        f"  {record['number']:>6}  lane {record['lane']}  step {record['t']:+.6e}  {_words(record, found)}"
        for record in latest
    ]
    return Outcome("\n".join(lines))


@_command("Whether a journal is whole.")
def verify(found: secant.JournalRecords, as_json: bool) -> Outcome:
    """Say whether every record of a journal is as it was written; the exit status is 1 when one is not.

    What is damaged costs one evaluation each when the run is started again.

    \b
    secant journal verify sine.journal
    """
    good = not found.damaged and not found.torn
    if as_json:
        return Outcome(json_text(_told(found)), OK if good else NOT_OK)
    return Outcome(f"{found.path}: {_summary(found)}", OK if good else NOT_OK)


@_command("The values of a journal, for other programs.")
def export(found: secant.JournalRecords, as_json: bool) -> Outcome:
    """Print all values of a journal, with their lanes and steps, as CSV or JSON.

    \b
    secant journal export sine.journal
    """
    width = _numbers(found)
    names = ["number", "lane", "step", "repeat", "status", *(f"value{place}" for place in range(width))]
    records = np.sort(found.records, order="number", kind="stable")
    rows = [
        [
            int(record["number"]),
            int(record["lane"]),
            float(record["t"]),
            int(record["repeat"]),
            STATUS[min(int(record["status"]), 3)],
            *record["values"][:width].tolist(),
        ]
        for record in records
    ]
    if as_json:
        return Outcome(json_text([dict(zip(names, row, strict=True)) for row in rows]))
    return Outcome("\n".join([",".join(names), *(",".join(map(_cell, row)) for row in rows)]))


def _numbers(found: secant.JournalRecords) -> int:
    return found.header.width if found.header is not None else 0


def _cell(value: Any) -> str:
    return repr(value) if isinstance(value, float) else str(value)


def _told(found: secant.JournalRecords) -> dict[str, Any]:
    codes = np.bincount(np.minimum(found.records["status"], 3), minlength=4)
    return {
        "file": found.path,
        "values": len(found.records),
        **{word: int(count) for word, count in zip(STATUS, codes, strict=True)},
        "damaged": found.damaged,
        "torn": found.torn,
        "versions": dict(found.header.versions) if found.header is not None else {},
    }


def _summary(found: secant.JournalRecords) -> str:
    """Return how many values there are, and what is wrong."""
    told = _told(found)
    others = [f"{told[word]} {word}" for word in STATUS[1:] if told[word]]
    parts = [f"{len(found.records)} values" + (f" ({', '.join(others)})" if others else "")]
    parts.append(f"{found.damaged} damaged" if found.damaged else "none damaged")
    if found.torn:
        parts.append(f"{found.torn} bytes of a record that was broken off")
    return ", ".join(parts)


def _words(record: Any, found: secant.JournalRecords) -> str:
    if record["status"]:
        return STATUS[min(int(record["status"]), 3)]
    values = record["values"][: _numbers(found)]
    more = ", ..." if len(values) > SHOWN else ""
    return ", ".join(f"{value!r}" for value in values[:SHOWN].tolist()) + more
