"""The journal: nothing is paid for twice, and nothing that is damaged, foreign or of another question is believed."""

from __future__ import annotations

import json
import os
import pickle
import stat
import threading
import time
import zlib
from functools import lru_cache, partial, singledispatch
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from secant.core.errors import InputError, InputTypeError
from secant.core.request import NOT_FINITE, OK, OUTSIDE, Reply, Request
from secant.evaluation.drivers import Asked, evaluating
from secant.evaluation.how import checked
from secant.evaluation.identity import identity
from secant.evaluation.records import LENGTHS, MAGIC, read_journal, record

X = np.array([1.0, 2.0, 3.0])


def requests(base: Any) -> list[Request]:
    """A question of four rounds: f itself, two rounds of a gradient, and a repetition."""
    along = np.random.default_rng(3).normal(size=(2, base.size))
    return [
        Request(base, None, (0.0,)),
        Request(base, np.arange(base.size).repeat(2), np.tile([0.25, -0.5], base.size)),
        Request(base, (0, 1, 1), (0.125, 0.125, -0.125), along),
        Request(base, None, (0.0, 0.0), repeat=1),
    ]


COUNT = 12


class Counted:
    """A function whose calls are counted from outside, where no identity sees it."""

    def __init__(self, f: Any) -> None:
        self.f, self.calls = f, 0

    def watch(self, holder: Any, name: str) -> None:
        call = getattr(holder, name)

        def counted(point: Any) -> Any:
            self.calls += 1
            return call(point)

        setattr(holder, name, counted)


def smooth(x: Any) -> Any:
    return float(np.sin(x).sum())


def journaled(path: Path, f: Any, x: Any = X, **how: Any) -> Asked:
    options = checked({"journal": path, **how})
    if not isinstance(f, Counted):
        return evaluating(f, x, options)
    asked = evaluating(f.f, x, options)
    if options.vectorized:
        f.watch(asked.evaluate.way, "_batched")  # type: ignore[attr-defined]
    else:
        f.watch(asked.evaluator, "_call")
    return asked


def ask(path: Path, f: Any, x: Any = X, stop: int | None = None, make: Any = requests, **how: Any) -> list[Reply]:
    """Ask the question, or some rounds of it."""
    with journaled(path, f, x, **how) as asked:
        return [asked.evaluate(request) for request in make(asked.evaluator.base)[:stop]]


def told(replies: list[Reply]) -> list[Any]:
    return [(np.asarray(reply.values).tolist(), reply.status, reply.eps) for reply in replies]


# --- starting again ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("stop", range(5))
def test_nothing_is_evaluated_twice_but_one_point(tmp_path: Path, stop: int) -> None:
    whole = ask(tmp_path / "whole", smooth)
    first, second = Counted(smooth), Counted(smooth)
    ask(tmp_path / "cut", first, stop=stop)
    again = ask(tmp_path / "cut", second)
    assert told(again) == told(whole)
    assert first.calls + second.calls == COUNT + (stop > 0)
    third = Counted(smooth)
    assert told(ask(tmp_path / "cut", third)) == told(whole)
    assert third.calls == 1


@pytest.mark.parametrize("vectorized", [False, True])
@pytest.mark.parametrize(
    "f, x",
    [
        (lambda x: np.stack([x[..., 0] * x[..., 1], x[..., 2]], axis=-1), X),
        (lambda x: x[..., 0] + 1j * x[..., 1], X),
        (lambda x: x[..., 0].astype(np.float32), X),
        (lambda x: x[..., 0] * x[..., 1], X.astype(np.float32)),
        (lambda x: np.log(x[..., 0] - 0.6), X),
    ],
)
def test_whatever_f_returns_comes_back_bit_for_bit(tmp_path: Path, f: Any, x: Any, vectorized: bool) -> None:
    how: dict[str, Any] = {"vectorized": vectorized}
    if vectorized:
        with evaluating(f, x, checked(how)) as asked:
            whole = [asked.evaluate(request) for request in requests(asked.evaluator.base)]
    else:
        with evaluating(f, x, checked({})) as asked:
            whole = [asked.evaluate(request) for request in requests(asked.evaluator.base)]
    state = asked.evaluator
    first, second = Counted(f), Counted(f)
    ask(tmp_path / "j", first, x, stop=2, **how)
    with journaled(tmp_path / "j", second, x, **how) as asked:
        again = [asked.evaluate(request) for request in requests(asked.evaluator.base)]
    for one, other in zip(again, whole, strict=True):
        np.testing.assert_array_equal(np.asarray(one.values), np.asarray(other.values))
        np.testing.assert_array_equal(one.status, other.status) if one.status is not None else None
        assert (one.status is None) == (other.status is None)
        assert one.eps == other.eps
    now = asked.evaluator
    assert (now.value_shape, now.complex_values, now.eps, now.distinct) == (
        state.value_shape,
        state.complex_values,
        state.eps,
        state.distinct,
    )
    if not vectorized:
        assert now.evaluations == state.evaluations
        assert second.calls < first.calls


