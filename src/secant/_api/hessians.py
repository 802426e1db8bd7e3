"""The questions of second order: hessian and hvp.

From values of f by pairs of directions (:mod:`secant.core.hessians`), or from gradients when there are any: then the
Hessian is a Jacobian, and its product with a vector a directional derivative.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import wraps
from math import inf, isfinite, isnan, nan, nextafter
from typing import Any, Unpack

import numpy as np
from numpy.typing import NDArray

from secant._api.answers import again, answered, one_output, ran, settle, still
from secant._api.lines import coordinate_lines, direction_line
from secant._api.options import Method, Options, at_point, options, spared, switch
from secant._api.pairs import curvatures_of
from secant._api.question import question
from secant._api.select import positions
from secant.core.errors import InputError, InputTypeError, kind_of
from secant.core.hessians import PAIRS, Curvatures, curvatures
from secant.core.measures import Noise
from secant.core.mirrored import BETTER, DISAGREE, UNSYMMETRIC
from secant.core.operators import Slopes, fixed, lines
from secant.core.request import Floats
from secant.core.results import CUT_SHORT, Estimate, Slope
from secant.core.verdicts import Verdict, worst
from secant.evaluation import foreign
from secant.evaluation.how import Evaluation, checked
from secant.evaluation.trees import Layout, Leaf, flatten, leaves
from secant.evaluation.watch import Watch, watched

#: A vector is as long as it was given unless that is so many octaves from 1 that squares of steps along it may not be
#: floats; its length is moved by multiples of this, which is one of the eight shares of steps as well.
LENGTHS = 64
#: What is said of products that no float can hold.
BEYOND = "the product with so long a vector is beyond the range of floats"

#: Entries of a Hessian by row and column, each pair once.
Entries = dict[tuple[int, int], Slope]


def hessian(
    f: Callable[..., Any] | None,
    x: Any,
    *,
    sparsity: Any = None,
    gradient: Callable[..., Any] | None = None,
    method: Method = "auto",
    step: float | None = None,
    bounds: Any = None,
    max_step: float | None = None,
    noise: float | Noise | None = None,
    rtol: float = 0.0,
    max_evaluations: int | None = None,
    wrt: Any = None,
    f0: Any = None,
    keep_samples: bool = False,
    seed: int | None = None,
    args: tuple[Any, ...] = (),
    **how: Unpack[Evaluation],
) -> Estimate:
    """Find all second derivatives of a scalar f: a symmetric matrix.

    Parameters
    ----------
    f : called as ``f(x, *args)``; returns one number. It is not called, and may be None, when ``gradient`` is given.
    x : as for :func:`gradient`: a number, an array of any shape and real dtype, or a tree of them.
    gradient : the gradient of f, when there is one: called as ``gradient(x, *args)``, it returns what :func:`gradient`
        returns as value; for an array lists of numbers will do. Then the columns are differences of gradients, some 13
        calls for each entry of x in place of some 10 + 3 (n - 1), and more exact. Both places of an entry are found by
        themselves, and where they differ by more than their bars the verdict is ``unresolved``.
    sparsity : where entries may be that are not 0, as for :func:`jacobian`, the diagonal and the mirror image of every
        entry among them; or ``"detect"``. Needs SciPy (``pip install 'secant[sparse]'``). With ``gradient`` entries of
        one color share their calls, some 13 a color: three for a band of three diagonals, however long. From values
        they cannot, as each value is one number, but only pairs in the pattern are asked for, six evaluations each.
        To detect the pattern takes what it takes for the Jacobian of the gradient; from values some 7 n evaluations
        for such a band, and ``2 n + 2/3 n (n - 1)`` at most. The result is held against a generic direction: with a
        gradient, rows that depend on more than the pattern says come out ``unresolved`` with infinite bars; from values
        the entries are right whatever was left out, and the answer as a whole is ``unresolved``.
    method, step : with a ``step`` the shortest formula along each coordinate and each sum of two of them.
    rtol, max_evaluations : 371 evaluations are usual for 10 entries, ``1 + 10 n + 3 n (n - 1)`` for n of them.

    The other parameters, errors and verdicts are those of :func:`gradient`; ``keep_samples`` and ``inplace`` do not go
    with ``sparsity``.

    Returns
    -------
    Estimate with ``value``, ``error`` and ``verdicts`` of the shape x.shape + x.shape; of a tree they are a tree of
    trees, of leaf.shape + other.shape. ``matrix`` and ``matrix_error`` are flat, (n, n). With ``sparsity`` value, error
    and step are ``scipy.sparse.csr_array`` of that shape, ``verdicts`` an array in the order of ``value.data``, and
    ``note`` says what they rest on.

    Mixed derivatives come by polarization, at three steps along the sum of two coordinates; colors are star colorings
    (Coleman and More 1984).

    >>> import numpy as np
    >>> hessian(lambda x: x[0] ** 2 * x[1], np.array([3.0, 4.0])).value.round(9)
    array([[8., 6.],
           [6., 0.]])
    >>> print(hessian(None, {"a": 1.0, "b": 2.0}, gradient=lambda p: {"a": p["a"] * p["b"], "b": p["a"] ** 2 / 2}))
    ['a']['a']  2 +/- ...   ok
    ['a']['b']  1 +/- ...   ok
    ['b']['a']  1 +/- ...   ok
    ['b']['b']  0 +/- ...   ok
    ok   ... evaluations
    >>> hessian(None, np.ones(50), gradient=lambda x: np.convolve(x, [1, -2, 1], "same"), sparsity="detect").value.nnz
    148
    """
    chosen = _options(method, step, bounds, max_step, noise, rtol, max_evaluations, 2 if gradient is None else 1)
    keep = switch("keep_samples", keep_samples)
    if gradient is not None and f0 is not None:
        raise InputError("`f0` must be left out with `gradient`: f is not asked for then")
    if sparsity is not None and keep:
        raise InputError("`keep_samples` must be left out with `sparsity`")
    way = checked(how, hessian, () if gradient is None else ("vectorized",))
    if way.inplace and sparsity is not None:
        raise InputError("`inplace` must be False with `sparsity`: several entries are moved at once")
    put: dict[str, Any] = question("hessian", chosen, sparsity=sparsity, f0=f0, seed=seed, wrt=wrt) if how else {}
    put |= {"named": f if gradient is None else gradient, "name": "f" if gradient is None else "gradient"}
    with watched(_called(f, x, gradient), x, way, f0=f0, seed=seed, args=args, **put) as watch:
        layout, base = watch.evaluator.layout, watch.evaluator.base
        varying = positions(wrt, x, layout)
        if sparsity is not None:
            from secant._api.sparse_hessians import sparse_hessian

            return sparse_hessian(chosen, watch, sparsity, varying, gradient is not None, f0)
        count = layout.size if varying is None else varying.size
        chosen = spared(at_point(chosen, watch), f0, count if gradient is not None else count * (count + 1) // 2)
        problems = coordinate_lines(chosen, base, layout, varying)
        places = list(range(layout.size)) if varying is None else varying.tolist()
        if gradient is not None:
            core = lines(base, problems, most=chosen.max_evaluations)
            if chosen.formula is not None:
                core = fixed(base, problems, chosen.formula, chosen.step)
            found = answered(watch, chosen, core, problems, varying=varying)
            return _estimate(watch, _symmetric(found, places), nan, keep)
        n = len(problems)
        pairs = [(i, j) for i in range(n) for j in range(i + 1, n)]
        second = curvatures_of(watch, chosen, problems, pairs, varying)
        one_output(watch.evaluator, "hessian")
        axes = again(chosen, watch, settle(chosen, Slopes((tuple(second.axes),), (second.fun,)))).slopes[0]
        mixed = settle(chosen, Slopes((tuple(second.mixed),), (second.fun,))).slopes[0]
        if varying is None and not layout.scalar and not watch.stopped and still(axes, watch.evaluator):
            axes = tuple(_independent(slope) for slope in axes)
            mixed = tuple(_independent(slope) for slope in mixed)
        entries = {(place, place): slope for place, slope in zip(places, axes, strict=True)}
        entries |= {(places[i], places[j]): slope for (i, j), slope in zip(pairs, mixed, strict=True)}
        return _estimate(watch, entries, second.fun, keep)


def hvp(
    f: Callable[..., Any] | None,
    x: Any,
    v: Any,
    *,
    gradient: Callable[..., Any] | None = None,
    bounds: Any = None,
    max_step: float | None = None,
    noise: float | Noise | None = None,
    rtol: float = 0.0,
    max_evaluations: int | None = None,
    f0: Any = None,
    keep_samples: bool = False,
    seed: int | None = None,
    args: tuple[Any, ...] = (),
    **how: Unpack[Evaluation],
) -> Estimate:
    """Multiply the Hessian of a scalar f by a vector.

    With ``gradient`` it is the derivative of the gradient along v: some 13 calls, whatever the size of x. From values
    of f alone it is as many mixed derivatives as x has entries, some 17 evaluations each. Of v @ H @ v,
    :func:`directional` with ``order=2`` costs far less.

    Parameters
    ----------
    f, x, gradient : as for :func:`hessian`.
    v : of x's structure and shapes, and any length but zero.

    The other parameters, errors and verdicts are those of :func:`hessian`.

    Returns
    -------
    Estimate with ``value``, ``error`` and ``verdicts`` in x's structure.

    >>> import numpy as np
    >>> hvp(lambda x: x[0] ** 2 * x[1], np.array([3.0, 4.0]), np.array([1.0, 1.0])).value.round(9)
    array([14.,  6.])
    """
    chosen = _options("auto", None, bounds, max_step, noise, rtol, max_evaluations, 2 if gradient is None else 1)
    keep = switch("keep_samples", keep_samples)
    if gradient is not None and f0 is not None:
        raise InputError("`f0` must be left out with `gradient`: f is not asked for then")
    way = checked(how, hvp, () if gradient is None else ("vectorized",))
    put: dict[str, Any] = question("hvp", chosen, f0=f0, seed=seed, v=v) if how else {}
    put |= {"named": f if gradient is None else gradient, "name": "f" if gradient is None else "gradient"}
    with watched(_called(f, x, gradient), x, way, f0=f0, seed=seed, args=args, **put) as watch:
        evaluator = watch.evaluator
        vector, layout = flatten(v, name="v")
        if layout.shapes != evaluator.layout.shapes:
            raise InputError(f"`v` must have x's structure and shapes {evaluator.layout.shapes}; got {layout.shapes}")
        if not vector.any():
            raise InputError("`v` must not be zero: it names the direction")
        vector, power = _ordinary(vector)
        chosen = spared(at_point(chosen, watch), f0, 1)
        along = direction_line(chosen, evaluator, vector)
        if gradient is not None:
            core = lines(evaluator.base, [along], vector[np.newaxis], most=chosen.max_evaluations)
            found = answered(watch, chosen, core, [along], along=True)
            return _vector(watch, [_times(row[0], power) for row in found.slopes], nan, keep)
        problems = [replace(line, pairs=PAIRS) for line in coordinate_lines(chosen, evaluator.base, evaluator.layout)]
        pairs = [(i, len(problems)) for i in range(len(problems))]
        along = replace(along, pairs=PAIRS)
        asked = curvatures(evaluator.base, problems, pairs, vector, along, chosen.max_evaluations)
        second = ran(watch, asked)
        if second is None:
            lost = Slope(nan, inf, Verdict.UNRESOLVED, note=CUT_SHORT[watch.stopped])
            second = Curvatures([], [lost] * len(problems), nan)
        one_output(evaluator, "hvp")
        return _vector(watch, [_times(slope, power) for slope in second.mixed], second.fun, keep)


def _ordinary(v: Floats) -> tuple[Floats, int]:
    """Return a vector of ordinary length, and the power of two that it has to be multiplied with: 0 for most."""
    power = LENGTHS * round(int(np.frexp(np.abs(v).max())[1]) / LENGTHS)
    return np.ldexp(v, -power), power


def _times(slope: Slope, power: int) -> Slope:
    """Return a derivative times a power of two."""
    if not power or not isfinite(slope.error):
        return slope
    with np.errstate(all="ignore"):
        value, error = (float(np.ldexp(part, power)) for part in (slope.value, slope.error))
    if not isfinite(value + error):
        return replace(slope, value=nan, error=inf, verdict=worst((slope.verdict, Verdict.UNRESOLVED)), note=BEYOND)
    # Near the end of their range floats are rounded by more.
    return replace(slope, value=value, error=nextafter(error, inf) if slope.error else 0.0)


def _options(method: Any, *further: Any) -> Options:
    if method == "complex":
        raise InputError("`method` must be 'auto', 'central', 'forward', 'backward' or a Stencil here; got 'complex'")
    return options(method, *further)


def _called(f: Callable[..., Any] | None, x: Any, gradient: Callable[..., Any] | None) -> Any:
    """Return f, or its gradient as a flat vector."""
    if gradient is None:
        if f is None:
            raise InputTypeError("`f` must be callable; it may be None only when `gradient` is given")
        return f
    if not callable(gradient):
        raise InputTypeError(f"`gradient` must be callable; got {kind_of(gradient)}")
    if f is not None and not callable(f):
        raise InputTypeError(f"`f` must be callable or None; got {kind_of(f)}")
    given, layout = gradient, flatten(x)[1]

    @wraps(given, assigned=(), updated=())
    def flat(point: Any, *further: Any, **more: Any) -> Any:
        return _flat(given(point, *further, **more), layout)

    return flat


def _flat(value: Any, layout: Layout) -> Any:
    """Return a gradient as a flat vector: it is like x, or rows of x as an array, or n numbers for n numbers."""
    shapes = layout.shapes
    parts = [foreign.as_numpy(leaf) for leaf in leaves(value)]
    if tuple(np.shape(part) for part in parts) == shapes:
        return np.concatenate([np.reshape(part, -1) for part in parts])
    with suppress(ValueError):  # of rows that are not alike
        array = _stacked(value)
        alone = layout.structure is None
        if array.shape == (shapes[0] if alone else (layout.size,)) and (alone or not any(shapes)):
            return array.reshape(-1)
    allowed = f"an array of x's shape {shapes[0]}" if layout.structure is None else f"a tree like x, of shapes {shapes}"
    shaped = f" of shape {parts[0].shape}" if len(parts) == 1 and np.ndim(parts[0]) else ""
    more = f" of {len(parts)} leaves" if len(parts) > 1 else ""
    raise InputTypeError(f"`gradient` must return {allowed}; it returned {kind_of(value)}{shaped}{more}")


def _stacked(value: Any) -> NDArray[Any]:
    """Return rows, lists of numbers or arrays, as one array."""
    if isinstance(value, list | tuple):
        return np.stack([_stacked(each) for each in value])
    return np.asarray(foreign.as_numpy(value))


def _independent(slope: Slope) -> Slope:
    return Slope(0.0, 0.0, Verdict.INDEPENDENT, slope.evaluations, reach=slope.reach)


def _symmetric(found: Slopes, places: Sequence[int]) -> Entries:
    """Join the two places of each entry, derivatives of a gradient; they should be the same within their bars."""
    entries: Entries = {}
    for j, column in enumerate(places):
        for i, row in enumerate(places[: j + 1]):
            upper, lower = found.slopes[row][j], found.slopes[column][i]
            entries[row, column] = upper if i == j else _joined(upper, lower)
    return entries


def _joined(one: Slope, other: Slope) -> Slope:
    """Return the mean of two findings of one entry, or the one that is known far better."""
    worse = max(one, other, key=lambda slope: slope.verdict.severity)
    if worse.verdict.severity > Verdict.NOISY.severity:
        return worse
    apart = abs(one.value - other.value)
    better = min(one, other, key=lambda slope: slope.error)
    mean = 0.5 * one.value + 0.5 * other.value
    if apart > DISAGREE * (one.error + other.error):
        note = UNSYMMETRIC.format(apart)
        return replace(
            worse, value=mean, error=max(one.error, other.error) + apart, verdict=Verdict.UNRESOLVED, note=note
        )
    if BETTER * better.error < max(one.error, other.error):
        return replace(better, verdict=worse.verdict)
    return replace(worse, value=mean, error=max(one.error, other.error))


def _vector(watch: Watch, slopes: Sequence[Slope], fun: float, keep: bool) -> Estimate:
    """Put the entries of a product into x's structure."""
    layout = watch.evaluator.layout
    verdicts = [slope.verdict for slope in slopes]
    return Estimate(
        layout.wrap([slope.value for slope in slopes], "value"),
        layout.wrap([slope.error for slope in slopes], "error"),
        layout.wrap(verdicts, "verdict"),
        worst(verdicts),
        watch.evaluator.evaluations,
        {layout.path(i): slope for i, slope in enumerate(slopes) if slope.verdict is not Verdict.OK or slope.note},
        None if isnan(fun) else fun,
        layout.wrap([slope.step for slope in slopes], "error"),
        watch.samples() if keep else None,
        watch.stopped,
    )


