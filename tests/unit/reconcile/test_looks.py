"""Looks at one Application: when the next one comes, what a run waits for, what is told."""

from __future__ import annotations

import asyncio

import pytest

from controller.errors import NotReady, ShipslogError, Terminal, Transient, Unreachable
from controller.model.event import EventType
from controller.model.objects import ObjectId
from controller.model.run import Trigger
from controller.reconcile.rooms import memory_of
from controller.reconcile.sources import Sources
from controller.record.errors import SpoolError
from tests.unit.reconcile.harbour import SHOP, Harbour, claim, config, within

RETRY = {"limit": 3, "backoff": {"duration": "10s", "factor": 2, "maxDuration": "25s"}}


def writes_fail(harbour: Harbour, error: ShipslogError) -> None:
    """Dry runs pass, and writes don't."""
    harbour.waters.refuse = lambda _id, dry: None if dry else error


def dry_runs_fail(harbour: Harbour, error: ShipslogError) -> None:
    """Nothing comes to writing."""
    harbour.waters.refuse = lambda _id, dry: error if dry else None


async def test_a_failed_run_is_tried_again_ever_later_and_so_often() -> None:
    """By the Application's own backoff, with jitter; after its limit only a new look at everything tries again."""
    harbour = Harbour(config(), retry=RETRY)
    writes_fail(harbour, Transient("quota"))

    for ceiling in (10.0, 20.0, 25.0):
        assert within(await harbour.look(Trigger.SPEC), Trigger.RETRY, ceiling * 0.7, ceiling)
    fate = await harbour.look(Trigger.SPEC)

    assert within(fate, Trigger.INTERVAL, 30)
    assert [run["phase"] for run in harbour.status["history"]] == ["Failed"] * 4
    assert harbour.status["lastRun"]["attempt"] == 3
    harbour.waters.refuse = lambda _id, _dry: None
    memory_of(harbour.rooms, harbour.registry.applications[SHOP]).retry_at = 0.0  # its time would have come
    await harbour.look(Trigger.RETRY)
    assert harbour.stands("ConfigMap", "settings") is None
    await harbour.look(Trigger.INTERVAL)
    assert harbour.stands("ConfigMap", "settings") is not None


async def test_a_failed_run_is_not_tried_again_before_its_time() -> None:
    """Looks for other reasons come in between: they write nothing, and the time stays as it was."""
    harbour = Harbour(config(), retry=RETRY)
    writes_fail(harbour, Transient("quota"))
    await harbour.look()
    harbour.waters.refuse = lambda _id, _dry: None

    fate = await harbour.look(Trigger.HEALTH)

    assert within(fate, Trigger.RETRY, 5, 10)
    assert harbour.waters.writes == []
    assert len(harbour.status["history"]) == 1


async def test_a_server_that_asks_to_be_left_alone_is() -> None:
    """For as long as it says, when that is longer than the backoff."""
    harbour = Harbour(config(), retry=RETRY)
    writes_fail(harbour, NotReady("slow down", after=90.0))

    assert within(await harbour.look(), Trigger.RETRY, 85, 90)


async def test_a_failed_run_says_so_until_it_has_gone_through() -> None:
    """Not Synced, with every object and its error, and that it is tried again."""
    harbour = Harbour(config("one"), config("two"), retry=RETRY)
    harbour.waters.refuse = lambda id_, dry: Transient("quota") if id_.name == "two" and not dry else None
    await harbour.look()

    synced = harbour.condition("Synced")
    assert (synced["status"], synced["reason"]) == ("False", "ApplyFailed")
    assert "ConfigMap shop/two" in synced["message"]
    assert "quota" in synced["message"]
    assert harbour.condition("Ready")["status"] == "False"
    assert harbour.condition("Reconciling")["status"] == "True"
    assert {entry["name"] for entry in harbour.status["inventory"]} == {"one", "two"}

    harbour.waters.refuse = lambda _id, _dry: None
    await harbour.look(Trigger.INTERVAL)

    assert harbour.condition("Synced")["status"] == "True"


async def test_what_only_a_commit_can_mend_waits_for_one() -> None:
    """The server refused the object itself: the next look comes with the interval."""
    harbour = Harbour(config(), interval="5m")
    dry_runs_fail(harbour, Terminal("data.x: not like this"))

    assert within(await harbour.look(), Trigger.INTERVAL, 300, 300)
    assert harbour.condition("Stalled")["status"] == "True"
    assert harbour.condition("Reconciling")["status"] == "False"


