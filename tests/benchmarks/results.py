"""What was measured: the shape of the JSON. Times in seconds, sizes in bytes, CPU in seconds of one core."""

from __future__ import annotations

import statistics
from collections.abc import Sequence  # noqa: TC003 - msgspec reads annotations at run time
from typing import Literal

import msgspec

from tests.benchmarks.machine import Machine  # noqa: TC001 - as above
from tests.benchmarks.usage import Cpu, Memory  # noqa: TC001 - as above

Order = Literal["ours first", "bare first"]


class Settings(msgspec.Struct, frozen=True, rename="camel"):
    """What was asked for."""

    applications: int = 100
    repetitions: int = 3
    commits: int = 10
    steady_seconds: float = 20.0
    poll_seconds: int = 2
    objects_per_application: int = 4
    in_flight: int = 50


class Spread(msgspec.Struct, frozen=True):
    """Many measurements of one thing."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Over at least one value."""
        return cls(*(round(value, 6) for value in (statistics.median(values), min(values), max(values))))


class Bare(msgspec.Struct, frozen=True, rename="camel"):
    """The requests sent bare. `observed`: until the cluster's controllers had also seen every Deployment.

    `others`: share of all cores that programs with no part in it took meanwhile.
    """

    seconds: float
    observed_seconds: float
    cpu_seconds: float
    api_server_cpu_seconds: float
    requests: dict[str, int]
    others: float


class Ours(msgspec.Struct, frozen=True, rename="camel"):
    """From Applications created to all of them Ready. `ready`: of the single Applications."""

    seconds: float
    ready: Spread
    cpu: Cpu
    api_server_cpu_seconds: float
    peak_memory: Memory
    memory_before: Memory
    requests: dict[str, int]
    refused: dict[str, int]
    renders: int
    looks: int
    events: int
    others: float


class Ratios(msgspec.Struct, frozen=True, rename="camel"):
    """Ours to bare, of one round."""

    seconds: float
    observed_seconds: float
    cpu: float
    api_server_cpu: float
    requests: float

    @classmethod
    def of(cls, ours: Ours, bare: Bare) -> Ratios:
        """How many times as much."""
        return cls(
            seconds=round(ours.seconds / bare.seconds, 3),
            observed_seconds=round(ours.seconds / bare.observed_seconds, 3),
            cpu=round(ours.cpu.seconds / bare.cpu_seconds, 3),
            api_server_cpu=round(ours.api_server_cpu_seconds / bare.api_server_cpu_seconds, 3),
            requests=round(sum(ours.requests.values()) / sum(bare.requests.values()), 3),
        )


class Round(msgspec.Struct, frozen=True):
    """Both, one after the other, each on an emptied API server."""

    order: Order
    ours: Ours
    bare: Bare
    ratios: Ratios


class Commits(msgspec.Struct, frozen=True, rename="camel"):
    """One commit in one Application, many times; seconds from the moment `git push` returned, the rest per commit."""

    live: Spread
    """Until the object in the cluster had the new value."""
    told: Spread
    """Until the Application said Ready at that commit."""
    live_seconds: list[float]
    renders: float
    looks: float
    cpu_seconds: float
    api_server_cpu_seconds: float
    requests: dict[str, float]


class Steady(msgspec.Struct, frozen=True, rename="camel"):
    """Nothing happens."""

    seconds: float
    cpu: Cpu
    api_server_cpu_seconds: float
    memory: Memory
    requests: dict[str, int]
    looks: int


class Day(msgspec.Struct, frozen=True):
    """What was measured on the last fleet that stood."""

    asked: Commits
    polled: Commits
    steady: Steady


class Results(msgspec.Struct, frozen=True, kw_only=True):
    """All of it."""

    machine: Machine
    settings: Settings
    rounds: list[Round]
    ratios: dict[str, Spread]
    asked: Commits
    polled: Commits
    steady: Steady


def summary(rounds: Sequence[Round]) -> dict[str, Spread]:
    """Median, least and most of each ratio."""
    names = {field.name: field.encode_name for field in msgspec.structs.fields(Ratios)}
    return {shown: Spread.of([getattr(one.ratios, name) for one in rounds]) for name, shown in names.items()}
