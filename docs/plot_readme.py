"""Draw the README's picture into docs/assets: ``python docs/plot_readme.py [folder]``.

The error of a central difference of exp at 1 against its step: on the right truncation, on the left
rounding, in between the best that any fixed step can do, and far below it secant's error bar.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path

import secant

ASSETS = Path(__file__).parent / "assets"


def main(folder: Path = ASSETS) -> Path:
    """Draw the picture and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    study = secant.steps(math.exp, 1.0, truth=math.e)
    figure = secant.plots.error_against_step(study, "exp at 1: what a fixed step costs, and what secant says")
    path = folder / "error_against_step.svg"
    secant.plots.save(figure, path)
    return path


if __name__ == "__main__":
    print(main(*map(Path, sys.argv[1:2])))
