"""What the controller counted, from its own /metrics."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING

from prometheus_client.parser import text_string_to_metric_families

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.ground.controller_process import ControllerProcess

PAUSE = 0.1
"""Seconds between two looks whether it is at rest."""
AT_REST = 60.0
"""Seconds until it must be at rest when nothing happens."""


class Counters:
    """One scrape."""

    def __init__(self, exposition: str) -> None:
        self._samples = [
            sample for family in text_string_to_metric_families(exposition) for sample in family.samples if sample.value
        ]

    def total(self, name: str) -> float:
        """Sum over all series of a name."""
        return sum(sample.value for sample in self._samples if sample.name == name)

    def by(self, label: str, name: str) -> Counter[str]:
        """Sums by the value of a label."""
        sums: Counter[str] = Counter()
        for sample in self._samples:
            if sample.name == name:
                sums[sample.labels[label]] += int(sample.value)
        return sums

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
    def at_rest(self) -> bool:
        """Whether no Application waits for a worker or is in one's hands."""
        return not self.total("shipslog_queue_depth") and not self.total("shipslog_workers_busy")


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
