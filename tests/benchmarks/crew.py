"""A controller at work on a cargo: from its Applications created to all of them Ready, and what that cost."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from controller.model.labels import ACTOR_ANNOTATION, API_VERSION, GROUP, OWNER_LABEL, SYNC_ANNOTATION
from controller.model.objects import ObjectId
from tests.benchmarks.cargo import IN_CLUSTER
from tests.benchmarks.counters import Lag, rest, scrape
from tests.benchmarks.fleet import REPOSITORY, repository
from tests.benchmarks.harbour import IN_FLIGHT, api_server_of
from tests.benchmarks.limit import at_once
from tests.benchmarks.lookout import Lookout, complaint, is_ready
from tests.benchmarks.usage import (
    Bystanders,
    Cpu,
    Memory,
    Processes,
    cpu_of,
    memory_of,
    peak_memory,
    processes_of,
)
from tests.ground.world import TEAM

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

    from controller.kube.cluster import ApiCluster
    from controller.model.base import Json
    from tests.benchmarks.cargo import Cargo
    from tests.benchmarks.harbour import Harbour
    from tests.ground.controller_process import ControllerProcess
    from tests.ground.git_repository import BareRepository, Worktree
    from tests.ground.world import World

READY = 1800.0
"""Seconds until all must be Ready."""
SAMPLED = 1.5
"""Seconds until the controller's own sampling, once a second, shows every event that it recorded."""
INTERVAL = "30s"
"""At which the Repository is polled: the default."""


class Delivery(msgspec.Struct, frozen=True, rename="camel"):
    """A cargo that stands, and what that cost.

    `ready`: seconds of the single Applications, sorted. `stages`: seconds that looks spent in each, many at a time.
    `others`: share of all cores that programs with no part in it took meanwhile.
    """

    applications: int
    objects: int
    seconds: float
    ready: list[float]
    cpu: Cpu
    api_server_cpu_seconds: float
    processes: Processes
    stages: dict[str, float]
    lag: Lag
    memory_before: Memory
    peak_memory: Memory
    memory_after: Memory
    requests: dict[str, int]
    refused: dict[str, int]
    renders: int
    looks: int
    events: int
    others: float

    @property
    def sent(self) -> int:
        """Requests of all verbs."""
        return sum(self.requests.values())


class Yard(NamedTuple):
    """A repository, and a working copy to commit in."""

    bare: BareRepository
    worktree: Worktree


