"""Whose fields are whose, from managedFields."""

from __future__ import annotations

from typing import Any

from controller.diff.attribution import attribute
from controller.diff.ownership import disowned, ownership_digest

OURS = {
    "manager": "shipslog",
    "operation": "Apply",
    "time": "2026-01-01T00:00:00Z",
    "fieldsV1": {"f:spec": {"f:replicas": {}, "f:template": {}}},
}


def _foreign(fields: Any, manager: str = "kubectl-edit", time: str = "2026-01-02T00:00:00Z") -> dict[str, Any]:
    return {"manager": manager, "operation": "Update", "time": time, "fieldsV1": fields}


def _object(*entries: Any, **fields: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "X", "metadata": {"name": "a", "managedFields": list(entries)}} | fields


def test_the_digest_follows_our_entry_alone() -> None:
    """Foreign entries and status writes don't move it; a lost field, a new time and a wiped entry do."""
    alone = ownership_digest(_object(OURS))

    assert ownership_digest(_object(OURS, _foreign({"f:status": {}}))) == alone
    assert ownership_digest(_object(OURS | {"subresource": "status"}, OURS)) == alone
    assert ownership_digest(_object(OURS | {"fieldsV1": {"f:spec": {"f:template": {}}}})) != alone
    assert ownership_digest(_object(OURS | {"time": "2026-01-03T00:00:00Z"})) != alone
    assert ownership_digest(_object(OURS | {"operation": "Update"})) == ""
    assert ownership_digest(_object()) == ""


def test_the_single_owner_of_all_fields_is_named() -> None:
    """One foreign manager owns every drifted field: that manager, with operation and time."""
    body = _object(OURS, _foreign({"f:spec": {"f:replicas": {}}}), _foreign({"f:spec": {"f:other": {}}}, "other"))

    found = attribute(body, ["/spec/replicas"])

    assert found.certainty == "manager"
    assert [(suspect.manager, suspect.operation) for suspect in found.suspects] == [("kubectl-edit", "Update")]


def test_a_removed_field_has_no_culprit() -> None:
    """A removal leaves no trace of who: nobody is named, even when a foreign manager owns something else."""
    body = _object(OURS, _foreign({"f:spec": {"f:other": {}}}, time="2025-12-31T00:00:00Z"))

    found = attribute(body, ["/spec/replicas"])

    assert (found.certainty, found.tier) == ("unattributable", "E")
    assert found.suspects == ()


def test_who_wrote_after_us_may_have_removed_the_field() -> None:
    """Managers with a write later than our last one are candidates, and no more; a status writer is none."""
    status = _foreign({"f:status": {}}, "kubelet") | {"subresource": "status"}
    body = _object(OURS, status, _foreign({"f:spec": {"f:other": {}}}, "operator"))

    found = attribute(body, ["/spec/replicas"])

    assert (found.certainty, found.tier) == ("ambiguous", "D")
    assert [suspect.manager for suspect in found.suspects] == ["operator"]


def test_a_write_in_our_name_and_a_merged_entry_are_no_culprits() -> None:
    """Our own name under another operation, and the entry of more than ten managers, are told as what they are."""
    replicas: dict[str, Any] = {"f:spec": {"f:replicas": {}}}
    for manager, words in (("shipslog", "in our name"), ("ancient-changes", "more than ten managers")):
        found = attribute(_object(OURS, _foreign(replicas, manager)), ["/spec/replicas"])

        assert (found.certainty, found.tier) == ("ambiguous", "D")
        assert words in found.explanation


def test_the_raw_entries_are_kept_within_a_bound() -> None:
    """All entries as they stood, with resourceVersion and generation; of the largest only the size."""
    large = _foreign({f"f:{number}": {} for number in range(5000)}, "large")
    body = _object(OURS, _foreign({"f:spec": {"f:replicas": {}}}), large)
    body["metadata"] |= {"resourceVersion": "7", "generation": 3}

    found = attribute(body, ["/spec/replicas"])

    assert (found.resource_version, found.generation) == ("7", 3)
    assert found.managed_fields[:2] == tuple(body["metadata"]["managedFields"][:2])
    assert found.managed_fields[2]["manager"] == "large"
    assert "bytes" in found.managed_fields[2]["fieldsV1"]


def test_fields_that_left_our_entry_are_noticed() -> None:
    """An apply would make them ours again; fields that we own beyond it are none of that."""
    whole = _object(OURS)
    assert disowned(whole, whole) == ""
    assert disowned(_object(OURS | {"fieldsV1": {"f:spec": {"f:template": {}}}}), whole) == "f:spec f:replicas"
    assert disowned(_object(), whole) == "f:spec"
    assert disowned(whole, _object(OURS | {"fieldsV1": {"f:spec": {"f:template": {}}}})) == ""


def test_several_owners_are_candidates_the_latest_first() -> None:
    """Two managers own the field: both are named, none is chosen."""
    body = _object(
        _foreign({"f:spec": {"f:replicas": {}}}, "old", "2026-01-01T00:00:00Z"),
        _foreign({"f:spec": {"f:replicas": {}}}, "new", "2026-01-05T00:00:00Z"),
    )

    found = attribute(body, ["/spec/replicas"])

    assert found.certainty == "ambiguous"
    assert [suspect.manager for suspect in found.suspects] == ["new", "old"]


def test_fields_inside_lists_are_found_by_key_value_and_index() -> None:
    """Associative lists are keyed, sets hold values, and pointers count: the entry is found all the same."""
    spec = {"ports": [{"port": 80, "name": "a"}, {"port": 81, "name": "b"}], "set": ["x", "y"], "plain": [{"q": 1}]}
    keyed = _foreign({"f:spec": {"f:ports": {'k:{"port":81}': {"f:name": {}}}}}, "keyed")
    valued = _foreign({"f:spec": {"f:set": {'v:"y"': {}}}}, "valued")
    indexed = _foreign({"f:spec": {"f:plain": {"i:0": {}}}}, "indexed")
    body = _object(keyed, valued, indexed, spec=spec)

    assert [s.manager for s in attribute(body, ["/spec/ports/1/name"]).suspects] == ["keyed"]
    assert attribute(body, ["/spec/ports/0/name"]).suspects == ()
    assert [s.manager for s in attribute(body, ["/spec/set/1"]).suspects] == ["valued"]
    assert [s.manager for s in attribute(body, ["/spec/plain/0/q"]).suspects] == ["indexed"]


def test_an_atomic_field_owns_what_is_below_it() -> None:
    """A leaf of the set stands for all below: a foreign manager of `f:data` whole owns `/data/a`."""
    body = _object(_foreign({"f:data": {}}), data={"a": "1"})

    assert attribute(body, ["/data/a"]).certainty == "manager"


def test_names_with_slashes_and_tildes_are_unescaped() -> None:
    """A label's pointer is escaped by RFC 6901, the field set is not."""
    body = _object(_foreign({"f:metadata": {"f:labels": {"f:a.b/c~d": {}}}}))
    body["metadata"]["labels"] = {"a.b/c~d": "1"}

    assert attribute(body, ["/metadata/labels/a.b~1c~0d"]).certainty == "manager"


def test_hostile_managed_fields_are_no_error() -> None:
    """Anything may stand there: a client can submit its own."""
    body = _object("x", 1, None, {"manager": "m"}, {"manager": "n", "fieldsV1": "no"}, _foreign({"k:{": 1, "v:{": 2}))
    body["spec"] = [1]

    assert attribute(body, ["/spec/0/a", "", "/"]).certainty in {"ambiguous", "unattributable", "manager"}
