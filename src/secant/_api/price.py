"""Prices: what a question would cost, from one timed call of f.

Rules: a fixed step costs what its formula says, exactly. What finds its own steps costs some 13 evaluations a line
(f at the point is shared by all), 9 when ``rtol`` lets it stop early, and never more than the budget. Evaluations are
taken to follow each other, and each carries a few microseconds of our own. This layer may read a clock; the core never
does.
"""

from __future__ import annotations

from collections.abc import Callable
from inspect import signature
from time import perf_counter
from typing import Any

import numpy as np

from secant._api import second
from secant._api.answers import one_output
from secant._api.derivatives import derivative, directional, gradient
from secant._api.descent import gradient_descent
from secant._api.hessians import hessian, hvp
from secant._api.jacobians import jacobian
from secant._api.minimize import BUDGET, minimize
from secant._api.options import DEFAULT_BUDGET, HIGHER_BUDGET, Options, options
from secant._api.question import Count, lines_count
from secant._api.select import positions
from secant._api.sparse import NO_PATTERN, pattern_of
from secant._api.studies import steps
from secant._api.warm import bends_at
from secant.core.errors import InputError, InputTypeError
from secant.core.hessians import FIRST, LEVELS, RESTARTS
from secant.core.measures import Price
from secant.core.pace import ROUNDS, TRIES
from secant.core.request import Floats, Request
from secant.evaluation.how import How, checked
from secant.evaluation.trees import flatten
from secant.evaluation.watch import watched

#: Of an axis of a Hessian, and the most of a pair of axes: all levels, after as many restarts as there may be.
USUAL_AXIS, MOST_OF_PAIR = 11, 2 * (FIRST * RESTARTS + len(LEVELS))
#: A gradient's look along two generic directions: usual, and the most.
GENERIC, GENERIC_MOST = 4, 8
#: The most that a Jacobian's look takes, and asking f(x) once more where it is noisy.
GENERIC_JACOBIAN = 10
#: Gradients and single values that the diagnosis of a descent may take, at most; a measured rate takes some more before
#: the first step, and single values where a step has to be taken back.
DIAGNOSIS, LOOKS, FIRST_RATE = 60, 256, ROUNDS
#: What a search for a minimum takes for each entry and one more, half of the time (on the problems of
#: `benchmarks/descent` in up to sixty variables, without noise); it is a wide guess.
USUAL_SEARCH = 45
#: Seconds an evaluation costs beyond f itself.
OVERHEAD = 5e-6

#: Options of a question that are numerical, by name.
_NUMERICAL = ("method", "step", "bounds", "max_step", "noise", "rtol", "max_evaluations", "order")


