"""The tour: all rows of the notes, their numbers to the last printed digit, and a status that notices an error."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import secant
from secant.cli import main
from secant.cli.tour import ROWS, calculus, notes, take
from secant.cli.tour.row import KEYS

TITLES_AND_KEYS = ("row", "title", "notes", "same_method", "ours", "error", "verdict", "agrees", "remark")


@pytest.fixture(scope="module")
def rows() -> dict[int, dict[str, Any]]:
    """Return what ``secant tour --json`` prints, by row."""
    outcome = take(as_json=True)
    assert outcome.status == 0
    return {row["row"]: row for row in json.loads(outcome.text)}


def test_json_is_sixteen_objects_with_the_same_keys(rows: dict[int, dict[str, Any]]) -> None:
    assert KEYS == TITLES_AND_KEYS
    assert list(rows) == list(range(1, 17))
    assert {tuple(row) for row in rows.values()} == {TITLES_AND_KEYS}
    for row in rows.values():
        assert isinstance(row["agrees"], bool)
        assert row["title"]
        assert row["remark"]


def test_every_row_but_the_gradient_of_the_net_agrees(rows: dict[int, dict[str, Any]]) -> None:
    assert [number for number, row in rows.items() if not row["agrees"]] == [16]


VERDICTS = {9: "converged", 10: "lr too large", 11: "lr too small", 12: None, 13: None, 14: None}


def test_verdicts(rows: dict[int, dict[str, Any]]) -> None:
    assert {number: row["verdict"] for number, row in rows.items()} == {n: VERDICTS.get(n, "ok") for n in range(1, 17)}


PRINTED = [
    # row, what the notes print; the bits of plain Python where they print all digits
    (4, 0.1999999999990898),
    (5, 0.2999999999986347),
    (6, 6.00000000000378),
    (7, 7.999999999999119),
]


@pytest.mark.parametrize("number, value", PRINTED)
def test_the_same_method_has_the_same_bits(rows: dict[int, dict[str, Any]], number: int, value: float) -> None:
    assert rows[number]["same_method"] == rows[number]["notes"] == value


DESCENTS = [
    (9, "[-6.11110793e-10  8.14814391e-10]"),
    (10, "[-2.58983747e+13 -1.29524862e+12]"),
    (11, "[-2.99999994  3.99999992]"),
]


@pytest.mark.parametrize("number, printed", DESCENTS)
def test_descents_have_the_same_printed_digits(rows: dict[int, dict[str, Any]], number: int, printed: str) -> None:
    assert str(np.array(rows[number]["same_method"])) == printed


TRUTHS = {1: 0.2, 2: math.e, 3: [0.2, 0.3], 4: 0.2, 5: 0.3, 6: 6.0, 7: 8.0, 8: [[6.0, 8.0], [0.0, 4.0], [6.0, 0.0]]}


@pytest.mark.parametrize("number", TRUTHS)
def test_bars_cover_the_truth_and_are_short(rows: dict[int, dict[str, Any]], number: int) -> None:
    ours, error = np.array(rows[number]["ours"]), np.array(rows[number]["error"])
    # The truth itself is a double here, up to half a unit in its last place.
    assert np.all(np.abs(ours - TRUTHS[number]) <= error + np.spacing(np.abs(TRUTHS[number])))
    assert np.all(error <= 1e-12)


def test_the_bad_example_fails_in_both_ways(rows: dict[int, dict[str, Any]]) -> None:
    written, meant = rows[1]["same_method"]
    assert written == pytest.approx(-7.5e48, rel=1e-12)
    assert meant == 0.0
    assert "x itself" in rows[1]["remark"]
    assert rows[1]["notes"] is None


def test_a_rate_too_large_is_told_with_its_limit_and_the_stall(rows: dict[int, dict[str, Any]]) -> None:
    told = rows[10]["remark"]
    assert "lr too large" in told
    assert "lost in rounding" in told
    assert "stable below 1" in told
    assert "converged" not in told
    # Exact gradients go on growing where the notes' step has stalled.
    assert np.abs(rows[10]["ours"]).max() > 1e100


def test_a_rate_too_small_is_told_with_a_better_one(rows: dict[int, dict[str, Any]]) -> None:
    assert "0.5" in rows[11]["remark"]


def test_the_printed_gradient_is_not_the_gradient_at_the_printed_weights(rows: dict[int, dict[str, Any]]) -> None:
    row = rows[16]
    printed, same, ours = (np.array(row[key]) for key in ("notes", "same_method", "ours"))
    assert np.abs(printed - ours).max() == pytest.approx(1.277e-5, rel=1e-3)
    assert np.abs(same - ours).max() < 1e-8
    # By hand: dW = x (softmax(x W) - t), the book's epsilon changing the ninth digit.
    scores = np.exp(notes.X @ notes.weights())
    assert ours == pytest.approx(np.outer(notes.X, scores / scores.sum() - notes.T), abs=1e-6)
    assert np.array(row["error"]).max() < 1e-12
    for words in ("NOT the gradient", "1.28e-05", "W[0,0] + 2h", "consistent with", "bit for bit"):
        assert words in row["remark"]


def test_numbers_that_are_not_printed_come_from_the_notes_own_code() -> None:
    x = np.array([3.0, 4.0])
    assert notes.gradient_in_place(notes.function_2, x) == pytest.approx([6.0, 8.0], rel=1e-11)
    assert np.array_equal(x, [3.0, 4.0])
    assert list(notes.gradient_in_place(notes.function_2, np.array([3, 4]))) == [25000, 35000]


def test_text_is_plain_and_fits(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tour"]) == 0
    text = capsys.readouterr().out
    assert text.isascii()
    assert max(map(len, text.splitlines())) <= 100
    assert [line.split()[1] for line in text.splitlines() if line.startswith("Row ")] == [str(n) for n in range(1, 17)]
    assert "WRONG" not in text
    assert "15 of 16 rows agree" in text


def test_one_row_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tour", "--row", "4", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row["row"] == 4
    assert main(["tour", "--row", "4"]) == 0
    assert capsys.readouterr().out.startswith("Row 4 ")


def test_another_print_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every row can fail: with its last printed digit changed it does not agree, and the tour says so by its status."""
    for number in (4, 5, 6, 7, 9, 10, 11):
        texts = notes.PRINTED[number]
        mantissa, e, exponent = texts[0].partition("e")
        changed = f"{mantissa[:-1]}{(int(mantissa[-1]) + 1) % 10}{e}{exponent}"
        with monkeypatch.context() as patch:
            patch.setitem(notes.PRINTED, number, [changed, *texts[1:]])
            assert not ROWS[number - 1](number).agrees
            assert take(number).status == 1


