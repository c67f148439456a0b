"""The same Applications over ever more simulated clusters: what a further cluster costs the controller itself."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import psutil
import yaml

from controller.kube.access import from_kubeconfig_bytes
from controller.kube.cluster import open_cluster
from tests.benchmarks.cargo import Cargo
from tests.benchmarks.counters import scrape
from tests.benchmarks.crew import Delivery, crew
from tests.benchmarks.fit import line
from tests.benchmarks.fleet import application
from tests.benchmarks.flotilla import connect
from tests.benchmarks.mirage import Mirage, mirages
from tests.benchmarks.question import Aim, Answer, Curve, Plot, Section
from tests.benchmarks.usage import cpu_of, memory_of
from tests.ground.eventually import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence

    from controller.kube.cluster import ApiCluster
    from controller.model.base import Json
    from tests.benchmarks.crew import Crew
    from tests.benchmarks.harbour import Harbour
    from tests.benchmarks.progress import Progress
    from tests.benchmarks.question import Asked

COUNTING = Path(__file__).resolve().parents[1] / "counting"
MAPS = 2
"""ConfigMaps of an Application."""
CLUSTER = 1.0
"""MiB of memory that a further cluster may take."""
KIB, MIB = 2**10, 2**20


@dataclass(frozen=True)
class Sizes:
    """How much is done: so many Applications over each of these numbers of clusters, at least two different ones.

    `still`: seconds in which nothing happens; long enough for connections without use to be closed.
    """

    clusters: tuple[int, ...] = (1, 25, 50, 100)
    applications: int = 300
    still: float = 60.0


class Step(msgspec.Struct, frozen=True, rename="camel"):
    """One number of clusters: what stood at rest, and what the rest cost; CPU of one core, requests in a second."""

    clusters: int
    first: Delivery
    memory: int
    tasks: int
    threads: int
    descriptors: int
    still_cpu: float
    still_requests: float


class Simulated:
    """Applications of two ConfigMaps: their objects are in simulated clusters, they themselves in a real one."""

    name = "simulated"
    title = "Simulated clusters: the controller's own cost of a further cluster"

    def __init__(self, asked: Asked, sizes: Sizes | None = None) -> None:
        self.sizes = sizes or (Sizes((1, 5, 10), 20, 2) if asked.quick else Sizes())

    def measure(self, ground: Harbour, progress: Progress) -> Answer:
        """Measure it."""
        return _answer([asyncio.run(self._step(ground, progress, count)) for count in self.sizes.clusters])

    async def _step(self, ground: Harbour, progress: Progress, count: int) -> Step:
        with mirages(ground.directory / f"mirage-{count}", count) as mirage:
            cargo = _cargo(self.sizes.applications, mirage.names)
            async with ground.world(()) as world:
                told = world.directory / "tasks"
                counted = {"PYTHONPATH": str(COUNTING), "SHIPSLOG_BENCHMARK_TASKS": str(told)}
                async with _places(mirage) as places, crew(ground, world, cargo, **counted) as sailors:
                    sailors.places.update(places)
                    await connect(sailors.client, {name: mirage.kubeconfig(name) for name in mirage.names})
                    with progress.step(f"{self.sizes.applications} Applications over {count} simulated clusters"):
                        first = await sailors.deliver()
                    with progress.step("standing still"):
                        return await self._stand_still(sailors, count, first, told)

    async def _stand_still(self, sailors: Crew, count: int, first: Delivery, told: Path) -> Step:
        process = psutil.Process(sailors.controller.pid)
        before, cpu = await scrape(sailors.controller), cpu_of(process.pid)
        await asyncio.sleep(self.sizes.still)  # the time in which nothing happens is what is measured
        used = cpu_of(process.pid).since(cpu).seconds
        after = await scrape(sailors.controller)
        assert after.looks == before.looks, f"{after.looks - before.looks} looks while nothing happened"
        return Step(
            clusters=count,
            first=first,
            memory=memory_of(process.pid).itself,
            tasks=await asyncio.to_thread(_tasks, process.pid, told),
            threads=process.num_threads(),
            descriptors=process.num_fds(),
            still_cpu=used / self.sizes.still,
            still_requests=sum((after.requests - before.requests).values()) / self.sizes.still,
        )


def _tasks(pid: int, told: Path) -> int:
    """Tasks of the controller's event loop."""
    told.unlink(missing_ok=True)
    os.kill(pid, signal.SIGUSR2)
    eventually(told.exists, "the controller has counted its tasks")
    return int(told.read_text(encoding="utf-8"))


