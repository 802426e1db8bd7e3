"""How a claim is checked: the evaluator at its point, the claim asked for, the core run, and its finding told.

Rules:

* The derivative is called three times, at x, elsewhere and at x again, each time right after f. Answers that differ at
  the same x, while f's do not, are a finding; so is one that is the very same elsewhere and wrong there.
* It is called in this process, always. Where f is not (other processes call it, a journal has its values) a derivative
  that keeps something from the last call of f does not find it: so nothing is called wrong there before f has been
  called here, too, and the derivative after it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import inf
from time import monotonic
from typing import Any

import numpy as np

from secant._api.answers import ran
from secant._api.claims import Claimed, Witness, asked, difference, restless, stale
from secant._api.options import Options, level_at, room
from secant._api.select import Positions, narrowed
from secant.core import check as core
from secant.core.check import Finding
from secant.core.checked import NAMED, CheckedEntry, GradientCheck
from secant.core.errors import InputError, InputTypeError
from secant.core.looks import Space, direction, scales
from secant.core.request import Core, Evaluate, Floats, Interrupted, Reply, Request
from secant.core.results import CUT_SHORT
from secant.core.verdicts import CheckVerdict
from secant.evaluation.calls import seeded
from secant.evaluation.evaluator import Evaluator
from secant.evaluation.how import How
from secant.evaluation.trees import flatten
from secant.evaluation.watch import Watch, watched

#: Where the derivative is called between its two calls at x: so far away, as a share of x's size.
ELSEWHERE = 2.0**-6
#: Two answers at the same x that differ by more than so many roundings are no accident.
RESTLESS = 1e3
#: How often f is asked again before a derivative that differs is blamed and not f.
AGAIN = 6
#: What is likely when f stands still and the gradient says that it should not.
ALIAS = "f gave the very same value at every point: does it use its argument? (`inplace=True` where it reads an alias)"
#: Why nothing can be told where f has no value.
NOWHERE = "f has no finite value at x itself"
#: A check for less than this is none.
LEAST = 16
#: Evaluations for a check elsewhere, of an answer that was the same there.
THERE = 128


@dataclass(frozen=True, slots=True)
class Question:
    """A check that is about to be made: f at its point, what moves, and how a claim is had at a point.

    ``here`` calls f at a point in this process, and is None where that is what is done anyway.
    """

    watch: Watch
    evaluate: Evaluate
    space: Space
    varying: Positions | None
    claim: Callable[[Any], Claimed]
    called: bool
    outputs: int
    budget: int
    seed: int
    pairs: Callable[[int], str]
    here: Callable[[Floats], None] | None = None

    @property
    def evaluator(self) -> Evaluator:
        """What knows f's values."""
        return self.watch.evaluator


def first_value(watch: Watch, chosen: Options) -> Floats:
    """Return f at the point, (m,), once all that is asked has been found to be allowed."""
    budget_of(chosen, watch.evaluator)
    room(chosen, watch.evaluator.base, watch.evaluator.layout)
    try:
        reply = watch.reply(Request(watch.evaluator.base, None, (0.0,)))
    except Interrupted:
        raise KeyboardInterrupt from None  # there is nothing to show yet, and the first call comes before any deadline
    values = np.asarray(reply.values)
    return values.reshape(-1).real if values.dtype.kind == "c" else values.reshape(-1)


def budget_of(chosen: Options, evaluator: Evaluator) -> int:
    """Return how many evaluations the core may make."""
    most = core.BUDGET if chosen.max_evaluations is None else chosen.max_evaluations
    if most < LEAST:
        raise InputError(f"`max_evaluations` must be at least {LEAST} for a check; got {most}")
    return most - evaluator.evaluations


def space_of(chosen: Options, evaluator: Evaluator, varying: Positions | None) -> Space:
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


