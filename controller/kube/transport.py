"""Transport: the one place that makes requests of an API server."""

from __future__ import annotations

import asyncio
import importlib.metadata
import os
import socket
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import aiohttp
import orjson
from yarl import URL

from controller.kube.errors import ServerError, Throttled, TimedOut, Unauthorized, Unreachable
from controller.kube.status import error_of
from controller.kube.turns import Turns

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from controller.kube.access import Access
    from controller.kube.request import Request

    OnRequest = Callable[[str, int, float], None]
    OnFlight = Callable[[int], None]

TIMEOUT = 30.0
"""Seconds that one request may take, waiting for its turn not counted."""
CONNECT_TIMEOUT = 10.0
WATCH_SILENCE = 150.0
"""Seconds without a byte after which a watch's connection counts as dead; servers send a bookmark every minute."""
ANSWER_LIMIT = 128 << 20
"""Largest answer that is read, in bytes."""
LEAVE = 5.0
"""Seconds that requests under way may take when the connections are closed."""
PATIENCE = 10.0
"""Seconds that one request waits, all in all, when the server asks it to come back later (429)."""


def _user_agent() -> str:
    try:
        return f"shipslog/{importlib.metadata.version('shipslog')}"
    except importlib.metadata.PackageNotFoundError:  # run from the sources, not installed
        return "shipslog/0"


USER_AGENT = _user_agent()


