"""What admission webhooks and policies say, and how we say it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from controller.kube.errors import ApiError, Denied, WebhookFailed
from tests.ground.webhook import AdmissionWebhook
from tests.integration.kube.objects import config_map, secret

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from controller.kube.cluster import ApiCluster
    from tests.controlplane import ControlPlane

_RULES = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"


async def _refused(attempt: Callable[[], Awaitable[Any]], kind: type[ApiError]) -> ApiError:
    """The refusal, once the API server knows the rule that it comes of."""
    async with asyncio.timeout(20):
        while True:
            try:
                await attempt()
            except kind as refused:
                return refused
            await asyncio.sleep(0.1)


def _watched(plane: ControlPlane, webhook: AdmissionWebhook, namespace: str) -> str:
    """Have the webhook asked about ConfigMaps of a namespace; gives the name that the server knows it by."""
    plane.admin.merge(f"/api/v1/namespaces/{namespace}", {"metadata": {"labels": {"webhook": namespace}}})
    body = webhook.configuration("ValidatingWebhookConfiguration", namespace, namespace, "configmaps")
    body["webhooks"][0]["timeoutSeconds"] = 2
    plane.admin.create(_RULES, body)
    return str(body["webhooks"][0]["name"])


@pytest.mark.allow_blocking
async def test_a_webhook_that_denies_is_named_with_its_words(
    cluster: ApiCluster, plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    """A dry run is denied as the write would be, with whatever status the webhook chose."""
    code = 403
    with AdmissionWebhook(
        tmp_path, lambda _: {"allowed": False, "status": {"code": code, "message": "not this colour"}}
    ) as webhook:
        name = _watched(plane, webhook, namespace)

        refused = await _refused(lambda: cluster.apply(config_map(namespace), dry_run=True), Denied)
        code = 422
        again = await _refused(lambda: cluster.apply(config_map(namespace)), Denied)

    assert isinstance(refused, Denied)
    assert isinstance(again, Denied)
    assert (refused.by, again.by) == (name, name)
    assert "not this colour" in str(refused)
    plane.admin.delete(f"{_RULES}/{namespace}")


@pytest.mark.allow_blocking
async def test_a_webhook_that_does_not_answer_is_named(
    cluster: ApiCluster, plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    """It fails the write, and passes by itself once the webhook is back."""
    with AdmissionWebhook(tmp_path, lambda _: {"allowed": True}) as webhook:
        name = _watched(plane, webhook, namespace)

    refused = await _refused(lambda: cluster.apply(config_map(namespace)), WebhookFailed)

    assert isinstance(refused, WebhookFailed)
    assert refused.by == name
    plane.admin.delete(f"{_RULES}/{namespace}")


@pytest.mark.allow_blocking
async def test_a_policy_that_denies_is_named_and_no_secret_is_quoted(
    cluster: ApiCluster, plane: ControlPlane, namespace: str
) -> None:
    """The API server's own policies (KEP-3488) quote what they like: of a Secret only the policy's name is kept."""
    root = "/apis/admissionregistration.k8s.io/v1"
    name = f"no-secrets-{namespace}"
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["*"], "resources": ["secrets", "configmaps"]}
    here = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}}}
    validation = {"expression": "false", "messageExpression": "'it is ' + string(object.data.password)"}
    spec = {"matchConstraints": {"resourceRules": [rule]} | here, "validations": [validation]}
    plane.admin.create(f"{root}/validatingadmissionpolicies", {"metadata": {"name": name}, "spec": spec})
    binding = {"policyName": name, "validationActions": ["Deny"]}
    plane.admin.create(f"{root}/validatingadmissionpolicybindings", {"metadata": {"name": name}, "spec": binding})

    refused = await _refused(lambda: cluster.apply(secret(namespace, data={"password": "aHVudGVyMg=="})), Denied)
    quoted = await _refused(lambda: cluster.apply(config_map(namespace, password="x")), Denied)

    assert isinstance(refused, Denied)
    assert refused.by == name
    assert "aHVudGVyMg" not in str(refused) + repr(refused.answer)
    assert "it is" in str(quoted)
    for kind in ("validatingadmissionpolicybindings", "validatingadmissionpolicies"):
        plane.admin.delete(f"{root}/{kind}/{name}")
