"""Evaluating side by side: with worker processes of our own, or through whatever can map or submit.

Rules:

* f(x) is evaluated here first, and timed. Processes are started when they pay: f takes more than :data:`BREAK_EVEN`,
  and what was spent here and what is to come would take :data:`START`. Until then f is called here. With a
  ``timeout`` every call is made in a process, for only that can be ended.
* Quick calls travel together, as many as take :data:`TOGETHER`; each outcome comes back alone.
* A process that ends costs the point it was at one try of ``1 + retries``; then that point is failed, and the others
  are not. One that takes longer than the timeout is ended, and its point failed at once. At x itself both are errors.
* Once there are processes, f(x) is evaluated in one of them as well. Another value there than here is told in a
  warning: f then depends on something that does not travel with it. (It is one evaluation more, left out where
  somebody set their number; noise, and last digits, are no difference.)
* What an outcome means is decided by the evaluator, as if f had been called here: so the bits are those of one
  process.
* Other people's executors are handed everything, f(x) too, in groups that grow to :data:`TOGETHER`.
"""

from __future__ import annotations

import os
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from math import ceil, nan
from time import monotonic, perf_counter
from typing import Any

import numpy as np

from secant.core.errors import InputTypeError, WorkerError, kind_of
from secant.core.request import FAILED, Floats, Interrupted, Reply, Request
from secant.evaluation.crew import Crew, Report
from secant.evaluation.evaluator import REMEMBERED, Evaluator
from secant.evaluation.how import How, hands
from secant.evaluation.jobs import LATE, OUTSIDE, RAISED, Job, Outcome, Task, raised

#: Seconds of one call from which processes pay: beyond the 0.1 ms that handing it over takes, with some margin.
BREAK_EVEN = 4e-4

#: Seconds of work for which processes are started: that takes about as long.
START = 0.5

#: Seconds of work that travel together.
TOGETHER = 0.05

#: Difference in units roundoff that another number of threads may make.
LAST_DIGITS = 64.0

Sink = Callable[[Sequence[int], Reply], None]


class Relay:
    """What stands for f in an evaluator: f itself, timed, or the outcome of a call that was made elsewhere."""

    def __init__(self, f: Callable[..., Any], args: tuple[Any, ...]) -> None:
        self._f, self._args = f, args
        self.outcome: Outcome | None = None
        self.seconds = 0.0

    def __call__(self, point: Any) -> Any:
        outcome, self.outcome = self.outcome, None
        if outcome is None:
            began = perf_counter()
            try:
                return self._f(point, *self._args)
            finally:
                self.seconds = perf_counter() - began
        if outcome.kind == RAISED:
            raise raised(outcome.content)
        return outcome.content


class Bench:
    """What ways with workers share: an evaluator that is told the outcomes, and the job that makes them."""

    def __init__(self, f: Any, x: Any, args: Any, how: How, name: str, x_name: str) -> None:
        relay = Relay(f, args) if callable(f) and isinstance(args, tuple) else f
        self.evaluator = Evaluator(
            relay, x, args=() if relay is not f else args, on_error=how.on_error, name=name, x_name=x_name
        )
        self.relay: Relay = relay
        self.job = Job(f, x, args, how.on_error != "raise")
        self.end = None if how.deadline is None else monotonic() + how.deadline

    def deliver(self, request: Request, j: int, outcome: Outcome, sink: Sink) -> Reply:
        """Let the evaluator see an outcome, and hand on what it says."""
        self.relay.outcome = None if outcome.kind == OUTSIDE else outcome
        reply = self.evaluator(single(request, j))
        sink((j,), reply)
        return reply

    def lost(self, request: Request, j: int, why: str, sink: Sink) -> None:
        """Mark a point that could not be evaluated; at x itself that is an error."""
        evaluator, t = self.evaluator, float(request.t[j])
        if not t and request.base is evaluator.base:
            raise WorkerError(f"f has no value at x: {why}")
        evaluator.evaluations += 1
        if len(evaluator.failures) < REMEMBERED:
            lane = "" if request.lane is None else f" along lane {int(request.lane[j])}"
            evaluator.failures.append(f"at a step of {t!r}{lane}: {why}")
        sink((j,), Reply([nan], np.array([FAILED], dtype=np.int8), evaluator.eps))

    def task(self, request: Request, positions: Sequence[int]) -> Task:
        """Return a task for some points of a request."""
        here = request.base is self.evaluator.base
        base = request.base[:0] if here else request.base
        chosen = tuple(float(request.t[j]) for j in positions)
        lanes = None if request.lane is None else tuple(int(request.lane[j]) for j in positions)
        part = Request(base, lanes, chosen, request.directions, request.repeat, request.imaginary)
        # The first call is always made, whatever the time: it tells what f's values are like.
        end = None if self.evaluator.value_shape is None else self.end
        return Task(part, here, end, os.urandom(8).hex())

    def late(self) -> bool:
        """Whether the deadline has passed, so that no call may begin (the first is always made)."""
        return self.end is not None and self.evaluator.value_shape is not None and monotonic() >= self.end

    def interrupted(self) -> Interrupted:
        """Return what ends the question at its deadline."""
        self.evaluator.evaluations += 1  # as for a call that was counted, and never begun
        return Interrupted("deadline")


