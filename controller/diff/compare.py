"""Field-level differences of two JSON objects."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from controller.diff.redact import redact
from controller.model.base import Json
from controller.model.plan import FieldChange

_ABSENT = object()
_IGNORED_METADATA = ("managedFields", "resourceVersion", "generation", "creationTimestamp", "uid", "selfLink")


def differences(before: Json, after: Json) -> tuple[FieldChange, ...]:
    """What an apply changes: `before` is the live object, `after` the server's dry run of the apply.

    Status and the server's own bookkeeping are left out; values of Secrets are redacted.
    """
    return redact(after, tuple(_walk("", _wishes(before), _wishes(after))))


def pointer(*parts: str | int) -> str:
    """JSON pointer of the parts (RFC 6901)."""
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in parts)


def _wishes(body: Json) -> Json:
    metadata = {name: value for name, value in body.get("metadata", {}).items() if name not in _IGNORED_METADATA}
    return {name: value for name, value in body.items() if name != "status"} | {"metadata": metadata}


def _walk(path: str, before: Any, after: Any) -> Iterator[FieldChange]:
    if isinstance(before, dict) and isinstance(after, dict):
        for name in sorted({*before, *after}):
            yield from _walk(path + pointer(name), before.get(name, _ABSENT), after.get(name, _ABSENT))
    elif isinstance(before, list) and isinstance(after, list):
        for index in range(max(len(before), len(after))):
            yield from _walk(path + pointer(index), _at(before, index), _at(after, index))
    elif before is _ABSENT:
        yield FieldChange(path, after=after, absent="before")
    elif after is _ABSENT:
        yield FieldChange(path, before=before, absent="after")
    elif before != after or type(before) is not type(after):
        yield FieldChange(path, before, after)


def _at(items: list[Any], index: int) -> Any:
    return items[index] if index < len(items) else _ABSENT
