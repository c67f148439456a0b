"""Values that must never leave: what a Secret holds, and annotations that repeat it."""

from __future__ import annotations

from typing import Any

import msgspec

from controller.model.base import Json
from controller.model.plan import FieldChange

REDACTED = "(redacted)"
_SECRET_FIELDS = ("/data", "/stringData")
LAST_APPLIED = "/metadata/annotations/kubectl.kubernetes.io~1last-applied-configuration"


def is_secret(body: Json) -> bool:
    """Whether the object is a core/v1 Secret."""
    return body.get("kind") == "Secret" and body.get("apiVersion") == "v1"


def redact(body: Json, changes: tuple[FieldChange, ...]) -> tuple[FieldChange, ...]:
    """The changes of this object with every value of a Secret replaced; names of its keys stay.

    Annotations of a Secret go too: tools repeat whole objects in them.
    """
    if not is_secret(body):
        return tuple(_hide(change) if change.path.startswith(LAST_APPLIED) else change for change in changes)
    return tuple(_hide(change) if _secret(change.path) else change for change in changes)


def _secret(path: str) -> bool:
    if path.startswith("/metadata/annotations"):
        return not path.startswith("/metadata/annotations/shipslog.dev~1")
    return path == "" or any(path == field or path.startswith(f"{field}/") for field in _SECRET_FIELDS)


def _hide(change: FieldChange) -> FieldChange:
    return msgspec.structs.replace(change, before=_mask(change.before), after=_mask(change.after))


def _mask(value: Any) -> Any:
    if isinstance(value, dict):
        return dict.fromkeys(value, REDACTED)
    return None if value is None else REDACTED
