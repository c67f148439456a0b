"""What is to be seen of each Application."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from controller.metrics.registry import Registry
from controller.model.health import HealthStatus

if TYPE_CHECKING:
    from prometheus_client import Gauge

CONDITIONS = ("Synced", "Healthy")


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


class ApplicationMetrics(Registry):
    """The state of every Application; one that is deleted, or moves, leaves no series behind."""

    def __init__(self) -> None:
        super().__init__()
        self._shown: dict[tuple[str, str], _Shown] = {}
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
        self._declare_drift(*whose)
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

    def _declare_drift(self, *whose: str) -> None:
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
