"""Run the benchmark of descent: ``python -m benchmarks.descent.run``, or ``--only secant`` to renew some rows.

Writes results.json, RESULTS.md and profiles.svg beside this file. Rows of solvers that are not run again are kept, as
long as the problems are the same.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.descent.base import minima
from benchmarks.descent.peers import SOLVERS, installed
from benchmarks.descent.problems import SETS
from benchmarks.descent.score import SILENT, TAUS, Run, Score, score
from benchmarks.descent.variants import GRADIENTS, VARIANTS
from secant.plots import style

HERE = Path(__file__).parent
RESULTS = HERE / "results.json"
#: Seeds of what is drawn at random; peers that take long get the first one only.
SEEDS = 5
#: Told what the others are not told: shown, and left out where the best peer is chosen.
TOLD = "scipy L-BFGS-B, step by an expert"
#: Drawn in the picture, with secant first.
DRAWN = ("secant", "scipy L-BFGS-B", "NLopt NEWUOA", "scipy COBYQA")
Results = dict[str, dict[str, Score]]


def fingerprint() -> int:
    """Return a number that changes with the problems, their starts and their minima."""
    text = [(p.name, p.x0.tolist(), {k: v.value for k, v in minima()[p.name].items()}) for p in SETS["all"]]
    return zlib.crc32(repr(sorted(text)).encode())


def read() -> Results:
    """Return what results.json holds, if that is about these problems."""
    if not RESULTS.exists():
        return {}
    kept = json.loads(RESULTS.read_text(encoding="utf-8"))
    if kept["problems"] != fingerprint():
        return {}
    known = {p.name: p for p in SETS["all"]}

    def run(variant: str, row: Sequence[Any]) -> Run:
        name, seed, solved, evaluations, claimed, missing = row
        n, missing = known[name].n, float(missing)
        solved = tuple(solved)
        return Run(
            name, n, variant, seed, GRADIENTS * (n + 1), solved, evaluations, claimed, missing, np.nan, np.nan, ""
        )

    return {
        solver: {variant: Score(tuple(run(variant, row) for row in rows)) for variant, rows in forms.items()}
        for solver, forms in kept["runs"].items()
        if solver in SOLVERS
    }


def write(found: Results) -> None:
    """Write results.json, one line for each solver and variant."""
    lines = []
    for solver, forms in found.items():
        rows = []
        for variant, one in forms.items():
            runs = [
                [run.problem, run.seed, run.solved, run.evaluations, run.claimed, f"{run.missing:.6g}"]
                for run in one.runs
            ]
            rows.append(f"  {json.dumps(variant)}: {json.dumps(runs, separators=(',', ':'))}")
        lines.append(f" {json.dumps(solver)}: {{\n" + ",\n".join(rows) + "\n }")
    text = f'{{"problems": {fingerprint()},\n"runs": {{\n' + ",\n".join(lines) + "\n}}\n"
    RESULTS.write_text(text, encoding="utf-8")


def of(found: Score, names: Iterable[str]) -> Score:
    """Return the part of a score that is about some problems."""
    chosen = set(names)
    return Score(tuple(run for run in found.runs if run.problem in chosen))


def names(problems: str) -> list[str]:
    """Return the names of a set."""
    return [problem.name for problem in SETS[problems]]


def peers(found: Results, variant: str) -> list[str]:
    """Return the peers that were run on a variant and told nothing."""
    return [name for name in found if name not in ("secant", TOLD) and variant in found[name]]


def combined(found: Results, variant: str, problems: str) -> float:
    """Return the area of the peer that is best on each problem."""
    areas = [of(found[name][variant], names(problems)).by_problem() for name in peers(found, variant)]
    return float(np.mean([max(area[problem] for area in areas) for problem in areas[0]]))


def difference(found: Results, variant: str, problems: str) -> str:
    """Return the area of secant less that of the best peer, with 95 % over problems drawn anew."""
    chosen = {name: of(found[name][variant], names(problems)) for name in peers(found, variant)}
    best = max(chosen, key=lambda name: chosen[name].area)
    theirs = chosen[best].by_problem()
    ours = of(found["secant"][variant], names(problems)).by_problem()
    gaps = np.array([ours[name] - theirs[name] for name in theirs])
    rng = np.random.default_rng(0)
    drawn = gaps[rng.integers(gaps.size, size=(4000, gaps.size))].mean(axis=1)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return f"{gaps.mean():+.3f} ({low:+.3f} to {high:+.3f}), {best}"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table of Markdown."""
    return "\n".join("| " + " | ".join(line) + " |" for line in (head, ["---"] * len(head), *rows))


def areas(found: Results, problems: str) -> str:
    """Return the table of areas on a set."""

    def cell(solver: str, variant: str) -> str:
        one = found[solver].get(variant)
        return "" if one is None else f"{of(one, names(problems)).area:.3f}"

    rows = [[solver, *(cell(solver, variant) for variant in VARIANTS)] for solver in found]
    if any(peers(found, variant) for variant in VARIANTS):
        best = (f"{combined(found, variant, problems):.3f}" for variant in VARIANTS)
        rows.append(["peers combined", *best])
    return table(["area", *VARIANTS], rows)


