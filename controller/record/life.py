"""What a journal records about its own life: its beginning, its end, and what an earlier life left undone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from controller.model.event import Draft, Event, EventType, Target
from controller.record.identifier import derived

if TYPE_CHECKING:
    from collections.abc import Sequence

    from controller.record.body import Head
    from controller.record.recovery import Finding

_TOLD = 20
"""How many findings are told one by one: an event is bounded."""


def started(previous: Head | None, findings: Sequence[Finding]) -> Draft:
    """The beginning. It names the last event of the life before, so that no end and no whole life can be missing."""
    detail: dict[str, Any] = {}
    if previous is not None:
        fields = ("producer", "boot", "seq", "type")
        detail["previous"] = {field: getattr(previous, field) for field in fields}
    if findings:
        detail["findings"] = msgspec.to_builtins(findings[:_TOLD])
        detail["findings_count"] = len(findings)
    return Draft(type=EventType.AUDIT_STARTED, detail=detail)


def stopped() -> Draft:
    """The end, in order: silence after it is no gap."""
    return Draft(type=EventType.AUDIT_STOPPED)


def unknown_result(intent: Event) -> Draft:
    """The result of an intent whose process ended before it could record one. The same intent gives the same one."""
    body: dict[str, Any] = msgspec.json.decode(intent.body)
    target = body.get("target", {})
    return Draft(
        type=EventType.APPLY_RESULT,
        id=derived("result", intent.id),
        target=Target(**{field: target[field] for field in Target.__struct_fields__ if field in target}),
        outcome="unknown",
        reason="the controller ended before it could record how this ended",
        correlation_id=body.get("correlation_id", ""),
        causation_id=intent.id,
        revision=body.get("revision", ""),
        detail={"intended_at": intent.occurred_at, "boot": intent.boot},
    )
