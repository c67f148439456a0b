"""Several real control planes in one controller, each with the same number of Applications."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import msgspec
import psutil

from controller.kube.access import from_kubeconfig_file
from controller.kube.cluster import open_cluster
from tests.benchmarks import limit
from tests.benchmarks.cargo import IN_CLUSTER, of_fleet, wish
from tests.benchmarks.crew import Delivery, crew
from tests.benchmarks.fleet import Fleet, objects
from tests.benchmarks.flotilla import connect
from tests.benchmarks.harbour import BINARIES, IN_FLIGHT, api_server_of
from tests.benchmarks.question import Aim, Answer, Curve, Plot, Section
from tests.benchmarks.usage import cpu_of, memory_of
from tests.controlplane import start_all

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping, Sequence

    from controller.kube.cluster import ApiCluster
    from tests.benchmarks.harbour import Harbour
    from tests.benchmarks.progress import Progress
    from tests.benchmarks.question import Asked
    from tests.controlplane import ControlPlane

Names = dict[str, list[str]]
"""Namespaces by cluster."""
AIM = 1.3
LEAST, MOST = 4, 8
"""Control planes, the home cluster among them: what the machine carries lies between."""
WORKING = 2.5
"""Times its idle memory that a control plane takes at work."""
MIB = 2**20


@dataclass(frozen=True)
class Sizes:
    """How much is done. `planes`: the home cluster among them; 0: as many as memory carries."""

    planes: int = 0
    applications: int = 100


class Step(msgspec.Struct, frozen=True, rename="camel"):
    """One number of control planes. CPU of the API servers: of all of them together."""

    planes: int
    bare_seconds: float
    first: Delivery
    api_servers_cpu_seconds: float
    memory: int


class Planes:
    """One control plane, then several side by side, each with so many Applications of four objects."""

    name = "planes"
    title = "Real control planes side by side in one controller"

    def __init__(self, asked: Asked, sizes: Sizes | None = None) -> None:
        self.sizes = sizes or (Sizes(LEAST, 10) if asked.quick else Sizes())

    def measure(self, ground: Harbour, progress: Progress) -> Answer:
        """Measure it."""
        count = self.sizes.planes or _carried(ground.plane)
        with _further(ground, count - 1, progress) as others:
            one = asyncio.run(self._step(ground, (), progress))
            return _answer(one, asyncio.run(self._step(ground, others, progress)))

    async def _step(self, ground: Harbour, others: Sequence[ControlPlane], progress: Progress) -> Step:
        clusters = (IN_CLUSTER, *(plane.name for plane in others))
        size = self.sizes.applications * len(clusters)
        bare = await self._bare(ground, others, Fleet(size), progress)
        cargo = of_fleet(Fleet(size), clusters)
        names = _dealt(cargo.names, clusters)
        home = replace(cargo, namespaces=tuple(names[IN_CLUSTER]))
        servers = [api_server_of(plane) for plane in (ground.plane, *others)]
        async with (
            ground.world(home.namespaces) as world,
            _places(others, names) as places,
            crew(ground, world, home) as sailors,
        ):
            await connect(sailors.client, {plane.name: plane.kubeconfig.read_text("utf-8") for plane in others})
            sailors.places.update(places)
            before = sum(cpu_of(pid).seconds for pid in servers)
            with progress.step(f"{size} Applications on {len(clusters)} control planes"):
                first = await sailors.deliver()
            used = sum(cpu_of(pid).seconds for pid in servers) - before
            return Step(len(clusters), bare, first, used, memory_of(sailors.controller.pid).total)

    async def _bare(self, ground: Harbour, others: Sequence[ControlPlane], fleet: Fleet, progress: Progress) -> float:
        """Seconds until the last control plane has taken its dry runs and applies; 50 in flight to each of them."""
        clusters = (IN_CLUSTER, *(plane.name for plane in others))
        names = _dealt(fleet.names, clusters)
        async with (
            ground.world(names[IN_CLUSTER]),
            _places(others, names) as places,
            ground.admin() as admin,
        ):
            wishes = {
                cluster: [wish(body, name) for name in names[cluster] for body in objects(name, "0")]
                for cluster in clusters
            }
            clients = {IN_CLUSTER: admin, **places}
            for cluster, client in clients.items():
                await limit.dry_run(client, wishes[cluster][:IN_FLIGHT])  # connections and discovery are no part of it
            with progress.step(f"{4 * fleet.size} dry runs and applies on {len(clusters)} control planes, bare"):
                begun = time.monotonic()
                async with asyncio.TaskGroup() as group:
                    for cluster, client in clients.items():
                        group.create_task(limit.dry_run_and_apply(client, wishes[cluster]), name=f"bare {cluster}")
                return time.monotonic() - begun


def _dealt(names: Sequence[str], clusters: Sequence[str]) -> Names:
    """Which Applications go where: as a cargo deals them out."""
    return {cluster: list(names[number :: len(clusters)]) for number, cluster in enumerate(clusters)}


def _carried(home: ControlPlane) -> int:
    """Control planes that this machine's memory carries, the home cluster among them."""
    resident = sum(psutil.Process(pid).memory_info().rss for pid in home.pids.values())
    more = int(psutil.virtual_memory().available * 0.7 / (WORKING * resident))
    return max(LEAST, min(MOST, more + 1))


