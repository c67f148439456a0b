"""Drift that is left to stand, or to others: by policy, by a person's decision, by an autoscaler, after a crash."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import pytest

from tests.acceptance.shop import shop
from tests.controlplane.admin import ApiError
from tests.ground.eventually import eventually
from tests.ground.ledger import LedgerDatabase
from tests.ground.world import TEAM, World

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.controlplane import Plane
    from tests.ground.controller_process import ControllerProcess
    from tests.ground.git_server import GitServer
    from tests.ground.postgres import PostgresServer

MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {colour: blue, size: small}\n"


@pytest.fixture(scope="module")
def world(
    tmp_path_factory: pytest.TempPathFactory, plane: Plane, postgres: PostgresServer, git: GitServer
) -> Iterator[World]:
    """One world for all; each test has Applications of its own."""
    ledger = LedgerDatabase(postgres)
    made = World(tmp_path_factory.mktemp("modes"), plane, ledger, git)
    yield made
    plane.reset()
    ledger.drop()


@pytest.fixture(scope="module")
def controller(world: World) -> Iterator[ControllerProcess]:
    """The controller."""
    world.repository().publish({"map/all.yaml": MAP}, "first")
    process = world.controller()
    process.start()
    yield process
    process.stop()


def _application(world: World, name: str, **spec: Any) -> None:
    world.objects.namespace(name)
    world.application(name, path="map", **spec)


def _colour(world: World, name: str) -> str:
    found = world.objects.get("v1", "ConfigMap", name, "settings")
    return str(found["data"]["colour"]) if found else ""


def _paint(world: World, name: str, colour: str) -> None:
    world.objects.edit("v1", "ConfigMap", name, "settings", {"data": {"colour": colour}})


def _drifts(world: World, name: str) -> Any:
    return world.status(name).get("drift", [])


def _events(world: World, type_: str, name: str) -> list[Any]:
    return [event for event in world.ledger.events(type_) if event.get("target", {}).get("application") == name]


@pytest.mark.parametrize("policy", [{"selfHeal": False}, {"mode": "detect"}], ids=["self-heal-off", "detect"])
def test_drift_stands_and_its_age_is_known(world: World, controller: ControllerProcess, policy: Any) -> None:
    """Recorded once, open in the status and the metric since it was seen, and ended when it is taken back."""
    name = "stands" if "mode" in policy else "unhealed"
    _application(world, name)
    world.await_ready(name)
    world.application(name, path="map", sync=policy)
    _paint(world, name, "red")
    (drift,) = eventually(lambda: _drifts(world, name), "the drift is open")

    assert (drift["fields"], drift["manager"]) == (["/data/colour"], "kubectl-edit")
    assert world.condition(name, "Synced")["reason"] == "Drifted"
    since = f'shipslog_application_oldest_drift_timestamp_seconds{{cluster="in-cluster",name="{name}"'
    (line,) = [line for line in controller.metrics().splitlines() if line.startswith(since)]
    assert float(line.split()[-1]) > 1_000_000_000
    assert _colour(world, name) == "red"

    _paint(world, name, "blue")
    world.await_event("drift.ended", causation_id=drift["id"])
    eventually(lambda: not _drifts(world, name), "nothing is open")
    assert world.condition(name, "Synced")["status"] == "True"
    _paint(world, name, "green")  # the field is not ours by now, but it is watched all the same
    eventually(lambda: _drifts(world, name), "the next drift is open")
    assert len(_events(world, "drift.healed", name)) == 0


def test_an_object_that_is_recreated_by_others_has_changed(world: World, controller: ControllerProcess) -> None:
    """Deleted and made anew with another value: the new object is what drifted, and the record has its uid."""
    del controller
    name = "recreated"
    _application(world, name)
    world.await_ready(name)
    world.application(name, path="map", sync={"mode": "detect"})
    eventually(lambda: world.status(name).get("observedGeneration") == 2, "the policy is seen")
    body = world.objects.get("v1", "ConfigMap", name, "settings")
    assert body is not None
    world.objects.delete("v1", "ConfigMap", name, "settings")
    labels = {key: body["metadata"][key] for key in ("labels", "annotations")}
    anew = body | {"data": {"colour": "red"}, "metadata": {"name": "settings", "namespace": name} | labels}
    path = world.objects.path("v1", "ConfigMap", name)
    world.objects.admin.create(f"{path}?fieldManager=kubectl-replace", anew)

    (drift,) = eventually(
        lambda: [one for one in _drifts(world, name) if one["change"] == "changed"], "the new object has drifted"
    )
    assert drift["manager"] == "kubectl-replace"


def test_a_heal_declined_for_one_episode(world: World, controller: ControllerProcess) -> None:
    """Who and why are recorded; it stands until it is taken back; the next episode is healed as always."""
    del controller
    name = "declined"
    _application(world, name)
    world.await_ready(name)
    decline = (
        f'[{{"object":"ConfigMap {name}/settings","reason":"incident 42","by":"jane",'
        '"at":"2026-01-01T00:00:00Z","until":"2999-01-01T00:00:00Z"}]'
    )
    annotation = {"metadata": {"annotations": {"shipslog.dev/declined-heals": decline}}}
    world.objects.edit("shipslog.dev/v1alpha1", "Application", TEAM, name, annotation)
    _paint(world, name, "red")
    (drift,) = eventually(lambda: _drifts(world, name), "the drift is open")
    said = world.await_event("drift.declined", causation_id=drift["id"])

    assert (said["actor"], said["reason"]) == ({"kind": "user", "name": "jane"}, "incident 42")
    assert drift["declined"] == {"by": "jane", "reason": "incident 42", "at": "2026-01-01T00:00:00Z"}
    assert "incident 42" in world.condition(name, "Synced")["message"]
    world.objects.edit("v1", "ConfigMap", name, "settings", {"data": {"size": "large"}}, manager="kubectl-set")
    widened = world.await_event("drift.widened", causation_id=drift["id"])
    assert widened["detail"]["joined"] == ["/data/size"]
    assert widened["actor"] == {"kind": "unknown", "name": ""}
    eventually(lambda: len(_drifts(world, name)[0]["fields"]) == 2, "both fields are of one drift")
    assert (_colour(world, name), _drifts(world, name)[0]["since"]) == ("red", drift["since"])
    world.objects.edit("v1", "ConfigMap", name, "settings", {"data": {"size": "small"}})

    _paint(world, name, "blue")
    world.await_event("drift.ended", causation_id=drift["id"])
    found = world.objects.get("shipslog.dev/v1alpha1", "Application", TEAM, name)
    assert found is not None
    assert "shipslog.dev/declined-heals" not in found["metadata"].get("annotations", {})
    _paint(world, name, "red")
    eventually(lambda: _colour(world, name) == "blue", "the next episode is healed")


def test_replicas_of_an_autoscaler_are_left_to_it(world: World, controller: ControllerProcess) -> None:
    """No drift and no heal when it scales; it is said in plain words; without it, replicas are Git's again."""
    del controller
    name = "scaled"
    files = {f"scaled/{path}": text for path, text in shop("1", namespace=name).items()}
    world.repositories["shop-config"][1].publish(files, "a shop to scale")
    world.application(name, path="scaled")
    world.await_ready(name)
    scaler = {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "web", "namespace": name},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
            "minReplicas": 1,
            "maxReplicas": 9,
        },
    }
    world.objects.apply(scaler)
    path = world.objects.path("apps/v1", "Deployment", name, "web") + "/scale"
    world.objects.admin.merge(path, {"spec": {"replicas": 5}}, manager="kube-controller-manager")

    note = "spec.replicas is left to HorizontalPodAutoscaler web"
    eventually(lambda: note in world.condition(name, "Synced").get("message", ""), "it is said")
    world.objects.edit("apps/v1", "Deployment", name, "web", {"metadata": {"labels": {"shipslog.dev/bucket": "x"}}})
    eventually(lambda: _bucket(world, name) != "x", "a later change is healed")
    assert _replicas(world, name) == 5
    fields = [event["detail"]["paths"] for event in _events(world, "drift.detected", name)]
    assert ["/spec/replicas"] not in fields

    world.objects.delete("autoscaling/v2", "HorizontalPodAutoscaler", name, "web")
    world.objects.admin.merge(path, {"spec": {"replicas": 7}}, manager="kubectl")
    eventually(lambda: _replicas(world, name) == 2, "replicas are Git's again")
    fields = [event["detail"]["paths"] for event in _events(world, "drift.detected", name)]
    assert ["/spec/replicas"] in fields
    eventually(lambda: note not in world.condition(name, "Synced").get("message", ""), "nothing is left to it any more")


