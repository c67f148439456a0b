"""Field differences without the values that must never leave (controller.model.sensitive)."""

from __future__ import annotations

import msgspec

from controller.diff.path import parts_of
from controller.model.base import Json
from controller.model.plan import FieldChange
from controller.model.sensitive import REDACTED, is_secret, masked

__all__ = ["REDACTED", "is_secret", "redact"]


def redact(body: Json, changes: tuple[FieldChange, ...]) -> tuple[FieldChange, ...]:
    """The changes of this object; names of keys, fields and variables stay."""
    return tuple(
        msgspec.structs.replace(
            change,
            before=masked(body, parts_of(change.path), change.before),
            after=masked(body, parts_of(change.path), change.after),
        )
        for change in changes
    )
