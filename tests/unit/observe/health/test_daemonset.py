from __future__ import annotations

from typing import Any

import pytest

from tests.unit.observe.health.case import check, row

DONE = {
    "observedGeneration": 2,
    "desiredNumberScheduled": 3,
    "currentNumberScheduled": 3,
    "updatedNumberScheduled": 3,
    "numberAvailable": 3,
    "numberReady": 3,
}
ON_DELETE = {"updateStrategy": {"type": "OnDelete"}}
NOWHERE = {"observedGeneration": 2, "desiredNumberScheduled": 0, "currentNumberScheduled": 0}


@pytest.mark.parametrize(
    ("verdict", "words", "parts"),
    [
        row("complete", "Healthy", "3 of 3 Pods are available", status=DONE),
        row("no node fits", "Healthy", "0 of 0", status=NOWHERE),
        row("just created", "Progressing", "seen generation 0 of 2", status={**NOWHERE, "observedGeneration": 0}),
        row("no status", "Progressing", "not reported a status"),
        row("scheduled", "Progressing", "1 of 3 nodes run a Pod", status={**DONE, "currentNumberScheduled": 1}),
        row("updated", "Progressing", "2 of 3 Pods are updated", status={**DONE, "updatedNumberScheduled": 2}),
        row("available", "Progressing", "0 of 3 Pods are available", status={**DONE, "numberAvailable": 0}),
        row(
            "on delete",
            "Healthy",
            "1 are updated, the rest when deleted",
            spec=ON_DELETE,
            status={**DONE, "updatedNumberScheduled": 1},
        ),
        row(
            "on delete but not available",
            "Progressing",
            "2 of 3 Pods are available",
            spec=ON_DELETE,
            status={**DONE, "numberAvailable": 2},
        ),
        row(
            "text for a number",
            "Unknown",
            "status.desiredNumberScheduled is text",
            status={**DONE, "desiredNumberScheduled": "all"},
        ),
        row(
            "list for a strategy", "Unknown", "spec.updateStrategy is a list", spec={"updateStrategy": []}, status=DONE
        ),
    ],
)
def test_a_daemonset_is_judged_by_its_nodes(verdict: str, words: str, parts: dict[str, Any]) -> None:
    """Every node that should run it has an available Pod of the newest template."""
    check("apps/v1/DaemonSet", verdict, words, parts)