def test_a_change_during_a_sync_and_right_after_our_own_write(world: World, controller: ControllerProcess) -> None:
    """Whenever the foreign write comes, in the end the cluster is Git's, and every episode has its end."""
    del controller
    name = "busy"
    documents = [MAP.replace("settings", f"map-{number}") for number in range(30)]
    worktree = world.repositories["shop-config"][1]
    worktree.publish({"busy/all.yaml": "---\n".join(documents)}, "thirty")
    world.objects.namespace(name)
    world.application(name, path="busy")
    world.await_ready(name)
    green = "---\n".join(documents).replace("blue", "green")
    head = worktree.publish({"busy/all.yaml": green}, "other values")

    def edit(number: int, manager: str) -> None:
        target = "v1", "ConfigMap", name, f"map-{number}"
        world.objects.edit(*target, {"data": {"colour": "red"}}, manager=manager)

    for number in range(0, 30, 3):
        edit(number, "kubectl-edit")
    world.await_ready(name, revision=head)
    for number in range(30):
        edit(number, "kubectl-patch")

    def equal() -> bool:
        maps = world.objects.list("v1", "ConfigMap", name)
        return all(
            each["data"] == {"colour": "green", "size": "small"}
            for each in maps
            if each["metadata"]["name"].startswith("map-")
        )

    eventually(equal, "the cluster is Git's")
    eventually(lambda: not _drifts(world, name), "no drift is open")
    detected = {event["id"] for event in _events(world, "drift.detected", name)}
    eventually(lambda: detected <= _ended(world, name), "every episode has its end")


