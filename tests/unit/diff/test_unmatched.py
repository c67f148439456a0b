"""Rules that leave nothing to anybody."""

from __future__ import annotations

import pytest

from controller.diff.unmatched import unmatched
from controller.model.ignore import IgnoreDifference
from controller.model.objects import ObjectId

WEB = ObjectId("apps", "Deployment", "shop", "web")
SETTINGS = ObjectId("", "ConfigMap", "shop", "settings")


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (
            IgnoreDifference(kind="Deployment"),
            ["ignoreDifferences[0] fits no object: for Deployment write group: apps"],
        ),
        (
            IgnoreDifference(group="apps/v1", kind="Deployment"),
            ["ignoreDifferences[0] fits no object: for Deployment write group: apps"],
        ),
        (
            IgnoreDifference(group="core", kind="ConfigMap"),
            ["ignoreDifferences[0] fits no object: for ConfigMap write no group"],
        ),
        (
            IgnoreDifference(group="apps", kind="StatefulSet"),
            ["ignoreDifferences[0] fits no object: there is no StatefulSet among them"],
        ),
        (
            IgnoreDifference(group="apps", kind="Deployment", name="wep"),
            ["ignoreDifferences[0] fits no object: no Deployment has that name and namespace"],
        ),
        (
            IgnoreDifference(kind="ConfigMap", json_pointers=("/data", "/metadata/name")),
            ["ignoreDifferences[0]: /metadata/name names the object, and is never ignored"],
        ),
        (IgnoreDifference(group="apps", kind="Deployment", json_pointers=("/spec/replicas",)), []),
        (IgnoreDifference(group="*", kind="Deploy*"), []),
    ],
)
def test_a_rule_that_fits_nothing_is_told_with_what_was_meant(rule: IgnoreDifference, said: list[str]) -> None:
    """By its place in the list; one that fits is not mentioned."""
    assert list(unmatched([rule], [WEB, SETTINGS])) == said


def test_where_there_is_no_object_no_rule_is_blamed() -> None:
    """That there is none is told already."""
    assert list(unmatched([IgnoreDifference(kind="Deployment")], [])) == []
