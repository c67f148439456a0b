"""Reads the directories and files of one commit from its mirror, and says in errors where it was."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

from controller.fetch.directory import Directory, MalformedTree, parse
from controller.fetch.errors import (
    CommitNotFound,
    GitFailed,
    GitFailure,
    MirrorCorrupt,
    PointerRefused,
    TooLarge,
    TreeRefused,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from controller.errors import ShipslogError
    from controller.fetch.catfile import Object
    from controller.fetch.objects import Objects

_LONGEST_TREE = 1 << 20
"""Bytes of one tree object: some 25,000 names."""
_SHORT_TREE = 32 << 10
"""Bytes of a tree object that is read at once; a longer one would hold up the event loop."""
_POINTER = b"version https://git-lfs.github.com/spec/"
_LONGEST_POINTER = 1024
"""Bytes; as the specification of Git LFS has it."""
_OVERHEAD = 100
"""Bytes that a cached file takes beside its content."""
_AHEAD_BYTES = 256 << 10
"""Bytes of files that are read along with one."""


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


class Reader:
    """The objects of one commit. Every error names the Repository, the commit and the path."""

    def __init__(self, objects: Objects, sha: str, repository: str, limits: Limits) -> None:
        self.limits = limits
        self.objects = objects
        self._sha = sha
        self._repository = repository
        self._root = ""

    async def root(self) -> str:
        """Object id of the root directory.

        Raises:
            CommitNotFound: the mirror has no such commit (any more).
            MirrorCorrupt: it can't be read.
        """
        if not self._root:
            try:
                (found,) = await self.objects.contents([f"{self._sha}^{{tree}}"], _LONGEST_TREE)
            except GitFailure as failure:
                raise self._unreadable(failure, "") from None
            if found is None:
                self.objects.on_missing(self._sha)
                raise CommitNotFound(
                    f"Repository {self._repository} has no commit {self._sha} in its mirror",
                    after=1.0,
                    remedy="ask for the revision again",
                )
            await self._keep(found, "")
            self._root = found.id
        return self._root

    async def directories(self, places: Sequence[tuple[str, str]]) -> list[Directory]:
        """Parsed directories, in order; `places` are path and object id.

        Raises:
            TreeRefused, TooLarge: one is no directory, or holds too much.
            MirrorCorrupt: objects are missing.
        """
        known = {id_: self.objects.trees.get(id_) for _, id_ in places}
        where = {id_: path for path, id_ in places}
        missing = [id_ for id_, directory in known.items() if directory is None]
        found = await self._contents(missing, _LONGEST_TREE, where)
        read = 0
        for id_, object_ in zip(missing, found, strict=True):
            if object_ is None:
                raise self._lost(where[id_])
            known[id_] = await self._keep(object_, where[id_])
            read += object_.size
            if read > _SHORT_TREE:
                read = 0
                await asyncio.sleep(0)  # others want the event loop, too
        return [directory for _, id_ in places if (directory := known[id_]) is not None]

    async def file(self, path: str, id_: str, beside: Directory) -> bytes:
        """The content of a file, and into the cache the small ones beside it.

        Whoever reads one manifest of a directory reads the others next.

        Raises:
            TooLarge: the file is larger than a file may be.
            PointerRefused: Git LFS keeps it elsewhere.
            TreeRefused: it is no file, whatever its directory says.
            MirrorCorrupt: it is missing.
        """
        cached = self.objects.blobs.get(id_)
        if cached is not None and len(cached) <= self.limits.file:
            return self._content(path, cached)
        ahead = [id_, *self._neighbours(beside, id_)]
        found = await self._contents(ahead, self.limits.file, dict.fromkeys(ahead, path))
        for object_ in found:
            if object_ is not None and object_.kind == "blob" and object_.data is not None:
                self.objects.blobs.put(object_.id, object_.data, len(object_.data) + _OVERHEAD)
        wanted = found[0]
        if wanted is None:
            raise self._lost(path)
        if wanted.kind != "blob":
            raise TreeRefused(f"{self.at(path)} is a {wanted.kind}, not a file", remedy="write the commit anew")
        if wanted.data is None:
            raise TooLarge(
                f"{self.at(path)} has {wanted.size} bytes, more than the {self.limits.file} of a file",
                remedy="move what is no manifest out of the repository, or split the file",
            )
        return self._content(path, wanted.data)

    async def sizes(self, files: Mapping[str, str]) -> dict[str, int]:
        """Sizes in bytes by object id; `files` has the path of each.

        Raises:
            MirrorCorrupt: one is missing.
        """
        known = {id_: self.objects.sizes.get(id_) for id_ in files}
        missing = [id_ for id_, size in known.items() if size is None]
        try:
            found = await self.objects.headers(missing)
        except GitFailure as failure:
            raise self._unreadable(failure, files[missing[0]]) from None
        for id_, object_ in zip(missing, found, strict=True):
            if object_ is None:
                raise self._lost(files[id_])
            known[id_] = object_.size
            self.objects.sizes.put(id_, object_.size)
        return {id_: size for id_, size in known.items() if size is not None}

    def at(self, path: str) -> str:
        """Where something is, for an error."""
        return f"Repository {self._repository}, commit {self._sha[:12]}: {path or 'the root directory'}"

    async def _contents(self, ids: Sequence[str], longest: int, where: Mapping[str, str]) -> list[Object | None]:
        try:
            return await self.objects.contents(ids, longest)
        except GitFailure as failure:
            raise self._unreadable(failure, where[ids[0]]) from None

    def _content(self, path: str, data: bytes) -> bytes:
        if data.startswith(_POINTER) and len(data) < _LONGEST_POINTER:
            raise PointerRefused(
                f"{self.at(path)} is a pointer of Git LFS, not the file itself",
                remedy="keep what is rendered in Git: git lfs migrate export, or git lfs untrack and commit it",
            )
        return data

    def _neighbours(self, directory: Directory, but: str) -> list[str]:
        sizes, blobs = self.objects.sizes, self.objects.blobs
        found: list[str] = []
        room = _AHEAD_BYTES
        for node in directory.nodes.values():
            # Sizes are known of directories that were listed.
            size = sizes.get(node.id) if node.kind == "blob" and node.id != but else None
            if size is None or size > room or blobs.get(node.id) is not None:
                continue
            found.append(node.id)
            room -= size + _OVERHEAD
        return found

    async def _keep(self, object_: Object, path: str) -> Directory:
        if object_.kind != "tree":
            raise TreeRefused(f"{self.at(path)} is a {object_.kind}, not a directory", remedy="write the commit anew")
        if object_.data is None:
            raise TooLarge(f"{self.at(path)} holds too many names", remedy="spread the files over directories")
        hash_size = len(self._sha) // 2
        try:
            if len(object_.data) <= _SHORT_TREE:
                directory = parse(object_.data, hash_size)
            else:
                directory = await asyncio.to_thread(parse, object_.data, hash_size)
        except MalformedTree as error:
            raise TreeRefused(f"{self.at(path)} can't be read: {error}", remedy="write the commit anew") from None
        self.objects.trees.put(object_.id, directory, len(directory.nodes) + 1)
        return directory

    def _lost(self, path: str) -> MirrorCorrupt:
        self.objects.on_corrupt()
        return MirrorCorrupt(f"{self.at(path)} is missing in the mirror", remedy="it is fetched again by itself")

    def _unreadable(self, failure: GitFailure, path: str) -> ShipslogError:
        if failure.cause == "size":
            return TooLarge(f"{self.at(path)} takes more memory than git may use", remedy="write the commit anew")
        if failure.cause in {"corrupt", "timeout", "absent"}:
            return MirrorCorrupt(
                f"{self.at(path)} can't be read from the mirror: {failure.detail}",
                remedy="it is fetched again by itself",
            )
        return GitFailed(f"{self.at(path)} can't be read: {failure.detail}")
