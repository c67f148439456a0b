"""What we want: one object, as rendered and made ours."""

from __future__ import annotations

import msgspec

from controller.model.base import Json
from controller.model.objects import ObjectId


class Manifest(msgspec.Struct, frozen=True):
    """One desired object, namespaced and labelled, ready to be applied.

    `digest` is the SHA-256 of its canonical JSON: equal digests mean equal wishes.
    `source` is the file it came from, relative to the repository's root.
    """

    id: ObjectId
    api_version: str
    body: Json
    digest: str
    source: str = ""
