"""The commands as a person types them: what they print, where, and with which exit status."""

import json
import math
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from click.testing import CliRunner

import secant
from secant.cli import main
from secant.cli.commands import cli
from secant.cli.text import CANNOT_TELL, FAILED, INTERRUPTED, NOT_OK, OK, USAGE, plain


class Said(NamedTuple):
    status: int
    out: str
    err: str


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]):
    def run(line: str) -> Said:
        status = main(shlex.split(line))
        captured = capsys.readouterr()
        assert captured.out.isascii()
        assert captured.err.isascii()
        return Said(status, captured.out, captured.err)

    return run


MODEL = '''
"""A person's own file."""
import math
from dataclasses import dataclass
import neighbor

@dataclass
class Net:
    w: float = 2.0
    def loss(self, x):
        return self.w * x * x

net = Net()
constant = 3.0

def bowl(x):
    return float(x[0] ** 2 + 3 * x[1] ** 2)

def line(x):
    return neighbor.slope * x

def writing(x):
    x *= 2
    return float(x @ x)

def broken(x):
    if x != 1.0:
        raise RuntimeError("it broke: caf\\u00e9")
    return x

def nothing(x):
    pass

def plain(x):
    return math.sin(x)

def shaken(x):
    return math.sin(x) + 1e-3 * math.sin(1e9 * x), 1e-3

def two(x):
    return [math.sin(x), math.exp(x)]
'''


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sys, "path", sys.path.copy())
    (tmp_path / "model.py").write_text(MODEL, encoding="utf-8")
    (tmp_path / "neighbor.py").write_text("slope = 7.0\n", encoding="utf-8")
    (tmp_path / "failing.py").write_text("1 / 0\n", encoding="utf-8")
    (tmp_path / "leaving.py").write_text("raise SystemExit(5)\n", encoding="utf-8")
    (tmp_path / "unread.py").write_text("def f(x)\n", encoding="utf-8")
    return tmp_path


