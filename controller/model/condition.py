"""Status conditions, as the API conventions have them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from controller.model.base import Noun

REASON = "^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$"
"""As metav1.Condition has it."""

ObservedGeneration = Annotated[int, Meta(description="Generation of the spec that this is about.", ge=0)]


class Condition(Noun, frozen=True, kw_only=True, omit_defaults=False):
    """One observation of an object's state (metav1.Condition)."""

    type: Annotated[str, Meta(description="What is observed, as in Ready.", min_length=1, max_length=316)]
    status: Annotated[Literal["True", "False", "Unknown"], Meta(description="Whether it holds.")]
    reason: Annotated[
        str, Meta(description="Why, as one word for programs.", pattern=REASON, min_length=1, max_length=1024)
    ]
    message: Annotated[str, Meta(description="Why, as a sentence for people.", max_length=32768)] = ""
    observed_generation: ObservedGeneration = 0
    last_transition_time: Annotated[str, Meta(description="When the status last changed, RFC 3339 in UTC.")] = ""


Conditions = Annotated[
    tuple[Condition, ...],
    Meta(
        description="What is true now, one entry a type.",
        extra_json_schema={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
    ),
]


def merge(old: Iterable[Condition], new: Iterable[Condition], now: str) -> tuple[Condition, ...]:
    """The new conditions; a transition time moves only when the status does."""
    before = {condition.type: condition for condition in old}
    merged = []
    for condition in new:
        known = before.get(condition.type)
        kept = known.last_transition_time if known and known.status == condition.status else now
        merged.append(msgspec.structs.replace(condition, last_transition_time=kept))
    return tuple(merged)
