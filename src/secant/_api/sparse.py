"""The question `jacobian` with a pattern: entries as SciPy's sparse arrays, colors in place of columns.

The Hessian of an f whose gradient is given is the Jacobian of that, with a symmetric pattern: see
:mod:`secant.core.mirrored`.

What a person may give for a pattern is turned into CSR here, and what the core found is put into CSR again. The matrix
is two-dimensional whatever shapes f(x) and x have: their entries in order, f's by x's.
"""

from __future__ import annotations

from dataclasses import replace
from math import inf, nan
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from secant._api.answers import once_more
from secant._api.extras import scipy_sparse
from secant._api.options import DEFAULT_BUDGET, FEW_PAIRS, MANY, MANY_PAIRS, Options, level_at, room
from secant._api.select import Positions
from secant.core import across, coloring, mirrored
from secant.core.colored import colored
from secant.core.detection import Found, detect
from secant.core.errors import InputError, InputTypeError, kind_of
from secant.core.request import UNIT_ROUNDOFF, Floats, Interrupted, Request, run
from secant.core.results import CUT_SHORT, Estimate, Slope
from secant.core.sparse import CODE, TOLD, WORDS, Columns, Entries, Pattern, fixed
from secant.core.verdicts import Verdict, worst
from secant.evaluation.watch import Watch

#: Row starts and columns of a pattern.
Csr: TypeAlias = tuple[NDArray[np.integer], NDArray[np.integer]]

#: What to do about a pattern that leaves something out.
FULLER = "give a pattern that has all of them, or `sparsity='detect'`"

#: An entry whose bar is a larger share of it says nothing of a good step.
SEEN = 0.1
NO_PATTERN = "`sparsity` must be a pattern for a price: what 'detect' takes is known when it is done"

_ALLOWED = "a scipy.sparse matrix or array, an array of f(x).size rows and x.size columns, or 'detect'"


def pattern_of(sparsity: Any, size: int) -> tuple[int, Csr] | None:
    """Return the number of rows and the pattern that was given; None for ``"detect"``. Nothing is evaluated.

    Every stored entry of a sparse matrix counts, those that are 0 as well; of an array, those that are not 0.
    """
    sparse = scipy_sparse()
    if isinstance(sparsity, str) and sparsity == "detect":
        return None
    if sparse.issparse(sparsity):
        given = sparsity.tocsr()
    elif isinstance(sparsity, np.ndarray) and sparsity.dtype.kind in "biuf" and sparsity.ndim == 2:
        given = sparse.csr_array(sparsity != 0)
    else:
        raise InputTypeError(f"`sparsity` must be {_ALLOWED}; got {_came(sparsity)}")
    if given.ndim != 2 or given.shape[1] != size:
        raise InputError(f"`sparsity` must have a column for each of the {size} entries of x; got shape {given.shape}")
    if not given.has_canonical_format:
        given = sparse.csr_array((np.ones(given.nnz), given.indices.copy(), given.indptr.copy()), shape=given.shape)
        given.sum_duplicates()
    return given.shape[0], (given.indptr, given.indices)


def _came(sparsity: Any) -> str:
    if isinstance(sparsity, np.ndarray):
        return f"an array of shape {sparsity.shape} and dtype {sparsity.dtype}"
    return repr(sparsity) if isinstance(sparsity, str) else kind_of(sparsity)


