"""Objects that left Git: asked about side by side, and not again while nothing moves."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from controller.model.health import Health, HealthStatus
from controller.model.labels import OWNER_LABEL, PRUNE_ANNOTATION
from controller.model.live import LiveView
from controller.model.run import Trigger
from tests.unit.reconcile.harbour import Harbour, config

if TYPE_CHECKING:
    from controller.model.base import Json
    from controller.model.objects import ObjectId

MANY = 40


class Counted:
    """How often ConfigMaps are asked about, and how many at once."""

    def __init__(self, harbour: Harbour) -> None:
        self.asked = self.at_once = self.most = 0
        self._get = harbour.waters.get
        harbour.waters.get = self.get  # type: ignore[method-assign,assignment]

    async def get(self, id_: ObjectId, version: str) -> Json | None:
        """As the server does, later."""
        if id_.kind != "ConfigMap":
            return await self._get(id_, version)
        self.asked += 1
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        await asyncio.sleep(0.001)
        self.at_once -= 1
        return await self._get(id_, version)


def _watch(harbour: Harbour, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the watch say what stands."""

    def view(id_: ObjectId) -> LiveView | None:
        live = harbour.waters.objects.get(id_)
        if live is None:
            return None
        metadata = live["metadata"]
        owner = metadata["labels"][OWNER_LABEL]
        health = Health(HealthStatus.HEALTHY)
        return LiveView(id_, metadata["uid"], owner, "", metadata["resourceVersion"], health, 0.0)

    monkeypatch.setattr(harbour.live, "view", view)
    monkeypatch.setattr(harbour.live, "watched", lambda _: True)


async def test_a_thousand_that_left_git_are_not_looked_at_one_by_one() -> None:
    """Each look waits for about one of them, not for all."""
    harbour = Harbour(*(config(f"map-{number}") for number in range(MANY)))
    await harbour.look()
    counted = Counted(harbour)
    harbour.shelf.objects = [config("map-0")]

    await harbour.look(Trigger.REVISION)

    assert counted.most > MANY / 2
    assert [name.name for name in harbour.waters.objects if name.kind == "ConfigMap"] == ["map-0"]


@pytest.mark.parametrize("sync", [{"prune": False}, {"mode": "detect"}], ids=str)
async def test_what_stays_is_asked_about_once(monkeypatch: pytest.MonkeyPatch, sync: dict[str, Any]) -> None:
    """Until it moves, or all is compared."""
    harbour = Harbour(config("one"), config("two"), config("three"))
    await harbour.look()
    harbour.change(sync=sync)
    harbour.shelf.objects = [config("one")]
    _watch(harbour, monkeypatch)
    await harbour.look(Trigger.REVISION)
    counted = Counted(harbour)

    await harbour.look(Trigger.HEALTH)
    assert counted.asked == 0
    assert {entry["name"] for entry in harbour.status["inventory"]} == {"one", "two", "three"}

    harbour.waters.edit("ConfigMap", "two", "somebody", data={"x": "9"})
    await harbour.look(Trigger.HEALTH)
    assert counted.asked == 1

    harbour.change(sync={"prune": True})
    await harbour.look()
    assert harbour.stands("ConfigMap", "two") is None
    assert harbour.stands("ConfigMap", "three") is None


async def test_what_is_kept_though_it_left_git_is_counted_and_named() -> None:
    """Nobody has to compare the inventory with Git to see it."""
    names = ("a", "b", "c", "d")
    harbour = Harbour(config("stays"), *(_kept(name) for name in names))
    await harbour.look()
    assert harbour.status["summary"] == "5 objects"
    harbour.shelf.objects = [config("stays")]

    for _ in range(2):
        await harbour.look(Trigger.REVISION)

        synced = harbour.condition("Synced")
        assert (synced["status"], synced["reason"]) == ("True", "Synced")
        assert f"kept, though not in Git: ConfigMap shop/a (its annotation {PRUNE_ANNOTATION} is " in synced["message"]
        assert synced["message"].endswith(" and 1 more")
        assert harbour.status["summary"] == "5 objects, 4 kept"

    harbour.shelf.objects = [config("stays"), *(_kept(name) for name in names)]
    await harbour.look(Trigger.REVISION)
    assert harbour.status["summary"] == "5 objects"
    assert "kept" not in harbour.condition("Synced")["message"]


async def test_what_is_not_pruned_is_named() -> None:
    """Not only that something stays, but what."""
    harbour = Harbour(config("one"), config("two"), prune=False)
    await harbour.look()
    harbour.shelf.objects = [config("one")]

    await harbour.look(Trigger.REVISION)

    synced = harbour.condition("Synced")
    assert (synced["status"], synced["reason"]) == ("False", "PruneSkipped")
    assert synced["message"] == "objects that left Git stay: sync.prune is false: ConfigMap shop/two"
    assert harbour.status["summary"] == "2 objects, 1 kept"


def _kept(name: str) -> Json:
    """An object that is never to be deleted."""
    return config(name) | {"metadata": {"name": name, "annotations": {PRUNE_ANNOTATION: "never"}}}
