"""Evaluating side by side: the bits of one process, and what ends, hangs or raises costs its own point only."""

from __future__ import annotations

import ctypes
import os
import signal
import threading
import time
import warnings
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import secant
from secant.core.errors import InputError, InputTypeError, OutputError, WorkerError
from secant.core.request import FAILED, NOT_FINITE, OK, OUTSIDE, Request
from secant.evaluation import workers
from secant.evaluation.crew import Crew
from secant.evaluation.drivers import evaluating
from secant.evaluation.how import checked
from secant.evaluation.jobs import Job, Task

pytestmark = pytest.mark.needs("cloudpickle")

X = np.array([1.0, 2.0, 3.0])


def around(base: Any) -> Request:
    return Request(base, np.arange(base.size).repeat(2), np.tile([0.25, -0.5], base.size))


def here(base: Any) -> Request:
    return Request(base, None, (0.0,))


def ask(f: Any, x: Any = X, *, rounds: int = 1, args: Any = (), **how: Any) -> tuple[list[Any], Any]:
    """Replies of worker processes; a timeout has every call made in one."""
    options = checked({"workers": 2, "timeout": 60.0} | how)
    with evaluating(f, x, options, args=args) as asked:
        base = asked.evaluator.base
        replies = [asked.evaluate(here(base))] + [asked.evaluate(around(base)) for _ in range(rounds)]
    return replies, asked.evaluator


def column(reply: Any) -> list[float]:
    return np.asarray(reply.values).reshape(-1).tolist()


# --- the same values --------------------------------------------------------------------------------------


def test_values_are_those_of_one_process() -> None:
    scale = 3.0
    for f, x, args in [
        (lambda x, a: float(np.sin(x).sum()) * scale * a, X, (2.0,)),
        (lambda x: np.exp(x) * x[0], X, ()),
        (lambda x: x[0] + 1j * x[1], X, ()),
        (lambda x: np.float32(x @ x), X.astype(np.float32), ()),
        (lambda p: p["a"] * p["b"].sum(), {"a": 1.5, "b": np.ones((2, 2))}, ()),
        (partial(np.dot, X), X, ()),
        (X.dot, X, ()),
    ]:
        with evaluating(f, x, checked({}), args=args) as asked:
            plain = [asked.evaluate(here(asked.evaluator.base)), asked.evaluate(around(asked.evaluator.base))]
        serial = asked.evaluator
        replies, evaluator = ask(f, x, args=args)
        for one, other in zip(replies, plain, strict=True):
            np.testing.assert_array_equal(np.asarray(one.values), np.asarray(other.values))
            assert one.eps == other.eps
        assert evaluator.value_shape == serial.value_shape
        assert evaluator.evaluations == serial.evaluations + 1  # the guard


@pytest.mark.slow
@pytest.mark.parametrize("torch_or_jax", ["torch", "jax"])
def test_arrays_of_other_libraries_travel(torch_or_jax: str) -> None:
    library = pytest.importorskip(torch_or_jax)
    x = library.ones(3) if torch_or_jax == "torch" else library.numpy.ones(3)
    plain = secant.gradient(lambda x: (x * x).sum(), x, step=0.5, method="central")
    found = secant.gradient(lambda x: (x * x).sum(), x, step=0.5, method="central", workers=2, timeout=100.0)
    assert type(found.value) is type(plain.value)
    assert np.array_equal(np.asarray(found.value), np.asarray(plain.value))


def test_buffers_that_are_used_again_are_no_trouble() -> None:
    buffer = np.zeros(3)

    def f(x: Any) -> Any:
        buffer[:] = x
        return buffer

    (_, reply), _ = ask(f)
    assert np.asarray(reply.values)[1].tolist() == [0.5, 2.0, 3.0]


@pytest.mark.parametrize("library", [threading.Lock(), (i for i in ())])
def test_what_cannot_travel_is_told(library: Any) -> None:
    with pytest.raises(InputTypeError, match="must be able to send f to another process"):
        ask(lambda x: (library, x[0])[1])


