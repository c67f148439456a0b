"""What is read back from the ledger."""

from __future__ import annotations

import datetime as dt
import re
import uuid
from typing import Any

import msgspec


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A row of audit.event. The columns are documented in the schema; all but recorded_at come from the body."""

    event_id: uuid.UUID
    occurred_at: dt.datetime
    recorded_at: dt.datetime
    type: str
    code: str
    severity: str
    outcome: str
    actor_kind: str
    actor: str
    namespace: str | None
    application: str | None
    cluster: str | None
    object: str | None
    revision: str | None
    correlation_id: str | None
    causation_id: str | None
    producer: str
    boot: uuid.UUID
    seq: int
    body: bytes

    def document(self) -> dict[str, Any]:
        """The body, decoded."""
        decoded: dict[str, Any] = msgspec.json.decode(self.body)
        return decoded

    def reason(self) -> str:
        """The reason that the body gives, or an empty text."""
        return str(self.document().get("reason", ""))


class RunEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A run as its events tell it. `outcome` is that of its last result, None while there is none."""

    correlation_id: str
    namespace: str | None
    application: str | None
    cluster: str | None
    revision: str | None
    actor: str
    outcome: str | None
    first_at: dt.datetime
    last_at: dt.datetime
    applied: int
    pruned: int
    events: int


_GROUPED = re.compile(r"([^. ]+)\.[^ ]+ ")


def _ungrouped(text: str) -> str:
    match = _GROUPED.match(text)
    return f"{match[1]} {text[match.end() :]}" if match else text


class Filters(msgspec.Struct, frozen=True, kw_only=True):
    """Which events to give: those that pass all. None lets everything pass; `until` is exclusive.

    An `object` without a group, as in `Deployment shop/web`, is that of every group.
    """

    since: dt.datetime | None = None
    until: dt.datetime | None = None
    types: tuple[str, ...] | None = None
    namespace: str | None = None
    application: str | None = None
    cluster: str | None = None
    object: str | None = None
    actor: str | None = None
    outcome: str | None = None
    severity: str | None = None
    correlation_id: str | None = None

    def passes(self, entry: Entry) -> bool:
        """Whether an entry passes, as the query would judge it."""
        exact = ("namespace", "application", "cluster", "actor", "outcome", "severity", "correlation_id")
        return (
            (self.since is None or entry.occurred_at >= self.since)
            and (self.until is None or entry.occurred_at < self.until)
            and (self.types is None or entry.type in self.types)
            and (self.object is None or self.object in {entry.object, _ungrouped(entry.object or "")})
            and all(getattr(self, field) in (None, getattr(entry, field)) for field in exact)
        )
