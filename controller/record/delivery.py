"""From the spool to PostgreSQL: in order, in batches, again and again until it is there."""

from __future__ import annotations

import asyncio
import random
from functools import partial
from typing import TYPE_CHECKING, Protocol

from controller import faults, logs
from controller.errors import ShipslogError
from controller.record.errors import EventRefused

if TYPE_CHECKING:
    from collections.abc import Sequence

    from controller.record.backlog import Backlog
    from controller.record.cursor import Position
    from controller.record.history import History
    from controller.record.spool import Spool

log = logs.get_logger(__name__)

BATCH = 500
"""Events of one delivery, at most."""
BATCH_SIZE = 1 << 20
"""Bytes of one delivery, about."""
FIRST_PAUSE = 0.25
LONGEST_PAUSE = 30.0
"""Seconds between two attempts while PostgreSQL is away; doubled from the first to the longest."""


class Destination(Protocol):
    """Takes canonical bodies; the same ones again change nothing."""

    async def deliver(self, bodies: Sequence[bytes]) -> None:
        """Returns once they are committed; raises an error of `controller.record.errors`."""
        ...


class Delivery:
    """Moves what is durable in the spool to its destination. Counters are for metrics."""

    def __init__(self, spool: Spool, destination: Destination, backlog: Backlog, history: History) -> None:
        self._spool = spool
        self._destination = destination
        self._backlog = backlog
        self._history = history
        self._busy = asyncio.Lock()
        self._news = asyncio.Event()
        self._advancing: asyncio.Future[None] | None = None
        self.delivered = 0
        self.deliveries = 0
        self.failures = 0
        self.problem: ShipslogError | None = None

    def wake(self) -> None:
        """Something new is durable."""
        self._news.set()

    async def run(self) -> None:
        """Deliver for ever."""
        while True:
            self._news.clear()
            await self._exhaust()
            await self._news.wait()

    async def drain(self, seconds: float) -> bool:
        """Deliver what waits, trying for so long; whether all of it arrived."""
        try:
            async with asyncio.timeout(seconds):
                await self._exhaust()
        except TimeoutError:
            return False
        return True

    async def _exhaust(self) -> None:
        """Deliver until nothing waits, with growing pauses while that fails."""
        pause = FIRST_PAUSE
        while True:
            try:
                more = await self.step()
            except ShipslogError as error:
                self._failed(error, pause)
                await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - jitter is no secret
                pause = min(pause * 2, LONGEST_PAUSE)
                continue
            if not more:
                return
            pause = FIRST_PAUSE

    async def step(self) -> bool:
        """Deliver one batch; False when nothing was left to deliver. Raises ShipslogError."""
        async with self._busy:
            if self._advancing is not None:
                await asyncio.wait([self._advancing])  # of a step that was cancelled: the cursor must stand still
            start = self._spool.cursor.position
            bodies, end = await asyncio.to_thread(self._spool.read, start, count=BATCH, size=BATCH_SIZE)
            if end == start:
                return False
            if bodies:
                await self._deliver(bodies)
                faults.reach("after-delivery")
            await self._advance(end, len(bodies))
            return True

    async def _deliver(self, bodies: Sequence[bytes]) -> None:
        try:
            await self._destination.deliver(bodies)
        except EventRefused:
            # One bad event refuses all: by themselves those before it get in, and the error names the one.
            for body in bodies:
                await self._destination.deliver([body])

    async def _advance(self, position: Position, count: int) -> None:
        loop = asyncio.get_running_loop()
        tidy = partial(self._spool.advance, position, needed=self._history.first_needed())
        self._advancing = loop.run_in_executor(None, tidy)
        # A callback, because what was delivered must be counted also when this step is cancelled here.
        self._advancing.add_done_callback(partial(self._advanced, count))
        await asyncio.shield(self._advancing)

    def _advanced(self, count: int, result: asyncio.Future[None]) -> None:
        self._advancing = None
        if result.cancelled() or result.exception() is not None:
            return
        self._backlog.remove(count)
        self.delivered += count
        self.deliveries += 1
        if self.problem is not None:
            log.info("Events reach PostgreSQL again", waiting=self._backlog.count)
            self.problem = None

    def _failed(self, error: ShipslogError, pause: float) -> None:
        self.failures += 1
        if self.problem is None or str(self.problem) != str(error):
            log.warning(
                "Events can't be delivered, they wait in the spool",
                error=str(error),
                waiting=self._backlog.count,
                retry_seconds=pause,
            )
        self.problem = error
