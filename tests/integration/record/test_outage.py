"""PostgreSQL goes away and comes back: nothing is lost, nothing comes twice."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import TYPE_CHECKING

import pytest

from controller.record import delivery
from controller.record.journal import Journal
from controller.record.ledger import PostgresLedger
from tests.ground.initdb import USER_DSN
from tests.ground.postgres import PostgresServer
from tests.integration.record.conftest import TEMPLATE, Database, name_of, prepare
from tests.integration.record.relay import Relay
from tests.unit.record.drafts import note

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path


class Harbour:
    """A server that may be stopped and started; it is at another port then."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.server = PostgresServer.start(root)

    def start(self) -> None:
        self.server = PostgresServer.start(self._root)


@pytest.fixture
def harbour(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Harbour]:
    """One with the template."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv(USER_DSN, raising=False)
        opened = Harbour(tmp_path_factory.mktemp("harbour"))
        opened.server.create_template(TEMPLATE, prepare)
        yield opened
        opened.server.stop()


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Come back soon; how the pauses grow is tested elsewhere."""
    monkeypatch.setattr(delivery, "LONGEST_PAUSE", 0.05)


class Voyage:
    """A journal that delivers through a relay, while something appends all the time."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.count = 0
        self.over = False

    async def sail(self) -> None:
        while not self.over:
            await self.journal.append(note(self.count))
            self.count += 1

    async def until(self, events: int) -> None:
        """Until so many more were acknowledged."""
        goal = self.count + events
        while self.count < goal:  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.005)


@contextlib.asynccontextmanager
async def under_way(tmp_path: Path, relay: Relay) -> AsyncIterator[Voyage]:
    """A voyage with its delivery; both end behind it."""
    ledger = await PostgresLedger.open(relay.dsn)
    journal = await Journal.open(tmp_path / "spool", ledger, producer="shipslog-0")
    voyage = Voyage(journal)
    tasks = [
        asyncio.create_task(journal.run(), name="delivery"),
        asyncio.create_task(voyage.sail(), name="appending"),
    ]
    try:
        yield voyage
    finally:
        voyage.over = True
        await asyncio.wait(tasks[1:])
        drained = await journal.drain(30)
        tasks[0].cancel()
        await asyncio.wait(tasks)
        await journal.close()
        await ledger.close()
    assert drained
    assert journal.undelivered == 0


async def recorded(database: Database) -> list[int]:
    """The numbers of the events in the ledger, in the order of their producer."""
    return [
        json.loads(body)["detail"]["number"]
        for (body,) in await database.ask("SELECT body FROM audit.event ORDER BY seq")
    ]


async def test_a_server_that_stops_and_starts_costs_nothing(harbour: Harbour, tmp_path: Path) -> None:
    """Appending goes on meanwhile; the backlog is counted, and delivered when it is back."""
    name = name_of(await asyncio.to_thread(harbour.server.clone, TEMPLATE))
    async with Relay(Database(harbour.server, name).writer) as relay, under_way(tmp_path, relay) as voyage:
        for _ in range(2):
            await voyage.until(50)
            await asyncio.to_thread(harbour.server.stop)
            waiting = voyage.journal.undelivered
            await voyage.until(100)
            assert voyage.journal.undelivered >= waiting + 99
            assert voyage.journal.undelivered_age > 0
            assert voyage.journal.delivery is not None
            assert voyage.journal.delivery.failures > 0
            await asyncio.to_thread(harbour.start)
            relay.target = Database(harbour.server, name).writer
        await voyage.until(50)

    assert await recorded(Database(harbour.server, name)) == list(range(voyage.count))


async def test_connections_that_break_all_the_time_cost_nothing(database: Database, tmp_path: Path) -> None:
    """Whenever they break: before a statement, within, or behind its commit."""
    async with Relay(database.writer) as relay, under_way(tmp_path, relay) as voyage:
        for lost in range(1, 11):
            await voyage.until(5)
            relay.cut()
            await voyage.until(5)
            relay.lose_answer_to(b'{"actor":')
            while relay.lost < lost:
                await voyage.until(1)

    assert await recorded(database) == list(range(voyage.count))


async def test_a_server_that_ends_all_sessions_costs_nothing(database: Database, tmp_path: Path) -> None:
    """As an administrator or a failover does."""
    async with Relay(database.writer) as relay, under_way(tmp_path, relay) as voyage:
        for _ in range(10):
            await voyage.until(20)
            await database.ask(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = $1 AND application_name = 'shipslog'",
                database.name,
            )

    assert await recorded(database) == list(range(voyage.count))
