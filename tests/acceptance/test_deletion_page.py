"""What docs/how-to/deleting-safely.md says to write and to run does what it says."""

from __future__ import annotations

import json
import re
import shlex
from typing import TYPE_CHECKING

import yaml

from controller.model.labels import API_VERSION
from docs.generator.artifacts import ROOT
from tests.ground.eventually import eventually
from tests.ground.world import TEAM

if TYPE_CHECKING:
    from controller.model.base import Json
    from tests.ground.controller_process import ControllerProcess
    from tests.ground.world import World

PAGE = (ROOT / "docs" / "how-to" / "deleting-safely.md").read_text(encoding="utf-8")
KINDS = {"configmap": ("v1", "ConfigMap"), "application": (API_VERSION, "Application")}
MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\n---\n"


def _blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def _kubectl(world: World, command: str) -> None:
    """What kubectl does for the few verbs of the page."""
    program, verb, kind, name, flag, namespace, *rest = shlex.split(command)
    assert (program, flag) == ("kubectl", "-n")
    place = (*KINDS[kind], namespace, name)
    match verb, rest:
        case "annotate", [annotation]:
            key, _, value = annotation.partition("=")
            world.objects.edit(*place, {"metadata": {"annotations": {key: value}}}, manager="kubectl-annotate")
        case "patch", ["--type", "merge", "-p", patch]:
            world.objects.edit(*place, json.loads(patch), manager="kubectl-patch")
        case "delete", ["--wait=false"]:
            world.objects.delete(*place)
        case _:
            raise AssertionError(f"the page has a command that this test does not know: {command}")


def _application(world: World) -> Json | None:
    return world.objects.get(API_VERSION, "Application", TEAM, "shop")


def test_the_page_does_what_it_says(world: World, controller: ControllerProcess) -> None:
    """Its Application and Job are applied, its commands run in the order of the page."""
    del controller
    application, job = _blocks("yaml")
    annotate, allow_empty, delete, orphan = (block.strip() for block in _blocks("sh"))
    world.objects.namespace("shop")
    worktree = world.repository()
    worktree.publish({"a.yaml": MAP % "ledger-seed" + MAP % "settings", "job.yaml": job}, "first")
    world.objects.apply(yaml.safe_load(application))
    world.await_ready("shop")
    before = world.objects.get("batch/v1", "Job", "shop", "migrate")

    head = worktree.publish({"job.yaml": job.replace("busybox:1", "busybox:2")}, "another image")
    world.await_ready("shop", revision=head)
    after = world.objects.get("batch/v1", "Job", "shop", "migrate")
    assert before is not None
    assert after is not None
    assert before["metadata"]["uid"] != after["metadata"]["uid"]

    _kubectl(world, annotate)
    worktree.publish({"a.yaml": None, "job.yaml": None}, "nothing")
    eventually(lambda: world.condition("shop", "Synced").get("reason") == "WouldEmpty", "it is refused")
    _kubectl(world, allow_empty)
    eventually(lambda: not world.objects.get("v1", "ConfigMap", "shop", "settings"), "it is pruned")
    assert world.objects.get("v1", "ConfigMap", "shop", "ledger-seed") is not None

    worktree.publish({"a.yaml": MAP % "settings"}, "one again")
    eventually(lambda: world.objects.get("v1", "ConfigMap", "shop", "settings"), "it stands")
    world.objects.edit("v1", "ConfigMap", "shop", "settings", {"metadata": {"finalizers": ["sea.example.com/hold"]}})
    _kubectl(world, delete)
    eventually(lambda: "sea.example.com/hold" in world.condition("shop", "Ready").get("message", ""), "it is held")
    _kubectl(world, orphan)
    eventually(lambda: _application(world) is None, "the Application goes")
    assert world.objects.get("v1", "ConfigMap", "shop", "ledger-seed") is not None
    world.objects.edit("v1", "ConfigMap", "shop", "settings", {"metadata": {"finalizers": None}})
