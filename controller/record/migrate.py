"""The ledger's schema: brought up to date, and asked for its version.

The migrations are in `alembic/` of a checkout and in `controller/record/migrations/` of an installed package. One
runs at a time per database, all of it in one transaction.
"""

from __future__ import annotations

import asyncio
import contextlib
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import asyncpg
from alembic.runtime.migration import MigrationContext, MigrationStep
from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from controller.record.dsn import engine_url, place, translated

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy.engine import Connection

SCHEMA = "audit"
VERSION: dict[str, Any] = {
    "version_table": "schema_version",
    "version_table_schema": SCHEMA,
    "transactional_ddl": True,
    "transaction_per_migration": False,
}
"""Where alembic keeps the version, and that all migrations of an upgrade are one transaction."""

_LOCK = 0x5348_4950_534C_4F47  # "SHIPSLOG"
_LOCK_PATIENCE = "60s"
"""How long a migration waits for another one to end."""
_TABLE_PATIENCE = "4s"
"""How long it waits for a table that others use: whoever queues behind it waits as long."""
CONNECT_TIMEOUT = 10.0
"""Seconds."""
_RIGHTS = "use a superuser, or the database's owner with CREATEROLE who may grant the roles audit_*"

T = TypeVar("T")


async def upgrade(dsn: str, revision: str = "head") -> str:
    """Bring the schema up to a revision and give it; nothing happens when it is there already.

    The login must be able to create roles and schemas. Raises LedgerUnreachable or LedgerError.
    """

    def steps(script: ScriptDirectory, at: str) -> list[MigrationStep]:
        ahead = reversed(list(script.iterate_revisions(revision, at)))
        return [MigrationStep.upgrade_from_script(script.revision_map, one) for one in ahead]

    return await _migrate(dsn, steps)


async def downgrade(dsn: str, revision: str) -> str:
    """Take the schema down to a revision (`base` for none); refused where that would destroy events."""

    def steps(script: ScriptDirectory, at: str) -> list[MigrationStep]:
        behind = script.iterate_revisions(at, revision)
        return [MigrationStep.downgrade_from_script(script.revision_map, one) for one in behind]

    return await _migrate(dsn, steps)


async def current(dsn: str) -> str:
    """The revision the schema is at; empty when there is none. Any login of the ledger may ask."""
    return await online(dsn, _version)


async def is_current(dsn: str) -> bool:
    """Whether the schema is what this version of Shipslog works with."""
    return await current(dsn) == await asyncio.to_thread(newest)


def newest() -> str:
    """The newest revision that this version of Shipslog brings. Reads files."""
    return _scripts().get_current_head() or ""


async def online(dsn: str, do: Callable[[Connection], T], *, rights: str = _RIGHTS) -> T:
    """Run a function with a connection of its own; raises LedgerUnreachable or LedgerError.

    `rights` is the remedy where the login of the DSN lacks some.
    """
    engine = create_async_engine(
        engine_url(dsn), poolclass=NullPool, async_creator=lambda: asyncpg.connect(dsn, timeout=CONNECT_TIMEOUT)
    )
    try:
        with translated(place(dsn), rights), _unwrapped():
            async with engine.connect() as connection:
                return await connection.run_sync(do)
    finally:
        await engine.dispose()


def prepare(connection: Connection) -> None:
    """Take the lock, and see to the schema that holds the version."""
    lock(connection)
    connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))


def lock(connection: Connection) -> None:
    """Wait for the lock that lets one migration of a database run at a time, and hold it until the transaction ends."""
    connection.execute(text(f"SET LOCAL lock_timeout = '{_LOCK_PATIENCE}'"))
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    connection.execute(text(f"SET LOCAL lock_timeout = '{_TABLE_PATIENCE}'"))


def read_script(beside: str, name: str) -> str:
    """A file of SQL statements that lies beside a migration: read when that is imported, off the event loop."""
    return (Path(beside).parent / name).read_text(encoding="utf-8")


def run_script(connection: Connection, script: str) -> None:
    """Run SQL statements in the transaction of the connection."""
    # A prepared statement holds one command; the driver's own execute takes a whole script.
    adapted: Any = connection.connection.dbapi_connection
    adapted.run_async(lambda driver: driver.execute(script))


async def _migrate(dsn: str, steps: Callable[[ScriptDirectory, str], list[MigrationStep]]) -> str:
    script = await asyncio.to_thread(_scripts)

    def run(connection: Connection) -> str:
        # Not by alembic.context: that is one for the whole process.
        options = {**VERSION, "fn": lambda at, _: steps(script, at[0] if at else "base"), "script": script}
        with connection.begin():
            prepare(connection)
            MigrationContext.configure(connection, opts=options).run_migrations(run=partial(run_script, connection))
        return _version(connection)

    return await online(dsn, run)


def _scripts() -> ScriptDirectory:
    """The migrations, all read: nothing touches a file any more once they run."""
    script = ScriptDirectory(str(_directory()))
    list(script.walk_revisions())
    return script


def _directory() -> Path:
    installed = Path(__file__).parent / "migrations"
    return installed if installed.is_dir() else Path(__file__).parents[2] / "alembic"


def _version(connection: Connection) -> str:
    return MigrationContext.configure(connection, opts=VERSION).get_current_revision() or ""


@contextlib.contextmanager
def _unwrapped() -> Iterator[None]:
    """Raise the driver's own errors instead of SQLAlchemy's: the controller, which has none, knows those."""
    try:
        yield
    except DBAPIError as error:
        cause = error.orig.__cause__ if error.orig is not None else None
        if not isinstance(cause, Exception):
            raise
        raise cause from error
