"""What differs between two commits, at the cost of the directories that differ."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from controller.fetch.directory import Directory, Node
    from controller.fetch.reader import Reader

MOST = 5_000
"""Paths; where more differ, nothing is gained by knowing which."""


async def difference(old: Reader, new: Reader) -> frozenset[str] | None:
    """The paths at which something else stands; None for more than `MOST`.

    A directory that differs is told by what differs in it; one that came, went, or became something else by its own
    path. Raises what `Reader` does.
    """
    told: set[str] = set()
    level = [("", await old.root(), await new.root())]
    while level:
        level = [(path, before, after) for path, before, after in level if before != after]
        befores = await old.directories([(path, before) for path, before, _ in level])
        afters = await new.directories([(path, after) for path, _, after in level])
        below = []
        for (path, _, _), before, after in zip(level, befores, afters, strict=True):
            for place, was, stands in _names(path, before, after):
                if was and stands and was.kind == stands.kind == "tree":
                    below.append((place, was.id, stands.id))
                else:
                    told.add(place)
        if len(told) + len(below) > MOST:
            return None
        level = below
    return frozenset(told)


def _names(path: str, before: Directory, after: Directory) -> Iterator[tuple[str, Node | None, Node | None]]:
    """What stands under each name that differs, before and after."""
    for name in before.nodes.keys() | after.nodes.keys():
        was, stands = before.nodes.get(name), after.nodes.get(name)
        if was != stands:
            yield f"{path}/{name}" if path else name, was, stands
