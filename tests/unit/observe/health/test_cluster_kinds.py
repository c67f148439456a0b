from __future__ import annotations

from typing import Any

import pytest

from tests.unit.observe.health.case import check, condition, row

CLASH = condition("NamesAccepted", "False", "PluralConflict", '"ships" is already in use')


@pytest.mark.parametrize(
    ("verdict", "words", "parts"),
    [
        row(
            "served", "Healthy", "served", status={"conditions": [condition("NamesAccepted"), condition("Established")]}
        ),
        row(
            "clash",
            "Degraded",
            '"ships" is already in use',
            status={"conditions": [CLASH, condition("Established", "False", "NotAccepted")]},
        ),
        row("clash of a served one", "Degraded", "clash", status={"conditions": [condition("Established"), CLASH]}),
        row(
            "installing",
            "Progressing",
            "Installing",
            status={"conditions": [condition("Established", "False", "Installing")]},
        ),
        row("no status", "Progressing", "not served yet."),
        row(
            "hostile",
            "Unknown",
            "status.conditions[0].status is a boolean",
            status={"conditions": [{"type": "Established", "status": True}]},
        ),
    ],
)
def test_a_definition_is_healthy_when_its_kind_is_served(verdict: str, words: str, parts: dict[str, Any]) -> None:
    """Names that clash never get better by themselves."""
    check("apiextensions.k8s.io/v1/CustomResourceDefinition", verdict, words, parts)


@pytest.mark.parametrize(
    ("verdict", "words", "parts"),
    [
        row("active", "Healthy", "exists", status={"phase": "Active"}),
        row("metadata only", "Healthy", "exists"),
        row("going", "Progressing", "being deleted.", status={"phase": "Terminating"}),
        row(
            "stuck",
            "Progressing",
            "Some content",
            status={
                "phase": "Terminating",
                "conditions": [
                    condition("NamespaceContentRemaining", "True", "SomeResourcesRemain", "Some content remains")
                ],
            },
        ),
        row("hostile", "Unknown", "status is text", status="Active"),
    ],
)
def test_a_namespace_is_healthy_unless_it_goes(verdict: str, words: str, parts: dict[str, Any]) -> None:
    """A namespace that is being deleted says what holds it."""
    check("v1/Namespace", verdict, words, parts)


@pytest.mark.parametrize(
    ("verdict", "words", "parts"),
    [
        row("ready", "Healthy", "ready", status={"conditions": [condition("Ready")]}),
        row(
            "cordoned",
            "Suspended",
            "cordoned",
            spec={"unschedulable": True},
            status={"conditions": [condition("Ready")]},
        ),
        row(
            "lost",
            "Degraded",
            "Kubelet stopped",
            status={"conditions": [condition("Ready", "Unknown", "NodeStatusUnknown", "Kubelet stopped posting")]},
        ),
        row("new", "Progressing", "not reported"),
    ],
)
def test_a_node_is_judged_by_its_kubelet(verdict: str, words: str, parts: dict[str, Any]) -> None:
    """Ready is Healthy, cordoned is Suspended."""
    check("v1/Node", verdict, words, parts)
