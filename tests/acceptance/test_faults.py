"""Servers that fail, disks that fill, mistakes of our own: nothing is lost, doubled or leaked."""

from __future__ import annotations

import random
import resource
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from controller.faults import VARIABLE
from controller.model.labels import API_VERSION, OWNER_LABEL
from tests.acceptance.records import assert_sound
from tests.controlplane import ControlPlane
from tests.ground.eventually import eventually
from tests.ground.faults import Fault, FaultyWay
from tests.ground.small_disk import small_disk
from tests.ground.world import TEAM

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.ground.controller_process import ControllerProcess
    from tests.ground.world import World

MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\ndata: {version: '%s'}\n"


def _fleet(world: World, *names: str, version: str = "1") -> str:
    """A repository with a directory of two objects for each Application; the commit."""
    worktree = world.repositories["shop-config"][1] if world.repositories else world.repository()
    files = {f"{name}/{part}.yaml": MAP % (f"{name}-{part}", version) for name in names for part in ("a", "b")}
    return worktree.publish(files, f"version {version}")


def _applications(world: World, *names: str) -> None:
    world.objects.namespace("shop")
    for name in names:
        world.application(name, path=name, destination={"namespace": "shop"})


def _version(world: World, name: str) -> str:
    found = world.objects.get("v1", "ConfigMap", "shop", name)
    return str(found["data"]["version"]) if found else ""


def _repository(world: World) -> Mapping[str, Any]:
    """The condition Ready of the Repository."""
    return world.condition("shop-config", "Ready", "Repository")


def _end(world: World, controller: ControllerProcess) -> None:
    """The process ends in order, and what it leaves behind is sound."""
    assert controller.stop() == 0
    assert_sound(world.ledger.events())


@pytest.mark.parametrize(
    "where", ["after-render@bad", "after-write:1@bad", "before-result:2@bad", "before-completed:3@bad"]
)
def test_a_mistake_of_our_own_fails_one_application_and_no_other(
    world: World, launch: Callable[..., ControllerProcess], where: str
) -> None:
    """Its condition says so and names the place; it is tried again, and goes on once the mistake is gone."""
    _fleet(world, "bad", "good")
    controller = launch(**{VARIABLE: where})
    pid = controller.pid
    _applications(world, "bad", "good")
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
        assert _version(world, "bad-a") == ""

    head = _fleet(world, "bad", "good", version="2")
    world.await_ready("good", revision=head)
    if lasting:
        assert world.condition("bad", "Ready")["reason"] == "InternalError"
        assert controller.pid == pid
        assert controller.exit_code is None
        assert controller.stop() == 0
        controller = launch()
    world.await_ready("bad", revision=head, seconds=60)

    assert (_version(world, "bad-a"), _version(world, "bad-b")) == ("2", "2")
    world.objects.delete(API_VERSION, "Application", TEAM, "bad")
    eventually(lambda: _version(world, "bad-a") == "", "what was its is pruned")
    assert _version(world, "good-a") == "2"
    _end(world, controller)


class Weather:
    """Lets half of all requests fail, each in one of the ways that API servers and networks have."""

    WAYS = (
        Fault(429, "TooManyRequests", "too many requests", {"Retry-After": "1"}),
        Fault(500),
        Fault(503, "ServiceUnavailable", "etcdserver: leader changed"),
        Fault(504, "Timeout", "request did not complete within the allotted timeout"),
        Fault(lost=True),
        Fault(cut=100),
        Fault(delay=2.0),
    )

    def __init__(self) -> None:
        self._random = random.Random(1866)  # noqa: S311 - the same weather each time
        self.foul = False
        self.met: Counter[int] = Counter()

    def __call__(self, _method: str, _path: str) -> Fault | None:
        """A faulty way's rule: no request is spared."""
        if not self.foul or self._random.random() < 0.5:
            return None
        fault = self._random.choice(self.WAYS)
        self.met[self.WAYS.index(fault)] += 1
        return fault


