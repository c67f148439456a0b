"""What one object asks for by its annotations, and a namespace created by option."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.ground.eventually import eventually

if TYPE_CHECKING:
    from tests.ground.controller_process import ControllerProcess
    from tests.ground.world import World


def _map(name: str, value: str, **annotations: str) -> str:
    lines = "".join(f'    shipslog.dev/{key.replace("_", "-")}: "{said}"\n' for key, said in annotations.items())
    noted = f"  annotations:\n{lines}" if lines else ""
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n{noted}data: {{x: '{value}'}}\n---\n"


def _data(world: World, name: str, namespace: str = "shop") -> Any:
    found = world.objects.get("v1", "ConfigMap", namespace, name)
    return found["data"] if found else None


def _stalled(world: World, name: str = "shop") -> str:
    eventually(lambda: world.condition(name, "Stalled").get("status") == "True", f"{name} is stalled")
    return str(world.condition(name, "Stalled")["message"])


def test_an_object_is_left_alone_or_only_created_as_it_asks(world: World, controller: ControllerProcess) -> None:
    """`sync: never` writes nothing at all; `create-only` creates, and touches neither what exists nor what changed."""
    del controller
    world.objects.namespace("shop")
    world.objects.apply(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "there", "namespace": "shop"},
            "data": {"x": "theirs"},
        }
    )
    worktree = world.repository()

    def publish(value: str) -> str:
        files = _map("plain", value) + _map("never", value, sync="never") + _map("once", value, sync="create-only")
        return worktree.publish({"a.yaml": files + _map("there", value, sync="create-only")}, value)

    publish("1")
    world.application("shop", sync={"timeout": "20s"})
    world.await_ready("shop")
    assert _data(world, "never") is None
    assert _data(world, "once") == {"x": "1"}
    assert _data(world, "there") == {"x": "theirs"}

    world.objects.edit("v1", "ConfigMap", "shop", "once", {"data": {"x": "by hand"}})
    world.await_ready("shop", revision=publish("2"))

    assert _data(world, "plain") == {"x": "2"}
    assert _data(world, "once") == {"x": "by hand"}
    assert _data(world, "there") == {"x": "theirs"}
    assert _data(world, "never") is None
    assert world.ledger.events("drift.detected") == []
    names = {entry["name"] for entry in world.status("shop")["inventory"]}
    assert names == {"plain", "once"}

    world.await_ready("shop", revision=worktree.publish({"a.yaml": _map("plain", "3")}, "the others leave Git"))
    assert _data(world, "once") is None
    assert _data(world, "there") == {"x": "theirs"}


def test_a_live_object_can_ask_to_be_left_alone(world: World, controller: ControllerProcess) -> None:
    """In an emergency `shipslog.dev/sync: never` on the live object stops writes to it, and to nothing else."""
    del controller
    world.objects.namespace("shop")
    worktree = world.repository()
    worktree.publish({"a.yaml": _map("one", "1") + _map("two", "1")}, "first")
    world.application("shop")
    world.await_ready("shop")
    held = {"metadata": {"annotations": {"shipslog.dev/sync": "never"}}, "data": {"x": "by hand"}}
    world.objects.edit("v1", "ConfigMap", "shop", "one", held)

    world.await_ready("shop", revision=worktree.publish({"a.yaml": _map("one", "2") + _map("two", "2")}, "second"))

    assert _data(world, "one") == {"x": "by hand"}
    assert _data(world, "two") == {"x": "2"}


def test_an_option_nobody_knows_is_refused_before_anything_is_written(
    world: World, controller: ControllerProcess
) -> None:
    """The message names object, annotation and what it takes."""
    del controller
    world.objects.namespace("shop")
    world.repository().publish({"a.yaml": _map("fine", "1") + _map("one", "1", prune="nevr")}, "a typo")
    world.application("shop")

    message = _stalled(world)

    assert "ConfigMap shop/one" in message
    assert "shipslog.dev/prune" in message
    assert "'nevr'" in message
    assert "never" in message
    assert _data(world, "fine") is None


def test_fields_of_others_are_refused_instead_of_taken_where_an_object_asks_so(
    world: World, controller: ControllerProcess
) -> None:
    """The message names the field and its manager; nothing is written; without the field in Git it goes on."""
    del controller
    world.objects.namespace("shop")
    theirs = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "one", "namespace": "shop"}}
    world.objects.apply(theirs | {"data": {"x": "theirs"}}, manager="another-tool")
    worktree = world.repository()
    worktree.publish({"a.yaml": _map("one", "ours", conflicts="refuse")}, "first")
    world.application("shop")

    message = _stalled(world)

    assert ".data.x belongs to another-tool" in message
    assert world.condition("shop", "Synced")["reason"] == "OwnedByOthers"
    assert _data(world, "one") == {"x": "theirs"}
    free = _map("one", "ours", conflicts="refuse").replace("{x:", "{z:")
    world.await_ready("shop", revision=worktree.publish({"a.yaml": free}, "another field"))
    assert _data(world, "one") == {"x": "theirs", "z": "ours"}


JOB = """\
apiVersion: batch/v1
kind: Job
metadata:
  name: migrate
  annotations: {%s}
