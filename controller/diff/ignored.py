"""What a wish leaves to others: ignored fields, as they are sent once the object exists.

Server-side apply (KEP-555) leaves a field alone that we do not send, unless we were its only owner: then it removes
it. So an ignored field is

- left out where somebody else owns it, or nobody: it stays as it is, and stays theirs;
- sent as it stands where we alone own it: it stays as it is, until somebody else takes it;
- sent as it stands where it lies inside a list or map that is replaced as a whole;
- sent as Git has it where the object, or what the field is part of, does not exist yet.
What makes the object itself or makes it ours is never ignored.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

import msgspec

from controller.diff.fields import Sets, entries_of, field, is_atomic, is_ours, item, keys_of, sets_of
from controller.diff.jsonpath import Place, places
from controller.diff.path import parts_of
from controller.model.base import Json
from controller.model.ignore import IgnoreDifference
from controller.model.labels import APPLICATION_ANNOTATION, BUCKET_LABEL, INSTALLATION_LABEL, MANAGER, OWNER_LABEL
from controller.model.manifest import Manifest

_ABSENT: Any = object()
_NEVER: tuple[Place, ...] = (
    ("apiVersion",),
    ("kind",),
    ("metadata", "name"),
    ("metadata", "namespace"),
    ("metadata", "labels", OWNER_LABEL),
    ("metadata", "labels", BUCKET_LABEL),
    ("metadata", "labels", INSTALLATION_LABEL),
    ("metadata", "annotations", APPLICATION_ANNOTATION),
)

_Marks = dict[str | int, "_Marks"]  # what is ignored, as a tree of names and indices; an empty one ignores all of it


def left(manifest: Manifest, live: Json | None, former: Collection[str] = ()) -> Manifest:
    """The manifest as it is to be sent to where `live` stands.

    `former` are managers whose fields become ours with the apply, so that nobody else owns them any more.

    Raises Terminal for a JSONPath that can't be followed.
    """
    if live is None or not manifest.ignored:
        return manifest
    managers = {MANAGER, *former} - _named(manifest.ignored)
    entries = [(_is_ours(entry, managers), entry) for entry in entries_of(live)]
    beside = _Beside(
        here=_marks(_led_to(manifest.ignored, manifest.body)),
        there=_marks({*_led_to(manifest.ignored, live), *_managed(manifest.ignored, live)}),
        ours=sets_of([entry for ours, entry in entries if ours]),
        others=sets_of([entry for ours, entry in entries if not ours]),
    )
    sent = _map(manifest.body, live, beside)
    for place in _NEVER:
        _put(sent, place, manifest.body)
    return msgspec.structs.replace(manifest, body=sent)


def check(rules: Iterable[IgnoreDifference]) -> None:
    """Raises Terminal for a JSONPath that can't be followed."""
    _led_to(rules, {})


# -- what is ignored -------------------------------------------------------------------------------------------------


def _led_to(rules: Iterable[IgnoreDifference], body: Json) -> set[Place]:
    """Every place that a pointer or path of the rules leads to in the object."""
    found: set[Place] = set()
    for rule in rules:
        found |= {_resolved(body, parts_of(pointer)) for pointer in rule.json_pointers}
        found |= {place for path in rule.json_paths for place in places(path, body)}
    return found - {()}


def _resolved(value: Any, parts: Sequence[str]) -> Place:
    place: list[str | int] = []
    for part in parts:
        index = isinstance(value, list) and part.isascii() and part.isdecimal() and len(part) < 10
        place.append(int(part) if index else part)
        value = _at(value, place[-1])
    return () if value is _ABSENT else tuple(place)


def _managed(rules: Iterable[IgnoreDifference], live: Json) -> Iterator[Place]:
    """Every place of the live object that one of the rules' managers holds."""
    names = _named(rules)
    for entry in entries_of(live):
        if entry.get("manager") in names and not is_ours(entry):
            yield from _held((), live, sets_of([entry]))


def _named(rules: Iterable[IgnoreDifference]) -> set[str]:
    return {name for rule in rules for name in rule.managed_fields_managers}


def _is_ours(entry: Json, managers: Collection[str]) -> bool:
    return is_ours(entry) or (entry.get("manager") in managers and not entry.get("subresource"))


def _held(place: Place, value: Any, sets: Sets) -> Iterator[Place]:
    if not sets:
        return
    if isinstance(value, dict) and not is_atomic(sets):
        for name, below in value.items():
            yield from _held((*place, name), below, field(sets, name))
    elif isinstance(value, list) and not is_atomic(sets):
        for index, below in enumerate(value):
            yield from _held((*place, index), below, item(sets, below, index))
    elif place:
        yield place


def _marks(found: Iterable[Place]) -> _Marks | None:
    """The places as a tree; None where there are none."""
    root: _Marks = {}
    for place in sorted(found, key=len, reverse=True):
        node = root
        for key in place[:-1]:
            node = node.setdefault(key, {})
        node[place[-1]] = {}  # the shorter one comes later: it ignores all below it
    return root or None


# -- what is sent ----------------------------------------------------------------------------------------------------