def single(request: Request, j: int) -> Request:
    """Return a request for one point of another."""
    lane = None if request.lane is None else (int(request.lane[j]),)
    return Request(request.base, lane, (float(request.t[j]),), request.directions, request.repeat, request.imaginary)


class Team:
    """Worker processes of our own.

    >>> from secant.evaluation.how import checked
    >>> team = Team(lambda x: x * x, 3.0, (), checked({"workers": 2}))
    >>> request = Request(team.evaluator.base, None, (0.0, 1.0))
    >>> team.reply(request, lambda positions, reply: print(positions, reply.values))
    (0,) [9.0]
    (1,) [16.0]
    """

    def __init__(
        self, f: Any, x: Any, args: Any, how: How, *, name: str = "f", x_name: str = "x", guarded: bool = True
    ) -> None:
        self._bench = Bench(f, x, args, how, name, x_name)
        self.evaluator = self._bench.evaluator
        self._count, self._timeout, self._retries = int(how.workers), how.timeout, how.retries
        self._crew: Crew | None = None
        self._spent, self._pace = 0.0, 0.0
        self._guarded = guarded
        self._first: tuple[Request, Floats] | None = None

    def close(self) -> None:
        """End the processes."""
        if self._crew is not None:
            self._crew.close()

    def reply(self, request: Request, sink: Sink) -> None:
        """Evaluate a request, and hand on what comes as it comes."""
        todo = deque(range(len(request.t)))
        while todo:
            alone = self.evaluator.value_shape is None and not request.imaginary
            if self._pays(len(todo)):
                part = [todo.popleft()] if alone else list(todo)
                self._share(request, part, sink)
                if not alone:
                    return
            else:
                self._here(request, todo.popleft(), sink)

    def _pays(self, count: int) -> bool:
        """Return whether processes pay for so many points."""
        if self._timeout is not None:
            return True
        if self.evaluator.value_shape is None or self._pace < BREAK_EVEN:
            return False
        return self._crew is not None or (count > 1 and self._spent + count * self._pace >= START)

    def _here(self, request: Request, j: int, sink: Sink) -> None:
        bench = self._bench
        if bench.late():
            raise bench.interrupted()
        one = single(request, j)
        bench.relay.seconds = 0.0
        reply = self.evaluator(one)
        seconds = bench.relay.seconds
        # The first call may have to warm up; later ones say what it costs.
        self._pace = seconds if not self._pace else min(self._pace, seconds)
        self._spent += seconds
        self._note(one, reply)
        sink((j,), reply)

    def _note(self, one: Request, reply: Reply) -> None:
        if self._first is None and reply.status is None and not one.imaginary:
            self._first = one, np.array(reply.values, copy=True).reshape(-1)

    # --- in processes ---------------------------------------------------------------------------------

    def _share(self, request: Request, positions: list[int], sink: Sink) -> None:
        """Evaluate some points in processes."""
        bench = self._bench
        if self._crew is None:
            self._crew = Crew(bench.job, self._count, self._timeout)
        crew, queue, tries = self._crew, deque(positions), dict[int, int]()
        guard = self._guard() if self._guarded and self._first is not None and len(positions) > 1 else None
        missing, size = len(positions), self._size(len(positions))
        late = False
        while missing or crew.busy:
            late = late or bench.late()
            while queue and crew.idle and not late:
                group = [queue.popleft() for _ in range(min(size, len(queue)))]
                crew.hand(group, bench.task(request, group))
            if guard is not None and crew.idle and not queue and not late:
                crew.hand([-1], bench.task(guard, [0]))
                guard = None
            if late and not crew.busy:
                raise bench.interrupted()
            if not crew.busy:
                break
            for report in crew.reports():
                missing -= self._receive(report, request, queue, tries, sink)

    def _receive(self, report: Report, request: Request, queue: deque[int], tries: dict[int, int], sink: Sink) -> int:
        """Take in what a process says; return how many points are done by it."""
        queue.extendleft(j for j in reversed(report.left) if j >= 0)
        j, outcome = report.position, report.outcome
        if outcome is not None and outcome.kind == LATE:
            return 0
        if j == -1:
            if outcome is not None:
                self._compare(outcome)
            return 0
        if j is None:
            return 0
        if outcome is not None:
            self._pace = min(self._pace, outcome.seconds) if self._pace else outcome.seconds
            self._note(single(request, j), self._bench.deliver(request, j, outcome, sink))
            return 1
        if report.why == "timeout":
            self._bench.lost(request, j, f"it took longer than {self._timeout:g} s", sink)
            return 1
        tries[j] = tries.get(j, 0) + 1
        if tries[j] > self._retries:
            self._bench.lost(request, j, f"{report.why}, {tries[j]} times", sink)
            return 1
        queue.appendleft(j)
        return 0

    def _size(self, count: int) -> int:
        """Return how many points travel together."""
        quick = int(TOGETHER / self._pace) if self._pace else 1
        return max(1, min(quick, ceil(count / (2 * self._count))))

    def _guard(self) -> Request:
        assert self._first is not None
        return self._first[0]

    def _compare(self, outcome: Outcome) -> None:
        """Warn when f has another value in a process than it had here, or in another one."""
        self._guarded = False
        assert self._first is not None
        one, known = self._first
        self.evaluator.evaluations += 1
        found = _flat(outcome, known)
        if found is not None:
            eps = max(self.evaluator.eps, 2.0**-53)
            size = float(np.abs(known).max())
            if found.shape == known.shape and np.allclose(found, known, rtol=0.0, atol=LAST_DIGITS * eps * size):
                return
            # Once more here: a function that differs from itself is noisy, which is no fault of the process.
            if self._timeout is None:
                again = np.array(self.evaluator(one).values).reshape(-1)
                if not np.array_equal(again, known):
                    return
        shown = "no value" if found is None else f"{found[0]:.17g}"
        warnings.warn(
            f"f gives {shown} in a worker process where it gave {known[0]:.17g} before, at the same point: it depends "
            "on something that does not travel with it (a global that was changed, the seed of random numbers, a "
            "file), so values of different processes do not belong together",
            RuntimeWarning,
            stacklevel=2,
        )


