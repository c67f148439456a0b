"""One file of the spool: a header, then records, each tied to the one before it.

```text
header   magic 8 | index u64 | hash of the record before the first 32 | crc32 u32
record   length u32 | crc32 u32 | hash of the record before 32 | body
```
Little-endian. The checksum (CRC-32 of zlib) covers the record but for itself; the hash is SHA-256 over a whole
record. A flipped bit breaks the checksum; a record taken out or put in breaks the chain of hashes.
"""

from __future__ import annotations

import hashlib
import re
import struct
import zlib
from typing import TYPE_CHECKING

import msgspec

from controller.record.body import MAX_BODY

if TYPE_CHECKING:
    from collections.abc import Iterator

MAGIC = b"SHIPLOG1"
NO_RECORD = bytes(32)
"""Stands for the hash of the record before the very first."""

_HEADER = struct.Struct("<8sQ32s")
_CRC = struct.Struct("<I")
_RECORD = struct.Struct("<II32s")
HEADER_SIZE = _HEADER.size + _CRC.size
RECORD_OVERHEAD = _RECORD.size

# A length of 1 to 65,536 has a fourth byte 0 and a third byte 0 or 1: rare in text, so a cheap way to find records.
# Length 0 is none: a tail of zeros, as file systems leave it, is passed over at the speed of C.
_PLAUSIBLE = re.compile(rb"(?=(?!\x00{4})..[\x00\x01]\x00)", re.DOTALL)


class Record(msgspec.Struct, frozen=True):
    """A record that was read. `start` and `end` are offsets in its segment; `chained` is False where a link broke."""

    start: int
    end: int
    body: bytes
    chained: bool


class Damage(msgspec.Struct, frozen=True):
    """Bytes that are no record. `tail`: nothing readable follows them."""

    start: int
    end: int
    tail: bool


def header(index: int, previous: bytes) -> bytes:
    """The header of a segment whose first record follows the one with the hash `previous`."""
    plain = _HEADER.pack(MAGIC, index, previous)
    return plain + _CRC.pack(zlib.crc32(plain))


def read_header(data: bytes, index: int) -> bytes | None:
    """The hash that the header carries, or None when it is not the whole header of segment `index`."""
    plain, crc = data[: _HEADER.size], data[_HEADER.size : HEADER_SIZE]
    if len(crc) < _CRC.size or _CRC.unpack(crc)[0] != zlib.crc32(plain):
        return None
    magic, number, previous = _HEADER.unpack(plain)
    return bytes(previous) if (magic, number) == (MAGIC, index) else None


def frame(body: bytes, previous: bytes) -> tuple[bytes, bytes]:
    """The record of a body, and the hash by which the next one ties itself to it."""
    length = len(body)
    crc = zlib.crc32(body, zlib.crc32(previous, zlib.crc32(_CRC.pack(length))))
    record = _RECORD.pack(length, crc, previous) + body
    return record, hashlib.sha256(record).digest()


class Scan:
    """Reads records from bytes of a segment; `previous` is the hash of the last one read.

    `base` is the offset of the first byte. Without `previous` (None) the first link is taken as it is.
    """

    def __init__(self, data: bytes, base: int, previous: bytes | None) -> None:
        self._data = data
        self._base = base
        self.previous = previous

    def __iter__(self) -> Iterator[Record | Damage]:
        """Everything in order: records, and the damage between them. Nothing is left out."""
        position = 0
        while position < len(self._data):
            record = self._record(position)
            if record is not None:
                yield record
                position = record.end - self._base
                continue
            found = self._next(position + 1)
            end = len(self._data) if found is None else found
            yield Damage(self._base + position, self._base + end, tail=found is None)
            position = end

    def _record(self, position: int) -> Record | None:
        end = _end_of_record(self._data, position)
        if end is None:
            return None
        whole = self._data[position:end]
        link = whole[8:RECORD_OVERHEAD]
        chained = self.previous is None or link == self.previous
        self.previous = hashlib.sha256(whole).digest()
        return Record(self._base + position, self._base + end, whole[RECORD_OVERHEAD:], chained)

    def _next(self, position: int) -> int | None:
        """Where the next sound record starts."""
        for match in _PLAUSIBLE.finditer(self._data, position):
            if _end_of_record(self._data, match.start()) is not None:
                return match.start()
        return None


def _end_of_record(data: bytes, position: int) -> int | None:
    """Where the record at this place ends, or None when there is no sound one."""
    if position + RECORD_OVERHEAD > len(data):
        return None
    length, crc, _ = _RECORD.unpack_from(data, position)
    end = position + RECORD_OVERHEAD + length
    if not 0 < length <= MAX_BODY or end > len(data):
        return None
    view = memoryview(data)
    return end if crc == zlib.crc32(view[position + 8 : end], zlib.crc32(view[position : position + 4])) else None
