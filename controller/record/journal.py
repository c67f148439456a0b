"""The journal: numbers events, makes them durable together, and sees that they reach PostgreSQL.

```text
append -> number, compose -> batch -> spool (one fsync for all who wait) -> acknowledged -> delivery -> PostgreSQL
```
The Merkle tree over the delivered events, its checkpoints and witnesses belong behind the delivery, in the database:
the sequence there is the tree's, the numbers here only prove that nothing was lost on the way.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections import Counter
from typing import TYPE_CHECKING

import msgspec

from controller import logs
from controller.model.event import Draft, Event, EventType
from controller.record import body as canonical
from controller.record import life
from controller.record.backlog import Backlog
from controller.record.delivery import Delivery, Destination
from controller.record.errors import SpoolError, SpoolFull
from controller.record.history import History
from controller.record.identifier import Uuid7
from controller.record.spool import Spool
from controller.record.writer import Writer, size_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from controller.model.drift import Drift
    from controller.model.objects import Key
    from controller.record.disk import Disk

log = logs.get_logger(__name__)

RESERVED = frozenset(
    {
        EventType.APPLY_OBJECT,
        EventType.PRUNE_OBJECT,
        EventType.APPLY_RESULT,
        EventType.AUDIT_STARTED,
        EventType.AUDIT_STOPPED,
    }
)
"""Events about what was already begun: the spool's reserve is for them, so that a full spool loses no result."""


def now() -> dt.datetime:
    """The time, in UTC."""
    return dt.datetime.now(dt.UTC)


