"""FieldsV1: which fields of an object its managers own, as managedFields has it (KEP-555).

A reader walks an object and the sets of several managers side by side. What a set says of a place:

```text
not there       the manager owns nothing of it
{}              the manager owns it whole: a scalar, or a list or map that is only ever replaced as a whole (atomic)
f:NAME          a field            k:{...}   an item of a list, by its key
.               the place itself   v:VALUE   an item of a set, by its value     i:N   an item, by its index
```
Anything may stand there, as a client can submit its own: what makes no sense says nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

import msgspec

from controller.diff.path import index_of, item_name
from controller.model.base import Json
from controller.model.labels import MANAGER

Sets: TypeAlias = tuple[Json, ...]
"""What several managers own of one place; empty: nobody owns anything of it."""


def entries_of(body: Json) -> list[Json]:
    """The entries of managedFields."""
    entries = body.get("metadata", {}).get("managedFields") or []
    return [entry for entry in entries if isinstance(entry, dict)]


def is_ours(entry: Json) -> bool:
    """Whether the entry is that of our applies."""
    return entry.get("manager") == MANAGER and entry.get("operation") == "Apply" and not entry.get("subresource")


def sets_of(entries: Sequence[Json]) -> Sets:
    """The field sets of these entries, at the object's root."""
    return tuple(fields for entry in entries if isinstance(fields := entry.get("fieldsV1"), dict) and fields)


def field(sets: Sets, name: str) -> Sets:
    """What is owned of a field of a map; of an atomic map, all of it."""
    found = (each.get(f"f:{name}") if each else each for each in sets)
    return tuple(below for below in found if isinstance(below, dict))


def item(sets: Sets, value: Any, index: int) -> Sets:
    """What is owned of an item of a list; of an atomic list, all of it."""
    return tuple(below for each in sets for below in _item(each, value, index))


def keys_of(sets: Sets) -> tuple[str, ...]:
    """Names of the fields that are the key of a list's items; empty where it has none."""
    for each in sets:
        for name in each:
            key = _decoded(name[2:]) if name.startswith("k:") else None
            if isinstance(key, dict) and key:
                return tuple(key)
    return ()


def is_set(sets: Sets) -> bool:
    """Whether a list is a set of scalars."""
    return any(name.startswith("v:") for each in sets for name in each)


def is_atomic(sets: Sets) -> bool:
    """Whether a list or map is owned as a whole by somebody."""
    return any(not each for each in sets)


def follow(sets: Sets, value: Any, parts: Sequence[str]) -> Sets:
    """What is owned of the place where the parts of a path lead; items of lists by index or by key."""
    for part in parts:
        if isinstance(value, list):
            index = index_of(value, part, (keys_of(sets), ()))
            value, sets = (value[index], item(sets, value[index], index)) if index >= 0 else (None, ())
        else:
            value, sets = (value.get(part) if isinstance(value, dict) else None), field(sets, part)
        if not sets:
            return ()
    return sets


def names_of(items: Sequence[Any], sets: Sets) -> list[str] | None:
    """The items' names where all have one and no two the same; None where only indices tell them apart."""
    keys = keys_of(sets)
    if not keys and not is_set(sets):
        return None
    names = [item_name(each, keys) for each in items]
    return names if all(names) and len(set(names)) == len(names) else None


def _item(each: Json, value: Any, index: int) -> Iterator[Json]:
    if not each:
        yield each
        return
    for name, below in each.items():
        kind, text = name[:2], name[2:]
        if (
            (kind == "i:" and text == str(index))
            or (kind == "v:" and _same(_decoded(text), value))
            or (kind == "k:" and _has_key(value, _decoded(text)))
        ) and isinstance(below, dict):
            yield below


def _same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and bool(one == other)


def _has_key(value: Any, key: Any) -> bool:
    """A wish may leave out a part of the key that has a default; the set has it filled in."""
    if not isinstance(value, dict) or not isinstance(key, dict) or not key:
        return False
    return any(name in value for name in key) and all(value.get(name, part) == part for name, part in key.items())


def _decoded(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return None
