"""Connections: how many there may be, how long they may idle, and what a bad request hears."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import web

from controller import logs

if TYPE_CHECKING:
    from aiohttp.web_response import StreamResponse

BANNER = "shipslog"
"""All that we tell about ourselves: no version, no library."""

log = logs.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one client may cost. Sizes in bytes, times in seconds."""

    connections: int = 64
    """Connections at once; further ones are closed unanswered."""
    idle: float = 30.0
    """How long a connection may stand without a whole request, from its start too: ends slow headers."""
    request: float = 10.0
    """How long answering one request may take."""
    body: int = 1024
    header_line: int = 4096
    headers: int = 64


class Connections:
    """Makes the protocol of each new connection, within the limits."""

    def __init__(self, server: web.Server, limits: Limits) -> None:
        self._server = server
        self._limits = limits

    def __call__(self) -> asyncio.Protocol:
        """A handler, or where there are too many already, one that hangs up."""
        limits = self._limits
        if len(self._server.connections) >= limits.connections:
            log.warning("Connection refused", limit=limits.connections)
            return _HangUp()
        return _Handler(
            self._server,
            loop=asyncio.get_running_loop(),
            keepalive_timeout=limits.idle,
            max_line_size=limits.header_line,
            max_field_size=limits.header_line,
            max_headers=limits.headers,
            lingering_time=0,
            access_log=None,  # type: ignore[arg-type]  # None turns it off, its annotation forgot
        )


class _Handler(web.RequestHandler):
    """aiohttp's handler, whose errors tell nothing about us or the request."""

    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002 - the parser's words repeat the request
    ) -> StreamResponse:
        if status >= 500:
            log.error("Request failed", path=request.path, status=status, error=exc)
        response = web.Response(status=status, text=f"{status}\n", headers={"Server": BANNER})
        response.force_close()
        return response


class _HangUp(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.close()