spec:
  suspend: true
  template: {spec: {restartPolicy: Never, containers: [{name: "%s", image: busybox%s}]}}
"""


def test_an_immutable_object_is_replaced_only_where_it_allows_it(world: World, controller: ControllerProcess) -> None:
    """Without the annotation the field and the remedy are told; with it a new object stands, and says why."""
    del controller
    world.objects.namespace("shop")
    worktree = world.repository()
    worktree.publish({"a.yaml": JOB % ("", "a", ":1")}, "first")
    world.application("shop", sync={"timeout": "20s"})
    before = eventually(lambda: world.objects.get("batch/v1", "Job", "shop", "migrate"), "the job exists")
    assert before is not None
    world.await_ready("shop")

    worktree.publish({"a.yaml": JOB % ("", "a", ":2")}, "second")
    message = _stalled(world)
    assert "spec.template" in message
    assert "shipslog.dev/replace: allowed" in message
    assert world.condition("shop", "Synced")["reason"] == "Immutable"

    worktree.publish({"a.yaml": JOB % ('shipslog.dev/replace: "allowed"', "A wrong name", ":2")}, "allowed, but wrong")
    eventually(lambda: "A wrong name" in world.condition("shop", "Stalled").get("message", ""), "the new one is wrong")
    standing = world.objects.get("batch/v1", "Job", "shop", "migrate")
    assert standing is not None
    assert standing["metadata"]["uid"] == before["metadata"]["uid"], "nothing is deleted for what can't be created"

    head = worktree.publish({"a.yaml": JOB % ('shipslog.dev/replace: "allowed"', "a", ":2")}, "allowed")
    world.await_ready("shop", revision=head)
    after = world.objects.get("batch/v1", "Job", "shop", "migrate")
    assert after is not None
    assert after["metadata"]["uid"] != before["metadata"]["uid"]
    assert after["spec"]["template"]["spec"]["containers"][0]["image"] == "busybox:2"
    assert world.ledger.events("apply.object")[-1]["detail"]["replacedFor"] == ["spec.template.spec"]
    assert world.ledger.events("drift.detected") == []


SERVICE = """\
apiVersion: v1
kind: Service
metadata: {name: %s, annotations: {shipslog.dev/replace: allowed}}
spec:
  type: NodePort
  clusterIP: %s
  selector: {app: web}
  ports: [{name: http, port: 80, nodePort: 30080}]
"""
LONG = "a-service-with-a-name-that-is-cut-at-a-hyphen-and-1"
"""Its fiftieth character is no end of a name."""


def test_a_service_with_fixed_addresses_is_replaced(world: World, controller: ControllerProcess) -> None:
    """What the old one has until it goes says nothing against the new one, which has it in the end."""
    del controller
    world.objects.namespace("shop")
    worktree = world.repository()
    addresses = sorted(_free_addresses(world))
    worktree.publish({"a.yaml": SERVICE % (LONG, addresses[0])}, "first")
    world.application("shop", sync={"timeout": "20s"})
    world.await_ready("shop")
    before = world.objects.get("v1", "Service", "shop", LONG)
    assert before is not None

    head = worktree.publish({"a.yaml": SERVICE % (LONG, addresses[1])}, "another address")
    world.await_ready("shop", revision=head)

    after = world.objects.get("v1", "Service", "shop", LONG)
    assert after is not None
    assert after["metadata"]["uid"] != before["metadata"]["uid"]
    assert (after["spec"]["clusterIP"], after["spec"]["ports"][0]["nodePort"]) == (addresses[1], 30080)
    assert world.ledger.events("drift.detected") == []


def _free_addresses(world: World) -> list[str]:
    """Two addresses that Services can have here."""
    found = []
    for name in ("probe-a", "probe-b"):
        spec = {"ports": [{"port": 80}]}
        metadata = {"name": name, "namespace": "shop"}
        world.objects.apply({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec})
        made = world.objects.get("v1", "Service", "shop", name)
        assert made is not None
        found.append(str(made["spec"]["clusterIP"]))
    for name in ("probe-a", "probe-b"):
        world.objects.delete("v1", "Service", "shop", name)
    return found


def test_an_object_that_is_never_to_be_touched_is_not_replaced_either(
    world: World, controller: ControllerProcess
) -> None:
    """Its own annotation counts before Git's, and a change that it would refuse stops nobody else."""
    del controller
    world.objects.namespace("shop")
    worktree = world.repository()
    allowed = 'shipslog.dev/replace: "allowed"'
    worktree.publish({"a.yaml": JOB % (allowed, "a", ":1"), "b.yaml": _map("other", "1")}, "first")
    world.application("shop", sync={"timeout": "20s"})
    world.await_ready("shop")
    world.objects.edit(
        "batch/v1", "Job", "shop", "migrate", {"metadata": {"annotations": {"shipslog.dev/sync": "never"}}}
    )
    before = world.objects.get("batch/v1", "Job", "shop", "migrate")
    assert before is not None

    for annotation, value in ((allowed, "2"), ("", "3")):
        head = worktree.publish({"a.yaml": JOB % (annotation, "a", f":{value}"), "b.yaml": _map("other", value)}, value)
        world.await_ready("shop", revision=head)
        assert _data(world, "other") == {"x": value}

    after = world.objects.get("batch/v1", "Job", "shop", "migrate")
    assert after is not None
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert after["spec"]["template"]["spec"]["containers"][0]["image"] == "busybox:1"


