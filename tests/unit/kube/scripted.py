"""An HTTP server on loopback that answers as a test scripts it: for what no real API server does on demand."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from aiohttp import web

from controller.kube.access import Access
from controller.kube.cluster import ApiCluster, open_cluster
from controller.kube.credentials import Credentials

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

CONFIG_MAPS = {
    "resource": "configmaps",
    "responseKind": {"group": "", "version": "v1", "kind": "ConfigMap"},
    "scope": "Namespaced",
    "verbs": ["get", "list", "watch", "patch", "create", "delete"],
}


class Scripted:
    """What was asked, and what is answered: `answers` by path, the rest is 404."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.bodies: list[bytes] = []
        self.headers: list[dict[str, str]] = []
        self.answers: dict[str, Handler] = {
            "/api": aggregated("", "v1", [CONFIG_MAPS]),
            "/apis": aggregated(),
        }
        self.url = ""

    def paths(self, path: str) -> list[str]:
        """The requests of one path, each with its query."""
        return [asked for _, asked in self.asked if asked.partition("?")[0] == path]

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer."""
        self.asked.append((request.method, request.path_qs))
        self.headers.append(dict(request.headers))
        self.bodies.append(await request.read())
        handler = self.answers.get(request.path)
        return await handler(request) if handler else web.Response(status=404, text="404 page not found")  # type: ignore[arg-type]


def said(body: Any, status: int = 200, **headers: str) -> Handler:
    """Always this answer."""

    async def handler(_: web.Request) -> web.StreamResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if isinstance(body, str):
            return web.Response(text=body, status=status, headers=named)
        return web.json_response(body, status=status, headers=named)

    return handler


def in_turn(*handlers: Handler) -> Handler:
    """One answer after the other; the last one stays."""
    left = list(handlers)

    async def handler(request: web.Request) -> web.StreamResponse:
        return await (left.pop(0) if len(left) > 1 else left[0])(request)

    return handler


def streamed(*lines: bytes, then: Callable[[], Awaitable[None]] | None = None) -> Handler:
    """These lines, then the end, or whatever `then` waits for."""

    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for line in lines:
            await response.write(line + b"\n")
        if then is not None:
            await then()
        return response

    return handler


def status(code: int, reason: str, message: str = "", **details: Any) -> dict[str, Any]:
    """A metav1.Status."""
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "code": code,
        "reason": reason,
        "message": message,
        "details": details,
    }


def aggregated(group: str = "", version: str = "", resources: list[dict[str, Any]] | None = None) -> Handler:
    """A discovery document."""
    versions = [{"version": version, "resources": resources}] if version else []
    items = [{"metadata": {"name": group} if group else {}, "versions": versions}]
    return said({"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "items": items})


@asynccontextmanager
async def scripted(**options: Any) -> AsyncIterator[tuple[Scripted, ApiCluster]]:
    """The server and a client of it; `options` are those of `open_cluster`."""
    script = Scripted()
    runner = web.ServerRunner(web.Server(script.handle, handler_cancellation=True), shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    script.url = f"http://{host}:{port}"
    cluster = open_cluster("one", Access(script.url, Credentials("Bearer let-me-in")), **options)
    try:
        yield script, cluster
    finally:
        await cluster.close()
        await runner.cleanup()
