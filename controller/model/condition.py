"""Status conditions, as the API conventions have them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal

import msgspec

from controller.model.base import Noun


class Condition(Noun, frozen=True, kw_only=True, omit_defaults=False):
    """One observation of an object's state (metav1.Condition)."""

    type: Annotated[str, msgspec.Meta(max_length=316)]
    status: Literal["True", "False", "Unknown"]
    reason: Annotated[str, msgspec.Meta(max_length=1024)]
    message: Annotated[str, msgspec.Meta(max_length=32768)] = ""
    observed_generation: int = 0
    last_transition_time: str = ""


def merge(old: Iterable[Condition], new: Iterable[Condition], now: str) -> tuple[Condition, ...]:
    """The new conditions; a transition time moves only when the status does."""
    before = {condition.type: condition for condition in old}
    merged = []
    for condition in new:
        known = before.get(condition.type)
        kept = known.last_transition_time if known and known.status == condition.status else now
        merged.append(msgspec.structs.replace(condition, last_transition_time=kept))
    return tuple(merged)
