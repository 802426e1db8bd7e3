"""Plain gradient descent: the textbook's bits, and a diagnosis that a labeled table of runs agrees with."""

import math
import zlib
from collections.abc import Callable, Generator
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from secant.core.curvature import Ask
from secant.core.descent import Walk, gradient_descent
from secant.core.errors import InputError
from secant.core.ladder import Line
from secant.core.operators import Slopes, lines
from secant.core.request import FAILED, OK, Floats, Reply, Request, run
from secant.core.results import Event
from secant.core.verdicts import DescentVerdict as Verdict

Function = Callable[[Floats], float]
H = 1e-4


# --- Gradients and an evaluator ---------------------------------------------------------------------------


def central(h: float = H) -> Ask:
    """The central difference with a fixed step, and f at the point."""

    def gradient(x: Floats) -> Generator[Request, Reply, Any]:
        lane = np.repeat(np.arange(x.size), 2)
        t = np.tile([h, -h], x.size)
        reply = yield Request(x, np.concatenate([[0], lane]).astype(np.intp), np.concatenate([[0.0], t]))
        values = np.asarray(reply.values)[:, 0]
        with np.errstate(all="ignore"):
            value = (values[1::2] - values[2::2]) / (2 * h)
        return SimpleNamespace(value=value, error=np.full(x.size, np.nan), fun=float(values[0]), noise=math.nan)

    return gradient


def engine(x: Floats) -> Generator[Request, Reply, Slopes]:
    """The gradient with error bars."""
    return (yield from lines(x, [Line(float(entry), abs(float(entry))) for entry in x]))


class Evaluator:
    """Answers requests from f, counts, and keeps the points of t = 0."""

    def __init__(self, f: Function) -> None:
        self.f = f
        self.count = 0

    def __call__(self, request: Request) -> Reply:
        t = np.asarray(request.t, dtype=np.float64)
        lane = np.zeros(t.size, dtype=int) if request.lane is None else np.asarray(request.lane)
        request.base.flags.writeable = False
        values = []
        for j in range(t.size):
            if request.directions is None:
                point = request.base.copy()
                if point.size:
                    point[lane[j]] += t[j]
            else:
                point = request.base + t[j] * request.directions[lane[j]]
            with np.errstate(all="ignore"):
                values.append(float(self.f(point)))
        self.count += t.size
        return Reply(np.array(values)[:, np.newaxis])


def descend(f: Function, x0: Any, lr: float, iterations: int = 100, step: float | None = H) -> Walk:
    gradient: Ask = engine if step is None else central(step)
    start = np.array(x0, dtype=np.float64)
    return run(gradient_descent(start, gradient, lr=lr, iterations=iterations, step=step), Evaluator(f))


def events(walk: Walk, kind: Verdict) -> list[Event]:
    return [event for event in walk.events if event.kind is kind]


def textbook(f: Function, x0: Any, lr: float, iterations: int, h: float = H) -> Floats:
    """The loop of the textbook."""
    x = np.array(x0, dtype=np.float64)
    with np.errstate(all="ignore"):
        for _ in range(iterations):
            x -= lr * np.array([(f(x + step) - f(x - step)) / (2 * h) for step in h * np.eye(x.size)])
    return x


# --- Functions --------------------------------------------------------------------------------------------


def bowl(x: Floats) -> float:
    return float(x[0] ** 2 + x[1] ** 2)


def narrow(x: Floats) -> float:
    return float(x[0] ** 2 + 0.01 * x[1] ** 2)


def flat_valley(x: Floats) -> float:
    return float(0.5 * (x[0] ** 2 + 1e-4 * x[1] ** 2))


