"""What an apply would change that the server won't foresee: it refuses the dry run, too."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from controller.diff.fields import Sets, entries_of, field, is_ours, item, names_of, sets_of
from controller.diff.path import pointer
from controller.diff.redact import redact
from controller.model.base import Json
from controller.model.plan import FieldChange

_METADATA = ("labels", "annotations")
_ABSENT: Any = object()


def presumed(wish: Json, live: Json) -> tuple[FieldChange, ...]:
    """The fields of the wish that stand otherwise and are not ours any more: whoever wrote them took them (KEP-555).

    A field that is ours has our value, however the server spells it. Secrets are redacted.
    """
    entries = entries_of(live)
    asked = {name: value for name, value in wish.items() if name not in {"apiVersion", "kind", "metadata", "status"}}
    asked["metadata"] = {name: wish["metadata"][name] for name in _METADATA if name in wish["metadata"]}
    ours, all_ = sets_of([entry for entry in entries if is_ours(entry)]), sets_of(entries)
    return redact(live, tuple(_values("", live, asked, ours, all_)))


def _values(path: str, live: Any, wish: Any, ours: Sets, all_: Sets) -> Iterator[FieldChange]:
    if live is _ABSENT:
        if wish not in ({}, [], None):  # what says nothing is not kept
            yield FieldChange(path, after=wish, absent="before")
    elif isinstance(live, dict) and isinstance(wish, dict):
        for name in sorted(wish):
            at = path + pointer(name)
            yield from _values(at, live.get(name, _ABSENT), wish[name], field(ours, name), field(all_, name))
    elif isinstance(live, list) and isinstance(wish, list):
        yield from _items(path, live, wish, ours, all_)
    elif live != wish and not ours:
        yield FieldChange(path, live, wish)


def _items(path: str, live: list[Any], wish: list[Any], ours: Sets, all_: Sets) -> Iterator[FieldChange]:
    names, wanted = names_of(live, all_), names_of(wish, all_)
    if names is None or wanted is None:
        if live != wish and not ours:
            yield FieldChange(path, live, wish)
        return
    there = dict(zip(names, live, strict=True))
    for name, value in zip(wanted, wish, strict=True):
        found = there.get(name, _ABSENT)
        yield from _values(path + pointer(name), found, value, item(ours, value, -1), item(all_, value, -1))
