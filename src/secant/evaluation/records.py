"""The file of a journal: its header and records, and how they are read.

Rules: nothing in it is ever executed or unpickled; a number that does not make sense is an error, not a large array.
What the parts mean, and how they are written, is said in :mod:`secant.evaluation.journal`.
"""

from __future__ import annotations

import json
import os
import stat
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from struct import Struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secant.core.errors import InputError
from secant.core.request import Floats, Request

MAGIC = b"secant journal 1\n"

#: Bytes that are read at once, at most.
_PIECE = 2**28

#: Length of a header's JSON at most: more is no header of ours.
_LONGEST = 2**24

#: Numbers in a record at most: a gibibyte.
WIDEST = 2**27

#: What a record says besides: a point beside the real axis; complex values; f was not called (beyond its range).
IMAGINARY, COMPLEX, NOT_CALLED = 1, 2, 4

LENGTHS = Struct("<II")


def record(width: int) -> np.dtype[Any]:
    """Return the layout of a record with so many float64 numbers; 48 bytes and the numbers."""
    return np.dtype(
        [
            ("crc", "<u4"),
            ("repeat", "<u4"),
            ("number", "<u8"),
            ("key", "<u8"),
            ("lane", "<i8"),
            ("t", "<f8"),
            ("status", "u1"),
            ("precision", "u1"),
            ("flags", "<u2"),
            ("spare", "<u4"),
            ("values", "<f8", (width,)),
        ]
    )


@dataclass(frozen=True, slots=True)
class Header:
    """What a journal says about itself.

    Attributes
    ----------
    identity : the parts of the question, each with its digest or, of options, its value.
    outputs : numbers in one value of f; ``shape`` is its shape, None where it was not known yet.
    width : float64 numbers in a record.
    versions : of Python, NumPy and secant, when it was begun.
    """

    identity: Mapping[str, str]
    outputs: int
    width: int
    shape: tuple[int, ...] | None
    versions: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class JournalRecords:
    """What a journal holds, read for a person.

    Attributes
    ----------
    path : the file.
    header : what it says about itself; None of an empty one.
    records : a structured array: number, key, lane, t, repeat, status, precision, flags, values; in the order of
        writing, the damaged ones left out.
    damaged : how many records were left out.
    torn : bytes at the end that are no whole record.
    """

    path: str
    header: Header | None
    records: NDArray[Any]
    damaged: int
    torn: int


def read_journal(path: str | os.PathLike[str]) -> JournalRecords:
    """Read a journal, written to at the moment or not.

    Raises
    ------
    InputError : when there is no such file, or it is no journal.

    >>> read_journal("none.journal")
    Traceback (most recent call last):
    secant.core.errors.InputError: `journal` none.journal cannot be opened: No such file or directory
    """
    name = os.fspath(path)
    handle = opened(name, os.O_RDONLY)
    try:
        data = whole(handle)
    finally:
        os.close(handle)
    header, start, seed = header_of(data, name)
    if header is None:
        return JournalRecords(name, None, np.empty(0, record(1)), 0, len(data))
    records, good = records_of(data, start, header.width, seed)
    torn = (len(data) - start) % record(header.width).itemsize
    return JournalRecords(name, header, records[good], int((~good).sum()), torn)


def opened(name: str, flags: int) -> int:
    """Open a plain file, links not followed."""
    try:
        handle = os.open(name, flags | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, 0o600)
    except OSError as error:
        why = "it is a link, and links are not followed" if Path(name).is_symlink() else error.strerror
        raise InputError(f"`journal` {name} cannot be opened: {why}") from None
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise InputError(f"`journal` {name} must be a plain file")
    return handle


