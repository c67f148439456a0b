"""Whose fields are whose, from managedFields."""

from __future__ import annotations

from typing import Any

from controller.diff.ownership import attribute, ownership_digest

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
    body = _object(OURS, _foreign({"f:spec": {"f:other": {}}}))

    found = attribute(body, ["/spec/replicas"])

    assert found.certainty == "unattributable"
    assert found.suspects == ()


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
