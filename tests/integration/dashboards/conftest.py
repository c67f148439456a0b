"""Two rehearsals, one healthy and one troubled, each scraped by a Prometheus of its own."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.ground.ports import free_ports
from tests.ground.processes import Component, ProcessGroup
from tests.ground.prometheus import PrometheusServer

if TYPE_CHECKING:
    from collections.abc import Iterator

CHECKOUT = Path(__file__).resolve().parents[3]


def rehearsed(root: Path, mood: str) -> Iterator[PrometheusServer]:
    """A Prometheus that has scraped a rehearsal in this mood, with the alert rules loaded."""
    (port,) = free_ports(1)
    rehearsal = Component(
        name="rehearsal",
        argv=(sys.executable, "-m", "tests.integration.dashboards.rehearsal", str(port), mood),
        log=root / "rehearsal.log",
        listen=("127.0.0.1", port),
        directory=str(CHECKOUT),
    )
    group = ProcessGroup.launch(root / "rehearsal", [rehearsal])
    try:
        group.await_running(30)
        rules = [CHECKOUT / "dashboards" / "alerts.yaml"]
        server = PrometheusServer.start(root / "prometheus", [f"127.0.0.1:{port}"], rules=rules)
        try:
            server.await_scrapes(4)
            yield server
        finally:
            server.stop()
    finally:
        group.stop()


@pytest.fixture(scope="session")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrometheusServer]:
    """All is as Git says."""
    yield from rehearsed(tmp_path_factory.mktemp("healthy"), "healthy")


@pytest.fixture(scope="session")
def troubled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrometheusServer]:
    """Something of everything that can go wrong."""
    yield from rehearsed(tmp_path_factory.mktemp("troubled"), "troubled")
