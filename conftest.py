"""Documents are tests: every code block in the documentation and every doctest in the sources is run.

In Markdown a block says its language. ``python`` is run, with its output compared where it has prompts; of
``console`` the lines after ``$`` are run, with their output compared where it is shown (``...`` stands for
anything); ``text`` is not code. Commands that set a machine up (``make``, ``pip``, ``git``, ``cd``) are not
run inside the tests, but a target of ``make`` has to exist. Each document works in a folder of its own.
"""

from __future__ import annotations

import doctest
import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from sybil import Example, Sybil
from sybil.parsers.markdown import CodeBlockParser, PythonCodeBlockParser
from sybil.parsers.rest import DocTestParser

ROOT = Path(__file__).parent
NOT_RUN = {"cd", "git", "make", "pip"}
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
#: Exit statuses that are answers: ok, a verdict that is not ok, cannot tell. 2 is a command that was not understood.
ANSWERS = {0, 1, 3}


def enter(namespace: dict[str, Any]) -> None:
    """Work in a fresh folder, with the repository's examples at hand."""
    folder = Path(tempfile.mkdtemp(prefix="secant-docs-"))
    if (ROOT / "examples").exists():
        (folder / "examples").symlink_to(ROOT / "examples")
    namespace["_left"] = Path.cwd()
    os.chdir(folder)


def leave(namespace: dict[str, Any]) -> None:
    """Go back to where the tests were started, and clean up."""
    folder = Path.cwd()
    os.chdir(namespace["_left"])
    shutil.rmtree(folder)


def run_console(example: Example) -> str | None:
    """Run the commands of a console block; return what is wrong, or None."""
    for chunk in re.split(r"^\$ ", example.parsed, flags=re.MULTILINE)[1:]:
        command, _, expected = chunk.partition("\n")
        words = shlex.split(command, comments=True)
        if words[0] == "make" and not all(re.search(rf"^{word}:", makefile(), re.MULTILINE) for word in words[1:]):
            return f"no such target: {command}"
        if words[0] in NOT_RUN:
            continue
        if wrong := run_command(command, words, expected):
            return wrong
    return None


def run_command(command: str, words: list[str], expected: str) -> str | None:
    """Run one command of a console block; return what is wrong, or None."""
    starts = {"secant": [sys.executable, "-m", "secant"], "python": [sys.executable]}
    if words[0] not in starts:
        return f"documents may run `secant` and `python`; this one runs {command!r}"
    path = os.pathsep.join(filter(None, [str(ROOT / "src"), os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        [*starts[words[0]], *words[1:]],
        env={**os.environ, "PYTHONPATH": path},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    got = done.stdout + done.stderr
    # A function that fails is an answer only where the page shows it.
    told = done.returncode == 4 and '"status": 4' in expected
    if (done.returncode not in ANSWERS and not told) or "Traceback" in done.stderr:
        return f"exit status {done.returncode} of {command!r}:\n{got}"
    if expected.strip() and not doctest.OutputChecker().check_output(expected.strip() + "\n", got, FLAGS):
        return f"{command!r} should print\n{expected}\nand prints\n{got}"
    return None


def makefile() -> str:
    """Return the text of the Makefile."""
    return (ROOT / "Makefile").read_text(encoding="utf-8")


documents = Sybil(
    parsers=[PythonCodeBlockParser(doctest_optionflags=FLAGS), CodeBlockParser("console", run_console)],
    patterns=["*.md"],
    setup=enter,
    teardown=leave,
)
#: Modules for other libraries, whose docstrings need them; their own tests say when one is missing.
GUESTS = [f"secant/{name}.py" for name in ("jax", "torch") if importlib.util.find_spec(name) is None]
docstrings = Sybil(
    parsers=[DocTestParser(FLAGS)],
    path=str(ROOT / "src"),
    patterns=["*.py"],
    excludes=GUESTS,
    setup=enter,
    teardown=leave,
)
pytest_collect_file = (documents + docstrings).pytest()
