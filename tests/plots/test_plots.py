"""Pictures: what is drawn is what was given, nothing is evaluated, and the same picture is the same bytes."""

import os
import runpy
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

import secant
from secant import Descent, DescentVerdict, Estimate, StepStudy, Verdict, plots

pytest.importorskip("matplotlib")

SMOOTH = Estimate(0.2, 1.4e-15, Verdict.OK, Verdict.OK, 13)
NONE_HERE = Estimate(np.nan, np.inf, Verdict.JUMP, Verdict.JUMP, 17)
X = np.arange(0.0, 20.0, 0.1)
Y = 0.01 * X**2 + 0.1 * X


def study(errors: np.ndarray | None = None, estimate: Estimate | None = None) -> StepStudy:
    steps = 10.0 ** np.arange(-50.0, 0.5, 0.5)
    values = (np.exp(1 + steps) - np.exp(1 - steps)) / (2 * steps)
    errors = np.abs(values - np.e) if errors is None else errors
    estimate = Estimate(np.e, 4e-15, Verdict.OK, Verdict.OK, 13) if estimate is None else estimate
    marks = {"the bad example": 1e-49, "1e-4": 1e-4, "chosen": 0.026}
    return StepStudy(steps, values, errors, estimate, steps[88], marks)


def run(factor: float, verdict: DescentVerdict, dimensions: int = 2) -> Descent:
    path = np.outer(factor ** np.arange(101.0), np.array([-3.0, 4.0, 1.0])[:dimensions])
    values = np.sum(path**2, axis=1)
    return Descent(path[-1], values[-1], 401, 100, verdict, (), path, values, 0.1)


RUNS = {
    "lr 0.1": run(0.8, DescentVerdict.CONVERGED),
    "lr 10": run(-19.0, DescentVerdict.LR_TOO_LARGE),
    "lr 1e-10": run(1.0 - 2e-10, DescentVerdict.LR_TOO_SMALL),
}
GRID = np.meshgrid(np.linspace(-5.0, 5.0, 21), np.linspace(-5.0, 5.0, 21))
BOWL = (*GRID, GRID[0] ** 2 + GRID[1] ** 2)

PICTURES = {
    "tangents": lambda: plots.tangents(X, Y, [(5.0, 0.75, SMOOTH)], "a title"),
    "no tangent": lambda: plots.tangents(X, Y, [(5.0, 0.75, NONE_HERE)]),
    "flat": lambda: plots.tangents([0.0, 1.0], [2.0, 2.0], []),
    "steps": lambda: plots.error_against_step(study()),
    "steps exact": lambda: plots.error_against_step(study(errors=np.zeros(101))),
    "steps unknown": lambda: plots.error_against_step(study(errors=np.full(101, np.nan), estimate=NONE_HERE)),
    "arrows": lambda: plots.gradient_arrows(*GRID, -2 * GRID[0], -2 * GRID[1]),
    "descents": lambda: plots.descent_paths(RUNS, *BOWL, title="three runs"),
    "values": lambda: plots.descent_paths(RUNS),
    "other dimensions": lambda: plots.descent_paths({"one": run(0.5, DescentVerdict.CONVERGED, 1)}),
}


@pytest.mark.parametrize("name", PICTURES)
def test_the_same_picture_is_the_same_bytes(name: str, tmp_path: Path) -> None:
    files = [tmp_path / "first.svg", tmp_path / "second.svg"]
    for file in files:
        plots.save(PICTURES[name](), file)
    first, second = (file.read_bytes() for file in files)
    assert first == second
    assert ET.fromstring(first).tag.endswith("svg")
    assert b"<dc:date>" not in first


def test_reader_settings_change_nothing(tmp_path: Path) -> None:
    import matplotlib as mpl

    plots.save(PICTURES["tangents"](), tmp_path / "usual.svg")
    with mpl.rc_context({"font.size": 30, "svg.hashsalt": "other", "lines.linewidth": 9, "axes.grid": True}):
        before = dict(mpl.rcParams)
        plots.save(PICTURES["tangents"](), tmp_path / "set.svg")
        assert dict(mpl.rcParams) == before
    assert (tmp_path / "usual.svg").read_bytes() == (tmp_path / "set.svg").read_bytes()


def test_a_tangent_has_the_slope_of_the_estimate() -> None:
    axes = plots.tangents(X, Y, [(5.0, 0.75, SMOOTH), (10.0, 2.0, NONE_HERE)]).axes[0]
    curve, point, tangent, lonely = axes.lines
    assert np.array_equal(curve.get_ydata(), Y)
    assert (list(point.get_xdata()), list(point.get_ydata())) == ([5.0], [0.75])
    assert np.asarray(tangent.get_ydata()) == pytest.approx(0.75 + 0.2 * (X - 5.0))
    assert "0.2 +/- 1.4e-15" in str(point.get_label())
    assert "jump" in str(lonely.get_label())


