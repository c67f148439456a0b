"""What the journal must remember of what was recorded: open intents, given identifiers, the last number."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

import msgspec

from controller.model.event import BY_LABEL, Event, EventType
from controller.record.body import Head, event_of
from controller.record.identifier import is_derived

if TYPE_CHECKING:
    from collections.abc import Iterable

_INTENT = EventType.APPLY_INTENT.label
_RESULT = EventType.APPLY_RESULT.label
_REMEMBERED = 4096
"""How many derived identifiers are remembered: a retry comes soon or never."""


class Intent(msgspec.Struct, frozen=True):
    """An intent without a result, and the segment that holds it."""

    event: Event
    run: str
    segment: int


class History:
    """Built from the spool when it is opened, then kept up to date by what becomes durable."""

    def __init__(self) -> None:
        self._open: dict[str, Intent] = {}
        self._derived: OrderedDict[str, Event] = OrderedDict()
        self.last: Head | None = None
        self.unreadable = 0

    def see(self, body: bytes, segment: int) -> Head | None:
        """Take note of a durable body; one that is no event of ours is counted (None), never dropped from the spool."""
        try:
            head = Head.of(body)
        except msgspec.MsgspecError:
            self.unreadable += 1
            return None
        self.last = head
        if head.type == _INTENT:
            self._open[head.id] = Intent(event_of(body, head), head.correlation_id, segment)
        elif head.type == _RESULT:
            self._close(head)
        if is_derived(head.id) and head.type in BY_LABEL:
            self._remember(head, body)
        return head

    def open_intents(self) -> tuple[Intent, ...]:
        """Intents that have no result yet, oldest first."""
        return tuple(self._open.values())

    def first_needed(self) -> int | None:
        """The oldest segment that holds an open intent."""
        return min((intent.segment for intent in self._open.values()), default=None)

    def recorded(self, identifier: str) -> Event | None:
        """The event recorded under a derived identifier, where it is remembered."""
        return self._derived.get(identifier)

    def _close(self, head: Head) -> None:
        """A result closes the intent that caused it, or else all of its run."""
        for identifier in [head.causation_id] if head.causation_id else self._of_run(head.correlation_id):
            self._open.pop(identifier, None)

    def _of_run(self, run: str) -> Iterable[str]:
        return [identifier for identifier, intent in self._open.items() if intent.run == run]

    def _remember(self, head: Head, body: bytes) -> None:
        self._derived[head.id] = event_of(body, head)
        if len(self._derived) > _REMEMBERED:
            self._derived.popitem(last=False)
