"""What we know of live objects: as remembered, as watched, and as the server foresees them."""

from __future__ import annotations

import enum

import msgspec

from controller.model.base import Json
from controller.model.health import Health
from controller.model.objects import ObjectId


class Baseline(msgspec.Struct, frozen=True):
    """What stood after our last write, or after a comparison that found nothing to do."""

    manifest: str
    """Digest of the wish."""
    ownership: str
    """Digest of our managedFields entry in the server's answer."""
    resource_version: str


class LiveView(msgspec.Struct, frozen=True):
    """A live object, as a watch told: never the object itself, only what decisions need."""

    id: ObjectId
    uid: str
    owner: str
    """Value of the owner label."""
    ownership: str
    """Digest of our managedFields entry."""
    resource_version: str
    health: Health
    seen: float
    """When the watch told, in seconds since the epoch."""
    deleting: bool = False
    listed: bool = False
    """It stood so when the watch began: since when, the watch can't tell."""


class Mark(enum.Enum):
    """How the watched object stands to the baseline."""

    SAME = "same"
    MOVED = "moved"
    GONE = "gone"
    UNKNOWN = "unknown"


class Takeover(msgspec.Struct, frozen=True):
    """Fields that others applied once and that become ours, so that they go when Git no longer has them.

    `managed_fields` are all entries as they are to stand before the apply, on the object of `resource_version`.
    """

    managers: tuple[str, ...]
    managed_fields: tuple[Json, ...]
    resource_version: str


class Foreseen(msgspec.Struct, frozen=True):
    """What the server says about one wish: the live object, and the live object after the apply (dry run).

    `deferred` names what must exist before the server can answer: a Namespace or a CRD of the same plan. `untouched`
    says why the object is left alone. `replaces` names fields that only a new object can have: then `predicted` is
    the new one.
    """

    live: Json | None = None
    predicted: Json | None = None
    deferred: str = ""
    sent: Json | None = None
    """What was asked about, where that is not the wish itself: without what the wish leaves to others."""

    def __repr__(self) -> str:
        """Without the objects: they may hold secrets, and this may stand in a log or a traceback."""
        return f"Foreseen(live={self.live is not None}, deferred={self.deferred!r})"

    untouched: str = ""
    refused: str = ""
    """Why the server would not apply a wish that stood before: what differs is told all the same."""
    takeover: Takeover | None = None
    replaces: tuple[str, ...] = ()


def newer(one: str, other: str) -> bool:
    """Whether a resourceVersion is newer than another of the same object (comparable by KEP-5504)."""
    if one.isdecimal() and other.isdecimal():
        return int(one) > int(other)
    return one != other
