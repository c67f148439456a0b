"""A commit's files, read by object id from the mirror: nothing is ever checked out.

Symbolic links, submodules, modes and hostile names have nothing to act on: they are entries of a directory, and a path
only ever leads through directories.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from controller.fetch import listing
from controller.fetch.difference import difference
from controller.fetch.directory import Node
from controller.fetch.errors import PathNotFound
from controller.fetch.reader import Limits, Reader

if TYPE_CHECKING:
    from collections.abc import Sequence

    from controller.fetch.directory import Directory, Entry
    from controller.fetch.objects import Objects


class CommitTree:
    """The files of one commit. Paths are as `controller.render.tree.Tree` says; the root is `""`.

    All methods raise CommitNotFound when the mirror has no such commit (any more), and MirrorCorrupt when objects are
    missing; the mirror is fetched again then.
    """

    def __init__(self, objects: Objects, sha: str, *, repository: str, limits: Limits | None = None) -> None:
        """`repository` names the Repository in errors."""
        self.sha = sha
        self._reader = Reader(objects, sha, repository, limits or Limits())

    async def entries(self, path: str, *, deep: bool = False) -> Sequence[Entry] | None:
        """The entries of a directory, sorted by path; None when there is no directory. `deep` as in the Protocol.

        Raises:
            TreeRefused: a name in it that no file system could hold.
            TooLarge: more entries, levels or longer paths than the limits allow.
        """
        node, _ = await self._find(path)
        if node is None or node.kind != "tree":
            return None
        # Paths are relative, but how long they may be depends on where they begin.
        key = f"{deep} {len(path)} {node.id}"
        listings = self._reader.objects.listings
        entries = listings.get(key)
        if entries is None:
            entries = await (listing.deep if deep else listing.flat)(self._reader, path, node.id)
            listings.put(key, entries, len(entries) + 1)
        return entries

    async def blob(self, path: str) -> bytes | None:
        """The content of the file at `path`; None when there is no regular file.

        Raises:
            TooLarge: the file is larger than a file may be.
        """
        node, parent = await self._find(path)
        if node is None or parent is None or node.kind != "blob":
            return None
        return await self._reader.file(path, node.id, parent)

    async def object_id(self, path: str) -> str | None:
        """Kind and id of what stands at `path`, as `blob:9daeaf...`; None for nothing."""
        node, _ = await self._find(path)
        return None if node is None else f"{node.kind}:{node.id}"

    async def directory(self, path: str) -> str:
        """The object id of the directory at `path`.

        Raises:
            PathNotFound: there is none; names what is there instead, or what is called alike.
        """
        node, _ = await self._find(path)
        if node is not None and node.kind == "tree":
            return node.id
        at = self._reader.at(path)
        if node is not None:
            raise PathNotFound(f"{at} is a {node.kind}, not a directory", remedy="name a directory in spec.source.path")
        raise PathNotFound(f"{at} does not exist", remedy=await self._alike(path))

    async def changes(self, since: CommitTree) -> frozenset[str] | None:
        """The paths at which another commit of the repository held something else; None for very many.

        See `controller.fetch.difference.difference`.

        Raises:
            TreeRefused, TooLarge: one is no directory, or holds too much.
        """
        return await difference(since._reader, self._reader)

    async def _alike(self, path: str) -> str:
        parent, _, name = path.rpartition("/")
        node, _ = await self._find(parent)
        while parent and node is None:
            parent, _, name = parent.rpartition("/")
            node, _ = await self._find(parent)
        if node is None or node.kind != "tree":
            return "check spec.source.path"
        (directory,) = await self._reader.directories([(parent, node.id)])
        names = [name for name, child in directory.nodes.items() if child.kind == "tree"]
        close = difflib.get_close_matches(name, names[:1000], n=5, cutoff=0.5) or sorted(names)[:5]
        paths = ", ".join(listing.joined(parent, name) for name in close)
        return f"check spec.source.path; there is {paths}" if paths else "check spec.source.path"

    async def _find(self, path: str) -> tuple[Node | None, Directory | None]:
        """What stands at a path, and the directory that it stands in."""
        node, parent = Node("tree", await self._reader.root()), None
        if not path:
            return node, parent
        names = path.split("/")
        if len(path) > self._reader.limits.path or len(names) > self._reader.limits.depth:
            return None, None
        for level, name in enumerate(names):
            if node.kind != "tree":
                return None, None
            (parent,) = await self._reader.directories([("/".join(names[:level]), node.id)])
            child = parent.nodes.get(name)
            if child is None:
                return None, None
            node = child
        return node, parent
