"""A commit's files, read by object id from the mirror: nothing is ever checked out.

Symbolic links, submodules, modes and hostile names have nothing to act on: they are entries of a directory, and a path
only ever leads through directories.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, NamedTuple

from controller.fetch.directory import Directory, Kind, Node, parse
from controller.fetch.errors import (
    CommitNotFound,
    GitFailed,
    GitFailure,
    MirrorCorrupt,
    PathNotFound,
    TooLarge,
    TreeRefused,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from controller.fetch.objects import Objects

_LONGEST_TREE = 16 << 20
"""Bytes of one tree object: some 400,000 names."""


class Limits(NamedTuple):
    """What one commit may ask of us."""

    file: int = 1 << 20
    """Bytes of a file."""
    entries: int = 20_000
    """Files and directories that one deep listing may meet."""
    depth: int = 64
    """Directories inside each other."""
    path: int = 1024
    """Characters of a path."""


class Entry(NamedTuple):
    """One name in a directory of a commit; see `controller.render.tree.Entry`."""

    path: str
    kind: Kind
    size: int
    object_id: str


class CommitTree:
    """The files of one commit. Paths are as `controller.render.tree.Tree` says; the root is `""`."""

    def __init__(self, objects: Objects, sha: str, *, repository: str, limits: Limits | None = None) -> None:
        """`repository` names the Repository in errors."""
        self.sha = sha
        self._objects = objects
        self._repository = repository
        self._limits = limits or Limits()
        self._root = ""

    async def entries(self, path: str, *, deep: bool = False) -> Sequence[Entry] | None:
        """The entries of a directory, sorted by path; None when there is no directory. `deep` as in the Protocol.

        Raises:
            TreeRefused: a name in it that no file system could hold.
            TooLarge: more entries, levels or longer paths than the limits allow.
            CommitNotFound: the mirror has no such commit (any more).
            MirrorCorrupt: objects are missing; the mirror is fetched again.
        """
        node = await self._node(path)
        if node is None or node.kind != "tree":
            return None
        found = await self._deep(path, node) if deep else self._listed(path, "", await self._directory(node.id, path))
        return await self._sized(found)

    async def blob(self, path: str) -> bytes | None:
        """The content of the file at `path`; None when there is no regular file.

        Raises:
            TooLarge: the file is larger than a file may be.
            CommitNotFound, MirrorCorrupt: as in `entries`.
        """
        node = await self._node(path)
        if node is None or node.kind != "blob":
            return None
        cached = self._objects.blobs.get(node.id)
        if cached is not None and len(cached) <= self._limits.file:
            return cached
        try:
            (found,) = await self._objects.contents([node.id], self._limits.file)
        except GitFailure as failure:
            raise self._unreadable(failure, path) from None
        if found is None:
            raise self._lost(path)
        if found.data is None:
            raise TooLarge(
                f"{self._at(path)} has {found.size} bytes, more than the {self._limits.file} of a file",
                remedy="move what is no manifest out of the repository, or split the file",
            )
        self._objects.blobs.put(node.id, found.data, len(found.data) + 100)
        self._objects.sizes.put(node.id, found.size)
        return found.data

    async def object_id(self, path: str) -> str | None:
        """Kind and id of what stands at `path`, as `blob:9daeaf...`; None for nothing.

        Raises:
            CommitNotFound, MirrorCorrupt: as in `entries`.
        """
        node = await self._node(path)
        return None if node is None else f"{node.kind}:{node.id}"

    async def directory(self, path: str) -> str:
        """The object id of the directory at `path`.

        Raises:
            PathNotFound: there is none; names what is there instead, or what is called alike.
            CommitNotFound, MirrorCorrupt: as in `entries`.
        """
        node = await self._node(path)
        if node is not None and node.kind == "tree":
            return node.id
        if node is not None:
            raise PathNotFound(f"{self._at(path)} is a {node.kind}, not a directory", remedy="name a directory")
        raise PathNotFound(f"{self._at(path)} does not exist", remedy=await self._alike(path))

    async def _alike(self, path: str) -> str:
        parent, _, name = path.rpartition("/")
        while parent and await self._node(parent) is None:
            parent, _, name = parent.rpartition("/")
        node = await self._node(parent)
        if node is None or node.kind != "tree":
            return "check the path"
        listed = await self._directory(node.id, parent)
        names = [name for name, child in listed.nodes.items() if child.kind == "tree"]
        close = difflib.get_close_matches(name, names, n=5, cutoff=0.5) or sorted(names)[:5]
        return f"directories there: {', '.join(_joined(parent, n) for n in close)}" if close else "check the path"

    async def _node(self, path: str) -> Node | None:
        node = Node("tree", await self._root_id())
        if not path:
            return node
        names = path.split("/")
        if len(path) > self._limits.path or len(names) > self._limits.depth:
            return None
        for level, name in enumerate(names):
            if node.kind != "tree":
                return None
            directory = await self._directory(node.id, "/".join(names[:level]))
            child = directory.nodes.get(name)
            if child is None:
                return None
            node = child
        return node

    async def _root_id(self) -> str:
        if not self._root:
            try:
                (found,) = await self._objects.contents([f"{self.sha}^{{tree}}"], _LONGEST_TREE)
            except GitFailure as failure:
                raise self._unreadable(failure, "") from None
            if found is None:
                raise CommitNotFound(
                    f"Repository {self._repository} has no commit {self.sha} in its mirror",
                    after=1.0,
                    remedy="ask for the revision again",
                )
            self._keep(found.id, found.data, "")
            self._root = found.id
        return self._root

    async def _directory(self, id_: str, path: str) -> Directory:
        (directory,) = await self._directories([(path, id_)])
        return directory

    async def _directories(self, places: Sequence[tuple[str, str]]) -> list[Directory]:
        """Parsed directories, in order; `places` are path and object id."""
        known = {id_: self._objects.trees.get(id_) for _, id_ in places}
        missing = [id_ for id_, directory in known.items() if directory is None]
        where = {id_: path for path, id_ in places}
        try:
            found = await self._objects.contents(missing, _LONGEST_TREE)
        except GitFailure as failure:
            raise self._unreadable(failure, where[missing[0]]) from None
        for id_, object_ in zip(missing, found, strict=True):
            if object_ is None or object_.kind != "tree":
                raise self._lost(where[id_])
            known[id_] = self._keep(id_, object_.data, where[id_])
        return [directory for _, id_ in places if (directory := known[id_]) is not None]

    def _keep(self, id_: str, data: bytes | None, path: str) -> Directory:
        if data is None:
            raise TooLarge(f"{self._at(path)} holds too many names", remedy="spread the files over directories")
        try:
            directory = parse(data, len(self.sha) // 2)
        except ValueError as error:
            raise TreeRefused(f"{self._at(path)} can't be read: {error}", remedy="write the commit anew") from None
        self._objects.trees.put(id_, directory, len(directory.nodes) + 1)
        return directory

    def _listed(self, where: str, prefix: str, directory: Directory) -> list[Entry]:
        if directory.fault:
            raise TreeRefused(
                f"{self._at(_joined(where, prefix))}: the name {directory.fault}", remedy="rename it and commit"
            )
        return [Entry(_joined(prefix, name), node.kind, 0, node.id) for name, node in sorted(directory.nodes.items())]

    async def _deep(self, path: str, top: Node) -> list[Entry]:
        """Everything below a directory, level by level: one exchange with git per level."""
        files: list[Entry] = []
        level = [("", top.id)]
        met = 0
        for _ in range(self._limits.depth + 1):
            if not level:
                return files
            directories = await self._directories([(_joined(path, prefix), id_) for prefix, id_ in level])
            below: list[tuple[str, str]] = []
            for (prefix, _), directory in zip(level, directories, strict=True):
                met += len(directory.nodes)
                self._check(path, met)
                listed = self._listed(path, prefix, directory)
                below += [(entry.path, entry.object_id) for entry in listed if entry.kind == "tree"]
                files += [entry for entry in listed if entry.kind != "tree"]
            self._check_length(path, [prefix for prefix, _ in below] + [entry.path for entry in files])
            level = below
        raise TooLarge(
            f"{self._at(path)} has over {self._limits.depth} directories inside each other",
            remedy="make the tree flatter",
        )

    def _check(self, path: str, met: int) -> None:
        if met > self._limits.entries:
            raise TooLarge(
                f"{self._at(path)} holds more than {self._limits.entries} files and directories",
                remedy="name a smaller directory, or split it",
            )

    def _check_length(self, path: str, found: Sequence[str]) -> None:
        room = self._limits.path - len(path)
        if long := next((name for name in found if len(name) >= room), None):
            raise TooLarge(
                f"{self._at(_joined(path, long)[:200])}... is a path of over {self._limits.path} characters",
                remedy="shorten it",
            )

    async def _sized(self, entries: list[Entry]) -> list[Entry]:
        """The entries with the sizes of files, sorted by path."""
        ids = {entry.object_id: entry.path for entry in entries if entry.kind == "blob"}
        sizes = {id_: self._objects.sizes.get(id_) for id_ in ids}
        missing = [id_ for id_, size in sizes.items() if size is None]
        try:
            found = await self._objects.headers(missing)
        except GitFailure as failure:
            raise self._unreadable(failure, ids[missing[0]]) from None
        for id_, object_ in zip(missing, found, strict=True):
            if object_ is None:
                raise self._lost(ids[id_])
            sizes[id_] = object_.size
            self._objects.sizes.put(id_, object_.size)
        sized = [entry._replace(size=sizes.get(entry.object_id) or 0) for entry in entries]
        return sorted(sized, key=lambda entry: entry.path)

    def _at(self, path: str) -> str:
        return f"Repository {self._repository}, commit {self.sha[:12]}: {path or 'the root directory'}"

    def _lost(self, path: str) -> MirrorCorrupt:
        self._objects.on_corrupt()
        return MirrorCorrupt(f"{self._at(path)} is missing in the mirror", remedy="it is fetched again by itself")

    def _unreadable(self, failure: GitFailure, path: str) -> Exception:
        if failure.cause == "size":
            return TooLarge(f"{self._at(path)} takes more memory than git may use", remedy="write the commit anew")
        if failure.cause in {"corrupt", "timeout"}:
            return MirrorCorrupt(
                f"{self._at(path)} can't be read from the mirror: {failure.detail}",
                remedy="it is fetched again by itself",
            )
        return GitFailed(f"{self._at(path)} can't be read: {failure.detail}")


def _joined(parent: str, name: str) -> str:
    return f"{parent}/{name}" if parent and name else parent or name
