"""A control plane to install the chart on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.controlplane import ControlPlane
from tests.integration.chart.helm import BINARY, DATABASE, NAMESPACE, Helm

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.controlplane.admin import Admin


@pytest.fixture(scope="package")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """One for all tests here."""
    started = ControlPlane.start("chart", tmp_path_factory.mktemp("planes"), binaries=BINARY.parent)
    yield started
    started.stop()


@pytest.fixture
def admin(plane: ControlPlane) -> Iterator[Admin]:
    """It, with a namespace that takes restricted Pods only; emptied afterwards."""
    labels = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn")}
    namespace: dict[str, Any] = {"apiVersion": "v1", "kind": "Namespace"}
    plane.admin.create("/api/v1/namespaces", namespace | {"metadata": {"name": NAMESPACE, "labels": labels}})
    yield plane.admin
    plane.reset()


@pytest.fixture
def database(admin: Admin) -> dict[str, str]:
    """The Secret of the ledger's URLs."""
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "shipslog-database"}, "stringData": DATABASE}
    admin.create(f"/api/v1/namespaces/{NAMESPACE}/secrets", secret)
    return DATABASE


@pytest.fixture
def helm(plane: ControlPlane, admin: Admin, tmp_path: Path) -> Helm:
    """Helm, for this cluster."""
    del admin  # the namespace is there
    return Helm(tmp_path, plane.kubeconfig)
