"""A relay before a server: it can be pointed elsewhere, and can break connections at the worst moment."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Self
from urllib.parse import urlsplit, urlunsplit


class Relay:
    """Passes bytes both ways between its own port and the server of a DSN. `target` None: nobody is there."""

    def __init__(self, dsn: str) -> None:
        self.target: str | None = dsn
        self._dsn = dsn
        self._writers: set[asyncio.StreamWriter] = set()
        self._lose_answer_to = b""
        self.lost = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self._port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self.cut()
        # The tasks that serve connections end by themselves once these are cut.
        while self._writers:  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0)
        await self._server.wait_closed()

    @property
    def dsn(self) -> str:
        """The DSN by which one comes through here."""
        parts = urlsplit(self._dsn)
        login = parts.netloc.rpartition("@")[0]
        return urlunsplit(parts._replace(netloc=f"{login}@127.0.0.1:{self._port}"))

    def cut(self) -> None:
        """Break all connections."""
        for writer in self._writers:
            writer.transport.abort()

    def lose_answer_to(self, request: bytes) -> None:
        """Pass the next request that holds these bytes, and break the connection instead of passing the answer."""
        self._lose_answer_to = request

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            if self.target is None:
                return
            parts = urlsplit(self.target)
            up_reader, up_writer = await asyncio.open_connection(parts.hostname, parts.port)
            self._writers.add(up_writer)
            deaf = asyncio.Event()
            try:
                with contextlib.suppress(OSError):
                    async with asyncio.TaskGroup() as group:
                        group.create_task(self._up(reader, up_writer, deaf), name="relay up")
                        group.create_task(self._down(up_reader, writer, deaf), name="relay down")
            except* OSError:
                pass
            finally:
                up_writer.transport.abort()
                self._writers.discard(up_writer)
        except OSError:
            return
        finally:
            writer.transport.abort()
            self._writers.discard(writer)

    async def _up(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, deaf: asyncio.Event) -> None:
        while data := await reader.read(1 << 16):
            if self._lose_answer_to and self._lose_answer_to in data:
                self._lose_answer_to = b""
                deaf.set()
            writer.write(data)
            await writer.drain()
        raise ConnectionResetError

    async def _down(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, deaf: asyncio.Event) -> None:
        while data := await reader.read(1 << 16):
            if deaf.is_set() and data.endswith(b"Z\x00\x00\x00\x05I"):
                self.lost += 1  # ReadyForQuery, idle: it was committed
                break
            if not deaf.is_set():
                writer.write(data)
                await writer.drain()
        raise ConnectionResetError
