from __future__ import annotations

from typing import Any

import pytest

from tests.unit.observe.health.case import check, row

SAME = {"currentRevision": "a", "updateRevision": "a"}
DONE = {"observedGeneration": 2, "replicas": 3, "readyReplicas": 3, "updatedReplicas": 3, **SAME}
ROLLING = {**DONE, "currentRevision": "a", "updateRevision": "b"}
THREE = {"replicas": 3}
ON_DELETE = {**THREE, "updateStrategy": {"type": "OnDelete"}}


def partition(number: Any) -> dict[str, Any]:
    """A spec whose rollout stops at a partition."""
    return {**THREE, "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": number}}}


@pytest.mark.parametrize(
    ("verdict", "words", "parts"),
    [
        row("complete", "Healthy", "3 of 3 replicas are ready", spec=THREE, status=DONE),
        row("none wanted", "Healthy", "0 of 0", spec={"replicas": 0}, status={"observedGeneration": 2, **SAME}),
        row("ready", "Progressing", "1 of 3 replicas are ready", spec=THREE, status={**DONE, "readyReplicas": 1}),
        row("scaled down", "Progressing", "1 surplus replica still", spec={"replicas": 2}, status=DONE),
        row(
            "spec not seen",
            "Progressing",
            "seen generation 1 of 2",
            spec=THREE,
            status={**DONE, "observedGeneration": 1},
        ),
        row("no status", "Progressing", "not reported a status", spec=THREE),
        row(
            "rolling",
            "Progressing",
            "2 of 3 replicas are updated",
            spec=THREE,
            status={**ROLLING, "updatedReplicas": 2},
        ),
        row(
            "partition not reached",
            "Progressing",
            "0 of 1 replicas above partition 2",
            spec=partition(2),
            status={**ROLLING, "updatedReplicas": 0},
        ),
        row(
            "partition reached",
            "Healthy",
            "1 are updated (partition 2)",
            spec=partition(2),
            status={**ROLLING, "updatedReplicas": 1},
        ),
        row(
            "partition above all",
            "Healthy",
            "(partition 9)",
            spec=partition(9),
            status={**ROLLING, "updatedReplicas": 0},
        ),
        row(
            "partition of zero rolls all",
            "Progressing",
            "1 of 3 replicas are updated",
            spec=partition(0),
            status={**ROLLING, "updatedReplicas": 1},
        ),
        row(
            "partition but not ready",
            "Progressing",
            "2 of 3 replicas are ready",
            spec=partition(2),
            status={**ROLLING, "readyReplicas": 2},
        ),
        row(
            "on delete",
            "Healthy",
            "1 are updated, the rest when deleted",
            spec=ON_DELETE,
            status={**ROLLING, "updatedReplicas": 1},
        ),
        row(
            "on delete but not ready",
            "Progressing",
            "2 of 3 replicas are ready",
            spec=ON_DELETE,
            status={**ROLLING, "readyReplicas": 2},
        ),
        row(
            "ready too short a time",
            "Progressing",
            "1 of 3 replicas are available",
            spec={**THREE, "minReadySeconds": 9},
            status={**DONE, "availableReplicas": 1},
        ),
        row(
            "text for a partition",
            "Unknown",
            "spec.updateStrategy.rollingUpdate.partition is text",
            spec=partition("2"),
            status=ROLLING,
        ),
        row(
            "number for a revision",
            "Unknown",
            "status.currentRevision is a number where text belongs",
            spec=THREE,
            status={**DONE, "currentRevision": 1},
        ),
    ],
)
def test_a_statefulset_is_judged_by_its_rollout(verdict: str, words: str, parts: dict[str, Any]) -> None:
    """All replicas ready, and as many updated as the strategy and its partition ask for."""
    check("apps/v1/StatefulSet", verdict, words, parts)
