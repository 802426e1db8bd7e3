"""Draw the README's picture into docs/assets: ``python docs/plot_readme.py [folder]``.

The relative error of a central difference against its step, for exp and for sin(1000 x) at 1. On the right truncation,
on the left rounding, and in between the best that a fixed step can do, which lies elsewhere for every function. Below
them the bars of secant, which was told nothing about either.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import secant
from secant.plots import style

ASSETS = Path(__file__).parent / "assets"
#: Steps to try, six to a decade, and the textbook's.
STEPS = [10.0 ** (sixth / 6.0) for sixth in range(-96, 1)]
TEXTBOOK = 1e-4


@dataclass(frozen=True)
class Curve:
    """A function, its slope at 1, and where and how its curve is drawn and labeled."""

    f: Callable[[float], float]
    truth: float
    name: str
    color: str
    marker: str
    label: tuple[float, float]


#: Written in gray on either side of the best steps, and where.
SIDES = (("step too small: rounding", (2e-16, 3e-8), "left"), ("step too large: truncation", (1.4, 5e-10), "right"))
CURVES = (
    Curve(lambda x: math.sin(1000.0 * x), 1000.0 * math.cos(1000.0), "sin(1000 x)", style.ORANGE, "s", (1.7e-7, 4e-5)),
    Curve(math.exp, math.e, "exp(x)", style.BLUE, "o", (5e-4, 3e-5)),
)


def main(folder: Path = ASSETS) -> Path:
    """Draw the picture and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    with style.styled():
        figure = style.new_figure(8.0, 4.6)
        axes = figure.subplots()
        axes.set(xscale="log", yscale="log", xlim=(1e-16, 2.0), ylim=(1e-15, 10.0))
        axes.set(xlabel="step h of (f(x + h) - f(x - h)) / 2h", ylabel="relative error at x = 1")
        axes.set(yticks=[10.0**power for power in range(-15, 1, 3)])
        axes.minorticks_off()
        axes.grid(True)
        axes.axvline(TEXTBOOK, color=style.GRAY, linestyle=":", linewidth=1.4)
        note(axes, (TEXTBOOK, 2.0), "the textbook's step", style.GRAY, ha="right")
        for text, at, side in SIDES:
            note(axes, at, text, style.GRAY, ha=side, style="italic")
        for curve in CURVES:
            draw(axes, curve)
    path = folder / "error_against_step.svg"
    secant.plots.save(figure, path)
    return path


def draw(axes: Any, curve: Curve) -> None:
    """Draw the error of fixed steps for one function, and secant's bar."""
    study = secant.steps(curve.f, 1.0, steps=STEPS, truth=curve.truth)
    errors = study.errors / abs(curve.truth)
    bar = study.estimate.error / abs(curve.truth)
    axes.plot(study.steps, errors, color=curve.color, marker=curve.marker, markersize=3, linewidth=1.2)
    note(axes, curve.label, curve.name, curve.color)
    axes.axhline(bar, color=curve.color, linewidth=2.2)
    answer, _, price = str(study.estimate).split("   ")
    note(axes, (1.6e-16, 0.6 * bar), f"secant on {curve.name}: {answer}, {price}", curve.color, va="top")


def note(axes: Any, at: tuple[float, float], text: str, color: str, **how: Any) -> None:
    """Write a label on a white ground, in the color of what it is about."""
    ground = {"facecolor": "white", "edgecolor": "none", "pad": 1.5}
    axes.text(*at, text, color=color, fontsize=9.0, bbox=ground, **how)


if __name__ == "__main__":
    print(main(*map(Path, sys.argv[1:2])))
