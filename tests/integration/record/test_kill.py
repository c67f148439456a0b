"""Killed with SIGKILL at random moments: nothing acknowledged is lost, nothing comes twice, every intent ends."""

from __future__ import annotations

import asyncio
import collections
import itertools
import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from controller.record.journal import Journal
from controller.record.ledger import PostgresLedger

if TYPE_CHECKING:
    from tests.integration.record.conftest import Database

CHECKOUT = Path(__file__).resolve().parents[3]
KILLS = 20


def sail(spool: Path, dsn: str, acks: Path, moment: float) -> None:
    """One life: killed so many seconds after its first acknowledgement, or (negative) after its start."""
    before = acks.stat().st_size
    with acks.open("ab") as output:
        command = [sys.executable, "-m", "tests.integration.record.sailor", str(spool), dsn]
        process = subprocess.Popen(command, cwd=CHECKOUT, stdout=output, stderr=subprocess.PIPE)
    with process:
        if moment < 0:
            time.sleep(-moment)
        else:
            deadline = time.monotonic() + 60
            while acks.stat().st_size == before and process.poll() is None and time.monotonic() < deadline:
                time.sleep(0.001)
            time.sleep(moment)
        process.kill()
        assert process.stderr is not None
        said = process.stderr.read()
    assert process.returncode == -9, said.decode()


async def recover(spool: Path, dsn: str) -> int:
    """The last life, which ends in order; how many results it had to make up."""
    ledger = await PostgresLedger.open(dsn)
    journal = await Journal.open(spool, ledger, producer="shipslog-0")
    recovered = await journal.recover()
    await journal.stop()
    assert await journal.drain(60)
    await journal.close()
    await ledger.close()
    return len(recovered)


def test_killed_at_random_moments_it_loses_and_doubles_nothing(database: Database, tmp_path: Path) -> None:
    """Twenty lives of eight producers each, most killed in full work, some while they start."""
    source = random.Random(os.environ.get("SHIPSLOG_TEST_SEED"))  # noqa: S311 - moments
    acks, spool = tmp_path / "acks", tmp_path / "spool"
    acks.touch()
    for number in range(KILLS):
        sail(spool, database.writer, acks, -source.uniform(0.1, 0.8) if number % 5 == 4 else source.uniform(0, 0.4))

    asyncio.run(recover(spool, database.writer))

    rows = asyncio.run(database.ask("SELECT body FROM audit.event ORDER BY recorded_at"))
    events: list[dict[str, Any]] = [json.loads(body) for (body,) in rows]
    assert_nothing_acknowledged_is_lost(acks, events)
    assert_numbers_have_no_gaps(events)
    assert_every_life_names_the_one_before(events)
    assert_every_intent_has_one_result(events)


def assert_nothing_acknowledged_is_lost(acks: Path, events: list[dict[str, Any]]) -> None:
    """Nor doubled: identifiers are unique."""
    acknowledged = acks.read_text().split()
    recorded = collections.Counter(event["id"] for event in events)
    assert len(acknowledged) > 100
    assert [identifier for identifier in acknowledged if recorded[identifier] != 1] == []
    assert set(recorded.values()) == {1}


def by_life(events: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """The events of each boot in the order of their numbers; boots in the order they began."""
    lives: dict[str, list[dict[str, Any]]] = collections.defaultdict(list)
    for event in sorted(events, key=lambda event: (event["boot"], event["seq"])):
        lives[event["boot"]].append(event)
    return dict(lives)


def assert_numbers_have_no_gaps(events: list[dict[str, Any]]) -> None:
    """In any life."""
    for life in by_life(events).values():
        assert [event["seq"] for event in life] == list(range(1, len(life) + 1))


def assert_every_life_names_the_one_before(events: list[dict[str, Any]]) -> None:
    """So no life can be missing, and no end of one."""
    for before, after in itertools.pairwise(by_life(events).values()):
        assert after[0]["type"] == "audit.started"
        named = after[0]["detail"]["previous"]
        assert (named["boot"], named["seq"]) == (before[-1]["boot"], before[-1]["seq"])
        assert {finding["kind"] for finding in after[0]["detail"].get("findings", [])} <= {"torn"}


def assert_every_intent_has_one_result(events: list[dict[str, Any]]) -> None:
    """Its own, or unknown."""
    intents = {event["id"]: event for event in events if event["type"] == "apply.intent"}
    results = collections.Counter(event["causation_id"] for event in events if event["type"] == "apply.result")
    unknown = [event for event in events if event["type"] == "apply.result" and event["outcome"] == "unknown"]
    assert results == dict.fromkeys(intents, 1)
    assert unknown
    assert all(event["correlation_id"] == intents[event["causation_id"]]["correlation_id"] for event in unknown)
