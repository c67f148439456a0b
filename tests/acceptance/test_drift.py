"""Drift: noticed by watches, attributed, healed, one episode with a start and an end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.acceptance.shop import shop
from tests.ground.eventually import eventually

if TYPE_CHECKING:
    from tests.ground.controller_process import ControllerProcess
    from tests.ground.world import World

pytestmark = pytest.mark.alone


def _ready_shop(world: World) -> None:
    world.repository().publish(shop("1"), "first")
    world.application("shop")
    world.await_ready("shop")


def _episode(world: World, object_: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The one drift of an object: its detection and its healing."""
    detected = eventually(
        lambda: [event for event in world.ledger.events("drift.detected") if event["target"]["object"] == object_],
        f"drift of {object_} is recorded",
    )
    assert len(detected) == 1
    healed = world.await_event("drift.healed", causation_id=detected[0]["id"])
    return detected[0], healed


def test_a_changed_field_is_named_attributed_and_written_back(world: World, controller: ControllerProcess) -> None:
    """The record has the field, both values, the manager and the operation; the cluster has Git's value again."""
    del controller
    _ready_shop(world)

    world.objects.edit("apps/v1", "Deployment", "shop", "web", {"spec": {"replicas": 9}}, manager="kubectl-scale")

    detected, healed = _episode(world, "Deployment.apps shop/web")
    assert detected["detail"]["change"] == "changed"
    assert detected["detail"]["fields"][0]["path"] == "/spec/replicas"
    assert detected["detail"]["attribution"]["certainty"] == "manager"
    (suspect,) = detected["detail"]["attribution"]["suspects"]
    assert (suspect["manager"], suspect["operation"]) == ("kubectl-scale", "Update")
    assert 0 <= healed["detail"]["stoodSeconds"] < 1
    eventually(lambda: _replicas(world) == 2, "Git's value stands")
    kinds = {event["type"] for event in world.ledger.events() if event["id"] == detected["id"]}
    assert kinds == {"drift.detected"}


def test_the_scale_subresource_is_named(world: World, controller: ControllerProcess) -> None:
    """`kubectl scale` writes through a subresource: the attribution says so."""
    del controller
    _ready_shop(world)
    path = world.objects.path("apps/v1", "Deployment", "shop", "web") + "/scale"

    world.objects.admin.merge(path, {"spec": {"replicas": 4}}, manager="kubectl")

    detected, _ = _episode(world, "Deployment.apps shop/web")
    (suspect,) = detected["detail"]["attribution"]["suspects"]
    assert (suspect["manager"], suspect["subresource"]) == ("kubectl", "scale")


def test_a_removed_field_is_put_back_and_nobody_is_blamed(world: World, controller: ControllerProcess) -> None:
    """A removal leaves no trace of who: the record says that, instead of guessing."""
    del controller
    _ready_shop(world)

    world.objects.edit("v1", "ConfigMap", "shop", "settings", {"data": {"version": None}})

    detected, _ = _episode(world, "ConfigMap shop/settings")
    assert detected["detail"]["change"] == "removed"
    assert detected["detail"]["attribution"]["certainty"] == "unattributable"
    assert detected["actor"]["kind"] == "unknown"
    eventually(lambda: _data(world) == {"version": "1"}, "Git's value stands")


def test_a_deleted_object_comes_back(world: World, controller: ControllerProcess) -> None:
    """A delete is seen by the watch, recorded as such, and the object is created again."""
    del controller
    _ready_shop(world)

    world.objects.delete("v1", "ConfigMap", "shop", "settings")

    detected, healed = _episode(world, "ConfigMap shop/settings")
    assert detected["detail"]["change"] == "deleted"
    assert healed["detail"]["stoodSeconds"] < 1
    eventually(lambda: _data(world) == {"version": "1"}, "it is back")


def test_a_removed_owner_label_is_drift_not_a_deletion(world: World, controller: ControllerProcess) -> None:
    """To the watch the object is gone; a look at the server shows that it only lost its label."""
    del controller
    _ready_shop(world)
    before = world.objects.get("v1", "ConfigMap", "shop", "settings")
    assert before is not None

    labels = {"metadata": {"labels": {"shipslog.dev/owner": None}}}
    world.objects.edit("v1", "ConfigMap", "shop", "settings", labels)

    detected, _ = _episode(world, "ConfigMap shop/settings")
    assert [field["path"] for field in detected["detail"]["fields"]] == ["/metadata/labels/shipslog.dev~1owner"]
    after = world.objects.get("v1", "ConfigMap", "shop", "settings")
    assert after is not None
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert after["metadata"]["labels"] == before["metadata"]["labels"]


