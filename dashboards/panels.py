"""What a panel is: a question, its queries and why it may be empty; and how it becomes Grafana's JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from grafana_foundation_sdk.builders import common, prometheus, stat, table, timeseries
from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.models import common as common_models
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models import prometheus as prometheus_models

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

DATASOURCE = models.DataSourceRef(type_val="prometheus", uid="${datasource}")
WIDTH = 24
"""Columns of Grafana's grid."""

Kind: TypeAlias = Literal["timeseries", "stat", "table"]
_Builder: TypeAlias = Any
"""The library's builders share methods, but no type that has them."""


@dataclass(frozen=True)
class Query:
    """A PromQL expression, and how its series are named in the legend."""

    expr: str
    legend: str = ""


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One panel. `unit` is Grafana's name of a unit; `bounds` are values from which the colour changes."""

    title: str
    asks: str
    """What whoever is on call wants to know: the panel's description."""
    queries: tuple[Query, ...]
    unit: str = "short"
    kind: Kind = "timeseries"
    span: int = 8
    bounds: tuple[tuple[float, str], ...] = ()
    quiet: str = ""
    """Why it has no data while all is well; nothing where it always has."""


@dataclass(frozen=True)
class Row:
    """Panels under one heading."""

    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True, kw_only=True)
class Dashboard:
    """A dashboard as its file `NAME.json` has it."""

    name: str
    title: str
    description: str
    rows: tuple[Row, ...]
    variables: tuple[tuple[str, str], ...]
    """Variables that filter, each with the query of its values."""

    @property
    def panels(self) -> tuple[Panel, ...]:
        """All panels, in reading order."""
        return tuple(panel for row in self.rows for panel in row.panels)


def build(dashboard: Dashboard) -> models.Dashboard:
    """The dashboard in Grafana's model."""
    result = (
        builders.Dashboard(dashboard.title)
        .uid(f"shipslog-{dashboard.name}")
        .description(dashboard.description)
        .tags(["shipslog", "gitops"])
        .readonly()
        .refresh("30s")
        .time("now-6h", "now")
        .timezone("browser")
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
        .with_variable(builders.DatasourceVariable("datasource").label("Data source").type("prometheus"))
    )
    for name, query in dashboard.variables:
        result = result.with_variable(_variable(name, query))
    number = 0
    for row in dashboard.rows:
        number += 1
        result = result.with_row(builders.Row(row.title).id(number))
        for panel in row.panels:
            number += 1
            result = result.with_panel(_KINDS[panel.kind](panel).id(number))
    return result.build()


def _variable(name: str, query: str) -> builders.QueryVariable:
    return (
        builders.QueryVariable(name)
        .label(name.capitalize())
        .datasource(DATASOURCE)
        .query(query)
        .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(models.VariableSort.ALPHABETICAL_ASC)
        .multi(multi=True)
        .include_all(include_all=True)
        .all_value(".*")
        .current(models.VariableOption(selected=True, text=["All"], value=["$__all"]))
    )


def _timeseries(panel: Panel) -> _Builder:
    legend = (
        common.VizLegendOptions()
        .display_mode(common_models.LegendDisplayMode.LIST)
        .placement(common_models.LegendPlacement.BOTTOM)
        .show_legend(show_legend=True)
    )
    tooltip = common.VizTooltipOptions().mode(common_models.TooltipDisplayMode.MULTI)
    drawn = timeseries.Panel().legend(legend).tooltip(tooltip).fill_opacity(10).line_width(1).min(0)
    return _common(drawn, panel, lambda query: query.range(), height=7)


def _stat(panel: Panel) -> _Builder:
    options = common.ReduceDataOptions().calcs(["lastNotNull"]).values(values=False)
    drawn = stat.Panel().reduce_options(options).graph_mode(common_models.BigValueGraphMode.AREA)
    return _common(drawn, panel, lambda query: query.range(), height=4)


def _table(panel: Panel) -> _Builder:
    hidden = {"Time": True, "__name__": True, "instance": True, "job": True, "pod": True}
    organize = models.DataTransformerConfig(id_val="organize", options={"excludeByName": hidden})
    drawn = table.Panel().with_transformation(organize).no_value("None")
    return _common(
        drawn, panel, lambda query: query.instant().format(prometheus_models.PromQueryFormat.TABLE), height=7
    )


_KINDS: dict[Kind, Callable[[Panel], _Builder]] = {"timeseries": _timeseries, "stat": _stat, "table": _table}


def _common(drawn: _Builder, panel: Panel, shape: Callable[[_Builder], _Builder], *, height: int) -> _Builder:
    drawn = drawn.title(panel.title).description(panel.asks).unit(panel.unit).datasource(DATASOURCE)
    drawn = drawn.span(panel.span).height(height)
    if panel.bounds:
        drawn = drawn.thresholds(_thresholds(panel.bounds))
        if panel.kind == "stat":
            drawn = drawn.color_scheme(builders.FieldColor().mode(models.FieldColorModeId.THRESHOLDS))
    for letter, query in zip("ABCDEFGH", panel.queries, strict=False):
        target = prometheus.Dataquery().expr(query.expr).legend_format(query.legend or "__auto").ref_id(letter)
        drawn = drawn.with_target(shape(target.datasource(DATASOURCE)))
    return drawn


def _thresholds(bounds: Sequence[tuple[float, str]]) -> builders.ThresholdsConfig:
    steps = [models.Threshold(value=None, color="green")]
    steps += [models.Threshold(value=value, color=color) for value, color in bounds]
    return builders.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(steps)
