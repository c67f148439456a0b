"""The same rollout at several sizes: what one further Application costs, and whether that stays the same."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from controller.model.labels import SYNC_ANNOTATION
from tests.benchmarks.cargo import of_fleet
from tests.benchmarks.counters import rest, scrape
from tests.benchmarks.crew import Delivery, crew
from tests.benchmarks.fit import exponent, line
from tests.benchmarks.fleet import Fleet
from tests.benchmarks.limit import at_once
from tests.benchmarks.lookout import is_ready
from tests.benchmarks.question import Aim, Answer, Curve, Plot, Section
from tests.benchmarks.usage import cpu_of, memory_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from controller.model.base import Json
    from tests.benchmarks.crew import Crew
    from tests.benchmarks.harbour import Harbour
    from tests.benchmarks.progress import Progress
    from tests.benchmarks.question import Asked

COMPARED = 1800.0
"""Seconds until all must be compared."""
STRAIGHT = 1.1
"""Largest exponent that passes for linear."""
FURTHER = 50.0
"""KiB of memory that a further Application may take."""
KIB, MIB = 2**10, 2**20


@dataclass(frozen=True)
class Sizes:
    """How much is done: at least two different sizes, and for each so many seconds in which nothing happens."""

    steps: tuple[int, ...] = (300, 1000, 3000)
    still: float = 30.0


class Comparison(msgspec.Struct, frozen=True):
    """Every object of every Application compared with Git at the API server, as happens once an hour, spread out."""

    seconds: float
    cpu: float
    requests: int


class Step(msgspec.Struct, frozen=True, rename="camel"):
    """One size: what the rollout cost, a full comparison, and standing still; CPU of one core, requests in a second."""

    first: Delivery
    compared: Comparison
    memory: int
    still_cpu: float
    still_requests: float


class Growth:
    """Each size on an emptied API server with a controller of its own."""

    name = "growth"
    title = "Growth: the cost of a further Application"

    def __init__(self, asked: Asked, sizes: Sizes | None = None) -> None:
        self.sizes = sizes or (Sizes((10, 20, 40), 2) if asked.quick else Sizes())

    def measure(self, ground: Harbour, progress: Progress) -> Answer:
        """Measure it."""
        return _answer([asyncio.run(self._step(ground, progress, size)) for size in self.sizes.steps])

    async def _step(self, ground: Harbour, progress: Progress, size: int) -> Step:
        cargo = of_fleet(Fleet(size))
        async with ground.world(cargo.namespaces) as world, crew(ground, world, cargo) as sailors:
            with progress.step(f"{size} Applications"):
                first = await sailors.deliver()
            with progress.step(f"{size} Applications compared in full"):
                compared = await _compare(sailors)
            cpu, requests = await self._stand_still(sailors)
            return Step(first, compared, memory_of(sailors.controller.pid).total, cpu, requests)

    async def _stand_still(self, sailors: Crew) -> tuple[float, float]:
        """CPU of one core and requests in a second while nothing happens; the looks at it are no part of either."""
        before, cpu = await scrape(sailors.controller), cpu_of(sailors.controller.pid)
        await asyncio.sleep(self.sizes.still)  # the time in which nothing happens is what is measured
        used = cpu_of(sailors.controller.pid).since(cpu).seconds
        requests = sum(((await scrape(sailors.controller)).requests - before.requests).values())
        return used / self.sizes.still, requests / self.sizes.still


async def _compare(sailors: Crew) -> Comparison:
    """Ask for a sync of each at once, which compares all objects; what is asked for and told comes on top of that."""
    pid, seen = sailors.controller.pid, sailors.applications
    before, cpu, begun = await rest(sailors.controller), cpu_of(pid), time.monotonic()
    await at_once([lambda name=name: sailors.ask(name) for name in sailors.cargo.names])  # type: ignore[misc]
    done = await seen.until(lambda bodies: all(_is_compared(body) for body in bodies.values()), COMPARED)
    after = await rest(sailors.controller)
    requests = sum((after.requests - before.requests).values())
    return Comparison(done - begun, cpu_of(pid).since(cpu).seconds, requests)


def _is_compared(body: Json) -> bool:
    asked = (body["metadata"].get("annotations") or {}).get(SYNC_ANNOTATION)
    return bool(asked) and body["status"].get("lastHandledSync") == asked and is_ready(body)


COSTS: dict[str, Callable[[Step], float]] = {
    "seconds": lambda step: step.first.seconds,
    "CPU seconds of ours": lambda step: step.first.cpu.seconds,
    "CPU seconds of the API server": lambda step: step.first.api_server_cpu_seconds,
    "memory, peak, MiB": lambda step: step.first.peak_memory.total / MIB,
    "memory, standing, MiB": lambda step: step.memory / MIB,
    "requests": lambda step: float(step.first.sent),
    "looks": lambda step: float(step.first.looks),
    "full comparison, seconds": lambda step: step.compared.seconds,
    "full comparison, CPU seconds of ours": lambda step: step.compared.cpu,
    "full comparison, requests": lambda step: float(step.compared.requests),
    "standing still, CPU of one core, %": lambda step: 100 * step.still_cpu,
    "standing still, requests in a minute": lambda step: 60 * step.still_requests,
}
"""Each cost by its name."""
GROWING = ("seconds", "CPU seconds of ours", "CPU seconds of the API server", "requests", "looks")
"""Those that an Application adds to from nothing: their exponent says whether they are linear."""
COMPARISON = ("full comparison, seconds", "full comparison, CPU seconds of ours", "full comparison, requests")
"""The same of a full comparison."""


def _answer(steps: Sequence[Step]) -> Answer:
    sizes = [float(step.first.applications) for step in steps]
    costs = {name: [cost(step) for step in steps] for name, cost in COSTS.items()}
    exponents = {name: exponent(sizes, costs[name]) for name in (*GROWING, *COMPARISON)}
    lines = {name: line(sizes, values) for name, values in costs.items()}
    rows = [
        (
            name,
            *(f"{value:.4g}" for value in values),
            f"{lines[name].base:.4g} + {lines[name].each:.4g} N",
            f"{exponents[name]:.2f}" if name in exponents else "",
        )
        for name, values in costs.items()
    ]
    further = lines["memory, peak, MiB"].each * KIB
    return Answer(
        question=Growth.name,
        sections=[
            Section(
                "Rollouts of N Applications of 4 objects",
                ("", *(f"N = {size:.0f}" for size in sizes), "line", "exponent"),
                rows,
            )
        ],
        ratios={f"exponent of {name}": round(value, 3) for name, value in exponents.items()},
        aims=[
            *(Aim(f"exponent of {name}", exponents[name], STRAIGHT) for name in exponents),
            Aim("memory for each further Application", further, FURTHER, "KiB"),
        ],
        plots=_plots(sizes, costs),
        data={
            "sizes": sizes,
            "costs": costs,
            "exponents": exponents,
            "lines": {name: msgspec.to_builtins(one) for name, one in lines.items()},
            "steps": msgspec.to_builtins(steps),
        },
    )


def _plots(sizes: list[float], costs: dict[str, list[float]]) -> list[Plot]:
    """Cost per Application: a level curve is linear growth, one that climbs is worse."""
    each = [
        Curve(name, sizes, [1000 * value / size for value, size in zip(costs[name], sizes, strict=True)])
        for name in GROWING[:3]
    ]
    counts = [
        Curve(name, sizes, [value / size for value, size in zip(costs[name], sizes, strict=True)])
        for name in GROWING[3:]
    ]
    memory = [Curve(name, sizes, costs[name]) for name in ("memory, peak, MiB", "memory, standing, MiB")]
    x = "Applications"
    return [
        Plot("growth-time", "Time and CPU for each Application", x, "ms per Application", each, log_x=True),
        Plot("growth-requests", "Requests and looks for each Application", x, "per Application", counts, log_x=True),
        Plot("growth-memory", "Memory of the controller and its programs", x, "MiB", memory),
    ]
