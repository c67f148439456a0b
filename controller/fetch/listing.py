"""Listings of a commit's directories, flat and deep, within limits."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

from controller.fetch.errors import TooLarge, TreeRefused

if TYPE_CHECKING:
    from collections.abc import Iterable

    from controller.fetch.directory import Directory, Kind
    from controller.fetch.reader import Reader


class Entry(NamedTuple):
    """One name in a directory of a commit; see `controller.render.tree.Entry`."""

    path: str
    kind: Kind
    size: int
    object_id: str


async def flat(reader: Reader, path: str, id_: str) -> tuple[Entry, ...]:
    """The entries of one directory.

    Raises:
        TreeRefused: a name in it that no file system could hold.
        TooLarge: it holds more than it may.
        MirrorCorrupt: objects are missing.
    """
    (directory,) = await reader.directories([(path, id_)])
    entries = _listed(reader, path, "", directory)
    _check(reader, path, len(entries), (entry.path for entry in entries))
    return await _sized(reader, path, entries)


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
        directories = await reader.directories([(joined(path, prefix), id_) for prefix, id_ in level])
        below: list[tuple[str, str]] = []
        for number, ((prefix, _), directory) in enumerate(zip(level, directories, strict=True)):
            if number % 100 == 99:
                await asyncio.sleep(0)  # others want the event loop, too
            met += len(directory.nodes)
            # Before anything is made of it: a directory may hold itself a million times over, at no cost to its author.
            _check(reader, path, met, (joined(prefix, name) for name in directory.nodes))
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
    return [Entry(joined(prefix, name), node.kind, 0, node.id) for name, node in directory.nodes.items()]


def _check(reader: Reader, path: str, met: int, paths: Iterable[str]) -> None:
    if met > reader.limits.entries:
        raise TooLarge(
            f"{reader.at(path)} holds more than {reader.limits.entries} files and directories",
            remedy="name a smaller directory, or split it",
        )
    room = reader.limits.path - len(path) - 1
    if long := next((found for found in paths if len(found) > room), None):
        raise TooLarge(
            f"{reader.at(joined(path, long)[:200])}... is a path of over {reader.limits.path} characters",
            remedy="shorten it",
        )


async def _sized(reader: Reader, path: str, entries: list[Entry]) -> tuple[Entry, ...]:
    """The entries with the sizes of files, sorted by path."""
    sizes = await reader.sizes({e.object_id: joined(path, e.path) for e in entries if e.kind == "blob"})
    sized = (Entry(e.path, e.kind, sizes.get(e.object_id, 0), e.object_id) for e in entries)
    return tuple(sorted(sized))
