"""A rollout by the controller: from Applications created to all of them Ready."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from controller.model.labels import API_VERSION, GROUP, OWNER_LABEL
from controller.model.objects import ObjectId
from tests.benchmarks.counters import rest, scrape
from tests.benchmarks.fleet import KINDS, REPOSITORY, repository
from tests.benchmarks.harbour import api_server_of
from tests.benchmarks.lookout import Lookout, complaint, is_ready
from tests.benchmarks.results import Ours, Spread
from tests.benchmarks.usage import Bystanders, cpu_of, memory_of, peak_memory
from tests.ground.world import TEAM

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from controller.kube.cluster import ApiCluster
    from controller.model.base import Json
    from tests.benchmarks.fleet import Fleet
    from tests.benchmarks.harbour import Harbour
    from tests.ground.controller_process import ControllerProcess
    from tests.ground.git_repository import BareRepository, Worktree
    from tests.ground.world import World

READY = 900.0
"""Seconds until all must be Ready."""
SAMPLED = 1.5
"""Seconds until the controller's own sampling, once a second, shows every event that it recorded."""
INTERVAL = "30s"
"""At which the Repository is polled: the default."""


class Standing:
    """A fleet that the controller keeps, and those who look at it."""

    def __init__(self, world: World, fleet: Fleet, client: ApiCluster, controller: ControllerProcess) -> None:
        self.world = world
        self.fleet = fleet
        self.client = client
        self.controller = controller
        self.applications = Lookout(client, API_VERSION, "Application", TEAM)
        self.bare, self.worktree = _publish(world, fleet)

    @property
    def api_server(self) -> int:
        """Process id of the API server."""
        return api_server_of(self.world.plane)

    async def poll_every(self, interval: str) -> None:
        """Have the Repository polled so often, and wait until that has sunk in."""
        target = ObjectId(GROUP, "Repository", TEAM, REPOSITORY)
        await self.client.merge(target, API_VERSION, {"spec": {"interval": interval}})
        await rest(self.controller)

    def complaints(self) -> str:
        """What the first few that are not Ready say."""
        silent = [name for name in self.fleet.names if name not in self.applications.bodies]
        bad = [complaint(body) for body in self.applications.bodies.values() if not is_ready(body)]
        return "; ".join([*bad[:3], *silent[:3]]) + f" ({len(bad) + len(silent)} are not Ready)"


@asynccontextmanager
async def standing(
    harbour: Harbour, world: World, fleet: Fleet, settings: Mapping[str, str]
) -> AsyncIterator[Standing]:
    """The controller started and idle, with nothing to do yet."""
    controller = world.controller(**settings)
    async with harbour.admin() as client:
        ground = Standing(world, fleet, client, controller)
        controller.start()
        try:
            async with ground.applications:
                await rest(controller)
                yield ground
        finally:
            controller.stop()


async def roll_out(ground: Standing) -> Ours:
    """Create the Repository and all Applications at once, and wait until the last is Ready."""
    controller, pid = ground.controller, ground.controller.pid
    before, resident = await rest(controller), memory_of(pid)
    cpu, server = cpu_of(pid), cpu_of(ground.api_server)
    others, begun = Bystanders(), time.monotonic()
    async with peak_memory(pid) as peak:
        moments = await _create_and_await(ground)
        cpu, server = cpu_of(pid).since(cpu), cpu_of(ground.api_server).since(server)
        share = others.share()
    await _all_stand(ground)
    await rest(controller)
    await asyncio.sleep(SAMPLED)
    after = await scrape(controller)
    waits = [moment - begun for moment in moments.values()]
    return Ours(
        seconds=max(waits),
        ready=Spread.of(waits),
        cpu=cpu,
        api_server_cpu_seconds=server.seconds,
        peak_memory=peak.memory,
        memory_before=resident,
        requests=dict(after.requests - before.requests),
        refused=dict(Counter(after.refused) - Counter(before.refused)),
        renders=after.renders - before.renders,
        looks=after.looks - before.looks,
        events=after.events - before.events,
        others=share,
    )


async def _create_and_await(ground: Standing) -> Mapping[str, float]:
    """When each was Ready."""
    moments: dict[str, float] = {}

    def all_ready(bodies: Mapping[str, Json]) -> bool:
        now = time.monotonic()
        for name, body in bodies.items():
            if name not in moments and is_ready(body):
                moments[name] = now
        return len(moments) == ground.fleet.size

    await ground.client.create(repository(ground.bare.url, INTERVAL))
    async with asyncio.TaskGroup() as group:
        for body in ground.fleet.applications():
            group.create_task(_create(ground.client, body), name=f"create {body['metadata']['name']}")
        await ground.applications.until(all_ready, READY, ground.complaints)
    return moments


async def _create(client: ApiCluster, body: Json) -> None:
    await client.create(body)


async def _all_stand(ground: Standing) -> None:
    """A rollout that left something out is no measurement."""
    for api_version, kind in KINDS:
        found = await ground.client.list(api_version, kind, selector=OWNER_LABEL)
        assert len(found) == ground.fleet.size, f"{len(found)} of {ground.fleet.size} objects of kind {kind} stand"


def _publish(world: World, fleet: Fleet) -> tuple[BareRepository, Worktree]:
    bare = world.git.create(f"{world.directory.name}-{REPOSITORY}")
    worktree = bare.worktree(world.directory / "worktree")
    worktree.publish(fleet.files(), "The fleet")
    return bare, worktree
