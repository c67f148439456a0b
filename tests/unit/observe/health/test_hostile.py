from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.model.objects import GroupKind
from controller.observe.health import RULES, assess

if TYPE_CHECKING:
    from collections.abc import Iterator

WORDS = st.sampled_from(
    """spec status metadata conditions type reason message replicas phase state waiting terminated exitCode
    containerStatuses initContainerStatuses observedGeneration generation loadBalancer ingress active Ready True
    Running Pending Failed annotations updateStrategy rollingUpdate partition name finalizers""".split()  # noqa: SIM905 - a list of words is read as words
)
TEXT = st.text("ab1\x00\n\u202e\U0001f6a2", max_size=9)
ATOMS = st.none() | st.booleans() | st.integers() | st.floats() | TEXT | WORDS
JSON = st.recursive(
    ATOMS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS | TEXT, inner, max_size=6), max_leaves=20
)
KINDS = [*RULES, GroupKind("example.org", "Any")]
HOSTILE: tuple[Any, ...] = (None, "x", -1, 1 << 70, 1.5, True, [], {}, [1], [None], [{}], [[]], {"a": 1}, "x" * 10_000)

CONTAINER = {"name": "a", "ready": True, "restartCount": 1, "state": {"waiting": {"reason": "CrashLoopBackOff"}}}
CONTAINER["lastState"] = {"terminated": {"exitCode": 1}}
EVERYTHING: dict[str, Any] = {
    "metadata": {"name": "one", "generation": 1, "finalizers": ["a"], "annotations": {"a": "b"}},
    "spec": {
        "replicas": 2,
        "paused": False,
        "suspend": False,
        "completions": 1,
        "type": "LoadBalancer",
        "restartPolicy": "Always",
        "minReadySeconds": 1,
        "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}},
    },
    "status": {
        "observedGeneration": 1,
        "phase": "Pending",
        "replicas": 2,
        "readyReplicas": 2,
        "updatedReplicas": 2,
        "availableReplicas": 2,
        "currentRevision": "a",
        "updateRevision": "a",
        "expectedPods": 1,
        "active": [{"name": "a"}],
        "loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]},
        "containerStatuses": [CONTAINER],
        "initContainerStatuses": [CONTAINER],
        "conditions": [
            {"type": name, "status": "False", "reason": "a", "message": "b", "observedGeneration": 1}
            for name in ("Ready", "Available", "Established", "PodScheduled", "AbleToScale", "ScalingActive", "Failed")
        ],
    },
}
"""A status that every rule finds something of its own in."""


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every container and key of a JSON value: all places where something else could stand."""
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
        yield value, key
        if isinstance(inner, dict | list):
            yield from places(inner)


@pytest.mark.parametrize("known", KINDS, ids=str)
@pytest.mark.parametrize("phase", ["Pending", "Running", "Failed"])
def test_anything_may_stand_anywhere_in_a_status(known: GroupKind, phase: str) -> None:
    """Whatever one field is replaced by, there is a verdict with a sentence of bounded length."""
    whole = copy.deepcopy(EVERYTHING)
    whole["status"]["phase"] = phase
    body = {**whole, "apiVersion": f"{known.group}/v1".lstrip("/"), "kind": known.kind}
    for holder, key in list(places(whole)):
        before = holder[key]
        for hostile in HOSTILE:
            holder[key] = hostile

            found = assess({**body, **whole})

            assert 0 < len(found.message) < 1000
        holder[key] = before


@given(st.dictionaries(WORDS, JSON, max_size=6), st.sampled_from(KINDS) | st.none())
def test_no_object_is_too_odd_for_a_verdict(body: dict[str, Any], known: GroupKind | None) -> None:
    """Whatever the server answers, there is a verdict and a sentence."""
    if known:
        body = {**body, "apiVersion": f"{known.group}/v1".lstrip("/"), "kind": known.kind}

    found = assess(body)

    assert 0 < len(found.message) < 1000
