"""Applications of two ConfigMaps each, which say the version that they came with: is all of it there?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from controller.model.labels import OWNER_LABEL
from tests.acceptance.records import assert_sound

if TYPE_CHECKING:
    from tests.ground.controller_process import ControllerProcess
    from tests.ground.world import World

MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\ndata: {version: '%s'}\n"


def fleet(world: World, *names: str, version: str = "1") -> str:
    """A repository with a directory of two objects for each Application; the commit."""
    worktree = world.repositories["shop-config"][1] if world.repositories else world.repository()
    files = {f"{name}/{part}.yaml": MAP % (f"{name}-{part}", version) for name in names for part in ("a", "b")}
    return worktree.publish(files, f"version {version}")


def applications(world: World, *names: str) -> None:
    """Create them, all into one namespace."""
    world.objects.namespace("shop")
    for name in names:
        world.application(name, path=name, destination={"namespace": "shop"})


def version_of(world: World, name: str) -> str:
    """What an object says; empty while it is not there."""
    found = world.objects.get("v1", "ConfigMap", "shop", name)
    return str(found["data"]["version"]) if found else ""


def versions(world: World) -> dict[str, str]:
    """Every object that is ours."""
    listed = world.objects.list("v1", "ConfigMap", "shop", selector=OWNER_LABEL)
    return {item["metadata"]["name"]: item["data"]["version"] for item in listed}


def end(world: World, controller: ControllerProcess) -> None:
    """The process ends in order, and what it leaves behind is sound."""
    assert controller.stop() == 0
    assert_sound(world.ledger.events())
