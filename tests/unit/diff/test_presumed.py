"""What differs where the server refuses to foresee it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from controller.diff.presumed import presumed
from controller.model.plan import FieldChange

if TYPE_CHECKING:
    from controller.model.base import Json

WEB = {"name": "web", "image": "a:1", "resources": {"limits": {"cpu": "1000m"}}}
OURS: Json = {"f:image": {}, "f:resources": {"f:limits": {"f:cpu": {}}}}


def _containers(*items: Json) -> Json:
    return {"containers": list(items)}


def _wish(spec: Json, **more: Any) -> Json:
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", **more}, "spec": spec}


def _live(spec: Json, ours: Json, theirs: Json) -> Json:
    entries = [
        {"manager": "shipslog", "operation": "Apply", "fieldsV1": {"f:spec": ours}},
        {"manager": "kubectl-edit", "operation": "Update", "fieldsV1": {"f:spec": theirs}},
    ]
    return _wish(spec, managedFields=entries, uid="u", resourceVersion="7", labels={"theirs": "1"})


def _items(fields: Json) -> Json:
    return {"f:containers": {'k:{"name":"web"}': fields}}


def test_a_value_that_somebody_took_differs_and_one_of_ours_never() -> None:
    """The image is another's by now; a quantity that the server spells otherwise is still ours."""
    stands = WEB | {"image": "b:2", "resources": {"limits": {"cpu": "1"}}}
    live = _live(_containers(stands), _items({"f:resources": OURS["f:resources"]}), _items({"f:image": {}}))

    found = presumed(_wish(_containers(WEB)), live)

    assert found == (FieldChange("/spec/containers/[name=web]/image", "b:2", "a:1"),)


def test_what_is_missing_differs_but_for_what_says_nothing() -> None:
    """A label and a field are gone; an empty map that the server drops is none of them."""
    live = _live({"b": 1}, {"f:b": {}}, {})

    found = presumed(_wish({"a": 1, "b": 1, "strategy": {}}, labels={"ours": "1"}), live)

    assert [(change.path, change.absent) for change in found] == [
        ("/metadata/labels/ours", "before"),
        ("/spec/a", "before"),
    ]


def test_a_list_without_keys_differs_as_a_whole() -> None:
    """Arguments are replaced together."""
    live = _live({"args": ["x"]}, {"f:b": {}}, {"f:args": {}})

    assert presumed(_wish({"args": ["a", "b"]}), live) == (FieldChange("/spec/args", ["x"], ["a", "b"]),)


def test_the_values_of_a_secret_are_told_to_nobody() -> None:
    """Names of keys stay."""
    wish = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}, "data": {"password": "Y2FuYXJ5"}}

    (found,) = presumed(wish, wish | {"data": {"password": "b3RoZXI="}})

    assert (found.path, found.before, found.after) == ("/data/password", "(redacted)", "(redacted)")
