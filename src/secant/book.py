"""The names of the book behind the notes, on secant's engine.

Rules:

* What goes in and comes out is what the book's code takes and returns: plain numbers and arrays. Bars
  and verdicts are one name away: ``secant.derivative``, ``secant.gradient``, ``secant.gradient_descent``.
* A derivative is the book's (f(x + h) - f(x - h)) / (2 h) with h = 1e-4, to the last bit, where x has
  double precision. In float32 and float16 that step is mostly rounding (5.989 for 6), so secant's own
  step is taken there. ``step=None`` asks for secant's own step, a number for that step.
* An array of floats is moved in place, as the book does, so that a function which ignores its
  argument and reads the array by another name (``lambda w: net.loss(x, t)``) is seen to depend on it.
  Afterwards the array is what it was, bit for bit, whatever the function did or raised.
* Integers cannot be moved by 1e-4. They are copied to float64, and a function that does not react to
  the copy is an error, not a gradient of zeros.

* The optimizers of chapter 6 move the arrays of a dict in place, as the book's classes do; each is a rule of secant's,
  with a memory for each array.

Source: K. Saito, "Deep Learning from Scratch" (O'Reilly, 2019), chapters 3, 4 and 6.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, Literal, TypeAlias, TypedDict, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

import secant
from secant import nn

__all__ = [
    "SGD",
    "AdaGrad",
    "Adam",
    "Momentum",
    "cross_entropy_error",
    "gradient_descent",
    "identity_function",
    "mean_squared_error",
    "numerical_diff",
    "numerical_gradient",
    "relu",
    "relu_grad",
    "sigmoid",
    "sigmoid_grad",
    "softmax",
    "softmax_loss",
    "step_function",
]

Reals: TypeAlias = NDArray[np.floating[Any]]
Step: TypeAlias = float | Literal["book"] | None
_Rule: TypeAlias = "secant.Plain | secant.Momentum | secant.AdaGrad | secant.Adam"
_Kept: TypeAlias = dict[str, tuple[Any, ...]]
Result = TypeVar("Result", secant.Estimate, secant.Descent)

#: The book's difference step and the number it adds inside the logarithm.
STEP, EPSILON = 1e-4, 1e-7


class _Scheme(TypedDict):
    method: Literal["auto", "central"]
    step: float | None


def numerical_diff(f: Callable[[float], Any], x: float, *, step: Step = "book") -> float:
    """Return the derivative of f at the number x.

    `step` is ``"book"`` (1e-4), another number, or None for secant's own. NaN is returned where f
    has no derivative; ``secant.derivative`` says why.

    >>> numerical_diff(lambda x: 0.01 * x**2 + 0.1 * x, 5)
    0.1999999999990898
    """
    value: float = _whole(secant.derivative(f, x, **_scheme(np.asarray(x), step))).value
    return value


def numerical_gradient(f: Callable[[Any], Any], x: ArrayLike, *, step: Step = "book") -> Reals:
    """Return the gradient of f at an array x of any shape, as an array of that shape.

    A writeable float array is handed to f itself, moved in place and restored. Anything else
    (integers, lists, read-only arrays) is handed over as a float copy. `step` is as in
    :func:`numerical_diff`.

    Raises ``InputError`` when f does not react to the copy it is given, and warns when it does not
    react to the array itself.

    >>> numerical_gradient(lambda x: x[0] ** 2 + x[1] ** 2, np.array([3, 4]))
    array([6., 8.])
    """
    point, alias = _point(x)
    scheme = _scheme(point, step)
    estimate = _whole(secant.gradient(f, point, inplace=alias, **scheme))
    if estimate.verdict is secant.Verdict.INDEPENDENT:
        _require_reaction(f, point, alias, scheme)
    return np.asarray(estimate.value)


def gradient_descent(
    f: Callable[[Any], Any], init_x: ArrayLike, lr: float = 0.01, step_num: int = 100, *, step: Step = "book"
) -> Reals:
    """Return the point that `step_num` steps of ``x - lr * gradient`` lead to from `init_x`.

    All steps are taken, however the run goes, and `init_x` keeps its values: the result is an array
    of its own. f is handed `init_x` itself or a copy by the rule of :func:`numerical_gradient`, with
    the same error for a function that does not react. ``secant.gradient_descent`` takes the same
    steps and says whether they led anywhere.

    >>> gradient_descent(lambda x: x[0] ** 2 + x[1] ** 2, np.array([-3.0, 4.0]), lr=0.1, step_num=100)
    array([-6.11110793e-10,  8.14814391e-10])
    """
    point, alias = _point(init_x)
    scheme = _scheme(point, step)
    descent = _whole(secant.gradient_descent(f, point, lr=lr, iterations=step_num, inplace=alias, **scheme))
    last = np.array(descent.x)
    if step_num > 0 and np.array_equal(last, point):
        _require_reaction(f, point, alias, scheme)
    return last


def _whole(result: Result) -> Result:
    """Return a result that Ctrl-C did not cut short: plain numbers could not say so."""
    if result.stopped:
        raise KeyboardInterrupt
    return result


def _point(x: ArrayLike) -> tuple[Reals, bool]:
    """Return x as an array, and whether it is the caller's own and can be moved in place."""
    if isinstance(x, np.ndarray) and x.dtype.kind == "f" and x.flags.writeable:
        return x, True
    return np.array(x), False


