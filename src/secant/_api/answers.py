"""Answers: a core run against its evaluator, and what it found put into x's structure or the shape of f's value.

An answer that was cut short is made of the values that were paid for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import isfinite, nan
from typing import Any

import numpy as np

from secant._api.options import DEFAULT_BUDGET, Options
from secant._api.select import Positions, narrowed
from secant._api.warm import of_entries, of_outputs
from secant.core import imaginary
from secant.core.columns import Done, column, remarkable, verdicts
from secant.core.errors import InputTypeError
from secant.core.ladder import Line
from secant.core.near import Foretold, nearby
from secant.core.operators import Slopes, fixed, lines
from secant.core.request import Core, Evaluate, Floats, Interrupted, R, Reply, Request, run
from secant.core.results import CUT_SHORT, Estimate, Slope
from secant.core.salvage import salvaged
from secant.core.verdicts import Verdict, worst
from secant.evaluation.evaluator import Evaluator
from secant.evaluation.watch import Watch

#: A step that is smaller than this share of x moves few functions, so that it does not tell which do not use x.
TRIFLE = 2.0**-26
#: Standard errors count up to this share of the largest step that decided; a growth beyond this is worth a word; and
#: so many deviations over the step are the least that a bar is widened by.
REACHED, GROWN, DEVIATIONS = 1.01, 3.0, 2.0


def ran(watch: Watch, core: Core[R], varying: Positions | None = None, evaluate: Evaluate | None = None) -> R | None:
    """Run a core to its end; None when it is cut short, as ``watch.stopped`` then says.

    ``evaluate`` is the watch's own reply, unless that is asked by way of something else.
    """
    if evaluate is None:
        evaluate = watch.reply if varying is None else narrowed(watch.reply, varying, watch.evaluator.layout.size)
    found = None
    try:
        found = run(core, evaluate)
    except Interrupted:
        pass
    except KeyboardInterrupt:  # while the core was at work, not f
        if not watch.hears():
            raise
        watch.stopped = "keyboard"
    watch.evaluator.confirm()
    return found


def answered(
    watch: Watch,
    chosen: Options,
    core: Core[Slopes],
    problems: Sequence[Line],
    *,
    along: bool = False,
    varying: Positions | None = None,
    told: Foretold | None = None,
    done: Done | None = None,
) -> Slopes:
    """Run a core to its slopes; when it is cut short, make what can be made of the values that are there.

    ``told`` is what the core was told of its lines beforehand, ``done`` what it told of them on its way.
    """
    found = ran(watch, core, varying)
    lanes = range(len(problems)) if varying is None else varying.tolist()
    if found is not None:
        if done is not None and done.row is not None:
            done.forget()
        found = again(chosen, watch, settle(chosen, found))
        watch.part()
        return widened(watch, found, lanes, chosen.order)
    watch.part()
    base = watch.evaluator.base
    note = CUT_SHORT[watch.stopped]

    def ask(place: int, output: int, line: Line) -> Core[Slopes]:
        return _one(chosen, base, line, None if told is None else told.alone(output, place))

    found = salvaged(watch.log, problems, ask, lanes=varying, along=along, note=note, done=done)
    if not along and len(problems) > 1:
        # Where all lines were done, the look along other directions was not.
        note = f"{note}, before f was looked at along other directions than the axes"
        rows = [
            tuple(replace(slope, verdict=Verdict.UNRESOLVED, note=note) for slope in row)
            if all(slope.verdict is Verdict.OK for slope in row)
            else row
            for row in found.slopes
        ]
        found = Slopes(tuple(rows), found.outputs)
    return widened(watch, settle(chosen, found), lanes, chosen.order)


def widened(watch: Watch, found: Slopes, lanes: Sequence[int], order: int) -> Slopes:
    """Widen bars where the standard errors that f returned grow beyond the level that the slopes were found with."""
    errors = watch.errors
    if errors is None:
        return found
    rows = [
        tuple(
            _wider(slope, errors.largest(lane, REACHED * slope.reach), output, order)
            for lane, slope in zip(lanes, row, strict=True)
        )
        for output, row in enumerate(found.slopes)
    ]
    return Slopes(tuple(rows), found.outputs)


def _wider(slope: Slope, largest: Floats | None, output: int, order: int) -> Slope:
    """Widen one bar: in proportion, or by what the errors make of the step where no noise was seen."""
    if largest is None or not isfinite(slope.error):
        return slope
    most, level = float(largest[output]), slope.noise if isfinite(slope.noise) else 0.0
    if most <= level:
        return slope
    least = slope.error + DEVIATIONS * most / slope.step**order
    error = max(slope.error * (most / level) if level > 0.0 else 0.0, least)
    if most <= GROWN * level or slope.verdict is not Verdict.OK:
        return replace(slope, error=error, noise=most)
    note = f"the standard error of f is up to {most:.2g} where it was looked at"
    joined_note = f"{slope.note}; {note}" if slope.note else note
    return replace(slope, error=error, noise=most, verdict=Verdict.NOISY, note=joined_note)


def _one(chosen: Options, base: Floats, line: Line, told: Foretold | None) -> Core[Slopes]:
    """Return the core of one line, which heeds its budget where it can."""
    if told is not None:
        return _told_or_not(base, line, told)
    if chosen.method == "complex":
        return imaginary.complex_step(base, [line], None, chosen.step, line.budget)
    if chosen.formula is not None:
        return fixed(base, [line], chosen.formula, chosen.step)
    return lines(base, [line])


def _told_or_not(base: Floats, line: Line, told: Foretold) -> Core[Slopes]:
    """Return the slope of one line as it was asked for, by what was told of it or from the beginning."""
    try:
        return (yield from nearby(base, [line], told))
    except Interrupted:
        return (yield from lines(base, [line]))


def once_more(watch: Watch, repeat: int = 0) -> Reply | None:
    """Evaluate f at x; None when the question is cut short there."""
    try:
        return watch.reply(Request(watch.evaluator.base, None, (0.0,), repeat=repeat))
    except Interrupted:
        return None


def again(chosen: Options, watch: Watch, found: Slopes) -> Slopes:
    """Ask once more at x where f was found noisy: another value there says that f is random, and how to mend that.

    It is one evaluation, out of the budget, and left out when nothing is left of that.
    """
    rows: Sequence[Sequence[Slope]] = found.slopes
    if not any(slope.verdict is Verdict.NOISY for row in rows for _, slope in remarkable(row)):
        return found
    most = chosen.max_evaluations or 1 + len(rows) * len(rows[0]) * (DEFAULT_BUDGET - 1)
    if watch.evaluator.evaluations >= most:
        return found
    reply = once_more(watch, 1)
    if reply is None:
        return found
    values = np.asarray(reply.values).reshape(-1)
    second = [*values.real.tolist(), *(values.imag.tolist() if np.iscomplexobj(values) else ())]
    marked = [
        tuple(_random(slope) if slope.verdict is Verdict.NOISY and value != first else slope for slope in row)
        for row, first, value in zip(rows, found.outputs, second, strict=True)
    ]
    return Slopes(tuple(marked), found.outputs)


def _random(slope: Slope) -> Slope:
    note = "f gave another value at the same x, so it is random: fix its seed, the same random numbers at every point"
    return replace(slope, note=f"{slope.note}; {note}" if slope.note else note)


def settle(chosen: Options, found: Slopes) -> Slopes:
    """Call a slope that was asked for from one side ``ok`` when nothing but the asking made it one-sided."""
    if chosen.formula is not None or chosen.method not in ("forward", "backward"):
        return found
    return Slopes(tuple(tuple(_asked(slope) for slope in row) for row in found.slopes), found.outputs)


def _asked(slope: Slope) -> Slope:
    return replace(slope, verdict=Verdict.OK) if slope.verdict is Verdict.AT_BOUND else slope


def one_output(evaluator: Evaluator, what: str, joined: bool = False) -> None:
    """Refuse a function of many outputs, or complex ones, where a scalar is needed.

    ``joined`` says that values still have their standard errors beside them.
    """
    shape = evaluator.value_shape
    if joined and shape:
        shape = shape[1:]
    size = int(np.prod(shape)) if shape else 1
    if evaluator.complex_values:
        raise InputTypeError(f"`f` must return a real number for `{what}`; it returned a complex one")
    if size != 1:
        raise InputTypeError(f"`f` must return one number for `{what}`; it returned an array of shape {shape}")


def by_entry(watch: Watch, found: Slopes, varying: Positions | None, keep: bool) -> Estimate:
    """Put the slopes of one output into x's structure; NaN where an entry was not asked for."""
    evaluator = watch.evaluator
    layout = evaluator.layout
    slopes: Sequence[Slope] = found.slopes[0]
    whole = varying is None and not layout.scalar and not watch.stopped
    if layout.size > 0 and whole and still(slopes, evaluator):
        slopes = tuple(Slope(0.0, 0.0, Verdict.INDEPENDENT, slope.evaluations, reach=slope.reach) for slope in slopes)
    if varying is not None:
        # Nothing is wrong with what was not asked for, so its verdict is ok; what marks it is an error of NaN.
        full = [Slope(nan, nan, Verdict.OK)] * layout.size
        for i, slope in zip(varying.tolist(), slopes, strict=True):
            full[i] = slope
        slopes = tuple(full)
    each, severe = verdicts(slopes)
    words = layout.wrap(each, "verdict")
    del each  # very many of them take memory that is wanted next
    return Estimate(
        layout.wrap(column(slopes, "value"), "value"),
        layout.wrap(column(slopes, "error"), "error"),
        words,
        severe,
        evaluator.evaluations,
        {layout.path(i): slope for i, slope in remarkable(slopes)},
        found.outputs[0],
        layout.wrap(column(slopes, "step"), "error"),
        watch.samples() if keep else None,
        watch.stopped,
        bends=of_entries(layout, evaluator.base, found, slopes),
    )