def whole(handle: int) -> bytes:
    """Return all that is in a file."""
    os.lseek(handle, 0, os.SEEK_SET)
    # In one piece where that works: putting pieces together takes as long as reading them. It may have grown meanwhile.
    pieces = [os.read(handle, min(max(os.fstat(handle).st_size, 1), _PIECE))]
    while piece := os.read(handle, _PIECE if len(pieces) > 1 else 2**16):
        pieces.append(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def header_of(data: bytes, name: str) -> tuple[Header | None, int, int]:
    """Return the header, where the records start, and the seed of their checksums; None for a file that was begun only.

    The header stands there twice, so that one flipped byte does not cost the whole journal.
    """
    if MAGIC.startswith(data[: len(MAGIC)]) and len(data) <= len(MAGIC):
        return None, 0, 0
    if not data.startswith(MAGIC) and MAGIC not in data[:_LONGEST]:
        raise InputError(f"`journal` {name} is another kind of file, and was not touched")
    first = data.find(MAGIC)
    second = data.find(MAGIC, first + 1, first + _LONGEST)
    for place in (first, second):
        found = None if place < 0 else _header_at(data, place)
        if found is None:
            continue
        header, length, seed = found
        start = 2 * length if place == 0 else place + length
        return (header, start, seed) if len(data) >= start else (None, 0, 0)
    if first == 0 and second < 0 and _begun(data):
        return None, 0, 0
    raise InputError(f"`journal` {name} is damaged at its beginning: nothing in it can be trusted, so remove it")


def _begun(data: bytes) -> bool:
    """Return whether a file was broken off while its header was written, so that there is no record yet."""
    start = len(MAGIC) + LENGTHS.size
    if len(data) < start:
        return True
    length: int = LENGTHS.unpack(data[len(MAGIC) : start])[0]
    return len(data) < 2 * (start + min(length, _LONGEST))


def _header_at(data: bytes, place: int) -> tuple[Header, int, int] | None:
    start = place + len(MAGIC) + LENGTHS.size
    if len(data) < start:
        return None
    length, crc = LENGTHS.unpack(data[place + len(MAGIC) : start])
    text = data[start : start + length]
    if len(text) != length or zlib.crc32(text) != crc:
        return None
    try:
        told = json.loads(text)
        shape = told["shape"]
        header = Header(
            {str(key): str(value) for key, value in told["identity"].items()},
            int(told["outputs"]),
            int(told["width"]),
            None if shape is None else tuple(int(size) for size in shape),
            {str(key): str(value) for key, value in told["versions"].items()},
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    if not 1 <= header.outputs <= header.width <= min(2 * header.outputs, WIDEST):
        return None
    return header, len(MAGIC) + LENGTHS.size + length, crc


def records_of(data: bytes, start: int, width: int, seed: int) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Return all whole records, and which of them are as they were written."""
    form = record(width)
    count = (len(data) - start) // form.itemsize
    records = np.frombuffer(data, form, count, start) if count > 0 else np.empty(0, form)
    body = memoryview(data)[start : start + max(count, 0) * form.itemsize]
    return records, sums_of(body, form.itemsize, seed) == records["crc"]


def sums_of(records: bytes | memoryview, size: int, seed: int) -> NDArray[np.uint32]:
    """Return the checksums of records of so many bytes, of all but the four that each begins with.

    >>> sums_of(b"abcdefgh", 8, 5).tolist() == [zlib.crc32(b"efgh", 5)]
    True
    """
    crc32 = zlib.crc32
    # To cut them out by a loop over places takes longer than the sums do.
    sums = [crc32(body, seed) for (body,) in Struct(f"4x{size - 4}s").iter_unpack(records)]
    return np.array(sums, dtype=np.uint32)


def key_of(request: Request) -> int:
    """Return the digest of a request's base and directions, 64 bits."""
    digest = blake2b(digest_size=8)
    digest.update(request.base.tobytes())
    if request.directions is not None:
        digest.update(repr(request.directions.shape).encode())
        digest.update(request.directions.tobytes())
    return int.from_bytes(digest.digest(), "little")


def eps_of(precision: Any) -> Any:
    """Return the unit roundoff of a record, or of many: 2**-precision."""
    return np.ldexp(1.0, -np.asarray(precision, dtype=np.int32))


def numbers_of(rows: NDArray[Any]) -> Floats:
    """Return rows of values as rows of float64 numbers: real and imaginary parts side by side."""
    flat: Floats = np.ascontiguousarray(rows).view(np.float64).reshape(len(rows), -1)
    return flat
