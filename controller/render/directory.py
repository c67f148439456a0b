"""A directory of this machine as a tree, for `shipslog render PATH`."""

from __future__ import annotations

import asyncio
import itertools
import os
import stat
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from controller.render.tree import EntryKind


class FileEntry(msgspec.Struct, frozen=True):
    """One file or directory; its object id is that of its state, not of its content."""

    path: str
    kind: EntryKind
    size: int
    object_id: str


class DirectoryTree:
    """The files below a directory, read when they are asked for.

    Symbolic links are entries and never followed, also not on the way to a file: nothing outside the directory is
    read. `.git` is left out. Files change under our hands, so a directory's id is a new one at every look: what was
    rendered from a whole directory is rendered again.
    """

    def __init__(self, root: Path) -> None:
        """Take `root` as the repository's root."""
        self._given = root
        self._looks = itertools.count()

    @cached_property
    def _root(self) -> Path:
        return self._given.resolve()  # touches the disk: not on the event loop

    async def entries(self, path: str, *, deep: bool = False) -> Sequence[FileEntry] | None:
        """Return the entries of the directory at `path`, sorted; None when there is none."""
        return await asyncio.to_thread(self._entries, path, deep)

    async def blob(self, path: str) -> bytes | None:
        """Return the content of the regular file at `path`; None when there is none."""
        return await asyncio.to_thread(self._blob, path)

    async def object_id(self, path: str) -> str | None:
        """Return kind and state of what stands at `path`; None for nothing."""
        return await asyncio.to_thread(self._object_id, path)

    def _stat(self, path: str) -> os.stat_result | None:
        """Look a path up without following any link on the way."""
        here = self._root
        parts = path.split("/") if path else []
        try:
            status = here.lstat()
            for part in parts:
                if part in ("", ".", "..") or not stat.S_ISDIR(status.st_mode):
                    return None
                here /= part
                status = here.lstat()
        except OSError:
            return None
        return status

    def _entries(self, path: str, deep: bool) -> list[FileEntry] | None:
        status = self._stat(path)
        if status is None or not stat.S_ISDIR(status.st_mode):
            return None
        directory = self._root / path
        found = self._walk(directory, "") if deep else self._list(directory, "")
        return sorted(found, key=lambda entry: entry.path)

    def _list(self, directory: Path, prefix: str) -> Iterator[FileEntry]:
        with os.scandir(directory) as names:
            for name in names:
                if name.name == ".git":
                    continue
                status = name.stat(follow_symlinks=False)
                kind = _kind(status)
                if kind is not None:
                    size = status.st_size if kind == "blob" else 0
                    yield FileEntry(prefix + name.name, kind, size, _state(status))

    def _walk(self, directory: Path, prefix: str) -> Iterator[FileEntry]:
        for entry in self._list(directory, prefix):
            if entry.kind == "tree":
                yield from self._walk(directory / entry.path.removeprefix(prefix), f"{entry.path}/")
            else:
                yield entry

    def _blob(self, path: str) -> bytes | None:
        status = self._stat(path)
        if status is None or not stat.S_ISREG(status.st_mode):
            return None
        return (self._root / path).read_bytes()

    def _object_id(self, path: str) -> str | None:
        status = self._stat(path)
        kind = _kind(status) if status is not None else None
        if status is None or kind is None:
            return None
        return f"{kind}:{next(self._looks)}" if kind == "tree" else f"{kind}:{_state(status)}"


def _kind(status: os.stat_result) -> EntryKind | None:
    if stat.S_ISREG(status.st_mode):
        return "blob"
    if stat.S_ISDIR(status.st_mode):
        return "tree"
    return "symlink" if stat.S_ISLNK(status.st_mode) else None


def _state(status: os.stat_result) -> str:
    return f"{status.st_dev:x}-{status.st_ino:x}-{status.st_size:x}-{status.st_mtime_ns:x}"
