"""Field-level differences, redacted."""

from __future__ import annotations

from typing import Any

import pytest

from controller.diff.compare import differences
from controller.diff.redact import REDACTED
from controller.model.plan import FieldChange


def _object(**fields: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}} | fields


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({"data": {"a": "1"}}, {"data": {"a": "2"}}, FieldChange("/data/a", "1", "2")),
        ({"data": {}}, {"data": {"a": "2"}}, FieldChange("/data/a", after="2", absent="before")),
        ({"data": {"a": "1"}}, {"data": {}}, FieldChange("/data/a", "1", absent="after")),
        ({"data": {"a/b~c": "1"}}, {"data": {"a/b~c": "2"}}, FieldChange("/data/a~1b~0c", "1", "2")),
        ({"spec": {"l": [1, 2]}}, {"spec": {"l": [1, 3]}}, FieldChange("/spec/l/1", 2, 3)),
        ({"spec": {"l": [1]}}, {"spec": {"l": [1, 3]}}, FieldChange("/spec/l/1", after=3, absent="before")),
        ({"spec": {"x": 1}}, {"spec": {"x": True}}, FieldChange("/spec/x", 1, True)),
        ({"spec": {"x": None}}, {"spec": {}}, FieldChange("/spec/x", None, absent="after")),
    ],
)
def test_each_difference_names_its_field(before: Any, after: Any, expected: FieldChange) -> None:
    """One pointer per leaf that differs, with the values on both sides."""
    assert differences(_object(**before), _object(**after)) == (expected,)


def test_the_servers_bookkeeping_and_status_are_no_difference() -> None:
    """A dry run moves managedFields and generation; nobody wished for those."""
    before = _object(status={"a": 1})
    after = _object(status={"a": 2})
    after["metadata"] = {"name": "a", "managedFields": [1], "resourceVersion": "9", "generation": 4, "uid": "u"}

    assert differences(before, after) == ()


def test_no_value_of_a_secret_comes_out() -> None:
    """Neither data nor stringData nor an annotation that repeats it; the keys' names do."""
    secret = "canary-9f3"

    def make(value: str | None) -> dict[str, Any]:
        body: dict[str, Any] = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "annotations": {}}}
        if value is not None:
            body |= {"data": {"password": value}, "stringData": {"token": value}}
            body["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"] = value
        return body

    for before, after in ((None, secret), (secret, None), (secret, secret + "2"), ("x" + secret, secret)):
        changes = differences(make(before), make(after))
        assert changes
        assert secret not in repr(changes)
        assert any(change.path.startswith("/data") for change in changes)
        assert REDACTED in repr(changes)


def test_the_last_applied_annotation_of_any_kind_is_redacted() -> None:
    """Kubectl copies whole objects there, whatever their kind."""
    path = "kubectl.kubernetes.io/last-applied-configuration"
    before, after = _object(), _object()
    before["metadata"] = {"name": "a", "annotations": {path: "canary"}}
    after["metadata"] = {"name": "a", "annotations": {}}

    assert "canary" not in repr(differences(before, after))
