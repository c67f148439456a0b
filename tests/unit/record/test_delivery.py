"""From the spool to its destination: in order, until it is there."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest

from controller.record import delivery
from controller.record.errors import EventRefused, LedgerError, LedgerUnreachable
from controller.record.journal import Journal
from tests.unit.record.drafts import note

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path


class Harbour:
    """A destination that remembers, and that fails as it is told: before it takes a batch, or after."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.before: Callable[[list[int]], Exception | None] = lambda _: None
        self.after: Callable[[list[int]], Exception | None] = lambda _: None
        self.changed = asyncio.Event()

    async def deliver(self, bodies: Sequence[bytes]) -> None:
        numbers = [json.loads(body)["detail"]["number"] for body in bodies]
        if error := self.before(numbers):
            raise error
        self.batches.append(numbers)
        self.changed.set()
        if error := self.after(numbers):
            raise error

    @property
    def taken(self) -> list[int]:
        return [number for batch in self.batches for number in batch]

    async def holds(self, count: int) -> None:
        """Wait until so many arrived."""
        while len(self.taken) < count:
            self.changed.clear()
            await asyncio.wait_for(self.changed.wait(), 30)


def times(count: int, error: Exception) -> Callable[[list[int]], Exception | None]:
    """Fail so many times, then never again."""
    left = [error] * count
    return lambda _: left.pop() if left else None


AWAY = LedgerUnreachable("PostgreSQL at db:5432/log can't be reached: connection refused")


@pytest.fixture
def harbour() -> Harbour:
    """A destination."""
    return Harbour()


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing here is about how long it waits."""
    monkeypatch.setattr(delivery, "FIRST_PAUSE", 0.001)
    monkeypatch.setattr(delivery, "LONGEST_PAUSE", 0.004)


async def opened(tmp_path: Path, harbour: Harbour) -> Journal:
    """A journal that delivers to the harbour."""
    return await Journal.open(tmp_path / "spool", harbour, producer="p")


async def running(journal: Journal) -> asyncio.Task[None]:
    """Its delivery, under way."""
    return asyncio.create_task(journal.run(), name="delivery")


async def until(condition: Callable[[], bool]) -> None:
    """Let others run until the condition holds."""
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0)


def problem(journal: Journal) -> Exception | None:
    """What keeps the journal's delivery from going on."""
    assert journal.delivery is not None
    return journal.delivery.problem


async def ended(task: asyncio.Task[None], journal: Journal) -> None:
    """Cancel the delivery as its owner does, and close."""
    task.cancel()
    await asyncio.wait([task])
    await journal.close()


async def test_events_arrive_in_order_without_being_asked(tmp_path: Path, harbour: Harbour) -> None:
    """Each once it is durable, and those that come together in one batch."""
    journal = await opened(tmp_path, harbour)
    task = await running(journal)
    await journal.append(note(0))
    await harbour.holds(1)
    await journal.append(*(note(number) for number in range(1, 100)))
    await harbour.holds(100)

    assert harbour.batches == [[0], list(range(1, 100))]
    await ended(task, journal)


async def test_what_could_not_be_delivered_is_delivered_later(tmp_path: Path, harbour: Harbour) -> None:
    """Events that come in the meantime wait behind it."""
    harbour.before = times(5, AWAY)
    journal = await opened(tmp_path, harbour)
    task = await running(journal)
    for number in range(3):
        await journal.append(note(number))

    await harbour.holds(3)

    assert harbour.taken == [0, 1, 2]
    assert journal.delivery is not None
    assert journal.delivery.failures == 5
    await journal.drain(10)  # what the destination holds is counted a moment later
    await ended(task, journal)
    assert journal.undelivered == 0


async def test_a_lost_acknowledgement_means_the_same_batch_again(tmp_path: Path, harbour: Harbour) -> None:
    """It may have been committed or not: the destination sorts that out, the journal sends it until it hears."""
    harbour.after = times(2, AWAY)
    journal = await opened(tmp_path, harbour)
    await journal.append(note(0), note(1))
    task = await running(journal)
    await harbour.holds(6)
    await journal.append(note(2))
    await harbour.holds(7)

    assert harbour.batches == [[0, 1], [0, 1], [0, 1], [2]]
    await ended(task, journal)


