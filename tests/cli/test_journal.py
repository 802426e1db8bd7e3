"""Journals on the command line: kept, gone on with, shown, verified and exported."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import secant
from secant.cli import main


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Path:
    monkeypatch.chdir(tmp_path)
    assert main(["diff", "sin(x)", "--at", "1", "--journal", "j"]) == 0
    capsys.readouterr()
    return tmp_path / "j"


def test_started_again_it_goes_on(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    size = kept.stat().st_size
    # In a process of its own: what tells one expression from another must not change from run to run.
    done = subprocess.run(
        [sys.executable, "-m", "secant", "diff", "sin(x)", "--at", "1", "--journal", "j"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONHASHSEED": "7"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert kept.stat().st_size == size
    assert main(["diff", "cos(x)", "--at", "1", "--journal", "j"]) == 2
    assert "belongs to another question" in capsys.readouterr().err


def test_it_is_shown(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    count = len(secant.read_journal(kept).records)
    assert main(["journal", "show", "j", "--rows", "2"]) == 0
    text = capsys.readouterr().out
    assert f"j: {count} values, none damaged" in text
    assert "the option `question` = 'derivative'" in text
    assert text.count("  lane 0  step ") == 2
    assert main(["journal", "show", "j", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["values"], told["ok"], told["damaged"]) == (count, count, 0)
    assert told["identity"]["the option `rtol`"] == "0.0"
    assert told["versions"]["secant"] == secant.__version__


def test_what_is_shown_as_json_has_the_values(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    records = secant.read_journal(kept).records

    def shown(*further: str) -> list[dict[str, Any]]:
        assert main(["journal", "show", "j", "--json", *further]) == 0
        found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)["records"]
        return found

    assert [record["number"] for record in shown()] == records["number"][-10:].tolist()
    assert shown("--rows", "0") == []
    last = records[-1]
    assert shown("--rows", "1") == [
        {
            "number": int(last["number"]),
            "lane": int(last["lane"]),
            "step": float(last["t"]),
            "repeat": 0,
            "status": "ok",
            "values": last["values"].tolist(),
        }
    ]
    every = shown("--rows", "1000")
    assert [record["values"][0] for record in every] == records["values"][:, 0].tolist()
    assert main(["journal", "export", "j", "--json"]) == 0
    exported = json.loads(capsys.readouterr().out)
    for row, record in zip(exported, sorted(every, key=lambda record: int(record["number"])), strict=True):
        assert row.pop("value0") == record.pop("values")[0]
        assert row == record


def test_values_that_json_has_no_number_for_are_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["diff", "log(x - 1)", "--at", "1.0001", "--journal", "j"]) == 0
    capsys.readouterr()
    assert main(["journal", "show", "j", "--json", "--rows", "100"]) == 0
    records = json.loads(capsys.readouterr().out)["records"]
    outside = [record for record in records if record["status"] == "outside"]
    assert outside
    assert all(record["values"] == ["nan"] for record in outside)


def test_damage_is_told(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["journal", "verify", "j"]) == 0
    data = bytearray(kept.read_bytes())
    data[-1] ^= 1
    kept.write_bytes(data[:-60])
    assert main(["journal", "verify", "j"]) == 1
    assert "bytes of a record that was broken off" in capsys.readouterr().out
    kept.write_bytes(data)
    assert main(["journal", "verify", "j", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["damaged"] == 1
    kept.write_text("not a journal")
    assert main(["journal", "verify", "j"]) == 2
    assert "is another kind of file" in capsys.readouterr().err
    assert main(["journal", "show", "none"]) == 2


def test_values_are_exported(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["journal", "export", "j"]) == 0
    head, first, *rest = capsys.readouterr().out.splitlines()
    assert head == "number,lane,step,repeat,status,value0"
    assert first == "0,0,0.0,0,ok,0.8414709848078965"
    assert len(rest) == len(secant.read_journal(kept).records) - 1
    assert main(["journal", "export", "j", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["value0"] == 0.8414709848078965


@pytest.mark.needs("cloudpickle")
def test_worker_processes_evaluate_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    Path("scale_model.py").write_text("def f(x):\n    return x * x\n\ndef bad(x):\n    raise KeyError('lost')\n")
    assert main(["diff", "scale_model.py:f", "--at", "3", "--workers", "2", "--timeout", "60"]) == 0
    assert capsys.readouterr().out.startswith("6 +/-")
    assert main(["diff", "scale_model.py:bad", "--at", "3", "--workers", "2", "--timeout", "60"]) == 4
    error = capsys.readouterr().err
    assert error.startswith("secant: f raised KeyError: 'lost'; while evaluating f at x = 3.0")
    assert error.count("\n") == 1
    assert main(["diff", "x", "--at", "3", "--timeout", "60"]) == 2
    assert "`timeout` must come with `workers=`" in capsys.readouterr().err
