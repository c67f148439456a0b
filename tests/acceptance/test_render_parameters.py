"""What a source's options promise, on a real cluster: variables, capabilities, edits, placement, and what stays."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from tests.ground.eventually import eventually
from tests.ground.world import TEAM

if TYPE_CHECKING:
    from controller.model.base import Json
    from tests.ground.controller_process import ControllerProcess
    from tests.ground.world import World

CANARY = "canary-5f3a9c"
SETTINGS = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {zone: "${zone}", token: "x${token}x", tier: "${tier:=front}", script: "$${HOME}"}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: script, annotations: {shipslog.dev/substitute: disabled}}
data: {run: "echo ${HOME}"}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: ${replicas}
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: "nginx:1"}]}
"""
FROM = {
    "substitute": {"zone": "inline"},
    "substituteFrom": [{"kind": "ConfigMap", "name": "values"}, {"kind": "Secret", "name": "tokens"}],
}
DEFINITION = """\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: rockets.example.com}
spec:
  group: example.com
  scope: Cluster
  names: {kind: Rocket, plural: rockets, singular: rocket, listKind: RocketList}
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
"""
ROCKET = "apiVersion: example.com/v1\nkind: Rocket\nmetadata: {name: saturn}\nspec: {stages: 3}\n"
CHART = {
    "chart/Chart.yaml": "apiVersion: v2\nname: shop\nversion: 1.0.0\n",
    "chart/templates/all.yaml": """\
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data:
  rockets: {{ .Capabilities.APIVersions.Has "example.com/v1/Rocket" | quote }}
  kube: {{ .Capabilities.KubeVersion.Version | quote }}
  motto: {{ .Values.motto | quote }}
  size: {{ .Values.size | quote }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: shop-reader, namespace: {{ .Release.Namespace }}}
rules: []
""",
    "chart/templates/data.yaml": (
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: data, annotations: {helm.sh/resource-policy: keep}}\n"
    ),
    "shared/motto.txt": "per aspera",
}


def test_variables_come_from_beside_the_application(world: World, controller: ControllerProcess) -> None:
    """ConfigMap < Secret < inline; a change of them is applied without a commit; a missing one is named."""
    del controller
    world.objects.namespace("shop")
    world.repository().publish({"all.yaml": SETTINGS}, "with variables")
    world.application("shop", source={"postBuild": FROM})
    eventually(lambda: world.condition("shop", "Stalled").get("status") == "True", "it is stalled")
    assert "substituteFrom[0]: there is no ConfigMap 'values'" in world.condition("shop", "Stalled")["message"]

    world.objects.apply(_values(zone="a", replicas="2"), _tokens(token="b", tier="back"))
    world.await_ready("shop")  # it is looked for again and again

    assert _config(world) == {"zone": "inline", "token": "xbx", "tier": "back", "script": "${HOME}"}
    assert _config(world, "script") == {"run": "echo ${HOME}"}
    web = world.objects.get("apps/v1", "Deployment", "shop", "web")
    assert web is not None
    assert web["spec"]["replicas"] == 2
    world.objects.apply(_values(replicas="3"))
    eventually(lambda: _replicas(world) == 3, "the new value is applied")


def test_a_value_of_a_secret_is_told_of_nowhere(world: World, controller: ControllerProcess) -> None:
    """Neither when it breaks an object, nor when the server refuses it, nor as drift: no log, status, event, record."""
    world.objects.namespace("shop")
    worktree = world.repository()
    world.objects.apply(_values(replicas="1"), _tokens(token=CANARY, broken=f"{CANARY}: {{"))
    worktree.publish({"all.yaml": SETTINGS.replace("x${token}x", "${broken}")}, "no YAML any more")
    world.application("shop", source={"postBuild": FROM})
    eventually(lambda: "no valid YAML" in world.condition("shop", "Stalled").get("message", ""), "it is refused")
    worktree.publish({"all.yaml": SETTINGS.replace("${replicas}", "'${token}'")}, "no number")
    eventually(lambda: "replicas" in world.condition("shop", "Stalled").get("message", ""), "the server refuses it")
    head = worktree.publish({"all.yaml": SETTINGS}, "right")
    world.await_ready("shop", revision=head)
    assert _config(world)["token"] == f"x{CANARY}x"

    world.objects.edit("v1", "ConfigMap", "shop", "settings", {"data": {"token": "by hand"}})
    drifted = world.await_event("drift.detected")
    eventually(lambda: _config(world)["token"] == f"x{CANARY}x", "it is healed")

    assert "/data/token" in str(drifted)
    events = world.objects.list("v1", "Event", TEAM)
    told = [controller.log.read_text(), str(world.status("shop")), str(events), str(world.ledger.events())]
    assert [CANARY in text for text in told] == [False] * 4