def _scheme(x: NDArray[Any], step: Step) -> _Scheme:
    """Return the options of a difference: the book's step where x is wide enough for it."""
    if step == "book":
        step = None if x.dtype.kind == "f" and x.dtype.itemsize < 8 else STEP
    return {"method": "auto", "step": None} if step is None else {"method": "central", "step": step}


def _require_reaction(f: Callable[[Any], Any], point: Reals, alias: bool, scheme: _Scheme) -> None:
    """Complain about a function with the same value at x and one step beside it, whichever entry is moved."""
    # A central difference alone cannot tell: at a minimum all values beside x can be the same, too.
    if np.any(secant.gradient(f, point, method="forward", step=scheme["step"], inplace=alias).value):
        return
    seen = "f gave the very same value at x and beside it, whichever entry was moved, so its gradient reads 0"
    if not alias:
        raise secant.InputError(
            f"{seen}. What was moved is a float copy of `x`, because integers, lists and read-only arrays cannot be "
            "moved in place: let f use its argument, or make the array that it reads one of floats and pass that array"
        )
    remedy = "does f read another array than the one passed? If the step is lost beside large entries, use `step=None`"
    warnings.warn(f"{seen}: {remedy}", UserWarning, stacklevel=3)


class SGD:
    """Stochastic gradient descent: ``W = W - lr * dW``.

    >>> params = {"W": np.array([1.0, 2.0])}
    >>> SGD(lr=0.5).update(params, {"W": np.array([1.0, -1.0])})
    >>> params["W"]
    array([0.5, 2.5])
    """

    def __init__(self, lr: float = 0.01) -> None:
        self.lr = lr

    def update(self, params: dict[str, Reals], grads: dict[str, Reals]) -> None:
        """Move every array in place."""
        _moved(secant.Plain(), self.lr, params, grads, {})


class Momentum:
    """Descent with momentum: ``v = momentum * v - lr * dW``, ``W = W + v``.

    >>> params, optimizer = {"W": np.array([1.0])}, Momentum(lr=0.5)
    >>> for _ in range(2):
    ...     optimizer.update(params, {"W": np.array([1.0])})
    >>> params["W"]
    array([-0.45])
    """

    def __init__(self, lr: float = 0.01, momentum: float = 0.9) -> None:
        self.lr, self.momentum = lr, momentum
        self._kept: _Kept = {}

    def update(self, params: dict[str, Reals], grads: dict[str, Reals]) -> None:
        """Move every array in place."""
        _moved(secant.Momentum(self.momentum), self.lr, params, grads, self._kept)


class AdaGrad:
    """AdaGrad: ``h = h + dW**2``, ``W = W - lr * dW / (sqrt(h) + 1e-7)``.

    >>> params = {"W": np.array([1.0])}
    >>> AdaGrad(lr=0.5).update(params, {"W": np.array([4.0])})
    >>> params["W"].round(6)
    array([0.5])
    """

    def __init__(self, lr: float = 0.01) -> None:
        self.lr = lr
        self._kept: _Kept = {}

    def update(self, params: dict[str, Reals], grads: dict[str, Reals]) -> None:
        """Move every array in place."""
        _moved(secant.AdaGrad(EPSILON), self.lr, params, grads, self._kept)


class Adam:
    """Adam: running means of dW and of its square, corrected for their start at 0.

    >>> params = {"W": np.array([1.0])}
    >>> Adam(lr=0.5).update(params, {"W": np.array([4.0])})
    >>> params["W"].round(6)
    array([0.5])
    """

    def __init__(self, lr: float = 0.001, beta1: float = 0.9, beta2: float = 0.999) -> None:
        self.lr, self.beta1, self.beta2 = lr, beta1, beta2
        self._kept: _Kept = {}

    def update(self, params: dict[str, Reals], grads: dict[str, Reals]) -> None:
        """Move every array in place."""
        _moved(secant.Adam(self.beta1, self.beta2, EPSILON), self.lr, params, grads, self._kept)


