"""Results: frozen values that read well, and say what they are worth.

Every number a person sees is printed with the digits that are known and no more: the bar is rounded
to two figures, the value to the place of the bar's first.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from secant.core.errors import InputTypeError, VerdictError
from secant.core.kept import Bend, Bends, Samples
from secant.core.leaves import Csr, as_array, is_sparse
from secant.core.verdicts import GO_ON, DescentVerdict, Verdict

#: Entries printed of a large result: the most severe first.
SHOWN = 12


def number(value: complex, error: float = math.nan) -> str:
    """Format a number with the digits its error bar leaves standing (six where there is no bar).

    >>> number(0.2000000000000002, 1.4e-15), number(6.0, 0.0123), number(1 / 3)
    ('0.2', '6', '0.333333')
    """
    if isinstance(value, complex):
        return f"{number(value.real, error)}{'-' if value.imag < 0 else '+'}{number(abs(value.imag), error)}j"
    if not math.isfinite(value):
        return str(value)
    if error == 0.0:
        return trim(repr(value))
    if not math.isfinite(error) or error < 0.0:
        return f"{value:.6g}"
    if value == 0.0:
        return "0"
    place = math.floor(math.log10(error))
    if place >= 0 and abs(value) < 1e16:
        return str(round(value / 10**place) * 10**place)
    digits = min(16, math.floor(math.log10(abs(value))) - place + 1)
    if digits < 1:
        return "0"
    return trim(f"{value:.{digits}g}")


def trim(text: str) -> str:
    """Drop the zeros that say nothing at the end of a decimal number."""
    mantissa, e, exponent = text.partition("e")
    if "." in mantissa:
        mantissa = mantissa.rstrip("0").rstrip(".")
    return mantissa + e + exponent


def counted(count: int, what: str) -> str:
    """Say how many there are of something.

    >>> counted(1, "iteration"), counted(2, "iteration")
    ('1 iteration', '2 iterations')
    """
    return f"{count} {what}{'' if count == 1 else 's'}"


def bar(error: float) -> str:
    """Format an error bar: two figures, or ``inf`` and ``0``."""
    return trim(f"{error:.2g}")


@dataclass(frozen=True, slots=True)
class Slope:
    """The derivative along one line, and what was seen on the way to it.

    ``left`` and ``right`` are one-sided slopes (NaN where they were not told apart), ``noise`` the
    absolute level of f's error, ``step`` the step of the entry that won, ``reach`` the largest step
    used, ``jump`` the height of a jump. All are in the units of f and x. ``note`` is what more was seen, and
    ``advice`` what to do about that, where the verdict's own remedy is not it; ``bend`` is how f bends (see
    :class:`Bends`), None where that was not seen.
    """

    value: float
    error: float
    verdict: Verdict
    evaluations: int = 0
    noise: float = math.nan
    step: float = math.nan
    reach: float = math.nan
    left: float = math.nan
    right: float = math.nan
    jump: float = math.nan
    note: str = ""
    advice: str = ""
    bend: Bend | None = None

    @property
    def sentence(self) -> str:
        """The verdict in words, with this line's numbers."""
        # What a kink's bar holds beyond half the distance of its two slopes is how well each of them is known.
        known = self.error - 0.5 * abs(self.right - self.left)
        shown = {
            "noise": bar(self.noise),
            "step": bar(self.step),
            "left": number(self.left, known),
            "right": number(self.right, known),
            "jump": bar(abs(self.jump)),
            "side": "right" if math.isnan(self.left) else "left",
        }
        text = self.verdict.sentence.format(**shown)
        if self.verdict is Verdict.KINK and math.isnan(self.left):
            text = "no derivative here"
        elif self.verdict is Verdict.UNDEFINED and self.note:
            return f"no derivative here: {self.note}"
        elif self.verdict is Verdict.UNRESOLVED and math.isinf(self.error):
            text = "no bar can be given"
        return f"{text}; {self.note}" if self.note else text

    @property
    def remedy(self) -> str:
        """What to do about it."""
        unfinished = [why for why, words in CUT_SHORT.items() if words in self.note]
        if self.verdict is Verdict.UNRESOLVED and unfinished:
            return GO_ON[unfinished[0]]
        return self.advice or self.verdict.remedy


#: What cut an answer short, in words that the note of whatever was not finished holds.
CUT_SHORT = {"deadline": "cut short by the deadline", "keyboard": "cut short from the keyboard"}


