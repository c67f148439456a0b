"""What an API server refuses, and how we say it."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING, Any

import pytest

from controller.errors import Terminal, Transient
from controller.kube.access import from_kubeconfig_bytes
from controller.kube.cluster import open_cluster
from controller.kube.errors import (
    ApiError,
    Forbidden,
    Immutable,
    Invalid,
    KindUnknown,
    NamespaceMissing,
    QuotaExceeded,
    Terminating,
    Unauthorized,
)
from controller.model.objects import ObjectId
from tests.integration.kube.objects import config_map, config_map_id, deployment, secret

if TYPE_CHECKING:
    from controller.kube.cluster import ApiCluster
    from tests.controlplane import ControlPlane


IMMUTABLE_MAP: dict[str, Any] = {"apiVersion": "v1", "kind": "ConfigMap", "immutable": True, "data": {"colour": "red"}}
IMMUTABLE_SECRET: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Secret",
    "immutable": True,
    "data": {"password": "b2xk"},
}
_PODS: dict[str, Any] = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "a", "image": "b"}]}}
STATEFUL: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "StatefulSet",
    "spec": {"serviceName": "a", "replicas": 0, "selector": {"matchLabels": {"a": "b"}}, "template": _PODS},
}
JOB: dict[str, Any] = {
    "apiVersion": "batch/v1",
    "kind": "Job",
    "spec": {"suspend": True, "completions": 1, "template": {"spec": _PODS["spec"] | {"restartPolicy": "Never"}}},
}
POD: dict[str, Any] = {"apiVersion": "v1", "kind": "Pod", "spec": _PODS["spec"]}
BINDING: dict[str, Any] = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "RoleBinding",
    "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "one"},
}
CLAIM: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "PersistentVolumeClaim",
    "spec": {
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "nowhere",
        "resources": {"requests": {"storage": "1Gi"}},
    },
}
CLASS: dict[str, Any] = {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "provisioner": "one.example"}


def _in(body: dict[str, Any], namespace: str) -> dict[str, Any]:
    place = {} if body["kind"] == "StorageClass" else {"namespace": namespace}
    return body | {"metadata": {"name": f"fixed-{namespace}", **place}}


async def test_a_missing_permission_is_named(restricted: ApiCluster, namespace: str) -> None:
    """The error says which verb on which resource a role must allow."""
    with pytest.raises(Forbidden) as read:
        await restricted.get(config_map_id(namespace), "v1")
    with pytest.raises(Forbidden) as written:
        await restricted.apply(deployment(namespace))
    with pytest.raises(Forbidden) as listed:
        await restricted.list("v1", "Namespace")

    assert (read.value.verb, read.value.resource) == ("get", "configmaps")
    assert (written.value.verb, written.value.resource) == ("patch", "deployments.apps")
    assert (written.value.namespace, listed.value.namespace) == (namespace, "")
    assert f"a role must allow patch on deployments.apps in namespace {namespace}" in str(written.value)
    assert "a role must allow list on namespaces in the whole cluster" in str(listed.value)
    assert isinstance(read.value, Terminal)


async def test_a_wrong_value_is_named_by_its_field(cluster: ApiCluster, namespace: str) -> None:
    """422: the field's path, its reason and the object are in the error."""
    with pytest.raises(Invalid) as refused:
        await cluster.apply(deployment(namespace, replicas=-1))

    assert [cause.field for cause in refused.value.causes] == ["spec.replicas"]
    assert f"Deployment.apps {namespace}/web" in str(refused.value)
    assert "spec.replicas" in str(refused.value)


@pytest.mark.parametrize(
    ("spec", "field"),
    [({"replica": 1}, "spec.replica"), ({"replicas": "three"}, "spec.replicas"), ({"paused": []}, "spec.paused")],
)
async def test_a_field_of_the_wrong_name_or_type_is_the_manifests_fault(
    cluster: ApiCluster, namespace: str, spec: dict[str, Any], field: str
) -> None:
    """The server answers 500 without a reason, which would look like a fault of its own that passes."""
    with pytest.raises(Invalid) as refused:
        await cluster.apply(deployment(namespace, **spec))

    assert refused.value.status == 500
    assert [cause.field for cause in refused.value.causes] == [field]
    assert isinstance(refused.value, Terminal)


