"""Deleting one object: looked at again right before, so that what changed hands meanwhile stays."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from controller.errors import Transient, Unreachable
from controller.model.base import Json
from controller.model.labels import OWNER_LABEL
from controller.model.options import kept
from controller.model.plan import Step

if TYPE_CHECKING:
    from controller.ports import Cluster

TRIES = 5
"""An object that others write all the time changes between our look and our deletion: looked at again so often."""


async def prune(cluster: Cluster, step: Step, owner: str, propagation: str) -> bool:
    """Delete the object if it is still the one that was planned for, and still ours; gives whether it is gone by now.

    Raises Transient, without a deletion, when it is not what it was: the next look decides anew.
    """
    if not await delete_as_seen(cluster, step, propagation, lambda live: _another(live, step, owner)):
        # Finalizers, or what it owns, may hold it.
        left = await cluster.get(step.id, step.api_version)
        return left is None or left["metadata"]["uid"] != step.uid
    return True


async def delete_as_seen(cluster: Cluster, step: Step, propagation: str, refuse: Callable[[Json], str]) -> bool:
    """Look at the object, and delete the version that was looked at, so nothing comes in between.

    Gives whether it was gone already. Raises Transient, without a deletion, with what `refuse` says against it. One
    that is being deleted is left to that.
    """
    for last in (*[False] * (TRIES - 1), True):
        live = await cluster.get(step.id, step.api_version)
        if live is None:
            return True
        if live["metadata"].get("deletionTimestamp"):
            return False
        if why := refuse(live):
            raise Transient(f"{step.id} was not deleted: {why}")
        version = live["metadata"]["resourceVersion"]
        try:
            await cluster.delete(
                step.id, step.api_version, uid=step.uid, resource_version=version, propagation=propagation
            )
        except Transient as error:
            if last or isinstance(error, Unreachable):
                raise
        else:
            return False
    raise AssertionError  # not reached: the last try returns or raises


def _another(live: Json, step: Step, owner: str) -> str:
    if live["metadata"]["uid"] != step.uid:
        return "another object has its name by now"
    if (live["metadata"].get("labels") or {}).get(OWNER_LABEL) != owner:
        return "it no longer carries our owner label"
    return kept(live)
