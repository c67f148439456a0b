"""Rows of our kinds, by the printer columns of their CustomResourceDefinitions: what kubectl shows, we show."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from controller.cli.table import VERDICTS, Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from controller.model.base import Json
    from controller.model.crds import Column, Kind

_STEP = re.compile(r"\.(?P<name>[A-Za-z]+)(?:\[\?\(@\.(?P<key>[a-z]+)==\"(?P<value>[A-Za-z]+)\"\)\])?")


def rows(kind: Kind, bodies: Sequence[Json], *, wide: bool, namespaces: bool, now: datetime | None = None) -> Table:
    """A table of objects of one kind."""
    moment = now or datetime.now(UTC)
    shown = [column for column in kind.columns if wide or not column.priority]
    with_namespace = namespaces and kind.namespaced
    titles = ("Namespace",) * with_namespace + ("Name", *(column.name for column in shown))
    lines = [
        [
            *([body["metadata"].get("namespace", "")] if with_namespace else []),
            body["metadata"]["name"],
            *(_cell(column, body, moment) for column in shown),
        ]
        for body in bodies
    ]
    return Table(titles, lines, empty=f"No {kind.plural} found.", optional=_optional(shown))


def _optional(shown: Sequence[Column]) -> tuple[str, ...]:
    """What a narrow terminal goes without, first what only `-o wide` shows: never a verdict, a message at last."""
    backwards = shown[::-1]
    order = sorted(backwards, key=lambda column: (column.name == "Message", -column.priority))
    return tuple(column.name for column in order if column.name not in VERDICTS)


def _cell(column: Column, body: Json, now: datetime) -> str:
    found = _at(column.json_path, body)
    if found is None:
        return ""
    return age(str(found), now) if column.type == "date" else str(found)


def _at(path: str, body: Any) -> Any:
    """What a printer column's JSONPath names; of all that JSONPath can do, only what our columns use."""
    value = body
    for step in _STEP.finditer(path):
        value = value.get(step["name"]) if isinstance(value, dict) else None
        if step["key"]:
            entries = value if isinstance(value, list) else []
            value = next((item for item in entries if item.get(step["key"]) == step["value"]), None)
    return value


def age(moment: str, now: datetime) -> str:
    """How long ago an RFC 3339 time was, as kubectl writes it: `45s`, `12m`, `5h`, `3d`."""
    try:
        seconds = max(0, int((now - datetime.fromisoformat(moment)).total_seconds()))
    except (ValueError, TypeError):
        return ""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= 2 * size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
