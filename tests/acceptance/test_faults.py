"""Servers that fail, disks that fill, mistakes of our own: nothing is lost, doubled or leaked."""

from __future__ import annotations

import resource
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from controller.faults import VARIABLE
from controller.model.labels import API_VERSION
from tests.acceptance.squadron import applications, end, fleet, version_of, versions
from tests.ground.eventually import eventually
from tests.ground.small_disk import small_disk
from tests.ground.world import TEAM

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.ground.controller_process import ControllerProcess
    from tests.ground.world import World


def _repository(world: World) -> Mapping[str, Any]:
    """The condition Ready of the Repository."""
    return world.condition("shop-config", "Ready", "Repository")


@pytest.mark.parametrize(
    "where", ["after-render@bad", "after-write:1@bad", "before-result:2@bad", "before-completed:3@bad"]
)
def test_a_mistake_of_our_own_fails_one_application_and_no_other(
    world: World, launch: Callable[..., ControllerProcess], where: str
) -> None:
    """Its condition says so and names the place; it is tried again, and goes on once the mistake is gone."""
    fleet(world, "bad", "good")
    controller = launch(**{VARIABLE: where})
    pid = controller.pid
    applications(world, "bad", "good")
    told = eventually(
        lambda: next((event for event in world.ledger.events("sync.refused") if "Broken" in event["reason"]), None),
        "the record tells of it",
    )
    assert told is not None
    assert told["target"]["application"] == "bad"
    assert "in controller/faults.py, line" in told["reason"]
    world.await_ready("good")
    lasting = ":" not in where
    if lasting:
        ready = eventually(lambda: world.condition("bad", "Ready"), "it says how it is")
        assert (ready["status"], ready["reason"]) == ("Unknown", "InternalError")
        assert "the controller itself failed on this Application: Broken" in ready["message"]
        assert any("InternalError" in event["reason"] for event in world.objects.list("v1", "Event", TEAM))
        assert version_of(world, "bad-a") == ""

    head = fleet(world, "bad", "good", version="2")
    world.await_ready("good", revision=head)
    if lasting:
        assert world.condition("bad", "Ready")["reason"] == "InternalError"
        assert controller.pid == pid
        assert controller.exit_code is None
        assert controller.stop() == 0
        controller = launch()
    world.await_ready("bad", revision=head, seconds=60)

    assert (version_of(world, "bad-a"), version_of(world, "bad-b")) == ("2", "2")
    world.objects.delete(API_VERSION, "Application", TEAM, "bad")
    eventually(lambda: version_of(world, "bad-a") == "", "what was its is pruned")
    assert version_of(world, "good-a") == "2"
    end(world, controller)


def test_without_git_what_stands_is_kept(world: World, launch: Callable[..., ControllerProcess]) -> None:
    """Drift is healed while the Git server is away, its Repository says so, and what was pushed then is followed."""
    fleet(world, "shop")
    controller = launch()
    applications(world, "shop")
    world.await_ready("shop")
    world.git.stop()
    try:
        eventually(lambda: _repository(world).get("status") == "False", "the Repository says so", seconds=60)
        assert "can't be reached" in _repository(world)["message"]
        world.objects.edit("v1", "ConfigMap", "shop", "shop-a", {"data": {"version": "by hand"}})
        eventually(lambda: version_of(world, "shop-a") == "1", "it is healed all the same")
        head = fleet(world, "shop", version="2")
    finally:
        world.git.start()

    world.await_ready("shop", revision=head, seconds=120)
    assert versions(world) == {"shop-a": "2", "shop-b": "2"}
    end(world, controller)


def test_a_full_disk_of_the_spool_stops_writing_and_says_so(
    world: World, launch: Callable[..., ControllerProcess], tmp_path: Path
) -> None:
    """Nothing is written to the cluster that could not be recorded; with room again all of it happens, once."""
    with small_disk(tmp_path / "volume", 24 << 20) as disk:
        fleet(world, "shop")
        controller = launch(SHIPSLOG_SPOOL_DIR=str(disk.path / "spool"))
        applications(world, "shop")
        world.await_ready("shop")
        disk.fill()
        head = fleet(world, "shop", version="2" * 6000)  # more than is left of a page
        eventually(
            lambda: "No space left on device" in world.condition("shop", "Ready").get("message", ""), "it is said"
        )
        said = world.condition("shop", "Ready")
        assert "give its volume space" in said["message"]
        eventually(lambda: "No space left on device" in str(controller.probe("/readyz")), "so does the probe")
        assert versions(world) == {"shop-a": "1", "shop-b": "1"}

        disk.empty()
        world.await_ready("shop", revision=head, seconds=90)
        assert set(versions(world).values()) == {"2" * 6000}
        end(world, controller)


def test_a_full_disk_of_the_mirrors_keeps_what_stands_and_says_so(
    world: World, launch: Callable[..., ControllerProcess], tmp_path: Path
) -> None:
    """What was applied is kept and healed; the Repository names the volume; with room again the commit is followed."""
    with small_disk(tmp_path / "volume", 24 << 20) as disk:
        fleet(world, "shop")
        controller = launch(SHIPSLOG_MIRROR_DIR=str(disk.path / "mirrors"))
        applications(world, "shop")
        world.await_ready("shop")
        disk.fill()
        head = fleet(world, "shop", version="2")
        eventually(lambda: "no room for its mirror" in _repository(world).get("message", ""), "the Repository says so")
        assert "enlarge the volume of the mirrors" in _repository(world)["message"]
        world.objects.edit("v1", "ConfigMap", "shop", "shop-a", {"data": {"version": "by hand"}})
        eventually(lambda: version_of(world, "shop-a") == "1", "it is healed all the same")

        disk.empty()
        world.await_ready("shop", revision=head, seconds=120)
        assert versions(world) == {"shop-a": "2", "shop-b": "2"}
        end(world, controller)


def test_a_process_without_file_descriptors_says_so_and_recovers(
    world: World, launch: Callable[..., ControllerProcess]
) -> None:
    """Nothing can be opened for a while: it is said, nobody dies, and afterwards all goes on."""
    fleet(world, "shop", "other")
    controller = launch()
    applications(world, "shop", "other")
    world.await_ready("shop", "other")
    soft, hard = resource.prlimit(controller.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(controller.pid, resource.RLIMIT_NOFILE, (_lowest_free(controller.pid), hard))
    head = fleet(world, "shop", "other", version="2")
    eventually(lambda: "Too many open files" in controller.text(), "it is said", seconds=60)
    eventually(
        lambda: "Too many open files" in _repository(world)["message"], "the Repository says so, too", seconds=60
    )
    assert "ulimit" in _repository(world)["message"]

    resource.prlimit(controller.pid, resource.RLIMIT_NOFILE, (soft, hard))
    world.await_ready("shop", "other", revision=head, seconds=120)
    assert set(versions(world).values()) == {"2"}
    end(world, controller)


def _lowest_free(pid: int) -> int:
    """The first descriptor that a process does not have: as a limit it keeps what is open, and opens nothing."""
    taken = {int(entry.name) for entry in Path(f"/proc/{pid}/fd").iterdir()}
    return next(number for number in range(len(taken) + 1) if number not in taken)
