"""Answers that are cut short, by a deadline or from the keyboard: what was finished is right, the rest says so."""

import math
import sys
import time
from dataclasses import replace

import numpy as np
import pytest

import secant
from secant.evaluation import calls as called
from secant.evaluation import watch
from zoo import HARD, SMOOTH

X = np.linspace(1.0, 2.0, 30)
V = np.linspace(-1.0, 1.0, 30)


def wavy(x):
    return float(np.sin(x).prod() + np.exp(x).sum())


class Pressed:
    """A function that counts its calls, and during one of which somebody presses Ctrl-C."""

    def __init__(self, f, at) -> None:
        self.f, self.at, self.calls = f, at, 0
        watch.Watch.pressed = -math.inf  # for the last time long ago

    def __call__(self, *args):
        self.calls += 1
        if self.calls == self.at:
            raise KeyboardInterrupt
        return self.f(*args)


class Clock:
    """A clock that moves by a second for every call of f; it is looked at once more to begin with."""

    def __init__(self, f) -> None:
        self.f, self.now = f, 0

    def __call__(self, *args):
        self.now += 1
        return self.f(*args)

    def monotonic(self) -> float:
        return float(self.now)


@pytest.fixture(params=["keyboard", "deadline"])
def cut(request, monkeypatch: pytest.MonkeyPatch):
    """Ask a question and cut it short after so many evaluations."""

    def asked(question, f, x, *further, after, **how):
        errors = np.geterr()
        if request.param == "keyboard":
            watched = Pressed(f, after + 1)
            found = question(watched, x, *further, **how)
            calls = watched.calls
        else:
            clock = Clock(f)
            monkeypatch.setattr(called, "monotonic", clock.monotonic)
            found = question(clock, x, *further, deadline=after, **how)
            calls = clock.now
        assert found.evaluations == calls
        assert found.stopped in ("", request.param)
        assert np.geterr() == errors
        return found

    return asked


def both(x):
    return np.array([np.sin(x), np.exp(x)])


QUESTIONS = [
    (secant.derivative, math.sin, 1.0, (), {}),
    (secant.derivative, lambda x: np.array([math.sin(x), abs(x - 1.0), x * 1e6]), 1.0, (), {}),
    (secant.derivative, lambda x: math.sin(x) + 1j * math.exp(x), 1.0, (), {}),
    (secant.derivative, lambda x: math.sin(x) + 1e-5 * math.sin(1e17 * x * x), 1.0, (), {}),
    (secant.derivative, math.sqrt, 0.0, (), {"method": "forward"}),
    (secant.derivative, math.log, 1e-3, (), {"bounds": (1e-3, 1.0)}),
    (secant.derivative, np.exp, 0.5, (), {"method": "complex"}),
    (secant.gradient, wavy, X, (), {}),
    (secant.gradient, wavy, X, (), {"max_evaluations": 200}),
    (secant.gradient, wavy, X[:3], (), {}),
    (secant.gradient, lambda x: wavy(x["a"]) * x["b"], {"a": X[:2], "b": 3.0}, (), {"wrt": "a"}),
    (secant.gradient, wavy, X[:3].astype(np.float32), (), {}),
    (secant.gradient, wavy, X[:3], (), {"noise": secant.Noise(0.0, 1e-9)}),
    (secant.gradient, wavy, X[:3], (), {"near": secant.gradient(wavy, X[:3] * 1.001)}),
    (secant.gradient, lambda x: wavy(x) + abs(x[1] - X[1]), X[:3], (), {"near": secant.gradient(wavy, X[:3] * 1.001)}),
    (secant.gradient, wavy, X[:3], (), {"near": secant.gradient(wavy, X[:3] * 2.0)}),
    (secant.derivative, both, 1.0, (), {"near": secant.derivative(both, 1.001)}),
    (secant.gradient, wavy, X[:3], (), {"step": 1e-4}),
    (secant.gradient, wavy, X[:3], (), {"step": 1e-4, "method": "forward"}),
    (secant.gradient, lambda x: np.exp(x).sum(), X[:3], (), {"method": "complex"}),
    (secant.directional, wavy, X, (V,), {}),
    (secant.directional, lambda x: np.sin(x[:2]), X, (V,), {}),
]


