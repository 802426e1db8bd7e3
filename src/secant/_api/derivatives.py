"""The questions: derivative, gradient, directional, grad and steps.

Each one checks its options, makes an evaluator for f at x and the core that asks it, runs the two against
each other, and puts the answer into x's structure. There is no mathematics here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf, nan
from typing import Any

import numpy as np

from secant._api.options import DEFAULT_BUDGET, Method, Options, at_point, coordinate_lines, direction_line, options
from secant._api.select import Positions, narrowed, positions
from secant.core import imaginary, operators
from secant.core.errors import InputError, InputTypeError, kind_of
from secant.core.ladder import Line
from secant.core.measures import Noise
from secant.core.operators import Slopes, fixed, lines
from secant.core.request import Core, Floats, Request, run
from secant.core.results import Estimate, Slope
from secant.core.verdicts import Verdict, worst
from secant.evaluation.evaluator import Evaluator, OnError
from secant.evaluation.trees import flatten

#: A step that is smaller than this share of x moves few functions, so that it does not tell which do not use x.
TRIFLE = 2.0**-26


def derivative(
    f: Callable[..., Any],
    x: Any,
    *,
    method: Method = "auto",
    step: float | None = None,
    bounds: Any = None,
    max_step: float | None = None,
    noise: float | Noise | None = None,
    rtol: float = 0.0,
    max_evaluations: int | None = None,
    args: tuple[Any, ...] = (),
    on_error: OnError = "domain",
) -> Estimate:
    """Differentiate f at a number.

    Parameters
    ----------
    f : called as ``f(x, *args)``; returns a number or an array of any shape.
    x : a real number. For an array or a tree use :func:`gradient`.
    method : ``"auto"`` and ``"central"`` look at both sides, ``"forward"`` and ``"backward"`` at one; a
        :class:`Stencil` is a formula of your own, and needs ``step``. ``"complex"`` evaluates f at complex numbers,
        which it must take (float64 only): the derivative to the last digits from one such evaluation, and four more to
        check that f is analytic. Where it is not (abs, max, comparisons, .real), the verdict is ``unresolved``.
    step : a fixed step: the formula's own bits, with no error bar and the verdict ``unresolved``.
    bounds : (lower, upper), each a number or None; f is never evaluated outside.
    max_step : the largest distance from x at which f may be evaluated.
    noise : the absolute error of f's values, when it is known (of a solver, its tolerance), or a :class:`Noise`; one
        that is relative costs an evaluation of f(x) beforehand.
    rtol : stop as soon as the bar is this small beside the value; 0 for all that f can give.
    max_evaluations : the most calls of f; 13 are usual, 40 the default limit.
    args : further arguments of f.
    on_error : what exceptions of f away from x mean: ``"domain"`` (ArithmeticError and ValueError end the
        domain, others pass through), ``"raise"`` (all pass through), ``"mark"`` (the verdict ``failed``).

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
    >>> import numpy as np
    >>> derivative(np.sin, 1.0, method="complex").value == math.cos(1.0)
    True
    """
    chosen = options(method, step, bounds, max_step, noise, rtol, max_evaluations)
    evaluator = Evaluator(f, x, args=args, on_error=on_error)
    if not evaluator.layout.scalar:
        came = f"{kind_of(x)} of {evaluator.layout.size} entries"
        raise InputTypeError(f"`x` must be a single number; got {came} (use `gradient` for arrays and trees)")
    chosen = at_point(chosen, evaluator)
    problems = coordinate_lines(chosen, evaluator.base, evaluator.layout)
    found = run(core_for(chosen, evaluator.base, problems), evaluator)
    return _by_output(evaluator, _again(chosen, evaluator, _settle(chosen, found)))


def gradient(
    f: Callable[..., Any],
    x: Any,
    *,
    method: Method = "auto",
    step: float | None = None,
    bounds: Any = None,
    max_step: float | None = None,
    noise: float | Noise | None = None,
    rtol: float = 0.0,
    max_evaluations: int | None = None,
    wrt: Any = None,
    args: tuple[Any, ...] = (),
    on_error: OnError = "domain",
    inplace: bool = False,
) -> Estimate:
    """Differentiate a scalar f by every entry of x.

    Parameters
    ----------
    f : called as ``f(x, *args)``; returns one number.
    x : a number, an array of any shape and real dtype (NumPy's, a PyTorch tensor, a JAX array), or a tree (dict, list,
        tuple, dataclass) of them; f is handed the same structure, types and devices, and x is never written to.
    bounds : (lower, upper), each a number, None, or like x.
    max_evaluations : one budget for the whole gradient.
    wrt : what varies, when not all of x does: a key or a list of keys of a dict, positions in a list or tuple, fields
        of a dataclass or namedtuple; for a single array a mask, integers or a slice. The rest is held fixed and costs
        nothing; in the answer it is NaN with an error of NaN, and has no say in the verdict.
    inplace : hand f the caller's own arrays, moved one entry at a time and restored whatever happens; for
        code that reads its array through an alias and ignores its argument.

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
    chosen = options(method, step, bounds, max_step, noise, rtol, max_evaluations)
    if inplace and chosen.method == "complex":
        raise InputError(
            "`inplace` must be False with `method='complex'`: real arrays have no room for complex numbers"
        )
    evaluator = Evaluator(f, x, args=args, on_error=on_error, inplace=inplace)
    varying = positions(wrt, x, evaluator.layout)
    chosen = at_point(chosen, evaluator)
    evaluate = evaluator if varying is None else narrowed(evaluator, varying, evaluator.layout.size)
    problems = coordinate_lines(chosen, evaluator.base, evaluator.layout, varying)
    core = core_for(chosen, evaluator.base, problems, whole=True)
    found = _settle(chosen, run(core, evaluate))
    one_output(evaluator, "gradient")
    found = _again(chosen, evaluator, found)
    if chosen.formula is not None and not evaluator.distinct and varying is None:
        evaluator(
            Request(evaluator.base, None, (0.0,))
        )  # a formula that leaves x out may see the same value all around it
    return _by_entry(evaluator, found, varying)


