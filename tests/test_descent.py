"""Descents as they are asked for: rules, measured and scheduled rates, who listens, journals, and labeled runs."""

import math
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from benchmarks.descent.cases import RULES, Run, bowl, fresh, label, said, stepped, table

import secant
from mortal import Killed, Mortal, rosenbrock
from secant.evaluation.watch import Watch

START = np.array([-1.2, 1.0])
NOTES = {"step": 1e-4, "method": "central"}
HOWS = {"bars": {}, "fixed step": NOTES}


def valley(x: Any) -> float:
    return float(x[0] ** 2 + 9.0 * x[1] ** 2)


# --- Labeled runs -----------------------------------------------------------------------------------------

TABLE = table()
NAMES = [f"{run.problem.name}-{run.rule}-{run.lr:.3g}-{run.iterations}" for run in TABLE]


def judged(run: Run, how: dict[str, Any]) -> secant.Descent:
    with np.errstate(all="ignore"):
        return secant.gradient_descent(
            run.problem.noisy(), run.problem.x0, run.lr, run.iterations, rule=run.rule, **how
        )


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("run", TABLE, ids=NAMES)
def test_verdicts_agree_with_the_labels(run: Run, how: str) -> None:
    assert said(judged(run, HOWS[how])) == label(run)


def test_the_table_has_all_labels_for_all_rules() -> None:
    labels = [label(run) for run in TABLE]
    assert len(labels) >= 60
    assert all(labels.count(word) >= 10 for word in ("fine", "too small", "too large"))
    assert {run.rule for run in TABLE} == set(RULES)


@pytest.mark.slow
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("how", HOWS)
def test_verdicts_agree_on_fresh_runs(rule: str, how: str) -> None:
    runs = [run for seed in range(300, 308) for run in fresh(seed, (rule,)) if label(run)]
    agreed = sum(said(judged(run, HOWS[how])) == label(run) for run in runs)
    assert agreed >= 0.97 * len(runs)


# --- Rules ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", RULES)
def test_a_descent_is_the_loop_of_the_book_to_the_last_bit(rule: str) -> None:
    run = Run(bowl([2.0, 18.0], [-3.0, 4.0]), 0.02, 40, rule)
    x, one, two = run.problem.x0, np.zeros(2), np.zeros(2)
    path = [x]
    for k in range(1, run.iterations + 1):
        h = 1e-4 * np.eye(2)
        g = np.array([(run.problem.f(x + e) - run.problem.f(x - e)) / 2e-4 for e in h])
        x, one, two = stepped(run, x, g, one, two, k)
        path.append(x)
    found = secant.gradient_descent(run.problem.f, run.problem.x0, run.lr, run.iterations, rule=rule, **NOTES)
    assert np.array_equal(found.path, path)
    assert found.lr == run.lr


def test_a_rule_with_numbers_of_its_own() -> None:
    still = secant.gradient_descent(valley, START, 0.05, 20, rule=secant.Momentum(0.0))
    assert np.allclose(still.path, secant.gradient_descent(valley, START, 0.05, 20).path, rtol=1e-12)
    fast = secant.gradient_descent(valley, START, 0.05, 20, rule=secant.Momentum(0.5))
    assert not np.allclose(still.path, fast.path)


def test_the_limit_of_momentum_is_larger() -> None:
    """On a quadratic the limit is 2 (1 + momentum) / L."""
    f = lambda x: float(x @ x)  # noqa: E731
    assert secant.gradient_descent(f, START, 1.8, 100, rule="momentum").verdict != "lr too large"
    (event,) = secant.gradient_descent(f, START, 2.0, 100, rule="momentum").events
    assert event.facts["limit"] == pytest.approx(1.9, rel=1e-4)


@pytest.mark.parametrize("rule", ["adagrad", "adam"])
def test_rules_whose_steps_are_as_long_as_the_rate_have_no_limit(rule: str) -> None:
    found = secant.gradient_descent(valley, START, 1e3, 1, rule=rule)
    assert found.verdict == "lr too large"
    assert not {"limit", "unstable_above"} & set(found.events[0].facts)
    assert "long, as this rule makes it" in found.events[0].text


