"""A run: one sync of one revision, from its plan to the verdict on its health."""

from __future__ import annotations

import enum
from typing import Annotated, Literal

import msgspec

from controller.model.base import Noun


class Trigger(enum.StrEnum):
    """Why an Application was looked at, most urgent first."""

    USER = "user"
    WEBHOOK = "webhook"
    SPEC = "spec"
    REVISION = "revision"
    DRIFT = "drift"
    HEALTH = "health"
    RETRY = "retry"
    INTERVAL = "interval"


class Phase(enum.StrEnum):
    """Where a run stands. Succeeded, Failed and Superseded are final."""

    APPLYING = "Applying"
    WAITING = "Waiting"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    SUPERSEDED = "Superseded"


FINAL = frozenset({Phase.SUCCEEDED, Phase.FAILED, Phase.SUPERSEDED})


class Counts(Noun, frozen=True, kw_only=True, omit_defaults=False):
    """How many objects a run created, updated, pruned, left alone, skipped and failed on."""

    create: int = 0
    update: int = 0
    prune: int = 0
    unchanged: int = 0
    skip: int = 0
    failed: int = 0


class Run(Noun, frozen=True, kw_only=True):
    """One sync. `id` is the correlation id of all its events in the ledger."""

    id: str
    revision: str
    trigger: Trigger
    actor: str = "shipslog"
    phase: Phase
    message: str = ""
    started_at: str
    finished_at: str = ""
    deadline: Annotated[str, msgspec.Meta(description="When waiting for health ends, RFC 3339 in UTC.")] = ""
    counts: Counts = Counts()
    kind: Literal["sync", "heal", "delete"] = "sync"
    attempt: int = 0
