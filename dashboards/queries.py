"""PromQL that panels share."""

from __future__ import annotations

from dashboards.panels import Query

ON = '{namespace=~"$namespace", cluster=~"$cluster"}'
"""Applications the reader looks at."""
DEGRADED = '{health="Degraded", namespace=~"$namespace", cluster=~"$cluster"}'
AT = '{cluster=~"$cluster"}'
ONE = "namespace, name, cluster"
"""Labels that say which Application; a Pod's own labels go, so that a restart does not double it."""


def quantiles(name: str, by: str = "", window: str = "$__rate_interval", selector: str = "") -> tuple[Query, ...]:
    """Median and 99th percentile of a histogram, for each value of the label `by` where one is named."""
    labels, legend = (f"le, {by}", f" {{{{{by}}}}}") if by else ("le", "")
    return tuple(
        Query(f"histogram_quantile({q}, sum by ({labels}) (rate({name}_bucket{selector}[{window}])))", text + legend)
        for q, text in ((0.5, "p50"), (0.99, "p99"))
    )


def p99(name: str, by: str, selector: str = "") -> tuple[Query, ...]:
    """The 99th percentile alone, for each value of `by`."""
    _, query = quantiles(name, by, selector=selector)
    return (Query(query.expr, f"{{{{{by}}}}}"),)


def per_second(name: str, by: str, selector: str = "") -> tuple[Query, ...]:
    """A counter's rate for each value of `by`."""
    return (Query(f"sum by ({by}) (rate({name}{selector}[$__rate_interval]))", f"{{{{{by}}}}}"),)


def since(condition: str, state: str) -> Query:
    """Seconds since each Application in a bad state entered it."""
    return Query(
        f"max by ({ONE}) (time() - shipslog_application_last_transition_timestamp_seconds"
        f'{{condition="{condition}", namespace=~"$namespace", cluster=~"$cluster"}} > 0)'
        f" and on ({ONE}) (max by ({ONE}) ({state}{ON}) == 0)"
    )