class Journal:
    """One per process: `open` it, `recover`, `run` the delivery; at the end `stop`, `drain`, `close`.

    Everything runs on one event loop; only the disk is touched by a thread.
    """

    def __init__(
        self,
        spool: Spool,
        ledger: Destination | None,
        *,
        producer: str,
        clock: Callable[[], dt.datetime] = now,
        history: History | None = None,
        backlog: Backlog | None = None,
    ) -> None:
        self.producer = producer
        self.appended: Counter[EventType] = Counter(dict.fromkeys(EventType, 0))
        self.refused = 0
        self._spool = spool
        self._clock = clock
        self._history = history or History()
        self._backlog = backlog or Backlog()
        self._delivery = Delivery(spool, ledger, self._backlog, self._history) if ledger else None
        self._identifiers = Uuid7()
        self.boot = self._identifiers.next(_milliseconds(clock()))
        self._previous = self._history.last
        self._seq = 0
        self._started = False
        self._closed = False
        # What is left below the limit is kept for the results of what was begun.
        self._full_at = spool.limit - spool.reserve
        self._writer = Writer(spool, on_durable=self._durable, on_lost=self._lost)

    @classmethod
    async def open(
        cls,
        directory: Path,
        ledger: Destination | None,
        *,
        producer: str,
        limit: int = 1 << 30,
        clock: Callable[[], dt.datetime] = now,
        disk: Disk | None = None,
    ) -> Journal:
        """Open the spool of a directory and read what a former life left there.

        `limit` in bytes. Raises SpoolLocked, or SpoolError when the directory can't be used.
        """
        history, backlog = History(), Backlog()
        past = _Past(history, backlog)
        spool = await asyncio.to_thread(Spool.open, directory, past.see, limit=limit, disk=disk)
        for finding in spool.findings:
            log.error("The spool was damaged", **msgspec.to_builtins(finding))
        return cls(spool, ledger, producer=producer, clock=clock, history=history, backlog=backlog)

    async def append(self, *drafts: Draft) -> tuple[Event, ...]:
        """Number the events and make them durable: on return they survive `kill -9` and a power cut.

        A draft with an identifier that was recorded before gives the event of then. When the caller is cancelled the
        events may be recorded all the same. Raises EventError, SpoolFull or SpoolError: then none is recorded.
        """
        if self._closed:
            raise SpoolError("the journal is closed")
        events, fresh = self._number(drafts)
        batch = self._writer.join(fresh) if fresh else self._writer.last
        if batch is not None:
            # Shielded: the batch belongs to all who wait for it.
            error = await asyncio.shield(batch.done)
            if error is not None:
                raise SpoolError(error.message, remedy=error.remedy) from error
        return events

    def open_intents(self) -> tuple[Event, ...]:
        """Every apply.intent that has no apply.result, oldest first."""
        return tuple(intent.event for intent in self._history.open_intents())

    def open_drifts(self, application: Key, cluster: str) -> tuple[Drift, ...]:
        """The drifts whose end was not recorded, as far as the spool goes back: the status may not tell of them."""
        return self._history.open_drifts(application, cluster)

    async def recover(self) -> tuple[Event, ...]:
        """Begin this life: record audit.started, and an unknown result for each intent a former life left open.

        Gives those results. Their identifiers derive from their intents', so being killed here doubles nothing.
        """
        if not self._started:
            self._started = True
            await self.append(life.started(self._previous, self._spool.findings))
        left = [intent for intent in self.open_intents() if intent.boot != self.boot]
        return await self.append(*(life.unknown_result(intent) for intent in left)) if left else ()

    async def run(self) -> None:
        """Deliver to PostgreSQL until cancelled. Without one, events wait in the spool and so does this."""
        if self._delivery:
            await self._delivery.run()
        await asyncio.get_running_loop().create_future()

    async def stop(self) -> None:
        """Record audit.stopped: the silence that follows is no gap."""
        await self.append(life.stopped())

    async def drain(self, timeout: float) -> bool:  # noqa: ASYNC109 - the deadline is part of the promise
        """Deliver what waits, for at most so many seconds; whether all of it arrived. The rest stays in the spool."""
        if self._delivery is None:
            return not self.undelivered
        if await self._delivery.drain(timeout):
            return True
        problem = self._delivery.problem
        log.warning("Events stay in the spool", error=str(problem or "too slow"), waiting=self.undelivered)
        return False

    async def close(self) -> None:
        """Finish what was appended, then let the spool go."""
        self._closed = True
        await self._writer.close()
        await asyncio.to_thread(self._spool.close)

    @property
    def spool_bytes(self) -> int:
        """Size of the spool."""
        return self._spool.size

    @property
    def spool_limit(self) -> int:
        """Size the spool may reach."""
        return self._spool.limit

    @property
    def full(self) -> bool:
        """Whether nothing new is taken: the spool has not shrunk since it had no room for an event."""
        return self._spool.size >= self._full_at

    @property
    def undelivered(self) -> int:
        """Events that wait for PostgreSQL."""
        return self._backlog.count

    @property
    def undelivered_age(self) -> float:
        """Seconds since the oldest of them was recorded; 0 when none waits."""
        return self._backlog.age(self._clock)

    @property
    def delivery(self) -> Delivery | None:
        """The delivery with its counters, where there is a ledger."""
        return self._delivery

    def _number(self, drafts: tuple[Draft, ...]) -> tuple[tuple[Event, ...], list[Event]]:
        """All events, and those among them that are new. Nothing is numbered unless all can be."""
        events: list[Event] = []
        fresh: list[Event] = []
        for draft in drafts:
            identifier = canonical.given_id(draft) if draft.id else ""
            known = self._known(identifier, fresh)
            events.append(known or self._compose(draft, identifier, self._seq + len(fresh) + 1))
            if known is None:
                fresh.append(events[-1])
        if fresh:
            self._admit(fresh)
            self._seq += len(fresh)
        return tuple(events), fresh

    def _known(self, identifier: str, fresh: list[Event]) -> Event | None:
        if not identifier:
            return None
        under_way = {event.id: event for event in [*self._writer.events(), *fresh]}
        return under_way.get(identifier) or self._history.recorded(identifier)

    def _compose(self, draft: Draft, identifier: str, seq: int) -> Event:
        moment = self._clock()
        stamp = canonical.Stamp(
            id=identifier or self._identifiers.next(_milliseconds(moment)),
            occurred_at=canonical.given_time(draft) if draft.occurred_at else canonical.timestamp(moment),
            producer=self.producer,
            boot=self.boot,
            seq=seq,
        )
        return canonical.compose(draft, stamp)

    def _admit(self, events: list[Event]) -> None:
        reserved = all(event.type in RESERVED for event in events)
        try:
            self._spool.admit(self._writer.size + size_of(events), reserved=reserved)
        except SpoolFull as error:
            self.refused += len(events)
            self._full_at = self._spool.size
            held = self._history.open_intents()
            if self.undelivered or not held:
                raise
            raise SpoolFull(
                f"the spool {self._spool.directory} is full of delivered events behind intent {held[0].event.id}"
                f" of run {held[0].run}, which has no result",
                remedy="restart the controller: it records an unknown result for each such intent",
            ) from error
        if not reserved:
            self._full_at = self._spool.limit - self._spool.reserve

    def _durable(self, events: list[Event], segment: int) -> None:
        for event in events:
            self._history.see(event.body, segment)
            self.appended[event.type] += 1
        self._backlog.add(len(events), self._clock())
        if self._delivery:
            self._delivery.wake()

    def _lost(self, events: list[Event]) -> None:
        """Their numbers are given again."""
        self._seq = events[0].seq - 1
        self.refused += len(events)


class _Past:
    """Tells the history and the backlog what a spool holds when it is opened."""

    def __init__(self, history: History, backlog: Backlog) -> None:
        self._history = history
        self._backlog = backlog

    def see(self, body: bytes, segment: int, *, delivered: bool) -> None:
        head = self._history.see(body, segment)
        if not delivered and head is not None:
            self._backlog.add(1, dt.datetime.fromisoformat(head.occurred_at))


def _milliseconds(moment: dt.datetime) -> int:
    return int(moment.timestamp() * 1000)
