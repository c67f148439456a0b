from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from controller.metrics import Metrics
from controller.metrics.application import ApplicationState
from controller.model.health import HealthStatus
from controller.serve import Server
from tests.ground.prometheus import PrometheusServer

if TYPE_CHECKING:
    from pathlib import Path


async def test_a_real_prometheus_scrapes_what_the_loop_counts_meanwhile(tmp_path: Path) -> None:
    """A scrape is answered while the loop works, in a format Prometheus takes, and never blocks the loop."""
    metrics = Metrics("1.2.3")
    for number in range(500):
        name = f"app-{number}"
        metrics.application(
            ApplicationState(namespace="pay", name=name, cluster="c", synced=True, health=HealthStatus.HEALTHY)
        )
    async with Server("127.0.0.1:0", metrics, live={}, ready={}) as server:
        target = f"127.0.0.1:{server.port}"
        prometheus = await asyncio.to_thread(PrometheusServer.start, tmp_path, [target])
        try:
            metrics.drift_healed.labels(cluster="c").inc(3)
            await asyncio.to_thread(prometheus.await_scrapes, 2)
            applications = await asyncio.to_thread(prometheus.query, "count(shipslog_application_info)")
            healed = await asyncio.to_thread(prometheus.query, "shipslog_drift_healed_total")
            targets = await asyncio.to_thread(prometheus.targets)
        finally:
            await asyncio.to_thread(prometheus.stop)

    assert targets == {target: "up"}
    assert [sample.value for sample in applications] == [500]
    assert [(sample.labels["cluster"], sample.value) for sample in healed] == [("c", 3)]


async def test_series_of_a_deleted_application_end_at_the_next_scrape(tmp_path: Path) -> None:
    """Prometheus marks them stale, so that no alert outlives its Application."""
    metrics = Metrics("1")
    for name in ("shop", "stock"):
        metrics.application(
            ApplicationState(namespace="pay", name=name, cluster="c", synced=False, health=HealthStatus.DEGRADED)
        )
    async with Server("127.0.0.1:0", metrics, live={}, ready={}) as server:
        prometheus = await asyncio.to_thread(PrometheusServer.start, tmp_path, [f"127.0.0.1:{server.port}"])
        try:
            await asyncio.to_thread(prometheus.await_scrapes, 1)
            before = await asyncio.to_thread(prometheus.query, "shipslog_application_synced")
            metrics.forget_application("pay", "shop")
            seen = await asyncio.to_thread(prometheus.query, "sum_over_time(up[1h])")
            await asyncio.to_thread(prometheus.await_scrapes, int(seen[0].value) + 2)
            after = await asyncio.to_thread(prometheus.query, "shipslog_application_synced")
        finally:
            await asyncio.to_thread(prometheus.stop)

    assert {sample.labels["name"] for sample in before} == {"shop", "stock"}
    assert {sample.labels["name"] for sample in after} == {"stock"}
