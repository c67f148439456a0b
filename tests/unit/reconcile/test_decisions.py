"""Decisions, as people look for them: by object, by who decided, by the commit that was decided about."""

from __future__ import annotations

import json

from controller.errors import Terminal
from controller.model.event import EventType
from controller.model.labels import (
    DECLINE_ANNOTATION,
    OBJECT_SYNC_ANNOTATION,
    OWNER_LABEL,
    PRUNE_ANNOTATION,
    SUSPENSION_ANNOTATION,
)
from controller.model.objects import ObjectId
from controller.model.run import Trigger
from controller.model.suspension import Suspension, text
from tests.unit.reconcile.harbour import Harbour, config


async def test_a_declined_heal_is_found_by_its_object() -> None:
    """Whoever asks what became of an object hears of the decision, too."""
    harbour = Harbour(config())
    await harbour.look()
    decline = {"object": "ConfigMap shop/settings", "by": "jane", "reason": "incident 42", "at": "2026-01-01T00:00:00Z"}
    harbour.change(annotations={DECLINE_ANNOTATION: json.dumps([decline])})
    harbour.waters.edit("ConfigMap", "settings", "kubectl-edit", data={"x": "by hand"})

    await harbour.look(Trigger.DRIFT)

    (declined,) = harbour.ledger.of(EventType.DRIFT_DECLINED)
    assert (declined.target.object, declined.actor.name) == ("ConfigMap shop/settings", "jane")


async def test_who_suspends_and_resumes_by_the_command_line_is_known() -> None:
    """What the annotation says holds for that one switch; who edits the spec by hand is unknown."""
    harbour = Harbour(config())
    await harbour.look()
    for generation, by, suspend in ((2, "jane", True), (3, "ada", False)):
        said = text(Suspension(by=by, suspend=suspend, generation=generation))
        harbour.change(annotations={SUSPENSION_ANNOTATION: said}, suspend=suspend)
        await harbour.look()
    stale = {SUSPENSION_ANNOTATION: text(Suspension(by="ada", suspend=True, generation=3))}
    harbour.change(annotations=stale, suspend=True)
    await harbour.look()
    harbour.change(annotations={SUSPENSION_ANNOTATION: "{"}, suspend=False)
    await harbour.look()

    who = [
        [(event.actor.kind, event.actor.name) for event in harbour.ledger.of(type_)]
        for type_ in (EventType.APPLICATION_SUSPENDED, EventType.APPLICATION_RESUMED)
    ]
    assert who == [[("user", "jane"), ("unknown", "")], [("user", "ada"), ("unknown", "")]]


async def test_what_is_kept_when_its_application_is_deleted_is_recorded() -> None:
    """Each object that stays, and why: nobody has it from then on."""
    kept = config("kept") | {"metadata": {"name": "kept", "annotations": {PRUNE_ANNOTATION: "never"}}}
    alone = config("alone") | {"metadata": {"name": "alone", "annotations": {OBJECT_SYNC_ANNOTATION: "never"}}}
    harbour = Harbour(config("goes"), config("freed"), kept, config("alone"))
    await harbour.look()
    freed = harbour.waters.objects[ObjectId("", "ConfigMap", "shop", "freed")]
    del freed["metadata"]["labels"][OWNER_LABEL]
    harbour.waters.objects[ObjectId("", "ConfigMap", "shop", "alone")]["metadata"]["annotations"] |= alone["metadata"][
        "annotations"
    ]
    harbour.delete()

    await harbour.look()

    assert not harbour.held
    assert harbour.stands("ConfigMap", "goes") is None
    left = {event.target.object: event.reason for event in harbour.ledger.of(EventType.OBJECT_LEFT)}
    assert left == {
        "ConfigMap shop/alone": f"its annotation {OBJECT_SYNC_ANNOTATION} is never",
        "ConfigMap shop/freed": "it no longer carries our owner label",
        "ConfigMap shop/kept": f"its annotation {PRUNE_ANNOTATION} is never",
    }
    assert [event.target.object for event in harbour.ledger.of(EventType.PRUNE_OBJECT)] == ["ConfigMap shop/goes"]


async def test_the_commit_that_is_refused_or_held_back_is_named_beside_the_one_that_stands() -> None:
    """Whoever waits for a commit sees that it was looked at, and when it stands."""
    harbour = Harbour(config())
    await harbour.look()
    first = harbour.status["revision"]["sha"]
    assert harbour.status["attempted"] == first
    harbour.shelf.objects = []
    refused = (await harbour.shelf.revision()).sha

    await harbour.look(Trigger.REVISION)

    assert (harbour.status["revision"]["sha"], harbour.status["attempted"]) == (first, refused)
    harbour.shelf.objects = [config(x="2")]
    broken = (await harbour.shelf.revision()).sha
    harbour.waters.refuse = lambda id_, dry: Terminal(f"{id_} is wrong") if dry else None
    await harbour.look(Trigger.REVISION)
    assert (harbour.status["revision"]["sha"], harbour.status["attempted"]) == (first, broken)

    harbour.waters.refuse = lambda _id, _dry: None
    await harbour.look(Trigger.REVISION)
    assert harbour.status["revision"]["sha"] == harbour.status["attempted"] == broken
    harbour.shelf.commits = 2  # another commit, of the same objects
    await harbour.look(Trigger.INTERVAL)
    assert harbour.status["attempted"] == broken
