"""The servers of a benchmark, started once, and a fresh world on them for each measurement."""

from __future__ import annotations

import asyncio
import shutil
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from controller.kube.access import from_kubeconfig_file, in_cluster
from controller.kube.cluster import open_cluster
from tests.benchmarks.usage import cpu_of
from tests.controlplane import ControlPlane
from tests.ground.git_server import GitServer
from tests.ground.installation import install, pod_environment
from tests.ground.ledger import LedgerDatabase, make_template
from tests.ground.objects import Objects
from tests.ground.postgres import PostgresServer
from tests.ground.world import TEAM, World

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator, Mapping, Sequence

    from controller.kube.cluster import ApiCluster
    from controller.model.base import Json
    from tests.benchmarks.anchored import Anchored
    from tests.controlplane import Plane

BINARIES = Path(__file__).resolve().parents[2] / ".tools" / "bin"
IN_FLIGHT = 50
"""Requests under way at once, of the bare client; the controller's own default is the same."""
SETTLED_SECONDS = 300.0
"""Until the cluster's controllers must have filled new namespaces."""
IDLE_CPU = 0.05
"""CPU seconds in a second, below which the API server counts as idle."""
IDLE_SECONDS = 120.0
"""Seconds until it must be."""


class Harbour:
    """A control plane with the chart installed, PostgreSQL and a Git server."""

    def __init__(self, directory: Path, plane: ControlPlane, postgres: PostgresServer, git: GitServer) -> None:
        self.directory = directory
        self.plane = plane
        self.postgres = postgres
        self.git = git
        self.settings: Mapping[str, str] = {}
        """For every controller, beside its own."""
        self.anchored: Anchored | None = None
        """A fleet that stands between two questions."""
        self._worlds = 0

    @asynccontextmanager
    async def world(self, namespaces: Sequence[str]) -> AsyncIterator[World]:
        """A world in which these namespaces exist and the servers are idle; emptied afterwards."""
        world = await self.open(namespaces)
        try:
            yield world
        finally:
            await self.close(world)

    async def open(self, namespaces: Sequence[str]) -> World:
        """The same, for a world that outlives an event loop; what lay at anchor leaves first."""
        await self.clear()
        self._worlds += 1
        world = World(self.directory / f"world-{self._worlds}", self.plane, LedgerDatabase(self.postgres), self.git)
        try:
            async with self.admin() as client:
                await all_of(client.apply(_namespace(name)) for name in namespaces)
                await _settled(client, namespaces)
            await self._idle()
        except BaseException:
            await self.close(world)
            raise
        return world

    async def close(self, world: World) -> None:
        """Empty the servers, and remove what it kept."""
        await asyncio.to_thread(self.plane.reset)
        world.ledger.drop()
        shutil.rmtree(world.directory, ignore_errors=True)

    async def clear(self) -> None:
        """Have the fleet that lies at anchor leave."""
        fleet, self.anchored = self.anchored, None
        if fleet is not None:
            await fleet.leave(self)

    @asynccontextmanager
    async def admin(self) -> AsyncIterator[ApiCluster]:
        """A client of an administrator's, to create and to watch with."""
        client = open_cluster("admin", await from_kubeconfig_file(self.plane.kubeconfig), IN_FLIGHT)
        try:
            yield client
        finally:
            await client.close()

    async def _idle(self) -> None:
        """Wait until the API server has nothing to do: the cluster's controllers try again for a while after a reset.

        Raises TimeoutError when it goes on being busy.
        """
        pid = self.plane.pids["kube-apiserver"]
        async with asyncio.timeout(IDLE_SECONDS):
            while True:
                before = cpu_of(pid)
                await asyncio.sleep(1)
                if cpu_of(pid).since(before).seconds < IDLE_CPU:
                    return


async def _settled(client: ApiCluster, namespaces: Sequence[str]) -> None:
    """Wait until the cluster's controllers have put into each namespace what they put into every one."""
    wanted = set(namespaces)
    async with asyncio.timeout(SETTLED_SECONDS):
        for kind, name in (("ServiceAccount", "default"), ("ConfigMap", "kube-root-ca.crt")):
            while True:
                metadata = [body["metadata"] for body in await client.list("v1", kind)]
                if wanted <= {one["namespace"] for one in metadata if one["name"] == name}:
                    break
                await asyncio.sleep(0.2)


def api_server_of(plane: Plane) -> int:
    """Process id of the API server; raises TypeError for a cluster that was not made here, which has none."""
    if not isinstance(plane, ControlPlane):
        raise TypeError("a benchmark measures a control plane made here: unset SHIPSLOG_TEST_KUBECONFIG")
    return plane.pids["kube-apiserver"]


async def all_of(work: Iterable[Coroutine[Any, Any, object]]) -> None:
    """Do all of it side by side; the client bounds how much at once."""
    async with asyncio.TaskGroup() as group:
        for number, one in enumerate(work):
            group.create_task(one, name=f"all {number}")


@asynccontextmanager
async def bare_client(
    world: World, on_request: Callable[[str, int, float], None] | None = None
) -> AsyncIterator[ApiCluster]:
    """The controller's own client with the controller's own token: the server checks the same for both."""
    directory = world.directory / "bare"
    environment = pod_environment(world.plane, world.objects, world.urls, directory)
    client = open_cluster("bare", await in_cluster(directory, environment), IN_FLIGHT, on_request)
    try:
        yield client
    finally:
        await client.close()


@contextmanager
def harbour(directory: Path) -> Iterator[Harbour]:
    """Start all servers; they end with the block."""
    plane = ControlPlane.start("home", directory / "planes", binaries=BINARIES)
    try:
        postgres = PostgresServer.start(directory / "postgres")
        try:
            make_template(postgres)
            objects = Objects(plane.admin)
            unused = {"url": "postgresql://unused", "ownerUrl": "postgresql://unused"}
            install(plane, objects, unused, directory / "helm")
            objects.namespace(TEAM)
            plane.remember()
            git = GitServer(directory / "git").start()
            ground = Harbour(directory, plane, postgres, git)
            try:
                yield ground
            finally:
                if ground.anchored is not None:
                    ground.anchored.controller.stop()
                git.stop()
        finally:
            postgres.stop()
    finally:
        plane.stop()


def _namespace(name: str) -> Json:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
