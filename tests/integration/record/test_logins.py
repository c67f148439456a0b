"""The ledger's logins: made by the URLs that name them, with the rights of one group and no others."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import asyncpg
import pytest

from controller.record import logins, migrate
from controller.record.errors import LedgerError, LedgerUnreachable
from controller.record.ledger import PostgresLedger
from tests.integration.record.bodies import event_of
from tests.integration.record.conftest import as_login
from tests.integration.record.relay import Relay
from tests.unit.record.drafts import note

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.record.conftest import Database

LOGIN = 'shipslog_test_login "of a URL"'
QUOTED = '"shipslog_test_login ""of a URL"""'
OWNER = "shipslog_test_migrator"
PASSWORD = "first's \\ one@/:?#%"
"""A password with all that a URL or a statement could stumble over."""
RIGHTS = """
SELECT r.rolcanlogin, r.rolsuper OR r.rolcreaterole OR r.rolcreatedb OR r.rolbypassrls OR r.rolreplication,
       array(SELECT m.roleid::regrole::text FROM pg_auth_members AS m WHERE m.member = r.oid)
FROM pg_roles AS r WHERE r.rolname = $1
"""


@pytest.fixture(autouse=True)
def _no_login_is_left(database: Database) -> Iterator[None]:
    """Roles belong to the server: those of a test go with it."""
    yield
    database.server.execute(f"DROP ROLE IF EXISTS {QUOTED}")


@pytest.fixture
def owner(database: Database) -> Iterator[str]:
    """A migrated database's owner, who is no superuser and may not create roles."""
    server = database.server
    server.allow_login(OWNER)
    server.execute(f"GRANT audit_owner TO {OWNER}; ALTER DATABASE {database.name} OWNER TO {OWNER}")
    yield server.dsn(database.name, OWNER)
    server.drop(database.name)
    server.execute(f"DROP ROLE IF EXISTS {QUOTED}; DROP OWNED BY {OWNER}; DROP ROLE {OWNER}")


async def stored(database: Database) -> str | None:
    """What the server keeps of the login's password."""
    [(verifier,)] = await database.ask("SELECT rolpassword FROM pg_authid WHERE rolname = $1", LOGIN)
    return verifier if verifier is None else str(verifier)


async def is_before_16(database: Database) -> bool:
    """Whether PostgreSQL still has the older rules of membership."""
    [(version,)] = await database.ask("SELECT current_setting('server_version_num')::int")
    return bool(version < 160000)


async def delivered(dsn: str) -> None:
    """An event is recorded by a login."""
    ledger = await PostgresLedger.open(dsn)
    try:
        await ledger.deliver([event_of(note()).body])
    finally:
        await ledger.close()