ANSWERS = [
    # what is typed, exit status, the numbers of the answer, words of the answer
    ('diff "0.01*x^2 + 0.1*x" --at 5', 0, [0.2], ["   ok   ", " evaluations"]),
    ('diff "abs(x)" --at 0', 1, [0.0], ["kink", "slope -1 on the left and 1 on the right", "Remedy:"]),
    ('diff "exp(x)" --at 1 --order 3', 0, [math.e], ["   ok   "]),
    ('diff "x*abs(x)" --at 0 --order 2', 1, [0.0], ["kink", "-2 on the left and 2 on the right", "of order 2"]),
    ('diff "floor(x)" --at 2', 1, [math.nan], ["jump"]),
    ('diff "sqrt(x)" --at 0', 1, [math.nan], ["undefined"]),
    ("diff -x**2 --at -1e-3", 0, [0.002], []),
    ('diff "-sin(x)" --at=-pi/2', 0, [0.0], []),
    ('diff --at 3 -- "x^2"', 0, [6.0], []),
    ('diff "x^2" --at 3 --step 1e-4 --method central', 1, [6.0], ["unresolved"]),
    ('diff "sqrt(x)" --at 1e-9 --bounds 0,inf', 0, [15811.388300841898], []),
    ('diff "exp(x)" --at 1 --rtol 1e-10 --max-step 0.5 --max-evaluations 20', 0, [math.e], []),
    ('gradient "x[0]**2 + x[1]**2" --at 3,4', 0, [6.0, 8.0], ["[0]  ", "[1]  ", "ok"]),
    ('gradient "sum(x^2)" --at -3,4', 0, [-6.0, 8.0], []),
    ('gradient "x^2" --at 3', 0, [6.0], []),
    ('gradient "x[0]^2" --at 3', 0, [6.0], ["[0]  "]),
    ('gradient "abs(x[0]) + x[1]" --at 0,1', 1, [0.0, 1.0], ["[0]: kink"]),
    ('steps "exp(x)" --at 1', 0, [math.e], ["step", "error", "secant: "]),
    ('descend "x[0]**2 + x[1]**2" --start -3,4 --lr 0.1', 0, [], ["converged", "x = ["]),
    (
        'descend "x[0]**2 + x[1]**2" --start -3,4 --lr 10 --step 1e-4',
        1,
        [],
        ["lr too large", "lost in rounding", "try: "],
    ),
    ('descend "x[0]**2 + x[1]**2" --start -3,4 --lr 1e-10', 1, [], ["lr too small", "0.5"]),
    ('descend "x[0]^2 + 9*x[1]^2" --start -3,4 --lr auto', 0, [], ["converged"]),
    ('descend "x[0]^2 + 9*x[1]^2" --start -3,4 --lr auto --rule adam', 0, [], ["converged"]),
    ('descend "x^2" --start 3 --lr 1e-9 --rule momentum', 1, [], ["lr too small"]),
    ('descend "(x - 1)^2" --start 3 --lr 0.1 --iterations 500', 0, [], ["converged"]),
    ('diff "sin(x)" --at 1 --method complex', 0, [math.cos(1.0)], ["   5 evaluations"]),
    ('gradient "x[0]^3*exp(x[1])" --at -1,0 --method complex', 0, [3.0, -1.0], ["9 evaluations"]),
    ('descend "x^2" --start 3 --iterations 1', 1, [], ["   1 iteration   "]),
    ('descend "log(x)" --start 1 --lr 10', 1, [], ["a step led out of the domain of f", "the step leaves"]),
    (
        'minimize "(x[0] - 3)^2 + 4*x[1]^2" --start 0,1',
        0,
        [0.0, 0.0],
        ["converged   f = ", "  x[0] = 3   slope ", "  x[1] = ", " evaluations"],
    ),
    ('minimize "(x - 3)^2" --start 0 --bounds 0,2', 0, [-2.0], ["converged   f = 1 ", "  x = 2 "]),
    ('minimize "-x" --start 0', 1, [-1.0], ["unbounded", "goes on falling", "try: bound the variables"]),
    ('minimize "x^2" --start 3 --max-evaluations 4', 1, [], ["budget", "4 evaluations allowed, and spent", "try: "]),
    ('minimize "(x - 1)^2" --start 3 --noise 1e-3', 1, [0.0], ["noise floor", "more than its noise, 0.001"]),
    ('minimize "3" --start 3', 1, [0.0], ["noise floor", "is its argument used?"]),
    ('minimize "sum(x^2)" --start 1,2,3,4,5,6,7,8,9,10,11,12,13 --rtol 1e-9', 0, [0.0] * 12, ["... (13 entries)"]),
    ('diff "cbrt(x)" --at 0', 1, [math.nan], ["no derivative here: the slope grows without end: f moves like"]),
    ('diff "x*x" --at 1e200', 1, [math.nan], ["no derivative here: f has no finite value at x itself."]),
    ('diff "abs(x) + 1e-6*x" --at 0', 1, [0.0], ["slope -0.999999 on the left and 1.000001 on the right"]),
    ('diff "max(x, 1)" --at 1', 1, [0.5], ["slope 0 on the left and 1 on the right"]),
    ('diff "sin(x)" --at 1e10 --step 1e-30', 1, [0.0], ["no bar can be given; the step 1e-30", "take a larger step"]),
    ('diff "sin(x)" --at 1 --step 1e-3', 1, [0.540302], ["no bar can be given; a fixed step", "leave `step=` out"]),
    ('diff "sqrt(x)" --at 0.1 --step 1', 1, [math.nan], ["(1) is not finite", "take a smaller step"]),
]


PRICES = [
    ('diff "x^2" --at 3 --dry-run', "1 parameter: about 13 evaluations, ", (13, 40)),
    ('diff "x^2" --at 3 --order 2 --dry-run', "1 parameter: about 23 evaluations, ", (23, 60)),
    ('diff "x^2" --at 3 --step 1e-4 --dry-run', "1 parameter: 2 evaluations, about ", (2, 2)),
    ('gradient "sum(x^2)" --at 1,2,3 --max-evaluations 50 --dry-run', "3 parameters: about 41 evaluations, ", (41, 50)),
    ('descend "sum(x^2)" --start 1,2 --iterations 10 --step 1e-4 --dry-run', "2 parameters: about 51 ", (51, None)),
    ('minimize "sum(x^2)" --start 1,2 --dry-run', "2 parameters: about 135 evaluations, ", (135, 300)),
    ('minimize "x^2" --start 1 --max-evaluations 7 --dry-run', "1 parameter: 7 evaluations, ", (7, 7)),
    # What would end in a verdict that is not ok costs as much: the exit status is that of the answer, the price.
    ('diff "abs(x)" --at 0 --dry-run', "1 parameter: about 13 evaluations, ", (13, 40)),
]


