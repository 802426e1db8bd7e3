"""Slopes from what was paid for: the same lines, on the values that are there."""

import math

import numpy as np
import pytest

from secant.core.ladder import Line
from secant.core.operators import lines
from secant.core.request import FAILED, Interrupted, Reply, Request, run
from secant.core.salvage import salvaged
from secant.core.verdicts import Verdict

BASE = np.linspace(1.0, 2.0, 26)
PROBLEMS = [Line(x, x) for x in BASE.tolist()]


def entry(lane: int, x: float) -> float:
    return math.sin((lane + 1) * x) + (1e-3 * abs(x - BASE[lane]) if lane == 5 else 0.0)


class Paid:
    """An evaluator of several outputs that keeps a log, up to so many evaluations."""

    def __init__(self, most: float, outputs: int = 1) -> None:
        self.most, self.outputs, self.log, self.count = most, outputs, [], 0

    def __call__(self, request: Request) -> Reply:
        lanes = [0] * len(request.t) if request.lane is None else np.asarray(request.lane).tolist()
        room = int(min(len(lanes), self.most - self.count))
        values = []
        for lane, t in zip(lanes[:room], np.asarray(request.t).tolist()[:room], strict=True):
            rest = sum(entry(i, x) for i, x in enumerate(BASE.tolist()) if i != lane)
            one = rest + entry(lane, BASE[lane] + t)
            values.append([one, *(one * (2.0 + k) for k in range(self.outputs - 1))])
        self.count += room
        reply = Reply(np.array(values).reshape(room, self.outputs))
        if room:
            lane = None if request.lane is None else np.asarray(request.lane)[:room]
            self.log.append((Request(request.base, lane, np.asarray(request.t)[:room]), reply))
        if room < len(lanes):
            raise Interrupted("deadline")
        return reply


def ask(place: int, output: int, line: Line):
    assert PROBLEMS[place].size == line.size or place == 0
    return lines(BASE, [line])


@pytest.mark.parametrize("outputs", [1, 2])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.8, 0.95, 1.0])
def test_lines_that_were_finished_come_out_as_they_were(share, outputs) -> None:
    whole = Paid(math.inf, outputs)
    expected = run(lines(BASE, PROBLEMS), whole)
    part = Paid(int(share * whole.count), outputs)
    if share < 1.0:
        with pytest.raises(Interrupted):
            run(lines(BASE, PROBLEMS), part)
    else:
        run(lines(BASE, PROBLEMS), part)
    found = salvaged(part.log, PROBLEMS, ask, note="cut")
    if share == 1.0:
        assert repr(found) == repr(expected)
    if not part.log:
        assert all(math.isnan(value) for value in found.outputs)
        return
    assert found.outputs == expected.outputs
    for got_row, row in zip(found.slopes, expected.slopes, strict=True):
        for got, slope in zip(got_row, row, strict=True):
            if "cut" not in got.note:
                assert repr(got) == repr(slope)
            else:
                assert got.verdict.severity >= Verdict.UNRESOLVED.severity
                assert math.isnan(got.value) or abs(got.value - slope.value) <= got.error + slope.error


def test_lanes_and_f_at_the_point_may_come_from_elsewhere() -> None:
    h = 0.125
    log = [(Request(np.zeros(9), (7, 7), (h, -h)), Reply([1.5, 0.5]))]
    known = salvaged(log, [Line(0.0, 1.0)], ask, lanes=[7], fun=[1.0])
    assert known.outputs == (1.0,)
    assert math.isnan(salvaged(log, [Line(0.0, 1.0)], ask, lanes=[6], fun=[1.0]).slopes[0][0].value)
    assert math.isnan(salvaged(log, [Line(0.0, 1.0)], ask, lanes=[7], fun=[1.0], along=True).slopes[0][0].value)


def test_a_failure_stays_one() -> None:
    status = np.array([0, FAILED, 0], dtype=np.int8)
    reply = Reply(np.array([[1.0], [math.nan], [1.0]]), status)
    found = salvaged([(Request(np.zeros(1), None, (0.0, 0.5, -0.5)), reply)], [Line(0.0, 1.0)], ask)
    assert found.slopes[0][0].verdict is Verdict.FAILED