def sparse_jacobian(
    chosen: Options,
    watch: Watch,
    given: tuple[int, Csr] | None,
    varying: Positions | None,
    symmetric: bool = False,
) -> Estimate:
    """Differentiate the entries of a pattern, or of the one that is detected; ``symmetric`` of a gradient."""
    if chosen.method == "complex":
        raise InputError("`method` must not be 'complex' with `sparsity`: moved columns share real evaluations")
    base, layout = watch.evaluator.base, watch.evaluator.layout
    centre = given is None or chosen.formula is None or 0 in chosen.formula.offsets
    fun = _at_x(watch) if centre else None
    if fun is not None:
        # Columns are moved together, and rows share their values: the loudest row sets the level of all.
        chosen = replace(level_at(chosen, fun, watch.evaluator.value_shape or ()), noises=())
        if given is not None and given[0] != fun.size:
            raise InputError(f"`sparsity` must have a row for each of the {fun.size} values of f(x); got {given[0]}")
    if given is None:
        assert fun is not None
        found = _detect(chosen, watch, fun, space_of(chosen, watch, varying))
        m, told = fun.size, _detected(found)
        csr: Csr = (found.indptr, found.indices)
    else:
        m, csr = given
        told = f"pattern of {csr[1].size} entries as given"
    if symmetric:
        csr = coloring.completed(*csr, layout.size)
    csr = without(csr, layout.size, varying, symmetric)
    if given is None and symmetric:
        told = _detected(replace(found, indptr=csr[0], indices=csr[1]))
    mirror = mirrored.mirror(*csr, layout.size) if symmetric else None
    if mirror is None:
        colors = coloring.columns(*csr, layout.size)
        # A formula colors what is held as well.
        pattern = Pattern(m, layout.size, *csr, colors if varying is None else mirrored.used(colors, csr[1]))
    else:
        pattern = mirror.whole
    told += f"; {pattern.groups} group{'s' * (pattern.groups != 1)} of columns"
    if chosen.formula is not None:
        read = pattern if mirror is None else mirror.read
        entries = run(fixed(base, fun, read, chosen.formula, chosen.step), watch.reply)
        entries = entries if mirror is None else mirrored.joined(mirror, entries)
        watch.evaluator.confirm()
        details = {"": _fixed_slope(chosen)} if csr[1].size else {}
        return answer(watch, pattern, entries, None if symmetric else fun, told, details, chosen.step)
    assert fun is not None
    return _free(chosen, watch, (pattern, mirror, varying), space_of(chosen, watch, varying), fun, told)


def space_of(chosen: Options, watch: Watch, varying: Positions | None) -> tuple[Floats, Floats]:
    """Return how far each entry of x may move to both sides: not at all what is held."""
    layout = watch.evaluator.layout
    space = room(chosen, watch.evaluator.base, layout)
    below, above = (np.full(layout.size, inf),) * 2 if space is None else space
    below, above = np.minimum(below, chosen.max_step), np.minimum(above, chosen.max_step)
    if varying is None:
        return below, above
    held = np.ones(layout.size, dtype=bool)
    held[varying] = False
    return np.where(held, 0.0, below), np.where(held, 0.0, above)


def _detect(chosen: Options, watch: Watch, fun: Floats, space: tuple[Floats, Floats]) -> Found:
    """Find the pattern; an answer that is cut short before there is one is none."""
    try:
        return run(detect(watch.evaluator.base, fun, *space, chosen.noise, _left(chosen, watch)), watch.reply)
    except Interrupted as error:
        raise undetected(error) from None


def undetected(error: Interrupted) -> BaseException:
    """Return what is raised when a question is cut short before there is a pattern: there is no answer then."""
    if error.reason == "keyboard":
        return KeyboardInterrupt()
    return InputError("`deadline` came before the pattern was detected; allow more time, or give a pattern")


def _at_x(watch: Watch) -> Floats:
    """Evaluate f at the point."""
    reply = watch.reply(Request(watch.evaluator.base, None, (0.0,)))
    if watch.evaluator.complex_values:
        raise InputTypeError("`f` must return real numbers with `sparsity`; it returned complex ones")
    found: Floats = across.values_of(reply)[0]
    return found


def _left(chosen: Options, watch: Watch) -> float:
    return inf if chosen.max_evaluations is None else chosen.max_evaluations - watch.evaluator.evaluations