class _Beside(msgspec.Struct, frozen=True):
    """What is known of a place, beside what the wish and the live object have there."""

    here: _Marks | None
    """What is ignored of the wish."""
    there: _Marks | None
    """What is ignored of the live object."""
    ours: Sets
    others: Sets
    whole: bool = False
    """It is inside a list or map that is replaced as a whole."""

    @property
    def ignored(self) -> bool:
        return self.here == {} or self.there == {}

    @property
    def keys(self) -> tuple[str, ...]:
        return keys_of((*self.ours, *self.others))

    def field(self, name: str) -> _Beside:
        return _Beside(
            _below(self.here, name),
            _below(self.there, name),
            field(self.ours, name),
            field(self.others, name),
            self.whole or is_atomic((*self.ours, *self.others)),
        )

    def item(self, index: int, at: int, stands: Any) -> _Beside:
        """The item that is at `index` in the wish and at `at` in the live object; -1: in none."""
        return _Beside(
            _below(self.here, index),
            _below(self.there, at),
            item(self.ours, stands, at),
            item(self.others, stands, at),
            self.whole or is_atomic((*self.ours, *self.others)),
        )


def _below(marks: _Marks | None, key: str | int) -> _Marks | None:
    return marks.get(key) if marks else None


def _sent(wish: Any, stands: Any, beside: _Beside) -> Any:
    if beside.ignored:
        return copy.deepcopy(stands) if beside.whole else _alone(stands, beside.ours, beside.others)
    if (beside.here is None and beside.there is None) or stands is _ABSENT:
        return wish
    if isinstance(stands, dict) and (wish is _ABSENT or isinstance(wish, dict)):
        found = _map({} if wish is _ABSENT else wish, stands, beside)
        return found if found or wish == {} else _ABSENT
    if isinstance(stands, list) and isinstance(wish, list):
        return _list(wish, stands, beside)
    return wish


def _map(wish: Json, stands: Json, beside: _Beside) -> Json:
    names = [*wish, *(name for name in stands if name in (beside.there or {}) and name not in wish)]
    values = {name: _sent(wish.get(name, _ABSENT), stands.get(name, _ABSENT), beside.field(name)) for name in names}
    return {name: value for name, value in values.items() if value is not _ABSENT}


def _list(wish: list[Any], stands: list[Any], beside: _Beside) -> list[Any]:
    found, met = [], set()
    for index, value in enumerate(wish):
        at = _counterpart(value, stands, beside.keys, index)
        met.add(at)
        there = stands[at] if at >= 0 else _ABSENT
        place = beside.item(index, at, there)
        found.append(_keyed(value, _sent(value, there, place), beside.keys, place))
    for at, there in enumerate(stands):
        place = beside.item(-1, at, there)
        if at not in met and place.ignored and not place.whole:
            found.append(_keyed(there, _alone(there, place.ours, place.others), beside.keys, place))
    return [value for value in found if value is not _ABSENT]


def _keyed(before: Any, value: Any, names: Sequence[str], beside: _Beside) -> Any:
    """What is left of an item, with its key; nothing where only that is left and others hold the item itself, too."""
    if not isinstance(value, dict) or value is before:
        return value
    key = {name: before[name] for name in names if name in before}
    rest = {name: below for name, below in value.items() if name not in key}
    held = any("." in fields for fields in beside.others)
    return key | rest if rest or not held else _ABSENT


def _counterpart(value: Any, others: Sequence[Any], names: Sequence[str], index: int) -> int:
    """Where the same item of a list stands in the other: by its key, or at the same index where it has none."""
    if not names or not isinstance(value, dict):
        return index if index < len(others) else -1
    return next((at for at, other in enumerate(others) if _same_key(value, other, names)), -1)


def _same_key(one: Any, other: Any, names: Sequence[str]) -> bool:
    """A part of the key that only one of the two has is filled in by a default."""
    if not isinstance(other, dict) or not any(name in one and name in other for name in names):
        return False
    return all(one[name] == other[name] for name in names if name in one and name in other)


def _alone(value: Any, ours: Sets, others: Sets) -> Any:
    """The part of a live value that we own and nobody else does."""
    if not ours:
        return _ABSENT
    if not isinstance(value, dict | list) or is_atomic(ours):
        return _ABSENT if others else copy.deepcopy(value)
    if isinstance(value, dict):
        found = {name: _alone(below, field(ours, name), field(others, name)) for name, below in value.items()}
        return {name: below for name, below in found.items() if below is not _ABSENT} or _ABSENT
    names, kept = keys_of(ours), []
    for at, each in enumerate(value):
        part = _alone(each, item(ours, each, at), item(others, each, at))
        key = {name: each[name] for name in names if name in each} if isinstance(each, dict) else {}
        kept += [] if part is _ABSENT else [key | part if isinstance(part, dict) else part]
    return kept or _ABSENT


def _put(body: Json, place: Place, source: Json) -> None:
    """Set what the source has at a place, together with the maps on the way to it."""
    value: Any = source
    for key in place:
        value = _at(value, key)
    if value is _ABSENT:
        return
    for key in place[:-1]:
        below = body.get(str(key))
        body[str(key)] = dict(below) if isinstance(below, dict) else {}
        body = body[str(key)]
    body[str(place[-1])] = value


def _at(value: Any, key: str | int) -> Any:
    if isinstance(value, dict):
        return value.get(key, _ABSENT)
    if isinstance(value, list) and isinstance(key, int) and 0 <= key < len(value):
        return value[key]
    return _ABSENT
