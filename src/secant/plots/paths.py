"""Pictures in two variables: the gradient as arrows, and descents on contours and against iterations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

import secant
from secant.plots.style import BLUE, CURVES, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from secant import Descent


def gradient_arrows(X: ArrayLike, Y: ArrayLike, U: ArrayLike, V: ArrayLike, title: str = "") -> Figure:
    """Draw arrows (U, V) at points (X, Y), four arrays of one shape; pass minus the gradient to point downhill."""
    across, up, right, over = (np.asarray(part, dtype=float) for part in (X, Y, U, V))
    with styled():
        figure = new_figure(5.2, 4.9)
        axes = figure.subplots()
        axes.quiver(across, up, right, over, color=BLUE, angles="xy", width=0.0035)
        axes.set(xlabel="x[0]", ylabel="x[1]", title=title, aspect="equal")
        axes.grid(True)
        axes.set_axisbelow(True)
    return figure


def descent_paths(
    descents: Mapping[str, Descent],
    X: ArrayLike | None = None,
    Y: ArrayLike | None = None,
    Z: ArrayLike | None = None,
    title: str = "",
) -> Figure:
    """Draw descents: f against the iteration and, where contours are given, the paths on them.

    Parameters
    ----------
    descents : by label, the :class:`~secant.Descent` of each run.
    X, Y, Z : contours of f, three arrays of one shape (as from ``numpy.meshgrid``); with them the runs must be
        in two variables (``InputError`` otherwise). The frame is theirs: a path that leaves it is cut off there.
    """
    contours = None if X is None or Y is None or Z is None else [np.asarray(part, dtype=float) for part in (X, Y, Z)]
    if not descents:
        raise secant.InputError("`descents` must hold at least one run; it is empty")
    if contours is not None and any(np.shape(run.path)[1] != 2 for run in descents.values()):
        raise secant.InputError("`X`, `Y` and `Z` are for descents in two variables; leave them out")
    with styled():
        figure = new_figure(6.0 if contours is None else 10.4, 4.4)
        panels = figure.subplots(1, 1 if contours is None else 2, squeeze=False)[0]
        if contours is not None:
            _on_contours(panels[0], descents, contours)
        _values(panels[-1], descents)
        if title:
            figure.suptitle(title, x=0.01, ha="left", fontsize=11.0)
    return figure


def _on_contours(axes: Any, descents: Mapping[str, Descent], contours: list[Any]) -> None:
    across, up, height = contours
    axes.contour(across, up, height, levels=12, colors="#B5B5B5", linewidths=0.8)
    low, high = (np.array([across.min(), up.min()]), np.array([across.max(), up.max()]))
    for index, run in enumerate(descents.values()):
        color, line, marker = CURVES[index % len(CURVES)]
        # Only what reaches the frame: coordinates of 1e128 are beyond what a renderer can clip.
        path = _until_outside(np.asarray(run.path, dtype=float), low, high)
        axes.plot(path[:, 0], path[:, 1], color=color, linestyle=line, marker=marker, markersize=4, zorder=9 - index)
    axes.plot(
        *next(iter(descents.values())).path[0], color="black", marker="*", markersize=10, linestyle="none", zorder=10
    )
    axes.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), aspect="equal")
    axes.set(xlabel="x[0]", ylabel="x[1]", title="the paths, from the star")


def _until_outside(path: Any, low: Any, high: Any) -> Any:
    """Return the path to its first point outside the frame, that one pulled in to a few frames away."""
    outside = ~np.all((path >= low) & (path <= high), axis=1)
    if not outside.any():
        return path
    first = int(np.argmax(outside))
    if first == 0:
        return path[:1]
    leap = path[first] - path[first - 1]
    length = np.max(np.abs(leap) / (high - low))
    end = path[first - 1] + leap * min(1.0, 3.0 / length) if np.isfinite(length) else path[first - 1]
    return np.vstack([path[:first], end])


def _values(axes: Any, descents: Mapping[str, Descent]) -> None:
    largest, positive = 1, True
    for index, (label, run) in enumerate(descents.items()):
        color, line, marker = CURVES[index % len(CURVES)]
        values = np.asarray(run.values, dtype=float)
        shown = np.where(np.isfinite(values), values, np.nan)
        largest = max(largest, len(values) - 1)
        every = max(1, len(values) // 10)
        axes.plot(shown, color=color, linestyle=line, marker=marker, markersize=4, markevery=every)
        axes.lines[-1].set_label(f"{label}: {run.verdict}")
        positive &= bool(np.all(values[np.isfinite(values)] > 0))
    axes.set(xlabel="iteration", ylabel="f", title="f along the way", xlim=(0, largest))
    axes.set_yscale("log" if positive else "linear")
    axes.grid(True)
    axes.legend()
