"""Ignored differences on a real API server: left alone when compared, and when applied."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from controller.errors import Terminal
from controller.model.ignore import IgnoreDifference
from controller.model.plan import Action
from tests.integration.diff.looks import config_map, container, deployment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from controller.model.base import Json
    from tests.ground.objects import Objects
    from tests.integration.diff.looks import Looks

REPLICAS = IgnoreDifference(group="apps", kind="Deployment", json_pointers=("/spec/replicas",))
WEB_IMAGE = IgnoreDifference(
    group="apps", kind="Deployment", json_paths=("$.spec.template.spec.containers[?@.name == 'web'].image",)
)


def _edit(objects: Objects, looks: Looks, patch: dict[str, Any], kind: str = "Deployment", name: str = "web") -> None:
    version = "apps/v1" if kind == "Deployment" else "v1"
    objects.edit(version, kind, looks.namespace, name, patch)


def _scale(objects: Objects, looks: Looks, replicas: int) -> None:
    """As an autoscaler does: by the subresource."""
    path = objects.path("apps/v1", "Deployment", looks.namespace, "web")
    objects.admin.merge(f"{path}/scale", {"spec": {"replicas": replicas}}, manager="autoscaler")


def _owners(live: Json, *names: str) -> set[str]:
    """Who owns the field that these names of fields lead to."""

    def owns(fields: Any) -> bool:
        for name in names:
            fields = fields.get(f"f:{name}") if isinstance(fields, dict) else None
        return fields is not None

    return {entry["manager"] for entry in live["metadata"]["managedFields"] if owns(entry["fieldsV1"])}


async def test_a_scaled_deployment_is_left_to_the_autoscaler(looks: Looks, objects: Objects) -> None:
    """Created as Git says; from then on its replicas are neither compared nor sent nor taken."""
    looks.rules = [REPLICAS]
    answer, _ = await looks.sync(deployment(replicas=2))
    assert answer["spec"]["replicas"] == 2

    _scale(objects, looks, 7)
    step = await looks.look(deployment(replicas=2))
    assert step.action is Action.UNCHANGED, step.changes

    answer, _ = await looks.sync(deployment(replicas=2, containers=[container("web", "nginx:2")]))
    assert answer["spec"]["replicas"] == 7
    assert _owners(answer, "spec", "replicas") == {"autoscaler"}


async def test_a_field_that_only_we_own_stays_as_it_is(looks: Looks) -> None:
    """Not sending it would make the server remove it: it is sent as it stands, also when Git no longer has it."""
    await looks.sync(deployment(replicas=3))
    looks.rules = [REPLICAS]

    for seconds, replicas in ((1, 9), (2, None)):
        wish = deployment(replicas=replicas, minReadySeconds=seconds)
        step = await looks.look(wish)
        assert [change.path for change in step.changes] == ["/spec/minReadySeconds"]
        answer, _ = await looks.sync(wish)
        assert answer["spec"]["replicas"] == 3


async def test_without_the_rule_git_has_its_way(looks: Looks, objects: Objects) -> None:
    """The same change is a difference, and is taken back."""
    await looks.sync(deployment(replicas=2))
    _scale(objects, looks, 7)

    step = await looks.look(deployment(replicas=2))

    assert [change.path for change in step.changes] == ["/spec/replicas"]
    answer, _ = await looks.sync(deployment(replicas=2))
    assert answer["spec"]["replicas"] == 2


async def test_a_field_of_a_lists_item_is_left_wherever_the_item_stands(looks: Looks, objects: Objects) -> None:
    """The path finds the item in Git's list and in the live one; a new item is created as Git says."""
    await looks.sync(deployment())
    found = objects.get("apps/v1", "Deployment", looks.namespace, "web")
    assert found is not None
    web, log = found["spec"]["template"]["spec"]["containers"]
    web["image"] = "nginx:by-another-tool"
    _edit(objects, looks, {"spec": {"template": {"spec": {"containers": [container("side"), log, web]}}}})
    looks.rules = [WEB_IMAGE]

    step = await looks.look(deployment())
    assert not any("image" in change.path for change in step.changes), step.changes

    answer, _ = await looks.sync(deployment(containers=[container("log", "nginx:2"), container("web", "nginx:2")]))
    images = {each["name"]: each["image"] for each in answer["spec"]["template"]["spec"]["containers"]}
    assert (images["log"], images["web"]) == ("nginx:2", "nginx:by-another-tool")


