"""Worker processes of our own: each with a pipe, so that the end of one is the end of its own point only.

Rules:

* A process is started afresh (spawn, never fork: JAX and PyTorch have threads), with one thread for BLAS unless the
  person has set another number. It does not run the person's script again, so that a script needs no
  ``if __name__ == "__main__"``.
* It is handed a few points at a time, and sends each outcome as it is there. Of a process that ends by itself or
  hangs we therefore know the point at fault; the others go to the next process.
* Each is the head of a process group: Ctrl-C does not reach it, and what f started goes with it. When the parent
  ends, in whatever way, it ends itself.

A pool of processes that share one queue and one lock cannot do this: pebble's, asked for 2,000 evaluations of 1 ms
while its processes were killed at random, ended with a broken pool or stood still in six of six trials, after 50 to
855 values.
"""

from __future__ import annotations

import atexit
import os
import pickle
import signal
import threading
import traceback
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing import connection, get_context, parent_process, spawn
from selectors import EVENT_READ, DefaultSelector
from time import monotonic
from typing import Any

from secant.core.errors import InputError, WorkerError
from secant.evaluation.jobs import Job, Outcome, Task, told

#: What tells libraries of linear algebra how many threads to use.
THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)

#: Processes that may end one after the other before they are ready: then it is not f that ends them.
STILLBORN = 3

#: Seconds that a process may take to be ready: it imports what f needs.
PATIENCE = 120.0

_READY = "ready"
_STARTING = threading.Lock()


@dataclass(slots=True, eq=False)
class Worker:
    """A process and what it is at: positions of points that it was handed and that are still to come."""

    process: Any
    pipe: Any
    since: float
    ready: bool = False
    waiting: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Report:
    """What a process sent (an outcome), or that it ended or was ended at a point (None for one that was idle)."""

    position: int | None
    outcome: Outcome | None = None
    why: str = ""
    left: tuple[int, ...] = ()


class Crew:
    """Some processes for one job."""

    def __init__(self, job: Job, count: int, timeout: float | None) -> None:
        if not hasattr(os, "setpgid"):
            raise InputError("`workers` as a number needs a POSIX system: use an executor, such as ProcessPoolExecutor")
        self._payload, self._count, self._timeout = job.payload(), count, timeout
        self._workers: list[Worker] = []
        self._selector = DefaultSelector()
        self._stillborn = 0
        _ALIVE.add(self)

    @property
    def idle(self) -> int:
        """How many further tasks can be handed out at once."""
        return self._count - sum(bool(worker.waiting) for worker in self._workers)

    @property
    def busy(self) -> bool:
        """Whether any point is still to come."""
        return any(worker.waiting for worker in self._workers)

    def hand(self, positions: list[int], task: Task) -> None:
        """Hand a task to an idle process; start one where there is none."""
        for worker in self._workers:
            if not worker.waiting:
                break
        else:
            worker = self._start()
        worker.waiting, worker.since = list(positions), monotonic()
        # A process that has ended is found out when it is listened to.
        with suppress(OSError):
            worker.pipe.send_bytes(_packed(task))

    def _start(self) -> Worker:
        context = get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(theirs,), name="secant worker")
        with _quietly():
            process.start()
        theirs.close()
        worker = Worker(process, ours, monotonic())
        self._workers.append(worker)
        self._selector.register(ours, EVENT_READ, worker)
        with suppress(OSError):
            ours.send_bytes(self._payload)
        return worker

    def reports(self, wait: float | None = None) -> Iterator[Report]:
        """Wait for something to happen, and give all that has; nothing when the time is over first."""
        now = monotonic()
        times = [t for t in (wait, *(self._left(worker, now) for worker in self._workers)) if t is not None]
        for key, _ in self._selector.select(min(times) if times else None):
            yield from self._heard(key.data)
        now = monotonic()
        for worker in list(self._workers):
            left = self._left(worker, now)
            if left is not None and left <= 0.0:
                yield from self._overdue(worker)

    def _left(self, worker: Worker, now: float) -> float | None:
        """Return the seconds that a process still has."""
        if not worker.waiting:
            return None
        allowed = self._timeout if worker.ready else PATIENCE
        return None if allowed is None else max(0.0, worker.since + allowed - now)

    def _heard(self, worker: Worker) -> Iterator[Report]:
        try:
            while worker.pipe.poll():
                message = _unpacked(worker.pipe.recv_bytes())
                worker.since = monotonic()
                if message == _READY:
                    worker.ready, self._stillborn = True, 0
                elif isinstance(message, str):
                    self._drop(worker)
                    raise WorkerError(f"a worker process cannot load f:\n{message.rstrip()}")
                elif message.kind == "late":
                    left, worker.waiting = tuple(worker.waiting), []
                    yield Report(None, message, left=left)
                else:
                    yield Report(worker.waiting.pop(0), message)
        except (EOFError, OSError):
            self._drop(worker)
            worker.process.join(1.0)
            code = worker.process.exitcode
            yield self._ended(worker, f"its worker process ended ({_spoken(code)})")

    def _overdue(self, worker: Worker) -> Iterator[Report]:
        self._drop(worker)
        if not worker.ready:
            raise WorkerError(f"a worker process was not ready after {PATIENCE:.0f} s")
        yield self._ended(worker, "timeout")

    def _ended(self, worker: Worker, why: str) -> Report:
        waiting = worker.waiting
        if not worker.ready:
            self._stillborn += 1
            if self._stillborn >= STILLBORN:
                raise WorkerError(f"worker processes end before they are ready ({_spoken(worker.process.exitcode)})")
            return Report(None, None, why, tuple(waiting))
        return Report(waiting[0] if waiting else None, None, why, tuple(waiting[1:]))

    def _drop(self, worker: Worker) -> None:
        self._workers.remove(worker)
        self._selector.unregister(worker.pipe)
        _kill(worker.process)
        worker.pipe.close()

    def close(self) -> None:
        """End all processes at once."""
        workers, self._workers = self._workers, []
        for worker in workers:
            _kill(worker.process)
            worker.pipe.close()
        for worker in workers:
            worker.process.join(5.0)
        self._selector.close()
        _ALIVE.discard(self)


