"""A ledger that is watched: how long an append takes until it is durable, and when it can't be."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from controller.record.errors import SpoolError, SpoolFull

if TYPE_CHECKING:
    from collections.abc import Sequence

    from controller.metrics import Metrics
    from controller.model.drift import Drift
    from controller.model.event import Draft, Event
    from controller.model.objects import Key
    from controller.ports import Ledger


class MeasuredLedger:
    """Passes on to a ledger, and counts.

    `problem` is why the last append could not be written, empty when it was. A full spool is none: the journal itself
    says whether it is full by now.
    """

    def __init__(self, ledger: Ledger, metrics: Metrics) -> None:
        self._ledger = ledger
        self._metrics = metrics
        self.problem = ""

    async def append(self, *drafts: Draft) -> tuple[Event, ...]:
        """As the ledger does it; an event that is refused for what it says is no failure of the ledger's."""
        started = time.monotonic()
        try:
            events = await self._ledger.append(*drafts)
        except SpoolError as error:
            self.problem = "" if isinstance(error, SpoolFull) else str(error)
            self._metrics.ledger_append_failures.inc()
            raise
        self.problem = ""
        self._metrics.ledger_append_duration.observe(time.monotonic() - started)
        return events

    def open_drifts(self, application: Key, cluster: str) -> Sequence[Drift]:
        """As the ledger remembers them."""
        return self._ledger.open_drifts(application, cluster)
