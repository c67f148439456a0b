"""Sets of fields as managedFields writes them (FieldsV1, KEP-555): read, joined, written, and cut out of objects. PURE.

A path is a tuple of FieldsV1's own words: `f:name` a field, `k:{...}` an item of a list by its keys, `v:...` an item
of a set by its value, `i:n` an item by its place.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from controller.model.base import Json

Path = tuple[str, ...]


def paths(fields: Json) -> frozenset[Path]:
    """Every member of the set."""
    found: set[Path] = set()
    stack: list[tuple[Path, Any]] = [((), fields)]
    while stack:
        here, below = stack.pop()
        if not below:
            if here:
                found.add(here)
            continue
        for name, deeper in below.items():
            if name == ".":
                found.add(here)
            else:
                stack.append(((*here, name), deeper))
    return frozenset(found)


def fields_v1(members: Iterable[Path]) -> Json:
    """The set of these members as managedFields writes it."""
    root: Json = {}
    for path in sorted(members):  # what stands above comes first
        node = root
        for name in path[:-1]:
            below = node.get(name)
            if below is None:
                below = node[name] = {}
            elif not below:  # a member itself, with members below it
                below["."] = {}
            node = below
        node[path[-1]] = {}
    return root


def without(body: Json, gone: Iterable[Path], kept: Iterable[Path]) -> Json:
    """A copy of the object without these fields, as the server removes what nobody owns any more.

    An item of a list goes as a whole unless something below it is kept; a field that holds others goes when empty.
    """
    copy: Json = msgspec.json.decode(msgspec.json.encode(body))
    gone = sorted(gone, key=len)
    staying = _above(kept)
    holders = staying | _above(gone)
    # Items of lists first: they are found by fields in them.
    for path in gone:
        if path[-1].startswith(("k:", "v:", "i:")) and path not in staying:
            _remove(copy, path, whole=True)
    for path in reversed(gone):
        _remove(copy, path, whole=path not in holders)
    return copy


def _above(members: Iterable[Path]) -> set[Path]:
    return {path[:length] for path in members for length in range(1, len(path))}


def _remove(body: Json, path: Path, *, whole: bool) -> None:
    holder: Any = body
    for name in path[:-1]:
        place = _place(holder, name)
        if place is None:
            return
        holder = holder[place]
    place = _place(holder, path[-1])
    if place is None:
        return
    if whole or not holder[place]:
        del holder[place]


def _place(holder: Any, name: str) -> Any:
    """Under which key or index of its holder a part of a path stands; None where it does not."""
    kind, _, text = name.partition(":")
    if kind == "f":
        return text if isinstance(holder, dict) and text in holder else None
    if not isinstance(holder, list):
        return None
    if kind == "i":
        return int(text) if int(text) < len(holder) else None
    wanted = msgspec.json.decode(text)
    for index, item in enumerate(holder):
        if item == wanted if kind == "v" else _has(item, wanted):
            return index
    return None


def _has(item: Any, keys: Any) -> bool:
    return isinstance(item, dict) and all(item.get(name) == value for name, value in keys.items())
