"""What must hold of every ledger, whatever happened to its writer."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

ENDS = ("drift.healed", "drift.ended")


def assert_sound(events: Sequence[dict[str, Any]]) -> None:
    """No event twice, no gap in a producer's numbers, one result per intent, one end per run and per drift."""
    assert [id_ for id_, count in Counter(event["id"] for event in events).items() if count > 1] == []
    _numbers_have_no_gap(events)
    intents = {event["id"] for event in events if event["type"] == "apply.intent"}
    results = Counter(event["causation_id"] for event in events if event["type"] == "apply.result")
    assert set(results) == intents
    assert set(results.values()) <= {1}
    completed = Counter(event["correlation_id"] for event in events if event["type"] == "sync.completed")
    assert set(completed.values()) <= {1}
    planned = {event["correlation_id"] for event in events if event["type"] == "plan.computed"}
    assert planned <= set(completed)
    detected = {event["id"] for event in events if event["type"] == "drift.detected"}
    ended = Counter(event["causation_id"] for event in events if event["type"] in ENDS)
    assert set(ended) == detected
    assert set(ended.values()) <= {1}


def _numbers_have_no_gap(events: Sequence[dict[str, Any]]) -> None:
    boots: dict[object, list[int]] = {}
    for event in events:
        boots.setdefault(event["boot"], []).append(int(str(event["seq"])))
    for numbers in boots.values():
        assert sorted(numbers) == list(range(1, len(numbers) + 1))
