"""Drift as episodes."""

from __future__ import annotations

import itertools

import msgspec

from controller.model.drift import Attribution, Drift, Suspect
from controller.model.objects import ObjectId
from controller.model.plan import Action, FieldChange, Step
from controller.observe.drift import Episodes, compare

ID = ObjectId("", "ConfigMap", "ns", "a")
BY = Attribution(certainty="manager", tier="C", suspects=(Suspect(manager="kubectl-edit"),))
CHANGED = Step(ID, "v1", Action.UPDATE, changes=(FieldChange("/data/a", "x", "1"),), drifted=True, attribution=BY)
REMOVED = Step(ID, "v1", Action.UPDATE, changes=(FieldChange("/data/a", None, "1", "before"),), drifted=True)
DELETED = Step(ID, "v1", Action.CREATE, drifted=True)


def _compare(known: tuple[Drift, ...], *steps: Step) -> Episodes:
    ids = itertools.count(1)
    return compare(known, steps, new_id=lambda _drift, _step: f"id-{next(ids)}", since=lambda _id: "then")


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


def test_other_fields_are_another_episode_and_the_first_ends() -> None:
    """The object drifts on elsewhere: one ends, one begins."""
    first = _compare((), CHANGED).open
    elsewhere = msgspec.structs.replace(CHANGED, changes=(FieldChange("/data/b", "x", "1"),))

    found = _compare(first, elsewhere)

    assert found.ended == first
    assert [drift.fields for drift, _ in found.opened] == [("/data/b",)]


def test_what_is_not_drifted_any_more_has_ended() -> None:
    """An update by a new revision is no drift, and an unchanged object none either."""
    first = _compare((), CHANGED).open
    wanted = msgspec.structs.replace(CHANGED, drifted=False)

    assert _compare(first, wanted) == Episodes(ended=first)
    assert _compare(first) == Episodes(ended=first)