def test_points_beside_the_real_axis(tmp_path: Path) -> None:
    def make(base: Any) -> list[Request]:
        return [Request(base, None, (0.0,)), Request(base, (0, 1), (1e-20, 1e-20), imaginary=True)]

    f = lambda x: x[0] * x[1] * x[2]  # noqa: E731
    whole = ask(tmp_path / "j", f, make=make)
    second = Counted(f)
    again = ask(tmp_path / "j", second, make=make)
    assert told(again) == told(whole)
    assert second.calls == 1
    assert np.asarray(again[1].values).dtype == np.complex128


def test_what_has_no_value_is_recorded_and_not_tried_again(tmp_path: Path) -> None:
    def f(x: Any) -> float:
        if x[1] > 2.2:
            raise ValueError
        return float("nan") if x[0] < 0.6 else float(x[0])

    whole = ask(tmp_path / "j", f)
    second = Counted(f)
    again = ask(tmp_path / "j", second)
    assert second.calls == 1
    assert again[1].status is not None
    assert again[1].status.tolist() == [OK, NOT_FINITE, OUTSIDE, OK, OK, OK]
    np.testing.assert_array_equal(np.asarray(again[1].values), np.asarray(whole[1].values))


def test_a_point_that_was_not_evaluated_is_not_counted(tmp_path: Path) -> None:
    def make(base: Any) -> list[Request]:
        return [Request(base, None, (0.0,)), Request(base, None, (1e38, -1e38))]

    for _ in range(2):
        options = checked({"journal": tmp_path / "j"})
        with evaluating(float, np.float32(3e38), options) as asked:
            replies = [asked.evaluate(request) for request in make(asked.evaluator.base)]
        assert replies[1].status is not None
        assert replies[1].status.tolist() == [OUTSIDE, OK]
        assert asked.evaluator.evaluations == 2


