"""Requests: what is sent, what is borne, what is counted."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from controller.kube import transport
from controller.kube.access import Access
from controller.kube.cluster import open_cluster
from controller.kube.credentials import Credentials
from controller.kube.errors import ServerError, Throttled, Unreachable
from controller.model.objects import ObjectId
from tests.unit.kube.scripted import in_turn, said, scripted, status

if TYPE_CHECKING:
    from aiohttp import web

ONE = ObjectId("", "ConfigMap", "here", "one")
PATH = "/api/v1/namespaces/here/configmaps/one"
LIVE = {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "one"}}


async def test_a_request_says_who_asks() -> None:
    """User agent and credentials; no cookies, no compression that nobody asked for."""
    async with scripted() as (script, cluster):
        script.answers[PATH] = said(LIVE)
        await cluster.get(ONE, "v1")

    sent = script.headers[-1]
    assert sent["User-Agent"].startswith("shipslog/")
    assert sent["Authorization"] == "Bearer let-me-in"
    assert sent["Accept"] == "application/json"


async def test_a_server_that_is_busy_is_asked_again_when_it_said() -> None:
    """429 with Retry-After: the request waits and succeeds."""
    busy = said(status(429, "TooManyRequests"), 429, Retry_After="0.05")
    async with scripted() as (script, cluster):
        script.answers[PATH] = in_turn(busy, busy, said(LIVE))

        assert await cluster.get(ONE, "v1") == LIVE

    assert len(script.paths(PATH)) == 3


async def test_a_server_that_stays_busy_says_when_to_come_back() -> None:
    """Longer than a request may wait: the caller is told the seconds."""
    async with scripted() as (script, cluster):
        script.answers[PATH] = said(status(429, "TooManyRequests", "overloaded", retryAfterSeconds=60), 429)

        with pytest.raises(Throttled, match="overloaded") as refused:
            await cluster.get(ONE, "v1")

    assert refused.value.after == 60
    assert len(script.paths(PATH)) == 1


async def test_an_error_page_of_a_proxy_is_not_quoted() -> None:
    """Only a Status is the API server's own word."""
    async with scripted() as (script, cluster):
        script.answers[PATH] = said("<html>hunter2</html>", 502)

        with pytest.raises(ServerError) as refused:
            await cluster.get(ONE, "v1")

    assert "hunter2" not in str(refused.value)
    assert "502" in str(refused.value)


async def test_an_address_that_no_request_can_be_made_to_is_a_server_out_of_reach() -> None:
    """Whatever breaks on the name of the host: no other error than our own leaves the edge."""
    for access in (
        Access(f"https://{'a' * 64}:1", Credentials()),
        Access("http://127.0.0.1:1", Credentials("a\nhunter2")),
    ):
        cluster = open_cluster("odd", access)
        with pytest.raises(Unreachable) as refused:
            await cluster.version()
        await cluster.close()
        assert "hunter2" not in str(refused.value)


async def test_a_redirect_is_not_followed() -> None:
    """The token goes where the kubeconfig says, nowhere else."""
    async with scripted() as (script, cluster):
        script.answers[PATH] = said("", 302, Location="/elsewhere")

        with pytest.raises(ServerError):
            await cluster.get(ONE, "v1")

    assert script.paths("/elsewhere") == []


async def test_an_answer_that_is_too_large_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs the other cluster can't fill our memory."""
    monkeypatch.setattr(transport, "ANSWER_LIMIT", 1000)
    async with scripted() as (script, cluster):
        script.answers[PATH] = said({"a": "x" * 100_000})

        with pytest.raises(ServerError, match="larger than 1000 bytes"):
            await cluster.get(ONE, "v1")


async def test_an_answer_that_is_no_json_is_a_server_error() -> None:
    """For example of a captive portal."""
    async with scripted() as (script, cluster):
        script.answers[PATH] = said("welcome")

        with pytest.raises(ServerError, match="not JSON"):
            await cluster.get(ONE, "v1")


async def test_no_more_requests_are_under_way_than_allowed() -> None:
    """The others wait for their turn."""
    under_way = 0
    most = 0
    go_on = asyncio.Event()

    async def slow(request: web.Request) -> web.StreamResponse:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        if under_way == 3:
            asyncio.get_running_loop().call_soon(go_on.set)
        await go_on.wait()
        under_way -= 1
        return await said(LIVE)(request)

    async with scripted(max_requests=3) as (script, cluster):
        await cluster.resource("v1", "ConfigMap")
        script.answers[PATH] = slow
        await asyncio.gather(*(cluster.get(ONE, "v1") for _ in range(20)))

    assert most == 3


async def test_every_request_is_counted_also_without_an_answer() -> None:
    """By verb and status; 0 stands for no answer."""
    counted: list[tuple[str, int]] = []

    async def hang_up(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        return await said(LIVE)(request)

    async with scripted(on_request=lambda verb, code, _: counted.append((verb, code))) as (script, cluster):
        script.answers[PATH] = in_turn(said(LIVE, 201), said(status(404, "NotFound", name="one"), 404), hang_up)
        body = {**LIVE, "metadata": {"name": "one", "namespace": "here"}}
        await cluster.apply(body, dry_run=True)
        assert await cluster.get(ONE, "v1") is None
        with pytest.raises(Unreachable):
            await cluster.merge(ONE, "v1", {})

    assert counted == [("discovery", 200), ("discovery", 200), ("dry-run", 201), ("get", 404), ("merge", 0)]


async def test_a_creation_that_got_no_answer_is_not_repeated() -> None:
    """It may have happened; what is the same twice as once is sent once more."""

    async def hang_up(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        return await said(LIVE)(request)

    async with scripted() as (script, cluster):
        script.answers["/api/v1/namespaces/here/configmaps"] = hang_up
        script.answers[PATH] = in_turn(hang_up, said(LIVE))
        body = {**LIVE, "metadata": {"name": "one", "namespace": "here"}}

        with pytest.raises(Unreachable):
            await cluster.create(body)
        assert await cluster.apply(body) == LIVE

    assert len(script.paths("/api/v1/namespaces/here/configmaps")) == 1
    assert len(script.paths(PATH)) == 2


async def test_a_request_under_way_can_be_cancelled() -> None:
    """And gives its turn back."""
    arrived = asyncio.Event()

    async def never(request: web.Request) -> web.StreamResponse:
        arrived.set()
        await asyncio.Event().wait()
        return await said(LIVE)(request)

    async with scripted(max_requests=1) as (script, cluster):
        script.answers[PATH] = in_turn(never, said(LIVE))
        task = asyncio.create_task(cluster.get(ONE, "v1"))
        await arrived.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

        assert await cluster.get(ONE, "v1") == LIVE
