"""Drift as episodes."""

from __future__ import annotations

import itertools

import msgspec

from controller.model.drift import Attribution, Drift, Suspect
from controller.model.objects import ObjectId
from controller.model.plan import Action, FieldChange, Step
from controller.observe.drift import FIELDS, Episodes, compare

ID = ObjectId("", "ConfigMap", "ns", "a")
BY = Attribution(certainty="manager", tier="C", suspects=(Suspect(manager="kubectl-edit"),))
CHANGED = Step(ID, "v1", Action.UPDATE, changes=(FieldChange("/data/a", "x", "1"),), drifted=True, attribution=BY)
REMOVED = Step(ID, "v1", Action.UPDATE, changes=(FieldChange("/data/a", None, "1", "before"),), drifted=True)
DELETED = Step(ID, "v1", Action.CREATE, drifted=True)


def _compare(known: tuple[Drift, ...], *steps: Step) -> Episodes:
    ids = itertools.count(1)
    return compare(
        known,
        steps,
        new_id=lambda _drift, _step: f"id-{next(ids)}",
        dated=lambda drift, _step: msgspec.structs.replace(drift, since="then"),
    )


def test_each_kind_of_change_opens_an_episode_of_its_name() -> None:
    """Changed, removed and deleted; with fields, manager and the moment it was seen."""
    found = [_compare((), step).opened[0][0] for step in (CHANGED, REMOVED, DELETED)]

    assert [drift.change for drift in found] == ["changed", "removed", "deleted"]
    assert found[0] == Drift(
        id="id-1",
        object="ConfigMap ns/a",
        change="changed",
        fields=("/data/a",),
        manager="kubectl-edit",
        since="then",
    )


def test_the_same_drift_seen_again_is_the_same_episode() -> None:
    """An open drift keeps its id and its start; nothing is opened twice."""
    first = _compare((), CHANGED).open

    again = _compare(first, CHANGED)

    assert again.standing == first
    assert (again.opened, again.ended) == ((), ())


BOTH = msgspec.structs.replace(CHANGED, changes=(*CHANGED.changes, FieldChange("/data/b", "x", "1")))


def test_other_fields_join_the_episode() -> None:
    """The object drifts on elsewhere: id and start stay, and what joined is told once."""
    first = _compare((), CHANGED).open

    found = _compare(first, BOTH)

    assert (found.opened, found.ended) == ((), ())
    assert [(drift.id, drift.since, drift.fields) for drift in found.standing] == [
        ("id-1", "then", ("/data/a", "/data/b"))
    ]
    assert [drift.fields for drift, _ in found.widened] == [("/data/b",)]
    assert _compare(found.open, BOTH).widened == ()


def test_a_field_that_goes_back_alone_ends_nothing() -> None:
    """The rest still differs: the episode goes on with what is left, and nothing new is told."""
    found = _compare(_compare((), BOTH).open, CHANGED)

    assert (found.opened, found.ended, found.widened) == ((), (), ())
    assert [drift.fields for drift in found.standing] == [("/data/a",)]


def test_a_drifted_object_that_is_deleted_and_made_anew_is_one_episode() -> None:
    """It never equalled Git meanwhile; both are told."""
    gone = _compare(_compare((), CHANGED).open, DELETED)
    anew = _compare(gone.open, CHANGED)

    assert [drift.change for drift, _ in (*gone.widened, *anew.widened)] == ["deleted", "changed"]
    assert [drift.id for drift in anew.open] == ["id-1"]


def test_an_object_that_has_every_value_again_ended_its_episode() -> None:
    """Whose the fields are is another question, and another episode; what changes then joins that one."""
    disowned = msgspec.structs.replace(CHANGED, changes=())
    first = _compare((), CHANGED).open

    found = _compare(first, disowned)

    assert found.ended == first
    assert [drift.change for drift, _ in found.opened] == ["disowned"]
    assert [drift.change for drift, _ in _compare(found.open, CHANGED).widened] == ["changed"]


def test_what_is_not_drifted_any_more_has_ended() -> None:
    """An update by a new revision is no drift, and an unchanged object none either."""
    first = _compare((), CHANGED).open
    wanted = msgspec.structs.replace(CHANGED, drifted=False)

    assert _compare(first, wanted) == Episodes(ended=first)
    assert _compare(first) == Episodes(ended=first)


def test_what_comes_into_view_beyond_the_fields_that_are_named_did_not_join() -> None:
    """Of very many only the first are known: when one of them goes back, the next is named, and is as old."""
    many = tuple(FieldChange(f"/data/{number:02}", "x", "1") for number in range(FIELDS + 5))
    first = _compare((), msgspec.structs.replace(CHANGED, changes=many)).open

    found = _compare(first, msgspec.structs.replace(CHANGED, changes=many[1:]))

    assert found.standing[0].fields[-1] == many[FIELDS].path
    assert found.widened == ()
