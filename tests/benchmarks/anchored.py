"""A fleet that stands between two questions: what is asked of a standing fleet need not roll one out each time."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.benchmarks.cargo import of_fleet
from tests.benchmarks.counters import rest
from tests.benchmarks.crew import Crew, publish
from tests.benchmarks.fleet import Fleet
from tests.benchmarks.lookout import is_ready

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from tests.benchmarks.crew import Delivery, Yard
    from tests.benchmarks.harbour import Harbour
    from tests.benchmarks.progress import Progress
    from tests.ground.controller_process import ControllerProcess
    from tests.ground.world import World

READY = 120.0
"""Seconds until a fleet that was left standing must be Ready again."""


@dataclass(frozen=True)
class Anchored:
    """What stands. It belongs to no event loop."""

    fleet: Fleet
    world: World
    controller: ControllerProcess
    yards: Mapping[str, Yard]

    async def leave(self, harbour: Harbour) -> None:
        """Stop the controller and empty the servers."""
        try:
            await asyncio.to_thread(self.controller.stop)
        finally:
            await harbour.close(self.world)


async def roll_out(harbour: Harbour, fleet: Fleet) -> Delivery:
    """A controller of its own, idle and empty at the start, rolls out the fleet, which stays at anchor."""
    cargo = of_fleet(fleet)
    world = await harbour.open(cargo.namespaces)
    controller = world.controller(**harbour.settings)
    harbour.anchored = Anchored(fleet, world, controller, publish(world, cargo))
    try:
        await asyncio.to_thread(controller.start)
        async with _crew(harbour, harbour.anchored) as crew:
            await rest(controller)
            return await crew.deliver()
    except BaseException:
        await harbour.clear()
        raise


@asynccontextmanager
async def at_anchor(harbour: Harbour, size: int, progress: Progress) -> AsyncIterator[Crew]:
    """The crew of a fleet of Kustomize directories: the one that stands, or one that is rolled out now.

    It stays for the next question, unless something goes wrong.
    """
    left = harbour.anchored
    if left is None or type(left.fleet) is not Fleet or left.fleet.size != size:
        with progress.step(f"{size} Applications come to stand"):
            await roll_out(harbour, Fleet(size))
        left = harbour.anchored
    assert left is not None
    try:
        async with _crew(harbour, left) as crew:
            await crew.applications.until(
                lambda bodies: len(bodies) == size and all(map(is_ready, bodies.values())), READY, crew.complaints
            )
            await rest(left.controller)
            yield crew
    except BaseException:
        await harbour.clear()
        raise


@asynccontextmanager
async def _crew(harbour: Harbour, left: Anchored) -> AsyncIterator[Crew]:
    async with harbour.admin() as client:
        crew = Crew(left.world, of_fleet(left.fleet), client, left.controller, left.yards)
        async with crew.applications:
            yield crew
