"""One commit in one Application: how long until it is live, what does it cost, and who else is rendered?"""

from __future__ import annotations

import asyncio
import random
import time
from typing import TYPE_CHECKING

import msgspec

from controller.model.objects import ObjectId
from tests.benchmarks.anchored import at_anchor
from tests.benchmarks.cargo import wish
from tests.benchmarks.counters import rest
from tests.benchmarks.crew import INTERVAL
from tests.benchmarks.fit import percentile
from tests.benchmarks.fleet import MAP, directory, objects
from tests.benchmarks.harbour import bare_client
from tests.benchmarks.lookout import Lookout, is_ready
from tests.benchmarks.question import Aim, Answer, Asked, Curve, Plot, Section
from tests.benchmarks.usage import cpu_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from controller.kube.cluster import ApiCluster
    from controller.model.base import Json
    from tests.benchmarks.crew import Crew
    from tests.benchmarks.harbour import Harbour
    from tests.benchmarks.progress import Progress

LIVE = 120.0
"""Seconds until a commit must be live."""
AFTERWARDS = 0.3
"""Seconds that a commit's CPU is still counted once the Application told of it: the ledger is written meanwhile."""
BARE_WRITES = 6
"""In a row, before each commit."""
LIVE_P50, CPU_MS = 1.0, 100.0
OWN_NAMESPACE, OWN_MAP = "default", "benchmark-bare"


class Commits(msgspec.Struct, frozen=True, rename="camel"):
    """Seconds from the moment `git push` returned, CPU in seconds, the rest per commit."""

    live: list[float]
    """Until the object in the cluster had the new value."""
    told: list[float]
    """Until the Application said Ready at that commit."""
    cpu: list[float]
    api_server_cpu: list[float]
    renders: float
    looks: float
    requests: dict[str, float]


