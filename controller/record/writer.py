"""The spool's only writer: events that come while it writes become durable together, by the next fsync."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from controller.record.errors import SpoolError
from controller.record.segment import RECORD_OVERHEAD

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from controller.model.event import Event
    from controller.record.spool import Spool


class Batch:
    """Events that become durable by the same fsync. `done` gives the error that befell all of them, or None."""

    def __init__(self, done: asyncio.Future[SpoolError | None]) -> None:
        self.events: list[Event] = []
        self.size = 0
        self.done = done

    def settle(self, error: SpoolError | None) -> None:
        """Tell all who wait; whoever was told already is told nothing else."""
        if not self.done.done():
            self.done.set_result(error)


class Writer:
    """At most one batch is being written, and one waits. Everything runs on one event loop, the disk on a thread."""

    def __init__(
        self,
        spool: Spool,
        *,
        on_durable: Callable[[list[Event], int], None],
        on_lost: Callable[[list[Event]], None],
    ) -> None:
        """Called before those who wait are: `on_durable` with events and their segment, `on_lost` with all that failed.

        After a loss nothing is being written and nothing waits.
        """
        self._spool = spool
        self._on_durable = on_durable
        self._on_lost = on_lost
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="spool")
        self._writing: Batch | None = None
        self._waiting: Batch | None = None

    @property
    def size(self) -> int:
        """Bytes on their way into the spool."""
        return sum(batch.size for batch in self._under_way())

    @property
    def last(self) -> Batch | None:
        """The batch after which all that came so far is written; None where that is so already."""
        return self._waiting or self._writing

    def events(self) -> list[Event]:
        """Events on their way into the spool, in their order."""
        return [event for batch in self._under_way() for event in batch.events]

    def join(self, events: list[Event]) -> Batch:
        """Put events into the batch that is written next."""
        loop = asyncio.get_running_loop()
        if self._waiting is None:
            self._waiting = Batch(loop.create_future())
            if self._writing is None:
                # Not at once: who else appends in this turn of the loop shares the fsync.
                loop.call_soon(self._write_next)
        self._waiting.events.extend(events)
        self._waiting.size += size_of(events)
        return self._waiting

    async def close(self) -> None:
        """Write what came, then end the thread."""
        while batch := self.last:
            await asyncio.wait([batch.done])
        await asyncio.to_thread(self._thread.shutdown)

    def _under_way(self) -> list[Batch]:
        return [batch for batch in (self._writing, self._waiting) if batch]

    def _write_next(self) -> None:
        if self._writing is not None or self._waiting is None:
            return
        self._writing, self._waiting = self._waiting, None
        bodies = [event.body for event in self._writing.events]
        loop = asyncio.get_running_loop()
        loop.run_in_executor(self._thread, self._spool.write, bodies).add_done_callback(self._written)

    def _written(self, result: asyncio.Future[int]) -> None:
        batch, self._writing = self._writing, None
        if batch is None:
            return
        error = result.exception()
        if error is None:
            self._on_durable(batch.events, result.result())
            batch.settle(None)
        else:
            self._fail(batch, error)
        self._write_next()

    def _fail(self, batch: Batch, error: BaseException) -> None:
        """Nobody was told of these numbers: they are given again, so those who wait behind must fail too."""
        failure = error if isinstance(error, SpoolError) else SpoolError(f"the spool can't be written: {error}")
        failed = [batch, self._waiting] if self._waiting else [batch]
        self._waiting = None
        self._on_lost([event for lost in failed for event in lost.events])
        for lost in failed:
            lost.settle(failure)


def size_of(events: Iterable[Event]) -> int:
    """Bytes that events take in the spool."""
    return sum(len(event.body) + RECORD_OVERHEAD for event in events)
