"""Status of Repositories: the last word is the one that stands, and none is said twice over a restart."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from controller.errors import Unreachable
from controller.fetch.news import RepositoryState
from controller.model.objects import Key
from controller.reconcile.reporting import Reporter
from tests.unit.reconcile.harbour import SHOP, Harbour, config

if TYPE_CHECKING:
    from controller.model.base import Json

CONFIG = Key(SHOP.namespace, "config")
SEEN = RepositoryState(reachable=True, refs=1, head="a" * 40)
AWAY = RepositoryState(reachable=False, error=Unreachable("nobody answers"))


class Slow:
    """An API server that takes one status at a time, when it may; the watch never tells of any."""

    def __init__(self) -> None:
        self.said: list[Json] = []
        self.may = asyncio.Event()
        self.asked = asyncio.Event()

    async def write(self, _kind: str, _key: Key, status: Json) -> None:
        """Take it, once that may be."""
        self.asked.set()
        await self.may.wait()
        self.said.append(status)


def _ready(status: Json) -> str:
    return str(status["conditions"][0]["status"])


async def _told(server: Slow, harbour: Harbour, *states: RepositoryState) -> None:
    """Have a new process say these, the second and later ones while the first is under way."""
    reporter = Reporter(server, harbour.registry, harbour.rooms.metrics)  # type: ignore[arg-type]
    task = asyncio.create_task(reporter.run(), name="reports")
    reporter.repository(CONFIG, states[0])
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(server.asked.wait(), 0.2)
    for state in states[1:]:
        reporter.repository(CONFIG, state)
    server.may.set()
    for _ in range(10):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])


async def test_a_word_that_is_under_way_does_not_outlive_a_newer_one() -> None:
    """It failed and recovered before the failure was written: what the registry knows is older than both."""
    harbour, server = Harbour(config()), Slow()
    await _told(server, harbour, SEEN)
    body = {"metadata": {"name": "config", "namespace": SHOP.namespace, "uid": "r", "generation": 1}}
    spec = {"url": "https://git.example.com/config"}
    harbour.registry._take("Repository", body | {"spec": spec, "status": server.said[-1]})
    server.may.clear()
    server.asked.clear()

    await _told(server, harbour, AWAY, SEEN)

    assert [_ready(status) for status in server.said] == ["True", "False", "True"]


async def test_what_stands_is_not_said_again_after_a_restart() -> None:
    """The same word costs no write."""
    harbour, server = Harbour(config()), Slow()
    await _told(server, harbour, SEEN)
    body = {"metadata": {"name": "config", "namespace": SHOP.namespace, "uid": "r", "generation": 1}}
    spec = {"url": "https://git.example.com/config"}
    harbour.registry._take("Repository", body | {"spec": spec, "status": server.said[-1]})

    await _told(server, harbour, SEEN)

    assert len(server.said) == 1
