"""How much room all mirrors take together, and which of them make room for others. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class Shelf:
    """Sizes of the mirrors that are on disk, by the name of their directory."""

    def __init__(self, limit: int) -> None:
        """`limit`: bytes that they may take together."""
        self._limit = limit
        self._sizes: dict[str, int] = {}

    @property
    def size(self) -> int:
        """Bytes that they take together, as far as that is known."""
        return sum(self._sizes.values())

    def put(self, name: str, size: int) -> None:
        """A mirror has this size now; 0: it is not on disk any more."""
        if size:
            self._sizes[name] = size
        else:
            self._sizes.pop(name, None)

    def victims(self, used: Mapping[str, float], keep: str, *, at_least: int = 0) -> list[str]:
        """Who makes room until the rest fits: first who was not used for longest, never `keep`.

        Args:
            used: When each mirror was last used.
            keep: The one that room is made for.
            at_least: So many make room anyway: the disk may be full before the limit is reached.
        """
        left = self.size
        found: list[str] = []
        for name in sorted(self._sizes.keys() & used.keys() - {keep}, key=lambda name: used[name]):
            if left <= self._limit and len(found) >= at_least:
                break
            left -= self._sizes[name]
            found.append(name)
        return found