def _moved(rule: _Rule, lr: float, params: dict[str, Reals], grads: dict[str, Reals], kept: _Kept) -> None:
    """Move arrays in place by a rule, and keep what it remembers of each."""
    for name, array in params.items():
        if name not in grads:
            raise secant.InputError(f"`grads` must have a gradient for each of `params`; there is none for {name!r}")
        if np.shape(grads[name]) != np.shape(array):
            raise secant.InputError(
                f"`grads` must have the shapes of `params`; that of {name!r} is {np.shape(grads[name])}, "
                f"and not {np.shape(array)}"
            )
    for name, array in params.items():
        array[...], kept[name] = rule.step(array, grads[name], lr, kept.get(name, ()))


def identity_function(x: ArrayLike) -> Any:
    """Return x.

    >>> identity_function(3.0)
    3.0
    """
    return x


def step_function(x: ArrayLike) -> NDArray[np.int_]:
    """Return 1 where x is above 0 and 0 elsewhere, as integers.

    >>> step_function([-1.0, 0.0, 2.0])
    array([0, 0, 1])
    """
    return np.array(np.greater(x, 0), dtype=np.int_)


def sigmoid(x: ArrayLike) -> Reals:
    """Return 1 / (1 + exp(-x)); as ``secant.nn.sigmoid``.

    >>> float(sigmoid(0.0))
    0.5
    """
    return nn.sigmoid(x)


def sigmoid_grad(x: ArrayLike) -> Reals:
    """Return the derivative of the sigmoid at x, with all its digits on both sides.

    >>> float(sigmoid_grad(0.0))
    0.25
    """
    # sigmoid(-x) is 1 - sigmoid(x) without the cancellation.
    with np.errstate(under="ignore"):
        slope: Reals = nn.sigmoid(x) * nn.sigmoid(np.negative(x))
    return slope


def relu(x: ArrayLike) -> Reals:
    """Return max(x, 0); as ``secant.nn.relu``.

    >>> float(relu(-2.0))
    0.0
    """
    return nn.relu(x)


def relu_grad(x: ArrayLike) -> Reals:
    """Return 1 where x is at least 0 and 0 elsewhere, the book's choice at 0, where there is no derivative.

    >>> relu_grad([-1.0, 0.0, 2.0])
    array([0., 1., 1.])
    """
    array = nn.relu(x)
    return np.greater_equal(x, 0).astype(array.dtype)


def softmax(x: ArrayLike) -> Reals:
    """Return the softmax of each row; as ``secant.nn.softmax``.

    >>> softmax([1000.0, 1000.0])
    array([0.5, 0.5])
    """
    return nn.softmax(x)


def mean_squared_error(y: ArrayLike, t: ArrayLike) -> np.floating[Any]:
    """Return half the sum of the squared differences; as ``secant.nn.mean_squared_error``.

    >>> float(mean_squared_error([1.0, 2.0], [1.0, 0.0]))
    2.0
    """
    return nn.mean_squared_error(y, t)


def cross_entropy_error(y: ArrayLike, t: ArrayLike) -> np.floating[Any]:
    """Return ``-sum(t * log(y + 1e-7)) / batch`` of probabilities y, (classes,) or (batch, classes).

    `t` has y's shape (one-hot), or holds an integer class for each row. Raises ``InputError`` for any
    other shape; axes of length 1 do not count.

    >>> round(float(cross_entropy_error([0.1, 0.8, 0.1], [0, 1, 0])), 6)
    0.223143
    """
    shares, targets = np.asarray(y), np.asarray(t)
    # Classes may come as a column, and one row may come with or without its batch axis, as in the book.
    for shape in (shares.shape, shares.shape[:-1]):
        if _without_ones(targets.shape) == _without_ones(shape):
            targets = targets.reshape(shape)
            break
    return nn.cross_entropy(shares, targets, given="probabilities", epsilon=EPSILON)


def _without_ones(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(length for length in shape if length != 1)


def softmax_loss(X: ArrayLike, t: ArrayLike) -> np.floating[Any]:
    """Return ``cross_entropy_error(softmax(X), t)``.

    >>> round(float(softmax_loss([0.0, 0.0], 1)), 6)
    0.693147
    """
    return cross_entropy_error(softmax(X), t)
