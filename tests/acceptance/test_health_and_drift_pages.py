"""What the pages about drift and about health say to write and to run does what they say."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from docs.generator.artifacts import ROOT
from tests.acceptance.shop import shop
from tests.ground.eventually import eventually
from tests.ground.ledger import LedgerDatabase
from tests.ground.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.controlplane import Plane
    from tests.ground.controller_process import ControllerProcess
    from tests.ground.git_server import GitServer
    from tests.ground.postgres import PostgresServer

CRD = """\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: harbours.sea.example.com}
spec:
  group: sea.example.com
  names: {plural: harbours, singular: harbour, kind: Harbour, listKind: HarbourList}
  scope: Namespaced
  versions:
    - name: v1
      served: true
      storage: true
      subresources: {status: {}}
      schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
---
apiVersion: sea.example.com/v1
kind: Harbour
metadata: {name: north}
spec: {berths: 3}
"""


@pytest.fixture(scope="module")
def world(
    tmp_path_factory: pytest.TempPathFactory, plane: Plane, postgres: PostgresServer, git: GitServer
) -> Iterator[World]:
    """A shop, and a kind of its own."""
    ledger = LedgerDatabase(postgres)
    made = World(tmp_path_factory.mktemp("pages"), plane, ledger, git)
    made.repository().publish(shop("1") | {"harbour.yaml": CRD} | _with("harbour.yaml"), "first")
    yield made
    plane.reset()
    ledger.drop()


@pytest.fixture(scope="module")
def controller(world: World) -> Iterator[ControllerProcess]:
    """The controller."""
    process = world.controller()
    process.start()
    yield process
    process.stop()


def _with(name: str) -> dict[str, str]:
    return {"kustomization.yaml": f"namespace: shop\nresources: [namespace.yaml, web.yaml, {name}]\n"}


def _page(name: str) -> str:
    return (ROOT / "docs" / "how-to" / f"{name}.md").read_text(encoding="utf-8")


def _blocks(page: str, language: str) -> list[str]:
    return [text.strip() for text in re.findall(rf"^```{language}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)]


def _shipslog(world: World, command: str, *more: str) -> Any:
    program, *arguments = shlex.split(command)
    assert program == "shipslog"
    environment = {"PATH": os.environ["PATH"], "HOME": str(world.directory), "USER": "jane"}
    done = subprocess.run(
        [sys.executable, "-m", "controller", *arguments, "--output", "json", *more],
        env=environment | {"SHIPSLOG_KUBECONFIG": str(world.plane.kubeconfig)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def _phase(world: World, phase: str) -> None:
    path = world.objects.path("sea.example.com/v1", "Harbour", "shop", "north") + "/status"
    world.objects.admin.merge(path, {"status": {"phase": phase}}, manager="harbour-master")


def test_the_health_page(world: World, controller: ControllerProcess) -> None:
    """The check decides over the Application; the tree goes down to Pods; the annotation leaves the object out."""
    del controller
    page = _page("health-of-custom-kinds")
    (application,) = _blocks(page, "yaml")
    tree, annotate = _blocks(page, "sh")
    world.objects.apply(yaml.safe_load(application))
    eventually(lambda: "not true yet" in world.condition("shop", "Healthy").get("message", ""), "it has no phase")
    for phase, reason in (("Opening", "Progressing"), ("Sunk", "Degraded"), ("Open", "Healthy"), ("Sunk", "Degraded")):
        _phase(world, phase)
        eventually(lambda r=reason: world.condition("shop", "Healthy")["reason"] == r, f"{phase} is {reason}")  # type: ignore[misc]

    found = {each["kind"]: each for each in _shipslog(world, tree)["objects"]}
    (replicas,) = found["Deployment"]["children"]
    assert [pod["kind"] for pod in replicas["children"]] == ["Pod", "Pod"]
    assert found["Deployment"]["worst"] == "Healthy"
    assert found["Harbour"]["health"] == "Degraded"

    program, verb, _, namespace, _, name, annotation = shlex.split(annotate)
    assert (program, verb) == ("kubectl", "annotate")
    key, _, value = annotation.partition("=")
    patch = {"metadata": {"annotations": {key: value}}}
    world.objects.edit("sea.example.com/v1", "Harbour", namespace, name, patch)
    eventually(lambda: world.condition("shop", "Healthy")["reason"] == "Healthy", "it is left out")


def test_a_rollout_that_makes_no_progress_fails(world: World, controller: ControllerProcess) -> None:
    """A StatefulSet whose Pods can't be scheduled is Degraded when its deadline has passed."""
    del controller
    stuck = {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": "db", "annotations": {"shipslog.dev/progress-deadline": "2s"}},
        "spec": {
            "serviceName": "db",
            "replicas": 1,
            "selector": {"matchLabels": {"app": "db"}},
            "template": {
                "metadata": {"labels": {"app": "db"}},
                "spec": {"nodeSelector": {"no": "such"}, "containers": [{"name": "db", "image": "db:1"}]},
            },
        },
    }
    world.repositories["shop-config"][1].publish({"stuck/db.yaml": yaml.safe_dump(stuck)}, "stuck")
    world.objects.namespace("stuck")
    world.application("stuck", path="stuck")

    eventually(lambda: world.condition("stuck", "Healthy").get("reason") == "Degraded", "it has failed")
    assert "No progress for more than 2 s" in world.condition("stuck", "Healthy")["message"]


def test_the_drift_page(world: World, controller: ControllerProcess) -> None:
    """A declined heal lets the change stand, with who and why; taken back, the object is healed."""
    del controller
    page = _page("drift-policy")
    (application,) = _blocks(page, "yaml")
    listing, decline, heal = _blocks(page, "sh")
    world.objects.apply(yaml.safe_load(application))
    eventually(lambda: world.status("shop").get("lastRun", {}).get("applied"), "it was applied")
    answer = _shipslog(world, decline)
    assert answer["object"] == "Deployment.apps shop/web"
    world.objects.edit("apps/v1", "Deployment", "shop", "web", {"spec": {"replicas": 7}}, manager="kubectl-scale")

    (drift,) = eventually(lambda: _shipslog(world, listing), "the drift is open")
    assert drift["declined"]["reason"] == "incident 42: more replicas"
    said = world.await_event("drift.declined", causation_id=drift["id"])
    assert said["actor"] == {"kind": "user", "name": drift["declined"]["by"]}
    _shipslog(world, heal)
    world.await_event("drift.healed", causation_id=drift["id"])
    found = world.objects.get("apps/v1", "Deployment", "shop", "web")
    assert found is not None
    assert found["spec"]["replicas"] == 2
