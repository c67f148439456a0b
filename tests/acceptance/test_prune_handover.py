"""Objects that move between Applications are handed over; an object that two want stays with the first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from controller.faults import VARIABLE
from controller.model.labels import API_VERSION
from tests.ground.eventually import eventually
from tests.ground.world import TEAM

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.ground.controller_process import ControllerProcess
    from tests.ground.world import World

MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s, namespace: shop}\ndata: {x: '%s'}\n"


def _uid(world: World, name: str) -> Any:
    found = world.objects.get("v1", "ConfigMap", "shop", name)
    return found["metadata"]["uid"] if found else None


def _holder(world: World, name: str) -> Any:
    found = world.objects.get("v1", "ConfigMap", "shop", name)
    return found["metadata"]["annotations"]["shipslog.dev/application"] if found else None


def _names(world: World, application: str) -> set[str]:
    return {entry["name"] for entry in world.status(application).get("inventory", [])}


@pytest.mark.parametrize("round_trip", [False, True], ids=["to-the-later-one", "to-the-earlier-one"])
def test_a_move_in_one_commit_deletes_nothing(world: World, controller: ControllerProcess, *, round_trip: bool) -> None:
    """Whichever of the two is looked at first; the same object stands, and belongs to the other from then on."""
    del controller
    world.objects.namespace("shop")
    source, target = ("b", "a") if round_trip else ("a", "b")
    worktree = world.repository()
    files = {f"{name}/own.yaml": MAP % (f"own-{name}", "1") for name in "ab"}
    worktree.publish(files | {f"{source}/moves.yaml": MAP % ("moves", "1")}, "first")
    for name in "ab":
        world.application(name, path=name, destination={"namespace": "shop"})
    world.await_ready("a", "b")
    before = _uid(world, "moves")

    head = worktree.publish({f"{source}/moves.yaml": None, f"{target}/moves.yaml": MAP % ("moves", "2")}, "it moves")
    world.await_ready("a", "b", revision=head)

    eventually(lambda: _names(world, source) == {f"own-{source}"}, "the one has let go of it")
    assert _uid(world, "moves") == before
    assert _holder(world, "moves") == f"{TEAM}/{target}"
    assert _names(world, target) == {f"own-{target}", "moves"}
    assert world.ledger.events("prune.object") == []
    assert world.ledger.events("sync.refused") == []


def test_a_move_across_namespaces_and_repositories_in_two_commits_deletes_nothing(
    world: World, controller: ControllerProcess
) -> None:
    """Added to the second before it leaves the first: an error in both meanwhile, then it is the second's."""
    del controller
    world.objects.namespace("shop", "team-two")
    first, second = world.repository(), world.repository("other")
    first.publish({"own.yaml": MAP % ("own", "1"), "moves.yaml": MAP % ("moves", "1")}, "first")
    second.publish({"moves.yaml": MAP % ("moves", "2")}, "the second wants it, too")
    repository = world.objects.get(API_VERSION, "Repository", TEAM, "other")
    assert repository is not None
    here = {"name": "other", "namespace": "team-two"}
    world.objects.apply({"apiVersion": API_VERSION, "kind": "Repository", "metadata": here, "spec": repository["spec"]})
    world.application("first", destination={"namespace": "shop"})
    world.await_ready("first")
    before = _uid(world, "moves")
    spec = {"source": {"repository": "other", "path": "."}, "destination": {"namespace": "shop"}}
    world.objects.apply(
        {"apiVersion": API_VERSION, "kind": "Application", "metadata": here | {"name": "second"}, "spec": spec}
    )

    def second_says() -> str:
        found = world.objects.get(API_VERSION, "Application", "team-two", "second") or {}
        conditions = found.get("status", {}).get("conditions", [])
        return str(next((each["message"] for each in conditions if each["type"] == "Stalled"), ""))

    eventually(lambda: "ConfigMap shop/moves belongs to Application team-pay/first" in second_says(), "second says so")
    eventually(lambda: world.condition("first", "Synced").get("reason") == "Shared", "the first says so, too")
    assert "declared by Application team-two/second, too" in world.condition("first", "Synced")["message"]
    assert _holder(world, "moves") == "team-pay/first"
    causes = {event["detail"]["cause"] for event in world.ledger.events("sync.refused")}
    assert causes == {"Owned", "Shared"}

    first.publish({"moves.yaml": None}, "it leaves the first")

    eventually(lambda: _holder(world, "moves") == "team-two/second", "it is the second's")
    eventually(lambda: second_says() == "", "nothing is wrong any more")
    eventually(lambda: world.condition("first", "Synced").get("reason") == "Synced", "nor with the first")
    assert _uid(world, "moves") == before
    assert world.ledger.events("prune.object") == []


