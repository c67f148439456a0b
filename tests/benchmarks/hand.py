"""A hand that edits what is ours: a merge patch under the name of `kubectl edit`, and what the ledger says of it."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from typing import TYPE_CHECKING

import msgspec

from controller.kube.payload import encode
from controller.kube.request import Request, namespace_of, path_of, target

if TYPE_CHECKING:
    from controller.kube.cluster import ApiCluster
    from controller.model.base import Json
    from controller.model.objects import ObjectId
    from tests.ground.ledger import LedgerDatabase

MANAGER = "kubectl-edit"
RECORDED = 60.0
"""Seconds until the ledger must have both ends of every episode."""


class Edit(msgspec.Struct, frozen=True):
    """One edit: moments on the monotonic clock, and the version that the object had with it."""

    sent: float
    answered: float
    version: int


class Record(msgspec.Struct, frozen=True):
    """What became of an event: when the controller saw it, and when it stood in the ledger; seconds since the epoch."""

    object: str
    occurred: float
    recorded: float


async def edit(client: ApiCluster, object_id: ObjectId, api_version: str, patch: Json) -> Edit:
    """Change an object as somebody else."""
    resource = await client.resource(api_version, object_id.kind)
    assert resource is not None
    path = path_of(resource, namespace_of(resource, object_id), object_id.name)
    request = Request(
        verb="edit",
        method="PATCH",
        target=target(path, {"fieldManager": MANAGER}),
        about=str(object_id),
        body=encode(patch, str(object_id)),
        content_type="application/merge-patch+json",
    )
    sent = time.monotonic()
    answer = await client._transport.json(request)
    return Edit(sent, time.monotonic(), int(answer["metadata"]["resourceVersion"]))


def is_healed(body: Json, edited: Edit, wanted: str = "0") -> bool:
    """Whether a ConfigMap has Git's value, in a version after the edit."""
    return int(body["metadata"]["resourceVersion"]) > edited.version and body["data"]["version"] == wanted


async def episodes(ledger: LedgerDatabase, edits: int, *, after: int = 0) -> dict[str, list[Record]]:
    """What the ledger has of so many edits, by object and in order, once every episode has ended.

    `after`: so many episodes were there before.

    Raises AssertionError where it has more or fewer of them, TimeoutError where they don't end.
    """
    async with asyncio.timeout(RECORDED):
        while True:
            healed = await asyncio.to_thread(records, ledger, "drift.healed")
            if len(healed) >= after + edits:
                break
            await asyncio.sleep(0.2)
    detected = await asyncio.to_thread(records, ledger, "drift.detected")
    found = len(detected) - after, len(healed) - after
    assert found == (edits, edits), f"{found[0]} detected, {found[1]} healed of {edits} edits"
    by_object: dict[str, list[Record]] = defaultdict(list)
    for record in detected[after:]:
        by_object[record.object].append(record)
    return by_object


def records(ledger: LedgerDatabase, type_: str) -> list[Record]:
    """Every event of a type, in the order in which they happened."""
    rows = ledger.server.execute(
        "SELECT object, extract(epoch FROM occurred_at), extract(epoch FROM recorded_at), type FROM audit.event"
        " ORDER BY occurred_at, seq",
        ledger.name,
    )
    split = [row.split("|") for row in rows.splitlines() if row.endswith(f"|{type_}")]
    return [Record(object_, float(occurred), float(recorded)) for object_, occurred, recorded, _ in split]
