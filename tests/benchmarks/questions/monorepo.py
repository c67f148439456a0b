"""A repository of tens of thousands of files with some Applications in it, beside the same ones in a small one."""

from __future__ import annotations

import asyncio
import shutil
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from tests.benchmarks.cargo import Cargo, of_fleet
from tests.benchmarks.counters import rest
from tests.benchmarks.crew import crew
from tests.benchmarks.fit import percentile
from tests.benchmarks.fleet import MAP, REPOSITORY, Fleet, directory
from tests.benchmarks.lookout import Lookout, is_ready
from tests.benchmarks.question import Aim, Answer, Section
from tests.benchmarks.usage import Memory, cpu_of, memory_of, peak_memory
from tests.ground.git_repository import git

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.benchmarks.crew import Crew, Delivery
    from tests.benchmarks.harbour import Harbour
    from tests.benchmarks.progress import Progress
    from tests.benchmarks.question import Asked

LIVE = 120.0
"""Seconds until a change must be live."""
CHANGED, FIRST = 1.0, 2.0
PER_DIRECTORY, PER_SERVICE = 20, 500
MIB = 2**20


@dataclass(frozen=True)
class Sizes:
    """How much is done. `commits` of each kind."""

    files: int = 50_000
    applications: int = 40
    commits: int = 5


class Change(msgspec.Struct, frozen=True):
    """One-file commits; CPU, requests and renderings per commit."""

    seconds: list[float]
    cpu: float
    requests: float
    renders: float


class Stay(msgspec.Struct, frozen=True, rename="camel"):
    """One repository, small or not. Sizes in bytes; `clone_seconds`: a bare clone by git itself, the limit."""

    files: int
    clone_seconds: float
    first: Delivery
    inside: Change
    outside: Change
    memory: Memory
    peak: Memory
    mirror: int
    served: int


class Monorepo:
    """Applications of four objects each as Kustomize directories; all other files are of no concern to them."""

    name = "monorepo"
    title = "A monorepo: first sync, one-file change, memory, disk"

    def __init__(self, asked: Asked, sizes: Sizes | None = None) -> None:
        self.sizes = sizes or (Sizes(2000, 10, 2) if asked.quick else Sizes())

    def measure(self, ground: Harbour, progress: Progress) -> Answer:
        """Measure it: the small repository first, on a server that has seen some others before."""
        small = asyncio.run(self._stay(ground, progress, 0))
        large = asyncio.run(self._stay(ground, progress, self.sizes.files))
        return _answer(small, large)

    async def _stay(self, ground: Harbour, progress: Progress, files: int) -> Stay:
        cargo = of_fleet(Fleet(self.sizes.applications))
        more = filler(files - len(cargo.files))
        cargo = Cargo(cargo.namespaces, {**cargo.files, **more}, cargo.applications, cargo.objects)
        what = f"{len(cargo.files)} files, {len(cargo.names)} Applications"
        async with ground.world(cargo.namespaces) as world:
            progress.say(f"{what}: publishing")
            async with crew(ground, world, cargo) as sailors:
                clone = await asyncio.to_thread(_clone, sailors)
                with progress.step(f"{what}: first sync"):
                    first = await sailors.deliver()
                async with peak_memory(sailors.controller.pid) as peak:
                    with progress.step(f"{what}: commits inside and outside"):
                        inside = await self._commit(sailors, inside=True)
                        outside = await self._commit(sailors, inside=False)
                return Stay(
                    files=len(cargo.files),
                    clone_seconds=clone,
                    first=first,
                    inside=inside,
                    outside=outside,
                    memory=memory_of(sailors.controller.pid),
                    peak=peak.memory,
                    mirror=await asyncio.to_thread(_size, sailors.mirrors),
                    served=await asyncio.to_thread(_size, sailors.bare.path),
                )

    async def _commit(self, sailors: Crew, *, inside: bool) -> Change:
        """Commits that change one Application's file, or one of no Application; asked for at once.

        Raises AssertionError where anything else was rendered.
        """
        name, pid = sailors.cargo.names[0], sailors.controller.pid
        seconds = []
        before, cpu = await rest(sailors.controller), cpu_of(pid)
        async with Lookout(sailors.client, "v1", "ConfigMap", name) as maps:
            for number in range(self.sizes.commits):
                version = f"change-{number}"
                files = directory(name, version) if inside else {"services/changed.txt": version}
                head = await sailors.push(files, f"Version {version}")
                begun = time.monotonic()
                await sailors.ask(name)
                if inside:
                    live = await maps.until(lambda seen, v=version: seen[MAP]["data"]["version"] == v, LIVE)  # type: ignore[misc]
                    seconds.append(live - begun)
                told = await sailors.applications.until(
                    lambda seen, head=head: is_ready(seen[name], head),  # type: ignore[misc]
                    LIVE,
                    sailors.complaints,
                )
                if not inside:
                    seconds.append(told - begun)
                await rest(sailors.controller)
        cpu, after = cpu_of(pid).since(cpu), await rest(sailors.controller)
        renders = (after.renders - before.renders) / self.sizes.commits
        assert renders == inside, f"{renders:g} renderings per commit {'inside' if inside else 'outside'}"
        requests = sum((after.requests - before.requests).values()) / self.sizes.commits
        return Change(seconds, cpu.seconds / self.sizes.commits, requests, renders)