# --- Measured rates ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e6])
def test_a_measured_rate_converges_in_any_unit(rule: str, how: str, unit: float) -> None:
    found = secant.gradient_descent(lambda x: unit * valley(x), START, "auto", 150, rule=rule, **HOWS[how])
    assert found.verdict == "converged"
    assert found.fun < 1e-9 * unit


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("f", [valley, rosenbrock, lambda x: float(np.sum(np.cosh(x))), lambda x: float(np.sum(x**4))])
def test_with_a_measured_rate_f_never_rises(rule: str, f: Any) -> None:
    found = secant.gradient_descent(f, 3.0 * START, "auto", 60, rule=rule)
    assert np.all(np.diff(found.values) <= 1e-12 * np.abs(found.values[:-1]))
    assert found.verdict in ("converged", "budget")


@pytest.mark.parametrize("seed", range(6))
def test_a_measured_rate_stays_below_the_limit(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 8))
    axes = np.linalg.qr(rng.normal(size=(n, n)))[0]
    curvatures = 10.0 ** rng.uniform(-4, 0, n)
    problem, rates = bowl(curvatures, rng.normal(size=n), axes), []
    secant.gradient_descent(problem.f, problem.x0, "auto", 60, callback=lambda state: rates.append(state.lr))
    assert len(rates) == 60
    # Half of 1 / L of a curvature that was met, and where only a flat part is left, no step raises f.
    assert rates[0] <= 2.0 / problem.curvature
    assert np.median(rates) <= 2.0 / np.min(curvatures)


def test_a_measured_rate_adapts() -> None:
    """From where the valley is steep to where it is flat, the rate grows; and the other way round it shrinks."""
    down = secant.gradient_descent(lambda x: float(x[0] ** 4), np.array([10.0]), "auto", 30)
    rates: list[float] = []
    secant.gradient_descent(
        lambda x: float(x[0] ** 4), np.array([10.0]), "auto", 30, callback=lambda state: rates.append(state.lr)
    )
    assert down.lr == rates[-1] > 100.0 * rates[0]
    hill = secant.gradient_descent(lambda x: float(np.exp(x[0] ** 2) - x[0]), np.array([3.0]), "auto", 60)
    assert hill.verdict == "converged"


def test_a_measured_rate_comes_to_a_halt_where_nothing_lowers_f() -> None:
    found = secant.gradient_descent(lambda x: float(np.abs(x).sum()), np.array([0.0]), "auto", 50, **NOTES)
    assert found.fun == 0.0
    f, shift = (lambda x: float(abs(x[0] - 0.1) + abs(x[1]))), np.array([1.0, 0.3])
    kink = secant.gradient_descent(f, shift, "auto", 200)
    assert not kink.success
    assert "no step lowers f after" in kink.note or "as at a kink" in kink.note
    assert "lower rate" not in kink.note


def test_no_evaluation_is_wasted_by_a_measured_rate() -> None:
    """f at the next point is asked for once, though the step and the gradient there both want it."""
    seen: list[bytes] = []

    def f(x: Any) -> float:
        seen.append(x.tobytes())
        return valley(x)

    found = secant.gradient_descent(f, START, "auto", 40, **NOTES)
    assert len(seen) == found.evaluations
    points = [x.tobytes() for x in found.path[:-1]]
    assert all(seen.count(point) == 1 for point in points[1:])


