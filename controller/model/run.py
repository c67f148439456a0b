"""A run: one sync of one revision, from its plan to the verdict on its health."""

from __future__ import annotations

import enum
from typing import Annotated

from msgspec import Meta

from controller.model.base import Noun


class Trigger(enum.StrEnum):
    """Why an Application was looked at, most urgent first."""

    USER = "user"
    WEBHOOK = "webhook"
    SPEC = "spec"
    REVISION = "revision"
    DEPENDENCY = "dependency"
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

    create: Annotated[int, Meta(description="Objects created.", ge=0)] = 0
    update: Annotated[int, Meta(description="Objects updated.", ge=0)] = 0
    prune: Annotated[int, Meta(description="Objects deleted because Git no longer has them.", ge=0)] = 0
    unchanged: Annotated[int, Meta(description="Objects left alone because they were as wished.", ge=0)] = 0
    skip: Annotated[int, Meta(description="Objects left alone for another reason.", ge=0)] = 0
    failed: Annotated[int, Meta(description="Objects that could not be written.", ge=0)] = 0


class Run(Noun, frozen=True, kw_only=True):
    """One sync. `id` is the correlation id of all its events in the ledger."""

    id: Annotated[str, Meta(description="Id of the run, and of all its events in the ledger.")]
    revision: Annotated[str, Meta(description="Object id of the commit.")]
    digest: Annotated[str, Meta(description="Digest of the rendered objects and their destination.")] = ""
    trigger: Annotated[Trigger, Meta(description="Why it began.")]
    actor: Annotated[str, Meta(description="Who asked for it.")] = "shipslog"
    phase: Annotated[Phase, Meta(description="Where it stands; Succeeded, Failed and Superseded are final.")]
    message: Annotated[str, Meta(description="How it went, for people.")] = ""
    started_at: Annotated[str, Meta(description="When it began, RFC 3339 in UTC.")]
    finished_at: Annotated[str, Meta(description="When it ended, RFC 3339 in UTC.")] = ""
    deadline: Annotated[str, Meta(description="When waiting for health ends, RFC 3339 in UTC.")] = ""
    applied: Annotated[bool, Meta(description="All its writes were done.")] = False
    counts: Annotated[Counts, Meta(description="Number of objects by what was done to them.")] = Counts()
    attempt: Annotated[int, Meta(description="Number of failed tries before this one.", ge=0)] = 0
