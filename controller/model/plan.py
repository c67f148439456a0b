"""What must change, object by object."""

from __future__ import annotations

import enum
from typing import Any

import msgspec

from controller.model.base import Json
from controller.model.drift import Attribution
from controller.model.live import Takeover
from controller.model.manifest import Manifest
from controller.model.objects import ObjectId


class Action(enum.StrEnum):
    """What a step does to its object."""

    CREATE = "create"
    UPDATE = "update"
    UNCHANGED = "unchanged"
    PRUNE = "prune"
    SKIP = "skip"


class FieldChange(msgspec.Struct, frozen=True):
    """One field's difference. `path` is a JSON pointer (RFC 6901); values of Secrets are already redacted.

    A field that is absent on one side has the value `None` there and its name in `absent`.
    """

    path: str
    before: Any = None
    after: Any = None
    absent: str = ""  # "before" | "after" | ""


class Going(msgspec.Struct, frozen=True):
    """A deletion under way: since when (RFC 3339), and the finalizers that hold it."""

    since: str
    finalizers: tuple[str, ...] = ()

    def __str__(self) -> str:
        held = f", held by its finalizers: {', '.join(self.finalizers)}" if self.finalizers else ""
        return f"it is being deleted since {self.since}{held}"


class Step(msgspec.Struct, frozen=True):
    """One object of a plan. `reason` is for people; `changes` are what the server's dry run foresaw."""

    id: ObjectId
    api_version: str
    action: Action
    reason: str = ""
    changes: tuple[FieldChange, ...] = ()
    manifest: Manifest | None = None
    uid: str = ""
    drifted: bool = False
    """The live object left our wish by a foreign write, not the wish by a new revision."""
    attribution: Attribution | None = None
    """Who could have done it, of a drifted step."""
    deferred: bool = False
    """The server could not foresee it: its Namespace or its definition comes with the same plan."""
    takeover: Takeover | None = None
    """Fields of other managers that become ours with this step."""
    replaces: tuple[str, ...] = ()
    """Fields for whose sake the live object is deleted and created anew."""
    released: bool = False
    """The object is not ours any more: another Application's, or nobody's."""
    reserved: str = ""
    """Why the drift is not healed: others own the fields, and the object asks not to take them."""
    going: Going | None = None
    """The live object is being deleted, by us or by others."""

    @property
    def writes(self) -> bool:
        """Whether executing the step writes to the cluster."""
        return self.action in {Action.CREATE, Action.UPDATE, Action.PRUNE}


class Plan(msgspec.Struct, frozen=True):
    """All steps, applies in the order they are executed, prunes last."""

    steps: tuple[Step, ...] = ()

    @property
    def writes(self) -> tuple[Step, ...]:
        """The steps that write."""
        return tuple(step for step in self.steps if step.writes)

    def counts(self) -> dict[str, int]:
        """Number of steps by action, every action named."""
        counts = {action.value: 0 for action in Action}
        for step in self.steps:
            counts[step.action.value] += 1
        return counts


def going_of(live: Json) -> Going | None:
    """The deletion that a live object is in; None where it stands."""
    metadata = live["metadata"]
    since = metadata.get("deletionTimestamp")
    return Going(since, tuple(metadata.get("finalizers") or ())) if since else None
