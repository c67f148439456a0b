"""The servers of a benchmark, started once, and a fresh world on them for each measurement."""

from __future__ import annotations

import shutil
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from controller.kube.access import from_kubeconfig_file, in_cluster
from controller.kube.cluster import open_cluster
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
    from collections.abc import AsyncIterator, Callable, Iterator, Sequence

    from controller.kube.cluster import ApiCluster

BINARIES = Path(__file__).resolve().parents[2] / ".tools" / "bin"
IN_FLIGHT = 50
"""Requests under way at once, of the bare client; the controller's own default is the same."""


class Harbour:
    """A control plane with the chart installed, PostgreSQL and a Git server."""

    def __init__(self, directory: Path, plane: ControlPlane, postgres: PostgresServer, git: GitServer) -> None:
        self.directory = directory
        self.plane = plane
        self.postgres = postgres
        self.git = git
        self._worlds = 0

    @contextmanager
    def world(self, namespaces: Sequence[str]) -> Iterator[World]:
        """A world in which these namespaces exist and have settled; emptied afterwards."""
        self._worlds += 1
        directory = self.directory / f"world-{self._worlds}"
        ledger = LedgerDatabase(self.postgres)
        world = World(directory, self.plane, ledger, self.git)
        try:
            world.objects.namespace(*namespaces)
            for name in namespaces:
                eventually(lambda name=name: _settled(world.objects, name), f"namespace {name} is settled")  # type: ignore[misc]
            yield world
        finally:
            self._empty(namespaces)
            ledger.drop()
            shutil.rmtree(directory, ignore_errors=True)

    def _empty(self, namespaces: Sequence[str]) -> None:
        """Namespaces go first: controllers that see what was in them go would put it back while they are there."""
        self.plane._keys._delete(f"/registry/namespaces/{name}".encode() for name in namespaces)
        for name in namespaces:
            path = f"/api/v1/namespaces/{name}"
            eventually(lambda path=path: _is_gone(self.plane, path), f"namespace {name} is gone")  # type: ignore[misc]
        self.plane.reset()

    @asynccontextmanager
    async def admin(self) -> AsyncIterator[ApiCluster]:
        """A client of an administrator's, to create and to watch with."""
        client = open_cluster("admin", await from_kubeconfig_file(self.plane.kubeconfig), IN_FLIGHT)
        try:
            yield client
        finally:
            await client.close()


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


def _is_gone(plane: ControlPlane, path: str) -> bool:
    try:
        plane.admin.get(path)
    except ApiError as error:
        return error.status == 404
    return False


def _settled(objects: Objects, namespace: str) -> bool:
    """Whether the server's own controllers have put into a namespace what they put into each."""
    return bool(
        objects.get("v1", "ServiceAccount", namespace, "default")
        and objects.get("v1", "ConfigMap", namespace, "kube-root-ca.crt")
    )