@pytest.mark.parametrize("line, words, counts", PRICES, ids=[row[0] for row in PRICES])
def test_prices(say, line: str, words: str, counts: tuple[int, int | None]) -> None:
    said = say(line)
    assert (said.status, said.err) == (0, "")
    assert said.out.startswith(words)
    assert said.out.count("\n") == 1
    price = secant.from_json(say(line + " --json").out)
    assert isinstance(price, secant.Price)
    assert price.evaluations == counts[0]
    assert counts[1] in (None, price.at_most)


@pytest.mark.parametrize("line, status, numbers, words", ANSWERS, ids=[row[0] for row in ANSWERS])
def test_answers(say, line: str, status: int, numbers: list[float], words: list[str]) -> None:
    said = say(line)
    assert (said.status, said.err) == (status, "")
    assert [word for word in words if word not in said.out] == []
    assert numbers_of(said.out) == pytest.approx(numbers, rel=1e-9, abs=1e-9, nan_ok=True)
    assert all(len(text) <= 100 for text in said.out.splitlines())


def numbers_of(text: str) -> list[float]:
    return [float(value) for value in re.findall(r"(\S+) \+/- ", text)]


REFUSED = [
    # what is typed, words of the complaint
    ("diff", ["one function is needed"]),
    ("diff x", ["--at"]),
    ("diff x x --at 1", ["one function is needed", "2 came", "quotes"]),
    ("diff x + 1 --at 1", ["one function is needed", "3 came"]),
    ("diff x --at", ["--at"]),
    ("diff x --at one", ["`--at`", "`one` is not known", "'one' came"]),
    ("diff x --at 1,2", ["one number", "2 came", "secant gradient"]),
    ("diff x --at 9**9**9", ["`--at`"]),
    ("diff x --at nan", ["`--at`"]),
    ("diff x --at inf", ["`x`"]),
    ("diff x[0] --at 1", ["vector", "secant gradient"]),
    ("diff README.md:f --at 1", ["`README.md` is not a Python file", "file.py:name"]),
    ("diff model:loss --at 1", ["`model` is not a Python file", "file.py:name"]),
    ("diff model.py --at 1", ["`model.py` names no function", "file.py:name"]),
    ("diff model.py: --at 1", ["`model.py:` names no function", "file.py:name"]),
    ("diff 'x y' --at 1", ["an operator is missing between `x` and `y`", "column 3"]),
    ("diff x --at 1 --stpe 2", ["--stpe", "--step"]),
    ("diff --xx --at 1", ["--xx"]),
    ("diff x --at 1 --step -1", ["`step`", "-1"]),
    ("diff x --at 1 --method middle", ["--method", "central"]),
    ("diff x --at 1 --bounds 0", ["`--bounds` takes 2 numbers", "1 came"]),
    ("diff x --at 1 --rtol 1,2", ["`--rtol` takes 1 number", "2 came"]),
    ("diff x --at 1 --max-evaluations 0", ["--max-evaluations"]),
    ("diff x.real --at 1", ["a dot after a name", "column 1"]),
    ("diff 'x^2 + y' --at 1", ["`y` is not known", "column 7"]),
    ("gradient x[5] --at 1,2", ["x[5]", "2 numbers"]),
    ("gradient x --at 1,2", ["one number"]),
    ("diff abs(x) --at 1 --method complex", ["`--method complex`", "`abs` takes real numbers only"]),
    ("gradient 'x[0] % x[1]' --at 1,2 --method complex", ["`--method complex`", "`%` takes real numbers only"]),
    ("descend x --start 1 --lr fast", ["--lr"]),
    ("descend x --start 1 --lr 0", ["`lr` must be a positive finite number"]),
    ("descend x --start 1 --rule rprop", ["--rule", "momentum"]),
    ("descend x --start 1 --iterations -1", ["--iterations"]),
    ("minimize x", ["--start"]),
    ("minimize x --start one", ["--start", "'one'"]),
    ("minimize x --start 3 --bounds 4,5", ["`x0` must lie within `bounds`, 4 to 5; got 3"]),
    ("minimize x --start 3 --noise 1,2", ["`--noise` takes 1 number, 2 came"]),
    ("minimize x --start 3 --max-evaluations 0", ["--max-evaluations"]),
    ("minimize x --start 3 --timeout 1", ["`timeout`"]),
    ("minimize x[2] --start 3,4", ["x[2]", "2 numbers"]),
    ("steps x --at 1 --save picture.xyz", ["picture.xyz", ".svg"]),
    ("steps x --at 1 --save no/such/folder/picture.svg", ["no/such/folder"]),
    ("tour --row 17", ["--row", "17"]),
    ("differentiate x", ["differentiate"]),
    ("diff nowhere.py:f --at 1", ["there is no file nowhere.py"]),
]