def without(csr: Csr, size: int, varying: Positions | None, symmetric: bool = False) -> Csr:
    """Return a pattern without the entries of columns that are held fixed; of a symmetric one, nor those of rows."""
    if varying is None:
        return csr
    varies = np.zeros(size, dtype=bool)
    varies[varying] = True
    keep = varies[csr[1]]
    if symmetric:
        keep &= np.repeat(varies, np.diff(csr[0]))
    starts: NDArray[np.integer] = np.concatenate([[0], np.cumsum(keep)])[csr[0]]
    return starts, csr[1][keep]


def _detected(found: Found) -> str:
    seen = f"pattern of {found.indices.size} entries detected at x with {found.evaluations} evaluations"
    return f"{seen} (changes below {found.level:.2g} are not seen)" if found.level else seen


def _fixed_slope(chosen: Options) -> Slope:
    note = f"a fixed step ({chosen.step:.3g}) tells nothing of its own error"
    advice = "leave `step=` out to get a bar"
    return Slope(nan, inf, Verdict.UNRESOLVED, step=chosen.step, reach=chosen.step, note=note, advice=advice)


def _free(
    chosen: Options,
    watch: Watch,
    patterns: tuple[Pattern, mirrored.Mirror | None, Positions | None],
    space: tuple[Floats, Floats],
    fun: Floats,
    told: str,
) -> Estimate:
    """Differentiate with steps of each entry's own, and hold the result against a generic direction.

    ``patterns`` are that of the answer, for a Hessian where it is read, and what of x varies.
    """
    pattern, mirror, varying = patterns
    evaluator = watch.evaluator
    base, layout = evaluator.base, evaluator.layout
    below, above = space
    if chosen.method == "forward":
        below = np.zeros(layout.size)
    elif chosen.method == "backward":
        above = np.zeros(layout.size)
    left = _left(chosen, watch)
    groups = max(pattern.groups, 1)
    budget = DEFAULT_BUDGET
    if left < inf:
        left -= across.MOST if left - across.MOST >= 6 * groups else 0
        budget = 1 + max(0, int(left)) // groups
    pairs = DEFAULT_BUDGET if groups == 1 else FEW_PAIRS if groups < MANY else MANY_PAIRS
    eps = np.broadcast_to(np.asarray(layout.eps, dtype=np.float64), base.shape)
    columns = Columns(
        base, below, above, eps, layout.rounder, chosen.max_step, chosen.noise, chosen.rtol, budget, pairs
    )
    read = pattern if mirror is None else mirror.read
    entries = run(colored(base, fun, evaluator.eps, read, columns, left), watch.reply)
    entries = entries if mirror is None else mirrored.joined(mirror, entries)
    evaluator.confirm()
    if chosen.method in ("forward", "backward"):
        _asked_for(entries)
    details: dict[str, Slope] = {}
    if watch.stopped:
        told += f"; {CUT_SHORT[watch.stopped]}"
    elif mirror is None and pattern.indices.size and not evaluator.distinct and evaluator.evaluations > 1:
        entries.value[:], entries.error[:], entries.code[:] = 0.0, 0.0, CODE[Verdict.INDEPENDENT]
        entries.told.clear()
        details[""] = Slope(0.0, 0.0, Verdict.INDEPENDENT)
    elif _left(chosen, watch) >= across.MOST:
        told += _look(chosen, watch, (pattern, mirror is not None, varying), columns, entries, fun, details)
    else:
        told += "; not checked, as no evaluations were left"
    _random(chosen, watch, entries, fun)
    return answer(watch, pattern, entries, None if mirror is not None else fun, told, details)


def _asked_for(entries: Entries) -> None:
    """Call slopes ``ok`` that are one-sided because that was asked for."""
    entries.code[entries.code == CODE[Verdict.AT_BOUND]] = CODE[Verdict.OK]
    for place, slope in list(entries.told.items()):
        if slope.verdict is Verdict.AT_BOUND:
            del entries.told[place]


