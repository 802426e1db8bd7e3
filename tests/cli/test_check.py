"""``secant check``: functions and gradients in files, points in files, and exit statuses."""

import json
import shlex
from pathlib import Path

import numpy as np
import pytest

import secant
from secant.cli import main

MODEL = """
import numpy as np

def loss(p):
    return float(np.sum(p["w"] ** 2) * p["b"])

def grad(p):
    return {"w": 2 * p["w"] * p["b"], "b": np.sum(p["w"] ** 2)}

def wrong(p):
    return {"w": 2 * p["w"], "b": np.sum(p["w"] ** 2)}

def bowl(x):
    return x[0] ** 2 + 3 * x[1] ** 2

def slope(x):
    return np.array([2 * x[0], 6 * x[1]])

def both(x):
    return bowl(x), slope(x)

def raises(x):
    return 1 / 0

def jump(x):
    return 1.0 if x >= 0.5 else 0.0

def flat(x):
    return 0.0
"""


@pytest.fixture
def say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model.py").write_text(MODEL, encoding="utf-8")
    np.savez(tmp_path / "start.npz", w=np.array([1.0, 2.0]), b=3.0)
    np.savez(tmp_path / "one.npz", np.array([-3.0, 4.0]))
    np.save(tmp_path / "one.npy", np.array([-3.0, 4.0]))
    (tmp_path / "start.json").write_text('{"w": [1, 2], "b": 3}', encoding="utf-8")
    (tmp_path / "bad.json").write_text('{"w": ["a"]}', encoding="utf-8")
    (tmp_path / "bad.npz").write_bytes(b"no archive")

    def run(line: str) -> tuple[int, str, str]:
        status = main(shlex.split(line))
        captured = capsys.readouterr()
        assert captured.out.isascii()
        return status, captured.out, captured.err

    return run


@pytest.mark.parametrize(
    "line, status, text",
    [
        ("check model.py:loss model.py:grad --at start.npz", 0, "agree   3 entries"),
        ("check model.py:loss model.py:grad --at start.json", 0, "agree   3 entries"),
        ("check model.py:loss model.py:wrong --at start.npz", 1, "wrong: ['w'][0], ['w'][1]"),
        ("check model.py:bowl model.py:slope --at -3,4", 0, "agree   2 entries"),
        ("check model.py:bowl model.py:slope --at one.npz", 0, "agree   2 entries"),
        ("check model.py:bowl model.py:slope --at one.npy", 0, "agree   2 entries"),
        ("check model.py:both --at -3,4", 0, "agree   2 entries"),
        ("check model.py:bowl model.py:both --at -3,4", 2, ""),
        ("check sin(x) cos(x) --at pi/3", 0, "agree   1 entry"),
        ("check sin(x) -cos(x) --at pi/3", 1, "hint: the sign is flipped"),
        ("check model.py:jump model.py:flat --at 0.5", 3, "cannot tell   1 entry"),
        ("check sin(x) cos(x) --at 1 --bounds 0,2 --noise 1e-6 --max-step 1 --max-evaluations 100", 0, "agree"),
        ("check sin(x) cos(x)", 2, ""),
        ("check sin(x) cos(x) tan(x) --at 1", 2, ""),
        ("check --at 1", 2, ""),
        ("check sin(x) cos(x) --at nowhere.npz", 2, ""),
        ("check sin(x) cos(x) --at bad.json", 2, ""),
        ("check sin(x) cos(x) --at bad.npz", 2, ""),
        ("check sin(x) cos(x) --at 1 --nois 3", 2, ""),
        ("check model.py:bowl model.py:raises --at -3,4", 4, ""),
    ],
)
def test_statuses_and_words(say, line, status, text) -> None:
    found = say(line)
    assert found[0] == status, found
    assert text in found[1]
    assert (found[2] == "") == (status in (0, 1, 3))


def test_whose_exception_it_was_is_said(say) -> None:
    for pair, whose in (("bowl model.py:raises", "the gradient"), ("raises model.py:slope", "f")):
        said = say(f"check model.py:{pair} --at -3,4")[2]
        assert said.startswith(f"secant: {whose} raised ZeroDivisionError")


def test_json_returns(say) -> None:
    status, out, _ = say("check model.py:loss model.py:wrong --at start.npz --json")
    assert status == 1
    assert json.loads(out)["type"] == "GradientCheck"
    assert secant.from_json(out).paths == ("['w'][0]", "['w'][1]")


def test_a_check_goes_on_from_its_journal(say, tmp_path: Path) -> None:
    line = "check model.py:bowl model.py:slope --at -3,4 --journal j --workers 2 --json"
    first = say(line)
    size = (tmp_path / "j").stat().st_size
    assert first[0] == 0
    assert say(line) == first
    assert (tmp_path / "j").stat().st_size == size
    status, _, words = say("check model.py:bowl model.py:bowl --at -3,4 --journal j")
    assert status == 2
    assert "the option `derivative`" in words
