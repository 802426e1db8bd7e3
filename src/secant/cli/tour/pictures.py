"""The pictures of the tour: arrays and results are made here, ``secant.plots`` draws them."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

import secant
from secant import plots
from secant.cli.tour import notes
from secant.cli.tour.calculus import DESCENTS, run_descent


def save_all(folder: Path) -> list[Path]:
    """Draw the four pictures of the tour into a folder, made when it is missing; return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    x = np.arange(0.0, 20.0, 0.1)
    touching = [(at, float(notes.function_1(at)), secant.derivative(notes.function_1, at)) for at in (5.0, 10.0)]
    # The functions of the notes are parabolas, whose error is an L without truncation; exp shows the V.
    study = secant.steps(math.exp, 1.0)
    X, Y = np.meshgrid(np.arange(-2.0, 2.01, 0.25), np.arange(-2.0, 2.01, 0.25))
    slope = secant.grad(notes.function_2)
    downhill = -np.array([slope(np.array(point)) for point in zip(X.ravel(), Y.ravel(), strict=True)])
    runs = {f"lr {rate:g}": run_descent(number, as_noted=True) for number, (rate, _) in DESCENTS.items()}
    A, B = np.meshgrid(np.linspace(-5.0, 5.0, 81), np.linspace(-5.0, 5.0, 81))
    figures = {
        "function.svg": plots.tangents(
            x, notes.function_1(x), touching, "0.01 x^2 + 0.1 x with its tangents at 5 and 10"
        ),
        "steps.svg": plots.error_against_step(study, "exp at 1: error of a central difference against its step"),
        "gradient.svg": plots.gradient_arrows(
            X, Y, downhill[:, 0].reshape(X.shape), downhill[:, 1].reshape(X.shape), "minus the gradient of x0^2 + x1^2"
        ),
        "descents.svg": plots.descent_paths(
            runs, A, B, notes.function_2([A, B]), "x0^2 + x1^2 from (-3, 4), with the notes' step"
        ),
    }
    for name, figure in figures.items():
        plots.save(figure, folder / name)
    return [folder / name for name in figures]
