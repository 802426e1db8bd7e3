"""The checks: check_gradient, check_jacobian, check_vjp and check_jvp.

Each one reads what is claimed, makes an evaluator for f, runs the core of :mod:`secant.core.check` against it, and
names what is wrong by its path in x. There is no mathematics here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import Any

import numpy as np

from secant._api.claims import Claimed, Witness, asked, claimed, difference, numbers, restless, stale
from secant._api.derivatives import one_output
from secant._api.options import Options, level_at, options, room, whole
from secant._api.select import Positions, narrowed, positions
from secant.core import check as core
from secant.core.check import Finding
from secant.core.checked import NAMED, CheckedEntry, GradientCheck
from secant.core.errors import InputError, InputTypeError, kind_of
from secant.core.looks import Space, direction, scales
from secant.core.measures import Noise
from secant.core.request import Evaluate, Floats, Reply, Request, run
from secant.core.verdicts import CheckVerdict
from secant.evaluation.evaluator import Evaluator, OnError
from secant.evaluation.trees import flatten

#: Where the derivative is called between its two calls at x: so far away, as a share of x's size.
ELSEWHERE = 2.0**-6
#: Two answers at the same x that differ by more than so many roundings are no accident.
RESTLESS = 1e3
#: A check for less than this is none.
LEAST = 16


@dataclass(frozen=True, slots=True)
class _Question:
    """A check that is about to be made: f at its point, what moves, and how a claim is had at a point."""

    evaluator: Evaluator
    evaluate: Evaluate
    space: Space
    varying: Positions | None
    claim: Callable[[Any], Claimed]
    called: bool
    outputs: int
    budget: int
    seed: int
    pairs: Callable[[int], str]


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
    args: tuple[Any, ...] = (),
    seed: int = 0,
    on_error: OnError = "domain",
    inplace: bool = False,
) -> GradientCheck:
    """Check a gradient that was written by hand, or by anybody else, against f's own values.

    Parameters
    ----------
    f : called as ``f(x, *args)``; returns one number.
    grad : the gradient: a function called as ``grad(x, *args)``, a value in x's structure, or True when f itself returns
        ``(value, gradient)``.
    x : a number, an array of any shape and real dtype, or a tree of them, as for :func:`gradient`.
    max_evaluations : the most calls of f; 400 unless given. Two directions of some ten evaluations each settle most
        gradients of any size.
    seed : of the random directions.

    The other parameters are those of :func:`gradient`. There is no tolerance: that is the error bar of the slopes.

    Returns
    -------
    GradientCheck with the verdict ``agree``, ``disagree`` (and the wrong entries by their paths) or ``cannot tell`` (and
    why). What lies between the two slopes of a kink is right.

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
    [1]     3       9      ...   0.333333   wrong
    """
    chosen = options("auto", None, bounds, max_step, noise, 0.0, max_evaluations)
    value, gradient = _halves(f, grad)
    evaluator = Evaluator(value, x, args=args, on_error=on_error, inplace=inplace)
    varying = positions(wrt, x, evaluator.layout)
    fun = _first(evaluator)
    one_output(evaluator, "check_gradient")

    def claim(point: Any) -> Claimed:
        found = gradient(point, *args) if callable(gradient) else gradient
        return claimed(found, evaluator.layout, (), "grad")

    question = _question(chosen, evaluator, fun, claim, callable(gradient), varying, seed, evaluator.layout.path)
    return _answer(question, fun)


def check_jacobian(
    f: Callable[..., Any],
    jacobian: Any,
    x: Any,
    *,
    bounds: Any = None,
    max_step: float | None = None,
    noise: float | Noise | None = None,
    max_evaluations: int | None = None,
    args: tuple[Any, ...] = (),
    seed: int = 0,
    on_error: OnError = "domain",
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
    evaluator = Evaluator(f, x, args=args, on_error=on_error)
    fun = _first(evaluator)
    _real_values(evaluator, "check_jacobian")
    shape = evaluator.value_shape or ()

    def claim(point: Any) -> Claimed:
        found = jacobian(point, *args) if callable(jacobian) else jacobian
        return claimed(found, evaluator.layout, shape, "jacobian")

    def path(index: int) -> str:
        output, entry = divmod(index, evaluator.layout.size)
        return f"{_label('f', shape, output)} by x{evaluator.layout.path(entry)}"

    return _answer(_question(chosen, evaluator, fun, claim, callable(jacobian), None, seed, path), fun)


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
    args: tuple[Any, ...] = (),
    seed: int = 0,
    on_error: OnError = "domain",
) -> GradientCheck:
    """Check a vector-Jacobian product, what a backward pass computes: the gradient of ``(u * f(x)).sum()``.

    ``vjp`` is a function called as ``vjp(x, u, *args)``, or a value; it has x's structure. ``u`` has the shape of f(x),
    and is random unless given. Otherwise as :func:`check_gradient`.

    >>> import numpy as np
    >>> check_vjp(np.sin, lambda x, u: u * np.cos(x), np.array([1.0, 2.0])).ok
    True
    """
    chosen = options("auto", None, bounds, max_step, noise, 0.0, max_evaluations)
    evaluator = Evaluator(f, x, args=args, on_error=on_error)
    fun = _first(evaluator)
    _real_values(evaluator, "check_vjp")
    if u is None:
        if not callable(vjp):
            raise InputTypeError("`u` must be given when `vjp` is a value: it says what that is the product with")
        draw = np.random.default_rng(whole("seed", seed, 0))
        u = evaluator.shaped(draw.uniform(0.5, 1.5, fun.size) * draw.choice((-1.0, 1.0), fun.size))
    weights, shape, _ = numbers(u, "u")
    if shape != (evaluator.value_shape or ()):
        raise InputError(f"`u` must have the shape of f(x), {evaluator.value_shape}; got {shape}")

    def claim(point: Any) -> Claimed:
        return claimed(vjp(point, u, *args) if callable(vjp) else vjp, evaluator.layout, (), "vjp")

    def evaluate(request: Request) -> Reply:
        reply = evaluator(request)
        rows = np.asarray(reply.values, dtype=np.float64).reshape(-1, weights.size)
        return Reply((rows * weights).sum(axis=1)[:, np.newaxis], reply.status, reply.eps)

    total = np.array([float((fun * weights).sum())])
    question = _question(chosen, evaluator, total, claim, callable(vjp), None, seed, evaluator.layout.path, evaluate)
    return _answer(question, total)


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
    args: tuple[Any, ...] = (),
    seed: int = 0,
    on_error: OnError = "domain",
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
    evaluator = Evaluator(f, x, args=args, on_error=on_error)
    fun = _first(evaluator)
    _real_values(evaluator, "check_jvp")
    layout, shape = evaluator.layout, evaluator.value_shape or ()
    space = _space(level_at(chosen, float(np.abs(fun).max())), evaluator, None)
    if v is None:
        if not callable(jvp):
            raise InputTypeError("`v` must be given when `jvp` is a value: it says what that is the product with")
        v = layout.unflatten(direction(space, np.arange(layout.size), np.random.default_rng(whole("seed", seed, 0))))
    vector, other = flatten(v, name="v")
    if other.shapes != layout.shapes or not vector.any():
        raise InputError(f"`v` must have x's structure and shapes {layout.shapes}, and must not be zero")
    found = jvp(layout.unflatten(evaluator.base), v, *args) if callable(jvp) else jvp
    flat, came, eps = numbers(found, "jvp")
    if came != shape:
        return _refused(evaluator, f"`jvp` has the shape {came} where {shape} is needed", fun.size)
    budget = _budget(chosen, evaluator)
    finding = run(core.check_along(space, vector, flat, eps, fun.tolist(), budget), evaluator)
    return _told(evaluator, finding, flat[:, np.newaxis], lambda j: _label("f", shape, j), fun.size)


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


def _first(evaluator: Evaluator, repeat: int = 0) -> Floats:
    """Return f at the point, (m,)."""
    reply = evaluator(Request(evaluator.base, None, (0.0,), repeat=repeat))
    values = np.asarray(reply.values)
    return values.reshape(-1).real if values.dtype.kind == "c" else values.reshape(-1)


def _budget(chosen: Options, evaluator: Evaluator) -> int:
    """Return how many evaluations the core may make."""
    most = core.BUDGET if chosen.max_evaluations is None else chosen.max_evaluations
    if most < LEAST:
        raise InputError(f"`max_evaluations` must be at least {LEAST} for a check; got {most}")
    return most - evaluator.evaluations


def _space(chosen: Options, evaluator: Evaluator, varying: Positions | None) -> Space:
    """Return the point and how far its entries may move, of those that vary."""
    layout, base = evaluator.layout, evaluator.base
    down, up = room(chosen, base, layout) or (np.full(layout.size, inf), np.full(layout.size, inf))
    eps = np.broadcast_to(np.asarray(layout.eps, dtype=np.float64), (layout.size,))
    leaves = [(leaf.start, leaf.shape) for leaf in layout.leaves]
    scale = scales(base, leaves)
    if varying is None:
        return Space(base, scale, eps, layout.rounder, down, up, chosen.max_step, chosen.noise, tuple(leaves))
    part = varying
    return Space(
        base[part],
        scale[part],
        eps[part],
        lambda i: layout.rounder(int(part[i])),
        down[part],
        up[part],
        chosen.max_step,
        chosen.noise,
    )


def _question(
    chosen: Options,
    evaluator: Evaluator,
    fun: Floats,
    claim: Callable[[Any], Claimed],
    called: bool,
    varying: Positions | None,
    seed: Any,
    path: Callable[[int], str],
    evaluate: Evaluate | None = None,
) -> _Question:
    """Put together what a check needs."""
    space = _space(level_at(chosen, float(np.abs(fun).max())), evaluator, varying)
    inner = evaluate or evaluator
    if varying is not None:
        inner = _moved_base(narrowed(inner, varying, evaluator.layout.size), evaluator, varying)
    budget = _budget(chosen, evaluator) + evaluator.evaluations
    return _Question(evaluator, inner, space, varying, claim, called, fun.size, budget, whole("seed", seed, 0), path)


def _moved_base(evaluate: Evaluate, evaluator: Evaluator, varying: Positions) -> Evaluate:
    """Return an evaluator for requests whose base holds the entries that vary only."""

    def whole_base(request: Request) -> Reply:
        base = evaluator.base
        if not np.array_equal(request.base, base[varying]):
            base = base.copy()
            base[varying] = request.base
        return evaluate(Request(base, request.lane, request.t, request.directions, request.repeat))

    return whole_base


def _answer(question: _Question, fun: Floats) -> GradientCheck:
    """Have the claim checked, and say what was found."""
    witness, moved = _witness(question, fun)
    evaluator, first = question.evaluator, witness.first
    size = first.rows.size if question.varying is None else question.outputs * question.varying.size
    if first.complaint or (witness.again.complaint and not witness.random):
        return _refused(evaluator, first.complaint or restless(first, witness.again), size)
    rows, slack = _varying(first, question.varying)
    gap = difference(first, witness.again)
    gap = gap if question.varying is None else gap[:, question.varying]
    if not witness.random and (gap > RESTLESS * slack + 1e-300).any():
        return _unsteady(question, witness, gap > RESTLESS * slack + 1e-300)
    slack = np.where(np.isfinite(rows), slack + 2.0 * np.where(np.isfinite(gap), gap, 0.0), 0.0)
    budget = question.budget - evaluator.evaluations
    space, values = question.space, fun.tolist()
    finding = run(core.check(space, rows, slack, values, witness.change, budget, question.seed), question.evaluate)
    if finding.verdict is CheckVerdict.AGREE and moved is not None and stale(witness):
        there = run(
            core.check(replace(space, base=moved), rows, slack, None, witness.change, 64, question.seed),
            question.evaluate,
        )
        if there.verdict is CheckVerdict.DISAGREE and there.wrong.size:
            hint = "the derivative is the very same at another x, where it is wrong: it is stale, or does not use x"
            finding = replace(there, hint=hint)
    if finding.verdict is CheckVerdict.CANNOT_TELL and witness.random:
        text = "f gave two values at the same x, so it is random: fix its seed. "
        finding = replace(finding, reason=text + finding.reason)
    varying = question.varying
    names = question.pairs if varying is None else lambda i: question.pairs(int(varying[i]))
    return _told(evaluator, finding, rows, names, size, varying)


def _varying(claim: Claimed, varying: Positions | None) -> tuple[Floats, Floats]:
    if varying is None:
        return claim.rows, claim.slack
    return claim.rows[:, varying], claim.slack[:, varying]


def _witness(question: _Question, fun: Floats) -> tuple[Witness, Floats | None]:
    """Ask for the claim at x, elsewhere and at x again, each time after f; return where elsewhere is, too."""
    evaluator, space, layout = question.evaluator, question.space, question.evaluator.layout
    first = question.claim(layout.unflatten(evaluator.base))
    rng = np.random.default_rng(question.seed)
    u = direction(space, np.arange(space.base.size), rng)
    share = np.abs(u[u != 0.0])
    near = np.minimum(np.maximum(space.below, space.above), space.max_step)[u != 0.0]
    t = min(ELSEWHERE, 0.5 * float((near / share).min())) if share.size else 0.0
    moved = space.base + t * u
    elsewhere, change = None, 0.0
    if t:
        reply = question.evaluate(Request(space.base, (0,), (t,), u[np.newaxis]))
        there = np.asarray(reply.values).reshape(-1)
        if np.isfinite(there).all():
            change = float(np.abs(there - fun).max()) / t
            if question.called and not first.complaint:
                full = evaluator.base.copy()
                full[slice(None) if question.varying is None else question.varying] = moved
                elsewhere = asked(question.claim, layout.unflatten(full))
    reply = question.evaluate(Request(space.base, (0,), (0.0,), None, 1))
    second = np.asarray(reply.values).reshape(-1)
    again = question.claim(layout.unflatten(evaluator.base)) if question.called else first
    return Witness(first, elsewhere, again, fun, change, not np.array_equal(second, fun)), moved


def _unsteady(question: _Question, witness: Witness, moved: Any) -> GradientCheck:
    """Return the outcome for a derivative that answers differently at the same x, while f does not."""
    where = np.flatnonzero(moved)
    if question.varying is not None:
        where = question.varying[where]
    rows, again = witness.first.rows.reshape(-1), witness.again.rows.reshape(-1)
    table = tuple(
        CheckedEntry(int(i), question.pairs(int(i)), float(again[i]), float(rows[i]), 0.0, True, "first answer")
        for i in where[:NAMED]
    )
    paths = tuple(row.path for row in table)
    count = question.evaluator.evaluations
    said = restless(witness.first, witness.again)
    note = "in the table yours is the second answer, ours the first"
    return GradientCheck(
        CheckVerdict.DISAGREE, where, paths, table, said, note, count, inf, inf, witness.first.rows.size
    )


def _refused(evaluator: Evaluator, complaint: str, size: int) -> GradientCheck:
    """Return the outcome for a claim of another shape, or of none that lasts."""
    nothing = np.zeros(0, dtype=np.intp)
    return GradientCheck(
        CheckVerdict.DISAGREE, nothing, (), (), complaint, "nothing was compared", evaluator.evaluations, inf, inf, size
    )


def _told(
    evaluator: Evaluator,
    finding: Finding,
    rows: Floats,
    path: Callable[[int], str],
    size: int,
    varying: Positions | None = None,
) -> GradientCheck:
    """Name what was found by its path in x."""
    n = rows.shape[1]
    table = []
    for (j, i), (ours, bar, wrong, seen) in sorted(finding.ours.items(), key=lambda item: (not item[1][2], item[0])):
        flat = j * n + i
        index = flat if varying is None else int(varying[i])
        table.append(CheckedEntry(index, path(flat), float(rows[j, i]), ours, bar, wrong, str(seen)))
    wrong = finding.wrong if varying is None else varying[finding.wrong]
    return GradientCheck(
        finding.verdict,
        wrong,
        tuple(path(int(i)) for i in finding.wrong[:NAMED]),
        tuple(table),
        finding.hint,
        finding.reason,
        evaluator.evaluations,
        finding.entry,
        finding.direction,
        size,
    )


__all__: Sequence[str] = ("check_gradient", "check_jacobian", "check_jvp", "check_vjp")
