"""Simulated clusters answer the controller's own client as it expects of an API server."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING

from aiohttp import web

from controller.diff.ownership import disowned, ownership_digest
from controller.kube.access import Access
from controller.kube.cluster import open_cluster
from controller.kube.credentials import Credentials
from controller.model.labels import MANAGER, OWNER_LABEL
from controller.model.objects import ObjectId
from tests.benchmarks.mirage.server import Server
from tests.benchmarks.mirage.shelf import Shelf, fields

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from controller.kube.cluster import ApiCluster
    from controller.model.base import Json


def _map(version: str = "0", **labels: str) -> Json:
    metadata = {"name": "settings", "namespace": "shop", "labels": {OWNER_LABEL: "me", **labels}}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"version": version}}


@asynccontextmanager
async def _cluster() -> AsyncIterator[ApiCluster]:
    runner = web.ServerRunner(web.Server(Server().handle, handler_cancellation=True), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    cluster = open_cluster("mirage", Access(f"http://{host}:{port}", Credentials("Bearer none")))
    try:
        yield cluster
    finally:
        await cluster.close()
        await runner.cleanup()


def test_an_apply_owns_what_it_sets_and_changes_nothing_twice() -> None:
    """The same again is the same object; another value is a new version under the same uid."""
    shelf = Shelf()
    foreseen, _ = shelf.apply(_map(), MANAGER, dry_run=True)
    assert list(shelf) == []
    first, changed = shelf.apply(_map(), MANAGER)
    assert changed
    assert disowned(first, foreseen) == ""
    assert shelf.apply(_map(), MANAGER) == (first, False)
    second, _ = shelf.apply(_map("1"), MANAGER)
    assert second["metadata"]["uid"] == first["metadata"]["uid"]
    assert int(second["metadata"]["resourceVersion"]) > int(first["metadata"]["resourceVersion"])
    assert ownership_digest(first)


def test_fields_are_named_as_managed_fields_name_them() -> None:
    """Every map is a place of its own, identity is nobody's."""
    labels: Json = {".": {}, f"f:{OWNER_LABEL}": {}}
    assert fields(_map()) == {"f:metadata": {"f:labels": labels}, "f:data": {".": {}, "f:version": {}}}


async def test_the_client_lists_watches_and_writes() -> None:
    """A watch has what there is, its end, and what comes after; metadata alone where that was asked for."""
    async with _cluster() as cluster:
        assert (await cluster.version()).endswith("simulated")
        assert [one.kind for one in await cluster.resources()] == ["ConfigMap"]
        target = ObjectId("", "ConfigMap", "shop", "settings")
        assert await cluster.get(target, "v1") is None
        await cluster.apply(_map(), dry_run=True)
        assert await cluster.list("v1", "ConfigMap") == []
        await cluster.apply(_map())
        assert len(await cluster.list("v1", "ConfigMap", selector=OWNER_LABEL)) == 1
        assert await cluster.list("v1", "ConfigMap", selector="else") == []
        events = cluster.watch("v1", "ConfigMap", selector=OWNER_LABEL, metadata_only=True)
        async with asyncio.timeout(10), aclosing(events):
            assert (added := await anext(events)).kind == "added"
            assert "data" not in added.body
            assert (await anext(events)).kind == "synced"
            await cluster.apply(_map("1"))
            assert (await anext(events)).kind == "modified"
            assert await cluster.delete(target, "v1")
            assert (await anext(events)).kind == "deleted"
        assert not await cluster.delete(target, "v1")
