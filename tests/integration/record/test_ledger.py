"""The ledger in a real PostgreSQL: delivered once, asked in every way."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from controller.model.event import Actor, Draft, EventType, Target
from controller.record.entry import Entry, Filters
from controller.record.errors import EventRefused, LedgerError, LedgerUnreachable
from controller.record.identifier import derived
from controller.record.ledger import PostgresLedger, leaf_hash
from tests.integration.record.bodies import event_of
from tests.integration.record.conftest import TEMPLATE, Database, name_of
from tests.integration.record.relay import Relay
from tests.unit.record.drafts import intent, note, result

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.ground.postgres import PostgresServer

FULL = Draft(
    type=EventType.DRIFT_DETECTED,
    actor=Actor(kind="manager", name="kubectl-edit"),
    target=Target(namespace="team-pay", application="shop", cluster="prod-eu", object="apps/Deployment shop/web"),
    outcome="failure",
    reason='someone\'s \\ "hand"\n\u20ac',
    correlation_id="run-1",
    causation_id="event-1",
    revision="9c1e",
    detail={"fields": [{"path": "spec.replicas", "before": 3, "after": 2**60}], "text": "\x00\ud800 \\u0000"},
)


async def test_columns_equal_the_body(database: Database, ledger: PostgresLedger) -> None:
    """Full and empty events of every type; none of the columns can be set by who inserts."""
    events = [event_of(FULL), *(event_of(Draft(type=type_)) for type_ in EventType)]
    await ledger.deliver([event.body for event in events])

    rows = await database.ask(
        "SELECT body, leaf_hash, event_id::text, occurred_at, type, code, severity, outcome, actor_kind, actor,"
        " namespace, application, cluster, object, revision, correlation_id, causation_id, producer, boot::text, seq"
        " FROM audit.event"
    )

    assert {row[0] for row in rows} == {event.body for event in events}
    for stored, leaf, *columns in rows:
        body: dict[str, Any] = json.loads(stored)
        target = body.get("target", {})
        assert leaf == leaf_hash(stored)
        assert columns == [
            body["id"],
            dt.datetime.fromisoformat(body["occurred_at"]),
            *(body[key] for key in ("type", "code", "severity", "outcome")),
            *(body["actor"][key] for key in ("kind", "name")),
            *(target.get(key) for key in ("namespace", "application", "cluster", "object")),
            *(body.get(key) for key in ("revision", "correlation_id", "causation_id")),
            *(body[key] for key in ("producer", "boot", "seq")),
        ]


async def test_the_same_batch_twice_changes_nothing(database: Database, ledger: PostgresLedger) -> None:
    """Nor a batch of which a part is there; when it arrived stays what it was."""
    bodies = [event_of(note(number)).body for number in range(20)]
    await ledger.deliver(bodies[:10])
    before = await database.ask("SELECT event_id, recorded_at FROM audit.event ORDER BY seq")

    await ledger.deliver(bodies)
    await ledger.deliver(bodies + bodies)

    after = await database.ask("SELECT event_id, recorded_at FROM audit.event ORDER BY seq")
    assert after[:10] == before
    assert len(after) == 20


async def test_an_event_of_a_retry_is_there_once_at_whatever_time(database: Database, ledger: PostgresLedger) -> None:
    """The primary key holds the time: for derived identifiers the database looks at all times."""
    identifier = derived("result", "x")
    times = [dt.datetime.now(dt.UTC) + dt.timedelta(days=days) for days in (0, -40, 3000)]

    for moment in times:
        await ledger.deliver([event_of(note(), moment, identifier).body])
    await ledger.deliver([event_of(note(), moment, identifier).body for moment in times])

    assert await database.ask("SELECT occurred_at FROM audit.event") == [(times[0],)]


async def test_an_event_of_any_time_finds_a_place(database: Database, ledger: PostgresLedger) -> None:
    """Where no partition is, the default one takes it: a clock gone wrong loses nothing."""
    days = (-4000, -45, 0, 40, 4000)
    moments = [dt.datetime.now(dt.UTC) + dt.timedelta(days=days_) for days_ in days]

    await ledger.deliver([event_of(note(), moment).body for moment in moments])

    rows = await database.ask("SELECT tableoid::regclass::text, occurred_at FROM audit.event ORDER BY 2")
    assert [row[1] for row in rows] == moments
    assert [row[0] == "audit.event_default" for row in rows] == [True, False, False, False, True]


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"leaf_hash": b"\x00" * 32}, "leaf_hash_is_of_body"),
        ({"event_id": "00000000-0000-7000-8000-000000000000"}, "event_id_is_of_body"),
        ({"occurred_at": dt.datetime(2026, 1, 1, tzinfo=dt.UTC)}, "occurred_at_is_of_body"),
        ({"body": b"{}"}, "null value"),
        ({"body": b"nonsense"}, "invalid input syntax for type json"),
        ({"body": b'{"id":"\xff"}'}, "invalid byte sequence"),
        ({"body": b'{"id":"\\u0000"}'}, "unsupported Unicode escape sequence"),
        ({"body": b'{"id":"' + b"x" * 70_000 + b'"}'}, "(body_is_bounded|null value)"),
    ],
)
async def test_a_row_that_lies_about_its_body_is_refused(
    database: Database, change: dict[str, object], what: str
) -> None:
    """By the database itself, whoever inserts: hash, identifier, time and size are checked against the body."""
    event = event_of(note())
    row: dict[str, object] = {
        "event_id": event.id,
        "occurred_at": dt.datetime.fromisoformat(event.occurred_at),
        "body": event.body,
        "leaf_hash": leaf_hash(event.body),
    }
    lie = row | change
    if isinstance(body := change.get("body"), bytes):
        lie["leaf_hash"] = leaf_hash(body)
    connection = await asyncpg.connect(database.writer)
    insert = "INSERT INTO audit.event (event_id, occurred_at, body, leaf_hash) VALUES ($1, $2, $3, $4)"
    try:
        with pytest.raises(asyncpg.PostgresError, match=what):
            await connection.execute(insert, *lie.values())
        await connection.execute(insert, *row.values())
    finally:
        await connection.close()


async def test_a_time_in_another_form_is_refused(database: Database, ledger: PostgresLedger) -> None:
    """The body's time must be in UTC with microseconds, so that the same time has one form."""
    body = event_of(note()).body
    del database
    for form in (b"+00:00", b"+01:00", b""):
        with pytest.raises(EventRefused):
            await ledger.deliver([body.replace(b'Z","outcome', form + b'","outcome')])


