"""The mirror on disk, and the git commands that work on it. Everything here blocks: it runs on a thread.

```text
<hash of URL and credentials' scope>.git
    refs/shipslog/heads/main       what the server's refs/heads/main was when we fetched last
    refs/shipslog/tags/v1          the same for a tag
    refs/shipslog/HEAD             the same for a detached HEAD
    refs/shipslog/others/pull/7/head   the same for refs/pull/7/head
    refs/shipslog/commits/<sha>    a commit that was asked for by its id
    refs/shipslog/all/...          all branches and tags, where a commit had to be searched in them
    shipslog-head                  full name of the server's default branch
```
The configuration names no remote: URL and credentials are given to each command anew. A mirror may be lost at any
time: it is made again.
"""

from __future__ import annotations

import functools
import shutil
import uuid
from typing import TYPE_CHECKING, NamedTuple

from controller.fetch import environment
from controller.fetch.errors import GitFailure
from controller.fetch.failure import failure_of, printable
from controller.fetch.login import check_url, login, redacted
from controller.fetch.memfile import MemoryFiles

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from pathlib import Path

    from controller.fetch.command import Command, Output
    from controller.model.repository import Credentials

OURS = "refs/shipslog/"
_LOCAL_SECONDS = 60.0
"""Longest time a command that talks to nobody may take."""
_COMPACT_SECONDS = 300.0
_MOST_PACKS = 40
"""Packs that may pile up, one per fetch, before they are put together."""
_HEAD = "shipslog-head"
_LEFTOVERS = ("*.lock", "refs/**/*.lock", "objects/pack/tmp_*", "objects/pack/.tmp-*", "objects/??/tmp_obj_*")


class Access(NamedTuple):
    """How to talk to the server."""

    url: str
    credentials: Credentials | None = None
    seconds: float = 60.0
    """Longest time of one conversation."""
    file_urls: bool = False
    problem: str = ""
    """Why the Secrets that the Repository names can't be used: the server is not asked then."""


