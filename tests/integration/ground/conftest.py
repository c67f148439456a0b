"""The ground's own tests start their own servers: they stop and kill them."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.controlplane import ControlPlane, start_all
from tests.ground.git_server import GitServer
from tests.ground.initdb import USER_DSN
from tests.ground.postgres import PostgresServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BINARIES = Path(__file__).resolve().parents[3] / ".tools" / "bin"


def eventually(what: str, condition: Callable[[], object], seconds: float = 30.0) -> None:
    """Poll a condition until it holds, or fail."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds:g} s for {what}"
        time.sleep(0.05)


@pytest.fixture(scope="package")
def planes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[ControlPlane]]:
    """Two control planes, side by side."""
    started = start_all(["east", "west"], tmp_path_factory.mktemp("planes"), binaries=BINARIES)
    yield started
    for plane in started:
        plane.stop()


@pytest.fixture
def plane(planes: list[ControlPlane]) -> Iterator[ControlPlane]:
    """One of them, emptied afterwards."""
    yield planes[0]
    planes[0].reset()


@pytest.fixture(scope="package")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """A server made here, whatever the user gave."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv(USER_DSN, raising=False)
        server = PostgresServer.start(tmp_path_factory.mktemp("postgres"))
    yield server
    server.stop()


@pytest.fixture
def git_server(tmp_path: Path) -> Iterator[GitServer]:
    """A Git server of this test's own."""
    server = GitServer(tmp_path / "repositories").start()
    yield server
    server.stop()
