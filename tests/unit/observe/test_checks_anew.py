"""Health checks that change: every object is judged by the one that holds, also when it could not be read at first."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from controller.model.health import Health, HealthStatus
from controller.model.health_check import HealthCheck
from controller.observe import live
from controller.ports import WatchEvent
from tests.unit.observe.test_live import ONE, SYNCED, added, body, watching

if TYPE_CHECKING:
    import pytest

    from controller.model.base import Json
    from tests.unit.observe.test_live import Told

FIRST = HealthCheck(api_version="v1", kind="ConfigMap", current="1")
SECOND = HealthCheck(api_version="v1", kind="ConfigMap", current="2")


class Slow:
    """Every object is degraded by the expression of its check; a verdict takes as long as the test wants."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.answer = asyncio.Event()
        self.answer.set()

    async def health(self, check: HealthCheck, _: Json) -> Health:
        """What the check says, once it may."""
        self.asked.set()
        await self.answer.wait()
        return Health(HealthStatus.DEGRADED, check.current)

    async def fault(self, _: HealthCheck) -> str:
        """None."""
        return ""


async def judged(told: Told, message: str) -> None:
    """Wait until the object has this verdict."""
    async with asyncio.timeout(10):
        while (view := told.live.view(ONE)) is None or view.health.message != message:  # noqa: ASYNC110 - no event
            await asyncio.sleep(0.01)


async def test_an_object_that_could_not_be_read_is_judged_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """One answer of 500, and nothing else happens: the verdict comes all the same."""
    monkeypatch.setattr(live, "LATE", 0.02)
    async with watching(checker=Slow()) as told:
        await told.hear(added("one"), SYNCED)
        told.cluster.stands, told.cluster.failures = body("one"), 2

        told.live.check("shop", [FIRST])

        await judged(told, "1")
        assert told.cluster.failures < 0


async def test_a_check_that_changes_while_an_object_is_judged_holds() -> None:
    """A verdict of the check before it is none, whether the object was read for it or the watch told of it."""
    checker = Slow()
    async with watching(checker=checker) as told:
        await told.hear(added("one"), SYNCED)
        told.cluster.stands = body("one")
        checker.answer.clear()
        told.live.check("shop", [FIRST])
        await asyncio.wait_for(checker.asked.wait(), 10)

        told.live.check("shop", [SECOND])
        checker.answer.set()
        await judged(told, "2")

        checker.answer.clear()
        checker.asked.clear()
        hearing = asyncio.create_task(told.hear(added("one", "2")), name="the watch")
        await asyncio.wait_for(checker.asked.wait(), 10)
        told.live.check("shop", [FIRST])
        checker.answer.set()
        await hearing
        await judged(told, "1")


async def test_what_we_wrote_is_not_healthy_by_a_verdict_from_before() -> None:
    """A run must not end on it; when the verdict on what was written comes, it is told, be it the same."""
    checker = Sound()
    async with watching(checker=checker) as told:
        told.live.check("shop", [FIRST])
        await told.hear(added("one"), SYNCED)
        assert health(told) is HealthStatus.HEALTHY

        written = body("one", version="9")
        told.live.learn(written)
        assert health(told) is HealthStatus.PROGRESSING

        moves = await told.said(WatchEvent("modified", written))
        assert health(told) is HealthStatus.HEALTHY
        assert [owner for owner, _ in moves] == ["shop"]


class Sound:
    """Every object is healthy."""

    async def health(self, _: HealthCheck, __: Json) -> Health:
        """At once."""
        return Health(HealthStatus.HEALTHY)

    async def fault(self, _: HealthCheck) -> str:
        """None."""
        return ""


def health(told: Told) -> HealthStatus | None:
    """What is known of the object."""
    view = told.live.view(ONE)
    return view.health.status if view else None
