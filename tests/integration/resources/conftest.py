"""A control plane that serves our kinds."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from controller.model.crds import crds
from tests.controlplane import ControlPlane
from tests.integration.resources.api import Api, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

BINARIES = Path(__file__).resolve().parents[3] / ".tools" / "bin"


@pytest.fixture(scope="package")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """One for all tests here."""
    started = ControlPlane.start("resources", tmp_path_factory.mktemp("planes"), binaries=BINARIES)
    yield started
    started.stop()


@pytest.fixture(scope="package")
def served(plane: ControlPlane) -> Api:
    """It, with our kinds and the namespace of the examples."""
    api = Api(plane)
    for crd in crds():
        api.apply(crd)
    for crd in crds():
        eventually(f"{crd['metadata']['name']} to be served", functools.partial(api.served, api.collection(crd)))
    api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "team-pay"}})
    return api


@pytest.fixture
def api(served: Api) -> Iterator[Api]:
    """It, without what the test before made."""
    served.made.clear()
    yield served
    served.clean()
