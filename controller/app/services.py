"""The eternal tasks of the process: each is started anew when it ends, and ends itself when the stack unwinds to it."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from controller.serve import Vitals
from controller.tasks import Roster, supervise

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine
    from contextlib import AsyncExitStack


class Services:
    """Tasks that `group` owns, and what the probes say of them."""

    def __init__(self, group: asyncio.TaskGroup, stack: AsyncExitStack) -> None:
        self.vitals = Vitals()
        self._group = group
        self._stack = stack
        self._roster = Roster()

    async def start(self, name: str, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Start an eternal task."""
        supervised = supervise(name, lambda: self.vitals.live(name, work), roster=self._roster)
        await self._stack.enter_async_context(_running(self._group, name, supervised))

    def down(self) -> str:
        """Which of them wait to be started anew, as a sentence; empty when none does."""
        down = [name for name, why in self._roster.states().items() if why]
        return f"started anew: {', '.join(down)} (see the log)" if down else ""


@asynccontextmanager
async def _running(
    group: asyncio.TaskGroup, name: str, work: Coroutine[Any, Any, None]
) -> AsyncIterator[asyncio.Task[None]]:
    task = group.create_task(work, name=name)
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait([task])
