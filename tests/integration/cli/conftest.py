"""A control plane with our kinds, a ledger, a repository, and a controller that runs as a process."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from controller.model.crds import crds
from tests.controlplane import ControlPlane
from tests.ground.postgres import PostgresServer
from tests.integration.cli.shell import Shell
from tests.integration.cli.ship import Ship

if TYPE_CHECKING:
    from collections.abc import Iterator

BINARIES = Path(__file__).resolve().parents[3] / ".tools" / "bin"


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """A shell without any cluster."""
    home = tmp_path / "home"
    home.mkdir()
    return Shell(home, {})


@pytest.fixture(scope="package")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A control plane that serves our kinds."""
    started = ControlPlane.start("cli", tmp_path_factory.mktemp("planes"), binaries=BINARIES)
    definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    for crd in crds():
        started.admin.apply(f"{definitions}/{crd['metadata']['name']}", crd)
    started.admin.create("/api/v1/namespaces", {"metadata": {"name": "team"}})
    yield started
    started.stop()


@pytest.fixture(scope="package")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """A PostgreSQL server."""
    server = PostgresServer.start(tmp_path_factory.mktemp("postgres"))
    yield server
    server.stop()


@pytest.fixture(scope="package")
def ship(plane: ControlPlane, postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ship]:
    """A controller under way, with a repository to read and a ledger to write."""
    with contextlib.closing(Ship(plane, postgres, tmp_path_factory.mktemp("ship"))) as under_way:
        under_way.set_sail()
        yield under_way
