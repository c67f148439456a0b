"""Conditions from findings."""

from __future__ import annotations

import pytest

from controller.model.condition import Condition, merge
from controller.model.health import Health, HealthStatus
from controller.record.status import Findings, Truth, applying, conditions


def _found(synced: Truth = "True", health: HealthStatus = HealthStatus.HEALTHY, **more: str) -> dict[str, Condition]:
    found = Findings(
        generation=3,
        synced=synced,
        reason="R",
        message="m",
        health=Health(health, "h"),
        **more,
    )
    return {condition.type: condition for condition in conditions(found)}


@pytest.mark.parametrize(
    ("synced", "health", "ready"),
    [
        ("True", HealthStatus.HEALTHY, ("True", "Healthy")),
        ("True", HealthStatus.SUSPENDED, ("True", "Suspended")),
        ("True", HealthStatus.PROGRESSING, ("False", "Progressing")),
        ("True", HealthStatus.DEGRADED, ("False", "Degraded")),
        ("True", HealthStatus.MISSING, ("False", "Missing")),
        ("True", HealthStatus.UNKNOWN, ("Unknown", "Unknown")),
        ("False", HealthStatus.HEALTHY, ("False", "R")),
        ("Unknown", HealthStatus.HEALTHY, ("Unknown", "R")),
    ],
)
def test_ready_is_synced_and_healthy(synced: Truth, health: HealthStatus, ready: tuple[str, str]) -> None:
    """What is not synced is not ready for that reason, else health decides."""
    condition = _found(synced, health)["Ready"]

    assert (condition.status, condition.reason) == ready


def test_reconciling_and_stalled_follow_what_is_under_way_and_what_is_vain() -> None:
    """Nothing under way: neither. Each carries its sentence, and all of them the generation."""
    idle, busy, vain = _found(), _found(progressing="waiting"), _found(stalled="no")

    assert (idle["Reconciling"].status, idle["Stalled"].status) == ("False", "False")
    assert (busy["Reconciling"].status, busy["Reconciling"].message) == ("True", "waiting")
    assert (vain["Stalled"].status, vain["Stalled"].message) == ("True", "no")
    assert {condition.observed_generation for condition in idle.values()} == {3}


def test_a_run_that_begins_is_neither_ready_nor_not() -> None:
    """Whoever waits for Ready must not take the last revision's for the new one's."""
    found = {condition.type: condition for condition in applying(list(_found().values()), 4)}

    assert found["Ready"].status == "Unknown"
    assert found["Reconciling"].status == "True"
    assert found["Synced"].status == "True"


def test_a_transition_time_moves_only_with_the_status() -> None:
    """A new reason or message is no transition."""
    old = [Condition(type="Ready", status="True", reason="A", last_transition_time="then")]

    same = merge(old, [Condition(type="Ready", status="True", reason="B")], "now")
    moved = merge(old, [Condition(type="Ready", status="False", reason="B")], "now")

    assert [condition.last_transition_time for condition in (*same, *moved)] == ["then", "now"]
