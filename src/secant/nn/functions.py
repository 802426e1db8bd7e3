"""Activations and losses, written so that no finite input overflows.

Rules:

* Functions of arrays, nothing kept. Integers are computed in float64, float16 and float32 stay what
  they are; booleans, complex numbers and objects are errors.
* The classes lie along the last axis, every axis before it is the batch. A batch is treated row by
  row, and a loss is the mean over its rows.
* Shapes must agree. Nothing is broadcast: (n,) against (n, 1) would silently become (n, n).
* A row whose largest entry is not finite has no softmax: its result is NaN, without a warning.

Theory: softmax(a) = exp(a) / sum(exp(a)) does not change when a constant is added to a row, so the
largest entry is subtracted first and every exponential is at most 1. The logarithm is then
(a - max) - log1p(sum of the others' exponentials), which keeps the digits of a loss close to 0, where
log(softmax) has none left. Reference: P. Blanchard, D. J. Higham and N. J. Higham, "Accurately
computing the log-sum-exp and softmax functions", IMA J. Numer. Anal. 41 (2021).
"""

from __future__ import annotations

import math
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

import secant

Reals: TypeAlias = NDArray[np.floating[Any]]


def reals(name: str, value: ArrayLike) -> Reals:
    """Return a value as an array of real numbers, integers as float64; never a copy of what is already one."""
    array = np.asarray(value)
    if array.dtype.kind in "iu":
        return array.astype(np.float64)
    if array.dtype.kind != "f":
        raise secant.InputTypeError(f"`{name}` must hold real numbers (integers or floats), got dtype {array.dtype}")
    return array


def softmax(a: ArrayLike, axis: int | None = -1) -> Reals:
    """Return exp(a) / sum(exp(a)) along an axis: positive numbers with sum 1.

    `a` has any shape and real dtype. A batch is treated row by row; ``axis=None`` takes the whole
    array as one row. Raises ``InputError`` for an axis that `a` does not have, or an empty one.

    >>> softmax([[0.0, 0.0], [1e300, -1e300]])
    array([[0.5, 0.5],
           [1. , 0. ]])
    """
    shifted = _below_top(reals("a", a), axis)
    with np.errstate(under="ignore"):
        powers = np.exp(shifted)
        shares: Reals = powers / np.sum(powers, axis=axis, keepdims=True)
    return shares


def log_softmax(a: ArrayLike, axis: int | None = -1) -> Reals:
    """Return log(softmax(a)) along an axis, exact where softmax itself rounds to 0 or 1.

    `a` and `axis` are as in :func:`softmax`, and so are the errors.

    >>> print(log_softmax([40.0, 0.0]))
    [-4.24835426e-18 -4.00000000e+01]
    """
    shifted = _below_top(reals("a", a), axis)
    rows = shifted.reshape(1, -1) if axis is None else np.moveaxis(shifted, axis, -1)
    with np.errstate(under="ignore"):
        powers = np.exp(rows)
        # The top entry is exactly 1: log1p of the others keeps the digits that 1 + others would drop.
        np.put_along_axis(powers, np.argmax(rows, axis=-1, keepdims=True), 0.0, axis=-1)
        logs: Reals = rows - np.log1p(np.sum(powers, axis=-1, keepdims=True))
    return logs.reshape(shifted.shape) if axis is None else np.moveaxis(logs, -1, axis)


def _below_top(a: Reals, axis: int | None) -> Reals:
    """Subtract the largest entry of each row; NaN where that is not finite."""
    if a.ndim == 0 and axis is not None:
        raise secant.InputError("`a` must have at least one axis, got a single number")
    if axis is not None and not -a.ndim <= axis < a.ndim:
        raise secant.InputError(
            f"`axis` must be None or from {-a.ndim} to {a.ndim - 1} for shape {a.shape}, got {axis}"
        )
    if (a.size if axis is None else a.shape[axis]) == 0:
        raise secant.InputError(f"`a` must have entries along axis {axis}, got shape {a.shape}")
    top = np.max(a, axis=axis, keepdims=True)
    top = np.where(np.isfinite(top), top, np.full_like(top, math.nan))
    # A difference beyond the largest float is -inf, whose exponential 0 is the right answer.
    with np.errstate(over="ignore"):
        shifted: Reals = a - top
    return shifted