def _flat(outcome: Outcome, known: Any) -> Any:
    """Return the value of an outcome, flat; None where there is none."""
    if outcome.kind != "value":
        return None
    from secant.evaluation.values import read

    flat = read(outcome.content)[0]
    return flat.astype(known.dtype) if known.dtype == np.complex128 else flat


class Hired:
    """Somebody else's workers: a function like ``map``, or an object with ``submit``.

    >>> from secant.evaluation.how import checked
    >>> hired = Hired(lambda x: x * x, 3.0, (), checked({"workers": map}))
    >>> request = Request(hired.evaluator.base, None, (0.0, 1.0))
    >>> hired.reply(request, lambda positions, reply: print(positions, reply.values))
    (0,) [9.0]
    (1,) [16.0]
    """

    def __init__(self, f: Any, x: Any, args: Any, how: How, *, name: str = "f", x_name: str = "x") -> None:
        self._bench = Bench(f, x, args, how, name, x_name)
        self.evaluator = self._bench.evaluator
        submit = getattr(how.workers, "submit", None)
        self._run: Callable[[list[Task]], Iterable[list[Outcome]]]
        self._run = self._mapped(how.workers) if submit is None else self._submitted(submit)
        self._pace, self._hands = 0.0, hands(how.workers)

    def close(self) -> None:
        """Do nothing: the workers are not ours."""

    def _mapped(self, workers: Callable[..., Iterable[Any]]) -> Callable[[list[Task]], Iterable[list[Outcome]]]:
        def run(tasks: list[Task]) -> Iterable[list[Outcome]]:
            found = workers(self._bench.job, tasks)
            if not isinstance(found, Iterable):
                raise InputTypeError(
                    f"`workers` must return the values one by one, as `map` does; got {kind_of(found)}"
                )
            return found

        return run

    def _submitted(self, submit: Callable[..., Any]) -> Callable[[list[Task]], Iterable[list[Outcome]]]:
        def run(tasks: list[Task]) -> Iterable[list[Outcome]]:
            futures = [submit(self._bench.job, task) for task in tasks]
            try:
                for future in futures:
                    if not hasattr(future, "result"):
                        raise InputTypeError(
                            f"`workers.submit` must return a future with `result`; got {kind_of(future)}"
                        )
                    yield future.result()
            except BaseException:
                for future in futures:
                    getattr(future, "cancel", bool)()
                raise

        return run

    def reply(self, request: Request, sink: Sink) -> None:
        """Evaluate a request, and hand on what comes as it comes."""
        positions, bench = list(range(len(request.t))), self._bench
        while positions:
            if bench.late():
                raise bench.interrupted()
            # The first point alone: nothing is known of f, and where it fails there are no others to be lost.
            quick = int(TOGETHER / self._pace) if self._pace else 1
            size = max(1, min(quick, ceil(len(positions) / self._hands)))
            now = positions[:1] if self.evaluator.value_shape is None and not request.imaginary else positions
            groups = [now[start : start + size] for start in range(0, len(now), size)]
            tasks = [bench.task(request, group) for group in groups]
            for group, outcomes in zip(groups, self._run(tasks), strict=True):
                self._taken(request, group, outcomes, sink)
            positions = positions[len(now) :]

    def _taken(self, request: Request, group: list[int], outcomes: list[Outcome], sink: Sink) -> None:
        if any(outcome.kind == LATE for outcome in outcomes) or len(outcomes) < len(group):
            for j, outcome in zip(group, outcomes, strict=False):
                if outcome.kind != LATE:
                    self._bench.deliver(request, j, outcome, sink)
            raise self._bench.interrupted()
        for j, outcome in zip(group, outcomes, strict=True):
            self._pace = min(self._pace, outcome.seconds) if self._pace else outcome.seconds
            self._bench.deliver(request, j, outcome, sink)
