"""The servers of a benchmark, started once, and a fresh world on them for each measurement."""

from __future__ import annotations

import asyncio
import shutil
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from controller.kube.access import from_kubeconfig_file, in_cluster
from controller.kube.cluster import open_cluster
from controller.model.objects import ObjectId
from tests.benchmarks.usage import cpu_of
from tests.controlplane import ControlPlane
from tests.controlplane.admin import ApiError
from tests.ground.eventually import eventually
from tests.ground.git_server import GitServer
from tests.ground.installation import install, pod_environment
from tests.ground.ledger import LedgerDatabase, make_template
from tests.ground.objects import Objects
from tests.ground.postgres import PostgresServer
from tests.ground.world import TEAM, World

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator, Sequence

    from controller.kube.cluster import ApiCluster
    from controller.model.base import Json
    from tests.controlplane import Plane

BINARIES = Path(__file__).resolve().parents[2] / ".tools" / "bin"
IN_FLIGHT = 50
"""Requests under way at once, of the bare client; the controller's own default is the same."""
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
        self._worlds = 0

    @asynccontextmanager
    async def world(self, namespaces: Sequence[str]) -> AsyncIterator[World]:
        """A world in which these namespaces exist and the servers are idle; emptied afterwards."""
        self._worlds += 1
        directory = self.directory / f"world-{self._worlds}"
        ledger = LedgerDatabase(self.postgres)
        try:
            async with self.admin() as client:
                await all_of(client.apply(_namespace(name)) for name in namespaces)
            for name in namespaces:
                eventually(lambda name=name: self._is_settled(name), f"namespace {name} is settled")  # type: ignore[misc]
            await self._idle()
            yield World(directory, self.plane, ledger, self.git)
        finally:
            await self._empty(namespaces)
            ledger.drop()
            shutil.rmtree(directory, ignore_errors=True)

    @asynccontextmanager
    async def admin(self) -> AsyncIterator[ApiCluster]:
        """A client of an administrator's, to create and to watch with."""
        client = open_cluster("admin", await from_kubeconfig_file(self.plane.kubeconfig), IN_FLIGHT)
        try:
            yield client
        finally:
            await client.close()

    async def _empty(self, namespaces: Sequence[str]) -> None:
        """Remove all that was made, so that nothing is left that any of the cluster's controllers minds."""
        async with self.admin() as client:
            # By the API: an address that vanished with its Service below the API server is looked for again and again.
            services = [body["metadata"] for body in await client.list("v1", "Service")]
            mine = set(namespaces)
            await all_of(
                client.delete(ObjectId("", "Service", service["namespace"], service["name"]), "v1")
                for service in services
                if service["namespace"] in mine
            )
        # Before what is in them: controllers that see that go would put it back while the namespace is there.
        self.plane._keys._delete(f"/registry/namespaces/{name}".encode() for name in namespaces)
        for name in namespaces:
            path = f"/api/v1/namespaces/{name}"
            eventually(lambda path=path: self._is_gone(path), f"namespace {name} is gone")  # type: ignore[misc]
        self.plane.reset()

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

    def _is_gone(self, path: str) -> bool:
        try:
            self.plane.admin.get(path)
        except ApiError as error:
            return error.status == 404
        return False

    def _is_settled(self, namespace: str) -> bool:
        """Whether the cluster's controllers have put into a namespace what they put into each."""
        objects = Objects(self.plane.admin)
        return bool(
            objects.get("v1", "ServiceAccount", namespace, "default")
            and objects.get("v1", "ConfigMap", namespace, "kube-root-ca.crt")
        )


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
            try:
                yield Harbour(directory, plane, postgres, git)
            finally:
                git.stop()
        finally:
            postgres.stop()
    finally:
        plane.stop()


def _namespace(name: str) -> Json:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
