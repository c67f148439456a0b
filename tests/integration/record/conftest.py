"""A real PostgreSQL with the ledger's schema, and a database of its own for every test."""

from __future__ import annotations

import asyncio
import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import asyncpg
import pytest
from blockbuster import BlockBuster

from controller.record import logins, migrate
from controller.record.ledger import PostgresLedger
from tests.ground.postgres import PostgresServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

TEMPLATE = "shipslog_ledger"
WRITER, READER = "shipslog_test_writer", "shipslog_test_reader"


@dataclass(frozen=True)
class Database:
    """One database, as its three kinds of people reach it."""

    server: PostgresServer
    name: str

    @property
    def owner(self) -> str:
        """DSN of the administrator."""
        return self.server.dsn(self.name)

    @property
    def writer(self) -> str:
        """DSN of a login that may only write."""
        return self.server.dsn(self.name, WRITER)

    @property
    def reader(self) -> str:
        """DSN of a login that may only read."""
        return self.server.dsn(self.name, READER)

    async def ask(self, sql: str, *values: object, dsn: str = "") -> list[tuple[Any, ...]]:
        """The rows of a query, by default asked by the administrator."""
        connection = await asyncpg.connect(dsn or self.owner)
        try:
            return [tuple(row) for row in await connection.fetch(sql, *values)]
        finally:
            await connection.close()

    async def run(self, script: str, dsn: str = "") -> None:
        """Run statements in one session, by default the administrator's."""
        connection = await asyncpg.connect(dsn or self.owner)
        try:
            await connection.execute(script)
        finally:
            await connection.close()


def prepare(dsn: str) -> None:
    """Give a database the ledger's schema, and its server the two logins, with the administrator's password."""

    async def fill() -> None:
        await migrate.upgrade(dsn)
        await logins.admit(dsn, as_login(dsn, WRITER), "audit_writer")
        await logins.admit(dsn, as_login(dsn, READER), "audit_reader")

    asyncio.run(fill())


def as_login(dsn: str, name: str, password: str | None = None) -> str:
    """The same place for another login: with the same password, or with one of its own."""
    parts = urlsplit(dsn)
    login, _, where = parts.netloc.rpartition("@")
    secret = login.partition(":")[2] if password is None else quote(password, safe="")
    return parts._replace(netloc=f"{quote(name, safe='')}:{secret}@{where}").geturl()


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """A server, with a template that has the ledger's schema and two logins."""
    started = PostgresServer.start(tmp_path_factory.mktemp("postgres"))

    try:
        started.create_template(TEMPLATE, prepare)
        yield started
    finally:
        started.stop()


@pytest.fixture(autouse=True)
def _loop_is_not_blocked(request: pytest.FixtureRequest) -> Iterator[None]:
    """As everywhere, but for the driver: it looks for certificates in the home directory whenever it connects."""
    if not inspect.iscoroutinefunction(request.node.function):
        yield
        return
    request.getfixturevalue("_no_task_is_leaked")
    blocker = BlockBuster(scanned_modules=["controller"])
    for function in blocker.functions.values():
        function.can_block_in("asyncpg/connect_utils.py", "_parse_connect_arguments")
    blocker.activate()
    try:
        yield
    finally:
        blocker.deactivate()


def name_of(dsn: str) -> str:
    """Name of a DSN's database."""
    return dsn.rpartition("/")[2].partition("?")[0]


@pytest.fixture
def database(server: PostgresServer) -> Iterator[Database]:
    """A database with the schema and nothing in it."""
    dsn = server.clone(TEMPLATE)
    yield Database(server, name_of(dsn))
    server.drop(dsn)


@pytest.fixture
def empty(server: PostgresServer, tmp_path: Path) -> Iterator[Database]:
    """A database without the schema."""
    name = f"empty_{abs(hash(tmp_path)):x}"
    server.create_database(name)
    yield Database(server, name)
    server.drop(name)


@pytest.fixture
async def ledger(database: Database) -> AsyncIterator[PostgresLedger]:
    """The ledger as the controller opens it."""
    opened = await PostgresLedger.open(database.writer)
    yield opened
    await opened.close()


@pytest.fixture
async def reading(database: Database) -> AsyncIterator[PostgresLedger]:
    """The ledger as an auditor opens it."""
    opened = await PostgresLedger.open(database.reader)
    yield opened
    await opened.close()
