from __future__ import annotations

from typing import Any

import msgspec
import pytest

from controller.cli.exits import Exit
from controller.cli.progress import progress
from controller.model.application import Application, ApplicationSpec, ApplicationStatus
from controller.model.objects import Key

ASKED = "2026-01-01T00:00:00.000001Z"
SPEC = msgspec.convert({"source": {"repository": "a"}, "destination": {"namespace": "b"}}, ApplicationSpec)


def condition(type_: str, status: str, message: str = "") -> dict[str, Any]:
    """One condition."""
    return {"type": type_, "status": status, "reason": "Any", "message": message}


def run(phase: str, id_: str = "new", message: str = "") -> dict[str, Any]:
    """One run."""
    return {"id": id_, "revision": "abc", "trigger": "user", "phase": phase, "message": message, "startedAt": ASKED}


@pytest.mark.parametrize(
    ("status", "phase", "message", "outcome"),
    [
        ({}, "Requested", "has not taken it up", None),
        ({"lastHandledSync": "older", "lastRun": run("Succeeded", "old")}, "Requested", "has not taken it up", None),
        (
            {
                "conditions": [
                    condition("Reconciling", "True", "trying again"),
                    condition("Synced", "Unknown", "no route"),
                ]
            },
            "Requested",
            "trying again: no route",
            None,
        ),
        (
            {"lastHandledSync": "older", "conditions": [condition("Stalled", "True", "refused before")]},
            "Requested",
            "has not taken it up",
            None,
        ),
        ({"lastHandledSync": ASKED, "lastRun": run("Applying")}, "Applying", "", None),
        (
            {
                "lastHandledSync": ASKED,
                "lastRun": run("Waiting"),
                "conditions": [condition("Reconciling", "True", "waiting for health")],
            },
            "Waiting",
            "waiting for health",
            None,
        ),
        (
            {"lastHandledSync": ASKED, "lastRun": run("Succeeded", message="4 objects")},
            "Succeeded",
            "4 objects",
            Exit.OK,
        ),
        ({"lastHandledSync": ASKED, "lastRun": run("Failed", message="bad")}, "Failed", "bad", Exit.FAILED),
        ({"lastHandledSync": ASKED, "lastRun": run("Superseded")}, "Superseded", "", Exit.FAILED),
        (
            {
                "lastHandledSync": ASKED,
                "lastRun": run("Succeeded", "old"),
                "conditions": [condition("Stalled", "True", "there is no Repository")],
            },
            "Refused",
            "there is no Repository",
            Exit.FAILED,
        ),
        (
            {
                "lastHandledSync": ASKED,
                "conditions": [condition("Stalled", "False"), condition("Synced", "False", "sync.mode is detect")],
            },
            "Refused",
            "sync.mode is detect",
            Exit.FAILED,
        ),
        ({"lastHandledSync": ASKED}, "Refused", "says no reason", Exit.FAILED),
    ],
)
def test_a_sync_ends_with_the_run_that_it_began(
    status: dict[str, Any], phase: str, message: str, outcome: Exit | None
) -> None:
    """An older run's success is no answer, and a request that began no run was refused."""
    app = Application(Key("team", "shop"), "uid", 1, SPEC, msgspec.convert(status, ApplicationStatus))

    found = progress(app, ASKED, before="old")

    assert (found.phase, found.outcome) == (phase, outcome)
    assert message in found.message
