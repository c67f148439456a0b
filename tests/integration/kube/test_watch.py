"""Watches of a real API server: listing, changes, selection, metadata, the end."""

from __future__ import annotations

import asyncio
import random
from contextlib import AsyncExitStack, aclosing
from typing import TYPE_CHECKING

import pytest

from controller.kube.errors import Forbidden, Invalid, KindUnknown
from tests.integration.kube.objects import config_map, config_map_id, definition, secret
from tests.integration.kube.reach import reached
from tests.integration.kube.test_discovery import CRDS, established, until
from tests.integration.kube.watching import Watching, watching

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from controller.kube.cluster import ApiCluster
    from tests.controlplane import ControlPlane
    from tests.integration.kube.connection import Connection


async def test_what_is_there_comes_first_then_synced_then_every_change(cluster: ApiCluster, namespace: str) -> None:
    """Whole objects, with their real apiVersion and kind."""
    await cluster.apply(config_map(namespace, "one", colour="red"))

    async with watching(cluster, namespace) as seen:
        await seen.until_synced()
        assert seen.happened_to("one") == ["added"]
        assert seen.objects["one"]["data"] == {"colour": "red"}

        await cluster.apply(config_map(namespace, "two"))
        await cluster.apply(config_map(namespace, "one", colour="blue"))
        await cluster.delete(config_map_id(namespace, "two"), "v1")
        await seen.until(lambda: "deleted" in seen.kinds)

    live = await cluster.get(config_map_id(namespace, "one"), "v1")
    assert seen.objects["one"] == live
    assert "two" not in seen.objects
    assert seen.happened_to("one") == ["added", "modified"]
    assert seen.happened_to("two") == ["added", "deleted"]
    assert "restarted" not in seen.kinds
    assert seen.states == [True]


async def test_metadata_alone_carries_managed_fields_and_the_real_kind(cluster: ApiCluster, namespace: str) -> None:
    """No content of a Secret enters the process, but who owns which field does."""
    await cluster.apply(secret(namespace, data={"password": "b2xk"}))

    async with watching(cluster, namespace, "Secret", metadata_only=True) as seen:
        await seen.until_synced()
        await cluster.apply(secret(namespace, data={"password": "bmV3"}))
        await seen.until(lambda: "modified" in seen.kinds)

    for event in seen.events:
        if event.kind == "synced":
            continue
        assert (event.body["apiVersion"], event.body["kind"]) == ("v1", "Secret")
        assert set(event.body) == {"apiVersion", "kind", "metadata"}
        entry = event.body["metadata"]["managedFields"][0]
        assert entry["manager"] == "shipslog"
        assert "f:password" in entry["fieldsV1"]["f:data"]


async def test_a_selector_selects_and_a_label_removed_is_a_deletion(cluster: ApiCluster, namespace: str) -> None:
    """What leaves the selection shows up as deleted."""
    ours = config_map(namespace, "ours")
    ours["metadata"]["labels"] = {"test.example/owner": "us"}
    await cluster.apply(ours)
    await cluster.apply(config_map(namespace, "theirs"))

    async with watching(cluster, namespace, selector="test.example/owner") as seen:
        await seen.until_synced()
        assert list(seen.objects) == ["ours"]

        await cluster.apply(config_map(namespace, "ours"))
        await seen.until(lambda: "deleted" in seen.kinds)

    assert await cluster.get(config_map_id(namespace, "ours"), "v1") is not None


async def test_an_object_of_a_megabyte_passes(cluster: ApiCluster, namespace: str) -> None:
    """Lines are far longer than a buffer of the HTTP library."""
    text = random.Random(1).randbytes(500_000).hex()  # noqa: S311 - large, not secret

    async with watching(cluster, namespace) as seen:
        await seen.until_synced()
        await cluster.create(config_map(namespace, "large", text=text))
        await seen.until(lambda: "large" in seen.objects)

    assert seen.objects["large"]["data"]["text"] == text


async def test_more_watches_than_requests_leave_room_for_requests(plane: ControlPlane, namespace: str) -> None:
    """Watches take no request's turn."""
    async with reached(plane.kubeconfig.read_bytes(), max_requests=1) as cluster, AsyncExitStack() as stack:
        kinds = [resource for resource in await cluster.resources() if resource.namespaced][:10]
        assert len(kinds) == 10
        for resource in kinds:
            watch = watching(cluster, namespace, resource.kind, resource.api_version)
            await (await stack.enter_async_context(watch)).until_synced()

        await cluster.apply(config_map(namespace))

        assert await cluster.get(config_map_id(namespace), "v1") is not None


async def test_a_cancelled_watch_leaves_no_connection(
    plane: ControlPlane, connection: Connection, namespace: str
) -> None:
    """Cancelled while it waits for news, it closes its connection; so it does when its consumer ends it."""
    async with reached(connection.kubeconfig(plane)) as cluster:
        await cluster.resource("v1", "ConfigMap")
        before = connection.open

        async with watching(cluster, namespace) as seen:
            await seen.until_synced()
            assert connection.open > before
        await connection.until(lambda: connection.open == before)

        async with aclosing(cluster.watch("v1", "ConfigMap", namespace=namespace)) as events:
            async for event in events:
                if event.kind == "synced":
                    assert connection.open > before
                    break
        await connection.until(lambda: connection.open == before)


async def test_a_kind_that_is_not_served_ends_the_watch(cluster: ApiCluster, namespace: str) -> None:
    """With the kind's name."""
    with pytest.raises(KindUnknown, match="Ghost"):
        await anext(cluster.watch("nowhere.example/v1", "Ghost", namespace=namespace))


async def test_a_watch_that_is_not_allowed_ends(restricted: ApiCluster, namespace: str) -> None:
    """Naming the permission that is missing."""
    with pytest.raises(Forbidden) as refused:
        await anext(restricted.watch("v1", "Secret", namespace=namespace, metadata_only=True))

    assert refused.value.verb in {"watch", "list"}
    assert refused.value.resource == "secrets"


async def test_a_selector_that_is_none_ends_the_watch(cluster: ApiCluster, namespace: str) -> None:
    """Trying again can't help."""
    with pytest.raises(Invalid):
        await anext(cluster.watch("v1", "ConfigMap", namespace=namespace, selector="a in ("))


async def test_a_watch_ends_when_its_kind_goes(cluster: ApiCluster, plane: ControlPlane, namespace: str) -> None:
    """The definition is deleted under the watch: its objects are told as deleted, then the watch ends."""
    await asyncio.to_thread(plane.admin.create, CRDS, definition("passings", "Passing"))
    await until(lambda: established(plane, "passings"))
    await cluster.apply(
        {"apiVersion": "test.example/v1", "kind": "Passing", "metadata": {"name": "one", "namespace": namespace}}
    )
    seen = Watching()

    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        watch = cluster.watch("test.example/v1", "Passing", namespace=namespace)
        consumer = group.create_task(_outcome(seen.consume(watch)), name="consumer")
        await seen.until_synced()
        await asyncio.to_thread(plane.admin.delete, f"{CRDS}/passings.test.example")

    assert isinstance(consumer.result(), KindUnknown)
    assert seen.kinds[:2] == ["added", "synced"]
    assert "deleted" in seen.kinds


async def _outcome(work: Awaitable[None]) -> Exception | None:
    try:
        await work
    except KindUnknown as ended:
        return ended
    return None
