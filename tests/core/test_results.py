"""Results read well: the digits printed are the digits known, the worst comes first, failures speak."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from secant.core.errors import InputTypeError, VerdictError
from secant.core.results import SHOWN, Descent, Estimate, Event, Slope, StepStudy, bar, children, number, trim
from secant.core.verdicts import DescentVerdict, Verdict, worst

finite = st.floats(-1e300, 1e300)


@given(finite, st.floats(1e-300, 1e300))
def test_the_printed_value_is_within_the_bar_of_the_value(value, error) -> None:
    """The value is rounded to the place of the bar's first figure: printing moves it by half of the bar at most."""
    printed = float(number(value, error))
    assert abs(printed - value) <= 0.5 * error * 1.001 + abs(value) * 1e-15


@given(finite, st.floats(1e-300, 1e300))
def test_no_digit_is_printed_that_the_bar_does_not_know(value, error) -> None:
    text = number(value, error)
    digits = trim(text).partition("e")[0].replace(".", "").lstrip("-0")
    known = max(1, min(17, math.floor(math.log10(max(abs(value), 5e-324))) - math.floor(math.log10(error)) + 2))
    assert len(digits.rstrip("0")) <= known


@given(finite)
def test_an_exact_value_is_printed_in_full(value) -> None:
    assert float(number(value, 0.0)) == value


@pytest.mark.parametrize(
    "value, error, text",
    [
        (0.2000000000000012, 1.4e-13, "0.2"),
        (6.00000000000378, 1e-9, "6"),
        (1234.5678, 12.0, "1230"),
        (1234.5678, 1e5, "0"),
        (0.0, 1.0, "0"),
        (math.nan, 1.0, "nan"),
        (-math.inf, 1.0, "-inf"),
        (1 / 3, math.nan, "0.333333"),
        (1 / 3, math.inf, "0.333333"),
        (1e-20, 0.0, "1e-20"),
        (1.5 - 2.5j, 1e-3, "1.5-2.5j"),
        (1.5 + 2.5j, 1e-3, "1.5+2.5j"),
    ],
)
def test_numbers(value, error, text) -> None:
    assert number(value, error) == text


def test_bars_have_two_figures() -> None:
    assert [bar(e) for e in (1.44e-15, 0.0, math.inf, 0.5, 1234.0)] == ["1.4e-15", "0", "inf", "0.5", "1.2e+03"]


def slope(verdict: Verdict, **numbers: Any) -> Slope:
    return Slope(1.0, 0.1, verdict, **numbers)


@pytest.mark.parametrize("verdict", list(Verdict))
def test_every_sentence_is_complete(verdict) -> None:
    text = slope(verdict, noise=1e-3, step=0.5, left=-1.0, right=1.0, jump=-2.0).sentence
    assert "{" not in text
    assert "nan" not in text
    mark = ":" if verdict is Verdict.UNDEFINED else ";"
    assert slope(verdict, note="as seen").sentence.endswith(f"{mark} as seen")


def test_sentences_carry_their_numbers() -> None:
    assert "slope -1 on the left and 2 on the right" in slope(Verdict.KINK, left=-1.0, right=2.0).sentence
    assert "jumps by about 3" in slope(Verdict.JUMP, jump=-3.0).sentence
    assert "noise of about 0.001" in slope(Verdict.NOISY, noise=1e-3, step=0.5).sentence
    assert "on the right only" in slope(Verdict.AT_BOUND, right=1.0).sentence
    assert "on the left only" in slope(Verdict.AT_BOUND, left=1.0).sentence


def test_slopes_of_a_kink_have_the_digits_that_are_known() -> None:
    def kink(left: float, right: float, known: float) -> str:
        return Slope(0.0, 0.5 * abs(right - left) + known, Verdict.KINK, left=left, right=right).sentence

    assert "slope -1 on the left and 1 on the right" in kink(-0.9999999, 1.0000003, 2e-6)
    assert "slope 0 on the left and 1.235 on the right" in kink(-1.2281e-16, 1.2345678, 2e-3)
    assert "slope -0.999999 on the left and 1.000001 on the right" in kink(-0.999999, 1.000001, 2e-7)


def test_a_bar_that_is_infinite_was_not_widened() -> None:
    told = Slope(1.0, math.inf, Verdict.UNRESOLVED, note="as seen")
    assert told.sentence == "no bar can be given; as seen"
    assert "widened" in slope(Verdict.UNRESOLVED).sentence


def test_advice_comes_before_the_usual_remedy() -> None:
    plain, special = slope(Verdict.JUMP), slope(Verdict.JUMP, advice="jump with it")
    assert (plain.remedy, special.remedy) == (Verdict.JUMP.remedy, "jump with it")
    est = Estimate(1.0, 0.1, Verdict.JUMP, Verdict.JUMP, 1, {"": special})
    assert est.message.endswith("Remedy: jump with it.")


def scalar(verdict: Verdict = Verdict.OK) -> Estimate:
    return Estimate(0.25, 1e-14, verdict, verdict, 13, {} if verdict is Verdict.OK else {"": slope(verdict)}, 1.0)


def test_an_estimate_of_one_number() -> None:
    assert str(scalar()) == repr(scalar()) == "0.25 +/- 1e-14   ok   13 evaluations"
    assert str(Estimate(1.0, 0.0, Verdict.OK, Verdict.OK, 1)).endswith("1 evaluation")
    assert float(scalar()) == 0.25
    assert np.asarray(scalar()).tolist() == 0.25
    assert scalar()._repr_html_() == "<pre>0.25 +/- 1e-14   ok   13 evaluations</pre>"
    assert scalar().ok
    assert scalar().message == f"ok: {Verdict.OK.sentence}."
    assert scalar().raise_for_verdict() == scalar()


