"""A commit in a base that many Applications share: are those rendered, and no others?"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import msgspec

from tests.benchmarks import limit
from tests.benchmarks.cargo import of_fleet, wish
from tests.benchmarks.counters import rest
from tests.benchmarks.crew import crew
from tests.benchmarks.fleet import MAP, Fleet, objects
from tests.benchmarks.harbour import bare_client
from tests.benchmarks.layouts import BasedFleet
from tests.benchmarks.lookout import Lookout
from tests.benchmarks.question import Aim, Answer, Asked, Curve, Plot, Section
from tests.benchmarks.usage import cpu_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from controller.model.base import Json
    from tests.benchmarks.crew import Crew
    from tests.benchmarks.harbour import Harbour
    from tests.benchmarks.progress import Progress

LIVE = 300.0
"""Seconds until all that share the base must be live."""
VERSION = "changed"


class Change(msgspec.Struct, frozen=True, rename="camel"):
    """`live`: seconds from the end of the push, of each Application that shares the base, sorted."""

    live: list[float]
    cpu: float
    api_server_cpu: float
    renders: int
    looks: int
    requests: dict[str, int]
    bare_seconds: float


class SharedBase:
    """Found by asking one of them to sync, which has the whole repository fetched."""

    name = "shared_base"
    title = "A commit in a base that many Applications share"

    def __init__(self, asked: Asked) -> None:
        self.asked = asked

    def measure(self, ground: Harbour, progress: Progress) -> Answer:
        """Measure it."""
        return asyncio.run(self._measure(ground, progress))

    async def _measure(self, ground: Harbour, progress: Progress) -> Answer:
        fleet = BasedFleet(self.asked.applications)
        with progress.step(f"{fleet.sharing} dry runs and applies, bare"):
            bare = await _bare(ground, fleet.sharing)
        async with ground.world(fleet.names) as world, crew(ground, world, of_fleet(fleet)) as sailors:
            with progress.step(f"{fleet.size} Applications over shared bases come to stand"):
                await sailors.deliver()
            with progress.step(f"a commit in a base that {fleet.sharing} share"):
                change = await _change(sailors, fleet, bare)
        return _answer(fleet.size, fleet.sharing, change)


async def _bare(ground: Harbour, count: int) -> float:
    """Seconds of what the change of as many ConfigMaps can't do without."""
    names = Fleet(count).names
    async with ground.world(names) as world, bare_client(world) as client:
        await limit.apply(client, [wish(objects(name, "0")[0], name) for name in names])
        return await limit.dry_run_and_apply(client, [wish(objects(name, VERSION)[0], name) for name in names])


async def _change(sailors: Crew, fleet: BasedFleet, bare: float) -> Change:
    base = fleet.base_of(fleet.names[fleet.size // 2])
    sharers = frozenset(fleet.sharers(base))
    controller, pid, moments = sailors.controller, sailors.controller.pid, dict[str, float]()

    async with Lookout(sailors.client, "v1", "ConfigMap") as maps:

        def all_live(bodies: Mapping[str, Json]) -> bool:
            now = time.monotonic()
            for key in maps.fresh():
                name, _, object_name = key.partition("/")
                if name in sharers and object_name == MAP and bodies[key]["data"]["version"] == VERSION:
                    moments.setdefault(name, now)
            return len(moments) == len(sharers)

        before, cpu, server = await rest(controller), cpu_of(pid), cpu_of(sailors.api_server)
        await sailors.push(fleet.base(base, VERSION), "Change the base")
        pushed = time.monotonic()
        await sailors.ask(min(sharers))
        await maps.until(all_live, LIVE, lambda: f"{len(moments)} of {len(sharers)} are live")
        after = await rest(controller)
    cpu, server = cpu_of(pid).since(cpu), cpu_of(sailors.api_server).since(server)
    return Change(
        live=sorted(round(moment - pushed, 6) for moment in moments.values()),
        cpu=cpu.seconds,
        api_server_cpu=server.seconds,
        renders=after.renders - before.renders,
        looks=after.looks - before.looks,
        requests=dict(after.requests - before.requests),
        bare_seconds=bare,
    )


def _answer(size: int, sharing: int, change: Change) -> Answer:
    live, applied = change.live, change.requests.get("apply", 0)
    rows = [
        ("live, the first of them", f"{live[0]:.3f} s"),
        ("live, half of them", f"{live[len(live) // 2]:.3f} s"),
        ("live, all of them", f"{live[-1]:.3f} s"),
        ("the same dry runs and applies, bare", f"{change.bare_seconds:.3f} s"),
        ("renderings", str(change.renders)),
        ("objects applied", str(applied)),
        ("looks", str(change.looks)),
        ("requests", str(sum(change.requests.values()))),
        ("CPU of ours", f"{change.cpu:.2f} s"),
        ("CPU of the API server", f"{change.api_server_cpu:.2f} s"),
    ]
    title = f"One commit in a base that {sharing} of {size} Applications share: from the end of `git push`"
    return Answer(
        question=SharedBase.name,
        sections=[Section(title, ("", "shipslog"), rows)],
        ratios={
            "all live to bare": round(live[-1] / change.bare_seconds, 3),
            "renderings to Applications that share it": round(change.renders / sharing, 3),
            "objects applied to objects changed": round(applied / sharing, 3),
        },
        aims=[Aim("renderings of Applications that don't share the base", max(0, change.renders - sharing), 0)],
        plots=[
            Plot(
                "shared-base",
                f"A commit in a base that {sharing} Applications share",
                "seconds since the push",
                "Applications live",
                [
                    Curve("live", [0.0, *live], [float(number) for number in range(len(live) + 1)]),
                    Curve("bare requests answered", [change.bare_seconds] * 2, [0.0, float(sharing)]),
                ],
            )
        ],
        data={"applications": size, "sharing": sharing, "change": msgspec.to_builtins(change)},
    )
