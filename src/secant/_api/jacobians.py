"""The question `jacobian`: every output of f by every entry of x.

The answer is put into x's structure leaf by leaf: a leaf of a shape becomes an array of f(x).shape + that shape.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import nan
from typing import Any, Unpack

import numpy as np

from secant._api.answers import answered, joined, once_more, still
from secant._api.derivatives import core_for
from secant._api.lines import coordinate_lines
from secant._api.options import AnyNoise, Method, at_point, options, spared, switch
from secant._api.question import question
from secant._api.second import first_share, looks, scaled, twin
from secant._api.select import Positions, positions
from secant.core import across
from secant.core.errors import InputError
from secant.core.ladder import Line
from secant.core.operators import Slopes
from secant.core.results import Estimate, Slope
from secant.core.verdicts import Verdict, worst
from secant.evaluation import foreign
from secant.evaluation.evaluator import Evaluator
from secant.evaluation.how import Evaluation, checked
from secant.evaluation.trees import Leaf
from secant.evaluation.watch import Watch, watched


def jacobian(
    f: Callable[..., Any],
    x: Any,
    *,
    sparsity: Any = None,
    method: Method = "auto",
    step: float | None = None,
    bounds: Any = None,
    max_step: float | None = None,
    noise: AnyNoise = None,
    rtol: float = 0.0,
    max_evaluations: int | None = None,
    wrt: Any = None,
    f0: Any = None,
    scale: Any = None,
    keep_samples: bool = False,
    seed: int | None = None,
    args: tuple[Any, ...] = (),
    **how: Unpack[Evaluation],
) -> Estimate:
    """Differentiate every output of f by every entry of x.

    Parameters
    ----------
    f : called as ``f(x, *args)``; returns a number or an array of any shape, real or complex.
    x : as for :func:`gradient`.
    sparsity : where entries may be that are not 0, so that columns without a common row share evaluations: a SciPy
        sparse matrix (every stored entry counts) or an array of f(x).size rows and x.size columns; or ``"detect"``,
        which finds out at x, for some log2(n) evaluations a group of columns and half as many again as x has entries
        at most. What is found is held against the slope along a generic direction, nine evaluations at most: rows that
        depend on more than the pattern says come out ``unresolved`` with an infinite bar. Needs SciPy
        (``pip install 'secant[sparse]'``); f must be real.
    max_evaluations : one budget for the whole Jacobian. All outputs share each evaluation; 13 for each entry of x are
        usual, however many outputs there are, and some more where outputs need different steps.

    noise : as for :func:`derivative`; with ``sparsity`` the loudest output counts for all, and it is not returned.

    The other parameters, errors and verdicts are those of :func:`gradient`; ``scale`` and ``keep_samples`` do not go
    with ``sparsity``.

    Returns
    -------
    Estimate whose ``value``, ``error`` and ``verdicts`` have the shape f(x).shape + x.shape; for a tree they are the
    tree of f(x).shape + leaf.shape. With ``sparsity`` value, error and step are ``scipy.sparse.csr_array`` of shape
    (f(x).size, x.size) and ``verdicts`` an array in the order of ``value.data``; ``note`` says what they rest on.

    Raises
    ------
    InputError, InputTypeError, OutputError : see :mod:`secant.core.errors`; f may not return a tree.
    ImportError : when SciPy is wanted and missing.

    Each output finds its own step from the evaluations that all of them share. Columns are grouped as Curtis, Powell
    and Reid (1974) do, by colorings after Coleman and More (1983). With ``step`` and ``method="forward"`` a sparse
    Jacobian takes one evaluation a group and f(x), and is not checked.

    >>> import numpy as np
    >>> jacobian(lambda x: np.array([x[0] * x[1], 1e12 * x[1]]), np.array([3.0, 4.0])).value
    array([[4.e+00, 3.e+00],
           [0.e+00, 1.e+12]])
    >>> jacobian(lambda x: np.diff(x**2, prepend=0.0), np.ones(50), sparsity="detect").value.nnz
    99
    """
    dense = sparsity is None
    chosen = options(method, step, bounds, max_step, noise, rtol, max_evaluations, several=True, pairs=dense)
    way = checked(how, jacobian)
    if way.inplace and (sparsity is not None or chosen.method == "complex"):
        why = "several entries are moved at once" if sparsity is not None else "real arrays have no room for them"
        raise InputError(f"`inplace` must be False with `{'sparsity' if sparsity is not None else 'method'}`: {why}")
    keep = switch("keep_samples", keep_samples)
    asked = question("jacobian", chosen, sparsity=sparsity, scale=scale, f0=f0, seed=seed, wrt=wrt) if how else {}
    with watched(f, x, way, f0=f0, seed=seed, keep=dense, args=args, returned=chosen.returned, **asked) as watch:
        evaluator = watch.evaluator
        varying = positions(wrt, x, evaluator.layout)
        again = scaled(scale, chosen, evaluator.layout)
        if sparsity is not None:
            if again is not None or keep:
                raise InputError(
                    f"`{'scale' if again is not None else 'keep_samples'}` must be left out with `sparsity`"
                )
            from secant._api.sparse import pattern_of, sparse_jacobian

            given = pattern_of(sparsity, evaluator.layout.size)
            return sparse_jacobian(chosen, watch, given, varying)
        other = twin(again, x, watch, way, seed=seed, args=args)
        count = evaluator.layout.size if varying is None else varying.size
        share = first_share(again, chosen, count)

        def look(watch: Watch, f0: Any) -> tuple[Slopes, Sequence[Line]]:
            here = at_point(share, watch)
            most, base, layout = spared(here, f0, count), watch.evaluator.base, watch.evaluator.layout
            problems = coordinate_lines(most, base, layout, varying)
            if chosen.method == "complex" or chosen.formula is not None:
                core = core_for(most, base, problems)
            else:
                core = across.jacobian(base, problems, None if layout.exact else layout.rounded, most.max_evaluations)
            return answered(watch, here, core, problems, varying=varying), problems

        found = looks(again, chosen, watch, other, f0, look, varying=varying)
        if chosen.formula is not None and not evaluator.distinct and varying is None:
            once_more(watch)  # a formula that leaves x out may see the same value all around it
        return _by_entry(watch, found, varying, keep)


def _by_entry(watch: Watch, found: Slopes, varying: Positions | None, keep: bool) -> Estimate:
    """Put slopes by output and line into x's structure; NaN where an entry was not asked for."""
    evaluator = watch.evaluator
    layout = evaluator.layout
    rows: list[list[Slope]] = [list(row) for row in found.slopes]
    whole = varying is None and not layout.scalar and not watch.stopped
    if whole and all(still(row, evaluator) for row in rows):
        rows = [[Slope(0.0, 0.0, Verdict.INDEPENDENT, s.evaluations, reach=s.reach) for s in row] for row in rows]
    if varying is not None:
        rows = [_spread(row, varying, layout.size) for row in rows]
    values: Any = np.array([[slope.value for slope in row] for row in rows])
    errors: Any = np.array([[slope.error for slope in row] for row in rows])
    outputs: Any = list(found.outputs)
    if evaluator.complex_values:
        half = len(rows) // 2
        values = values[:half] + 1j * values[half:]
        errors = np.hypot(errors[:half], errors[half:])
        outputs = joined(outputs, half)
        rows = [
            [_worse(*pair) for pair in zip(*both, strict=True)] for both in zip(rows[:half], rows[half:], strict=True)
        ]
    verdicts = np.empty(values.shape, dtype=object)
    verdicts[:] = [[slope.verdict for slope in row] for row in rows]
    steps = np.array([[slope.step for slope in row] for row in rows])
    shape = evaluator.value_shape or ()
    fun = outputs[0] if not shape else np.array(outputs).reshape(shape)
    return Estimate(
        _wrapped(evaluator, values, "value"),
        _wrapped(evaluator, errors, "error"),
        _wrapped(evaluator, verdicts, "verdict"),
        worst(verdicts.reshape(-1).tolist()),
        evaluator.evaluations,
        _details(evaluator, rows),
        fun,
        _wrapped(evaluator, steps, "error"),
        watch.samples() if keep else None,
        watch.stopped,
    )


