"""Options: their names, what is allowed, and the lines they turn x into.

Everything is checked before anything is evaluated; messages say which parameter, what is allowed, what came.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf, isfinite, isnan
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from secant.core.errors import InputError, InputTypeError, kind_of
from secant.core.measures import Noise
from secant.core.request import Floats, Request
from secant.core.stencils import Stencil, standard
from secant.evaluation import hints
from secant.evaluation.foreign import as_numpy
from secant.evaluation.trees import Layout, flatten
from secant.evaluation.watch import Watch

Method: TypeAlias = Literal["auto", "central", "forward", "backward", "complex"] | Stencil
#: What ``noise`` takes where f has one output, and several; f that is asked for "returned" returns it.
OneNoise: TypeAlias = float | Noise | Literal["returned"] | None
AnyNoise: TypeAlias = OneNoise | NDArray[Any] | list[Any] | tuple[Any, ...]

_STENCILS = {"auto": "central", "central": "central", "forward": "forward", "backward": "backward"}

#: The highest order of a derivative. The method knows no limit, but rounding leaves 4 digits or so of the eighth.
HIGHEST = 8

#: Pairs up to which a line of a gradient adds larger steps, for few entries and for 24 and more. Each step halves
#: what rounding leaves, for two evaluations an entry: on the benchmark's gradients 13.8 digits at five pairs and
#: 14.7 without a limit.
FEW_PAIRS, MANY_PAIRS, MANY = 7, 5, 24

#: Evaluations a single line may cost when nobody says otherwise, for a slope and for a higher order.
DEFAULT_BUDGET, HIGHER_BUDGET = 40, 60


#: A level of noise, or one for each of f's outputs.
Level: TypeAlias = float | Floats


@dataclass(frozen=True, slots=True)
class Options:
    """The numerical options of one call, checked.

    ``told`` is noise, absolute and relative, that is no level before f(x) is known. Then ``noise`` is one, and
    ``noises`` has those of all outputs where they differ. ``returned`` says that f itself tells.
    """

    method: str
    formula: Stencil | None
    step: float
    bounds: Any
    max_step: float
    noise: float
    rtol: float
    max_evaluations: int | None
    order: int = 1
    noises: tuple[float, ...] = ()
    told: tuple[Level, Level] | None = None
    returned: bool = False


PLAIN = Options("auto", None, 0.0, None, inf, 0.0, 0.0, None)


def real(name: str, value: Any, low: float, allowed: str, *, closed: bool = False, finite: bool = True) -> float:
    """Return a real number above ``low`` (or equal to it, when ``closed``), or raise with what is allowed."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        raise InputTypeError(f"`{name}` must be {allowed}; got {value!r}")
    number = float(value)
    inside = number >= low if closed else number > low
    if not inside or isnan(number) or (finite and not isfinite(number)):
        raise InputError(f"`{name}` must be {allowed}; got {value!r}")
    return number


def switch(name: str, value: Any) -> bool:
    """Return True or False, or raise."""
    if not isinstance(value, bool | np.bool_):
        raise InputTypeError(f"`{name}` must be True or False; got {value!r}")
    return bool(value)