def test_an_application_under_another_name_takes_over_from_the_deleted_one(
    world: World, controller: ControllerProcess
) -> None:
    """Renaming an Application: the new one waits for the old one, whose deletion leaves what the new one wants."""
    del controller
    world.objects.namespace("shop")
    world.repository().publish({"a/one.yaml": MAP % ("one", "1"), "two.yaml": MAP % ("two", "1")}, "first")
    world.application("old", destination={"namespace": "shop"}, source={"plain": {"recurse": True}})
    world.await_ready("old")
    before = _uid(world, "one")
    world.application("new", path="a", destination={"namespace": "shop"})
    eventually(lambda: world.condition("new", "Stalled").get("status") == "True", "it waits")

    world.objects.delete(API_VERSION, "Application", TEAM, "old")

    eventually(lambda: not world.status("old"), "the old one goes")
    world.await_ready("new")
    assert (_uid(world, "one"), _holder(world, "one")) == (before, f"{TEAM}/new")
    assert _uid(world, "two") is None
    eventually(lambda: len(world.ledger.events("prune.object")) == 1, "only the other object was deleted")
    (left,) = eventually(lambda: world.ledger.events("object.left"), "what stays is recorded")
    assert left["target"]["object"] == "ConfigMap shop/one"
    assert left["reason"] == f"Application {TEAM}/new has it from now on"


def test_a_restart_forgets_nobody_s_claim(world: World, controller: ControllerProcess) -> None:
    """A commit that moves an object while the controller is down is as harmless as any other."""
    world.objects.namespace("shop")
    worktree = world.repository()
    files = {f"{name}/own.yaml": MAP % (f"own-{name}", "1") for name in "ab"}
    worktree.publish(files | {"a/moves.yaml": MAP % ("moves", "1")}, "first")
    for name in "ab":
        world.application(name, path=name, destination={"namespace": "shop"})
    world.await_ready("a", "b")
    before = _uid(world, "moves")
    controller.kill()

    head = worktree.publish({"a/moves.yaml": None, "b/moves.yaml": MAP % ("moves", "2")}, "it moves")
    controller.start()

    world.await_ready("a", "b", revision=head)
    assert (_uid(world, "moves"), _holder(world, "moves")) == (before, f"{TEAM}/b")
    assert world.ledger.events("prune.object") == []


def test_an_heir_that_our_own_code_breaks_on_loses_nothing_and_breaks_nobody(
    world: World, launch: Callable[..., ControllerProcess]
) -> None:
    """What it wants is not known: nothing is deleted until it is, the other says why, and goes on with all else."""
    world.objects.namespace("shop")
    worktree = world.repository()
    files = {f"{name}/own.yaml": MAP % (f"own-{name}", "1") for name in "ab"}
    worktree.publish(files | {"a/moves.yaml": MAP % ("moves", "1")}, "first")
    controller = launch()
    for name in "ab":
        world.application(name, path=name, destination={"namespace": "shop"})
    world.await_ready("a", "b")
    before = _uid(world, "moves")
    controller.kill()
    moved = {"a/moves.yaml": None, "a/own.yaml": MAP % ("own-a", "2"), "b/moves.yaml": MAP % ("moves", "2")}
    head = worktree.publish(moved, "it moves")

    controller = launch(**{VARIABLE: "after-render@b"})
    eventually(lambda: world.condition("a", "Synced").get("reason") == "PruneInDoubt", "a waits with the deletion")
    assert f"Application {TEAM}/b may want it" in world.condition("a", "Synced")["message"]
    eventually(lambda: world.objects.get("v1", "ConfigMap", "shop", "own-a")["data"] == {"x": "2"}, "all else is done")  # type: ignore[index]
    assert world.condition("b", "Ready")["reason"] == "InternalError"
    assert _uid(world, "moves") == before
    assert controller.stop() == 0
    launch()

    world.await_ready("a", "b", revision=head, seconds=60)
    assert (_uid(world, "moves"), _holder(world, "moves")) == (before, f"{TEAM}/b")
    assert world.ledger.events("prune.object") == []
    assert {event["target"]["application"] for event in world.ledger.events("sync.refused")} <= {"b"}
