"""Monthly partitions: made ahead, by whoever writes, and never in the way of an event."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import TYPE_CHECKING

import asyncpg
import pytest

from tests.integration.record.bodies import event_of
from tests.unit.record.drafts import note

if TYPE_CHECKING:
    from controller.record.ledger import PostgresLedger
    from tests.integration.record.conftest import Database

PARTITIONS = "SELECT relid::regclass::text FROM pg_partition_tree('audit.event') WHERE isleaf ORDER BY 1"


def month(offset: int) -> dt.datetime:
    """Start of the month so many months from now."""
    today = dt.datetime.now(dt.UTC)
    years, index = divmod(today.month - 1 + offset, 12)
    return dt.datetime(today.year + years, index + 1, 1, tzinfo=dt.UTC)


def names(*offsets: int) -> list[tuple[str]]:
    """Names of the partitions of months, and of the default one."""
    return sorted([("audit.event_default",), *((f"audit.event_{month(offset):%Y_%m}",) for offset in offsets)])


async def test_two_months_back_and_three_ahead_are_there(database: Database) -> None:
    """From the migration on; asking again makes none."""
    assert await database.ask(PARTITIONS) == names(*range(-2, 4))

    assert await database.ask("SELECT audit.ensure_partitions()", dsn=database.writer) == []


async def test_the_writer_makes_what_is_missing(database: Database, ledger: PostgresLedger) -> None:
    """With its first delivery, as after a long rest."""
    await database.run(f"DROP TABLE audit.event_{month(2):%Y_%m}")

    await ledger.deliver([event_of(note()).body])

    assert await database.ask(PARTITIONS) == names(*range(-2, 4))


async def test_an_event_is_in_the_partition_of_its_month(database: Database, ledger: PostgresLedger) -> None:
    """To the microsecond, in UTC."""
    bit = dt.timedelta(microseconds=1)
    expected = {
        month(0): f"audit.event_{month(0):%Y_%m}",
        month(1) - bit: f"audit.event_{month(0):%Y_%m}",
        month(1): f"audit.event_{month(1):%Y_%m}",
        month(4) - bit: f"audit.event_{month(3):%Y_%m}",
        month(4): "audit.event_default",
        month(-2): f"audit.event_{month(-2):%Y_%m}",
        month(-2) - bit: "audit.event_default",
    }

    await ledger.deliver([event_of(note(), moment).body for moment in expected])

    assert dict(await database.ask("SELECT occurred_at, tableoid::regclass::text FROM audit.event")) == expected


async def test_a_month_with_events_in_the_default_partition_stays_there(
    database: Database, ledger: PostgresLedger
) -> None:
    """Rows never move; the other months are made all the same, and a warning says it."""
    await ledger.deliver([event_of(note(), month(5)).body])
    warnings: list[str] = []
    connection = await asyncpg.connect(database.writer)
    connection.add_log_listener(lambda _, message: warnings.append(message.message))

    made = await connection.fetch("SELECT audit.ensure_partitions(6, 0)")
    await connection.close()

    assert [row[0] for row in made] == [f"event_{month(offset):%Y_%m}" for offset in (4, 6)]
    assert warnings == [f"month {month(5):%Y-%m} has events in audit.event_default and stays there"]
    assert await database.ask("SELECT count(*) FROM audit.event") == [(1,)]


async def test_many_at_once_make_each_partition_once(database: Database) -> None:
    """Two controllers may start in the same second."""
    made = await asyncio.gather(
        *(database.ask("SELECT audit.ensure_partitions(9, 2)", dsn=database.writer) for _ in range(6))
    )

    assert sorted(name for rows in made for (name,) in rows) == sorted(
        f"event_{month(offset):%Y_%m}" for offset in range(4, 10)
    )


@pytest.mark.parametrize("arguments", ["25, 0", "0, 25", "-1, 0", "NULL, 0"])
async def test_nobody_makes_thousands_of_partitions(database: Database, arguments: str) -> None:
    """The function runs with its owner's rights: what it takes is bounded."""
    with pytest.raises(asyncpg.PostgresError, match="each can be 0 to 24 months"):
        await database.ask(f"SELECT audit.ensure_partitions({arguments})", dsn=database.writer)