def directional(
    f: Callable[..., Any],
    x: Any,
    v: Any,
    *,
    method: Method = "auto",
    step: float | None = None,
    bounds: Any = None,
    max_step: float | None = None,
    noise: float | Noise | None = None,
    rtol: float = 0.0,
    max_evaluations: int | None = None,
    args: tuple[Any, ...] = (),
    on_error: OnError = "domain",
) -> Estimate:
    """Differentiate f at x along v: the derivative of ``f(x + t * v)`` by t at 0.

    ``v`` has x's structure and shapes, and any length but zero; the answer scales with it. Parameters,
    errors and verdicts are those of :func:`gradient`; f may return an array.

    >>> import numpy as np
    >>> directional(lambda x: x[0] * x[1], np.array([3.0, 4.0]), np.array([1.0, -1.0]))
    1 +/- ...   ok   ... evaluations
    """
    chosen = options(method, step, bounds, max_step, noise, rtol, max_evaluations)
    evaluator = Evaluator(f, x, args=args, on_error=on_error)
    vector, layout = flatten(v, name="v")
    if layout.shapes != evaluator.layout.shapes:
        raise InputError(f"`v` must have x's structure and shapes {evaluator.layout.shapes}; got {layout.shapes}")
    if not vector.any():
        raise InputError("`v` must not be zero: it names the direction")
    chosen = at_point(chosen, evaluator)
    problem = direction_line(chosen, evaluator, vector)
    found = run(core_for(chosen, evaluator.base, [problem], vector[np.newaxis]), evaluator)
    return _by_output(evaluator, _again(chosen, evaluator, _settle(chosen, found)))


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
    known = [name for name in gradient.__kwdefaults__ or {} if name != "args"]
    for name in how:
        if name not in known:
            raise InputTypeError(f"`grad` has no option `{name}`; its options are {', '.join(known)}")

    def gradient_of_f(x: Any, *args: Any) -> Any:
        return gradient(f, x, args=args, **how).value

    return gradient_of_f


