"""Health checks: what an Application's custom kinds mean by healthy, in CEL."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from controller.model.base import Strict
from controller.model.objects import GroupKind, group_of

EXPRESSION = 4096
"""Characters of an expression."""
CHECKS = 64
"""Kinds that one Application may have checks for."""
API_VERSION_PATTERN = r"^([a-z0-9]([a-z0-9.-]*[a-z0-9])?/)?v[0-9][a-z0-9]*$"

Expression = Annotated[
    str,
    Meta(
        description="CEL; sees apiVersion, kind, metadata, spec, status and data of the object, and it as self.",
        min_length=1,
        max_length=EXPRESSION,
    ),
]


class HealthCheck(Strict, frozen=True, kw_only=True):
    """When the objects of one kind are healthy.

    Tried in this order: inProgress, failed, current; the first that is true decides, and where none is the object is
    in progress. So is one whose status speaks of an older generation.
    """

    api_version: Annotated[
        str,
        Meta(
            description="Group and version; the check holds for every version of the group.",
            pattern=API_VERSION_PATTERN,
            max_length=317,
        ),
    ]
    kind: Annotated[str, Meta(description="Kind.", min_length=1, max_length=63)]
    current: Annotated[Expression, Meta(description="It is healthy.")]
    in_progress: Annotated[Expression | None, Meta(description="It is on its way.")] = None
    failed: Annotated[Expression | None, Meta(description="It has failed, and will not recover by itself.")] = None

    @property
    def group_kind(self) -> GroupKind:
        """The group and kind that it is for."""
        return GroupKind(group_of(self.api_version), self.kind)
