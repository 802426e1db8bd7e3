"""The slope under noise: least squares over many steps, with averaged models.

When noise is what limits the answer, extrapolation amplifies it. Polynomials in h fitted to the odd parts of
many pairs do better, and the question is how far out to go and how many terms to take. A derivative of higher order
p is another coefficient, that of h**p, of the odd or of the even parts. Rules:

1. The level of the noise comes from the contrasts of the ladder (a difference table on data that also carry the
   derivative) and from the probes.
2. The ladder climbs while a short odd and a short even polynomial still fit its largest steps.
3. Every window of steps and every number of terms is a candidate; its score joins the standard error and the
   bias seen against the next longer polynomial.
4. Four more pairs near the winner's largest step, chosen before they are seen, then decide and weigh the
   candidates that came close: the data that choose are not the only data that are judged.

Steps are halved, so the nodes of a window are always the same: the orthonormal polynomials are tabulated
once per number of steps, and a fit is a handful of dot products.

References: J. J. Moré and S. M. Wild, Estimating computational noise, SISC 33, 2011 (levels); D. Kahaner,
C. Moler and S. Nash, Numerical Methods and Software, 1989 (orthogonal bases); K. P. Burnham and D. R. Anderson,
Model Selection and Multimodel Inference, 2002 (averaging).
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from math import frexp, fsum, hypot, inf, isfinite, nan, sqrt

from secant.core.extrapolate import Pick, finished, slope_of
from secant.core.ladder import STRETCH, Ladder, Steps, Values, Work, evaluate, parts
from secant.core.request import UNIT_ROUNDOFF
from secant.core.results import Slope
from secant.core.tableau import EVEN, ODD, contrast
from secant.core.verdicts import Verdict

#: Extra pairs, as shares of the largest step of the winning window.
EXTRA = (0.8125, 0.6875, 0.90625, 0.59375)
#: Most steps in a window, most terms in a polynomial, most doublings of the top.
WINDOW, TERMS, DOUBLINGS = 10, 5, 14
#: Standard errors in a bar; set on random functions so that 98 % are covered although window, number of terms and
#: level are all chosen on the data.
SAFETY = 3.3
#: Bias that noise may hide, in standard errors of the next term; of higher orders the terms are few.
HIDDEN = 1.0
#: Noise of output rounded to steps, as a share of the step (a uniform distribution has 0.29).
STEPPED = 0.4


@dataclass(frozen=True, slots=True)
class Basis:
    """Orthonormal columns over nodes, and the row that turns their coefficients into the one wanted."""

    columns: tuple[tuple[float, ...], ...]
    wanted: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Model:
    """A fit: the coefficient wanted (of a slope, the slope), its error for unit noise, and how well it fits."""

    slope: float
    error: float
    bias: float
    chi: float
    score: float
    freedom: int
    top: float


@cache
def basis(nodes: tuple[float, ...], powers: tuple[int, ...], which: int = 0) -> Basis:
    """Orthonormalize powers of the nodes (Gram-Schmidt, twice, in order); wanted is the coefficient of one of them."""
    columns: list[tuple[float, ...]] = []
    inverse: list[list[float]] = []
    for index, power in enumerate(powers[: len(nodes)]):
        column = [node**power for node in nodes]
        coefficients = [0.0] * index + [1.0]
        for _ in range(2):
            for earlier, known in zip(columns, inverse, strict=True):
                share = fsum(a * b for a, b in zip(earlier, column, strict=True))
                column = [a - share * b for a, b in zip(column, earlier, strict=True)]
                for place, value in enumerate(known):
                    coefficients[place] -= share * value
        norm = sqrt(fsum(a * a for a in column))
        if norm < 1e-9:
            break
        columns.append(tuple(a / norm for a in column))
        inverse.append([value / norm for value in coefficients])
    return Basis(tuple(columns), tuple(row[which] if which < len(row) else 0.0 for row in inverse))


ODD_POWERS = (1, 3, 5, 7, 9, 11)
EVEN_POWERS = (0, 2, 4, 6)
#: The same for the even part of a derivative of even order: the constant is the noise of f at x.
EVEN_ORDERS = (0, 2, 4, 6, 8, 10)


def _dot(left: Sequence[float], right: Sequence[float]) -> float:
    return sum(map(float.__mul__, left, right))


def noise_level(ladder: Ladder, probes: Sequence[float]) -> float:
    """Return the standard deviation of the noise in f, from the newest contrasts and the probes."""
    seen = [abs(probe) for probe in probes]
    for j in range(max(1, len(ladder.s) - 3), len(ladder.s)):
        order = len(ladder.odd[j]) - 1
        for k in range(max(1, order - 1), order + 1):
            seen.append(contrast(ladder.odd, j, k, ladder.s[j], ODD))
            seen.append(contrast(ladder.even, j, k, ladder.s[j], EVEN))
    seen.sort()
    kept = seen[: max(2, int(0.8 * len(seen) + 0.5))]
    return 1.25 * hypot(*kept) / sqrt(len(kept))


def _misfit(values: Sequence[float], base: Basis, terms: int) -> tuple[float, int]:
    """Return the sum of squares that so many terms leave, and the degrees of freedom."""
    rest = sum(value * value for value in values)
    for column in base.columns[:terms]:
        share = _dot(column, values)
        rest -= share * share
    return max(rest, 0.0), len(values) - min(terms, len(base.columns))


def _fits(ladder: Ladder, sigma: float) -> bool:
    """Return whether short polynomials describe the six largest steps within the noise."""
    nodes = _nodes(ladder, 0, min(6, len(ladder.s)))
    odd, even = _data(ladder, 0, nodes, sigma)
    rest, freedom = _misfit(odd, basis(nodes, ODD_POWERS), 3)
    if freedom > 0 and rest > 12.0 * freedom * 0.5:
        return False
    rest, freedom = _misfit(even, basis(nodes, EVEN_POWERS), 3)
    return freedom <= 0 or rest <= 12.0 * freedom * 2.0


def _nodes(ladder: Ladder, first: int, count: int) -> tuple[float, ...]:
    """Return the steps of a window as shares of its largest; there are but eight patterns of them."""
    steps = [0.5**index * _stretch(ladder.top * 0.5 ** (first + index)) for index in range(count)]
    return tuple(step / steps[0] for step in steps)


def _stretch(h: float) -> float:
    return STRETCH[frexp(h)[1] & 7]


def _data(ladder: Ladder, first: int, nodes: tuple[float, ...], sigma: float) -> tuple[list[float], list[float]]:
    """Return the odd and the even parts of a window of pairs, in units of the noise, at its exact nodes."""
    top, odd, even = ladder.s[first], [], []
    for i, node in enumerate(nodes, first):
        s = ladder.s[i]
        share = node * top / s
        odd.append(ladder.odd[i][0] * s * share / sigma)
        even.append(ladder.even[i][0] * s * s * share * share / sigma)
    return odd, even


def _climb(work: Work, ladder: Ladder, sigma: float) -> Generator[Steps, Values, None]:
    """Double the largest step while short polynomials fit, keeping evaluations for the extra pairs."""
    line = work.line
    reach = line.reach
    largest = ladder.largest[0]
    for _ in range(DOUBLINGS):
        h = 2.0 * ladder.top
        if work.left() < 2 + 2 * len(EXTRA) or h > reach or not _fits(ladder, sigma):
            return
        if not (yield from evaluate(work, h)):
            return
        _, a, b = work.pairs[-1]
        if max(abs(a), abs(b)) > 8.0 * largest + 1e4 * sigma:
            return
        ladder.add(work, work.pairs[-1])


def _models(
    odd: Sequence[float], even: Sequence[float], nodes: tuple[float, ...], top: float, sigma: float, order: int
) -> list[Model]:
    """Fit one window with every number of terms; ``sigma`` is the noise of f in the units of the values."""
    if order % 2:
        base, values, level = basis(nodes, ODD_POWERS, order // 2), odd, sigma / sqrt(2.0)
    else:
        base, values, level = basis(nodes, EVEN_ORDERS, order // 2), even, sigma * sqrt(2.0)
    unit = top**order
    rest = sum(value * value for value in values)
    slope = variance = 0.0
    slopes, variances, rests = [], [], []
    for column, wanted in zip(base.columns, base.wanted, strict=True):
        share = _dot(column, values)
        slope += share * wanted
        variance += wanted * wanted
        rest = max(rest - share * share, 0.0)
        slopes.append(slope)
        variances.append(variance)
        rests.append(rest)
    models = []
    for terms in range(order // 2 + 1, min(max(TERMS, order // 2 + 2), len(slopes) - 1) + 1):
        freedom = len(values) - terms
        if freedom < 2:
            break
        chi = sqrt(rests[terms - 1] / freedom) / level
        error = level * sqrt(variances[terms - 1])
        gap = slopes[terms] - slopes[terms - 1]
        bias2 = gap * gap - level * level * (variances[terms] - variances[terms - 1])
        bias = sqrt(max(bias2, 0.0))
        if order > 1:
            # What the next term would add, as far as the noise lets it be seen at all.
            bias = max(bias, HIDDEN * level * sqrt(variances[terms] - variances[terms - 1]))
        score = hypot(error, bias) * max(1.0, chi)
        models.append(Model(slopes[terms - 1] / unit, error / unit, bias / unit, chi, score / unit, freedom, top))
    return models


def _windows(ladder: Ladder, sigma: float, order: int) -> list[Model]:
    """Fit every window of the ladder, in units of the noise."""
    found: list[Model] = []
    for first in range(len(ladder.s) - 2):
        nodes = _nodes(ladder, first, min(WINDOW, len(ladder.s) - first))
        found += _models(*_data(ladder, first, nodes, sigma), nodes, ladder.s[first], 1.0, order)
    return found


def refine(work: Work, ladder: Ladder, best: Pick, probes: Sequence[float]) -> Generator[Steps, Values, Slope]:
    """Return the slope under noise; ``probes`` are further values of the noise, each of unit size."""
    sigma = max(noise_level(ladder, probes), best.rounding, STEPPED * quantum(work))
    order = work.line.order
    if not 0.0 < sigma < inf:
        return _plain(work, ladder, best)
    rows = len(ladder.s)
    yield from _climb(work, ladder, sigma)
    best.row += len(ladder.s) - rows
    models = _windows(ladder, sigma, order)
    if not models:
        return _plain(work, ladder, best)
    winner = min(models, key=lambda model: model.score)
    first = ladder.s.index(winner.top)
    count = min(WINDOW, len(ladder.s) - first)
    nodes = list(_nodes(ladder, first, count))
    odd, even = _data(ladder, first, tuple(nodes), sigma)
    extra = EXTRA[: work.left() // 2]
    top = ladder.top * 0.5**first
    if extra and (yield from evaluate(work, *(share * top for share in extra))):
        for share, pair in zip(extra, work.pairs[-len(extra) :], strict=True):
            more, other, step = parts(work, *pair)
            node = share * _stretch(share * top) / _stretch(top)
            exact = node * winner.top * ladder.unit / step
            nodes.append(node)
            odd.append(more * exact / sigma)
            even.append(other * exact * exact / sigma)
    floor = max(best.rounding, STEPPED * quantum(work)) / sigma
    terms = count - winner.freedom - (order + 1) % 2
    level = _pooled(odd, even, tuple(nodes), terms, floor)
    finer = _models(odd, even, tuple(nodes), winner.top, level, order)
    found = _average(work, ladder, finer or [winner], level, sigma)
    if order == 1 and finished(best, ladder.unit)[1] < 0.1 * found.error:
        # Where the noise is hardly more than rounding, the fits lose more than it takes.
        return slope_of(work, ladder, best, Verdict.NOISY)
    return found


def _pooled(odd: list[float], even: list[float], nodes: tuple[float, ...], terms: int, floor: float) -> float:
    """Estimate the level again, in units of the first estimate, from what fits one term longer leave."""
    odd_rest, odd_free = _misfit(odd, basis(nodes, ODD_POWERS), terms + 1)
    even_rest, even_free = _misfit(even, basis(nodes, EVEN_POWERS), min(terms + 2, 4))
    total, weight = 3.0, 3.0
    if odd_free > 0:
        total, weight = total + 2.0 * odd_rest, weight + odd_free
    if even_free > 0:
        total, weight = total + 0.5 * even_rest, weight + even_free
    return max(sqrt(total / weight), floor)


def _average(work: Work, ladder: Ladder, models: list[Model], level: float, sigma: float) -> Slope:
    """Average the models that came close to the best, and join their errors."""
    least = min(model.score for model in models)
    close = [model for model in models if model.score <= 1.5 * least]
    weights = [1.0 / (model.score * model.score) if model.score else 1.0 for model in close]
    value = sum(w * model.slope for w, model in zip(weights, close, strict=True)) / sum(weights)
    winner = min(models, key=lambda model: model.score)
    spread = max(model.slope for model in close) - min(model.slope for model in close)
    error = SAFETY * (1.0 + 2.5 / winner.freedom) * winner.error * max(1.0, winner.chi) + 1.5 * winner.bias
    error = max(error, 1.2 * spread)
    scale, top = in_units(sigma, ladder.unit, work.line.order), winner.top * ladder.unit
    return Slope(
        value * scale, error * scale, Verdict.NOISY, work.spent, noise=min(level, 2.0) * sigma, step=top, reach=top
    )


def in_units(coefficient: float, unit: float, order: int) -> float:
    """Return the derivative that belongs to a coefficient: of ``s**order`` in a pair's odd or even part.

    The even part is f(x + h) - 2 f(x) + f(x - h), so that of even order half of the coefficient counts.
    """
    if order == 1:
        return coefficient / unit
    for power in range(1, order + 1):
        # One factor at a time: the power of a very small or large unit is beyond the range of floats.
        coefficient *= power / unit
    return coefficient if order % 2 else 0.5 * coefficient


def proportional(work: Work, tiny: float, bottom: float) -> Generator[Steps, Values, Slope | None]:
    """Return the slope of a function whose noise shrinks with the step, as that of a value which vanishes at x does.

    Then no step is better than another: differences over steps from ``tiny`` to ``bottom`` scatter by the same share,
    and their mean is the answer.
    """
    count = min(8, work.left() // 2)
    if count < 4 or bottom <= 4.0 * tiny:
        return None
    ratio = (bottom / tiny) ** (1.0 / (count + 1))
    if not (yield from evaluate(work, *(tiny * ratio ** (index + 1) for index in range(count)))):
        return None
    slopes = [odd / step for odd, _, step in (parts(work, *pair) for pair in work.pairs[-count - 2 :])]
    mean = fsum(slopes) / len(slopes)
    scatter = hypot(*(slope - mean for slope in slopes)) / sqrt(len(slopes) - 1)
    error = SAFETY * (1.0 + 2.5 / len(slopes)) * scatter / sqrt(len(slopes))
    if scatter > 0.5 * abs(mean):
        return None
    share = scatter / abs(mean) if mean else 0.0
    note = f"the noise is about {share:.1g} of the change of f, at every step alike" if share else ""
    return Slope(mean, error, Verdict.NOISY, noise=scatter * bottom, step=tiny, reach=bottom, note=note)


def _plain(work: Work, ladder: Ladder, best: Pick) -> Slope:
    """Return the table's own best entry when there are too few pairs for a fit; of higher order there is none."""
    unit = ladder.unit
    if work.line.order > 1:
        return Slope(nan, inf, Verdict.UNRESOLVED, noise=best.sigma)
    step = unit * ladder.s[best.row]
    return Slope(best.value / unit, 2.0 * best.bar / unit, Verdict.NOISY, noise=best.sigma, step=step, reach=step)


