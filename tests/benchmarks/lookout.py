"""Sees objects change, by a watch, at the moment the API server says so."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

    from controller.kube.cluster import ApiCluster
    from controller.model.base import Json


class NotSeenError(RuntimeError):
    """What was waited for was not seen in time."""


class Lookout:
    """Watches a kind in a namespace, or in all of them, while the `async with` block runs."""

    def __init__(self, client: ApiCluster, api_version: str, kind: str, namespace: str = "") -> None:
        self.bodies: dict[str, Json] = {}
        """The objects by name, or by namespace/name where all namespaces are watched; as last seen."""
        self._fresh: set[str] = set()
        self._client = client
        self._what = api_version, kind, namespace
        self._news = asyncio.Event()
        self._synced = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Start, and wait until what exists was listed."""
        self._task = asyncio.create_task(self._look(), name=f"lookout {self._what[1]}")
        synced = asyncio.create_task(self._synced.wait(), name="lookout synced")
        await asyncio.wait([self._task, synced], return_when=asyncio.FIRST_COMPLETED, timeout=30)
        synced.cancel()
        if self._task.done():
            self._task.result()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.wait([self._task])

    async def until(
        self, true: Callable[[Mapping[str, Json]], bool], seconds: float, explain: Callable[[], str] = str
    ) -> float:
        """Wait until something is true of the objects; the moment on the monotonic clock.

        Raises NotSeenError with the explanation when it is not within so many seconds.
        """
        try:
            async with asyncio.timeout(seconds):
                while True:
                    self._news.clear()
                    if true(self.bodies):
                        return time.monotonic()
                    await self._news.wait()
        except TimeoutError:
            raise NotSeenError(f"not within {seconds:g} s: {explain() or 'no explanation'}") from None

    def fresh(self) -> set[str]:
        """Names of the objects that were seen since it was last asked: thousands need not be looked at each time."""
        fresh, self._fresh = self._fresh, set()
        return fresh

    async def _look(self) -> None:
        api_version, kind, namespace = self._what
        async with aclosing(self._client.watch(api_version, kind, namespace=namespace)) as events:
            async for event in events:
                match event.kind:
                    case "restarted":
                        self.bodies.clear()
                    case "synced":
                        self._synced.set()
                    case "deleted":
                        self.bodies.pop(self._name(event.body), None)
                    case _:
                        name = self._name(event.body)
                        self.bodies[name] = event.body
                        self._fresh.add(name)
                self._news.set()

    def _name(self, body: Json) -> str:
        metadata = body["metadata"]
        everywhere = not self._what[2] and "namespace" in metadata
        return f"{metadata['namespace']}/{metadata['name']}" if everywhere else str(metadata["name"])


def is_ready(body: Json, revision: str = "") -> bool:
    """Whether an Application is Ready and settled, at a revision where one is given."""
    status = body.get("status") or {}
    conditions = {condition["type"]: condition for condition in status.get("conditions", [])}
    ready: Mapping[str, Any] = conditions.get("Ready", {})
    return (
        ready.get("status") == "True"
        and ready.get("observedGeneration") == body["metadata"]["generation"]
        and conditions.get("Reconciling", {}).get("status") == "False"
        and (not revision or (status.get("revision") or {}).get("sha") == revision)
    )


def complaint(body: Json) -> str:
    """What an Application says of itself that is not well."""
    conditions = (body.get("status") or {}).get("conditions", [])
    ready: Mapping[str, Any] = next((condition for condition in conditions if condition["type"] == "Ready"), {})
    return f"{body['metadata']['name']}: {ready.get('reason', 'no status')}: {ready.get('message', '')}"
