"""A process that exposes every family as a busy controller would: `python -m ... PORT healthy|troubled`.

Healthy: all is as Git says. Troubled: besides, something of everything that can go wrong.
"""

from __future__ import annotations

import asyncio
import dataclasses
import sys
import time

from controller.metrics import Metrics
from controller.metrics.application import ApplicationState
from controller.metrics.cluster import VERBS
from controller.metrics.objects import CHANGES
from controller.metrics.source import FETCH_RESULTS, RENDER_KINDS, RENDER_RESULTS
from controller.metrics.work import FATES, OUTCOMES, STAGES
from controller.model.event import EventType
from controller.model.health import HealthStatus
from controller.model.run import Trigger
from controller.serve import Server
from controller.tasks import measure_lag

TURN_SECONDS = 0.05


def act(metrics: Metrics, *, troubled: bool) -> None:
    """One turn of a controller's life, in every family."""
    metrics.event_loop_lag.observe(0.001)
    for number, cluster in enumerate(("in-cluster", "prod-eu")):
        act_on_cluster(metrics, cluster, up=not (troubled and number))
    metrics.application(application("shop", "in-cluster"))
    metrics.application(application("stock", "prod-eu", troubled=troubled))
    metrics.application(dataclasses.replace(application("legacy", "in-cluster"), suspended=True, mode="manual"))
    metrics.repository_ready.labels(namespace="team-pay", name="shop-config").set(not troubled)
    act_on_runs(metrics)
    act_on_sources(metrics)
    act_on_ledger(metrics, behind=troubled)
    if troubled:
        act_on_drift(metrics)


def application(name: str, cluster: str, *, troubled: bool = False) -> ApplicationState:
    """An Application that is as it should be, or in trouble for a minute now."""
    return ApplicationState(
        namespace="team-pay",
        name=name,
        cluster=cluster,
        synced=not troubled,
        health=HealthStatus.DEGRADED if troubled else HealthStatus.HEALTHY,
        synced_since=time.time() - 60,
        health_since=time.time() - 60,
        drifted=2 if troubled else 0,
        drift_since=time.time() - 60 if troubled else 0.0,
        contested=1 if troubled else 0,
        objects=4,
    )


def act_on_runs(metrics: Metrics) -> None:
    """Runs of every trigger with every outcome, and their stages."""
    for trigger in Trigger:
        for outcome in OUTCOMES:
            metrics.runs.labels(trigger=trigger, outcome=outcome).inc()
    for fate in FATES:
        metrics.reconciles.labels(fate=fate).inc()
    for stage in STAGES:
        with metrics.stage_duration.labels(stage=stage).time():
            pass
    metrics.commit_to_live.observe(2.0)
    metrics.queue_depth.set(3)
    metrics.queue_wait.observe(0.01)
    metrics.workers.set(20)
    metrics.workers_busy.set(2)


def act_on_cluster(metrics: Metrics, cluster: str, *, up: bool) -> None:
    """Requests of every verb to one cluster."""
    metrics.cluster(cluster)
    metrics.cluster_up.labels(cluster=cluster).set(up)
    metrics.watched_objects.labels(cluster=cluster).set(400)
    metrics.watch_restarts.labels(cluster=cluster).inc()
    metrics.kube_requests_in_flight.labels(cluster=cluster).set(1)
    metrics.kube_requests_limit.labels(cluster=cluster).set(50)
    metrics.watches_refused.labels(cluster=cluster).set(0 if up else 1)
    if not up:
        metrics.object_failed(cluster, "Denied")
    for verb in VERBS:
        metrics.kube_requests.labels(cluster=cluster, verb=verb, code="200" if up else "error").inc()
        metrics.kube_request_duration.labels(cluster=cluster, verb=verb).observe(0.004)


def act_on_drift(metrics: Metrics) -> None:
    """Episodes of every kind that begin and end."""
    for change in CHANGES:
        metrics.drift_detected.labels(cluster="prod-eu", change=change).inc()
    metrics.drift_healed.labels(cluster="prod-eu").inc()
    metrics.drift_ended.labels(cluster="prod-eu").inc()
    metrics.drift_open.observe(0.7)
    metrics.drift_detection_latency.observe(0.3)


def act_on_sources(metrics: Metrics) -> None:
    """Fetches and renderings of every kind and result."""
    for result in FETCH_RESULTS:
        metrics.fetches.labels(result=result).inc()
    metrics.fetch_duration.observe(0.2)
    for kind in RENDER_KINDS:
        for result in RENDER_RESULTS:
            metrics.renders.labels(kind=kind, result=result).inc()
    for result in ("hit", "miss"):
        metrics.render_cache_requests.labels(result=result).inc()


def act_on_ledger(metrics: Metrics, *, behind: bool) -> None:
    """Events of every type, and their delivery."""
    for type_ in EventType:
        metrics.ledger_events.labels(type=type_.label).inc()
    metrics.ledger_append_duration.observe(0.002)
    metrics.ledger_spool_bytes.set(9e8 if behind else 1e5)
    metrics.ledger_spool_limit_bytes.set(1e9)
    metrics.ledger_undelivered_events.set(5000 if behind else 0)
    metrics.ledger_oldest_undelivered.set(90 if behind else 0)
    metrics.ledger_delivered.inc(10)
    if behind:
        metrics.ledger_delivery_failures.inc()
        metrics.ledger_append_failures.inc()


async def main(port: int, *, troubled: bool) -> None:
    """Act and serve until the process is ended."""
    metrics = Metrics("0.0.0-rehearsal")
    async with Server(f"127.0.0.1:{port}", metrics, live={}, ready={}), asyncio.TaskGroup() as group:
        group.create_task(measure_lag(metrics.event_loop_lag.observe), name="loop lag")
        while True:
            act(metrics, troubled=troubled)
            await asyncio.sleep(TURN_SECONDS)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), troubled=sys.argv[2] == "troubled"))
