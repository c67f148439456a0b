"""What outlives a look: drift that stands, heals that are put off, an Application that is deleted, a crash."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import pytest

from controller.errors import Transient
from controller.model.event import EventType
from controller.model.objects import GroupKind, ObjectId
from controller.model.run import Trigger
from controller.ports import WatchEvent
from controller.reconcile.moment import epoch, rfc3339
from tests.unit.reconcile.harbour import SHOP, Harbour, config, within

if TYPE_CHECKING:
    from controller.model.base import Json
    from controller.model.drift import Drift

SETTINGS = ObjectId("", "ConfigMap", "shop", "settings")


async def _drifted(**sync: Any) -> Harbour:
    """One object that somebody changed after it was synced."""
    harbour = Harbour(config())
    await harbour.look()
    harbour.change(sync=sync)
    harbour.waters.edit("ConfigMap", "settings", "kubectl-edit", data={"x": "by hand"})
    await harbour.look(Trigger.DRIFT)
    return harbour


async def test_drift_that_stands_is_one_episode_over_looks_and_restarts() -> None:
    """It began once and ends once, and the end names the beginning."""
    harbour = await _drifted(mode="detect")
    await harbour.look(Trigger.INTERVAL)
    harbour.restart()
    await harbour.look()

    (detected,) = harbour.ledger.of(EventType.DRIFT_DETECTED)
    assert [drift["id"] for drift in harbour.status["drift"]] == [detected.id]
    assert harbour.ledger.of(EventType.DRIFT_ENDED) == []

    harbour.waters.edit("ConfigMap", "settings", "kubectl-edit", data={"x": "1"})
    await harbour.look(Trigger.DRIFT)
    harbour.restart()
    await harbour.look()

    (ended,) = harbour.ledger.of(EventType.DRIFT_ENDED)
    assert ended.causation_id == detected.id
    assert ended.target.object == "ConfigMap shop/settings"
    assert not harbour.status.get("drift")


async def test_another_field_joins_the_episode_that_is_open() -> None:
    """It is recorded by itself; the age of the drift is that of the first, and it ends once, when all is Git's."""
    harbour = Harbour(config(x="1", y="1"))
    await harbour.look()
    harbour.change(sync={"mode": "detect"})
    harbour.waters.edit("ConfigMap", "settings", "kubectl-edit", data={"x": "by hand", "y": "1"})
    await harbour.look(Trigger.DRIFT)
    (detected,) = harbour.ledger.of(EventType.DRIFT_DETECTED)
    harbour.time += 7
    harbour.waters.edit("ConfigMap", "settings", "kubectl-set", data={"x": "by hand", "y": "by another"})
    await harbour.look(Trigger.DRIFT)
    await harbour.look(Trigger.INTERVAL)

    (open_,) = harbour.status["drift"]
    assert (open_["id"], open_["since"]) == (detected.id, detected.detail["since"])
    assert list(open_["fields"]) == ["/data/x", "/data/y"]
    (widened,) = harbour.ledger.of(EventType.DRIFT_WIDENED)
    assert (widened.causation_id, widened.detail["joined"]) == (detected.id, ["/data/y"])
    assert widened.actor.name == "kubectl-set"
    assert harbour.ledger.of(EventType.DRIFT_ENDED) == []
    assert len(harbour.ledger.of(EventType.DRIFT_DETECTED)) == 1
    harbour.restart()
    await harbour.look()
    assert len(harbour.ledger.of(EventType.DRIFT_WIDENED)) == 1


async def test_a_declined_heal_is_declined_for_whatever_else_changes_at_the_object() -> None:
    """The decision holds until the object equals Git, and not for the next drift."""
    harbour = Harbour(config(x="1", y="1"))
    await harbour.look()
    decline = '[{"object":"ConfigMap shop/settings","reason":"incident 42","by":"jane","at":"2026-01-01T00:00:00Z"}]'
    harbour.change(annotations={"shipslog.dev/declined-heals": decline})
    harbour.waters.edit("ConfigMap", "settings", "kubectl-edit", data={"x": "by hand", "y": "1"})
    await harbour.look(Trigger.DRIFT)
    by_hand = {"x": "by hand", "y": "by hand"}
    harbour.waters.edit("ConfigMap", "settings", "kubectl-set", data=by_hand)
    await harbour.look(Trigger.DRIFT)

    assert harbour.stands("ConfigMap", "settings")["data"] == by_hand  # type: ignore[index]
    assert len(harbour.ledger.of(EventType.DRIFT_DECLINED)) == 1
    assert harbour.ledger.of(EventType.DRIFT_ENDED) == []

    harbour.waters.edit("ConfigMap", "settings", "kubectl-edit", data={"x": "1", "y": "1"})
    await harbour.look(Trigger.DRIFT)
    assert len(harbour.ledger.of(EventType.DRIFT_ENDED)) == 1
    harbour.waters.edit("ConfigMap", "settings", "kubectl-edit", data={"x": "again", "y": "1"})
    await harbour.look(Trigger.DRIFT)
    assert harbour.stands("ConfigMap", "settings")["data"] == {"x": "1", "y": "1"}  # type: ignore[index]
    assert len(harbour.ledger.of(EventType.DRIFT_DECLINED)) == 1


