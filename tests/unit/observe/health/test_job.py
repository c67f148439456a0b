from __future__ import annotations

from typing import Any

import pytest

from tests.unit.observe.health.case import check, condition, row

STARTED = {"startTime": "2026-01-01T00:00:00Z"}
FAILED = condition("Failed", "True", "BackoffLimitExceeded", "Job has reached the specified backoff limit")
FAILING = condition("FailureTarget", "True", "PodFailurePolicy")


@pytest.mark.parametrize(
    ("verdict", "words", "parts"),
    [
        row(
            "complete",
            "Healthy",
            "1 Pod succeeded.",
            status={**STARTED, "succeeded": 1, "conditions": [condition("Complete")]},
        ),
        row(
            "complete after failures",
            "Healthy",
            "2 Pods succeeded, 1 failed before",
            status={"succeeded": 2, "failed": 1, "conditions": [condition("Complete")]},
        ),
        row("failed", "Degraded", "after 3 failed Pods: Job has reached", status={"failed": 3, "conditions": [FAILED]}),
        row("failing", "Degraded", "PodFailurePolicy", status={"failed": 1, "active": 2, "conditions": [FAILING]}),
        row(
            "condition false",
            "Progressing",
            "0 of 1",
            status={**STARTED, "conditions": [{**FAILED, "status": "False"}]},
        ),
        row("suspended", "Suspended", "suspended", status={"conditions": [condition("Suspended")]}),
        row("to be suspended", "Suspended", "suspended", spec={"suspend": True}, status=STARTED),
        row(
            "complete wins over suspend",
            "Healthy",
            "1 Pod",
            spec={"suspend": True},
            status={"succeeded": 1, "conditions": [condition("Complete")]},
        ),
        row(
            "running",
            "Progressing",
            "1 of 5 completions are done: 2 Pods active, 1 failed",
            spec={"completions": 5},
            status={**STARTED, "active": 2, "succeeded": 1, "failed": 1},
        ),
        row("not started", "Progressing", "has not started", status={}),
        row("no status", "Progressing", "has not started"),
        row("text for a number", "Unknown", "status.succeeded is text", status={"succeeded": "one"}),
        row("condition without a type", "Progressing", "has not started", status={"conditions": [{}]}),
    ],
)
def test_a_job_is_healthy_when_it_is_complete(verdict: str, words: str, parts: dict[str, Any]) -> None:
    """A Job that runs is on its way, unlike kstatus, which calls it current once it has started."""
    check("batch/v1/Job", verdict, words, parts)


@pytest.mark.parametrize(
    ("verdict", "words", "parts"),
    [
        row("suspended", "Suspended", "suspended", spec={"suspend": True}),
        row("new", "Healthy", "not been due", status={}),
        row("running", "Healthy", "1 Job running", status={"active": [{"name": "a"}]}),
        row(
            "ran",
            "Healthy",
            "succeeded",
            status={"lastScheduleTime": "2026-01-01T00:00:00Z", "lastSuccessfulTime": "2026-01-01T00:00:09Z"},
        ),
        row(
            "last one failed",
            "Healthy",
            "The run of 2026-01-02T00:00:00Z has not succeeded",
            status={"lastScheduleTime": "2026-01-02T00:00:00Z", "lastSuccessfulTime": "2026-01-01T00:00:09Z"},
        ),
        row("none ever succeeded", "Healthy", "has not succeeded", status={"lastScheduleTime": "2026-01-02T00:00:00Z"}),
        row("number for a time", "Unknown", "status.lastScheduleTime is a number", status={"lastScheduleTime": 5}),
        row("text for a list", "Unknown", "status.active is text", status={"active": "a"}),
    ],
)
def test_a_cronjob_is_healthy_whatever_its_last_run_did(verdict: str, words: str, parts: dict[str, Any]) -> None:
    """Its repair could not be seen before the schedule is due again."""
    check("batch/v1/CronJob", verdict, words, parts)
