"""Drift: an episode with a start, an attribution and an end."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from controller.model.base import Noun


class Suspect(Noun, frozen=True, kw_only=True):
    """One managedFields entry that owns a drifted field: a tool, not a person, and forgeable."""

    manager: str
    operation: str = ""
    subresource: str = ""
    time: str = ""


class Attribution(Noun, frozen=True, kw_only=True):
    """Who changed it, as far as the cluster can tell.

    `certainty`: `manager` (one foreign manager owns all drifted fields), `ambiguous` (several candidates),
    `unattributable` (a removal, a deletion, or a write that left no trace: never guessed).
    """

    certainty: Literal["manager", "ambiguous", "unattributable"]
    suspects: tuple[Suspect, ...] = ()
    explanation: str = ""


class Drift(Noun, frozen=True, kw_only=True):
    """One open episode of one object."""

    id: Annotated[str, msgspec.Meta(description="The episode's id: its detection's event id in the ledger.")]
    object: Annotated[str, msgspec.Meta(description="Kind, namespace and name of the object.")]
    change: Annotated[
        Literal["changed", "removed", "deleted"], msgspec.Meta(description="What happened to the object.")
    ]
    fields: Annotated[tuple[str, ...], msgspec.Meta(description="JSON pointers of the fields that differ.")] = ()
    manager: Annotated[str, msgspec.Meta(description="Managers that could have done it, if known.")] = ""
    since: Annotated[str, msgspec.Meta(description="When it was seen, RFC 3339 in UTC.")] = ""
