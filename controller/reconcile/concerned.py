"""Whom a commit concerns: of the Applications of one Repository, those whose rendering read what it changed.

A look that would find nothing new costs a millisecond; over a thousand Applications of one repository that is a second
for each commit. Who was rendered knows the paths that its result depends on, so two commits are compared once for all.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from controller.errors import ShipslogError
from controller.reconcile.handover import stands_at

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from controller.model.application import Application
    from controller.model.objects import Key
    from controller.model.revision import Revision
    from controller.reconcile.rooms import Memory, Rooms
    from controller.render.request import Dependency


class Changes:
    """The paths that differ between two commits, made for questions."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._paths = frozenset(paths)
        self._parents = frozenset(path.rpartition("/")[0] for path in self._paths)
        self._above = frozenset(one for path in self._paths for one in _ways(path))

    def touch(self, dependency: Dependency) -> bool:
        """Whether what a result depends on may be another; True is always safe to say."""
        path, used = dependency.path, dependency.used
        if any(one in self._paths for one in _ways(path)):  # itself, or a directory that it stood in or would stand in
            return True
        if used == "dir":
            return False
        return path in (self._parents if used == "listing" else self._above)


def _ways(path: str) -> Iterable[str]:
    """The path, and every directory above it; the root is the empty path."""
    while path:
        yield path
        path = path.rpartition("/")[0]
    yield ""


BREATH = 200
"""Applications after which everyone else gets the event loop."""


async def concerned(repository: Key, rooms: Rooms) -> Sequence[Key]:
    """The Applications that must be looked at after refs of the Repository moved; the others stand at the new commit.

    Whoever has no result to keep is looked at: it says itself what is wrong with the commit.
    """
    found: list[Key] = []
    compared: dict[tuple[str, str], Changes | None] = {}
    for number, app in enumerate([app for app in rooms.registry.applications.values() if reads(app, repository)], 1):
        memory = rooms.memories.get(app.key)
        if memory is None or memory.uid != app.uid or not await _is_aside(app, memory, repository, rooms, compared):
            found.append(app.key)
        if number % BREATH == 0:
            await asyncio.sleep(0)
    return found


async def _is_aside(
    app: Application, memory: Memory, repository: Key, rooms: Rooms, compared: dict[tuple[str, str], Changes | None]
) -> bool:
    """Whether the newest commit changes nothing for it; then it stands at that commit from now on."""
    old, depends = memory.seen, memory.depends
    if old is None or depends is None or memory.failures:
        return False
    try:
        new = await rooms.repositories.revision(repository, app.spec.source.ref)
        changes = await _between(old, new, repository, rooms, compared)
    except ShipslogError:
        return False  # whoever looks meets the same, and tells it
    if changes is None or any(map(changes.touch, depends)):
        return False
    if (memory.seen, memory.depends) != (old, depends):
        return False  # it was looked at meanwhile
    stands_at(app, old, new, rooms)
    memory.seen = new
    memory.wish = memory.wish and memory.wish.at(new)
    return True


def reads(app: Application, repository: Key) -> bool:
    """Whether it takes its objects from this Repository."""
    return app.key.namespace == repository.namespace and app.spec.source.repository == repository.name


async def _between(
    old: Revision,
    new: Revision,
    repository: Key,
    rooms: Rooms,
    compared: dict[tuple[str, str], Changes | None],
) -> Changes | None:
    """What differs; None where that is unknown or everything. Another name for the same commit is told by a look."""
    if old == new:
        return Changes(())
    if old.sha == new.sha:
        return None
    commits = old.sha, new.sha
    if commits not in compared:
        before, after = (rooms.repositories.tree(repository, sha) for sha in commits)
        paths = await after.changes(before)
        compared[commits] = None if paths is None else Changes(paths)
    return compared[commits]