@pytest.mark.timeout(300)
def test_half_of_all_requests_may_fail_for_half_a_minute(
    world: World, launch: Callable[..., ControllerProcess]
) -> None:
    """Commits, hand edits and a deletion meanwhile: all of it happens, once, and nothing is told as our mistake."""
    assert isinstance(world.plane, ControlPlane)
    names = [f"app-{number}" for number in range(8)]
    weather = Weather()
    _fleet(world, *names)
    with FaultyWay(world.plane) as way:
        way.rule = weather
        controller = launch(KUBERNETES_SERVICE_PORT=str(way.port))
        _applications(world, *names)
        world.await_ready(*names)

        weather.foul = True
        until, version = time.monotonic() + 25, 1
        while time.monotonic() < until:
            version += 1
            _fleet(world, *names, version=str(version))
            edited = {"data": {"version": "by hand"}}
            world.objects.edit("v1", "ConfigMap", "shop", f"{names[version % 8]}-b", edited)
            time.sleep(2)  # the pace of people, not a wait for anything
        world.objects.delete(API_VERSION, "Application", TEAM, names[0])
        head = _fleet(world, *names, version="last")
        weather.foul = False

        world.await_ready(*names[1:], revision=head, seconds=90)
        eventually(
            lambda: world.objects.get(API_VERSION, "Application", TEAM, names[0]) is None, "it is gone", seconds=60
        )
        assert set(weather.met) == set(range(len(weather.WAYS)))
        expected = {f"{name}-{part}": "last" for name in names[1:] for part in ("a", "b")}
        eventually(lambda: _versions(world) == expected, "the cluster equals Git", seconds=60)
        assert "Look hit a fault" not in controller.text()
        _end(world, controller)


def _versions(world: World) -> dict[str, str]:
    """Every object that is ours."""
    listed = world.objects.list("v1", "ConfigMap", "shop", selector=OWNER_LABEL)
    return {item["metadata"]["name"]: item["data"]["version"] for item in listed}


def test_a_whole_run_without_postgresql_arrives_later(world: World, launch: Callable[..., ControllerProcess]) -> None:
    """Commit, heal and prune happen while nobody takes events; then every one of them is there, once."""
    server, name = world.ledger.server, world.ledger.name
    _fleet(world, "shop")
    controller = launch()
    _applications(world, "shop")
    world.await_ready("shop")
    server.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
    server.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname <> current_database()")

    world.objects.edit("v1", "ConfigMap", "shop", "shop-a", {"data": {"version": "by hand"}})
    eventually(lambda: _version(world, "shop-a") == "1", "it is healed all the same")
    head = world.repositories["shop-config"][1].publish({"shop/b.yaml": None}, "without b")
    world.await_ready("shop", revision=head)
    assert _versions(world) == {"shop-a": "1"}
    assert "wait in the spool" in str(controller.probe("/readyz"))

    server.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
    eventually(lambda: len(world.ledger.events("sync.completed")) == 2, "both runs arrive", seconds=60)
    world.await_event("drift.healed")
    world.await_event("prune.object")
    _end(world, controller)


def test_without_git_what_stands_is_kept(world: World, launch: Callable[..., ControllerProcess]) -> None:
    """Drift is healed while the Git server is away, its Repository says so, and what was pushed then is followed."""
    _fleet(world, "shop")
    controller = launch()
    _applications(world, "shop")
    world.await_ready("shop")
    world.git.stop()
    try:
        eventually(lambda: _repository(world).get("status") == "False", "the Repository says so", seconds=60)
        assert "can't be reached" in _repository(world)["message"]
        world.objects.edit("v1", "ConfigMap", "shop", "shop-a", {"data": {"version": "by hand"}})
        eventually(lambda: _version(world, "shop-a") == "1", "it is healed all the same")
        head = _fleet(world, "shop", version="2")
    finally:
        world.git.start()

    world.await_ready("shop", revision=head, seconds=120)
    assert _versions(world) == {"shop-a": "2", "shop-b": "2"}
    _end(world, controller)


