"""How far the spool was delivered."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from pathlib import Path


class Position(msgspec.Struct, frozen=True, order=True):
    """A place in the spool: everything before this offset of this segment, and all segments before it."""

    segment: int = 0
    offset: int = 0


class Cursor:
    """The delivered position, kept in a file of one line.

    It is replaced at once but not synced: an old or lost cursor only means that events are delivered again, and
    delivery is idempotent.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.position = self._read()

    def move(self, position: Position) -> None:
        """Remember the position; raises OSError."""
        if position == self.position:
            return
        line = f"{position.segment} {position.offset}"
        temporary = self._path.with_suffix(".new")
        temporary.write_text(f"{line} {zlib.crc32(line.encode()):08x}\n", encoding="ascii")
        temporary.replace(self._path)
        self.position = position

    def _read(self) -> Position:
        try:
            line, _, crc = self._path.read_bytes().decode("ascii", "replace").strip().rpartition(" ")
        except FileNotFoundError:
            return Position()
        if crc != f"{zlib.crc32(line.encode()):08x}":
            return Position()
        segment, offset = line.split()
        return Position(int(segment), int(offset))
