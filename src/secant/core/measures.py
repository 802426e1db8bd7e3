"""What is measured beside derivatives: the noise of f's values, and what an answer would cost.

Both are plain numbers that print in a line. Noise is a standard deviation; a price is a count of evaluations, and
seconds that one call of f lets expect.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from secant.core.results import bar, counted, trim

#: One call of f tells how long others take to within these factors or so.
TIMING = (0.6, 1.4)
#: Units of time: from how many seconds on each is used, and its size in seconds.
UNITS = (
    (2 * 86400.0, 86400.0, "days"),
    (5400.0, 3600.0, "h"),
    (120.0, 60.0, "min"),
    (1.0, 1.0, "s"),
    (1e-3, 1e-3, "ms"),
    (1e-6, 1e-6, "us"),
)


@dataclass(frozen=True, slots=True)
class Noise:
    """The size of the error in f's values: ``absolute + relative * |f(x)|``, as a standard deviation.

    Attributes
    ----------
    absolute, relative : numbers of at least 0, or arrays of them, one for each of f's values. What ``secant.noise``
        finds is one of the two: rounding is relative, all else absolute. Both may be given for ``noise=``. NaN where f
        has no values to tell.
    evaluations : calls of f that were paid for.
    note : what the level is, where that is known.

    >>> Noise(1e-3), Noise(0.0, 2.0**-24, 7, "rounding of float32")
    (noise 0.001   0 evaluations, noise 6e-08 |f|   rounding of float32   7 evaluations)
    """

    absolute: Any
    relative: Any = 0.0
    evaluations: int = 0
    note: str = ""

    def level(self, value: Any) -> Any:
        """Return the absolute level where f has a value.

        >>> Noise(0.5, 0.25).level(-2.0)
        1.0
        """
        return self.absolute + self.relative * abs(value) if np.any(self.relative) else self.absolute

    def to_json(self) -> str:
        """Return the noise as JSON text (read back by ``secant.from_json``)."""
        from secant.core.serialize import to_json

        return to_json(self)

    def __str__(self) -> str:
        parts = [_span(self.absolute)] if np.any(self.absolute) or not np.any(self.relative) else []
        parts += [f"{_span(self.relative)} |f|"] if np.any(self.relative) and not np.isnan(self.relative).all() else []
        count = counted(self.evaluations, "evaluation")
        return "   ".join(part for part in (f"noise {' + '.join(parts)}", self.note, count) if part)

    __repr__ = __str__


def _span(level: Any) -> str:
    """Say a level, or from where to where those of several outputs go."""
    low, high = float(np.min(level)), float(np.max(level))
    return bar(low) if low == high or math.isnan(high) else f"({bar(low)} to {bar(high)})"


@dataclass(frozen=True, slots=True)
class Price:
    """What an answer would cost.

    Attributes
    ----------
    entries : the numbers that vary (of a gradient, its entries).
    evaluations : calls of f to expect, and ``at_most`` the most there can be; equal when the count is exact.
    call : seconds of the one call of f that was made to find out.
    seconds, seconds_at_most : what the evaluations would take, one after the other.

    >>> Price(39760, 79520, 79520, 6e-4, 48.0, 48.0)
    39,760 parameters: 79,520 evaluations, about 30 to 70 s
    >>> Price(1, 13, 40, 6e-4, 8e-3, 2.5e-2)
    1 parameter: about 13 evaluations, 5 to 10 ms; at most 40, 30 ms
    """

    entries: int
    evaluations: int
    at_most: int
    call: float
    seconds: float
    seconds_at_most: float

    def to_json(self) -> str:
        """Return the price as JSON text (read back by ``secant.from_json``)."""
        from secant.core.serialize import to_json

        return to_json(self)

    def __str__(self) -> str:
        low, high = TIMING
        exact = self.evaluations == self.at_most
        about = "" if exact else "about "
        text = f"{self.entries:,} parameter{'s' * (self.entries != 1)}: {about}{self.evaluations:,} evaluation"
        text += f"{'s' * (self.evaluations != 1)}, {'about ' * exact}"
        text += span_of_time(low * self.seconds, high * self.seconds)
        if not exact:
            most = high * self.seconds_at_most
            text += f"; at most {self.at_most:,}, {span_of_time(most, most)}"
        return text

    __repr__ = __str__


def span_of_time(low: float, high: float) -> str:
    """Say a span of seconds in words, one figure each.

    >>> span_of_time(28.8, 67.2), span_of_time(0.0012, 0.0012), span_of_time(5000.0, 9000.0)
    ('30 to 70 s', '1 ms', '1 to 2 h')
    """
    size, unit = next(((size, unit) for least, size, unit in UNITS if high >= least), UNITS[-1][1:])
    first, last = (trim(f"{float(f'{seconds / size:.1g}'):f}") for seconds in (low, high))
    return f"{last} {unit}" if first == last else f"{first} to {last} {unit}"