@pytest.mark.parametrize("line, words", REFUSED, ids=[line for line, _ in REFUSED])
def test_what_cannot_be_used_is_said_in_one_line(say, line: str, words: list[str]) -> None:
    said = say(line)
    assert (said.status, said.out) == (2, "")
    assert said.err.startswith("secant: ")
    assert said.err.count("\n") == 1
    assert [word for word in words if word not in said.err] == []


FROM_FILES = [
    ("diff {}/model.py:line --at 2", [7.0]),
    ("diff {}/model.py:net.loss --at 2", [8.0]),
    ("gradient {}/model.py:bowl --at 1,1", [2.0, 6.0]),
    ("gradient {}/model.py:writing --at 3,4", [24.0, 32.0]),
]


@pytest.mark.parametrize("line, numbers", FROM_FILES, ids=[line for line, _ in FROM_FILES])
def test_functions_from_files(say, model: Path, line: str, numbers: list[float]) -> None:
    said = say(line.format(model))
    assert (said.status, said.err) == (0, "")
    assert numbers_of(said.out) == pytest.approx(numbers, rel=1e-9)


def test_the_complex_step_of_a_file(say, model: Path) -> None:
    assert say(f"diff {model}/model.py:line --at 2 --method complex").out.startswith("7 +/- ")
    said = say(f"diff {model}/model.py:plain --at 2 --method complex")
    assert (said.status, said.out) == (2, "")
    assert "`method='complex'` needs an f that takes complex numbers" in said.err


FROM_BAD_FILES = [
    # what is typed, exit status, words of the complaint
    ("broken --at 2", 4, r"f raised RuntimeError: it broke: caf\xe9; while evaluating f at x = 2.0; model.py, line 28"),
    ("broken --at 1", 4, "RuntimeError"),
    ("nothing --at 1", 4, "secant: `f` returned None: is a `return` missing?"),
    ("missing --at 1", 2, "has no `missing`"),
    ("net.missing --at 1", 2, "has no `net.missing`"),
    ("constant --at 1", 2, "not a function but float"),
]


@pytest.mark.parametrize("rest, status, words", FROM_BAD_FILES, ids=[rest for rest, _, _ in FROM_BAD_FILES])
def test_functions_that_cannot_be_used(say, model: Path, rest: str, status: int, words: str) -> None:
    said = say(f"diff {model}/model.py:{rest}")
    assert (said.status, said.out) == (status, "")
    assert words in said.err
    assert said.err.count("\n") == 1


BAD_FILES = [
    ("absent", "there is no file"),
    ("failing", "cannot be loaded: ZeroDivisionError: division by zero; failing.py, line 1"),
    ("leaving", "cannot be loaded: SystemExit: 5"),
    ("unread", "cannot be loaded: SyntaxError"),
]


