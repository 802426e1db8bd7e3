"""The checks: check_gradient, check_jacobian, check_vjp, check_jvp and check_hessian.

Each one reads what is claimed, makes an evaluator for f, runs the core of :mod:`secant.core.check` against it, and
names what is wrong by its path in x. There is no mathematics here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Unpack

import numpy as np

from secant._api.answers import one_output, ran
from secant._api.checking import (
    answer,
    budget_of,
    calling,
    cut_short,
    first_value,
    question_of,
    refused,
    space_of,
    told,
    with_seed,
)
from secant._api.claims import Claimed, claimed, claimed_square, numbers
from secant._api.options import Options, level_at, options
from secant._api.question import question
from secant._api.select import positions
from secant.core import bends
from secant.core import check as core
from secant.core.checked import GradientCheck
from secant.core.errors import InputError, InputTypeError, OutputError, kind_of
from secant.core.looks import direction
from secant.core.measures import Noise
from secant.core.request import Reply, Request
from secant.evaluation.calls import seeded
from secant.evaluation.evaluator import Evaluator
from secant.evaluation.how import Evaluation, How, checked
from secant.evaluation.trees import flatten
from secant.evaluation.watch import watched


def check_gradient(
    f: Callable[..., Any],
    grad: Any,
    x: Any,
    *,
    bounds: Any = None,
    max_step: float | None = None,
    noise: float | Noise | None = None,
    max_evaluations: int | None = None,
    wrt: Any = None,
    seed: int | None = None,
    args: tuple[Any, ...] = (),
    **how: Unpack[Evaluation],
) -> GradientCheck:
    """Check a gradient that was written by hand, or by anybody else, against f's own values.

    Parameters
    ----------
    f : called as ``f(x, *args)``; returns one number.
    grad : the gradient: a function called as ``grad(x, *args)``, a value in x's structure, or True when f itself
        returns ``(value, gradient)``.
    x : a number, an array of any shape and real dtype, or a tree of them, as for :func:`gradient`.
    max_evaluations : the most calls of f; 400 unless given. Two directions, of some ten evaluations each, settle most
        gradients.
    seed : of the random directions; f is handed it too, and ``grad`` where it takes one.
    how : how f is evaluated, see :class:`Evaluation`; ``grad`` is called in this process, with one x at a time. A check
        that is cut short says ``cannot tell``, and ``stopped`` why. A journal belongs to one f and one ``grad``, and a
        ``journal_id`` names both. Where f is not called here (workers, a journal) and ``grad`` is found wrong, f is
        called here at two points before that is said: ``grad`` may go by what it leaves behind.

    The other parameters are those of :func:`gradient`. There is no tolerance: that is the error bar of the slopes.

    Returns
    -------
    GradientCheck with the verdict ``agree``, ``disagree`` (and the wrong entries by their paths) or ``cannot tell``
    (and why). What lies between the two slopes of a kink is right.

    Raises
    ------
    InputError, InputTypeError, OutputError : see :mod:`secant.core.errors`; exceptions of f and of ``grad`` at x pass
        through. A gradient of the wrong shape is a finding, and not an error.

    >>> import numpy as np
    >>> def f(x):
    ...     return x[0] ** 2 * x[1]
    >>> check_gradient(f, lambda x: np.array([2 * x[0] * x[1], x[0] ** 2]), np.array([3.0, 4.0])).ok
    True
    >>> print(check_gradient(f, lambda x: np.array([2 * x[0] * x[1], x[0]]), np.array([3.0, 4.0])))
    disagree   2 entries   ... evaluations
    wrong: [1]
    entry   yours   ours   bar   ratio
    [1]     3       ...   0.333333   wrong
    """
    chosen = options("auto", None, bounds, max_step, noise, 0.0, max_evaluations)
    both = grad is True
    way = checked(how, check_gradient)
    if both and way.vectorized is True:
        raise InputError("`vectorized` must be False with `grad=True`: a gradient is returned for one x at a time")
    value, gradient = _halves(seeded(f, seed) if both and seed is not None and callable(f) else f, grad)
    gradient, mine = gradient if both else with_seed(gradient, seed), None if both else seed
    put = _asked("check_gradient", chosen, way, grad, seed=seed, wrt=wrt) if how else {}
    with watched(value, x, way, seed=mine, keep=False, args=args, named=f, **put) as watch:
        evaluator = watch.evaluator
        varying = positions(wrt, x, evaluator.layout)
        fun = first_value(watch, chosen)
        one_output(evaluator, "check_gradient")

        def claim(point: Any) -> Claimed:
            found = gradient(point, *args) if callable(gradient) else gradient
            return claimed(found, evaluator.layout, (), "grad")

        here, path = calling(value, x, way, mine, args, watch), evaluator.layout.path
        return answer(question_of(chosen, watch, fun, claim, callable(gradient), varying, seed, path, here), fun)


def check_jacobian(
    f: Callable[..., Any],
    jacobian: Any,
    x: Any,
    *,
    bounds: Any = None,
    max_step: float | None = None,
    noise: float | Noise | None = None,
    max_evaluations: int | None = None,
    seed: int | None = None,
    args: tuple[Any, ...] = (),
    **how: Unpack[Evaluation],
) -> GradientCheck:
    """Check a Jacobian against f's own values; all outputs share the evaluations.

    ``jacobian`` is a function called as ``jacobian(x, *args)`` or a value, of the shape ``f(x).shape + x.shape`` (for a
    tree x one such array for each leaf), or a matrix with a row for each output. Flat indices count row by row; paths
    name the output and the entry of x. Otherwise as :func:`check_gradient`.

    >>> import numpy as np
    >>> A = np.array([[1.0, 2.0], [3.0, 4.0]])
    >>> check_jacobian(lambda x: A @ x, A, np.ones(2)).ok
    True
    >>> check_jacobian(lambda x: A @ x, A.T, np.ones(2)).paths
    ('f[0] by x[1]', 'f[1] by x[0]')
    """
    chosen = options("auto", None, bounds, max_step, noise, 0.0, max_evaluations)
    way = checked(how, check_jacobian)
    put = _asked("check_jacobian", chosen, way, jacobian, seed=seed) if how else {}
    with watched(f, x, way, seed=seed, keep=False, args=args, **put) as watch:
        evaluator = watch.evaluator
        fun = first_value(watch, chosen)
        derivative = with_seed(jacobian, seed)
        _real_values(evaluator, "check_jacobian")
        shape = evaluator.value_shape or ()

        def claim(point: Any) -> Claimed:
            found = derivative(point, *args) if callable(derivative) else derivative
            return claimed(found, evaluator.layout, shape, "jacobian")

        def path(index: int) -> str:
            output, entry = divmod(index, evaluator.layout.size)
            return f"{_label('f', shape, output)} by x{evaluator.layout.path(entry)}"

        here = calling(f, x, way, seed, args, watch)
        return answer(question_of(chosen, watch, fun, claim, callable(jacobian), None, seed, path, here), fun)


def check_vjp(
    f: Callable[..., Any],
    vjp: Any,
    x: Any,
    u: Any = None,
    *,
    bounds: Any = None,
    max_step: float | None = None,
    noise: float | Noise | None = None,
    max_evaluations: int | None = None,
    seed: int | None = None,
    args: tuple[Any, ...] = (),
    **how: Unpack[Evaluation],
) -> GradientCheck:
    """Check a vector-Jacobian product, what a backward pass computes: the gradient of ``(u * f(x)).sum()``.

    ``vjp`` is a function called as ``vjp(x, u, *args)``, or a value; it has x's structure. ``u`` has the shape of f(x),
    and is random unless given. Otherwise as :func:`check_gradient`.

    >>> import numpy as np
    >>> check_vjp(np.sin, lambda x, u: u * np.cos(x), np.array([1.0, 2.0])).ok
    True
    """
    chosen = options("auto", None, bounds, max_step, noise, 0.0, max_evaluations)
    way = checked(how, check_vjp)
    put = _asked("check_vjp", chosen, way, vjp, seed=seed, u=u) if how else {}
    with watched(f, x, way, seed=seed, keep=False, args=args, **put) as watch:
        evaluator = watch.evaluator
        fun = first_value(watch, chosen)
        derivative = with_seed(vjp, seed)
        _real_values(evaluator, "check_vjp")
        if u is None:
            if not callable(vjp):
                raise InputTypeError("`u` must be given when `vjp` is a value: it says what that is the product with")
            draw = np.random.default_rng(seed or 0)
            u = evaluator.shaped(draw.uniform(0.5, 1.5, fun.size) * draw.choice((-1.0, 1.0), fun.size))
        weights, shape, _ = numbers(u, "u")
        if shape != (evaluator.value_shape or ()):
            raise InputError(f"`u` must have the shape of f(x), {evaluator.value_shape}; got {shape}")
        if not np.isfinite(weights).all():
            raise InputError(f"`u` must be finite; [{int(np.flatnonzero(~np.isfinite(weights))[0])}] is not")

        def claim(point: Any) -> Claimed:
            found = derivative(point, u, *args) if callable(derivative) else derivative
            return claimed(found, evaluator.layout, (), "vjp")

        def evaluate(request: Request) -> Reply:
            reply = watch.reply(request)
            rows = np.asarray(reply.values, dtype=np.float64).reshape(-1, weights.size)
            return Reply((rows * weights).sum(axis=1)[:, np.newaxis], reply.status, reply.eps)

        total = np.array([float((fun * weights).sum())])
        here, path = calling(f, x, way, seed, args, watch), evaluator.layout.path
        asked = question_of(chosen, watch, total, claim, callable(vjp), None, seed, path, here, evaluate)
        return answer(asked, total)


def check_jvp(
    f: Callable[..., Any],
    jvp: Any,
    x: Any,
    v: Any = None,
    *,
    bounds: Any = None,
    max_step: float | None = None,
    noise: float | Noise | None = None,
    max_evaluations: int | None = None,
    seed: int | None = None,
    args: tuple[Any, ...] = (),
    **how: Unpack[Evaluation],
) -> GradientCheck:
    """Check a Jacobian-vector product, what a forward mode computes: the derivative of f along v.

    ``jvp`` is a function called as ``jvp(x, v, *args)``, or a value; it has the shape of f(x). ``v`` has x's structure,
    and is random, in proportion to x, unless given. Entries and paths are those of f(x). Otherwise as
    :func:`check_gradient`.

    >>> import numpy as np
    >>> check_jvp(np.sin, lambda x, v: v * np.sin(x), np.array([1.0, 2.0])).paths
    ('f[0]', 'f[1]')
    """
    chosen = options("auto", None, bounds, max_step, noise, 0.0, max_evaluations)
    way = checked(how, check_jvp)
    put = _asked("check_jvp", chosen, way, jvp, seed=seed, v=v) if how else {}
    with watched(f, x, way, seed=seed, keep=False, args=args, **put) as watch:
        evaluator = watch.evaluator
        fun = first_value(watch, chosen)
        derivative = with_seed(jvp, seed)
        _real_values(evaluator, "check_jvp")
        layout, shape = evaluator.layout, evaluator.value_shape or ()
        here = space_of(level_at(chosen, float(np.abs(fun).max())), evaluator, None)
        if v is None:
            if not callable(jvp):
                raise InputTypeError("`v` must be given when `jvp` is a value: it says what that is the product with")
            v = layout.unflatten(direction(here, np.arange(layout.size), np.random.default_rng(seed or 0)))
        vector, other = flatten(v, name="v")
        if other.shapes != layout.shapes or not vector.any():
            raise InputError(f"`v` must have x's structure and shapes {layout.shapes}, and must not be zero")
        found = derivative(layout.unflatten(evaluator.base), v, *args) if callable(derivative) else derivative
        flat, came, eps = numbers(found, "jvp")
        if came != shape:
            return refused(evaluator, f"`jvp` has the shape {came} where {shape} is needed", fun.size)
        most = budget_of(chosen, evaluator)
        finding = ran(watch, core.check_along(here, vector, flat, eps, fun.tolist(), most))
        if finding is None:
            return cut_short(watch, fun.size)
        return told(evaluator, finding, flat[:, np.newaxis], lambda j: _label("f", shape, j), fun.size)


def check_hessian(
    f: Callable[..., Any],
    hessian: Any,
    x: Any,
    *,
    gradient: Callable[..., Any] | None = None,
    bounds: Any = None,
    max_step: float | None = None,
    noise: float | Noise | None = None,
    max_evaluations: int | None = None,
    seed: int | None = None,
    args: tuple[Any, ...] = (),
    **how: Unpack[Evaluation],
) -> GradientCheck:
    """Check second derivatives against f's own values, or against its ``gradient`` where there is one.

    ``hessian`` is a function called as ``hessian(x, *args)`` or a value, of the shape ``x.shape + x.shape``, or a
    matrix with a row for each entry of x (of a tree, this only). With ``gradient=``, called as ``gradient(x, *args)``,
    it is checked as the Jacobian of that, cheaper and sharper; f is not called then. Without, two directions tell
    whether there is a mistake, and up to 16 entries of x where it sits. A matrix that is not symmetric is wrong.
    Otherwise as :func:`check_gradient`.

    >>> import numpy as np
    >>> x = np.array([3.0, 4.0])
    >>> H = np.array([[8.0, 6.0], [6.0, 0.0]])
    >>> check_hessian(lambda x: x[0] ** 2 * x[1], H, x).ok
    True
    >>> check_hessian(lambda x: x[0] ** 2 * x[1], np.diag([8.0, 0.0]), x).paths
    ('[0] [1]', '[1] [0]')
    """
    chosen = options("auto", None, bounds, max_step, noise, 0.0, max_evaluations)
    way = checked(how, check_hessian, () if gradient is None else ("vectorized",))
    if gradient is not None and not callable(gradient):
        raise InputTypeError(f"`gradient` must be callable; got {kind_of(gradient)}")
    called = f if gradient is None else _flat(with_seed(gradient, seed), x)
    mine = seed if gradient is None else None
    put = _asked("check_hessian", chosen, way, hessian, seed=seed) if how else {}
    put |= {"name": "f" if gradient is None else "gradient", "named": f if gradient is None else gradient}
    with watched(called, x, way, seed=mine, keep=False, args=args, **put) as watch:
        evaluator = watch.evaluator
        fun = first_value(watch, chosen)
        derivative, layout = with_seed(hessian, seed), evaluator.layout
        n = layout.size

        def path(index: int) -> str:
            return " ".join(layout.path(entry) for entry in divmod(index, n))

        def claim(point: Any) -> Claimed:
            found = derivative(point, *args) if callable(derivative) else derivative
            return claimed_square(found, layout, "hessian")

        if gradient is not None:
            _real_values(evaluator, "check_hessian")
            here = calling(called, x, way, mine, args, watch)
            return answer(question_of(chosen, watch, fun, claim, callable(hessian), None, seed, path, here), fun)
        one_output(evaluator, "check_hessian")
        given = claim(layout.unflatten(evaluator.base))
        if given.complaint:
            return refused(evaluator, given.complaint, n * n)
        space = space_of(level_at(chosen, float(np.abs(fun).max())), evaluator, None)
        most = budget_of(chosen, evaluator)
        finding = ran(watch, bends.check_second(space, given.rows, given.slack, fun.tolist(), most, seed or 0))
        if finding is None:
            return cut_short(watch, n * n)
        return told(evaluator, finding, given.rows, path, n * n)


def _asked(name: str, chosen: Options, way: How, claim: Any, **others: Any) -> dict[str, Any]:
    """Return what is asked; what a ``journal_id`` names is f together with its derivative."""
    return question(name, chosen, derivative=None if way.journal_id and callable(claim) else claim, **others)


def _flat(gradient: Callable[..., Any], x: Any) -> Callable[..., Any]:
    """Return a gradient as a function whose values are flat."""
    layout = flatten(x)[1]

    def called(*args: Any) -> Any:
        found = claimed(gradient(*args), layout, (), "gradient")
        if found.complaint:
            raise OutputError(found.complaint)
        return found.rows[0]

    return called


def _label(name: str, shape: tuple[int, ...], index: int) -> str:
    """Return how an entry of an array is written."""
    return f"{name}[{', '.join(str(part) for part in np.unravel_index(index, shape))}]" if shape else name


def _halves(f: Any, grad: Any) -> tuple[Callable[..., Any], Any]:
    """Return f and its gradient apart, where one function returns both."""
    if grad is not True:
        if grad is None or isinstance(grad, bool):
            raise InputTypeError(f"`grad` must be a function, a value like x, or True; got {grad!r}")
        return f, grad
    if not callable(f):
        raise InputTypeError(f"`f` must be callable; got {kind_of(f)}")

    def both(*args: Any) -> tuple[Any, Any]:
        found = f(*args)
        if not isinstance(found, tuple | list) or len(found) != 2:
            raise InputTypeError(f"`f` must return (value, gradient) with `grad=True`; got {kind_of(found)}")
        return found[0], found[1]

    return lambda *args: both(*args)[0], lambda *args: both(*args)[1]


def _real_values(evaluator: Evaluator, what: str) -> None:
    if evaluator.complex_values:
        raise InputTypeError(f"`f` must return real numbers for `{what}`; it returned complex ones")
