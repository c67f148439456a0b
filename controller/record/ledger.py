"""PostgreSQL, where the log is kept: delivery into it, and the questions people ask of it."""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
import uuid
from typing import TYPE_CHECKING, Any

import asyncpg
import msgspec

from controller.record.body import Head
from controller.record.dsn import place, translated
from controller.record.entry import Entry, Filters, RunEntry
from controller.record.errors import EventRefused
from controller.record.queries import QUERIES

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

CONNECT_TIMEOUT = 10.0
STATEMENT_TIMEOUT = 30.0
"""Seconds. Both are short: events wait safely in the spool."""

_PARTITIONS_EVERY = dt.timedelta(hours=6)
_OVERLAP = dt.timedelta(seconds=10)
"""How far a follower looks back: longer than a transaction of ours is open."""
_PAGE = 1000


class PostgresLedger:
    """A pool of connections to one database. Every method raises LedgerUnreachable or LedgerError."""

    def __init__(self, pool: asyncpg.Pool, where: str) -> None:
        self._pool = pool
        self._where = where
        self._partitions_seen: dt.datetime | None = None

    @classmethod
    async def open(cls, dsn: str, *, connections: int = 4) -> PostgresLedger:
        """Make the pool. Nothing connects yet: PostgreSQL may be away when the controller starts."""
        where = place(dsn)
        with translated(where):
            pool = await asyncpg.create_pool(
                dsn,
                min_size=0,
                max_size=connections,
                timeout=CONNECT_TIMEOUT,
                command_timeout=STATEMENT_TIMEOUT,
                server_settings={
                    "application_name": "shipslog",
                    # Filters that are not given must cost nothing: plan each query for its values.
                    "plan_cache_mode": "force_custom_plan",
                    "timezone": "UTC",
                },
            )
        return cls(pool, where)

    async def close(self) -> None:
        """Close all connections, at once if they don't end by themselves."""
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                await self._pool.close()
        except TimeoutError:
            self._pool.terminate()

    async def deliver(self, bodies: Sequence[bytes]) -> None:
        """Insert events; those that are there already change nothing. Committed on return, all or none."""
        columns = [_columns(body) for body in bodies]
        await self._ensure_partitions()
        await self._execute("deliver_events", *(list(column) for column in zip(*columns, strict=True)))

    async def tail(self, filters: Filters | None = None, limit: int = 50) -> list[Entry]:
        """The newest events that pass, oldest first as people read a log."""
        filters = filters or Filters()
        values = [getattr(filters, field) for field in filters.__struct_fields__]
        rows = await self._fetch("tail_events", *values, limit)
        return [_entry(row) for row in reversed(rows)]

    async def show(self, event_id: str) -> Entry | None:
        """One event, or None when there is none of that identifier."""
        try:
            identifier = uuid.UUID(event_id)
        except ValueError:
            return None
        rows = await self._fetch("show_event", identifier)
        return _entry(rows[0]) if rows else None

    async def runs(
        self, namespace: str | None = None, application: str | None = None, limit: int = 20
    ) -> list[RunEntry]:
        """The newest runs, newest first."""
        rows = await self._fetch("list_runs", namespace, application, limit)
        return [RunEntry(**dict(row)) for row in rows]

    async def follow(self, filters: Filters | None = None, *, interval: float = 1.0) -> AsyncGenerator[Entry, None]:
        """Every event that arrives from now on and passes, in order of arrival, for ever. `interval` in seconds.

        By polling: a notification would make every delivery take a lock that is one for the whole server. A late
        commit is found by looking back a little; what was given is not given again.
        """
        filters = filters or Filters()
        mark: dt.datetime = (await self._fetch("database_time"))[0][0]
        began, given = mark, dict[uuid.UUID, dt.datetime]()
        while True:
            rows = await self._fetch("arrived_events", max(began, mark - _OVERLAP), _PAGE)
            fresh = [entry for row in rows if (entry := _entry(row)).event_id not in given]
            for entry in fresh:
                given[entry.event_id] = entry.recorded_at
                if filters.passes(entry):
                    yield entry
            if rows:
                mark = max(mark, rows[-1]["recorded_at"])
                given = {key: moment for key, moment in given.items() if moment >= mark - _OVERLAP}
            if not fresh:
                await asyncio.sleep(interval)

    async def _ensure_partitions(self) -> None:
        now = dt.datetime.now(dt.UTC)
        if self._partitions_seen is not None and now - self._partitions_seen < _PARTITIONS_EVERY:
            return
        await self._execute("ensure_partitions")
        self._partitions_seen = now

    async def _execute(self, query: str, *values: Any) -> None:
        with translated(self._where):
            await self._pool.execute(QUERIES[query], *values)

    async def _fetch(self, query: str, *values: Any) -> list[asyncpg.Record]:
        with translated(self._where):
            rows: list[asyncpg.Record] = await self._pool.fetch(QUERIES[query], *values)
        return rows


def leaf_hash(body: bytes) -> bytes:
    """The hash of a body as a leaf of the Merkle tree (RFC 6962 section 2.1)."""
    return hashlib.sha256(b"\x00" + body).digest()


def _columns(body: bytes) -> tuple[uuid.UUID, dt.datetime, bytes, bytes]:
    try:
        head = Head.of(body)
        return uuid.UUID(head.id), dt.datetime.fromisoformat(head.occurred_at), body, leaf_hash(body)
    except (msgspec.MsgspecError, ValueError) as error:
        raise EventRefused(f"the spool holds a record that is no event: {error}") from error


def _entry(row: asyncpg.Record) -> Entry:
    return Entry(**dict(row))