class Store:
    """One directory, used by one thread at a time."""

    def __init__(self, directory: Path, largest: int) -> None:
        """`largest`: bytes that the mirror may have on disk."""
        self.directory = directory
        self._largest = largest
        self._local = environment.local(directory)

    def open(self, command: Command, hash_size: int) -> int:
        """Take the mirror that stands there, or make one; its object ids' size in characters.

        `hash_size`: of a new one; 0: the usual 40.

        Raises:
            GitFailure: it can't be made.
        """
        if (self.directory / "HEAD").is_file():
            self._clean()
            output = self._run(command, "rev-parse", "--show-object-format")
            size = {"sha1": 40, "sha256": 64}.get(output.stdout.decode().strip())
            if output.code == 0 and size:
                return size
        self.discard()
        self._make(command, hash_size or 40)
        return hash_size or 40

    def refs(self, command: Command) -> dict[str, str]:
        """Object ids of our refs, without their prefix: `heads/main`.

        Raises:
            GitFailure: the mirror is corrupt.
        """
        output = self._checked(command, "for-each-ref", "--format=%(objectname) %(refname)", OURS)
        lines = (line.split(" ", 1) for line in output.stdout.decode().splitlines())
        return {name.removeprefix(OURS): id_ for id_, name in lines}

    def list_refs(self, command: Command, access: Access) -> bytes:
        """What `git ls-remote --symref` says.

        Raises:
            GitFailure: by cause.
        """
        return self._remote(command, access, "ls-remote", "--quiet", "--symref", "--", access.url).stdout

    def fetch(
        self, command: Command, access: Access, refspecs: Sequence[str], have: Mapping[str, str], *, replace: bool
    ) -> None:
        """Fetch these refspecs, and put packs together when there are many.

        `have`: our refs as they are now; so they are again when the mirror would grow over its limit. `replace`: what
        the fetch takes the place of does not count, though old and new are on disk together for a moment.

        Raises:
            GitFailure: by cause; `size` when the mirror would grow over its limit.
        """
        options = (
            "--quiet",
            "--no-tags",
            "--no-write-fetch-head",
            "--no-auto-maintenance",
            "--no-recurse-submodules",
            "--no-show-forced-updates",
        )
        packs, largest = self._packs(), self._largest * (2 if replace else 1)
        watch = functools.partial(self._check_size, largest)
        try:
            self._remote(command, access, "fetch", *options, "--stdin", "--", access.url, lines=refspecs, watch=watch)
            watch()
            if replace and self.size() > self._largest:
                self._replace(command)
        except GitFailure as failure:
            if failure.cause == "size":
                self._take_back(command, have, packs)
            raise
        finally:
            self._clean()
        if len(self._packs()) > _MOST_PACKS:
            self._checked(command, "repack", "--geometric=2", "-d", "-q")

    def compact(self, command: Command, unwanted: Collection[str]) -> None:
        """Throw out these refs of ours, and all objects that no other one reaches.

        Raises:
            GitFailure: the mirror is corrupt, or it takes too long; then it is as large as before.
        """
        if unwanted:
            self.delete(command, unwanted)
        try:
            self._checked(command, "repack", "-a", "-d", "-q", seconds=_COMPACT_SECONDS)
        finally:
            self._clean()

    def delete(self, command: Command, names: Collection[str]) -> None:
        """Delete refs of ours.

        Raises:
            GitFailure: the mirror is corrupt.
        """
        self._checked(command, "update-ref", "--stdin", lines=[f"delete {OURS}{name}" for name in names])

    def pin(self, command: Command, sha: str) -> None:
        """Keep a commit that is in the mirror.

        Raises:
            GitFailure: it is not there.
        """
        self._checked(command, "update-ref", f"{OURS}commits/{sha}", sha)

    def head(self) -> str:
        """What `set_head` was told last; empty when nothing."""
        path = self.directory / _HEAD
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    def set_head(self, name: str) -> None:
        """Keep the name of the server's default branch."""
        new = self.directory / f"{_HEAD}.lock"
        new.write_text(name, encoding="utf-8")
        new.replace(self.directory / _HEAD)

    def is_ancestor(self, command: Command, old: str, new: str) -> bool:
        """Whether the history of `new` holds `old`. It is here in full: what is not here at all is not in it.

        Raises:
            GitFailure: `new` is not here.
        """
        code = self._run(command, "merge-base", "--is-ancestor", old, new).code
        if code not in {0, 1}:
            self._checked(command, "cat-file", "-e", f"{new}^{{commit}}")
        return code == 0

    def discard(self) -> None:
        """Delete the mirror. Moved aside first: half a mirror must not be taken for one."""
        if self.directory.suffix == ".gone":
            shutil.rmtree(self.directory, ignore_errors=True)
        elif self.directory.exists():
            aside = self.directory.with_name(f"{self.directory.name}.{uuid.uuid4().hex}.gone")
            self.directory.rename(aside)
            shutil.rmtree(aside, ignore_errors=True)

    def _take_back(self, command: Command, have: Mapping[str, str], packs: set[str]) -> None:
        """Undo a fetch: what was there before stays for those who read it."""
        now = self.refs(command)
        lines = [f"update {OURS}{name} {id_}" for name, id_ in have.items() if now.get(name) != id_]
        lines += [f"delete {OURS}{name}" for name in now if name not in have]
        if lines:
            self._checked(command, "update-ref", "--stdin", lines=lines)
        for pack in self._packs() - packs:
            for path in sorted(self.directory.glob(f"objects/pack/{pack}.*")):  # the index before the pack
                path.unlink(missing_ok=True)

    def _packs(self) -> set[str]:
        return {path.stem for path in self.directory.glob("objects/pack/*.pack")}

    def _make(self, command: Command, hash_size: int) -> None:
        new = self.directory.with_name(f"{self.directory.name}.{uuid.uuid4().hex}.gone")
        new.parent.mkdir(parents=True, exist_ok=True)
        object_format = "sha256" if hash_size == 64 else "sha1"
        arguments = ("init", "--bare", "--quiet", "--template=", f"--object-format={object_format}", "--", str(new))
        output = command.run(arguments, environment.local(new), _LOCAL_SECONDS)
        if output.code:
            raise failure_of(output.stderr)
        new.rename(self.directory)

    def _clean(self) -> None:
        """Remove what a killed git left: nobody else works in this directory."""
        for pattern in _LEFTOVERS:
            for path in self.directory.glob(pattern):
                path.unlink(missing_ok=True)

    def size(self) -> int:
        """Bytes of its packs, which is nearly all that it takes."""
        size = 0
        for path in self.directory.glob("objects/pack/*"):
            try:
                size += path.stat().st_size
            except FileNotFoundError:
                continue
        return size

    def _check_size(self, largest: int) -> None:
        if self.size() > largest:
            raise GitFailure("size", f"over {self._largest >> 20} MiB")

    def _replace(self, command: Command) -> None:
        """Throw out what no ref of ours reaches any more, where the rest fits then."""
        options = ("--disk-usage", "--objects", f"--glob={OURS}")
        output = self._checked(command, "rev-list", *options, seconds=_COMPACT_SECONDS)
        if int(output.stdout) > self._largest:
            raise GitFailure("size", f"over {self._largest >> 20} MiB")
        self.compact(command, ())

    def _remote(
        self,
        command: Command,
        access: Access,
        *arguments: str,
        lines: Sequence[str] = (),
        watch: Callable[[], None] | None = None,
    ) -> Output:
        check_url(access.url)
        if access.problem:
            raise GitFailure("secret", access.problem)
        with MemoryFiles() as files:
            try:
                granted = login(access.url, access.credentials, files) if access.credentials else None
            except ValueError as error:
                raise GitFailure("password", str(error)) from None
            variables = environment.remote(self.directory, granted, file_urls=access.file_urls)
            output = command.run(arguments, variables, access.seconds, lines=lines, watch=watch)
        if output.code:
            raise failure_of(redacted(output.stderr, access.credentials))
        return output

    def _checked(
        self, command: Command, *arguments: str, lines: Sequence[str] = (), seconds: float = _LOCAL_SECONDS
    ) -> Output:
        output = command.run(arguments, self._local, seconds, lines=lines)
        if output.code:
            failure = failure_of(output.stderr)
            # Nobody but the disk takes part in these commands.
            cause = failure.cause if failure.cause in {"disk", "size", "descriptors"} else "corrupt"
            raise GitFailure(cause, f"git {arguments[0]}: {printable(failure.detail)}")
        return output

    def _run(self, command: Command, *arguments: str) -> Output:
        return command.run(arguments, self._local, _LOCAL_SECONDS)


def stored(directory: Path) -> list[str]:
    """Names of the mirrors below a directory, and of what a killed run left of some."""
    return sorted(path.name for pattern in ("*.git", "*.gone") for path in directory.glob(pattern))
