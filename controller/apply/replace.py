"""Replacing an object: foreseen by a dry run of the new one, then deleted, waited for, and created anew."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from controller.apply.order import FOUNDATIONS
from controller.errors import Terminal, Transient, Unchangeable
from controller.model.base import Json
from controller.model.live import Foreseen
from controller.model.plan import Step, going_of

if TYPE_CHECKING:
    from controller.model.manifest import Manifest
    from controller.ports import Cluster

REPLACE_TIMEOUT = 60.0
"""Seconds that a deleted object may take to go before its replacement is put off."""


async def replacement(cluster: Cluster, manifest: Manifest, refused: Unchangeable) -> Foreseen:
    """What the new object would be, dry-run under another name: the old one still has its own.

    Raises Terminal for a Namespace or a definition, which would take everything in them along, and what the server
    says against the new object: then the old one is not touched.
    """
    if manifest.id.group_kind in FOUNDATIONS:
        raise Terminal(
            f"{refused.message}: it is never replaced, for all that is in it would go, too",
            remedy="change the fields back in Git",
        )
    trial = manifest.body | {"metadata": manifest.body["metadata"] | {"name": f"{manifest.id.name[:50]}-replacement"}}
    predicted = await cluster.create(trial, dry_run=True)
    predicted["metadata"]["name"] = manifest.id.name
    live = await cluster.get(manifest.id, manifest.api_version)
    return Foreseen(live, predicted, replaces=refused.fields or ("(unnamed)",))


async def replace(cluster: Cluster, step: Step, propagation: str) -> Json:
    """Delete the live object, wait until it is gone, and apply the new one.

    Raises Transient that names the finalizers when it does not go in time: the next sync goes on from there.
    """
    assert step.manifest is not None  # noqa: S101 - a replacement has its wish
    await cluster.delete(step.id, step.api_version, uid=step.uid, propagation=propagation)
    deadline, pause = time.monotonic() + REPLACE_TIMEOUT, 0.02
    while (live := await cluster.get(step.id, step.api_version)) is not None and live["metadata"]["uid"] == step.uid:
        if time.monotonic() > deadline:
            why = going_of(live) or "it stays"
            raise Transient(
                f"{step.id} is to be replaced, but is not gone after {REPLACE_TIMEOUT:.0f} s: {why}",
                remedy="have the finalizers' owner let it go; the new one is created then",
            )
        await asyncio.sleep(pause)
        pause = min(pause * 2, 1.0)
    return await cluster.apply(step.manifest.body)
