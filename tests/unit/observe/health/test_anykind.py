from __future__ import annotations

from typing import Any

import pytest

from controller.model.health import HealthStatus
from controller.observe.health import RULES, assess, needs_body
from tests.unit.observe.health.case import check, condition, row

READY = condition("Ready", message="Certificate is up to date")


@pytest.mark.parametrize(
    ("verdict", "words", "parts"),
    [
        row("no status", "Healthy", "reports no status"),
        row("empty status", "Healthy", "reports no status", status={}),
        row("no conditions", "Healthy", "reports no conditions", status={"url": "x"}),
        row(
            "other conditions",
            "Healthy",
            "no condition named Ready",
            status={"conditions": [condition("Issued", "False")]},
        ),
        row("ready", "Healthy", "Certificate is up to date", status={"conditions": [READY]}),
        row("ready without a word", "Healthy", "condition Ready is True", status={"conditions": [condition("Ready")]}),
        row(
            "not ready",
            "Progressing",
            "Not ready: issuing",
            status={"conditions": [condition("Ready", "False", message="issuing")]},
        ),
        row("readiness unknown", "Progressing", "Not ready", status={"conditions": [condition("Ready", "Unknown")]}),
        row("available", "Healthy", "Available", status={"conditions": [condition("Available")]}),
        row("not available", "Progressing", "Not available", status={"conditions": [condition("Available", "False")]}),
        row(
            "ready before available",
            "Progressing",
            "Not ready",
            status={"conditions": [condition("Available"), condition("Ready", "False")]},
        ),
        row(
            "stalled",
            "Degraded",
            "Stalled: no such chart",
            status={"conditions": [condition("Stalled", message="no such chart"), condition("Ready", "False")]},
        ),
        row("not stalled", "Healthy", "Ready", status={"conditions": [condition("Stalled", "False"), READY]}),
        row(
            "stalled before the fix",
            "Progressing",
            "speaks of generation 1 of 2",
            status={
                "conditions": [
                    condition("Stalled", observedGeneration=1),
                    condition("Ready", "False", observedGeneration=1),
                ]
            },
        ),
        row("failed", "Degraded", "Failed", status={"conditions": [condition("Failed", reason="Broken")]}),
        row(
            "reconciling",
            "Progressing",
            "Reconciling: upgrading",
            status={"conditions": [condition("Reconciling", message="upgrading"), READY]},
        ),
        row(
            "spec not seen",
            "Progressing",
            "seen generation 1 of 2",
            status={"observedGeneration": 1, "conditions": [READY]},
        ),
        row("never seen", "Progressing", "seen generation -1 of 2", status={"observedGeneration": -1}),
        row("spec seen", "Healthy", "up to date", status={"observedGeneration": 2, "conditions": [READY]}),
        row(
            "condition of the old spec",
            "Progressing",
            "speaks of generation 1 of 2",
            status={"conditions": [{**READY, "observedGeneration": 1}]},
        ),
        row("suspended", "Suspended", "suspended", spec={"suspend": True}, status={"conditions": [READY]}),
        row(
            "suspend of another meaning",
            "Healthy",
            "up to date",
            spec={"suspend": "at night"},
            status={"conditions": [READY]},
        ),
        row("spec of another shape", "Healthy", "up to date", spec=[1], status={"conditions": [READY]}),
        row("text for a status", "Unknown", "status is text where an object belongs", status="Running"),
        row(
            "text for a generation", "Unknown", "status.observedGeneration is text", status={"observedGeneration": "2"}
        ),
        row(
            "map for conditions",
            "Unknown",
            "status.conditions is an object where a list belongs",
            status={"conditions": {"Ready": "True"}},
        ),
        row("twice the same", "Healthy", "up to date", status={"conditions": [READY, condition("Ready", "False")]}),
        row(
            "deleted",
            "Progressing",
            "being deleted and waits for 1 finalizer.",
            metadata={"deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": ["a"]},
            status={"conditions": [READY]},
        ),
    ],
)
def test_a_kind_without_a_rule_is_judged_by_its_conditions(verdict: str, words: str, parts: dict[str, Any]) -> None:
    """Stalled and Failed fail, Reconciling and an unseen spec wait, Ready and Available decide, silence is Healthy."""
    check("example.org/v1/Certificate", verdict, words, parts)


@pytest.mark.parametrize(
    ("kind", "verdict", "words", "parts"),
    [
        ("v1/ConfigMap", "Healthy", "It exists.", {}),
        ("v1/Secret", "Healthy", "It exists.", {"status": "anything"}),
        ("rbac.authorization.k8s.io/v1/Role", "Healthy", "It exists.", {}),
        ("v1/ConfigMap", "Progressing", "It is being deleted.", {"metadata": {"deletionTimestamp": "now"}}),
        ("apps/v1/Deployment", "Progressing", "being deleted", {"metadata": {"deletionTimestamp": "now"}}),
        ("v1/", "Unknown", "names no kind", {}),
        (
            "v1/ConfigMap",
            "Unknown",
            "metadata.finalizers is text",
            {"metadata": {"deletionTimestamp": "now", "finalizers": "a"}},
        ),
        # The group decides, not the name of the kind.
        ("example.org/v1/Deployment", "Healthy", "reports no status", {}),
    ],
)
def test_what_has_no_health_is_healthy(kind: str, verdict: str, words: str, parts: dict[str, Any]) -> None:
    """A ConfigMap is healthy by being there, until it is being deleted."""
    check(kind, verdict, words, parts)


@pytest.mark.parametrize(
    ("group", "kind", "needed"),
    [
        ("apps", "Deployment", True),
        ("", "Pod", True),
        ("", "Service", True),
        ("batch", "CronJob", True),
        ("example.org", "Certificate", True),
        ("gateway.networking.k8s.io", "Gateway", True),
        ("", "ConfigMap", False),
        ("", "Secret", False),
        ("", "ServiceAccount", False),
        ("", "Namespace", False),
        ("networking.k8s.io", "Ingress", False),
        ("networking.k8s.io", "NetworkPolicy", False),
        ("rbac.authorization.k8s.io", "ClusterRole", False),
    ],
)
def test_only_kinds_with_a_verdict_need_their_body(group: str, kind: str, needed: bool) -> None:
    """Contents of ConfigMaps and Secrets never have to enter the process."""
    assert needed == needs_body(group, kind)


def test_a_kind_that_needs_no_body_gets_the_same_verdict_without_it() -> None:
    """Metadata are enough for every kind that says so."""
    for known in RULES:
        if not needs_body(known.group, known.kind):
            metadata = {"apiVersion": f"{known.group}/v1".lstrip("/"), "kind": known.kind, "metadata": {"name": "a"}}

            assert assess(metadata).status is HealthStatus.HEALTHY