async def test_a_refused_event_takes_its_batch_along_and_leaves_nothing(
    database: Database, ledger: PostgresLedger
) -> None:
    """A batch is one statement: all or none."""
    good, bad = event_of(note()).body, event_of(note()).body.replace(b'"code":', b'"cede":')

    with pytest.raises(EventRefused, match="refused what an event contains"):
        await ledger.deliver([good, bad])

    assert await database.ask("SELECT count(*) FROM audit.event") == [(0,)]


async def test_a_lost_acknowledgement_doubles_nothing(database: Database) -> None:
    """The connection breaks behind the commit: the batch is sent again, and is there once."""
    bodies = [event_of(note(number)).body for number in range(5)]
    async with Relay(database.writer) as relay:
        ledger = await PostgresLedger.open(relay.dsn)
        await ledger.deliver([event_of(note()).body])
        relay.lose_answer_to(bodies[0][:40])

        with pytest.raises(LedgerUnreachable, match=r"can't be reached"):
            await ledger.deliver(bodies)
        committed = await database.ask("SELECT count(*) FROM audit.event")
        await ledger.deliver(bodies)

        assert relay.lost == 1
        await ledger.close()
    assert committed == [(6,)]
    assert await database.ask("SELECT count(*) FROM audit.event") == [(6,)]


async def test_nobody_there_is_said_with_the_place_but_no_password(database: Database) -> None:
    """Opening needs no server; the first use says so."""
    async with Relay(database.writer) as relay:
        relay.target = None
        ledger = await PostgresLedger.open(relay.dsn)
        with pytest.raises(LedgerUnreachable) as caught:
            await ledger.deliver([event_of(note()).body])
        await ledger.close()

    assert f"/{database.name} can't be reached" in str(caught.value)
    assert database.server.password not in str(caught.value)