@pytest.mark.parametrize(("question", "f", "x", "further", "how"), QUESTIONS)
def test_what_is_finished_is_right_and_the_rest_unresolved(question, f, x, further, how, cut) -> None:
    whole = question(f, x, *further, **how)
    value, error, words = (flat(part) for part in (whole.value, whole.error, whole.verdicts))
    for after in sorted({*range(1, 16), *range(16, whole.evaluations, 7), whole.evaluations - 1, whole.evaluations}):
        found = cut(question, f, x, *further, after=after, **how)
        if found.evaluations == whole.evaluations and not found.stopped:
            assert np.array_equal(flat(found.value), value, equal_nan=True)
            continue
        assert found.stopped
        assert found.evaluations <= after + 1
        assert found.stopped in str(found)
        for got, bar, word, best, its, was in zip(
            flat(found.value), flat(found.error), flat(found.verdicts), value, error, words, strict=True
        ):
            if np.isnan(its):  # not asked for
                assert np.isnan(got)
                continue
            if word != "unresolved":
                assert (got, bar, word) == (best, its, was)
            elif not np.isfinite(got):
                assert bar == math.inf
            elif np.isfinite(best):
                assert abs(got - best) <= bar + its
        if not found.ok and found.verdict is secant.Verdict.UNRESOLVED:
            assert "cut short" in found.message
            go_on = "allow more time" if found.stopped == "deadline" else "let it run to its end"
            for slope in found.details.values():
                unfinished = slope.verdict == "unresolved" and not slope.advice
                assert slope.remedy.startswith(go_on) == unfinished, slope


def flat(part):
    """All entries of a tree of dicts, one after the other."""
    parts = part.values() if isinstance(part, dict) else [part]
    return np.concatenate([np.reshape(np.asarray(leaf), -1) for leaf in parts])


@pytest.mark.parametrize("animal", [*SMOOTH, *HARD], ids=lambda animal: animal.name)
def test_what_was_cut_short_is_what_a_budget_would_have_given(animal) -> None:
    whole = secant.derivative(animal.f, animal.x)
    for after in range(2, whole.evaluations):
        found = secant.derivative(Pressed(animal.f, after + 1), animal.x)
        # A line may ask for a step that it has taken before: then it was finished all the same.
        whole_again = (found.value, found.error, found.verdict) == (whole.value, whole.error, whole.verdict)
        assert found.verdict is not secant.Verdict.OK or whole_again
        if after >= 7 and not whole_again:
            # Not always this very budget: with less to spend a line may choose other points than it did.
            allowed = (secant.derivative(animal.f, animal.x, max_evaluations=most) for most in range(after, 6, -1))
            assert (found.value, found.error) in [(each.value, each.error) for each in allowed]
        if after >= 7 and np.isfinite(found.error) and animal.trait == "smooth":
            assert abs(found.value - animal.truth) <= found.error


def test_entries_that_were_finished_count(cut) -> None:
    whole = secant.gradient(wavy, X)
    found = cut(secant.gradient, wavy, X, after=whole.evaluations - 6)
    done = found.verdicts == secant.Verdict.OK
    assert 0 < done.sum() < X.size
    assert np.array_equal(found.value[done], whole.value[done])
    assert np.array_equal(found.error[done], whole.error[done])
    assert set(found.details) == {f"[{i}]" for i in np.flatnonzero(~done)}


def test_a_look_along_other_directions_that_was_cut_short_vouches_for_nothing() -> None:
    def crease(x):
        return min(abs(x[0]), abs(x[1])) + x[0]

    assert secant.gradient(crease, np.zeros(2)).verdict is secant.Verdict.KINK
    calls = secant.gradient(crease, np.zeros(2)).evaluations
    found = secant.gradient(Pressed(crease, calls), np.zeros(2))
    assert found.verdict is secant.Verdict.UNRESOLVED
    assert "other directions" in found.message


def test_the_first_call_is_always_made() -> None:
    found = secant.gradient(wavy, X, deadline=1e-9)
    assert found.evaluations == 1
    assert found.fun == wavy(X)
    assert np.isnan(found.value).all()
    assert found.stopped == "deadline"
    assert str(found).endswith("unresolved   1 evaluation, cut short by the deadline")


def test_time_is_kept() -> None:
    def slow(x):
        time.sleep(0.002)
        return wavy(x)

    began = time.monotonic()
    found = secant.gradient(slow, X, deadline=0.1)
    assert time.monotonic() - began < 1.0
    assert 2 <= found.evaluations <= 51
    assert found.stopped == "deadline"


def test_nothing_changes_where_there_is_time_enough() -> None:
    assert str(secant.derivative(math.sin, 1.0, deadline=3600.0)) == str(secant.derivative(math.sin, 1.0))
    assert secant.derivative(math.sin, 1.0, deadline=math.inf).stopped == ""


@pytest.mark.parametrize("question", [secant.derivative, secant.gradient, secant.gradient_descent])
@pytest.mark.parametrize("value", [0.0, -1, math.nan, "1", True, [1.0]])
def test_a_deadline_is_a_positive_number(question, value) -> None:
    with pytest.raises((secant.InputError, secant.InputTypeError), match="`deadline` must be a positive number of"):
        question(math.sin, 1.0, deadline=value)


def test_ctrl_c_passes_where_there_is_nothing_to_show() -> None:
    for question in (secant.derivative, secant.gradient, secant.gradient_descent):
        with pytest.raises(KeyboardInterrupt):
            question(Pressed(math.sin, 1), 1.0)


