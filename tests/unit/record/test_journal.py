"""The journal: numbered without gaps, durable before it says so, and every intent gets a result."""

from __future__ import annotations

import asyncio
import datetime as dt
import errno
import json
from typing import TYPE_CHECKING, Any

import pytest

from controller.model.event import Draft, EventType
from controller.record.errors import EventError, SpoolError, SpoolFull
from controller.record.journal import Journal
from controller.record.spool import Spool
from tests.unit.record.disks import GatedDisk, LoggedDisk
from tests.unit.record.drafts import SHOP, intent, note, result

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from controller.model.event import Event


async def on_disk(directory: Path) -> list[dict[str, Any]]:
    """The bodies that the spool of a directory holds, decoded."""
    found: list[dict[str, Any]] = []
    spool = await asyncio.to_thread(Spool.open, directory, lambda body, *_, **__: found.append(json.loads(body)))
    await asyncio.to_thread(spool.close)
    return found


def segments(directory: Path) -> list[Path]:
    """The segments of a spool."""
    return sorted(directory.glob("*.seg"))


def numbers(events: list[dict[str, Any]]) -> list[tuple[str, int]]:
    """Boot and number of each event."""
    return [(event["boot"], event["seq"]) for event in events]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Where the spool is."""
    return tmp_path / "spool"


@pytest.fixture
async def journal(directory: Path) -> AsyncIterator[Journal]:
    """A journal without a database."""
    opened = await Journal.open(directory, None, producer="shipslog-0")
    yield opened
    await opened.close()


async def test_events_are_numbered_without_gaps(directory: Path, journal: Journal) -> None:
    """Also by many at once, and in the order of their numbers on the disk."""
    await asyncio.gather(*(journal.append(note(i), note(i)) for i in range(50)))
    await journal.close()

    assert numbers(await on_disk(directory)) == [(journal.boot, seq) for seq in range(1, 101)]


async def test_an_event_tells_what_its_body_says(journal: Journal) -> None:
    """The event that append gives is the one that was recorded."""
    (event,) = await journal.append(note(7, correlation_id="run-9"))

    body = json.loads(event.body)
    assert (body["id"], body["occurred_at"], body["producer"]) == (event.id, event.occurred_at, "shipslog-0")
    assert (body["boot"], body["seq"]) == (event.boot, event.seq) == (journal.boot, 1)
    assert (body["type"], body["correlation_id"]) == ("health.changed", "run-9")


async def test_nothing_is_acknowledged_before_the_disk_has_it(directory: Path) -> None:
    """Append is still waiting while the sync is under way, and the loop goes on meanwhile."""
    disk = GatedDisk()
    journal = await Journal.open(directory, None, producer="p", disk=disk)

    waiting = asyncio.create_task(journal.append(note()), name="append")
    assert await asyncio.to_thread(disk.entered.wait, 30)
    for _ in range(100):
        await asyncio.sleep(0)
    assert not waiting.done()
    assert journal.undelivered == 0

    disk.go.set()
    await waiting
    assert journal.undelivered == 1
    await journal.close()


async def test_who_waits_together_shares_a_sync(directory: Path) -> None:
    """All who come while a sync is under way are in the next one."""
    disk = GatedDisk()
    journal = await Journal.open(directory, None, producer="p", disk=disk)
    first = asyncio.create_task(journal.append(note()), name="append first")
    assert await asyncio.to_thread(disk.entered.wait, 30)
    others = [asyncio.create_task(journal.append(note(i)), name=f"append {i}") for i in range(50)]
    await asyncio.sleep(0)
    disk.go.set()
    await asyncio.gather(first, *others)

    assert disk.log.count("sync") == 2
    await journal.close()


async def test_who_comes_in_the_same_turn_of_the_loop_shares_a_sync(directory: Path) -> None:
    """From the first one on."""
    disk = LoggedDisk()
    journal = await Journal.open(directory, None, producer="p", disk=disk)

    await asyncio.gather(*(journal.append(note(i)) for i in range(50)))

    assert disk.log.count("sync") == 1
    await journal.close()


async def test_a_cancelled_append_disturbs_nobody(directory: Path) -> None:
    """The batch belongs to all who wait for it; what was numbered is recorded."""
    disk = GatedDisk()
    journal = await Journal.open(directory, None, producer="p", disk=disk)
    tasks = [asyncio.create_task(journal.append(note(i)), name=f"append {i}") for i in range(3)]
    assert await asyncio.to_thread(disk.entered.wait, 30)
    tasks[1].cancel()
    disk.go.set()

    outcomes = await asyncio.gather(*tasks, return_exceptions=True)

    assert [isinstance(outcome, asyncio.CancelledError) for outcome in outcomes] == [False, True, False]
    await journal.append(note())
    await journal.close()
    assert numbers(await on_disk(directory)) == [(journal.boot, seq) for seq in range(1, 5)]


async def test_a_failed_sync_is_told_to_everybody_and_costs_no_number(directory: Path) -> None:
    """Also to those who were numbered behind it; the numbers are given again."""
    disk = LoggedDisk()
    journal = await Journal.open(directory, None, producer="p", disk=disk)
    await journal.append(note())
    disk.fail = {"sync": errno.EIO}

    outcomes = await asyncio.gather(*(journal.append(note(i)) for i in range(20)), return_exceptions=True)

    assert {str(outcome) for outcome in outcomes} == {
        f"the spool {directory} can't be written: Input/output error (give its volume space, or mend it)"
    }
    assert {type(outcome) for outcome in outcomes} == {SpoolError}
    assert journal.refused == 20
    disk.fail = {}
    (event,) = await journal.append(note())
    assert event.seq == 2
    await journal.close()
    assert numbers(await on_disk(directory)) == [(journal.boot, 1), (journal.boot, 2)]


async def test_an_event_that_cant_be_recorded_costs_no_number_and_takes_nobody_along(journal: Journal) -> None:
    """Neither its neighbours in the same append: it is all or nothing."""
    with pytest.raises(EventError, match=r"plan\.computed event has \d+ bytes of at most 65536"):
        await journal.append(note(), Draft(type=EventType.PLAN_COMPUTED, detail={"text": "x" * 70_000}))

    (event,) = await journal.append(note())
    assert event.seq == 1


async def test_a_full_spool_stops_new_work_but_lets_results_through(directory: Path) -> None:
    """An intent whose result can't be recorded must not be begun; one that was begun must get it."""
    journal = await Journal.open(directory, None, producer="p", limit=80_000)
    large = {"text": "x" * 1000}
    while journal.spool_bytes < 69_000:
        await journal.append(note(detail=large))
    with pytest.raises(SpoolFull, match="raise SHIPSLOG_SPOOL_LIMIT"):
        await journal.append(note(detail=large), note(detail=large))
    with pytest.raises(SpoolFull):
        await journal.append(intent(detail=large))

    (event,) = await journal.append(result("some-intent"))

    assert event.type is EventType.APPLY_RESULT
    assert journal.refused == 3
    await journal.close()


