from __future__ import annotations

import asyncio
import gzip
import json
import logging
import threading
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import aiohttp
import pytest

from controller.errors import Terminal
from controller.metrics import Metrics
from controller.serve import Limits, Server
from controller.serve.server import address

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from controller.serve import Check

LOOPBACK = "127.0.0.1:0"


@asynccontextmanager
async def serving(
    *,
    live: Mapping[str, Check] | None = None,
    ready: Mapping[str, Check] | None = None,
    notes: Mapping[str, Check] | None = None,
    metrics: Metrics | None = None,
    limits: Limits | None = None,
) -> AsyncIterator[Server]:
    """A server on a free port of the loopback."""
    server = Server(LOOPBACK, metrics or Metrics("1"), live=live or {}, ready=ready or {}, notes=notes, limits=limits)
    async with server:
        yield server


async def get(server: Server, path: str, **headers: str) -> tuple[int, Mapping[str, str], bytes]:
    """Status, headers and raw body of one GET."""
    async with (
        aiohttp.ClientSession(auto_decompress=False) as session,
        session.get(
            f"http://127.0.0.1:{server.port}{path}", headers={"Accept-Encoding": "identity", **headers}
        ) as answer,
    ):
        return answer.status, answer.headers, await answer.read()


async def raw(server: Server, request: bytes) -> bytes:
    """All that comes back for these bytes, until the server hangs up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    try:
        writer.write(request)
        async with asyncio.timeout(10):
            return await reader.read()
    except ConnectionResetError:
        return b""
    finally:
        writer.close()
        await asyncio.gather(writer.wait_closed(), return_exceptions=True)


async def test_metrics_are_those_of_the_instance() -> None:
    """What was counted a moment ago is in the next scrape."""
    metrics = Metrics("1.2.3")
    async with serving(metrics=metrics) as server:
        metrics.runs.labels(trigger="user", outcome="Succeeded").inc()
        status, headers, body = await get(server, "/metrics")

    assert status == 200
    assert headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert b'shipslog_build_info{version="1.2.3"} 1.0' in body
    assert b'shipslog_runs_total{outcome="Succeeded",trigger="user"} 1.0' in body


async def test_a_scraper_gets_openmetrics_and_gzip_when_it_asks_for_them() -> None:
    """As Prometheus asks."""
    async with serving() as server:
        accept = {"Accept": "application/openmetrics-text;version=1.0.0", "Accept-Encoding": "gzip"}
        _, headers, body = await get(server, "/metrics", **accept)

    assert headers["Content-Type"].startswith("application/openmetrics-text")
    assert headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(body).endswith(b"# EOF\n")


async def test_ready_is_said_check_by_check() -> None:
    """Whoever asks sees what was looked at."""
    async with serving(ready={"home cluster": lambda: "", "spool": lambda: ""}) as server:
        status, headers, body = await get(server, "/readyz")

    assert status == 200
    assert headers["Content-Type"].startswith("application/json")
    assert json.loads(body) == {"status": "ok", "checks": {"home cluster": "ok", "spool": "ok"}}


async def test_what_is_missing_is_named_and_the_rest_is_shown_beside_it() -> None:
    """503, with the check's own words."""
    checks = {"home cluster": lambda: "", "applications": lambda: "not listed yet"}
    async with serving(ready=checks) as server:
        status, _, body = await get(server, "/readyz")

    assert status == 503
    assert json.loads(body) == {
        "status": "unavailable",
        "checks": {"home cluster": "ok", "applications": "not listed yet"},
        "missing": ["applications"],
    }


async def test_readiness_follows_the_world() -> None:
    """A check is asked each time, never remembered."""
    missing = ["not listed yet"]
    async with serving(ready={"applications": lambda: missing[0]}) as server:
        before, _, _ = await get(server, "/readyz")
        missing[0] = ""
        after, _, _ = await get(server, "/readyz")

    assert (before, after) == (503, 200)


async def test_what_is_worth_knowing_is_shown_and_keeps_nobody_away() -> None:
    """PostgreSQL may be away: events wait, and all else goes on."""
    notes = {"database": lambda: "takes no events", "tasks": lambda: ""}
    async with serving(ready={"spool": lambda: ""}, notes=notes) as server:
        status, _, body = await get(server, "/readyz")

    assert status == 200
    assert json.loads(body) == {
        "status": "ok",
        "checks": {"spool": "ok"},
        "notes": {"database": "takes no events", "tasks": "ok"},
    }


async def test_health_and_readiness_are_different_questions() -> None:
    """What is not ready is not restarted."""
    async with serving(live={"loop": lambda: ""}, ready={"spool": lambda: "full"}) as server:
        health, _, _ = await get(server, "/healthz")
        readiness, _, _ = await get(server, "/readyz")

    assert (health, readiness) == (200, 503)


async def test_a_dead_task_is_named_by_the_health_probe() -> None:
    """So that the kubelet restarts us, and the log of the probe says why."""
    async with serving(live={"task watcher": lambda: "it returned"}) as server:
        status, _, body = await get(server, "/healthz")

    assert status == 503
    assert json.loads(body)["missing"] == ["task watcher"]