class Crew:
    """The controller, and those who look at it. `places` are clients of further clusters that it writes to."""

    def __init__(
        self,
        world: World,
        cargo: Cargo,
        client: ApiCluster,
        controller: ControllerProcess,
        yards: Mapping[str, Yard] | None = None,
    ) -> None:
        self.world = world
        self.cargo = cargo
        self.client = client
        self.controller = controller
        self.places: dict[str, ApiCluster] = {IN_CLUSTER: client}
        self.applications = Lookout(client, API_VERSION, "Application", TEAM)
        self.yards = publish(world, cargo) if yards is None else yards

    @property
    def mirrors(self) -> Path:
        """Where it keeps its mirrors."""
        return self.world.directory / "pod" / "mirrors"

    @property
    def api_server(self) -> int:
        """Process id of the API server."""
        return api_server_of(self.world.plane)

    @property
    def bare(self) -> BareRepository:
        """The one repository."""
        return self.yards[REPOSITORY].bare

    @property
    def worktree(self) -> Worktree:
        """A working copy of the one repository."""
        return self.yards[REPOSITORY].worktree

    async def deliver(self) -> Delivery:
        """Create the Repository and all Applications at once, and wait until the last is Ready.

        Raises AssertionError where an object is missing then: that is no measurement.
        """
        controller, pid = self.controller, self.controller.pid
        before, resident = await rest(controller), memory_of(pid)
        cpu, server, processes = cpu_of(pid), cpu_of(self.api_server), processes_of(pid)
        others, begun = Bystanders(), time.monotonic()
        async with peak_memory(pid) as peak:
            moments = await self._create_and_await()
            cpu, server = cpu_of(pid).since(cpu), cpu_of(self.api_server).since(server)
            processes = processes_of(pid).since(processes)
            share = others.share()
        objects = await self._all_stand()
        await rest(controller)
        await asyncio.sleep(SAMPLED)
        after = await scrape(controller)
        waits = sorted(round(moment - begun, 6) for moment in moments.values())
        return Delivery(
            applications=len(self.cargo.names),
            objects=objects,
            seconds=max(waits),
            ready=waits,
            cpu=cpu,
            api_server_cpu_seconds=server.seconds,
            processes=processes,
            stages={stage: round(total - before.stages.get(stage, 0), 3) for stage, total in after.stages.items()},
            lag=Lag.of(after.lag.since(before.lag)),
            memory_before=resident,
            peak_memory=peak.memory,
            memory_after=memory_of(pid),
            requests=dict(after.requests - before.requests),
            refused=dict(Counter(after.refused) - Counter(before.refused)),
            renders=after.renders - before.renders,
            looks=after.looks - before.looks,
            events=after.events - before.events,
            others=share,
        )

    async def push(self, files: Mapping[str, str], message: str, repository: str = REPOSITORY) -> str:
        """Commit and push; the commit."""
        return await asyncio.to_thread(self.yards[repository].worktree.publish, files, message)

    async def ask(self, name: str) -> None:
        """Ask for a sync of an Application, as `shipslog sync` does."""
        asked = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        annotations = {SYNC_ANNOTATION: asked, ACTOR_ANNOTATION: "benchmark"}
        target = ObjectId(GROUP, "Application", TEAM, name)
        await self.client.merge(target, API_VERSION, {"metadata": {"annotations": annotations}})

    async def poll_every(self, interval: str) -> None:
        """Have the Repository polled so often, and wait until that has sunk in."""
        target = ObjectId(GROUP, "Repository", TEAM, REPOSITORY)
        await self.client.merge(target, API_VERSION, {"spec": {"interval": interval}})
        await rest(self.controller)

    def complaints(self) -> str:
        """What the first few that are not Ready say."""
        silent = [name for name in self.cargo.names if name not in self.applications.bodies]
        bad = [complaint(body) for body in self.applications.bodies.values() if not is_ready(body)]
        return "; ".join([*bad[:3], *silent[:3]]) + f" ({len(bad) + len(silent)} are not Ready)"

    async def _create_and_await(self) -> Mapping[str, float]:
        """When each was Ready."""
        moments: dict[str, float] = {}
        names = frozenset(self.cargo.names)

        def all_ready(bodies: Mapping[str, Json]) -> bool:
            now = time.monotonic()
            for name in (self.applications.fresh() & names) - moments.keys():
                if name in bodies and is_ready(bodies[name]):
                    moments[name] = now
            return len(moments) == len(names)

        await at_once(
            [
                lambda name=name, yard=yard: self.client.create(repository(yard.bare.url, INTERVAL, name))  # type: ignore[misc]
                for name, yard in self.yards.items()
            ]
        )
        async with asyncio.TaskGroup() as group:
            create = [lambda body=body: self.client.create(body) for body in self.cargo.applications]
            group.create_task(at_once(create, IN_FLIGHT), name="create Applications")
            await self.applications.until(all_ready, READY, self.complaints)
        return moments

    async def _all_stand(self) -> int:
        """How many objects there are; raises AssertionError where any is missing."""
        stand = 0
        for cluster, kinds in self.cargo.objects.items():
            for (api_version, kind), wanted in kinds.items():
                found = await self.places[cluster].list(api_version, kind, selector=OWNER_LABEL)
                assert len(found) == wanted, f"{len(found)} of {wanted} objects of kind {kind} stand in {cluster}"
                stand += wanted
        return stand


@asynccontextmanager
async def crew(harbour: Harbour, world: World, cargo: Cargo, **settings: str) -> AsyncIterator[Crew]:
    """The controller started and idle, with nothing to do yet."""
    controller = world.controller(**{**harbour.settings, **settings})
    async with harbour.admin() as client:
        ground = Crew(world, cargo, client, controller)
        controller.start()
        try:
            async with ground.applications:
                await rest(controller)
                yield ground
        finally:
            controller.stop()


def publish(world: World, cargo: Cargo) -> Mapping[str, Yard]:
    """Make the cargo's repositories, and put its files there."""
    yards = {}
    for name, files in cargo.repositories.items():
        bare = world.git.create(f"{world.directory.name}-{name}")
        worktree = bare.worktree(world.directory / f"worktree-{name}")
        worktree.publish(files, "The cargo")
        yards[name] = Yard(bare, worktree)
    return yards
