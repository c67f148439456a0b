"""Who wants which object."""

from __future__ import annotations

from controller.model.objects import Key, ObjectId
from controller.reconcile.claims import Claim, Claims

ONE, TWO = Key("team", "one"), Key("team", "two")
A, B = ObjectId("", "ConfigMap", "ns", "a"), ObjectId("", "ConfigMap", "ns", "b")


def test_only_whom_a_change_concerns_is_named() -> None:
    """Sharing begins and ends for both; what only one wants is nobody else's business."""
    claims = Claims()
    assert claims.put(ONE, Claim("here", frozenset({A, B}))) == frozenset()
    assert claims.put(TWO, Claim("here", frozenset({A}))) == {ONE}
    assert claims.put(ONE, Claim("here", frozenset({A}))) == frozenset()
    assert list(claims.shared(ONE)) == [(A, (TWO,))]
    assert claims.put(TWO, None) == {ONE}
    assert list(claims.shared(ONE)) == []
    assert claims.of(TWO) is None


def test_the_same_name_in_another_cluster_is_another_object() -> None:
    """Clusters share nothing."""
    claims = Claims()
    claims.put(ONE, Claim("here", frozenset({A})))

    assert claims.put(TWO, Claim("there", frozenset({A}))) == frozenset()
    assert claims.others(ONE, "here", A) == ()