def _estimate(watch: Watch, entries: Entries, fun: float, keep: bool) -> Estimate:
    """Put the entries of a Hessian into x's structure, twice; NaN where one was not asked for."""
    layout = watch.evaluator.layout
    shape = (layout.size, layout.size)
    # Nothing is wrong with what was not asked for, so its verdict is ok; what marks it is an error of NaN.
    values, errors, steps = np.full(shape, nan), np.full(shape, nan), np.full(shape, nan)
    verdicts = np.full(shape, Verdict.OK, dtype=object)
    details = {}
    for (i, j), slope in entries.items():
        for place in {(i, j), (j, i)}:
            values[place], errors[place], steps[place] = slope.value, slope.error, slope.step
            verdicts[place] = slope.verdict
        if slope.verdict is not Verdict.OK or slope.note:
            details[_path(layout, i, j)] = slope
    return Estimate(
        _wrapped(layout, values, "value"),
        _wrapped(layout, errors, "error"),
        _wrapped(layout, verdicts, "verdict"),
        worst(slope.verdict for slope in entries.values()),
        watch.evaluator.evaluations,
        details,
        None if isnan(fun) else fun,
        _wrapped(layout, steps, "error"),
        watch.samples() if keep else None,
        watch.stopped,
        values,
        errors,
    )


def _path(layout: Layout, i: int, j: int) -> str:
    """Return where an entry is found in the answer: the leaves' paths, and one index for both."""
    index: list[str] = []
    for leaf, place in ((layout.leaf(i), i), (layout.leaf(j), j)):
        index += [str(int(part)) for part in np.unravel_index(place - leaf.start, leaf.shape)]
    return layout.leaf(i).path + layout.leaf(j).path + (f"[{', '.join(index)}]" if index else "")


def _wrapped(layout: Layout, table: Any, kind: foreign.Kind) -> Any:
    """Return an (n, n) table in x's structure, and each leaf of that in x's structure again."""

    def part(one: Leaf, other: Leaf) -> Any:
        block = table[one.start : one.stop, other.start : other.stop].reshape(one.shape + other.shape)
        home = one.home if one.shape or one.home is not None else other.home
        if home is not None:
            return foreign.result(home, block, kind)
        if not block.ndim:
            return block.item()
        if kind == "value":
            return block.astype(np.result_type(one.dtype, other.dtype))
        return np.array(block)

    return layout.assembled([layout.assembled([part(one, other) for other in layout.leaves]) for one in layout.leaves])
