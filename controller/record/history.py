"""What the journal must remember of what was recorded: open intents, given identifiers, the last number."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

import msgspec

from controller.model.drift import Change, Drift
from controller.model.event import BY_LABEL, Event, EventType, Target
from controller.model.objects import Key
from controller.record.body import Head, event_of
from controller.record.identifier import is_derived

if TYPE_CHECKING:
    from collections.abc import Iterable

_DETECTED = EventType.DRIFT_DETECTED.label
_WIDENED = EventType.DRIFT_WIDENED.label
_ENDED = frozenset({EventType.DRIFT_HEALED.label, EventType.DRIFT_ENDED.label})
_INTENT = EventType.APPLY_INTENT.label
_RESULT = EventType.APPLY_RESULT.label
_REMEMBERED = 4096
"""How many derived identifiers are remembered: a retry comes soon or never."""


class Intent(msgspec.Struct, frozen=True):
    """An intent without a result, and the segment that holds it."""

    event: Event
    run: str
    segment: int


class Recorded(msgspec.Struct, frozen=True):
    """A drift that was recorded, and whose it is."""

    application: Key
    cluster: str
    drift: Drift

    @classmethod
    def of(cls, identifier: str, body: bytes) -> Recorded:
        """Read it from its detection, or from what joined it; raises msgspec.MsgspecError where the body is neither."""
        said = msgspec.json.decode(body, type=_Detection)
        drift = Drift(
            id=identifier,
            object=said.target.object,
            change=said.detail.change,
            fields=said.detail.paths,
            manager=said.detail.manager,
            since=said.detail.since,
            older=said.detail.older,
        )
        return cls(Key(said.target.namespace, said.target.application), said.target.cluster, drift)


class _Detail(msgspec.Struct, frozen=True):
    change: Change
    since: str = ""
    older: bool = False
    paths: tuple[str, ...] = ()
    manager: str = ""


class _Detection(msgspec.Struct, frozen=True):
    target: Target
    detail: _Detail


class History:
    """Built from the spool when it is opened, then kept up to date by what becomes durable."""

    def __init__(self) -> None:
        self._open: dict[str, Intent] = {}
        self._derived: OrderedDict[str, Event] = OrderedDict()
        self._drifts: dict[str, Recorded] = {}
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
        elif head.type == _DETECTED:
            self._drifted(head.id, body)
        elif head.type == _WIDENED and head.causation_id in self._drifts:
            self._drifted(head.causation_id, body)
        elif head.type in _ENDED:
            self._drifts.pop(head.causation_id, None)
        if is_derived(head.id) and head.type in BY_LABEL:
            self._remember(head, body)
        return head

    def open_intents(self) -> tuple[Intent, ...]:
        """Intents that have no result yet, oldest first."""
        return tuple(self._open.values())

    def first_needed(self) -> int | None:
        """The oldest segment that holds an open intent."""
        return min((intent.segment for intent in self._open.values()), default=None)

    def open_drifts(self, application: Key, cluster: str) -> tuple[Drift, ...]:
        """The drifts of an Application that were recorded and whose end was not."""
        return tuple(
            found.drift
            for found in self._drifts.values()
            if (found.application, found.cluster) == (application, cluster)
        )

    def recorded(self, identifier: str) -> Event | None:
        """The event recorded under a derived identifier, where it is remembered."""
        return self._derived.get(identifier)

    def _drifted(self, episode: str, body: bytes) -> None:
        try:
            self._drifts[episode] = Recorded.of(episode, body)
        except msgspec.MsgspecError:
            self.unreadable += 1
        if len(self._drifts) > _REMEMBERED:
            self._drifts.pop(next(iter(self._drifts)))

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
