"""Derivatives of order 2 to 4, and Hessians, beside numdifftools: ``python -m benchmarks.orders``.

Functions are those of the battery (:mod:`benchmarks.derivatives`): ordinary ones, at x = 0, in other units, special
functions, and random trees; thresholds were tuned on seeds 101 and 102 and trees 0 to 300. The truth of a derivative is
mpmath's, at 50 and 90 digits, which have to agree; that of a Hessian is a difference in 80 digits. Digits are of
error / abs(truth), of a Hessian's entries of error / largest entry. A NaN has -2 digits and does not cover.
"""

from __future__ import annotations

import argparse
import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import mpmath
import numpy as np
from mpmath import mp

import secant
from benchmarks.derivatives import fresh, smooth
from benchmarks.derivatives.peers import Counter
from benchmarks.derivatives.truth import MATH, NUMPY, VALUES, Expr

ORDERS = (2, 3, 4)
AGREE = mp.mpf(10) ** -22
PLAIN = SimpleNamespace(**VALUES, pow=lambda x, power: x ** mp.mpf(power), fsum=mp.fsum)


@dataclass(frozen=True)
class Line:
    """A function, a point, and its derivatives there, from the zeroth on."""

    group: str
    f: Callable[[float], float]
    x: float
    truth: Sequence[float]


@dataclass(frozen=True)
class Answer:
    """What a method made of a case: digits (median when there are several), the share covered, the evaluations."""

    digits: Sequence[float]
    covered: Sequence[bool]
    evaluations: int


def exact(expr: Expr, x: float, highest: int) -> list[float] | None:
    """Return the derivatives of an expression up to an order, None where two precisions do not agree on them."""
    found = []
    for digits in (50, 90):
        with mpmath.workdps(digits):
            found.append(list(mp.diffs(lambda t: expr(PLAIN, t), mp.mpf(float(x)), highest)))
    pairs = list(zip(*found, strict=True))
    if any(isinstance(each, mpmath.mpc) or abs(one - each) > AGREE * max(abs(each), AGREE) for one, each in pairs):
        return None
    return [float(each) for _, each in pairs]


def lines(seeds: Sequence[int], trees: int) -> Iterator[Line]:
    """Yield the functions of one variable."""
    drawn: list[tuple[str, Expr, float]] = []
    for seed in seeds:
        rng = np.random.default_rng(seed)
        drawn += [("smooth", expr, x) for _, expr, x in smooth.pick(rng, 60)]
        drawn += [("x = 0", case.expr, 0.0) for case in smooth.at_zero(rng) if case.expr]
        drawn += [("scale", case.expr, case.x) for case in smooth.scaled(rng) if case.expr]
        drawn += [("special", case.expr, case.x) for case in smooth.special(rng) if case.expr]
    for number in range(500_000, 500_000 + trees):
        _, expr, x, _ = fresh.function(number)
        drawn.append(("random", expr, x))
    for group, expr, x in drawn:
        try:
            truth = exact(expr, x, max(ORDERS))
        except (ArithmeticError, ValueError, TypeError, NotImplementedError):
            continue
        if truth is not None:
            module = NUMPY if group == "special" else MATH
            yield Line(group, lambda t, expr=expr, m=module: float(expr(m, t)), x, truth)


def judge(value: Any, error: Any, truth: Any, scale: Any, evaluations: int) -> Answer:
    """Compare values with the truth."""
    value, error, truth = np.ravel(value), np.ravel(error), np.ravel(truth)
    wrong = np.abs(value - truth)
    share = np.where(np.isfinite(wrong), wrong / scale, 100.0)
    digits = np.clip(-np.log10(np.maximum(share, 1e-16)), -2.0, 16.0)
    return Answer(digits.tolist(), (wrong <= error).tolist(), evaluations)


def by_secant(case: Line, order: int) -> Answer:
    """Ask secant."""
    found = secant.derivative(case.f, case.x, order=order)
    truth = case.truth[order]
    return judge(found.value, found.error, truth, abs(truth) or 1.0, found.evaluations)


def by_numdifftools(case: Line, order: int) -> Answer:
    """Ask numdifftools, at its defaults."""
    import numdifftools

    f = Counter(case.f)
    truth = case.truth[order]
    try:
        found = numdifftools.Derivative(lambda t: float(f(float(t))), n=order, full_output=True)(float(case.x))
        value, error = float(found.estimate), float(np.ravel(found.error_estimate)[0])
    except Exception:  # whatever a library raises is its answer
        value, error = math.nan, math.inf
    return judge(value, error, truth, abs(truth) or 1.0, f.count)


def rosenbrock(m: Any, x: Sequence[Any]) -> Any:
    """A narrow curved valley."""
    return sum(100 * (b - a * a) ** 2 + (1 - a) ** 2 for a, b in pairwise(x))


def log_sum_exp(m: Any, x: Sequence[Any]) -> Any:
    """Every entry has a say in every second derivative."""
    return m.log(sum(m.exp(v) for v in x))


