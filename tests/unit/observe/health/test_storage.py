from __future__ import annotations

from typing import Any

import pytest

from tests.unit.observe.health.case import check, row


@pytest.mark.parametrize(
    ("verdict", "words", "parts"),
    [
        row("bound", "Healthy", "bound", status={"phase": "Bound"}),
        row("pending", "Progressing", "no volume yet", status={"phase": "Pending"}),
        row("no status", "Progressing", "no volume yet"),
        row("lost", "Degraded", "lost", status={"phase": "Lost"}),
        row("no such phase", "Unknown", "'Adrift'", status={"phase": "Adrift"}),
        row("hostile", "Unknown", "status.phase is an object", status={"phase": {}}),
    ],
)
def test_a_claim_is_healthy_when_it_is_bound(verdict: str, words: str, parts: dict[str, Any]) -> None:
    """Pending is on its way, Lost is a failure."""
    check("v1/PersistentVolumeClaim", verdict, words, parts)


@pytest.mark.parametrize(
    ("verdict", "words", "parts"),
    [
        row("free", "Healthy", "free", status={"phase": "Available"}),
        row("bound", "Healthy", "bound", status={"phase": "Bound"}),
        row("released", "Healthy", "claim is gone", status={"phase": "Released"}),
        row(
            "failed",
            "Degraded",
            "could not be reclaimed: no plugin",
            status={"phase": "Failed", "message": "no plugin"},
        ),
        row("failed without a word", "Degraded", "reclaimed.", status={"phase": "Failed"}),
        row("pending", "Progressing", "not available yet", status={"phase": "Pending"}),
        row("no status", "Progressing", "not available yet"),
        row("no such phase", "Unknown", "'Sunk'", status={"phase": "Sunk"}),
    ],
)
def test_a_volume_is_healthy_while_it_may_be_used(verdict: str, words: str, parts: dict[str, Any]) -> None:
    """Only a failed reclaim is a failure."""
    check("v1/PersistentVolume", verdict, words, parts)
