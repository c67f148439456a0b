"""Drift: an episode with a start, an attribution and an end."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from controller.model.base import Json, Noun

Change = Literal["changed", "removed", "deleted", "disowned"]
"""What happened to the object. `disowned`: every value stands, but fields of ours are not ours any more."""


class Suspect(Noun, frozen=True, kw_only=True):
    """One managedFields entry that owns a drifted field: a tool, not a person, and forgeable.

    `time` is that of the manager's last write, whatever it wrote: an upper bound. `tool` says in words who uses
    that name, where it is a known one.
    """

    manager: str
    operation: str = ""
    subresource: str = ""
    time: str = ""
    tool: str = ""


class Attribution(Noun, frozen=True, kw_only=True):
    """Who changed it, as far as the cluster can tell.

    `certainty`: `manager` (one foreign manager owns all drifted fields), `ambiguous` (several candidates),
    `unattributable` (a removal, a deletion, or a write that left no trace: never guessed).

    `tier` grades the evidence. A and B would be an audit event or an admission request, which name a person; from
    managedFields come C (one tool, its time an upper bound), D (candidates only) and E (nobody is named).

    `managed_fields` are the raw entries of the live object as they stood: our own write overwrites them.
    """

    certainty: Literal["manager", "ambiguous", "unattributable"]
    tier: Literal["C", "D", "E"]
    suspects: tuple[Suspect, ...] = ()
    explanation: str = ""
    managed_fields: tuple[Json, ...] = ()
    resource_version: str = ""
    """Of the live object that was looked at."""
    generation: int = 0


class Declined(Noun, frozen=True, kw_only=True):
    """A heal that a person declined for one episode."""

    by: Annotated[str, msgspec.Meta(description="Who declined it.")] = ""
    reason: Annotated[str, msgspec.Meta(description="Why.")] = ""
    at: Annotated[str, msgspec.Meta(description="When it was declined, RFC 3339 in UTC.")] = ""


class Drift(Noun, frozen=True, kw_only=True):
    """One open episode of one object."""

    id: Annotated[str, msgspec.Meta(description="The episode's id: its detection's event id in the ledger.")]
    object: Annotated[str, msgspec.Meta(description="Kind, namespace and name of the object.")]
    change: Annotated[Change, msgspec.Meta(description="What happened to the object.")]
    fields: Annotated[tuple[str, ...], msgspec.Meta(description="JSON pointers of the fields that differ.")] = ()
    manager: Annotated[str, msgspec.Meta(description="Managers that could have done it, if known.")] = ""
    since: Annotated[str, msgspec.Meta(description="Since when it stands, as far as is known, RFC 3339 in UTC.")] = ""
    older: Annotated[
        bool, msgspec.Meta(description="It was there when its object was first seen: it began before `since`.")
    ] = False
    declined: Annotated[
        Declined | None, msgspec.Meta(description="Why it is not healed: somebody declined it for this episode.")
    ] = None
