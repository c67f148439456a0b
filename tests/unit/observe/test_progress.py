"""Rollouts that are stuck."""

from __future__ import annotations

from typing import Any

from controller.model.health import Health, HealthStatus
from controller.model.objects import ObjectId
from controller.observe.progress import STUCK, Progress

SET = ObjectId("apps", "StatefulSet", "ns", "db")
OTHER = ObjectId("example.com", "Database", "ns", "db")
ONE, TWO = (Health(HealthStatus.PROGRESSING, f"{number} of 3 replicas are ready.") for number in (1, 2))


def _body(**annotations: str) -> dict[str, Any]:
    return {
        "metadata": {
            "name": "db",
            "annotations": {f"shipslog.dev/{k.replace('_', '-')}": v for k, v in annotations.items()},
        }
    }


def test_a_rollout_that_says_the_same_for_too_long_has_failed() -> None:
    """Another message is progress and begins anew; having arrived ends it."""
    progress = Progress()

    assert progress.judge(SET, _body(), ONE, 0.0) == ONE
    assert progress.judge(SET, _body(), TWO, STUCK - 1) == TWO
    assert progress.judge(SET, _body(), TWO, 2 * STUCK - 2) == TWO
    assert progress.late(2 * STUCK - 2) == {}

    failed = progress.judge(SET, _body(), TWO, 2 * STUCK)
    assert (failed.status, "2 of 3" in failed.message) == (HealthStatus.DEGRADED, True)
    assert progress.late(2 * STUCK) == {SET: failed}
    progress.judge(SET, _body(), Health(HealthStatus.HEALTHY), 2 * STUCK)
    assert progress.late(9 * STUCK) == {}


def test_other_kinds_have_a_deadline_by_annotation_alone() -> None:
    """A Job or a custom object may take as long as it likes, unless it says how long."""
    progress = Progress()
    progress.judge(OTHER, _body(), ONE, 0.0)
    assert progress.late(9 * STUCK) == {}

    progress.judge(OTHER, _body(progress_deadline="30s"), ONE, 0.0)
    assert progress.late(29.0) == {}
    assert list(progress.late(31.0)) == [OTHER]