async def test_wrong_logins_and_missing_schemas_are_said_with_a_remedy(database: Database, empty: Database) -> None:
    """What a person must do stands in the error."""
    for dsn, message in (
        (database.writer.replace(database.server.password, "wrong"), "correct the login in SHIPSLOG_DATABASE_URL"),
        (database.writer.replace(database.name, "nowhere"), "create the database, or correct"),
        (database.reader, "give the login the role audit_writer"),
        (empty.owner, "migrate the database first"),
    ):
        ledger = await PostgresLedger.open(dsn)
        with pytest.raises(LedgerError, match=message):
            await ledger.deliver([event_of(note()).body])
        await ledger.close()


@pytest.fixture(scope="module")
def told(server: PostgresServer) -> Iterator[tuple[Database, list[bytes]]]:
    """A database with events of many kinds, one a second, and their bodies in that order."""
    drafts = [
        FULL,
        note(1),
        note(2, target=Target(namespace="team-pay", application="cart", cluster="prod-us")),
        note(3, target=Target(namespace="other", application="shop")),
        Draft(type=EventType.AUDIT_STARTED),
        note(4, target=Target(namespace="team-pay", application="shop", object="Deployment.apps shop/cart")),
        note(5, target=Target(namespace="team-pay", application="shop", object="Deployment.x.dev shop/cart")),
        intent("run-1"),
        result("x", "run-2", outcome="failure"),
    ]
    start = dt.datetime(2026, 9, 30, 23, 59, 58, tzinfo=dt.UTC)
    bodies = [event_of(draft, start + dt.timedelta(seconds=number)).body for number, draft in enumerate(drafts)]
    dsn = server.clone(TEMPLATE)
    database = Database(server, name_of(dsn))

    async def fill() -> None:
        ledger = await PostgresLedger.open(database.writer)
        await ledger.deliver(bodies[::-1])
        await ledger.close()

    asyncio.run(fill())
    yield database, bodies
    server.drop(dsn)


@pytest.mark.parametrize(
    "filters",
    [
        Filters(),
        Filters(types=("drift.detected",)),
        Filters(types=("health.changed", "apply.intent")),
        Filters(types=()),
        Filters(namespace="team-pay"),
        Filters(application="shop"),
        Filters(namespace="team-pay", application="shop"),
        Filters(cluster="prod-us"),
        Filters(object="apps/Deployment shop/web"),
        Filters(object="Deployment.apps shop/cart"),
        Filters(object="Deployment shop/cart"),
        Filters(object="Deployment shop/nothing"),
        Filters(actor="kubectl-edit"),
        Filters(outcome="failure"),
        Filters(severity="warning"),
        Filters(correlation_id="run-1"),
        Filters(since=dt.datetime(2026, 10, 1, tzinfo=dt.UTC)),
        Filters(until=dt.datetime(2026, 10, 1, tzinfo=dt.UTC)),
        Filters(since=dt.datetime(2026, 9, 30, tzinfo=dt.UTC), until=dt.datetime(2026, 10, 2, tzinfo=dt.UTC)),
        Filters(application="shop", outcome="failure", severity="warning"),
    ],
)
async def test_the_tail_gives_what_passes_the_filters(told: tuple[Database, list[bytes]], filters: Filters) -> None:
    """As the follower judges it too; oldest first, the newest where there are more than asked for."""
    database, bodies = told
    reading = await PostgresLedger.open(database.reader)

    every = await reading.tail()
    found = await reading.tail(filters)
    newest = await reading.tail(filters, 2)
    await reading.close()

    assert [entry.body for entry in every] == bodies
    assert found == [entry for entry in every if filters.passes(entry)]
    assert newest == found[-2:]


async def test_an_object_is_found_with_and_without_its_group(told: tuple[Database, list[bytes]]) -> None:
    """A kind alone means that of every group, a kind with its group that one."""
    database, _ = told
    reading = await PostgresLedger.open(database.reader)

    found = {
        text: [entry.object for entry in await reading.tail(Filters(object=text))]
        for text in ("Deployment shop/cart", "Deployment.apps shop/cart", "Deploy shop/cart", "Deployment cart")
    }
    await reading.close()

    assert found == {
        "Deployment shop/cart": ["Deployment.apps shop/cart", "Deployment.x.dev shop/cart"],
        "Deployment.apps shop/cart": ["Deployment.apps shop/cart"],
        "Deploy shop/cart": [],
        "Deployment cart": [],
    }


