from __future__ import annotations

from typing import TYPE_CHECKING, Any

from controller.model.labels import API_VERSION
from controller.model.objects import Key
from controller.model.run import Trigger
from controller.ports import WatchEvent
from controller.reconcile.registry import Registry

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from controller.model.base import Json

SHOP = Key("team-pay", "shop")


def body(uid: str = "one", version: str = "1", **metadata: Any) -> Json:
    """An Application as the API gives it."""
    spec = {"source": {"repository": "shop-config", "path": "."}, "destination": {"namespace": "shop"}}
    names = {"name": SHOP.name, "namespace": SHOP.namespace, "uid": uid, "resourceVersion": version, "generation": 1}
    return {"apiVersion": API_VERSION, "kind": "Application", "metadata": names | metadata, "spec": spec}


def registry(*bodies: Json) -> Registry:
    """A registry whose watch told of these."""
    made = Registry(None, "default")  # type: ignore[arg-type]  # nothing is asked of the cluster
    for one in bodies:
        made._take("Application", one)
    return made


def test_an_answer_to_a_write_is_known_before_the_watch_tells() -> None:
    """The next look sees what this one wrote."""
    made = registry(body())

    made.accept(body(version="2"))

    assert made.applications[SHOP].resource_version == "2"


def test_an_answer_that_comes_late_brings_no_deleted_application_back() -> None:
    """The answer to the write that let it go may come after the watch said that it is gone."""
    made = registry(body())
    made._drop("Application", SHOP)

    made.accept(body(version="2", deletionTimestamp="2026-01-01T00:00:00Z"))

    assert made.applications == {}
    assert made.owners == {}


def test_an_answer_about_a_namesake_that_is_gone_is_not_taken_for_the_new_one() -> None:
    """Deleted and created anew meanwhile."""
    made = registry(body(uid="two", version="9"))

    made.accept(body(uid="one", version="10"))

    assert made.applications[SHOP].uid == "two"


def test_news_that_an_answer_holds_are_told() -> None:
    """The answer to our status write may hold what a user changed: the watch brings nothing newer than that."""
    made = registry(body())
    told: list[tuple[Key, Trigger]] = []
    made.on_application = lambda key, trigger: told.append((key, trigger))

    made.accept(body(version="3", generation=2))
    made._take("Application", body(version="2", generation=2))
    made._take("Application", body(version="3", generation=2))
    made.accept(body(version="4", generation=2, annotations={"shipslog.dev/sync-requested-at": "now"}))
    made.accept(body(version="5", generation=2, annotations={"shipslog.dev/sync-requested-at": "now"}))

    assert told == [(SHOP, Trigger.SPEC), (SHOP, Trigger.USER)]


async def test_what_went_between_two_watches_is_gone() -> None:
    """A watch that was begun anew after an error lists everything: what it does not name was deleted meanwhile."""
    home = ScriptedWatches()
    made = Registry(home, "default")  # type: ignore[arg-type]  # nothing but watches is asked of it
    told: list[Trigger] = []
    made.on_application = lambda _key, trigger: told.append(trigger)
    home.script = [WatchEvent("added", body()), WatchEvent("synced")]
    await made._keep("Application")
    assert list(made.applications) == [SHOP]

    home.script = [WatchEvent("synced")]
    await made._keep("Application")

    assert made.applications == {}
    assert told == [Trigger.SPEC, Trigger.SPEC]


class ScriptedWatches:
    """A cluster whose watch says what it is told to, and ends."""

    def __init__(self) -> None:
        self.script: list[WatchEvent] = []

    async def watch(self, api_version: str, kind: str) -> AsyncGenerator[WatchEvent]:
        """One watch."""
        del api_version, kind
        for event in self.script:
            yield event
