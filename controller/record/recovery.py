"""Opening a spool that was left behind: what can be read, what can't, and where it ends."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Literal, Protocol

import msgspec

from controller.record.cursor import Position
from controller.record.segment import HEADER_SIZE, NO_RECORD, Damage, Record, Scan, read_header

if TYPE_CHECKING:
    from pathlib import Path

QUARANTINE = "quarantine"


class Finding(msgspec.Struct, frozen=True):
    """Something wrong with the spool. It is reported, and what it concerns is kept in the quarantine folder.

    `torn`: the end of the last segment was cut in the middle of a write that was never acknowledged.
    `corrupt`: bytes that were records can't be read any more.
    `broken-chain`: a record does not follow the one before it: records between were taken out or put in.
    """

    kind: Literal["torn", "corrupt", "broken-chain"]
    segment: str
    start: int
    end: int
    kept: str = ""


class Visitor(Protocol):
    """Is shown every readable record of a spool, in order."""

    def __call__(self, body: bytes, segment: int, *, delivered: bool) -> None:
        """A record, the segment it is in, and whether it was delivered."""
        ...


def segment_path(directory: Path, index: int) -> Path:
    """Where the segment of this number is."""
    return directory / f"{index:020d}.seg"


class Recovery:
    """Reads all segments of a directory once. Afterwards `sizes`, `previous` and `findings` describe it."""

    def __init__(self, directory: Path, delivered: Position, visit: Visitor) -> None:
        self._directory = directory
        self._delivered = delivered
        self._visit = visit
        self.sizes: dict[int, int] = {}
        self.previous: bytes | None = None
        self.findings: list[Finding] = []

    def run(self) -> None:
        """Read, verify, cut the torn tail; raises OSError."""
        indexes = sorted(int(path.stem) for path in self._directory.glob("*.seg"))
        for index in indexes:
            self._segment(index, last=index == indexes[-1])
        if self.previous is None:
            self.previous = NO_RECORD

    def _segment(self, index: int, *, last: bool) -> None:
        path = segment_path(self._directory, index)
        data = path.read_bytes()
        start = read_header(data, index)
        if len(data) <= HEADER_SIZE and (last or start is not None):
            self._discard(path, data, whole_header=start is not None)
            return
        self.sizes[index] = len(data)
        if start is None:
            self._report("corrupt", path, 0, min(HEADER_SIZE, len(data)))
        elif self.previous not in (None, start):
            self._report("broken-chain", path, 0, HEADER_SIZE)
        scan = Scan(data[HEADER_SIZE:], HEADER_SIZE, start)
        for item in scan:
            if isinstance(item, Record):
                self._record(path, index, item)
            else:
                self._damage(path, index, item, last=last)
        self.previous = scan.previous

    def _record(self, path: Path, index: int, record: Record) -> None:
        if not record.chained:
            self._report("broken-chain", path, record.start, record.end)
        self._visit(record.body, index, delivered=Position(index, record.end) <= self._delivered)

    def _damage(self, path: Path, index: int, damage: Damage, *, last: bool) -> None:
        if not (last and damage.tail):
            self._report("corrupt", path, damage.start, damage.end)
            return
        kept = self._keep(path, damage.start, copy=True)
        with path.open("r+b") as file:
            file.truncate(damage.start)
            os.fsync(file.fileno())  # else the tail could come back, in a segment that is not the last any more
        self.sizes[index] = damage.start
        self.findings.append(Finding("torn", path.name, damage.start, damage.end, kept))

    def _discard(self, path: Path, data: bytes, *, whole_header: bool) -> None:
        """A segment that holds no record: the process ended when it had just begun it."""
        if not whole_header:
            kept = self._keep(path, 0, copy=True) if data else ""
            self.findings.append(Finding("torn", path.name, 0, len(data), kept))
        path.unlink()

    def _report(self, kind: Literal["corrupt", "broken-chain"], path: Path, start: int, end: int) -> None:
        self.findings.append(Finding(kind, path.name, start, end, self._keep(path, start, copy=False)))

    def _keep(self, path: Path, start: int, *, copy: bool) -> str:
        return keep(self._directory, path, start, copy=copy)


def keep(directory: Path, path: Path, start: int, *, copy: bool) -> str:
    """Put a segment into quarantine: a copy where it is about to be cut, else a link. Gives the path."""
    quarantine = directory / QUARANTINE
    quarantine.mkdir(mode=0o700, exist_ok=True)
    kept = quarantine / (f"{path.stem}.from-{start}" if copy else path.name)
    if kept.exists():
        return str(kept)
    if copy:
        temporary = kept.with_suffix(".new")
        with path.open("rb") as source, temporary.open("wb") as target:
            source.seek(start)
            shutil.copyfileobj(source, target)
        temporary.replace(kept)
    else:
        os.link(path, kept)
    return str(kept)
