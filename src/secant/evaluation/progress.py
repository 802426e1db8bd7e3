"""How far it is: what was evaluated, how fast, and what is left.

Rules: nobody is told more often than a few times a second, nor before a second has passed; the line goes to standard
error, is written over on a terminal, and ended when the question is answered. Elsewhere (a file, a pipe, a notebook)
there is a line of its own after the first second, every ten seconds, and at the end. What the whole will cost is a
guess, from what such questions usually cost; it is left out when it was passed.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from time import monotonic
from typing import TextIO

#: Seconds between two calls or lines on a terminal, and between two lines elsewhere.
OFTEN, SELDOM = 0.2, 10.0

#: Seconds before the first line: what ends sooner needs none.
PATIENCE = 1.0


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a question is.

    Attributes
    ----------
    evaluations : points evaluated so far; ``remembered`` of them came from a journal.
    expected : what the question will cost by experience, in evaluations; None where that is not known or was passed.
    seconds : since it was asked.
    rate : evaluations a second, the remembered ones left out.
    left : seconds still to go, or None.

    >>> print(Progress(40, 130, 2.0, 20.0, 4.5))
    40 of about 130 evaluations, 20 a second, 5 s left
    """

    evaluations: int
    expected: int | None
    seconds: float
    rate: float
    left: float | None
    remembered: int = 0

    def __str__(self) -> str:
        of = f" of about {self.expected}" if self.expected is not None else ""
        came = f" ({self.remembered} from the journal)" if self.remembered else ""
        speed = f", {self.rate:.3g} a second" if self.rate else ""
        rest = f", {spoken(self.left)} left" if self.left is not None else ""
        return f"{self.evaluations}{of} evaluations{came}{speed}{rest}"


def spoken(seconds: float) -> str:
    """Return a length of time in words.

    >>> spoken(0.2), spoken(89), spoken(9000)
    ('1 s', '89 s', '2 h 30 min')
    """
    whole = max(1, int(seconds + 0.999))
    if whole < 120:
        return f"{whole} s"
    minutes = (whole + 59) // 60
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"


class Reporter:
    """Tell a function, or standard error, how far it is.

    >>> seen = []
    >>> reporter = Reporter(seen.append, expected=2)
    >>> reporter.advance(2); reporter.close()
    >>> seen[-1].evaluations, seen[-1].left
    (2, 0.0)
    """

    def __init__(self, told: Callable[[Progress], object] | bool, expected: int | None = None) -> None:
        self._tell = told if callable(told) else None
        self._expected = expected
        self._began = monotonic()
        self._last = -inf
        self._done = self._remembered = self._said = 0
        self._width = 0
        self._terminal = self._tell is None and sys.stderr is not None and sys.stderr.isatty()
        self._every = OFTEN if self._tell is not None or self._terminal else SELDOM

    def advance(self, count: int, remembered: int = 0) -> None:
        """Note evaluations that are done."""
        self._done += count
        self._remembered += remembered
        now = monotonic()
        if now - self._last >= self._every and now - self._began >= PATIENCE:
            self._last = now
            self._say(self._progress(now))

    def close(self) -> None:
        """Tell the function for the last time; end the line."""
        if self._tell is not None:
            self._say(self._progress(monotonic()))
        elif self._width or monotonic() - self._began >= PATIENCE:
            if self._terminal or self._said < self._done:
                self._say(self._progress(monotonic()))
            _write(sys.stderr, "\n" if self._terminal else "")
            self._width = 0

    def _progress(self, now: float) -> Progress:
        seconds = now - self._began
        fresh = self._done - self._remembered
        rate = fresh / seconds if seconds > 0.0 else 0.0
        expected = self._expected if self._expected is not None and self._done <= self._expected else None
        left = (expected - self._done) / rate if expected is not None and rate > 0.0 else None
        return Progress(self._done, expected, seconds, rate, left, self._remembered)

    def _say(self, progress: Progress) -> None:
        if self._tell is not None:
            self._tell(progress)
            return
        text, self._said = f"secant: {progress}", progress.evaluations
        if self._terminal:
            _write(sys.stderr, f"\r{text.ljust(self._width)}")
        else:
            _write(sys.stderr, f"{text}\n")
        self._width = len(text)


def _write(stream: TextIO, text: str) -> None:
    try:
        stream.write(text)
        stream.flush()
    except (OSError, ValueError, AttributeError):
        pass  # a standard error that is closed, or None, is no reason to lose an answer
