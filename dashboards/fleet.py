"""The Fleet dashboard: what whoever is on call asks, in the order they ask it."""

from __future__ import annotations

from dashboards.panels import Dashboard, Panel, Query, Row
from dashboards.queries import AT, DEGRADED, ON, ONE, p99, per_second, quantiles, since
from dashboards.rows import CLUSTERS, CONTROLLER, LEDGER, SOURCES

BAD = ((1.0, "red"),)
ODD = ((1.0, "orange"),)


def count(title: str, asks: str, expr: str, bounds: tuple[tuple[float, str], ...] = ()) -> Panel:
    """One number at the top of the page."""
    return Panel(title=title, asks=asks, queries=(Query(expr),), kind="stat", span=4, bounds=bounds)


NOW = Row(
    "Now",
    (
        count("Applications", "How many are there?", f"count(max by ({ONE}) (shipslog_application_info{ON}))"),
        count(
            "Out of sync",
            "How many clusters differ from Git right now?",
            f"sum(max by ({ONE}) (shipslog_application_synced{ON}) == bool 0)",
            ODD,
        ),
        count(
            "Degraded",
            "How many are broken, not merely on their way?",
            f"sum(max by ({ONE}) (shipslog_application_health{DEGRADED}))",
            BAD,
        ),
        count(
            "Drifted objects",
            "How many objects were changed by someone else and are not healed?",
            f"sum(max by ({ONE}) (shipslog_application_drifted_objects{ON}))",
            ODD,
        ),
        count(
            "Clusters down",
            "How many clusters can't be reached?",
            f"sum(max by (cluster) (shipslog_cluster_up{AT}) == bool 0)",
            BAD,
        ),
        count(
            "Undelivered events",
            "How far is the ledger behind?",
            "sum(shipslog_ledger_undelivered_events)",
            ((1000.0, "orange"), (10000.0, "red")),
        ),
        Panel(
            title="Out of sync since",
            asks="Which Applications differ from Git, and for how long?",
            queries=(since("Synced", "shipslog_application_synced"),),
            unit="s",
            kind="table",
            span=12,
            quiet="every Application equals Git",
        ),
        Panel(
            title="Unhealthy since",
            asks="Which Applications are not healthy, and for how long?",
            queries=(since("Healthy", "shipslog_application_healthy"),),
            unit="s",
            kind="table",
            span=12,
            quiet="every Application is healthy",
        ),
    ),
)

APPLICATIONS = Row(
    "Applications",
    (
        Panel(
            title="Applications by health",
            asks="When did health change across the fleet?",
            queries=(
                Query(f"sum by (health) (max by ({ONE}, health) (shipslog_application_health{ON}))", "{{health}}"),
            ),
        ),
        Panel(
            title="Out of sync by cluster",
            asks="Where did the fleet leave Git?",
            queries=(
                Query(f"sum by (cluster) (max by ({ONE}) (shipslog_application_synced{ON}) == bool 0)", "{{cluster}}"),
            ),
        ),
        Panel(
            title="Suspended and manual",
            asks="How many Applications are not kept in sync by themselves?",
            queries=(
                Query(f"sum(max by ({ONE}) (shipslog_application_suspended{ON}))", "suspended"),
                Query(f"count by (mode) (max by ({ONE}, mode) (shipslog_application_info{ON}))", "{{mode}}"),
            ),
        ),
    ),
)

RUNS = Row(
    "Runs",
    (
        Panel(
            title="Runs by outcome",
            asks="Do syncs succeed?",
            queries=per_second("shipslog_runs_total", "outcome"),
            unit="ops",
        ),
        Panel(
            title="Runs by trigger",
            asks="What starts them?",
            queries=per_second("shipslog_runs_total", "trigger"),
            unit="ops",
        ),
        Panel(
            title="Commit to live",
            asks="How long after a commit is it live? (runs of the last hour)",
            queries=quantiles("shipslog_commit_to_live_seconds", window="1h"),
            unit="s",
            quiet="nothing was committed in the last hour",
        ),
        Panel(
            title="Stages, p99",
            asks="Which stage of a run is slow?",
            queries=p99("shipslog_stage_duration_seconds", "stage"),
            unit="s",
            quiet="no Application was looked at for a minute",
        ),
        Panel(
            title="Reconciles by fate",
            asks="What becomes of each look at an Application?",
            queries=per_second("shipslog_reconciles_total", "fate"),
            unit="ops",
        ),
        Panel(
            title="Queue",
            asks="Do Applications wait for a worker?",
            queries=(
                Query("sum(shipslog_queue_depth)", "waiting"),
                Query("sum(shipslog_workers_busy)", "workers busy"),
                Query("sum(shipslog_workers)", "workers"),
            ),
        ),
        Panel(
            title="Wait for a worker",
            asks="How long do they wait?",
            queries=quantiles("shipslog_queue_wait_seconds"),
            unit="s",
            quiet="no Application was looked at for a minute",
        ),
    ),
)

DRIFT = Row(
    "Drift",
    (
        Panel(
            title="Drift detected and ended",
            asks="Who leaves Git, and do we bring it back?",
            queries=(
                Query(f"sum by (change) (increase(shipslog_drift_detected_total{AT}[$__rate_interval]))", "{{change}}"),
                Query(f"sum(increase(shipslog_drift_healed_total{AT}[$__rate_interval]))", "healed"),
                Query(f"sum(increase(shipslog_drift_ended_total{AT}[$__rate_interval]))", "ended without us"),
            ),
        ),
        Panel(
            title="Drift stood for",
            asks="How long did drift stand before it was healed? (the last hour)",
            queries=quantiles("shipslog_drift_open_seconds", window="1h"),
            unit="s",
            quiet="nothing drifted in the last hour",
        ),
        Panel(
            title="Oldest open drift",
            asks="How long has drift been left to stand, by policy, by a person's decision, or because a heal fails?",
            queries=(
                Query(
                    f"time() - min(max by ({ONE}) (shipslog_application_oldest_drift_timestamp_seconds{ON}) > 0)",
                    "oldest",
                ),
            ),
            unit="s",
            quiet="no drift is open",
        ),
        Panel(
            title="Contested objects",
            asks="Does somebody else write what Git says, as often as it is healed?",
            queries=(Query(f"sum(max by ({ONE}) (shipslog_application_contested_objects{ON}))", "objects"),),
        ),
        Panel(
            title="Drift detection latency",
            asks="How soon after the foreign write did we know? (the last hour)",
            queries=quantiles("shipslog_drift_detection_latency_seconds", window="1h"),
            unit="s",
            quiet="nothing drifted in the last hour",
        ),
    ),
)

FLEET = Dashboard(
    name="fleet",
    title="Shipslog / Fleet",
    description="Is every cluster what Git says, since when not, and is the log of it written?",
    rows=(NOW, APPLICATIONS, RUNS, DRIFT, CLUSTERS, SOURCES, LEDGER, CONTROLLER),
    variables=(
        ("cluster", "label_values(shipslog_cluster_up, cluster)"),
        ("namespace", "label_values(shipslog_application_info, namespace)"),
    ),
)
