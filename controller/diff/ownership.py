"""What our entry in managedFields tells: which fields are ours, and since when (KEP-555)."""

from __future__ import annotations

from collections.abc import Iterator

from controller.diff.fields import entries_of, is_ours
from controller.model.base import Json
from controller.model.canonical import digest


def ownership_digest(body: Json) -> str:
    """Digest of our entry: its fields and its time. Empty when we own nothing of the object.

    A foreign write of a field of ours takes the field out of the entry; one that borrows our name moves its time.
    """
    entries = [(entry.get("fieldsV1"), entry.get("time")) for entry in entries_of(body) if is_ours(entry)]
    return digest(entries) if entries else ""


def disowned(live: Json, predicted: Json) -> str:
    """A field that an apply would make ours (again) and that is not ours now, as in `f:data`; empty where none is."""
    return next(_missing(_fields(predicted), _fields(live)), "")


def _fields(body: Json) -> Json:
    return next((entry.get("fieldsV1") or {} for entry in entries_of(body) if is_ours(entry)), {})


def _missing(wanted: Json, owned: Json, path: str = "") -> Iterator[str]:
    for name, below in wanted.items():
        if name not in owned:
            yield f"{path} {name}".strip()
        elif isinstance(below, dict) and isinstance(owned[name], dict):
            yield from _missing(below, owned[name], f"{path} {name}")