async def test_a_new_writer_may_insert_events_and_nothing_else(database: Database) -> None:
    """It logs in by its URL, whatever is in name and password; a second time nothing has to be done."""
    url = as_login(database.owner, LOGIN, PASSWORD)

    assert await logins.admit(database.owner, url, "audit_writer") == "created"
    verifier = await stored(database)
    assert await logins.admit(database.owner, url, "audit_writer") == "unchanged"

    await delivered(url)
    assert await database.ask(RIGHTS, LOGIN) == [(True, False, ["audit_writer"])]
    for statement in ("SELECT body FROM audit.event", "DELETE FROM audit.event", "CREATE TABLE audit.other (x int)"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await database.run(statement, url)
    assert verifier is not None
    assert verifier.startswith("SCRAM-SHA-256$4096:")
    assert await stored(database) == verifier


async def test_a_new_reader_may_read_events_and_nothing_else(database: Database) -> None:
    """The same for an auditor; the login may stand in the URL's query, too."""
    await delivered(database.writer)
    where = database.owner.rpartition("@")[2]
    url = f"postgresql://{where}{'&' if '?' in where else '?'}user=shipslog_test_auditor&password=quiet"
    try:
        assert await logins.admit(database.owner, url, "audit_reader") == "created"

        assert await database.ask("SELECT count(*) FROM audit.event", dsn=url) == [(1,)]
        with pytest.raises(LedgerError, match="permission denied"):
            await delivered(url)
    finally:
        await database.run("DROP ROLE shipslog_test_auditor")


async def test_a_login_that_exists_keeps_its_password_and_gets_the_grant(database: Database) -> None:
    """It has what it lacked, and nothing else of it is touched."""
    await asyncio.to_thread(database.server.allow_login, LOGIN)
    before = await stored(database)
    url = database.server.dsn(database.name, LOGIN)

    assert await logins.admit(database.owner, url, "audit_writer") == "granted"
    assert await logins.admit(database.owner, url, "audit_writer") == "unchanged"

    await delivered(url)
    assert await stored(database) == before


async def test_a_membership_without_its_rights_counts_for_none(database: Database) -> None:
    """From PostgreSQL 16 on the grant can say so; before, that is a property of the login, and an error."""
    await asyncio.to_thread(database.server.allow_login, LOGIN)
    await database.run(f"ALTER ROLE {QUOTED} NOINHERIT; GRANT audit_writer TO {QUOTED}")
    url = database.server.dsn(database.name, LOGIN)

    if await is_before_16(database):
        with pytest.raises(LedgerError, match="does not inherit") as caught:
            await logins.admit(database.owner, url, "audit_writer")
        await database.run(caught.value.remedy.partition("have an administrator run: ")[2])
        assert await logins.admit(database.owner, url, "audit_writer") == "unchanged"
    else:
        assert await logins.admit(database.owner, url, "audit_writer") == "granted"

    await delivered(url)


@pytest.mark.parametrize(
    ("spoilt", "reason"),
    [("PASSWORD 'another''s'", "password authentication failed"), ("NOLOGIN", "is not permitted to log in")],
)
async def test_a_login_that_its_url_does_not_let_in_is_left_alone(database: Database, spoilt: str, reason: str) -> None:
    """Others may use it: the error says how an administrator mends it, and the login is what it was."""
    await asyncio.to_thread(database.server.allow_login, LOGIN)
    await database.run(f"ALTER ROLE {QUOTED} {spoilt}")
    before = await stored(database)

    with pytest.raises(LedgerError, match=reason) as caught:
        await logins.admit(database.owner, database.server.dsn(database.name, LOGIN), "audit_writer")

    assert f"ALTER ROLE {QUOTED} LOGIN PASSWORD '...'" in caught.value.remedy
    assert database.server.password not in str(caught.value)
    assert await stored(database) == before
    assert [row[2] for row in await database.ask(RIGHTS, LOGIN)] == [[]]


async def test_a_login_that_may_not_connect_is_told_apart(database: Database) -> None:
    """Its password is right: what is missing is another right, and the error names it."""
    await asyncio.to_thread(database.server.allow_login, LOGIN)
    await database.run(f"REVOKE CONNECT ON DATABASE {database.name} FROM PUBLIC")

    with pytest.raises(LedgerError, match="permission denied for database") as caught:
        await logins.admit(database.owner, database.server.dsn(database.name, LOGIN), "audit_writer")

    assert f"GRANT CONNECT ON DATABASE ... TO {QUOTED}" in str(caught.value)


async def test_a_login_that_can_not_be_tried_is_left_alone(database: Database) -> None:
    """Its URL leads nowhere: the server that it names is said to be away."""
    await asyncio.to_thread(database.server.allow_login, LOGIN)
    async with Relay(database.owner) as relay:
        relay.target = None
        with pytest.raises(LedgerUnreachable):
            await logins.admit(database.owner, as_login(relay.dsn, LOGIN), "audit_writer")

    assert [row[2] for row in await database.ask(RIGHTS, LOGIN)] == [[]]


@pytest.mark.parametrize("exists", [False, True])
async def test_who_may_not_create_roles_is_told_what_an_administrator_must_run(
    database: Database, owner: str, exists: bool
) -> None:
    """The statement is complete but for the password; run by one, it is all that was missing."""
    if exists:
        await asyncio.to_thread(database.server.allow_login, LOGIN)
    url = database.server.dsn(database.name, LOGIN)

    with pytest.raises(LedgerError, match=r"permission denied|must have admin option") as caught:
        await logins.admit(owner, url, "audit_writer")
    statement = caught.value.remedy.partition("have an administrator run: ")[2]
    await database.run(statement.replace("...", database.server.password))

    assert statement.startswith("GRANT" if exists else "CREATE ROLE")
    assert await logins.admit(owner, url, "audit_writer") == "unchanged"
    await delivered(url)


async def test_an_owner_who_may_create_roles_but_not_grant_leaves_nothing(database: Database, owner: str) -> None:
    """All or nothing: a login without rights would be mistaken for one that was there before. Before 16 he may."""
    await database.run(f"ALTER ROLE {OWNER} CREATEROLE")
    if await is_before_16(database):
        assert await logins.admit(owner, database.server.dsn(database.name, LOGIN), "audit_writer") == "created"
        return

    with pytest.raises(LedgerError, match=r"CREATE ROLE .* IN ROLE audit_writer"):
        await logins.admit(owner, database.server.dsn(database.name, LOGIN), "audit_writer")

    assert await database.ask(RIGHTS, LOGIN) == []


async def test_an_owner_with_createrole_and_the_groups_is_enough(database: Database, owner: str) -> None:
    """No superuser is needed."""
    await database.run(f"ALTER ROLE {OWNER} CREATEROLE; GRANT audit_writer TO {OWNER} WITH ADMIN OPTION")
    url = database.server.dsn(database.name, LOGIN)

    assert await logins.admit(owner, url, "audit_writer") == "created"

    await delivered(url)


async def test_many_at_once_make_one_login(database: Database) -> None:
    """As when a Job is tried again while the first try still runs."""
    url = database.server.dsn(database.name, LOGIN)

    changes = await asyncio.gather(*(logins.admit(database.owner, url, "audit_writer") for _ in range(5)))

    assert sorted(changes) == ["created", *["unchanged"] * 4]


@pytest.mark.parametrize("url", ["postgresql://db/ledger", "mysql://me:secret@db/ledger"])
async def test_a_url_without_a_login_of_postgresql_is_refused(database: Database, url: str) -> None:
    """The error says what the URL should look like, and quotes nothing of it."""
    with pytest.raises(LedgerError, match=r"the URL for audit_reader names no login") as caught:
        await logins.admit(database.owner, url, "audit_reader")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("password", ["ﬁrst", "soft\u00adhyphen", "e\u0301"])
async def test_a_password_that_clients_would_write_otherwise_is_refused(database: Database, password: str) -> None:
    """They normalise it (RFC 4013) before they prove it: the login could never be used."""
    with pytest.raises(LedgerError, match=r"several ways \(use ASCII\)") as caught:
        await logins.admit(database.owner, as_login(database.owner, LOGIN, password), "audit_writer")

    assert password not in str(caught.value)
    assert await database.ask(RIGHTS, LOGIN) == []


async def test_a_password_beyond_ascii_works(database: Database) -> None:
    """Where there is one way to write it."""
    url = as_login(database.owner, LOGIN, "grün")
    await logins.admit(database.owner, url, "audit_writer")
    await delivered(url)


async def test_a_ledger_that_is_not_migrated_has_no_group(empty: Database) -> None:
    """The rights come with the schema; the roles are the server's, so a login may be made before."""
    await logins.admit(empty.owner, as_login(empty.owner, LOGIN), "audit_writer")
    await migrate.upgrade(empty.owner)

    await delivered(as_login(empty.owner, LOGIN))
