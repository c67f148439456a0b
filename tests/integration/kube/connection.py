"""A TCP connection between a client and an API server that a test can cut."""

from __future__ import annotations

import asyncio
import contextlib
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from tests.controlplane import ControlPlane


class Connection:
    """Forwards bytes between its own port and the API server's."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._changed = asyncio.Condition()
        self.port = 0
        self.accepted = 0
        self.refusing = False

    @classmethod
    @asynccontextmanager
    async def to(cls, plane: ControlPlane) -> AsyncIterator[Connection]:
        """A way to this control plane's API server."""
        parts = urlsplit(plane.url)
        made = cls(parts.hostname or "", parts.port or 0)
        made._server = await asyncio.start_server(made._accept, "127.0.0.1", 0)
        made.port = made._server.sockets[0].getsockname()[1]
        try:
            yield made
        finally:
            made._server.close()
            made.cut()
            await asyncio.gather(*made._tasks, return_exceptions=True)
            await made._server.wait_closed()

    @property
    def open(self) -> int:
        """Number of connections that stand."""
        return len(self._tasks)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until it holds; fails after some seconds."""
        async with asyncio.timeout(10), self._changed:
            await self._changed.wait_for(condition)

    def cut(self) -> None:
        """Break every connection that stands."""
        for writer in self._open:
            writer.transport.abort()

    def kubeconfig(self, plane: ControlPlane) -> bytes:
        """The administrator's kubeconfig, by this way."""
        return plane.kubeconfig.read_text().replace(plane.url, f"https://127.0.0.1:{self.port}").encode()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        async with self._changed:
            self._changed.notify_all()
        if self.refusing:
            writer.transport.abort()
            return
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            far_reader, far_writer = await asyncio.open_connection(*self._target)
            self._open |= {writer, far_writer}
            async with asyncio.TaskGroup() as group:
                group.create_task(self._forward(reader, far_writer), name="to the server")
                group.create_task(self._forward(far_reader, writer), name="to the client")
            self._open -= {writer, far_writer}
        finally:
            self._tasks.discard(task)
            async with self._changed:
                self._changed.notify_all()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(1 << 16):
                writer.write(data)
                await writer.drain()
        writer.transport.abort()
