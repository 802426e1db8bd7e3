"""Descent: the book's loop on secant's gradients, with a diagnosis."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Unpack

import numpy as np

from secant._api.answers import one_output
from secant._api.derivatives import core_for
from secant._api.options import Method, OneNoise, Options, coordinate_lines, level_at, options, real, whole, with_levels
from secant._api.question import question
from secant.core import descent as core
from secant.core.operators import Slopes
from secant.core.request import Core, Floats, Request, run
from secant.core.results import Descent
from secant.evaluation.how import Evaluation, checked
from secant.evaluation.watch import Watch, watched


def gradient_descent(
    f: Callable[..., Any],
    x0: Any,
    lr: float = 0.01,
    iterations: int = 100,
    *,
    method: Method = "auto",
    step: float | None = None,
    max_step: float | None = None,
    noise: OneNoise = None,
    rtol: float = 1e-8,
    seed: int | None = None,
    args: tuple[Any, ...] = (),
    **how: Unpack[Evaluation],
) -> Descent:
    """Walk downhill, ``x = x - lr * gradient``, a given number of times, and say how it went.

    Parameters
    ----------
    f : called as ``f(x, *args)``; returns one real number.
    x0 : where to start: a number, an array of any shape, or a tree of them. It is never written to.
    lr : the learning rate, positive.
    iterations : steps to take; the run never stops early by itself, but where f has no finite value.
    method, step, max_step, noise, rtol : how gradients are taken, as for :func:`secant.gradient`; with
        ``step=1e-4, method="central"`` the notes' own arithmetic, bit for bit.
    seed : an integer that f is handed as ``seed=`` at every point of the run.
    how : how f is evaluated, see :class:`Evaluation`. At a ``deadline``, and after Ctrl-C, the run ends with the path
        so far; ``stopped`` of the answer says so.

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
    """
    rate = real("lr", lr, 0.0, "a positive finite number")
    count = whole("iterations", iterations, 0)
    chosen = options(method, step, None, max_step, noise, rtol, None, pairs=True)
    asked = question("gradient_descent", chosen, times=count, lr=rate, iterations=count, seed=seed) if how else {}
    way = checked(how, "gradient_descent")
    told = chosen.returned
    with watched(f, x0, way, seed=seed, keep=False, args=args, x_name="x0", returned=told, **asked) as watch:
        return _walked(watch, chosen, rate, count)


def _walked(watch: Watch, chosen: Options, rate: float, count: int) -> Descent:
    """Walk, and say how it went."""
    evaluator = watch.evaluator
    home, layout = evaluator.base, evaluator.layout

    def gradient(x: Floats) -> Core[Slopes]:
        base = home if np.array_equal(x, home) else np.array(x)
        now = chosen
        if chosen.told is not None or chosen.returned:  # f here has to be known first
            first = yield Request(base, None, (0.0,))
            one_output(evaluator, "gradient_descent", chosen.returned)
            here = None if watch.errors is None else watch.errors.here
            now = level_at(chosen, first.values) if here is None else with_levels(chosen, here)
        found = yield from core_for(now, base, coordinate_lines(now, base, layout), fun=True)
        one_output(evaluator, "gradient_descent", chosen.returned)
        return found

    walk = run(core.gradient_descent(home, gradient, lr=rate, iterations=count, step=chosen.step or None), watch.reply)
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