ODD: list[tuple[str, Any, list[float], str]] = [
    ("barrier", lambda x: float(x[0] - np.log(x[0])) if x[0] > 0.0 else math.nan, [3.0], "converged"),
    ("linear", lambda x: float(x[0]), [1.0], "unbounded"),
    ("hill", lambda x: -float(x[0] ** 2), [1.0], "unbounded"),
    ("flat", lambda x: 3.0, [1.0, 2.0], "noise floor"),
    ("minimum", lambda x: float(x @ x), [0.0, 0.0], "converged"),
    ("plateau", lambda x: float(np.tanh(x[0]) ** 2), [6.0], "converged"),
    ("tail", lambda x: float(np.logaddexp(0.0, x[0])), [-2.0], "converged"),
    ("far away", lambda x: float(x @ x), [1e8, 1.0], "converged"),
    ("near by", lambda x: float(x @ x), [1e-9, 1e-9], "converged"),
    ("raised", lambda x: 1e6 + float(x @ x), [-3.0, 4.0], "noise floor or budget"),
    ("outside", lambda x: math.nan, [1.0], "failed"),
    ("noise", bowl([2.0, 2.0], START, noise=1e-6).noisy(), [-3.0, 4.0], "noise floor"),
    ("long", lambda x: float(x[0] ** 2 + 1e-5 * x[1] ** 2), [1.0, 1.0], "budget"),
]


@pytest.mark.parametrize("rule", ["plain", "momentum"])
@pytest.mark.parametrize("name, f, x0, verdict", ODD, ids=[row[0] for row in ODD])
def test_how_a_measured_descent_may_end(name: str, f: Any, x0: list[float], verdict: str, rule: str) -> None:
    assert secant.gradient_descent(f, np.array(x0), "auto", 60, rule=rule).verdict in verdict.split(" or ")


class Pressed:
    """Rosenbrock's valley, with Ctrl-C in one call."""

    def __init__(self, last: int) -> None:
        self.left = last

    def __call__(self, x: Any) -> float:
        self.left -= 1
        if not self.left:
            raise KeyboardInterrupt
        return rosenbrock(x)


