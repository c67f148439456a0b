"""Metrics of what is counted elsewhere, by parts that know no metrics: the journal, the renderer, the queue."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from controller.metrics import Metrics
    from controller.reconcile.queue import KeyQueue
    from controller.record.journal import Journal
    from controller.render.renderer import Renderer

INTERVAL = 1.0
"""Seconds between two samplings."""


class Sampler:
    """Brings totals to the counters, and states to the gauges."""

    def __init__(self, metrics: Metrics, journal: Journal, renderer: Renderer, queue: KeyQueue) -> None:
        self._metrics = metrics
        self._journal = journal
        self._renderer = renderer
        self._queue = queue
        self._counted: dict[str, float] = {}

    async def run(self) -> None:
        """Sample for ever."""
        while True:
            self._sample()
            await asyncio.sleep(INTERVAL)

    def _sample(self) -> None:
        metrics, journal = self._metrics, self._journal
        metrics.ledger_spool_bytes.set(journal.spool_bytes)
        metrics.ledger_undelivered_events.set(journal.undelivered)
        metrics.ledger_oldest_undelivered.set(journal.undelivered_age)
        for type_, total in journal.appended.items():
            self._add(type_.label, total, metrics.ledger_events.labels(type=type_.label).inc)
        if journal.delivery:
            self._add("delivered", journal.delivery.delivered, metrics.ledger_delivered.inc)
            self._add("failures", journal.delivery.failures, metrics.ledger_delivery_failures.inc)
        self._add("hit", self._renderer.hits, metrics.render_cache_requests.labels(result="hit").inc)
        self._add("miss", self._renderer.misses, metrics.render_cache_requests.labels(result="miss").inc)
        metrics.queue_depth.set(len(self._queue))

    def _add(self, name: str, total: float, count: Callable[[float], None]) -> None:
        count(total - self._counted.get(name, 0))
        self._counted[name] = total
