"""Replacing an object: foreseen by a dry run of the new one, then deleted, waited for, and created anew."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from controller import faults
from controller.apply.order import FOUNDATIONS
from controller.apply.prune import delete_as_seen
from controller.errors import Terminal, Transient, Unchangeable
from controller.model.base import Json
from controller.model.labels import OWNER_LABEL
from controller.model.live import Foreseen
from controller.model.objects import GroupKind
from controller.model.options import untouched
from controller.model.plan import Step, going_of

if TYPE_CHECKING:
    from controller.model.manifest import Manifest
    from controller.ports import Cluster

REPLACE_TIMEOUT = 60.0
"""Seconds that a deleted object may take to go before its replacement is put off."""
_SERVICE = GroupKind("", "Service")
_ADDRESSES = ("clusterIP", "clusterIPs", "healthCheckNodePort")
"""What no two Services can have."""


async def replacement(cluster: Cluster, manifest: Manifest, live: Json, refused: Unchangeable) -> Foreseen:
    """What the new object would be, dry-run under another name: the old one still has its own.

    Raises Terminal for a Namespace or a definition, which would take everything in them along, and what the server
    says against the new object: then the old one is not touched.
    """
    if manifest.id.group_kind in FOUNDATIONS:
        raise Terminal(
            f"{refused.message}: it is never replaced, for all that is in it would go, too",
            remedy="change the fields back in Git",
        )
    try:
        predicted = await cluster.create(_trial(manifest, live), dry_run=True)
    except Terminal as error:
        raise Terminal(
            f"{refused.message}; and the new one, tried beside it, is refused: {error.message}",
            remedy="correct it in Git, or delete the object by hand: it is created anew then",
            underlying=[error.cause],
        ) from error
    predicted["metadata"]["name"] = manifest.id.name
    _restore(predicted, manifest.body)
    return Foreseen(live, predicted, replaces=refused.fields or ("(unnamed)",))


def _trial(manifest: Manifest, live: Json) -> Json:
    """The new object under another name, without the addresses that the old one has until it goes."""
    name = f"{manifest.id.name[:50].rstrip('.-')}-replacement"
    trial = manifest.body | {"metadata": manifest.body["metadata"] | {"name": name}}
    if manifest.id.group_kind != _SERVICE or not isinstance(trial.get("spec"), dict):
        return trial
    has = live.get("spec") or {}
    spec = {key: value for key, value in trial["spec"].items() if key not in _ADDRESSES or value != has.get(key)}
    taken = {port.get("nodePort") for port in has.get("ports") or ()}
    spec["ports"] = [
        {key: value for key, value in port.items() if key != "nodePort" or value not in taken}
        for port in spec.get("ports") or ()
    ]
    return trial | {"spec": spec}


def _restore(predicted: Json, wish: Json) -> None:
    """Let the new Service be foreseen with the addresses that it was tried without."""
    if GroupKind("", predicted.get("kind", "")) != _SERVICE or "/" in predicted.get("apiVersion", ""):
        return
    spec, wanted = predicted.get("spec") or {}, wish.get("spec") or {}
    spec |= {key: wanted[key] for key in _ADDRESSES if key in wanted}
    for port, asked in zip(spec.get("ports") or (), wanted.get("ports") or (), strict=False):
        port.update({"nodePort": asked["nodePort"]} if "nodePort" in asked else {})


async def replace(cluster: Cluster, step: Step, owner: str, propagation: str) -> Json:
    """Delete the live object, wait until it is gone, and apply the new one.

    Raises Transient that names the finalizers when it does not go in time, and without a deletion when the object is
    not what was planned for: the next sync goes on from there.
    """
    assert step.manifest is not None  # noqa: S101 - a replacement has its wish
    await delete_as_seen(cluster, step, propagation, lambda live: _another(live, step, owner))
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
    faults.reach("after-old-deleted")
    return await cluster.apply(step.manifest.body)


def _another(live: Json, step: Step, owner: str) -> str:
    if live["metadata"]["uid"] != step.uid:
        return "another object has its name by now"
    if (live["metadata"].get("labels") or {}).get(OWNER_LABEL, owner) != owner:
        return "another Application has it by now"
    return untouched(live)
