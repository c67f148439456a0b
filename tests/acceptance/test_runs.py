"""Runs: order, foundations, partial failure and retry, health with a deadline, supersession, what people see."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.acceptance.shop import shop
from tests.ground.eventually import eventually
from tests.ground.world import TEAM

if TYPE_CHECKING:
    from tests.ground.controller_process import ControllerProcess
    from tests.ground.world import World

CRD = """\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: lighthouses.sea.example.com}
spec:
  group: sea.example.com
  names: {kind: Lighthouse, plural: lighthouses, singular: lighthouse, listKind: LighthouseList}
  scope: Namespaced
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, properties: {height: {type: integer}}}}}}
"""
LIGHT = "apiVersion: sea.example.com/v1\nkind: Lighthouse\nmetadata: {name: north}\nspec: {height: 30}\n"
MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\ndata: {x: '%s'}\n"


def test_a_definition_its_objects_and_their_namespace_come_in_one_sync(
    world: World, controller: ControllerProcess
) -> None:
    """Namespaces and definitions are written first and must stand before anything else is."""
    del controller
    files = {
        "a-light.yaml": LIGHT,
        "b-namespace.yaml": "apiVersion: v1\nkind: Namespace\nmetadata: {name: sea}\n",
        "c-crd.yaml": CRD,
    }
    world.repository().publish(files, "a lighthouse")
    world.application("sea")
    world.await_ready("sea")

    written = [event["target"]["object"] for event in world.ledger.events("apply.object")]
    assert written == [
        "Namespace sea",
        "CustomResourceDefinition.apiextensions.k8s.io lighthouses.sea.example.com",
        "Lighthouse.sea.example.com sea/north",
    ]
    assert world.status("sea")["history"][0]["phase"] == "Succeeded"
    light = world.objects.get("sea.example.com/v1", "Lighthouse", "sea", "north")
    assert light is not None
    world.objects.edit("sea.example.com/v1", "Lighthouse", "sea", "north", {"spec": {"height": 3}})
    detected = world.await_event("drift.detected")
    assert detected["target"]["object"] == "Lighthouse.sea.example.com sea/north"


def test_an_invalid_object_behind_its_namespace_fails_before_its_siblings_are_written(
    world: World, controller: ControllerProcess
) -> None:
    """What could not be dry-run before its Namespace stood is dry-run then, all of it, before any is written."""
    del controller
    files = {
        "a.yaml": "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n",
        "b.yaml": MAP % ("fine", "1"),
        "c.yaml": "apiVersion: v1\nkind: Service\nmetadata: {name: bad}\nspec: {ports: [{port: 99999}]}\n",
    }
    world.repository().publish(files, "one bad")
    world.application("shop", sync={"retry": {"limit": 0}})

    failed = world.await_event("sync.completed")

    assert failed["outcome"] == "failure"
    assert "Service shop/bad" in failed["reason"]
    assert world.objects.get("v1", "ConfigMap", "shop", "fine") is None
    # The next look may come before ours: by then the Namespace stands, and the dry run itself refuses the object.
    assert world.condition("shop", "Synced")["reason"] in {"ApplyFailed", "Invalid", "Rejected"}


def test_a_partial_failure_is_told_object_by_object_and_retried(world: World, controller: ControllerProcess) -> None:
    """A quota lets one Service in and keeps one out, as no dry run can foresee; with room, the retry goes through."""
    del controller
    world.objects.namespace("shop")
    world.objects.apply(_quota("1"))
    eventually(lambda: _quota_seen(world, "1"), "the quota is in force")
    world.repository().publish({"a.yaml": MAP % ("fine", "1"), "b.yaml": _service("one") + _service("two")}, "three")
    world.application("shop", sync={"retry": {"limit": 100, "backoff": {"duration": "500ms", "maxDuration": "500ms"}}})

    ended = world.await_event("sync.completed")

    assert ended["outcome"] == "failure"
    assert "exceeded quota" in ended["reason"]
    assert ended["detail"]["counts"] == {"create": 2, "failed": 1, "prune": 0, "skip": 0, "unchanged": 0, "update": 0}
    outcomes = [event["outcome"] for event in world.ledger.events("apply.object")][:3]
    assert sorted(outcomes) == ["failure", "success", "success"]
    assert "exceeded quota" in world.condition("shop", "Synced")["message"]

    world.objects.apply(_quota("5"))

    world.await_ready("shop")
    assert len(world.objects.list("v1", "Service", "shop")) == 2


def test_what_the_cluster_holds_back_for_now_is_recorded_once_and_tried_again(
    world: World, controller: ControllerProcess
) -> None:
    """A dry run that meets a full quota writes nothing, says so, and goes through when there is room."""
    del controller
    world.objects.namespace("shop")
    world.objects.apply(_quota("0"))
    eventually(lambda: _quota_seen(world, "0"), "the quota is in force")
    world.repository().publish({"a.yaml": MAP % ("fine", "1"), "b.yaml": _service("web")}, "two")
    world.application("shop")
    eventually(lambda: "exceeded quota" in world.condition("shop", "Ready").get("message", ""), "it is said")
    assert world.objects.get("v1", "ConfigMap", "shop", "fine") is None

    world.objects.apply(_quota("5"))

    world.await_ready("shop")
    failures = [event["outcome"] for event in world.ledger.events("sync.refused")]
    assert failures == ["failure"]


def test_a_stuck_rollout_fails_at_its_deadline_and_blocks_nobody(world: World, controller: ControllerProcess) -> None:
    """With more stuck Applications than workers, another still syncs at once; each stuck run ends as failed."""
    del controller
    stuck = world.repository("stuck")
    claim = (
        "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: never}\n"
        "spec: {accessModes: [ReadWriteOnce], storageClassName: nowhere, resources: {requests: {storage: 1Gi}}}\n"
    )
    stuck.publish({f"{number}/a.yaml": claim.replace("never", f"never-{number}") for number in range(25)}, "stuck")
    world.objects.namespace("stuck")
    for number in range(25):
        place = {"namespace": "stuck"}
        world.application(
            f"stuck-{number}", repository="stuck", path=str(number), destination=place, sync={"timeout": "8s"}
        )
    eventually(lambda: world.condition("stuck-24", "Healthy").get("reason") == "Progressing", "they wait for health")
    world.repository().publish(shop("1"), "first")
    world.application("shop")
    world.await_ready("shop", seconds=8)

    eventually(lambda: (world.status("stuck-0").get("lastRun") or {}).get("phase") == "Failed", "the deadline passes")
    run = world.status("stuck-0")["lastRun"]
    assert "not healthy within 8s" in run["message"]
    assert "never-0" in run["message"]
    assert world.condition("stuck-0", "Ready")["status"] == "False"
    assert world.condition("stuck-0", "Synced")["status"] == "True"


def test_a_newer_commit_supersedes_a_run_that_waits(world: World, controller: ControllerProcess) -> None:
    """Nobody waits for a rollout that is not wanted any more."""
    del controller
    worktree = world.repository()
    world.objects.namespace("shop")
    worktree.publish({"a.yaml": _pod_that_waits()}, "stuck")
    world.application("shop")
    eventually(lambda: (world.status("shop").get("lastRun") or {}).get("phase") == "Waiting", "it waits")

    head = worktree.publish({"a.yaml": MAP % ("fine", "1")}, "better")
    world.await_ready("shop", revision=head)

    assert [run["phase"] for run in world.status("shop")["history"]] == ["Succeeded", "Superseded"]

    def phases() -> list[str]:
        return [event["detail"]["phase"] for event in world.ledger.events("sync.completed")]

    eventually(lambda: phases() == ["Superseded", "Succeeded"], "both ends are recorded")


def test_people_see_conditions_events_and_history(world: World, controller: ControllerProcess) -> None:
    """Five conditions with generation and transition time, Kubernetes Events, ten runs at the most."""
    del controller
    worktree = world.repository()
    world.objects.namespace("shop")
    head = worktree.publish({"a.yaml": MAP % ("fine", "0")}, "first")
    world.application("shop")
    for number in range(1, 12):
        world.await_ready("shop", revision=head)
        head = worktree.publish({"a.yaml": MAP % ("fine", str(number))}, f"commit {number}")
    world.await_ready("shop", revision=head)

    status = world.status("shop")
    assert [condition["type"] for condition in status["conditions"]] == [
        "Ready",
        "Synced",
        "Healthy",
        "Reconciling",
        "Stalled",
        "Contested",
    ]
    assert {condition["observedGeneration"] for condition in status["conditions"]} == {1}
    assert all(condition["lastTransitionTime"].endswith("Z") for condition in status["conditions"])
    assert len(status["history"]) == 10
    assert status["history"][0]["revision"] == head
    events = world.objects.list("v1", "Event", TEAM)
    said = [event for event in events if event["involvedObject"]["name"] == "shop"]
    assert {event["reason"] for event in said} == {"SyncSucceeded"}
    assert any(head[:8] in event["message"] for event in said)


def _service(name: str) -> str:
    return f"apiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\nspec: {{ports: [{{port: 80}}]}}\n---\n"


def _pod_that_waits() -> str:
    return (
        "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: never}\n"
        "spec: {accessModes: [ReadWriteOnce], storageClassName: nowhere, resources: {requests: {storage: 1Gi}}}\n"
    )


def _quota(services: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "limits", "namespace": "shop"},
        "spec": {"hard": {"services": services}},
    }


def _quota_seen(world: World, services: str) -> bool:
    found = world.objects.get("v1", "ResourceQuota", "shop", "limits")
    return bool(found and found.get("status", {}).get("hard", {}).get("services") == services)


def test_a_failed_run_keeps_nothing_of_the_one_before(world: World, controller: ControllerProcess) -> None:
    """Neither its requester nor its success: what was not written is not taken for drift afterwards."""
    del controller
    world.objects.namespace("shop")
    worktree = world.repository()
    worktree.publish({"a.yaml": MAP % ("fine", "1")}, "first")
    world.application("shop", sync={"retry": {"limit": 0}})
    world.await_ready("shop")
    asked = {"shipslog.dev/sync-requested-at": "2026-01-01T00:00:00.000003Z", "shipslog.dev/requested-by": "operator"}
    world.objects.edit("shipslog.dev/v1alpha1", "Application", TEAM, "shop", {"metadata": {"annotations": asked}})
    eventually(
        lambda: world.status("shop")["lastRun"].get("actor") == "operator", "the requested run is the operator's"
    )
    world.await_ready("shop")
    world.objects.apply(_quota("1"))
    eventually(lambda: _quota_seen(world, "1"), "the quota is in force")

    worktree.publish({"b.yaml": _service("one") + _service("two")}, "two Services, room for one")
    eventually(lambda: world.status("shop")["lastRun"]["phase"] == "Failed", "the run fails")

    run = world.status("shop")["lastRun"]
    assert "actor" not in run
    assert "applied" not in run
    assert "deadline" not in run
    assert world.ledger.events("drift.detected") == []


def test_a_restart_refuses_nothing_that_is_merely_not_listed_yet(world: World, controller: ControllerProcess) -> None:
    """Nobody works before Repositories and Clusters are known; an Application created ahead of both is waited for."""
    world.objects.namespace("shop")
    world.application("shop")
    world.repository().publish({"a.yaml": MAP % ("fine", "1")}, "first")
    world.await_ready("shop")
    for _ in range(3):
        controller.kill()
        controller.start()
    world.objects.edit("v1", "ConfigMap", "shop", "fine", {"data": {"x": "2"}})
    world.await_event("drift.healed")

    assert world.ledger.events("sync.refused") == []