def test_ctrl_c_ends_the_outer_question() -> None:
    """An inner one that answered with what it had would go unnoticed."""
    for inner in (
        lambda f: sum(secant.derivative(f, 1.0).value for _ in range(9)),
        lambda f: sum(secant.gradient(f, np.ones(2)).value[0] for _ in range(5)),
        lambda f: secant.gradient_descent(f, 1.0, iterations=9).fun,
    ):
        pressed = Pressed(lambda x: float(np.sum(np.sin(x))), 250)
        found = secant.derivative(lambda x, inner=inner, pressed=pressed: inner(pressed) * x, 1.0)
        assert found.stopped == "keyboard"
        assert pressed.calls == 250


@pytest.mark.parametrize("outer", [secant.steps, secant.noise])
def test_ctrl_c_passes_through_questions_that_cannot_be_cut_short(outer) -> None:
    pressed = Pressed(math.sin, 70)
    with pytest.raises(KeyboardInterrupt):
        outer(lambda x: x * secant.derivative(pressed, 1.0).value, 2.0)
    assert pressed.calls == 70


def test_ctrl_c_twice_ends_a_program_that_asks_question_after_question(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(watch, "monotonic", lambda: now)
    assert secant.derivative(Pressed(math.sin, 5), 1.0).stopped
    pressed = [Pressed(f, 5) for f in (math.sin, wavy, bowl)]
    watch.Watch.pressed = now
    now += 1.0
    for question, f, x in zip(
        (secant.derivative, secant.gradient, secant.gradient_descent), pressed, (1.0, X, START), strict=True
    ):
        with pytest.raises(KeyboardInterrupt):
            question(f, x)
        assert f.calls == 5
    now += 2.5
    assert secant.derivative(Pressed(math.sin, 5), 1.0).stopped


@pytest.mark.parametrize("what", ["numerical_diff", "numerical_gradient", "gradient_descent"])
@pytest.mark.parametrize("step", ["book", None])
def test_plain_numbers_of_the_book_do_not_hide_it(what, step) -> None:
    x = 1.0 if what == "numerical_diff" else START.copy()
    pressed = Pressed(lambda x: float(np.sum(np.cos(x))), 2)
    with pytest.raises(KeyboardInterrupt):
        getattr(secant.book, what)(pressed, x, step=step)
    assert pressed.calls == 2
    assert np.array_equal(x, 1.0 if what == "numerical_diff" else START)


def test_an_inner_deadline_is_its_own() -> None:
    found = secant.derivative(lambda x: x * secant.derivative(math.sin, 1.0, deadline=1e-9).evaluations, 2.0)
    assert found.ok
    assert found.value == 1.0


def test_plain_arrays_do_not_hide_it() -> None:
    with pytest.raises(KeyboardInterrupt):
        secant.grad(Pressed(wavy, 9))(X)
    assert np.isnan(secant.grad(wavy, deadline=1e-9)(X)).all()


@pytest.mark.parametrize("where", ["settle", "differentiate"])
def test_ctrl_c_between_evaluations(where, monkeypatch: pytest.MonkeyPatch) -> None:
    from secant.core import operators, orders

    kept = orders.FIRST.settle if where == "settle" else operators.differentiate
    pressed = []

    def interrupting(*args):
        if not pressed:
            pressed.append(True)
            raise KeyboardInterrupt
        return kept(*args)

    if where == "settle":
        monkeypatch.setattr(orders, "FIRST", replace(orders.FIRST, settle=interrupting))
    else:
        monkeypatch.setattr(operators, where, interrupting)
    found = secant.derivative(math.sin, 1.0)
    assert found.stopped == "keyboard"
    assert found.evaluations == 7
    assert abs(found.value - math.cos(1.0)) <= found.error


def test_lent_arrays_are_given_back() -> None:
    x = X.copy()
    for at in (2, 9, 100):
        found = secant.gradient(Pressed(lambda _: wavy(x), at), x, inplace=True)
        assert found.stopped == "keyboard"
        assert np.array_equal(x, X)


@pytest.mark.parametrize("how", [{}, {"step": 1e-3}, {"on_error": "mark"}])
def test_ctrl_c_at_any_moment_leaves_lent_arrays_as_they_were(how) -> None:
    """Between any two instructions of what moves the array and puts it back."""
    x = np.array([-0.0, 1.0, 2.0])
    kept, files = x.tobytes(), ("evaluator.py", "inplace.py", "watch.py")
    moments = 0

    def ask(at) -> None:
        nonlocal moments
        moments = 0

        def trace(frame, event, _):
            nonlocal moments
            if not frame.f_code.co_filename.endswith(files):
                return None
            frame.f_trace_opcodes = True
            moments += event == "opcode"
            if moments == at:
                moments += 1
                raise KeyboardInterrupt
            return trace

        sys.settrace(trace)
        try:
            secant.gradient(lambda _: wavy(x), x, inplace=True, **how)
        except KeyboardInterrupt:
            pass
        finally:
            sys.settrace(None)
        assert x.tobytes() == kept

    ask(-1)
    assert moments > 1000
    for at in range(1, min(moments, 6000), 13):
        ask(at)


def test_ctrl_c_once_more_waits_until_lent_arrays_are_back(monkeypatch: pytest.MonkeyPatch) -> None:
    x, presses, copyto = X.copy(), [], np.copyto
    f = Pressed(lambda _: wavy(x), 9)

    def pressing(to, what, **how):
        if f.calls == 9 and len(presses) < 3:
            presses.append(True)
            raise KeyboardInterrupt
        copyto(to, what, **how)

    monkeypatch.setattr(np, "copyto", pressing)
    found = secant.gradient(f, x, inplace=True)
    assert found.stopped == "keyboard"
    assert len(presses) == 3
    assert np.array_equal(x, X)


def test_failures_are_told_from_what_was_not_reached() -> None:
    def breaking(x):
        if x[0] != 1.0:
            raise RuntimeError
        return float(np.exp(x).sum())

    whole = secant.gradient(breaking, X, on_error="mark")
    found = secant.gradient(Pressed(breaking, whole.evaluations - 3), X, on_error="mark")
    assert [str(word) for word in found.verdicts[:2]] == ["failed", "ok"]
    assert found.verdicts[-1] is secant.Verdict.UNRESOLVED


# --- descents ---------------------------------------------------------------------------------------


def bowl(x):
    return float(x[0] ** 2 + 10.0 * x[1] ** 2)


START = np.array([-3.0, 4.0])


@pytest.mark.parametrize("how", [{}, {"step": 1e-4, "method": "central"}, {"noise": secant.Noise(0.0, 1e-9)}])
@pytest.mark.parametrize("lr", [0.01, 0.05, 0.2])
def test_a_descent_keeps_the_path_so_far(lr, how, cut) -> None:
    whole = secant.gradient_descent(bowl, START, lr, 12, **how)
    before = -1
    for after in range(1, whole.evaluations, 5):
        found = cut(secant.gradient_descent, bowl, START, lr, 12, after=after, **how)
        assert found.stopped
        assert before <= found.iterations == len(found.values) - 1 == len(found.path) - 1
        assert np.array_equal(found.path, whole.path[: len(found.path)])
        assert np.array_equal(found.values, whole.values[: len(found.values)])
        assert np.array_equal(found.x, found.path[-1])
        assert found.fun == found.values[-1]
        allowed = {secant.DescentVerdict.BUDGET}
        if lr == 0.2 and found.iterations:
            allowed = {secant.DescentVerdict.LR_TOO_LARGE}
        assert found.verdict in allowed
        assert f"after {found.iterations} of 12 iterations" in found.message
        before = found.iterations
    assert before >= 11


def test_a_descent_that_has_arrived_says_so_when_it_is_cut_short(cut) -> None:
    found = cut(secant.gradient_descent, bowl, START, 0.04, 100000, after=6000)
    assert found.verdict is secant.DescentVerdict.CONVERGED
    assert found.stopped
    assert "cut short" in found.note


def test_a_descent_cut_short_before_its_first_slope() -> None:
    found = secant.gradient_descent(bowl, START, deadline=1e-9)
    assert (found.iterations, found.evaluations, found.fun) == (0, 1, bowl(START))
    assert "before the slope was known" in found.message
    assert np.array_equal(found.path, [START])


def test_a_descent_interrupted_while_it_is_judged() -> None:
    whole = secant.gradient_descent(bowl, START, 0.2, 10, step=1e-4, method="central")
    found = secant.gradient_descent(Pressed(bowl, whole.evaluations), START, 0.2, 10, step=1e-4, method="central")
    assert found.iterations == 10
    assert np.array_equal(found.values, whole.values)
    assert found.verdict is secant.DescentVerdict.LR_TOO_LARGE
    assert found.stopped == "keyboard"


def test_ctrl_c_between_the_evaluations_of_a_descent(monkeypatch: pytest.MonkeyPatch) -> None:
    from secant.core import descent

    kept = descent._Trail.take
    taken = []

    def interrupting(trail, slope, found, x, rate):
        taken.append(x)
        if len(taken) == 4:
            raise KeyboardInterrupt
        kept(trail, slope, found, x, rate)

    monkeypatch.setattr(descent._Trail, "take", interrupting)
    found = secant.gradient_descent(bowl, START, 0.01, 10)
    assert (found.iterations, found.stopped) == (3, "keyboard")
    assert np.array_equal(found.values, [bowl(x) for x in found.path])
