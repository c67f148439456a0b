"""Whose fields become ours before an apply."""

from __future__ import annotations

from typing import Any

from controller.apply.fieldset import paths
from controller.apply.takeover import takeover

FORMER = frozenset({"kubectl-edit", "helm", "before-first-apply"})


def _entry(manager: str, *names: str, operation: str = "Update", **more: Any) -> dict[str, Any]:
    fields: dict[str, Any] = {"f:data": {f"f:{name}": {} for name in names}}
    return {
        "manager": manager,
        "operation": operation,
        "apiVersion": "v1",
        "fieldsType": "FieldsV1",
        "fieldsV1": fields,
        **more,
    }


def _body(*entries: dict[str, Any], **data: str) -> dict[str, Any]:
    metadata = {"name": "a", "resourceVersion": "7", "managedFields": list(entries)}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def _ours(*names: str) -> dict[str, Any]:
    return _entry("shipslog", *names, operation="Apply")


def _named(found: Any) -> dict[str, set[str]]:
    return {
        entry["manager"]: {path[-1].removeprefix("f:") for path in paths(entry["fieldsV1"])}
        for entry in found[0].managed_fields
    }


def test_an_object_that_is_new_to_us_is_taken_over_whole() -> None:
    """What the former manager declared and Git does not is foreseen to go; what others own stays."""
    helm, scaled = _entry("helm", "a", "b", "c"), _entry("hpa", "c", subresource="scale")
    live = _body(helm, scaled, _entry("other", "d"), a="1", b="1", c="1", d="1")
    predicted = _body(helm, scaled, _entry("other", "d"), _ours("a"), a="1", b="1", c="1", d="1")

    found = takeover(live, predicted, FORMER)

    assert found is not None
    assert found[0].managers == ("helm",)
    assert _named(found) == {"hpa": {"c"}, "other": {"d"}, "shipslog": {"a", "b", "c"}}
    assert found[1]["data"] == {"a": "1", "c": "1", "d": "1"}


def test_of_an_object_of_ours_only_what_we_declare_is_taken() -> None:
    """The rest is an addition, and stays the other's."""
    entries = _ours("a"), _entry("kubectl-edit", "a", "x")
    found = takeover(_body(*entries, a="1", x="1"), _body(*entries, a="1", x="1"), FORMER)

    assert found is not None
    assert _named(found) == {"kubectl-edit": {"x"}, "shipslog": {"a"}}
    assert found[1]["data"] == {"a": "1", "x": "1"}


def test_a_changed_value_is_drift_and_no_takeover() -> None:
    """Force takes the field by itself: in the dry run the other has lost it."""
    live = _body(_ours(), _entry("kubectl-edit", "a"), a="by hand")
    predicted = _body(_ours("a"), a="1")

    assert takeover(live, predicted, FORMER) is None


def test_nobody_declared_what_stood_before_the_first_apply() -> None:
    """Only what we declare is taken from it: the rest may be defaults."""
    entry = _entry("before-first-apply", "a", "replicas")
    found = takeover(_body(entry, a="1", replicas="3"), _body(entry, _ours("a"), a="1", replicas="3"), FORMER)

    assert found is not None
    assert _named(found) == {"before-first-apply": {"replicas"}, "shipslog": {"a"}}
    assert found[1]["data"] == {"a": "1", "replicas": "3"}


def test_who_is_not_named_keeps_everything() -> None:
    """And so does a subresource, whoever wrote it."""
    entries = _entry("other", "a"), _entry("helm", "a", subresource="scale")

    assert takeover(_body(*entries, a="1"), _body(*entries, _ours("a"), a="1"), FORMER) is None