def _look(
    chosen: Options,
    watch: Watch,
    about: tuple[Pattern, bool, Positions | None],
    columns: Columns,
    entries: Entries,
    fun: Floats,
    details: dict[str, Slope],
) -> str:
    """Hold the Jacobian against generic directions; mark the rows that do not agree, and say what was seen."""
    pattern, symmetric, varying = about
    evaluator = watch.evaluator
    layout = evaluator.layout
    rows, column = pattern.rows, pattern.indices
    noise = np.full(pattern.m, chosen.noise)
    np.maximum.at(noise, rows, np.where(np.isfinite(entries.noise), entries.noise, 0.0))
    quiet = max(evaluator.eps, UNIT_ROUNDOFF) * np.abs(fun)
    noise = np.maximum(noise, quiet)
    units = _units(columns, column, entries)

    def weigh(v: Floats) -> tuple[Floats, Floats, Floats]:
        with np.errstate(all="ignore"):
            part = entries.value * v[column]
            bars = entries.error * np.abs(v[column])
            one, size, bar = (
                np.asarray(np.bincount(rows, weights=each, minlength=pattern.m), dtype=np.float64)
                for each in (part, np.abs(part), bars)
            )
            return one, size, bar

    rounded = None if layout.exact else layout.rounded
    core = across.look(evaluator.base, fun, units, noise, weigh, float(np.max(columns.eps)), rounded, quiet)
    try:
        seen = run(core, watch.reply)
    except Interrupted:
        return f"; {CUT_SHORT[watch.stopped]} before they were checked"
    if symmetric and varying is not None:
        held = np.setdiff1d(np.arange(pattern.m), varying)
        seen.crease[held] = seen.missing[held] = 0.0
    for place in mirrored.apart(entries):  # what is wrong there is not the pattern
        seen.missing[[rows[place], column[place]]] = 0.0
    crease = np.maximum(seen.crease[rows], seen.crease[column] if symmetric else 0.0)
    _crease(pattern, entries, rows, crease, units)
    return _marked(pattern, entries, seen.missing, symmetric, details) or (
        ", which agree with the slope along a generic direction" if units.any() else ""
    )


def _marked(pattern: Pattern, entries: Entries, missing: Floats, symmetric: bool, details: dict[str, Slope]) -> str:
    """Mark the rows that are not what a generic direction says, and say how many there are."""
    wrong = np.flatnonzero(missing)
    if not wrong.size:
        return ""
    bad = missing[pattern.rows] != 0.0
    if symmetric:  # what is read in a row stands in its column as well
        bad |= missing[pattern.indices] != 0.0
    entries.code[bad], entries.error[bad] = CODE[Verdict.UNRESOLVED], inf
    for row in wrong[:TOLD].tolist():
        note = (
            f"along a generic direction output [{row}] changes by {missing[row]:.3g} more than its entries "
            "explain: it depends on what the pattern leaves out"
        )
        first, last = int(pattern.indptr[row]), int(pattern.indptr[row + 1])
        if first == last:
            details[f"[{row}]"] = Slope(float(missing[row]), inf, Verdict.UNRESOLVED, note=note, advice=FULLER)
        for place in range(first, last):
            value = float(entries.value[place])
            entries.told[place] = Slope(value, inf, Verdict.UNRESOLVED, note=note, advice=FULLER)
    return f"; {wrong.size} row{'s' * (wrong.size != 1)} disagree with the slope along a generic direction"


