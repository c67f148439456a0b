"""What we want: one object, as rendered and made ours."""

from __future__ import annotations

import msgspec

from controller.model.base import Json
from controller.model.ignore import IgnoreDifference
from controller.model.labels import MANAGER
from controller.model.objects import ObjectId


class Manifest(msgspec.Struct, frozen=True):
    """One desired object, namespaced and labelled, ready to be applied.

    `digest` is the SHA-256 of its canonical JSON, and of what is ignored of it: equal digests mean equal wishes.
    `source` is the file it came from, relative to the repository's root. `manager` is who applies it; one that is not
    `owned` is shared with others: applied under a manager of the Application's own, and neither watched nor pruned.
    """

    id: ObjectId
    api_version: str
    body: Json
    digest: str
    source: str = ""
    ignored: tuple[IgnoreDifference, ...] = ()
    """The rules about fields of it that are left to others."""

    def __repr__(self) -> str:
        """Without the body: it may hold secrets, and this may stand in a log or a traceback."""
        return f"Manifest({self.id}, {self.digest[:12]}, {self.source!r})"

    owned: bool = True
    manager: str = MANAGER