def test_a_secret_written_as_text_is_watched_like_any_other(world: World, controller: ControllerProcess) -> None:
    """`stringData` in Git, `data` in the cluster: a change by hand is seen, healed, and its value told to nobody."""
    del controller
    _ready_shop(world)
    before = world.objects.get("v1", "Secret", "shop", "login")
    assert before is not None

    world.objects.edit("v1", "Secret", "shop", "login", {"stringData": {"password": "canary-by-hand"}})

    detected, _ = _episode(world, "Secret shop/login")
    assert [field["path"] for field in detected["detail"]["fields"]] == ["/data/password"]
    assert detected["detail"]["fields"][0]["before"] == "(redacted)"
    after = world.objects.get("v1", "Secret", "shop", "login")
    assert after is not None
    assert after["data"] == before["data"]


def test_fields_that_git_does_not_declare_are_nobodys_drift(world: World, controller: ControllerProcess) -> None:
    """Another manager's own field stays, and is recorded as nothing."""
    del controller
    _ready_shop(world)

    world.objects.edit("v1", "ConfigMap", "shop", "settings", {"data": {"theirs": "1"}}, manager="operator")
    world.objects.edit("apps/v1", "Deployment", "shop", "web", {"spec": {"replicas": 5}})

    _episode(world, "Deployment.apps shop/web")
    assert _data(world) == {"version": "1", "theirs": "1"}
    assert [event["target"]["object"] for event in world.ledger.events("drift.detected")] == [
        "Deployment.apps shop/web"
    ]


def test_drift_while_the_controller_is_away_is_found_at_the_start(world: World, controller: ControllerProcess) -> None:
    """What was changed meanwhile is compared, recorded as drift and healed."""
    _ready_shop(world)
    assert controller.stop() == 0

    world.objects.edit("v1", "ConfigMap", "shop", "settings", {"data": {"version": "by night"}})
    world.objects.delete("v1", "Service", "shop", "web")
    controller.start()

    detected, _ = _episode(world, "ConfigMap shop/settings")
    assert detected["actor"] == {"kind": "manager", "name": "kubectl-edit"}
    _episode(world, "Service shop/web")
    eventually(lambda: _data(world) == {"version": "1"}, "Git's value stands")


def test_someone_who_fights_is_healed_ever_more_slowly(world: World, controller: ControllerProcess) -> None:
    """After a handful of heals in a minute the controller waits; the drift stands open in the status meanwhile."""
    _ready_shop(world)

    for round_ in range(6):
        world.objects.edit("v1", "ConfigMap", "shop", "settings", {"data": {"version": f"fight {round_}"}})
        eventually(lambda n=round_: len(world.ledger.events("drift.detected")) == n + 1, "each is recorded")  # type: ignore[misc]
        if round_ < 5:
            eventually(lambda: _data(world) == {"version": "1"}, "the first five are healed at once")

    eventually(lambda: world.status("shop").get("drift"), "the sixth stands open")
    assert _data(world) == {"version": "fight 5"}
    assert world.condition("shop", "Synced")["reason"] == "Drifted"
    contested = world.condition("shop", "Contested")
    assert (contested["status"], contested["message"]) == ("True", "ConfigMap shop/settings")
    series = 'shipslog_application_contested_objects{cluster="in-cluster",name="shop",namespace="team-pay"} 1.0'
    assert series in controller.metrics()
    world.objects.edit("apps/v1", "Deployment", "shop", "web", {"spec": {"replicas": 9}})
    eventually(lambda: _replicas(world) == 2, "another object is healed at once")


def _data(world: World) -> Any:
    found = world.objects.get("v1", "ConfigMap", "shop", "settings")
    return found["data"] if found else None


def _replicas(world: World) -> int:
    found = world.objects.get("apps/v1", "Deployment", "shop", "web")
    assert found is not None
    return int(found["spec"]["replicas"])
