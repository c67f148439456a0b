from __future__ import annotations

from typing import Any

import pytest

from tests.unit.observe.health.case import check, condition, row

DONE = {"observedGeneration": 2, "replicas": 3, "updatedReplicas": 3, "availableReplicas": 3, "readyReplicas": 3}
THREE = {"replicas": 3}
DEADLINE = condition("Progressing", "False", "ProgressDeadlineExceeded", 'ReplicaSet "a" has timed out progressing.')
QUOTA = condition("ReplicaFailure", "True", "FailedCreate", "exceeded quota")


@pytest.mark.parametrize(
    ("verdict", "words", "parts"),
    [
        row("complete", "Healthy", "3 of 3 replicas are available", spec=THREE, status=DONE),
        row(
            "replicas default to one",
            "Healthy",
            "1 of 1",
            spec={},
            status={**DONE, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1},
        ),
        row("no replicas wanted", "Healthy", "0 of 0", spec={"replicas": 0}, status={"observedGeneration": 2}),
        row(
            "available",
            "Progressing",
            "2 of 3 replicas are available",
            spec=THREE,
            status={**DONE, "availableReplicas": 2},
        ),
        row("updated", "Progressing", "1 of 3 replicas are updated", spec=THREE, status={**DONE, "updatedReplicas": 1}),
        row("old ones left", "Progressing", "1 old replica still to stop", spec=THREE, status={**DONE, "replicas": 4}),
        row("scaled down", "Progressing", "2 surplus replicas still", spec={"replicas": 1}, status=DONE),
        row("scaled to none", "Progressing", "3 surplus replicas still", spec={"replicas": 0}, status=DONE),
        row(
            "spec not seen",
            "Progressing",
            "seen generation 1 of 2",
            spec=THREE,
            status={**DONE, "observedGeneration": 1},
        ),
        row("never seen", "Progressing", "not reported a status", spec=THREE, status={}),
        row("no status", "Progressing", "not reported a status", spec=THREE),
        row("null status", "Progressing", "not reported a status", spec=THREE, status=None),
        row(
            "deadline exceeded",
            "Degraded",
            "has timed out progressing",
            spec=THREE,
            status={**DONE, "availableReplicas": 0, "conditions": [DEADLINE]},
        ),
        row(
            "old deadline, new spec",
            "Progressing",
            "seen generation 1",
            spec=THREE,
            status={**DONE, "observedGeneration": 1, "conditions": [DEADLINE]},
        ),
        row(
            "quota",
            "Progressing",
            "1 of 3 replicas could be created: exceeded quota",
            spec=THREE,
            status={"observedGeneration": 2, "replicas": 1, "conditions": [QUOTA]},
        ),
        row("paused", "Suspended", "paused", spec={**THREE, "paused": True}, status={"observedGeneration": 1}),
        row(
            "text for a number",
            "Unknown",
            "status.availableReplicas is text where a whole number belongs",
            spec=THREE,
            status={**DONE, "availableReplicas": "3"},
        ),
        row("boolean for a number", "Unknown", "spec.replicas is a boolean", spec={"replicas": True}, status=DONE),
        row(
            "fraction for a number",
            "Unknown",
            "status.replicas is a fraction",
            spec=THREE,
            status={**DONE, "replicas": 2.5},
        ),
        row(
            "null for a number",
            "Progressing",
            "0 of 3 replicas are available",
            spec=THREE,
            status={**DONE, "availableReplicas": None},
        ),
        row("list for a status", "Unknown", "status is a list where an object belongs", spec=THREE, status=[1]),
        row(
            "conditions of text",
            "Unknown",
            "status.conditions has an entry that is no object",
            spec=THREE,
            status={**DONE, "conditions": ["Available"]},
        ),
    ],
)
def test_a_deployment_is_judged_by_its_rollout(verdict: str, words: str, parts: dict[str, Any]) -> None:
    """Every replica updated, available and no old one left is Healthy; a missed deadline is Degraded."""
    check("apps/v1/Deployment", verdict, words, parts)
