"""Who suspended or resumed an Application by the command line, as its annotation says it."""

from __future__ import annotations

import msgspec

from controller.model.base import Noun


class Suspension(Noun, frozen=True, kw_only=True):
    """A switch of `spec.suspend`; `generation` is the one that it made: it tells of no later switch."""

    by: str
    suspend: bool
    generation: int


def text(suspension: Suspension) -> str:
    """The annotation's value."""
    return msgspec.json.encode(suspension).decode()


def parse(annotation: str) -> Suspension | None:
    """What the annotation says; None where it says nothing that can be read."""
    try:
        found = msgspec.json.decode(annotation, type=Suspension)
    except msgspec.MsgspecError:
        return None
    return msgspec.structs.replace(found, by=found.by[:256] or "unknown")
