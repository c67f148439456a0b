"""Where PostgreSQL is, and what its driver's errors mean."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import parse_qsl, urlsplit, urlunsplit

import asyncpg

from controller.record.errors import EventRefused, LedgerError, LedgerUnreachable

if TYPE_CHECKING:
    from collections.abc import Iterator

_AWAY = (
    OSError,  # TimeoutError is one
    EOFError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
    asyncpg.exceptions.OperatorInterventionError,  # shutting down, starting, in recovery
    asyncpg.exceptions.InsufficientResourcesError,  # too many connections, disk full
)
"""What passes by itself, or when somebody mends the server."""

Remedies: TypeAlias = tuple[tuple[type[Exception], str], ...]
_REMEDIES: Remedies = (
    (asyncpg.exceptions.ClientConfigurationError, "correct SHIPSLOG_DATABASE_URL"),
    (asyncpg.InvalidAuthorizationSpecificationError, "correct the login in SHIPSLOG_DATABASE_URL"),
    (asyncpg.InvalidCatalogNameError, "create the database, or correct SHIPSLOG_DATABASE_URL"),
    (asyncpg.UndefinedTableError, "migrate the database first"),
    (asyncpg.InvalidSchemaNameError, "migrate the database first"),
    (asyncpg.UndefinedFunctionError, "migrate the database first"),
    (asyncpg.LockNotAvailableError, "try again when nothing else holds the tables"),
)


def place(dsn: str) -> str:
    """Host and database of a DSN, for people: never the password."""
    parts = urlsplit(dsn)
    query = dict(parse_qsl(parts.query))
    host = parts.hostname or query.get("host", "localhost")
    port = parts.port or query.get("port", 5432)
    return f"{host}:{port}{parts.path or '/'}"


def engine_url(dsn: str) -> str:
    """The DSN for SQLAlchemy, which wants to be told the driver."""
    parts = urlsplit(dsn)
    if parts.scheme not in {"postgresql", "postgres"}:
        raise LedgerError("the database URL is none of PostgreSQL", remedy="use postgresql://user:password@host/db")
    return urlunsplit(parts._replace(scheme="postgresql+asyncpg"))


@contextlib.contextmanager
def translated(
    where: str, rights: str = "give the login the role audit_writer, or audit_reader to read"
) -> Iterator[None]:
    """Turn the driver's errors into ours.

    `where` names the server and database, `rights` says what to do where the login lacks some.
    """
    try:
        yield
    except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, EOFError) as error:
        raise _ours(error, where, rights) from error


def _ours(error: Exception, where: str, rights: str) -> LedgerError | LedgerUnreachable:
    reason = str(error).partition("\n")[0] or type(error).__name__
    if isinstance(error, _AWAY) and not isinstance(error, ValueError):
        return LedgerUnreachable(f"PostgreSQL at {where} can't be reached: {reason}", remedy="see to the server")
    if isinstance(error, asyncpg.DataError | asyncpg.IntegrityConstraintViolationError):
        return EventRefused(f"PostgreSQL at {where} refused what an event contains: {reason}")
    remedies: Remedies = (*_REMEDIES, (asyncpg.InsufficientPrivilegeError, rights))
    remedy = next((remedy for kind, remedy in remedies if isinstance(error, kind)), "")
    hint = getattr(error, "hint", None) or remedy
    return LedgerError(f"PostgreSQL at {where} refused: {reason}", remedy=hint)
