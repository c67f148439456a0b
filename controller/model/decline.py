"""Declines: heals that a person does not want, each for one episode of one object."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from controller.model.base import Noun

MOST = 32
"""Declines that one Application may have at once."""
REASON = 1024
"""Characters of a reason."""


class Decline(Noun, frozen=True, kw_only=True):
    """One declined heal, as the Application's annotation has it.

    It holds for the episode that is open on the object, or for the next one that opens before `until`; it ends with
    the episode. All times are RFC 3339 in UTC.
    """

    object: str
    reason: str
    by: str = ""
    at: str = ""
    until: str = ""


def parse(annotation: str) -> tuple[Decline, ...]:
    """Read the annotation; what makes no sense declines nothing, and neither does what gives no reason."""
    if not annotation:
        return ()
    try:
        found = msgspec.json.decode(annotation, type=list[Decline])
    except msgspec.DecodeError:
        return ()
    return tuple(
        msgspec.structs.replace(one, reason=one.reason[:REASON], by=one.by[:256] or "unknown", at=one.at[:64])
        for one in found[:MOST]
        if one.object and one.reason.strip()
    )


def text(declines: Iterable[Decline]) -> str | None:
    """The annotation's value; None, which removes it, where there is nothing to say."""
    kept = list(declines)
    return msgspec.json.encode(kept).decode() if kept else None
