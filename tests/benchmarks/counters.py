"""What the controller counted, from its own /metrics."""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from typing import TYPE_CHECKING

import msgspec
from prometheus_client.parser import text_string_to_metric_families

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tests.ground.controller_process import ControllerProcess

PAUSE = 0.1
"""Seconds between two looks whether it is at rest."""
AT_REST = 60.0
"""Seconds until it must be at rest when nothing happens."""
PER_APPLICATION = ("shipslog_application_", "# HELP shipslog_application_", "# TYPE shipslog_application_")
"""Series of each Application: no question asks for them, and reading thousands of them takes seconds."""
WRITES = ("apply", "create", "merge", "delete")
"""Verbs that change something; a dry run does not."""


class Buckets(msgspec.Struct, frozen=True):
    """A histogram: counts by upper bound, not cumulative; infinity is the last bound."""

    counts: dict[float, float]

    @property
    def total(self) -> float:
        """How many were observed."""
        return sum(self.counts.values())

    def since(self, before: Buckets) -> Buckets:
        """What was observed after `before`."""
        return Buckets({bound: count - before.counts.get(bound, 0) for bound, count in self.counts.items()})

    def quantile(self, share: float) -> float:
        """Upper bound of the bucket in which the observation of this rank (0 to 1) lies; 0 where there is none."""
        wanted, seen = share * self.total, 0.0
        for bound, count in sorted(self.counts.items()):
            seen += count
            if count and seen >= wanted:
                return bound
        return 0.0


class Counters:
    """One scrape."""

    def __init__(self, exposition: str) -> None:
        text = "\n".join(_wanted(exposition.splitlines())) + "\n"
        self._samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]

    def total(self, name: str) -> float:
        """Sum over all series of a name."""
        return sum(sample.value for sample in self._samples if sample.name == name)

    def by(self, label: str, name: str) -> Counter[str]:
        """Sums by the value of a label, in whole numbers; those that are zero are left out."""
        return Counter({value: int(total) for value, total in self.sums(label, name).items() if int(total)})

    def sums(self, label: str, name: str) -> Mapping[str, float]:
        """Sums by the value of a label."""
        sums: dict[str, float] = {}
        for sample in self._samples:
            if sample.name == name:
                value = sample.labels[label]
                sums[value] = sums.get(value, 0.0) + sample.value
        return sums

    def buckets(self, name: str) -> Buckets:
        """A histogram without labels."""
        bounds = [
            (float(sample.labels["le"]), sample.value) for sample in self._samples if sample.name == f"{name}_bucket"
        ]
        counts, below = {}, 0.0
        for bound, cumulative in sorted(bounds):
            counts[bound] = cumulative - below
            below = cumulative
        return Buckets(counts)

    @property
    def requests(self) -> Counter[str]:
        """Requests to the API server, by verb."""
        return self.by("verb", "shipslog_kube_requests_total")

    @property
    def refused(self) -> Mapping[str, int]:
        """Requests that did not succeed, by status code; a 404 answers a question."""
        codes = self.by("code", "shipslog_kube_requests_total")
        return {code: count for code, count in codes.items() if not code.startswith("2") and code != "404"}

    @property
    def renders(self) -> int:
        """Renderings by the engine; what its cache answers is none."""
        return int(self.total("shipslog_renders_total"))

    @property
    def looks(self) -> int:
        """Times that an Application was looked at."""
        return int(self.total("shipslog_reconciles_total"))

    @property
    def events(self) -> int:
        """Events made durable."""
        return int(self.total("shipslog_ledger_events_total"))

    @property
    def watched(self) -> int:
        """Objects under watch."""
        return int(self.total("shipslog_watched_objects"))

    @property
    def stages(self) -> Mapping[str, float]:
        """Seconds that looks spent in each stage; many look at the same time, so it is no time of a clock."""
        return self.sums("stage", "shipslog_stage_duration_seconds_sum")

    @property
    def lag(self) -> Buckets:
        """How late the event loop ran a timer."""
        return self.buckets("shipslog_event_loop_lag_seconds")

    @property
    def at_rest(self) -> bool:
        """Whether no Application waits for a worker or is in one's hands."""
        return not self.total("shipslog_queue_depth") and not self.total("shipslog_workers_busy")


class Lag(msgspec.Struct, frozen=True):
    """How late the event loop ran a timer of 50 ms: upper bounds, in seconds; infinity is told as the last bound."""

    p50: float
    p99: float
    most: float

    @classmethod
    def of(cls, buckets: Buckets) -> Lag:
        """Of a histogram."""
        finite = max((bound for bound in buckets.counts if not math.isinf(bound)), default=0.0)
        return cls(*(min(buckets.quantile(share), finite) for share in (0.5, 0.99, 1.0)))


def writes(requests: Mapping[str, int]) -> int:
    """How many of them change something."""
    return sum(requests.get(verb, 0) for verb in WRITES)


async def scrape(controller: ControllerProcess) -> Counters:
    """What it counted until now."""
    return Counters(await asyncio.to_thread(controller.metrics))


async def rest(controller: ControllerProcess) -> Counters:
    """Wait until it has nothing in hand, and had nothing to do for two looks in a row; what it counted until then.

    Raises TimeoutError when it does not come to rest.
    """
    before = -1
    async with asyncio.timeout(AT_REST):
        while True:
            now = await scrape(controller)
            if now.at_rest and now.looks == before:
                return now
            before = now.looks
            await asyncio.sleep(PAUSE)


def _wanted(lines: Iterable[str]) -> Iterator[str]:
    return (line for line in lines if not line.startswith(PER_APPLICATION))
