"""Watches of servers that are old, odd, silent or hostile."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import orjson
import pytest

from controller.kube import discovery, transport, watch
from controller.kube.errors import Forbidden, KindUnknown
from tests.unit.kube.scripted import aggregated, in_turn, said, scripted, status, streamed

if TYPE_CHECKING:
    from controller.kube.cluster import ApiCluster
    from controller.ports import WatchEvent
    from tests.unit.kube.scripted import Handler

PATH = "/api/v1/namespaces/here/configmaps"
END = {"k8s.io/initial-events-end": "true"}
REFUSED = said(status(422, "Invalid", "sendInitialEvents is forbidden for watch"), 422)


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "PAUSE", 0.01)
    monkeypatch.setattr(discovery, "PAUSE", 0.0)
    monkeypatch.setattr(watch, "LONGEST_PAUSE", 0.02)


async def forever() -> None:
    """Say nothing more."""
    await asyncio.Event().wait()


def step(kind: str, name: str = "", version: int = 1, **metadata: Any) -> bytes:
    """A line of a watch."""
    body = {"kind": "ConfigMap", "metadata": {"name": name, "resourceVersion": str(version), **metadata}}
    return orjson.dumps({"type": kind, "object": body | {"data": {"secret": "x"}}})


def end(version: int) -> bytes:
    """The line that ends a listing."""
    return step("BOOKMARK", version=version, annotations=END)


async def told(
    cluster: ApiCluster, count: int, *, events: list[WatchEvent] | None = None, **options: Any
) -> list[WatchEvent]:
    """The first so many events, also in `events`."""
    events = [] if events is None else events
    async with asyncio.timeout(10), aclosing(cluster.watch("v1", "ConfigMap", namespace="here", **options)) as watched:
        async for event in watched:
            events.append(event)
            if len(events) == count:
                break
    return events


def names(events: list[WatchEvent]) -> list[tuple[str, str]]:
    """Kinds and names."""
    return [(event.kind, event.body.get("metadata", {}).get("name", "")) for event in events]


def query(asked: str) -> dict[str, str]:
    """A request's query, but for the timeout."""
    return {key: value[0] for key, value in parse_qs(urlsplit(asked).query).items() if key != "timeoutSeconds"}


async def test_a_listing_is_streamed_and_resumed_from_its_last_version() -> None:
    """The parameters of KEP-3157 first, then the version up to which all was told."""
    first = streamed(step("ADDED", "a", 7), step("ADDED", "b", 3), end(9), step("MODIFIED", "a", 12))
    async with scripted() as (script, cluster):
        script.answers[PATH] = in_turn(first, streamed(step("DELETED", "b", 14), then=forever))
        events = await told(cluster, 5, selector="x=y")

    assert names(events) == [("added", "a"), ("added", "b"), ("synced", ""), ("modified", "a"), ("deleted", "b")]
    both = {"watch": "true", "allowWatchBookmarks": "true", "labelSelector": "x=y"}
    assert [query(asked) for asked in script.paths(PATH)] == [
        both | {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan"},
        both | {"resourceVersion": "12"},
    ]


async def test_bookmarks_move_the_position_and_are_not_told() -> None:
    """A quiet kind does not fall out of the server's memory."""
    async with scripted() as (script, cluster):
        first = streamed(end(9), step("BOOKMARK", version=50))
        script.answers[PATH] = in_turn(first, streamed(step("ADDED", "a", 60), then=forever))
        events = await told(cluster, 2)

    assert names(events) == [("synced", ""), ("added", "a")]
    assert query(script.paths(PATH)[1])["resourceVersion"] == "50"


async def test_a_listing_that_breaks_off_begins_anew() -> None:
    """What was told before `restarted` counts for nothing; the versions inside a listing are in no order."""
    async with scripted() as (script, cluster):
        script.answers[PATH] = in_turn(streamed(step("ADDED", "a", 70)), streamed(step("ADDED", "b", 3), end(9)))
        events = await told(cluster, 4)

    assert names(events) == [("added", "a"), ("restarted", ""), ("added", "b"), ("synced", "")]
    assert "resourceVersion" not in query(script.paths(PATH)[1])


@pytest.mark.parametrize(
    "gone",
    [
        said(status(410, "Expired", "too old resource version"), 410),
        streamed(orjson.dumps({"type": "ERROR", "object": status(410, "Expired", "too old resource version")})),
    ],
    ids=["as a status", "as an event"],
)
async def test_a_version_that_is_too_old_is_listed_anew(gone: Any) -> None:
    """410 comes in two forms."""
    async with scripted() as (script, cluster):
        script.answers[PATH] = in_turn(streamed(end(9)), gone, streamed(step("ADDED", "a", 3), end(90)))
        events = await told(cluster, 4)

    assert names(events) == [("synced", ""), ("restarted", ""), ("added", "a"), ("synced", "")]


async def test_another_error_in_the_stream_is_borne() -> None:
    """It goes on from where it was."""
    error = streamed(orjson.dumps({"type": "ERROR", "object": status(500, "InternalError", "etcd is away")}))
    async with scripted() as (script, cluster):
        script.answers[PATH] = in_turn(streamed(end(9)), error, error, streamed(step("ADDED", "a", 10), then=forever))
        events = await told(cluster, 2)

    assert names(events) == [("synced", ""), ("added", "a")]
    assert query(script.paths(PATH)[-1])["resourceVersion"] == "9"


async def test_a_server_that_can_not_stream_a_list_is_asked_for_pages() -> None:
    """Older servers: LIST by pages, then WATCH from its version; the kind stands in every item."""
    page = {"metadata": {"resourceVersion": "20", "continue": "more"}, "items": [{"metadata": {"name": "a"}}]}
    last = {"metadata": {"resourceVersion": "20"}, "items": [{"metadata": {"name": "b"}, "data": {"secret": "x"}}]}
    changes = streamed(step("DELETED", "a", 21), then=forever)
    async with scripted() as (script, cluster):
        script.answers[PATH] = in_turn(REFUSED, said(page), said(last), changes)
        events = await told(cluster, 4, metadata_only=True)

    assert names(events) == [("added", "a"), ("added", "b"), ("synced", ""), ("deleted", "a")]
    assert events[1].body == {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "b"}}
    assert query(script.paths(PATH)[2]) == {"limit": "500", "continue": "more"}
    assert query(script.paths(PATH)[3])["resourceVersion"] == "20"