def test_the_net_would_be_noticed_too(monkeypatch: pytest.MonkeyPatch) -> None:
    scores, loss, right = ROWS[12](13).ours, ROWS[14](15).same_method, ROWS[15](16).ours
    changes = {
        13: [f"{value + 3e-8:.8f}" for value in scores],
        15: [repr(loss + 3e-8)],
        # The right gradient in the notes' place: then row 16 agrees, which it must not.
        16: [f"{value:.8f}" for value in np.ravel(right)],
    }
    for number, texts in changes.items():
        with monkeypatch.context() as patch:
            patch.setitem(notes.PRINTED, number, texts)
            row = ROWS[number - 1](number)
            assert row.agrees is (number == 16)
            assert not row.expected
            assert take(number).status == 1
            assert "WRONG" in take(number).text


def test_a_descent_called_converged_by_mistake_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calculus, "DESCENTS", {**calculus.DESCENTS, 10: (10.0, "converged")})
    assert take(10).status == 1


@pytest.mark.needs("matplotlib")
def test_pictures_are_saved_and_are_the_same_each_time(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = ["descents.svg", "function.svg", "gradient.svg", "steps.svg"]
    for folder in ("first", "second"):
        assert main(["tour", "--row", "3", "--save", str(tmp_path / "made" / folder)]) == 0
        assert sorted(path.name for path in (tmp_path / "made" / folder).iterdir()) == names
    assert "drawn: " in capsys.readouterr().out
    for name in names:
        first, second = ((tmp_path / "made" / folder / name).read_bytes() for folder in ("first", "second"))
        assert first == second


@pytest.mark.parametrize(
    "value, text, same",
    [
        (0.123456789, "0.12345679", True),
        (0.123456789, "0.12345678", False),
        (0.1999999999990898, "0.1999999999990898", True),
        (0.1999999999990897, "0.1999999999990898", False),
        (-0.1376457, "-0.1376457", True),
        (-0.13764571, "-0.1376457", False),
        (-6.111107929e-10, "-6.11110793e-10", True),
        (-6.11110792e-10, "-6.11110793e-10", False),
        (6.11110793e-10, "-6.11110793e-10", False),
    ],
)
def test_printed_digits_are_compared_as_printed(value: float, text: str, same: bool) -> None:
    assert notes.prints_as([value], [text]) is same


def test_the_notes_step_is_secants_fixed_step() -> None:
    assert secant.derivative(notes.function_1, 5, method="central", step=1e-4).value == 0.1999999999990898
