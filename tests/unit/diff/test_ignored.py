"""What is sent of a wish that leaves fields to others, in the corners that no server shows."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest

from controller.diff.ignored import left
from controller.diff.normalise import Ownership, claim
from controller.model.ignore import IgnoreDifference, read_rules
from controller.model.objects import Key

if TYPE_CHECKING:
    from controller.model.manifest import Manifest

OWNERSHIP = Ownership("default", Key("team", "shop"))


def _wish(*rules: IgnoreDifference, **fields: Any) -> Manifest:
    body = {"apiVersion": "example.com/v1", "kind": "Boat", "metadata": {"name": "a"}, **fields}
    return claim(body, "a.yaml", namespaced=True, namespace="ns", ownership=OWNERSHIP, ignored=rules)


def _rule(*pointers: str, managers: tuple[str, ...] = ()) -> IgnoreDifference:
    return IgnoreDifference(group="*", kind="*", json_pointers=pointers, managed_fields_managers=managers)


def _live(wish: Manifest, managers: Any, **fields: Any) -> dict[str, Any]:
    body = copy.deepcopy(wish.body) | fields
    body["metadata"]["managedFields"] = managers
    return body


def _entry(fields: Any, manager: str = "shipslog", operation: str = "Apply") -> dict[str, Any]:
    return {"manager": manager, "operation": operation, "fieldsV1": fields}


HOSTILE: list[Any] = [
    None,
    "x",
    [1, None, "x", {}],
    [_entry(None)],
    [_entry("f:spec"), _entry([1])],
    [_entry({"f:spec": None, "f:metadata": 1})],
    [_entry({"f:spec": {"f:list": {"k:{": {}, "k:[]": {}, 'k:{"name":[1]}': {}, "v:{": {}, "i:x": {}, "": {}}}})],
    [_entry({"f:spec": {"f:list": {'k:{"name":"a"}': None, 'v:"a"': 7}}}, "other", "Update")],
    [_entry({"f:spec": {"k:{}": {"f:a": {}}, "v:1": {}}}), _entry({"f:spec": {"f:list": {}}}, "other")],
]


@pytest.mark.parametrize("managers", HOSTILE)
@pytest.mark.parametrize("pointer", ["/spec/list/0", "/spec/list/0/name", "/spec", "/spec/map/a", "/metadata"])
def test_hostile_managed_fields_and_rules_are_no_error(managers: Any, pointer: str) -> None:
    """Whatever a client submitted there: something is sent that is ours, and nothing given is changed."""
    spec = {"list": [{"name": "a", "x": 1}, "text", 7, None, [1]], "map": {"a": {"b": [1]}}}
    wish = _wish(_rule(pointer, managers=("other", "x")), spec=spec)
    live = _live(wish, managers, spec={"list": [None, {"name": ["a"]}], "map": "text"})
    before = copy.deepcopy((wish.body, live))

    sent = left(wish, live)

    assert sent.id == wish.id
    assert sent.digest == wish.digest
    assert OWNERSHIP.labels.items() <= sent.body["metadata"]["labels"].items()
    assert (wish.body, live) == before


def test_an_object_that_does_not_exist_is_created_as_git_says() -> None:
    """Nobody else holds a field of it."""
    wish = _wish(_rule("/spec"), spec={"a": 1})
    assert left(wish, None) is wish


def test_a_field_is_left_out_where_others_or_nobody_own_it_and_kept_where_we_alone_do() -> None:
    """The three cases side by side, in one map."""
    wish = _wish(_rule("/spec/theirs", "/spec/both", "/spec/ours", "/spec/nobodys"), spec={})
    wish.body["spec"] = {"theirs": 1, "both": 1, "ours": 1, "nobodys": 1, "rest": 1}
    ours = _entry({"f:spec": {"f:ours": {}, "f:both": {}, "f:rest": {}}})
    theirs = _entry({"f:spec": {"f:theirs": {}, "f:both": {}}}, "tuner", "Update")
    live = _live(wish, [ours, theirs], spec={"theirs": 2, "both": 2, "ours": 2, "nobodys": 2, "rest": 2})

    assert left(wish, live).body["spec"] == {"ours": 2, "rest": 1}


def test_a_part_of_a_map_that_only_we_own_is_kept_of_what_is_ignored() -> None:
    """Ignoring a whole map keeps in place what would vanish without us, and leaves the rest."""
    wish = _wish(_rule("/spec/map"), spec={"map": {"a": 1, "b": 1}})
    ours = _entry({"f:spec": {"f:map": {"f:a": {}, "f:c": {}}}})
    theirs = _entry({"f:spec": {"f:map": {"f:b": {}}}}, "tuner")
    live = _live(wish, [ours, theirs], spec={"map": {"a": 9, "b": 9, "c": 9, "d": 9}})

    assert left(wish, live).body["spec"] == {"map": {"a": 9, "c": 9}}


def test_an_ignored_item_that_left_git_stays_while_we_alone_hold_it() -> None:
    """It would vanish with the apply otherwise."""
    wish = _wish(_rule("/spec/list/1"), spec={"list": [{"name": "a"}]})
    fields: Any = {
        "f:spec": {"f:list": {'k:{"name":"a"}': {"f:name": {}}, 'k:{"name":"b"}': {"f:name": {}, "f:x": {}}}}
    }
    live = _live(wish, [_entry(fields)], spec={"list": [{"name": "a"}, {"name": "b", "x": 1}]})

    assert left(wish, live).body["spec"] == {"list": [{"name": "a"}, {"name": "b", "x": 1}]}


def test_a_manifest_shows_no_value_of_its_object() -> None:
    """It stands in tracebacks and logs."""
    wish = _wish(spec={"a": "canary"})
    assert "canary" not in repr(wish)
    assert "Boat" in repr(wish)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "ignored differences"),
        ('{"kind": "X"}', "Expected `array`"),
        ('[{"kind": "X", "jsonPointers": "/a"}]', r"$[0].jsonPointers"),
        ('[{"kind": "X"}, {"jsonPointers": ["/a"]}]', "missing required field `kind`"),
        ('[{"kind": "X", "jqPathExpressions": [".a"]}]', "jqPathExpressions"),
        ('[{"kind": "X", "jsonPointers": ["a"]}]', r"$[0].jsonPointers[0]"),
    ],
)
def test_rules_that_can_not_be_read_are_refused_with_their_place(text: str, said: str) -> None:
    """The entry and the field are named."""
    with pytest.raises(ValueError, match="ignored differences") as refusal:
        read_rules(text)
    assert said in str(refusal.value)


def test_no_rules_are_no_rules() -> None:
    """An empty setting and an empty list."""
    assert read_rules("") == read_rules("[]") == ()
