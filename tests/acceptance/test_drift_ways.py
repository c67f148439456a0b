"""Every way to drift, on one real API server: how it is noticed, named, graded and ended.

A table: each way has objects of its own in one Application, so that none waits for another.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from tests.controlplane.admin import ApiError
from tests.ground.eventually import eventually
from tests.ground.ledger import LedgerDatabase
from tests.ground.world import World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from tests.controlplane import Plane
    from tests.ground.controller_process import ControllerProcess
    from tests.ground.git_server import GitServer
    from tests.ground.objects import Objects
    from tests.ground.postgres import PostgresServer

SPACE = "ways"

CONFIG = """\
apiVersion: v1
kind: ConfigMap
metadata: {{name: {name}, labels: {{team: pay}}, finalizers: [example.com/ours]}}
data: {{colour: blue, size: "1"}}
"""
DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}}}
spec:
  replicas: 1
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}}}}}
    spec:
      containers:
        - {{name: web, image: "nginx:1", args: [one, two], env: [{{name: A, value: a}}, {{name: B, value: b}}]}}
"""
SERVICE = """\
apiVersion: v1
kind: Service
metadata: {{name: {name}}}
spec: {{selector: {{app: web}}, ports: [{{name: http, port: 80}}, {{name: https, port: 443}}]}}
"""
KINDS = {"ConfigMap": ("v1", CONFIG), "Deployment": ("apps/v1", DEPLOYMENT), "Service": ("v1", SERVICE)}


class Live:
    """One object of the table, as somebody with a hand in the cluster sees it."""

    def __init__(self, objects: Objects, kind: str, name: str) -> None:
        self.objects, self.kind, self.name = objects, kind, name
        self.api_version = KINDS[kind][0]

    @property
    def path(self) -> str:
        """Its path."""
        return self.objects.path(self.api_version, self.kind, SPACE, self.name)

    @property
    def body(self) -> Any:
        """What stands."""
        return self.objects.admin.get(self.path)

    def merge(self, patch: Any, manager: str = "kubectl-edit", sub: str = "") -> None:
        """A merge patch."""
        self.objects.admin.merge(self.path + sub, patch, manager=manager)

    def apply(self, fields: Any, manager: str) -> None:
        """A forced server-side apply."""
        body = {"apiVersion": self.api_version, "kind": self.kind, "metadata": {"name": self.name}} | fields
        self.objects.admin.apply(self.path, body, manager=manager)


class Way(NamedTuple):
    """One way: what is done, and what must be known of it afterwards. Without fields it is no drift."""

    name: str
    kind: str
    act: Callable[[Live], None]
    change: str = ""
    fields: Sequence[str] = ()
    tier: str = ""
    managers: Sequence[str] = ()


def _containers(live: Live) -> Any:
    return live.body["spec"]["template"]["spec"]["containers"]


def _with_args(live: Live, args: Sequence[str]) -> None:
    web = _containers(live)[0] | {"args": list(args)}
    live.merge({"spec": {"template": {"spec": {"containers": [web]}}}})


def _with_env(live: Live, env: Sequence[Mapping[str, str]]) -> None:
    web = _containers(live)[0] | {"env": list(env)}
    live.merge({"spec": {"template": {"spec": {"containers": [web]}}}})


def _sidecar(live: Live) -> None:
    sidecar = {"name": "injected", "image": "proxy:1"}
    live.merge({"spec": {"template": {"spec": {"containers": [*_containers(live), sidecar]}}}}, "injector")


def _owner_removed(live: Live) -> None:
    live.merge({"metadata": {"labels": {"shipslog.dev/owner": None}}})


def _as_ours(body: Any) -> Any:
    """All that our own apply would say, but for one value."""
    metadata = {name: body["metadata"][name] for name in ("name", "labels", "annotations")}
    ports = [{"name": "http", "port": 80}, {"name": "https", "port": 443}]
    return {"metadata": metadata, "spec": {"selector": {"app": "stolen"}, "ports": ports}}


def _back_and_forth(live: Live) -> None:
    for colour in ("red", "blue"):
        live.merge({"data": {"colour": colour}})


