"""Live state, kept by watches: what is told of it, and to whom."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from controller.errors import Transient
from controller.model.labels import OWNER_LABEL
from controller.model.objects import GroupKind, ObjectId
from controller.model.run import Trigger
from controller.observe.live import LiveState
from controller.ports import Resource, WatchEvent

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    from controller.model.base import Json
    from controller.observe.checklist import Checker

MAPS = GroupKind("", "ConfigMap")
ONE = ObjectId("", "ConfigMap", "ns", "one")
CLAIM = ObjectId("", "PersistentVolumeClaim", "ns", "one")
SYNCED = WatchEvent("synced")
RESTARTED = WatchEvent("restarted")


class Said:
    """The watches of a cluster, which say what a test puts into their queues."""

    name = "abroad"

    def __init__(self, *unserved: str) -> None:
        self.says: defaultdict[str, asyncio.Queue[WatchEvent]] = defaultdict(asyncio.Queue)
        self.unserved = set(unserved)
        self.refused = asyncio.Event()
        self.stands: Json | None = None
        """What a GET finds."""
        self.failures = 0
        """How many GETs fail before one finds it."""

    async def get(self, *_: object) -> Json | None:
        """The same for every object."""
        self.failures -= 1
        if self.failures >= 0:
            raise Transient("the API server answers 500")
        return self.stands

    async def resource(self, api_version: str, kind: str) -> Resource | None:
        """Every kind is served but those that are not."""
        return None if kind in self.unserved else Resource(api_version, kind, kind.lower(), namespaced=True)

    async def resources(self) -> list[Resource]:
        """Nobody asks for more."""
        return []

    async def watch(self, _: str, kind: str, **__: Any) -> AsyncGenerator[WatchEvent]:
        """Tells one event after the other; each is done when the next is asked for."""
        if kind in self.unserved:
            self.refused.set()
            raise Transient(f"cluster abroad serves no {kind} in v1")
        while True:
            yield await self.says[kind].get()
            self.says[kind].task_done()


class Told:
    """A live state, and whom it told of what."""

    def __init__(self, cluster: Said, checker: Checker | None = None) -> None:
        self.cluster = cluster
        self.moves: list[tuple[str, Trigger]] = []
        self.restarts = 0
        self.live = LiveState(
            cluster,  # type: ignore[arg-type]  # it is only watched
            ownership=lambda body: str(body["metadata"]["annotations"]["fields"]),
            on_move=lambda owner, why: self.moves.append((owner, why)),
            on_restart=self._restarted,
            checker=checker,
        )

    def _restarted(self) -> None:
        self.restarts += 1

    async def hear(self, *events: WatchEvent, kind: str = "ConfigMap") -> list[tuple[str, Trigger]]:
        """Have the kind's watch say this; gives what was told on."""
        self.live.want([("v1", kind)])
        return await self.said(*events, kind=kind)

    async def said(self, *events: WatchEvent, kind: str = "ConfigMap") -> list[tuple[str, Trigger]]:
        """The same of a kind that is watched."""
        self.moves.clear()
        for event in events:
            self.cluster.says[kind].put_nowait(event)
        await asyncio.wait_for(self.cluster.says[kind].join(), 10)
        return list(self.moves)


@asynccontextmanager
async def watching(cluster: Said | None = None, checker: Checker | None = None) -> AsyncIterator[Told]:
    """A live state that follows the watches."""
    told = Told(cluster or Said(), checker)
    running = asyncio.create_task(told.live.run(), name="live")
    try:
        yield told
    finally:
        running.cancel()
        await asyncio.wait([running])


def body(name: str = "one", version: str = "1", *, owner: str = "shop", fields: str = "a", **more: Any) -> Json:
    """A ConfigMap as a watch gives it; `fields` stands for our entry in managedFields."""
    metadata = {
        "name": name,
        "namespace": "ns",
        "uid": f"uid-{name}",
        "resourceVersion": version,
        "labels": {OWNER_LABEL: owner},
        "annotations": {"fields": fields},
    }
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata | more.pop("metadata", {}), **more}


def claim(version: str, phase: str) -> Json:
    """A PersistentVolumeClaim in this phase."""
    return body(version=version, kind="PersistentVolumeClaim", status={"phase": phase})


def added(*args: Any, **more: Any) -> WatchEvent:
    """The watch says that this object is there."""
    return WatchEvent("added", body(*args, **more))


async def test_what_a_new_listing_does_not_name_went_meanwhile() -> None:
    """Its deletion is told to its owner, with the moment; what the listing names stays and is no news."""
    async with watching() as told:
        await told.hear(added("one"), added("two"), SYNCED)
        begun = time.time()

        assert await told.hear(RESTARTED, added("two")) == []
        assert told.live.view(ONE) is not None

        assert await told.hear(SYNCED) == [("shop", Trigger.DRIFT)]
        assert told.live.view(ONE) is None
        assert begun <= (told.live.gone_since(ONE) or 0.0) <= time.time()
        assert len(told.live) == 1
        assert told.restarts == 1


