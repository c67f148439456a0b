"""Rounds of a rollout: ours beside the same requests sent bare, and what stands in the tables of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal

import msgspec

from tests.benchmarks.anchored import roll_out
from tests.benchmarks.bare import Bare, send_bare
from tests.benchmarks.crew import Delivery
from tests.benchmarks.fleet import Fleet
from tests.benchmarks.question import Row, Section
from tests.benchmarks.spread import MIB, Spread, spread_text

if TYPE_CHECKING:
    from tests.benchmarks.harbour import Harbour
    from tests.benchmarks.progress import Progress

Order = Literal["ours first", "bare first"]
Ours = Callable[[Delivery], float]


class Round(msgspec.Struct, frozen=True):
    """Both, one after the other, each on an emptied API server."""

    order: Order
    ours: Delivery
    bare: Bare

    @property
    def ratios(self) -> dict[str, float]:
        """How many times as much ours took."""
        ours, bare = self.ours, self.bare
        found = {
            "seconds to bare": ours.seconds / bare.seconds,
            "seconds to bare and observed": ours.seconds / bare.observed_seconds,
            "CPU of the client to bare": ours.cpu.seconds / bare.cpu_seconds,
            "CPU of the client to the API server's": ours.cpu.seconds / ours.api_server_cpu_seconds,
            "CPU of the API server to bare": ours.api_server_cpu_seconds / bare.api_server_cpu_seconds,
            "requests to bare": ours.sent / sum(bare.requests.values()),
            "renderings per Application": ours.renders / ours.applications,
            "looks per Application": ours.looks / ours.applications,
        }
        return {name: round(ratio, 3) for name, ratio in found.items()}


def one_round(ground: Harbour, size: int, order: Order, progress: Progress, what: str) -> Round:
    """Both in this order; what was rolled out last by ours stays at anchor where bare came first."""

    async def ours() -> Delivery:
        return await roll_out(ground, Fleet(size))

    async def bare() -> Bare:
        return await send_bare(ground, Fleet(size))

    with progress.step(f"{what}, {order}"):
        if order == "ours first":
            delivered = asyncio.run(ours())
            found = Round(order, delivered, asyncio.run(bare()))
        else:
            sent = asyncio.run(bare())
            found = Round(order, asyncio.run(ours()), sent)
    ratio = found.ratios["seconds to bare"]
    progress.say(f"ours {found.ours.seconds:.2f} s, bare {found.bare.seconds:.2f} s, ratio {ratio:.2f}")
    return found


def ratios_of(rounds: Sequence[Round]) -> dict[str, Spread]:
    """Over all rounds."""
    return {name: Spread.of([one.ratios[name] for one in rounds]) for name in rounds[0].ratios}


def tables(rounds: Sequence[Round]) -> list[Section]:
    """The rollout, its requests, where its CPU goes, and its event loop."""
    size = rounds[0].ours.applications
    title = f"{size} Applications of 4 objects: from created to all Ready, {_rounds(len(rounds))}"
    return [
        Section(title, ("", "shipslog", "bare", "ratio"), _rollout(rounds)),
        Section("Requests of that rollout by verb", ("verb", "shipslog", "bare"), _verbs(rounds)),
        Section("Where its seconds go", ("", "seconds"), _where(rounds)),
    ]


def _rounds(count: int) -> str:
    return "one round" if count == 1 else f"median of {count} rounds (least to most)"


def _rollout(rounds: Sequence[Round]) -> list[Row]:
    ratios = ratios_of(rounds)

    def ours(value: Callable[[Delivery], float], digits: int = 2) -> str:
        return spread_text([value(one.ours) for one in rounds], digits)

    def bare(value: Callable[[Bare], float], digits: int = 2) -> str:
        return spread_text([value(one.bare) for one in rounds], digits)

    def ratio(name: str) -> str:
        return ratios[name].text()

    seconds, cpu = ours(lambda o: o.seconds), ours(lambda o: o.cpu.seconds)
    observed = bare(lambda b: b.observed_seconds)
    server = ours(lambda o: o.api_server_cpu_seconds)
    return [
        ("seconds", seconds, bare(lambda b: b.seconds), ratio("seconds to bare")),
        (
            "... beside bare until every Deployment was observed",
            seconds,
            observed,
            ratio("seconds to bare and observed"),
        ),
        ("seconds until half of the Applications were Ready", ours(lambda o: o.ready[len(o.ready) // 2]), "", ""),
        (
            "requests to the API server",
            ours(lambda o: o.sent, 0),
            bare(lambda b: sum(b.requests.values()), 0),
            ratio("requests to bare"),
        ),
        (
            "CPU of the API server, s",
            server,
            bare(lambda b: b.api_server_cpu_seconds),
            ratio("CPU of the API server to bare"),
        ),
        ("CPU of the client, s", cpu, bare(lambda b: b.cpu_seconds), ratio("CPU of the client to bare")),
        ("... beside that of the API server, s", cpu, server, ratio("CPU of the client to the API server's")),
        *_sizes(ours),
        (
            "cores taken by programs with no part in it, %",
            ours(lambda o: 100 * o.others, 0),
            bare(lambda b: 100 * b.others, 0),
            "",
        ),
    ]


def _sizes(ours: Callable[[Ours, int], str]) -> list[Row]:
    figures: dict[str, Ours] = {
        "memory before the first Application, MiB": lambda o: o.memory_before.total / MIB,
        "peak memory, MiB": lambda o: o.peak_memory.total / MIB,
        "... of the controller itself": lambda o: o.peak_memory.itself / MIB,
        "... of render engine, git and others": lambda o: o.peak_memory.programs / MIB,
        "memory when all stand, MiB": lambda o: o.memory_after.total / MIB,
        "renderings": lambda o: o.renders,
        "looks at an Application": lambda o: o.looks,
        "events in the ledger": lambda o: o.events,
        "event-loop lag p99, at most, ms": lambda o: 1000 * o.lag.p99,
        "event-loop lag, longest, at most, ms": lambda o: 1000 * o.lag.most,
    }
    return [(name, ours(value, 0), "", "") for name, value in figures.items()]


def _verbs(rounds: Sequence[Round]) -> list[Row]:
    verbs = sorted({verb for one in rounds for verb in (*one.ours.requests, *one.bare.requests)})
    return [
        (
            verb,
            spread_text([one.ours.requests.get(verb, 0) for one in rounds], 0),
            spread_text([one.bare.requests.get(verb, 0) for one in rounds], 0),
        )
        for verb in verbs
    ]


def _where(rounds: Sequence[Round]) -> list[Row]:
    figures: dict[str, Ours] = {
        "CPU of the event loop": lambda o: o.processes.event_loop,
        "CPU of the controller's threads": lambda o: o.processes.threads,
        "CPU of the render engine": lambda o: o.processes.engine,
        "CPU of programs that ended: git": lambda o: o.processes.ended,
        "CPU of other programs": lambda o: o.processes.others,
        **{
            f"waited for in stage {stage}, added up over the Applications": lambda o, stage=stage: o.stages[stage]  # type: ignore[misc]
            for stage in rounds[0].ours.stages
        },
    }
    return [(name, spread_text([value(one.ours) for one in rounds])) for name, value in figures.items()]
