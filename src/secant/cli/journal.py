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

#: What is said of a record besides its values.
FACTS = ("number", "lane", "step", "repeat", "status")

#: Values of a row that are shown to a person.
SHOWN = 4

#: Records that are shown unless more are asked for.
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
    """Print what a journal says about itself, and its latest values; as JSON, with all their numbers.

    \b
    secant diff "sin(x)" --at 1 --journal sine.journal
    secant journal show sine.journal --rows 3
    """
    latest = found.records[len(found.records) - min(rows, len(found.records)) :]
    if as_json:
        identity = dict(found.header.identity) if found.header is not None else {}
        records = [{**_facts(record), "values": _values(record, found)} for record in latest]
        return Outcome(json_text({**_told(found), "identity": identity, "records": records}))
    lines = [f"{found.path}: {_summary(found)}"]
    if found.header is not None:
        lines += [f"  {name} = {value}" for name, value in sorted(found.header.identity.items())]
        lines.append("  " + ", ".join(f"{name} {version}" for name, version in sorted(found.header.versions.items())))
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
    records = np.sort(found.records, order="number", kind="stable")
    names = [*FACTS, *(f"value{place}" for place in range(_numbers(found)))]
    rows = [[*_facts(record).values(), *_values(record, found)] for record in records]
    if as_json:
        return Outcome(json_text([dict(zip(names, row, strict=True)) for row in rows]))
    return Outcome("\n".join([",".join(names), *(",".join(map(_cell, row)) for row in rows)]))


def _facts(record: Any) -> dict[str, Any]:
    """Return what a record says besides its values."""
    status = STATUS[min(int(record["status"]), 3)]
    said = (int(record["number"]), int(record["lane"]), float(record["t"]), int(record["repeat"]), status)
    return dict(zip(FACTS, said, strict=True))


def _values(record: Any, found: secant.JournalRecords) -> list[float]:
    values: list[float] = record["values"][: _numbers(found)].tolist()
    return values


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
        return str(_facts(record)["status"])
    values = _values(record, found)
    return ", ".join(repr(value) for value in values[:SHOWN]) + (", ..." if len(values) > SHOWN else "")