def core_for(
    chosen: Options,
    base: Floats,
    problems: Sequence[Line],
    directions: Floats | None = None,
    fun: bool = False,
    whole: bool = False,
) -> Core[Slopes]:
    """Return the core that the options ask for; a ``whole`` gradient is looked at along other directions as well."""
    if chosen.method == "complex":
        return imaginary.complex_step(base, problems, directions, chosen.step, _complex_budget(chosen, len(problems)))
    if chosen.formula is not None:
        return fixed(base, problems, chosen.formula, chosen.step, directions, fun)
    most = chosen.max_evaluations
    return operators.gradient(base, problems, most=most) if whole else lines(base, problems, directions, most=most)


def _complex_budget(chosen: Options, count: int) -> float:
    """Return the budget of complex steps, which cannot be checked for less than five evaluations."""
    most = inf if chosen.max_evaluations is None else chosen.max_evaluations
    least = 1 + count * imaginary.USUAL
    if most < least:
        raise InputError(f"`max_evaluations` must be at least {least} here with `method='complex'`; got {most}")
    return most


def _again(chosen: Options, evaluator: Evaluator, found: Slopes) -> Slopes:
    """Ask once more at x where f was found noisy: another value there says that f is random, and how to mend that.

    It is one evaluation, out of the budget, and left out when nothing is left of that.
    """
    rows = found.slopes
    for row in rows:
        if any(slope.verdict is Verdict.NOISY for slope in row):
            break
    else:
        return found
    most = chosen.max_evaluations or 1 + len(rows) * len(rows[0]) * (DEFAULT_BUDGET - 1)
    if evaluator.evaluations >= most:
        return found
    reply = evaluator(Request(evaluator.base, None, (0.0,), repeat=1))
    values = np.asarray(reply.values).reshape(-1)
    second = [*values.real.tolist(), *(values.imag.tolist() if np.iscomplexobj(values) else ())]
    marked = [
        tuple(_random(slope) if slope.verdict is Verdict.NOISY and value != first else slope for slope in row)
        for row, first, value in zip(rows, found.outputs, second, strict=True)
    ]
    return Slopes(tuple(marked), found.outputs)


def _random(slope: Slope) -> Slope:
    from dataclasses import replace

    note = "f gave another value at the same x, so it is random: fix its seed, the same random numbers at every point"
    return replace(slope, note=f"{slope.note}; {note}" if slope.note else note)


def _settle(chosen: Options, found: Slopes) -> Slopes:
    """Call a slope that was asked for from one side ``ok`` when nothing but the asking made it one-sided."""
    if chosen.formula is not None or chosen.method not in ("forward", "backward"):
        return found
    return Slopes(tuple(tuple(_asked(slope) for slope in row) for row in found.slopes), found.outputs)


def _asked(slope: Slope) -> Slope:
    from dataclasses import replace

    return replace(slope, verdict=Verdict.OK) if slope.verdict is Verdict.AT_BOUND else slope


def one_output(evaluator: Evaluator, what: str) -> None:
    """Refuse a function of many outputs, or complex ones, where a scalar is needed."""
    shape = evaluator.value_shape
    size = int(np.prod(shape)) if shape else 1
    if evaluator.complex_values:
        raise InputTypeError(f"`f` must return a real number for `{what}`; it returned a complex one")
    if size != 1:
        raise InputTypeError(f"`f` must return one number for `{what}`; it returned an array of shape {shape}")


