"""The schema comes and goes by migrations, one at a time, without taking a record along."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import pytest

from controller.record import migrate
from controller.record.errors import LedgerError, LedgerUnreachable
from controller.record.ledger import PostgresLedger
from tests.integration.record.bodies import event_of
from tests.integration.record.relay import Relay
from tests.unit.record.drafts import note

if TYPE_CHECKING:
    from tests.integration.record.conftest import Database

CHECKOUT = Path(__file__).resolve().parents[3]
NEWEST = migrate.newest()
OBJECTS = """
SELECT 'table', c.oid::regclass::text, c.relowner::regrole::text || coalesce(c.relacl::text, '') FROM pg_class AS c
WHERE c.relnamespace = 'audit'::regnamespace
UNION ALL
SELECT 'column', a.attrelid::regclass::text, a.attname || ' ' || format_type(a.atttypid, a.atttypmod) || ' '
    || a.attnotnull::text || coalesce(pg_get_expr(d.adbin, d.adrelid), '') || coalesce(a.attacl::text, '')
FROM pg_attribute AS a LEFT JOIN pg_attrdef AS d ON (d.adrelid, d.adnum) = (a.attrelid, a.attnum)
WHERE a.attnum > 0 AND a.attrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'audit'::regnamespace)
UNION ALL
SELECT 'function', p.oid::regprocedure::text, p.proowner::regrole::text || coalesce(p.proacl::text, '')
FROM pg_proc AS p WHERE p.pronamespace = 'audit'::regnamespace
UNION ALL
SELECT 'trigger', t.tgrelid::regclass::text, t.tgname || t.tgenabled::text FROM pg_trigger AS t
UNION ALL
SELECT 'schema', n.nspname, n.nspowner::regrole::text || coalesce(n.nspacl::text, '') FROM pg_namespace AS n
WHERE n.nspname = 'audit'
ORDER BY 1, 2, 3
"""


async def test_an_upgrade_makes_the_schema_and_a_second_one_nothing(empty: Database) -> None:
    """The version is told before and after, to any login of the ledger."""
    assert await migrate.current(empty.owner) == ""
    assert not await migrate.is_current(empty.owner)

    assert await migrate.upgrade(empty.owner) == NEWEST
    made = await empty.ask(OBJECTS)
    assert await migrate.upgrade(empty.owner) == NEWEST

    assert await empty.ask(OBJECTS) == made
    assert await migrate.is_current(empty.writer)
    assert await migrate.is_current(empty.reader)


async def test_the_urls_own_options_count(empty: Database) -> None:
    """What libpq takes in a URL is taken here: `sslmode` is what many providers put there."""
    mark = "&" if "?" in empty.owner else "?"

    await migrate.upgrade(f"{empty.owner}{mark}sslmode=prefer")

    assert await migrate.is_current(empty.owner)


async def test_down_and_up_again_gives_the_same_schema(empty: Database) -> None:
    """And down leaves nothing but the table of versions."""
    await migrate.upgrade(empty.owner)
    before = await empty.ask(OBJECTS)

    assert await migrate.downgrade(empty.owner, "base") == ""
    left = await empty.ask(OBJECTS)
    await migrate.upgrade(empty.owner)

    assert {row[1] for row in left if row[0] in {"table", "function"}} == {
        "audit.schema_version",
        "audit.schema_version_pkc",
    }
    assert await empty.ask(OBJECTS) == before


async def test_down_never_takes_an_event_along(database: Database, ledger: PostgresLedger) -> None:
    """It is refused with what to do, and all stays as it was."""
    await ledger.deliver([event_of(note()).body])
    before = await database.ask(OBJECTS)

    with pytest.raises(LedgerError, match=r"would destroy them \(dump the schema"):
        await migrate.downgrade(database.owner, "base")

    assert await database.ask(OBJECTS) == before
    assert await database.ask("SELECT count(*) FROM audit.event") == [(1,)]


async def test_many_upgrades_at_once_are_one(empty: Database) -> None:
    """As when all replicas of a Deployment start together: the others wait, then find it done."""
    versions = await asyncio.gather(*(migrate.upgrade(empty.owner) for _ in range(5)))

    assert set(versions) == {NEWEST}
    assert await empty.ask("SELECT count(*) FROM audit.schema_version") == [(1,)]


async def test_upgrades_of_two_databases_at_once_share_the_roles(empty: Database) -> None:
    """Roles belong to the server: who comes second takes them as they are."""
    other = f"{empty.name}_2"
    await asyncio.to_thread(empty.server.create_database, other)
    try:
        versions = await asyncio.gather(migrate.upgrade(empty.owner), migrate.upgrade(empty.server.dsn(other)))
    finally:
        await asyncio.to_thread(empty.server.drop, other)

    assert set(versions) == {NEWEST}


@pytest.mark.parametrize(
    "rights",
    [
        "GRANT audit_owner TO shipslog_test_migrator",
        "ALTER ROLE shipslog_test_migrator CREATEROLE; GRANT audit_owner TO shipslog_test_migrator WITH ADMIN OPTION",
    ],
)
async def test_who_migrates_needs_not_be_a_superuser(empty: Database, rights: str) -> None:
    """The database's owner can who may act as audit_owner; afterwards the ledger works, and is not his."""
    await asyncio.to_thread(empty.server.allow_login, "shipslog_test_migrator")
    await empty.run(f"{rights}; ALTER DATABASE {empty.name} OWNER TO shipslog_test_migrator")
    try:
        await migrate.upgrade(empty.server.dsn(empty.name, "shipslog_test_migrator"))
        ledger = await PostgresLedger.open(empty.writer)
        await ledger.deliver([event_of(note()).body])
        await ledger.close()

        owners = await empty.ask("SELECT DISTINCT relowner::regrole::text FROM pg_class WHERE relname ~ '^event'")
        assert owners == [("audit_owner",)]
    finally:
        await asyncio.to_thread(empty.server.drop, empty.name)
        await asyncio.to_thread(empty.server.execute, "DROP ROLE shipslog_test_migrator")


