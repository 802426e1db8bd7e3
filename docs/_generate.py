"""Write the pages that are made from the sources: `make generate`.

``pages()`` returns their texts without writing, which is how the tests see that they are current.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from secant.core.verdicts import DescentVerdict, Verdict

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


def pages() -> dict[Path, str]:
    """Return the text of each generated page."""
    estimate = section("Of an estimate", "value and bar", Verdict, [member.holds for member in Verdict])
    descent = section("Of a descent", None, DescentVerdict, [])
    return {DOCS / "verdicts.md": f"{OPENING}\n{estimate}\n{descent}"}


def section(
    title: str, extra: str | None, members: Iterable[Verdict] | Iterable[DescentVerdict], details: list[str]
) -> str:
    """Return a heading and a table: verdict, severity, sentence, remedy, and one more column where there is one."""
    head = ["verdict", "severity", "it says", "what to do", *([extra] if extra else [])]
    rows = [
        [f"`{one}`", f"{one.severity}", slanted(one.sentence), one.remedy, *details[i : i + 1]]
        for i, one in enumerate(members)
    ]
    lines = [head, ["---"] * len(head), *rows]
    table = "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
    worth = "; ".join(f"{i}: {words}" for i, words in enumerate(SEVERITIES))
    return f"## {title}\n\nSeverity: {worth}.\n\n{table}\n"


def slanted(sentence: str) -> str:
    """Show the fields of a sentence in slanted letters."""
    return re.sub(r"\{(\w+)\}", r"*\1*", sentence)


if __name__ == "__main__":
    for page, text in pages().items():
        page.write_text(text, encoding="utf-8")
        print(f"{page.relative_to(DOCS.parent)} written")
