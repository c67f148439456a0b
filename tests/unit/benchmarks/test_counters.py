"""What is read of the controller's metrics."""

from __future__ import annotations

import math

from controller.metrics import Metrics
from tests.benchmarks.counters import Buckets, Counters, Lag, writes


def counters(metrics: Metrics) -> Counters:
    """A scrape."""
    return Counters(metrics.render()[0].decode())


def test_requests_are_counted_by_verb_and_those_that_write_are_told_apart() -> None:
    """A dry run changes nothing."""
    metrics = Metrics()
    for verb, times in (("apply", 3), ("dry-run", 4), ("merge", 1)):
        for _ in range(times):
            metrics.requested("in-cluster", verb, 200, 0.1)

    requests = counters(metrics).requests

    assert requests == {"apply": 3, "dry-run": 4, "merge": 1}
    assert writes(requests) == 4


def test_seconds_of_stages_are_added_up() -> None:
    """Looks at the same time count both."""
    metrics = Metrics()
    for _ in range(2):
        metrics.stage_duration.labels(stage="apply").observe(1.5)

    assert counters(metrics).stages["apply"] == 3.0


def test_lag_is_told_by_upper_bounds_of_what_came_after_a_scrape() -> None:
    """What was before does not count."""
    metrics = Metrics()
    metrics.event_loop_lag.observe(20)
    before = counters(metrics).lag
    for seconds in (0.0005,) * 98 + (0.045, 0.12):
        metrics.event_loop_lag.observe(seconds)

    since = counters(metrics).lag.since(before)

    assert since.total == 100
    assert Lag.of(since) == Lag(p50=0.001, p99=0.05, most=0.15)


def test_beyond_the_last_bound_the_last_bound_is_told_and_of_nothing_nothing() -> None:
    """Infinity would be no JSON."""
    assert Lag.of(Buckets({1.0: 0, math.inf: 3})) == Lag(1.0, 1.0, 1.0)
    assert Lag.of(Buckets({1.0: 0, math.inf: 0})) == Lag(0.0, 0.0, 0.0)
