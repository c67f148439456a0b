"""Every metric of the controller, and the only module that knows prometheus_client.

Names, types and units follow the Prometheus naming conventions: base units, `_total` for counters. A label never
holds a revision, a path or a message, so the number of series is bounded by Applications, Repositories and Clusters.
Series whose label values are known exist at zero from the start: `rate()` and alerts see the first increase.

The families are public attributes (`metrics.runs.labels(trigger=..., outcome=...).inc()`); methods exist only where
one fact touches several families or where series have to be made or forgotten together.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, disable_created_metrics
from prometheus_client.exposition import choose_encoder

from controller.model.event import EventType
from controller.model.health import HealthStatus
from controller.model.run import FINAL, Trigger

if TYPE_CHECKING:
    from collections.abc import Iterable

    from prometheus_client.metrics import MetricWrapperBase

PREFIX = "shipslog"

STAGES = ("fetch", "render", "diff", "apply", "record")
"""The stages that take time: live state is read from memory, and judging computes."""
OUTCOMES = tuple(sorted(FINAL))
FATES = ("done", "waiting", "not_ready", "transient", "terminal")
CONDITIONS = ("Synced", "Healthy")
CHANGES = ("changed", "removed", "deleted")
VERBS = ("get", "list", "watch", "apply", "dry-run", "create", "delete", "merge", "discovery", "version")
FAILURES = (
    "Conflict",
    "Contested",
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
FETCH_RESULTS = ("moved", "unchanged", "failed")
RENDER_KINDS = ("plain", "kustomize", "helm")
RENDER_RESULTS = ("success", "invalid", "failed")

SHORT = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
"""Buckets for what takes milliseconds: requests, renderings, stages; in seconds."""
LONG = (0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 14400, 86400)
"""Buckets for what takes as long as people and rollouts do; in seconds."""

# One `_created` series beside every counter and histogram would double what a server stores; nothing here reads it.
disable_created_metrics()  # type: ignore[no-untyped-call]


@dataclass(frozen=True)
class Family:
    """One metric family as the documentation shows it; `name` is what a query writes."""

    name: str
    type: str
    labels: tuple[str, ...]
    help: str


@dataclass(frozen=True, kw_only=True)
class ApplicationState:
    """What is to be seen of one Application; times are seconds since the epoch, 0 where unknown."""

    namespace: str
    name: str
    cluster: str
    synced: bool
    health: HealthStatus
    synced_since: float = 0.0
    health_since: float = 0.0
    drifted: int = 0
    drift_since: float = 0.0
    contested: int = 0
    objects: int = 0
    suspended: bool = False
    mode: str = "auto"


@dataclass(frozen=True, kw_only=True)
class _Shown:
    """The series of one Application, kept so that showing it again looks nothing up."""

    cluster: str
    mode: str
    plain: tuple[Gauge, ...]
    health: dict[HealthStatus, Gauge]
    since: tuple[Gauge, ...]


class Metrics:
    """All metric families over one registry of their own: two instances never meet."""

    def __init__(self, version: str = "unknown") -> None:
        self.registry = CollectorRegistry()
        self._families: list[Family] = []
        self._by_cluster: list[MetricWrapperBase] = []
        self._forgotten: set[str] = set()
        self._shown: dict[tuple[str, str], _Shown] = {}
        ProcessCollector(registry=self.registry)
        self._declare_applications()
        self._declare_work()
        self._declare_drift()
        self._declare_kube()
        self._declare_sources()
        self._declare_ledger()
        self.build_info = self._gauge("build_info", "Version of the running controller; always 1.", "version")
        self.build_info.labels(version=version).set(1)
        self.event_loop_lag = self._histogram(
            "event_loop_lag_seconds", "How late the event loop ran a timer.", buckets=SHORT
        )

    # -- families ------------------------------------------------------------------------------------------------

    def _declare_applications(self) -> None:
        whose = ("namespace", "name", "cluster")
        self.application_info = self._gauge(
            "application_info",
            "An Application that exists, the Cluster it goes to and its sync mode; always 1.",
            *whose,
            "mode",
        )
        self.application_synced = self._gauge("application_synced", "1 while the cluster equals Git, else 0.", *whose)
        self.application_healthy = self._gauge(
            "application_healthy", "1 while the health is Healthy or Suspended, else 0.", *whose
        )
        self.application_health = self._gauge(
            "application_health", "1 for the health the Application has, 0 for all others.", *whose, "health"
        )
        self.application_drifted_objects = self._gauge(
            "application_drifted_objects", "Objects with an open drift.", *whose
        )
        self.application_oldest_drift = self._gauge(
            "application_oldest_drift_timestamp_seconds",
            "Since when the oldest open drift stands, in seconds since the epoch; 0 while there is none.",
            *whose,
        )
        self.application_contested_objects = self._gauge(
            "application_contested_objects",
            "Objects that somebody else writes as often as we heal them: their heals are put off.",
            *whose,
        )
        self.application_objects = self._gauge("application_objects", "Objects the Application owns.", *whose)
        self.application_suspended = self._gauge(
            "application_suspended", "1 while the Application is suspended, else 0.", *whose
        )
        self.application_last_transition_timestamp = self._gauge(
            "application_last_transition_timestamp_seconds",
            "When the condition (Synced or Healthy) last changed, in seconds since the epoch; 0 while unknown.",
            *whose,
            "condition",
        )

    def _declare_work(self) -> None:
        self.runs = self._counter("runs", "Runs that ended.", "trigger", "outcome")
        self._zero(self.runs, trigger=Trigger, outcome=OUTCOMES)
        self.reconciles = self._counter(
            "reconciles", "Times an Application was looked at, by what became of it.", "fate"
        )
        self._zero(self.reconciles, fate=FATES)
        self.stage_duration = self._histogram(
            "stage_duration_seconds", "Time one stage of a look at an Application took.", "stage", buckets=SHORT
        )
        self._zero(self.stage_duration, stage=STAGES)
        self.commit_to_live = self._histogram(
            "commit_to_live_seconds", "From a commit's time to its run's success.", buckets=LONG
        )
        self.queue_depth = self._gauge("queue_depth", "Applications that wait for a worker.")
        self.queue_wait = self._histogram(
            "queue_wait_seconds", "How long an Application waited for a worker.", buckets=SHORT
        )
        self.workers = self._gauge("workers", "Applications of one cluster that may be in hand at once.")
        self.workers_busy = self._gauge("workers_busy", "Applications in hand, of all clusters.")

    def _declare_drift(self) -> None:
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

    def _declare_kube(self) -> None:
        self.cluster_up = self._gauge("cluster_up", "1 while the Cluster's API server answers, else 0.", "cluster")
        self.kube_requests = self._counter(
            "kube_requests",
            "API requests by HTTP status; `error` where no answer came.",
            "cluster",
            "verb",
            "code",
        )
        self.kube_request_duration = self._histogram(
            "kube_request_duration_seconds",
            "Time until an API request was answered; a watch is not counted.",
            "cluster",
            "verb",
            buckets=SHORT,
        )
        self.kube_requests_in_flight = self._gauge(
            "kube_requests_in_flight", "API requests under way; a watch is not counted.", "cluster"
        )
        self.kube_requests_limit = self._gauge(
            "kube_requests_limit", "API requests that may be under way; fewer while the server refuses some.", "cluster"
        )
        self.watch_restarts = self._counter(
            "watch_restarts", "Watches of objects that had to begin anew, with a whole listing.", "cluster"
        )
        self.watched_objects = self._gauge("watched_objects", "Objects under watch.", "cluster")
        self.watches_refused = self._gauge(
            "watches_refused", "Kinds that are not watched: not served, or a permission is missing.", "cluster"
        )

    def _declare_sources(self) -> None:
        self.repository_ready = self._gauge(
            "repository_ready",
            "1 while the Repository could be read when last asked, else 0.",
            "namespace",
            "name",
        )
        self.fetches = self._counter("fetches", "Times a Repository was asked for its refs.", "result")
        self._zero(self.fetches, result=FETCH_RESULTS)
        self.fetch_duration = self._histogram("fetch_duration_seconds", "Time asking and fetching took.", buckets=SHORT)
        self.renders = self._counter(
            "renders",
            "Renderings that the engine was asked for: success, invalid (the repository's fault) or failed (ours).",
            "kind",
            "result",
        )
        self._zero(self.renders, kind=RENDER_KINDS, result=RENDER_RESULTS)
        self.render_cache_requests = self._counter(
            "render_cache_requests", "Renderings asked of the cache; a miss asks the engine.", "result"
        )
        self._zero(self.render_cache_requests, result=("hit", "miss"))

    def _declare_ledger(self) -> None:
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

    # -- facts that touch several families -----------------------------------------------------------------------

    def application(self, state: ApplicationState) -> None:
        """Show one Application as it stands; one whose Cluster or mode changed leaves no series of the old one."""
        key = state.namespace, state.name
        shown = self._shown.get(key)
        if shown is None or (shown.cluster, shown.mode) != (state.cluster, state.mode):
            self.forget_application(*key)
            shown = self._shown[key] = self._series_of(state)
        healthy = state.health in {HealthStatus.HEALTHY, HealthStatus.SUSPENDED}
        drift = state.drifted, state.drift_since, state.contested
        values = (state.synced, healthy, *drift, state.objects, state.suspended)
        for gauge, value in zip(shown.plain, values, strict=True):
            gauge.set(value)
        for health, gauge in shown.health.items():
            gauge.set(health is state.health)
        for gauge, since in zip(shown.since, (state.synced_since, state.health_since), strict=True):
            gauge.set(since)

    def _series_of(self, state: ApplicationState) -> _Shown:
        whose = {"namespace": state.namespace, "name": state.name, "cluster": state.cluster}
        self.application_info.labels(**whose, mode=state.mode).set(1)
        transition = self.application_last_transition_timestamp
        return _Shown(
            cluster=state.cluster,
            mode=state.mode,
            plain=tuple(family.labels(**whose) for family in self._plain_application_families()),
            health={health: self.application_health.labels(**whose, health=health) for health in HealthStatus},
            since=tuple(transition.labels(**whose, condition=condition) for condition in CONDITIONS),
        )

    def _plain_application_families(self) -> tuple[Gauge, ...]:
        return (
            self.application_synced,
            self.application_healthy,
            self.application_drifted_objects,
            self.application_oldest_drift,
            self.application_contested_objects,
            self.application_objects,
            self.application_suspended,
        )

    def forget_application(self, namespace: str, name: str) -> None:
        """Remove every series of a deleted Application; one that was never shown is no error."""
        shown = self._shown.pop((namespace, name), None)
        if shown is None:
            return
        # One by one: removing by a part of the labels would search through all Applications' series.
        whose = namespace, name, shown.cluster
        self.application_info.remove(*whose, shown.mode)
        for family in self._plain_application_families():
            family.remove(*whose)
        for health in shown.health:
            self.application_health.remove(*whose, health)
        for condition in CONDITIONS:
            self.application_last_transition_timestamp.remove(*whose, condition)

    def cluster(self, name: str) -> None:
        """Make every series of a Cluster exist, at zero; one that is there already keeps its values."""
        self._forgotten.discard(name)
        for family in (
            self.cluster_up,
            self.drift_healed,
            self.drift_ended,
            self.watch_restarts,
            self.watched_objects,
            self.watches_refused,
            self.kube_requests_in_flight,
            self.kube_requests_limit,
        ):
            family.labels(cluster=name)
        for change in CHANGES:
            self.drift_detected.labels(cluster=name, change=change)
        for cause in FAILURES:
            self.object_failures.labels(cluster=name, cause=cause)
        for verb in VERBS:
            self.kube_requests.labels(cluster=name, verb=verb, code="error")

    def object_failed(self, cluster: str, cause: str) -> None:
        """Count an object that could not be written; a cause that is not one of `FAILURES` counts as `Other`."""
        self.object_failures.labels(cluster=cluster, cause=cause if cause in FAILURES else "Other").inc()

    def forget_cluster(self, name: str) -> None:
        """Remove every series of a Cluster that is no longer configured, and all that come late."""
        self._forgotten.add(name)
        self._sweep()

    def _sweep(self) -> None:
        """What was under way when a Cluster went, still ends and is counted: such series go again."""
        for name in tuple(self._forgotten):
            for family in self._by_cluster:
                family.remove_by_labels({"cluster": name})

    def forget_repository(self, namespace: str, name: str) -> None:
        """Remove every series of a deleted Repository."""
        self.repository_ready.remove_by_labels({"namespace": namespace, "name": name})

    def requested(self, cluster: str, verb: str, status: int, seconds: float) -> None:
        """Count a request of an API server; status 0 stands for no answer."""
        self.kube_requests.labels(cluster=cluster, verb=verb, code=str(status) if status else "error").inc()
        if verb != "watch":
            self.kube_request_duration.labels(cluster=cluster, verb=verb).observe(seconds)

    def polled(self, result: str, seconds: float) -> None:
        """Count a question to a Git server."""
        self.fetches.labels(result=result).inc()
        self.fetch_duration.observe(seconds)

    def rendered(self, kind: str, result: str) -> None:
        """Count a rendering by the engine."""
        self.renders.labels(kind=kind, result=result).inc()

    # -- the way out ---------------------------------------------------------------------------------------------

    def render(self, accept: str = "") -> tuple[bytes, str]:
        """The exposition and its content type: OpenMetrics for whoever accepts it, else Prometheus text."""
        self._sweep()
        encode, content_type = choose_encoder(accept)
        return encode(self.registry), content_type

    def families(self) -> tuple[Family, ...]:
        """Every family of ours, by name, for the documentation."""
        return tuple(sorted(self._families, key=lambda family: family.name))

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        family = Counter(name, text, labels, namespace=PREFIX, registry=self.registry)
        self._note(family, f"{name}_total", "counter", labels, text)
        return family

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        family = Gauge(name, text, labels, namespace=PREFIX, registry=self.registry)
        self._note(family, name, "gauge", labels, text)
        return family

    def _histogram(self, name: str, text: str, *labels: str, buckets: tuple[float, ...]) -> Histogram:
        family = Histogram(name, text, labels, namespace=PREFIX, registry=self.registry, buckets=buckets)
        self._note(family, name, "histogram", labels, text)
        return family

    def _note(self, family: MetricWrapperBase, name: str, kind: str, labels: tuple[str, ...], text: str) -> None:
        self._families.append(Family(f"{PREFIX}_{name}", kind, labels, text))
        # An Application's series name its cluster too, but stay as long as the Application does.
        if "cluster" in labels and "namespace" not in labels:
            self._by_cluster.append(family)

    @staticmethod
    def _zero(family: MetricWrapperBase, **values: Iterable[str]) -> None:
        for combination in itertools.product(*values.values()):
            family.labels(**dict(zip(values, combination, strict=True)))
