"""A server that does not answer."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from typing import TYPE_CHECKING

import pytest

from controller import errors as fates
from controller.kube import transport
from controller.kube.errors import Unreachable
from tests.integration.kube.objects import config_map, config_map_id
from tests.integration.kube.reach import reached

if TYPE_CHECKING:
    from collections.abc import Iterator

    from controller.kube.cluster import ApiCluster
    from tests.controlplane import ControlPlane
    from tests.integration.kube.connection import Connection
    from tests.integration.kube.server import ApiServer


def elsewhere(plane: ControlPlane, port: int) -> bytes:
    """The plane's kubeconfig, but of another port."""
    config = json.loads(plane.kubeconfig.read_text())
    config["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{port}"
    return json.dumps(config).encode()


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that accepts connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


async def test_a_refused_connection_is_unreachable_at_once(plane: ControlPlane) -> None:
    """With the cluster's name and address, without the token."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    started = time.monotonic()

    async with reached(elsewhere(plane, port)) as cluster:
        with pytest.raises(Unreachable) as refused:
            await cluster.apply(config_map("default"))

    assert time.monotonic() - started < 5
    assert f"cluster one at https://127.0.0.1:{port}" in str(refused.value)
    assert "refused" in str(refused.value)
    assert plane.admin_token not in str(refused.value)
    assert isinstance(refused.value, fates.Unreachable)


async def test_a_server_that_says_nothing_is_unreachable_in_bounded_time(
    plane: ControlPlane, silent_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No request waits longer than its timeout, and all that wait for discovery share one."""
    monkeypatch.setattr(transport, "TIMEOUT", 1.0)
    started = time.monotonic()

    async with reached(elsewhere(plane, silent_port)) as cluster:
        failures = await asyncio.gather(
            *(cluster.get(config_map_id("default", f"c{n}"), "v1") for n in range(50)), return_exceptions=True
        )

    assert all(isinstance(failure, Unreachable) for failure in failures)
    assert time.monotonic() - started < 15  # 1 s on an idle machine, and 50 one after another


async def test_a_server_that_froze_is_unreachable_in_bounded_time(
    plane: ControlPlane, second_server: ApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Connections that stood before are of no use, and it is found again when it goes on."""
    monkeypatch.setattr(transport, "TIMEOUT", 1.0)
    async with reached(second_server.kubeconfig()) as cluster:
        await cluster.version()
        await cluster.resource("v1", "ConfigMap")
        second_server.freeze()
        started = time.monotonic()

        with pytest.raises(Unreachable, match="in time"):
            await cluster.get(config_map_id("default"), "v1")

        assert time.monotonic() - started < 4
        second_server.thaw()
        assert await cluster.get(config_map_id("default", "kube-root-ca.crt"), "v1") is not None
    assert plane.name


async def test_connections_that_were_closed_meanwhile_are_no_failure(
    plane: ControlPlane, connection: Connection, cluster: ApiCluster, namespace: str
) -> None:
    """A kept connection may be dead when it is used again: the request is sent once more on another."""
    async with reached(connection.kubeconfig(plane)) as by_proxy:
        await by_proxy.apply(config_map(namespace, colour="red"))
        connection.cut()
        await connection.until(lambda: connection.open == 0)

        await by_proxy.apply(config_map(namespace, colour="blue"))

    live = await cluster.get(config_map_id(namespace), "v1")
    assert live is not None
    assert live["data"] == {"colour": "blue"}


async def test_a_closed_cluster_leaves_no_connection(plane: ControlPlane, connection: Connection) -> None:
    """Closing ends what stands."""
    async with reached(connection.kubeconfig(plane)) as by_proxy:
        await asyncio.gather(*(by_proxy.version() for _ in range(5)))
        assert connection.open > 0

    await connection.until(lambda: connection.open == 0)
