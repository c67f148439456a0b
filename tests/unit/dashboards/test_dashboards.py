from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from controller.metrics import Metrics
from dashboards.__main__ import DASHBOARDS, HERE, text

if TYPE_CHECKING:
    from dashboards.panels import Dashboard

every_dashboard = pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda dashboard: dashboard.name)


def panels(dashboard: Dashboard) -> list[dict[str, Any]]:
    """The panels of the file, rows' headings left out."""
    decoded = json.loads((HERE / f"{dashboard.name}.json").read_text(encoding="utf-8"))
    return [panel for panel in decoded["panels"] if panel["type"] != "row"]


@every_dashboard
def test_the_file_is_what_its_source_says(dashboard: Dashboard) -> None:
    """Nobody edits the JSON by hand, and nobody forgets to write it anew: `python -m dashboards`."""
    assert (HERE / f"{dashboard.name}.json").read_text(encoding="utf-8") == text(dashboard)


@every_dashboard
def test_panels_have_titles_and_numbers_of_their_own(dashboard: Dashboard) -> None:
    """A link to a panel and an alert's picture lead to one."""
    titles = [panel["title"] for panel in panels(dashboard)]
    numbers = [panel["id"] for panel in panels(dashboard)]

    assert len(set(titles)) == len(titles)
    assert len(set(numbers)) == len(numbers)


@every_dashboard
def test_panels_stand_on_the_grid_and_never_over_each_other(dashboard: Dashboard) -> None:
    """24 columns wide."""
    taken: dict[tuple[int, int], str] = {}
    for panel in panels(dashboard):
        position = panel["gridPos"]
        assert position["x"] + position["w"] <= 24
        for x in range(position["x"], position["x"] + position["w"]):
            for y in range(position["y"], position["y"] + position["h"]):
                assert taken.setdefault((x, y), panel["title"]) == panel["title"]


@every_dashboard
def test_every_panel_says_what_it_answers_and_in_which_unit(dashboard: Dashboard) -> None:
    """A number without a unit is a riddle."""
    for panel in panels(dashboard):
        assert panel["description"].split("(")[0].rstrip().endswith("?"), panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]


@every_dashboard
def test_every_panel_asks_the_data_source_the_reader_chose(dashboard: Dashboard) -> None:
    """No identifier of somebody's own Grafana."""
    for panel in panels(dashboard):
        for asked in (panel, *panel["targets"]):
            assert asked["datasource"] == {"type": "prometheus", "uid": "${datasource}"}


@every_dashboard
def test_a_filter_is_applied_wherever_its_label_exists(dashboard: Dashboard) -> None:
    """Who chose a cluster sees nothing of the others."""
    labels = {family.name: set(family.labels) for family in Metrics("1").families()}
    for panel in panels(dashboard):
        for expression in (target["expr"] for target in panel["targets"]):
            for name in re.findall(r"shipslog_\w+", expression):
                family = re.sub(r"_(bucket|count|sum)$", "", name)
                for label in labels[family] & {"cluster"}:
                    assert f'{label}=~"${label}"' in expression, f"{panel['title']}: {name} without ${label}"


def test_every_family_is_seen_on_a_dashboard() -> None:
    """A metric nobody looks at is a cost, or a panel is missing."""
    asked = " ".join(
        target["expr"] for dashboard in DASHBOARDS for panel in panels(dashboard) for target in panel["targets"]
    )
    unseen = {
        family.name for family in Metrics("1").families() if not re.search(rf"{family.name}\b|{family.name}_", asked)
    }

    # How many objects one Application owns is asked by Application, not of the fleet.
    assert unseen == {"shipslog_application_objects"}


def test_the_folder_holds_the_dashboards_and_nothing_else() -> None:
    """A JSON file without a source would never be checked."""
    assert {path.stem for path in Path(HERE).glob("*.json")} == {dashboard.name for dashboard in DASHBOARDS}