async def test_drift_is_dated_by_the_watch_not_by_the_look() -> None:
    """Between the two a queue may have been long."""
    harbour = Harbour(config())
    await harbour.look()
    harbour.waters.edit("ConfigMap", "settings", "kubectl-edit", data={"x": "by hand"})
    harbour.live.learn(harbour.waters.objects[SETTINGS])
    view = harbour.live.view(SETTINGS)
    assert view is not None

    await harbour.look(Trigger.DRIFT)

    (detected,) = harbour.ledger.of(EventType.DRIFT_DETECTED)
    assert detected.detail["since"] == rfc3339(view.seen)


async def _seen_late(harbour: Harbour) -> Drift:
    """The drift was there when the watch began."""
    harbour.live._follow(GroupKind("", "ConfigMap"), WatchEvent("restarted"))
    harbour.live._follow(GroupKind("", "ConfigMap"), WatchEvent("added", harbour.waters.objects[SETTINGS]))
    await harbour.look(Trigger.DRIFT)
    (drift,) = harbour.registry.applications[SHOP].status.drift
    return drift


async def test_drift_that_was_there_before_the_watch_is_dated_by_its_one_writer() -> None:
    """Made while nobody looked: its writer's entry has the time, to the second."""
    harbour = Harbour(config())
    await harbour.look()
    harbour.change(sync={"mode": "detect"})
    harbour.waters.edit("ConfigMap", "settings", "kubectl-edit", data={"x": "by hand"})

    drift = await _seen_late(harbour)

    assert (drift.since, drift.older) == (rfc3339(epoch("2026-01-01T00:00:01Z")), False)


async def test_drift_of_which_nobody_knows_the_beginning_stood_at_least_so_long() -> None:
    """No entry names who removed a field: it is older than what was seen, and its end says so."""
    harbour = Harbour(config(x="1", y="1"))
    await harbour.look()
    harbour.change(sync={"mode": "detect"})
    harbour.waters.edit("ConfigMap", "settings", "shipslog", data={"x": "1"})

    drift = await _seen_late(harbour)
    assert drift.older

    harbour.change(sync={})
    await harbour.look()
    (healed,) = harbour.ledger.of(EventType.DRIFT_HEALED)
    assert "for at least " in healed.reason
    assert healed.detail["older"] is True


async def test_a_heal_that_is_put_off_is_done_when_its_time_comes() -> None:
    """Somebody fights us: the next look comes by itself, and says what stands until then."""
    harbour = Harbour(config())
    await harbour.look()
    for round_ in range(5):
        harbour.waters.edit("ConfigMap", "settings", "somebody", data={"x": f"round {round_}"})
        await harbour.look(Trigger.DRIFT)
    harbour.waters.edit("ConfigMap", "settings", "somebody", data={"x": "the sixth"})

    fate = await harbour.look(Trigger.DRIFT)

    assert within(fate, Trigger.DRIFT, 30, 61)
    assert harbour.waters.objects[SETTINGS]["data"] == {"x": "the sixth"}
    assert harbour.condition("Synced")["reason"] == "Drifted"


async def test_a_deleted_application_takes_its_objects_along() -> None:
    """Each is recorded between an intent and its result, and then it goes."""
    harbour = Harbour(config("one"), config("two"))
    await harbour.look()
    harbour.delete()

    await harbour.look()

    assert harbour.stands("ConfigMap", "one") is None
    assert harbour.stands("ConfigMap", "two") is None
    assert not harbour.held
    gone = {event.target.object for event in harbour.ledger.of(EventType.PRUNE_OBJECT)}
    assert gone == {"ConfigMap shop/one", "ConfigMap shop/two"}
    assert harbour.ledger.of(EventType.APPLY_RESULT)[-1].outcome == "success"


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ({"suspend": True}, "suspended"),
        ({"sync": {"prune": False}}, "sync.prune is false"),
        ({"deletion": "orphan"}, "orphan"),
    ],
)
async def test_a_deleted_application_leaves_its_objects_where_that_is_wanted(spec: dict[str, Any], why: str) -> None:
    """They stand, it goes, and the record says that they were left, and why."""
    harbour = Harbour(config())
    await harbour.look()
    harbour.change(**spec)
    harbour.delete()

    await harbour.look()

    assert harbour.stands("ConfigMap", "settings") is not None
    assert not harbour.held
    (left,) = harbour.ledger.of(EventType.OBJECT_LEFT)
    assert why in left.reason
    assert (left.target.object, left.outcome) == ("ConfigMap shop/settings", "success")
    assert harbour.ledger.of(EventType.SYNC_REFUSED) == []


