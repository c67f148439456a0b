"""A commit's tree that stands in a dict: the second implementation of what render asks of a tree."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from controller.render.tree import EntryKind


class Symlink(str):
    """A file whose content is where it points."""

    __slots__ = ()


class Submodule(str):
    """Another repository's commit."""

    __slots__ = ()


class MemoryEntry(NamedTuple):
    path: str
    kind: EntryKind
    size: int
    object_id: str


class MemoryTree:
    """Files by path; strings become UTF-8. `asked` counts what was looked up."""

    def __init__(self, files: Mapping[str, str | bytes]) -> None:
        self.files = dict(files)
        self.asked: list[str] = []

    @classmethod
    def of(cls, directory: Path) -> MemoryTree:
        """Read a directory once."""
        paths = [path for path in directory.rglob("*") if path.is_file()]
        return cls({path.relative_to(directory).as_posix(): path.read_bytes() for path in paths})

    def with_files(self, files: Mapping[str, str | bytes]) -> MemoryTree:
        """Return the next commit: with these files written."""
        return MemoryTree({**self.files, **files})

    def without(self, *paths: str) -> MemoryTree:
        """Return the next commit: with these files removed."""
        return MemoryTree({path: content for path, content in self.files.items() if path not in paths})

    async def entries(self, path: str, *, deep: bool = False) -> list[MemoryEntry] | None:
        self.asked.append(path)
        prefix = f"{path}/" if path else ""
        below = [name.removeprefix(prefix) for name in self.files if name.startswith(prefix)]
        if not below:
            return None
        names = below if deep else {name.split("/")[0] for name in below}
        return sorted(self._entry(prefix, name) for name in names)

    async def blob(self, path: str) -> bytes | None:
        self.asked.append(path)
        content = self.files.get(path)
        return None if content is None or isinstance(content, Symlink | Submodule) else _bytes(content)

    async def object_id(self, path: str) -> str | None:
        self.asked.append(path)
        prefix = f"{path}/" if path else ""
        if path not in self.files and not any(name.startswith(prefix) for name in self.files):
            return None
        entry = self._entry("", path)
        return f"{entry.kind}:{entry.object_id}"

    def _entry(self, prefix: str, name: str) -> MemoryEntry:
        path = prefix + name
        if path not in self.files:
            start = f"{path}/" if path else ""
            below = [f"{one} {_hash(_bytes(self.files[one]))}" for one in sorted(self.files) if one.startswith(start)]
            return MemoryEntry(name, "tree", 0, _hash("\n".join(below).encode()))
        content = self.files[path]
        kind: EntryKind = "blob"
        if isinstance(content, Symlink):
            kind = "symlink"
        elif isinstance(content, Submodule):
            kind = "submodule"
        size = len(_bytes(content)) if kind == "blob" else 0
        return MemoryEntry(name, kind, size, _hash(_bytes(content)))


def _bytes(content: str | bytes) -> bytes:
    return content.encode() if isinstance(content, str) else content


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
