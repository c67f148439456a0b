from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from controller.cli.main import COMMANDS
from controller.metrics import Metrics

CHECKOUT = Path(__file__).resolve().parents[3]
RULES: list[dict[str, Any]] = [
    rule
    for group in yaml.safe_load((CHECKOUT / "dashboards" / "alerts.yaml").read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]
]
every_rule = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
SECTIONS = ["Meaning", "Impact", "Diagnosis", "Remedy"]


def page(rule: dict[str, Any]) -> str:
    """The runbook page the rule links to."""
    path = CHECKOUT / str(rule["annotations"]["runbook_url"])
    return path.read_text(encoding="utf-8")


@every_rule
def test_a_rule_says_how_urgent_it_is_what_it_is_and_where_to_read_on(rule: dict[str, Any]) -> None:
    """Severity, summary, description, and a page that exists."""
    assert rule["labels"]["severity"] in {"warning", "critical"}
    assert set(rule["annotations"]) == {"summary", "description", "runbook_url"}
    assert rule["annotations"]["runbook_url"] == f"docs/runbooks/{rule['alert']}.md"
    assert rule["for"]


@every_rule
def test_a_runbook_has_meaning_impact_diagnosis_and_remedy(rule: dict[str, Any]) -> None:
    """Whoever is woken finds commands to run, in the order they need them."""
    text = page(rule)

    assert text.startswith(f"# {rule['alert']}\n")
    assert f"Severity: {rule['labels']['severity']}." in text
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == SECTIONS
    assert "```" in text.partition("## Diagnosis")[2]


@every_rule
def test_a_description_tells_the_duration_the_rule_waits(rule: dict[str, Any]) -> None:
    """The minutes in the text are those of `for`."""
    told = re.findall(r"for (\d+) minutes", rule["annotations"]["description"])

    assert all(f"{minutes}m" == rule["for"] for minutes in told)


@every_rule
def test_a_rule_asks_for_families_that_exist(rule: dict[str, Any]) -> None:
    """With labels that they have."""
    families = {family.name: set(family.labels) for family in Metrics("1").families()}

    for name, selector in re.findall(r"(shipslog_\w+)(?:\{([^}]*)\})?", rule["expr"]):
        assert name in families
        assert set(re.findall(r"(\w+)=", selector)) <= families[name]


@every_rule
def test_a_rule_has_unit_tests_of_its_own(rule: dict[str, Any]) -> None:
    """One file per rule, with at least one test in which it fires and one in which it does not."""
    path = CHECKOUT / "dashboards" / "tests" / f"{rule['alert']}.yaml"
    tests = yaml.safe_load(path.read_text(encoding="utf-8"))["tests"]
    ends = [test["alert_rule_test"][-1] for test in tests]

    assert all(end["alertname"] == rule["alert"] for end in ends)
    assert any(end["exp_alerts"] for end in ends)
    assert any(not end["exp_alerts"] for end in ends)


def test_the_list_of_runbooks_names_every_alert_with_its_severity() -> None:
    """And no page is left over from a rule that is gone."""
    listed = (CHECKOUT / "docs" / "runbooks" / "README.md").read_text(encoding="utf-8")

    for rule in RULES:
        assert f"| [{rule['alert']}]({rule['alert']}.md) | {rule['labels']['severity']} |" in listed
    pages = {path.stem for path in (CHECKOUT / "docs" / "runbooks").glob("*.md")}
    assert pages - {"README"} == {rule["alert"] for rule in RULES}


@every_rule
def test_a_runbooks_metrics_and_panels_exist(rule: dict[str, Any]) -> None:
    """What a page sends the reader to is there."""
    dashboard = (CHECKOUT / "dashboards" / "fleet.json").read_text(encoding="utf-8")
    families = {family.name for family in Metrics("1").families()}

    assert set(re.findall(r"shipslog_\w+", page(rule))) <= families
    for titles in re.findall(r"[Pp]anels? ((?:\"[^\"]+\"(?: and )?)+)", page(rule)):
        for title in re.findall(r'"([^"]+)"', titles):
            assert f'"title": "{title}"' in dashboard


@every_rule
def test_a_runbooks_commands_exist(rule: dict[str, Any]) -> None:
    """Nobody types a command at night that was renamed."""
    commands = re.findall(r"(?:^ +|`)shipslog ([a-z]+)", page(rule), re.MULTILINE)

    assert set(commands) <= set(COMMANDS)
