"""Generated files."""

from __future__ import annotations

import dataclasses
import re
import shutil
from pathlib import Path

import pytest

from controller.metrics import Metrics
from controller.model.event import EventType
from controller.observe.health import RULES
from controller.settings import Settings, variable
from docs.generator.__main__ import main
from docs.generator.artifacts import ROOT, artifacts, stale, write


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of all that the generator reads and writes."""
    for path in ("docs", "helm", "dashboards"):
        if (ROOT / path).exists():
            shutil.copytree(ROOT / path, tmp_path / path)
    write(tmp_path)
    return tmp_path


def test_nothing_that_is_generated_is_stale() -> None:
    """Reference, CustomResourceDefinitions and the chart say what the code says: else `python -m docs.generator`."""
    assert stale() == []


def test_what_was_edited_by_hand_is_named_and_put_right(checkout: Path) -> None:
    """A page, a definition, and the generated part of the chart's values and schema."""
    edits = {
        Path("docs/reference/settings.md"): ("SHIPSLOG_WORKERS", "SHIPSLOG_WORKER"),
        Path("helm/shipslog/files/crds/clusters.yaml"): ("maxRequests", "maxRequest"),
        Path("helm/shipslog/values.schema.json"): ("spoolLimit", "spoolLimits"),
        Path("helm/shipslog/values.yaml"): ("spoolLimit: 1073741824", "spoolLimit: 1"),
    }
    for path, (old, new) in edits.items():
        text = (checkout / path).read_text(encoding="utf-8")
        assert old in text
        (checkout / path).write_text(text.replace(old, new), encoding="utf-8")
    assert write(checkout) == sorted(edits)
    assert stale(checkout) == []
    assert all((checkout / path).read_text() == (ROOT / path).read_text() for path in edits)


def test_what_people_wrote_in_the_chart_is_left_alone(checkout: Path) -> None:
    """Only the settings of values.yaml and values.schema.json are generated."""
    values = checkout / "helm/shipslog/values.yaml"
    values.write_text(values.read_text(encoding="utf-8").replace("size: 10Gi", "size: 20Gi"), encoding="utf-8")
    assert stale(checkout) == []


def test_a_definition_of_a_kind_that_is_gone_is_stale(checkout: Path) -> None:
    """A kind that was removed from the model leaves the chart, too."""
    left = checkout / "helm/shipslog/files/crds/ships.yaml"
    left.write_text("kind: CustomResourceDefinition\n", encoding="utf-8")
    assert stale(checkout) == [left.relative_to(checkout)]
    write(checkout)
    assert not left.exists()


def test_the_command_names_stale_files(capsys: pytest.CaptureFixture[str]) -> None:
    """`--check` says nothing and exits 0 when all is fresh; other arguments are refused."""
    assert main(["--check"]) == 0
    assert capsys.readouterr().out == ""
    assert main(["--chekc"]) == 2


def test_every_setting_event_and_metric_is_in_the_reference() -> None:
    """A page is complete."""
    pages = artifacts()
    settings, events, metrics = (pages[Path(f"docs/reference/{name}.md")] for name in ("settings", "events", "metrics"))
    assert all(f"`{variable(field)}`" in settings for field in dataclasses.fields(Settings))
    assert all(f"`{type_.label}`" in events for type_ in EventType)
    assert all(f"`{family.name}`" in metrics for family in Metrics().families())


def test_every_kind_with_a_rule_is_in_the_reference() -> None:
    """With what it says of each verdict, in the rule's own words."""
    page = artifacts()[Path("docs/reference/health.md")]

    for kind in RULES:
        assert re.search(rf"^## .*\b{kind.kind}\b", page, re.MULTILINE)
    assert "| Degraded | The rollout made no progress within its deadline: … |" in page
    assert "| Progressing | … of … replicas are available. |" in page
