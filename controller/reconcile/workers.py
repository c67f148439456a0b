"""Workers: one for each key in hand; it advances it, and says when it wants to be looked at again."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import TYPE_CHECKING

from controller import faults, logs
from controller.errors import ShipslogError
from controller.model.run import Trigger
from controller.reconcile.dependencies import release
from controller.reconcile.failing import fail
from controller.reconcile.fault import InternalError
from controller.reconcile.loop import advance
from controller.reconcile.rooms import Memory
from controller.tasks import DeadlineExceeded, deadline

if TYPE_CHECKING:
    from controller.model.objects import Key
    from controller.reconcile.queue import Fate, Work
    from controller.reconcile.rooms import Rooms

LONGEST_LOOK = 900.0
"""Seconds that one look may take: thousands of objects fit, a hang does not stay."""
LONGEST_WORD = 60.0
"""Seconds that telling of a fault may take."""
AFTER_A_FAULT = 30.0
"""Seconds until a key is looked at again of which not even its failure could be told."""
KEPT = ("born", "owed", "failures", "spoken", "seen", "unhealed", "run")
"""What is remembered of a look that broke: what is owed and said, and how far its run came."""
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
        faults.subject.set(work.key.name)
        try:
            await self._look(work)
        finally:
            metrics.workers_busy.dec()
            self._rooms.queue.done(work.key)
            release(work.key, self._rooms)

    async def _look(self, work: Work) -> None:
        try:
            async with deadline(LONGEST_LOOK, f"looking at {work.key}"):
                fate = await advance(work, self._rooms)
        except DeadlineExceeded as error:
            _log.exception("Look had no end", application=str(work.key))
            fate = await self._tell(work, error)
        except ShipslogError as error:
            # A failure was to be told, and could not be: the home cluster or the spool is away.
            _log.warning("Look not told of", application=str(work.key), error=str(error))
            fate = (Trigger.RETRY, AFTER_A_FAULT)
        except Exception as error:  # noqa: BLE001 - a fault in one Application's look must not stop all others
            _log.exception("Look hit a fault", application=str(work.key))
            self._distrust(work.key)
            fate = await self._tell(work, InternalError(error))
        if fate is not None:
            self._rooms.queue.put_after(work.key, *fate)

    async def _tell(self, work: Work, error: ShipslogError) -> Fate:
        """Have the Application say so; where keeping what stands breaks, too, without keeping it."""
        for keep in (True, False):
            app = self._rooms.registry.applications.get(work.key)
            if app is None:
                break
            try:
                async with deadline(LONGEST_WORD, f"telling of {work.key}"):
                    return await fail(app, work, self._rooms, error, keep=keep)
            except ShipslogError as silence:
                _log.warning("Fault not told of", application=str(work.key), error=str(silence))
            except Exception:  # noqa: BLE001 - nor may a fault in telling of it
                _log.exception("Telling of a fault hit a fault", application=str(work.key))
        return Trigger.RETRY, AFTER_A_FAULT

    def _distrust(self, key: Key) -> None:
        """Remember nothing else of a look that broke: the next one begins as after a restart."""
        memory = self._rooms.memories.get(key)
        if memory is not None:
            kept = {name: getattr(memory, name) for name in KEPT}
            self._rooms.memories[key] = dataclasses.replace(Memory(memory.uid), **kept)