def filler(count: int) -> Mapping[str, str]:
    """Files as a monorepo has them: services with directories of sources, about a kilobyte each, no two alike."""
    return {_path(number): _text(number) for number in range(max(0, count))}


def _path(number: int) -> str:
    return f"services/s{number // PER_SERVICE:04d}/d{number % PER_SERVICE // PER_DIRECTORY:02d}/f{number:06d}.txt"


def _text(number: int) -> str:
    mixed = ((number * 2654435761 + line * 40503) % 2**32 for line in range(32))
    return "".join(f"{number:06d} {line:02d} {word:08x} and so on\n" for line, word in enumerate(mixed))


def _clone(sailors: Crew) -> float:
    """Seconds that git itself takes for a bare clone over the same HTTP."""
    target = sailors.world.directory / "clone.git"
    begun = time.monotonic()
    git("clone", "--quiet", "--bare", sailors.bare.url, str(target), cwd=sailors.world.directory)
    seconds = time.monotonic() - begun
    shutil.rmtree(target)
    return seconds


def _size(path: Path) -> int:
    """Bytes of all files below."""
    return sum(one.stat().st_size for one in path.rglob("*") if one.is_file())


def _answer(small: Stay, large: Stay) -> Answer:
    inside, asked = percentile(large.inside.seconds, 0.5), percentile(small.inside.seconds, 0.5)
    extra = max(0.0, large.first.seconds - small.first.seconds)
    ratios = {
        "one-file change, monorepo to small repository": round(inside / asked, 3),
        "first sync's extra time to a bare git clone": round(extra / large.clone_seconds, 3),
    }
    return Answer(
        question=Monorepo.name,
        sections=[
            Section(
                f"{large.first.applications} Applications in one {REPOSITORY} repository",
                ("", f"{small.files} files", f"{large.files} files"),
                [
                    (label, of_small, of_large)
                    for label, of_small, of_large in zip(*_columns(small, large), strict=True)
                ],
            )
        ],
        ratios=ratios,
        aims=[
            Aim("one-file change in the monorepo, push to live, p50", inside, CHANGED, "s"),
            Aim("first sync's extra time to a bare git clone", extra / large.clone_seconds, FIRST, "x"),
        ],
        data={"small": msgspec.to_builtins(small), "large": msgspec.to_builtins(large)},
    )


def _columns(*stays: Stay) -> tuple[list[str], ...]:
    labels: list[str] = []
    columns = []
    for stay in stays:
        inside, outside = stay.inside, stay.outside
        cells = {
            "git clone --bare by git itself": f"{stay.clone_seconds:.2f} s",
            "first sync, from created to all Ready": f"{stay.first.seconds:.2f} s",
            "... CPU of ours": f"{stay.first.cpu.seconds:.2f} s",
            "... peak memory": f"{stay.first.peak_memory.total / MIB:.0f} MiB",
            "memory of ours, standing": f"{stay.memory.total / MIB:.0f} MiB",
            "one-file change, push to live, p50": f"{percentile(inside.seconds, 0.5):.2f} s",
            "... CPU of ours, requests": f"{inside.cpu * 1000:.0f} ms, {inside.requests:.1f}",
            "commit elsewhere, push to Ready at it, p50": f"{percentile(outside.seconds, 0.5):.2f} s",
            "... CPU of ours, requests, of such a commit": f"{outside.cpu * 1000:.0f} ms, {outside.requests:.1f}",
            "peak memory during commits": f"{stay.peak.total / MIB:.0f} MiB",
            "mirror on disk": f"{stay.mirror / MIB:.1f} MiB",
            "repository on the Git server": f"{stay.served / MIB:.1f} MiB",
        }
        labels = list(cells)
        columns.append(list(cells.values()))
    return labels, *columns