async def test_a_draft_with_an_identifier_is_recorded_once(directory: Path, journal: Journal) -> None:
    """At the same time, later, and in a later life: the event of the first time is given."""
    draft = note(1, id="b199f159-1d1f-5775-8b90-db4f2a4d0e0b", occurred_at="2026-11-24T08:07:21Z")
    (first,), (again,) = await asyncio.gather(journal.append(draft), journal.append(draft))
    (twice, same) = await journal.append(draft, draft)
    await journal.close()
    later = await Journal.open(directory, None, producer="p")

    (much_later,) = await later.append(draft)

    assert {event.body for event in (first, again, twice, same, much_later)} == {first.body}
    assert first.occurred_at == "2026-11-24T08:07:21.000000Z"
    await later.close()
    assert len(await on_disk(directory)) == 1


async def test_a_draft_whose_first_recording_failed_is_recorded_later(directory: Path) -> None:
    """A failure is not remembered as an event."""
    disk = LoggedDisk()
    journal = await Journal.open(directory, None, producer="p", disk=disk)
    draft = note(1, id="b199f159-1d1f-5775-8b90-db4f2a4d0e0b")
    disk.fail = {"write": errno.ENOSPC}
    outcomes = await asyncio.gather(journal.append(draft), journal.append(draft), return_exceptions=True)
    disk.fail = {}

    await journal.append(draft)

    assert [type(outcome) for outcome in outcomes] == [SpoolError, SpoolError]
    await journal.close()
    assert len(await on_disk(directory)) == 1


