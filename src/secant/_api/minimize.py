"""Minimization: the question, its answer, and the same for those who come from SciPy."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import replace
from math import inf, isfinite, nan
from typing import Any, Unpack

import numpy as np

from secant._api.answers import one_output, still
from secant._api.descent import DescentState, listener
from secant._api.lines import coordinate_lines
from secant._api.options import OneNoise, Options, box, level_at, options
from secant._api.question import question
from secant._api.warm import of_entries
from secant.core import minimize as core
from secant.core import operators
from secant.core.board import Board, held
from secant.core.errors import InputError, InputTypeError, kind_of
from secant.core.ladder import Line
from secant.core.request import Core, Interrupted, run
from secant.core.results import Descent, Estimate, Slope
from secant.core.verdicts import DescentVerdict, Verdict, worst
from secant.evaluation import hints
from secant.evaluation.how import Evaluation, How, checked, hands
from secant.evaluation.trees import Layout
from secant.evaluation.watch import Watch, watched

#: The default budget, in evaluations for each entry of x and one more.
BUDGET = 100
METHODS = ("auto",)
#: What the gradient at the end may cost: this for each entry, and so many more.
USUAL, SPARE = 14, 5
#: The slope at the end is known to be small when its bars, over the way that x went, are less than this share of what f
#: fell by.
STEEP = 0.1


def minimize(
    f: Callable[..., Any],
    x0: Any,
    *,
    bounds: Any = None,
    noise: OneNoise = None,
    max_evaluations: int | None = None,
    method: str = "auto",
    rtol: float = 1e-15,
    callback: Callable[[DescentState], object] | None = None,
    seed: int | None = None,
    args: tuple[Any, ...] = (),
    **how: Unpack[Evaluation],
) -> Descent:
    """Find a minimum of f near x0 from values alone, with noise and without, and say how it ended and why.

    Parameters
    ----------
    f : called as ``f(x, *args)``; returns one real number.
    x0 : where to start: a number, an array of any shape, or a tree of them. It is never written to.
    bounds : (lower, upper), each a number, None, or like x; f is never evaluated outside. (Pairs by entry are SciPy's
        form, see :func:`scipy_method`.)
    noise : the size of f's error where it is known, absolute, or a :class:`Noise`; ``"returned"`` where f returns a
        pair, its value and the standard error of that. Otherwise noise is looked for: next to x0, and over longer
        lengths where steps or slopes are strange.
    max_evaluations : the most calls of f, ``100 * (n + 1)`` for n entries by default. The run ends earlier where
        nothing leads further down; the gradient at the end comes out of the same budget.
    method : ``"auto"``: quasi-Newton steps on differences whose steps, line search and ends go by the noise of f.
    rtol : a further fall of less than this share of the fall so far is not gone after.
    callback : called with a :class:`DescentState` at x0 and after each step (its ``lr`` is the length of that step
        in steps of the model); when it returns True, or raises StopIteration, the run ends with the verdict ``budget``.
    seed : an integer that f is handed as ``seed=`` at every point of the run.
    how : how f is evaluated, see :class:`Evaluation`. With workers, differences and several lengths of a step are
        evaluated together. At a ``deadline``, and after Ctrl-C, the answer is the best point so far.

    Returns
    -------
    Descent with ``x``, ``fun``, ``gradient`` (an :class:`Estimate` at x), ``path`` and ``events``. Verdicts:
    ``converged`` (a minimum as far as f's values show, the only success), ``noise floor`` (usable to the noise),
    ``budget``, ``unbounded``, ``failed`` (no value at x0). A local minimum is all that is looked for.

    Raises
    ------
    InputError, InputTypeError, OutputError; exceptions of f at x0 pass through with the point noted.

    The method is described in the documentation under "Going downhill".

    >>> import numpy as np
    >>> found = minimize(lambda x: (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2, np.array([-1.2, 1.0]))
    >>> found.verdict, np.round(found.x, 6)
    (<DescentVerdict.CONVERGED: 'converged'>, array([1., 1.]))
    """
    if method not in METHODS:
        raise InputError(f"`method` must be 'auto'; got {method!r}{hints.minimizer(method)}")
    ends = None if callback is None else listener(callback)
    chosen = options("auto", None, bounds, None, noise, rtol, max_evaluations, pairs=True)
    way = checked(how, minimize)
    asked = question("minimize", chosen, seed=seed, noise=noise) if how else {}
    if asked:
        asked["expected"] = None
    returned = chosen.returned
    with watched(f, x0, way, seed=seed, keep=False, args=args, x_name="x0", returned=returned, **asked) as watch:
        board = _board(watch, chosen, way, noise is not None and not returned)
        found = run(_course(watch, board, chosen, ends), watch.reply)
        if found.stopped == "keyboard" and not watch.stopped and not watch.hears():
            raise KeyboardInterrupt  # it came between two evaluations
        return _answer(watch, board, chosen, found)


def _board(watch: Watch, chosen: Options, way: How, told: bool) -> Board:
    """Return the state that a search starts from."""
    evaluator = watch.evaluator
    base, layout = evaluator.base, evaluator.layout
    lower, upper = box(chosen, base, layout, "x0")
    spacing = np.broadcast_to(np.asarray(layout.eps, dtype=np.float64), base.shape)
    rounded = None if layout.exact else layout.rounded
    if rounded is not None:
        with np.errstate(all="ignore"):  # of infinite bounds
            lower, upper = (held(side, way, rounded, spacing, base) for side, way in ((lower, 1.0), (upper, -1.0)))
    absolute, relative = (chosen.noise, 0.0) if chosen.told is None else chosen.told
    return Board(
        lower,
        upper,
        rounded,
        spacing,
        chosen.max_evaluations or BUDGET * (base.size + 1),
        hands(way.workers),
        float(np.max(absolute)),
        float(np.max(relative)),
        told,
    )


def _course(
    watch: Watch, board: Board, chosen: Options, ends: Callable[[DescentState], bool] | None
) -> Core[core.Minimum]:
    """Return the core of the search, which tells the caller's listener in the caller's structure."""
    evaluator = watch.evaluator
    layout, warnings = evaluator.layout, np.geterr()

    def opened(fun: float) -> None:
        one_output(evaluator, "minimize", chosen.returned)
        if watch.errors is not None and watch.errors.here is not None:
            board.learn(fun, float(np.max(watch.errors.here)))

    def listen(step: core.Step) -> bool:
        if ends is None:
            return True
        x, slope = layout.wrap(step.x.copy()), layout.wrap(step.slope.copy(), "error")
        with np.errstate(**warnings):  # the listener's own numbers
            return not ends(DescentState(step.iteration, x, step.fun, slope, step.length))

    return core.minimize(evaluator.base, board, rtol=chosen.rtol, opened=opened, listen=listen)


def _answer(watch: Watch, board: Board, chosen: Options, found: core.Minimum) -> Descent:
    """Put what was found into x's structure, with the gradient there."""
    layout = watch.evaluator.layout
    x = layout.wrap(found.x.copy())
    gradient: Estimate | None = None
    if found.verdict is not DescentVerdict.FAILED:
        slopes, gradient = _measured(watch, board, chosen, found) or ((), _last(watch, found))
        doubt = _doubt(found, slopes)
        if doubt:
            found = replace(found, verdict=DescentVerdict.NOISE_FLOOR, note=doubt)
    return Descent(
        x,
        found.fun,
        watch.evaluator.evaluations,
        found.iterations,
        found.verdict,
        found.events,
        found.path,
        found.values,
        found.length,
        found.note,
        watch.stopped or found.stopped,
        gradient,
    )


def _doubt(found: core.Minimum, slopes: Sequence[Slope]) -> str:
    """Say why the slope at the end does not bear out how the search ended; nothing when it does.

    In one variable a kink with f higher on both sides is a minimum. In several f may fall along the kink. Where there
    is one, it is why f falls no further, and not the noise that the search took it for.
    """
    verdicts, certain = {slope.verdict for slope in slopes}, found.verdict is DescentVerdict.CONVERGED
    seen = [verdict for verdict in (Verdict.JUMP, Verdict.KINK) if verdict in verdicts]
    if seen and (certain or found.verdict is DescentVerdict.NOISE_FLOOR) and (found.x.size > 1 or not certain):
        along = ", and whether it falls along that cannot be told" if found.x.size > 1 else ""
        return f"f has a {seen[0]} here{along}"
    if certain and Verdict.UNRESOLVED in verdicts:
        bars = np.array([slope.error if isfinite(slope.error) else 0.0 for slope in slopes])
        unknown = float(bars @ np.abs(found.x - found.path[0]))
        if unknown > STEEP * (found.values[0] - found.fun):
            return "the slope here is not known to be less than it was on the way: has f a kink?"
    return ""


def _measured(
    watch: Watch, board: Board, chosen: Options, found: core.Minimum
) -> tuple[Sequence[Slope], Estimate] | None:
    """Return the gradient at the end as any other, out of what is left of the budget; None when that is too little."""
    evaluator, x = watch.evaluator, found.x
    if watch.stopped or board.left < 2 * x.size + 1:
        return None
    most = min(board.left, USUAL * x.size + SPARE)
    here = replace(level_at(chosen, np.array([found.fun])), max_evaluations=most, rtol=0.0)
    measured = not (found.quiet or board.told or chosen.returned)
    if measured:
        here = replace(here, noise=found.level)  # what was measured over many steps says more than what a line sees
    # Under noise the value that the search ended with is one that pleased it.
    known = [found.fun] if found.quiet else None
    before = evaluator.evaluations
    try:
        slopes = run(operators.gradient(x, _lines(here, found, evaluator.layout), known, most), watch.reply)
    except Interrupted:
        return None
    said = slopes.slopes[0]
    if measured:
        said = tuple(
            replace(slope, note=slope.note.replace("that was told", "that was measured before")) for slope in said
        )
    return said, _estimate(watch, found, said, evaluator.evaluations - before, slopes)


def _lines(here: Options, found: core.Minimum, layout: Layout) -> list[Line]:
    """Return the lines of the gradient at the end, over lengths that the search has seen.

    An entry that ended near zero has the size of the way it went; and none has more than what lets f rise, as it bends,
    by all that it fell. (Noise calls for larger steps than that.)
    """
    gone = np.minimum(np.abs(found.x - found.path[0]), 1.0).tolist()
    most = np.full(found.x.size, inf)
    if found.quiet and found.slopes is not None and found.values[0] > found.fun:
        with np.errstate(all="ignore"):
            rise = np.sqrt(2.0 * (found.values[0] - found.fun) / np.abs(found.slopes.bend))
        most = np.where(rise > 0.0, rise, inf)  # not where it is NaN
    lines = coordinate_lines(here, found.x, layout)
    return [
        replace(line, size=min(max(line.size, way), top))
        for line, way, top in zip(lines, gone, most.tolist(), strict=True)
    ]


def _last(watch: Watch, found: core.Minimum) -> Estimate:
    """Return the gradient at the end as the search saw it, for want of evaluations."""
    count = found.x.size
    if found.slopes is None or not found.at_x:
        note = "no evaluations were left for the slope here"
        slopes = [Slope(nan, inf, Verdict.UNRESOLVED, 0, note=note)] * count
    else:
        note = "no evaluations were left to check this slope: it comes from differences of one step"
        bars = found.slopes.bar
        # And all by which the slope changes over such a step, for nothing was left to see what of that is in it.
        with np.errstate(all="ignore"):
            bars = bars + np.nan_to_num(np.abs(found.slopes.bend) * 2.0 * found.level / bars, nan=inf, posinf=inf)
        pairs = zip(found.slopes.value.tolist(), bars.tolist(), strict=True)
        slopes = [Slope(value, error, Verdict.UNRESOLVED, 0, note=note) for value, error in pairs]
    return _estimate(watch, found, slopes, 0, None)


def _estimate(
    watch: Watch, found: core.Minimum, slopes: Sequence[Slope], spent: int, whole: operators.Slopes | None
) -> Estimate:
    """Put slopes into x's structure."""
    layout = watch.evaluator.layout
    if spent and still(slopes, watch.evaluator):
        slopes = [Slope(0.0, 0.0, Verdict.INDEPENDENT, slope.evaluations, reach=slope.reach) for slope in slopes]
    verdicts = [slope.verdict for slope in slopes]
    details = {layout.path(i): slope for i, slope in enumerate(slopes) if slope.verdict is not Verdict.OK or slope.note}
    return Estimate(
        layout.wrap([slope.value for slope in slopes], "value"),
        layout.wrap([slope.error for slope in slopes], "error"),
        layout.wrap(verdicts, "verdict"),
        worst(verdicts),
        spent,
        details,
        found.fun,
        layout.wrap([slope.step for slope in slopes], "error"),
        bends=None if whole is None else of_entries(layout, found.x, whole, slopes),
    )


def scipy_method(fun: Callable[..., Any], x0: Any, args: tuple[Any, ...] = (), **options: Any) -> Any:
    """Minimize for ``scipy.optimize.minimize(f, x0, method=secant.scipy_method)``.

    SciPy hands over ``bounds`` and ``callback`` (called with x, or with ``intermediate_result=``) and what stands in
    its ``options``: those of :func:`minimize`. A Jacobian, a Hessian and constraints are errors: nothing would be done
    with them.

    Returns
    -------
    scipy.optimize.OptimizeResult, as ``Descent.to_scipy()``; the Descent itself is its ``descent``.

    >>> import numpy as np
    >>> from scipy import optimize
    >>> bounds = [(-2.0, 2.0), (0.0, 0.5)]
    >>> found = optimize.minimize(optimize.rosen, np.array([-1.2, 1.0]), method=scipy_method, bounds=bounds)
    >>> found.success, np.round(found.x, 6)
    (True, array([0.70856, 0.5    ]))
    """
    for name in ("jac", "hess", "hessp", "constraints"):
        given = options.pop(name, None)
        if given is not None and given is not False and not (name == "constraints" and len(given) == 0):
            raise InputError(f"`{name}` must be left out with `method=secant.scipy_method`; got {kind_of(given)}")
    given, heard = options.pop("bounds", None), options.pop("callback", None)
    if options.pop("tol", None) is not None:
        raise InputError("`tol` must be left out with `method=secant.scipy_method`; say options={'rtol': ...}")
    x = np.atleast_1d(np.asarray(x0, dtype=np.float64))
    limits = _box(given, x.size)
    if limits is not None:
        x = np.clip(x, *limits)  # as SciPy's own methods do
    return minimize(fun, x, args=args, bounds=limits, callback=_heard(heard), **options).to_scipy()


def _box(bounds: Any, count: int) -> Any:
    """Return SciPy's bounds, a Bounds or pairs, as a pair of arrays."""
    if bounds is None:
        return None
    if hasattr(bounds, "lb"):
        return np.asarray(bounds.lb, dtype=np.float64), np.asarray(bounds.ub, dtype=np.float64)
    try:
        pairs = [(-inf if low is None else low, inf if high is None else high) for low, high in bounds]
        found = np.array(pairs, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputTypeError(f"`bounds` must be SciPy's Bounds, or a (low, high) by entry; got {bounds!r}") from None
    if len(found) != count:
        raise InputError(f"`bounds` must have a (low, high) for each of {count} entries; it has {len(found)}")
    return tuple(found.T)


def _heard(callback: Any) -> Callable[[DescentState], object] | None:
    """Return SciPy's callback as one of ours: it is told x, or all of it by name."""
    if callback is None:
        return None
    if not callable(callback):
        raise InputTypeError(f"`callback` must be a function; got {kind_of(callback)}")
    try:
        named = "intermediate_result" in inspect.signature(callback).parameters
    except ValueError:  # some of C
        named = False

    def told(state: DescentState) -> object:
        if not named:
            return callback(state.x)
        from scipy.optimize import OptimizeResult

        return callback(intermediate_result=OptimizeResult(x=state.x, fun=state.fun))

    return told
