"""What all tests share: repeatable Hypothesis, and skips that a complete machine does not forgive.

With ``SECANT_REQUIRE_ALL=1`` every package is expected to be there, so a skipped test is a failure: it would
otherwise go missing without a word. Only a reason that opens with ``platform: `` (no such device, another
operating system) is let pass. A test says what it needs by ``@pytest.mark.needs("torch")``, or a whole module
by ``torch = pytest.importorskip("torch")``.
"""

from __future__ import annotations

import math
import os
from collections.abc import Generator
from importlib.util import find_spec

import numpy as np
import pytest
from hypothesis import settings

from secant.evaluation.watch import Watch

settings.register_profile("secant", derandomize=True, deadline=None)
settings.load_profile("secant")

REQUIRE_ALL = os.environ.get("SECANT_REQUIRE_ALL", "") not in {"", "0"}
FORGIVEN = "platform: "


@pytest.fixture(autouse=True)
def _never_pressed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget Ctrl-C of other tests: the second one within a moment ends the program."""
    monkeypatch.setattr(Watch, "pressed", -math.inf)


@pytest.fixture(autouse=True)
def _numpy_warns() -> None:
    """Begin with NumPy's own warnings: a Ctrl-C of another test may have hit its errstate on the way in or out."""
    np.seterr(divide="warn", over="warn", under="ignore", invalid="warn")


def pytest_runtest_setup(item: pytest.Item) -> None:
    for mark in item.iter_markers("needs"):
        for package in mark.args:
            if find_spec(package) is None:
                pytest.skip(f"could not import {package!r}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    refuse_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    refuse_skip(report)
    return report


def refuse_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Turn a skip into a failure where everything should be there."""
    if not REQUIRE_ALL or not report.skipped or hasattr(report, "wasxfail"):
        return
    reason = str(report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr)
    reason = reason.removeprefix("Skipped: ")
    if not reason.startswith(FORGIVEN):
        report.outcome = "failed"
        report.longrepr = f"skipped although SECANT_REQUIRE_ALL is set: {reason}"
