"""The net of the notes: one matrix of weights, softmax, cross-entropy.

Rules: the net owns its array `W` and never replaces it by itself, so code that changes the array in
place is seen by the net (the way the notes take their gradient), while ``loss_at`` depends on
nothing but its arguments (the way to prefer). The gradient is exact, by the chain rule, for
comparing differences with.

Reference: D. E. Rumelhart, G. E. Hinton and R. J. Williams, "Learning representations by
back-propagating errors", Nature 323 (1986).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

import secant
from secant.nn.functions import Reals, cross_entropy, cross_entropy_slope, reals


class SimpleNet:
    """A net of one layer without bias: scores ``x @ W``, and the cross-entropy of their softmax.

    Parameters
    ----------
    W : (inputs, classes) array of weights, copied; integers become float64. None draws them.
    shape : the shape to draw; not used when `W` is given.
    seed : seed of the standard normal numbers drawn; not used when `W` is given.

    Raises ``InputError`` for weights that are not a matrix with at least one entry.

    >>> import secant
    >>> net = SimpleNet(seed=1)
    >>> estimate = secant.gradient(lambda W: net.loss_at(W, [0.6, 0.9], 2), net.W)
    >>> bool(np.all(abs(estimate.value - net.gradient([0.6, 0.9], 2)) <= estimate.error))
    True
    """

    __slots__ = ("W",)

    W: Reals

    def __init__(self, W: ArrayLike | None = None, *, shape: tuple[int, int] = (2, 3), seed: int = 0) -> None:
        self.W = np.random.default_rng(seed).standard_normal(shape) if W is None else reals("W", W).copy()
        if self.W.ndim != 2 or self.W.size == 0:
            raise secant.InputError(f"`W` must have shape (inputs, classes), none of them 0, got shape {self.W.shape}")

    def __repr__(self) -> str:
        return f"SimpleNet({' -> '.join(map(str, self.W.shape))})"

    def predict(self, x: ArrayLike) -> Reals:
        """Return the scores ``x @ W`` of one input (inputs,), or of a batch (batch, inputs)."""
        return _scores(self.W, x)

    def loss(self, x: ArrayLike, t: ArrayLike, *, epsilon: float | None = None) -> np.floating[Any]:
        """Return the loss at the net's own weights; `t` and `epsilon` are as in ``cross_entropy``."""
        return self.loss_at(self.W, x, t, epsilon=epsilon)

    def loss_at(self, W: ArrayLike, x: ArrayLike, t: ArrayLike, *, epsilon: float | None = None) -> np.floating[Any]:
        """Return the loss at weights that are given: a function of its arguments alone."""
        return cross_entropy(_scores(W, x), t, epsilon=epsilon)

    def gradient(self, x: ArrayLike, t: ArrayLike, *, epsilon: float | None = None) -> Reals:
        """Return the exact gradient of the loss in `W`, in W's shape and dtype.

        >>> SimpleNet(np.zeros((1, 2))).gradient([2.0], 0)
        array([[-1.,  1.]])
        """
        slope = cross_entropy_slope(_scores(self.W, x), t, epsilon=epsilon)
        inputs, classes = self.W.shape
        gradient = reals("x", x).reshape(-1, inputs).T @ slope.reshape(-1, classes)
        return gradient.astype(self.W.dtype)


def _scores(W: ArrayLike, x: ArrayLike) -> Reals:
    weights, inputs = reals("W", W), reals("x", x)
    if weights.ndim != 2:
        raise secant.InputError(f"`W` must have shape (inputs, classes), got shape {weights.shape}")
    if inputs.ndim not in (1, 2) or inputs.shape[-1] != weights.shape[0]:
        raise secant.InputError(
            f"`x` must have shape ({weights.shape[0]},) or (batch, {weights.shape[0]}) "
            f"for `W` of shape {weights.shape}, got {inputs.shape}"
        )
    scores: Reals = inputs @ weights
    return scores
