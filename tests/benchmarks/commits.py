"""One commit in one Application: how long until it is live, and what it costs."""

from __future__ import annotations

import asyncio
import random
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from controller.model.labels import ACTOR_ANNOTATION, API_VERSION, GROUP, SYNC_ANNOTATION
from controller.model.objects import ObjectId
from tests.benchmarks.counters import rest
from tests.benchmarks.fleet import MAP, directory
from tests.benchmarks.lookout import Lookout, is_ready
from tests.benchmarks.results import Commits, Spread
from tests.benchmarks.usage import cpu_of
from tests.ground.world import TEAM

if TYPE_CHECKING:
    from tests.benchmarks.ours import Standing

LIVE = 120.0
"""Seconds until a commit must be live."""
_moments = random.Random(20260101)  # noqa: S311 - moments between two polls, not secrets


async def commit_often(ground: Standing, count: int, *, ask: bool, poll_seconds: float = 0.0) -> Commits:
    """So many commits, one after the other; `ask` for a sync after each, or let polling find it."""
    pid, name = ground.controller.pid, ground.fleet.names[ground.fleet.size // 2]
    live, told = [], []
    before = await rest(ground.controller)
    cpu, server = cpu_of(pid), cpu_of(ground.api_server)
    async with Lookout(ground.client, "v1", "ConfigMap", name) as maps:
        for number in range(count):
            if not ask:  # pushed at any moment between two polls: that is what is measured, nothing is waited for
                await asyncio.sleep(_moments.uniform(0, poll_seconds))
            seconds, until_told = await _commit(ground, maps, name, f"{'asked' if ask else 'polled'}-{number}", ask=ask)
            live.append(seconds)
            told.append(until_told)
            await rest(ground.controller)
    cpu, server = cpu_of(pid).since(cpu), cpu_of(ground.api_server).since(server)
    after = await rest(ground.controller)
    requests = after.requests - before.requests
    return Commits(
        live=Spread.of(live),
        told=Spread.of(told),
        live_seconds=[round(seconds, 6) for seconds in live],
        renders=(after.renders - before.renders) / count,
        looks=(after.looks - before.looks) / count,
        cpu_seconds=cpu.seconds / count,
        api_server_cpu_seconds=server.seconds / count,
        requests={verb: total / count for verb, total in sorted(requests.items())},
    )


async def _commit(ground: Standing, maps: Lookout, name: str, version: str, *, ask: bool) -> tuple[float, float]:
    """Push, and wait: seconds until live, and until the Application says so."""
    head = await asyncio.to_thread(_push, ground, name, version)
    pushed = time.monotonic()
    if ask:
        await _ask(ground, name)
    live = await maps.until(lambda seen: seen.get(MAP, {}).get("data", {}).get("version") == version, LIVE)
    told = await ground.applications.until(lambda seen: is_ready(seen[name], head), LIVE, ground.complaints)
    return live - pushed, told - pushed


def _push(ground: Standing, name: str, version: str) -> str:
    head = ground.worktree.commit(directory(name, version), f"Version {version}")
    ground.worktree.push()
    return head


async def _ask(ground: Standing, name: str) -> None:
    """As `shipslog sync` does."""
    asked = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    annotations = {SYNC_ANNOTATION: asked, ACTOR_ANNOTATION: "benchmark"}
    target = ObjectId(GROUP, "Application", TEAM, name)
    await ground.client.merge(target, API_VERSION, {"metadata": {"annotations": annotations}})
