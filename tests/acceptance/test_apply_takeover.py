"""Fields that other tools applied once become ours: what leaves Git goes, and no object is created anew."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.ground.eventually import eventually

if TYPE_CHECKING:
    from controller.model.base import Json
    from tests.ground.controller_process import ControllerProcess
    from tests.ground.world import World

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
UPDATERS = ("kubectl-client-side-apply", "kubectl-create", "helm", "argocd-controller")
APPLIERS = ("kubectl", "helm", "helm-controller", "kustomize-controller", "argocd-controller")
MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\ndata: {kept: '1'%s}\n"


def _git(names: list[str], *, extra: str = "") -> dict[str, str]:
    return {"all.yaml": "---\n".join(MAP % (name, extra) for name in names)}


def _body(name: str) -> Json:
    data = {"kept": "1", "goes": "1", "undeclared": "1"}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": "shop", "labels": {"tool": "old"}},
        "data": data,
    }


def _updated(world: World, manager: str, name: str) -> None:
    body = _body(name)
    body["metadata"]["annotations"] = {LAST_APPLIED: json.dumps(_body(name))}
    path = world.objects.path("v1", "ConfigMap", "shop")
    world.objects.admin.create(f"{path}?fieldManager={manager}", body)


def _map(world: World, name: str) -> Any:
    return world.objects.get("v1", "ConfigMap", "shop", name)


def test_what_another_tool_applied_is_ours_from_the_first_sync(world: World, controller: ControllerProcess) -> None:
    """Of kubectl, Helm, Flux and Argo CD, by update and by apply: the same objects, without what Git does not declare.

    A tool that is not named in the settings keeps what it set.
    """
    del controller
    world.objects.namespace("shop")
    names = []
    for manager in UPDATERS:
        names.append(f"update-{manager}")
        _updated(world, manager, names[-1])
    for manager in APPLIERS:
        names.append(f"apply-{manager}")
        world.objects.apply(_body(names[-1]), manager=manager)
    names.append("other")
    world.objects.apply(_body("other"), manager="another-tool")
    before = {name: _map(world, name)["metadata"]["uid"] for name in names}
    worktree = world.repository()
    worktree.publish(_git(names, extra=", goes: '1'"), "first")
    world.application("shop")
    world.await_ready("shop")

    ours = [name for name in names if name != "other"]
    for name in ours:
        live = _map(world, name)
        assert live["data"] == {"kept": "1", "goes": "1"}, name
        assert "tool" not in live["metadata"]["labels"], name
        assert LAST_APPLIED not in live["metadata"]["annotations"], name
        assert [entry["manager"] for entry in live["metadata"]["managedFields"]] == ["shipslog"], name
    assert _map(world, "other")["data"] == {"kept": "1", "goes": "1", "undeclared": "1"}
    taken = {
        event["target"]["object"]: event["detail"].get("takenOverFrom") for event in world.ledger.events("apply.object")
    }
    assert taken["ConfigMap shop/apply-kustomize-controller"] == ["kustomize-controller"]
    assert taken["ConfigMap shop/other"] is None

    head = worktree.publish(_git(names), "one field less")
    world.await_ready("shop", revision=head)

    for name in ours:
        assert _map(world, name)["data"] == {"kept": "1"}, name
    assert {name: _map(world, name)["metadata"]["uid"] for name in names} == before
    assert world.ledger.events("drift.detected") == []


def test_a_plan_shows_what_goes_with_a_takeover(world: World, controller: ControllerProcess) -> None:
    """The record of the plan names the fields that no dry run could foresee, and the manager they are taken from."""
    del controller
    world.objects.namespace("shop")
    _updated(world, "kubectl-client-side-apply", "one")
    world.repository().publish(_git(["one"]), "first")
    world.application("shop")
    world.await_ready("shop")

    plan = world.await_event("plan.computed")

    [step] = plan["detail"]["steps"]
    assert "fields of kubectl-client-side-apply are taken over" in step["reason"]
    gone = {change["path"] for change in plan["detail"]["differences"]["ConfigMap shop/one"] if not change.get("after")}
    assert {"/data/goes", "/data/undeclared"} <= gone


def test_a_later_co_owner_of_our_fields_does_not_keep_them(world: World, controller: ControllerProcess) -> None:
    """Kubectl applies what we declare, and a label of its own; the field goes with Git, the label is kubectl's."""
    del controller
    world.objects.namespace("shop")
    worktree = world.repository()
    worktree.publish(_git(["one"], extra=", goes: '1'"), "first")
    world.application("shop")
    world.await_ready("shop")
    labelled = {"metadata": {"name": "one", "namespace": "shop", "labels": {"by": "hand"}}}
    world.objects.apply({"apiVersion": "v1", "kind": "ConfigMap", **labelled, "data": {"goes": "1"}}, manager="kubectl")

    head = worktree.publish(_git(["one"]), "one field less")
    world.await_ready("shop", revision=head)

    live = _map(world, "one")
    assert live["data"] == {"kept": "1"}
    assert live["metadata"]["labels"]["by"] == "hand"


def test_an_object_without_managed_fields_is_ours_again(world: World, controller: ControllerProcess) -> None:
    """Wiped managedFields leave a co-owner that nobody is (`before-first-apply`): it keeps nothing either."""
    del controller
    world.objects.namespace("shop")
    worktree = world.repository()
    worktree.publish(_git(["one"], extra=", goes: '1'"), "first")
    world.application("shop")
    world.await_ready("shop")
    world.objects.edit("v1", "ConfigMap", "shop", "one", {"metadata": {"managedFields": [{}]}})
    eventually(lambda: _ours(world, "one"), "the fields are ours again")

    head = worktree.publish(_git(["one"]), "one field less")
    world.await_ready("shop", revision=head)

    assert _map(world, "one")["data"] == {"kept": "1"}


def _ours(world: World, name: str) -> bool:
    entries = _map(world, name)["metadata"].get("managedFields") or []
    return any(entry["manager"] == "shipslog" and "f:data" in entry["fieldsV1"] for entry in entries)
