"""kill -9 at random moments: nothing is lost, nothing is doubled, and the cluster ends up equal to Git."""

from __future__ import annotations

import random
import time
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.ground.eventually import eventually

if TYPE_CHECKING:
    from tests.ground.world import World

APPLICATIONS = 20
KILLS = 20
SEED = 20260101


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


@pytest.mark.timeout(400)
def test_twenty_kills_lose_nothing_and_double_nothing(world: World) -> None:
    """At the end the cluster equals Git, every intent has its one result, and no event is there twice."""
    chance = random.Random(SEED)  # noqa: S311 - moments, not secrets
    worktree = world.repository()
    worktree.publish(_files(0), "round 0")
    names = [f"app-{number}" for number in range(APPLICATIONS)]
    world.objects.namespace("fleet")
    controller = world.controller()
    for name in names:
        world.application(name, path=f"apps/{name}", destination={"namespace": "fleet"})
    for round_ in range(1, KILLS + 1):
        controller.start(wait=False)
        eventually(lambda: "Started" in controller.text(), "the controller is under way")
        worktree.publish(_files(round_), f"round {round_}")
        time.sleep(chance.uniform(0.0, 2.0))  # the moment of the kill is the test's input, not a wait for anything
        controller.kill()
        controller.log.unlink()

    controller.start()
    head = worktree.publish(_files(KILLS + 1), "the last round")
    world.await_ready(*names, revision=head, seconds=90)
    eventually(lambda: _equals_git(world), "the cluster equals Git")
    assert controller.stop() == 0

    events = world.ledger.events()
    assert [id_ for id_, count in Counter(event["id"] for event in events).items() if count > 1] == []
    intents = {event["id"] for event in events if event["type"] == "apply.intent"}
    results = Counter(event["causation_id"] for event in events if event["type"] == "apply.result")
    assert set(results) == intents
    assert set(results.values()) == {1}
    completed = Counter(event["correlation_id"] for event in events if event["type"] == "sync.completed")
    assert set(completed.values()) == {1}
    _numbers_have_no_gap(events)
    outcomes = Counter(event["outcome"] for event in events if event["type"] == "apply.result")
    assert outcomes["unknown"] > 0, f"no kill met a run in its writes: {outcomes}"


def _equals_git(world: World) -> bool:
    maps = {item["metadata"]["name"]: item for item in world.objects.list("v1", "ConfigMap", "fleet")}
    maps.pop("kube-root-ca.crt", None)
    round_ = KILLS + 1
    wanted = {f"app-{number}" for number in range(APPLICATIONS)}
    extras = {f"{name}-extra-{round_ // 2 % 2}" for name in wanted}
    return set(maps) == wanted | extras and all(maps[name]["data"] == {"round": str(round_)} for name in wanted)


def _numbers_have_no_gap(events: list[dict[str, object]]) -> None:
    boots: dict[object, list[int]] = {}
    for event in events:
        boots.setdefault(event["boot"], []).append(int(str(event["seq"])))
    for numbers in boots.values():
        assert sorted(numbers) == list(range(1, len(numbers) + 1))