class Commit:
    """Asked for at once, as by `shipslog sync`, and left to polling."""

    name = "commit"
    title = "One commit in one Application: from push to live"

    def __init__(self, asked: Asked) -> None:
        self.asked = asked
        self._moments = random.Random(20260101)  # noqa: S311 - moments between two polls, not secrets

    def measure(self, ground: Harbour, progress: Progress) -> Answer:
        """Measure it."""
        return asyncio.run(self._measure(ground, progress))

    async def _measure(self, ground: Harbour, progress: Progress) -> Answer:
        given = self.asked
        async with at_anchor(ground, given.applications, progress) as crew, bare_client(crew.world) as client:
            bare = _BareWrites(client)
            with progress.step(f"{given.commits} commits, asked for at once"):
                asked = await self._often(crew, bare, ask=True)
            await crew.poll_every(f"{given.poll_seconds}s")
            with progress.step(f"{given.commits} commits, polled every {given.poll_seconds} s"):
                polled = await self._often(crew, bare, ask=False)
            await crew.poll_every(INTERVAL)
            await bare.clean()
        return answer(given, asked, polled, bare.seconds)

    async def _often(self, crew: Crew, bare: _BareWrites, *, ask: bool) -> Commits:
        name = crew.cargo.names[len(crew.cargo.names) // 2]
        found: list[tuple[float, float, float, float]] = []
        before = await rest(crew.controller)
        async with Lookout(crew.client, "v1", "ConfigMap", name) as maps:
            for number in range(self.asked.commits):
                if ask:
                    await bare.write()  # in turn with what it stands beside: the machine is as busy for both
                else:  # pushed at any moment between two polls: that is what is measured, nothing is waited for
                    await asyncio.sleep(self._moments.uniform(0, self.asked.poll_seconds))
                found.append(await _commit(crew, maps, name, f"{'asked' if ask else 'polled'}-{number}", ask=ask))
        after = await rest(crew.controller)
        count = self.asked.commits
        live, told, cpu, server = ([round(one[place], 6) for one in found] for place in range(4))
        return Commits(
            live,
            told,
            cpu,
            server,
            renders=(after.renders - before.renders) / count,
            looks=(after.looks - before.looks) / count,
            requests={verb: total / count for verb, total in sorted((after.requests - before.requests).items())},
        )


class _BareWrites:
    """The least that a change of one ConfigMap can be: a dry run and an apply, one after the other."""

    def __init__(self, client: ApiCluster) -> None:
        self.seconds: list[float] = []
        self._client = client
        body = wish(objects(OWN_MAP, "0")[0], OWN_NAMESPACE)
        self._body: Json = {**body, "metadata": {**body["metadata"], "name": OWN_MAP}}

    async def write(self) -> None:
        """A few; the first of all makes connections, and does not count."""
        for number in range(BARE_WRITES):
            changed = {**self._body, "data": {"version": f"{len(self.seconds)}-{number}"}}
            begun = time.monotonic()
            await self._client.apply(changed, dry_run=True)
            await self._client.apply(changed)
            if number:
                self.seconds.append(round(time.monotonic() - begun, 6))

    async def clean(self) -> None:
        """Remove what was written."""
        await self._client.delete(ObjectId("", "ConfigMap", OWN_NAMESPACE, OWN_MAP), "v1")


async def _commit(
    crew: Crew, maps: Lookout, name: str, version: str, *, ask: bool
) -> tuple[float, float, float, float]:
    """Push, and wait: seconds until live and until the Application says so; CPU of ours and of the API server."""
    cpu, server = cpu_of(crew.controller.pid), cpu_of(crew.api_server)
    head = await crew.push(directory(name, version), f"Version {version}")
    pushed = time.monotonic()
    if ask:
        await crew.ask(name)
    live = await maps.until(lambda seen: seen.get(MAP, {}).get("data", {}).get("version") == version, LIVE)
    told = await crew.applications.until(lambda seen: is_ready(seen[name], head), LIVE, crew.complaints)
    await asyncio.sleep(AFTERWARDS)
    used = cpu_of(crew.controller.pid).since(cpu).seconds
    return live - pushed, told - pushed, used, cpu_of(crew.api_server).since(server).seconds


def answer(given: Asked, asked: Commits, polled: Commits, bare: Sequence[float]) -> Answer:
    """What the commits say."""
    live, cpu = percentile(asked.live, 0.5), sum(asked.cpu) / len(asked.cpu)
    ratios = {
        "live, p50, to a bare dry run and apply": live / percentile(bare, 0.5),
        "renderings per commit": asked.renders,
        "looks per commit and Application": asked.looks / given.applications,
        "requests per commit to a bare dry run and apply": sum(asked.requests.values()) / 2,
    }
    title = (
        f"One commit in one of the {given.applications} Applications, {given.commits} times: from the end of `git push`"
    )
    return Answer(
        question=Commit.name,
        sections=[
            Section(title, ("", "asked at once", f"polled every {given.poll_seconds} s"), _rows(asked, polled, bare)),
        ],
        ratios={name: round(ratio, 3) for name, ratio in ratios.items()},
        aims=[
            Aim("commit asked for at once to live, p50", live, LIVE_P50, "s"),
            Aim("CPU of ours per commit", 1000 * cpu, CPU_MS, "ms"),
            Aim("renderings of other Applications per commit", max(0.0, asked.renders - 1), 0),
        ],
        plots=[_plot({"asked at once": asked.live, f"polled every {given.poll_seconds} s": polled.live})],
        data={
            "asked": msgspec.to_builtins(asked),
            "polled": msgspec.to_builtins(polled),
            "bareSeconds": list(bare),
        },
    )


def _rows(asked: Commits, polled: Commits, bare: Sequence[float]) -> list[tuple[str, str, str]]:
    def row(what: str, show: Callable[[Commits], str]) -> tuple[str, str, str]:
        return what, show(asked), show(polled)

    def mean(values: Sequence[float]) -> str:
        return f"{1000 * sum(values) / len(values):.0f} ms"

    return [
        row("live, p50", lambda c: f"{percentile(c.live, 0.5):.3f} s"),
        row("live, worst", lambda c: f"{max(c.live):.3f} s"),
        row("Ready at the commit, p50", lambda c: f"{percentile(c.told, 0.5):.3f} s"),
        row("Ready at the commit, worst", lambda c: f"{max(c.told):.3f} s"),
        ("a dry run and an apply of that object, bare, p50", f"{percentile(bare, 0.5):.3f} s", ""),
        row("renderings per commit", lambda c: f"{c.renders:.1f}"),
        row("looks per commit", lambda c: f"{c.looks:.1f}"),
        row("requests per commit", lambda c: f"{sum(c.requests.values()):.1f}"),
        row("CPU of ours per commit", lambda c: mean(c.cpu)),
        row("CPU of the API server per commit", lambda c: mean(c.api_server_cpu)),
    ]


def _plot(times: dict[str, list[float]]) -> Plot:
    curves = [
        Curve(name, sorted(values), [100 * (number + 1) / len(values) for number in range(len(values))])
        for name, values in times.items()
    ]
    return Plot("commit", "From the push until a commit is live", "seconds", "% of commits", curves)
