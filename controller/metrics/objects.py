"""What happens to objects: those that could not be written, and those that drifted."""

from __future__ import annotations

from controller.metrics.registry import LONG, Registry

CHANGES = ("changed", "removed", "deleted")
FAILURES = (
    "Conflict",
    "OwnedByOthers",
    "Denied",
    "Forbidden",
    "Immutable",
    "Invalid",
    "KindUnknown",
    "NamespaceMissing",
    "QuotaExceeded",
    "ServerError",
    "ServerTimeout",
    "Terminating",
    "Throttled",
    "TimedOut",
    "Unauthorized",
    "Unreachable",
    "WebhookFailed",
    "Other",
)
"""Why an object could not be written, as the errors of `controller.kube.errors` are called."""


class ObjectMetrics(Registry):
    """Failures and drift, by cluster; both stand at zero as soon as the cluster is known."""

    def __init__(self) -> None:
        super().__init__()
        self.object_failures = self._counter(
            "object_failures",
            "Objects that could not be written or foreseen, by the name of the error (see controller/kube/errors.py).",
            "cluster",
            "cause",
        )
        self.drift_detected = self._counter(
            "drift_detected", "Drift episodes that began, by what happened to the object.", "cluster", "change"
        )
        self.drift_healed = self._counter("drift_healed", "Drift episodes that we ended.", "cluster")
        self.drift_ended = self._counter(
            "drift_ended", "Drift episodes that ended without us: reverted, or adopted by Git.", "cluster"
        )
        self.drift_open = self._histogram(
            "drift_open_seconds", "How long a drift stood, observed when it ends.", buckets=LONG
        )
        self.drift_detection_latency = self._histogram(
            "drift_detection_latency_seconds",
            "From the foreign write to its detection, where managedFields tells the time (whole seconds).",
            buckets=LONG,
        )
        self._zero_by_cluster(self.object_failures, cause=FAILURES)
        self._zero_by_cluster(self.drift_detected, change=CHANGES)
        self._zero_by_cluster(self.drift_healed, self.drift_ended)

    def object_failed(self, cluster: str, cause: str) -> None:
        """Count an object that could not be written; a cause that is not one of `FAILURES` counts as `Other`."""
        self.object_failures.labels(cluster=cluster, cause=cause if cause in FAILURES else "Other").inc()
