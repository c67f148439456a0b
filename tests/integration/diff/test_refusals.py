"""What the API server refuses stops a sync before its first write, all of it at once, and quotes no secret."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest

from controller.errors import ShipslogError, Terminal, Transient
from tests.ground.eventually import eventually
from tests.ground.webhook import AdmissionWebhook, allowed, denied
from tests.integration.diff.looks import config_map, container, deployment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from controller.model.base import Json
    from tests.ground.objects import Objects
    from tests.integration.diff.looks import Looks

CANARY = "canary-7f4d21"


def _object(kind: str, name: str, api_version: str = "v1", **fields: object) -> Json:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name}, **fields}


@pytest.fixture
def refusing(tmp_path: Path, objects: Objects, namespace: str) -> Iterator[AdmissionWebhook]:
    """A webhook that refuses whatever is named `denied`, and repeats the whole object in its message."""

    def decide(request: Json) -> Json:
        if request["name"] != "denied":
            return allowed()
        body = request["object"]
        data = {name: base64.b64decode(value).decode() for name, value in (body.get("data") or {}).items()}
        body["metadata"].pop("managedFields", None)
        return denied(f"I will not have {data} nor {body.get('spec')} of {body}")

    with AdmissionWebhook(tmp_path / "webhook", decide) as webhook:
        kinds = ("secrets", "deployments", "configmaps")
        objects.apply(webhook.configuration("ValidatingWebhookConfiguration", namespace, namespace, *kinds))
        probe = _object("ConfigMap", "probe")
        probe["metadata"]["namespace"] = namespace

        def called() -> bool:
            objects.apply(probe)
            return webhook.calls > 0

        eventually(called, "the webhook is called", pause=0.1)
        yield webhook
        objects.delete("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", "", namespace)


async def test_every_kind_of_refusal_is_named_in_one_error(
    looks: Looks, objects: Objects, refusing: AdmissionWebhook
) -> None:
    """Schema, unknown field, wrong type, immutable field, quota, admission, unknown kind, no namespace: all at once."""
    del refusing
    await looks.sync(deployment())
    quota = _object("ResourceQuota", "none", spec={"hard": {"services": "0"}})
    quota["metadata"]["namespace"] = looks.namespace
    objects.apply(quota)

    def used() -> bool:
        found = objects.get("v1", "ResourceQuota", looks.namespace, "none") or {}
        return "services" in found.get("status", {}).get("used", {})

    eventually(used, "the quota is counted")
    moved = deployment()
    moved["spec"]["selector"]["matchLabels"] = {"app": "other"}
    moved["spec"]["template"]["metadata"]["labels"] = {"app": "other"}
    elsewhere = config_map("elsewhere", a="1")
    elsewhere["metadata"]["namespace"] = "there-is-none"
    service = {"selector": {"app": "web"}, "ports": [{"port": 80}]}
    wishes = {
        "out of range": (_object("Service", "ports", spec=service | {"ports": [{"port": 99999}]}), "spec.ports"),
        "unknown field": (_object("ConfigMap", "typo", dta={"a": "b"}), "dta"),
        "wrong type": (_object("ConfigMap", "typed", data={"a": 1}), "data.a"),
        "immutable field": (moved, "spec.selector"),
        "quota": (_object("Service", "quota", spec=service), "exceeded quota"),
        "admission": (_object("ConfigMap", "denied"), "denied the request"),
        "unknown kind": (_object("Nothing", "kind", "nowhere.example/v1"), "serves no kind Nothing"),
        "no namespace": (elsewhere, '"there-is-none" not found'),
        "no name that can be": (_object("ConfigMap", "No_Name"), "metadata.name"),
    }

    with pytest.raises(Terminal) as refusal:
        await looks.plan(config_map("good", a="1"), *(body for body, _ in wishes.values()))

    said = str(refusal.value)
    assert said.startswith(f"{len(wishes)} of {len(wishes) + 1} objects refused, nothing was written: web.yaml: ")
    for body, part in wishes.values():
        assert f"{body['kind']}" in said
        assert body["metadata"]["name"] in said
        assert part in said, said
    assert objects.get("v1", "ConfigMap", looks.namespace, "good") is None


async def test_what_passes_by_itself_is_tried_again_and_all_of_it_is_named(looks: Looks) -> None:
    """Namespaces that are not there yet: nothing in Git need be wrong."""
    wishes = [config_map(name, a="1") for name in ("one", "two")]
    for wish in wishes:
        wish["metadata"]["namespace"] = "there-is-none"

    with pytest.raises(Transient) as refusal:
        await looks.plan(*wishes)

    assert "2 of 2 objects refused" in str(refusal.value)
    assert "there-is-none/one" in str(refusal.value)
    assert "there-is-none/two" in str(refusal.value)


async def test_no_refusal_quotes_a_secret(looks: Looks, refusing: AdmissionWebhook) -> None:
    """Neither the server's own words nor those of a webhook, of a Secret or of an environment, encoded or not."""
    del refusing
    encoded = base64.b64encode(CANARY.encode()).decode()
    literal = [{"name": "PASSWORD", "value": CANARY}]
    denied_web = deployment(containers=[container("web", env=literal)])
    denied_web["metadata"]["name"] = "denied"
    annotated = _object("Secret", "annotated", data={"a b": encoded})
    annotated["metadata"]["annotations"] = {"note": CANARY}
    wishes = [
        _object("Secret", "denied", data={"password": encoded}),
        _object("Secret", "named", stringData={"a b": CANARY}),
        _object("Secret", "typed", stringData={"a": {"b": CANARY}}),
        _object("Secret", "unencoded", data={"a": f"{CANARY}!"}),
        _object("Secret", "kind", type=7, stringData={"a": CANARY}),
        annotated,
        denied_web,
        deployment(containers=[container("web", env=[{"name": "A", "value": CANARY, "valueFrom": {"no": CANARY}}])]),
        deployment(containers=[container("web", env=[{"name": "A=B", "value": CANARY}], imagePullPolicy=CANARY[:3])]),
    ]

    for wish in wishes:
        with pytest.raises(ShipslogError) as refusal:
            await looks.plan(wish)
        said = str(refusal.value)
        assert wish["metadata"]["name"] in said
        assert CANARY not in said, said
        assert encoded not in said, said
