"""A process that records as the controller does, until it is killed: `python -m ... DIRECTORY DSN`.

Every line of its output is the identifier of an event that was acknowledged.
"""

from __future__ import annotations

import asyncio
import os
import sys
import uuid
from pathlib import Path

from controller.model.event import Draft, EventType
from controller.record.errors import SpoolFull
from controller.record.journal import Journal
from controller.record.ledger import PostgresLedger
from tests.unit.record.drafts import SHOP, intent, result

PRODUCERS = 8
LIMIT = 1 << 20
"""A small spool: segments of 128 KiB come and go all the time."""


async def sync(journal: Journal) -> None:
    """Runs, one after the other: an intent, objects, a result."""
    while True:
        run = str(uuid.uuid4())
        try:
            (begun,) = await acknowledged(journal, intent(run))
        except SpoolFull:  # PostgreSQL is slower than we are: begin nothing new, as the controller does
            await asyncio.sleep(0.01)
            continue
        for _ in range(3):
            await acknowledged(journal, Draft(type=EventType.APPLY_OBJECT, target=SHOP, correlation_id=run))
        await acknowledged(journal, result(begun, run))


async def acknowledged(journal: Journal, draft: Draft) -> list[str]:
    """Append, then say so."""
    identifiers = [event.id for event in await journal.append(draft)]
    os.write(1, "".join(f"{identifier}\n" for identifier in identifiers).encode())
    return identifiers


async def main(directory: Path, dsn: str) -> None:
    """Sail."""
    ledger = await PostgresLedger.open(dsn)
    journal = await Journal.open(directory, ledger, producer="shipslog-0", limit=LIMIT)
    await journal.recover()
    async with asyncio.TaskGroup() as group:
        group.create_task(journal.run(), name="delivery")
        for number in range(PRODUCERS):
            group.create_task(sync(journal), name=f"sync {number}")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
