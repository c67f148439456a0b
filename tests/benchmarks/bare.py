"""The limit: the same requests sent bare, as fast as the API server takes them."""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from typing import TYPE_CHECKING

import msgspec

from controller.model.labels import OWNER_LABEL
from tests.benchmarks import limit
from tests.benchmarks.fleet import KINDS
from tests.benchmarks.harbour import api_server_of, bare_client
from tests.benchmarks.usage import Bystanders, cpu_of

if TYPE_CHECKING:
    from controller.kube.cluster import ApiCluster
    from controller.model.base import Json
    from tests.benchmarks.fleet import Fleet
    from tests.benchmarks.harbour import Harbour
    from tests.ground.world import World

OBSERVED = 300.0
"""Seconds until the cluster's own controllers must have seen every Deployment."""


class Bare(msgspec.Struct, frozen=True, rename="camel"):
    """The requests sent bare. `observed`: until the cluster's controllers had also seen every Deployment.

    `others`: share of all cores that programs with no part in it took meanwhile.
    """

    seconds: float
    observed_seconds: float
    cpu_seconds: float
    api_server_cpu_seconds: float
    requests: dict[str, int]
    others: float


async def send_bare(harbour: Harbour, fleet: Fleet) -> Bare:
    """On an emptied API server, a dry run and then an apply of each object, 50 in flight.

    It is all that a rollout can't do without.
    """
    async with harbour.world(fleet.names) as world:
        return await _send(world, fleet)


async def _send(world: World, fleet: Fleet) -> Bare:
    requests: Counter[str] = Counter()
    api_server = api_server_of(world.plane)
    async with bare_client(world, lambda verb, _status, _seconds: requests.update((verb,))) as client:
        for api_version, kind in KINDS:  # discovery is no part of it, and neither is the first connection
            await client.resource(api_version, kind)
        requests.clear()
        wishes = fleet.wishes()
        others, begun = Bystanders(), time.monotonic()
        cpu, server = cpu_of(os.getpid()), cpu_of(api_server)
        seconds = await limit.dry_run_and_apply(client, wishes)
        cpu, server = cpu_of(os.getpid()).since(cpu), cpu_of(api_server).since(server)
        share, sent = others.share(), dict(requests)
        await _observed(client)
        observed = time.monotonic() - begun
        for api_version, kind in KINDS:
            await _count(client, api_version, kind, fleet.size)
    return Bare(seconds, observed, cpu.itself, server.seconds, sent, share)


async def _observed(client: ApiCluster) -> None:
    """Wait until the cluster's controllers have seen every Deployment: that is when ours may call them healthy."""
    async with asyncio.timeout(OBSERVED):
        while True:
            if all(_is_observed(body) for body in await client.list("apps/v1", "Deployment")):
                return
            await asyncio.sleep(0.05)


def _is_observed(body: Json) -> bool:
    return bool(body.get("status", {}).get("observedGeneration", 0) >= body["metadata"]["generation"])


async def _count(client: ApiCluster, api_version: str, kind: str, wanted: int) -> None:
    found = await client.list(api_version, kind, selector=OWNER_LABEL)
    assert len(found) == wanted, f"{len(found)} objects of kind {kind} stand, not {wanted}"