@dataclass(frozen=True, slots=True)
class Estimate:
    """A derivative with an error bar, verdicts, and its price.

    Attributes
    ----------
    value, error : the derivative and its bar, in the structure that was asked for (a float for a
        scalar, an array, or a tree of them). The bar is about the derivative of the function *as
        computed*; ``verdict.holds`` says what it holds. Both are NaN where an entry was not asked for
        (``wrt=``): such entries have no say in the verdict, and are not printed.
    verdicts : a :class:`Verdict` per entry, in the same structure.
    verdict : the most severe of them.
    evaluations : calls of f that were paid for, f(x) included.
    details : by path, the :class:`Slope` of every entry that is not ok (``details[""]`` of a scalar).
    fun : f(x), where it was evaluated.
    step : the step whose values decided, per entry.
    samples : the :class:`Samples`, when they were asked for (``keep_samples=True``).
    stopped : ``"deadline"`` or ``"keyboard"`` when the answer was cut short: what was not finished by then is
        ``unresolved``, the rest is what it would have been. Empty otherwise.
    matrix, matrix_error : of a Hessian, value and error as (n, n) arrays, n being the entries of x in the order in
        which its leaves come; else None.
    note : what the whole rests on, where there is something to say: the pattern of a sparse Jacobian, for one.
    bends : how f bends around x, which is what ``near=`` of a later question goes by; None where that was not seen.

    Of a sparse Jacobian ``value``, ``error`` and ``step`` are SciPy's CSR arrays of one pattern, and ``verdicts`` an
    array in the order of ``value.data``.

    >>> Estimate(0.2, 1.4e-15, Verdict.OK, Verdict.OK, 13)
    0.2 +/- 1.4e-15   ok   13 evaluations
    """

    value: Any
    error: Any
    verdicts: Any
    verdict: Verdict
    evaluations: int
    details: Mapping[str, Slope] = field(default_factory=dict)
    fun: Any = None
    step: Any = None
    samples: Samples | None = None
    stopped: str = ""
    matrix: Any = None
    matrix_error: Any = None
    note: str = ""
    bends: Bends | None = field(default=None, compare=False)

    @property
    def ok(self) -> bool:
        """Whether every entry is ``ok``."""
        return self.verdict is Verdict.OK

    @property
    def message(self) -> str:
        """What was found, entry by entry, and what to do about it; one line each."""
        lines = []
        for path, slope in _severest(self.details):
            lines.append(f"{path + ': ' if path else ''}{slope.verdict}: {slope.sentence}. Remedy: {slope.remedy}.")
        hidden = len(self.details) - len(lines)
        if hidden:
            lines.append(f"... and {hidden} more {'entry that is' if hidden == 1 else 'entries that are'} not ok")
        if not lines:
            lines.append(f"{self.verdict}: {self.verdict.sentence}.")
        if self.stopped:
            lines.append(f"{CUT_SHORT.get(self.stopped, self.stopped)}: what was not finished by then is unresolved")
        return "\n".join(lines)

    def raise_for_verdict(self) -> Estimate:
        """Return this estimate when it is ok; raise :class:`VerdictError` with the message otherwise."""
        if not self.ok:
            raise VerdictError(self.message, self)
        return self

    def to_json(self) -> str:
        """Return the estimate as JSON text (read back by ``secant.from_json``)."""
        from secant.core.serialize import to_json

        return to_json(self)

    def __float__(self) -> float:
        values = np.asarray(self.value.data if is_sparse(self.value) else as_array(self.value))
        if values.size != 1 or values.dtype == object:
            raise InputTypeError(f"only a single number converts to float; this estimate has {values.size} entries")
        return float(values.reshape(()))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        value = self.value.toarray() if is_sparse(self.value) else as_array(self.value)
        return np.array(value, dtype=dtype)

    def __str__(self) -> str:
        count = counted(self.evaluations, "evaluation")
        count += f", {CUT_SHORT.get(self.stopped, self.stopped)}" if self.stopped else ""
        leaves = list(_leaves("", self.value, self.error, self.verdicts))
        if len(leaves) == 1 and np.ndim(leaves[0][1]) == 0:
            _, value, error, _ = leaves[0]
            return f"{_entry(value, error)}   {self.verdict}   {count}"
        rows = [row for path, value, error, verdicts in leaves for row in _rows(path, value, error, verdicts)]
        shown = rows if len(rows) <= SHOWN else sorted(rows, key=_severity, reverse=True)[:SHOWN]
        entries = sum(value.nnz for _, value, _, _ in leaves if is_sparse(value)) or len(rows)
        width = max((len(path) for path, _, _ in shown), default=0)
        lines = [f"{path:<{width}}  {text}   {verdict}" for path, text, verdict in shown]
        if entries > len(shown):
            hidden = entries - len(shown)
            lines.append(f"... {hidden} more {'entry' if hidden == 1 else 'entries'}")
        return "\n".join([*lines, f"{self.verdict}   {count}", *([self.note] if self.note else [])])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        import html

        return f"<pre>{html.escape(str(self))}</pre>"


