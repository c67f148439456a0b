"""Field-level differences of two JSON objects."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any

import msgspec

from controller.diff.fields import Sets, entries_of, field, is_ours, is_set, item, keys_of, names_of, sets_of
from controller.diff.path import index_of, item_name, pointer
from controller.diff.redact import redact
from controller.model.base import Json
from controller.model.plan import FieldChange

_ABSENT: Any = object()
_IGNORED_METADATA = ("managedFields", "resourceVersion", "generation", "creationTimestamp", "uid", "selfLink")


def differences(
    before: Json, after: Json, *, sent: Json | None = None, former: Collection[str] = ()
) -> tuple[FieldChange, ...]:
    """What an apply changes: `before` is the live object, `after` the server's dry run of the apply.

    Only fields that our apply owns count, now or before it: what admission or defaulting made of the object meanwhile
    is not ours to tell of. Where managedFields don't say whose they are, all fields count. Status and the server's
    own bookkeeping are left out; secrets are redacted.

    `sent`, the object that was applied, is given where nobody wrote a field of ours since our last apply: then only
    what comes out as it was sent is a difference, and what admission makes of our own fields anew each time is none.
    `former` are managers whose fields become ours with the apply.
    """
    mine = _ours(after) and (*_ours(before, former), *_ours(after))
    beside = _Beside(sets_of([*entries_of(before), *entries_of(after)]), mine, bool(mine), sent, sent is not None)
    return redact(after, tuple(_values("", _wishes(before), _wishes(after), beside)))


class _Beside(msgspec.Struct, frozen=True):
    """What is known of a place, beside the two values there."""

    sets: Sets
    """What anybody owns of it."""
    mine: Sets
    """What our applies own of it."""
    owned: bool
    """Whether it is known what our applies own."""
    sent: Any
    settled: bool
    """Whether only what comes out as it was sent counts."""

    @property
    def counts(self) -> bool:
        return bool(self.mine) or not self.owned

    def field(self, name: str) -> _Beside:
        sent = self.sent.get(name, _ABSENT) if isinstance(self.sent, dict) else _ABSENT
        return _Beside(field(self.sets, name), field(self.mine, name), self.owned, sent, self.settled)

    def item(self, value: Any, index: int = -1) -> _Beside:
        sent = _ABSENT
        if self.settled and isinstance(self.sent, list):
            keys = keys_of(self.sets)
            place = index if index >= 0 else index_of(self.sent, item_name(value, keys), (keys,))
            sent = _at(self.sent, place) if place >= 0 else _ABSENT
        sets, mine = item(self.sets, value, index), item(self.mine, value, index)
        return _Beside(sets, mine, self.owned, sent, self.settled)


def _ours(body: Json, former: Collection[str] = ()) -> Sets:
    return sets_of([entry for entry in entries_of(body) if is_ours(entry) or entry.get("manager") in former])


def _wishes(body: Json) -> Json:
    metadata = {name: value for name, value in body.get("metadata", {}).items() if name not in _IGNORED_METADATA}
    return {name: value for name, value in body.items() if name != "status"} | {"metadata": metadata}


def _values(path: str, before: Any, after: Any, beside: _Beside) -> Iterator[FieldChange]:
    if not beside.counts:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for name in sorted({*before, *after}):
            one, other = before.get(name, _ABSENT), after.get(name, _ABSENT)
            yield from _values(path + pointer(name), one, other, beside.field(name))
    elif isinstance(before, list) and isinstance(after, list):
        yield from _lists(path, before, after, beside)
    elif _differ(before, after) and not (beside.settled and _differ(beside.sent, after)):
        yield _change(path, before, after)


def _differ(one: Any, other: Any) -> bool:
    return type(one) is not type(other) or bool(one != other)


def _change(path: str, before: Any, after: Any) -> FieldChange:
    if before is _ABSENT:
        return FieldChange(path, after=after, absent="before")
    if after is _ABSENT:
        return FieldChange(path, before=before, absent="after")
    return FieldChange(path, before, after)


def _lists(path: str, before: list[Any], after: list[Any], beside: _Beside) -> Iterator[FieldChange]:
    names, others = names_of(before, beside.sets), names_of(after, beside.sets)
    if names is None or others is None:
        for index in range(max(len(before), len(after))):
            one, other = _at(before, index), _at(after, index)
            place = beside.item(one if other is _ABSENT else other, index)
            yield from _values(path + pointer(index), one, other, place)
        return
    where, there = dict(zip(names, before, strict=True)), dict(zip(others, after, strict=True))
    for name in dict.fromkeys([*names, *others]):
        one, other = where.get(name, _ABSENT), there.get(name, _ABSENT)
        yield from _values(path + pointer(name), one, other, beside.item(one if other is _ABSENT else other))
    if not is_set(beside.sets):
        yield from _order(path, where, there, beside)


def _order(path: str, before: Json, after: Json, beside: _Beside) -> Iterator[FieldChange]:
    """Init containers run, and variables expand, in the order of their list: ours must keep theirs."""
    ours = {name for name, value in after.items() if name in before and beside.item(value).counts}
    one, other = _only(before, ours), _only(after, ours)
    if one != other:
        yield FieldChange(path, one, other)


def _only(names: Iterable[str], wanted: set[str]) -> list[str]:
    return [name for name in names if name in wanted]


def _at(items: list[Any], index: int) -> Any:
    return items[index] if index < len(items) else _ABSENT
