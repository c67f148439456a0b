"""One bare mirror for the event loop: the commits of one URL that somebody wants."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import re
from typing import TYPE_CHECKING, TypeVar

from controller.fetch import commit, environment, refs, signature
from controller.fetch.cache import Cache
from controller.fetch.conversation import converse
from controller.fetch.errors import GitFailure
from controller.fetch.objects import Objects
from controller.fetch.store import Access, Store

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence
    from pathlib import Path

    from controller.fetch.command import Command
    from controller.fetch.errors import Cause

_Result = TypeVar("_Result")
_LONGEST_COMMIT = 1 << 20
_COMMITS = 1000


class Mirror:
    """One bare mirror and the git processes that work on it: one for the server, one for reading objects.

    The methods that talk to the server belong to one task, one call after the other; `objects` is everybody's.
    """

    def __init__(self, directory: Path, access: Access, *, largest: int) -> None:
        """`largest`: bytes that the mirror may have on disk."""
        self.access = access
        self.objects = Objects(directory, environment.local(directory))
        self.objects.on_corrupt = self._distrust
        self.objects.on_missing = self._doubt
        self.corrupt = False
        """Objects were missing: thrown away at the next `open`."""
        self.on_corrupt: Callable[[], None] = lambda: None
        """Called when they are found missing."""
        self.size = 0
        """Bytes on disk, as of the last fetch."""
        self.evicted = False
        """It made room for others: `have` is what it had, and nothing of it is on disk."""
        self.have: dict[str, str] = {}
        """Object ids of what we fetched, by the server's name without `refs/`: `heads/main`."""
        self.head = ""
        """Full name of the server's default branch, as of the last look."""
        self._commits: Cache[commit.Commit] = Cache(_COMMITS)
        self._verdicts: Cache[signature.Verdict] = Cache(_COMMITS)
        self._store = Store(directory, largest)
        self._hash_size = 0
        self._listed: tuple[bytes, refs.RefTable] | None = None

    async def open(self, hash_size: int = 0) -> None:
        """Make the mirror, or take the one that stands there; `hash_size`: characters of an object id, 0 for any.

        Raises:
            GitFailure: it can't be made.
        """
        if self.corrupt:
            await self.discard()
        if self._hash_size and hash_size in {0, self._hash_size}:
            return
        if self._hash_size:
            await self.discard()

        def work(command: Command) -> tuple[int, dict[str, str], str, int]:
            size = self._store.open(command, hash_size)
            return size, self._store.refs(command), self._store.head(), self._store.size()

        self._hash_size, self.have, self.head, self.size = await self._converse(work)

    async def list_refs(self) -> refs.RefTable:
        """Ask the server for its refs: one request.

        Raises:
            GitFailure: by cause.
        """
        access, listed = self.access, self._listed

        def work(command: Command) -> tuple[bytes, refs.RefTable]:
            text = self._store.list_refs(command, access)
            digest = hashlib.sha256(text).digest()
            # Nearly always the same as before; here, because reading 100,000 refs takes a while.
            return listed if listed and listed[0] == digest else (digest, refs.parse(text.decode("utf-8", "replace")))

        self._listed = await self._converse(work)
        return self._listed[1]

    async def fetch(self, refspecs: Sequence[str], gone: Collection[str] = (), *, replace: bool = False) -> None:
        """Fetch these refspecs, after our refs that are `gone` were deleted; `have` is true again then.

        `replace`: history that nothing of ours reaches afterwards makes room, if that is needed.

        Raises:
            GitFailure: by cause; `size` when the mirror would grow over its limit: nothing was fetched then.
        """
        access = self.access
        before = {name: id_ for name, id_ in self.have.items() if name not in gone}
        if replace:
            self._commits.clear()  # none of them is missed because it was here once

        def work(command: Command) -> tuple[dict[str, str], int]:
            if gone:
                self._store.delete(command, gone)
            if refspecs:
                self._store.fetch(command, access, refspecs, before, replace=replace)
            return self._store.refs(command), self._store.size()

        try:
            self.have, self.size = await self._converse(work)
        except GitFailure as failure:
            if failure.cause == "size":
                self.have = before
            raise
        self.objects.used = asyncio.get_running_loop().time()  # somebody waits for it

    async def compact(self, keep: Iterable[str]) -> None:
        """Throw out all that none of these refs of ours reaches, if that can be done in time.

        Raises:
            GitFailure: the mirror is corrupt.
        """
        unwanted = self.have.keys() - set(keep)

        def work(command: Command) -> tuple[dict[str, str], int]:
            self._store.compact(command, unwanted)
            return self._store.refs(command), self._store.size()

        self._commits.clear()  # none of them is missed because it was here once
        try:
            self.have, self.size = await self._converse(work)
        except GitFailure as failure:
            if failure.cause not in {"timeout", "size", "disk"}:
                raise

    async def pin(self, sha: str) -> None:
        """Keep a commit that is in the mirror.

        Raises:
            GitFailure: it is not there.
        """
        await self._converse(lambda command: self._store.pin(command, sha))
        self.have[f"commits/{sha}"] = sha

    async def set_head(self, name: str) -> None:
        """Remember which branch is the server's default, also over a restart.

        Raises:
            GitFailure: the mirror can't be written.
        """
        if name != self.head and not self.evicted:
            await self._converse(lambda _: self._store.set_head(name))
            self.head = name

    async def is_ancestor(self, old: str, new: str) -> bool:
        """Whether the history of `new` holds `old`; also False when the mirror has no `old` (any more).

        Raises:
            GitFailure: git can't be asked.
        """
        return await self._converse(lambda command: self._store.is_ancestor(command, old, new))

    async def commit(self, name: str) -> commit.Commit | None:
        """The commit by this id, tags followed; None when the mirror has no commit by it.

        Raises:
            GitFailure: the mirror can't be read.
        """
        known = self._commits.get(name)
        if known is not None:
            return known
        (found,) = await self.objects.contents([f"{name}^{{commit}}"], _LONGEST_COMMIT)
        if found is None:
            return None
        known = commit.parse(found.id, found.data or b"")
        self._commits.put(name, known)
        self._commits.put(known.sha, known)
        return known

    async def signature(self, kind: signature.Kind, sha: str, keys: signature.Keys) -> signature.Verdict:
        """Check the signature of a commit or an annotated tag; remembered by its content and the keys.

        Raises:
            GitFailure: it can't be checked.
        """
        name = f"{kind} {sha} {hashlib.sha256(keys.openpgp + keys.ssh.encode()).hexdigest()}"
        known = self._verdicts.get(name)
        if known is None:
            local = environment.local(self._store.directory)
            known = await self._converse(lambda command: signature.check(command, local, kind, sha, keys))
            self._verdicts.put(name, known)
        return known

    async def tag_name(self, sha: str) -> str:
        """The name that an annotated tag gives itself; empty when it can't be read.

        Raises:
            GitFailure: the mirror can't be read.
        """
        (found,) = await self.objects.contents([sha], _LONGEST_COMMIT)
        named = re.search(rb"^tag (.*)$", (found.data if found else None) or b"", re.MULTILINE)
        return named[1].decode("utf-8", "replace") if named else ""

    async def evict(self) -> None:
        """Make room for other mirrors: off the disk, but what it had is still known.

        While none of it moves, and nobody reads it, it is not fetched again.
        """
        await self.objects.rest()
        self.objects.absent = self.evicted = True
        self.size = 0
        await self._converse(lambda _: self._store.discard())

    async def restore(self, hash_size: int = 0) -> None:
        """Take a place on the disk again, empty as yet.

        Raises:
            GitFailure: it can't be made.
        """
        self.objects.absent = self.evicted = False
        self._commits.clear()  # they are not in it yet
        self._hash_size = 0
        await self.open(hash_size)

    async def discard(self) -> None:
        """Throw the mirror away; the next `open` makes another."""
        await self.objects.rest()
        self.objects.forget()
        self._commits.clear()
        await self._converse(lambda _: self._store.discard())
        self._hash_size, self.have, self.head, self.corrupt = 0, {}, "", False
        self.size, self.evicted, self.objects.absent = 0, False, False

    async def close(self) -> None:
        """End the reading; the directory stays. What talks to the server ends with its task."""
        await self.objects.close()

    def _doubt(self, sha: str) -> None:
        """A commit is missing: what was here once does not go away, unless the mirror is broken."""
        if self._commits.get(sha) is not None:
            self._distrust()

    def _distrust(self) -> None:
        if not self.corrupt:
            self.corrupt = True
            self.on_corrupt()

    async def _converse(self, work: Callable[[Command], _Result]) -> _Result:
        try:
            # In the parent: the mirror's own directory may be made or thrown away meanwhile.
            return await converse(self._store.directory.parent, work)
        except OSError as error:
            cause: Cause = "descriptors" if error.errno in {errno.EMFILE, errno.ENFILE} else "disk"
            detail = f"{error.strerror}: {error.filename}" if error.filename else str(error.strerror)
            raise GitFailure(cause, detail) from error


def directory_name(url: str, scope: str) -> str:
    """Name of a mirror's directory. `scope`: whose credentials read it; empty: nobody's, so everybody shares it."""
    return hashlib.sha256(f"{url}\0{scope}".encode()).hexdigest()[:32] + ".git"