async def test_a_listing_of_one_kind_says_nothing_about_another() -> None:
    """Only what is of the kind that was listed anew can be missing."""
    async with watching() as told:
        await told.hear(WatchEvent("added", claim("1", "Bound")), SYNCED, kind=CLAIM.kind)
        await told.hear(added("one"), SYNCED)

        await told.hear(RESTARTED, SYNCED)

        assert told.live.view(CLAIM) is not None
        assert told.live.view(ONE) is None


async def test_what_we_wrote_before_the_first_listing_ended_stays() -> None:
    """The listing may be older than our write: that it does not name the object means nothing."""
    async with watching() as told:
        told.live.learn(body("one", "5"))

        await told.hear(added("two", "3"), SYNCED)

        assert told.live.view(ONE) is not None
        assert told.live.watched(MAPS)


async def test_a_write_of_ours_is_no_news_and_the_watchs_word_of_it_neither() -> None:
    """The answer is known ahead of the watch, which repeats it, after older ones."""
    async with watching() as told:
        await told.hear(added("one", "1", fields="a"), SYNCED)
        told.moves.clear()
        told.live.learn(body("one", "9", fields="b"))

        assert told.moves == []
        assert await told.hear(added("one", "4", fields="foreign"), added("one", "9", fields="b")) == []
        view = told.live.view(ONE)
        assert view is not None
        assert (view.resource_version, view.ownership) == ("9", "b")


async def test_a_change_of_our_fields_is_told_and_another_field_is_not() -> None:
    """A foreign write that leaves our entry as it is concerns nobody."""
    async with watching() as told:
        await told.hear(added("one", "1"), SYNCED)

        assert await told.hear(added("one", "2")) == []
        assert await told.hear(added("one", "3", fields="less")) == [("shop", Trigger.DRIFT)]


async def test_the_beginning_of_a_deletion_is_told() -> None:
    """An object that its finalizers hold is on its way out, and its fields are all there."""
    async with watching() as told:
        await told.hear(added("one", "1"), SYNCED)

        going = {"deletionTimestamp": "2026-01-01T00:00:00Z"}

        assert await told.hear(added("one", "2", metadata=going)) == [("shop", Trigger.DRIFT)]


async def test_health_is_told_as_health() -> None:
    """A volume that gets bound is no drift."""
    async with watching() as told:
        pending, bound = WatchEvent("added", claim("1", "Pending")), WatchEvent("modified", claim("2", "Bound"))
        await told.hear(pending, SYNCED, kind=CLAIM.kind)

        assert await told.hear(bound, kind=CLAIM.kind) == [("shop", Trigger.HEALTH)]


async def test_any_change_of_an_object_that_has_drifted_is_told_until_it_has_not() -> None:
    """It may be the end of the drift: a foreign write that takes back another leaves our entry as it is."""
    async with watching() as told:
        await told.hear(added("one", "1"), SYNCED)
        told.live.attend("shop", frozenset({str(ONE)}))

        assert await told.hear(added("one", "2")) == [("shop", Trigger.DRIFT)]

        told.live.attend("shop", frozenset())

        assert await told.hear(added("one", "3")) == []


async def test_an_object_that_changes_hands_is_told_to_both_owners() -> None:
    """The old one lost it, the new one has it."""
    async with watching() as told:
        await told.hear(added("one", "1", owner="shop"), SYNCED)

        moves = await told.hear(added("one", "2", owner="bank", fields="b"))

        assert moves == [("shop", Trigger.DRIFT), ("bank", Trigger.DRIFT)]


async def test_a_deletion_is_told_with_its_moment_until_the_object_is_back() -> None:
    """The drift began then, not when somebody looked."""
    async with watching() as told:
        await told.hear(added("one", "1"), SYNCED)
        begun = time.time()

        assert await told.hear(WatchEvent("deleted", body("one", "2"))) == [("shop", Trigger.DRIFT)]
        assert told.live.view(ONE) is None
        assert begun <= (told.live.gone_since(ONE) or 0.0) <= time.time()

        await told.hear(added("one", "3"))

        assert told.live.gone_since(ONE) is None


async def test_a_kind_that_comes_with_our_own_plan_is_watched_as_soon_as_it_is_written() -> None:
    """Its watch was refused before its definition stood; the first object of it says that it does."""
    async with watching(Said("ConfigMap")) as told:
        told.live.want([("v1", "ConfigMap"), ("v1", "ConfigMap")])
        await asyncio.wait_for(told.cluster.refused.wait(), 10)
        for _ in range(10):
            await asyncio.sleep(0)
        assert not told.live.watched(MAPS)

        told.cluster.unserved.clear()
        told.live.learn(body("one", "9"))
        await told.hear(added("one", "9"), SYNCED)

        assert told.live.watched(MAPS)
