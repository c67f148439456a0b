"""Append-only: the writer may only insert, and nobody changes or removes what is there."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
from typing import TYPE_CHECKING

import asyncpg
import pytest

from controller.record.ledger import PostgresLedger
from tests.integration.record.bodies import event_of
from tests.integration.record.conftest import READER, TEMPLATE, WRITER, Database, name_of
from tests.unit.record.drafts import note

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.ground.postgres import PostgresServer

PARTITION = f"audit.event_{dt.datetime.now(dt.UTC):%Y_%m}"
INSERT = "INSERT INTO {} (event_id, occurred_at, body, leaf_hash) SELECT gen_random_uuid(), now(), '{{}}', ''"

CHANGES = {
    "update": "UPDATE audit.event SET body = body",
    "update of a partition": f"UPDATE {PARTITION} SET body = body",  # noqa: S608 - a name made here
    "update of the arrival": "UPDATE audit.event SET recorded_at = now()",
    "delete": "DELETE FROM audit.event",
    "delete from a partition": f"DELETE FROM {PARTITION}",  # noqa: S608 - as above
    "merge": "MERGE INTO audit.event AS e USING (SELECT 1) AS x ON true WHEN MATCHED THEN DELETE",
    "truncate": "TRUNCATE audit.event",
    "truncate of a partition": f"TRUNCATE {PARTITION}",
    "truncate of the default partition": "TRUNCATE audit.event_default",
    "truncate of all": "TRUNCATE audit.event CASCADE",
}
STRUCTURE = {
    "drop": "DROP TABLE audit.event",
    "drop of a partition": f"DROP TABLE {PARTITION}",
    "drop of the schema": "DROP SCHEMA audit CASCADE",
    "detach": f"ALTER TABLE audit.event DETACH PARTITION {PARTITION}",
    "trigger off": "ALTER TABLE audit.event DISABLE TRIGGER ALL",
    "trigger off in a partition": f"ALTER TABLE {PARTITION} DISABLE TRIGGER ALL",
    "trigger dropped": "DROP TRIGGER event_is_never_changed ON audit.event",
    "trigger made": "CREATE TRIGGER mine BEFORE INSERT ON audit.event FOR EACH ROW EXECUTE FUNCTION audit.refuse()",
    "function replaced": "CREATE OR REPLACE FUNCTION audit.document(body bytea) RETURNS jsonb"
    " LANGUAGE sql RETURN '{}'::jsonb",
    "function altered": "ALTER FUNCTION audit.refuse() OWNER TO CURRENT_USER",
    "constraint dropped": "ALTER TABLE audit.event DROP CONSTRAINT leaf_hash_is_of_body",
    "rule made": "CREATE RULE mine AS ON INSERT TO audit.event DO INSTEAD NOTHING",
    "policy made": "ALTER TABLE audit.event ENABLE ROW LEVEL SECURITY",
    "table made": "CREATE TABLE audit.mine (x int)",
    "table made in public": "CREATE TABLE public.mine (x int)",
    "partition of one's own": "CREATE TABLE public.mine PARTITION OF audit.event"
    " FOR VALUES FROM ('1990-01-01') TO ('1991-01-01')",
    "becoming the owner": "SET ROLE audit_owner",
    "owner taken": "ALTER TABLE audit.event OWNER TO CURRENT_USER",
    "triggers as a replica": "SET session_replication_role = replica",
    "protection of a partition": "SELECT audit.protect_partition('event_default')",
    "version": "UPDATE audit.schema_version SET version_num = '0'",
    "blocking all others": "BEGIN; LOCK TABLE audit.event IN ACCESS EXCLUSIVE MODE",
}
READING = {
    "select": "SELECT body FROM audit.event",
    "count": "SELECT count(*) FROM audit.event",
    "select of a partition": f"SELECT * FROM {PARTITION}",  # noqa: S608 - as above
    "copy out": "COPY audit.event TO STDOUT",
    "locking rows": "SELECT FROM audit.event FOR UPDATE",
}
INSERTING = {
    "insert into a partition": INSERT.format(PARTITION),
    "insert into the default partition": INSERT.format("audit.event_default"),
    "insert with an arrival": "INSERT INTO audit.event (event_id, occurred_at, body, leaf_hash, recorded_at)"
    " SELECT gen_random_uuid(), now(), '{}', '', now()",
    "insert that reads": INSERT.format("audit.event") + " RETURNING body",
    "insert that updates": INSERT.format("audit.event")
    + " ON CONFLICT (event_id, occurred_at) DO UPDATE SET recorded_at = now()",
}
CREATING_PARTITIONS = {"creating partitions": "SELECT audit.ensure_partitions()"}


@pytest.fixture(scope="module")
def held(server: PostgresServer) -> Iterator[Database]:
    """A database with one event, for all tests of this file that must not change it."""
    dsn = server.clone(TEMPLATE)
    database = Database(server, name_of(dsn))

    async def fill() -> None:
        ledger = await PostgresLedger.open(database.writer)
        await ledger.deliver([event_of(note()).body])
        await ledger.close()

    asyncio.run(fill())
    yield database
    server.drop(dsn)


async def refused(database: Database, dsn: str, statement: str) -> None:
    """The statement must be refused for want of a right, and leave everything as it was."""
    before = await fingerprint(database)
    connection = await asyncpg.connect(dsn)
    try:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement)
    finally:
        await connection.close()
    assert await fingerprint(database) == before


async def fingerprint(database: Database) -> list[tuple[object, ...]]:
    """Contents and structure of the ledger."""
    return await database.ask(
        "SELECT count(*)::text, min(event_id::text), max(recorded_at)::text FROM audit.event"
        " UNION ALL SELECT t.tgrelid::regclass::text, t.tgname, t.tgenabled::text FROM pg_trigger AS t"
        " UNION ALL SELECT oid::regclass::text, relowner::regrole::text, relacl::text FROM pg_class"
        "   WHERE relnamespace = 'audit'::regnamespace ORDER BY 1, 2, 3"
    )


@pytest.mark.parametrize("statement", [*CHANGES.values(), *STRUCTURE.values(), *READING.values(), *INSERTING.values()])
async def test_the_writer_may_do_nothing_but_insert(held: Database, statement: str) -> None:
    """Neither change nor remove nor even read, in the table or behind its back in a partition."""
    await refused(held, held.writer, statement)


@pytest.mark.parametrize(
    "statement",
    [
        *CHANGES.values(),
        *STRUCTURE.values(),
        *INSERTING.values(),
        *CREATING_PARTITIONS.values(),
        INSERT.format("audit.event"),
        READING["locking rows"],
    ],
)
async def test_a_reader_may_do_nothing_but_read(held: Database, statement: str) -> None:
    """All of it, and nothing else."""
    await refused(held, held.reader, statement)
    assert await held.ask("SELECT count(audit.document(body)) FROM audit.event", dsn=held.reader) == [(1,)]


@pytest.mark.parametrize("statement", list(CHANGES.values()))
@pytest.mark.parametrize("role", ["origin", "replica", "local"])
async def test_not_even_a_superuser_changes_an_event(held: Database, statement: str, role: str) -> None:
    """Also not with the setting that turns ordinary triggers off."""
    before = await fingerprint(held)

    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="refused: the ledger is append-only"):
        await held.run(f"SET session_replication_role = {role}; {statement}")

    assert await fingerprint(held) == before


@pytest.mark.parametrize("login", [WRITER, READER])
async def test_nobody_can_pass_rights_on(held: Database, login: str) -> None:
    """GRANT only warns where one has some right but may not give it: what counts is that nothing was given."""
    before = await fingerprint(held)

    with contextlib.suppress(asyncpg.InsufficientPrivilegeError):
        await held.run("GRANT ALL ON audit.event TO PUBLIC", held.server.dsn(held.name, login))

    assert await fingerprint(held) == before


async def test_every_partition_is_protected(database: Database) -> None:
    """Those made later as well: each has its triggers, and all fire always."""
    await database.run("SELECT audit.ensure_partitions(24, 24)", database.writer)

    rows = await database.ask(
        "SELECT relid::regclass::text, isleaf,"
        " (SELECT array_agg(tgname || ' ' || tgenabled::text ORDER BY tgname) FROM pg_trigger WHERE tgrelid = relid)"
        " FROM pg_partition_tree('audit.event')"
    )

    assert len(rows) == 1 + 1 + 24 + 1 + 24
    expected = [f"event_is_{what} A" for what in ("never_changed", "never_truncated", "recorded_once")]
    assert {tuple(triggers) for _, _, triggers in rows} == {tuple(expected)}
    for name, leaf, _ in rows:
        if leaf:
            with pytest.raises(asyncpg.InsufficientPrivilegeError, match="append-only"):
                await database.run(f"SET session_replication_role = replica; TRUNCATE {name}")


async def test_a_generated_column_cant_be_set(held: Database) -> None:
    """By nobody: it follows from the body."""
    with pytest.raises(asyncpg.GeneratedAlwaysError):
        await held.run("UPDATE audit.event SET outcome = 'failure'")
    with pytest.raises(asyncpg.GeneratedAlwaysError):
        await held.run(
            "INSERT INTO audit.event (event_id, occurred_at, body, leaf_hash, outcome)"
            " SELECT gen_random_uuid(), now(), '{}', '', 'success'"
        )


async def test_the_logins_have_no_rights_of_their_own(database: Database) -> None:
    """They are members of one group each, and of nothing else; the groups can't log in."""
    rows = await database.ask(
        "SELECT r.rolname, r.rolsuper OR r.rolcreaterole OR r.rolcreatedb OR r.rolbypassrls OR r.rolreplication,"
        " array(SELECT m.roleid::regrole::text FROM pg_auth_members AS m WHERE m.member = r.oid)"
        " FROM pg_roles AS r WHERE r.rolname = ANY ($1) ORDER BY 1",
        [READER, WRITER],
    )
    assert rows == [(READER, False, ["audit_reader"]), (WRITER, False, ["audit_writer"])]
    groups = await database.ask("SELECT rolcanlogin FROM pg_roles WHERE rolname ~ '^audit_(owner|writer|reader)$'")
    assert groups == [(False,)] * 3


async def test_the_password_never_reaches_the_server(database: Database) -> None:
    """Only a verifier is stored and sent, so no log of statements has it; the login works all the same."""
    assert await database.ask("SELECT current_user::text", dsn=database.writer) == [(WRITER,)]
    ((stored,),) = await database.ask("SELECT rolpassword FROM pg_authid WHERE rolname = $1", WRITER)
    assert stored.startswith("SCRAM-SHA-256$4096:")
    assert database.server.password not in stored
