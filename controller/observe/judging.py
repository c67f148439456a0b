"""Verdicts of health checks on what watches tell: a check that takes long holds back neither the watch nor others."""

from __future__ import annotations

import asyncio
import functools
from typing import TYPE_CHECKING, NamedTuple

from controller.model.objects import object_id

if TYPE_CHECKING:
    from collections.abc import Callable

    from controller.model.base import Json
    from controller.model.health import Health
    from controller.observe.checklist import Checklist

PROMPT = 0.25
"""Seconds for which a watch waits for a verdict; a usual one takes a millisecond."""
MOST = 16
"""Objects whose verdict may be overdue while they are kept in memory for it."""


class Judged(NamedTuple):
    """What came of asking for a verdict."""

    prompt: bool
    health: Health | None = None
    """The verdict; None where the kind's own rules decide, or where it is not there yet."""
    kept: bool = True
    """Whether it comes by itself where it is not there yet; else there was no room for the object."""


class Judging:
    """Asks for verdicts. `late` gets those that a watch did not wait for, with their objects."""

    def __init__(self, checklist: Checklist, late: Callable[[Json, Health | None], None]) -> None:
        self._checklist = checklist
        self._late = late
        self._overdue: set[asyncio.Task[Health | None]] = set()

    async def promptly(self, body: Json, group: asyncio.TaskGroup) -> Judged:
        """The verdict on an object, if it comes at once; `group` owns the task that waits for it else."""
        if self._checklist.of(body) is None:
            return Judged(prompt=True)
        if len(self._overdue) >= MOST:
            return Judged(prompt=False, kept=False)
        task = group.create_task(self._checklist.verdict(body), name=f"health of {object_id(body)}")
        if not self._overdue:  # else who is waited for is behind the one that takes long
            await asyncio.wait({task}, timeout=PROMPT)
        if task.done():
            return Judged(prompt=True, health=task.result())
        self._overdue.add(task)
        task.add_done_callback(functools.partial(self._deliver, body))
        return Judged(prompt=False)

    def _deliver(self, body: Json, task: asyncio.Task[Health | None]) -> None:
        self._overdue.discard(task)
        if not task.cancelled():
            self._late(body, task.result())
