"""How every picture looks, and how it is written to a file.

Rules: matplotlib is imported when the first picture is drawn, and only its object interface is used
(pyplot keeps global state and costs a second at import). Curves differ by line style and marker as
well as by color; the colors are those of M. Okabe and K. Ito, "Color Universal Design" (2008), which
color-blind readers can tell apart. The same picture gives the same bytes: an SVG carries no date and
its ids come from a fixed salt.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import secant

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BLUE, ORANGE, GREEN, PURPLE, GRAY = "#0072B2", "#D55E00", "#009E73", "#AA4499", "#6E6E6E"

#: Color, line style and marker of the first, second, ... curve of a picture.
CURVES = ((BLUE, "-", "o"), (ORANGE, "--", "s"), (GREEN, "-.", "^"), (PURPLE, ":", "D"))

#: Formats, and what keeps the day out of each.
UNDATED: Mapping[str, Any] = {"svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": {}}

STYLE: Mapping[str, Any] = {
    "font.family": ["DejaVu Sans"],
    "font.size": 10.0,
    "axes.edgecolor": GRAY,
    "axes.labelcolor": "black",
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 11.0,
    "axes.unicode_minus": False,
    "figure.facecolor": "white",
    "grid.color": "#E3E3E3",
    "grid.linewidth": 0.7,
    "legend.frameon": False,
    "lines.linewidth": 1.6,
    "savefig.facecolor": "white",
    "svg.fonttype": "path",
    "svg.hashsalt": "secant",
    "xtick.color": GRAY,
    "xtick.labelcolor": "black",
    "ytick.color": GRAY,
    "ytick.labelcolor": "black",
}


def styled() -> Any:
    """Return a context in which matplotlib draws in this style, whatever the reader's own settings are."""
    matplotlib = library()
    # Left out: what chooses a window system, which matplotlib does not want to be reset.
    screen = ("backend", "interactive", "toolbar")
    defaults = {key: value for key, value in matplotlib.rcParamsDefault.items() if not key.startswith(screen)}
    return matplotlib.rc_context({**defaults, **STYLE})


def library() -> Any:
    """Import matplotlib, or say how to get it."""
    try:
        import matplotlib as mpl
    except ModuleNotFoundError as error:
        error.add_note("pictures need matplotlib: pip install 'secant[plot]'")
        raise
    return mpl


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure of a size in inches, which lays out its own parts."""
    library()
    from matplotlib import figure

    return figure.Figure(figsize=(width, height), layout="constrained")


def save(figure: Figure, path: str | Path) -> None:
    """Write a figure to a file; the suffix chooses the format (.svg, .pdf, .png).

    The same figure gives the same bytes. Raises ``InputError`` for another suffix.
    """
    target = Path(path)
    kind = target.suffix.lower().lstrip(".")
    if kind not in UNDATED:
        raise secant.InputError(f"`path` must end in .svg, .pdf or .png, got {target.name!r}")
    with styled():
        figure.savefig(target, format=kind, metadata=UNDATED[kind], dpi=160)
