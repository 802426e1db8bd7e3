"""`scale=`: every slope is looked at a second time, over a length or at another version of f.

The second look has its share of the budget put aside; what the first does not need is there for it as well.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np

from secant._api.answers import ran
from secant._api.options import Options
from secant._api.select import Positions
from secant.core.coarse import compared
from secant.core.errors import InputError, OutputError
from secant.core.ladder import Line
from secant.core.operators import Slopes, over_lengths
from secant.core.request import Floats
from secant.core.results import CUT_SHORT
from secant.core.salvage import remembered
from secant.core.verdicts import Verdict
from secant.evaluation.foreign import as_numpy
from secant.evaluation.how import How
from secant.evaluation.trees import Layout, flatten
from secant.evaluation.watch import Watch, watched

#: What a second look at one line usually costs, in evaluations.
USUAL = 8
ALLOWED = "a positive finite length, lengths like x, or another version of f"


@dataclass(frozen=True, slots=True)
class Lengths:
    """The length for each entry of x, (n,)."""

    each: Floats


@dataclass(frozen=True, slots=True)
class Version:
    """Another version of f, called as f is."""

    f: Callable[..., Any]


Scale: TypeAlias = Lengths | Version


def scaled(scale: Any, chosen: Options, layout: Layout) -> Scale | None:
    """Check `scale`; None when there is none.

    >>> from secant._api.options import PLAIN
    >>> scaled([0.5, 2.0], PLAIN, flatten([1.0, 1.0])[1])
    Lengths(each=array([0.5, 2. ]))
    """
    if scale is None:
        return None
    if chosen.returned:
        raise InputError("`scale` must be left out with `noise='returned'`")
    if chosen.formula is not None or chosen.method == "complex":
        way = "a fixed `step`" if chosen.formula is not None else "`method='complex'`"
        raise InputError(f"`scale` must be left out with {way}: it has no second look")
    if callable(scale):
        return Version(scale)
    if chosen.order > 1:
        raise InputError(
            f"`scale` must be another version of f with an `order` of {chosen.order}: a length is for slopes"
        )
    plain = as_numpy(scale)
    if isinstance(plain, int | float | np.integer | np.floating) and not isinstance(plain, bool):
        each = np.full(layout.size, float(plain))
    else:
        each, other = flatten(scale, name="scale")
        if other.shapes != layout.shapes:
            raise InputError(
                f"`scale` must be {ALLOWED}; its leaves have shapes {other.shapes}, those of x {layout.shapes}"
            )
    for i in np.flatnonzero(~((each > 0.0) & np.isfinite(each))):
        raise InputError(f"`scale` must be {ALLOWED}; got {each[i]:.6g}{' for x' + layout.path(int(i)) if i else ''}")
    return Lengths(each)


def first_share(scale: Scale | None, chosen: Options, count: int) -> Options:
    """Return the options of the first look at so many lines, when a second one follows."""
    most = chosen.max_evaluations
    if scale is None or most is None:
        return chosen
    # Both versions have half of it.
    share = most // 2 if isinstance(scale, Version) else most - min(USUAL * count, most // 2)
    return replace(chosen, max_evaluations=max(share, 1))


def twin(scale: Scale | None, x: Any, watch: Watch, how: How, *, seed: Any, args: tuple[Any, ...]) -> Watch | None:
    """Return the watch over the other version of f, where there is one; it ends with that of the first.

    It is evaluated in the same way, with a journal of its own beside the first one's.
    """
    if not isinstance(scale, Version):
        return None
    way = how if how.journal is None else replace(how, journal=f"{how.journal}.scale")
    other = watched(scale.f, x, way, seed=seed, args=args)
    watch.also = (*watch.also, other)
    return other


def looks(
    scale: Scale | None,
    chosen: Options,
    watch: Watch,
    other: Watch | None,
    f0: Any,
    look: Callable[[Watch, Any], tuple[Slopes, Sequence[Line]]],
    v: Floats | None = None,
    varying: Positions | None = None,
) -> Slopes:
    """Look once, and a second time where ``scale`` asks for it; ``other`` is the watch over the other version of f."""
    found, problems = look(watch, f0)
    if scale is None:
        return found
    if watch.stopped:
        return _unfinished(found, watch)
    if isinstance(scale, Lengths):
        return _over(scale, chosen, watch, problems, found, v, varying)
    assert other is not None
    return _against(found, watch, look(other, None)[0], other)


def _over(
    scale: Lengths,
    chosen: Options,
    watch: Watch,
    problems: Sequence[Line],
    found: Slopes,
    v: Floats | None,
    varying: Positions | None,
) -> Slopes:
    """Look at slopes over lengths: along coordinates, or along one direction, where x moves by the least of them."""
    evaluator = watch.evaluator
    each = scale.each if varying is None else scale.each[varying]
    lengths = each.tolist() if v is None else [float((each[v != 0.0] / np.abs(v[v != 0.0])).min())]
    most = chosen.max_evaluations
    left = None if most is None else max(most - evaluator.evaluations, 0)
    directions = None if v is None else v[np.newaxis]
    known = remembered(watch.log, range(len(problems)) if varying is None else varying, along=v is not None)
    core = over_lengths(evaluator.base, problems, directions, found, lengths, evaluator.eps, left, known)
    again = ran(watch, core, varying)
    return _unfinished(found, watch) if again is None else again


def _against(found: Slopes, watch: Watch, other: Slopes, second: Watch) -> Slopes:
    """Compare the slopes of two versions of f; the evaluations of both are counted."""
    one, two = watch.evaluator, second.evaluator
    if one.value_shape != two.value_shape or len(found.slopes) != len(other.slopes):
        raise OutputError(
            f"`scale`: the other version of f must return what f does, of shape {one.value_shape}; "
            f"it returned shape {two.value_shape}"
        )
    one.evaluations += two.evaluations
    if second.stopped:
        watch.stopped = second.stopped
        return _unfinished(found, watch)
    rows = zip(found.slopes, other.slopes, strict=True)
    return Slopes(tuple(tuple(map(compared, row, its)) for row, its in rows), found.outputs)


def _unfinished(found: Slopes, watch: Watch) -> Slopes:
    """Return slopes that were to be looked at a second time, and were not."""
    note = f"{CUT_SHORT[watch.stopped]}, before the second look that `scale` asks for"
    usable = (Verdict.OK, Verdict.NOISY)
    return Slopes(
        tuple(
            tuple(replace(s, verdict=Verdict.UNRESOLVED, note=note) if s.verdict in usable else s for s in row)
            for row in found.slopes
        ),
        found.outputs,
    )
