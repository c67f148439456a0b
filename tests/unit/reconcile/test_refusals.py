"""One object that the server refuses, beside others that somebody changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from controller.errors import ShipslogError, Terminal, Transient
from controller.model.event import EventType
from controller.model.run import Trigger
from tests.unit.reconcile.harbour import Harbour, config

if TYPE_CHECKING:
    from controller.model.base import Json
    from controller.model.objects import ObjectId


class Denied(Terminal):
    """An admission policy says no."""


class OwnedByOthers(Terminal):
    """As the server says it of an apply without force."""


def _refuse(harbour: Harbour, name: str, error: ShipslogError) -> None:
    def refuse(id_: ObjectId, _dry: bool) -> ShipslogError | None:
        return error if id_.name == name else None

    harbour.waters.refuse = refuse


def _data(harbour: Harbour, name: str) -> Json:
    found = harbour.stands("ConfigMap", name)
    assert found is not None
    return dict(found["data"])


async def _drifted(*, reserved: bool = False) -> Harbour:
    one = config("one")
    one["metadata"]["annotations"] = {"shipslog.dev/conflicts": "refuse"} if reserved else {}
    harbour = Harbour(one, config("two"))
    await harbour.look()
    for name in ("one", "two"):
        harbour.waters.edit("ConfigMap", name, "kubectl-edit", data={"x": "by hand"})
    return harbour


async def test_an_object_that_is_refused_holds_up_no_other() -> None:
    """Both drifts are recorded with their fields, the other is healed, and the condition names the one."""
    harbour = await _drifted()
    _refuse(harbour, "one", Denied("closed for today"))

    await harbour.look(Trigger.DRIFT)

    detected = harbour.ledger.of(EventType.DRIFT_DETECTED)
    assert {event.target.object: event.detail["paths"] for event in detected} == {
        "ConfigMap shop/one": ["/data/x"],
        "ConfigMap shop/two": ["/data/x"],
    }
    assert (_data(harbour, "one"), _data(harbour, "two")) == ({"x": "by hand"}, {"x": "1"})
    assert [drift["object"] for drift in harbour.status["drift"]] == ["ConfigMap shop/one"]
    synced = harbour.condition("Synced")
    assert (synced["reason"], synced["message"]) == ("HealFailed", "ConfigMap shop/one: closed for today")
    assert harbour.condition("Stalled")["status"] == "False"

    _refuse(harbour, "nothing", Denied(""))
    await harbour.look(Trigger.RETRY)
    assert _data(harbour, "one") == {"x": "1"}
    assert not harbour.status.get("drift")


async def test_an_object_that_is_refused_and_stands_is_no_drift() -> None:
    """A policy that would have no more writes changes nothing of what was written."""
    harbour = Harbour(config("one"))
    await harbour.look()
    _refuse(harbour, "one", Denied("closed for today"))
    harbour.restart()

    await harbour.look()

    assert harbour.ledger.of(EventType.DRIFT_DETECTED) == []
    assert harbour.condition("Synced")["status"] == "True"


@pytest.mark.parametrize("error", [Denied("closed for today"), Transient("a webhook is away")])
async def test_under_a_refused_commit_neither_does_it(error: ShipslogError) -> None:
    """What was applied last is kept object by object, whatever is wrong with the commit and with one of them."""
    harbour = await _drifted()
    harbour.shelf.objects = [*harbour.shelf.objects, config("bad")]

    def refuse(id_: ObjectId, _dry: bool) -> ShipslogError | None:
        return {"one": error, "bad": Denied("never")}.get(id_.name)

    harbour.waters.refuse = refuse

    await harbour.look(Trigger.REVISION)

    assert harbour.condition("Stalled")["status"] == "True"
    assert len(harbour.ledger.of(EventType.DRIFT_DETECTED)) == 2
    assert _data(harbour, "two") == {"x": "1"}


async def test_fields_that_an_object_leaves_to_others_are_drift_that_stands() -> None:
    """Recorded, open, no heal tried, nothing stalled; the other object is healed."""
    harbour = await _drifted(reserved=True)
    harbour.waters.refuse_unforced = OwnedByOthers(".data.x belongs to kubectl-edit")

    await harbour.look(Trigger.DRIFT)

    assert len(harbour.ledger.of(EventType.DRIFT_DETECTED)) == 2
    assert (_data(harbour, "one"), _data(harbour, "two")) == ({"x": "by hand"}, {"x": "1"})
    synced = harbour.condition("Synced")
    assert (synced["status"], synced["reason"]) == ("False", "Drifted")
    assert "belongs to kubectl-edit" in synced["message"]
    assert harbour.condition("Stalled")["status"] == "False"
    assert [event for event in harbour.ledger.of(EventType.APPLY_OBJECT) if event.outcome == "failure"] == []
