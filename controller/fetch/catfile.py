"""A persistent `git cat-file`: many objects by id in two exchanges over a pipe, whatever their number."""

from __future__ import annotations

import contextlib
import os
import selectors
import time
from typing import TYPE_CHECKING, NamedTuple

import git

from controller.fetch.command import end, start
from controller.fetch.errors import GitFailure
from controller.fetch.failure import failure_of

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_CHUNK = 500
"""Requests written at once: they fit into the pipe (64 KiB) even when nobody reads, so neither side waits for ever."""
_SECONDS = 30.0
"""Longest time the next part of an answer may take: the objects are on our own disk."""


class Object(NamedTuple):
    """An object of the mirror. `data` is None when it was not asked for, or is larger than the limit."""

    id: str
    kind: str
    size: int
    data: bytes | None = None


class CatFile:
    """Held by GitPython, used on one thread. Starts with the first request, and again after a failure."""

    def __init__(self, directory: Path, environment: Mapping[str, str]) -> None:
        self._client = git.Git(directory)
        self._environment = environment
        self._process: subprocess.Popen[bytes] | None = None
        self._selector: selectors.DefaultSelector | None = None
        self._buffer = bytearray()
        self._stderr = bytearray()

    def headers(self, names: Sequence[str]) -> list[Object | None]:
        """Kind and size of each object, in order; None for those that are missing.

        A name is an id, or an id with `^{commit}` or `^{tree}` behind it.

        Raises:
            GitFailure: the mirror is corrupt, or git went away.
        """
        return [found for chunk in _chunks(names) for found in self._exchange("info", chunk)]

    def contents(self, names: Sequence[str], longest: int) -> list[Object | None]:
        """As `headers`, with the content of objects up to `longest` bytes.

        Raises:
            GitFailure: the mirror is corrupt, or git went away.
        """
        found = self.headers(names)
        wanted = [object_.id for object_ in found if object_ is not None and object_.size <= longest]
        full = {
            object_.id: object_
            for chunk in _chunks(list(dict.fromkeys(wanted)))
            for object_ in self._exchange("contents", chunk)
            if object_ is not None
        }
        return [object_ and full.get(object_.id, object_) for object_ in found]

    def close(self) -> None:
        """End the process; a later request starts another."""
        if self._selector is not None:
            self._selector.close()
        if self._process is not None:
            if self._process.stdin is not None:
                with contextlib.suppress(BrokenPipeError):
                    self._process.stdin.close()
            end(self._process)
        self._process = self._selector = None
        self._buffer.clear()
        self._stderr.clear()

    def _exchange(self, command: str, names: Sequence[str]) -> list[Object | None]:
        try:
            self._write("".join(f"{command} {name}\n" for name in names) + "flush\n")
            return [self._answer(with_content=command == "contents") for _ in names]
        except BaseException:
            # What is left in the pipe answers questions of this call: nobody else may read it.
            self.close()
            raise

    def _write(self, text: str) -> None:
        if self._process is None:
            arguments = ("cat-file", "--batch-command", "--buffer")
            self._process = start(self._client, arguments, self._environment, -1)  # subprocess.PIPE
            self._selector = selectors.DefaultSelector()
            for stream, kept in ((self._process.stdout, self._buffer), (self._process.stderr, self._stderr)):
                if stream is not None:
                    self._selector.register(stream, selectors.EVENT_READ, kept)
        if self._process.stdin is None:
            raise GitFailure("git", "cat-file has no input")
        try:
            os.write(self._process.stdin.fileno(), text.encode())
        except BrokenPipeError:
            raise self._death() from None

    def _answer(self, *, with_content: bool) -> Object | None:
        header = self._line()
        parts = header.split()
        if len(parts) != 3 or not parts[2].isdigit():
            if parts and parts[-1] == "missing":
                return None
            raise GitFailure("corrupt", f"cat-file answered {header[:200]!r}")
        size = int(parts[2])
        data = self._exactly(size + 1)[:-1] if with_content else None
        return Object(parts[0], parts[1], size, data)

    def _line(self) -> str:
        while (position := self._buffer.find(b"\n")) < 0:
            self._fill()
        line = self._buffer[:position].decode("utf-8", "replace")
        del self._buffer[: position + 1]
        return line

    def _exactly(self, size: int) -> bytes:
        while len(self._buffer) < size:
            self._fill()
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        return data

    def _fill(self) -> None:
        """Read more of the answer into the buffer; what it says on stderr is kept for the error."""
        deadline = time.monotonic() + _SECONDS
        before = len(self._buffer)
        while len(self._buffer) == before:
            assert self._selector is not None  # noqa: S101 - opened with the process
            ready = self._selector.select(max(0.0, deadline - time.monotonic()))
            if not ready:
                raise GitFailure("timeout", f"cat-file did not answer in {_SECONDS:g} s")
            for key, _ in ready:
                block = os.read(key.fd, 1 << 18)
                key.data.extend(block)
                if not block and key.data is self._buffer:
                    raise self._death()
                if not block:
                    self._selector.unregister(key.fileobj)
                del self._stderr[: -(1 << 13)]

    def _death(self) -> GitFailure:
        """Why the process went away: only a broken mirror or too much memory makes it."""
        if self._process is not None and self._process.stderr is not None:
            os.set_blocking(self._process.stderr.fileno(), False)
            with contextlib.suppress(BlockingIOError):
                self._stderr += os.read(self._process.stderr.fileno(), 1 << 13)
        failure = failure_of(self._stderr.decode("utf-8", "replace"))
        return failure if failure.cause == "size" else GitFailure("corrupt", f"cat-file ended: {failure.detail}")


def _chunks(names: Sequence[str]) -> list[Sequence[str]]:
    return [names[first : first + _CHUNK] for first in range(0, len(names), _CHUNK)]