def _entry(value: Any, error: Any) -> str:
    item = value.item() if hasattr(value, "item") else value
    spread = float(error)
    return f"{number(item, spread)} +/- {bar(spread)}"


def _severity(row: tuple[str, str, Any]) -> int:
    return int(getattr(row[2], "severity", 0))


def _severest(details: Mapping[str, Slope]) -> list[tuple[str, Slope]]:
    return sorted(details.items(), key=lambda item: -item[1].verdict.severity)[:SHOWN]


def children(node: Any) -> list[tuple[str, Any]] | None:
    """Return the labeled children of an inner node of a tree, or None for a leaf.

    >>> children({"w": 1.0}), children([2.0]), children(3.0)
    ([("['w']", 1.0)], [('[0]', 2.0)], None)
    """
    if isinstance(node, Mapping):
        return [(f"[{key!r}]", item) for key, item in node.items()]
    if isinstance(node, tuple) and hasattr(node, "_fields"):
        return [(f".{name}", getattr(node, name)) for name in node._fields]
    if isinstance(node, list | tuple):
        return [(f"[{index}]", item) for index, item in enumerate(node)]
    if hasattr(node, "__dataclass_fields__") and not isinstance(node, type | Csr):
        return [(f".{part.name}", getattr(node, part.name)) for part in fields(node)]
    return None


def _leaves(path: str, value: Any, error: Any, verdicts: Any) -> Iterator[tuple[str, Any, Any, Any]]:
    below = children(value)
    if below is None:
        value, error = as_array(value), as_array(error)
        # An error of NaN marks what was not asked for.
        if value is not None and not (np.ndim(value) == 0 and np.isnan(error)):
            yield path, value, error, verdicts
        return
    for (label, item), (_, spread), (_, words) in zip(
        below, children(error) or [], children(verdicts) or [], strict=True
    ):
        yield from _leaves(path + label, item, spread, words)


def _rows(path: str, value: Any, error: Any, verdicts: Any) -> Iterator[tuple[str, str, Any]]:
    if is_sparse(value):
        yield from _sparse_rows(value, error, verdicts)
        return
    if np.ndim(value) == 0:
        yield path, _entry(value, error), verdicts
        return
    values, errors, words = np.asarray(value), np.asarray(error), np.asarray(verdicts, dtype=object)
    order: Callable[[tuple[int, ...]], int] = lambda index: -words[index].severity  # noqa: E731
    indices = [index for index in np.ndindex(values.shape) if not np.isnan(errors[index])]
    if len(indices) > SHOWN:
        indices.sort(key=order)
    for index in indices:
        label = ", ".join(str(part) for part in index)
        yield f"{path}[{label}]", _entry(values[index], errors[index]), words[index]


def _sparse_rows(value: Any, error: Any, verdicts: Any) -> Iterator[tuple[str, str, Any]]:
    """Yield the entries of a sparse matrix that are printed: all of a few, the most severe of many."""
    places: Any = range(value.nnz)
    if value.nnz > SHOWN:
        severity = np.fromiter((word.severity for word in verdicts), dtype=np.int8, count=value.nnz)
        places = np.argsort(-severity, kind="stable")[:SHOWN].tolist()
    for place in places:
        row = int(np.searchsorted(value.indptr, place, side="right")) - 1
        yield f"[{row}, {value.indices[place]}]", _entry(value.data[place], error.data[place]), verdicts[place]


