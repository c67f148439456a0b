"""Our own writes, for as long as managedFields, whose times are whole seconds, may not tell of another one."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from controller.model.base import Json
    from controller.model.live import LiveView
    from controller.model.objects import ObjectId

BLIND = 2.0
"""Seconds after a write of ours in which a write in our name may leave the same entry."""


class OwnWrites:
    """When we wrote each object, and what the watch may tell of it in the meantime."""

    def __init__(self) -> None:
        self._written: dict[ObjectId, tuple[float, int]] = {}
        """By the monotonic clock, and its generation after that."""

    def note(self, id_: ObjectId, body: Json) -> None:
        """This is the server's answer to a write of ours."""
        self._written[id_] = (time.monotonic(), body["metadata"].get("generation", 0))

    def doubted(self, body: Json, known: LiveView | None, view: LiveView) -> LiveView:
        """The view; under another digest where a write in our name, within the second of our own, left none."""
        at, generation = self._written.get(view.id, (0.0, 0))
        if known is None or known.uid != view.uid or known.ownership != view.ownership:
            self.forget(view.id)
            return view
        if not at or time.monotonic() - at > BLIND:
            return view
        found = body["metadata"].get("generation", 0)
        if found and found == generation:
            return view  # a status
        self._written[view.id] = (at, found)
        return msgspec.structs.replace(view, ownership=f"{view.ownership}?")

    def forget(self, id_: ObjectId) -> None:
        """The object is gone, or managedFields tells of it."""
        self._written.pop(id_, None)
