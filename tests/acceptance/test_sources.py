"""Where objects come from: Kustomize, Helm and plain files; branches, tags, commits; private repositories."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.ground.eventually import eventually

if TYPE_CHECKING:
    from tests.ground.controller_process import ControllerProcess
    from tests.ground.world import World

MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {version: '%s'}\n"
CHART = {
    "chart/Chart.yaml": "apiVersion: v2\nname: shop\nversion: 1.0.0\n",
    "chart/values.yaml": "version: chart\nother: chart\n",
    "chart/templates/map.yaml": (
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\n"
        "data: {version: {{ .Values.version | quote }}, other: {{ .Values.other | quote }}, "
        "release: {{ .Release.Name }}, namespace: {{ .Release.Namespace }}}\n"
    ),
    "chart/templates/hook.yaml": (
        "apiVersion: batch/v1\nkind: Job\nmetadata: {name: before, annotations: {helm.sh/hook: pre-install}}\n"
        "spec: {template: {spec: {restartPolicy: Never, containers: [{name: a, image: b}]}}}\n"
    ),
    "values/prod.yaml": "version: file\nother: file\n",
}


def _data(world: World, namespace: str = "shop") -> Any:
    found = world.objects.get("v1", "ConfigMap", namespace, "settings")
    return found["data"] if found else None


def test_a_helm_chart_is_rendered_with_files_and_inline_values(world: World, controller: ControllerProcess) -> None:
    """Values: chart < files < inline. Hooks are not run, and the plan's record says so."""
    del controller
    world.objects.namespace("shop")
    world.repository().publish(CHART, "a chart")
    helm = {"valueFiles": ["../values/prod.yaml"], "values": {"version": "inline"}}
    world.application("shop", path="chart", source={"helm": helm})
    world.await_ready("shop")

    assert _data(world) == {"version": "inline", "other": "file", "release": "shop", "namespace": "shop"}
    (planned,) = world.ledger.events("plan.computed")
    skipped = [step for step in planned["detail"]["steps"] if step["action"] == "skip"]
    assert [step["object"] for step in skipped] == ["Job.batch shop/before"]


@pytest.mark.parametrize("ref", ["branch", "tag", "commit"])
def test_a_ref_decides_which_commit_stands(world: World, controller: ControllerProcess, ref: str) -> None:
    """A branch follows its head; a tag and a commit stay where they are."""
    del controller
    world.objects.namespace("shop")
    worktree = world.repository()
    first = worktree.publish({"a.yaml": MAP % "1"}, "first")
    worktree.tag("v1")
    worktree.push("v1")
    name = {"branch": "main", "tag": "v1", "commit": first}[ref]
    world.application("shop", source={"ref": {ref: name}})
    world.await_ready("shop", revision=first)
    other = world.repository("other")
    other.publish({"b.yaml": MAP.replace("settings", "witness") % "1"}, "witness")

    second = worktree.publish({"a.yaml": MAP % "2"}, "second")
    if ref == "branch":
        world.await_ready("shop", revision=second)
        assert _data(world) == {"version": "2"}
        return
    eventually(lambda: world.status("shop-config", "Repository").get("head") == second, "the new head is known")
    world.application("witness", repository="other", destination={"namespace": "shop"})
    world.await_ready("witness")
    assert _data(world) == {"version": "1"}


def test_a_commit_elsewhere_in_the_repository_costs_nothing(world: World, controller: ControllerProcess) -> None:
    """Object ids decide: another path's commit is not even looked at, and is no revision of the Application's.

    What is written of it later is recorded at the newest commit all the same.
    """
    others = [f"other-{number}" for number in range(8)]
    for namespace in ("shop", *others):
        world.objects.namespace(namespace)
    worktree = world.repository()
    first = worktree.publish({"one/a.yaml": MAP % "1", "two/a.yaml": MAP.replace("settings", "b") % "1"}, "both")
    world.application("one", path="one", destination={"namespace": "shop"})
    world.application("two", path="two", destination={"namespace": "shop"})
    for name in others:
        world.application(name, path="one", destination={"namespace": name})
    world.await_ready("one", "two", *others)
    eventually(lambda: not _metric(controller, "shipslog_workers_busy"), "nobody is looked at")
    rendered, looks = _metric(controller, "shipslog_renders_total"), _metric(controller, "shipslog_reconciles_total")

    second = worktree.publish({"two/a.yaml": MAP.replace("settings", "b") % "2"}, "two alone")
    world.await_ready("two", revision=second)

    assert world.status("one")["revision"]["sha"] == first
    assert len(world.ledger.events("sync.completed")) == 3 + len(others)
    assert _metric(controller, "shipslog_renders_total") == rendered + 1
    assert _metric(controller, "shipslog_reconciles_total") - looks <= 4, "others were looked at, too"

    world.objects.edit("v1", "ConfigMap", "shop", "settings", {"data": {"version": "by hand"}})
    healed = world.await_event("drift.healed")
    assert (healed["revision"], _data(world)) == (second, {"version": "1"})