def cross_entropy(
    y: ArrayLike,
    t: ArrayLike,
    *,
    given: Literal["logits", "probabilities"] = "logits",
    epsilon: float | None = None,
) -> np.floating[Any]:
    """Return the cross-entropy of predictions `y` and targets `t`, the mean over the batch.

    Parameters
    ----------
    y : (..., classes) array: the net's raw scores, or probabilities if `given` says so.
    t : integer classes of shape y.shape[:-1], or an array of y's shape: one-hot rows, or any
        weights of the classes.
    given : what `y` is. From ``"logits"`` the loss is computed by log-softmax and is finite for
        every finite score. From ``"probabilities"`` it is infinite where a class that was seen has
        probability 0, and NaN where it has less.
    epsilon : None for the exact loss; a number is added to the probabilities inside the logarithm,
        ``-sum(t * log(p + epsilon)) / batch``. The book of the notes does so, with 1e-7.

    Raises ``InputError`` for shapes that do not belong together, a class out of range, an unknown
    `given` or an `epsilon` that is not above 0, ``InputTypeError`` for what is not a number.

    >>> round(float(cross_entropy([0.0, 0.0, 0.0], 2)), 6)
    1.098612
    >>> round(float(cross_entropy([0.0, 1.0], [1, 0], given="probabilities", epsilon=1e-7)), 6)
    16.118096
    """
    scores = reals("y", y)
    weights = class_weights(scores, t)
    _check_epsilon(epsilon)
    if given not in ("logits", "probabilities"):
        raise secant.InputError(f"`given` must be 'logits' or 'probabilities', got {given!r}")
    if given == "logits" and epsilon is None:
        logs = log_softmax(scores)
    else:
        shares = softmax(scores) if given == "logits" else scores
        with np.errstate(divide="ignore", invalid="ignore"):
            logs = np.log(shares if epsilon is None else shares + epsilon)
    # A class of weight 0 adds nothing, also where the logarithm is -inf.
    terms = np.multiply(weights, logs, where=weights != 0, out=np.zeros_like(logs))
    loss: np.floating[Any] = 0.0 - np.sum(terms) / (scores.size // scores.shape[-1])
    return loss


def cross_entropy_slope(logits: ArrayLike, t: ArrayLike, *, epsilon: float | None = None) -> Reals:
    """Return the derivative of ``cross_entropy(logits, t, epsilon=epsilon)`` in each of the logits, by the chain rule.

    >>> cross_entropy_slope([0.0, 0.0], [1.0, 0.0])
    array([-0.5,  0.5])
    """
    scores = reals("y", logits)
    weights = class_weights(scores, t)
    _check_epsilon(epsilon)
    shares = softmax(scores)
    batch = scores.size // scores.shape[-1]
    # pull is the loss's derivative in log(share); without epsilon it is -t, and nothing is divided.
    pull = -weights if epsilon is None else -weights * (shares / (shares + epsilon))
    slope: Reals = (pull - shares * np.sum(pull, axis=-1, keepdims=True)) / batch
    return slope


def class_weights(y: Reals, t: ArrayLike) -> Reals:
    """Return targets as an array of y's shape and dtype, a 1 at its class for an integer."""
    targets = np.asarray(t)
    if y.ndim == 0 or y.size == 0:
        raise secant.InputError(f"`y` must have shape (..., classes) and at least one entry, got shape {y.shape}")
    if targets.dtype.kind not in "biuf":
        raise secant.InputTypeError(f"`t` must hold integer classes or real weights, got dtype {targets.dtype}")
    if targets.shape == y.shape:
        return targets.astype(y.dtype)
    if targets.shape != y.shape[:-1]:
        raise secant.InputError(
            f"`t` must have shape {y.shape} (weights) or {y.shape[:-1]} (integer classes) "
            f"for `y` of shape {y.shape}, got {targets.shape}"
        )
    if targets.dtype.kind not in "iu":
        raise secant.InputTypeError(
            f"`t` of shape {targets.shape} must hold integer classes, got dtype {targets.dtype}"
        )
    classes = y.shape[-1]
    outside = (targets < 0) | (targets >= classes)
    if outside.any():
        raise secant.InputError(f"`t` must hold classes from 0 to {classes - 1}, got {targets[outside].flat[0]}")
    hot: Reals = np.equal(targets[..., np.newaxis], np.arange(classes)).astype(y.dtype)
    return hot


def _check_epsilon(epsilon: float | None) -> None:
    if epsilon is not None and not 0.0 < epsilon < math.inf:
        raise secant.InputError(f"`epsilon` must be None or a finite number above 0, got {epsilon!r}")


def mean_squared_error(y: ArrayLike, t: ArrayLike) -> np.floating[Any]:
    """Return ``0.5 * sum((y - t)**2)``, the book's squared error: half the sum over all entries, not their mean.

    `y` and `t` must have the same shape (``InputError`` otherwise) and hold real numbers.

    >>> float(mean_squared_error([1.0, 2.0], [1.0, 0.0]))
    2.0
    """
    outputs, targets = reals("y", y), reals("t", t)
    if outputs.shape != targets.shape:
        raise secant.InputError(f"`t` must have the shape of `y`, {outputs.shape}, got {targets.shape}")
    error: np.floating[Any] = 0.5 * np.sum(np.square(outputs - targets))
    return error


def sigmoid(a: ArrayLike) -> Reals:
    """Return 1 / (1 + exp(-a)), entry by entry, without overflow on either side.

    `a` has any shape and real dtype; a single number comes back as a NumPy number.

    >>> sigmoid([-1000.0, 0.0, 1000.0])
    array([0. , 0.5, 1. ])
    """
    array = reals("a", a)
    with np.errstate(under="ignore"):
        power = np.exp(-np.abs(array))
        shares: Reals = np.where(array < 0, power, np.ones_like(power)) / (1 + power)
    return shares[()]


def relu(a: ArrayLike) -> Reals:
    """Return max(a, 0), entry by entry; NaN stays NaN.

    `a` has any shape and real dtype; a single number comes back as a NumPy number. At 0 the slope is
    0 on the left and 1 on the right.

    >>> relu([-1, 0, 2])
    array([0., 0., 2.])
    """
    rectified: Reals = np.maximum(reals("a", a), 0)
    return rectified