async def life(directory: Path, *drafts: Draft, stop: bool = False, producer: str = "shipslog-0") -> list[Event]:
    """One life of a controller: recovers, records, and ends in order or not."""
    journal = await Journal.open(directory, None, producer=producer)
    recovered = await journal.recover()
    events = [*recovered, *(await journal.append(*drafts) if drafts else ())]
    if stop:
        await journal.stop()
    await journal.close()
    return events


async def test_a_life_names_the_one_before(directory: Path) -> None:
    """Its boot and last number: nothing can be missing in between without being seen."""
    await life(directory, note(), stop=True)
    await life(directory, note())
    await life(directory)

    events = await on_disk(directory)

    started = [event for event in events if event["type"] == "audit.started"]
    assert "detail" not in started[0]
    for event in started[1:]:
        before = events[events.index(event) - 1]
        assert event["detail"]["previous"] == {
            "producer": "shipslog-0",
            "boot": before["boot"],
            "seq": before["seq"],
            "type": before["type"],
        }
    assert [event["detail"]["previous"]["type"] for event in started[1:]] == ["audit.stopped", "health.changed"]
    assert len({event["boot"] for event in started}) == 3


async def test_a_life_reports_the_damage_it_found(directory: Path) -> None:
    """In its first record, for auditors to see."""
    await life(directory, note())
    (segment,) = segments(directory)
    segment.write_bytes(segment.read_bytes()[:-3])

    await life(directory)

    detail = (await on_disk(directory))[-1]["detail"]
    assert detail["findings_count"] == 1
    assert (detail["findings"][0]["kind"], detail["findings"][0]["segment"]) == ("torn", segment.name)


async def test_an_intent_that_was_left_open_gets_an_unknown_result(directory: Path) -> None:
    """Exactly one, which names the intent, its run and what it was about."""
    _, open_intent = await life(directory, intent("run-1"), intent("run-2", revision="9c1e"))
    (first,) = [event for event in await on_disk(directory) if event.get("correlation_id") == "run-1"]
    await life(directory, result(first["id"], "run-1"))
    for _ in range(3):
        await life(directory)

    results = [event for event in await on_disk(directory) if event["type"] == "apply.result"]

    (unknown,) = [event for event in results if event["outcome"] == "unknown" and event["correlation_id"] == "run-2"]
    assert unknown["causation_id"] == open_intent.id
    assert unknown["revision"] == "9c1e"
    assert unknown["target"] == {"namespace": "team-pay", "application": "shop", "cluster": "prod-eu"}
    assert unknown["detail"]["intended_at"] == open_intent.occurred_at


async def test_intents_of_this_life_are_not_recovered(journal: Journal) -> None:
    """Their results are on their way."""
    await journal.append(intent("run-1"))

    assert await journal.recover() == ()
    assert [event.type for event in journal.open_intents()] == [EventType.APPLY_INTENT]


async def test_a_result_closes_its_intent(journal: Journal) -> None:
    """By the intent it names, or else by its run."""
    one, two, three = await journal.append(intent("run-1"), intent("run-1"), intent("run-2"))

    await journal.append(result(one.id, "run-1"))
    assert journal.open_intents() == (two, three)

    await journal.append(Draft(type=EventType.APPLY_RESULT, target=SHOP, correlation_id="run-2"))
    assert journal.open_intents() == (two,)


@pytest.mark.parametrize("fault", ["write", "sync"])
async def test_dying_while_recovering_doubles_nothing(directory: Path, fault: str) -> None:
    """However often, and wherever in the write: in the end each intent has one result."""
    await life(directory, *(intent(f"run-{number}") for number in range(5)))
    for _ in range(3):
        disk = LoggedDisk()
        journal = await Journal.open(directory, None, producer="p", disk=disk)
        await journal.append(note())
        disk.fail = {fault: errno.EIO}
        with pytest.raises(SpoolError):
            await journal.recover()
        await journal.close()  # what was written half or whole is left as a kill would leave it
    await life(directory)

    events = await on_disk(directory)
    results = [event["causation_id"] for event in events if event["type"] == "apply.result"]
    assert sorted(results) == sorted(event["id"] for event in events if event["type"] == "apply.intent")
    assert len(results) == 5


