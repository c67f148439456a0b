"""Many clusters: by kubeconfig Secrets, side by side; one that is away holds nobody else back."""

from __future__ import annotations

import json
import os
import signal
import time
from typing import TYPE_CHECKING, Any

import pytest

from controller.model.labels import API_VERSION
from tests.acceptance.shop import shop
from tests.controlplane import ControlPlane, service_account_kubeconfig
from tests.ground.eventually import eventually
from tests.ground.installation import NAMESPACE, TOOLS
from tests.ground.objects import Objects

if TYPE_CHECKING:
    from collections.abc import Iterator

    from controller.model.base import Json
    from tests.ground.controller_process import ControllerProcess
    from tests.ground.world import World

MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {version: '%s'}\n"


@pytest.fixture(scope="module")
def abroad(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A second control plane."""
    started = ControlPlane.start("abroad", tmp_path_factory.mktemp("planes"), binaries=TOOLS)
    yield started
    started.stop()


def _connect(world: World, name: str, kubeconfig: str) -> None:
    reference = {"name": f"{name}-kubeconfig", "namespace": NAMESPACE}
    world.objects.apply(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": reference,
            "stringData": {"kubeconfig": kubeconfig},
        },
        {
            "apiVersion": API_VERSION,
            "kind": "Cluster",
            "metadata": {"name": name},
            "spec": {"kubeconfigSecretRef": reference},
        },
    )


def _cluster(world: World, name: str) -> Json:
    found = world.objects.get(API_VERSION, "Cluster", "", name)
    return dict(found.get("status", {})) if found else {}


def _ready(world: World, name: str) -> Any:
    conditions = _cluster(world, name).get("conditions", [])
    return next((condition for condition in conditions if condition["type"] == "Ready"), {})


def test_one_controller_keeps_two_clusters(world: World, controller: ControllerProcess, abroad: ControlPlane) -> None:
    """The same commit stands in both; drift abroad is healed there; the Cluster says its version."""
    del controller
    there = Objects(abroad.admin)
    world.repository().publish(shop("1"), "first")
    _connect(world, "abroad", abroad.kubeconfig.read_text(encoding="utf-8"))
    world.application("shop")
    world.application("shop-abroad", destination={"namespace": "shop", "cluster": "abroad"})
    world.await_ready("shop", "shop-abroad")
    assert _cluster(world, "abroad")["version"] == "v1.36.3"
    assert there.get("apps/v1", "Deployment", "shop", "web") is not None

    there.edit("v1", "ConfigMap", "shop", "settings", {"data": {"version": "by hand"}})

    detected = world.await_event("drift.detected")
    assert detected["target"]["cluster"] == "abroad"
    world.await_event("drift.healed", causation_id=detected["id"])
    assert there.get("v1", "ConfigMap", "shop", "settings")["data"] == {"version": "1"}  # type: ignore[index]
    abroad.reset()


def test_an_application_that_moves_leaves_nothing_behind(
    world: World, controller: ControllerProcess, abroad: ControlPlane
) -> None:
    """What stood in the old cluster is pruned there before anything is written to the new one; none of it is drift."""
    del controller
    there = Objects(abroad.admin)
    world.objects.namespace("shop")
    there.namespace("shop")
    world.repository().publish({"a.yaml": MAP % "1"}, "first")
    _connect(world, "abroad", abroad.kubeconfig.read_text(encoding="utf-8"))
    world.application("shop")
    world.await_ready("shop")

    world.application("shop", destination={"namespace": "shop", "cluster": "abroad"}, sync={"mode": "manual"})
    eventually(lambda: world.condition("shop", "Synced").get("reason") == "OutOfSync", "it waits for a person")
    assert world.objects.get("v1", "ConfigMap", "shop", "settings") is not None
    assert len(world.status("shop")["inventory"]) == 1
    world.application("shop", destination={"namespace": "shop", "cluster": "abroad"}, sync={"mode": "auto"})

    eventually(lambda: there.get("v1", "ConfigMap", "shop", "settings"), "it stands in the new cluster")
    world.await_ready("shop")
    assert world.objects.get("v1", "ConfigMap", "shop", "settings") is None
    pruned = world.await_event("prune.object")
    assert (pruned["target"]["cluster"], pruned["reason"]) == ("in-cluster", "its Application moved to cluster abroad")
    assert world.status("shop")["cluster"] == "abroad"
    assert world.ledger.events("drift.detected") == []
    abroad.reset()


def test_a_cluster_that_is_away_holds_nobody_back_and_is_caught_up_with(
    world: World, controller: ControllerProcess, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """While one cluster is dead, commits reach the others at once; when it is back, it gets what it missed."""
    del controller
    root = tmp_path_factory.mktemp("planes")
    gone = ControlPlane.start("gone", root, binaries=TOOLS)
    kubeconfig = gone.kubeconfig.read_text(encoding="utf-8")
    gone.stop()
    worktree = world.repository()
    worktree.publish({"a.yaml": MAP % "1"}, "first")
    world.objects.namespace("home")
    _connect(world, "gone", kubeconfig)
    for number in range(30):  # more than there are workers
        world.application(f"away-{number}", destination={"namespace": "default", "cluster": "gone"})
    world.application("home")
    world.await_ready("home")
    eventually(lambda: _ready(world, "gone").get("reason") == "Unreachable", "the Cluster says that it is away")
    eventually(
        lambda: "gone does not answer" in world.condition("away-0", "Ready").get("message", ""),
        "so do its Applications",
    )

    head = worktree.publish({"a.yaml": MAP % "2"}, "second")
    started = time.monotonic()
    world.await_ready("home", revision=head, seconds=15)

    assert time.monotonic() - started < 10


def test_a_cluster_that_comes_back_gets_what_it_missed(
    world: World, controller: ControllerProcess, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A Cluster whose Secret is corrected is opened again untouched, and its Applications follow at once."""
    del controller
    back = ControlPlane.start("back", tmp_path_factory.mktemp("planes"), binaries=TOOLS)
    try:
        kubeconfig = back.kubeconfig.read_text(encoding="utf-8")
        world.repository().publish({"a.yaml": MAP % "1"}, "first")
        _connect(world, "back", kubeconfig.replace(back.url, "https://127.0.0.1:1"))
        world.application("late", destination={"namespace": "default", "cluster": "back"})
        eventually(lambda: _ready(world, "back").get("status") == "False", "it is away")

        _connect(world, "back", kubeconfig)

        world.await_ready("late", seconds=30)
        assert Objects(back.admin).get("v1", "ConfigMap", "default", "settings") is not None
    finally:
        back.stop()


def test_a_kubeconfig_that_reaches_into_our_pod_is_refused(world: World, controller: ControllerProcess) -> None:
    """A plugin would run a program of the Secret's author in our Pod: the Cluster says what is refused, and why."""
    del controller
    _connect(
        world,
        "sly",
        "apiVersion: v1\nkind: Config\ncurrent-context: a\ncontexts: [{name: a, context: {cluster: a, user: a}}]\n"
        "clusters: [{name: a, cluster: {server: 'https://127.0.0.1:1'}}]\n"
        "users: [{name: a, user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: /bin/sh}}}]\n",
    )

    message = eventually(lambda: _ready(world, "sly").get("message"), "the Cluster says what is wrong")
    assert "exec" in message
    assert _ready(world, "sly")["reason"] == "KubeconfigRefused"
    world.application("x", destination={"cluster": "sly"})
    eventually(lambda: "sly" in world.condition("x", "Ready").get("message", ""), "so does its Application")


def test_a_cluster_whose_secret_comes_late_is_opened_then(
    world: World, controller: ControllerProcess, abroad: ControlPlane
) -> None:
    """People create both in one go, in any order: nobody has to touch the Cluster again."""
    del controller
    spec = {"kubeconfigSecretRef": {"name": "late", "namespace": "shipslog-system"}}
    world.objects.apply({"apiVersion": API_VERSION, "kind": "Cluster", "metadata": {"name": "late"}, "spec": spec})
    eventually(lambda: "does not exist" in _ready(world, "late").get("message", ""), "it says what is missing")
    assert _ready(world, "late")["reason"] == "SecretUnusable"

    _connect(world, "late", abroad.kubeconfig.read_text(encoding="utf-8"))

    eventually(lambda: _ready(world, "late").get("status") == "True", "it is reachable", seconds=30)


def test_a_rotated_kubeconfig_is_in_use_without_a_restart(
    world: World, controller: ControllerProcess, abroad: ControlPlane
) -> None:
    """The old login loses its rights, the Secret gets the new one: the next commit arrives with it."""
    del controller
    there = Objects(abroad.admin)
    there.namespace("shop", "logins")
    for name in ("old", "new"):
        there.apply(*_administrator(name))
    worktree = world.repository()
    worktree.publish({"a.yaml": MAP % "1"}, "first")
    _connect(world, "abroad", service_account_kubeconfig(abroad, "logins", "old").read_text(encoding="utf-8"))
    world.application("shop", destination={"namespace": "shop", "cluster": "abroad"})
    world.await_ready("shop")

    new = service_account_kubeconfig(abroad, "logins", "new").read_text(encoding="utf-8")
    there.delete("v1", "ServiceAccount", "logins", "old")
    _connect(world, "abroad", new)
    head = worktree.publish({"a.yaml": MAP % "2"}, "second")

    world.await_ready("shop", revision=head, seconds=60)
    assert there.get("v1", "ConfigMap", "shop", "settings")["data"] == {"version": "2"}  # type: ignore[index]
    abroad.reset()


def test_a_login_that_ends_is_told_and_recorded_and_so_is_its_return(
    world: World, controller: ControllerProcess, abroad: ControlPlane
) -> None:
    """The Cluster, its Applications, the ledger and a Kubernetes Event tell why; nobody is called healthy unseen."""
    del controller
    there = Objects(abroad.admin)
    there.namespace("shop", "logins")
    there.apply(*_administrator("ending"))
    world.repository().publish({"a.yaml": MAP % "1"}, "first")
    good = service_account_kubeconfig(abroad, "logins", "ending").read_text(encoding="utf-8")
    _connect(world, "abroad", good)
    world.application("shop", destination={"namespace": "shop", "cluster": "abroad"})
    world.await_ready("shop")

    ended = json.loads(good)
    ended["users"][0]["user"]["token"] = "ended"
    _connect(world, "abroad", json.dumps(ended))

    failed = world.await_event("cluster.failed", seconds=60)
    assert (failed["target"]["cluster"], failed["detail"]["cause"]) == ("abroad", "Unauthorized")
    eventually(lambda: _ready(world, "abroad").get("reason") == "Unauthorized", "the Cluster says so")
    eventually(lambda: world.condition("shop", "Healthy").get("status") == "Unknown", "nobody knows how it is")
    assert "when last seen: Healthy" in world.condition("shop", "Healthy")["message"]
    assert "does not answer" not in world.condition("shop", "Ready")["message"]
    told = eventually(
        lambda: [
            event
            for event in world.objects.list("v1", "Event", "default")
            if event["involvedObject"]["kind"] == "Cluster" and event["reason"] == "Unauthorized"
        ],
        "an Event is about the Cluster",
    )
    assert told[0]["involvedObject"]["name"] == "abroad"

    _connect(world, "abroad", good)

    assert world.await_event("cluster.recovered", seconds=60)["detail"]["before"] == "Unauthorized"
    world.await_ready("shop")
    abroad.reset()


def test_a_cluster_that_hangs_holds_nobody_back(
    world: World, controller: ControllerProcess, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Its API server takes connections and answers none: more Applications go there than may be in hand at once."""
    del controller
    hung = ControlPlane.start("hung", tmp_path_factory.mktemp("planes"), binaries=TOOLS)
    try:
        worktree = world.repository()
        worktree.publish({"a.yaml": MAP % "1"}, "first")
        world.objects.namespace("home")
        _connect(world, "hung", hung.kubeconfig.read_text(encoding="utf-8"))
        names = [f"away-{number}" for number in range(25)]
        for name in names:
            Objects(hung.admin).namespace(name)
            world.application(name, destination={"namespace": name, "cluster": "hung"})
        world.application("home")
        world.await_ready("home", *names, seconds=60)
        os.kill(hung.pids["kube-apiserver"], signal.SIGSTOP)

        head = worktree.publish({"a.yaml": MAP % "2"}, "second")
        started = time.monotonic()
        world.await_ready("home", revision=head)

        assert time.monotonic() - started < 6
    finally:
        os.kill(hung.pids["kube-apiserver"], signal.SIGCONT)
        hung.stop()


def test_a_cluster_says_how_many_objects_it_has_under_watch(
    world: World, controller: ControllerProcess, abroad: ControlPlane
) -> None:
    """The figure follows what is there, without the Cluster going away and coming back."""
    del controller
    Objects(abroad.admin).namespace("shop")
    world.repository().publish({"a.yaml": MAP % "1"}, "first")
    _connect(world, "abroad", abroad.kubeconfig.read_text(encoding="utf-8"))
    world.application("shop", destination={"namespace": "shop", "cluster": "abroad"})
    world.await_ready("shop")

    eventually(lambda: _cluster(world, "abroad").get("watched") == 1, "its status says so", seconds=90)
    abroad.reset()


def _administrator(name: str) -> tuple[Json, ...]:
    subject = {"kind": "ServiceAccount", "name": name, "namespace": "logins"}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}
    return (
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": "logins"}},
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": f"login-{name}"},
            "roleRef": role,
            "subjects": [subject],
        },
    )
