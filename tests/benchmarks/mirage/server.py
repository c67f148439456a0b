"""One simulated cluster as an HTTP server."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import web

from tests.benchmarks.mirage.shelf import Shelf

if TYPE_CHECKING:
    from controller.model.base import Json

BOOKMARK = 60.0
"""Seconds between two bookmarks in a watch: as often as a real API server sends them."""
_CONFIG_MAPS = {
    "resource": "configmaps",
    "responseKind": {"group": "", "version": "v1", "kind": "ConfigMap"},
    "scope": "Namespaced",
    "verbs": ["create", "delete", "get", "list", "patch", "watch"],
}
_OBJECT = re.compile(r"/api/v1/namespaces/([^/]+)/configmaps/([^/]+)")


class Server:
    """Its objects are in memory; labels select by presence alone."""

    def __init__(self) -> None:
        self._shelf = Shelf()
        self._watchers: set[asyncio.Queue[tuple[str, Json]]] = set()

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer a request; what is not known here is not found."""
        match request.path:
            case "/version":
                return _json({"major": "1", "minor": "36", "gitVersion": "v1.36.0-simulated"})
            case "/api":
                return _json(_discovery([{"version": "v1", "resources": [_CONFIG_MAPS]}]))
            case "/apis":
                return _json(_discovery([]))
            case "/api/v1/configmaps":
                return await self._collection(request)
        found = _OBJECT.fullmatch(request.path)
        return await self._object(request, *found.groups()) if found else _missing(request.path)

    async def _collection(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.query.get("watch") == "true":
            return await self._watch(request)
        selected = [body for body in self._shelf if _is_selected(body, request.query.get("labelSelector", ""))]
        version = {"resourceVersion": str(self._shelf.version)}
        return _json({"kind": "ConfigMapList", "apiVersion": "v1", "metadata": version, "items": selected})

    async def _object(self, request: web.BaseRequest, namespace: str, name: str) -> web.StreamResponse:
        if request.method == "PATCH":
            dry_run = request.query.get("dryRun") == "All"
            wish = orjson.loads(await request.read())
            known = self._shelf.get(namespace, name)
            body, changed = self._shelf.apply(wish, request.query["fieldManager"], dry_run=dry_run)
            if changed and not dry_run:
                self._tell("MODIFIED" if known else "ADDED", body)
            return _json(body)
        if request.method == "DELETE":
            gone = self._shelf.delete(namespace, name)
            if gone is not None:
                last = {**gone["metadata"], "resourceVersion": str(self._shelf.version)}
                self._tell("DELETED", {**gone, "metadata": last})
            return _json({"kind": "Status", "status": "Success"}) if gone else _missing(name)
        found = self._shelf.get(namespace, name)
        return _json(found) if found else _missing(name)

    async def _watch(self, request: web.BaseRequest) -> web.StreamResponse:
        """What there is, its end, and every change since: a streaming list (KEP-3157)."""
        news: asyncio.Queue[tuple[str, Json]] = asyncio.Queue()
        selector = request.query.get("labelSelector", "")
        partial = "as=PartialObjectMetadata" in request.headers.get("Accept", "")
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        if request.query.get("sendInitialEvents") == "true":
            for body in self._shelf:
                news.put_nowait(("ADDED", body))
            news.put_nowait(("BOOKMARK", self._bookmark(**{"k8s.io/initial-events-end": "true"})))
        self._watchers.add(news)
        try:
            await response.prepare(request)
            async with asyncio.timeout(float(request.query.get("timeoutSeconds", "300"))):
                while True:
                    kind, body = await self._next(news)
                    if kind == "BOOKMARK" or _is_selected(body, selector):
                        await response.write(_line(kind, body, partial=partial))
        except TimeoutError:
            return response
        finally:
            self._watchers.discard(news)

    async def _next(self, news: asyncio.Queue[tuple[str, Json]]) -> tuple[str, Json]:
        try:
            return await asyncio.wait_for(news.get(), BOOKMARK)
        except TimeoutError:
            return "BOOKMARK", self._bookmark()

    def _bookmark(self, **annotations: str) -> Json:
        metadata = {"resourceVersion": str(self._shelf.version), "annotations": annotations}
        return {"kind": "ConfigMap", "apiVersion": "v1", "metadata": metadata}

    def _tell(self, kind: str, body: Json) -> None:
        for watcher in self._watchers:
            watcher.put_nowait((kind, body))


def _line(kind: str, body: Json, *, partial: bool) -> bytes:
    if partial:
        body = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": body["metadata"]}
    return orjson.dumps({"type": kind, "object": body}) + b"\n"


def _is_selected(body: Json, selector: str) -> bool:
    labels = body["metadata"].get("labels") or {}
    return all(name in labels for name in selector.split(",") if name)


def _discovery(versions: list[Any]) -> Json:
    items = [{"metadata": {}, "versions": versions}] if versions else []
    return {"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "items": items}


def _json(body: Json, status: int = 200) -> web.Response:
    return web.Response(body=orjson.dumps(body), status=status, content_type="application/json")


def _missing(name: str) -> web.Response:
    status = {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "code": 404,
        "reason": "NotFound",
        "message": f'configmaps "{name}" not found',
        "details": {"name": name, "kind": "configmaps"},
    }
    return _json(status, 404)
