"""When the journal says that it is full: before anybody asks it in vain, and not a moment longer than it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from controller.record.errors import SpoolFull
from controller.record.journal import Journal
from tests.unit.record.drafts import intent, note, result

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

LARGE = {"text": "x" * 1000}
LARGEST = {"text": "x" * 15_000}


class Taker:
    """PostgreSQL, which takes everything."""

    async def deliver(self, bodies: Sequence[bytes]) -> None:
        del bodies


async def opened(directory: Path, ledger: Any = None) -> Journal:
    """A journal of a small spool."""
    return await Journal.open(directory, ledger, producer="p", limit=80_000)


async def fill(journal: Journal) -> None:
    """Append until it is refused."""
    for _ in range(100):
        try:
            await journal.append(note(detail=LARGE))
        except SpoolFull:
            return
    raise AssertionError("it is never full")


async def test_it_is_full_from_the_first_event_it_had_no_room_for(tmp_path: Path) -> None:
    """Although a smaller one might still fit; a result that does fit changes nothing."""
    journal = await opened(tmp_path)
    states = [journal.full]
    await fill(journal)
    states.append(journal.full)
    await journal.append(result("some-intent"))
    states.append(journal.full)

    assert states == [False, True, True]
    await journal.close()


async def test_it_is_not_full_any_more_once_events_are_delivered(tmp_path: Path) -> None:
    """Nobody has to try first: readiness comes back by itself."""
    journal = await opened(tmp_path, Taker())
    await fill(journal)
    full = journal.full

    assert await journal.drain(30)

    assert (full, journal.full) == (True, False)
    await journal.close()


async def test_one_event_that_was_too_large_is_forgotten_with_the_next_that_fits(tmp_path: Path) -> None:
    """There is room for all others."""
    journal = await opened(tmp_path)
    while journal.spool_bytes < 56_000:
        await journal.append(note(detail=LARGE))
    with pytest.raises(SpoolFull):
        await journal.append(intent(detail=LARGEST))
    full = journal.full

    await journal.append(intent(detail=LARGE))

    assert (full, journal.full) == (True, False)
    await journal.close()