@dataclass(frozen=True, slots=True)
class Event:
    """Something worth telling that happened during a descent.

    ``kind`` is the word of a :class:`DescentVerdict`, ``iteration`` the step at which it was first
    seen, ``last`` the one at which it was last seen, ``text`` the sentence with its numbers, and
    ``facts`` those numbers by name.
    """

    kind: DescentVerdict
    iteration: int
    last: int
    text: str
    facts: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Descent:
    """Where a descent went, how it ended, and why.

    Attributes
    ----------
    x : the last point, in x0's structure.   fun : f there.
    evaluations : calls of f.   iterations : steps taken.
    verdict : how it ended; only ``converged`` is a success.
    events : what was noticed on the way, in order of iteration.
    path : (iterations + 1, n) array of the points visited, flat.
    values : (iterations + 1,) array of f along the path.
    lr : the learning rate of the last step; of ``minimize``, its length in steps of the model.
    stopped : ``"deadline"``, ``"keyboard"`` or ``"callback"`` when the run was cut short, empty otherwise.
    gradient : the :class:`Estimate` at x, of ``minimize``; else None.
    """

    x: Any
    fun: float
    evaluations: int
    iterations: int
    verdict: DescentVerdict
    events: tuple[Event, ...]
    path: Any
    values: Any
    lr: float
    note: str = ""
    stopped: str = ""
    gradient: Estimate | None = None

    @property
    def success(self) -> bool:
        """Whether the run converged."""
        return self.verdict is DescentVerdict.CONVERGED

    @property
    def remedy(self) -> str:
        """What to do about it: what cut it short says more than the verdict, and so does the gradient at an end."""
        if self.verdict is DescentVerdict.BUDGET and self.stopped in GO_ON:
            return GO_ON[self.stopped]
        seen = None if self.gradient is None else self.gradient.verdict
        if self.verdict is DescentVerdict.NOISE_FLOOR and seen in (Verdict.KINK, Verdict.JUMP):
            return f"usable where f rises on all sides of x; to go further smooth f at its {seen}, or start elsewhere"
        if self.verdict is DescentVerdict.NOISE_FLOOR and seen is Verdict.INDEPENDENT:
            return Verdict.INDEPENDENT.remedy
        return self.verdict.remedy

    @property
    def message(self) -> str:
        """The verdict and every event in words, one a line."""
        head = f"{self.verdict}: {self.note or self.verdict.sentence}. Remedy: {self.remedy}."
        return "\n".join([head, *(f"iteration {event.iteration}: {event.kind}: {event.text}" for event in self.events)])

    def to_scipy(self) -> Any:
        """Return the descent as SciPy's OptimizeResult (needs scipy); ``status`` is the verdict's severity.

        >>> from secant import minimize
        >>> found = minimize(lambda x: (x[0] - 3.0) ** 2, [0.0]).to_scipy()
        >>> found.success, found.status, found.nfev == found.descent.evaluations
        (True, 0, True)
        """
        from scipy.optimize import OptimizeResult

        jac = {} if self.gradient is None else {"jac": self.gradient.value}
        return OptimizeResult(
            x=self.x, fun=self.fun, success=self.success, status=self.verdict.severity, message=self.message,
            nfev=self.evaluations, nit=self.iterations, descent=self, **jac,
        )  # fmt: skip

    def to_json(self) -> str:
        """Return the descent as JSON text (read back by ``secant.from_json``)."""
        from secant.core.serialize import to_json

        return to_json(self)

    def __str__(self) -> str:
        counts = f"{counted(self.iterations, 'iteration')}   {counted(self.evaluations, 'evaluation')}"
        head = f"{self.verdict}   f = {number(self.fun)}   {counts}"
        return "\n".join([head, *(f"  iteration {event.iteration}: {event.text}" for event in self.events)])

    __repr__ = __str__


@dataclass(frozen=True, slots=True)
class StepStudy:
    """The error of a fixed-step difference against its step, and where secant's own answer lies.

    Attributes
    ----------
    steps, values, errors : (k,) arrays: the step, the central difference, its distance from the
        reference (the estimate's value, or ``truth`` when given).
    estimate : secant's own :class:`Estimate`.
    best : the step with the smallest error.
    marks : named steps worth pointing at (the notes' two, and the chosen one).
    """

    steps: Any
    values: Any
    errors: Any
    estimate: Estimate
    best: float
    marks: Mapping[str, float]

    def __str__(self) -> str:
        lines = ["      step   difference               error"]
        for step, value, error in zip(self.steps, self.values, self.errors, strict=True):
            lines.append(f"{step:10.3g}   {value:<22.16g}   {error:.2g}")
        return "\n".join([*lines, f"best step {self.best:.3g}; secant: {self.estimate}"])

    __repr__ = __str__

    def to_json(self) -> str:
        """Return the study as JSON text (read back by ``secant.from_json``)."""
        from secant.core.serialize import to_json

        return to_json(self)
