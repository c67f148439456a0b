"""Many hand edits at once: how soon are all healed, beside what the API server needs for as many bare applies?"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from controller.model.labels import OWNER_LABEL
from controller.model.objects import ObjectId
from tests.benchmarks import limit
from tests.benchmarks.anchored import at_anchor
from tests.benchmarks.cargo import wish
from tests.benchmarks.counters import rest
from tests.benchmarks.fit import percentile
from tests.benchmarks.fleet import MAP, Fleet, objects
from tests.benchmarks.hand import edit, episodes, is_healed, records
from tests.benchmarks.harbour import bare_client
from tests.benchmarks.lookout import Lookout
from tests.benchmarks.question import Aim, Answer, Curve, Plot, Section
from tests.benchmarks.usage import cpu_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from controller.kube.cluster import ApiCluster
    from controller.model.base import Json
    from tests.benchmarks.crew import Crew
    from tests.benchmarks.hand import Edit
    from tests.benchmarks.harbour import Harbour
    from tests.benchmarks.progress import Progress
    from tests.benchmarks.question import Asked

HEALED = 300.0
"""Seconds until all must be healed."""
AIM = 1.5


@dataclass(frozen=True)
class Sizes:
    """How much is done: at most one edit per Application."""

    applications: int = 1000
    edits: int = 500


class Healing:
    """One time: all moments from the first edit sent, in seconds."""

    def __init__(self) -> None:
        self.edited = 0.0
        """When the last edit was answered."""
        self.healed: list[float] = []
        self.recorded: list[float] = []
        self.cpu = 0.0
        self.requests: Mapping[str, int] = {}


class DriftAtOnce:
    """Every edit changes the ConfigMap of another Application, 50 of them under way at any moment."""

    name = "drift_at_once"
    title = "Hand edits all at once: until every one is healed"

    def __init__(self, asked: Asked, sizes: Sizes | None = None) -> None:
        size = asked.applications
        self.sizes = sizes or Sizes(size, min(50 if asked.quick else Sizes.edits, size))
        if self.sizes.edits > self.sizes.applications:
            raise ValueError(f"{self.sizes.edits} edits need as many Applications: there are {self.sizes.applications}")

    def measure(self, ground: Harbour, progress: Progress) -> Answer:
        """Measure it."""
        return asyncio.run(self._measure(ground, progress))

    async def _measure(self, ground: Harbour, progress: Progress) -> Answer:
        async with at_anchor(ground, self.sizes.applications, progress) as sailors:
            with progress.step(f"{self.sizes.edits} edits and forced applies, bare"):
                bare = await self._bare(sailors)
            with progress.step(f"{self.sizes.edits} hand edits at once"):
                healing = await self._heal(sailors)
        return _answer(self.sizes, healing, *bare)

    async def _bare(self, sailors: Crew) -> tuple[float, float]:
        """Seconds of the edits, and of the forced applies that take them back: of objects that the controller ignores.

        It stands there idle meanwhile, and sees none of it: nothing bears the label that its watches select by.
        """
        names = Fleet(self.sizes.edits).names
        wishes = [_unmarked(wish(objects(name, "0")[0], name)) for name in names]
        async with bare_client(sailors.world) as client:
            hand = sailors.client
            await limit.apply(hand, [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": n}} for n in names])
            await limit.apply(client, wishes)
            await _edit_all(hand, names)  # connections, and a server that is warm: the first round counts for nothing
            await limit.apply(client, wishes)
            edits, edited = await _edit_all(hand, names)
            seconds = await limit.apply(client, wishes)
            maps = await hand.list("v1", "ConfigMap")
        found = {body["metadata"]["namespace"]: body for body in maps if body["metadata"]["name"] == MAP}
        left = [name for name in names if not is_healed(found[name], edits[name])]
        assert not left, f"{len(left)} edits stand after the bare applies"
        await rest(sailors.controller)
        return edited, seconds

    async def _heal(self, sailors: Crew) -> Healing:
        names, healing = sailors.cargo.names[: self.sizes.edits], Healing()
        before, cpu = await rest(sailors.controller), cpu_of(sailors.controller.pid)
        moments: dict[str, float] = {}
        edits: dict[str, Edit] = {}

        def all_healed(bodies: Mapping[str, Json]) -> bool:
            now = time.monotonic()
            for name in edits.keys() - moments.keys():
                if is_healed(bodies[f"{name}/{MAP}"], edits[name], wanted[name]):
                    moments[name] = now
            return len(moments) == len(names)

        earlier = len(await asyncio.to_thread(records, sailors.world.ledger, "drift.detected"))
        async with Lookout(sailors.client, "v1", "ConfigMap") as maps:
            wanted = {name: maps.bodies[f"{name}/{MAP}"]["data"]["version"] for name in names}
            epoch, begun = time.time() - time.monotonic(), time.monotonic()
            async with asyncio.TaskGroup() as group:
                editing = group.create_task(_edit_all(sailors.client, names, edits), name="edits")
                explain = lambda: f"{len(moments)} of {len(names)} edits were healed"  # noqa: E731
                await maps.until(all_healed, HEALED, explain)
            healing.edited = editing.result()[1]
        after = await rest(sailors.controller)
        healing.cpu = cpu_of(sailors.controller.pid).since(cpu).seconds
        healing.requests = dict(after.requests - before.requests)
        found = await episodes(sailors.world.ledger, len(names), after=earlier)
        healing.healed = sorted(moment - begun for moment in moments.values())
        healing.recorded = sorted(record.recorded - epoch - begun for one in found.values() for record in one)
        return healing


def _unmarked(body: Json) -> Json:
    del body["metadata"]["labels"][OWNER_LABEL]
    return body


async def _edit_all(
    client: ApiCluster, names: Sequence[str], edits: dict[str, Edit] | None = None
) -> tuple[dict[str, Edit], float]:
    """Edit the ConfigMap of each; the edits, put into `edits` as they are answered, and the seconds it took."""
    done = {} if edits is None else edits

    async def one(name: str) -> None:
        target = ObjectId("", "ConfigMap", name, MAP)
        done[name] = await edit(client, target, "v1", {"data": {"version": "by hand"}})

    await client.resource("v1", "ConfigMap")
    seconds = await limit.at_once([lambda name=name: one(name) for name in names])  # type: ignore[misc]
    return done, seconds


def _answer(sizes: Sizes, healing: Healing, bare_edits: float, bare_applies: float) -> Answer:
    last = healing.healed[-1]
    after = max(0.0, last - healing.edited)
    ratios = {
        "all healed, from the first edit, to bare applies": round(last / bare_applies, 3),
        "all healed, from the first edit, to bare edits and applies": round(last / (bare_edits + bare_applies), 3),
        "all healed, after the last edit, to bare applies": round(after / bare_applies, 3),
    }
    sent = sum(healing.requests.values())
    rows = [
        ("all edits answered", f"{healing.edited:.2f} s", f"{bare_edits:.2f} s", f"{healing.edited / bare_edits:.2f}"),
        ("all healed, from the first edit", f"{last:.2f} s", f"{bare_applies:.2f} s", f"{last / bare_applies:.2f}"),
        ("all healed, after the last edit", f"{after:.2f} s", f"{bare_applies:.2f} s", f"{after / bare_applies:.2f}"),
        ("half healed, from the first edit", f"{percentile(healing.healed, 0.5):.2f} s", "", ""),
        ("all recorded, from the first edit", f"{healing.recorded[-1]:.2f} s", "", ""),
        ("requests", str(sent), str(sizes.edits), f"{sent / sizes.edits:.2f}"),
        ("CPU of ours", f"{healing.cpu:.2f} s", "", ""),
    ]
    share = [100 * (number + 1) / len(healing.healed) for number in range(len(healing.healed))]
    curves = [Curve("recorded", healing.recorded, share), Curve("healed", healing.healed, share)]
    return Answer(
        question=DriftAtOnce.name,
        sections=[
            Section(
                f"{sizes.edits} hand edits at once in as many of {sizes.applications} Applications",
                ("", "shipslog", "bare", "ratio"),
                rows,
            )
        ],
        ratios=ratios,
        aims=[Aim("all healed, from the first edit, to bare applies", last / bare_applies, AIM, "x")],
        plots=[Plot("drift-at-once", f"{sizes.edits} hand edits at once", "s", "% of edits", curves)],
        data={
            "applications": sizes.applications,
            "edits": sizes.edits,
            "bareEditsSeconds": bare_edits,
            "bareAppliesSeconds": bare_applies,
            "editedSeconds": healing.edited,
            "healedSeconds": [round(value, 6) for value in healing.healed],
            "recordedSeconds": [round(value, 6) for value in healing.recorded],
            "cpuSeconds": healing.cpu,
            "requests": dict(healing.requests),
        },
    )
