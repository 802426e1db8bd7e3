"""From answers to figures: digits, coverage, tightness, interval score, silence, cost.

Rules: digits are -log10(error/scale) clipped to [-2, 16], the scale being abs(truth), or the case's
own where it names one. At a kink the answer is the mean slope and its error is the distance to the
farther one-sided slope, so only a bar that reaches both covers it. Where there is no slope at all,
any finite number with a small bar and no flag is silently wrong. Bars are judged as
claimed; a NaN bar (no bar) counts in no coverage. Interval score: Gneiting and Raftery 2007, eq. 43,
for 95 %: width + (2/0.05) times what sticks out, over the scale; smaller is better.
"""

from __future__ import annotations

import contextlib
import math
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.derivatives.cases import Case
from benchmarks.derivatives.peers import METHODS, WITH_BARS, Adapter, answer

#: An answer is right when this close, relative to the scale, or within its own bar.
CLOSE = 1e-2

#: Of the interval score: one minus the level.
ALPHA = 0.05


@dataclass(frozen=True)
class Row:
    """One method's answer to one entry of one case, scored."""

    method: str
    id: str
    name: str
    group: str
    value: float
    bar: float
    truth: float
    error: float
    scale: float
    verdict: str
    flagged: bool
    expected: bool
    exists: bool
    evaluations: float
    seconds: float
    noise: str
    dtype: str
    raised: str = ""

    @property
    def digits(self) -> float:
        """Correct digits, clipped to [-2, 16]; NaN answers have -2."""
        if not self.exists:
            return math.nan
        if not math.isfinite(self.error):
            return -2.0
        ratio = self.error / self.scale
        return 16.0 if ratio <= 1e-16 else max(-2.0, -math.log10(ratio)) + 0.0

    def covered(self, times: float = 1.0) -> bool:
        """Whether the bar, times a factor, covers the truth."""
        return self.error <= times * self.bar

    @property
    def missed(self) -> float:
        """True over claimed error: above 1 the bar does not hold."""
        if self.bar == 0.0:
            return math.inf if self.error > 0 else 0.0
        return self.error / self.bar

    @property
    def tightness(self) -> float:
        """Claimed over true error; an error of 0 counts as one unit in the last place of the scale."""
        return self.bar / max(self.error, 1.1e-16 * self.scale)

    @property
    def interval(self) -> float:
        """The interval score, in decades."""
        if not (math.isfinite(self.bar) and math.isfinite(self.error)):
            return 4.0
        score = (2 * self.bar + 2 / ALPHA * max(0.0, self.error - self.bar)) / self.scale
        return float(np.clip(math.log10(max(score, 1e-18)), -18.0, 4.0))

    @property
    def empty(self) -> bool:
        """The bar is finite and wider than the derivative itself: nothing was said, not even a sign."""
        return self.exists and self.scale < self.bar < math.inf

    @property
    def silent(self) -> bool:
        """Over 1 % off, the bar under a tenth of that, and no flag."""
        if self.flagged or not math.isfinite(self.value) or math.isnan(self.bar):
            return False
        if not self.exists and not math.isfinite(self.truth):
            return self.bar < 0.1 * max(abs(self.value), 1e-3)
        return self.error > CLOSE * self.scale and self.bar < 0.1 * self.error

    @property
    def cried_wolf(self) -> bool:
        """Flagged although the derivative exists and the value is right."""
        return self.exists and self.flagged and math.isfinite(self.value) and self.error <= CLOSE * self.scale

    @property
    def lost(self) -> bool:
        """NaN, an infinite bar or an exception where a derivative exists."""
        return self.exists and (not math.isfinite(self.value) or math.isinf(self.bar) or bool(self.raised))


def noise_class(case: Case) -> str:
    """Return the noise class of a case, in words."""
    if case.group == "fresh":
        return case.id.rsplit(":", 1)[1]
    return "none" if case.noise is None else f"{case.noise:.0e}"


def score(method: str, case: Case, adapter: Adapter) -> list[Row]:
    """Run a method on a case; one row an entry."""
    found = answer(adapter, case)
    size = np.size(case.x)
    values = _entries(found.value, size)
    bars = _entries(found.bar, size) if method in WITH_BARS else [math.nan] * size
    words = np.broadcast_to(np.asarray(found.verdict, dtype=object).ravel(), size)
    flags = np.broadcast_to(np.asarray(found.flagged).ravel(), size)
    rows = []
    for i in range(size):
        truth, error, scale, exists = _against(case, values[i], i)
        flagged = bool(flags[i]) or not math.isfinite(values[i]) or math.isinf(bars[i])
        rows.append(
            Row(
                method=method,
                id=case.id if size == 1 else f"{case.id}[{i}]",
                name=case.name,
                group=case.group,
                value=values[i],
                bar=bars[i],
                truth=truth,
                error=error,
                scale=scale,
                verdict=str(words[i]),
                flagged=flagged,
                expected=str(words[i]) in case.expected,
                exists=exists,
                evaluations=found.evaluations / size,
                seconds=found.seconds / size,
                noise=noise_class(case),
                dtype=case.dtype,
                raised=found.raised,
            )
        )
    return rows


