"""What an Application's policy promises: modes, prune, self-heal, suspend, refusals, deletion."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controller.model.labels import API_VERSION
from tests.acceptance.shop import shop
from tests.ground.eventually import eventually
from tests.ground.world import TEAM

if TYPE_CHECKING:
    from tests.ground.controller_process import ControllerProcess
    from tests.ground.world import World


def _config(world: World, name: str = "settings", namespace: str = "shop") -> dict[str, str] | None:
    found = world.objects.get("v1", "ConfigMap", namespace, name)
    return found["data"] if found else None


def test_what_leaves_git_is_pruned_and_what_asks_to_stay_stays(world: World, controller: ControllerProcess) -> None:
    """Prune deletes what the last run owned and Git lacks now; an annotation on the live object keeps it."""
    del controller
    worktree = world.repository()
    worktree.publish(shop("1") | {"more.yaml": _maps("goes", "stays")} | _with("more.yaml"), "two more")
    world.application("shop")
    world.await_ready("shop")
    keep = {"metadata": {"annotations": {"shipslog.dev/prune": "disabled"}}}
    world.objects.edit("v1", "ConfigMap", "shop", "stays", keep)

    head = worktree.publish(shop("1") | {"more.yaml": None}, "without them")
    world.await_ready("shop", revision=head)

    assert _config(world, "goes") is None
    assert _config(world, "stays") is not None
    pruned = world.await_event("prune.object")
    assert pruned["target"]["object"] == "ConfigMap shop/goes"
    names = {entry["name"] for entry in world.status("shop")["inventory"]}
    assert "stays" in names
    assert "goes" not in names


def test_prune_off_leaves_objects_and_says_so(world: World, controller: ControllerProcess) -> None:
    """With sync.prune false nothing is deleted, and the Application is not Synced."""
    del controller
    worktree = world.repository()
    worktree.publish(shop("1") | {"more.yaml": _maps("goes")} | _with("more.yaml"), "one more")
    world.application("shop", sync={"prune": False})
    world.await_ready("shop")

    worktree.publish(shop("1") | {"more.yaml": None}, "without it")

    eventually(lambda: world.condition("shop", "Synced").get("reason") == "PruneSkipped", "the skip is said")
    assert _config(world, "goes") is not None


def test_a_revision_without_objects_is_refused(world: World, controller: ControllerProcess) -> None:
    """What would prune everything is held back, recorded as a refusal, and allowed only on purpose."""
    del controller
    worktree = world.repository()
    worktree.publish({"all/a.yaml": _maps("a", namespace="shop"), "all/ns.yaml": _namespace("shop")}, "full")
    world.application("shop", path="all")
    world.await_ready("shop")

    worktree.publish({"all/a.yaml": None, "all/ns.yaml": None, "all/README.md": "nothing here"}, "empty")

    eventually(lambda: world.condition("shop", "Synced").get("reason") == "WouldEmpty", "the refusal is said")
    refused = world.await_event("sync.refused")
    assert refused["detail"]["cause"] == "WouldEmpty"
    assert world.condition("shop", "Stalled")["status"] == "True"
    assert _config(world, "a") is not None

    world.application("shop", path="all", sync={"allowEmpty": True})
    eventually(lambda: _config(world, "a") is None, "it is pruned when that is meant")


def test_mode_manual_waits_for_a_person(world: World, controller: ControllerProcess) -> None:
    """Nothing is written until somebody asks; who asked is recorded."""
    del controller
    worktree = world.repository()
    worktree.publish(shop("1"), "first")
    world.application("shop", sync={"mode": "manual"})
    eventually(lambda: world.condition("shop", "Synced").get("reason") == "OutOfSync", "it says what it would do")
    assert _config(world) is None

    _request(world, "operator@example.com")
    world.await_ready("shop")

    assert _config(world) == {"version": "1"}
    (completed,) = world.ledger.events("sync.completed") or [world.await_event("sync.completed")]
    assert completed["detail"]["trigger"] == "user"
    intent = world.await_event("apply.intent")
    assert intent["actor"] == {"kind": "user", "name": "operator@example.com"}


def test_mode_detect_reports_and_never_writes(world: World, controller: ControllerProcess) -> None:
    """Drift is recorded with its fields and stays; no request writes, not even one of a person."""
    del controller
    worktree = world.repository()
    worktree.publish(shop("1"), "first")
    world.application("shop")
    world.await_ready("shop")
    world.application("shop", sync={"mode": "detect"})
    eventually(lambda: world.status("shop")["observedGeneration"] == 2, "the change of mode is seen")

    world.objects.edit("v1", "ConfigMap", "shop", "settings", {"data": {"version": "by hand"}})

    world.await_event("drift.detected")
    eventually(lambda: world.status("shop").get("drift"), "the drift stands in the status")
    _request(world, "auditor@example.com")
    asked = eventually(lambda: world.status("shop").get("lastHandledSync"), "the request is answered")
    assert asked
    assert _config(world) == {"version": "by hand"}
    assert world.condition("shop", "Synced")["reason"] == "Drifted"

    world.objects.edit("v1", "ConfigMap", "shop", "settings", {"data": {"version": "1"}})
    ended = world.await_event("drift.ended")
    assert ended["target"]["object"] == "ConfigMap shop/settings"
    eventually(lambda: not world.status("shop").get("drift"), "the drift is gone from the status")


def test_self_heal_off_records_drift_until_a_new_revision(world: World, controller: ControllerProcess) -> None:
    """Without self-heal a foreign change stays; the next commit takes the field back."""
    del controller
    worktree = world.repository()
    worktree.publish(shop("1"), "first")
    world.application("shop", sync={"selfHeal": False})
    world.await_ready("shop")

    world.objects.edit("v1", "ConfigMap", "shop", "settings", {"data": {"version": "by hand"}})
    world.await_event("drift.detected")
    eventually(lambda: world.condition("shop", "Synced").get("reason") == "Drifted", "it says that it drifted")
    assert _config(world) == {"version": "by hand"}

    head = worktree.publish(shop("2"), "second")
    world.await_ready("shop", revision=head)
    assert _config(world) == {"version": "2"}


def test_a_suspended_application_is_left_alone_until_it_is_resumed(world: World, controller: ControllerProcess) -> None:
    """Neither a commit, which its neighbour has by then, nor drift is acted on; on resume it catches up."""
    del controller
    worktree = world.repository()
    worktree.publish(shop("1"), "first")
    world.application("shop")
    world.await_ready("shop")
    world.application("shop", suspend=True)
    eventually(lambda: world.condition("shop", "Synced").get("reason") == "Suspended", "it says so")

    world.application("witness", path="witness", destination={"namespace": "shop"})
    head = worktree.publish({**shop("2"), "witness/all.yaml": _maps("witness")}, "second, with a witness")
    world.objects.edit("v1", "ConfigMap", "shop", "settings", {"data": {"version": "by hand"}})
    world.await_ready("witness", revision=head)
    world.await_event("drift.detected")
    assert _config(world) == {"version": "by hand"}
    assert world.ledger.events("drift.healed") == []

    world.application("shop", suspend=False)
    eventually(lambda: _config(world) == {"version": "2"}, "it catches up")


def test_one_invalid_object_stops_the_run_and_all_invalid_ones_are_named(
    world: World, controller: ControllerProcess
) -> None:
    """Nothing at all is written; the condition names every object that the server refuses, with the field."""
    del controller
    worktree = world.repository()
    world.objects.namespace("shop")
    bad = (
        "apiVersion: v1\nkind: Service\nmetadata: {name: one}\nspec: {ports: [{port: 99999}]}\n---\n"
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: two}\nspec: {replicas: -1, selector: {matchLabels: "
        "{a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: a, image: b}]}}}\n---\n"
        "apiVersion: nowhere.example.com/v1\nkind: Unknown\nmetadata: {name: three}\n"
    )
    worktree.publish({"good.yaml": _maps("good"), "bad.yaml": bad}, "one good, three bad")
    world.application("shop")

    eventually(lambda: world.condition("shop", "Stalled").get("status") == "True", "it is stalled")

    message = world.condition("shop", "Stalled")["message"]
    assert "3 of 4 objects" in message
    for part in (
        "Service shop/one",
        "spec.ports",
        "Deployment.apps shop/two",
        "replicas",
        "Unknown.nowhere",
        "bad.yaml",
    ):
        assert part in message
    assert _config(world, "good") is None
    assert world.ledger.events("apply.intent") == []
    world.await_event("sync.refused")


def test_deleting_an_application_prunes_its_objects(world: World, controller: ControllerProcess) -> None:
    """The finalizer holds the Application until what it owned is deleted, each recorded."""
    del controller
    worktree = world.repository()
    worktree.publish({"a.yaml": _maps("a", "b")}, "two")
    world.objects.namespace("shop")
    world.application("shop")
    world.await_ready("shop")

    world.objects.delete(API_VERSION, "Application", TEAM, "shop")

    eventually(lambda: world.objects.get(API_VERSION, "Application", TEAM, "shop") is None, "it goes")
    assert _config(world, "a") is None
    assert _config(world, "b") is None
    eventually(lambda: len(world.ledger.events("prune.object")) == 2, "both are recorded")


def test_an_object_of_another_application_is_never_taken_over(world: World, controller: ControllerProcess) -> None:
    """The first owner keeps it; the second is stalled, with both named."""
    del controller
    worktree = world.repository()
    worktree.publish({"a.yaml": _maps("a")}, "one")
    world.objects.namespace("shop")
    world.application("first", destination={"namespace": "shop"})
    world.await_ready("first")

    world.application("second", destination={"namespace": "shop"})

    eventually(lambda: world.condition("second", "Stalled").get("status") == "True", "the second is stalled")
    assert "ConfigMap shop/a belongs to Application team-pay/first" in world.condition("second", "Stalled")["message"]
    world.await_ready("first")


def _with(extra: str) -> dict[str, str]:
    return {"kustomization.yaml": f"namespace: shop\nresources: [namespace.yaml, web.yaml, {extra}]\n"}


def _maps(*names: str, namespace: str = "") -> str:
    place = f", namespace: {namespace}" if namespace else ""
    return "---\n".join(
        f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}{place}}}\ndata: {{x: '1'}}\n" for name in names
    )


def _namespace(name: str) -> str:
    return f"apiVersion: v1\nkind: Namespace\nmetadata: {{name: {name}}}\n"


def _request(world: World, who: str) -> None:
    annotations = {"shipslog.dev/sync-requested-at": "2026-01-01T00:00:00.000001Z", "shipslog.dev/requested-by": who}
    world.objects.edit(API_VERSION, "Application", TEAM, "shop", {"metadata": {"annotations": annotations}})
