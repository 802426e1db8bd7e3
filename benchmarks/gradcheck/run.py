"""Run the benchmark of gradient checks: ``python -m benchmarks.gradcheck.run --seeds 21 --only secant``.

Tables go to the terminal. A full run also writes RESULTS.md and results.json beside this file.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks.gradcheck.mistakes import kinds, planted, truly_wrong
from benchmarks.gradcheck.peers import ENTRIES, PEERS, asked, installed
from benchmarks.gradcheck.problems import Problem, problems

HERE = Path(__file__).parent
#: Problems up to this size are small: their median evaluations are told apart.
SMALL = 50
#: Others are not asked about more variables than this: memory and time.
PATIENCE = 10**4
HEAD = "discriminated, detected, passed, cannot tell, located, flagged though right, confirmed, evaluations".split(", ")


@dataclass(frozen=True)
class Row:
    """One question to one check: a right gradient (kind "") or one with a mistake."""

    method: str
    seed: int
    family: str
    problem: str
    kind: str
    right: bool | None
    located: bool
    evaluations: int
    size: int


def fresh(seed: int, number: int, most: int) -> Problem:
    """Return one problem anew: some keep a state."""
    return problems(seed, most)[number]


def rows(method: str, seed: int, most: int) -> list[Row]:
    """Put all questions of a seed to a check."""
    found = []
    for number, problem in enumerate(problems(seed, most)):
        if PEERS[method].each and problem.x.size > ENTRIES:
            continue
        rng = np.random.default_rng([seed, number, 5])
        for kind in ["", *kinds(problem, rng)]:
            mistaken, one = problem.gradient, problem
            truth: Any = np.zeros(0)
            if kind:
                mistaken = planted(problem, kind, rng)
                truth = np.arange(problem.x.size) if kind == "as given" else truly_wrong(problem, mistaken)
                if not truth.size:
                    continue
            if kind == "as given":
                one = fresh(seed, number, most)
                mistaken = planted(one, kind, rng)
            said, calls = asked(method, one.f, mistaken, one.x.copy())
            hit = said.right is False and _located(np.asarray(said.wrong), truth)
            found.append(Row(method, seed, problem.family, problem.name, kind, said.right, hit, calls, problem.x.size))
    return found


def _located(named: Any, truth: Any) -> bool:
    """Return whether the entries named are those that are wrong; of more than forty, some of them and no other."""
    if not named.size or not np.isin(named, truth).all():
        return False
    return truth.size > 40 or bool(np.array_equal(np.unique(named), truth))


def summary(some: Sequence[Row]) -> dict[str, float]:
    """Return the measures, in percent, of some rows of one check."""
    right, wrong = [row for row in some if not row.kind], [row for row in some if row.kind]
    flagged = {(row.seed, row.family, row.problem) for row in right if row.right is False}
    caught = [row for row in wrong if row.right is False]
    told = [row for row in caught if (row.seed, row.family, row.problem) not in flagged]

    def share(part: int, whole: Sequence[Row]) -> float:
        return 100.0 * part / max(len(whole), 1)

    small = [row.evaluations for row in some if row.size <= SMALL]
    return {
        "discriminated": share(len(told), wrong),
        "detected": share(len(caught), wrong),
        "passed": share(sum(row.right is True for row in wrong), wrong),
        "cannot tell": share(sum(row.right is None for row in wrong), wrong),
        "located": share(sum(row.located for row in wrong), wrong),
        "flagged though right": share(len(flagged), right),
        "confirmed": share(sum(row.right is True for row in right), right),
        "evaluations": median(small) if small else float("nan"),
        "cases": len(some),
    }


def tables(found: Sequence[Row]) -> str:
    """Return all tables as Markdown."""
    methods = list(dict.fromkeys(row.method for row in found))
    families = list(dict.fromkeys(row.family for row in found))
    parts = [
        "## All problems\n\n" + _table("check", methods, lambda name: [row for row in found if row.method == name])
    ]
    for family in families:
        part = [row for row in found if row.family == family]
        parts.append(
            f"## {family.capitalize()}\n\n"
            + _table("check", methods, lambda name, part=part: [row for row in part if row.method == name])
        )
    missed = [row for row in found if row.method == "secant" and row.kind and row.right is not False]
    alarms = [row for row in found if row.method == "secant" and not row.kind and row.right is not True]
    lines = [
        f"- {row.family}, {row.problem}, seed {row.seed}: {row.kind or 'right'}, "
        + {True: "passed", None: "cannot tell", False: "flagged"}[row.right]
        for row in (*alarms, *missed)
    ]
    return "\n\n".join([*parts, "## What secant missed\n\n" + "\n".join(lines or ["Nothing."])]) + "\n"


def _table(first: str, names: Sequence[str], pick: Any) -> str:
    lines = ["| " + " | ".join([first, *HEAD]) + " |", "| " + " | ".join(["---"] * (len(HEAD) + 1)) + " |"]
    for name in names:
        some = pick(name)
        if some:
            found = summary(some)
            lines.append(
                "| "
                + " | ".join(
                    [name, *(f"{found[key]:.0f}" if key == "evaluations" else f"{found[key]:.1f}" for key in HEAD)]
                )
                + " |"
            )
    return "\n".join(lines)


OPENING = """\
# Gradient checks beside each other

Written by `python -m benchmarks.gradcheck.run`; the [README](README.md) tells the columns. Percent, but for the
last column: the median of evaluations on problems of up to {small} variables. Drawn by {seeds}: {right} right gradients
and {wrong} with a mistake. Seeds below 20 were looked at while the check was written.

"""


def written(found: Sequence[Row], seeds: Sequence[int]) -> None:
    """Write RESULTS.md and results.json."""
    mine = [row for row in found if row.method == "secant"]
    counts = {"right": sum(not row.kind for row in mine), "wrong": sum(bool(row.kind) for row in mine)}
    opening = OPENING.format(small=SMALL, seeds=" and ".join(map(str, seeds)), **counts)
    (HERE / "RESULTS.md").write_text(opening + tables(found), encoding="utf-8")
    result = {
        name: summary([row for row in found if row.method == name])
        for name in dict.fromkeys(row.method for row in found)
    }
    (HERE / "results.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def main(argv: Sequence[str] | None = None) -> int:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.gradcheck.run", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[21])
    parser.add_argument("--only", nargs="+", metavar="CHECK", choices=list(PEERS))
    parser.add_argument("--most", type=int, default=10**6, help="no problem of more variables")
    chosen = parser.parse_args(argv)
    found: list[Row] = []
    for method in chosen.only or installed():
        for seed in chosen.seeds:
            found += rows(method, seed, chosen.most if method == "secant" else min(chosen.most, PATIENCE))
        print(
            method,
            {key: round(value, 1) for key, value in summary([row for row in found if row.method == method]).items()},
            file=sys.stderr,
        )
    text = tables(found)
    print(text)
    if chosen.only is None and chosen.most == 10**6:
        written(found, chosen.seeds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
