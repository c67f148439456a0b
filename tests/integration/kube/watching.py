"""A consumer of a watch, for tests: what it was told, and what it believes to be there."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable

    from controller.kube.cluster import ApiCluster
    from controller.ports import WatchEvent

SECONDS = 30.0


class Watching:
    """What a consumer of `controller.ports.Cluster.watch` sees."""

    def __init__(self) -> None:
        self.events: list[WatchEvent] = []
        self.objects: dict[str, dict[str, Any]] = {}
        self.states: list[bool] = []
        self._listed: set[str] | None = set()
        self._changed = asyncio.Condition()
        self._disconnected = asyncio.Event()

    def happened_to(self, *names: str) -> list[str]:
        """The kinds of events of these objects: the cluster puts objects of its own into a namespace at any time."""
        return [event.kind for event in self.events if event.body.get("metadata", {}).get("name") in names]

    @property
    def kinds(self) -> list[str]:
        """The kinds of all events so far."""
        return [event.kind for event in self.events]

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until it holds; fails after some seconds."""
        async with asyncio.timeout(SECONDS), self._changed:
            await self._changed.wait_for(condition)

    async def until_synced(self, times: int = 1) -> None:
        """Wait for a complete listing."""
        await self.until(lambda: self.kinds.count("synced") >= times)

    async def consume(self, events: AsyncGenerator[WatchEvent]) -> None:
        """Believe what a watch says."""
        async with aclosing(events):
            async for event in events:
                async with self._changed:
                    self.events.append(event)
                    self._believe(event)
                    self._changed.notify_all()

    def on_state(self, connected: bool) -> None:
        """Take note of the connection."""
        self.states.append(connected)
        if not connected:
            self._disconnected.set()

    async def until_disconnected(self) -> None:
        """Wait until the watch says that it could not be taken up again."""
        async with asyncio.timeout(SECONDS):
            await self._disconnected.wait()

    def _believe(self, event: WatchEvent) -> None:
        name = event.body.get("metadata", {}).get("name", "")
        if event.kind == "restarted":
            self._listed = set()
        elif event.kind == "synced":
            self.objects = {name: body for name, body in self.objects.items() if name in (self._listed or ())}
            self._listed = None
        elif event.kind == "deleted":
            self.objects.pop(name, None)
        else:
            self.objects[name] = event.body
            if self._listed is not None:
                self._listed.add(name)


@asynccontextmanager
async def consuming(events: AsyncGenerator[WatchEvent], seen: Watching | None = None) -> AsyncIterator[Watching]:
    """A consumer of these events for as long as the block lasts."""
    seen = seen or Watching()
    task = asyncio.create_task(seen.consume(events), name="consumer of a watch")
    try:
        yield seen
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def watching(
    cluster: ApiCluster, namespace: str, kind: str = "ConfigMap", api_version: str = "v1", **options: Any
) -> AsyncIterator[Watching]:
    """A consumer of a watch for as long as the block lasts."""
    seen = Watching()
    events = cluster.watch(api_version, kind, namespace=namespace, on_state=seen.on_state, **options)
    async with consuming(events, seen):
        yield seen