async def test_pages_that_expire_are_listed_anew() -> None:
    """410 in the middle of a paged listing."""
    page = {"metadata": {"resourceVersion": "20", "continue": "more"}, "items": [{"metadata": {"name": "a"}}]}
    last = {"metadata": {"resourceVersion": "30"}, "items": [{"metadata": {"name": "b"}}]}
    gone = said(status(410, "Expired"), 410)
    async with scripted() as (script, cluster):
        script.answers[PATH] = in_turn(REFUSED, said(page), gone, said(last), streamed(then=forever))
        events = await told(cluster, 4)

    assert names(events) == [("added", "a"), ("restarted", ""), ("added", "b"), ("synced", "")]


async def test_content_does_not_enter_by_a_server_that_can_not_leave_it_out() -> None:
    """Metadata only means metadata only, whatever comes."""
    async with scripted() as (script, cluster):
        script.answers[PATH] = streamed(step("ADDED", "a"), end(9), then=forever)
        events = await told(cluster, 2, metadata_only=True)

    assert set(events[0].body) == {"apiVersion", "kind", "metadata"}
    assert "as=PartialObjectMetadata;" in script.headers[-1]["Accept"]


async def test_a_server_restored_from_a_backup_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """It stays silent about a version it has not reached: where bookmarks were sent, silence is not believed."""
    monkeypatch.setattr(transport, "WATCH_SILENCE", 0.2)
    async with scripted() as (script, cluster):
        first = streamed(end(900), step("BOOKMARK", version=950))
        script.answers[PATH] = in_turn(first, streamed(then=forever), streamed(step("ADDED", "a", 3), end(5)))
        events = await told(cluster, 4)

    assert names(events) == [("synced", ""), ("restarted", ""), ("added", "a"), ("synced", "")]