def still(slopes: Sequence[Slope], evaluator: Evaluator) -> bool:
    """Return whether f gave the very same value at every point, over steps that are no trifle beside x."""
    if evaluator.distinct or evaluator.evaluations < 2:
        return False
    still_here = (column(slopes, "value") == 0.0) & (column(slopes, "reach") > TRIFLE * np.abs(evaluator.base))
    return bool(still_here.all())


def by_output(watch: Watch, found: Slopes, keep: bool, v: Floats | None = None) -> Estimate:
    """Put the slopes of one line, along ``v`` or along the number x, into the shape of f's value."""
    evaluator = watch.evaluator
    shape = evaluator.value_shape or ()
    samples = watch.samples() if keep else None
    bends = of_outputs(evaluator.layout, evaluator.base, found, v)
    if not shape and not evaluator.complex_values:
        slope = found.slopes[0][0]
        verdict = slope.verdict
        seen = {"": slope} if verdict is not Verdict.OK or slope.note else {}
        return Estimate(
            slope.value,
            slope.error,
            verdict,
            verdict,
            evaluator.evaluations,
            seen,
            found.outputs[0],
            slope.step,
            samples,
            watch.stopped,
            bends=bends,
        )
    slopes = [row[0] for row in found.slopes]
    values: Any = [slope.value for slope in slopes]
    errors: Any = [slope.error for slope in slopes]
    verdicts: Any = [slope.verdict for slope in slopes]
    outputs: Any = list(found.outputs)
    if evaluator.complex_values:
        half = len(slopes) // 2
        values, errors, outputs = (joined(part, half) for part in (values, errors, outputs))
        errors = [abs(error) for error in errors]
        verdicts = [worst(pair) for pair in zip(verdicts[:half], verdicts[half:], strict=True)]
        slopes = [
            max(pair, key=lambda slope: slope.verdict.severity)
            for pair in zip(slopes[:half], slopes[half:], strict=True)
        ]
    labels = [f"[{', '.join(map(str, index))}]" if index else "" for index in np.ndindex(shape)]
    return Estimate(
        evaluator.shaped(values),
        evaluator.shaped(errors, "error"),
        evaluator.shaped(verdicts, "verdict"),
        worst(verdicts),
        evaluator.evaluations,
        {
            label: slope
            for label, slope in zip(labels, slopes, strict=True)
            if slope.verdict is not Verdict.OK or slope.note
        },
        evaluator.shaped(outputs),
        evaluator.shaped([slope.step for slope in slopes], "error"),
        samples,
        watch.stopped,
        bends=bends,
    )


def joined(parts: Sequence[float], half: int) -> list[complex]:
    """Return complex numbers of which the real parts come first, then the imaginary ones."""
    return [complex(real, imaginary) for real, imaginary in zip(parts[:half], parts[half:], strict=True)]
