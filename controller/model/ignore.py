"""Ignored differences: fields that are left to whoever else holds them."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Annotated

import msgspec
from msgspec import Meta

from controller.model.base import Strict
from controller.model.objects import ObjectId

POINTER = "^(/([^~/]|~[01])*)+$"
"""A JSON pointer (RFC 6901) to something inside of the object."""
LONGEST_PATH = 256
"""Characters of a pointer or path: what people write is far below, and a path must be quick to follow."""


class IgnoreDifference(Strict, frozen=True, kw_only=True):
    """Fields of objects of one kind that are not compared, and not written once the object exists.

    `*`, `?` and `[...]` stand for other characters in group, kind, name and namespace.
    """

    group: Annotated[str, Meta(description="API group; absent for the core group.", max_length=253)] = ""
    kind: Annotated[str, Meta(description="Kind.", min_length=1, max_length=63)]
    name: Annotated[str, Meta(description="Name; absent: any.", max_length=253)] = ""
    namespace: Annotated[str, Meta(description="Namespace; absent: any.", max_length=63)] = ""
    json_pointers: Annotated[
        tuple[Annotated[str, Meta(pattern=POINTER, max_length=LONGEST_PATH)], ...],
        Meta(description="Fields by JSON pointer (RFC 6901), as in `/spec/replicas`.", max_length=32),
    ] = ()
    json_paths: Annotated[
        tuple[Annotated[str, Meta(min_length=1, max_length=LONGEST_PATH)], ...],
        Meta(
            description="Fields by JSONPath (RFC 9535), as in `$.spec.template.spec.containers[?@.name == 'web'].image`"
            "; one selector in each pair of brackets, no functions.",
            max_length=32,
        ),
    ] = ()
    managed_fields_managers: Annotated[
        tuple[Annotated[str, Meta(min_length=1, max_length=128)], ...],
        Meta(description="Every field that one of these field managers holds in the live object.", max_length=32),
    ] = ()

    def covers(self, subject: ObjectId) -> bool:
        """Whether the rule is about this object."""
        return (
            fnmatchcase(subject.group, self.group)
            and fnmatchcase(subject.kind, self.kind)
            and fnmatchcase(subject.name, self.name or "*")
            and fnmatchcase(subject.namespace, self.namespace or "*")
        )


IgnoreDifferences = Annotated[
    tuple[IgnoreDifference, ...],
    Meta(description="Fields that are left to whoever else holds them.", max_length=32),
]


def read_rules(text: str) -> tuple[IgnoreDifference, ...]:
    """The rules in a JSON list, as a setting has them; raises ValueError that names the entry and the field."""
    if not text:
        return ()
    try:
        return msgspec.json.decode(text, type=tuple[IgnoreDifference, ...])
    except msgspec.MsgspecError as error:
        raise ValueError(f"ignored differences: {error}") from None
