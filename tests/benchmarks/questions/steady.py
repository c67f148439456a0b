"""Nothing happens: what does that cost, and what does a scrape of its metrics?"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import msgspec

from tests.benchmarks.anchored import at_anchor
from tests.benchmarks.counters import Lag, rest, scrape, writes
from tests.benchmarks.fit import percentile
from tests.benchmarks.question import Aim, Answer, Asked, Curve, Plot, Section
from tests.benchmarks.spread import MIB, requests_text
from tests.benchmarks.usage import Cpu, Memory, cpu_of, memory_of

if TYPE_CHECKING:
    from tests.benchmarks.crew import Crew
    from tests.benchmarks.harbour import Harbour
    from tests.benchmarks.progress import Progress

SCRAPES = 10
CORE, SCRAPE_MS, STALL_MS = 1.0, 250.0, 100.0


class Steady(msgspec.Struct, frozen=True, rename="camel"):
    """Nothing happened for so many seconds; `cpu_by_second` is of ours, in seconds."""

    seconds: float
    cpu: Cpu
    cpu_by_second: list[float]
    api_server_cpu_seconds: float
    memory: Memory
    requests: dict[str, int]
    renders: int
    looks: int
    events: int


class Scrapes(msgspec.Struct, frozen=True, rename="camel"):
    """Scrapes one after the other: seconds of each, bytes of one, and how late the loop was meanwhile."""

    seconds: list[float]
    size: int
    lag: Lag


class StandingStill:
    """No commit, no edit; the Repository is polled as often as by default."""

    name = "steady"
    title = "Nothing happens: what standing still costs"

    def __init__(self, asked: Asked) -> None:
        self.asked = asked

    def measure(self, ground: Harbour, progress: Progress) -> Answer:
        """Measure it."""
        return asyncio.run(self._measure(ground, progress))

    async def _measure(self, ground: Harbour, progress: Progress) -> Answer:
        seconds = self.asked.steady_seconds
        async with at_anchor(ground, self.asked.applications, progress) as crew:
            with progress.step(f"nothing happens for {seconds:g} s"):
                steady = await _stand_still(crew, seconds)
            with progress.step(f"{SCRAPES} scrapes"):
                scrapes = await _scrape_often(crew)
        return answer(self.asked.applications, steady, scrapes)


async def _stand_still(crew: Crew, seconds: float) -> Steady:
    pid = crew.controller.pid
    before = await rest(crew.controller)
    begun, cpu, server = time.monotonic(), cpu_of(pid), cpu_of(crew.api_server)
    by_second, last = [], cpu
    while time.monotonic() < begun + seconds:
        await asyncio.sleep(1)  # the time in which nothing happens is what is measured
        now = cpu_of(pid)
        by_second.append(round(now.since(last).seconds, 3))
        last = now
    cpu, server = last.since(cpu), cpu_of(crew.api_server).since(server)
    lasted = time.monotonic() - begun
    after = await scrape(crew.controller)
    return Steady(
        seconds=round(lasted, 3),
        cpu=cpu,
        cpu_by_second=by_second,
        api_server_cpu_seconds=server.seconds,
        memory=memory_of(pid),
        requests=dict(after.requests - before.requests),
        renders=after.renders - before.renders,
        looks=after.looks - before.looks,
        events=after.events - before.events,
    )


async def _scrape_often(crew: Crew) -> Scrapes:
    before, seconds, size = await scrape(crew.controller), [], 0
    for _ in range(SCRAPES):
        begun = time.monotonic()
        size = len(await asyncio.to_thread(crew.controller.metrics))
        seconds.append(round(time.monotonic() - begun, 6))
    after = await scrape(crew.controller)
    return Scrapes(seconds, size, Lag.of(after.lag.since(before.lag)))


def answer(size: int, steady: Steady, scrapes: Scrapes) -> Answer:
    """What standing still says."""
    core, written = 100 * steady.cpu.seconds / steady.seconds, writes(steady.requests)
    slowest = 1000 * max(scrapes.seconds)
    rows = [
        ("requests", requests_text(steady.requests)),
        ("writes", str(written)),
        ("renderings", str(steady.renders)),
        ("looks", str(steady.looks)),
        ("events in the ledger", str(steady.events)),
        ("CPU of ours, of one core", f"{core:.2f} %"),
        ("CPU of the API server, of one core", f"{100 * steady.api_server_cpu_seconds / steady.seconds:.2f} %"),
        ("memory of the controller itself", f"{steady.memory.itself / MIB:.0f} MiB"),
        ("memory of render engine, git and others", f"{steady.memory.programs / MIB:.0f} MiB"),
        ("a scrape of /metrics, p50", f"{1000 * percentile(scrapes.seconds, 0.5):.0f} ms"),
        ("... the slowest", f"{slowest:.0f} ms"),
        ("... its size", f"{scrapes.size / MIB:.2f} MiB"),
        ("... longest event-loop lag meanwhile, at most", f"{1000 * scrapes.lag.most:.0f} ms"),
    ]
    title = f"{size} Applications stand and nothing happens, for {steady.seconds:.0f} s"
    return Answer(
        question=StandingStill.name,
        sections=[Section(title, ("", "shipslog"), rows)],
        ratios={"writes": float(written), "renderings": float(steady.renders)},
        aims=[
            Aim("writes while nothing happens", written, 0),
            Aim("renderings while nothing happens", steady.renders, 0),
            Aim("CPU of ours while nothing happens, of one core", core, CORE, "%"),
            Aim("scrape of /metrics, the slowest", slowest, SCRAPE_MS, "ms"),
            Aim("longest event-loop lag during scrapes", 1000 * scrapes.lag.most, STALL_MS, "ms"),
        ],
        plots=[
            Plot(
                "steady",
                f"{size} Applications stand and nothing happens",
                "seconds",
                "CPU of ours, % of a core",
                [
                    Curve(
                        "shipslog",
                        [float(number + 1) for number in range(len(steady.cpu_by_second))],
                        [100 * used for used in steady.cpu_by_second],
                    )
                ],
            )
        ],
        data={"steady": msgspec.to_builtins(steady), "scrapes": msgspec.to_builtins(scrapes)},
    )