async def test_a_request_that_ended_in_a_refusal_was_answered() -> None:
    """It does not start the same again and again."""
    harbour = Harbour(config())
    asked = {"shipslog.dev/sync-requested-at": "2026-01-01T00:00:00Z"}
    harbour.change(annotations=asked)
    dry_runs_fail(harbour, Terminal("data.x: not like this"))

    await harbour.look(Trigger.USER)

    assert harbour.status["lastHandledSync"] == "2026-01-01T00:00:00Z"


async def test_a_request_that_met_a_passing_failure_is_still_one() -> None:
    """It is carried out once that is possible."""
    harbour = Harbour(config(), mode="manual")
    harbour.change(annotations={"shipslog.dev/sync-requested-at": "2026-01-01T00:00:00Z"}, sync={"mode": "manual"})
    dry_runs_fail(harbour, Transient("busy"))
    await harbour.look(Trigger.USER)
    assert "lastHandledSync" not in harbour.status

    harbour.waters.refuse = lambda _id, _dry: None
    await harbour.look(Trigger.RETRY)

    assert harbour.stands("ConfigMap", "settings") is not None
    assert harbour.status["lastHandledSync"] == "2026-01-01T00:00:00Z"


async def test_passing_failures_are_tried_again_ever_later_with_jitter() -> None:
    """Those that fail together don't come back together; a look that goes through forgives all."""
    harbour = Harbour(config())
    dry_runs_fail(harbour, Transient("busy"))

    delays = [fate[1] for _ in range(40) if (fate := await harbour.look())]

    assert max(delays[:2]) <= 8.0
    assert max(delays[10:]) > 60.0
    assert max(delays) <= 180.0
    assert len(set(delays)) > 30
    harbour.waters.refuse = lambda _id, _dry: None
    await harbour.look()
    dry_runs_fail(harbour, Transient("busy"))
    assert within(await harbour.look(), Trigger.RETRY, 0.5, 4.0)


async def test_everything_is_looked_at_again_after_the_interval() -> None:
    """Watches can miss something: about as often as the Application says, spread a little."""
    harbour = Harbour(config(), interval="10m")
    harbour.live.want([("v1", "ConfigMap")])

    assert within(await harbour.look(), Trigger.INTERVAL, 530, 661)


async def test_a_run_waits_for_health_until_its_deadline() -> None:
    """No worker is kept for it; the status says what it waits for, and at the deadline it fails and names it."""
    harbour = Harbour(claim(), timeout="2m")

    fate = await harbour.look()

    assert within(fate, Trigger.HEALTH, 119, 120)
    assert harbour.status["lastRun"]["phase"] == "Waiting"
    reconciling = harbour.condition("Reconciling")
    assert reconciling["status"] == "True"
    assert "PersistentVolumeClaim shop/disk" in reconciling["message"]
    harbour.time += 119
    await harbour.look(Trigger.HEALTH)
    assert harbour.status["lastRun"]["phase"] == "Waiting"
    harbour.time += 2
    await harbour.look(Trigger.HEALTH)

    run = harbour.status["lastRun"]
    assert run["phase"] == "Failed"
    assert "not healthy within 2m" in run["message"]
    assert "PersistentVolumeClaim shop/disk" in run["message"]
    (completed,) = harbour.ledger.of(EventType.SYNC_COMPLETED)
    assert completed.outcome == "failure"
    assert harbour.condition("Reconciling")["status"] == "False"


async def test_a_run_ends_when_its_objects_are_healthy() -> None:
    """The worst of them counts, and each change of that is recorded once."""
    harbour = Harbour(config(), claim())
    await harbour.look()
    assert harbour.condition("Healthy")["reason"] == "Progressing"

    disk = ObjectId("", "PersistentVolumeClaim", "shop", "disk")
    bound = harbour.waters.objects[disk] | {"status": {"phase": "Bound"}}
    bound["metadata"] = bound["metadata"] | {"resourceVersion": "900"}
    harbour.live.learn(bound)
    await harbour.look(Trigger.HEALTH)
    await harbour.look(Trigger.HEALTH)

    assert harbour.status["lastRun"]["phase"] == "Succeeded"
    moves = [(event.detail["before"], event.detail["after"]) for event in harbour.ledger.of(EventType.HEALTH_CHANGED)]
    assert moves == [("", "Progressing"), ("Progressing", "Healthy")]
    assert len(harbour.ledger.of(EventType.SYNC_COMPLETED)) == 1