#: Crews with processes, so that none outlives the interpreter.
_ALIVE: weakref.WeakSet[Crew] = weakref.WeakSet()


@atexit.register
def _end_all() -> None:
    for crew in list(_ALIVE):
        crew.close()


def _kill(process: Any) -> None:
    """End a process and what it has started."""
    with suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)
    with suppress(OSError, ValueError):
        process.kill()


def _spoken(code: int | None) -> str:
    if code is None:
        return "no longer answering"
    if code < 0:
        with suppress(ValueError):
            return f"signal {signal.Signals(-code).name}"
    return f"exit status {code}"


@contextmanager
def _quietly() -> Iterator[None]:
    """Let a process be started from this thread with one thread of its own, and without the person's script."""
    with _STARTING:
        set_here = [name for name in THREADS if name not in os.environ]
        prepare, thread = spawn.get_preparation_data, threading.get_ident()

        def prepared(name: str) -> dict[str, Any]:
            data: dict[str, Any] = prepare(name)
            if threading.get_ident() == thread:
                for key in ("init_main_from_name", "init_main_from_path"):
                    data.pop(key, None)
            return data

        # The mask is inherited: Ctrl-C must not hit a process before it is out of its reach.
        masked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        os.environ.update(dict.fromkeys(set_here, "1"))
        spawn.get_preparation_data = prepared
        try:
            yield
        finally:
            spawn.get_preparation_data = prepare
            for name in set_here:
                os.environ.pop(name, None)
            signal.pthread_sigmask(signal.SIG_SETMASK, masked)


def _packed(message: Any) -> bytes:
    """Return a message in bytes: as pickle writes it where that can, many times quicker than cloudpickle."""
    try:
        return pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
    except Exception:  # noqa: BLE001 - what pickle refuses, in whatever way, cloudpickle may take
        import cloudpickle

        data: bytes = cloudpickle.dumps(message)
        return data


def _unpacked(data: bytes) -> Any:
    return pickle.loads(data)  # noqa: S301 - from a process of our own, through a pipe that nobody else has


# --- in the process ---------------------------------------------------------------------------------------


def _serve(pipe: Any) -> None:
    """Evaluate what comes through a pipe, until it is closed."""
    os.setpgid(0, 0)
    # A Ctrl-C that came before is forgotten; what f starts can be interrupted as anywhere.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    threading.Thread(target=_follow, daemon=True).start()
    try:
        job = Job(*_unpacked(pipe.recv_bytes()))
    except EOFError:
        return
    except BaseException:  # noqa: BLE001 - whatever is wrong is told on the other side
        pipe.send_bytes(_packed(traceback.format_exc()))
        return
    pipe.send_bytes(_packed(_READY))
    with suppress(EOFError, OSError):
        while True:
            task = _unpacked(pipe.recv_bytes())
            for outcome in job.outcomes(task):
                pipe.send_bytes(_sendable(outcome))


def _sendable(outcome: Outcome) -> bytes:
    try:
        return _packed(outcome)
    except Exception as error:  # noqa: BLE001 - a value may refuse to be pickled in any way
        kind = type(outcome.content).__name__
        wrong = TypeError(f"a value of type {kind} cannot be sent from a worker process ({error})")
        return _packed(Outcome("raised", told(wrong), outcome.seconds))


def _follow() -> None:
    """End this process, and what it has started, when the parent is gone."""
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os.killpg(0, signal.SIGKILL)
