"""What managedFields tell: which fields are ours, and who took them (KEP-555).

An entry is a claim of a tool, not a proof of a person: the field manager's name is chosen by the client.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from controller.model.base import Json
from controller.model.canonical import digest
from controller.model.drift import Attribution, Suspect
from controller.model.labels import MANAGER

DELETED = Attribution(certainty="unattributable", explanation="a deleted object leaves no trace of who")


def ownership_digest(body: Json) -> str:
    """Digest of our entry: its fields and its time. Empty when we own nothing of the object.

    A foreign write of a field of ours takes the field out of the entry; one that borrows our name moves its time.
    """
    entries = [(entry.get("fieldsV1"), entry.get("time")) for entry in _entries(body) if _ours(entry)]
    return digest(entries) if entries else ""


def attribute(body: Json, paths: Sequence[str]) -> Attribution:
    """Who changed the fields at these JSON pointers, as far as the live object tells.

    One foreign manager owns all of them: that manager. Several: ambiguous, the latest first. None: nobody is named.
    """
    foreign = [entry for entry in _entries(body) if not _ours(entry)]
    owners = [[entry for entry in foreign if _owns(entry, body, path)] for path in paths]
    suspects = _distinct(entry for found in owners for entry in found)
    if not suspects:
        return Attribution(
            certainty="unattributable", explanation="a removed field, or a write in our name, leaves no trace of who"
        )
    if len(suspects) == 1 and all(owners):
        return Attribution(certainty="manager", suspects=suspects)
    return Attribution(
        certainty="ambiguous", suspects=suspects, explanation="not every field has the same single foreign manager"
    )


def _entries(body: Json) -> list[Json]:
    entries = body.get("metadata", {}).get("managedFields") or []
    return [entry for entry in entries if isinstance(entry, dict)]


def _ours(entry: Json) -> bool:
    return entry.get("manager") == MANAGER and entry.get("operation") == "Apply" and not entry.get("subresource")


def _distinct(entries: Iterable[Json]) -> tuple[Suspect, ...]:
    found = {
        Suspect(
            manager=entry.get("manager", ""),
            operation=entry.get("operation", ""),
            subresource=entry.get("subresource", ""),
            time=entry.get("time", ""),
        )
        for entry in entries
    }
    return tuple(sorted(found, key=lambda suspect: (suspect.time, suspect.manager), reverse=True))


def _owns(entry: Json, body: Json, path: str) -> bool:
    parts = [part.replace("~1", "/").replace("~0", "~") for part in path.split("/")[1:]]
    return any(True for _ in _follow(entry.get("fieldsV1") or {}, body, parts))


def _follow(fields: Any, value: Any, parts: list[str]) -> Iterator[bool]:
    """Walk a FieldsV1 set along a pointer; yields where the set names the field, or something below it."""
    if not isinstance(fields, dict):
        return
    if not parts:
        yield True
        return
    head, rest = parts[0], parts[1:]
    if isinstance(value, list):
        yield from _follow_item(fields, value, head, rest)
        return
    below = fields.get(f"f:{head}")
    if below is None:
        return
    if not below:  # an atomic field or a leaf: the set names no further parts
        yield True
        return
    yield from _follow(below, value.get(head) if isinstance(value, dict) else None, rest)


def _follow_item(fields: Json, value: list[Any], head: str, rest: list[str]) -> Iterator[bool]:
    index = int(head) if head.isdecimal() else -1
    item = value[index] if 0 <= index < len(value) else None
    for name, below in fields.items():
        if name == f"i:{index}" or (name.startswith("v:") and _decode(name[2:]) == item):
            yield True
        elif name.startswith("k:") and _has_key(item, _decode(name[2:])):
            yield from _follow(below, item, rest)


def _has_key(item: Any, key: Any) -> bool:
    return isinstance(item, dict) and isinstance(key, dict) and all(item.get(k) == v for k, v in key.items())


def _decode(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return None
