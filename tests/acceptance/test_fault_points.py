"""kill -9 at each step of a run: the next process goes on, and the ledger is as if nothing had happened."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from controller.faults import POINTS, VARIABLE
from controller.model.labels import API_VERSION
from tests.acceptance.records import assert_sound
from tests.ground.eventually import eventually
from tests.ground.world import TEAM

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from controller.faults import Point
    from tests.ground.controller_process import ControllerProcess
    from tests.ground.world import World

MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\ndata: {version: '%s'}\n"


class Crew:
    """Keeps a controller running that is told to die once."""

    def __init__(self, world: World, point: Point) -> None:
        self.world = world
        self.deaths = 0
        self.process: ControllerProcess = world.controller(**{VARIABLE: point})
        self.process.start(wait=False)

    def until(self, look: Callable[[], object], what: str) -> None:
        """Wait for something, and start an unarmed controller where the armed one has died meanwhile."""
        eventually(lambda: self._alive() and look(), what, seconds=60)

    def _alive(self) -> bool:
        code = self.process.exit_code
        if code is None:
            return True
        assert code == -signal.SIGKILL
        self.deaths += 1
        self.process = self.world.controller()
        self.process.start()
        return False


@pytest.fixture
def crew(world: World, request: pytest.FixtureRequest) -> Iterator[Crew]:
    """The crew of a controller that is told to die at the point that the test is given."""
    made = Crew(world, request.getfixturevalue("point"))
    yield made
    made.process.kill()


@pytest.mark.parametrize("point", POINTS)
def test_a_kill_at_this_point_loses_nothing_and_doubles_nothing(world: World, crew: Crew, point: Point) -> None:
    """First sync, hand edit, a commit that changes and prunes, deletion: all of it happens, once."""
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

    crew.until(lambda: crew.deaths == 1, f"the controller died at {point}")
    assert crew.process.stop() == 0
    assert_sound(world.ledger.events())
    assert len(world.ledger.events("drift.detected")) == 1


def _is_ready(world: World, revision: str = "") -> bool:
    status = world.status("shop")
    conditions = {condition["type"]: condition["status"] for condition in status.get("conditions", [])}
    settled = conditions.get("Ready") == "True" and conditions.get("Reconciling") == "False"
    return settled and (not revision or status["revision"]["sha"] == revision)


def _data(world: World, name: str) -> str:
    found = world.objects.get("v1", "ConfigMap", "shop", name)
    return str(found["data"]["version"]) if found else ""
