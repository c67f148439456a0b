"""Workers: each takes a key, advances it, and says when it wants to be looked at again."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from controller import logs
from controller.model.run import Trigger
from controller.reconcile.loop import advance
from controller.tasks import deadline

if TYPE_CHECKING:
    from controller.reconcile.queue import Work
    from controller.reconcile.rooms import Rooms

LONGEST_LOOK = 900.0
"""Seconds that one look may take: thousands of objects fit, a hang does not stay."""
AFTER_A_FAULT = 30.0
"""Seconds until a key whose look hit a fault of ours is looked at again."""
_log = logs.get_logger(__name__)


class Workers:
    """A fixed number of workers over one queue."""

    def __init__(self, rooms: Rooms, count: int) -> None:
        self._rooms = rooms
        self.begun = False
        """Whether anybody works yet: not before all that Applications refer to is known."""
        self._count = count

    async def run(self) -> None:
        """Work until the queue is closed; what is in hand then is finished.

        Nobody begins before every Repository and Cluster is known: what is merely not listed yet is not missing.
        """
        await self._rooms.registry.synced()
        await self._rooms.fleet.settled()
        self.begun = True
        self._rooms.metrics.workers.set(self._count)
        async with asyncio.TaskGroup() as group:
            for number in range(self._count):
                group.create_task(self._work(), name=f"worker {number}")

    async def _work(self) -> None:
        queue, metrics = self._rooms.queue, self._rooms.metrics
        while (work := await queue.take()) is not None:
            metrics.queue_depth.set(len(queue))
            metrics.queue_wait.observe(work.waited)
            metrics.workers_busy.inc()
            try:
                await self._look(work)
            finally:
                metrics.workers_busy.dec()
                queue.done(work.key)

    async def _look(self, work: Work) -> None:
        queue = self._rooms.queue
        try:
            async with deadline(LONGEST_LOOK, f"looking at {work.key}"):
                fate = await advance(work, self._rooms)
        except Exception as error:  # noqa: BLE001 - a fault in one Application's look must not stop all others
            _log.error("Look hit a fault", application=str(work.key), error=error)
            self._rooms.metrics.reconciles.labels(fate="transient").inc()
            fate = (Trigger.RETRY, AFTER_A_FAULT)
        if fate is not None:
            queue.put_after(work.key, *fate)
