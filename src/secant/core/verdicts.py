"""The verdicts: one table of words, sentences, remedies and meanings.

Rules: the text of a member *is* the words a person reads (``Verdict.KINK == "kink"``); the sentence
is a template whose fields are numbers measured in the run; the remedy says what to do next;
``holds`` says what value and bar mean under that verdict. The documentation's table is generated
from here, so that there is one place to change.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class Verdict(StrEnum):
    """What an estimate of a derivative is worth.

    ``severity`` orders them: 0 trust it, 1 usable with what is said, 2 do not use it without care,
    3 there is no number. An Estimate's own verdict is the most severe of its entries'.

    >>> Verdict.KINK.severity, Verdict("ok") is Verdict.OK
    (2, True)
    """

    severity: int
    sentence: str
    remedy: str
    holds: str

    def __new__(cls, words: str, severity: int, sentence: str, remedy: str, holds: str) -> Verdict:
        member = str.__new__(cls, words)
        member._value_ = words
        member.severity = severity
        member.sentence = sentence
        member.remedy = remedy
        member.holds = holds
        return member

    OK = (
        "ok",
        0,
        "the derivative of f as computed, within the bar",
        "nothing to do",
        "value: the derivative; bar: covers it",
    )
    AT_BOUND = (
        "at bound",
        1,
        "f can be evaluated on the {side} only, so the slope is one-sided",
        "usable as it is; move x inside the domain for a two-sided slope",
        "value: the one-sided derivative; bar: covers it",
    )
    NOISY = (
        "noisy",
        1,
        "f carries noise of about {noise}, so the slope is known only to the bar; steps of about {step} were used",
        "usable within the bar; for more digits lower the noise (tighter tolerance, fixed random numbers, float64)",
        "value: the slope of the function under its noise; bar: covers it",
    )
    KINK = (
        "kink",
        2,
        "no derivative here: slope {left} on the left and {right} on the right",
        "use a one-sided method ('forward' or 'backward'), move x, or smooth f",
        "value: the mean of the two slopes; bar: reaches both",
    )
    UNRESOLVED = (
        "unresolved",
        2,
        "the evaluations did not settle on a slope, so the bar has been widened",
        "allow more evaluations, say a length with `max_step=`, or give f's accuracy with `noise=`",
        "value: the best guess; bar: widened, not a claim",
    )
    INDEPENDENT = (
        "independent",
        2,
        "f gave the very same value at every point: it does not seem to use its argument",
        "let f use the array it is given; if it reads the caller's array through an alias, pass `inplace=True`",
        "value: 0; bar: 0, as f was seen",
    )
    JUMP = (
        "jump",
        3,
        "no derivative here: f jumps by about {jump} at x",
        "move x away from the jump, or ask for one side with 'forward' or 'backward'",
        "value: NaN; bar: infinite",
    )
    UNDEFINED = (
        "undefined",
        3,
        "no derivative here: the slope grows without end as the step shrinks, or f has no value next to x",
        "move x inside the domain where f is smooth",
        "value: NaN; bar: infinite",
    )
    FAILED = (
        "failed",
        3,
        "evaluations of f failed, so this entry has no value",
        "see the exception noted with the point, or drop `on_error='mark'`",
        "value: NaN; bar: infinite",
    )


class DescentVerdict(StrEnum):
    """How a descent ended. Only ``converged`` claims success.

    >>> DescentVerdict.LR_TOO_LARGE.severity
    3
    """

    severity: int
    sentence: str
    remedy: str

    def __new__(cls, words: str, severity: int, sentence: str, remedy: str) -> DescentVerdict:
        member = str.__new__(cls, words)
        member._value_ = words
        member.severity = severity
        member.sentence = sentence
        member.remedy = remedy
        return member

    CONVERGED = (
        "converged",
        0,
        "the slope is zero within what was asked, and the test could have seen it otherwise",
        "nothing to do",
    )
    NOISE_FLOOR = (
        "noise floor",
        1,
        "f no longer falls by more than its own noise",
        "usable to that level; to go further lower the noise of f, or smooth its kinks",
    )
    BUDGET = ("budget", 1, "the run ended while f was still falling", "allow more iterations or evaluations")
    LR_TOO_SMALL = (
        "lr too small",
        2,
        "the steps are so short that almost none of the way was covered",
        "raise the learning rate",
    )
    LOST_IN_ROUNDING = (
        "lost in rounding",
        3,
        "the difference step is lost beside x, so the slope reads zero without being zero",
        "use secant's own step, or rescale x",
    )
    LR_TOO_LARGE = ("lr too large", 3, "the steps overshoot and f grows", "lower the learning rate")
    UNBOUNDED = ("unbounded", 3, "f falls without end", "bound the variables, or check the sign of f")
    FAILED = (
        "failed",
        3,
        "f could not be evaluated along the path",
        "see the exception or the event that names the point",
    )


class CheckVerdict(StrEnum):
    """What the check of a derivative found.

    >>> CheckVerdict.DISAGREE.severity, CheckVerdict("cannot tell") is CheckVerdict.CANNOT_TELL
    (3, True)
    """

    severity: int
    sentence: str
    remedy: str

    def __new__(cls, words: str, severity: int, sentence: str, remedy: str) -> CheckVerdict:
        member = str.__new__(cls, words)
        member._value_ = words
        member.severity = severity
        member.sentence = sentence
        member.remedy = remedy
        return member

    AGREE = (
        "agree",
        0,
        "the values of f bear the derivative out; a mistake larger than `would_have_caught` would have shown",
        "nothing to do",
    )
    CANNOT_TELL = (
        "cannot tell",
        1,
        "f's own values do not say enough to bear the derivative out or to refute it",
        "see the reason: lower the noise (fixed random numbers, float64), or move x off the kink or jump",
    )
    DISAGREE = (
        "disagree",
        3,
        "the values of f refute the derivative, along fresh lines too",
        "see the table for the entries and the hint for a cause; where f is accurate to a tolerance only, say `noise=`",
    )


#: What to do where something cut an answer short, whatever its verdict says.
GO_ON = {
    "deadline": "allow more time, by a longer `deadline=`",
    "keyboard": "let it run to its end",
    "callback": "let the callback end it later",
}


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the most severe of some verdicts (the first of equals); ``ok`` when there are none."""
    found = Verdict.OK
    for verdict in verdicts:
        if verdict.severity > found.severity:
            found = verdict
    return found