A, B = {"name": "A", "value": "a"}, {"name": "B", "value": "b"}
WEB = "/spec/template/spec/containers/[name=web]"
WAYS = (
    Way(
        "changed-field",
        "ConfigMap",
        lambda live: live.merge({"data": {"colour": "red"}}),
        "changed",
        ["/data/colour"],
        "C",
        ["kubectl-edit"],
    ),
    Way("added-field", "ConfigMap", lambda live: live.merge({"data": {"theirs": "x"}}, "operator")),
    Way(
        "added-to-an-atomic-field",
        "Service",
        lambda live: live.merge({"spec": {"selector": {"extra": "x"}}}),
        "changed",
        ["/spec/selector/extra"],
        "C",
        ["kubectl-edit"],
    ),
    Way(
        "removed-field", "ConfigMap", lambda live: live.merge({"data": {"size": None}}), "removed", ["/data/size"], "E"
    ),
    Way(
        "list-item-changed",
        "Deployment",
        lambda live: _with_env(live, [A, B | {"value": "x"}]),
        "changed",
        [f"{WEB}/env/[name=B]/value"],
        "C",
        ["kubectl-edit"],
    ),
    Way("list-item-added", "Deployment", _sidecar),
    Way("list-item-removed", "Deployment", lambda live: _with_env(live, [A]), "removed", [f"{WEB}/env/[name=B]"], "E"),
    Way(
        "atomic-list",
        "Deployment",
        lambda live: _with_args(live, ["two", "one"]),
        "changed",
        [f"{WEB}/args/0", f"{WEB}/args/1"],
        "C",
        ["kubectl-edit"],
    ),
    Way("removed-object", "Service", lambda live: live.objects.admin.delete(live.path), "deleted", [], "E"),
    Way("removed-label", "ConfigMap", _owner_removed, "removed", ["/metadata/labels/shipslog.dev~1owner"], "E"),
    Way(
        "removed-finalizer",
        "ConfigMap",
        lambda live: live.merge({"metadata": {"finalizers": None}}),
        "removed",
        ["/metadata/finalizers"],
        "E",
    ),
    Way(
        "foreign-finalizer",
        "ConfigMap",
        lambda live: live.merge({"metadata": {"finalizers": ["example.com/ours", "example.com/theirs"]}}, "operator"),
    ),
    Way(
        "scaled",
        "Deployment",
        lambda live: live.merge({"spec": {"replicas": 3}}, "kubectl", "/scale"),
        "changed",
        ["/spec/replicas"],
        "C",
        ["kubectl"],
    ),
    Way(
        "status-only",
        "Deployment",
        lambda live: live.merge({"status": {"conditions": []}}, "some-controller", "/status"),
    ),
    Way(
        "forced-apply",
        "ConfigMap",
        lambda live: live.apply({"data": {"colour": "red"}}, "their-pipeline"),
        "changed",
        ["/data/colour"],
        "C",
        ["their-pipeline"],
    ),
    Way(
        "update-in-our-name",
        "ConfigMap",
        lambda live: live.merge({"data": {"colour": "red"}}, "shipslog"),
        "changed",
        ["/data/colour"],
        "D",
        ["shipslog"],
    ),
    Way(
        "apply-in-our-name",
        "Service",
        lambda live: live.apply(_as_ours(live.body), "shipslog"),
        "changed",
        ["/spec/selector/app"],
        "",
    ),
    Way(
        "wiped-managed-fields",
        "ConfigMap",
        lambda live: live.merge({"metadata": {"managedFields": [{}]}}),
        "disowned",
        [],
        "E",
    ),
    Way(
        "changed-and-changed-back",
        "ConfigMap",
        _back_and_forth,
    ),
)
DRIFTS = [way for way in WAYS if way.change]
NONE = [way for way in WAYS if not way.change]


@pytest.fixture(scope="module")
def world(
    tmp_path_factory: pytest.TempPathFactory, plane: Plane, postgres: PostgresServer, git: GitServer
) -> Iterator[World]:
    """One world for the whole table: a ConfigMap, a Deployment or a Service for each way, all in one Application."""
    ledger = LedgerDatabase(postgres)
    made = World(tmp_path_factory.mktemp("ways"), plane, ledger, git)
    made.objects.namespace(SPACE)
    yaml = "---\n".join(KINDS[way.kind][1].format(name=way.name) for way in WAYS)
    made.repository().publish({"all.yaml": yaml}, "every way has its object")
    made.application("ways", destination={"namespace": SPACE})
    yield made
    plane.reset()
    ledger.drop()


@pytest.fixture(scope="module")
def controller(world: World) -> Iterator[ControllerProcess]:
    """The controller, with everything in place."""
    process = world.controller()
    process.start()
    try:
        world.await_ready("ways")
        yield process
    except AssertionError as failure:
        raise AssertionError(f"{world.status('ways')} {process.text()[-3000:]}") from failure
    finally:
        process.stop()