def _units(columns: Columns, column: NDArray[np.integer], entries: Entries) -> Floats:
    """Return how far each column may be moved along generic directions: its smallest step that saw something."""
    size = np.abs(columns.x)
    first = np.where(size > 0.0, np.ldexp(1.0, np.frexp(size)[1] - 4), 0.25)
    units = first
    good = (entries.step > 0.0) & (entries.error < SEEN * np.abs(entries.value))
    # An entry that did not come out well may have ended at steps at which nothing is to be seen.
    for part in (good, good & (entries.code == CODE[Verdict.OK])):
        own = np.full(units.size, inf)
        np.minimum.at(own, column[part], entries.step[part])
        # Straight lines are followed far, and a column that moves as far drowns all others.
        units = np.where(np.isfinite(own), np.minimum(own, first), units)
    far = 2.0 ** (np.frexp(columns.eps)[1] // 4 + 1)
    inside = np.minimum(np.minimum(columns.below, columns.above), columns.max_step) > far * units
    found: Floats = np.where(inside, units, 0.0)
    return found


def _crease(pattern: Pattern, entries: Entries, rows: NDArray[np.int32], crease: Floats, units: Floats) -> None:
    """Mark rows that are smooth along each axis and creased across; ``crease`` says how much, by entry."""
    if not crease.any():
        return
    fine = np.ones(pattern.m, dtype=bool)
    fine[rows[entries.code != CODE[Verdict.OK]]] = False
    place = np.flatnonzero(fine[rows] & (crease > 0.0))
    unit = units[pattern.indices[place]]
    with np.errstate(all="ignore"):
        entries.error[place] += np.where(unit > 0.0, crease[place] / unit, inf)
    entries.code[place] = CODE[Verdict.KINK]
    note = "f is smooth along each axis, but creased along other directions"
    for each in place[:TOLD].tolist():
        entries.told[each] = Slope(
            float(entries.value[each]),
            float(entries.error[each]),
            Verdict.KINK,
            step=float(entries.step[each]),
            note=note,
        )


def _random(chosen: Options, watch: Watch, entries: Entries, fun: Floats) -> None:
    """Ask once more at x where f was found noisy: another value there says that f is random."""
    if not (entries.code == CODE[Verdict.NOISY]).any() or _left(chosen, watch) < 1:
        return
    again = once_more(watch, 1)
    if again is None or np.array_equal(across.values_of(again)[0], fun):
        return
    note = "f gave another value at the same x, so it is random: fix its seed, the same random numbers at every point"
    for place, slope in list(entries.told.items()):
        if slope.verdict is Verdict.NOISY:
            entries.told[place] = replace(slope, note=f"{slope.note}; {note}" if slope.note else note)


def answer(
    watch: Watch,
    pattern: Pattern,
    entries: Entries,
    fun: Floats | None,
    note: str,
    details: dict[str, Slope],
    step: float = nan,
) -> Estimate:
    """Put entries into SciPy's arrays, each with indices of its own: changing one must not change the others."""
    csr_array = scipy_sparse().csr_array
    evaluator = watch.evaluator

    def matrix(data: Floats) -> Any:
        return csr_array((data, pattern.indices.copy(), pattern.indptr.copy()), shape=(pattern.m, pattern.n))

    for place, slope in sorted(entries.told.items()):
        row = int(np.searchsorted(pattern.indptr, place, side="right")) - 1
        details[f"[{row}, {pattern.indices[place]}]"] = slope
    size, fixed_step = entries.value.size, not entries.error.size
    found = [Verdict.UNRESOLVED] * bool(size)
    if not fixed_step or entries.counts:
        found = [word for code, word in enumerate(WORDS) if (entries.code == code).any()]
    alone = np.empty((), dtype=object)
    alone[()] = found[0] if found else Verdict.OK
    # Of millions of entries that are all the same, one is kept.
    words = np.broadcast_to(alone, size) if len(found) < 2 else np.array(WORDS, dtype=object)[entries.code]
    return Estimate(
        matrix(entries.value),
        matrix(np.full(size, inf) if fixed_step else entries.error),
        words,
        worst([*found, *(slope.verdict for slope in details.values())]),
        evaluator.evaluations,
        details,
        None if fun is None else evaluator.shaped(fun),
        step if fixed_step else matrix(entries.step),
        stopped=watch.stopped,
        note=note,
    )
