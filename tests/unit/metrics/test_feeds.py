"""Families whose feeders can be looked at by themselves: the ledger, the renderer, the watches, the transport."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from controller.errors import Transient
from controller.kube.errors import Forbidden
from controller.metrics import Metrics
from controller.metrics.cluster import VERBS
from controller.metrics.source import RENDER_KINDS, RENDER_RESULTS
from controller.model.event import Draft, Event, EventType
from controller.model.objects import Key, ObjectId
from controller.observe.live import LiveState
from controller.ports import WatchEvent
from controller.reconcile.measured import MeasuredLedger
from controller.record.errors import EventError, SpoolError, SpoolFull
from controller.render.errors import EngineError, RenderError
from controller.render.renderer import Renderer
from controller.render.request import RenderRequest
from tests.unit.kube.scripted import said, scripted
from tests.unit.render.memory import MemoryTree

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from aiohttp import web

    from controller.model.drift import Drift

DRAFT = Draft(type=EventType.AUDIT_STARTED)
SHEET = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    """One sample."""
    return metrics.registry.get_sample_value(name, labels)


class Paper:
    """A ledger that takes everything, or fails in one way."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)

    async def append(self, *drafts: Draft) -> tuple[Event, ...]:
        await asyncio.sleep(0)
        if drafts and self.errors:
            raise self.errors.pop(0)
        return ()

    def open_drifts(self, application: Key, cluster: str) -> tuple[Drift, ...]:
        del application, cluster
        return ()


async def test_an_append_is_timed_when_it_is_durable() -> None:
    """And no failure is counted."""
    metrics = Metrics("1")

    await MeasuredLedger(Paper(), metrics).append(DRAFT)

    assert value(metrics, "shipslog_ledger_append_duration_seconds_count") == 1
    assert value(metrics, "shipslog_ledger_append_failures_total") == 0


async def test_an_append_that_is_not_durable_is_a_failure_and_has_its_reason() -> None:
    """The reason goes when the next append is durable."""
    metrics = Metrics("1")
    ledger = MeasuredLedger(Paper(SpoolError("the spool can't be written")), metrics)

    with pytest.raises(SpoolError):
        await ledger.append(DRAFT)
    failed = ledger.problem
    await ledger.append(DRAFT)

    assert value(metrics, "shipslog_ledger_append_failures_total") == 1
    assert value(metrics, "shipslog_ledger_append_duration_seconds_count") == 1
    assert (failed, ledger.problem) == ("the spool can't be written", "")


async def test_a_full_spool_is_counted_and_leaves_the_reason_to_the_journal() -> None:
    """It may have emptied since: who remembers the last append would not know."""
    metrics = Metrics("1")
    ledger = MeasuredLedger(Paper(SpoolFull("the spool is full")), metrics)

    with pytest.raises(SpoolFull):
        await ledger.append(DRAFT)

    assert value(metrics, "shipslog_ledger_append_failures_total") == 1
    assert ledger.problem == ""


async def test_an_event_that_can_not_be_recorded_as_it_is_is_no_failure_of_the_ledger() -> None:
    """Nobody is called because of it: the disk is sound."""
    metrics = Metrics("1")
    ledger = MeasuredLedger(Paper(EventError("too large")), metrics)

    with pytest.raises(EventError):
        await ledger.append(DRAFT)

    assert value(metrics, "shipslog_ledger_append_failures_total") == 0


class Engines:
    """A pool whose engine always ends in the same way."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error

    async def version(self) -> str:
        return "1"

    async def render(self, *_: object) -> bytes:
        if self.error is not None:
            raise self.error
        answer = {"kind": "plain", "objects": [], "warnings": [], "dependencies": []}
        return msgspec.json.encode(answer | {"nondeterministic": False, "capabilities": False})


@pytest.mark.parametrize(
    ("file", "kind"),
    [
        ("a.yaml", "plain"),
        ("kustomization.yaml", "kustomize"),
        ("kustomization.yml", "kustomize"),
        ("Kustomization", "kustomize"),
        ("Chart.yaml", "helm"),
    ],
)
@pytest.mark.parametrize(
    ("error", "result"),
    [(None, "success"), (RenderError("wrong"), "invalid"), (EngineError("no engine"), "failed")],
    ids=["success", "invalid", "failed"],
)
async def test_every_rendering_is_counted_by_kind_and_result(
    file: str, kind: str, error: Exception | None, result: str
) -> None:
    """The kind is known of what can't be rendered, too."""
    metrics = Metrics("1")
    renderer = Renderer(Engines(error), on_render=metrics.rendered)  # type: ignore[arg-type]

    with suppress(RenderError, EngineError):
        await renderer.render(MemoryTree({f"app/{file}": SHEET}), RenderRequest(root="app"))

    counted = {
        (a, b): value(metrics, "shipslog_renders_total", kind=a, result=b) for a in RENDER_KINDS for b in RENDER_RESULTS
    }
    assert counted == {pair: float(pair == (kind, result)) for pair in counted}


