"""The page about ignored differences, done as it says; and what stays of it from sync to sync."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.acceptance.shop import shop
from tests.ground.eventually import eventually
from tests.ground.world import TEAM

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.ground.git_repository import Worktree
    from tests.ground.world import World

PAGE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "ignoring-differences.md"


def _blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def _shipslog(world: World, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(world.directory / "user"),
        "KUBECONFIG": str(world.plane.kubeconfig),
    }
    command = [sys.executable, "-m", "controller", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def _live(world: World, kind: str = "Deployment", name: str = "web") -> Any:
    return world.objects.get("apps/v1" if kind == "Deployment" else "v1", kind, "shop", name)


def _scale(world: World, replicas: int) -> None:
    path = world.objects.path("apps/v1", "Deployment", "shop", "web")
    world.objects.admin.merge(f"{path}/scale", {"spec": {"replicas": replicas}}, manager="kubectl")


def _published(world: World) -> Worktree:
    worktree = world.repository()
    worktree.publish({f"shop/{name}": text for name, text in shop("1").items()}, "first")
    (wish,) = [body for text in _blocks("yaml") if (body := yaml.safe_load(text)).get("kind") == "Application"]
    assert (wish["metadata"]["namespace"], wish["spec"]["source"]["repository"]) == (TEAM, "shop-config")
    world.objects.apply(wish)
    return worktree


@pytest.mark.usefixtures("controller")
def test_the_page_does_what_it_says(world: World) -> None:
    """Its Application is created, its commands are run, and say what is printed there; a later commit leaves all."""
    worktree = _published(world)
    world.await_ready("shop")
    assert _live(world)["spec"]["replicas"] == 2, "created as Git says"

    (commands,), (printed,) = _blocks("sh"), _blocks("text")
    kubectl: dict[str, Callable[[], None]] = {
        "kubectl -n shop scale deployment web --replicas 5": lambda: _scale(world, 5)
    }
    for line in commands.splitlines():
        if line in kubectl:
            kubectl[line]()
            continue
        done = _shipslog(world, *line.split()[1:])
        assert done.returncode == 0, done.stdout + done.stderr
        assert done.stdout.endswith(printed)

    tuned = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings", "namespace": "shop"}}
    world.objects.apply(tuned | {"data": {"version": "tuned"}}, manager="tuner")
    found = _live(world)["spec"]["template"]["spec"]["containers"]
    found[0]["image"] = "nginx:by-another-tool"
    patch = {"spec": {"template": {"spec": {"containers": found}}}}
    world.objects.edit("apps/v1", "Deployment", "shop", "web", patch, manager="image-tool")

    text = {
        name: content.replace("ports: [{port: 80}]", "ports: [{port: 8080}]") for name, content in shop("2").items()
    }
    head = worktree.publish({f"shop/{name}": content for name, content in text.items()}, "second")
    world.await_ready("shop", revision=head)

    assert _live(world, "Service")["spec"]["ports"][0]["port"] == 8080
    web = _live(world)["spec"]
    assert (web["replicas"], web["template"]["spec"]["containers"][0]["image"]) == (5, "nginx:by-another-tool")
    assert _live(world, "ConfigMap", "settings")["data"] == {"version": "tuned"}
    assert world.ledger.events("drift.detected") == []


@pytest.mark.usefixtures("controller")
def test_a_rule_that_goes_gives_the_field_back_to_git(world: World) -> None:
    """Without waiting for the next full comparison, and as a run of its own, not as drift."""
    _published(world)
    world.await_ready("shop")
    _scale(world, 5)
    assert _shipslog(world, "plan", f"{TEAM}/shop", "--exit-code").returncode == 0

    world.application("shop", path="shop", ignoreDifferences=[])

    eventually(lambda: _live(world)["spec"]["replicas"] == 2, "Git's replicas stand")
    eventually(lambda: len(world.ledger.events("sync.completed")) == 2, "the run is recorded")
    assert world.ledger.events("drift.detected") == []


@pytest.mark.usefixtures("controller")
def test_a_rule_that_fits_no_object_is_told(world: World) -> None:
    """By the Application, which is in order, and by its plan: with what was most likely meant."""
    _published(world)
    rule = {"kind": "Deployment", "jsonPointers": ["/spec/replicas"]}

    world.application("shop", path="shop", ignoreDifferences=[rule])

    said = "ignoreDifferences[0] fits no object: for Deployment write group: apps"
    eventually(lambda: said in world.condition("shop", "Synced").get("message", ""), "the condition says so")
    assert world.condition("shop", "Synced")["status"] == "True"
    assert f"warning: {said}" in _shipslog(world, "plan", f"{TEAM}/shop").stderr


def test_rules_of_the_installation_hold_for_every_application(world: World) -> None:
    """As the chart's values give them; one that can't be read keeps the controller from starting, with its place."""
    rule = {"group": "apps", "kind": "Deployment", "jsonPointers": ["/spec/replicas"]}
    broken = world.controller(SHIPSLOG_IGNORE_DIFFERENCES=json.dumps([rule, {"kind": 7}]))
    broken.start(wait=False)
    assert broken.await_end() != 0
    assert "SHIPSLOG_IGNORE_DIFFERENCES" in broken.text()
    assert "$[1]" in broken.text()

    controller = world.controller(SHIPSLOG_IGNORE_DIFFERENCES=json.dumps([rule])).start()
    try:
        world.repository().publish(shop("1"), "first")
        world.application("shop")
        world.await_ready("shop")
        _scale(world, 7)
        world.objects.edit("v1", "ConfigMap", "shop", "settings", {"data": {"version": "by hand"}})
        world.await_event("drift.healed")
        assert _live(world)["spec"]["replicas"] == 7
        assert [event["target"]["object"] for event in world.ledger.events("drift.detected")] == [
            "ConfigMap shop/settings"
        ]
    finally:
        controller.stop()
