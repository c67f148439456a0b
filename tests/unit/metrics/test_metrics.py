from __future__ import annotations

import re

import pytest
from prometheus_client.parser import text_string_to_metric_families

from controller.metrics import Metrics
from controller.metrics.application import ApplicationState
from controller.metrics.objects import CHANGES
from controller.metrics.work import OUTCOMES, STAGES
from controller.model.event import EventType
from controller.model.health import HealthStatus
from controller.model.run import Trigger

UNBOUNDED = {"revision", "path", "message", "sha", "commit", "error", "object", "url", "run", "id", "uid"}


def exposed(metrics: Metrics) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Every sample of the exposition, by name and labels."""
    text = metrics.render()[0].decode()
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(metrics: Metrics, name: str, /, **labels: str) -> float | None:
    """One sample's value; None where there is no such series."""
    return exposed(metrics).get((name, frozenset(labels.items())))


def names_with(metrics: Metrics, **labels: str) -> set[str]:
    """Names of the samples that carry these labels."""
    return {name for name, carried in exposed(metrics) if frozenset(labels.items()) <= carried}


def application(name: str = "shop", **changes: object) -> ApplicationState:
    """A healthy Application on cluster `prod-eu`, with changes."""
    state = {"namespace": "pay", "name": name, "cluster": "prod-eu", "synced": True, "health": HealthStatus.HEALTHY}
    return ApplicationState(**{**state, **changes})  # type: ignore[arg-type]


def test_a_series_whose_labels_are_known_exists_at_zero_before_anything_happens() -> None:
    """The first failure is an increase from zero, which an alert sees; without it the series is born at one."""
    metrics = Metrics("1")

    for trigger in Trigger:
        for outcome in OUTCOMES:
            assert value(metrics, "shipslog_runs_total", trigger=trigger.value, outcome=outcome) == 0
    for type_ in EventType:
        assert value(metrics, "shipslog_ledger_events_total", type=type_.label) == 0
    for stage in STAGES:
        assert value(metrics, "shipslog_stage_duration_seconds_count", stage=stage) == 0


def test_a_cluster_is_seen_at_zero_from_the_moment_it_is_known() -> None:
    """A cluster that never answers shows as down, not as absent."""
    metrics = Metrics("1")

    metrics.cluster("prod-eu")

    assert value(metrics, "shipslog_cluster_up", cluster="prod-eu") == 0
    for change in CHANGES:
        assert value(metrics, "shipslog_drift_detected_total", cluster="prod-eu", change=change) == 0
    assert value(metrics, "shipslog_kube_requests_total", cluster="prod-eu", verb="apply", code="error") == 0


def test_naming_a_cluster_again_keeps_what_was_counted() -> None:
    """A reconnect is no reset."""
    metrics = Metrics("1")
    metrics.cluster("prod-eu")
    metrics.watch_restarts.labels(cluster="prod-eu").inc()

    metrics.cluster("prod-eu")

    assert value(metrics, "shipslog_watch_restarts_total", cluster="prod-eu") == 1


def test_a_forgotten_cluster_leaves_no_series() -> None:
    """A deleted Cluster must not alert for ever."""
    metrics = Metrics("1")
    metrics.cluster("prod-eu")
    metrics.kube_requests.labels(cluster="prod-eu", verb="get", code="200").inc()
    metrics.kube_request_duration.labels(cluster="prod-eu", verb="get").observe(0.1)
    metrics.cluster("prod-us")

    metrics.forget_cluster("prod-eu")

    assert names_with(metrics, cluster="prod-eu") == set()
    assert "shipslog_cluster_up" in names_with(metrics, cluster="prod-us")


def test_what_ends_late_brings_no_forgotten_cluster_back() -> None:
    """A request, a heal and a watch were under way when the Cluster was deleted: they are counted, and not seen."""
    metrics = Metrics("1")
    metrics.cluster("prod-eu")
    in_flight = metrics.kube_requests_in_flight.labels(cluster="prod-eu")

    metrics.forget_cluster("prod-eu")
    metrics.requested("prod-eu", "get", 0, 0.1)
    metrics.drift_healed.labels(cluster="prod-eu").inc()
    metrics.watch_restarts.labels(cluster="prod-eu").inc()
    in_flight.set(0)

    assert names_with(metrics, cluster="prod-eu") == set()


