"""The same Applications laid out in Git in other ways: is any of them slow?"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import msgspec

from tests.benchmarks.anchored import roll_out
from tests.benchmarks.bare import send_bare
from tests.benchmarks.fleet import Fleet
from tests.benchmarks.layouts import ChartFleet, PlainFleet, ScatteredFleet
from tests.benchmarks.question import Aim, Answer, Asked, Curve, Plot, Section
from tests.benchmarks.spread import MIB

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.benchmarks.bare import Bare
    from tests.benchmarks.crew import Delivery
    from tests.benchmarks.harbour import Harbour
    from tests.benchmarks.progress import Progress

WAYS: dict[str, type[Fleet]] = {
    "plain YAML": PlainFleet,
    "Helm chart": ChartFleet,
    "repositories of 10": ScatteredFleet,
}
TO_BARE = 1.3


class Variants:
    """Plain YAML, one Helm chart, repositories of ten; beside one run of the bare requests, which are the same."""

    name = "variants"
    title = "The same Applications as plain YAML, from a Helm chart, and over many repositories"

    def __init__(self, asked: Asked) -> None:
        self.asked = asked

    def measure(self, ground: Harbour, progress: Progress) -> Answer:
        """Measure it."""
        return asyncio.run(self._measure(ground, progress))

    async def _measure(self, ground: Harbour, progress: Progress) -> Answer:
        size = self.asked.applications
        with progress.step(f"{size} Applications, bare"):
            bare = await send_bare(ground, Fleet(size))
        deliveries: dict[str, Delivery] = {}
        for name, way in WAYS.items():
            with progress.step(f"{size} Applications, {way.way}"):
                deliveries[name] = found = await roll_out(ground, way(size))
            progress.say(f"ours {found.seconds:.2f} s, bare {bare.seconds:.2f} s")
        await ground.clear()
        return _answer(bare, deliveries)


def _answer(bare: Bare, deliveries: dict[str, Delivery]) -> Answer:
    ratios = {f"{way}: seconds to bare": round(one.seconds / bare.seconds, 3) for way, one in deliveries.items()}
    ratios |= {
        f"{way}: CPU of the client to bare": round(one.cpu.seconds / bare.cpu_seconds, 3)
        for way, one in deliveries.items()
    }
    sent = sum(bare.requests.values())
    ratios |= {f"{way}: requests to bare": round(one.sent / sent, 3) for way, one in deliveries.items()}
    return Answer(
        question=Variants.name,
        sections=[_section(bare, deliveries)],
        ratios=ratios,
        aims=[Aim(f"{way} to bare", one.seconds / bare.seconds, TO_BARE, "x") for way, one in deliveries.items()],
        plots=[_plot(list(deliveries.values()), list(deliveries))],
        data={"bare": msgspec.to_builtins(bare), "ours": msgspec.to_builtins(deliveries)},
    )


def _section(bare: Bare, deliveries: dict[str, Delivery]) -> Section:
    many = deliveries.values()
    sent = sum(bare.requests.values())
    rows = [
        ("seconds", *(f"{one.seconds:.2f}" for one in many), f"{bare.seconds:.2f}"),
        ("... to bare", *(f"{one.seconds / bare.seconds:.2f}" for one in many), "1.00"),
        ("CPU of the client, s", *(f"{one.cpu.seconds:.2f}" for one in many), f"{bare.cpu_seconds:.2f}"),
        ("... of the render engine", *(f"{one.processes.engine:.2f}" for one in many), ""),
        ("... of git", *(f"{one.processes.ended:.2f}" for one in many), ""),
        (
            "CPU of the API server, s",
            *(f"{one.api_server_cpu_seconds:.2f}" for one in many),
            f"{bare.api_server_cpu_seconds:.2f}",
        ),
        ("requests", *(str(one.sent) for one in many), str(sent)),
        ("renderings", *(str(one.renders) for one in many), ""),
        ("peak memory, MiB", *(f"{one.peak_memory.total / MIB:.0f}" for one in many), ""),
        ("event-loop lag p99, at most, ms", *(f"{1000 * one.lag.p99:.0f}" for one in many), ""),
    ]
    size = next(iter(many)).applications
    return Section(f"The same {size} Applications, laid out in other ways", ("", *deliveries, "bare"), rows)


def _plot(many: Sequence[Delivery], names: Sequence[str]) -> Plot:
    curves = [
        Curve(name, [0.0, *one.ready], [float(number) for number in range(len(one.ready) + 1)])
        for name, one in zip(names, many, strict=True)
    ]
    title = f"{len(many[0].ready)} Applications created at once, by layout"
    return Plot("variants", title, "seconds since they were created", "Applications Ready", curves)
