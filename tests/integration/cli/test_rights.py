from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest

from tests.controlplane import service_account_kubeconfig
from tests.ground.git_server import GitServer
from tests.integration.cli.ship import APPLICATIONS, GROUP, configmap

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.cli.ship import Ship

CORE = "/api/v1/namespaces/team"
RBAC = "/apis/rbac.authorization.k8s.io/v1/namespaces/team"


@pytest.fixture
def private(ship: Ship, tmp_path: Path) -> Iterator[Ship]:
    """An Application whose repository wants a password and whose cluster stands in a Secret."""
    server = GitServer(tmp_path / "served").start()
    repository = server.create("private", credentials=("reader", "l0gin-1815"))
    repository.worktree(tmp_path / "private").publish({"config.yaml": configmap("private", 4)}, "Secretly")
    apply = ship.plane.admin.apply
    apply(f"{CORE}/secrets/git", secret("git", {"username": b"reader", "password": b"l0gin-1815"}))
    apply(f"{CORE}/secrets/self", secret("self", {"kubeconfig": ship.plane.kubeconfig.read_bytes()}))
    reference = {"name": "self", "namespace": "team"}
    cluster = {"apiVersion": "shipslog.dev/v1alpha1", "kind": "Cluster", "metadata": {"name": "self"}}
    apply("/apis/shipslog.dev/v1alpha1/clusters/self", {**cluster, "spec": {"kubeconfigSecretRef": reference}})
    url = f"{server.url}/private.git"
    apply(f"{GROUP}/repositories/private", ours("Repository", {"url": url, "secretRef": {"name": "git"}}))
    destination = {"cluster": "self", "namespace": "team"}
    spec = {
        "source": {"repository": "private"},
        "destination": destination,
        "suspend": False,
        "sync": {"mode": "manual"},
    }
    apply(f"{APPLICATIONS}/private", ours("Application", spec))
    yield ship
    ship.plane.admin.merge(f"{APPLICATIONS}/private", {"spec": {"suspend": True}})
    server.stop()


@pytest.fixture
def deckhand(private: Ship) -> str:
    """The kubeconfig of someone who may ask for a sync, and not read Secrets."""
    apply = private.plane.admin.apply
    apply(
        f"{CORE}/serviceaccounts/deckhand",
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": named("deckhand")},
    )
    rule = {"apiGroups": ["shipslog.dev"], "resources": ["applications", "repositories"], "verbs": ["get", "patch"]}
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": named("deckhand"),
        "rules": [rule],
    }
    apply(f"{RBAC}/roles/deckhand", role)
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": named("deckhand"),
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "deckhand"},
        "subjects": [{"kind": "ServiceAccount", "name": "deckhand", "namespace": "team"}],
    }
    apply(f"{RBAC}/rolebindings/deckhand", binding)
    return str(service_account_kubeconfig(private.plane, "team", "deckhand"))


def test_a_plan_reaches_another_cluster_and_a_private_repository(private: Ship) -> None:
    """With the user's right to read their Secrets; no password is printed."""
    said = private.shell("plan", "private", "-o", "json")

    assert said.code == 0, said.err
    assert [(step["action"], step["name"]) for step in said.json["steps"]] == [("create", "private")]
    assert "l0gin" not in said.out + said.err


def test_who_may_not_read_secrets_can_still_ask_for_a_sync(private: Ship, deckhand: str) -> None:
    """The plan is the user's, the sync is the controller's; the log names who asked."""
    planned = private.shell("plan", "private", KUBECONFIG=deckhand)
    assert planned.code == 5
    assert "a role must allow get" in planned.err

    said = private.shell("sync", "private", KUBECONFIG=deckhand)

    assert said.code == 0, said.out + said.err
    assert said.err.startswith("warning: no plan: ")
    assert private.live("private") == "4"
    run: Any = private.plane.admin.get(f"{APPLICATIONS}/private")["status"]["lastRun"]
    assert run["actor"] == "system:serviceaccount:team:deckhand"


def named(name: str) -> dict[str, str]:
    """Metadata in the team's namespace."""
    return {"name": name, "namespace": "team"}


def ours(kind: str, spec: dict[str, Any]) -> dict[str, Any]:
    """One of our kinds, called private."""
    return {"apiVersion": "shipslog.dev/v1alpha1", "kind": kind, "metadata": named("private"), "spec": spec}


def secret(name: str, data: dict[str, bytes]) -> dict[str, Any]:
    """A Secret."""
    encoded = {key: base64.b64encode(value).decode() for key, value in data.items()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": named(name), "data": encoded}