async def test_one_refused_event_is_named_and_the_ones_before_it_arrive(tmp_path: Path, harbour: Harbour) -> None:
    """Nothing is skipped: delivery stands there, and says so, until the cause is gone."""
    harbour.before = lambda numbers: EventRefused(f"event {numbers} is bad") if 3 in numbers else None
    journal = await opened(tmp_path, harbour)
    await journal.append(*(note(number) for number in range(6)))

    task = await running(journal)
    await until(lambda: str(problem(journal)) == "event [3] is bad")
    assert set(harbour.taken) == {0, 1, 2}
    assert journal.undelivered == 6

    harbour.before = lambda _: None
    await until(lambda: not journal.undelivered and problem(journal) is None)
    assert set(harbour.taken) == {0, 1, 2, 3, 4, 5}
    await ended(task, journal)


async def test_draining_ends_at_its_deadline(tmp_path: Path, harbour: Harbour) -> None:
    """Shutdown must not wait for a database that hangs; the events stay."""

    class Hanging(Harbour):
        async def deliver(self, bodies: Sequence[bytes]) -> None:
            del bodies
            await asyncio.get_running_loop().create_future()

    journal = await Journal.open(tmp_path / "spool", Hanging(), producer="p")
    await journal.append(note(0))

    assert not await journal.drain(0.05)
    await journal.close()

    journal = await opened(tmp_path, harbour)
    assert journal.undelivered == 1
    assert await journal.drain(30)
    assert harbour.taken == [0]
    await journal.close()


async def test_draining_and_delivering_at_once_deliver_once(tmp_path: Path, harbour: Harbour) -> None:
    """They take turns."""
    journal = await opened(tmp_path, harbour)
    for number in range(50):
        await journal.append(note(number))
    task = await running(journal)

    assert await asyncio.gather(*(journal.drain(30) for _ in range(5))) == [True] * 5

    assert harbour.taken == list(range(50))
    await ended(task, journal)


async def test_draining_without_a_database_says_whether_anything_waits(tmp_path: Path) -> None:
    """There is nowhere to deliver to."""
    journal = await Journal.open(tmp_path / "spool", None, producer="p")
    assert await journal.drain(1)
    await journal.append(note())
    assert not await journal.drain(1)
    await journal.close()


@pytest.mark.parametrize("turns", range(12))
async def test_a_delivery_that_is_cancelled_counts_right(tmp_path: Path, harbour: Harbour, turns: int) -> None:
    """At whatever moment: what waits is counted, and all of it arrives in order, at most twice."""
    journal = await opened(tmp_path, harbour)
    await journal.append(note(0), note(1))
    task = await running(journal)
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    await journal.append(note(2))

    assert await journal.drain(30)

    assert journal.undelivered == 0
    assert [number for position, number in enumerate(harbour.taken) if number not in harbour.taken[:position]] == [
        0,
        1,
        2,
    ]
    await journal.close()


async def test_a_backlog_goes_in_batches(tmp_path: Path, harbour: Harbour, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of bounded size, so that no statement and no memory grows with an outage."""
    monkeypatch.setattr(delivery, "BATCH", 7)
    journal = await opened(tmp_path, harbour)
    await journal.append(*(note(number) for number in range(20)))

    assert await journal.drain(30)

    assert [len(batch) for batch in harbour.batches] == [7, 7, 6]
    assert journal.delivery is not None
    assert (journal.delivery.delivered, journal.delivery.deliveries) == (20, 3)
    await journal.close()


async def test_the_pauses_grow_to_a_limit(
    tmp_path: Path, harbour: Harbour, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """From the first to the longest, each with jitter; the same trouble is logged once."""
    pauses: list[float] = []
    enough = asyncio.Event()

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 12:
            enough.set()
            await asyncio.get_running_loop().create_future()

    monkeypatch.setattr(delivery, "FIRST_PAUSE", 0.25)
    monkeypatch.setattr(delivery, "LONGEST_PAUSE", 30.0)
    harbour.before = lambda _: LedgerError("PostgreSQL at db refused: no such table")
    journal = await opened(tmp_path, harbour)
    await journal.append(note(0))
    with monkeypatch.context() as patched:
        patched.setattr(asyncio, "sleep", sleep)
        task = await running(journal)
        await asyncio.wait_for(enough.wait(), 30)
        await ended(task, journal)

    for attempt, pause in enumerate(pauses):
        longest = min(30.0, 0.25 * 2**attempt)
        assert longest / 2 <= pause <= longest
    assert [record.message for record in caplog.records] == ["Events can't be delivered, they wait in the spool"]
