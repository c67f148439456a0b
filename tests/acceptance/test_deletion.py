"""An Application is deleted: what becomes of its objects, and what can hold it, each said with the way on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from controller.model.labels import API_VERSION
from tests.controlplane import service_account_kubeconfig
from tests.ground.eventually import eventually
from tests.ground.installation import NAMESPACE
from tests.ground.sluice import Sluice
from tests.ground.world import TEAM

if TYPE_CHECKING:
    from collections.abc import Sequence

    from controller.model.base import Json
    from tests.ground.controller_process import ControllerProcess
    from tests.ground.world import World

MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\ndata: {x: '1'}\n---\n"
HOLD = {"metadata": {"finalizers": ["sea.example.com/hold"]}}
FREE: Json = {"metadata": {"finalizers": None}}


def _sync(world: World, *names: str, **spec: Any) -> None:
    world.objects.namespace("shop")
    world.repository().publish({"a.yaml": "".join(MAP % name for name in names)}, "first")
    world.application("shop", **spec)
    world.await_ready("shop")


def _map(world: World, name: str) -> Json | None:
    return world.objects.get("v1", "ConfigMap", "shop", name)


def _delete(world: World) -> None:
    world.objects.delete(API_VERSION, "Application", TEAM, "shop")


def _gone(world: World) -> None:
    eventually(lambda: world.objects.get(API_VERSION, "Application", TEAM, "shop") is None, "the Application goes")


def _says(world: World, *parts: str) -> str:
    def said() -> str:
        message = str(world.condition("shop", "Ready").get("message", ""))
        return message if all(part in message for part in parts) else ""

    return eventually(said, f"the condition says {parts}; it says {world.condition('shop', 'Ready')}")


def _orphan(world: World) -> None:
    world.objects.edit(API_VERSION, "Application", TEAM, "shop", {"spec": {"deletion": "orphan"}})


def _left(world: World) -> Sequence[Any]:
    return world.ledger.events("object.left")


def _connect(world: World, kubeconfig: str) -> None:
    reference = {"name": "far-kubeconfig", "namespace": NAMESPACE}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": reference, "stringData": {"kubeconfig": kubeconfig}}
    spec = {"kubeconfigSecretRef": reference}
    world.objects.apply(
        secret, {"apiVersion": API_VERSION, "kind": "Cluster", "metadata": {"name": "far"}, "spec": spec}
    )


def test_the_objects_stay_by_choice(world: World, controller: ControllerProcess) -> None:
    """With `deletion: orphan` all of them stay, which is recorded with their names."""
    del controller
    _sync(world, "a", "b", deletion="orphan")

    _delete(world)

    _gone(world)
    assert _map(world, "a") is not None
    eventually(lambda: _left(world), "it is recorded")
    assert "spec.deletion is orphan" in _left(world)[0]["reason"]
    assert [event["target"]["object"] for event in _left(world)] == ["ConfigMap shop/a", "ConfigMap shop/b"]
    assert world.ledger.events("sync.refused") == []


def test_the_objects_go_by_choice_whatever_sync_prune_says(world: World, controller: ControllerProcess) -> None:
    """`deletion: prune` is about the end of the Application, `sync.prune` about objects that leave Git."""
    del controller
    _sync(world, "a", deletion="prune", sync={"prune": False})

    _delete(world)

    _gone(world)
    assert _map(world, "a") is None


def test_a_foreign_finalizer_is_named_and_does_not_hold_for_ever(world: World, controller: ControllerProcess) -> None:
    """Waited for, then said to be stuck, with object, finalizer and remedy; orphaning lets the Application go."""
    del controller
    _sync(world, "a", "b", sync={"timeout": "2s"})
    world.objects.edit("v1", "ConfigMap", "shop", "a", HOLD)

    _delete(world)

    message = _says(world, "ConfigMap shop/a", "sea.example.com/hold", "spec.deletion: orphan")
    assert "since" in message
    assert world.condition("shop", "Ready")["reason"] == "StuckInDeletion"
    assert _map(world, "b") is None
    world.await_event("sync.refused", outcome="failure")

    _orphan(world)

    _gone(world)
    assert _map(world, "a") is not None
    world.objects.edit("v1", "ConfigMap", "shop", "a", FREE)


def test_the_application_goes_once_the_finalizer_does(world: World, controller: ControllerProcess) -> None:
    """While it is merely waited for nothing is recorded against anybody."""
    del controller
    _sync(world, "a")
    world.objects.edit("v1", "ConfigMap", "shop", "a", HOLD)
    _delete(world)
    _says(world, "sea.example.com/hold")
    assert world.condition("shop", "Ready")["reason"] == "StillGoing"

    world.objects.edit("v1", "ConfigMap", "shop", "a", FREE)

    _gone(world)
    assert _map(world, "a") is None
    assert world.ledger.events("sync.refused") == []


def test_what_runs_is_gone_before_what_it_refers_to_goes(world: World, controller: ControllerProcess) -> None:
    """An object that is held keeps what was written before it: an operator outlives what it must clean up."""
    del controller
    deployment = (
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  replicas: 0\n"
        "  selector: {matchLabels: {app: web}}\n  template:\n    metadata: {labels: {app: web}}\n"
        "    spec: {containers: [{name: web, image: nginx}]}\n"
    )
    world.objects.namespace("shop")
    world.repository().publish({"a.yaml": MAP % "a" + deployment}, "first")
    world.application("shop")
    world.await_ready("shop")
    world.objects.edit("apps/v1", "Deployment", "shop", "web", HOLD)

    _delete(world)

    _says(world, "Deployment.apps shop/web", "sea.example.com/hold")
    standing = _map(world, "a")
    assert standing is not None
    assert "deletionTimestamp" not in standing["metadata"]
    world.objects.edit("apps/v1", "Deployment", "shop", "web", FREE)
    _gone(world)
    assert _map(world, "a") is None


def test_a_namespace_that_is_gone_holds_nothing(world: World, controller: ControllerProcess) -> None:
    """What was in it is gone with it."""
    del controller
    _sync(world, "a")
    world.application("shop", suspend=True, deletion="prune")
    eventually(lambda: world.condition("shop", "Synced").get("reason") == "Suspended", "it is suspended")
    world.objects.delete("v1", "Namespace", "", "shop")
    eventually(lambda: world.objects.get("v1", "Namespace", "", "shop") is None, "the namespace goes")

    _delete(world)

    _gone(world)


def test_a_repository_that_is_gone_holds_nothing(world: World, controller: ControllerProcess) -> None:
    """Deleting asks Git for nothing."""
    del controller
    _sync(world, "a")
    world.objects.delete(API_VERSION, "Repository", TEAM, "shop-config")

    _delete(world)

    _gone(world)
    assert _map(world, "a") is None


def test_a_cluster_that_is_gone_leaves_its_objects_behind(world: World, controller: ControllerProcess) -> None:
    """Without its Cluster nobody can reach them: recorded, and the Application goes."""
    del controller
    _connect(world, world.plane.kubeconfig.read_text(encoding="utf-8"))
    _sync(world, "a", destination={"namespace": "shop", "cluster": "far"})
    world.objects.delete(API_VERSION, "Cluster", "", "far")

    _delete(world)

    _gone(world)
    assert _map(world, "a") is not None
    eventually(lambda: _left(world), "it is recorded")
    assert "there is no Cluster far any more" in _left(world)[0]["reason"]


def test_a_cluster_that_does_not_answer_is_waited_for_and_named(world: World, controller: ControllerProcess) -> None:
    """The condition says which and how to proceed; back again, the objects are pruned."""
    del controller
    with Sluice(world.plane.url) as way:
        kubeconfig = world.plane.kubeconfig.read_text(encoding="utf-8")
        _connect(world, kubeconfig.replace(world.plane.url, f"https://127.0.0.1:{way.port}"))
        _sync(world, "a", destination={"namespace": "shop", "cluster": "far"})
        way.shut()
        eventually(lambda: not _up(world), "the cluster is away", seconds=40)

        _delete(world)

        _says(world, "cluster far does not answer", "spec.deletion: orphan")
        assert world.condition("shop", "Ready")["reason"] == "Unreachable"
        way.open()
        _gone(world)
    assert _map(world, "a") is None


def test_a_right_that_is_missing_is_named_and_can_be_given(world: World, controller: ControllerProcess) -> None:
    """Verb, resource and namespace; orphaning is the other way out, for a ServiceAccount that is gone for good."""
    del controller
    account = {"name": "deployer", "namespace": "kube-system"}
    rbac = "rbac.authorization.k8s.io"
    binding = {
        "apiVersion": f"{rbac}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "deployer"},
        "roleRef": {"apiGroup": rbac, "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"kind": "ServiceAccount", **account}],
    }
    world.objects.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": account}, binding)
    _connect(world, service_account_kubeconfig(world.plane, "kube-system", "deployer").read_text(encoding="utf-8"))
    _sync(world, "a", destination={"namespace": "shop", "cluster": "far"})
    world.objects.delete(f"{rbac}/v1", "ClusterRoleBinding", "", "deployer")

    _delete(world)

    message = _says(world, "configmaps in namespace shop", "spec.deletion: orphan")
    assert "a role must allow get on configmaps in namespace shop" in message
    assert world.condition("shop", "Ready")["reason"] == "Forbidden"
    world.objects.apply(binding)
    _gone(world)
    assert _map(world, "a") is None


def test_a_service_account_that_is_gone_is_a_cluster_that_does_not_answer_us(
    world: World, controller: ControllerProcess
) -> None:
    """Its token is refused; the condition says so and how to let go; then it goes."""
    del controller
    account = {"name": "deployer", "namespace": "kube-system"}
    rbac = "rbac.authorization.k8s.io"
    world.objects.apply(
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": account},
        {
            "apiVersion": f"{rbac}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": "deployer"},
            "roleRef": {"apiGroup": rbac, "kind": "ClusterRole", "name": "cluster-admin"},
            "subjects": [{"kind": "ServiceAccount", **account}],
        },
    )
    _connect(world, service_account_kubeconfig(world.plane, "kube-system", "deployer").read_text(encoding="utf-8"))
    _sync(world, "a", destination={"namespace": "shop", "cluster": "far"})
    world.objects.delete("v1", "ServiceAccount", "kube-system", "deployer")
    eventually(lambda: not _up(world), "its token is refused", seconds=60)

    _delete(world)

    _says(world, "can't be deleted yet", "spec.deletion: orphan")
    _orphan(world)
    _gone(world)
    assert _map(world, "a") is not None


def _up(world: World) -> bool:
    found = world.objects.get(API_VERSION, "Cluster", "", "far") or {}
    conditions = found.get("status", {}).get("conditions", [])
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
