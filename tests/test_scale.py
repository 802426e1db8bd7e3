"""`scale=`: a second look over a length, or at another version of f."""

import math

import numpy as np
import pytest

import secant
from secant import Verdict

X = np.array([1.0, 2.0, 3.0])


def rippled(x):
    return float(np.sin(x).sum() + 1e-4 * math.sin(3e3 * x[1]))


class Counted:
    def __init__(self, f) -> None:
        self.f, self.calls, self.least, self.most = f, 0, math.inf, -math.inf

    def __call__(self, x, *args):
        self.calls += 1
        if np.ndim(x) == 0:
            self.least, self.most = min(self.least, x), max(self.most, x)
        return self.f(x, *args)


def root(tolerance):
    def stopped(a):
        x = a
        while abs(x * x - a) > tolerance:
            x = 0.5 * (x + a / x)
        return x

    return stopped


def test_a_ripple_is_noise_over_the_length() -> None:
    f = Counted(rippled)
    estimate = secant.gradient(f, X, scale=0.3)
    assert [str(word) for word in estimate.verdicts] == ["ok", "noisy", "ok"]
    assert np.all(np.abs(estimate.value - np.cos(X)) <= estimate.error)
    assert estimate.evaluations == f.calls
    assert "ripple" in estimate.details["[1]"].note
    plain = secant.gradient(rippled, X)
    assert abs(plain.value[1] - math.cos(2.0)) > 100.0 * plain.error[1]


@pytest.mark.parametrize("scale", [0.3, np.float64(0.3), np.full(3, 0.3), [0.3, 0.3, 0.3]])
def test_lengths_of_every_form_say_the_same(scale) -> None:
    if isinstance(scale, list):
        estimate = secant.gradient(lambda x: rippled(np.array(x)), X.tolist(), scale=scale)
    else:
        estimate = secant.gradient(rippled, X, scale=scale)
    assert np.array_equal(np.array(estimate.value), secant.gradient(rippled, X, scale=0.3).value)


def test_wrt_and_directions_take_a_length_as_well() -> None:
    one = secant.gradient(rippled, X, scale=0.3, wrt=[1])
    assert abs(one.value[1] - math.cos(2.0)) <= one.error[1]
    assert np.isnan(one.value[[0, 2]]).all()
    f = Counted(lambda x: math.sin(x) + 1e-4 * math.sin(3e3 * x))
    along = secant.directional(lambda x: f(float(x[0])), np.array([1.0]), np.array([10.0]), scale=0.25)
    assert abs(along.value - 10.0 * math.cos(1.0)) <= 2.0 * along.error < 0.1
    assert f.most <= 1.25
    assert f.least >= 0.75


def test_outputs_are_looked_at_one_by_one() -> None:
    estimate = secant.derivative(lambda x: np.array([math.exp(x), x + 1e-4 * math.sin(2e3 * x)]), 1.0, scale=0.5)
    assert [str(word) for word in estimate.verdicts] == ["ok", "noisy"]
    assert np.all(np.abs(estimate.value - [math.e, 1.0]) <= estimate.error)


def test_another_version_widens_the_bar_to_both() -> None:
    tight, loose = Counted(root(1e-4)), Counted(root(1e-2))
    estimate = secant.derivative(tight, 2.0, scale=loose)
    assert estimate.verdict is Verdict.NOISY
    assert estimate.value == secant.derivative(root(1e-4), 2.0).value
    assert abs(estimate.value - 0.5 / math.sqrt(2.0)) <= estimate.error
    assert estimate.evaluations == tight.calls + loose.calls
    same = secant.gradient(lambda x: float(np.exp(x).sum()), X, scale=lambda x: float(math.fsum(np.exp(x))))
    assert same.ok


@pytest.mark.parametrize("most", [1, 2, 9, 20, 30, 60])
@pytest.mark.parametrize("scale", [0.3, rippled])
def test_the_budget_is_for_both_looks(scale, most) -> None:
    f = Counted(rippled)
    other = Counted(scale) if callable(scale) else scale
    estimate = secant.gradient(f, X, scale=other, max_evaluations=most)
    calls = f.calls + (other.calls if callable(scale) else 0)
    assert estimate.evaluations == calls <= max(most, 2 if callable(scale) else 1)


def test_bounds_hold_in_the_second_look() -> None:
    f = Counted(math.log)
    estimate = secant.derivative(f, 1.0, bounds=(0.5, 1.25), scale=4.0)
    assert estimate.ok
    assert 0.5 <= f.least < f.most <= 1.25


@pytest.mark.parametrize(
    ("scale", "how", "kind", "words"),
    [
        (
            0.0,
            {},
            secant.InputError,
            "must be a positive finite length, lengths like x, or another version of f; got 0",
        ),
        (-1.0, {}, secant.InputError, "got -1"),
        (math.nan, {}, secant.InputError, "got nan"),
        (math.inf, {}, secant.InputError, "got inf"),
        ("far", {}, secant.InputTypeError, "`scale` must be a real number"),
        (True, {}, secant.InputTypeError, "`scale` must be a real number"),
        ([1.0, 2.0], {}, secant.InputError, "its leaves have shapes"),
        (0.1, {"step": 1e-3}, secant.InputError, "a fixed `step`"),
        (0.1, {"method": "complex"}, secant.InputError, "`method='complex'`"),
    ],
)
def test_what_is_no_scale_is_refused_before_f_is_called(scale, how, kind, words) -> None:
    f = Counted(rippled)
    with pytest.raises(kind) as caught:
        secant.gradient(f, X, scale=scale, **how)
    assert words in str(caught.value)
    assert f.calls == 0


def test_a_version_must_return_what_f_does() -> None:
    with pytest.raises(secant.OutputError, match="the other version of f must return what f does"):
        secant.derivative(math.sin, 1.0, scale=lambda x: np.array([x, x]))


def test_a_price_includes_the_second_look() -> None:
    plain, length, version = (secant.price(secant.gradient, rippled, X, scale=s) for s in (None, 0.3, rippled))
    assert length.evaluations == plain.evaluations + 24
    assert version.evaluations == 2 * plain.evaluations
    assert secant.gradient(rippled, X, scale=0.3).evaluations <= length.at_most
    assert secant.price(secant.gradient, rippled, X, scale=0.3, max_evaluations=50).at_most == 50


@pytest.mark.parametrize("length", [0.01, 0.1, 0.3, 1.0])
def test_the_second_look_asks_for_nothing_that_is_known(length) -> None:
    def f(x):
        asked.append(tuple(np.atleast_1d(x)))
        return float(np.sum(np.sin(x) + 1e-3 * np.sin(100.0 * x)))

    for question, x, further in (
        (secant.derivative, 1.0, ()),
        (secant.gradient, np.array([1.0, 2.0]), ()),
        (secant.directional, np.array([1.0, 2.0]), (np.array([1.0, -1.0]),)),
    ):
        asked: list = []
        estimate = question(f, x, *further, scale=length)
        assert len(asked) == estimate.evaluations
        assert len(asked) - len(set(asked)) <= 1  # a noisy f is asked for its value at x once more
