"""Drills: a run that is killed, interrupted or started from a bare script loses nothing and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import secant

#: A script without a guard; its f logs every call, and ends the whole process at call number `DIE`.
SCRIPT = """
import os, signal, sys, time
import numpy as np
import secant

LOG, PAUSE = os.environ["DRILL_LOG"], float(os.environ["DRILL_PAUSE"])

def f(x):
    with open(LOG, "a") as stream:
        stream.write(f"{os.getpid()} {np.asarray(x).tobytes().hex()}\\n")
    with open(LOG) as stream:
        count = sum(line.startswith(f"{os.getpid()} ") for line in stream)
    if count == int(os.environ.get("DRILL_DIE", -1)):
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(PAUSE)
    return float(np.sin(np.asarray(x)).sum() + 0.5 * np.sum(np.asarray(x) ** 2))

x = np.linspace(0.1, 1.0, int(os.environ["DRILL_SIZE"]))
HOW = eval(os.environ["DRILL_HOW"])
question = os.environ["DRILL_QUESTION"]
if question == "derivative":
    found = secant.derivative(f, 0.5, **HOW)
elif question == "gradient":
    found = secant.gradient(f, x, **HOW)
elif question == "directional":
    found = secant.directional(f, x, np.ones(x.size), **HOW)
elif question == "check":
    found = secant.check_gradient(f, lambda x: np.cos(x) + x, x, **HOW)
else:
    found = secant.gradient_descent(f, x, lr=0.1, iterations=3, **HOW)