def test_a_chart_sees_the_cluster_and_what_is_given(world: World, controller: ControllerProcess) -> None:
    """API versions are discovered; parameters and files count; a namespace that charts write everywhere is dropped."""
    del controller
    world.objects.namespace("shop")
    worktree = world.repository()
    worktree.publish(CHART | {"crds/crd.yaml": DEFINITION}, "a chart")
    helm: Json = {
        "parameters": [{"name": "size", "value": "010", "forceString": True}],
        "fileParameters": [{"name": "motto", "path": "../shared/motto.txt"}],
    }
    world.application("shop", path="chart", source={"helm": helm})
    world.await_ready("shop")
    assert _config(world)["rockets"] == "false"
    assert _config(world)["kube"].startswith("v1.")
    assert (_config(world)["motto"], _config(world)["size"]) == ("per aspera", "010")
    assert world.objects.get("rbac.authorization.k8s.io/v1", "ClusterRole", "", "shop-reader") is not None

    world.application("definitions", path="crds", destination={"namespace": "shop"})
    world.await_ready("definitions")
    worktree.publish({"chart/values.yaml": "other: value\n"}, "news")
    eventually(lambda: _config(world)["rockets"] == "true", "the chart sees the new kind")

    helm["apiVersions"] = ["nothing/v1"]
    helm["kubeVersion"] = "1.29.0"
    world.application("shop", path="chart", source={"helm": helm})
    eventually(lambda: _config(world)["kube"] == "v1.29.0", "it sees what is given")
    assert _config(world)["rockets"] == "false"


def test_what_a_chart_asks_to_keep_is_not_pruned(world: World, controller: ControllerProcess) -> None:
    """`helm.sh/resource-policy: keep`, when it leaves the chart and when the Application goes."""
    del controller
    world.objects.namespace("shop")
    worktree = world.repository()
    worktree.publish(CHART, "a chart")
    world.application("shop", path="chart")
    world.await_ready("shop")

    head = worktree.publish({"chart/templates/data.yaml": None}, "without the data")
    world.await_ready("shop", revision=head)

    assert world.objects.get("v1", "ConfigMap", "shop", "data") is not None
    world.objects.delete("shipslog.dev/v1alpha1", "Application", TEAM, "shop")
    eventually(lambda: world.objects.get("v1", "ConfigMap", "shop", "settings") is None, "the others go")
    assert world.objects.get("v1", "ConfigMap", "shop", "data") is not None


def test_a_namespace_for_a_cluster_scoped_kind_is_named_for_all_objects(
    world: World, controller: ControllerProcess
) -> None:
    """Each with file and object; Kustomize's own, put on kinds that it does not know, is no mistake."""
    del controller
    world.objects.namespace("shop")
    worktree = world.repository()
    role = (
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: %s, namespace: x}\nrules: []\n"
    )
    worktree.publish({"wrong/a.yaml": role % "one", "wrong/b.yaml": role % "two"}, "two misplaced")
    worktree.publish({"crds/crd.yaml": DEFINITION, "fleet/rocket.yaml": ROCKET}, "a fleet")
    worktree.publish({"fleet/kustomization.yaml": "namespace: shop\nresources: [rocket.yaml]\n"}, "as an overlay")

    world.application("wrong", path="wrong")
    eventually(lambda: world.condition("wrong", "Stalled").get("status") == "True", "it is refused")
    message = world.condition("wrong", "Stalled")["message"]
    for part in ("wrong/a.yaml: ClusterRole one", "wrong/b.yaml: ClusterRole two", "remove metadata.namespace"):
        assert part in message

    world.application("definitions", path="crds", destination={"namespace": "shop"})
    world.await_ready("definitions")
    world.application("fleet", path="fleet", destination={"namespace": "shop"})
    world.await_ready("fleet")
    assert world.objects.get("example.com/v1", "Rocket", "", "saturn") is not None


def _config(world: World, name: str = "settings") -> Any:
    found = world.objects.get("v1", "ConfigMap", "shop", name)
    return found.get("data") if found else None


def _replicas(world: World) -> int:
    found = world.objects.get("apps/v1", "Deployment", "shop", "web")
    return int(found["spec"]["replicas"]) if found else 0


def _values(**data: str) -> Json:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "values", "namespace": TEAM}, "data": data}


def _tokens(**data: str) -> Json:
    encoded = {name: base64.b64encode(value.encode()).decode() for name, value in data.items()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "tokens", "namespace": TEAM}, "data": encoded}
