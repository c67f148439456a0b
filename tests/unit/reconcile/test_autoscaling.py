"""Replicas that an autoscaler has: left to it, and never taken back because nobody could be asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from controller.diff.ownership import ownership_digest
from controller.kube.errors import Forbidden, KindUnknown, ServerError, Throttled, Unreachable
from controller.model.event import EventType
from controller.model.health import Health, HealthStatus
from controller.model.labels import OWNER_LABEL, owner_value
from controller.model.live import LiveView
from controller.model.manifest import Manifest
from controller.model.objects import ObjectId
from controller.model.run import Trigger
from controller.reconcile.autoscaling import scaled
from controller.reconcile.rooms import Memory
from tests.unit.reconcile.harbour import SHOP, Harbour, within

if TYPE_CHECKING:
    from controller.errors import ShipslogError
    from controller.model.base import Json

TARGET = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
HPA: Json = {"metadata": {"name": "web"}, "spec": {"scaleTargetRef": TARGET}}
WEB = Manifest(ObjectId("apps", "Deployment", "shop", "web"), "apps/v1", {"spec": {"replicas": 3}}, "d")
DECLARED = Manifest(ObjectId("autoscaling", "HorizontalPodAutoscaler", "shop", "web"), "autoscaling/v2", HPA, "d")


class Servant:
    """A cluster with one autoscaler, or one that does not say so."""

    def __init__(self, error: ShipslogError | None = None) -> None:
        self.error = error

    async def list(self, *_: Any, **__: Any) -> list[Json]:
        """All autoscalers."""
        if self.error is not None:
            raise self.error
        return [HPA]


async def _ignored(cluster: Servant, *wished: Manifest, memory: Memory | None = None) -> Any:
    marked = await scaled([WEB], wished or [WEB], cluster, memory or Memory("u"))  # type: ignore[arg-type]
    return [pointer for rule in marked[0].ignored for pointer in rule.json_pointers]


async def test_replicas_are_left_to_the_autoscaler() -> None:
    """Whoever made it."""
    assert await _ignored(Servant()) == ["/spec/replicas"]


@pytest.mark.parametrize("error", [ServerError("500"), Unreachable("away"), Throttled("busy", after=1.0)])
async def test_a_server_that_does_not_say_which_autoscalers_there_are_ends_the_look(error: ShipslogError) -> None:
    """Nothing is planned without them: Git's number would be written over theirs, and called drift."""
    with pytest.raises(type(error)):
        await _ignored(Servant(error))


@pytest.mark.parametrize("error", [Forbidden("no right"), KindUnknown("not served")])
async def test_where_they_cant_be_read_those_of_git_count(error: ShipslogError) -> None:
    """A missing right stays missing: everything else goes on without."""
    assert await _ignored(Servant(error)) == []
    assert await _ignored(Servant(error), WEB, DECLARED) == ["/spec/replicas"]


async def test_what_was_said_of_an_object_goes_with_it() -> None:
    """The condition speaks of what Git has."""
    memory = Memory("u")
    await _ignored(Servant(), memory=memory)
    assert list(memory.notes.values()) == [f"{WEB.id}: spec.replicas is left to HorizontalPodAutoscaler web"]

    await scaled([], [WEB], Servant(), memory)  # type: ignore[arg-type]
    assert memory.notes
    await scaled([], [DECLARED], Servant(), memory)  # type: ignore[arg-type]
    assert not memory.notes


class Deck:
    """A Deployment that an autoscaler has, in a cluster that is watched."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        metadata, spec = {"name": "web"}, {"replicas": 3}
        body = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}
        self.harbour = Harbour(body)
        self.scalers: list[Json] = [HPA]
        monkeypatch.setattr(self.harbour.waters, "list", self._list, raising=False)
        monkeypatch.setattr(self.harbour.live, "watched", lambda _: True)
        monkeypatch.setattr(self.harbour.live, "view", self._view)

    async def _list(self, *_: Any, **__: Any) -> list[Json]:
        return self.scalers

    def _view(self, id_: ObjectId) -> LiveView | None:
        body = self.harbour.waters.objects.get(id_)
        if body is None:
            return None
        metadata, health = body["metadata"], Health(HealthStatus.HEALTHY)
        owner, mark = metadata["labels"][OWNER_LABEL], ownership_digest(body)
        return LiveView(id_, metadata["uid"], owner, mark, metadata["resourceVersion"], health, 0.0)

    def scale(self, replicas: int) -> None:
        """Somebody writes a field that is not ours: our managedFields entry does not change."""
        body = self.harbour.waters.objects[WEB.id]
        version = str(int(body["metadata"]["resourceVersion"]) + 1000)
        metadata = body["metadata"] | {"resourceVersion": version}
        self.harbour.waters.objects[WEB.id] = body | {"metadata": metadata, "spec": {"replicas": replicas}}

    @property
    def replicas(self) -> int:
        """As they stand."""
        return int(self.harbour.waters.objects[WEB.id]["spec"]["replicas"])


async def test_replicas_are_git_s_again_once_the_autoscaler_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are not ours by then, so the watch attends to every change, and no look takes the object for unchanged."""
    deck = Deck(monkeypatch)
    await deck.harbour.look()
    fate = await deck.harbour.look(Trigger.HEALTH)
    assert within(fate, Trigger.DRIFT, 1, 60)
    assert "left to HorizontalPodAutoscaler web" in deck.harbour.condition("Synced")["message"]
    assert "mark" not in deck.harbour.status["inventory"][0], "a restart would take it for compared"
    owner = owner_value("default", SHOP)
    assert str(WEB.id) in deck.harbour.live._attended[owner]

    deck.scalers = []
    deck.scale(7)
    await deck.harbour.look(Trigger.DRIFT)

    assert deck.replicas == 3
    assert deck.harbour.status["inventory"][0]["mark"]
    (detected,) = deck.harbour.ledger.of(EventType.DRIFT_DETECTED)
    assert detected.detail["paths"] == ["/spec/replicas"]
    assert "HorizontalPodAutoscaler" not in deck.harbour.condition("Synced")["message"]
    assert not within(await deck.harbour.look(Trigger.HEALTH), Trigger.DRIFT, 0)
    assert owner not in deck.harbour.live._attended
