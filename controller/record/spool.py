"""The spool: where events are durable before anybody hears of them, whether PostgreSQL is there or not.

A directory of segments (`segment.py`), a cursor of what was delivered, a lock, and a quarantine for what could not be
read. One process owns it. Every method blocks and may be called from any thread; `write` from one at a time.
"""

from __future__ import annotations

import fcntl
import os
import threading
from typing import IO, TYPE_CHECKING

from controller.record.cursor import Cursor, Position
from controller.record.disk import Disk
from controller.record.errors import SpoolError, SpoolFull, SpoolLocked
from controller.record.recovery import Finding, Recovery, Visitor, keep, segment_path
from controller.record.segment import HEADER_SIZE, Record, Scan, frame, header

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

SEGMENT_SIZE = 8 << 20
_SEGMENTS = 8
"""A spool is given room for at least so many segments."""


KEPT = 32
"""Segments that stay at most although they were delivered, as long as they are small: each life begins one."""


class Spool:
    """Open it by `Spool.open`; `findings` then says what was wrong with it."""

    def __init__(
        self, directory: Path, lock: IO[str], cursor: Cursor, recovery: Recovery, *, limit: int, disk: Disk
    ) -> None:
        self.directory = directory
        self.limit = limit
        self.segment_size = min(SEGMENT_SIZE, limit // _SEGMENTS)
        self.findings = recovery.findings
        self.cursor = cursor
        self._disk = disk
        self._lock_file = lock
        self._sizes = recovery.sizes
        self._previous = recovery.previous or b""
        self._guard = threading.Lock()
        self._current = max([*recovery.sizes, self.cursor.position.segment])
        self._descriptor: int | None = None
        self._broken = False

    @classmethod
    def open(cls, directory: Path, visit: Visitor, *, limit: int = 1 << 30, disk: Disk | None = None) -> Spool:
        """Take the directory over, show every readable record to `visit`, cut a torn tail.

        `limit` in bytes. Raises SpoolLocked when another process has it, SpoolError when it can't be read or written.
        """
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = _lock(directory)
            cursor = Cursor(directory / "cursor")
            recovery = Recovery(directory, cursor.position, visit)
            recovery.run()
        except OSError as error:
            raise SpoolError(
                f"the spool {directory} can't be opened: {error.strerror}",
                remedy="mount a writable volume there, or set SHIPSLOG_SPOOL_DIR",
            ) from error
        return cls(directory, lock, cursor, recovery, limit=limit, disk=disk or Disk())

    @property
    def size(self) -> int:
        """Size of all segments."""
        with self._guard:
            return sum(self._sizes.values())

    @property
    def reserve(self) -> int:
        """Bytes below the limit that are kept for the events which end what was begun."""
        return self.segment_size

    def admit(self, size: int, *, reserved: bool) -> None:
        """Raise SpoolFull when so many more bytes would pass the limit (less the reserve, but for `reserved` ones)."""
        held = self.size
        if held + size > self.limit - (0 if reserved else self.reserve):
            raise SpoolFull(
                f"the spool {self.directory} holds {held} of {self.limit} bytes that PostgreSQL has not taken",
                remedy="bring PostgreSQL back, or raise SHIPSLOG_SPOOL_LIMIT",
            )

    def write(self, bodies: Sequence[bytes]) -> int:
        """Append records and sync them: the segment they are in. They are durable on return, or not there at all.

        Raises SpoolError; then the file is cut back before anything else is written.
        """
        previous, records = self._previous, []
        for body in bodies:
            record, previous = frame(body, previous)
            records.append(record)
        data = b"".join(records)
        try:
            descriptor = self._prepare(len(data))
            self._write_all(descriptor, data)
            self._disk.sync(descriptor)
        except OSError as error:
            self._broken = True
            raise SpoolError(
                f"the spool {self.directory} can't be written: {error.strerror}",
                remedy="give its volume space, or mend it",
            ) from error
        with self._guard:
            self._sizes[self._current] += len(data)
        self._previous = previous
        return self._current

    def read(self, after: Position, *, count: int, size: int) -> tuple[list[bytes], Position]:
        """The next bodies after a position, at most `count` of about `size` bytes, and where they end.

        They come from one segment. No bodies and an unmoved position: there is nothing more. Raises SpoolError.
        """
        with self._guard:
            ahead = sorted(item for item in self._sizes.items() if Position(*item) > after)
        for index, end in ahead:
            start = max(HEADER_SIZE, after.offset if index == after.segment else 0)
            if start < end:
                return self._read(index, start, end, count=count, size=size)
        return [], after

    def advance(self, position: Position, *, needed: int | None) -> None:
        """Everything up to `position` was delivered: delete segments that hold nothing of use.

        `needed` is the oldest segment with an open intent. The newest two always stay, and small ones before them: they
        show an event that is told again, also after several short lives, and the last number of this life to the next.
        Raises SpoolError.
        """
        try:
            self.cursor.move(position)
            keep_from = min(position.segment, self._worth_keeping(), *([] if needed is None else [needed]))
            with self._guard:
                gone = sorted(index for index in self._sizes if index < keep_from)
            for index in gone:
                segment_path(self.directory, index).unlink(missing_ok=True)
                with self._guard:
                    del self._sizes[index]
        except OSError as error:
            raise SpoolError(f"the spool {self.directory} can't be tidied: {error.strerror}") from error

    def _worth_keeping(self) -> int:
        """The oldest of the newest segments that stay although they were delivered."""
        oldest, held = self._current - 1, 0
        with self._guard:
            for index in range(self._current - 2, self._current - KEPT, -1):
                held += self._sizes.get(index, 0)
                if index not in self._sizes or held > self.segment_size // 4:
                    break
                oldest = index
        return oldest

    def close(self) -> None:
        """Give the directory up."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
        self._lock_file.close()

    def _prepare(self, size: int) -> int:
        """A descriptor to append to, of a segment that has room."""
        if self._broken:
            self._cut_back()
        if self._descriptor is not None and self._sizes[self._current] + size <= self.segment_size:
            return self._descriptor
        return self._rotate()

    def _rotate(self) -> int:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
        self._descriptor = self._disk.create(segment_path(self.directory, self._current + 1))
        self._current += 1
        with self._guard:
            self._sizes[self._current] = 0
        data = header(self._current, self._previous)
        self._write_all(self._descriptor, data)
        # The name must be durable before its first record is acknowledged.
        self._disk.sync_directory(self.directory)
        with self._guard:
            self._sizes[self._current] = len(data)
        return self._descriptor

    def _cut_back(self) -> None:
        """Undo a failed write. What was not acknowledged must not stand before what will be."""
        if self._descriptor is not None:
            durable = self._sizes[self._current]
            self._disk.truncate(self._descriptor, durable)
            self._disk.sync(self._descriptor)
            # After a failed sync the kernel may call pages clean that never reached the disk: leave this file alone.
            os.close(self._descriptor)
            self._descriptor = None
            if durable <= HEADER_SIZE:
                segment_path(self.directory, self._current).unlink()
                with self._guard:
                    del self._sizes[self._current]
        self._broken = False

    def _write_all(self, descriptor: int, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[self._disk.write(descriptor, bytes(view)) :]

    def _read(self, index: int, start: int, end: int, *, count: int, size: int) -> tuple[list[bytes], Position]:
        path = segment_path(self.directory, index)
        try:
            with path.open("rb") as file:
                data = os.pread(file.fileno(), end - start, start)
            bodies, position = [], Position(index, start)
            for item in Scan(data, start, None):
                position = Position(index, item.end)
                if isinstance(item, Record):
                    bodies.append(item.body)
                    size -= len(item.body)
                else:
                    self._found_damage(path, item.start, item.end)
                if len(bodies) == count or size <= 0:
                    break
        except OSError as error:
            raise SpoolError(f"the spool {self.directory} can't be read: {error.strerror}") from error
        return bodies, position

    def _found_damage(self, path: Path, start: int, end: int) -> None:
        known = any((finding.segment, finding.start) == (path.name, start) for finding in self.findings)
        if not known:
            kept = keep(self.directory, path, start, copy=False)
            self.findings.append(Finding("corrupt", path.name, start, end, kept))


def _lock(directory: Path) -> IO[str]:
    file = (directory / "lock").open("a+", encoding="ascii")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        file.seek(0)
        holder = file.read(32).strip() or "unknown"
        file.close()
        raise SpoolLocked(
            f"the spool {directory} is in use by process {holder}",
            remedy="stop it, or set SHIPSLOG_SPOOL_DIR to a directory of this process alone",
        ) from error
    file.truncate(0)
    file.write(f"{os.getpid()}\n")
    file.flush()
    return file