def counts(found: Results, what: str) -> str:
    """Return a table of silent failures, claims or evaluations, over all problems."""

    def cell(solver: str, variant: str) -> str:
        one = found[solver].get(variant)
        if one is None:
            return ""
        seeds = len({run.seed for run in one.runs})
        if what == "evaluations":
            return f"{one.evaluations:.0f}"
        return f"{one.silent:.3g} of {sum(run.claimed for run in one.runs) / seeds:.3g}"

    return table([what, *VARIANTS], [[solver, *(cell(solver, variant) for variant in VARIANTS)] for solver in found])


OPENING = """\
# Descent: how far down for a budget

Written by `python -m benchmarks.descent.run`; the [README](README.md) tells what is measured. {develop} problems to
develop on and {held_out} held out, of other families; {seeds} seeds of what is drawn at random, one for those that take
long ({slow}). The row "peers combined" takes, problem by problem, the best peer. The expert's step is
told the noise, which nobody else is: it is in neither that row nor the comparison.

![Data profiles](profiles.svg)
"""


def text(found: Results) -> str:
    """Return RESULTS.md."""
    slow = [name for name in found if SOLVERS[name].slow]
    opening = OPENING.format(
        develop=len(SETS["develop"]), held_out=len(SETS["held_out"]), seeds=SEEDS, slow=", ".join(slow)
    )
    parts = [opening]
    for title, problems in (("Held out", "held_out"), ("To develop on", "develop")):
        parts.append(f"## {title}\n\n{areas(found, problems)}\n")
    if "secant" in found:
        lines = [
            [variant, *(difference(found, variant, problems) for problems in ("held_out", "develop"))]
            for variant in VARIANTS
            if variant in found["secant"] and peers(found, variant)
        ]
        head = ["secant less the best peer (95 %)", "held out", "to develop on"]
        parts.append(f"## Differences\n\nProblems are drawn anew for the intervals.\n\n{table(head, lines)}\n")
    silent = counts(found, "silent failures of claims")
    parts.append(
        "## Silent failures\n\nSuccess claimed with more than "
        f"{SILENT:g} of the reachable decrease missing, and claims, all problems, a seed.\n\n{silent}\n"
    )
    parts.append(f"## Evaluations\n\nThe mean, all problems.\n\n{counts(found, 'evaluations')}\n")
    return "\n".join(parts)


def picture(found: Results) -> None:
    """Draw data profiles of some solvers, mean over the tau, one panel for a variant."""
    alphas = np.linspace(0.0, GRADIENTS, 201)
    with style.styled():
        figure = style.new_figure(11.0, 5.6)
        panels = figure.subplots(2, 4, sharex=True, sharey=True).flat
        for axes, variant in zip(panels, VARIANTS, strict=True):
            for name, (color, line, _) in zip(DRAWN, style.CURVES, strict=True):
                if variant not in found.get(name, ()):
                    continue
                runs = found[name][variant].runs
                reached = [k / (run.n + 1) if k is not None else np.inf for run in runs for k in run.solved]
                share = np.searchsorted(np.sort(reached), alphas, side="right") / len(reached)
                axes.plot(alphas, share, color=color, linestyle=line, label=name)
            axes.set(title=variant, xlim=(0, GRADIENTS), ylim=(0, 1))
            axes.grid(True)
        handles, labels = figure.axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=len(DRAWN))
        figure.supxlabel("evaluations / (n + 1)")
        figure.supylabel(f"share solved, mean over {len(TAUS)} tau")
    style.save(figure, HERE / "profiles.svg")


def too_low(solver: str, found: Score) -> list[str]:
    """Return what was found below the minimum on record: then the record is wrong."""
    return [f"{run.variant}, {run.problem}: {solver} is lower" for run in found.runs if run.closest < -1e-8]


def main(argv: Sequence[str] | None = None) -> int:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.descent.run", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--only", nargs="+", metavar="SOLVER", choices=list(SOLVERS))
    parser.add_argument("--variants", nargs="+", metavar="VARIANT", choices=list(VARIANTS), default=list(VARIANTS))
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--tables", action="store_true", help="write the tables anew, run nothing")
    chosen = parser.parse_args(argv)
    found = read()
    for name in [] if chosen.tables else chosen.only or installed():
        entry = SOLVERS[name]
        for variant in chosen.variants:
            if VARIANTS[variant].form == "bounds" and not entry.boxes:
                continue
            began = time.perf_counter()
            one = score(name, variant, "all", range(1 if entry.slow else SEEDS), chosen.processes)
            found.setdefault(name, {})[variant] = one
            line = f"{name}, {variant}: area {one.area:.3f}, silent {one.silent:g}, {time.perf_counter() - began:.0f} s"
            print("\n".join([line, *too_low(name, one)]), file=sys.stderr, flush=True)
            write(found)
    missing = [name for name in SOLVERS if name not in installed()]
    if missing:
        print(f"not installed, and left as they were: {', '.join(missing)}", file=sys.stderr)
    found = {name: found[name] for name in SOLVERS if name in found}
    if not found:
        return 0
    write(found)
    (HERE / "RESULTS.md").write_text(text(found), encoding="utf-8")
    picture(found)
    print(text(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