def _entries(values: Any, size: int) -> list[float]:
    return [float(v) for v in np.broadcast_to(np.asarray(values, dtype=float).ravel(), size)]


def _against(case: Case, value: float, i: int) -> tuple[float, float, float, bool]:
    """Return (truth, error, scale, whether a derivative exists)."""
    if case.sides is not None:
        left, right = case.sides
        return (left + right) / 2, max(abs(value - left), abs(value - right)), max(abs(left), abs(right)), False
    if case.truth is None:
        return math.nan, math.nan, 1.0, False
    truth = float(np.ravel(case.truth)[i])
    return truth, abs(value - truth), case.scale or abs(truth) or 1.0, True


def evaluate(method: str, cases: Iterable[Case]) -> list[Row]:
    """Run one method, by name, over cases.

    >>> from benchmarks.derivatives.battery import cases
    >>> rows = evaluate("scipy 3-point", cases(1, ["x = 0"]))
    >>> len(rows), rows[0].evaluations
    (15, 3.0)
    """
    with quiet():
        return [row for case in cases for row in score(method, case, METHODS[method])]


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Send what compiled code prints (LAPACK, on the NaNs that some peers hand it) nowhere."""
    sys.stdout.flush()
    kept, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 1)
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)


def wilson(hits: int, count: int) -> tuple[float, float]:
    """Return the 95 % bounds of a share (Wilson 1927).

    >>> tuple(round(v, 3) for v in wilson(98, 100))
    (0.93, 0.994)
    """
    if count == 0:
        return 0.0, 1.0
    z, p = 1.959963984540054, hits / count
    middle = p + z * z / (2 * count)
    spread = z * math.sqrt(p * (1 - p) / count + z * z / (4 * count * count))
    return max(0.0, (middle - spread) / (1 + z * z / count)), min(1.0, (middle + spread) / (1 + z * z / count))


def summary(rows: Sequence[Row]) -> dict[str, float]:
    """Return the figures of one method on one group."""
    there = [row for row in rows if row.exists]
    barred = [row for row in rows if not math.isnan(row.bar) and (row.exists or not math.isnan(row.error))]
    tight = [row.tightness for row in barred if math.isfinite(row.tightness)]
    digits = [row.digits for row in there]
    return {
        "n": len(rows),
        "digits": _quantile(digits, 0.5),
        "digits p10": _quantile(digits, 0.1),
        "coverage": _share(row.covered() for row in barred),
        "coverage 3x": _share(row.covered(3) for row in barred),
        "tightness": _quantile(tight, 0.5),
        "tightness p90": _quantile(tight, 0.9),
        "interval": _quantile([row.interval for row in barred], 0.5),
        "silent": sum(row.silent for row in rows),
        "wolf": _share(row.cried_wolf for row in there),
        "lost": _share(row.lost for row in there),
        "empty": _share(row.empty for row in there),
        "wrong verdict": _share(not row.expected for row in rows if row.verdict not in ("", "raised")),
        "evaluations": _quantile([row.evaluations for row in rows], 0.5),
        "evaluations max": max((row.evaluations for row in rows), default=math.nan),
        "microseconds": 1e6 * _quantile([row.seconds for row in rows], 0.5),
    }


def _quantile(values: Sequence[float], q: float) -> float:
    # Without interpolation: infinities may stand among the values.
    return float(np.quantile(np.asarray(values, dtype=float), q, method="inverted_cdf")) if len(values) else math.nan


def _share(flags: Iterable[bool]) -> float:
    found = list(flags)
    return sum(found) / len(found) if found else math.nan


def coverage_table(rows: Iterable[Row]) -> list[dict[str, Any]]:
    """Return coverage per (method, noise class, dtype, verdict), with Wilson's bounds; nothing is pooled."""
    cells: dict[tuple[str, str, str, str], list[Row]] = {}
    for row in rows:
        if not math.isnan(row.bar) and row.exists:
            cells.setdefault((row.method, row.noise, row.dtype, row.verdict), []).append(row)
    table = []
    for (method, noise, dtype, verdict), found in cells.items():
        hits, thrice = sum(row.covered() for row in found), sum(row.covered(3) for row in found)
        low, high = wilson(hits, len(found))
        table.append(
            {
                "method": method,
                "noise": noise,
                "dtype": dtype,
                "verdict": verdict or "(none)",
                "n": len(found),
                "coverage": hits / len(found),
                "low": low,
                "high": high,
                "coverage 3x": thrice / len(found),
                "worst": max(row.missed if math.isfinite(row.error) else math.inf for row in found),
            }
        )
    return table


def equalized(rows: Sequence[Row], level: float) -> tuple[float, float, float]:
    """Return (factor, median, ninetieth percentile): tightness after bars are scaled to cover a share of the rows.

    The factor is infinite when too many bars are 0 or missing for any scale to reach the level.
    """
    needed = sorted(row.missed if math.isfinite(row.error) else math.inf for row in rows if row.exists)
    factor = needed[min(len(needed) - 1, math.ceil(level * len(needed)) - 1)]
    tight = [factor * row.tightness for row in rows if row.exists and math.isfinite(row.tightness)]
    return factor, _quantile(tight, 0.5), _quantile(tight, 0.9)
