"""How far it is: told now and then, in one line, to whoever wants to know."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import secant
from secant.evaluation import progress
from secant.evaluation.progress import Progress, Reporter


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [0.0]
    monkeypatch.setattr(progress, "monotonic", lambda: now[0])
    return now


def test_a_terminal_has_one_line_that_is_written_over(clock: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    reporter = Reporter(True, expected=100)
    for second in range(1, 5):
        clock[0] = float(second)
        reporter.advance(10)
    reporter.close()
    lines = stream.getvalue().split("\r")
    assert lines[1] == "secant: 10 of about 100 evaluations, 10 a second, 9 s left"
    assert lines[-1].rstrip(" ") == "secant: 40 of about 100 evaluations, 10 a second, 6 s left\n"
    assert len(lines) == 6


def test_elsewhere_there_is_a_line_now_and_then(clock: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    reporter = Reporter(True)
    for tenth in range(1, 250):
        clock[0] = tenth / 10
        reporter.advance(1)
    reporter.close()
    lines = stream.getvalue().splitlines()
    assert [int(line.split()[1]) for line in lines] == [10, 110, 210, 249]
    assert "\r" not in stream.getvalue()


def test_elsewhere_two_seconds_are_told_of_and_half_a_second_is_not(
    clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    for end, count in ((0.5, 0), (2.0, 1)):
        clock[0] = 0.0
        reporter = Reporter(True)
        clock[0] = end
        reporter.advance(7)
        reporter.close()
        assert len(stream.getvalue().splitlines()) == count


def test_a_slow_call_is_told_of_in_a_file(tmp_path: Path) -> None:
    code = "import secant, time; secant.derivative(lambda x: time.sleep(0.2) or x * x, 3.0, progress=True)"
    with (tmp_path / "log").open("w") as log:
        subprocess.run([sys.executable, "-c", code], stderr=log, check=True)
    lines = (tmp_path / "log").read_text(encoding="utf-8").splitlines()
    assert 1 <= len(lines) <= 2
    assert all(line.startswith("secant: ") and "a second" in line for line in lines)


def test_a_function_is_called_a_few_times_a_second(clock: list[float]) -> None:
    seen: list[Progress] = []
    reporter = Reporter(seen.append, expected=5)
    for hundredth in range(1, 501):
        clock[0] = hundredth / 100
        reporter.advance(1, remembered=hundredth % 2)
    reporter.close()
    assert 15 < len(seen) < 25
    assert seen[-1].evaluations == 500
    assert seen[-1].remembered == 250
    assert seen[-1].expected is None  # it was passed
    assert seen[-1].rate == pytest.approx(50.0)


def test_a_closed_standard_error_is_no_harm(monkeypatch: pytest.MonkeyPatch, clock: list[float]) -> None:
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    reporter = Reporter(True)
    stream.close()
    clock[0] = 5.0
    reporter.advance(1)
    reporter.close()
    monkeypatch.setattr(sys, "stderr", None)
    silent = Reporter(True)
    clock[0] = 20.0
    silent.advance(1)
    silent.close()


def test_what_is_expected_is_about_right() -> None:
    seen: list[Progress] = []
    x = np.linspace(0.5, 1.0, 30)
    found = secant.gradient(lambda x: float(np.exp(x).sum()), x, progress=seen.append)
    assert seen[-1].evaluations == found.evaluations
    expected = secant.price(secant.gradient, lambda x: float(np.exp(x).sum()), x).evaluations
    assert 0.5 < found.evaluations / expected < 2.0
