"""JAX: what its automatic differentiation, or a rule of your own, gives against secant's numbers.

>>> import jax.numpy as jnp, secant
>>> secant.jax.check(jnp.tanh, jnp.array([0.5, 1.0])).ok
True
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Unpack

import jax
import jax.numpy as jnp

import secant
from secant._inputs import needed, one_by_one, split

__all__ = ["check"]


def check(
    function: Callable[..., Any],
    inputs: Any,
    *,
    seed: int = 0,
    max_evaluations: int | None = None,
    **how: Unpack[secant.Evaluation],
) -> secant.GradientCheck:
    """Check the gradients that JAX computes for a function, ``custom_vjp`` and ``custom_jvp`` included.

    Parameters
    ----------
    function : takes and returns arrays, or trees of them; of several values a random combination is differentiated, so
        that none is left out.
    inputs : an array; a tuple or list of arguments (trees allowed); or a dict of keyword arguments. JAX arrays of real
        floats vary; all else is held fixed.
    seed : of the random combination and directions.
    max_evaluations : the most calls of ``function``; 400 unless given.
    how : how ``function`` is evaluated, see :class:`secant.Evaluation`, but for ``vectorized`` and ``inplace``.

    Returns
    -------
    GradientCheck; paths are ``inputs[0]``, ``inputs[1]``, ... Precision is that of the arrays: float32 tells less than
    float64, for which ``jax_enable_x64`` has to be set.

    Raises
    ------
    InputError : when nothing can vary; otherwise as :func:`secant.check_vjp`.

    >>> square = jax.custom_vjp(lambda x: x * x)
    >>> square.defvjp(lambda x: (x * x, x), lambda x, u: (u * x,))
    >>> print(check(square, jnp.array([1.0, 2.0])).hint)
    yours is half of ours: a factor 2 is missing
    """
    one_by_one(how)
    given = split(inputs, _varies)
    needed(given.varying, "JAX array")

    def values(point: Mapping[str, Any], seed: int = seed) -> Any:  # noqa: ARG001  # it is handed to every f
        arguments, keywords = given.rebuilt(point)
        return _joined(function(*arguments, **keywords))

    def backward(point: Mapping[str, Any], u: Any) -> Any:
        out, pull = jax.vjp(values, dict(point))
        return pull(jnp.asarray(u, dtype=out.dtype).reshape(out.shape))[0]

    return secant.check_vjp(values, backward, given.varying, seed=seed, max_evaluations=max_evaluations, **how)


def _varies(leaf: Any) -> bool:
    return isinstance(leaf, jax.Array) and jnp.issubdtype(leaf.dtype, jnp.floating) and leaf.size > 0


def _joined(value: Any) -> Any:
    """Return all floats of a value as one flat array (an array as it is)."""
    if isinstance(value, jax.Array):
        return value
    leaves = [jnp.asarray(leaf) for leaf in jax.tree.leaves(value)]
    parts = [leaf.reshape(-1) for leaf in leaves if jnp.issubdtype(leaf.dtype, jnp.floating)]
    if not parts:
        raise secant.InputTypeError("`function` must return arrays of floats, or a tree with such arrays")
    return jnp.concatenate(parts)
