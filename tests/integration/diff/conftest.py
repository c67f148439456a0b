"""A real control plane, and looks at it as the loop takes them."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from tests.controlplane import ControlPlane
from tests.ground.objects import Objects
from tests.integration.diff.looks import Looks
from tests.integration.kube.reach import reached

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

BINARIES = Path(__file__).resolve().parents[3] / ".tools" / "bin"
_numbers = itertools.count()


@pytest.fixture(scope="session")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A control plane of these tests' own."""
    started = ControlPlane.start("diff", tmp_path_factory.mktemp("planes"), binaries=BINARIES)
    yield started
    started.stop()


@pytest.fixture
def objects(plane: ControlPlane) -> Objects:
    """The cluster as an administrator sees and changes it."""
    return Objects(plane.admin)


@pytest.fixture
def namespace(plane: ControlPlane) -> str:
    """A namespace of this test's own; webhooks find it by its label."""
    name = f"diff-{next(_numbers)}"
    plane.admin.create("/api/v1/namespaces", {"metadata": {"name": name, "labels": {"webhook": name}}})
    return name


@pytest_asyncio.fixture
async def looks(plane: ControlPlane, namespace: str) -> AsyncIterator[Looks]:
    """Looks at objects of that namespace."""
    requests: list[str] = []
    async with reached(plane.kubeconfig.read_bytes(), on_request=lambda verb, *_: requests.append(verb)) as cluster:
        yield Looks(cluster, namespace, requests)
