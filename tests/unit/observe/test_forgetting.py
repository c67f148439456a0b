"""What live state forgets: owners that are gone, kinds that nobody wants, names that went long ago."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from controller.model.health_check import HealthCheck
from controller.model.objects import GroupKind
from controller.observe import live, watches
from controller.ports import WatchEvent
from tests.unit.observe.test_live import MAPS, ONE, SYNCED, Told, added, body, watching

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

    from controller.model.base import Json
    from controller.model.health import Health

CLAIMS = GroupKind("", "PersistentVolumeClaim")
CHECK = HealthCheck(api_version="v1", kind="ConfigMap", current="true")


class Blind:
    """Judges nothing."""

    async def health(self, _: HealthCheck, __: Json) -> Health:
        """Nobody asks."""
        raise NotImplementedError

    async def fault(self, _: HealthCheck) -> str:
        """None."""
        return ""


async def until(true: Callable[[], bool]) -> None:
    """Wait until it holds."""
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110 - live state has no event for what it forgets
            await asyncio.sleep(0.01)


def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing lingers."""
    monkeypatch.setattr(watches, "LINGER", 0.0)
    monkeypatch.setattr(watches, "SWEEP", 0.02)


def watched(told: Told) -> set[GroupKind]:
    """The kinds that have a watch."""
    return {GroupKind("", task.get_name().rpartition(" ")[2]) for task in asyncio.all_tasks() if _is_watch(task, told)}


def _is_watch(task: asyncio.Task[object], told: Told) -> bool:
    return task.get_name().startswith(f"watch {told.cluster.name} ")


def gone(name: str) -> WatchEvent:
    """The watch says that it went."""
    return WatchEvent("deleted", body(name, "2"))


def knows(told: Told, owner: str) -> bool:
    """Whether anything is kept for an owner."""
    state = told.live
    wanted = any(owner in owners for owners in state._watches._wanters.values())
    return wanted or owner in state._attended or owner in state._checklist._checks


async def test_an_owner_that_is_gone_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither its checks nor what it attended to, nor watches of kinds that nobody else wants."""
    impatient(monkeypatch)
    async with watching(checker=Blind()) as told:
        told.live.want([("v1", "ConfigMap"), ("v1", "PersistentVolumeClaim")], "shop")
        told.live.want([("v1", "PersistentVolumeClaim")], "bank")
        told.live.check("shop", [CHECK])
        told.live.attend("shop", frozenset({str(ONE)}))
        told.cluster.says["ConfigMap"].put_nowait(SYNCED)
        await until(lambda: told.live.watched(MAPS))
        assert knows(told, "shop")

        told.live.forget("shop")
        await until(lambda: not told.live.watched(MAPS))

        assert not knows(told, "shop")
        assert watched(told) == {CLAIMS}


async def test_a_kind_that_left_git_and_the_cluster_is_not_watched_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its objects are not remembered either; and it may come back."""
    impatient(monkeypatch)
    async with watching() as told:
        told.live.want([("v1", "ConfigMap")], "shop")
        await told.said(added("one"), SYNCED)
        assert told.live.view(ONE) is not None

        told.live.want([("v1", "Secret")], "shop")
        await until(lambda: watched(told) == {GroupKind("", "Secret")})
        assert told.live.view(ONE) is None
        assert not told.live.watched(MAPS)

        told.live.want([("v1", "ConfigMap")], "shop")
        await told.said(added("one", "2"), SYNCED)
        assert told.live.view(ONE) is not None
        assert told.live.watched(MAPS)


async def test_a_kind_that_is_wanted_again_soon_is_watched_all_along(monkeypatch: pytest.MonkeyPatch) -> None:
    """A look at a newer commit may fail, and the next one wants what stands: nothing is listed anew for that."""
    monkeypatch.setattr(watches, "SWEEP", 0.02)
    async with watching() as told:
        told.live.want([("v1", "ConfigMap")], "shop")
        await told.said(added("one"), SYNCED)
        told.live.want([], "shop")
        await asyncio.sleep(0.1)

        told.live.want([("v1", "ConfigMap")], "shop")

        assert told.live.watched(MAPS)
        assert told.live.view(ONE) is not None


async def test_names_that_went_are_remembered_for_an_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    """Generated names come and go for ever."""
    monkeypatch.setattr(live, "SCAN", 0.02)
    async with watching() as told:
        state, now = told.live, time.time()
        for number in range(1000):
            state.learn(body(f"old-{number}"))
            await told.hear(gone(f"old-{number}"))
        assert len(state._gone) == 1000

        with monkeypatch.context() as later:
            later.setattr(time, "time", lambda: now + 3000)
            state.learn(body("young"))
            await told.hear(gone("young"))
            later.setattr(time, "time", lambda: now + 3700)
            await until(lambda: len(state._gone) == 1)
