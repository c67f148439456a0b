"""What was applied last goes on being kept: under a commit that is refused, while suspended, when a heal fails."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from controller.reconcile.moment import epoch
from tests.controlplane.admin import ApiError
from tests.ground.eventually import eventually

if TYPE_CHECKING:
    from controller.model.base import Json
    from tests.ground.controller_process import ControllerProcess
    from tests.ground.git_repository import Worktree
    from tests.ground.world import World

MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {version: '%s'}\n"
BROKEN = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {replicas: two}\n"
POLICY = {
    "apiVersion": "admissionregistration.k8s.io/v1",
    "kind": "ValidatingAdmissionPolicy",
    "metadata": {"name": "no-writes"},
    "spec": {
        "failurePolicy": "Fail",
        "matchConstraints": {
            "resourceRules": [
                {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["UPDATE"], "resources": ["configmaps"]}
            ]
        },
        # A dry run passes: what a look foresees and what a write meets are two things.
        "validations": [
            {
                "expression": "has(request.dryRun) && request.dryRun || request.options.fieldManager != 'shipslog'",
                "message": "closed for today",
            }
        ],
    },
}
BINDING = {
    "apiVersion": "admissionregistration.k8s.io/v1",
    "kind": "ValidatingAdmissionPolicyBinding",
    "metadata": {"name": "no-writes"},
    "spec": {"policyName": "no-writes", "validationActions": ["Deny"]},
}


def _shop(world: World, **spec: Any) -> Worktree:
    world.objects.namespace("shop")
    worktree = world.repository()
    worktree.publish({"a.yaml": MAP % "1"}, "first")
    world.application("shop", **spec)
    world.await_ready("shop")
    return worktree


def _edit(world: World, version: str) -> None:
    world.objects.edit("v1", "ConfigMap", "shop", "settings", {"data": {"version": version}})


def _version(world: World, name: str = "settings") -> str:
    found = world.objects.get("v1", "ConfigMap", "shop", name)
    return str(found["data"]["version"]) if found else ""


def test_drift_is_healed_to_what_was_applied_last_while_a_newer_commit_is_refused(
    world: World, controller: ControllerProcess
) -> None:
    """Also after a restart, when the process remembers nothing; the refusal stands meanwhile."""
    worktree = _shop(world)
    worktree.publish({"b.yaml": BROKEN}, "two replicas, in words")
    eventually(lambda: world.condition("shop", "Stalled").get("status") == "True", "the commit is refused")

    _edit(world, "by hand")

    first = world.await_event("drift.detected")
    world.await_event("drift.healed", causation_id=first["id"])
    assert _version(world) == "1"
    assert world.condition("shop", "Stalled")["status"] == "True"
    controller.stop()
    controller.start()
    _edit(world, "by another hand")
    eventually(lambda: len(world.ledger.events("drift.healed")) == 2, "it is healed by the next process, too")
    assert _version(world) == "1"


def test_a_refused_commit_is_named_in_the_record(world: World, controller: ControllerProcess) -> None:
    """An auditor asks which commit was held back and whose it was; a second one with the same fault is another."""
    del controller
    worktree = _shop(world)
    bad = worktree.publish({"b.yaml": BROKEN}, "two replicas, in words")
    refused = world.await_event("sync.refused", revision=bad)
    seen = world.await_event("revision.observed", revision=bad)
    assert seen["detail"]["message"] == "two replicas, in words"
    assert seen["detail"]["author"]
    assert "replicas" in refused["reason"]

    worse = worktree.publish({"README.md": "the same fault stands"}, "unrelated")

    world.await_event("sync.refused", revision=worse)
    assert len(world.ledger.events("sync.refused")) == 2


def test_drift_of_a_suspended_application_is_recorded_and_left(world: World, controller: ControllerProcess) -> None:
    """Nothing is written; who looks sees how things stand, and the record says from when to when nobody healed."""
    del controller
    _shop(world)
    world.application("shop", suspend=True)
    eventually(lambda: world.condition("shop", "Synced").get("reason") == "Suspended", "it is suspended")
    world.await_event("application.suspended")

    _edit(world, "by hand")

    detected = world.await_event("drift.detected")
    assert detected["actor"]["name"] == "kubectl-edit"
    eventually(lambda: world.condition("shop", "Synced").get("status") == "False", "it says that it drifted")
    world.objects.delete("v1", "ConfigMap", "shop", "settings")
    eventually(lambda: world.condition("shop", "Healthy").get("reason") == "Missing", "it says what is missing")
    assert world.ledger.events("drift.healed") == []
    world.application("shop", suspend=False)
    world.await_ready("shop")
    world.await_event("application.resumed")
    assert _version(world) == "1"


def test_a_heal_that_fails_is_told_and_tried_again(world: World, controller: ControllerProcess) -> None:
    """A dry run may pass where the write does not: the Application is not Synced, and heals once that is possible."""
    del controller
    _shop(world)
    world.objects.apply(POLICY, BINDING)
    eventually(lambda: _is_closed(world), "the policy is in force")

    _edit(world, "by hand")

    eventually(lambda: world.condition("shop", "Synced").get("reason") == "HealFailed", "it says so")
    assert "closed for today" in world.condition("shop", "Synced")["message"]
    assert world.condition("shop", "Ready")["status"] == "False"
    world.objects.delete(BINDING["apiVersion"], BINDING["kind"], "", "no-writes")  # type: ignore[arg-type]
    world.await_event("drift.healed", seconds=60)
    world.await_ready("shop")
    assert _version(world) == "1"


def test_an_object_that_a_policy_refuses_holds_up_no_other(world: World, controller: ControllerProcess) -> None:
    """Not even its dry run passes: its drift is recorded and open, the others are healed, also after a restart."""
    worktree = _shop(world)
    world.await_ready("shop", revision=worktree.publish({"b.yaml": MAP.replace("settings", "other") % "1"}, "two"))
    controller.stop()
    _edit(world, "by hand")
    validation = {"expression": "object.metadata.name != 'settings'", "message": "closed for today"}
    world.objects.apply(POLICY | {"spec": POLICY["spec"] | {"validations": [validation]}}, BINDING)  # type: ignore[operator]
    eventually(lambda: _is_refused(world, "settings"), "the policy is in force")
    world.objects.edit("v1", "ConfigMap", "shop", "other", {"data": {"version": "by hand"}})
    controller.start()

    eventually(lambda: world.condition("shop", "Synced").get("reason") == "HealFailed", "it says so")
    assert "closed for today" in world.condition("shop", "Synced")["message"]
    assert world.condition("shop", "Stalled")["status"] == "False"
    assert _version(world, "other") == "1"
    assert [drift["object"] for drift in world.status("shop")["drift"]] == ["ConfigMap shop/settings"]
    detected = world.ledger.events("drift.detected")
    assert [event["detail"]["paths"] for event in detected] == [["/data/version"]] * 2
    world.objects.edit("v1", "ConfigMap", "shop", "other", {"data": {"version": "again"}})
    eventually(lambda: _version(world, "other") == "1", "the next drift is healed, too")
    world.objects.delete(BINDING["apiVersion"], BINDING["kind"], "", "no-writes")  # type: ignore[arg-type]
    eventually(lambda: _version(world) == "1", "it is healed once that is possible", seconds=90)


def test_fields_that_are_left_to_others_are_drift_that_stands(world: World, controller: ControllerProcess) -> None:
    """An object that takes nothing from others is not healed; that is recorded, and stops nobody."""
    del controller
    worktree = _shop(world)
    shy = MAP.replace("{name: settings}", "{name: shy, annotations: {shipslog.dev/conflicts: refuse}}") % "1"
    world.await_ready("shop", revision=worktree.publish({"b.yaml": shy}, "one that is shy"))

    world.objects.edit("v1", "ConfigMap", "shop", "shy", {"data": {"version": "by hand"}})

    eventually(lambda: world.condition("shop", "Synced").get("reason") == "Drifted", "it says so")
    assert ".data.version belongs to kubectl-edit" in world.condition("shop", "Synced")["message"]
    assert world.condition("shop", "Stalled")["status"] == "False"
    (shy_drift,) = world.ledger.events("drift.detected")
    assert shy_drift["detail"]["fields"][0]["before"] == "by hand"
    _edit(world, "by hand")
    eventually(lambda: _version(world) == "1", "another object is healed")
    assert _version(world, "shy") == "by hand"
    world.objects.edit("v1", "ConfigMap", "shop", "shy", {"data": {"version": None}})
    world.await_ready("shop")
    assert _version(world, "shy") == "1"


def test_drift_that_came_while_we_were_away_is_recorded_before_a_commit_to_another_object(
    world: World, controller: ControllerProcess
) -> None:
    """A hand edit while no controller runs, then a commit that does not touch the object: what was edited, and when."""
    worktree = _shop(world)
    controller.stop()
    _edit(world, "by hand")
    head = worktree.publish({"b.yaml": MAP.replace("settings", "other") % "1"}, "another object")
    away = time.time()

    controller.start()

    world.await_ready("shop", revision=head)
    detected = world.await_event("drift.detected")
    assert detected["actor"] == {"kind": "manager", "name": "kubectl-edit"}
    assert detected["detail"]["fields"][0]["before"] == "by hand"
    assert epoch(detected["detail"]["since"]) <= away
    assert detected["detail"]["older"] is False
    assert _version(world) == "1"


def test_an_object_of_another_installation_is_left_alone(world: World, controller: ControllerProcess) -> None:
    """It carries that one's label: it is neither written nor adopted, and the Application says why."""
    del controller
    world.objects.namespace("shop")
    theirs = {"shipslog.dev/owner": "f" * 40, "shipslog.dev/installation": "blue"}
    metadata = {"name": "settings", "namespace": "shop", "labels": theirs}
    world.objects.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"version": "theirs"}})
    world.repository().publish({"a.yaml": MAP % "1"}, "first")

    world.application("shop")

    eventually(lambda: world.condition("shop", "Stalled").get("status") == "True", "it is refused")
    assert "belongs to another installation, blue" in world.condition("shop", "Stalled")["message"]
    assert _version(world) == "theirs"


def _is_closed(world: World) -> bool:
    """Whether a write by our manager is refused: a policy takes a moment to sink in."""
    body: Json = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "probe", "namespace": "shop"}}
    try:
        for moment in ("before", "after"):
            world.objects.apply(body | {"data": {moment: "x"}}, manager="shipslog")
    except ApiError:
        return True
    world.objects.delete("v1", "ConfigMap", "shop", "probe")
    return False


def _is_refused(world: World, name: str) -> bool:
    """Whether anybody's write of the object is refused; a policy may come into force between two of ours."""
    try:
        for probe in ("x", None):
            world.objects.edit("v1", "ConfigMap", "shop", name, {"metadata": {"annotations": {"probe": probe}}})
    except ApiError:
        return True
    return False