def words(*verdicts: Verdict) -> Any:
    array = np.empty(len(verdicts), dtype=object)
    array[:] = verdicts
    return array


def test_an_estimate_of_an_array() -> None:
    found = Estimate(np.array([1.0, 2.0]), np.array([0.1, 0.01]), words(Verdict.OK, Verdict.KINK), Verdict.KINK, 20)
    assert str(found).splitlines() == ["[0]  1 +/- 0.1   ok", "[1]  2 +/- 0.01   kink", "kink   20 evaluations"]
    assert np.asarray(found).tolist() == [1.0, 2.0]
    with pytest.raises(InputTypeError, match="only a single number converts to float; this estimate has 2 entries"):
        float(found)
    assert float(Estimate(np.array([[3.0]]), np.array([[0.0]]), words(Verdict.OK).reshape(1, 1), Verdict.OK, 1)) == 3.0


def test_an_estimate_of_a_tree() -> None:
    found = Estimate(
        {"w": np.ones((1, 2)), "b": 2.0, "n": None},
        {"w": np.zeros((1, 2)), "b": 0.5, "n": None},
        {"w": words(Verdict.OK, Verdict.NOISY).reshape(1, 2), "b": Verdict.OK, "n": None},
        Verdict.NOISY,
        9,
    )
    assert str(found).splitlines() == [
        "['w'][0, 0]  1 +/- 0   ok",
        "['w'][0, 1]  1 +/- 0   noisy",
        "['b']        2 +/- 0.5   ok",
        "noisy   9 evaluations",
    ]


def test_of_a_large_estimate_the_worst_entries_are_shown() -> None:
    verdicts = words(*[Verdict.OK] * 300)
    verdicts[137] = Verdict.JUMP
    found = Estimate(
        np.zeros(300), np.zeros(300), verdicts, Verdict.JUMP, 600, {"[137]": slope(Verdict.JUMP, jump=1.0)}
    )
    lines = str(found).splitlines()
    assert lines[0].startswith("[137]")
    assert lines[0].endswith("jump")
    assert lines[-2:] == [f"... {300 - SHOWN} more entries", "jump   600 evaluations"]
    assert len(lines) == SHOWN + 2


def test_messages_name_the_worst_first_and_say_what_to_do() -> None:
    details = {f"[{k}]": slope(Verdict.NOISY, noise=1.0, step=1.0) for k in range(20)}
    details["[20]"] = slope(Verdict.JUMP, jump=2.0)
    found = Estimate(0.0, 0.0, Verdict.JUMP, Verdict.JUMP, 1, details)
    lines = found.message.splitlines()
    assert lines[0] == f"[20]: jump: {details['[20]'].sentence}. Remedy: {Verdict.JUMP.remedy}."
    assert lines[-1] == "... and 9 more entries that are not ok"
    with pytest.raises(VerdictError) as caught:
        found.raise_for_verdict()
    assert str(caught.value) == found.message
    assert caught.value.result is found


def test_children_open_one_level() -> None:
    pair = children(({"a": 1.0}, [2.0]))
    assert pair == [("[0]", {"a": 1.0}), ("[1]", [2.0])]
    assert children(slope(Verdict.OK))[0] == (".value", 1.0)
    assert [children(leaf) for leaf in (1.0, None, np.ones(2), "text", Slope)] == [None] * 5


def test_the_worst_verdict_is_the_first_of_the_most_severe() -> None:
    assert worst([]) is Verdict.OK
    assert worst([Verdict.OK, Verdict.NOISY, Verdict.AT_BOUND]) is Verdict.NOISY
    assert worst([Verdict.KINK, Verdict.FAILED, Verdict.JUMP]) is Verdict.FAILED


@pytest.mark.parametrize("table", [Verdict, DescentVerdict])
def test_the_tables_of_verdicts_are_complete(table) -> None:
    for member in table:
        assert table(str(member)) is member
        assert str(member) == member.value
        assert member.severity in range(4)
        assert member.sentence
        assert member.remedy
        assert not member.sentence.endswith(".")
    severities = {member: member.severity for member in table}
    assert [member for member, severity in severities.items() if severity == 0] == [next(iter(table))]


def test_a_descent_tells_its_story() -> None:
    events = (Event(DescentVerdict.LR_TOO_LARGE, 2, 9, "f grew twofold", {"limit": 1.0}),)
    path = np.zeros((4, 2))
    found = Descent(np.zeros(2), 25.0, 40, 3, DescentVerdict.LR_TOO_LARGE, events, path, np.zeros(4), 10.0)
    assert not found.success
    assert str(found).splitlines() == [
        "lr too large   f = 25   3 iterations   40 evaluations",
        "  iteration 2: f grew twofold",
    ]
    assert found.message.splitlines() == [
        f"lr too large: {DescentVerdict.LR_TOO_LARGE.sentence}. Remedy: lower the learning rate.",
        "iteration 2: lr too large: f grew twofold",
    ]


def test_a_study_is_a_table() -> None:
    study = StepStudy(
        np.array([0.1, 1e-4]), np.array([1.0, 2.0]), np.array([0.5, 1e-9]), scalar(), 1e-4, {"notes": 1e-4}
    )
    lines = str(study).splitlines()
    assert len(lines) == 4
    assert lines[0].split() == ["step", "difference", "error"]
    assert lines[2].split() == ["0.0001", "2", "1e-09"]
    assert lines[3] == "best step 0.0001; secant: 0.25 +/- 1e-14   ok   13 evaluations"
