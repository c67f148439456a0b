"""Nothing happens: what does that cost?"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from tests.benchmarks.counters import rest, scrape
from tests.benchmarks.results import Steady
from tests.benchmarks.usage import cpu_of, memory_of

if TYPE_CHECKING:
    from tests.benchmarks.ours import Standing


async def stand_still(ground: Standing, seconds: float) -> Steady:
    """Look on for so many seconds; the two looks at its metrics are part of what it costs."""
    pid = ground.controller.pid
    before = await rest(ground.controller)
    begun, cpu, server = time.monotonic(), cpu_of(pid), cpu_of(ground.api_server)
    await asyncio.sleep(seconds)  # the time in which nothing happens is what is measured
    cpu, server = cpu_of(pid).since(cpu), cpu_of(ground.api_server).since(server)
    lasted = time.monotonic() - begun
    after = await scrape(ground.controller)
    return Steady(
        seconds=round(lasted, 3),
        cpu=cpu,
        api_server_cpu_seconds=server.seconds,
        memory=memory_of(pid),
        requests=dict(after.requests - before.requests),
        looks=after.looks - before.looks,
    )
