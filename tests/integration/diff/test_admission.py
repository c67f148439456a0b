"""What admission and defaulting make of objects is not drift: real webhooks, policies and schemas."""

from __future__ import annotations

import asyncio
import itertools
from typing import TYPE_CHECKING, Any

import pytest

from controller.model.plan import Action
from tests.ground.eventually import eventually
from tests.ground.webhook import AdmissionWebhook, allowed
from tests.integration.diff.looks import config_map, container, deployment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from controller.model.base import Json
    from tests.ground.objects import Objects
    from tests.integration.diff.looks import Looks

ANNOTATION = "/metadata/annotations/seen.test.example~1at"


@pytest.fixture
def meddling(tmp_path: Path, objects: Objects, namespace: str) -> Iterator[AdmissionWebhook]:
    """A webhook that adds a sidecar, rewrites images, and writes another annotation each time it is called."""
    numbers = itertools.count(1)

    def decide(request: Json) -> Json:
        body = request["object"]
        stamp = {"op": "add", "path": ANNOTATION, "value": f"call {next(numbers)}"}
        patches: list[Any] = [stamp] if body["metadata"].get("annotations") else []
        if body["kind"] == "ConfigMap" and "stamp" in body.get("data", {}):
            patches.append({"op": "replace", "path": "/data/stamp", "value": f"call {next(numbers)}"})
        if body["kind"] == "Deployment":
            containers = body["spec"]["template"]["spec"]["containers"]
            patches += [
                {"op": "replace", "path": f"/spec/template/spec/containers/{index}/image", "value": _mirrored(each)}
                for index, each in enumerate(containers)
            ]
            if not any(each["name"] == "sidecar" for each in containers):
                side = container("sidecar", "mirror.example/envoy:1")
                patches.append({"op": "add", "path": "/spec/template/spec/containers/0", "value": side})
        return allowed(*patches)

    with AdmissionWebhook(tmp_path / "webhook", decide) as webhook:
        configuration = webhook.configuration(
            "MutatingWebhookConfiguration", namespace, namespace, "configmaps", "deployments"
        )
        objects.apply(configuration)
        probe = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "probe", "namespace": namespace}}

        def called() -> bool:
            objects.apply(probe)
            return webhook.calls > 0

        eventually(called, "the webhook is called", pause=0.1)
        yield webhook
        objects.delete("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration", "", namespace)


def _mirrored(each: Json) -> str:
    return f"mirror.example/{each['image'].removeprefix('mirror.example/')}"


async def test_what_a_webhook_adds_and_rewrites_is_no_drift(looks: Looks, meddling: AdmissionWebhook) -> None:
    """A sidecar, an annotation that is new each time, and our own field with another value: nothing to do."""
    calls = meddling.calls
    answer, baseline = await looks.sync(deployment())

    assert meddling.calls > calls
    pod = answer["spec"]["template"]["spec"]
    assert [each["image"] for each in pod["containers"]] == [
        "mirror.example/envoy:1",
        "mirror.example/nginx:1",
        "mirror.example/nginx:1",
    ]
    for known in (baseline, None):
        step = await looks.look(deployment(), baseline=known)
        assert step.action is Action.UNCHANGED, step.changes


async def test_a_change_by_hand_is_seen_through_the_webhook(
    looks: Looks, meddling: AdmissionWebhook, objects: Objects
) -> None:
    """What healing would give is what the webhook will make of it."""
    del meddling
    _, baseline = await looks.sync(deployment())
    objects.edit("apps/v1", "Deployment", looks.namespace, "web", {"spec": {"replicas": 5}})

    step = await looks.look(deployment(), baseline=baseline)

    assert [(change.path, change.before, change.after) for change in step.changes] == [("/spec/replicas", 5, 2)]


async def test_a_field_of_ours_that_admission_makes_anew_each_time_is_no_drift(
    looks: Looks, meddling: AdmissionWebhook, objects: Objects
) -> None:
    """As long as nobody wrote it since our last apply; a hand on it is still seen."""
    del meddling
    _, baseline = await looks.sync(config_map(stamp="from Git"))

    step = await looks.look(config_map(stamp="from Git"), baseline=baseline)
    assert step.action is Action.UNCHANGED, step.changes

    objects.edit("v1", "ConfigMap", looks.namespace, "settings", {"data": {"stamp": "by hand"}})
    step = await looks.look(config_map(stamp="from Git"), baseline=baseline)
    assert [change.path for change in step.changes] == ["/data/stamp"]


