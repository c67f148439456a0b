"""kill -9 at random moments: nothing is lost, nothing is doubled, and the cluster ends up equal to Git."""

from __future__ import annotations

import random
import time
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from controller.model.labels import API_VERSION
from tests.acceptance.records import assert_sound
from tests.controlplane.admin import ApiError
from tests.ground.eventually import eventually
from tests.ground.world import TEAM

if TYPE_CHECKING:
    from tests.ground.world import World

APPLICATIONS = 50
KILLS = 50
SEED = 20260101
EDITS = 5
"""Hand edits in each round."""


def _files(round_: int) -> dict[str, str]:
    files = {}
    for number in range(APPLICATIONS):
        base = f"apps/app-{number}"
        # Every other round an object comes or goes, so that kills meet prunes as well.
        extra = f"app-{number}-extra-{round_ // 2 % 2}"
        files[f"{base}/kustomization.yaml"] = "resources: [all.yaml]\n"
        files[f"{base}/all.yaml"] = (
            f'apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: app-{number}}}\ndata: {{round: "{round_}"}}\n---\n'
            f"apiVersion: v1\nkind: ServiceAccount\nmetadata: {{name: app-{number}}}\n---\n"
            f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {extra}}}\n"
        )
    return files


@pytest.mark.timeout(900)
def test_fifty_kills_lose_nothing_and_double_nothing(world: World) -> None:
    """Under pushes, hand edits, and Applications that are deleted and come back.

    At the end the cluster equals Git, every intent has its one result, every drift its one end, no event is doubled.
    """
    chance = random.Random(SEED)  # noqa: S311 - moments, not secrets
    worktree = world.repository()
    worktree.publish(_files(0), "round 0")
    names = [f"app-{number}" for number in range(APPLICATIONS)]
    world.objects.namespace("fleet")
    controller = world.controller()
    for round_ in range(1, KILLS + 1):
        for name in names:
            if round_ == 1 or name == names[round_ % APPLICATIONS - 1]:
                _sail(world, name)
        controller.start(wait=False)
        eventually(lambda: "Started" in controller.text(), "the controller is under way")
        worktree.publish(_files(round_), f"round {round_}")
        for name in chance.sample(names, EDITS):
            _edit(world, name)
        if round_ > 1:
            _sink(world, names[round_ % APPLICATIONS])
        time.sleep(chance.uniform(0.0, 2.0))  # the moment of the kill is the test's input, not a wait for anything
        controller.kill()
        controller.log.unlink()

    for name in names:
        _sail(world, name)
    controller.start()
    head = worktree.publish(_files(KILLS + 1), "the last round")
    eventually(lambda: not _going(world), "what was being deleted is gone", seconds=90)
    for name in names:
        _sail(world, name)
    world.await_ready(*names, revision=head, seconds=120)
    deadline = time.monotonic() + 30
    while _differences(world) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert _differences(world) == []
    assert controller.stop() == 0

    events = world.ledger.events()
    assert_sound(events)
    outcomes = Counter(event["outcome"] for event in events if event["type"] == "apply.result")
    assert outcomes["unknown"] > 0, f"no kill met a run in its writes: {outcomes}"
    assert any(event["type"] == "drift.detected" for event in events), "no hand edit was noticed"


def _sail(world: World, name: str) -> None:
    if world.objects.get(API_VERSION, "Application", TEAM, name) is None:
        world.application(name, path=f"apps/{name}", destination={"namespace": "fleet"})


def _sink(world: World, name: str) -> None:
    if world.objects.get(API_VERSION, "Application", TEAM, name) is not None:
        world.objects.delete(API_VERSION, "Application", TEAM, name)


def _going(world: World) -> bool:
    return any("deletionTimestamp" in item["metadata"] for item in world.objects.list(API_VERSION, "Application", TEAM))


def _edit(world: World, name: str) -> None:
    """Someone changes it by hand, if it is there."""
    try:
        world.objects.edit("v1", "ConfigMap", "fleet", name, {"data": {"round": "by hand"}})
    except ApiError as error:
        if error.status != 404:
            raise


def _differences(world: World) -> list[str]:
    """Where the cluster is not what Git says."""
    maps = {item["metadata"]["name"]: item.get("data") for item in world.objects.list("v1", "ConfigMap", "fleet")}
    maps.pop("kube-root-ca.crt", None)
    round_ = KILLS + 1
    wanted = {f"app-{number}": {"round": str(round_)} for number in range(APPLICATIONS)}
    wanted |= {f"{name}-extra-{round_ // 2 % 2}": None for name in list(wanted)}  # type: ignore[misc]
    names = sorted(maps.keys() | wanted.keys())
    return [
        f"{name}: {maps.get(name, 'missing')} for {wanted.get(name, 'missing')}"
        for name in names
        if maps.get(name, "missing") != wanted.get(name, "missing")
    ]
