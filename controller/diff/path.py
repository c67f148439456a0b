"""Names of fields: JSON pointers (RFC 6901), in which an item of a list that has a key is named by it.

`/spec/template/spec/containers/[name=web]/image` stays the same field wherever the item moves; where a list has no
keys, an item is named by its index, as the RFC has it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from controller.model.canonical import digest

LONGEST = 256
"""Characters of a field's name that are told; keys of maps are as long as their authors like."""


def pointer(*parts: str | int) -> str:
    """JSON pointer of the parts."""
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in parts)


def parts_of(path: str) -> tuple[str, ...]:
    """The parts of a JSON pointer, unescaped."""
    return tuple(part.replace("~1", "/").replace("~0", "~") for part in path.split("/")[1:])


def item_name(item: Any, keys: Sequence[str]) -> str:
    """How an item is named: `[name=web]`, `[port=80,protocol=TCP]`, or `[value]` in a set, which has no keys."""
    if not keys:
        return f"[{_text(item)}]"
    if not isinstance(item, dict):
        return ""
    named = [f"{key}={_text(item[key])}" for key in keys if key in item]
    return f"[{','.join(named)}]" if named else ""


def index_of(items: Sequence[Any], part: str, keys: Iterable[Sequence[str]]) -> int:
    """Where in a list the part leads, by index or by any of these keys; -1 for nowhere."""
    if part.isascii() and part.isdecimal():
        return int(part) if len(part) < 10 and int(part) < len(items) else -1
    choices = list(keys)
    found = (index for index, item in enumerate(items) if any(item_name(item, names) == part for names in choices))
    return next(found, -1)


def shortened(path: str) -> str:
    """The path in at most LONGEST characters; two different ones stay different."""
    return path if len(path) <= LONGEST else f"{path[: LONGEST - 17]}…{digest(path)[:16]}"


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)
