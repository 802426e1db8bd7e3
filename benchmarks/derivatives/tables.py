"""The tables: Markdown for people, a dictionary for programs."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from benchmarks.derivatives import battery
from benchmarks.derivatives.cases import Case
from benchmarks.derivatives.noisy import frozen
from benchmarks.derivatives.peers import WITH_BARS
from benchmarks.derivatives.scores import Row, coverage_table, equalized, summary

#: Columns of the main tables: heading, how a summary is shown.
COLUMNS: tuple[tuple[str, Callable[[Mapping[str, float]], str]], ...] = (
    ("n", lambda s: f"{s['n']:.0f}"),
    ("digits", lambda s: f"{_fix(s['digits'])} / {_fix(s['digits p10'])}"),
    ("covers 1x / 3x", lambda s: f"{_percent(s['coverage'])} / {_percent(s['coverage 3x'])}"),
    ("tightness p50 / p90", lambda s: f"{_short(s['tightness'])} / {_short(s['tightness p90'])}"),
    ("interval", lambda s: _fix(s["interval"])),
    ("silent", lambda s: f"{s['silent']:.0f}"),
    ("flagged right", lambda s: _percent(s["wolf"])),
    ("lost", lambda s: _percent(s["lost"])),
    ("empty", lambda s: _percent(s["empty"])),
    ("verdict not expected", lambda s: _percent(s["wrong verdict"])),
    ("evaluations", lambda s: f"{_short(s['evaluations'])} / {_short(s['evaluations max'])}"),
    ("us", lambda s: f"{s['microseconds']:.0f}"),
)


def _fix(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.1f}"


def _short(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.3g}"


def _percent(value: float) -> str:
    if math.isnan(value):
        return "-"
    return f"{100 * value:.1f}" if 0 < value < 0.1 or 0.9 < value < 1 else f"{100 * value:.0f}"


def markdown(head: Sequence[str], body: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table with columns padded to read well as text."""
    lines = [list(head), *map(list, body)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    lines.insert(1, ["-" * w for w in widths])
    padded = ([cell.ljust(w) for cell, w in zip(line, widths, strict=True)] for line in lines)
    return "\n".join("| " + " | ".join(cells) + " |" for cells in padded)


def by_class(rows: Sequence[Row]) -> list[Row]:
    """Return the rows with the name of their class for a group; those without a class are left out."""
    named = {group: label for label, groups in battery.CLASSES.items() for group in groups}
    order = list(battery.CLASSES)
    found = [replace(row, group=named[row.group]) for row in rows if row.group in named]
    return sorted(found, key=lambda row: order.index(row.group))


def by_group(rows: Sequence[Row], methods: Sequence[str]) -> str:
    """Return one table a method, a line a group."""
    parts = []
    for method in methods:
        mine = [row for row in rows if row.method == method]
        groups = list(dict.fromkeys(row.group for row in mine))
        body = [(group, [row for row in mine if row.group == group]) for group in groups]
        body.append(("ALL", [row for row in mine if row.group not in battery.UNCLAIMED]))
        cells = [[label, *(show(summary(found)) for _, show in COLUMNS)] for label, found in body if found]
        parts.append(f"### {method}\n\n" + markdown(["group", *(head for head, _ in COLUMNS)], cells))
    return "\n\n".join(parts)


def overview(rows: Sequence[Row], methods: Sequence[str]) -> str:
    """Return median digits, coverage and silent errors of every method, side by side."""
    groups = list(dict.fromkeys(row.group for row in rows))
    body = []
    for group in groups:
        line = [group]
        for method in methods:
            figures = summary([row for row in rows if row.method == method and row.group == group])
            silent = f", {figures['silent']:.0f}!" if figures["silent"] else ""
            line.append(f"{_fix(figures['digits'])}, {_percent(figures['coverage'])}{silent}")
        body.append(line)
    total = ["ALL"]
    for method in methods:
        figures = summary([row for row in rows if row.method == method and row.group not in battery.UNCLAIMED])
        total.append(f"{_fix(figures['digits'])}, {_percent(figures['coverage'])}, {figures['silent']:.0f}!")
    return markdown(["median digits, covers %, silent!", *methods], [*body, total])


def coverage(rows: Sequence[Row]) -> str:
    """Return coverage per method, noise class, dtype and verdict."""
    head = ["method", "noise", "dtype", "verdict", "n", "covers", "95 % bounds", "3x", "worst error/bar"]
    body = [
        [
            c["method"],
            c["noise"],
            c["dtype"],
            c["verdict"],
            str(c["n"]),
            f"{100 * c['coverage']:.1f}",
            f"{100 * c['low']:.1f} to {100 * c['high']:.1f}",
            f"{100 * c['coverage 3x']:.1f}",
            _short(c["worst"]),
        ]
        for c in coverage_table(rows)
    ]
    return markdown(head, body)


def equal_coverage(rows: Sequence[Row], methods: Sequence[str], level: float = 0.95) -> str:
    """Return tightness after every method's bars are scaled to cover the same share."""
    body = []
    for noise in dict.fromkeys(row.noise for row in rows):
        for method in methods:
            mine = [row for row in rows if row.method == method and row.noise == noise]
            if method in WITH_BARS and mine:
                factor, median, high = equalized(mine, level)
                body.append([noise, method, _short(factor), _short(median), _short(high)])
    return markdown(["noise", "method", f"bars times, to cover {level:.0%}", "tightness p50", "p90"], body)


def sine(like: Case, sigma: float) -> Case:
    """Return the case of math.sin at 1, with frozen noise when sigma is not 0."""
    made = replace(like, name="math.sin", build=lambda: math.sin, x=1.0, truth=math.cos(1.0))
    return made if sigma == 0.0 else replace(made, build=lambda: frozen(sigma, "absolute", 7)()(math.sin), noise=sigma)


def timing(times: Mapping[str, Mapping[str, float]]) -> str:
    """Return microseconds per derivative, and the ratio to jacobi's."""
    methods = list(next(iter(times.values())))
    body = []
    for label, found in times.items():
        base = found.get("jacobi", math.nan)
        body.append([label, *(f"{found[m]:.0f} ({_short(found[m] / base)})" for m in methods)])
    return markdown(["us (over jacobi's)", *methods], body)


def worst(rows: Sequence[Row], count: int) -> str:
    """List the worst answers, one kind after the other: silent errors first, verdicts that are merely odd last."""
    medians = {group: summary([r for r in rows if r.group == group])["digits"] for group in {r.group for r in rows}}

    def line(row: Row, why: str) -> str:
        miss = f"error/bar {_short(row.missed)}"
        shown = f"{row.value:.6g} +/- {row.bar:.2g}, truth {row.truth:.6g}, {_fix(row.digits)} digits, {miss}"
        head = f"  {why:15} {row.id!r:36} {row.verdict:10} {row.evaluations:5.0f} ev"
        return f"{head}  {shown}  {row.name[:70]} {row.raised}".rstrip()

    lines = [line(r, "SILENT") for r in rows if r.silent][:count]
    missed = [r for r in rows if not math.isnan(r.bar) and r.bar < r.error]
    missed.sort(key=lambda r: -r.missed)
    lines += ["", *(line(r, "outside the bar") for r in missed[:count])]
    low = sorted((r for r in rows if r.exists), key=lambda r: r.digits - medians[r.group])
    lines += ["", *(line(r, "few digits") for r in low[:count])]
    wide = sorted((r for r in rows if r.exists and math.isfinite(r.tightness)), key=lambda r: -r.tightness)
    lines += ["", *(line(r, "wide bar") for r in wide[:count])]
    lines += ["", *[line(r, "flagged right") for r in rows if r.cried_wolf or r.lost][:count]]
    odd = [r for r in rows if not r.expected and not (r.cried_wolf or r.lost)]
    lines += ["", *(line(r, "odd verdict") for r in odd[:count])]
    return "\n".join(lines)


def report(
    rows: Sequence[Row],
    new: Sequence[Row],
    methods: Sequence[str],
    times: Mapping[str, Mapping[str, float]],
    seeds: Sequence[int],
    count: int,
    packages: Mapping[str, str],
) -> str:
    """Return the whole report as Markdown."""
    used = ", ".join(f"{name} {version}" for name, version in packages.items())
    parts = ["# First derivatives: results", "", f"Battery seeds {', '.join(map(str, seeds))}. Versions: {used}."]
    parts.append("Written by `python -m benchmarks.derivatives.run --write`; columns are explained in README.md.")
    if len(methods) > 1 and rows:
        parts += ["", "## Side by side", "", overview(rows, methods)]
    if rows:
        classes = by_class(rows)
        if len({row.group for row in rows}) > 3 and classes:
            parts += ["", "## By class", "", by_group(classes, methods)]
        parts += ["", "## By group", "", by_group(rows, methods)]
    if new:
        clean = [replace(row, group=f"fresh, {row.noise}") for row in new]
        parts += ["", f"## Fresh functions, {count} of each noise class", ""]
        if len(methods) > 1:
            parts += [overview(clean, methods), ""]
        parts += [by_group(clean, methods)]
        parts += ["", "### Coverage, never pooled", "", coverage(new)]
        parts += ["", "### Tightness at equal coverage", "", equal_coverage(new, methods)]
    if times:
        parts += ["", "## Time of one derivative", "", timing(times)]
    return "\n".join(parts)


def data(
    rows: Sequence[Row],
    new: Sequence[Row],
    methods: Sequence[str],
    times: Mapping[str, Mapping[str, float]],
    seeds: Sequence[int],
    packages: Mapping[str, str],
) -> dict[str, Any]:
    """Return the figures behind the tables, with None for what is not finite."""
    groups: dict[str, Any] = {}
    for method in methods:
        mine = [row for row in [*rows, *new] if row.method == method]
        labels = {_label(row) for row in mine}
        groups[method] = {label: _plain(summary([r for r in mine if _label(r) == label])) for label in sorted(labels)}
    return {
        "seeds": list(seeds),
        "versions": dict(packages),
        "groups": groups,
        "coverage": [_plain(cell) for cell in coverage_table(new)],
        "microseconds": {label: _plain(found) for label, found in times.items()},
    }


def _label(row: Row) -> str:
    return f"fresh, {row.noise}" if row.group == "fresh" else row.group


def _plain(cell: Mapping[str, Any]) -> dict[str, Any]:
    return {k: _rounded(v) for k, v in cell.items()}


def _rounded(v: Any) -> Any:
    if not isinstance(v, float):
        return v
    return float(f"{v:.4g}") if math.isfinite(v) else None
