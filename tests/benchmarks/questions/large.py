"""One Application of thousands of objects: first sync, one-file change, heal, memory, size of its status."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
import orjson

from controller.model.labels import API_VERSION, GROUP
from controller.model.objects import ObjectId
from tests.benchmarks import limit
from tests.benchmarks.cargo import Maps
from tests.benchmarks.counters import rest
from tests.benchmarks.crew import INTERVAL, crew
from tests.benchmarks.hand import edit, is_healed
from tests.benchmarks.harbour import bare_client
from tests.benchmarks.lookout import Lookout, is_ready
from tests.benchmarks.question import Aim, Answer, Section
from tests.benchmarks.usage import cpu_of, peak_memory
from tests.ground.world import TEAM

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.benchmarks.crew import Crew, Delivery
    from tests.benchmarks.harbour import Harbour
    from tests.benchmarks.progress import Progress
    from tests.benchmarks.question import Asked

SOON = 300.0
"""Seconds within which a change must be live, and an edit be healed."""
STATUS = 512 * 1024
"""Bytes that the status may have: etcd takes 1.5 MiB, and every watcher of Applications is sent all of it."""
FIRST, HEALED, CHANGED = 1.3, 1.0, 1.0
WARM = 50
POLL = 1
"""Seconds between two polls, where a change is left to be found."""
KIB, MIB = 2**10, 2**20


@dataclass(frozen=True)
class Sizes:
    """How much is done. `edits` of each kind, one after the other."""

    objects: int = 3000
    edits: int = 4


class Step(msgspec.Struct, frozen=True):
    """One kind of change to the standing Application, per change; memory is the peak while they lasted."""

    seconds: float
    cpu: float
    requests: float
    looks: float
    peak: int


class Steps(msgspec.Struct, frozen=True):
    """A one-file change that was asked for, one that polling found, and the heal of one object."""

    asked: Step
    polled: Step
    healed: Step


class Statuses(msgspec.Struct, frozen=True):
    """Bytes of the Application's status as JSON: settled, and with every object drifted and nothing healed."""

    settled: int
    drifted: int
    drifts: int


class Large:
    """ConfigMaps as files of plain YAML in one directory."""

    name = "large"
    title = "One large Application: first sync, one-file change, heal, memory, status"

    def __init__(self, asked: Asked, sizes: Sizes | None = None) -> None:
        self.sizes = sizes or (Sizes(200, 2) if asked.quick else Sizes())

    def measure(self, ground: Harbour, progress: Progress) -> Answer:
        """Measure it."""
        return asyncio.run(self._measure(ground, progress))

    async def _measure(self, ground: Harbour, progress: Progress) -> Answer:
        bare = await self._bare(ground, progress)
        maps = Maps(self.sizes.objects)
        async with ground.world((maps.name,)) as world, crew(ground, world, maps.cargo()) as sailors:
            with progress.step(f"first sync of {maps.size} objects"):
                first = await sailors.deliver()
            settled = _status_size(sailors, maps)
            with progress.step(f"{self.sizes.edits} one-file changes, asked for"):
                asked = await self._change(sailors, maps, ask=True)
            await sailors.poll_every(f"{POLL}s")
            with progress.step(f"{self.sizes.edits} one-file changes, found by polling"):
                polled = await self._change(sailors, maps, ask=False)
            await sailors.poll_every(INTERVAL)
            with progress.step(f"{self.sizes.edits} hand edits"):
                healed = await self._heal(sailors, maps)
            with progress.step(f"all {maps.size} objects drifted, nothing healed"):
                drifted = await _drift_all(sailors, maps)
        return _answer(first, bare, Steps(asked, polled, healed), Statuses(settled, *drifted))

    async def _bare(self, ground: Harbour, progress: Progress) -> float:
        maps = Maps(self.sizes.objects)
        async with ground.world((maps.name,)) as world, bare_client(world) as client:
            with progress.step(f"{maps.size} dry runs and applies, bare"):
                await limit.dry_run(client, maps.wishes()[:WARM])  # connections are no part of it
                seconds = await limit.dry_run_and_apply(client, maps.wishes())
                stand = len(await client.list("v1", "ConfigMap", selector=f"{GROUP}/owner"))
        assert stand == maps.size, f"{stand} of {maps.size} objects stand"
        return seconds

    async def _change(self, sailors: Crew, maps: Maps, *, ask: bool) -> Step:
        """Seconds from the end of the push until the change is live; `ask` for a sync, which compares every object."""
        async with Lookout(sailors.client, "v1", "ConfigMap", maps.name) as seen, _costs(sailors) as costs:
            for number in range(self.sizes.edits):
                version, key = f"{'asked' if ask else 'polled'}-{number}", maps.key(number)
                head = await sailors.push(maps.file(number, version), f"Version {version}")
                begun = time.monotonic()
                if ask:
                    await sailors.ask(maps.name)
                live = await seen.until(lambda b, k=key, v=version: b[k]["data"]["version"] == v, SOON)  # type: ignore[misc]
                costs.seconds.append(live - begun)
                await sailors.applications.until(lambda b, h=head: is_ready(b[maps.name], h), SOON, sailors.complaints)  # type: ignore[misc]
                await rest(sailors.controller)
        return costs.step(self.sizes.edits)

    async def _heal(self, sailors: Crew, maps: Maps) -> Step:
        """Seconds from the moment an edit was sent until it was healed; other objects than those that were changed."""
        async with Lookout(sailors.client, "v1", "ConfigMap", maps.name) as seen, _costs(sailors) as costs:
            for number in range(self.sizes.edits):
                key = maps.key(maps.size - 1 - number)
                target = ObjectId("", "ConfigMap", maps.name, key)
                one = await edit(sailors.client, target, "v1", {"data": {"version": "by hand"}})
                healed = await seen.until(lambda b, k=key, o=one: is_healed(b[k], o), SOON)  # type: ignore[misc]
                costs.seconds.append(healed - one.sent)
                await rest(sailors.controller)
        return costs.step(self.sizes.edits)


