"""Lines of a stream, each an event of a watch, of bounded size."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Self

from controller.kube.errors import ServerError

if TYPE_CHECKING:
    import aiohttp

LIMIT = 8 << 20
"""Longest line, in bytes: etcd holds objects up to 1.5 MiB, whose JSON can be about twice as long."""


class Lines:
    """Asynchronous iterator over the lines of a stream; a torn last line is left out.

    No generator: nothing is left behind when a loop over it ends early.
    """

    def __init__(self, content: aiohttp.StreamReader, limit: int = LIMIT) -> None:
        self._content = content
        self._limit = limit
        self._ready: deque[bytes] = deque()
        self._begun: list[bytes] = []
        self._begun_size = 0

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        """The next line without its end; raises ServerError for one beyond the limit."""
        while not self._ready:
            chunk = await self._content.readany()
            if not chunk:
                raise StopAsyncIteration
            self._take(chunk)
        return self._ready.popleft()

    def _take(self, chunk: bytes) -> None:
        first, *others = chunk.split(b"\n")
        self._begun.append(first)
        self._begun_size += len(first)
        if others:
            line, last = b"".join(self._begun), others.pop()
            self._ready.extend(line for line in (line, *others) if line)
            self._begun, self._begun_size = [last], len(last)
        if self._begun_size > self._limit:
            raise ServerError(f"a line of the watch is longer than {self._limit} bytes")
