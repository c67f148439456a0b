"""The API server's own limit for a number of writes: the same requests bare, so many in flight."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from tests.benchmarks.harbour import IN_FLIGHT

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Sequence

    from controller.kube.cluster import ApiCluster
    from controller.model.base import Json


async def at_once(work: Iterable[Callable[[], Coroutine[None, None, object]]], in_flight: int = IN_FLIGHT) -> float:
    """Do all of it, so much at the same time; the seconds it took."""
    gate = asyncio.Semaphore(in_flight)

    async def one(job: Callable[[], Coroutine[None, None, object]]) -> None:
        async with gate:
            await job()

    begun = time.monotonic()
    async with asyncio.TaskGroup() as group:
        for number, job in enumerate(work):
            group.create_task(one(job), name=f"bare {number}")
    return time.monotonic() - begun


async def dry_run_and_apply(client: ApiCluster, wishes: Sequence[Json]) -> float:
    """A dry run and then an apply of each, as a first sync needs them; seconds."""

    async def both(body: Json) -> None:
        await client.apply(body, dry_run=True)
        await client.apply(body)

    return await at_once([lambda body=body: both(body) for body in wishes])  # type: ignore[misc]


async def dry_run(client: ApiCluster, wishes: Sequence[Json]) -> float:
    """A dry run of each; seconds."""
    return await at_once([lambda body=body: client.apply(body, dry_run=True) for body in wishes])  # type: ignore[misc]


async def apply(client: ApiCluster, wishes: Sequence[Json]) -> float:
    """A forced apply of each; seconds."""
    return await at_once([lambda body=body: client.apply(body) for body in wishes])  # type: ignore[misc]
