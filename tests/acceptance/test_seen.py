"""What is seen of the controller: metrics, dashboard, alerts, probes, logs; and what must never be."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from controller.metrics import Metrics
from controller.model.labels import API_VERSION
from dashboards.fleet import FLEET
from tests.acceptance.long_voyage import CANARIES, FAILING, HEALTHY, LongVoyage, forms
from tests.ground.eventually import eventually
from tests.ground.ledger import LedgerDatabase
from tests.ground.world import TEAM, World
from tests.integration.dashboards.questions import unexplained

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.controlplane import ControlPlane
    from tests.ground.git_server import GitServer
    from tests.ground.postgres import PostgresServer

pytestmark = pytest.mark.timeout(400)

OURS = 'cluster="in-cluster"'
MOVED: dict[str, tuple[str, ...]] = {
    "application_drifted_objects": ('name="frozen"',),
    "application_health": ('name="shop",health="Healthy"', 'name="torn",health="Unknown"'),
    "application_healthy": ('name="shop"',),
    "application_info": ('name="shop",mode="auto"', 'name="parked",mode="manual"'),
    "application_last_transition_timestamp_seconds": ('name="shop",condition="Synced"', 'condition="Healthy"'),
    "application_objects": ('name="shop"',),
    "application_suspended": ('name="parked"',),
    "application_oldest_drift_timestamp_seconds": ('name="frozen"',),
    "application_synced": ('name="shop"', 'name="chart"'),
    "build_info": ("",),
    "cluster_up": (OURS,),
    "commit_to_live_seconds": ("",),
    "drift_detected_total": (f'{OURS},change="changed"', f'{OURS},change="deleted"'),
    "drift_detection_latency_seconds": ("",),
    "drift_ended_total": (OURS,),
    "drift_healed_total": (OURS,),
    "drift_open_seconds": ("",),
    "event_loop_lag_seconds": ("",),
    "fetch_duration_seconds": ("",),
    "fetches_total": ('result="moved"', 'result="unchanged"', 'result="failed"'),
    "kube_requests_limit": (OURS,),
    "kube_request_duration_seconds": (f'{OURS},verb="apply"', f'{OURS},verb="dry-run"', f'{OURS},verb="merge"'),
    "kube_requests_total": (f'{OURS},verb="watch",code="200"', 'cluster="gone",code="error"'),
    "ledger_append_duration_seconds": ("",),
    "ledger_delivered_events_total": ("",),
    "ledger_delivery_failures_total": ("",),
    "ledger_events_total": ('type="sync.completed"', 'type="sync.refused"', 'type="drift.detected"'),
    "ledger_oldest_undelivered_seconds": ("",),
    "ledger_spool_bytes": ("",),
    "ledger_spool_limit_bytes": ("",),
    "ledger_undelivered_events": ("",),
    "object_failures_total": (OURS,),
    "queue_wait_seconds": ("",),
    "reconciles_total": ('fate="done"', 'fate="terminal"'),
    "render_cache_requests_total": ('result="hit"', 'result="miss"'),
    "renders_total": (
        'kind="kustomize",result="success"',
        'kind="helm",result="success"',
        'kind="plain",result="success"',
        'kind="plain",result="invalid"',
    ),
    "repository_ready": ('name="shop-config"',),
    "runs_total": ('outcome="Succeeded"',),
    "stage_duration_seconds": tuple(f'stage="{stage}"' for stage in ("fetch", "render", "diff", "apply", "record")),
    "watch_restarts_total": (OURS,),
    "watched_objects": (OURS,),
    "workers": ("",),
}
"""Families that must have been more than zero at some moment, and of which series."""
STILL = {
    "application_contested_objects": "nobody fights: see test_drift.py",
    "watches_refused": "every kind is served and may be watched: see tests/integration/kube/test_live.py",
    "kube_requests_in_flight": "only while a request is under way",
    "ledger_append_failures_total": "the disk is sound",
    "queue_depth": "only while all workers are busy",
    "workers_busy": "only while one is",
}
"""Families that are looked at where they can be held still: see test_shutdown.py."""


@pytest.fixture(scope="module")
def voyage(
    tmp_path_factory: pytest.TempPathFactory, plane: ControlPlane, postgres: PostgresServer, git: GitServer
) -> Iterator[LongVoyage]:
    """The voyage is over, the controller still runs, and Prometheus has scraped it from the start."""
    ledger = LedgerDatabase(postgres)
    made = LongVoyage(World(tmp_path_factory.mktemp("voyage"), plane, ledger, git))
    try:
        made.sail()
        yield made
    finally:
        made.end()
        plane.reset()
        ledger.drop()


def test_every_panel_has_an_answer_or_a_reason_to_be_empty(voyage: LongVoyage) -> None:
    """Asked of a Prometheus that scraped this very controller: no query names what nobody feeds."""
    assert voyage.prometheus is not None

    assert unexplained(voyage.prometheus, FLEET) == []


def test_every_family_is_exposed_and_none_besides(voyage: LongVoyage) -> None:
    """What the reference lists is what a scrape finds."""
    exposed = {family.name for family in text_string_to_metric_families(voyage.controller.metrics())}
    named = {family.name.removesuffix("_total") for family in Metrics().families()}

    assert named == {name for name in exposed if name.startswith("shipslog_")}


def test_the_table_knows_every_family() -> None:
    """A new one is fed, and shown to be, or it is not declared."""
    assert {f"shipslog_{name}" for name in MOVED | STILL} == {family.name for family in Metrics().families()}


@pytest.mark.parametrize("name", MOVED)
def test_what_should_have_moved_did(name: str, voyage: LongVoyage) -> None:
    """Each series of the table was more than zero in some scrape."""
    types = {family.name: family.type for family in Metrics().families()}
    series = f"shipslog_{name}" + ("_count" if types[f"shipslog_{name}"] == "histogram" else "")

    still = [labels for labels in MOVED[name] if not voyage.query(f"max_over_time({series}{{{labels}}}[1h]) > 0")]

    assert still == []


def test_what_is_wrong_is_on_its_way_to_an_alert_and_nothing_else_is(voyage: LongVoyage) -> None:
    """The rules, by the series of this controller."""
    assert voyage.prometheus is not None
    wrong = {"ApplicationNotSynced", "DriftNotHealed", "ClusterUnreachable", "RepositoryFailing"}

    assert voyage.prometheus.alerts() == {f"Shipslog{name}": "pending" for name in wrong}


def test_probes_say_what_they_looked_at(voyage: LongVoyage) -> None:
    """A cluster, a repository and an Application that fail make nobody unhealthy or unready."""
    assert voyage.controller.probe("/healthz") == (
        200,
        {"status": "ok", "checks": {"tasks": "ok", "event loop": "ok"}},
    )
    assert voyage.controller.probe("/readyz") == (
        200,
        {
            "status": "ok",
            "checks": {"journal": "ok", "registry": "ok"},
            "notes": {"tasks": "ok", "database": "ok"},
        },
    )


def test_a_database_that_is_away_is_shown_and_makes_nobody_unready(voyage: LongVoyage) -> None:
    """Events wait in the spool, and syncing goes on."""
    status, answer = voyage.without_database

    assert (status, answer["status"]) == (200, "ok")
    assert answer["notes"]["database"].startswith("takes no events: ")


def _lines(voyage: LongVoyage) -> list[dict[str, Any]]:
    return [json.loads(line) for line in voyage.controller.text().splitlines()]


def test_every_line_of_the_log_is_json_with_what_it_is_about(voyage: LongVoyage) -> None:
    """Time, level, message and logger on every line; application, cluster and run on what is about them."""
    lines = _lines(voyage)
    assert all({"time", "level", "message", "logger"} <= line.keys() for line in lines)
    assert [line for line in lines if line["level"] == "error"] == []

    failed = {line["application"] for line in lines if line["message"] == "Look failed"}
    assert failed == {f"{TEAM}/{name}" for name in FAILING}
    carried = [line for line in lines if line["message"] == "Plan carried out"]
    assert {line["application"] for line in carried} == {f"{TEAM}/{name}" for name in HEALTHY}
    assert {line["cluster"] for line in carried} == {"in-cluster"}
    runs = {event["correlation_id"] for event in voyage.world.ledger.events("apply.intent")}
    assert {line["run"] for line in carried} == runs


def test_messages_are_constant(voyage: LongVoyage) -> None:
    """Values stand in fields: a search for a message finds all of its kind."""
    messages = {line["message"] for line in _lines(voyage)}

    assert len(messages) < 25, sorted(messages)
    assert [message for message in messages if any(name in message for name in ("shop", "torn", "127.0.0.1"))] == []


def test_no_secret_is_seen_anywhere(voyage: LongVoyage) -> None:
    """Not in logs, metrics, Events, status, ledger, spool or what commands print, for whoever may read everything."""
    live = voyage.world.objects.get("v1", "Secret", "frozen", "login")
    assert live is not None
    assert live["data"]["password"] in forms(CANARIES["written by hand"])

    outlets = list(voyage.outlets())
    hidden = {outlet for outlet, text in outlets if "(redacted)" in text}
    assert hidden >= {"ledger", "$ plan frozen -o table", "$ plan frozen -o json", "$ audit tail --limit 1000 -o json"}

    leaks = [
        f"the secret {name} in {outlet}: {_around(text, form)}"
        for outlet, text in outlets
        for name, secret in CANARIES.items()
        for form in forms(secret)
        if form in text
    ]

    assert leaks == []


def _around(text: str, found: str) -> str:
    at = text.index(found)
    return text[max(0, at - 150) : at + len(found) + 50]


def test_what_is_deleted_leaves_no_series(voyage: LongVoyage) -> None:
    """Cluster, Repository and Application: nobody is woken for what is gone. Its late requests bring nothing back."""
    objects = voyage.world.objects

    def left() -> list[str]:
        marks = ('cluster="gone"', 'repository_ready{name="locked"', 'name="chart"')
        return [line for line in voyage.controller.metrics().splitlines() if any(mark in line for mark in marks)]

    assert left()
    objects.delete(API_VERSION, "Cluster", "", "gone")
    objects.delete(API_VERSION, "Repository", TEAM, "locked")
    objects.delete(API_VERSION, "Application", TEAM, "chart")

    eventually(lambda: not left(), "their series are gone", pause=0.2)
    assert 'shipslog_repository_ready{name="shop-config"' in voyage.controller.metrics()
