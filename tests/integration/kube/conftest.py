"""A real control plane for the session, and clients to it."""

from __future__ import annotations

import contextlib
import itertools
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from tests.controlplane import ControlPlane, service_account_kubeconfig
from tests.integration.kube.connection import Connection
from tests.integration.kube.reach import reached
from tests.integration.kube.server import ApiServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from controller.kube.cluster import ApiCluster

BINARIES = Path(__file__).resolve().parents[3] / ".tools" / "bin"

_numbers = itertools.count()


@pytest.fixture(scope="session")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A control plane of these tests' own."""
    started = ControlPlane.start("kube", tmp_path_factory.mktemp("planes"), binaries=BINARIES)
    yield started
    started.stop()


@pytest.fixture
def namespace(plane: ControlPlane) -> str:
    """A namespace of this test's own."""
    name = f"test-{next(_numbers)}"
    plane.admin.create("/api/v1/namespaces", {"metadata": {"name": name}})
    return name


@pytest_asyncio.fixture
async def cluster(plane: ControlPlane) -> AsyncIterator[ApiCluster]:
    """The control plane, as its administrator."""
    async with reached(plane.kubeconfig.read_bytes()) as opened:
        yield opened


@pytest_asyncio.fixture
async def restricted(plane: ControlPlane, namespace: str) -> AsyncIterator[ApiCluster]:
    """The control plane, as a ServiceAccount that may do nothing."""
    plane.admin.create(f"/api/v1/namespaces/{namespace}/serviceaccounts", {"metadata": {"name": "nobody"}})
    kubeconfig = service_account_kubeconfig(plane, namespace, "nobody")
    async with reached(kubeconfig.read_bytes()) as opened:
        yield opened


@pytest_asyncio.fixture
async def connection(plane: ControlPlane) -> AsyncIterator[Connection]:
    """A way to the control plane that can be cut."""
    async with Connection.to(plane) as made:
        yield made


@pytest.fixture
def second_server(plane: ControlPlane, tmp_path: Path) -> Iterator[ApiServer]:
    """A second API server of the same control plane, which may be killed and started again."""
    with contextlib.closing(ApiServer(plane, BINARIES, tmp_path)) as server:
        server.start()
        yield server