async def test_an_event_is_shown_by_its_identifier(ledger: PostgresLedger, reading: PostgresLedger) -> None:
    """In every form of a UUID; what is none, or nobody's, is not found."""
    event = event_of(FULL)
    await ledger.deliver([event.body])

    entry = await reading.show(event.id.upper())

    assert entry is not None
    assert entry.document() == json.loads(event.body)
    assert entry.reason() == FULL.reason
    assert await reading.show("00000000-0000-7000-8000-000000000000") is None
    assert await reading.show("nonsense") is None


async def test_runs_are_told_by_their_events(ledger: PostgresLedger, reading: PostgresLedger) -> None:
    """The newest first, each with its outcome so far."""
    start = dt.datetime(2026, 11, 24, 8, tzinfo=dt.UTC)
    applied = Draft(type=EventType.APPLY_OBJECT, target=FULL.target, correlation_id="run-1")
    told = [
        (0, intent("run-1", revision="9c1e", actor=Actor(kind="user", name="jo"))),
        (1, applied),
        (2, applied),
        (3, Draft(type=EventType.PRUNE_OBJECT, correlation_id="run-1")),
        (4, result("x", "run-1", outcome="failure")),
        (5, intent("run-2")),
        (6, result("y", "run-2")),
        (7, Draft(type=EventType.SYNC_COMPLETED, correlation_id="run-2", outcome="failure")),
        (8, intent("run-3", target=Target(namespace="other", application="cart"))),
    ]
    await ledger.deliver([event_of(draft, start + dt.timedelta(seconds=seconds)).body for seconds, draft in told])

    runs = await reading.runs()

    assert [(run.correlation_id, run.outcome) for run in runs] == [
        ("run-3", None),
        ("run-2", "failure"),
        ("run-1", "failure"),
    ]
    first = runs[2]
    assert (first.namespace, first.application, first.revision, first.actor) == ("team-pay", "shop", "9c1e", "jo")
    assert (first.first_at, first.last_at) == (start, start + dt.timedelta(seconds=4))
    assert (first.applied, first.pruned, first.events) == (2, 1, 5)
    assert await reading.runs("team-pay", "shop", 1) == [runs[1]]


async def test_a_follower_sees_what_arrives_and_passes(ledger: PostgresLedger, reading: PostgresLedger) -> None:
    """Each once, in order of arrival, however old it is; not what was there before."""
    await ledger.deliver([event_of(note()).body])
    seen: list[Entry] = []
    enough = asyncio.Event()

    async def follow() -> None:
        async for entry in reading.follow(Filters(types=("drift.detected",)), interval=0.01):
            seen.append(entry)
            if len(seen) == 4:
                enough.set()

    task = asyncio.create_task(follow(), name="follow")
    old = dt.datetime.now(dt.UTC) - dt.timedelta(days=20)
    delivered = []
    while not enough.is_set():
        events = [event_of(FULL, old), event_of(note())]
        delivered.append(events[0])
        await ledger.deliver([event.body for event in events])
    task.cancel()
    await asyncio.wait([task])

    bodies = [event.body for event in delivered]
    first = bodies.index(seen[0].body)
    assert [entry.body for entry in seen] == bodies[first : first + len(seen)]


async def test_a_follower_misses_no_late_commit(
    database: Database, ledger: PostgresLedger, reading: PostgresLedger
) -> None:
    """A transaction that began earlier and commits later is found, though newer events were given already."""
    follower = reading.follow(interval=0.01)
    waiting = asyncio.ensure_future(anext(follower))
    slow, quick = event_of(note(1)), event_of(note(2))
    connection = await asyncpg.connect(database.writer)
    marker = event_of(note(0))
    while not waiting.done():  # until it follows
        await ledger.deliver([marker.body])
        await asyncio.sleep(0)
        marker = event_of(note(0)) if not waiting.done() else marker
    async with connection.transaction():
        await connection.execute(
            "INSERT INTO audit.event (event_id, occurred_at, body, leaf_hash) VALUES ($1, $2, $3, $4)",
            slow.id,
            dt.datetime.fromisoformat(slow.occurred_at),
            slow.body,
            leaf_hash(slow.body),
        )
        await ledger.deliver([quick.body])
        while json.loads((await anext(follower)).body)["detail"]["number"] != 2:
            pass
    async with asyncio.timeout(30):
        entry = await anext(follower)
    await connection.close()
    await follower.aclose()

    assert entry.body == slow.body