@pytest.mark.parametrize("name, words", BAD_FILES)
def test_files_that_cannot_be_loaded(say, model: Path, name: str, words: str) -> None:
    said = say(f"diff {model}/{name}.py:f --at 1")
    assert (said.status, said.out) == (2, "")
    assert words in said.err
    assert said.err.count("\n") == 1
    assert name not in sys.modules


def test_a_function_that_raises_at_the_point_is_told_with_the_point(say) -> None:
    said = say("diff 'log(x)' --at -1")
    assert (said.status, said.out) == (4, "")
    assert "f raised ValueError: " in said.err
    assert "x = -1.0" in said.err
    assert said.err.count("\n") == 1


@pytest.mark.parametrize(
    "line, kind",
    [
        ("diff 'log(x)' --at -1", "ValueError"),
        ("gradient '1/x[0]' --at 0,1", "ZeroDivisionError"),
        ("steps '1/x' --at 0", "ZeroDivisionError"),
        ("descend 'log(x)' --start -1", "ValueError"),
        ("minimize 'log(x)' --start -1", "ValueError"),
        ("diff 'log(x)' --at -1 --dry-run", "ValueError"),
        ("diff {}/model.py:nothing --at 1", "OutputError"),
        ("diff {}/model.py:broken --at 1", "RuntimeError"),
    ],
)
def test_a_function_that_fails_is_told_in_json_as_well(say, model: Path, line: str, kind: str) -> None:
    said = say(line.format(model) + " --json")
    assert said.status == 4
    assert said.out.count("\n") == said.err.count("\n") == 1
    told = json.loads(said.out)
    assert list(told) == ["secant", "type", "error", "message", "status"]
    assert (told["type"], told["error"], told["status"]) == ("Error", kind, 4)
    assert said.err == plain(f"secant: {told['message']}\n")


