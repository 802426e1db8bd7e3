"""What stands between a question and f, by itself."""

import math

import numpy as np
import pytest

from secant.core.request import NOT_FINITE, OK, Interrupted, Request
from secant.evaluation.calls import timed
from secant.evaluation.evaluator import Evaluator
from secant.evaluation.watch import Watch


def pressed(at, f=lambda x: float(np.sum(x) ** 2)):
    calls = []
    Watch.pressed = -math.inf  # for the last time long ago

    def called(x):
        calls.append(x)
        if len(calls) == at:
            raise KeyboardInterrupt
        return f(x)

    return called


@pytest.mark.parametrize("x", [1.0, np.ones(2)])
@pytest.mark.parametrize("f", [lambda x: float(np.sum(x)), lambda x: np.array([1.0, 2.0]) * np.sum(x)])
def test_f_at_the_point_is_asked_for_once(x, f) -> None:
    watch, plain = Watch(Evaluator(f, x)), Evaluator(f, x)
    for t in ((0.0, 0.5), (0.0,), (0.0, 0.25, -0.25), (0.5, 0.0), np.array([0.0, 2.0])):
        got = watch.reply(Request(watch.evaluator.base, None, t))
        expected = plain(Request(plain.base, None, t))
        assert type(got.values) is type(expected.values)
        assert np.array_equal(got.values, expected.values)
    assert plain.evaluations - watch.evaluator.evaluations == 3
    watch.reply(Request(watch.evaluator.base, None, (0.0,), repeat=1))
    assert plain.evaluations - watch.evaluator.evaluations == 2
    watch.reply(Request(watch.evaluator.base.copy(), None, (0.0,)))
    assert plain.evaluations - watch.evaluator.evaluations == 1


@pytest.mark.parametrize("x", [1.0, np.ones(2)])
@pytest.mark.parametrize("f", [lambda x: float(np.sum(x)), lambda x: np.array([1.0, 2.0]) * np.sum(x)])
def test_f_at_the_point_that_was_given_is_not_asked_for(x, f) -> None:
    plain = Evaluator(f, x)
    for t in ((0.0,), (0.0, 0.5), np.array([0.0, 2.0]), np.array([0.0])):
        watch = Watch(Evaluator(f, x), f(x))
        got = watch.reply(Request(watch.evaluator.base, None, t))
        expected = plain(Request(plain.base, None, t))
        assert type(got.values) is type(expected.values)
        assert np.array_equal(got.values, expected.values)
        assert watch.evaluator.evaluations == len(t) - 1


def test_statuses_stay_with_their_points() -> None:
    watch = Watch(Evaluator(lambda x: math.sqrt(x) if x < 2.0 else math.inf, 1.0))
    watch.reply(Request(watch.evaluator.base, None, (0.0,)))
    reply = watch.reply(Request(watch.evaluator.base, None, (0.0, 0.5, 1.5)))
    assert reply.status is not None
    assert reply.status.tolist() == [OK, OK, NOT_FINITE]


@pytest.mark.parametrize("at", range(2, 7))
@pytest.mark.parametrize("x", [1.0, np.ones(2)])
def test_a_request_cut_short_leaves_what_came_of_it(at, x) -> None:
    watch = Watch(Evaluator(pressed(at), x))
    base = watch.evaluator.base
    watch.reply(Request(base, None, (0.0,)))
    with pytest.raises(Interrupted) as caught:
        watch.reply(Request(base, (0, 0, 0, 0, 0), (0.5, -0.5, 0.25, -0.25, 0.125)))
    assert (caught.value.reason, caught.value.fun) == ("keyboard", float(np.sum(x) ** 2))
    assert watch.samples().t.tolist() == [0.0, 0.5, -0.5, 0.25, -0.25][: at - 1]
    assert watch.samples().values.tolist() == [(np.sum(x) + t) ** 2 for t in watch.samples().t]
    assert watch.evaluator.evaluations == at
    with pytest.raises(Interrupted):
        watch.reply(Request(base, None, (0.125,)))
    assert watch.evaluator.evaluations == at


def test_what_is_not_finite_is_kept_as_nan() -> None:
    watch = Watch(Evaluator(pressed(4, lambda x: 1.0 / x if x > 0.6 else math.inf), 1.0))
    with pytest.raises(Interrupted):
        watch.reply(Request(watch.evaluator.base, None, (0.0, -0.5, 0.5, 0.25)))
    assert np.array_equal(watch.samples().values, [1.0, math.nan, 1.0 / 1.5], equal_nan=True)
    assert watch.log[0][1].status.tolist() == [OK, NOT_FINITE, OK]


def test_a_walk_keeps_only_f_at_the_present_point() -> None:
    watch = Watch(Evaluator(pressed(6), np.ones(2)), keep=False)
    for scale in (1.0, 2.0):
        watch.reply(Request(scale * np.ones(2), (0, 0), (0.0, 0.5)))
    assert [(request.base.tolist(), reply.values) for request, reply in watch.log] == [([2.0, 2.0], [16.0, 20.25])]
    base = 3.0 * np.ones(2)
    with pytest.raises(Interrupted) as caught:
        watch.reply(Request(base, (0, 1), (0.0, 0.5)))
    assert caught.value.fun == 36.0
    watch = Watch(Evaluator(pressed(3), np.ones(2)), keep=False)
    watch.reply(Request(np.ones(2), (0, 0), (0.0, 0.5)))
    with pytest.raises(Interrupted) as caught:
        watch.reply(Request(base, (0, 1), (0.0, 0.5)))
    assert math.isnan(caught.value.fun)


def test_no_call_begins_after_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([0.0, 0.5, 0.9, 1.0])
    monkeypatch.setattr("secant.evaluation.calls.monotonic", lambda: next(times))
    watch = Watch(Evaluator(timed(lambda x: x, 1.0), 1.0))
    with pytest.raises(Interrupted) as caught:
        watch.reply(Request(watch.evaluator.base, None, (0.0, 1.0, 2.0, 3.0)))
    assert caught.value.reason == "deadline"
    assert watch.evaluator.evaluations == 3
    assert watch.samples().values.tolist() == [1.0, 2.0, 3.0]