async def test_who_may_not_migrate_is_told_what_it_takes(empty: Database) -> None:
    """The remedy is about rights to migrate, not to write."""
    await asyncio.to_thread(empty.server.allow_login, "shipslog_test_migrator")
    await empty.run(f"ALTER DATABASE {empty.name} OWNER TO shipslog_test_migrator")
    try:
        with pytest.raises(LedgerError, match="use a superuser, or the database's owner with CREATEROLE"):
            await migrate.upgrade(empty.server.dsn(empty.name, "shipslog_test_migrator"))
    finally:
        await asyncio.to_thread(empty.server.drop, empty.name)
        await asyncio.to_thread(empty.server.execute, "DROP ROLE shipslog_test_migrator")


async def test_a_failed_migration_leaves_nothing(empty: Database) -> None:
    """All of an upgrade is one transaction."""
    await empty.run("CREATE SCHEMA audit; CREATE TABLE audit.event_default (x int)")
    before = await empty.ask(OBJECTS)

    with pytest.raises(LedgerError, match="already exists"):
        await migrate.upgrade(empty.owner)

    assert await empty.ask(OBJECTS) == before
    assert await migrate.current(empty.owner) == ""


async def test_a_database_of_another_encoding_is_refused(empty: Database) -> None:
    """With how to make the right one."""
    name = f"{empty.name}_latin"
    await empty.run(f"CREATE DATABASE {name} ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    try:
        with pytest.raises(LedgerError, match=r"has encoding LATIN1, the ledger needs UTF8 \(create it with ENCODING"):
            await migrate.upgrade(empty.server.dsn(name))
    finally:
        await asyncio.to_thread(empty.server.drop, name)


async def test_a_table_in_use_is_not_waited_for_long(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who queues behind a migration waits as long as it does: it gives up, and says so."""
    monkeypatch.setattr(migrate, "_TABLE_PATIENCE", "50ms")
    connection = await asyncpg.connect(database.owner)
    async with connection.transaction():
        await connection.execute("LOCK TABLE audit.event IN ACCESS SHARE MODE")
        with pytest.raises(LedgerError, match=r"lock timeout \(try again when nothing else holds the tables\)"):
            await migrate.downgrade(database.owner, "base")
    await connection.close()
    assert await migrate.downgrade(database.owner, "base") == ""


async def test_a_server_that_is_away_is_said_so(empty: Database) -> None:
    """Without the password."""
    async with Relay(empty.owner) as relay:
        relay.target = None
        with pytest.raises(LedgerUnreachable) as caught:
            await migrate.upgrade(relay.dsn)

    assert empty.server.password not in str(caught.value)


@pytest.mark.allow_blocking
async def test_the_alembic_command_does_the_same(empty: Database, database: Database) -> None:
    """By hand in a checkout, also as statements for who wants to read them first."""
    command = [str(Path(sys.executable).parent / "alembic"), "upgrade", "head"]
    environment = {**os.environ, "SHIPSLOG_DATABASE_URL": empty.owner}

    printed = await asyncio.to_thread(
        subprocess.run, [*command, "--sql"], cwd=CHECKOUT, capture_output=True, text=True, check=True, timeout=60
    )
    await empty.run(printed.stdout)
    by_statements = await empty.ask(OBJECTS)
    await migrate.downgrade(empty.owner, "base")
    await empty.run("DROP SCHEMA audit CASCADE")
    await asyncio.to_thread(
        subprocess.run, command, cwd=CHECKOUT, env=environment, capture_output=True, check=True, timeout=60
    )

    expected = await database.ask(OBJECTS)
    assert await empty.ask(OBJECTS) == expected
    assert by_statements == expected