@pytest.mark.parametrize(
    "line, kind",
    [
        ('diff "x^3" --at 2 --json', secant.Estimate),
        ('diff "abs(x)" --at 0 --json', secant.Estimate),
        ('gradient "x[0]*x[1]" --at 3,4 --json', secant.Estimate),
        ('steps "sin(x)" --at 1 --json', secant.StepStudy),
        ('descend "sum(x^2)" --start -3,4 --lr 0.1 --json', secant.Descent),
        ('minimize "sum(x^2)" --start -3,4 --json', secant.Descent),
        ('minimize "-x" --start 1 --json', secant.Descent),
    ],
)
def test_json_reads_back_as_the_result(say, line: str, kind: type) -> None:
    said = say(line)
    json.loads(said.out, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    assert isinstance(secant.from_json(said.out), kind)
    assert said.status == say(line.removesuffix(" --json")).status


def test_noise_is_a_level_or_several_or_returned(say, model: Path) -> None:
    said = say(f"diff {model}/model.py:shaken --at 1 --noise returned")
    assert said.status == 0
    assert said.out.startswith("0.5")
    assert say(f"diff {model}/model.py:shaken --at 1 --noise returned --dry-run").out.startswith(
        "1 parameter: about 13"
    )
    said = say(f"diff {model}/model.py:two --at 1 --noise 1e-3,1e-6 --json")
    found = secant.from_json(said.out)
    assert found.error[1] < 0.1 * found.error[0]
    said = say("diff x^2 --at 1 --noise returned")
    assert said.status == 4
    assert "`f` must return a pair with `noise='returned'`" in said.err
    for rest, words in [
        ("diff x^2 --at 1 --noise return", "`--noise`: "),
        ("diff x^2 --at 1 --noise -1", "`noise` must be a number of at least 0"),
        ("gradient x^2 --at 1 --noise 1,2", "`noise` must be a number of at least 0"),
        ("diff x^2 --at 1 --noise returned --step 1e-3", "`noise='returned'` does not go with a fixed `step`"),
        ("check x^2 2*x --at 1 --noise 1,2", "`--noise` takes 1 number, 2 came"),
    ]:
        said = say(rest)
        assert (said.status, said.out) == (2, "")
        assert words in said.err


def test_options_reach_the_library(say, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every option under its library name, and only those that were given."""
    seen = {}

    def derivative(f, x, **options):
        seen.update(options, x=x, value=f(x))
        return secant.Estimate(0.0, 0.0, secant.Verdict.OK, secant.Verdict.OK, 1)

    monkeypatch.setattr(secant, "derivative", derivative)
    assert say("diff x^2 --at 3").status == 0
    assert seen == {"x": 3.0, "value": 9.0}
    every = "--method forward --step 1e-3 --bounds -inf,2^3 --max-step 2 --noise 1e-6 --rtol 1e-8 --max-evaluations 9"
    assert say(f"diff x^2 --at 3 {every}").status == 0
    expected = {
        "method": "forward",
        "step": 1e-3,
        "bounds": (-math.inf, 8.0),
        "max_step": 2.0,
        "noise": 1e-6,
        "rtol": 1e-8,
    }
    assert seen == {"x": 3.0, "value": 9.0, "max_evaluations": 9, **expected}


@pytest.mark.needs("matplotlib")
@pytest.mark.parametrize(
    "line",
    [
        'steps "exp(x)" --at 1',
        'descend "x[0]**2 + x[1]**2" --start -3,4 --lr 10',
        'descend "log(x[0]) + x[1]^2" --start 1,1 --lr 0.1 --iterations 5',
        'descend "sum(x^2)" --start 1,2,3 --lr 0.1',
        'minimize "x[0]**2 + 9*x[1]**2" --start -3,4',
        'minimize "x[0]**2 - x[1]**2" --start 1,0.5',
        'minimize "sum(x^2)" --start 1,2,3',
    ],
)
def test_pictures(say, tmp_path: Path, line: str) -> None:
    file = tmp_path / "picture.svg"
    said = say(f"{line} --save {file}")
    assert said.err == ""
    assert file.read_bytes().startswith(b"<?xml")


@pytest.mark.parametrize(
    "line, values",
    [
        ('jacobian "x[0]*x[1]" "sin(x[0])" --at 3,4', [[4.0, 3.0], [math.cos(3.0), 0.0]]),
        ('jacobian "x^2" --at 1,2', [[2.0, 0.0], [0.0, 4.0]]),
        ('jacobian "x^2" "3*x" --at 2', [4.0, 3.0]),
        ('jacobian "x[0]*x[1]" --at 3,4 --step 0.5', [4.0, 3.0]),
    ],
)
def test_jacobians_of_one_function_and_of_several(say, line: str, values: list[float]) -> None:
    said = say(f"{line} --json")
    assert said.status == (1 if "--step" in line else 0)
    found = secant.from_json(said.out)
    assert np.allclose(found.value, values, atol=1e-9)


@pytest.mark.needs("scipy")
def test_a_sparse_jacobian(say) -> None:
    said = say('jacobian "x^2" --at 1,2,3 --sparsity detect')
    assert said.status == 0
    assert "[2, 2]" in said.out
    assert "3 entries detected" in said.out


def test_without_scipy_a_sparse_jacobian_says_what_to_install(say, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "scipy"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "scipy", None)
    said = say("jacobian x --at 1,2 --sparsity detect")
    assert said.status == 2
    assert "pip install 'secant[sparse]'" in said.err


@pytest.mark.parametrize(
    "line, values",
    [
        ('hessian "x[0]**2*x[1]" --at 3,4', [[8.0, 6.0], [6.0, 0.0]]),
        ('hessian "x^3" --at 2', 12.0),
        ('hessian "x[0]**2*x[1]" --at 3,4 --step 0.5', [[8.0, 6.0], [6.0, 0.0]]),
        ("hessian {}/model.py:bowl --at 1,2", [[2.0, 0.0], [0.0, 6.0]]),
        ('hessian "x[0]**2*x[1]" --gradient "x*x[0]" --at 1,0', [[2.0, 0.0], [0.0, 1.0]]),
    ],
)
def test_hessians(say, model: Path, line: str, values: Any) -> None:
    said = say(f"{line.format(model)} --json")
    assert said.status == (1 if "--step" in line else 0)
    assert np.allclose(secant.from_json(said.out).value, values, atol=1e-6)


def test_a_hessian_in_words(say) -> None:
    said = say('hessian "x[0]**2*x[1]" --at 3,4')
    assert said.status == 0
    assert said.out.startswith("[0, 0]  7.9999999999999 +/- ")
    assert "evaluations" in say('hessian "x[0]**2*x[1]" --at 3,4 --dry-run').out
    said = say('hessian "abs(x[0])*x[1]" --at 0,4')
    assert said.status == 1
    assert "undefined" in said.out


@pytest.mark.needs("scipy")
def test_a_sparse_hessian(say) -> None:
    said = say('hessian "x[0]*x[1] + x[2]^2" --at 1,2,3 --sparsity detect')
    assert said.status == 0
    assert "5 entries detected" in said.out


@pytest.mark.parametrize(
    "line, complaint",
    [
        ("hessian --at 1,2", "one function is needed"),
        ('hessian "x[2]" --at 1,2', "uses x[2]"),
        ('hessian "x^2" --at 1,2', "one number"),
        ('hessian "x^2" --at 1 --scale 1', "No such option"),
        ('hessian "x^2" --at 1 --method complex', "`method`"),
        ('hessian "x^2" --at 1 --gradient nothing.py:at_all', "there is no file"),
        ('hessian "x^2" --at 1 --gradient "2*x" --dry-run', "leave out `--gradient`"),
    ],
)
def test_hessians_that_cannot_be_had(say, line: str, complaint: str) -> None:
    said = say(line)
    assert said.status in (2, 4)
    assert complaint in said.err


def test_a_jacobian_needs_a_function(say) -> None:
    assert say("jacobian --at 1,2").status == 2
    assert say('jacobian "x[2]" --at 1,2').status == 2
    assert "--sparsity" in say("jacobian x --at 1,2 --sparse detect").err


def test_without_matplotlib_a_picture_says_what_to_install(
    say, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    said = say(f"steps x --at 1 --save {tmp_path}/picture.svg")
    assert said.status == 2
    assert "pip install 'secant[plot]'" in said.err
    assert said.err.count("\n") == 1


def test_help_tells_of_every_command_and_option(say) -> None:
    top = say("--help")
    assert top.status == 0
    for name, command in cli.commands.items():
        assert name in top.out
        text = say(f"{name} --help")
        assert text.status == 0
        assert command.help
        for parameter in command.params:
            for option in parameter.opts:
                assert option in text.out or option in ("function", "functions")


def test_help_promises_a_vector_only_where_one_is_taken(say) -> None:
    shown = {name: " ".join(say(f"{name} --help").out.split()) for name in ("diff", "steps", "gradient")}
    assert [name for name, text in shown.items() if "The point, a number" in text] == ["diff", "steps"]
    assert "3,4" in shown["gradient"]


def test_no_short_options() -> None:
    options = [name for command in cli.commands.values() for parameter in command.params for name in parameter.opts]
    assert [name for name in options if name.startswith("-") and not name.startswith("--")] == []


def test_without_a_command_the_help_is_shown(say) -> None:
    said = say("")
    assert said.status == 2
    assert "Usage: secant" in said.out + said.err


def secant_process(
    *arguments: str, stdout: int = subprocess.PIPE, **variables: str
) -> subprocess.CompletedProcess[bytes]:
    """Run ``python -m secant`` in a process of its own, which finds the secant under test."""
    environment = {**os.environ, "PYTHONPATH": str(Path(secant.__file__).parents[1]), **variables}
    command = [sys.executable, "-m", "secant", *arguments]
    return subprocess.run(command, stdout=stdout, stderr=subprocess.PIPE, check=False, timeout=60, env=environment)


def test_python_dash_m_is_the_same_command(say) -> None:
    line = ["diff", "x^2", "--at", "3"]
    done = secant_process(*line)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode().splitlines() == say(shlex.join(line)).out.splitlines()
    version = secant_process("--version")
    assert version.stdout.decode().split() == ["secant", secant.__version__]


def test_a_poor_console_is_enough() -> None:
    done = secant_process("diff", "x\u00b2", "--at", "1", PYTHONIOENCODING="ascii:strict")
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"U+00B2" in done.stderr
    assert b"Traceback" not in done.stderr


@pytest.mark.skipif(os.name == "nt", reason="platform: no such pipes on Windows")
@pytest.mark.parametrize("line", ["gradient sum(x^2) --at 3,4", "--help", "gradient --help"])
def test_a_reader_that_has_gone_is_no_error(line: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = secant_process(*line.split(), stdout=writing)
    os.close(writing)
    assert done.stderr == b""
    assert done.returncode == 1


def test_a_fault_of_secants_own_is_not_blamed_on_f(say, monkeypatch: pytest.MonkeyPatch) -> None:
    def faulty(*_, **__):
        raise ZeroDivisionError("inside")

    monkeypatch.setattr(secant, "derivative", faulty)
    with pytest.raises(ZeroDivisionError, match="inside"):
        say("diff x --at 1")


@pytest.mark.parametrize(
    "text",
    [
        lambda: " ".join(CliRunner().invoke(cli, ["--help"]).output.split()),
        lambda: " ".join((secant.cli.__doc__ or "").split()),
        lambda: (Path(__file__).parents[2] / "docs" / "command-line.md").read_text(encoding="utf-8"),
    ],
    ids=["help", "module", "docs"],
)
def test_every_exit_status_is_listed_wherever_they_are(text) -> None:
    said = re.split("exit status", text(), maxsplit=1, flags=re.IGNORECASE)[1]
    for status in (OK, NOT_OK, USAGE, CANNOT_TELL, FAILED, INTERRUPTED):
        assert re.search(rf"(?:[:;]|\n\|) {status} ", said), status


def test_an_interrupted_run_says_so(say, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(secant, "derivative", interrupted)
    said = say("diff x --at 1")
    assert said.status == 130
    assert said.err.split() == ["secant:", "interrupted"]


PRESSED = """
calls = 0

def f(x):
    global calls
    calls += 1
    if calls == AT:
        raise KeyboardInterrupt
    return x * x

def slow(x):
    import time
    time.sleep(0.002)
    return x * x
"""


@pytest.mark.parametrize(
    "command", ["diff {} --at 1.5", "gradient {} --at 1.5", "descend {} --start 1.5", "minimize {} --start 1.5"]
)
def test_ctrl_c_prints_what_is_known(say, tmp_path: Path, command: str) -> None:
    path = tmp_path / "pressed.py"
    path.write_text(PRESSED.replace("AT", "5"), encoding="utf-8")
    said = say(command.format(f"{path}:f"))
    assert said.status == 130
    assert "cut short from the keyboard" in said.out
    assert said.err == ""


@pytest.mark.parametrize(
    "command", ["diff {} --at 1.5", "gradient {} --at 1.5", "descend {} --start 1.5", "minimize {} --start 1.5"]
)
def test_a_deadline_prints_what_is_known(say, tmp_path: Path, command: str) -> None:
    path = tmp_path / "slow.py"
    path.write_text(PRESSED, encoding="utf-8")
    said = say(command.format(f"{path}:slow") + " --deadline 1e-4")
    assert said.status == 1
    assert "cut short by the deadline" in said.out
    assert say(command.format(f"{path}:slow") + " --deadline 0").status == 2


def test_numbers_of_a_gradient_are_those_of_the_library(say) -> None:
    out = say('gradient "x[0]^3*x[1]" --at 2,5 --json').out
    expected = secant.gradient(lambda x: x[0] ** 3.0 * x[1], np.array([2.0, 5.0]))
    assert np.array_equal(secant.from_json(out).value, expected.value)


def test_a_minimum_is_that_of_the_library_whatever_the_way(say, model: Path, tmp_path: Path) -> None:
    line = f"minimize {model}/model.py:bowl --start 3,-4 --json"
    found = secant.minimize(lambda x: float(x[0] ** 2 + 3 * x[1] ** 2), np.array([3.0, -4.0]))
    assert say(line).out.strip() == found.to_json()
    journal = f"{line} --journal {tmp_path}/values.journal"
    assert say(journal).out.strip() == say(journal).out.strip() == found.to_json()
    side = secant.from_json(say(f"{line} --workers 2").out)
    assert side.success
    assert np.allclose(side.x, 0.0, atol=1e-6)
