"""One hostile or broken input."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True)
class Content:
    """A directory of a commit, rendered by an Application of the same name.

    `says` are parts that its condition Ready must have: the object or the file, the field, what is wrong or the remedy.
    """

    name: str
    kind: str
    files: Mapping[str, str | bytes]
    says: Sequence[str]
    spec: Mapping[str, Any] = field(default_factory=dict)
    """Of the Application, beside what every one has."""


class Told(NamedTuple):
    """What a case came to, as the table has it."""

    kind: str
    name: str
    text: str
    missing: Sequence[str] = ()
    """What it should have said, too."""
