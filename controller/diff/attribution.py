"""Who changed it: what managedFields tell of other managers, and how much that is worth.

An entry is a claim of a tool, not a proof of a person: the field manager's name is chosen by the client, its time is
that of the manager's last write whatever that was, and a field that was removed is in nobody's entry.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from controller.diff.fields import entries_of, follow, is_ours, sets_of
from controller.diff.managers import ANCIENT, tool
from controller.diff.path import parts_of
from controller.model.base import Json
from controller.model.drift import Attribution, Suspect
from controller.model.labels import MANAGER

DELETED = Attribution(certainty="unattributable", tier="E", explanation="a deleted object leaves no trace of who")
EVIDENCE = 24 << 10
"""Bytes of raw managedFields entries that an attribution holds; of the largest above that only the size is told."""


def attribute(body: Json, paths: Sequence[str]) -> Attribution:
    """Who changed the fields at these JSON pointers, as far as the live object tells.

    One foreign manager owns all of them: that manager. Several: ambiguous, the latest first. None: those who wrote
    after our own last write are candidates, and where there are none nobody is named.
    """
    foreign = [entry for entry in entries_of(body) if not is_ours(entry)]
    owners = [[entry for entry in foreign if _owns(entry, body, path)] for path in paths]
    suspects = _distinct(entry for found in owners for entry in found)
    metadata = body.get("metadata", {})
    found = _graded(suspects, complete=bool(owners) and all(owners)) if suspects else _nobody(body, foreign)
    return msgspec.structs.replace(
        found,
        managed_fields=_evidence(body),
        resource_version=metadata.get("resourceVersion", ""),
        generation=metadata.get("generation", 0),
    )


def _graded(suspects: tuple[Suspect, ...], *, complete: bool) -> Attribution:
    if len(suspects) > 1 or not complete:
        explanation = "not every field has the same single foreign manager"
    elif suspects[0].manager == ANCIENT:
        explanation = "the API server merged the entries of more than ten managers into one"
    elif suspects[0].manager == MANAGER:
        explanation = "somebody else wrote in our name"
    else:
        return Attribution(certainty="manager", tier="C", suspects=suspects)
    return Attribution(certainty="ambiguous", tier="D", suspects=suspects, explanation=explanation)


def _nobody(body: Json, foreign: Sequence[Json]) -> Attribution:
    """No entry names the fields: whoever wrote after us may have removed them, or written in our name."""
    last = max((entry.get("time") or "" for entry in entries_of(body) if is_ours(entry)), default="")
    late = _distinct(
        entry for entry in foreign if entry.get("subresource") != "status" and (entry.get("time") or "") > last
    )
    if late and last:
        explanation = "no entry names the field; these managers wrote after our own last write"
        return Attribution(certainty="ambiguous", tier="D", suspects=late, explanation=explanation)
    return Attribution(
        certainty="unattributable",
        tier="E",
        explanation="a removed field, or a write in our name, leaves no trace of who",
    )


def _evidence(body: Json) -> tuple[Json, ...]:
    """The raw entries, bounded."""
    entries = [dict(entry) for entry in entries_of(body)]
    left = 0
    for size, index in sorted(
        (len(msgspec.json.encode(entry.get("fieldsV1"))), at) for at, entry in enumerate(entries)
    ):
        left += size
        if left > EVIDENCE:
            entries[index]["fieldsV1"] = f"({size} bytes)"
    return tuple(entries)


def _distinct(entries: Iterable[Json]) -> tuple[Suspect, ...]:
    found = {
        Suspect(
            manager=entry.get("manager") or "",
            operation=entry.get("operation") or "",
            subresource=entry.get("subresource") or "",
            time=entry.get("time") or "",
            tool=tool(entry.get("manager") or "", entry.get("subresource") or ""),
        )
        for entry in entries
    }
    return tuple(sorted(found, key=lambda suspect: (suspect.time, suspect.manager), reverse=True))


def _owns(entry: Json, body: Json, path: str) -> bool:
    return bool(follow(sets_of([entry]), body, parts_of(path)))
