"""One set of servers for the session, a fresh world on them for each test."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.controlplane import home
from tests.ground.git_server import GitServer
from tests.ground.installation import install
from tests.ground.ledger import LedgerDatabase, make_template
from tests.ground.objects import Objects
from tests.ground.postgres import PostgresServer
from tests.ground.world import TEAM, World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.controlplane import Plane
    from tests.ground.controller_process import ControllerProcess

BINARIES = Path(__file__).resolve().parents[2] / ".tools" / "bin"


@pytest.fixture(scope="session")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plane]:
    """The home cluster, with the chart installed."""
    directory = tmp_path_factory.mktemp("planes")
    started = home("home", directory, binaries=BINARIES)
    try:
        objects = Objects(started.admin)
        # Installed once: each test comes back to this state, and has a ledger of its own.
        unused = {"url": "postgresql://unused", "ownerUrl": "postgresql://unused"}
        install(started, objects, unused, directory / "helm")
        objects.namespace(TEAM)
        started.remember()
        yield started
    finally:
        started.stop()


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """PostgreSQL, with the migrated template."""
    started = PostgresServer.start(tmp_path_factory.mktemp("postgres"))
    make_template(started)
    yield started
    started.stop()


@pytest.fixture(scope="session")
def git(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitServer]:
    """Git over smart HTTP."""
    started = GitServer(tmp_path_factory.mktemp("git")).start()
    yield started
    started.stop()


@pytest.fixture
def world(tmp_path: Path, plane: Plane, postgres: PostgresServer, git: GitServer) -> Iterator[World]:
    """A world with the chart installed and nothing else in it; emptied afterwards."""
    ledger = LedgerDatabase(postgres)
    yield World(tmp_path, plane, ledger, git)
    plane.reset()
    ledger.drop()


@pytest.fixture
def controller(world: World) -> Iterator[ControllerProcess]:
    """The controller, running as the chart's Pod would."""
    process = world.controller()
    process.start()
    yield process
    process.stop()


@pytest.fixture
def launch(world: World) -> Iterator[Callable[..., ControllerProcess]]:
    """Starts a controller with settings; whatever still runs at the end of a test ends with it."""
    started: list[ControllerProcess] = []

    def start(**settings: str) -> ControllerProcess:
        started.append(world.controller(**settings))
        return started[-1].start()

    yield start
    for process in started:
        process.kill()
