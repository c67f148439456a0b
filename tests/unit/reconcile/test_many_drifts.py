"""A status has room for so many drifts; what is counted and recorded are all of them."""

from __future__ import annotations

from controller.model.application import DRIFTS
from controller.model.drift import Change, Declined, Drift
from controller.model.event import EventType
from controller.model.run import Trigger
from controller.reconcile.rooms import memory_of
from controller.reconcile.telling import _shown
from tests.unit.reconcile.harbour import SHOP, Harbour, config

MANY = DRIFTS + 20


async def drifted() -> Harbour:
    """Somebody has changed each of many objects, and nothing is healed."""
    harbour = Harbour(*(config(f"c{number}") for number in range(MANY)), selfHeal=False)
    await harbour.look()
    for number in range(MANY):
        harbour.waters.edit("ConfigMap", f"c{number}", "somebody", data={"x": "by hand"})
    await harbour.look(Trigger.DRIFT)
    return harbour


async def test_a_status_names_some_drifts_and_counts_all() -> None:
    """An object of the API has its limit; the ledger has each."""
    harbour = await drifted()

    assert len(harbour.status["drift"]) == DRIFTS
    assert harbour.status["summary"] == f"{MANY} objects, {MANY} drifted"
    assert len(harbour.ledger.of(EventType.DRIFT_DETECTED)) == MANY


async def test_what_the_status_does_not_name_is_open_all_the_same() -> None:
    """Another look detects nothing twice, and healing ends each."""
    harbour = await drifted()

    await harbour.look(Trigger.DRIFT)
    assert len(harbour.ledger.of(EventType.DRIFT_DETECTED)) == MANY

    harbour.change(sync={"selfHeal": True})
    await harbour.look(Trigger.SPEC)
    assert len(harbour.ledger.of(EventType.DRIFT_HEALED)) == MANY
    assert memory_of(harbour.rooms, harbour.registry.applications[SHOP]).drifts == ()


def _drift(number: int, change: Change = "changed", declined: Declined | None = None) -> Drift:
    return Drift(id=f"id-{number}", object=f"ConfigMap shop/c{number}", change=change, declined=declined)


def test_what_was_decided_and_what_nobody_could_tell_again_is_named_first() -> None:
    """A restart knows a declined heal from the status alone, and one deletion from the next by its id."""
    decision = Declined(by="ada", at="2026-01-01T00:00:00Z", reason="incident 42")
    drifts = (*map(_drift, range(MANY)), _drift(MANY, "deleted"), _drift(MANY + 1, declined=decision))

    named = _shown(drifts)

    assert len(named) == DRIFTS
    assert named[:3] == (drifts[-1], drifts[-2], drifts[0])
    assert _shown(drifts[:3]) == drifts[:3]
