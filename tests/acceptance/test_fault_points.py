"""kill -9 at each step of a run: the next process goes on, and the ledger is as if nothing had happened."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from controller.faults import POINTS
from controller.model.labels import API_VERSION
from tests.acceptance.crew import crew
from tests.acceptance.records import assert_sound
from tests.ground.world import TEAM

if TYPE_CHECKING:
    from controller.faults import Point
    from tests.acceptance.crew import Crew
    from tests.ground.world import World

MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\ndata: {version: '%s'}\n"


LATER = frozenset(
    {
        "after-takeover",
        "after-old-deleted",
        "before-left",
        "after-left",
        "before-rewrite-recorded",
        "after-rewrite-recorded",
    }
)
"""Points of what this story does not have: `test_fault_points_later` gets there."""


@pytest.mark.parametrize("point", [point for point in POINTS if point not in LATER])
def test_a_kill_at_this_point_loses_nothing_and_doubles_nothing(world: World, point: Point) -> None:
    """First sync, hand edit, a commit that changes and prunes, deletion: all of it happens, once."""
    with crew(world, point) as sailing:
        _voyage(world, sailing)
        assert sailing.process.stop() == 0
    assert_sound(world.ledger.events())
    assert len(world.ledger.events("drift.detected")) == 1


def _voyage(world: World, crew: Crew) -> None:
    crew.arm()
    worktree = world.repository()
    worktree.publish({"a.yaml": MAP % ("a", "1"), "b.yaml": MAP % ("b", "1")}, "first")
    world.objects.namespace("shop")
    world.application("shop")
    crew.until(lambda: _is_ready(world), "the first sync")

    world.objects.edit("v1", "ConfigMap", "shop", "a", {"data": {"version": "by hand"}})
    crew.until(lambda: _data(world, "a") == "1" and _is_ready(world), "the heal")
    head = worktree.publish({"a.yaml": MAP % ("a", "2"), "b.yaml": None}, "second")
    crew.until(lambda: _is_ready(world, head) and _data(world, "a") == "2", "the second sync")
    assert _data(world, "b") == ""
    world.objects.delete(API_VERSION, "Application", TEAM, "shop")
    crew.until(lambda: world.objects.get(API_VERSION, "Application", TEAM, "shop") is None, "the deletion")
    assert _data(world, "a") == ""
    crew.until_dead()


def _is_ready(world: World, revision: str = "") -> bool:
    status = world.status("shop")
    conditions = {condition["type"]: condition["status"] for condition in status.get("conditions", [])}
    settled = conditions.get("Ready") == "True" and conditions.get("Reconciling") == "False"
    return settled and (not revision or status["revision"]["sha"] == revision)


def _data(world: World, name: str) -> str:
    found = world.objects.get("v1", "ConfigMap", "shop", name)
    return str(found["data"]["version"]) if found else ""