def test_the_namespace_is_created_with_its_labels_and_stays(world: World, controller: ControllerProcess) -> None:
    """Two Applications may ask for the same one; labels of others stay, ours go with the spec; it is never pruned."""
    del controller
    world.repository().publish({"one/a.yaml": _map("one", "1"), "two/a.yaml": _map("two", "1")}, "first")
    labels = {"pod-security.kubernetes.io/enforce": "baseline", "team": "pay"}
    made = {"createNamespace": {"labels": labels, "annotations": {"contact": "pay@example.com"}}}
    world.application("one", path="one", destination={"namespace": "made"}, sync=made)
    world.await_ready("one")
    world.application("two", path="two", destination={"namespace": "made"}, sync={"createNamespace": {}})
    world.await_ready("two", "one")
    namespace = world.objects.get("v1", "Namespace", "", "made")
    assert namespace is not None
    assert labels.items() <= namespace["metadata"]["labels"].items()
    assert namespace["metadata"]["annotations"]["contact"] == "pay@example.com"
    world.objects.edit("v1", "Namespace", "", "made", {"metadata": {"labels": {"by": "hand"}}})

    del labels["team"]
    world.application("one", path="one", destination={"namespace": "made"}, sync=made)
    eventually(lambda: "team" not in _labels(world), "a label goes with the spec")
    assert _labels(world)["by"] == "hand"

    for name in ("one", "two"):
        world.objects.delete("shipslog.dev/v1alpha1", "Application", "team-pay", name)
        eventually(lambda name=name: not world.status(name), f"{name} goes")  # type: ignore[misc]
    assert world.objects.get("v1", "Namespace", "", "made") is not None
    assert _data(world, "one", "made") is None


def _labels(world: World) -> Any:
    namespace = world.objects.get("v1", "Namespace", "", "made")
    return namespace["metadata"]["labels"] if namespace else {}


def test_a_missing_namespace_names_what_to_do(world: World, controller: ControllerProcess) -> None:
    """It is no fault of the object, and goes through once the namespace is there."""
    del controller
    world.repository().publish({"a.yaml": _map("one", "1")}, "first")
    world.application("shop")
    eventually(lambda: "createNamespace" in world.condition("shop", "Ready").get("message", ""), "the remedy is said")
    assert world.condition("shop", "Ready")["reason"] == "NamespaceMissing"

    world.objects.namespace("shop")

    world.await_ready("shop")


CRD = """\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: lighthouses.sea.example.com}
spec:
  group: sea.example.com
  names: {kind: Lighthouse, plural: lighthouses, singular: lighthouse, listKind: LighthouseList}
  scope: Namespaced
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
"""


def test_a_definition_that_another_application_brings_later_is_noticed(
    world: World, controller: ControllerProcess
) -> None:
    """Its objects are refused until then, with the kind named; they follow without a commit and without a request."""
    del controller
    world.objects.namespace("shop")
    light = "apiVersion: sea.example.com/v1\nkind: Lighthouse\nmetadata: {name: north}\n"
    world.repository().publish({"light/a.yaml": light, "kind/a.yaml": CRD}, "first")
    world.application("shop", path="light")
    assert "serves no kind Lighthouse" in _stalled(world)
    assert world.condition("shop", "Synced")["reason"] == "KindMissing"

    world.application("kind", path="kind", destination={"namespace": "shop"})

    world.await_ready("kind")
    world.await_ready("shop", seconds=60)
    assert world.objects.get("sea.example.com/v1", "Lighthouse", "shop", "north") is not None