def test_a_cluster_that_comes_back_is_seen_again() -> None:
    """A Cluster deleted and created anew under its name counts from zero."""
    metrics = Metrics("1")
    metrics.cluster("prod-eu")
    metrics.requested("prod-eu", "get", 200, 0.1)
    metrics.forget_cluster("prod-eu")

    metrics.cluster("prod-eu")
    metrics.requested("prod-eu", "get", 200, 0.1)

    assert value(metrics, "shipslog_kube_requests_total", cluster="prod-eu", verb="get", code="200") == 1
    assert value(metrics, "shipslog_cluster_up", cluster="prod-eu") == 0


def test_an_application_outlives_the_cluster_it_names() -> None:
    """It is out of sync, and that is seen, although its Cluster is no longer configured."""
    metrics = Metrics("1")
    metrics.cluster("prod-eu")
    metrics.application(application(synced=False))

    metrics.forget_cluster("prod-eu")

    assert value(metrics, "shipslog_application_synced", namespace="pay", name="shop", cluster="prod-eu") == 0


def test_a_watch_is_a_request_without_a_duration() -> None:
    """It lives for minutes: in a histogram of requests it would only be noise."""
    metrics = Metrics("1")

    metrics.requested("prod-eu", "watch", 200, 300.0)
    metrics.requested("prod-eu", "get", 0, 0.1)

    assert value(metrics, "shipslog_kube_requests_total", cluster="prod-eu", verb="watch", code="200") == 1
    assert value(metrics, "shipslog_kube_requests_total", cluster="prod-eu", verb="get", code="error") == 1
    assert value(metrics, "shipslog_kube_request_duration_seconds_count", cluster="prod-eu", verb="watch") is None
    assert value(metrics, "shipslog_kube_request_duration_seconds_count", cluster="prod-eu", verb="get") == 1


def test_exactly_one_health_is_the_applications_own() -> None:
    """Counting by health counts every Application once, after it changed too."""
    metrics = Metrics("1")

    metrics.application(application())
    metrics.application(application(health=HealthStatus.DEGRADED, health_since=17.0))

    shown = {
        health: value(
            metrics, "shipslog_application_health", namespace="pay", name="shop", cluster="prod-eu", health=health.value
        )
        for health in HealthStatus
    }
    assert shown == {health: float(health is HealthStatus.DEGRADED) for health in HealthStatus}
    since = {"namespace": "pay", "name": "shop", "cluster": "prod-eu", "condition": "Healthy"}
    assert value(metrics, "shipslog_application_last_transition_timestamp_seconds", **since) == 17


@pytest.mark.parametrize(
    ("health", "healthy"),
    [
        (HealthStatus.HEALTHY, 1),
        (HealthStatus.SUSPENDED, 1),
        (HealthStatus.PROGRESSING, 0),
        (HealthStatus.MISSING, 0),
        (HealthStatus.UNKNOWN, 0),
        (HealthStatus.DEGRADED, 0),
    ],
)
def test_healthy_means_nothing_is_to_be_done(health: HealthStatus, healthy: int) -> None:
    """What is paused on purpose is as it should be; what is on its way is not there yet."""
    metrics = Metrics("1")

    metrics.application(application(health=health))

    shown = value(metrics, "shipslog_application_healthy", namespace="pay", name="shop", cluster="prod-eu")
    assert shown == healthy


def test_a_deleted_application_leaves_no_series_and_others_keep_theirs() -> None:
    """Nobody is woken for what is gone."""
    metrics = Metrics("1")
    metrics.application(application("shop"))
    metrics.application(application("stock"))

    metrics.forget_application("pay", "shop")

    assert names_with(metrics, namespace="pay", name="shop") == set()
    assert len(names_with(metrics, namespace="pay", name="stock")) == 10


