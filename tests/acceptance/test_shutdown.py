"""How the controller ends: work in hand is finished, and whoever asks twice is not made to wait."""

from __future__ import annotations

import os
import signal
import time
from functools import partial
from typing import TYPE_CHECKING

import pytest

from tests.acceptance.shop import shop
from tests.ground.eventually import eventually
from tests.ground.sluice import Sluice

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.ground.controller_process import ControllerProcess
    from tests.ground.world import World

pytestmark = pytest.mark.alone

OBJECTS = 100
DELAY = 0.02
"""Seconds that a request and an answer take each: one at a time, the writes of a run take seconds."""
AT_ONCE = 1.0
"""Seconds within which a process that does not wait for anything has ended."""


@pytest.fixture
def sluice(world: World) -> Iterator[Sluice]:
    """The only way from the controller to the API server, and a slow one."""
    with Sluice(world.plane.url, delay=DELAY) as sluice:
        yield sluice


@pytest.fixture
def begun(world: World, sluice: Sluice) -> Iterator[ControllerProcess]:
    """A controller with one worker, in the middle of a run's writes."""
    settings = {"SHIPSLOG_MAX_REQUESTS": "1", "SHIPSLOG_WORKERS": "1"}
    settings["KUBERNETES_SERVICE_PORT"] = str(sluice.port)
    controller = world.controller(**settings).start()
    sheets = "---\n".join(f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: map-{n}}}\n" for n in range(OBJECTS))
    world.repository().publish({"all.yaml": sheets}, "Many objects")
    world.objects.namespace("shop")
    world.application("shop")
    world.await_event("apply.intent", seconds=60)
    yield controller
    sluice.open()
    controller.kill()


@pytest.fixture
def busy(sluice: Sluice, begun: ControllerProcess) -> ControllerProcess:
    """The same, and none of its writes gets through any more."""
    sluice.shut()
    return begun


def maps(world: World) -> int:
    """How many of the run's objects stand."""
    return sum(item["metadata"]["name"].startswith("map-") for item in world.objects.list("v1", "ConfigMap", "shop"))


def draining(controller: ControllerProcess) -> bool:
    """Whether it says that it shuts down."""
    status, answer = controller.probe("/readyz")
    return status == 503 and answer["missing"] == ["running"]


def test_what_is_under_way_is_seen(world: World, sluice: Sluice, begun: ControllerProcess) -> None:
    """One worker is busy with one request to the API server, and another Application waits for it."""
    world.application("waiting")
    eventually(lambda: "\nshipslog_queue_depth 1.0\n" in begun.metrics(), "an Application waits", seconds=10)
    sluice.shut()

    under_way = 'shipslog_kube_requests_in_flight{cluster="in-cluster"} 1.0'
    eventually(lambda: under_way in begun.metrics(), "a request is under way", seconds=5)
    assert "\nshipslog_workers_busy 1.0\n" in begun.metrics()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_work_in_hand_is_finished_and_the_last_record_says_goodbye(
    number: signal.Signals, world: World, sluice: Sluice, busy: ControllerProcess
) -> None:
    """Readiness drops first, liveness stays; the run's writes are done and recorded; the exit code is 0."""
    busy.send(number)
    eventually(lambda: draining(busy), "the controller says that it shuts down", seconds=5)
    assert busy.probe("/healthz")[0] == 200
    assert maps(world) < OBJECTS
    os.kill(busy.pid, 0)

    sluice.open()
    assert busy.await_end() == 0

    assert maps(world) == OBJECTS
    events = world.ledger.events()
    assert [event["outcome"] for event in events if event["type"] == "apply.result"] == ["success"]
    assert sum(event["type"] == "apply.object" for event in events) == OBJECTS
    assert events[-1]["type"] == "audit.stopped"
    assert world.status("shop")["lastRun"]["phase"] in {"Waiting", "Succeeded"}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_at_once_and_the_next_start_goes_on(
    number: signal.Signals, world: World, sluice: Sluice, busy: ControllerProcess
) -> None:
    """A non-zero exit code; what was begun gets its result from the next life, and the cluster equals Git."""
    busy.send(signal.SIGTERM)
    eventually(lambda: draining(busy), "the controller says that it shuts down", seconds=5)
    asked = time.monotonic()
    busy.send(number)
    code = busy.await_end()
    assert time.monotonic() - asked < AT_ONCE
    assert code == 128 + number

    sluice.open()
    sluice.delay = 0.0
    busy.start()
    world.await_ready("shop", seconds=60)
    assert busy.stop() == 0

    assert maps(world) == OBJECTS
    events = world.ledger.events()
    intents = [event["id"] for event in events if event["type"] == "apply.intent"]
    results = [event["causation_id"] for event in events if event["type"] == "apply.result"]
    assert sorted(results) == sorted(intents)
    assert sum(event["type"] == "audit.stopped" for event in events) == 1


@pytest.fixture
def cramped(world: World) -> Iterator[ControllerProcess]:
    """A controller without a database, and with room for a few runs only."""
    controller = world.controller(SHIPSLOG_DATABASE_URL="", SHIPSLOG_SPOOL_LIMIT="30000").start()
    yield controller
    controller.stop()


def test_a_full_spool_makes_the_controller_unready_and_restarts_nobody(
    world: World, cramped: ControllerProcess
) -> None:
    """Nothing new is synced: readiness names the journal, metrics count what was not recorded, liveness stays."""
    worktree = world.repository()
    world.application("shop")
    for version in range(20):
        worktree.publish(shop(f"1.{version}"), f"Version {version}")
        eventually(partial(settled, world, cramped, f"nginx:1.{version}"), "it is live, or the spool is full")
        if unready(cramped):
            break

    status, answer = cramped.probe("/readyz")
    assert (status, answer["missing"]) == (503, ["journal"])
    assert answer["checks"]["journal"].startswith("the spool is full (")
    assert cramped.probe("/healthz")[0] == 200
    failures = "\nshipslog_ledger_append_failures_total 0.0\n"
    eventually(lambda: failures not in cramped.metrics(), "a failed append is counted")


def settled(world: World, controller: ControllerProcess, image: str) -> bool:
    """Whether the Deployment is to run this image, or never will."""
    return running(world) == image or unready(controller)


def unready(controller: ControllerProcess) -> bool:
    """Whether it says that it is not ready."""
    return controller.probe("/readyz")[0] == 503


def running(world: World) -> str:
    """The image that the Deployment is to run; nothing before it exists."""
    found = world.objects.get("apps/v1", "Deployment", "shop", "web")
    return str(found["spec"]["template"]["spec"]["containers"][0]["image"]) if found else ""


def test_who_has_no_database_is_told_and_loses_nothing(world: World) -> None:
    """The start says so in one line, readiness shows it and does not depend on it, and events stay in the spool."""
    controller = world.controller(SHIPSLOG_DATABASE_URL="").start()
    status, answer = controller.probe("/readyz")
    assert controller.stop() == 0

    assert status == 200
    assert answer["notes"]["database"] == "not set: events stay in the spool (set SHIPSLOG_DATABASE_URL)"
    assert "No database is set: events stay in the spool" in controller.text()
    assert world.ledger.events() == []
    spool = b"".join(path.read_bytes() for path in (world.directory / "pod" / "spool").iterdir())
    assert b"audit.started" in spool
    assert b"audit.stopped" in spool
