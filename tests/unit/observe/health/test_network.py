from __future__ import annotations

from typing import Any

import pytest

from tests.unit.observe.health.case import check, condition, row

BALANCED = {"type": "LoadBalancer"}
ADDRESS = {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}


@pytest.mark.parametrize(
    ("verdict", "words", "parts"),
    [
        row("cluster address", "Healthy", "exists", spec={"type": "ClusterIP"}, status={"loadBalancer": {}}),
        row("no type", "Healthy", "exists", spec={}),
        row("external name", "Healthy", "exists", spec={"type": "ExternalName"}),
        row("pending", "Progressing", "no address yet", spec=BALANCED, status={"loadBalancer": {}}),
        row("pending without a status", "Progressing", "no address yet", spec=BALANCED),
        row("balanced", "Healthy", "has 1 address.", spec=BALANCED, status=ADDRESS),
        row("own addresses", "Healthy", "external addresses", spec={**BALANCED, "externalIPs": ["192.0.2.2"]}),
        row(
            "text for a list",
            "Unknown",
            "status.loadBalancer.ingress is text",
            spec=BALANCED,
            status={"loadBalancer": {"ingress": "192.0.2.1"}},
        ),
    ],
)
def test_a_service_waits_only_for_its_load_balancer(verdict: str, words: str, parts: dict[str, Any]) -> None:
    """Of type LoadBalancer it is Healthy with an address, of any other type at once."""
    check("v1/Service", verdict, words, parts)


@pytest.mark.parametrize(
    ("verdict", "words", "parts"),
    [
        row("no controller", "Healthy", "none is waited for", status={"loadBalancer": {}}),
        row("metadata only", "Healthy", "none is waited for"),
        row("balanced", "Healthy", "has 1 address.", status=ADDRESS),
        row("hostile", "Unknown", "status.loadBalancer is a number", status={"loadBalancer": 3}),
    ],
)
def test_an_ingress_without_a_controller_holds_nothing_up(verdict: str, words: str, parts: dict[str, Any]) -> None:
    """An Ingress is Healthy once it exists: many controllers never report an address."""
    check("networking.k8s.io/v1/Ingress", verdict, words, parts)


@pytest.mark.parametrize(
    ("verdict", "words", "parts"),
    [
        row("served", "Healthy", "is served", status={"conditions": [condition("Available")]}),
        row(
            "its server is away",
            "Progressing",
            "not served yet: endpoints",
            status={"conditions": [condition("Available", "False", "MissingEndpoints", "endpoints missing")]},
        ),
        row("no status", "Progressing", "not served yet."),
        row("hostile", "Unknown", "status.conditions is text", status={"conditions": "Available"}),
    ],
)
def test_an_apiservice_is_healthy_when_its_api_answers(verdict: str, words: str, parts: dict[str, Any]) -> None:
    """Available by the aggregator's own word."""
    check("apiregistration.k8s.io/v1/APIService", verdict, words, parts)
