"""The questions: derivative, gradient, directional, grad and steps.

Each one checks its options, makes an evaluator for f at x and the core that asks it, runs the two against
each other, and puts the answer into x's structure. There is no mathematics here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf
from typing import Any, Unpack

import numpy as np

from secant._api.answers import answered, by_entry, by_output, once_more, one_output
from secant._api.lines import coordinate_lines, direction_line
from secant._api.options import AnyNoise, Method, OneNoise, Options, at_point, options, spared, switch
from secant._api.question import question
from secant._api.second import first_share, looks, scaled, twin
from secant._api.select import positions
from secant._api.warm import bends_at
from secant.core import imaginary, operators
from secant.core.columns import Done
from secant.core.errors import InputError, InputTypeError, kind_of
from secant.core.ladder import Line
from secant.core.near import Foretold, foretold, nearby
from secant.core.operators import Slopes, fixed, lines
from secant.core.request import Core, Floats
from secant.core.results import Estimate
from secant.evaluation.how import NAMES, Evaluation, checked
from secant.evaluation.trees import flatten
from secant.evaluation.watch import Watch, watched


def derivative(
    f: Callable[..., Any],
    x: Any,
    *,
    order: int = 1,
    method: Method = "auto",
    step: float | None = None,
    bounds: Any = None,
    max_step: float | None = None,
    noise: AnyNoise = None,
    rtol: float = 0.0,
    max_evaluations: int | None = None,
    f0: Any = None,
    near: Estimate | None = None,
    scale: Any = None,
    keep_samples: bool = False,
    seed: int | None = None,
    args: tuple[Any, ...] = (),
    **how: Unpack[Evaluation],
) -> Estimate:
    """Differentiate f at a number.

    Parameters
    ----------
    f : called as ``f(x, *args)``; returns a number or an array of any shape.
    x : a real number. For an array or a tree use :func:`gradient`.
    order : of the derivative, 1 to 8. In float64 rounding leaves some 14, 12, 11 and 9 digits of the first four.
    method : ``"auto"`` and ``"central"`` look at both sides, ``"forward"`` and ``"backward"`` at one; a
        :class:`Stencil` is a formula of your own, and needs ``step``. ``"complex"`` evaluates f at complex numbers,
        which it must take (float64 only): the derivative to the last digits from one such evaluation, and four more to
        check that f is analytic. Where it is not (abs, max, comparisons, .real), the verdict is ``unresolved``.
    step : a fixed step: the formula's own bits, with no error bar and the verdict ``unresolved``. Of higher orders
        the shortest formula is taken.
    bounds : (lower, upper), each a number or None; f is never evaluated outside.
    max_step : the largest distance from x at which f may be evaluated.
    noise : the absolute error of f's values, when it is known (of a solver, its tolerance), or a :class:`Noise`; of an
        f that returns an array also one for each value, in an array of that shape or one that broadcasts to it.
        ``"returned"`` where f returns a pair, its value and the standard error of that (a number, or of the value's
        shape): each point counts with its own. Not with ``step``, ``scale`` or the complex step.
    rtol : stop as soon as the bar is this small beside the value; 0 for all that f can give.
    max_evaluations : the most calls of f, for all its outputs together; 13 are usual and 40 for each output the default
        limit, 23 and 60 for higher orders. From two on there is a slope, from three on a bar; what could not be checked
        is ``unresolved``.
    f0 : f(x), when it is known, finite and in the shape of f's values: one evaluation less.
    near : an earlier :class:`Estimate` of the same f at a point close by: four evaluations in place of 13, two with an
        ``rtol`` that they can meet. Steps and bars go by how f bent there; where f or its slopes are not what that
        foretells, all is done from the beginning. A chain of such answers does so by itself now and then.
    scale : a second look at the slope. A length (of a gradient also lengths like x; along a direction, of the entry
        that moves most): the slope over it, in some eight evaluations; where that is another one f has a ripple, which
        is noise from then on. Or another version of f, a solver at another tolerance: the bar covers both slopes
        (of a higher order, that alone).
    keep_samples : whether the answer carries all values of f that were paid for, as :class:`Samples`.
    seed : an integer that f is handed as ``seed=`` at every point: a random f that seeds its generator with it is a
        function, and has a derivative.
    args : further arguments of f.
    how : how f is evaluated, see :class:`Evaluation`: in batches, by worker processes, with a journal, a deadline, and
        what its exceptions mean.

    Returns
    -------
    Estimate with ``value`` and ``error`` of f(x)'s shape (floats when f is scalar). Verdicts: all.

    Raises
    ------
    InputError, InputTypeError, OutputError : see :mod:`secant.core.errors`; exceptions of f at x itself
        pass through with the point added as a note.

    The method is described in the documentation under "How it works".

    >>> import math
    >>> derivative(math.sin, 1.0)
    0.54030230586814 +/- ...   ok   ... evaluations
    >>> derivative(math.sin, 1.0, order=2)
    -0.8414709848... +/- ...   ok   ... evaluations
    >>> import numpy as np
    >>> derivative(np.sin, 1.0, method="complex").value == math.cos(1.0)
    True
    """
    chosen = options(method, step, bounds, max_step, noise, rtol, max_evaluations, order, several=True, pairs=True)
    keep = switch("keep_samples", keep_samples) if keep_samples is not False else False
    way = checked(how, derivative)
    asked = question("derivative", chosen, near=near, scale=scale, f0=f0, seed=seed) if how else {}
    with watched(f, x, way, f0=f0, seed=seed, args=args, returned=chosen.returned, **asked) as watch:
        evaluator = watch.evaluator
        if not evaluator.layout.scalar:
            came = f"{kind_of(x)} of {evaluator.layout.size} entries"
            raise InputTypeError(f"`x` must be a single number; got {came} (use `gradient` for arrays and trees)")
        again = scaled(scale, chosen, evaluator.layout)
        other = twin(again, x, watch, way, seed=seed, args=args)
        share = first_share(again, chosen, 1)
        bends = bends_at(near, chosen, evaluator.layout)

        def look(its: Watch, f0: Any) -> tuple[Slopes, Sequence[Line]]:
            here = at_point(share, its)
            most, base = spared(here, f0, 1), its.evaluator.base
            told = foretold(bends, base) if bends is not None and its is watch else None
            problems = coordinate_lines(most, base, its.evaluator.layout)
            return answered(its, here, core_for(most, base, problems, told=told), problems, told=told), problems

        return by_output(watch, looks(again, chosen, watch, other, f0, look), keep)


def gradient(
    f: Callable[..., Any],
    x: Any,
    *,
    method: Method = "auto",
    step: float | None = None,
    bounds: Any = None,
    max_step: float | None = None,
    noise: OneNoise = None,
    rtol: float = 0.0,
    max_evaluations: int | None = None,
    wrt: Any = None,
    f0: Any = None,
    near: Estimate | None = None,
    scale: Any = None,
    keep_samples: bool = False,
    seed: int | None = None,
    args: tuple[Any, ...] = (),
    **how: Unpack[Evaluation],
) -> Estimate:
    """Differentiate a scalar f by every entry of x.

    Parameters
    ----------
    f : called as ``f(x, *args)``; returns one number.
    x : a number, an array of any shape and real dtype (NumPy's, a PyTorch tensor, a JAX array), or a tree (dict, list,
        tuple, dataclass) of them; f is handed the same structure, types and devices, and x is never written to.
    bounds : (lower, upper), each a number, None, or like x.
    max_evaluations : one budget for the whole gradient, f at x included, spent where bars are widest. For n entries
        2n + 1 give every one a pair and a bar, n + 1 a slope; entries for which nothing is left are NaN, and say so.
    wrt : what varies, when not all of x does: a key or a list of keys of a dict, positions in a list or tuple, fields
        of a dataclass or namedtuple; for a single array a mask, integers or a slice. The rest is held fixed and costs
        nothing; in the answer it is NaN with an error of NaN, and has no say in the verdict.

    The other parameters, errors and verdicts are those of :func:`derivative`; ``independent`` says that f
    gave the very same value at every point.

    Returns
    -------
    Estimate with ``value``, ``error`` and ``verdicts`` in x's structure.

    >>> import numpy as np
    >>> gradient(lambda x: x[0] ** 2 + x[1] ** 2, np.array([3.0, 4.0])).value
    array([6., 8.])
    >>> print(gradient(lambda p: p["a"] * p["b"], {"a": 3.0, "b": np.array([4.0])}, wrt="a"))
    ['a']  4 +/- ...   ok
    ok   ... evaluations
    """
    chosen = options(method, step, bounds, max_step, noise, rtol, max_evaluations, pairs=True)
    way = checked(how, gradient)
    if way.inplace and chosen.method == "complex":
        raise InputError(
            "`inplace` must be False with `method='complex'`: real arrays have no room for complex numbers"
        )
    keep = switch("keep_samples", keep_samples)
    asked = question("gradient", chosen, near=near, scale=scale, f0=f0, seed=seed, wrt=wrt) if how else {}
    with watched(f, x, way, f0=f0, seed=seed, args=args, returned=chosen.returned, **asked) as watch:
        evaluator = watch.evaluator
        varying = positions(wrt, x, evaluator.layout)
        again = scaled(scale, chosen, evaluator.layout)
        other = twin(again, x, watch, way, seed=seed, args=args)
        count = evaluator.layout.size if varying is None else varying.size
        share = first_share(again, chosen, count)
        bends = bends_at(near, chosen, evaluator.layout)

        def look(its: Watch, f0: Any) -> tuple[Slopes, Sequence[Line]]:
            here = at_point(share, its)
            most, base = spared(here, f0, count), its.evaluator.base
            told = foretold(bends, base, varying) if bends is not None and its is watch else None
            problems = coordinate_lines(most, base, its.evaluator.layout, varying, late=True)
            # Where values are looked at once more they have to be there.
            done = None if keep or again is not None or its.errors is not None else Done(its.forget)
            core = core_for(most, base, problems, whole=True, told=told, done=done)
            found = answered(its, here, core, problems, varying=varying, told=told, done=done)
            one_output(its.evaluator, "gradient")
            return found, problems

        found = looks(again, chosen, watch, other, f0, look, varying=varying)
        spare = chosen.max_evaluations is None or evaluator.evaluations < chosen.max_evaluations
        if chosen.formula is not None and not evaluator.distinct and varying is None and spare:
            once_more(watch)  # a formula that leaves x out may see the same value all around it
        return by_entry(watch, found, varying, keep)


def directional(
    f: Callable[..., Any],
    x: Any,
    v: Any,
    *,
    order: int = 1,
    method: Method = "auto",
    step: float | None = None,
    bounds: Any = None,
    max_step: float | None = None,
    noise: AnyNoise = None,
    rtol: float = 0.0,
    max_evaluations: int | None = None,
    f0: Any = None,
    near: Estimate | None = None,
    scale: Any = None,
    keep_samples: bool = False,
    seed: int | None = None,
    args: tuple[Any, ...] = (),
    **how: Unpack[Evaluation],
) -> Estimate:
    """Differentiate f at x along v: the derivative of ``f(x + t * v)`` by t at 0, of an ``order`` from 1 to 8.

    ``v`` has x's structure and shapes, and any length but zero; the answer scales with it (with its ``order``-th
    power). Of order 2 it is ``v @ H @ v`` with the Hessian H. Parameters, errors and verdicts are those of
    :func:`derivative`; f may return an array.

    >>> import numpy as np
    >>> directional(lambda x: x[0] * x[1], np.array([3.0, 4.0]), np.array([1.0, -1.0]))
    1 +/- ...   ok   ... evaluations
    """
    chosen = options(method, step, bounds, max_step, noise, rtol, max_evaluations, order, several=True, pairs=True)
    keep = switch("keep_samples", keep_samples)
    way = checked(how, directional)
    asked = question("directional", chosen, near=near, scale=scale, f0=f0, seed=seed, v=v) if how else {}
    with watched(f, x, way, f0=f0, seed=seed, args=args, returned=chosen.returned, **asked) as watch:
        evaluator = watch.evaluator
        vector, layout = flatten(v, name="v")
        if layout.shapes != evaluator.layout.shapes:
            raise InputError(f"`v` must have x's structure and shapes {evaluator.layout.shapes}; got {layout.shapes}")
        if not vector.any():
            raise InputError("`v` must not be zero: it names the direction")
        again = scaled(scale, chosen, evaluator.layout)
        other = twin(again, x, watch, way, seed=seed, args=args)
        share = first_share(again, chosen, 1)
        bends = bends_at(near, chosen, evaluator.layout, vector)

        def look(its: Watch, f0: Any) -> tuple[Slopes, Sequence[Line]]:
            here = at_point(share, its)
            most, base = spared(here, f0, 1), its.evaluator.base
            told = foretold(bends, base) if bends is not None and its is watch else None
            problems = [direction_line(most, its.evaluator, vector)]
            core = core_for(most, base, problems, vector[np.newaxis], told=told)
            return answered(its, here, core, problems, along=True, told=told), problems

        return by_output(watch, looks(again, chosen, watch, other, f0, look, v=vector), keep, vector)


def grad(f: Callable[..., Any], **how: Any) -> Callable[..., Any]:
    """Return the gradient of f as a function of x: plain arrays in x's structure, NaN where there is none.

    It is what optimizers take for ``jac=``: further positional arguments are handed to f. ``how`` are the options of
    :func:`gradient` but for ``args``; their names are checked at once, their values at the first call.

    Raises
    ------
    InputTypeError : ``f`` is not callable, or an option is not one of ``grad``; otherwise, at a call, as
        :func:`gradient`.

    >>> import numpy as np
    >>> grad(lambda x, a: a * (x**2).sum())(np.array([3.0, 4.0]), 10.0)
    array([60., 80.])
    """
    if not callable(f):
        raise InputTypeError(f"`f` must be callable; got {kind_of(f)}")
    if "args" in how:
        raise InputTypeError("`grad` takes no `args`; hand them over with x, as in grad(f)(x, *args)")
    known = [*(name for name in gradient.__kwdefaults__ or {} if name != "args"), *sorted(NAMES)]
    for name in how:
        if name not in known:
            raise InputTypeError(f"`grad` has no option `{name}`; its options are {', '.join(known)}")

    def gradient_of_f(x: Any, *args: Any) -> Any:
        found = gradient(f, x, args=args, **how)
        if found.stopped == "keyboard":
            raise KeyboardInterrupt  # plain arrays cannot say that they were cut short
        return found.value

    return gradient_of_f


def core_for(
    chosen: Options,
    base: Floats,
    problems: Sequence[Line],
    directions: Floats | None = None,
    fun: bool = False,
    whole: bool = False,
    told: Foretold | None = None,
    done: Done | None = None,
) -> Core[Slopes]:
    """Return the core that the options ask for; a ``whole`` gradient is looked at along other directions as well.

    Of that ``done`` is told what is known on the way.
    """
    if chosen.method == "complex":
        return imaginary.complex_step(base, problems, directions, chosen.step, _complex_budget(chosen, len(problems)))
    if chosen.formula is not None:
        return fixed(base, problems, chosen.formula, chosen.step, directions, fun)
    most = chosen.max_evaluations
    if told is not None:
        return nearby(base, problems, told, directions, most, whole)
    if whole:
        return operators.gradient(base, problems, most=most, done=done)
    return lines(base, problems, directions, most=most)


def _complex_budget(chosen: Options, count: int) -> float:
    """Return the budget of complex steps, which cannot be checked for less than five evaluations."""
    most = inf if chosen.max_evaluations is None else chosen.max_evaluations
    least = 1 + count * imaginary.USUAL
    if most < least:
        raise InputError(f"`max_evaluations` must be at least {least} here with `method='complex'`; got {most}")
    return most
