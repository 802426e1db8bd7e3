"""What evaluating at scale costs beside f itself: ``python -m benchmarks.scale.run``.

Own time for each evaluation, by way of evaluating; the journal's append, reading and going on; how soon a hanging call
is ended, what processes killed at random cost, and the memory of a large gradient. Times depend on the machine and on
what else it does: the first lines of the table are the yardstick. Written to RESULTS.md beside this file.
"""

from __future__ import annotations

import os
import platform
import signal
import tempfile
import threading
import time
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

import secant
from secant.core.request import Request
from secant.evaluation.drivers import evaluating
from secant.evaluation.how import checked
from secant.evaluation.journal import Journal
from secant.evaluation.records import read_journal

HERE = Path(__file__).parent

#: Entries of x, evaluations a measurement, and repetitions of which the best counts.
SIZE, COUNT, TIMES = 1000, 20_000, 5

Row = tuple[str, str, str]


def constant(x: Any) -> float:
    """Cost next to nothing."""
    return 1.5


def constants(x: Any) -> Any:
    """Cost next to nothing for a batch."""
    return x[:, 0].copy()


def waiting(x: Any) -> float:
    """Take a millisecond, without keeping the processor busy."""
    time.sleep(0.001)
    return 1.5


def best(action: Callable[[], object], times: int = TIMES) -> float:
    """Return the shortest of several times, in seconds."""
    found = []
    for _ in range(times):
        began = time.perf_counter()
        action()
        found.append(time.perf_counter() - began)
    return min(found)


def each(f: Any, count: int = COUNT, times: int = TIMES, **how: Any) -> float:
    """Return the microseconds of one evaluation, f included."""
    x = np.zeros(SIZE)
    with evaluating(f, x, checked(how)) as asked:
        base = asked.evaluator.base
        asked.evaluate(Request(base, None, (0.0,)))
        request = Request(base, np.arange(count) % SIZE, np.linspace(1.0, 2.0, count))
        asked.evaluate(request)
        return best(lambda: asked.evaluate(request), times) / count * 1e6