async def test_a_server_without_bookmarks_may_be_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is connected to again, but not listed."""
    monkeypatch.setattr(transport, "WATCH_SILENCE", 0.2)
    async with scripted() as (script, cluster):
        later = streamed(step("ADDED", "a", 10), then=forever)
        script.answers[PATH] = in_turn(streamed(end(9)), streamed(then=forever), streamed(then=forever), later)
        events = await told(cluster, 2)

    assert names(events) == [("synced", ""), ("added", "a")]


@pytest.mark.parametrize("line", [b"{", b"[]", b'{"type": "ADDED"}', b'{"type": "ADDED", "object": []}'])
async def test_a_line_that_is_no_event_is_borne(line: bytes) -> None:
    """It is asked again."""
    async with scripted() as (script, cluster):
        script.answers[PATH] = in_turn(streamed(line), streamed(end(9), then=forever))
        events = await told(cluster, 1)

    assert names(events) == [("synced", "")]


async def test_the_consumer_learns_that_the_connection_is_gone() -> None:
    """Not of a stream that was taken up at once, but of one that could not be."""
    states: list[bool] = []
    away = said("", 503)
    async with scripted() as (script, cluster):
        later = streamed(step("ADDED", "a", 10), then=forever)
        script.answers[PATH] = in_turn(streamed(end(9)), away, streamed(step("ADDED", "b", 10)), away, away, later)
        await told(cluster, 3, on_state=states.append)

    assert states == [True, False, True]


async def test_a_busy_server_is_asked_when_it_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """429 with Retry-After: not before."""
    waits: list[float] = []
    real = asyncio.sleep

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        await real(0)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    async with scripted() as (script, cluster):
        busy = said(status(429, "TooManyRequests"), 429, Retry_After="7")
        script.answers[PATH] = in_turn(busy, streamed(end(9), then=forever))
        await told(cluster, 1)

    assert 7.0 in waits


async def test_a_server_that_has_just_started_may_deny_for_a_moment() -> None:
    """A watch that stood is not given up at the first 403."""
    denied = said(status(403, "Forbidden", 'User "x" cannot watch resource "configmaps" in API group ""'), 403)
    async with scripted() as (script, cluster):
        script.answers[PATH] = in_turn(streamed(end(9)), denied, denied, streamed(step("ADDED", "a", 10)), denied)

        with pytest.raises(Forbidden, match="must allow watch on configmaps"):
            await told(cluster, 99)

    assert len(script.paths(PATH)) == 8


async def test_a_path_that_is_gone_is_looked_up_before_the_watch_ends() -> None:
    """404 while the kind is still served is borne; then the kind is gone."""
    missing = said(status(404, "NotFound", "the server could not find the requested resource"), 404)
    async with scripted() as (script, cluster):
        kept = script.answers["/api"]
        script.answers["/api"] = in_turn(kept, kept, aggregated())
        script.answers[PATH] = in_turn(streamed(end(9)), missing, streamed(step("ADDED", "a", 10)), missing)
        events: list[WatchEvent] = []

        with pytest.raises(KindUnknown):
            await told(cluster, 99, events=events)

    assert names(events) == [("synced", ""), ("added", "a")]


async def _waits(monkeypatch: pytest.MonkeyPatch, answer: Handler, count: int) -> list[float]:
    """How long a watch waits between its tries, in seconds, while it always gets this answer."""
    waits: list[float] = []
    enough = asyncio.Event()
    real = asyncio.sleep

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == count:
            enough.set()
        await real(0)

    monkeypatch.setattr(watch, "LONGEST_PAUSE", 15.0)
    monkeypatch.setattr(watch, "PAUSE", 0.5)
    monkeypatch.setattr(asyncio, "sleep", sleep)
    async with scripted() as (script, cluster):
        script.answers[PATH] = in_turn(streamed(end(9)), answer)
        watched = asyncio.create_task(told(cluster, 2), name="watched")
        await asyncio.wait_for(enough.wait(), 10)
        watched.cancel()
        await asyncio.wait([watched])
    return waits


@pytest.mark.parametrize("answer", [said("", 503), streamed()], ids=["refuses", "ends at once without a word"])
async def test_a_server_in_trouble_is_asked_ever_more_slowly(monkeypatch: pytest.MonkeyPatch, answer: Handler) -> None:
    """Pauses double up to a longest one, and are drawn between half of that and all: not all come at once."""
    waits = await _waits(monkeypatch, answer, 12)

    pauses = [wait for wait in waits if wait > 0]
    assert 0.25 <= pauses[0] <= 0.5
    assert 7.5 <= pauses[-1] <= 15.0
    assert len(set(pauses)) > 6


async def test_a_stream_is_asked_to_end_after_some_minutes() -> None:
    """Each after another while: not all begin again at once, and none hangs on a server for ever."""
    async with scripted() as (script, cluster):
        script.answers[PATH] = in_turn(*(streamed(end(number)) for number in range(1, 9)), streamed(step("ADDED")))
        await told(cluster, 2)
        asked = [parse_qs(urlsplit(path).query)["timeoutSeconds"][0] for path in script.paths(PATH)]

    assert all(300 <= int(seconds) <= 600 for seconds in asked)
    assert len(set(asked)) > 1
