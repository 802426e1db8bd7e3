"""The journal: every value of f on disk, in fixed records with checksums.

Rules:

* The file: a header (JSON, with its checksum, twice), then records of one length. Nothing in it is ever executed or
  unpickled.
* A record has a running number, the point (a digest of base and directions, lane, step, repetition), the status, the
  values as float64, and a checksum that is seeded by the header, so that a record of another journal has a wrong one.
* A value is found by its running number, and its point must match: a noise probe that asks for the same point four
  times gets four values. What does not match refuses the journal, and says why.
* A record is written as its value arrives, and so survives the process; it is forced to the disk every second, or every
  100 records but not before 50 ms have passed: what a power failure can take is what costs little to do again.
* A torn last record is cut off. A damaged one is skipped, and evaluated again. A file that is no journal, or a link, is
  not touched. There is one writer at a time (flock). Where the disk is full, there is a warning, and no more journal.

Links are not followed, and a new file can be read by its owner only. POSIX only.
"""

from __future__ import annotations

import json
import os
import platform
import warnings
import zlib
from collections.abc import Mapping
from contextlib import suppress
from math import frexp
from struct import Struct
from time import monotonic
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secant._version import __version__
from secant.core.errors import InputError
from secant.core.request import Request
from secant.evaluation.identity import difference
from secant.evaluation.records import (
    IMAGINARY,
    LENGTHS,
    MAGIC,
    WIDEST,
    Header,
    header_of,
    key_of,
    opened,
    record,
    records_of,
    sums_of,
    whole,
)

#: Seconds and records after which records are forced to the disk, and the least time between.
SECOND, RECORDS, APART = 1.0, 100, 0.05

#: The part of an identity that says what is asked.
QUESTION = "the option `question`"