class Transport:
    """Connections to one API server. Needs a running event loop."""

    def __init__(
        self,
        name: str,
        access: Access,
        *,
        max_requests: int,
        on_request: OnRequest | None = None,
        on_flight: OnFlight | None = None,
        on_limit: Callable[[int], None] | None = None,
    ) -> None:
        self.name = name
        self._access = access
        self._turns = Turns(max_requests, on_limit=on_limit)
        self._on_request = on_request
        self._on_flight = on_flight
        self._in_flight = 0
        self._closed = False
        self._idle = asyncio.Event()
        self._idle.set()
        self._base = access.server
        self._requests = self._session(aiohttp.ClientTimeout(total=TIMEOUT, sock_connect=CONNECT_TIMEOUT))
        # Watches live long: in a pool of their own they take no connection away from the requests.
        self._watches = self._session(aiohttp.ClientTimeout(sock_connect=CONNECT_TIMEOUT, sock_read=WATCH_SILENCE))

    def _session(self, timeout: aiohttp.ClientTimeout) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            limit=0,  # the semaphore limits requests, and every watch has its own connection
            ssl=self._access.tls if self._access.tls is not None else True,
            socket_factory=_kept_alive,
        )
        return aiohttp.ClientSession(
            connector=connector,
            timeout=timeout,
            headers=[("User-Agent", USER_AGENT), *self._access.headers],
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=("Accept",),
        )

    async def close(self) -> None:
        """Close all connections; requests under way have `LEAVE` seconds to end, then they are Unreachable."""
        self._closed = True
        await self._watches.close()
        try:
            async with asyncio.timeout(LEAVE):
                await self._idle.wait()
        except TimeoutError:
            pass  # they end as Unreachable
        await self._requests.close()

    async def json(self, request: Request) -> Any:
        """Send a request and decode the answer; raises the tree of `controller.kube.errors`."""
        body = await self.send(request)
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise ServerError(f"{request.verb} {request.about}: the answer is not JSON") from error

    async def send(self, request: Request) -> bytes:
        """Send a request, the answer's bytes; waits where the server says it has too much to do (429)."""
        async with self._turns.turn():
            waited = 0.0
            while True:
                try:
                    body = await self._send(request)
                except Throttled as busy:
                    self._turns.refused()
                    if waited + busy.after > PATIENCE:
                        raise
                    waited += busy.after
                    await asyncio.sleep(busy.after)
                else:
                    self._turns.answered()
                    return body

    async def _send(self, request: Request) -> bytes:
        authorization = await self._access.credentials.authorization()
        status, body, retry_after = await self._ask(request, authorization)
        if status == 401 and self._access.credentials.renewable:
            # The token may have been exchanged a moment ago; a refused request changed nothing.
            authorization = await self._access.credentials.authorization(refused=authorization)
            status, body, retry_after = await self._ask(request, authorization)
        if 200 <= status < 300:
            return body
        raise error_of(request, status, body, retry_after)

    @asynccontextmanager
    async def stream(self, request: Request) -> AsyncIterator[aiohttp.StreamReader]:
        """The answer to a watch as it comes, on a connection of its own that is closed at the end.

        Raises the tree of `controller.kube.errors`: inside the block, too, when the connection breaks.
        """
        authorization = await self._access.credentials.authorization()
        started = time.monotonic()
        status = 0
        try:
            async with self._open(self._watches, request, authorization) as response:
                status = response.status
                self.count(request.verb, status, time.monotonic() - started)
                if status != 200:
                    body = await _read(response)
                    raise error_of(request, status, body, response.headers.get("Retry-After", ""))
                yield response.content
        except Unauthorized:
            await self._access.credentials.authorization(refused=authorization)  # for the next try
            raise
        finally:
            if not status:
                self.count(request.verb, 0, time.monotonic() - started)

    async def _ask(self, request: Request, authorization: str) -> tuple[int, bytes, str]:
        started = time.monotonic()
        status = 0
        self._fly(1)
        try:
            async with self._open(self._requests, request, authorization) as response:
                body = await _read(response)
                status = response.status
                return status, body, response.headers.get("Retry-After", "")
        finally:
            self._fly(-1)
            self.count(request.verb, status, time.monotonic() - started)

    @asynccontextmanager
    async def _open(
        self, session: aiohttp.ClientSession, request: Request, authorization: str
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        if self._closed:
            raise Unreachable(f"cluster {self.name} at {self._base}: its connections were closed")
        headers = {"Accept": request.accept}
        if authorization:
            headers["Authorization"] = authorization
        if request.body:
            headers["Content-Type"] = request.content_type
        try:
            response = await self._begin(session, request, headers)
            try:
                yield response
            finally:
                response.release()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            kind = TimedOut if isinstance(error, TimeoutError) else Unreachable
            raise kind(f"cluster {self.name} at {self._base}: {_why(error)}", remedy=_remedy(error)) from error

    async def _begin(
        self, session: aiohttp.ClientSession, request: Request, headers: dict[str, str]
    ) -> aiohttp.ClientResponse:
        url = URL(self._base + request.target, encoded=True)
        for last in (not request.sent_again, True):
            try:
                # A watch's answer has no end, so only its beginning is timed.
                async with asyncio.timeout(TIMEOUT if session is self._watches else None):
                    return await session.request(
                        request.method,
                        url,
                        data=request.body or None,
                        headers=headers,
                        allow_redirects=False,  # a redirect could carry the token elsewhere
                        server_hostname=self._access.server_name or None,
                        proxy=self._access.proxy or None,
                    )
            except (aiohttp.ServerDisconnectedError, ConnectionResetError):
                # A connection kept from before may have been closed by the other side meanwhile.
                if last:
                    raise
            except ValueError as error:  # a name that no resolver, TLS or header takes; it may quote a credential
                if isinstance(error, aiohttp.ClientError):
                    raise
                raise Unreachable(
                    f"cluster {self.name} at {self._base}: no request to it can be made: {type(error).__name__}",
                    remedy="correct its address and its credentials",
                ) from None
        raise AssertionError  # not reached: the second try is the last

    def count(self, verb: str, status: int, seconds: float) -> None:
        """Tell whoever counts requests; status 0 stands for no answer."""
        if self._on_request is not None:
            self._on_request(verb, status, seconds)

    def _fly(self, more: int) -> None:
        self._in_flight += more
        if self._in_flight:
            self._idle.clear()
        else:
            self._idle.set()
        if self._on_flight is not None:
            self._on_flight(self._in_flight)


async def _read(response: aiohttp.ClientResponse) -> bytes:
    """The whole body, which the response's own `read` would take at any size."""
    parts = []
    size = 0
    async for part in response.content.iter_any():
        size += len(part)
        if size > ANSWER_LIMIT:
            response.close()
            raise ServerError(f"the answer is larger than {ANSWER_LIMIT} bytes")
        parts.append(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _why(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return f"its certificate is not accepted: {error.certificate_error}"
    if isinstance(error, aiohttp.ClientConnectorError):
        reason = os.strerror(error.os_error.errno) if error.os_error.errno else str(error.os_error)
        return f"can't connect: {reason}"
    return str(error) or type(error).__name__


def _remedy(error: Exception) -> str:
    if not isinstance(error, aiohttp.ClientConnectorCertificateError):
        return "check its address and the network"
    if "ostname mismatch" in str(error.certificate_error) or "IP address mismatch" in str(error.certificate_error):
        return "its kubeconfig must name a host of the certificate: correct server, or set tls-server-name"
    return "its kubeconfig must name the authority that signed it: certificate-authority-data"


def _kept_alive(address: tuple[Any, ...]) -> socket.socket:
    """A socket whose other side is probed, so that a peer that vanished is noticed within 30 seconds."""
    family, kind, protocol, *_ = address
    made = socket.socket(family, kind, protocol)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (("TCP_KEEPIDLE", 15), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 3)):
        if hasattr(socket, option):
            made.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
    return made