def rosenbrock(x: Floats) -> float:
    return float((1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2)


def beale(x: Floats) -> float:
    return float(sum((c - x[0] + x[0] * x[1] ** k) ** 2 for k, c in ((1, 1.5), (2, 2.25), (3, 2.625))))


def himmelblau(x: Floats) -> float:
    return float((x[0] ** 2 + x[1] - 11) ** 2 + (x[0] + x[1] ** 2 - 7) ** 2)


def cosh(x: Floats) -> float:
    return float(np.cosh(x[0]))


def log_cosh(x: Floats) -> float:
    return float(np.log(np.cosh(x[0])))


def bump(x: Floats) -> float:
    return float(1 - np.exp(-(x[0] ** 2)))


def wells(x: Floats) -> float:
    return float((x[0] ** 2 - 1) ** 2 + 0.5 * x[1] ** 2)


def barrier(x: Floats) -> float:
    return float(x[0] - np.log(x[0]))


def softplus(x: Floats) -> float:
    return float(np.logaddexp(0.0, x[0]))


SCALES = np.logspace(0, 4, 10)


def ten(x: Floats) -> float:
    return float(0.5 * SCALES @ (x * x))


def quartic(x: Floats) -> float:
    return float(x[0] ** 4)


def tanh2(x: Floats) -> float:
    return float(np.tanh(x[0]) ** 2)


def hinge(x: Floats) -> float:
    return float(abs(x[0]))


def smooth_hinge(x: Floats) -> float:
    return float(np.sqrt(x[0] ** 2 + 1e-4))


def raised(x: Floats) -> float:
    return 1e6 + bowl(x)


def logistic(x: Floats) -> float:
    return float(1 / (1 + np.exp(-x[0])))


def noisy(level: float) -> Function:
    """A bowl under noise that depends on every bit of x, between -level and level."""
    return lambda x: bowl(x) + level * (zlib.crc32(x.tobytes()) / 2**31 - 1)


# --- The textbook's numbers -------------------------------------------------------------------------------

ROWS = [
    (0.1, "[-6.11110793e-10  8.14814391e-10]", Verdict.CONVERGED),
    (10.0, "[-2.58983747e+13 -1.29524862e+12]", Verdict.LR_TOO_LARGE),
    (1e-10, "[-2.99999994  3.99999992]", Verdict.LR_TOO_SMALL),
]


@pytest.mark.parametrize("lr, printed, verdict", ROWS)
def test_the_textbook_descents_to_the_last_bit(lr: float, printed: str, verdict: Verdict) -> None:
    walk = descend(bowl, [-3.0, 4.0], lr)
    assert str(walk.x) == printed
    assert np.array_equal(walk.x, textbook(bowl, [-3.0, 4.0], lr, 100))
    assert walk.verdict is verdict
    assert walk.iterations == 100
    assert walk.path.shape == (101, 2)
    assert walk.values.shape == (101,)
    assert np.array_equal(walk.path[-1], walk.x)
    assert walk.values[-1] == walk.fun == bowl(walk.x)


def test_too_large_then_lost_in_rounding() -> None:
    walk = descend(bowl, [-3.0, 4.0], 10.0)
    large, first, all_of_them = walk.events
    assert (large.kind, large.iteration) == (Verdict.LR_TOO_LARGE, 1)
    assert large.facts["limit"] == pytest.approx(1.0, rel=1e-6)
    assert large.facts["curvature"] == pytest.approx(2.0, rel=1e-6)
    assert large.facts["factor"] == pytest.approx(-19.0, rel=1e-6)
    assert (large.facts["before"], large.facts["after"]) == pytest.approx((25.0, 9025.0))
    assert "stable below 1.0 " in large.text
    assert first.kind is all_of_them.kind is Verdict.LOST_IN_ROUNDING
    assert (first.iteration, first.last, first.facts["entry"]) == (9, 9, 1)
    assert "entry 1 reads 0" in first.text
    assert (all_of_them.iteration, all_of_them.last) == (10, 99)
    assert (all_of_them.facts["first"], all_of_them.facts["count"]) == (10, 90)
    assert all_of_them.facts["spacing"] == 2.0**-8 > all_of_them.facts["step"] == H
    assert "90 of 100 steps do nothing" in all_of_them.text


def test_error_bars_are_never_lost_where_the_fixed_step_is() -> None:
    walk = descend(bowl, [-3.0, 4.0], 10.0, step=None)
    (large,) = walk.events
    assert large.facts["limit"] == pytest.approx(1.0, rel=1e-6)
    assert np.max(np.abs(walk.x)) > 1e128


def test_too_small_names_the_way_and_the_rate() -> None:
    (small,) = descend(bowl, [-3.0, 4.0], 1e-10).events
    assert small.facts["covered"] == pytest.approx(2e-8, rel=1e-6)
    assert small.facts["rate"] == pytest.approx(0.5, rel=1e-6)
    assert small.facts["steps"] == pytest.approx(5e9, rel=1e-6)
    assert "2e-08 of the way" in small.text
    assert "a rate of 0.5 " in small.text


def test_a_converged_run_costs_its_gradients_and_one_value() -> None:
    evaluator = Evaluator(bowl)
    run(gradient_descent(np.array([-3.0, 4.0]), central(), lr=0.1, iterations=100, step=H), evaluator)
    assert evaluator.count == 100 * 5 + 1


def test_the_start_is_never_written() -> None:
    x0 = np.array([-3.0, 4.0])
    x0.flags.writeable = False
    walk = run(gradient_descent(x0, central(), lr=0.1, iterations=3, step=H), Evaluator(bowl))
    assert x0.tolist() == [-3.0, 4.0]
    assert not np.shares_memory(walk.path, x0)


# --- A labeled table -------------------------------------------------------------------------------------


class Case(NamedTuple):
    """A function, its infimum, a start, and pairs of rate and number of steps."""

    f: Function
    least: float
    x0: list[float]
    runs: list[tuple[float, int]]


TABLE = [
    Case(
        bowl,
        0.0,
        [-3, 4],
        [(0.1, 100), (0.1, 3), (0.9, 100), (0.99, 20), (1.01, 100), (1.01, 1), (10, 100), (1e-10, 100)],
    ),
    Case(bowl, 0.0, [-3, 4], [(1e-3, 1), (2e-5, 100), (1e-20, 100), (1e-3, 100), (1e6, 3), (0.01, 1)]),
    Case(
        narrow, 0.0, [0.001, 5], [(2.0, 100), (2.0, 20), (0.9, 100), (0.9, 1000), (1e-4, 100), (40.0, 3), (120.0, 100)]
    ),
    Case(flat_valley, 0.0, [1, 1], [(1.0, 100), (1.9, 100), (2.1, 100), (1e-5, 100)]),
    Case(flat_valley, 0.0, [0.0, 100], [(1.0, 1000), (1.0, 10), (3e4, 100)]),
    Case(ten, 0.0, [1.0] * 10, [(1e-4, 100), (1.9e-4, 100), (2.2e-4, 100), (1e-8, 100)]),
    Case(rosenbrock, 0.0, [-1.2, 1], [(1e-3, 100), (1e-3, 1000), (2e-3, 100), (1e-2, 100), (1e-8, 100), (1.0, 3)]),
    Case(rosenbrock, 0.0, [0, 0], [(1e-3, 100), (1e-5, 100), (2e-3, 1000)]),
    Case(beale, 0.0, [1, 1], [(1e-2, 1000), (1e-6, 100), (1.0, 10)]),
    Case(himmelblau, 0.0, [0, 0], [(1e-2, 100), (1e-6, 100), (0.1, 100)]),
    Case(cosh, 1.0, [3], [(0.22, 100), (0.5, 100), (1.0, 50), (1e-6, 100), (0.01, 100), (1e-3, 1)]),
    Case(log_cosh, 0.0, [4], [(1.0, 100), (2.5, 100), (30.0, 100), (1e-5, 100), (0.01, 100)]),
    Case(quartic, 0.0, [10], [(1e-3, 100), (6e-3, 100), (0.1, 100), (1e-9, 100)]),
    Case(bump, 0.0, [1.5], [(0.5, 100), (1e-5, 100), (1e4, 10)]),
    Case(bump, 0.0, [5], [(0.1, 100), (1e8, 100)]),
    Case(tanh2, 0.0, [4], [(0.1, 100), (50.0, 1000)]),
    Case(hinge, 0.0, [5], [(1e-6, 100), (0.01, 100), (1.0, 100), (0.3, 10)]),
    Case(hinge, 0.0, [0.1], [(0.5, 11), (1e-6, 100)]),
    Case(smooth_hinge, 0.01, [3], [(0.1, 10), (1e-5, 100), (1e-4, 100), (0.02, 100)]),
    Case(wells, 0.0, [0.1, 1], [(0.1, 100), (1e-6, 100), (0.8, 100), (3.0, 100)]),
    Case(barrier, 1.0, [3], [(1.0, 100), (1e-5, 100), (10.0, 100)]),
    Case(softplus, 0.0, [-2], [(0.1, 100), (1e-4, 100), (1e3, 3)]),
    Case(raised, 1e6, [-3, 4], [(0.1, 100), (1.1, 100), (1e-7, 100)]),
    Case(logistic, 0.0, [5], [(0.1, 100), (100.0, 100)]),
]
RUNS = [(case, lr, iterations) for case in TABLE for lr, iterations in case.runs]
FAILURES = {Verdict.LR_TOO_LARGE: "too large", Verdict.LR_TOO_SMALL: "too small"}


def label(walk: Walk, case: Case) -> str:
    """Too large: ends higher than it began, or not finite. Too small: gains under 1 % of what can be reached."""
    if not (np.all(np.isfinite(walk.path)) and np.all(np.isfinite(walk.values))):
        return "too large"
    first, last = walk.values[0], walk.values[-1]
    if last > first:
        return "too large"
    return "too small" if first - last < 0.01 * (first - case.least) else "fine"


@pytest.mark.parametrize("step", [H, None], ids=["fixed step", "bars"])
@pytest.mark.parametrize("case, lr, iterations", RUNS, ids=[f"{c.f.__name__}-{lr:g}-{n}" for c, lr, n in RUNS])
def test_verdicts_agree_with_the_labels(case: Case, lr: float, iterations: int, step: float | None) -> None:
    walk = descend(case.f, case.x0, lr, iterations, step)
    fine = {Verdict.CONVERGED, Verdict.BUDGET, Verdict.NOISE_FLOOR}
    found = "fine" if walk.verdict in fine else FAILURES.get(walk.verdict, str(walk.verdict))
    assert found == label(walk, case), walk


def test_the_table_has_all_labels() -> None:
    labels = [label(descend(case.f, case.x0, lr, n), case) for case, lr, n in RUNS]
    assert len(labels) >= 60
    assert min(labels.count(word) for word in ("too large", "too small", "fine")) >= 20


# --- What else can happen ---------------------------------------------------------------------------------

ODD: list[tuple[str, Function, list[float], float, int, float | None, Verdict, str]] = [
    ("constant", lambda x: 3.0, [1, 2], 0.1, 20, H, Verdict.NOISE_FLOOR, "flat"),
    ("constant", lambda x: 3.0, [1, 2], 0.1, 20, None, Verdict.NOISE_FLOOR, "flat"),
    ("plateau", tanh2, [20], 0.1, 20, H, Verdict.NOISE_FLOOR, "plateau"),
    ("plateau", tanh2, [20], 0.1, 20, None, Verdict.NOISE_FLOOR, "plateau"),
    ("minimum", lambda x: 5.0 + x[0] ** 2, [0], 0.1, 20, H, Verdict.CONVERGED, "at the start already"),
    ("minimum", lambda x: 5.0 + x[0] ** 2, [0], 0.1, 20, None, Verdict.CONVERGED, "at the start already"),
    ("maximum", lambda x: x[0] ** 4 - x[0] ** 2, [0], 0.1, 20, H, Verdict.NOISE_FLOOR, "a saddle or a maximum"),
    ("maximum", lambda x: x[0] ** 4 - x[0] ** 2, [0], 0.1, 20, None, Verdict.NOISE_FLOOR, "a saddle or a maximum"),
    ("cancellation", lambda x: x[0] ** 2 - 2 * x[0] + 1, [1], 0.1, 50, H, Verdict.CONVERGED, ""),
    ("no steps", bowl, [1, 2], 0.1, 0, H, Verdict.BUDGET, "no iterations"),
    ("linear", lambda x: x[0], [1], 0.1, 100, H, Verdict.BUDGET, "still falling"),
    ("linear", lambda x: x[0], [1], 1e-8, 100, H, Verdict.LR_TOO_SMALL, ""),
    ("hill", lambda x: -(x[0] ** 2), [1], 0.1, 100, H, Verdict.UNBOUNDED, ""),
    ("hill", lambda x: -(x[0] ** 2), [1], 0.01, 100, H, Verdict.BUDGET, "still falling"),
    ("steep hill", lambda x: -(x[0] ** 4), [1], 1.0, 100, H, Verdict.UNBOUNDED, ""),
    ("steep hill", lambda x: -(x[0] ** 4), [1], 1.0, 100, None, Verdict.UNBOUNDED, ""),
    ("outside", barrier, [-1], 0.1, 10, H, Verdict.FAILED, "at the start"),
    ("steps outside", barrier, [3], 10.0, 10, None, Verdict.LR_TOO_LARGE, ""),
    ("overflow", quartic, [10], 0.1, 100, None, Verdict.LR_TOO_LARGE, ""),
    ("never moved", lambda x: x[0] ** 2, [1e15], 0.1, 100, H, Verdict.LOST_IN_ROUNDING, ""),
    ("bars move it", lambda x: x[0] ** 2, [1e15], 0.1, 100, None, Verdict.CONVERGED, ""),
    ("one entry", lambda x: (x[0] - 1e13) ** 2 + x[1] ** 2, [1e13 + 64, 3], 0.1, 99, H, Verdict.LOST_IN_ROUNDING, ""),
    ("lost in f", lambda x: 1e20 + bowl(x), [-3, 4], 0.1, 99, H, Verdict.LOST_IN_ROUNDING, "can be told from 0"),
    ("coarse f", lambda x: 1e10 + bowl(x), [-3, 4], 0.1, 100, H, Verdict.NOISE_FLOOR, ""),
    ("noise", noisy(1e-6), [-3, 4], 0.1, 100, H, Verdict.NOISE_FLOOR, ""),
    ("noise", noisy(1e-6), [-3, 4], 0.1, 100, None, Verdict.NOISE_FLOOR, ""),
    ("noise at the minimum", noisy(1e-6), [0, 0], 0.1, 100, H, Verdict.NOISE_FLOOR, ""),
    ("noise, too small", noisy(1e-6), [-3, 4], 1e-10, 100, H, Verdict.LR_TOO_SMALL, ""),
    ("noise, too small", noisy(1e-6), [-3, 4], 1e-10, 30, None, Verdict.LR_TOO_SMALL, ""),
    ("noise, too large", noisy(1e-6), [-3, 4], 10.0, 100, H, Verdict.LR_TOO_LARGE, ""),
    ("saddle", lambda x: x[0] ** 2 - x[1] ** 2, [1, 0], 0.1, 100, H, Verdict.CONVERGED, ""),
    ("tiny", bowl, [1e-9, 1e-9], 0.1, 100, H, Verdict.CONVERGED, ""),
    ("flat valley", lambda x: x[0] ** 2 + 1e-8 * x[1] ** 2, [1, 1], 0.4, 100, H, Verdict.BUDGET, "still falling"),
    ("bounce", hinge, [5], 1.0, 100, H, Verdict.BUDGET, "overshoot"),
    ("bounce at the limit", bowl, [-3, 4], 1.0, 100, H, Verdict.LR_TOO_LARGE, ""),
    ("bounce in vain", hinge, [5], 464.0, 100, H, Verdict.LR_TOO_LARGE, ""),
    ("bounce about a kink", hinge, [5.25], 1.0, 20, None, Verdict.BUDGET, "overshoot"),
    ("a kink met head on", hinge, [5], 1.0, 20, None, Verdict.BUDGET, "as at a kink of f"),
    ("nothing to vary", lambda x: 1.0, [], 0.1, 5, H, Verdict.NOISE_FLOOR, ""),
]


@pytest.mark.parametrize("name, f, x0, lr, iterations, step, verdict, words", ODD)
def test_odd_runs(
    name: str,
    f: Function,
    x0: list[float],
    lr: float,
    iterations: int,
    step: float | None,
    verdict: Verdict,
    words: str,
) -> None:
    walk = descend(f, x0, lr, iterations, step)
    assert walk.verdict is verdict, walk
    assert words in walk.note
    assert [event.iteration for event in walk.events] == sorted(event.iteration for event in walk.events)
    assert all(0 <= event.iteration <= event.last <= walk.iterations and event.text.isascii() for event in walk.events)
    assert all(type(fact) is float for event in walk.events for fact in event.facts.values())


def test_a_kink_that_is_reached_is_named() -> None:
    def slope(x: Floats) -> Generator[Request, Reply, Any]:
        reply = yield Request(x, None, (0.0,))
        at_kink = x[0] == 0.0
        value, error = np.sign(x), np.array([1.0 if at_kink else 1e-12])
        return SimpleNamespace(value=value, error=error, fun=float(np.ravel(reply.values)[0]), noise=1e-16)

    walk = run(gradient_descent(np.array([5.0]), slope, lr=1.0, iterations=20, step=None), Evaluator(hinge))
    assert walk.verdict is Verdict.BUDGET
    assert "as at a kink of f" in walk.note
    assert [event.iteration for event in walk.events] == [5]


def test_bouncing_is_told_by_an_event() -> None:
    walk = descend(log_cosh, [4], 2.5)
    (event,) = walk.events
    assert event.kind is Verdict.LR_TOO_LARGE
    assert walk.verdict is Verdict.BUDGET
    assert event.facts["lowest"] == np.min(walk.values)


def test_noise_that_carries_x_away_is_not_blamed_on_the_curvature() -> None:
    (event,) = descend(noisy(1e-3), [0, 0], 0.1).events
    assert "noise" in event.text
    assert not {"limit", "unstable_above"} & set(event.facts)


def test_a_thousand_coordinates() -> None:
    curvatures = np.linspace(1.0, 100.0, 1000)
    f: Function = lambda x: float(0.5 * curvatures @ (x * x))  # noqa: E731
    assert descend(f, np.ones(1000), 0.019, 5).verdict is Verdict.BUDGET
    assert descend(f, np.ones(1000), 0.03, 5).verdict is Verdict.LR_TOO_LARGE


@pytest.mark.parametrize("value, verdict", [(math.inf, Verdict.LR_TOO_LARGE), (-math.inf, Verdict.UNBOUNDED)])
def test_a_value_that_is_not_finite_ends_the_run(value: float, verdict: Verdict) -> None:
    walk = descend(lambda x: x[0] ** 2 if abs(x[0]) < 5 else value, [4.0], 1.2)
    assert (walk.iterations, walk.verdict) == (1, verdict)
    assert walk.fun == walk.values[-1] == value
    assert np.isfinite(walk.path).all()


def test_a_step_out_of_the_domain_is_no_growth_of_f() -> None:
    with np.errstate(all="ignore"):
        walk = descend(lambda x: float(np.log(x[0])), [1.0], 10.0, step=None)
    assert (walk.verdict, walk.iterations, walk.note) == (Verdict.LR_TOO_LARGE, 1, "a step led out of the domain of f")
    assert walk.events[0].text.startswith("the step leaves the domain of f, which goes from 0.0 to no value at all")
    grown = descend(lambda x: x[0] ** 2 if abs(x[0]) < 5e3 else math.nan, [4.0], 1.2)
    assert (grown.verdict, grown.note) == (Verdict.LR_TOO_LARGE, "")
    assert grown.events[0].text.startswith("the step overshoots and f goes from 16.0 to ")


def test_an_evaluation_that_failed_is_said_so() -> None:
    core = gradient_descent(np.array([3.0]), central(), lr=0.1, iterations=1, step=H)
    next(core)
    core.send(Reply(np.array([[9.0], [9.0006], [8.9994]])))
    with pytest.raises(StopIteration) as stop:
        core.send(Reply(np.array([[math.nan]]), np.array([FAILED], dtype=np.int8)))
    assert stop.value.value.verdict is Verdict.FAILED
    core = gradient_descent(np.array([3.0]), central(), lr=0.1, iterations=0, step=H)
    next(core)
    with pytest.raises(StopIteration) as stop:
        core.send(Reply(np.array([[9.0]]), np.array([OK], dtype=np.int8)))
    assert stop.value.value.verdict is Verdict.BUDGET


@pytest.mark.parametrize("lr", [0.0, -0.1, math.nan, math.inf])
def test_a_rate_that_is_not_allowed(lr: float) -> None:
    with pytest.raises(InputError, match="`lr` must be positive and finite, got"):
        descend(bowl, [1, 2], lr)


def test_a_number_of_steps_that_is_not_allowed() -> None:
    with pytest.raises(InputError, match="`iterations` must be 0 or more, got -1"):
        descend(bowl, [1, 2], 0.1, -1)


# --- The limit of stability -------------------------------------------------------------------------------


@pytest.mark.parametrize("iterations", range(1, 101))
def test_no_limit_is_called_stable_that_is_not(iterations: int) -> None:
    walk = descend(narrow, [0.001, 5], 2.0, iterations)
    for event in walk.events:
        assert event.facts.get("limit", 1.0) == pytest.approx(1.0, rel=1e-4)
        assert "stable below" not in event.text or "stable below 1.0 " in event.text


@pytest.mark.parametrize("iterations", [6, 20, 100])
def test_the_limit_is_named_once_the_run_diverges(iterations: int) -> None:
    (event,) = events(descend(narrow, [0.001, 5], 2.0, iterations), Verdict.LR_TOO_LARGE)
    assert "limit" in event.facts


@given(
    st.lists(st.floats(-4, 0), min_size=0, max_size=11),
    st.integers(0, 2**32 - 1),
    st.floats(1.02, 30),
    st.integers(1, 30),
)
def test_the_limit_of_a_quadratic(exponents: list[float], seed: int, excess: float, iterations: int) -> None:
    rng = np.random.default_rng(seed)
    curvatures = np.array([1.0, *(10.0**exponent for exponent in exponents)])
    n = len(curvatures)
    axes = np.linalg.qr(rng.normal(size=(n, n)))[0]
    hessian = axes.T @ np.diag(curvatures) @ axes
    x0 = axes.T @ (rng.normal(size=n) * 10.0 ** rng.uniform(-6, 1, n))
    walk = descend(lambda x: float(0.5 * x @ hessian @ x + 3), x0, 2.0 * excess, iterations)
    for event in events(walk, Verdict.LR_TOO_LARGE):
        assert 1.98 <= event.facts.get("limit", 2.0) <= 2.05
        assert event.facts.get("unstable_above", 2.0) >= 1.98


@pytest.mark.parametrize("lr", [1e-2, 3e-2, 0.1, 0.3, 1.0, 3.0, 10.0, 100.0])
@pytest.mark.parametrize("case", TABLE, ids=lambda case: case.f.__name__)
def test_a_rate_below_a_named_limit_does_not_diverge(case: Case, lr: float) -> None:
    for iterations in (1, 5):
        for event in events(descend(case.f, case.x0, lr, iterations), Verdict.LR_TOO_LARGE):
            if "limit" in event.facts:
                again = descend(case.f, case.x0, 0.97 * event.facts["limit"], 100)
                assert label(again, case) != "too large"


# --- Laws -------------------------------------------------------------------------------------------------


@given(
    st.lists(st.floats(-5, 5), min_size=1, max_size=4),
    st.floats(1e-6, 3),
    st.integers(0, 8),
    st.sampled_from([1e-4, 1e-2, 0.3]),
)
def test_the_path_is_the_textbook_s(x0: list[float], lr: float, iterations: int, h: float) -> None:
    f: Function = lambda x: float(np.sum(np.cos(x) + 0.3 * x**2) + 0.1 * x[0] * x[-1])  # noqa: E731
    walk = descend(f, x0, lr, iterations, h)
    assert walk.path.shape == (iterations + 1, len(x0))
    assert all(np.array_equal(walk.path[k], textbook(f, x0, lr, k, h)) for k in range(iterations + 1))
    assert [f(x) for x in walk.path] == walk.values.tolist()


@given(st.sampled_from(RUNS), st.integers(-20, 20))
def test_units_of_f_do_not_matter(chosen: tuple[Case, float, int], exponent: int) -> None:
    case, lr, iterations = chosen
    scale = 2.0**exponent
    one = descend(case.f, case.x0, lr, min(iterations, 100))
    other = descend(lambda x: scale * case.f(x), case.x0, lr / scale, min(iterations, 100))
    assert np.array_equal(one.path, other.path)
    assert one.verdict is other.verdict
    assert [(e.kind, e.iteration, e.last) for e in one.events] == [(e.kind, e.iteration, e.last) for e in other.events]
