"""Workers: one for each key in hand; it advances it, and says when it wants to be looked at again."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from controller import logs
from controller.model.run import Trigger
from controller.reconcile.dependencies import release
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
    """As many workers as the queue has keys to hand out: it bounds how many each cluster gets."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms
        self.begun = False
        """Whether anybody works yet: not before all that Applications refer to is known."""

    async def run(self) -> None:
        """Work until the queue is closed; what is in hand then is finished.

        Nobody begins before every Repository and Cluster is known: what is merely not listed yet is not missing.
        """
        await self._rooms.registry.synced()
        await self._rooms.fleet.settled()
        self.begun = True
        queue, metrics = self._rooms.queue, self._rooms.metrics
        metrics.workers.set(queue.limit)
        async with asyncio.TaskGroup() as group:
            while (work := await queue.take()) is not None:
                metrics.queue_depth.set(len(queue))
                metrics.queue_wait.observe(work.waited)
                group.create_task(self._work(work), name=f"look at {work.key}")

    async def _work(self, work: Work) -> None:
        metrics = self._rooms.metrics
        metrics.workers_busy.inc()
        try:
            await self._look(work)
        finally:
            metrics.workers_busy.dec()
            self._rooms.queue.done(work.key)
            release(work.key, self._rooms)

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
