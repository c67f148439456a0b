"""Writes that fail: told object by object with their cause, and only what is needed is tried again."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from controller.model.labels import API_VERSION
from tests.controlplane import ControlPlane, service_account_kubeconfig
from tests.ground.eventually import eventually
from tests.ground.faults import Fault, FaultyWay, is_write
from tests.ground.installation import NAMESPACE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.ground.controller_process import ControllerProcess
    from tests.ground.world import World

MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\ndata: {x: '%s'}\n---\n"
SOON = {"limit": 20, "backoff": {"duration": "500ms", "maxDuration": "500ms"}}


@pytest.fixture
def way(world: World) -> Iterator[FaultyWay]:
    """A Cluster `far` that is reached by a faulty way."""
    if not isinstance(world.plane, ControlPlane):
        pytest.fail("these tests need a control plane of their own")
    with FaultyWay(world.plane) as made:
        _connect(world, made.kubeconfig)
        yield made


def _connect(world: World, kubeconfig: str) -> None:
    reference = {"name": "far-kubeconfig", "namespace": NAMESPACE}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": reference, "stringData": {"kubeconfig": kubeconfig}}
    spec = {"kubeconfigSecretRef": reference}
    world.objects.apply(
        secret, {"apiVersion": API_VERSION, "kind": "Cluster", "metadata": {"name": "far"}, "spec": spec}
    )


def _sync(world: World, *names: str, **sync: Any) -> None:
    world.objects.namespace("shop")
    world.repository().publish({"a.yaml": "".join(MAP % (name, "1") for name in names)}, "first")
    world.application("shop", destination={"namespace": "shop", "cluster": "far"}, sync={"retry": SOON, **sync})


def _failures(controller: ControllerProcess, cause: str) -> float:
    found = re.search(rf'shipslog_object_failures_total\{{cause="{cause}",cluster="far"\}} (\S+)', controller.metrics())
    assert found, f"the series of {cause} exists"
    return float(found[1])


def _on_writes(way: FaultyWay, name: str, fault: Fault, times: int) -> None:
    left = [fault] * times

    def rule(method: str, path: str) -> Fault | None:
        return left.pop() if is_write(method, path) and f"/{name}?" in path and left else None

    way.rule = rule


def test_a_failed_object_is_told_and_tried_again_alone(
    world: World, controller: ControllerProcess, way: FaultyWay
) -> None:
    """What was written is not written again; the condition, the record and the metric name the cause."""
    _on_writes(way, "bad", Fault(500), times=2)
    _sync(world, "bad", "fine")

    failed = world.await_event("apply.object", outcome="failure")
    assert failed["target"]["object"] == "ConfigMap shop/bad"
    assert failed["detail"]["cause"] == "ServerError"
    world.await_ready("shop")

    assert (len(way.writes("bad")), len(way.writes("fine"))) == (3, 1)
    assert _failures(controller, "ServerError") == 2
    runs = world.status("shop")["history"]
    assert [run["phase"] for run in runs] == ["Succeeded", "Failed", "Failed"]
    assert "ConfigMap shop/bad: ServerError: " in runs[1]["message"]
    assert runs[1]["counts"]["failed"] == 1


def test_a_server_that_asks_for_time_gets_it(world: World, controller: ControllerProcess, way: FaultyWay) -> None:
    """429: no retry before Retry-After is over, whatever the backoff says."""
    busy = Fault(429, "TooManyRequests", "too many requests", {"Retry-After": "12"})
    _on_writes(way, "busy", busy, times=1)
    _sync(world, "busy")
    eventually(lambda: "Throttled" in world.condition("shop", "Synced").get("message", ""), "it is said")
    assert _failures(controller, "Throttled") == 1

    world.await_ready("shop", seconds=40)

    first, second = way.writes("busy")
    assert second - first >= 12


def test_an_answer_that_is_lost_is_asked_for_again(world: World, controller: ControllerProcess, way: FaultyWay) -> None:
    """The write happened, nobody heard of it: a second one changes nothing."""
    del controller
    _on_writes(way, "lost", Fault(lost=True), times=3)
    _sync(world, "lost", "fine")

    world.await_ready("shop")

    found = world.objects.get("v1", "ConfigMap", "shop", "lost")
    assert found is not None
    assert found["data"] == {"x": "1"}
    assert [entry["manager"] for entry in found["metadata"]["managedFields"]] == ["shipslog"]


def test_what_is_denied_when_it_is_written_is_told_with_who_denied_it(
    world: World, controller: ControllerProcess, way: FaultyWay
) -> None:
    """A webhook may let the dry run pass and say no to the write; the others are written."""
    said = 'admission webhook "policy.sea.example.com" denied the request: not on a Friday'
    _on_writes(way, "denied", Fault(403, "Forbidden", said), times=100)
    _sync(world, "denied", "fine", retry={"limit": 0})

    failed = world.await_event("apply.object", outcome="failure")

    assert failed["detail"]["cause"] == "Denied"
    eventually(lambda: "not on a Friday" in world.condition("shop", "Synced").get("message", ""), "it is said")
    assert "policy.sea.example.com" in world.condition("shop", "Synced")["message"]
    assert world.objects.get("v1", "ConfigMap", "shop", "fine") is not None
    assert _failures(controller, "Denied") >= 1
    events = world.objects.list("v1", "Event", "team-pay")
    assert any("not on a Friday" in event["message"] and event["type"] == "Warning" for event in events)


def test_nobody_is_asked_for_ever_who_does_not_answer(
    world: World, controller: ControllerProcess, way: FaultyWay
) -> None:
    """After a few questions without an answer the rest is not attempted; later all of it is written."""
    del controller
    names = [f"map-{number}" for number in range(120)]
    lost = True
    way.rule = lambda method, path: Fault(lost=True) if lost and is_write(method, path) else None
    _sync(world, *names)

    eventually(
        lambda: "were not attempted" in world.condition("shop", "Synced").get("message", ""), "it is said", seconds=90
    )
    lost = False

    world.await_ready("shop", seconds=60)
    assert len(world.objects.list("v1", "ConfigMap", "shop", selector="shipslog.dev/owner")) == len(names)


def test_a_missing_right_is_named_with_verb_resource_and_namespace(world: World, controller: ControllerProcess) -> None:
    """In the condition, the record, an Event and the metric; with the right it goes through without a word from us."""
    rbac = "rbac.authorization.k8s.io"
    world.objects.apply(
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "weak", "namespace": "default"}}
    )
    _connect(world, service_account_kubeconfig(world.plane, "default", "weak").read_text(encoding="utf-8"))
    _sync(world, "a")

    sentence = "a role must allow patch on configmaps in namespace shop"
    eventually(lambda: sentence in world.condition("shop", "Ready").get("message", ""), "the right is named")

    assert world.condition("shop", "Ready")["reason"] == "Forbidden"
    refused = world.await_event("sync.refused")
    assert refused["detail"]["cause"] == "Forbidden"
    assert sentence in refused["reason"]
    assert _failures(controller, "Forbidden") >= 1
    events = world.objects.list("v1", "Event", "team-pay")
    assert any(event["reason"] == "Forbidden" for event in events)

    world.objects.apply(
        {
            "apiVersion": f"{rbac}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": "weak"},
            "roleRef": {"apiGroup": rbac, "kind": "ClusterRole", "name": "cluster-admin"},
            "subjects": [{"kind": "ServiceAccount", "name": "weak", "namespace": "default"}],
        }
    )
    world.await_ready("shop", seconds=60)
