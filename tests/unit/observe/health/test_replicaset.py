from __future__ import annotations

from typing import Any

import pytest

from tests.unit.observe.health.case import check, condition, row

DONE = {"observedGeneration": 2, "replicas": 2, "availableReplicas": 2}
QUOTA = condition("ReplicaFailure", "True", "FailedCreate", "exceeded quota")


@pytest.mark.parametrize("kind", ["apps/v1/ReplicaSet", "v1/ReplicationController"])
@pytest.mark.parametrize(
    ("verdict", "words", "parts"),
    [
        row("complete", "Healthy", "2 of 2 replicas are available", spec={"replicas": 2}, status=DONE),
        row(
            "available",
            "Progressing",
            "1 of 2 replicas are available",
            spec={"replicas": 2},
            status={**DONE, "availableReplicas": 1},
        ),
        row("scaled down", "Progressing", "1 surplus replica still", spec={}, status=DONE),
        row(
            "spec not seen",
            "Progressing",
            "seen generation 1",
            spec={"replicas": 2},
            status={**DONE, "observedGeneration": 1},
        ),
        row(
            "quota",
            "Degraded",
            "could be created: exceeded quota",
            spec={"replicas": 3},
            status={**DONE, "conditions": [QUOTA]},
        ),
        row("text for a number", "Unknown", "spec.replicas is text", spec={"replicas": "2"}, status=DONE),
    ],
)
def test_a_replicaset_is_judged_by_its_replicas(kind: str, verdict: str, words: str, parts: dict[str, Any]) -> None:
    """As many available as wanted is Healthy; Pods that can't be created are a failure."""
    check(kind, verdict, words, parts)
