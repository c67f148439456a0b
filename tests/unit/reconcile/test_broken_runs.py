"""Runs whose look broke: they end once, as the ledger says, and they count as tries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from controller.errors import Transient
from controller.model.event import EventType
from controller.model.run import Trigger
from controller.reconcile.rooms import memory_of
from controller.record.errors import SpoolError
from tests.unit.reconcile.harbour import SHOP, Harbour, claim, config, within

if TYPE_CHECKING:
    from controller.model.base import Json
    from controller.model.objects import ObjectId

RETRY = {"limit": 3, "backoff": {"duration": "10s", "factor": 2, "maxDuration": "25s"}}


def status_fails(harbour: Harbour, monkeypatch: pytest.MonkeyPatch, *numbers: int) -> None:
    """The status of the Application can't be written these times, counted from one."""
    merge, times = harbour.waters.merge, iter(range(1, 1000))

    async def failing(id_: ObjectId, version: str, patch: Json, **options: Any) -> Json:
        if "status" in patch and next(times) in numbers:
            raise Transient("the API server answers 500")
        return await merge(id_, version, patch, **options)

    monkeypatch.setattr(harbour.waters, "merge", failing)


def ends(harbour: Harbour) -> list[tuple[str | None, str]]:
    """Of each run in the ledger: its id and the phase that it ended in."""
    return [(event.correlation_id, event.detail["phase"]) for event in harbour.ledger.of(EventType.SYNC_COMPLETED)]


def history(harbour: Harbour) -> list[tuple[str, str]]:
    """The same of the status, oldest first."""
    return [(run["id"], run["phase"]) for run in reversed(harbour.status["history"])]


@pytest.mark.parametrize("restarted", [False, True])
async def test_an_end_that_was_recorded_is_the_statuss_too(monkeypatch: pytest.MonkeyPatch, restarted: bool) -> None:
    """The status could not be written after it: the run succeeded all the same, and is not made again."""
    harbour = Harbour(config())
    status_fails(harbour, monkeypatch, 2, 3)
    await harbour.look_or_fail()
    assert harbour.status["lastRun"]["phase"] == "Applying"
    if restarted:
        harbour.restart()

    await harbour.look(Trigger.RETRY)
    await harbour.look(Trigger.INTERVAL)

    assert [phase for _, phase in ends(harbour)] == ["Succeeded"]
    assert history(harbour) == ends(harbour)
    assert harbour.status["lastRun"]["applied"]
    assert len(harbour.ledger.of(EventType.APPLY_INTENT)) == 1
    assert harbour.condition("Ready")["status"] == "True"


async def test_a_run_whose_wait_could_not_be_written_goes_on_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its writes are done: it is the same run, with its deadline, and no other one begins."""
    harbour = Harbour(claim(), timeout="2m")
    status_fails(harbour, monkeypatch, 2, 3)
    await harbour.look_or_fail()
    assert harbour.status["lastRun"]["phase"] == "Applying"
    run = harbour.status["lastRun"]["id"]

    harbour.time += 30
    fate = await harbour.look(Trigger.RETRY)

    assert (harbour.status["lastRun"]["id"], harbour.status["lastRun"]["phase"]) == (run, "Waiting")
    assert within(fate, Trigger.HEALTH, 89, 90)
    assert ends(harbour) == []


async def test_a_run_that_broke_in_its_writes_counts_as_a_try() -> None:
    """It ends as failed and says why; the next one waits as the Application says, and they come to an end."""
    harbour = Harbour(config(), retry=RETRY)
    harbour.ledger.refuse = lambda draft: SpoolError("no space") if draft.type is EventType.APPLY_INTENT else None
    memory = memory_of(harbour.rooms, harbour.registry.applications[SHOP])
    for ceiling in (10.0, 20.0, 25.0):
        await harbour.look(Trigger.RETRY)

        assert within(await harbour.look(Trigger.RETRY), Trigger.RETRY, ceiling * 0.7, ceiling)
        memory.retry_at = 0.0  # its time would have come

    await harbour.look(Trigger.RETRY)
    fate = await harbour.look(Trigger.RETRY)

    assert within(fate, Trigger.INTERVAL, 30)
    assert [run["phase"] for run in harbour.status["history"]] == ["Failed"] * 4
    assert [run["attempt"] for run in harbour.status["history"] if run.get("attempt")] == [3, 2, 1]
    assert harbour.status["lastRun"]["message"] == "broken off: no space"
    assert history(harbour) == ends(harbour)


async def test_the_end_of_a_run_is_counted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """However often the status fails after it."""
    harbour = Harbour(claim(), timeout="2m")
    await harbour.look()
    status_fails(harbour, monkeypatch, 1, 2, 3)
    harbour.time += 121
    for _ in range(3):
        await harbour.look_or_fail()
    await harbour.look(Trigger.INTERVAL)

    assert history(harbour) == ends(harbour)
    assert [phase for _, phase in ends(harbour)] == ["Failed"]
    assert harbour.status["lastRun"]["applied"]
    counted = harbour.rooms.metrics.runs.labels(trigger="spec", outcome="Failed")
    assert counted._value.get() == 1


async def test_a_suspended_application_has_no_run_under_way() -> None:
    """What broke before it was suspended has ended."""
    harbour = Harbour(config())
    harbour.ledger.refuse = lambda draft: SpoolError("no space") if draft.type is EventType.APPLY_INTENT else None
    await harbour.look()
    assert harbour.status["lastRun"]["phase"] == "Applying"
    harbour.ledger.refuse = lambda _draft: None

    harbour.change(suspend=True)
    await harbour.look()

    assert harbour.status["lastRun"]["phase"] == "Failed"


async def test_a_lead_time_is_that_of_the_runs_own_commit() -> None:
    """A commit of the same objects came while it waited: that is not the one whose way to the cluster is measured."""
    harbour = Harbour(claim())
    harbour.shelf.committed_at = harbour.time - 60
    await harbour.look()
    disk = next(id_ for id_ in harbour.waters.objects if id_.kind == "PersistentVolumeClaim")
    bound = harbour.waters.objects[disk] | {"status": {"phase": "Bound"}}
    bound["metadata"] = bound["metadata"] | {"resourceVersion": "900"}
    harbour.live.learn(bound)
    harbour.time += 20
    harbour.shelf.commits += 1
    harbour.shelf.committed_at = harbour.time

    await harbour.look(Trigger.REVISION)

    assert harbour.status["lastRun"]["phase"] == "Succeeded"
    assert harbour.rooms.metrics.commit_to_live._sum.get() == 80
