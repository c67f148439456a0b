"""Drafts for the tests of recording."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from controller.model.event import Draft, EventType, Target

SHOP = Target(namespace="team-pay", application="shop", cluster="prod-eu")


def note(number: int = 0, **fields: Any) -> Draft:
    """Some event, told apart by a number in its detail."""
    return replace(Draft(type=EventType.HEALTH_CHANGED, target=SHOP, detail={"number": number}), **fields)


def intent(run: str = "run-1", **fields: Any) -> Draft:
    """The intent of a run."""
    return replace(Draft(type=EventType.APPLY_INTENT, target=SHOP, correlation_id=run), **fields)


def result(intent_id: str, run: str = "run-1", **fields: Any) -> Draft:
    """The result of an intent."""
    draft = Draft(type=EventType.APPLY_RESULT, target=SHOP, correlation_id=run, causation_id=intent_id)
    return replace(draft, **fields)