# --- failures ---------------------------------------------------------------------------------------------


class OddError(Exception):
    """It cannot be rebuilt from its arguments."""

    def __init__(self, one: int, two: int) -> None:
        super().__init__(f"{one} and {two}")


class OddDomainError(ValueError):
    def __init__(self, one: int, two: int) -> None:
        super().__init__(f"{one} and {two}")


@pytest.mark.parametrize(
    "error, on_error, code",
    [
        (lambda: ValueError("too large"), "domain", OUTSIDE),
        (lambda: OddDomainError(1, 2), "domain", OUTSIDE),
        (lambda: KeyError("lost"), "mark", FAILED),
        (lambda: OddError(1, 2), "mark", FAILED),
    ],
)
def test_exceptions_and_nan_leave_the_rest_right(error: Any, on_error: str, code: int) -> None:
    def f(x: Any) -> float:
        if x[1] > 2.2:
            raise error()
        return float("nan") if x[2] < 2.6 else float(x.sum())

    (_, reply), evaluator = ask(f, on_error=on_error)
    assert reply.status.tolist() == [OK, OK, code, OK, OK, NOT_FINITE]
    np.testing.assert_array_equal(column(reply), [6.25, 5.5, np.nan, 5.5, 6.25, np.nan])
    assert evaluator.evaluations == 8


@pytest.mark.parametrize("error, kind", [(lambda: KeyError("lost"), KeyError), (lambda: OddError(1, 2), WorkerError)])
def test_other_exceptions_pass_with_their_point_and_trace(error: Any, kind: type) -> None:
    def f(x: Any) -> float:
        if x[1] > 2.2:
            raise error()
        return float(x.sum())

    with pytest.raises(kind) as caught:
        ask(f)
    notes = "\n".join(caught.value.__notes__)
    assert "raised by a worker" in notes
    assert "[1] = 2.25" in notes


def test_values_that_are_no_numbers_are_told() -> None:
    with pytest.raises(OutputError, match="returned None"):
        ask(lambda x: None)
    with pytest.raises(TypeError, match="cannot be sent from a worker process"):
        ask(lambda x: (i for i in x))


def test_a_segmentation_fault_costs_its_own_point(tmp_path: Path) -> None:
    log = tmp_path / "log"

    def f(x: Any) -> float:
        with log.open("a") as stream:
            stream.write("x\n")
        if x[1] > 2.2:
            ctypes.string_at(0)
        return float(x.sum())

    (_, reply), evaluator = ask(f, retries=1)
    assert reply.status.tolist() == [OK, OK, FAILED, OK, OK, OK]
    assert column(reply)[3:] == [5.5, 6.25, 5.5]
    assert "SIGSEGV, 2 times" in evaluator.failures[0].replace(")", "")
    assert len(log.read_text().split()) == 8 + 1  # the guard, and one retry


def test_a_process_that_ends_once_is_only_a_retry(tmp_path: Path) -> None:
    flag = tmp_path / "flag"

    def f(x: Any) -> float:
        if x[1] > 2.2 and not flag.exists():
            flag.touch()
            os._exit(3)
        return float(x.sum())

    (_, reply), _ = ask(f)
    assert reply.status is None


def test_a_call_that_hangs_is_ended_in_time() -> None:
    def f(x: Any) -> float:
        if x[1] > 2.2:
            time.sleep(1000)
        return float(x.sum())

    options = checked({"workers": 2, "timeout": 1.0})
    with evaluating(f, X, options) as asked:
        base = asked.evaluator.base
        asked.evaluate(here(base))
        asked.evaluate(Request(base, (0, 0, 2, 2), (0.25, -0.5, 0.25, -0.5)))
        began = time.monotonic()
        reply = asked.evaluate(Request(base, (1,), (0.25,)))
        assert time.monotonic() - began < 1.5
        rest = asked.evaluate(around(base))
    assert reply.status is not None
    assert reply.status.tolist() == [FAILED]
    assert rest.status is not None
    assert rest.status.tolist() == [OK, OK, FAILED, OK, OK, OK]
    assert "took longer than 1 s" in asked.evaluator.failures[0]


