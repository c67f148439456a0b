"""Sync: when and how the cluster is made equal to Git."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from controller.model.base import Strict
from controller.model.duration import Duration


class Backoff(Strict, frozen=True, kw_only=True):
    """How long to wait between tries."""

    duration: Annotated[Duration, Meta(description="Before the first retry.")] = "5s"
    factor: Annotated[int, Meta(description="By which each wait is longer.", ge=1, le=10)] = 2
    max_duration: Annotated[Duration, Meta(description="No wait is longer.")] = "3m"


class Retry(Strict, frozen=True, kw_only=True):
    """What happens after a failed run."""

    limit: Annotated[int, Meta(description="Tries after the first; then the interval decides.", ge=0, le=100)] = 5
    backoff: Annotated[Backoff, Meta(description="Waits between tries.")] = Backoff()


Labels = Annotated[dict[Annotated[str, Meta(max_length=317)], Annotated[str, Meta(max_length=63)]], Meta(max_length=64)]
Annotations = Annotated[
    dict[Annotated[str, Meta(max_length=317)], Annotated[str, Meta(max_length=8192)]], Meta(max_length=64)
]


class CreateNamespace(Strict, frozen=True, kw_only=True):
    """Create the destination's namespace where it is missing. It is shared, not owned: it is never pruned."""

    labels: Annotated[Labels, Meta(description="Labels that it has, too.")] = {}
    annotations: Annotated[Annotations, Meta(description="Annotations that it has, too.")] = {}


class Sync(Strict, frozen=True, kw_only=True):
    """When and how the cluster is made equal to Git."""

    mode: Annotated[
        Literal["auto", "manual", "detect"],
        Meta(description="auto: at once. manual: when asked. detect: report, never write."),
    ] = "auto"
    prune: Annotated[bool, Meta(description="Delete objects that left Git.")] = True
    allow_empty: Annotated[bool, Meta(description="Let a sync prune all objects.")] = False
    prune_propagation: Annotated[
        Literal["foreground", "background", "orphan"],
        Meta(description="What becomes of what a deleted object owns: deleted first, deleted afterwards, or left."),
    ] = "background"
    create_namespace: Annotated[
        CreateNamespace | None, Meta(description="Create the destination's namespace where it is missing.")
    ] = None
    self_heal: Annotated[bool, Meta(description="Undo foreign changes to fields that Git declares.")] = True
    interval: Annotated[Duration, Meta(description="Longest time between two comparisons.")] = "1h"
    timeout: Annotated[
        Duration, Meta(description="How long a run may wait for health, and a deletion before it is said to be stuck.")
    ] = "5m"
    retry: Annotated[Retry, Meta(description="What happens after a failed run.")] = Retry()
