"""The other checks, on the same functions: each one says whether a gradient is right, and which entries are not.

They run at their defaults. Functions are those of NumPy, handed over by the means that each library has for foreign
code; each call gets an array of its own.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np

import secant

Array = Any
#: Beyond so many variables a check of entry by entry is not waited for.
ENTRIES = 2000


@dataclass(frozen=True)
class Said:
    """What a check said: True for right, False for wrong, None for "cannot tell"; and the entries it named."""

    right: bool | None
    wrong: Array = ()


class Counted:
    """A function that counts its calls and keeps its argument from harm."""

    def __init__(self, f: Callable[[Array], Any]) -> None:
        self.f, self.calls = f, 0

    def __call__(self, x: Array) -> Any:
        self.calls += 1
        return self.f(np.array(x))


def by_secant(f: Counted, g: Callable[[Array], Array], x: Array) -> Said:
    """secant.check_gradient."""
    found = secant.check_gradient(f, g, x)
    said = {secant.CheckVerdict.AGREE: True, secant.CheckVerdict.DISAGREE: False}.get(found.verdict)
    return Said(said, found.wrong)


def _torch(f: Counted, g: Callable[[Array], Array], x: Array, fast: bool) -> Said:
    import torch

    class Foreign(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, t: Any) -> Any:
            ctx.save_for_backward(t)
            return torch.as_tensor(np.asarray(f(t.detach().numpy())), dtype=t.dtype)

        @staticmethod
        def backward(ctx: Any, u: Any) -> Any:
            (t,) = ctx.saved_tensors
            return u * torch.as_tensor(np.array(g(t.detach().numpy().copy())), dtype=t.dtype)

    torch.set_num_threads(1)
    torch.manual_seed(0)
    inputs = torch.tensor(np.array(x), requires_grad=True)
    try:
        torch.autograd.gradcheck(Foreign.apply, (inputs,), fast_mode=fast)
    except RuntimeError as error:  # GradcheckError is one
        return Said(False, _worst(error))
    return Said(True)


def _worst(error: Exception) -> Array:
    """Return the entry that differs most in the tables of torch's message."""
    import re

    text = str(error)
    parts = re.findall(r"(?:numerical|analytical):\s*tensor\((\[\[.*?\]\])", text, re.DOTALL)
    if len(parts) < 2 or "..." in text:
        return ()
    try:
        one, two = (np.array([float(cell) for cell in re.findall(r"[-+.\deEnaif]+", part)]) for part in parts[:2])
    except ValueError:
        return ()
    if one.size != two.size:
        return ()
    with np.errstate(all="ignore"):
        far = ~(np.abs(one - two) <= 1e-5 + 1e-3 * np.abs(one))
    return np.flatnonzero(far)


def by_torch(f: Counted, g: Callable[[Array], Array], x: Array) -> Said:
    """torch.autograd.gradcheck."""
    return _torch(f, g, x, fast=False)


def by_torch_fast(f: Counted, g: Callable[[Array], Array], x: Array) -> Said:
    """torch.autograd.gradcheck(fast_mode=True)."""
    return _torch(f, g, x, fast=True)


def by_jax(f: Counted, g: Callable[[Array], Array], x: Array) -> Said:
    """jax.test_util.check_vjp, which is check_grads in reverse mode."""
    from jax.test_util import check_vjp

    def with_rule(point: Array) -> tuple[Any, Callable[[Any], tuple[Array]]]:
        return np.asarray(f(point)), lambda u: (np.asarray(u) * np.array(g(np.array(point))),)

    np.random.seed(0)  # noqa: NPY002  # it draws from there
    try:
        check_vjp(lambda point: np.asarray(f(point)), with_rule, (np.array(x),))
    except AssertionError:
        return Said(False)
    return Said(True)


def by_autograd(f: Counted, g: Callable[[Array], Array], x: Array) -> Said:
    """autograd.test_util.check_grads in reverse mode."""
    from autograd.extend import defvjp, primitive
    from autograd.test_util import check_grads

    rule = primitive(lambda point: np.asarray(f(np.array(point))).astype(float))
    defvjp(rule, lambda _, point: lambda u: u * np.array(g(np.array(point)), dtype=float))
    np.random.seed(0)  # noqa: NPY002  # it draws from there
    try:
        check_grads(rule, modes=["rev"], order=1)(np.array(x, dtype=float))
    except AssertionError:
        return Said(False)
    return Said(True)


def by_scipy(f: Counted, g: Callable[[Array], Array], x: Array) -> Said:
    """scipy.optimize.check_grad, its norm within 1e-5 of the gradient's."""
    from scipy.optimize import check_grad

    shape = x.shape
    size = float(np.linalg.norm(np.asarray(g(np.array(x)), dtype=float)))
    off = check_grad(
        lambda v: float(f(v.reshape(shape))),
        lambda v: np.array(g(v.reshape(shape))).reshape(-1),
        np.array(x).reshape(-1),
    )
    return Said(bool(off <= 1e-5 * size) if size else bool(off <= 1e-5))


def by_course(f: Counted, g: Callable[[Array], Array], x: Array) -> Said:
    """The rule of the course CS231n: central differences with h = 1e-5, relative error of each entry below 1e-4."""
    mine = np.asarray(g(np.array(x)), dtype=float).reshape(-1)
    numeric = np.empty(x.size)
    for i in range(x.size):
        sides = []
        for h in (1e-5, -1e-5):
            moved = np.array(x)
            moved.reshape(-1)[i] += h
            sides.append(float(f(moved)))
        numeric[i] = (sides[0] - sides[1]) / 2e-5
    largest = np.maximum(np.abs(mine), np.abs(numeric))
    far = ~(np.abs(mine - numeric) <= 1e-4 * largest)
    return Said(not far.any(), np.flatnonzero(far))


@dataclass(frozen=True)
class Peer:
    """A check by name, the package it needs, and whether it costs evaluations for every entry."""

    check: Callable[[Counted, Callable[[Array], Array], Array], Said]
    needs: str
    each: bool = False


PEERS = {
    "secant": Peer(by_secant, "secant"),
    "torch gradcheck": Peer(by_torch, "torch", each=True),
    "torch gradcheck, fast": Peer(by_torch_fast, "torch"),
    "jax check_grads": Peer(by_jax, "jax"),
    "autograd check_grads": Peer(by_autograd, "autograd"),
    "scipy check_grad": Peer(by_scipy, "scipy", each=True),
    "CS231n rule": Peer(by_course, "numpy", each=True),
}


def installed() -> list[str]:
    """Return the names of the checks whose libraries are there."""
    return [name for name, peer in PEERS.items() if find_spec(peer.needs)]


def asked(name: str, f: Callable[[Array], Any], g: Callable[[Array], Array], x: Array) -> tuple[Said, int]:
    """Return what a check says, and how often it called f; an exception is a flag (None of secant's passes for one)."""
    counted = Counted(f)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            said = PEERS[name].check(counted, g, x)
        except Exception:
            if name == "secant":
                raise
            said = Said(False)
    return said, counted.calls