def test_a_full_disk_of_the_spool_stops_writing_and_says_so(
    world: World, launch: Callable[..., ControllerProcess], tmp_path: Path
) -> None:
    """Nothing is written to the cluster that could not be recorded; with room again all of it happens, once."""
    with small_disk(tmp_path / "volume", 24 << 20) as disk:
        _fleet(world, "shop")
        controller = launch(SHIPSLOG_SPOOL_DIR=str(disk.path / "spool"))
        _applications(world, "shop")
        world.await_ready("shop")
        disk.fill()
        head = _fleet(world, "shop", version="2" * 6000)  # more than is left of a page
        eventually(
            lambda: "No space left on device" in world.condition("shop", "Ready").get("message", ""), "it is said"
        )
        said = world.condition("shop", "Ready")
        assert "give its volume space" in said["message"]
        eventually(lambda: "No space left on device" in str(controller.probe("/readyz")), "so does the probe")
        assert _versions(world) == {"shop-a": "1", "shop-b": "1"}

        disk.empty()
        world.await_ready("shop", revision=head, seconds=90)
        assert set(_versions(world).values()) == {"2" * 6000}
        _end(world, controller)


def test_a_full_disk_of_the_mirrors_keeps_what_stands_and_says_so(
    world: World, launch: Callable[..., ControllerProcess], tmp_path: Path
) -> None:
    """What was applied is kept and healed; the Repository names the volume; with room again the commit is followed."""
    with small_disk(tmp_path / "volume", 24 << 20) as disk:
        _fleet(world, "shop")
        controller = launch(SHIPSLOG_MIRROR_DIR=str(disk.path / "mirrors"))
        _applications(world, "shop")
        world.await_ready("shop")
        disk.fill()
        head = _fleet(world, "shop", version="2")
        eventually(lambda: "no room for its mirror" in _repository(world).get("message", ""), "the Repository says so")
        assert "enlarge the volume of the mirrors" in _repository(world)["message"]
        world.objects.edit("v1", "ConfigMap", "shop", "shop-a", {"data": {"version": "by hand"}})
        eventually(lambda: _version(world, "shop-a") == "1", "it is healed all the same")

        disk.empty()
        world.await_ready("shop", revision=head, seconds=120)
        assert _versions(world) == {"shop-a": "2", "shop-b": "2"}
        _end(world, controller)


def test_a_process_without_file_descriptors_says_so_and_recovers(
    world: World, launch: Callable[..., ControllerProcess]
) -> None:
    """Nothing can be opened for a while: it is said, nobody dies, and afterwards all goes on."""
    _fleet(world, "shop", "other")
    controller = launch()
    _applications(world, "shop", "other")
    world.await_ready("shop", "other")
    soft, hard = resource.prlimit(controller.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(controller.pid, resource.RLIMIT_NOFILE, (_lowest_free(controller.pid), hard))
    head = _fleet(world, "shop", "other", version="2")
    eventually(lambda: "Too many open files" in controller.text(), "it is said", seconds=60)
    eventually(
        lambda: "Too many open files" in _repository(world)["message"], "the Repository says so, too", seconds=60
    )
    assert "ulimit" in _repository(world)["message"]

    resource.prlimit(controller.pid, resource.RLIMIT_NOFILE, (soft, hard))
    world.await_ready("shop", "other", revision=head, seconds=120)
    assert set(_versions(world).values()) == {"2"}
    _end(world, controller)


def _lowest_free(pid: int) -> int:
    """The first descriptor that a process does not have: as a limit it keeps what is open, and opens nothing."""
    taken = {int(entry.name) for entry in Path(f"/proc/{pid}/fd").iterdir()}
    return next(number for number in range(len(taken) + 1) if number not in taken)
