"""A second look at x where f is noisy tells a random f from one that only looks like it."""

import math

import numpy as np
import pytest

import secant

WORDS = "f gave another value at the same x, so it is random: fix its seed"


class Random:
    """A function with noise of its own, which counts its calls at x."""

    def __init__(self, f, x, level=1e-5) -> None:
        self.f, self.x, self.level, self.at_x, self.calls = f, x, level, 0, 0
        self.draw = np.random.default_rng(7)

    def __call__(self, x):
        self.calls += 1
        self.at_x += bool(np.all(x == self.x))
        return self.f(x) + self.level * self.draw.normal()


class Rough(Random):
    """The same with noise that is a function of x: fixed random numbers."""

    def __call__(self, x):
        self.calls += 1
        self.at_x += bool(np.all(x == self.x))
        draw = np.random.default_rng(np.atleast_1d(x).view(np.uint32))
        return self.f(x) + self.level * draw.normal()


X = np.array([1.0, 2.0])
QUESTIONS = [
    (secant.derivative, math.sin, 1.0, ()),
    (secant.gradient, lambda x: float(np.sin(x).sum()), X, ()),
    (secant.directional, lambda x: float(np.sin(x).sum()), X, (np.ones(2),)),
    (secant.derivative, lambda x: np.array([math.sin(x), math.cos(x)]), 1.0, ()),
    (secant.derivative, lambda x: math.sin(x) + 1j * math.cos(x), 1.0, ()),
]


@pytest.mark.parametrize("kind", [Random, Rough])
@pytest.mark.parametrize(("question", "f", "x", "further"), QUESTIONS)
def test_one_more_evaluation_at_x(question, f, x, further, kind) -> None:
    watched = kind(f, x)
    estimate = question(watched, x, *further)
    assert estimate.verdict is secant.Verdict.NOISY
    assert watched.at_x == 2
    assert estimate.evaluations == watched.calls
    for slope in estimate.details.values():
        if slope.verdict is secant.Verdict.NOISY and kind is Random:
            assert WORDS in slope.note
        else:
            assert WORDS not in slope.note
    assert (WORDS in estimate.message) == (kind is Random)


def test_only_where_f_is_noisy() -> None:
    for f, x in ((math.sin, 1.0), (abs, 0.0), (math.floor, 2.0)):
        watched = Rough(f, x, 0.0)
        estimate = secant.derivative(watched, x)
        assert watched.at_x == 1
        assert estimate.evaluations == watched.calls
    fixed = Random(math.sin, 1.0)
    assert secant.derivative(fixed, 1.0, step=1e-2).evaluations == fixed.calls == 2


@pytest.mark.parametrize("most", range(5, 45))
def test_within_the_budget(most) -> None:
    watched = Random(math.sin, 1.0)
    assert secant.derivative(watched, 1.0, max_evaluations=most).evaluations == watched.calls <= most


def test_outputs_are_told_apart() -> None:
    draw = np.random.default_rng(3)
    estimate = secant.derivative(lambda x: np.array([math.sin(x), math.sin(x) + 1e-4 * draw.normal()]), 1.0)
    assert [str(verdict) for verdict in estimate.verdicts] == ["ok", "noisy"]
    assert list(estimate.details) == ["[1]"]
    assert WORDS in estimate.message


def test_a_failure_at_the_repeat_is_fs_own() -> None:
    class Breaking(Random):
        def __call__(self, x):
            if x == self.x and self.at_x:
                raise RuntimeError("no second time")
            return super().__call__(x)

    with pytest.raises(RuntimeError, match="no second time") as caught:
        secant.derivative(Breaking(math.sin, 1.0), 1.0)
    assert caught.value.__notes__ == ["while evaluating f at x = 1.0"]