async def test_all_fields_of_the_wrong_type_are_named(cluster: ApiCluster, namespace: str) -> None:
    """Not only the first."""
    with pytest.raises(Invalid) as refused:
        await cluster.apply(deployment(namespace, paused=[], replicas="three"))

    assert sorted(cause.field for cause in refused.value.causes) == ["spec.paused", "spec.replicas"]


async def test_a_value_that_is_no_quantity_is_the_manifests_fault(cluster: ApiCluster, namespace: str) -> None:
    """The same for what fails to be converted."""
    body = deployment(namespace)
    body["spec"]["template"]["spec"]["containers"][0]["resources"] = {"limits": {"cpu": "much"}}

    with pytest.raises(Invalid, match="quantities"):
        await cluster.apply(body)


async def test_an_immutable_field_is_told_apart(cluster: ApiCluster, namespace: str) -> None:
    """The fields that only a replacement can change are listed."""
    await cluster.apply(deployment(namespace))
    labels = {"app": "other"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "web", "image": "nginx:1"}]}}

    with pytest.raises(Immutable) as refused:
        await cluster.apply(deployment(namespace, selector={"matchLabels": labels}, template=template))
    with pytest.raises(Invalid) as mixed:
        await cluster.apply(deployment(namespace, replicas=-1, selector={"matchLabels": labels}, template=template))

    assert refused.value.fields == ("spec.selector",)
    assert "shipslog.dev/replace: allowed" in str(refused.value)
    assert not isinstance(mixed.value, Immutable)


@pytest.mark.parametrize(
    ("before", "after", "field"),
    [
        (IMMUTABLE_MAP, IMMUTABLE_MAP | {"data": {"colour": "blue"}}, "data"),
        (IMMUTABLE_SECRET, IMMUTABLE_SECRET | {"data": {"password": "bmV3"}}, "data"),
        (STATEFUL, STATEFUL | {"spec": STATEFUL["spec"] | {"podManagementPolicy": "Parallel"}}, "spec"),
        (JOB, JOB | {"spec": JOB["spec"] | {"completionMode": "Indexed"}}, "spec.completionMode"),
        (POD, POD | {"spec": POD["spec"] | {"hostname": "other"}}, "spec"),
        (BINDING, BINDING | {"roleRef": BINDING["roleRef"] | {"name": "other"}}, "roleRef"),
        (CLAIM, CLAIM | {"spec": CLAIM["spec"] | {"accessModes": ["ReadWriteMany"]}}, "spec"),
        (CLASS, CLASS | {"provisioner": "other.example"}, "provisioner"),
    ],
    ids=lambda value: value if isinstance(value, str) else value["kind"],
)
async def test_every_kind_that_fixes_fields_is_understood(
    cluster: ApiCluster, namespace: str, before: dict[str, Any], after: dict[str, Any], field: str
) -> None:
    """Each kind's validation has its own words for it; of a Secret none of them is quoted."""
    await cluster.apply(_in(before, namespace))

    with pytest.raises(Immutable) as refused:
        await cluster.apply(_in(after, namespace), dry_run=True)

    assert field in refused.value.fields
    assert "bmV3" not in str(refused.value)


@pytest.mark.parametrize(
    "fields",
    [
        {"data": {"password": "hunter2!"}},
        {"data": {"password": 8765432109}},
        {"data": "hunter2"},
        {"data": {"password": {"hunter2": "hunter2"}}},
        {"stringData": {"password": ["hunter2", 8765432109]}},
        {"stringData": {"password": {"a": "x\n.hunter2: hunter2"}}},
        {"stringData": "x\n.hunter2: hunter2"},
        {"type": {"hunter2": "hunter2"}},
        {"type": "kubernetes.io/tls", "stringData": {"tls.crt": "hunter2"}, "immutable": "hunter2"},
        {"type": "kubernetes.io/dockerconfigjson", "stringData": {".dockerconfigjson": "hunter2"}},
        {"metadata": {"labels": {"a": "hunter2 hunter2"}}},
        {"metadata": {"labels": ["hunter2"]}},
    ],
)
async def test_no_value_of_a_secret_is_in_an_error(cluster: ApiCluster, namespace: str, fields: dict[str, Any]) -> None:
    """Whatever the server quotes: neither the message nor the causes hold what stands in the Secret."""
    await cluster.apply(secret(namespace, data={"password": "b2xk"}))
    body = secret(namespace) | fields
    body["metadata"] = {"name": "login", "namespace": namespace} | fields.get("metadata", {})
    fresh = body | {"metadata": body["metadata"] | {"name": "fresh"}}

    for refusal in (
        cluster.apply(body),
        cluster.apply(body, dry_run=True),
        cluster.create(fresh),
        cluster.merge(ObjectId("", "Secret", namespace, "login"), "v1", body),
    ):
        with pytest.raises(ApiError) as refused:
            await refusal
        shown = "".join(traceback.format_exception(refused.value)) + repr(refused.value.answer)
        assert "hunter2" not in shown
        assert "8765432109" not in shown
        assert f"Secret {namespace}/" in shown
        assert isinstance(refused.value, Invalid)


