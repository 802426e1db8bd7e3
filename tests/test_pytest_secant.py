"""The pytest plugin: the fixture fails with the table, and costs nothing until it is used."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
#: No other plugin may have loaded anything, nor this one twice.
ALONE = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
SAMPLE = """
import sys
import numpy as np

def test_nothing_is_loaded():
    assert "secant" not in sys.modules

def test_right(gradcheck):
    assert gradcheck(lambda x: np.sum(x**2), lambda x: 2 * x, np.ones(3)).ok

def test_wrong(gradcheck):
    gradcheck(lambda x: np.sum(x**2), lambda x: 2 * x * [1, 1, 3], np.ones(3))

JUMP = (lambda x: float(x >= 1.0), lambda x: 0.0, 1.0)

def test_unsure(gradcheck):
    gradcheck(*JUMP)

def test_unsure_skipped(gradcheck):
    gradcheck(*JUMP, cannot_tell="skip")

def test_unsure_passed(gradcheck):
    assert not gradcheck(*JUMP, cannot_tell="pass").ok

def test_misspelled(gradcheck):
    gradcheck(*JUMP, cannot_tell="maybe")
"""


def test_the_fixture(tmp_path: Path) -> None:
    (tmp_path / "test_sample.py").write_text(SAMPLE, encoding="utf-8")
    (tmp_path / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "pytest_secant", str(tmp_path)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src"), "PYTEST_ADDOPTS": "", **ALONE},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "3 failed, 3 passed, 1 skipped" in done.stdout, done.stdout
    assert "disagree   3 entries" in done.stdout
    assert "[2]     6       2" in done.stdout
    assert "cannot tell   1 entry" in done.stdout
    assert "`cannot_tell` must be 'fail', 'skip' or 'pass'; got 'maybe'" in done.stdout


def test_it_is_registered_and_shipped() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["entry-points"]["pytest11"] == {"secant": "pytest_secant"}
    assert "src/pytest_secant" in project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