async def test_a_check_that_breaks_is_missing_and_its_error_stays_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Whoever asks may be anybody: no error text leaves over HTTP."""

    def broken() -> str:
        raise RuntimeError("password=hunter2")

    with caplog.at_level(logging.ERROR, "controller.serve"):
        async with serving(ready={"ledger": broken, "spool": lambda: ""}) as server:
            status, _, body = await get(server, "/readyz")

    assert status == 503
    assert json.loads(body)["missing"] == ["ledger"]
    assert b"hunter2" not in body
    assert b"RuntimeError" in body
    assert [record.message for record in caplog.records] == ["Check failed"]


async def test_a_draining_server_is_alive_and_not_ready() -> None:
    """From the first moment of shutdown on no one is sent here any more."""
    async with serving(ready={"spool": lambda: ""}) as server:
        server.drain()
        readiness, _, body = await get(server, "/readyz")
        health, _, _ = await get(server, "/healthz")

    assert (readiness, health) == (503, 200)
    assert json.loads(body)["missing"] == ["running"]


@pytest.mark.parametrize("path", ["/metrics", "/healthz", "/readyz", "/nothing", "/metrics/../metrics"])
async def test_no_answer_tells_what_we_are_made_of(path: str) -> None:
    """No name or version of a library, in no header."""
    async with serving() as server:
        _, headers, _ = await get(server, path)

    assert headers["Server"] == "shipslog"
    assert "python" not in str(headers).lower()
    assert "aiohttp" not in str(headers).lower()
    assert headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "request_",
    [
        b"GET /metrics HTTP/1.1\r\nbad header\r\n\r\n",
        b"GET /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
        b"GET /" + b"a" * 5_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /metrics HTTP/1.1\r\nHost: x\r\nX-Long: " + b"a" * 5_000 + b"\r\n\r\n",
        b"GET /metrics HTTP/1.1\r\nHost: x\r\n" + b"".join(b"X-%d: 1\r\n" % n for n in range(80)) + b"\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
    ids=["no colon", "two lengths", "long line", "long header", "many headers", "TLS"],
)
async def test_a_bad_request_is_refused_and_tells_nothing(request_: bytes) -> None:
    """400 without a word of ours, of the library's or of the request's, and the connection is closed."""
    async with serving() as server:
        answer = await raw(server, request_)

    assert answer.split(b"\r\n")[0].endswith(b"400 Bad Request")
    assert b"aiohttp" not in answer.lower()
    assert b"python" not in answer.lower()
    assert answer.endswith(b"\r\n\r\n400\n")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
async def test_nothing_can_be_changed_over_http(method: str) -> None:
    """Only GET and HEAD."""
    async with (
        serving() as server,
        aiohttp.ClientSession() as session,
        session.request(method, f"http://127.0.0.1:{server.port}/metrics", data=b"x" * 100_000) as answer,
    ):
        assert answer.status == 405


async def test_a_client_that_sends_its_headers_drop_by_drop_is_hung_up_on() -> None:
    """Idle connections end, one that never finishes its request too."""
    async with serving(limits=Limits(idle=0.2)) as server:
        assert await raw(server, b"GET /metrics HTTP/1.1\r\nHost: x\r\n") == b""


async def test_there_are_never_more_connections_than_allowed() -> None:
    """The one too many is closed unanswered; when one of the others leaves, the next is welcome."""
    async with serving(limits=Limits(connections=2)) as server:
        held = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(2)]
        for reader, writer in held:
            writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            assert await reader.readline() == b"HTTP/1.1 200 OK\r\n"

        refused = await raw(server, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        for _, writer in held:
            writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        for reader, writer in held:
            await reader.read()
            writer.close()
            await writer.wait_closed()
        welcome, _, _ = await get(server, "/healthz")

    assert refused == b""
    assert welcome == 200


async def test_an_answer_that_takes_too_long_is_given_up() -> None:
    """503, and the connection is free again."""

    class Slow(Metrics):
        def render(self, accept: str = "") -> tuple[bytes, str]:
            assert gate.wait(10)
            return super().render(accept)

    gate = threading.Event()
    async with serving(metrics=Slow("1"), limits=Limits(request=0.1)) as server:
        status, _, _ = await get(server, "/metrics")
        gate.set()

    assert status == 503


async def test_a_taken_address_is_said_with_the_remedy() -> None:
    """Terminal: trying again can't help."""
    async with serving() as server:
        second = Server(f"127.0.0.1:{server.port}", Metrics("1"), live={}, ready={})
        with pytest.raises(Terminal, match=rf"can't listen on 127.0.0.1:{server.port}.*SHIPSLOG_LISTEN"):
            await second.start()


async def test_a_stopped_server_is_gone() -> None:
    """The address is free, and stopping twice is no error."""
    async with serving() as server:
        port = server.port
    await server.stop()

    async with Server(f"127.0.0.1:{port}", Metrics("1"), live={}, ready={}) as again:
        assert again.port == port
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)


@pytest.mark.parametrize(
    ("listen", "expected"),
    [
        ("0.0.0.0:8080", ("0.0.0.0", 8080)),  # noqa: S104
        (":8080", ("", 8080)),
        ("[::]:8080", ("::", 8080)),
        ("localhost:0", ("localhost", 0)),
    ],
)
def test_an_address_is_host_and_port(listen: str, expected: tuple[str, int]) -> None:
    """As people write it."""
    assert address(listen) == expected


@pytest.mark.parametrize("listen", ["", "8080", "host", "host:", "host:http", "host:70000", "::1:8080", "host:-1"])
def test_a_wrong_address_is_refused_with_an_example(listen: str) -> None:
    """The message shows what was given and how it should look."""
    with pytest.raises(ValueError, match=r"listen address is .*8080"):
        address(listen)
