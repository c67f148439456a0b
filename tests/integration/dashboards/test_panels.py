from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import pytest

from controller.metrics import Metrics
from dashboards.__main__ import DASHBOARDS
from tests.integration.dashboards.questions import questions, read, unanswered, unexplained
from tests.integration.dashboards.rehearsal import act

if TYPE_CHECKING:
    from prometheus_client import Metric

    from dashboards.panels import Dashboard
    from tests.ground.prometheus import PrometheusServer

every_dashboard = pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda dashboard: dashboard.name)


@every_dashboard
def test_every_panel_has_an_answer_when_there_is_trouble(dashboard: Dashboard, troubled: PrometheusServer) -> None:
    """No query names a metric or a label that does not exist, those that are silent in good times included."""
    assert [str(question) for question in unanswered(troubled, read(dashboard.name))] == []


@every_dashboard
def test_only_panels_with_a_reason_are_empty_on_a_healthy_system(
    dashboard: Dashboard, healthy: PrometheusServer
) -> None:
    """A panel without data says on the dashboard's source why that is good news."""
    assert unexplained(healthy, dashboard) == []


@every_dashboard
def test_what_needs_attention_is_listed_only_while_it_does(dashboard: Dashboard, healthy: PrometheusServer) -> None:
    """The tables of trouble are empty when there is none."""
    tables = {panel.title for panel in dashboard.panels if panel.kind == "table"}

    silent = {question.panel for question in unanswered(healthy, read(dashboard.name))}

    assert tables
    assert tables <= silent


def test_how_long_trouble_lasts_is_told_in_seconds(troubled: PrometheusServer) -> None:
    """The table names the Application and how long ago it left Git, not when a Pod started."""
    (question,) = [q for q in questions(read("fleet")) if q.panel == "Out of sync since"]

    (sample,) = troubled.query(question.expression)

    assert sample.labels == {"namespace": "team-pay", "name": "stock", "cluster": "prod-eu"}
    assert 55 < sample.value < 120


def test_a_misspelt_metric_is_found(troubled: PrometheusServer) -> None:
    """The check can fail: one letter less, and the panel is named."""
    dashboard = copy.deepcopy(read("fleet"))
    panel = next(panel for panel in dashboard["panels"] if panel["title"] == "Queue")
    panel["targets"][0]["expr"] = "sum(shipslog_queue_dept)"

    (silent,) = unanswered(troubled, dashboard)

    assert silent.panel == "Queue"


def turn(metrics: Metrics, *, troubled: bool) -> list[Metric]:
    """What is exposed after one turn."""
    act(metrics, troubled=troubled)
    return list(metrics.registry.collect())


def test_the_rehearsal_plays_every_family() -> None:
    """What is asked of the rehearsal can be answered by the controller's real families only, all of them."""
    metrics = Metrics("1")

    played = {
        sample.name
        for troubled in (False, True)
        for family in turn(metrics, troubled=troubled)
        for sample in family.samples
        if sample.value and not sample.name.endswith("_bucket")
    }
    names = {f.name if f.type != "histogram" else f"{f.name}_count" for f in metrics.families()}
    assert names - played == set()
