"""Every intent gets its one result, whatever ends the writes; what is asked for is tried until it is done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controller.model.labels import API_VERSION
from tests.acceptance.records import assert_sound
from tests.controlplane import home
from tests.ground.eventually import eventually
from tests.ground.installation import NAMESPACE, TOOLS
from tests.ground.objects import Objects
from tests.ground.world import TEAM

if TYPE_CHECKING:
    import pytest

    from tests.ground.controller_process import ControllerProcess
    from tests.ground.world import World

MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: map-%d}\ndata: {version: '%s', a: '%s', b: '%s'}\n---\n"


def _maps(count: int, version: str, size: int = 1) -> str:
    return "".join(MAP % (number, version, version * size, version * size) for number in range(count))


def test_a_cluster_that_is_opened_anew_breaks_no_run_in_two(
    world: World, controller: ControllerProcess, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Its client is closed under a run of 400 objects: the run is told, tried again, and every intent has a result."""
    abroad = home("abroad", tmp_path_factory.mktemp("planes"), binaries=TOOLS)
    try:
        Objects(abroad.admin).namespace("shop")
        reference = {"name": "abroad", "namespace": NAMESPACE}
        secret = {"kubeconfig": abroad.kubeconfig.read_text(encoding="utf-8")}
        cluster = {"kubeconfigSecretRef": reference, "maxRequests": 5}
        world.objects.apply(
            {"apiVersion": "v1", "kind": "Secret", "metadata": reference, "stringData": secret},
            {"apiVersion": API_VERSION, "kind": "Cluster", "metadata": {"name": "abroad"}, "spec": cluster},
        )
        head = world.repository().publish({"a.yaml": _maps(400, "1")}, "first")
        world.application("shop", destination={"namespace": "shop", "cluster": "abroad"})
        world.await_event("apply.object", seconds=60)

        world.objects.edit(API_VERSION, "Cluster", "", "abroad", {"spec": {"maxRequests": 50}})

        world.await_ready("shop", revision=head, seconds=90)
        assert controller.stop() == 0
        assert_sound(world.ledger.events())
        results = world.ledger.events("apply.result")
        assert results[-1]["detail"]["failed"] == 0
    finally:
        abroad.stop()


def test_a_plan_that_is_larger_than_a_record_is_carried_out(world: World, controller: ControllerProcess) -> None:
    """A commit that changes much of much: the record tells what it can hold, and how much it leaves out."""
    del controller
    world.objects.namespace("shop")
    worktree = world.repository()
    worktree.publish({"a.yaml": _maps(130, "1", 120)}, "first")
    world.application("shop")
    world.await_ready("shop", seconds=60)

    head = worktree.publish({"a.yaml": _maps(130, "2", 120)}, "second")

    world.await_ready("shop", revision=head, seconds=60)
    plan = world.ledger.events("plan.computed")[-1]
    assert plan["detail"]["counts"]["update"] == 130
    assert len(plan["detail"]["steps"]) + plan["detail"].get("stepsOmitted", 0) == 130


def test_a_suspended_cluster_loses_nothing_with_its_application(world: World, controller: ControllerProcess) -> None:
    """Suspended means that nothing is written there, deletions included; afterwards the deletion goes on."""
    del controller
    world.objects.namespace("shop")
    world.repository().publish({"a.yaml": _maps(1, "1")}, "first")
    reference = {"name": "same", "namespace": NAMESPACE}
    secret = {"kubeconfig": world.plane.kubeconfig.read_text(encoding="utf-8")}
    cluster = {"apiVersion": API_VERSION, "kind": "Cluster", "metadata": {"name": "same"}}
    world.objects.apply(
        {"apiVersion": "v1", "kind": "Secret", "metadata": reference, "stringData": secret},
        {**cluster, "spec": {"kubeconfigSecretRef": reference}},
    )
    world.application("shop", destination={"namespace": "shop", "cluster": "same"})
    world.await_ready("shop")
    world.objects.edit(API_VERSION, "Cluster", "", "same", {"spec": {"suspend": True}})
    edited = world.objects.get(API_VERSION, "Cluster", "", "same")
    assert edited is not None
    generation = edited["metadata"]["generation"]
    eventually(lambda: _seen(world, "same") == generation, "the cluster is opened anew")

    world.objects.delete(API_VERSION, "Application", TEAM, "shop")

    eventually(lambda: "suspended" in world.condition("shop", "Ready").get("message", ""), "it says what holds it")
    assert world.objects.get("v1", "ConfigMap", "shop", "map-0") is not None
    world.objects.edit(API_VERSION, "Cluster", "", "same", {"spec": {"suspend": False}})
    eventually(lambda: world.objects.get("v1", "ConfigMap", "shop", "map-0") is None, "then it goes")
    eventually(lambda: world.objects.get(API_VERSION, "Application", TEAM, "shop") is None, "with its Application")


def test_what_a_person_asked_for_is_tried_again_in_manual_mode(world: World, controller: ControllerProcess) -> None:
    """The run that failed was asked for: its retries are the same person's, and need no second request."""
    del controller
    world.objects.namespace("shop")
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "tight", "namespace": "shop"}}
    world.objects.apply({**quota, "spec": {"hard": {"count/configmaps": "2"}}})
    eventually(
        lambda: (world.objects.get("v1", "ResourceQuota", "shop", "tight") or {}).get("status", {}).get("used"),
        "the quota counts",
    )
    world.repository().publish({"a.yaml": _maps(3, "1")}, "first")
    retry = {"limit": 50, "backoff": {"duration": "1s", "factor": 1, "maxDuration": "1s"}}
    world.application("shop", sync={"mode": "manual", "retry": retry})
    eventually(lambda: world.condition("shop", "Synced").get("reason") == "OutOfSync", "it waits to be asked")
    asked = {"shipslog.dev/sync-requested-at": "2026-01-01T00:00:00Z", "shipslog.dev/requested-by": "ada"}
    world.objects.edit(API_VERSION, "Application", TEAM, "shop", {"metadata": {"annotations": asked}})
    failed = world.await_event("sync.completed", outcome="failure")

    world.objects.delete("v1", "ResourceQuota", "shop", "tight")

    world.await_ready("shop", seconds=60)
    done = world.await_event("sync.completed", outcome="success")
    assert failed["actor"] == done["actor"] == {"kind": "user", "name": "ada"}


def _seen(world: World, cluster: str) -> int:
    found = world.objects.get(API_VERSION, "Cluster", "", cluster) or {}
    return int(found.get("status", {}).get("observedGeneration", 0))