async def test_what_a_mutating_admission_policy_adds_is_no_drift(looks: Looks, objects: Objects) -> None:
    """The policy is in the API server itself (KEP-3962): a label, and a default inside of our own list's item."""
    group = "admissionregistration.k8s.io"
    served = objects.admin.get(f"/apis/{group}")["versions"]
    version = next(
        found["groupVersion"]
        for found in served
        if any(
            resource["kind"] == "MutatingAdmissionPolicy"
            for resource in objects.admin.get(f"/apis/{found['groupVersion']}")["resources"]
        )
    )
    name = f"policy-{looks.namespace}"
    expression = (
        'Object{metadata: Object.metadata{labels: {"added": "by-policy", "at": string(size(object.metadata.name))}}}'
    )
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"], "resources": ["configmaps"]}
    selected = {"namespaceSelector": {"matchLabels": {"webhook": looks.namespace}}}
    objects.apply(
        {
            "apiVersion": version,
            "kind": "MutatingAdmissionPolicy",
            "metadata": {"name": name},
            "spec": {
                "matchConstraints": selected | {"resourceRules": [rule]},
                "failurePolicy": "Fail",
                "reinvocationPolicy": "Never",
                "mutations": [{"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": expression}}],
            },
        },
        {
            "apiVersion": version,
            "kind": "MutatingAdmissionPolicyBinding",
            "metadata": {"name": name},
            "spec": {"policyName": name},
        },
    )
    probe = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "probe", "namespace": looks.namespace}}

    def mutated() -> bool:
        objects.apply(probe | {"data": {"a": "b"}})
        found = objects.get("v1", "ConfigMap", looks.namespace, "probe")
        objects.delete("v1", "ConfigMap", looks.namespace, "probe")
        return "added" in ((found or {})["metadata"].get("labels") or {})

    eventually(mutated, "the policy is in force", pause=0.2)

    answer, _ = await looks.sync(config_map(a="1"))
    assert answer["metadata"]["labels"]["added"] == "by-policy"
    step = await looks.look(config_map(a="1"))
    assert step.action is Action.UNCHANGED, step.changes


async def test_what_a_schema_fills_in_is_no_drift(looks: Looks, objects: Objects) -> None:
    """Neither a custom resource's defaults, nor those that a newer definition brings, nor another spelling."""
    plural, group = "boats", f"{looks.namespace}.example"
    objects.apply(_definition(plural, group, {"sails": {"type": "integer", "default": 3}}))
    boat: Json = {"apiVersion": f"{group}/v1", "kind": "Boat", "metadata": {"name": "a"}, "spec": {"hull": "oak"}}
    await _served(looks, boat)

    answer, baseline = await looks.sync(boat)
    assert answer["spec"] == {"hull": "oak", "sails": 3}
    assert (await looks.look(boat, baseline=baseline)).action is Action.UNCHANGED

    newer = {"sails": {"type": "integer", "default": 4}, "mast": {"type": "string", "default": "pine"}}
    objects.apply(_definition(plural, group, newer))

    async def filled() -> bool:
        return bool((await looks.live(boat))["spec"].get("mast") == "pine")

    await _until(filled)
    assert (await looks.look(boat, baseline=baseline)).action is Action.UNCHANGED

    spelt = deployment(containers=[container("web", resources={"limits": {"cpu": "1000m", "memory": "1024Mi"}})])
    answer, _ = await looks.sync(spelt)
    assert answer["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]["cpu"] == "1"
    assert (await looks.look(spelt)).action is Action.UNCHANGED


def _definition(plural: str, group: str, more: Json) -> Json:
    properties = {"hull": {"type": "string"}, **more}
    schema = {"type": "object", "properties": {"spec": {"type": "object", "properties": properties}}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "names": {"plural": plural, "singular": "boat", "kind": "Boat", "listKind": "BoatList"},
            "scope": "Namespaced",
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}],
        },
    }


async def _served(looks: Looks, body: Json) -> None:
    async def served() -> bool:
        looks.cluster.forget()
        return await looks.cluster.resource(body["apiVersion"], body["kind"]) is not None

    await _until(served)


async def _until(asked: Any) -> None:
    async with asyncio.timeout(20):
        while not await asked():  # noqa: ASYNC110 - the server tells nobody
            await asyncio.sleep(0.1)
