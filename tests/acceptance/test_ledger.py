"""The ledger through the whole process: an outage of PostgreSQL, a full spool, what is said of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.acceptance.shop import shop
from tests.ground.eventually import eventually

if TYPE_CHECKING:
    from tests.ground.world import World


def test_syncing_goes_on_without_postgresql_and_nothing_is_lost(world: World) -> None:
    """Events wait in the spool while PostgreSQL refuses us, also over a restart; then all of them are there, once."""
    server, name = world.ledger.server, world.ledger.name
    worktree = world.repository()
    worktree.publish(shop("1"), "first")
    server.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
    controller = world.controller().start()
    world.application("shop")
    world.await_ready("shop")
    controller.kill()
    controller.start()
    head = worktree.publish(shop("2"), "second")
    world.await_ready("shop", revision=head)
    assert "can't be delivered" in controller.text()

    server.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')

    eventually(lambda: len(world.ledger.events("sync.completed")) == 2, "both runs arrive", seconds=60)
    assert controller.stop() == 0
    events = world.ledger.events()
    assert len({event["id"] for event in events}) == len(events)
    assert [event["type"] for event in events].count("audit.started") == 2


def test_a_spool_that_can_not_be_written_stops_syncing_and_says_so(world: World) -> None:
    """Without a durable intent nothing is written to the cluster; with room again the run goes through."""
    world.repository().publish(shop("1"), "first")
    controller = world.controller(SHIPSLOG_SPOOL_LIMIT="200000", SHIPSLOG_DATABASE_URL="").start()
    world.application("filler", path=".", destination={"namespace": "shop"})
    world.await_ready("filler")
    controller.stop()

    # The spool's limit is below what it already holds: an operator who set it too low, or a disk that filled up.
    controller = world.controller(SHIPSLOG_SPOOL_LIMIT="4096", SHIPSLOG_DATABASE_URL="")
    controller.start(wait=False)
    world.objects.edit("v1", "ConfigMap", "shop", "settings", {"data": {"version": "by hand"}})
    eventually(lambda: "spool" in controller.text().lower(), "the spool is named as the cause")
    found = world.objects.get("v1", "ConfigMap", "shop", "settings")
    assert found is not None
    assert found["data"] == {"version": "by hand"}
    controller.kill()

    controller = world.controller()
    controller.start()
    world.await_event("drift.detected")
    eventually(
        lambda: (world.objects.get("v1", "ConfigMap", "shop", "settings") or {}).get("data") == {"version": "1"},
        "it is healed once that can be recorded",
    )
    controller.stop()


def test_every_event_of_a_run_carries_its_id_and_the_plan_its_differences(world: World) -> None:
    """From the commit to the verdict: one correlation id, causes linked, field differences in the plan."""
    controller = world.controller().start()
    worktree = world.repository()
    worktree.publish(shop("1"), "first")
    world.application("shop")
    world.await_ready("shop")
    head = worktree.publish(shop("2"), "second")
    world.await_ready("shop", revision=head)
    controller.stop()

    run = world.status("shop")["lastRun"]["id"]
    events = [event for event in world.ledger.events() if event.get("correlation_id") == run]
    types = [event["type"] for event in events]
    assert types == ["plan.computed", "apply.intent", *["apply.object"] * 3, "apply.result", "sync.completed"]
    intent = events[1]
    assert {event["causation_id"] for event in events[2:6]} == {intent["id"]}
    assert {event["revision"] for event in events} == {head}
    differences = events[0]["detail"]["differences"]
    assert differences["ConfigMap shop/settings"][0] == {
        "path": "/data/version",
        "before": "1",
        "after": "2",
        "absent": "",
    }
    assert differences["Secret shop/login"][0]["after"] == "(redacted)"
    observed = [event for event in world.ledger.events("revision.observed") if event["revision"] == head]
    assert observed[0]["detail"]["message"] == "second"
