"""What a look costs: only what moved, in Git or in the cluster, is asked about."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from controller.observe.own_writes import BLIND
from tests.ground.eventually import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.ground.controller_process import ControllerProcess
    from tests.ground.git_repository import Worktree
    from tests.ground.world import World

OBJECTS = 40
OURS = (("Application", "many"), ("Repository", "shop-config"))
_MERGED = re.compile(r'shipslog_kube_requests_total\{.*verb="merge"\} [1-9]')
_SERIES = re.compile(r'shipslog_kube_requests_total\{cluster="in-cluster",code="[^"]*",verb="([^"]+)"\} (\S+)')


def _requests(controller: ControllerProcess) -> dict[str, int]:
    """Requests about objects so far, by verb."""
    counts = {"dry-run": 0, "apply": 0, "get": 0, "delete": 0, "list": 0}
    for verb, count in _SERIES.findall(controller.metrics()):
        if verb in counts:
            counts[verb] += int(float(count))
    return counts


def _version(world: World, kind: str, name: str) -> str:
    """Moves with every write."""
    found = world.objects.get("shipslog.dev/v1alpha1", kind, "team-pay", name)
    assert found is not None
    return str(found["metadata"]["resourceVersion"])


def _cost(before: dict[str, int], after: dict[str, int]) -> dict[str, int]:
    return {verb: after[verb] - before[verb] for verb in after if after[verb] != before[verb]}


def _maps(changed: str = "") -> Iterator[tuple[str, str]]:
    yield "namespace.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: many}\n"
    for number in range(OBJECTS):
        value = changed if number == 7 and changed else "1"
        yield (
            f"map-{number}.yaml",
            f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: map-{number}}}\ndata: {{value: '{value}'}}\n",
        )


def _standing(world: World) -> Worktree:
    worktree = world.repository()
    worktree.publish({f"many/{name}": text for name, text in _maps()}, "many")
    world.application("many", path="many")
    world.await_ready("many")
    return worktree


def test_a_commit_costs_what_it_changed_and_nothing_else(world: World, controller: ControllerProcess) -> None:
    """Of forty objects one is changed: one is asked about, read and applied; a commit elsewhere costs nothing."""
    worktree = _standing(world)
    before = _requests(controller)
    assert before["dry-run"] >= OBJECTS, "the first look asked about all of them"

    head = worktree.publish({f"many/{name}": text for name, text in _maps("2")}, "one of them")
    world.await_ready("many", revision=head)
    assert _cost(before, _requests(controller)) == {"dry-run": 1, "get": 1, "apply": 1}

    before = _requests(controller)
    other = world.repository("other")
    other.publish({"a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {value: '1'}\n"}, "a witness")
    worktree.publish({"elsewhere/README.md": "nothing of this Application"}, "elsewhere")
    world.application("witness", repository="other", destination={"namespace": "many"})
    world.await_ready("witness")
    # Only of the witness: a namespace of its own is not in its plan, and it did not exist before.
    assert _cost(before, _requests(controller)) == {"dry-run": 1, "apply": 1}


def test_a_hand_in_the_cluster_costs_what_it_touched(world: World, controller: ControllerProcess) -> None:
    """Of forty objects one is changed by hand: one is asked about, read and healed; a foreign field costs nothing."""
    _standing(world)
    before = _requests(controller)

    world.objects.edit("v1", "ConfigMap", "many", "map-3", {"data": {"value": "by hand"}})
    world.await_event("drift.healed")

    assert _cost(before, _requests(controller)) == {"dry-run": 1, "get": 1, "apply": 1}

    # Within that time of our own write even a foreign field is a reason to ask: its time tells nothing yet.
    written = time.monotonic()
    eventually(lambda: time.monotonic() - written > BLIND, "our own writes are old enough")
    before = _requests(controller)
    world.objects.edit("v1", "ConfigMap", "many", "map-4", {"data": {"foreign": "1"}})
    world.objects.edit("v1", "ConfigMap", "many", "map-5", {"data": {"value": "by hand"}})
    eventually(lambda: len(world.ledger.events("drift.healed")) == 2, "the second is healed")
    assert _cost(before, _requests(controller)) == {"dry-run": 1, "get": 1, "apply": 1}


def test_a_restart_asks_about_nothing_that_stands(world: World, controller: ControllerProcess) -> None:
    """Of forty objects one is changed and one removed while nobody looks: those two are asked about, nothing else."""
    _standing(world)
    controller.stop()
    world.objects.edit("v1", "ConfigMap", "many", "map-3", {"data": {"value": "by hand"}})
    world.objects.delete("v1", "ConfigMap", "many", "map-4")

    controller.start()
    eventually(lambda: len(world.ledger.events("drift.healed")) == 2, "both are healed")
    world.await_ready("many")

    cost = _requests(controller)
    assert (cost["dry-run"], cost["apply"]) == (2, 2)
    assert cost["get"] <= 2


def test_a_restart_writes_nothing_where_nothing_moved(world: World, controller: ControllerProcess) -> None:
    """No status is said again, and no object compared."""
    _standing(world)
    controller.stop()
    before = [_version(world, kind, name) for kind, name in OURS]

    controller.start()
    eventually(lambda: "shipslog_repository_ready{" in controller.metrics(), "the repository is read")
    eventually(lambda: "shipslog_application_objects{" in controller.metrics(), "the Application is looked at")

    assert _requests(controller)["dry-run"] == 0
    assert not [line for line in controller.metrics().splitlines() if _MERGED.match(line)]
    assert [_version(world, kind, name) for kind, name in OURS] == before