async def test_an_ignored_field_of_what_is_new_comes_from_git(looks: Looks) -> None:
    """An item that does not exist yet could not be created without it."""
    looks.rules = [WEB_IMAGE]
    await looks.sync(deployment(containers=[container("log")]))

    answer, _ = await looks.sync(deployment(containers=[container("log"), container("web", "nginx:3")]))

    images = {each["name"]: each["image"] for each in answer["spec"]["template"]["spec"]["containers"]}
    assert images == {"log": "nginx:1", "web": "nginx:3"}


async def test_what_lies_in_a_list_that_is_replaced_whole_is_sent_as_it_stands(looks: Looks, objects: Objects) -> None:
    """The rest of the list is Git's all the same."""
    wish = deployment(containers=[container("web", args=["--level", "info", "--color"])])
    await looks.sync(wish)
    found = objects.get("apps/v1", "Deployment", looks.namespace, "web")
    assert found is not None
    (web,) = found["spec"]["template"]["spec"]["containers"]
    web["args"] = ["--level", "debug", "--plain"]
    _edit(objects, looks, {"spec": {"template": {"spec": {"containers": [web]}}}})
    looks.rules = [
        IgnoreDifference(group="apps", kind="Deployment", json_pointers=("/spec/template/spec/containers/0/args/1",))
    ]

    step = await looks.look(wish)
    assert [change.path for change in step.changes] == ["/spec/template/spec/containers/[name=web]/args/2"]

    answer, _ = await looks.sync(wish)
    assert answer["spec"]["template"]["spec"]["containers"][0]["args"] == ["--level", "debug", "--color"]


async def test_all_that_a_manager_holds_is_left_to_it(looks: Looks, objects: Objects) -> None:
    """Whatever fields those are, as long as it holds them; the other fields are Git's."""
    await looks.sync(config_map(tuned="1", ours="1"))
    tuned = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings", "namespace": looks.namespace}}
    objects.apply(tuned | {"data": {"tuned": "9", "more": "9"}}, manager="tuner")
    _edit(objects, looks, {"data": {"ours": "by hand"}}, "ConfigMap", "settings")
    looks.rules = [IgnoreDifference(kind="ConfigMap", managed_fields_managers=("tuner",))]

    step = await looks.look(config_map(tuned="1", ours="1"))
    assert [change.path for change in step.changes] == ["/data/ours"]

    answer, _ = await looks.sync(config_map(tuned="1", ours="2"))
    assert answer["data"] == {"tuned": "9", "more": "9", "ours": "2"}
    assert _owners(answer, "data", "tuned") == {"tuner"}

    objects.apply(tuned, manager="tuner")  # it lets go of everything
    answer, _ = await looks.sync(config_map(tuned="1", ours="2"))
    assert answer["data"] == {"tuned": "1", "ours": "2"}


async def test_what_makes_an_object_ours_is_never_ignored(looks: Looks) -> None:
    """Ignored labels and annotations still carry our marks, which find and protect the object."""
    looks.rules = [
        IgnoreDifference(kind="ConfigMap", json_pointers=("/metadata/labels", "/metadata/annotations", "/kind"))
    ]
    wish = config_map(a="1")
    wish["metadata"]["labels"] = {"tier": "front"}
    await looks.sync(wish)

    wish["metadata"]["labels"] = {"tier": "back"}
    answer, _ = await looks.sync(wish)

    assert answer["metadata"]["labels"]["tier"] == "front"
    assert "shipslog.dev/owner" in answer["metadata"]["labels"]
    assert "shipslog.dev/application" in answer["metadata"]["annotations"]
    assert _owners(answer, "metadata", "labels", "shipslog.dev/owner") == {"shipslog"}


