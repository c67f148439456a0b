"""Which kinds are served."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING

from controller.model.objects import GroupKind
from controller.ports import Resource
from tests.integration.kube.objects import definition

if TYPE_CHECKING:
    from collections.abc import Callable

    from controller.kube.cluster import ApiCluster
    from tests.controlplane import ControlPlane

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


def served(plane: ControlPlane, plural: str) -> bool:
    """Whether discovery names it."""
    accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
    return f'"{plural}"' in json.dumps(plane.admin.get("/apis", accept=accept))


def established(plane: ControlPlane, plural: str) -> bool:
    """Whether the API server serves it."""
    conditions = plane.admin.get(f"{CRDS}/{plural}.test.example").get("status", {}).get("conditions")
    return any(c["type"] == "Established" and c["status"] == "True" for c in conditions or ())


async def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition of the ground, at most 20 seconds."""
    deadline = time.monotonic() + 20
    while not await asyncio.to_thread(condition):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)


async def test_a_builtin_kind_is_described(cluster: ApiCluster) -> None:
    """Path, scope and verbs, by version."""
    deployment = await cluster.resource("apps/v1", "Deployment")
    namespace = await cluster.resource("v1", "Namespace")

    assert isinstance(deployment, Resource)
    assert (deployment.plural, deployment.namespaced) == ("deployments", True)
    assert {"list", "watch", "patch"} <= deployment.verbs
    assert namespace is not None
    assert not namespace.namespaced
    assert await cluster.resource("apps/v1beta1", "Deployment") is None


async def test_a_kind_is_found_a_moment_after_its_definition(cluster: ApiCluster, plane: ControlPlane) -> None:
    """What was unknown before is found, without anybody saying that something changed."""
    assert await cluster.resource("test.example/v1", "Fresh") is None

    await asyncio.to_thread(plane.admin.create, CRDS, definition("freshes", "Fresh"))
    await until(lambda: established(plane, "freshes"))

    assert await cluster.resource("test.example/v1", "Fresh") == Resource(
        "test.example/v1",
        "Fresh",
        "freshes",
        namespaced=True,
        verbs=frozenset({"delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"}),
    )


async def test_a_forgotten_kind_is_asked_for_again(cluster: ApiCluster, plane: ControlPlane) -> None:
    """After its definition went, the kind is unknown."""
    await asyncio.to_thread(plane.admin.create, CRDS, definition("briefs", "Brief"))
    await until(lambda: established(plane, "briefs"))
    assert await cluster.resource("test.example/v1", "Brief") is not None

    await asyncio.to_thread(plane.admin.delete, f"{CRDS}/briefs.test.example")

    await until(lambda: not served(plane, "briefs"))
    cluster.forget(GroupKind("test.example", "Brief"))

    assert await cluster.resource("test.example/v1", "Brief") is None


async def test_kinds_are_named_once_in_their_preferred_version(cluster: ApiCluster) -> None:
    """autoscaling/v2 before v1, and nothing that can't be watched."""
    resources = await cluster.resources()

    scalers = [resource.api_version for resource in resources if resource.kind == "HorizontalPodAutoscaler"]
    assert scalers == ["autoscaling/v2"]
    assert all({"list", "watch"} <= resource.verbs for resource in resources)
    assert not any(resource.kind == "SelfSubjectReview" for resource in resources)


async def test_the_version_is_the_servers(cluster: ApiCluster) -> None:
    """As the server's git version says it."""
    assert (await cluster.version()).startswith("v1.")


async def test_a_list_follows_its_pages_and_names_the_kind_of_every_item(cluster: ApiCluster, namespace: str) -> None:
    """More objects than a page holds, in one namespace, by label."""
    await asyncio.gather(
        *(
            cluster.create(
                {
                    "apiVersion": "v1",
                    "kind": "ConfigMap",
                    "metadata": {"name": f"c{n}", "namespace": namespace, "labels": {"half": str(n % 2)}},
                }
            )
            for n in range(1100)
        )
    )

    odd = await cluster.list("v1", "ConfigMap", namespace=namespace, selector="half=1")
    every = await cluster.list("v1", "ConfigMap", namespace=namespace, selector="half")

    assert {item["metadata"]["name"] for item in odd} == {f"c{n}" for n in range(1, 1100, 2)}
    assert len(every) == 1100
    assert {(item["apiVersion"], item["kind"]) for item in every} == {("v1", "ConfigMap")}
