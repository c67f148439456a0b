"""Answers the engine's look-ups from a commit's tree, within bounds: nothing the engine asks for is trusted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controller.errors import ShipslogError
from controller.render.errors import RenderError
from controller.render.protocol import Ask, Found, SentEntry, fill

if TYPE_CHECKING:
    from collections.abc import Sequence

    from controller.render.request import Limits
    from controller.render.tree import Entry, Tree

PREFETCHED_FILES = 100
PREFETCHED_BYTES = 1 << 20
PREFETCHED_FILE_BYTES = 256 << 10
MANIFEST_ENDINGS = (".yaml", ".yml", ".json", "Kustomization")
LISTED_BYTES = 256  # what one name costs in a message, at most about


class Lookup:
    """The look-ups of one request."""

    def __init__(self, tree: Tree, limits: Limits) -> None:
        self._tree = tree
        self._limits = limits
        self._left = 2 * limits.total_bytes  # the engine may ask for a file twice, not for ever
        self.error: ShipslogError | None = None
        """The first look-up that failed: the request's outcome, whatever the engine makes of it."""

    async def answer(self, ask: Ask) -> Found:
        """Return what stands at the path; after a failure the engine is told that it can't have it."""
        try:
            return await self._answer(ask)
        except ShipslogError as error:
            self.error = self.error or error
            return Found(kind="large", at=ask.path)

    async def _answer(self, ask: Ask) -> Found:
        path = _checked(ask.path)
        if ask.read:
            return await self._contents(path, ask.read)
        if ask.deep:
            return await self._subtree(path)
        return await self.directory(path) or await self._file(path)

    async def directory(self, path: str) -> Found | None:
        """Return the listing of a directory, with the contents of the manifests in it; None when there is none."""
        entries = await self._tree.entries(path)
        if entries is None:
            return None
        listed = [SentEntry(path=e.path, kind=e.kind, size=e.size) for e in entries]
        files, size = 0, 0
        for entry in listed:
            if entry.kind != "blob" or not entry.path.endswith(MANIFEST_ENDINGS) or entry.size > PREFETCHED_FILE_BYTES:
                continue
            files, size = files + 1, size + entry.size
            if files > PREFETCHED_FILES or size > PREFETCHED_BYTES:
                break
            await self._fill(entry, _join(path, entry.path))
        return Found(kind="tree", entries=listed)

    async def _file(self, path: str) -> Found:
        stands = await self._tree.object_id(path)
        if stands is None:
            return await self._hidden(path)
        kind = stands.partition(":")[0]
        if kind == "symlink":
            return Found(kind="symlink", at=path)
        if kind == "submodule":
            return Found(kind="submodule", at=path)
        data = await self._tree.blob(path)
        if data is None:
            return Found(kind="none")
        if len(data) > self._limits.file_bytes:
            return Found(kind="large", at=path)
        self._spend(len(data), path)
        found = Found(kind="blob")
        fill(found, data)
        return found

    async def _hidden(self, path: str) -> Found:
        """Say which symlink or submodule stands above a path that isn't there, if any does."""
        parent = path.rpartition("/")[0]
        while parent:
            found = await self._tree.object_id(parent)
            if found is not None:
                kind = found.partition(":")[0]
                if kind == "symlink":
                    return Found(kind="symlink", at=parent)
                if kind == "submodule":
                    return Found(kind="submodule", at=parent)
                break
            parent = parent.rpartition("/")[0]
        return Found(kind="none")

    async def _subtree(self, path: str) -> Found:
        entries: Sequence[Entry] | None = await self._tree.entries(path, deep=True)
        if entries is None:
            return Found(kind="none")
        if len(entries) > 10 * self._limits.files:
            return Found(kind="large", at=path)
        self._spend(len(entries) * LISTED_BYTES, path)
        return Found(kind="tree", entries=[SentEntry(path=e.path, kind=e.kind, size=e.size) for e in entries])

    async def _contents(self, path: str, names: Sequence[str]) -> Found:
        entries = [SentEntry(path=_checked(name), kind="blob") for name in names]
        for entry in entries:
            await self._fill(entry, _join(path, entry.path))
        return Found(kind="tree", entries=entries)

    async def _fill(self, entry: SentEntry, path: str) -> None:
        data = await self._tree.blob(path)
        if data is None:
            return
        self._spend(len(data), path)
        fill(entry, data)

    def _spend(self, size: int, path: str) -> None:
        self._left -= size
        if self._left < 0:
            raise RenderError(
                f"the files that rendering reads are larger than {self._limits.total_bytes} bytes together",
                fault="limit",
                file=path,
            )


def _join(directory: str, name: str) -> str:
    return f"{directory}/{name}" if directory else name


def _checked(path: str) -> str:
    if path and any(part in ("", ".", "..") for part in path.split("/")):
        raise RenderError(f"the engine asked for {path!r}, which is no path of a repository", file=path)
    return path