def _cargo(size: int, clusters: Sequence[str]) -> Cargo:
    """Applications dealt out over clusters in turn; their namespaces are taken for granted there."""
    names = [f"app-{number:04d}" for number in range(size)]
    bodies, counts = [], dict.fromkeys(clusters, 0)
    files: dict[str, str] = {}
    for number, name in enumerate(names):
        cluster = clusters[number % len(clusters)]
        body = application(name)
        body["spec"]["destination"]["cluster"] = cluster
        bodies.append(body)
        counts[cluster] += MAPS
        files |= {f"apps/{name}/map-{one}.yaml": yaml.safe_dump(_map(name, one)) for one in range(MAPS)}
    stand = {cluster: {("v1", "ConfigMap"): count} for cluster, count in counts.items() if count}
    return Cargo((), files, bodies, stand)


def _map(name: str, number: int) -> Json:
    labels = {"app.kubernetes.io/name": "web", "app.kubernetes.io/instance": name}
    metadata = {"name": f"map-{number}", "labels": labels}
    data = {"version": "0", "log_level": "info", "region": "north"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


@asynccontextmanager
async def _places(mirage: Mirage) -> AsyncIterator[Mapping[str, ApiCluster]]:
    """A client of each cluster."""
    async with AsyncExitStack() as stack:
        clients = {}
        for name in mirage.names:
            client = open_cluster(name, await from_kubeconfig_bytes(mirage.kubeconfig(name).encode()), 1)
            stack.push_async_callback(client.close)
            clients[name] = client
        yield clients


COSTS: dict[str, Callable[[Step], float]] = {
    "first sync, s": lambda step: step.first.seconds,
    "first sync, CPU seconds of ours": lambda step: step.first.cpu.seconds,
    "memory of the controller itself, standing, MiB": lambda step: step.memory / MIB,
    "asyncio tasks": lambda step: float(step.tasks),
    "threads": lambda step: float(step.threads),
    "file descriptors": lambda step: float(step.descriptors),
    "standing still, CPU of one core, %": lambda step: 100 * step.still_cpu,
    "standing still, requests in a minute": lambda step: 60 * step.still_requests,
}
"""Each cost by its name."""


def _answer(steps: Sequence[Step]) -> Answer:
    clusters = [float(step.clusters) for step in steps]
    costs = {name: [cost(step) for step in steps] for name, cost in COSTS.items()}
    lines = {name: line(clusters, values) for name, values in costs.items()}
    rows = [
        (name, *(f"{value:.4g}" for value in values), f"{lines[name].base:.4g} + {lines[name].each:.4g} C")
        for name, values in costs.items()
    ]
    memory = lines["memory of the controller itself, standing, MiB"].each
    return Answer(
        question=Simulated.name,
        sections=[
            Section(
                f"{steps[0].first.applications} Applications over C simulated clusters",
                ("", *(f"C = {count:.0f}" for count in clusters), "line"),
                rows,
            )
        ],
        aims=[Aim("memory for each further cluster", memory, CLUSTER, "MiB")],
        plots=[
            Plot(
                "simulated",
                "The same Applications over ever more clusters",
                "clusters",
                "MiB, or number",
                [
                    Curve(name, clusters, costs[name])
                    for name in ("memory of the controller itself, standing, MiB", "asyncio tasks", "file descriptors")
                ],
            )
        ],
        data={
            "clusters": clusters,
            "costs": costs,
            "lines": {name: msgspec.to_builtins(one) for name, one in lines.items()},
            "steps": msgspec.to_builtins(steps),
        },
    )