answer = {"descent": "x", "check": "would_have_caught"}.get(question, "value")
print(np.asarray(getattr(found, answer)).tobytes().hex(), found.evaluations, found.stopped)
"""


class Drill:
    """A script to be run in a folder of its own, and what it left there."""

    def __init__(self, folder: Path, question: str, *, size: int = 3, pause: float = 0.0, how: str = "{}") -> None:
        self.folder = folder
        self.script, self.log = folder / "script.py", folder / "log"
        self.script.write_text(SCRIPT)
        self.log.touch()
        self.env = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(sys.path),
            "DRILL_LOG": str(self.log),
            "DRILL_PAUSE": str(pause),
            "DRILL_SIZE": str(size),
            "DRILL_HOW": how,
            "DRILL_QUESTION": question,
        }

    def start(self, die: int | None = None) -> subprocess.Popen[str]:
        env = self.env if die is None else {**self.env, "DRILL_DIE": str(die)}
        return subprocess.Popen(
            [sys.executable, str(self.script)],
            cwd=self.folder,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def finish(self, die: int | None = None) -> tuple[int, str, str]:
        process = self.start(die)
        output, errors = process.communicate(timeout=120)
        return process.returncode, output.strip(), errors

    def calls(self) -> list[str]:
        return [line.split()[1] for line in self.log.read_text().splitlines()]

    def pids(self) -> set[int]:
        return {int(line.split()[0]) for line in self.log.read_text().splitlines()}


def orphans(pids: set[int], within: float) -> set[int]:
    """Processes that are still there after a while."""
    end = time.monotonic() + within
    while True:
        alive = {pid for pid in pids if running(pid)}
        if not alive or time.monotonic() > end:
            return alive
        time.sleep(0.05)


def running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


QUESTIONS = ("derivative", "gradient", "directional", "descent", "check")


@pytest.mark.parametrize(
    "question", [*(pytest.param(name, marks=pytest.mark.slow) for name in QUESTIONS[:1] + QUESTIONS[2:]), "gradient"]
)
def test_a_run_that_is_killed_goes_on_where_it_was(tmp_path: Path, question: str) -> None:
    (tmp_path / "whole").mkdir()
    (tmp_path / "cut").mkdir()
    whole = Drill(tmp_path / "whole", question)
    status, answer, errors = whole.finish()
    assert status == 0, errors
    drill = Drill(tmp_path / "cut", question, how="{'journal': 'j'}")
    kills = 0
    for die in (1, 4, 9, 2, 11):
        status, _, errors = drill.finish(die)
        if status == 0:
            break
        assert status == -signal.SIGKILL, errors
        kills += 1
    status, output, errors = drill.finish()
    assert status == 0, errors
    assert output == answer
    # What was in flight at a kill, and one point evaluated again at each start that found something.
    assert len(drill.calls()) <= len(whole.calls()) + 2 * kills + 1
    assert kills >= 3


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").exists(), reason="platform: no /proc")
@pytest.mark.parametrize("seed", range(3))
def test_a_parent_that_is_killed_leaves_no_orphans_and_loses_little(tmp_path: Path, seed: int) -> None:
    random = np.random.default_rng(seed)
    drill = Drill(
        tmp_path, "gradient", size=80, pause=0.004, how="{'journal': 'j', 'workers': 2, 'max_evaluations': 1500}"
    )
    kills, output = 0, ""
    for _ in range(30):
        process = drill.start()
        try:
            output, errors = process.communicate(timeout=float(random.uniform(2.0, 4.0)))
            assert process.returncode == 0, errors
            break
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            kills += 1
            assert orphans(drill.pids(), 3.0) == set()
    (tmp_path / "whole").mkdir()
    whole = Drill(tmp_path / "whole", "gradient", size=80, how="{'max_evaluations': 1500}")
    assert whole.finish()[1] == output.strip()
    assert kills >= 1
    # A group of each of two workers in flight, and one point evaluated again.
    assert len(drill.calls()) <= len(whole.calls()) + kills * (2 * 13 + 1) + 1


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").exists(), reason="platform: no /proc")
def test_an_interrupt_leaves_no_orphans_and_gives_an_answer(tmp_path: Path) -> None:
    drill = Drill(tmp_path, "gradient", size=50, pause=0.02, how="{'workers': 2}")
    process = drill.start()
    end = time.monotonic() + 60.0
    while len(drill.pids()) < 3 and time.monotonic() < end:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    output, errors = process.communicate(timeout=20)
    assert process.returncode == 0, errors
    assert output.split()[-1] == "keyboard"
    assert errors == ""
    assert len(drill.pids()) == 3
    assert orphans(drill.pids(), 2.0) == set()


def test_the_answer_of_a_journal_is_that_of_none(tmp_path: Path) -> None:
    x = np.array([1.0, 2.0])
    f = lambda x: float(np.sin(x).sum())  # noqa: E731
    plain = secant.gradient(f, x)
    for _ in range(2):
        found = secant.gradient(f, x, journal=tmp_path / "j")
        assert found.to_json() == plain.to_json()
    with pytest.raises(secant.InputError, match=r"the option `rtol` was 0\.0 and is 1e-06"):
        secant.gradient(f, x, journal=tmp_path / "j", rtol=1e-6)
    with pytest.raises(secant.InputError, match="the option `question` was 'gradient' and is 'directional'"):
        secant.directional(f, x, x, journal=tmp_path / "j")


def test_a_study_and_the_level_of_noise_take_a_journal_too(tmp_path: Path) -> None:
    f = lambda x: float(np.sin(x))  # noqa: E731
    for question, path in [(secant.noise, tmp_path / "n"), (secant.steps, tmp_path / "s")]:
        first = question(f, 1.0, journal=path)
        size = path.stat().st_size
        assert str(question(f, 1.0, journal=path)) == str(first)
        assert path.stat().st_size == size
    with pytest.raises(secant.InputTypeError, match="takes no option `deadline`"):
        secant.noise(f, 1.0, deadline=1.0)


def test_what_was_cut_short_goes_on(tmp_path: Path) -> None:
    def f(x: object) -> float:
        time.sleep(0.002)
        return float(np.sum(np.sin(x)))  # type: ignore[call-overload]

    x = np.linspace(0.0, 1.0, 20)
    cut = secant.gradient(f, x, journal=tmp_path / "j", deadline=0.1)
    assert cut.stopped == "deadline"
    whole = secant.gradient(f, x, journal=tmp_path / "j")
    assert not whole.stopped
    assert np.array_equal(whole.value, secant.gradient(f, x).value)


def test_progress_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    seen: list[secant.Progress] = []
    found = secant.gradient(lambda x: float(x @ x), np.ones(5), progress=seen.append)
    assert seen[-1].evaluations == found.evaluations
    assert seen[-1].left is None or seen[-1].left >= 0.0
    secant.gradient(lambda x: float(x @ x), np.ones(5), progress=True)
    assert capsys.readouterr().err == ""  # what ends within a second needs no line


def bowl(x: np.ndarray) -> float:
    return float(np.sin(x).sum() + x[0] * x[1])


@pytest.mark.parametrize(
    ("question", "further"),
    [
        (secant.hessian, ()),
        (secant.hvp, (np.ones(3),)),
        (secant.gradient, ()),
        (secant.jacobian, ()),
        (secant.directional, (np.ones(3),)),
    ],
)
@pytest.mark.parametrize("how", [{}, {"f0": bowl(np.array([0.5, 1.0, 1.5]))}, {"scale": bowl}])
def test_every_question_goes_on_from_its_journal(tmp_path: Path, question, further, how) -> None:
    if "scale" in how and question in (secant.hessian, secant.hvp):
        return
    x = np.array([0.5, 1.0, 1.5])
    plain = question(bowl, x, *further, **how)
    for _ in range(2):
        found = question(bowl, x, *further, **how, journal=tmp_path / "j")
        assert found.to_json() == plain.to_json()
    size = (tmp_path / "j").stat().st_size
    os.truncate(tmp_path / "j", size - 200)
    assert question(bowl, x, *further, **how, journal=tmp_path / "j").to_json() == plain.to_json()
    assert (tmp_path / "j").stat().st_size == size
    assert (tmp_path / "j.scale").exists() == ("scale" in how)


def test_a_hessian_of_a_gradient_names_it(tmp_path: Path) -> None:
    x = np.array([0.5, 1.0])
    for _ in range(2):
        secant.hessian(None, x, gradient=np.cos, journal=tmp_path / "j")
    with pytest.raises(secant.InputError, match="belongs to another question: f has changed"):
        secant.hessian(None, x, gradient=np.sin, journal=tmp_path / "j")
    with pytest.raises(secant.InputTypeError, match="takes no option `vectorized`"):
        secant.hessian(None, x, gradient=np.sin, vectorized=True)


def test_batches_and_a_given_value() -> None:
    x = np.array([0.5, 1.0])
    many = lambda x: np.sin(x).sum(axis=1)  # noqa: E731
    found = secant.gradient(many, x, vectorized=True, f0=float(np.sin(x).sum()))
    np.testing.assert_allclose(found.value, np.cos(x), rtol=1e-10)
    with pytest.raises(secant.OutputError, match="for a batch of 1"):
        secant.gradient(lambda x: np.sin(x).sum(), x, vectorized=True, f0=float(np.sin(x).sum()))
    with pytest.raises(secant.InputError, match="`f0` must have the shape of f's values"):
        secant.directional(many, x, x, vectorized=True, f0=np.ones(3))
