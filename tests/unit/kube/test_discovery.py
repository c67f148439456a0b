"""Discovery: how often a server is asked, and servers of other ages."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from controller.kube import discovery
from controller.kube.errors import ServerError
from controller.model.objects import GroupKind, ObjectId
from tests.unit.kube.scripted import CONFIG_MAPS, aggregated, in_turn, said, scripted

if TYPE_CHECKING:
    import pytest
    from aiohttp import web

ONE = ObjectId("", "ConfigMap", "here", "one")


async def test_those_who_ask_together_share_one_reading() -> None:
    """A hundred unknown kinds at once are two requests, as one is."""
    async with scripted() as (script, cluster):
        answers = await asyncio.gather(*(cluster.resource("v1", f"Ghost{n}") for n in range(100)))

    assert answers == [None] * 100
    assert [path for _, path in script.asked] == ["/api", "/apis"]


async def test_a_flood_of_unknown_kinds_does_not_become_a_flood_of_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many ask, readings begin no closer together than the pause."""
    monkeypatch.setattr(discovery, "PAUSE", 0.2)
    started = time.monotonic()
    async with scripted() as (script, cluster):
        for n in range(4):
            assert await cluster.resource("v1", f"Ghost{n}") is None

    assert len(script.paths("/apis")) == 4
    assert time.monotonic() - started >= 0.6


async def test_a_known_kind_costs_no_request() -> None:
    """It is read once."""
    async with scripted() as (script, cluster):
        for _ in range(50):
            assert await cluster.resource("v1", "ConfigMap") is not None

    assert len(script.asked) == 2


async def test_a_kind_that_appears_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A question that comes after a reading began is answered by another one."""
    monkeypatch.setattr(discovery, "PAUSE", 0.0)
    async with scripted() as (script, cluster):
        script.answers["/api"] = in_turn(aggregated(), aggregated("", "v1", [CONFIG_MAPS]))
        assert await cluster.resource("v1", "ConfigMap") is None

        assert await cluster.resource("v1", "ConfigMap") is not None


async def test_a_failed_reading_is_told_to_all_who_waited_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for another one after it, and the next question asks again."""
    monkeypatch.setattr(discovery, "PAUSE", 0.0)
    async with scripted() as (script, cluster):
        script.answers["/api"] = in_turn(said("", 500), aggregated("", "v1", [CONFIG_MAPS]))
        failures = await asyncio.gather(*(cluster.resource("v1", "A") for _ in range(20)), return_exceptions=True)

        assert {type(failure) for failure in failures} == {ServerError}
        assert len(script.paths("/api")) == 1
        assert await cluster.resource("v1", "ConfigMap") is not None


async def test_a_cancelled_question_leaves_the_others_their_answer() -> None:
    """Whoever was reading is cancelled: the next one reads."""
    arrived = asyncio.Event()

    async def never(request: web.Request) -> web.StreamResponse:
        arrived.set()
        await asyncio.Event().wait()
        return await said({})(request)

    async with scripted() as (script, cluster):
        script.answers["/api"] = in_turn(never, aggregated("", "v1", [CONFIG_MAPS]))
        first = asyncio.create_task(cluster.resource("v1", "ConfigMap"))
        second = asyncio.create_task(cluster.resource("v1", "ConfigMap"))
        await arrived.wait()
        first.cancel()

        assert await second is not None
        assert first.cancelled()


async def test_an_old_server_is_asked_group_by_group() -> None:
    """Before aggregated discovery: preferred versions first, subresources left out, a failing group skipped."""
    scalers = {"name": "horizontalpodautoscalers", "kind": "HorizontalPodAutoscaler", "namespaced": True}
    watched = {"verbs": ["list", "watch"]}
    async with scripted() as (script, cluster):
        script.answers |= {
            "/api": said({"kind": "APIVersions", "versions": ["v1"]}),
            "/api/v1": said(
                {
                    "resources": [
                        {"name": "configmaps", "kind": "ConfigMap", "namespaced": True, **watched},
                        {"name": "pods/status", "kind": "Pod", "namespaced": True, "verbs": ["get"]},
                    ]
                }
            ),
            "/apis": said(
                {
                    "kind": "APIGroupList",
                    "groups": [
                        {
                            "versions": [{"groupVersion": "autoscaling/v1"}, {"groupVersion": "autoscaling/v2"}],
                            "preferredVersion": {"groupVersion": "autoscaling/v2"},
                        },
                        {"versions": [{"groupVersion": "broken.example/v1"}]},
                    ],
                }
            ),
            "/apis/autoscaling/v1": said({"resources": [scalers | watched]}),
            "/apis/autoscaling/v2": said({"resources": [scalers | watched]}),
            "/apis/broken.example/v1": said("", 503),
        }

        kinds = [(resource.api_version, resource.kind) for resource in await cluster.resources()]
        assert kinds == [("v1", "ConfigMap"), ("autoscaling/v2", "HorizontalPodAutoscaler")]
        assert await cluster.resource("autoscaling/v1", "HorizontalPodAutoscaler") is not None
        assert await cluster.resource("v1", "Pod") is None


async def test_a_kind_that_went_is_forgotten() -> None:
    """404 of the whole path: the kind is asked for again before the next request."""
    async with scripted() as (script, cluster):
        assert await cluster.get(ONE, "v1") is None
        assert await cluster.get(ONE, "v1") is None

    assert len(script.paths("/api")) == 2


async def test_forgetting_one_kind_keeps_the_others() -> None:
    """Only what changed is read again."""
    secrets = CONFIG_MAPS | {"resource": "secrets", "responseKind": {"group": "", "version": "v1", "kind": "Secret"}}
    async with scripted() as (script, cluster):
        script.answers["/api"] = aggregated("", "v1", [CONFIG_MAPS, secrets])
        await cluster.resource("v1", "ConfigMap")
        cluster.forget(GroupKind("", "Secret"))

        assert await cluster.resource("v1", "ConfigMap") is not None
        assert len(script.paths("/api")) == 1
        cluster.forget()
        assert await cluster.resource("v1", "ConfigMap") is not None
        assert len(script.paths("/api")) == 2