def test_a_drift_that_was_recorded_before_a_crash_is_the_same_afterwards(
    world: World, controller: ControllerProcess
) -> None:
    """Recorded, then killed before the status says so: the successor records it no second time, and its end once."""
    name = "crashed"
    _application(world, name)
    world.await_ready(name)
    world.application(name, path="map", sync={"mode": "detect"})
    eventually(lambda: world.status(name).get("observedGeneration") == 2, "the policy is seen")
    with _no_status(world, name):
        _paint(world, name, "red")
        eventually(lambda: _events(world, "drift.detected", name), "the drift is recorded")
        assert not _drifts(world, name)
        controller.kill()
    controller.start()

    (drift,) = eventually(lambda: _drifts(world, name), "the drift is open")
    assert [event["id"] for event in _events(world, "drift.detected", name)] == [drift["id"]]
    with _no_status(world, name):
        _paint(world, name, "blue")
        eventually(lambda: _events(world, "drift.ended", name), "its end is recorded")
        controller.kill()
    controller.start()
    eventually(lambda: not _drifts(world, name), "nothing is open")
    assert [event["causation_id"] for event in _events(world, "drift.ended", name)] == [drift["id"]]


@contextlib.contextmanager
def _no_status(world: World, name: str) -> Iterator[None]:
    """The API server refuses the status of an Application."""
    admission = "admissionregistration.k8s.io/v1"
    meta = {"name": f"no-status-{name}"}
    rule = {
        "apiGroups": ["shipslog.dev"],
        "apiVersions": ["*"],
        "operations": ["UPDATE"],
        "resources": ["applications/status"],
    }
    expression = f"object.metadata.name != '{name}'"
    policy = {"matchConstraints": {"resourceRules": [rule]}, "validations": [{"expression": expression}]}
    bound = {"policyName": meta["name"], "validationActions": ["Deny"]}
    world.objects.apply(
        {"apiVersion": admission, "kind": "ValidatingAdmissionPolicy", "metadata": meta, "spec": policy},
        {"apiVersion": admission, "kind": "ValidatingAdmissionPolicyBinding", "metadata": meta, "spec": bound},
    )
    path = world.objects.path("shipslog.dev/v1alpha1", "Application", TEAM, name) + "/status"

    def refused() -> bool:
        try:
            world.objects.admin.merge(path, {"status": {"summary": "probed"}})
        except ApiError:
            return True
        return False

    eventually(refused, "the status is refused")
    try:
        yield
    finally:
        for kind in ("ValidatingAdmissionPolicyBinding", "ValidatingAdmissionPolicy"):
            world.objects.delete(admission, kind, "", meta["name"])
        eventually(lambda: not refused(), "the status is taken again")


def _ended(world: World, name: str) -> set[str]:
    types = "drift.healed", "drift.ended"
    return {event["causation_id"] for type_ in types for event in _events(world, type_, name)}


def _bucket(world: World, name: str) -> str:
    found = world.objects.get("apps/v1", "Deployment", name, "web")
    return str(found["metadata"]["labels"]["shipslog.dev/bucket"]) if found else ""


def _replicas(world: World, name: str) -> int:
    found = world.objects.get("apps/v1", "Deployment", name, "web")
    return int(found["spec"]["replicas"]) if found else -1