def price(question: Callable[..., Any], f: Callable[..., Any], x: Any, *further: Any, **how: Any) -> Price:
    """Say what a question would cost, from one call of f.

    Parameters
    ----------
    question : :func:`derivative`, :func:`gradient`, :func:`jacobian`, :func:`directional`, :func:`hessian`,
        :func:`hvp` (of f, without a gradient), :func:`gradient_descent`, :func:`minimize` or :func:`steps`; not with
        ``sparsity="detect"``.
    f, x, further, how : what the question would be asked with, its options included.

    Returns
    -------
    Price: calls of f to expect (exact for fixed steps, but for the few that judge a descent at its end) and at
    most, with the seconds that they take.

    Raises
    ------
    InputTypeError : for another question, or options that the question does not take; otherwise as the question
        itself. Exceptions of f pass through with the point noted.

    >>> import numpy as np
    >>> price(gradient, lambda x: float(x @ x), np.ones(500), step=1e-4).evaluations
    1000
    >>> price(derivative, np.sin, 1.0).at_most
    40
    """
    if not any(question is known for known in _COUNTS):
        names = ", ".join(f"secant.{known.__name__}" for known in _COUNTS)
        raise InputTypeError(f"`question` must be one of {names}; got {question!r}")
    name = question.__name__
    form = signature(question)
    try:
        bound = form.bind(f, x, *further, **how)
    except TypeError as error:
        raise InputTypeError(f"`{name}` does not take this: {error}") from None
    bound.apply_defaults()
    given = bound.arguments
    if given.get("gradient") is not None:
        raise InputTypeError(f"`price` of `{name}` takes no `gradient`: it is f that is called once to find out")
    asked = {option: given.get(option, _default(option, question)) for option in _NUMERICAL}
    pairs = (
        question in (derivative, gradient, directional, jacobian, gradient_descent, minimize)
        and given.get("sparsity") is None
    )
    chosen = options(**asked, several=question in (derivative, directional, jacobian), pairs=pairs)
    way = checked(given.get("how", {}), question)
    plain = How(vectorized=way.vectorized, on_error=way.on_error, inplace=way.inplace)
    known, seed, told = given.get("f0"), given.get("seed"), chosen.returned
    with watched(f, x, plain, f0=known, seed=seed, args=given["args"], returned=told) as watch:
        evaluator = watch.evaluator
        if question in (derivative, steps) and not evaluator.layout.scalar:
            raise InputTypeError(f"`x` must be a single number for `{name}`; got {evaluator.layout.size} entries")
        bends_at(given.get("near"), chosen, evaluator.layout, _direction(given.get("v")))
        began = perf_counter()
        watch.evaluate(Request(evaluator.base, None, (0.0,)))
        call = perf_counter() - began
        watch.part()
        if question in (gradient, gradient_descent, minimize, hessian, hvp):
            one_output(evaluator, name)
    varying = positions(given.get("wrt"), x, evaluator.layout)
    given["outputs"] = (1 + evaluator.complex_values) * int(np.prod(evaluator.value_shape or ()))
    entries = evaluator.layout.size if varying is None else varying.size
    given["entries"] = evaluator.layout.size
    count = _second(_COUNTS[question](chosen, entries, given), chosen, entries, given.get("scale"))
    if question is not jacobian:  # which knows where outputs meet
        count = _by_outputs(count, chosen, given["outputs"])
    each = call + OVERHEAD
    return Price(entries, count.usual, count.most, call, count.usual * each, count.most * each)


def _direction(v: Any) -> Floats | None:
    """Return the direction of a directional derivative, flat."""
    return None if v is None else flatten(v, name="v")[0]


def _default(option: str, question: Callable[..., Any]) -> Any:
    """Return what an option is where a question does not take it."""
    return {"method": "auto", "rtol": 0.0, "order": 2 if question in (hessian, hvp) else 1}.get(option)


def _by_outputs(count: Count, chosen: Options, outputs: int) -> Count:
    """Let each output have its own steps: evaluations are shared, but where scales differ they are not the same."""
    if chosen.max_evaluations is not None or chosen.formula is not None or chosen.method == "complex":
        return count
    return Count(count.usual, count.most + max(outputs - 1, 0) * (count.most - 1))


def _second(count: Count, chosen: Options, entries: int, scale: Any) -> Count:
    """Add the second look that `scale` asks for; a budget is for both."""
    if scale is None:
        return count
    more = count if callable(scale) else Count(second.USUAL * entries, DEFAULT_BUDGET * entries)
    top = chosen.max_evaluations or count.most + more.most
    return Count(min(count.usual + more.usual, top), top)


def _of_line(chosen: Options, _: int, given: Any) -> Count:
    return lines_count(chosen, 1, given.get("f0") is not None, given.get("near") is not None)


def _of_gradient(chosen: Options, entries: int, given: Any) -> Count:
    warm = given.get("near") is not None
    count = lines_count(chosen, entries, given.get("f0") is not None, warm)
    own = chosen.formula is None and chosen.method != "complex"
    if entries < 2 or not own or chosen.bounds is not None:
        return count
    top = chosen.max_evaluations or count.most + GENERIC_MOST
    return Count(min(count.usual + (0 if warm else GENERIC), top), top)


def _of_hessian(chosen: Options, entries: int, given: Any) -> Count:
    """Count the lines of the axes, and the levels of the pairs of them; of a pattern, the look at it as well."""
    pairs, known = entries * (entries - 1) // 2, given["f0"] is not None
    if given["sparsity"] is None:
        return _of_pairs(chosen, entries, pairs, known)
    from secant._api.sparse_hessians import LOOK, pairs_of

    count = _of_pairs(chosen, entries, min(pairs, pairs_of(given["sparsity"], given["entries"])), known)
    if chosen.formula is not None:
        return count
    top = chosen.max_evaluations or count.most + LOOK
    return Count(min(count.usual + USUAL_AXIS, top), top)