@pytest.mark.parametrize(
    "f, says", [(lambda x: time.sleep(100), "took longer than 1 s"), (lambda x: os._exit(7), "exit status 7.*1 times")]
)
def test_at_x_itself_it_is_an_error(f: Any, says: str) -> None:
    with pytest.raises(WorkerError, match=f"f has no value at x: .*{says}"):
        ask(f, timeout=1.0, retries=0)


def test_f_that_cannot_be_loaded_is_told() -> None:
    class Trap:
        def __reduce__(self) -> Any:
            return compile, ("1 +", "trap", "eval")

    trap = Trap()
    with pytest.raises(WorkerError, match=r"cannot load f:[\s\S]*SyntaxError"):
        ask(lambda x: (trap, x[0])[1])


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_processes_killed_at_random_lose_nothing(seed: int) -> None:
    """2,000 evaluations, and a process killed every 0.2 s: same bits, and at most one evaluation more a kill."""
    x = np.linspace(0.0, 1.0, 50)
    lane = np.arange(2000) % 50
    t = np.linspace(0.1, 0.9, 2000)

    def f(x: Any) -> float:
        end = time.perf_counter() + 0.001
        while time.perf_counter() < end:
            pass
        return float(np.sin(x).sum())

    random = np.random.default_rng(seed)
    kills = 0
    done = threading.Event()

    def killer(crew: Crew) -> None:
        nonlocal kills
        while not done.wait(float(random.uniform(0.05, 0.4))):
            alive = [worker for worker in crew._workers if worker.ready]
            if alive:
                kills += 1
                os.kill(alive[int(random.integers(len(alive)))].process.pid, signal.SIGKILL)

    options = checked({"workers": 2, "timeout": 30.0, "retries": 5})
    with evaluating(f, x, options, budget=2001) as asked:
        base = asked.evaluator.base
        asked.evaluate(here(base))
        threading.Thread(target=killer, args=(asked.evaluate.way._crew,)).start()  # type: ignore[attr-defined]
        try:
            reply = asked.evaluate(Request(base, lane, t))
        finally:
            done.set()
    with evaluating(f, x, checked({})) as plain:
        plain.evaluate(here(base))
        whole = plain.evaluate(Request(plain.evaluator.base, lane, t))
    assert kills > 3
    assert reply.status is None
    np.testing.assert_array_equal(reply.values, whole.values)
    assert asked.evaluator.evaluations == 2001


# --- when it pays -----------------------------------------------------------------------------------------


def test_what_is_quick_stays_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "Crew", None)
    f = lambda x: float(x @ x)  # noqa: E731
    assert np.array_equal(secant.gradient(f, X, workers=2).value, secant.gradient(f, X).value)


def test_what_is_slow_is_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "START", 0.02)

    def f(x: Any) -> list[float]:
        time.sleep(0.01)
        return [float(x.sum()), float(os.getpid())]

    options = checked({"workers": 2})
    with evaluating(f, X, options) as asked:
        base = asked.evaluator.base
        first = asked.evaluate(here(base))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the process is another one indeed
            reply = asked.evaluate(around(base))
    assert first.values[0, 1] == os.getpid()  # type: ignore[call-overload]
    assert os.getpid() not in np.asarray(reply.values)[:, 1]


def test_a_guard_tells_of_functions_that_do_not_travel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "START", 0.02)
    home = os.getpid()

    def f(x: Any) -> float:
        time.sleep(0.005)
        return float(x.sum()) + (os.getpid() != home)

    with pytest.warns(RuntimeWarning, match="f gives 7 in a worker process where it gave 6 before"):
        secant.gradient(f, X, workers=2)
    random = np.random.default_rng(1)
    noisy = lambda x: (time.sleep(0.005), float(x.sum()) + 1e-3 * random.normal())[1]  # noqa: E731
    secant.gradient(noisy, X, workers=2)  # warnings are errors: there is none


