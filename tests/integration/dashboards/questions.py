"""Every question of a dashboard's file, asked of a real Prometheus."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dashboards.panels import Dashboard
    from tests.ground.prometheus import PrometheusServer

DASHBOARDS = Path(__file__).resolve().parents[3] / "dashboards"

# What Grafana fills in: all of everything, and a window that holds enough scrapes.
_FILLED = {
    "$__rate_interval": "1m",
    "$__range": "1h",
    "$namespace": ".*",
    "$cluster": ".*",
}


@dataclass(frozen=True)
class Question:
    """One query of one panel, as Grafana would send it."""

    panel: str
    expression: str

    def __str__(self) -> str:
        return f"{self.panel}: {self.expression}"


def questions(dashboard: dict[str, Any]) -> Iterator[Question]:
    """Every query of a dashboard as decoded from its file; rows' own panels too."""
    for panel in [p for outer in dashboard["panels"] for p in (outer, *outer.get("panels", ()))]:
        for target in panel.get("targets", ()):
            expression = target["expr"]
            for name, value in _FILLED.items():
                expression = expression.replace(name, value)
            assert "$" not in expression, f"{panel['title']}: a variable that nothing here fills in: {expression}"
            yield Question(panel["title"], expression)


def read(name: str) -> dict[str, Any]:
    """The dashboard of a file in `dashboards/`."""
    dashboard: dict[str, Any] = json.loads((DASHBOARDS / f"{name}.json").read_text(encoding="utf-8"))
    return dashboard


def unanswered(server: PrometheusServer, dashboard: dict[str, Any]) -> list[Question]:
    """The questions that no series answers with a number."""
    return [q for q in questions(dashboard) if not any(sample.known for sample in server.query(q.expression))]


def unexplained(server: PrometheusServer, dashboard: Dashboard) -> list[str]:
    """The questions that no series answers, and whose panel has no reason for it in good times."""
    reasons = {panel.title: panel.quiet for panel in dashboard.panels}
    silent = unanswered(server, read(dashboard.name))
    return [str(question) for question in silent if not reasons[question.panel]]