async def test_a_rollout_that_is_paused_on_purpose_ends_the_run() -> None:
    """Suspended is as good as it gets."""
    paused = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": {"paused": True}}
    harbour = Harbour(paused)

    await harbour.look()

    assert harbour.condition("Healthy")["reason"] == "Suspended"
    assert harbour.status["lastRun"]["phase"] == "Succeeded"
    assert harbour.condition("Ready")["status"] == "True"


async def test_a_transition_time_is_that_of_the_transition() -> None:
    """Later looks that find the same leave it as it is; one that finds another status moves it."""
    harbour = Harbour(config())
    await harbour.look()
    first = {type_: harbour.condition(type_)["lastTransitionTime"] for type_ in ("Ready", "Synced")}
    harbour.time += 3600
    await harbour.look(Trigger.INTERVAL)
    assert {type_: harbour.condition(type_)["lastTransitionTime"] for type_ in first} == first

    harbour.shelf.objects = [config(x="2")]
    dry_runs_fail(harbour, Terminal("data.x: not like this"))
    await harbour.look(Trigger.REVISION)

    assert harbour.condition("Synced")["status"] == "False"
    assert harbour.condition("Synced")["lastTransitionTime"] > first["Synced"]


async def test_nothing_is_written_when_the_intent_can_not_be_recorded() -> None:
    """Durable before the first write, or no write."""
    harbour = Harbour(config())
    harbour.ledger.refuse = lambda draft: SpoolError("full") if draft.type is EventType.APPLY_INTENT else None

    fate = await harbour.look()

    assert harbour.waters.writes == []
    assert within(fate, Trigger.RETRY, 0.5, 180)
    assert harbour.ledger.of(EventType.SYNC_REFUSED) == []


async def test_a_result_that_could_not_be_recorded_is_recorded_first_of_all_later() -> None:
    """The writes are done: their result is owed, and said before the next plan."""
    harbour = Harbour(config())
    harbour.ledger.refuse = lambda draft: SpoolError("full") if draft.type is EventType.APPLY_RESULT else None
    await harbour.look()
    assert harbour.stands("ConfigMap", "settings") is not None
    told = len(harbour.ledger.drafts)

    harbour.ledger.refuse = lambda _draft: None
    await harbour.look(Trigger.RETRY)

    (result,) = harbour.ledger.of(EventType.APPLY_RESULT)
    (intent,) = harbour.ledger.of(EventType.APPLY_INTENT)
    assert harbour.ledger.drafts[told] is result
    assert (result.outcome, result.detail["written"], result.detail["failed"]) == ("success", 1, 0)
    assert result.correlation_id == intent.correlation_id


async def test_a_heal_belongs_to_the_run_that_stands() -> None:
    """Drift that is healed begins no run; a new commit does."""
    harbour = Harbour(config())
    await harbour.look()
    harbour.waters.edit("ConfigMap", "settings", "kubectl-edit", data={"x": "by hand"})

    await harbour.look(Trigger.DRIFT)

    assert harbour.stands("ConfigMap", "settings")["data"] == {"x": "1"}  # type: ignore[index]
    (detected,) = harbour.ledger.of(EventType.DRIFT_DETECTED)
    (ended,) = harbour.ledger.of(EventType.DRIFT_HEALED)
    assert ended.causation_id == detected.id
    assert (detected.actor.kind, detected.actor.name) == ("manager", "kubectl-edit")
    assert len(harbour.status["history"]) == 1
    kinds = [intent.detail["kind"] for intent in harbour.ledger.of(EventType.APPLY_INTENT)]
    assert kinds == ["sync", "heal"]
    harbour.shelf.objects = [config(x="2")]
    await harbour.look(Trigger.REVISION)
    assert len(harbour.status["history"]) == 2


async def test_a_record_of_drift_is_bounded_and_says_what_it_left_out() -> None:
    """Fifty fields, and of a long value its length."""
    harbour = Harbour(config(**{f"key-{number:03}": "git" for number in range(120)}))
    await harbour.look()
    data = {f"key-{number:03}": "x" * 5000 for number in range(120)}
    harbour.waters.edit("ConfigMap", "settings", "kubectl-edit", data=data)

    await harbour.look(Trigger.DRIFT)

    (detected,) = harbour.ledger.of(EventType.DRIFT_DETECTED)
    assert detected.detail["fieldsInAll"] == 120
    assert len(detected.detail["fields"]) == 50
    assert detected.detail["fields"][0]["before"] == "(5002 bytes)"
    assert detected.detail["fields"][0]["after"] == "git"