class Journal:
    """A journal that is read, and written to.

    Parameters
    ----------
    path : the file; made when it is not there.
    identity : the parts of the question.

    Raises
    ------
    InputError : when it cannot be opened, is no journal, is in use, or belongs to another question.
    """

    def __init__(self, path: str, identity: Mapping[str, str]) -> None:
        self._name, self._identity = path, dict(identity)
        self._handle: int | None = _locked(path)
        try:
            self._read()
        except BaseException:
            self.close()
            raise

    def _read(self) -> None:
        assert self._handle is not None
        data = whole(self._handle)
        self.header, start, self._seed = header_of(data, self._name)
        self._unsynced, self._synced = 0, monotonic()
        self._latest: tuple[Any, Any, int] = (None, None, 0)
        if self.header is None:
            os.ftruncate(self._handle, 0)
            self._end = 0
            records, good = np.empty(0, record(1)), np.empty(0, np.bool_)
        else:
            self._check(self.header)
            records, good = records_of(data, start, self.header.width, self._seed)
            self._end = start + len(records) * record(self.header.width).itemsize
            os.ftruncate(self._handle, self._end)
            self._forms()
        places = np.flatnonzero(good)
        # Of several records with one number the last counts.
        numbers, last = np.unique(records["number"][places][::-1], return_index=True)
        self._numbers: NDArray[np.uint64] = numbers
        self._records = records[places[::-1][last]]
        os.lseek(self._handle, self._end, os.SEEK_SET)

    def _check(self, header: Header) -> None:
        """Refuse a journal of another question, in words."""
        other = sorted(difference(header.identity, self._identity), key=_first)
        if not other:
            return
        if QUESTION in other:
            other = [QUESTION]  # another question has other options
        then, now = header.versions.get("python"), platform.python_version()
        code = any(name.endswith("code") for name in other)
        if code and then is not None and then.rsplit(".", 1)[0] != now.rsplit(".", 1)[0]:
            raise InputError(
                f"`journal` {self._name} was written under Python {then}, and this is {now}: whether f is the same "
                "cannot be told from its compiled code; name it with `journal_id=` where you know"
            )
        # The point and the options come first: they explain most.
        said = "; ".join(self._said(name, header) for name in other[:3])
        more = f"; and {len(other) - 3} more" if len(other) > 3 else ""
        raise InputError(
            f"`journal` {self._name} belongs to another question: {said}{more}. Name another file, or remove this one"
        )

    def _said(self, name: str, header: Header) -> str:
        then, now = header.identity.get(name), self._identity.get(name)
        if name.startswith("the option"):
            return f"{name} was {then} and is {now}"
        return f"{name} {'is new' if then is None else 'is gone' if now is None else 'has changed'}"

    def _forms(self) -> None:
        assert self.header is not None
        self._form = record(self.header.width)
        self._pack = Struct(f"<IQQqdBBHI{self.header.width}d").pack

    # --- reading --------------------------------------------------------------------------------------

    @property
    def size(self) -> int:
        """How many values there were when it was opened."""
        return len(self._records)

    def pieces(self, imaginary: bool) -> int:
        """Return how many records a point takes: two for complex values, where real ones give the width."""
        header = self.header
        return 2 if header is not None and imaginary and header.width == header.outputs else 1

    def find(self, number: int, request: Request) -> tuple[NDArray[np.intp], NDArray[Any], NDArray[Any]]:
        """Return which points of a request are there, their records, and their values as rows of float64.

        Raises
        ------
        InputError : when a record with the right number is of another point.
        """
        count, pieces = len(request.t), self.pieces(request.imaginary)
        low, high = np.searchsorted(self._numbers, np.array([number, number + count * pieces], np.uint64))
        found = self._records[low:high]
        if not len(found):
            return np.empty(0, np.intp), found, np.empty((0, 0))
        places = (found["number"] - np.uint64(number)).astype(np.intp)
        self._match(request, found, places // pieces)
        if pieces == 1:
            return places, found, found["values"]
        both = np.flatnonzero((places[:-1] % 2 == 0) & (places[1:] == places[:-1] + 1))
        rows = np.concatenate([found["values"][both], found["values"][both + 1]], axis=1)
        return places[both] // 2, found[both], rows

    def _match(self, request: Request, found: NDArray[Any], places: NDArray[np.intp]) -> None:
        t = np.asarray(request.t, np.float64)[places]
        lane = np.zeros(len(t), np.int64) if request.lane is None else np.asarray(request.lane, np.int64)[places]
        here = (found["lane"] == lane) & (np.ascontiguousarray(found["t"]).view(np.int64) == t.view(np.int64))
        here &= (found["key"] == np.uint64(self.key(request))) & (found["repeat"] == request.repeat)
        here &= (found["flags"] & IMAGINARY != 0) == request.imaginary
        if here.all():
            return
        j = int(np.flatnonzero(~here)[0])
        then = f"lane {found['lane'][j]}, step {found['t'][j]!r}"
        raise InputError(
            f"`journal` {self._name} does not fit: value {found['number'][j]} was taken at {then}, and is now needed "
            f"at lane {lane[j]}, step {t[j]!r}, or from another point. Other values or another version of secant "
            f"({self.header.versions.get('secant') if self.header else ''} then, {__version__} now) lead elsewhere: "
            "name another file, or remove this one"
        )

    def key(self, request: Request) -> int:
        """Return the digest of a request's base, taken once for each."""
        base, directions, key = self._latest
        if base is not request.base or directions is not request.directions:
            key = key_of(request)
            self._latest = request.base, request.directions, key
        return key

    # --- writing --------------------------------------------------------------------------------------

    def begin(self, outputs: int, width: int, shape: tuple[int, ...] | None) -> None:
        """Write the header of a new journal, now that the width of a record is known."""
        if width > WIDEST:
            raise InputError(f"`journal` holds values of up to {WIDEST} numbers; f returned {width}")
        versions = {"python": platform.python_version(), "numpy": np.__version__, "secant": __version__}
        told = {"identity": self._identity, "outputs": outputs, "width": width, "shape": shape, "versions": versions}
        text = json.dumps(told, sort_keys=True).encode()
        self._seed = zlib.crc32(text)
        self.header = Header(self._identity, outputs, width, shape, versions)
        self._forms()
        block = MAGIC + LENGTHS.pack(len(text), self._seed) + text
        self._write(block + block)

    def append(
        self, number: int, key: int, request: Request, j: int, row: Any, status: int, eps: float, flags: int
    ) -> None:
        """Keep one value: a row of float64 numbers, as wide as a record at most."""
        assert self.header is not None
        values = [float(number) for number in row]
        values += [0.0] * (self.header.width - len(values))
        lane = 0 if request.lane is None else int(request.lane[j])
        body = self._pack(request.repeat, number, key, lane, request.t[j], status, 1 - frexp(eps)[1], flags, 0, *values)
        self._write(zlib.crc32(body, self._seed).to_bytes(4, "little") + body)

    def extend(
        self,
        numbers: Any,
        key: int,
        request: Request,
        positions: Any,
        rows: NDArray[Any],
        status: Any,
        eps: float,
        flags: Any,
    ) -> None:
        """Keep several values at once."""
        made = np.zeros(len(rows), self._form)
        made["number"], made["key"], made["repeat"], made["flags"] = numbers, key, request.repeat, flags
        made["lane"] = 0 if request.lane is None else np.asarray(request.lane)[positions]
        made["t"], made["status"] = np.asarray(request.t, np.float64)[positions], status
        made["precision"] = 1 - frexp(eps)[1]
        made["values"][:, : rows.shape[1]] = rows
        made["crc"] = sums_of(made.tobytes(), self._form.itemsize, self._seed)
        self._write(made.tobytes(), len(rows))

    def _write(self, data: bytes, count: int = 1) -> None:
        handle = self._handle
        if handle is None:
            return
        try:
            written = os.write(handle, data)
            while written < len(data):
                written += os.write(handle, data[written:])
            self._end += written
            self._unsynced += count
            now = monotonic()
            if (self._unsynced >= RECORDS or now - self._synced >= SECOND) and now - self._synced >= APART:
                _sync(handle)
                self._unsynced, self._synced = 0, now
        except OSError as error:
            warnings.warn(
                f"the journal {self._name} cannot be written any more ({error.strerror}); going on without",
                RuntimeWarning,
                stacklevel=2,
            )
            with suppress(OSError):  # a torn record is cut off when it is opened again
                os.ftruncate(handle, self._end)
            self.close()

    def close(self) -> None:
        """Force to the disk what is not there yet, and let the file go."""
        handle, self._handle = self._handle, None
        if handle is None:
            return
        try:
            _sync(handle)
        except OSError:
            pass  # what could not be written was said
        finally:
            os.close(handle)


def _sync(handle: int) -> None:
    getattr(os, "fdatasync", os.fsync)(handle)


def _locked(name: str) -> int:
    """Open a journal for one writer."""
    try:
        import fcntl
    except ImportError:
        raise InputError("`journal` needs a POSIX system: there are no locks on this one") from None
    handle = opened(name, os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        raise InputError(f"`journal` {name} is in use by another run: two must not write to one file") from None
    return handle


def _first(name: str) -> tuple[bool, str]:
    """Sort parts of a question, the point and the options first."""
    return not name.startswith(("the point", "the option")), name
