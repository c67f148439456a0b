from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.ground.prometheus import promtool

if TYPE_CHECKING:
    from tests.ground.prometheus import PrometheusServer

DASHBOARDS = Path(__file__).resolve().parents[3] / "dashboards"
ALERTS: dict[str, Any] = yaml.safe_load((DASHBOARDS / "alerts.yaml").read_text(encoding="utf-8"))
NAMES = [rule["alert"] for group in ALERTS["groups"] for rule in group["rules"]]
every_alert = pytest.mark.parametrize("alert", NAMES)


def outcome_with(folder: Path, alert: str, **changes: str) -> int:
    """The exit code of one rule's unit tests when the rule is changed so."""
    changed = yaml.safe_load(yaml.safe_dump(ALERTS))
    for rule in changed["groups"][0]["rules"]:
        if rule["alert"] == alert:
            rule.update(changes)
    (folder / "alerts.yaml").write_text(yaml.safe_dump(changed), encoding="utf-8")
    (folder / "tests").mkdir()
    test = DASHBOARDS / "tests" / f"{alert}.yaml"
    (folder / "tests" / test.name).write_bytes(test.read_bytes())
    return promtool("test", "rules", f"tests/{test.name}", directory=folder).code


def test_promtool_finds_nothing_wrong_with_the_rules() -> None:
    """All of them are read, and none is doubtful."""
    check = promtool("check", "rules", "--lint=all", "--lint-fatal", str(DASHBOARDS / "alerts.yaml"))

    assert check.code == 0, check.output
    assert f"SUCCESS: {len(NAMES)} rules found" in check.output


@every_alert
def test_a_rule_fires_when_it_should_and_only_then(alert: str) -> None:
    """Its unit tests pass."""
    check = promtool("test", "rules", str(DASHBOARDS / "tests" / f"{alert}.yaml"))

    assert check.code == 0, check.output


@every_alert
def test_unit_tests_notice_a_rule_that_never_fires(alert: str, tmp_path: Path) -> None:
    """They can fail."""
    assert outcome_with(tmp_path, alert, expr="vector(1) > 2") != 0


@every_alert
def test_unit_tests_notice_a_rule_that_does_not_wait(alert: str, tmp_path: Path) -> None:
    """A moment of trouble wakes nobody."""
    assert outcome_with(tmp_path, alert, **{"for": "0s"}) != 0


def test_a_real_prometheus_sees_trouble_coming(troubled: PrometheusServer) -> None:
    """Every rule's series exist in a real exposition: all but the controller's absence are on their way to fire."""
    assert troubled.alerts() == dict.fromkeys(set(NAMES) - {"ShipslogControllerDown"}, "pending")


def test_a_healthy_fleet_raises_nothing(healthy: PrometheusServer) -> None:
    """No rule looks forward to firing."""
    assert healthy.alerts() == {}
