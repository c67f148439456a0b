"""Live state, kept by watches: what is told of it, and to whom."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from controller.errors import Transient
from controller.model.labels import OWNER_LABEL
from controller.model.objects import GroupKind, ObjectId
from controller.model.run import Trigger
from controller.observe.live import LiveState
from controller.ports import WatchEvent

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from controller.model.base import Json

MAPS = GroupKind("", "ConfigMap")
ONE = ObjectId("", "ConfigMap", "ns", "one")
CLAIM = ObjectId("", "PersistentVolumeClaim", "ns", "one")


class Told:
    """A live state, and whom it told of what."""

    def __init__(self, cluster: Any = None) -> None:
        self.moves: list[tuple[str, Trigger]] = []
        self.restarts = 0
        self.live = LiveState(
            cluster,
            ownership=lambda body: str(body["metadata"]["annotations"]["fields"]),
            on_move=lambda owner, why: self.moves.append((owner, why)),
            on_restart=self._restarted,
        )

    def _restarted(self) -> None:
        self.restarts += 1

    def watch(self, *events: WatchEvent, kind: GroupKind = MAPS) -> list[tuple[str, Trigger]]:
        """Have a watch say this; gives what it was told on."""
        self.moves.clear()
        for event in events:
            self.live._follow(kind, event)
        return list(self.moves)


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


SYNCED = WatchEvent("synced")
RESTARTED = WatchEvent("restarted")


def test_what_a_new_listing_does_not_name_went_meanwhile() -> None:
    """Its deletion is told to its owner, with the moment; what the listing names stays and is no news."""
    told = Told()
    told.watch(added("one"), added("two"), SYNCED)
    begun = time.time()

    assert told.watch(RESTARTED, added("two")) == []
    assert told.live.view(ONE) is not None

    assert told.watch(SYNCED) == [("shop", Trigger.DRIFT)]
    assert told.live.view(ONE) is None
    assert begun <= (told.live.gone_since(ONE) or 0.0) <= time.time()
    assert len(told.live) == 1
    assert told.restarts == 1


def test_a_listing_of_one_kind_says_nothing_about_another() -> None:
    """Only what is of the kind that was listed anew can be missing."""
    told = Told()
    told.watch(WatchEvent("added", claim("1", "Bound")), SYNCED, kind=CLAIM.group_kind)
    told.watch(added("one"), SYNCED)

    told.watch(RESTARTED, SYNCED)

    assert told.live.view(CLAIM) is not None
    assert told.live.view(ONE) is None


def test_what_we_wrote_before_the_first_listing_ended_stays() -> None:
    """The listing may be older than our write: that it does not name the object means nothing."""
    told = Told()
    told.live.learn(body("one", "5"))

    told.watch(added("two", "3"), SYNCED)

    assert told.live.view(ONE) is not None
    assert told.live.watched(MAPS)


def test_a_write_of_ours_is_no_news_and_the_watchs_word_of_it_neither() -> None:
    """The answer is known ahead of the watch, which repeats it, after older ones."""
    told = Told()
    told.watch(added("one", "1", fields="a"), SYNCED)
    told.moves.clear()
    told.live.learn(body("one", "9", fields="b"))

    assert told.moves == []
    assert told.watch(added("one", "4", fields="foreign"), added("one", "9", fields="b")) == []
    view = told.live.view(ONE)
    assert view is not None
    assert (view.resource_version, view.ownership) == ("9", "b")


def test_a_change_of_our_fields_is_told_and_another_field_is_not() -> None:
    """A foreign write that leaves our entry as it is concerns nobody."""
    told = Told()
    told.watch(added("one", "1"), SYNCED)

    assert told.watch(added("one", "2")) == []
    assert told.watch(added("one", "3", fields="less")) == [("shop", Trigger.DRIFT)]


def test_the_beginning_of_a_deletion_is_told() -> None:
    """An object that its finalizers hold is on its way out, and its fields are all there."""
    told = Told()
    told.watch(added("one", "1"), SYNCED)

    going = {"deletionTimestamp": "2026-01-01T00:00:00Z"}

    assert told.watch(added("one", "2", metadata=going)) == [("shop", Trigger.DRIFT)]


def test_health_is_told_as_health() -> None:
    """A volume that gets bound is no drift."""
    told = Told()
    pending, bound = WatchEvent("added", claim("1", "Pending")), WatchEvent("modified", claim("2", "Bound"))
    told.watch(pending, SYNCED, kind=CLAIM.group_kind)

    assert told.watch(bound, kind=CLAIM.group_kind) == [("shop", Trigger.HEALTH)]


def test_any_change_of_an_object_that_has_drifted_is_told_until_it_has_not() -> None:
    """It may be the end of the drift: a foreign write that takes back another leaves our entry as it is."""
    told = Told()
    told.watch(added("one", "1"), SYNCED)
    told.live.attend("shop", frozenset({str(ONE)}))

    assert told.watch(added("one", "2")) == [("shop", Trigger.DRIFT)]

    told.live.attend("shop", frozenset())

    assert told.watch(added("one", "3")) == []


def test_an_object_that_changes_hands_is_told_to_both_owners() -> None:
    """The old one lost it, the new one has it."""
    told = Told()
    told.watch(added("one", "1", owner="shop"), SYNCED)

    moves = told.watch(added("one", "2", owner="bank", fields="b"))

    assert moves == [("shop", Trigger.DRIFT), ("bank", Trigger.DRIFT)]


def test_a_deletion_is_told_with_its_moment_until_the_object_is_back() -> None:
    """The drift began then, not when somebody looked."""
    told = Told()
    told.watch(added("one", "1"), SYNCED)
    begun = time.time()

    assert told.watch(WatchEvent("deleted", body("one", "2"))) == [("shop", Trigger.DRIFT)]
    assert told.live.view(ONE) is None
    assert begun <= (told.live.gone_since(ONE) or 0.0) <= time.time()

    told.watch(added("one", "3"))

    assert told.live.gone_since(ONE) is None


class Unserved:
    """A cluster that serves ConfigMaps from the second time on that it is asked to watch them."""

    name = "abroad"

    def __init__(self) -> None:
        self.asked = 0
        self.refused = asyncio.Event()
        self.watched = asyncio.Event()

    async def watch(self, *_: str, **__: Any) -> AsyncGenerator[WatchEvent]:
        """The kind is not served at first."""
        self.asked += 1
        if self.asked == 1:
            self.refused.set()
            raise Transient("cluster abroad serves no ConfigMap in v1")
        yield added("one", "9")
        yield SYNCED
        self.watched.set()
        await asyncio.Event().wait()


async def test_a_kind_that_comes_with_our_own_plan_is_watched_as_soon_as_it_is_written() -> None:
    """Its watch was refused before its definition stood; the first object of it says that it does."""
    cluster = Unserved()
    told = Told(cluster)
    running = asyncio.create_task(told.live.run(), name="live")
    told.live.want([("v1", "ConfigMap"), ("v1", "ConfigMap")])
    await asyncio.wait_for(cluster.refused.wait(), 5)
    await asyncio.sleep(0)
    assert not told.live.watched(MAPS)

    told.live.learn(body("one", "9"))
    await asyncio.wait_for(cluster.watched.wait(), 5)

    assert told.live.watched(MAPS)
    assert cluster.asked == 2
    running.cancel()
    await asyncio.wait([running])