def test_a_repositorys_status_is_of_its_newest_spec(world: World, controller: ControllerProcess) -> None:
    """Also where nothing else is to be said: whoever waits for the spec's generation is not left waiting."""
    del controller
    world.repository().publish({"a.yaml": MAP % "1"}, "first")
    eventually(lambda: world.condition("shop-config", "Ready", "Repository").get("status") == "True", "it is read")

    world.objects.edit("shipslog.dev/v1alpha1", "Repository", "team-pay", "shop-config", {"spec": {"interval": "40s"}})

    eventually(lambda: world.status("shop-config", "Repository")["observedGeneration"] == 2, "the new spec is observed")


def test_a_private_repository_is_read_with_its_secret_and_a_wrong_one_is_said(
    world: World, controller: ControllerProcess
) -> None:
    """The condition names the Secret, never its content; a corrected Secret is taken up without a restart."""
    world.objects.namespace("shop")
    worktree = world.repository("private", credentials=("reader", "the-right-password"))
    worktree.publish({"a.yaml": MAP % "1"}, "first")
    world.application("shop", repository="private")
    world.await_ready("shop")
    assert world.condition("private", "Ready", "Repository")["status"] == "True"

    wrong = {"stringData": {"password": "the-wrong-password"}}
    world.objects.edit("v1", "Secret", "team-pay", "private-login", wrong)
    spec = {"spec": {"timeout": "20s"}}  # a change of the spec has the Secret read at once
    world.objects.edit("shipslog.dev/v1alpha1", "Repository", "team-pay", "private", spec)
    eventually(lambda: world.condition("private", "Ready", "Repository").get("status") == "False", "it is said")

    message = world.condition("private", "Ready", "Repository")["message"]
    assert "private-login" in message
    for secret in ("the-wrong-password", "the-right-password"):
        assert secret not in message
        assert secret not in controller.text()
    assert _data(world) == {"version": "1"}


def test_a_missing_ref_path_and_repository_are_each_said_plainly(world: World, controller: ControllerProcess) -> None:
    """The message names what is missing and what there is instead."""
    del controller
    world.repository().publish({"apps/a.yaml": MAP % "1"}, "first")
    world.application("branch", source={"ref": {"branch": "mian"}})
    world.application("path", path="aps")
    world.application("nowhere", repository="shop-cofnig")

    for name, parts in {
        "branch": ("mian", "main"),
        "path": ("aps",),
        "nowhere": ("spec.source.repository", "shop-cofnig"),
    }.items():
        message = eventually(lambda name=name: _complaint(world, name), f"{name} says what is wrong")  # type: ignore[misc]
        assert all(part in message for part in parts), message


def test_a_force_push_is_followed_and_recorded(world: World, controller: ControllerProcess) -> None:
    """The new history stands, and the log keeps both ids: what was there can't be asked of Git any more."""
    del controller
    world.objects.namespace("shop")
    worktree = world.repository()
    first = worktree.publish({"a.yaml": MAP % "1"}, "first")
    second = worktree.publish({"a.yaml": MAP % "2"}, "second")
    world.application("shop")
    world.await_ready("shop", revision=second)

    worktree.rewind(first)
    third = worktree.commit({"a.yaml": MAP % "3"}, "another second")
    worktree.push(force=True)

    world.await_ready("shop", revision=third)
    rewritten = world.await_event("revision.rewritten")
    assert (rewritten["detail"]["old"], rewritten["detail"]["new"]) == (second, third)
    assert rewritten["detail"]["ref"] == "refs/heads/main"


def test_a_chart_with_random_content_does_not_fight_itself(world: World, controller: ControllerProcess) -> None:
    """Its first rendering stands: no endless drift, no run per look; the condition says so."""
    del controller
    world.objects.namespace("shop")
    random = (
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {token: {{ randAlphaNum 20 | quote }}}\n"
    )
    worktree = world.repository()
    worktree.publish({"c/Chart.yaml": CHART["chart/Chart.yaml"], "c/templates/a.yaml": random}, "a random chart")
    world.application("shop", path="c")
    world.await_ready("shop")
    token = _data(world)["token"]

    head = worktree.publish({"README.md": "elsewhere"}, "elsewhere")
    eventually(lambda: world.status("shop-config", "Repository").get("head") == head, "the new head is known")
    world.objects.edit("v1", "ConfigMap", "shop", "settings", {"data": {"token": "by hand"}})
    world.await_event("drift.healed")

    assert _data(world)["token"] == token
    assert len(world.ledger.events("sync.completed")) == 1
    assert "random" in world.condition("shop", "Synced")["message"]


def _complaint(world: World, name: str) -> str:
    return str(world.condition(name, "Ready").get("message", ""))


def _metric(controller: ControllerProcess, name: str) -> float:
    lines = [line for line in controller.metrics().splitlines() if line.startswith((name + "{", name + " "))]
    return sum(float(line.rpartition(" ")[2]) for line in lines)