def _by_entry(evaluator: Evaluator, found: Slopes, varying: Positions | None = None) -> Estimate:
    """Put the slopes of one output into x's structure; NaN where an entry was not asked for."""
    layout = evaluator.layout
    slopes = found.slopes[0]
    if layout.size > 0 and not layout.scalar and varying is None and _still(slopes, evaluator):
        slopes = tuple(Slope(0.0, 0.0, Verdict.INDEPENDENT, slope.evaluations, reach=slope.reach) for slope in slopes)
    if varying is not None:
        # Nothing is wrong with what was not asked for, so its verdict is ok; what marks it is an error of NaN.
        full = [Slope(nan, nan, Verdict.OK)] * layout.size
        for i, slope in zip(varying.tolist(), slopes, strict=True):
            full[i] = slope
        slopes = tuple(full)
    verdicts = [slope.verdict for slope in slopes]
    details = {layout.path(i): slope for i, slope in enumerate(slopes) if slope.verdict is not Verdict.OK or slope.note}
    return Estimate(
        layout.wrap([slope.value for slope in slopes], "value"),
        layout.wrap([slope.error for slope in slopes], "error"),
        layout.wrap(verdicts, "verdict"),
        worst(verdicts),
        evaluator.evaluations,
        details,
        found.outputs[0],
        layout.wrap([slope.step for slope in slopes], "error"),
    )


def _still(slopes: Sequence[Slope], evaluator: Evaluator) -> bool:
    """Return whether f gave the very same value at every point, over steps that are no trifle beside x."""
    if evaluator.distinct or evaluator.evaluations < 2:
        return False
    sizes = np.abs(evaluator.base).tolist()
    return all(slope.value == 0.0 and slope.reach > TRIFLE * size for slope, size in zip(slopes, sizes, strict=True))


def _by_output(evaluator: Evaluator, found: Slopes) -> Estimate:
    """Put the slopes of one line into the shape of f's value."""
    shape = evaluator.value_shape or ()
    if not shape and not evaluator.complex_values:
        slope = found.slopes[0][0]
        verdict = slope.verdict
        seen = {"": slope} if verdict is not Verdict.OK or slope.note else {}
        return Estimate(
            slope.value, slope.error, verdict, verdict, evaluator.evaluations, seen, found.outputs[0], slope.step
        )
    slopes = [row[0] for row in found.slopes]
    values: Any = [slope.value for slope in slopes]
    errors: Any = [slope.error for slope in slopes]
    verdicts: Any = [slope.verdict for slope in slopes]
    outputs: Any = list(found.outputs)
    if evaluator.complex_values:
        half = len(slopes) // 2
        values, errors, outputs = (_joined(part, half) for part in (values, errors, outputs))
        errors = [abs(error) for error in errors]
        verdicts = [worst(pair) for pair in zip(verdicts[:half], verdicts[half:], strict=True)]
        slopes = [
            max(pair, key=lambda slope: slope.verdict.severity)
            for pair in zip(slopes[:half], slopes[half:], strict=True)
        ]
    if not shape:
        slope = slopes[0]
        details = {"": slope} if slope.verdict is not Verdict.OK or slope.note else {}
        return Estimate(
            values[0], errors[0], verdicts[0], verdicts[0], evaluator.evaluations, details, outputs[0], slope.step
        )
    labels = [f"[{', '.join(map(str, index))}]" for index in np.ndindex(shape)]
    details = {
        label: slope
        for label, slope in zip(labels, slopes, strict=True)
        if slope.verdict is not Verdict.OK or slope.note
    }
    words = np.empty(len(verdicts), dtype=object)
    words[:] = verdicts
    return Estimate(
        np.array(values).reshape(shape),
        np.array(errors).reshape(shape),
        words.reshape(shape),
        worst(verdicts),
        evaluator.evaluations,
        details,
        np.array(outputs).reshape(shape),
        np.array([slope.step for slope in slopes]).reshape(shape),
    )


def _joined(parts: Sequence[float], half: int) -> list[complex]:
    return [complex(real, imaginary) for real, imaginary in zip(parts[:half], parts[half:], strict=True)]