def _of_product(chosen: Options, entries: int, given: Any) -> Count:
    return _of_pairs(chosen, entries + 1, entries, given["f0"] is not None)


def _of_pairs(chosen: Options, axes: int, pairs: int, known: bool) -> Count:
    if chosen.formula is not None:
        count = lines_count(chosen, axes + pairs, known)
        centre = 0 not in chosen.formula.offsets and not known
        return Count(count.usual + centre, count.most + centre)
    here = 0 if known else 1
    usual = here + axes * USUAL_AXIS + pairs * 2 * FIRST
    most = chosen.max_evaluations or here + axes * (HIGHER_BUDGET - 1) + pairs * MOST_OF_PAIR
    return Count(min(usual, most), most)


def _of_jacobian(chosen: Options, entries: int, given: Any) -> Count:
    """Count the lines of columns, or of groups of them; outputs that do not want the same steps add to the most."""
    looked = GENERIC_JACOBIAN
    if given["sparsity"] is not None:
        entries, meet = _groups(given["sparsity"], given["entries"])
    else:
        meet, looked = given["outputs"], looked if entries > 1 and chosen.bounds is None else 0
    count = lines_count(chosen, entries, given["f0"] is not None)
    if chosen.formula is not None or chosen.method == "complex" or chosen.max_evaluations is not None:
        return count
    return Count(count.usual + GENERIC, count.most + entries * (meet - 1) * (DEFAULT_BUDGET - 1) + looked)


def _groups(sparsity: Any, size: int) -> tuple[int, int]:
    """Return how many groups of columns a pattern has, and how many rows have an entry in one column at most."""
    from secant.core.coloring import columns

    given = pattern_of(sparsity, size)
    if given is None:
        raise InputError(NO_PATTERN)
    _, (indptr, indices) = given
    most = int(np.bincount(indices, minlength=1).max())
    return int(columns(indptr, indices, size).max(initial=-1)) + 1, max(most, 1)


def _of_descent(chosen: Options, entries: int, given: Any) -> Count:
    iterations = given["iterations"]
    if isinstance(iterations, bool) or not isinstance(iterations, int | np.integer) or iterations < 0:
        raise InputError(f"`iterations` must be an integer of at least 0; got {iterations!r}")
    one = lines_count(chosen, entries, False)
    # A central difference leaves f at the point out, which a descent wants to know.
    centre = chosen.formula is not None and 0 not in chosen.formula.offsets
    usual, most = one.usual + centre, one.most + centre
    if not iterations:
        return Count(1, 1)
    measured = isinstance(given["lr"], str)
    tries = TRIES * iterations if measured else 0
    first = min(FIRST_RATE, entries) if measured else 0
    later = usual
    if chosen.formula is None and chosen.method in ("auto", "central"):  # each gradient starts from the one before
        later = lines_count(chosen, entries, False, True).usual
    return Count(usual + (iterations - 1 + first) * later + 1, (iterations + first + DIAGNOSIS) * most + tries + LOOKS)


def _of_search(chosen: Options, entries: int, _: Any) -> Count:
    most = chosen.max_evaluations or BUDGET * (entries + 1)
    return Count(min(USUAL_SEARCH * (entries + 1), most), most)


def _of_steps(chosen: Options, _: int, given: Any) -> Count:
    one = lines_count(chosen, 1, False)
    tried = 50 if given["steps"] is None else len(given["steps"])
    return Count(one.usual + 2 * tried, one.most + 2 * tried)


_COUNTS: dict[Any, Callable[[Options, int, Any], Count]] = {
    derivative: _of_line,
    gradient: _of_gradient,
    jacobian: _of_jacobian,
    directional: _of_line,
    hessian: _of_hessian,
    hvp: _of_product,
    gradient_descent: _of_descent,
    minimize: _of_search,
    steps: _of_steps,
}
