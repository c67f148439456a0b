"""Definitions that change under their objects: extended in the same commit, or a version not served any more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controller.model.labels import API_VERSION
from tests.ground.eventually import eventually
from tests.ground.world import TEAM

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.ground.controller_process import ControllerProcess
    from tests.ground.world import World

GROUP = "example.org"


def _crd(lamps: Sequence[str] = ("oil",), versions: Sequence[tuple[str, bool]] = (("v1", True),)) -> str:
    enum = ", ".join(lamps)
    served = "".join(
        f"""
  - name: {name}
    served: {str(serves).lower()}
    storage: {str(name == versions[-1][0]).lower()}
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec: {{type: object, properties: {{lamp: {{type: string, enum: [{enum}]}}}}}}"""
        for name, serves in versions
    )
    return f"""apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {{name: lighthouses.{GROUP}}}
spec:
  group: {GROUP}
  scope: Namespaced
  names: {{plural: lighthouses, singular: lighthouse, kind: Lighthouse}}
  versions:{served}
"""


def _lighthouse(lamp: str, version: str = "v1") -> str:
    return f"apiVersion: {GROUP}/{version}\nkind: Lighthouse\nmetadata: {{name: north}}\nspec: {{lamp: {lamp}}}\n"


def test_a_commit_may_extend_a_definition_and_use_it(world: World, controller: ControllerProcess) -> None:
    """The object is valid only by the definition that comes with it; one that is valid by neither is still refused."""
    del controller
    world.objects.namespace("light")
    worktree = world.repository()
    worktree.publish({"crd.yaml": _crd(), "north.yaml": _lighthouse("oil")}, "oil")
    world.application("light")
    world.await_ready("light")

    head = worktree.publish({"crd.yaml": _crd(("oil", "gas")), "north.yaml": _lighthouse("gas")}, "gas")

    world.await_ready("light", revision=head, seconds=60)
    found = world.objects.get(f"{GROUP}/v1", "Lighthouse", "light", "north")
    assert found is not None
    assert found["spec"]["lamp"] == "gas"
    worktree.publish({"north.yaml": _lighthouse("neon")}, "neon")
    eventually(lambda: world.condition("light", "Stalled").get("status") == "True", "neon is refused")
    assert "spec.lamp" in world.condition("light", "Stalled")["message"]


def test_an_object_whose_version_is_not_served_any_more_is_still_pruned(
    world: World, controller: ControllerProcess
) -> None:
    """It was applied in a version that went: the object is the same one in the version that is served."""
    del controller
    world.objects.namespace("light")
    worktree = world.repository()
    both = (("v1alpha1", True), ("v1", True))
    worktree.publish({"crd/crd.yaml": _crd(versions=both), "light/north.yaml": _lighthouse("oil", "v1alpha1")}, "both")
    world.application("crd", path="crd", destination={"namespace": "light"})
    world.application("light", path="light", sync={"allowEmpty": True})
    world.await_ready("crd", "light", seconds=60)
    worktree.publish({"crd/crd.yaml": _crd(versions=(("v1alpha1", False), ("v1", True)))}, "v1 only")
    eventually(lambda: not _served(world, "v1alpha1"), "the old version is gone")

    worktree.publish({"light/north.yaml": None, "light/README.md": "nothing left"}, "no lighthouse")

    eventually(lambda: world.objects.get(f"{GROUP}/v1", "Lighthouse", "light", "north") is None, "it is pruned")
    world.objects.delete(API_VERSION, "Application", TEAM, "light")
    eventually(lambda: world.objects.get(API_VERSION, "Application", TEAM, "light") is None, "and its Application goes")


def _served(world: World, version: str) -> bool:
    groups = world.plane.admin.get("/apis")["groups"]
    return any(v["version"] == version for group in groups if group["name"] == GROUP for v in group["versions"])
