"""What rendering needs from a commit: a tree of files looked up by path, never checked out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

EntryKind = Literal["blob", "tree", "symlink", "submodule"]


class Entry(Protocol):
    """One name in a directory of a commit."""

    @property
    def path(self) -> str:
        """Relative to the directory that was listed: `a.yaml`, or `templates/a.yaml` in a deep listing."""
        ...

    @property
    def kind(self) -> EntryKind:
        """What Git holds there; an executable file is a blob."""
        ...

    @property
    def size(self) -> int:
        """Bytes of a blob; 0 for every other kind."""
        ...

    @property
    def object_id(self) -> str:
        """The Git object id: equal ids mean equal content."""
        ...


class Tree(Protocol):
    """A commit's files.

    Paths are relative to the repository's root, with `/` between names, without `.`, `..`, a leading or a
    trailing slash; the root is `""`. Symbolic links and submodules are entries, never followed.
    """

    async def entries(self, path: str, *, deep: bool = False) -> Sequence[Entry] | None:
        """Return the entries of the directory at `path`, sorted by path; None when there is no directory.

        `deep` lists everything below `path` (blobs, symlinks and submodules; directories themselves left out).
        """
        ...

    async def blob(self, path: str) -> bytes | None:
        """Return the content of the file at `path`; None when there is no regular file."""
        ...

    async def object_id(self, path: str) -> str | None:
        """Return kind and id of what stands at `path`, as `blob:9daeaf...` or `tree:4b825d...`; None for nothing.

        The kinds are those of `EntryKind`. A path below a symlink, a submodule or a file is nothing.
        """
        ...
