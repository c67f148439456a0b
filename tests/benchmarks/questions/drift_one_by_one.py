"""Hand edits, one after the other: how soon is each recorded, and how soon healed?"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from controller.model.objects import ObjectId
from tests.benchmarks.anchored import at_anchor
from tests.benchmarks.counters import rest
from tests.benchmarks.fit import percentile
from tests.benchmarks.fleet import MAP
from tests.benchmarks.hand import edit, episodes, is_healed, records
from tests.benchmarks.lookout import Lookout
from tests.benchmarks.question import Aim, Answer, Curve, Plot, Section
from tests.benchmarks.usage import cpu_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.benchmarks.crew import Crew
    from tests.benchmarks.hand import Edit
    from tests.benchmarks.harbour import Harbour
    from tests.benchmarks.progress import Progress
    from tests.benchmarks.question import Asked

HEALED = 60.0
"""Seconds until an edit must be healed."""
RECORDED_P99, HEALED_P99 = 0.5, 1.0
BARE = "bare"
OFTEN = 4
"""Times that one object is edited at most: within a minute, more would be a fight."""
SHARES = (0.5, 0.99, 1.0)


@dataclass(frozen=True)
class Sizes:
    """How much is done; the edits go round the Applications."""

    applications: int = 1000
    edits: int = 200


class DriftOneByOne:
    """Each edit changes the ConfigMap of another Application, and the next one waits until it is healed."""

    name = "drift_one_by_one"
    title = "Hand edits, one by one: edited to recorded, edited to healed"

    def __init__(self, asked: Asked, sizes: Sizes | None = None) -> None:
        size = asked.applications
        self.sizes = sizes or Sizes(size, min(20 if asked.quick else Sizes.edits, OFTEN * size))

    def measure(self, ground: Harbour, progress: Progress) -> Answer:
        """Measure it."""
        return asyncio.run(self._measure(ground, progress))

    async def _measure(self, ground: Harbour, progress: Progress) -> Answer:
        async with at_anchor(ground, self.sizes.applications, progress) as sailors:
            ledger = sailors.world.ledger
            earlier = len(await asyncio.to_thread(records, ledger, "drift.detected"))
            before, cpu = await rest(sailors.controller), cpu_of(sailors.controller.pid)
            epoch = time.time() - time.monotonic()
            with progress.step(f"{self.sizes.edits} hand edits, one by one"):
                edits, healed, bare = await self._edit(sailors)
            after, cpu = await rest(sailors.controller), cpu_of(sailors.controller.pid).since(cpu)
            found = await episodes(ledger, len(edits), after=earlier)
        seen, recorded = [], []
        for number, (object_, one) in enumerate(edits):
            record = found[object_][number // self.sizes.applications]
            seen.append(record.occurred - epoch - one.sent)
            recorded.append(record.recorded - epoch - one.sent)
        requests = sum((after.requests - before.requests).values()) / len(edits)
        return _answer(
            self.sizes.applications, percentile(bare, 0.5), seen, recorded, healed, cpu.seconds / len(edits), requests
        )

    async def _edit(self, sailors: Crew) -> tuple[Sequence[tuple[str, Edit]], Sequence[float], Sequence[float]]:
        """The edits by object; seconds until each was healed, as a watch of somebody else's sees it; and those bare.

        Bare is the least that a heal can be, a dry run and an apply of an object that the controller ignores, after
        each edit: whatever else the machine does slows both.
        """
        names, edits, healed, bare = sailors.cargo.names, [], [], []
        async with Lookout(sailors.client, "v1", "ConfigMap") as maps:
            for number in range(self.sizes.edits):
                target = ObjectId("", "ConfigMap", names[number % len(names)], MAP)
                key = f"{target.namespace}/{MAP}"
                wanted = maps.bodies[key]["data"]["version"]
                one = await edit(sailors.client, target, "v1", {"data": {"version": f"by hand {number}"}})
                moment = await maps.until(lambda seen, k=key, one=one, w=wanted: is_healed(seen[k], one, w), HEALED)  # type: ignore[misc]
                edits.append((str(target), one))
                healed.append(moment - one.sent)
                bare.append(await _bare(sailors, str(number)))
            await sailors.client.delete(ObjectId("", "ConfigMap", names[0], BARE), "v1")
        return edits, healed, bare


async def _bare(sailors: Crew, version: str) -> float:
    metadata = {"name": BARE, "namespace": sailors.cargo.names[0]}
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"version": version}}
    begun = time.monotonic()
    await sailors.client.apply(body, dry_run=True, manager=BARE)
    await sailors.client.apply(body, manager=BARE)
    return time.monotonic() - begun


def _answer(
    applications: int,
    bare: float,
    seen: Sequence[float],
    recorded: Sequence[float],
    healed: Sequence[float],
    cpu: float,
    requests: float,
) -> Answer:
    times = {"seen by the controller": seen, "recorded in the ledger": recorded, "healed": healed}
    rows = [
        (what, *(f"{percentile(values, share) * 1000:.0f} ms" for share in SHARES)) for what, values in times.items()
    ]
    rows += [("a dry run and an apply, bare", f"{bare * 1000:.0f} ms", "", "")]
    rows += [("CPU of ours per edit", f"{cpu * 1000:.0f} ms", "", ""), ("requests per edit", f"{requests:.1f}", "", "")]
    curves = [
        Curve(
            what, [percentile(values, step / 100) * 1000 for step in range(101)], [float(step) for step in range(101)]
        )
        for what, values in times.items()
    ]
    return Answer(
        question=DriftOneByOne.name,
        sections=[
            Section(
                f"{len(healed)} hand edits at {applications} Applications, one by one: from the moment the edit "
                "was sent",
                ("", "p50", "p99", "worst"),
                rows,
            )
        ],
        ratios={"healed, p50, to a dry run and an apply": round(percentile(healed, 0.5) / bare, 3)},
        aims=[
            Aim("hand edit to recorded, p99", percentile(recorded, 0.99), RECORDED_P99, "s"),
            Aim("hand edit to healed, p99", percentile(healed, 0.99), HEALED_P99, "s"),
        ],
        plots=[
            Plot(
                "drift-one-by-one", "From a hand edit until it is seen, recorded and healed", "ms", "% of edits", curves
            )
        ],
        data={
            "applications": applications,
            "bareSeconds": round(bare, 6),
            "seenSeconds": [round(value, 6) for value in seen],
            "recordedSeconds": [round(value, 6) for value in recorded],
            "healedSeconds": [round(value, 6) for value in healed],
            "cpuSecondsPerEdit": cpu,
            "requestsPerEdit": requests,
        },
    )