def question_of(
    chosen: Options,
    watch: Watch,
    fun: Floats,
    claim: Callable[[Any], Claimed],
    called: bool,
    varying: Positions | None,
    seed: Any,
    path: Callable[[int], str],
    here: Callable[[Floats], None] | None,
    evaluate: Evaluate | None = None,
) -> Question:
    """Put together what a check needs."""
    evaluator = watch.evaluator
    space = space_of(level_at(chosen, float(np.abs(fun).max())), evaluator, varying)
    inner = evaluate or watch.reply
    if varying is not None:
        inner = _moved_base(narrowed(inner, varying, evaluator.layout.size), evaluator, varying)
    budget = budget_of(chosen, evaluator) + evaluator.evaluations
    return Question(watch, inner, space, varying, claim, called, fun.size, budget, seed or 0, path, here)


def _moved_base(evaluate: Evaluate, evaluator: Evaluator, varying: Positions) -> Evaluate:
    """Return an evaluator for requests whose base holds the entries that vary only."""

    def whole_base(request: Request) -> Reply:
        base = evaluator.base
        if not np.array_equal(request.base, base[varying]):
            base = base.copy()
            base[varying] = request.base
        return evaluate(Request(base, request.lane, request.t, request.directions, request.repeat))

    return whole_base


def calling(
    f: Any, x: Any, how: How, seed: int | None, args: tuple[Any, ...], watch: Watch
) -> Callable[[Floats], None] | None:
    """Return what calls f at a point in this process; None where it is called here anyway, or is no function.

    As with the one point that a journal has evaluated again, the answer is that of a check that did not need it.
    """
    if (how.workers is None and how.journal is None) or not callable(f) or hasattr(f, "reply"):
        return None
    plain = How(vectorized=how.vectorized, on_error=how.on_error)
    end = inf if how.deadline is None else monotonic() + how.deadline

    def called(base: Floats) -> None:
        if watch.stopped or monotonic() >= end:
            watch.stopped = watch.stopped or "deadline"
            raise Interrupted(watch.stopped)
        with watched(f, x, plain, seed=seed, args=args) as beside:
            beside.evaluate(Request(base, None, (0.0,)))

    return called


def with_seed(derivative: Any, seed: Any) -> Any:
    """Return a claimed derivative that is handed ``seed=`` as f is, where it takes one."""
    try:
        return seeded(derivative, seed) if seed is not None and callable(derivative) else derivative
    except InputTypeError:
        return derivative


def answer(question: Question, fun: Floats) -> GradientCheck:
    """Have the claim checked, and say what was found."""
    if not np.isfinite(fun).any():
        nothing, count = np.zeros(0, dtype=np.intp), question.evaluator.evaluations
        size = question.outputs * question.space.base.size
        return GradientCheck(CheckVerdict.CANNOT_TELL, nothing, (), (), "", NOWHERE, count, inf, inf, size)
    found = ran(question.watch, _checked(question, fun), evaluate=question.evaluate)
    return cut_short(question.watch, question.outputs * question.space.base.size) if found is None else found


def cut_short(watch: Watch, size: int) -> GradientCheck:
    """Return the outcome of a check that was ended before it was done."""
    nothing = np.zeros(0, dtype=np.intp)
    reason = f"{CUT_SHORT[watch.stopped]}, before all had been looked at that a verdict takes"
    count = watch.evaluator.evaluations
    return GradientCheck(CheckVerdict.CANNOT_TELL, nothing, (), (), "", reason, count, inf, inf, size, watch.stopped)


def _checked(question: Question, fun: Floats) -> Core[GradientCheck]:
    """Check a claim; where f was not called here, call nothing wrong that goes by what f leaves behind."""
    witness, moved = yield from _witness(question, fun)
    found = yield from _judged(question, fun, witness, moved)
    if found.verdict is not CheckVerdict.DISAGREE or not question.called or question.here is None:
        return found
    after = replace(question, claim=_after(question))
    layout, there = question.evaluator.layout, _elsewhere(question)[2]
    now = after.claim(layout.unflatten(question.evaluator.base))
    beside = None if witness.elsewhere is None else asked(after.claim, layout.unflatten(there))
    if _same(now, witness.first) and _same(beside, witness.elsewhere):
        return found
    witness, moved = yield from _witness(after, fun)
    return (yield from _judged(after, fun, witness, moved))