def copying(rows: int = 524) -> float:
    """Return the microseconds to copy one point, many at a time."""
    base = np.zeros(SIZE)

    def copy() -> None:
        for _ in range(COUNT // rows):
            matrix = np.empty((rows, SIZE))
            matrix[:] = base

    return best(copy) / (COUNT // rows * rows) * 1e6


def overheads() -> list[Row]:
    """Measure each way of evaluating."""
    alone = best(lambda: [np.zeros(SIZE).copy() for _ in range(COUNT)]) / COUNT * 1e6
    rows = [
        ("to make an x of 1,000 entries and copy it", f"{alone:.2f} us", ""),
        ("to copy one in a batch", f"{copying():.2f} us", ""),
        ("serial, with its copy of x", f"{each(constant):.2f} us", "5 us"),
        ("serial, progress told, with its copy of x", f"{each(constant, progress=lambda _: None):.2f} us", "5 us"),
        ("vectorized, with its copy of x", f"{each(constants, vectorized=True):.2f} us", "copy + 1 us"),
    ]
    count = 2000
    serial = best(lambda: [waiting(None) for _ in range(count)], 2) / count * 1e6
    for name, workers in [("2 processes", 2), ("2 threads of an executor", ThreadPoolExecutor(2))]:
        how = {"timeout": 60.0} if isinstance(workers, int) else {}
        shared = each(waiting, count, 2, workers=workers, **how)
        rows.append((f"{name}, f of 1 ms, beyond half of f", f"{shared - serial / 2:.0f} us", "150 us"))
    return rows


def journal(folder: Path) -> list[Row]:
    """Measure the journal."""
    kept = Journal(str(folder / "append"), {})
    kept.begin(1, 1, ())
    request, count = Request(np.zeros(3), (0,), (0.5,)), 100_000

    def append() -> None:
        for number in range(count):
            kept.append(number, 5, request, 0, [1.5], 0, 2.0**-53, 0)

    rows = [("journal: append, forced to the disk by its rule", f"{best(append, 3) / count * 1e6:.1f} us", "5 us")]
    kept.close()

    def million() -> None:
        with evaluating(constants, np.zeros(3), checked({"vectorized": True, "journal": folder / "million"})) as asked:
            base = asked.evaluator.base
            asked.evaluate(Request(base, np.zeros(10**6, int), np.arange(10.0**6)))

    million()
    rows.append(
        ("journal: read 1,000,000 records", f"{best(lambda: read_journal(folder / 'million'), 3):.2f} s", "1 s")
    )
    calls = 0

    def counted(x: Any) -> float:
        nonlocal calls
        calls += 1
        return float(np.sin(x).sum())

    x = np.linspace(0.0, 1.0, 160)
    found = secant.gradient(counted, x, journal=folder / "gradient", journal_id="sum of sines")
    calls = 0
    again = best(lambda: secant.gradient(counted, x, journal=folder / "gradient", journal_id="sum of sines"), 3)
    plain = best(lambda: secant.gradient(counted, x, journal=None), 1)
    text = f"{again:.3f} s, {calls // 3 if calls < 100 else 1} evaluation"
    rows.append((f"journal: go on after {found.evaluations:,} points", text, "0.1 s, 3 evaluations"))
    rows.append(("the same gradient without a journal", f"{plain:.3f} s", ""))
    return rows


def failures() -> list[Row]:
    """Measure what a hanging call and killed processes cost."""

    def hanging(x: Any) -> float:
        if x[0] > 0.5:
            time.sleep(100)
        return 1.5

    with evaluating(hanging, np.zeros(2), checked({"workers": 2, "timeout": 1.0})) as asked:
        base = asked.evaluator.base
        asked.evaluate(Request(base, (1, 1, 1), (0.0, 0.1, 0.2)))
        late = best(lambda: asked.evaluate(Request(base, (0,), (1.0,))), 1) - 1.0
    kills, repeated = killed()
    return [
        ("a call that hangs is ended after its timeout and", f"{late:.3f} s", "0.5 s"),
        (f"2,000 evaluations, processes killed {kills} times: evaluated again", f"{repeated}", "a kill each"),
    ]


def killed() -> tuple[int, int]:
    """Kill processes at random while they evaluate; return how often, and the calls beyond 2,000."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"

        def logged(x: Any) -> float:
            with log.open("a") as stream:
                stream.write("x")
            time.sleep(0.001)
            return float(np.sin(x).sum())

        random, done, kills = np.random.default_rng(0), threading.Event(), 0

        def killer(crew: Any) -> None:
            nonlocal kills
            while not done.wait(float(random.uniform(0.1, 0.6))):
                ready = [worker for worker in crew._workers if worker.ready]  # noqa: SLF001
                if ready:
                    kills += 1
                    os.kill(ready[int(random.integers(len(ready)))].process.pid, signal.SIGKILL)

        how = checked({"workers": 2, "timeout": 60.0, "retries": 9})
        with evaluating(logged, np.linspace(0.0, 1.0, 50), how, budget=2000) as asked:
            base = asked.evaluator.base
            asked.evaluate(Request(base, None, (0.0,)))
            threading.Thread(target=killer, args=(asked.evaluate.way._crew,), daemon=True).start()  # type: ignore[attr-defined]  # noqa: SLF001
            reply = asked.evaluate(Request(base, np.arange(1999) % 50, np.linspace(0.1, 0.9, 1999)))
            done.set()
        assert reply.status is None
        return kills, len(log.read_text()) - 2000


def memory(size: int = 100_000) -> Row:
    """Measure what a dense gradient takes at its peak beyond what its answer keeps (traced, so it takes minutes)."""

    def cubes(x: Any) -> float:
        return float((x * x * x).sum())

    x = np.linspace(0.5, 1.5, size)
    secant.gradient(cubes, x[:50])
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    found = secant.gradient(cubes, x)
    after, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    kept = (after - before) / x.nbytes
    what = f"memory of a gradient by {size:,} entries, beyond an answer of {kept:.1f} copies of x"
    assert found.ok
    return (what, f"{(peak - after) / x.nbytes:.1f} copies", "5 copies")


def main() -> None:
    """Print the table, and write it down."""
    with tempfile.TemporaryDirectory(dir=HERE) as folder:
        rows = [*overheads(), *journal(Path(folder)), *failures(), memory()]
    lines = ["| | measured | aim |", "| --- | --- | --- |", *(f"| {' | '.join(row)} |" for row in rows)]
    machine = f"Python {platform.python_version()}, NumPy {np.__version__}, {os.cpu_count()} processors"
    text = "\n".join([f"# Evaluating at scale\n\n`python -m benchmarks.scale.run`; {machine}.\n", *lines]) + "\n"
    print(text)
    (HERE / "RESULTS.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
