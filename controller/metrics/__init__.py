"""Every metric of the controller, and the only room that knows prometheus_client.

Names, types and units follow the Prometheus naming conventions: base units, `_total` for counters. A label never
holds a revision, a path or a message, so the number of series is bounded by Applications, Repositories and Clusters.
Series whose label values are known exist at zero from the start: `rate()` and alerts see the first increase.

A module declares one group of families beside what their labels may say. The families are public attributes
(`metrics.runs.labels(trigger=..., outcome=...).inc()`); methods exist only where one fact touches several families or
where series have to be made or forgotten together.
"""

from __future__ import annotations

from controller.metrics.application import ApplicationMetrics
from controller.metrics.cluster import ClusterMetrics
from controller.metrics.ledger import LedgerMetrics
from controller.metrics.objects import ObjectMetrics
from controller.metrics.source import SourceMetrics
from controller.metrics.work import WorkMetrics

LAG = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.04, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 1, 2.5, 5, 10, 30)
"""Buckets for the event loop's lag, close where it begins to be felt; in seconds."""


class Metrics(LedgerMetrics, SourceMetrics, ClusterMetrics, ObjectMetrics, WorkMetrics, ApplicationMetrics):
    """All metric families over one registry of their own: two instances never meet.

    The exposition shows the groups from the last base to the first, as they declare themselves.
    """

    def __init__(self, version: str = "unknown") -> None:
        super().__init__()
        self.build_info = self._gauge("build_info", "Version of the running controller; always 1.", "version")
        self.build_info.labels(version=version).set(1)
        self.event_loop_lag = self._histogram(
            "event_loop_lag_seconds", "How late the event loop ran a timer of 50 ms.", buckets=LAG
        )