class _Costs:
    """What some changes cost, added up."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.cpu = 0.0
        self.requests = 0
        self.looks = 0
        self.peak = 0

    def step(self, count: int) -> Step:
        """Per change, the worst of the seconds."""
        return Step(max(self.seconds), self.cpu / count, self.requests / count, self.looks / count, self.peak)


@asynccontextmanager
async def _costs(sailors: Crew) -> AsyncIterator[_Costs]:
    """From rest to rest."""
    pid, costs = sailors.controller.pid, _Costs()
    before, cpu = await rest(sailors.controller), cpu_of(pid)
    async with peak_memory(pid) as peak:
        yield costs
        after = await rest(sailors.controller)
    costs.cpu = cpu_of(pid).since(cpu).seconds
    costs.requests = sum((after.requests - before.requests).values())
    costs.looks = after.looks - before.looks
    costs.peak = peak.memory.total


async def _drift_all(sailors: Crew, maps: Maps) -> tuple[int, int]:
    """Bytes of the status while every object has drifted, and how many drifts it names."""
    own = ObjectId(GROUP, "Application", TEAM, maps.name)
    await sailors.client.merge(own, API_VERSION, {"spec": {"sync": {"selfHeal": False}}})
    await rest(sailors.controller)
    targets = [ObjectId("", "ConfigMap", maps.name, maps.key(number)) for number in range(maps.size)]
    patch = {"data": {"version": "by hand"}}
    await limit.at_once([lambda t=target: edit(sailors.client, t, "v1", patch) for target in targets])  # type: ignore[misc]
    drifted = f"{maps.size} drifted"

    def told() -> str:
        return str(sailors.applications.bodies[maps.name]["status"].get("summary", ""))

    await sailors.applications.until(lambda _: drifted in told(), SOON, lambda: f"it says: {told()}")
    await rest(sailors.controller)
    return _status_size(sailors, maps), len(sailors.applications.bodies[maps.name]["status"].get("drift", ()))


def _status_size(sailors: Crew, maps: Maps) -> int:
    return len(orjson.dumps(sailors.applications.bodies[maps.name]["status"]))


def _answer(first: Delivery, bare: float, steps: Steps, status: Statuses) -> Answer:
    ratio = first.seconds / bare
    rows = [
        ("first sync, from created to Ready", f"{first.seconds:.2f} s, bare {bare:.2f} s, ratio {ratio:.2f}"),
        ("... requests", str(first.sent)),
        ("... CPU of ours", f"{first.cpu.seconds:.2f} s"),
        ("... peak memory", f"{first.peak_memory.total / MIB:.0f} MiB"),
        (
            "memory before, and standing",
            f"{first.memory_before.total / MIB:.0f}, {first.memory_after.total / MIB:.0f} MiB",
        ),
        *(_row("one-file change, asked for: push to live", steps.asked)),
        *(_row(f"one-file change, polled every {POLL} s: push to live", steps.polled)),
        *(_row("hand edit to healed", steps.healed)),
        ("status, settled", f"{status.settled / KIB:.0f} KiB"),
        (f"status, {status.drifts} drifts open", f"{status.drifted / KIB:.0f} KiB"),
    ]
    return Answer(
        question=Large.name,
        sections=[Section(f"One Application of {first.objects} objects", ("", "shipslog"), rows)],
        ratios={"first sync to bare": round(ratio, 3)},
        aims=[
            Aim("first sync of one large Application to bare", ratio, FIRST, "x"),
            Aim("one-file change in it, asked for, push to live, worst", steps.asked.seconds, CHANGED, "s"),
            Aim(f"the same, polled every {POLL} s, push to live, worst", steps.polled.seconds, CHANGED + POLL, "s"),
            Aim("hand edit in it to healed, worst", steps.healed.seconds, HEALED, "s"),
            Aim("status of it, settled", status.settled / KIB, STATUS / KIB, "KiB"),
            Aim("status of it, every object drifted", status.drifted / KIB, STATUS / KIB, "KiB"),
        ],
        data={
            "first": msgspec.to_builtins(first),
            "bareSeconds": bare,
            "changes": msgspec.to_builtins(steps),
            "status": msgspec.to_builtins(status),
        },
    )


def _row(what: str, step: Step) -> list[tuple[str, str]]:
    return [
        (f"{what}, worst", f"{step.seconds:.2f} s"),
        ("... CPU of ours, requests, looks", f"{step.cpu * 1000:.0f} ms, {step.requests:.1f}, {step.looks:.1f}"),
        ("... peak memory", f"{step.peak / MIB:.0f} MiB"),
    ]