def test_curves_differ_by_more_than_color() -> None:
    for figure in (plots.tangents(X, Y, [(5.0, 0.75, SMOOTH), (10.0, 2.0, SMOOTH)]), plots.descent_paths(RUNS)):
        labeled = [line for line in figure.axes[-1].lines if not str(line.get_label()).startswith("_")]
        looks = [(line.get_linestyle(), line.get_marker()) for line in labeled]
        assert len(set(looks)) == len(looks) >= 3


def test_error_against_step_shows_every_number_it_is_given() -> None:
    given = study()
    axes = plots.error_against_step(given).axes[0]
    curve, ring, bar = axes.lines[:3]
    assert np.array_equal(curve.get_xdata(), given.steps)
    assert np.asarray(curve.get_ydata()) == pytest.approx(np.maximum(given.errors, 1e-17))
    assert list(ring.get_xdata()) == [given.best]
    assert list(bar.get_ydata()) == [given.estimate.error] * 2
    texts = [text.get_text() for text in axes.texts]
    assert texts == ["the bad example lies to the left", "1e-4", "chosen"]
    left, right = axes.get_xlim()
    assert 1e-22 < left < 1e-17
    assert right > 1.0


def test_a_path_is_cut_where_it_leaves_the_frame() -> None:
    frame = plots.descent_paths(RUNS, *BOWL).axes[0]
    for line in frame.lines:
        assert np.all(np.abs(line.get_xydata()) < 100.0)
    whole, leaving = frame.lines[:2]
    assert np.array_equal(whole.get_xydata(), RUNS["lr 0.1"].path)
    start, end = leaving.get_xydata()
    # On the way from (-3, 4) to (57, -76), and outside.
    assert (end - start)[1] / (end - start)[0] == pytest.approx(-80.0 / 60.0)
    assert np.abs(end).max() > 5.0


def test_f_is_drawn_with_its_verdict_and_on_a_log_axis_when_it_is_positive() -> None:
    axes = plots.descent_paths(RUNS).axes[0]
    assert axes.get_yscale() == "log"
    assert [line.get_label() for line in axes.lines] == [
        "lr 0.1: converged",
        "lr 10: lr too large",
        "lr 1e-10: lr too small",
    ]
    fallen = run(0.8, DescentVerdict.BUDGET)
    below = Descent(fallen.x, -1.0, 1, 100, fallen.verdict, (), fallen.path, fallen.values - 1.0, 0.1)
    assert plots.descent_paths({"below": below}).axes[0].get_yscale() == "linear"


def test_what_cannot_be_drawn_is_refused(tmp_path: Path) -> None:
    with pytest.raises(secant.InputError, match="two variables"):
        plots.descent_paths({"one": run(0.5, DescentVerdict.CONVERGED, 3)}, *BOWL)
    with pytest.raises(secant.InputError, match=r"`descents`"):
        plots.descent_paths({})
    with pytest.raises(secant.InputError, match=r"`path`.*\.svg.*\.xyz"):
        plots.save(PICTURES["flat"](), tmp_path / "picture.xyz")


def test_other_formats(tmp_path: Path) -> None:
    heads = {"png": b"\x89PNG", "pdf": b"%PDF", "SVG": b"<?xml"}
    for suffix, head in heads.items():
        plots.save(PICTURES["flat"](), tmp_path / f"picture.{suffix}")
        assert (tmp_path / f"picture.{suffix}").read_bytes().startswith(head)


def test_pyplot_and_matplotlib_stay_away() -> None:
    """Importing the pictures loads nothing, and drawing never loads pyplot."""
    code = (
        "import sys; from secant import plots; assert 'matplotlib' not in sys.modules\n"
        "plots.tangents([0.0, 1.0], [0.0, 1.0], []); assert 'matplotlib' in sys.modules\n"
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(secant.__file__).parents[1])}
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60, env=environment)


def test_the_picture_of_the_readme_is_drawn_by_its_script(tmp_path: Path) -> None:
    script = Path(__file__).parents[2] / "docs" / "plot_readme.py"
    drawn = runpy.run_path(str(script))["main"](tmp_path / "assets")
    assert drawn.read_bytes().startswith(b"<?xml")
    assert (script.parent / "assets" / drawn.name).is_file()
