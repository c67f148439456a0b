"""Broken Applications beside healthy ones: what the healthy lose by them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from controller.model.labels import API_VERSION
from tests.ground.eventually import eventually
from tests.ground.world import TEAM

if TYPE_CHECKING:
    from tests.ground.controller_process import ControllerProcess
    from tests.ground.git_repository import Worktree
    from tests.ground.world import World

pytestmark = pytest.mark.alone

HEALTHY = 100
EACH = 10
"""Broken ones of each kind."""
MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\ndata: {version: '%s'}\n"
STUCK = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: %s}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web, version: '%s'}}
    spec: {nodeSelector: {nowhere: 'true'}, containers: [{name: web, image: 'nginx:1'}]}
"""
BROKEN = {
    "unrendered": "resources: [missing-%s-%s.yaml]\n",
    "refused": "apiVersion: v1\nkind: Service\nmetadata: {name: %s}\nspec: {ports: [{port: 99999}], clusterIP: v%s}\n",
    "stuck": STUCK,
}
PATIENCE = 120.0


def _files(version: str) -> dict[str, str]:
    files = {f"healthy-{number}/a.yaml": MAP % (f"healthy-{number}", version) for number in range(HEALTHY)}
    for kind, text in BROKEN.items():
        name = "kustomization.yaml" if kind == "unrendered" else "a.yaml"
        files |= {f"{kind}-{number}/{name}": text % (f"{kind}-{number}", version) for number in range(EACH)}
    return files


def test_a_hundred_healthy_are_not_delayed_by_thirty_broken(world: World, controller: ControllerProcess) -> None:
    """One commit for all: the healthy have it nearly as soon as without the broken beside them."""
    del controller
    worktree = world.repository()
    worktree.publish(_files("1"), "1")
    world.objects.namespace("shop")
    healthy = [f"healthy-{number}" for number in range(HEALTHY)]
    for name in healthy:
        world.application(name, path=name, destination={"namespace": "shop"})
    eventually(lambda: _ready(world) >= HEALTHY, "the healthy are ready", seconds=PATIENCE)
    alone = min(_commit(world, worktree, version) for version in ("2", "3"))

    for kind in BROKEN:
        for number in range(EACH):
            name = f"{kind}-{number}"
            world.application(name, path=name, destination={"namespace": "shop"})
    eventually(lambda: _stalled(world) >= 2 * EACH, "the broken are known to be", seconds=PATIENCE)
    beside = min(_commit(world, worktree, version) for version in ("4", "5"))

    print(f"\n{HEALTHY} healthy: {alone:.1f} s alone, {beside:.1f} s beside {len(BROKEN) * EACH} broken")
    # 30 % more Applications look at the commit; twice that is what a noisy machine may add.
    assert beside < alone * 1.6 + 2


def _commit(world: World, worktree: Worktree, version: str) -> float:
    begun = time.monotonic()
    head = worktree.publish(_files(version), version)
    eventually(lambda: _ready(world, head) >= HEALTHY, f"the healthy have commit {version}", seconds=PATIENCE)
    return time.monotonic() - begun


def _ready(world: World, head: str = "") -> int:
    """How many healthy ones are Ready, at a commit where one is given."""
    found = 0
    for item in world.objects.list(API_VERSION, "Application", TEAM):
        status = item.get("status", {})
        conditions = {condition["type"]: condition["status"] for condition in status.get("conditions", [])}
        at_head = not head or status.get("revision", {}).get("sha") == head
        found += item["metadata"]["name"].startswith("healthy") and conditions.get("Ready") == "True" and at_head
    return found


def _stalled(world: World) -> int:
    conditions = [
        condition
        for item in world.objects.list(API_VERSION, "Application", TEAM)
        for condition in item.get("status", {}).get("conditions", [])
    ]
    return sum(condition["type"] == "Stalled" and condition["status"] == "True" for condition in conditions)
