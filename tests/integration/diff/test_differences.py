"""Differences as a real API server makes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from controller.model.plan import Action
from tests.integration.diff.looks import config_map, container, deployment

if TYPE_CHECKING:
    from controller.model.plan import FieldChange, Step
    from tests.ground.objects import Objects
    from tests.integration.diff.looks import Looks

POD = "/spec/template/spec"


def _changes(step: Step) -> dict[str, FieldChange]:
    return {change.path: change for change in step.changes}


def _edit(objects: Objects, looks: Looks, patch: dict[str, Any]) -> None:
    objects.edit("apps/v1", "Deployment", looks.namespace, "web", patch)


async def test_a_changed_an_added_and_a_removed_field_are_told_apart(looks: Looks) -> None:
    """A new wish: each field with what it was and what it will be, and what is absent on which side."""
    await looks.sync(config_map(changed="1", removed="x"))

    step = await looks.look(config_map(changed="2", added="y"), stood=False)

    assert step.action is Action.UPDATE
    assert {(change.path, change.before, change.after, change.absent) for change in step.changes} == {
        ("/data/changed", "1", "2", ""),
        ("/data/removed", "x", None, "after"),
        ("/data/added", None, "y", "before"),
    }


async def test_an_item_of_a_list_is_named_by_its_key(looks: Looks, objects: Objects) -> None:
    """Wherever it moved: containers by name, ports by number and protocol."""
    wish = deployment(containers=[container("web", ports=[{"containerPort": 80, "name": "http"}]), container("log")])
    await looks.sync(wish)
    found = objects.get("apps/v1", "Deployment", looks.namespace, "web")
    assert found is not None
    web, log = found["spec"]["template"]["spec"]["containers"]
    side = container("side", "envoy:1")
    web["ports"][0]["name"] = "other"
    log["image"] = "nginx:9"
    _edit(objects, looks, {"spec": {"template": {"spec": {"containers": [side, web, log]}}}})

    step = await looks.look(wish)

    changes = _changes(step)
    assert changes[f"{POD}/containers/[name=log]/image"].after == "nginx:1"
    port = f"{POD}/containers/[name=web]/ports/[containerPort=80,protocol=TCP]/name"
    assert (changes[port].before, changes[port].after) == ("other", "http")
    assert not any("side" in path for path in changes), "the container of somebody else is theirs"
    assert step.attribution is not None
    assert [suspect.manager for suspect in step.attribution.suspects] == ["kubectl-edit"]


async def test_a_removed_item_of_a_list_comes_back_by_its_name(looks: Looks, objects: Objects) -> None:
    """One path for the item, not one for every item behind it."""
    wish = deployment(containers=[container("a"), container("b"), container("c")])
    await looks.sync(wish)
    found = objects.get("apps/v1", "Deployment", looks.namespace, "web")
    assert found is not None
    kept = found["spec"]["template"]["spec"]["containers"][1:]
    _edit(objects, looks, {"spec": {"template": {"spec": {"containers": kept}}}})

    step = await looks.look(wish)

    assert set(_changes(step)) == {f"{POD}/containers/[name=a]"}
    assert step.changes[0].absent == "before"


async def test_another_order_of_our_items_is_a_difference(looks: Looks, objects: Objects) -> None:
    """Init containers run in it; a merge by key alone would never see it."""
    init = [container("first"), container("second")]
    wish = deployment()
    wish["spec"]["template"]["spec"]["initContainers"] = init
    await looks.sync(wish)
    found = objects.get("apps/v1", "Deployment", looks.namespace, "web")
    assert found is not None
    turned = found["spec"]["template"]["spec"]["initContainers"][::-1]
    _edit(objects, looks, {"spec": {"template": {"spec": {"initContainers": turned}}}})

    step = await looks.look(wish)

    change = _changes(step)[f"{POD}/initContainers"]
    assert (change.before, change.after) == (["[name=second]", "[name=first]"], ["[name=first]", "[name=second]"])


async def test_a_literal_of_an_environment_is_not_told(looks: Looks) -> None:
    """The variable's name is, so that the change is seen."""
    await looks.sync(deployment(containers=[container("web", env=[{"name": "PASSWORD", "value": "canary-old"}])]))

    step = await looks.look(
        deployment(containers=[container("web", env=[{"name": "PASSWORD", "value": "canary-new"}])]), stood=False
    )

    assert set(_changes(step)) == {f"{POD}/containers/[name=web]/env/[name=PASSWORD]/value"}
    assert "canary" not in repr(step)


async def test_a_very_long_name_of_a_field_is_told_in_short(looks: Looks) -> None:
    """Keys of annotations are bounded by the server, those of a custom resource are not."""
    key = "k" * 253
    await looks.sync(config_map(**{key: "1"}))

    step = await looks.look(config_map(**{key: "2"}), stood=False)

    assert len(step.reason) < 300
    (change,) = step.changes
    assert len(change.path) <= 256
    assert change.path.startswith("/data/kkk")
