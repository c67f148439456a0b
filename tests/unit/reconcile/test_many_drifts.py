"""A status has room for so many drifts; what is counted and recorded are all of them."""

from __future__ import annotations

from controller.model.application import DRIFTS
from controller.model.event import EventType
from controller.model.run import Trigger
from controller.reconcile.rooms import memory_of
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
