"""PyTorch: what autograd, or a backward pass of your own, gives against secant's numbers.

>>> import torch, secant
>>> layer = torch.nn.Linear(3, 2).double()
>>> secant.torch.check(layer, torch.ones(4, 3, dtype=torch.float64)).ok
True
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Unpack

import torch

import secant
from secant._inputs import needed, one_by_one, split

__all__ = ["check"]


def check(
    target: Callable[..., Any],
    inputs: Any = (),
    *,
    seed: int = 0,
    max_evaluations: int | None = None,
    **how: Unpack[secant.Evaluation],
) -> secant.GradientCheck:
    """Check the gradients that PyTorch computes for a module or a function, custom backward passes included.

    Parameters
    ----------
    target : a ``torch.nn.Module``, which is checked by its named parameters and its inputs, or a function of tensors.
        It returns a tensor of floats or a tuple or list of them; of several values a random combination is
        differentiated, so that none is left out.
    inputs : a tensor; a tuple or list of arguments; or a dict of keyword arguments. Tensors of real floats vary,
        whether or not they require a gradient; all else is held fixed.
    seed : of the random combination and directions. Random numbers that ``target`` draws (dropout) are the same at
        every call, and the generator's state is left alone.
    max_evaluations : the most calls of ``target``; 400 unless given.
    how : how ``target`` is evaluated, see :class:`secant.Evaluation`, but for ``vectorized`` and ``inplace``.

    Returns
    -------
    GradientCheck; paths are those of a dict of the named parameters and ``inputs[0]``, ``inputs[1]``, ... What depends
    on a tensor in a way that autograd does not see is claimed to have the derivative 0. Precision is that of the
    tensors: of a float32 module the bars say what float32 can tell, and ``module.double()`` tells more.

    Raises
    ------
    InputError : when nothing can vary; otherwise as :func:`secant.check_vjp`.

    Parameters, buffers and inputs are never written to; a module stays in the mode it is in.

    >>> class Square(torch.autograd.Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         ctx.save_for_backward(x)
    ...         return x * x
    ...     @staticmethod
    ...     def backward(ctx, grad):
    ...         return grad * ctx.saved_tensors[0]
    >>> print(check(Square.apply, torch.tensor([1.0, 2.0], dtype=torch.float64)).hint)
    yours is half of ours: a factor 2 is missing
    """
    one_by_one(how)
    given = split(inputs, _varies)
    module: Any = target if isinstance(target, torch.nn.Module) else None
    own = dict(module.named_parameters()) if module is not None else {}
    buffers = dict(module.named_buffers()) if module is not None else {}
    x = {name: part.detach() for name, part in (own | given.varying).items() if _varies(part)}
    needed(x, "tensor")

    def forward(point: Mapping[str, Any]) -> Any:
        arguments, keywords = given.rebuilt(point)
        with torch.random.fork_rng(devices=_devices(x)):
            torch.manual_seed(seed)
            if module is None:
                return _joined(target(*arguments, **keywords))
            state = {name: point.get(name, part) for name, part in own.items()}
            state |= {name: part.clone() for name, part in buffers.items()}
            return _joined(torch.func.functional_call(module, state, arguments, keywords))

    def values(point: Mapping[str, Any], seed: int = seed) -> Any:  # noqa: ARG001  # it is handed to every f
        with torch.no_grad():
            return forward(point)

    def backward(point: Mapping[str, Any], u: Any) -> dict[str, Any]:
        leaves = {name: part.detach().clone().requires_grad_() for name, part in point.items()}
        with torch.enable_grad():
            out = forward(leaves)
        if not out.requires_grad:
            return {name: torch.zeros_like(part) for name, part in leaves.items()}
        names = list(leaves)
        weights = torch.as_tensor(u, dtype=out.dtype, device=out.device).reshape(out.shape)
        found: Any = torch.autograd.grad(out, [leaves[name] for name in names], weights, allow_unused=True)
        return {
            name: torch.zeros_like(leaves[name]) if part is None else part.detach()
            for name, part in zip(names, found, strict=True)
        }

    return secant.check_vjp(values, backward, x, seed=seed, max_evaluations=max_evaluations, **how)


def _varies(leaf: Any) -> bool:
    return isinstance(leaf, torch.Tensor) and leaf.dtype.is_floating_point and leaf.numel() > 0


def _devices(x: Mapping[str, Any]) -> list[Any]:
    """Return the devices with a generator of their own (the CPU's is always kept)."""
    return list({part.device.index for part in x.values() if part.device.type == "cuda"})


def _joined(value: Any) -> Any:
    """Return all floats of a value as one flat tensor (a number as it is)."""
    if isinstance(value, torch.Tensor):
        return value
    parts = [part.reshape(-1) for part in value if isinstance(part, torch.Tensor) and part.dtype.is_floating_point]
    if not parts:
        raise secant.InputTypeError("`target` must return a tensor of floats, or a tuple or list with such tensors")
    return torch.cat(parts)
