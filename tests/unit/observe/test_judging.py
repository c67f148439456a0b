"""Health checks that take long: neither the watch of the kind nor drift waits for them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from controller.model.health import Health, HealthStatus
from controller.model.health_check import HealthCheck
from controller.model.run import Trigger
from controller.observe import judging
from tests.unit.observe.test_live import ONE, SYNCED, Said, added, body, watching

if TYPE_CHECKING:
    from controller.model.base import Json
    from tests.unit.observe.test_live import Told

CHECK = HealthCheck(api_version="v1", kind="ConfigMap", current="true")
DEGRADED = Health(HealthStatus.DEGRADED, "slow, but certain")


class Slow:
    """A checker that answers when a test says so."""

    def __init__(self) -> None:
        self.answer = asyncio.Event()
        self.asked = 0

    async def health(self, _: HealthCheck, __: Json) -> Health:
        """Degraded, in the end."""
        self.asked += 1
        await self.answer.wait()
        return DEGRADED

    async def fault(self, _: HealthCheck) -> str:
        """None."""
        return ""


def _health(told: Told) -> HealthStatus:
    view = told.live.view(ONE)
    assert view is not None
    return view.health.status


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits long in a test."""
    monkeypatch.setattr(judging, "PROMPT", 0.01)


async def _until_judged(told: Told) -> None:
    async with asyncio.timeout(5):
        while _health(told) is not HealthStatus.DEGRADED:  # noqa: ASYNC110 - live state has no event for every change
            await asyncio.sleep(0.01)


async def test_drift_is_told_while_a_check_of_the_kind_has_no_verdict() -> None:
    """Of other owners, and of the very object; the verdict is told when it comes."""
    checker = Slow()
    async with watching(checker=checker) as told:
        told.live.check("evil", [CHECK])
        await told.hear(added("one", "1", owner="evil"), added("two", "1"), SYNCED)
        assert _health(told) is HealthStatus.PROGRESSING
        assert await told.hear(added("two", "2", fields="b")) == [("shop", Trigger.DRIFT)]
        assert await told.hear(added("one", "2", owner="evil", fields="b")) == [("evil", Trigger.DRIFT)]

        told.moves.clear()
        checker.answer.set()
        await _until_judged(told)
        assert told.moves == [("evil", Trigger.HEALTH)]


async def test_a_verdict_that_comes_late_brings_nothing_back() -> None:
    """The object went meanwhile."""
    checker = Slow()
    async with watching(checker=checker) as told:
        told.live.check("evil", [CHECK])
        await told.hear(added("one", "1", owner="evil"), SYNCED)
        await told.hear(type(SYNCED)("deleted", body("one", "2", owner="evil")))
        checker.answer.set()
        for _ in range(10):
            await asyncio.sleep(0)
        assert told.live.view(ONE) is None


async def test_objects_beyond_those_that_may_wait_are_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is bounded; no object is left without its verdict."""
    monkeypatch.setattr(judging, "MOST", 2)
    checker, cluster = Slow(), Said()
    async with watching(cluster, checker) as told:
        told.live.check("evil", [CHECK])
        events = [added(name, "1", owner="evil") for name in ("three", "four", "one")]
        cluster.stands = body("one", "1", owner="evil")
        await told.hear(*events, SYNCED)
        assert checker.asked <= 3
        checker.answer.set()
        await _until_judged(told)