def bell(m: Any, x: Sequence[Any]) -> Any:
    """A Gaussian."""
    return m.exp(-sum(v * v for v in x) / 5)


def waves(m: Any, x: Sequence[Any]) -> Any:
    """Products inside waves."""
    return m.sin(x[0] * x[1]) * m.exp(x[2]) + sum(m.cos(a * b) for a, b in pairwise(x))


def trigonometric(m: Any, x: Sequence[Any]) -> Any:
    """Moré, Garbow and Hillstrom's problem 26: rounding of a large sum of squares."""
    total = sum(m.cos(v) for v in x)
    return sum((len(x) - total + (i + 1) * (1 - m.cos(v)) - m.sin(v)) ** 2 for i, v in enumerate(x))


def powell(m: Any, x: Sequence[Any]) -> Any:
    """Powell's singular function, of four variables at a time."""
    total = 0
    for i in range(0, len(x) - 3, 4):
        a, b, c, d = x[i : i + 4]
        total += (a + 10 * b) ** 2 + 5 * (c - d) ** 2 + (b - 2 * c) ** 4 + 10 * (a - d) ** 4
    return total


PROBLEMS = {form.__name__: form for form in (rosenbrock, log_sum_exp, bell, waves, trigonometric, powell)}


def hessian(form: Any, x: Any) -> Any:
    """Return the Hessian by differences in 80 digits."""
    n = len(x)
    with mpmath.workdps(80):
        h = mp.mpf(10) ** -20

        def at(*moves: tuple[int, int]) -> Any:
            point = [mp.mpf(v) for v in x.tolist()]
            for i, sign in moves:
                point[i] += sign * h
            return form(mp, point)

        found = np.zeros((n, n))
        for i in range(n):
            for j in range(i + 1):
                corners = at((i, 1), (j, 1)) - at((i, 1), (j, -1)) - at((i, -1), (j, 1)) + at((i, -1), (j, -1))
                found[i, j] = found[j, i] = float(corners / (4 * h * h))
    return found


def hessians(name: str, seeds: Sequence[int], n: int) -> dict[str, list[Answer]]:
    """Ask for a problem's Hessian at random points."""
    import numdifftools

    form, answers = PROBLEMS[name], {"secant": [], "numdifftools": []}
    upper = np.triu_indices(n)
    for seed in seeds:
        x = np.random.default_rng(seed).uniform(-2, 2, n)
        truth = hessian(form, x)
        largest = float(np.abs(truth).max())
        f = Counter(lambda v, form=form: float(form(MATH, v.tolist())))
        found = secant.hessian(f, x)
        answers["secant"].append(judge(found.value[upper], found.error[upper], truth[upper], largest, f.count))
        f = Counter(lambda v, form=form: float(form(MATH, v.tolist())))
        peer = numdifftools.Hessian(f, full_output=True)(x)
        answers["numdifftools"].append(
            judge(peer.estimate[upper], np.reshape(peer.error_estimate, (n, n))[upper], truth[upper], largest, f.count)
        )
    return answers


def row(head: Sequence[str], answers: Sequence[Answer]) -> str:
    """Return a row of a table."""
    digits = [each for answer in answers for each in answer.digits]
    covered = [each for answer in answers for each in answer.covered]
    median, low = np.quantile(digits, [0.5, 0.1])
    count = np.median([answer.evaluations for answer in answers])
    cells = [*head, str(len(digits)), f"{median:.1f}/{low:.1f}", f"{100 * np.mean(covered):.1f}", f"{count:.0f}"]
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.orders", description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[21, 22, 23])
    parser.add_argument("--trees", type=int, default=300, help="random functions")
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    methods = {"secant": by_secant, "numdifftools": by_numdifftools}
    cases = list(lines(asked.seeds, asked.trees))
    print("| order | functions | method | n | digits median/p10 | covers, % | evaluations |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    pooled: dict[str, list[Answer]] = {method: [] for method in methods}
    for order in ORDERS:
        answers = {method: [ask(case, order) for case in cases] for method, ask in methods.items()}
        for group in dict.fromkeys(case.group for case in cases):
            for method, found in answers.items():
                chosen = [answer for answer, case in zip(found, cases, strict=True) if case.group == group]
                print(row((str(order), group, method), chosen))
        for method, found in answers.items():
            print(row((str(order), "all", method), found))
            pooled[method] += found
    for method, found in pooled.items():
        print(row(("2 to 4", "all", method), found))
    print("\n| Hessian, 10 variables | method | n | digits median/p10 | covers, % | evaluations |")
    print("| --- | --- | --- | --- | --- | --- |")
    together: dict[str, list[Answer]] = {}
    for name in PROBLEMS:
        for method, found in hessians(name, asked.seeds, 12 if name == "powell" else 10).items():
            print(row((name, method), found))
            together.setdefault(method, []).extend(found)
    for method, found in together.items():
        print(row(("all", method), found))


if __name__ == "__main__":
    main()
