"""Run the benchmark: ``python -m benchmarks.derivatives.run --seeds 21 22 --quick``.

Tables go to the terminal. A full run (no seeds, groups or methods picked) also writes RESULTS.md and results.json
beside this file; ``--write`` does so for any run.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.derivatives import battery, fresh, tables
from benchmarks.derivatives.cases import Case
from benchmarks.derivatives.peers import METHODS, installed, versions
from benchmarks.derivatives.scores import Row, evaluate, score
from benchmarks.derivatives.truth import doubted

HERE = Path(__file__).parent


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.derivatives.run", description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[21, 22, 23], help="seeds of the battery")
    parser.add_argument("--groups", nargs="+", help="only these groups (see --list); 'fresh' is one of them")
    parser.add_argument("--only", nargs="+", metavar="METHOD", help="only these methods")
    parser.add_argument("--fresh", type=int, metavar="N", help="fresh functions of each noise class (2000)")
    parser.add_argument(
        "--fresh-start", type=int, default=100_000, metavar="K", help="the first fresh function's number"
    )
    parser.add_argument("--quick", action="store_true", help="one seed, 200 fresh functions")
    parser.add_argument("--worst", type=int, default=0, metavar="N", help="list N answers of each kind of failure")
    parser.add_argument("--case", metavar="ID", help="replay one case with every method, and show f's values near x")
    parser.add_argument("--list", action="store_true", help="list groups and methods")
    parser.add_argument("--check", action="store_true", help="check the truths against differences in 400 digits")
    parser.add_argument("--write", action="store_true", help="write RESULTS.md and results.json")
    return parser.parse_args(argv)


def gather(seeds: Sequence[int], groups: Sequence[str] | None) -> list[Case]:
    """Build the battery for all seeds."""
    named = None if groups is None else [group for group in groups if group != "fresh"]
    return [case for seed in seeds for case in battery.cases(seed, named)]


def check(seeds: Sequence[int], groups: Sequence[str] | None, count: int) -> str:
    """Check every truth that was computed from an expression, in a second way."""
    cases = [*gather(seeds, groups), *fresh.cases(0, count)]
    tried = [case for case in cases if case.expr is not None]
    bad = [case.id for case in tried if case.expr and doubted(case.expr, float(case.x), case.truth)]
    return "\n".join([f"{len(tried)} truths checked, {len(bad)} contradicted", *bad])


def run_fresh(methods: Sequence[str], start: int, count: int) -> list[Row]:
    """Run methods on fresh functions of every noise class."""
    rows: list[Row] = []
    for noise in fresh.CLASSES:
        made = list(fresh.cases(start, count, noise))
        for method in methods:
            rows += evaluate(method, made)
        _say(f"fresh, {noise}: {count} functions")
    return rows


def replay(identifier: str, methods: Sequence[str]) -> str:
    """Return what every method says about one case, and f's values near x."""
    case = battery.find(identifier)
    expected = ", ".join(sorted(case.expected))
    lines = [f"{case.id}   {case.name}", f"x = {case.x!r}   truth = {case.truth!r}   expected: {expected}"]
    if case.sides:
        lines.append(f"sides = {case.sides}")
    if case.options:
        lines.append(f"options = {dict(case.options)}")
    lines += [_line(row) for method in methods for row in evaluate(method, [case])]
    return "\n".join(lines)


def _line(row: Row) -> str:
    shown = f"{row.value!r:>24} +/- {row.bar:<9.2g} error {row.error:<9.2g} digits {row.digits:5.1f}"
    return f"{row.method:20} {shown}  {row.evaluations:5.1f} ev  {row.verdict} {row.raised}".rstrip()


def _say(text: str) -> None:
    if sys.stderr.isatty():
        print(text, file=sys.stderr)


def _timing(methods: Sequence[str]) -> dict[str, dict[str, float]]:
    """Time one derivative of math.sin at 1, best of seven rounds of 20, clean and with noise of 1e-6."""
    clean = next(case for case in battery.family("x = 0", 1))
    found: dict[str, dict[str, float]] = {}
    for label, case in (("math.sin", tables.sine(clean, 0.0)), ("math.sin with noise 1e-6", tables.sine(clean, 1e-6))):
        found[label] = {}
        for method in methods:
            best = float("inf")
            for _ in range(7):
                rows = [row for _ in range(20) for row in score(method, case, METHODS[method])]
                best = min(best, sum(row.seconds for row in rows) / len(rows))
            found[label][method] = 1e6 * best
    return found


def main(argv: Sequence[str] | None = None) -> int:
    """Run, print, and write when asked."""
    asked = arguments(argv)
    if asked.list:
        print("groups:", ", ".join([*battery.FAMILIES, "fresh"]))
        print("methods:", ", ".join(METHODS))
        return 0
    methods = asked.only or installed()
    if asked.check:
        print(check(asked.seeds, asked.groups, asked.fresh or 200))
        return 0
    if asked.case:
        print(replay(asked.case, methods))
        return 0
    started = time.perf_counter()
    seeds = asked.seeds[:1] if asked.quick else asked.seeds
    cases = gather(seeds, asked.groups)
    rows: list[Row] = []
    for method in methods:
        rows += evaluate(method, cases)
        _say(f"{method}: {len(cases)} cases")
    count = asked.fresh if asked.fresh is not None else (200 if asked.quick else 2000)
    wanted = count > 0 and (asked.groups is None or "fresh" in asked.groups)
    new = run_fresh(methods, asked.fresh_start, count) if wanted else []
    times = _timing(methods) if asked.groups is None else {}
    text = tables.report(rows, new, methods, times, seeds, count, versions())
    print(text)
    if asked.worst:
        print(tables.worst([row for row in rows + new if row.method == methods[0]], asked.worst))
    print(f"{time.perf_counter() - started:.0f} s")
    if asked.write or not (asked.quick or asked.groups or asked.only):
        figures = tables.data(rows, new, methods, times, seeds, versions())
        narrow = re.sub("-{3,}", "---", re.sub(" {2,}", " ", text))  # what pads columns on a terminal only
        (HERE / "RESULTS.md").write_text(narrow + "\n", encoding="utf-8")
        (HERE / "results.json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