def whole(name: str, value: Any, low: int) -> int:
    """Return an integer of at least ``low``, or raise."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise InputTypeError(f"`{name}` must be an integer of at least {low}; got {value!r}")
    if value < low:
        raise InputError(f"`{name}` must be an integer of at least {low}; got {value!r}")
    return int(value)


def options(
    method: Any,
    step: Any,
    bounds: Any,
    max_step: Any,
    noise: Any,
    rtol: Any,
    max_evaluations: Any,
    order: Any = 1,
    several: bool = False,
    pairs: bool = False,
) -> Options:
    """Check the numerical options of a call.

    Where f may have ``several`` outputs so may the noise; ``pairs`` says that f may return its noise itself.
    """
    order = whole("order", order, 1)
    if order > HIGHEST:
        raise InputError(f"`order` must be an integer from 1 to {HIGHEST}; got {order}")
    named = isinstance(method, str) and (method in _STENCILS or method == "complex")
    given = not (step is bounds is max_step is noise is max_evaluations is None)
    # By type first: False, 0j and arrays of zeros equal the default and are no numbers of at least 0 all the same.
    if named and method == "auto" and not given and order == 1 and type(rtol) is float and rtol == 0.0:
        return PLAIN
    if not named and not isinstance(method, Stencil):
        raise InputError(
            f"`method` must be 'auto', 'central', 'forward', 'backward', 'complex' or a Stencil; got {method!r}"
            f"{hints.formula(method)}"
        )
    formula = None
    if step is not None:
        step = real("step", step, 0.0, "a positive finite number")
        named = method in _STENCILS if isinstance(method, str) else False
        formula = standard(_STENCILS[method], order) if named else method if isinstance(method, Stencil) else None
    elif isinstance(method, Stencil):
        raise InputError("`step` must be given with a Stencil: the formula is fixed, its step is yours to choose")
    if formula is not None and formula.order != order:
        raise InputError(f"`method` must be a Stencil of order {order} here; got order {formula.order}")
    if method == "complex" and order != 1:
        raise InputError(f"`order` must be 1 with `method='complex'`; got {order}")
    returned = isinstance(noise, str) and noise == "returned"
    if returned:
        _pairs(pairs, formula, method)
        noise = None
    absolute, relative = (noise.absolute, noise.relative) if isinstance(noise, Noise) else (noise, 0.0)
    levels = _noise(absolute, several), _noise(relative, several)
    plain = levels[0] if isinstance(levels[0], float) and isinstance(levels[1], float) and not levels[1] else None
    return Options(
        "stencil" if isinstance(method, Stencil) else method,
        formula,
        step or 0.0,
        bounds,
        inf if max_step is None else real("max_step", max_step, 0.0, "a positive number", finite=False),
        plain or 0.0,
        real("rtol", rtol, 0.0, "a number of at least 0", closed=True),
        None if max_evaluations is None else whole("max_evaluations", max_evaluations, 1),
        order,
        # A fixed step does not ask how noisy f is.
        told=None if plain is not None or formula is not None else levels,
        returned=returned,
    )


def _pairs(allowed: bool, formula: Stencil | None, method: str) -> None:
    """Refuse that f returns its noise, where nothing is done with it."""
    if not allowed:
        names = "derivative, gradient, directional, jacobian (without `sparsity`) and gradient_descent"
        raise InputError(f"`noise='returned'` is for {names}; here `noise` must be a number of at least 0, or a Noise")
    if formula is not None or method == "complex":
        way = "a fixed `step`, which has no bar" if formula is not None else "`method='complex'`"
        raise InputError(f"`noise='returned'` does not go with {way}")


def _noise(value: Any, several: bool) -> Level:
    """Return a level of noise, or one for each output where there may be several."""
    if value is None:
        return 0.0
    value = as_numpy(value)
    if not several or not isinstance(value, np.ndarray | list | tuple):
        return real("noise", value, 0.0, "a number of at least 0, or a Noise", closed=True)
    allowed = "a number of at least 0 (or an array of them, one for each of f's values), or a Noise"
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise InputTypeError(f"`noise` must be {allowed}; {error}") from None
    if array.dtype.kind not in "iuf" or not array.size:
        raise InputTypeError(f"`noise` must be {allowed}; got an array of shape {array.shape} and dtype {array.dtype}")
    levels = array.astype(np.float64)
    for place in np.argwhere(~((levels >= 0.0) & np.isfinite(levels)))[:1]:
        where = f" at {place.tolist()}" if place.size else ""
        raise InputError(f"`noise` must be {allowed}; got {levels[tuple(place)]:.6g}{where}")
    return levels


def level_at(chosen: Options, values: Any, shape: tuple[int, ...] = ()) -> Options:
    """Return the options with the noise that was told as a number for each output, at values of f (flat, of a shape).

    Of complex values real and imaginary part carry the same.
    """
    if chosen.told is None:
        return chosen
    sizes = np.abs(values).reshape(-1)
    absolute, relative = (_by_output(level, shape) for level in chosen.told)
    levels = absolute + relative * np.where(np.isfinite(sizes), sizes, 0.0)
    return with_levels(chosen, np.concatenate([levels, levels]) if np.iscomplexobj(values) else levels)


def with_levels(chosen: Options, levels: Floats) -> Options:
    """Return the options with a level of noise for each output."""
    each = tuple(levels.tolist())
    loudest = max(each)
    return replace(chosen, noise=loudest, noises=each if min(each) < loudest else (), told=None)


def _by_output(level: Level, shape: tuple[int, ...]) -> Floats:
    """Return a level for each output."""
    try:
        return np.broadcast_to(level, shape).reshape(-1)
    except ValueError:
        raise InputError(
            f"`noise` must be a number or have the shape of f's values, {shape}, or one that broadcasts to it; "
            f"got an array of shape {np.shape(level)}"
        ) from None


def at_point(chosen: Options, watch: Watch) -> Options:
    """Return the options for f at its point.

    Noise that is relative, not the same for all outputs, or returned by f needs f(x), which nobody asks for a second
    time then.
    """
    if chosen.told is None and not chosen.returned:
        return chosen
    reply = watch.reply(Request(watch.evaluator.base, None, (0.0,)))
    if watch.errors is not None and watch.errors.here is not None:
        return with_levels(chosen, watch.errors.here)
    return level_at(chosen, reply.values, watch.evaluator.value_shape or ())


def _bound(side: str, value: Any, layout: Layout, default: float) -> Floats:
    """Return one side of the bounds as n numbers."""
    if value is None:
        return np.full(layout.size, default)
    value = as_numpy(value)  # infinite bounds are welcome, which entries of x are not
    if isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool):
        spread = np.full(layout.size, float(value))
    elif isinstance(value, np.ndarray) and layout.structure is None:
        try:
            spread = np.broadcast_to(np.asarray(value, dtype=np.float64), layout.shapes[0]).reshape(-1)
        except (TypeError, ValueError):
            raise InputError(
                f"`bounds`: the {side} bound must be real numbers of x's shape {layout.shapes[0]}; "
                f"got an array of shape {value.shape} and dtype {value.dtype}"
            ) from None
    else:
        spread = _tree_bound(side, value, layout, default)
    if np.isnan(spread).any():
        raise InputError(f"`bounds`: the {side} bound must be a number or infinite; got NaN")
    return spread


def _tree_bound(side: str, value: Any, layout: Layout, default: float) -> Floats:
    """Return a bound given as a sequence of numbers or a tree like x; None in it stands for no bound."""
    if isinstance(value, list | tuple) and layout.structure is None:
        flat = [default if item is None else item for item in value]
        try:
            array = np.asarray(flat, dtype=np.float64)
        except (TypeError, ValueError):
            raise InputTypeError(f"`bounds`: the {side} bound must be numbers or None; got {value!r}") from None
        if array.shape != layout.shapes[0]:
            raise InputError(f"`bounds`: the {side} bound must have x's shape {layout.shapes[0]}; got {array.shape}")
        return array.reshape(-1)
    vector, other = flatten(value, name=f"bounds ({side})")
    if other.shapes != layout.shapes:
        raise InputError(f"`bounds`: the {side} bound must be a number or have x's structure; its leaves differ")
    return vector


def room(chosen: Options, base: Floats, layout: Layout) -> tuple[Floats, Floats] | None:
    """Return how far each entry of x may move down and up; None without bounds."""
    if chosen.bounds is None:
        return None
    lower, upper = box(chosen, base, layout)
    if chosen.formula is not None:
        _fits(chosen.formula, chosen.step, base, lower, upper, layout)
    below, above = base - lower, upper - base
    # The difference may be rounded to one that leads out.
    below = np.where(base - below < lower, np.nextafter(below, 0.0), below)
    return below, np.where(base + above > upper, np.nextafter(above, 0.0), above)


def box(chosen: Options, base: Floats, layout: Layout, name: str = "x") -> tuple[Floats, Floats]:
    """Return the bounds, flat, infinite where there are none, when x (``name`` to the caller) lies within."""
    if chosen.bounds is None:
        return np.full(base.size, -inf), np.full(base.size, inf)
    if not isinstance(chosen.bounds, tuple | list) or len(chosen.bounds) != 2:
        allowed = "a pair (lower, upper), each a number, None, or like x"
        raise InputTypeError(f"`bounds` must be {allowed}; got {kind_of(chosen.bounds)}{hints.pairs(chosen.bounds)}")
    lower = _bound("lower", chosen.bounds[0], layout, -inf)
    upper = _bound("upper", chosen.bounds[1], layout, inf)
    for i in np.flatnonzero(lower > upper):
        raise InputError(
            f"`bounds` must have the lower bound first; got {lower[i]:.6g}, {upper[i]:.6g} for x{layout.path(int(i))}"
            f"{hints.pairs(chosen.bounds)}"
        )
    for i in np.flatnonzero((base < lower) | (base > upper)):
        raise InputError(
            f"`{name}`{layout.path(int(i))} must lie within `bounds`, {lower[i]:.6g} to {upper[i]:.6g}; "
            f"got {base[i]:.17g}{hints.pairs(chosen.bounds)}"
        )
    return lower, upper


def _fits(formula: Stencil, step: float, base: Floats, lower: Floats, upper: Floats, layout: Layout) -> None:
    """Refuse a fixed step that leads out of the bounds."""
    for offset in formula.offsets:
        moved = base + offset * step
        for i in np.flatnonzero((moved < lower) | (moved > upper)):
            raise InputError(
                f"`step` leads out of `bounds`: x{layout.path(int(i))} = {base[i]:.6g} and a step of {step:.3g} "
                f"need {moved[i]:.17g}, allowed are {lower[i]:.6g} to {upper[i]:.6g}"
            )


def spared(chosen: Options, f0: Any, count: int) -> Options:
    """Return the options with the evaluation of f(x) left to other points, when ``f0`` is given.

    A fixed formula along ``count`` lines costs what it costs: a budget that is smaller is refused.
    """
    most = chosen.max_evaluations
    if most is None:
        return chosen
    known = f0 is not None
    if chosen.formula is not None:
        moved = sum(offset != 0 for offset in chosen.formula.offsets)
        here = moved < len(chosen.formula.offsets)
        least = count * moved + (here and not known)
        if most < least:
            raise InputError(f"`max_evaluations` must be at least {least} here with `step`; got {most}")
        known = known and here
    return replace(chosen, max_evaluations=most + 1) if known else chosen