@contextmanager
def _further(ground: Harbour, count: int, progress: Progress) -> Iterator[list[ControlPlane]]:
    """Further control planes; they end with the block."""
    with progress.step(f"starting {count} further control planes"):
        started = start_all([f"plane-{number}" for number in range(count)], ground.directory, binaries=BINARIES)
    try:
        yield started
    finally:
        for plane in started:
            plane.stop()


@asynccontextmanager
async def _places(
    others: Sequence[ControlPlane], names: Mapping[str, Sequence[str]]
) -> AsyncIterator[dict[str, ApiCluster]]:
    """A client of each, with its namespaces made; emptied afterwards."""
    async with AsyncExitStack() as stack:
        clients: dict[str, ApiCluster] = {}
        for plane in others:
            stack.push_async_callback(asyncio.to_thread, plane.reset)
            client = open_cluster(plane.name, await from_kubeconfig_file(plane.kubeconfig), IN_FLIGHT)
            stack.push_async_callback(client.close)
            made = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": n}} for n in names[plane.name]]
            await limit.apply(client, made)
            clients[plane.name] = client
        yield clients


def _answer(one: Step, many: Step) -> Answer:
    ratio = many.first.seconds / many.bare_seconds
    steps = (one, many)
    rows = [
        ("seconds, from created to all Ready", *(f"{step.first.seconds:.2f}" for step in steps)),
        ("... the same requests bare", *(f"{step.bare_seconds:.2f}" for step in steps)),
        ("... ratio", *(f"{step.first.seconds / step.bare_seconds:.2f}" for step in steps)),
        ("CPU of ours, s", *(f"{step.first.cpu.seconds:.2f}" for step in steps)),
        (
            "... for each Application, ms",
            *(f"{1000 * step.first.cpu.seconds / step.first.applications:.1f}" for step in steps),
        ),
        ("CPU of the API servers, s", *(f"{step.api_servers_cpu_seconds:.2f}" for step in steps)),
        ("peak memory, MiB", *(f"{step.first.peak_memory.total / MIB:.0f}" for step in steps)),
        ("memory, standing, MiB", *(f"{step.memory / MIB:.0f}" for step in steps)),
        ("requests", *(str(step.first.sent) for step in steps)),
    ]
    x = [float(step.planes) for step in steps]
    curves = [
        Curve("CPU of ours", x, [1000 * step.first.cpu.seconds / step.first.applications for step in steps]),
        Curve(
            "CPU of the API servers",
            x,
            [1000 * step.api_servers_cpu_seconds / step.first.applications for step in steps],
        ),
        Curve("seconds", x, [1000 * step.first.seconds / step.first.applications for step in steps]),
    ]
    each = one.first.applications
    return Answer(
        question=Planes.name,
        sections=[
            Section(
                f"{each} Applications of 4 objects on each control plane",
                ("", *(f"{step.planes} control plane{'s' if step.planes > 1 else ''}" for step in steps)),
                rows,
            )
        ],
        ratios={f"rollout on {many.planes} control planes to bare": round(ratio, 3)},
        aims=[Aim(f"rollout on {many.planes} control planes to bare", ratio, AIM, "x")],
        plots=[
            Plot("planes", f"{each} Applications on each control plane", "control planes", "ms per Application", curves)
        ],
        data={"steps": msgspec.to_builtins(steps)},
    )