async def test_a_message_of_any_length_is_bounded(cluster: ApiCluster, namespace: str) -> None:
    """No more than 1 KiB and 32 causes are taken over."""
    containers = [{"name": f"Wrong_{number}", "image": ""} for number in range(300)]
    body = deployment(namespace)
    body["spec"]["template"]["spec"]["containers"] = containers

    with pytest.raises(Invalid) as refused:
        await cluster.apply(body)

    assert len(refused.value.answer.message) <= 1024
    assert len(refused.value.causes) == 32


async def test_a_missing_namespace_may_come_later(cluster: ApiCluster) -> None:
    """404 of the namespace is no fault of the object."""
    with pytest.raises(NamespaceMissing, match='namespaces "nowhere" not found') as refused:
        await cluster.apply(config_map("nowhere"))

    assert "createNamespace" in refused.value.remedy
    assert isinstance(refused.value, Transient)


async def test_a_namespace_that_is_going_holds_back_what_is_put_into_it(
    cluster: ApiCluster, plane: ControlPlane, namespace: str
) -> None:
    """403, but of a kind that passes."""
    held = config_map(namespace, "held")
    held["metadata"]["finalizers"] = ["test.example/hold"]
    await cluster.create(held)
    plane.admin.delete(f"/api/v1/namespaces/{namespace}")

    with pytest.raises(Terminating):
        await cluster.create(config_map(namespace))

    plane.admin.merge(f"/api/v1/namespaces/{namespace}/configmaps/held", {"metadata": {"finalizers": None}})


async def test_a_used_up_quota_holds_back(cluster: ApiCluster, plane: ControlPlane, namespace: str) -> None:
    """403, but of a kind that passes."""
    quota = {"metadata": {"name": "none"}, "spec": {"hard": {"count/configmaps": "0"}}}
    plane.admin.create(f"/api/v1/namespaces/{namespace}/resourcequotas", quota)

    with pytest.raises(QuotaExceeded, match=r"exceeded quota|status unknown for quota"):
        await cluster.create(config_map(namespace))


async def test_an_unknown_kind_is_named_with_its_version(cluster: ApiCluster, namespace: str) -> None:
    """It may be installed a moment later, so it is no terminal error."""
    with pytest.raises(KindUnknown, match="serves no ConfigMap in v7") as refused:
        await cluster.apply({**config_map(namespace), "apiVersion": "v7"})

    assert isinstance(refused.value, Transient)


@pytest.mark.parametrize("name", ["..", ".", "a/b", "a/../../../secrets/b", "%2e%2e"])
async def test_a_name_can_not_lead_to_another_path(cluster: ApiCluster, namespace: str, name: str) -> None:
    """A name from a repository stays a name."""
    with pytest.raises(Invalid, match=r"metadata\.name "):
        await cluster.apply(config_map(namespace, name))
    with pytest.raises(Invalid, match=r"metadata\.namespace "):
        await cluster.apply(config_map(name))


async def test_a_namespaced_object_without_a_namespace_is_refused(cluster: ApiCluster) -> None:
    """Before anything is sent, by the field's name."""
    with pytest.raises(Invalid) as refused:
        await cluster.apply(config_map(""))

    assert [cause.field for cause in refused.value.causes] == ["metadata.namespace"]


async def test_wrong_credentials_are_said_to_be_wrong(plane: ControlPlane) -> None:
    """401, with the remedy, and without the token."""
    kubeconfig = plane.kubeconfig.read_text().replace(plane.admin_token, "wrong-token")
    cluster = open_cluster("one", await from_kubeconfig_bytes(kubeconfig.encode()))

    with pytest.raises(Unauthorized, match="kubeconfig") as refused:
        await cluster.list("v1", "Namespace")

    assert "wrong-token" not in str(refused.value)
    await cluster.close()