@pytest.mark.parametrize("change", [{"cluster": "prod-us"}, {"mode": "manual"}])
def test_an_application_that_moves_is_not_seen_twice(change: dict[str, str]) -> None:
    """The series of the old cluster, or of the old mode, go with the move."""
    metrics = Metrics("1")
    metrics.application(application())

    metrics.application(application(**change))

    assert [name for name, labels in exposed(metrics) if name == "shipslog_application_info"] == [
        "shipslog_application_info"
    ]
    assert value(
        metrics,
        "shipslog_application_info",
        namespace="pay",
        name="shop",
        **{"cluster": "prod-eu", "mode": "auto", **change},
    )


def test_forgetting_what_was_never_shown_is_no_error() -> None:
    """A delete may come before the first look."""
    metrics = Metrics("1")

    metrics.forget_application("pay", "shop")
    metrics.forget_cluster("prod-eu")
    metrics.forget_repository("pay", "config")


def test_a_forgotten_repository_leaves_no_series() -> None:
    """A deleted Repository must not alert for ever."""
    metrics = Metrics("1")
    metrics.repository_ready.labels(namespace="pay", name="config").set(0)

    metrics.forget_repository("pay", "config")

    assert names_with(metrics, namespace="pay", name="config") == set()


def test_names_follow_the_conventions_of_prometheus() -> None:
    """Prefix, snake case, base units, `_total` for counters and for nothing else; a help text that is a sentence."""
    for family in Metrics("1").families():
        assert re.fullmatch(r"shipslog_[a-z]+(_[a-z]+)*", family.name), family
        assert family.name.endswith("_total") == (family.type == "counter"), family
        assert not re.search(r"_(milliseconds|ms|minutes|kilobytes|megabytes|percent)\b", family.name), family
        assert family.type != "histogram" or family.name.endswith("_seconds"), family
        assert family.help.endswith("."), family
        assert family.help[0].isupper() or family.help.startswith("1 "), family


def test_no_label_grows_without_bound() -> None:
    """No revision, path or message in a label: a year of commits makes no new series."""
    for family in Metrics("1").families():
        assert not set(family.labels) & UNBOUNDED, family


def test_families_are_all_that_is_exposed() -> None:
    """What the documentation lists is what a scrape finds, besides the process's own metrics."""
    metrics = Metrics("1")

    listed = {family.name for family in metrics.families()}

    collected = {family.name + ("_total" if family.type == "counter" else "") for family in metrics.registry.collect()}
    assert listed == {name for name in collected if not name.startswith("process_")}
    assert len(listed) == len(metrics.families())


def test_whoever_accepts_openmetrics_gets_it() -> None:
    """The content type says which of the two formats the body has."""
    metrics = Metrics("1")

    body, content_type = metrics.render("application/openmetrics-text;version=1.0.0,text/plain;q=0.5")
    plain, plain_type = metrics.render()

    assert content_type.startswith("application/openmetrics-text")
    assert body.endswith(b"# EOF\n")
    assert plain_type.startswith("text/plain")
    assert b"# EOF" not in plain


def test_no_created_series_double_the_exposition() -> None:
    """`_created` series are of no use to anyone here, and cost as much as the metric itself."""
    body, _ = Metrics("1").render("application/openmetrics-text;version=1.0.0")

    assert b"_created" not in body


def test_two_instances_never_meet() -> None:
    """A registry of its own each: tests and a second controller in one process do not mix."""
    one, other = Metrics("1"), Metrics("1")

    one.drift_healed.labels(cluster="prod-eu").inc()

    assert value(other, "shipslog_drift_healed_total", cluster="prod-eu") is None


def test_a_stage_is_timed_over_what_it_awaits() -> None:
    """The timer is used around a stage: `with metrics.stage_duration.labels(stage=...).time()`."""
    metrics = Metrics("1")

    with metrics.stage_duration.labels(stage="render").time():
        pass

    assert value(metrics, "shipslog_stage_duration_seconds_count", stage="render") == 1
