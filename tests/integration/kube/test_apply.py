"""Server-side apply, as the API server does it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from controller.kube.errors import AlreadyExists, FieldConflict, OwnedByOthers
from controller.model.objects import ObjectId
from tests.integration.kube.objects import config_map, config_map_id

if TYPE_CHECKING:
    from controller.kube.cluster import ApiCluster
    from tests.controlplane import ControlPlane


async def test_an_apply_creates_the_object_and_owns_its_fields(cluster: ApiCluster, namespace: str) -> None:
    """What was applied is live, and managedFields say that it is ours."""
    answer = await cluster.apply(config_map(namespace, colour="red"))

    live = await cluster.get(config_map_id(namespace), "v1")

    assert live == answer
    assert live["data"] == {"colour": "red"}
    assert [(entry["manager"], entry["operation"]) for entry in live["metadata"]["managedFields"]] == [
        ("shipslog", "Apply")
    ]


async def test_an_apply_changes_what_differs_and_removes_what_it_no_longer_names(
    cluster: ApiCluster, namespace: str
) -> None:
    """The second apply's fields are the object's fields."""
    await cluster.apply(config_map(namespace, colour="red", size="1"))

    await cluster.apply(config_map(namespace, colour="blue"))

    live = await cluster.get(config_map_id(namespace), "v1")
    assert live is not None
    assert live["data"] == {"colour": "blue"}


async def test_an_apply_of_the_same_again_writes_nothing(cluster: ApiCluster, namespace: str) -> None:
    """The resourceVersion stays."""
    first = await cluster.apply(config_map(namespace, colour="red"))

    second = await cluster.apply(config_map(namespace, colour="red"))

    assert second["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]


async def test_a_dry_run_answers_what_would_be_and_writes_nothing(cluster: ApiCluster, namespace: str) -> None:
    """The answer holds the change, the cluster doesn't."""
    before = await cluster.apply(config_map(namespace, colour="red"))

    foreseen = await cluster.apply(config_map(namespace, colour="blue"), dry_run=True)
    await cluster.apply(config_map(namespace, "other"), dry_run=True)

    assert foreseen["data"] == {"colour": "blue"}
    assert await cluster.get(config_map_id(namespace), "v1") == before
    assert await cluster.get(config_map_id(namespace, "other"), "v1") is None


async def test_a_field_of_another_manager_is_a_conflict_that_names_both(cluster: ApiCluster, namespace: str) -> None:
    """Without force nothing is taken over."""
    await cluster.apply(config_map(namespace, colour="red"), manager="kubectl")

    with pytest.raises(OwnedByOthers, match=r"\.data\.colour belongs to kubectl") as refused:
        await cluster.apply(config_map(namespace, colour="blue"), force=False)

    assert refused.value.conflicts == (FieldConflict("kubectl", ".data.colour"),)
    live = await cluster.get(config_map_id(namespace), "v1")
    assert live is not None
    assert live["data"] == {"colour": "red"}


async def test_force_takes_a_field_over(cluster: ApiCluster, namespace: str) -> None:
    """With force, which is the default, our value wins and the other manager loses the field."""
    await cluster.apply(config_map(namespace, colour="red"), manager="kubectl")

    answer = await cluster.apply(config_map(namespace, colour="blue"))

    assert answer["data"] == {"colour": "blue"}
    assert [entry["manager"] for entry in answer["metadata"]["managedFields"]] == ["shipslog"]


async def test_text_arrives_as_it_was_whatever_characters_it_holds(cluster: ApiCluster, namespace: str) -> None:
    """The server reads an apply as YAML, where line separators are folded and control characters refused."""
    text = "".join(map(chr, [*range(0x20, 0x250), 0x2028, 0x2029, 0xFEFF, 0xFFFD, 0xFFFE, 0xFFFF, 0x1F600]))
    text = "\ufeff" + text + "\t \r\n tail \n"

    await cluster.apply(config_map(namespace, text=text))

    live = await cluster.get(config_map_id(namespace), "v1")
    assert live is not None
    assert live["data"]["text"] == text


async def test_creating_what_exists_is_a_conflict(cluster: ApiCluster, namespace: str) -> None:
    """The object that was there stays as it is."""
    await cluster.create(config_map(namespace, colour="red"))

    with pytest.raises(AlreadyExists):
        await cluster.create(config_map(namespace, colour="blue"))

    live = await cluster.get(config_map_id(namespace), "v1")
    assert live is not None
    assert live["data"] == {"colour": "red"}


async def test_a_name_with_a_colon_is_no_trouble(cluster: ApiCluster, namespace: str) -> None:
    """RBAC's names hold colons."""
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": {"name": "team:pay:view", "namespace": namespace},
        "rules": [],
    }

    answer = await cluster.apply(role)

    assert answer["metadata"]["name"] == "team:pay:view"


async def test_a_merge_patch_changes_only_what_it_names(cluster: ApiCluster, namespace: str) -> None:
    """RFC 7386: null removes, absent stays."""
    await cluster.apply(config_map(namespace, colour="red", size="1"))

    answer = await cluster.merge(config_map_id(namespace), "v1", {"data": {"size": None, "shape": "round"}})

    assert answer["data"] == {"colour": "red", "shape": "round"}


async def test_a_merge_patch_of_the_status_leaves_the_spec_alone(
    cluster: ApiCluster, namespace: str, plane: ControlPlane
) -> None:
    """The status subresource takes the status only."""
    path = f"/api/v1/namespaces/{namespace}/services"
    plane.admin.create(path, {"metadata": {"name": "web"}, "spec": {"ports": [{"port": 80}]}})
    condition = {
        "type": "Tested",
        "status": "True",
        "reason": "Test",
        "message": "",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }
    patch = {"spec": {"ports": [{"port": 81}]}, "status": {"conditions": [condition]}}

    service = ObjectId("", "Service", namespace, "web")
    await cluster.merge(service, "v1", patch, subresource="status")

    live = await cluster.get(service, "v1")
    assert live is not None
    assert live["status"]["conditions"] == [condition]
    assert live["spec"]["ports"][0]["port"] == 80
