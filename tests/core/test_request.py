"""The conversation: every question gets its answer, and whoever leaves closes the door."""

import numpy as np
import pytest

from secant.core.request import (
    FAILED,
    NOT_FINITE,
    OK,
    OUTSIDE,
    UNIT_ROUNDOFF,
    Core,
    Interrupted,
    Reply,
    Request,
    run,
)


def conversation(log: list[str], questions: int = 3) -> Core[list[float]]:
    """Ask at 0, 1, 2 ..., and return what was answered."""
    answers: list[float] = []
    try:
        for j in range(questions):
            reply = yield Request(np.zeros(1), None, (float(j),))
            answers += list(reply.values)
        return answers
    except GeneratorExit:
        log.append("closed early")
        raise
    finally:
        log.append("done")


def square(request: Request) -> Reply:
    return Reply([t * t for t in request.t])


def test_run_asks_and_answers_in_turn() -> None:
    log: list[str] = []
    assert run(conversation(log), square) == [0.0, 1.0, 4.0]
    assert log == ["done"]


def test_a_core_may_ask_nothing() -> None:
    assert run(conversation([], questions=0), square) == []


@pytest.mark.parametrize("error", [ValueError, StopIteration, KeyboardInterrupt])
def test_an_error_of_the_evaluator_passes_and_closes_the_core(error) -> None:
    """StopIteration among them: it must not be taken for the end of the core."""
    log: list[str] = []
    raised = error("no")

    def evaluate(request: Request) -> Reply:
        if request.t == (1.0,):
            raise raised
        return square(request)

    with pytest.raises(error) as caught:
        run(conversation(log), evaluate)
    assert caught.value is raised
    assert log == ["closed early", "done"]


def stopping(request: Request) -> Reply:
    if request.t == (1.0,):
        raise Interrupted("deadline", 0.5)
    return square(request)


def test_an_interruption_is_raised_where_the_core_waits() -> None:
    def core() -> Core[tuple[list[float], str, float]]:
        answers: list[float] = []
        try:
            answers = yield from conversation([])
        except Interrupted as stop:
            return answers, stop.reason, stop.fun
        return answers, "", 0.0

    assert run(core(), stopping) == ([], "deadline", 0.5)


def test_a_core_may_ask_on_when_it_was_interrupted() -> None:
    def core() -> Core[float]:
        try:
            yield Request(np.zeros(1), None, (1.0,))
        except Interrupted:
            reply = yield Request(np.zeros(1), None, (3.0,))
        return reply.values[0]

    assert run(core(), stopping) == 9.0


def test_an_interruption_that_nobody_catches_passes() -> None:
    log: list[str] = []
    with pytest.raises(Interrupted):
        run(conversation(log), stopping)
    assert log == ["done"]
    assert not issubclass(Interrupted, Exception)


def test_an_error_of_the_core_passes() -> None:
    def core() -> Core[float]:
        reply = yield Request(np.zeros(1), None, (0.0,))
        return 1.0 / reply.values[0]

    with pytest.raises(ZeroDivisionError):
        run(core(), square)


def test_cores_are_composed_by_yield_from() -> None:
    log: list[str] = []

    def both() -> Core[list[float]]:
        first = yield from conversation(log)
        second = yield from conversation(log, questions=2)
        return first + second

    assert run(both(), square) == [0.0, 1.0, 4.0, 0.0, 1.0]
    assert log == ["done", "done"]


def test_requests_and_replies_are_small_and_told_apart() -> None:
    request, reply = Request(np.zeros(1), None, (0.0,)), Reply([0.0])
    assert not hasattr(request, "__dict__")
    assert not hasattr(reply, "__dict__")
    assert (request.directions, request.repeat, reply.status, reply.eps) == (None, 0, None, UNIT_ROUNDOFF)
    assert sorted([OK, NOT_FINITE, OUTSIDE, FAILED]) == [0, 1, 2, 3]
    assert 1.0 + UNIT_ROUNDOFF == 1.0 < 1.0 + 2.0 * UNIT_ROUNDOFF