async def test_a_record_names_so_many_objects_and_says_how_many_there_were() -> None:
    """Thousands of objects make no giant event."""
    harbour = Harbour(*(config(f"map-{number}") for number in range(250)))

    await harbour.look()

    (intent,) = harbour.ledger.of(EventType.APPLY_INTENT)
    (planned,) = harbour.ledger.of(EventType.PLAN_COMPUTED)
    assert (len(intent.detail["objects"]), intent.detail["objectsInAll"]) == (200, 250)
    assert len(planned.detail["steps"]) == 200
    assert planned.detail["counts"]["create"] == 250


async def test_what_is_not_ours_any_more_leaves_the_inventory_without_being_deleted() -> None:
    """An object that lost our label and left Git is nobody's business of ours."""
    harbour = Harbour(config("stays"), config("goes"))
    await harbour.look()
    id_ = ObjectId("", "ConfigMap", "shop", "goes")
    body = harbour.waters.objects[id_]
    harbour.waters.objects[id_] = body | {"metadata": body["metadata"] | {"labels": {}}}

    harbour.shelf.objects = [config("stays")]
    await harbour.look(Trigger.REVISION)

    assert harbour.stands("ConfigMap", "goes") is not None
    assert [entry["name"] for entry in harbour.status["inventory"]] == ["stays"]


async def test_a_namesake_that_was_created_anew_starts_without_memory() -> None:
    """What was remembered of the one that is gone says nothing about it."""
    harbour = Harbour(config())
    await harbour.look()
    before = memory_of(harbour.rooms, harbour.registry.applications[SHOP])

    harbour.change(uid="two")

    assert memory_of(harbour.rooms, harbour.registry.applications[SHOP]) is not before
    await harbour.look()
    assert harbour.status["lastRun"]["phase"] == "Succeeded"


@pytest.mark.parametrize("mode", ["detect", "manual"])
async def test_who_may_not_write_says_what_would_be_written(mode: str) -> None:
    """Nothing is written, no run begins, and the condition names the objects."""
    harbour = Harbour(config(), mode=mode)

    await harbour.look()

    assert harbour.waters.writes == []
    assert "lastRun" not in harbour.status
    synced = harbour.condition("Synced")
    assert (synced["status"], synced["reason"]) == ("False", "OutOfSync")
    assert "create ConfigMap shop/settings" in synced["message"]


async def test_the_inventory_holds_an_object_before_it_is_written() -> None:
    """Whatever happens in the middle of a run: what may stand is known to be ours, and so can be pruned."""
    harbour = Harbour(config("one"), config("two"))
    known: list[set[str]] = []

    def look(_: ObjectId, dry: bool) -> None:
        if not dry:
            known.append({entry["name"] for entry in harbour.status.get("inventory", [])})

    harbour.waters.refuse = look
    await harbour.look()

    assert known == [{"one", "two"}] * 2


class PowerCut(BaseException):
    """The process ends, and nobody says goodbye."""


async def test_a_run_that_a_dead_process_left_is_ended_before_the_next_one_begins() -> None:
    """Recorded as failed, once, and the next run goes through."""
    harbour = Harbour(config())

    def die(_: ObjectId, dry: bool) -> None:
        if not dry:
            raise PowerCut

    harbour.waters.refuse = die
    with pytest.raises(BaseExceptionGroup):
        await harbour.look()
    assert harbour.status["lastRun"]["phase"] == "Applying"
    harbour.waters.refuse = lambda _id, _dry: None
    harbour.restart()
    await harbour.look()
    await harbour.look(Trigger.INTERVAL)

    assert [run["phase"] for run in harbour.status["history"]] == ["Succeeded", "Failed"]
    ends = harbour.ledger.of(EventType.SYNC_COMPLETED)
    assert [(end.correlation_id, end.outcome) for end in ends] == [
        (run["id"], outcome)
        for run, outcome in zip(reversed(harbour.status["history"]), ("failure", "success"), strict=True)
    ]


async def test_a_refusal_is_recorded_once_and_another_one_again() -> None:
    """However often it is met; the record is the same one after a restart."""
    harbour = Harbour(config())
    dry_runs_fail(harbour, Terminal("data.x: not like this"))
    for _ in range(3):
        await harbour.look()
    assert len(harbour.ledger.of(EventType.SYNC_REFUSED)) == 1

    harbour.restart()
    await harbour.look()
    assert len({refused.id for refused in harbour.ledger.of(EventType.SYNC_REFUSED)}) == 1

    dry_runs_fail(harbour, Terminal("data.x: nor like that"))
    await harbour.look()
    assert len({refused.id for refused in harbour.ledger.of(EventType.SYNC_REFUSED)}) == 2