@pytest.mark.parametrize("how", [{}, {"rule": "adam"}, NOTES], ids=["plain", "adam", "fixed step"])
def test_a_measured_descent_keeps_the_path_so_far(how: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    whole = secant.gradient_descent(rosenbrock, START, "auto", 10, **how)
    before = 0
    for last in range(2, whole.evaluations + 1, 3):
        monkeypatch.setattr(Watch, "pressed", -math.inf)
        found = secant.gradient_descent(Pressed(last), START, "auto", 10, **how)
        k = found.iterations
        assert (found.stopped, found.verdict) == ("keyboard", "budget")
        assert before <= k
        assert np.array_equal(found.path, whole.path[: k + 1])
        assert found.values.tolist() == [rosenbrock(x) for x in found.path]
        before = k
    assert before >= 9


# --- Schedules --------------------------------------------------------------------------------------------


def test_a_schedule_is_a_function_of_the_iteration() -> None:
    found = secant.gradient_descent(valley, START, lambda k: 0.1 / (1 + k), 30, **NOTES)
    x = START.copy()
    for k in range(30):
        g = np.array([(valley(x + e) - valley(x - e)) / 2e-4 for e in 1e-4 * np.eye(2)])
        x = x - 0.1 / (1 + k) * g
    assert np.array_equal(found.x, x)
    assert found.lr == 0.1 / 30
    constant = secant.gradient_descent(valley, START, lambda k: 0.05, 30)
    assert np.array_equal(constant.path, secant.gradient_descent(valley, START, 0.05, 30).path)


@pytest.mark.parametrize(
    ("rate", "verdict"), [(1e-9, "lr too small"), (0.3, "lr too large"), (0.09, "converged"), (0.004, "budget")]
)
def test_a_schedule_is_judged_as_a_rate_is(rate: float, verdict: str) -> None:
    assert secant.gradient_descent(valley, START, lambda k: rate * (1 + k % 2 / 8), 100).verdict == verdict


def never(x: Any) -> float:
    raise AssertionError("nothing may be evaluated")


@pytest.mark.parametrize(
    ("lr", "words"),
    [
        ("fast", "`lr` must be a positive finite number, a function of the iteration, or 'auto'; got 'fast'"),
        (lambda k: 1.0 - k, r"`lr\(1\)` must be a positive finite number; got 0.0"),
        (lambda k: "x", r"`lr\(0\)` must be a positive finite number; got 'x'"),
        (None, "`lr` must be"),
    ],
)
def test_rates_that_are_not_allowed(lr: Any, words: str) -> None:
    with pytest.raises(secant.SecantError, match=words):
        secant.gradient_descent(never, START, lr, 5)


@pytest.mark.parametrize(("how", "words"), [({"rule": "rprop"}, "`rule`"), ({"callback": 3}, "`callback` must be a")])
def test_options_that_are_not_allowed(how: dict[str, Any], words: str) -> None:
    with pytest.raises(secant.SecantError, match=words):
        secant.gradient_descent(never, START, 0.1, 5, **how)


# --- Who listens ------------------------------------------------------------------------------------------


def test_a_callback_sees_every_step() -> None:
    states: list[secant.DescentState] = []
    start = {"a": np.array([[-1.2]]), "b": 1.0}
    found = secant.gradient_descent(
        lambda p: rosenbrock([p["a"][0, 0], p["b"]]), start, 1e-3, 12, rule="momentum", callback=states.append
    )
    assert [state.iteration for state in states] == list(range(12))
    assert [state.fun for state in states] == found.values[:-1].tolist()
    assert all(state.x["a"].shape == (1, 1) == state.gradient["a"].shape for state in states)
    assert [float(state.x["b"]) for state in states] == found.path[:-1, 1].tolist()
    assert found.stopped == ""


@pytest.mark.parametrize("lr", [1e-3, "auto"])
@pytest.mark.parametrize("how", ["returns", "raises", "numpy"])
@pytest.mark.parametrize("last", [0, 1, 7])
def test_a_callback_ends_the_run(how: str, lr: Any, last: int) -> None:
    def callback(state: secant.DescentState) -> object:
        if state.iteration < last:
            return None
        if how == "raises":
            raise StopIteration
        return np.abs(state.gradient).max() > 0.0 if how == "numpy" else True

    whole = secant.gradient_descent(rosenbrock, START, lr, 20)
    found = secant.gradient_descent(rosenbrock, START, lr, 20, callback=callback)
    assert (found.verdict, found.stopped, found.iterations) == ("budget", "callback", last)
    assert found.note == f"ended by the callback after {last} of 20 iterations"
    assert np.array_equal(found.path, whole.path[: last + 1])
    assert np.array_equal(found.values, whole.values[: last + 1])
    assert secant.from_json(found.to_json()).note == found.note


def test_what_a_callback_is_told_is_its_own() -> None:
    def spoil(state: secant.DescentState) -> None:
        state.x[:] = 0.0
        state.gradient[:] = 0.0

    told = secant.gradient_descent(rosenbrock, START, 1e-3, 9, callback=spoil)
    assert np.array_equal(told.path, secant.gradient_descent(rosenbrock, START, 1e-3, 9).path)


def test_other_exceptions_of_a_callback_pass_and_other_values_do_not_end_the_run() -> None:
    assert secant.gradient_descent(rosenbrock, START, 1e-3, 3, callback=lambda state: 1).iterations == 3
    with pytest.raises(ZeroDivisionError):
        secant.gradient_descent(rosenbrock, START, 1e-3, 3, callback=lambda state: 1 / 0)


# --- Gradients that start from the one before -------------------------------------------------------------


@cache
def cold() -> Any:
    """A descent whose gradients are all taken from the beginning, by a loop over secant.gradient."""

    def descended(f: Any, x: Any, lr: float, iterations: int) -> tuple[Any, int]:
        paid = 1
        for _ in range(iterations):
            found = secant.gradient(f, x, rtol=1e-8)
            paid += found.evaluations
            x = x - lr * found.value
        return x, paid

    return descended


@pytest.mark.parametrize(
    ("f", "start", "lr", "share"),
    [
        (rosenbrock, START, 1e-3, 0.5),
        (lambda x: float(np.sum(np.cosh(x))), np.array([3.0, 2.0]), 0.05, 0.7),
        (lambda x: float(np.sum(np.logaddexp(0.0, -x)) + 0.01 * x @ x), np.ones(5), 0.3, 0.7),
        (lambda x: float(np.sum(x**4)), np.array([3.0, -1.0]), 1e-3, 0.6),
    ],
)
def test_gradients_from_the_one_before_save_evaluations(f: Any, start: Any, lr: float, share: float) -> None:
    found = secant.gradient_descent(f, start, lr, 60)
    x, paid = cold()(f, start, lr, 60)
    assert np.allclose(found.x, x, rtol=1e-6, atol=1e-8)
    assert found.evaluations <= share * paid


def test_gradients_from_the_one_before_notice_a_kink() -> None:
    found = secant.gradient_descent(lambda x: float(abs(x[0]) + x[0] ** 2), np.array([1.0]), 0.05, 60)
    assert abs(found.x[0]) <= 0.06
    assert found.verdict != "converged"


# --- Journals ---------------------------------------------------------------------------------------------


WAYS: dict[str, dict[str, Any]] = {
    "plain": {},
    "momentum": {"rule": "momentum"},
    "adam": {"rule": secant.Adam(beta1=0.8)},
    "measured": {"lr": "auto"},
    "measured adagrad": {"lr": "auto", "rule": "adagrad"},
    "schedule": {"lr": lambda k: 1e-3 / (1 + k)},
    "fixed step": NOTES,
}


@pytest.mark.parametrize("way", WAYS)
def test_a_descent_that_was_killed_goes_on_where_it_was(way: str, tmp_path: Path) -> None:
    how = {"lr": 1e-3, **WAYS[way]}
    whole = secant.gradient_descent(rosenbrock, START, iterations=12, **how)
    for k in (1, 2, 11, whole.evaluations // 2, whole.evaluations - 1):
        how |= {"journal": tmp_path / f"{k}", "journal_id": "rosenbrock"}
        f = Mortal(k)
        with pytest.raises(Killed):
            secant.gradient_descent(f, START, iterations=12, **how)
        f.most = math.inf
        again = secant.gradient_descent(f, START, iterations=12, **how)
        assert again.path.tobytes() == whole.path.tobytes()
        assert (again.verdict, again.lr, again.note) == (whole.verdict, whole.lr, whole.note)
        assert f.calls == whole.evaluations + 1  # one point is evaluated again, to see that f is the same


@pytest.mark.parametrize("other", [{"rule": "momentum"}, {"lr": "auto"}, {"rule": secant.Adam(beta1=0.5)}])
def test_a_journal_belongs_to_one_rule_and_rate(other: dict[str, Any], tmp_path: Path) -> None:
    how: dict[str, Any] = {"lr": 1e-3, "rule": "adam", "journal": tmp_path / "journal", "journal_id": "f"}
    secant.gradient_descent(rosenbrock, START, iterations=3, **how)
    with pytest.raises(secant.InputError, match=r"option `(rule|lr)`"):
        secant.gradient_descent(rosenbrock, START, iterations=3, **{**how, **other})


@pytest.mark.parametrize("way", WAYS)
def test_no_descent_costs_more_than_its_price(way: str) -> None:
    how = {"lr": 1e-3, **WAYS[way]}
    price = secant.price(secant.gradient_descent, rosenbrock, START, iterations=30, **how)
    assert secant.gradient_descent(rosenbrock, START, iterations=30, **how).evaluations <= price.at_most
    assert price.evaluations <= price.at_most


def test_a_run_to_the_ends_of_the_floats_is_told_and_no_error() -> None:
    for rule in RULES:
        for lr in (1e3, 1e30, 1e150):
            with np.errstate(all="ignore"):
                found = secant.gradient_descent(lambda x: float(np.sum(x**4)), np.array([3.0, -1.0]), lr, 60, rule=rule)
            assert found.verdict in ("lr too large", "converged", "budget")
