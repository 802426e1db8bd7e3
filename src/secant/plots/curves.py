"""Pictures of one derivative: the curve with its tangents, and the error of a difference against its step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from secant.plots.style import BLUE, CURVES, GRAY, GREEN, ORANGE, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from secant import Estimate, StepStudy

#: An error of exactly zero has no place on a logarithmic axis; it is drawn here.
ZERO = 1e-17


def tangents(x: ArrayLike, y: ArrayLike, touching: Sequence[tuple[float, float, Estimate]], title: str = "") -> Figure:
    """Draw a curve and its tangents.

    Parameters
    ----------
    x, y : (n,) arrays, the curve.
    touching : for each tangent the point (x0, y0) and the :class:`~secant.Estimate` of the slope there. One
        without a finite slope is marked by its point and its verdict alone.
    """
    across, up = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    with styled():
        figure = new_figure(6.4, 4.2)
        axes = figure.subplots()
        axes.plot(across, up, color="black", label="f")
        for index, (x0, y0, estimate) in enumerate(touching):
            color, line, marker = CURVES[index % len(CURVES)]
            slope = float(estimate.value)
            label = f"x = {x0:g}: slope {_entry(estimate)}" if np.isfinite(slope) else f"x = {x0:g}: {estimate.verdict}"
            axes.plot([x0], [y0], color=color, marker=marker, linestyle=line, label=label)
            if np.isfinite(slope):
                axes.plot(across, y0 + slope * (across - x0), color=color, linestyle=line)
        margin = 0.08 * (np.ptp(up) or 1.0)
        axes.set(xlabel="x", ylabel="f(x)", title=title, ylim=(up.min() - margin, up.max() + margin))
        axes.margins(x=0)
        axes.grid(True)
        axes.legend()
    return figure


def error_against_step(study: StepStudy, title: str = "Error of a central difference against its step") -> Figure:
    """Draw the error of a fixed step against the step, with the named steps and secant's own answer.

    On the right the truncation falls with the step, on the left rounding rises; the dashed line is the bar under
    which secant's own answer lies, whatever the step. Steps so small that the difference no longer changes are
    left out of the frame, and a mark among them is written at its edge.
    """
    steps, errors = np.asarray(study.steps, dtype=float), np.asarray(study.errors, dtype=float)
    seen = np.isfinite(errors) & (steps > 0)
    bar = float(study.estimate.error)
    with styled():
        figure = new_figure(7.2, 4.6)
        axes = figure.subplots()
        axes.set(xscale="log", yscale="log", xlabel="step h", ylabel="absolute error", title=title)
        heights = np.maximum(errors[seen], ZERO)
        axes.plot(steps[seen], heights, color=BLUE, marker="o", markersize=3.5, label="(f(x+h) - f(x-h)) / 2h")
        at_best = seen & (steps == study.best)
        if at_best.any():
            height = max(errors[at_best][0], ZERO)
            ring = axes.plot([study.best], [height], color=GREEN, linestyle="none", marker="o", markersize=10)[0]
            ring.set(fillstyle="none", label=f"the best fixed step, {study.best:.1e}")
        if np.isfinite(bar):
            label = f"secant: {_entry(study.estimate)}   {study.estimate.verdict}"
            axes.axhline(max(bar, ZERO), color=ORANGE, linestyle="--", label=label)
        if seen.any():
            axes.set_xlim(_left_edge(steps[seen], errors[seen]), 3.0 * steps[seen].max())
        edge = axes.get_xlim()[0]
        for name, step in study.marks.items():
            inside = step > edge
            axes.axvline(max(step, edge), color=GRAY, linestyle=":", linewidth=1.4 if inside else 0.0)
            _mark(axes, name if inside else f"{name} lies to the left", max(step, edge))
        axes.grid(True)
        figure.legend(loc="outside lower left", ncols=2, alignment="left")
    return figure


def _left_edge(steps: Any, errors: Any) -> float:
    """Return where the frame begins: some decades into the flat stretch of steps that are lost in rounding."""
    order = np.argsort(steps)
    below = np.flatnonzero(errors[order] != errors[order][0])
    first = steps[order][below[0]] if below.size else steps.min()
    return float(max(steps.min() / 3.0, first * 1e-4))


def _mark(axes: Any, name: str, step: float) -> None:
    """Write the name of a step along its line, on a white ground so that nothing crosses it."""
    axes.annotate(
        name,
        (step, 0.06),
        xycoords=("data", "axes fraction"),
        xytext=(3, 0),
        textcoords="offset points",
        fontsize=8.5,
        rotation=90,
        va="bottom",
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.0},
    )


def _entry(estimate: Estimate) -> str:
    """Return value and bar as the estimate itself prints them."""
    return str(estimate).split("   ")[0]