def _detections(world: World, way: Way) -> list[Any]:
    return [
        event
        for event in world.ledger.events("drift.detected")
        if event["target"]["object"].endswith(f" {SPACE}/{way.name}")
    ]


@pytest.mark.parametrize("way", DRIFTS, ids=lambda way: way.name)
def test_a_way_to_drift_is_recorded_graded_and_healed(world: World, controller: ControllerProcess, way: Way) -> None:
    """One episode with its fields, grade and suspects, the raw managedFields beside it, and Git's value again."""
    del controller
    live = Live(world.objects, way.kind, way.name)
    before = live.body

    way.act(live)

    detected = eventually(
        lambda: [event for event in _detections(world, way) if event["detail"]["change"] == way.change],
        f"{way.name} is recorded as {way.change}",
        pause=0.1,
    )
    detail = detected[-1]["detail"]
    attribution = detail["attribution"]
    healed = world.await_event("drift.healed", causation_id=detected[-1]["id"])
    assert detail["paths"] == list(way.fields)
    assert not way.tier or attribution["tier"] == way.tier
    if way.managers:
        assert [suspect["manager"] for suspect in attribution.get("suspects", ())] == list(way.managers)
    if way.change != "deleted" and way.name != "wiped-managed-fields":
        assert {entry["manager"] for entry in attribution["managedFields"]} >= set(way.managers)
    assert healed["detail"]["stoodSeconds"] < 10
    eventually(lambda: _comparable(live) == _comparable(live, before), f"Git's values of {way.name} stand again")


def _comparable(live: Live, body: Any = None) -> Any:
    """What Git declares of an object of the table, as it stands."""
    try:
        body = body or live.body
    except ApiError:
        return None
    metadata = body["metadata"]
    labels = {name: text for name, text in metadata.get("labels", {}).items() if not name.startswith("pod-")}
    spec = body.get("spec", {})
    template = spec.get("template", {}).get("spec", {}).get("containers")
    declared = [body.get("data"), spec.get("replicas"), template, spec.get("selector"), spec.get("ports")]
    return [labels, metadata.get("finalizers"), *declared]


def _undone(live: Live) -> None:
    live.merge({"metadata": {"labels": {"shipslog.dev/bucket": "x"}}}, "marker")
    eventually(lambda: live.body["metadata"]["labels"]["shipslog.dev/bucket"] != "x", "the marker is undone")


def test_what_git_does_not_declare_is_no_drift(world: World, controller: ControllerProcess) -> None:
    """Foreign fields, items, finalizers and status writes stay, and nothing is recorded about them."""
    del controller
    lives = {way: Live(world.objects, way.kind, way.name) for way in NONE}
    for way, live in lives.items():
        way.act(live)
    # The last word of the same watches: by then all of the above were seen.
    for kind in KINDS:
        marker = next(way for way in DRIFTS if way.kind == kind)
        _undone(Live(world.objects, kind, marker.name))

    quiet = [way for way in NONE if way.name != "changed-and-changed-back"]
    assert {way.name: _detections(world, way) for way in quiet} == {way.name: [] for way in quiet}
    sidecar = _containers(lives[next(way for way in NONE if way.name == "list-item-added")])
    assert [container["name"] for container in sidecar] == ["web", "injected"]
    finalizers = lives[next(way for way in NONE if way.name == "foreign-finalizer")].body["metadata"]["finalizers"]
    assert finalizers == ["example.com/ours", "example.com/theirs"]


def test_a_value_that_was_changed_back_by_others_is_ours_again(world: World, controller: ControllerProcess) -> None:
    """The field's owner is then somebody else: unless it became ours again, his next write would go unnoticed."""
    del controller
    way = next(way for way in NONE if way.name == "changed-and-changed-back")
    live = Live(world.objects, way.kind, way.name)
    way.act(live)

    def ours() -> bool:
        entries = live.body["metadata"]["managedFields"]
        return any(
            entry["manager"] == "shipslog" and "f:colour" in entry["fieldsV1"].get("f:data", {}) for entry in entries
        )

    eventually(ours, "the field is ours")
    before = len(_detections(world, way))
    live.merge({"data": {"colour": "red"}}, "kubectl-patch")
    eventually(lambda: len(_detections(world, way)) > before, "the next write is noticed")
    eventually(lambda: live.body["data"]["colour"] == "blue", "and undone")
