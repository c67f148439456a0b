"""A ledger's database for one test: migrated, with a login for the writer, read by its administrator."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from controller.record import logins, migrate

if TYPE_CHECKING:
    from tests.ground.postgres import PostgresServer

TEMPLATE = "shipslog_ledger"
WRITER, PASSWORD = "shipslog_writer_login", "writer-of-the-log"


def make_template(server: PostgresServer) -> None:
    """Migrate once; every ledger is a clone of it."""
    server.create_template(TEMPLATE, lambda dsn: asyncio.run(_prepare(dsn)))


async def _prepare(dsn: str) -> None:
    await migrate.upgrade(dsn)
    await logins.admit(dsn, _writer_dsn(dsn), "audit_writer")


class LedgerDatabase:
    """One database. `dsn` is the administrator's, `writer_dsn` what the controller gets."""

    def __init__(self, server: PostgresServer, dsn: str | None = None) -> None:
        self.server = server
        self.dsn = dsn or server.clone(TEMPLATE)
        self.writer_dsn = _writer_dsn(self.dsn)

    @property
    def name(self) -> str:
        """Name of the database."""
        return urlsplit(self.dsn).path.lstrip("/")

    def events(self, type_: str = "") -> list[dict[str, Any]]:
        """Every event, or those of a type, in the order they were recorded; decoded bodies."""
        rows = self.server.execute(
            "SELECT convert_from(body, 'UTF8')::json::text FROM audit.event ORDER BY occurred_at, seq", self.name
        )
        events = [json.loads(row) for row in rows.splitlines() if row]
        return [event for event in events if type_ in {"", event["type"]}]

    def drop(self) -> None:
        """Remove it."""
        self.server.drop(self.dsn)


def _writer_dsn(dsn: str) -> str:
    place = urlsplit(dsn)
    return f"postgresql://{WRITER}:{quote(PASSWORD)}@{place.hostname}:{place.port}{place.path}"
