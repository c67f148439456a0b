from __future__ import annotations

from typing import Any

import pytest

from tests.unit.observe.health.case import check, condition, row

ABLE = condition("AbleToScale")
ACTIVE = condition("ScalingActive")
COUNTS = {"currentReplicas": 2, "desiredReplicas": 3}
V1 = "autoscaling.alpha.kubernetes.io/conditions"


def inactive(reason: str, message: str = "") -> dict[str, Any]:
    """The condition that says why nothing is scaled."""
    return condition("ScalingActive", "False", reason, message)


@pytest.mark.parametrize(
    ("verdict", "words", "parts"),
    [
        row("scales", "Healthy", "2 replicas, 3 are wanted", status={**COUNTS, "conditions": [ABLE, ACTIVE]}),
        row(
            "at its limit",
            "Healthy",
            "3 are wanted",
            status={**COUNTS, "conditions": [ABLE, ACTIVE, condition("ScalingLimited")]},
        ),
        row(
            "no target",
            "Degraded",
            "can't be scaled: deployments",
            status={"conditions": [condition("AbleToScale", "False", "FailedGetScale", 'deployments "a" not found')]},
        ),
        row(
            "no metrics",
            "Progressing",
            "no metrics to scale by",
            status={"conditions": [ABLE, inactive("FailedGetResourceMetric", "unable to fetch")]},
        ),
        row(
            "none computed",
            "Progressing",
            "no metrics to scale by",
            status={"conditions": [ABLE, inactive("FailedComputeMetricsReplicas")]},
        ),
        row(
            "bad selector", "Degraded", "Nothing is scaled", status={"conditions": [ABLE, inactive("InvalidSelector")]}
        ),
        row("switched off", "Healthy", "0 replicas", status={"conditions": [ABLE, inactive("ScalingDisabled")]}),
        row("new", "Progressing", "not looked", status=COUNTS),
        row("no status", "Progressing", "not looked"),
        row(
            "conditions of v1",
            "Healthy",
            "3 are wanted",
            metadata={"annotations": {V1: '[{"type": "AbleToScale", "status": "True"}]'}},
            status=COUNTS,
        ),
        row("v1, not JSON", "Unknown", "is not JSON", metadata={"annotations": {V1: "["}}, status=COUNTS),
        row(
            "v1, nested for ever",
            "Unknown",
            "is not JSON",
            metadata={"annotations": {V1: "[" * 100_000}},
            status=COUNTS,
        ),
        row(
            "v1, of another shape",
            "Unknown",
            "is an object where a list belongs",
            metadata={"annotations": {V1: "{}"}},
            status=COUNTS,
        ),
        row(
            "hostile",
            "Unknown",
            "status.currentReplicas is a list",
            status={"currentReplicas": [], "conditions": [ABLE]},
        ),
    ],
)
def test_an_autoscaler_is_degraded_only_when_waiting_is_vain(verdict: str, words: str, parts: dict[str, Any]) -> None:
    """A target that can't be scaled is a failure, metrics that are not there yet are not."""
    check("autoscaling/v2/HorizontalPodAutoscaler", verdict, words, parts)


MET = {"observedGeneration": 2, "currentHealthy": 3, "desiredHealthy": 2, "expectedPods": 3, "disruptionsAllowed": 1}


@pytest.mark.parametrize(
    ("verdict", "words", "parts"),
    [
        row("met", "Healthy", "3 of 3 Pods are healthy; 1 may be disrupted", status=MET),
        row("not met", "Progressing", "1 of 2 Pods", status={**MET, "currentHealthy": 1}),
        row("selects nothing", "Healthy", "selects no Pods", status={**MET, "expectedPods": 0, "currentHealthy": 0}),
        row("never to be met", "Healthy", "the budget asks for 4", status={**MET, "desiredHealthy": 4}),
        row(
            "can't be computed",
            "Degraded",
            "no scale",
            status={**MET, "conditions": [condition("DisruptionAllowed", "False", "SyncFailed", "no scale")]},
        ),
        row("spec not seen", "Progressing", "seen generation 1", status={**MET, "observedGeneration": 1}),
        row("no status", "Progressing", "not reported a status"),
        row("hostile", "Unknown", "status.expectedPods is text", status={**MET, "expectedPods": "3"}),
    ],
)
def test_a_budget_that_can_never_be_met_holds_nothing_up(verdict: str, words: str, parts: dict[str, Any]) -> None:
    """Below the budget is on its way only where there are Pods enough to meet it."""
    check("policy/v1/PodDisruptionBudget", verdict, words, parts)
