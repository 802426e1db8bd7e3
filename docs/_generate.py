"""Write the pages that are made from the sources: `make generate`.

The table of verdicts comes from ``secant.core.verdicts``; the options of the command line from Click's own description
of the commands; coverage of the bars from what the benchmark has written. The last two stand between marks in pages
that are otherwise written by hand. ``pages()`` returns the texts without writing, which is how the tests see that they
are current.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from inspect import cleandoc
from pathlib import Path

import click

from secant.cli import cli
from secant.cli.vocabulary import CONSTANTS, FUNCTIONS
from secant.core.verdicts import CheckVerdict, DescentVerdict, Verdict

DOCS = Path(__file__).parent
SEVERITIES = (
    "trust it",
    "usable, with what is said",
    "not without care",
    "there is no number, or not the one asked for",
)
OPENING = """\
# Verdicts

Every answer of secant carries a verdict: a word for a program to compare, with a sentence that gives the numbers
seen, and a remedy. A result of many entries has a verdict for each of them, and the most severe as its own. Verdicts
are text (`est.verdict == "kink"`), and `raise_for_verdict()` turns every one but `ok` into an exception.

This page is generated from `secant.core.verdicts`. In the sentences, what stands in *slanted* letters is replaced by
what was measured.
"""
#: Methods of the benchmark that claim an error bar, and its classes of noise, in words; the first few for the README.
METHODS = ("secant", "numdifftools", "scipy.differentiate", "jacobi")
CLASSES = {
    "none": "clean",
    "absolute 1e-3": "noise of 1e-3",
    "quantised 1e-4": "output rounded to 1e-4",
    "float32 hidden": "computed in float32 inside",
    "absolute 1e-6": "noise of 1e-6",
    "relative 1e-3": "noise of 1e-3 of the value",
    "relative 1e-6": "noise of 1e-6 of the value",
    "float32 rounded": "output rounded to float32",
    "float32": "float32 throughout",
}
#: Marks in a page, around what is generated there.
BEGIN, END = "<!-- generated: begin -->\n", "<!-- generated: end -->\n"


def pages() -> dict[Path, str]:
    """Return the text of each generated page."""
    estimate = section("Of an estimate", "value and bar", Verdict, [member.holds for member in Verdict])
    descent = section("Of a descent", None, DescentVerdict, [])
    check = section("Of a check", None, CheckVerdict, [])
    commands = [described(name, command) for name, command in every(cli.commands)]
    inserted = {
        DOCS.parent / "README.md": coverage(4),
        DOCS / "benchmarks.md": coverage(len(CLASSES)),
        DOCS / "command-line.md": "\n".join([words(), "## The commands\n", *commands]),
    }
    return {
        DOCS / "verdicts.md": f"{OPENING}\n{estimate}\n{descent}\n{check}",
        **{page: between_marks(page.read_text(encoding="utf-8"), text) for page, text in inserted.items()},
    }


def coverage(classes: int) -> str:
    """Return how often bars held on random functions, by class of noise and method."""
    results = json.loads((DOCS.parent / "benchmarks" / "derivatives" / "results.json").read_text(encoding="utf-8"))
    rows, count = [], 0
    for noise, meaning in list(CLASSES.items())[:classes]:
        cells = []
        for method in METHODS:
            seen = [one for one in results["coverage"] if one["method"] == method and one["noise"] == noise]
            count = sum(one["n"] for one in seen)
            held = sum(one["n"] * one["coverage"] for one in seen)
            cells.append(f"{100.0 * held / count:.0f} %")
        rows.append([meaning, *cells])
    return table([f"bars that hold, of {count:,}", *METHODS], rows) + "\n"


def section(
    title: str, extra: str | None, members: Iterable[Verdict | DescentVerdict | CheckVerdict], details: list[str]
) -> str:
    """Return a heading and a table: verdict, severity, sentence, remedy, and one more column where there is one."""
    head = ["verdict", "severity", "it says", "what to do", *([extra] if extra else [])]
    rows = [
        [f"`{one}`", f"{one.severity}", slanted(one.sentence), one.remedy, *details[i : i + 1]]
        for i, one in enumerate(members)
    ]
    worth = "; ".join(f"{i}: {meaning}" for i, meaning in enumerate(SEVERITIES))
    return f"## {title}\n\nSeverity: {worth}.\n\n{table(head, rows)}\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table of Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def slanted(sentence: str) -> str:
    """Show the fields of a sentence in slanted letters."""
    return re.sub(r"\{(\w+)\}", r"*\1*", sentence)


def between_marks(text: str, new: str) -> str:
    """Replace what stands between the marks of a page.

    >>> between_marks(f"above {BEGIN}old {END}below", "new ").splitlines()
    ['above <!-- generated: begin -->', 'new <!-- generated: end -->', 'below']
    """
    above, _, rest = text.partition(BEGIN)
    _, _, below = rest.partition(END)
    return f"{above}{BEGIN}{new}{END}{below}"


def words() -> str:
    """Return what an expression may be made of."""
    rows = [
        ["numbers", "`2`, `0.5`, `1e-3`, and " + listed(CONSTANTS)],
        ["the argument", "`x`, or its entries `x[0]`, `x[1]`, ..."],
        ["operators", listed(("+", "-", "*", "/", "//", "%", "**", "^"))],
        ["conditions", listed(("<", "<=", ">", ">=", "==", "!=", "and", "or", "not", "... if ... else ..."))],
        ["functions", listed(sorted(FUNCTIONS))],
    ]
    return f"## Words of an expression\n\n{table(['', ''], rows)}\n"


def listed(names: Iterable[str]) -> str:
    """Return names as code, with commas."""
    return ", ".join(f"`{name}`" for name in names)


def every(commands: Mapping[str, click.Command], above: str = "") -> Iterator[tuple[str, click.Command]]:
    """Give all commands with their full names, those of groups as well."""
    for name, command in commands.items():
        if isinstance(command, click.Group):
            yield from every(command.commands, f"{above}{name} ")
        else:
            yield f"{above}{name}", command


def described(name: str, command: click.Command) -> str:
    """Return one command: its help, with examples that run, and the table of its options."""
    context = click.Context(command, info_name=f"secant {name}")
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    records = [parameter.get_help_record(context) or ("", "") for parameter in command.get_params(context)]
    rows = [[f"`{option}`", " ".join(meaning.split())] for option, meaning in records if meaning]
    text, *rest = re.split(r"^\x08\n|^\\b\n", cleandoc(command.help or ""), flags=re.MULTILINE)
    examples, _, more = rest[0].partition("\n\n") if rest else ("", "", "")
    parts = [f"### secant {name}", f"```text\n{usage}\n```", text.strip(), more.strip()]
    if examples:
        lines = "\n".join(f"$ {line.strip()}" for line in examples.strip().splitlines())
        parts.append(f"```console\n{lines}\n```")
    return "\n\n".join([*filter(None, parts), table(["option", "meaning"], rows)]) + "\n"


if __name__ == "__main__":
    for page, text in pages().items():
        page.write_text(text, encoding="utf-8")
        print(f"{page.relative_to(DOCS.parent)} written")