async def test_an_application_stays_while_an_object_can_not_be_deleted(monkeypatch: pytest.MonkeyPatch) -> None:
    """The finalizer holds it, and it is tried again."""
    harbour = Harbour(config())
    await harbour.look()
    harbour.delete()

    async def refuse(*_: Any, **__: Any) -> bool:
        raise Transient("a webhook says no")

    with monkeypatch.context() as patched:
        patched.setattr(harbour.waters, "delete", refuse)
        fate = await harbour.look()
    assert fate is not None
    assert fate[0] is Trigger.RETRY
    assert harbour.held
    assert harbour.stands("ConfigMap", "settings") is not None

    await harbour.look(Trigger.RETRY)

    assert harbour.stands("ConfigMap", "settings") is None
    assert harbour.ledger.of(EventType.APPLY_RESULT)[-1].outcome == "success"


class PowerCut(BaseException):
    """The process ends, and nobody says goodbye."""


def _cut(harbour: Harbour, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """The process dies instead of writing the status this time, counted from one."""
    merge, left = harbour.waters.merge, [number]

    async def dying(*args: Any, **options: Any) -> Json:
        left[0] -= 1
        if left[0] == 0:
            raise PowerCut
        return await merge(*args, **options)

    monkeypatch.setattr(harbour.waters, "merge", dying)


async def _lived(harbour: Harbour, *triggers: Trigger) -> None:
    """One look; whoever dies in it is followed by another process."""
    try:
        await harbour.look(*triggers)
    except (PowerCut, BaseExceptionGroup):
        harbour.restart()
        await harbour.look()


@pytest.mark.parametrize("number", range(1, 9))
async def test_what_is_told_twice_around_a_crash_is_the_same_event(
    monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """Recorded, and dead before the status said so: the next process tells it again, under the same id."""
    harbour = Harbour(config("settings"), config("goes"))
    _cut(harbour, monkeypatch, number)
    await _lived(harbour)
    harbour.waters.edit("ConfigMap", "settings", "kubectl-edit", data={"x": "by hand"})
    await _lived(harbour, Trigger.DRIFT)
    harbour.shelf.objects = [config("settings", x="2")]
    await _lived(harbour, Trigger.REVISION)
    await _lived(harbour, Trigger.INTERVAL)

    ids: defaultdict[tuple[EventType, str], set[str]] = defaultdict(set)
    for event in harbour.ledger.drafts:
        if event.type in {EventType.SYNC_COMPLETED, EventType.REVISION_OBSERVED}:
            ids[event.type, event.correlation_id or event.revision].add(event.id)
        if event.type in {EventType.DRIFT_DETECTED, EventType.DRIFT_HEALED, EventType.DRIFT_ENDED}:
            ids[event.type, event.target.object].add(event.id)
        if event.type is EventType.HEALTH_CHANGED and not event.detail["before"]:
            ids[event.type, event.detail["after"]].add(event.id)
    assert {what: len(found) for what, found in ids.items() if len(found) > 1} == {}
    assert {event.revision for event in harbour.ledger.of(EventType.REVISION_OBSERVED)} == {
        run["revision"] for run in harbour.status["history"]
    }
    assert harbour.stands("ConfigMap", "settings")["data"] == {"x": "2"}  # type: ignore[index]
    assert harbour.stands("ConfigMap", "goes") is None


@pytest.mark.parametrize("number", range(1, 5))
async def test_an_episode_that_is_told_twice_around_a_crash_is_one(
    monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """Its beginning and its end, where the status had not said so yet."""
    harbour = Harbour(config())
    await harbour.look()
    harbour.change(sync={"mode": "detect"})
    await harbour.look()
    _cut(harbour, monkeypatch, number)
    harbour.waters.edit("ConfigMap", "settings", "kubectl-edit", data={"x": "by hand"})
    await _lived(harbour, Trigger.DRIFT)
    harbour.waters.edit("ConfigMap", "settings", "kubectl-edit", data={"x": "1"})
    await _lived(harbour, Trigger.DRIFT)

    detected = {event.id for event in harbour.ledger.of(EventType.DRIFT_DETECTED)}
    ended = {(event.id, event.causation_id) for event in harbour.ledger.of(EventType.DRIFT_ENDED)}
    assert len(detected) == 1
    assert len(ended) == 1
    assert {cause for _, cause in ended} == detected
