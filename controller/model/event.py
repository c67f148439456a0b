"""Events: what the ledger records. The catalogue is the contract with auditors."""

from __future__ import annotations

import enum
from typing import Any, Literal

import msgspec

from controller.model.base import Noun


class EventType(enum.Enum):
    """Every type of event: its name, stable code, severity and why it is recorded."""

    def __init__(self, label: str, code: str, severity: str, rationale: str) -> None:
        self.label = label
        self.code = code
        self.severity = severity
        self.rationale = rationale

    AUDIT_STARTED = ("audit.started", "S1000", "info", "Recording began: a producer's life starts here.")
    AUDIT_STOPPED = ("audit.stopped", "S1001", "info", "Recording ended in order: silence after this is no gap.")
    REVISION_OBSERVED = ("revision.observed", "S2000", "info", "What Git said, and when we knew.")
    REVISION_REWRITTEN = (
        "revision.rewritten",
        "S2001",
        "warning",
        "History was rewritten, by a force-push or a moved tag: what stood can't be found in Git any more.",
    )
    REPOSITORY_FAILED = (
        "repository.failed",
        "S2002",
        "warning",
        "A repository could not be read any more, and why: what its Applications have stays.",
    )
    REPOSITORY_RECOVERED = ("repository.recovered", "S2003", "info", "A repository can be read again.")
    CLUSTER_FAILED = (
        "cluster.failed",
        "S2004",
        "warning",
        "A cluster could not be used any more, and why: nothing is written there, and its drift is not seen.",
    )
    CLUSTER_RECOVERED = ("cluster.recovered", "S2005", "info", "A cluster can be used again.")
    PLAN_COMPUTED = ("plan.computed", "S3000", "info", "What was about to change, field by field.")
    SYNC_REFUSED = ("sync.refused", "S3001", "warning", "A change that was held back, and why.")
    APPLY_INTENT = ("apply.intent", "S4000", "info", "Durable before the first write: nothing is written unseen.")
    APPLY_OBJECT = ("apply.object", "S4001", "info", "One object was written, or could not be.")
    PRUNE_OBJECT = ("prune.object", "S4002", "info", "One object was deleted because Git no longer has it.")
    OBJECT_LEFT = (
        "object.left",
        "S4004",
        "warning",
        "One object stays when its Application goes or moves away, and why: nobody keeps it, but for one that it says.",
    )
    APPLY_RESULT = ("apply.result", "S4003", "info", "How the writes of one intent ended; unknown after a crash.")
    SYNC_COMPLETED = ("sync.completed", "S5000", "info", "A run ended: with what revision, health and duration.")
    HEALTH_CHANGED = ("health.changed", "S6000", "info", "The verdict on an Application changed.")
    DRIFT_DETECTED = ("drift.detected", "S7000", "warning", "The cluster left Git: what, which fields, by whom.")
    DRIFT_HEALED = ("drift.healed", "S7001", "info", "We wrote Git's fields back, and how long the drift stood.")
    DRIFT_DECLINED = (
        "drift.declined",
        "S7003",
        "warning",
        "A person wants a drift to stand: who, why, and for which episode. It ends with the episode.",
    )
    DRIFT_WIDENED = (
        "drift.widened",
        "S7004",
        "warning",
        "More of an object left Git while its drift stood: what joined the episode, and by whom.",
    )
    DRIFT_ENDED = ("drift.ended", "S7002", "info", "The drift went without us: reverted by others, or adopted by Git.")

    APPLICATION_SUSPENDED = (
        "application.suspended",
        "S8000",
        "warning",
        "An Application is left alone from now on: drift is noticed, nothing is written.",
    )
    APPLICATION_RESUMED = ("application.resumed", "S8001", "info", "An Application is kept again.")
    APPLICATION_DELETED = (
        "application.deleted",
        "S8002",
        "warning",
        "An Application is gone, and nobody keeps its objects.",
    )


BY_LABEL = {type_.label: type_ for type_ in EventType}

Outcome = Literal["success", "failure", "refused", "unknown"]


class Actor(Noun, frozen=True, kw_only=True):
    """Who did it. `manager` is a field manager: a tool's claim, not a person."""

    kind: Literal["controller", "user", "manager", "unknown"] = "controller"
    name: str = "shipslog"


class Target(Noun, frozen=True, kw_only=True):
    """What it was done to."""

    namespace: str = ""
    application: str = ""
    cluster: str = ""
    object: str = ""


class Draft(Noun, frozen=True, kw_only=True):
    """An event before the journal numbers it. `detail` is bounded; secrets never enter it.

    `id` is given only where a retry must yield the same event again; else the journal makes one.
    """

    type: EventType
    actor: Actor = Actor()
    target: Target = Target()
    outcome: Outcome = "success"
    reason: str = ""
    correlation_id: str = ""
    causation_id: str = ""
    revision: str = ""
    detail: dict[str, Any] = {}
    id: str = ""
    occurred_at: str = ""


class Event(msgspec.Struct, frozen=True):
    """A recorded event: `body` is its canonical form (RFC 8785), the only truth; the rest is for our own use."""

    id: str
    type: EventType
    occurred_at: str
    producer: str
    boot: str
    seq: int
    body: bytes