def test_a_budget_is_kept() -> None:
    found = secant.gradient(lambda x: float(x @ x), X, workers=2, timeout=60.0, max_evaluations=20)
    assert found.evaluations <= 20


def test_one_thread_each() -> None:
    (_, reply), _ = ask(lambda x: [float(os.environ["OMP_NUM_THREADS"]), float(len(os.environ["MKL_NUM_THREADS"]))])
    assert np.asarray(reply.values)[0].tolist() == [1.0, 1.0]
    assert "OMP_NUM_THREADS" not in os.environ or os.environ["OMP_NUM_THREADS"] != ""


# --- other people's workers -------------------------------------------------------------------------------


def test_other_peoples_workers_give_the_same_bits() -> None:
    f = lambda x: float(np.sin(x).sum())  # noqa: E731
    plain = secant.gradient(f, X)
    with ThreadPoolExecutor(2) as threads, ProcessPoolExecutor(2, mp_context=get_context("spawn")) as processes:
        for hired in (map, threads, threads.map, processes, processes.map):
            found = secant.gradient(f, X, workers=hired)
            assert np.array_equal(found.value, plain.value)
            assert found.evaluations == plain.evaluations


def test_threads_call_f_as_it_is() -> None:
    lock, seen = threading.Lock(), []

    def f(x: Any) -> float:
        with lock:
            seen.append(threading.get_ident())
        return float(x.sum())

    with ThreadPoolExecutor(2) as threads:
        secant.gradient(f, X, workers=threads)
    assert threading.get_ident() not in seen


def test_exceptions_of_other_peoples_workers() -> None:
    def f(x: Any) -> float:
        if x[1] > 2.2:
            raise KeyError("lost")
        return float(x.sum())

    with ThreadPoolExecutor(2) as threads:
        with pytest.raises(KeyError):
            secant.gradient(f, X, workers=threads)
        found = secant.gradient(f, X, workers=threads, on_error="mark")
    assert found.value[0] == 1.0


@pytest.mark.parametrize("hired", [lambda job, tasks: None, type("P", (), {"submit": lambda self, job, task: 3})()])
def test_workers_that_are_none_are_told(hired: Any) -> None:
    with pytest.raises(InputTypeError, match="`workers"):
        secant.gradient(lambda x: float(x.sum()), X, workers=hired)


def test_a_job_knows_the_deadline() -> None:
    job = Job(lambda x: x, 3.0, (), True)
    outcomes = job(Task(Request(np.array([3.0]), None, (0.0, 1.0)), False, time.monotonic() - 1.0))
    assert [outcome.kind for outcome in outcomes] == ["late"]


@pytest.mark.slow
@pytest.mark.parametrize("hired", [2, "threads"])
def test_the_deadline_ends_the_question(hired: Any) -> None:
    def f(x: Any) -> float:
        time.sleep(0.05)
        return float(x @ x)

    with ThreadPoolExecutor(2) as threads:
        how: dict[str, Any] = {"workers": threads} if hired == "threads" else {"workers": 2, "timeout": 60.0}
        began = time.monotonic()
        found = secant.gradient(f, np.ones(200), deadline=3.0, **how)
    assert time.monotonic() - began < 6.0
    assert found.stopped == "deadline"
    assert found.evaluations < 2000


@pytest.mark.parametrize("hired", [2, "threads"])
def test_the_first_call_is_made_whatever_the_deadline(hired: Any) -> None:
    with ThreadPoolExecutor(2) as threads:
        how: dict[str, Any] = {"workers": threads} if hired == "threads" else {"workers": 2, "timeout": 60.0}
        found = secant.gradient(lambda x: float(x @ x), X, deadline=1e-9, **how)
    assert found.stopped == "deadline"
    assert found.evaluations == 1
    assert found.fun == 14.0


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "cloudpickle", None)
    with pytest.raises(InputError, match=r"pip install 'secant\[parallel\]'"):
        ask(lambda x: 1.0)
