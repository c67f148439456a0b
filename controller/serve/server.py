"""The HTTP server: `/metrics`, `/healthz` and `/readyz`."""

from __future__ import annotations

import asyncio
import gzip
from typing import TYPE_CHECKING, Self

import orjson
from aiohttp import web

from controller import logs
from controller.errors import Terminal
from controller.serve.connections import BANNER, Connections, Limits
from controller.serve.probes import Check, Report, look

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp.typedefs import Handler

    from controller.metrics import Metrics

SCRAPES = 2
"""Expositions made at once; further scrapes wait for their turn."""
STOP_SECONDS = 5.0

log = logs.get_logger(__name__)


class Server:
    """Serves probes and metrics from `start` to `stop`.

    `listen` is `HOST:PORT`, an IPv6 host in brackets, no host for all addresses; port 0 takes a free one.
    `live` decides `/healthz` (the event loop lives when it answers at all), `ready` decides `/readyz`, which shows
    `notes` besides: what is worth knowing and makes nobody stay away.
    """

    def __init__(
        self,
        listen: str,
        metrics: Metrics,
        *,
        live: Mapping[str, Check],
        ready: Mapping[str, Check],
        notes: Mapping[str, Check] | None = None,
        limits: Limits | None = None,
    ) -> None:
        self._host, self._port = address(listen)
        self._metrics = metrics
        self._live = live
        self._ready = ready
        self._notes = notes or {}
        self._limits = limits or Limits()
        self._draining = False
        self._scrapes = asyncio.Semaphore(SCRAPES)
        self._runner: web.AppRunner | None = None
        self._listener: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen; raises Terminal that names the address where that can't be."""
        app = web.Application(client_max_size=self._limits.body, middlewares=[self._within_time])
        app.router.add_get("/metrics", self._serve_metrics)
        app.router.add_get("/healthz", self._serve_health)
        app.router.add_get("/readyz", self._serve_readiness)
        app.on_response_prepare.append(_sign)
        self._runner = web.AppRunner(app, shutdown_timeout=STOP_SECONDS)
        await self._runner.setup()
        server = self._runner.server
        if server is None:
            raise Terminal("the HTTP server could not be set up")
        try:
            self._listener = await asyncio.get_running_loop().create_server(
                Connections(server, self._limits), self._host or None, self._port, reuse_address=True
            )
        except OSError as error:
            await self.stop()
            raise Terminal(
                f"can't listen on {self._host}:{self._port}: {error.strerror}",
                remedy="set SHIPSLOG_LISTEN to a free address",
            ) from error
        log.info("Serving probes and metrics", host=self._host, port=self.port)

    def drain(self) -> None:
        """Say from now on that we are not ready: shutdown has begun, and no one should be sent here."""
        self._draining = True

    async def stop(self) -> None:
        """Close the door, finish what is being answered within seconds, close all connections."""
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    @property
    def port(self) -> int:
        """The port it listens on; 0 while it does not."""
        sockets = self._listener.sockets if self._listener else ()
        return int(sockets[0].getsockname()[1]) if sockets else 0

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def _serve_metrics(self, request: web.Request) -> web.Response:
        packed = "gzip" in request.headers.get("Accept-Encoding", "")
        async with self._scrapes:
            # Thousands of series take longer to write out than the loop may stand still.
            body, content_type = await asyncio.to_thread(self._expose, request.headers.get("Accept", ""), packed)
        headers = {"Content-Type": content_type} | ({"Content-Encoding": "gzip"} if packed else {})
        return web.Response(body=body, headers=headers)

    def _expose(self, accept: str, packed: bool) -> tuple[bytes, str]:
        body, content_type = self._metrics.render(accept)
        return (gzip.compress(body, compresslevel=1) if packed else body), content_type

    async def _serve_health(self, _: web.Request) -> web.Response:
        return _answer(look(self._live))

    async def _serve_readiness(self, _: web.Request) -> web.Response:
        report = look(self._ready, self._notes)
        if self._draining:
            report = Report({**report.checks, "running": "shutting down"}, report.notes)
        return _answer(report)

    @web.middleware
    async def _within_time(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            async with asyncio.timeout(self._limits.request):
                return await handler(request)
        except TimeoutError:
            log.warning("Request timed out", path=request.path, seconds=self._limits.request)
            return web.Response(status=503, text="503\n")


def address(listen: str) -> tuple[str, int]:
    """Host and port of `HOST:PORT`; raises ValueError that says what is wrong."""
    host, colon, port = listen.rpartition(":")
    bare = host.removeprefix("[").removesuffix("]")
    if not colon or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise ValueError(f"listen address is {listen!r}: use HOST:PORT, such as 0.0.0.0:8080 or [::]:8080")
    if ":" in bare and bare == host:
        raise ValueError(f"listen address is {listen!r}: put an IPv6 host in brackets, such as [::]:8080")
    return bare, int(port)


def _answer(report: Report) -> web.Response:
    return web.Response(status=report.status, body=orjson.dumps(report.body()), content_type="application/json")


async def _sign(_: web.Request, response: web.StreamResponse) -> None:
    response.headers["Server"] = BANNER
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"
