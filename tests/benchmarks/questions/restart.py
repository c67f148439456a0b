"""The controller is stopped and started: how soon is it back to watching, and what does it write?"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import msgspec

from tests.benchmarks.anchored import at_anchor
from tests.benchmarks.counters import Lag, rest, scrape, writes
from tests.benchmarks.question import Aim, Answer, Asked, Curve, Plot, Section
from tests.benchmarks.spread import MIB, requests_text
from tests.benchmarks.usage import Cpu, Memory, cpu_of, memory_of
from tests.ground.eventually import eventually

if TYPE_CHECKING:
    from tests.benchmarks.crew import Crew
    from tests.benchmarks.harbour import Harbour
    from tests.benchmarks.progress import Progress
    from tests.ground.controller_process import ControllerProcess

BACK = 300.0
"""Seconds until it must be back."""
LOOK = 0.2
"""Seconds between two looks at it."""
SECONDS, MEMORY = 10.0, 1.1


class Restart(msgspec.Struct, frozen=True, rename="camel"):
    """Seconds from the start of the new process; memory in bytes, with its moments for the curve."""

    stopped: float
    """Seconds that the old process took to end."""
    ready: float
    """Until it called itself ready."""
    watching: float
    """Until it watched as many objects as before, and had looked at every Application."""
    cpu: Cpu
    before: Memory
    after: Memory
    peak: int
    requests: dict[str, int]
    renders: int
    looks: int
    lag: Lag
    moments: list[float]
    resident: list[int]


class Restarted:
    """In order, by SIGTERM, with all its files kept."""

    name = "restart"
    title = "A restart: until it is back to watching"

    def __init__(self, asked: Asked) -> None:
        self.asked = asked

    def measure(self, ground: Harbour, progress: Progress) -> Answer:
        """Measure it."""
        return asyncio.run(self._measure(ground, progress))

    async def _measure(self, ground: Harbour, progress: Progress) -> Answer:
        size = self.asked.applications
        async with at_anchor(ground, size, progress) as crew:
            with progress.step(f"a restart at {size} Applications"):
                found = await _restart(crew, size)
        return answer(size, found)


async def _restart(crew: Crew, size: int) -> Restart:
    controller = crew.controller
    watched, before = (await rest(controller)).watched, memory_of(controller.pid)
    begun = time.monotonic()
    await asyncio.to_thread(controller.stop)
    stopped, begun = time.monotonic() - begun, time.monotonic()
    controller.start(wait=False)
    seen: list[tuple[float, int]] = []
    memory = asyncio.create_task(_memory(controller.pid, begun, seen), name="memory")
    try:
        async with asyncio.timeout(BACK):
            await asyncio.to_thread(eventually, controller.is_ready, "the controller is ready", seconds=BACK)
            ready = time.monotonic() - begun
            await _back(controller, size, watched)
            watching = time.monotonic() - begun
        cpu, after = cpu_of(controller.pid), await rest(controller)
    finally:
        memory.cancel()
        await asyncio.wait([memory])
    return Restart(
        stopped=round(stopped, 3),
        ready=round(ready, 3),
        watching=round(watching, 3),
        cpu=cpu,
        before=before,
        after=memory_of(controller.pid),
        peak=max(size for _, size in seen),
        requests=dict(after.requests),
        renders=after.renders,
        looks=after.looks,
        lag=Lag.of(after.lag),
        moments=[round(moment, 3) for moment, _ in seen],
        resident=[resident for _, resident in seen],
    )


async def _back(controller: ControllerProcess, size: int, watched: int) -> None:
    """Wait until it watches as many objects as before, and has looked at every Application."""
    while True:
        now = await scrape(controller)
        if now.watched >= watched and now.looks >= size and now.at_rest:
            return
        await asyncio.sleep(LOOK)


async def _memory(pid: int, begun: float, seen: list[tuple[float, int]]) -> None:
    while True:
        seen.append((time.monotonic() - begun, memory_of(pid).total))
        await asyncio.sleep(LOOK)


def answer(size: int, found: Restart) -> Answer:
    """What the restart says."""
    written, ratio = writes(found.requests), found.after.total / found.before.total
    rows = [
        ("SIGTERM to ended", f"{found.stopped:.2f} s"),
        ("started to ready", f"{found.ready:.2f} s"),
        ("started to watching all, each Application looked at", f"{found.watching:.2f} s"),
        ("writes", str(written)),
        ("requests", requests_text(found.requests)),
        ("renderings", str(found.renders)),
        ("looks", str(found.looks)),
        ("CPU of ours until then", f"{found.cpu.seconds:.2f} s"),
        ("memory before", f"{found.before.total / MIB:.0f} MiB"),
        ("memory at most", f"{found.peak / MIB:.0f} MiB"),
        ("memory afterwards", f"{found.after.total / MIB:.0f} MiB"),
        ("longest event-loop lag, at most", f"{1000 * found.lag.most:.0f} ms"),
    ]
    resident = [one / MIB for one in found.resident]
    return Answer(
        question=Restarted.name,
        sections=[Section(f"A restart with {size} Applications", ("", "shipslog"), rows)],
        ratios={
            "writes": float(written),
            "memory afterwards to before": round(ratio, 3),
            "looks per Application": round(found.looks / size, 3),
        },
        aims=[
            Aim("restart to watching", found.watching, SECONDS, "s"),
            Aim("writes of a restart", written, 0),
            Aim("memory after a restart to before", ratio, MEMORY, "x"),
        ],
        plots=[
            Plot(
                "restart",
                f"Memory after a restart with {size} Applications",
                "seconds since the start",
                "MiB, with render engine and git",
                [
                    Curve("shipslog", found.moments, resident),
                    Curve("before the restart", [0.0, found.moments[-1]], [found.before.total / MIB] * 2),
                ],
            )
        ],
        data={"restart": msgspec.to_builtins(found)},
    )