async def test_an_open_intent_keeps_its_segment(directory: Path) -> None:
    """Though it was delivered long ago: the next life must find it."""
    taken: list[bytes] = []

    class Taker:
        async def deliver(self, bodies: Any) -> None:
            taken.extend(bodies)

    journal = await Journal.open(directory, Taker(), producer="p", limit=80_000)
    (event,) = await journal.append(intent())
    for number in range(40):
        await journal.append(note(number, detail={"text": "x" * 1000}))
        if number % 10 == 9:
            assert await journal.drain(30)
    assert journal.undelivered == 0
    first = directory / f"{1:020d}.seg"
    assert first.exists()

    await journal.append(result(event.id))
    assert await journal.drain(30)

    assert not first.exists()
    assert len(taken) == 42
    await journal.close()


async def test_a_spool_that_is_full_behind_an_open_intent_says_so(directory: Path) -> None:
    """PostgreSQL is not to blame then; the next life ends the intent and goes on."""

    class Taker:
        async def deliver(self, bodies: Any) -> None:
            del bodies

    journal = await Journal.open(directory, Taker(), producer="p", limit=80_000)
    (event,) = await journal.append(intent())
    with pytest.raises(SpoolFull, match=f"behind intent {event.id} of run run-1, which has no result .restart"):
        await fill(journal)
    await journal.close()

    journal = await Journal.open(directory, Taker(), producer="p", limit=80_000)
    await journal.recover()
    assert await journal.drain(30)
    await journal.append(note())
    await journal.close()


async def fill(journal: Journal) -> None:
    """Append and deliver until it is refused."""
    for _ in range(100):
        await journal.append(note(detail={"text": "x" * 1000}))
        await journal.drain(30)


async def test_what_waits_is_counted_with_its_age(directory: Path) -> None:
    """Also what a former life left."""
    moment = dt.datetime(2026, 11, 24, 8, tzinfo=dt.UTC)
    journal = await Journal.open(directory, None, producer="p", clock=lambda: moment)
    assert (journal.undelivered, journal.undelivered_age) == (0, 0.0)
    await journal.append(note(), note())
    await journal.close()

    journal = await Journal.open(directory, None, producer="p", clock=lambda: moment + dt.timedelta(seconds=90))
    await journal.append(note())

    assert (journal.undelivered, journal.undelivered_age) == (3, 90.0)
    assert journal.appended[EventType.HEALTH_CHANGED] == 1
    assert journal.spool_bytes == sum(path.stat().st_size for path in segments(directory))
    assert not await journal.drain(0.1)
    await journal.close()


def test_every_type_is_counted_from_the_start(directory: Path) -> None:
    """A metric that appears only with its first event can't be alerted on."""

    async def counted() -> dict[EventType, int]:
        journal = await Journal.open(directory, None, producer="p")
        await journal.close()
        return dict(journal.appended)

    assert asyncio.run(counted()) == dict.fromkeys(EventType, 0)


async def test_a_record_of_a_newer_version_is_carried_along(directory: Path) -> None:
    """A type we don't know, or something that is no event: not ours to judge, and never dropped."""
    spool = await asyncio.to_thread(Spool.open, directory, lambda *_, **__: None)
    await asyncio.to_thread(spool.write, [b'{"something":"else"}'])
    await asyncio.to_thread(spool.close)
    journal = await Journal.open(directory, None, producer="p")
    await journal.recover()
    await journal.close()

    assert (await on_disk(directory))[0] == {"something": "else"}


async def test_after_the_end_nothing_is_accepted(directory: Path) -> None:
    """An append behind `close` is an error, never silence."""
    journal = await Journal.open(directory, None, producer="p")
    await journal.close()

    with pytest.raises(SpoolError, match="closed"):
        await journal.append(note())