def _spread(row: Sequence[Slope], varying: Positions, size: int) -> list[Slope]:
    # Nothing is wrong with what was not asked for, so its verdict is ok; what marks it is an error of NaN.
    full = [Slope(nan, nan, Verdict.OK)] * size
    for i, slope in zip(varying.tolist(), row, strict=True):
        full[i] = slope
    return full


def _worse(one: Slope, other: Slope) -> Slope:
    return other if other.verdict.severity > one.verdict.severity else one


def _wrapped(evaluator: Evaluator, table: Any, kind: foreign.Kind) -> Any:
    """Return an (m, n) table in x's structure, each leaf of f(x).shape + its own shape."""
    layout, shape = evaluator.layout, evaluator.value_shape or ()
    parts = [_part(evaluator, leaf, table[:, leaf.start : leaf.stop], shape, kind) for leaf in layout.leaves]
    return layout.assembled(parts)


def _part(evaluator: Evaluator, leaf: Leaf, table: Any, shape: tuple[int, ...], kind: foreign.Kind) -> Any:
    """Return one leaf's part: in its library and dtype; of a plain number, in those of f's values."""
    part = table.reshape(shape + leaf.shape)
    home = leaf.home if leaf.home is not None or leaf.shape else evaluator.home
    if home is not None:
        return foreign.result(home, part, kind)
    if not part.ndim:
        return part.item()
    if kind == "value" and leaf.precision != "float64":
        with np.errstate(all="ignore"):
            return part.astype(np.result_type(leaf.dtype, np.complex64) if np.iscomplexobj(part) else leaf.dtype)
    return np.array(part)


def _details(evaluator: Evaluator, rows: Sequence[Sequence[Slope]]) -> dict[str, Slope]:
    """Return by path the slopes that are not ok, or have something to tell."""
    layout, shape = evaluator.layout, evaluator.value_shape or ()
    outputs = list(np.ndindex(shape))
    details = {}
    for output, row in zip(outputs, rows, strict=True):
        for i, slope in enumerate(row):
            if slope.verdict is not Verdict.OK or slope.note:
                leaf = layout.leaf(i)
                index = output + tuple(int(part) for part in np.unravel_index(i - leaf.start, leaf.shape))
                details[f"{leaf.path}[{', '.join(map(str, index))}]" if index else leaf.path] = slope
    return details
