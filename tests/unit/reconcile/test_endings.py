"""What outlives a look: drift that stands, heals that are put off, an Application that is deleted."""

from __future__ import annotations

from typing import Any

import pytest

from controller.errors import Transient
from controller.model.event import EventType
from controller.model.objects import ObjectId
from controller.model.run import Trigger
from controller.reconcile.moment import rfc3339
from tests.unit.reconcile.harbour import Harbour, config, within

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
    left = [event for event in harbour.ledger.of(EventType.SYNC_REFUSED) if event.detail["cause"] == "LeftBehind"]
    assert len(left) == 1
    assert why in left[0].reason
    assert left[0].detail["objects"] == ["ConfigMap shop/settings"]


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