#: Steps of its output from which on a plateau of f is taken for a tread.
MANY_STEPS = 8.0


def quantum(work: Work, plateau: bool = False) -> float:
    """Return the spacing of f's values when they all lie on one coarse lattice (rounded output), else 0.

    Differences of values on a lattice are whole multiples of the smallest one, and so is f itself. Multiples
    that are powers of two prove nothing: halved steps make them of any power of x; but on a ``plateau`` of f, which is
    none of those, a height of many steps does. With few, f counts something, and its slope between two counts is 0.
    """
    fun = work.fun
    values = sorted({fun, *(value for _, a, b in work.pairs for value in (a, b) if isfinite(value))})
    if len(values) < 3:
        return 0.0
    q = min(after - before for before, after in pairwise(values))
    if plateau and abs(fun) < MANY_STEPS * q:
        return 0.0
    blur = 8.0 * UNIT_ROUNDOFF * max(abs(values[0]), abs(values[-1])) / q
    if blur > 0.02 or values[-1] - values[0] == q:
        return 0.0
    uneven = False
    for value in (fun, *(value - fun for value in values)):
        ratio = abs(value / q)
        count = round(ratio)
        if abs(ratio - count) > 0.001 + blur:
            return 0.0
        uneven = uneven or ((plateau or value is not fun) and count & (count - 1) != 0)
    return q if uneven else 0.0