async def test_one_object_in_two_files_is_refused() -> None:
    """Which of the two is meant, nobody knows: nothing is written."""
    harbour = Harbour(config(x="1"), config(x="2"))

    await harbour.look()

    assert harbour.waters.writes == []
    stalled = harbour.condition("Stalled")
    assert stalled["status"] == "True"
    assert "ConfigMap shop/settings is declared twice: in all.yaml and in all.yaml" in stalled["message"]


@pytest.mark.parametrize("trigger", [Trigger.USER, Trigger.SPEC, Trigger.WEBHOOK])
async def test_who_asks_gets_what_was_pushed_and_who_only_looks_what_was_polled(trigger: Trigger) -> None:
    """A request, a changed spec and a webhook ask the Git server at once; drift and health do not wait for it."""
    harbour = Harbour(config(x="1"))
    await harbour.look()
    harbour.shelf.pushed = [config(x="2")]

    await harbour.look(Trigger.INTERVAL, Trigger.DRIFT, Trigger.HEALTH)
    assert harbour.stands("ConfigMap", "settings")["data"] == {"x": "1"}  # type: ignore[index]

    await harbour.look(Trigger.INTERVAL, trigger)
    assert harbour.stands("ConfigMap", "settings")["data"] == {"x": "2"}  # type: ignore[index]


async def test_who_reads_a_repository_looks_again_when_it_changes_or_moves() -> None:
    """A corrected URL helps at once; a Repository that nobody reads puts nobody on the queue."""
    harbour = Harbour(config())
    rooms = harbour.rooms
    sources = Sources(rooms.announcer, rooms.registry, rooms.repositories, rooms.queue, rooms.ledger)
    running = asyncio.create_task(sources.run(), name="sources")
    ((key, repository),) = harbour.registry.repositories.items()

    sources.change(key, repository)
    changed = await asyncio.wait_for(rooms.queue.take(), 5)
    rooms.queue.done(SHOP)
    sources.moved(type(key)("elsewhere", key.name))
    sources.moved(key)
    moved = await asyncio.wait_for(rooms.queue.take(), 5)

    assert changed is not None
    assert moved is not None
    assert [(work.key, work.trigger) for work in (changed, moved)] == [(SHOP, Trigger.REVISION)] * 2
    running.cancel()
    await asyncio.wait([running])


@pytest.mark.parametrize("error", [Unreachable("no answer"), NotReady("slow down", after=3.0)])
async def test_what_is_merely_away_is_no_refusal(error: ShipslogError) -> None:
    """The status says so, and the record is for what an auditor asks about."""
    harbour = Harbour(config())
    dry_runs_fail(harbour, error)

    fate = await harbour.look()

    assert harbour.ledger.of(EventType.SYNC_REFUSED) == []
    assert error.message in harbour.condition("Ready")["message"]
    assert harbour.condition("Stalled")["status"] == "False"
    assert fate is not None
    assert fate[0] is Trigger.RETRY
    if isinstance(error, NotReady):
        assert fate[1] == error.after


@pytest.mark.parametrize("back", [False, True])
async def test_what_is_owed_outlives_the_application(*, back: bool) -> None:
    """It went before the result of its writes could be recorded, or came back under the same name: it is recorded."""
    harbour = Harbour(config())
    harbour.ledger.refuse = lambda draft: SpoolError("full") if draft.type is EventType.APPLY_RESULT else None
    await harbour.look()
    if back:
        harbour.change(uid="two")
    else:
        harbour.registry._drop("Application", SHOP)
        await harbour.look_or_fail()
    harbour.ledger.refuse = lambda _draft: None

    await harbour.look()

    intents = [event.id for event in harbour.ledger.of(EventType.APPLY_INTENT)]
    assert [event.causation_id for event in harbour.ledger.of(EventType.APPLY_RESULT)] == intents
    assert (SHOP in harbour.rooms.memories) is back


async def test_an_application_that_is_gone_is_forgotten_by_the_clusters() -> None:
    """Nothing is watched or judged for it any more."""
    harbour = Harbour(config())
    await harbour.look()
    assert harbour.live._watches._wanters

    harbour.registry._drop("Application", SHOP)
    await harbour.look()

    assert not harbour.live._watches._wanters