async def test_what_the_cache_knows_is_no_rendering() -> None:
    """Only what the engine was asked for is counted."""
    metrics = Metrics("1")
    renderer = Renderer(Engines(), on_render=metrics.rendered)  # type: ignore[arg-type]
    tree = MemoryTree({"app/a.yaml": SHEET})

    for _ in range(3):
        await renderer.render(tree, RenderRequest(root="app"))

    assert value(metrics, "shipslog_renders_total", kind="plain", result="success") == 1
    assert (renderer.hits, renderer.misses) == (2, 1)


class Told:
    """A cluster whose watches tell what stands in the script, one list of events after another."""

    name = "told"

    def __init__(self, *watches: Sequence[WatchEvent | Exception]) -> None:
        self.watches = list(watches)
        self.all_told = asyncio.Event()

    async def watch(self, *_: object, **__: object) -> AsyncIterator[WatchEvent]:
        for event in self.watches.pop(0):
            if isinstance(event, Exception):
                raise event
            yield event
        self.all_told.set()
        await asyncio.Event().wait()


def config(name: str) -> WatchEvent:
    """A ConfigMap that came."""
    metadata = {"name": name, "namespace": "here", "uid": name, "resourceVersion": "1"}
    return WatchEvent("added", {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})


async def watched(cluster: Told) -> tuple[LiveState, list[None]]:
    """Watch ConfigMaps until all is told; the live state, and an entry for each time the watch began anew."""
    restarts: list[None] = []
    live = LiveState(
        cluster,  # type: ignore[arg-type]
        ownership=lambda _: "",
        on_move=lambda _owner, _trigger: None,
        on_restart=lambda: restarts.append(None),
    )
    live.want([("v1", "ConfigMap")])
    task = asyncio.create_task(live.run(), name="live")
    async with asyncio.timeout(5):
        await cluster.all_told.wait()
    task.cancel()
    await asyncio.wait([task])
    return live, restarts


async def test_a_watch_that_holds_began_only_once() -> None:
    """The first listing is no restart."""
    _, restarts = await watched(Told([config("a"), WatchEvent("synced")]))

    assert restarts == []


async def test_a_watch_that_lists_anew_is_counted() -> None:
    """And what the new listing does not name is gone."""
    script = [
        config("a"),
        config("b"),
        WatchEvent("synced"),
        WatchEvent("restarted"),
        config("b"),
        WatchEvent("synced"),
    ]

    live, restarts = await watched(Told(script))

    assert len(restarts) == 1
    assert live.view(ObjectId("", "ConfigMap", "here", "a")) is None
    assert live.view(ObjectId("", "ConfigMap", "here", "b")) is not None


async def test_a_watch_that_was_refused_and_begins_anew_forgets_what_went_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It was blind for a while: only its new listing says what stands."""
    monkeypatch.setattr("controller.observe.watches.RETRY", 0.001)
    cluster = Told(
        [config("a"), config("b"), WatchEvent("synced"), Transient("forbidden")],
        [config("b"), WatchEvent("synced")],
    )

    live, restarts = await watched(cluster)

    assert len(restarts) == 1
    assert live.view(ObjectId("", "ConfigMap", "here", "a")) is None
    assert live.view(ObjectId("", "ConfigMap", "here", "b")) is not None


async def test_requests_under_way_are_counted_and_watches_are_not() -> None:
    """Up to what is under way at once, and down to none."""
    seen: list[int] = []
    both = asyncio.Event()

    async def slow(request: web.Request) -> web.StreamResponse:
        if seen[-1] == 2:
            both.set()
        await both.wait()
        return await said({"gitVersion": "v1.36.0"})(request)

    async with scripted(on_flight=seen.append) as (script, cluster):
        script.answers["/version"] = slow
        await asyncio.gather(cluster.version(), cluster.version())
        assert seen == [1, 2, 1, 0]

        seen.clear()
        await cluster.resource("v1", "ConfigMap")
        before = list(seen)
        async with asyncio.timeout(5), aclosing(cluster.watch("v1", "ConfigMap")) as events:
            script.answers["/api/v1/configmaps"] = said({"kind": "Status", "code": 403, "status": "Failure"}, 403)
            with pytest.raises(Forbidden):
                await anext(events)
        assert seen == before


async def test_every_verb_that_is_counted_exists_at_zero_before() -> None:
    """The names are the transport's own."""
    verbs: set[str] = set()

    def count(verb: str, _status: int, _seconds: float) -> None:
        verbs.add(verb)

    async with scripted(on_request=count) as (script, cluster):
        body: dict[str, Any] = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "b"}}
        path = "/api/v1/namespaces/b/configmaps/a"
        script.answers["/version"] = said({"gitVersion": "v1.36.0"})
        script.answers[path] = said(body)
        script.answers["/api/v1/namespaces/b/configmaps"] = said(body)
        script.answers["/api/v1/configmaps"] = said({"items": [], "metadata": {"resourceVersion": "1"}})
        one = ObjectId("", "ConfigMap", "b", "a")
        await cluster.version()
        await cluster.get(one, "v1")
        await cluster.list("v1", "ConfigMap")
        await cluster.apply(body)
        await cluster.apply(body, dry_run=True)
        await cluster.create(body)
        await cluster.merge(one, "v1", {})
        await cluster.delete(one, "v1")

    assert verbs | {"watch"} == set(VERBS)
