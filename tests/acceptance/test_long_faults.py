"""An API server in foul weather for minutes, PostgreSQL away over many runs: nothing is lost or doubled."""

from __future__ import annotations

import random
import time
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from controller.model.labels import API_VERSION
from tests.acceptance.squadron import MAP, applications, end, fleet, version_of, versions
from tests.controlplane import ControlPlane
from tests.ground.eventually import eventually
from tests.ground.faults import Fault, FaultyWay
from tests.ground.world import TEAM

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.ground.controller_process import ControllerProcess
    from tests.ground.world import World

FOUL = 120.0
"""Seconds for which half of all requests fail: more than any timeout, and than most backoffs grow in."""
RUNS = 16
"""Commits while PostgreSQL is away."""


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


@pytest.mark.timeout(420)
def test_half_of_all_requests_may_fail_for_two_minutes(world: World, launch: Callable[..., ControllerProcess]) -> None:
    """Commits, hand edits and a deletion meanwhile: all of it happens, once, and nothing is told as our mistake."""
    assert isinstance(world.plane, ControlPlane)
    names = [f"app-{number}" for number in range(8)]
    weather = Weather()
    fleet(world, *names)
    with FaultyWay(world.plane) as way:
        way.rule = weather
        controller = launch(KUBERNETES_SERVICE_PORT=str(way.port))
        applications(world, *names)
        world.await_ready(*names)

        weather.foul = True
        until, number = time.monotonic() + FOUL, 1
        while time.monotonic() < until:
            number += 1
            fleet(world, *names, version=str(number))
            edited = {"data": {"version": "by hand"}}
            world.objects.edit("v1", "ConfigMap", "shop", f"{names[number % 8]}-b", edited)
            time.sleep(2)  # the pace of people, not a wait for anything
        world.objects.delete(API_VERSION, "Application", TEAM, names[0])
        head = fleet(world, *names, version="last")
        weather.foul = False

        world.await_ready(*names[1:], revision=head, seconds=90)
        eventually(
            lambda: world.objects.get(API_VERSION, "Application", TEAM, names[0]) is None, "it is gone", seconds=60
        )
        assert set(weather.met) == set(range(len(weather.WAYS)))
        expected = {f"{name}-{part}": "last" for name in names[1:] for part in ("a", "b")}
        eventually(lambda: versions(world) == expected, "the cluster equals Git", seconds=60)
        assert "Look hit a fault" not in controller.text()
        end(world, controller)


def _shut(world: World, *, away: bool) -> None:
    """PostgreSQL takes nobody in any more, or everybody again."""
    server, name = world.ledger.server, world.ledger.name
    server.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS {str(not away).lower()}')
    if away:
        server.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname <> current_database()")


def test_many_runs_without_postgresql_arrive_later(world: World, launch: Callable[..., ControllerProcess]) -> None:
    """Commits, heals, prunes and a kill -9 happen while nobody takes events; then every one of them is there, once."""
    names = ("shop", "bank")
    parts = [f"{name}-{part}" for name in names for part in ("a", "b")]
    fleet(world, *names)
    controller = launch()
    applications(world, *names)
    world.await_ready(*names)
    before = Counter(event["type"] for event in world.ledger.events())
    _shut(world, away=True)
    for run in range(1, RUNS + 1):
        part = MAP % ("shop-c", "1") if run % 2 else None  # every other one prunes it
        world.repositories["shop-config"][1].commit({"shop/c.yaml": part}, f"run {run}")
        head = fleet(world, *names, version=str(run + 1))
        world.await_ready(*names, revision=head)
        edited = parts[run % len(parts)]  # another one each time: nobody fights us
        world.objects.edit("v1", "ConfigMap", "shop", edited, {"data": {"version": "by hand"}})
        eventually(lambda: version_of(world, edited) == str(run + 1), "it is healed all the same")  # noqa: B023 - at once
        if run == RUNS // 2:
            controller.kill()
            controller = launch()
    assert versions(world) == dict.fromkeys(parts, str(RUNS + 1))
    assert "wait in the spool" in str(controller.probe("/readyz"))

    _shut(world, away=False)

    wanted = {"sync.completed": 2 * RUNS, "drift.detected": RUNS, "prune.object": RUNS // 2}
    eventually(lambda: _arrived(world, before, wanted), "all of it arrives", seconds=60, pause=0.2)
    end(world, controller)


def _arrived(world: World, before: Counter[str], wanted: Mapping[str, int]) -> bool:
    """Whether at least so many more events of these types are there."""
    found = Counter(event["type"] for event in world.ledger.events())
    return all(found[type_] - before[type_] >= count for type_, count in wanted.items())
