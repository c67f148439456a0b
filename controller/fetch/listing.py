"""Listings of a commit's directories, flat and deep, within limits."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from controller.fetch.directory import Entry
from controller.fetch.errors import TooLarge, TreeRefused

if TYPE_CHECKING:
    from controller.fetch.directory import Directory
    from controller.fetch.reader import Reader


_BREATH = 1000
"""Entries that are worked on before others get the event loop."""
_TOGETHER = 32
"""Directories that are read in one exchange: as many may be as large as one may be."""


async def flat(reader: Reader, path: str, id_: str) -> tuple[Entry, ...]:
    """The entries of one directory.

    Raises:
        TreeRefused: a name in it that no file system could hold.
        TooLarge: it holds more than it may.
        MirrorCorrupt: objects are missing.
    """
    (directory,) = await reader.directories([(path, id_)])
    _check_number(reader, path, len(directory.nodes))
    return await _sized(reader, path, _listed(reader, path, "", directory))


async def deep(reader: Reader, path: str, id_: str) -> tuple[Entry, ...]:
    """Everything below a directory but directories themselves, level by level: one exchange with git per level.

    Raises:
        As `flat`.
    """
    files: list[Entry] = []
    level = [("", id_)]
    met = 0
    for _ in range(reader.limits.depth + 1):
        if not level:
            return await _sized(reader, path, files)
        below: list[tuple[str, str]] = []
        for first in range(0, len(level), _TOGETHER):
            part = level[first : first + _TOGETHER]
            directories = await reader.directories([(joined(path, prefix), id_) for prefix, id_ in part])
            # Before anything is made of it: a directory may hold itself a million times, at no cost to its author.
            met += sum(len(directory.nodes) for directory in directories)
            _check_number(reader, path, met)
            for (prefix, _), directory in zip(part, directories, strict=True):
                listed = _listed(reader, path, prefix, directory)
                below += [(entry.path, entry.object_id) for entry in listed if entry.kind == "tree"]
                files += [entry for entry in listed if entry.kind != "tree"]
        level = below
    raise TooLarge(
        f"{reader.at(path)} has over {reader.limits.depth} directories inside each other",
        remedy="make the tree flatter",
    )


def joined(parent: str, name: str) -> str:
    """The path of a name in a directory; either may be empty."""
    return f"{parent}/{name}" if parent and name else parent or name


def _listed(reader: Reader, where: str, prefix: str, directory: Directory) -> list[Entry]:
    if directory.fault:
        raise TreeRefused(
            f"{reader.at(joined(where, prefix))}: the name {directory.fault}", remedy="rename it and commit"
        )
    entries = [Entry(joined(prefix, name), node.kind, 0, node.id) for name, node in directory.nodes.items()]
    longest = max((entry.path for entry in entries), key=len, default="")
    if len(joined(where, longest)) > reader.limits.path:
        raise TooLarge(
            f"{reader.at(joined(where, longest)[:200])}... is a path of over {reader.limits.path} characters",
            remedy="shorten it",
        )
    return entries


def _check_number(reader: Reader, path: str, met: int) -> None:
    if met > reader.limits.entries:
        raise TooLarge(
            f"{reader.at(path)} holds more than {reader.limits.entries} files and directories",
            remedy="name a smaller directory, or split it",
        )


async def _sized(reader: Reader, path: str, entries: list[Entry]) -> tuple[Entry, ...]:
    """The entries with the sizes of files, sorted by path."""
    files = [entry for entry in entries if entry.kind == "blob"]
    sizes: dict[str, int] = {}
    for first in range(0, len(files), _BREATH):
        part = files[first : first + _BREATH]
        sizes |= await reader.sizes({entry.object_id: joined(path, entry.path) for entry in part})

    def build() -> tuple[Entry, ...]:
        return tuple(sorted(Entry(e.path, e.kind, sizes.get(e.object_id, 0), e.object_id) for e in entries))

    return build() if len(entries) <= _BREATH else await asyncio.to_thread(build)
