"""What a watch makes of a connection that breaks and of a server that dies."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from controller.kube import watch as watch_module
from tests.integration.kube.objects import config_map, config_map_id, deployment
from tests.integration.kube.reach import reached
from tests.integration.kube.watching import consuming, watching

if TYPE_CHECKING:
    from controller.kube.cluster import ApiCluster
    from tests.controlplane import ControlPlane
    from tests.integration.kube.connection import Connection
    from tests.integration.kube.server import ApiServer


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch_module, "PAUSE", 0.1)
    monkeypatch.setattr(watch_module, "LONGEST_PAUSE", 0.2)


async def test_a_broken_connection_is_taken_up_where_it_broke(
    cluster: ApiCluster, plane: ControlPlane, connection: Connection, namespace: str
) -> None:
    """What happened meanwhile is told, nothing is told twice, and nothing is listed anew."""
    await cluster.apply(config_map(namespace, "stays"))
    await cluster.apply(config_map(namespace, "goes"))

    async with reached(connection.kubeconfig(plane)) as by_proxy, watching(by_proxy, namespace) as seen:
        await seen.until_synced()
        first = seen.events[:]
        connection.refusing = True
        connection.cut()
        await cluster.delete(config_map_id(namespace, "goes"), "v1")
        await cluster.apply(config_map(namespace, "comes"))
        await seen.until_disconnected()
        connection.refusing = False
        await seen.until(lambda: "comes" in seen.objects)
        assert seen.states == [True, False, True]

    told = [(event.kind, event.body["metadata"]["name"]) for event in seen.events[len(first) :]]
    assert told == [("deleted", "goes"), ("added", "comes")]
    assert "goes" not in seen.objects
    assert "stays" in seen.objects


async def test_a_stream_that_the_server_ends_is_taken_up_without_a_word(
    cluster: ApiCluster,
    plane: ControlPlane,
    namespace: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Every stream ends after some minutes; here after two seconds."""
    monkeypatch.setattr(watch_module, "LIFETIME", (2, 2))

    streams: asyncio.Queue[int] = asyncio.Queue()

    def count(verb: str, status: int, _: float) -> None:
        if verb == "watch":
            streams.put_nowait(status)

    async with reached(plane.kubeconfig.read_bytes(), on_request=count) as one, watching(one, namespace) as seen:
        await seen.until_synced()
        async with asyncio.timeout(30):
            for number in range(4):
                assert await streams.get() == 200
                await cluster.apply(config_map(namespace, f"c{number}"))
        await seen.until(lambda: "c3" in seen.objects)

    assert seen.kinds.count("synced") == 1
    assert "restarted" not in seen.kinds
    assert seen.kinds.count("added") == len(seen.objects)
    assert seen.states == [True]


async def test_a_version_the_server_forgot_is_listed_anew(
    cluster: ApiCluster, second_server: ApiServer, namespace: str
) -> None:
    """Killed and started again, an API server knows no history (410): what went meanwhile is gone after `synced`."""
    for name in ("stays", "goes"):
        await cluster.apply(config_map(namespace, name))

    async with reached(second_server.kubeconfig()) as by_second, watching(by_second, namespace) as seen:
        await seen.until_synced()
        await asyncio.to_thread(second_server.kill)
        await cluster.delete(config_map_id(namespace, "goes"), "v1")
        await cluster.apply(config_map(namespace, "comes"))
        await seen.until_disconnected()
        await asyncio.to_thread(second_server.start)
        await seen.until(lambda: "comes" in seen.objects and "goes" not in seen.objects)
        await cluster.apply(config_map(namespace, "later"))
        await seen.until(lambda: "later" in seen.objects)

    assert {"stays", "comes", "later"} <= set(seen.objects)
    assert seen.kinds.count("restarted") == seen.kinds.count("synced") - 1
    assert seen.states[:3] == [True, False, True]
    assert "restarted" in seen.kinds, "the server knew the version still: this test proves nothing"


async def test_a_version_from_before_the_servers_memory_is_listed_anew(
    second_server: ApiServer,
) -> None:
    """A watch that goes on from a version of long ago gets 410 and lists."""
    wanted = watch_module.Wanted("v1", "ConfigMap", namespace="default")

    async with reached(second_server.kubeconfig()) as cluster:
        watch = watch_module.Watch(cluster._transport, cluster._discovery, wanted)
        watch._position = "1"
        watch._listed = True
        async with consuming(watch.events()) as seen:
            await seen.until_synced()

    assert seen.kinds == ["restarted", "added", "synced"]
    assert list(seen.objects) == ["kube-root-ca.crt"]


async def test_many_watches_survive_the_death_of_the_server(
    cluster: ApiCluster, second_server: ApiServer, namespace: str
) -> None:
    """Whatever the time of the crash: in the end every watch believes what is true."""
    kinds = [("v1", "ConfigMap"), ("apps/v1", "Deployment")]
    async with (
        reached(second_server.kubeconfig()) as by_second,
        watching(by_second, namespace) as maps,
        watching(by_second, namespace, metadata_only=True) as metadata,
        watching(by_second, namespace, "Deployment", "apps/v1") as deployments,
    ):
        for seen in (maps, metadata, deployments):
            await seen.until_synced()
        for round_ in range(2):
            async with asyncio.TaskGroup() as group:
                group.create_task(asyncio.to_thread(second_server.kill), name="kill")
                for number in range(20):
                    await cluster.apply(config_map(namespace, f"c{round_}-{number}"))
                    await cluster.delete(config_map_id(namespace, f"c{round_ - 1}-{number}"), "v1")
            await cluster.apply(deployment(namespace, replicas=0, minReadySeconds=round_))
            await asyncio.to_thread(second_server.start)
        truth = {
            kind: {item["metadata"]["name"]: item for item in await cluster.list(version, kind, namespace=namespace)}
            for version, kind in kinds
        }
        await maps.until(lambda: maps.objects == truth["ConfigMap"])
        await metadata.until(lambda: metadata.objects.keys() == truth["ConfigMap"].keys())
        await deployments.until(lambda: deployments.objects == truth["Deployment"])


async def test_a_watch_of_a_server_that_is_away_waits_for_it(second_server: ApiServer) -> None:
    """Being away at the beginning does not end it, either."""
    second_server.kill()

    async with reached(second_server.kubeconfig()) as by_second, watching(by_second, "default") as seen:
        await seen.until_disconnected()
        await asyncio.to_thread(second_server.start)
        await seen.until_synced()

    assert seen.states[:2] == [False, True]
    assert "kube-root-ca.crt" in seen.objects