def _after(question: Question) -> Callable[[Any], Claimed]:
    """Return a claim that is asked for right after f was called at the same point, in this process."""

    def claim(point: Any) -> Claimed:
        assert question.here is not None
        question.here(flatten(point)[0])
        return question.claim(point)

    return claim


def _same(one: Claimed | None, other: Claimed | None) -> bool:
    if one is None or other is None:
        return one is other
    return one.complaint == other.complaint and np.array_equal(one.rows, other.rows, equal_nan=True)


def _judged(question: Question, fun: Floats, witness: Witness, moved: Space | None) -> Core[GradientCheck]:
    """Hold a claim, as it was answered, against f."""
    evaluator, first = question.evaluator, witness.first
    size = first.rows.size if question.varying is None else question.outputs * question.varying.size
    if first.complaint or (witness.again.complaint and not witness.random):
        return refused(evaluator, first.complaint or restless(first, witness.again), size)
    rows, slack = _varying(first, question.varying)
    gap = difference(first, witness.again)
    gap = gap if question.varying is None else gap[:, question.varying]
    unsteady = gap > RESTLESS * slack + 1e-300
    if not witness.random and unsteady.any():
        if not (yield from _random(question, fun)):
            return _unsteady(question, witness, unsteady)
        witness = replace(witness, random=True)
    slack = np.where(np.isfinite(rows), slack + 2.0 * np.where(np.isfinite(gap), gap, 0.0), 0.0)
    left = question.budget - evaluator.evaluations
    space, values, change = question.space, fun.tolist(), witness.change
    other = witness.elsewhere if witness.elsewhere is not None and not witness.elsewhere.complaint else None
    finding = yield from core.check(space, rows, slack, values, change, left, question.seed, patient=other is None)
    left = question.budget - evaluator.evaluations
    if left < 2 * LEAST:
        moved = None
    if finding.verdict is CheckVerdict.AGREE and moved is not None and stale(witness):
        there = yield from core.check(moved, rows, slack, None, change, min(THERE, left), question.seed)
        if there.verdict is CheckVerdict.DISAGREE and there.wrong.size:
            hint = "the derivative is the very same at another x, where it is wrong: it is stale, or does not use x"
            finding = replace(there, hint=hint)
    elif finding.kinked and finding.verdict is not CheckVerdict.AGREE and other is not None and moved is not None:
        rows, slack = _varying(other, question.varying)
        there = yield from core.check(moved, rows, slack, None, change, left, question.seed)
        finding = _beside(there)
    if finding.verdict is CheckVerdict.CANNOT_TELL and witness.random:
        text = "f gave two values at the same x, so it is random: fix its seed. "
        finding = replace(finding, reason=text + finding.reason)
    varying = question.varying
    names = question.pairs if varying is None else lambda i: question.pairs(int(varying[i]))
    return told(evaluator, finding, rows, names, size, varying)


def _beside(there: Finding) -> Finding:
    """Say that a finding is of a point beside x, because f has kinks at x itself.

    So close to kinks no direction alone is to be believed: an entry has to be found wrong.
    """
    if there.verdict is CheckVerdict.DISAGREE and not there.wrong.size:
        there = replace(there, verdict=CheckVerdict.CANNOT_TELL, reason="")
    known = there.verdict is not CheckVerdict.CANNOT_TELL
    note = f"{core.KINKED}; {'this is about' if known else 'nor can it be told at'} a point nearby"
    return replace(there, reason=f"{note}; {there.reason}" if there.reason else note)


def _varying(claim: Claimed, varying: Positions | None) -> tuple[Floats, Floats]:
    if varying is None:
        return claim.rows, claim.slack
    return claim.rows[:, varying], claim.slack[:, varying]


def _elsewhere(question: Question) -> tuple[Floats, float, Floats]:
    """Return another point that the derivative is called at: a direction, how far along that, and all of it."""
    evaluator, space = question.evaluator, question.space
    u = direction(space, np.arange(space.base.size), np.random.default_rng(question.seed))
    share = np.abs(u[u != 0.0])
    near = np.minimum(np.maximum(space.below, space.above), space.max_step)[u != 0.0]
    t = min(ELSEWHERE, 0.5 * float((near / share).min())) if share.size else 0.0
    part: Any = slice(None) if question.varying is None else question.varying
    full = evaluator.base.copy()
    full[part] = space.base + t * u
    return u, t, evaluator.layout.rounded(full)


