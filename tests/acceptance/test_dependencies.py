"""`dependsOn`: an Application goes to a revision after those that it needs, and is told at once."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from controller.model.labels import API_VERSION
from tests.ground.eventually import eventually

if TYPE_CHECKING:
    from tests.ground.controller_process import ControllerProcess
    from tests.ground.world import World

MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\ndata: {version: '%s'}\n"
CRD = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: lighthouses.example.org}
spec:
  group: example.org
  scope: Namespaced
  names: {plural: lighthouses, singular: lighthouse, kind: Lighthouse}
  versions:
  - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}
"""
LIGHTHOUSE = "apiVersion: example.org/v1\nkind: Lighthouse\nmetadata: {name: north}\n"
SLOW = """
apiVersion: batch/v1
kind: Job
metadata: {name: gate}
spec:
  suspend: false
  template:
    spec:
      restartPolicy: Never
      nodeSelector: {nowhere: 'true'}
      containers: [{name: gate, image: 'busybox:1'}]
"""


def _publish(world: World, version: str, *names: str) -> str:
    return world.repository().publish({f"{name}/a.yaml": MAP % (name, version) for name in names}, version)


def test_an_application_is_applied_after_the_one_it_needs(world: World, controller: ControllerProcess) -> None:
    """Its kinds come with the other: created first, it waits, says for what, and follows within a second or two."""
    del controller
    world.repository().publish({"crd/a.yaml": CRD, "light/a.yaml": LIGHTHOUSE}, "first")
    world.objects.namespace("crd", "light")
    world.application("light", path="light", dependsOn=[{"name": "crd"}])
    eventually(lambda: world.condition("light", "Ready").get("reason") == "DependencyNotReady", "it waits")
    assert "crd: there is none of this name" in world.condition("light", "Ready")["message"]
    assert world.condition("light", "Stalled")["status"] == "False"

    world.application("crd", path="crd")

    world.await_ready("crd")
    ready = time.monotonic()
    world.await_ready("light")
    assert time.monotonic() - ready < 5
    assert world.objects.get("example.org/v1", "Lighthouse", "light", "north") is not None
    assert world.status("light")["lastRun"]["trigger"] == "dependency"


def test_one_commit_for_both_reaches_the_needed_one_first(world: World, controller: ControllerProcess) -> None:
    """That it was Ready for the commit before does not count; while it is not, the other keeps what it has."""
    del controller
    worktree = world.repository()
    worktree.publish({"db/a.yaml": MAP % ("db", "1"), "shop/a.yaml": MAP % ("shop", "1")}, "first")
    world.objects.namespace("db", "shop")
    world.application("db", path="db")
    world.application("shop", path="shop", dependsOn=[{"name": "db"}])
    world.await_ready("db", "shop")

    files = {"db/a.yaml": MAP % ("db", "2"), "db/gate.yaml": SLOW, "shop/a.yaml": MAP % ("shop", "2")}
    worktree.publish(files, "second")

    eventually(lambda: world.condition("shop", "Ready").get("reason") == "DependencyNotReady", "the shop waits")
    eventually(lambda: _version(world, "db") == "2", "what it needs is written")
    assert _version(world, "shop") == "1"
    world.objects.edit("v1", "ConfigMap", "shop", "shop", {"data": {"version": "by hand"}})
    world.await_event("drift.healed")
    assert _version(world, "shop") == "1"
    head = worktree.publish({"db/gate.yaml": None}, "the gate opens")
    world.await_ready("shop", revision=head)
    assert _version(world, "shop") == "2"


def test_a_cycle_is_an_error_of_its_members_only(world: World, controller: ControllerProcess) -> None:
    """Who depends on a member waits; once it is broken, all go on without being touched."""
    del controller
    names = ("a", "b", "c", "d")
    _publish(world, "1", *names)
    world.objects.namespace(*names)
    for name, needs in (("a", "b"), ("b", "c"), ("c", "a"), ("d", "a")):
        world.application(name, path=name, dependsOn=[{"name": needs}])
    for name in ("a", "b", "c"):
        eventually(lambda name=name: world.condition(name, "Stalled").get("status") == "True", f"{name} is stalled")  # type: ignore[misc]
    assert "a -> b -> c -> a" in world.condition("a", "Stalled")["message"]
    eventually(lambda: world.condition("d", "Ready").get("reason") == "DependencyNotReady", "the fourth only waits")
    assert world.condition("d", "Stalled")["status"] == "False"

    world.objects.edit(API_VERSION, "Application", "team-pay", "c", {"spec": {"dependsOn": None}})

    world.await_ready(*names)


def _version(world: World, name: str) -> str:
    found = world.objects.get("v1", "ConfigMap", name, name)
    return str(found["data"]["version"]) if found else ""
