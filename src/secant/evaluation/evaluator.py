"""One point at a time, in this process: the evaluator that all others are measured against.

Rules:

* f gets a fresh x for every call, and may do with it what it likes; the caller's data are never
  written (but under ``inplace``, see :mod:`secant.evaluation.inplace`).
* A step is added in the leaf's own dtype. ``t == 0`` is the point itself, exactly; it is x when the request's base
  is the evaluator's own (an algorithm that moves on has other bases).
* At the point itself f must succeed: its exceptions pass through, with the point as a note (PEP 678).
  At other points ``on_error`` decides what passes and what becomes a status:

  ============  =========================  ===================  =============================
  ``on_error``  ArithmeticError,           other exceptions     NumPy's floating-point errors
                ValueError
  ============  =========================  ===================  =============================
  ``"domain"``  outside                    pass                 silent
  ``"raise"``   pass                       pass                 as the caller has set them
  ``"mark"``    failed                     failed               silent
  ============  =========================  ===================  =============================

  NaN and infinite values are ``not finite`` under all of them. KeyboardInterrupt always passes.
* A complex value where f was real before is the end of the domain: ``(-1e-9) ** 0.5`` in Python.
* A point beyond the range of its dtype is outside; f is not called there.

The driver holds what it has learned about f (the shape and the precision of its values, whether they
ever differed), so it is a class; one serves one f at one x, for as many requests as there are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from math import isfinite, nan, prod
from typing import Any, Literal, TypeAlias, get_args

import numpy as np

from secant.core.errors import InputError, InputTypeError, OutputError, kind_of
from secant.core.request import FAILED, NOT_FINITE, OK, OUTSIDE, UNIT_ROUNDOFF, Floats, Reply, Request
from secant.evaluation import foreign
from secant.evaluation.imaginary import beside, moved, sideways
from secant.evaluation.inplace import Lent
from secant.evaluation.trees import flatten
from secant.evaluation.values import ComplexValueError, Flat, GivenValueError, read, same

OnError: TypeAlias = Literal["domain", "raise", "mark"]

_ON_ERROR = get_args(OnError)

#: Exceptions remembered in words; the first ones tell the story.
REMEMBERED = 5

#: Entries of x named in a note; more would hide the message.
NAMED = 4


class Evaluator:
    """Call f at the points of a request.

    Parameters
    ----------
    f : called as ``f(x, *args)``; returns a real or complex number or an array of them.
    x : where f is studied; see :func:`secant.evaluation.trees.flatten`.
    args : further arguments, handed on as they are.
    on_error : what an exception away from x means: the table above.
    inplace : hand f the caller's own arrays, moved and restored.
    name, x_name : what messages call f and x.

    Attributes
    ----------
    base, layout : x as a flat float64 vector, and the way back.
    evaluations : calls of f so far.
    value_shape : shape of f's values, None before the first; ``()`` for a scalar function.
    complex_values : whether f's values are complex.
    home : where f's values live when they are arrays of another library than NumPy.
    eps : unit roundoff of f's values, the coarsest seen.
    distinct : whether any two outcomes differed so far (failures aside).
    failures : the first few exceptions that became a status, each as a line of text with its point.
    paid : values and statuses (by position) of the request that was broken off last, as far as they came.

    Raises
    ------
    InputError, InputTypeError : for arguments that are not allowed.

    >>> evaluate = Evaluator(lambda x: x[0] * x[1], np.array([3.0, 4.0]))
    >>> evaluate(Request(evaluate.base, (0, 0, 1), (0.0, 0.5, 0.5))).values
    [12.0, 14.0, 13.5]
    """

    def __init__(
        self,
        f: Callable[..., Any],
        x: Any,
        *,
        args: tuple[Any, ...] = (),
        on_error: OnError = "domain",
        inplace: bool = False,
        name: str = "f",
        x_name: str = "x",
    ) -> None:
        if not callable(f):
            hint = f": `{name}` comes first, then `{x_name}`" if callable(x) else ""
            raise InputTypeError(f"`{name}` must be callable; got {kind_of(f)}{hint}")
        if not isinstance(args, tuple):
            raise InputTypeError(f"`args` must be a tuple; got {kind_of(args)}")
        if on_error not in _ON_ERROR:
            raise InputError(f"`on_error` must be 'domain', 'raise' or 'mark'; got {on_error!r}")
        if not isinstance(inplace, bool):
            raise InputTypeError(f"`inplace` must be True or False; got {kind_of(inplace)}")
        self.base, self.layout = flatten(x, name=x_name)
        self.evaluations = 0
        self.value_shape: tuple[int, ...] | None = None
        self.complex_values = False
        self.home: foreign.Home | None = None
        self.eps = UNIT_ROUNDOFF
        self.distinct = False
        self.failures: list[str] = []
        self.paid: tuple[list[Any], dict[int, int]] = ([], {})
        self._name, self._x_name = name, x_name
        self._on_error = on_error
        call: Callable[[Any], Any] = (lambda point: f(point, *args)) if args else f
        self._call = call
        self._lent = Lent(x, self.layout, name=x_name) if inplace else None
        self._view = self.layout.viewer()
        self._exact = self.layout.exact
        scalar = self.layout.leaves[0].form == "scalar"
        self._at: Callable[[float], Any] = (lambda point: call(np.float64(point))) if scalar else call
        self._number = self.layout.scalar and self._exact and not inplace and self.layout.leaves[0].form != "array"
        self._plain = False  # whether values are known to be real numbers, so that a float needs no look
        self._given = False  # whether what is known of them is what was given for f(x), and not seen
        self._mixed = False  # whether a complex one came where they are real
        self._first: Any = self  # nothing seen yet: equal to no outcome

    def __call__(self, request: Request) -> Reply:
        """Return the values of a request, evaluated in order.

        For a scalar real function of a request whose ``t`` is a tuple they are a list of floats.
        """
        rows: list[Any] = []
        status: dict[int, int] = {}
        try:
            if request.imaginary:
                return self._beside(request, rows)
            steps = request.t
            if self._number and type(steps) is tuple and request.directions is None and 0.0 not in steps[1:]:
                x = request.base.item(0)
                if -_SAFE < x < _SAFE:
                    if steps and not steps[0] and request.base is self.base:
                        self._numbers(request, x, steps[:1], rows, status)
                        steps = steps[1:]
                    if self._on_error == "raise":
                        self._numbers(request, x, steps, rows, status)
                    elif steps:
                        with np.errstate(all="ignore"):
                            self._numbers(request, x, steps, rows, status)
                    return self._reply(rows, status, True)
            listed: Sequence[float] = steps if isinstance(steps, tuple) else np.asarray(steps).tolist()
            for at_x, run in _runs(listed):
                if (at_x and request.base is self.base) or self._on_error == "raise":
                    self._points(request, run, rows, status)
                else:
                    with np.errstate(all="ignore"):
                        self._points(request, run, rows, status)
            return self._reply(rows, status, not isinstance(steps, np.ndarray))
        except BaseException:
            self.paid = rows, status
            if self._lent is not None:
                # Once more: an interrupt may have hit x while it was being restored.
                self._lent.restore()
            raise

    def _beside(self, request: Request, rows: list[Any]) -> Reply:
        """Evaluate beside the real axis; every exception passes, with the point as a note."""
        make = sideways(self.layout)
        for j, t in enumerate(request.t):
            i = 0 if request.lane is None else int(request.lane[j])
            self.evaluations += 1
            try:
                with np.errstate(all="ignore"):
                    point = make(moved(request.base, i, float(t), request.directions))
                    rows.append(beside(self._call, point, self.value_shape, self._name))
            except Exception as error:
                error.add_note(f"while evaluating {self._name} at {self._where(request, i, 0.0)} plus {float(t)!r}j")
                raise
        return Reply(np.array(rows), None, self.eps)

    def expect(self, value: Any) -> Flat:
        """Take f(x) as known without calling f, and return it flat.

        f's own values show whether it was like them (:meth:`confirm`).

        Raises
        ------
        InputError, InputTypeError : for what is not finite, or no value that f could have.

        >>> Evaluator(lambda x: x * x, 3.0).expect(9)
        array([9.])
        """
        try:
            flat, self.value_shape, eps = read(value, "f0")
        except OutputError as error:
            raise InputTypeError(str(error).replace("must return", "must be")) from None
        if not np.isfinite(flat).all():
            raise InputError(f"`f0` must be finite; got {value!r}")
        self.home, self.complex_values = foreign.home_of(value), flat.dtype == np.complex128
        self.eps = max(self.eps, eps)
        self._given, self._plain = True, False
        self._first = flat if self.value_shape or self.complex_values else flat.item()
        return flat

    def confirm(self) -> None:
        """Raise when a real number was given for f(x), and f itself returned none but complex ones."""
        if self._given and self._mixed:
            raise GivenValueError("`f0` must be complex, as f's values are; got a real number")

    def shaped(self, flat: Any, kind: foreign.Kind = "value") -> Any:
        """Return m results, one for each of f's outputs, as f does: one alone, or an array of f's shape and library.

        >>> evaluate = Evaluator(lambda x: [x, x * x], 3.0)
        >>> evaluate.shaped(evaluate(Request(evaluate.base, None, (0.0,))).values[0])
        array([3., 9.])
        """
        shape = self.value_shape
        values = np.array(flat, dtype=object if kind == "verdict" else None)
        if not shape:
            return values.item()
        return values.reshape(shape) if self.home is None else foreign.result(self.home, values.reshape(shape), kind)

    def _numbers(
        self, request: Request, x: float, steps: Sequence[float], rows: list[Any], status: dict[int, int]
    ) -> None:
        """Evaluate at a number moved by each step: the short way, some tenths of a microsecond a point."""
        call, append, float64 = self._at, rows.append, np.float64
        plain, calls = self._plain, 0
        try:
            for t in steps:
                calls += 1
                try:
                    value = call(x + t if t else x)
                    if type(value) is float64:
                        value = float(value)
                    if plain and type(value) is float and value - value == 0.0:
                        append(value)
                    else:
                        self._take(value, rows, status)
                        plain = self._plain
                except Exception as error:
                    if not self._absorbed(error, request, t, rows, status):
                        raise
        finally:
            self.evaluations += calls

    def _points(self, request: Request, steps: Sequence[float], rows: list[Any], status: dict[int, int]) -> None:
        """Evaluate at any points of any x."""
        call, view, lent = self._call, self._view, self._lent
        lane, copy, item = request.lane, request.base.copy, request.base.item
        simple = self._exact and request.directions is None
        vector: Floats | None
        for t in steps:
            i = 0 if lane is None else lane[len(rows)]
            try:
                if not simple:
                    vector = self.vector(request, i, t)
                else:
                    vector = copy()
                    if t:
                        vector[i] = entry = item(i) + t
                        if entry - entry != 0.0:
                            vector = None
                if vector is None:
                    status[len(rows)] = OUTSIDE
                    rows.append(nan)
                    continue
                self.evaluations += 1
                if lent is None:
                    self._take(call(view(vector)), rows, status)
                    continue
                try:
                    # The value is read before x moves back: it may be a view of x.
                    self._take(call(lent.place(vector)), rows, status)
                finally:
                    lent.restore()
            except Exception as error:
                if not self._absorbed(error, request, t, rows, status):
                    raise

    def vector(self, request: Request, i: int, t: float) -> Floats | None:
        """Return a point, flat and in fresh memory, or None when it is beyond the range of its dtype."""
        vector = request.base.copy()
        if not t:
            return vector
        if request.directions is not None:
            with np.errstate(all="ignore"):
                vector += t * request.directions[i]
            if not self._exact:
                vector = self.layout.rounded(vector)
            return vector if np.isfinite(vector).all() else None
        rounder = self.layout.rounder(i)
        entry = vector.item(i) + t if rounder is None else rounder(vector.item(i) + rounder(t))
        vector[i] = entry
        return vector if isfinite(entry) else None

    def _take(self, value: Any, rows: list[Any], status: dict[int, int]) -> None:
        """Read one value of f into the rows, and learn from it what f's values are like."""
        eps = _ROUNDOFF.get(type(value))
        if eps is not None and self.value_shape is None:
            self.value_shape, self._plain = (), True
        if self._plain and eps is not None:
            number = float(value)
        else:
            flat, shape, eps = read(value, self._name)
            if self.value_shape is None or self._given:
                self._meet(value, flat, shape)
            self._hold(flat, shape)
            if not self._plain:
                if not np.isfinite(flat).all():
                    status[len(rows)] = NOT_FINITE
                self.eps = max(self.eps, eps)
                rows.append(flat)
                return
            number = float(flat[0])
        if number - number != 0.0:
            status[len(rows)] = NOT_FINITE
        self.eps = max(self.eps, eps)
        rows.append(number)

    def _meet(self, value: Any, flat: Flat, shape: tuple[int, ...]) -> None:
        """Note what f's values are like, from the first of them."""
        is_complex = flat.dtype == np.complex128
        if self._given:
            given = self.value_shape or ()
            if shape != given and not flat.size == prod(given) == 1:
                raise GivenValueError(f"`f0` must have the shape of f's values, {shape}; got {given}")
            if is_complex and not self.complex_values:
                return  # beyond the end of the domain, or else all of them are
            is_complex = self.complex_values
        self.home, self.value_shape, self.complex_values = foreign.home_of(value), shape, is_complex
        self._given, self._plain = False, not shape and not is_complex

    def _hold(self, flat: Flat, shape: tuple[int, ...]) -> None:
        """Hold a value to what the first was like."""
        if flat.dtype == np.complex128 and not self.complex_values:
            self._mixed, shown = True, "" if shape else f": {flat.item()}"
            raise ComplexValueError(f"`{self._name}` returned a complex value where it was real before{shown}")
        if shape != self.value_shape:
            raise OutputError(f"`{self._name}` must return values of one shape; got {shape} after {self.value_shape}")

    def _absorbed(self, error: Exception, request: Request, t: float, rows: list[Any], status: dict[int, int]) -> bool:
        """Turn an exception into a status and return True, or add the point to it as a note."""
        code = OK
        away = (t != 0.0 or request.base is not self.base) and not isinstance(error, GivenValueError)
        if away and self._on_error == "mark":
            code = FAILED
        elif away and self._on_error == "domain" and ends_domain(error):
            code = OUTSIDE
        text = ""
        if not code or len(self.failures) < REMEMBERED:
            text = self._where(request, 0 if request.lane is None else int(request.lane[len(rows)]), t)
        if not code:
            error.add_note(f"while evaluating {self._name} at {text}")
            return False
        if text:
            self.failures.append(f"at {text}: {type(error).__name__}: {error}")
        status[len(rows)] = code
        rows.append(nan)
        return True

    def _where(self, request: Request, i: int, t: float) -> str:
        """Say where a point is, in a few words however large x is."""
        base, x = request.base, self._x_name
        if not t:
            if self.layout.scalar:
                return f"{x} = {base.item(0)!r}"
            named = ", ".join(f"{self.layout.path(k)} = {base.item(k)!r}" for k in range(min(NAMED, base.size)))
            return f"{x} with {named}" + (f", ... ({base.size} entries)" if base.size > NAMED else "")
        sign, length = ("-", -t) if t < 0.0 else ("+", t)
        if request.directions is not None:
            if t == 1.0 and not base.any():  # from the origin, a direction is the point itself
                return self._where(Request(request.directions[i], None, (0.0,)), 0, 0.0)
            return f"{x} {sign} {length!r} * v" + (f" (direction {i})" if len(request.directions) > 1 else "")
        vector = self.vector(request, i, t)
        moved = vector.item(i) if vector is not None else base.item(i) + t
        path = self.layout.path(i)
        return f"{x}{f' with {path}' if path else ''} = {moved!r} ({base.item(i)!r} {sign} {length!r})"

    def _reply(self, rows: list[Any], status: dict[int, int], plain: bool) -> Reply:
        """Put rows together: a list of floats, or one array with a row for each point."""
        if not self.distinct:
            self.compare(rows, status)
        codes = None
        if status:
            codes = np.zeros(len(rows), dtype=np.int8)
            for j, code in status.items():
                codes[j] = code
                # Where some outputs have no value, the others keep theirs.
                rows[j] = np.where(np.isfinite(rows[j]), rows[j], nan) if np.ndim(rows[j]) else nan
        if self.complex_values or self.value_shape:
            dtype: Any = np.complex128 if self.complex_values else np.float64
            if len(rows) == 1 and np.ndim(rows[0]) and rows[0].dtype == dtype:
                return Reply(rows[0][np.newaxis], codes, self.eps)
            values: Any = np.empty((len(rows), prod(self.value_shape or ())), dtype=dtype)
            for j, row in enumerate(rows):
                values[j] = row
            return Reply(values, codes, self.eps)
        if plain:
            return Reply(rows, codes, self.eps)
        return Reply(np.array(rows, dtype=np.float64).reshape(-1, 1), codes, self.eps)

    def compare(self, rows: list[Any], status: dict[int, int]) -> None:
        """Note whether two outcomes differed: two values, or a value and none."""
        for j, row in enumerate(rows):
            code = status.get(j, OK)
            if code == FAILED:
                continue
            outcome = None if code else row
            if self._first is self:
                self._first = outcome
            elif not same(self._first, outcome):
                self.distinct = True
                return


#: A number below this plus any other is finite: less than half the spacing of the largest floats.
_SAFE = 2.0**969

_ROUNDOFF = {float: UNIT_ROUNDOFF, np.float64: UNIT_ROUNDOFF, np.float32: 2.0**-24, np.float16: 2.0**-11}


def ends_domain(error: Exception) -> bool:
    """Return whether an exception of f says that it has no value there."""
    return isinstance(error, ArithmeticError | ValueError) or foreign.ends_domain(error)


def _runs(steps: Sequence[float]) -> Iterator[tuple[bool, Sequence[float]]]:
    """Split steps into runs: at the point itself (True), and away from it.

    >>> list(_runs((0.0, 0.5, -0.5)))
    [(True, (0.0,)), (False, (0.5, -0.5))]
    """
    if 0.0 not in steps:
        yield False, steps
    elif steps[0] == 0.0 and 0.0 not in steps[1:]:
        yield True, steps[:1]
        yield False, steps[1:]
    else:
        for at_x, run in groupby(steps, key=lambda t: t == 0.0):
            yield at_x, tuple(run)