def test_repetitions_are_new_values(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    f = lambda x: float(x[0] + 1e-3 * random.normal())  # noqa: E731
    whole = ask(tmp_path / "j", f, journal_id="f")
    again = ask(tmp_path / "j", f, journal_id="f")  # a noisy f is no other f
    assert told(again) == told(whole)
    assert len({*np.ravel(np.asarray(again[0].values)), *np.ravel(np.asarray(again[3].values))}) == 3


# --- another question -------------------------------------------------------------------------------------

GLOBAL = 2.0
ARRAY = np.ones(3)


def helper(x: Any) -> Any:
    return x * 2.0


def test_a_journal_of_another_f_is_refused_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def make(constant: str = "3.0", code: str = "+", inner: str = "x * 2.0", scale: float = 1.0) -> Any:
        space: dict[str, Any] = {"GLOBAL": GLOBAL, "ARRAY": ARRAY}
        text = f"def helper(x):\n    return {inner}\n"
        text += "def outer(scale):\n    def f(x):\n        y = helper(x) @ ARRAY * scale * GLOBAL\n"
        text += f"        return float(y {code} {constant})\n    return f\n"
        exec(text, space)
        return space["outer"](scale)

    ask(tmp_path / "j", make())
    assert len(ask(tmp_path / "j", make())) == 4
    for f, part in [
        (make(constant="4.0"), "f's constants has changed"),
        (make(code="-"), "f's code has changed"),
        (make(inner="x * 2.5"), "the helper `helper`'s constants has changed"),
        (make(inner="x + 2.0"), "the helper `helper`'s code has changed"),
        (make(scale=2.0), "f's closure variable `scale` has changed"),
    ]:
        with pytest.raises(InputError) as caught:
            ask(tmp_path / "j", f)
        assert f"belongs to another question: {part}" in str(caught.value)
    monkeypatch.setitem(globals(), "ARRAY", np.array([1.0, 1.0, 1.0 + 2**-52]))
    with pytest.raises(InputError, match="the global `ARRAY` has changed"):
        ask(tmp_path / "j", make())


def test_another_point_and_other_options_are_refused(tmp_path: Path) -> None:
    ask(tmp_path / "j", smooth)
    with pytest.raises(InputError, match="the point has changed"):
        ask(tmp_path / "j", smooth, X + 1.0)
    with pytest.raises(InputError, match="the option `on_error` was 'domain' and is 'mark'"):
        ask(tmp_path / "j", smooth, on_error="mark")
    with pytest.raises(InputError, match="`journal_id`"):
        ask(tmp_path / "j", smooth, journal_id="f")


def test_other_points_than_then_are_refused(tmp_path: Path) -> None:
    ask(tmp_path / "j", smooth)
    other = lambda base: [Request(base, None, (0.0,)), Request(base, (0, 1), (0.25, 0.5))]  # noqa: E731
    with pytest.raises(
        InputError, match=r"value 2 was taken at lane 0, step -?\S+0\.5\)?, and is now needed at lane 1"
    ):
        ask(tmp_path / "j", smooth, make=other)


def test_a_file_that_f_reads_is_found_out(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.write_text("2.0")
    f = lambda x: float(data.read_text()) * float(x[0])  # noqa: E731
    ask(tmp_path / "j", f)
    data.write_text("2.5")
    with pytest.raises(InputError, match=r"it has \S+2.0\S* where f gives \S+2.5\S* now"):
        ask(tmp_path / "j", f)


def test_a_name_stands_for_f(tmp_path: Path) -> None:
    ask(tmp_path / "j", smooth, journal_id="sum of sines")
    second = Counted(lambda x: float(np.sin(x).sum()))
    ask(tmp_path / "j", second, journal_id="sum of sines")
    assert second.calls == 1


@pytest.mark.parametrize("held", [threading.Lock(), (i for i in ()), Path(os.devnull).open()])  # noqa: SIM115
def test_what_has_no_identity_is_refused_with_advice(tmp_path: Path, held: Any) -> None:
    with pytest.raises(InputTypeError) as caught:
        ask(tmp_path / "j", lambda x: (held, float(x[0]))[1])
    assert "f's closure variable `held` is or holds" in str(caught.value)
    assert "`journal_id='...'`" in str(caught.value)
    assert not (tmp_path / "j").exists()


class Model:
    def __init__(self, a: float) -> None:
        self.a = a

    def __call__(self, x: Any) -> float:
        return self.a * float(x[0])


@pytest.mark.parametrize(
    "one, other",
    [
        (Model(1.0), Model(2.0)),
        (Model(1.0).__call__, Model(2.0).__call__),
        ({"a": [1.0, {2.0}]}, {"a": [1.0, {3.0}]}),
        (np.float32(1.0), np.float64(1.0)),
        (0.0, -0.0),
        (np.array([None, 1]), np.array([None, 2])),
        (np.random.default_rng(1), np.random.default_rng(2)),
        (np.sin, np.cos),
        (np.linalg.inv, np.linalg.det),
        ([1.0].append, [2.0].append),
        (lambda x: x, lambda x: x + 1),
        (singledispatch(Model(1.0).__call__), singledispatch(Model(2.0).__call__)),
        (lru_cache(lambda x: x), lru_cache(lambda x: x + 1)),
        (partial(smooth, 1.0), partial(smooth, 2.0)),
        (Path("a"), Path("b")),
        (slice(1), slice(2)),
    ],
)
def test_what_differs_has_another_digest(one: Any, other: Any) -> None:
    def digest(held: Any) -> dict[str, str]:
        return identity(lambda x: (x, held), ())

    assert digest(one) != digest(other)
    assert digest(one) == digest(one)


def test_loops_and_lines_do_not_matter() -> None:
    loop: list[Any] = [1.0]
    loop.append(loop)

    def recursive(n: int) -> int:
        return n and recursive(n - 1)

    assert identity(lambda x: (loop, recursive), ())
    spaces = [{}, {}]
    exec("def f(x):\n    'one'\n    return x * 2", spaces[0])
    exec("\n\n# elsewhere\ndef f(x):\n    'two'\n\n    return x * 2", spaces[1])
    assert identity(spaces[0]["f"], ()) == identity(spaces[1]["f"], ())


# --- the file ---------------------------------------------------------------------------------------------


def start_of_records(path: Path) -> int:
    """Where the records of a journal of :func:`smooth` start."""
    return path.stat().st_size - COUNT * record(1).itemsize


@pytest.mark.parametrize("torn", [1, 17, 55, 56, 57])
def test_a_torn_tail_is_cut_off(tmp_path: Path, torn: int) -> None:
    path = tmp_path / "j"
    whole = ask(path, smooth)
    os.truncate(path, path.stat().st_size - torn)
    second = Counted(smooth)
    assert told(ask(path, second)) == told(whole)
    assert second.calls == 1 + -(-torn // record(1).itemsize)
    assert read_journal(path).torn == read_journal(path).damaged == 0


@pytest.mark.parametrize("seed", range(24))
def test_a_flipped_byte_costs_one_evaluation(tmp_path: Path, seed: int) -> None:
    path = tmp_path / "j"
    whole = ask(path, smooth)
    random = np.random.default_rng(seed)
    data = bytearray(path.read_bytes())
    place = int(random.integers(start_of_records(path), len(data)))
    data[place] ^= 1 << int(random.integers(8))
    path.write_bytes(data)
    assert read_journal(path).damaged == 1
    second = Counted(smooth)
    assert told(ask(path, second)) == told(whole)
    assert second.calls == 2
    third = Counted(smooth)
    assert told(ask(path, third)) == told(whole)
    assert third.calls == 1


@pytest.mark.parametrize("seed", range(24))
def test_a_flipped_byte_in_the_header_costs_nothing(tmp_path: Path, seed: int) -> None:
    path = tmp_path / "j"
    whole = ask(path, smooth)
    random = np.random.default_rng(seed)
    data = bytearray(path.read_bytes())
    data[int(random.integers(0, start_of_records(path)))] ^= 1 << int(random.integers(8))
    path.write_bytes(data)
    second = Counted(smooth)
    assert told(ask(path, second)) == told(whole)
    assert second.calls == 1


def test_a_file_broken_off_anywhere_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "j"
    whole = ask(path, smooth)
    data = path.read_bytes()
    for length in range(0, len(data), 41):
        path.write_bytes(data[:length])
        assert told(ask(path, smooth)) == told(whole)
        assert path.read_bytes() == data


@pytest.mark.parametrize(
    "content",
    [
        b"precious",
        b"x" * 5000,
        b"\x80\x04",
        pickle.dumps(os.system),
        b'{"identity": {}}',
        b"secant journal 2\n" + b"x" * 99,
    ],
)
def test_another_kind_of_file_is_not_touched(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "j"
    path.write_bytes(content)
    for look in (lambda: ask(path, smooth), lambda: read_journal(path)):
        with pytest.raises(InputError, match="is another kind of file, and was not touched"):
            look()
    assert path.read_bytes() == content


class Bomb:
    def __reduce__(self) -> Any:
        return os.mkdir, ("exploded",)


def test_nothing_in_a_hostile_file_is_executed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "j"
    ask(path, smooth)
    data = path.read_bytes()
    bomb = pickle.dumps(Bomb())
    start = start_of_records(path)
    for hostile in (
        bomb,
        bomb + data,
        data[:60] + bomb + data[60:],
        data[:start] + bomb * 40 + data[start:],
        data + bomb,
    ):
        path.write_bytes(hostile)
        try:
            read_journal(path)
            ask(path, smooth)
        except InputError:
            pass
        assert not (tmp_path / "exploded").exists()


def test_a_header_of_nonsense_is_no_large_array(tmp_path: Path) -> None:
    path = tmp_path / "j"
    for width in (10**12, -1, 0):
        told = {"identity": {}, "outputs": width, "width": width, "shape": [width], "versions": {}}
        text = json.dumps(told).encode()
        block = MAGIC + LENGTHS.pack(len(text), zlib.crc32(text)) + text
        path.write_bytes(block + block + b"x" * 500)
        with pytest.raises(InputError, match="damaged at its beginning"):
            read_journal(path)


def test_it_is_the_owners_alone_and_no_link_is_followed(tmp_path: Path) -> None:
    ask(tmp_path / "j", smooth)
    assert stat.S_IMODE((tmp_path / "j").stat().st_mode) == 0o600
    (tmp_path / "link").symlink_to(tmp_path / "j")
    for path, says in [
        (tmp_path / "link", "it is a link"),
        (tmp_path, "Is a directory|plain file"),
        (tmp_path / "no" / "j", "No such file or directory"),
    ]:
        with pytest.raises(InputError, match=says):
            ask(path, smooth)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="must be a plain file"):
        ask(tmp_path / "pipe", smooth)


def test_two_writers_are_one_too_many(tmp_path: Path) -> None:
    path = tmp_path / "j"
    with evaluating(smooth, X, checked({"journal": path})) as asked:
        asked.evaluate(requests(asked.evaluator.base)[0])
        with pytest.raises(InputError, match="is in use by another run"):
            ask(path, smooth)
        assert len(read_journal(path).records) == 1  # but it can be read
    ask(path, smooth)


def test_a_full_disk_is_told_once_and_the_answer_is_right(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "j"
    write, room = os.write, [0]

    def full(handle: int, data: bytes) -> int:
        taken = data[: room[0]]
        if not taken:
            raise OSError(28, "No space left on device")
        room[0] -= len(taken)
        return write(handle, taken)

    whole = ask(tmp_path / "whole", smooth)
    room[0] = start_of_records(tmp_path / "whole") + 150
    monkeypatch.setattr(os, "write", full)
    with pytest.warns(RuntimeWarning, match="cannot be written any more") as caught:
        assert told(ask(path, smooth)) == told(whole)
    assert len(caught) == 1
    monkeypatch.undo()
    second = Counted(smooth)
    assert told(ask(path, second)) == told(whole)
    assert 1 < second.calls <= COUNT


def test_an_exception_that_passes_keeps_what_was_paid_for(tmp_path: Path) -> None:
    def f(x: Any) -> float:
        if x[2] < 2.6:
            raise KeyError("lost")
        return float(x.sum())

    path = tmp_path / "j"
    with pytest.raises(KeyError):
        ask(path, f)
    assert len(read_journal(path).records) == 6


def test_what_is_read_for_a_person(tmp_path: Path) -> None:
    path = tmp_path / "j"
    assert np.array_equal(ask(path, smooth)[0].values, read_journal(path).records["values"][0])
    found = read_journal(path)
    assert found.header is not None
    assert found.header.shape == ()
    assert found.records["number"].tolist() == list(range(COUNT))
    assert found.records["t"].tolist()[:3] == [0.0, 0.25, -0.5]
    path.write_bytes(b"")
    assert read_journal(path).header is None


@pytest.mark.slow
def test_reading_a_million_records_and_going_on_is_quick(tmp_path: Path) -> None:
    path = tmp_path / "j"
    count = 1_000_000
    make = lambda base: [Request(base, np.zeros(count, int), np.arange(count, dtype=float))]  # noqa: E731
    ask(path, lambda x: x[:, 0], make=make, vectorized=True)
    began = time.perf_counter()
    assert len(read_journal(path).records) == count
    assert time.perf_counter() - began < 4.0  # 1 s on a quiet machine
