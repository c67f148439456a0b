"""What is recorded, and how far it got: into the spool, and into PostgreSQL."""

from __future__ import annotations

from controller.metrics.registry import SHORT, Registry
from controller.model.event import EventType


class LedgerMetrics(Registry):
    """Events, the spool and the delivery."""

    def __init__(self) -> None:
        super().__init__()
        self.ledger_events = self._counter("ledger_events", "Events made durable in the spool.", "type")
        self._zero(self.ledger_events, type=(type_.label for type_ in EventType))
        self.ledger_append_duration = self._histogram(
            "ledger_append_duration_seconds", "Time until an append was durable.", buckets=SHORT
        )
        self.ledger_append_failures = self._counter(
            "ledger_append_failures", "Appends that could not be made durable; syncing stops meanwhile."
        )
        self.ledger_spool_bytes = self._gauge("ledger_spool_bytes", "Size of the spool.")
        self.ledger_spool_limit_bytes = self._gauge(
            "ledger_spool_limit_bytes", "Size at which the spool refuses and syncing stops."
        )
        self.ledger_undelivered_events = self._gauge(
            "ledger_undelivered_events", "Events in the spool that PostgreSQL does not have yet."
        )
        self.ledger_oldest_undelivered = self._gauge(
            "ledger_oldest_undelivered_seconds", "Age of the oldest undelivered event; 0 when there is none."
        )
        self.ledger_delivered = self._counter("ledger_delivered_events", "Events PostgreSQL confirmed.")
        self.ledger_delivery_failures = self._counter(
            "ledger_delivery_failures", "Batches that PostgreSQL did not take; they are tried again."
        )
