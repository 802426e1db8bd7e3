"""The example that goes the way of the notes, and a reader's own copy of such notes beside it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import secant

ROOT = Path(__file__).parents[1]
NOTES = ROOT / "examples" / "notes"

READERS_NOTES = """
import sys, os
sys.path.append(os.pardir)
import numpy as np
from common.functions import softmax, cross_entropy_error
from common.gradient import numerical_gradient

class Net:
    def __init__(self):
        self.W = np.array([[-2.05285131, 0.8881997, 0.82120879], [0.69678673, 0.45633899, -0.7004122]])

    def loss(self, x, t):
        return cross_entropy_error(softmax(np.dot(x, self.W)), t)

net = Net()
x, t = np.array([0.6, 0.9]), np.array([0, 0, 1])
print(net.loss(x, t))
print(numerical_gradient(lambda w: net.loss(x, t), net.W))
dW = numerical_gradient(lambda w: net.loss(x, t), net.W)
net.W -= 0.1 * dW
print(net.loss(x, t) < 1.45)
"""


def start(*command: str, cwd: Path, path: tuple[Path, ...] = ()) -> subprocess.CompletedProcess[str]:
    """Run Python as a person would, on this checkout's secant, warnings as errors."""
    folders = [*map(str, path), str(Path(secant.__file__).parents[1])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(folders), "PYTHONDONTWRITEBYTECODE": "1"}
    arguments = [sys.executable, "-W", "error", *command]
    return subprocess.run(arguments, cwd=cwd, env=environment, capture_output=True, text=True, timeout=120, check=False)


def test_every_number_of_the_notes_is_found(tmp_path: Path) -> None:
    done = start(str(NOTES / "notes.py"), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "off by 1.28e-05" in done.stdout
    assert "every number of the notes was found; dW differs, as explained above" in done.stdout
    assert done.stdout.isascii()
    pairs = [line.split(maxsplit=1) for line in done.stdout.splitlines() if line.startswith("    ")]
    assert [word for word, _ in pairs].count("notes") == [word for word, _ in pairs].count("here") == 15


def test_a_number_that_is_not_found_stops_the_script() -> None:
    done = start("-c", "import notes; notes.report_text('slope', '0.2', 0.19)", cwd=NOTES)
    assert done.returncode == 1
    assert "Mismatch: slope: the notes print 0.2, found 0.19" in done.stderr


def test_a_copy_of_the_notes_in_a_folder_beside_common_runs_unchanged(tmp_path: Path) -> None:
    shutil.copytree(NOTES / "common", tmp_path / "common")
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "notes.py").write_text(READERS_NOTES, encoding="utf-8")
    done = start("notes.py", cwd=folder)
    assert done.returncode == 0, done.stderr
    loss, *gradient, falls = done.stdout.splitlines()
    assert loss.startswith("1.5206784837")
    assert gradient == ["[[ 0.08221134  0.38665038 -0.46886172]", " [ 0.12331701  0.57997557 -0.70329258]]"]
    assert falls == "True"


@pytest.mark.needs("matplotlib")
def test_the_picture_is_drawn_when_it_is_asked_for(tmp_path: Path) -> None:
    done = start("notes.py", "--plot", str(tmp_path / "curve.svg"), cwd=NOTES)
    assert done.returncode == 0, done.stderr
    assert "<svg" in (tmp_path / "curve.svg").read_text(encoding="utf-8")


def test_without_matplotlib_the_picture_is_refused_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "matplotlib.py").write_text("raise ImportError('No module named matplotlib')", encoding="utf-8")
    done = start("notes.py", "--plot", str(tmp_path / "curve.svg"), cwd=NOTES, path=(tmp_path,))
    assert done.returncode == 2
    assert "no picture: No module named matplotlib; install it with: python -m pip install matplotlib" in done.stderr
    assert not (tmp_path / "curve.svg").exists()
