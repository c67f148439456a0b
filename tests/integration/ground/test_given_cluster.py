"""A cluster of the user's: taken, emptied of what tests made, and given back as it was found."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import pytest

from tests.controlplane import GivenCluster, home
from tests.controlplane.admin import Admin, ApiError
from tests.ground.objects import Objects
from tests.integration.ground.conftest import BINARIES, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.controlplane import ControlPlane

TEAM = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "team"}}
SETTINGS = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "settings", "namespace": "team", "finalizers": ["example.org/never"]},
}
SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "web", "namespace": "default"},
    "spec": {"ports": [{"port": 80}]},
}
DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "namespace": "default"},
    "spec": {
        "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"name": "web", "image": "registry.example/web:1"}]},
        },
    },
}
ROLE = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "made"}, "rules": []}


@pytest.fixture
def given(plane: ControlPlane, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GivenCluster]:
    """A running control plane as the user's cluster, taken."""
    monkeypatch.setenv("SHIPSLOG_TEST_KUBECONFIG", str(plane.kubeconfig))
    taken = home("home", tmp_path, binaries=BINARIES)
    assert isinstance(taken, GivenCluster)
    yield taken
    if taken.directory.exists():
        taken.stop()


def test_the_users_cluster_is_used_by_a_login_of_its_own(given: GivenCluster, plane: ControlPlane) -> None:
    """Whatever lets the user in, tests have a token; it names no user of theirs."""
    assert given.url == plane.url
    assert given.admin_token != plane.admin_token
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    answer = given.admin.create("/apis/authentication.k8s.io/v1/selfsubjectreviews", review)
    assert answer["status"]["userInfo"]["username"] == "system:serviceaccount:kube-system:shipslog-tests"


def test_a_reset_removes_what_was_made_and_nothing_else(given: GivenCluster, plane: ControlPlane) -> None:
    """Namespaces with what sticks in them, workloads with their Pods, objects without a namespace."""
    objects = Objects(given.admin)
    objects.apply(TEAM, SETTINGS, SERVICE, DEPLOYMENT, ROLE)
    pods = "/api/v1/namespaces/default/pods"
    eventually("a Pod", lambda: given.admin.get(pods)["items"])

    given.reset()

    user = Objects(plane.admin)
    assert user.get("v1", "Namespace", "", "team") is None
    assert user.get("v1", "Service", "default", "web") is None
    assert user.get("apps/v1", "Deployment", "default", "web") is None
    assert user.get("rbac.authorization.k8s.io/v1", "ClusterRole", "", "made") is None
    assert given.admin.get(pods)["items"] == []
    assert user.get("v1", "Service", "default", "kubernetes") is not None
    assert given.admin.get("/readyz") == "ok"


def test_a_cluster_is_given_back_by_another_process(given: GivenCluster, plane: ControlPlane) -> None:
    """What was taken for a kept demo is found again, emptied, and its login is gone."""
    Objects(given.admin).apply(TEAM)

    again = GivenCluster.attach("home", given.directory.parent)
    assert again is not None
    again.stop()

    user = Objects(plane.admin)
    assert user.get("v1", "Namespace", "", "team") is None
    assert user.get("v1", "ServiceAccount", "kube-system", "shipslog-tests") is None
    assert user.get("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", "", "shipslog-tests") is None
    assert GivenCluster.attach("home", given.directory.parent) is None
    stale = Admin(given.url, given.admin_token, plane.ca_file)
    with pytest.raises((ApiError, ssl.SSLError)):
        stale.get("/api/v1/namespaces")
