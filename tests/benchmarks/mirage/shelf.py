"""The objects of one simulated cluster, and server-side apply of the one manager that it knows. PURE."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from controller.model.base import Json

_SERVERS = ("uid", "resourceVersion", "creationTimestamp", "managedFields")
"""What the server adds to an object's metadata."""


class Shelf:
    """ConfigMaps by namespace and name; every write has a higher version."""

    def __init__(self) -> None:
        self.version = 1
        self._bodies: dict[tuple[str, str], Json] = {}

    def __iter__(self) -> Iterator[Json]:
        return iter(list(self._bodies.values()))

    def get(self, namespace: str, name: str) -> Json | None:
        """The object, or None."""
        return self._bodies.get((namespace, name))

    def apply(self, wish: Json, manager: str, *, dry_run: bool = False) -> tuple[Json, bool]:
        """The object as it is then, and whether that differs from what it was: an unchanged apply changes nothing."""
        metadata = wish["metadata"]
        key = metadata["namespace"], metadata["name"]
        known = self._bodies.get(key)
        if known is not None and _plain(known) == _plain(wish):
            return known, False
        now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        kept = known["metadata"] if known else {"uid": str(uuid.uuid4()), "creationTimestamp": now}
        entry = {
            "manager": manager,
            "operation": "Apply",
            "apiVersion": wish["apiVersion"],
            "time": now,
            "fieldsType": "FieldsV1",
            "fieldsV1": fields(wish),
        }
        body = {
            **wish,
            "metadata": {
                **metadata,
                "uid": kept["uid"],
                "creationTimestamp": kept["creationTimestamp"],
                "resourceVersion": str(self.version if dry_run else self.version + 1),
                "managedFields": [entry],
            },
        }
        if not dry_run:
            self.version += 1
            self._bodies[key] = body
        return body, True

    def delete(self, namespace: str, name: str) -> Json | None:
        """Take it away; what it was."""
        gone = self._bodies.pop((namespace, name), None)
        if gone is not None:
            self.version += 1
        return gone


def fields(wish: Json) -> Json:
    """The fields of an applied object as managedFields names them (KEP-555); its identity is nobody's."""
    metadata = {name: value for name, value in wish["metadata"].items() if name not in {"name", "namespace"}}
    rest = {name: value for name, value in wish.items() if name not in {"apiVersion", "kind", "metadata"}}
    return _set({"metadata": metadata, **rest}, top=True)


def _set(value: Any, *, top: bool = False) -> Json:
    if not isinstance(value, dict):
        return {}
    own: Json = {} if top else {".": {}}
    return own | {f"f:{name}": _set(below, top=name == "metadata" and top) for name, below in value.items()}


def _plain(body: Json) -> Json:
    metadata = {name: value for name, value in body["metadata"].items() if name not in _SERVERS}
    return {**body, "metadata": metadata}
