"""What is pruned, in which order, how, and what stays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.ground.eventually import eventually

if TYPE_CHECKING:
    from tests.ground.controller_process import ControllerProcess
    from tests.ground.world import World

MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s%s}\ndata: {x: '1'}\n---\n"
STAYS = MAP % ("stays", "")


def _map(world: World, name: str) -> Any:
    return world.objects.get("v1", "ConfigMap", "shop", name)


def test_what_asks_to_stay_stays_and_so_does_what_is_not_ours_any_more(
    world: World, controller: ControllerProcess
) -> None:
    """By our annotation, by Helm's, and without our label: the first two stay ours, the third is let go."""
    del controller
    world.objects.namespace("shop")
    worktree = world.repository()
    ours = MAP % ("never", ', annotations: {shipslog.dev/prune: "never"}')
    helms = MAP % ("keep", ', annotations: {helm.sh/resource-policy: "keep"}')
    worktree.publish({"a.yaml": STAYS + ours + helms + MAP % ("freed", "") + MAP % ("goes", "")}, "first")
    world.application("shop")
    world.await_ready("shop")
    world.application("shop", suspend=True)
    eventually(lambda: world.condition("shop", "Synced").get("reason") == "Suspended", "it is suspended")
    world.objects.edit("v1", "ConfigMap", "shop", "freed", {"metadata": {"labels": {"shipslog.dev/owner": None}}})

    head = worktree.publish({"a.yaml": STAYS}, "only one")
    world.application("shop", suspend=False)
    world.await_ready("shop", revision=head)

    assert [name for name in ("never", "keep", "freed", "goes") if _map(world, name)] == ["never", "keep", "freed"]
    assert {entry["name"] for entry in world.status("shop")["inventory"]} == {"stays", "never", "keep"}
    [pruned] = [event["target"]["object"] for event in world.ledger.events("prune.object")]
    assert pruned == "ConfigMap shop/goes"


def test_prune_comes_last_in_reverse_order_and_by_the_policy(world: World, controller: ControllerProcess) -> None:
    """After all applies, what was written last first; `orphan` leaves what a deleted object owned."""
    del controller
    world.objects.namespace("shop")
    worktree = world.repository()
    deployment = (
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  replicas: 1\n"
        "  selector: {matchLabels: {app: web}}\n  template:\n    metadata: {labels: {app: web}}\n"
        "    spec: {containers: [{name: web, image: nginx}]}\n---\n"
    )
    service = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {ports: [{port: 80}]}\n---\n"
    worktree.publish({"a.yaml": STAYS + MAP % ("goes", "") + service + deployment}, "first")
    world.application("shop", sync={"prunePropagation": "orphan"})
    world.await_ready("shop")

    head = worktree.publish({"a.yaml": STAYS.replace("'1'", "'2'") + MAP % ("new", "")}, "second")
    world.await_ready("shop", revision=head)

    run = world.status("shop")["lastRun"]["id"]
    written = [event for event in world.ledger.events() if event.get("correlation_id") == run]
    objects = [event["target"]["object"] for event in written if event["type"] in {"apply.object", "prune.object"}]
    assert sorted(objects[:2]) == ["ConfigMap shop/new", "ConfigMap shop/stays"]
    assert objects[2] == "Deployment.apps shop/web"
    assert sorted(objects[3:]) == ["ConfigMap shop/goes", "Service shop/web"]
    assert world.objects.get("apps/v1", "Deployment", "shop", "web") is None
    [left] = world.objects.list("apps/v1", "ReplicaSet", "shop")
    assert not left["metadata"].get("ownerReferences")


def test_a_pruned_object_that_does_not_go_is_reported_and_blocks_nobody(
    world: World, controller: ControllerProcess
) -> None:
    """First as on its way, then as stuck, with its finalizer; later commits are applied all the same."""
    del controller
    world.objects.namespace("shop")
    worktree = world.repository()
    worktree.publish({"a.yaml": STAYS + MAP % ("held", "")}, "first")
    world.application("shop", sync={"timeout": "3s"})
    world.await_ready("shop")
    world.objects.edit("v1", "ConfigMap", "shop", "held", {"metadata": {"finalizers": ["sea.example.com/hold"]}})

    worktree.publish({"a.yaml": STAYS}, "without it")

    eventually(lambda: world.condition("shop", "Synced").get("reason") == "StuckInDeletion", "it is stuck")
    message = world.condition("shop", "Synced")["message"]
    assert "ConfigMap shop/held" in message
    assert "sea.example.com/hold" in message
    assert world.condition("shop", "Synced")["status"] == "False"
    world.await_event("sync.refused", outcome="failure")
    worktree.publish({"a.yaml": STAYS.replace("'1'", "'2'")}, "more")
    eventually(lambda: _map(world, "stays")["data"] == {"x": "2"}, "the next commit is applied")

    world.objects.edit("v1", "ConfigMap", "shop", "held", {"metadata": {"finalizers": None}})

    world.await_ready("shop")
    assert _map(world, "held") is None
    assert len(world.ledger.events("sync.refused")) == 1
