"""Clusters that can't be used: recorded once, told by their reason, and Applications that nobody can see."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from controller.errors import Terminal, Unreachable
from controller.kube.errors import ServerError, TimedOut, Unauthorized
from controller.model.event import EventType
from controller.model.run import Trigger
from controller.reconcile import bulletin
from controller.reconcile.fault import InternalError
from controller.reconcile.kubeconfigs import KubeconfigRefused, SecretUnusable
from controller.reconcile.outage import Outage, outage_of
from controller.reconcile.outages import Outages
from controller.record.errors import SpoolFull
from controller.tasks import DeadlineExceeded
from tests.unit.reconcile.harbour import Harbour, config

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from controller.errors import ShipslogError
    from controller.model.base import Json

AWAY = Outage("Unreachable", "nobody answers")
BARRED = Outage("Unauthorized", "the token is not accepted")


@asynccontextmanager
async def recorded(harbour: Harbour) -> AsyncIterator[Outages]:
    """Outages at work."""
    outages = Outages(harbour.rooms.announcer, harbour.registry, harbour.ledger)
    task = asyncio.create_task(outages.run(), name="outages")
    try:
        yield outages
    finally:
        task.cancel()
        await asyncio.wait([task])


def cluster(harbour: Harbour, *, reason: str = "") -> None:
    """The Cluster `far`, of which an earlier process said this last."""
    ready = {"type": "Ready", "status": "False", "reason": reason, "message": "", "lastTransitionTime": ""}
    harbour.registry._take(
        "Cluster",
        {
            "metadata": {"name": "far", "uid": "far-uid", "generation": 1},
            "spec": {"kubeconfigSecretRef": {"name": "far", "namespace": "ops"}},
            "status": {"conditions": [ready]} if reason else {},
        },
    )


async def _until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not true():  # noqa: ASYNC110 - what is written into lists tells nobody
            await asyncio.sleep(0.01)


async def test_a_lost_cluster_leaves_its_trace_once_for_each_reason() -> None:
    """Failing, failing for another reason, and back: three records and three Events, however often it is probed."""
    harbour = Harbour(config())
    cluster(harbour)
    emitted: list[Json] = []

    async def create(body: Json, **_: Any) -> Json:
        emitted.append(body)
        return body

    harbour.waters.create = create  # type: ignore[method-assign]
    async with recorded(harbour) as outages:
        for outage in (None, AWAY, AWAY, BARRED, None, None):
            outages.state("far", outage)
        await _until(lambda: len(emitted) == 3)

    drafts = harbour.ledger.drafts
    assert [(draft.type, draft.detail["cause"], draft.detail["before"]) for draft in drafts] == [
        (EventType.CLUSTER_FAILED, "Unreachable", ""),
        (EventType.CLUSTER_FAILED, "Unauthorized", "Unreachable"),
        (EventType.CLUSTER_RECOVERED, "", "Unauthorized"),
    ]
    assert {(draft.target.cluster, draft.target.object) for draft in drafts} == {("far", "Cluster far")}
    assert [(body["type"], body["reason"]) for body in emitted] == [
        ("Warning", "Unreachable"),
        ("Warning", "Unauthorized"),
        ("Normal", "Recovered"),
    ]
    about = emitted[0]["involvedObject"]
    assert (about["kind"], about["name"], about["uid"], "namespace" in about) == ("Cluster", "far", "far-uid", False)
    assert emitted[0]["metadata"]["namespace"] == "default"


async def test_an_outage_that_an_earlier_process_recorded_is_no_news() -> None:
    """Its end is."""
    harbour = Harbour(config())
    cluster(harbour, reason="Unreachable")
    async with recorded(harbour) as outages:
        outages.state("far", AWAY)
        outages.state("elsewhere", AWAY)
        outages.state("far", None)
        await _until(lambda: bool(harbour.ledger.drafts))

    assert [draft.type for draft in harbour.ledger.drafts] == [EventType.CLUSTER_RECOVERED]


async def test_an_outage_that_cant_be_recorded_yet_is_recorded_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """In its order: an end never stands before its beginning."""
    monkeypatch.setattr(bulletin, "AGAIN", 0.05)
    harbour = Harbour(config())
    cluster(harbour)
    tries = 0

    def refuse(_: object) -> ShipslogError | None:
        nonlocal tries
        tries += 1
        return SpoolFull("no room") if tries == 1 else None

    harbour.ledger.refuse = refuse
    async with recorded(harbour) as outages:
        outages.state("far", AWAY)
        outages.state("far", None)
        await _until(lambda: len(harbour.ledger.drafts) == 2)

    assert [draft.type for draft in harbour.ledger.drafts] == [EventType.CLUSTER_FAILED, EventType.CLUSTER_RECOVERED]


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (Unreachable("refused"), "Unreachable"),
        (TimedOut("silence"), "Unreachable"),
        (DeadlineExceeded("asking took longer than 5 s"), "Unreachable"),
        (Unauthorized("401"), "Unauthorized"),
        (ServerError("500"), "ServerError"),
        (SecretUnusable("Secret ops/far does not exist"), "SecretUnusable"),
        (KubeconfigRefused("the kubeconfig is not YAML"), "KubeconfigRefused"),
        (InternalError(KeyError("x"), "cluster far"), "InternalError"),
        (Terminal("no"), "Rejected"),
    ],
)
def test_a_cluster_says_why_it_cant_be_used(error: ShipslogError, reason: str) -> None:
    """By one word; only silence is called silence."""
    outage = outage_of(error)

    assert outage.reason == reason
    assert outage.sentence.startswith("does not answer: " if reason == "Unreachable" else "can't be used: ")


async def test_nobody_is_called_healthy_whom_nobody_can_see() -> None:
    """While its cluster is away the health of an Application is unknown; what it was when last seen is said."""
    harbour = Harbour(config())
    await harbour.look()
    seen = harbour.condition("Healthy")

    harbour.rooms.fleet.only.outage = BARRED  # type: ignore[attr-defined]
    for _ in range(2):
        await harbour.look(Trigger.HEALTH)
    unseen = harbour.condition("Healthy")
    harbour.rooms.fleet.only.outage = None  # type: ignore[attr-defined]
    await harbour.look(Trigger.HEALTH)

    assert (unseen["status"], unseen["reason"]) == ("Unknown", "Unknown")
    assert "can't be used: the token is not accepted" in unseen["message"]
    assert unseen["message"].endswith(f"when last seen: {seen['reason']}, {seen['message']}")
    assert "does not answer" not in harbour.condition("Synced")["message"]
    assert harbour.condition("Healthy")["reason"] == seen["reason"]
    assert [draft.detail["after"] for draft in harbour.ledger.of(EventType.HEALTH_CHANGED)][-2:] == [
        "Unknown",
        seen["reason"],
    ]
