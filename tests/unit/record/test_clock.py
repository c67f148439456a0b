"""A clock that jumps: numbers and identifiers go on, and nobody waits for a negative time."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from controller.record.journal import Journal
from tests.unit.record.drafts import note

if TYPE_CHECKING:
    from pathlib import Path

JUMPS = (dt.timedelta(days=-400), dt.timedelta(days=3650), dt.timedelta(seconds=-1))


async def test_events_keep_their_order_whatever_the_clock_says(tmp_path: Path) -> None:
    """Back by a year, ahead by ten, back by a second: identifiers grow, numbers have no gap, no age is negative."""
    moment = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    journal = await Journal.open(tmp_path, None, producer="shipslog-0", clock=lambda: moment)
    events = [*await journal.append(note(-1))]
    for number, jump in enumerate(JUMPS):
        moment += jump
        events += await journal.append(note(number))
        assert journal.undelivered_age >= 0
    await journal.close()

    assert [event.seq for event in events] == [1, 2, 3, 4]
    assert [event.id for event in events] == sorted({event.id for event in events})
