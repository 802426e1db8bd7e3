"""What very many entries cost in memory, and that nothing is missed of what is forgotten on the way."""

import math
import tracemalloc

import numpy as np
import pytest

import secant
from secant.core import operators


def in_blocks(monkeypatch) -> None:
    """Make a few hundred entries very many."""
    monkeypatch.setattr(operators, "BLOCK", 32)
    monkeypatch.setattr(operators, "LEAST", 16)
    monkeypatch.setattr("secant._api.lines.BLOCK", 32)


def cubes(x):
    return float(np.dot(x * x, x))


def mixed(x):
    return float(np.sum(np.sin(3.0 * x)) + np.abs(x[::7] - 1.0).sum() + np.dot(x[::5], x[::5]))


def _same(found, expected) -> None:
    assert repr(found) == repr(expected)
    for name in ("value", "error", "step"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))
    assert [*found.verdicts] == [*expected.verdicts]
    assert repr(found.details) == repr(expected.details)
    if expected.bends is not None:
        np.testing.assert_array_equal(found.bends.table, expected.bends.table)


@pytest.mark.parametrize("f", [cubes, mixed, lambda x: 1.0, lambda x: 3.0 * float(x.sum())])
def test_blocks_answer_as_one(f, monkeypatch) -> None:
    x = np.linspace(0.5, 1.5, 200)
    x[14] = 1.0
    expected = secant.gradient(f, x)
    in_blocks(monkeypatch)
    _same(secant.gradient(f, x), expected)


@pytest.mark.parametrize("f", [cubes, mixed])
@pytest.mark.parametrize("after", [40, 300, 700, 1500, 1990])
def test_what_is_forgotten_is_not_missed_when_a_question_is_cut_short(f, after, monkeypatch) -> None:
    x = np.linspace(0.5, 1.5, 200)
    x[14] = 1.0

    def cut(**how):
        count = 0

        def pressed(x):
            nonlocal count
            count += 1
            if count == after:
                raise KeyboardInterrupt
            return f(x)

        monkeypatch.setattr("secant.evaluation.watch.Watch.pressed", -math.inf)
        return secant.gradient(pressed, x, **how)

    in_blocks(monkeypatch)
    expected = cut(keep_samples=True)  # nothing is forgotten then
    assert len(expected.samples) <= after
    found = cut()
    assert found.stopped == expected.stopped
    _same(found, expected)


@pytest.mark.slow
def test_a_dense_gradient_takes_little_more_memory_than_its_answer() -> None:
    x = np.linspace(0.5, 1.5, 20_000)
    secant.gradient(cubes, x[:50])
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        found = secant.gradient(cubes, x)
        after, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert found.verdict == "ok"
    # In copies of x: a block of lines on their way takes some 8 at this size (2 at five times as many entries).
    assert (after - before) / x.nbytes < 16.0
    assert (peak - after) / x.nbytes < 13.0