def _witness(question: Question, fun: Floats) -> Core[tuple[Witness, Space | None]]:
    """Ask for the claim at x, elsewhere and at x again, each time after f; return where elsewhere is, too."""
    evaluator, space, layout = question.evaluator, question.space, question.evaluator.layout
    first = _first(question)
    u, t, full = _elsewhere(question)
    part: Any = slice(None) if question.varying is None else question.varying
    elsewhere, change = None, 0.0
    if t:
        reply = yield Request(space.base, (0,), (t,), u[np.newaxis])
        there = np.asarray(reply.values).reshape(-1)
        if np.isfinite(there).all():
            change = float(np.abs(there - fun).max()) / t
            if question.called and not first.complaint:
                elsewhere = asked(question.claim, layout.unflatten(full))
    reply = yield Request(space.base, (0,), (0.0,), None, 1)
    second = np.asarray(reply.values).reshape(-1)
    again = question.claim(layout.unflatten(evaluator.base)) if question.called else first
    return Witness(first, elsewhere, again, fun, change, not np.array_equal(second, fun, equal_nan=True)), _moved(
        space, full[part]
    )


def _first(question: Question) -> Claimed:
    """Ask for the claim at x; where it fails and f has not been called in this process, after that."""
    point = question.evaluator.layout.unflatten
    base = question.evaluator.base
    try:
        return question.claim(point(base))
    except Exception:
        if question.here is None or not question.called:
            raise
    question.here(base)
    return question.claim(point(base))


def _moved(space: Space, base: Floats) -> Space | None:
    """Return the space around another point, None where there is no room."""
    step = base - space.base
    least = space.max_step - float(np.abs(step).max())
    if not least > 0.0:
        return None
    return replace(space, base=base, below=space.below + step, above=space.above - step, max_step=least)


def _random(question: Question, fun: Floats) -> Core[bool]:
    """Return whether f is random after all: it may give the same value twice by chance, but not time after time."""
    for repeat in range(2, 2 + AGAIN):
        reply = yield Request(question.space.base, (0,), (0.0,), None, repeat)
        if not np.array_equal(np.asarray(reply.values).reshape(-1), fun, equal_nan=True):
            return True
    return False


def _unsteady(question: Question, witness: Witness, moved: Any) -> GradientCheck:
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


def refused(evaluator: Evaluator, complaint: str, size: int) -> GradientCheck:
    """Return the outcome for a claim of another shape, or of none that lasts."""
    nothing = np.zeros(0, dtype=np.intp)
    return GradientCheck(
        CheckVerdict.DISAGREE, nothing, (), (), complaint, "nothing was compared", evaluator.evaluations, inf, inf, size
    )


def told(
    evaluator: Evaluator,
    finding: Finding,
    rows: Floats,
    path: Callable[[int], str],
    size: int,
    varying: Positions | None = None,
) -> GradientCheck:
    """Name what was found by its path in x."""
    n = rows.shape[1]
    if finding.verdict is CheckVerdict.DISAGREE and not evaluator.distinct:
        finding = replace(finding, hint=ALIAS)
    table = []
    for (j, i), (ours, bar, wrong, seen) in sorted(finding.ours.items(), key=lambda item: (not item[1][2], item[0])):
        flat = j * n + i
        index = flat if varying is None else int(varying[i])
        table.append(CheckedEntry(index, path(flat), float(rows[j, i]), ours, bar, wrong, str(seen)))
    where = finding.wrong if varying is None else varying[finding.wrong]
    return GradientCheck(
        finding.verdict,
        where,
        tuple(path(int(i)) for i in finding.wrong[:NAMED]),
        tuple(table),
        finding.hint,
        finding.reason,
        evaluator.evaluations,
        finding.entry,
        finding.direction,
        size,
    )
