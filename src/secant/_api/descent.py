"""Descent: the book's loop on secant's gradients, with other rules and measured rates, and a diagnosis."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Unpack

import numpy as np

from secant._api.answers import one_output
from secant._api.derivatives import core_for
from secant._api.lines import coordinate_lines
from secant._api.options import Method, OneNoise, Options, level_at, options, real, whole, with_levels
from secant._api.question import question
from secant._api.warm import of_entries
from secant.core import descent as core
from secant.core.errors import InputError, InputTypeError
from secant.core.kept import Bends
from secant.core.near import foretold
from secant.core.operators import Slopes
from secant.core.request import Core, Floats, Request, run
from secant.core.results import Descent
from secant.core.rules import Rule, rule_of
from secant.evaluation.how import Evaluation, checked
from secant.evaluation.watch import Watch, watched


@dataclass(frozen=True, slots=True)
class DescentState:
    """Where a descent is, as its ``callback`` is told before each step.

    Attributes
    ----------
    iteration : steps taken so far.
    x : the point, in x0's structure.   fun : f there.   gradient : the slopes there, in x0's structure.
    lr : the rate of the step to come.
    """

    iteration: int
    x: Any
    fun: float
    gradient: Any
    lr: float


def gradient_descent(
    f: Callable[..., Any],
    x0: Any,
    lr: float | Callable[[int], float] | Literal["auto"] = 0.01,
    iterations: int = 100,
    *,
    rule: str | Rule = "plain",
    callback: Callable[[DescentState], object] | None = None,
    method: Method = "auto",
    step: float | None = None,
    max_step: float | None = None,
    noise: OneNoise = None,
    rtol: float = 1e-8,
    seed: int | None = None,
    args: tuple[Any, ...] = (),
    **how: Unpack[Evaluation],
) -> Descent:
    """Walk downhill, ``x = x - lr * gradient``, a given number of times, and say how it went and why.

    Parameters
    ----------
    f : called as ``f(x, *args)``; returns one real number.
    x0 : where to start: a number, an array of any shape, or a tree of them. It is never written to.
    lr : the learning rate, positive; a function of the iteration, counted from 0, which is called for all of them
        before the run begins; or ``"auto"``: measured from the slopes of neighboring points and adapted in every step,
        half of ``1 / L`` or less for their curvature L (Malitsky and Mishchenko, ICML 2020). Up to three gradients
        beside x0 give the first; a step that raises f is not taken, but tried again with a lower rate.
    iterations : steps to take; the run never stops early by itself, but where f has no finite value, and with
        ``lr="auto"`` where no step lowers f.
    rule : how a slope becomes a step: ``"plain"``, ``"momentum"``, ``"adagrad"`` or ``"adam"`` with the numbers of the
        book behind the notes; or :class:`Momentum`, :class:`AdaGrad`, :class:`Adam` with others.
    callback : called with a :class:`DescentState` before each step; when it returns True, or raises StopIteration, the
        run ends there with the verdict ``budget``. A run that is resumed from a journal calls it again from the start.
    method, step, max_step, noise, rtol : how gradients are taken, as for :func:`secant.gradient`; with
        ``step=1e-4, method="central"`` the notes' own arithmetic, bit for bit. Without a fixed step each starts from
        the one before (as with ``near=``): two to four evaluations an entry, where that one bears it out.
    seed : an integer that f is handed as ``seed=`` at every point of the run.
    how : how f is evaluated, see :class:`Evaluation`. At a ``deadline``, and after Ctrl-C, the run ends with the path
        so far; ``stopped`` of the answer says so, as it does after a callback's end.

    Returns
    -------
    Descent with the path, and the verdict ``converged``, ``lr too large``, ``lr too small``, ``lost in rounding``,
    ``noise floor``, ``unbounded``, ``budget`` or ``failed``; ``events`` name what was seen, and when.

    Raises
    ------
    InputError, InputTypeError, OutputError; exceptions of f at x0 pass through with the point noted.

    >>> import numpy as np
    >>> gradient_descent(lambda x: x[0] ** 2 + x[1] ** 2, np.array([-3.0, 4.0]), lr=0.1).verdict
    <DescentVerdict.CONVERGED: 'converged'>
    >>> gradient_descent(lambda x: x[0] ** 2 + 9 * x[1] ** 2, np.array([-3.0, 4.0]), "auto", rule="momentum").verdict
    <DescentVerdict.CONVERGED: 'converged'>
    """
    count = whole("iterations", iterations, 0)
    rates = _rates(lr, count)
    way_down = rule_of(rule)
    ends = None if callback is None else listener(callback)
    chosen = options(method, step, None, max_step, noise, rtol, None, pairs=True)
    asked = question("gradient_descent", chosen, times=count, lr=rates, rule=way_down, iterations=count, seed=seed)
    way = checked(how, gradient_descent)
    told, asked = chosen.returned, asked if how else {}
    with watched(f, x0, way, seed=seed, keep=False, args=args, x_name="x0", returned=told, **asked) as watch:
        return _walked(watch, chosen, rates, count, way_down, ends)


def _rates(lr: Any, count: int) -> core.Rate:
    """Return the rate, or the rates of a schedule, checked."""
    if isinstance(lr, str):
        if lr != "auto":
            raise InputError(
                f"`lr` must be a positive finite number, a function of the iteration, or 'auto'; got {lr!r}"
            )
        return "auto"
    if not callable(lr):
        return real("lr", lr, 0.0, "a positive finite number, a function of the iteration, or 'auto'")
    return [real(f"lr({k})", lr(k), 0.0, "a positive finite number") for k in range(count)]


def listener(callback: Any) -> Callable[[DescentState], bool]:
    """Return what says whether a run is to end, or raise."""
    if not callable(callback):
        raise InputTypeError(f"`callback` must be a function of a DescentState; got {callback!r}")

    def ends(state: DescentState) -> bool:
        try:
            answer = callback(state)
        except StopIteration:
            return True
        return isinstance(answer, bool | np.bool_) and bool(answer)

    return ends


def _walked(
    watch: Watch,
    chosen: Options,
    rates: core.Rate,
    count: int,
    rule: Rule,
    ends: Callable[[DescentState], bool] | None,
) -> Descent:
    """Walk, and say how it went."""
    evaluator = watch.evaluator
    home, layout = evaluator.base, evaluator.layout
    warm = chosen.formula is None and chosen.method in ("auto", "central")
    bends: Bends | None = None

    def gradient(x: Floats) -> Core[Slopes]:
        nonlocal bends
        base, now = home if np.array_equal(x, home) else x, chosen
        if chosen.told is not None or chosen.returned:  # f here has to be known first
            first = yield Request(base, None, (0.0,))
            one_output(evaluator, "gradient_descent", chosen.returned)
            here = None if watch.errors is None else watch.errors.here
            now = level_at(chosen, first.values) if here is None else with_levels(chosen, here)
        told = None if bends is None else foretold(bends, base)
        found = yield from core_for(now, base, coordinate_lines(now, base, layout), fun=True, told=told)
        one_output(evaluator, "gradient_descent", chosen.returned)
        bends = of_entries(layout, base, found, found.slopes[0]) if warm else None
        return found

    def heard(iteration: int, x: Floats, fun: float, slope: Floats, lr: float) -> bool:
        assert ends is not None
        return ends(DescentState(iteration, layout.wrap(x.copy()), fun, layout.wrap(slope.copy()), lr))

    loop = core.gradient_descent(
        home,
        gradient,
        lr=rates,
        iterations=count,
        step=chosen.step or None,
        rule=rule,
        heard=None if ends is None else heard,
    )
    walk = run(loop, watch.reply)
    if walk.stopped == "keyboard" and not watch.stopped and not watch.hears():
        raise KeyboardInterrupt  # it came between two evaluations
    return Descent(
        layout.wrap(walk.x),
        walk.fun,
        evaluator.evaluations,
        walk.iterations,
        walk.verdict,
        walk.events,
        walk.path,
        walk.values,
        walk.lr,
        walk.note,
        walk.stopped,
    )
