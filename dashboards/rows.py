"""Rows about what the controller stands on: clusters, repositories, the ledger, its own process."""

from __future__ import annotations

from dashboards.panels import Panel, Query, Row
from dashboards.queries import AT, p99, per_second, quantiles

CLUSTERS = Row(
    "Clusters",
    (
        Panel(
            title="Cluster reachable",
            asks="Which cluster went away, and when?",
            queries=(Query(f"max by (cluster) (shipslog_cluster_up{AT})", "{{cluster}}"),),
        ),
        Panel(
            title="API requests",
            asks="How much do we ask of each API server?",
            queries=(
                *per_second("shipslog_kube_requests_total", "cluster", AT),
                Query(f"sum by (cluster) (shipslog_kube_requests_in_flight{AT})", "{{cluster}} under way"),
                Query(f"max by (cluster) (shipslog_kube_requests_limit{AT})", "{{cluster}} at most"),
            ),
            unit="reqps",
        ),
        Panel(
            title="API errors and throttling",
            asks="Does an API server refuse, throttle or fail us?",
            queries=(
                Query(
                    "sum by (cluster, code) (rate(shipslog_kube_requests_total"
                    '{cluster=~"$cluster", code=~"error|401|403|429|5.."}[$__rate_interval]))',
                    "{{cluster}} {{code}}",
                ),
            ),
            unit="reqps",
        ),
        Panel(
            title="Objects that could not be written",
            asks="What do API servers hold against our writes?",
            queries=(
                Query(
                    'sum by (cause) (rate(shipslog_object_failures_total{cluster=~"$cluster"}[$__rate_interval]))',
                    "{{cause}}",
                ),
            ),
            unit="ops",
        ),
        Panel(
            title="API request duration, p99",
            asks="Which API server is slow?",
            queries=p99("shipslog_kube_request_duration_seconds", "cluster", AT),
            unit="s",
        ),
        Panel(
            title="Watch restarts",
            asks="Do watches hold?",
            queries=(
                Query(
                    f"sum by (cluster) (increase(shipslog_watch_restarts_total{AT}[$__rate_interval]))", "{{cluster}}"
                ),
                Query(f"max by (cluster) (shipslog_watches_refused{AT})", "{{cluster}} kinds not watched"),
            ),
        ),
        Panel(
            title="Objects watched",
            asks="How many objects are ours to see?",
            queries=(Query(f"sum by (cluster) (shipslog_watched_objects{AT})", "{{cluster}}"),),
        ),
    ),
)

SOURCES = Row(
    "Repositories and rendering",
    (
        Panel(
            title="Repositories not ready",
            asks="Which repository can't be read?",
            queries=(Query('max by (namespace, name) (shipslog_repository_ready{namespace=~"$namespace"}) == 0'),),
            kind="table",
            quiet="every Repository can be read",
        ),
        Panel(
            title="Fetches by result",
            asks="Does Git answer?",
            queries=per_second("shipslog_fetches_total", "result"),
            unit="ops",
        ),
        Panel(
            title="Fetch duration",
            asks="How long does Git take?",
            queries=quantiles("shipslog_fetch_duration_seconds"),
            unit="s",
        ),
        Panel(
            title="Renderings by kind and result",
            asks="Whose manifests can't be rendered, and is it the repository's fault or ours?",
            queries=(
                Query("sum by (kind, result) (rate(shipslog_renders_total[$__rate_interval]))", "{{kind}} {{result}}"),
            ),
            unit="ops",
        ),
        Panel(
            title="Render cache hits",
            asks="How many renderings were spared? (the last hour)",
            queries=(
                Query(
                    'sum(rate(shipslog_render_cache_requests_total{result="hit"}[1h]))'
                    " / sum(rate(shipslog_render_cache_requests_total[1h]))",
                    "hits",
                ),
            ),
            unit="percentunit",
            quiet="nothing was rendered in the last hour",
        ),
    ),
)

LEDGER = Row(
    "Ledger",
    (
        Panel(
            title="Events by type",
            asks="What is being recorded?",
            queries=per_second("shipslog_ledger_events_total", "type"),
            unit="ops",
        ),
        Panel(
            title="Oldest undelivered event",
            asks="How far is PostgreSQL behind?",
            queries=(Query("max(shipslog_ledger_oldest_undelivered_seconds)", "age"),),
            unit="s",
            bounds=((60.0, "red"),),
        ),
        Panel(
            title="Spool",
            asks="How long until the spool is full and syncing stops?",
            queries=(
                Query("sum(shipslog_ledger_spool_bytes)", "used"),
                Query("sum(shipslog_ledger_spool_limit_bytes)", "limit"),
            ),
            unit="bytes",
        ),
        Panel(
            title="Delivery to PostgreSQL",
            asks="Do events arrive?",
            queries=(
                Query("sum(rate(shipslog_ledger_delivered_events_total[$__rate_interval]))", "events"),
                Query("sum(rate(shipslog_ledger_delivery_failures_total[$__rate_interval]))", "failed batches"),
                Query("sum(rate(shipslog_ledger_append_failures_total[$__rate_interval]))", "failed appends"),
            ),
            unit="ops",
        ),
        Panel(
            title="Append to the spool",
            asks="Is the disk slow?",
            queries=quantiles("shipslog_ledger_append_duration_seconds"),
            unit="s",
            quiet="nothing was recorded for a minute",
        ),
    ),
)

CONTROLLER = Row(
    "Controller",
    (
        Panel(
            title="Event loop lag",
            asks="Does something block the loop?",
            queries=quantiles("shipslog_event_loop_lag_seconds"),
            unit="s",
        ),
        Panel(
            title="Memory",
            asks="Does the controller grow?",
            queries=(
                Query(
                    "process_resident_memory_bytes * on (job, instance) group_left (version) shipslog_build_info",
                    "{{instance}}",
                ),
            ),
            unit="bytes",
        ),
        Panel(
            title="CPU",
            asks="Is a core full? (renderings have processes of their own)",
            queries=(
                Query(
                    "rate(process_cpu_seconds_total[$__rate_interval])"
                    " * on (job, instance) group_left (version) shipslog_build_info",
                    "{{instance}}",
                ),
            ),
        ),
        Panel(
            title="Open files",
            asks="Does it leak connections?",
            queries=(
                Query("process_open_fds * on (job, instance) group_left (version) shipslog_build_info", "{{instance}}"),
            ),
        ),
        Panel(
            title="Running since",
            asks="Which version runs, and when did it start?",
            queries=(
                Query(
                    "1000 * process_start_time_seconds * on (job, instance) group_left (version) shipslog_build_info",
                    "{{version}} {{instance}}",
                ),
            ),
            unit="dateTimeFromNow",
            kind="stat",
        ),
    ),
)