async def test_a_required_field_of_ours_can_be_ignored(looks: Looks, objects: Objects) -> None:
    """A Service's port is required: it is sent as it stands while only we own it."""
    wish = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web"},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]},
    }
    await looks.sync(wish)
    looks.rules = [IgnoreDifference(kind="Service", json_paths=("$.spec.ports[*].targetPort", "$.spec.ports[*].port"))]
    wish["spec"] = {"selector": {"app": "other"}, "ports": [{"port": 80, "targetPort": 9090}]}

    answer, _ = await looks.sync(wish)

    assert answer["spec"]["selector"] == {"app": "other"}
    assert answer["spec"]["ports"][0]["targetPort"] == 8080
    patch = {"spec": {"ports": [answer["spec"]["ports"][0] | {"targetPort": 7070}]}}
    objects.edit("v1", "Service", looks.namespace, "web", patch)
    assert (await looks.look(wish)).action is Action.UNCHANGED


async def test_fields_of_a_former_manager_stay_when_they_are_ignored(looks: Looks, objects: Objects) -> None:
    """An object that kubectl once applied is taken over whole, but for the value of the ignored field."""
    body = config_map(left="by kubectl", gone="1", kept="1")
    body["metadata"]["namespace"] = looks.namespace
    objects.apply(body, manager="kubectl")
    looks.former = frozenset({"kubectl"})
    looks.rules = [IgnoreDifference(kind="ConfigMap", json_pointers=("/data/left",))]

    step = await looks.look(config_map(left="by Git", kept="1"), stood=False)

    assert step.takeover is not None
    assert [(change.path, change.absent) for change in step.changes if change.path.startswith("/data")] == [
        ("/data/gone", "after")
    ]
    assert step.manifest is not None
    assert step.manifest.body["data"] == {"left": "by kubectl", "kept": "1"}


async def test_a_changed_rule_is_another_wish(looks: Looks) -> None:
    """Its digest tells, so that what the rule was about is looked at again; rules about others change nothing."""
    plain = looks.wish(deployment())
    looks.rules = [REPLICAS]
    ignoring = looks.wish(deployment())
    looks.rules = [IgnoreDifference(kind="Secret", json_pointers=("/data",))]

    assert ignoring.digest != plain.digest
    assert looks.wish(deployment()).digest == plain.digest


def _rules() -> Iterator[tuple[IgnoreDifference, bool]]:
    yield IgnoreDifference(group="apps", kind="Deployment"), True
    yield IgnoreDifference(kind="Deployment"), False
    yield IgnoreDifference(group="*", kind="*"), True
    yield IgnoreDifference(group="app?", kind="[DS]*", name="w*", namespace="diff-*"), True
    yield IgnoreDifference(group="apps", kind="Deployment", name="other"), False
    yield IgnoreDifference(group="apps", kind="Deployment", namespace="other"), False
    yield IgnoreDifference(group="apps", kind="deployment"), False


@pytest.mark.parametrize(("rule", "covered"), list(_rules()))
async def test_a_rule_is_about_the_objects_that_its_globs_match(
    looks: Looks, rule: IgnoreDifference, covered: bool
) -> None:
    """Group, kind, name and namespace; no name and no namespace stand for all."""
    looks.rules = [rule]
    assert (looks.wish(deployment()).ignored == (rule,)) is covered


async def test_a_path_that_can_not_be_followed_is_said(looks: Looks) -> None:
    """The sync stops before it writes, with the path and what is wrong with it."""
    await looks.sync(deployment())
    looks.rules = [IgnoreDifference(group="apps", kind="Deployment", json_paths=("$..a..b",))]

    with pytest.raises(Terminal, match=r"jsonPaths: '\$\.\.a\.\.b' can't be followed: it has `\.\.` more than once"):
        await looks.look(deployment())
